/* Lowering keeps meaning: a kernel's nodes and its loops give the same numbers.
 *
 * Polynomial random programs are compared modulo the prime, exactly: a wrong lowering survives with probability below 1e-15. All
 * random programs, with functions, other rings and every type, are compared in numbers, within ROUNDINGS of the component-wise
 * magnitude that IR_EVAL_BOUND gives, since sums come in another order. The reference of the loops checks every address and finds
 * reads of what was never written. The seed of a failing program is printed; EINC_SEED=n runs that one alone. */
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

enum { PROGRAMS = 600 };

/* In units of the roundoff of the kernel's narrowest type, relative to sum|products|: sums of at most a few hundred terms, through
 * at most ten stages, in another order. */
enum { ROUNDINGS = 1000 };

static const char *const lowering[] = {"fuse", "lower_loops", "split_complex", "plan_memory", NULL};

static const struct pass_options no_options;

/* Stops the test with the seed, the kernel, its loops and the diagnostics. */
static void fail_at(struct ir_context *context, const struct pass_kernel *kernel, uint64_t seed, const char *what)
{
    struct text text = text_create(ir_arena(context));
    if (kernel->kernel)
        ir_print_kernel(&text, context, kernel->kernel);
    if (kernel->loops)
        loop_print(&text, context, kernel->loops);
    diag_print(&text, ir_diagnostics(context), false);
    fprintf(stderr, "seed %llu: %s\n%s\n", (unsigned long long)seed, what, text_finish(&text));
    fail();
}

static struct ir_kernel *copy_of(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct ir_kernel *copy = arena_copy(ir_arena(context), kernel, 1, sizeof *kernel);
    copy->outputs = arena_copy(ir_arena(context), kernel->outputs, kernel->n_outputs, sizeof *kernel->outputs);
    copy->names = arena_copy(ir_arena(context), kernel->names, kernel->n_names, sizeof *kernel->names);
    copy->names_capacity = kernel->n_names;
    return copy;
}

static struct pass_kernel lower(struct ir_context *context, const struct ir_kernel *kernel, const char *const *passes,
                                const struct pass_options *options, uint64_t seed)
{
    struct pass_kernel lowered = {.context = context, .kernel = copy_of(context, kernel), .options = options};
    for (; *passes; passes++)
        if (pass_run(pass_find(*passes, strlen(*passes)), &lowered) != EINC_OK)
            fail_at(context, &lowered, seed, *passes);
    return lowered;
}

/* ---- comparing ---- */

static void compare(struct ir_context *context, const struct ir_kernel *kernel, struct pass_kernel lowered,
                    enum ir_arithmetic arithmetic, uint64_t seed)
{
    struct ir_tensor *expected = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *found = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *bound = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    double factor = ROUNDINGS * kernel_roundoff(context, kernel);
    for (uint64_t round = 0; round < 3; round++) {
        int64_t *dims = random_dims(context, seed + 1000 * round);
        struct ir_tensor *inputs = random_inputs(context, kernel, arithmetic, dims, seed + round);
        if (ir_eval(context, kernel, arithmetic, dims, inputs, expected, NULL) != EINC_OK)
            fail_at(context, &lowered, seed, "the kernel has no value");
        if (loop_eval(context, lowered.loops, arithmetic, dims, inputs, found) != EINC_OK)
            fail_at(context, &lowered, seed, "the loops have no value");
        if (arithmetic == IR_EVAL_NUMBERS && ir_eval(context, kernel, IR_EVAL_BOUND, dims, inputs, bound, NULL) != EINC_OK)
            fail_at(context, &lowered, seed, "the kernel has no bound");
        for (uint32_t k = 0; k < kernel->n_outputs; k++)
            if (!(arithmetic == IR_EVAL_PRIME ? tensors_same_residues(&expected[k], &found[k])
                                              : tensors_close(&expected[k], &found[k], &bound[k], factor, NULL)))
                fail_at(context, &lowered, seed,
                        arena_printf(ir_arena(context), "the loops compute another %s", kernel->outputs[k].name));
    }
}

/* ---- random programs ---- */

static void for_each_program(const struct random_options *options, enum ir_arithmetic arithmetic)
{
    const char *only = getenv("EINC_SEED");
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        struct ir_context *context = ir_context_create(NULL);
        struct ir_program *program = random_program(context, seed, options);
        assert_non_null(program);
        const struct ir_kernel *kernel = program->kernels[0];
        struct pass_kernel lowered = lower(context, kernel, lowering, &no_options, seed);
        if (arithmetic != IR_EVAL_PRIME || ir_is_polynomial(kernel))
            compare(context, kernel, lowered, arithmetic, seed);
        ir_context_destroy(context);
    }
}

static void polynomial_programs_exactly(void **state)
{
    (void)state;
    const struct random_options options = {.kind = RANDOM_POLYNOMIAL};
    for_each_program(&options, IR_EVAL_PRIME);
}

