/* Statements of loop IR as C statements, in the layout of a careful hand.
 *
 * What belongs to a list of statements is declared at its head: row pointers for the innermost loops in it (c_rows.c), small arrays
 * whose uses all lie in it. A loop has braces when its body is more than one line; loops that never run, empty ones and locals that
 * nothing reads leave no trace. Shared parts of an expression get a name in front of their statement. */
#include "backends_internal.h"

#include <limits.h>
#include <string.h>

enum { LINE_WIDTH = 120, LEAST_WIDTH = 40 };

static size_t put_list(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *list);

/* What a scope adds to the lists of names is forgotten at its end. */
struct scope {
    size_t rows, visible;
};

static struct scope open_scope(const struct c_kernel *kernel)
{
    return (struct scope){kernel->n_rows, kernel->n_visible};
}

static void close_scope(struct c_kernel *kernel, struct scope scope)
{
    kernel->n_rows = scope.rows;
    kernel->n_visible = scope.visible;
}

/* ---- small arrays ---- */

/* All uses lie in this list, and not all in one loop of it. */
static bool is_home(struct c_kernel *kernel, const struct loop_stmt *list, uint32_t buffer)
{
    const struct loop_stmt *user = NULL;
    size_t users = 0;
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next)
        if (c_touches(kernel, stmt, buffer, false)) {
            user = stmt;
            users++;
        }
    return users > 1 || (users == 1 && user->op != LOOP_FOR && user->op != LOOP_BLOCK);
}

static size_t put_arrays(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *list)
{
    size_t declared = 0;
    for (uint32_t k = 0; k < kernel->loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &kernel->loops->buffers[k];
        if (buffer->kind != LOOP_STACK || !kernel->buffer_used[k] || kernel->array_declared[k] || !is_home(kernel, list, k))
            continue;
        kernel->array_declared[k] = true;
        c_indent(text, depth);
        if (kernel->array_lanes[k] > 0) {
            c_put_vector_array(kernel, text, k);
        } else {
            text_printf(text, "%s %s[", c_type(buffer->elem), kernel->buffers[k]);
            c_put_size(kernel, text, buffer->count, C_ANY);
            text_put(text, "];\n");
        }
        declared++;
    }
    return declared;
}

/* ---- parts ---- */

static const char *part_word(const struct ir_expr *expr)
{
    switch (expr->op) {
    case IR_EXPR_add:
        return "total";
    case IR_EXPR_sub:
        return "difference";
    case IR_EXPR_mul:
        return "product";
    case IR_EXPR_div:
        return "ratio";
    case IR_EXPR_select:
        return "choice";
    case IR_EXPR_cast:
        return "value";
    default:
        return NULL;
    }
}

static size_t put_parts(struct c_kernel *kernel, struct text *text, int depth, const struct ir_expr *value)
{
    struct arena *arena = kernel->file->arena;
    size_t count = 0;
    const struct ir_expr **shared = c_shared(kernel, value, &count);
    for (size_t k = 0; k < count; k++) {
        const char *word = part_word(shared[k]);
        const char *name = c_scope_name(kernel, word ? word : arena_printf(arena, "%s_value", ir_expr_info(shared[k]->op)->name));
        c_indent(text, depth);
        text_printf(text, "const %s %s = ", c_type(shared[k]->elem), name ? name : "");
        c_put_expr(kernel, text, shared[k], C_ANY);
        text_put(text, ";\n");
        struct c_part part = {shared[k], name};
        if (name)
            ARENA_PUSH(arena, kernel->parts, kernel->n_parts, kernel->parts_capacity, part);
    }
    return count;
}

/* ---- lines ---- */

/* Where to break a line so that at most `room` columns stand before: at the outermost operator of what is assigned, conditions
 * before sums before products, or behind a comma between arguments, the last such one; 0: nowhere. */
static size_t break_at(const char *line, size_t room)
{
    const char *assigned = strstr(line, "= ");
    size_t best = 0, first = assigned ? (size_t)(assigned - line) : 0;
    int depth = 0, least = INT_MAX;
    for (size_t k = first; k < room && line[k]; k++) {
        depth += (line[k] == '(' || line[k] == '[') - (line[k] == ')' || line[k] == ']');
        if (line[k] != ' ' || !line[k + 1])
            continue;
        bool comma = k > first && line[k - 1] == ',',
             sign = strchr("+-*/?:&|", line[k + 1]) && line[k + 2] && strchr(" &|", line[k + 2]);
        if (!comma && !sign)
            continue;
        bool product = line[k + 1] == '*' || line[k + 1] == '/', logical = line[k + 1] == '&' || line[k + 1] == '|';
        int rank = 3 * depth + (comma || logical ? 0 : product ? 2 : 1);
        if (rank <= least) {
            least = rank;
            best = k;
        }
    }
    return best;
}

