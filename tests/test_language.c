/* Index notation against docs/language.md: every example of the summation rule against plain loops, and what weak values and types
 * come to.
 *
 * Values are small integers in f64, so every sum is exact and results are compared for equality. Only functions (exp, tanh) are
 * compared within 1e-14 relative: both sides call the same libm on equal arguments, a sum of 4 of them rounds 4 times. */
#include "compiled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- values ---- */

enum { MOST_INPUTS = 6, MOST_OUTPUTS = 8, MOST_ELEMENTS = 4096 };

static double input_value(size_t input, size_t element)
{
    return (double)((element * 7 + input * 3) % 11) - 5;
}

struct evaluated {
    struct compiled compiled;
    double inputs[MOST_INPUTS][MOST_ELEMENTS];
    struct ir_tensor outputs[MOST_OUTPUTS];
};

static size_t element_count(const struct ir_node *node, int64_t *shape)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        assert_true(poly_is_constant(node->shape[axis], &shape[axis]));
        count *= (size_t)shape[axis];
    }
    return count;
}

static void store(struct ir_tensor *tensor, size_t element, double value)
{
    switch (tensor->elem) {
    case IR_f64:
        ((double *)tensor->data)[element] = value;
        break;
    case IR_f32:
        ((float *)tensor->data)[element] = (float)value;
        break;
    case IR_c128:
        ((double *)tensor->data)[2 * element] = value;
        ((double *)tensor->data)[2 * element + 1] = value + 1;
        break;
    case IR_i32:
        ((int32_t *)tensor->data)[element] = (int32_t)value;
        break;
    case IR_bool:
        ((unsigned char *)tensor->data)[element] = value > 0;
        break;
    default:
        fail_msg("no input of this type");
    }
}

/* The last kernel of the source on the made-up inputs. */
static struct evaluated *evaluate(const char *text)
{
    static struct evaluated evaluated;
    evaluated.compiled = compiled_read(text);
    if (!evaluated.compiled.program) {
        compiled_print_diagnostics(&evaluated.compiled);
        fail_msg("does not compile: %s", text);
    }
    struct ir_context *context = evaluated.compiled.context;
    const struct ir_program *program = evaluated.compiled.program;
    const struct ir_kernel *kernel = program->kernels[program->n_kernels - 1];
    struct ir_tensor inputs[MOST_INPUTS];
    assert_true(ir_verify(context, kernel));
    assert_true(kernel->n_inputs <= MOST_INPUTS && kernel->n_outputs <= MOST_OUTPUTS);
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        const struct ir_node *node = kernel->inputs[k].node;
        int64_t *shape = ARENA_ARRAY(ir_arena(context), node->rank, int64_t);
        size_t count = element_count(node, shape);
        inputs[k] = (struct ir_tensor){node->elem, node->rank, shape, arena_alloc(ir_arena(context), count, 16)};
        for (size_t e = 0; e < count; e++) {
            evaluated.inputs[k][e] = input_value(k, e);
            store(&inputs[k], e, evaluated.inputs[k][e]);
        }
    }
    assert_int_equal(ir_eval(context, kernel, IR_EVAL_NUMBERS, NULL, inputs, evaluated.outputs, NULL), EINC_OK);
    return &evaluated;
}

static double loaded(const struct ir_tensor *tensor, size_t element)
{
    switch (tensor->elem) {
    case IR_f64:
        return ((const double *)tensor->data)[element];
    case IR_f32:
        return (double)((const float *)tensor->data)[element];
    case IR_i32:
        return ((const int32_t *)tensor->data)[element];
    case IR_bool:
        return ((const unsigned char *)tensor->data)[element];
    default:
        fail_msg("no output of this type");
        return 0;
    }
}

/* Element `element` of output `output` is `wanted`, exactly or within 1e-14 of it. */
static void expect(const struct evaluated *evaluated, size_t output, size_t element, double wanted)
{
    double got = loaded(&evaluated->outputs[output], element);
    if (got != wanted && !(fabs(got - wanted) <= 1e-14 * fabs(wanted)))
        fail_msg("output %zu, element %zu: %.17g instead of %.17g", output, element, got, wanted);
}