static void all_programs_in_numbers(void **state)
{
    (void)state;
    for_each_program(NULL, IR_EVAL_NUMBERS);
}

/* ---- kernels by hand ---- */

static const char *const kernels[] = {
    "kernel hand(a: f64[N, 6], b: f64[6, 5]) -> (c: f64[N, 5]) {\n c[i,k] = a[i,j] * b[j,k]\n}\n",
    "kernel hand(a: f64[N, 6], b: f64[5, 6]) -> (c: f64[N, 5]) {\n c[i,k] = a[i,j] * b[k,j]\n}\n",
    "kernel hand(a: f64[6, N], b: f64[6, 5]) -> (c: f64[N, 5]) {\n c[i,k] = a[j,i] * b[j,k]\n}\n",
    "kernel hand(a: f64[6, N], b: f64[5, 6]) -> (c: f64[N, 5]) {\n c[i,k] = a[j,i] * b[k,j]\n}\n",
    "kernel hand(a: f32[M, 3, N], b: f32[M, N, 70]) -> (c: f32[M, 3, 70]) {\n c[g,i,k] = a[g,i,j] * b[g,j,k]\n}\n",
    /* epilogues, values used again, functions */
    "kernel hand(x: f32[N, 6], W: f32[70, 6], b: f32[70], V: f32[70, 3]) -> (y: f32[N, 3], z: f32[N, 70]) {\n"
    " let h[n,o] = gelu(W[o,i] * x[n,i] + b[o])\n y[n,c] = h[n,o] * V[o,c] / 3\n z[n,o] = h[n,o] - b[o]\n}\n",
    "kernel hand(q: f64[2, N, 3], keys: f64[2, M, 3], v: f64[2, M, 3]) -> (y: f64[2, N, 3]) {\n"
    " let s[h,i,j] = q[h,i,d] * keys[h,j,d] / sqrt(3.0)\n let m[h,i] = max[j](s[h,i,j])\n"
    " let w[h,i,j] = exp(s[h,i,j] - m[h,i]) / sum[l](exp(s[h,i,l] - m[h,i]))\n y[h,i,d] = w[h,i,j] * v[h,j,d]\n}\n",
    "kernel hand(A: f64[N, M], x: f64[M], b: f64[N], C: f64[N, M]) -> (y: f64[N]) {\n"
    " y[i] = A[i,j]*x[j] + b[i] + C[i,j]*x[j]\n}\n",
    /* padding, strides, diagonals, permutations, merged axes */
    "kernel hand(x: f32[N, 2, 7, 7], f: f32[3, 2, 3, 3]) -> (y: f32[N, 3, 7, 7], z: f32[N, 3, 3, 3]) {\n"
    " y[n,o,h,w] = pad(x[n,c,h+r-1,w+s-1], 0) * f[o,c,r,s]\n z[n,o,h,w] = x[n,c,2*h+r,2*w+s] * f[o,c,r,s]\n}\n",
    "kernel hand(x: f32[N, 6]) -> (y: f32[N, 6]) {\n y[n,i: 6] = max[r: 3](pad(x[n,i+r-1], 0.5))\n}\n",
    "kernel hand(a: f64[N, N]) -> (t: f64, d: f64[N], s: f64) {\n t = sum[i](a[i,i])\n d[i] = a[i,i]\n s = t / 2\n}\n",
    "kernel hand(x: f64[4, 5, 6]) -> (y: f64[6, 4, 5], z: f64[24, 5], w: f64[30, 4]) {\n"
    " y[k,i,j] = x[i,j,k]\n z[(i,k),j] = x[i,j,k]\n w[(k,j),i] = x[i,j,k] * 2\n}\n",
    "kernel hand(L: f64[4, 8, 6], R: f64[6, 4, 5], x: f64[30]) -> (y: f64[32]) {\n y[(i,j)] = L[j,i,k] * R[k,j,m] * x[(k,m)]\n}\n",
    /* other rings, constants, index values, copies */
    "kernel hand(d: f32[N, N]) -> (e: f32[N, N], f: f32[N]) {\n e[i,j] = min[k](d[i,k] + d[k,j])\n f[i] = max[j](d[i,j])\n}\n",
    "kernel hand(a: bool[N, M], b: bool[M, 3]) -> (c: bool[N, 3], d: bool) {\n"
    " c[i,j] = any[k](a[i,k] and b[k,j])\n d = all[i,k](a[i,k])\n}\n",
    "kernel hand(x: f64[N, 8, 8]) -> (y: f64[N, 8, 8], z: f64[N, 8, 8]) {\n"
    " let D[k: 8,n: 8] = cos(pi * (2*n + 1) * k / 16.0)\n y[b,k,l] = D[k,m] * D[l,n] * x[b,m,n]\n z[b,i,j] = x[b,i,j]\n}\n",
    "kernel hand(x: c64[N, 4], w: c64[4, 4]) -> (y: c64[N, 4]) {\n y[n,i] = conj(w[i,j]) * x[n,j] + x[n,i]\n}\n",
    "kernel hand(a: i8[N, 4], b: i32[4]) -> (y: i32[N]) {\n y[i] = i32(a[i,j]) * b[j] / 3\n}\n",
    /* 16-bit floats */
    "kernel hand(W: f16[N, M], x: f16[M], b: bf16[N], s: f16) -> (y: f16[N], z: bf16[N], c: f16[M], r: f32) {\n"
    " y[i] = gelu(W[i,j] * x[j]) * s\n z[i] = b[i] * bf16(W[i,j] * x[j])\n c[j] = x[j]\n"
    " r = max[i](f32(b[i]))\n}\n",
    "kernel hand(A: f16[4, 30], B: f16[30, 40], C: f16[40, 4]) -> (y: f16[4, 4], m: f16[4]) {\n"
    " y[i,l] = A[i,j] * B[j,k] * C[k,l]\n m[i] = min[j](A[i,j])\n}\n",
    /* blocks: side by side, nested, used again, of inputs and of what is stored elsewhere */
    "kernel hand(a: f64[N, 3], b: f64[M, 3], x: f64[3]) -> (y: f64[N + M, 3], z: f64[M + N + 1], t: f64[N]) {\n"
    " t[i] = exp(a[i,0])\n y[i: N, j] = a[i,j]\n y[N + i: M, j] = 2 * b[i,j]\n z[i: M] = b[i,k] * x[k]\n"
    " z[M + i: N] = t[i] * a[i,k] * x[k]\n z[M + N + i: 1] = x[i + 2]\n}\n",
    "kernel join(a: f64[N], b: f64[M]) -> (y: f64[N + M]) {\n y[i: N] = a[i]\n y[N + i: M] = b[i]\n}\n"
    "kernel hand(a: f64[N], b: f64[M], C: f64[N, N]) -> (y: f64[2 * N + 2 * M], s: f64, r: f64[N + M]) {\n"
    " let p[i] = C[i,j] * a[j]\n let q = join(p, b)\n y[i: N + M] = q[i]\n y[N + M + i: N + M] = sqrt(1 + q[i] * q[i])\n"
    " s = sum[i](p[i])\n r[i] = q[N + M - 1 - i]\n}\n",
    "kernel hand(x: c64[N], y: c64[N]) -> (z: c64[2 * N]) {\n z[i: N] = x[i] * conj(y[i])\n z[N + i: N] = conj(x[i])\n}\n",
    /* a chain, ordered; with a memory limit it is sliced */
    "kernel hand(A: f64[4, 30], B: f64[30, 40], C: f64[40, 4], D: f64[4, 6]) -> (y: f64[4, 6]) {\n"
    " y[i,m] = A[i,j] * B[j,k] * C[k,l] * D[l,m]\n}\n",
    "kernel hand(u: f64[N, 4, 4, 4], B: f64[5, 4]) -> (v: f64[N, 5, 5, 5]) {\n"
    " v[e,a,b,c] = B[a,i] * B[b,j] * B[c,k] * u[e,i,j,k]\n}\n",
};

