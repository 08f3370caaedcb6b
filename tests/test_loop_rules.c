/* What loop IR refuses: text that breaks a rule of loop_verify, and runs that leave a buffer. Every row is a whole function body in
 * the text of docs/loop-ir.md; the same body without the mistake is read and run first. */
#include "ir/ir.h"
#include "ir/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                                                       \
    "function f {\n    dim n\n    input x: f64[3] count 3 argument 0\n    input t: i64[3] count 3 argument 1\n"                    \
    "    output y: f64[3] count 3 argument 0\n"

struct row {
    const char *text;
    enum diag_code code;
    const char *message; /* a part of it */
};

static const struct row broken[] = {
    {HEAD "for i < 3 {\nx[i] = f64 0\n}\n}\n", DIAG_E0742, "only read: `x`"},
    {HEAD "y[0] = t[0]\n}\n", DIAG_E0742, "another type than its buffer: `y`"},
    {HEAD "y[3] = f64 0\n}\n", DIAG_E0742, "outside the buffer `y`"},
    {HEAD "y[0] = x[-1]\n}\n", DIAG_E0742, "outside the buffer `x`"},
    {HEAD "y[0] = add(x[0], t[0])\n}\n", DIAG_E0741, "does not take these types"},
    {HEAD "y[0] mul= x[0]\nvar a: f64 = x[0]\ny[0] sub= a\n}\n", DIAG_E0742, "nothing combines"},
    {HEAD "let a: f64 = x[0]\na add= x[1]\n}\n", DIAG_E0742, "constant or not defined: `a`"},
    {HEAD "for i < 3 \ny[i] = x[i]\n}\n", DIAG_E0741, "expected `{`"},
    {HEAD "y[0] = z[0]\n}\n", DIAG_E0741, ""},
    {HEAD "y[0] = x[0]\n", DIAG_E0741, ""},
    {"function f {\n", DIAG_E0741, ""},
    {"kernel f {}\n", DIAG_E0741, ""},
};

static struct loop_function *read_one(struct ir_context *context, const char *text)
{
    static struct source source;
    source = (struct source){.path = "rules.loop", .text = text, .length = strlen(text)};
    size_t count = 0;
    struct loop_function **functions = loop_read(context, &source, &count);
    return functions && count == 1 && loop_verify(context, functions[0]) ? functions[0] : NULL;
}

static void expect(struct ir_context *context, const struct row *row)
{
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    if (diagnostics->n_items == 0)
        fail_msg("nothing was said of\n%s", row->text);
    if (diagnostics->items[0]->code != row->code || !strstr(diagnostics->items[0]->message, row->message))
        fail_msg("%s: `%s`, not %s: `%s`, was said of\n%s", diag_code_name(diagnostics->items[0]->code),
                 diagnostics->items[0]->message, diag_code_name(row->code), row->message, row->text);
}

static void test_broken_rules(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
        struct ir_context *context = ir_context_create(NULL);
        if (read_one(context, broken[k].text))
            fail_msg("nothing is wrong with\n%s", broken[k].text);
        expect(context, &broken[k]);
        ir_context_destroy(context);
    }
}

/* Runs with x = 1, 2, 3, t = 0, 1, 5 and n = 3. */
static enum einc_status run(struct ir_context *context, const struct loop_function *function, struct ir_tensor *y)
{
    double x[3] = {1, 2, 3};
    int64_t t[3] = {0, 1, 5}, shape[1] = {3}, dims[1] = {3};
    struct ir_tensor inputs[2] = {{IR_f64, 1, shape, x}, {IR_i64, 1, shape, t}};
    return loop_eval(context, function, IR_EVAL_NUMBERS, dims, inputs, y);
}

static void test_a_right_one_runs(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const struct loop_function *function = read_one(context, HEAD "for i < n {\ny[i] = add(x[i], x[n - i - 1])\n}\n}\n");
    struct ir_tensor y;
    assert_non_null(function);
    assert_int_equal(run(context, function, &y), EINC_OK);
    for (int k = 0; k < 3; k++)
        assert_true(((const double *)y.data)[k] == 4);
    ir_context_destroy(context);
}

/* What cannot be seen before the sizes are known is seen when it happens, before any memory is touched. */
static void test_a_place_outside(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD "for i < n {\ny[i] = x[i + 1]\n}\n}\n", DIAG_E0742, "reads element 3 of `x`, which has 3"},
        {HEAD "for i < n {\ny[i - 1] = x[i]\n}\n}\n", DIAG_E0742, "writes element -1 of `y`, which has 3"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct loop_function *function = read_one(context, rows[k].text);
        struct ir_tensor y;
        assert_non_null(function);
        assert_int_equal(run(context, function, &y), EINC_INTERNAL);
        expect(context, &rows[k]);
        ir_context_destroy(context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_rules),
        cmocka_unit_test(test_a_right_one_runs),
        cmocka_unit_test(test_a_place_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
