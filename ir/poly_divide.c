/* Floor division, kept canonical.
 *
 * For floor(a / b), b a positive monomial, in this order:
 *   1. each term of a that b's factors divide gives its quotient, and keeps its weight modulo b's (so 3*i div 2 = i + i div 2);
 *   2. what is left is 0 when 0 <= rest < b is proved, -1 when -b <= rest < 0 is;
 *   3. a part that is less than a common divisor g of the other terms and b is dropped: floor((g*x + y) / (g*c)) = floor(x / c)
 *      for 0 <= y < g, and common factors cancel;
 *   4. a floor standing alone as a term is taken in: floor((x + floor(y / d)) / b) = floor((d*x + y) / (d*b)).
 * Steps 3 and 4 start over, on a smaller problem. Each is an equality for all values at which the divisors are positive. */
#include "poly_internal.h"

bool poly_dim_content(const struct ir_context *context, const struct poly_term *term, int64_t *content)
{
    *content = 1;
    for (uint32_t f = 0; f < term->n_factors; f++) {
        if (term->factors[f]->kind != POLY_DIM || term->factors[f]->symbol >= context->n_dims)
            continue;
        int64_t divisor = context->dims[term->factors[f]->symbol].divisor;
        if (divisor > 1 && !checked_multiply(*content, divisor, content))
            return false;
    }
    return true;
}

bool poly_weight(const struct ir_context *context, const struct poly_term *term, int64_t *weight)
{
    int64_t content;
    return poly_dim_content(context, term, &content) && content % term->denominator == 0 &&
           checked_multiply(term->numerator, content / term->denominator, weight);
}

/* Gives the term the weight, by choice of its coefficient. */
static bool set_weight(const struct ir_context *context, struct poly_term *term, int64_t weight)
{
    int64_t content;
    if (!poly_dim_content(context, term, &content))
        return false;
    int64_t common = poly_gcd(weight, content);
    term->numerator = common == 0 ? 0 : weight / common;
    term->denominator = common == 0 ? 1 : content / common;
    return true;
}

bool poly_is_divisor(const struct poly *b)
{
    if (!b || b->n_terms != 1 || b->terms[0].numerator <= 0)
        return false;
    for (uint32_t f = 0; f < b->terms[0].n_factors; f++)
        if (b->terms[0].factors[f]->kind != POLY_DIM)
            return false;
    return true;
}

/* The factors of `a` without those of `b`, new in the arena; false when some factor of b is missing. */
static bool remove_factors(struct ir_context *context, const struct poly_term *a, const struct poly_term *b,
                           struct poly_term *result)
{
    if (a->n_factors < b->n_factors)
        return false;
    *result = *a;
    if (b->n_factors == 0)
        return true;
    const struct poly_atom **factors = ARENA_ARRAY(context->arena, a->n_factors, const struct poly_atom *);
    if (!factors)
        return false;
    uint32_t kept = 0, removed = 0;
    for (uint32_t f = 0; f < a->n_factors; f++) {
        if (removed < b->n_factors && a->factors[f] == b->factors[removed])
            removed++;
        else
            factors[kept++] = a->factors[f];
    }
    result->factors = factors;
    result->n_factors = kept;
    return removed == b->n_factors;
}

bool poly_divide_term(struct ir_context *context, const struct poly_term *a, const struct poly_term *b, struct poly_term *quotient)
{
    int64_t weight, divisor;
    return poly_weight(context, a, &weight) && poly_weight(context, b, &divisor) && divisor != 0 && weight % divisor == 0 &&
           remove_factors(context, a, b, quotient) && set_weight(context, quotient, weight / divisor);
}

bool poly_gcd_term(struct ir_context *context, const struct poly_term *a, const struct poly_term *b, struct poly_term *result)
{
    int64_t left, right;
    const struct poly_atom **factors = ARENA_ARRAY(context->arena, a->n_factors, const struct poly_atom *);
    if (!factors || !poly_weight(context, a, &left) || !poly_weight(context, b, &right))
        return false;
    uint32_t shared = 0;
    /* Equal factors stand side by side in both, so each of b's is used once by stepping on from the last match. */
    for (uint32_t f = 0, next = 0; f < a->n_factors; f++) {
        uint32_t g = next;
        while (g < b->n_factors && b->factors[g] != a->factors[f])
            g++;
        if (g < b->n_factors) {
            factors[shared++] = a->factors[f];
            next = g + 1;
        }
    }
    *result = (struct poly_term){.factors = factors, .n_factors = shared};
    return set_weight(context, result, poly_gcd(left, right));
}

/* ---- step 1 ---- */

