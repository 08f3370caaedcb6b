/* The lexer of .ein files: the whole text to an array of tokens, ended by one of kind 0.
 *
 * It never fails: a character that starts nothing is reported (E0001, typical foreign spellings with the fix) and either stands for what
 * was meant (`&&` for `and`) or becomes a token BROKEN, on which the grammar passes over the statement without a word. Text outside comments and strings is ASCII. */
#include <string.h>
#include "parse.h"
#include "grammar_parser.h"

/*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:yyfill:enable = 0;
    re2c:define:YYCURSOR = cursor;
    re2c:define:YYMARKER = marker;

    digit = [0-9];
    letter = [A-Za-z_];
    exponent = [eE] [+-]? digit+;
    decimal = digit+ "." digit* exponent? | "." digit+ exponent? | digit+ exponent;
*/

/* Reserved words, docs/language.md. Element types of later versions are reserved too. */
static const struct {
    const char *text;
    int kind;
} words[] = {
    {"dim", TOKEN_DIM},           {"const", TOKEN_CONST},
    {"operator", TOKEN_OPERATOR}, {"kernel", TOKEN_KERNEL},
    {"let", TOKEN_LET},           {"stored", TOKEN_STORED},
    {"scan", TOKEN_SCAN},         {"from", TOKEN_FROM},
    {"file", TOKEN_FILE},         {"within", TOKEN_WITHIN},
    {"exact", TOKEN_EXACT},       {"reassoc", TOKEN_REASSOC},
    {"normwise", TOKEN_NORMWISE}, {"spectral", TOKEN_SPECTRAL},
    {"ring", TOKEN_RING},         {"where", TOKEN_WHERE},
    {"pad", TOKEN_PAD},           {"sum", TOKEN_SUM},
    {"prod", TOKEN_PROD},         {"max", TOKEN_MAX},
    {"min", TOKEN_MIN},           {"any", TOKEN_ANY},
    {"all", TOKEN_ALL},           {"and", TOKEN_AND},
    {"or", TOKEN_OR},             {"not", TOKEN_NOT},
    {"div", TOKEN_DIV},           {"mod", TOKEN_MOD},
    {"pi", TOKEN_PI},             {"einsum", TOKEN_EINSUM},
    {"true", TOKEN_TRUE},         {"false", TOKEN_FALSE},
    {"inf", TOKEN_INF},           {"nan", TOKEN_NAN},
    {"strides", TOKEN_STRIDES},   {"symmetric", TOKEN_SYMMETRIC},
    {"spd", TOKEN_SPD},           {"centrosymmetric", TOKEN_CENTROSYMMETRIC},
    {"f16", TOKEN_ELEMENT},       {"skew_centrosymmetric", TOKEN_SKEW_CENTROSYMMETRIC},
    {"bf16", TOKEN_ELEMENT},      {"q7", TOKEN_ELEMENT},
    {"q15", TOKEN_ELEMENT}, /* which are stored as i8 and i16 */
#define ELEMENT(name, kind, bytes, c_type, numpy) {#name, TOKEN_ELEMENT},
#include "ir/elements.def"
#undef ELEMENT
};

int lexer_word(const char *text, size_t length)
{
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (words[k].text[0] == text[0] && strlen(words[k].text) == length && memcmp(words[k].text, text, length) == 0)
            return words[k].kind;
    return 0;
}

struct lexer {
    struct parser *parser;
    const unsigned char *start, *cursor, *end;
    bool line_start;
};

static void emit(struct lexer *lexer, const unsigned char *from, int kind)
{
    struct parser *parser = lexer->parser;
    uint32_t begin = (uint32_t)(from - lexer->start), end = (uint32_t)(lexer->cursor - lexer->start);
    if (kind == TOKEN_NEWLINE && parser->n_tokens && parser->tokens[parser->n_tokens - 1].kind == TOKEN_NEWLINE)
        return; /* one line end stands for all */
    struct token token = {begin, end, (uint16_t)kind, lexer->line_start};
    ARENA_PUSH(parser->arena, parser->tokens, parser->n_tokens, parser->tokens_capacity, token);
    lexer->line_start = kind == TOKEN_NEWLINE;
}

