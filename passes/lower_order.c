/* Chooses the loop order of a stage and how its sum is accumulated.
 *
 * Each index is priced as the innermost one: a load costs nothing when the index does not move it, little at unit stride, much
 * else; a store likewise, twice when it accumulates; a summed index costs the latency of a chain of additions, since scalar code
 * does not reorder a sum; and short loops cost their overhead. On a microcontroller strides and chains cost nothing. The cheapest
 * is innermost. Outside it stand the output indices by falling stride of the store (or of a load that outweighs it), then summed
 * indices by falling stride of the loads. The prices only rank; they are no times. */
#include "lower.h"
#include "product.h"

#include <math.h>

enum { PRICE_UNIT = 1, PRICE_STRIDED = 8, PRICE_FAR = 32, PRICE_CHAIN = 6, PRICE_CONDITION = 4, LOOP_OVERHEAD = 1, WEIGHTY = 8 };
#define PRICE_ONCE 0.5 /* of a store behind a sum, for one in it */
enum {
    ROW_IN_REGISTERS = 32, /* accumulators that a compiler keeps in vector registers when it unrolls the row */
    ROW_ON_STACK = 512     /* beyond this a row that cannot accumulate in place becomes scalar sums */
};

double nest_elements(struct lowering *lowering, const struct nest *nest, const struct poly *address)
{
    double product = 1;
    for (uint32_t x = 0; x < nest->n; x++)
        if (!nest->indices[x].gone && poly_uses_index(address, x))
            product *= fmax(poly_estimate(nest->extents[x], ir_typical_sizes(lowering->context), NULL), 1);
    return product;
}

/* A loop over x loads a line of memory for each element and has forgotten the first when it comes back for the elements beside it:
 * the lines are more than half the first cache, the tensor is more than the second. */
static bool forgets_lines(struct lowering *lowering, const struct nest *nest, const struct poly *address, uint32_t x)
{
    double bytes = (double)ir_elem_info(nest->elem)->bytes, line = CACHE_LINE;
    double steps = poly_estimate(nest->extents[x], ir_typical_sizes(lowering->context), NULL);
    return lowering->machine->l2_bytes > 0 && 2 * steps * line > (double)lowering->machine->l1_bytes &&
           nest_elements(lowering, nest, address) * bytes > (double)lowering->machine->l2_bytes;
}

/* Scalar code for memory on the chip: each place is as near as the next, and several sums go side by side (jam.c). */
static bool is_flat(const struct lowering *lowering)
{
    return lowering->machine->freestanding && !lowering->machine->vector_bytes;
}

static double price_of_stride(struct lowering *lowering, const struct nest *nest, const struct poly *address, uint32_t x)
{
    const struct poly *coefficient;
    if (!poly_uses_index(address, x))
        return 0;
    if (poly_split_index(lowering->context, address, x, &coefficient, NULL) &&
        (poly_equals(coefficient, 1) || poly_equals(coefficient, -1)))
        return PRICE_UNIT;
    if (is_flat(lowering))
        return PRICE_UNIT;
    return forgets_lines(lowering, nest, address, x) ? PRICE_FAR : PRICE_STRIDED;
}

/* A short row of a sum is added up in registers and stored once, where there are registers for it. */
static bool stays_in_registers(const struct lowering *lowering, const struct nest *nest, uint32_t x)
{
    int64_t extent;
    return nest->reduces && !is_flat(lowering) && poly_is_constant(nest->extents[x], &extent) && extent <= ROW_IN_REGISTERS;
}

