/* Looking for a point where a subscript leaves its tensor.
 *
 * A subscript that poly_prove_within proves is done. For the others the proof may only have been too weak, so a counterexample is
 * looked for: at several sizes of the run-time dims that keep their promises, at the corners of the index space towards which the
 * subscript grows and falls, and at scattered points (floors and tables have their extremes inside). What is found is a real
 * violation; what is not found may still exist, so this makes programs plausible, not safe: eval and loop_eval check each access.
 */
#include "ir_internal.h"

#include <string.h>

enum { SCATTERED_POINTS = 24 };

struct search {
    struct ir_context *context;
    const struct ir_node *node;
    const struct ir_access *access;
    struct poly_ranges space; /* what the subscripts speak of */
    uint32_t axis;
    int64_t *dims, *extents, *indices;
    int64_t axis_extent;
    struct ir_escape *escape;
};

/* A size for each run-time dim that keeps its bound and divisibility; false when there is none above 0. */
static bool choose_dims(struct search *search, int round)
{
    static const int64_t sizes[] = {1, 2, 3, 5, 8, 13, 64};
    const int n_sizes = (int)(sizeof sizes / sizeof *sizes);
    for (size_t k = 0; k < search->context->n_dims; k++) {
        const struct ir_dim *dim = &search->context->dims[k];
        int64_t divisor = dim->divisor > 0 ? dim->divisor : 1;
        /* the first rounds give all dims one size, the later ones different sizes */
        int64_t size = sizes[round < n_sizes ? round : (round + (int)(k % 97) * 3) % n_sizes];
        int64_t multiples = (size - 1) / divisor + 1;
        if (dim->bound > 0 && multiples > dim->bound / divisor)
            multiples = dim->bound / divisor;
        if (multiples < 1 || !checked_multiply(multiples, divisor, &search->dims[k]))
            return false;
    }
    return true;
}

/* The sizes of the index space and of the axis; false where there is no point, or no size. */
static bool measure(struct search *search)
{
    for (uint32_t k = 0; k < search->space.n; k++)
        if (!poly_evaluate(search->space.extents[k], search->dims, NULL, &search->extents[k]) || search->extents[k] < 1)
            return false;
    return poly_evaluate(search->access->node->shape[search->axis], search->dims, NULL, &search->axis_extent);
}

static bool in_domain(const struct search *search)
{
    const struct ir_node *node = search->node;
    int64_t value;
    if (node->op != IR_contract_node)
        return true;
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        if (!poly_evaluate(node->contract.domain[k], search->dims, search->indices, &value) || value < 0)
            return false;
    return true;
}

/* Does the subscript leave the axis at the current point? */
static bool escapes_here(const struct search *search)
{
    int64_t value;
    if (!in_domain(search) || !poly_evaluate(search->access->subscripts[search->axis], search->dims, search->indices, &value) ||
        (value >= 0 && value < search->axis_extent))
        return false;
    search->escape->axis = search->axis;
    search->escape->value = value;
    search->escape->extent = search->axis_extent;
    search->escape->dims = search->dims;
    search->escape->indices = search->indices;
    return true;
}

/* The two corners that a subscript monotone in each index has its extremes at. */
static bool try_corners(struct search *search)
{
    const struct poly *subscript = search->access->subscripts[search->axis];
    uint32_t n = search->space.n;
    int64_t origin, moved;
    memset(search->indices, 0, n * sizeof *search->indices);
    if (!poly_evaluate(subscript, search->dims, search->indices, &origin))
        return false;
    bool *grows = ARENA_ARRAY(search->context->arena, n, bool);
    for (uint32_t k = 0; grows && k < n; k++) {
        search->indices[k] = search->extents[k] - 1;
        grows[k] = poly_evaluate(subscript, search->dims, search->indices, &moved) && moved >= origin;
        search->indices[k] = 0;
    }
    for (int high = 0; grows && high <= 1; high++) {
        for (uint32_t k = 0; k < n; k++)
            search->indices[k] = grows[k] == (high == 1) ? search->extents[k] - 1 : 0;
        if (escapes_here(search))
            return true;
    }
    return false;
}

static bool try_scattered(struct search *search)
{
    uint64_t state = 1;
    for (int point = 0; point < SCATTERED_POINTS; point++) {
        for (uint32_t k = 0; k < search->space.n; k++) {
            state = hash_mix(state, k + 1);
            search->indices[k] = (int64_t)((state >> 20) % (uint64_t)search->extents[k]);
        }
        if (escapes_here(search))
            return true;
    }
    return false;
}

static bool search_axis(struct search *search)
{
    const int rounds = search->context->n_dims ? 12 : 1;
    for (int round = 0; round < rounds; round++)
        if (choose_dims(search, round) && measure(search) && (try_corners(search) || try_scattered(search)))
            return true;
    return false;
}

bool ir_find_escape(struct ir_context *context, const struct ir_node *node, uint32_t operand, struct ir_escape *escape)
{
    const struct ir_access *access = &node->operands[operand];
    const struct poly_ranges ranges = ir_operand_ranges(context, node, operand);
    struct search search = {.context = context, .node = node, .access = access, .space = ranges, .escape = escape};
    for (search.axis = 0; !access->fill && search.axis < access->node->rank; search.axis++) {
        if (poly_prove_within(context, access->subscripts[search.axis], access->node->shape[search.axis], &ranges))
            continue;
        if (!search.dims) {
            search.dims = ARENA_ARRAY(context->arena, context->n_dims, int64_t);
            search.extents = ARENA_ARRAY(context->arena, ranges.n, int64_t);
            search.indices = ARENA_ARRAY(context->arena, ranges.n, int64_t);
        }
        if (!search.dims || !search.extents || !search.indices)
            return false;
        if (search_axis(&search))
            return true;
    }
    return false;
}
