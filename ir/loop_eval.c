/* The meaning of loop IR: runs a function statement by statement, checking every place before it is read or written.
 *
 * The arithmetic is that of ir/eval (arithmetic.h), in NUMBERS or PRIME, so a kernel's nodes and its loops can be compared number
 * by number. Buffers hold scalars; scratch and small arrays begin as a marker, so that reading what was never written is found.
 * Where scratch has its place in the workspace, each byte there knows which buffer wrote it last, so that a number that another
 * buffer has overwritten is one that was never written.
 * Slow on purpose. Parallel, vector and unrolled loops run as serial ones; but an iteration of a parallel loop finds its private
 * buffers unwritten, and each element knows which iterations read and wrote it last, so that one that reads or writes what another
 * one writes is found. */
#include "arithmetic.h"
#include "loop.h"

#include <string.h>

enum { ELEMENT_LIMIT = 1 << 26 };

struct memory {
    struct scalar *elements;
    bool *written; /* NULL: all are */
    int64_t count;
    int64_t offset, bytes;      /* in the workspace, of an element; `offset` -1: has none */
    struct iterations *touched; /* NULL: the function has no threads, or the buffer is private */
};

/* Numbers of the iterations of parallel loops that touched an element; of the one that is running the first and last reader. */
struct iterations {
    uint64_t writer, first_reader, last_reader;
};

struct run {
    struct ir_context *context;
    const struct loop_function *function;
    const struct arithmetic *arithmetic;
    const int64_t *dims;
    int64_t *indices;
    struct memory *buffers;
    struct scalar *locals;
    uint32_t *owners; /* of each byte of the workspace: the buffer that wrote it last, plus 1; NULL: none is planned */
    struct poly_tables tables;
    uint64_t parallel, iteration; /* the first iteration of the parallel loop that runs, and the present one; 0: none runs */
    uint64_t n_iterations;        /* of all parallel loops so far */
    bool failed, ended;           /* `ended`: at a check */
};

static void run_list(struct run *run, const struct loop_stmt *list);

static void fail_at(struct run *run, uint32_t buffer, const struct poly *address, int64_t at, const char *what)
{
    (void)address;
    if (!run->failed)
        diag_error(ir_diagnostics(run->context), DIAG_E0742, SPAN_NONE, "loops of `%s`: %s element %lld of `%s`, which has %lld",
                   run->function->name, what, (long long)at, run->function->buffers[buffer].name,
                   (long long)run->buffers[buffer].count);
    run->failed = true;
}

/* An element of a buffer that an address looks up. */
static bool table_entry(void *user, const struct ir_node *table, size_t offset, int64_t *value)
{
    struct run *run = user;
    uint32_t buffer = loop_table_buffer(run->function, table);
    const struct memory *memory = buffer == UINT32_MAX ? NULL : &run->buffers[buffer];
    if (!memory || offset >= (size_t)memory->count)
        return false;
    if (memory->written && !memory->written[offset]) {
        fail_at(run, buffer, NULL, (int64_t)offset, "read before it is written:");
        return false;
    }
    return run->arithmetic->to_index(table->elem, memory->elements[offset], value);
}

static int64_t evaluate(struct run *run, const struct poly *poly)
{
    int64_t value = 0;
    if (!poly_evaluate_lookups(poly, run->dims, run->indices, &run->tables, &value)) {
        if (!run->failed)
            diag_error(ir_diagnostics(run->context), DIAG_E0742, SPAN_NONE,
                       "loops of `%s`: an address or extent that is no integer", run->function->name);
        run->failed = true;
    }
    return value;
}

/* ---- places ---- */

/* The bytes of an element in the workspace: taken by a write, and asked by a read whether they are still the buffer's. */
static bool holds_bytes(struct run *run, uint32_t buffer, int64_t at, bool is_read)
{
    const struct memory *memory = &run->buffers[buffer];
    if (memory->offset < 0)
        return true;
    uint32_t *owners = run->owners + memory->offset + at * memory->bytes;
    for (int64_t k = 0; k < memory->bytes; k++) {
        if (is_read && owners[k] != buffer + 1)
            return false;
        owners[k] = buffer + 1;
    }
    return true;
}

/* Was it an iteration that may run at the same time as the present one? */
static bool is_other(const struct run *run, uint64_t iteration)
{
    return iteration >= run->parallel && iteration != run->iteration;
}

/* An element that is touched in a parallel loop. False: another iteration writes it, or reads what is written now. */
static bool stays_apart(struct run *run, struct iterations *touched, bool is_read, bool is_written)
{
    if (is_other(run, touched->writer) ||
        (is_written && (is_other(run, touched->first_reader) || is_other(run, touched->last_reader))))
        return false;
    if (is_read) {
        if (touched->first_reader < run->parallel)
            touched->first_reader = run->iteration;
        touched->last_reader = run->iteration;
    }
    if (is_written)
        touched->writer = run->iteration;
    return true;
}

