/* The grammar of .ein files, docs/language.md in Lemon's notation. Every action is one call into build_ast.c.
 *
 * Line ends are tokens where they end something (brackets.c drops the others). After a mistake the rules with `error` pass over the
 * rest of the statement or declaration; BROKEN stands for one whose brackets do not pair. The stack is fixed: brackets nest at most
 * FRONTEND_NESTING deep, each level holds at most a dozen pending symbols. */
%name grammar
%token_prefix TOKEN_
%token_type {struct token}
%default_type {struct token}
%extra_argument {struct parser *parser}
%stack_size 4000
%stack_overflow { parse_too_deep(parser); }
%syntax_error { report_expected(yypParser, TOKEN, parser); }

%include {
#include <string.h>
#include "parse.h"
#include "grammar_parser.h"
static const struct token no_token;
#define NO_LIST {0}
struct yyParser;
static void report_expected(struct yyParser *state, struct token found, struct parser *parser);
}

/* Fits nowhere: the rest of a line whose brackets do not pair. */
%token BROKEN.

%start_symbol file

%type expr {struct ast_expr *}
%type conjunction {struct ast_expr *}
%type negation {struct ast_expr *}
%type comparison {struct ast_expr *}
%type sum {struct ast_expr *}
%type product {struct ast_expr *}
%type factor {struct ast_expr *}
%type postfix {struct ast_expr *}
%type primary {struct ast_expr *}
%type subscript {struct ast_expr *}
%type subscripts {struct expr_list}
%type arguments {struct expr_list}
%type exprs {struct expr_list}
%type more_exprs {struct expr_list}
%type binders {struct binder_list}
%type binder {struct ast_binder *}
%type left_subscripts {struct binder_list}
%type left_subscript {struct ast_binder *}
%type target {struct ast_target *}
%type targets {struct target_list}
%type statement {struct ast_statement *}
%type body {struct statement_list}
%type operator {struct ast_operator *}
%type names {struct name_list}
%type initials {struct initial_list}
%type initial {struct ast_initial *}
%type type {struct ast_type *}
%type base_type {struct ast_type *}
%type params {struct param_list}
%type some_params {struct param_list}
%type param {struct ast_param *}
%type literal {struct ast_literal *}
%type literals {struct literal_list}
%type clauses {struct constant_clauses}
%type scan_extent {struct ast_expr *}

/* file = { declaration line-end } */
file ::= lines.
lines ::= .
lines ::= lines NEWLINE.
lines ::= lines declaration NEWLINE.
lines ::= lines kernel.
lines ::= lines error NEWLINE.

/* dims = "dim" dim { "," ( dim | clause ) }     dim = name [ "=" sum | clause ]     clause = "~" sum | "<=" sum | "%" sum "==" "0" */
declaration ::= DIM dims.
dims ::= dim.
dims ::= dims COMMA dim.
dims ::= dims COMMA dim_clause.
dim ::= dim_name.
dim ::= dim_name dim_clause.
dim ::= NAME(N) ASSIGN sum(E). { file_dim(parser, N, E); }
dim_name ::= NAME(N). { file_dim(parser, N, NULL); }
dim_clause ::= TILDE(W) sum(E). { file_dim_clause(parser, W, E, no_token); }
dim_clause ::= LE(W) sum(E). { file_dim_clause(parser, W, E, no_token); }
dim_clause ::= PERCENT(W) sum(E) EQ INTEGER(Z). { file_dim_clause(parser, W, E, Z); }

/* constant = "const" name ":" type "=" ( literal | "file" "(" string ")" ) { "within" sum [ "spectral" ] | "exact" } */
declaration ::= CONST NAME(N) COLON type(T) ASSIGN literal(L) clauses(C). { file_constant(parser, N, T, L, no_token, C); }
declaration ::= CONST NAME(N) COLON type(T) ASSIGN FILE LPAREN STRING(S) RPAREN clauses(C). { file_constant(parser, N, T, NULL, S, C); }
clauses(C) ::= . { C = (struct constant_clauses)NO_LIST; }
clauses(C) ::= clauses(A) WITHIN sum(E). { C = A; C.within = E; }
clauses(C) ::= clauses(A) SPECTRAL. { C = A; C.spectral = true; }
clauses(C) ::= clauses(A) EXACT. { C = A; C.exact = true; }

