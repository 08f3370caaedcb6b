/* Places scratch buffers: small ones of constant size that no hint asks for become local arrays, the rest get offsets in one
 * workspace.
 *
 * A buffer lives from the first stage that touches it to the last; one that is touched inside a loop around several stages and
 * outside it too lives as long as the whole loop, since the loop comes back. Buffers are placed in order of first touch, each at
 * the lowest offset where it overlaps no placed buffer that lives at the same time ("first fit by life"), best fit among holes of
 * known size. A run-time size takes part when the comparison is proved; what cannot be proved is placed behind everything known.
 * Every offset is a multiple of ALIGNMENT, on freestanding machines of the element's size, so that no byte is lost; the workspace's
 * size is the largest end. Private buffers are placed in the same way in a part of their own, which each thread has.
 *
 * All local arrays of a function together have what the machine says at most (16 KiB is what a small thread stack can always bear),
 * each a quarter of that. */
#include "passes.h"

enum { ALIGNMENT = 64, STACK_SHARE = 4 };

struct life {
    uint32_t buffer;
    size_t first, last;       /* numbers of top-level statements; first SIZE_MAX: never touched */
    const struct poly *bytes; /* rounded up to its alignment */
    const struct poly *end;   /* offset + bytes, once placed */
    bool is_prefetched;       /* and so no local array, which may be registers */
};

/* A loop around the stages [first, last]. */
struct round {
    size_t first, last;
};

struct planning {
    struct ir_context *context;
    struct arena *arena;
    struct loop_function *function;
    int64_t stack_bytes;
    bool is_dense;      /* nothing is aligned to more than its elements are */
    struct life *lives; /* by buffer */
    size_t now;         /* number of the stage being walked */
    struct round *rounds;
    size_t n_rounds, rounds_capacity;
};

/* ---- lives ---- */

static void touch(struct planning *planning, uint32_t buffer)
{
    struct life *life = &planning->lives[buffer];
    if (life->first == SIZE_MAX)
        life->first = planning->now;
    life->last = planning->now;
}

static void touch_lookup(void *user, const struct poly_atom *lookup)
{
    struct planning *planning = user;
    uint32_t buffer = loop_table_buffer(planning->function, lookup->table);
    if (buffer != UINT32_MAX)
        touch(planning, buffer);
}

/* The buffers that an address, extent or condition looks up. */
static void touch_poly(struct planning *planning, const struct poly *poly)
{
    poly_visit_lookups(poly, touch_lookup, planning);
}

static bool touch_expr(struct planning *planning, const struct ir_expr *value)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(planning->context, value, &count);
    for (size_t k = 0; order && k < count; k++) {
        if (order[k]->op == IR_EXPR_load) {
            touch(planning, order[k]->load.buffer);
            touch_poly(planning, order[k]->load.address);
        }
        if (order[k]->op == IR_EXPR_index)
            touch_poly(planning, order[k]->index);
    }
    return order != NULL;
}

static bool holds_stages(const struct loop_stmt *list)
{
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next)
        if (stmt->op == LOOP_BLOCK || (stmt->op == LOOP_FOR && holds_stages(stmt->loop.body)))
            return true;
    return false;
}

static bool touch_statements(struct planning *planning, const struct loop_stmt *list);

/* A loop around stages: they are numbered on, and the loop is remembered. */
static bool touch_round(struct planning *planning, const struct loop_stmt *loop)
{
    struct round round = {++planning->now, 0}; /* what stands before the first stage comes round, too */
    if (!touch_statements(planning, loop->loop.body))
        return false;
    round.last = planning->now++;
    return ARENA_PUSH(planning->arena, planning->rounds, planning->n_rounds, planning->rounds_capacity, round);
}

static bool touch_statements(struct planning *planning, const struct loop_stmt *list)
{
    bool fine = true;
    for (const struct loop_stmt *stmt = list; stmt && fine; stmt = stmt->next)
        switch (stmt->op) {
        case LOOP_FOR:
            touch_poly(planning, stmt->loop.begin);
            touch_poly(planning, stmt->loop.end);
            if (stmt->loop.limit)
                touch_poly(planning, stmt->loop.limit);
            fine = holds_stages(stmt->loop.body) ? touch_round(planning, stmt) : touch_statements(planning, stmt->loop.body);
            break;
        case LOOP_STORE:
            touch(planning, stmt->store.buffer);
            touch_poly(planning, stmt->store.address);
            fine = touch_expr(planning, stmt->store.value);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            fine = touch_expr(planning, stmt->local.value);
            break;
        case LOOP_CHECK:
        case LOOP_IF:
            for (uint32_t k = 0; k < stmt->branch.n_conditions; k++)
                touch_poly(planning, stmt->branch.conditions[k]);
            fine = touch_statements(planning, stmt->branch.body) && touch_statements(planning, stmt->branch.otherwise);
            break;
        case LOOP_BLOCK:
            planning->now++;
            fine = touch_statements(planning, stmt->block);
            break;
        case LOOP_PREFETCH: /* keeps nothing alive */
            planning->lives[stmt->prefetch.buffer].is_prefetched = true;
            touch_poly(planning, stmt->prefetch.address);
            break;
        case LOOP_COMMENT:
            break;
        }
    return fine;
}

