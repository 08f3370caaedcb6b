/* Cuts a classified product into blocks for the caches and tiles for the registers.
 *
 *     for batch, blocks of n, k, m { for tiles of n, m {
 *         unrolled tile of n, m { tile = 0 }
 *         for k { unrolled tile { tile add= mul(A[...], B[...]) } }
 *         unrolled tile { C[...] = value of tile }
 *     } }
 *
 * An index becomes block * outer + tile * inner + innermost. Where an extent is no multiple the loops inside end at a limit. When k
 * is cut, C holds what is summed so far: a tile begins with it at all blocks but the first, and the value is made at the last. Each
 * element is still summed in the order of k, so that the result does not depend on sizes. */
#include "tiling.h"

static const struct poly *index_or_zero(struct tiling *tiling, uint32_t index, int64_t step)
{
    return index == UINT32_MAX ? poly_constant(tiling->context, 0)
                               : poly_scale(tiling->context, poly_index(tiling->context, index), step);
}

static uint32_t add_index(struct tiling *tiling, const struct product_axis *axis, const char *suffix)
{
    const char *name = tiling->kernel->loops->indices[axis->loop->loop.index].name;
    return loop_add_index(tiling->context, tiling->kernel->loops, arena_printf(ir_arena(tiling->context), "%s_%s", name, suffix));
}

/* Elements of the axis that lie before the innermost loop. */
static const struct poly *before(struct tiling *tiling, uint32_t k)
{
    const struct product_axis *axis = &tiling->product.axes[k];
    return poly_add(tiling->context, index_or_zero(tiling, tiling->outer[k], axis->block),
                    index_or_zero(tiling, tiling->inner[k], axis->tile));
}

static bool open_axis(struct tiling *tiling, uint32_t k)
{
    const struct product_axis *axis = &tiling->product.axes[k];
    bool is_tiled = axis->tile > 1 || axis->is_lane;
    tiling->outer[k] = axis->block ? add_index(tiling, axis, "block") : UINT32_MAX;
    bool single = axis->block ? axis->block == axis->tile : is_tiled && axis->extent > 0 && axis->extent <= axis->tile;
    tiling->inner[k] = single ? UINT32_MAX : is_tiled ? add_index(tiling, axis, "tile") : axis->loop->loop.index;
    tiling->innermost[k] = is_tiled ? axis->loop->loop.index : UINT32_MAX;
    tiling->place[axis->loop->loop.index] =
        poly_add(tiling->context, before(tiling, k), index_or_zero(tiling, tiling->innermost[k], 1));
    return tiling->place[axis->loop->loop.index] != NULL;
}

/* ---- the tile ---- */

static bool add_tile(struct tiling *tiling)
{
    struct product *product = &tiling->product;
    struct arena *arena = ir_arena(tiling->context);
    const struct poly **shape = ARENA_ARRAY(arena, product->n_axes, const struct poly *);
    struct loop_buffer buffer = {.kind = LOOP_STACK, .name = "tile", .elem = product->elem, .shape = shape};
    int64_t count = 1;
    if (!shape)
        return false;
    tiling->address = poly_constant(tiling->context, 0);
    for (int lane = 0; lane <= 1; lane++) /* the lane axis last */
        for (uint32_t k = 0; k < product->n_axes; k++) {
            if (tiling->innermost[k] == UINT32_MAX || product->axes[k].is_lane != (lane == 1))
                continue;
            shape[buffer.rank++] = poly_constant(tiling->context, product->axes[k].tile);
            count *= product->axes[k].tile;
            tiling->address = poly_add(tiling->context, poly_scale(tiling->context, tiling->address, product->axes[k].tile),
                                       poly_index(tiling->context, tiling->innermost[k]));
        }
    buffer.count = poly_constant(tiling->context, count);
    tiling->buffer = loop_add_buffer(tiling->context, tiling->kernel->loops, buffer);
    tiling->finished = UINT32_MAX;
    if (!product_lane(product)->is_line) {
        buffer.name = "finished";
        tiling->finished = loop_add_buffer(tiling->context, tiling->kernel->loops, buffer);
    }
    return tiling->address && tiling->buffer != UINT32_MAX;
}

