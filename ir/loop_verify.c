/* The rules of loop IR (docs/loop-ir.md), checked after every pass that makes or changes it.
 *
 * Names stand in their scope: an index in its own loop, opened once at a time; a local after its definition and within its list.
 * Types agree: a store's value with its buffer, operations with ops.def. Inputs and constants are only read, constant locals never
 * set again. Addresses use open indices and dims alone; one that is a number lies in its buffer (loop_eval checks the others when
 * they are reached). Iterations of a parallel loop touch nothing that another one writes; a dot loop sums products side by side.
 * The first broken rule is reported; it is our own mistake or a hostile .loop file. */
#include "ir_internal.h"
#include "loop.h"

#include <string.h>

struct verifier {
    struct ir_context *context;
    const struct loop_function *function;
    bool *open;    /* indices whose loop is open */
    bool *defined; /* locals in scope */
    bool *constant;
    const struct poly **extents;          /* of open loops, by index */
    const struct loop_stmt **parallel_of; /* by private buffer: the parallel loop that uses it */
    const struct loop_stmt *parallel;     /* the parallel loop that is open */
    uint32_t *seen;                       /* by id of expression: the statement that checked it last */
    uint32_t statement;
    struct span span;
};

static bool verify_list(struct verifier *verifier, const struct loop_stmt *list);

static bool broken(struct verifier *verifier, const char *what, const char *name)
{
    struct diag *diag = diag_error(ir_diagnostics(verifier->context), DIAG_E0742, verifier->span, "loops of `%s`: %s%s%s%s",
                                   verifier->function->name, what, name ? " `" : "", name ? name : "", name ? "`" : "");
    diag_help(ir_diagnostics(verifier->context), diag,
              "this is a mistake of the pass that made them, unless they were read from a file");
    return false;
}

/* ---- polys ---- */

/* A private buffer is used in one parallel loop alone. */
static bool verify_private(struct verifier *verifier, uint32_t buffer)
{
    const struct loop_stmt **owner = &verifier->parallel_of[buffer];
    if (!verifier->function->buffers[buffer].is_private)
        return true;
    if (!verifier->parallel || (*owner && *owner != verifier->parallel))
        return broken(verifier, "private to a parallel loop, and used outside of it:", verifier->function->buffers[buffer].name);
    *owner = verifier->parallel;
    return true;
}

struct lookups {
    struct verifier *verifier;
    bool unknown, astray;
};

static void note_unknown(void *user, const struct poly_atom *lookup)
{
    struct lookups *lookups = user;
    uint32_t buffer = loop_table_buffer(lookups->verifier->function, lookup->table);
    bool known = lookup->table->op == IR_const_node || buffer != UINT32_MAX;
    lookups->astray |= buffer != UINT32_MAX && !verify_private(lookups->verifier, buffer);
    lookups->unknown |= !known || !ir_elem_is_integer(lookup->table->elem) || lookup->table->rank != lookup->n_arguments;
}

static bool verify_poly(struct verifier *verifier, const struct poly *poly)
{
    struct lookups lookups = {verifier, false, false};
    if (!poly)
        return broken(verifier, "an address, extent or condition is missing", NULL);
    poly_visit_lookups(poly, note_unknown, &lookups);
    if (lookups.astray)
        return false;
    if (lookups.unknown)
        return broken(verifier, "a lookup in no buffer and no constant", NULL);
    uint32_t limit = poly_index_limit(poly);
    for (uint32_t k = 0; k < limit; k++)
        if (poly_uses_index(poly, k) && (k >= verifier->function->n_indices || !verifier->open[k]))
            return broken(verifier, "an index is used outside its loop:",
                          k < verifier->function->n_indices ? verifier->function->indices[k].name : NULL);
    return true;
}

static bool verify_place(struct verifier *verifier, uint32_t buffer, const struct poly *address)
{
    int64_t at, count;
    if (buffer >= verifier->function->n_buffers)
        return broken(verifier, "a place in no buffer", NULL);
    const struct loop_buffer *info = &verifier->function->buffers[buffer];
    if (!verify_poly(verifier, address) || !verify_private(verifier, buffer))
        return false;
    if (poly_is_constant(address, &at) && poly_is_constant(info->count, &count) && (at < 0 || at >= count))
        return broken(verifier, "a place outside the buffer", info->name);
    return true;
}

