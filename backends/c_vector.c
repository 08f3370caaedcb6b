/* Loops over vectors as C statements.
 *
 * A stack array that only vector loops touch, each whole vectors of it, is an array of vectors and can live in registers. Two
 * vector loops, one in the other, are a block of a matrix that is copied turned. */
#include "backends_internal.h"

/* ---- arrays of vectors ---- */

struct touching {
    struct c_kernel *kernel;
    uint32_t lane; /* index of the vector loop that is open; UINT32_MAX: none */
    int64_t lanes;
    bool turns; /* within two vector loops */
};

/* Does the address, where the lane is 0, stand at a whole vector? */
static bool is_whole(struct c_kernel *kernel, const struct poly *address, uint32_t lane, int64_t lanes)
{
    struct ir_context *context = kernel->file->context;
    const struct poly *step, *rest;
    return poly_split_index(context, address, lane, &step, &rest) && poly_equals(step, 1) &&
           poly_equals(poly_mod(context, rest, poly_constant(context, lanes), NULL), 0);
}

static void touch(struct touching *touching, uint32_t buffer, const struct poly *address)
{
    struct c_kernel *kernel = touching->kernel;
    const struct loop_buffer *array = &kernel->loops->buffers[buffer];
    int64_t count;
    if (array->kind != LOOP_STACK || kernel->array_lanes[buffer] < 0)
        return;
    bool fits = touching->lane != UINT32_MAX && is_whole(kernel, address, touching->lane, touching->lanes) && array->rank &&
                poly_is_constant(array->shape[array->rank - 1], &count) && count % touching->lanes == 0 &&
                (kernel->array_lanes[buffer] == 0 || kernel->array_lanes[buffer] == touching->lanes);
    kernel->array_lanes[buffer] = fits ? touching->lanes : -1;
}

static void touch_load(void *user, const struct ir_expr *expr)
{
    if (expr->op == IR_EXPR_load)
        touch(user, expr->load.buffer, expr->load.address);
}

static void find_arrays(struct touching *touching, const struct loop_stmt *list)
{
    for (; list; list = list->next)
        switch (list->op) {
        case LOOP_FOR: {
            struct touching inner = *touching;
            bool is_vector = list->loop.kind == LOOP_VECTOR && poly_is_constant(list->loop.end, &inner.lanes);
            if (is_vector && inner.lane == UINT32_MAX && !inner.turns)
                inner.lane = list->loop.index;
            else if (is_vector) /* the second of a block that is turned: its arrays are read and written element by element */
                inner = (struct touching){touching->kernel, UINT32_MAX, 0, true};
            find_arrays(&inner, list->loop.body);
            break;
        }
        case LOOP_STORE:
            c_visit_expr(touching->kernel, list->store.value, touch_load, touching);
            touch(touching, list->store.buffer, list->store.address);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            c_visit_expr(touching->kernel, list->local.value, touch_load, touching);
            break;
        case LOOP_IF:
            find_arrays(touching, list->branch.body);
            find_arrays(touching, list->branch.otherwise);
            break;
        case LOOP_BLOCK:
            find_arrays(touching, list->block);
            break;
        case LOOP_CHECK:
        case LOOP_PREFETCH:
        case LOOP_COMMENT:
            break;
        }
}

void c_find_vector_arrays(struct c_kernel *kernel)
{
    struct touching touching = {kernel, UINT32_MAX, 0, false};
    find_arrays(&touching, kernel->loops->body);
}

/* Vectors of the array along an axis. */
static const struct poly *array_extent(struct c_kernel *kernel, const struct loop_buffer *buffer, int64_t lanes, uint32_t axis)
{
    const struct poly *extent = buffer->shape[axis];
    if (axis + 1 == buffer->rank)
        extent = poly_floor_div(kernel->file->context, extent, poly_constant(kernel->file->context, lanes), NULL);
    return extent;
}

void c_put_vector_array(struct c_kernel *kernel, struct text *text, uint32_t number)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    int64_t lanes = kernel->array_lanes[number];
    const struct c_vector *vector = c_use_vector(kernel->file, buffer->elem, lanes);
    if (!vector)
        return;
    text_printf(text, "%s %s", vector->name, kernel->buffers[number]);
    for (uint32_t axis = 0; axis < buffer->rank; axis++) {
        text_put(text, "[");
        c_put_size(kernel, text, array_extent(kernel, buffer, lanes, axis), C_ANY);
        text_put(text, "]");
    }
    text_put(text, ";\n");
}