/* literal = expr | "[" [ literal { "," literal } [ "," ] ] "]" */
literal(L) ::= expr(E). { L = build_number(parser, E); }
literal(L) ::= LBRACKET(O) RBRACKET(C). { L = build_literals(parser, O, (struct literal_list)NO_LIST, C); }
literal(L) ::= LBRACKET(O) literals(S) RBRACKET(C). { L = build_literals(parser, O, S, C); }
literal(L) ::= LBRACKET(O) literals(S) COMMA RBRACKET(C). { L = build_literals(parser, O, S, C); }
literals(S) ::= literal(L). { S = append_literal((struct literal_list)NO_LIST, L); }
literals(S) ::= literals(A) COMMA literal(L). { S = append_literal(A, L); }

/* operator = "operator" name [ "(" name { "," name } ")" ] "=" expr */
declaration ::= operator(O). { file_operator(parser, O); }
operator(O) ::= OPERATOR(W) NAME(N) ASSIGN expr(E). { O = build_operator(parser, W, N, (struct name_list)NO_LIST, E); }
operator(O) ::= OPERATOR(W) NAME(N) LPAREN names(P) RPAREN ASSIGN expr(E). { O = build_operator(parser, W, N, P, E); }
names(L) ::= NAME(N). { L = append_name(parser, (struct name_list)NO_LIST, N); }
names(L) ::= names(A) COMMA NAME(N). { L = append_name(parser, A, N); }

/* kernel = "kernel" name "(" [ params ] ")" "->" "(" [ params ] ")" [ class ] "{" body "}" */
kernel ::= KERNEL(W) NAME(N) LPAREN params(I) RPAREN ARROW LPAREN params(O) RPAREN class(C) LBRACE body(B) RBRACE(E).
    { file_kernel(parser, W, N, I, O, C, B, E); }
kernel ::= KERNEL error LBRACE body RBRACE.
kernel ::= KERNEL error NEWLINE.
class(C) ::= . { C = no_token; }
class(C) ::= EXACT(W). { C = W; }
class(C) ::= REASSOC(W). { C = W; }
class(C) ::= NORMWISE(W). { C = W; }

/* params = param { "," param } [ "," ]     param = name ":" type */
params(L) ::= . { L = (struct param_list)NO_LIST; }
params(L) ::= some_params(A). { L = A; }
params(L) ::= some_params(A) COMMA. { L = A; }
some_params(L) ::= param(P). { L = append_param((struct param_list)NO_LIST, P); }
some_params(L) ::= some_params(A) COMMA param(P). { L = append_param(A, P); }
param(P) ::= NAME(N) COLON type(T). { P = build_param(parser, N, T); }

/* type = element [ "[" exprs "]" ] { "strides" "(" exprs ")" | "scale" "(" expr ")" | property }     element = "f32" | ... | "mod" "(" expr ")" */
type(T) ::= base_type(B). { T = B; }
type(T) ::= type(A) STRIDES LPAREN exprs(L) RPAREN(C). { T = type_strides(parser, A, L, C); }
type(T) ::= type(A) SCALE LPAREN expr(E) RPAREN(C). { T = type_scale(parser, A, E, C); }
type(T) ::= type(A) property(P). { T = type_property(parser, A, P); }
base_type(T) ::= ELEMENT(E). { T = build_type(parser, E, (struct expr_list)NO_LIST, E); }
base_type(T) ::= ELEMENT(E) LBRACKET exprs(L) RBRACKET(C). { T = build_type(parser, E, L, C); }
base_type(T) ::= MOD(E) LPAREN expr(M) RPAREN(D). { T = build_mod_type(parser, E, M, D, (struct expr_list)NO_LIST, D); }
base_type(T) ::= MOD(E) LPAREN expr(M) RPAREN(D) LBRACKET exprs(L) RBRACKET(C). { T = build_mod_type(parser, E, M, D, L, C); }
property(P) ::= SYMMETRIC(W). { P = W; }
property(P) ::= SPD(W). { P = W; }
property(P) ::= CENTROSYMMETRIC(W). { P = W; }
property(P) ::= SKEW_CENTROSYMMETRIC(W). { P = W; }

/* body = { statement line-end } */
body(L) ::= . { L = (struct statement_list)NO_LIST; }
body(L) ::= body(A) NEWLINE. { L = A; }
body(L) ::= body(A) statement(S) NEWLINE. { L = append_statement(A, S); }
body(L) ::= body(A) error NEWLINE. { L = A; }

