/* Makes the innermost loop over C's unit-stride index, within a tile and in what fills panels, a loop over vectors.
 *
 *     for j < 16 { x[... + j] = ... }   becomes   unrolled j_vector < 2 { vector j < 8 { x[... + 8*j_vector + j] = ... } }
 *
 * A vector loop means what a loop means; it has exactly the lanes of a vector, and a limit where the last is not full. Every place
 * in it moves by one element a lane or not at all. What else is made of a finished tile is in vectorise_tiles.c, straight lines of
 * statements, those of codelets among them, in vectorise_straight.c. */
#include "lanes.h"
#include "product.h"
#include "vectorise.h"

#include <math.h>

enum {
    MOST_UNROLLED = 256, /* multiplications of vectors in a row: some KiB of code, what decoded instructions are kept for */
    LEAST_PART = 3       /* lines of a square of which others are missing */
};

int64_t vectorise_lanes(struct vectorising *vectorising, const struct loop_stmt *loop, enum ir_elem elem)
{
    int64_t extent;
    if (!lanes_have(elem))
        return 0;
    if (!poly_is_constant(loop->loop.end, &extent))
        extent = 0;
    return product_lanes(&vectorising->kernel->options->machine, elem, extent);
}

bool vectorise_is_candidate(struct vectorising *vectorising, const struct loop_stmt *loop)
{
    const struct loop_stmt *store = loop->loop.body;
    if (loop->loop.kind != LOOP_SERIAL || loop->loop.role == LOOP_NO_ROLE || store->op != LOOP_STORE || store->next ||
        !poly_equals(loop->loop.begin, 0))
        return false;
    enum ir_elem elem = vectorising->kernel->loops->buffers[store->store.buffer].elem;
    int64_t lanes = vectorise_lanes(vectorising, loop, elem), extent;
    return lanes > 1 && poly_is_constant(loop->loop.end, &extent) && extent % lanes == 0 &&
           lanes_move_by_one(vectorising->context, store->store.address, loop->loop.index);
}

bool vectorise_split(struct vectorising *vectorising, struct loop_stmt *loop, int64_t lanes)
{
    struct ir_context *context = vectorising->context;
    struct loop_function *function = vectorising->kernel->loops;
    uint32_t index = loop->loop.index;
    int64_t extent = 0;
    poly_is_constant(loop->loop.end, &extent);
    if (extent == lanes) {
        loop->loop.kind = LOOP_VECTOR;
        return true;
    }
    uint32_t vector =
        loop_add_index(context, function, arena_printf(ir_arena(context), "%s_vector", function->indices[index].name));
    const struct poly **place = ARENA_ARRAY(ir_arena(context), function->n_indices, const struct poly *);
    if (vector == UINT32_MAX || !place)
        return false;
    const struct poly *first = poly_scale(context, poly_index(context, vector), lanes);
    place[index] = poly_add(context, first, poly_index(context, index));
    struct loop_stmt *store = loop->loop.body;
    uint32_t n = (uint32_t)function->n_indices;
    struct loop_stmt *body =
        loop_store(context, store->store.buffer, poly_substitute(context, store->store.address, n, place, NULL),
                   ir_expr_substitute(context, store->store.value, NULL, NULL, n, place, NULL), store->store.combine);
    if (body)
        body->store.streams = store->store.streams;
    struct loop_stmt *inner = loop_for(context, LOOP_VECTOR, index, loop->loop.begin, poly_constant(context, lanes), body);
    if (!inner)
        return false;
    inner->loop.role = loop->loop.role;
    loop->loop.kind = LOOP_UNROLLED;
    loop->loop.index = vector;
    loop->loop.end = poly_constant(context, extent / lanes);
    loop->loop.body = inner;
    if (!loop->loop.limit)
        return true;
    inner->loop.limit = poly_subtract(context, loop->loop.limit, first);
    loop->loop.limit = poly_floor_div(context, poly_add(context, loop->loop.limit, poly_constant(context, lanes - 1)),
                                      poly_constant(context, lanes), NULL);
    return inner->loop.limit && loop->loop.limit;
}

