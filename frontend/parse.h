/* Inside of the parser: tokens, the parser's state, and one builder per grammar action.
 *
 * The way: lexer.re cuts the whole text into tokens; brackets.c pairs the brackets, so that line ends inside ( and [ disappear and
 * a missing bracket is reported where it was opened; grammar.y drives the builders of build_ast.c; parse_errors.c words what did
 * not fit. Builders accept NULL (no memory, or an error already reported) and give NULL. */
#ifndef FRONTEND_PARSE_H
#define FRONTEND_PARSE_H

#include "ast.h"
#include "frontend.h"

/* ---- tokens: lexer.re ---- */

/* `kind` is a TOKEN_ number of grammar_parser.h; 0 ends the text. */
struct token {
    uint32_t begin, end;
    uint16_t kind;
    bool line_start; /* the first token of its line */
};

struct parser {
    struct ir_context *context;
    struct arena *arena;
    struct diagnostics *diagnostics;
    uint32_t source_number;
    const char *text;
    uint32_t length;
    struct token *tokens;
    size_t n_tokens, tokens_capacity;
    size_t next; /* position of the token being fed */
    struct ast_file *file;
    struct ast_dim *last_dim; /* ends of the file's lists; `<=` and `%` after a comma belong to this dim */
    struct ast_constant *last_constant;
    struct ast_operator *last_operator;
    struct ast_kernel *last_kernel;
    bool no_recovery; /* a limit was reached: nothing more is read */
};

/* Cuts the text into `tokens`, ended by one of kind 0. Characters that start nothing are reported and left out. */
void lexer_read(struct parser *parser);
/* The token number of a reserved word, 0 when the word is none. */
int lexer_word(const char *text, size_t length);

static inline struct span token_span(const struct parser *parser, struct token token)
{
    return (struct span){parser->source_number, token.begin, token.end};
}

/* ---- brackets.c ---- */

/* Pairs brackets and drops the line ends that end nothing. A statement with a missing or extra bracket is reported and replaced by
 * one token BROKEN, so that the grammar passes over it. */
void brackets_pair(struct parser *parser);

/* ---- grammar.y ---- */

/* Runs the grammar over `tokens` and fills `file`. */
void grammar_run(struct parser *parser);

/* ---- parse_errors.c ---- */

/* `expected[kind]`: would a token of that kind have fitted? */
void parse_error(struct parser *parser, struct token found, const bool *expected, size_t n_kinds);
void parse_too_deep(struct parser *parser);
/* Remembers the names a declaration that cannot be read would have declared, so that their uses are not called unknown. */
void note_unread(struct parser *parser, const struct token *tokens, size_t count);
/* How messages call a token: "`+`", "a name", "the end of the line". */
const char *token_text(struct parser *parser, struct token token);

/* ---- build_ast.c, build_statements.c, build_file.c: one call an action ---- */

/* Lists under construction. */
#define LIST_APPEND(list, item)                                                                                                    \
    do {                                                                                                                           \
        if (item) {                                                                                                                \
            if ((list).last)                                                                                                       \
                (list).last->next = (item);                                                                                        \
            else                                                                                                                   \
                (list).first = (item);                                                                                             \
            (list).last = (item);                                                                                                  \
        }                                                                                                                          \
    } while (0)

struct name_list {
    struct ast_name_list *first, *last;
};
struct expr_list {
    struct ast_expr *first, *last;
    uint32_t count;
};
struct binder_list {
    struct ast_binder *first, *last;
};
struct literal_list {
    struct ast_literal *first, *last;
    uint32_t count;
    bool incomplete; /* an element was refused */
};
struct param_list {
    struct ast_param *first, *last;
    bool incomplete;
};
struct target_list {
    struct ast_target *first, *last;
};
struct statement_list {
    struct ast_statement *first, *last;
};
struct initial_list {
    struct ast_initial *first, *last;
};
struct constant_clauses {
    struct ast_expr *within;
    bool spectral, exact;
};

struct ast_name build_name(struct parser *parser, struct token token);
struct ast_expr *build_leaf(struct parser *parser, enum ast_expr_kind kind, struct token token);
struct ast_expr *build_unary(struct parser *parser, enum ast_op op, struct token word, struct ast_expr *argument);
struct ast_expr *build_binary(struct parser *parser, enum ast_op op, struct token word, struct ast_expr *left,
                              struct ast_expr *right);
