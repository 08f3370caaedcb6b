/* Codelets of an emitted file: straight lines on vectors as functions, each once, however many loops of however many kernels it
 * serves.
 *
 * A vector loop of many statements whose numbers stand at even steps
 *
 *     x[k] = in[base + k * step], perhaps times by[base + k * step], k < n      what it reads
 *     out[base + k * step] = ...                                                what it writes
 *
 * becomes a call. The function's text is the straight line with the places taken out of it; loops with the same text have the same
 * function. What it computes is found by working out its matrix, so name and comment say what it does, not what it was meant to do.
 * Places that are not so regular, and what goes past the caches, leave the statements where they stand. */
#include "c_codelet.h"

#include <string.h>

enum { SHORTEST = 12 }; /* statements that are worth a function */

/* A real number that the line reads: one load, or its part of a product of complex numbers. */
struct half {
    uint32_t local;
    const struct ir_expr *own, *other; /* the load; of a product the load of the other part */
    const struct ir_expr *by_re, *by_im;
    bool is_im;
};

/* A line while it is read. */
struct line {
    struct c_kernel *kernel;
    const struct loop_stmt *loop;
    int64_t lanes;
    enum ir_elem elem;
    struct half *halves;
    size_t n_halves, halves_capacity;
    uint32_t *half_of; /* by local: one more than the number of its half; 0: none */
    uint32_t *column;  /* by half: which x it is a part of, counted by where they stand in memory */
    uint32_t *result;  /* by store, one after the other: which y it is a part of */
    size_t n_stores, n_values;
    bool *is_value; /* by local */
    bool complex_in, complex_out;
    size_t n_in, n_out;
    struct c_call call;
};

/* ---- what is read ---- */

static const struct poly *first_lane(const struct line *line, const struct poly *address)
{
    return loop_address_at(line->kernel->file->context, address, line->loop->loop.index, 0);
}

/* How far lanes move from one to the next, perhaps in the order of loop_lanes.c; -1: not evenly. */
static int64_t lane_step(const struct line *line, const struct poly *address, bool *apart)
{
    struct loop_lane lane;
    int64_t value;
    bool even = loop_split_lane(line->kernel->file->context, address, line->loop->loop.index, line->lanes,
                                ir_elem_info(line->elem)->bytes, &lane) &&
                poly_is_constant(lane.step, &value);
    *apart = even && lane.apart;
    return even ? value : -1;
}

/* Do lanes move evenly by so much, in that order or in their own? */
static bool lanes_move(const struct line *line, const struct poly *address, int64_t by, bool apart)
{
    bool own;
    return lane_step(line, address, &own) == by && own == apart;
}

static bool distance(const struct line *line, const struct poly *from, const struct poly *to, int64_t *value)
{
    return poly_is_constant(poly_subtract(line->kernel->file->context, first_lane(line, to), first_lane(line, from)), value);
}

static bool is_load(const struct line *line, const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_load && expr->elem == line->elem && line->kernel->array_lanes[expr->load.buffer] <= 0;
}

/* by_re * x_re - by_im * x_im, or by_re * x_im + by_im * x_re. */
static bool read_product(const struct line *line, const struct ir_expr *expr, struct half *half)
{
    if (expr->op != IR_EXPR_sub && expr->op != IR_EXPR_add)
        return false;
    for (int k = 0; k < 2; k++) {
        const struct ir_expr *product = expr->arguments[k];
        if (product->op != IR_EXPR_mul || !is_load(line, product->arguments[0]) || !is_load(line, product->arguments[1]))
            return false;
    }
    half->is_im = expr->op == IR_EXPR_add;
    half->by_re = expr->arguments[0]->arguments[0];
    half->own = expr->arguments[0]->arguments[1];
    half->by_im = expr->arguments[1]->arguments[0];
    half->other = expr->arguments[1]->arguments[1];
    return true;
}

/* Sums and products of what is there and of numbers. */
static bool is_value(const struct line *line, const struct ir_expr *expr)
{
    if (expr->op == IR_EXPR_local)
        return line->half_of[expr->local] || line->is_value[expr->local];
    if (expr->op == IR_EXPR_literal)
        return expr->elem == line->elem;
    if (expr->op != IR_EXPR_add && expr->op != IR_EXPR_sub && expr->op != IR_EXPR_mul && expr->op != IR_EXPR_neg)
        return false;
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        if (!is_value(line, expr->arguments[k]))
            return false;
    return true;
}

