/* Builders of left sides, statements and operators: what the grammar's actions call. */
#include "parse.h"
#include "grammar_parser.h"

struct name_list append_name(struct parser *parser, struct name_list list, struct token name)
{
    struct ast_name_list *item = ARENA_NEW(parser->arena, struct ast_name_list);
    if (item)
        item->name = build_name(parser, name);
    LIST_APPEND(list, item);
    return list;
}

struct binder_list append_binder(struct binder_list list, struct ast_binder *binder)
{
    LIST_APPEND(list, binder);
    return list;
}

struct binder_list prepend_binder(struct ast_binder *binder, struct binder_list list)
{
    if (!binder)
        return list;
    binder->next = list.first;
    return (struct binder_list){binder, list.last ? list.last : binder};
}

struct target_list append_target(struct target_list list, struct ast_target *target)
{
    LIST_APPEND(list, target);
    return list;
}

struct statement_list append_statement(struct statement_list list, struct ast_statement *statement)
{
    LIST_APPEND(list, statement);
    return list;
}

struct initial_list append_initial(struct initial_list list, struct ast_initial *initial)
{
    LIST_APPEND(list, initial);
    return list;
}

struct ast_binder *build_binder(struct parser *parser, struct token name, struct ast_expr *extent)
{
    struct ast_binder *binder = ARENA_NEW(parser->arena, struct ast_binder);
    if (!binder)
        return NULL;
    binder->name = build_name(parser, name);
    binder->extent = extent;
    binder->span = extent ? span_join(binder->name.span, extent->span) : binder->name.span;
    return binder;
}

static bool refuse_left(struct parser *parser, const struct ast_expr *subscript)
{
    struct diag *diag = diag_error(parser->diagnostics, DIAG_E0006, subscript->span, "a left side holds indices, not expressions");
    diag_label(parser->diagnostics, diag, "an index, a merged index `(p, i)` or a block `offset + index: extent` expected");
    if (subscript->kind == AST_INTEGER)
        diag_help(parser->diagnostics, diag,
                  "every element is assigned at once: write `i`, and `where(i == %lld, ..., ...)` on the right",
                  (long long)subscript->integer);
    else
        diag_help(parser->diagnostics, diag, "shift or scale the subscripts on the right side instead");
    return false;
}

/* Does a left side hold indices only? */
static bool holds_indices(struct parser *parser, const struct ast_binder *binder)
{
    for (; binder; binder = binder->next)
        if (binder->merged ? !holds_indices(parser, binder->merged) : !binder->name.text && !refuse_left(parser, binder->subscript))
            return false;
    return true;
}

static bool all_hold_indices(struct parser *parser, const struct ast_target *target)
{
    for (; target; target = target->next)
        if (!holds_indices(parser, target->binders))
            return false;
    return true;
}

/* `i`, `i: 4`, `m + i: n`. The index of a block is what is added last. */
struct ast_binder *build_left_subscript(struct parser *parser, struct ast_expr *subscript, struct ast_expr *extent)
{
    if (!subscript)
        return NULL;
    struct ast_binder *binder = ARENA_NEW(parser->arena, struct ast_binder);
    if (!binder)
        return NULL;
    const struct ast_expr *index = subscript;
    if (extent && subscript->kind == AST_BINARY && subscript->op == AST_ADD) {
        binder->offset = subscript->arguments;
        index = subscript->arguments->next;
    }
    binder->subscript = subscript;
    if (index->kind == AST_NAME)
        binder->name = index->name;
    binder->extent = extent;
    binder->span = extent ? span_join(subscript->span, extent->span) : subscript->span;
    return binder;
}

struct ast_binder *build_left_merged(struct parser *parser, struct token open, struct binder_list parts, struct token close)
{
    struct ast_binder *binder = ARENA_NEW(parser->arena, struct ast_binder);
    if (!binder || !parts.first)
        return NULL;
    struct binder_list flat = {0};
    for (struct ast_binder *part = parts.first, *next; part; part = next) {
        next = part->next;
        for (struct ast_binder *inner = part->merged ? part->merged : part, *after; inner; inner = after) {
            after = part->merged ? inner->next : NULL;
            inner->next = NULL;
            LIST_APPEND(flat, inner);
        }
    }
    binder->merged = flat.first;
    binder->span = span_join(token_span(parser, open), token_span(parser, close));
    return binder;
}

