/* Exact validation: a program means the same before and after every pass, with no tolerance.
 *
 * Tensor passes run in the order of the compiler, and some of them in another order; loops are then evaluated after each loop pass;
 * and both levels go through their text. Values are compared at a random point modulo the prime where the program is polynomial or
 * its functions are opaque, else in numbers that no order of operations rounds (programs.h says which programs those are). */
#ifndef TESTS_VALIDATE_H
#define TESTS_VALIDATE_H

#include "census.h"
#include "programs.h"

/* Bytes that a seed stands for: the program's choices, and in front of them how it is validated. */
enum { VALIDATE_BYTES = 256 };

struct validation {
    const struct ir_program *program; /* its first kernel is validated */
    enum random_kind kind;            /* what the program may hold */
    int64_t memory_limit;             /* for the passes; 0: none */
    int64_t scan_chunk;               /* for the passes: steps of a chunk; 0: as they choose */
    struct census *census;            /* of what occurs; NULL: nobody asks */
    uint64_t seed;                    /* of sizes, inputs and orders of passes */
};
/* NULL when all agrees; else what does not, with the program and what it became, in the context's arena. The program's kernel stays
 * as it is. */
const char *validate_program(struct ir_context *context, const struct validation *validation);
/* Vectors of two doubles, but of one seed in four, caches of a few elements, threads that cost nothing: what is tiny is tiled,
 * blocked, packed, streamed and shared out. */
struct machine validate_machine(uint64_t seed);
/* The kind of a program that was read: polynomial, integers, or whole numbers. */
enum random_kind validate_kind_of(struct ir_context *context, const struct ir_kernel *kernel);

/* The same for the program that the bytes stand for, in a context of its own. NULL, or text to be freed. */
char *validate_bytes(const uint8_t *bytes, size_t length, struct census *census);
/* Takes bytes away and lowers them while the program stays wrong; gives the new length. */
size_t validate_shrink(uint8_t *bytes, size_t length);

#endif