static bool read_definition(struct line *line, const struct loop_stmt *stmt)
{
    const struct ir_expr *value = stmt->local.value;
    struct half half = {.local = stmt->local.local, .own = value};
    if (line->kernel->loops->locals[stmt->local.local].elem != line->elem || !stmt->local.constant)
        return false;
    if (value->op == IR_EXPR_local && line->half_of[value->local]) {
        line->half_of[stmt->local.local] = line->half_of[value->local];
        return true;
    }
    if (is_load(line, value) || read_product(line, value, &half)) {
        if (!ARENA_PUSH(line->kernel->file->arena, line->halves, line->n_halves, line->halves_capacity, half))
            return false;
        line->half_of[stmt->local.local] = (uint32_t)line->n_halves;
        return true;
    }
    line->is_value[stmt->local.local] = true;
    line->n_values++;
    return is_value(line, value);
}

static bool read_statements(struct line *line)
{
    for (const struct loop_stmt *stmt = line->loop->loop.body; stmt; stmt = stmt->next) {
        if (!c_is_live(line->kernel, stmt))
            continue;
        bool fits = stmt->op == LOOP_DEFINE
                        ? read_definition(line, stmt)
                        : stmt->op == LOOP_STORE && stmt->store.combine == IR_EXPR_OP_COUNT && !stmt->store.streams &&
                              line->kernel->array_lanes[stmt->store.buffer] <= 0 && is_value(line, stmt->store.value);
        if (!fits)
            return false;
        line->n_stores += stmt->op == LOOP_STORE;
    }
    return line->n_halves && line->n_stores && line->n_values + line->n_stores >= SHORTEST;
}

/* ---- even steps ---- */

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* The addresses as address + k * step, k < n, each k once. */
static bool find_step(const struct line *line, const struct poly *const *addresses, size_t n, uint32_t *numbers,
                      struct c_places *places)
{
    int64_t *distances = ARENA_ARRAY(line->kernel->file->arena, n, int64_t), least = 0, step = 0;
    bool *taken = ARENA_ARRAY(line->kernel->file->arena, n, bool);
    if (!distances || !taken)
        return false;
    for (size_t k = 0; k < n; k++) {
        if (!distance(line, addresses[0], addresses[k], &distances[k]))
            return false;
        least = distances[k] < least ? distances[k] : least;
    }
    for (size_t k = 0; k < n; k++)
        step = common_divisor(step, distances[k] - least);
    for (size_t k = 0; k < n; k++) {
        uint64_t number = step ? (uint64_t)((distances[k] - least) / step) : 0;
        if (number >= n || taken[number])
            return false;
        taken[number] = true;
        numbers[k] = (uint32_t)number;
        if (number == 0)
            places->address = first_lane(line, addresses[k]);
    }
    places->step = step;
    return places->address != NULL;
}

static bool same_distance(const struct line *line, const struct ir_expr *from, const struct ir_expr *to, int64_t *all, bool first)
{
    int64_t value;
    if (from->load.buffer != to->load.buffer || !distance(line, from->load.address, to->load.address, &value) || value < 0)
        return false;
    *all = first ? value : *all;
    return value == *all;
}

/* Both parts of complex numbers, one behind the other. */
static bool pair_halves(struct line *line)
{
    struct c_call *call = &line->call;
    for (size_t k = 0; k < line->n_halves; k += 2) {
        const struct half *re = &line->halves[k], *im = &line->halves[k + 1];
        bool first = k == 0;
        if (re->own->load.buffer != line->halves[0].own->load.buffer || (re->by_re != NULL) != call->multiplies ||
            (im->by_re != NULL) != call->multiplies || !same_distance(line, re->own, im->own, &call->x.im, first))
            return false;
        if (call->multiplies &&
            (re->is_im || !im->is_im || re->by_re != im->by_re || re->by_im != im->by_im || re->own != im->other ||
             re->other != im->own || re->by_re->load.buffer != line->halves[0].by_re->load.buffer ||
             !same_distance(line, re->by_re, re->by_im, &call->by.im, first)))
            return false;
    }
    return true;
}

