/* Reductions that are not sums of products: extrema (rings minplus and maxplus) and products (ring prod).
 *
 * max over j of (a + b + ...): the cotangent goes to the points that attain the maximum, in equal parts where several do, and from
 * a point to each of the summands there. With two or more summands the sum at each point is a value of its own, so that equality
 * with its maximum is exact whatever order the summands are added in.
 *
 * prod over j of x[j]: what x[j] gets is the product of those before it times that of those after it in the order of the index
 * space, so no element is divided by and zeros are no matter. */
#include "gradient.h"

/* ---- extrema ---- */

/* The summands added at every point of the index space, and the access to them; one summand is itself. */
static struct ir_access sum_at_points(struct gradient *gradient, const struct ir_node *node)
{
    struct ir_context *context = gradient->context;
    if (node->n_operands == 1)
        return node->operands[0];
    const struct ir_expr *sum = ir_expr_operand(context, 0, node->elem);
    for (uint32_t k = 1; k < node->n_operands; k++) {
        const struct ir_expr *sides[2] = {sum, ir_expr_operand(context, k, node->elem)};
        sum = ir_expr_apply(context, IR_EXPR_add, 2, sides);
    }
    const struct ir_node *map = ir_map(context, node->n_indices, node->extents, node->n_operands, node->operands, sum);
    return ir_access_whole(context, gradient_name(gradient, map, NULL, node));
}

static const struct ir_node *extremum_of(struct gradient *gradient, const struct ir_node *node, const struct ir_access *points)
{
    if (node->n_operands == 1)
        return node;
    struct ir_contract contract = {.ring = node->contract.ring,
                                   .elem = node->elem,
                                   .accumulator = node->contract.accumulator,
                                   .rank = node->rank,
                                   .n_indices = node->n_indices,
                                   .extents = node->extents,
                                   .n_operands = 1,
                                   .operands = points,
                                   .n_domain = node->contract.n_domain,
                                   .domain = node->contract.domain};
    return gradient_name(gradient, ir_contract(gradient->context, &contract), NULL, node);
}

/* 1 where a point attains the extremum, else 0. */
static const struct ir_node *attained(struct gradient *gradient, const struct ir_node *node, struct ir_access points,
                                      const struct ir_node *extremum)
{
    struct ir_context *context = gradient->context;
    struct ir_access operands[2] = {points, ir_access_whole(context, extremum)};
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, node->elem), ir_expr_operand(context, 1, node->elem)};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_eq, 2, sides),
                                       ir_expr_literal(context, ir_number_real(node->elem, 1)),
                                       ir_expr_literal(context, ir_number_real(node->elem, 0))};
    const struct ir_node *map =
        ir_map(context, node->n_indices, node->extents, 2, operands, ir_expr_apply(context, IR_EXPR_select, 3, choice));
    return gradient_name(gradient, map, "at_", node);
}

/* The cotangent in as many parts as points attain the extremum. */
static const struct ir_node *shared_out(struct gradient *gradient, const struct ir_node *node, const struct ir_node *mark,
                                        const struct ir_node *cotangent)
{
    struct ir_context *context = gradient->context;
    struct ir_access marks = ir_access_whole(context, mark);
    struct ir_contract sum = {.ring = IR_RING_plustimes,
                              .elem = node->elem,
                              .accumulator = gradient_accumulator(node->elem),
                              .rank = node->rank,
                              .n_indices = node->n_indices,
                              .extents = node->extents,
                              .n_operands = 1,
                              .operands = &marks,
                              .n_domain = node->contract.n_domain,
                              .domain = node->contract.domain};
    const struct ir_node *count = gradient_name(gradient, ir_contract(context, &sum), "ties_", node);
    struct ir_access operands[2] = {ir_access_whole(context, cotangent), ir_access_whole(context, count)};
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, node->elem), ir_expr_operand(context, 1, node->elem)};
    const struct ir_node *share =
        ir_map(context, node->rank, node->shape, 2, operands, ir_expr_apply(context, IR_EXPR_div, 2, sides));
    return gradient_name(gradient, share, "share_", node);
}

