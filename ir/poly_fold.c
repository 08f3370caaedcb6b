/* Rewrites a poly for the reader; the value stays, canonical form does not.
 *
 * k*a - k*b*floor(a / b) becomes k*(a mod b). In source, `(H + R) div 2 - R` becomes `(H - R) div 2`. In C, whose `/` and `%` round
 * towards zero and whose sizes are unsigned, numerators that could be negative get a multiple of the denominator added:
 * (i - 1) mod N is written `(i + N - 1) % N`. */
#include "poly_fold.h"

#include "poly_internal.h"

/* Rounds of folding; each takes away one floor, so that this only guards against a mistake. */
enum { MOST_FOLDS = 64 };

static const struct poly_term *find_term(const struct poly *a, const struct poly_term *like)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        if (poly_compare_terms(&a->terms[k], like) == 0)
            return &a->terms[k];
    return NULL;
}

/* Does `a` hold all of `part`, so that taking it out leaves no term of the other sign? The constant does not matter. */
static bool contains(const struct poly *a, const struct poly *part)
{
    for (uint32_t k = 0; k < part->n_terms; k++) {
        const struct poly_term *wanted = &part->terms[k], *own = find_term(a, wanted);
        if (wanted->n_factors == 0)
            continue;
        if (!own || own->denominator != wanted->denominator || (own->numerator < 0) != (wanted->numerator < 0))
            return false;
        if (own->numerator < 0 ? own->numerator > wanted->numerator : own->numerator < wanted->numerator)
            return false;
    }
    return true;
}

/* ---- mod ---- */

/* What stands before `mod b`: terms reduced by b, in source to the nearest. */
static const struct poly *reduced(struct ir_context *context, const struct poly *a, const struct poly_term *b,
                                  enum poly_style style)
{
    const struct poly *quotient, *rest;
    if (!poly_split_multiple(context, a, b, &quotient, &rest))
        return NULL;
    if (style == POLY_C || b->n_factors > 0 || b->denominator != 1)
        return rest;
    const struct poly *nearest = rest;
    for (uint32_t k = 0; k < rest->n_terms; k++) {
        struct poly_term term = rest->terms[k];
        if (term.n_factors == 0 || term.denominator != 1 || term.numerator <= b->numerator / 2)
            continue;
        term.numerator = -b->numerator;
        nearest = poly_add(context, nearest, poly_of_term(context, &term));
    }
    return nearest;
}

static const struct poly *mod_atom(struct ir_context *context, const struct poly *a, const struct poly_term *b,
                                   enum poly_style style)
{
    struct poly_atom atom = {
        .kind = (enum poly_atom_kind)POLY_MOD, .numerator = reduced(context, a, b, style), .denominator = poly_of_term(context, b)};
    return atom.numerator && atom.denominator ? poly_of_atom(context, poly_intern_atom(context, &atom)) : NULL;
}

/* The term with its sign changed and factor `f` left out. */
static bool without_factor(struct ir_context *context, const struct poly_term *term, uint32_t f, struct poly_term *result)
{
    const struct poly_atom **factors = ARENA_ARRAY(context->arena, term->n_factors, const struct poly_atom *);
    if (!factors)
        return false;
    for (uint32_t k = 0, kept = 0; k < term->n_factors; k++)
        if (k != f)
            factors[kept++] = term->factors[k];
    *result = (struct poly_term){-term->numerator, term->denominator, term->n_factors - 1, factors};
    return true;
}

/* Folds term -c * floor(n / d) of `a`: with g the part of d in c, c = k*g and d = e*g, it is k * (floor(n / e) mod g) when `a`
 * also holds k * floor(n / e). NULL when it does not. */
static const struct poly *fold_mod(struct ir_context *context, const struct poly *a, const struct poly_term *term, uint32_t f,
                                   enum poly_style style)
{
    const struct poly_atom *floor = term->factors[f];
    struct poly_term outer, shared, inner_divisor, times;
    int64_t weight;
    if (!without_factor(context, term, f, &outer) || !poly_gcd_term(context, &outer, &floor->denominator->terms[0], &shared) ||
        (shared.n_factors == 0 && (!poly_weight(context, &shared, &weight) || weight == 1)) ||
        !poly_divide_term(context, &floor->denominator->terms[0], &shared, &inner_divisor) ||
        !poly_divide_term(context, &outer, &shared, &times))
        return NULL;
    const struct poly *k = poly_of_term(context, &times);
    const struct poly *inner = poly_floor_div(context, floor->numerator, poly_of_term(context, &inner_divisor), NULL);
    const struct poly *held = poly_multiply(context, k, inner);
    if (!held || !contains(a, held))
        return NULL;
    const struct poly *left = poly_subtract(context, poly_subtract(context, a, held), poly_of_term(context, term));
    return poly_add(context, left, poly_multiply(context, k, mod_atom(context, inner, &shared, style)));
}