bool poly_split_multiple(struct ir_context *context, const struct poly *a, const struct poly_term *b, const struct poly **quotient,
                         const struct poly **rest)
{
    struct poly_term *quotients = ARENA_ARRAY(context->arena, a->n_terms, struct poly_term);
    struct poly_term *rests = ARENA_ARRAY(context->arena, a->n_terms, struct poly_term);
    size_t n_quotients = 0, n_rests = 0;
    int64_t divisor, weight;
    if (!quotients || !rests)
        return false;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        if (!poly_weight(context, &a->terms[k], &weight) || !poly_weight(context, b, &divisor)) {
            poly_overflow(context);
            return false;
        }
        struct poly_term whole, kept = a->terms[k];
        if (remove_factors(context, &a->terms[k], b, &whole)) {
            int64_t times = floor_divide(weight, divisor);
            if (!set_weight(context, &whole, times) || !set_weight(context, &kept, floor_remainder(weight, divisor)))
                return false;
            quotients[n_quotients++] = whole;
        }
        rests[n_rests++] = kept;
    }
    *quotient = poly_from_terms(context, n_quotients, quotients);
    *rest = poly_from_terms(context, n_rests, rests);
    return *quotient && *rest;
}

/* ---- step 3 ---- */

static bool is_one(const struct ir_context *context, const struct poly_term *term)
{
    int64_t weight;
    return term->n_factors == 0 && poly_weight(context, term, &weight) && weight == 1;
}

static bool has_floor(const struct poly *a)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        for (uint32_t f = 0; f < a->terms[k].n_factors; f++)
            if (a->terms[k].factors[f]->kind == POLY_FLOOR)
                return true;
    return false;
}

/* With a = g * multiple + rest, g dividing b: `*result` = floor((multiple + floor(rest / g)) / (b / g)) when the inner floor
 * vanishes (it always does for rest = 0, then common factors cancel). */
static bool divide_through(struct ir_context *context, const struct poly *a, const struct poly_term *b, const struct poly_term *g,
                           const struct poly_ranges *ranges, const struct poly **result)
{
    struct poly_term *multiples = ARENA_ARRAY(context->arena, a->n_terms, struct poly_term), smaller;
    struct poly_term *rests = ARENA_ARRAY(context->arena, a->n_terms, struct poly_term);
    size_t n_multiples = 0, n_rests = 0;
    if (!multiples || !rests || !poly_divide_term(context, b, g, &smaller))
        return false;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        if (poly_divide_term(context, &a->terms[k], g, &multiples[n_multiples]))
            n_multiples++;
        else
            rests[n_rests++] = a->terms[k];
    }
    if (n_multiples == 0)
        return false;
    const struct poly *inner = poly_constant(context, 0);
    if (n_rests > 0)
        inner = poly_floor_div(context, poly_from_terms(context, n_rests, rests), poly_of_term(context, g), ranges);
    if (!inner || has_floor(inner))
        return false;
    const struct poly *multiple = poly_from_terms(context, n_multiples, multiples);
    *result = poly_floor_div(context, poly_add(context, multiple, inner), poly_of_term(context, &smaller), ranges);
    return true;
}

/* Tries as g the common divisor of b with all terms, with each term, and with each two. */
static bool divide_by_shared(struct ir_context *context, const struct poly *a, const struct poly_term *b,
                             const struct poly_ranges *ranges, const struct poly **result)
{
    struct poly_term all = *b, one, two;
    uint32_t n = a->n_terms;
    if (n > 0 && a->terms[n - 1].n_factors == 0)
        n--; /* the constant is last */
    for (uint32_t k = 0; k < n; k++)
        if (!poly_gcd_term(context, &all, &a->terms[k], &all))
            return false;
    if (n > 0 && !is_one(context, &all) && divide_through(context, a, b, &all, ranges, result))
        return true;
    for (uint32_t k = 0; k < n; k++) {
        if (!poly_gcd_term(context, b, &a->terms[k], &one) || is_one(context, &one))
            continue;
        if (divide_through(context, a, b, &one, ranges, result))
            return true;
        for (uint32_t l = 0; l < k; l++)
            if (poly_gcd_term(context, &one, &a->terms[l], &two) && !is_one(context, &two) &&
                divide_through(context, a, b, &two, ranges, result))
                return true;
    }
    return false;
}

/* ---- step 4 ---- */

static bool is_lone_floor(const struct poly_term *term)
{
    return term->numerator == 1 && term->denominator == 1 && term->n_factors == 1 && term->factors[0]->kind == POLY_FLOOR;
}

static bool take_in_floor(struct ir_context *context, const struct poly *a, const struct poly_term *b,
                          const struct poly_ranges *ranges, const struct poly **result)
{
    for (uint32_t k = 0; k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        if (!is_lone_floor(term))
            continue;
        const struct poly_atom *inner = term->factors[0];
        const struct poly *others = poly_subtract(context, a, poly_of_term(context, term));
        const struct poly *numerator = poly_add(context, poly_multiply(context, others, inner->denominator), inner->numerator);
        *result = poly_floor_div(context, numerator, poly_multiply(context, poly_of_term(context, b), inner->denominator), ranges);
        return true;
    }
    return false;
}

