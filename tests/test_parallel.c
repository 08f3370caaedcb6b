/* Parallel loops: which are proved independent, which are refused with which words, and what loop_eval finds where a proof would
 * have been wrong. */
#include "ir/ir.h"
#include "ir/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                                                       \
    "function f {\n    dim n\n    dim m\n    input x: f64[n, m] count n*m argument 0\n    input t: i64[n] count n argument 1\n"    \
    "    output y: f64[n, m] count n*m argument 0\n    output z: f64[120] count 120 argument 1\n"                                  \
    "    scratch s: f64[n] count n\n    stack own: f64[4] count 4 private\n"
#define BODY(lines) HEAD "    threads 2\n" lines "\n}\n"

/* ---- proved ---- */

static const char *const independent[] = {
    /* rows, and columns, where inner loops reach past the row in steps of whole rows */
    BODY("parallel i < n { for j < m { y[i*m + j] = x[i*m + j] } }"),
    BODY("parallel j < m { for i < n { y[i*m + j] = x[i*m + j] } }"),
    /* an axis in the middle */
    BODY("parallel j < 5 { for i < 4 { for k < 6 { z[30*i + 6*j + k] = f64 0 } } }"),
    /* from the last to the first, and every second */
    BODY("parallel i < n { y[n*m - 1 - i] = f64 1 }"),
    BODY("parallel i < 60 { z[2*i] = z[2*i + 1] }"),
    BODY("parallel i < 60 { z[2*i] = f64 0\n z[2*i + 1] = f64 0 }"),
    /* blocks that reach over the end but for their limits, in a row that is no multiple of them */
    BODY("parallel b < (m + 15) div 16 { for i < n { for j < 16 limit m - 16*b { y[i*m + 16*b + j] = f64 0 } } }"),
    BODY("parallel b < 3 { for a < 5 { for j < 10 limit 24 - 10*b { z[24*a + 10*b + j] = f64 0 } } }"),
    BODY("parallel b < (m + 99) div 100 { for i < n { for c < 5 limit (m + 19) div 20 - 5*b { "
         "for j < 20 limit m - 100*b - 20*c { y[i*m + 100*b + 20*c + j] add= x[i*m + 100*b + 20*c + j] } } } }"),
    /* whole blocks under a condition, and what is left */
    BODY("parallel i < n { for b < (m + 7) div 8 { if m - 8*b - 8 >= 0 { for j < 8 { y[i*m + 8*b + j] = f64 0 } } else "
         "{ for j < 8 limit m - 8*b { y[i*m + 8*b + j] = f64 0 } } } }"),
    BODY("for b < (m + 7) div 8 { parallel i < n { if m - 8*b - 8 >= 0 { for j < 8 { y[i*m + 8*b + j] = f64 0 } } else "
         "{ for j < 8 limit m - 8*b { y[i*m + 8*b + j] = f64 0 } } } }"),
    BODY("for k < 4 { parallel b < (m + 7) div 8 { for i < n { if m - 8*b - 8 >= 0 { for j < 8 { y[i*m + 8*b + j] = f64 0 } } } } "
         "}"),
    /* triangles */
    BODY("parallel i < 10 { for j < i + 1 { z[10*i + j] = f64 0 } }"),
    BODY("parallel i < 10 { for j < 10 from i { z[10*i + j] = f64 0 } }"),
    /* inside of other loops, whose indices are the same for all iterations */
    BODY("for k < 4 { parallel j < 30 { z[30*k + j] add= z[30*k + j] } }"),
    BODY("for k < n { parallel i < n { s[i] = x[i*m + k] } }"),
    /* what is looked up is the same for all, or only read */
    BODY("for i < n { parallel j < m { y[t[i]*m + j] add= x[i*m + j] } }"),
    BODY("parallel i < n { s[i] = x[t[i]*m] }"),
    /* locals and private buffers of their own */
    BODY("parallel i < n { var a: f64 = f64 0\n for j < m { a add= x[i*m + j] }\n s[i] = a }"),
    BODY("parallel i < n { for j < 4 { own[j] = x[i*m + j] }\n for j < 4 { s[i] = own[j] } }"),
};

