/* Writes the loop over blocks of an index that stages share.
 *
 * A block of one value runs the stages after one another for it; scratch that no one else uses holds one row then:
 *
 *     for e < E { t[inner] = ... u[R*e + ...] ...   v[R*e + ...] = ... t[inner] ... }
 *
 * In a block of several values, a number of whole vectors, all that the index moves lies with it innermost, whatever the layout
 * outside: stages read and write whole vectors, and what other loops do with the places is no matter. Rows of other tensors are
 * turned as they are copied to the block and from it:
 *
 *     for block { u_lanes[8*r + e] = u[R*(8*block + e) + r]   t[8*inner + e] = ...   v[R*(8*block + e) + r] = v_lanes[8*r + e] }
 *
 * The last block may have values too many: they read the first one's rows, so that they are numbers that occur anyway, and nobody
 * stores what they give. */
#include "fuse_stages.h"
#include "product.h"

/* ---- places within a block ---- */

struct placing {
    const struct fusion *fusion;
    uint32_t n_indices;
    const struct poly **common;  /* the loop that is cut by the common index, all else itself */
    const struct poly **blocked; /* the common index by block and lane */
    const uint32_t *buffers;     /* by buffer: where it stands in a block; NULL: as they are */
};

static bool open_placing(struct placing *placing, const struct fusion *fusion, const struct fused_stage *stage)
{
    struct ir_context *context = fusion->context;
    *placing = (struct placing){.fusion = fusion, .n_indices = (uint32_t)fusion->kernel->loops->n_indices};
    placing->common = ARENA_ARRAY(fusion->arena, placing->n_indices, const struct poly *);
    placing->blocked = ARENA_ARRAY(fusion->arena, placing->n_indices, const struct poly *);
    if (!placing->common || !placing->blocked)
        return false;
    const struct poly *index = poly_index(context, fusion->index);
    if (stage) {
        uint32_t cut = stage->loops[stage->cut]->loop.index;
        const struct poly *place = poly_scale(context, index, stage->times);
        placing->common[cut] = stage->times == 1 ? place : poly_add(context, place, poly_index(context, cut));
    }
    if (fusion->block > 1)
        placing->blocked[fusion->index] =
            poly_add(context, poly_scale(context, index, fusion->block), poly_index(context, fusion->lane));
    return true;
}

static const struct poly *placed(const struct placing *placing, const struct poly *poly)
{
    struct ir_context *context = placing->fusion->context;
    const struct poly *common = poly ? poly_substitute(context, poly, placing->n_indices, placing->common, NULL) : NULL;
    return common ? poly_substitute(context, common, placing->n_indices, placing->blocked, NULL) : NULL;
}

bool fuse_stays(const struct fusion *fusion, uint32_t buffer)
{
    const struct fused_buffer *info = &fusion->buffers[buffer];
    return info->is_outside && !info->is_in_lanes && (info->is_read || info->is_written);
}

/* Does a block hold rows of the buffer at places of its own? */
static bool is_blocked(const struct fusion *fusion, uint32_t buffer)
{
    return fusion->buffers[buffer].is_moved &&
           (fusion->block > 1 ? !fuse_stays(fusion, buffer) : !fusion->buffers[buffer].is_outside);
}

/* Of an address in the common index. */
static const struct poly *place_in_block(const struct fusion *fusion, uint32_t buffer, const struct poly *address)
{
    struct ir_context *context = fusion->context;
    const struct poly *row, *inner;
    if (!is_blocked(fusion, buffer))
        return address;
    if (!poly_split_index(context, address, fusion->index, &row, &inner))
        return NULL;
    if (fusion->block == 1)
        return inner;
    return poly_add(context, poly_scale(context, inner, fusion->block), poly_index(context, fusion->lane));
}

static uint32_t buffer_of(const struct placing *placing, uint32_t buffer)
{
    return placing->buffers ? placing->buffers[buffer] : buffer;
}

