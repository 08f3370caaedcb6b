/* Syntax tree of a .ein file, as the grammar builds it: what was written and where, nothing resolved.
 * Lists are singly linked in source order. All memory is the context's arena's. */
#ifndef FRONTEND_AST_H
#define FRONTEND_AST_H

#include "ir/ir.h"

struct ast_name {
    const char *text; /* terminated, in the arena */
    struct span span;
};

struct ast_name_list {
    struct ast_name name;
    struct ast_name_list *next;
};

/* Expressions of every kind: dim expressions, subscripts, index notation. Which kinds are legal where is decided by resolve. */
enum ast_expr_kind {
    AST_INTEGER,   /* 8 */
    AST_UNSIGNED,  /* 2^63 to 2^64 - 1, in `integer` as if it were signed: only u64 holds it */
    AST_FLOAT,     /* 0.5, 1e-3, inf, nan */
    AST_IMAGINARY, /* 2i, 0.5i */
    AST_BOOL,      /* true false */
    AST_PI,
    AST_NAME,   /* an index, a dim, a scalar tensor, a whole tensor: `name` */
    AST_ACCESS, /* callee[subscripts]: `arguments` are the subscripts, `callee` a NAME, CALL, EINSUM or PAREN */
    AST_MERGED, /* (p, i, q) as a subscript: `arguments` */
    AST_CALL,   /* name(arguments): function, constructor or kernel */
    AST_REDUCE, /* sum[r: 3, j](argument): `op` is the word, `binders`, one argument */
    AST_PAD,    /* pad(access, value): two arguments */
    AST_EINSUM, /* einsum("...", operands, ring=name): `string`, `arguments`, `ring` */
    AST_UNARY,  /* `op`: - or not */
    AST_BINARY, /* `op`, two arguments */
    AST_PAREN   /* one argument; kept because the summation rule sees parentheses of sums only through structure */
};

enum ast_op {
    AST_NEGATE,
    AST_NOT,
    AST_MULTIPLY,
    AST_MATRIX_MULTIPLY,
    AST_DIVIDE,
    AST_DIV,
    AST_MOD,
    AST_ADD,
    AST_SUBTRACT,
    AST_EQ,
    AST_NE,
    AST_LT,
    AST_LE,
    AST_GT,
    AST_GE,
    AST_AND,
    AST_OR,
    /* reductions: */ AST_SUM,
    AST_PROD,
    AST_MAX,
    AST_MIN,
    AST_ANY,
    AST_ALL
};

struct ast_expr;
struct ast_binder { /* `r` or `r: 3` in a reduction, `i: N-R+1` or `(p,i,q)` or `m + i: n-m` on a left side */
    struct ast_name name;
    struct ast_expr *extent;    /* NULL: to be inferred */
    struct ast_binder *merged;  /* left side only: a merged subscript, its parts; then `name` is empty */
    struct ast_expr *offset;    /* left side only: block assignment */
    struct ast_expr *subscript; /* left side only: what was written; only `+=` takes more than a name, then `name` is empty */
    struct span span;
    struct ast_binder *next;
};

struct ast_expr {
    enum ast_expr_kind kind;
    enum ast_op op;
    struct span span;    /* all of it */
    struct span op_span; /* the operator's or function's word */
    struct ast_name name;
    int64_t integer;
    double number;
    struct ast_expr *callee;
    struct ast_expr *arguments; /* linked by next */
    uint32_t n_arguments;
    uint32_t depth; /* longest way down, at most FRONTEND_DEPTH: recursion over the tree is safe */
    struct ast_binder *binders;
    struct ast_name string; /* EINSUM: contents between the quotes; span inside them, byte for byte (no escapes exist) */
    struct ast_name ring;   /* EINSUM: text NULL when not given */
    struct ast_expr *next;
};

static inline const struct ast_expr *ast_without_parentheses(const struct ast_expr *expr)
{
    while (expr->kind == AST_PAREN)
        expr = expr->arguments;
    return expr;
}

