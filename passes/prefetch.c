/* Asks for what a tile needs from beyond the first cache while the one before it is still being summed.
 *
 *     for tiles { ... for k { sums of a tile } ... C[...] = tile }   becomes
 *     for tiles { ... for k { prefetch panel[... k + 16]   if k < rows { prefetch row k of the next tile's C }   sums } ... }
 *
 * Processors foresee what is read line after line; they do not foresee rows of C, which lie a row of the tensor apart and are read
 * or written all at once when a tile begins or ends, nor what another factor pushed out of the first cache between two tiles. A
 * step of the sum has room for a few such hints beside its multiplications, where these are many. A hint changes no number. */
#include "prefetch.h"
#include "product.h"

#include <math.h>

enum {
    AHEAD = 384,      /* multiplications of vectors: what the second cache takes and then some, of memory a part */
    SPARE = 8,        /* so many of them a hint, at most */
    FEWEST_TILES = 4, /* of a loop over tiles: the hint of its last is for nothing, or for later */
    MOST_SUMMED = 8,
    MOST_ELEMENTS = 1 << 20 /* of a tile, along one buffer */
};

/* The sum of a tile: for k { ... for steps { loops over its elements { tile add= mul(A[...], B[...]) } } } */
struct tile_sum {
    struct loop_stmt *loops[MOST_SUMMED]; /* over k, outermost first; the last one: the steps */
    size_t n_loops;
    const struct loop_stmt *store;
    double vectors; /* multiplications in a step */
};

static struct loop_stmt *steps_of(const struct tile_sum *sum)
{
    return sum->loops[sum->n_loops - 1];
}

static double typical_extent(const struct prefetching *prefetching, const struct loop_stmt *loop)
{
    return poly_estimate(loop->loop.end, ir_typical_sizes(prefetching->context), NULL);
}

static int64_t constant_extent(const struct loop_stmt *loop)
{
    int64_t extent;
    return poly_equals(loop->loop.begin, 0) && poly_is_constant(loop->loop.end, &extent) ? extent : 0;
}

static bool is_element_loop(const struct loop_stmt *stmt)
{
    return stmt->op == LOOP_FOR && !stmt->next && (stmt->loop.kind == LOOP_UNROLLED || stmt->loop.kind == LOOP_VECTOR) &&
           constant_extent(stmt) > 0;
}

static bool is_summing(const struct loop_stmt *stmt, enum loop_kind kind)
{
    return stmt->op == LOOP_FOR && stmt->loop.role == LOOP_K && stmt->loop.kind == kind;
}

/* Loops over k that are unrolled within one that is not belong to its step; where all are, they are the sum's. */
static bool read_sum(const struct prefetching *prefetching, struct loop_stmt *loop, struct tile_sum *sum)
{
    *sum = (struct tile_sum){.vectors = 1};
    enum loop_kind kind = is_summing(loop, LOOP_SERIAL) ? LOOP_SERIAL : LOOP_UNROLLED;
    for (; is_summing(loop, kind) && sum->n_loops < MOST_SUMMED; loop = loop->loop.body) {
        sum->loops[sum->n_loops++] = loop;
        if (loop->loop.body->next)
            return false;
    }
    if (sum->n_loops == 0)
        return false;
    for (sum->store = loop; is_element_loop(sum->store); sum->store = sum->store->loop.body)
        sum->vectors *= sum->store->loop.kind == LOOP_VECTOR ? 1 : (double)constant_extent(sum->store);
    const struct loop_stmt *store = sum->store;
    return store->op == LOOP_STORE && !store->next && store->store.combine == IR_EXPR_add &&
           prefetching->kernel->loops->buffers[store->store.buffer].kind == LOOP_STACK && store->store.value->op == IR_EXPR_mul &&
           store->store.value->arguments[0]->op == IR_EXPR_load && store->store.value->arguments[1]->op == IR_EXPR_load;
}

/* Elements that a step of the loop moves the address by; MOST_ELEMENTS: backwards, a number known at run time, or more. */
static int64_t step_along(const struct prefetching *prefetching, const struct poly *address, const struct loop_stmt *loop)
{
    const struct poly *step;
    int64_t number;
    if (!poly_uses_index(address, loop->loop.index))
        return 0;
    bool known = poly_split_index(prefetching->context, address, loop->loop.index, &step, NULL) && poly_is_constant(step, &number);
    return known && number > 0 && number < MOST_ELEMENTS ? number : MOST_ELEMENTS;
}

