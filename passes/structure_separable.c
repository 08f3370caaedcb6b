/* Roots of unity at sums of products: root(a + b, N) is root(a, N) root(b, N).
 *
 * So a transform over several axes is one over each, and signs (-1)^(sum of products of binary digits), Walsh and Hadamard's, are
 * factors of two by two for each pair of digits. A term that is one product c A B of an index or a floor of one and another becomes
 * a table over A and B modulo the order of c; a term of A alone a diagonal. */
#include "structure.h"

/* Of a table over something that is no index: longer ones are not made. */
enum { LONGEST_TABLE = 4096 };

static const struct ir_expr *formula(struct ir_context *context, enum ir_elem elem, const struct poly *numerator, int64_t order,
                                     const struct structure_wave *scale)
{
    const struct ir_expr *arguments[2] = {ir_expr_index(context, numerator),
                                          ir_expr_literal(context, ir_number_integer(IR_i64, order))};
    const struct ir_expr *body = ir_expr_apply(context, IR_EXPR_root, 2, arguments);
    const struct ir_expr *factors[2] = {scale ? ir_expr_literal(context, ir_number_complex(IR_c128, scale->re, scale->im)) : NULL,
                                        body};
    if (scale)
        body = ir_expr_apply(context, IR_EXPR_mul, 2, factors);
    if (!ir_elem_is_complex(elem))
        body = ir_expr_apply(context, IR_EXPR_real, 1, &body);
    return body && body->elem != elem ? ir_expr_cast(context, elem, body) : body;
}

/* One term as an operand of the node. False: too long a table, or no memory. */
static bool make_factor(struct ir_context *context, const struct ir_node *node, const struct poly_term *term, int64_t order,
                        const struct structure_wave *scale, struct ir_access *factor)
{
    struct poly_ranges ranges = ir_ranges(node);
    int64_t common = poly_gcd(term->numerator, order), own = order / common, extent;
    const struct poly *shape[2], *at[2], *numerator = poly_constant(context, term->numerator / common);
    for (uint32_t k = 0; k < term->n_factors; k++) {
        at[k] = poly_of_atom(context, term->factors[k]);
        uint32_t index = term->factors[k]->symbol;
        bool whole = term->factors[k]->kind == POLY_INDEX && poly_is_constant(node->extents[index], &extent) && extent <= own;
        if (!whole && own > LONGEST_TABLE)
            return false;
        shape[k] = whole ? node->extents[index] : poly_constant(context, own);
        at[k] = whole ? at[k] : poly_mod(context, at[k], shape[k], &ranges);
        numerator = poly_multiply(context, numerator, poly_index(context, k));
    }
    factor->node = ir_map(context, term->n_factors, shape, 0, NULL, formula(context, node->elem, numerator, own, scale));
    factor->subscripts = arena_copy(ir_arena(context), at, term->n_factors, sizeof *at);
    return factor->node && factor->subscripts;
}

/* Of one index, itself or floors of it. */
static bool is_simple(const struct poly_atom *atom)
{
    return atom->kind == POLY_INDEX ||
           (atom->kind == POLY_FLOOR && !poly_uses_dims(atom->numerator) && !poly_is_run_time(atom->numerator));
}

/* Products of two different factors, at least two of them, and what is in one factor alone. */
static bool separates(const struct poly *numerator)
{
    uint32_t pairs = 0;
    for (uint32_t t = 0; t < numerator->n_terms; t++) {
        const struct poly_term *term = &numerator->terms[t];
        if (term->n_factors > 2 || (term->n_factors == 2 && term->factors[0] == term->factors[1]))
            return false;
        for (uint32_t k = 0; k < term->n_factors; k++)
            if (!is_simple(term->factors[k]))
                return false;
        pairs += term->n_factors == 2;
    }
    return pairs > 1;
}

/* The numerator modulo the order, both without what they have in common. */
static bool reduce(struct ir_context *context, struct structure_wave *wave)
{
    int64_t common = wave->order;
    const struct poly *numerator = poly_reduce(context, wave->numerator, wave->order);
    for (uint32_t t = 0; numerator && t < numerator->n_terms; t++)
        common = poly_gcd(common, numerator->terms[t].numerator);
    wave->order /= common;
    wave->numerator = numerator ? poly_floor_div(context, numerator, poly_constant(context, common), NULL) : NULL;
    return wave->numerator != NULL;
}

const struct ir_node *structure_separable(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct ir_context *context = structuring->context;
    struct structure_wave wave;
    if (!structure_find_wave(structuring, node, operand, &wave) || !reduce(context, &wave) || !separates(wave.numerator) ||
        (wave.real && (wave.order > 2 || wave.im != 0)))
        return NULL;
    uint32_t count = 0, n_terms = wave.numerator->n_terms;
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands + n_terms - 1, struct ir_access);
    for (uint32_t t = 0; operands && t < n_terms; t++)
        if (!make_factor(context, node, &wave.numerator->terms[t], wave.order,
                         t == 0 && (wave.re != 1 || wave.im != 0) ? &wave : NULL, &operands[count++]))
            return NULL;
    for (uint32_t k = 0; operands && k < node->n_operands; k++)
        if (k != operand)
            operands[count++] = node->operands[k];
    const struct ir_name *name = ir_find_name(structuring->kernel, node);
    const struct ir_node *product = !operands
                                        ? NULL
                                        : ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                                     .elem = node->elem,
                                                                                     .accumulator = node->contract.accumulator,
                                                                                     .rank = node->rank,
                                                                                     .n_indices = node->n_indices,
                                                                                     .extents = node->extents,
                                                                                     .n_operands = count,
                                                                                     .operands = operands});
    if (product && name)
        ir_set_name(context, structuring->kernel, product, NULL, name->index_names, name->span);
    return product ? structure_improve(structuring, product) : NULL;
}
