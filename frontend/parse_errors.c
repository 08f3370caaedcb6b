/* Wording of syntax errors: what was expected, what was found, and for the usual slips how it is written here. */
#include <string.h>
#include "parse.h"
#include "grammar_parser.h"

/* What one token kind is called when it is expected. In order of mention. */
static const struct {
    int kind;
    const char *text;
} token_names[] = {
    {TOKEN_NAME, "a name"},
    {TOKEN_ELEMENT, "an element type"},
    {TOKEN_STRING, "a string"},
    {TOKEN_INTEGER, "an integer"},
    {TOKEN_COLON, "`:`"},
    {TOKEN_ASSIGN, "`=`"},
    {TOKEN_COMMA, "`,`"},
    {TOKEN_LPAREN, "`(`"},
    {TOKEN_RPAREN, "`)`"},
    {TOKEN_LBRACKET, "`[`"},
    {TOKEN_RBRACKET, "`]`"},
    {TOKEN_ARROW, "`->`"},
    {TOKEN_EQ, "`==`"},
    {TOKEN_LBRACE, "`{`"},
    {TOKEN_RBRACE, "`}`"},
    {TOKEN_RING, "`ring`"},
    {TOKEN_NEWLINE, "the end of the line"},
};

struct mistake {
    struct parser *parser;
    struct token found, before; /* `before` has kind 0 when there is none */
    const bool *expected;
    bool expression, operator_, statement, declaration; /* groups of expected tokens */
};

const char *token_text(struct parser *parser, struct token token)
{
    if (token.kind == TOKEN_NEWLINE)
        return "the end of the line";
    if (token.kind == 0)
        return "the end of the file";
    return arena_printf(parser->arena, "`%.*s`", (int)(token.end - token.begin), parser->text + token.begin);
}

static bool is_comparison(int kind)
{
    return kind == TOKEN_EQ || kind == TOKEN_NE || kind == TOKEN_LT || kind == TOKEN_LE || kind == TOKEN_GT || kind == TOKEN_GE;
}

static bool is_word(const struct parser *parser, struct token token)
{
    return token.end > token.begin && lexer_word(parser->text + token.begin, token.end - token.begin) != 0;
}

static bool begins_expression(int kind)
{
    return kind == TOKEN_NAME || kind == TOKEN_INTEGER || kind == TOKEN_DECIMAL || kind == TOKEN_IMAGINARY ||
           kind == TOKEN_LPAREN || kind == TOKEN_PI || kind == TOKEN_SUM || kind == TOKEN_MAX || kind == TOKEN_MIN ||
           kind == TOKEN_EINSUM;
}

/* "`,` or `)`" */
static const char *expected_text(const struct mistake *mistake)
{
    const char *items[24];
    size_t n = 0;
    if (mistake->declaration)
        return "`dim`, `const`, `operator` or `kernel`";
    if (mistake->statement)
        items[n++] = "a statement";
    if (mistake->expression)
        items[n++] = "an expression";
    if (mistake->operator_)
        items[n++] = "an operator";
    for (size_t k = 0; k < sizeof token_names / sizeof *token_names; k++) {
        int kind = token_names[k].kind;
        bool in_group = ((mistake->expression || mistake->statement) &&
                         (begins_expression(kind) || kind == TOKEN_ELEMENT || kind == TOKEN_NEWLINE)) ||
                        (mistake->operator_ && (is_comparison(kind) || kind == TOKEN_LBRACKET));
        if (mistake->expected[kind] && !in_group)
            items[n++] = token_names[k].text;
    }
    struct text text = text_create(mistake->parser->arena);
    for (size_t k = 0; k < n; k++)
        text_printf(&text, "%s%s", k == 0 ? "" : k + 1 == n ? " or " : ", ", items[k]);
    return text_finish(&text);
}

/* A message of its own, for mistakes that say more than "expected this, found that". NULL: none. */
static const char *special_message(const struct mistake *mistake)
{
    struct parser *parser = mistake->parser;
    const bool *expected = mistake->expected;
    int found = mistake->found.kind;
    if (is_comparison(found) && expected[TOKEN_AND])
        return "comparisons do not chain";
    if (found == TOKEN_ASSIGN && mistake->operator_)
        return "`=` stands inside an expression";
    if (is_word(parser, mistake->found) && expected[TOKEN_NAME] && !mistake->statement)
        return arena_printf(parser->arena, "%s is a reserved word", token_text(parser, mistake->found));
    if ((found == TOKEN_COMMA || found == TOKEN_RPAREN || found == TOKEN_ASSIGN) && expected[TOKEN_COLON] &&
        mistake->before.kind == TOKEN_NAME && !mistake->operator_)
        return arena_printf(parser->arena, "%s has no type", token_text(parser, mistake->before));
    if (found == TOKEN_NAME && expected[TOKEN_ELEMENT] && !mistake->expression)
        return arena_printf(parser->arena, "%s is no element type", token_text(parser, mistake->found));
    if (found == TOKEN_LBRACE && expected[TOKEN_ARROW])
        return "the kernel names no outputs";
    return NULL;
}

static const char *element_help(struct parser *parser, struct token found)
{
    static const char *const foreign[][2] = {{"float", "f32"},     {"double", "f64"},      {"float32", "f32"}, {"float64", "f64"},
                                             {"complex64", "c64"}, {"complex128", "c128"}, {"int", "i32"},     {"int8", "i8"},
                                             {"int16", "i16"},     {"int32", "i32"},       {"int64", "i64"},   {"uint8", "u8"},
                                             {"uint16", "u16"},    {"uint32", "u32"},      {"uint64", "u64"},  {"boolean", "bool"}};
    for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++)
        if (strlen(foreign[k][0]) == found.end - found.begin &&
            strncmp(foreign[k][0], parser->text + found.begin, found.end - found.begin) == 0)
            return arena_printf(parser->arena, "write `%s`", foreign[k][1]);
    return "element types are f32 f64 c64 c128 i8 i16 i32 i64 u8 u16 u32 u64 bool";
}

