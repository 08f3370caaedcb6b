/* einc check: every engine against the reference on random input.
 *
 * The tolerance is that of the kernel's numeric class: componentwise c * k * eps * sum|products| with k the longest sum, both from
 * the reference's bound arithmetic (IR_EVAL_BOUND); eps that of the output's type. Integer and bool outputs must agree exactly. */
#include "command.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Reordered sums, pairwise products and a handful of functions of a few ulps each stay well below this (docs/command.md). */
static const double class_factor = 8.0;

struct comparison {
    double worst; /* largest error in units of the tolerance */
    size_t at;
};

/* Real and imaginary parts count one by one. */
static double component(const struct ir_tensor *tensor, size_t at)
{
    return ir_number_load(ir_elem_real(tensor->elem), tensor->data, at).re;
}

static bool same_double(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* `bound` holds one magnitude an element. */
static struct comparison compare_floats(const struct ir_tensor *wanted, const struct ir_tensor *got, const struct ir_tensor *bound,
                                        double longest, double slack)
{
    struct comparison comparison = {0, 0};
    size_t width = ir_elem_is_complex(wanted->elem) ? 2 : 1;
    double eps = ir_elem_epsilon(wanted->elem);
    for (size_t k = 0; k < npy_element_count(wanted) * width; k++) {
        double a = component(wanted, k), b = component(got, k);
        if (same_double(a, b))
            continue;
        double tolerance = class_factor * longest * eps * ((const double *)bound->data)[k / width] + slack + DBL_MIN;
        double error = fabs(a - b) / tolerance;
        if (!(error <= comparison.worst))
            comparison = (struct comparison){isnan(error) ? INFINITY : error, k / width};
    }
    return comparison;
}

static struct comparison compare_exactly(const struct ir_tensor *wanted, const struct ir_tensor *got)
{
    size_t bytes = ir_elem_info(wanted->elem)->bytes;
    for (size_t k = 0; k < npy_element_count(wanted); k++)
        if (memcmp((const char *)wanted->data + k * bytes, (const char *)got->data + k * bytes, bytes) != 0)
            return (struct comparison){INFINITY, k};
    return (struct comparison){0, 0};
}

struct reference {
    struct ir_tensor *values, *bounds;
    double *longest;     /* sums, one an output */
    const double *slack; /* of each output, that approximations make of it at most; NULL: there are none */
};

static bool make_reference(struct invocation *invocation, const struct ir_kernel *kernel, const int64_t *dims,
                           const struct ir_tensor *inputs, struct reference *reference)
{
    struct arena *arena = ir_arena(invocation->context);
    reference->values = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    reference->bounds = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    reference->longest = ARENA_ARRAY(arena, kernel->n_outputs, double);
    return reference->values && reference->bounds && reference->longest &&
           ir_eval(invocation->context, kernel, IR_EVAL_NUMBERS, dims, inputs, reference->values, NULL) == EINC_OK &&
           ir_eval(invocation->context, kernel, IR_EVAL_BOUND, dims, inputs, reference->bounds, reference->longest) == EINC_OK;
}

static bool check_outputs(const struct ir_kernel *kernel, const char *engine, const struct reference *reference,
                          const struct ir_tensor *outputs)
{
    bool good = true;
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        bool real = ir_elem_is_float(outputs[k].elem) || ir_elem_is_complex(outputs[k].elem);
        struct comparison comparison = real ? compare_floats(&reference->values[k], &outputs[k], &reference->bounds[k],
                                                             reference->longest[k], reference->slack ? reference->slack[k] : 0)
                                            : compare_exactly(&reference->values[k], &outputs[k]);
        printf("%-16s %-12s %-4s %s", kernel->name, kernel->outputs[k].name, engine, comparison.worst <= 1 ? "ok" : "WRONG");
        if (real)
            printf("   error %.2g of the tolerance", comparison.worst);
        if (comparison.worst > 1)
            printf("   first at element %zu", comparison.at);
        printf("\n");
        good = good && comparison.worst <= 1;
    }
    return good;
}

