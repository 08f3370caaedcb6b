/* Recurrences: what they mean, against loops by hand; what passes, text and loops make of them, against what they mean.
 *
 * Programs are those of tests/cases/scans, sizes those of scans.c, as run-time dims and as static ones: none, one and several
 * steps. Modulo the prime equality is exact; in numbers an element may differ by roundings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compare.h"
#include "ir/loop.h"
#include "passes/passes.h"
#include "programs.h"
#include "runtime/runtime.h"
#include "scan_references.h"
#include "scans.h"

/* Roundings that an element may have gathered, in units of its type's and of its magnitude, which is at least 1. */
enum { ROUNDINGS = 1000 };

/* ---- meaning ---- */

static struct number number_at(const struct ir_tensor *tensor, enum ir_arithmetic arithmetic, size_t at)
{
    const uint64_t *residues = tensor->data;
    if (arithmetic == IR_EVAL_PRIME)
        return (struct number){0, 0, residues[2 * at], residues[2 * at + 1]};
    switch (tensor->elem) {
    case IR_f32:
        return (struct number){(double)((const float *)tensor->data)[at], 0, 0, 0};
    case IR_f64:
        return (struct number){((const double *)tensor->data)[at], 0, 0, 0};
    case IR_c128:
        return (struct number){((const double *)tensor->data)[2 * at], ((const double *)tensor->data)[2 * at + 1], 0, 0};
    case IR_i32:
        return (struct number){(double)((const int32_t *)tensor->data)[at], 0, 0, 0};
    default:
        assert_int_equal(tensor->elem, IR_bool);
        return (struct number){(double)((const uint8_t *)tensor->data)[at], 0, 0, 0};
    }
}

static bool is_close(double a, double b, enum ir_elem elem)
{
    double roundoff = elem == IR_f32 ? ldexp(1, -24) : elem == IR_f64 || elem == IR_c128 ? ldexp(1, -53) : 0;
    return fabs(a - b) <= ROUNDINGS * roundoff * fmax(1, fabs(a));
}

static bool is_same(struct number wanted, struct number found, enum ir_elem elem, enum ir_arithmetic arithmetic)
{
    if (arithmetic == IR_EVAL_PRIME)
        return wanted.residue == found.residue && wanted.imaginary == found.imaginary;
    return is_close(wanted.re, found.re, elem) && is_close(wanted.im, found.im, elem);
}

static struct number **numbers_of(struct ir_context *context, const struct ir_tensor *tensors, uint32_t n,
                                  enum ir_arithmetic arithmetic, bool filled)
{
    struct number **numbers = ARENA_ARRAY(ir_arena(context), n, struct number *);
    for (uint32_t k = 0; k < n; k++) {
        size_t count = tensor_count(&tensors[k]);
        numbers[k] = ARENA_ARRAY(ir_arena(context), count, struct number);
        for (size_t at = 0; filled && at < count; at++)
            numbers[k][at] = number_at(&tensors[k], arithmetic, at);
    }
    return numbers;
}

static void compare_with_reference(const struct scan_reference *reference, const int64_t *sizes, bool is_static,
                                   enum ir_arithmetic arithmetic)
{
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_program *program = scan_program(context, reference->name, is_static ? sizes : NULL);
    const struct ir_kernel *kernel = program->kernels[program->n_kernels - 1];
    struct ir_tensor *inputs = random_inputs(context, kernel, arithmetic, sizes, (uint64_t)(sizes[0] + 7 * sizes[1]));
    struct ir_tensor *found = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    assert_int_equal(ir_eval(context, kernel, arithmetic, sizes, inputs, found, NULL), EINC_OK);
    struct number **outputs = numbers_of(context, found, kernel->n_outputs, arithmetic, false);
    const struct scan_run run = {sizes[0], sizes[1], sizes[2],
                                 (const struct number *const *)numbers_of(context, inputs, kernel->n_inputs, arithmetic, true),
                                 outputs};
    reference->compute(&run);
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        for (size_t at = 0; at < tensor_count(&found[k]); at++)
            if (!is_same(outputs[k][at], number_at(&found[k], arithmetic, at), found[k].elem, arithmetic))
                fail_msg("%s at T = %d, N = %d, M = %d: %s differs at %zu", reference->name, (int)sizes[0], (int)sizes[1],
                         (int)sizes[2], kernel->outputs[k].name, at);
    ir_context_destroy(context);
}