/* ---- blocks turned in registers ---- */

static bool is_copy(const struct loop_stmt *store)
{
    return store->op == LOOP_STORE && !store->next && store->store.combine == IR_EXPR_OP_COUNT &&
           store->store.value->op == IR_EXPR_load;
}

/* Blocks of the lanes need one limit at most: the loop's own, or its end where that is no multiple. */
static bool ends_once(struct vectorising *vectorising, const struct loop_stmt *loop, int64_t lanes)
{
    const struct poly *rest = poly_mod(vectorising->context, loop->loop.end, poly_constant(vectorising->context, lanes), NULL);
    return !loop->loop.limit || poly_equals(rest, 0);
}

/* A loop along whose index the copied elements lie side by side, around one along which they come to lie so. */
static bool lies_turned(struct vectorising *vectorising, const struct loop_stmt *rows)
{
    const struct loop_stmt *columns = rows->loop.body, *store = columns->op == LOOP_FOR ? columns->loop.body : NULL;
    if (!store || columns->next || !is_copy(store) || rows->loop.role == LOOP_NO_ROLE || rows->loop.kind != LOOP_SERIAL ||
        columns->loop.kind != LOOP_SERIAL || !poly_equals(rows->loop.begin, 0) || !poly_equals(columns->loop.begin, 0) ||
        poly_uses_index(columns->loop.end, rows->loop.index) ||
        (columns->loop.limit && poly_uses_index(columns->loop.limit, rows->loop.index)))
        return false;
    return vectorise_lanes(vectorising, columns, store->store.value->elem) > 1 &&
           lanes_move_by_one(vectorising->context, store->store.value->load.address, rows->loop.index) &&
           lanes_move_by_one(vectorising->context, store->store.address, columns->loop.index) &&
           !lanes_move_by_one(vectorising->context, store->store.value->load.address, columns->loop.index);
}

/* Part of a square is turned as the whole is where there are masks, and not worth it where it is but a line or two. What goes past
 * the caches does so by whole vectors. */
static bool is_long_enough(struct vectorising *vectorising, const struct loop_stmt *loop, const struct loop_stmt *store,
                           int64_t lanes)
{
    int64_t extent;
    bool has_masks = vectorising->kernel->options->machine.has_masks && !store->store.streams;
    return !poly_is_constant(loop->loop.end, &extent) || extent >= (has_masks && lanes > LEAST_PART ? LEAST_PART : lanes);
}

static bool is_turned(struct vectorising *vectorising, const struct loop_stmt *rows)
{
    if (!lies_turned(vectorising, rows))
        return false;
    const struct loop_stmt *columns = rows->loop.body;
    int64_t lanes = vectorise_lanes(vectorising, columns, columns->loop.body->store.value->elem);
    return is_long_enough(vectorising, rows, columns->loop.body, lanes) &&
           is_long_enough(vectorising, columns, columns->loop.body, lanes) && ends_once(vectorising, rows, lanes) &&
           ends_once(vectorising, columns, lanes);
}

