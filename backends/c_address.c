/* Quasi-polynomials as C: subscripts, extents and conditions that read as written by hand.
 *
 * A poly becomes a sum of terms over dims, indices, floors, remainders (folded back from a - b * floor(a / b)) and table entries.
 * It is put in Horner form, (bh * 16 + i) * 8 + d: terms in order of falling coefficient, what the leading ones have in common
 * outside the parentheses. Addresses are size_t and wrap, so a term may be negative on the way to a sum that is not; where the true
 * value matters (division, comparison) every number is proved to be >= 0, else int64_t and a flooring helper are used. */
#include "c_address.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_poly(struct writer *w, const struct poly *poly, enum c_precedence precedence);

/* ---- sums ---- */

static int compare_factors(const struct factor *a, const struct factor *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->atom->id < b->atom->id ? -1 : a->atom->id > b->atom->id;
}

static bool term_push_factor(struct term *term, struct factor factor)
{
    if (term->n_factors == FACTOR_LIMIT)
        return false;
    uint32_t at = term->n_factors++;
    for (; at && compare_factors(&factor, &term->factors[at - 1]) < 0; at--)
        term->factors[at] = term->factors[at - 1];
    term->factors[at] = factor;
    return true;
}

static bool same_factors(const struct term *a, const struct term *b)
{
    if (a->n_factors != b->n_factors)
        return false;
    for (uint32_t k = 0; k < a->n_factors; k++)
        if (compare_factors(&a->factors[k], &b->factors[k]))
            return false;
    return true;
}

static struct term *sum_find(struct sum *sum, const struct term *like)
{
    for (size_t k = 0; k < sum->count; k++)
        if (same_factors(&sum->terms[k], like))
            return &sum->terms[k];
    return NULL;
}

static void sum_add(struct writer *w, struct sum *sum, const struct term *term)
{
    struct term *there = sum_find(sum, term);
    if (!there) {
        ARENA_PUSH(w->arena, sum->terms, sum->count, sum->capacity, *term);
        return;
    }
    there->coefficient += term->coefficient;
    if (there->coefficient == 0)
        *there = sum->terms[--sum->count];
}

static enum factor_kind factor_kind_of(const struct poly_atom *atom)
{
    switch (atom->kind) {
    case POLY_DIM:
        return FACTOR_DIM;
    case POLY_INDEX:
        return FACTOR_INDEX;
    case POLY_FLOOR:
        return FACTOR_FLOOR;
    default:
        return FACTOR_TABLE;
    }
}

static bool term_from_poly(struct term *term, const struct poly_term *from, int64_t divisor)
{
    *term = (struct term){.coefficient = from->numerator * (divisor / from->denominator)};
    for (uint32_t k = 0; k < from->n_factors; k++)
        if (!term_push_factor(term, (struct factor){factor_kind_of(from->factors[k]), from->factors[k]}))
            return false;
    return true;
}

struct sum c_sum_from_poly(struct writer *w, const struct poly *poly)
{
    struct sum sum = {.divisor = 1};
    for (uint32_t k = 0; k < poly->n_terms; k++)
        sum.divisor = sum.divisor / poly_gcd(sum.divisor, poly->terms[k].denominator) * poly->terms[k].denominator;
    for (uint32_t k = 0; k < poly->n_terms; k++) {
        struct term term;
        if (term_from_poly(&term, &poly->terms[k], sum.divisor))
            sum_add(w, &sum, &term);
    }
    return sum;
}

/* ---- remainders: m * a - m * b * floor(a / b) is m * (a mod b) ---- */

/* How often the numerator of `floor` stands in the sum as a whole: m with every term m times as large; 0: not. */
static int64_t times_contained(struct writer *w, struct sum *sum, const struct poly_atom *floor)
{
    struct sum inner = c_sum_from_poly(w, floor->numerator);
    int64_t times = 0;
    for (size_t k = 0; k < inner.count; k++) {
        const struct term *there = sum_find(sum, &inner.terms[k]);
        if (inner.terms[k].n_factors == 0)
            continue; /* a constant can be made up */
        if (!there || there->coefficient % inner.terms[k].coefficient)
            return 0;
        int64_t here = there->coefficient / inner.terms[k].coefficient;
        if (here <= 0 || (times && here != times))
            return 0;
        times = here;
    }
    return inner.divisor == 1 ? times : 0;
}

