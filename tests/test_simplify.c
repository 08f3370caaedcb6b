/* The rules of `simplify`, walked from their table: each fires on its example, and does not on a near miss.
 *
 * Random programs keep their value: modulo the prime exactly, and in kernels of class `exact` bit by bit in numbers. Neither has a
 * tolerance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"
#include "passes/passes.h"
#include "programs.h"

struct example {
    const char *rule;
    const char *fires;  /* statements of a kernel over inputs %x: f64[4, 6], %z: c128[4], %n: i64[4], dim N; output %y */
    const char *misses; /* must leave the rule alone */
};

static const struct example examples[] = {
    {"view_whole", "%y = view f64[i: 4, j: 6] of %x[i, j]\n", "%y = view f64[i: 4, j: 5] of %x[i, j]\n"},
    {"view_through", "%a = view f64[i: 6, j: 4] of %x[j, i]\n%y = view f64[i: 4] of %a[2, i]\n",
     /* the inner guard is on x, the outer one on a, which is smaller */
     "%a = view f64[i: 2, j: 6] of %x[i, j]\n%y = view f64[i: 4] of %a[i, 0] pad f64:0.0\n"},
    {"view_of_constant", "%c = const f64[2, 2] {1.0, 2.0, 3.0, 4.0}\n%y = view f64[m: 4] of %c[m mod 2, m div 2]\n",
     "%c = const f64[2, 2] {1.0, 2.0, 3.0, 4.0}\n%y = view f64[m: 8] of %c[m mod 2, m div 2 mod 2]\n"},
    {"view_fill_unneeded", "%y = view f64[i: 3] of %x[i + 1, 0] pad f64:0.0\n",
     "%y = view f64[i: 4] of %x[i + 1, 0] pad f64:0.0\n"},
    {"contract_through",
     "%a = view f64[i: 6, j: 4] of %x[j, i]\n%y = contract plustimes f64[i: 4] sum [j: 6] of (%a[j, i], %x[i, j])\n",
     "%a = view f64[m: 24] of %x[m div 6, m mod 6]\n%y = contract plustimes f64[] sum [m: 24] of (%a[m], %a[m])\n"},
    {"contract_empty", "%y = contract plustimes f64[i: 4] sum [j: 0] of (%x[i, j])\n",
     "%y = contract plustimes f64[i: 4] sum [j: N] of (%v[i, j])\n"},
    {"contract_extent_one", "%y = contract plustimes f64[i: 4] sum [j: 1] of (%x[i, j])\n",
     "%y = contract plustimes f64[i: 1] sum [j: 2] of (%x[i, j])\n"},
    {"contract_unused_index", "%y = contract plustimes f64[i: 4] sum [j: 5] of (%x[i, 0])\n",
     "%y = contract plustimes f64[i: 4] sum [j: N] of (%x[i, 0])\n"},
    {"contract_single", "%y = contract plustimes f64[i: 4] of (%x[i, i])\n",
     "%y = contract plustimes f64[i: 4] of (%x[i, i], %x[i, 0])\n"},
    {"contract_one", "%c = const f64[] {1.0}\n%y = contract plustimes f64[i: 4] sum [j: 6] of (%c, %x[i, j])\n",
     "%c = const f64[6] {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}\n%y = contract plustimes f64[i: 4] sum [j: 6] of (%c[j], %x[i, 0])\n"},
    {"contract_literals",
     "%c = const f64[] {2.0}\n%d = const f64[] {3.0}\n%y = contract plustimes f64[i: 4] of (%c, %d, %x[i, 0])\n",
     "%c = const f64[] {0.1}\n%d = const f64[] {0.3}\n%y = contract plustimes f64[i: 4] of (%c, %d, %x[i, 0])\n"},
    {"contract_delta",
     "%c = const f64[2, 2] {1.0, 0.0, 0.0, 1.0}\n%y = contract plustimes f64[i: 2] sum [j: 2] of (%c[i, j], %x[j, 0])\n",
     "%c = const f64[2, 2] {1.0, 0.0, 0.0, 1.0}\n%y = contract plustimes f64[i: 2, j: 2] of (%c[i, j], %x[j, 0])\n"},
    {"map_through", "%a = view f64[i: 6, j: 4] of %x[j, i]\n%y = map f64[i: 4] of (%a[2, i]) = exp($0)\n",
     "%a = view f64[m: 24] of %x[m mod 4, m div 4]\n%y = map f64[m: 24] of (%a[m]) = exp($0)\n"},
    {"map_operand", "%y = map f64[i: 4] of (%x[i, 1]) = $0\n", "%y = map f64[i: 4] of (%x[i, 1]) = -$0\n"},
    {"map_literal", "%y = map f64[i: 4] of () = f64:3.0\n", "%y = map f64[i: 4] of () = f64(index(i))\n"},
    {"map_scalar", "%c = const f64[] {3.0}\n%y = map f64[i: 4] of (%c, %x[i, 0]) = $0 * $1\n",
     "%c = const f64[] {0.1}\n%d = const f64[] {3.0}\n%y = map f64[i: 4] of (%c, %d, %x[i, 0]) = ($0 * $1) * $2\n"},
    {"map_unused", "%y = map f64[i: 4] of (%x[i, 0], %x[i, 0]) = $0 * $1\n",
     "%y = map f64[i: 4] of (%x[i, 0], %x[i, 1]) = $0 * $1\n"},
    {"map_boxes", "%y = map f64[i: 8, j: 6] of (%x[i, j] pad f64:0.0, %x[i - 4, j] pad f64:0.0) = $0 + $1\n",
     "%y = map f64[i: 9, j: 6] of (%x[i, j] pad f64:0.0, %x[i - 4, j] pad f64:0.0) = $0 + $1\n"},
};