static void programs_mean_their_loops(void **state)
{
    (void)state;
    for (const struct scan_reference *reference = scan_references; reference->name; reference++)
        for (size_t k = 0; scan_sizes[k][0] >= 0; k++)
            for (int is_static = 0; is_static < 2; is_static++)
                compare_with_reference(reference, scan_sizes[k], is_static, IR_EVAL_NUMBERS);
}

/* Residues neither wrap, nor are they true and false, nor places. */
static void programs_mean_their_loops_exactly(void **state)
{
    (void)state;
    for (const struct scan_reference *reference = scan_references; reference->name; reference++)
        for (size_t k = 0; scan_sizes[k][0] >= 0 && strcmp(reference->name, "integers") && strcmp(reference->name, "lookups"); k++)
            compare_with_reference(reference, scan_sizes[k], false, IR_EVAL_PRIME);
}

static void every_program_has_a_reference(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const char *const *names = scan_names(context);
    size_t count = 0;
    for (; names[count]; count++)
        assert_string_equal(names[count], scan_references[count].name);
    assert_null(scan_references[count].name);
    ir_context_destroy(context);
}

/* ---- passes and loops ---- */

static const char *const only_lowered[] = {"fuse", "lower_loops", "split_complex", "plan_memory", NULL};

static struct pass_kernel compile(struct ir_context *context, const struct ir_kernel *kernel, const char *const *passes)
{
    struct pass_options *options = ARENA_NEW(ir_arena(context), struct pass_options);
    assert_non_null(options);
    options->machine = *machine_generic();
    struct pass_kernel compiled = {.context = context, .kernel = ir_kernel_copy(context, kernel), .options = options};
    for (; *passes; passes++)
        if (pass_run(pass_find(*passes, strlen(*passes)), &compiled) != EINC_OK) {
            struct text text = text_create(ir_arena(context));
            ir_print_kernel(&text, context, compiled.kernel);
            diag_print(&text, ir_diagnostics(context), false);
            fail_msg("%s: %s", *passes, text_finish(&text));
        }
    return compiled;
}

static void compare_loops(struct ir_context *context, const struct ir_kernel *kernel, const struct loop_function *loops,
                          const int64_t *sizes, const char *what)
{
    enum ir_arithmetic arithmetic = ir_is_polynomial(kernel) ? IR_EVAL_PRIME : IR_EVAL_NUMBERS;
    struct arena *arena = ir_arena(context);
    struct ir_tensor *expected = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *found = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *bound = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *inputs = random_inputs(context, kernel, arithmetic, sizes, 5);
    assert_int_equal(ir_eval(context, kernel, arithmetic, sizes, inputs, expected, NULL), EINC_OK);
    assert_int_equal(loop_eval(context, loops, arithmetic, sizes, inputs, found), EINC_OK);
    if (arithmetic == IR_EVAL_NUMBERS)
        assert_int_equal(ir_eval(context, kernel, IR_EVAL_BOUND, sizes, inputs, bound, NULL), EINC_OK);
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        double factor = ROUNDINGS * kernel_roundoff(context, kernel);
        bool same = arithmetic == IR_EVAL_PRIME ? tensors_same_residues(&expected[k], &found[k])
                                                : tensors_close(&expected[k], &found[k], &bound[k], factor, NULL);
        if (!same) {
            struct text text = text_create(arena);
            loop_print(&text, context, loops);
            fail_msg("%s: the loops compute another %s\n%s", what, kernel->outputs[k].name, text_finish(&text));
        }
    }
}