static bool divides(int64_t by, int64_t what)
{
    return what > 0 && what % by == 0;
}

/* The loop over the elements of axis k in a tile. */
struct loop_stmt *tiling_element_loop(struct tiling *tiling, uint32_t k, bool limited, enum loop_kind kind, struct loop_stmt *body)
{
    const struct product_axis *axis = &tiling->product.axes[k];
    struct loop_stmt *loop = loop_for(tiling->context, kind, tiling->innermost[k], poly_constant(tiling->context, 0),
                                      poly_constant(tiling->context, axis->tile), body);
    if (!loop)
        return NULL;
    loop->loop.role = axis->role;
    if (limited && !divides(axis->tile, axis->extent))
        loop->loop.limit = poly_subtract(tiling->context, axis->loop->loop.end, before(tiling, k));
    return loop;
}

/* The loops within the tile around `body`, the lane innermost, or (`by_lines`) C's line within the lane; `limited`: they end where
 * the tensor does. */
static struct loop_stmt *within_tile(struct tiling *tiling, bool limited, bool by_lines, struct loop_stmt *body)
{
    const struct product *product = &tiling->product;
    for (int depth = by_lines ? 2 : 1; depth >= 0; depth--)
        for (uint32_t k = product->n_axes; body && k-- > 0;) {
            const struct product_axis *axis = &product->axes[k];
            int own = axis->is_lane ? 1 : axis->is_line && by_lines ? 2 : 0;
            if (tiling->innermost[k] != UINT32_MAX && own == depth)
                body = tiling_element_loop(tiling, k, limited, depth ? LOOP_SERIAL : LOOP_UNROLLED, body);
        }
    return body;
}

static const struct poly *placed(struct tiling *tiling, const struct poly *poly)
{
    return poly_substitute(tiling->context, poly, (uint32_t)tiling->kernel->loops->n_indices, tiling->place, NULL);
}

/* The sum of the canonical nest is what the tile holds. */
static const struct ir_expr *read_tile(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct tiling *tiling = user;
    if (leaf->op != IR_EXPR_local || !tiling->product.define || leaf->local != tiling->product.define->local.local)
        return leaf;
    uint32_t buffer = tiling->finished == UINT32_MAX ? tiling->buffer : tiling->finished;
    return ir_expr_load(context, buffer, tiling->product.elem, tiling->address);
}

static const struct ir_expr *value_of(struct tiling *tiling, const struct ir_expr *expr)
{
    return ir_expr_substitute(tiling->context, expr, read_tile, tiling, (uint32_t)tiling->kernel->loops->n_indices, tiling->place,
                              NULL);
}

static bool is_bare_sum(const struct tiling *tiling)
{
    return tiling->product.store->store.value->op == IR_EXPR_local;
}

/* tile = 0, or what C holds of it */
static struct loop_stmt *begin_tile(struct tiling *tiling)
{
    struct ir_context *context = tiling->context;
    const struct loop_stmt *store = tiling->product.store;
    struct loop_stmt *list =
        within_tile(tiling, false, false,
                    loop_store(context, tiling->buffer, tiling->address, tiling->product.define->local.value, IR_EXPR_OP_COUNT));
    if (!tiling->first || store->store.combine != IR_EXPR_OP_COUNT)
        return list;
    const struct ir_expr *held =
        ir_expr_load(context, store->store.buffer, tiling->product.elem, placed(tiling, store->store.address));
    struct loop_stmt *resume =
        within_tile(tiling, true, false, loop_store(context, tiling->buffer, tiling->address, held, IR_EXPR_OP_COUNT));
    const struct poly **condition = arena_copy(ir_arena(context), &tiling->first, 1, sizeof *condition);
    return condition && list ? loop_join(list, loop_if(context, 1, condition, resume, NULL)) : NULL;
}