static double price_as_innermost(struct lowering *lowering, const struct nest *nest, const struct nest_poly *polys, size_t count,
                                 uint32_t x)
{
    double price = nest->indices[x].reduced && !is_flat(lowering) ? PRICE_CHAIN : 0;
    for (size_t k = 0; k < count; k++) {
        double stride = price_of_stride(lowering, nest, polys[k].poly, x);
        if (polys[k].is_load)
            price += stride;
        else if (polys[k].is_store)
            price += stride * (stays_in_registers(lowering, nest, x) ? PRICE_ONCE : nest->reduces ? 2 : 1) + (stride > PRICE_UNIT);
        else if (stride > 0)
            price += PRICE_CONDITION;
    }
    double extent = poly_estimate(nest->extents[x], ir_typical_sizes(lowering->context), NULL);
    return (price + 0.5) * (1 + LOOP_OVERHEAD / fmax(extent, 1));
}

/* The cheapest innermost index, `reduced_only` perhaps; UINT32_MAX: none. */
static uint32_t cheapest(struct lowering *lowering, const struct nest *nest, const struct nest_poly *polys, size_t count,
                         bool reduced_only)
{
    uint32_t best = UINT32_MAX;
    double least = INFINITY;
    for (uint32_t x = 0; x < nest->n; x++) {
        if (nest->indices[x].gone || nest->indices[x].outer || (reduced_only && !nest->indices[x].reduced))
            continue;
        double price = price_as_innermost(lowering, nest, polys, count, x);
        if (price <= least) {
            least = price;
            best = x;
        }
    }
    return best;
}

/* The load of many times the elements that are stored: it is read in its order, rather than the result written in its. NULL: none.
 */
static const struct nest_poly *weighty_load(struct lowering *lowering, const struct nest *nest, const struct nest_poly *polys,
                                            size_t count)
{
    const struct nest_poly *weighty = NULL;
    double most = 0;
    for (size_t k = 0; k < count; k++)
        if (polys[k].is_store)
            most = fmax(most, WEIGHTY * nest_elements(lowering, nest, polys[k].poly));
    for (size_t k = 0; k < count; k++) {
        double size = polys[k].is_load ? nest_elements(lowering, nest, polys[k].poly) : 0;
        if (size > most) {
            most = size;
            weighty = &polys[k];
        }
    }
    return weighty;
}

/* How far a step of x moves: the store for outputs, or the load that outweighs it, the farthest load for summed indices. */
static double reach(struct lowering *lowering, const struct nest *nest, const struct nest_poly *polys, size_t count, uint32_t x)
{
    double farthest = 0;
    const struct nest_poly *weighty = nest->reduces ? weighty_load(lowering, nest, polys, count) : NULL;
    for (size_t k = 0; k < count; k++) {
        const struct poly *coefficient;
        bool counts = nest->indices[x].reduced ? polys[k].is_load : weighty ? &polys[k] == weighty : polys[k].is_store;
        if (counts && poly_uses_index(polys[k].poly, x) &&
            poly_split_index(lowering->context, polys[k].poly, x, &coefficient, NULL))
            farthest = fmax(farthest, fabs(poly_estimate(coefficient, ir_typical_sizes(lowering->context), NULL)));
    }
    return farthest;
}

bool nest_sums_as_written(const struct lowering *lowering, const struct nest *nest)
{
    return lowering->kernel->numeric_class == IR_CLASS_EXACT && !ir_elem_is_integer(nest->accumulator);
}

/* Appends the outputs or the summed indices but `last` to `list`, farthest reach first but in sums as written; gives
 * how many. */
static uint32_t list_indices(struct lowering *lowering, const struct nest *nest, const struct nest_poly *polys, size_t count,
                             bool reduced, uint32_t last, uint32_t *list)
{
    uint32_t n = 0;
    for (uint32_t x = 0; x < nest->n; x++) {
        if (nest->indices[x].gone || nest->indices[x].outer || nest->indices[x].reduced != reduced || x == last)
            continue;
        double far = reach(lowering, nest, polys, count, x);
        uint32_t at = n++;
        for (; at > 0 && !(reduced && nest_sums_as_written(lowering, nest)) &&
               reach(lowering, nest, polys, count, list[at - 1]) < far;
             at--)
            list[at] = list[at - 1];
        list[at] = x;
    }
    return n;
}