/* Lives that reach into a loop from outside, or out of it, span it all; an enclosing loop comes after those inside it. */
static void extend_lives(struct planning *planning)
{
    for (size_t r = 0; r < planning->n_rounds; r++)
        for (size_t k = 0; k < planning->function->n_buffers; k++) {
            struct life *life = &planning->lives[k];
            struct round round = planning->rounds[r];
            if (life->first == SIZE_MAX || life->last < round.first || life->first > round.last ||
                (life->first >= round.first && life->last <= round.last))
                continue;
            life->first = life->first < round.first ? life->first : round.first;
            life->last = life->last > round.last ? life->last : round.last;
        }
}

static int64_t alignment_of(const struct planning *planning, const struct loop_buffer *buffer)
{
    return planning->is_dense ? (int64_t)ir_elem_info(buffer->elem)->bytes : ALIGNMENT;
}

/* A run-time size is not divided but given room for the rounding. */
static const struct poly *rounded_up(struct planning *planning, const struct poly *bytes, int64_t alignment)
{
    struct ir_context *context = planning->context;
    int64_t constant;
    if (bytes && poly_is_constant(bytes, &constant))
        return constant > INT64_MAX - alignment ? NULL : poly_constant(context, (constant + alignment - 1) / alignment * alignment);
    const struct poly *unit = poly_constant(context, alignment);
    const struct poly *blocks =
        poly_floor_div(context, poly_add(context, bytes, poly_constant(context, alignment - 1)), unit, NULL);
    return poly_multiply(context, blocks, unit);
}

static const struct poly *rounded_bytes(struct planning *planning, const struct loop_buffer *buffer)
{
    return rounded_up(planning, poly_scale(planning->context, buffer->count, (int64_t)ir_elem_info(buffer->elem)->bytes),
                      alignment_of(planning, buffer));
}

static bool find_lives(struct planning *planning)
{
    struct loop_function *function = planning->function;
    planning->lives = ARENA_ARRAY(planning->arena, function->n_buffers, struct life);
    for (uint32_t k = 0; planning->lives && k < function->n_buffers; k++) {
        planning->lives[k] = (struct life){.buffer = k, .first = SIZE_MAX};
        if (function->buffers[k].kind == LOOP_SCRATCH &&
            !(planning->lives[k].bytes = rounded_bytes(planning, &function->buffers[k])))
            return false;
    }
    if (!planning->lives)
        return false;
    if (!touch_statements(planning, function->body))
        return false;
    extend_lives(planning);
    return true;
}

/* ---- placing ---- */

static void move_to_stack(struct planning *planning)
{
    int64_t total = 0, bytes;
    for (size_t k = 0; k < planning->function->n_buffers; k++) {
        struct loop_buffer *buffer = &planning->function->buffers[k];
        if (planning->lives[k].first == SIZE_MAX)
            buffer->offset = poly_constant(planning->context, 0); /* nothing is there: it has no elements */
        if (buffer->kind != LOOP_SCRATCH || planning->lives[k].first == SIZE_MAX || planning->lives[k].is_prefetched ||
            !poly_is_constant(buffer->count, NULL) || !poly_is_constant(planning->lives[k].bytes, &bytes) ||
            bytes > planning->stack_bytes / STACK_SHARE || total + bytes > planning->stack_bytes)
            continue;
        buffer->kind = LOOP_STACK;
        total += bytes;
    }
}

static bool not_above(struct planning *planning, const struct poly *a, const struct poly *b)
{
    const struct poly *difference = poly_subtract(planning->context, b, a);
    return difference && poly_prove_nonnegative(planning->context, difference, NULL);
}

