/* The reference evaluator modulo the prime, which decides identities of polynomials, and its bounds of what inputs that are off by
 * an eps can do to outputs: against identities, integers and plain sums. */
#include "eval_run.h"
#include "programs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

__extension__ typedef unsigned __int128 wide;

/* ---- modulo the prime ---- */

/* Pairs of equal polynomials, and pairs that differ, at a random point. */
static void prime_decides_identities(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("kernel f: exact {\n%a = input 0 a : c128[4]\n"
                     "%0 = map c128[i: 4] of (%a[i], %a[3 - i]) = ($0 + $1) * ($0 - $1)\n"
                     "%1 = map c128[i: 4] of (%a[i], %a[3 - i]) = $0 * $0 - $1 * $1\n"
                     "%2 = map c128[i: 4] of (%a[i], %a[3 - i]) = $0 / $1 * $1 * c128:(0.5, 0.0) + $0 * c128:(0.5, 0.0)\n"
                     "%3 = map c128[i: 4] of (%a[i]) = $0\n"
                     "%4 = map c128[i: 4] of (%a[i]) = complex(real($0), imag($0)) * c128:(0.0, 1.0) * c128:(0.0, 1.0)\n"
                     "%5 = map c128[i: 4] of (%a[i]) = -$0\n"
                     "%6 = contract plustimes c128[] sum [i: 4, j: 4] of (%a[i], conj %a[j])\n"
                     "%s = contract plustimes c128[] sum [i: 4] of (%a[i])\n"
                     "%7 = map c128[] of (%s, conj %s) = $0 * $1\n"
                     "%8 = map c128[i: 4] of (%a[i], %a[3 - i]) = exp($0 + $1)\n"
                     "%9 = map c128[i: 4] of (%a[3 - i], %a[i]) = exp($1 + $0 * c128:(1.0, 0.0))\n"
                     "output x0 = %0 output x1 = %1 output x2 = %2 output x3 = %3 output x4 = %4 output x5 = %5 output x6 = %6\n"
                     "output x7 = %7 output x8 = %8 output x9 = %9\n}");
    uint64_t a[4][2], seed = 1;
    for (int k = 0; k < 8; k++)
        a[k / 2][k % 2] = random_next(&seed) >> 4;
    eval_give(&run, 0, NULL, a);
    eval_evaluate(&run, IR_EVAL_PRIME, NULL);
    assert_int_equal(run.status, EINC_OK);
    for (int k = 0; k < 10; k += 2)
        assert_memory_equal(run.outputs[k].data, run.outputs[k + 1].data, k == 6 ? 16 : 64);
    assert_memory_not_equal(run.outputs[1].data, run.outputs[3].data, 64);
    assert_memory_not_equal(run.outputs[8].data, run.outputs[3].data, 64);
    assert_false(ir_is_polynomial(run.kernel));
    eval_finish(&run);
}

/* Literals are m * 2^e exactly, negative and far exponents too: x * 2^-70 * 2^70 = x. */
static void prime_takes_dyadic_rationals(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("kernel f: exact {\n%a = input 0 a : f64[]\n%w = const f64[2] {0x1p-70, -0x1.8p-1000}\n%v = const "
                     "f64[2] {0x1p+70, 0x1.8p+1000}\n"
                     "%y = map f64[i: 2] of (%a, %w[i], %v[i]) = $0 * $1 * $2\noutput y = %y\n}");
    uint64_t a[2] = {12345, 0}, prime = (UINT64_C(1) << 61) - 1;
    eval_give(&run, 0, NULL, a);
    eval_evaluate(&run, IR_EVAL_PRIME, NULL);
    const uint64_t *y = run.outputs[0].data;
    assert_true(y[0] == 12345);
    /* -(1.5)^2 * 12345 = -9/4 * 12345 */
    uint64_t four_times = (uint64_t)((wide)y[2] * 4 % prime);
    assert_true((four_times + 9 * 12345) % prime == 0);
    assert_true(ir_is_polynomial(run.kernel));
    eval_finish(&run);
}

/* Passes compute the least of constants in numbers. */
static void prime_orders_fractions(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("kernel f: exact {\n%c = const f64[i: 2, j: 4] {-0x1p-1, 0x1p-2, -0x1.8p+0, 2.0, 0x1p-1, 3.0, "
                     "inf, 0x1p-20}\n%w = const f64[4] {-0x1.8p+0, 0x1p-20, 2.0, inf}\n"
                     "%l = contract minplus f64[i: 2] sum [j: 4] of (%c[i, j])\n"
                     "%g = contract maxplus f64[i: 2] sum [j: 4] of (%c[i, j])\n"
                     "output l = %l\noutput g = %g\noutput w = %w\n}");
    eval_evaluate(&run, IR_EVAL_PRIME, NULL);
    assert_memory_equal(run.outputs[0].data, run.outputs[2].data, 32);
    assert_memory_equal(run.outputs[1].data, (const char *)run.outputs[2].data + 32, 32);
    eval_finish(&run);
}