void gradient_extremum(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct ir_context *context = gradient->context;
    struct ir_access points = sum_at_points(gradient, node);
    if (!points.node)
        return;
    const struct ir_node *mark = attained(gradient, node, points, extremum_of(gradient, node, &points));
    const struct ir_node *share = mark ? shared_out(gradient, node, mark, cotangent) : NULL;
    if (!share)
        return;
    struct ir_access factors[2] = {ir_access_whole(context, share), ir_access_whole(context, mark)};
    for (uint32_t k = 0; k < node->n_operands; k++) {
        if (!gradient_is_active(gradient, node->operands[k].node))
            continue;
        struct gradient_term term = {node, &node->operands[k], factors, 2, node->elem};
        gradient_contribute(gradient, node->operands[k].node, gradient_transpose(gradient, &term));
    }
}

/* ---- products ---- */

/* Where a point stands among those that are multiplied. `shift`: what is added to the numbers of the summed indices. */
static const struct poly *place_of(struct ir_context *context, const struct ir_node *node, uint32_t shift)
{
    const struct poly *place = poly_constant(context, 0);
    for (uint32_t k = node->rank; k < node->n_indices; k++)
        place = poly_add(context, poly_multiply(context, place, node->extents[k]), poly_index(context, k + shift));
    return place;
}

/* At each point (i, j) the product of the elements at (i, j') with j' before j, or after it. */
static const struct ir_node *product_beside(struct gradient *gradient, const struct ir_node *node, bool before)
{
    struct ir_context *context = gradient->context;
    uint32_t n = node->n_indices, summed = n - node->rank;
    const struct poly **extents = ARENA_ARRAY(gradient->arena, n + summed, const struct poly *);
    const struct poly **moved = ARENA_ARRAY(gradient->arena, n, const struct poly *);
    const struct poly **domain = ARENA_ARRAY(gradient->arena, node->contract.n_domain + 1, const struct poly *);
    if (!extents || !moved || !domain)
        return NULL;
    for (uint32_t k = 0; k < n + summed; k++)
        extents[k] = node->extents[k < n ? k : k - summed];
    for (uint32_t k = 0; k < n; k++)
        moved[k] = poly_index(context, k < node->rank ? k : k + summed);
    struct poly_ranges ranges = {n + summed, extents};
    const struct poly *here = place_of(context, node, 0), *other = place_of(context, node, summed);
    const struct poly *distance = before ? poly_subtract(context, here, other) : poly_subtract(context, other, here);
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        domain[k] = poly_substitute(context, node->contract.domain[k], n, moved, &ranges);
    domain[node->contract.n_domain] = poly_subtract(context, distance, poly_constant(context, 1));
    struct ir_access factor = ir_access_substitute(context, node->operands[0], n, moved, &ranges);
    struct ir_contract contract = {.ring = IR_RING_prod,
                                   .elem = node->elem,
                                   .accumulator = node->contract.accumulator,
                                   .rank = n,
                                   .n_indices = n + summed,
                                   .extents = extents,
                                   .n_operands = 1,
                                   .operands = &factor,
                                   .n_domain = node->contract.n_domain + 1,
                                   .domain = domain};
    return gradient_name(gradient, ir_contract(context, &contract), before ? "before_" : "after_", node);
}

void gradient_product(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct ir_context *context = gradient->context;
    struct ir_access factors[3] = {ir_access_whole(context, cotangent),
                                   gradient_conjugated(context, ir_access_whole(context, product_beside(gradient, node, true))),
                                   gradient_conjugated(context, ir_access_whole(context, product_beside(gradient, node, false)))};
    struct gradient_term term = {node, &node->operands[0], factors, 3, node->contract.accumulator};
    if (factors[1].node && factors[2].node)
        gradient_contribute(gradient, node->operands[0].node, gradient_transpose(gradient, &term));
}
