/* Making quasi-polynomials: sums of terms, kept sorted and hash-consed, so that equal polys are one pointer.
 *
 * Every construction ends in poly_from_terms, which sorts, merges and interns. The order of terms and factors compares structure
 * (kind of atom, number of symbol, then inside), never addresses or ids, so text printed from a poly does not depend on how it was
 * built. Indices come before tables and floors, these before dims, and the constant is last: `e*N*M + i*M + j + 1`.
 * Coefficients that leave 64 bits give NULL and set the context's overflow flag. Division is in poly_divide.c. */
#include <string.h>

#include "poly_internal.h"

struct poly_table *poly_table_create(struct ir_context *context)
{
    return ARENA_NEW(context->arena, struct poly_table);
}

bool poly_context_overflowed(const struct ir_context *context)
{
    return context->polys && context->polys->overflowed;
}

const struct poly *poly_overflow(struct ir_context *context)
{
    context->polys->overflowed = true;
    return NULL;
}

int64_t poly_gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = b == -1 ? 0 : a % b;
        a = b;
        b = rest;
    }
    return a < 0 && a != INT64_MIN ? -a : a;
}

/* ---- the order ---- */

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_polys(const struct poly *a, const struct poly *b);

static int atom_rank(const struct poly_atom *atom)
{
    static const int ranks[] = {
        [POLY_INDEX] = 0, [POLY_TABLE] = 1, [POLY_FLOOR] = 2, [POLY_MOD] = 3, [POLY_DIM] = 4,
    };
    return ranks[atom->kind];
}

static int compare_atoms(const struct poly_atom *a, const struct poly_atom *b)
{
    if (a == b)
        return 0;
    int order = atom_rank(a) - atom_rank(b);
    if (order != 0)
        return order;
    if (a->kind == POLY_INDEX || a->kind == POLY_DIM)
        return compare_numbers(a->symbol, b->symbol);
    if (a->kind == POLY_TABLE) {
        order = compare_numbers(a->table->id, b->table->id);
        for (uint32_t k = 0; order == 0 && k < a->n_arguments; k++)
            order = compare_polys(a->arguments[k], b->arguments[k]);
        return order;
    }
    order = compare_polys(a->numerator, b->numerator);
    return order != 0 ? order : compare_polys(a->denominator, b->denominator);
}

int poly_compare_terms(const struct poly_term *a, const struct poly_term *b)
{
    for (uint32_t k = 0; k < a->n_factors && k < b->n_factors; k++) {
        int order = compare_atoms(a->factors[k], b->factors[k]);
        if (order != 0)
            return order;
    }
    /* The longer product first: N*M before N, and the constant last. */
    return compare_numbers(b->n_factors, a->n_factors);
}

static int compare_polys(const struct poly *a, const struct poly *b)
{
    if (a == b)
        return 0;
    for (uint32_t k = 0; k < a->n_terms && k < b->n_terms; k++) {
        int order = poly_compare_terms(&a->terms[k], &b->terms[k]);
        if (order == 0)
            order = compare_numbers(a->terms[k].numerator, b->terms[k].numerator);
        if (order == 0)
            order = compare_numbers(a->terms[k].denominator, b->terms[k].denominator);
        if (order != 0)
            return order;
    }
    return compare_numbers(a->n_terms, b->n_terms);
}

static int compare_for_sort(const void *a, const void *b)
{
    return poly_compare_terms(a, b);
}

/* ---- interning ---- */

static bool equal_terms(const struct poly_term *a, const struct poly_term *b)
{
    if (a->numerator != b->numerator || a->denominator != b->denominator || a->n_factors != b->n_factors)
        return false;
    for (uint32_t k = 0; k < a->n_factors; k++)
        if (a->factors[k] != b->factors[k])
            return false;
    return true;
}

static bool equal_polys(const void *key, const void *item)
{
    const struct poly *a = key, *b = item;
    if (a->n_terms != b->n_terms)
        return false;
    for (uint32_t k = 0; k < a->n_terms; k++)
        if (!equal_terms(&a->terms[k], &b->terms[k]))
            return false;
    return true;
}

static uint64_t hash_terms(size_t n, const struct poly_term *terms)
{
    uint64_t hash = n;
    for (size_t k = 0; k < n; k++) {
        hash = hash_mix(hash, (uint64_t)terms[k].numerator);
        hash = hash_mix(hash, (uint64_t)terms[k].denominator);
        for (uint32_t f = 0; f < terms[k].n_factors; f++)
            hash = hash_mix(hash, terms[k].factors[f]->id + UINT64_C(1));
    }
    return hash;
}

