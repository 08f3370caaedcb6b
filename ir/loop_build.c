/* Makes loop functions: buffers, indices, locals and statements.
 *
 * Names: a buffer, an index or a local whose name is taken gets a number behind it (`sum2`), so all names of one function differ,
 * also from the dims of the context; an index alone may bear the name of another index, since loops that share a letter read
 * better, and `loop_add_index` gives every caller its own symbol. Builders given NULL (or out of memory) give NULL; a buffer, index
 * or local that could not be added is UINT32_MAX. `loop_join(NULL, x)` is x: an empty list of statements is NULL too, so a caller
 * asks `arena_failed` once at the end. */
#include "loop.h"

#include <ctype.h>
#include <string.h>

struct loop_function *loop_function_create(struct ir_context *context, const char *name)
{
    struct arena *arena = ir_arena(context);
    struct loop_function *function = ARENA_NEW(arena, struct loop_function);
    if (!function || !name)
        return NULL;
    function->name = arena_strndup(arena, name, strlen(name));
    function->workspace = function->thread_workspace = poly_constant(context, 0);
    function->workspace_alignment = 1;
    return function->name && function->workspace ? function : NULL;
}

static bool is_dim_name(const struct ir_context *context, const char *name)
{
    for (uint32_t dim = 0; dim < ir_dim_count(context); dim++)
        if (!strcmp(ir_dim_at(context, dim)->name, name))
            return true;
    return false;
}

static bool name_is_taken(const struct ir_context *context, const struct loop_function *function, const char *name, bool for_index)
{
    for (size_t k = 0; k < function->n_buffers; k++)
        if (!strcmp(function->buffers[k].name, name))
            return true;
    for (size_t k = 0; k < function->n_locals; k++)
        if (!strcmp(function->locals[k].name, name))
            return true;
    for (size_t k = 0; k < function->n_indices && !for_index; k++)
        if (!strcmp(function->indices[k].name, name))
            return true;
    return is_dim_name(context, name);
}

static struct loop_numbering *find_numbering(struct ir_context *context, struct loop_function *function, const char *wanted)
{
    for (size_t k = 0; k < function->n_numberings; k++)
        if (!strcmp(function->numberings[k].name, wanted))
            return &function->numberings[k];
    struct loop_numbering entry = {arena_strndup(ir_arena(context), wanted, strlen(wanted)), 2};
    if (!entry.name ||
        !ARENA_PUSH(ir_arena(context), function->numberings, function->n_numberings, function->numberings_capacity, entry))
        return NULL;
    return &function->numberings[function->n_numberings - 1];
}

static const char *unique_name(struct ir_context *context, struct loop_function *function, const char *wanted, bool for_index)
{
    size_t length = strlen(wanted);
    if (!name_is_taken(context, function, wanted, for_index))
        return arena_strndup(ir_arena(context), wanted, length);
    const char *separator = length && isdigit((unsigned char)wanted[length - 1]) ? "_" : "";
    struct loop_numbering *numbering = find_numbering(context, function, wanted);
    const char *name = NULL;
    do
        name = numbering ? arena_printf(ir_arena(context), "%s%s%u", wanted, separator, numbering->next++) : NULL;
    while (name && name_is_taken(context, function, name, for_index));
    return name;
}

uint32_t loop_add_buffer(struct ir_context *context, struct loop_function *function, struct loop_buffer buffer)
{
    if (!function || !buffer.name || !buffer.count)
        return UINT32_MAX;
    buffer.name = unique_name(context, function, buffer.name, false);
    buffer.is_complex |= ir_elem_is_complex(buffer.elem);
    if (!buffer.name || !ARENA_PUSH(ir_arena(context), function->buffers, function->n_buffers, function->buffers_capacity, buffer))
        return UINT32_MAX;
    return (uint32_t)function->n_buffers - 1;
}

uint32_t loop_add_index(struct ir_context *context, struct loop_function *function, const char *name)
{
    if (!function || !name)
        return UINT32_MAX;
    struct loop_index index = {unique_name(context, function, name, true)};
    if (!index.name || !ARENA_PUSH(ir_arena(context), function->indices, function->n_indices, function->indices_capacity, index))
        return UINT32_MAX;
    return (uint32_t)function->n_indices - 1;
}

uint32_t loop_add_local(struct ir_context *context, struct loop_function *function, const char *name, enum ir_elem elem)
{
    if (!function || !name)
        return UINT32_MAX;
    struct loop_local local = {unique_name(context, function, name, false), elem};
    if (!local.name || !ARENA_PUSH(ir_arena(context), function->locals, function->n_locals, function->locals_capacity, local))
        return UINT32_MAX;
    return (uint32_t)function->n_locals - 1;
}

static struct loop_stmt *statement(struct ir_context *context, enum loop_op op)
{
    struct loop_stmt *stmt = ARENA_NEW(ir_arena(context), struct loop_stmt);
    if (stmt) {
        stmt->op = op;
        stmt->span = SPAN_NONE;
    }
    return stmt;
}

struct loop_stmt *loop_for(struct ir_context *context, enum loop_kind kind, uint32_t index, const struct poly *begin,
                           const struct poly *end, struct loop_stmt *body)
{
    struct loop_stmt *stmt = begin && end && body && index != UINT32_MAX ? statement(context, LOOP_FOR) : NULL;
    if (!stmt)
        return NULL;
    stmt->loop.kind = kind;
    stmt->loop.index = index;
    stmt->loop.begin = begin;
    stmt->loop.end = end;
    stmt->loop.body = body;
    return stmt;
}

