/* The reference evaluator in numbers, against values known by hand and against plain loops written here. Sums are compared exactly:
 * the evaluator adds in the order of the loops. Functions are compared within 1e-15 relative, a few units in the last place of
 * double. */
#include "eval_run.h"
#include "failing_allocator.h"
#include "programs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- numbers ---- */

static void contractions_are_plain_loops(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare("dim n\nkernel f: exact {\n"
                                       "%a = input 0 a : f64[2*n + 6]\n%b = input 1 b : f64[5, 4]\n%c = input 2 c : f64[5]\n"
                                       "%y = contract plustimes f64[i: n] sum [j: 4, k: 5] of (%a[i + 2*j], %b[k, 3 - j], %c[k])\n"
                                       "%z = contract plustimes f64[i: n, k: 5] of (%a[2*i], %c[4 - k])\n"
                                       "output y = %y\noutput z = %z\n}");
    const int64_t n = 7;
    double a[20], b[5][4], c[5];
    for (int k = 0; k < 20; k++)
        a[k] = sin(k + 1);
    for (int k = 0; k < 20; k++)
        b[k / 4][k % 4] = cos(3 * k);
    for (int k = 0; k < 5; k++)
        c[k] = 1.0 / (k + 1);
    eval_give(&run, 0, &n, a);
    eval_give(&run, 1, &n, b);
    eval_give(&run, 2, &n, c);
    eval_evaluate(&run, IR_EVAL_NUMBERS, &n);
    assert_int_equal(run.status, EINC_OK);
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < 5; k++)
                sum += a[i + 2 * j] * b[k][3 - j] * c[k];
        assert_true(DOUBLES(run, 0)[i] == sum);
        for (int k = 0; k < 5; k++)
            assert_true(DOUBLES(run, 1)[i * 5 + k] == a[2 * i] * c[4 - k]);
    }
    eval_finish(&run);
}

/* Sums of f32 are kept in double and rounded once, at the node: 1 + 2^-24 ten times is not lost. */
static void f32_is_rounded_once_a_node(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare("kernel f: exact {\n%a = input 0 a : f32[11]\n"
                                       "%sum = contract plustimes f32[] sum [i: 11] of (%a[i])\n"
                                       "%map = map f32[] of (%a[0], %a[1]) = ($0 + $1) - $0\n"
                                       "%cast = map f64[] of (%a[0], %a[1]) = f64($0 + $1)\n"
                                       "output sum = %sum\noutput map = %map\noutput cast = %cast\n}");
    float a[11] = {1};
    for (int k = 1; k < 11; k++)
        a[k] = 0x1p-24f;
    eval_give(&run, 0, NULL, a);
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    assert_true(*(float *)run.outputs[0].data == (float)(1 + 10 * 0x1p-24));
    assert_true(*(float *)run.outputs[1].data == 0x1p-24f);
    assert_true(*(double *)run.outputs[2].data == 1 + 0x1p-24);
    eval_finish(&run);
}

static void integers_wrap_and_divide(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("kernel f: exact {\n%a = input 0 a : i32[8]\n%b = input 1 b : i32[8]\n%c = input 2 c : u8[3]\n"
                     "%q = map i32[i: 8] of (%a[i], %b[i]) = $0 / $1\n"
                     "%d = map i32[i: 8] of (%a[i], %b[i]) = floor_div($0, $1)\n"
                     "%m = map i32[i: 8] of (%a[i], %b[i]) = floor_mod($0, $1)\n"
                     "%s = contract plustimes u8[] sum [i: 3] of (%c[i], %c[i])\n"
                     "%n = map u8[i: 3] of (%c[i]) = -$0\n"
                     "%abs = map i32[i: 8] of (%a[i]) = abs($0)\n"
                     "output q = %q\noutput d = %d\noutput m = %m\noutput s = %s\noutput n = %n\noutput abs = %abs\n}");
    int32_t a[8] = {7, -7, 7, -7, INT32_MIN, 5, INT32_MIN, 0}, b[8] = {2, 2, -2, -2, -1, 0, 0, 3};
    uint8_t c[3] = {200, 100, 3};
    eval_give(&run, 0, NULL, a);
    eval_give(&run, 1, NULL, b);
    eval_give(&run, 2, NULL, c);
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    assert_int_equal(run.status, EINC_OK);
    const int32_t quotients[8] = {3, -3, -3, 3, INT32_MIN, 0, 0, 0};
    const int32_t floors[8] = {3, -4, -4, 3, INT32_MIN, 0, 0, 0};
    const int32_t remainders[8] = {1, 1, -1, -1, 0, 5, INT32_MIN, 0};
    assert_memory_equal(run.outputs[0].data, quotients, sizeof quotients);
    assert_memory_equal(run.outputs[1].data, floors, sizeof floors);
    assert_memory_equal(run.outputs[2].data, remainders, sizeof remainders);
    assert_int_equal(*(uint8_t *)run.outputs[3].data, (200 * 200 + 100 * 100 + 9) % 256);
    const uint8_t negated[3] = {56, 156, 253};
    assert_memory_equal(run.outputs[4].data, negated, 3);
    assert_int_equal(((int32_t *)run.outputs[5].data)[4], INT32_MIN);
    eval_finish(&run);
}

