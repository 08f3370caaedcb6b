/* Linear scans in chunk form compute the same.
 *
 * Each program is compared before and after the pass modulo the prime, exactly, at random points, for chunks that divide its steps;
 * and its loops, after all passes, with the tensor IR they came from. What is not linear, or may not be reordered, stays a scan. */
#include "compare.h"
#include "frontend/frontend.h"
#include "ir/loop.h"
#include "passes/passes.h"
#include "programs.h"
#include "runtime/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct program {
    const char *what, *text;
};

static const struct program linear[] = {
    {"a decay a step, a state that is an outer product",
     "kernel f(a: f64[12], B: f64[12, 3], C: f64[12, 3], x: f64[12, 2], h0: f64[3, 2]) -> (y: f64[12, 2], z: f64[3, 2]) {\n"
     "scan t {\n"
     "h[t,n,p] = a[t] * h[t-1,n,p] + B[t,n] * x[t,p]\n"
     "y[t,p] = C[t,n] * h[t,n,p]\n"
     "} from h[-1,n,p] = h0[n,p]\n"
     "z[n,p] = h[11,n,p]\n}\n"},
    {"a decay a key, groups, a term beside",
     "kernel f(g: f64[2, 12, 3], k: f64[2, 12, 3], q: f64[2, 12, 3], v: f64[2, 12, 2], D: f64[2]) -> (o: f64[2, 12, 2]) {\n"
     "scan t {\n"
     "S[t,b,i,j] = g[b,t,i] * S[t-1,b,i,j] + k[b,t,i] * v[b,t,j]\n"
     "o[b,t,j] = q[b,t,i] * S[t,b,i,j] + D[b] * v[b,t,j]\n"
     "} from S[-1,b,i,j] = 0\n}\n"},
    {"no decay", "kernel f(k: f64[12, 3], q: f64[12, 3], v: f64[12, 2]) -> (o: f64[12, 2]) {\n"
                 "scan t {\n"
                 "S[t,i,j] = S[t-1,i,j] + k[t,i] * v[t,j]\n"
                 "o[t,j] = q[t,i] * S[t,i,j]\n"
                 "} from S[-1,i,j] = 0\n}\n"},
    {"backward, with a decay of every element",
     "kernel f(a: f64[12, 3], b: f64[12, 3], c: f64[12, 3], e: f64[3]) -> (y: f64[12], z: f64[3]) {\n"
     "scan t {\n"
     "h[t,n] = a[t,n] * h[t+1,n] + b[t,n]\n"
     "y[t] = c[t,n] * h[t,n]\n"
     "} from h[12,n] = e[n]\n"
     "z[n] = h[0,n]\n}\n"},
    {"the state before the step, and all of it",
     "kernel f(a: f64[12], b: f64[12, 3], c: f64[12, 3]) -> (y: f64[12], z: f64[12, 3], w: f64[12, 3]) {\n"
     "scan t {\n"
     "y[t] = c[t,n] * h[t-1,n]\n"
     "h[t,n] = a[t] * h[t-1,n] - b[t,n]\n"
     "w[t,n] = h[t,n] * c[t,n] + h[t-1,n]\n"
     "} from h[-1,n] = 1\n"
     "z[t,n] = 2 * h[t,n]\n}\n"},
    {"two states, lets between, products of results", "kernel f(a: f64[12], b: f64[12, 3], x: f64[12]) -> (y: f64[12]) {\n"
                                                      "scan t {\n"
                                                      "u[t,n] = a[t] * s[t-1,n]\n"
                                                      "s[t,n] = u[t,n] + b[t,n] * x[t]\n"
                                                      "r[t] = (x[t] + 1) * r[t-1] + 2\n"
                                                      "p[t] = sum[n](b[t,n] * s[t,n])\n"
                                                      "y[t] = p[t] * r[t] + p[t] * p[t]\n"
                                                      "} from s[-1,n] = 0, r[-1] = 3\n}\n"},
    {"nothing is added", "kernel f(a: f64[12, 2], c: f64[12, 2]) -> (y: f64[12]) {\n"
                         "scan t {\n"
                         "h[t,n] = -(a[t,n] * h[t-1,n])\n"
                         "y[t] = c[t,n] * h[t,n]\n"
                         "} from h[-1,n] = 1\n}\n"},
    {"complex, sums over the state's axes, slices at other places",
     "kernel f(a: c128[12, 3], b: c128[13, 3], c: c128[12, 3]) -> (y: c128[12]) {\n"
     "scan t {\n"
     "h[t,n] = conj(a[t,n]) * h[t-1,n] + b[t+1,n] * a[11-t,n]\n"
     "y[t] = sum[n](conj(c[t,n]) * h[t,n])\n"
     "} from h[-1,n] = 1i\n}\n"},
    {"a pad, the step itself, a repeated input", "kernel f(a: f64[12], b: f64[12, 3]) -> (y: f64[12]) {\n"
                                                 "scan t {\n"
                                                 "h[t,n] = a[t] * h[t-1,n] + pad(b[t-1,n], 0) * t\n"
                                                 "y[t] = sum[n](pad(b[t,n-1], 2) * h[t,n] * a[t])\n"
                                                 "} from h[-1,n] = 0\n}\n"},
};

