/* The end of a tile along its vectors: 12 doubles are a vector of 8 and one of 4, not two of 8.
 *
 *     unrolled i { for x < 16 limit 12 { tile[16*i + x] add= ... } }   becomes
 *     unrolled i { for x < 8 { tile[8*i + x] add= ... }  for x < 4 { tile_rest[4*i + x] add= ... } }
 *
 * A narrow vector is cheaper where the units that multiply are narrower than vectors. Where two whole ones are multiplied a cycle
 * it is not, and its factor is broadcast once more: loads are then what the loop waits for. On Zen 5 products of 20 x 20 in f32 ran
 * at 162 GFLOP/s with two vectors of 16, the second under a mask, at 142 with 16 and 4. */
#include "lanes.h"
#include "peel.h"
#include "product.h"

enum { FULL_RATE = 2 }; /* whole vectors multiplied in a cycle */

struct lanes {
    struct peeling *peeling;
    const struct peel_edge *edge;
    int64_t whole, rest, width; /* elements in whole vectors, those left, the lanes of the vector for them */
    bool *is_tile;              /* by buffer: an array of the tile */
    uint32_t *rests;            /* by buffer: that of its rest */
};

/* ---- whether ---- */

/* row * stride + x, the stride being that of the array's lines. */
static bool lies_along(const struct lanes *lanes, uint32_t buffer, const struct poly *address, uint32_t index)
{
    struct ir_context *context = lanes->peeling->context;
    const struct loop_buffer *array = &lanes->peeling->function->buffers[buffer];
    const struct poly *row;
    return array->rank > 0 && lanes_move_by_one(context, address, index) && poly_split_index(context, address, index, NULL, &row) &&
           poly_equals(poly_mod(context, row, array->shape[array->rank - 1], NULL), 0);
}

/* A store within the loop over `index`; UINT32_MAX: in none over lanes, and the tile stays untouched there. */
static bool may_store(struct lanes *lanes, const struct loop_stmt *store, uint32_t index)
{
    struct ir_context *context = lanes->peeling->context;
    const struct loop_buffer *buffers = lanes->peeling->function->buffers;
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, store->store.value, &count);
    bool may = order != NULL;
    for (size_t k = 0; may && k <= count; k++) {
        bool is_target = k == count;
        if (!is_target && order[k]->op != IR_EXPR_load)
            continue;
        uint32_t buffer = is_target ? store->store.buffer : order[k]->load.buffer;
        if (buffers[buffer].kind != LOOP_STACK)
            continue;
        lanes->is_tile[buffer] = true;
        may = index != UINT32_MAX && lies_along(lanes, buffer, is_target ? store->store.address : order[k]->load.address, index);
    }
    return may && (index == UINT32_MAX || lanes_hold(lanes->peeling->kernel, store->store.value, store->store.value->elem, index));
}

/* Innermost, over as many elements as the loops of the edge, and with no other limit. */
static bool may_be_along(const struct lanes *lanes, const struct loop_stmt *loop)
{
    return loop->loop.kind == LOOP_SERIAL && poly_equals(loop->loop.begin, 0) && loop->loop.body->op == LOOP_STORE &&
           !loop->loop.body->next && loop->loop.end == lanes->edge->loop->loop.end &&
           (!loop->loop.limit || peel_is_at(lanes->edge, loop));
}

/* Arrays of the tile are touched in loops along lanes alone, and these do what vectors can. */
static bool may_split(struct lanes *lanes, const struct loop_stmt *list)
{
    bool may = true;
    for (; list && may; list = list->next)
        if (list->op == LOOP_STORE)
            may = may_store(lanes, list, UINT32_MAX);
        else if (list->op == LOOP_FOR && may_be_along(lanes, list))
            may = may_store(lanes, list->loop.body, list->loop.index);
        else if (list->op == LOOP_FOR)
            may = !peel_is_at(lanes->edge, list) && may_split(lanes, list->loop.body);
        else
            may = list->op == LOOP_IF && may_split(lanes, list->branch.body) && may_split(lanes, list->branch.otherwise);
    return may;
}

