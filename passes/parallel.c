/* Chooses the loops that run on several threads, one at most on the way from the function to a statement.
 *
 * For every list of statements two times are estimated: on one thread, and the best with parallel loops in it. A loop that is made
 * parallel takes what starting a team of threads costs, and the time of so many iterations as the busiest thread has; it is chosen
 * where that is less than the best with parallel loops inside of it. So the outermost loop wins that has iterations enough, work is
 * shared out evenly if any loop does that, and small work stays on one thread. The estimate knows operations and what is read and
 * written beside registers, at the machine's rates: good to a small factor, which is all that is asked here.
 *
 * What was chosen is then proved independent (loop_is_independent); where that fails the loop is refused and the choice made anew.
 * Small arrays and scratch of a parallel loop alone become private (private_buffers.c). Each element is computed as on one thread,
 * so results do not depend on the number of threads. */
#include "parallel.h"

#include <math.h>

#define WORTHWHILE 0.9 /* of the time on one thread, at most */

struct choosing {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct arena *arena;
    double *middles;               /* by index: its middle value while its loop is open */
    const struct poly **extents;   /* and the end of that loop */
    const struct loop_stmt **near; /* open loops within a tile or vector: registers hold what they do not move */
    size_t n_near, near_capacity;
    const struct loop_stmt **refused; /* loops that were not proved */
    size_t n_refused, refused_capacity;
    struct gain *gains; /* of loops that were made parallel, some for a while */
    size_t n_gains, gains_capacity;
    bool only_times; /* statements are timed as they are, no loop is made parallel */
};

struct gain {
    const struct loop_stmt *loop;
    double iterations, speedup;
};

struct seconds {
    double alone, best;
};

/* ---- how long statements take ---- */

static double value_at(const struct choosing *choosing, const struct poly *poly)
{
    return poly_estimate(poly, ir_typical_sizes(choosing->context), choosing->middles);
}

static double iterations(const struct choosing *choosing, const struct loop_stmt *loop)
{
    double end = value_at(choosing, loop->loop.end);
    if (loop->loop.limit)
        end = fmin(end, value_at(choosing, loop->loop.limit));
    return fmax(end - value_at(choosing, loop->loop.begin), 0);
}

/* Iterations of the loops within a tile that move a place; NULL: of all. */
static double near_iterations(const struct choosing *choosing, const struct poly *address)
{
    double count = 1;
    for (size_t k = 0; k < choosing->n_near; k++)
        if (!address || poly_uses_index(address, choosing->near[k]->loop.index))
            count *= iterations(choosing, choosing->near[k]);
    return count;
}

static double place_seconds(const struct choosing *choosing, uint32_t buffer, const struct poly *address)
{
    const struct loop_buffer *info = &choosing->kernel->loops->buffers[buffer];
    if (info->kind == LOOP_STACK || info->by_value)
        return 0;
    double bytes = (double)ir_elem_info(info->elem)->bytes;
    return bytes * near_iterations(choosing, address) / choosing->kernel->options->machine.l2_rate;
}

static double value_seconds(const struct choosing *choosing, const struct ir_expr *value, enum ir_expr_op combine)
{
    const struct machine *machine = &choosing->kernel->options->machine;
    int64_t functions = 0, flops = ir_expr_flops(choosing->context, value, &functions) + (combine != IR_EXPR_OP_COUNT);
    size_t bytes = ir_elem_info(value->elem)->bytes;
    const struct ir_kernel *source = choosing->kernel->loops->kernel;
    bool in_vectors = !source || source->numeric_class != IR_CLASS_EXACT;
    double seconds =
        (double)flops / machine_flop_rate(machine, bytes) + (double)functions / machine_function_rate(machine, bytes, in_vectors);
    seconds *= near_iterations(choosing, NULL);
    size_t count;
    const struct ir_expr **order = ir_expr_topological(choosing->context, value, &count);
    for (size_t k = 0; order && k < count; k++)
        if (order[k]->op == IR_EXPR_load)
            seconds += place_seconds(choosing, order[k]->load.buffer, order[k]->load.address);
    return seconds;
}

static struct seconds list_seconds(struct choosing *choosing, struct loop_stmt *list);

static bool is_refused(const struct choosing *choosing, const struct loop_stmt *loop)
{
    for (size_t k = 0; k < choosing->n_refused; k++)
        if (choosing->refused[k] == loop)
            return true;
    return false;
}

static bool ends_move(const struct loop_stmt *list, uint32_t index)
{
    for (; list; list = list->next)
        if ((list->op == LOOP_FOR && (poly_uses_index(list->loop.begin, index) || poly_uses_index(list->loop.end, index) ||
                                      ends_move(list->loop.body, index))) ||
            (list->op == LOOP_BLOCK && ends_move(list->block, index)) ||
            (list->op == LOOP_IF && (ends_move(list->branch.body, index) || ends_move(list->branch.otherwise, index))))
            return true;
    return false;
}

