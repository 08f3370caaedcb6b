/* What is declared of inputs: a kernel reads them at their strides and nowhere else, and gives what it gives on dense ones.
 *
 * Of symmetric inputs nothing above the diagonal is read. Each kernel is lowered by the whole pipeline and run by the reference of
 * loops on inputs as `layout_inputs` lays them out, where every gap is a NaN; what comes out is held against the reference of
 * tensor IR on the dense inputs. */
#include "compare.h"
#include "programs.h"
#include "runtime/runtime.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* In units of the roundoff, relative to sum|products|: sums of at most a few hundred terms in another order. */
enum { ROUNDINGS = 1000 };

static const char *const kernels[] = {
    /* strides: rows with gaps, columns, every other element, a broadcast row, complex numbers, no elements at all */
    "dim N = 5, K = 7, ld = 9\n"
    "kernel f(x: f64[N, K] strides(ld, 1), w: f64[K] strides(3)) -> (y: f64[N], z: f64[N, K]) {\n"
    " y[i] = x[i,k] * w[k]\n z[i,k] = 2 * x[i,k] + w[k]\n}\n",
    "dim N = 4\nkernel f(x: f32[N, 3, N] strides(1, 24, 5)) -> (y: f32[3, N], z: f32[N, 3, N]) {\n"
    " y[j,i] = sum[k](x[k,j,i])\n z = x\n}\n",
    "kernel f(b: i32[3, 5] strides(0, 2), a: i32[5]) -> (y: i32[3, 5]) { y[i,j] = b[i,j] * a[j] }\n",
    "kernel f(x: c64[4, 6] strides(1, 5), y: c128[3] strides(2)) -> (z: c64[6], w: c128[3]) {\n"
    " z[j] = sum[i](conj(x[i,j]))\n w[i] = y[i] * y[2 - i]\n}\n",
    "kernel f(x: f64[4, 6] strides(8, 1)) -> (y: f64[24], z: f64[6, 4], p: f64[4, 6]) {\n"
    " y[(i,j)] = x[i,j]\n z[j,i] = x[i,j]\n p[i,j] = pad(x[i - 1, j + 1], 0) - x[i,j]\n}\n",
    "dim N = 0\nkernel f(x: f64[3, N] strides(5, 1)) -> (y: f64[3]) { y[i] = sum[j](x[i,j]) }\n",
    /* promises */
    "kernel f(A: f64[5, 5] centrosymmetric, B: c64[4, 4] skew_centrosymmetric strides(1, 4)) -> (y: f64[5], z: c64[4]) {\n"
    " y[i] = A[i,j] * A[j,i]\n z[i] = sum[j](B[i,j])\n}\n",
    /* symmetric: sums cut at the diagonal, other rings, pointwise, the diagonal alone, twice, batches, an inlined call */
    "dim n = 6, m = 3\nkernel f(A: f64[n, n] symmetric, x: f64[n], B: f64[n, m]) -> (y: f64[n], C: f64[n, m], p: f64[n, n], t: "
    "f64) {\n"
    " y[i] = A[i,j] * x[j]\n C[i,k] = A[j,i] * B[j,k]\n p[i,j] = 2 * A[i,j] + A[j,i]\n t = A[i,i] * x[i]\n}\n",
    "dim n = 5\nkernel f(A: f32[n, n] symmetric strides(1, 7), x: f32[n]) -> (q: f32[n], r: f32[n], e: f32[n, n], s: f32) {\n"
    " q[i] = max[j](A[i,j])\n r[j] = min[i](A[i,j] + x[i])\n e = einsum(\"ij,jk->ik\", A, A)\n"
    " s = A[i,j] * A[j,k] * A[k,l] * x[i] * x[l]\n}\n",
    "dim n = 4, N = 3\nkernel product(S: c64[N, n, n] symmetric, x: c64[N, n]) -> (y: c64[N, n]) { y[b,i] = conj(S[b,i,j]) * "
    "x[b,j] }\n",
    "dim n = 4\nkernel f(S: f16[n, n] spd centrosymmetric, k: i32[n, n] symmetric) -> (y: f16[n], z: i32[n], w: i32, v: f16[n, n]) "
    "{\n"
    " y[i] = sum[j](S[i,j])\n z[i] = prod[j](k[j,i])\n w = k[i,j] * k[j,i]\n v = S\n}\n",
    "dim n = 4\nkernel f(A: f64[n, n] symmetric, x: f64[n]) -> (y: f64[n]) exact { y[i] = A[i,j] * x[j] }\n",
    "dim N = 3, n = 6\nkernel f(A: f64[N, n, n] strides(100, 10, 1), x: f64[N, n]) -> (y: f64[N, n]) { y[b,i] = A[b,i,j] * x[b,j] "
    "}\n",
};