static bool reads_tile(const struct lanes *lanes, const struct ir_expr *expr)
{
    bool reads = expr->op == IR_EXPR_load && lanes->is_tile[expr->load.buffer];
    for (uint32_t k = 0; k < expr->n_arguments && !reads; k++)
        reads = reads_tile(lanes, expr->arguments[k]);
    return reads;
}

/* What is filled whole for the tile to read, without a limit, stays as it is. */
static bool is_along(const struct lanes *lanes, const struct loop_stmt *loop)
{
    const struct loop_stmt *store = loop->loop.body;
    return may_be_along(lanes, loop) &&
           (loop->loop.limit || lanes->is_tile[store->store.buffer] || reads_tile(lanes, store->store.value));
}

/* ---- the arrays ---- */

/* The array with lines of another length. */
static bool resize(struct lanes *lanes, struct loop_buffer *array, int64_t line)
{
    struct ir_context *context = lanes->peeling->context;
    const struct poly **shape = arena_copy(ir_arena(context), array->shape, array->rank, sizeof *shape);
    if (!shape)
        return false;
    const struct poly *lines = poly_floor_div(context, array->count, shape[array->rank - 1], NULL);
    shape[array->rank - 1] = poly_constant(context, line);
    array->shape = shape;
    array->count = poly_scale(context, lines, line);
    return array->count != NULL;
}

static bool split_arrays(struct lanes *lanes)
{
    struct ir_context *context = lanes->peeling->context;
    struct loop_function *function = lanes->peeling->function;
    for (uint32_t k = 0, n = (uint32_t)function->n_buffers; k < n; k++) {
        lanes->rests[k] = k;
        if (!lanes->is_tile[k])
            continue;
        struct loop_buffer rest = function->buffers[k];
        if (!resize(lanes, &rest, lanes->width))
            return false;
        if (!lanes->whole) {
            function->buffers[k] = rest;
            continue;
        }
        if (lanes->rest) {
            rest.name = arena_printf(ir_arena(context), "%s_rest", rest.name);
            lanes->rests[k] = loop_add_buffer(context, function, rest);
        }
        if (lanes->rests[k] == UINT32_MAX || !resize(lanes, &function->buffers[k], lanes->whole))
            return false;
    }
    return true;
}

/* ---- the loops ---- */

/* One of the two loops that one becomes. */
struct part {
    struct lanes *lanes;
    uint32_t index;
    int64_t begin, line, extent; /* its first element; the line of its arrays; elements that take part */
    int64_t old_line;
};

/* row * old_line + begin + x   becomes   row * line + x */
static const struct poly *relaid(const struct part *part, const struct poly *address)
{
    struct ir_context *context = part->lanes->peeling->context;
    const struct poly *x = poly_index(context, part->index);
    const struct poly *row = poly_subtract(context, address, poly_add(context, x, poly_constant(context, part->begin)));
    row = poly_floor_div(context, row, poly_constant(context, part->old_line), NULL);
    return poly_add(context, poly_scale(context, row, part->line), x);
}

static uint32_t array_of(const struct part *part, uint32_t buffer)
{
    return part->begin ? part->lanes->rests[buffer] : buffer;
}

static const struct ir_expr *load_part(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct part *part = user;
    if (leaf->op != IR_EXPR_load || !part->lanes->is_tile[leaf->load.buffer])
        return leaf;
    return ir_expr_load(context, array_of(part, leaf->load.buffer), leaf->elem, relaid(part, leaf->load.address));
}

