/* Replacing dims, indices and lookups. Floors are divided anew and tables looked up anew, so that the result is canonical again. */
#include "poly_internal.h"

struct replacing {
    struct ir_context *context;
    poly_leaf_function *leaf;     /* NULL: leaves stay */
    poly_lookup_function *lookup; /* NULL: lookups stay */
    void *user;
    const struct poly_ranges *ranges;
};

static const struct poly *replace(const struct replacing *replacing, const struct poly *a);

static const struct poly *replace_atom(const struct replacing *replacing, const struct poly_atom *atom)
{
    struct ir_context *context = replacing->context;
    if (atom->kind == POLY_FLOOR) {
        const struct poly *denominator = replace(replacing, atom->denominator);
        /* A dim bound to 0 as a divisor: what is divided is only used where a loop of that extent runs, never. */
        if (poly_equals(denominator, 0))
            return denominator;
        return poly_floor_div(context, replace(replacing, atom->numerator), denominator, replacing->ranges);
    }
    if (atom->kind == POLY_TABLE) {
        const struct poly **arguments = ARENA_ARRAY(context->arena, atom->n_arguments, const struct poly *);
        if (!arguments)
            return NULL;
        for (uint32_t k = 0; k < atom->n_arguments; k++)
            if (!(arguments[k] = replace(replacing, atom->arguments[k])))
                return NULL;
        const struct poly *found =
            replacing->lookup ? replacing->lookup(replacing->user, atom->table, atom->n_arguments, arguments) : NULL;
        if (found)
            return found;
        return poly_table(context, atom->table, atom->n_arguments, arguments);
    }
    const struct poly *replacement = replacing->leaf ? replacing->leaf(replacing->user, atom) : NULL;
    return replacement ? replacement : poly_of_atom(context, atom);
}

/* Would nothing change? Then the poly is kept without building anything. */
static bool is_kept(const struct replacing *replacing, const struct poly *a)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        for (uint32_t f = 0; f < a->terms[k].n_factors; f++) {
            const struct poly_atom *atom = a->terms[k].factors[f];
            if (atom->kind == POLY_FLOOR || atom->kind == POLY_TABLE || (replacing->leaf && replacing->leaf(replacing->user, atom)))
                return false;
        }
    return true;
}

static const struct poly *replace(const struct replacing *replacing, const struct poly *a)
{
    struct ir_context *context = replacing->context;
    if (is_kept(replacing, a))
        return a;
    const struct poly *sum = poly_constant(context, 0);
    for (uint32_t k = 0; k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        const struct poly *product = poly_constant(context, 1);
        for (uint32_t f = 0; f < term->n_factors; f++)
            product = poly_multiply(context, product, replace_atom(replacing, term->factors[f]));
        sum = poly_add(context, sum, poly_scale_fraction(context, product, term->numerator, term->denominator));
    }
    return sum;
}

const struct poly *poly_replace_leaves(struct ir_context *context, const struct poly *a, poly_leaf_function *leaf, void *user,
                                       const struct poly_ranges *ranges)
{
    return context && a ? replace(&(struct replacing){context, leaf, NULL, user, ranges}, a) : NULL;
}

const struct poly *poly_replace_lookups(struct ir_context *context, const struct poly *a, poly_lookup_function *lookup, void *user,
                                        const struct poly_ranges *ranges)
{
    return context && a ? replace(&(struct replacing){context, NULL, lookup, user, ranges}, a) : NULL;
}

struct index_replacements {
    uint32_t n;
    const struct poly *const *polys;
};

static const struct poly *replaced_index(void *user, const struct poly_atom *leaf)
{
    const struct index_replacements *replacements = user;
    return leaf->kind == POLY_INDEX && leaf->symbol < replacements->n ? replacements->polys[leaf->symbol] : NULL;
}

const struct poly *poly_substitute(struct ir_context *context, const struct poly *a, uint32_t n,
                                   const struct poly *const *replacements, const struct poly_ranges *ranges)
{
    return poly_replace_leaves(context, a, replaced_index, &(struct index_replacements){n, replacements}, ranges);
}

struct bound_dims {
    struct ir_context *context;
    uint32_t n;
    const int64_t *values;
};

static const struct poly *bound_dim(void *user, const struct poly_atom *leaf)
{
    const struct bound_dims *bound = user;
    if (leaf->kind != POLY_DIM || leaf->symbol >= bound->n || bound->values[leaf->symbol] < 0)
        return NULL;
    return poly_constant(bound->context, bound->values[leaf->symbol]);
}

const struct poly *poly_bind_dims(struct ir_context *context, const struct poly *a, uint32_t n, const int64_t *values)
{
    return poly_replace_leaves(context, a, bound_dim, &(struct bound_dims){context, n, values}, NULL);
}
