/* Straight lines of statements in lanes: a loop whose body defines locals and stores elements becomes one over whole vectors, with
 * what is left of it behind.
 *
 *     for j < n { x = ...  y[j] = ... }  becomes  for v < n div 8 { vector j < 8 { x = ...  y[8*v + j] = ... } }
 *                                                 for j in 8*(n div 8) .. n { x = ...  y[j] = ... }
 *
 * Places move by one element a lane, or, halves of pairs, by two: then the vectors of both halves are read and written together.
 * What is read may also move back: a vector is read and its lanes reversed. Of tables another order is made, in which they do;
 * other places lie in rows that are turned (vectorise_rows.c). Where the extent is known and no multiple of the lanes, vectors
 * overlap instead of leaving a rest: what two of them store is the same.
 *
 * Where nothing but pairs, rows and tables is read and written, lanes stand in the order in which pairs come apart at least cost
 * (loop_lanes.c), and the loop over lanes has an index of its own. */
#include "lanes.h"
#include "product.h"
#include "vectorise.h"

enum { MOST_OPERATIONS = 64 }; /* of one statement: vectors share nothing between its parts */

struct lines {
    struct pass_kernel *kernel;
    struct ir_context *context;
    const struct loop_stmt *loop;
    enum ir_elem elem;         /* of all vectors */
    bool *moves;               /* by local: a vector */
    bool has_halves, in_order; /* there are halves of pairs; elements one after the other, which ask for lanes in order */
    int64_t budget;
    struct vectorise_rows rows;
};

/* Nothing but pairs: complex numbers, or an even number of reals. */
static bool has_pairs(const struct loop_buffer *buffer)
{
    int64_t count;
    return buffer->is_complex || (poly_is_constant(buffer->count, &count) && count % 2 == 0);
}

/* A half of pairs that lie side by side: of which the address moves by two, or back by two where it is read. */
static bool is_half(const struct lines *lines, uint32_t buffer, const struct poly *address, bool reads)
{
    const struct poly *step, *rest;
    int64_t half;
    return has_pairs(&lines->kernel->loops->buffers[buffer]) &&
           poly_split_index(lines->context, address, lines->loop->loop.index, &step, &rest) &&
           (poly_equals(step, 2) || (reads && poly_equals(step, -2))) &&
           poly_is_constant(poly_mod(lines->context, rest, poly_constant(lines->context, 2), NULL), &half);
}

static bool moves_back(const struct lines *lines, const struct poly *address)
{
    const struct poly *step;
    return poly_split_index(lines->context, address, lines->loop->loop.index, &step, NULL) && poly_equals(step, -1);
}

/* Can lanes follow what is read? */
static bool load_fits(struct lines *lines, uint32_t buffer, const struct poly *address)
{
    struct vectorise_rows any_order = lines->rows;
    any_order.apart = true;
    bool ordered = vectorise_find_table(&any_order, buffer, address, NULL), by_one = false, half = false;
    if (!ordered) {
        by_one = lanes_move_by_one(lines->context, address, lines->loop->loop.index) || moves_back(lines, address);
        half = !by_one && is_half(lines, buffer, address, true);
    }
    lines->in_order |= by_one;
    lines->has_halves |= half;
    return ordered || by_one || half || vectorise_note_row(&lines->rows, buffer, address, false);
}

/* Can it be a vector, or one number for all lanes? `*moves`: a vector. */
static bool fits(struct lines *lines, const struct ir_expr *expr, bool *moves)
{
    uint32_t index = lines->loop->loop.index;
    *moves = false;
    if (--lines->budget < 0)
        return false;
    if (expr->op == IR_EXPR_local) {
        *moves = lines->moves[expr->local];
    } else if (expr->op == IR_EXPR_load) {
        *moves = poly_uses_index(expr->load.address, index);
        if (*moves && !load_fits(lines, expr->load.buffer, expr->load.address))
            return false;
    } else if (ir_expr_uses_index(expr, index) || expr->n_arguments) {
        for (uint32_t k = 0; k < expr->n_arguments; k++) {
            bool inner;
            if (!fits(lines, expr->arguments[k], &inner))
                return false;
            *moves |= inner;
        }
        if (expr->n_arguments == 0 || (*moves && !lanes_have_operation(lines->kernel, expr->op, lines->elem)))
            return false;
    }
    return !*moves || expr->elem == lines->elem;
}