static bool fold_remainder(struct writer *w, struct sum *sum, size_t at)
{
    const struct term term = sum->terms[at];
    const struct poly_atom *floor = term.n_factors ? term.factors[term.n_factors - 1].atom : NULL;
    if (term.coefficient >= 0 || !floor || floor->kind != POLY_FLOOR || floor->denominator->n_terms != 1 ||
        term.factors[term.n_factors - 1].kind != FACTOR_FLOOR)
        return false;
    int64_t times = times_contained(w, sum, floor);
    struct term multiple;
    if (times == 0 || !term_from_poly(&multiple, &floor->denominator->terms[0], 1))
        return false;
    multiple.coefficient *= times;
    term_push_factor(&multiple, (struct factor){FACTOR_FLOOR, floor});
    if (!same_factors(&multiple, &term) || multiple.coefficient + term.coefficient < 0)
        return false;
    sum_add(w, sum, &multiple);
    struct sum inner = c_sum_from_poly(w, floor->numerator);
    for (size_t k = 0; k < inner.count; k++) {
        inner.terms[k].coefficient *= -times;
        sum_add(w, sum, &inner.terms[k]);
    }
    struct term remainder = {.coefficient = times};
    term_push_factor(&remainder, (struct factor){FACTOR_REMAINDER, floor});
    sum_add(w, sum, &remainder);
    return true;
}

void c_fold_remainders(struct writer *w, struct sum *sum)
{
    for (size_t k = 0; k < sum->count; k++)
        if (fold_remainder(w, sum, k))
            k = (size_t)-1; /* from the start: each folding removes a negative floor, so this ends */
}

/* ---- what has to be proved ---- */

bool c_proved_nonnegative(struct c_kernel *kernel, const struct poly *poly)
{
    struct poly_ranges ranges = {(uint32_t)kernel->loops->n_indices, kernel->extents};
    return poly_prove_nonnegative(kernel->file->context, poly, &ranges);
}

/* Division by `denominator` in size_t gives the floor. */
static bool floor_is_plain(struct writer *w, const struct poly_atom *floor)
{
    return w->mode == MODE_TRUSTED || c_proved_nonnegative(w->kernel, floor->numerator);
}

bool c_needs_sign(struct c_kernel *kernel, const struct poly *poly)
{
    for (uint32_t k = 0; k < poly->n_terms; k++)
        for (uint32_t f = 0; f < poly->terms[k].n_factors; f++) {
            const struct poly_atom *atom = poly->terms[k].factors[f];
            if (atom->kind == POLY_TABLE)
                return true;
            if (atom->kind == POLY_FLOOR &&
                (!c_proved_nonnegative(kernel, atom->numerator) || c_needs_sign(kernel, atom->numerator)))
                return true;
        }
    return false;
}

/* A dim, or a floor of dims alone. */
static bool is_size(const struct factor *factor)
{
    if (factor->kind == FACTOR_FLOOR || factor->kind == FACTOR_REMAINDER)
        return poly_index_limit(factor->atom->numerator) == 0;
    return factor->kind == FACTOR_DIM;
}

/* ---- factors ---- */

static void note_lookup(void *user, const struct poly_atom *lookup)
{
    (void)lookup;
    *(bool *)user = true;
}

static bool looks_up(const struct poly *poly)
{
    bool any = false;
    poly_visit_lookups(poly, note_lookup, &any);
    return any;
}

static void put_floor(struct writer *w, struct factor factor, enum c_precedence precedence)
{
    bool remainder = factor.kind == FACTOR_REMAINDER;
    if (floor_is_plain(w, factor.atom)) {
        bool wrap = precedence > C_MULTIPLY;
        text_put(w->text, wrap ? "(" : "");
        put_poly(w, factor.atom->numerator, C_MULTIPLY);
        text_put(w->text, remainder ? " % " : " / ");
        put_poly(w, factor.atom->denominator, C_UNARY);
        text_put(w->text, wrap ? ")" : "");
        return;
    }
    enum number_mode mode = w->mode;
    bool narrow = w->narrow;
    w->narrow = w->kernel->file->options->freestanding && !looks_up(factor.atom->numerator);
    const char *name = c_use_helper(w->kernel->file, remainder ? HELPER_floor_mod : HELPER_floor_div, w->narrow ? IR_i32 : IR_i64);
    text_printf(w->text, "%s%s(", mode == MODE_SIGNED ? "" : "(size_t)", name);
    w->mode = MODE_SIGNED;
    put_poly(w, factor.atom->numerator, C_ANY);
    text_put(w->text, ", ");
    put_poly(w, factor.atom->denominator, C_ANY);
    text_put(w->text, ")");
    w->mode = mode;
    w->narrow = narrow;
}