/* Is every load like the first one: along the lanes, every other number where they are pairs, or one for all lanes? */
static bool lanes_fit(struct line *line)
{
    struct c_call *call = &line->call;
    bool pairs = line->complex_in && call->x.im == 1;
    int64_t moves = pairs ? 2 : 1, by = call->by.im == 1 ? 0 : 1;
    if (lane_step(line, line->halves[0].own->load.address, &call->x.apart) < 0 || (call->x.apart && !pairs))
        return false;
    for (size_t k = 0; k < line->n_halves; k++) {
        const struct half *half = &line->halves[k];
        if (!lanes_move(line, half->own->load.address, moves, call->x.apart) ||
            (call->multiplies &&
             (!lanes_move(line, half->by_re->load.address, by, false) || !lanes_move(line, half->by_im->load.address, by, false))))
            return false;
    }
    return true;
}

/* by[k] stand as evenly as x[k]. */
static bool place_factors(struct line *line)
{
    const struct poly **addresses = ARENA_ARRAY(line->kernel->file->arena, line->n_in, const struct poly *);
    struct c_places *by = &line->call.by;
    int64_t value;
    if (!addresses)
        return false;
    for (size_t k = 0; k < line->n_in; k++)
        addresses[line->column[2 * k]] = line->halves[2 * k].by_re->load.address;
    if (line->n_in > 1 && (!distance(line, addresses[0], addresses[1], &by->step) || by->step < 0))
        return false;
    for (size_t k = 0; k < line->n_in; k++)
        if (!distance(line, addresses[0], addresses[k], &value) || value != (int64_t)k * by->step)
            return false;
    by->buffer = line->halves[0].by_re->load.buffer;
    by->address = first_lane(line, addresses[0]);
    return by->address != NULL;
}

static bool ends_in_re(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    return length > 3 && !strcmp(name + length - 3, "_re");
}

static bool place_inputs(struct line *line)
{
    struct arena *arena = line->kernel->file->arena;
    const struct half *first = &line->halves[0];
    line->call.multiplies = first->by_re != NULL;
    line->complex_in = ends_in_re(line->kernel->loops->locals[first->local].name);
    size_t parts = line->complex_in ? 2 : 1;
    line->n_in = line->n_halves / parts;
    line->column = ARENA_ARRAY(arena, line->n_halves, uint32_t);
    const struct poly **addresses = ARENA_ARRAY(arena, line->n_in + 1, const struct poly *);
    uint32_t *numbers = ARENA_ARRAY(arena, line->n_in + 1, uint32_t);
    if (arena_failed(arena) || line->n_halves % parts || (line->complex_in ? !pair_halves(line) : line->call.multiplies))
        return false;
    for (size_t k = 0; k < line->n_in; k++) {
        if (line->halves[parts * k].own->load.buffer != first->own->load.buffer)
            return false;
        addresses[k] = line->halves[parts * k].own->load.address;
    }
    line->call.x.buffer = first->own->load.buffer;
    if (!lanes_fit(line) || !find_step(line, addresses, line->n_in, numbers, &line->call.x))
        return false;
    for (size_t k = 0; k < line->n_halves; k++)
        line->column[k] = numbers[k / parts];
    return !line->call.multiplies || place_factors(line);
}

static const struct loop_stmt *next_live(const struct line *line, const struct loop_stmt *stmt)
{
    do
        stmt = stmt->next;
    while (stmt && !c_is_live(line->kernel, stmt));
    return stmt;
}

/* Does every other store stand right behind the one before it? */
static bool stores_are_pairs(const struct line *line)
{
    size_t n = 0;
    for (const struct loop_stmt *stmt = line->loop->loop.body, *next; stmt; stmt = next) {
        next = next_live(line, stmt);
        if (stmt->op == LOOP_STORE && c_is_live(line->kernel, stmt) && n++ % 2 == 0 && (!next || next->op != LOOP_STORE))
            return false;
    }
    return n % 2 == 0;
}

/* Parts that are `im` apart throughout are those of complex numbers. */
static bool results_are_complex(const struct line *line, const struct poly *const *addresses, int64_t *im)
{
    int64_t value;
    bool apart;
    if (!stores_are_pairs(line))
        return false;
    for (size_t k = 0; k < line->n_stores; k += 2) {
        if (!distance(line, addresses[k], addresses[k + 1], &value) || value <= 0 || (k && value != *im))
            return false;
        *im = value;
    }
    return lane_step(line, addresses[0], &apart) == (*im == 1 ? 2 : 1) && (*im == 1 || !apart);
}