/* Was an order sliced? */
static bool kernel_by_hand(const char *body, int64_t memory_limit, uint64_t seed)
{
    struct ir_context *context = ir_context_create(NULL);
    const char *text = arena_printf(ir_arena(context), "dim N, M\n%s", body);
    struct source source = {"kernel.ein", text, strlen(text)};
    struct frontend_options frontend = {0};
    struct pass_options options = {.machine = *machine_generic(), .memory_limit = memory_limit};
    struct ir_program *program = frontend_read(context, &source, &frontend);
    struct pass_kernel nothing = {.context = context, .kernel = program ? program->kernels[0] : NULL};
    if (!program)
        fail_at(context, &nothing, seed, body);
    const struct ir_kernel *kernel = program->kernels[program->n_kernels - 1];
    struct pass_kernel lowered = lower(context, kernel, compile_pipeline(), &options, seed);
    compare(context, kernel, lowered, IR_EVAL_NUMBERS, seed);
    bool sliced = false;
    for (size_t k = 0; k < lowered.n_orders; k++)
        sliced |= lowered.orders[k].sliced != NULL;
    ir_context_destroy(context);
    return sliced;
}

static void kernels_by_hand(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
        (void)kernel_by_hand(kernels[k], 0, k);
}

/* The chain's intermediates need more than 256 bytes, a slice of them does not. */
static void sliced_chain(void **state)
{
    (void)state;
    assert_true(kernel_by_hand(kernels[sizeof kernels / sizeof *kernels - 2], 256, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polynomial_programs_exactly),
        cmocka_unit_test(all_programs_in_numbers),
        cmocka_unit_test(kernels_by_hand),
        cmocka_unit_test(sliced_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