/* ---- statements ---- */

/* The vector loop that is being written. */
struct spelling {
    struct c_kernel *kernel;
    struct text *text;
    uint32_t lane;
    int64_t lanes;
    const char *limit; /* lanes that take part; NULL: all */
    int64_t wider;     /* lanes of a vector over the same index that is computed beside this one; 0: there is none */
};

static const char *operation(struct spelling *spelling, enum ir_elem elem, enum c_vector_op op)
{
    struct c_vector *vector = c_use_vector(spelling->kernel->file, elem, spelling->lanes);
    if (!vector)
        return "";
    vector->uses[op] = true;
    return arena_printf(spelling->kernel->file->arena, "%s_%s", vector->name, c_vector_operation(op));
}

/* The address of lane 0. */
static const struct poly *first_lane(struct spelling *spelling, const struct poly *address)
{
    return loop_address_at(spelling->kernel->file->context, address, spelling->lane, 0);
}

/* tile[i][j_vector] */
static void put_array_element(struct spelling *spelling, uint32_t number, const struct poly *address)
{
    struct c_kernel *kernel = spelling->kernel;
    struct ir_context *context = kernel->file->context;
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    struct poly_ranges ranges = {(uint32_t)kernel->loops->n_indices, kernel->extents};
    int64_t lanes = kernel->array_lanes[number];
    text_put(spelling->text, kernel->buffers[number]);
    const struct poly *rest = poly_floor_div(context, first_lane(spelling, address), poly_constant(context, lanes), &ranges);
    for (uint32_t axis = 0; axis < buffer->rank; axis++) {
        const struct poly *stride = poly_constant(context, 1);
        for (uint32_t inner = axis + 1; inner < buffer->rank; inner++)
            stride = poly_multiply(context, stride, array_extent(kernel, buffer, lanes, inner));
        text_put(spelling->text, "[");
        c_put_size(kernel, spelling->text, poly_floor_div(context, rest, stride, &ranges), C_ANY);
        text_put(spelling->text, "]");
        rest = poly_mod(context, rest, stride, &ranges);
    }
}

static bool is_array(const struct spelling *spelling, uint32_t buffer)
{
    return spelling->kernel->array_lanes[buffer] > 0;
}

static struct loop_movement movement_of(struct spelling *spelling, enum ir_elem elem, const struct poly *address)
{
    return loop_lanes_move(spelling->kernel->file->context, address, spelling->lane, spelling->lanes, ir_elem_info(elem)->bytes);
}

/* Where in memory what lanes read, or the first of their pairs, begins: with the last lane where they move back. */
static const struct poly *lowest(struct spelling *spelling, const struct loop_movement *movement, const struct poly *address)
{
    struct ir_context *context = spelling->kernel->file->context;
    int64_t before = (movement->half > 0) - (movement->step < 0 ? movement->step * (spelling->lanes - 1) : 0);
    return poly_subtract(context, first_lane(spelling, address), poly_constant(context, before));
}

static enum c_vector_op loading(const struct loop_movement *movement)
{
    static const enum c_vector_op halves[2][2][2] = {
        {{VECTOR_load_even, VECTOR_load_odd}, {VECTOR_load_even_back, VECTOR_load_odd_back}},
        {{VECTOR_load_even_apart, VECTOR_load_odd_apart}, {VECTOR_load_even_apart_back, VECTOR_load_odd_apart_back}}};
    return movement->half < 0 ? VECTOR_load_back : halves[movement->apart][movement->step < 0][movement->half];
}

static void put_load(struct spelling *spelling, uint32_t buffer, enum ir_elem elem, const struct poly *address)
{
    if (is_array(spelling, buffer)) {
        put_array_element(spelling, buffer, address);
        return;
    }
    const struct loop_movement movement = movement_of(spelling, elem, address);
    if (movement.half >= 0 || movement.step < 0) {
        text_printf(spelling->text, "%s(&", operation(spelling, elem, loading(&movement)));
        c_put_element(spelling->kernel, spelling->text, buffer, lowest(spelling, &movement, address));
        text_put(spelling->text, ")");
        return;
    }
    text_printf(spelling->text, "%s(&", operation(spelling, elem, spelling->limit ? VECTOR_load_first : VECTOR_load));
    c_put_element(spelling->kernel, spelling->text, buffer, first_lane(spelling, address));
    if (spelling->limit)
        text_printf(spelling->text, ", %s", spelling->limit);
    text_put(spelling->text, ")");
}