/* ---- expressions ---- */

static bool verify_leaf(struct verifier *verifier, const struct ir_expr *expr)
{
    const struct loop_function *function = verifier->function;
    switch (expr->op) {
    case IR_EXPR_literal:
        return expr->literal.elem == expr->elem || broken(verifier, "a literal of another type than its own", NULL);
    case IR_EXPR_index:
        return (expr->elem == IR_i64 || broken(verifier, "an index value that is no i64", NULL)) &&
               verify_poly(verifier, expr->index);
    case IR_EXPR_load:
        return verify_place(verifier, expr->load.buffer, expr->load.address) &&
               (function->buffers[expr->load.buffer].elem == expr->elem ||
                broken(verifier, "a load of another type than its buffer", function->buffers[expr->load.buffer].name));
    case IR_EXPR_local:
        if (expr->local >= function->n_locals || !verifier->defined[expr->local])
            return broken(verifier, "a local is read outside its scope:",
                          expr->local < function->n_locals ? function->locals[expr->local].name : NULL);
        return function->locals[expr->local].elem == expr->elem ||
               broken(verifier, "a local is read with another type:", function->locals[expr->local].name);
    default:
        return broken(verifier, "an expression that belongs into tensor IR:", ir_expr_info(expr->op)->name);
    }
}

static bool verify_expr(struct verifier *verifier, const struct ir_expr *expr)
{
    enum ir_elem elems[3] = {IR_bool, IR_bool, IR_bool}, result;
    if (!expr || expr->op >= IR_EXPR_OP_COUNT)
        return broken(verifier, "an expression is missing", NULL);
    if (expr->id < verifier->context->n_expressions && verifier->seen[expr->id] == verifier->statement)
        return true;
    if (expr->id < verifier->context->n_expressions)
        verifier->seen[expr->id] = verifier->statement;
    if (ir_expr_info(expr->op)->arity == 0)
        return verify_leaf(verifier, expr);
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        if (!verify_expr(verifier, expr->arguments[k]))
            return false;
        elems[k] = expr->arguments[k]->elem;
    }
    if (expr->op == IR_EXPR_cast)
        return expr->n_arguments == 1 || broken(verifier, "a cast of several values", NULL);
    if (!ir_expr_result(expr->op, expr->n_arguments, elems, &result) || result != expr->elem)
        return broken(verifier, "types that the operation does not take:", ir_expr_info(expr->op)->name);
    return true;
}

/* ---- statements ---- */

static bool verify_combine(struct verifier *verifier, enum ir_expr_op combine, enum ir_elem elem)
{
    if (combine == IR_EXPR_OP_COUNT)
        return true;
    for (int ring = 0; ring < IR_RING_COUNT; ring++)
        if (ir_ring_info((enum ir_ring)ring)->add == combine && ir_expr_takes(combine, elem))
            return true;
    return broken(verifier, "nothing combines with that operation and type", NULL);
}

/* Its iterations are independent, and none ends the function. */
static bool verify_parallel(struct verifier *verifier, const struct loop_stmt *stmt)
{
    const struct poly_ranges around = {(uint32_t)verifier->function->n_indices, verifier->extents};
    const char *name = verifier->function->indices[stmt->loop.index].name;
    if (verifier->function->threads == 0)
        return broken(verifier, "a parallel loop in a function that has no threads:", name);
    if (verifier->parallel)
        return broken(verifier, "a parallel loop in another one:", name);
    if (!poly_equals(stmt->loop.begin, 0) || stmt->loop.limit ||
        !poly_prove_nonnegative(verifier->context, stmt->loop.end, &around))
        return broken(verifier, "a parallel loop that is not one from 0 to an end of at least 0:", name);
    if (loop_can_fail(stmt->loop.body))
        return broken(verifier, "a check in a parallel loop:", name);
    verifier->parallel = stmt;
    bool fine = verify_list(verifier, stmt->loop.body);
    verifier->parallel = NULL;
    return fine && (loop_is_independent(verifier->context, verifier->function, stmt, &around) ||
                    broken(verifier, "a parallel loop whose iterations may touch what another one writes:", name));
}