enum { READS = 1, WRITES = 2 };

/* NULL after a diagnostic. */
static struct scalar *place(struct run *run, uint32_t buffer, const struct poly *address, int does)
{
    bool is_read = (does & READS) != 0;
    struct memory *memory = &run->buffers[buffer];
    int64_t at = evaluate(run, address);
    if (run->failed)
        return NULL;
    if (at < 0 || at >= memory->count) {
        fail_at(run, buffer, address, at, is_read ? "reads" : "writes");
        return NULL;
    }
    if (memory->written && is_read && !memory->written[at]) {
        fail_at(run, buffer, address, at, "read before it is written:");
        return NULL;
    }
    if (!holds_bytes(run, buffer, at, is_read)) {
        fail_at(run, buffer, address, at, "read after another buffer took its place:");
        return NULL;
    }
    if (run->iteration && memory->touched && !stays_apart(run, &memory->touched[at], is_read, (does & WRITES) != 0)) {
        fail_at(run, buffer, address, at, "iterations of a parallel loop meet at");
        return NULL;
    }
    if (memory->written)
        memory->written[at] = true;
    return &memory->elements[at];
}

/* ---- expressions ---- */

static struct scalar compute(struct run *run, const struct ir_expr *expr)
{
    struct scalar arguments[3] = {{.i = 0}}, result = {.i = 0};
    const struct scalar *element;
    switch (expr->op) {
    case IR_EXPR_literal:
        return run->arithmetic->literal(expr->literal);
    case IR_EXPR_index:
        return run->arithmetic->from_index(evaluate(run, expr->index));
    case IR_EXPR_load:
        element = place(run, expr->load.buffer, expr->load.address, READS);
        return element ? *element : result;
    case IR_EXPR_local:
        return run->locals[expr->local];
    case IR_EXPR_select: /* only the branch that is taken: the other may read outside */
        arguments[0] = compute(run, expr->arguments[0]);
        return compute(run, expr->arguments[run->arithmetic->holds(arguments[0]) ? 1 : 2]);
    default:
        break;
    }
    for (uint32_t k = 0; k < expr->n_arguments && !run->failed; k++)
        arguments[k] = compute(run, expr->arguments[k]);
    if (!run->failed &&
        !run->arithmetic->apply(expr->op, expr->arguments[expr->n_arguments - 1]->elem, expr->elem, arguments, &result)) {
        diag_error(ir_diagnostics(run->context), DIAG_E0742, SPAN_NONE, "loops of `%s`: `%s` is not defined here",
                   run->function->name, ir_expr_info(expr->op)->name);
        run->failed = true;
    }
    return result;
}

/* ---- statements ---- */

static void assign(struct run *run, struct scalar *target, enum ir_elem elem, enum ir_expr_op combine, struct scalar value)
{
    struct scalar both[2] = {*target, value};
    if (combine != IR_EXPR_OP_COUNT && !run->arithmetic->apply(combine, elem, elem, both, &value))
        run->failed = true;
    *target = run->arithmetic->round(elem, value);
}

static void run_store(struct run *run, const struct loop_stmt *stmt)
{
    struct scalar value = compute(run, stmt->store.value);
    struct scalar *target = run->failed ? NULL
                                        : place(run, stmt->store.buffer, stmt->store.address,
                                                stmt->store.combine != IR_EXPR_OP_COUNT ? READS | WRITES : WRITES);
    if (target)
        assign(run, target, run->function->buffers[stmt->store.buffer].elem, stmt->store.combine, value);
}

/* Another iteration begins: private buffers hold nothing. */
static void begin_iteration(struct run *run)
{
    run->iteration = ++run->n_iterations;
    for (size_t k = 0; k < run->function->n_buffers; k++)
        if (run->function->buffers[k].is_private)
            memset(run->buffers[k].written, 0, (size_t)run->buffers[k].count * sizeof *run->buffers[k].written);
}

static void run_for(struct run *run, const struct loop_stmt *stmt)
{
    int64_t begin = evaluate(run, stmt->loop.begin), end = evaluate(run, stmt->loop.end);
    int64_t limit = stmt->loop.limit ? evaluate(run, stmt->loop.limit) : end;
    if (limit < end)
        end = limit;
    if (begin < 0) /* residues of what has no sign may read as negative */
        begin = 0;
    bool is_parallel = stmt->loop.kind == LOOP_PARALLEL;
    if (is_parallel)
        run->parallel = run->n_iterations + 1;
    for (int64_t k = begin; k < end && !run->failed; k++) {
        run->indices[stmt->loop.index] = k;
        if (is_parallel)
            begin_iteration(run);
        run_list(run, stmt->loop.body);
    }
    if (is_parallel)
        run->iteration = 0;
}