/* Elements side by side that the loops from `loop` inwards cover of the buffer. */
static int64_t run_of(const struct prefetching *prefetching, const struct poly *address, const struct loop_stmt *loop)
{
    int64_t run = 1;
    for (const struct loop_stmt *now = loop; now->op == LOOP_FOR;) {
        int64_t extent = constant_extent(now);
        if (extent > 1 && extent < MOST_ELEMENTS / run && step_along(prefetching, address, now) == run) {
            run *= extent;
            now = loop; /* those outside of it may go on where it ends */
        } else {
            now = now->loop.body;
        }
    }
    return run;
}

/* ---- factors ---- */

static double bytes_of(const struct ir_expr *load)
{
    return (double)ir_elem_info(load->elem)->bytes;
}

/* Bytes of a factor that a tile reads. */
static double bytes_in_tile(const struct prefetching *prefetching, const struct tile_sum *sum, const struct ir_expr *load)
{
    double bytes = bytes_of(load) * (double)run_of(prefetching, load->load.address, steps_of(sum)->loop.body);
    for (size_t k = 0; k < sum->n_loops; k++)
        bytes *= typical_extent(prefetching, sum->loops[k]);
    return bytes;
}

/* Hints for the factor some steps ahead, where it is read straight on; NULL: none, or no memory. */
static struct loop_stmt *fetch_factor(struct prefetching *prefetching, const struct tile_sum *sum, const struct ir_expr *load)
{
    struct ir_context *context = prefetching->context;
    uint32_t n = (uint32_t)prefetching->kernel->loops->n_indices;
    const struct poly *address = load->load.address;
    const struct loop_stmt *steps = steps_of(sum);
    int64_t run = run_of(prefetching, address, steps->loop.body), line = CACHE_LINE / (int64_t)bytes_of(load);
    int64_t lines = (run + line - 1) / line, ahead = (int64_t)ceil(AHEAD / sum->vectors);
    const struct poly **place = ARENA_ARRAY(prefetching->arena, n, const struct poly *);
    enum loop_buffer_kind kind = prefetching->kernel->loops->buffers[load->load.buffer].kind;
    if (!place || kind == LOOP_STACK || kind == LOOP_CONSTANT || step_along(prefetching, address, steps) != run ||
        (double)(lines * SPARE) > sum->vectors)
        return NULL;
    for (const struct loop_stmt *loop = steps->loop.body; loop->op == LOOP_FOR; loop = loop->loop.body)
        place[loop->loop.index] = poly_constant(context, 0);
    const struct poly *first = poly_substitute(context, address, n, place, NULL);
    struct loop_stmt *hints = NULL;
    for (int64_t k = 0; k < lines; k++)
        hints = loop_join(hints, loop_prefetch(context, load->load.buffer,
                                               poly_add(context, first, poly_constant(context, ahead * run + k * line))));
    return hints;
}

/* What is read again for each tile but pushed out of the first cache by the other factor in between. */
static struct loop_stmt *fetch_factors(struct prefetching *prefetching, const struct tile_sum *sum)
{
    const struct loop_stmt *tiles = prefetching->loops[prefetching->n_loops - 1];
    const struct ir_expr *const *factors = sum->store->store.value->arguments;
    double l1 = (double)prefetching->kernel->options->machine.l1_bytes;
    double both = bytes_in_tile(prefetching, sum, factors[0]) + bytes_in_tile(prefetching, sum, factors[1]);
    struct loop_stmt *hints = NULL;
    if (l1 <= 0 || both <= l1)
        return NULL;
    for (int k = 0; k < 2; k++)
        if (!poly_uses_index(factors[k]->load.address, tiles->loop.index))
            hints = loop_join(hints, fetch_factor(prefetching, sum, factors[k]));
    return hints;
}

/* ---- factors that are read from memory, each element once or a few times ---- */

/* The elements that a step of an open loop covers of the buffer, if these are nearly all between it and the next step. */
static bool is_covered(const struct prefetching *prefetching, const struct tile_sum *sum, const struct poly *address, size_t around,
                       int64_t step)
{
    const struct loop_stmt *loop = around + 1 < prefetching->n_loops ? prefetching->loops[around + 1] : sum->loops[0];
    int64_t count = 1, span = 1;
    for (size_t k = around + 1; loop->op == LOOP_FOR;) {
        int64_t extent = constant_extent(loop), move = step_along(prefetching, address, loop);
        if (move == MOST_ELEMENTS || (move > 0 && (extent == 0 || extent > MOST_ELEMENTS / count)))
            return false;
        count *= move > 0 ? extent : 1;
        span += move > 0 ? move * (extent - 1) : 0;
        k++;
        loop = k < prefetching->n_loops ? prefetching->loops[k] : k == prefetching->n_loops ? sum->loops[0] : loop->loop.body;
    }
    return span <= step && 4 * count >= 3 * step;
}

