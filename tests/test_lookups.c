/* Lookups at run time: subscripts read from tensors. Kernels of all forms run over random tables, some of whose entries are just
 * outside or far outside of what they may be: the evaluator and the loops must give the same numbers, or both must refuse.
 *
 * The loops are those of the fuser and lowering alone, and those of the whole pipeline. Numbers agree within ROUNDINGS units of
 * roundoff of the magnitudes that IR_EVAL_BOUND gives, residues exactly. */
#include "refused.h"
#include "compare.h"
#include "ir/loop.h"
#include "passes/passes.h"
#include "programs.h"
#include "runtime/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { ROUNDINGS = 1000, ROUNDS = 60 };

static const char *const lowering[] = {"fuse", "lower_loops", "split_complex", "plan_memory", NULL};
static const struct pass_options no_options;

/* Dims n = 7 and E = 4 or 0. Integer inputs are tables; their entries are below 7. */
static const char *const kernels[] = {
    /* gather, scatter-add, a contraction between them */
    "%t = input 0 t : i32[E, 4]\n%u = input 1 u : f64[n]\n%B = input 2 B : f64[4, 4]\n%y0 = input 3 y0 : f64[n]\n"
    "%v = contract plustimes f64[e: E, k: 4] sum [j: 4] of (%B[k, j], %u[%t[e, j]])\n"
    "%y = scatter plustimes over [e: E, k: 4] of (%y0[%t[e, k]], %v[e, k])\noutput y = %y\n",
    /* several lookups in one subscript, negative coefficients, unsigned tables, lookups in lookups */
    "%t = input 0 t : i64[n]\n%s = input 1 s : u8[n]\n%x = input 2 x : f64[3*n]\n%q = input 3 q : u64[n]\n"
    "%y = map f64[i: n] of (%x[%t[i] + %s[i]], %x[3*n - 1 - 2*%t[i]], %x[3*%q[i] + 1], %x[%t[%s[i]]]) = $0 * $1 + $2 * $3\n"
    "output y = %y\n",
    /* values outside are filled; lookups inside a filled access are checked all the same */
    "%t = input 0 t : i32[E]\n%x = input 1 x : f64[n, 3]\n%w = input 2 w : f64[E, 3]\n"
    "%p = map f64[e: E, c: 3] of (%x[%t[e] - 1, c] pad f64:2.0) = $0 + f64:1.0\n"
    "%c = contract plustimes f64[c: 3] sum [e: E] of (%x[%t[e] + 1, c] pad f64:0.0, %w[e, c])\n"
    "%d = contract plustimes f64[e: E] sum [k: E, c: 3] of (%x[%t[%t[e]] - k, c] pad f64:0.0, %w[k, c])\n"
    "output p = %p\noutput shut = %c\noutput deep = %d\n",
    /* entries without a value, which must not come out inside by wrapping */
    "%q = input 0 q : u64[E]\n%x = input 1 x : f64[9]\n%w = input 2 w : f64[E]\n%y0 = input 3 y0 : f64[9]\n"
    "%a = map f64[e: E] of (%x[1 - %q[e]] pad f64:3.0, %x[%q[e] + 2]) = $0 * $1\n"
    "%c = contract plustimes f64[] sum [e: E] of (%x[%q[e] + 5] pad f64:0.0, %w[e])\n"
    "%y = scatter plustimes over [e: E] of (%y0[8 - %q[e]], %w[e])\n"
    "%z = scatter plustimes over [e: E] of (%y0[4 - %q[e]] pad f64:0.0, %w[e])\n"
    "output a = %a\noutput shut = %c\noutput y = %y\noutput z = %z\n",
    /* a computed table, one that is an output, one that is a number; floors and remainders of entries */
    "%t = input 0 t : i32[n]\n%x = input 1 x : f64[n]\n%k = input 2 k : i64[]\n"
    "%r = map i32[i: n] of (%t[n - 1 - i]) = i32:6 - $0\n%one = map i32[] of (%t[0]) = $0 + i32:1\n"
    "%y = map f64[i: n] of (%x[%r[i]], %x[%r[i] div 2], %x[%r[i] mod 3], %x[%k], %x[%one]) = $0 + $1 * $2 * $3 + $4\n"
    "output y = %y\noutput r = %r\n",
    /* what is made of a tensor is not read through a lookup: the extents of both count */
    "%t = input 0 t : i32[E]\n%x = input 1 x : f64[7]\n%m = map f64[i: 4] of (%x[i + 2]) = $0 * $0\n"
    "%b = view f64[i: 3, j: 2] of %x[j]\n%y = map f64[e: E] of (%m[%t[e]]) = $0 + f64:1.0\n"
    "%z = view f64[e: E] of %b[%t[e], 1]\noutput y = %y\noutput z = %z\n",
    /* conditions of a domain, an index value, an empty index beside */
    "%t = input 0 t : i32[n]\n%x = input 1 x : f64[n, E]\n%w = input 2 w : f64[n]\n"
    "%y = contract plustimes f64[i: n] sum [j: n] of (%w[%t[j]], %w[i]) where (i - j)\n"
    "%z = contract plustimes f64[i: n] sum [e: E] of (%x[%t[i], e])\n"
    "%a = map f64[i: n] of (%w[i]) = $0 + f64(index(2*%t[i] - i))\noutput y = %y\noutput z = %z\noutput a = %a\n",
    /* scatters with a fill, with min, in two tables, at a number; complex values */
    "%t = input 0 t : i32[E]\n%s = input 1 s : u16[E]\n%v = input 2 v : f64[E]\n%b = input 3 b : f64[n, n]\n%c = input 4 c : "
    "c128[E]\n"
    "%y = scatter plustimes over [e: E] of (%b[%t[e], %s[e] - 1] pad f64:0.0, %v[e])\n"
    "%m = scatter minplus over [e: E] of (%b[%s[e], %t[e]], %v[e])\n%zero = const c128[] {(0.0, 0.0)}\n"
    "%empty = view c128[n] of %zero\n%g = scatter plustimes over [e: E] of (%empty[%t[e]], conj %c[e])\n"
    "output y = %y\noutput m = %m\noutput g = %g\n",
    /* a constant table at a number that is looked up */
    ("%t = input 0 t : i8[n]\n%x = input 1 x : f64[n]\n%c = const i64[5] {4, 0, 6, 2, 1}\n"
     "%y = map f64[i: n] of (%x[%c[%t[i]]], %x[%t[%c[i mod 5]]]) = $0 - $1\noutput y = %y\n"),
};

