/* The 16-bit floats: every one of them there and back, every rounding at a border, in the reference and in emitted C.
 *
 * Both directions are exhaustive over the 2^16 numbers and, for rounding, over the points half way between neighbours and a little
 * to either side, in double and in single precision. The expected number is found by search among all 2^16, not by the bits. */
#include "ir/arithmetic.h"
#include "runtime/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

static const enum ir_elem halves[] = {IR_f16, IR_bf16};

enum { NUMBERS = 1 << 16 };

/* Numbers not below 0 ascend with their bits up to infinity. */
static uint32_t infinity_of(enum ir_elem elem)
{
    return elem == IR_f16 ? 0x7c00 : 0x7f80;
}

/* The value of the bits by definition: fraction * 2^exponent. */
static double defined(enum ir_elem elem, uint32_t bits)
{
    int width = elem == IR_f16 ? 10 : 7, bias = elem == IR_f16 ? 15 : 127;
    uint32_t magnitude = bits & 0x7fff, exponent = magnitude >> width, fraction = magnitude & ((1u << width) - 1);
    double value = exponent ? ldexp((double)(fraction + (1u << width)), (int)exponent - bias - width)
                            : ldexp((double)fraction, 1 - bias - width);
    if (magnitude == infinity_of(elem))
        value = HUGE_VAL;
    return bits & 0x8000 ? -value : value;
}

static bool is_nan(enum ir_elem elem, uint32_t bits)
{
    return (bits & 0x7fff) > infinity_of(elem);
}

static void every_number_there_and_back(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++)
        for (uint32_t bits = 0; bits < NUMBERS; bits++) {
            double value = half_to_double(halves[k], (uint16_t)bits);
            uint16_t back = half_from_double(halves[k], value);
            if (is_nan(halves[k], bits)) {
                assert_true(isnan(value) && is_nan(halves[k], back) && (back & 0x8000) == (bits & 0x8000));
                continue;
            }
            assert_true(value == defined(halves[k], bits) && (signbit(value) != 0) == (bits >> 15 != 0));
            assert_int_equal(back, bits);
        }
}

/* What a number between neighbour `low` and the next one rounds to. */
static uint32_t nearest(uint32_t low, double value, double middle)
{
    if (value == middle)
        return low & 1 ? low + 1 : low;
    return value < middle ? low : low + 1;
}

static void rounding_is_to_nearest_even(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++)
        for (uint32_t low = 0; low < infinity_of(halves[k]); low++) {
            double a = defined(halves[k], low), b = defined(halves[k], low + 1);
            if (isinf(b)) /* what would come next, had the type one more exponent */
                b = a + (a - defined(halves[k], low - 1));
            double middle = a / 2 + b / 2;
            const double values[] = {nextafter(a, b), nextafter(middle, a), middle, nextafter(middle, b), nextafter(b, a)};
            for (size_t v = 0; v < 5; v++) {
                assert_int_equal(half_from_double(halves[k], values[v]), nearest(low, values[v], middle));
                assert_int_equal(half_from_double(halves[k], -values[v]), 0x8000 | nearest(low, values[v], middle));
            }
        }
    assert_int_equal(half_from_double(IR_f16, 1e300), 0x7c00);
    assert_int_equal(half_from_double(IR_bf16, -1e300), 0xff80);
    assert_int_equal(half_from_double(IR_f16, 1e-300), 0);
    assert_int_equal(half_from_double(IR_bf16, -5e-324), 0x8000);
}

/* ---- emitted C ---- */

enum { OUTPUTS = 11 };
static const char source_text[] =
    "dim n\n"
    "kernel f(d: f64[n], s: f32[n], h: f16[n], b: bf16[n]) -> (dh: f16[n], db: bf16[n], sh: f16[n], "
    "sb: bf16[n], hs: f32[n], bs: f32[n], hb: bf16[n], bh: f16[n], hi: i32[n], hz: bool[n], bd: f64[n]) {\n"
    " dh[i] = f16(d[i])\n db[i] = bf16(d[i])\n sh[i] = f16(s[i])\n sb[i] = bf16(s[i])\n"
    " hs[i] = f32(h[i])\n bs[i] = f32(b[i])\n hb[i] = bf16(h[i])\n bh[i] = f16(b[i])\n hi[i] = i32(h[i])\n hz[i] = bool(h[i])\n "
    "bd[i] = f64(b[i])\n}\n";