/* ---- all steps ---- */

static bool has_negative_term(const struct poly *a)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        if (a->terms[k].numerator < 0)
            return true;
    return false;
}

/* floor(a / b) for a that step 1 leaves as it is. */
static const struct poly *floor_of_rest(struct ir_context *context, const struct poly *a, const struct poly *b,
                                        const struct poly_ranges *ranges)
{
    const struct poly *result;
    const struct poly_term *divisor = &b->terms[0];
    /* Numbers need no proof, which inside a proof there is none. */
    if ((poly_is_constant(a, NULL) && divisor->n_factors == 0) || poly_prove_remainder(context, a, b, ranges))
        return poly_constant(context, 0);
    if (has_negative_term(a) && poly_prove_remainder(context, poly_add(context, a, b), b, ranges))
        return poly_constant(context, -1);
    if (divide_by_shared(context, a, divisor, ranges, &result))
        return result;
    if (take_in_floor(context, a, divisor, ranges, &result))
        return result;
    struct poly_atom atom = {.kind = POLY_FLOOR, .numerator = a, .denominator = b};
    return poly_of_atom(context, poly_intern_atom(context, &atom));
}

/* How often a constant b goes into the constant term of a, rounded down. */
static int64_t constant_multiples(const struct poly *a, const struct poly *b)
{
    const struct poly_term *last = a->n_terms ? &a->terms[a->n_terms - 1] : NULL;
    bool known =
        last && last->n_factors == 0 && last->denominator == 1 && b->terms[0].n_factors == 0 && b->terms[0].denominator == 1;
    return known && last->numerator > INT64_MIN / 2 ? floor_divide(last->numerator, b->terms[0].numerator) : 0;
}

/* quotient + floor, where step 4 may have brought a floor with a larger divisor: floor(x / d) + quotient = floor((x + d * quotient)
 * / d), which is 0 when that shows it to be small, as it would be had it been written so. */
static const struct poly *add_quotient(struct ir_context *context, const struct poly *quotient, const struct poly *floor,
                                       const struct poly *b, const struct poly_ranges *ranges)
{
    const struct poly_atom *atom =
        floor && floor->n_terms == 1 && is_lone_floor(&floor->terms[0]) ? floor->terms[0].factors[0] : NULL;
    if (atom && atom->denominator != b && quotient->n_terms > 0) {
        const struct poly *whole = poly_add(context, atom->numerator, poly_multiply(context, atom->denominator, quotient));
        if (whole && poly_prove_remainder(context, whole, atom->denominator, ranges))
            return poly_constant(context, 0);
    }
    return poly_add(context, quotient, floor);
}

const struct poly *poly_floor_div(struct ir_context *context, const struct poly *a, const struct poly *b,
                                  const struct poly_ranges *ranges)
{
    if (!context || !a || !poly_is_divisor(b))
        return NULL;
    if (poly_equals(b, 1))
        return a;
    const struct poly *quotient, *rest;
    if (!poly_split_multiple(context, a, &b->terms[0], &quotient, &rest))
        return NULL;
    if (rest->n_terms == 0)
        return quotient;
    /* Weights modulo b's can hide that the whole is small already: m - 2*(m div 2) < 4 where m + 2*(m div 2) is not; likewise
     * when a multiple of b is added to it. */
    int64_t multiples = constant_multiples(a, b);
    const struct poly *reduced = multiples ? poly_subtract(context, a, poly_scale(context, b, multiples)) : a;
    if (rest != a && poly_prove_remainder(context, reduced, b, ranges))
        return poly_constant(context, multiples);
    return add_quotient(context, quotient, floor_of_rest(context, rest, b, ranges), b, ranges);
}

const struct poly *poly_mod(struct ir_context *context, const struct poly *a, const struct poly *b,
                            const struct poly_ranges *ranges)
{
    return poly_subtract(context, a, poly_multiply(context, b, poly_floor_div(context, a, b, ranges)));
}

const struct poly *poly_reduce(struct ir_context *context, const struct poly *a, int64_t modulus)
{
    struct poly_term *terms = a ? ARENA_ARRAY(ir_arena(context), a->n_terms, struct poly_term) : NULL;
    size_t count = 0;
    for (uint32_t k = 0; terms && k < a->n_terms; k++) {
        int64_t rest = a->terms[k].numerator % modulus;
        if (a->terms[k].denominator != 1)
            return NULL;
        if (rest == 0)
            continue;
        terms[count] = a->terms[k];
        terms[count++].numerator = rest < 0 ? rest + modulus : rest;
    }
    return terms ? poly_from_terms(context, count, terms) : NULL;
}