static void unmark(struct loop_stmt *list)
{
    for (; list; list = list->next) {
        if (list->op == LOOP_FOR) {
            list->loop.kind = list->loop.kind == LOOP_PARALLEL ? LOOP_SERIAL : list->loop.kind;
            unmark(list->loop.body);
        } else if (list->op == LOOP_BLOCK) {
            unmark(list->block);
        } else if (list->op == LOOP_IF) {
            unmark(list->branch.body);
            unmark(list->branch.otherwise);
        }
    }
}

static double time_at(struct choosing *choosing, struct loop_stmt *loop, double index)
{
    double middle = choosing->middles[loop->loop.index];
    choosing->middles[loop->loop.index] = index;
    choosing->only_times = true;
    double seconds = list_seconds(choosing, loop->loop.body).alone;
    choosing->only_times = false;
    choosing->middles[loop->loop.index] = middle;
    return seconds;
}

/* How much longer than the middle iteration, which takes `once`, those of the busiest thread take on the average, where they grow
 * or shrink from the first to the last, as those of a triangle do. */
static double unevenness(struct choosing *choosing, struct loop_stmt *loop, double count, double once)
{
    if (once <= 0 || !ends_move(loop->loop.body, loop->loop.index))
        return 1;
    double longest = fmax(time_at(choosing, loop, 0), time_at(choosing, loop, fmax(count - 1, 0)));
    return 1 + fmax(longest / once - 1, 0) * (1 - 1 / (double)choosing->kernel->options->threads);
}

/* Makes the loop parallel if that takes less than `best`. */
static double try_parallel(struct choosing *choosing, struct loop_stmt *loop, double count, double once, double best)
{
    const struct pass_options *options = choosing->kernel->options;
    double shares = ceil(count / (double)options->threads);
    if (choosing->only_times || loop->loop.kind != LOOP_SERIAL || loop->loop.limit || !poly_equals(loop->loop.begin, 0) ||
        is_refused(choosing, loop))
        return best;
    double seconds = 1 / options->machine.team_rate + shares * once * unevenness(choosing, loop, count, once);
    if (seconds >= WORTHWHILE * count * once || seconds >= best || loop_can_fail(loop->loop.body))
        return best;
    struct gain gain = {loop, count, count * once / seconds};
    if (!ARENA_PUSH(choosing->arena, choosing->gains, choosing->n_gains, choosing->gains_capacity, gain))
        return best;
    unmark(loop->loop.body);
    loop->loop.kind = LOOP_PARALLEL;
    return seconds;
}

static struct seconds loop_seconds(struct choosing *choosing, struct loop_stmt *loop)
{
    double count = iterations(choosing, loop);
    bool is_near = loop->loop.kind == LOOP_UNROLLED || loop->loop.kind == LOOP_VECTOR || choosing->n_near > 0;
    choosing->middles[loop->loop.index] = value_at(choosing, loop->loop.begin) + fmax(count - 1, 0) / 2;
    if (is_near && !ARENA_PUSH(choosing->arena, choosing->near, choosing->n_near, choosing->near_capacity, loop))
        return (struct seconds){0};
    struct seconds once = list_seconds(choosing, loop->loop.body);
    choosing->n_near -= is_near;
    if (is_near) /* counted with its statements */
        return once;
    struct seconds all = {count * once.alone, count * once.best};
    all.best = try_parallel(choosing, loop, count, once.alone, all.best);
    return all;
}

static struct seconds statement_seconds(struct choosing *choosing, struct loop_stmt *stmt)
{
    struct seconds seconds = {0}, other = {0};
    switch (stmt->op) {
    case LOOP_FOR:
        return loop_seconds(choosing, stmt);
    case LOOP_STORE:
        seconds.alone = value_seconds(choosing, stmt->store.value, stmt->store.combine) +
                        place_seconds(choosing, stmt->store.buffer, stmt->store.address);
        break;
    case LOOP_DEFINE:
        seconds.alone = value_seconds(choosing, stmt->local.value, IR_EXPR_OP_COUNT);
        break;
    case LOOP_SET:
        seconds.alone = value_seconds(choosing, stmt->local.value, stmt->local.combine);
        break;
    case LOOP_IF:
        seconds = list_seconds(choosing, stmt->branch.body);
        other = list_seconds(choosing, stmt->branch.otherwise);
        return (struct seconds){fmax(seconds.alone, other.alone), fmax(seconds.best, other.best)};
    case LOOP_BLOCK:
        return list_seconds(choosing, stmt->block);
    case LOOP_CHECK:
    case LOOP_PREFETCH:
    case LOOP_COMMENT:
        break;
    }
    seconds.best = seconds.alone;
    return seconds;
}

