/* Quasi-polynomials: the one algebra of extents, subscripts, strides, addresses, loop bounds and operation counts.
 *
 * A poly is a sum of rational multiples of products of atoms. An atom is a run-time dim, an index of the enclosing node or loop
 * nest, a floor division of a poly by a positive poly, or a lookup in an integer table. Of a table that is no constant proofs know
 * the range of its type; an entry of 2^63 or more has no value. `mod` is not an atom:
 * a mod b = a - b * floor(a / b), and the printer folds it back.
 *
 * Polys are canonical and hash-consed per context: equal polys are the same pointer, so `==` decides equality of run-time
 * extents as the language defines it (equal expressions). NULL in gives NULL out; NULL also means overflow of a coefficient or
 * no memory (`poly_context_overflowed` tells which). Polys are immutable and live in the context's arena. */
#ifndef IR_POLY_H
#define IR_POLY_H

#include "base.h"

struct ir_context;
struct ir_node;
struct poly;

enum poly_atom_kind { POLY_DIM, POLY_INDEX, POLY_FLOOR, POLY_TABLE };

struct poly_atom {
    enum poly_atom_kind kind;
    uint32_t id;                  /* order of creation */
    uint32_t symbol;              /* POLY_DIM: number of the dim in the context. POLY_INDEX: number of the index */
    const struct poly *numerator; /* POLY_FLOOR: floor(numerator / denominator); the denominator is a monomial > 0 */
    const struct poly *denominator;
    const struct ir_node *table; /* POLY_TABLE: an integer node, and one subscript an axis */
    const struct poly *const *arguments;
    uint32_t n_arguments;
};

/* coefficient * product of factors; the coefficient is a reduced fraction, denominator > 0 (a dim declared `% 8 == 0` may be
 * divided by 8 exactly). Factors stand in an order of structure: indices, tables, floors, dims; a square stands twice. */
struct poly_term {
    int64_t numerator, denominator;
    uint32_t n_factors;
    const struct poly_atom *const *factors;
};

struct poly {
    uint32_t id;
    uint32_t n_terms;              /* 0: the zero poly */
    const struct poly_term *terms; /* constant term last */
    uint64_t hash;
};

/* ---- making ---- */
bool poly_context_overflowed(const struct ir_context *context); /* has a coefficient left 64 bits since creation? */
const struct poly *poly_constant(struct ir_context *context, int64_t value);
const struct poly *poly_dim(struct ir_context *context, uint32_t dim);     /* a run-time dim; static dims are constants */
const struct poly *poly_index(struct ir_context *context, uint32_t index); /* index number `index` of the node or nest */
const struct poly *poly_add(struct ir_context *context, const struct poly *a, const struct poly *b);
const struct poly *poly_subtract(struct ir_context *context, const struct poly *a, const struct poly *b);
const struct poly *poly_multiply(struct ir_context *context, const struct poly *a, const struct poly *b);
const struct poly *poly_scale(struct ir_context *context, const struct poly *a, int64_t factor);
const struct poly *poly_of_atom(struct ir_context *context, const struct poly_atom *atom);
/* The same modulo `modulus` > 0, with coefficients from 0 to below it; NULL: one is a fraction. */
const struct poly *poly_reduce(struct ir_context *context, const struct poly *a, int64_t modulus);
const struct poly *poly_table(struct ir_context *context, const struct ir_node *table, uint32_t n_arguments,
                              const struct poly *const *arguments);

/* Ranges of the indices, for division and proofs: index k runs over [0, extents[k]). An absent range (NULL or k >= n) is
 * unknown. Run-time dims are always >= 0 and within their declared bound. */
struct poly_ranges {
    uint32_t n;
    const struct poly *const *extents;
};

/* floor(a / b) and a - b * floor(a / b). `b` must be a monomial that is positive for all dims (a dim as divisor is taken to be
 * positive: where it is 0 the enclosing loop is empty); else NULL. With `ranges` (may be NULL) floor((b*q + r) / b) = q + floor(r /
 * b) and floor(r / b) = 0 when 0 <= r < b is proved, so split and merged subscripts cancel. */
const struct poly *poly_floor_div(struct ir_context *context, const struct poly *a, const struct poly *b,
                                  const struct poly_ranges *ranges);
const struct poly *poly_mod(struct ir_context *context, const struct poly *a, const struct poly *b,
                            const struct poly_ranges *ranges);

/* `a` with index k replaced by replacements[k] (NULL: kept), floors simplified again under `ranges` of the new indices. */
const struct poly *poly_substitute(struct ir_context *context, const struct poly *a, uint32_t n,
                                   const struct poly *const *replacements, const struct poly_ranges *ranges);
/* `a` with run-time dim k replaced by values[k] where that is not negative. */
const struct poly *poly_bind_dims(struct ir_context *context, const struct poly *a, uint32_t n, const int64_t *values);

