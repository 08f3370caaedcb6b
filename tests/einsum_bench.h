/* Kernels of einsums built by hand, put through the passes `flatten` and `order`, and compared with what they were.
 *
 * Extents are given to letters; a string of letters is the shape of an input or the subscripts of an einsum. A bench has one
 * context; every call asserts that what it makes is there. */
#ifndef TESTS_EINSUM_BENCH_H
#define TESTS_EINSUM_BENCH_H

#include "passes/contraction.h"
#include "passes/passes.h"

#include "failing_allocator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum einc_status pass_flatten(struct pass_kernel *kernel);
enum einc_status pass_order(struct pass_kernel *kernel);

struct bench {
    struct ir_context *context;
    struct ir_kernel kernel, before; /* before: the same inputs and outputs, never passed */
    struct ir_input_info inputs[32];
    struct ir_output outputs[4], old[4];
    struct pass_options options;
    struct pass_kernel pass;
    const struct poly *sizes[128]; /* extent of each label */
    enum ir_elem elem;
};

/* An empty kernel of class reassoc for the generic machine; `allocator` NULL: malloc. */
void bench_start_in(struct bench *bench, enum ir_elem elem, const struct einc_allocator *allocator);
void bench_start(struct bench *bench, enum ir_elem elem);
void bench_size(struct bench *bench, const char *labels, int64_t size);
/* An input with the extents of the labels. */
const struct ir_node *bench_input(struct bench *bench, const char *name, const char *labels);
/* An einsum that the source calls `name` (NULL: nothing). */
const struct ir_node *bench_let(struct bench *bench, const char *name, enum ir_ring ring, const char *string,
                                const struct ir_node *const *operands);
const struct ir_node *bench_einsum(struct bench *bench, enum ir_ring ring, const char *string,
                                   const struct ir_node *const *operands);
void bench_output(struct bench *bench, const char *name, const struct ir_node *node);
/* Keeps the kernel as `before`, then flattens and orders it; it is verified after both. */
void bench_passes(struct bench *bench);
/* The kernel's flops, which must be constant. */
int64_t bench_flops(struct bench *bench);
size_t bench_contracts(struct bench *bench);
/* Both kernels on the same random input: equal to the last bit. */
void bench_same(struct bench *bench, enum ir_arithmetic arithmetic, const int64_t *dims);
void bench_end(struct bench *bench);

#endif
