/* A copy that is turned, or of short lines, of a tensor whose lines begin anywhere: stored piece by piece its lines would go to
 * memory in parts, and each part costs reading the line first. So a block is turned into a buffer, in the order of the result, and
 * leaves it by rows:
 *
 *     for batch, blocks of n, m {
 *         for n, m of a block and a little more { staged[...] = A[...] }
 *         for rows { for x { C[...] stream= staged[...] } }
 *     }
 *
 * A row is what lies side by side in C of a block: its innermost axes whole, the last of them perhaps cut. Where that one is cut a
 * row begins and ends where lines of memory do: the elements before its first line belong to the block before, which has staged
 * that much more. So every line but the first and the last of a tensor is stored at once. */
#include "tiling.h"

#include <math.h>

enum {
    LEAST_ROW = 4, /* lines of memory, where rows begin and end anywhere */
    PIECE = 2048   /* bytes that leave at once: a longer row by pieces */
};

/* The axes of a block by rising step of C: those of a row first. */
struct stage {
    uint32_t axes[8], n, of_row; /* all in a block; so many of them are of the row */
    uint32_t cut;                /* the axis of the row that is cut; UINT32_MAX: none */
    int64_t inner, more;         /* elements of a step of that axis; steps that are staged beyond the block */
    int64_t row, line;           /* elements of a row; of a line of memory */
};

static int64_t within(const struct product_axis *axis)
{
    return axis->block ? axis->block : axis->extent;
}

/* The axes that have loops within a block, sorted; false: too many, or not all are of known extent. */
static bool list_axes(const struct product *product, struct stage *stage)
{
    stage->n = 0;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        int64_t step;
        if (axis->role == LOOP_BATCH || axis->block == 1)
            continue;
        if (stage->n == 8 || !axis->extent || !poly_is_constant(axis->c, &step))
            return false;
        uint32_t at = stage->n++;
        for (int64_t before; at > 0 && poly_is_constant(product->axes[stage->axes[at - 1]].c, &before) && before > step; at--)
            stage->axes[at] = stage->axes[at - 1];
        stage->axes[at] = k;
    }
    return stage->n > 0;
}

/* Blocks of the axis, whose steps are `inner` elements each, end where lines do, and the last has a whole line at least. */
static bool ends_at_lines(const struct product_axis *axis, int64_t inner, int64_t line)
{
    int64_t last = axis->extent % axis->block ? axis->extent % axis->block : axis->block;
    return axis->block * inner % line == 0 && last * inner >= line;
}

/* Do rows begin where lines do, if the tensor does? */
static bool begin_at_lines(const struct product *product, const struct stage *stage)
{
    for (uint32_t k = 0; k < product->n_axes; k++) {
        bool of_row = false;
        int64_t step;
        for (uint32_t i = 0; i < stage->of_row; i++)
            of_row |= stage->axes[i] == k;
        if (!of_row && (!poly_is_constant(product->axes[k].c, &step) || step % stage->line != 0))
            return false;
    }
    return true;
}

/* Which of them lie side by side in C. */
static void find_row(const struct product *product, struct stage *stage)
{
    stage->row = 1;
    stage->cut = UINT32_MAX;
    for (stage->of_row = 0; stage->of_row < stage->n && stage->cut == UINT32_MAX; stage->of_row++) {
        const struct product_axis *axis = &product->axes[stage->axes[stage->of_row]];
        if (!poly_equals(axis->c, stage->row) || (axis->block && !ends_at_lines(axis, stage->row, stage->line)))
            break;
        if (axis->block) {
            stage->cut = stage->axes[stage->of_row];
            stage->inner = stage->row;
        }
        stage->row *= within(axis);
    }
    bool is_ragged = stage->cut != UINT32_MAX && !begin_at_lines(product, stage);
    stage->more = is_ragged ? (stage->line + stage->inner - 1) / stage->inner : 0;
}

static bool plan(const struct product *product, struct stage *stage)
{
    *stage = (struct stage){.line = CACHE_LINE / (int64_t)ir_elem_info(product->elem)->bytes};
    if (!list_axes(product, stage))
        return false;
    find_row(product, stage);
    return stage->cut != UINT32_MAX || stage->row >= LEAST_ROW * stage->line;
}