/* `a` with every lookup, inner ones first, replaced by what `lookup` gives for it; NULL keeps the lookup. */
typedef const struct poly *poly_lookup_function(void *user, const struct ir_node *table, uint32_t n,
                                                const struct poly *const *subscripts);
const struct poly *poly_replace_lookups(struct ir_context *context, const struct poly *a, poly_lookup_function *lookup, void *user,
                                        const struct poly_ranges *ranges);

/* ---- asking ---- */
int64_t poly_gcd(int64_t a, int64_t b);                      /* of two numbers; not negative */
bool poly_is_constant(const struct poly *a, int64_t *value); /* `value` may be NULL */
bool poly_equals(const struct poly *a, int64_t value);
bool poly_is_index(const struct poly *a, uint32_t *index);  /* exactly one bare index */
bool poly_uses_index(const struct poly *a, uint32_t index); /* also inside floors and tables */
bool poly_uses_dims(const struct poly *a);
/* Calls `visit` for every occurrence, also inside floors; true when there is one. `visit` may be NULL. */
bool poly_visit_dims(const struct poly *a, void (*visit)(void *user, uint32_t dim), void *user);
/* Calls `visit` for every lookup, those in subscripts of another before that one; true when there is one. `visit` may be NULL. */
bool poly_visit_lookups(const struct poly *a, void (*visit)(void *user, const struct poly_atom *lookup), void *user);
/* Does it look up a table that is no constant? */
bool poly_is_run_time(const struct poly *a);
/* The one term with a lookup in it where that is a number times a lookup; NULL: there is none, or others. */
const struct poly_term *poly_single_lookup(const struct poly *a);
/* One more than the largest index used; 0 when none is. */
uint32_t poly_index_limit(const struct poly *a);
/* Writes a = coefficient * index + rest where `rest` is free of the index and the coefficient of all indices; false when the
 * index stands inside a floor, a table or a product with another index. Outputs may be NULL. */
bool poly_split_index(struct ir_context *context, const struct poly *a, uint32_t index, const struct poly **coefficient,
                      const struct poly **rest);

/* The value at given dims and indices (arrays may be NULL when none occur). False on overflow, a non-integer value, a table
 * subscript out of range or a division by zero. */
bool poly_evaluate(const struct poly *a, const int64_t *dims, const int64_t *indices, int64_t *value);
/* Entries of tables that are no constants, while a kernel is evaluated. */
struct poly_tables {
    /* Entry `offset`, in C order; false: it has no value that a subscript can have. */
    bool (*entry)(void *user, const struct ir_node *table, size_t offset, int64_t *value);
    void *user;
    bool outside; /* set when a lookup left its table */
};
bool poly_evaluate_lookups(const struct poly *a, const int64_t *dims, const int64_t *indices, struct poly_tables *tables,
                           int64_t *value);
/* The same as a double with typical sizes, for cost models and flop counts; negative factors are kept. */
double poly_estimate(const struct poly *a, const double *dims, const double *indices);

/* True only when a >= 0 is proved for all indices in range and all dims within their bounds. Sound, not complete: linear in
 * each index, floors bounded by their argument, tables by their least and largest entry. Where `a` uses an index whose extent
 * is 0 the claim is empty and counts as true. */
bool poly_prove_nonnegative(struct ir_context *context, const struct poly *a, const struct poly_ranges *ranges);
/* 0 <= a < extent. */
bool poly_prove_within(struct ir_context *context, const struct poly *a, const struct poly *extent,
                       const struct poly_ranges *ranges);
/* Nothing in it is divided by 0 where the indices it uses have a value. The two above take that for granted. */
bool poly_prove_divisors(struct ir_context *context, const struct poly *a, const struct poly_ranges *ranges);

/* ---- printing ---- */
enum poly_style {
    POLY_SOURCE, /* `2*h + r - 1`, `n div 2`, `i mod 4`, `t[e]`: the syntax of .ein and .eir */
    POLY_VALUE,  /* the same as a value in .ein: `i64(t[e])` of tables of other types, for a subscript is calculated in 64 bits */
    POLY_C       /* `2 * h + r - 1`, `(i * 16 + j) * 8 + k`, `n / 2`, `i % 4`, `t[e]`: right in unsigned arithmetic, numerators of
                    `/` and `%` being written so that they are never negative */
};
struct poly_names {
    const char *(*index)(void *user, uint32_t index);
    const char *(*table)(void *user, const struct ir_node *table);
    void *user;
    /* NULL, or the extent of an index: bare as a subscript of a table of another extent it is printed as `i + 0`, since in source
     * it would take the table's. */
    const struct poly *(*extent)(void *user, uint32_t index);
};
/* Names of dims come from the context. With `binding` the whole is parenthesised when it has more than one term (or, above 1,
 * more than one factor), so that it can stand inside a product. */
void poly_print(struct text *text, const struct ir_context *context, const struct poly *a, enum poly_style style,
                const struct poly_names *names, int binding);

#endif
