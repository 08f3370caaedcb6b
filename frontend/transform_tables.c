/* Transforms of real data as tables: each `dct2(n)` of a kernel, and what else has real entries and no data, becomes a let of its
 * entries in front of the statement that has it first, `let dct2_1[k_1: n, l_1: n] = dct2(n)[k_1,l_1]`, and its name stands where
 * it stood. In exact arithmetic it is the same; where a let is rounded to a type, the transform has coefficients then. Statements
 * inside of scans and operators of the file are left as they are. */
#include <ctype.h>
#include <string.h>
#include "parse.h"

struct table {
    const char *call, *name; /* as written; of the let */
};
struct tables {
    struct arena *arena;
    const char *text;
    struct frontend_edits *edits;
    struct table *items; /* of one kernel */
    size_t count, capacity;
    struct text lets; /* of one statement */
    uint32_t number;
    bool good;
};

static bool has_table(const char *name)
{
    static const char *const names[] = {"dct1", "dct2", "dct3", "dct4", "dst1", "dst2", "dst3", "dst4", "dht"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcmp(names[k], name) == 0)
            return true;
    return false;
}

/* Does a word of the source end in this suffix? Then no name is made with it. */
static bool is_suffix(const struct tables *tables, const char *suffix)
{
    size_t length = strlen(suffix);
    for (const char *at = tables->text; (at = strstr(at, suffix)); at++)
        if (!isalnum((unsigned char)at[length]) && at[length] != '_')
            return true;
    return false;
}

static const char *table_of(struct tables *tables, const struct ast_expr *call)
{
    const struct ast_expr *size = call->arguments;
    const char *written = arena_strndup(tables->arena, tables->text + call->span.begin, call->span.end - call->span.begin);
    const char *extent = arena_strndup(tables->arena, tables->text + size->span.begin, size->span.end - size->span.begin);
    const char *suffix = NULL;
    for (size_t k = 0; written && k < tables->count; k++)
        if (strcmp(tables->items[k].call, written) == 0)
            return tables->items[k].name;
    do
        suffix = arena_printf(tables->arena, "_%u", ++tables->number);
    while (suffix && is_suffix(tables, suffix));
    struct table table = {written, arena_printf(tables->arena, "%s%s", call->name.text, suffix ? suffix : "")};
    if (!written || !extent || !table.name || !ARENA_PUSH(tables->arena, tables->items, tables->count, tables->capacity, table))
        return NULL;
    text_printf(&tables->lets, "let %s[k%s: %s, l%s: %s] = %s[k%s,l%s]\n", table.name, suffix, extent, suffix, extent, written,
                suffix, suffix);
    return table.name;
}

static void walk(struct tables *tables, const struct ast_expr *expr)
{
    for (; expr && tables->good; expr = expr->next) {
        if (expr->kind == AST_CALL && has_table(expr->name.text) && expr->n_arguments == 1) {
            const char *name = table_of(tables, expr);
            tables->good = name && frontend_edit(tables->arena, tables->edits, expr->span.begin, expr->span.end, name);
            continue;
        }
        if (expr->callee)
            walk(tables, expr->callee);
        walk(tables, expr->arguments);
    }
}

/* The lets on lines of their own, as far in as the statement is. */
static bool place(struct tables *tables, uint32_t begin)
{
    const char *lets = text_finish(&tables->lets);
    uint32_t blank = begin;
    while (blank > 0 && (tables->text[blank - 1] == ' ' || tables->text[blank - 1] == '\t'))
        blank--;
    bool alone = blank == 0 || tables->text[blank - 1] == '\n';
    const char *margin = alone ? arena_strndup(tables->arena, tables->text + blank, begin - blank) : "    ";
    struct text placed = text_create(tables->arena);
    text_put(&placed, alone ? "" : "\n    ");
    for (const char *at = lets, *end; lets && margin && (end = strchr(at, '\n')); at = end + 1) {
        text_put_bytes(&placed, at, (size_t)(end + 1 - at));
        text_put(&placed, margin);
    }
    return margin && frontend_edit(tables->arena, tables->edits, alone ? begin : blank, begin, text_finish(&placed));
}

bool frontend_tables(struct ir_context *context, const struct source *source, struct frontend_edits *edits)
{
    struct tables tables = {.arena = ir_arena(context), .text = source->text, .edits = edits, .good = true};
    uint32_t number = diag_add_source(ir_diagnostics(context), source);
    const struct ast_file *file = parse_file(context, number);
    for (const struct ast_kernel *kernel = file ? file->kernels : NULL; kernel; kernel = kernel->next) {
        tables.count = 0; /* a let is seen in its kernel alone */
        for (const struct ast_statement *statement = kernel->body; statement && tables.good; statement = statement->next) {
            if (statement->kind != AST_ASSIGN && statement->kind != AST_LET)
                continue;
            size_t before = tables.count;
            tables.lets = text_create(tables.arena);
            walk(&tables, statement->value);
            tables.good = tables.good && (tables.count == before || place(&tables, statement->span.begin));
        }
    }
    return file && tables.good;
}