static void done(struct evaluated *evaluated)
{
    ir_context_destroy(evaluated->compiled.context);
}

/* y[i] = A[i,j]*x[j] + b[i] + C[i,j]*z[j] adds b once. */
static void test_terms_alone(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(A: f64[4,3], x: f64[3], b: f64[4], C: f64[4,3], z: f64[3]) -> (y: f64[4]) {\n"
                                     "y[i] = A[i,j]*x[j] + b[i] + C[i,j]*z[j]\n}\n");
    for (size_t i = 0; i < 4; i++) {
        double sum = run->inputs[2][i];
        for (size_t j = 0; j < 3; j++)
            sum += run->inputs[0][i * 3 + j] * run->inputs[1][j] + run->inputs[3][i * 3 + j] * run->inputs[4][j];
        expect(run, 0, i, sum);
    }
    done(run);
}

/* gelu(W[o,i]*x[i] + b[o]) sums inside; exp(s[i,j])*v[j] outside. */
static void test_functions(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(W: f64[4,3], x: f64[3], b: f64[4]) -> (y: f64[4], z: f64[4]) {\n"
                                     "y[o] = tanh(W[o,i]*x[i] + b[o])\n"
                                     "z[i] = exp(W[i,j])*x[j]\n}\n");
    for (size_t o = 0; o < 4; o++) {
        double inside = run->inputs[2][o], outside = 0;
        for (size_t i = 0; i < 3; i++) {
            inside += run->inputs[0][o * 3 + i] * run->inputs[1][i];
            outside += exp(run->inputs[0][o * 3 + i]) * run->inputs[1][i];
        }
        expect(run, 0, o, tanh(inside));
        expect(run, 1, o, outside);
    }
    done(run);
}

/* Softmax as language.md writes it. */
static void test_softmax(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(s: f64[3,4]) -> (w: f64[3,4]) {\n"
                                     "let m[i] = max[j](s[i,j])\n"
                                     "w[i,j] = exp(s[i,j] - m[i]) / sum[k](exp(s[i,k] - m[i]))\n}\n");
    for (size_t i = 0; i < 3; i++) {
        const double *row = &run->inputs[0][i * 4];
        double largest = row[0], sum = 0;
        for (size_t j = 1; j < 4; j++)
            largest = fmax(largest, row[j]);
        for (size_t j = 0; j < 4; j++)
            sum += exp(row[j] - largest);
        for (size_t j = 0; j < 4; j++)
            expect(run, 0, i * 4 + j, exp(row[j] - largest) / sum);
    }
    done(run);
}

/* Nested products are one, also through parentheses; a divisor is a factor, with and without the summed index. */
static void test_products(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("kernel f(A: f64[4,3], x: f64[3], n: f64[4], d: f64[3]) -> (y: f64[4], z: f64[4], w: f64[4]) {\n"
                 "y[i] = n[i]*(A[i,j]*(2*x[j]))\n"
                 "z[i] = -A[i,j]*x[j]/(n[i]*n[i] + 1)\n"
                 "w[i] = A[i,j]/(abs(d[j]) + 1)\n}\n");
    for (size_t i = 0; i < 4; i++) {
        double y = 0, w = 0, n = run->inputs[2][i];
        for (size_t j = 0; j < 3; j++) {
            y += run->inputs[0][i * 3 + j] * run->inputs[1][j];
            w += run->inputs[0][i * 3 + j] * (1 / (fabs(run->inputs[3][j]) + 1));
        }
        expect(run, 0, i, 2 * n * y);
        expect(run, 1, i, -y / (n * n + 1));
        expect(run, 2, i, w);
    }
    done(run);
}