struct loop_stmt *loop_store(struct ir_context *context, uint32_t buffer, const struct poly *address, const struct ir_expr *value,
                             enum ir_expr_op combine)
{
    struct loop_stmt *stmt = address && value && buffer != UINT32_MAX ? statement(context, LOOP_STORE) : NULL;
    if (!stmt)
        return NULL;
    stmt->store.buffer = buffer;
    stmt->store.address = address;
    stmt->store.value = value;
    stmt->store.combine = combine;
    return stmt;
}

static struct loop_stmt *local_statement(struct ir_context *context, enum loop_op op, uint32_t local, const struct ir_expr *value,
                                         enum ir_expr_op combine, bool constant)
{
    struct loop_stmt *stmt = value && local != UINT32_MAX ? statement(context, op) : NULL;
    if (!stmt)
        return NULL;
    stmt->local.local = local;
    stmt->local.value = value;
    stmt->local.combine = combine;
    stmt->local.constant = constant;
    return stmt;
}

struct loop_stmt *loop_define(struct ir_context *context, uint32_t local, const struct ir_expr *value, bool constant)
{
    return local_statement(context, LOOP_DEFINE, local, value, IR_EXPR_OP_COUNT, constant);
}

struct loop_stmt *loop_set(struct ir_context *context, uint32_t local, const struct ir_expr *value, enum ir_expr_op combine)
{
    return local_statement(context, LOOP_SET, local, value, combine, false);
}

struct loop_stmt *loop_if(struct ir_context *context, uint32_t n_conditions, const struct poly *const *conditions,
                          struct loop_stmt *body, struct loop_stmt *otherwise)
{
    for (uint32_t k = 0; k < n_conditions; k++)
        if (!conditions || !conditions[k])
            return NULL;
    struct loop_stmt *stmt = body ? statement(context, LOOP_IF) : NULL;
    if (!stmt)
        return NULL;
    stmt->branch.n_conditions = n_conditions;
    stmt->branch.conditions = arena_copy(ir_arena(context), conditions, n_conditions, sizeof *conditions);
    stmt->branch.body = body;
    stmt->branch.otherwise = otherwise;
    return stmt->branch.conditions ? stmt : NULL;
}

struct loop_stmt *loop_check(struct ir_context *context, uint32_t n_conditions, const struct poly *const *conditions)
{
    for (uint32_t k = 0; k < n_conditions; k++)
        if (!conditions || !conditions[k])
            return NULL;
    struct loop_stmt *stmt = statement(context, LOOP_CHECK);
    if (!stmt)
        return NULL;
    stmt->branch.n_conditions = n_conditions;
    stmt->branch.conditions = arena_copy(ir_arena(context), conditions, n_conditions, sizeof *conditions);
    return stmt->branch.conditions ? stmt : NULL;
}

struct loop_stmt *loop_prefetch(struct ir_context *context, uint32_t buffer, const struct poly *address)
{
    struct loop_stmt *stmt = address ? statement(context, LOOP_PREFETCH) : NULL;
    if (!stmt)
        return NULL;
    stmt->prefetch.buffer = buffer;
    stmt->prefetch.address = address;
    return stmt;
}

const struct ir_node *loop_table(struct ir_context *context, struct loop_function *function, uint32_t buffer)
{
    struct loop_buffer *info = buffer < function->n_buffers ? &function->buffers[buffer] : NULL;
    if (!info || !ir_elem_is_integer(info->elem))
        return NULL;
    if (!info->table)
        info->table = ir_input(context, buffer, info->elem, 1, &info->count);
    return info->table;
}

uint32_t loop_table_buffer(const struct loop_function *function, const struct ir_node *table)
{
    for (uint32_t k = 0; k < function->n_buffers; k++)
        if (function->buffers[k].table == table)
            return k;
    return UINT32_MAX;
}

bool loop_most_workspace(struct ir_context *context, const struct loop_function *function, int64_t *bytes)
{
    uint32_t n_dims = ir_dim_count(context);
    int64_t *most = ARENA_ARRAY(ir_arena(context), n_dims + 1, int64_t), value = 0;
    if (!poly_equals(function->thread_workspace, 0) || !most)
        return false;
    if (poly_is_constant(function->workspace, bytes))
        return true;
    for (uint32_t k = 0; k < n_dims; k++) {
        const struct ir_dim *dim = ir_dim_at(context, k);
        most[k] = dim->bound - dim->bound % dim->divisor;
    }
    if (!poly_evaluate(function->workspace, most, NULL, &value))
        return false;
    *bytes = value;
    const struct poly *room = poly_subtract(context, poly_constant(context, value), function->workspace);
    return room && poly_prove_nonnegative(context, room, NULL);
}

bool loop_can_fail(const struct loop_stmt *list)
{
    for (; list; list = list->next)
        if (list->op == LOOP_CHECK || (list->op == LOOP_FOR && loop_can_fail(list->loop.body)) ||
            (list->op == LOOP_BLOCK && loop_can_fail(list->block)) ||
            (list->op == LOOP_IF && (loop_can_fail(list->branch.body) || loop_can_fail(list->branch.otherwise))))
            return true;
    return false;
}

struct loop_stmt *loop_block(struct ir_context *context, const char *comment, struct span span, struct loop_stmt *body)
{
    struct loop_stmt *stmt = body ? statement(context, LOOP_BLOCK) : NULL;
    if (!stmt)
        return NULL;
    stmt->comment = comment;
    stmt->span = span;
    stmt->block = body;
    return stmt;
}

struct loop_stmt *loop_join(struct loop_stmt *first, struct loop_stmt *second)
{
    if (!first)
        return second;
    struct loop_stmt *last = first;
    while (last->next)
        last = last->next;
    last->next = second;
    return first;
}
