/* Tokens of tensor IR text (docs/ir.md): one function, no state but the cursor. The text ends with a zero byte; a zero byte before its
 * end is a character that starts nothing. Keywords are words that the grammar lets stand as names where no keyword can stand. */
#include "reader_internal.h"
#include "reader_parser.h"

int eir_lex(struct ir_reader *reader, struct eir_token *token)
{
    const char *YYCURSOR = reader->cursor, *YYMARKER = YYCURSOR, *start;
    const char *end = reader->source->text + reader->source->length;
    int type;
    for (;;) {
        start = YYCURSOR;
        /*!re2c
        re2c:define:YYCTYPE = "unsigned char";
        re2c:yyfill:enable = 0;
        letter = [A-Za-z_\x80-\xff];
        digit = [0-9];
        word = letter (letter | digit)*;
        exponent = [eE] [+-]? digit+;

        [ \t\r\n]+          { continue; }
        ";" [^\n\x00]*      { continue; }
        "\x00"              { type = start >= end ? 0 : -1; break; }

        "program"   { type = EIR_PROGRAM; break; }
        "dim"       { type = EIR_DIM; break; }
        "typical"   { type = EIR_TYPICAL; break; }
        "bound"     { type = EIR_BOUND; break; }
        "divisor"   { type = EIR_DIVISOR; break; }
        "data"      { type = EIR_DATA; break; }
        "kernel"    { type = EIR_KERNEL; break; }
        "default"   { type = EIR_DEFAULT; break; }
        "output"    { type = EIR_OUTPUT; break; }
        "input"     { type = EIR_INPUT; break; }
        "const"     { type = EIR_CONST; break; }
        "codelet"   { type = EIR_CODELET; break; }
        "contract"  { type = EIR_CONTRACT; break; }
        "map"       { type = EIR_MAP; break; }
        "view"      { type = EIR_VIEW; break; }
        "of"        { type = EIR_OF; break; }
        "sum"       { type = EIR_SUM; break; }
        "in"        { type = EIR_IN; break; }
        "concat"    { type = EIR_CONCAT; break; }
        "alt"       { type = EIR_ALT; break; }
        "where"     { type = EIR_WHERE; break; }
        "strides"   { type = EIR_STRIDES; break; }
        "named"     { type = EIR_NAMED; break; }
        "sliced"    { type = EIR_SLICED; break; }
        "updates"   { type = EIR_UPDATES; break; }
        "scatter"   { type = EIR_SCATTER; break; }
        "solve"     { type = EIR_SOLVE; break; }
        "axis"      { type = EIR_AXIS; break; }
        "over"      { type = EIR_OVER; break; }
        "step"      { type = EIR_STEP; break; }
        "scan"      { type = EIR_SCAN; break; }
        "states"    { type = EIR_STATES; break; }
        "backward"  { type = EIR_BACKWARD; break; }
        "proj"      { type = EIR_PROJ; break; }
        "last"      { type = EIR_LAST; break; }
        "conj"      { type = EIR_CONJ; break; }
        "pad"       { type = EIR_PAD; break; }
        "exact"     { type = EIR_EXACT; break; }
        "within"    { type = EIR_WITHIN; break; }
        "spectral"  { type = EIR_SPECTRAL; break; }
        "name"      { type = EIR_NAME; break; }
        "path"      { type = EIR_PATH; break; }
        "let"       { type = EIR_LET; break; }
        "index"     { type = EIR_INDEX; break; }
        "inf"       { type = EIR_INF; break; }
        "nan"       { type = EIR_NAN; break; }
        "div"       { type = EIR_DIV; break; }
        "mod"       { type = EIR_MOD; break; }
        word        { type = EIR_ID; break; }

        "%" (letter | digit)+   { type = EIR_NODE; break; }
        "$" digit+              { type = EIR_OPERAND; break; }
        "@" digit+              { type = EIR_UNNAMED; break; }
        "#" [0-9a-f]{16}        { type = EIR_HASH; break; }
        digit+                  { type = EIR_INTEGER; break; }
        digit+ "." digit+ exponent?                                     { type = EIR_FLOAT; break; }
        "0x" [0-9a-fA-F]+ ("." [0-9a-fA-F]+)? "p" [+-]? digit+          { type = EIR_FLOAT; break; }
        "\"" ([^"\\\x00\n] | "\\" ["\\] | "\\x" [0-9a-f]{2})* "\""      { type = EIR_STRING; break; }

        "=="  { type = EIR_EQ; break; }
        "!="  { type = EIR_NE; break; }
        "<="  { type = EIR_LE; break; }
        "<"   { type = EIR_LT; break; }
        ">="  { type = EIR_GE; break; }
        ">"   { type = EIR_GT; break; }
        "="   { type = EIR_IS; break; }
        "+"   { type = EIR_PLUS; break; }
        "-"   { type = EIR_MINUS; break; }
        "*"   { type = EIR_TIMES; break; }
        "/"   { type = EIR_SLASH; break; }
        "("   { type = EIR_LPAREN; break; }
        ")"   { type = EIR_RPAREN; break; }
        "["   { type = EIR_LBRACKET; break; }
        "]"   { type = EIR_RBRACKET; break; }
        "{"   { type = EIR_LBRACE; break; }
        "}"   { type = EIR_RBRACE; break; }
        ","   { type = EIR_COMMA; break; }
        ":"   { type = EIR_COLON; break; }
        *     { type = -1; break; }
        */
    }
    reader->cursor = type == 0 ? start : YYCURSOR;
    token->text = start;
    token->length = (uint32_t)(YYCURSOR - start);
    uint32_t begin = (uint32_t)(start - reader->source->text);
    token->span = (struct span){reader->source_number, begin, type == 0 ? begin : begin + token->length};
    return type;
}