/* Integer division truncates, so the whole product is divided before it is summed; div and mod floor. */
static void test_integers(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(A: i32[4,3], x: i32[3], d: i32[4]) -> (y: i32[4], z: i32[4], r: i32[4]) {\n"
                                     "y[i] = A[i,j]*x[j]/3 + 0*d[i]\nz[i] = d[i] div 3\nr[i] = d[i] mod 3\n}\n");
    for (size_t i = 0; i < 4; i++) {
        int sum = 0, d = (int)run->inputs[2][i];
        for (size_t j = 0; j < 3; j++)
            sum += (int)run->inputs[0][i * 3 + j] * (int)run->inputs[1][j] / 3;
        expect(run, 0, i, sum);
        expect(run, 1, i, floor(d / 3.0));
        expect(run, 2, i, d - 3 * floor(d / 3.0));
    }
    done(run);
}

/* Merged subscripts split an axis row-major, on both sides. */
static void test_merged(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(X: f64[2,3,4,5], x: f64[40]) -> (y: f64[30]) {\n"
                                     "y[(p,i,q)] = X[p,i,j,q] * x[(p,j,q)]\n}\n");
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < 3; i++)
            for (size_t q = 0; q < 5; q++) {
                double sum = 0;
                for (size_t j = 0; j < 4; j++)
                    sum += run->inputs[0][((p * 3 + i) * 4 + j) * 5 + q] * run->inputs[1][(p * 4 + j) * 5 + q];
                expect(run, 0, (p * 3 + i) * 5 + q, sum);
            }
    done(run);
}

/* Strided convolution with padding, as language.md writes it, and a pad whose value is no constant. */
static void test_affine(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(x: f64[7], g: f64[3], t: f64[4]) -> (y: f64[4], z: f64[4], s: f64[3]) {\n"
                                     "y[h] = pad(x[2*h+r-1], 0) * g[r]\n"
                                     "z[h] = pad(x[h+4], t[h])\n"
                                     "s[i] = sum[r: 3](x[2*i+r])\n}\n");
    const double *x = run->inputs[0], *g = run->inputs[1];
    for (int h = 0; h < 4; h++) {
        double sum = 0;
        for (int r = 0; r < 3; r++)
            sum += (2 * h + r - 1 >= 0 && 2 * h + r - 1 < 7 ? x[2 * h + r - 1] : 0) * g[r];
        expect(run, 0, (size_t)h, sum);
        expect(run, 1, (size_t)h, h < 3 ? x[h + 4] : run->inputs[2][h]);
    }
    for (size_t i = 0; i < 3; i++)
        expect(run, 2, i, x[2 * i] + x[2 * i + 1] + x[2 * i + 2]);
    done(run);
}

/* Constant tables, constants and div, mod in subscripts. */
static void test_tables(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("const t: i32[4] = [2, 0, 3, 1]\nconst shift: i64 = 1\n"
                                     "kernel f(x: f64[4], z: f64[2,4]) -> (y: f64[4], d: f64[8], c: f64) {\n"
                                     "y[i] = x[t[i]]\nd[k] = z[k mod 2, k div 2]\nc = x[shift] * x[3]\n}\n");
    static const size_t table[4] = {2, 0, 3, 1};
    for (size_t i = 0; i < 4; i++)
        expect(run, 0, i, run->inputs[0][table[i]]);
    for (size_t k = 0; k < 8; k++)
        expect(run, 1, k, run->inputs[1][k % 2 * 4 + k / 2]);
    expect(run, 2, 0, run->inputs[0][1] * run->inputs[0][3]);
    done(run);
}

/* Reductions, and the contraction in (min, +). */
static void test_reductions(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("kernel f(a: f64[3,4], b: f64[4,3]) -> (y: f64[3,3], p: f64[3], q: bool[3], r: bool, e: f64) {\n"
                 "y[i,j] = min[k](a[i,k] + b[k,j])\n"
                 "p[i] = prod[k](a[i,k])\n"
                 "q[i] = any[k](a[i,k] > 3)\n"
                 "r = all[i,k](a[i,k] > -6 and b[k,i] < 6)\n"
                 "e = max[i,k](abs(a[i,k]))\n}\n");
    const double *a = run->inputs[0], *b = run->inputs[1];
    double largest = 0;
    for (size_t i = 0; i < 3; i++) {
        double product = 1;
        bool found = false;
        for (size_t k = 0; k < 4; k++) {
            product *= a[i * 4 + k];
            found = found || a[i * 4 + k] > 3;
            largest = fmax(largest, fabs(a[i * 4 + k]));
        }
        expect(run, 1, i, product);
        expect(run, 2, i, found);
        for (size_t j = 0; j < 3; j++) {
            double least = INFINITY;
            for (size_t k = 0; k < 4; k++)
                least = fmin(least, a[i * 4 + k] + b[k * 3 + j]);
            expect(run, 0, i * 3 + j, least);
        }
    }
    expect(run, 3, 0, 1);
    done(run);
}