bool tile_is_staged(const struct product *product)
{
    struct stage stage;
    return product->is_ragged && product->threads <= 1 && plan(product, &stage);
}

/* ---- where elements stand ---- */

/* The address with the indices of the row at 0. */
static const struct poly *begin_of_row(struct tiling *tiling, const struct stage *stage, const struct poly *address)
{
    uint32_t n = (uint32_t)tiling->kernel->loops->n_indices;
    const struct poly **zero = ARENA_ARRAY(ir_arena(tiling->context), n, const struct poly *);
    for (uint32_t k = 0; zero && k < stage->of_row; k++)
        zero[tiling->inner[stage->axes[k]]] = poly_constant(tiling->context, 0);
    return zero ? poly_substitute(tiling->context, address, n, zero, NULL) : NULL;
}

/* In the buffer; its axes lie as in C, densely. */
static bool add_buffer(struct tiling *tiling, const struct stage *stage)
{
    struct ir_context *context = tiling->context;
    const struct poly **shape = ARENA_ARRAY(ir_arena(context), stage->n, const struct poly *);
    struct loop_buffer buffer = {.kind = LOOP_SCRATCH, .name = "staged", .elem = tiling->product.elem, .shape = shape};
    int64_t count = 1;
    tiling->address = poly_constant(context, 0);
    for (uint32_t k = 0; shape && k < stage->n; k++) {
        uint32_t axis = stage->axes[k];
        int64_t extent = within(&tiling->product.axes[axis]) + (axis == stage->cut ? stage->more : 0);
        tiling->address = poly_add(context, tiling->address, poly_scale(context, poly_index(context, tiling->inner[axis]), count));
        shape[stage->n - 1 - k] = poly_constant(context, extent);
        count *= extent;
    }
    buffer.rank = stage->n;
    buffer.count = poly_constant(context, count);
    tiling->buffer = shape && tiling->address ? loop_add_buffer(context, tiling->kernel->loops, buffer) : UINT32_MAX;
    return tiling->buffer != UINT32_MAX;
}

/* ---- loops ---- */

/* Over an axis within the block, `more` steps beyond it, as far as the tensor goes. */
static struct loop_stmt *over_axis(struct tiling *tiling, uint32_t k, int64_t more, struct loop_stmt *body)
{
    struct ir_context *context = tiling->context;
    const struct product_axis *axis = &tiling->product.axes[k];
    const struct poly *limit = NULL;
    if (axis->block && (more || axis->extent % axis->block))
        limit =
            poly_subtract(context, axis->loop->loop.end, poly_scale(context, poly_index(context, tiling->outer[k]), axis->block));
    return body ? tiling_around(tiling, k, tiling->inner[k], poly_constant(context, within(axis) + more), limit, body) : NULL;
}

/* staged = A at this place along the line. */
static struct loop_stmt *fill_place(struct tiling *tiling, const struct poly **place)
{
    struct ir_context *context = tiling->context;
    uint32_t n = (uint32_t)tiling->kernel->loops->n_indices;
    const struct ir_expr *value = ir_expr_substitute(context, tiling_value(tiling), NULL, NULL, n, place, NULL);
    return loop_store(context, tiling->buffer, poly_substitute(context, tiling->address, n, place, NULL), value, IR_EXPR_OP_COUNT);
}

/* A line that lies in A as in C: whole vectors, then the rest. NULL: no memory. */
static struct loop_stmt *fill_line(struct tiling *tiling, uint32_t line)
{
    struct ir_context *context = tiling->context;
    const struct product_axis *axis = &tiling->product.axes[line];
    int64_t lanes = tiling->product.lanes, whole = axis->extent / lanes;
    uint32_t inner = tiling->inner[line];
    uint32_t vector = loop_add_index(context, tiling->kernel->loops, "vector");
    const struct poly **place = ARENA_ARRAY(ir_arena(context), tiling->kernel->loops->n_indices, const struct poly *);
    const struct poly *lane = poly_index(context, inner);
    struct loop_stmt *row = NULL;
    if (vector == UINT32_MAX || !place)
        return NULL;
    if (whole) {
        place[inner] = poly_add(context, poly_scale(context, poly_index(context, vector), lanes), lane);
        row = tiling_around(tiling, line, inner, poly_constant(context, lanes), NULL, fill_place(tiling, place));
        row = row ? tiling_around(tiling, line, vector, poly_constant(context, whole), NULL, row) : NULL;
        if (!row || axis->extent % lanes == 0)
            return row;
    }
    place[inner] = poly_add(context, poly_constant(context, whole * lanes), lane);
    struct loop_stmt *rest = tiling_around(tiling, line, inner, poly_constant(context, lanes),
                                           poly_constant(context, axis->extent % lanes), fill_place(tiling, place));
    return rest ? loop_join(row, rest) : NULL;
}

