/* What was written of an operator to a tree: names and parameters resolved, shapes, types and sizes checked. */
#include "operator_inverse.h"

#include <string.h>

enum { OPERATOR_DEPTH = 100, MOST_PARTS = 64 };

static struct operator_node *read(const struct reading *reading, const struct ast_expr *expr);

static const struct {
    const char *name, *arguments;
    enum weakness weakness; /* TYPED: as its data */
} constructors[] = {
#define INTEGER                                               WEAK_AN_INTEGER
#define REAL                                                  WEAK_A_REAL
#define COMPLEX                                               WEAK_A_COMPLEX
#define DATA                                                  TYPED
#define CONSTRUCTOR(name, arguments, numbers, bools, meaning) {#name, arguments, numbers},
#include "constructors.def"
};
enum { CONSTRUCTORS = sizeof constructors / sizeof *constructors };

static int find_constructor(const char *name)
{
    for (int k = 0; k < CONSTRUCTORS; k++)
        if (strcmp(constructors[k].name, name) == 0)
            return k;
    return -1;
}

/* ---- is it one? ---- */

/* The one name of a function that is one of operators, too. */
static bool is_conj(const struct ast_expr *expr)
{
    return expr->kind == AST_CALL && strcmp(expr->name.text, "conj") == 0;
}

bool is_operator(const struct body *body, const struct ast_expr *expr)
{
    const struct ast_expr *bare = ast_without_parentheses(expr);
    const struct symbol *symbol;
    switch (bare->kind) {
    case AST_NAME:
        symbol = body_find(body, bare->name.text);
        return symbol && symbol->kind == SYMBOL_OPERATOR;
    case AST_CALL:
        symbol = body_find(body, bare->name.text);
        return (symbol && symbol->kind == SYMBOL_OPERATOR) || (!symbol && is_constructor_name(bare->name.text)) || is_conj(bare);
    case AST_BINARY:
    case AST_UNARY:
        return true; /* of tensors, else of nothing that has subscripts */
    default:
        return false;
    }
}

/* A parameter stands for what the call gave. */
static const struct ast_expr *given(struct reading *reading, const struct ast_expr *expr)
{
    expr = ast_without_parentheses(expr);
    for (const struct environment *at = reading->environment; at && expr->kind == AST_NAME;) {
        if (strcmp(at->name, expr->name.text) != 0) {
            at = at->outer;
            continue;
        }
        expr = ast_without_parentheses(at->value);
        reading->place = at->value_at;
        reading->environment = at = at->value_in;
    }
    return expr;
}

/* Does it denote a matrix: an operator, or a tensor with axes? Else it is a number. */
static bool is_matrix(struct reading reading, const struct ast_expr *expr)
{
    const struct body *body = reading.statement->body;
    expr = given(&reading, expr);
    const struct symbol *symbol = expr->kind == AST_NAME ? body_find(body, expr->name.text) : NULL;
    if (symbol && (symbol->kind == SYMBOL_TENSOR || symbol->kind == SYMBOL_CONSTANT))
        return symbol->type.rank > 0;
    if (expr->kind == AST_BINARY)
        return expr->op == AST_MATRIX_MULTIPLY || is_matrix(reading, expr->arguments) || is_matrix(reading, expr->arguments->next);
    if (expr->kind == AST_UNARY || is_conj(expr))
        return expr->arguments && is_matrix(reading, expr->arguments);
    return is_operator(body, expr) || (expr->kind == AST_CALL && is_whole(body, expr)) || expr->kind == AST_EINSUM;
}

/* ---- mistakes ---- */

void *operator_failed(const struct reading *reading)
{
    reading->statement->failed = true;
    return NULL;
}

static const char *shape_text(const struct reading *reading, const struct operator_node *operator_)
{
    struct resolver *resolver = reading->statement->body->resolver;
    return arena_printf(reading->statement->body->arena, "%s x %s", extent_text(resolver, operator_->rows),
                        extent_text(resolver, operator_->columns));
}

static void *report_shapes(const struct reading *reading, struct span span, const struct operator_node *a,
                           const struct operator_node *b, const char *what)
{
    struct diagnostics *diagnostics = reading->statement->body->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0251, span, "%s", what);
    diag_note(diagnostics, diag, a->span, "this is %s", shape_text(reading, a));
    diag_note(diagnostics, diag, b->span, "this is %s", shape_text(reading, b));
    return operator_failed(reading);
}

void *operator_report_argument(const struct reading *reading, struct span span, const char *wanted)
{
    diag_error(reading->statement->body->diagnostics, DIAG_E0252, span, "%s is wanted here", wanted);
    return operator_failed(reading);
}