void c_put_line(struct text *text, int depth, const char *line)
{
    for (bool first = true; line; first = false) {
        int columns = LINE_WIDTH - 4 * (depth + !first);
        size_t room = columns > LEAST_WIDTH ? (size_t)columns : LEAST_WIDTH;
        size_t end = strlen(line) > room ? break_at(line, room) : 0;
        c_indent(text, depth + !first);
        text_printf(text, "%.*s\n", (int)(end ? end : strlen(line)), line);
        line = end ? line + end + 1 : NULL;
    }
}

/* ---- statements ---- */

static size_t put_value_statement(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt)
{
    bool is_store = stmt->op == LOOP_STORE;
    const struct ir_expr *value = is_store ? stmt->store.value : stmt->local.value;
    enum ir_expr_op combine = is_store ? stmt->store.combine : stmt->op == LOOP_SET ? stmt->local.combine : IR_EXPR_OP_COUNT;
    size_t lines = put_parts(kernel, text, depth, value);
    struct text target = text_create(kernel->file->arena);
    if (is_store)
        c_put_element(kernel, &target, stmt->store.buffer, stmt->store.address);
    else
        text_put(&target, kernel->locals[stmt->local.local]);
    enum ir_elem elem = is_store ? kernel->loops->buffers[stmt->store.buffer].elem : kernel->loops->locals[stmt->local.local].elem;
    struct text line = text_create(kernel->file->arena);
    if (stmt->op == LOOP_DEFINE) {
        ARENA_PUSH(kernel->file->arena, kernel->visible, kernel->n_visible, kernel->visible_capacity,
                   kernel->locals[stmt->local.local]);
        text_printf(&line, "%s%s ", stmt->local.constant ? "const " : "", c_type(elem));
    }
    const char *finished = text_finish(&target);
    c_put_combined(kernel, &line, finished ? finished : "", elem, combine, value);
    text_put(&line, ";");
    c_put_line(text, depth, text_finish(&line));
    kernel->n_parts = 0;
    return lines + 1;
}

static void put_comment(struct c_kernel *kernel, struct text *text, int depth, const char *comment)
{
    const char *line = c_comment(kernel->file->arena, comment, strlen(comment));
    c_indent(text, depth);
    text_put(text, "/* ");
    while (line && *line) {
        int columns = LINE_WIDTH - 4 * depth - 10;
        size_t room = columns > LEAST_WIDTH ? (size_t)columns : LEAST_WIDTH;
        size_t end = strlen(line) > room ? break_at(line, room) : 0;
        if (end == 0)
            break;
        text_printf(text, "%.*s\n", (int)end, line);
        c_indent(text, depth);
        text_put(text, " *     ");
        line += end + 1;
    }
    text_printf(text, "%s */\n", line ? line : "");
}

/* Compilers unroll a loop with one exit: the limit of such a loop stands as a condition inside. */
static bool has_guard(const struct loop_stmt *stmt)
{
    return stmt->loop.limit && stmt->loop.kind == LOOP_UNROLLED;
}

/* `for (size_t j = 0; j < 14 && j < limit; j++)` */
static void put_loop_head(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt, const char *name)
{
    int64_t extent;
    if (stmt->loop.kind == LOOP_PARALLEL) {
        c_indent(text, depth);
        c_put_share(kernel, text, stmt, name);
        return;
    }
    if (stmt->loop.kind == LOOP_UNROLLED && poly_is_constant(stmt->loop.end, &extent) && extent > 1)
        text_printf(text, "#pragma GCC unroll %d\n", (int)extent);
    c_indent(text, depth);
    text_printf(text, "for (size_t %s = ", name);
    c_put_extent(kernel, text, stmt->loop.begin, C_ANY);
    text_put(text, "; ");
    c_put_below(kernel, text, name, stmt->loop.end);
    if (stmt->loop.limit && !has_guard(stmt)) {
        text_put(text, " && ");
        c_put_below(kernel, text, name, stmt->loop.limit);
    }
    text_printf(text, "; %s++)", name);
    if (has_guard(stmt)) {
        text_put(text, "\n");
        c_indent(text, depth + 1);
        text_put(text, "if (");
        c_put_below(kernel, text, name, stmt->loop.limit);
        text_put(text, ")");
    }
}

