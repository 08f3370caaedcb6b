/* Pairs the brackets of a whole file before the grammar sees it, and leaves only the line ends that end something.
 *
 * A line end inside ( or [ is dropped, unless what follows can only begin a statement: then the bracket was forgotten, and the
 * diagnostic points at the opening one. What remains of a statement with such a mistake is one token BROKEN, on which the grammar
 * recovers without a word. After this every ( [ { has its partner, and a statement before `}` or the end is ended by a line end. */
#include "parse.h"
#include "grammar_parser.h"

struct pairing {
    struct parser *parser;
    const struct token *in; /* the lexer's tokens */
    size_t at;
    struct token *out;
    size_t n_out, out_capacity;
    struct token *open; /* unpaired opening brackets, outermost first */
    size_t n_open, open_capacity;
    size_t statement; /* where in `out` the current statement starts */
    bool broken;      /* the current statement is not to be read */
};

static void put(struct pairing *pairing, struct token token)
{
    ARENA_PUSH(pairing->parser->arena, pairing->out, pairing->n_out, pairing->out_capacity, token);
}

static struct token made_token(struct pairing *pairing, uint16_t kind)
{
    uint32_t place = pairing->in[pairing->at].begin;
    return (struct token){place, place, kind, false};
}

static int open_kind(const struct pairing *pairing)
{
    return pairing->n_open ? pairing->open[pairing->n_open - 1].kind : 0;
}

static bool in_round_or_square(const struct pairing *pairing)
{
    return open_kind(pairing) == TOKEN_LPAREN || open_kind(pairing) == TOKEN_LBRACKET;
}

/* `name =`, `name +=`, `name[...] =`: nothing else has an assignment sign behind its first name. */
static bool is_assignment(const struct token *token)
{
    if (token->kind != TOKEN_NAME)
        return false;
    token++;
    if (token->kind == TOKEN_LBRACKET) {
        int depth = 0;
        do {
            depth += token->kind == TOKEN_LBRACKET || token->kind == TOKEN_LPAREN;
            depth -= token->kind == TOKEN_RBRACKET || token->kind == TOKEN_RPAREN;
            token++;
        } while (depth > 0 && token->kind != TOKEN_NEWLINE && token->kind != 0);
    }
    return token->kind == TOKEN_ASSIGN || token->kind == TOKEN_ACCUMULATE;
}

static bool begins_statement(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_DIM:
    case TOKEN_CONST:
    case TOKEN_KERNEL:
    case TOKEN_OPERATOR:
    case TOKEN_LET:
    case TOKEN_SCAN:
    case TOKEN_RBRACE:
        return true;
    default:
        return is_assignment(token);
    }
}

/* What can only go on with the line before: the rest of a kernel's head, the initial values of a scan. */
static bool goes_on(int kind)
{
    return kind == TOKEN_ARROW || kind == TOKEN_LBRACE || kind == TOKEN_FROM || kind == TOKEN_EXACT || kind == TOKEN_REASSOC ||
           kind == TOKEN_NORMWISE;
}

/* Every ( and [ above the last { is given up; the innermost is reported. */
static void give_up_open(struct pairing *pairing)
{
    struct parser *parser = pairing->parser;
    if (!in_round_or_square(pairing))
        return;
    struct token open = pairing->open[pairing->n_open - 1];
    bool round = open.kind == TOKEN_LPAREN;
    if (!pairing->broken) {
        struct diag *diag =
            diag_error(parser->diagnostics, DIAG_E0005, token_span(parser, open), "`%s` is never closed", round ? "(" : "[");
        diag_label(parser->diagnostics, diag, "opened here");
        diag_help(parser->diagnostics, diag, "add the missing `%s`", round ? ")" : "]");
    }
    pairing->broken = true;
    while (in_round_or_square(pairing))
        pairing->n_open--;
}

/* The head of a kernel or scan keeps its first word, by which the grammar knows what the body belongs to. */
static void cut_broken(struct pairing *pairing)
{
    if (!pairing->broken)
        return;
    size_t keep = pairing->statement;
    note_unread(pairing->parser, pairing->out + keep, pairing->n_out - keep);
    if (keep < pairing->n_out && (pairing->out[keep].kind == TOKEN_KERNEL || pairing->out[keep].kind == TOKEN_SCAN))
        keep++;
    if (keep < pairing->n_out)
        pairing->n_out = keep;
    put(pairing, made_token(pairing, TOKEN_BROKEN));
    pairing->broken = false;
}

static void end_statement(struct pairing *pairing)
{
    give_up_open(pairing);
    cut_broken(pairing);
    if (pairing->n_out == 0 || pairing->out[pairing->n_out - 1].kind != TOKEN_NEWLINE)
        put(pairing, made_token(pairing, TOKEN_NEWLINE));
    pairing->statement = pairing->n_out;
}

static void line_end(struct pairing *pairing)
{
    const struct token *next = &pairing->in[pairing->at + 1]; /* no second line end: the lexer joins them */
    if (in_round_or_square(pairing) && !begins_statement(next))
        return;
    if (goes_on(next->kind) && pairing->n_out > pairing->statement)
        return;
    end_statement(pairing);
}

/* A line end first: the grammar then knows that a body has begun, and recovers inside it when its first token fits nowhere. */
static void open_body(struct pairing *pairing)
{
    put(pairing, made_token(pairing, TOKEN_NEWLINE));
    pairing->statement = pairing->n_out;
}

