/* Gives the small tensors of a sum the order in which its large one lies.
 *
 *     C[c,e,d] = sum[a](A[a,d,e,c] * B[a])   becomes   C_turned[d,e,c] = sum[a](A[a,d,e,c] * B[a])
 *                                                      C[c,e,d] = C_turned[d,e,c]
 *     C[d] = sum[a,b](A[d,a,b] * B[b,a])     becomes   B_turned[a,b] = B[b,a]
 *                                                      C[d] = sum[a,b](A[d,a,b] * B_turned[a,b])
 *
 * The large tensor comes from beyond the second cache and is read once: what counts is that it is read line after line, in vectors,
 * and for that the others must lie as it does. Copies of them cost little beside it. A product whose large factor is read again
 * and again is bound by its multiplications instead, and turns what it needs in its panels (pack.c). */
#include "lower.h"
#include "product.h"

#include <math.h>

enum {
    RESULT_WEIGHT = 3, /* times the elements of the result that the large factor must have, for that to be written once more */
    FACTOR_WEIGHT = 2, /* times those of the small factor */
    MOST_REUSE = 8,    /* of an element of the large factor: more are worth a panel of it */
    SHORT_SUM = 64     /* terms: a panel of many columns stays near, whatever the factor lies along */
};

struct turning {
    struct lowering *lowering;
    struct nest *nest;
    const struct ir_expr *large, *small;
    uint32_t line;      /* the index along which the large factor lies */
    uint32_t *order, n; /* of its indices, the farthest first, behind outputs that do not move it */
};

static double extent_of(const struct turning *turning, uint32_t x)
{
    return fmax(poly_estimate(turning->nest->extents[x], ir_typical_sizes(turning->lowering->context), NULL), 1);
}

static double step_of(const struct turning *turning, const struct poly *address, uint32_t x)
{
    const struct poly *step;
    if (!poly_uses_index(address, x) || !poly_split_index(turning->lowering->context, address, x, &step, NULL))
        return 0;
    return poly_estimate(step, ir_typical_sizes(turning->lowering->context), NULL);
}

static double elements(const struct turning *turning, const struct poly *address)
{
    return nest_elements(turning->lowering, turning->nest, address);
}

/* Is it a sum of products of two tensors, over addresses that are linear, to memory of its own and nothing else? */
static bool is_plain(const struct lowering *lowering, const struct nest *nest)
{
    const struct ir_expr *term = nest->reduces ? nest->term.expr : NULL;
    if (!term || lowering->frame || nest->to_local || nest->scatters || nest->combine != IR_EXPR_OP_COUNT || nest->n_kept ||
        nest->n_domain || nest->term.n_guards || nest->result.n_guards || nest->nowhere || nest->ring != IR_RING_plustimes ||
        (nest->accumulator != IR_f32 && nest->accumulator != IR_f64) || term->op != IR_EXPR_mul)
        return false;
    const struct poly *addresses[3] = {nest->address, NULL, NULL};
    for (int k = 0; k < 2; k++) {
        const struct ir_expr *factor = term->arguments[k];
        if (factor->op != IR_EXPR_load || factor->elem != nest->accumulator || factor->load.buffer == nest->target)
            return false;
        addresses[k + 1] = factor->load.address;
    }
    for (uint32_t x = 0; x < nest->n; x++)
        for (int k = 0; k < 3 && !nest->indices[x].gone; k++) {
            const struct poly *step;
            if (nest->indices[x].outer ||
                (poly_uses_index(addresses[k], x) &&
                 (!poly_split_index(lowering->context, addresses[k], x, &step, NULL) || poly_index_limit(step) != 0)))
                return false;
        }
    return true;
}

