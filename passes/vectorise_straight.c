/* Straight lines of statements in lanes: a loop whose body defines locals and stores elements becomes one over whole vectors, with
 * what is left of it behind.
 *
 *     for j < n { x = ...  y[j] = ... }  becomes  for v < n div 8 { vector j < 8 { x = ...  y[8*v + j] = ... } }
 *                                                 for j in 8*(n div 8) .. n { x = ...  y[j] = ... }
 *
 * Places move by one element a lane, or, halves of complex numbers, by two: then the vectors of both halves are read and written
 * together. */
#include "lanes.h"
#include "product.h"
#include "vectorise.h"

enum { MOST_OPERATIONS = 64 }; /* of one statement: vectors share nothing between its parts */

struct lines {
    struct pass_kernel *kernel;
    struct ir_context *context;
    const struct loop_stmt *loop;
    enum ir_elem elem; /* of all vectors */
    bool *moves;       /* by local: a vector */
    int64_t budget;
};

/* A half of complex numbers that lie side by side: of which the address moves by two. */
static bool is_half(const struct lines *lines, uint32_t buffer, const struct poly *address)
{
    const struct poly *step, *rest;
    int64_t half;
    return lines->kernel->loops->buffers[buffer].is_complex &&
           poly_split_index(lines->context, address, lines->loop->loop.index, &step, &rest) && poly_equals(step, 2) &&
           poly_is_constant(poly_mod(lines->context, rest, poly_constant(lines->context, 2), NULL), &half);
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
        if (*moves && !lanes_move_by_one(lines->context, expr->load.address, index) &&
            !is_half(lines, expr->load.buffer, expr->load.address))
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
    if (lanes_move_by_one(lines->context, stmt->store.address, lines->loop->loop.index))
        return true;
    return is_half(lines, stmt->store.buffer, stmt->store.address) &&
           (stores_other_half(lines, stmt, stmt->next) || (before && stores_other_half(lines, before, stmt)));
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

/* Lanes run through a statement before the next: what is stored must not be read. */
static bool reads_what_it_stores(const struct lines *lines)
{
    struct reading reading = {lines->loop->loop.body, false};
    return !loop_visit_accesses(lines->context, lines->kernel->loops, lines->loop->loop.body, note_read, &reading) || reading.found;
}

static int64_t lanes_of(const struct lines *lines)
{
    int64_t extent;
    bool known = poly_is_constant(lines->loop->loop.end, &extent);
    int64_t lanes = product_lanes(&lines->kernel->options->machine, lines->elem, known ? extent : 0);
    return known && extent < lanes ? 0 : lanes;
}

bool vectorise_is_straight(struct pass_kernel *kernel, const struct loop_stmt *loop)
{
    struct lines lines = {.kernel = kernel, .context = kernel->context, .loop = loop};
    const struct loop_stmt *body = loop->loop.body, *before = NULL;
    if (loop->loop.kind != LOOP_SERIAL || loop->loop.role != LOOP_NO_ROLE || loop->loop.limit ||
        !poly_equals(loop->loop.begin, 0) || !body || !body->next || !product_runs_forward(kernel, loop) || !find_elem(&lines) ||
        lanes_of(&lines) < 2)
        return false;
    lines.moves = ARENA_ARRAY(ir_arena(kernel->context), kernel->loops->n_locals, bool);
    for (const struct loop_stmt *stmt = body; lines.moves && stmt; before = stmt, stmt = stmt->next)
        if (!statement_fits(&lines, stmt, before))
            return false;
    return lines.moves && !reads_what_it_stores(&lines);
}

/* The statements with the loop's index replaced. */
static struct loop_stmt *copy_lines(struct pass_kernel *kernel, const struct loop_stmt *loop, const struct poly *value)
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
        const struct ir_expr *moved =
            ir_expr_substitute(context, stores ? stmt->store.value : stmt->local.value, NULL, NULL, n, place, NULL);
        struct loop_stmt *copy =
            stores ? loop_store(context, stmt->store.buffer, poly_substitute(context, stmt->store.address, n, place, NULL), moved,
                                IR_EXPR_OP_COUNT)
                   : loop_define(context, stmt->local.local, moved, true);
        if (!copy)
            return NULL;
        copy->comment = stmt->comment;
        copy->span = stmt->span;
        list = loop_join(list, copy);
    }
    return list;
}

bool vectorise_straight(struct pass_kernel *kernel, struct loop_stmt *loop)
{
    struct ir_context *context = kernel->context;
    struct loop_function *function = kernel->loops;
    struct lines lines = {.kernel = kernel, .context = context, .loop = loop};
    find_elem(&lines);
    int64_t lanes = lanes_of(&lines), extent = 0;
    if (poly_is_constant(loop->loop.end, &extent) && extent == lanes) {
        loop->loop.kind = LOOP_VECTOR;
        return true;
    }
    const struct poly *size = poly_constant(context, lanes), *vectors = poly_floor_div(context, loop->loop.end, size, NULL);
    const char *name = arena_printf(ir_arena(context), "%s_vector", function->indices[loop->loop.index].name);
    uint32_t vector = loop_add_index(context, function, name);
    if (vector == UINT32_MAX || !vectors)
        return false;
    const struct poly *first = poly_multiply(context, poly_index(context, vector), size),
                      *own = poly_index(context, loop->loop.index);
    struct loop_stmt *body = copy_lines(kernel, loop, poly_add(context, first, own));
    struct loop_stmt *within = loop_for(context, LOOP_VECTOR, loop->loop.index, poly_constant(context, 0), size, body);
    struct loop_stmt *around = loop_for(context, LOOP_SERIAL, vector, poly_constant(context, 0), vectors, within);
    struct loop_stmt *rest = NULL;
    const struct poly *whole = poly_multiply(context, vectors, size);
    if (!around || !whole)
        return false;
    if (whole != loop->loop.end) {
        rest = loop_for(context, LOOP_SERIAL, loop->loop.index, whole, loop->loop.end, copy_lines(kernel, loop, own));
        if (!rest)
            return false;
    }
    around->comment = loop->comment;
    product_replace(loop, loop_join(around, rest));
    return true;
}