static bool live_together(const struct life *a, const struct life *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* In the same part of the workspace: the common one, or that of a thread. */
static bool placed_together(const struct planning *planning, const struct life *a, const struct life *b)
{
    const struct loop_buffer *buffers = planning->function->buffers;
    return b->end && buffers[a->buffer].is_private == buffers[b->buffer].is_private;
}

/* Is [offset, offset + bytes) proved free of all placed buffers that live at the same time? */
static bool is_free(struct planning *planning, const struct life *life, const struct poly *offset)
{
    const struct poly *end = poly_add(planning->context, offset, life->bytes);
    for (size_t k = 0; k < planning->function->n_buffers; k++) {
        const struct life *other = &planning->lives[k];
        const struct poly *begin = planning->function->buffers[k].offset;
        if (placed_together(planning, life, other) && live_together(life, other) && !not_above(planning, other->end, offset) &&
            !not_above(planning, end, begin))
            return false;
    }
    return end != NULL;
}

/* The lowest proved offset among 0 and the ends of placed buffers; where nothing is proved, behind the whole workspace. */
static bool place(struct planning *planning, struct life *life)
{
    struct loop_function *function = planning->function;
    const struct poly *best = poly_constant(planning->context, 0);
    int64_t alignment = alignment_of(planning, &function->buffers[life->buffer]);
    const struct poly **workspace = function->buffers[life->buffer].is_private ? &function->thread_workspace : &function->workspace;
    if (!best || !is_free(planning, life, best))
        best = NULL;
    for (size_t k = 0; k < function->n_buffers; k++) {
        if (!placed_together(planning, life, &planning->lives[k]))
            continue;
        const struct poly *candidate = rounded_up(planning, planning->lives[k].end, alignment);
        if (candidate && is_free(planning, life, candidate) && (!best || not_above(planning, candidate, best)))
            best = candidate;
    }
    if (!best)
        best = rounded_up(planning, *workspace, alignment);
    if (!best)
        return false;
    if (function->workspace_alignment < (uint32_t)alignment)
        function->workspace_alignment = (uint32_t)alignment;
    function->buffers[life->buffer].offset = best;
    life->end = poly_add(planning->context, best, life->bytes);
    if (!life->end)
        return false;
    if (!not_above(planning, life->end, *workspace)) {
        bool grows = not_above(planning, *workspace, life->end);
        /* neither is proved to be the larger: their sum is at least as large as both */
        *workspace = grows ? life->end : poly_add(planning->context, *workspace, life->end);
    }
    return *workspace != NULL;
}

/* At typical sizes where extents are run-time, as `order` has it. */
static enum einc_status keep_limit(struct pass_kernel *kernel)
{
    double limit = kernel->options ? (double)kernel->options->memory_limit : 0;
    const double *sizes = ir_typical_sizes(kernel->context);
    double bytes = poly_estimate(kernel->loops->workspace, sizes, NULL) +
                   kernel->loops->threads * poly_estimate(kernel->loops->thread_workspace, sizes, NULL);
    if (limit <= 0 || bytes <= limit)
        return EINC_OK;
    struct span span = kernel->kernel ? kernel->kernel->span : SPAN_NONE;
    struct diagnostics *diagnostics = ir_diagnostics(kernel->context);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0921, span, "`%s` needs more scratch than %.0f bytes", kernel->loops->name, limit);
    diag_label(diagnostics, diag, "its stored values need %.0f bytes together", bytes);
    diag_help(diagnostics, diag, "allow %.0f bytes, or split the kernel", bytes);
    return EINC_INVALID;
}

enum einc_status pass_plan_memory(struct pass_kernel *kernel)
{
    const struct machine *machine = kernel->options ? &kernel->options->machine : machine_generic();
    struct planning planning = {.context = kernel->context,
                                .arena = ir_arena(kernel->context),
                                .function = kernel->loops,
                                .stack_bytes = machine->stack_bytes,
                                .is_dense = machine->freestanding && !kernel->loops->threads};
    struct loop_function *function = kernel->loops;
    function->workspace = function->thread_workspace = poly_constant(kernel->context, 0);
    function->workspace_alignment = planning.is_dense ? 1 : ALIGNMENT;
    if (!function->workspace || !find_lives(&planning))
        return EINC_NO_MEMORY;
    move_to_stack(&planning);
    for (size_t time = 0; time <= planning.now; time++)
        for (size_t k = 0; k < function->n_buffers; k++)
            if (function->buffers[k].kind == LOOP_SCRATCH && planning.lives[k].first == time &&
                !place(&planning, &planning.lives[k]))
                return EINC_NO_MEMORY;
    return keep_limit(kernel);
}