static bool place_results(struct line *line)
{
    struct arena *arena = line->kernel->file->arena;
    const struct poly **addresses = ARENA_ARRAY(arena, line->n_stores, const struct poly *);
    uint32_t *numbers = ARENA_ARRAY(arena, line->n_stores, uint32_t);
    size_t n = 0;
    line->result = ARENA_ARRAY(arena, line->n_stores, uint32_t);
    line->call.y.buffer = UINT32_MAX;
    if (arena_failed(arena))
        return false;
    for (const struct loop_stmt *stmt = line->loop->loop.body; stmt; stmt = stmt->next) {
        if (stmt->op != LOOP_STORE || !c_is_live(line->kernel, stmt))
            continue;
        if (line->call.y.buffer != UINT32_MAX && line->call.y.buffer != stmt->store.buffer)
            return false;
        line->call.y.buffer = stmt->store.buffer;
        addresses[n++] = stmt->store.address;
    }
    line->complex_out = results_are_complex(line, addresses, &line->call.y.im);
    size_t parts = line->complex_out ? 2 : 1;
    line->call.y.im = line->complex_out ? line->call.y.im : 0;
    line->n_out = n / parts;
    int64_t moves = lane_step(line, addresses[0], &line->call.y.apart);
    for (size_t k = 0; k < n; k++)
        if (!lanes_move(line, addresses[k], moves, line->call.y.apart) ||
            (!line->complex_out && (moves != 1 || line->call.y.apart)))
            return false;
    for (size_t k = 0; k < line->n_out; k++)
        addresses[k] = addresses[parts * k];
    if (!find_step(line, addresses, line->n_out, numbers, &line->call.y))
        return false;
    for (size_t k = 0; k < n; k++)
        line->result[k] = numbers[k / parts];
    return true;
}

/* ---- what it computes ---- */

/* The numbers by which parts of x are multiplied in the value; `amounts` by local. */
static const double *amounts_of(const struct line *line, const struct ir_expr *expr, const double *const *amounts)
{
    size_t n = line->n_halves;
    if (expr->op == IR_EXPR_local)
        return amounts[expr->local];
    const double *a = NULL, *b = NULL;
    double *sum = ARENA_ARRAY(line->kernel->file->arena, n, double), factor = 1;
    if (expr->op == IR_EXPR_mul) {
        bool left = expr->arguments[0]->op == IR_EXPR_literal;
        if (left == (expr->arguments[1]->op == IR_EXPR_literal))
            return NULL;
        factor = expr->arguments[!left]->literal.re;
        a = amounts_of(line, expr->arguments[left], amounts);
    } else if (expr->op != IR_EXPR_literal) {
        a = amounts_of(line, expr->arguments[0], amounts);
        factor = expr->op == IR_EXPR_neg ? -1 : 1;
        if (a && expr->n_arguments == 2)
            b = amounts_of(line, expr->arguments[1], amounts);
        if (expr->n_arguments == 2 && !b)
            return NULL;
    } else if (expr->literal.re == 0) {
        return sum;
    }
    for (size_t k = 0; sum && a && k < n; k++)
        sum[k] = factor * a[k] + (b ? (expr->op == IR_EXPR_sub ? -b[k] : b[k]) : 0);
    return a ? sum : NULL;
}

/* By which x[j], or its other part, is multiplied in y[k]: rows of parts of y times parts of x. NULL: it is no sum of such. */
static double *find_matrix(const struct line *line)
{
    struct arena *arena = line->kernel->file->arena;
    size_t in = line->complex_in ? 2 : 1, out = line->complex_out ? 2 : 1, n = line->n_halves, store = 0;
    const double **amounts = ARENA_ARRAY(arena, line->kernel->loops->n_locals, const double *);
    double *matrix = ARENA_ARRAY(arena, line->n_stores * n, double);
    for (const struct loop_stmt *stmt = line->loop->loop.body; stmt && amounts && matrix; stmt = stmt->next) {
        if (!c_is_live(line->kernel, stmt))
            continue;
        uint32_t half = stmt->op == LOOP_DEFINE ? line->half_of[stmt->local.local] : 0;
        double *unit = half ? ARENA_ARRAY(arena, n, double) : NULL;
        if (unit)
            unit[in * line->column[half - 1] + (half - 1) % in] = 1;
        const double *found =
            half ? unit : amounts_of(line, stmt->op == LOOP_DEFINE ? stmt->local.value : stmt->store.value, amounts);
        if (!found)
            return NULL;
        if (stmt->op == LOOP_DEFINE) {
            amounts[stmt->local.local] = found;
            continue;
        }
        memcpy(&matrix[(out * line->result[store] + store % out) * n], found, n * sizeof *found);
        store++;
    }
    return arena_failed(arena) ? NULL : matrix;
}