static void put_value(struct spelling *spelling, const struct ir_expr *expr);

static void put_call(struct spelling *spelling, enum c_vector_op op, const struct ir_expr *expr)
{
    text_printf(spelling->text, "%s(", operation(spelling, expr->elem, op));
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        text_put(spelling->text, k ? ", " : "");
        put_value(spelling, expr->arguments[k]);
    }
    text_put(spelling->text, ")");
}

static void put_function(struct spelling *spelling, const struct ir_expr *expr)
{
    const char *name = c_use_function(spelling->kernel->file, expr->elem, spelling->lanes, expr->op);
    text_printf(spelling->text, "%s(", name ? name : "");
    put_value(spelling, expr->arguments[0]);
    text_put(spelling->text, ")");
}

static bool may_fuse(const struct spelling *spelling)
{
    const struct ir_kernel *source = spelling->kernel->loops->kernel;
    return !source || source->numeric_class != IR_CLASS_EXACT;
}

/* One number in all lanes; a wider vector beside this one has it in its first lanes. */
static void put_all(struct spelling *spelling, const struct ir_expr *expr)
{
    struct spelling wide = *spelling;
    bool narrows = spelling->wider && expr->op != IR_EXPR_literal;
    if (narrows) {
        const char *name = c_use_narrowing(spelling->kernel->file, expr->elem, spelling->lanes, spelling->wider);
        text_printf(spelling->text, "%s(", name ? name : "");
        wide.lanes = spelling->wider;
    }
    text_printf(spelling->text, "%s(", operation(&wide, expr->elem, VECTOR_all));
    c_put_expr(spelling->kernel, spelling->text, expr, C_ANY);
    text_put(spelling->text, narrows ? "))" : ")");
}

static bool is_vector(const struct spelling *spelling, const struct ir_expr *expr)
{
    if (expr->op == IR_EXPR_local)
        return spelling->kernel->local_vector[expr->local];
    bool found = expr->n_arguments == 0 && ir_expr_uses_index(expr, spelling->lane);
    for (uint32_t k = 0; k < expr->n_arguments && !found; k++)
        found = is_vector(spelling, expr->arguments[k]);
    return found;
}

/* a * b + c, the product or c negated. */
static void put_fma(struct spelling *spelling, const struct ir_expr *product, bool negates, const struct ir_expr *c, bool negates_c)
{
    const char *fma = operation(spelling, product->elem, VECTOR_fma);
    const char *negate = negates || negates_c ? operation(spelling, product->elem, VECTOR_negate) : "";
    text_printf(spelling->text, "%s(%s%s", fma, negates ? negate : "", negates ? "(" : "");
    put_value(spelling, product->arguments[0]);
    text_put(spelling->text, negates ? "), " : ", ");
    put_value(spelling, product->arguments[1]);
    text_printf(spelling->text, ", %s%s", negates_c ? negate : "", negates_c ? "(" : "");
    put_value(spelling, c);
    text_put(spelling->text, negates_c ? "))" : ")");
}

/* A sum or difference, of which one side may be a product that is rounded with it. */
static void put_addition(struct spelling *spelling, enum c_vector_op op, const struct ir_expr *expr)
{
    const struct ir_expr *left = expr->arguments[0], *right = expr->arguments[1];
    bool subtracts = op == VECTOR_subtract;
    if (may_fuse(spelling) && right->op == IR_EXPR_mul && is_vector(spelling, right))
        put_fma(spelling, right, subtracts, left, false);
    else if (may_fuse(spelling) && left->op == IR_EXPR_mul && is_vector(spelling, left))
        put_fma(spelling, left, false, right, subtracts);
    else
        put_call(spelling, op, expr);
}

static void put_value(struct spelling *spelling, const struct ir_expr *expr)
{
    if (!is_vector(spelling, expr)) {
        put_all(spelling, expr);
        return;
    }
    switch (expr->op) {
    case IR_EXPR_local:
        text_put(spelling->text, spelling->kernel->locals[expr->local]);
        return;
    case IR_EXPR_load:
        put_load(spelling, expr->load.buffer, expr->elem, expr->load.address);
        return;
    case IR_EXPR_add:
        put_addition(spelling, VECTOR_add, expr);
        return;
    case IR_EXPR_sub:
        put_addition(spelling, VECTOR_subtract, expr);
        return;
    case IR_EXPR_mul:
        put_call(spelling, VECTOR_multiply, expr);
        return;
    case IR_EXPR_div:
        put_call(spelling, VECTOR_divide, expr);
        return;
    case IR_EXPR_neg:
        put_call(spelling, VECTOR_negate, expr);
        return;
    case IR_EXPR_min:
        put_call(spelling, VECTOR_min, expr);
        return;
    case IR_EXPR_max:
        put_call(spelling, VECTOR_max, expr);
        return;
    case IR_EXPR_abs:
        put_call(spelling, VECTOR_absolute, expr);
        return;
    case IR_EXPR_sqrt:
        spelling->kernel->file->uses_math = true;
        put_call(spelling, VECTOR_sqrt, expr);
        return;
    case IR_EXPR_relu:
        put_call(spelling, VECTOR_relu, expr);
        return;
    default: /* vectorise leaves no other */
        put_function(spelling, expr);
        return;
    }
}