/* ---- refused ---- */

struct row {
    const char *text, *message; /* a part of it */
};
#define MEETS "may touch what another one writes: `i`"

static const struct row dependent[] = {
    {BODY("parallel i < n { s[0] = x[i] }"), MEETS},
    {BODY("parallel i < n { y[0] add= x[i] }"), MEETS},
    {BODY("parallel i < n { s[i] = s[n - 1 - i] }"), MEETS},
    {BODY("parallel i < 100 { z[i + 1] = z[i] }"), MEETS},
    {BODY("parallel i < 100 { z[i] = f64 0\n z[2*i] = f64 0 }"), MEETS},
    {BODY("parallel i < n { for j < m { y[i + j] = x[i*m + j] } }"), MEETS},
    /* rows of m + 1 elements that lie m apart; blocks without their limits */
    {BODY("parallel i < n { for j < m + 1 { y[i*m + j] = f64 0 } }"), MEETS},
    {BODY("parallel i < (m + 15) div 16 { for k < n { for j < 16 { y[k*m + 16*i + j] = f64 0 } } }"), MEETS},
    {BODY("parallel i < 3 { for a < 5 { for j < 10 { z[24*a + 10*i + j] = f64 0 } } }"), MEETS},
    /* the condition is that of another block; what is done where it does not hold is not under it */
    {BODY("parallel b < (m + 7) div 8 { for i < n { if m - 8*b - 7 >= 0 { for j < 8 { y[i*m + 8*b + j] = f64 0 } } } }"),
     "may touch what another one writes: `b`"},
    {BODY("parallel i < n { for b < (m + 7) div 8 { if m - 8*b - 7 >= 0 { for j < 8 { y[i*m + 8*b + j] = f64 0 } } } }"), MEETS},
    {BODY("for b < (m + 7) div 8 { parallel i < n { if m - 8*b - 7 >= 0 { for j < 8 { y[i*m + 8*b + j] = f64 0 } } } }"), MEETS},
    {BODY("for b < (m + 7) div 8 { parallel i < n { if m - 8*b - 8 >= 0 { s[i] = f64 0 } else "
          "{ for j < 8 { y[i*m + 8*b + j] = f64 0 } } } }"),
     MEETS},
    {BODY("parallel i < n { for b < (m + 7) div 8 { if m - 8*b - 8 >= 0 { s[i] = f64 0 } else "
          "{ for j < 8 { y[i*m + 8*b + j] = f64 0 } } } }"),
     MEETS},
    /* every digit of 4*i + 6*j may be had twice */
    {BODY("parallel i < 6 { for j < 10 { z[4*i + 6*j] = f64 0 } }"), MEETS},
    {BODY("parallel i < 10 { for j < i + 2 { z[10*i + j] = f64 0 } }"), MEETS},
    {BODY("parallel i < 40 { z[i div 2] = f64 0 }"), MEETS},
    {BODY("parallel i < n { y[t[i]*m] = x[i] }"), MEETS},
    {BODY("var a: f64 = f64 0\nparallel i < n { a add= x[i] }\ny[0] = a"), MEETS},
    {HEAD "parallel i < n { s[i] = x[i] }\n}\n", "that has no threads: `i`"},
    {BODY("parallel i < n { parallel j < m { y[i*m + j] = f64 0 } }"), "in another one: `j`"},
    {BODY("parallel i < n from 1 { s[i] = f64 0 }"), "one from 0 to an end of at least 0: `i`"},
    {BODY("parallel i < n limit m { s[i] = f64 0 }"), "one from 0 to an end of at least 0: `i`"},
    {BODY("parallel i < n - m { s[i] = f64 0 }"), "one from 0 to an end of at least 0: `i`"},
    {BODY("parallel i < n { check t[i] >= 0\n s[i] = f64 0 }"), "a check in a parallel loop: `i`"},
    {BODY("own[0] = f64 0"), "used outside of it: `own`"},
    {BODY("parallel i < n { own[0] = f64 0 }\ny[0] = own[0]"), "used outside of it: `own`"},
    {BODY("parallel i < n { own[0] = f64 0 }\nparallel i < n { own[0] = f64 0 }"), "used outside of it: `own`"},
};

