/* Quasi-polynomials on their way to C: sums of terms of factors. Shared by c_address.c and c_conditions.c. */
#ifndef BACKENDS_C_ADDRESS_H
#define BACKENDS_C_ADDRESS_H

#include "backends_internal.h"

enum factor_kind { FACTOR_DIM, FACTOR_INDEX, FACTOR_FLOOR, FACTOR_REMAINDER, FACTOR_TABLE };

struct factor {
    enum factor_kind kind;
    const struct poly_atom *atom; /* REMAINDER: the floor of the same numerator and denominator */
};

enum { FACTOR_LIMIT = 16 };

struct term {
    int64_t coefficient;
    uint32_t n_factors;
    struct factor factors[FACTOR_LIMIT]; /* in order of kind, then of creation */
};

struct sum {
    struct term *terms;
    size_t count, capacity;
    int64_t divisor;
};

enum number_mode { MODE_SIZE, MODE_SIGNED, MODE_TRUSTED };

struct writer {
    struct c_kernel *kernel;
    struct arena *arena;
    struct text *text;
    enum number_mode mode;
    bool narrow; /* signed numbers of 32 bits: a machine's addresses are no wider, and nothing is looked up */
};

struct writer c_writer_for(struct c_kernel *kernel, struct text *text, enum number_mode mode);
struct sum c_sum_from_poly(struct writer *w, const struct poly *poly);
/* m * a - m * b * floor(a / b) becomes m * (a mod b). */
void c_fold_remainders(struct writer *w, struct sum *sum);
/* Does some part of it need signed arithmetic: a table, a floor of what may be negative? */
bool c_needs_sign(struct c_kernel *kernel, const struct poly *poly);
uint32_t c_count_dims(const struct term *term);
/* |coefficient| * factors: what varies first, then sizes, then the number. */
void c_put_term(struct writer *w, const struct term *term, enum c_precedence precedence);
/* Their sum in Horner form; sorts them. */
void c_put_terms(struct writer *w, struct term *terms, size_t count, enum c_precedence precedence);

#endif
