/* Literals of a contraction: `0.25 * (q * k)` multiplies what is smallest of what is written anyway, never a copy of an input.
 *
 * The network is made without them. Once the tree is known they go to the smallest tensor that a step of it sums, or to the
 * result; not to a tensor other contractions read, nor below one. There they are a map, which `fuse` puts at the store of the
 * contraction it reads. Beside a constant tensor they stay factors: the compiler multiplies them into it. A summed index that
 * nothing uses is a literal too, of its extent. */
#include "order.h"
#include "simplify_internal.h"

static bool is_literal(const struct ir_access *access)
{
    const struct ir_node *node = access->node;
    return node->op == IR_const_node && node->rank == 0 && !node->constant->exact && !access->conjugate && !access->fill;
}

/* Is it finite? Times 0, the sum over nothing, it is then 0. */
static bool is_tame(struct ir_number number)
{
    bool floats = ir_elem_is_float(number.elem) || ir_elem_is_complex(number.elem);
    return !floats || (isfinite(number.re) && (!ir_elem_is_complex(number.elem) || isfinite(number.im)));
}

/* Indices up to the last that an operand needs or a condition uses; flatten puts those that nothing uses behind. `needed` is room
 * for them. */
static uint32_t used_indices(struct ir_context *context, const struct ir_node *node, bool *needed)
{
    const struct poly_ranges ranges = ir_ranges(node);
    uint32_t used = node->n_indices;
    for (uint32_t k = 0; k < node->n_operands; k++)
        ir_access_needs(context, &node->operands[k], &ranges, needed);
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        for (uint32_t index = 0; index < node->n_indices; index++)
            needed[index] = needed[index] || poly_uses_index(node->contract.domain[k], index);
    while (used > node->rank && !needed[used - 1])
        used--;
    return used;
}

static bool has_constant_tensor(const struct ir_node *node)
{
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (node->operands[k].node->op == IR_const_node && node->operands[k].node->rank > 0 &&
            !node->operands[k].node->constant->exact)
            return true;
    return false;
}

bool order_set_literals_aside(struct ir_context *context, const struct ir_node *node, struct order_problem *problem)
{
    struct arena *arena = ir_arena(context);
    struct ir_access *others = ARENA_ARRAY(arena, node->n_operands, struct ir_access);
    const struct ir_expr **literals = ARENA_ARRAY(arena, (size_t)node->n_operands + node->n_indices, const struct ir_expr *);
    bool *needed = ARENA_ARRAY(arena, node->n_indices, bool);
    uint32_t n_others = 0, n_literals = 0, n_indices = node->n_indices;
    problem->whole = problem->node = node;
    if (arena_failed(arena))
        return false;
    if (node->contract.ring == IR_RING_plustimes) /* summing n times the same is n times it */
        for (uint32_t used = used_indices(context, node, needed); n_indices > used; n_indices--)
            literals[n_literals++] =
                ir_expr_cast(context, node->contract.accumulator, ir_expr_index(context, node->extents[n_indices - 1]));
    bool folds = has_constant_tensor(node);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        if (!folds && is_literal(access) && is_tame(constant_element(access->node, 0)))
            literals[n_literals++] = ir_expr_literal(context, constant_element(access->node, 0));
        else
            others[n_others++] = *access;
    }
    if (n_literals == 0 || n_others == 0 || (n_others == 1 && node->n_indices == node->rank))
        return true;
    problem->node = ir_contract(context, &(struct ir_contract){.ring = node->contract.ring,
                                                               .elem = node->elem,
                                                               .accumulator = node->contract.accumulator,
                                                               .rank = node->rank,
                                                               .n_indices = n_indices,
                                                               .extents = node->extents,
                                                               .n_operands = n_others,
                                                               .operands = others,
                                                               .n_domain = node->contract.n_domain,
                                                               .domain = node->contract.domain});
    problem->literals = literals;
    problem->n_literals = n_literals;
    return problem->node != NULL;
}

uint32_t order_scaled_step(const struct order_problem *problem, const struct order_set *sets, bool *blocked)
{
    const struct order_network *network = &problem->network;
    uint32_t n = network->n_operands, best = n - 2;
    for (uint32_t step = 0; step + 1 < n; step++)
        blocked[step] = problem->stored[step];
    for (uint32_t step = n - 1; step-- > 0;) {
        const struct order_step *made = &problem->tree.steps[step];
        if (blocked[step] && made->left >= n)
            blocked[made->left - n] = true;
        if (blocked[step] && made->right >= n)
            blocked[made->right - n] = true;
        struct order_set all = order_union(sets[made->left], sets[made->right]);
        bool sums = order_volume(network, sets[n + step]) < order_volume(network, all);
        double volume = order_volume(network, sets[n + step]), smallest = order_volume(network, sets[n + best]);
        if (!blocked[step] && sums && (volume < smallest || (volume == smallest && best != n - 2)))
            best = step;
    }
    return best;
}

const struct ir_node *order_scale(struct ir_context *context, const struct order_problem *problem, const struct ir_node *node,
                                  enum ir_elem elem)
{
    if (!node)
        return NULL;
    enum ir_expr_op multiply = ir_ring_info(problem->whole->contract.ring)->multiply;
    const struct ir_expr *body = ir_expr_cast(context, node->elem, problem->literals[0]);
    for (uint32_t k = 1; body && k < problem->n_literals; k++) {
        const struct ir_expr *literal = ir_expr_cast(context, node->elem, problem->literals[k]);
        body = ir_expr_apply(context, multiply, 2, (const struct ir_expr *[]){body, literal});
    }
    body = ir_expr_apply(context, multiply, 2, (const struct ir_expr *[]){body, ir_expr_operand(context, 0, node->elem)});
    struct ir_access whole = ir_access_whole(context, node);
    return ir_map(context, node->rank, node->shape, 1, &whole, ir_expr_cast(context, elem, body));
}