static enum nest_strategy strategy_of_row(struct lowering *lowering, const struct nest *nest, uint32_t x)
{
    int64_t extent;
    const struct poly *step = NULL;
    bool constant = poly_is_constant(nest->extents[x], &extent);
    if (constant && extent <= ROW_IN_REGISTERS)
        return NEST_STACK_ROW;
    bool is_line = poly_split_index(lowering->context, nest->address, x, &step, NULL) && poly_equals(step, 1);
    if (constant && extent <= ROW_ON_STACK && !is_line) /* adding to it in place would go from line to line each time */
        return NEST_STACK_ROW;
    if (!nest->to_local && nest->elem == nest->accumulator && !nest->scatters)
        return NEST_ROW;
    return constant && extent <= ROW_ON_STACK ? NEST_STACK_ROW : NEST_SCALAR;
}

/* Additions to one place come in the order of the indices where the class asks for it: one sum after the other. */
static bool keep_order(struct lowering *lowering, const struct nest *nest, struct nest_order *order)
{
    *order = (struct nest_order){.strategy = nest->reduces ? NEST_SCALAR : NEST_POINTWISE, .row = UINT32_MAX};
    order->indices = ARENA_ARRAY(lowering->arena, nest->n, uint32_t);
    if (!order->indices)
        return false;
    for (int reduced = 0; reduced <= 1; reduced++)
        for (uint32_t x = 0; x < nest->n; x++) {
            if (nest->indices[x].gone || nest->indices[x].outer || nest->indices[x].reduced != (reduced == 1))
                continue;
            order->indices[order->n_outputs + order->n_reduced] = x;
            *(reduced ? &order->n_reduced : &order->n_outputs) += 1;
        }
    return true;
}

/* ---- products ---- */

static bool is_linear(struct lowering *lowering, const struct poly *address, uint32_t x, const struct poly **step)
{
    *step = poly_constant(lowering->context, 0);
    return !poly_uses_index(address, x) ||
           (poly_split_index(lowering->context, address, x, step, NULL) && poly_index_limit(*step) == 0);
}

static bool is_factor(const struct ir_expr *expr, enum ir_elem elem)
{
    return expr->op == IR_EXPR_load && expr->elem == elem;
}

/* A sum of products of two tensors that tiles of vectors suit (product.h): whole vectors of the result, and something to gain by
 * computing several of them at once. */