static struct loop_function *read_one(struct ir_context *context, const char *text)
{
    static struct source source;
    source = (struct source){.path = "parallel.loop", .text = text, .length = strlen(text)};
    size_t count = 0;
    struct loop_function **functions = loop_read(context, &source, &count);
    return functions && count == 1 ? functions[0] : NULL;
}

static void test_proved(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof independent / sizeof *independent; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct loop_function *function = read_one(context, independent[k]);
        if (!function || !loop_verify(context, function))
            fail_msg("not proved:\n%s", independent[k]);
        ir_context_destroy(context);
    }
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof dependent / sizeof *dependent; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct loop_function *function = read_one(context, dependent[k].text);
        const struct diagnostics *diagnostics = ir_diagnostics(context);
        assert_non_null(function);
        if (loop_verify(context, function))
            fail_msg("not refused:\n%s", dependent[k].text);
        if (!strstr(diagnostics->items[0]->message, dependent[k].message))
            fail_msg("`%s` is said of\n%s", diagnostics->items[0]->message, dependent[k].text);
        ir_context_destroy(context);
    }
}

/* ---- run ---- */

/* With n = 4 and m = 5; `forced`: the outermost loop is made parallel unproved. */
static const char *run(struct ir_context *context, const char *text, bool forced)
{
    double x[20] = {0};
    int64_t t[4] = {2, 0, 3, 1}, shape[2] = {4, 5}, dims[2] = {4, 5};
    struct ir_tensor inputs[2] = {{IR_f64, 2, shape, x}, {IR_i64, 1, shape, t}}, outputs[2];
    struct loop_function *function = read_one(context, text);
    assert_non_null(function);
    if (forced)
        function->body->loop.kind = LOOP_PARALLEL;
    else
        assert_true(loop_verify(context, function));
    enum einc_status status = loop_eval(context, function, IR_EVAL_NUMBERS, dims, inputs, outputs);
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    assert_int_equal(status, EINC_INTERNAL); /* outputs are not written whole */
    return diagnostics->items[0]->message;
}

static void test_iterations_that_meet(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {BODY("for i < n { s[0] = x[i] }"), "iterations of a parallel loop meet at element 0 of `s`"},
        {BODY("for i < 5 { z[i + 1] = f64 0\n z[i] = f64 0 }"), "iterations of a parallel loop meet at element 1 of `z`"},
        {BODY("for i < n { y[i] = f64 0\n s[i] = y[0] }"), "iterations of a parallel loop meet at element 0 of `y`"},
        {BODY("for i < n { s[i] = f64 0\n if i - 3 >= 0 { s[0] = f64 1 } }"),
         "iterations of a parallel loop meet at element 0 of `s`"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct ir_context *context = ir_context_create(NULL);
        const char *message = run(context, rows[k].text, true);
        if (!strstr(message, rows[k].message))
            fail_msg("`%s` is said of\n%s", message, rows[k].text);
        ir_context_destroy(context);
    }
}

/* What an iteration left there is gone. */
static void test_private_buffers_hold_nothing(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const char *text = BODY("parallel i < n { if i - 1 >= 0 { s[i] = own[0] }\n own[0] = x[i] }");
    assert_non_null(strstr(run(context, text, false), "read before it is written: element 0 of `own`"));
    ir_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proved),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_iterations_that_meet),
        cmocka_unit_test(test_private_buffers_hold_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