/* Indices and dims as values, weak expressions through let, literals in the type they meet. */
static void test_weak(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("dim n = 4\nkernel f(x: f32[n], k: i32[n]) -> (y: f32[n], z: i32[n], w: f64[n], v: f32[n]) {\n"
                                     "let c[i: n] = cos(pi * i / n) / 3\n"
                                     "y[i] = 0.1 * x[i]\n"
                                     "z[i] = (2*i + n) mod 3 * k[i]\n"
                                     "w[i] = c[i]\n"
                                     "v[i] = c[i] * x[i]\n}\n");
    for (size_t i = 0; i < 4; i++) {
        float x = (float)run->inputs[0][i];
        double c = cos(acos(-1.0) * (double)i / 4) / 3;
        expect(run, 0, i, (double)(0.1f * x));
        expect(run, 1, i, (double)((2 * i + 4) % 3) * run->inputs[1][i]);
        expect(run, 2, i, c);
        expect(run, 3, i, (double)((float)c * x));
    }
    done(run);
}

/* Whole weak tensors take the type of their target or parameter, and a real scalar is a complex argument. */
static void test_weak_whole(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("dim n = 4\nkernel g(x: f32[n]) -> (y: f32[n]) { y[i] = 2 * x[i] }\n"
                                     "kernel h(a: c128) -> (y: f64) { y = real(a * a) }\n"
                                     "kernel f(s: f64) -> (y: f32[n], z: i32[n], w: f32[n], v: f64) {\n"
                                     "let c[i: n] = i / 3.0\nlet k[i: n] = i * i\n"
                                     "y = c\nz = k\nw = g(c)\nv = h(s)\n}\n");
    for (size_t i = 0; i < 4; i++) {
        expect(run, 0, i, (double)(float)((double)i / 3));
        expect(run, 1, i, (double)(i * i));
        expect(run, 2, i, (double)(2 * (float)((double)i / 3)));
    }
    expect(run, 3, 0, run->inputs[0][0] * run->inputs[0][0]);
    done(run);
}

/* Literals up to 2^64 - 1, and the least integer of 64 bits. */
static void test_wide_integers(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("const most: u64[2] = [18446744073709551615, 9223372036854775808]\n"
                                     "const least: i64 = -9223372036854775808\n"
                                     "kernel f(x: f64) -> (y: f64, z: f64, w: bool, v: bool) {\n"
                                     "y = f64(most[0] / 18446744073709551615)\nz = f64(least)\n"
                                     "w = most[1] == 9223372036854775808\nv = least == -9223372036854775808\n}\n");
    expect(run, 0, 0, 1);
    expect(run, 1, 0, -0x1p63);
    expect(run, 2, 0, 1);
    expect(run, 3, 0, 1);
    done(run);
}

/* exp(-2i*pi*k*l/n) is complex throughout: the discrete Fourier transform of a real sequence. */
static void test_complex(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("dim n = 5\nkernel f(x: f64[n], c: c128[n]) -> (re: f64[n], im: f64[n], h: f64[n]) {\n"
                                     "let X[k: n] = x[l] * exp(-2i*pi*k*l/n)\n"
                                     "re[k] = real(X[k])\nim[k] = imag(X[k])\nh[k] = real(conj(c[k]) * 1i)\n}\n");
    for (size_t k = 0; k < 5; k++) {
        double re = 0, im = 0;
        for (size_t l = 0; l < 5; l++) {
            re += run->inputs[0][l] * cos(2 * acos(-1.0) * (double)(k * l) / 5);
            im -= run->inputs[0][l] * sin(2 * acos(-1.0) * (double)(k * l) / 5);
        }
        /* cancellation: an absolute bound of 5 terms of magnitude 5, some ulp each */
        assert_true(fabs(loaded(&run->outputs[0], k) - re) < 1e-13);
        assert_true(fabs(loaded(&run->outputs[1], k) - im) < 1e-13);
        expect(run, 2, k, run->inputs[1][k] + 1);
    }
    done(run);
}