/* The nest of `rows` with `count` steps of one of its two loops, from `begin` on. */
static struct loop_stmt *part_of(struct vectorising *vectorising, const struct loop_stmt *rows, const struct loop_stmt *cut,
                                 int64_t begin, int64_t count)
{
    struct ir_context *context = vectorising->context;
    uint32_t n = (uint32_t)vectorising->kernel->loops->n_indices;
    const struct loop_stmt *loops[2] = {rows, rows->loop.body}, *store = loops[1]->loop.body;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), n, const struct poly *), *first = poly_constant(context, begin);
    if (!place)
        return NULL;
    bool single = count == 1 && !cut->loop.limit; /* needs no loop */
    place[cut->loop.index] = single ? first : poly_add(context, poly_index(context, cut->loop.index), first);
    struct loop_stmt *nest =
        loop_store(context, store->store.buffer, poly_substitute(context, store->store.address, n, place, NULL),
                   ir_expr_substitute(context, store->store.value, NULL, NULL, n, place, NULL), IR_EXPR_OP_COUNT);
    if (nest)
        nest->store.streams = store->store.streams;
    for (int k = 1; nest && k >= 0; k--) {
        const struct loop_stmt *loop = loops[k];
        bool is_cut = loop == cut;
        if (is_cut && single)
            continue;
        nest = loop_for(context, LOOP_SERIAL, loop->loop.index, loop->loop.begin,
                        is_cut ? poly_constant(context, count) : loop->loop.end, nest);
        if (!nest)
            return NULL;
        nest->loop.role = loop->loop.role;
        nest->comment = loop->comment;
        nest->loop.limit = is_cut && loop->loop.limit ? poly_subtract(context, loop->loop.limit, first) : loop->loop.limit;
    }
    return nest;
}

/* Whole vectors of both loops first, what is left of a loop in a nest of its own, where shorter vectors may do. */
static bool part_ends(struct vectorising *vectorising, struct loop_stmt *rows)
{
    enum ir_elem elem = rows->loop.body->loop.body->store.value->elem;
    for (int k = 0; k < 2; k++) {
        const struct loop_stmt *cut = k ? rows->loop.body : rows;
        int64_t extent, lanes = vectorise_lanes(vectorising, rows->loop.body, elem);
        if (!poly_is_constant(cut->loop.end, &extent) || extent <= lanes || extent % lanes == 0)
            continue;
        struct loop_stmt *whole = part_of(vectorising, rows, cut, 0, extent - extent % lanes);
        struct loop_stmt *rest = part_of(vectorising, rows, cut, extent - extent % lanes, extent % lanes);
        if (!whole || !rest)
            return false;
        product_replace(rows, loop_join(whole, rest));
    }
    return true;
}

/* One of the two loops of a copy that is turned, by vectors: block * lanes + index. */
struct turned {
    const struct loop_stmt *loop;
    int64_t lanes, together; /* vectors of a block: a line of memory is read at once */
    uint32_t block, vector;  /* indices; UINT32_MAX: there is but one */
    const struct poly *before;
};

static uint32_t add_index(struct vectorising *vectorising, const struct loop_stmt *loop, const char *suffix)
{
    struct loop_function *function = vectorising->kernel->loops;
    const char *name = function->indices[loop->loop.index].name;
    return loop_add_index(vectorising->context, function, arena_printf(ir_arena(vectorising->context), "%s_%s", name, suffix));
}

static struct turned split_turned(struct vectorising *vectorising, const struct loop_stmt *loop, int64_t lanes, int64_t together)
{
    struct ir_context *context = vectorising->context;
    struct turned turned = {loop, lanes, together, UINT32_MAX, UINT32_MAX, poly_constant(context, 0)};
    int64_t extent = 0;
    bool known = poly_is_constant(loop->loop.end, &extent);
    if (known && extent < lanes * together)
        turned.together = together = (extent + lanes - 1) / lanes;
    if (!known || extent > lanes * together) {
        turned.block = add_index(vectorising, loop, together > 1 ? "line" : "vector");
        turned.before = poly_scale(context, poly_index(context, turned.block), lanes * together);
    }
    if (together > 1 && (!known || extent > lanes)) {
        turned.vector = add_index(vectorising, loop, "vector");
        turned.before = poly_add(context, turned.before, poly_scale(context, poly_index(context, turned.vector), lanes));
    }
    return turned;
}

/* The loop within one vector. */
static struct loop_stmt *within_vector(struct vectorising *vectorising, const struct turned *turned, struct loop_stmt *body)
{
    struct ir_context *context = vectorising->context;
    const struct loop_stmt *loop = turned->loop;
    const struct poly *lanes = poly_constant(context, turned->lanes);
    struct loop_stmt *within = loop_for(context, LOOP_VECTOR, loop->loop.index, poly_constant(context, 0), lanes, body);
    if (!within)
        return NULL;
    within->loop.role = loop->loop.role;
    if (loop->loop.limit || !poly_equals(poly_mod(context, loop->loop.end, lanes, NULL), 0))
        within->loop.limit = poly_subtract(context, loop->loop.limit ? loop->loop.limit : loop->loop.end, turned->before);
    return within;
}

