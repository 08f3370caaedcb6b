/* Elementary functions on every engine against those of the C library in long double: over the whole range, at its ends, and at
 * numbers that are none. Bounds are those of docs/emitted-c.md, in units of the last place of the result. */
#include "library_tensors.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants those before it */
#include <cmocka.h>

typedef long double function(long double x);

static long double sigmoidl(long double x)
{
    long double e = expl(-fabsl(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static long double silul(long double x)
{
    return x * sigmoidl(x);
}

static long double gelul(long double x)
{
    return x / 2 * (1 + erfl(x * sqrtl(0.5L)));
}

static long double gelu_tanhl(long double x)
{
    return x / 2 * (1 + tanhl(sqrtl(2 / acosl(-1)) * (x + 0.044715L * x * x * x)));
}

static long double relul(long double x)
{
    return isnan(x) || x > 0 ? x : 0;
}

/* What the error is measured by: the last place of the result; of x where 1 is added to what may be nearly -1; and where a factor
 * may be below all normal numbers, what is lost of it. */
enum unit { OF_RESULT, OF_X, OF_RESULT_AND_FACTOR };

static const struct row {
    const char *name;
    function *exact;
    double bound;
    enum unit unit;
} rows[] = {
    {"exp", expl, 1.5, OF_RESULT},         {"tanh", tanhl, 2, OF_RESULT}, {"erf", erfl, 2, OF_RESULT},
    {"sigmoid", sigmoidl, 2.5, OF_RESULT}, {"gelu", gelul, 2.5, OF_X},    {"silu", silul, 3, OF_RESULT_AND_FACTOR},
    {"gelu_tanh", gelu_tanhl, 3, OF_X},    {"relu", relul, 0, OF_RESULT}, {"abs", fabsl, 0, OF_RESULT},
    {"log", logl, 1.5, OF_RESULT},         {"sqrt", sqrtl, 1, OF_RESULT},
};

enum { N = 3 * 16384 + 5 };

/* Of a type with this many bits of fraction and this least exponent: the place of the last bit of a number as large. */
static long double last_place(long double value, bool is_double)
{
    int digits = is_double ? DBL_MANT_DIG : FLT_MANT_DIG, least = is_double ? DBL_MIN_EXP : FLT_MIN_EXP, exponent = least;
    if (value != 0 && isfinite(value))
        (void)frexpl(value, &exponent);
    return ldexpl(1, (exponent > least ? exponent : least) - digits);
}

/* Numbers of every size, most of them where functions change, and those that are special. */
static double sample(uint64_t k, bool is_double)
{
    static const double special[] = {0.0,     -0.0,    INFINITY, -INFINITY, NAN,     FLT_MIN,  -FLT_MIN, FLT_MAX,  -FLT_MAX,
                                     1e-45,   -1e-45,  5e-324,   -5e-324,   DBL_MAX, -DBL_MAX, 88.72284, 88.72283, -87.3366,
                                     -103.97, -103.98, 709.782,  709.783,   -708.4,  -745.13,  -745.14,  0.85,     0.55,
                                     1.0,     -1.0,    20.0,     -20.0,     6.0,     4.0,      5.7,      8.35};
    enum { SPECIAL = sizeof special / sizeof *special };
    if (k < SPECIAL)
        return special[k];
    uint64_t random = (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
    random = (random ^ random >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    random = (random ^ random >> 27) * UINT64_C(0x94d049bb133111eb);
    double unit = (double)(random >> 11) * 0x1p-53, sign = random & 1 ? -1 : 1;
    switch (k % 4) {
    case 0:
        return sign * unit * (is_double ? 750 : 110);
    case 1:
        return sign * unit * 2;
    case 2:
        return sign * unit * 12;
    default:
        return sign * ldexp(1 + unit, (int)(random >> 1 & 63) - (is_double ? 60 : 40));
    }
}

static bool is_right(const struct row *row, bool is_double, double x, double y)
{
    long double exact = row->exact(x), unit = last_place(row->unit == OF_X ? x : exact, is_double);
    double nearest = is_double ? (double)exact : (double)(float)exact;
    if (isnan(nearest) || isnan(y))
        return isnan(nearest) && isnan(y);
    if (isinf(nearest) || isinf(y))
        return nearest == y || (isinf(nearest) && fabsl(exact) < (is_double ? DBL_MAX : FLT_MAX) * 1.0000001L);
    if (row->unit == OF_RESULT_AND_FACTOR)
        unit += fabsl(x) * last_place(0, is_double);
    bool has_sign = exact == 0 && row->unit == OF_RESULT && row->exact != relul && row->exact != logl;
    return fabsl((long double)y - exact) <= row->bound * unit && (!has_sign || !signbit(y) == !signbit(exact));
}

static void check_function(struct einc_context *context, const struct row *row, bool is_double)
{
    char source[160];
    const char *type = is_double ? "f64" : "f32";
    snprintf(source, sizeof source, "dim n\nkernel f(x: %s[n]) -> (y: %s[n]) { y[i] = %s(x[i]) }", type, type, row->name);
    struct einc_program *program;
    const struct einc_kernel *kernel;
    assert_int_equal(einc_compile(context, source, NULL, &program), EINC_OK);
    assert_int_equal(einc_find_kernel(program, NULL, &kernel), EINC_OK);
    size_t size = is_double ? sizeof(double) : sizeof(float);
    void *x = calloc(N, size), *y = calloc(N, size);
    assert_true(x && y);
    for (size_t k = 0; k < N; k++)
        if (is_double)
            ((double *)x)[k] = sample(k, true);
        else
            ((float *)x)[k] = (float)sample(k, false);
    DLTensor from = tensor_of(x, is_double ? F64 : F32, SHAPE(N)), to = tensor_of(y, is_double ? F64 : F32, SHAPE(N));
    const DLTensor *tensors[] = {&from, &to};
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, NULL), EINC_OK);
    for (size_t k = 0; k < N; k++) {
        double a = is_double ? ((double *)x)[k] : (double)((float *)x)[k];
        double b = is_double ? ((double *)y)[k] : (double)((float *)y)[k];
        if (!is_right(row, is_double, a, b))
            print_error("%s of %s at %a: %a, wanted %La\n", row->name, type, a, b, row->exact(a));
        assert_true(is_right(row, is_double, a, b));
    }
    free(x);
    free(y);
    einc_program_destroy(program);
}

/* The least and the largest of numbers, whatever their count; of a number that is none, wherever it stands, none. */
static void check_extrema(struct einc_context *context, bool is_double)
{
    char source[200];
    const char *type = is_double ? "f64" : "f32";
    snprintf(source, sizeof source, "dim n\nkernel f(x: %s[n]) -> (y: %s, z: %s) { y = min[i](x[i])\n z = max[i](x[i]) }", type,
             type, type);
    struct einc_program *program;
    const struct einc_kernel *kernel;
    assert_int_equal(einc_compile(context, source, NULL, &program), EINC_OK);
    assert_int_equal(einc_find_kernel(program, NULL, &kernel), EINC_OK);
    double f64[203], least, largest;
    float f32[203], least32, largest32;
    for (int count = 1; count <= 203; count += count < 40 ? 1 : 27)
        for (int odd = -1; odd < count; odd += 1 + count / 5) {
            double low = INFINITY, high = -INFINITY;
            for (int k = 0; k < count; k++) {
                f64[k] = k == odd ? (double)NAN : (double)((k * 37 + count) % 101 - 50);
                f32[k] = (float)f64[k];
                low = k == odd || f64[k] > low ? low : f64[k];
                high = k == odd || f64[k] < high ? high : f64[k];
            }
            void *values[3] = {f32, &least32, &largest32};
            if (is_double)
                values[0] = f64, values[1] = &least, values[2] = &largest;
            DLDataType kind = is_double ? F64 : F32;
            DLTensor x = tensor_of(values[0], kind, SHAPE(count)), y = scalar_of(values[1], kind), z = scalar_of(values[2], kind);
            const DLTensor *tensors[] = {&x, &y, &z};
            assert_int_equal(einc_kernel_run(kernel, 3, tensors, NULL), EINC_OK);
            double found[2] = {is_double ? least : (double)least32, is_double ? largest : (double)largest32};
            assert_true(odd >= 0 ? isnan(found[0]) && isnan(found[1]) : found[0] == low && found[1] == high);
        }
    einc_program_destroy(program);
}

static void check_engine(const char *engine, const char *target, const char *flags)
{
    const struct einc_options options = {.size = sizeof options, .engine = engine, .target = target, .flags = flags};
    struct einc_context *context = einc_context_create(NULL, &options);
    assert_non_null(context);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        for (int is_double = 0; is_double < 2; is_double++)
            check_function(context, &rows[k], is_double);
    check_extrema(context, false);
    check_extrema(context, true);
    einc_context_destroy(context);
}

static void functions_are_within_their_bounds_on_every_engine(void **state)
{
    (void)state;
    for (const char *const *engine = einc_engines(); *engine; engine++)
        if (engine != einc_engines()) /* auto is one of the others */
            check_engine(*engine, NULL, NULL);
}

/* Compilers without instructions for vectors of that length make them of others, or of numbers. */
static void functions_are_within_their_bounds_whatever_the_instructions(void **state)
{
    (void)state;
    check_engine("c", "avx512", "-O1");
    check_engine("c", "avx2", "-O1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_within_their_bounds_on_every_engine),
        cmocka_unit_test(functions_are_within_their_bounds_whatever_the_instructions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