/* Left alone only where bits must be kept. */
static const struct example exact_misses[] = {
    {"contract_extent_one", NULL, "%y = contract plustimes f64[i: 4] sum [j: 1] of (%x[i, j])\n"},
    {"contract_unused_index", NULL, "%y = contract plustimes f64[i: 4] sum [j: 5] of (%x[i, 0])\n"},
    {"contract_one", NULL, "%c = const c128[] {(1.0, 0.0)}\n%y = contract plustimes c128[i: 4] of (%c, %z[i])\n"},
    {"contract_literals", NULL,
     "%c = const f64[] {2.0}\n%d = const f64[] {3.0}\n%y = contract plustimes f64[i: 4] of (%c, %d, %x[i, 0])\n"},
    {"contract_delta", NULL,
     "%c = const f64[2, 2] {1.0, 0.0, 0.0, 1.0}\n%y = contract plustimes f64[i: 2] sum [j: 2] of (%c[i, j], %x[j, 0])\n"},
    {"map_boxes", NULL, "%y = map f64[i: 8, j: 6] of (%x[i, j] pad f64:0.0, %x[i - 4, j] pad f64:0.0) = $0 + $1\n"},
};

struct fired {
    const char *rule;
    bool found;
};

static void note(void *user, const char *pass, const char *message)
{
    struct fired *fired = user;
    const char *name = strrchr(message, ' ');
    assert_string_equal(pass, "simplify");
    fired->found = fired->found || (name && strcmp(name + 1, fired->rule) == 0);
}

/* Does the rule fire on the kernel of these statements, and is what is left valid? */
static bool fires(const char *rule, const char *class, const char *statements)
{
    struct ir_context *context = ir_context_create(NULL);
    const char *text = arena_printf(ir_arena(context),
                                    "dim N\nkernel f: %s {\n%%x = input 0 x : f64[4, 6]\n%%z = input 1 z : c128[4]\n"
                                    "%%v = input 2 v : f64[4, N]\n%soutput y = %%y\n}\n",
                                    class, statements);
    struct source source = {"rule.eir", text, strlen(text)};
    struct ir_program *program = ir_read(context, &source);
    struct fired fired = {rule, false};
    struct pass_options options = {.trace = note, .trace_user = &fired};
    if (!program) {
        struct text shown = text_create(ir_arena(context));
        diag_print(&shown, ir_diagnostics(context), false);
        fail_msg("%s: %s", rule, text_finish(&shown));
    }
    struct pass_kernel kernel = {.context = context, .kernel = program->kernels[0], .options = &options};
    assert_int_equal(pass_run(pass_find("simplify", strlen("simplify")), &kernel), EINC_OK);
    ir_context_destroy(context);
    return fired.found;
}

/* Every row of simplify.def has an example. */
static void every_rule_has_an_example(void **state)
{
    static const char *const names[] = {
#define RULE(name, node, meaning) #name,
#include "passes/simplify.def"
    };
    (void)state;
    assert_int_equal(sizeof names / sizeof *names, sizeof examples / sizeof *examples);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        assert_string_equal(names[k], examples[k].rule);
}

