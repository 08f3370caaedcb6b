/* Operators: matrices that are never formed. Internal to the frontend.
 *
 * operator_read.c makes a tree of what was written, with shapes and types checked. operator_entry.c says what one entry is, as a
 * formula over row and column: a product of accesses to the operator's data at digits of the two, sums over indices of its own
 * inside. So an operator in a product is a network of small tensors, of which the order of contractions makes the fast algorithm;
 * nothing below the formula knows of operators. Numbers of transforms are tables made by operator_tables.c. */
#ifndef FRONTEND_OPERATORS_H
#define FRONTEND_OPERATORS_H

#include "formula.h"

enum operator_kind {
#define CONSTRUCTOR(name, arguments, numbers, bools, meaning) OPERATOR_##name,
#include "constructors.def"
    OPERATOR_TENSOR, /* a tensor with two axes */
    OPERATOR_PRODUCT,
    OPERATOR_SUM,
    OPERATOR_DIFFERENCE,
    OPERATOR_NEGATIVE,
    OPERATOR_MULTIPLE /* of parts[0] by a number */
};

struct operator_tensor {
    const struct ir_node *node;
    const char *name;
    struct span span;
    struct value_type type;
    bool is_table; /* of places, not of data */
};

struct operator_node {
    enum operator_kind kind;
    struct span span;
    const struct poly *rows, *columns;
    struct value_type type; /* weak: it has no data and takes the type of its use */
    uint32_t n_parts;
    struct operator_node **parts;
    uint32_t n_tensors;
    struct operator_tensor *tensors;
    uint32_t n_sizes;
    const struct poly **sizes;
    struct formula *number; /* MULTIPLE */
    bool positive;          /* inv: what is inverted was promised to be symmetric and positive definite */
    bool gives_real;        /* its outermost factor is `irdft`: of what it is applied to, the real part */
    bool takes_real;        /* its innermost factor is `rdft` */
    bool of_ones;           /* no data in it, and made of zeros and ones: of bools, too */
};

/* ---- operator_type.c ---- */
/* Of two that are known to mix. */
struct value_type operator_join_types(struct value_type a, struct value_type b);

/* ---- operator_read.c ---- */
/* Does the expression, before subscripts, stand for an operator that is more than a tensor? */
bool is_operator(const struct body *body, const struct ast_expr *expr);
/* K[i,j] as a factor. NULL after a diagnostic. */
struct formula *operator_access(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings);

/* ---- operator_real.c ---- */
/* Of a product that is no factor of another: the real part, if `irdft` stands in it. */
struct formula *operators_real_part(struct statement *statement, struct formula *product);
/* May real transforms stand where they do, and what else is in the products be multiplied with them? False after a diagnostic. */
bool operators_check_real(struct statement *statement, const struct formula *formula);

/* ---- operator_chain.c ---- */
/* Products of operators in the formula as operators applied one after the other. */
void operators_chain(struct statement *statement, struct formula *formula);

/* ---- operator_scan.c ---- */
/* A semiseparable matrix, or its transpose, applied along axis 0 of x. */
const struct ir_node *operator_recurrence(const struct body *body, const struct operator_node *operator_, const struct ir_node *x,
                                          bool transposed);

/* ---- operator_solve.c ---- */
/* The inverse of the operator's tensor, or of its transpose, applied along axis 0 of x. A singular one ends the call. */
const struct ir_node *operator_solve(const struct body *body, const struct operator_node *operator_, const struct ir_node *x,
                                     bool transposed);

/* ---- operator_entry.c ---- */
/* The formula with every operator in it replaced by its entries, sums of operators multiplied out. Runs when extents and subscripts
 * are known; `elem` is the type that what is weak will take. NULL after a diagnostic. */
struct formula *operators_expand(struct statement *statement, struct formula *formula, enum ir_elem elem);

/* ---- fixed_point.c ---- */
/* Have all operators in a formula of fixed point entries that are exact numbers of theirs? False after a diagnostic. */
bool fixed_check_operators(struct statement *statement, const struct formula *formula);

/* ---- fixed_functions.c ---- */
/* Is it one of those that fixed-point values have, besides relu and abs? */
bool fixed_has_function(enum ir_expr_op op);
/* Its integers, of those of its arguments. */
const struct ir_expr *fixed_function_lower(struct ir_context *context, const struct formula *formula,
                                           const struct ir_expr *const *arguments);

/* ---- operator_tables.c ---- */
/* A table of one over the entries at which the two axes are equal, as a map. */
const struct ir_node *operator_delta(struct ir_context *context, enum ir_elem elem, const struct poly *rows,
                                     const struct poly *columns);
/* exp(-2i*pi * row*column / order), `rows` by `columns`, as a map. */
const struct ir_node *operator_roots(struct ir_context *context, enum ir_elem elem, int64_t rows, int64_t columns, int64_t order);
/* How often element k <= n div 2 of a real sequence's transform stands in the whole, over n. */
const struct ir_node *operator_weights(struct ir_context *context, enum ir_elem elem, int64_t n);
/* The whole matrix of a cosine, sine or Hartley transform, but for its ends, as a map. */
const struct ir_node *operator_transform(struct ir_context *context, enum operator_kind kind, enum ir_elem elem, int64_t n);
/* [[1, 1], [1, -1]] */
const struct ir_node *operator_signs(struct ir_context *context, enum ir_elem elem);
/* Of dct1, dct3 and dst3: what columns are multiplied by, 1/2 at the ends that stand once, else 1. */
const struct ir_node *operator_ends(struct ir_context *context, enum operator_kind kind, enum ir_elem elem, int64_t n);

/* ---- operator_nodes.c ---- */
/* 4 where it divides, else the smallest prime: how many parts to split an index of extent n into. */
int64_t operator_radix(int64_t n);
/* x[i]^(weight * d), d < count. */
const struct ir_node *operator_powers(struct ir_context *context, const struct ir_node *x, int64_t weight, int64_t count);
/* The whole matrix of `sparse`: zero, and values added at their coordinates. */
const struct ir_node *operator_coordinates(struct ir_context *context, const struct operator_node *operator_);

#endif