static struct seconds list_seconds(struct choosing *choosing, struct loop_stmt *list)
{
    struct seconds sum = {0};
    for (; list; list = list->next) {
        struct seconds one = statement_seconds(choosing, list);
        sum.alone += one.alone;
        sum.best += one.best;
    }
    return sum;
}

/* ---- proving what was chosen ---- */

/* False: some loop was refused, or there is no memory. */
static bool prove_list(struct choosing *choosing, const struct loop_stmt *list);

static bool prove_loop(struct choosing *choosing, const struct loop_stmt *loop)
{
    struct loop_function *function = choosing->kernel->loops;
    const struct poly_ranges around = {(uint32_t)function->n_indices, choosing->extents};
    if (loop->loop.kind != LOOP_PARALLEL) {
        choosing->extents[loop->loop.index] = loop->loop.end;
        bool proved = prove_list(choosing, loop->loop.body);
        choosing->extents[loop->loop.index] = NULL;
        return proved;
    }
    if (!parallel_make_private(choosing->kernel, loop, false))
        return false;
    if (poly_prove_nonnegative(choosing->context, loop->loop.end, &around) &&
        loop_is_independent(choosing->context, function, loop, &around))
        return true;
    (void)parallel_make_private(choosing->kernel, loop, true);
    (void)ARENA_PUSH(choosing->arena, choosing->refused, choosing->n_refused, choosing->refused_capacity, loop);
    return false;
}

static bool prove_list(struct choosing *choosing, const struct loop_stmt *list)
{
    bool proved = true;
    for (; list; list = list->next)
        if (list->op == LOOP_FOR) {
            proved &= prove_loop(choosing, list);
        } else if (list->op == LOOP_BLOCK) {
            proved &= prove_list(choosing, list->block);
        } else if (list->op == LOOP_IF) {
            proved &= prove_list(choosing, list->branch.body);
            proved &= prove_list(choosing, list->branch.otherwise);
        }
    return proved;
}

/* ---- for `explain` ---- */

struct stored {
    const struct loop_function *function;
    uint32_t buffer;
};

static void note_stored(void *user, const struct loop_access *access)
{
    struct stored *stored = user;
    if (stored->buffer == UINT32_MAX && access->does != LOOP_READS && !stored->function->buffers[access->buffer].is_private)
        stored->buffer = access->buffer;
}

static bool note_gains(const struct choosing *choosing)
{
    struct pass_kernel *kernel = choosing->kernel;
    struct loop_function *function = kernel->loops;
    for (size_t k = 0; k < choosing->n_gains; k++) {
        const struct loop_stmt *loop = choosing->gains[k].loop;
        struct stored stored = {function, UINT32_MAX};
        if (loop->loop.kind != LOOP_PARALLEL)
            continue;
        if (!loop_visit_accesses(choosing->context, function, loop->loop.body, note_stored, &stored))
            return false;
        struct pass_parallel_loop note = {.tensor = stored.buffer == UINT32_MAX ? "" : function->buffers[stored.buffer].name,
                                          .index = function->indices[loop->loop.index].name,
                                          .role = loop_role_names[loop->loop.role],
                                          .iterations = choosing->gains[k].iterations,
                                          .speedup = choosing->gains[k].speedup};
        if (!ARENA_PUSH(choosing->arena, kernel->parallels, kernel->n_parallels, kernel->parallels_capacity, note))
            return false;
    }
    return true;
}

static void forget_private(struct loop_function *function)
{
    for (size_t k = 0; k < function->n_buffers; k++)
        function->buffers[k].is_private = false;
}

enum einc_status pass_parallel(struct pass_kernel *kernel)
{
    struct loop_function *function = kernel->loops;
    struct choosing choosing = {.kernel = kernel, .context = kernel->context, .arena = ir_arena(kernel->context)};
    if (kernel->options->threads == 0)
        return EINC_OK;
    function->threads = (uint32_t)kernel->options->threads;
    choosing.middles = ARENA_ARRAY(choosing.arena, function->n_indices, double);
    choosing.extents = ARENA_ARRAY(choosing.arena, function->n_indices, const struct poly *);
    do {
        if (arena_failed(choosing.arena))
            return EINC_NO_MEMORY;
        unmark(function->body);
        forget_private(function);
        choosing.n_gains = 0;
        (void)list_seconds(&choosing, function->body);
    } while (!prove_list(&choosing, function->body));
    return note_gains(&choosing) ? EINC_OK : EINC_NO_MEMORY;
}
