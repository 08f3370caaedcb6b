/* Conditions and bounds of loops as C.
 *
 * A condition p >= 0 is written as a comparison of two sides without negative terms, so that it is right in size_t where no part
 * needs a sign. A check is the opposite: what ends the call. A number that was looked up at run time may be anything its type
 * holds, so it stands alone on its side where it can: nothing is added to it that could overflow. */
#include "c_address.h"

#include <inttypes.h>
#include <string.h>

/* Terms of one sign; when all others are none but a number, the number. */
static size_t select_terms(const struct sum *sum, bool positive, struct term *terms)
{
    size_t count = 0;
    for (size_t k = 0; k < sum->count; k++)
        if ((sum->terms[k].coefficient > 0) == positive) {
            terms[count] = sum->terms[k];
            terms[count++].coefficient *= positive ? 1 : -1;
        }
    return count;
}

/* p >= 0, or p < 0 for a violation. */
static bool put_comparison(struct c_kernel *kernel, struct text *text, const struct poly *poly, bool violation)
{
    struct writer w = c_writer_for(kernel, text, c_needs_sign(kernel, poly) ? MODE_SIGNED : MODE_SIZE);
    struct sum sum = c_sum_from_poly(&w, poly);
    c_fold_remainders(&w, &sum);
    struct term *plus = ARENA_ARRAY(w.arena, sum.count, struct term), *minus = ARENA_ARRAY(w.arena, sum.count, struct term);
    if (!plus || !minus)
        return false;
    size_t n_plus = select_terms(&sum, true, plus), n_minus = select_terms(&sum, false, minus);
    if (n_minus == 0 && w.mode == MODE_SIZE)
        return false;
    bool bound = n_plus == 0 || (n_plus == 1 && plus[0].n_factors == 0); /* 2 * h + r < 17 */
    if (bound) {
        c_put_terms(&w, minus, n_minus, C_ADD);
        text_printf(text, " %s %" PRId64, violation ? ">=" : "<", (n_plus ? plus[0].coefficient : 0) + 1);
        return true;
    }
    bool limit = n_minus > 0;
    for (size_t k = 0; k < n_plus; k++)
        limit &= plus[k].n_factors == c_count_dims(&plus[k]);
    for (size_t k = 0; k < n_minus && limit && violation && n_minus > 1; k++) {
        if (minus[k].n_factors || minus[k].coefficient != 1)
            continue;
        minus[k] = minus[--n_minus]; /* 2 * h + r + 1 > H */
        c_put_terms(&w, minus, n_minus, C_ADD);
        text_put(text, " >= ");
        c_put_terms(&w, plus, n_plus, C_ADD);
        return true;
    }
    if (limit) { /* 2 * h + r <= H */
        c_put_terms(&w, minus, n_minus, C_ADD);
        text_put(text, violation ? " > " : " <= ");
        c_put_terms(&w, plus, n_plus, C_ADD);
        return true;
    }
    c_put_terms(&w, plus, n_plus, C_ADD);
    text_put(text, violation ? " < " : " >= ");
    if (n_minus)
        c_put_terms(&w, minus, n_minus, C_ADD);
    else
        text_put(text, "0");
    return true;
}

/* The term that is the only lookup, alone, with coefficient 1 or -1; count: there is none such. */
static size_t lone_lookup(const struct sum *sum)
{
    size_t deep = 0, at = sum->count;
    for (size_t k = 0; k < sum->count; k++) {
        const struct term *term = &sum->terms[k];
        for (uint32_t f = 0; f < term->n_factors; f++)
            deep += term->factors[f].kind == FACTOR_TABLE;
        if (term->n_factors == 1 && term->factors[0].kind == FACTOR_TABLE && (term->coefficient == 1 || term->coefficient == -1))
            at = k;
    }
    return deep == 1 && sum->divisor == 1 ? at : sum->count;
}