static void show(struct ir_context *context, const char *text)
{
    struct text shown = text_create(ir_arena(context));
    diag_print(&shown, ir_diagnostics(context), false);
    print_message("%s\n%s\n", text, text_finish(&shown));
}

static struct ir_kernel *read_kernel(struct ir_context *context, const char *text)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    const char *whole = arena_printf(ir_arena(context), "dim n\ndim E\nkernel f: reassoc {\n%s}\n", text);
    *source = (struct source){"test.eir", whole, strlen(whole)};
    struct ir_program *program = ir_read(context, source);
    if (!program)
        show(context, text);
    assert_non_null(program);
    return program->kernels[0];
}

/* An entry that is mostly inside [0, limit), else next to it, or as far away as the type goes. */
static int64_t random_entry(uint64_t *state, enum ir_elem elem, int64_t limit, bool tame)
{
    uint32_t bits = 8 * ir_elem_info(elem)->bytes;
    bool is_signed = ir_elem_info(elem)->kind == IR_KIND_SIGNED;
    uint32_t choice = tame ? 100 : random_below(state, 40);
    if (choice == 0)
        return limit;
    if (choice == 1)
        return is_signed ? -1 : limit + 1;
    if (choice == 2)
        return (int64_t)(UINT64_MAX >> (64 - bits + is_signed)); /* the largest */
    if (choice == 3)
        return is_signed ? -(int64_t)((UINT64_C(1) << (bits - 2)) - 1) * 2 - 2 : 0; /* the least */
    return random_below(state, (uint32_t)limit);
}

static struct ir_tensor *inputs_with_tables(struct ir_context *context, const struct ir_kernel *kernel,
                                            enum ir_arithmetic arithmetic, const int64_t *dims, uint64_t seed)
{
    struct ir_tensor *inputs = random_inputs(context, kernel, arithmetic, dims, seed);
    uint64_t state = seed;
    bool tame = random_below(&state, 3) == 0;
    int64_t limit = 1 + random_below(&state, 7);
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        enum ir_elem elem = kernel->inputs[k].node->elem;
        for (size_t at = 0; ir_elem_is_integer(elem) && at < tensor_count(&inputs[k]); at++) {
            int64_t entry = random_entry(&state, elem, limit, tame || arithmetic == IR_EVAL_PRIME);
            if (arithmetic == IR_EVAL_PRIME)
                ((uint64_t *)inputs[k].data)[2 * at] = (uint64_t)entry, ((uint64_t *)inputs[k].data)[2 * at + 1] = 0;
            else
                memcpy((char *)inputs[k].data + at * ir_elem_info(elem)->bytes, &entry, ir_elem_info(elem)->bytes);
        }
    }
    return inputs;
}

static bool is_lookup(struct ir_context *context)
{
    struct diagnostics *diagnostics = ir_diagnostics(context);
    bool all = diagnostics->n_items > 0;
    for (size_t k = 0; k < diagnostics->n_items; k++)
        all = all && diagnostics->items[k]->code == DIAG_E0814;
    diagnostics->n_items = diagnostics->n_errors = 0;
    return all;
}

