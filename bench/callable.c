/* From source to something that can be called, in memory: milliseconds of the front end and passes, and of each engine, medians.
 *
 *     build/bench/bench_callable [--rounds=N] [--target=NAME] [ENGINE ...]
 *
 * Each round has a context of its own. Times are of the processor, all threads and child processes that were waited for added up,
 * so that other work on the machine does not count. */
#include "runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
    const char *name, *text;
} cases[] = {
    {"chain 64",
     "kernel f(A: f64[64,64], B: f64[64,64], C: f64[64,64]) -> (Y: f64[64,64]) { Y[i,l] = A[i,j] * B[j,k] * C[k,l] }\n"},
    {"matmul 128", "kernel f(A: f64[128,128], B: f64[128,128]) -> (C: f64[128,128]) { C[i,j] = A[i,k] * B[k,j] }\n"},
    {"matmul n", "dim n\nkernel f(A: f64[n,n], B: f64[n,n]) -> (C: f64[n,n]) { C[i,j] = A[i,k] * B[k,j] }\n"},
    {"axpy n", "dim n\nkernel f(a: f64, x: f64[n], y: f64[n]) -> (z: f64[n]) { z[i] = a * x[i] + y[i] }\n"},
    {"softmax",
     "dim n\nkernel f(x: f32[n,64]) -> (y: f32[n,64]) {\n    let m[i] = max[j](x[i,j])\n    let e[i,j] = exp(x[i,j] - m[i])\n"
     "    y[i,j] = e[i,j] / sum[k](e[i,k])\n}\n"},
};
enum { CASES = sizeof cases / sizeof *cases, MOST_ROUNDS = 1000 };

static double milliseconds(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return 1e3 * (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-3 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double now(void)
{
    return milliseconds(RUSAGE_SELF) + milliseconds(RUSAGE_CHILDREN);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* False: a diagnostic was printed. */
static bool measure(const char *text, const struct machine *machine, const struct engine_info *info, double *passes, double *engine)
{
    const struct compile_options options = {.passes = {.machine = *machine}};
    struct source source = {"callable.ein", text, strlen(text)};
    double begin = now();
    struct ir_context *context = ir_context_create(NULL);
    struct compiled *compiled = compile_source(context, &source, &options);
    double middle = now();
    struct engine *made = compiled ? info->create(compiled, NULL) : NULL;
    *engine = now() - middle;
    *passes = middle - begin;
    if (!made) {
        struct text said = text_create(ir_arena(context));
        diag_print(&said, ir_diagnostics(context), false);
        fputs(text_finish(&said), stderr);
    }
    info->destroy(made);
    ir_context_destroy(context);
    return made != NULL;
}

static bool run_cases(const struct machine *machine, const struct engine_info *info, size_t rounds)
{
    static double passes[MOST_ROUNDS], engine[MOST_ROUNDS];
    for (size_t k = 0; k < CASES; k++) {
        double first;
        if (!measure(cases[k].text, machine, info, &passes[0], &first)) /* loads libraries */
            return false;
        for (size_t round = 0; round < rounds; round++)
            if (!measure(cases[k].text, machine, info, &passes[round], &engine[round]))
                return false;
        qsort(passes, rounds, sizeof *passes, compare);
        qsort(engine, rounds, sizeof *engine, compare);
        printf("%-12s %-5s %8.2f passes + %8.2f engine = %8.2f ms, first time %.2f\n", cases[k].name, info->name,
               passes[rounds / 2], engine[rounds / 2], passes[rounds / 2] + engine[rounds / 2], passes[rounds / 2] + first);
    }
    return true;
}

/* For the target that is named, else for what the engine's row says. */
static bool run(const char *target, const struct engine_info *info, size_t rounds)
{
    struct ir_context *context = ir_context_create(NULL);
    struct machine machine;
    struct backend_options ignored = {0};
    bool good = target_choose(context, target ? target : info->target, &machine, &ignored);
    good = good && run_cases(&machine, info, rounds);
    ir_context_destroy(context);
    return good;
}

int main(int argc, char **argv)
{
    const char *target = NULL;
    size_t rounds = 21, count, named = 0;
    const struct engine_info *engines = engine_table(&count);
    for (int k = 1; k < argc; k++)
        if (strncmp(argv[k], "--rounds=", 9) == 0)
            rounds = strtoul(argv[k] + 9, NULL, 10);
        else if (strncmp(argv[k], "--target=", 9) == 0)
            target = argv[k] + 9;
        else
            named++;
    if (rounds < 1 || rounds > MOST_ROUNDS)
        return 2;
    bool good = true;
    for (size_t k = 0; k < count && good; k++) {
        bool wanted = named == 0 && strcmp(engines[k].name, "ref") != 0;
        for (int word = 1; word < argc; word++)
            wanted |= strcmp(argv[word], engines[k].name) == 0;
        good = !wanted || run(target, &engines[k], rounds);
    }
    return good ? 0 : 1;
}
