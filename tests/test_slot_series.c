/* Functions as Chebyshev series in slot programs: the value is the series', the series is near the function as measured, the depth
 * is the least one, and levels and scales hold. */
#include "ir/slot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { SLOTS = 64 };

static double gelu(void *user, double x)
{
    (void)user;
    return 0.5 * x * (1 + erf(x / sqrt(2)));
}

static double relu(void *user, double x)
{
    (void)user;
    return x > 0 ? x : 0;
}

static double sigmoid(void *user, double x)
{
    (void)user;
    return 1 / (1 + exp(-x));
}

static double hyperbolic_tangent(void *user, double x)
{
    (void)user;
    return tanh(x);
}

static double exponential(void *user, double x)
{
    (void)user;
    return exp(x);
}

static double root(void *user, double x)
{
    (void)user;
    return sqrt(x);
}

static double reciprocal(void *user, double x)
{
    (void)user;
    return 1 / x;
}

static const struct {
    const char *name;
    slot_function *function;
    double low, high, within;
} functions[] = {{"gelu", gelu, -8, 8, 1e-3},       {"relu", relu, -1, 1, 1e-2},
                 {"sigmoid", sigmoid, -8, 8, 1e-4}, {"tanh", hyperbolic_tangent, -4, 4, 1e-4},
                 {"exp", exponential, -2, 1, 1e-8}, {"sqrt", root, 0.1, 2, 1e-5},
                 {"1/x", reciprocal, 0.5, 4, 1e-6}};

static void functions_are_computed_at_least_depth(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        struct ir_context *context = ir_context_create(NULL);
        struct slot_series series = {.low = functions[f].low, .high = functions[f].high};
        assert_true(slot_series_fit(ir_arena(context), functions[f].function, NULL, functions[f].within, &series));
        const struct slot_dim dim = {"i", SLOTS};
        const struct slot_layout *layout = slot_layout_row_major(context, SLOTS, 1, &dim);
        struct slot_program *program = slot_program_create(context, "f", SLOTS, 12, 40);
        const struct slot_value *t = slot_input_part(program, slot_add_input(program, "t", layout), 0);
        const struct slot_value *y = slot_series_evaluate(program, t, &series);
        assert_true(slot_add_output(program, "y", layout, &y));
        assert_true(slot_finish(program));
        assert_true(slot_verify(program, NULL));
        double in[SLOTS], out[SLOTS], *outputs[] = {out};
        const double *const inputs[] = {in};
        for (int k = 0; k < SLOTS; k++)
            in[k] = 2.0 * k / (SLOTS - 1) - 1;
        assert_int_equal(slot_eval(program, inputs, outputs, NULL), EINC_OK);
        for (int k = 0; k < SLOTS; k++) {
            double x = (series.low + series.high) / 2 + (series.high - series.low) / 2 * in[k];
            assert_true(fabs(out[k] - functions[f].function(NULL, x)) <= series.error + 1e-11);
        }
        struct slot_counts counts;
        slot_count(program, &counts);
        printf("%s on [%g, %g]: degree %u, error %.2e, depth %d, %d products of ciphertexts\n", functions[f].name, series.low,
               series.high, series.degree, series.error, (int)counts.depth, (int)counts.cmul);
        assert_true(slot_scale_equal(&y->scale, &t->scale));
        assert_int_equal(program->levels, slot_series_depth(ir_arena(context), &series));
        assert_int_equal(program->levels, counts.depth);
        assert_true((double)counts.depth <= ceil(log2((double)series.degree)) + 1);
        ir_context_destroy(context);
    }
}

static void missing_levels_are_refused(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    struct slot_series series = {.low = -8, .high = 8};
    assert_false(slot_series_fit(ir_arena(context), relu, NULL, 1e-9, &series));
    assert_true(series.error > 1e-9);
    const struct slot_dim dim = {"i", SLOTS};
    struct slot_program *program = slot_program_create(context, "f", SLOTS, 3, 40);
    uint32_t input = slot_add_input(program, "t", slot_layout_row_major(context, SLOTS, 1, &dim));
    assert_null(slot_series_evaluate(program, slot_input_part(program, input, 0), &series));
    assert_int_equal(ir_diagnostics(context)->n_errors, 1);
    ir_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions_are_computed_at_least_depth),
                                       cmocka_unit_test(missing_levels_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