static bool report_too_many(const struct reading *reading, struct span span)
{
    diag_error(reading->statement->body->diagnostics, DIAG_E0913, span, "a constructor has more than %d arguments",
               (int)MOST_PARTS);
    return operator_failed(reading) != NULL;
}

/* ---- parts ---- */

struct operator_node *operator_create(const struct reading *reading, enum operator_kind kind, struct span span)
{
    struct arena *arena = reading->statement->body->arena;
    struct operator_node *operator_ = ARENA_NEW(arena, struct operator_node);
    if (!operator_)
        return NULL;
    operator_->kind = kind;
    operator_->span = span;
    operator_->parts = ARENA_ARRAY(arena, MOST_PARTS, struct operator_node *);
    operator_->tensors = ARENA_ARRAY(arena, MOST_PARTS, struct operator_tensor);
    operator_->sizes = ARENA_ARRAY(arena, MOST_PARTS, const struct poly *);
    return operator_->parts && operator_->tensors && operator_->sizes ? operator_ : NULL;
}

static struct operator_node *read_tensor(const struct reading *reading, const struct ast_expr *expr)
{
    struct whole whole;
    if (!whole_value(reading->statement, expr, &whole))
        return operator_failed(reading);
    if (whole.node->rank != 2)
        return operator_report_argument(reading, expr->span, "an operator, or a tensor with two axes,");
    struct operator_node *operator_ = operator_create(reading, OPERATOR_TENSOR, expr->span);
    if (!operator_)
        return NULL;
    operator_->tensors[operator_->n_tensors++] =
        (struct operator_tensor){whole.node, whole.name, expr->span, {whole.weakness, whole.node->elem, whole.fixed}, false};
    operator_->rows = whole.node->shape[0];
    operator_->columns = whole.node->shape[1];
    operator_->type = (struct value_type){whole.weakness, whole.node->elem, whole.fixed};
    return operator_;
}

static bool add_tensor(const struct reading *reading, struct operator_node *operator_, const struct ast_expr *expr, uint32_t rank,
                       bool integers)
{
    struct whole whole;
    struct reading at = *reading;
    expr = given(&at, expr);
    if (!is_whole(at.statement->body, expr))
        return operator_report_argument(reading, expr->span, "a tensor"), false;
    if (!whole_value(at.statement, expr, &whole))
        return operator_failed(reading), false;
    bool fits = rank ? whole.node->rank == rank : whole.node->rank >= 1 && whole.node->rank <= 3;
    if (!fits && !rank)
        return operator_report_argument(reading, expr->span, "a tensor with one, two or three axes"), false;
    if (!fits || (integers && !ir_elem_is_integer(whole.node->elem))) {
        const char *wanted = arena_printf(at.statement->body->arena, "a tensor%s with %u ax%s", integers ? " of integers" : "",
                                          rank, rank == 1 ? "is" : "es");
        return operator_report_argument(reading, expr->span, wanted), false;
    }
    operator_->tensors[operator_->n_tensors++] =
        (struct operator_tensor){whole.node, whole.name, expr->span, {whole.weakness, whole.node->elem, whole.fixed}, integers};
    return true;
}

static bool add_size(const struct reading *reading, struct operator_node *operator_, const struct ast_expr *expr)
{
    struct reading at = *reading;
    expr = given(&at, expr);
    const struct poly *size = resolve_extent(at.statement->body->resolver, expr);
    int64_t value;
    if (!size)
        return operator_failed(reading), false;
    if (!poly_is_constant(size, &value) || value < 1)
        return operator_report_argument(reading, expr->span, "a size of at least 1, known at compile time,"), false;
    operator_->sizes[operator_->n_sizes++] = size;
    return true;
}

static bool add_part(const struct reading *reading, struct operator_node *operator_, const struct ast_expr *expr)
{
    struct operator_node *part = read(reading, expr);
    if (!part)
        return false;
    operator_->parts[operator_->n_parts++] = part;
    return true;
}

static bool add_argument(const struct reading *reading, struct operator_node *operator_, char kind, const struct ast_expr *expr)
{
    if (kind == 'o')
        return add_part(reading, operator_, expr);
    if (kind == 'n')
        return add_size(reading, operator_, expr);
    return add_tensor(reading, operator_, expr, kind == 'a' ? 0 : kind == 't' ? 1 : (uint32_t)(kind - '0'), kind == 't');
}

/* ---- constructors ---- */