/* A condition without a value does not hold: a number of 2^63 or more was looked up, or a sum overflows. */
static bool holds(struct run *run, const struct poly *condition)
{
    int64_t value;
    return poly_evaluate_lookups(condition, run->dims, run->indices, &run->tables, &value) && value >= 0;
}

static void run_if(struct run *run, const struct loop_stmt *stmt)
{
    for (uint32_t k = 0; k < stmt->branch.n_conditions && !run->failed; k++)
        if (!holds(run, stmt->branch.conditions[k])) {
            run_list(run, stmt->branch.otherwise);
            return;
        }
    run_list(run, stmt->branch.body);
}

static void run_check(struct run *run, const struct loop_stmt *stmt)
{
    for (uint32_t k = 0; k < stmt->branch.n_conditions && !run->failed; k++) {
        if (holds(run, stmt->branch.conditions[k]) || run->failed)
            continue;
        diag_error(ir_diagnostics(run->context), DIAG_E0814, stmt->span,
                   "loops of `%s`: a lookup leaves its tensor, or a matrix is singular", run->function->name);
        run->failed = run->ended = true;
    }
}

static void run_list(struct run *run, const struct loop_stmt *list)
{
    for (; list && !run->failed; list = list->next)
        switch (list->op) {
        case LOOP_FOR:
            run_for(run, list);
            break;
        case LOOP_STORE:
            run_store(run, list);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            assign(run, &run->locals[list->local.local], run->function->locals[list->local.local].elem,
                   list->op == LOOP_SET ? list->local.combine : IR_EXPR_OP_COUNT, compute(run, list->local.value));
            break;
        case LOOP_IF:
            run_if(run, list);
            break;
        case LOOP_CHECK:
            run_check(run, list);
            break;
        case LOOP_BLOCK:
            run_list(run, list->block);
            break;
        case LOOP_PREFETCH:
        case LOOP_COMMENT:
            break;
        }
}

/* ---- buffers ---- */

/* A number of PRIME is two residues whatever its type; pairs of a split complex number have one each, and come and go as such. */
static void fill(struct run *run, uint32_t number, const struct ir_tensor *inputs)
{
    const struct loop_buffer *buffer = &run->function->buffers[number];
    struct memory *memory = &run->buffers[number];
    uint32_t given = buffer->updates ? buffer->updates - 1 : buffer->parameter; /* the input */
    bool prime = run->arithmetic == &arithmetic_prime;
    bool pairs = buffer->is_complex && !ir_elem_is_complex(buffer->elem);
    for (int64_t k = 0; k < memory->count; k++)
        if (buffer->kind == LOOP_CONSTANT) {
            memory->elements[k] = arithmetic_numbers.load(buffer->elem, buffer->constant->data, (size_t)k);
            if (prime)
                memory->elements[k] = run->arithmetic->literal(
                    ir_elem_is_complex(buffer->elem)
                        ? ir_number_complex(buffer->elem, memory->elements[k].re, memory->elements[k].im)
                    : ir_elem_is_float(buffer->elem) ? ir_number_real(buffer->elem, memory->elements[k].re)
                                                     : ir_number_integer(buffer->elem, memory->elements[k].i));
        } else if (pairs && prime) {
            memcpy(&memory->elements[k].residue[0], (const uint64_t *)inputs[given].data + k, sizeof(uint64_t));
        } else {
            memory->elements[k] = run->arithmetic->load(buffer->elem, inputs[given].data, (size_t)k);
        }
}

/* The place of a scratch buffer, which must lie in the workspace and be aligned; nothing where no workspace is planned. */
static void place_scratch(struct run *run, uint32_t number)
{
    const struct loop_buffer *buffer = &run->function->buffers[number];
    struct memory *memory = &run->buffers[number];
    memory->offset = -1;
    memory->bytes = (int64_t)ir_elem_info(buffer->elem)->bytes;
    if (!run->owners || buffer->kind != LOOP_SCRATCH || !buffer->offset || memory->count == 0)
        return;
    /* up to that of any element a buffer is aligned to its own elements */
    int64_t alignment = run->function->workspace_alignment > 8 ? run->function->workspace_alignment : memory->bytes;
    int64_t shared = evaluate(run, run->function->workspace), each = evaluate(run, run->function->thread_workspace);
    memory->offset = evaluate(run, buffer->offset) + (buffer->is_private ? shared : 0);
    if (memory->offset < 0 || memory->offset % alignment ||
        memory->offset + memory->count * memory->bytes > shared + (buffer->is_private ? each : 0))
        fail_at(run, number, NULL, memory->count, "no room in the workspace for");
}

/* Who wrote each byte, from here on, with the part of one thread behind the common one; a workspace of nothing is not planned yet.
 */