/* The second half of the complex number whose first one the statement before stores. */
static bool stores_other_half(const struct lines *lines, const struct loop_stmt *first, const struct loop_stmt *second)
{
    return second && second->op == LOOP_STORE && second->store.buffer == first->store.buffer &&
           poly_equals(poly_subtract(lines->context, second->store.address, first->store.address), 1) &&
           poly_equals(poly_mod(lines->context, first->store.address, poly_constant(lines->context, 2), NULL), 0);
}

static bool statement_fits(struct lines *lines, const struct loop_stmt *stmt, const struct loop_stmt *before)
{
    bool moves;
    lines->budget = MOST_OPERATIONS;
    if (stmt->op == LOOP_DEFINE) {
        bool fine = stmt->local.constant && fits(lines, stmt->local.value, &moves);
        if (fine)
            lines->moves[stmt->local.local] = moves;
        return fine;
    }
    if (stmt->op != LOOP_STORE || stmt->store.combine != IR_EXPR_OP_COUNT || stmt->store.streams ||
        !fits(lines, stmt->store.value, &moves) || stmt->store.value->elem != lines->elem)
        return false;
    if (lanes_move_by_one(lines->context, stmt->store.address, lines->loop->loop.index)) {
        lines->in_order = true;
        return true;
    }
    if (is_half(lines, stmt->store.buffer, stmt->store.address, false)) {
        lines->has_halves = true;
        return stores_other_half(lines, stmt, stmt->next) || (before && stores_other_half(lines, before, stmt));
    }
    return vectorise_note_row(&lines->rows, stmt->store.buffer, stmt->store.address, true);
}

/* What the loop computes with: the type of its first store. */
static bool find_elem(struct lines *lines)
{
    for (const struct loop_stmt *stmt = lines->loop->loop.body; stmt; stmt = stmt->next)
        if (stmt->op == LOOP_STORE) {
            lines->elem = lines->kernel->loops->buffers[stmt->store.buffer].elem;
            return lanes_have(lines->elem);
        }
    return false;
}

struct reading {
    const struct loop_stmt *body;
    bool found;
};

static void note_read(void *user, const struct loop_access *access)
{
    struct reading *reading = user;
    for (const struct loop_stmt *stmt = reading->body; stmt; stmt = stmt->next)
        reading->found |= access->does == LOOP_READS && stmt->op == LOOP_STORE && stmt->store.buffer == access->buffer;
}

struct use {
    uint32_t buffer;
    bool is_read;
};

static void note_use(void *user, const struct loop_access *access)
{
    struct use *use = user;
    use->is_read |= access->buffer == use->buffer && access->does != LOOP_WRITES;
}

/* Lanes run through a statement before the next: what is stored must not be read. */
static bool reads_what_it_stores(const struct lines *lines)
{
    struct reading reading = {lines->loop->loop.body, false};
    return !loop_visit_accesses(lines->context, lines->kernel->loops, lines->loop->loop.body, note_read, &reading) || reading.found;
}

/* Whole lines of a result that the caches would not keep go past them: vectors that do not overlap, of what nobody reads again. */
static void stream_results(struct lines *lines, struct loop_stmt *loop, int64_t lanes)
{
    const struct loop_function *function = lines->kernel->loops;
    for (struct loop_stmt *stmt = loop->loop.body; stmt; stmt = stmt->next) {
        if (stmt->op != LOOP_STORE || !product_fills_caches(lines->kernel, stmt->store.buffer))
            continue;
        const struct poly *address = stmt->store.address;
        int64_t bytes = lanes * (int64_t)ir_elem_info(lines->elem)->bytes;
        bool by_halves = is_half(lines, stmt->store.buffer, address, false);
        if (!by_halves && !lanes_move_by_one(lines->context, address, lines->loop->loop.index))
            continue; /* turned first */
        struct use use = {stmt->store.buffer, false};
        stmt->store.streams = (by_halves ? 2 : 1) * bytes >= CACHE_LINE &&
                              loop_visit_accesses(lines->context, function, function->body, note_use, &use) && !use.is_read;
    }
}

/* Of the longest vectors that the loop fills, and rows as well; 0: of none. */
static int64_t lanes_of(const struct lines *lines)
{
    int64_t extent, lanes = product_lanes(&lines->kernel->options->machine, lines->elem, 0);
    int64_t shortest = product_lanes(&lines->kernel->options->machine, lines->elem, 1);
    if (!poly_is_constant(lines->loop->loop.end, &extent))
        return lines->rows.n ? 0 : lanes;
    while (lanes > shortest && (extent < lanes || !vectorise_rows_hold(&lines->rows, lanes)))
        lanes /= 2;
    return extent < lanes || !vectorise_rows_hold(&lines->rows, lanes) ? 0 : lanes;
}