static const struct ir_expr *load_from_block(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct placing *placing = user;
    if (leaf->op != IR_EXPR_load)
        return leaf;
    uint32_t buffer = leaf->load.buffer;
    return ir_expr_load(context, buffer_of(placing, buffer), leaf->elem,
                        place_in_block(placing->fusion, buffer, leaf->load.address));
}

static const struct ir_expr *placed_value(struct placing *placing, const struct ir_expr *value)
{
    struct ir_context *context = placing->fusion->context;
    const struct ir_expr *common =
        ir_expr_substitute(context, value, load_from_block, placing, placing->n_indices, placing->common, NULL);
    return common ? ir_expr_substitute(context, common, NULL, NULL, placing->n_indices, placing->blocked, NULL) : NULL;
}

/* ---- statements ---- */

static struct loop_stmt *placed_list(struct placing *placing, const struct loop_stmt *list);

static struct loop_stmt *placed_branch(struct placing *placing, const struct loop_stmt *stmt)
{
    const struct poly **conditions = ARENA_ARRAY(placing->fusion->arena, stmt->branch.n_conditions, const struct poly *);
    for (uint32_t k = 0; conditions && k < stmt->branch.n_conditions; k++)
        conditions[k] = placed(placing, stmt->branch.conditions[k]);
    return loop_if(placing->fusion->context, stmt->branch.n_conditions, conditions, placed_list(placing, stmt->branch.body),
                   placed_list(placing, stmt->branch.otherwise));
}

static struct loop_stmt *placed_store(struct placing *placing, const struct loop_stmt *stmt)
{
    struct ir_context *context = placing->fusion->context;
    uint32_t buffer = stmt->store.buffer;
    const struct poly *common = poly_substitute(context, stmt->store.address, placing->n_indices, placing->common, NULL);
    const struct poly *address = common ? place_in_block(placing->fusion, buffer, common) : NULL;
    if (address)
        address = poly_substitute(context, address, placing->n_indices, placing->blocked, NULL);
    return loop_store(context, buffer_of(placing, buffer), address, placed_value(placing, stmt->store.value), stmt->store.combine);
}

static struct loop_stmt *placed_loop(struct placing *placing, const struct loop_stmt *stmt)
{
    struct loop_stmt *copy =
        loop_for(placing->fusion->context, stmt->loop.kind, stmt->loop.index, placed(placing, stmt->loop.begin),
                 placed(placing, stmt->loop.end), placed_list(placing, stmt->loop.body));
    if (!copy)
        return NULL;
    copy->loop.role = stmt->loop.role;
    copy->loop.limit = placed(placing, stmt->loop.limit);
    copy->comment = stmt->comment;
    return copy;
}

static struct loop_stmt *placed_statement(struct placing *placing, const struct loop_stmt *stmt)
{
    struct ir_context *context = placing->fusion->context;
    switch (stmt->op) {
    case LOOP_FOR:
        return placed_loop(placing, stmt);
    case LOOP_STORE:
        return placed_store(placing, stmt);
    case LOOP_DEFINE:
        return loop_define(context, stmt->local.local, placed_value(placing, stmt->local.value), stmt->local.constant);
    case LOOP_SET:
        return loop_set(context, stmt->local.local, placed_value(placing, stmt->local.value), stmt->local.combine);
    case LOOP_IF:
        return placed_branch(placing, stmt);
    case LOOP_BLOCK:
        return loop_block(context, stmt->comment, stmt->span, placed_list(placing, stmt->block));
    case LOOP_PREFETCH: /* a hint, for another order of reading */
        return NULL;
    case LOOP_CHECK: /* fuse_stages.c leaves stages with checks alone */
    case LOOP_COMMENT:
        break;
    }
    return arena_copy(placing->fusion->arena, stmt, 1, sizeof *stmt);
}

/* NULL: an empty list, or no memory. */
static struct loop_stmt *placed_list(struct placing *placing, const struct loop_stmt *list)
{
    struct loop_stmt *copy = NULL;
    for (; list; list = list->next) {
        struct loop_stmt *stmt = placed_statement(placing, list);
        if (stmt)
            stmt->next = NULL;
        copy = loop_join(copy, stmt);
    }
    return copy;
}

