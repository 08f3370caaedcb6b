/* What einc machine measures: one core's peak of multiply-add, the speed of caches and memory, and of exp; teams of threads.
 *
 * Other programs share the machine and its clock changes, so that of several short runs the best one counts: a run is never faster
 * than the machine, often slower. The kernels are those of measure_kernels.h at the width the processor has; the rest of einc is
 * compiled for any processor. All together take one to two seconds. */
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { STEPS = 12 };

/* ---- the kernels, once a width ---- */

#define MEASURE_BYTES      16
#define MEASURE_NAME(name) name##_16
#define MEASURE_TARGET
#if defined(__x86_64__)
#define MEASURE_STREAM(place, vector) _mm_stream_si128((__m128i *)(place), (__m128i)(vector))
#define MEASURE_FENCE()               _mm_sfence()
#elif defined(__aarch64__)
#define MEASURE_STREAM(place, vector) __asm__ volatile("stnp %d1, %d1, [%0]" : : "r"(place), "w"(vector) : "memory")
#define MEASURE_FENCE()               __asm__ volatile("dmb ishst" : : : "memory")
#else
#define MEASURE_STREAM(place, vector) (void)(*(place) = (vector))
#define MEASURE_FENCE()               (void)0
#endif
#include "measure_kernels.h"

#if defined(__x86_64__)
#define MEASURE_BYTES                 32
#define MEASURE_NAME(name)            name##_32
#define MEASURE_TARGET                __attribute__((target("avx2,fma")))
#define MEASURE_STREAM(place, vector) _mm256_stream_si256((__m256i *)(place), (__m256i)(vector))
#define MEASURE_FENCE()               _mm_sfence()
#include "measure_kernels.h"

#define MEASURE_BYTES                 64
#define MEASURE_NAME(name)            name##_64
#define MEASURE_TARGET                __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma")))
#define MEASURE_STREAM(place, vector) _mm512_stream_si512((__m512i *)(place), (__m512i)(vector))
#define MEASURE_FENCE()               _mm_sfence()
#include "measure_kernels.h"
#endif

static const struct measure_kernels *choose_kernels(int64_t vector_bytes)
{
#if defined(__x86_64__)
    if (vector_bytes == 64)
        return &kernels_64;
    if (vector_bytes == 32)
        return &kernels_32;
#endif
    (void)vector_bytes;
    return &kernels_16;
}

/* ---- the best of several runs ---- */

/* One run of some work, so often; what it gives is stored where it is not optimised away. */
struct work {
    double (*run)(const struct work *work, size_t times);
    peak_kernel *peak;
    memory_kernel *sweep;
    void *memory;
    size_t bytes;
    int64_t threads;
};
static const double shortest_run = 4e-3; /* the clock and an interrupt are lost in it */
enum { RUNS = 6, ROUNDS = 5 };

static double timed(const struct work *work, size_t times)
{
    static const double first = 0.999;
    volatile double kept = first;
    double start = timing_now();
    kept = work->run(work, times);
    (void)kept;
    return timing_now() - start;
}

/* Seconds of one time. */
static double best_time(const struct work *work)
{
    size_t times = 1;
    double best = timed(work, times);
    while (best < shortest_run && times < (size_t)1 << 40) {
        times *= 2;
        best = timed(work, times);
    }
    for (int k = 0; k < RUNS; k++)
        best = fmin(best, timed(work, times));
    return best / (double)times;
}

static double run_peak(const struct work *work, size_t times)
{
    return work->peak(times, 0.999);
}

/* The compiler must not know that two sweeps do the same. */
static double run_sweep(const struct work *work, size_t times)
{
    memory_kernel *volatile sweep = work->sweep;
    double sum = 0;
    for (size_t k = 0; k < times; k++)
        sum += sweep(work->memory, work->bytes);
    return sum;
}

/* STEPS additions that wait for each other, one a cycle: the clock. Of two registers, as some cores add constants for nothing;
 * written out, as a loop around one addition may take longer than it. */
static double run_additions(const struct work *work, size_t times)
{
    size_t sum = work->bytes, step = times;
#define ADDITION                                                                                                                   \
    sum += step;                                                                                                                   \
    __asm__ volatile("" : "+r"(sum), "+r"(step));
#define FOUR_ADDITIONS ADDITION ADDITION ADDITION ADDITION
    _Static_assert(STEPS == 12, "three times four");
    for (size_t k = 0; k < times; k++) {
        FOUR_ADDITIONS
        FOUR_ADDITIONS
        FOUR_ADDITIONS
    }
#undef FOUR_ADDITIONS
#undef ADDITION
    return (double)sum;
}

static double run_exp(const struct work *work, size_t times)
{
    double sum = 0;
    for (size_t k = 0; k < times; k++)
        sum += exp((double)(k & 1023) * 0x1p-8 - 2);
    return sum + (double)work->bytes;
}