/* A loop as one that steps, whatever its kind. */
static size_t put_steps(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt)
{
    struct scope scope = open_scope(kernel);
    struct text body = text_create(kernel->file->arena);
    uint32_t index = stmt->loop.index, outer = kernel->innermost;
    const char *name = c_scope_name(kernel, kernel->loops->indices[index].name);
    kernel->indices[index] = name;
    kernel->innermost = c_has_loop(stmt->loop.body) ? UINT32_MAX : index;
    int within = depth + has_guard(stmt);
    size_t lines = put_list(kernel, &body, within + 1, stmt->loop.body);
    kernel->innermost = outer;
    kernel->indices[index] = NULL;
    close_scope(kernel, scope);
    const char *finished = text_finish(&body);
    if (lines == 0 || !finished || !name)
        return 0;
    bool braces = lines > 1 || (stmt->loop.body->op == LOOP_IF && stmt->loop.body->branch.otherwise);
    put_loop_head(kernel, text, depth, stmt, name);
    text_put(text, braces ? " {" : "");
    if (stmt->comment)
        text_printf(text, " /* %s */", c_comment(kernel->file->arena, stmt->comment, strlen(stmt->comment)));
    text_printf(text, "\n%s", finished);
    if (braces) {
        c_indent(text, within);
        text_put(text, "}\n");
    }
    return 1;
}

/* The loop in shares, one a thread, each with the private scratch of its thread. */
static size_t put_parallel(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt)
{
    struct text body = text_create(kernel->file->arena);
    struct scope scope = open_scope(kernel);
    bool streams = kernel->streams;
    kernel->streams = false;
    kernel->thread = c_scope_name(kernel, "thread");
    if (c_is_streamed_row(kernel, stmt))
        c_put_streamed_share(kernel, &body, depth + 1, stmt);
    else if (put_steps(kernel, &body, depth + 1, stmt) == 0)
        body.length = 0;
    const char *finished = text_finish(&body);
    if (body.length > 0 && finished && kernel->thread)
        c_put_threads(kernel, text, depth, stmt, finished);
    size_t lines = body.length > 0 ? 2 : 0; /* several: it asks for braces */
    kernel->streams = streams;              /* every thread has finished its own */
    kernel->thread = NULL;
    close_scope(kernel, scope);
    return lines;
}

static size_t put_vector_block(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt)
{
    size_t lines = 0;
    const char *call = c_codelet_call(kernel, stmt);
    if (call) {
        c_put_line(text, depth, call);
        return 1;
    }
    for (const struct loop_stmt *now = stmt->loop.body; now;) {
        const char *line = c_vector_block_line(kernel, stmt, &now);
        c_put_line(text, depth, line);
        lines += line != NULL;
    }
    for (const struct loop_stmt *now = stmt->loop.body; now; now = now->next)
        if (now->op == LOOP_DEFINE)
            kernel->local_vector[now->local.local] = false;
    return lines;
}

static size_t put_for(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt,
                      const struct loop_stmt *beside)
{
    if (stmt->loop.kind == LOOP_PARALLEL)
        return put_parallel(kernel, text, depth, stmt);
    if (c_is_vector_block(stmt))
        return put_vector_block(kernel, text, depth, stmt);
    if (stmt->loop.kind == LOOP_VECTOR) {
        c_put_line(text, depth, c_vector_statement(kernel, stmt, beside));
        return 1;
    }
    if (stmt->loop.kind == LOOP_DOT) {
        c_put_line(text, depth, c_dot_statement(kernel, stmt));
        return 1;
    }
    if (c_is_streamed_row(kernel, stmt)) {
        c_put_line(text, depth, c_streamed_row_statement(kernel, stmt, NULL));
        return 1;
    }
    return put_steps(kernel, text, depth, stmt);
}

