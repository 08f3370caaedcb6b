/* Loop IR as text (docs/loop-ir.md); loop_reader.c reads it back.
 *
 * Everything a backend needs is said: dims with their promises, buffers with shape and count, constants with their numbers (floats
 * in hex), every address as a quasi-polynomial. What an expression uses twice, or nests deep, has a name before it. An index whose
 * name is taken by an enclosing loop is printed with a number behind it. */
#include "loop.h"
#include "print_internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct printer {
    struct text *text;
    struct ir_context *context;
    const struct loop_function *function;
    const char **open; /* by index: its name while its loop is open */
    const struct ir_node **tables;
    size_t n_tables, tables_capacity;
    struct arena *arena;
    struct print_temporaries temporaries; /* of the value that is printed */
};

/* ---- numbers and polys ---- */

static void put_real(struct text *text, double value)
{
    if (isnan(value))
        text_put(text, "nan");
    else if (isinf(value))
        text_put(text, value < 0 ? "-inf" : "inf");
    else if (fabs(value) < 1e6 && value == floor(value) && !(value == 0 && signbit(value)))
        text_printf(text, "%.0f", value);
    else
        text_printf(text, "%a", value);
}

static void put_number(struct text *text, struct ir_number number)
{
    if (ir_elem_is_float(number.elem)) {
        put_real(text, number.re);
    } else if (ir_elem_is_complex(number.elem)) {
        text_put(text, "(");
        put_real(text, number.re);
        text_put(text, ", ");
        put_real(text, number.im);
        text_put(text, ")");
    } else if (number.elem == IR_u64) {
        text_printf(text, "%" PRIu64, (uint64_t)number.i);
    } else {
        text_printf(text, "%" PRId64, number.i);
    }
}

static const char *index_name(void *user, uint32_t index)
{
    const struct printer *printer = user;
    const char *name = index < printer->function->n_indices ? printer->open[index] : NULL;
    return name ? name : "unknown_index";
}

static const char *table_name(void *user, const struct ir_node *table)
{
    const struct printer *printer = user;
    uint32_t buffer = loop_table_buffer(printer->function, table);
    if (buffer != UINT32_MAX)
        return printer->function->buffers[buffer].name;
    for (size_t k = 0; k < printer->n_tables; k++)
        if (printer->tables[k] == table)
            return arena_printf(printer->arena, "table_%zu", k);
    return "unknown_table";
}

static void put_poly(struct printer *printer, const struct poly *poly)
{
    const struct poly_names names = {index_name, table_name, printer, NULL};
    poly_print(printer->text, printer->context, poly, POLY_SOURCE, &names, 0);
}

/* ---- expressions ---- */

static void put_leaf(struct printer *printer, const struct ir_expr *expr)
{
    switch (expr->op) {
    case IR_EXPR_literal:
        text_printf(printer->text, "%s ", ir_elem_info(expr->elem)->name);
        put_number(printer->text, expr->literal);
        return;
    case IR_EXPR_index:
        text_put(printer->text, "index(");
        put_poly(printer, expr->index);
        text_put(printer->text, ")");
        return;
    case IR_EXPR_load:
        text_printf(printer->text, "%s[", printer->function->buffers[expr->load.buffer].name);
        put_poly(printer, expr->load.address);
        text_put(printer->text, "]");
        return;
    case IR_EXPR_local:
        text_put(printer->text, printer->function->locals[expr->local].name);
        return;
    default:
        text_put(printer->text, ir_expr_info(expr->op)->name);
        return;
    }
}

/* `in_place`: even if it has a name. */
static void put_expr(struct printer *printer, const struct ir_expr *expr, bool in_place)
{
    uint32_t temporary = in_place ? 0 : print_temporary(&printer->temporaries, expr);
    if (temporary) {
        text_printf(printer->text, "$%" PRIu32, temporary - 1);
        return;
    }
    if (expr->n_arguments == 0) {
        put_leaf(printer, expr);
        return;
    }
    const char *name = expr->op == IR_EXPR_cast ? ir_elem_info(expr->elem)->name : ir_expr_info(expr->op)->name;
    text_printf(printer->text, "%s(", name);
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        text_put(printer->text, k ? ", " : "");
        put_expr(printer, expr->arguments[k], false);
    }
    text_put(printer->text, ")");
}

