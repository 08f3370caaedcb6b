/* What loop IR refuses: text that breaks a rule of loop_verify, and runs that leave a buffer. Every row is a whole function body in
 * the text of docs/loop-ir.md; the same body without the mistake is read and run first. */
#include "ir/ir.h"
#include "ir/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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

/* A function that declares this, and one with these statements. */
#define DECLARED(line) "function f {\n    " line "\n    output y: f64[3] count 3 argument 0\n    y[0] = f64 1\n}\n"
#define BODY(lines)    HEAD lines "\n}\n"

/* What is no text of loop IR. */
static const struct row malformed[] = {
    {DECLARED("dim 3"), DIAG_E0741, "expected a name"},
    {DECLARED("dim n ~ -1"), DIAG_E0741, "a typical size is above 0"},
    {DECLARED("dim n ~ nan"), DIAG_E0741, "a typical size is above 0"},
    {DECLARED("dim n ~ x"), DIAG_E0741, "expected a number"},
    {DECLARED("dim n <= x"), DIAG_E0741, "expected an integer"},
    {DECLARED("dim n <= 5x"), DIAG_E0741, "malformed integer"},
    {DECLARED("dim n ~ 5x"), DIAG_E0741, "malformed number"},
    {DECLARED("dim n % 0"), DIAG_E0741, "a divisor is at least 1"},
    {DECLARED("dim n % 99999999999999999999999999"), DIAG_E0741, "malformed integer"},
    {DECLARED("input x f64[3] count 3"), DIAG_E0741, "expected `:`"},
    {DECLARED("input x: f65[3] count 3"), DIAG_E0741, "expected an element type"},
    {DECLARED("input x: f64 count 3"), DIAG_E0741, "expected `[`"},
    {DECLARED("input x: f64[3 3] count 9"), DIAG_E0741, "expected `,`"},
    {DECLARED("input x: f64[m] count 3"), DIAG_E0741, "neither an open index nor a dim"},
    {DECLARED("input x: f64[3]"), DIAG_E0741, "expected `count`"},
    {DECLARED("input x: f64[3] count 3 argument -1"), DIAG_E0741, "an argument has a small number"},
    {DECLARED("input x: f64[3] count 3 updates 0"), DIAG_E0741, "an output updates an input"},
    {DECLARED("output z: f64[3] count 3 argument 1 updates 70000"), DIAG_E0741, "an output updates an input"},
    {DECLARED("constant c: f64[3] count 3"), DIAG_E0741, "a constant needs its numbers"},
    {DECLARED("constant c: f64[3] count 3 = {1 2}"), DIAG_E0741, "expected `,`"},
    {DECLARED("constant c: f64[1] count 1 = 1"), DIAG_E0741, "expected `{`"},
    {DECLARED("constant c: c128[1] count 1 = {1}"), DIAG_E0741, "expected `(`"},
    {DECLARED("constant c: c128[1] count 1 = {(1, 2}"), DIAG_E0741, "expected `)`"},
    {DECLARED("table t: i32[2] = {1}"), DIAG_E0741, "as many integers as its shape says"},
    {DECLARED("table t: f64[1] = {1}"), DIAG_E0741, "as many integers as its shape says"},
    {DECLARED("dim n table t: i32[n] = {1}"), DIAG_E0741, "a shape of numbers"},
    {DECLARED("table t: i32[4294967296, 4294967296] = {1}"), DIAG_E0741, "a shape of numbers"},
    {DECLARED("workspace 64"), DIAG_E0741, "expected `align`"},
    {DECLARED("workspace 64 align 8192"), DIAG_E0741, "expected `align`"},
    {DECLARED("workspace 64 align 64 each x"), DIAG_E0741, "neither an open index nor a dim"},
    {DECLARED("threads"), DIAG_E0741, "expected an integer"},
    {DECLARED("threads 0"), DIAG_E0741, "a number of threads is small"},
    {DECLARED("threads 1025"), DIAG_E0741, "a number of threads is small"},
    {BODY("for i 3 {\ny[i] = x[i]\n}"), DIAG_E0741, "expected `<`"},
    {BODY("for i < 3 {\n}"), DIAG_E0741, "a body without statements"},
    {BODY("if n {\ny[0] = x[0]\n}"), DIAG_E0741, "expected `>=`"},
    {BODY("if n >= 1 {\ny[0] = x[0]\n}"), DIAG_E0741, "a condition is a poly"},
    {BODY("check n"), DIAG_E0741, "expected `>=`"},
    {BODY("let a f64 = x[0]"), DIAG_E0741, "expected `:`"},
    {BODY("let a: f64 x[0]"), DIAG_E0741, "expected `=`"},
    {BODY("y[0] plus= x[0]"), DIAG_E0741, "unknown operation before `=`"},
    {BODY("a = x[0]"), DIAG_E0741, "not a local"},
    {BODY("y[0 = x[0]"), DIAG_E0741, "expected `]`"},
    {BODY("prefetch q[0]"), DIAG_E0741, "expected a place in a buffer"},
    {BODY("prefetch x = 1"), DIAG_E0741, "expected `[`"},
    {BODY("prefetch x[0"), DIAG_E0741, "expected `]`"},
    {BODY("prefetch x[i]"), DIAG_E0741, "neither an open index nor a dim"},
    {BODY("comment words"), DIAG_E0741, "expected a string"},
    {BODY("comment \"words"), DIAG_E0741, "expected a string"},
    {BODY("block {\ny[0] = x[0]\n}"), DIAG_E0741, "expected a string"},
    {BODY("y[0] = "), DIAG_E0741, "expected an expression"},
    {BODY("y[0] = 5"), DIAG_E0741, "expected an expression"},
    {BODY("y[0] = z"), DIAG_E0741, "neither a buffer nor a local"},
    {BODY("y[0] = f64 1x"), DIAG_E0741, "malformed number"},
    {BODY("y[0] = add(x[0])"), DIAG_E0741, "expected `,`"},
    {BODY("y[0] = add(x[0], x[1]"), DIAG_E0741, "expected `)`"},
    {BODY("y[0] = x[t[0, 1]]"), DIAG_E0741, "one subscript an axis"},
    {BODY("y[0] = x[x[0]]"), DIAG_E0741, "not a table"},
    {BODY("y[0] = $0"), DIAG_E0741, "no such part"},
    {BODY("y[0] = let $1 = x[0] in $1"), DIAG_E0741, "numbered from $0 on"},
    {BODY("y[0] = let $0 = add($0, x[0]) in $0"), DIAG_E0741, "no such part"},
    {BODY("y[0] = let $0 = x[0] $0"), DIAG_E0741, "expected `in`"},
    {BODY("y[0] = let $x = x[0] in $0"), DIAG_E0741, "expected an integer"},
    {BODY("y[0] = let $0 = x[0] in $0\ny[1] = $0"), DIAG_E0741, "no such part"}, /* a part ends with its value */
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
    {BODY("if n >= 0 {\nlet a: f64 = x[0]\ny[0] = a\n}\ny[1] = a"), DIAG_E0742, "read outside its scope: `a`"},
    {BODY("if n >= 0 {\nvar a: f64 = x[0]\ny[0] = a\n}\na = x[0]"), DIAG_E0742, "constant or not defined: `a`"},
    {BODY("let a: f32 = x[0]"), DIAG_E0742, "given another type: `a`"},
    {BODY("var a: f64 = x[0]\na = t[0]"), DIAG_E0742, "given another type: `a`"},
    {DECLARED("dim n stack s: f64[n] count n"), DIAG_E0742, "of run-time size: `s`"},
    {DECLARED("constant c: f64[3] count 3 = {1, 2}"), DIAG_E0742, "as many numbers as it says: `c`"},
    {DECLARED("input x: value f64[2] count 2 argument 0"), DIAG_E0742, "no real number: `x`"},
    {DECLARED("input x: value c128[] count 1 argument 0"), DIAG_E0742, "no real number: `x`"},
    {DECLARED("input x: f64[3] count 3 argument 0 private"), DIAG_E0742, "an argument or a constant: `x`"},
    {BODY("stack s: f64[2] count 2\nprefetch s[0]"), DIAG_E0742, "no tensor in memory: `s`"},
    {BODY("constant c: f64[1] count 1 = {1}\nprefetch c[0]"), DIAG_E0742, "no tensor in memory: `c`"},
    {BODY("input v: value f64[] count 1 argument 2\nprefetch v[0]"), DIAG_E0742, "no tensor in memory: `v`"},
    {DECLARED("scratch s: value f64[] count 1 at 0"), DIAG_E0742, "no real number: `s`"},
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

static void expect_wrong(const struct row *rows, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        struct ir_context *context = ir_context_create(NULL);
        if (read_one(context, rows[k].text))
            fail_msg("nothing is wrong with\n%s", rows[k].text);
        expect(context, &rows[k]);
        ir_context_destroy(context);
    }
}