/* What the loop can be as vectors; false: nothing. */
static bool read_lines(struct lines *lines, struct pass_kernel *kernel, const struct loop_stmt *loop)
{
    const struct loop_stmt *body = loop->loop.body, *before = NULL;
    *lines = (struct lines){.kernel = kernel, .context = kernel->context, .loop = loop, .rows = {.kernel = kernel, .loop = loop}};
    if (loop->loop.kind != LOOP_SERIAL || loop->loop.role != LOOP_NO_ROLE || loop->loop.limit ||
        !poly_equals(loop->loop.begin, 0) || !body || !body->next || !product_runs_forward(kernel, loop) || !find_elem(lines))
        return false;
    lines->moves = ARENA_ARRAY(ir_arena(kernel->context), kernel->loops->n_locals, bool);
    for (const struct loop_stmt *stmt = body; lines->moves && stmt; before = stmt, stmt = stmt->next)
        if (!statement_fits(lines, stmt, before))
            return false;
    return lines->moves && vectorise_close_rows(&lines->rows) && lanes_of(lines) >= 2 && !reads_what_it_stores(lines);
}

bool vectorise_is_straight(struct pass_kernel *kernel, const struct loop_stmt *loop)
{
    struct lines lines;
    return read_lines(&lines, kernel, loop);
}

/* The load, where lanes move by one element. */
static const struct ir_expr *replace_load(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct vectorise_rows *rows = user;
    struct vectorise_place place;
    if (leaf->op != IR_EXPR_load || (!vectorise_find_table(rows, leaf->load.buffer, leaf->load.address, &place) &&
                                     !vectorise_find_row(rows, leaf->load.buffer, leaf->load.address, false, &place)))
        return leaf;
    return place.address ? ir_expr_load(context, place.buffer, leaf->elem, place.address) : NULL;
}

/* The statements with the loop's index replaced, `rows` NULL: their places as they are. */
static struct loop_stmt *copy_lines(struct pass_kernel *kernel, const struct loop_stmt *loop, const struct poly *value,
                                    struct vectorise_rows *rows)
{
    struct ir_context *context = kernel->context;
    uint32_t n = (uint32_t)kernel->loops->n_indices;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), n, const struct poly *);
    struct loop_stmt *list = NULL;
    if (!place || !value)
        return NULL;
    place[loop->loop.index] = value;
    for (const struct loop_stmt *stmt = loop->loop.body; stmt; stmt = stmt->next) {
        bool stores = stmt->op == LOOP_STORE;
        const struct ir_expr *moved = stores ? stmt->store.value : stmt->local.value;
        struct vectorise_place to = {.buffer = UINT32_MAX};
        if (rows)
            moved = ir_expr_substitute(context, moved, replace_load, rows, 0, NULL, NULL);
        moved = moved ? ir_expr_substitute(context, moved, NULL, NULL, n, place, NULL) : NULL;
        if (stores && (!rows || !vectorise_find_row(rows, stmt->store.buffer, stmt->store.address, true, &to)))
            to = (struct vectorise_place){stmt->store.buffer, stmt->store.address};
        struct loop_stmt *copy =
            stores ? loop_store(context, to.buffer, poly_substitute(context, to.address, n, place, NULL), moved, IR_EXPR_OP_COUNT)
                   : loop_define(context, stmt->local.local, moved, true);
        if (!copy)
            return NULL;
        if (stores)
            copy->store.streams = stmt->store.streams;
        copy->comment = stmt->comment;
        copy->span = stmt->span;
        list = loop_join(list, copy);
    }
    return list;
}

/* Where the vector of this number begins: one after the other, or so that the last ends with the loop. */
static const struct poly *first_of(struct ir_context *context, const struct poly *vector, int64_t lanes, int64_t extent,
                                   int64_t count)
{
    if (extent % lanes == 0)
        return poly_scale(context, vector, lanes);
    return poly_floor_div(context, poly_scale(context, vector, extent - lanes), poly_constant(context, count - 1), NULL);
}

/* Which index runs over the lanes, that of the loop or, where these have an order of their own, a new one; UINT32_MAX: no memory.
 */
