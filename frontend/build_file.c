/* Builders of types and of what stands at file level: what the grammar's actions call. */
#include <string.h>
#include "parse.h"
#include "grammar_parser.h"

struct param_list append_param(struct param_list list, struct ast_param *param)
{
    LIST_APPEND(list, param);
    if (!param)
        list.incomplete = true;
    return list;
}

struct literal_list append_literal(struct literal_list list, struct ast_literal *literal)
{
    LIST_APPEND(list, literal);
    list.count += literal != NULL;
    if (!literal)
        list.incomplete = true;
    return list;
}

struct ast_type *build_type(struct parser *parser, struct token element, struct expr_list extents, struct token close)
{
    struct ast_type *type = ARENA_NEW(parser->arena, struct ast_type);
    if (!type)
        return NULL;
    type->element = build_name(parser, element);
    type->extents = extents.first;
    type->rank = extents.count;
    type->span = span_join(type->element.span, token_span(parser, close));
    if (close.kind == TOKEN_RBRACKET && !extents.first)
        return NULL; /* its extents were refused */
    return type;
}

struct ast_type *build_mod_type(struct parser *parser, struct token mod, struct ast_expr *modulus, struct token close_mod,
                                struct expr_list extents, struct token close)
{
    struct ast_type *type = modulus ? build_type(parser, mod, extents, close) : NULL;
    if (!type)
        return NULL;
    type->modulus = modulus;
    type->element.span = span_join(type->element.span, token_span(parser, close_mod));
    return type;
}

struct ast_type *type_strides(struct parser *parser, struct ast_type *type, struct expr_list strides, struct token close)
{
    if (!type || !strides.first)
        return NULL;
    type->strides = strides.first;
    type->span = span_join(type->span, token_span(parser, close));
    return type;
}

struct ast_type *type_scale(struct parser *parser, struct ast_type *type, struct ast_expr *scale, struct token close)
{
    if (!type || !scale)
        return NULL;
    type->scale = scale;
    type->span = span_join(type->span, token_span(parser, close));
    return type;
}

struct ast_type *type_property(struct parser *parser, struct ast_type *type, struct token property)
{
    if (!type)
        return NULL;
    struct ast_name_list *item = ARENA_NEW(parser->arena, struct ast_name_list), **end = &type->properties;
    if (!item)
        return NULL;
    item->name = build_name(parser, property);
    while (*end)
        end = &(*end)->next;
    *end = item;
    type->span = span_join(type->span, token_span(parser, property));
    return type;
}

struct ast_param *build_param(struct parser *parser, struct token name, struct ast_type *type)
{
    struct ast_param *param = type ? ARENA_NEW(parser->arena, struct ast_param) : NULL;
    if (!param)
        return NULL;
    param->name = build_name(parser, name);
    param->type = type;
    return param;
}

struct ast_literal *build_number(struct parser *parser, struct ast_expr *value)
{
    struct ast_literal *literal = value ? ARENA_NEW(parser->arena, struct ast_literal) : NULL;
    if (!literal)
        return NULL;
    literal->value = value;
    literal->span = value->span;
    return literal;
}

struct ast_literal *build_literals(struct parser *parser, struct token open, struct literal_list elements, struct token close)
{
    struct ast_literal *literal = elements.incomplete ? NULL : ARENA_NEW(parser->arena, struct ast_literal);
    if (!literal)
        return NULL;
    literal->is_list = true;
    literal->elements = elements.first;
    literal->n_elements = elements.count;
    literal->span = span_join(token_span(parser, open), token_span(parser, close));
    return literal;
}

void file_dim(struct parser *parser, struct token name, struct ast_expr *value)
{
    struct ast_dim *dim = ARENA_NEW(parser->arena, struct ast_dim);
    if (!dim)
        return;
    dim->name = build_name(parser, name);
    dim->value = value;
    if (parser->last_dim)
        parser->last_dim->next = dim;
    else
        parser->file->dims = dim;
    parser->last_dim = dim;
}

void file_dim_clause(struct parser *parser, struct token word, struct ast_expr *value, struct token remainder)
{
    struct ast_dim *dim = parser->last_dim;
    if (!dim || !value)
        return;
    struct span span = token_span(parser, word);
    struct ast_expr **place = word.kind == TOKEN_TILDE ? &dim->typical : word.kind == TOKEN_LE ? &dim->bound : &dim->divisor;
    struct diag *diag;
    if (dim->value) {
        diag = diag_error(parser->diagnostics, DIAG_E0224, span, "`%s` is computed: nothing is left to promise", dim->name.text);
        diag_note(parser->diagnostics, diag, dim->value->span, "its value");
    } else if (*place) {
        diag = diag_error(parser->diagnostics, DIAG_E0224, span, "this is said of `%s` twice", dim->name.text);
        diag_note(parser->diagnostics, diag, (*place)->span, "first here");
    } else if (remainder.kind && (remainder.end - remainder.begin != 1 || parser->text[remainder.begin] != '0')) {
        diag = diag_error(parser->diagnostics, DIAG_E0224, token_span(parser, remainder), "only divisibility can be promised");
        diag_help(parser->diagnostics, diag, "write `%% n == 0`");
    } else {
        *place = value;
    }
}

void file_constant(struct parser *parser, struct token name, struct ast_type *type, struct ast_literal *literal, struct token path,
                   struct constant_clauses clauses)
{
    struct ast_constant *constant = ARENA_NEW(parser->arena, struct ast_constant);
    if (!constant)
        return;
    constant->name = build_name(parser, name);
    constant->type = type;
    constant->literal = literal;
    if (path.kind) {
        path.begin++;
        if (path.end > path.begin && parser->text[path.end - 1] == '"')
            path.end--;
    }
    constant->file = build_name(parser, path);
    constant->exact = clauses.exact;
    constant->within = clauses.within;
    constant->spectral = clauses.spectral;
    if (parser->last_constant)
        parser->last_constant->next = constant;
    else
        parser->file->constants = constant;
    parser->last_constant = constant;
}

void file_operator(struct parser *parser, struct ast_operator *operator_)
{
    if (!operator_)
        return;
    if (parser->last_operator)
        parser->last_operator->next = operator_;
    else
        parser->file->operators = operator_;
    parser->last_operator = operator_;
}

void file_kernel(struct parser *parser, struct token word, struct token name, struct param_list inputs, struct param_list outputs,
                 struct token numeric_class, struct statement_list body, struct token close)
{
    struct ast_kernel *kernel = ARENA_NEW(parser->arena, struct ast_kernel);
    if (!kernel)
        return;
    kernel->name = build_name(parser, name);
    kernel->inputs = inputs.first;
    kernel->outputs = outputs.first;
    kernel->incomplete = inputs.incomplete || outputs.incomplete;
    kernel->numeric_class = build_name(parser, numeric_class);
    kernel->body = body.first;
    kernel->span = span_join(token_span(parser, word), token_span(parser, close));
    if (parser->last_kernel)
        parser->last_kernel->next = kernel;
    else
        parser->file->kernels = kernel;
    parser->last_kernel = kernel;
}