/* `scale` is a word behind a type, where no name can stand, and a name everywhere else. */
static bool follows_type(const struct lexer *lexer, const unsigned char *word)
{
    const struct parser *parser = lexer->parser;
    int before = parser->n_tokens ? parser->tokens[parser->n_tokens - 1].kind : 0;
    return (before == TOKEN_ELEMENT || before == TOKEN_RBRACKET) && lexer->cursor - word == 5 && memcmp(word, "scale", 5) == 0;
}

/* A spelling of another language; `help` says ours. */
static void foreign(struct lexer *lexer, const unsigned char *from, const char *help)
{
    struct parser *parser = lexer->parser;
    uint32_t begin = (uint32_t)(from - lexer->start), end = (uint32_t)(lexer->cursor - lexer->start);
    struct span span = {parser->source_number, begin, end};
    struct diag *diag = diag_error(parser->diagnostics, DIAG_E0001, span, "`%.*s` is no part of the language", (int)(end - begin), from);
    diag_help(parser->diagnostics, diag, "%s", help);
}

/* Any other byte, or a whole character of UTF-8. */
static void unknown_character(struct lexer *lexer, const unsigned char *from)
{
    struct parser *parser = lexer->parser;
    while (*from >= 0xC0 && lexer->cursor < lexer->end && (*lexer->cursor & 0xC0) == 0x80 && lexer->cursor - from < 4)
        lexer->cursor++;
    uint32_t begin = (uint32_t)(from - lexer->start), end = (uint32_t)(lexer->cursor - lexer->start);
    struct span span = {parser->source_number, begin, end};
    struct diag *diag;
    if (*from < 0x20 || *from == 0x7F || (*from >= 0x80 && *from < 0xC0) || *from > 0xF4)
        diag = diag_error(parser->diagnostics, DIAG_E0001, span, "byte 0x%02X starts nothing", *from);
    else
        diag = diag_error(parser->diagnostics, DIAG_E0001, span, "character `%.*s` starts nothing", (int)(end - begin), from);
    if (*from >= 0x80)
        diag_help(parser->diagnostics, diag, "names are ASCII letters, digits and `_`; other characters may stand in comments and strings");
    emit(lexer, from, TOKEN_BROKEN);
}

static void unfinished_string(struct lexer *lexer, const unsigned char *from)
{
    struct parser *parser = lexer->parser;
    struct span span = {parser->source_number, (uint32_t)(from - lexer->start), (uint32_t)(lexer->cursor - lexer->start)};
    struct diag *diag = diag_error(parser->diagnostics, DIAG_E0003, span, "this string is not closed");
    diag_help(parser->diagnostics, diag, "end it with `\"` on the same line");
}

/* `2x`, `2i3`, `1.5.2`: a number with something glued to it. */
static void glued_number(struct lexer *lexer, const unsigned char *from)
{
    struct parser *parser = lexer->parser;
    struct span span = {parser->source_number, (uint32_t)(from - lexer->start), (uint32_t)(lexer->cursor - lexer->start)};
    const char *text = parser->text + span.begin;
    struct diag *diag = diag_error(parser->diagnostics, DIAG_E0004, span, "`%.*s` is no number", (int)(span.end - span.begin), text);
    size_t digits = strspn(text, "0123456789.");
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X' || text[1] == 'b'))
        diag_help(parser->diagnostics, diag, "numbers are decimal");
    else if (digits < span.end - span.begin && strchr("0123456789.", text[span.end - span.begin - 1]) == NULL)
        diag_help(parser->diagnostics, diag, "a product is written with `*`: `%.*s*%.*s`", (int)digits, text,
                  (int)(span.end - span.begin - digits), text + digits);
}