static bool create_workspace(struct run *run)
{
    int64_t bytes = evaluate(run, run->function->workspace) + evaluate(run, run->function->thread_workspace);
    if (run->failed || bytes <= 0 || bytes > (int64_t)ELEMENT_LIMIT * 16)
        return !run->failed;
    return (run->owners = ARENA_ARRAY(ir_arena(run->context), (size_t)bytes, uint32_t)) != NULL;
}

static bool create_buffers(struct run *run, const struct ir_tensor *inputs)
{
    struct arena *arena = ir_arena(run->context);
    run->buffers = ARENA_ARRAY(arena, run->function->n_buffers, struct memory);
    if (!create_workspace(run))
        return false;
    for (uint32_t k = 0; run->buffers && k < run->function->n_buffers; k++) {
        const struct loop_buffer *buffer = &run->function->buffers[k];
        struct memory *memory = &run->buffers[k];
        memory->count = evaluate(run, buffer->count);
        for (uint32_t axis = 0; axis < buffer->rank; axis++) /* what strides reach over then says nothing */
            if (buffer->kind == LOOP_INPUT && evaluate(run, buffer->shape[axis]) == 0)
                memory->count = 0;
        if (run->failed || memory->count < 0 || memory->count > ELEMENT_LIMIT)
            return false;
        memory->elements = ARENA_ARRAY(arena, (size_t)memory->count, struct scalar);
        if (!memory->elements)
            return false;
        if (buffer->kind == LOOP_INPUT || buffer->kind == LOOP_CONSTANT || buffer->updates)
            fill(run, k, inputs);
        else if (!(memory->written = ARENA_ARRAY(arena, (size_t)memory->count, bool)))
            return false;
        if (run->function->threads && !buffer->is_private &&
            !(memory->touched = ARENA_ARRAY(arena, (size_t)memory->count, struct iterations)))
            return false;
        place_scratch(run, k);
    }
    return run->buffers != NULL;
}

static bool hand_over(struct run *run, uint32_t number, struct ir_tensor *output)
{
    const struct loop_buffer *buffer = &run->function->buffers[number];
    const struct memory *memory = &run->buffers[number];
    struct arena *arena = ir_arena(run->context);
    bool pairs = buffer->is_complex && !ir_elem_is_complex(buffer->elem);
    bool prime = run->arithmetic == &arithmetic_prime;
    output->elem = pairs ? ir_elem_complex(buffer->elem) : buffer->elem;
    output->rank = buffer->rank;
    output->shape = ARENA_ARRAY(arena, buffer->rank, int64_t);
    output->data = arena_alloc(arena, (size_t)memory->count, 2 * sizeof(double));
    if (!output->shape || !output->data)
        return false;
    for (uint32_t k = 0; k < buffer->rank; k++)
        output->shape[k] = evaluate(run, buffer->shape[k]);
    for (int64_t k = 0; k < memory->count; k++)
        if (memory->written && !memory->written[k])
            fail_at(run, number, NULL, k, "an output is not written:");
        else if (pairs && prime)
            memcpy((uint64_t *)output->data + k, &memory->elements[k].residue[0], sizeof(uint64_t));
        else
            run->arithmetic->store(buffer->elem, output->data, (size_t)k, memory->elements[k]);
    return !run->failed;
}

enum einc_status loop_eval(struct ir_context *context, const struct loop_function *function, enum ir_arithmetic arithmetic,
                           const int64_t *dims, const struct ir_tensor *inputs, struct ir_tensor *outputs)
{
    struct arena *arena = ir_arena(context);
    struct run run = {.context = context, .function = function, .arithmetic = arithmetic_find(arithmetic), .dims = dims};
    run.tables = (struct poly_tables){.entry = table_entry, .user = &run};
    run.indices = ARENA_ARRAY(arena, function->n_indices, int64_t);
    run.locals = ARENA_ARRAY(arena, function->n_locals, struct scalar);
    if (arithmetic == IR_EVAL_BOUND || !run.indices || !run.locals)
        return arena_failed(arena) ? EINC_NO_MEMORY : EINC_INTERNAL;
    if (!create_buffers(&run, inputs))
        return arena_failed(arena) ? EINC_NO_MEMORY : run.failed ? EINC_INTERNAL : EINC_LIMIT;
    run_list(&run, function->body);
    for (uint32_t k = 0; k < function->n_buffers && !run.failed; k++)
        if (function->buffers[k].kind == LOOP_OUTPUT && !hand_over(&run, k, &outputs[function->buffers[k].parameter]))
            return arena_failed(arena) ? EINC_NO_MEMORY : EINC_INTERNAL;
    if (run.ended)
        return EINC_INVALID;
    return run.failed ? EINC_INTERNAL : arena_failed(arena) ? EINC_NO_MEMORY : EINC_OK;
}