/* The value, or what the target holds with it added. */
static void put_sum(struct spelling *spelling, const struct loop_stmt *store)
{
    const struct ir_expr *value = store->store.value;
    bool fuses = value->op == IR_EXPR_mul && store->store.combine == IR_EXPR_add && may_fuse(spelling);
    if (store->store.combine == IR_EXPR_OP_COUNT) {
        put_value(spelling, value);
        return;
    }
    enum c_vector_op combine = store->store.combine == IR_EXPR_min   ? VECTOR_min
                               : store->store.combine == IR_EXPR_max ? VECTOR_max
                               : fuses                               ? VECTOR_fma
                                                                     : VECTOR_add;
    text_printf(spelling->text, "%s(", operation(spelling, value->elem, combine));
    for (uint32_t k = 0; fuses && k < 2; k++) {
        put_value(spelling, value->arguments[k]);
        text_put(spelling->text, ", ");
    }
    put_load(spelling, store->store.buffer, value->elem, store->store.address);
    if (!fuses) {
        text_put(spelling->text, ", ");
        put_value(spelling, value);
    }
    text_put(spelling->text, ")");
}

static const char *lanes_of(struct spelling *spelling, const struct loop_stmt *loop)
{
    struct text text = text_create(spelling->kernel->file->arena);
    if (!loop->loop.limit)
        return arena_printf(spelling->kernel->file->arena, "%d", (int)spelling->lanes);
    c_put_extent(spelling->kernel, &text, loop->loop.limit, C_ANY);
    return text_finish(&text);
}

/* How far lines of a block are apart, which may stand in the order of loop_lanes.c. */
static struct loop_lane line_of(struct spelling *spelling, enum ir_elem elem, const struct poly *address, uint32_t index)
{
    struct loop_lane lane;
    loop_split_lane(spelling->kernel->file->context, address, index, spelling->lanes, ir_elem_info(elem)->bytes, &lane);
    return lane;
}

/* Two vector loops, one in the other: a block of a matrix that is copied turned. */
static const char *turn_statement(struct spelling *spelling, const struct loop_stmt *rows)
{
    const struct loop_stmt *columns = rows->loop.body, *store = columns->loop.body;
    const struct ir_expr *load = store->store.value;
    spelling->lane = columns->loop.index;
    const struct poly *to = first_lane(spelling, store->store.address), *from = first_lane(spelling, load->load.address);
    spelling->lane = rows->loop.index;
    to = first_lane(spelling, to);
    from = first_lane(spelling, from);
    enum loop_buffer_kind kinds[2] = {spelling->kernel->loops->buffers[store->store.buffer].kind,
                                      spelling->kernel->loops->buffers[load->load.buffer].kind};
    const struct loop_lane to_line = line_of(spelling, load->elem, store->store.address, rows->loop.index),
                           from_line = line_of(spelling, load->elem, load->load.address, columns->loop.index);
    bool is_near =
        !store->store.streams && !rows->loop.limit && !columns->loop.limit && (kinds[0] == LOOP_STACK || kinds[1] == LOOP_STACK);
    enum c_vector_op op = from_line.apart        ? VECTOR_square_apart
                          : to_line.apart        ? VECTOR_square_together
                          : is_near              ? VECTOR_square
                          : store->store.streams ? VECTOR_turn_stream
                                                 : VECTOR_turn;
    text_printf(spelling->text, "%s(&", operation(spelling, load->elem, op));
    if (store->store.streams) /* what it is made of */
        (void)operation(spelling, load->elem, VECTOR_stream);
    spelling->kernel->streams |= store->store.streams;
    c_put_element(spelling->kernel, spelling->text, store->store.buffer, to);
    text_put(spelling->text, ", ");
    c_put_extent(spelling->kernel, spelling->text, to_line.step, C_ANY);
    text_put(spelling->text, ", &");
    c_put_element(spelling->kernel, spelling->text, load->load.buffer, from);
    text_put(spelling->text, ", ");
    c_put_extent(spelling->kernel, spelling->text, from_line.step, C_ANY);
    if (!is_near)
        text_printf(spelling->text, ", %s, %s", lanes_of(spelling, rows), lanes_of(spelling, columns));
    text_put(spelling->text, ");");
    return text_finish(spelling->text);
}