static void compile_at(const char *name, const int64_t *sizes, bool is_static, const char *const *passes)
{
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_program *program = scan_program(context, name, is_static ? sizes : NULL);
    for (size_t k = 0; k < program->n_kernels; k++) {
        const struct pass_kernel compiled = compile(context, program->kernels[k], passes);
        compare_loops(context, program->kernels[k], compiled.loops, sizes, name);
    }
    ir_context_destroy(context);
}

static void loops_compute_the_same(void **state)
{
    (void)state;
    for (const struct scan_reference *reference = scan_references; reference->name; reference++)
        for (size_t k = 0; scan_sizes[k][0] >= 0; k++)
            for (int is_static = 0; is_static < 2; is_static++) {
                compile_at(reference->name, scan_sizes[k], is_static, compile_pipeline());
                compile_at(reference->name, scan_sizes[k], is_static, only_lowered);
            }
}

/* ---- where states are kept ---- */

struct keeping {
    const char *program, *state;
    bool beside; /* its new value is computed beside the old one */
};

static const struct keeping keepings[] = {
    {"decay", "h", false},      /* each element from itself */
    {"normed", "s", false},     /* the sum over the old state is made before */
    {"shift", "r", true},       /* reversed */
    {"shift", "d", true},       /* its neighbour, and read by u */
    {"shift", "u", true},       /* its neighbour */
    {"exchange", "p", true},    /* read by r and d after it was replaced */
    {"old_and_new", "s", true}, /* read by y and z afterwards */
    {"copies", "s", true},      /* its old value is a result */
    {"numbers", "c", false},    /* each element from itself */
    {"integers", "high", true}, /* read by low afterwards */
    {"integers", "low", false},
};

static void states_are_replaced_where_nothing_old_is_read(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof keepings / sizeof *keepings; k++) {
        const struct keeping *keeping = &keepings[k];
        struct ir_context *context = ir_context_create(NULL);
        const struct ir_program *program = scan_program(context, keeping->program, NULL);
        const struct pass_kernel compiled = compile(context, program->kernels[program->n_kernels - 1], compile_pipeline());
        struct text text = text_create(ir_arena(context));
        loop_print(&text, context, compiled.loops);
        const char *next = arena_printf(ir_arena(context), "%s_next:", keeping->state);
        const char *loops = text_finish(&text);
        if ((strstr(loops, next) != NULL) != keeping->beside)
            fail_msg("%s: the new %s is %s the old one\n%s", keeping->program, keeping->state,
                     keeping->beside ? "not beside" : "beside", loops);
        ir_context_destroy(context);
    }
}

/* Results with their steps along another axis than the first are no copies of others. */
static void results_stand_where_they_are_wanted(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_program *program = scan_program(context, "outer", NULL);
    const struct loop_function *loops = compile(context, program->kernels[0], only_lowered).loops;
    size_t scratch = 0;
    for (uint32_t k = 0; k < loops->n_buffers; k++)
        scratch += loops->buffers[k].kind == LOOP_SCRATCH;
    assert_int_equal(scratch, 1); /* the state before the step */
    ir_context_destroy(context);
}

/* ---- what nobody reads ---- */

static const struct ir_scan *only_scan(struct ir_context *context, const struct ir_kernel *kernel)
{
    size_t count, scans = 0;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    const struct ir_scan *scan = NULL;
    for (size_t k = 0; k < count; k++) {
        scan = nodes[k]->op == IR_scan_node ? nodes[k]->scan : scan;
        scans += nodes[k]->op == IR_scan_node;
    }
    assert_int_equal(scans, 1);
    return scan;
}

static void expect_scan(const char *name, uint32_t n_states, uint32_t n_inputs, uint32_t n_outputs)
{
    static const char *const simplify[] = {"simplify", NULL};
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_program *program = scan_program(context, name, NULL);
    const struct pass_kernel compiled = compile(context, program->kernels[program->n_kernels - 1], simplify);
    const struct ir_scan *scan = only_scan(context, compiled.kernel);
    assert_int_equal(scan->n_states, n_states);
    assert_int_equal(scan->step->n_inputs, n_inputs);
    assert_int_equal(scan->step->n_outputs, n_outputs);
    ir_context_destroy(context);
}