static void test_malformed_text(void **state)
{
    (void)state;
    expect_wrong(malformed, sizeof malformed / sizeof *malformed);
}

static void test_broken_rules(void **state)
{
    (void)state;
    expect_wrong(broken, sizeof broken / sizeof *broken);
}

/* Each part reads the one before twice. As deep as what recurses into expressions bears, and one deeper. */
static void test_deep_values(void **state)
{
    (void)state;
    static char text[1 << 18];
    for (int parts = IR_EXPRESSION_DEPTH - 1; parts <= IR_EXPRESSION_DEPTH; parts++) {
        struct ir_context *context = ir_context_create(NULL);
        size_t at = (size_t)snprintf(text, sizeof text, "%sy[0] = let $0 = add(x[0], x[0]) in ", HEAD);
        for (int k = 1; k < parts; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "let $%d = add($%d, $%d) in ", k, k - 1, k - 1);
        snprintf(text + at, sizeof text - at, "$%d\n}\n", parts - 1);
        assert_int_equal(read_one(context, text) != NULL, parts < IR_EXPRESSION_DEPTH);
        if (parts == IR_EXPRESSION_DEPTH)
            expect(context, &(struct row){"parts upon parts", DIAG_E0708, ""});
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
        cmocka_unit_test(test_malformed_text),   cmocka_unit_test(test_broken_rules),    cmocka_unit_test(test_deep_values),
        cmocka_unit_test(test_a_right_one_runs), cmocka_unit_test(test_a_place_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