struct ast_target *build_target(struct parser *parser, struct token name, struct binder_list binders, struct token close)
{
    struct ast_target *target = ARENA_NEW(parser->arena, struct ast_target);
    if (!target)
        return NULL;
    target->name = build_name(parser, name);
    target->binders = binders.first;
    target->has_brackets = close.kind != 0;
    target->span = target->has_brackets ? span_join(target->name.span, token_span(parser, close)) : target->name.span;
    if (target->has_brackets && !binders.first)
        return NULL; /* its subscripts were refused */
    return target;
}

static struct ast_statement *new_statement(struct parser *parser, enum ast_statement_kind kind, struct token word, struct span span)
{
    struct ast_statement *statement = ARENA_NEW(parser->arena, struct ast_statement);
    if (!statement)
        return NULL;
    statement->kind = kind;
    statement->word_span = token_span(parser, word);
    statement->span = span;
    return statement;
}

struct ast_statement *build_assign(struct parser *parser, struct token word, struct target_list targets, struct ast_expr *value)
{
    if (!targets.first || !value || (word.kind != TOKEN_ACCUMULATE && !all_hold_indices(parser, targets.first)))
        return NULL;
    struct ast_statement *statement = new_statement(parser, AST_ASSIGN, word, span_join(targets.first->span, value->span));
    if (!statement)
        return NULL;
    statement->accumulate = word.kind == TOKEN_ACCUMULATE;
    statement->targets = targets.first;
    statement->value = value;
    return statement;
}

struct ast_statement *build_let(struct parser *parser, struct token let, struct token stored, struct target_list targets,
                                struct ast_expr *value)
{
    if (!targets.first || !value || !all_hold_indices(parser, targets.first))
        return NULL;
    struct ast_statement *statement =
        new_statement(parser, AST_LET, stored.kind ? stored : let, span_join(token_span(parser, let), value->span));
    if (!statement)
        return NULL;
    statement->stored = stored.kind != 0;
    statement->targets = targets.first;
    statement->value = value;
    return statement;
}

/* The type in `let t[i]: q7 = ...`. */
struct ast_statement *let_type(struct ast_statement *let, struct ast_type *type)
{
    if (!let || !type)
        return NULL;
    let->type = type;
    return let;
}

struct ast_statement *build_scan(struct parser *parser, struct token scan, struct token index, struct ast_expr *extent,
                                 struct statement_list body, struct token close, struct initial_list initial)
{
    struct ast_statement *statement =
        new_statement(parser, AST_SCAN, scan, span_join(token_span(parser, scan), token_span(parser, close)));
    if (!statement)
        return NULL;
    statement->index = build_name(parser, index);
    statement->extent = extent;
    statement->body = body.first;
    statement->initial = initial.first;
    return statement;
}

struct ast_initial *build_initial(struct parser *parser, struct token name, struct expr_list subscripts, struct ast_expr *value)
{
    struct ast_initial *initial = ARENA_NEW(parser->arena, struct ast_initial);
    if (!initial || !subscripts.first || !value)
        return NULL;
    initial->name = build_name(parser, name);
    initial->subscripts = subscripts.first;
    initial->value = value;
    return initial;
}

struct ast_operator *build_operator(struct parser *parser, struct token word, struct token name, struct name_list parameters,
                                    struct ast_expr *value)
{
    struct ast_operator *made = ARENA_NEW(parser->arena, struct ast_operator);
    if (!made || !value)
        return NULL;
    made->name = build_name(parser, name);
    made->parameters = parameters.first;
    made->value = value;
    made->span = span_join(token_span(parser, word), value->span);
    return made;
}

struct ast_statement *build_operator_statement(struct parser *parser, struct ast_operator *operator_)
{
    if (!operator_)
        return NULL;
    struct token word = {operator_->span.begin, operator_->span.begin + 8, TOKEN_OPERATOR, false}; /* 8 letters */
    struct ast_statement *statement = new_statement(parser, AST_OPERATOR, word, operator_->span);
    if (statement)
        statement->operator_ = operator_;
    return statement;
}
