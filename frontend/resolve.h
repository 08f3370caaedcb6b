/* What the two halves of resolution share: declare*.c fill it (dims, constants, kernel signatures), the lowering of kernel bodies
 * reads it.
 *
 * One name space per file. The file's scope holds dims, constants, operators and kernels; a kernel's scope is its child and holds
 * its tensors. Nothing shadows: `scope_add` refuses a name that is visible already, a reserved function or constructor name too. A
 * symbol whose declaration was wrong stays in its scope with `failed` set, so that its uses are not reported as unknown: whoever
 * meets it gives up quietly. */
#ifndef FRONTEND_RESOLVE_H
#define FRONTEND_RESOLVE_H

#include "ast.h"
#include "frontend.h"

/* Numbers of fixed point: an integer times `step`, the integer from `low` to `high`. */
struct fixed_point {
    const char *name; /* q7, q15; NULL: an exact value that has no type yet */
    double step;
    int64_t low, high;
};

/* A declared type with its extents as polys: static dims are folded to their values. */
struct tensor_type {
    enum ir_elem elem;
    uint32_t rank;
    const struct poly *const *shape;
    const struct span *extent_spans;   /* where each extent was written */
    struct span span;                  /* the whole type, `f32[64, 128]` */
    const struct poly *const *strides; /* of a kernel's input; NULL: dense */
    uint32_t promises;                 /* as in ir_input_info */
    const struct fixed_point *fixed;   /* what the integers of type `elem` stand for; NULL: themselves */
};

struct parameter {
    const char *name;
    struct span span; /* of the name */
    struct tensor_type type;
    const struct ast_param *ast;
};

struct signature {
    const struct ast_kernel *ast;
    uint32_t n_inputs, n_outputs;
    struct parameter *inputs, *outputs;
    enum ir_numeric_class numeric_class;
    bool class_stated;
};

enum symbol_kind { SYMBOL_DIM, SYMBOL_CONSTANT, SYMBOL_OPERATOR, SYMBOL_KERNEL, SYMBOL_TENSOR };

struct symbol {
    enum symbol_kind kind;
    bool failed; /* declared wrongly, and that was said */
    const char *name;
    struct span span;           /* of the name where it was declared */
    const struct poly *value;   /* DIM: a constant when static, else an expression of run-time dims */
    struct tensor_type type;    /* CONSTANT, TENSOR */
    const struct ir_node *node; /* CONSTANT: its `const` node. TENSOR: its value once there is one */
    struct signature *kernel;   /* KERNEL */
    void *data;                 /* TENSOR: for the lowering's own records */
};

/* Names to symbols, a hash table; `parent` is searched too. */
struct scope {
    const struct scope *parent;
    struct symbol **symbols; /* in order of declaration */
    size_t n_symbols, symbols_capacity;
    uint32_t *slots; /* 1 + position in `symbols`, 0: free */
    size_t n_slots;
};

struct weak_number;
struct resolver {
    struct ir_context *context;
    const struct frontend_options *options; /* never NULL */
    const struct source *source;
    const struct ast_file *file;
    struct scope *scope; /* the file's */
    struct ir_program *program;
    const struct inverse_memo *inverses; /* found so far; operator_dense.c */
    uint32_t n_placeholders;             /* of scans' states, made so far */
    uint32_t dim_depth;                  /* how many dims are being computed for each other */
};

/* ---- scope.c ---- */
struct scope *scope_create(struct resolver *resolver, const struct scope *parent);
struct symbol *scope_find(const struct scope *scope, const char *name); /* NULL: unknown */
/* Declares a name. NULL after a diagnostic that shows the other declaration (E0101), or that the name is a function's (E0102). */
struct symbol *scope_add(struct resolver *resolver, struct scope *scope, enum symbol_kind kind, const struct ast_name *name);
/* The visible name that is most like `name`, for "did you mean"; NULL when none is close. */
const char *scope_suggest(const struct scope *scope, const char *name);
const char *symbol_kind_name(enum symbol_kind kind);    /* "dim", "constant", ... */
const char *symbol_kind_article(enum symbol_kind kind); /* "a", "an" */
/* Is it a pointwise function of the language (exp, where, ...)? An operator constructor (kron, dft, ...)? */
bool is_function_name(const char *name);
bool is_constructor_name(const char *name);

/* ---- declare_types.c ---- */
/* The value of an expression of dims and integers (`+ - *`, `/` and `div` rounding down, `mod`). NULL after a diagnostic, or
 * quietly when a dim in it had failed. */
const struct poly *resolve_extent(struct resolver *resolver, const struct ast_expr *expr);
/* Is there an extent, and not a negative one? That gets a diagnostic. */
bool extent_is_fine(struct resolver *resolver, const struct poly *extent, struct span span);
/* False after a diagnostic. */
bool resolve_type(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type);
/* Have both the same numbers for the same integers? Either may be NULL. */
bool fixed_point_same(const struct fixed_point *a, const struct fixed_point *b);
/* A number in a fixed-point type, rounded half up; false after a diagnostic: it is out of range. */
bool number_in_fixed_point(struct resolver *resolver, const struct weak_number *number, const struct tensor_type *type,
                           struct span span, struct ir_number *result);
/* "f32[64, 128]" for messages. */
const char *tensor_type_text(struct resolver *resolver, const struct tensor_type *type);
/* Has the node this type's shape? */
bool tensor_type_has_shape(const struct tensor_type *type, const struct ir_node *node);
/* An extent for messages: "8", "E", "(H - 2) div 2". */
const char *extent_text(struct resolver *resolver, const struct poly *extent);

/* ---- declare_numbers.c ---- */
/* A number without tensors in it: integers, decimals, 2i, pi, inf, nan, true, false, dims, + - * /, and functions of them. */
struct weak_number {
    enum { WEAK_BOOL, WEAK_INTEGER, WEAK_UNSIGNED, WEAK_REAL, WEAK_COMPLEX } kind;
    int64_t integer; /* BOOL, INTEGER; UNSIGNED: a literal of 2^63 or more, less 2^64 */
    double re, im;   /* always filled */
};
/* False after a diagnostic. */
bool resolve_number(struct resolver *resolver, const struct ast_expr *expr, struct weak_number *number);
/* The number in an element type; false after a diagnostic (300 in i8, 1.5 in i32, 2i in f64). */
bool number_in_type(struct resolver *resolver, struct weak_number number, enum ir_elem elem, struct span span,
                    struct ir_number *result);

/* ---- lowering of bodies ---- */
/* Gives every output of `kernel` its node. Inputs and outputs are filled (outputs' nodes NULL) from the kernel's signature, which
 * is scope_find(resolver->scope, ast->name.text)->kernel. False after a diagnostic. */
bool lower_kernel(struct resolver *resolver, const struct ast_kernel *ast, struct ir_kernel *kernel);

#endif
