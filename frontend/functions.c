/* Functions by name: those of functions.def, what takes a number apart, hypot, atan2, min, max and where, casts, and what `and or
 * not div mod` and comparisons share with them. */
#include "formula.h"

#include <string.h>

struct function {
    const char *name;
    enum ir_expr_op op;
};

static const struct function functions[] = {
#define FUNCTION(name, domains, c, real, complex, slope, derivative, meaning) {#name, IR_EXPR_##name},
#include "ir/functions.def"
    {"abs", IR_EXPR_abs},
    {"conj", IR_EXPR_conj},
    {"real", IR_EXPR_real},
    {"imag", IR_EXPR_imag},
};

static const struct function pairs[] = {{"hypot", IR_EXPR_hypot}, {"atan2", IR_EXPR_atan2}};

/* and, or, not take bool values only; comparisons of order take no complex ones. */
static bool takes_type(struct statement *statement, enum ir_expr_op op, struct span op_span, struct value_type type,
                       const struct formula *argument)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    bool wants_bool = op == IR_EXPR_and || op == IR_EXPR_or || op == IR_EXPR_not;
    if (ir_expr_takes(op, type.weakness == WEAK_AN_INTEGER ? IR_i64 : type.elem))
        return true;
    statement->failed = true;
    if (wants_bool) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0316, op_span, "`%s` takes bool values, not %s", ir_expr_info(op)->name,
                                       value_type_name(type));
        diag_help(diagnostics, diag, "compare first: `%s != 0`", source_text(statement->body, argument->span));
        return false;
    }
    struct diag *diag = diag_error(diagnostics, DIAG_E0312, op_span, "%s values have no such operation", value_type_name(type));
    diag_note(diagnostics, diag, argument->span, "this is %s", value_type_name(argument->type));
    if (ir_elem_is_complex(type.elem))
        diag_help(diagnostics, diag, "complex numbers have no order and no remainder; take `real(...)` or `abs(...)` first");
    return false;
}

/* A condition is bool; the two values of `where` have one type. */
static bool type_of_select(struct statement *statement, struct span op_span, struct formula *const *arguments,
                           struct value_type *result)
{
    if (!value_is_bool(arguments[0]->type)) {
        struct diag *diag = diag_error(statement->body->diagnostics, DIAG_E0316, arguments[0]->span,
                                       "the condition of `where` is %s, not bool", value_type_name(arguments[0]->type));
        diag_help(statement->body->diagnostics, diag, "compare: `%s != 0`", source_text(statement->body, arguments[0]->span));
        statement->failed = true;
        return false;
    }
    return types_meet(statement, op_span, arguments[1], arguments[2], result);
}

struct formula *formula_apply(struct statement *statement, enum ir_expr_op op, struct span span, struct span op_span,
                              uint32_t n_arguments, struct formula *const *arguments)
{
    struct formula *apply = formula_create(statement, FORMULA_APPLY, span);
    if (!apply)
        return NULL;
    apply->op = op;
    apply->n_arguments = n_arguments;
    for (uint32_t k = 0; k < n_arguments; k++) {
        apply->arguments[k] = arguments[k];
        apply->free = index_set_union(&apply->free, &arguments[k]->free);
    }
    bool typed = true;
    if (op == IR_EXPR_select)
        typed = type_of_select(statement, op_span, arguments, &apply->type);
    else if (op == IR_EXPR_and || op == IR_EXPR_or)
        apply->type = arguments[0]->type, typed = takes_type(statement, op, op_span, arguments[0]->type, arguments[0]) &&
                                                  takes_type(statement, op, op_span, arguments[1]->type, arguments[1]);
    else if (n_arguments == 2)
        typed = types_meet(statement, op_span, arguments[0], arguments[1], &apply->type) &&
                takes_type(statement, op, op_span, apply->type, arguments[0]);
    else
        apply->type = arguments[0]->type, typed = takes_type(statement, op, op_span, apply->type, arguments[0]);
    if (ir_expr_info(op)->result == IR_RESULT_BOOL)
        apply->type = (struct value_type){TYPED, IR_bool, NULL};
    return typed ? apply : NULL;
}

static bool check_arity(struct statement *statement, const struct ast_expr *expr, uint32_t wanted)
{
    if (expr->n_arguments == wanted)
        return true;
    diag_error(statement->body->diagnostics, DIAG_E0317, expr->span, "`%s` takes %u argument%s, not %u", expr->name.text, wanted,
               wanted == 1 ? "" : "s", expr->n_arguments);
    statement->failed = true;
    return false;
}

static struct formula *build_function(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings,
                                      enum ir_expr_op op)
{
    if (!check_arity(statement, expr, 1))
        return NULL;
    struct formula *argument = formula_build(statement, expr->arguments, bindings);
    struct formula *apply = argument ? formula_create(statement, FORMULA_APPLY, expr->span) : NULL;
    if (!apply || !type_of_function(statement, op, expr->name.text, expr->op_span, argument, &apply->type))
        return NULL;
    apply->op = op;
    apply->n_arguments = 1;
    apply->arguments[0] = argument;
    apply->free = argument->free;
    return apply;
}

