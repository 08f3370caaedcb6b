/* Loop pass: complex numbers become pairs of reals, as backends take them.
 *
 * A complex buffer becomes a real one of twice as many elements, real part first; a complex local becomes two; an expression
 * becomes a pair of expressions (split_expr.c). Where a store or a set might read what its first half has just written, both halves
 * are computed before. Afterwards no complex type is left in the function. */
#include "split_complex.h"

#include <string.h>

enum einc_status pass_split_complex(struct pass_kernel *kernel);

static struct loop_stmt *split_list(struct splitter *splitter, struct loop_stmt *list);

/* ---- statements ---- */

/* Appends to the statements that stand before the one being split. */
void split_emit(struct splitter *splitter, struct loop_stmt *stmt)
{
    if (!stmt)
        return;
    stmt->span = splitter->span;
    if (splitter->before)
        splitter->last->next = stmt;
    else
        splitter->before = stmt;
    splitter->last = stmt;
}

const struct ir_expr *split_bind(struct splitter *splitter, const char *name, const struct ir_expr *value)
{
    if (!value || value->n_arguments == 0)
        return value;
    uint32_t local = loop_add_local(splitter->context, splitter->function, name, value->elem);
    split_emit(splitter, loop_define(splitter->context, local, value, true));
    return local == UINT32_MAX ? NULL : ir_expr_local(splitter->context, local, value->elem);
}

struct reads {
    uint32_t buffer, local; /* UINT32_MAX: not asked */
    const struct ir_expr **seen;
    size_t n_seen, seen_capacity;
};

static bool finds(struct splitter *splitter, const struct ir_expr *expr, struct reads *what)
{
    if (!expr)
        return false;
    for (size_t k = 0; k < what->n_seen; k++)
        if (what->seen[k] == expr)
            return false;
    if ((expr->op == IR_EXPR_load && expr->load.buffer == what->buffer) ||
        (expr->op == IR_EXPR_local && expr->local == what->local))
        return true;
    if (!ARENA_PUSH(ir_arena(splitter->context), what->seen, what->n_seen, what->seen_capacity, expr))
        return false;
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        if (finds(splitter, expr->arguments[k], what))
            return true;
    return false;
}

/* The real half is written first: where the imaginary one reads the target, both are computed before. */
static struct split_pair settled(struct splitter *splitter, struct split_pair value, struct reads target, const char *name)
{
    struct ir_context *context = splitter->context;
    value.im = split_imaginary(splitter, value);
    if (!finds(splitter, value.im, &target))
        return value;
    struct arena *arena = ir_arena(context);
    uint32_t re =
        loop_add_local(context, splitter->function, arena_printf(arena, "%s_re", name), value.re ? value.re->elem : IR_f64);
    uint32_t im =
        loop_add_local(context, splitter->function, arena_printf(arena, "%s_im", name), value.re ? value.re->elem : IR_f64);
    split_emit(splitter, loop_define(context, re, value.re, true));
    split_emit(splitter, loop_define(context, im, value.im, true));
    if (!value.re || !value.im || re == UINT32_MAX || im == UINT32_MAX)
        return (struct split_pair){NULL, NULL};
    return (struct split_pair){ir_expr_local(context, re, value.re->elem), ir_expr_local(context, im, value.im->elem)};
}

/* The product with what is there: a combination that mixes the halves becomes a plain assignment. */
static struct split_pair combined(struct splitter *splitter, struct split_pair old, struct split_pair value,
                                  enum ir_expr_op *combine)
{
    if (*combine != IR_EXPR_mul)
        return value;
    *combine = IR_EXPR_OP_COUNT;
    return split_multiply(splitter, old, value);
}

static struct loop_stmt *split_store(struct splitter *splitter, struct loop_stmt *stmt)
{
    struct ir_context *context = splitter->context;
    uint32_t buffer = stmt->store.buffer;
    if (!splitter->split_buffer[buffer]) {
        stmt->store.value = split_real(splitter, stmt->store.value);
        return stmt->store.value ? stmt : NULL;
    }
    const struct poly *re_at = poly_scale(context, stmt->store.address, 2);
    const struct poly *im_at = poly_add(context, re_at, poly_constant(context, 1));
    enum ir_elem elem = splitter->function->buffers[buffer].elem;
    struct split_pair old = {ir_expr_load(context, buffer, elem, re_at), ir_expr_load(context, buffer, elem, im_at)};
    enum ir_expr_op combine = stmt->store.combine;
    struct split_pair value = combined(splitter, old, split_expr(splitter, stmt->store.value), &combine);
    value =
        settled(splitter, value, (struct reads){.buffer = buffer, .local = UINT32_MAX}, splitter->function->buffers[buffer].name);
    struct loop_stmt *im = loop_store(context, buffer, im_at, value.im, combine);
    struct loop_stmt *re = loop_store(context, buffer, re_at, value.re, combine);
    if (im)
        im->span = stmt->span;
    return re && im ? loop_join(re, im) : NULL;
}

/* The names of the halves follow the local's own. */
static void split_local(struct splitter *splitter, uint32_t local)
{
    struct ir_context *context = splitter->context;
    struct loop_local *info = &splitter->function->locals[local];
    const char *name = info->name;
    enum ir_elem elem = ir_elem_real(info->elem);
    info->elem = elem;
    splitter->imaginary[local] = loop_add_local(context, splitter->function, arena_printf(ir_arena(context), "%s_im", name), elem);
    uint32_t re = loop_add_local(context, splitter->function, arena_printf(ir_arena(context), "%s_re", name), elem);
    splitter->real[local] = re;
}

