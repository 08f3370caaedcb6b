/* Inverses of operators: shared by operator_inverse.c, which has the rules, and what works with numbers: operator_known.c,
 * operator_dense.c, operator_diagonal.c and operator_kron_sum.c. */
#ifndef FRONTEND_OPERATOR_INVERSE_H
#define FRONTEND_OPERATOR_INVERSE_H

#include "operator_read.h"

/* ---- operator_inverse.c ---- */
/* What stands for the inverse; NULL after a diagnostic, or where a rule does not fit. */
struct operator_node *operator_invert(const struct reading *reading, const struct operator_node *operator_);
/* An operator of these parts (NULL: none of them); shape and type follow from them. */
struct operator_node *operator_of_parts(const struct reading *reading, enum operator_kind kind, uint32_t n_parts,
                                        const struct operator_node *const *parts);
/* An operator of one tensor: OPERATOR_TENSOR, diag, circulant, blockdiag. */
struct operator_node *operator_of_tensor(const struct reading *reading, enum operator_kind kind, const struct ir_node *tensor,
                                         struct span span);
struct operator_node *operator_of_sizes(const struct reading *reading, enum operator_kind kind, uint32_t n_sizes,
                                        const struct poly *const *sizes, struct value_type type, struct span span);
struct operator_node *operator_report_singular(const struct reading *reading, const struct operator_node *operator_);

/* Notes how an inverse comes about; and what condition number its matrix has. */
void operator_note_inverse(const struct reading *reading, const struct operator_node *operator_, const char *detail);
void operator_note_condition(const struct reading *reading, const struct operator_node *operator_, const char *how,
                             double condition);

/* ---- operator_dense.c ---- */
/* A statement of its own over so many axes, inside the one that is being read. False: no memory. */
bool operator_open_statement(const struct reading *reading, struct span span, uint32_t rank, const struct poly *const *extents,
                             struct statement *statement);
/* The matrix, formed; NULL where it depends on the statement it stands in. */
const struct ir_node *operator_formed(const struct reading *reading, const struct operator_node *operator_);
/* By its numbers; NULL after a diagnostic. */
struct operator_node *operator_invert_numbers(const struct reading *reading, const struct operator_node *operator_);
/* Blocks B[g,i,j], the operator's tensor once settled. */
struct operator_node *operator_invert_blocks(const struct reading *reading, const struct operator_node *operator_,
                                             const struct ir_node *blocks);
/* The operator applied to a vector. */
const struct ir_node *operator_apply(const struct reading *reading, const struct operator_node *operator_,
                                     const struct ir_node *vector);

/* ---- operator_known.c ---- */
/* Are all the numbers it is made of known? */
bool operator_is_constant(const struct reading *reading, const struct operator_node *operator_);
/* The tensor; a constant in its place where formulas and constants alone give its numbers. NULL: no memory. */
const struct ir_node *operator_settled(const struct reading *reading, const struct ir_node *tensor);
/* Of an operator's multiple; false: only the run knows it. */
bool operator_known_number(const struct reading *reading, const struct formula *number, double _Complex *value);
double _Complex operator_number_at(enum ir_elem elem, const void *data, size_t at);
/* Its numbers, n x n; NULL: it is not constant, not square or too large (or memory ran out). */
const double _Complex *operator_numbers(const struct reading *reading, const struct operator_node *operator_, size_t *n);
/* A constant node of numbers in this element type. */
const struct ir_node *operator_constant(const struct reading *reading, enum ir_elem elem, uint32_t rank,
                                        const struct poly *const *shape, const double _Complex *numbers);
const struct ir_node *operator_constant_reciprocals(const struct reading *reading, const struct ir_node *constant);
/* The value of a node that reads no input, as a constant. */
const struct ir_node *operator_folded(const struct reading *reading, const struct ir_node *node);

/* ---- operator_diagonal.c ---- */
/* scale * forward M backward is diagonal for each matrix M, its numbers in `values`. */
struct diagonal_form {
    const struct operator_node *forward, *backward;
    double scale;
    const char *name; /* of what makes it so */
    double **values;  /* by matrix */
};
/* Symmetric matrices, different ones, of n = `rows` rows; `elem` is the type of vectors. False: there is no such form that is
 * known, or no memory. */
bool operator_diagonalise(const struct reading *reading, struct span span, enum ir_elem elem, const struct poly *rows,
                          uint32_t n_matrices, const double *const *matrices, struct diagonal_form *form);

/* ---- operator_kron_sum.c ---- */
/* A sum of Kronecker products of constants that eigenvectors of their factors diagonalise; NULL: it is none. */
struct operator_node *operator_invert_kron_sum(const struct reading *reading, const struct operator_node *operator_);

#endif