/* How often both refused. */
static int compare(struct ir_context *context, const struct ir_kernel *kernel, const struct loop_function *loops,
                   enum ir_arithmetic arithmetic, const char *text)
{
    int refused = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct ir_tensor expected[4], found[4], bound[4];
        const int64_t dims[2] = {7, round % 8 == 7 ? 0 : 4};
        struct ir_tensor *inputs = inputs_with_tables(context, kernel, arithmetic, dims, round);
        enum einc_status wanted = ir_eval(context, kernel, arithmetic, dims, inputs, expected, NULL);
        if (wanted != EINC_OK)
            assert_true(is_lookup(context));
        enum einc_status got = loop_eval(context, loops, arithmetic, dims, inputs, found);
        if (got != wanted || (got != EINC_OK && !is_lookup(context))) {
            print_message("round %llu: %d, the loops %d\n", (unsigned long long)round, (int)wanted, (int)got);
            show(context, text);
            fail();
        }
        refused += got != EINC_OK;
        if (got != EINC_OK)
            continue;
        bool numbers = arithmetic == IR_EVAL_NUMBERS;
        if (numbers)
            assert_int_equal(ir_eval(context, kernel, IR_EVAL_BOUND, dims, inputs, bound, NULL), EINC_OK);
        for (uint32_t k = 0; k < kernel->n_outputs; k++)
            if (!(numbers ? tensors_close(&expected[k], &found[k], &bound[k], ROUNDINGS * 0x1p-53, NULL)
                          : tensors_same_residues(&expected[k], &found[k]))) {
                print_message("round %llu, output %u, arithmetic %d\n", (unsigned long long)round, k, (int)arithmetic);
                show(context, text);
                fail();
            }
    }
    return refused;
}

static void lower_and_compare(const char *text, const char *const *passes)
{
    struct ir_context *context = ir_context_create(NULL);
    const struct ir_kernel *kernel = read_kernel(context, text);
    struct pass_kernel lowered = {.context = context, .kernel = ir_kernel_copy(context, kernel), .options = &no_options};
    for (; *passes; passes++)
        if (pass_run(pass_find(*passes, strlen(*passes)), &lowered) != EINC_OK) {
            show(context, text);
            fail();
        }
    int refused = compare(context, kernel, lowered.loops, IR_EVAL_NUMBERS, text);
    assert_in_range(refused, 1, ROUNDS - 5); /* both happen */
    (void)compare(context, kernel, lowered.loops, IR_EVAL_PRIME, text);
    ir_context_destroy(context);
}

static void loops_look_up_the_same(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        lower_and_compare(kernels[k], lowering);
        lower_and_compare(kernels[k], compile_pipeline());
    }
}

static const char *read_and_print(struct ir_context *context, const char *text)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    *source = (struct source){"again.loop", text, strlen(text)};
    size_t count;
    struct loop_function **functions = loop_read(context, source, &count);
    if (!functions)
        show(context, text);
    assert_non_null(functions);
    assert_true(loop_verify(context, functions[0]));
    struct text printed = text_create(ir_arena(context));
    loop_print(&printed, context, functions[0]);
    return text_finish(&printed);
}

/* Text of both levels comes back. */
static void text_comes_back(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct ir_kernel *kernel = read_kernel(context, kernels[k]);
        struct text text = text_create(ir_arena(context));
        ir_print_kernel(&text, context, kernel);
        struct source source = {"again.eir", text_finish(&text), text.length};
        struct ir_program *program = ir_read(context, &source);
        assert_non_null(program);
        assert_true(ir_kernel_equal(kernel, program->kernels[0]));
        struct pass_kernel lowered = {.context = context, .kernel = ir_kernel_copy(context, kernel), .options = &no_options};
        for (const char *const *pass = compile_pipeline(); *pass; pass++)
            assert_int_equal(pass_run(pass_find(*pass, strlen(*pass)), &lowered), EINC_OK);
        struct text loops = text_create(ir_arena(context));
        loop_print(&loops, context, lowered.loops);
        const char *first = read_and_print(context, text_finish(&loops)), *second = read_and_print(context, first);
        assert_string_equal(first, second); /* indices have new numbers the first time, and may stand in another order */
        ir_context_destroy(context);
    }
}

static void rules_are_kept(void **state)
{
    (void)state;
    static const struct refused rows[] = {
        {"%y = view f64[i: 3] of %x[%x[i]]", "E0704"},
        {"%y = view f64[i: 3] of %x[%t[i, 0]]", "E0704"},
        {"%y = view f64[i: %t[0]] of %x[0]", "E0731"},
    };
    check_refused("%x = input 0 x : f64[3]\n%t = input 1 t : i32[3]", rows, sizeof rows / sizeof *rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_look_up_the_same),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(rules_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