/* The loop over the vectors of a block. */
static struct loop_stmt *over_vectors(struct vectorising *vectorising, const struct turned *turned, struct loop_stmt *body)
{
    struct ir_context *context = vectorising->context;
    const struct loop_stmt *loop = turned->loop;
    int64_t size = turned->lanes * turned->together;
    if (turned->vector == UINT32_MAX)
        return body;
    struct loop_stmt *around =
        loop_for(context, LOOP_SERIAL, turned->vector, poly_constant(context, 0), poly_constant(context, turned->together), body);
    if (!around)
        return NULL;
    around->loop.role = loop->loop.role;
    if (loop->loop.limit || !poly_equals(poly_mod(context, loop->loop.end, poly_constant(context, size), NULL), 0)) {
        const struct poly *first =
            turned->block == UINT32_MAX ? poly_constant(context, 0) : poly_scale(context, poly_index(context, turned->block), size);
        around->loop.limit = product_parts(
            context, poly_subtract(context, loop->loop.limit ? loop->loop.limit : loop->loop.end, first), turned->lanes);
    }
    return around;
}

/* The loop over the blocks. */
static struct loop_stmt *over_blocks(struct vectorising *vectorising, const struct turned *turned, struct loop_stmt *body)
{
    struct ir_context *context = vectorising->context;
    const struct loop_stmt *loop = turned->loop;
    int64_t size = turned->lanes * turned->together;
    if (turned->block == UINT32_MAX)
        return body;
    struct loop_stmt *around = loop_for(context, LOOP_SERIAL, turned->block, poly_constant(context, 0),
                                        product_parts(context, loop->loop.end, size), body);
    if (!around)
        return NULL;
    around->loop.role = loop->loop.role;
    if (loop->loop.limit)
        around->loop.limit = product_parts(context, loop->loop.limit, size);
    return around;
}

/* for lines of rows, vectors of columns, vectors of a line { vector row { vector column { a copy } } } */
static bool turn(struct vectorising *vectorising, struct loop_stmt *rows)
{
    struct ir_context *context = vectorising->context;
    struct loop_stmt *columns = rows->loop.body, *store = columns->loop.body;
    enum ir_elem elem = store->store.value->elem;
    int64_t lanes = vectorise_lanes(vectorising, columns, elem), line = CACHE_LINE / (int64_t)ir_elem_info(elem)->bytes;
    int64_t together = line > lanes && ends_once(vectorising, rows, line) ? line / lanes : 1;
    struct turned row = split_turned(vectorising, rows, lanes, together);
    struct turned column = split_turned(vectorising, columns, lanes, 1);
    uint32_t n = (uint32_t)vectorising->kernel->loops->n_indices;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), n, const struct poly *);
    if (!place)
        return false;
    place[rows->loop.index] = poly_add(context, row.before, poly_index(context, rows->loop.index));
    place[columns->loop.index] = poly_add(context, column.before, poly_index(context, columns->loop.index));
    struct loop_stmt *body =
        loop_store(context, store->store.buffer, poly_substitute(context, store->store.address, n, place, NULL),
                   ir_expr_substitute(context, store->store.value, NULL, NULL, n, place, NULL), IR_EXPR_OP_COUNT);
    struct loop_stmt *block = within_vector(vectorising, &row, within_vector(vectorising, &column, body));
    struct loop_stmt *outer =
        over_blocks(vectorising, &row, over_blocks(vectorising, &column, over_vectors(vectorising, &row, block)));
    if (!outer)
        return false;
    body->store.streams = store->store.streams;
    product_replace(rows, outer);
    return true;
}

