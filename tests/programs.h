/* Random valid tensor-IR programs for property tests, from a seed.
 *
 * A program has one kernel of a few inputs, constants and values of every kind, shared among each other, and one to four outputs.
 * Its extents are 0, 1, 2, small primes, products, and run-time dims, small enough that the reference evaluates it in about a
 * millisecond at the sizes of `random_dims`. It only holds functions that are continuous, and never casts a float to an integer, so
 * that engines which round differently differ by roundings only. The same seed gives the same program. */
#ifndef TESTS_PROGRAMS_H
#define TESTS_PROGRAMS_H

#include "ir/ir.h"

struct random_options {
    bool polynomial_only; /* ring plustimes; sums, differences, products, conjugates and parts: exact modulo a prime */
    bool static_only;     /* no run-time dims */
    uint32_t n_values;    /* computed values beside inputs and constants; 0: chosen, at most 10 */
};

/* A new program in the context, to which its dims are added; `options` NULL means none. NULL when memory ran out. */
struct ir_program *random_program(struct ir_context *context, uint64_t seed, const struct random_options *options);
/* A size for every dim of the context, from 0 to 5, in its arena. */
int64_t *random_dims(struct ir_context *context, uint64_t seed);
/* Inputs of a kernel at these sizes in the layout of the arithmetic: floats in [-1, 1], small integers, residues of the whole
 * field. */
struct ir_tensor *random_inputs(struct ir_context *context, const struct ir_kernel *kernel, enum ir_arithmetic arithmetic,
                                const int64_t *dims, uint64_t seed);
/* The next number of a sequence (splitmix64). */
uint64_t random_next(uint64_t *state);
/* Evenly from 0 to `limit` - 1. */
uint32_t random_below(uint64_t *state, uint32_t limit);

#endif
