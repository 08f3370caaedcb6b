/* Dims: run-time ones with what is promised of them, static and computed ones with their values, and what `--dims` binds.
 *
 * Run-time dims join the context in order of declaration: that is their order in the C signature. A computed dim may use dims that
 * are declared after it; circles are reported where they close. */
#include <string.h>
#include "declare_internal.h"

/* The symbol's `data` while dims are being computed. */
struct pending_dim {
    const struct ast_dim *ast;
    bool busy;
};

static const struct poly *fail(struct symbol *symbol)
{
    symbol->failed = true;
    return NULL;
}

static const struct poly *circle(struct resolver *resolver, struct symbol *symbol, struct span use)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0104, use, "`%s` depends on itself", symbol->name);
    diag_label(diagnostics, diag, "used here to compute `%s`", symbol->name);
    if (use.begin != symbol->span.end)
        diag_note(diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
    diag_help(diagnostics, diag, "a dim without `=` is known at run time");
    return fail(symbol);
}

static const struct poly *negative(struct resolver *resolver, struct symbol *symbol, const struct ast_dim *ast, int64_t value)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0220, ast->value->span, "dim `%s` is %lld", symbol->name, (long long)value);
    diag_label(diagnostics, diag, "this is negative");
    return fail(symbol);
}

const struct poly *dim_value(struct resolver *resolver, struct symbol *symbol, struct span use)
{
    struct pending_dim *pending = symbol->data;
    int64_t value;
    if (symbol->kind != SYMBOL_DIM || symbol->value || symbol->failed)
        return symbol->value;
    if (!pending) { /* a run-time dim whose turn has not come: only promises are read before it */
        diag_error(ir_diagnostics(resolver->context), DIAG_E0221, use,
                   "a promise of a dim is a constant, and `%s` is known at run time only", symbol->name);
        return NULL;
    }
    if (pending->busy)
        return circle(resolver, symbol, use);
    if (resolver->dim_depth == FRONTEND_NESTING) {
        struct diag *diag = diag_error(ir_diagnostics(resolver->context), DIAG_E0901, use,
                                       "dims build on each other more than %d deep", FRONTEND_NESTING);
        diag_help(ir_diagnostics(resolver->context), diag, "declare each dim before those that use it");
        return fail(symbol);
    }
    pending->busy = true;
    resolver->dim_depth++;
    symbol->value = resolve_extent(resolver, pending->ast->value);
    resolver->dim_depth--;
    pending->busy = false;
    if (!symbol->value)
        return fail(symbol);
    if (poly_is_constant(symbol->value, &value) && value < 0) {
        symbol->value = NULL;
        return negative(resolver, symbol, pending->ast, value);
    }
    return symbol->value;
}

/* A static number in a clause of a dim; `fallback` when the clause is absent. */
static bool clause_value(struct resolver *resolver, const struct ast_expr *expr, int64_t least, int64_t fallback, int64_t *value)
{
    *value = fallback;
    if (!expr)
        return true;
    const struct poly *poly = resolve_extent(resolver, expr);
    if (!poly)
        return false;
    if (!poly_is_constant(poly, value)) {
        diag_error(ir_diagnostics(resolver->context), DIAG_E0221, expr->span,
                   "a promise of a dim is a constant, and `%s` is known at run time only", extent_text(resolver, poly));
        return false;
    }
    if (*value >= least)
        return true;
    diag_error(ir_diagnostics(resolver->context), DIAG_E0224, expr->span, "%lld is too small; at least %lld makes sense here",
               (long long)*value, (long long)least);
    return false;
}

static bool read_promises(struct resolver *resolver, const struct ast_dim *ast, struct ir_dim *dim)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    int64_t typical;
    bool good = clause_value(resolver, ast->typical, 1, 0, &typical);
    good = clause_value(resolver, ast->bound, 1, 0, &dim->bound) && good;
    good = clause_value(resolver, ast->divisor, 1, 1, &dim->divisor) && good;
    dim->typical = (double)typical < IR_TYPICAL_LARGEST ? (double)typical : IR_TYPICAL_LARGEST;
    if (!good)
        return false;
    struct diag *diag = NULL;
    if (typical && dim->bound && typical > dim->bound) {
        diag = diag_error(diagnostics, DIAG_E0224, ast->typical->span, "the typical `%s` is above its bound", dim->name);
        diag_note(diagnostics, diag, ast->bound->span, "at most %lld", (long long)dim->bound);
    } else if (typical % dim->divisor != 0) {
        diag = diag_error(diagnostics, DIAG_E0224, ast->typical->span, "the typical `%s` is no multiple of %lld", dim->name,
                          (long long)dim->divisor);
        diag_note(diagnostics, diag, ast->divisor->span, "promised here");
    }
    return true;
}

