/* Builders of expressions: what the grammar's actions call. A NULL child gives a NULL parent. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "parse.h"
#include "grammar_parser.h"

struct ast_name build_name(struct parser *parser, struct token token)
{
    if (token.kind == 0)
        return (struct ast_name){.text = NULL, .span = SPAN_NONE};
    return (struct ast_name){arena_strndup(parser->arena, parser->text + token.begin, token.end - token.begin),
                             token_span(parser, token)};
}

static struct ast_expr *new_expr(struct parser *parser, enum ast_expr_kind kind, struct span span)
{
    struct ast_expr *expr = ARENA_NEW(parser->arena, struct ast_expr);
    if (!expr)
        return NULL;
    expr->kind = kind;
    expr->span = expr->op_span = span;
    expr->depth = 1;
    return expr;
}

/* Counts `child` into the depth of `expr`; NULL when the limit is passed. */
static struct ast_expr *deepen(struct parser *parser, struct ast_expr *expr, const struct ast_expr *child)
{
    if (!expr || !child)
        return NULL;
    if (child->depth + 1 > expr->depth)
        expr->depth = child->depth + 1;
    if (expr->depth <= FRONTEND_DEPTH)
        return expr;
    struct diag *diag = diag_error(parser->diagnostics, DIAG_E0901, expr->op_span,
                                   "more than %d operators follow or contain each other in one expression", FRONTEND_DEPTH);
    diag_help(parser->diagnostics, diag, "name parts of it with `let`");
    return NULL;
}

static struct ast_expr *deepen_all(struct parser *parser, struct ast_expr *expr, struct expr_list list)
{
    if (!expr)
        return NULL;
    expr->arguments = list.first;
    expr->n_arguments = list.count;
    for (const struct ast_expr *argument = list.first; expr && argument; argument = argument->next)
        expr = deepen(parser, expr, argument);
    return expr;
}

/* strtod reads `inf` and `nan` too, and stops at the i of an imaginary number. */
static bool decimal_value(struct parser *parser, struct token token, double *value)
{
    char *text = arena_strndup(parser->arena, parser->text + token.begin, token.end - token.begin);
    *value = text ? strtod(text, NULL) : 0.0;
    if (!text || !isinf(*value) || token.kind == TOKEN_INF)
        return text != NULL;
    struct diag *diag =
        diag_error(parser->diagnostics, DIAG_E0004, token_span(parser, token), "this number is larger than any double");
    diag_help(parser->diagnostics, diag, "write `inf` if infinity is meant");
    return false;
}