static struct loop_stmt *part_of(struct part *part, const struct loop_stmt *loop)
{
    struct lanes *lanes = part->lanes;
    struct ir_context *context = lanes->peeling->context;
    const struct loop_stmt *store = loop->loop.body;
    uint32_t n = part->index + 1;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), n, const struct poly *);
    if (!place)
        return NULL;
    place[part->index] = poly_add(context, poly_index(context, part->index), poly_constant(context, part->begin));
    const struct poly *address = poly_substitute(context, store->store.address, n, place, NULL);
    bool is_tile = lanes->is_tile[store->store.buffer];
    struct loop_stmt *body = loop_store(
        context, is_tile ? array_of(part, store->store.buffer) : store->store.buffer, is_tile ? relaid(part, address) : address,
        ir_expr_substitute(context, store->store.value, load_part, part, n, place, NULL), store->store.combine);
    struct loop_stmt *copy =
        loop_for(context, LOOP_SERIAL, part->index, loop->loop.begin, poly_constant(context, part->line), body);
    if (!copy)
        return NULL;
    body->store.streams = store->store.streams && part->begin == 0; /* less than a line had better wait for the rest of it */
    copy->loop.role = loop->loop.role;
    copy->comment = loop->comment;
    copy->loop.limit = part->extent < part->line ? poly_constant(context, part->extent) : NULL;
    return copy;
}

static bool split_loops(struct lanes *lanes, struct loop_stmt *list, int64_t old_line)
{
    for (struct loop_stmt *next; list; list = next) {
        next = list->next;
        if (list->op == LOOP_FOR && is_along(lanes, list)) {
            struct part whole = {lanes, list->loop.index, 0, lanes->whole, lanes->whole, old_line};
            struct part rest = {lanes, list->loop.index, lanes->whole, lanes->width, lanes->rest, old_line};
            struct loop_stmt *first = lanes->whole ? part_of(&whole, list) : NULL;
            struct loop_stmt *last = lanes->rest ? part_of(&rest, list) : NULL;
            if ((lanes->whole && !first) || (lanes->rest && !last))
                return false;
            product_replace(list, loop_join(first, last));
        } else if ((list->op == LOOP_FOR && !split_loops(lanes, list->loop.body, old_line)) ||
                   (list->op == LOOP_IF &&
                    (!split_loops(lanes, list->branch.body, old_line) || !split_loops(lanes, list->branch.otherwise, old_line)))) {
            return false;
        }
    }
    return true;
}

/* The line of the tile's arrays, and their elements; 0: there are several kinds. */
static int64_t line_of(const struct lanes *lanes, enum ir_elem *elem)
{
    const struct loop_function *function = lanes->peeling->function;
    int64_t line = 0, other;
    for (uint32_t k = 0; k < function->n_buffers; k++) {
        const struct loop_buffer *array = &function->buffers[k];
        if (!lanes->is_tile[k])
            continue;
        if (!poly_is_constant(array->shape[array->rank - 1], &other) || (line && (other != line || *elem != array->elem)))
            return 0;
        line = other;
        *elem = array->elem;
    }
    return line;
}

bool peel_lanes(struct peeling *peeling, struct loop_stmt *body, const struct peel_edge *edge, int64_t extent)
{
    struct arena *arena = ir_arena(peeling->context);
    const struct machine *machine = &peeling->kernel->options->machine;
    size_t n = peeling->function->n_buffers;
    struct lanes lanes = {.peeling = peeling, .edge = edge};
    enum ir_elem elem = IR_f64;
    lanes.is_tile = ARENA_ARRAY(arena, n, bool);
    lanes.rests = ARENA_ARRAY(arena, n, uint32_t);
    if (!lanes.is_tile || !lanes.rests)
        return false;
    if (!may_split(&lanes, body))
        return true;
    int64_t line = line_of(&lanes, &elem), full = product_lanes(machine, elem, 0);
    if (line == 0 || full < 2 || !lanes_have(elem))
        return true;
    lanes.whole = extent / full * full;
    lanes.rest = extent % full;
    lanes.width = lanes.rest ? product_lanes(machine, elem, lanes.rest) : full;
    if (machine->has_masks && machine->fma_ports >= FULL_RATE && lanes.whole && lanes.rest)
        lanes.width = full;
    if (lanes.whole + lanes.width == line && lanes.width == full)
        return true; /* it is all whole vectors but for a mask */
    return split_arrays(&lanes) && split_loops(&lanes, body, line);
}
