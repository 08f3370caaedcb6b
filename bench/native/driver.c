/* Times native code with no interpreter between two calls, and what the machine can do at most: peak and memory, by the loops of
 * `einc machine`. Loaded by bench/native.py; compiled for the machine it runs on. */
#include <stddef.h>
#include <string.h>
#include <time.h>

#if defined __x86_64__
#include <immintrin.h>
#endif

#define MEASURE_NAME(name) measured_##name
#define MEASURE_TARGET
#if defined __AVX512F__
#define MEASURE_BYTES                 64
#define MEASURE_STREAM(place, vector) _mm512_stream_si512((void *)(place), (__m512i)(vector))
#define MEASURE_LOAD(place)           _mm512_loadu_si512(place)
#define MEASURE_FENCE()               _mm_sfence()
#elif defined __AVX2__
#define MEASURE_BYTES                 32
#define MEASURE_STREAM(place, vector) _mm256_stream_si256((void *)(place), (__m256i)(vector))
#define MEASURE_LOAD(place)           _mm256_loadu_si256(place)
#define MEASURE_FENCE()               _mm_sfence()
#else
#define MEASURE_BYTES                 16
#define MEASURE_STREAM(place, vector) (void)(*(place) = (vector))
#define MEASURE_FENCE()               (void)0
#endif
static double stream_copy(void *to, const void *from, size_t bytes);
#if defined MEASURE_LOAD
enum { WIDTH = MEASURE_BYTES };
static double stream_copy(void *to, const void *from, size_t bytes)
{
    char *target = to;
    const char *source = from;
    for (size_t at = 0; at < bytes; at += WIDTH)
        MEASURE_STREAM(target + at, MEASURE_LOAD((const void *)(source + at)));
    MEASURE_FENCE();
    return 0;
}
#else
static double stream_copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return 0;
}
#endif
#include "measure_kernels.h"

/* Seconds of this process and all its threads: others that share the machine do not count. `passed`: of the clock on the wall. */
static double driver_now(int passed)
{
    struct timespec now;
    clock_gettime(passed ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef void call(const size_t *dims, void *const *arrays);

double driver_seconds(call *function, const size_t *dims, void *const *arrays, long times, int passed)
{
    double begin = driver_now(passed);
    for (long k = 0; k < times; k++)
        function(dims, arrays);
    return (driver_now(passed) - begin) / (double)times;
}

/* ---- what the machine can do; dims[0]: rounds or bytes ---- */

static volatile double sink;

size_t driver_vector_bytes(void)
{
    return measured_kernels.bytes;
}

void driver_peak_f64(const size_t *dims, void *const *arrays)
{
    (void)arrays;
    sink = measured_peak_f64(dims[0], 1e-3);
}

void driver_peak_f32(const size_t *dims, void *const *arrays)
{
    (void)arrays;
    sink = measured_peak_f32(dims[0], 1e-3);
}

/* arrays[1] = arrays[0], by the C library and past the caches */
void driver_memcpy(const size_t *dims, void *const *arrays)
{
    memcpy(arrays[1], arrays[0], dims[0]);
}

void driver_stream_copy(const size_t *dims, void *const *arrays)
{
    sink = stream_copy(arrays[1], arrays[0], dims[0]);
}