#ifdef _OPENMP
/* Teams that do next to nothing, in lines of memory of their own. */
static double run_teams(const struct work *work, size_t times)
{
    double *slots = work->memory;
    size_t threads = (size_t)work->threads, line = 128 / sizeof *slots;
    for (size_t k = 0; k < times; k++) {
#pragma omp parallel for num_threads((int)threads) schedule(static, 1)
        for (size_t thread = 0; thread < threads; thread++)
            slots[thread * line] += 1;
    }
    return slots[0];
}
#endif

/* ---- filling in a description ---- */

/* Three digits: the others are noise. */
static double rounded(double rate)
{
    char digits[32]; /* as text, so that what is printed reads back as the same number */
    snprintf(digits, sizeof digits, "%.2e", rate);
    return strtod(digits, NULL);
}

static double sweep_rate(memory_kernel *sweep, void *memory, size_t bytes)
{
    struct work work = {.run = run_sweep, .sweep = sweep, .memory = memory, .bytes = bytes};
    return rounded((double)bytes / best_time(&work));
}

static void measure_peaks(const struct measure_kernels *kernels, struct machine *machine)
{
    const struct work f64 = {.run = run_peak, .peak = kernels->peak_f64}, f32 = {.run = run_peak, .peak = kernels->peak_f32},
                      chain = {.run = run_peak, .peak = kernels->chain_f64}, additions = {.run = run_additions},
                      functions = {.run = run_exp};
    double f64_time = INFINITY, f32_time = INFINITY, chain_time = INFINITY, cycle = INFINITY;
    for (int turn = 0; turn < ROUNDS; turn++) { /* in turn: what else runs slows them alike, and ratios of them are wanted */
        cycle = fmin(cycle, best_time(&additions) / STEPS);
        f64_time = fmin(f64_time, best_time(&f64));
        chain_time = fmin(chain_time, best_time(&chain));
        f32_time = fmin(f32_time, best_time(&f32));
    }
    machine->flop_rate_f64 = rounded(2 * STEPS * (double)(kernels->bytes / sizeof(double)) / f64_time);
    machine->flop_rate_f32 = rounded(2 * STEPS * (double)(kernels->bytes / sizeof(float)) / f32_time);
    machine->fma_ports = (int64_t)fmax(round(STEPS * cycle / f64_time), 1);
    machine->fma_latency = (int64_t)fmax(round(chain_time / STEPS / cycle), 1);
    machine->function_rate = rounded(1 / best_time(&functions));
}

/* As many threads as cores, in turn with nothing else; one core has no teams. */
static void measure_teams(struct machine *machine, void *memory, size_t size)
{
#ifdef _OPENMP
    const struct work teams = {.run = run_teams, .memory = memory, .threads = machine->cores};
    if (machine->cores > 1 && (size_t)machine->cores <= size / 128)
        machine->team_rate = rounded(1 / best_time(&teams));
#else
    (void)machine, (void)memory, (void)size;
#endif
}

static size_t whole_lines(int64_t bytes)
{
    return (size_t)bytes / 4096 * 4096;
}

/* Half a cache holds the buffer and what else there is; of the outer ones the inner part must not do the work. */
static double cache_rate(const struct measure_kernels *kernels, void *memory, size_t room, int64_t inner, int64_t cache,
                         double otherwise)
{
    size_t bytes = whole_lines(cache / 2 > 2 * inner ? cache / 2 : cache / 4 * 3);
    bytes = bytes < room ? bytes : room;
    return cache > inner && bytes ? sweep_rate(kernels->read, memory, bytes) : otherwise;
}

/* Eight times the last cache, all shares of it, within 256 to 512 MiB and a quarter of the memory there is. */
static size_t memory_size(int64_t cache)
{
    const int64_t least = 256 << 20, most = 512 << 20;
    int64_t size = 8 * cache, there = (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE) / 4;
    size = size < least ? least : size > most ? most : size;
    return whole_lines(there > 0 && there < size ? there : size);
}

static int64_t last_cache(const struct machine *machine)
{
    return machine->l3_bytes ? machine->l3_bytes : machine->l2_bytes ? machine->l2_bytes : machine->l1_bytes;
}

bool measure_rates(struct machine *machine)
{
    const struct measure_kernels *kernels = choose_kernels(machine->vector_bytes);
    size_t size = memory_size(last_cache(machine) * machine->cores);
    void *memory;
    if (posix_memalign(&memory, 4096, size) != 0)
        return false;
    memset(memory, 1, size); /* pages are there before anything is timed */
    measure_peaks(kernels, machine);
    measure_teams(machine, memory, size);
    machine->read_rate = sweep_rate(kernels->read, memory, size);
    machine->write_rate = sweep_rate(kernels->write, memory, size);
    machine->stream_rate = sweep_rate(kernels->stream, memory, size);
    machine->l3_rate = cache_rate(kernels, memory, size, machine->l2_bytes, machine->l3_bytes, machine->read_rate);
    machine->l2_rate = cache_rate(kernels, memory, size, machine->l1_bytes, machine->l2_bytes, machine->l3_rate);
    machine->l1_rate = cache_rate(kernels, memory, size, 0, machine->l1_bytes, machine->l2_rate);
    free(memory);
    return true;
}
