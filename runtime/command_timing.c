/* The clock of `run --repeat`, and what `bench` and `tune` measure with it. */
#include "command.h"

#include <stdlib.h>
#include <time.h>

double timing_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

void timing_sort(double *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
}

bool timing_prepare(struct invocation *invocation, const struct ir_kernel *source, struct timed *timed)
{
    int64_t *dims = dims_typical(invocation);
    timed->dims = dims;
    timed->inputs = dims ? arrays_random(invocation, source, dims, 1) : NULL;
    if (timed->inputs && timed->info->strided)
        timed->inputs = layout_inputs(invocation->context, source, dims, timed->inputs);
    timed->outputs = ARENA_ARRAY(ir_arena(invocation->context), source->n_outputs, struct ir_tensor);
    return timed->inputs && timed->outputs && binding_outputs(invocation->context, source, dims, timed->outputs);
}

double timing_measure(const struct timed *timed, size_t calls)
{
    double start = timing_now();
    for (size_t k = 0; k < calls; k++)
        if (timed->info->run(timed->engine, timed->kernel, timed->dims, timed->inputs, timed->outputs) != EINC_OK)
            return -1;
    return (timing_now() - start) / (double)calls;
}

size_t timing_calls(const struct timed *timed, double seconds)
{
    size_t calls = 1;
    double once = timing_measure(timed, 1); /* also touches every page */
    while (once >= 0 && once * (double)calls < seconds && calls < (size_t)1 << 24) {
        calls *= 2;
        once = timing_measure(timed, calls);
    }
    return once < 0 ? 0 : calls;
}