bool nest_is_product(struct lowering *lowering, const struct nest *nest)
{
    const struct ir_expr *term = nest->reduces ? nest->term.expr : NULL;
    int64_t extent;
    bool is_real = nest->accumulator == IR_f32 || nest->accumulator == IR_f64;
    if (!term || product_lanes(lowering->machine, nest->accumulator, 0) < 2 || !is_real || nest->ring != IR_RING_plustimes ||
        nest->elem != nest->accumulator || nest->to_local || nest->scatters || nest->n_kept || nest->n_domain ||
        nest->term.n_guards || nest->result.n_guards || term->op != IR_EXPR_mul || !is_factor(term->arguments[0], term->elem) ||
        !is_factor(term->arguments[1], term->elem) || term->arguments[0]->load.buffer == nest->target ||
        term->arguments[1]->load.buffer == nest->target)
        return false;
    const struct poly *addresses[3] = {term->arguments[0]->load.address, term->arguments[1]->load.address, nest->address};
    uint32_t lane = UINT32_MAX, others[2] = {0, 0}; /* outputs that move one factor only */
    const struct poly *steps[3], *of_lane[2] = {NULL, NULL};
    bool is_summed = false, is_long = false, lies[2] = {false, false}; /* along vectors of one of these */
    bool is_row[2] = {false, false};                                   /* along vectors of a summed index */
    double reuse[2] = {1, 1}, batch = 0;                               /* of each factor, by indices that only the other has */
    double lanes = (double)product_lanes(lowering->machine, nest->accumulator, 0);
    for (uint32_t x = 0; x < nest->n; x++) {
        if (nest->indices[x].gone || nest->indices[x].outer)
            continue;
        for (int k = 0; k < 3; k++)
            if (!is_linear(lowering, addresses[k], x, &steps[k]))
                return false;
        is_summed |= nest->indices[x].reduced;
        double typical = poly_estimate(nest->extents[x], ir_typical_sizes(lowering->context), NULL);
        for (int k = 0; k < 2; k++)
            is_row[k] |= nest->indices[x].reduced && typical >= lanes && poly_equals(steps[k], 1);
        if (nest->indices[x].reduced)
            continue;
        bool moves[2] = {!poly_equals(steps[0], 0), !poly_equals(steps[1], 0)}, known = poly_is_constant(nest->extents[x], &extent);
        if (lane == UINT32_MAX && poly_equals(steps[2], 1) && (!known || extent > 1)) {
            lane = x;
            is_long = !known || 2 * extent > product_lanes(lowering->machine, nest->accumulator, extent);
            of_lane[0] = steps[0];
            of_lane[1] = steps[1];
            batch = typical;
        } else if (moves[0] != moves[1]) {
            int k = moves[0] ? 0 : 1;
            others[k]++;
            reuse[1 - k] *= fmax(typical, 1);
            lies[k] |= typical >= lanes && poly_equals(steps[k], 1);
        }
    }
    if (lane == UINT32_MAX || !is_summed)
        return false;
    int a = poly_equals(of_lane[0], 0) ? 1 : 0, b = 1 - a;
    bool near[2] = {poly_equals(of_lane[0], 1), poly_equals(of_lane[1], 1)};
    if (!poly_equals(of_lane[b], 0))
        return is_long && product_suits_batch(2 * batch > lanes, near, is_row, reuse);
    return (is_long && (near[a] || others[b])) || lies[a];
}

bool nest_choose_order(struct lowering *lowering, const struct nest *nest, struct nest_order *order)
{
    bool places_unknown = nest->scatters && !nest->reduces && poly_is_run_time(nest->address); /* no order is known to be better */
    if (places_unknown || (nest->scatters && lowering->kernel->numeric_class == IR_CLASS_EXACT))
        return keep_order(lowering, nest, order);
    size_t count;
    struct nest_poly *polys = nest_polys(lowering, nest, &count);
    *order = (struct nest_order){.strategy = NEST_POINTWISE, .row = UINT32_MAX};
    order->indices = ARENA_ARRAY(lowering->arena, nest->n, uint32_t);
    if (!polys || !order->indices)
        return false;
    bool as_product = nest_is_product(lowering, nest);
    uint32_t innermost = cheapest(lowering, nest, polys, count, as_product);
    if (nest->reduces)
        order->strategy =
            innermost == UINT32_MAX || nest->indices[innermost].reduced ? NEST_SCALAR : strategy_of_row(lowering, nest, innermost);
    uint32_t last_summed = nest->reduces ? cheapest(lowering, nest, polys, count, true) : UINT32_MAX;
    if (last_summed == UINT32_MAX && nest->reduces)
        order->strategy = NEST_SCALAR; /* nothing is left to sum over */
    bool row = order->strategy == NEST_STACK_ROW || order->strategy == NEST_ROW;
    uint32_t last_output = row || order->strategy == NEST_POINTWISE ? innermost : UINT32_MAX;
    order->n_outputs = list_indices(lowering, nest, polys, count, false, last_output, order->indices);
    if (order->strategy == NEST_POINTWISE && innermost != UINT32_MAX)
        order->indices[order->n_outputs++] = innermost;
    uint32_t *reduced = order->indices + order->n_outputs;
    bool places_last = !row && last_summed != UINT32_MAX && !nest_sums_as_written(lowering, nest);
    order->n_reduced = list_indices(lowering, nest, polys, count, true, places_last ? last_summed : UINT32_MAX, reduced);
    if (places_last)
        reduced[order->n_reduced++] = last_summed;
    if (row)
        order->row = reduced[order->n_reduced] = innermost;
    return true;
}
