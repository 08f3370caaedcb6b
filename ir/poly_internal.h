/* Shared by the poly_*.c files alone: the tables of polys and atoms, terms, and the steps of division that printing needs too.
 *
 * Weights. A dim declared `% g == 0` is g times an unknown integer, so a term is an integer for all dims exactly when its weight,
 * coefficient * product of the g of its dims, is one. All polys keep that invariant, and all divisibility is decided on weights. */
#ifndef IR_POLY_INTERNAL_H
#define IR_POLY_INTERNAL_H

#include "ir_internal.h"
#include "poly.h"

/* Only inside the printer: numerator mod denominator. */
enum { POLY_MOD = POLY_TABLE + 1 };

struct poly_table {
    struct intern_table polys, atoms;
    uint32_t n_polys, n_atoms;
    bool overflowed;
    int proving;               /* depth of running proofs: division inside them starts no proofs of its own */
    struct poly_term *scratch; /* terms under construction; valid until the next construction */
    size_t n_scratch, scratch_capacity;
};

/* ---- poly.c ---- */

/* Total order of monomials that depends on structure alone: terms stand the same way however they came about. */
int poly_compare_terms(const struct poly_term *a, const struct poly_term *b);
const struct poly *poly_overflow(struct ir_context *context); /* notes it, gives NULL */
/* The sum of `n` terms, given in any order. Their factor arrays are kept by reference and must live in the arena. */
const struct poly *poly_from_terms(struct ir_context *context, size_t n, const struct poly_term *terms);
const struct poly *poly_of_term(struct ir_context *context, const struct poly_term *term);
const struct poly_atom *poly_intern_atom(struct ir_context *context, const struct poly_atom *atom);
/* a * numerator / denominator; NULL when a constant term becomes a fraction. */
const struct poly *poly_scale_fraction(struct ir_context *context, const struct poly *a, int64_t numerator, int64_t denominator);
/* Least and largest entry, of a table that is no constant by its type; false when nothing is known or there are no entries. */
bool poly_table_bounds(const struct ir_node *table, int64_t *least, int64_t *largest);
bool poly_table_entry(const struct ir_node *table, size_t offset, int64_t *value);

/* ---- poly_substitute.c ---- */

/* What stands in place of a dim or an index; NULL keeps it. */
typedef const struct poly *poly_leaf_function(void *user, const struct poly_atom *leaf);
const struct poly *poly_replace_leaves(struct ir_context *context, const struct poly *a, poly_leaf_function *leaf, void *user,
                                       const struct poly_ranges *ranges);

/* ---- poly_divide.c ---- */

bool poly_is_divisor(const struct poly *b); /* a positive monomial without indices */
/* The product of the declared divisors of the dims among the factors; false on overflow. */
bool poly_dim_content(const struct ir_context *context, const struct poly_term *term, int64_t *content);
bool poly_weight(const struct ir_context *context, const struct poly_term *term, int64_t *weight);
/* `a` / `b` as a term; false when b does not divide a. The quotient's factors are new in the arena. */
bool poly_divide_term(struct ir_context *context, const struct poly_term *a, const struct poly_term *b, struct poly_term *quotient);
/* The greatest monomial that divides both, its coefficient such that its weight is the gcd of the weights. */
bool poly_gcd_term(struct ir_context *context, const struct poly_term *a, const struct poly_term *b, struct poly_term *result);

/* a = b * quotient + rest, the weights of the terms of rest that b's factors divide being in [0, weight of b). */
bool poly_split_multiple(struct ir_context *context, const struct poly *a, const struct poly_term *b, const struct poly **quotient,
                         const struct poly **rest);

/* ---- poly_prove.c ---- */

/* 0 <= a < b where b is a divisor, so positive. */
bool poly_prove_remainder(struct ir_context *context, const struct poly *a, const struct poly *b, const struct poly_ranges *ranges);

#endif
