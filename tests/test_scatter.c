/* Scatters: their text, their rules, their meaning against plain loops, and their loops against their meaning.
 *
 * Loops are compared with the evaluator modulo the prime, exactly, where the kernel is polynomial, else in numbers: there a place
 * gets at most a few dozen additions, in another order, so ROUNDINGS units of roundoff are far more than enough. */
#include "refused.h"
#include "compare.h"
#include "ir/loop.h"
#include "passes/passes.h"
#include "programs.h"
#include "runtime/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { ROUNDINGS = 1000 };

static const char *const lowering[] = {"fuse", "lower_loops", "split_complex", "plan_memory", NULL};
static const struct pass_options no_options;

static void show(struct ir_context *context)
{
    struct text text = text_create(ir_arena(context));
    diag_print(&text, ir_diagnostics(context), false);
    print_message("%s\n", text_finish(&text));
}

static struct ir_program *read_text(struct ir_context *context, const char *text)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    *source = (struct source){"test.eir", text, strlen(text)};
    return ir_read(context, source);
}

/* ---- meaning ---- */

static void additions_come_in_order(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    struct ir_program *program = read_text(
        context, "kernel f: exact {\n%b = input 0 b : f64[5, 3]\n%v = input 1 v : f64[4, 7]\n"
                 "%y = scatter plustimes over [i: 4, j: 7] of (%b[i + 1, j div 3] pad f64:0.0, %v[i, j])\n"
                 "%z = scatter minplus over [i: 4, j: 7] of (%b[i, (i + j) mod 3], %v[i, j])\noutput y = %y\noutput z = %z\n}");
    assert_non_null(program);
    double b[5][3], v[4][7], y[5][3], z[5][3];
    for (int k = 0; k < 15; k++)
        y[k / 3][k % 3] = z[k / 3][k % 3] = b[k / 3][k % 3] = 0.1 * k + 0x1p-40;
    for (int k = 0; k < 28; k++)
        v[k / 7][k % 7] = 1.0 / (k + 3) - 0.1;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 7; j++) {
            if (j / 3 < 3)
                y[i + 1][j / 3] += v[i][j];
            if (v[i][j] < z[i][(i + j) % 3])
                z[i][(i + j) % 3] = v[i][j];
        }
    struct ir_tensor inputs[2] = {{IR_f64, 2, (int64_t[]){5, 3}, b}, {IR_f64, 2, (int64_t[]){4, 7}, v}}, outputs[2];
    double longest[2];
    assert_int_equal(ir_eval(context, program->kernels[0], IR_EVAL_NUMBERS, NULL, inputs, outputs, longest), EINC_OK);
    assert_memory_equal(outputs[0].data, y, sizeof y);
    assert_memory_equal(outputs[1].data, z, sizeof z);
    assert_true(longest[0] == 3); /* three j a place at most */
    ir_context_destroy(context);
}

/* ---- loops ---- */

static const char *const kernels[] = {
    /* a fill, a contraction finished by the scatter, users after it */
    "kernel f: reassoc {\n%y0 = input 0 y0 : f64[N, 3]\n%u = input 1 u : f64[M, 4]\n%B = input 2 B : f64[8, 4]\n"
    "%v = contract plustimes f64[e: M, k: 8] sum [j: 4] of (%B[k, j], %u[e, j])\n"
    "%y = scatter plustimes over [e: M, k: 8] of (%y0[e + k, k mod 3] pad f64:0.0, %v[e, k])\n"
    "%z = map f64[i: N, j: 3] of (%y[i, j]) = $0 * f64:2.0\noutput y = %y\noutput z = %z\n}",
    /* adjoint of a strided read: a base of zeros, complex, every place hit twice */
    "kernel f: reassoc {\n%zero = const c128[] {(0.0, 0.0)}\n%g = input 0 g : c128[N, 3]\n%empty = view c128[2*N + 1] of %zero\n"
    "%x = scatter plustimes over [i: N, r: 3] of (%empty[2*i + r], conj %g[i, r])\noutput x = %x\n}",
    /* the class where the order of additions counts */
    "kernel f: exact {\n%y0 = input 0 y0 : f64[5]\n%v = input 1 v : f64[M, N, 2]\n"
    "%y = scatter plustimes over [e: M, i: N, k: 2] of (%y0[(e + 2*i + k) mod 5], %v[e, i, k])\noutput y = %y\n}",
    /* one place; no place; a scatter on a scatter; an output that is one under another shape */
    "kernel f: reassoc {\n%s = input 0 s : f64[]\n%v = input 1 v : f64[N, 4]\n%w = input 2 w : f64[2]\n"
    "%t = scatter plustimes over [i: N, j: 4] of (%s, %v[i, j])\n%a = scatter plustimes over [] of (%v[0, 3], %t)\n"
    "%b = scatter plustimes over [i: N] of (%a[i, 1], %t)\n%c = view f64[4 * N] of %b[@0 div 4, @0 mod 4]\n"
    "%d = scatter plustimes over [j: 2, i: N] of (%w[j], %b[i, 2*j])\n"
    "output t = %t\noutput c = %c\noutput d = %d\noutput again = %d\n}",
    /* other rings and types */
    "kernel f: reassoc {\n%m = input 0 m : i32[6]\n%v = input 1 v : i32[M, 2]\n%p = input 2 p : bool[M]\n%q = input 3 q : bool[3]\n"
    "%y = scatter maxplus over [e: M, k: 2] of (%m[(e + k) mod 6], %v[e, k])\n"
    "%z = scatter prod over [e: M, k: 2] of (%m[3*k + e mod 3], %v[e, k])\n"
    "%o = scatter orand over [e: M] of (%q[e mod 3], %p[e])\n%a = scatter andor over [e: M] of (%q[e mod 2], %p[e])\n"
    "output y = %y\noutput z = %z\noutput o = %o\noutput a = %a\n}",
};