/* How often the loops inside of this one come to the sum, and the number of the time; 0: not known. */
static int64_t times_within(struct prefetching *prefetching, size_t around, const struct poly **number)
{
    struct ir_context *context = prefetching->context;
    int64_t times = 1;
    *number = poly_constant(context, 0);
    for (size_t k = around + 1; k < prefetching->n_loops; k++) {
        const struct loop_stmt *loop = prefetching->loops[k];
        int64_t extent = constant_extent(loop);
        if (extent == 0 || extent > MOST_ELEMENTS / times)
            return 0;
        times *= extent;
        *number = poly_add(context, poly_scale(context, *number, extent), poly_index(context, loop->loop.index));
    }
    return times;
}

/* Hints for the lines of some step of the open loop that lies ahead, a share of them each time that the sum is come to. */
static struct loop_stmt *fetch_step(struct prefetching *prefetching, const struct tile_sum *sum, const struct ir_expr *load,
                                    size_t around, int64_t step)
{
    struct ir_context *context = prefetching->context;
    struct loop_function *function = prefetching->kernel->loops;
    int64_t bytes = (int64_t)bytes_of(load), line = CACHE_LINE / bytes, ahead = (STREAM_AHEAD / bytes + step - 1) / step;
    const struct poly *number;
    int64_t times = times_within(prefetching, around, &number);
    const struct poly **place = ARENA_ARRAY(prefetching->arena, function->n_indices, const struct poly *);
    uint32_t index = place && times ? loop_add_index(context, function, "line") : UINT32_MAX;
    if (index == UINT32_MAX)
        return NULL;
    int64_t lines = ((step + line - 1) / line + times - 1) / times;
    const struct loop_stmt *outer = prefetching->loops[around];
    place[outer->loop.index] = poly_add(context, poly_index(context, outer->loop.index), poly_constant(context, ahead));
    for (size_t k = around + 1; k < prefetching->n_loops; k++)
        place[prefetching->loops[k]->loop.index] = poly_constant(context, 0);
    for (const struct loop_stmt *loop = sum->loops[0]; loop->op == LOOP_FOR; loop = loop->loop.body)
        place[loop->loop.index] = poly_constant(context, 0);
    const struct poly *first = poly_substitute(context, load->load.address, (uint32_t)function->n_indices - 1, place, NULL);
    const struct poly *at = poly_add(context, poly_scale(context, number, lines), poly_index(context, index));
    struct loop_stmt *hint = loop_prefetch(context, load->load.buffer, poly_add(context, first, poly_scale(context, at, line)));
    if (!hint)
        return NULL;
    hint->prefetch.far = true;
    return loop_for(context, LOOP_SERIAL, index, poly_constant(context, 0), poly_constant(context, lines), hint);
}

/* What is read straight on in the long run, step by step of some loop, but here and there within a step: no hardware follows. */
static struct loop_stmt *fetch_stream(struct prefetching *prefetching, const struct tile_sum *sum, const struct ir_expr *load)
{
    const struct machine *machine = &prefetching->kernel->options->machine;
    const struct loop_buffer *buffer = &prefetching->kernel->loops->buffers[load->load.buffer];
    double count = poly_estimate(buffer->count, ir_typical_sizes(prefetching->context), NULL);
    double caches = fmax((double)machine->l2_bytes, (double)machine->l3_bytes);
    int64_t most = machine->l1_bytes / 2 / (int64_t)bytes_of(load);
    if (buffer->kind != LOOP_INPUT || prefetching->asked[load->load.buffer] || caches <= 0 || count * bytes_of(load) <= caches)
        return NULL;
    for (size_t k = prefetching->n_loops - 1; k-- > 0;) { /* within a step of the innermost hardware follows */
        int64_t step = step_along(prefetching, load->load.address, prefetching->loops[k]);
        if (step > most || step == MOST_ELEMENTS)
            return NULL;
        if (step > 0 && is_covered(prefetching, sum, load->load.address, k, step))
            return fetch_step(prefetching, sum, load, k, step);
    }
    return NULL;
}

/* ---- the result ---- */