static const struct poly *intern_poly(struct ir_context *context, uint32_t n, const struct poly_term *terms)
{
    struct poly_table *table = context->polys;
    struct poly key = {.n_terms = n, .terms = terms, .hash = hash_terms(n, terms)};
    const struct poly *known = intern_find(&table->polys, key.hash, &key, equal_polys);
    if (known)
        return known;
    struct poly *poly = ARENA_NEW(context->arena, struct poly);
    key.terms = arena_copy(context->arena, terms, n, sizeof *terms);
    if (!poly || !key.terms)
        return NULL;
    key.id = table->n_polys++;
    *poly = key;
    return intern_add(context->arena, &table->polys, key.hash, poly);
}

static bool equal_atoms(const void *key, const void *item)
{
    const struct poly_atom *a = key, *b = item;
    if (a->kind != b->kind || a->symbol != b->symbol || a->numerator != b->numerator || a->denominator != b->denominator ||
        a->table != b->table || a->n_arguments != b->n_arguments)
        return false;
    for (uint32_t k = 0; k < a->n_arguments; k++)
        if (a->arguments[k] != b->arguments[k])
            return false;
    return true;
}

static uint64_t hash_atom(const struct poly_atom *atom)
{
    uint64_t hash = hash_mix(atom->kind, atom->symbol);
    if (atom->numerator)
        hash = hash_mix(hash_mix(hash, atom->numerator->id), atom->denominator->id);
    if (atom->table)
        hash = hash_mix(hash, atom->table->id);
    for (uint32_t k = 0; k < atom->n_arguments; k++)
        hash = hash_mix(hash, atom->arguments[k]->id);
    return hash;
}

const struct poly_atom *poly_intern_atom(struct ir_context *context, const struct poly_atom *atom)
{
    struct poly_table *table = context->polys;
    uint64_t hash = hash_atom(atom);
    const struct poly_atom *known = intern_find(&table->atoms, hash, atom, equal_atoms);
    if (known)
        return known;
    struct poly_atom *copy = arena_copy(context->arena, atom, 1, sizeof *atom);
    if (!copy)
        return NULL;
    if (atom->n_arguments > 0) {
        copy->arguments = arena_copy(context->arena, atom->arguments, atom->n_arguments, sizeof *atom->arguments);
        if (!copy->arguments)
            return NULL;
    }
    copy->id = table->n_atoms++;
    return intern_add(context->arena, &table->atoms, hash, copy);
}

/* ---- terms ---- */

/* Adds the coefficient of `from` to that of `into`, as a reduced fraction. */
static bool merge_term(struct poly_term *into, const struct poly_term *from)
{
    int64_t shared = poly_gcd(into->denominator, from->denominator), left, right, numerator, denominator;
    if (!checked_multiply(into->numerator, from->denominator / shared, &left) ||
        !checked_multiply(from->numerator, into->denominator / shared, &right) || !checked_add(left, right, &numerator) ||
        !checked_multiply(into->denominator, from->denominator / shared, &denominator) || numerator == INT64_MIN)
        return false;
    int64_t common = poly_gcd(numerator, denominator);
    into->numerator = numerator / common;
    into->denominator = denominator / common;
    return true;
}

static bool reserve_scratch(struct ir_context *context, size_t n)
{
    struct poly_table *table = context->polys;
    if (n <= table->scratch_capacity)
        return true;
    size_t capacity = n < 64 ? 64 : 2 * n;
    struct poly_term *scratch = ARENA_ARRAY(context->arena, capacity, struct poly_term);
    if (!scratch)
        return false;
    table->scratch = scratch;
    table->scratch_capacity = capacity;
    return true;
}

const struct poly *poly_from_terms(struct ir_context *context, size_t n, const struct poly_term *terms)
{
    if (n > UINT32_MAX || !reserve_scratch(context, n))
        return NULL;
    struct poly_term *sorted = context->polys->scratch;
    if (n > 0 && sorted != terms)
        memcpy(sorted, terms, n * sizeof *terms);
    if (n > 1)
        sort_items(sorted, n, sizeof *sorted, compare_for_sort);
    size_t kept = 0;
    for (size_t k = 0; k < n;) {
        struct poly_term term = sorted[k++];
        for (; k < n && poly_compare_terms(&term, &sorted[k]) == 0; k++)
            if (!merge_term(&term, &sorted[k]))
                return poly_overflow(context);
        if (term.numerator != 0)
            sorted[kept++] = term;
    }
    if (kept > 0 && sorted[kept - 1].n_factors == 0 && sorted[kept - 1].denominator != 1)
        return NULL;
    return intern_poly(context, (uint32_t)kept, sorted);
}

const struct poly *poly_of_term(struct ir_context *context, const struct poly_term *term)
{
    return poly_from_terms(context, 1, term);
}

