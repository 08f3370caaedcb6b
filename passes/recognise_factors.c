/* Roots of unity that stand in a product with other things become factors of the contraction.
 *
 * `where(l == 0, 1, 2) * cos(pi*l*(2*k+1)/128)` in one map, or `d[l] * cos(...)`, is a transform of what is first multiplied by
 * what depends on `l` alone: the cosine is an operand, and the rest another, over the indices that it has. A number among the
 * factors, `cos(...) * x[l] * 2`, goes into the formula. */
#include "recognise.h"
#include "contraction.h"

#include <math.h>
#include <string.h>

enum { DEEPEST_PRODUCT = 32, MOST_WAVES = 4, MOST_WEIGHTS = 1 << 16, MOST_NORMALISED = 1 << 12 };

/* A product of waves and of what else there is (NULL: nothing). */
struct product {
    const struct ir_node *map; /* whose body it is */
    bool named;                /* a wave is an operand of the map: a transform that an operator names */
    const struct ir_expr *waves[MOST_WAVES];
    uint32_t count;
    const struct ir_expr *rest;
};

static bool has_root(struct ir_context *context, const struct ir_expr *expr)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    bool root = false, data = false;
    for (size_t k = 0; order && k < count; k++) {
        root |= order[k]->op == IR_EXPR_root;
        data |= order[k]->op == IR_EXPR_operand;
    }
    return root && !data;
}

/* An operand of the map that is such a formula, as operators are. */
static bool is_named_wave(struct ir_context *context, const struct product *product, const struct ir_expr *expr)
{
    if (expr->op != IR_EXPR_operand)
        return false;
    const struct ir_access *access = &product->map->operands[expr->operand];
    return access->node->op == IR_map_node && !access->node->n_operands && !access->fill && has_root(context, access->node->body);
}

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

/* A number that stays in the formula. */
static bool is_plain(const struct ir_expr *expr)
{
    bool plain = expr->op == IR_EXPR_literal || expr->op == IR_EXPR_mul || expr->op == IR_EXPR_div || expr->op == IR_EXPR_neg;
    for (uint32_t k = 0; plain && k < expr->n_arguments; k++)
        plain = is_plain(expr->arguments[k]);
    return plain;
}

/* Multiplies the factors of the expression, as numbers of type `elem`, to the product. False: too many, or no memory. */
static bool read_product(struct ir_context *context, const struct ir_expr *expr, enum ir_elem elem, struct product *product)
{
    bool same_kind = ir_elem_is_complex(expr->elem) || ir_elem_is_float(expr->elem);
    const struct ir_expr *more = expr;
    if (same_kind && expr->depth <= DEEPEST_PRODUCT && expr->op == IR_EXPR_mul)
        return read_product(context, expr->arguments[0], elem, product) && read_product(context, expr->arguments[1], elem, product);
    if (same_kind && expr->depth <= DEEPEST_PRODUCT && expr->op == IR_EXPR_div) {
        if (!read_product(context, expr->arguments[0], elem, product))
            return false;
        const struct ir_expr *one = ir_expr_literal(context, ir_ring_one(IR_RING_plustimes, elem));
        const struct ir_expr *by =
            expr->arguments[1]->elem == elem ? expr->arguments[1] : ir_expr_cast(context, elem, expr->arguments[1]);
        return (product->rest = apply(context, IR_EXPR_div, product->rest ? product->rest : one, by)) != NULL;
    }
    if (same_kind && expr->depth <= DEEPEST_PRODUCT && expr->op == IR_EXPR_neg) {
        const struct ir_expr *minus_one =
            apply(context, IR_EXPR_neg, ir_expr_literal(context, ir_ring_one(IR_RING_plustimes, elem)), NULL);
        if (!read_product(context, expr->arguments[0], elem, product))
            return false;
        more = minus_one;
    } else if (expr->op == IR_EXPR_cast && ir_elem_is_complex(elem) >= ir_elem_is_complex(expr->arguments[0]->elem) &&
               (ir_elem_is_complex(expr->arguments[0]->elem) || ir_elem_is_float(expr->arguments[0]->elem))) {
        return read_product(context, expr->arguments[0], elem, product);
    }
    if (more && more->elem != elem)
        more = ir_expr_cast(context, elem, more);
    if (!more)
        return false;
    bool named = is_named_wave(context, product, more);
    if (named || has_root(context, more)) {
        if (product->count == MOST_WAVES)
            return false;
        product->named |= named;
        product->waves[product->count++] = more;
        return true;
    }
    return (product->rest = product->rest ? apply(context, IR_EXPR_mul, product->rest, more) : more) != NULL;
}