/* Folds term -c * floor(n / d), d constant, when `a` holds k*n with k*d near c: it is k * (n mod d) + (k*d - c) * floor(n / d). */
static const struct poly *fold_near_mod(struct ir_context *context, const struct poly *a, const struct poly_term *term,
                                        enum poly_style style)
{
    int64_t d, near, rest;
    if (term->n_factors != 1)
        return NULL;
    const struct poly_atom *floor = term->factors[0];
    const struct poly_term *first = &floor->numerator->terms[0], *own = find_term(a, first);
    if (term->denominator != 1 || !poly_is_constant(floor->denominator, &d) || !own || first->n_factors == 0 ||
        own->denominator != 1 || first->denominator != 1 || own->numerator < first->numerator ||
        own->numerator % first->numerator != 0)
        return NULL;
    int64_t k = own->numerator / first->numerator;
    if (!checked_multiply(k, d, &near) || !checked_add(near, term->numerator, &rest) ||
        (rest < 0 ? rest <= term->numerator : rest >= -term->numerator))
        return NULL;
    const struct poly *held = poly_scale(context, floor->numerator, k);
    if (!held || !contains(a, held))
        return NULL;
    const struct poly *left = poly_subtract(context, poly_subtract(context, a, held), poly_of_term(context, term));
    left = poly_add(context, left, poly_scale(context, poly_of_atom(context, floor), rest));
    return poly_add(context, left,
                    poly_scale(context, mod_atom(context, floor->numerator, &floor->denominator->terms[0], style), k));
}

static const struct poly *fold_one_mod(struct ir_context *context, const struct poly *a, enum poly_style style)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        for (uint32_t f = 0; a->terms[k].numerator < 0 && f < a->terms[k].n_factors; f++) {
            if (a->terms[k].factors[f]->kind != POLY_FLOOR)
                continue;
            const struct poly *folded = fold_mod(context, a, &a->terms[k], f, style);
            if (!folded)
                folded = fold_near_mod(context, a, &a->terms[k], style);
            if (folded)
                return folded;
        }
    return NULL;
}

static const struct poly *fold_mods(struct ir_context *context, const struct poly *a, enum poly_style style)
{
    for (int round = 0; a && round < MOST_FOLDS; round++) {
        const struct poly *folded = fold_one_mod(context, a, style);
        if (!folded)
            break;
        a = folded;
    }
    return a;
}

/* ---- source: outer terms back into a floor ---- */

static const struct poly *raw_floor(struct ir_context *context, const struct poly *numerator, const struct poly *denominator)
{
    struct poly_atom atom = {.kind = POLY_FLOOR, .numerator = numerator, .denominator = denominator};
    return numerator ? poly_of_atom(context, poly_intern_atom(context, &atom)) : NULL;
}

/* Moves into the numerator of a floor over `d` the fractions of `others` that d makes whole: H/2 with R div 2 to (H + R) div 2. */
static void take_in_fractions(struct ir_context *context, const struct poly *d, const struct poly **numerator,
                              const struct poly **others)
{
    const struct poly *from = *others;
    for (uint32_t k = 0; k < from->n_terms && *numerator && *others; k++) {
        if (from->terms[k].denominator == 1)
            continue;
        const struct poly *outside = poly_of_term(context, &from->terms[k]), *inside = poly_multiply(context, outside, d);
        if (!inside || inside->terms[0].denominator != 1)
            continue;
        *numerator = poly_add(context, *numerator, inside);
        *others = poly_subtract(context, *others, outside);
    }
}

/* floor((n + r*x) / d) - s*x is floor((n + (r - s*d)*x) / d). */
static const struct poly *take_in(struct ir_context *context, const struct poly *a, const struct poly_term *term)
{
    const struct poly_atom *floor = term->factors[0];
    const struct poly *numerator = floor->numerator, *others = poly_subtract(context, a, poly_of_term(context, term));
    for (uint32_t k = 0; others && numerator && k < floor->numerator->n_terms; k++) {
        const struct poly_term *own = find_term(others, &floor->numerator->terms[k]);
        if (!own || own->numerator >= 0 || own->denominator != 1)
            continue;
        const struct poly *outside = poly_of_term(context, own);
        numerator = poly_add(context, numerator, poly_multiply(context, outside, floor->denominator));
        others = poly_subtract(context, others, outside);
    }
    if (numerator == floor->numerator || !numerator || !others)
        return NULL;
    take_in_fractions(context, floor->denominator, &numerator, &others);
    return poly_add(context, others, raw_floor(context, numerator, floor->denominator));
}

