/* Cuts what is made element by element. A copy, a permutation of axes most often, into blocks whose lines stay in the cache on both
 * sides:
 *
 *     for batch, blocks of n, m { for n, m of a block { C[...] = A[...] } }
 *
 * m are C's innermost indices, n those of A: so a block reads and writes lines whole. Where a line of C is not one of A the loop
 * along which A lies stands just outside C's, and `vectorise` turns squares of both in registers. */
#include "tiling.h"

static uint32_t line_of(const struct tiling *tiling)
{
    return tiling->product.n_axes - 1;
}

/* A row where nothing is turned: whole vectors, then the rest. */
static struct loop_stmt *copy_row(struct tiling *tiling)
{
    struct ir_context *context = tiling->context;
    uint32_t line = line_of(tiling);
    const struct product_axis *axis = &tiling->product.axes[line];
    const struct poly *width = poly_constant(context, axis->tile), *extent = axis->loop->loop.end;
    const struct poly *whole = poly_floor_div(context, extent, width, NULL), *rest = poly_mod(context, extent, width, NULL);
    const struct ir_expr *value = tiling->product.store->store.value;
    if (tiling->product.a && product_streams(tiling->kernel, &tiling->product)) { /* one statement as it is */
        tiling->place[axis->loop->loop.index] = poly_index(context, axis->loop->loop.index);
        struct loop_stmt *whole_row =
            tiling_around(tiling, line, axis->loop->loop.index, extent, NULL, tiling_store(tiling, value));
        if (whole_row)
            whole_row->loop.role = LOOP_NO_ROLE;
        return whole_row;
    }
    struct loop_stmt *row = NULL;
    if (!poly_equals(whole, 0)) {
        row = tiling_element_loop(tiling, line, false, LOOP_SERIAL, tiling_store(tiling, value));
        if (row && tiling->inner[line] != UINT32_MAX)
            row = tiling_around(tiling, line, tiling->inner[line], whole, NULL, row);
        if (!row || poly_equals(rest, 0))
            return row;
    }
    tiling->place[axis->loop->loop.index] =
        poly_add(context, poly_multiply(context, whole, width), poly_index(context, tiling->innermost[line]));
    struct loop_stmt *last = tiling_element_loop(tiling, line, false, LOOP_SERIAL, tiling_store(tiling, value));
    if (!last)
        return NULL;
    last->loop.limit = rest;
    return row ? loop_join(row, last) : last;
}

/* The loops of a block over n and m around `body`, those of the first `axes` axes. */
static struct loop_stmt *within_block(struct tiling *tiling, uint32_t axes, struct loop_stmt *body)
{
    for (uint32_t k = axes; body && k-- > 0;)
        if (tiling->product.axes[k].role != LOOP_BATCH && tiling->inner[k] != UINT32_MAX)
            body = tiling_loop(tiling, k, body);
    return body;
}

struct loop_stmt *tile_copy(struct tiling *tiling)
{
    uint32_t line = line_of(tiling);
    struct loop_stmt *body = tiling->innermost[line] != UINT32_MAX
                                 ? within_block(tiling, line, copy_row(tiling))
                                 : within_block(tiling, line + 1, tiling_store(tiling, tiling->product.store->store.value));
    return tiling_loops(tiling, LOOP_BATCH, tiling_block_loops(tiling, LOOP_N, tiling_block_loops(tiling, LOOP_M, body)));
}