/* ---- stages ---- */

static struct loop_stmt *lane_loop(const struct fusion *fusion, struct loop_stmt *body)
{
    struct ir_context *context = fusion->context;
    return loop_for(context, LOOP_SERIAL, fusion->lane, poly_constant(context, 0), poly_constant(context, fusion->block), body);
}

/* The loops of a stage around what is inside of them; of the cut one what is left of it. */
static struct loop_stmt *stage_loops(struct placing *placing, const struct fused_stage *stage, struct loop_stmt *nest)
{
    struct ir_context *context = placing->fusion->context;
    for (uint32_t k = stage->n_loops; nest && k-- > 0;) {
        const struct loop_stmt *loop = stage->loops[k];
        if (k == stage->cut && stage->times == 1)
            continue;
        const struct poly *end = k == stage->cut ? poly_constant(context, stage->times) : placed(placing, loop->loop.end);
        nest = loop_for(context, LOOP_SERIAL, loop->loop.index, poly_constant(context, 0), end, nest);
        if (nest)
            nest->comment = k == stage->cut ? NULL : loop->comment;
    }
    return nest;
}

/* Between what a full block does, and what one with less does. */
static struct loop_stmt *by_fullness(const struct fusion *fusion, struct loop_stmt *whole, struct loop_stmt *part)
{
    struct ir_context *context = fusion->context;
    const struct poly **condition = ARENA_ARRAY(fusion->arena, 1, const struct poly *);
    const struct poly *done = poly_scale(context, poly_index(context, fusion->index), fusion->block);
    int64_t values;
    if (!condition || !whole || !part)
        return NULL;
    if (poly_is_constant(fusion->extent, &values) && values < fusion->block)
        return part;
    condition[0] = poly_subtract(context, fusion->extent, poly_add(context, done, poly_constant(context, fusion->block)));
    return loop_if(context, 1, condition, whole, part);
}

/* Lanes [begin, limit), limit NULL: to the end; `first`: all as the first one. Innermost, where they lie side by side in the block,
 * unless the order counts. */
static struct loop_stmt *apart_lanes(struct placing *placing, const struct fused_stage *stage, const struct poly *begin,
                                     const struct poly *limit, bool first)
{
    const struct fusion *fusion = placing->fusion;
    struct ir_context *context = fusion->context;
    const struct poly *lane = placing->blocked[fusion->index];
    if (first)
        placing->blocked[fusion->index] = poly_scale(context, poly_index(context, fusion->index), fusion->block);
    struct loop_stmt *nest = placed_list(placing, stage->loops[stage->n_loops - 1]->loop.body);
    placing->blocked[fusion->index] = lane;
    if (stage->is_in_order)
        nest = stage_loops(placing, stage, nest);
    nest = loop_for(context, LOOP_SERIAL, fusion->lane, begin, poly_constant(context, fusion->block), nest);
    if (nest)
        nest->loop.limit = limit;
    return stage->is_in_order ? nest : stage_loops(placing, stage, nest);
}

/* A stage whose places do not lie side by side. Lanes that are none read what the first one does, and add nothing. */
static struct loop_stmt *place_apart(struct placing *placing, const struct fused_stage *stage)
{
    const struct fusion *fusion = placing->fusion;
    struct ir_context *context = fusion->context;
    const struct loop_stmt *store = stage->loops[stage->n_loops - 1]->loop.body;
    while (store->op == LOOP_FOR)
        store = store->loop.body;
    const struct poly *zero = poly_constant(context, 0);
    const struct poly *rest = poly_mod(context, fusion->extent, poly_constant(context, fusion->block), NULL);
    struct loop_stmt *whole = apart_lanes(placing, stage, zero, NULL, false);
    if (poly_equals(rest, 0))
        return whole;
    struct loop_stmt *part = apart_lanes(placing, stage, zero, rest, false);
    if (part && is_blocked(fusion, store->store.buffer))
        part = loop_join(part, apart_lanes(placing, stage, rest, NULL, true));
    return by_fullness(fusion, whole, part);
}