/* ---- in which order a panel is read ---- */

/* Of a perfect nest the loop at which squares to turn begin; NULL: there are none. */
static struct loop_stmt *turned_within(struct vectorising *vectorising, struct loop_stmt *nest)
{
    while (nest->op == LOOP_FOR && nest->loop.kind == LOOP_SERIAL && !is_turned(vectorising, nest)) {
        nest = nest->loop.body;
        if (!nest || nest->next)
            return NULL;
    }
    return nest->op == LOOP_FOR && is_turned(vectorising, nest) ? nest : NULL;
}

/* How far the loop moves the tensor that is copied, elements. */
static double copied_reach(struct vectorising *vectorising, const struct loop_stmt *store, const struct loop_stmt *loop)
{
    const struct poly *step = NULL;
    if (!poly_split_index(vectorising->context, store->store.value->load.address, loop->loop.index, &step, NULL))
        return INFINITY;
    return fabs(poly_estimate(step, ir_typical_sizes(vectorising->context), NULL));
}

/* Does a nest fill a panel, or store past the caches, where the order of stores is no matter, from more lines of the tensor at once
 * than make a square? They had better be read after one another. */
static bool reads_many_lines(struct vectorising *vectorising, const struct loop_stmt *nest, const struct loop_stmt *rows)
{
    const struct loop_stmt *columns = rows->loop.body, *store = columns->loop.body;
    int64_t extent, lanes = vectorise_lanes(vectorising, columns, store->store.value->elem);
    bool is_kept = vectorising->kernel->loops->buffers[store->store.buffer].kind == LOOP_SCRATCH;
    if ((!is_kept && !store->store.streams) || !poly_is_constant(columns->loop.end, &extent) || extent <= lanes || extent % lanes)
        return false;
    double reach = copied_reach(vectorising, store, columns) * (double)lanes;
    for (const struct loop_stmt *loop = nest; loop != columns; loop = loop->loop.body)
        if (copied_reach(vectorising, store, loop) >= reach ||
            (columns->loop.limit && poly_uses_index(columns->loop.limit, loop->loop.index)))
            return false;
    return true;
}

/* for nest { rows { columns { copy } } } with columns by vectors: the loop over these goes around the nest, so that as many lines
 * as a vector has lanes are read to their ends before the next begin. Hardware foresees that, but not hundreds of pieces in turn.
 */
static bool read_by_lines(struct vectorising *vectorising, struct loop_stmt *nest, struct loop_stmt *rows)
{
    struct ir_context *context = vectorising->context;
    struct loop_stmt *columns = rows->loop.body, *store = columns->loop.body;
    int64_t extent = 0, lanes = vectorise_lanes(vectorising, columns, store->store.value->elem);
    poly_is_constant(columns->loop.end, &extent);
    uint32_t vector = add_index(vectorising, columns, "vector"), n = (uint32_t)vectorising->kernel->loops->n_indices;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), n, const struct poly *);
    if (vector == UINT32_MAX || !place)
        return false;
    const struct poly *before = poly_scale(context, poly_index(context, vector), lanes), *limit = columns->loop.limit;
    place[columns->loop.index] = poly_add(context, before, poly_index(context, columns->loop.index));
    store->store.address = poly_substitute(context, store->store.address, n, place, NULL);
    store->store.value = ir_expr_substitute(context, store->store.value, NULL, NULL, n, place, NULL);
    columns->loop.end = poly_constant(context, lanes);
    columns->loop.limit = limit ? poly_subtract(context, limit, before) : NULL;
    struct loop_stmt *moved = arena_copy(ir_arena(context), nest, 1, sizeof *nest);
    if (!moved || !store->store.address || !store->store.value)
        return false;
    moved->next = NULL;
    struct loop_stmt *around =
        loop_for(context, LOOP_SERIAL, vector, poly_constant(context, 0), poly_constant(context, extent / lanes), moved);
    if (!around)
        return false;
    around->loop.role = columns->loop.role;
    around->loop.limit = limit ? product_parts(context, limit, lanes) : NULL;
    product_replace(nest, around);
    return true;
}