static void put_table(struct writer *w, const struct poly_atom *atom)
{
    struct arena *arena = w->arena;
    const struct ir_node *table = atom->table;
    const struct poly *offset = ir_linear_offset(w->kernel->file->context, table, atom->arguments);
    enum number_mode mode = w->mode;
    uint32_t buffer = loop_table_buffer(w->kernel->loops, table);
    const char *name = buffer == UINT32_MAX ? c_table_name(w->kernel->file, table) : w->kernel->buffers[buffer];
    if (!offset || !name || arena_failed(arena))
        return;
    bool same = mode == MODE_SIGNED && table->elem == IR_i64 && !w->kernel->file->options->freestanding;
    text_printf(w->text, "%s%s", same ? "" : mode == MODE_SIGNED ? "(int64_t)" : "(size_t)", name);
    if (buffer != UINT32_MAX && w->kernel->loops->buffers[buffer].by_value)
        return;
    text_put(w->text, "[");
    w->mode = MODE_SIZE;
    put_poly(w, offset, C_ANY);
    text_put(w->text, "]");
    w->mode = mode;
}

static void put_factor(struct writer *w, struct factor factor, enum c_precedence precedence)
{
    const char *cast = w->mode != MODE_SIGNED ? "" : w->narrow ? "(int32_t)" : "(int64_t)";
    const char *name;
    switch (factor.kind) {
    case FACTOR_DIM:
        name = w->kernel->dims[factor.atom->symbol];
        text_printf(w->text, "%s%s", cast, name ? name : "");
        return;
    case FACTOR_INDEX:
        name = w->kernel->indices[factor.atom->symbol];
        text_printf(w->text, "%s%s", cast, name ? name : "");
        return;
    case FACTOR_FLOOR:
    case FACTOR_REMAINDER:
        put_floor(w, factor, precedence);
        return;
    case FACTOR_TABLE:
        put_table(w, factor.atom);
        return;
    }
}

/* |coefficient| * factors: what varies first, then sizes, then the number. */
void c_put_term(struct writer *w, const struct term *term, enum c_precedence precedence)
{
    int64_t size = term->coefficient < 0 ? -term->coefficient : term->coefficient;
    bool with_number = size != 1 || term->n_factors == 0;
    size_t pieces = term->n_factors + (size_t)with_number;
    bool wrap = pieces > 1 && precedence > C_MULTIPLY;
    enum c_precedence inner = pieces > 1 ? C_UNARY : precedence;
    size_t put = 0;
    text_put(w->text, wrap ? "(" : "");
    if (size == 2 && term->n_factors == 1 && precedence <= C_ADD)
        text_printf(w->text, "2 * "), with_number = false;
    for (uint32_t k = term->n_factors; k-- > 0;)
        if (!is_size(&term->factors[k]))
            text_put(w->text, put++ ? " * " : ""), put_factor(w, term->factors[k], inner);
    for (uint32_t k = 0; k < term->n_factors; k++)
        if (is_size(&term->factors[k]))
            text_put(w->text, put++ ? " * " : ""), put_factor(w, term->factors[k], inner);
    if (with_number)
        text_printf(w->text, "%s%" PRId64, put ? " * " : "", size);
    text_put(w->text, wrap ? ")" : "");
}

/* ---- sums in Horner form ---- */

uint32_t c_count_dims(const struct term *term)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < term->n_factors; k++)
        count += is_size(&term->factors[k]);
    return count;
}

/* Rows before columns: more sizes in the stride, then a larger stride; the constant last. */
static bool stands_before(const struct term *a, const struct term *b)
{
    if (!a->n_factors || !b->n_factors)
        return a->n_factors > b->n_factors;
    bool a_varies = a->n_factors > c_count_dims(a), b_varies = b->n_factors > c_count_dims(b);
    if (a_varies != b_varies)
        return a_varies;
    if (c_count_dims(a) != c_count_dims(b))
        return c_count_dims(a) > c_count_dims(b);
    int64_t a_size = a->coefficient < 0 ? -a->coefficient : a->coefficient;
    int64_t b_size = b->coefficient < 0 ? -b->coefficient : b->coefficient;
    if (a_size != b_size)
        return a_size > b_size;
    return a->n_factors && b->n_factors && compare_factors(&a->factors[0], &b->factors[0]) < 0;
}