/* Is it a number, or weights of an axis, of which no division makes other numbers modulo a prime? */
static bool is_table(struct ir_context *context, const struct ir_node *node, uint32_t rank)
{
    const struct ir_node *formula = node->op == IR_view_node ? node->operands[0].node : node;
    size_t count;
    const struct ir_expr **order = formula->op == IR_map_node ? ir_expr_topological(context, formula->body, &count) : NULL;
    if (!order || formula->n_operands || rank > 1 || has_root(context, formula->body))
        return false;
    for (size_t k = 0; rank && k < count; k++)
        if (order[k]->op == IR_EXPR_div)
            return false;
    return ir_is_known(context, node, MOST_WEIGHTS);
}

/* A part of the body of the map that is accessed as an operand; weights as their numbers. */
static struct ir_access part(struct recognising *recognising, const struct ir_access *access, const struct ir_expr *expr)
{
    struct ir_access result = contraction_map_part(recognising->context, access, expr);
    if (result.node && is_table(recognising->context, result.node, result.node->rank))
        result.node = ir_evaluated(recognising->context, result.node, NULL);
    return result;
}

/* A wave as an operand: one that has a name where it stands. */
static struct ir_access wave_access(struct recognising *recognising, const struct ir_node *node, const struct ir_access *access,
                                    const struct product *product, const struct ir_expr *wave)
{
    struct poly_ranges ranges = ir_ranges(node);
    if (!is_named_wave(recognising->context, product, wave))
        return part(recognising, access, wave);
    struct ir_access inner = product->map->operands[wave->operand];
    struct ir_access result = ir_access_substitute(recognising->context, inner, product->map->rank, access->subscripts, &ranges);
    result.conjugate = access->conjugate != inner.conjugate;
    return result;
}

/* ---- weights ---- */

static double most_common(const double *values, int64_t count)
{
    double best = values[0];
    int64_t most = 0;
    for (int64_t k = 0; k < count && most < count - k; k++) {
        int64_t same = 0;
        for (int64_t l = k; l < count; l++)
            same += values[l] == values[k];
        if (same > most) {
            most = same;
            best = values[k];
        }
    }
    return most > 1 ? best : 1;
}

/* Real weights of an axis over the one that is most common, so that most are one, and `factor` that; the node itself where that
 * would round. */
static const struct ir_node *normalised(struct ir_context *context, const struct ir_node *weights, double *factor)
{
    int64_t count;
    *factor = 1;
    if (weights->op != IR_const_node || weights->rank != 1 || !ir_elem_is_float(weights->elem) || ir_elem_is_half(weights->elem) ||
        !poly_is_constant(weights->shape[0], &count) || count < 1 || count > MOST_NORMALISED)
        return weights;
    size_t bytes = ir_elem_info(weights->elem)->bytes;
    double *values = ARENA_ARRAY(ir_arena(context), (size_t)count, double);
    char *data = ARENA_ARRAY(ir_arena(context), (size_t)count * bytes, char);
    for (int64_t k = 0; values && k < count; k++)
        values[k] = ir_number_load(weights->elem, weights->constant->data, (size_t)k).re;
    if (!values || !data)
        return NULL;
    double common = most_common(values, count);
    if (common == 0 || common == 1 || !isfinite(common))
        return weights;
    for (int64_t k = 0; k < count; k++) {
        struct ir_number share = ir_number_real(weights->elem, values[k] / common);
        if (ir_round_real(weights->elem, share.re * common) != values[k])
            return weights;
        ir_number_store(share, data, (size_t)k);
    }
    *factor = common;
    struct ir_constant constant = {.data = data, .bytes = (size_t)count * bytes};
    return ir_constant(context, weights->elem, 1, weights->shape, &constant);
}

/* ---- contractions ---- */

static const struct ir_node *with_factors(struct ir_context *context, struct ir_kernel *kernel, const struct ir_node *node,
                                          uint32_t count, const struct ir_access *operands)
{
    const struct ir_node *same = ir_contract(
        context, &(struct ir_contract){node->contract.ring, node->elem, node->contract.accumulator, node->rank, node->n_indices,
                                       node->extents, count, operands, node->contract.n_domain, node->contract.domain,
                                       node->contract.n_sliced, node->contract.sliced, false, node->contract.named});
    const struct ir_name *name = ir_find_name(kernel, node);
    if (same && name)
        ir_set_name(context, kernel, same, NULL, name->index_names, name->span);
    return same;
}