static const struct program others[] = {
    {"a maximum", "kernel f(x: f64[12]) -> (y: f64[12]) { scan t { y[t] = max(y[t-1], x[t]) } from y[-1] = 0 }\n"},
    {"a square", "kernel f(x: f64[12]) -> (y: f64[12]) { scan t { y[t] = y[t-1] * y[t-1] + x[t] } from y[-1] = 0 }\n"},
    {"a quotient", "kernel f(x: f64[12]) -> (y: f64[12]) { scan t { y[t] = x[t] / (1 + y[t-1]) } from y[-1] = 0 }\n"},
    {"a matrix", "kernel f(A: f64[3, 3], x: f64[12, 3]) -> (y: f64[12, 3]) {\n"
                 "scan t { y[t,i] = A[i,j] * y[t-1,j] + x[t,i] } from y[-1,i] = 0\n}\n"},
    {"another state", "kernel f(x: f64[12]) -> (y: f64[12]) {\n"
                      "scan t {\ns[t] = s[t-1] + x[t]\ny[t] = y[t-1] + s[t]\n} from y[-1] = 0, s[-1] = 0\n}\n"},
    {"class exact", "kernel f(x: f64[12]) -> (y: f64[12]) exact { scan t { y[t] = y[t-1] + x[t] } from y[-1] = 0 }\n"},
    {"integers", "kernel f(x: i32[12]) -> (y: i32[12]) { scan t { y[t] = y[t-1] + x[t] } from y[-1] = 0 }\n"},
    {"steps no chunk divides", "kernel f(x: f64[11]) -> (y: f64[11]) { scan t { y[t] = y[t-1] + x[t] } from y[-1] = 0 }\n"},
};

static struct ir_kernel *read_kernel(struct ir_context *context, const char *text)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    *source = (struct source){"test.ein", text, strlen(text)};
    struct frontend_options options = {0};
    struct ir_program *program = frontend_read(context, source, &options);
    if (!program) {
        struct text said = text_create(ir_arena(context));
        diag_print(&said, ir_diagnostics(context), false);
        fail_msg("%s", text_finish(&said));
    }
    return program->kernels[0];
}

static void run_pass(struct pass_kernel *pass, const char *name)
{
    if (pass_run(pass_find(name, strlen(name)), pass) == EINC_OK)
        return;
    struct text said = text_create(ir_arena(pass->context));
    diag_print(&said, ir_diagnostics(pass->context), false);
    fail_msg("%s: %s", name, text_finish(&said));
}

static struct pass_kernel run_passes(struct ir_context *context, const struct ir_kernel *kernel, const struct pass_options *options,
                                     const char *const *names)
{
    struct pass_kernel pass = {.context = context, .kernel = ir_kernel_copy(context, kernel), .options = options};
    for (; *names; names++)
        run_pass(&pass, *names);
    return pass;
}

static bool same_outputs(const struct ir_kernel *kernel, enum ir_arithmetic arithmetic, const struct ir_tensor *a,
                         const struct ir_tensor *b)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        size_t count = 1, size = arithmetic == IR_EVAL_PRIME ? 16 : ir_elem_info(a[k].elem)->bytes;
        for (uint32_t axis = 0; axis < a[k].rank; axis++)
            count *= (size_t)a[k].shape[axis];
        if (memcmp(a[k].data, b[k].data, count * size) != 0)
            return false;
    }
    return true;
}

static bool has_scan_over(struct ir_context *context, const struct ir_kernel *kernel, int64_t extent)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; k < count; k++)
        if (nodes[k]->op == IR_scan_node && poly_equals(nodes[k]->scan->extent, extent))
            return true;
    return false;
}