const struct poly *poly_of_atom(struct ir_context *context, const struct poly_atom *atom)
{
    if (!atom)
        return NULL;
    const struct poly_atom **factors = arena_copy(context->arena, &atom, 1, sizeof atom);
    if (!factors)
        return NULL;
    return poly_of_term(context, &(struct poly_term){.numerator = 1, .denominator = 1, .n_factors = 1, .factors = factors});
}

/* ---- public makers ---- */

const struct poly *poly_constant(struct ir_context *context, int64_t value)
{
    if (!context)
        return NULL;
    if (value == INT64_MIN)
        return poly_overflow(context);
    return poly_from_terms(context, 1, &(struct poly_term){.numerator = value, .denominator = 1});
}

const struct poly *poly_dim(struct ir_context *context, uint32_t dim)
{
    return context ? poly_of_atom(context, poly_intern_atom(context, &(struct poly_atom){.kind = POLY_DIM, .symbol = dim})) : NULL;
}

const struct poly *poly_index(struct ir_context *context, uint32_t index)
{
    return context ? poly_of_atom(context, poly_intern_atom(context, &(struct poly_atom){.kind = POLY_INDEX, .symbol = index}))
                   : NULL;
}

const struct poly *poly_add(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    if (!context || !a || !b || !reserve_scratch(context, (size_t)a->n_terms + b->n_terms))
        return NULL;
    struct poly_term *terms = context->polys->scratch;
    memcpy(terms, a->terms, a->n_terms * sizeof *terms);
    memcpy(terms + a->n_terms, b->terms, b->n_terms * sizeof *terms);
    return poly_from_terms(context, (size_t)a->n_terms + b->n_terms, terms);
}

const struct poly *poly_subtract(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    return poly_add(context, a, poly_scale(context, b, -1));
}

const struct poly *poly_scale(struct ir_context *context, const struct poly *a, int64_t factor)
{
    return poly_scale_fraction(context, a, factor, 1);
}

/* coefficient of `term` times numerator / denominator */
static bool scale_term(struct poly_term *term, int64_t numerator, int64_t denominator)
{
    int64_t left = poly_gcd(term->numerator, denominator), right = poly_gcd(numerator, term->denominator);
    return numerator != INT64_MIN && checked_multiply(term->numerator / left, numerator / right, &term->numerator) &&
           checked_multiply(term->denominator / right, denominator / left, &term->denominator) && term->numerator != INT64_MIN;
}

const struct poly *poly_scale_fraction(struct ir_context *context, const struct poly *a, int64_t numerator, int64_t denominator)
{
    if (!context || !a)
        return NULL;
    if (numerator == 0)
        return poly_constant(context, 0);
    if (!reserve_scratch(context, a->n_terms))
        return NULL;
    struct poly_term *terms = context->polys->scratch;
    memcpy(terms, a->terms, a->n_terms * sizeof *terms);
    for (uint32_t k = 0; k < a->n_terms; k++)
        if (!scale_term(&terms[k], numerator, denominator))
            return poly_overflow(context);
    return poly_from_terms(context, a->n_terms, terms);
}

/* Product of two terms with factors merged in order. */
static bool multiply_terms(struct ir_context *context, const struct poly_term *a, const struct poly_term *b,
                           struct poly_term *result)
{
    *result = *a;
    if (!scale_term(result, b->numerator, b->denominator)) {
        poly_overflow(context);
        return false;
    }
    if (b->n_factors == 0)
        return true;
    result->n_factors = a->n_factors + b->n_factors;
    const struct poly_atom **factors = ARENA_ARRAY(context->arena, result->n_factors, const struct poly_atom *);
    if (!factors)
        return false;
    uint32_t left = 0, right = 0;
    for (uint32_t k = 0; k < result->n_factors; k++) {
        bool from_left = right == b->n_factors || (left < a->n_factors && compare_atoms(a->factors[left], b->factors[right]) <= 0);
        factors[k] = from_left ? a->factors[left++] : b->factors[right++];
    }
    result->factors = factors;
    return true;
}

const struct poly *poly_multiply(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    size_t n = 0, count;
    if (!context || !a || !b || __builtin_mul_overflow((size_t)a->n_terms, b->n_terms, &count) || !reserve_scratch(context, count))
        return NULL;
    struct poly_term *terms = context->polys->scratch;
    for (uint32_t i = 0; i < a->n_terms; i++)
        for (uint32_t j = 0; j < b->n_terms; j++)
            if (!multiply_terms(context, &a->terms[i], &b->terms[j], &terms[n++]))
                return NULL;
    return poly_from_terms(context, n, terms);
}