/* statement = targets ( "=" | "+=" ) expr | "let" [ "stored" ] targets [ ":" type ] "=" expr | operator | scan */
statement(S) ::= targets(T) ASSIGN(W) expr(E). { S = build_assign(parser, W, T, E); }
statement(S) ::= targets(T) ACCUMULATE(W) expr(E). { S = build_assign(parser, W, T, E); }
statement(S) ::= LET(W) targets(T) ASSIGN expr(E). { S = build_let(parser, W, no_token, T, E); }
statement(S) ::= LET(W) STORED(D) targets(T) ASSIGN expr(E). { S = build_let(parser, W, D, T, E); }
statement(S) ::= LET(W) targets(T) COLON type(Y) ASSIGN expr(E). { S = let_type(build_let(parser, W, no_token, T, E), Y); }
statement(S) ::= LET(W) STORED(D) targets(T) COLON type(Y) ASSIGN expr(E). { S = let_type(build_let(parser, W, D, T, E), Y); }
statement(S) ::= operator(O). { S = build_operator_statement(parser, O); }

/* targets = target | "(" target "," target { "," target } ")"     target = name [ "[" left { "," left } "]" ] */
targets(L) ::= target(T). { L = append_target((struct target_list)NO_LIST, T); }
targets(L) ::= LPAREN target_list(A) RPAREN. { L = A; }
%type target_list {struct target_list}
target_list(L) ::= target(T). { L = append_target((struct target_list)NO_LIST, T); }
target_list(L) ::= target_list(A) COMMA target(T). { L = append_target(A, T); }
target(T) ::= NAME(N). { T = build_target(parser, N, (struct binder_list)NO_LIST, no_token); }
target(T) ::= NAME(N) LBRACKET left_subscripts(L) RBRACKET(C). { T = build_target(parser, N, L, C); }

/* left = sum [ ":" sum ] | "(" left { "," left } ")" */
left_subscripts(L) ::= left_subscript(B). { L = append_binder((struct binder_list)NO_LIST, B); }
left_subscripts(L) ::= left_subscripts(A) COMMA left_subscript(B). { L = append_binder(A, B); }
left_subscript(B) ::= sum(E). { B = build_left_subscript(parser, E, NULL); }
left_subscript(B) ::= sum(E) COLON sum(N). { B = build_left_subscript(parser, E, N); }
left_subscript(B) ::= LPAREN(O) left_subscript(F) COMMA left_subscripts(L) RPAREN(C).
    { B = build_left_merged(parser, O, prepend_binder(F, L), C); }

/* scan = "scan" name [ ":" sum ] "{" body "}" [ "from" initial { "," initial } ] */
statement(S) ::= SCAN(W) NAME(N) scan_extent(X) LBRACE body(B) RBRACE(C).
    { S = build_scan(parser, W, N, X, B, C, (struct initial_list)NO_LIST); }
statement(S) ::= SCAN(W) NAME(N) scan_extent(X) LBRACE body(B) RBRACE(C) FROM initials(I).
    { S = build_scan(parser, W, N, X, B, C, I); }
scan_extent(X) ::= . { X = NULL; }
scan_extent(X) ::= COLON sum(E). { X = E; }
initials(L) ::= initial(I). { L = append_initial((struct initial_list)NO_LIST, I); }
initials(L) ::= initials(A) COMMA initial(I). { L = append_initial(A, I); }
initial(I) ::= NAME(N) LBRACKET subscripts(S) RBRACKET ASSIGN expr(E). { I = build_initial(parser, N, S, E); }

/* expr = and { "or" and }     and = not { "and" not }     not = "not" not | comparison     comparison = sum [ ( "==" | ... ) sum ] */
expr(E) ::= conjunction(A). { E = A; }
expr(E) ::= expr(A) OR(W) conjunction(B). { E = build_binary(parser, AST_OR, W, A, B); }
conjunction(E) ::= negation(A). { E = A; }
conjunction(E) ::= conjunction(A) AND(W) negation(B). { E = build_binary(parser, AST_AND, W, A, B); }
negation(E) ::= comparison(A). { E = A; }
negation(E) ::= NOT(W) negation(A). { E = build_unary(parser, AST_NOT, W, A); }
comparison(E) ::= sum(A). { E = A; }
comparison(E) ::= sum(A) EQ(W) sum(B). { E = build_binary(parser, AST_EQ, W, A, B); }
comparison(E) ::= sum(A) NE(W) sum(B). { E = build_binary(parser, AST_NE, W, A, B); }
comparison(E) ::= sum(A) LT(W) sum(B). { E = build_binary(parser, AST_LT, W, A, B); }
comparison(E) ::= sum(A) LE(W) sum(B). { E = build_binary(parser, AST_LE, W, A, B); }
comparison(E) ::= sum(A) GT(W) sum(B). { E = build_binary(parser, AST_GT, W, A, B); }
comparison(E) ::= sum(A) GE(W) sum(B). { E = build_binary(parser, AST_GE, W, A, B); }

