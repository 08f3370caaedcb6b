/* Syntax tree to formula: names become tensors, indices and numbers; every node gets its type and its free indices.
 *
 * Numbers among themselves are folded here, in double, as the language evaluates weak expressions; anything else keeps its shape,
 * for the summation rule reads it. */
#include "operators.h"

#include <math.h>
#include <string.h>

struct formula *formula_create(struct statement *statement, enum formula_kind kind, struct span span)
{
    struct formula *formula = ARENA_NEW(statement->body->arena, struct formula);
    if (!formula)
        return NULL;
    formula->kind = kind;
    formula->span = span;
    return formula;
}

struct formula *formula_around(struct statement *statement, enum formula_kind kind, struct span span, struct formula *argument)
{
    struct formula *formula = argument ? formula_create(statement, kind, span) : NULL;
    if (!formula)
        return NULL;
    formula->type = argument->type;
    formula->free = argument->free;
    formula->n_arguments = 1;
    formula->arguments[0] = argument;
    return formula;
}

bool formula_is_product(const struct formula *formula)
{
    return formula->kind == FORMULA_MULTIPLY || formula->kind == FORMULA_DIVIDE || formula->kind == FORMULA_NEGATE;
}

bool formula_stays_whole(const struct formula *formula, const struct index_set *stay)
{
    struct index_set leaving = index_set_minus(&formula->free, stay);
    return index_set_is_empty(&leaving);
}

/* ---- numbers ---- */

static struct formula *number_formula(struct statement *statement, struct span span, enum weakness weakness, double re, double im)
{
    struct formula *formula = formula_create(statement, FORMULA_NUMBER, span);
    if (!formula)
        return NULL;
    formula->type = (struct value_type){weakness, weakness == WEAK_A_COMPLEX ? IR_c128 : IR_f64, NULL};
    formula->number.kind = weakness == WEAK_A_COMPLEX ? WEAK_COMPLEX : WEAK_REAL;
    formula->number.re = re;
    formula->number.im = im;
    return formula;
}

static struct formula *integer_formula(struct statement *statement, struct span span, int64_t value)
{
    struct formula *formula = number_formula(statement, span, WEAK_AN_INTEGER, (double)value, 0);
    if (!formula)
        return NULL;
    formula->number.kind = WEAK_INTEGER;
    formula->number.integer = value;
    return formula;
}

static struct formula *bool_formula(struct statement *statement, const struct ast_expr *expr)
{
    struct formula *formula = integer_formula(statement, expr->span, expr->integer != 0);
    if (!formula)
        return NULL;
    formula->number.kind = WEAK_BOOL;
    formula->type = (struct value_type){TYPED, IR_bool, NULL};
    return formula;
}

/* An integer literal that only u64 holds is typed. */
static struct formula *unsigned_formula(struct statement *statement, const struct ast_expr *expr)
{
    struct formula *formula = integer_formula(statement, expr->span, expr->integer);
    if (!formula)
        return NULL;
    formula->number.kind = WEAK_UNSIGNED;
    formula->number.re = expr->number;
    formula->type = (struct value_type){TYPED, IR_u64, NULL};
    return formula;
}

static bool folds(const struct formula *formula)
{
    return formula->kind == FORMULA_NUMBER && formula->type.weakness;
}

/* NULL: not folded (an integer that overflows is left to double). */
static struct formula *fold_integers(struct statement *statement, enum formula_kind kind, struct span span, int64_t a, int64_t b)
{
    int64_t value = 0;
    bool exact = kind == FORMULA_ADD        ? checked_add(a, b, &value)
                 : kind == FORMULA_MULTIPLY ? checked_multiply(a, b, &value)
                                            : !__builtin_sub_overflow(a, b, &value);
    return exact ? integer_formula(statement, span, value) : NULL;
}

static struct formula *fold(struct statement *statement, enum formula_kind kind, struct span span, enum weakness weakness,
                            const struct formula *a, const struct formula *b)
{
    double x = a->number.re, xi = a->number.im, y = b->number.re, yi = b->number.im;
    if (weakness == WEAK_AN_INTEGER)
        return fold_integers(statement, kind, span, a->number.integer, b->number.integer);
    switch (kind) {
    case FORMULA_ADD:
        return number_formula(statement, span, weakness, x + y, xi + yi);
    case FORMULA_SUBTRACT:
        return number_formula(statement, span, weakness, x - y, xi - yi);
    case FORMULA_MULTIPLY:
        if (weakness != WEAK_A_COMPLEX)
            return number_formula(statement, span, weakness, x * y, 0);
        return number_formula(statement, span, weakness, x * y - xi * yi, x * yi + xi * y);
    default:
        if (weakness != WEAK_A_COMPLEX)
            return number_formula(statement, span, weakness, x / y, 0);
        if (yi == 0)
            return number_formula(statement, span, weakness, x / y, xi / y);
        return NULL;
    }
}