/* staged = A, the loops in the order of the axes: those along which A and C lie innermost. */
static struct loop_stmt *fill(struct tiling *tiling, const struct stage *stage)
{
    uint32_t n = tiling->product.n_axes, line = n - 1;
    bool by_lines = tile_copies_rows(&tiling->product) && line != stage->cut && !tiling->product.axes[line].block;
    struct loop_stmt *body =
        by_lines ? fill_line(tiling, line)
                 : loop_store(tiling->context, tiling->buffer, tiling->address, tiling_value(tiling), IR_EXPR_OP_COUNT);
    for (uint32_t k = by_lines ? line : n; body && k-- > 0;)
        if (tiling->product.axes[k].role != LOOP_BATCH && tiling->inner[k] != UINT32_MAX)
            body = over_axis(tiling, k, k == stage->cut ? stage->more : 0, body);
    return body;
}

struct loop_stmt *tiling_move(struct tiling *tiling, uint32_t buffer, const struct poly *to, const struct poly *from,
                              const struct poly *count)
{
    struct ir_context *context = tiling->context;
    uint32_t x = loop_add_index(context, tiling->kernel->loops, "x");
    if (x == UINT32_MAX)
        return NULL;
    const struct poly *place = poly_index(context, x);
    const struct ir_expr *staged = ir_expr_load(context, buffer, tiling->product.elem, poly_add(context, from, place));
    struct loop_stmt *store =
        loop_store(context, tiling->product.store->store.buffer, poly_add(context, to, place), staged, IR_EXPR_OP_COUNT);
    if (!store)
        return NULL;
    store->store.streams = true;
    return loop_for(context, LOOP_SERIAL, x, poly_constant(context, 0), count, store);
}

struct loop_stmt *tiling_where(struct tiling *tiling, const struct poly *at_least_0, struct loop_stmt *body,
                               struct loop_stmt *otherwise)
{
    const struct poly **condition = arena_copy(ir_arena(tiling->context), &at_least_0, 1, sizeof *condition);
    return condition && at_least_0 && body ? loop_if(tiling->context, 1, condition, body, otherwise) : NULL;
}

/* From `to` on `count` elements, by pieces where they are many: between them something else has its turn. */
static struct loop_stmt *by_pieces(struct tiling *tiling, int64_t count, const struct poly *to, const struct poly *from,
                                   struct tiling_rows *rows)
{
    struct ir_context *context = tiling->context;
    int64_t piece = PIECE / (int64_t)ir_elem_info(tiling->product.elem)->bytes, pieces = count / piece;
    uint32_t index = pieces > 1 ? loop_add_index(context, tiling->kernel->loops, "piece") : UINT32_MAX;
    if (pieces <= 1)
        return tiling_move(tiling, tiling->buffer, to, from, poly_constant(context, count));
    if (index == UINT32_MAX)
        return NULL;
    const struct poly *number = poly_index(context, index), *before = poly_scale(context, number, piece);
    struct loop_stmt *move = tiling_move(tiling, tiling->buffer, poly_add(context, to, before), poly_add(context, from, before),
                                         poly_constant(context, piece));
    if (!move)
        return NULL;
    struct loop_stmt *loop = loop_for(context, LOOP_SERIAL, index, poly_constant(context, 0), poly_constant(context, pieces), move);
    if (!loop)
        return NULL;
    *rows = (struct tiling_rows){&loop->loop.body, number, pieces};
    if (count % piece == 0)
        return loop;
    before = poly_constant(context, pieces * piece);
    struct loop_stmt *rest = tiling_move(tiling, tiling->buffer, poly_add(context, to, before), poly_add(context, from, before),
                                         poly_constant(context, count % piece));
    return rest ? loop_join(loop, rest) : NULL;
}

