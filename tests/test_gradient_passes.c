/* Derived kernels as any others: they verify, every pass keeps what they mean, and running out of memory while one is made leaves
 * nothing behind. That they are the derivatives is test_gradient.c's business. */
#include "failing_allocator.h"
#include "frontend/frontend.h"
#include "passes/passes.h"
#include "scans.h"
#include "validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PROGRAMS = 400 };

static bool has_derivative(const struct ir_input_info *input)
{
    return ir_elem_is_float(input->node->elem) || ir_elem_is_complex(input->node->elem);
}

/* A program of the gradient with respect to all inputs that have one; NULL: there is none, or no memory. */
static struct ir_program *derive_all(struct ir_context *context, struct ir_program *program)
{
    const struct ir_kernel *kernel = program->kernels[0];
    struct pass_derivative derivative = {.kind = PASS_GRADIENT};
    size_t capacity = 0;
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        if (has_derivative(&kernel->inputs[k]) &&
            !ARENA_PUSH(ir_arena(context), derivative.inputs, derivative.n_inputs, capacity, kernel->inputs[k].name))
            return NULL;
    if (derivative.n_inputs == 0 || !pass_derive(program, &derivative))
        return NULL;
    struct ir_program *derived = ARENA_NEW(ir_arena(context), struct ir_program);
    if (derived) {
        *derived = *program;
        derived->kernels = &program->kernels[program->n_kernels - 1];
        derived->n_kernels = 1;
    }
    return derived;
}

static void fail_at(struct ir_context *context, const struct ir_program *program, const char *which, const char *what)
{
    struct text text = text_create(ir_arena(context));
    if (program)
        ir_print_program(&text, program);
    diag_print(&text, ir_diagnostics(context), false);
    print_error("%s: %s\n%s\n", which, what, text_finish(&text));
    fail();
}

/* Of every kind of program; those whose derivative einc does not know are none. */
static void derivatives_verify(void **state)
{
    (void)state;
    int verified = 0;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        for (int kind = RANDOM_CONTINUOUS; kind <= RANDOM_WHOLE; kind++) {
            struct ir_context *context = ir_context_create(NULL);
            struct random_options options = {.kind = (enum random_kind)kind};
            struct ir_program *program = random_program(context, seed, &options);
            struct ir_program *derived = program ? derive_all(context, program) : NULL;
            if (derived && !ir_verify(context, derived->kernels[0]))
                fail_at(context, program, arena_printf(ir_arena(context), "seed %d", (int)seed), "does not verify");
            verified += derived != NULL;
            ir_context_destroy(context);
        }
    print_message("%d derivatives\n", verified);
    assert_true(verified > PROGRAMS);
}

static void passes_keep_derivatives(void **state)
{
    (void)state;
    const char *only = getenv("EINC_SEED");
    int validated = 0;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        struct ir_context *context = ir_context_create(NULL);
        struct random_options options = {
            .kind = RANDOM_POLYNOMIAL, .solves = seed % 2, .small = true, .n_values = (uint32_t)(seed % 3) + 1};
        struct ir_program *program = random_program(context, seed, &options);
        struct ir_program *derived = program ? derive_all(context, program) : NULL;
        struct validation validation = {.program = derived, .kind = RANDOM_POLYNOMIAL, .seed = seed};
        const char *wrong = derived && ir_is_polynomial(derived->kernels[0]) ? validate_program(context, &validation) : NULL;
        validated += derived != NULL;
        if (wrong)
            fprintf(stderr, "seed %d: %s\n", (int)seed, wrong); /* longer than print_error takes */
        assert_null(wrong);
        ir_context_destroy(context);
    }
    print_message("%d derivatives\n", validated);
    assert_true(only || validated > PROGRAMS / 4);
}

static void scans_have_derivatives(void **state)
{
    (void)state;
    struct ir_context *names_of = ir_context_create(NULL);
    int derivatives = 0;
    for (const char *const *name = scan_names(names_of); *name; name++) {
        struct ir_context *context = ir_context_create(NULL);
        struct ir_program *program = scan_program(context, *name, NULL);
        struct ir_program *derived = derive_all(context, program);
        if (!derived)
            print_message("%s has none\n", *name);
        if (derived && !ir_verify(context, derived->kernels[0]))
            fail_at(context, program, *name, "does not verify");
        struct validation validation = {.program = derived, .kind = RANDOM_POLYNOMIAL, .seed = 1};
        const char *wrong = derived && ir_is_polynomial(derived->kernels[0]) ? validate_program(context, &validation) : NULL;
        if (wrong)
            print_error("%s: %s\n", *name, wrong);
        assert_null(wrong);
        derivatives += derived != NULL;
        ir_context_destroy(context);
    }
    ir_context_destroy(names_of);
    assert_true(derivatives > 8);
}

/* ---- memory ---- */

static const char *const sources[] = {
    "dim n\nkernel f(x: f64[n, 8], W: f64[8, 16], b: f64[16], t: f64[4]) -> (y: f64[n], z: f64[6]) {\n"
    "    let h[s,o] = gelu(x[s,i] * W[i,o] + b[o])\n    y[s] = max[o](h[s,o]) * prod[i](x[s,i])\n"
    "    z[i] = t[i div 2] * t[i mod 3] + pad(t[2*i - 1], 0)\n}",
    "dim T\nkernel f(a: f64[T], x: f64[T, 4], W: f64[4, 4]) -> (y: f64[T]) {\n"
    "    scan t {\n        h[t,n] = tanh(W[n,m] * h[t-1,m] + x[t,n])\n        y[t] = a[t] * h[t,0]\n    } from h[-1,n] = 0\n}",
    "dim V, B\nkernel f(E: f64[V, 4], token: i32[B], u: c128[B]) -> (y: f64[B]) { y[b] = abs(u[b]) * E[token[b],d] * E[token[b],d] "
    "}",
};

/* True when there was memory enough. */
static bool derive_source(struct failing_allocator *failing, const void *data)
{
    const char *text = data;
    struct ir_context *context = ir_context_create(&failing->allocator);
    struct source source = {"memory.ein", text, strlen(text)};
    struct frontend_options options = {0};
    struct ir_program *program = context ? frontend_read(context, &source, &options) : NULL;
    struct ir_program *derived = program ? derive_all(context, program) : NULL;
    bool done = derived && ir_verify(context, derived->kernels[0]);
    if (context && !done && !arena_failed(ir_arena(context)))
        fail_at(context, program, "memory.ein", "no derivative");
    ir_context_destroy(context);
    return done;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof sources / sizeof *sources; k++)
        each_allocation_fails(derive_source, sources[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(derivatives_verify), cmocka_unit_test(passes_keep_derivatives),
                                       cmocka_unit_test(scans_have_derivatives), cmocka_unit_test(each_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
