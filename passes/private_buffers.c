/* Finds the buffers of which each iteration of a parallel loop may have its own: small arrays and scratch that are used in that
 * loop alone, at places that it does not move, and written first.
 *
 * Written first means on every way through the body: behind a condition a buffer is written if both its branches write it, and
 * what only one of them uses has to be written first in that one. Loops are taken to run, as what reads the elements of a buffer
 * runs as far as what wrote them. */
#include "parallel.h"

struct use {
    size_t inside, all; /* accesses in the loop, in the function */
    bool is_moved;      /* by the loop, or looked up: where it is used is not the same in all iterations */
    bool is_read_first; /* on some way */
};

struct uses {
    struct pass_kernel *kernel;
    struct use *by_buffer;
    bool *written;  /* by buffer, on all ways to the statement visited */
    uint32_t index; /* of the loop */
};

static void count_access(void *user, const struct loop_access *access)
{
    struct uses *uses = user;
    uses->by_buffer[access->buffer].all++;
}

static void note_access(void *user, const struct loop_access *access)
{
    struct uses *uses = user;
    struct use *use = &uses->by_buffer[access->buffer];
    use->inside++;
    use->is_moved |= !access->address || poly_uses_index(access->address, uses->index);
    use->is_read_first |= access->does != LOOP_WRITES && !uses->written[access->buffer];
    uses->written[access->buffer] |= access->does == LOOP_WRITES;
}

static bool note_list(struct uses *uses, const struct loop_stmt *list);

static bool note_branches(struct uses *uses, const struct loop_stmt *stmt)
{
    struct arena *arena = ir_arena(uses->kernel->context);
    size_t n = uses->kernel->loops->n_buffers;
    bool *otherwise = arena_copy(arena, uses->written, n, sizeof *otherwise), *body = uses->written;
    if (!otherwise || !note_list(uses, stmt->branch.body))
        return false;
    uses->written = otherwise;
    bool fine = note_list(uses, stmt->branch.otherwise);
    uses->written = body;
    for (size_t k = 0; k < n; k++)
        body[k] &= otherwise[k];
    return fine;
}

/* What the statement itself uses: of a loop its bounds, of branches their conditions. */
static bool note_head(struct uses *uses, const struct loop_stmt *stmt)
{
    struct loop_stmt head = *stmt;
    head.next = NULL;
    if (head.op == LOOP_FOR)
        head.loop.body = NULL;
    if (head.op == LOOP_IF)
        head.branch.body = head.branch.otherwise = NULL;
    if (head.op == LOOP_BLOCK)
        head.block = NULL;
    return loop_visit_accesses(uses->kernel->context, uses->kernel->loops, &head, note_access, uses);
}

static bool note_list(struct uses *uses, const struct loop_stmt *list)
{
    bool fine = true;
    for (; list && fine; list = list->next) {
        fine = note_head(uses, list);
        if (list->op == LOOP_FOR)
            fine = fine && note_list(uses, list->loop.body);
        if (list->op == LOOP_IF)
            fine = fine && note_branches(uses, list);
        if (list->op == LOOP_BLOCK)
            fine = fine && note_list(uses, list->block);
    }
    return fine;
}

bool parallel_make_private(struct pass_kernel *kernel, const struct loop_stmt *loop, bool undo)
{
    struct loop_function *function = kernel->loops;
    struct arena *arena = ir_arena(kernel->context);
    struct uses uses = {.kernel = kernel, .index = loop->loop.index};
    uses.by_buffer = ARENA_ARRAY(arena, function->n_buffers, struct use);
    uses.written = ARENA_ARRAY(arena, function->n_buffers, bool);
    if (!uses.by_buffer || !uses.written || !loop_visit_accesses(kernel->context, function, function->body, count_access, &uses) ||
        !note_list(&uses, loop->loop.body))
        return false;
    for (size_t k = 0; k < function->n_buffers; k++) {
        struct loop_buffer *buffer = &function->buffers[k];
        const struct use *use = &uses.by_buffer[k];
        bool is_own = use->inside && use->inside == use->all && !use->is_moved && !use->is_read_first;
        if (is_own && (buffer->kind == LOOP_STACK || buffer->kind == LOOP_SCRATCH))
            buffer->is_private = !undo;
    }
    return true;
}