/* ---- operators ---- */

static struct formula *join(struct statement *statement, enum formula_kind kind, const struct ast_expr *expr, struct formula *a,
                            struct formula *b)
{
    struct body *body = statement->body;
    struct formula *formula = a && b ? formula_create(statement, kind, expr->span) : NULL;
    if (!formula)
        return NULL;
    bool product = kind == FORMULA_MULTIPLY || kind == FORMULA_DIVIDE;
    bool typed = product ? type_of_product(statement, kind == FORMULA_DIVIDE, expr->op_span, a, b, &formula->type)
                         : types_meet(statement, expr->op_span, a, b, &formula->type);
    if (!typed)
        return NULL;
    if (kind == FORMULA_SUBTRACT && value_is_bool(formula->type)) {
        diag_error(body->diagnostics, DIAG_E0316, expr->op_span, "bool values are not subtracted");
        statement->failed = true;
        return NULL;
    }
    if (folds(a) && folds(b)) {
        struct formula *folded = fold(statement, kind, expr->span, formula->type.weakness, a, b);
        if (folded)
            return folded;
    }
    formula->n_arguments = 2;
    formula->arguments[0] = a;
    formula->arguments[1] = b;
    formula->free = index_set_union(&a->free, &b->free);
    formula->real_part = product && (a->real_part || b->real_part);
    return formula;
}

static struct formula *build_binary(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct formula *pair[2];
    pair[0] = formula_build(statement, expr->arguments, bindings);
    pair[1] = formula_build(statement, expr->arguments->next, bindings);
    if (!pair[0] || !pair[1])
        return NULL;
    switch (expr->op) {
    case AST_MULTIPLY:
        return join(statement, FORMULA_MULTIPLY, expr, pair[0], pair[1]);
    case AST_DIVIDE:
        return join(statement, FORMULA_DIVIDE, expr, pair[0], pair[1]);
    case AST_ADD:
        return join(statement, FORMULA_ADD, expr, pair[0], pair[1]);
    case AST_SUBTRACT:
        return join(statement, FORMULA_SUBTRACT, expr, pair[0], pair[1]);
    case AST_MATRIX_MULTIPLY:
        report_bare_operator(statement->body, expr->span);
        statement->failed = true;
        return NULL;
    default:
        break;
    }
    static const struct {
        enum ast_op ast;
        enum ir_expr_op op;
    } rows[] = {{AST_DIV, IR_EXPR_floor_div}, {AST_MOD, IR_EXPR_floor_mod}, {AST_EQ, IR_EXPR_eq}, {AST_NE, IR_EXPR_ne},
                {AST_LT, IR_EXPR_lt},         {AST_LE, IR_EXPR_le},         {AST_GT, IR_EXPR_gt}, {AST_GE, IR_EXPR_ge},
                {AST_AND, IR_EXPR_and},       {AST_OR, IR_EXPR_or}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (rows[k].ast == expr->op)
            return formula_apply(statement, rows[k].op, expr->span, expr->op_span, 2, pair);
    return NULL;
}

static struct formula *build_negate(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct formula *argument = formula_build(statement, expr->arguments, bindings);
    if (!argument)
        return NULL;
    if (value_is_bool(argument->type)) {
        struct diag *diag = diag_error(statement->body->diagnostics, DIAG_E0316, expr->span, "a bool value has no negative");
        diag_help(statement->body->diagnostics, diag, "write `not %s`", source_text(statement->body, argument->span));
        statement->failed = true;
        return NULL;
    }
    if (argument->kind == FORMULA_NUMBER && argument->number.kind == WEAK_UNSIGNED && argument->number.integer == INT64_MIN)
        return integer_formula(statement, expr->span, INT64_MIN);
    if (folds(argument) && argument->type.weakness != WEAK_AN_INTEGER)
        return number_formula(statement, expr->span, argument->type.weakness, -argument->number.re, -argument->number.im);
    if (folds(argument) && argument->number.integer != INT64_MIN)
        return integer_formula(statement, expr->span, -argument->number.integer);
    struct formula *formula = formula_around(statement, FORMULA_NEGATE, expr->span, argument);
    if (formula)
        formula->real_part = argument->real_part;
    return formula;
}

/* ---- names and accesses ---- */

static struct formula *value_formula(struct statement *statement, struct span span, const struct poly *value)
{
    struct formula *formula = formula_create(statement, FORMULA_VALUE, span);
    if (!formula)
        return NULL;
    formula->type = (struct value_type){WEAK_AN_INTEGER, IR_f64, NULL};
    formula->value = value;
    return formula;
}

static struct formula *index_formula(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    uint32_t index = index_use(statement, bindings, &expr->name);
    if (index == UINT32_MAX)
        return NULL;
    struct formula *formula = value_formula(statement, expr->span, poly_index(statement->body->context, index));
    if (formula)
        index_set_add(&formula->free, index);
    return formula;
}

static bool is_bound(const struct binding *bindings, const char *name)
{
    for (; bindings; bindings = bindings->outer)
        if (strcmp(bindings->name, name) == 0)
            return true;
    return false;
}

/* A value of which only the plain indices are known. */
static struct formula *unknown_formula(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct formula *formula = value_formula(statement, expr->span, poly_constant(statement->body->context, 0));
    for (const struct ast_expr *subscript = expr->arguments; formula && subscript; subscript = subscript->next) {
        uint32_t index = subscript->kind == AST_NAME && !body_find(statement->body, subscript->name.text)
                             ? index_use(statement, bindings, &subscript->name)
                             : UINT32_MAX;
        if (index != UINT32_MAX)
            index_set_add(&formula->free, index);
    }
    return formula;
}

struct formula *formula_access(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct body *body = statement->body;
    struct whole whole;
    bool subscripted = expr->kind == AST_ACCESS;
    const struct ast_expr *subscripts = subscripted ? expr->arguments : NULL;
    enum scan_reading reading = scan_read(statement, expr, &whole, &subscripts);
    if (reading == SCAN_UNKNOWN)
        return unknown_formula(statement, expr, bindings);
    if (reading == SCAN_WRONG || (reading == SCAN_OTHER && !whole_value(statement, subscripted ? expr->callee : expr, &whole))) {
        statement->failed = true;
        return NULL;
    }
    struct formula *access = formula_create(statement, FORMULA_ACCESS, expr->span);
    if (!access)
        return NULL;
    access->node = whole.node;
    access->type = (struct value_type){whole.weakness, whole.node->elem, whole.fixed};
    access->tensor_name = whole.name;
    access->tensor_type = whole.type;
    access->subscripts = subscripts;
    access->bindings = bindings;
    if (!subscripted && whole.node->rank > 0) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0217, expr->span, "`%s` has %u ax%s and stands here without subscripts", whole.name,
                       whole.node->rank, whole.node->rank == 1 ? "is" : "es");
        diag_help(body->diagnostics, diag, "write `%s[...]` with one subscript an axis; only a copy `v = u` takes a whole tensor",
                  whole.name);
        statement->failed = true;
        return NULL;
    }
    return subscripts_read(statement, access) ? access : NULL;
}