static void fail_at(struct ir_context *context, const char *text, const struct pass_kernel *lowered)
{
    struct text said = text_create(ir_arena(context));
    if (lowered->kernel)
        ir_print_kernel(&said, context, lowered->kernel);
    if (lowered->loops)
        loop_print(&said, context, lowered->loops);
    diag_print(&said, ir_diagnostics(context), false);
    fail_msg("%s\n%s", text, text_finish(&said));
}

/* What a kernel may not read of its inputs is all ones bits: above the diagonal of a symmetric matrix. */
static const struct ir_tensor *poisoned(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_tensor *inputs)
{
    struct ir_tensor *copies = arena_copy(ir_arena(context), inputs, kernel->n_inputs, sizeof *inputs);
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        const struct ir_input_info *info = &kernel->inputs[k];
        if (!ir_input_promises(info, IR_PROMISE_symmetric) && !ir_input_promises(info, IR_PROMISE_spd))
            continue;
        size_t count = tensor_count(&inputs[k]), bytes = ir_elem_info(inputs[k].elem)->bytes;
        size_t n = (size_t)inputs[k].shape[inputs[k].rank - 1];
        char *data = arena_copy(ir_arena(context), inputs[k].data, count, bytes);
        for (size_t at = 0; at < count; at++)
            if (at % n > at / n % n)
                memset(data + at * bytes, 0xff, bytes);
        copies[k].data = data;
    }
    return copies;
}

static void check_kernel(const char *text, uint64_t seed)
{
    struct ir_context *context = ir_context_create(NULL);
    struct source source = {"kernel.ein", text, strlen(text)};
    const struct compile_options options = {.passes = {.machine = *machine_generic()}};
    struct compiled *compiled = compile_source(context, &source, &options);
    if (!compiled)
        fail_at(context, text, &(struct pass_kernel){0});
    const struct ir_kernel *kernel = compiled->program->kernels[0];
    struct ir_tensor expected[4], found[4], bound[4], *inputs = random_inputs(context, kernel, IR_EVAL_NUMBERS, NULL, seed);
    assert_true(layout_settle(context, kernel, NULL, inputs));
    const struct ir_tensor *laid = layout_inputs(context, kernel, NULL, poisoned(context, kernel, inputs));
    if (!laid || ir_eval(context, kernel, IR_EVAL_NUMBERS, NULL, inputs, expected, NULL) != EINC_OK ||
        ir_eval(context, kernel, IR_EVAL_BOUND, NULL, inputs, bound, NULL) != EINC_OK ||
        loop_eval(context, compiled->kernels[0].loops, IR_EVAL_NUMBERS, NULL, laid, found) != EINC_OK)
        fail_at(context, text, &compiled->kernels[0]);
    double factor = ROUNDINGS * kernel_roundoff(context, kernel);
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (!tensors_close(&expected[k], &found[k], &bound[k], factor, NULL))
            fail_at(context, text, &compiled->kernels[0]);
    ir_context_destroy(context);
}

static void kernels_read_what_is_declared(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            check_kernel(kernels[k], seed);
}