/* sum = product { ( "+" | "-" ) product }     product = factor { ( "*" | "/" | "@" | "div" | "mod" ) factor }     factor = "-" factor | postfix */
sum(E) ::= product(A). { E = A; }
sum(E) ::= sum(A) PLUS(W) product(B). { E = build_binary(parser, AST_ADD, W, A, B); }
sum(E) ::= sum(A) MINUS(W) product(B). { E = build_binary(parser, AST_SUBTRACT, W, A, B); }
product(E) ::= factor(A). { E = A; }
product(E) ::= product(A) STAR(W) factor(B). { E = build_binary(parser, AST_MULTIPLY, W, A, B); }
product(E) ::= product(A) SLASH(W) factor(B). { E = build_binary(parser, AST_DIVIDE, W, A, B); }
product(E) ::= product(A) AT(W) factor(B). { E = build_binary(parser, AST_MATRIX_MULTIPLY, W, A, B); }
product(E) ::= product(A) DIV(W) factor(B). { E = build_binary(parser, AST_DIV, W, A, B); }
product(E) ::= product(A) MOD(W) factor(B). { E = build_binary(parser, AST_MOD, W, A, B); }
factor(E) ::= postfix(A). { E = A; }
factor(E) ::= MINUS(W) factor(A). { E = build_unary(parser, AST_NEGATE, W, A); }

/* postfix = primary [ "[" subscript { "," subscript } "]" ]     subscript = expr | "(" subscript "," subscript { "," subscript } ")" */
postfix(E) ::= primary(A). { E = A; }
postfix(E) ::= primary(A) LBRACKET subscripts(L) RBRACKET(C). { E = build_access(parser, A, L, C); }
subscripts(L) ::= subscript(E). { L = append_expr((struct expr_list)NO_LIST, E); }
subscripts(L) ::= subscripts(A) COMMA subscript(E). { L = append_expr(A, E); }
subscript(E) ::= expr(A). { E = A; }
subscript(E) ::= LPAREN(O) subscript(F) COMMA subscripts(L) RPAREN(C). { E = build_merged(parser, O, prepend_expr(F, L), C); }

/* primary = number | "true" | "false" | "pi" | "inf" | "nan" | name | "(" expr ")" | call | reduction | pad | einsum */
primary(E) ::= INTEGER(T). { E = build_leaf(parser, AST_INTEGER, T); }
primary(E) ::= DECIMAL(T). { E = build_leaf(parser, AST_FLOAT, T); }
primary(E) ::= INF(T). { E = build_leaf(parser, AST_FLOAT, T); }
primary(E) ::= NAN(T). { E = build_leaf(parser, AST_FLOAT, T); }
primary(E) ::= IMAGINARY(T). { E = build_leaf(parser, AST_IMAGINARY, T); }
primary(E) ::= TRUE(T). { E = build_leaf(parser, AST_BOOL, T); }
primary(E) ::= FALSE(T). { E = build_leaf(parser, AST_BOOL, T); }
primary(E) ::= PI(T). { E = build_leaf(parser, AST_PI, T); }
primary(E) ::= NAME(T). { E = build_leaf(parser, AST_NAME, T); }
primary(E) ::= LPAREN(O) expr(A) RPAREN(C). { E = build_paren(parser, O, A, C); }

/* call = ( name | element | "max" | "min" | "where" ) "(" [ expr { "," expr } ] ")" */
primary(E) ::= callee(W) LPAREN arguments(L) RPAREN(C). { E = build_call(parser, W, L, C); }
callee(W) ::= NAME(T). { W = T; }
callee(W) ::= ELEMENT(T). { W = T; }
callee(W) ::= MAX(T). { W = T; }
callee(W) ::= MIN(T). { W = T; }
callee(W) ::= WHERE(T). { W = T; }
arguments(L) ::= . { L = (struct expr_list)NO_LIST; }
arguments(L) ::= exprs(A). { L = A; }
exprs(L) ::= expr(E). { L = append_expr((struct expr_list)NO_LIST, E); }
exprs(L) ::= exprs(A) COMMA expr(E). { L = append_expr(A, E); }