/* ---- the text ---- */

static void count_operations(const struct ir_expr *expr, struct c_codelet *codelet)
{
    codelet->additions += expr->op == IR_EXPR_add || expr->op == IR_EXPR_sub;
    codelet->multiplications += expr->op == IR_EXPR_mul;
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        count_operations(expr->arguments[k], codelet);
}

/* Names differ from all of the file. */
static const char *own_name(const struct line *line, struct c_names *names, const char *name)
{
    return c_name_unique(line->kernel->file->arena, names, &line->kernel->file->names, name);
}

/* &x.at[3 * x.step] */
static const char *place_of(struct arena *arena, const char *name, uint32_t number)
{
    if (number == 0)
        return arena_printf(arena, "%s.at", name);
    return number == 1 ? arena_printf(arena, "&%s.at[%s.step]", name, name)
                       : arena_printf(arena, "&%s.at[%u * %s.step]", name, number, name);
}

static void put_input(const struct line *line, struct text *text, struct c_codelet *codelet, uint32_t half)
{
    struct c_kernel *kernel = line->kernel;
    struct arena *arena = kernel->file->arena;
    size_t first = half - 1 - (half - 1) % (line->complex_in ? 2 : 1);
    uint32_t column = line->column[first];
    const char *vector = codelet->vector, *name = own_name(line, &codelet->names, arena_printf(arena, "x%u", column));
    if (line->complex_in)
        c_put_line(text, 1,
                   arena_printf(arena, "const %s_complex %s = %s_take(%s, %u);", vector, name, vector, codelet->x, column));
    else
        c_put_line(text, 1,
                   arena_printf(arena, "const %s %s = %s_load(%s);", vector, name, vector, place_of(arena, codelet->x, column)));
    for (size_t part = 0; part < (line->complex_in ? 2 : 1); part++) {
        const char *spelled = line->complex_in ? arena_printf(arena, "%s.%s", name, part ? "im" : "re") : name;
        kernel->locals[line->halves[first + part].local] = spelled;
        kernel->local_vector[line->halves[first + part].local] = true;
    }
}

static void put_result(const struct line *line, struct text *text, const struct c_codelet *codelet, const struct loop_stmt *stmt,
                       size_t store)
{
    struct arena *arena = line->kernel->file->arena;
    uint32_t row = line->result[store];
    const char *value = c_vector_value(line->kernel, line->loop, stmt->store.value);
    if (!line->complex_out) {
        c_put_line(text, 1, arena_printf(arena, "%s_store(%s, %s);", codelet->vector, place_of(arena, codelet->y, row), value));
        return;
    }
    const char *other = c_vector_value(line->kernel, line->loop, next_live(line, stmt)->store.value);
    c_put_line(text, 1, arena_printf(arena, "%s_put(%s, %u, %s, %s);", codelet->vector, codelet->y, row, value, other));
}