struct loop_stmt *tiling_store(struct tiling *tiling, const struct ir_expr *value)
{
    const struct loop_stmt *store = tiling->product.store;
    const struct poly *address = placed(tiling, store->store.address);
    bool in_row = tiling->row != UINT32_MAX;
    struct loop_stmt *copy = loop_store(tiling->context, in_row ? tiling->row_buffer : store->store.buffer,
                                        in_row ? poly_subtract(tiling->context, address, tiling->row_begin) : address,
                                        value_of(tiling, value), store->store.combine);
    if (copy)
        copy->store.streams = !in_row && !tiling->first && product_streams(tiling->kernel, &tiling->product);
    return copy;
}

const struct ir_expr *tiling_value(struct tiling *tiling)
{
    return value_of(tiling, tiling->product.store->store.value);
}

static struct loop_stmt *store_tile(struct tiling *tiling, const struct ir_expr *value)
{
    return within_tile(tiling, true, tiling->finished != UINT32_MAX, tiling_store(tiling, value));
}

/* finished = tile: from there it is read line by line. */
static struct loop_stmt *finish_tile(struct tiling *tiling)
{
    const struct ir_expr *element = ir_expr_load(tiling->context, tiling->buffer, tiling->product.elem, tiling->address);
    return within_tile(tiling, false, false,
                       loop_store(tiling->context, tiling->finished, tiling->address, element, IR_EXPR_OP_COUNT));
}

/* C = value of tile, at the last block of k; before it C = tile. */
static struct loop_stmt *end_tile(struct tiling *tiling)
{
    struct ir_context *context = tiling->context;
    if (tiling->finished != UINT32_MAX) {
        struct loop_stmt *copy = finish_tile(tiling), *end = store_tile(tiling, tiling->product.store->store.value);
        return copy && end ? loop_join(copy, end) : NULL;
    }
    struct loop_stmt *last = store_tile(tiling, tiling->product.store->store.value);
    if (!tiling->first || is_bare_sum(tiling))
        return last;
    struct loop_stmt *between =
        store_tile(tiling, ir_expr_local(context, tiling->product.define->local.local, tiling->product.elem));
    const struct poly **condition = arena_copy(ir_arena(context), &tiling->last, 1, sizeof *condition);
    return condition ? loop_if(context, 1, condition, last, between) : NULL;
}

/* ---- the loops around ---- */

struct loop_stmt *tiling_around(struct tiling *tiling, uint32_t k, uint32_t index, const struct poly *end, const struct poly *limit,
                                struct loop_stmt *body)
{
    const struct product_axis *axis = &tiling->product.axes[k];
    struct loop_stmt *loop = loop_for(tiling->context, LOOP_SERIAL, index, poly_constant(tiling->context, 0), end, body);
    if (!loop)
        return NULL;
    loop->loop.role = axis->role;
    loop->loop.limit = limit;
    loop->comment = index == axis->loop->loop.index ? axis->loop->comment : NULL;
    return loop;
}

struct loop_stmt *tiling_loop(struct tiling *tiling, uint32_t k, struct loop_stmt *body)
{
    struct ir_context *context = tiling->context;
    const struct product_axis *axis = &tiling->product.axes[k];
    const struct poly *extent = axis->loop->loop.end, *limit = NULL;
    const struct poly *end =
        axis->block ? poly_constant(context, axis->block / axis->tile) : product_parts(tiling->context, extent, axis->tile);
    if (axis->block && !divides(axis->block, axis->extent))
        limit = product_parts(tiling->context, poly_subtract(context, extent, index_or_zero(tiling, tiling->outer[k], axis->block)),
                              axis->tile);
    return tiling_around(tiling, k, tiling->inner[k], end, limit, body);
}

struct loop_stmt *tiling_loops(struct tiling *tiling, enum loop_role role, struct loop_stmt *body)
{
    for (uint32_t k = tiling->product.n_axes; body && k-- > 0;)
        if (tiling->product.axes[k].role == role && tiling->inner[k] != UINT32_MAX)
            body = tiling_loop(tiling, k, body);
    return body;
}

static struct loop_stmt *blocks_of(struct tiling *tiling, uint32_t k, struct loop_stmt *body)
{
    const struct product_axis *axis = &tiling->product.axes[k];
    const struct poly *blocks = product_parts(tiling->context, axis->loop->loop.end, axis->block);
    return tiling_around(tiling, k, tiling->outer[k], blocks, NULL, body);
}