/* The first store to memory of the list, with the list of loops around it. */
static const struct loop_stmt *find_result(const struct prefetching *prefetching, const struct loop_stmt *list,
                                           const struct loop_stmt **loops)
{
    for (; list; list = list->next) {
        const struct loop_stmt *inner = list, *found;
        while (inner->op == LOOP_FOR && constant_extent(inner) > 0 && !inner->loop.body->next)
            inner = inner->loop.body;
        *loops = list;
        if (inner->op == LOOP_STORE && prefetching->kernel->loops->buffers[inner->store.buffer].kind != LOOP_STACK)
            return inner;
        if (list->op == LOOP_IF && (found = find_result(prefetching, list->branch.body, loops)))
            return found;
    }
    return NULL;
}

/* The loop whose next step is the next tile: the innermost that moves the result and has some steps. */
static const struct loop_stmt *next_tiles(const struct prefetching *prefetching, const struct poly *address)
{
    for (size_t k = prefetching->n_loops; k-- > 0;) {
        const struct loop_stmt *loop = prefetching->loops[k];
        if (poly_uses_index(address, loop->loop.index) && typical_extent(prefetching, loop) >= FEWEST_TILES)
            return loop;
    }
    return NULL;
}

/* Rows of the result in a tile; 0: they do not lie so. */
static int64_t count_rows(const struct prefetching *prefetching, const struct loop_stmt *loops, const struct poly *address,
                          int64_t run)
{
    int64_t rows = 1;
    for (const struct loop_stmt *loop = loops; loop->op == LOOP_FOR; loop = loop->loop.body) {
        int64_t extent = constant_extent(loop), step = step_along(prefetching, address, loop);
        if (step == 0 || extent > MOST_ELEMENTS / rows)
            return 0;
        rows *= step < run ? 1 : extent;
    }
    return rows;
}

/* In `place` the row that stands at this number. */
static void place_row(struct prefetching *prefetching, const struct loop_stmt *loops, const struct poly *address, int64_t run,
                      const struct poly *number, const struct poly_ranges *ranges, const struct poly **place)
{
    struct ir_context *context = prefetching->context;
    int64_t before = 1;
    for (const struct loop_stmt *loop = loops; loop->op == LOOP_FOR; loop = loop->loop.body) {
        int64_t extent = constant_extent(loop);
        place[loop->loop.index] = poly_constant(context, 0);
        if (step_along(prefetching, address, loop) < run)
            continue;
        const struct poly *left = poly_floor_div(context, number, poly_constant(context, before), ranges);
        place[loop->loop.index] = poly_mod(context, left, poly_constant(context, extent), ranges);
        before *= extent;
    }
}

/* Hints for `run` elements side by side. */
static struct loop_stmt *fetch_run(struct ir_context *context, uint32_t buffer, const struct poly *first, int64_t run, int64_t line)
{
    struct loop_stmt *hints = NULL;
    for (int64_t k = 0; k < run; k += line)
        hints = loop_join(hints, loop_prefetch(context, buffer, poly_add(context, first, poly_constant(context, k))));
    if (poly_equals(poly_mod(context, first, poly_constant(context, line), NULL), 0))
        return hints;
    return loop_join(hints, loop_prefetch(context, buffer, poly_add(context, first, poly_constant(context, run - 1))));
}

