/* The grammar of tensor IR text (docs/ir.md). Each action is one call: reader.c (the file), reader_nodes.c, reader_values.c.
 * The parser's stack is fixed, so nesting is limited; nothing is allocated but in the arena. */
%name eir_parser
%token_prefix EIR_
%token_type {struct eir_token}
%extra_argument {struct ir_reader *reader}
%stack_size 400
%stack_overflow { eir_past_limit(reader, "nested too deeply"); }
%syntax_error { eir_syntax_error(reader, yyminor); }
%include {
#include "reader_internal.h"
#include "reader_parser.h"
#include <assert.h>
#define eir_parser_ENGINEALWAYSONSTACK 1
}

%fallback ID PROGRAM DIM TYPICAL BOUND DIVISOR DATA KERNEL DEFAULT OUTPUT INPUT CONST CODELET CONTRACT MAP VIEW CONCAT ALT NAMED SCATTER UPDATES OVER OF SUM IN
             WHERE SLICED CONJ STRIDES PAD EXACT WITHIN SPECTRAL NAME PATH LET INDEX INF NAN STEP SCAN STATES BACKWARD PROJ LAST SOLVE AXIS.

%nonassoc EQ NE LT LE GT GE.
%left PLUS MINUS.
%left TIMES SLASH DIV MOD.
%right NEGATE.

file ::= items.
items ::= .
items ::= items item.
item ::= PROGRAM STRING(A). { eir_set_path(reader, A); }
item ::= dim_head dim_facts. { eir_end_dim(reader); }
item ::= DATA HASH strings. /* read beforehand: constants refer to it from above */
item ::= kernel_head LBRACE statements RBRACE. { eir_end_kernel(reader); }
item ::= step_head LBRACE statements RBRACE. /* its scan verifies it */

strings ::= .
strings ::= strings STRING.

dim_head ::= DIM ID(A). { eir_begin_dim(reader, A); }
dim_facts ::= .
dim_facts ::= dim_facts TYPICAL number(A). { eir_dim_typical(reader, A); }
dim_facts ::= dim_facts BOUND INTEGER(A). { eir_dim_bound(reader, A, false); }
dim_facts ::= dim_facts DIVISOR INTEGER(A). { eir_dim_bound(reader, A, true); }

step_head ::= STEP ID(A). { eir_begin_step(reader, A); }
kernel_head ::= KERNEL ID(A) COLON ID(B). { eir_begin_kernel(reader, A, B, true); }
kernel_head ::= KERNEL ID(A) COLON DEFAULT ID(B). { eir_begin_kernel(reader, A, B, false); }

statements ::= .
statements ::= statements statement.
statement ::= OUTPUT ID(A) IS NODE(B). { eir_output(reader, A, B, NULL); }
statement ::= OUTPUT ID(A) IS NODE(B) UPDATES INTEGER(C). { eir_output(reader, A, B, &C); }
statement ::= target(A) IS value(B). { eir_define(reader, A, B); }

%type target {struct eir_token}
target(R) ::= NODE(A). { R = A; eir_begin_node(reader); }

/* ---- values ---- */
%type value {const struct ir_node *}
value(R) ::= INPUT INTEGER(A) COLON typed(B). { R = eir_input(reader, A, NULL, B); }
value(R) ::= INPUT INTEGER(A) ID(N) COLON typed(B) input_facts. { R = eir_input(reader, A, &N, B); }
value(R) ::= numbers_head(A) RBRACE facts. { R = eir_constant(reader, A.typed, &A.numbers); }
value(R) ::= CONST typed(A) HASH(B) facts. { R = eir_constant_data(reader, A, B); }
value(R) ::= CONTRACT codelet(F) ID(A) typed(B) summed accumulator(C) scope OF LPAREN operands RPAREN domain(D) sliced(E) named(G).
    { R = eir_contract(reader, (struct eir_flags){F, G}, A, B, C.length ? &C : NULL, D, E); }
value(R) ::= SCATTER ID(A) OVER LBRACKET axes RBRACKET scope OF LPAREN access(B) COMMA access(C) RPAREN.
    { R = eir_scatter(reader, A, B, C); }
value(R) ::= SOLVE ID(A) typed(B) AXIS INTEGER(N) OVER LBRACKET axis_list RBRACKET scope OF LPAREN access(C) COMMA access(D) RPAREN.
    { R = eir_solve(reader, A, B, N, C, D); }
value(R) ::= VIEW typed(A) scope OF access(B). { R = eir_view(reader, A, B); }
value(R) ::= CONCAT typed(A) scope OF LPAREN operands RPAREN. { R = eir_concat(reader, A); }
value(R) ::= ALT typed(A) scope OF LPAREN operands RPAREN. { R = eir_alt(reader, A); }
value(R) ::= MAP typed(A) scope OF LPAREN operands RPAREN IS body(B). { R = eir_map(reader, A, B); }