static struct loop_stmt *block_loop(struct tiling *tiling, uint32_t k, enum loop_role role, struct loop_stmt *body)
{
    const struct product_axis *axis = &tiling->product.axes[k];
    if (!body || axis->role != role || !axis->block || k == tiling->product.shared)
        return body;
    return blocks_of(tiling, k, body);
}

struct loop_stmt *tiling_block_loops(struct tiling *tiling, enum loop_role role, struct loop_stmt *body)
{
    const struct product_axis *lane = product_lane(&tiling->product);
    uint32_t first = tiling->finished == UINT32_MAX ? UINT32_MAX : (uint32_t)(lane - tiling->product.axes);
    if (first != UINT32_MAX) /* tiles are turned: blocks follow one another as A lies, which is read by parts of pages */
        body = block_loop(tiling, first, role, body);
    for (uint32_t k = tiling->product.n_axes; body && k-- > 0;)
        if (k != first)
            body = block_loop(tiling, k, role, body);
    return body;
}

/* The blocks that are dealt out to threads. */
static struct loop_stmt *shared_loop(struct tiling *tiling, struct loop_stmt *body)
{
    uint32_t k = tiling->product.shared;
    return body && k != UINT32_MAX ? blocks_of(tiling, k, body) : body;
}

/* Conditions on the blocks of k: some block lies before; none lies behind. */
static bool find_ends(struct tiling *tiling)
{
    struct ir_context *context = tiling->context;
    const struct poly *blocks = poly_constant(context, 0), *all = poly_constant(context, 1);
    for (uint32_t k = tiling->product.n_axes; k-- > 0;) {
        const struct product_axis *axis = &tiling->product.axes[k];
        if (axis->role != LOOP_K || !axis->block)
            continue;
        blocks = poly_add(context, blocks, poly_multiply(context, poly_index(context, tiling->outer[k]), all));
        all = poly_multiply(context, all, product_parts(tiling->context, axis->loop->loop.end, axis->block));
    }
    if (poly_equals(blocks, 0))
        return true;
    tiling->first = poly_subtract(context, blocks, poly_constant(context, 1));
    tiling->last = poly_subtract(context, blocks, poly_subtract(context, all, poly_constant(context, 1)));
    return tiling->first && tiling->last;
}

static struct loop_stmt *tiled(struct tiling *tiling)
{
    struct ir_context *context = tiling->context;
    struct product *product = &tiling->product;
    const struct ir_expr *factors[2] = {value_of(tiling, product->a), value_of(tiling, product->b)};
    struct loop_stmt *inner = within_tile(
        tiling, true, false,
        loop_store(context, tiling->buffer, tiling->address, ir_expr_apply(context, IR_EXPR_mul, 2, factors), IR_EXPR_add));
    struct loop_stmt *sum = tiling_loops(tiling, LOOP_K, inner), *begin = begin_tile(tiling), *end = end_tile(tiling);
    if (!sum || !begin || !end)
        return NULL;
    struct loop_stmt *body = tiling_loops(tiling, LOOP_N, tiling_loops(tiling, LOOP_M, loop_join(begin, loop_join(sum, end))));
    if (tiling->row != UINT32_MAX)
        body = tile_leave_rows(tiling, body);
    body = tiling_block_loops(tiling, LOOP_N, tiling_block_loops(tiling, LOOP_K, tiling_block_loops(tiling, LOOP_M, body)));
    return tiling_loops(tiling, LOOP_BATCH, shared_loop(tiling, body));
}

/* ---- sums of nothing ---- */

/* C = value of 0 for every element. */
static struct loop_stmt *store_zeros(struct tiling *tiling)
{
    struct ir_context *context = tiling->context;
    const struct loop_stmt *define = tiling->product.define, *store = tiling->product.store;
    struct loop_stmt *first = loop_define(context, define->local.local, define->local.value, true);
    struct loop_stmt *body =
        loop_join(first, loop_store(context, store->store.buffer, store->store.address, store->store.value, store->store.combine));
    for (uint32_t k = tiling->product.n_axes; first && body && k-- > 0;) {
        const struct loop_stmt *loop = tiling->product.axes[k].loop;
        if (tiling->product.axes[k].role != LOOP_K)
            body = loop_for(context, LOOP_SERIAL, loop->loop.index, loop->loop.begin, loop->loop.end, body);
    }
    return first ? body : NULL;
}