/* Terms of one sum, as many as a number says. */
static bool verify_dot(struct verifier *verifier, const struct loop_stmt *stmt)
{
    struct loop_dot dot;
    bool whole = poly_equals(stmt->loop.begin, 0) && poly_is_constant(stmt->loop.end, NULL) && !stmt->loop.limit;
    return (whole && loop_read_dot(verifier->context, verifier->function, stmt->loop.body, stmt->loop.index, &dot)) ||
           broken(verifier, "no sum of so many products side by side:", verifier->function->indices[stmt->loop.index].name);
}

static bool verify_for(struct verifier *verifier, const struct loop_stmt *stmt)
{
    uint32_t index = stmt->loop.index;
    if (index >= verifier->function->n_indices || verifier->open[index])
        return broken(verifier, "an index of two loops at once, or of none", NULL);
    if (!verify_poly(verifier, stmt->loop.begin) || !verify_poly(verifier, stmt->loop.end) ||
        (stmt->loop.limit && !verify_poly(verifier, stmt->loop.limit)))
        return false;
    verifier->open[index] = true;
    verifier->extents[index] = stmt->loop.end;
    bool fine = stmt->loop.kind == LOOP_PARALLEL ? verify_parallel(verifier, stmt) : verify_list(verifier, stmt->loop.body);
    verifier->open[index] = false;
    verifier->extents[index] = NULL;
    return fine && (stmt->loop.kind != LOOP_DOT || verify_dot(verifier, stmt));
}

static bool verify_store(struct verifier *verifier, const struct loop_stmt *stmt)
{
    if (!verify_place(verifier, stmt->store.buffer, stmt->store.address) || !verify_expr(verifier, stmt->store.value))
        return false;
    const struct loop_buffer *buffer = &verifier->function->buffers[stmt->store.buffer];
    if (buffer->kind == LOOP_INPUT || buffer->kind == LOOP_CONSTANT)
        return broken(verifier, "a store into what is only read:", buffer->name);
    if (stmt->store.value->elem != buffer->elem)
        return broken(verifier, "a store of another type than its buffer:", buffer->name);
    return verify_combine(verifier, stmt->store.combine, buffer->elem);
}

/* The place may lie outside: nothing is read. */
static bool verify_prefetch(struct verifier *verifier, const struct loop_stmt *stmt)
{
    uint32_t number = stmt->prefetch.buffer;
    if (number >= verifier->function->n_buffers)
        return broken(verifier, "a place in no buffer", NULL);
    const struct loop_buffer *buffer = &verifier->function->buffers[number];
    if (buffer->kind == LOOP_STACK || buffer->kind == LOOP_CONSTANT || buffer->by_value)
        return broken(verifier, "a prefetch of what is no tensor in memory:", buffer->name);
    return verify_poly(verifier, stmt->prefetch.address) && verify_private(verifier, number);
}

static bool verify_local(struct verifier *verifier, const struct loop_stmt *stmt)
{
    uint32_t number = stmt->local.local;
    if (number >= verifier->function->n_locals || !verify_expr(verifier, stmt->local.value))
        return number < verifier->function->n_locals ? false : broken(verifier, "no such local", NULL);
    const struct loop_local *local = &verifier->function->locals[number];
    if (stmt->local.value->elem != local->elem)
        return broken(verifier, "a local is given another type:", local->name);
    if (stmt->op == LOOP_DEFINE) {
        if (verifier->defined[number])
            return broken(verifier, "a local is defined twice:", local->name);
        verifier->defined[number] = true;
        verifier->constant[number] = stmt->local.constant;
        return true;
    }
    if (!verifier->defined[number] || verifier->constant[number])
        return broken(verifier, "a local is set that is constant or not defined:", local->name);
    return verify_combine(verifier, stmt->local.combine, local->elem);
}