static void unsigned_order_is_unsigned(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare("kernel f: exact {\n%a = input 0 a : u64[2]\n"
                                       "%less = map bool[] of (%a[0], %a[1]) = $0 < $1\n"
                                       "%max = contract maxplus u64[] sum [i: 2] of (%a[i])\n"
                                       "%half = map u64[] of (%a[0]) = $0 / u64:2\n"
                                       "%real = map f64[] of (%a[0]) = f64($0)\n"
                                       "output less = %less\noutput max = %max\noutput half = %half\noutput real = %real\n}");
    uint64_t a[2] = {UINT64_MAX, 1};
    eval_give(&run, 0, NULL, a);
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    assert_int_equal(*(uint8_t *)run.outputs[0].data, 0);
    assert_true(*(uint64_t *)run.outputs[1].data == UINT64_MAX);
    assert_true(*(uint64_t *)run.outputs[2].data == UINT64_MAX / 2);
    assert_true(*(double *)run.outputs[3].data == 0x1p64);
    eval_finish(&run);
}

/* A float that does not fit gives the least value; an i64 goes to f32 in one rounding (2^60 + 2^36 + 1 is just above the middle).
 */
static void casts_are_defined(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare("kernel f: exact {\n%a = input 0 a : f64[6]\n%b = input 1 b : i64[1]\n"
                                       "%i = map i8[k: 6] of (%a[k]) = i8($0)\n%u = map u32[k: 6] of (%a[k]) = u32($0)\n"
                                       "%t = map bool[k: 6] of (%a[k]) = bool($0)\n%f = map f32[k: 1] of (%b[k]) = f32($0)\n"
                                       "output i = %i\noutput u = %u\noutput t = %t\noutput f = %f\n}");
    double a[6] = {1.9, -1.9, 128, NAN, -INFINITY, 4e9};
    int64_t b[1] = {(INT64_C(1) << 60) + (INT64_C(1) << 36) + 1};
    eval_give(&run, 0, NULL, a);
    eval_give(&run, 1, NULL, b);
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    const int8_t narrow[6] = {1, -1, -128, -128, -128, -128};
    const uint32_t positive[6] = {1, 0, 128, 0, 0, 4000000000};
    const uint8_t truth[6] = {1, 1, 1, 1, 1, 1};
    assert_memory_equal(run.outputs[0].data, narrow, sizeof narrow);
    assert_memory_equal(run.outputs[1].data, positive, sizeof positive);
    assert_memory_equal(run.outputs[2].data, truth, sizeof truth);
    assert_true(*(float *)run.outputs[3].data == 0x1p60f + 0x1p37f);
    eval_finish(&run);
}