/* The statements of the function, with names of its own. */
static void put_statements(const struct line *line, struct text *text, struct c_codelet *codelet)
{
    struct c_kernel *kernel = line->kernel;
    struct arena *arena = kernel->file->arena;
    size_t store = 0, value = 0, parts = line->complex_out ? 2 : 1;
    for (const struct loop_stmt *stmt = line->loop->loop.body; stmt && !arena_failed(arena); stmt = stmt->next) {
        if (!c_is_live(kernel, stmt))
            continue;
        if (stmt->op == LOOP_STORE) {
            count_operations(stmt->store.value, codelet);
            if (store % parts == 0)
                put_result(line, text, codelet, stmt, store);
            store++;
            continue;
        }
        uint32_t local = stmt->local.local, half = line->half_of[local];
        const struct half *read = half ? &line->halves[half - 1] : NULL;
        if (read && read->local == local && !kernel->local_vector[local])
            put_input(line, text, codelet, half);
        if (read) {
            kernel->locals[local] = kernel->locals[read->local];
            kernel->local_vector[local] = true;
            continue;
        }
        count_operations(stmt->local.value, codelet);
        const char *name = own_name(line, &codelet->names, arena_printf(arena, "t%zu", value++));
        const char *written = c_vector_value(kernel, line->loop, stmt->local.value);
        c_put_line(text, 1, arena_printf(arena, "const %s %s = %s;", codelet->vector, name, written));
        kernel->locals[local] = name;
        kernel->local_vector[local] = true;
    }
    for (const struct loop_stmt *stmt = line->loop->loop.body; stmt; stmt = stmt->next)
        if (stmt->op == LOOP_DEFINE)
            kernel->local_vector[stmt->local.local] = false;
}

/* The function of the line, which may be there already. NULL: no memory. */
static const struct c_codelet *find_codelet(struct line *line, size_t *number)
{
    struct c_file *file = line->kernel->file;
    struct c_vector *vector = c_use_vector(file, line->elem, line->lanes);
    struct c_codelet codelet = {.lanes = line->lanes, .n_in = line->n_in, .n_out = line->n_out};
    struct text body = text_create(file->arena);
    if (!vector)
        return NULL;
    codelet.vector = vector->name;
    codelet.complex_in = line->complex_in;
    codelet.complex_out = line->complex_out;
    codelet.x = own_name(line, &codelet.names, "x");
    codelet.y = own_name(line, &codelet.names, "y");
    put_statements(line, &body, &codelet);
    codelet.body = text_finish(&body);
    c_use_places(vector, &line->call, line->complex_in, line->complex_out);
    if (arena_failed(file->arena))
        return NULL;
    for (*number = 0; *number < file->n_codelets; ++*number)
        if (!strcmp(file->codelets[*number].body, codelet.body))
            return &file->codelets[*number];
    c_name_codelet(file, &codelet, find_matrix(line));
    if (!codelet.name || !ARENA_PUSH(file->arena, file->codelets, file->n_codelets, file->codelets_capacity, codelet))
        return NULL;
    return &file->codelets[*number];
}

static bool may_fuse(const struct c_kernel *kernel)
{
    return !kernel->loops->kernel || kernel->loops->kernel->numeric_class != IR_CLASS_EXACT;
}

static void add_call(struct c_kernel *kernel, const struct loop_stmt *loop)
{
    struct arena *arena = kernel->file->arena;
    struct line line = {.kernel = kernel, .loop = loop, .call = {.loop = loop}};
    const struct loop_stmt *last = loop->loop.body;
    while (last->next)
        last = last->next;
    if (last->op != LOOP_STORE || loop->loop.limit || !poly_is_constant(loop->loop.end, &line.lanes) || !may_fuse(kernel))
        return;
    line.elem = last->store.value->elem;
    line.half_of = ARENA_ARRAY(arena, kernel->loops->n_locals, uint32_t);
    line.is_value = ARENA_ARRAY(arena, kernel->loops->n_locals, bool);
    if (arena_failed(arena) || !read_statements(&line) || !place_inputs(&line) || !place_results(&line) ||
        !find_codelet(&line, &line.call.codelet))
        return;
    ARENA_PUSH(arena, kernel->calls, kernel->n_calls, kernel->calls_capacity, line.call);
}

static void find_calls(struct c_kernel *kernel, const struct loop_stmt *list)
{
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next)
        switch (stmt->op) {
        case LOOP_FOR:
            if (c_is_vector_block(stmt))
                add_call(kernel, stmt);
            else
                find_calls(kernel, stmt->loop.body);
            break;
        case LOOP_IF:
            find_calls(kernel, stmt->branch.body);
            find_calls(kernel, stmt->branch.otherwise);
            break;
        case LOOP_BLOCK:
            find_calls(kernel, stmt->block);
            break;
        default:
            break;
        }
}

void c_find_codelets(struct c_kernel *kernel)
{
    find_calls(kernel, kernel->loops->body);
}