/* Polynomial programs over small integers are the same numbers modulo the prime as in i64. */
static void prime_agrees_with_integers(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare("kernel f: exact {\n%a = input 0 a : i64[3, 4]\n%b = input 1 b : i64[4]\n"
                                       "%y = contract plustimes i64[i: 3] sum [j: 4] of (%a[i, j], %b[j], %b[3 - j])\n"
                                       "%z = map i64[i: 3] of (%y[i], %a[i, 1]) = $0 * $0 - $1 + index(i)\noutput z = %z\n}");
    int64_t a[12], b[4] = {5, -7, 11, 13};
    uint64_t residues_a[24] = {0}, residues_b[8] = {0};
    const uint64_t prime = (UINT64_C(1) << 61) - 1;
    for (int k = 0; k < 12; k++) {
        a[k] = k * k - 40;
        residues_a[2 * k] = a[k] < 0 ? prime - (uint64_t)-a[k] : (uint64_t)a[k];
    }
    for (int k = 0; k < 4; k++)
        residues_b[2 * k] = b[k] < 0 ? prime - (uint64_t)-b[k] : (uint64_t)b[k];
    eval_give(&run, 0, NULL, a);
    eval_give(&run, 1, NULL, b);
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    const int64_t *numbers = run.outputs[0].data;
    eval_give(&run, 0, NULL, residues_a);
    eval_give(&run, 1, NULL, residues_b);
    eval_evaluate(&run, IR_EVAL_PRIME, NULL);
    const uint64_t *residues = run.outputs[0].data;
    for (int k = 0; k < 3; k++)
        assert_true(residues[2 * k] == (numbers[k] < 0 ? prime - (uint64_t)-numbers[k] : (uint64_t)numbers[k]));
    eval_finish(&run);
}

static void integer_division_is_not_polynomial(void **state)
{
    (void)state;
    static const char *const bodies[] = {"$0 / i32:3", "i32(i8($0))", "max($0, i32:1)", "$0 * $0 - i32:3", "i32(i64($0) * i64:2)"};
    static const bool polynomial[] = {false, false, false, true, false};
    for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
        char text[200];
        snprintf(text, sizeof text, "kernel f: exact {\n%%x = input 0 x : i32[]\n%%y = map i32[] of (%%x) = %s\noutput y = %%y\n}",
                 bodies[k]);
        struct eval_run run = eval_prepare(text);
        assert_int_equal(ir_is_polynomial(run.kernel), polynomial[k]);
        eval_finish(&run);
    }
}

/* ---- bounds ---- */

static void bound_sums_magnitudes(void **state)
{
    (void)state;
    struct eval_run run = eval_prepare("kernel f: exact {\n%a = input 0 a : f64[2, 3]\n%b = input 1 b : f64[3]\n"
                                       "%y = contract plustimes f64[i: 2] sum [j: 3] of (%a[i, j], %b[j])\n"
                                       "%z = map f64[i: 2] of (%y[i], %b[0]) = $0 - $1\noutput y = %y output z = %z\n}");
    double a[6] = {1, -2, 3, -4, 5, -6}, b[3] = {-1, 2, 3};
    eval_give(&run, 0, NULL, a);
    eval_give(&run, 1, NULL, b);
    eval_evaluate(&run, IR_EVAL_BOUND, NULL);
    assert_true(DOUBLES(run, 0)[0] == 1 + 4 + 9 && DOUBLES(run, 0)[1] == 4 + 10 + 18);
    assert_true(DOUBLES(run, 1)[0] == 15 && DOUBLES(run, 1)[1] == 33);
    assert_true(run.longest[0] >= 3 && run.longest[1] > run.longest[0]);
    eval_finish(&run);
}

/* Inputs moved by eps relative, in all 512 combinations of signs, move the outputs by no more than longest_sum * eps * magnitude.
 */
static void bound_covers_perturbations(void **state)
{
    (void)state;
    struct eval_run run =
        eval_prepare("kernel f: exact {\n%a = input 0 a : f64[2, 3]\n%b = input 1 b : f64[3]\n"
                     "%y = contract plustimes f64[i: 2] sum [j: 3] of (%a[i, j], %b[j])\n"
                     "%z = map f64[i: 2] of (%y[i], %b[i]) = exp($0 - $1) / (f64:3.0 + $1) + sqrt(abs($0)) * tanh($1)\n"
                     "output z = %z\n}");
    double a[6] = {1, -2, 3, -4, 5, -6}, b[3] = {-1, 2, 3}, moved_a[6], moved_b[3];
    const double eps = 0x1p-30; /* large against double, small against first order */
    eval_give(&run, 0, NULL, a);
    eval_give(&run, 1, NULL, b);
    eval_evaluate(&run, IR_EVAL_BOUND, NULL);
    double magnitude[2] = {DOUBLES(run, 0)[0], DOUBLES(run, 0)[1]};
    eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
    double exact[2] = {DOUBLES(run, 0)[0], DOUBLES(run, 0)[1]};
    for (uint32_t signs = 0; signs < 512; signs++) {
        for (int k = 0; k < 6; k++)
            moved_a[k] = a[k] * (1 + ((signs >> k) & 1 ? eps : -eps));
        for (int k = 0; k < 3; k++)
            moved_b[k] = b[k] * (1 + ((signs >> (6 + k)) & 1 ? eps : -eps));
        eval_give(&run, 0, NULL, moved_a);
        eval_give(&run, 1, NULL, moved_b);
        eval_evaluate(&run, IR_EVAL_NUMBERS, NULL);
        for (int k = 0; k < 2; k++)
            assert_true(fabs(DOUBLES(run, 0)[k] - exact[k]) <= run.longest[0] * eps * magnitude[k]);
    }
    eval_finish(&run);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prime_decides_identities),
        cmocka_unit_test(prime_takes_dyadic_rationals),
        cmocka_unit_test(prime_orders_fractions),
        cmocka_unit_test(prime_agrees_with_integers),
        cmocka_unit_test(integer_division_is_not_polynomial),
        cmocka_unit_test(bound_sums_magnitudes),
        cmocka_unit_test(bound_covers_perturbations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