static bool integer_value(struct parser *parser, struct token token, uint64_t *value)
{
    *value = 0;
    for (uint32_t at = token.begin; at < token.end && parser->text[at] >= '0' && parser->text[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(parser->text[at] - '0');
        if (!__builtin_mul_overflow(*value, UINT64_C(10), value) && !__builtin_add_overflow(*value, digit, value))
            continue;
        struct diag *diag =
            diag_error(parser->diagnostics, DIAG_E0004, token_span(parser, token), "this integer is larger than 2^64 - 1");
        diag_help(parser->diagnostics, diag, "write a decimal number, as in `1e20`");
        return false;
    }
    return true;
}

struct ast_expr *build_leaf(struct parser *parser, enum ast_expr_kind kind, struct token token)
{
    struct ast_expr *expr = new_expr(parser, kind, token_span(parser, token));
    uint64_t whole;
    if (!expr)
        return NULL;
    switch (kind) {
    case AST_INTEGER:
        if (!integer_value(parser, token, &whole))
            return NULL;
        expr->kind = whole > INT64_MAX ? AST_UNSIGNED : AST_INTEGER;
        expr->integer = (int64_t)whole;
        expr->number = (double)whole;
        break;
    case AST_FLOAT:
    case AST_IMAGINARY:
        if (!decimal_value(parser, token, &expr->number))
            return NULL;
        break;
    case AST_BOOL:
        expr->integer = token.kind == TOKEN_TRUE;
        break;
    default:
        expr->name = build_name(parser, token);
        break;
    }
    return expr;
}

struct ast_expr *build_unary(struct parser *parser, enum ast_op op, struct token word, struct ast_expr *argument)
{
    if (!argument)
        return NULL;
    struct ast_expr *expr = new_expr(parser, AST_UNARY, span_join(token_span(parser, word), argument->span));
    if (!expr)
        return NULL;
    expr->op = op;
    expr->op_span = token_span(parser, word);
    return deepen_all(parser, expr, (struct expr_list){argument, argument, 1});
}

struct ast_expr *build_binary(struct parser *parser, enum ast_op op, struct token word, struct ast_expr *left,
                              struct ast_expr *right)
{
    if (!left || !right)
        return NULL;
    struct ast_expr *expr = new_expr(parser, AST_BINARY, span_join(left->span, right->span));
    if (!expr)
        return NULL;
    expr->op = op;
    expr->op_span = token_span(parser, word);
    left->next = right;
    return deepen_all(parser, expr, (struct expr_list){left, right, 2});
}

struct ast_expr *build_paren(struct parser *parser, struct token open, struct ast_expr *inner, struct token close)
{
    if (!inner)
        return NULL;
    struct ast_expr *expr = new_expr(parser, AST_PAREN, span_join(token_span(parser, open), token_span(parser, close)));
    return deepen_all(parser, expr, (struct expr_list){inner, inner, 1});
}

struct ast_expr *build_access(struct parser *parser, struct ast_expr *callee, struct expr_list subscripts, struct token close)
{
    if (!callee || !subscripts.first)
        return NULL;
    struct ast_expr *expr = new_expr(parser, AST_ACCESS, span_join(callee->span, token_span(parser, close)));
    if (!expr)
        return NULL;
    expr->callee = callee;
    expr->name = callee->name;
    return deepen(parser, deepen_all(parser, expr, subscripts), callee);
}

/* Parts that are merged themselves join their merger: row-major splitting is associative. */
struct ast_expr *build_merged(struct parser *parser, struct token open, struct expr_list parts, struct token close)
{
    struct ast_expr *expr = new_expr(parser, AST_MERGED, span_join(token_span(parser, open), token_span(parser, close)));
    struct expr_list flat = {0};
    for (struct ast_expr *part = parts.first, *next; part; part = next) {
        next = part->next;
        if (part->kind != AST_MERGED) {
            flat = append_expr(flat, part);
            continue;
        }
        for (struct ast_expr *inner = part->arguments, *after; inner; inner = after) {
            after = inner->next;
            flat = append_expr(flat, inner);
        }
    }
    return flat.first ? deepen_all(parser, expr, flat) : NULL;
}

struct ast_expr *build_call(struct parser *parser, struct token word, struct expr_list arguments, struct token close)
{
    struct span span = token_span(parser, word);
    struct ast_expr *expr = new_expr(parser, AST_CALL, span_join(span, token_span(parser, close)));
    if (!expr)
        return NULL;
    expr->op_span = span;
    expr->name = build_name(parser, word);
    return deepen_all(parser, expr, arguments);
}

static enum ast_op reduction_op(int kind)
{
    switch (kind) {
    case TOKEN_SUM:
        return AST_SUM;
    case TOKEN_PROD:
        return AST_PROD;
    case TOKEN_MAX:
        return AST_MAX;
    case TOKEN_MIN:
        return AST_MIN;
    case TOKEN_ANY:
        return AST_ANY;
    default:
        return AST_ALL;
    }
}

struct ast_expr *build_reduce(struct parser *parser, struct token word, struct binder_list binders, struct ast_expr *argument,
                              struct token close)
{
    if (!argument || !binders.first)
        return NULL;
    struct ast_expr *expr = new_expr(parser, AST_REDUCE, span_join(token_span(parser, word), token_span(parser, close)));
    if (!expr)
        return NULL;
    expr->op = reduction_op(word.kind);
    expr->op_span = token_span(parser, word);
    expr->name = build_name(parser, word);
    expr->binders = binders.first;
    return deepen_all(parser, expr, (struct expr_list){argument, argument, 1});
}

struct ast_expr *build_pad(struct parser *parser, struct token word, struct ast_expr *access, struct ast_expr *value,
                           struct token close)
{
    if (!access || !value)
        return NULL;
    struct ast_expr *expr = new_expr(parser, AST_PAD, span_join(token_span(parser, word), token_span(parser, close)));
    if (!expr)
        return NULL;
    expr->op_span = token_span(parser, word);
    access->next = value;
    return deepen_all(parser, expr, (struct expr_list){access, value, 2});
}

struct ast_expr *build_einsum(struct parser *parser, struct token word, struct token string, struct expr_list operands,
                              struct token ring, struct token close)
{
    struct ast_expr *expr = new_expr(parser, AST_EINSUM, span_join(token_span(parser, word), token_span(parser, close)));
    if (!expr)
        return NULL;
    expr->op_span = token_span(parser, word);
    string.begin++; /* without the quotes; a string that was not closed has been reported */
    if (string.end > string.begin && parser->text[string.end - 1] == '"')
        string.end--;
    expr->string = build_name(parser, string);
    expr->ring = build_name(parser, ring);
    return deepen_all(parser, expr, operands);
}

struct expr_list append_expr(struct expr_list list, struct ast_expr *expr)
{
    if (!expr)
        return list;
    expr->next = NULL;
    if (list.last)
        list.last->next = expr;
    else
        list.first = expr;
    list.last = expr;
    list.count++;
    return list;
}

struct expr_list prepend_expr(struct ast_expr *expr, struct expr_list list)
{
    if (!expr || !list.first)
        return (struct expr_list){0};
    expr->next = list.first;
    list.first = expr;
    list.count++;
    return list;
}
