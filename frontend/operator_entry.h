/* Writing entries of operators: shared by operator_entry.c, which knows all kinds, and the files that write some of them. */
#ifndef FRONTEND_OPERATOR_ENTRY_H
#define FRONTEND_OPERATOR_ENTRY_H

#include "operators.h"

struct entry {
    struct statement *statement;
    enum ir_elem elem; /* of tables */
    struct span span;
    bool conjugate;
};

/* Products that a product of sums may be multiplied out to; beyond it stays a product, with the sums in it as matrices. */
enum { FORMULA_PRODUCTS = 64 };

/* The entry of an operator at a row and a column; NULL after a diagnostic, or without memory. */
typedef struct formula *entry_function(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                       const struct poly *column);

/* ---- operator_entry.c ---- */
entry_function entry_of; /* of any kind */

/* ---- operator_formula.c: NULL given gives NULL ---- */
struct ir_context *entry_context(const struct entry *entry);
/* a div size, a mod size, and the digit between `below` and `below * size`. */
const struct poly *write_high(const struct entry *entry, const struct poly *a, const struct poly *size);
const struct poly *write_low(const struct entry *entry, const struct poly *a, const struct poly *size);
const struct poly *write_digit(const struct entry *entry, const struct poly *a, const struct poly *below, const struct poly *size);
const struct poly *write_constant(const struct entry *entry, int64_t value);
struct formula *write_value(const struct entry *entry, const struct poly *value); /* a weak integer */
/* Element `at` of a node; of data number `tensor` of the operator. */
struct formula *write_access(const struct entry *entry, const struct ir_node *node, uint32_t rank, const struct poly *const *at);
struct formula *write_data(const struct entry *entry, const struct operator_node *operator_, uint32_t tensor,
                           const struct poly *const *at);
struct formula *write_join(const struct entry *entry, enum formula_kind kind, struct formula *a, struct formula *b);
uint32_t formula_count_terms(const struct formula *formula);
struct formula *write_times(const struct entry *entry, struct formula *a, struct formula *b);
struct formula *write_over(const struct entry *entry, struct formula *a, struct formula *b);
struct formula *write_apply(const struct entry *entry, enum ir_expr_op op, struct formula *a); /* of one argument, of its type */
struct formula *write_negative(const struct entry *entry, struct formula *a);
struct formula *write_one(const struct entry *entry, enum ir_elem elem);
/* An index of its own over `extent`; UINT32_MAX after a diagnostic. */
uint32_t write_index(const struct entry *entry, const char *name, const struct poly *extent);
struct formula *write_sum(const struct entry *entry, uint32_t index, struct formula *argument);
/* 1 where the two are equal, else 0; `rows` and `columns` are what the two run over. */
struct formula *write_delta(const struct entry *entry, const struct poly *rows, const struct poly *columns, const struct poly *row,
                            const struct poly *column);
struct formula *write_permutation(const struct entry *entry, const struct operator_node *operator_, const struct poly *from,
                                  const struct poly *column);

/* ---- operator_factors.c ---- */
entry_function entry_identity, entry_diag, entry_perm, entry_reversal, entry_digit_reversal, entry_kron, entry_dsum, entry_product,
    entry_lowrank, entry_blockdiag, entry_butterfly, entry_monarch, entry_blast, entry_phm;

/* ---- operator_numbers.c ---- */
entry_function entry_toeplitz, entry_hankel, entry_circulant, entry_cauchy, entry_vandermonde, entry_householder, entry_banded,
    entry_sparse;

/* ---- operator_scan.c ---- */
entry_function entry_semiseparable; /* formed: for where it is not applied */

/* ---- operator_solve.c ---- */
entry_function entry_inv;

/* ---- operator_transforms.c ---- */
entry_function entry_dft, entry_hadamard, entry_table;

#endif
