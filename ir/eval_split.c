/* Contractions that no loop nest could finish, as a tree of smaller ones, for the reference.
 *
 * A contraction of many operands is one loop nest over all its indices; past SPLIT_POINTS points the reference sums each index as
 * soon as no operand left needs it, taking operand after operand, the one that gives the smallest result next (distributivity of
 * the ring). Results in between are kept in double precision, so that nothing is rounded that would not have been. Smaller
 * contractions stay as they are. */
#include "eval_split.h"

enum { SPLIT_POINTS = 1 << 22 };

/* What is left to multiply: an access over the indices of the contraction that is split, and which of them it uses. */
struct factor {
    struct ir_access access;
    bool *uses;
};

struct split {
    struct ir_context *context;
    const struct ir_node *node;
    const int64_t *dims;
    double *extents;
    bool *summed; /* already */
    struct factor *factors;
    uint32_t n_factors;
};

static double *extents_of(struct ir_context *context, const struct ir_node *node, const int64_t *dims, double *points)
{
    double *extents = ARENA_ARRAY(ir_arena(context), node->n_indices, double);
    *points = 1;
    for (uint32_t k = 0; k < node->n_indices && extents; k++) {
        int64_t extent;
        if (!poly_evaluate(node->extents[k], dims, NULL, &extent))
            return NULL;
        extents[k] = (double)extent;
        *points *= extents[k];
    }
    return extents;
}

static bool is_large(struct ir_context *context, const struct ir_node *node, const int64_t *dims)
{
    double points;
    return node->op == IR_contract_node && node->n_operands > 2 &&
           ir_ring_info(node->contract.ring)->multiply != IR_EXPR_OP_COUNT && extents_of(context, node, dims, &points) &&
           points > SPLIT_POINTS;
}

static bool list_factors(struct split *split)
{
    const struct ir_node *node = split->node;
    struct arena *arena = ir_arena(split->context);
    double points;
    split->extents = extents_of(split->context, node, split->dims, &points);
    split->summed = ARENA_ARRAY(arena, node->n_indices, bool);
    split->factors = ARENA_ARRAY(arena, node->n_operands, struct factor);
    split->n_factors = node->n_operands;
    for (uint32_t f = 0; f < node->n_operands && split->factors; f++) {
        struct factor *factor = &split->factors[f];
        factor->access = node->operands[f];
        factor->uses = ARENA_ARRAY(arena, node->n_indices, bool);
        for (uint32_t axis = 0; axis < factor->access.node->rank && factor->uses; axis++)
            for (uint32_t k = 0; k < node->n_indices; k++)
                factor->uses[k] = factor->uses[k] || poly_uses_index(factor->access.subscripts[axis], k);
    }
    return split->extents && split->summed && !arena_failed(arena);
}

/* Must index k outlive the product of factors 0 and `other`? */
static bool outlives(const struct split *split, uint32_t k, uint32_t other)
{
    const struct ir_node *node = split->node;
    bool needed = k < node->rank;
    for (uint32_t f = 1; f < split->n_factors && !needed; f++)
        needed = f != other && split->factors[f].uses[k];
    for (uint32_t c = 0; c < node->contract.n_domain && !needed; c++)
        needed = poly_uses_index(node->contract.domain[c], k);
    return needed;
}

static bool used_by_pair(const struct split *split, uint32_t k, uint32_t other)
{
    return split->factors[0].uses[k] || split->factors[other].uses[k];
}

/* The factor whose product with factor 0 has the fewest elements. */
static uint32_t choose_next(const struct split *split)
{
    uint32_t best = 1;
    double least = 0;
    for (uint32_t other = 1; other < split->n_factors; other++) {
        double size = 1;
        for (uint32_t k = 0; k < split->node->n_indices; k++)
            if (used_by_pair(split, k, other) && outlives(split, k, other))
                size *= split->extents[k];
        if (other == 1 || size < least) {
            least = size;
            best = other;
        }
    }
    return best;
}

static enum ir_elem wide(enum ir_elem elem)
{
    return ir_elem_is_half(elem) || elem == IR_f32 ? IR_f64 : elem == IR_c64 ? IR_c128 : elem;
}