static struct loop_stmt *split_assignment(struct splitter *splitter, struct loop_stmt *stmt)
{
    struct ir_context *context = splitter->context;
    uint32_t local = stmt->local.local;
    if (!ir_elem_is_complex(splitter->local_elem[local])) {
        stmt->local.value = split_real(splitter, stmt->local.value);
        return stmt->local.value ? stmt : NULL;
    }
    if (splitter->real[local] == UINT32_MAX)
        split_local(splitter, local);
    uint32_t re = splitter->real[local], im = splitter->imaginary[local];
    enum ir_elem elem = ir_elem_real(splitter->local_elem[local]);
    if (re == UINT32_MAX || im == UINT32_MAX)
        return NULL;
    struct split_pair value = split_expr(splitter, stmt->local.value);
    if (stmt->op == LOOP_DEFINE) {
        value.im = split_imaginary(splitter, value);
        return loop_join(loop_define(context, re, value.re, stmt->local.constant),
                         loop_define(context, im, value.im, stmt->local.constant));
    }
    struct split_pair old = {ir_expr_local(context, re, elem), ir_expr_local(context, im, elem)};
    enum ir_expr_op combine = stmt->local.combine;
    value = settled(splitter, combined(splitter, old, value, &combine), (struct reads){.buffer = UINT32_MAX, .local = re},
                    splitter->function->locals[local].name);
    return loop_join(loop_set(context, re, value.re, combine), loop_set(context, im, value.im, combine));
}

static struct loop_stmt *split_statement(struct splitter *splitter, struct loop_stmt *stmt)
{
    switch (stmt->op) {
    case LOOP_FOR:
        stmt->loop.body = split_list(splitter, stmt->loop.body);
        return stmt;
    case LOOP_STORE:
        return split_store(splitter, stmt);
    case LOOP_DEFINE:
    case LOOP_SET:
        return split_assignment(splitter, stmt);
    case LOOP_IF:
        stmt->branch.body = split_list(splitter, stmt->branch.body);
        stmt->branch.otherwise = split_list(splitter, stmt->branch.otherwise);
        return stmt;
    case LOOP_BLOCK:
        stmt->block = split_list(splitter, stmt->block);
        return stmt;
    case LOOP_PREFETCH:
        if (splitter->split_buffer[stmt->prefetch.buffer])
            stmt->prefetch.address = poly_scale(splitter->context, stmt->prefetch.address, 2);
        return stmt->prefetch.address ? stmt : NULL;
    case LOOP_CHECK:
    case LOOP_COMMENT:
        break;
    }
    return stmt;
}

static struct loop_stmt *split_list(struct splitter *splitter, struct loop_stmt *list)
{
    struct loop_stmt *result = NULL, *next;
    for (; list; list = next) {
        struct loop_stmt *outer = splitter->before, *outer_last = splitter->last;
        next = list->next;
        list->next = NULL;
        splitter->before = NULL;
        splitter->span = list->span;
        splitter->n_memo = 0;
        struct span span = list->span;
        const char *comment = list->comment;
        struct loop_stmt *stmt = split_statement(splitter, list);
        if (!stmt) {
            splitter->failed = true;
            return result;
        }
        stmt->span = span;
        stmt->comment = comment;
        result = loop_join(loop_join(result, splitter->before), stmt);
        splitter->before = outer;
        splitter->last = outer_last;
    }
    return result;
}

/* ---- buffers ---- */

static void split_buffers(struct splitter *splitter)
{
    for (size_t k = 0; k < splitter->function->n_buffers; k++) {
        struct loop_buffer *buffer = &splitter->function->buffers[k];
        splitter->split_buffer[k] = ir_elem_is_complex(buffer->elem);
        if (!splitter->split_buffer[k])
            continue;
        buffer->is_complex = true;
        buffer->elem = ir_elem_real(buffer->elem);
        buffer->count = poly_scale(splitter->context, buffer->count, 2);
    }
}

enum einc_status pass_split_complex(struct pass_kernel *kernel)
{
    struct loop_function *function = kernel->loops;
    struct arena *arena = ir_arena(kernel->context);
    if (!function)
        return EINC_INTERNAL;
    size_t n_locals = function->n_locals;
    struct splitter splitter = {.context = kernel->context, .function = function};
    splitter.exact = kernel->kernel && kernel->kernel->numeric_class == IR_CLASS_EXACT;
    splitter.split_buffer = ARENA_ARRAY(arena, function->n_buffers, bool);
    splitter.local_elem = ARENA_ARRAY(arena, n_locals, enum ir_elem);
    splitter.real = ARENA_ARRAY(arena, n_locals, uint32_t);
    splitter.imaginary = ARENA_ARRAY(arena, n_locals, uint32_t);
    if (arena_failed(arena))
        return EINC_NO_MEMORY;
    for (size_t k = 0; k < n_locals; k++) {
        splitter.local_elem[k] = function->locals[k].elem;
        splitter.real[k] = splitter.imaginary[k] = UINT32_MAX;
    }
    split_buffers(&splitter);
    function->body = split_list(&splitter, function->body);
    if (arena_failed(arena))
        return EINC_NO_MEMORY;
    return splitter.failed ? EINC_INTERNAL : EINC_OK;
}