bool c_is_streamed_row(struct c_kernel *kernel, const struct loop_stmt *loop)
{
    struct ir_context *context = kernel->file->context;
    const struct loop_stmt *store = loop->loop.body;
    const struct poly *step;
    if ((loop->loop.kind != LOOP_SERIAL && loop->loop.kind != LOOP_PARALLEL) || store->op != LOOP_STORE || store->next ||
        !store->store.streams || store->store.value->op != IR_EXPR_load || loop->loop.limit || !poly_equals(loop->loop.begin, 0))
        return false;
    const struct poly *addresses[2] = {store->store.address, store->store.value->load.address};
    for (int k = 0; k < 2; k++)
        if (!poly_split_index(context, addresses[k], loop->loop.index, &step, NULL) || !poly_equals(step, 1))
            return false;
    return true;
}

/* stream_row(&C[...], &A[...], bytes); */
const char *c_streamed_row_statement(struct c_kernel *kernel, const struct loop_stmt *loop, const char *bytes)
{
    const struct loop_stmt *store = loop->loop.body;
    const struct ir_expr *load = store->store.value;
    struct text text = text_create(kernel->file->arena);
    struct spelling spelling = {.kernel = kernel, .text = &text, .lane = loop->loop.index};
    const struct poly *to = store->store.address, *from = load->load.address;
    kernel->streams = kernel->file->streams_rows = true;
    text_put(&text, "stream_row(&");
    c_put_element(kernel, &text, store->store.buffer, bytes ? to : first_lane(&spelling, to));
    text_put(&text, ", &");
    c_put_element(kernel, &text, load->load.buffer, bytes ? from : first_lane(&spelling, from));
    text_put(&text, ", ");
    if (bytes)
        text_put(&text, bytes);
    else
        c_put_extent(kernel, &text, poly_scale(kernel->file->context, loop->loop.end, ir_elem_info(load->elem)->bytes), C_ANY);
    text_put(&text, ");");
    return text_finish(&text);
}

/* Lanes of the vectors along the loop's index, several of them, that the statement before it computes; 0: there is but one, or
 * none. A number that one vector alone needs is an operand in memory of its multiplication, which costs nothing; several share a
 * register. */
static int64_t lanes_beside(const struct loop_stmt *loop, const struct loop_stmt *beside)
{
    int64_t lanes, own;
    if (!beside || beside->op != LOOP_FOR || beside->loop.kind != LOOP_UNROLLED || beside->loop.body->op != LOOP_FOR)
        return 0;
    const struct loop_stmt *wide = beside->loop.body;
    bool is_wider = wide->loop.kind == LOOP_VECTOR && wide->loop.index == loop->loop.index &&
                    poly_is_constant(wide->loop.end, &lanes) && poly_is_constant(loop->loop.end, &own) && lanes > own;
    return is_wider ? lanes : 0;
}

const char *c_vector_statement(struct c_kernel *kernel, const struct loop_stmt *loop, const struct loop_stmt *beside)
{
    const struct loop_stmt *store = loop->loop.body;
    struct text text = text_create(kernel->file->arena), limit = text_create(kernel->file->arena);
    struct spelling spelling = {.kernel = kernel, .text = &text, .lane = loop->loop.index};
    if (!poly_is_constant(loop->loop.end, &spelling.lanes))
        return NULL;
    if (store->op == LOOP_FOR)
        return turn_statement(&spelling, loop);
    spelling.wider = lanes_beside(loop, beside);
    if (loop->loop.limit) {
        c_put_extent(kernel, &limit, loop->loop.limit, C_ANY);
        spelling.limit = text_finish(&limit);
    }
    if (is_array(&spelling, store->store.buffer)) {
        put_array_element(&spelling, store->store.buffer, store->store.address);
        text_put(&text, " = ");
        put_sum(&spelling, store);
    } else {
        enum c_vector_op op = spelling.limit ? VECTOR_store_first : store->store.streams ? VECTOR_stream : VECTOR_store;
        kernel->streams |= op == VECTOR_stream;
        text_printf(&text, "%s(&", operation(&spelling, store->store.value->elem, op));
        c_put_element(kernel, &text, store->store.buffer, first_lane(&spelling, store->store.address));
        text_put(&text, ", ");
        put_sum(&spelling, store);
        text_printf(&text, "%s%s)", spelling.limit ? ", " : "", spelling.limit ? spelling.limit : "");
    }
    text_put(&text, ";");
    return text_finish(&text);
}

