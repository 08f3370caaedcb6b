/* One number under evaluation, and the three arithmetics that calculate with it (ir.h, `enum ir_arithmetic`). Internal to ir:
 * eval.c walks nodes and loop_eval.c walks loops, both through the table below, so that "what does this expression mean" is
 * answered in one place an arithmetic: scalar.c and eval_numbers.c (NUMBERS), eval_prime.c (PRIME), eval_bound.c (BOUND). */
#ifndef IR_ARITHMETIC_H
#define IR_ARITHMETIC_H

#include "ir.h"

/* Which member is alive follows from the arithmetic and the element type: NUMBERS and BOUND keep floats and complex numbers in
 * `re`, `im` (im = 0 for floats), integers and bool in `i` (u64 as its bits); BOUND has the magnitude beside. PRIME keeps every
 * type in `residue`: real and imaginary part, each in [0, 2^61 - 1). */
struct scalar {
    union {
        struct {
            double re, im;
        };
        int64_t i;
        uint64_t residue[2];
    };
    double magnitude;
};

/* `count` points of a sum along one index: operand k of the product at pointers[k][t * steps[k]], t = 0 .. count-1. */
struct scalar_run {
    uint32_t n_operands;
    const struct scalar *const *pointers;
    const int64_t *steps;
    int64_t count;
};

struct arithmetic {
    struct scalar (*literal)(struct ir_number number);
    struct scalar (*from_index)(int64_t value);
    /* An integer element as a subscript; false: it is 2^63 or more. Residues of the upper half count as negative. */
    bool (*to_index)(enum ir_elem elem, struct scalar value, int64_t *index);
    /* `from`: the type of the arguments (of the last one for select); `to`: of the result. Not rounded to `to` but for casts.
     * False: the row of ops.def is not defined there. */
    bool (*apply)(enum ir_expr_op op, enum ir_elem from, enum ir_elem to, const struct scalar *arguments, struct scalar *result);
    struct scalar (*round)(enum ir_elem elem, struct scalar value); /* as a stored element of this type */
    struct scalar (*convert)(enum ir_elem from, enum ir_elem to,
                             struct scalar value); /* operand of a contraction to its accumulator type */
    bool (*holds)(struct scalar value);            /* a bool */
    /* Adds the products of a run in ring plustimes, operands and sum all of type `elem`; the sum is not rounded. */
    void (*sum_run)(enum ir_elem elem, const struct scalar_run *run, struct scalar *sum);
    /* One element of a tensor outside (`struct ir_tensor`). */
    struct scalar (*load)(enum ir_elem elem, const void *data, size_t at);
    void (*store)(enum ir_elem elem, void *data, size_t at, struct scalar value);
    size_t (*stored_bytes)(enum ir_elem elem); /* of an output's element */
};

extern const struct arithmetic arithmetic_numbers, arithmetic_prime, arithmetic_bound;
const struct arithmetic *arithmetic_find(enum ir_arithmetic arithmetic);

/* eval_prime.c: is this operation a ring operation (or division) modulo the prime, and no hash? */
bool prime_is_exact(enum ir_expr_op op, enum ir_elem from, enum ir_elem to);

/* halves.c: the 16-bit floats. */
uint16_t half_from_double(enum ir_elem elem, double value);
double half_to_double(enum ir_elem elem, uint16_t half);

/* scalar.c: doubles and exact integers for NUMBERS and BOUND. */
bool scalar_compute(enum ir_expr_op op, enum ir_elem from, enum ir_elem to, const struct scalar *arguments, struct scalar *result);
struct scalar scalar_cast(enum ir_elem from, enum ir_elem to, struct scalar value);
struct scalar scalar_round(enum ir_elem elem, struct scalar value);
int64_t scalar_wrap(enum ir_elem elem, uint64_t bits); /* to the integer type (or bool), as an i64 */
struct scalar scalar_from_number(struct ir_number number);
bool scalar_to_index(enum ir_elem elem, struct scalar value, int64_t *index);
struct scalar scalar_load(enum ir_elem elem, const void *data, size_t at); /* an element in memory, elements.def */
void scalar_store(enum ir_elem elem, void *data, size_t at, struct scalar value);

/* eval_functions.c: the transcendental rows of ops.def on doubles, and how fast they change. False: not such a row. */
bool function_real(enum ir_expr_op op, double a, double *result);
bool function_complex(enum ir_expr_op op, struct scalar a, struct scalar *result);
/* A bound on |f(a)| + |f'(a)| * magnitude, for real or complex a with f(a) known. */
double function_magnitude(enum ir_expr_op op, struct scalar a, struct scalar result, double magnitude);

#endif