/* The call ends where a condition does not hold. */
static size_t put_check(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt)
{
    struct text violations = text_create(kernel->file->arena);
    size_t put = 0;
    for (uint32_t k = 0; k < stmt->branch.n_conditions; k++) {
        struct text violation = text_create(kernel->file->arena);
        if (!c_put_violation(kernel, &violation, stmt->branch.conditions[k]))
            continue;
        const char *finished = text_finish(&violation);
        text_printf(&violations, "%s%s", put++ ? " || " : "", finished ? finished : "");
    }
    const char *finished = text_finish(&violations);
    if (put == 0 || !finished)
        return 0;
    c_put_line(text, depth, arena_printf(kernel->file->arena, "if (%s)", finished));
    c_indent(text, depth + 1);
    text_put(text, "return 1;\n");
    return 1;
}

static size_t put_conditions(struct c_kernel *kernel, struct text *text, const struct loop_stmt *stmt)
{
    size_t put = 0;
    for (uint32_t k = 0; k < stmt->branch.n_conditions; k++) {
        struct text condition = text_create(kernel->file->arena);
        if (!c_put_condition(kernel, &condition, stmt->branch.conditions[k]))
            continue;
        const char *finished = text_finish(&condition);
        text_printf(text, "%s%s", put++ ? " && " : "", finished ? finished : "");
    }
    return put;
}

static size_t put_branch(struct c_kernel *kernel, int depth, const struct loop_stmt *list, const char **finished)
{
    struct scope scope = open_scope(kernel);
    struct text body = text_create(kernel->file->arena);
    size_t lines = put_list(kernel, &body, depth, list);
    close_scope(kernel, scope);
    *finished = text_finish(&body);
    return *finished ? lines : 0;
}

static bool is_simple(const struct loop_stmt *list, size_t lines)
{
    return lines == 1 && (list->op == LOOP_STORE || list->op == LOOP_SET);
}

static size_t put_if(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt)
{
    struct text conditions = text_create(kernel->file->arena);
    const char *body, *otherwise;
    if (put_conditions(kernel, &conditions, stmt) == 0)
        return put_list(kernel, text, depth, stmt->branch.body);
    size_t body_lines = put_branch(kernel, depth + 1, stmt->branch.body, &body);
    size_t otherwise_lines = put_branch(kernel, depth + 1, stmt->branch.otherwise, &otherwise);
    if (body_lines + otherwise_lines == 0)
        return 0;
    bool braces =
        !is_simple(stmt->branch.body, body_lines) || (otherwise_lines && !is_simple(stmt->branch.otherwise, otherwise_lines));
    c_indent(text, depth);
    text_printf(text, "if (%s)%s\n%s", text_finish(&conditions), braces ? " {" : "", body);
    if (otherwise_lines) {
        c_indent(text, depth);
        text_printf(text, "%selse%s\n%s", braces ? "} " : "", braces ? " {" : "", otherwise);
    }
    if (braces) {
        c_indent(text, depth);
        text_put(text, "}\n");
    }
    return 1;
}

/* Does the block define a local that what comes after it defines again? There it must not be visible. */
static bool needs_braces(const struct loop_stmt *list, const struct loop_stmt *after)
{
    for (; list; list = list->next)
        if ((list->op == LOOP_DEFINE && c_defines(after, list->local.local)) ||
            (list->op == LOOP_BLOCK && needs_braces(list->block, after)) ||
            (list->op == LOOP_FOR && list->loop.kind == LOOP_VECTOR && needs_braces(list->loop.body, after)))
            return true;
    return false;
}

/* A stage: its comment, a blank line before it when something stands above, braces only where names need them. */
static size_t put_block(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt, bool first)
{
    struct text body = text_create(kernel->file->arena);
    struct scope scope = open_scope(kernel);
    bool braces = needs_braces(stmt->block, stmt->next);
    size_t lines = put_list(kernel, &body, braces ? depth + 1 : depth, stmt->block);
    const char *finished = text_finish(&body);
    if (braces)
        close_scope(kernel, scope);
    if (lines == 0 || !finished)
        return 0;
    if (!first && stmt->comment)
        text_put(text, "\n");
    if (stmt->comment)
        put_comment(kernel, text, depth, stmt->comment);
    if (braces) {
        c_indent(text, depth);
        text_put(text, "{\n");
    }
    text_put(text, finished);
    if (braces) {
        c_indent(text, depth);
        text_put(text, "}\n");
    }
    return stmt->comment ? lines + 1 : lines;
}