/* Lists the indices in the order in which the large factor lies; false: it has no line, or no memory. */
static bool find_order(struct turning *turning)
{
    const struct nest *nest = turning->nest;
    turning->line = UINT32_MAX;
    turning->order = ARENA_ARRAY(turning->lowering->arena, nest->n, uint32_t);
    for (int of_large = 0; turning->order && of_large <= 1; of_large++) {
        uint32_t first = turning->n;
        for (uint32_t x = 0; x < nest->n; x++) {
            double step = step_of(turning, turning->large->load.address, x);
            if (nest->indices[x].gone || (step != 0) != (of_large == 1))
                continue;
            const struct poly *address = of_large ? turning->large->load.address : nest->address;
            double far = fabs(step_of(turning, address, x));
            uint32_t at = turning->n++;
            for (; at > first && fabs(step_of(turning, address, turning->order[at - 1])) < far; at--)
                turning->order[at] = turning->order[at - 1];
            turning->order[at] = x;
            turning->line = step == 1 ? x : turning->line;
        }
    }
    return turning->line != UINT32_MAX;
}

/* A dense buffer over the indices of `address`, in the order; its address. NULL: no memory. */
static const struct poly *add_turned(const struct turning *turning, const struct poly *address, uint32_t like, uint32_t *buffer)
{
    struct lowering *lowering = turning->lowering;
    struct ir_context *context = lowering->context;
    const struct poly **shape = ARENA_ARRAY(lowering->arena, turning->n, const struct poly *);
    const struct poly *turned = poly_constant(context, 0), *count = poly_constant(context, 1);
    const char *name = arena_printf(lowering->arena, "%s_turned", lowering->function->buffers[like].name);
    struct loop_buffer added = {.kind = LOOP_SCRATCH, .name = name, .elem = turning->nest->accumulator, .shape = shape};
    for (uint32_t k = 0; shape && name && turned && count && k < turning->n; k++) {
        uint32_t x = turning->order[k];
        if (!poly_uses_index(address, x))
            continue;
        shape[added.rank++] = turning->nest->extents[x];
        count = poly_multiply(context, count, turning->nest->extents[x]);
        turned = poly_add(context, poly_multiply(context, turned, turning->nest->extents[x]), poly_index(context, x));
    }
    added.count = count;
    *buffer = shape && name && turned && count ? loop_add_buffer(context, lowering->function, added) : UINT32_MAX;
    return *buffer == UINT32_MAX ? NULL : turned;
}

/* A nest over the indices of `address`, element by element: what it stores where is still to be said. */
static struct nest *copy_over(const struct turning *turning, const struct poly *address)
{
    struct arena *arena = turning->lowering->arena;
    const struct nest *nest = turning->nest;
    struct nest *copy = ARENA_NEW(arena, struct nest);
    if (!copy)
        return NULL;
    copy->combine = IR_EXPR_OP_COUNT;
    for (uint32_t x = 0; x < nest->n; x++) {
        struct nest_index index = nest->indices[x];
        index.gone |= !poly_uses_index(address, x);
        index.reduced = false;
        if (nest_add_index(turning->lowering, copy, index, nest->extents[x]) == UINT32_MAX)
            return NULL;
    }
    return copy;
}

/* The result lies as the large factor does, far less of it, which vectors then can follow. */
static bool result_turns(const struct turning *turning)
{
    const struct nest *nest = turning->nest;
    uint32_t last = UINT32_MAX;
    double reuse = 1, sum = 1;
    for (uint32_t k = 0; k < turning->n; k++) {
        uint32_t x = turning->order[k];
        if (nest->indices[x].reduced)
            sum *= extent_of(turning, x);
        else if (poly_uses_index(turning->large->load.address, x))
            last = x;
        else
            reuse *= extent_of(turning, x);
    }
    return last != UINT32_MAX && (last == turning->line || (reuse > 1 && sum <= SHORT_SUM)) &&
           step_of(turning, nest->address, last) != 1 && reuse <= MOST_REUSE &&
           elements(turning, turning->large->load.address) >= RESULT_WEIGHT * elements(turning, nest->address);
}