static void rings_sum_what_they_say(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare(
        "dim n\nkernel f: exact {\n%a = input 0 a : f64[n, 3]\n%t = input 1 t : bool[n, 3]\n%i = input 2 i : i8[n, 3]\n"
        "%0 = contract minplus f64[k: 3] sum [j: n] of (%a[j, k], %a[j, 2 - k])\n"
        "%1 = contract maxplus f64[k: 3] sum [j: n] of (%a[j, k])\n"
        "%2 = contract prod f64[k: 3] sum [j: n] of (%a[j, k])\n"
        "%3 = contract orand bool[k: 3] sum [j: n] of (%t[j, k], %t[j, 0])\n"
        "%4 = contract andor bool[k: 3] sum [j: n] of (%t[j, k])\n"
        "%5 = contract minplus i8[k: 3] sum [j: n] of (%i[j, k])\n"
        "%6 = contract plustimes f64[k: 3] sum [j: n] of (%a[j, k])\n"
        "output x0 = %0 output x1 = %1 output x2 = %2 output x3 = %3 output x4 = %4 output x5 = %5 output x6 = %6\n}");
    double a[2][3] = {{1, 2, NAN}, {-4, 5, 6}};
    uint8_t t[2][3] = {{1, 0, 1}, {0, 1, 1}};
    int8_t i[2][3] = {{3, -5, 7}, {2, 9, 7}};
    for (int64_t n = 2; n >= 0; n -= 2) {
        eval_give(&run, 0, &n, a);
        eval_give(&run, 1, &n, t);
        eval_give(&run, 2, &n, i);
        eval_evaluate(&run, IR_EVAL_NUMBERS, &n);
        assert_int_equal(run.status, EINC_OK);
        bool empty = n == 0;
        assert_true(empty ? DOUBLES(run, 0)[1] == INFINITY : DOUBLES(run, 0)[1] == 4);
        assert_true(empty ? DOUBLES(run, 1)[0] == -INFINITY : DOUBLES(run, 1)[0] == 1);
        assert_true(empty || isnan(DOUBLES(run, 1)[2])); /* nan stays, wherever it stands */
        assert_true(DOUBLES(run, 2)[0] == (empty ? 1 : -4));
        const uint8_t some[3] = {1, 0, 1}, none[3] = {0, 0, 0}, all[3] = {0, 0, 1}, every[3] = {1, 1, 1};
        assert_memory_equal(run.outputs[3].data, empty ? none : some, 3);
        assert_memory_equal(run.outputs[4].data, empty ? every : all, 3);
        assert_int_equal(((int8_t *)run.outputs[5].data)[1], empty ? INT8_MAX : -5);
        assert_true(DOUBLES(run, 6)[1] == (empty ? 0 : 7));
    }
    eval_finish(&run);
}

static void accesses_pad_look_up_and_conjugate(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("kernel f: exact {\n%x = input 0 x : c128[4]\n%order = const i64[3] {2, 0, 1}\n"
                     "%pad = view c128[i: 7] of conj %x[i - 2] pad c128:(9.0, 1.0)\n"
                     "%look = view c128[i: 3] of %x[%order[2 - i]]\n"
                     "%split = view c128[i: 2, j: 2] of %x[(2*i + j + 1) mod 4]\n"
                     "%floor = view c128[i: 8] of %x[i div 2]\n"
                     "%both = contract plustimes c128[i: 4] sum [j: 3] of (%x[i + j - 1] pad c128:(0.0, 0.0), conj %x[i])\n"
                     "%triangle = contract plustimes c128[i: 4] sum [j: 4] of (%x[j]) where (i - j)\n"
                     "output pad = %pad output look = %look output split = %split output floor = %floor output both = %both\n"
                     "output triangle = %triangle\n}");
    double x[4][2] = {{1, 10}, {2, 20}, {3, 30}, {4, 40}};
    eval_give(&run, 0, NULL, x);
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    assert_int_equal(run.status, EINC_OK);
    const double padded[7][2] = {{9, 1}, {9, 1}, {1, -10}, {2, -20}, {3, -30}, {4, -40}, {9, 1}};
    assert_memory_equal(run.outputs[0].data, padded, sizeof padded);
    const int order[3] = {2, 0, 1};
    for (int i = 0; i < 3; i++)
        assert_memory_equal(&DOUBLES(run, 1)[2 * i], x[order[2 - i]], sizeof x[0]);
    for (int i = 0; i < 4; i++)
        assert_memory_equal(&DOUBLES(run, 2)[2 * i], x[(i + 1) % 4], sizeof x[0]);
    for (int i = 0; i < 8; i++)
        assert_memory_equal(&DOUBLES(run, 3)[2 * i], x[i / 2], sizeof x[0]);
    for (int i = 0; i < 4; i++) {
        double re = 0, im = 0, sum = 0;
        for (int j = 0; j < 3; j++) {
            bool inside = i + j - 1 >= 0 && i + j - 1 < 4;
            re += inside ? x[i + j - 1][0] * x[i][0] + x[i + j - 1][1] * x[i][1] : 0;
            im += inside ? x[i + j - 1][1] * x[i][0] - x[i + j - 1][0] * x[i][1] : 0;
        }
        assert_true(DOUBLES(run, 4)[2 * i] == re && DOUBLES(run, 4)[2 * i + 1] == im);
        for (int j = 0; j <= i; j++)
            sum += x[j][0];
        assert_true(DOUBLES(run, 5)[2 * i] == sum);
    }
    eval_finish(&run);
}