/* f64(x). From complex to real only `real` and `imag` go, so that an imaginary part is never dropped in silence. */
static struct formula *build_cast(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings,
                                  enum ir_elem elem)
{
    if (!check_arity(statement, expr, 1))
        return NULL;
    struct formula *argument = formula_build(statement, expr->arguments, bindings);
    struct formula *cast = argument ? formula_create(statement, FORMULA_APPLY, expr->span) : NULL;
    if (!cast)
        return NULL;
    if (argument->type.fixed && !ir_elem_is_float(elem)) {
        report_no_fixed_form(statement, expr->span, arena_printf(statement->body->arena, "a cast to %s", ir_elem_info(elem)->name),
                             argument);
        return NULL;
    }
    if (ir_elem_is_complex(argument->type.elem) && !ir_elem_is_complex(elem)) {
        struct body *body = statement->body;
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0313, expr->span, "a cast to %s would drop the imaginary part",
                                       ir_elem_info(elem)->name);
        const char *inner = source_text(body, argument->span);
        diag_help(body->diagnostics, diag, "write `%s(real(%s))`", ir_elem_info(elem)->name, inner);
        statement->failed = true;
        return NULL;
    }
    cast->op = IR_EXPR_cast;
    cast->type = (struct value_type){TYPED, elem, NULL};
    cast->n_arguments = 1;
    cast->arguments[0] = argument;
    cast->free = argument->free;
    return cast;
}

/* where, hypot, atan2: at most 3 arguments. */
static struct formula *build_several(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings,
                                     enum ir_expr_op op)
{
    struct formula *arguments[3];
    uint32_t count = 0, arity = (uint32_t)ir_expr_info(op)->arity;
    if (!check_arity(statement, expr, arity))
        return NULL;
    bool built = true;
    for (const struct ast_expr *argument = expr->arguments; argument; argument = argument->next, count++) {
        arguments[count] = formula_build(statement, argument, bindings);
        built = built && arguments[count];
    }
    return built ? formula_apply(statement, op, expr->span, expr->op_span, arity, arguments) : NULL;
}

/* min(a, b, ...) and max(a, b, ...). */
static struct formula *build_extreme(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings,
                                     enum ir_expr_op op)
{
    if (expr->n_arguments < 2) {
        struct diag *diag =
            diag_error(statement->body->diagnostics, DIAG_E0317, expr->span, "`%s` takes two or more arguments", expr->name.text);
        diag_help(statement->body->diagnostics, diag, "a reduction names its indices: `%s[j](...)`", expr->name.text);
        statement->failed = true;
        return NULL;
    }
    struct formula *result = formula_build(statement, expr->arguments, bindings);
    for (const struct ast_expr *argument = expr->arguments->next; argument; argument = argument->next) {
        struct formula *next = formula_build(statement, argument, bindings);
        struct formula *pair[2] = {result, next};
        result = result && next ? formula_apply(statement, op, expr->span, expr->op_span, 2, pair) : NULL;
    }
    return result;
}

static struct formula *report_unknown(struct statement *statement, const struct ast_expr *expr)
{
    struct body *body = statement->body;
    const char *name = expr->name.text;
    statement->failed = true;
    const struct symbol *symbol = body_find(body, name);
    if (is_constructor_name(name) || (symbol && symbol->kind == SYMBOL_OPERATOR)) {
        report_bare_operator(body, expr->span);
        return NULL;
    }
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0605, expr->op_span, "there is no function or kernel `%s`", name);
    if (symbol) {
        diag_note(body->diagnostics, diag, symbol->span, "`%s` is a %s", name, symbol_kind_name(symbol->kind));
        return NULL;
    }
    const char *similar = scope_suggest(body->scope, name);
    if (strcmp(name, "q7") == 0 || strcmp(name, "q15") == 0)
        diag_help(body->diagnostics, diag, "a let with a type rounds: `let v[...]: %s scale(...) = ...`", name);
    else if (similar)
        diag_help(body->diagnostics, diag, "was `%s` meant?", similar);
    return NULL;
}

struct formula *formula_call(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    const char *name = expr->name.text;
    enum ir_elem elem;
    const struct symbol *symbol = body_find(statement->body, name);
    if (symbol && symbol->kind == SYMBOL_KERNEL)
        return formula_access(statement, expr, bindings);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        if (strcmp(functions[k].name, name) == 0)
            return build_function(statement, expr, bindings, functions[k].op);
    if (strcmp(name, "where") == 0)
        return build_several(statement, expr, bindings, IR_EXPR_select);
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        if (strcmp(pairs[k].name, name) == 0)
            return build_several(statement, expr, bindings, pairs[k].op);
    if (strcmp(name, "min") == 0 || strcmp(name, "max") == 0)
        return build_extreme(statement, expr, bindings, name[1] == 'i' ? IR_EXPR_min : IR_EXPR_max);
    if (ir_elem_from_name(name, strlen(name), &elem))
        return build_cast(statement, expr, bindings, elem);
    return report_unknown(statement, expr);
}