/* The lines of the next tile's result, a row of them in each of the first steps of this loop. */
static struct loop_stmt *fetch_rows(struct prefetching *prefetching, const struct loop_stmt *steps, const struct loop_stmt *loops,
                                    const struct loop_stmt *store, const struct loop_stmt *tiles)
{
    struct ir_context *context = prefetching->context;
    struct loop_function *function = prefetching->kernel->loops;
    const struct poly *address = store->store.address, *number = poly_index(context, steps->loop.index);
    int64_t run = run_of(prefetching, address, loops), rows = count_rows(prefetching, loops, address, run);
    int64_t line = CACHE_LINE / (int64_t)ir_elem_info(function->buffers[store->store.buffer].elem)->bytes;
    const struct poly **place = ARENA_ARRAY(prefetching->arena, function->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(prefetching->arena, function->n_indices, const struct poly *);
    if (!place || !extents || rows == 0 || typical_extent(prefetching, steps) < (double)rows)
        return NULL;
    extents[steps->loop.index] = poly_constant(context, rows);
    const struct poly_ranges ranges = {(uint32_t)function->n_indices, extents};
    place_row(prefetching, loops, address, run, number, &ranges, place);
    place[tiles->loop.index] = poly_add(context, poly_index(context, tiles->loop.index), poly_constant(context, 1));
    const struct poly *first = poly_substitute(context, address, (uint32_t)function->n_indices, place, &ranges);
    const struct poly *condition = poly_subtract(context, poly_constant(context, rows - 1), number);
    struct loop_stmt *hints = fetch_run(context, store->store.buffer, first, run, line);
    return hints ? loop_if(context, 1, &condition, hints, NULL) : NULL;
}

/* What is stored behind the sum, to more memory than the second cache holds and not past it: in the innermost loop over k that has
 * a step a row. */
static void fetch_result(struct prefetching *prefetching, const struct tile_sum *sum, const struct loop_stmt *behind)
{
    const struct loop_function *function = prefetching->kernel->loops;
    const struct loop_stmt *loops, *store = find_result(prefetching, behind, &loops);
    const struct loop_stmt *tiles = store ? next_tiles(prefetching, store->store.address) : NULL;
    if (!tiles || store->store.streams || prefetching->asked[store->store.buffer])
        return;
    const struct loop_buffer *buffer = &function->buffers[store->store.buffer];
    double l2 = (double)prefetching->kernel->options->machine.l2_bytes;
    double count = poly_estimate(buffer->count, ir_typical_sizes(prefetching->context), NULL);
    if (l2 <= 0 || count * (double)ir_elem_info(buffer->elem)->bytes <= l2)
        return;
    for (size_t k = sum->n_loops; k-- > 0;) {
        struct loop_stmt *steps = sum->loops[k], *hints = fetch_rows(prefetching, steps, loops, store, tiles);
        if (!hints)
            continue;
        steps->loop.body = loop_join(hints, steps->loop.body);
        return;
    }
}

/* ---- the function ---- */

/* Puts hints into a sum and, for what is read of memory later, behind it. */
static void prefetch_sum(struct prefetching *prefetching, const struct tile_sum *sum, struct loop_stmt *loop)
{
    const struct ir_expr *const *factors = sum->store->store.value->arguments;
    struct loop_stmt *steps = steps_of(sum), *far = NULL;
    for (int k = 0; k < 2; k++)
        far = loop_join(far, fetch_stream(prefetching, sum, factors[k]));
    if (steps->loop.kind == LOOP_SERIAL) {
        struct loop_stmt *near = fetch_factors(prefetching, sum);
        fetch_result(prefetching, sum, loop->next);
        steps->loop.body = loop_join(near, steps->loop.body);
    }
    loop->next = loop_join(far, loop->next);
}

static bool prefetch_list(struct prefetching *prefetching, struct loop_stmt *list);

/* Where the stages of a chain ask for rows, nothing inside of them does. */
static bool prefetch_loop(struct prefetching *prefetching, struct loop_stmt *loop)
{
    bool *asked = prefetching->asked;
    prefetching->asked = arena_copy(prefetching->arena, asked, prefetching->kernel->loops->n_buffers + 1, sizeof *asked);
    if (!prefetching->asked || !prefetch_rows(prefetching->kernel, loop, prefetching->asked) ||
        !prefetch_chain(prefetching, loop) ||
        !ARENA_PUSH(prefetching->arena, prefetching->loops, prefetching->n_loops, prefetching->capacity, loop))
        return false;
    bool fine = prefetch_list(prefetching, loop->loop.body);
    prefetching->n_loops--;
    prefetching->asked = asked;
    return fine;
}

static bool prefetch_list(struct prefetching *prefetching, struct loop_stmt *list)
{
    bool fine = true;
    for (; list && fine; list = list->next) {
        struct tile_sum sum;
        if (prefetching->n_loops && read_sum(prefetching, list, &sum)) {
            prefetch_sum(prefetching, &sum, list);
        } else if (list->op == LOOP_FOR) {
            fine = prefetch_loop(prefetching, list);
        } else if (list->op == LOOP_BLOCK) {
            fine = prefetch_list(prefetching, list->block);
        } else if (list->op == LOOP_IF) {
            fine = prefetch_list(prefetching, list->branch.body) && prefetch_list(prefetching, list->branch.otherwise);
        }
    }
    return fine;
}

enum einc_status pass_prefetch(struct pass_kernel *kernel)
{
    struct prefetching prefetching = {.kernel = kernel, .context = kernel->context, .arena = ir_arena(kernel->context)};
    prefetching.asked = ARENA_ARRAY(prefetching.arena, kernel->loops->n_buffers + 1, bool);
    if (!prefetching.asked || !prefetch_list(&prefetching, kernel->loops->body))
        return EINC_NO_MEMORY;
    return arena_failed(prefetching.arena) ? EINC_NO_MEMORY : EINC_OK;
}