static void check_program(const struct program *program, int64_t length)
{
    static const char *const chunk[] = {"simplify", "chunk_scan", "simplify", NULL};
    static const char *const all[] = {"simplify", "chunk_scan",  "simplify",      "flatten",     "order",
                                      "fuse",     "lower_loops", "split_complex", "plan_memory", NULL};
    struct ir_context *context = ir_context_create(NULL);
    struct ir_kernel *kernel = read_kernel(context, program->text);
    struct pass_options options = {.machine = *machine_generic(), .scan_chunk = length};
    struct pass_kernel chunked = run_passes(context, kernel, &options, chunk);
    if (chunked.n_choices != 1 || has_scan_over(context, chunked.kernel, 12))
        fail_msg("%s: not in chunks of %d", program->what, (int)length);
    struct pass_kernel loops = run_passes(context, kernel, &options, all);
    struct ir_tensor before[4], after[4], looped[4];
    for (uint64_t round = 0; round < 4; round++) {
        struct ir_tensor *inputs = random_inputs(context, kernel, IR_EVAL_PRIME, NULL, 7 * round + 1);
        assert_int_equal(ir_eval(context, kernel, IR_EVAL_PRIME, NULL, inputs, before, NULL), EINC_OK);
        assert_int_equal(ir_eval(context, chunked.kernel, IR_EVAL_PRIME, NULL, inputs, after, NULL), EINC_OK);
        assert_int_equal(loop_eval(context, loops.loops, IR_EVAL_PRIME, NULL, inputs, looped), EINC_OK);
        if (!same_outputs(kernel, IR_EVAL_PRIME, before, after))
            fail_msg("%s: another value in chunks of %d", program->what, (int)length);
        if (!same_outputs(kernel, IR_EVAL_PRIME, before, looped))
            fail_msg("%s: another value of its loops in chunks of %d", program->what, (int)length);
    }
    ir_context_destroy(context);
}

static void chunk_form_is_the_same_polynomial(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof linear / sizeof *linear; k++) {
        check_program(&linear[k], 3);
        check_program(&linear[k], 4);
        check_program(&linear[k], 6);
    }
}

static void what_is_not_linear_stays(void **state)
{
    (void)state;
    static const char *const chunk[] = {"simplify", "chunk_scan", NULL};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct ir_kernel *kernel = read_kernel(context, others[k].text);
        struct pass_options options = {.machine = *machine_generic(), .scan_chunk = 4};
        struct pass_kernel pass = run_passes(context, kernel, &options, chunk);
        if (pass.n_choices != 0)
            fail_msg("%s: in chunks", others[k].what);
        ir_context_destroy(context);
    }
}

/* Steps known at run time, but a multiple of the chunk. */
static void run_time_steps_may_be_divisible(void **state)
{
    (void)state;
    static const char *const chunk[] = {"simplify", "chunk_scan", NULL};
    struct ir_context *context = ir_context_create(NULL);
    struct ir_kernel *kernel = read_kernel(context, "dim T % 8 == 0\n"
                                                    "kernel f(a: f64[T], x: f64[T]) -> (y: f64[T]) {\n"
                                                    "scan t { y[t] = a[t] * y[t-1] + x[t] } from y[-1] = 1\n}\n");
    struct pass_options options = {.machine = *machine_generic(), .scan_chunk = 4};
    struct pass_kernel pass = run_passes(context, kernel, &options, chunk);
    assert_int_equal(pass.n_choices, 1);
    struct ir_tensor before[1], after[1];
    const int64_t dims[] = {24};
    struct ir_tensor *inputs = random_inputs(context, kernel, IR_EVAL_PRIME, dims, 5);
    assert_int_equal(ir_eval(context, kernel, IR_EVAL_PRIME, dims, inputs, before, NULL), EINC_OK);
    assert_int_equal(ir_eval(context, pass.kernel, IR_EVAL_PRIME, dims, inputs, after, NULL), EINC_OK);
    assert_true(same_outputs(kernel, IR_EVAL_PRIME, before, after));
    ir_context_destroy(context);
}

/* A recurrence of one number has nothing to gain; a state larger than the cache has. */
static void the_faster_form_is_chosen(void **state)
{
    (void)state;
    static const char *const chunk[] = {"simplify", "chunk_scan", NULL};
    const struct program small = {"", "kernel f(a: f32[256], x: f32[256]) -> (y: f32[256]) {\n"
                                      "scan t { y[t] = a[t] * y[t-1] + x[t] } from y[-1] = 0\n}\n"};
    const struct program large = {"", "kernel f(a: f32[256], B: f32[256, 512], x: f32[256, 512]) -> (y: f32[256, 512]) {\n"
                                      "scan t {\nh[t,n,p] = a[t] * h[t-1,n,p] + B[t,n] * x[t,p]\n"
                                      "y[t,p] = B[t,n] * h[t,n,p]\n} from h[-1,n,p] = 0\n}\n"};
    for (int k = 0; k < 2; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct pass_options options = {.machine = *machine_generic()};
        struct pass_kernel pass = run_passes(context, read_kernel(context, k ? large.text : small.text), &options, chunk);
        assert_int_equal(pass.n_choices, 1);
        assert_string_equal(pass.choices[0].kind, k ? "chunked scan" : "linear scan");
        ir_context_destroy(context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_form_is_the_same_polynomial),
        cmocka_unit_test(what_is_not_linear_stays),
        cmocka_unit_test(run_time_steps_may_be_divisible),
        cmocka_unit_test(the_faster_form_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