static void sort_terms(struct term *terms, size_t count)
{
    for (size_t k = 1; k < count; k++) {
        struct term term = terms[k];
        size_t at = k;
        for (; at && stands_before(&term, &terms[at - 1]); at--)
            terms[at] = terms[at - 1];
        terms[at] = term;
    }
}

/* Keeps in `common` what divides `term` as well. */
static void keep_common(struct term *common, const struct term *term)
{
    uint32_t kept = 0;
    bool used[FACTOR_LIMIT] = {false};
    common->coefficient = poly_gcd(common->coefficient, term->coefficient);
    for (uint32_t k = 0; k < common->n_factors; k++)
        for (uint32_t f = 0; f < term->n_factors; f++)
            if (!used[f] && !compare_factors(&common->factors[k], &term->factors[f])) {
                used[f] = true;
                common->factors[kept++] = common->factors[k];
                break;
            }
    common->n_factors = kept;
}

static struct term common_of(const struct term *terms, size_t count)
{
    struct term common = terms[0];
    for (size_t k = 0; k < count; k++)
        keep_common(&common, &terms[k]);
    /* only sizes go outside the parentheses; a common index stays where it is read */
    uint32_t kept = 0;
    for (uint32_t k = 0; k < common.n_factors; k++)
        if (is_size(&common.factors[k]))
            common.factors[kept++] = common.factors[k];
    common.n_factors = kept;
    return common;
}

static struct term divided(const struct term *term, const struct term *by)
{
    struct term result = {.coefficient = term->coefficient / by->coefficient};
    uint32_t skip = 0;
    for (uint32_t k = 0; k < term->n_factors; k++)
        if (skip < by->n_factors && !compare_factors(&term->factors[k], &by->factors[skip]))
            skip++;
        else
            term_push_factor(&result, term->factors[k]);
    return result;
}

static bool is_one(const struct term *term)
{
    return term->coefficient == 1 && term->n_factors == 0;
}

/* (terms / common) * common */
static void put_product(struct writer *w, const struct term *terms, size_t count, const struct term *common,
                        enum c_precedence precedence)
{
    struct term *inner = ARENA_ARRAY(w->arena, count, struct term);
    if (!inner)
        return;
    for (size_t k = 0; k < count; k++)
        inner[k] = divided(&terms[k], common);
    text_put(w->text, precedence > C_MULTIPLY ? "(" : "");
    c_put_terms(w, inner, count, C_MULTIPLY);
    text_put(w->text, " * ");
    for (uint32_t k = 0; k < common->n_factors; k++)
        text_put(w->text, k ? " * " : ""), put_factor(w, common->factors[k], C_UNARY);
    if (common->coefficient != 1)
        text_printf(w->text, "%s%" PRId64, common->n_factors ? " * " : "", common->coefficient);
    text_put(w->text, precedence > C_MULTIPLY ? ")" : "");
}

/* Do the terms stay below `common`, as the columns of a row stay below its length? Sizes are trusted to. */
static bool stays_below(struct writer *w, const struct term *terms, size_t count, const struct term *common)
{
    double reach = 0;
    if (common->n_factors)
        return true;
    for (size_t k = 0; k < count; k++) {
        const struct factor *factor = terms[k].factors;
        int64_t extent;
        if (terms[k].n_factors == 0)
            continue;
        if (terms[k].n_factors > 1 || factor->kind != FACTOR_INDEX || !w->kernel->extents[factor->atom->symbol] ||
            !poly_is_constant(w->kernel->extents[factor->atom->symbol], &extent))
            return true;
        reach += (double)(terms[k].coefficient < 0 ? -terms[k].coefficient : terms[k].coefficient) * (double)(extent - 1);
    }
    return reach < (double)common->coefficient;
}

/* How many leading terms stand in one product: the longest part whose rest are its columns; where rows overlap (2 * w + s of a
 * convolution), the part with the largest step down to the next term. 0: none. */
static size_t leading_part(struct writer *w, const struct term *terms, size_t count, struct term *common)
{
    size_t best = 0;
    double best_step = 0;
    for (size_t n = terms[0].coefficient > 0 ? count : 0; n >= 2; n--) {
        struct term candidate = common_of(terms, n);
        if (is_one(&candidate))
            continue;
        double next = n < count ? (double)terms[n].coefficient : 1.0;
        double step = (double)candidate.coefficient / (next < 0 ? -next : next);
        bool legal = stays_below(w, terms + n, count - n, &candidate);
        if (!legal && step <= best_step)
            continue;
        best = n;
        best_step = step;
        *common = candidate;
        if (legal)
            return n;
    }
    return best;
}