/* ---- the function ---- */

/* A limit that is proved to lie at the end or behind it says nothing. */
static void drop_proved_limits(struct vectorising *vectorising, struct loop_stmt *list, struct poly_ranges ranges,
                               const struct poly **ends)
{
    for (; list; list = list->next) {
        if (list->op == LOOP_FOR) {
            const struct poly *limit = list->loop.limit;
            if (limit &&
                poly_prove_nonnegative(vectorising->context, poly_subtract(vectorising->context, limit, list->loop.end), &ranges))
                list->loop.limit = NULL;
            ends[list->loop.index] = list->loop.end;
            drop_proved_limits(vectorising, list->loop.body, ranges, ends);
            ends[list->loop.index] = NULL;
        } else if (list->op == LOOP_BLOCK) {
            drop_proved_limits(vectorising, list->block, ranges, ends);
        } else if (list->op == LOOP_IF) {
            drop_proved_limits(vectorising, list->branch.body, ranges, ends);
            drop_proved_limits(vectorising, list->branch.otherwise, ranges, ends);
        }
    }
}

/* Vectors that the list computes; MOST_UNROLLED or more: too many, or loops of unknown length. */
static int64_t vectors_of(const struct loop_stmt *list)
{
    int64_t vectors = 0, extent;
    for (; list && vectors < MOST_UNROLLED; list = list->next) {
        if (list->op == LOOP_STORE)
            vectors++;
        else if (list->op == LOOP_FOR && list->loop.kind == LOOP_VECTOR)
            vectors += vectors_of(list->loop.body);
        else if (list->op == LOOP_FOR && list->loop.kind == LOOP_UNROLLED && poly_is_constant(list->loop.end, &extent))
            vectors += extent * vectors_of(list->loop.body);
        else
            vectors = MOST_UNROLLED;
    }
    return vectors;
}

static bool adds_up(const struct loop_stmt *list)
{
    while (list->op == LOOP_FOR)
        list = list->loop.body;
    return list->op == LOOP_STORE && list->store.combine == IR_EXPR_add;
}

/* Vectors that the sum reads along an address, all steps together; 0: it reads numbers. */
static int64_t vectors_along(const struct poly *address, const struct loop_stmt *sum)
{
    int64_t vectors = 1, extent;
    bool moves = false;
    for (const struct loop_stmt *loop = sum; loop->op == LOOP_FOR; loop = loop->loop.body)
        if (poly_uses_index(address, loop->loop.index)) {
            moves |= loop->loop.kind == LOOP_VECTOR;
            vectors *= loop->loop.kind != LOOP_VECTOR && poly_is_constant(loop->loop.end, &extent) ? extent : 1;
        }
    return moves ? vectors : 0;
}

/* Do vectors of a factor stay the same from step to step of the loop around, and more than registers hold? Of a sum that is written
 * out compilers load all of them in front of the loop, and put them on the stack: products of 16 x 16 in f64 lost 13 % so on Zen 5.
 */
static bool is_spilled(struct vectorising *vectorising, const struct loop_stmt *around, const struct loop_stmt *sum)
{
    const struct loop_stmt *store = sum;
    while (store->op == LOOP_FOR)
        store = store->loop.body;
    const struct ir_expr *value = store->store.value;
    for (uint32_t k = 0; around && value->op == IR_EXPR_mul && k < 2; k++) {
        const struct ir_expr *factor = value->arguments[k];
        bool stays = factor->op == IR_EXPR_load && !poly_uses_index(factor->load.address, around->loop.index);
        int64_t vectors = stays ? vectors_along(factor->load.address, sum) : 0;
        if (vectors && vectors + vectors_of(sum->loop.body) > vectorising->kernel->options->machine.vector_registers)
            return true;
    }
    return false;
}

