/* Properties of random programs: they verify, mean something, and come through text and through every tensor pass unchanged.
 *
 * Polynomial programs are compared modulo the prime, where a wrong rewrite survives with probability below 1e-15, so there is no
 * tolerance. The seed of a failing program is printed; EINC_SEED=n runs that one alone. */
#include "compare.h"
#include "passes/passes.h"
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* FEW values under passes: flattened, more of them make contractions of 16 operands, whose exact order takes seconds. */
enum { PROGRAMS = 250, FEW = 4 };

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
    ir_print_program(&text, program);
    diag_print(&text, ir_diagnostics(context), false);
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

/* ---- passes ---- */

/* A copy that passes may change. */
static struct ir_kernel *copy_kernel(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct arena *arena = ir_arena(context);
    struct ir_kernel *copy = arena_copy(arena, kernel, 1, sizeof *kernel);
    copy->outputs = arena_copy(arena, kernel->outputs, kernel->n_outputs, sizeof *kernel->outputs);
    copy->names = arena_copy(arena, kernel->names, kernel->n_names, sizeof *kernel->names);
    copy->names_capacity = kernel->n_names;
    return copy;
}

/* What a pass made of a program. */
struct rewritten {
    struct ir_context *context;
    const struct ir_program *program;
    const struct ir_kernel *before, *after;
    uint64_t seed;
    const char *pass;
};

static void differ(const struct rewritten *rewritten, const char *how)
{
    struct text text = text_create(ir_arena(rewritten->context));
    text_printf(&text, "%s: %s\nafter it:\n", rewritten->pass, how);
    ir_print_kernel(&text, rewritten->context, rewritten->after);
    fail_at(rewritten->context, rewritten->program, rewritten->seed, text_finish(&text));
}

/* Modulo the prime: equal, without tolerance. */
static void residues_agree(const struct rewritten *rewritten, const int64_t *dims)
{
    struct ir_context *context = rewritten->context;
    struct ir_tensor first[8], second[8];
    struct ir_tensor *inputs = random_inputs(context, rewritten->before, IR_EVAL_PRIME, dims, rewritten->seed);
    if (ir_eval(context, rewritten->before, IR_EVAL_PRIME, dims, inputs, first, NULL) != EINC_OK ||
        ir_eval(context, rewritten->after, IR_EVAL_PRIME, dims, inputs, second, NULL) != EINC_OK)
        differ(rewritten, "no value modulo the prime");
    for (uint32_t k = 0; k < rewritten->before->n_outputs; k++)
        if (!tensors_same_residues(&first[k], &second[k]))
            differ(rewritten, "another value modulo the prime");
}

/* Class `reassoc`: each side is within longest * roundoff * magnitude of the truth to first order, so twice that apart; the factor
 * 4 leaves as much again for what is of higher order. */
static void numbers_agree(const struct rewritten *rewritten, const int64_t *dims)
{
    struct ir_context *context = rewritten->context;
    struct ir_tensor first[8], second[8], magnitude[8], unused[8];
    double longest[8], longest_after[8], roundoff = kernel_roundoff(context, rewritten->before), worst = 0;
    struct ir_tensor *inputs = random_inputs(context, rewritten->before, IR_EVAL_NUMBERS, dims, rewritten->seed);
    if (ir_eval(context, rewritten->before, IR_EVAL_NUMBERS, dims, inputs, first, NULL) != EINC_OK ||
        ir_eval(context, rewritten->after, IR_EVAL_NUMBERS, dims, inputs, second, NULL) != EINC_OK ||
        ir_eval(context, rewritten->before, IR_EVAL_BOUND, dims, inputs, magnitude, longest) != EINC_OK ||
        ir_eval(context, rewritten->after, IR_EVAL_BOUND, dims, inputs, unused, longest_after) != EINC_OK)
        differ(rewritten, "no value in numbers");
    for (uint32_t k = 0; k < rewritten->before->n_outputs; k++)
        if (!tensors_close(&first[k], &second[k], &magnitude[k], 2 * (longest[k] + longest_after[k] + 1) * roundoff, &worst))
            differ(rewritten, arena_printf(ir_arena(context), "output %u is off by %g of its magnitude, for sums of %g", k, worst,
                                           longest[k]));
}