static struct loop_stmt *place_nest(struct placing *placing, const struct fused_stage *stage)
{
    const struct fusion *fusion = placing->fusion;
    struct ir_context *context = fusion->context;
    if (fusion->block > 1 && stage->is_apart)
        return place_apart(placing, stage);
    bool as_sums = fusion->block > 1 && stage->sums;
    struct loop_stmt *nest = placed_list(placing, as_sums ? stage->sums->loop.body : stage->loops[stage->n_loops - 1]->loop.body);
    if (fusion->block > 1)
        nest = lane_loop(fusion, nest);
    if (as_sums)
        nest = loop_for(context, LOOP_SERIAL, stage->sums->loop.index, stage->sums->loop.begin, stage->sums->loop.end, nest);
    return stage_loops(placing, stage, nest);
}

struct loop_stmt *fuse_nest(const struct fusion *fusion, const struct fused_stage *stage)
{
    struct placing placing;
    return open_placing(&placing, fusion, stage) ? place_nest(&placing, stage) : NULL;
}

/* ---- rows that are copied ---- */

bool fuse_copies_in(const struct fusion *fusion, uint32_t buffer)
{
    const struct fused_buffer *info = &fusion->buffers[buffer];
    return fusion->block > 1 && is_blocked(fusion, buffer) && info->is_outside && info->is_read_first;
}

bool fuse_copies_out(const struct fusion *fusion, uint32_t buffer)
{
    const struct fused_buffer *info = &fusion->buffers[buffer];
    return fusion->block > 1 && is_blocked(fusion, buffer) && info->is_outside && info->is_written;
}

struct copying {
    struct fusion *fusion;
    uint32_t from, to; /* the tensor and its rows in the block, or the other way */
    bool is_out;
    int64_t row_length;
    uint32_t row;         /* index along a row; of one element no loop runs along it */
    int64_t edge;         /* of squares */
    int64_t begin, count; /* the part of it that is copied */
};

/* tensor[R*(block*B + lane) + r] = rows[B*r + lane] or the other way round; `first`: all lanes the first one's row. */
static struct loop_stmt *copy_element(const struct copying *copying, bool first)
{
    const struct fusion *fusion = copying->fusion;
    struct ir_context *context = fusion->context;
    enum ir_elem elem = fusion->kernel->loops->buffers[copying->from].elem;
    const struct poly *row = poly_constant(context, copying->begin);
    if (copying->row_length > 1)
        row = poly_add(context, poly_index(context, copying->row), row);
    const struct poly *lane = poly_index(context, fusion->lane);
    const struct poly *value = poly_scale(context, poly_index(context, fusion->index), fusion->block);
    const struct poly *outside =
        poly_add(context, poly_scale(context, first ? value : poly_add(context, value, lane), copying->row_length), row);
    const struct poly *inside = poly_add(context, poly_scale(context, row, fusion->block), lane);
    return loop_store(context, copying->to, copying->is_out ? outside : inside,
                      ir_expr_load(context, copying->from, elem, copying->is_out ? inside : outside), IR_EXPR_OP_COUNT);
}

static struct loop_stmt *with_role(struct loop_stmt *loop, enum loop_role role)
{
    if (loop)
        loop->loop.role = role;
    return loop;
}

/* Lanes [begin, limit) of the rows, limit NULL: to the end; where the copy goes their index is innermost, or that along a row. */
static struct loop_stmt *copy_lanes(const struct copying *copying, const struct poly *begin, const struct poly *limit, bool first)
{
    const struct fusion *fusion = copying->fusion;
    struct ir_context *context = fusion->context;
    const struct poly *zero = poly_constant(context, 0), *length = poly_constant(context, copying->count);
    struct loop_stmt *body = copy_element(copying, first);
    bool has_row = copying->row_length > 1;
    if (copying->is_out && has_row)
        body = with_role(loop_for(context, LOOP_SERIAL, copying->row, zero, length, body), LOOP_M);
    body = with_role(loop_for(context, LOOP_SERIAL, fusion->lane, begin, poly_constant(context, fusion->block), body),
                     copying->is_out && has_row ? LOOP_N : LOOP_M);
    if (body)
        body->loop.limit = limit;
    if (!copying->is_out && has_row)
        body = with_role(loop_for(context, LOOP_SERIAL, copying->row, zero, length, body), LOOP_N);
    return body;
}