static uint32_t set_lanes(struct lines *lines, int64_t lanes, const struct poly *first)
{
    struct ir_context *context = lines->context;
    struct vectorise_rows *rows = &lines->rows;
    struct loop_function *function = lines->kernel->loops;
    uint32_t index = lines->loop->loop.index;
    rows->lanes = lanes;
    rows->apart = lines->has_halves && !lines->in_order && loop_lanes_have_order(lanes, ir_elem_info(lines->elem)->bytes);
    rows->first = first;
    rows->lane = poly_subtract(context, poly_index(context, index), first);
    if (!rows->apart)
        return rows->lane ? index : UINT32_MAX;
    uint32_t lane = loop_add_index(context, function, arena_printf(ir_arena(context), "%s_lane", function->indices[index].name));
    rows->lane = lane == UINT32_MAX ? NULL : poly_index(context, lane);
    return rows->lane ? lane : UINT32_MAX;
}

/* The statements in lanes, in the loop over these. */
static struct loop_stmt *lanes_loop(struct lines *lines, uint32_t lane)
{
    struct ir_context *context = lines->context;
    struct vectorise_rows *rows = &lines->rows;
    const struct poly *element = poly_index(context, lane);
    if (rows->apart)
        element = loop_lane_order(context, element, rows->lanes, ir_elem_info(lines->elem)->bytes);
    struct loop_stmt *body = copy_lines(lines->kernel, lines->loop, poly_add(context, rows->first, element), rows);
    return loop_for(context, LOOP_VECTOR, lane, poly_constant(context, 0), poly_constant(context, rows->lanes), body);
}

/* Of an extent that only the run knows: what is left behind whole vectors follows one by one. */
static bool split_unknown(struct lines *lines, struct loop_stmt *loop, int64_t lanes)
{
    struct ir_context *context = lines->context;
    struct loop_function *function = lines->kernel->loops;
    const struct poly *size = poly_constant(context, lanes), *vectors = poly_floor_div(context, loop->loop.end, size, NULL);
    const char *name = arena_printf(ir_arena(context), "%s_vector", function->indices[loop->loop.index].name);
    uint32_t vector = loop_add_index(context, function, name);
    if (vector == UINT32_MAX || !vectors)
        return false;
    uint32_t lane = set_lanes(lines, lanes, poly_multiply(context, poly_index(context, vector), size));
    struct loop_stmt *within = lane == UINT32_MAX ? NULL : lanes_loop(lines, lane);
    struct loop_stmt *around = loop_for(context, LOOP_SERIAL, vector, poly_constant(context, 0), vectors, within);
    struct loop_stmt *rest = NULL;
    const struct poly *whole = poly_multiply(context, vectors, size), *own = poly_index(context, loop->loop.index);
    if (!around || !whole)
        return false;
    if (whole != loop->loop.end) {
        rest = loop_for(context, LOOP_SERIAL, loop->loop.index, whole, loop->loop.end, copy_lines(lines->kernel, loop, own, NULL));
        if (!rest)
            return false;
    }
    around->comment = loop->comment;
    product_replace(loop, loop_join(around, rest));
    return true;
}

bool vectorise_straight(struct pass_kernel *kernel, struct loop_stmt *loop)
{
    struct ir_context *context = kernel->context;
    struct loop_function *function = kernel->loops;
    struct lines lines;
    int64_t extent;
    if (!read_lines(&lines, kernel, loop))
        return !arena_failed(ir_arena(context));
    int64_t lanes = lanes_of(&lines);
    if (!poly_is_constant(loop->loop.end, &extent))
        return split_unknown(&lines, loop, lanes);
    int64_t count = (extent + lanes - 1) / lanes;
    const struct poly *first = poly_constant(context, 0);
    uint32_t vector = UINT32_MAX;
    lines.rows.vector = first;
    lines.rows.n_vectors = count;
    if (count > 1) {
        vector = loop_add_index(context, function,
                                arena_printf(ir_arena(context), "%s_vector", function->indices[loop->loop.index].name));
        if (vector == UINT32_MAX)
            return false;
        lines.rows.vector = poly_index(context, vector);
        first = first_of(context, lines.rows.vector, lanes, extent, count);
    }
    if (extent % lanes == 0)
        stream_results(&lines, loop, lanes);
    uint32_t lane = first ? set_lanes(&lines, lanes, first) : UINT32_MAX;
    if (lane == UINT32_MAX || !vectorise_add_columns(&lines.rows))
        return false;
    struct loop_stmt *within = lanes_loop(&lines, lane), *before, *after;
    if (!within || !vectorise_turn_rows(&lines.rows, false, &before) || !vectorise_turn_rows(&lines.rows, true, &after))
        return false;
    struct loop_stmt *all = loop_join(before, loop_join(within, after));
    if (count > 1)
        all = loop_for(context, LOOP_SERIAL, vector, poly_constant(context, 0), poly_constant(context, count), all);
    if (!all)
        return false;
    all->comment = loop->comment;
    product_replace(loop, all);
    return true;
}
