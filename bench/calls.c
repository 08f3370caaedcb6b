/* What a call of a compiled kernel costs beside its work: nanoseconds of the raw function, of einc_kernel_run and of einc_einsum
 * with a kernel that is kept, on the same tensors, 4 by 4 each.
 *
 *     build/bench/bench_calls [ENGINE ...]
 *
 * Medians of rounds in which the three take turns; what a call costs beyond the raw function is in the last columns. Times are of
 * the processor, so that other work on the machine does not count. */
#include "runtime/einc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 201, CALLS = 2000, WAYS = 3 };

struct calls {
    struct einc_context *context;
    const struct einc_kernel *kernel;
    void (*function)(const double *, const double *, double *);
    const DLTensor *tensors[3];
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return 1e9 * (double)time.tv_sec + (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* False: a call failed. */
static bool call(const struct calls *calls, int way)
{
    bool good = true;
    for (int k = 0; k < CALLS; k++)
        if (way == 0)
            calls->function(calls->tensors[0]->data, calls->tensors[1]->data, calls->tensors[2]->data);
        else if (way == 1)
            good &= einc_kernel_run(calls->kernel, 3, calls->tensors, NULL) == EINC_OK;
        else
            good &= einc_einsum(calls->context, "ij,jk->ik", 2, calls->tensors, calls->tensors[2]) == EINC_OK;
    return good;
}

static bool measure(const struct calls *calls, const char *engine)
{
    static double times[WAYS][ROUNDS];
    bool good = true;
    for (int way = 0; way < WAYS; way++)
        good = good && call(calls, way);
    for (int round = 0; round < ROUNDS && good; round++)
        for (int way = 0; way < WAYS; way++) {
            double begin = now();
            good &= call(calls, way);
            times[way][round] = (now() - begin) / CALLS;
        }
    for (int way = 0; way < WAYS; way++)
        qsort(times[way], ROUNDS, sizeof *times[way], compare);
    double raw = times[0][ROUNDS / 2], run = times[1][ROUNDS / 2], einsum = times[2][ROUNDS / 2];
    printf("%-5s raw %6.1f   run %6.1f   einsum %6.1f ns; beside the kernel: run %6.1f (300 wanted), einsum %6.1f (1000 wanted)\n",
           engine, raw, run, einsum, run - raw, einsum - raw);
    return good;
}

static bool run(const char *engine)
{
    double A[16] = {1, 2, 3, 4}, B[16] = {5, 6, 7, 8}, C[16];
    int64_t shape[2] = {4, 4};
    DLTensor a = {.data = A, .device = {kDLCPU, 0}, .ndim = 2, .dtype = {kDLFloat, 64, 1}, .shape = shape}, b = a, c = a;
    b.data = B;
    c.data = C;
    const struct einc_options options = {.size = sizeof options, .engine = engine};
    struct calls calls = {.context = einc_context_create(NULL, &options), .tensors = {&a, &b, &c}};
    struct einc_program *program = NULL;
    bool good = calls.context && einc_compile_einsum(calls.context, "ij,jk->ik", 2, calls.tensors, NULL, &program) == EINC_OK &&
                einc_find_kernel(program, NULL, &calls.kernel) == EINC_OK;
    /* waits for the better code of `auto` */
    calls.function = good ? (void (*)(const double *, const double *, double *))einc_kernel_function(calls.kernel) : NULL;
    good = good && calls.function && measure(&calls, engine);
    if (!good)
        fprintf(stderr, "%s: a kernel was not compiled, or not run\n", engine);
    einc_program_destroy(program);
    einc_context_destroy(calls.context);
    return good;
}

int main(int argc, char **argv)
{
    bool good = true;
    for (int k = 1; k < argc; k++)
        good &= run(argv[k]);
    for (const char *const *engine = einc_engines(); *engine && argc == 1; engine++)
        if (strcmp(*engine, EINC_ENGINE_REFERENCE) != 0)
            good &= run(*engine);
    return good ? 0 : 1;
}