static void open_bracket(struct pairing *pairing, struct token token)
{
    struct parser *parser = pairing->parser;
    if (token.kind == TOKEN_LBRACE) {
        give_up_open(pairing);
        cut_broken(pairing);
    } else if (pairing->n_open == FRONTEND_NESTING && !pairing->broken) {
        diag_error(parser->diagnostics, DIAG_E0901, token_span(parser, token), "brackets nest deeper than %d", FRONTEND_NESTING);
        pairing->broken = true;
    }
    ARENA_PUSH(parser->arena, pairing->open, pairing->n_open, pairing->open_capacity, token);
    put(pairing, token);
    if (token.kind == TOKEN_LBRACE)
        open_body(pairing);
}

static const char *bracket_text(int kind)
{
    switch (kind) {
    case TOKEN_LPAREN:
        return "(";
    case TOKEN_LBRACKET:
        return "[";
    case TOKEN_RPAREN:
        return ")";
    case TOKEN_RBRACKET:
        return "]";
    default:
        return "}";
    }
}

static void wrong_close(struct pairing *pairing, struct token token)
{
    struct parser *parser = pairing->parser;
    if (!pairing->broken) {
        struct diag *diag;
        if (in_round_or_square(pairing)) {
            struct token open = pairing->open[pairing->n_open - 1];
            const char *wanted = open.kind == TOKEN_LPAREN ? ")" : "]";
            diag = diag_error(parser->diagnostics, DIAG_E0005, token_span(parser, token), "`%s` closes a `%s`",
                              bracket_text(token.kind), bracket_text(open.kind));
            diag_label(parser->diagnostics, diag, "`%s` wanted before or here", wanted);
            diag_note(parser->diagnostics, diag, token_span(parser, open), "opened here");
        } else {
            diag = diag_error(parser->diagnostics, DIAG_E0005, token_span(parser, token), "`%s` closes nothing",
                              bracket_text(token.kind));
            diag_label(parser->diagnostics, diag, "no `%s` is open here",
                       token.kind == TOKEN_RPAREN     ? "("
                       : token.kind == TOKEN_RBRACKET ? "["
                                                      : "{");
        }
    }
    pairing->broken = token.kind != TOKEN_RBRACE;
}

static void close_bracket(struct pairing *pairing, struct token token)
{
    uint16_t partner = token.kind == TOKEN_RPAREN ? TOKEN_LPAREN : TOKEN_LBRACKET;
    size_t depth = pairing->n_open;
    if (open_kind(pairing) != partner)
        wrong_close(pairing, token);
    while (depth > 0 && pairing->open[depth - 1].kind != partner && pairing->open[depth - 1].kind != TOKEN_LBRACE)
        depth--;
    if (depth > 0 && pairing->open[depth - 1].kind == partner)
        pairing->n_open = depth - 1;
    put(pairing, token);
}

static void close_brace(struct pairing *pairing, struct token token)
{
    end_statement(pairing);
    if (pairing->n_open == 0) {
        wrong_close(pairing, token);
        return;
    }
    pairing->n_open--;
    put(pairing, token);
}

/* At a declaration that cannot stand in a body, and at the end of the text. */
static void give_up_braces(struct pairing *pairing)
{
    struct parser *parser = pairing->parser;
    end_statement(pairing);
    if (pairing->n_open > 0) {
        struct token open = pairing->open[pairing->n_open - 1];
        struct diag *diag = diag_error(parser->diagnostics, DIAG_E0005, token_span(parser, open), "`{` is never closed");
        diag_label(parser->diagnostics, diag, "opened here");
        diag_help(parser->diagnostics, diag, "add the missing `}`");
    }
    for (; pairing->n_open > 0; pairing->n_open--) {
        put(pairing, made_token(pairing, TOKEN_RBRACE));
        put(pairing, made_token(pairing, TOKEN_NEWLINE));
    }
    pairing->statement = pairing->n_out;
}

static void pair_token(struct pairing *pairing, struct token token)
{
    switch (token.kind) {
    case TOKEN_NEWLINE:
        line_end(pairing);
        return;
    case TOKEN_LPAREN:
    case TOKEN_LBRACKET:
    case TOKEN_LBRACE:
        open_bracket(pairing, token);
        return;
    case TOKEN_RPAREN:
    case TOKEN_RBRACKET:
        close_bracket(pairing, token);
        return;
    case TOKEN_RBRACE:
        close_brace(pairing, token);
        return;
    case TOKEN_DIM:
    case TOKEN_CONST:
    case TOKEN_KERNEL:
        if (token.line_start && pairing->n_open > 0)
            give_up_braces(pairing);
        put(pairing, token);
        return;
    case 0:
        give_up_braces(pairing);
        put(pairing, token);
        return;
    case TOKEN_BROKEN: /* what the lexer left out may have held brackets */
        pairing->broken = true;
        put(pairing, token);
        return;
    default:
        put(pairing, token);
    }
}

void brackets_pair(struct parser *parser)
{
    struct pairing pairing = {.parser = parser, .in = parser->tokens};
    open_body(&pairing);
    for (pairing.at = 0; pairing.at < parser->n_tokens && !arena_failed(parser->arena); pairing.at++)
        pair_token(&pairing, parser->tokens[pairing.at]);
    parser->tokens = pairing.out;
    parser->n_tokens = pairing.n_out;
}