static bool turn_result(struct turning *turning, struct nest **behind)
{
    struct lowering *lowering = turning->lowering;
    struct nest *nest = turning->nest, *copy = copy_over(turning, nest->address);
    uint32_t buffer;
    const struct poly *address = copy ? add_turned(turning, nest->address, nest->target, &buffer) : NULL;
    const struct ir_expr *sum = address ? ir_expr_load(lowering->context, buffer, nest->accumulator, address) : NULL;
    if (!sum)
        return false;
    copy->elem = nest->elem;
    copy->target = nest->target;
    copy->address = nest->address;
    copy->result.expr = lower_substitute(lowering, nest->result.expr, 0, NULL, NULL, sum);
    nest->elem = nest->accumulator;
    nest->target = buffer;
    nest->address = address;
    nest->result.expr = ir_expr_operand(lowering->context, 0, nest->accumulator);
    *behind = copy;
    return copy->result.expr && nest->result.expr && nest_simplify(lowering, copy) && nest_simplify(lowering, nest);
}

/* The large factor lies along a summed index, the small one across it: with both along it the sum is one of vectors. */
static bool factor_turns(const struct turning *turning)
{
    const struct nest *nest = turning->nest;
    const struct poly *address = turning->small->load.address;
    double lanes = (double)product_lanes(turning->lowering->machine, nest->accumulator, 0);
    for (uint32_t x = 0; x < nest->n; x++) /* which the large factor is read again for */
        if (!nest->indices[x].gone && !poly_uses_index(turning->large->load.address, x))
            return false;
    return nest->indices[turning->line].reduced && extent_of(turning, turning->line) >= lanes &&
           poly_uses_index(address, turning->line) && step_of(turning, address, turning->line) != 1 &&
           elements(turning, turning->large->load.address) >= FACTOR_WEIGHT * elements(turning, address);
}

static bool turn_factor(struct turning *turning, struct nest **before)
{
    struct lowering *lowering = turning->lowering;
    struct nest *nest = turning->nest, *copy = copy_over(turning, turning->small->load.address);
    uint32_t buffer;
    const struct poly *address =
        copy ? add_turned(turning, turning->small->load.address, turning->small->load.buffer, &buffer) : NULL;
    const struct ir_expr *factors[2] = {turning->large,
                                        address ? ir_expr_load(lowering->context, buffer, nest->accumulator, address) : NULL};
    if (!factors[1])
        return false;
    copy->elem = nest->accumulator;
    copy->target = buffer;
    copy->address = address;
    copy->result.expr = turning->small;
    nest->term.expr = ir_expr_apply(lowering->context, IR_EXPR_mul, 2, factors);
    *before = copy;
    return nest->term.expr && nest_simplify(lowering, copy) && nest_simplify(lowering, nest);
}

bool nest_turn(struct lowering *lowering, struct nest *nest, struct nest **before, struct nest **behind)
{
    *before = *behind = NULL;
    if (!lowering->may_turn || product_lanes(lowering->machine, IR_f64, 0) < 2 || !is_plain(lowering, nest))
        return true;
    struct turning turning = {.lowering = lowering, .nest = nest};
    const struct ir_expr *const *factors = nest->term.expr->arguments;
    bool second = elements(&turning, factors[1]->load.address) > elements(&turning, factors[0]->load.address);
    turning.large = factors[second];
    turning.small = factors[!second];
    double bytes = elements(&turning, turning.large->load.address) * (double)ir_elem_info(nest->accumulator)->bytes;
    if (lowering->machine->l2_bytes <= 0 || bytes <= (double)lowering->machine->l2_bytes || !find_order(&turning))
        return !arena_failed(lowering->arena);
    if (result_turns(&turning))
        return turn_result(&turning, behind);
    return nest_is_product(lowering, nest) || !factor_turns(&turning) || turn_factor(&turning, before);
}
