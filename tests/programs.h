/* Random valid tensor-IR programs, from a string of bytes.
 *
 * Every choice is drawn from the bytes, and where they end each choice is the smallest: so every byte string is a valid program,
 * short strings are small programs, and a fuzzer or a shrinker steers the program by its bytes. A seed stands for the bytes of its
 * sequence. A program has one kernel of a few inputs, constants and values of every kind, shared among each other, and one to four
 * outputs. Extents are 0, 1, small numbers and products, and run-time dims. */
#ifndef TESTS_PROGRAMS_H
#define TESTS_PROGRAMS_H

#include "ir/ir.h"

/* What a program holds, which is what decides how its values may be compared before and after a rewrite. */
enum random_kind {
    RANDOM_CONTINUOUS, /* every type and ring, functions only where they are continuous and no float to integer: engines that round
                          differently differ by roundings only */
    RANDOM_POLYNOMIAL, /* sums, products, conjugates and parts in plustimes and prod: exact modulo the prime (ir_is_polynomial) */
    RANDOM_OPAQUE,  /* polynomial but for functions, comparisons and choices of what surely depends on an input, so that no pass can
                       calculate them: exact modulo the prime, where they are hashes */
    RANDOM_INTEGER, /* integers and bool, every ring and operation; min and max rings only where nothing wraps: exact in NUMBERS */
    RANDOM_WHOLE    /* floats and complex numbers that are small whole numbers whatever order they are added in: exact in NUMBERS */
};

struct random_options {
    enum random_kind kind;
    bool no_scans;     /* for text that cannot say every last state */
    bool solves;       /* solutions of linear equations too, in the kinds that are exact modulo the prime */
    bool declared;     /* inputs have strides and promises, outputs may stand in their place: who runs it has to lay them out */
    bool no_guards;    /* no access that only an empty axis keeps inside its tensor: source has none */
    bool static_only;  /* no run-time dims */
    bool small;        /* tensors of at most 64 elements, for validating very many */
    uint32_t n_values; /* computed values beside inputs and constants; 0: chosen, at most 10 */
};

/* A new program in the context, to which its dims are added; `options` NULL means none. NULL when memory ran out. */
struct ir_program *random_program_from(struct ir_context *context, const uint8_t *bytes, size_t length,
                                       const struct random_options *options);
struct ir_program *random_program(struct ir_context *context, uint64_t seed, const struct random_options *options);
/* A size for every dim of the context, from 0 to 5, keeping bound and divisor, in its arena. */
int64_t *random_dims(struct ir_context *context, uint64_t seed);
/* Inputs of a kernel at these sizes in the layout of the arithmetic: floats in [-1, 1], small integers, residues of the whole
 * field. */
struct ir_tensor *random_inputs(struct ir_context *context, const struct ir_kernel *kernel, enum ir_arithmetic arithmetic,
                                const int64_t *dims, uint64_t seed);
/* The same for NUMBERS with whole floats from -2 to 2, as programs of RANDOM_WHOLE expect. */
struct ir_tensor *random_whole_inputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims,
                                      uint64_t seed);
/* The same with infinities, zeros of both signs, numbers that are none, and where the kernel is in double with ones that are
 * rounded. */
struct ir_tensor *random_hostile_inputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims,
                                        uint64_t seed);
/* The next number of a sequence (splitmix64). */
uint64_t random_next(uint64_t *state);
/* Evenly from 0 to `limit` - 1. */
uint32_t random_below(uint64_t *state, uint32_t limit);
void random_bytes(uint8_t *bytes, size_t length, uint64_t seed);

#endif