static bool verify_statement(struct verifier *verifier, const struct loop_stmt *stmt)
{
    verifier->statement++;
    if (stmt->span.source != UINT32_MAX)
        verifier->span = stmt->span;
    switch (stmt->op) {
    case LOOP_FOR:
        return verify_for(verifier, stmt);
    case LOOP_STORE:
        return verify_store(verifier, stmt);
    case LOOP_DEFINE:
    case LOOP_SET:
        return verify_local(verifier, stmt);
    case LOOP_IF:
        for (uint32_t k = 0; k < stmt->branch.n_conditions; k++)
            if (!verify_poly(verifier, stmt->branch.conditions[k]))
                return false;
        return verify_list(verifier, stmt->branch.body) && verify_list(verifier, stmt->branch.otherwise);
    case LOOP_CHECK:
        for (uint32_t k = 0; k < stmt->branch.n_conditions; k++)
            if (!verify_poly(verifier, stmt->branch.conditions[k]))
                return false;
        return true;
    case LOOP_PREFETCH:
        return verify_prefetch(verifier, stmt);
    case LOOP_COMMENT:
        return true;
    case LOOP_BLOCK:
        return verify_list(verifier, stmt->block);
    }
    return broken(verifier, "a statement of no known kind", NULL);
}

/* Locals defined in a list end with it. */
static bool verify_list(struct verifier *verifier, const struct loop_stmt *list)
{
    bool fine = true;
    for (const struct loop_stmt *stmt = list; stmt && fine; stmt = stmt->next)
        fine = verify_statement(verifier, stmt);
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next)
        if (stmt->op == LOOP_DEFINE && stmt->local.local < verifier->function->n_locals)
            verifier->defined[stmt->local.local] = false;
    return fine;
}

/* ---- the head ---- */

static bool verify_buffer(struct verifier *verifier, const struct loop_buffer *buffer)
{
    int64_t count, bytes;
    if (!buffer->name || !buffer->count || buffer->elem >= IR_ELEM_COUNT || poly_index_limit(buffer->count))
        return broken(verifier, "a buffer without name, type or size", buffer->name);
    for (const struct loop_buffer *other = verifier->function->buffers; other < buffer; other++)
        if (!strcmp(other->name, buffer->name))
            return broken(verifier, "two buffers are named", buffer->name);
    if (buffer->is_private && buffer->kind != LOOP_STACK && buffer->kind != LOOP_SCRATCH)
        return broken(verifier, "private though it is an argument or a constant:", buffer->name);
    if ((buffer->kind == LOOP_STACK || buffer->kind == LOOP_CONSTANT) && !poly_is_constant(buffer->count, NULL))
        return broken(verifier, "a small array or a constant of run-time size:", buffer->name);
    if (buffer->by_value && (buffer->kind != LOOP_INPUT || !poly_equals(buffer->count, 1) || ir_elem_is_complex(buffer->elem)))
        return broken(verifier, "passed by value though it is no real number:", buffer->name);
    if (buffer->kind != LOOP_CONSTANT)
        return true;
    if (!buffer->constant || !poly_is_constant(buffer->count, &count) ||
        !checked_multiply(count, ir_elem_info(buffer->elem)->bytes, &bytes) || (uint64_t)bytes != buffer->constant->bytes)
        return broken(verifier, "a constant without as many numbers as it says:", buffer->name);
    return true;
}

bool loop_verify(struct ir_context *context, const struct loop_function *function)
{
    struct arena *arena = ir_arena(context);
    if (!function || !function->workspace)
        return false;
    struct verifier verifier = {.context = context, .function = function, .span = SPAN_NONE};
    verifier.open = ARENA_ARRAY(arena, function->n_indices, bool);
    verifier.defined = ARENA_ARRAY(arena, function->n_locals, bool);
    verifier.constant = ARENA_ARRAY(arena, function->n_locals, bool);
    verifier.extents = ARENA_ARRAY(arena, function->n_indices, const struct poly *);
    verifier.parallel_of = ARENA_ARRAY(arena, function->n_buffers, const struct loop_stmt *);
    verifier.seen = ARENA_ARRAY(arena, (size_t)context->n_expressions + 1, uint32_t);
    if (arena_failed(arena))
        return false;
    for (size_t k = 0; k < function->n_buffers; k++)
        if (!verify_buffer(&verifier, &function->buffers[k]))
            return false;
    return verify_list(&verifier, function->body);
}