static struct ir_kernel *with_dims(struct ir_context *context, const char *text)
{
    struct ir_program *program = read_text(context, arena_printf(ir_arena(context), "dim N\ndim M\n%s", text));
    if (!program)
        show(context);
    assert_non_null(program);
    return program->kernels[0];
}

static void compare(struct ir_context *context, const struct ir_kernel *kernel, const struct loop_function *loops,
                    enum ir_arithmetic arithmetic)
{
    struct ir_tensor expected[4], found[4], bound[4];
    for (uint64_t round = 0; round < 4; round++) {
        const int64_t dims[2] = {(int64_t)round, 3 * (int64_t)round};
        struct ir_tensor *inputs = random_inputs(context, kernel, arithmetic, dims, round);
        if (kernel->n_inputs > 1 && kernel->inputs[1].node->rank == 2 && round == 0)
            continue; /* v[0, 3] needs a row */
        assert_int_equal(ir_eval(context, kernel, arithmetic, dims, inputs, expected, NULL), EINC_OK);
        if (loop_eval(context, loops, arithmetic, dims, inputs, found) != EINC_OK)
            show(context);
        assert_int_equal(loop_eval(context, loops, arithmetic, dims, inputs, found), EINC_OK);
        bool numbers = arithmetic == IR_EVAL_NUMBERS;
        if (numbers)
            assert_int_equal(ir_eval(context, kernel, IR_EVAL_BOUND, dims, inputs, bound, NULL), EINC_OK);
        for (uint32_t k = 0; k < kernel->n_outputs; k++)
            assert_true(numbers ? tensors_close(&expected[k], &found[k], &bound[k], ROUNDINGS * 0x1p-53, NULL)
                                : tensors_same_residues(&expected[k], &found[k]));
    }
}

static void lower_and_compare(const char *text, const char *const *passes)
{
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_kernel *kernel = with_dims(context, text);
    struct pass_kernel lowered = {.context = context, .kernel = ir_kernel_copy(context, kernel), .options = &no_options};
    for (; *passes; passes++) {
        enum einc_status status = pass_run(pass_find(*passes, strlen(*passes)), &lowered);
        if (status != EINC_OK)
            show(context);
        assert_int_equal(status, EINC_OK);
    }
    compare(context, kernel, lowered.loops, IR_EVAL_NUMBERS);
    if (ir_is_polynomial(kernel))
        compare(context, kernel, lowered.loops, IR_EVAL_PRIME);
    ir_context_destroy(context);
}

static void loops_add_the_same(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        lower_and_compare(kernels[k], lowering);
        lower_and_compare(kernels[k], compile_pipeline());
    }
}

/* In an exact kernel even the roundings are those of the evaluator's order. */
static void exact_order_is_kept(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_kernel *kernel = with_dims(context, kernels[2]);
    struct pass_kernel lowered = {.context = context, .kernel = ir_kernel_copy(context, kernel), .options = &no_options};
    for (const char *const *pass = compile_pipeline(); *pass; pass++)
        assert_int_equal(pass_run(pass_find(*pass, strlen(*pass)), &lowered), EINC_OK);
    const int64_t dims[2] = {7, 9};
    struct ir_tensor *inputs = random_inputs(context, kernel, IR_EVAL_NUMBERS, dims, 5), expected[1], found[1];
    assert_int_equal(ir_eval(context, kernel, IR_EVAL_NUMBERS, dims, inputs, expected, NULL), EINC_OK);
    assert_int_equal(loop_eval(context, lowered.loops, IR_EVAL_NUMBERS, dims, inputs, found), EINC_OK);
    assert_memory_equal(expected[0].data, found[0].data, 5 * sizeof(double));
    ir_context_destroy(context);
}

/* ---- text and rules ---- */

static void text_comes_back(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct ir_kernel *kernel = with_dims(context, kernels[k]);
        struct text text = text_create(ir_arena(context));
        ir_print_kernel(&text, context, kernel);
        struct ir_program *again = read_text(context, text_finish(&text));
        assert_non_null(again);
        assert_true(ir_kernel_equal(kernel, again->kernels[0]));
        ir_context_destroy(context);
    }
}

static void rules_are_kept(void **state)
{
    (void)state;
    static const struct refused rows[] = {
        {"%y = scatter plustimes over [i: 5] of (%b[i], %v[0, 0])", "E0734"},
        {"%y = scatter plustimes over [i: 4] of (%b[i], %v[i, 7])", "E0734"},
        {"%y = scatter plustimes over [i: 4] of (%c[i], %b[i])", "E0733"},
        {"%y = scatter plustimes over [i: 4] of (conj %c[i], %c[i])", "E0733"},
        {"%y = scatter orand over [i: 4] of (%b[i], %b[i])", "E0739"},
        {"%y = scatter plustimes over [i: 4] of (%b[i] pad c128:(0.0, 0.0), %b[i])", "E0733"},
    };
    check_refused("%b = input 0 b : f64[4]\n%v = input 1 v : f64[4, 7]\n%c = input 2 c : c128[4]", rows,
                  sizeof rows / sizeof *rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additions_come_in_order), cmocka_unit_test(loops_add_the_same), cmocka_unit_test(exact_order_is_kept),
        cmocka_unit_test(text_comes_back),         cmocka_unit_test(rules_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