struct ast_dim {
    struct ast_name name;
    struct ast_expr *value;   /* `= expr`; NULL: run time */
    struct ast_expr *typical; /* `~ 224` */
    struct ast_expr *bound;   /* `<= 1024` */
    struct ast_expr *divisor; /* `% 8 == 0` */
    struct ast_dim *next;
};

/* f32[64, 128] strides(ld,1) symmetric; q7[64] scale(0.5) */
struct ast_type {
    struct ast_name element;
    struct ast_expr *modulus; /* `mod(q)`: element.text is "mod"; else NULL */
    struct ast_expr *extents;
    uint32_t rank;
    struct ast_expr *strides;         /* NULL: none */
    struct ast_expr *scale;           /* NULL: not said */
    struct ast_name_list *properties; /* symmetric, spd, ... */
    struct span span;
};

/* Literals nest as written: [[1, 2], [3, 4]]. */
struct ast_literal {
    struct ast_expr *value;       /* a scalar (weak expression), or */
    struct ast_literal *elements; /* a bracketed list; both NULL: `[]` */
    uint32_t n_elements;
    bool is_list;
    struct span span;
    struct ast_literal *next;
};

struct ast_constant {
    struct ast_name name;
    struct ast_type *type;
    struct ast_literal *literal; /* or */
    struct ast_name file;        /* file("..."): text NULL when a literal */
    bool exact;
    struct ast_expr *within; /* NULL: no clause */
    bool spectral;
    struct ast_constant *next;
};

struct ast_param {
    struct ast_name name;
    struct ast_type *type;
    struct ast_param *next;
};

enum ast_statement_kind { AST_ASSIGN, AST_LET, AST_SCAN, AST_OPERATOR };
struct ast_operator;
struct ast_initial;
struct ast_target { /* y, y[i, (p,q)] */
    struct ast_name name;
    struct ast_binder *binders; /* NULL: whole tensor, or scalar */
    bool has_brackets;
    struct span span;
    struct ast_target *next;
};
struct ast_statement {
    enum ast_statement_kind kind;
    bool stored;                /* let stored */
    bool accumulate;            /* += */
    struct ast_target *targets; /* several only in `let (gx, gy) = g(D, u)` and its assignment form */
    struct ast_type *type;      /* of a let; NULL: that of its value */
    struct ast_expr *value;
    struct span span;
    struct span word_span;          /* `let`, `scan`, `operator`, `+=`, `stored`: for "not yet" */
    struct ast_name index;          /* SCAN: `scan t: T { body } from initial` */
    struct ast_expr *extent;        /* SCAN: NULL when to be inferred */
    struct ast_statement *body;     /* SCAN */
    struct ast_initial *initial;    /* SCAN */
    struct ast_operator *operator_; /* OPERATOR */
    struct ast_statement *next;
};

/* `h[-1,n] = h0[n]` after `from`. */
struct ast_initial {
    struct ast_name name;
    struct ast_expr *subscripts;
    struct ast_expr *value;
    struct ast_initial *next;
};

struct ast_kernel {
    struct ast_name name;
    struct ast_param *inputs, *outputs;
    struct ast_name numeric_class; /* exact, reassoc, normwise; text NULL: not stated */
    struct ast_statement *body;
    bool incomplete; /* an input or output was refused by the parser; said already */
    struct span span;
    struct ast_kernel *next;
};

/* `operator K(A, B) = kron(A, B)`. */
struct ast_operator {
    struct ast_name name;
    struct ast_name_list *parameters; /* NULL: none */
    struct ast_expr *value;
    struct span span;
    struct ast_operator *next;
};

struct ast_file {
    struct ast_dim *dims;
    struct ast_constant *constants;
    struct ast_operator *operators;
    struct ast_kernel *kernels;
    struct ast_name_list *unread; /* names declared by what could not be read */
    /* Declarations in source order matter for dims and constants only: each list is in order. */
};

/* parse.c: NULL after a syntax error that left nothing to check. A tree may come with errors reported: statements that did not
 * parse are left out. */
struct ast_file *parse_file(struct ir_context *context, uint32_t source_number);

#endif
