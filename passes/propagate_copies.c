/* Loop pass: a scratch buffer whose every element is copied from the same place of another is that one.
 *
 * The real and the imaginary parts of complex numbers, interleaved, are such a copy once complex numbers are pairs of reals: the
 * real results of an inverse Fourier transform, of one that stands for two. What is copied may not change any more: all that
 * writes to it are statements of the function that stand before the first copy. */
#include "passes.h"

enum einc_status pass_propagate_copies(struct pass_kernel *kernel);

/* What is known of a buffer; statements of the function are counted from 1. */
struct writes {
    bool copies;        /* all that is written are copies .. */
    uint32_t of;        /* .. of this buffer */
    size_t first, last; /* statements that write; 0: none does */
    bool is_replaced;
};

struct propagation {
    struct ir_context *context;
    struct loop_function *function;
    struct writes *by_buffer;
    size_t statement;
};

static void note_store(struct propagation *propagation, const struct loop_stmt *stmt)
{
    struct writes *writes = &propagation->by_buffer[stmt->store.buffer];
    const struct ir_expr *value = stmt->store.value;
    bool copies = value->op == IR_EXPR_load && value->load.address == stmt->store.address &&
                  value->elem == propagation->function->buffers[stmt->store.buffer].elem && stmt->store.combine == IR_EXPR_OP_COUNT;
    writes->copies = copies && (!writes->first || (writes->copies && writes->of == value->load.buffer));
    writes->of = copies ? value->load.buffer : 0;
    writes->first = writes->first ? writes->first : propagation->statement;
    writes->last = propagation->statement;
}

static void note_list(struct propagation *propagation, const struct loop_stmt *list)
{
    for (; list; list = list->next)
        switch (list->op) {
        case LOOP_FOR:
            note_list(propagation, list->loop.body);
            break;
        case LOOP_IF:
            note_list(propagation, list->branch.body);
            note_list(propagation, list->branch.otherwise);
            break;
        case LOOP_BLOCK:
            note_list(propagation, list->block);
            break;
        case LOOP_STORE:
            note_store(propagation, list);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
        case LOOP_CHECK:
        case LOOP_PREFETCH:
        case LOOP_COMMENT:
            break;
        }
}

static bool is_scratch(const struct loop_buffer *buffer)
{
    return (buffer->kind == LOOP_SCRATCH || buffer->kind == LOOP_STACK) && !buffer->table;
}

static bool choose_buffers(struct propagation *propagation)
{
    const struct loop_function *function = propagation->function;
    bool any = false;
    for (size_t k = 0; k < function->n_buffers; k++) {
        struct writes *writes = &propagation->by_buffer[k];
        writes->is_replaced = writes->first && writes->copies && propagation->by_buffer[writes->of].last < writes->first &&
                              is_scratch(&function->buffers[k]) && is_scratch(&function->buffers[writes->of]);
        any = any || writes->is_replaced;
    }
    return any;
}

static const struct ir_expr *from_source(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct propagation *propagation = user;
    if (leaf->op != IR_EXPR_load || !propagation->by_buffer[leaf->load.buffer].is_replaced)
        return leaf;
    uint32_t buffer = leaf->load.buffer;
    while (propagation->by_buffer[buffer].is_replaced)
        buffer = propagation->by_buffer[buffer].of;
    return ir_expr_load(context, buffer, leaf->elem, leaf->load.address);
}

/* The list without copies, loads from where they were made from; `*fine` false: no memory. */
static struct loop_stmt *rewritten(struct propagation *propagation, struct loop_stmt *list, bool *fine);

/* False: nothing is left of the statement. */
static bool rewrite_statement(struct propagation *propagation, struct loop_stmt *stmt, bool *fine)
{
    const struct ir_expr **value = NULL;
    switch (stmt->op) {
    case LOOP_FOR:
        return (stmt->loop.body = rewritten(propagation, stmt->loop.body, fine)) != NULL;
    case LOOP_IF:
        stmt->branch.body = rewritten(propagation, stmt->branch.body, fine);
        stmt->branch.otherwise = rewritten(propagation, stmt->branch.otherwise, fine);
        return stmt->branch.body || stmt->branch.otherwise;
    case LOOP_BLOCK:
        return (stmt->block = rewritten(propagation, stmt->block, fine)) != NULL;
    case LOOP_STORE:
        if (propagation->by_buffer[stmt->store.buffer].is_replaced)
            return false;
        value = &stmt->store.value;
        break;
    case LOOP_DEFINE:
    case LOOP_SET:
        value = &stmt->local.value;
        break;
    case LOOP_CHECK:
    case LOOP_PREFETCH:
    case LOOP_COMMENT:
        return true;
    }
    *value = ir_expr_substitute(propagation->context, *value, from_source, propagation, 0, NULL, NULL);
    *fine = *fine && *value;
    return true;
}

static struct loop_stmt *rewritten(struct propagation *propagation, struct loop_stmt *list, bool *fine)
{
    struct loop_stmt *first = NULL, **end = &first;
    for (; list && *fine; list = list->next)
        if (rewrite_statement(propagation, list, fine)) {
            *end = list;
            end = &list->next;
        }
    *end = NULL;
    return first;
}

enum einc_status pass_propagate_copies(struct pass_kernel *kernel)
{
    struct propagation propagation = {.context = kernel->context, .function = kernel->loops};
    if (!kernel->loops)
        return EINC_INTERNAL;
    propagation.by_buffer = ARENA_ARRAY(ir_arena(kernel->context), kernel->loops->n_buffers, struct writes);
    if (!propagation.by_buffer)
        return EINC_NO_MEMORY;
    for (size_t k = 0; k < kernel->loops->n_buffers; k++)
        propagation.by_buffer[k] = (struct writes){.copies = false};
    for (struct loop_stmt *stmt = kernel->loops->body; stmt; stmt = stmt->next) {
        struct loop_stmt one = *stmt;
        one.next = NULL;
        propagation.statement++;
        note_list(&propagation, &one);
    }
    bool fine = true;
    if (choose_buffers(&propagation))
        kernel->loops->body = rewritten(&propagation, kernel->loops->body, &fine);
    return fine ? EINC_OK : EINC_NO_MEMORY;
}