/* The only lookup alone on its side: nothing is added to it that could overflow. False: it does not stand so. */
static bool put_lookup(struct c_kernel *kernel, struct text *text, const struct poly *poly, bool violation)
{
    struct writer w = c_writer_for(kernel, text, MODE_SIGNED);
    struct sum sum = c_sum_from_poly(&w, poly);
    c_fold_remainders(&w, &sum);
    size_t at = lone_lookup(&sum), count = 0;
    struct term *others = ARENA_ARRAY(w.arena, sum.count, struct term);
    if (at == sum.count || !others)
        return false;
    int sign = sum.terms[at].coefficient < 0 ? 1 : -1; /* of the others, once they stand on the other side */
    bool below = false;                                /* lookup <= n - 1 is lookup < n */
    for (size_t k = 0; k < sum.count; k++) {
        if (k == at)
            continue;
        if (sign == 1 && sum.terms[k].n_factors == 0 && sum.terms[k].coefficient == -1) {
            below = true;
            continue;
        }
        others[count] = sum.terms[k];
        others[count++].coefficient *= sign;
    }
    struct term lookup = sum.terms[at];
    lookup.coefficient = 1;
    c_put_term(&w, &lookup, C_ADD);
    if (sign < 0)
        text_put(text, violation ? " < " : " >= ");
    else if (below)
        text_put(text, violation ? " >= " : " < ");
    else
        text_put(text, violation ? " > " : " <= ");
    if (count)
        c_put_terms(&w, others, count, C_ADD);
    else
        text_put(text, "0");
    return true;
}

bool c_put_sides(struct c_kernel *kernel, struct text *text, const struct poly *difference, const char *operator)
{
    struct writer w = c_writer_for(kernel, text, c_needs_sign(kernel, difference) ? MODE_SIGNED : MODE_SIZE);
    struct sum sum = c_sum_from_poly(&w, difference);
    c_fold_remainders(&w, &sum);
    struct term *plus = ARENA_ARRAY(w.arena, sum.count, struct term), *minus = ARENA_ARRAY(w.arena, sum.count, struct term);
    if (!plus || !minus || sum.divisor != 1)
        return false;
    size_t n_plus = select_terms(&sum, true, plus), n_minus = select_terms(&sum, false, minus);
    bool equality = strcmp(operator, "==") == 0 || strcmp(operator, "!=") == 0;
    if (equality && (n_plus == 0 || (n_plus == 1 && plus[0].n_factors == 0))) { /* a number alone stands on the right */
        struct term *left = minus;
        size_t n_left = n_minus;
        minus = plus, n_minus = n_plus;
        plus = left, n_plus = n_left;
    }
    if (n_plus == 0 || (n_minus == 0 && w.mode == MODE_SIZE && !equality))
        return false; /* what compilers warn of: a size is never below 0 */
    c_put_terms(&w, plus, n_plus, C_ADD);
    text_printf(text, " %s ", operator);
    if (n_minus)
        c_put_terms(&w, minus, n_minus, C_ADD);
    else
        text_put(text, "0");
    return true;
}

bool c_put_condition(struct c_kernel *kernel, struct text *text, const struct poly *poly)
{
    return put_lookup(kernel, text, poly, false) || put_comparison(kernel, text, poly, false);
}

bool c_put_violation(struct c_kernel *kernel, struct text *text, const struct poly *poly)
{
    return put_lookup(kernel, text, poly, true) || put_comparison(kernel, text, poly, true);
}

void c_put_below(struct c_kernel *kernel, struct text *text, const char *name, const struct poly *extent)
{
    struct writer w = c_writer_for(kernel, text, MODE_TRUSTED);
    struct sum sum = c_sum_from_poly(&w, extent);
    c_fold_remainders(&w, &sum);
    struct term *plus = ARENA_ARRAY(w.arena, sum.count, struct term), *minus = ARENA_ARRAY(w.arena, sum.count, struct term);
    size_t n_plus = plus ? select_terms(&sum, true, plus) : 0, n_minus = minus ? select_terms(&sum, false, minus) : 0;
    text_put(text, name);
    bool never = n_plus == 0 && n_minus > 0 && sum.divisor == 1; /* 1 on both sides then: no unsigned number is below 0 */
    if (sum.divisor != 1 || n_minus == 0 || (!never && c_proved_nonnegative(kernel, extent))) {
        text_put(text, " < ");
        c_put_extent(kernel, text, extent, C_ADD);
        return;
    }
    for (size_t k = 0; k < n_minus; k++) {
        text_put(text, " + ");
        c_put_term(&w, &minus[k], C_ADD);
    }
    text_put(text, never ? " + 1 < 1" : " < ");
    if (!never)
        c_put_terms(&w, plus, n_plus, C_ADD);
}