/* Operand `o` with its waves as operands of their own; the node itself where there is nothing to part. */
static const struct ir_node *parted(struct recognising *recognising, const struct ir_node *node, uint32_t o)
{
    struct ir_context *context = recognising->context;
    const struct ir_access *access = &node->operands[o];
    const struct ir_node *map = access->node;
    struct product product = {.map = map};
    if (map->op != IR_map_node || access->fill)
        return node;
    struct poly_ranges ranges = ir_ranges(map);
    const struct ir_expr *body = recognise_roots(context, map->body, &ranges);
    if (!body)
        return NULL;
    if (!read_product(context, body, map->elem, &product))
        return arena_failed(ir_arena(context)) ? NULL : node;
    if (product.count == 0 || (product.count == 1 && !product.named && (!product.rest || is_plain(product.rest))))
        return node;
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands + product.count + 1, struct ir_access);
    uint32_t count = node->n_operands;
    if (!operands)
        return NULL;
    memcpy(operands, node->operands, count * sizeof *operands);
    operands[o] = wave_access(recognising, node, access, &product, product.waves[0]);
    for (uint32_t k = 1; k < product.count; k++)
        operands[count++] = wave_access(recognising, node, access, &product, product.waves[k]);
    for (uint32_t k = 0; k < product.count; k++)
        if (!is_named_wave(context, &product, product.waves[k]) &&
            !recognise_note(recognising, operands[k ? node->n_operands + k - 1 : o].node))
            return NULL;
    if (product.rest) {
        double factor;
        operands[count] = part(recognising, access, product.rest);
        if (!operands[count].node || !(operands[count].node = normalised(context, operands[count].node, &factor)))
            return NULL;
        const struct ir_number number =
            ir_elem_is_complex(map->elem) ? ir_number_complex(map->elem, factor, 0) : ir_number_real(map->elem, factor);
        count++;
        if (factor != 1)
            operands[count++] = ir_access_whole(context, ir_scalar(context, number));
    }
    return with_factors(context, recognising->pass->kernel, node, count, operands);
}

static bool is_scalar(const struct ir_access *access)
{
    return access->node->op == IR_const_node && access->node->rank == 0 && !access->node->constant->exact && !access->conjugate;
}

/* Numbers among the factors go into the first formula. */
static const struct ir_node *scaled(struct recognising *recognising, const struct ir_node *node)
{
    struct ir_context *context = recognising->context;
    uint32_t wave = 0, count = 0;
    while (wave < node->n_operands &&
           (!recognise_is_found(recognising->pass, node->operands[wave].node) || node->operands[wave].conjugate))
        wave++;
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access);
    if (wave == node->n_operands || !operands)
        return operands ? node : NULL;
    struct ir_access formula = node->operands[wave];
    for (uint32_t k = 0; k < node->n_operands; k++) {
        if (!is_scalar(&node->operands[k]) || node->operands[k].node->elem != formula.node->elem) {
            operands[count++] = node->operands[k];
            continue;
        }
        struct ir_number number = ir_number_load(formula.node->elem, node->operands[k].node->constant->data, 0);
        const struct ir_expr *body = apply(context, IR_EXPR_mul, ir_expr_literal(context, number), formula.node->body);
        formula.node = ir_map(context, formula.node->rank, formula.node->shape, 0, NULL, body);
    }
    if (count == node->n_operands)
        return node;
    for (uint32_t k = 0; k < count; k++)
        if (operands[k].node == node->operands[wave].node && operands[k].subscripts == node->operands[wave].subscripts)
            operands[k] = formula;
    if (!formula.node || !recognise_note(recognising, formula.node))
        return NULL;
    return with_factors(context, recognising->pass->kernel, node, count, operands);
}

const struct ir_node *recognise_factors(struct recognising *recognising, const struct ir_node *node)
{
    bool rounds = ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem);
    if (node->contract.ring != IR_RING_plustimes || !rounds || ir_elem_is_half(node->elem))
        return node;
    for (uint32_t o = 0; node && o < node->n_operands; o++)
        node = parted(recognising, node, o);
    return node ? scaled(recognising, node) : NULL;
}