typedef void agree_function(const struct rewritten *rewritten, const int64_t *dims);

/* Each tensor pass alone, then all in their order. */
static void run_passes(struct ir_context *context, struct ir_program *program, uint64_t seed, agree_function *agree)
{
    size_t count;
    const struct pass_info *passes = pass_table(&count);
    const struct pass_options options = {.machine = *machine_generic(), .no_discovery = true};
    const struct ir_kernel *before = program->kernels[0];
    const int64_t *dims = random_dims(context, seed);
    struct pass_kernel chain = {.context = context, .kernel = copy_kernel(context, before), .options = &options};
    for (size_t k = 0; k < count; k++) {
        if (passes[k].level != PASS_TENSOR)
            continue;
        struct pass_kernel alone = {.context = context, .kernel = copy_kernel(context, before), .options = &options};
        if (pass_run(&passes[k], &alone) != EINC_OK || pass_run(&passes[k], &chain) != EINC_OK)
            fail_at(context, program, seed, passes[k].name);
        agree(&(struct rewritten){context, program, before, alone.kernel, seed, passes[k].name}, dims);
        agree(&(struct rewritten){context, program, before, chain.kernel, seed, passes[k].name}, dims);
    }
}

static void passes_keep_numbers(struct ir_context *context, struct ir_program *program, uint64_t seed)
{
    run_passes(context, program, seed, numbers_agree);
}

static void passes_keep_residues(struct ir_context *context, struct ir_program *program, uint64_t seed)
{
    assert_true(ir_is_polynomial(program->kernels[0]));
    run_passes(context, program, seed, residues_agree);
}

static void tensor_passes_keep_numbers(void **state)
{
    (void)state;
    for_each_program(&(struct random_options){.n_values = FEW}, 1, passes_keep_numbers);
}

static void tensor_passes_keep_residues(void **state)
{
    (void)state;
    for_each_program(&(struct random_options){.kind = RANDOM_POLYNOMIAL, .solves = true, .n_values = FEW}, 10001,
                     passes_keep_residues);
}

/* ---- text ---- */

static const char *print(struct ir_context *context, const struct ir_program *program)
{
    struct text text = text_create(ir_arena(context));
    ir_print_program(&text, program);
    return text_finish(&text);
}

/* What is read in a new context prints the same; read in the same one, it is the same nodes. */
static void round_trips(struct ir_context *context, struct ir_program *program, uint64_t seed)
{
    const char *printed = print(context, program);
    const struct source source = {"random.eir", printed, strlen(printed)};
    struct ir_context *fresh = ir_context_create(NULL);
    struct ir_program *again = ir_read(fresh, &source);
    if (!again)
        fail_at(fresh, program, seed, printed);
    if (strcmp(print(fresh, again), printed) != 0)
        fail_at(fresh, program, seed, print(fresh, again));
    if (!ir_verify(fresh, again->kernels[0]))
        fail_at(fresh, program, seed, "does not verify once read");
    ir_context_destroy(fresh);
    if (ir_dim_count(context) > 0)
        return; /* the text declares its dims anew */
    again = ir_read(context, &source);
    if (!again || !ir_kernel_equal(again->kernels[0], program->kernels[0]))
        fail_at(context, program, seed, printed);
}

static void text_round_trips(void **state)
{
    (void)state;
    for_each_program(NULL, 1, round_trips);
    for_each_program(&(struct random_options){.static_only = true}, 20001, round_trips);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_verify),
        cmocka_unit_test(random_programs_have_a_value),
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(tensor_passes_keep_numbers),
        cmocka_unit_test(tensor_passes_keep_residues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