/* The contraction of `n_factors` factors over the indices listed: the first `rank` stay. */
static const struct ir_node *contract_factors(struct split *split, const struct factor *const *factors, uint32_t n_factors,
                                              const uint32_t *indices, uint32_t rank, uint32_t n_indices, bool last)
{
    const struct ir_node *node = split->node;
    struct arena *arena = ir_arena(split->context);
    const struct poly **extents = ARENA_ARRAY(arena, n_indices, const struct poly *);
    const struct poly **replacements = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    const struct poly **domain = ARENA_ARRAY(arena, node->contract.n_domain, const struct poly *);
    struct ir_access operands[2];
    if (!extents || !replacements || !domain)
        return NULL;
    for (uint32_t k = 0; k < n_indices; k++) {
        extents[k] = node->extents[indices[k]];
        replacements[indices[k]] = poly_index(split->context, k);
    }
    struct poly_ranges ranges = {n_indices, extents};
    for (uint32_t f = 0; f < n_factors; f++)
        operands[f] = ir_access_substitute(split->context, factors[f]->access, node->n_indices, replacements, &ranges);
    for (uint32_t c = 0; c < node->contract.n_domain && last; c++)
        domain[c] = poly_substitute(split->context, node->contract.domain[c], node->n_indices, replacements, &ranges);
    struct ir_contract contract = {.ring = node->contract.ring,
                                   .elem = last ? node->elem : wide(node->elem),
                                   .accumulator = wide(node->contract.accumulator),
                                   .rank = rank,
                                   .n_indices = n_indices,
                                   .extents = extents,
                                   .n_operands = n_factors,
                                   .operands = operands,
                                   .n_domain = last ? node->contract.n_domain : 0,
                                   .domain = domain};
    return ir_contract(split->context, &contract);
}

/* Factors 0 and `other` become one. */
static bool merge(struct split *split, uint32_t other)
{
    const struct ir_node *node = split->node;
    struct arena *arena = ir_arena(split->context);
    uint32_t *indices = ARENA_ARRAY(arena, node->n_indices, uint32_t), rank = 0, count = 0;
    const struct factor *pair[2] = {&split->factors[0], &split->factors[other]};
    bool *uses = ARENA_ARRAY(arena, node->n_indices, bool);
    if (!indices || !uses)
        return false;
    for (uint32_t k = 0; k < node->n_indices; k++)
        if (used_by_pair(split, k, other) && outlives(split, k, other)) {
            indices[rank++] = k;
            uses[k] = true;
        }
    count = rank;
    for (uint32_t k = 0; k < node->n_indices; k++)
        if (used_by_pair(split, k, other) && !uses[k]) {
            indices[count++] = k;
            split->summed[k] = true;
        }
    const struct ir_node *product = contract_factors(split, pair, 2, indices, rank, count, false);
    const struct poly **subscripts = ARENA_ARRAY(arena, rank, const struct poly *);
    if (!product || !subscripts)
        return false;
    for (uint32_t k = 0; k < rank; k++)
        subscripts[k] = poly_index(split->context, indices[k]);
    split->factors[0] = (struct factor){{.node = product, .subscripts = subscripts}, uses};
    split->factors[other] = split->factors[--split->n_factors];
    return true;
}

static const struct ir_node *split_node(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct split split = {.context = context, .node = node, .dims = user};
    if (!is_large(context, node, split.dims))
        return node;
    if (!list_factors(&split))
        return NULL;
    while (split.n_factors > 2)
        if (!merge(&split, choose_next(&split)))
            return NULL;
    uint32_t *indices = ARENA_ARRAY(ir_arena(context), node->n_indices, uint32_t), count = 0;
    for (uint32_t k = 0; k < node->n_indices && indices; k++)
        if (!split.summed[k])
            indices[count++] = k;
    const struct factor *pair[2] = {&split.factors[0], &split.factors[1]};
    return indices ? contract_factors(&split, pair, 2, indices, node->rank, count, true) : NULL;
}

const struct ir_kernel *eval_split(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    bool large = false;
    for (size_t k = 0; k < count && nodes && !large; k++)
        large = is_large(context, nodes[k], dims);
    if (!large)
        return kernel;
    struct ir_kernel *copy = ir_kernel_copy(context, kernel);
    if (!copy)
        return NULL;
    (void)ir_rewrite(context, copy, split_node, (void *)(uintptr_t)dims);
    return arena_failed(ir_arena(context)) ? NULL : copy;
}