/* The parts that have names, then the whole. */
static void put_whole(struct printer *printer, const struct ir_expr *value)
{
    if (!print_temporaries(&printer->temporaries, printer->context, value))
        return;
    for (uint32_t k = 0; k < printer->temporaries.n_named; k++) {
        text_printf(printer->text, "let $%" PRIu32 " = ", k);
        put_expr(printer, printer->temporaries.named[k], true);
        text_put(printer->text, " in ");
    }
    put_expr(printer, value, true);
}

/* ---- statements ---- */

static void indent(struct printer *printer, int depth)
{
    for (int k = 0; k < depth; k++)
        text_put(printer->text, "    ");
}

/* One line, without quotes and backslashes: comments are words. */
static void put_quoted(struct text *text, const char *string)
{
    text_put(text, "\"");
    for (const char *at = string; *at; at++)
        text_put_bytes(text, *at == '"' ? "'" : *at == '\\' ? "/" : (unsigned char)*at < 32 ? " " : at, 1);
    text_put(text, "\"");
}

static void put_list(struct printer *printer, int depth, const struct loop_stmt *list);

static bool is_open_name(const struct printer *printer, const char *name)
{
    for (size_t k = 0; k < printer->function->n_indices; k++)
        if (printer->open[k] && !strcmp(printer->open[k], name))
            return true;
    return false;
}

static const char *open_name(struct printer *printer, const char *wanted)
{
    const char *name = wanted;
    for (unsigned number = 2; name && is_open_name(printer, name); number++)
        name = arena_printf(printer->arena, "%s_%u", wanted, number);
    return name;
}

const char *const loop_role_names[] = {"", "batch", "m", "n", "k"};
const char *const loop_kind_names[LOOP_KINDS] = {"for", "parallel", "vector", "unrolled", "dot"};

static void put_for(struct printer *printer, int depth, const struct loop_stmt *stmt)
{
    const char *name = open_name(printer, printer->function->indices[stmt->loop.index].name);
    text_printf(printer->text, "%s %s < ", loop_kind_names[stmt->loop.kind], name ? name : "");
    put_poly(printer, stmt->loop.end);
    if (!poly_equals(stmt->loop.begin, 0)) {
        text_put(printer->text, " from ");
        put_poly(printer, stmt->loop.begin);
    }
    if (stmt->loop.limit) {
        text_put(printer->text, " limit ");
        put_poly(printer, stmt->loop.limit);
    }
    if (stmt->loop.role != LOOP_NO_ROLE)
        text_printf(printer->text, " as %s", loop_role_names[stmt->loop.role]);
    text_put(printer->text, " {");
    if (stmt->comment) {
        text_put(printer->text, " ");
        put_quoted(printer->text, stmt->comment);
    }
    text_put(printer->text, "\n");
    printer->open[stmt->loop.index] = name;
    put_list(printer, depth + 1, stmt->loop.body);
    printer->open[stmt->loop.index] = NULL;
    indent(printer, depth);
    text_put(printer->text, "}\n");
}

static void put_conditions(struct printer *printer, const struct loop_stmt *stmt)
{
    for (uint32_t k = 0; k < stmt->branch.n_conditions; k++) {
        text_put(printer->text, k ? " and " : " ");
        put_poly(printer, stmt->branch.conditions[k]);
        text_put(printer->text, " >= 0");
    }
}

static void put_if(struct printer *printer, int depth, const struct loop_stmt *stmt)
{
    text_put(printer->text, "if");
    put_conditions(printer, stmt);
    text_put(printer->text, " {\n");
    put_list(printer, depth + 1, stmt->branch.body);
    indent(printer, depth);
    text_put(printer->text, "}");
    if (stmt->branch.otherwise) {
        text_put(printer->text, " else {\n");
        put_list(printer, depth + 1, stmt->branch.otherwise);
        indent(printer, depth);
        text_put(printer->text, "}");
    }
    text_put(printer->text, "\n");
}

static void put_value(struct printer *printer, enum ir_expr_op combine, const struct ir_expr *value)
{
    text_printf(printer->text, " %s= ", combine == IR_EXPR_OP_COUNT ? "" : ir_expr_info(combine)->name);
    put_whole(printer, value);
    text_put(printer->text, "\n");
}

