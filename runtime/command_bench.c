/* einc bench: times a kernel on random input at given or typical sizes. Each measurement repeats the kernel until it lasts 10 ms,
 * so that the clock does not show; the median and the spread (10th to 90th percentile) over the measurements are printed. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double least_duration = 0.01;

static bool measure_all(const struct timed *bench, double *times, size_t count)
{
    size_t calls = timing_calls(bench, least_duration);
    for (size_t k = 0; k < count; k++) {
        times[k] = calls ? timing_measure(bench, calls) : -1;
        if (times[k] < 0)
            return false;
    }
    timing_sort(times, count);
    return true;
}

static void print_times(const struct pass_kernel *kernel, const char *engine, const int64_t *dims, const double *times,
                        size_t count)
{
    double sizes[256], median = times[count / 2];
    const struct poly *flops = kernel->loops ? kernel->loops->work.flops : NULL;
    uint32_t n_dims = ir_dim_count(kernel->context);
    printf("%-16s %-4s median %.3g s, 10%%..90%% %.3g..%.3g s", kernel->kernel->name, engine, median, times[count / 10],
           times[count - 1 - count / 10]);
    for (uint32_t k = 0; k < n_dims && n_dims <= 256; k++)
        sizes[k] = (double)dims[k];
    if (flops && n_dims <= 256)
        printf(", %.3g GFLOP/s", poly_estimate(flops, sizes, NULL) / median * 1e-9);
    printf("\n");
}

static bool bench_kernel(struct invocation *invocation, struct compiled *compiled, struct timed *bench, size_t count)
{
    double *times = ARENA_ARRAY(ir_arena(invocation->context), count, double);
    if (!times || !timing_prepare(invocation, compiled->program->kernels[bench->kernel], bench) ||
        !measure_all(bench, times, count))
        return false;
    print_times(&compiled->kernels[bench->kernel], bench->info->name, bench->dims, times, count);
    return true;
}

int command_bench(struct invocation *invocation, int argc, char **argv)
{
    const char *engine = "c";
    int64_t repeat = 21;
    const struct option options[] = {{"--engine", OPTION_TEXT, &engine}, {"--repeat", OPTION_INTEGER, &repeat}};
    if (!options_parse(invocation, argc, argv, options, 2))
        return EXIT_USAGE;
    struct timed bench = {.info = engine_find(engine)};
    if (invocation->count < 1 || invocation->count > 2)
        return usage_error("bench needs a .ein file");
    if (!bench.info)
        return usage_no_engine(engine);
    if (repeat < 1 || repeat > 100000)
        return usage_error("--repeat is from 1 to 100000");
    struct compiled *compiled = input_compile(invocation, invocation->words[0]);
    int only = compiled && invocation->count == 2 ? input_kernel(invocation, compiled->program, invocation->words[1]) : -1;
    if (!compiled || (invocation->count == 2 && only < 0))
        return input_finish(invocation, EXIT_INPUT);
    bench.engine = bench.info->create(compiled, &invocation->engine);
    bool good = bench.engine != NULL;
    for (size_t k = 0; k < compiled->n_kernels && good; k++) {
        bench.kernel = k;
        if (only < 0 || (size_t)only == k)
            good = bench_kernel(invocation, compiled, &bench, (size_t)repeat);
    }
    bench.info->destroy(bench.engine);
    return input_finish(invocation, good ? EXIT_DONE : EXIT_INPUT);
}