static bool add_arguments(const struct reading *reading, struct operator_node *operator_, const struct ast_expr *call,
                          const char *kinds)
{
    const struct ast_expr *argument = call->arguments;
    bool optional = false;
    while (*kinds) {
        if (*kinds == '?') {
            optional = true;
            kinds++;
            continue;
        }
        bool repeats = kinds[1] == '*';
        if (!argument && optional)
            return true;
        uint32_t count = 0;
        for (; argument && (count == 0 || repeats); argument = argument->next, count++)
            if (count == MOST_PARTS || !add_argument(reading, operator_, *kinds, argument))
                return count == MOST_PARTS && report_too_many(reading, argument->span);
        if (count == 0)
            break;
        kinds += repeats ? 2 : 1;
    }
    if (!*kinds && !argument)
        return true;
    struct diagnostics *diagnostics = reading->statement->body->diagnostics;
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0253, call->span, "`%s` takes %s arguments", call->name.text, argument ? "fewer" : "more");
    diag_help(diagnostics, diag, "docs/operators.md lists the constructors");
    return operator_failed(reading), false;
}

static struct operator_node *read_constructor(const struct reading *reading, const struct ast_expr *call)
{
    struct body *body = reading->statement->body;
    int row = find_constructor(call->name.text);
    if (row < 0) {
        report_not_yet(body, call->op_span, arena_printf(body->arena, "`%s`", call->name.text));
        return operator_failed(reading);
    }
    struct operator_node *operator_ = operator_create(reading, (enum operator_kind)row, call->span);
    if (!operator_ || !add_arguments(reading, operator_, call, constructors[row].arguments) ||
        !operator_set_type(reading, operator_) || !operator_set_extents(reading, operator_))
        return NULL;
    if (operator_->kind == OPERATOR_inv)
        return operator_invert(reading, operator_->parts[0]);
    if (constructors[row].weakness)
        operator_->type =
            (struct value_type){constructors[row].weakness, constructors[row].weakness == WEAK_A_COMPLEX ? IR_c128 : IR_f64, NULL};
    if (!operator_->rows || !operator_->columns)
        return operator_failed(reading);
    return operator_;
}

/* ---- operators of the source ---- */

static bool is_inside(const struct reading *reading, const struct symbol *declared)
{
    const struct operator_place *place = reading->place;
    while (place && place->declared != declared)
        place = place->outer;
    return place != NULL;
}

static void *report_circle(const struct reading *reading, const struct ast_expr *use, const struct symbol *symbol)
{
    struct diagnostics *diagnostics = reading->statement->body->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0104, use->span, "operator `%s` is made of itself", symbol->name);
    diag_note(diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
    return operator_failed(reading);
}

static struct operator_node *read_declared(const struct reading *reading, const struct ast_expr *use, const struct symbol *symbol)
{
    struct body *body = reading->statement->body;
    const struct ast_operator *declared = symbol->data;
    struct reading inside = *reading;
    const struct ast_expr *argument = use->kind == AST_CALL ? use->arguments : NULL;
    inside.environment = NULL;
    if (symbol->failed)
        return operator_failed(reading);
    if (is_inside(reading, symbol))
        return report_circle(reading, use, symbol);
    struct operator_place *place = ARENA_NEW(body->arena, struct operator_place);
    if (!place)
        return NULL;
    *place = (struct operator_place){symbol, reading->place};
    inside.place = place;
    for (const struct ast_name_list *parameter = declared->parameters; parameter; parameter = parameter->next) {
        struct environment *entry = ARENA_NEW(body->arena, struct environment);
        if (!entry)
            return NULL;
        if (!argument)
            break;
        *entry = (struct environment){parameter->name.text, argument, reading->environment, inside.environment, reading->place};
        inside.environment = entry;
        argument = argument->next;
        if (!parameter->next && !argument)
            return read(&inside, declared->value);
    }
    if (!declared->parameters && !argument)
        return read(&inside, declared->value);
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0253, use->span, "`%s` takes %s arguments", symbol->name, argument ? "fewer" : "more");
    diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
    return operator_failed(reading);
}

/* ---- algebra ---- */

static struct operator_node *read_multiple(const struct reading *reading, const struct ast_expr *expr)
{
    struct operator_node *operator_ = operator_create(reading, OPERATOR_MULTIPLE, expr->span);
    const struct ast_expr *matrix = expr->arguments, *number = expr->arguments->next;
    if (!is_matrix(*reading, matrix)) {
        matrix = number;
        number = expr->arguments;
    }
    if (!operator_ || !add_part(reading, operator_, matrix))
        return NULL;
    struct reading at = *reading;
    operator_->number = operator_number(reading, given(&at, number));
    if (!operator_->number)
        return NULL;
    operator_set_shape(operator_, operator_->parts[0]->rows, operator_->parts[0]->columns);
    return operator_set_type(reading, operator_) ? operator_ : NULL;
}