/* An index that is cut and summed may have no values: its blocks then do nothing, and C is set before. */
static bool set_empty_sums(struct tiling *tiling, struct loop_stmt **list)
{
    struct ir_context *context = tiling->context;
    const struct poly *one = poly_constant(context, 1);
    for (uint32_t k = 0; k < tiling->product.n_axes; k++) {
        const struct product_axis *axis = &tiling->product.axes[k];
        const struct poly *extent = axis->loop->loop.end;
        if (axis->role != LOOP_K || !axis->block || poly_prove_nonnegative(context, poly_subtract(context, extent, one), NULL))
            continue;
        const struct poly **empty = ARENA_ARRAY(ir_arena(context), 1, const struct poly *);
        if (!empty || !(*empty = poly_scale(context, extent, -1)))
            return false;
        struct loop_stmt *zeros = loop_if(context, 1, empty, store_zeros(tiling), NULL);
        if (!zeros)
            return false;
        *list = loop_join(zeros, *list);
    }
    return true;
}

/* As it was measured to be best, if a choice for this product is given and fits; else by the cost model. */
static bool choose_sizes(struct tiling *tiling)
{
    struct pass_kernel *kernel = tiling->kernel;
    const struct pass_options *options = kernel->options;
    if (!tile_choose_sizes(ir_arena(kernel->context), &options->machine, &tiling->product))
        return false;
    struct pass_tuned *tuned = options->tuning ? tune_find(options->tuning, kernel->loops->name, tiling->key) : NULL;
    if (!tuned)
        return true;
    const char *why = tile_apply_choice(&options->machine, &tiling->product, &tuned->choice);
    tuned->used = true;
    if (why)
        diag_warning(ir_diagnostics(kernel->context), DIAG_W0841, tuned->span, "the choice for `%s` in `%s` is not taken: %s",
                     tuned->tensor, tuned->kernel, why);
    else
        tiling->tuned = tuned;
    return true;
}

static bool tile(void *user, struct loop_stmt *loop, bool *changed)
{
    struct pass_kernel *kernel = user;
    struct arena *arena = ir_arena(kernel->context);
    struct tiling tiling = {
        .kernel = kernel, .context = kernel->context, .buffer = UINT32_MAX, .finished = UINT32_MAX, .row = UINT32_MAX};
    if (loop->loop.role == LOOP_NO_ROLE || !product_read(kernel, loop, &tiling.product))
        return true;
    *changed = true;
    uint32_t n = tiling.product.n_axes;
    tiling.key = tile_key(kernel->context, &tiling.product);
    if (!choose_sizes(&tiling))
        return false;
    bool by_rows = tile_plan_rows(&tiling);
    tiling.place = ARENA_ARRAY(arena, kernel->loops->n_indices + 3 * n, const struct poly *);
    tiling.outer = ARENA_ARRAY(arena, n, uint32_t);
    tiling.inner = ARENA_ARRAY(arena, n, uint32_t);
    tiling.innermost = ARENA_ARRAY(arena, n, uint32_t);
    if (!tiling.place || !tiling.outer || !tiling.inner || !tiling.innermost)
        return false;
    for (uint32_t k = 0; k < n; k++)
        if (!open_axis(&tiling, k))
            return false;
    if (by_rows && !tile_open_rows(&tiling))
        return false;
    struct loop_stmt *body = tile_is_staged(&tiling.product)           ? tile_staged(&tiling)
                             : !tiling.product.accumulate              ? tile_copy(&tiling)
                             : find_ends(&tiling) && add_tile(&tiling) ? tiled(&tiling)
                                                                       : NULL;
    if (!body || !set_empty_sums(&tiling, &body) || !tile_note(&tiling))
        return false;
    product_replace(loop, body);
    return true;
}

enum einc_status pass_tile(struct pass_kernel *kernel)
{
    if (!product_change(kernel->loops->body, tile, kernel))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