/* A short sum within a tile is written out: its loop costs more than its steps, and ends where no processor foresees it. `around`:
 * the innermost loop, NULL: none. */
static void unroll_sums(struct vectorising *vectorising, struct loop_stmt *list, const struct loop_stmt *around)
{
    int64_t steps;
    for (; list; list = list->next)
        if (list->op == LOOP_FOR) {
            unroll_sums(vectorising, list->loop.body, list);
            bool is_short = list->loop.kind == LOOP_SERIAL && list->loop.role == LOOP_K && !list->loop.limit &&
                            poly_equals(list->loop.begin, 0) && poly_is_constant(list->loop.end, &steps) &&
                            adds_up(list->loop.body) && steps <= MOST_UNROLLED &&
                            steps * vectors_of(list->loop.body) <= MOST_UNROLLED && !is_spilled(vectorising, around, list);
            list->loop.kind = is_short ? LOOP_UNROLLED : list->loop.kind;
        } else if (list->op == LOOP_BLOCK) {
            unroll_sums(vectorising, list->block, around);
        } else if (list->op == LOOP_IF) {
            unroll_sums(vectorising, list->branch.body, around);
            unroll_sums(vectorising, list->branch.otherwise, around);
        }
}

static bool vectorise(struct vectorising *vectorising, struct loop_stmt *list)
{
    for (struct loop_stmt *next; list; list = next) {
        if (list->op == LOOP_FOR && lies_turned(vectorising, list) && !part_ends(vectorising, list))
            return false;
        next = list->next;
        struct loop_stmt *rows = turned_within(vectorising, list);
        if (rows && reads_many_lines(vectorising, list, rows) && !read_by_lines(vectorising, list, rows))
            return false;
        struct loop_stmt *calls = vectorise_calls_within(vectorising, list);
        if (calls) {
            if (!vectorise_calls(vectorising, list, calls))
                return false;
        } else if (list->op == LOOP_FOR && is_turned(vectorising, list)) {
            if (!turn(vectorising, list))
                return false;
        } else if (list->op == LOOP_FOR && vectorise_is_straight(vectorising->kernel, list)) {
            if (!vectorise_straight(vectorising->kernel, list))
                return false;
        } else if (list->op == LOOP_FOR && vectorise_is_candidate(vectorising, list)) {
            const struct loop_stmt *store = list->loop.body;
            enum ir_elem elem = vectorising->kernel->loops->buffers[store->store.buffer].elem;
            bool fine = lanes_hold(vectorising->kernel, store->store.value, elem, list->loop.index)
                            ? vectorise_split(vectorising, list, vectorise_lanes(vectorising, list, elem))
                            : vectorise_from_copy(vectorising, list);
            if (!fine)
                return false;
        } else if ((list->op == LOOP_FOR && !vectorise(vectorising, list->loop.body)) ||
                   (list->op == LOOP_BLOCK && !vectorise(vectorising, list->block)) ||
                   (list->op == LOOP_IF &&
                    (!vectorise(vectorising, list->branch.body) || !vectorise(vectorising, list->branch.otherwise)))) {
            return false;
        }
    }
    return true;
}

enum einc_status pass_vectorise(struct pass_kernel *kernel)
{
    struct vectorising vectorising = {kernel, kernel->context};
    struct arena *arena = ir_arena(kernel->context);
    if (!product_lanes(&kernel->options->machine, IR_f64, 0))
        return EINC_OK;
    if (!vectorise(&vectorising, kernel->loops->body))
        return EINC_NO_MEMORY;
    unroll_sums(&vectorising, kernel->loops->body, NULL);
    const struct poly **ends = ARENA_ARRAY(arena, kernel->loops->n_indices, const struct poly *);
    if (!ends)
        return EINC_NO_MEMORY;
    drop_proved_limits(&vectorising, kernel->loops->body, (struct poly_ranges){(uint32_t)kernel->loops->n_indices, ends}, ends);
    return arena_failed(arena) ? EINC_NO_MEMORY : EINC_OK;
}