/* Squares that are turned in registers, along a row: the last one lies over the one before where the row is no multiple. */
static struct loop_stmt *copy_squares(struct copying *copying, const struct poly *begin, const struct poly *limit, bool first)
{
    int64_t edge = copying->edge, rest = copying->row_length % edge;
    copying->begin = 0;
    copying->count = copying->row_length < edge ? copying->row_length : copying->row_length - rest;
    struct loop_stmt *list = copy_lanes(copying, begin, limit, first);
    if (rest == 0 || copying->row_length < edge)
        return list;
    copying->begin = copying->row_length - edge;
    copying->count = edge;
    struct loop_stmt *last = copy_lanes(copying, begin, limit, first);
    return list && last ? loop_join(list, last) : NULL;
}

/* All lanes where the block is full; else those that are, and on the way in the first one's row in the others. */
static struct loop_stmt *copy_rows(struct copying *copying)
{
    const struct fusion *fusion = copying->fusion;
    struct ir_context *context = fusion->context;
    const struct poly *zero = poly_constant(context, 0);
    const struct poly *rest = poly_mod(context, fusion->extent, poly_constant(context, fusion->block), NULL);
    struct loop_stmt *whole = copy_squares(copying, zero, NULL, false);
    if (poly_equals(rest, 0))
        return whole;
    struct loop_stmt *part = copy_squares(copying, zero, rest, false);
    if (part && !copying->is_out)
        part = loop_join(part, copy_squares(copying, rest, NULL, true));
    return by_fullness(fusion, whole, part);
}

static struct loop_stmt *copy_stage(struct fusion *fusion, const struct placing *placing, uint32_t buffer, bool is_out)
{
    struct ir_context *context = fusion->context;
    const struct loop_function *function = fusion->kernel->loops;
    const char *name = function->buffers[buffer].name;
    struct copying copying = {.fusion = fusion,
                              .from = is_out ? placing->buffers[buffer] : buffer,
                              .to = is_out ? buffer : placing->buffers[buffer],
                              .is_out = is_out,
                              .row_length = fusion->buffers[buffer].row,
                              .row = loop_add_index(context, fusion->kernel->loops, "r"),
                              .edge = product_lanes(&fusion->kernel->options->machine, function->buffers[buffer].elem, 0)};
    const char *comment =
        arena_printf(fusion->arena, "%s of a block, %s side by side%s", name, fusion->name, is_out ? ", to its rows" : "");
    struct loop_stmt *rows = copying.row != UINT32_MAX && comment ? copy_rows(&copying) : NULL;
    return rows ? loop_block(context, comment, SPAN_NONE, rows) : NULL;
}

/* ---- buffers ---- */

/* Of `row` elements at each value of a block. */
static bool shape_rows(const struct fusion *fusion, struct loop_buffer *buffer, int64_t row)
{
    struct ir_context *context = fusion->context;
    const struct poly **shape = ARENA_ARRAY(fusion->arena, 2, const struct poly *);
    if (!shape)
        return false;
    buffer->rank = 0;
    shape[buffer->rank++] = poly_constant(context, row);
    if (fusion->block > 1)
        shape[buffer->rank++] = poly_constant(context, fusion->block);
    buffer->shape = shape;
    buffer->count = poly_constant(context, row * fusion->block);
    return shape[0] && buffer->count;
}