/* bool: sum is or, product is and. */
static void test_bool(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(a: bool[3,4], b: bool[4]) -> (y: bool[3], z: bool[4]) {\n"
                                     "y[i] = a[i,j]*b[j]\nz[j] = b[j] + (not b[j])\n}\n");
    for (size_t i = 0; i < 3; i++) {
        bool any = false;
        for (size_t j = 0; j < 4; j++)
            any = any || (run->inputs[0][i * 4 + j] > 0 && run->inputs[1][j] > 0);
        expect(run, 0, i, any);
    }
    expect(run, 1, 0, 1);
    done(run);
}

/* Calls are inlined: one result, several, an access, literals as arguments; einsum as an access. */
static void test_calls(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("dim n = 3\nkernel scale(x: f64[n], a: f64) -> (y: f64[n]) { y[i] = a * x[i] }\n"
                 "kernel both(x: f64[n]) -> (s: f64, t: f64[n]) { s = sum[i](x[i])\nt = scale(x, -1) }\n"
                 "kernel f(x: f64[n], z: f64[n]) -> (y: f64[n], s: f64, w: f64[n], v: f64[n]) {\n"
                 "let (total, t) = both(x)\ns = total\n"
                 "y[i] = t[i] + scale(z, 2)[i]\nw = scale(x, 0.5)\nv[i] = einsum(\"a,a->a\", x, z)[i] + x[i]\n}\n");
    const double *x = run->inputs[0], *z = run->inputs[1];
    expect(run, 1, 0, x[0] + x[1] + x[2]);
    for (size_t i = 0; i < 3; i++) {
        expect(run, 0, i, -x[i] + 2 * z[i]);
        expect(run, 2, i, 0.5 * x[i]);
        expect(run, 3, i, x[i] * z[i] + x[i]);
    }
    done(run);
}

/* Blocks in any order, of all kinds of values, also in an inlined kernel. */
static void test_blocks(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("dim n = 3\nkernel join(x: f64[n], z: f64[n]) -> (y: f64[2*n+1]) {\n"
                 "y[n + 1 + i: n] = z[i]\ny[n + i: 1] = x[i + 1] * z[2 - i]\ny[i: n] = exp(x[i])\n}\n"
                 "kernel f(x: f64[n], z: f64[n]) -> (y: f64[2*n+1], s: f64, w: f64[2,n]) {\n"
                 "y = join(x, z)\nlet t = join(z, x)\ns = sum[i](t[i])\n"
                 "w[i: 1, j] = x[i + j]\nw[1 + i: 1, j: 2] = z[i + j]\nw[1 + i: 1, 2 + j: 1] = z[i + j + 2]\n}\n");
    const double *x = run->inputs[0], *z = run->inputs[1];
    double sum = z[1] * x[2];
    for (size_t i = 0; i < 3; i++) {
        expect(run, 0, i, exp(x[i]));
        expect(run, 0, 4 + i, z[i]);
        expect(run, 2, i, x[i]);
        expect(run, 2, 3 + i, z[i]);
        sum += exp(z[i]) + x[i];
    }
    expect(run, 0, 3, x[1] * z[2]);
    expect(run, 1, 0, sum);
    done(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms_alone), cmocka_unit_test(test_functions),  cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_products),    cmocka_unit_test(test_integers),   cmocka_unit_test(test_merged),
        cmocka_unit_test(test_affine),      cmocka_unit_test(test_tables),     cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_weak),        cmocka_unit_test(test_weak_whole), cmocka_unit_test(test_wide_integers),
        cmocka_unit_test(test_complex),     cmocka_unit_test(test_bool),       cmocka_unit_test(test_calls),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
