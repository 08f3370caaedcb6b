/* While a block that was staged leaves for memory, the next one is asked for.
 *
 *     for blocks { fill    for rows { prefetch a part of A's next block    row } }
 *
 * A block is filled by reading alone and leaves by writing alone: each waits for memory where the other would have room. On Zen 5,
 * with nothing else at work, a matrix of 64 MiB is turned at 39 GB/s so, at 31 without; asked for in bursts or in the order of C's
 * rows instead, at 10 to 15 % less. So a block is taken as runs, what lies side by side in A of it, line after line, some with each
 * row. */
#include "tiling.h"

enum {
    MOST_AXES = 8,
    CARRIED = 8 /* blocks of the innermost loops, together: the block behind the last one of a loop is its next step's */
};

/* A's block: axes by rising step of A, those of a run first. */
struct ahead {
    uint32_t axes[MOST_AXES], n, of_run;
    int64_t line, lines, runs; /* elements of a line of memory; lines of a run; runs */
    const struct poly **place; /* by index: what stands for it in an address of the next block */
};

static int64_t within(const struct product_axis *axis)
{
    return axis->block ? axis->block : axis->extent;
}

/* False: no axis lies along A, or steps are no numbers. */
static bool find_runs(const struct tiling *tiling, struct ahead *ahead)
{
    const struct product *product = &tiling->product;
    ahead->n = 0;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        int64_t step, before;
        if (product->axes[k].role == LOOP_BATCH || tiling->inner[k] == UINT32_MAX || poly_equals(product->axes[k].a, 0))
            continue;
        if (ahead->n == MOST_AXES || !poly_is_constant(product->axes[k].a, &step) || step < 0)
            return false;
        uint32_t at = ahead->n++;
        for (; at > 0 && poly_is_constant(product->axes[ahead->axes[at - 1]].a, &before) && before > step; at--)
            ahead->axes[at] = ahead->axes[at - 1];
        ahead->axes[at] = k;
    }
    int64_t run = 1;
    ahead->runs = 1;
    for (ahead->of_run = 0; ahead->of_run < ahead->n; ahead->of_run++) {
        const struct product_axis *axis = &product->axes[ahead->axes[ahead->of_run]];
        if (!poly_equals(axis->a, run))
            break;
        run *= within(axis);
    }
    for (uint32_t k = ahead->of_run; k < ahead->n; k++)
        ahead->runs *= within(&product->axes[ahead->axes[k]]);
    ahead->line = CACHE_LINE / (int64_t)ir_elem_info(product->elem)->bytes;
    ahead->lines = (run + ahead->line - 1) / ahead->line;
    return ahead->of_run > 0;
}

/* Puts the next block's numbers into `place`, by the innermost loops over blocks. Gives what is >= 0 where there is one; NULL:
 * none.
 */
static const struct poly *place_next(struct tiling *tiling, struct loop_stmt *const *blocks, size_t n, struct ahead *ahead)
{
    struct ir_context *context = tiling->context;
    const struct poly *number = poly_constant(context, 1);
    int64_t extent, all = 1;
    size_t first = n;
    while (first > 0 && all < CARRIED && poly_is_constant(blocks[first - 1]->loop.end, &extent)) {
        number = poly_add(context, number, poly_scale(context, poly_index(context, blocks[--first]->loop.index), all));
        all *= extent;
    }
    const struct poly *left = number;
    for (size_t k = n; k-- > first;) {
        const struct poly *end = blocks[k]->loop.end;
        ahead->place[blocks[k]->loop.index] = k == first ? left : poly_mod(context, left, end, NULL);
        left = poly_floor_div(context, left, end, NULL);
    }
    return all > 1 ? poly_subtract(context, poly_constant(context, all - 1), number) : NULL;
}

/* The run of this number. */
static void place_run(struct tiling *tiling, const struct ahead *ahead, const struct poly *number, struct tiling_step cut)
{
    struct ir_context *context = tiling->context;
    for (uint32_t k = 0; k < ahead->n; k++) {
        uint32_t axis = ahead->axes[k], index = tiling->inner[axis];
        const struct poly *extent = poly_constant(context, within(&tiling->product.axes[axis]));
        const struct poly *digit = poly_constant(context, 0);
        if (k >= ahead->of_run) {
            digit = k + 1 < ahead->n ? poly_mod(context, number, extent, NULL) : number;
            number = poly_floor_div(context, number, extent, NULL);
        }
        ahead->place[index] = axis == cut.axis ? poly_add(context, digit, poly_constant(context, cut.more)) : digit;
    }
}

/* for x < hints of a row { prefetch a line of A's block } */
static struct loop_stmt *fetch_share(struct tiling *tiling, const struct ahead *ahead, struct tiling_rows rows,
                                     struct tiling_step cut)
{
    struct ir_context *context = tiling->context;
    int64_t all = ahead->lines * ahead->runs, share = (all + rows.count - 1) / rows.count;
    uint32_t n = (uint32_t)tiling->kernel->loops->n_indices, x = loop_add_index(context, tiling->kernel->loops, "line");
    if (x == UINT32_MAX)
        return NULL;
    const struct poly *lines = poly_constant(context, ahead->lines), *before = poly_scale(context, rows.number, share);
    const struct poly *number = poly_add(context, before, poly_index(context, x));
    place_run(tiling, ahead, poly_floor_div(context, number, lines, NULL), cut);
    const struct poly *address = poly_substitute(context, tiling->product.a->load.address, n, tiling->place, NULL);
    address = poly_add(context, poly_substitute(context, address, n, ahead->place, NULL),
                       poly_scale(context, poly_mod(context, number, lines, NULL), ahead->line));
    struct loop_stmt *hint = loop_prefetch(context, tiling->product.a->load.buffer, address);
    if (!hint)
        return NULL;
    hint->prefetch.far = true;
    struct loop_stmt *hints = loop_for(context, LOOP_SERIAL, x, poly_constant(context, 0), poly_constant(context, share), hint);
    if (hints && all % share)
        hints->loop.limit = poly_subtract(context, poly_constant(context, all), before);
    return hints;
}

bool tile_fetch_ahead(struct tiling *tiling, struct loop_stmt *nest, const struct loop_stmt *block, struct tiling_rows rows,
                      struct tiling_step cut)
{
    struct arena *arena = ir_arena(tiling->context);
    size_t n = 0, capacity = 0;
    struct loop_stmt **blocks = NULL;
    struct ahead ahead;
    for (; nest != block; nest = nest->loop.body)
        if (!ARENA_PUSH(arena, blocks, n, capacity, nest))
            return false;
    if (!find_runs(tiling, &ahead) || n == 0)
        return true;
    ahead.place = ARENA_ARRAY(arena, tiling->kernel->loops->n_indices, const struct poly *);
    const struct poly *is_there = ahead.place ? place_next(tiling, blocks, n, &ahead) : NULL;
    if (!is_there)
        return ahead.place != NULL;
    bool moves_cut = cut.axis != UINT32_MAX && blocks[n - 1]->loop.index == tiling->outer[cut.axis];
    struct tiling_step step = moves_cut ? cut : (struct tiling_step){UINT32_MAX, 0};
    struct loop_stmt *hints = fetch_share(tiling, &ahead, rows, step);
    hints = tiling_where(tiling, is_there, hints, NULL);
    if (hints)
        *rows.list = loop_join(hints, *rows.list);
    return hints != NULL;
}