/* The text of tensor IR and the source that einc prints keep what is declared. */
static void texts_keep_what_is_declared(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct source source = {"kernel.ein", kernels[k], strlen(kernels[k])};
        struct ir_program *program = frontend_read(context, &source, NULL);
        assert_non_null(program);
        struct text text = text_create(ir_arena(context));
        ir_print_program(&text, program);
        struct source printed = {"kernel.eir", text_finish(&text), text.length};
        struct ir_program *again = ir_read(context, &printed);
        if (!again || !ir_kernel_equal(program->kernels[0], again->kernels[0]))
            fail_msg("%s\n%s", kernels[k], printed.text);
        struct backend_kernel kernel = {.source = program->kernels[0], .kernel = program->kernels[0]};
        struct backend_program whole = {context, "kernel.ein", "kernel", &kernel, 1};
        const struct backend_options options = {0};
        struct backend_file *files = NULL;
        size_t n_files = 0;
        assert_int_equal(backend_find("ein", 3)->emit(&whole, &options, &files, &n_files), EINC_OK);
        struct source emitted = {files[0].name, files[0].bytes, files[0].length};
        again = frontend_read(context, &emitted, NULL);
        for (uint32_t i = 0; again && i < program->kernels[0]->n_inputs; i++) {
            const struct ir_input_info *a = &program->kernels[0]->inputs[i], *b = &again->kernels[0]->inputs[i];
            assert_int_equal(a->promises, b->promises);
            assert_ptr_equal(ir_input_reach(context, a), ir_input_reach(context, b));
        }
        if (!again)
            fail_msg("%s\n%s", kernels[k], emitted.text);
        ir_context_destroy(context);
    }
}

/* Strides that put different numbers in one place are refused when an array is laid out. */
static void elements_in_one_place_agree(void **state)
{
    (void)state;
    static const char text[] = "kernel f(x: f64[2, 3] strides(2, 1)) -> (y: f64[2, 3]) { y[i,j] = 2 * x[i,j] }\n";
    struct ir_context *context = ir_context_create(NULL);
    struct source source = {"kernel.ein", text, strlen(text)};
    struct ir_program *program = frontend_read(context, &source, NULL);
    assert_non_null(program);
    double numbers[] = {1, 2, 3, 3, 4, 5};
    int64_t shape[] = {2, 3};
    struct ir_tensor input = {IR_f64, 2, shape, numbers};
    const struct ir_tensor *laid = layout_inputs(context, program->kernels[0], NULL, &input);
    assert_non_null(laid);
    const double expected[] = {1, 2, 3, 4, 5};
    assert_memory_equal(laid[0].data, expected, sizeof expected);
    numbers[3] = 7;
    assert_null(layout_inputs(context, program->kernels[0], NULL, &input));
    assert_int_equal(ir_diagnostics(context)->items[0]->code, DIAG_E0813);
    ir_context_destroy(context);
}

/* Numbers that are made to keep a promise do. */
static void settled_numbers_keep_promises(void **state)
{
    (void)state;
    static const char text[] = "kernel f(A: f64[2, 5, 5] centrosymmetric, B: i32[4, 4] skew_centrosymmetric, "
                               "S: f64[3, 3] spd centrosymmetric) -> (y: f64, z: i32) {\n"
                               " y = sum[b, i, j](A[b,i,j]) + sum[i, j](S[i,j])\n z = sum[i, j](B[i,j])\n}\n";
    struct ir_context *context = ir_context_create(NULL);
    struct source source = {"kernel.ein", text, strlen(text)};
    struct ir_program *program = frontend_read(context, &source, NULL);
    assert_non_null(program);
    struct ir_tensor *inputs = random_inputs(context, program->kernels[0], IR_EVAL_NUMBERS, NULL, 1);
    assert_true(layout_settle(context, program->kernels[0], NULL, inputs));
    const double *A = inputs[0].data;
    const int32_t *B = inputs[1].data;
    for (size_t k = 0; k < 25; k++) {
        assert_true(A[k] == A[24 - k] && A[25 + k] == A[25 + 24 - k]);
        assert_true(A[k] != 0);
    }
    for (size_t k = 0; k < 16; k++)
        assert_int_equal(B[k], -B[15 - k]);
    const double *S = inputs[2].data;
    for (size_t i = 0; i < 3; i++) {
        double others = 0;
        for (size_t j = 0; j < 3; j++) {
            assert_true(S[i * 3 + j] == S[j * 3 + i] && S[i * 3 + j] == S[8 - i * 3 - j]);
            others += i == j ? 0 : fabs(S[i * 3 + j]);
        }
        assert_true(S[i * 3 + i] > others);
    }
    ir_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_read_what_is_declared),
        cmocka_unit_test(texts_keep_what_is_declared),
        cmocka_unit_test(elements_in_one_place_agree),
        cmocka_unit_test(settled_numbers_keep_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