struct check {
    const char *engine; /* NULL: all */
    uint64_t seed;
};

static int check_kernel(struct invocation *invocation, struct compiled *compiled, const struct engine_info *info,
                        struct engine *engine, size_t kernel, const struct check *check)
{
    const struct ir_kernel *source = compiled->program->kernels[kernel];
    int64_t *dims = dims_small(invocation, source);
    struct ir_tensor *inputs = dims ? arrays_random(invocation, source, dims, check->seed) : NULL;
    struct ir_tensor *outputs = ARENA_ARRAY(ir_arena(invocation->context), source->n_outputs, struct ir_tensor);
    struct reference reference = {0};
    const struct ir_tensor *laid = inputs && info->strided ? layout_inputs(invocation->context, source, dims, inputs) : inputs;
    if (!laid || !outputs || !binding_outputs(invocation->context, source, dims, outputs) ||
        !make_reference(invocation, source, dims, inputs, &reference) || info->run(engine, kernel, dims, laid, outputs) != EINC_OK)
        return EXIT_INPUT;
    return check_outputs(source, info->name, &reference, outputs) ? EXIT_DONE : EXIT_CHECK;
}

static int check_engine(struct invocation *invocation, struct compiled *compiled, const struct engine_info *info, int only,
                        const struct check *check)
{
    struct engine *engine = info->create(compiled, &invocation->engine);
    int status = engine ? EXIT_DONE : EXIT_INPUT;
    for (size_t k = 0; k < compiled->n_kernels && engine; k++) {
        if (only >= 0 && (size_t)only != k)
            continue;
        int result = check_kernel(invocation, compiled, info, engine, k, check);
        status = result > status ? result : status;
    }
    info->destroy(engine);
    return status;
}

/* ---- schedules on ciphertexts, in clear slots ---- */

static double *in_double(struct ir_context *context, const struct ir_tensor *tensor)
{
    double *numbers = ARENA_ARRAY(ir_arena(context), npy_element_count(tensor), double);
    for (size_t k = 0; numbers && k < npy_element_count(tensor); k++)
        numbers[k] = ir_number_load(tensor->elem, tensor->data, k).re;
    return numbers;
}

static bool run_schedule(struct ir_context *context, const struct ir_kernel *kernel, const struct slot_program *program,
                         const struct ir_tensor *inputs, struct ir_tensor *outputs)
{
    const double **in = ARENA_ARRAY(ir_arena(context), program->n_inputs + 1, const double *);
    double **out = ARENA_ARRAY(ir_arena(context), program->n_outputs + 1, double *);
    if (!in || !out)
        return false;
    for (size_t k = 0; k < program->n_inputs; k++)
        for (uint32_t input = 0; input < kernel->n_inputs; input++)
            if (strcmp(program->inputs[k].name, kernel->inputs[input].name) == 0)
                in[k] = in_double(context, &inputs[input]);
    for (size_t k = 0; k < program->n_outputs; k++)
        out[k] = in_double(context, &outputs[k]);
    if (slot_eval(program, in, out, NULL) != EINC_OK)
        return false;
    for (size_t k = 0; k < program->n_outputs; k++)
        for (size_t e = 0; e < npy_element_count(&outputs[k]); e++)
            ir_number_store(ir_number_real(outputs[k].elem, out[k][e]), outputs[k].data, e);
    return true;
}

/* Random numbers from [-1, 1] are moved to the range that is promised of the input. */
static void keep_ranges(const struct packing_options *options, const struct ir_kernel *kernel, struct ir_tensor *inputs)
{
    for (uint32_t input = 0; input < kernel->n_inputs; input++)
        for (size_t k = 0; k < options->n_ranges; k++) {
            const struct packing_range *range = &options->ranges[k];
            struct ir_tensor *tensor = &inputs[input];
            if (strcmp(range->name, kernel->inputs[input].name) != 0)
                continue;
            for (size_t e = 0; e < npy_element_count(tensor); e++) {
                double t = ir_number_load(tensor->elem, tensor->data, e).re;
                double x = range->low / 2 * (1 - t) + range->high / 2 * (1 + t);
                ir_number_store(ir_number_real(tensor->elem, x), tensor->data, e);
            }
        }
}

