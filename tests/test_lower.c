/* Lowering keeps meaning: a kernel's nodes and its loops give the same numbers.
 *
 * Polynomial random programs are compared modulo the prime, exactly: a wrong lowering survives with probability below 1e-15. All random
 * programs, with functions, other rings and every type, are compared in numbers, within TOLERANCE of the component-wise magnitude
 * that IR_EVAL_BOUND gives, since sums come in another order. The reference of the loops checks every address and finds reads of what
 * was never written. The seed of a failing program is printed; EINC_SEED=n runs that one alone. */
#include "frontend/frontend.h"
#include "ir/loop.h"
#include "passes/passes.h"
#include "programs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PROGRAMS = 600 };

/* Relative to sum|products|: single precision sums of at most a few hundred terms, through a few stages. */
static const double TOLERANCE = 1e-4;

static const char *const lowering[] = {"fuse", "lower_loops", "plan_memory"};

/* Stops the test with the seed, the kernel, its loops and the diagnostics. */
static void fail_at(struct ir_context *context, const struct pass_kernel *kernel, uint64_t seed, const char *what)
{
    struct text text = text_create(ir_arena(context));
    ir_print_kernel(&text, context, kernel->kernel);
    if (kernel->loops)
        loop_print(&text, context, kernel->loops);
    diag_print(&text, ir_diagnostics(context), false);
    fprintf(stderr, "seed %llu: %s\n%s\n", (unsigned long long)seed, what, text_finish(&text));
    fail();
}

static struct ir_kernel *copy_of(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct ir_kernel *copy = arena_copy(ir_arena(context), kernel, 1, sizeof *kernel);
    copy->outputs = arena_copy(ir_arena(context), kernel->outputs, kernel->n_outputs, sizeof *kernel->outputs);
    copy->names = arena_copy(ir_arena(context), kernel->names, kernel->n_names, sizeof *kernel->names);
    copy->names_capacity = kernel->n_names;
    return copy;
}

static struct pass_kernel lower(struct ir_context *context, const struct ir_kernel *kernel, uint64_t seed)
{
    static const struct pass_options options;
    struct pass_kernel lowered = {.context = context, .kernel = copy_of(context, kernel), .options = &options};
    for (size_t k = 0; k < sizeof lowering / sizeof *lowering; k++)
        if (pass_run(pass_find(lowering[k], strlen(lowering[k])), &lowered) != EINC_OK)
            fail_at(context, &lowered, seed, lowering[k]);
    return lowered;
}

/* ---- comparing ---- */

static double component(enum ir_elem elem, const void *data, size_t at)
{
    switch (elem) {
    case IR_f32:
    case IR_c64: return (double)((const float *)data)[at];
    case IR_f64:
    case IR_c128: return ((const double *)data)[at];
    case IR_i8: return (double)((const int8_t *)data)[at];
    case IR_i16: return (double)((const int16_t *)data)[at];
    case IR_i32: return (double)((const int32_t *)data)[at];
    case IR_i64: return (double)((const int64_t *)data)[at];
    case IR_u16: return (double)((const uint16_t *)data)[at];
    case IR_u32: return (double)((const uint32_t *)data)[at];
    case IR_u64: return (double)((const uint64_t *)data)[at];
    default: return (double)((const uint8_t *)data)[at];
    }
}

static bool close_enough(enum ir_elem elem, double a, double b, double magnitude)
{
    if (ir_elem_info(elem)->kind > IR_KIND_COMPLEX)
        return a == b;
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= TOLERANCE * (magnitude + 1) || !isfinite(magnitude);
}

static size_t elements(const struct ir_tensor *tensor)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        count *= (size_t)tensor->shape[axis];
    return count;
}

static bool same_numbers(const struct ir_tensor *a, const struct ir_tensor *b, const struct ir_tensor *bound)
{
    size_t parts = ir_elem_is_complex(a->elem) ? 2 : 1, count = elements(a);
    for (size_t k = 0; k < count * parts; k++)
        if (!close_enough(a->elem, component(a->elem, a->data, k), component(b->elem, b->data, k),
                          bound ? ((const double *)bound->data)[k / parts] : 0))
            return false;
    return true;
}

static void compare(struct ir_context *context, const struct ir_kernel *kernel, enum ir_arithmetic arithmetic, uint64_t seed)
{
    struct ir_tensor *expected = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *found = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *bound = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct pass_kernel lowered = lower(context, kernel, seed);
    for (uint64_t round = 0; round < 3; round++) {
        int64_t *dims = random_dims(context, seed + 1000 * round);
        struct ir_tensor *inputs = random_inputs(context, kernel, arithmetic, dims, seed + round);
        if (ir_eval(context, kernel, arithmetic, dims, inputs, expected, NULL) != EINC_OK)
            fail_at(context, &lowered, seed, "the kernel has no value");
        if (loop_eval(context, lowered.loops, arithmetic, dims, inputs, found) != EINC_OK)
            fail_at(context, &lowered, seed, "the loops have no value");
        if (arithmetic == IR_EVAL_NUMBERS &&
            ir_eval(context, kernel, IR_EVAL_BOUND, dims, inputs, bound, NULL) != EINC_OK)
            fail_at(context, &lowered, seed, "the kernel has no bound");
        for (uint32_t k = 0; k < kernel->n_outputs; k++)
            if (arithmetic == IR_EVAL_PRIME
                    ? memcmp(expected[k].data, found[k].data, elements(&expected[k]) * 2 * sizeof(uint64_t)) != 0
                    : !same_numbers(&expected[k], &found[k], &bound[k]))
                fail_at(context, &lowered, seed, arena_printf(ir_arena(context), "the loops compute another %s", kernel->outputs[k].name));
    }
}

static void for_each_program(const struct random_options *options, enum ir_arithmetic arithmetic)
{
    const char *only = getenv("EINC_SEED");
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        struct ir_context *context = ir_context_create(NULL);
        struct ir_program *program = random_program(context, seed, options);
        assert_non_null(program);
        if (arithmetic != IR_EVAL_PRIME || ir_is_polynomial(program->kernels[0]))
            compare(context, program->kernels[0], arithmetic, seed);
        ir_context_destroy(context);
    }
}

static void polynomial_programs_exactly(void **state)
{
    (void)state;
    const struct random_options options = {.polynomial_only = true};
    for_each_program(&options, IR_EVAL_PRIME);
}

static void all_programs_in_numbers(void **state)
{
    (void)state;
    for_each_program(NULL, IR_EVAL_NUMBERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polynomial_programs_exactly),
        cmocka_unit_test(all_programs_in_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