static void what_nobody_reads_goes(void **state)
{
    (void)state;
    expect_scan("unread", 1, 2, 1);   /* s and x: a and b only serve each other and y */
    expect_scan("exchange", 4, 5, 4); /* r is read, so p and q are, and d is an output */
    expect_scan("decay", 1, 5, 2);
    expect_scan("steps_alone", 0, 2, 1); /* the sum is done for all steps at once */
    expect_scan("numbers", 4, 6, 4);     /* x, and its sum */
    expect_scan("shift", 3, 4, 3);
}

/* ---- text ---- */

static void print_and_read(struct ir_context *context, const struct ir_kernel *kernel, const char *what)
{
    struct ir_kernel *kernels[] = {ir_kernel_copy(context, kernel)};
    const struct ir_program program = {.context = context, .kernels = kernels, .n_kernels = 1};
    struct text text = text_create(ir_arena(context));
    ir_print_program(&text, &program);
    const struct source source = {"scan.eir", text_finish(&text), text.length};
    const char *dims = strstr(source.text, "step ");
    assert_non_null(dims);
    const struct source without_dims = {"scan.eir", dims, strlen(dims)}; /* they are the context's already */
    const struct ir_program *again = ir_read(context, &without_dims);
    if (!again || !ir_kernel_equal(again->kernels[0], kernel))
        fail_msg("%s reads back as another program:\n%s", what, source.text);
}

static void text_reads_back(void **state)
{
    (void)state;
    for (const struct scan_reference *reference = scan_references; reference->name; reference++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct ir_program *program = scan_program(context, reference->name, NULL);
        const char *const passes[] = {"simplify", "flatten", "order", "fuse", NULL};
        const struct ir_kernel *kernel = program->kernels[program->n_kernels - 1];
        print_and_read(context, kernel, reference->name);
        print_and_read(context, compile(context, kernel, passes).kernel, reference->name);
        ir_context_destroy(context);
    }
}

/* ---- rules ---- */

static const char kernel_head[] =
    "step add { %s = input 0 s : f64[2] %x = input 1 x : f64[] %t = map f64[i: 2] of (%s[i], %x) = $0 + $1 "
    "output s = %t output x = %x } "
    "kernel f: reassoc { %x = input 0 x : f64[T] %n = input 1 n : i32[T] %s = input 2 s : f64[2] ";

struct rule {
    const char *body, *message; /* NULL: nothing is wrong */
};

static const struct rule rules[] = {
    {"%r = scan add [t: T] states 1 of (%s[@1], %x[t]) %y = proj f64[T, 2] 0 of %r output y = %y }", NULL},
    {"%r = scan add [t: T] states 0 of (%s[@1], %x[t]) %y = proj f64[T, 2] 0 of %r output y = %y }", NULL},
    {"%r = scan add [t: T] states 1 of (%s[@1]) %y = proj f64[T, 2] 0 of %r output y = %y }", "1 operands and 1 states"},
    {"%r = scan add [t: T] states 3 of (%s[@1], %x[t]) %y = proj f64[T, 2] 0 of %r output y = %y }", "2 operands and 3 states"},
    {"%r = scan add [t: T] states 2 of (%s[@1], %x[t]) %y = proj f64[T, 2] 0 of %r output y = %y }", NULL},
    {"%r = scan add [t: T] states 1 of (%s[@1], %n[t]) %y = proj f64[T, 2] 0 of %r output y = %y }", "an input of another type"},
    {"%r = scan add [t: T] states 1 of (%s[@1], %x[t]) %y = proj f64[T, 3] 0 of %r output y = %y }", "no such result"},
    {"%r = scan add [t: T] states 1 of (%s[@1], %x[t]) %y = proj f64[T, 2] 2 of %r output y = %y }", "no such result"},
    {"%r = scan add [t: T] states 1 of (%s[@1], %x[t]) %y = proj f64[] 1 last of %r output y = %y }", "of what is no state"},
    {"%r = scan add [t: T] states 1 of (%s[@1], %x[t]) %y = proj f64[T, 2] 0 of %s output y = %y }", "no such result"},
    {"%r = scan add [t: T] states 1 of (%s[@1], %x[t]) output y = %r }", "is a scan and no tensor"},
    {"%r = scan add [t: T] states 1 of (%s[@1], %x[t]) %y = view f64[i: 2] of %r output y = %y }", "reads a scan"},
};