static struct operator_node *read_binary(const struct reading *reading, const struct ast_expr *expr)
{
    bool product = expr->op == AST_MATRIX_MULTIPLY;
    enum operator_kind kind = product ? OPERATOR_PRODUCT : expr->op == AST_ADD ? OPERATOR_SUM : OPERATOR_DIFFERENCE;
    if (expr->op == AST_MULTIPLY && !(is_matrix(*reading, expr->arguments) && is_matrix(*reading, expr->arguments->next)))
        return read_multiple(reading, expr);
    if (!product && expr->op != AST_ADD && expr->op != AST_SUBTRACT) {
        struct diag *diag = diag_error(reading->statement->body->diagnostics, DIAG_E0252, expr->op_span,
                                       "operators are joined by `@`, `+` and `-`, and multiplied by a number");
        diag_help(reading->statement->body->diagnostics, diag, "`A @ B` is the matrix product");
        return operator_failed(reading);
    }
    struct operator_node *operator_ = operator_create(reading, kind, expr->span);
    if (!operator_ || !add_part(reading, operator_, expr->arguments) || !add_part(reading, operator_, expr->arguments->next))
        return NULL;
    const struct operator_node *a = operator_->parts[0], *b = operator_->parts[1];
    if (product && a->columns != b->rows)
        return report_shapes(reading, expr->op_span, a, b, "the columns of the left are not the rows of the right");
    if (!product && (a->rows != b->rows || a->columns != b->columns))
        return report_shapes(reading, expr->op_span, a, b, "the two have different shapes");
    operator_set_shape(operator_, a->rows, product ? b->columns : a->columns);
    return operator_set_type(reading, operator_) ? operator_ : NULL;
}

static struct operator_node *read_negative(const struct reading *reading, const struct ast_expr *expr)
{
    struct operator_node *operator_ = operator_create(reading, OPERATOR_NEGATIVE, expr->span);
    if (!operator_ || !add_part(reading, operator_, expr->arguments))
        return NULL;
    operator_set_shape(operator_, operator_->parts[0]->rows, operator_->parts[0]->columns);
    return operator_set_type(reading, operator_) ? operator_ : NULL;
}

static struct operator_node *read_kind(const struct reading *outer, const struct ast_expr *expr)
{
    struct reading reading = *outer;
    const struct body *body = reading.statement->body;
    expr = given(&reading, expr);
    const struct symbol *symbol = expr->kind == AST_NAME || expr->kind == AST_CALL ? body_find(body, expr->name.text) : NULL;
    if (++reading.depth > OPERATOR_DEPTH) {
        diag_error(body->diagnostics, DIAG_E0901, expr->span, "operators are made of each other more than %d deep", OPERATOR_DEPTH);
        return operator_failed(&reading);
    }
    if (symbol && symbol->kind == SYMBOL_OPERATOR)
        return read_declared(&reading, expr, symbol);
    if (expr->kind == AST_CALL && !symbol && (is_constructor_name(expr->name.text) || is_conj(expr)))
        return read_constructor(&reading, expr);
    if (expr->kind == AST_BINARY)
        return read_binary(&reading, expr);
    if (expr->kind == AST_UNARY && expr->op == AST_NEGATE)
        return read_negative(&reading, expr);
    return read_tensor(&reading, expr);
}

static struct operator_node *read(const struct reading *reading, const struct ast_expr *expr)
{
    struct operator_node *operator_ = read_kind(reading, expr);
    return operator_ && operator_set_real(reading, operator_) ? operator_ : NULL;
}

/* ---- K[i,j] ---- */

struct formula *operator_access(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings)
{
    struct body *body = statement->body;
    struct reading reading = {.statement = statement, .bindings = bindings};
    struct operator_node *operator_ = read(&reading, expr->callee);
    struct formula *access = operator_ ? formula_create(statement, FORMULA_OPERATOR, expr->span) : NULL;
    struct ir_node *matrix = operator_ ? ARENA_NEW(body->arena, struct ir_node) : NULL; /* a shape for subscripts; of no program */
    const struct poly **shape = ARENA_ARRAY(body->arena, 2, const struct poly *);
    if (!access || !matrix || !shape)
        return NULL;
    shape[0] = operator_->rows;
    shape[1] = operator_->columns;
    matrix->rank = 2;
    matrix->shape = shape;
    access->node = matrix;
    access->operator_ = operator_;
    access->type = operator_->type;
    access->real_part = operator_->gives_real;
    access->tensor_name = source_text(body, expr->callee->span);
    access->subscripts = expr->arguments;
    access->bindings = bindings;
    return subscripts_read(statement, access) ? access : NULL;
}
