/* Loops that do nothing but multiply and add, load, or store, with vectors of MEASURE_BYTES under MEASURE_TARGET: included once a
 * width by command_measure.c, so that only what all widths share has a guard. They are GNU vectors, whose shape no optimiser
 * changes; compiled with -ffp-contract=fast, a product and its sum become one instruction where the target has it.
 *
 * MEASURE_BYTES  16, 32 or 64
 * MEASURE_TARGET  attribute of the functions, may be empty
 * MEASURE_NAME(name)  the function's name with the width in it
 * MEASURE_STREAM(place, vector)  a store past the caches; MEASURE_FENCE() waits for them */

#ifndef RUNTIME_MEASURE_KERNELS_H
#define RUNTIME_MEASURE_KERNELS_H

#include <stddef.h>

typedef double peak_kernel(size_t rounds, double first);
typedef double memory_kernel(void *memory, size_t bytes);
struct measure_kernels {
    peak_kernel *peak_f64, *peak_f32, *chain_f64; /* 12 vectors of multiply-adds a round */
    memory_kernel *read, *write, *stream;
    size_t bytes; /* of a vector */
};

#endif

typedef double MEASURE_NAME(f64_vector) __attribute__((vector_size(MEASURE_BYTES)));
typedef float MEASURE_NAME(f32_vector) __attribute__((vector_size(MEASURE_BYTES)));
typedef long long MEASURE_NAME(bits_vector) __attribute__((vector_size(MEASURE_BYTES)));

/* 12 independent sums: more than latency times ports of any core so far, and with both factors within 16 registers. */
#define MEASURE_ALL(step)  step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) step(11)
#define MEASURE_DECLARE(k) sum##k = shift + (k),
#define MEASURE_STEP(k)    sum##k = sum##k * factor + shift;
#define MEASURE_ADD(k)     shift += sum##k;
#define MEASURE_PEAK(name, type, vector)                                                                                           \
    MEASURE_TARGET static double MEASURE_NAME(name)(size_t rounds, double first)                                                   \
    {                                                                                                                              \
        type start = (type)first;                                                                                                  \
        MEASURE_NAME(vector) shift = (MEASURE_NAME(vector)){0} + start, MEASURE_ALL(MEASURE_DECLARE) factor = shift * 1e-3f;       \
        for (size_t k = 0; k < rounds; k++) {                                                                                      \
            MEASURE_ALL(MEASURE_STEP)                                                                                              \
        }                                                                                                                          \
        MEASURE_ALL(MEASURE_ADD)                                                                                                   \
        return (double)shift[0];                                                                                                   \
    }

MEASURE_PEAK(peak_f64, double, f64_vector)
MEASURE_PEAK(peak_f32, float, f32_vector)

/* One sum, 12 times a round: each waits for the one before. */
MEASURE_TARGET static double MEASURE_NAME(chain_f64)(size_t rounds, double first)
{
    MEASURE_NAME(f64_vector) shift = (MEASURE_NAME(f64_vector)){0} + first, sum = shift, factor = shift * 1e-3f;
    for (size_t k = 0; k < rounds; k++)
        for (int step = 0; step < 12; step++)
            sum = sum * factor + shift;
    return sum[0];
}

#undef MEASURE_ALL
#undef MEASURE_DECLARE
#undef MEASURE_STEP
#undef MEASURE_ADD
#undef MEASURE_PEAK

/* Memory is a multiple of 8 vectors. */

MEASURE_TARGET static double MEASURE_NAME(read)(void *memory, size_t bytes)
{
    const MEASURE_NAME(bits_vector) *at = memory, *end = at + bytes / sizeof *at;
    MEASURE_NAME(bits_vector) a = {0}, b = a, c = a, d = a;
    for (; at < end; at += 8) {
        a ^= at[0], b ^= at[1], c ^= at[2], d ^= at[3];
        a ^= at[4], b ^= at[5], c ^= at[6], d ^= at[7];
    }
    a ^= b ^ c ^ d;
    return (double)a[0];
}

MEASURE_TARGET static double MEASURE_NAME(write)(void *memory, size_t bytes)
{
    MEASURE_NAME(bits_vector) *at = memory, *end = at + bytes / sizeof *at, value = {(long long)bytes, 1};
    for (; at < end; at += 8) {
        at[0] = value, at[1] = value, at[2] = value, at[3] = value;
        at[4] = value, at[5] = value, at[6] = value, at[7] = value;
    }
    return 0;
}

MEASURE_TARGET static double MEASURE_NAME(stream)(void *memory, size_t bytes)
{
    MEASURE_NAME(bits_vector) *at = memory, *end = at + bytes / sizeof *at, value = {(long long)bytes, 1};
    for (; at < end; at += 4) {
        MEASURE_STREAM(&at[0], value);
        MEASURE_STREAM(&at[1], value);
        MEASURE_STREAM(&at[2], value);
        MEASURE_STREAM(&at[3], value);
    }
    MEASURE_FENCE();
    return 0;
}

static const struct measure_kernels MEASURE_NAME(kernels) = {
    MEASURE_NAME(peak_f64), MEASURE_NAME(peak_f32), MEASURE_NAME(chain_f64), MEASURE_NAME(read), MEASURE_NAME(write),
    MEASURE_NAME(stream),   MEASURE_BYTES};

#undef MEASURE_BYTES
#undef MEASURE_TARGET
#undef MEASURE_NAME
#undef MEASURE_STREAM
#undef MEASURE_FENCE