input_facts ::= . { reader->input = (struct ir_input_info){0}; }
input_facts ::= input_facts STRIDES LPAREN polys(A) RPAREN. { eir_strides(reader, A); }
input_facts ::= input_facts ID(A). { eir_promise(reader, A); }
value(R) ::= SCAN ID(A) LBRACKET axis_list RBRACKET STATES INTEGER(B) backward(C) scan_scope OF LPAREN operands RPAREN.
    { R = eir_scan(reader, A, B, C); }
value(R) ::= PROJ typed(A) INTEGER(B) last(C) OF NODE(D). { R = eir_proj(reader, A, B, C, D); }
%type backward {bool}
backward(R) ::= . { R = false; }
backward(R) ::= BACKWARD. { R = true; }
%type last {bool}
last(R) ::= . { R = false; }
last(R) ::= LAST. { R = true; }
scan_scope ::= . { reader->in_scope = true; reader->index_limit = IR_STEP_RANK + 1; }

%type numbers_head {struct {struct eir_typed typed; struct eir_numbers numbers;}}
numbers_head(R) ::= CONST typed(A) LBRACE. { R.typed = A; R.numbers = (struct eir_numbers){0}; }
numbers_head(R) ::= CONST typed(A) LBRACE number(B).
    { R.typed = A; R.numbers = (struct eir_numbers){0}; eir_add_number(reader, &R.numbers, R.typed, B); }
numbers_head(R) ::= numbers_head(A) COMMA number(B). { R = A; eir_add_number(reader, &R.numbers, R.typed, B); }

facts ::= .
facts ::= facts EXACT. { reader->facts.exact = true; }
facts ::= facts WITHIN number(A). { eir_within(reader, A); }
facts ::= facts SPECTRAL. { reader->facts.spectral = true; }
facts ::= facts NAME STRING(A). { reader->facts.name = eir_string(reader, A); }
facts ::= facts PATH STRING(A). { reader->facts.path = eir_string(reader, A); }

/* ---- types and index spaces ---- */
%type typed {struct eir_typed}
typed(R) ::= ID(A) LBRACKET axes RBRACKET. { R = eir_typed(reader, A); }
axes ::= .
axes ::= axis_list.
axis_list ::= axis.
axis_list ::= axis_list COMMA axis.
axis ::= poly(A). { eir_axis(reader, NULL, A); }
axis ::= ID(A) COLON poly(B). { eir_axis(reader, &A, B); }
summed ::= .
summed ::= SUM LBRACKET axis_list RBRACKET.
%type accumulator {struct eir_token}
accumulator(R) ::= . { R = (struct eir_token){0}; }
accumulator(R) ::= IN ID(A). { R = A; }
scope ::= . { reader->in_scope = true; }

/* ---- accesses ---- */
operands ::= . { eir_set_operands(reader, NULL); }
operands ::= accesses(A). { eir_set_operands(reader, A); }
%type accesses {const struct eir_accesses *}
accesses(R) ::= access(A). { R = eir_add_access(reader, NULL, A); }
accesses(R) ::= accesses(A) COMMA access(B). { R = eir_add_access(reader, A, B); }
%type access {struct ir_access}
access(R) ::= conjugate(A) NODE(B) subscripts(C) fill(D). { R = eir_access(reader, B, C, A, D.known ? &D.number : NULL); }
%type conjugate {bool}
conjugate(R) ::= . { R = false; }
conjugate(R) ::= CONJ. { R = true; }
%type subscripts {const struct eir_polys *}
subscripts(R) ::= . { R = NULL; }
subscripts(R) ::= LBRACKET polys(A) RBRACKET. { R = A; }
%type fill {struct {struct ir_number number; bool known;}}
fill(R) ::= . { R.known = false; }
fill(R) ::= PAD literal(A). { R.known = true; R.number = A; }

%type domain {const struct eir_polys *}
domain(R) ::= . { R = NULL; }
domain(R) ::= WHERE LPAREN polys(A) RPAREN. { R = A; }
%type codelet {bool}
codelet(R) ::= . { R = false; }
codelet(R) ::= CODELET. { R = true; }
%type named {bool}
named(R) ::= . { R = false; }
named(R) ::= NAMED. { R = true; }
%type sliced {const struct eir_polys *}
sliced(R) ::= . { R = NULL; }
sliced(R) ::= SLICED LPAREN polys(A) RPAREN. { R = A; }