/* Terms one by one, the positive ones first. */
static void put_plainly(struct writer *w, const struct term *terms, size_t count, bool first)
{
    for (int negative = 0; negative < 2; negative++)
        for (size_t k = 0; k < count; k++) {
            if ((terms[k].coefficient < 0) != (negative == 1))
                continue;
            text_put(w->text, first ? (negative ? "-" : "") : negative ? " - " : " + ");
            c_put_term(w, &terms[k], first && negative ? C_UNARY : C_ADD);
            first = false;
        }
}

void c_put_terms(struct writer *w, struct term *terms, size_t count, enum c_precedence precedence)
{
    struct term common;
    sort_terms(terms, count);
    if (count == 1 && terms[0].coefficient > 0) {
        c_put_term(w, &terms[0], precedence);
        return;
    }
    size_t leading = leading_part(w, terms, count, &common);
    if (leading == count) {
        put_product(w, terms, count, &common, precedence);
        return;
    }
    text_put(w->text, precedence > C_ADD ? "(" : "");
    if (leading)
        put_product(w, terms, leading, &common, C_ADD);
    put_plainly(w, terms + leading, count - leading, leading == 0);
    text_put(w->text, precedence > C_ADD ? ")" : "");
}

/* n div 2 + 1 that is known to be >= 0 is (n + 2) / 2, which stays right where n is -1 or -2. */
static bool put_absorbed(struct writer *w, const struct sum *sum, enum c_precedence precedence)
{
    if (w->mode != MODE_TRUSTED || sum->count != 2 || sum->divisor != 1)
        return false;
    const struct term *floor = &sum->terms[sum->terms[0].n_factors == 0], *constant = &sum->terms[sum->terms[0].n_factors != 0];
    if (floor->n_factors != 1 || floor->factors[0].kind != FACTOR_FLOOR || floor->coefficient != 1 || constant->n_factors ||
        constant->coefficient < 0)
        return false;
    struct ir_context *context = w->kernel->file->context;
    const struct poly_atom *atom = floor->factors[0].atom;
    text_put(w->text, precedence > C_MULTIPLY ? "(" : "");
    put_poly(w, poly_add(context, atom->numerator, poly_scale(context, atom->denominator, constant->coefficient)), C_MULTIPLY);
    text_put(w->text, " / ");
    put_poly(w, atom->denominator, C_UNARY);
    text_put(w->text, precedence > C_MULTIPLY ? ")" : "");
    return true;
}

static void put_poly(struct writer *w, const struct poly *poly, enum c_precedence precedence)
{
    if (!poly)
        return;
    struct sum sum = c_sum_from_poly(w, poly);
    if (sum.count == 0) {
        text_put(w->text, "0");
        return;
    }
    if (put_absorbed(w, &sum, precedence))
        return;
    c_fold_remainders(w, &sum);
    if (sum.divisor == 1) {
        c_put_terms(w, sum.terms, sum.count, precedence);
        return;
    }
    text_put(w->text, precedence > C_MULTIPLY ? "(" : "");
    c_put_terms(w, sum.terms, sum.count, C_MULTIPLY);
    text_printf(w->text, " / %" PRId64 "%s", sum.divisor, precedence > C_MULTIPLY ? ")" : "");
}

struct writer c_writer_for(struct c_kernel *kernel, struct text *text, enum number_mode mode)
{
    return (struct writer){kernel, kernel->file->arena, text, mode, false};
}

void c_put_size(struct c_kernel *kernel, struct text *text, const struct poly *poly, enum c_precedence precedence)
{
    struct writer w = c_writer_for(kernel, text, MODE_SIZE);
    put_poly(&w, poly, precedence);
}

void c_put_extent(struct c_kernel *kernel, struct text *text, const struct poly *poly, enum c_precedence precedence)
{
    struct writer w = c_writer_for(kernel, text, MODE_TRUSTED);
    put_poly(&w, poly, precedence);
}

void c_put_signed(struct c_kernel *kernel, struct text *text, const struct poly *poly, enum c_precedence precedence)
{
    struct writer w = c_writer_for(kernel, text, MODE_SIGNED);
    put_poly(&w, poly, precedence);
}