/* ---- straight lines ---- */

bool c_is_vector_block(const struct loop_stmt *loop)
{
    return loop->loop.kind == LOOP_VECTOR && (loop->loop.body->next || loop->loop.body->op == LOOP_DEFINE);
}

static const char *definition(struct spelling *spelling, const struct loop_stmt *stmt)
{
    struct c_kernel *kernel = spelling->kernel;
    enum ir_elem elem = kernel->loops->locals[stmt->local.local].elem;
    bool moves = is_vector(spelling, stmt->local.value);
    const struct c_vector *vector = moves ? c_use_vector(kernel->file, elem, spelling->lanes) : NULL;
    ARENA_PUSH(kernel->file->arena, kernel->visible, kernel->n_visible, kernel->visible_capacity,
               kernel->locals[stmt->local.local]);
    text_printf(spelling->text, "const %s %s = ", vector ? vector->name : c_type(elem), kernel->locals[stmt->local.local]);
    if (moves)
        put_value(spelling, stmt->local.value);
    else
        c_put_expr(kernel, spelling->text, stmt->local.value, C_ANY);
    kernel->local_vector[stmt->local.local] = moves;
    text_put(spelling->text, ";");
    return text_finish(spelling->text);
}

static const char *storing(struct spelling *spelling, const struct loop_stmt *stmt, const struct loop_movement *movement)
{
    enum ir_elem elem = stmt->store.value->elem;
    bool pairs = movement->half >= 0, apart = movement->apart;
    enum c_vector_op op = !pairs ? VECTOR_store : apart ? VECTOR_store_apart : VECTOR_store_pairs;
    if (is_array(spelling, stmt->store.buffer)) { /* of whole vectors: pairs are two */
        put_array_element(spelling, stmt->store.buffer, stmt->store.address);
        text_put(spelling->text, " = ");
        put_value(spelling, stmt->store.value);
        text_put(spelling->text, ";");
        return text_finish(spelling->text);
    }
    if (stmt->store.streams) { /* of pairs the two vectors */
        (void)operation(spelling, elem, VECTOR_stream);
        op = !pairs ? VECTOR_stream : apart ? VECTOR_stream_apart : VECTOR_stream_pairs;
        spelling->kernel->streams = true;
    }
    text_printf(spelling->text, "%s(&", operation(spelling, elem, op));
    c_put_element(spelling->kernel, spelling->text, stmt->store.buffer, first_lane(spelling, stmt->store.address));
    text_put(spelling->text, ", ");
    put_value(spelling, stmt->store.value);
    if (pairs) {
        text_put(spelling->text, ", ");
        put_value(spelling, stmt->next->store.value);
    }
    text_put(spelling->text, ");");
    return text_finish(spelling->text);
}

const char *c_vector_block_line(struct c_kernel *kernel, const struct loop_stmt *loop, const struct loop_stmt **stmt)
{
    struct text text = text_create(kernel->file->arena);
    struct spelling spelling = {.kernel = kernel, .text = &text, .lane = loop->loop.index};
    const struct loop_stmt *now = *stmt;
    *stmt = now->next;
    if (!c_is_live(kernel, now) || !poly_is_constant(loop->loop.end, &spelling.lanes))
        return NULL;
    if (now->op == LOOP_DEFINE)
        return definition(&spelling, now);
    const struct loop_movement movement = movement_of(&spelling, now->store.value->elem, now->store.address);
    if (movement.half >= 0) /* the other half is next */
        *stmt = now->next->next;
    return storing(&spelling, now, &movement);
}

const char *c_vector_value(struct c_kernel *kernel, const struct loop_stmt *loop, const struct ir_expr *value)
{
    struct text text = text_create(kernel->file->arena);
    struct spelling spelling = {.kernel = kernel, .text = &text, .lane = loop->loop.index};
    if (!poly_is_constant(loop->loop.end, &spelling.lanes))
        return NULL;
    put_value(&spelling, value);
    return text_finish(&text);
}
