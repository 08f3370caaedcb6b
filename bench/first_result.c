/* Engine `auto` beside the two it is made of: microseconds from source to the first result, against `tcc`, and of a call when the
 * better code is there, against `llvm`.
 *
 *     build/bench/bench_first_result [--rounds=N]
 *
 * Times pass on the clock, since another thread is at work while `auto` answers: run it where little else runs. Beside the ratio of
 * those stands that of the processor's time of the calling thread. The engines take turns in every round, in contexts of their own;
 * medians. */
#include "runtime/einc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROUNDS = 1000, MOST_TENSORS = 4, SIDE = 128, CALLS = 20, LONG = 500 /* us */ };

static const struct {
    const char *name, *text;
    int n_tensors;
    int64_t sides[MOST_TENSORS][2]; /* 0: the tensor has no such axis */
} cases[] = {
    {"chain 64",
     "kernel f(A: f64[64,64], B: f64[64,64], C: f64[64,64]) -> (Y: f64[64,64]) { Y[i,l] = A[i,j] * B[j,k] * C[k,l] }\n",
     4,
     {{64, 64}, {64, 64}, {64, 64}, {64, 64}}},
    {"matmul 128",
     "kernel f(A: f64[128,128], B: f64[128,128]) -> (C: f64[128,128]) { C[i,j] = A[i,k] * B[k,j] }\n",
     3,
     {{128, 128}, {128, 128}, {128, 128}}},
    {"matvec 16", "kernel f(A: f64[16,16], x: f64[16]) -> (y: f64[16]) { y[i] = A[i,k] * x[k] }\n", 3, {{16, 16}, {16}, {16}}},
    {"axpy n",
     "dim n\nkernel f(x: f64[n], y: f64[n]) -> (z: f64[n]) { z[i] = 2.0 * x[i] + y[i] }\n",
     3,
     {{SIDE * SIDE}, {SIDE * SIDE}, {SIDE * SIDE}}},
    {"softmax",
     "dim n\nkernel f(x: f64[n,64]) -> (y: f64[n,64]) {\n    let m[i] = max[j](x[i,j])\n    let e[i,j] = exp(x[i,j] - m[i])\n"
     "    y[i,j] = e[i,j] / sum[k](e[i,k])\n}\n",
     2,
     {{64, 64}, {64, 64}}},
};
enum { CASES = sizeof cases / sizeof *cases };

static double data[MOST_TENSORS][SIDE * SIDE];

struct call {
    DLTensor tensors[MOST_TENSORS];
    int64_t sides[MOST_TENSORS][2];
    const DLTensor *pointers[MOST_TENSORS];
};

static void prepare(struct call *call, size_t at)
{
    for (int k = 0; k < cases[at].n_tensors; k++) {
        memcpy(call->sides[k], cases[at].sides[k], sizeof call->sides[k]);
        call->tensors[k] = (DLTensor){.data = data[k],
                                      .device = {kDLCPU, 0},
                                      .ndim = call->sides[k][1] ? 2 : 1,
                                      .dtype = {kDLFloat, 64, 1},
                                      .shape = call->sides[k]};
        call->pointers[k] = &call->tensors[k];
    }
}

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return 1e6 * (double)time.tv_sec + 1e-3 * (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
    return times[count / 2];
}

static bool run(const struct einc_kernel *kernel, size_t at, const struct call *call)
{
    return einc_kernel_run(kernel, (size_t)cases[at].n_tensors, call->pointers, NULL) == EINC_OK;
}

/* Of one call, of as many as take long enough to be measured; the first ones are for the caches. Negative: a call failed. */
static double steady(const struct einc_kernel *kernel, size_t at, const struct call *call)
{
    bool good = true;
    for (int k = 0; k < CALLS; k++)
        good &= run(kernel, at, call);
    double begin = now(CLOCK_MONOTONIC);
    size_t calls = 0;
    while (now(CLOCK_MONOTONIC) - begin < LONG)
        for (int k = 0; k < CALLS; k++, calls++)
            good &= run(kernel, at, call);
    return good ? (now(CLOCK_MONOTONIC) - begin) / (double)calls : -1;
}

/* Microseconds: from source to the first result on the clock and of the thread, and of a call later. */
enum { FIRST, OWN, LATER, TIMES };

/* After a pause, so that no engine is put off by the system for what the one before took. False: something failed. */
static bool first_result(struct einc_context *context, size_t at, const struct call *call, double times[TIMES])
{
    struct einc_program *program;
    const struct einc_kernel *kernel;
    nanosleep(&(struct timespec){0, 5000000}, NULL);
    double begin = now(CLOCK_MONOTONIC), own = now(CLOCK_THREAD_CPUTIME_ID);
    if (einc_compile(context, cases[at].text, NULL, &program) != EINC_OK)
        return false;
    bool good = einc_find_kernel(program, NULL, &kernel) == EINC_OK && run(kernel, at, call);
    times[OWN] = now(CLOCK_THREAD_CPUTIME_ID) - own;
    times[FIRST] = now(CLOCK_MONOTONIC) - begin;
    good = good && einc_kernel_function(kernel); /* waits for the better code */
    times[LATER] = good ? steady(kernel, at, call) : -1;
    einc_program_destroy(program);
    return good && times[LATER] > 0;
}

static struct einc_context *context_on(const char *engine)
{
    const struct einc_options options = {.size = sizeof options, .engine = engine};
    return einc_context_create(NULL, &options);
}

static bool measure(size_t at, struct einc_context *const *contexts, size_t rounds)
{
    enum { TCC, LLVM, AUTO, ENGINES };
    static double taken[ENGINES][TIMES][MOST_ROUNDS];
    double times[TIMES], medians[ENGINES][TIMES];
    struct call call;
    prepare(&call, at);
    for (size_t round = 0; round <= rounds; round++) /* the first loads libraries, and does not count */
        for (int engine = 0; engine < ENGINES; engine++) {
            if (!first_result(contexts[engine], at, &call, times))
                return false;
            for (int k = 0; k < TIMES; k++)
                taken[engine][k][round ? round - 1 : 0] = times[k];
        }
    for (int engine = 0; engine < ENGINES; engine++)
        for (int k = 0; k < TIMES; k++)
            medians[engine][k] = median(taken[engine][k], rounds);
    printf("%-11s first result: auto %7.1f us, tcc %7.1f: %.2f (1.2 wanted; thread %.2f)   steady: auto %7.2f us, llvm %7.2f: %.2f "
           "(1.2 "
           "wanted)\n",
           cases[at].name, medians[AUTO][FIRST], medians[TCC][FIRST], medians[AUTO][FIRST] / medians[TCC][FIRST],
           medians[AUTO][OWN] / medians[TCC][OWN], medians[AUTO][LATER], medians[LLVM][LATER],
           medians[AUTO][LATER] / medians[LLVM][LATER]);
    return true;
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 && strncmp(argv[1], "--rounds=", 9) == 0 ? strtoul(argv[1] + 9, NULL, 10) : 31;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        return 2;
    struct einc_context *contexts[] = {context_on(EINC_ENGINE_TCC), context_on(EINC_ENGINE_LLVM), context_on(EINC_ENGINE_AUTO)};
    bool good = contexts[0] && contexts[1] && contexts[2];
    for (size_t at = 0; at < CASES && good; at++)
        good = measure(at, contexts, rounds);
    if (!good)
        fprintf(stderr, "a kernel was not compiled or not run: all of tcc, llvm and auto are needed\n");
    for (size_t k = 0; k < sizeof contexts / sizeof *contexts; k++)
        einc_context_destroy(contexts[k]);
    return good ? 0 : 1;
}