/* reduction = ( "sum" | "prod" | "max" | "min" | "any" | "all" ) "[" binder { "," binder } "]" "(" expr ")"     binder = name [ ":" sum ] */
primary(E) ::= reduction(W) LBRACKET binders(L) RBRACKET LPAREN expr(A) RPAREN(C). { E = build_reduce(parser, W, L, A, C); }
reduction(W) ::= SUM(T). { W = T; }
reduction(W) ::= PROD(T). { W = T; }
reduction(W) ::= MAX(T). { W = T; }
reduction(W) ::= MIN(T). { W = T; }
reduction(W) ::= ANY(T). { W = T; }
reduction(W) ::= ALL(T). { W = T; }
binders(L) ::= binder(B). { L = append_binder((struct binder_list)NO_LIST, B); }
binders(L) ::= binders(A) COMMA binder(B). { L = append_binder(A, B); }
binder(B) ::= NAME(N). { B = build_binder(parser, N, NULL); }
binder(B) ::= NAME(N) COLON sum(E). { B = build_binder(parser, N, E); }

/* pad = "pad" "(" expr "," expr ")"     einsum = "einsum" "(" string { "," expr } [ "," "ring" "=" name ] ")" */
primary(E) ::= PAD(W) LPAREN expr(A) COMMA expr(V) RPAREN(C). { E = build_pad(parser, W, A, V, C); }
primary(E) ::= EINSUM(W) LPAREN STRING(S) more_exprs(L) RPAREN(C). { E = build_einsum(parser, W, S, L, no_token, C); }
primary(E) ::= EINSUM(W) LPAREN STRING(S) more_exprs(L) COMMA RING ASSIGN NAME(R) RPAREN(C).
    { E = build_einsum(parser, W, S, L, R, C); }
more_exprs(L) ::= . { L = (struct expr_list)NO_LIST; }
more_exprs(L) ::= more_exprs(A) COMMA expr(E). { L = append_expr(A, E); }

%code {
/* Would a token of this kind be shifted, perhaps after reductions? Runs the automaton on the states alone: `above` holds those pushed
 * on top of the first `below` entries of the real stack. */
static bool fits(const yyParser *state, int kind)
{
    YYACTIONTYPE above[16];
    int n_above = 0;
    int below = (int)(state->yytos - state->yystack) + 1;
    for (;;) {
        YYACTIONTYPE top = n_above ? above[n_above - 1] : state->yystack[below - 1].stateno;
        YYACTIONTYPE action = yy_find_shift_action((YYCODETYPE)kind, top);
        if (action < YY_MIN_REDUCE)
            return action <= YY_MAX_SHIFTREDUCE || action == YY_ACCEPT_ACTION;
        int rule = action - YY_MIN_REDUCE, n_popped = -yyRuleInfoNRhs[rule];
        for (; n_popped > 0; n_popped--)
            n_above > 0 ? n_above-- : below--;
        top = n_above ? above[n_above - 1] : state->yystack[below - 1].stateno;
        action = yy_find_reduce_action(top, yyRuleInfoLhs[rule]);
        if (action == YY_ACCEPT_ACTION)
            return true;
        if (n_above == (int)(sizeof above / sizeof *above))
            return false;
        above[n_above++] = action;
    }
}

static void report_expected(yyParser *state, struct token found, struct parser *parser)
{
    bool expected[YYNTOKEN] = {false};
    for (int kind = 1; kind < YYNTOKEN; kind++)
        expected[kind] = fits(state, kind);
    parse_error(parser, found, expected, YYNTOKEN);
}

void grammar_run(struct parser *parser)
{
    yyParser state;
    grammarInit(&state);
    for (parser->next = 0; parser->next < parser->n_tokens && !parser->no_recovery; parser->next++) {
        grammar(&state, parser->tokens[parser->next].kind, parser->tokens[parser->next], parser);
        if (state.yytos->major == TOKEN_NEWLINE)
            state.yyerrcnt = -1; /* a line with a mistake is behind: report the next at once, not after three good tokens */
    }
    grammarFinalize(&state);
}
}