static void compare_conversions(const struct engine_info *info, struct compiled *compiled, int64_t n,
                                const struct ir_tensor *inputs, const struct ir_tensor *wanted, struct ir_tensor *got)
{
    struct engine *engine = info->create(compiled, NULL);
    assert_non_null(engine);
    assert_int_equal(info->run(engine, 0, &n, inputs, got), EINC_OK);
    for (uint32_t k = 0; k < OUTPUTS; k++)
        for (size_t at = 0; at < (size_t)n; at++) {
            struct ir_number a = ir_number_load(wanted[k].elem, wanted[k].data, at),
                             b = ir_number_load(got[k].elem, got[k].data, at);
            bool is_float = ir_elem_is_float(a.elem);
            if (is_float && isnan(a.re) ? !isnan(b.re) : !ir_number_equal(a, b))
                fail_msg("engine %s, output %u, element %zu: %a instead of %a", info->name, k, at, b.re, a.re);
        }
    info->destroy(engine);
}

/* The border of every pair of neighbours, in double and in single, and every number of both types, through every engine but the
 * reference. */
static void emitted_conversions_agree(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    struct source source = {"halves.ein", source_text, strlen(source_text)};
    const struct compile_options options = {.passes = {.machine = *machine_generic()}};
    struct compiled *compiled = compile_source(context, &source, &options);
    assert_non_null(compiled);
    int64_t n = 4 * NUMBERS, *shape = arena_copy(ir_arena(context), &n, 1, sizeof n);
    double *d = ARENA_ARRAY(ir_arena(context), (size_t)n, double);
    float *s = ARENA_ARRAY(ir_arena(context), (size_t)n, float);
    uint16_t *h = ARENA_ARRAY(ir_arena(context), (size_t)n, uint16_t);
    for (int64_t k = 0; k < n; k++) {
        enum ir_elem elem = halves[k / NUMBERS % 2];
        uint32_t bits = (uint32_t)(k % NUMBERS);
        double a = half_to_double(elem, (uint16_t)bits), b = half_to_double(elem, (uint16_t)(bits + 1));
        double middle = isinf(b) ? a * (1 + ldexp(1, elem == IR_f16 ? -11 : -8)) : a / 2 + b / 2;
        s[k] = (float)middle;
        d[k] = k / NUMBERS < 2 ? middle : nextafter(middle, k % 3 ? HUGE_VAL : -HUGE_VAL);
        if (k / NUMBERS >= 2)
            s[k] = nextafterf(s[k], k % 3 ? HUGE_VALF : -HUGE_VALF);
        h[k] = (uint16_t)bits;
    }
    const struct ir_tensor inputs[] = {{IR_f64, 1, shape, d}, {IR_f32, 1, shape, s}, {IR_f16, 1, shape, h}, {IR_bf16, 1, shape, h}};
    struct ir_tensor wanted[OUTPUTS], got[OUTPUTS];
    assert_true(binding_outputs(context, compiled->program->kernels[0], &n, got));
    assert_int_equal(ir_eval(context, compiled->program->kernels[0], IR_EVAL_NUMBERS, &n, inputs, wanted, NULL), EINC_OK);
    size_t n_engines;
    const struct engine_info *engines = engine_table(&n_engines);
    for (size_t at = 0; at < n_engines; at++)
        if (strcmp(engines[at].name, "ref") != 0)
            compare_conversions(&engines[at], compiled, n, inputs, wanted, got);
    ir_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_there_and_back),
        cmocka_unit_test(rounding_is_to_nearest_even),
        cmocka_unit_test(emitted_conversions_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