static bool place_buffers(struct fusion *fusion, uint32_t *places)
{
    struct loop_function *function = fusion->kernel->loops;
    for (uint32_t k = 0, n = (uint32_t)function->n_buffers; k < n; k++) {
        places[k] = k;
        if (!is_blocked(fusion, k))
            continue;
        if (!fusion->buffers[k].is_outside) {
            if (!shape_rows(fusion, &function->buffers[k], fusion->buffers[k].row))
                return false;
            continue;
        }
        struct loop_buffer rows = {.kind = LOOP_SCRATCH,
                                   .name = arena_printf(fusion->arena, "%s_block", function->buffers[k].name),
                                   .elem = function->buffers[k].elem};
        if (!rows.name || !shape_rows(fusion, &rows, fusion->buffers[k].row))
            return false;
        places[k] = loop_add_buffer(fusion->context, function, rows);
        if (places[k] == UINT32_MAX)
            return false;
    }
    return true;
}

/* ---- the whole ---- */

static const char *words_of(const struct fusion *fusion)
{
    if (fusion->block == 1)
        return arena_printf(fusion->arena, "%u stages for one %s after another", fusion->n_stages, fusion->name);
    return arena_printf(fusion->arena, "%u stages for %lld of %s at a time, side by side", fusion->n_stages,
                        (long long)fusion->block, fusion->name);
}

static bool add_indices(struct fusion *fusion)
{
    struct loop_function *function = fusion->kernel->loops;
    bool is_block = fusion->block > 1;
    const char *name = is_block ? arena_printf(fusion->arena, "%s_block", fusion->name) : fusion->name;
    fusion->index = loop_add_index(fusion->context, function, name);
    fusion->lane = is_block ? loop_add_index(fusion->context, function, fusion->name) : UINT32_MAX;
    return fusion->index != UINT32_MAX && (!is_block || fusion->lane != UINT32_MAX);
}

/* Copies before the stage that uses a buffer first, the stage, copies behind the last that writes one. */
static struct loop_stmt *write_stage(struct fusion *fusion, const uint32_t *places, size_t n_buffers, uint32_t number)
{
    const struct fused_stage *stage = &fusion->stages[number];
    struct placing placing;
    struct loop_stmt *list = NULL;
    if (!open_placing(&placing, fusion, stage))
        return NULL;
    placing.buffers = places;
    for (uint32_t k = 0; k < n_buffers; k++)
        if (fuse_copies_in(fusion, k) && fusion->buffers[k].first == number)
            list = loop_join(list, copy_stage(fusion, &placing, k, false));
    struct loop_stmt *nest = place_nest(&placing, stage);
    list = nest ? loop_join(list, loop_block(fusion->context, stage->block->comment, stage->block->span, nest)) : NULL;
    for (uint32_t k = 0; list && k < n_buffers; k++)
        if (fuse_copies_out(fusion, k) && fusion->buffers[k].written == number)
            list = loop_join(list, copy_stage(fusion, &placing, k, true));
    return list;
}

struct loop_stmt *fuse_write(struct fusion *fusion)
{
    struct ir_context *context = fusion->context;
    size_t n_buffers = fusion->kernel->loops->n_buffers;
    uint32_t *places = ARENA_ARRAY(fusion->arena, n_buffers, uint32_t);
    struct loop_stmt *list = NULL;
    if (!places || !add_indices(fusion) || !place_buffers(fusion, places))
        return NULL;
    for (uint32_t k = 0; k < fusion->n_stages; k++) {
        struct loop_stmt *stage = write_stage(fusion, places, n_buffers, k);
        if (!stage)
            return NULL;
        list = loop_join(list, stage);
    }
    const struct poly *block = poly_constant(context, fusion->block);
    const struct poly *above = poly_add(context, fusion->extent, poly_constant(context, fusion->block - 1));
    struct loop_stmt *loop =
        loop_for(context, LOOP_SERIAL, fusion->index, poly_constant(context, 0), poly_floor_div(context, above, block, NULL), list);
    if (!loop)
        return NULL;
    loop->loop.role = LOOP_BATCH;
    loop->comment = words_of(fusion);
    return loop->comment ? loop : NULL;
}