/* The place may lie outside of the array, which a pointer must not. */
static size_t put_prefetch(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt)
{
    struct text line = text_create(kernel->file->arena);
    const char *array = kernel->buffers[stmt->prefetch.buffer];
    text_printf(&line, "prefetch%s(%s, ", stmt->prefetch.far ? "_far" : "", array ? array : "");
    c_put_size(kernel, &line, stmt->prefetch.address, C_ANY);
    text_put(&line, ");");
    c_put_line(text, depth, text_finish(&line));
    kernel->file->prefetches = true;
    return 1;
}

/* `before` is the statement before it in its list, or NULL. */
static size_t put_statement(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *stmt,
                            const struct loop_stmt *before, bool first)
{
    if (!c_is_live(kernel, stmt))
        return 0;
    switch (stmt->op) {
    case LOOP_FOR:
        return put_for(kernel, text, depth, stmt, before);
    case LOOP_STORE:
    case LOOP_DEFINE:
    case LOOP_SET:
        return put_value_statement(kernel, text, depth, stmt);
    case LOOP_IF:
        return put_if(kernel, text, depth, stmt);
    case LOOP_CHECK:
        return put_check(kernel, text, depth, stmt);
    case LOOP_PREFETCH:
        return put_prefetch(kernel, text, depth, stmt);
    case LOOP_COMMENT:
        if (!stmt->comment)
            return 0;
        put_comment(kernel, text, depth, stmt->comment);
        return 2; /* a comment alone asks for braces, too */
    case LOOP_BLOCK:
        return put_block(kernel, text, depth, stmt, first);
    }
    return 0;
}

/* Gives the number of lines that count for braces. */
static size_t put_list(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *list)
{
    size_t rows = kernel->n_rows;
    size_t lines = put_arrays(kernel, text, depth, list) + c_put_rows(kernel, text, depth, list);
    for (const struct loop_stmt *stmt = list, *before = NULL; stmt; before = stmt, stmt = stmt->next)
        lines += put_statement(kernel, text, depth, stmt, before, lines == 0);
    kernel->n_rows = rows; /* their names stay visible: the C scope may go on */
    return lines;
}

/* ---- the body of the function ---- */

/* The signature is the source's; what the work does not need is named so that no compiler asks. */
static void put_unused(struct c_kernel *kernel, struct text *text)
{
    const struct loop_function *loops = kernel->loops;
    if (loops->threads && !kernel->uses_threads)
        text_printf(text, "    (void)%s; /* not needed */\n", kernel->threads);
    for (uint32_t k = 0; k < loops->n_dims; k++)
        if (!kernel->dim_used[loops->dims[k]])
            text_printf(text, "    (void)%s; /* not needed */\n", kernel->dims[loops->dims[k]]);
    for (uint32_t k = 0; k < loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &loops->buffers[k];
        bool is_argument = buffer->kind == LOOP_INPUT || buffer->kind == LOOP_OUTPUT || c_is_weight(kernel, k);
        if (is_argument && !kernel->buffer_used[k])
            text_printf(text, "    (void)%s; /* not %s */\n", kernel->buffers[k], buffer->kind == LOOP_OUTPUT ? "written" : "read");
    }
}

void c_put_body(struct c_kernel *kernel, struct text *text)
{
    struct text scratch = text_create(kernel->file->arena), body = text_create(kernel->file->arena);
    bool any_scratch = c_put_scratch(kernel, &scratch);
    kernel->innermost = UINT32_MAX;
    put_list(kernel, &body, 1, kernel->loops->body);
    text_put(text, "{\n");
    put_unused(kernel, text);
    if (kernel->memory && kernel->uses_workspace)
        text_printf(text, "    void *const %s = %s.bytes;\n", kernel->workspace, kernel->memory);
    if (c_takes_workspace(kernel) && !kernel->uses_workspace)
        text_printf(text, "    (void)%s; /* not needed */\n", kernel->workspace);
    if (any_scratch)
        text_printf(text, "%s\n", text_finish(&scratch));
    text_put(text, text_finish(&body));
    if (kernel->streams)
        text_put(text, "    finish_streams(); /* before anyone is told that the results are there */\n");
    text_put(text, c_returns_status(kernel) ? "    return 0;\n}\n" : "}\n");
}