/* Consumes one token or piece of white space; false at the end. */
static bool step(struct lexer *lexer)
{
    const unsigned char *cursor = lexer->cursor, *marker = cursor, *from = cursor;
    (void)marker;
#define TOKEN(kind) (lexer->cursor = cursor, emit(lexer, from, TOKEN_##kind), true)
#define FOREIGN(help) (lexer->cursor = cursor, foreign(lexer, from, help), true)
    /*!re2c
    [ \t\r]+            { lexer->cursor = cursor; return true; }
    "#" [^\n\x00]*      { lexer->cursor = cursor; return true; }
    "\n"                { return TOKEN(NEWLINE); }
    letter (letter|digit)* {
        int kind = lexer_word((const char *)from, (size_t)(cursor - from));
        lexer->cursor = cursor;
        emit(lexer, from, kind ? kind : follows_type(lexer, from) ? TOKEN_SCALE : TOKEN_NAME);
        return true;
    }
    digit+              { return TOKEN(INTEGER); }
    decimal             { return TOKEN(DECIMAL); }
    (digit+ | decimal) "i" { return TOKEN(IMAGINARY); }
    (digit+ | decimal) (letter | digit | ".")+ {
        lexer->cursor = cursor;
        glued_number(lexer, from);
        emit(lexer, from, TOKEN_BROKEN);
        return true;
    }
    ["] [^"\n\x00]* ["] { return TOKEN(STRING); }
    ["] [^"\n\x00]*     { lexer->cursor = cursor; unfinished_string(lexer, from); emit(lexer, from, TOKEN_BROKEN); return true; }
    "("  { return TOKEN(LPAREN); }
    ")"  { return TOKEN(RPAREN); }
    "["  { return TOKEN(LBRACKET); }
    "]"  { return TOKEN(RBRACKET); }
    "{"  { return TOKEN(LBRACE); }
    "}"  { return TOKEN(RBRACE); }
    ","  { return TOKEN(COMMA); }
    ":"  { return TOKEN(COLON); }
    "->" { return TOKEN(ARROW); }
    "="  { return TOKEN(ASSIGN); }
    "+=" { return TOKEN(ACCUMULATE); }
    "==" { return TOKEN(EQ); }
    "!=" { return TOKEN(NE); }
    "<"  { return TOKEN(LT); }
    "<=" { return TOKEN(LE); }
    ">"  { return TOKEN(GT); }
    ">=" { return TOKEN(GE); }
    "+"  { return TOKEN(PLUS); }
    "-"  { return TOKEN(MINUS); }
    "*"  { return TOKEN(STAR); }
    "/"  { return TOKEN(SLASH); }
    "@"  { return TOKEN(AT); }
    "%"  { return TOKEN(PERCENT); }
    "~"  { return TOKEN(TILDE); }
    "&&" { FOREIGN("write `and`"); return TOKEN(AND); }
    "||" { FOREIGN("write `or`"); return TOKEN(OR); }
    "!"  { FOREIGN("write `not`"); return TOKEN(NOT); }
    "<>" { FOREIGN("write `!=`"); return TOKEN(NE); }
    ";"  { FOREIGN("a statement ends at the end of its line"); return TOKEN(NEWLINE); }
    "**" | "^" { FOREIGN("there is no power operator: write the product `x * x`, or `exp(p * log(x))`"); return TOKEN(STAR); }
    ("-=" | "*=" | "/=") { FOREIGN("only `+=` accumulates; write the whole right side after `=`"); return TOKEN(ASSIGN); }
    "//" [^\n\x00]* { FOREIGN("comments start with `#`; whole division is `div`"); return true; }
    "/*" [^\n\x00]* { FOREIGN("comments start with `#` and end with their line"); return true; }
    "\x00" {
        if (from >= lexer->end)
            return false;
        lexer->cursor = cursor;
        unknown_character(lexer, from);
        return true;
    }
    [^] { lexer->cursor = cursor; unknown_character(lexer, from); return true; }
    */
#undef TOKEN
#undef FOREIGN
}

void lexer_read(struct parser *parser)
{
    const unsigned char *start = (const unsigned char *)parser->text;
    struct lexer lexer = {.parser = parser, .start = start, .cursor = start, .end = start + parser->length, .line_start = true};
    if (parser->length >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0)
        lexer.cursor += 3; /* a byte order mark */
    while (!arena_failed(parser->arena) && step(&lexer))
        ;
    emit(&lexer, lexer.cursor, TOKEN_NEWLINE);
    emit(&lexer, lexer.cursor, 0);
}