static void maps_see_indices_and_choose(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare(
        "dim n\nkernel f: exact {\n%x = input 0 x : f64[n]\n"
        "%y = map f64[i: n, j: 2] of (%x[n - 1 - i]) = select(index(i) < index(2*j + n div 2), $0, f64(index(10*i + j)))\n"
        "%nan = map f64[i: n] of (%x[i]) = max(min($0, f64:2.0), f64:nan)\n"
        "output y = %y output nan = %nan\n}");
    const int64_t n = 5;
    double x[5] = {1, 2, 3, 4, 5};
    eval_give(&run, 0, &n, x);
    eval_evaluate(&run, IR_EVAL_NUMBERS, &n);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < 2; j++)
            assert_true(DOUBLES(run, 0)[2 * i + j] == (i < 2 * j + n / 2 ? x[n - 1 - i] : 10 * i + j));
        assert_true(isnan(DOUBLES(run, 1)[i]));
    }
    eval_finish(&run);
}

struct known_value {
    const char *function;
    double at, value;
};

static void functions_have_known_values(void **state)
{
    (void)state;
    /* from tables, to 16 digits */
    static const struct known_value known[] = {
        {"exp", 1, 2.718281828459045},
        {"log", 10, 2.302585092994046},
        {"sqrt", 2, 1.4142135623730951},
        {"tanh", 0.5, 0.46211715726000973},
        {"erf", 0.5, 0.5204998778130465},
        {"sin", 1, 0.8414709848078965},
        {"cos", 1, 0.5403023058681398},
        {"relu", -3, 0},
        {"relu", 3, 3},
        {"abs", -3, 3},
        {"gelu", 1, 0.8413447460685429},
        {"gelu_tanh", 1, 0.8411919906082768},
        {"sigmoid", 1, 0.7310585786300049},
        {"sigmoid", -800, 0},
        {"sigmoid", 800, 1},
        {"silu", 1, 0.7310585786300049},
        {"silu", -2, -0.2384058440442351},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        char text[200];
        snprintf(text, sizeof text,
                 "kernel f: exact {\n%%x = input 0 x : f64[]\n%%y = map f64[] of (%%x) = %s($0)\noutput y = %%y\n}",
                 known[k].function);
        struct eval_run run = eval_prepare(text);
        eval_give(&run, 0, NULL, &known[k].at);
        eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
        double value = DOUBLES(run, 0)[0];
        if (!(fabs(value - known[k].value) <= 1e-15 * fabs(known[k].value)))
            print_message("%s(%g) = %.17g, not %.17g\n", known[k].function, known[k].at, value, known[k].value);
        assert_true(fabs(value - known[k].value) <= 1e-15 * fabs(known[k].value));
        eval_finish(&run);
    }
}

static void complex_numbers_follow_algebra(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("kernel f: exact {\n%x = input 0 x : c128[2]\n"
                     "%q = map c128[] of (%x[0], %x[1]) = $0 / $1\n%m = map c128[] of (%x[0], %x[1]) = $0 * $1\n"
                     "%e = map c128[] of (%x[1]) = exp($0)\n%r = map c128[] of (%x[0]) = sqrt($0)\n"
                     "%a = map f64[] of (%x[0]) = abs($0)\n%c = map c128[] of (%x[0], %x[1]) = complex(imag($0), real($1))\n"
                     "output q = %q output m = %m output e = %e output r = %r output a = %a output c = %c\n}");
    double x[2][2] = {{3, 4}, {0, 2}};
    eval_give(&run, 0, NULL, x);
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    const double expected[6][2] = {{2, -1.5}, {-8, 6}, {cos(2), sin(2)}, {2, 1}, {5, 0}, {4, 0}};
    for (int k = 0; k < 6; k++) {
        assert_true(fabs(DOUBLES(run, k)[0] - expected[k][0]) <= 1e-15 * 8);
        assert_true(k == 4 || fabs(DOUBLES(run, k)[1] - expected[k][1]) <= 1e-15 * 8);
    }
    eval_finish(&run);
}
/* ---- what must not be run ---- */

static void check_refused(const char *text, int64_t n, enum einc_status status, enum diag_code code)
{
    struct eval_run run = eval_prepare(text);
    double data[8] = {0};
    eval_give(&run, 0, &n, data);
    if (code == DIAG_E0807)
        run.inputs[0].shape[0]++;
    eval_evaluate(&run, IR_EVAL_NUMBERS, &n);
    assert_int_equal(run.status, status);
    assert_int_equal(ir_diagnostics(run.context)->items[0]->code, code);
    eval_finish(&run);
}