struct ast_expr *build_paren(struct parser *parser, struct token open, struct ast_expr *inner, struct token close);
struct ast_expr *build_access(struct parser *parser, struct ast_expr *callee, struct expr_list subscripts, struct token close);
struct ast_expr *build_merged(struct parser *parser, struct token open, struct expr_list parts, struct token close);
struct ast_expr *build_call(struct parser *parser, struct token word, struct expr_list arguments, struct token close);
struct ast_expr *build_reduce(struct parser *parser, struct token word, struct binder_list binders, struct ast_expr *argument,
                              struct token close);
struct ast_expr *build_pad(struct parser *parser, struct token word, struct ast_expr *access, struct ast_expr *value,
                           struct token close);
struct ast_expr *build_einsum(struct parser *parser, struct token word, struct token string, struct expr_list operands,
                              struct token ring, struct token close);

struct expr_list append_expr(struct expr_list list, struct ast_expr *expr);
struct expr_list prepend_expr(struct ast_expr *expr, struct expr_list list);
struct name_list append_name(struct parser *parser, struct name_list list, struct token name);
struct binder_list append_binder(struct binder_list list, struct ast_binder *binder);
struct binder_list prepend_binder(struct ast_binder *binder, struct binder_list list);
struct literal_list append_literal(struct literal_list list, struct ast_literal *literal);
struct param_list append_param(struct param_list list, struct ast_param *param);
struct target_list append_target(struct target_list list, struct ast_target *target);
struct statement_list append_statement(struct statement_list list, struct ast_statement *statement);
struct initial_list append_initial(struct initial_list list, struct ast_initial *initial);

struct ast_binder *build_binder(struct parser *parser, struct token name, struct ast_expr *extent);
struct ast_binder *build_left_subscript(struct parser *parser, struct ast_expr *subscript, struct ast_expr *extent);
struct ast_binder *build_left_merged(struct parser *parser, struct token open, struct binder_list parts, struct token close);
struct ast_target *build_target(struct parser *parser, struct token name, struct binder_list binders, struct token close);
struct ast_statement *build_assign(struct parser *parser, struct token word, struct target_list targets, struct ast_expr *value);
struct ast_statement *build_let(struct parser *parser, struct token let, struct token stored, struct target_list targets,
                                struct ast_expr *value);
struct ast_statement *let_type(struct ast_statement *let, struct ast_type *type);
struct ast_statement *build_scan(struct parser *parser, struct token scan, struct token index, struct ast_expr *extent,
                                 struct statement_list body, struct token close, struct initial_list initial);
struct ast_statement *build_operator_statement(struct parser *parser, struct ast_operator *operator_);
struct ast_initial *build_initial(struct parser *parser, struct token name, struct expr_list subscripts, struct ast_expr *value);
struct ast_operator *build_operator(struct parser *parser, struct token word, struct token name, struct name_list parameters,
                                    struct ast_expr *value);

struct ast_type *build_type(struct parser *parser, struct token element, struct expr_list extents, struct token close);
struct ast_type *build_mod_type(struct parser *parser, struct token mod, struct ast_expr *modulus, struct token close_mod,
                                struct expr_list extents, struct token close);
struct ast_type *type_scale(struct parser *parser, struct ast_type *type, struct ast_expr *scale, struct token close);
struct ast_type *type_strides(struct parser *parser, struct ast_type *type, struct expr_list strides, struct token close);
struct ast_type *type_property(struct parser *parser, struct ast_type *type, struct token property);
struct ast_param *build_param(struct parser *parser, struct token name, struct ast_type *type);
struct ast_literal *build_number(struct parser *parser, struct ast_expr *value);
struct ast_literal *build_literals(struct parser *parser, struct token open, struct literal_list elements, struct token close);

void file_dim(struct parser *parser, struct token name, struct ast_expr *value);
void file_dim_clause(struct parser *parser, struct token word, struct ast_expr *value, struct token remainder);
void file_constant(struct parser *parser, struct token name, struct ast_type *type, struct ast_literal *literal, struct token path,
                   struct constant_clauses clauses);
void file_operator(struct parser *parser, struct ast_operator *operator_);
void file_kernel(struct parser *parser, struct token word, struct token name, struct param_list inputs, struct param_list outputs,
                 struct token numeric_class, struct statement_list body, struct token close);

#endif