/* Help where an expression might have gone on. */
static const char *operator_help(const struct mistake *mistake)
{
    int found = mistake->found.kind;
    if (found == TOKEN_ASSIGN)
        return "equality is `==`";
    if (found == TOKEN_PERCENT)
        return "the remainder is `mod`";
    if (found == TOKEN_LBRACKET && mistake->before.kind == TOKEN_RBRACKET)
        return "all subscripts stand in one pair of brackets: `a[i, j]`";
    if (begins_expression(found))
        return "a product is written with `*`";
    return NULL;
}

static const char *statement_help(const struct mistake *mistake)
{
    switch (mistake->found.kind) {
    case TOKEN_PLUS:
    case TOKEN_MINUS:
    case TOKEN_STAR:
    case TOKEN_SLASH:
    case TOKEN_AND:
    case TOKEN_OR:
        return "a statement ends with its line: put its right side in ( ) to go on in the next one";
    default:
        return "a statement is `name[indices] = expression`, or `let name[indices] = expression`";
    }
}

static const char *help_text(const struct mistake *mistake)
{
    struct parser *parser = mistake->parser;
    const bool *expected = mistake->expected;
    int found = mistake->found.kind;
    if (mistake->declaration && (found == TOKEN_NAME || found == TOKEN_LET || found == TOKEN_SCAN))
        return "statements stand inside the { } of a kernel";
    if (mistake->statement)
        return statement_help(mistake);
    if (is_comparison(found) && expected[TOKEN_AND])
        return "join two comparisons with `and`: `a < b and b < c`";
    if (mistake->operator_)
        return operator_help(mistake);
    if (found == TOKEN_NEWLINE && mistake->expression)
        return "an expression goes on in the next line only inside ( or [";
    if (found == TOKEN_NOT && mistake->expression)
        return "`not` binds less tightly than this operator: write `(not ...)`";
    if (is_word(parser, mistake->found) && expected[TOKEN_NAME])
        return mistake->expression ? NULL : "choose another name";
    if (expected[TOKEN_ELEMENT] && !mistake->expression)
        return found == TOKEN_NAME ? element_help(parser, mistake->found) : "a type is written `f32[n, m]`, that of a scalar `f32`";
    if (expected[TOKEN_COLON] && mistake->before.kind == TOKEN_NAME)
        return arena_printf(parser->arena, "write %.*s: f64[n], with its element type and extents",
                            (int)(mistake->before.end - mistake->before.begin), parser->text + mistake->before.begin);
    if (expected[TOKEN_ARROW])
        return "outputs follow the inputs: `-> (y: f64[n])`";
    if (found == TOKEN_EQ && expected[TOKEN_ASSIGN])
        return "assignment is `=`";
    return NULL;
}

void note_unread(struct parser *parser, const struct token *tokens, size_t count)
{
    if (count < 2 || (tokens->kind != TOKEN_DIM && tokens->kind != TOKEN_CONST && tokens->kind != TOKEN_OPERATOR &&
                      tokens->kind != TOKEN_KERNEL))
        return;
    size_t end = tokens->kind == TOKEN_DIM ? count : 2; /* a `dim` line declares several */
    for (size_t k = 1; k < end; k++) {
        struct ast_name_list *item = tokens[k].kind == TOKEN_NAME ? ARENA_NEW(parser->arena, struct ast_name_list) : NULL;
        if (!item)
            continue;
        item->name = build_name(parser, tokens[k]);
        item->next = parser->file->unread;
        parser->file->unread = item;
    }
}

void parse_error(struct parser *parser, struct token found, const bool *expected, size_t n_kinds)
{
    (void)n_kinds;
    size_t start = parser->next;
    while (start > 0 && parser->tokens[start - 1].kind != TOKEN_NEWLINE)
        start--;
    note_unread(parser, parser->tokens + start, parser->next - start);
    if (found.kind == TOKEN_BROKEN)
        return; /* said by the lexer or by brackets.c */
    struct mistake mistake = {.parser = parser, .found = found, .expected = expected};
    if (parser->next > 0)
        mistake.before = parser->tokens[parser->next - 1];
    mistake.expression = expected[TOKEN_NAME] && expected[TOKEN_MINUS] && expected[TOKEN_PI];
    mistake.operator_ = expected[TOKEN_PLUS] && expected[TOKEN_STAR];
    mistake.statement = expected[TOKEN_LET] && expected[TOKEN_SCAN];
    mistake.declaration = expected[TOKEN_DIM] && expected[TOKEN_KERNEL];
    const char *wanted = expected_text(&mistake), *message = special_message(&mistake);
    struct span span = token_span(parser, found);
    struct diag *diag;
    if (message)
        diag = diag_error(parser->diagnostics, DIAG_E0002, span, "%s", message);
    else
        diag = diag_error(parser->diagnostics, DIAG_E0002, span, "expected %s, found %s", wanted, token_text(parser, found));
    if (wanted && !is_comparison(found.kind))
        diag_label(parser->diagnostics, diag, "%s expected", wanted);
    const char *help = help_text(&mistake);
    if (help)
        diag_help(parser->diagnostics, diag, "%s", help);
}

void parse_too_deep(struct parser *parser)
{
    struct token token = parser->tokens[parser->next];
    struct diag *diag = diag_error(parser->diagnostics, DIAG_E0901, token_span(parser, token), "the expression nests too deeply");
    diag_help(parser->diagnostics, diag, "name parts of it with `let`");
    parser->no_recovery = true;
}