static const struct poly *take_in_one(struct ir_context *context, const struct poly *a)
{
    for (uint32_t k = 0; k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        if (term->numerator != 1 || term->denominator != 1 || term->n_factors != 1 || term->factors[0]->kind != POLY_FLOOR ||
            !poly_is_constant(term->factors[0]->denominator, NULL))
            continue;
        const struct poly *folded = take_in(context, a, term);
        if (folded)
            return folded;
    }
    return NULL;
}

/* ---- C: numerators that are not negative ---- */

static const struct poly *deficit(struct ir_context *context, const struct poly *a);
static const struct poly *magnitude(struct ir_context *context, const struct poly_term *term, bool *negative);

/* Some x >= |atom|, the atom itself where it shows not to be negative; else `*negative`, and x holds no division, which would need
 * the same care again. Dims, indices and mods are not negative; a denominator is at least 1. */
static const struct poly *atom_magnitude(struct ir_context *context, const struct poly_atom *atom, bool *negative)
{
    int64_t least, largest;
    if (atom->kind == POLY_TABLE && poly_table_bounds(atom->table, &least, &largest) && least < 0) {
        *negative = true;
        return poly_constant(context, largest > -least ? largest : -least);
    }
    if (atom->kind != POLY_FLOOR || poly_equals(deficit(context, atom->numerator), 0))
        return poly_of_atom(context, atom);
    const struct poly *sum = poly_constant(context, 0);
    *negative = true;
    for (uint32_t k = 0; k < atom->numerator->n_terms; k++)
        sum = poly_add(context, sum, magnitude(context, &atom->numerator->terms[k], &(bool){false}));
    return sum;
}

/* Some x >= |term|. */
static const struct poly *magnitude(struct ir_context *context, const struct poly_term *term, bool *negative)
{
    const struct poly *product = poly_constant(context, 1);
    for (uint32_t f = 0; f < term->n_factors; f++)
        product = poly_multiply(context, product, atom_magnitude(context, term->factors[f], negative));
    return poly_scale_fraction(context, product, term->numerator < 0 ? -term->numerator : term->numerator, term->denominator);
}

/* Some x >= 0 with term + x >= 0. */
static const struct poly *term_deficit(struct ir_context *context, const struct poly_term *term)
{
    bool negative = term->numerator < 0;
    int64_t least, largest, missing;
    if (!negative && term->n_factors == 1 && term->factors[0]->kind == POLY_TABLE && term->denominator == 1 &&
        poly_table_bounds(term->factors[0]->table, &least, &largest) && checked_multiply(least, -term->numerator, &missing))
        return poly_constant(context, missing > 0 ? missing : 0);
    const struct poly *most = magnitude(context, term, &negative);
    return negative ? most : poly_constant(context, 0);
}

/* Some x >= 0 with a + x >= 0. */
static const struct poly *deficit(struct ir_context *context, const struct poly *a)
{
    const struct poly *sum = poly_constant(context, 0);
    for (uint32_t k = 0; a && k < a->n_terms; k++)
        sum = poly_add(context, sum, term_deficit(context, &a->terms[k]));
    return sum;
}

/* In place of the atom an equal poly whose division has a numerator that is not negative; NULL: the atom is fine as it is. */
static const struct poly *raised_atom(struct ir_context *context, const struct poly_atom *atom)
{
    if (atom->kind != POLY_FLOOR && atom->kind != (enum poly_atom_kind)POLY_MOD)
        return NULL;
    const struct poly *numerator = fold_mods(context, atom->numerator, POLY_C);
    const struct poly *missing = deficit(context, numerator);
    if (!missing || poly_equals(missing, 0))
        return NULL;
    struct poly_atom raised = *atom;
    raised.numerator = poly_add(context, numerator, poly_multiply(context, missing, atom->denominator));
    const struct poly *result = raised.numerator ? poly_of_atom(context, poly_intern_atom(context, &raised)) : NULL;
    return atom->kind == POLY_FLOOR ? poly_subtract(context, result, missing) : result;
}

static const struct poly *raise_numerators(struct ir_context *context, const struct poly *a)
{
    const struct poly *sum = poly_constant(context, 0);
    for (uint32_t k = 0; a && sum && k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        const struct poly *product = poly_constant(context, 1);
        for (uint32_t f = 0; f < term->n_factors; f++) {
            const struct poly *raised = raised_atom(context, term->factors[f]);
            product = poly_multiply(context, product, raised ? raised : poly_of_atom(context, term->factors[f]));
        }
        sum = poly_add(context, sum, poly_scale_fraction(context, product, term->numerator, term->denominator));
    }
    return sum;
}

const struct poly *poly_fold(struct ir_context *context, const struct poly *a, enum poly_style style)
{
    a = fold_mods(context, a, style);
    if (style == POLY_C)
        return raise_numerators(context, a);
    for (int round = 0; a && round < MOST_FOLDS; round++) {
        const struct poly *folded = take_in_one(context, a);
        if (!folded)
            break;
        a = folded;
    }
    return a;
}