static struct formula *build_name(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    if (is_bound(bindings, expr->name.text))
        return index_formula(statement, expr, bindings);
    const struct symbol *symbol = body_find(statement->body, expr->name.text);
    if (!symbol)
        return is_whole(statement->body, expr) ? formula_access(statement, expr, bindings)
                                               : index_formula(statement, expr, bindings);
    if (symbol->failed) {
        statement->failed = true;
        return NULL;
    }
    if (symbol->kind != SYMBOL_DIM)
        return formula_access(statement, expr, bindings);
    int64_t value;
    if (poly_is_constant(symbol->value, &value))
        return integer_formula(statement, expr->span, value);
    return value_formula(statement, expr->span, symbol->value);
}

/* pad(access, value): a constant value is the access's fill, any other is chosen by the subscripts. */
static struct formula *build_pad(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct body *body = statement->body;
    const struct ast_expr *inner = ast_without_parentheses(expr->arguments);
    if (inner->kind != AST_ACCESS) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0219, inner->span, "`pad` takes an access, such as `x[i-1]`");
        diag_help(body->diagnostics, diag, "apply functions outside: `exp(pad(x[i-1], 0))`");
        statement->failed = true;
        return NULL;
    }
    struct formula *access = formula_access(statement, inner, bindings);
    struct formula *value = formula_build(statement, expr->arguments->next, bindings);
    if (!access || !value)
        return NULL;
    if (access->kind != FORMULA_ACCESS) /* of a scan, its type still unknown */
        return access;
    access->padded = true;
    access->span = expr->span;
    struct value_type meeting;
    if (!types_meet(statement, expr->op_span, access, value, &meeting))
        return NULL;
    if (value->kind == FORMULA_NUMBER && meeting.elem == access->node->elem) {
        struct ir_number *fill = ARENA_NEW(body->arena, struct ir_number);
        struct tensor_type type = {.elem = access->node->elem, .fixed = access->type.fixed};
        bool fits = fill && (type.fixed ? number_in_fixed_point(body->resolver, &value->number, &type, value->span, fill)
                                        : number_in_type(body->resolver, value->number, type.elem, value->span, fill));
        if (!fits)
            return NULL;
        access->fill = fill;
        return access;
    }
    struct formula *pad = formula_create(statement, FORMULA_PAD, expr->span);
    struct ir_number *zero = ARENA_NEW(body->arena, struct ir_number);
    if (!pad || !zero)
        return NULL;
    *zero = ir_number_real(access->node->elem, 0);
    access->fill = zero;
    pad->type = meeting;
    pad->n_arguments = 2;
    pad->arguments[0] = access;
    pad->arguments[1] = value;
    pad->free = index_set_union(&access->free, &value->free);
    return pad;
}