static void put_statement(struct printer *printer, int depth, const struct loop_stmt *stmt)
{
    const struct loop_local *local;
    indent(printer, depth);
    switch (stmt->op) {
    case LOOP_FOR:
        put_for(printer, depth, stmt);
        return;
    case LOOP_STORE:
        text_printf(printer->text, "%s[", printer->function->buffers[stmt->store.buffer].name);
        put_poly(printer, stmt->store.address);
        text_put(printer->text, "]");
        text_put(printer->text, stmt->store.streams ? " stream" : "");
        put_value(printer, stmt->store.combine, stmt->store.value);
        return;
    case LOOP_DEFINE:
        local = &printer->function->locals[stmt->local.local];
        text_printf(printer->text, "%s %s: %s", stmt->local.constant ? "let" : "var", local->name, ir_elem_info(local->elem)->name);
        put_value(printer, IR_EXPR_OP_COUNT, stmt->local.value);
        return;
    case LOOP_SET:
        text_put(printer->text, printer->function->locals[stmt->local.local].name);
        put_value(printer, stmt->local.combine, stmt->local.value);
        return;
    case LOOP_IF:
        put_if(printer, depth, stmt);
        return;
    case LOOP_CHECK:
        text_put(printer->text, "check");
        put_conditions(printer, stmt);
        text_put(printer->text, "\n");
        return;
    case LOOP_PREFETCH:
        text_printf(printer->text, "prefetch %s[", printer->function->buffers[stmt->prefetch.buffer].name);
        put_poly(printer, stmt->prefetch.address);
        text_put(printer->text, stmt->prefetch.far ? "] far\n" : "]\n");
        return;
    case LOOP_COMMENT:
        text_put(printer->text, "comment ");
        put_quoted(printer->text, stmt->comment ? stmt->comment : "");
        text_put(printer->text, "\n");
        return;
    case LOOP_BLOCK:
        text_put(printer->text, "block ");
        put_quoted(printer->text, stmt->comment ? stmt->comment : "");
        text_put(printer->text, " {\n");
        put_list(printer, depth + 1, stmt->block);
        indent(printer, depth);
        text_put(printer->text, "}\n");
        return;
    }
}

static void put_list(struct printer *printer, int depth, const struct loop_stmt *list)
{
    for (; list; list = list->next)
        put_statement(printer, depth, list);
}

/* ---- tables in subscripts ---- */

static void note_table(void *user, const struct poly_atom *lookup)
{
    struct printer *printer = user;
    bool known = loop_table_buffer(printer->function, lookup->table) != UINT32_MAX;
    for (size_t t = 0; t < printer->n_tables; t++)
        known |= printer->tables[t] == lookup->table;
    if (!known && lookup->table->op == IR_const_node)
        ARENA_PUSH(printer->arena, printer->tables, printer->n_tables, printer->tables_capacity, lookup->table);
}

static void find_tables(struct printer *printer, const struct poly *poly)
{
    poly_visit_lookups(poly, note_table, printer);
}

static void find_tables_in_expr(struct printer *printer, const struct ir_expr *value)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(printer->context, value, &count);
    for (size_t k = 0; order && k < count; k++) {
        if (order[k]->op == IR_EXPR_load)
            find_tables(printer, order[k]->load.address);
        if (order[k]->op == IR_EXPR_index)
            find_tables(printer, order[k]->index);
    }
}

static void find_tables_in_list(struct printer *printer, const struct loop_stmt *list)
{
    for (; list; list = list->next) {
        if (list->op == LOOP_FOR) {
            find_tables(printer, list->loop.begin);
            find_tables(printer, list->loop.end);
            if (list->loop.limit)
                find_tables(printer, list->loop.limit);
            find_tables_in_list(printer, list->loop.body);
        } else if (list->op == LOOP_STORE) {
            find_tables(printer, list->store.address);
            find_tables_in_expr(printer, list->store.value);
        } else if (list->op == LOOP_DEFINE || list->op == LOOP_SET) {
            find_tables_in_expr(printer, list->local.value);
        } else if (list->op == LOOP_IF || list->op == LOOP_CHECK) {
            for (uint32_t k = 0; k < list->branch.n_conditions; k++)
                find_tables(printer, list->branch.conditions[k]);
            find_tables_in_list(printer, list->branch.body);
            find_tables_in_list(printer, list->branch.otherwise);
        } else if (list->op == LOOP_PREFETCH) {
            find_tables(printer, list->prefetch.address);
        } else if (list->op == LOOP_BLOCK) {
            find_tables_in_list(printer, list->block);
        }
    }
}

/* ---- the head of a function ---- */