/* A row of a block of the cut axis: from its first line of memory to that of the block behind it. */
static struct loop_stmt *cut_row(struct tiling *tiling, const struct stage *stage, const struct poly *to, const struct poly *from,
                                 struct tiling_rows *rows)
{
    struct ir_context *context = tiling->context;
    const struct product_axis *axis = &tiling->product.axes[stage->cut];
    const struct poly *line = poly_constant(context, stage->line), *block = poly_index(context, tiling->outer[stage->cut]);
    const struct poly *over = poly_mod(context, poly_add(context, to, poly_constant(context, stage->line - 1)), line, NULL);
    const struct poly *head = poly_subtract(context, poly_constant(context, stage->line - 1), over); /* before the first line */
    int64_t last = (axis->extent - 1) / axis->block, rest = (axis->extent - last * axis->block) * stage->inner;
    const struct poly *to_line = poly_add(context, to, head), *from_line = poly_add(context, from, head);
    struct loop_stmt *first = NULL, *whole = by_pieces(tiling, stage->row, to_line, from_line, &rows[0]);
    if (!stage->more && axis->extent % axis->block == 0)
        return whole;
    if (stage->more &&
        !(first = tiling_where(tiling, poly_scale(context, block, -1), tiling_move(tiling, tiling->buffer, to, from, head), NULL)))
        return NULL;
    struct loop_stmt *end =
        tiling_move(tiling, tiling->buffer, to_line, from_line, poly_subtract(context, poly_constant(context, rest), head));
    struct loop_stmt *body = tiling_where(tiling, poly_subtract(context, poly_constant(context, last - 1), block), whole, end);
    if (body && rows[0].list)
        rows[1] = (struct tiling_rows){&body->branch.otherwise, poly_constant(context, 0), 1};
    return end && body ? loop_join(first, body) : NULL;
}

/* `rows`: two, where hints may stand; the list NULL: nowhere. */
static struct loop_stmt *leave(struct tiling *tiling, const struct stage *stage, struct tiling_rows *rows)
{
    struct ir_context *context = tiling->context;
    const struct poly *address = tiling->product.store->store.address;
    address = poly_substitute(context, address, (uint32_t)tiling->kernel->loops->n_indices, tiling->place, NULL);
    const struct poly *to = begin_of_row(tiling, stage, address), *from = begin_of_row(tiling, stage, tiling->address);
    rows[0] = rows[1] = (struct tiling_rows){.number = poly_constant(context, 0), .count = 1};
    struct loop_stmt *body =
        stage->cut == UINT32_MAX ? by_pieces(tiling, stage->row, to, from, rows) : cut_row(tiling, stage, to, from, rows);
    for (uint32_t k = stage->of_row; body && k < stage->n; k++) {
        uint32_t axis = stage->axes[k];
        for (int i = 0; i < 2; i++) {
            rows[i].number =
                poly_add(context, rows[i].number, poly_scale(context, poly_index(context, tiling->inner[axis]), rows[i].count));
            rows[i].count *= within(&tiling->product.axes[axis]);
        }
        body = over_axis(tiling, axis, 0, body);
        if (body)
            body->loop.role = LOOP_NO_ROLE;
        if (body && !rows[0].list)
            rows[0].list = &body->loop.body;
    }
    return body;
}

struct loop_stmt *tile_staged(struct tiling *tiling)
{
    struct stage stage;
    struct tiling_rows rows[2];
    if (!plan(&tiling->product, &stage) || !add_buffer(tiling, &stage))
        return NULL;
    struct loop_stmt *filled = fill(tiling, &stage), *left = leave(tiling, &stage, rows);
    if (!filled || !left)
        return NULL;
    struct loop_stmt *block = loop_join(filled, left);
    struct loop_stmt *nest =
        tiling_loops(tiling, LOOP_BATCH, tiling_block_loops(tiling, LOOP_N, tiling_block_loops(tiling, LOOP_M, block)));
    for (int i = 0; nest && i < 2; i++)
        if (rows[i].list && !tile_fetch_ahead(tiling, nest, block, rows[i], (struct tiling_step){stage.cut, stage.more}))
            return NULL;
    return nest;
}