static void forbidden_runs_are_diagnosed(void **state)
{
    (void)state;
    check_refused("dim n\nkernel f: exact {\n%x = input 0 x : f64[3]\n%y = view f64[i: n - 5] of %x[0]\noutput y = %y\n}", 3,
                  EINC_INVALID, DIAG_E0806);
    check_refused("dim n\nkernel f: exact {\n%x = input 0 x : f64[3]\n%y = view f64[n, n, n] of %x[0]\noutput y = %y\n}", 3000000,
                  EINC_LIMIT, DIAG_E0905);
    check_refused("dim n\nkernel f: exact {\n%x = input 0 x : f64[3]\n%y = view f64[i: 3] of %x[i]\noutput y = %y\n}", 3,
                  EINC_INVALID, DIAG_E0807);

    struct ir_context *context = ir_context_create(NULL);
    const struct poly *three[1] = {poly_constant(context, 3)}, *four[1] = {poly_constant(context, 4)};
    struct ir_access access = ir_access_whole(context, ir_input(context, 0, IR_f64, 1, three));
    struct ir_output output = {.name = "y", .node = ir_view(context, 1, four, access)};
    struct ir_input_info info = {.name = "x", .node = access.node};
    struct ir_kernel kernel = {.name = "f", .n_inputs = 1, .inputs = &info, .n_outputs = 1, .outputs = &output};
    double data[3] = {1, 2, 3};
    int64_t shape[1] = {3};
    struct ir_tensor input = {IR_f64, 1, shape, data}, result;
    assert_int_equal(ir_eval(context, &kernel, IR_EVAL_NUMBERS, NULL, &input, &result, NULL), EINC_INVALID);
    assert_int_equal(ir_diagnostics(context)->items[0]->code, DIAG_E0734);
    ir_context_destroy(context);
}

/* True when memory sufficed. */
static bool evaluate_random(struct failing_allocator *failing, const void *data)
{
    (void)data;
    struct ir_context *context = ir_context_create(&failing->allocator);
    const struct ir_program *program = context ? random_program(context, 11, NULL) : NULL;
    bool complete = program && ir_status(context) == EINC_OK;
    int64_t *dims = complete ? random_dims(context, 1) : NULL;
    const struct ir_kernel *kernel = program ? program->kernels[0] : NULL;
    struct ir_tensor *inputs = dims ? random_inputs(context, kernel, IR_EVAL_BOUND, dims, 2) : NULL;
    struct ir_tensor outputs[8];
    complete = inputs && ir_eval(context, kernel, IR_EVAL_BOUND, dims, inputs, outputs, NULL) == EINC_OK;
    ir_context_destroy(context);
    return complete;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    each_allocation_fails(evaluate_random, NULL);
}
/* Boxes over two axes in any order; a box that has no elements at these dims; text that reads back. */
static void concatenations(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("dim n dim m kernel f: exact {\n"
                     "    %a = input 0 a : f64[n, 2]\n    %b = input 1 b : f64[m, 2]\n    %c = input 2 c : f64[n + m, 1]\n"
                     "    %y = concat f64[i: n + m, j: 3] of (%b[i - n, j - 1], %c[i, j], %a[i, j - 1])\n"
                     "    output y = %y\n}\n");
    static const double a[] = {1, 2, 3, 4}, b[] = {5, 6}, c[] = {7, 8, 9};
    for (int64_t m = 0; m <= 1; m++) {
        const int64_t dims[] = {2, m};
        const double expected[] = {7, 1, 2, 8, 3, 4, 9, 5, 6};
        eval_give(&run, 0, dims, a);
        eval_give(&run, 1, dims, b);
        eval_give(&run, 2, dims, c);
        eval_evaluate(&run, IR_EVAL_NUMBERS, dims);
        assert_int_equal(run.status, EINC_OK);
        assert_int_equal(run.outputs[0].shape[0], 2 + m);
        assert_memory_equal(run.outputs[0].data, expected, (size_t)(2 + m) * 3 * sizeof *expected);
    }
    struct text text = text_create(ir_arena(run.context));
    ir_print_kernel(&text, run.context, run.kernel);
    struct source source = {"again.eir", text_finish(&text), text.length};
    struct ir_program *again = ir_read(run.context, &source);
    assert_non_null(again);
    assert_true(ir_kernel_equal(run.kernel, again->kernels[0]));
    eval_finish(&run);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contractions_are_plain_loops),
        cmocka_unit_test(f32_is_rounded_once_a_node),
        cmocka_unit_test(integers_wrap_and_divide),
        cmocka_unit_test(unsigned_order_is_unsigned),
        cmocka_unit_test(casts_are_defined),
        cmocka_unit_test(rings_sum_what_they_say),
        cmocka_unit_test(accesses_pad_look_up_and_conjugate),
        cmocka_unit_test(maps_see_indices_and_choose),
        cmocka_unit_test(functions_have_known_values),
        cmocka_unit_test(complex_numbers_follow_algebra),
        cmocka_unit_test(forbidden_runs_are_diagnosed),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(concatenations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