static void put_data(struct text *text, enum ir_elem elem, const struct ir_constant *constant)
{
    size_t count = constant->bytes / ir_elem_info(elem)->bytes;
    text_put(text, "{");
    for (size_t k = 0; k < count; k++) {
        text_put(text, k == 0 ? "" : k % 8 == 0 ? ",\n        " : ", ");
        put_number(text, ir_number_load(elem, constant->data, k));
    }
    text_put(text, "}");
}

static void put_shape(struct printer *printer, uint32_t rank, const struct poly *const *shape)
{
    text_put(printer->text, "[");
    for (uint32_t k = 0; k < rank; k++) {
        text_put(printer->text, k ? ", " : "");
        put_poly(printer, shape[k]);
    }
    text_put(printer->text, "]");
}

static void put_buffer(struct printer *printer, const struct loop_buffer *buffer)
{
    static const char *const kinds[] = {"input", "output", "constant", "scratch", "stack"};
    struct text *text = printer->text;
    text_printf(text, "    %s %s: %s%s", kinds[buffer->kind], buffer->name, buffer->by_value ? "value " : "",
                ir_elem_info(buffer->elem)->name);
    put_shape(printer, buffer->rank, buffer->shape);
    text_put(text, " count ");
    put_poly(printer, buffer->count);
    if (buffer->kind == LOOP_INPUT || buffer->kind == LOOP_OUTPUT)
        text_printf(text, " argument %" PRIu32, buffer->parameter);
    if (buffer->updates)
        text_printf(text, " updates %" PRIu32, buffer->updates - 1);
    if (buffer->is_complex && !ir_elem_is_complex(buffer->elem))
        text_put(text, " pairs");
    if (buffer->is_private)
        text_put(text, " private");
    if (buffer->kind == LOOP_SCRATCH && buffer->offset) {
        text_put(text, " at ");
        put_poly(printer, buffer->offset);
    }
    if (buffer->kind == LOOP_CONSTANT && buffer->constant) {
        text_put(text, " = ");
        put_data(text, buffer->elem, buffer->constant);
    }
    text_put(text, "\n");
}

static void put_dims(struct printer *printer)
{
    for (uint32_t k = 0; k < printer->function->n_dims; k++) {
        const struct ir_dim *dim = ir_dim_at(printer->context, printer->function->dims[k]);
        text_printf(printer->text, "    dim %s", dim->name);
        if (dim->typical > 0)
            text_printf(printer->text, " ~ %.17g", dim->typical);
        if (dim->bound > 0)
            text_printf(printer->text, " <= %" PRId64, dim->bound);
        if (dim->divisor > 1)
            text_printf(printer->text, " %% %" PRId64, dim->divisor);
        text_put(printer->text, "\n");
    }
}

static void put_workspace(struct printer *printer)
{
    const struct loop_function *function = printer->function;
    if (poly_equals(function->workspace, 0) && poly_equals(function->thread_workspace, 0))
        return;
    text_put(printer->text, "    workspace ");
    put_poly(printer, function->workspace);
    text_printf(printer->text, " align %" PRIu32, function->workspace_alignment);
    if (!poly_equals(function->thread_workspace, 0)) {
        text_put(printer->text, " each ");
        put_poly(printer, function->thread_workspace);
    }
    text_put(printer->text, "\n");
}

void loop_print(struct text *text, struct ir_context *context, const struct loop_function *function)
{
    struct printer printer = {.text = text, .context = context, .function = function, .arena = text->arena};
    printer.open = ARENA_ARRAY(text->arena, function->n_indices, const char *);
    if (!printer.open)
        return;
    find_tables_in_list(&printer, function->body);
    text_printf(text, "function %s {\n", function->name);
    put_dims(&printer);
    for (size_t k = 0; k < printer.n_tables; k++) {
        text_printf(text, "    table table_%zu: %s", k, ir_elem_info(printer.tables[k]->elem)->name);
        put_shape(&printer, printer.tables[k]->rank, printer.tables[k]->shape);
        text_put(text, " = ");
        put_data(text, printer.tables[k]->elem, printer.tables[k]->constant);
        text_put(text, "\n");
    }
    for (size_t k = 0; k < function->n_buffers; k++)
        put_buffer(&printer, &function->buffers[k]);
    put_workspace(&printer);
    if (function->threads)
        text_printf(text, "    threads %" PRIu32 "\n", function->threads);
    text_put(text, "\n");
    put_list(&printer, 1, function->body);
    text_put(text, "}\n");
}