static const struct frontend_dim_value *given_value(const struct resolver *resolver, const char *name)
{
    for (size_t k = 0; k < resolver->options->n_dims; k++)
        if (strcmp(resolver->options->dims[k].name, name) == 0)
            return &resolver->options->dims[k];
    return NULL;
}

/* `--dims E=100` against what the source promises of E. */
static bool keeps_promises(struct resolver *resolver, const struct ast_dim *ast, const struct ir_dim *dim, int64_t value)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    if (value < 0) {
        struct diag *diag =
            diag_error(diagnostics, DIAG_E0225, ast->name.span, "`--dims %s=%lld` is negative", dim->name, (long long)value);
        diag_label(diagnostics, diag, "declared here");
    } else if (dim->bound && value > dim->bound) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0225, ast->bound->span, "`--dims %s=%lld` is above the bound", dim->name,
                                       (long long)value);
        diag_label(diagnostics, diag, "`%s` is at most %lld", dim->name, (long long)dim->bound);
    } else if (value % dim->divisor != 0) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0225, ast->divisor->span, "`--dims %s=%lld` is no multiple of %lld",
                                       dim->name, (long long)value, (long long)dim->divisor);
        diag_label(diagnostics, diag, "promised here");
    } else {
        return true;
    }
    return false;
}

static void declare_run_time_dim(struct resolver *resolver, struct symbol *symbol, const struct ast_dim *ast)
{
    struct ir_dim dim = {.name = symbol->name, .divisor = 1, .span = symbol->span};
    const struct frontend_dim_value *given = given_value(resolver, symbol->name);
    if (!read_promises(resolver, ast, &dim)) {
        fail(symbol);
        return;
    }
    if (given && !keeps_promises(resolver, ast, &dim, given->value)) {
        fail(symbol);
        return;
    }
    if (given) {
        symbol->value = poly_constant(resolver->context, given->value);
        return;
    }
    uint32_t number = ir_add_dim(resolver->context, dim);
    if (number != UINT32_MAX)
        symbol->value = poly_dim(resolver->context, number);
}

static const char *run_time_dims(struct resolver *resolver)
{
    struct text text = text_create(ir_arena(resolver->context));
    for (const struct ast_dim *ast = resolver->file->dims; ast; ast = ast->next)
        if (!ast->value)
            text_printf(&text, "%s%s", text.length ? ", " : "", ast->name.text);
    const char *result = text_finish(&text);
    return result ? result : "";
}

/* Every name in `--dims` must be a run-time dim of the file. */
static void check_given(struct resolver *resolver)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    for (size_t k = 0; k < resolver->options->n_dims; k++) {
        const char *name = resolver->options->dims[k].name;
        const struct ast_dim *ast = resolver->file->dims;
        while (ast && strcmp(ast->name.text, name) != 0)
            ast = ast->next;
        if (ast && !ast->value)
            continue;
        struct diag *diag = diag_error(
            diagnostics, DIAG_E0225, ast ? ast->name.span : SPAN_NONE,
            ast ? "`--dims` gives `%s`, which the source computes" : "`--dims` gives `%s`, which is no dim of the source", name);
        const char *known = run_time_dims(resolver);
        if (*known)
            diag_help(diagnostics, diag, "the run-time dims are: %s", known);
        else
            diag_help(diagnostics, diag, "the source has no run-time dims");
    }
}

void declare_dim_names(struct resolver *resolver)
{
    for (const struct ast_dim *ast = resolver->file->dims; ast; ast = ast->next) {
        struct symbol *symbol = scope_add(resolver, resolver->scope, SYMBOL_DIM, &ast->name);
        struct pending_dim *pending = ast->value && symbol ? ARENA_NEW(ir_arena(resolver->context), struct pending_dim) : NULL;
        if (!pending)
            continue;
        pending->ast = ast;
        symbol->data = pending;
    }
}

/* Run-time dims first, in order of declaration; their promises may use static dims of any line. */
void declare_dims(struct resolver *resolver)
{
    for (const struct ast_dim *ast = resolver->file->dims; ast; ast = ast->next) {
        struct symbol *symbol = scope_find(resolver->scope, ast->name.text);
        if (symbol && !ast->value && symbol->span.begin == ast->name.span.begin)
            declare_run_time_dim(resolver, symbol, ast);
    }
    for (size_t k = 0; k < resolver->scope->n_symbols; k++)
        dim_value(resolver, resolver->scope->symbols[k], resolver->scope->symbols[k]->span);
    check_given(resolver);
}