static void check_rule(const char *text, const char *message)
{
    struct ir_context *context = ir_context_create(NULL);
    const struct source source = {"rule.eir", text, strlen(text)};
    const struct ir_program *program = ir_read(context, &source);
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    if (message) {
        assert_null(program);
        assert_int_equal(diagnostics->n_items, 1);
        assert_string_equal(diag_code_name(diagnostics->items[0]->code), "E0740");
        if (!strstr(diagnostics->items[0]->message, message))
            fail_msg("%s\nsays: %s", text, diagnostics->items[0]->message);
    } else if (!program) {
        fail_msg("%s\nsays: %s", text, diagnostics->items[0]->message);
    }
    ir_context_destroy(context);
}

static void broken_rules_are_found(void **state)
{
    (void)state;
    char text[2048];
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
        snprintf(text, sizeof text, "dim T %s%s", kernel_head, rules[k].body);
        check_rule(text, rules[k].message);
    }
    check_rule("step grow { %s = input 0 s : f64[2] %t = view f64[i: 3] of %s[0] output s = %t } "
               "kernel f: reassoc { %s = input 0 s : f64[2] %r = scan grow [t: 4] states 1 of (%s[@1]) "
               "%y = proj f64[4, 3] 0 of %r output y = %y }",
               "another type or shape of state 0");
}

/* A scan in a step cannot be written, so it is built. */
static void scans_do_not_nest(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const struct poly *four = poly_constant(context, 4);
    const struct ir_node *state_input = ir_input(context, 0, IR_f64, 0, NULL);
    struct ir_input_info input = {.name = "s", .node = state_input, .span = SPAN_NONE};
    struct ir_output output = {.name = "s", .node = state_input, .span = SPAN_NONE};
    struct ir_kernel step = {
        .name = "step", .span = SPAN_NONE, .n_inputs = 1, .n_outputs = 1, .inputs = &input, .outputs = &output};
    const struct ir_scan scan = {false, four, 1, &step};
    const struct ir_access start = {.node = state_input};
    const struct ir_node *inner = ir_proj(context, ir_scan(context, &scan, &start), 0, true);
    struct ir_output outer_output = {.name = "s", .node = inner, .span = SPAN_NONE};
    struct ir_kernel outer = step;
    outer.outputs = &outer_output;
    const struct ir_scan outer_scan = {false, four, 1, &outer};
    struct ir_output result = {
        .name = "y", .node = ir_proj(context, ir_scan(context, &outer_scan, &start), 0, true), .span = SPAN_NONE};
    struct ir_kernel kernel = step;
    kernel.outputs = &outer_output;
    assert_true(ir_verify(context, &kernel));
    kernel.outputs = &result;
    assert_false(ir_verify(context, &kernel));
    assert_string_equal(diag_code_name(ir_diagnostics(context)->items[0]->code), "E0740");
    ir_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_program_has_a_reference),
        cmocka_unit_test(programs_mean_their_loops),
        cmocka_unit_test(programs_mean_their_loops_exactly),
        cmocka_unit_test(loops_compute_the_same),
        cmocka_unit_test(states_are_replaced_where_nothing_old_is_read),
        cmocka_unit_test(results_stand_where_they_are_wanted),
        cmocka_unit_test(what_nobody_reads_goes),
        cmocka_unit_test(text_reads_back),
        cmocka_unit_test(broken_rules_are_found),
        cmocka_unit_test(scans_do_not_nest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