static struct formula *build_reduction(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct body *body = statement->body;
    struct formula *reduction = formula_create(statement, FORMULA_REDUCE, expr->span);
    if (!reduction)
        return NULL;
    const struct binding *inner = bindings;
    for (const struct ast_binder *binder = expr->binders; binder; binder = binder->next) {
        struct binding *binding = ARENA_NEW(body->arena, struct binding);
        uint32_t index = index_bind(statement, inner, &binder->name);
        if (!binding || index == UINT32_MAX)
            return NULL;
        *binding = (struct binding){binder->name.text, index, inner};
        inner = binding;
        index_set_add(&reduction->bound, index);
        if (binder->extent) {
            struct extent_source source = {.span = binder->span, .declared = binder->extent->span};
            index_set_extent(statement, index, resolve_extent(body->resolver, binder->extent), &source);
        }
    }
    struct formula *argument = formula_build(statement, expr->arguments, inner);
    if (!argument || !type_of_reduction(statement, expr->op, expr->op_span, argument, &reduction->type))
        return NULL;
    reduction->reduction = expr->op;
    reduction->n_arguments = 1;
    reduction->arguments[0] = argument;
    reduction->free = index_set_minus(&argument->free, &reduction->bound);
    reduction->real_part = argument->real_part;
    return reduction;
}

static struct formula *build(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct formula *formula = NULL;
    switch (expr->kind) {
    case AST_INTEGER:
        return integer_formula(statement, expr->span, expr->integer);
    case AST_UNSIGNED:
        return unsigned_formula(statement, expr);
    case AST_FLOAT:
        return number_formula(statement, expr->span, WEAK_A_REAL, expr->number, 0);
    case AST_IMAGINARY:
        return number_formula(statement, expr->span, WEAK_A_COMPLEX, 0, expr->number);
    case AST_BOOL:
        return bool_formula(statement, expr);
    case AST_PI:
        return number_formula(statement, expr->span, WEAK_A_REAL, acos(-1.0), 0);
    case AST_NAME:
        return build_name(statement, expr, bindings);
    case AST_ACCESS:
        if (is_operator(statement->body, expr->callee))
            return operator_access(statement, expr, bindings);
        return formula_access(statement, expr, bindings);
    case AST_EINSUM:
        return formula_access(statement, expr, bindings);
    case AST_CALL:
        return formula_call(statement, expr, bindings);
    case AST_REDUCE:
        return build_reduction(statement, expr, bindings);
    case AST_PAD:
        return build_pad(statement, expr, bindings);
    case AST_UNARY:
        if (expr->op == AST_NEGATE)
            return build_negate(statement, expr, bindings);
        formula = formula_build(statement, expr->arguments, bindings);
        return formula ? formula_apply(statement, IR_EXPR_not, expr->span, expr->op_span, 1, &formula) : NULL;
    case AST_BINARY:
        return build_binary(statement, expr, bindings);
    case AST_PAREN:
        formula = formula_build(statement, expr->arguments, bindings);
        if (formula) {
            formula->parenthesised = true;
            formula->span = expr->span;
        }
        return formula;
    case AST_MERGED:
        diag_error(statement->body->diagnostics, DIAG_E0215, expr->span, "a merged index stands only in a subscript");
        statement->failed = true;
        return NULL;
    }
    return NULL;
}

/* Is what stands in it a factor of a product that it is part of, or the whole of? */
static bool passes_product(const struct statement *statement, const struct ast_expr *expr)
{
    if (expr->kind == AST_PAREN)
        return statement->in_product;
    if (expr->kind == AST_BINARY)
        return expr->op == AST_MULTIPLY || expr->op == AST_DIVIDE;
    return (expr->kind == AST_UNARY && expr->op == AST_NEGATE) || (expr->kind == AST_REDUCE && expr->op == AST_SUM);
}

struct formula *formula_build(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    bool factor = statement->in_product;
    statement->in_product = passes_product(statement, expr);
    struct formula *formula = build(statement, expr, bindings);
    statement->in_product = factor;
    return formula && formula->real_part && !factor ? operators_real_part(statement, formula) : formula;
}
