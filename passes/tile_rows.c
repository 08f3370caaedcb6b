/* A product whose result goes to memory past the caches, in vectors that begin anywhere in lines of it: stored one by one they
 * would go there in parts, and each part costs reading the line first. So what is contiguous in C, some steps of the index of C's
 * largest step, is summed into a buffer of the first cache and leaves it as one row:
 *
 *     for batch, blocks of x {
 *         for x of a block, tiles of the others { ... row[...] = value of tile }
 *         for elements of the block { C[...] stream= row[...] }
 *     }
 *
 * It is for products of few multiplications an element, whose other factor stays near: blocks of x are small. */
#include "tiling.h"

enum {
    SHORTEST_ROW = 8,   /* lines of memory: the two at its ends are stored in parts */
    ROW_SHARE = 4,      /* of the first cache, that a row takes */
    LONGEST_SHARE = 16, /* of the second, where one step is more than that */
    FACTOR_SHARE = 2    /* of the first cache, that the other factor takes */
};

/* Does C lie densely in all axes of m and n but this one, whose step spans them? */
static bool spans_others(const struct product *product, uint32_t x, int64_t *step)
{
    int64_t elements = 1;
    bool known = poly_is_constant(product->axes[x].c, step);
    for (uint32_t k = 0; k < product->n_axes && known; k++) {
        const struct product_axis *axis = &product->axes[k];
        if (k == x || axis->role == LOOP_K || axis->role == LOOP_BATCH)
            continue;
        int64_t other;
        known = axis->extent > 0 && !axis->block && poly_is_constant(axis->c, &other) && other < *step &&
                checked_multiply(elements, axis->extent, &elements);
    }
    return known && elements == *step;
}

/* Bytes of the factor that the axis does not move; -1: it moves both, or they are not known. */
static int64_t bytes_of_other(const struct product *product, uint32_t x)
{
    bool in_a = !poly_equals(product->axes[x].a, 0), in_b = !poly_equals(product->axes[x].b, 0);
    int64_t bytes = (int64_t)ir_elem_info(product->elem)->bytes;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        if (axis->role == LOOP_K && axis->block)
            return -1;
        if (!poly_equals(in_a ? axis->b : axis->a, 0) && (!axis->extent || !checked_multiply(bytes, axis->extent, &bytes)))
            return -1;
    }
    return in_a != in_b ? bytes : -1;
}

/* Steps of the axis in a row: so many that rows end where lines do, if some fit; 0: none do. */
static int64_t steps_of_row(const struct machine *machine, const struct product_axis *axis, int64_t step, int64_t bytes)
{
    int64_t line = CACHE_LINE / bytes, tile, whole;
    if (!checked_multiply(step, axis->tile, &tile) || tile > machine->l2_bytes / LONGEST_SHARE / bytes)
        return 0;
    int64_t room = machine->l1_bytes / ROW_SHARE / bytes;
    whole = line / poly_gcd(line, tile);
    int64_t steps = axis->tile * (room >= whole * tile ? room / (whole * tile) * whole : room > tile ? room / tile : 1);
    bool is_long = steps * step >= SHORTEST_ROW * line && axis->typical >= 2 * (double)steps;
    return is_long && steps <= TILE_LONGEST_BLOCK && (!axis->extent || steps < axis->extent) ? steps : 0;
}

/* The axis whose blocks become rows; UINT32_MAX: C is stored as it is made. */
static uint32_t find_axis(const struct tiling *tiling, int64_t *steps)
{
    const struct product *product = &tiling->product;
    const struct machine *machine = &tiling->kernel->options->machine;
    if (!product->accumulate || product->threads > 1 || product->reads_result || !product_lane(product)->is_line ||
        !product_streams(tiling->kernel, product) || product_has_whole_lines(tiling->context, product))
        return UINT32_MAX;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        int64_t step;
        if ((axis->role != LOOP_M && axis->role != LOOP_N) || axis->is_lane || !spans_others(product, k, &step))
            continue;
        int64_t other = bytes_of_other(product, k);
        *steps = steps_of_row(machine, axis, step, (int64_t)ir_elem_info(product->elem)->bytes);
        return *steps && other >= 0 && other <= machine->l1_bytes / FACTOR_SHARE ? k : UINT32_MAX;
    }
    return UINT32_MAX;
}

bool tile_plan_rows(struct tiling *tiling)
{
    int64_t steps;
    tiling->row = find_axis(tiling, &steps);
    if (tiling->row != UINT32_MAX)
        tiling->product.axes[tiling->row].block = steps;
    return tiling->row != UINT32_MAX;
}

bool tile_open_rows(struct tiling *tiling)
{
    struct ir_context *context = tiling->context;
    const struct product_axis *axis = &tiling->product.axes[tiling->row];
    uint32_t n = (uint32_t)tiling->kernel->loops->n_indices;
    const struct poly **shape = ARENA_ARRAY(ir_arena(context), 1, const struct poly *);
    const struct poly **zero = ARENA_ARRAY(ir_arena(context), n, const struct poly *);
    if (!shape || !zero)
        return false;
    for (uint32_t k = 0; k < tiling->product.n_axes; k++) {
        if (tiling->product.axes[k].role == LOOP_BATCH)
            continue;
        if (tiling->inner[k] != UINT32_MAX)
            zero[tiling->inner[k]] = poly_constant(context, 0);
        if (tiling->innermost[k] != UINT32_MAX)
            zero[tiling->innermost[k]] = poly_constant(context, 0);
    }
    const struct poly *address = poly_substitute(context, tiling->product.store->store.address, n, tiling->place, NULL);
    tiling->row_begin = poly_substitute(context, address, n, zero, NULL);
    *shape = poly_scale(context, axis->c, axis->block);
    struct loop_buffer buffer = {
        .kind = LOOP_SCRATCH, .name = "row", .elem = tiling->product.elem, .rank = 1, .shape = shape, .count = *shape};
    tiling->row_buffer = loop_add_buffer(context, tiling->kernel->loops, buffer);
    return tiling->row_begin && *shape && tiling->row_buffer != UINT32_MAX;
}

struct loop_stmt *tile_leave_rows(struct tiling *tiling, struct loop_stmt *body)
{
    struct ir_context *context = tiling->context;
    const struct product_axis *axis = &tiling->product.axes[tiling->row];
    const struct poly *zero = poly_constant(context, 0), *block = poly_constant(context, axis->block), *begin = tiling->row_begin;
    const struct poly *left = poly_subtract(context, axis->loop->loop.end,
                                            poly_scale(context, poly_index(context, tiling->outer[tiling->row]), axis->block));
    struct loop_stmt *row = tiling_move(tiling, tiling->row_buffer, begin, zero, poly_multiply(context, axis->c, block));
    if (axis->extent && axis->extent % axis->block == 0)
        return row && body ? loop_join(body, row) : NULL;
    struct loop_stmt *rest = tiling_move(tiling, tiling->row_buffer, begin, zero, poly_multiply(context, axis->c, left));
    struct loop_stmt *either = tiling_where(tiling, poly_subtract(context, left, block), row, rest);
    return either && rest && body ? loop_join(body, either) : NULL;
}