static void each_rule_fires_on_its_example_and_on_no_near_miss(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof examples / sizeof *examples; k++) {
        if (!fires(examples[k].rule, "reassoc", examples[k].fires))
            fail_msg("%s does not fire", examples[k].rule);
        if (fires(examples[k].rule, "reassoc", examples[k].misses))
            fail_msg("%s fires on the near miss", examples[k].rule);
    }
}

static void exact_kernels_keep_their_bits(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof exact_misses / sizeof *exact_misses; k++)
        if (fires(exact_misses[k].rule, "exact", exact_misses[k].misses))
            fail_msg("%s fires in an exact kernel", exact_misses[k].rule);
}

/* ---- random programs ---- */

enum { SEEDS = 400 };

static void same_values(struct ir_context *context, struct ir_kernel *kernel, enum ir_arithmetic arithmetic, uint64_t seed)
{
    struct ir_tensor before[8], after[8];
    int64_t *dims = random_dims(context, seed);
    struct ir_tensor *inputs = random_inputs(context, kernel, arithmetic, dims, seed);
    struct pass_options options = {0};
    struct pass_kernel pass = {.context = context, .kernel = kernel, .options = &options};
    assert_int_equal(ir_eval(context, kernel, arithmetic, dims, inputs, before, NULL), EINC_OK);
    enum einc_status status = pass_run(pass_find("simplify", strlen("simplify")), &pass);
    if (status != EINC_OK || ir_eval(context, kernel, arithmetic, dims, inputs, after, NULL) != EINC_OK)
        fail_msg("seed %llu: status %d", (unsigned long long)seed, (int)status);
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        size_t bytes = arithmetic == IR_EVAL_PRIME ? 2 * sizeof(uint64_t) : ir_elem_info(before[k].elem)->bytes;
        assert_int_equal(before[k].rank, after[k].rank);
        for (uint32_t axis = 0; axis < before[k].rank; axis++) {
            assert_int_equal(before[k].shape[axis], after[k].shape[axis]);
            bytes *= (size_t)before[k].shape[axis];
        }
        if (memcmp(before[k].data, after[k].data, bytes) != 0)
            fail_msg("seed %llu: output %u has another value", (unsigned long long)seed, k);
    }
}

static void for_each_seed(const struct random_options *options, enum ir_arithmetic arithmetic, enum ir_numeric_class class)
{
    const char *only = getenv("EINC_SEED");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        struct ir_context *context = ir_context_create(NULL);
        struct ir_program *program = random_program(context, seed, options);
        program->kernels[0]->numeric_class = class;
        same_values(context, program->kernels[0], arithmetic, seed);
        ir_context_destroy(context);
    }
}

static void polynomial_programs_keep_their_value(void **state)
{
    (void)state;
    for_each_seed(&(struct random_options){.kind = RANDOM_POLYNOMIAL}, IR_EVAL_PRIME, IR_CLASS_REASSOC);
}

static void exact_programs_keep_every_bit(void **state)
{
    (void)state;
    for_each_seed(NULL, IR_EVAL_NUMBERS, IR_CLASS_EXACT);
}

/* ---- no memory ---- */

/* Simplifies a random program, which is made beforehand. */
static bool simplify_in_memory(struct failing_allocator *failing, const void *data)
{
    const uint64_t *seed = data;
    long allowed = failing_allocator_spare(failing);
    struct ir_context *context = ir_context_create(&failing->allocator);
    struct ir_program *program = random_program(context, *seed, NULL);
    struct pass_options options = {0};
    struct pass_kernel pass = {.context = context, .kernel = program->kernels[0], .options = &options};
    failing_allocator_resume(failing, allowed);
    enum einc_status status = pass_run(pass_find("simplify", strlen("simplify")), &pass);
    assert_true(status == EINC_OK || status == EINC_NO_MEMORY);
    ir_context_destroy(context);
    return status == EINC_OK;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++)
        each_allocation_fails(simplify_in_memory, &seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_has_an_example),     cmocka_unit_test(each_rule_fires_on_its_example_and_on_no_near_miss),
        cmocka_unit_test(exact_kernels_keep_their_bits), cmocka_unit_test(polynomial_programs_keep_their_value),
        cmocka_unit_test(exact_programs_keep_every_bit), cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