static int check_schedule(struct invocation *invocation, const struct ir_kernel *kernel, const struct packing_result *packed,
                          const struct check *check)
{
    const struct slot_program *program = packed->program;
    struct ir_context *context = invocation->context;
    int64_t *dims = dims_small(invocation, kernel);
    struct ir_tensor *inputs = dims ? arrays_random(invocation, kernel, dims, check->seed) : NULL;
    struct ir_tensor *outputs = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct reference reference = {.slack = packed->errors};
    if (!inputs)
        return EXIT_INPUT;
    keep_ranges(&invocation->compile.packing, kernel, inputs);
    if (!outputs || !binding_outputs(context, kernel, dims, outputs) ||
        !make_reference(invocation, kernel, dims, inputs, &reference) || !slot_verify(program, NULL) ||
        !run_schedule(context, kernel, program, inputs, outputs))
        return EXIT_INPUT;
    return check_outputs(kernel, "he", &reference, outputs) ? EXIT_DONE : EXIT_CHECK;
}

static int check_schedules(struct invocation *invocation, const struct check *check)
{
    struct ir_program *program = input_program(invocation, invocation->words[0]);
    if (!invocation->compile.packing.slots)
        invocation->compile.packing.slots = PACKING_SLOTS;
    int only = program && invocation->count == 2 ? input_kernel(invocation, program, invocation->words[1]) : -1;
    if (!program || (invocation->count == 2 && only < 0))
        return EXIT_INPUT;
    if (only >= 0) {
        program->kernels[0] = program->kernels[only];
        program->n_kernels = 1;
    }
    invocation->compile.packing.assumed = 1; /* as random inputs are */
    const struct packing_result *packed = compile_packing(program, &invocation->compile);
    int status = packed ? EXIT_DONE : EXIT_INPUT;
    for (size_t k = 0; packed && k < program->n_kernels; k++) {
        int result = check_schedule(invocation, program->kernels[k], &packed[k], check);
        status = result > status ? result : status;
    }
    return status;
}

int command_check(struct invocation *invocation, int argc, char **argv)
{
    struct check check = {.seed = 1};
    int64_t seed = 1;
    const struct option options[] = {{"--seed", OPTION_INTEGER, &seed}, {"--engine", OPTION_TEXT, &check.engine}};
    if (!options_parse(invocation, argc, argv, options, 2))
        return EXIT_USAGE;
    if (invocation->count < 1 || invocation->count > 2)
        return usage_error("check needs a .ein file");
    bool on_ciphertexts = check.engine && strcmp(check.engine, "he") == 0;
    if (check.engine && !on_ciphertexts && !engine_find(check.engine))
        return usage_no_engine(check.engine);
    check.seed = (uint64_t)seed;
    if (on_ciphertexts)
        return input_finish(invocation, check_schedules(invocation, &check));
    struct compiled *compiled = input_compile(invocation, invocation->words[0]);
    int only = compiled && invocation->count == 2 ? input_kernel(invocation, compiled->program, invocation->words[1]) : -1;
    if (!compiled || (invocation->count == 2 && only < 0))
        return input_finish(invocation, EXIT_INPUT);
    size_t count;
    const struct engine_info *engines = engine_table(&count);
    int status = EXIT_DONE;
    for (size_t k = 0; k < count; k++) {
        if (check.engine ? strcmp(check.engine, engines[k].name) != 0 : strcmp("ref", engines[k].name) == 0)
            continue;
        int result = check_engine(invocation, compiled, &engines[k], only, &check);
        status = result > status ? result : status;
    }
    return input_finish(invocation, status);
}