/* ---- quasi-polynomials ---- */
%type polys {const struct eir_polys *}
polys(R) ::= poly(A). { R = eir_add_poly(reader, NULL, A); }
polys(R) ::= polys(A) COMMA poly(B). { R = eir_add_poly(reader, A, B); }
%type poly {const struct poly *}
poly(R) ::= INTEGER(A). { R = eir_poly_number(reader, A); }
poly(R) ::= ID(A). { R = eir_poly_name(reader, A); }
poly(R) ::= UNNAMED(A). { R = eir_poly_index(reader, A); }
poly(R) ::= NODE(A) subscripts(B). { R = eir_poly_table(reader, A, B); }
poly(R) ::= LPAREN poly(A) RPAREN. { R = A; }
poly(R) ::= MINUS(S) poly(A). [NEGATE] { R = eir_poly_apply(reader, '-', poly_constant(reader->context, 0), A, S); }
poly(R) ::= poly(A) PLUS(S) poly(B). { R = eir_poly_apply(reader, '+', A, B, S); }
poly(R) ::= poly(A) MINUS(S) poly(B). { R = eir_poly_apply(reader, '-', A, B, S); }
poly(R) ::= poly(A) TIMES(S) poly(B). { R = eir_poly_apply(reader, '*', A, B, S); }
poly(R) ::= poly(A) SLASH(S) poly(B). { R = eir_poly_apply(reader, '/', A, B, S); }
poly(R) ::= poly(A) DIV(S) poly(B). { R = eir_poly_apply(reader, '/', A, B, S); }
poly(R) ::= poly(A) MOD(S) poly(B). { R = eir_poly_apply(reader, '%', A, B, S); }

/* ---- expressions ---- */
%type body {const struct ir_expr *}
body(R) ::= lets expr(A). { R = A; }
lets ::= .
lets ::= lets LET ID(A) IS expr(B) IN. { eir_let(reader, A, B); }
%type expr {const struct ir_expr *}
expr(R) ::= literal(A). { R = ir_expr_literal(reader->context, A); }
expr(R) ::= OPERAND(A). { R = eir_operand(reader, A); }
expr(R) ::= ID(A). { R = eir_temporary(reader, A); }
expr(R) ::= INDEX LPAREN poly(A) RPAREN. { R = ir_expr_index(reader->context, A); }
expr(R) ::= ID(A) LPAREN exprs(B) RPAREN. { R = eir_call(reader, A, B); }
expr(R) ::= LPAREN expr(A) RPAREN. { R = A; }
expr(R) ::= MINUS(S) expr(A). [NEGATE] { R = eir_apply(reader, IR_EXPR_neg, S, A, NULL); }
expr(R) ::= expr(A) PLUS(S) expr(B). { R = eir_apply(reader, IR_EXPR_add, S, A, B); }
expr(R) ::= expr(A) MINUS(S) expr(B). { R = eir_apply(reader, IR_EXPR_sub, S, A, B); }
expr(R) ::= expr(A) TIMES(S) expr(B). { R = eir_apply(reader, IR_EXPR_mul, S, A, B); }
expr(R) ::= expr(A) SLASH(S) expr(B). { R = eir_apply(reader, IR_EXPR_div, S, A, B); }
expr(R) ::= expr(A) EQ(S) expr(B). { R = eir_apply(reader, IR_EXPR_eq, S, A, B); }
expr(R) ::= expr(A) NE(S) expr(B). { R = eir_apply(reader, IR_EXPR_ne, S, A, B); }
expr(R) ::= expr(A) LT(S) expr(B). { R = eir_apply(reader, IR_EXPR_lt, S, A, B); }
expr(R) ::= expr(A) LE(S) expr(B). { R = eir_apply(reader, IR_EXPR_le, S, A, B); }
expr(R) ::= expr(A) GT(S) expr(B). { R = eir_apply(reader, IR_EXPR_gt, S, A, B); }
expr(R) ::= expr(A) GE(S) expr(B). { R = eir_apply(reader, IR_EXPR_ge, S, A, B); }
%type exprs {const struct eir_exprs *}
exprs(R) ::= expr(A). { R = eir_add_expr(reader, NULL, A); }
exprs(R) ::= exprs(A) COMMA expr(B). { R = eir_add_expr(reader, A, B); }

/* ---- numbers ---- */
%type literal {struct ir_number}
literal(R) ::= ID(A) COLON number(B). { R = eir_literal(reader, A, B); }
%type number {struct eir_number}
number(R) ::= part(A). { R = (struct eir_number){.re = A}; }
number(R) ::= LPAREN part(A) COMMA part(B) RPAREN. { R = (struct eir_number){.re = A, .im = B, .is_pair = true}; }
%type part {struct eir_part}
part(R) ::= magnitude(A). { R = A; }
part(R) ::= MINUS magnitude(A). { R = A; R.negative = true; }
%type magnitude {struct eir_part}
magnitude(R) ::= INTEGER(A). { R = (struct eir_part){.token = A}; }
magnitude(R) ::= FLOAT(A). { R = (struct eir_part){.token = A}; }
magnitude(R) ::= INF(A). { R = (struct eir_part){.token = A}; }
magnitude(R) ::= NAN(A). { R = (struct eir_part){.token = A}; }
magnitude(R) ::= NAN COLON INTEGER(A). { R = (struct eir_part){.token = A, .is_bits = true}; }

%code {
void eir_parse(struct ir_reader *reader)
{
    yyParser parser;
    struct eir_token token;
    eir_parserInit(&parser);
    while (!reader->failed) {
        int type = eir_lex(reader, &token);
        if (type < 0) {
            eir_syntax_error(reader, token);
            break;
        }
        eir_parser(&parser, type, token, reader);
        if (type == 0)
            break;
    }
    eir_parserFinalize(&parser);
}
}
