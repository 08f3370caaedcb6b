/* Source that backend `ein` prints is source the front end reads, and means the same: random programs of tensor IR and recurrences,
 * as written and after the tensor passes, printed, read, and evaluated beside the original. Modulo the prime that is exact where
 * the program is polynomial, so equality is asked for bit by bit; recurrences with a maximum print the same operations, so theirs
 * is too. What compares or looks up is evaluated in numbers, on integers and small whole floats, which no order of sums rounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "backends/backends.h"
#include "compare.h"
#include "frontend/frontend.h"
#include "passes/passes.h"
#include "programs.h"
#include "runtime/runtime.h"
#include "scans.h"

enum { PROGRAMS = 450 };

static struct ir_kernel *read_again(struct ir_context *context, struct ir_context *from, const struct ir_kernel *original,
                                    const char *what)
{
    struct backend_kernel kernel = {.source = original, .kernel = original};
    struct backend_program printed = {from, "random.ein", "again", &kernel, 1};
    const struct backend_options options = {.weights = WEIGHTS_INLINE, .entry = false};
    const struct frontend_options frontend = {0};
    struct backend_file *files = NULL;
    size_t n_files = 0;
    assert_int_equal(backend_find("ein", 3)->emit(&printed, &options, &files, &n_files), EINC_OK);
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    *source = (struct source){"again.ein", arena_strndup(ir_arena(context), files[0].bytes, files[0].length), files[0].length};
    struct ir_program *again = frontend_read(context, source, &frontend);
    if (!again) {
        struct text text = text_create(ir_arena(context));
        diag_print(&text, ir_diagnostics(context), false);
        fail_msg("%s:\n%s\n%s", what, source->text, text_finish(&text));
    }
    return again->kernels[0];
}

/* The kernels of two contexts at the same sizes and inputs. */
static void compare_at(struct ir_context *context, const struct ir_kernel *kernel, struct ir_context *again_context,
                       const struct ir_kernel *again, enum ir_arithmetic arithmetic, const int64_t *dims, uint64_t seed,
                       const char *what)
{
    bool prime = arithmetic == IR_EVAL_PRIME;
    struct ir_tensor *inputs =
        prime ? random_inputs(context, kernel, arithmetic, dims, seed) : random_whole_inputs(context, kernel, dims, seed);
    struct ir_tensor *wanted = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *found = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    assert_int_equal(ir_eval(context, kernel, arithmetic, dims, inputs, wanted, NULL), EINC_OK);
    assert_int_equal(ir_eval(again_context, again, arithmetic, dims, inputs, found, NULL), EINC_OK);
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (!(prime ? tensors_same_residues(&wanted[k], &found[k]) : tensors_equal(&wanted[k], &found[k])))
            fail_msg("%s: output %s differs", what, kernel->outputs[k].name);
}

/* What the source inverts of constants is rounded, and no residue. */
static bool inverts_constants(struct ir_context *context, const struct ir_kernel *kernel)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; k < count; k++)
        if (nodes[k]->op == IR_solve_node && ir_is_known(context, nodes[k]->operands[0].node, INFINITY))
            return true;
    return false;
}

static void check_random(enum random_kind kind, enum ir_arithmetic arithmetic, bool solves)
{
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        const struct random_options options = {.kind = kind, .no_guards = true, .solves = solves, .no_scans = solves};
        struct ir_context *context = ir_context_create(NULL), *again_context = ir_context_create(NULL);
        const struct ir_kernel *kernel = random_program(context, seed, &options)->kernels[0];
        const char *what = arena_printf(ir_arena(context), "seed %llu", (unsigned long long)seed);
        const struct ir_kernel *again = read_again(again_context, context, kernel, what);
        if (!inverts_constants(context, kernel))
            compare_at(context, kernel, again_context, again, arithmetic, random_dims(context, seed), seed, what);
        ir_context_destroy(again_context);
        ir_context_destroy(context);
    }
}

static void random_programs(void **state)
{
    (void)state;
    check_random(RANDOM_POLYNOMIAL, IR_EVAL_PRIME, false);
    check_random(RANDOM_POLYNOMIAL, IR_EVAL_PRIME, true);
    check_random(RANDOM_OPAQUE, IR_EVAL_PRIME, false);
    check_random(RANDOM_INTEGER, IR_EVAL_NUMBERS, false);
    check_random(RANDOM_WHOLE, IR_EVAL_NUMBERS, false);
}

/* ---- recurrences ---- */

static void check_scan(struct ir_context *context, const struct ir_kernel *kernel, const char *what)
{
    struct ir_context *again_context = ir_context_create(NULL);
    const struct ir_kernel *again = read_again(again_context, context, kernel, what);
    for (size_t k = 0; scan_sizes[k][0] >= 0; k++)
        compare_at(context, kernel, again_context, again, IR_EVAL_PRIME, scan_sizes[k], k + 1, what);
    ir_context_destroy(again_context);
}

static void recurrences(void **state)
{
    (void)state;
    struct ir_context *listing = ir_context_create(NULL);
    for (const char *const *name = scan_names(listing); *name; name++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct ir_program *program = scan_program(context, *name, NULL);
        for (size_t k = 0; k < program->n_kernels; k++)
            check_scan(context, program->kernels[k], arena_printf(ir_arena(context), "%s as written", *name));
        ir_context_destroy(context);
    }
    ir_context_destroy(listing);
}

static void recurrences_after_passes(void **state)
{
    (void)state;
    struct ir_context *listing = ir_context_create(NULL);
    for (const char *const *name = scan_names(listing); *name; name++) {
        struct ir_context *context = ir_context_create(NULL);
        const struct ir_program *program = scan_program(context, *name, NULL);
        const struct pass_options options = {.machine = *machine_generic()};
        for (size_t k = 0; k < program->n_kernels; k++) {
            struct pass_kernel compiled = {
                .context = context, .kernel = ir_kernel_copy(context, program->kernels[k]), .options = &options};
            for (const char *const *pass = compile_pipeline(); *pass; pass++) {
                const struct pass_info *info = pass_find(*pass, strlen(*pass));
                if (info->level == PASS_TENSOR)
                    assert_int_equal(pass_run(info, &compiled), EINC_OK);
            }
            check_scan(context, compiled.kernel, arena_printf(ir_arena(context), "%s after the passes", *name));
        }
        ir_context_destroy(context);
    }
    ir_context_destroy(listing);
}

/* What the front end never writes: conjugated accesses of slices that are conjugated and filled themselves, and a slice of values
 * of the index with a fill value inside. */
static const char accesses[] =
    "dim T dim N "
    "step one { %s = input 0 s : c128[N] %a = input 1 a : c128[] %b = input 2 b : c128[] %c = input 3 c : c128[N] "
    "%i = input 4 i : i64[N] "
    "%m = map c128[n: N] of (%s[n], conj %a, %b, conj %c[n - 1] pad c128:(1.0, 4.0), conj %c[n]) = $0 * $1 + $2 * $3 + $4 "
    "%j = map i64[n: N] of (%i[n], %i[n + 1] pad i64:9) = $0 * $1 "
    "output s = %m output j = %j output old = %s output shown = %c } "
    "kernel f: reassoc { %x = input 0 x : c128[T] %u = input 1 u : c128[N, T] %v = map i64[t: T, n: N] of () = index(3*t + n) "
    "%r = scan one [t: T] states 1 backward of (conj %u[@1, 0] pad c128:(0.0, 1.0), %x[t + 1] pad c128:(1.0, 2.0), "
    "conj %x[t - 1] pad c128:(3.0, 5.0), conj %u[@1, t + 1] pad c128:(1.0, 4.0), %v[t, @1]) "
    "%s = proj c128[T, N] 0 of %r %j = proj i64[T, N] 1 of %r %o = proj c128[T, N] 2 of %r %c = proj c128[T, N] 3 of %r "
    "%l = proj c128[N] 0 last of %r output s = %s output j = %j output o = %o output o2 = %o output c = %c output l = %l "
    "output l2 = %l }";

static void accesses_of_slices(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    const struct source source = {"accesses.eir", accesses, sizeof accesses - 1};
    const struct ir_program *program = ir_read(context, &source);
    if (!program) {
        struct text text = text_create(ir_arena(context));
        diag_print(&text, ir_diagnostics(context), false);
        fail_msg("%s", text_finish(&text));
    }
    check_scan(context, program->kernels[0], "accesses");
    ir_context_destroy(context);
}

/* Subscripts are calculated in 64 bits whatever the tables hold: 300 is no u8, and nothing in u64 is negative. */
static const char lookups[] = "dim N "
                              "kernel f: reassoc { %t = input 0 t : u8[N] %u = input 1 u : u64[N] %x = input 2 x : f64[N] "
                              "%a = map i64[i: N] of () = index(%t[i] - 300*i - 1) "
                              "%s = contract plustimes f64[N] sum [N] of (%x[@1]) where (%u[@0] - @1) "
                              "output a = %a output s = %s }";

static void lookups_as_values(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL), *again_context = ir_context_create(NULL);
    const struct source source = {"lookups.eir", lookups, sizeof lookups - 1};
    const struct ir_program *program = ir_read(context, &source);
    assert_non_null(program);
    const struct ir_kernel *again = read_again(again_context, context, program->kernels[0], "lookups");
    compare_at(context, program->kernels[0], again_context, again, IR_EVAL_NUMBERS, (const int64_t[]){5}, 1, "lookups");
    ir_context_destroy(again_context);
    ir_context_destroy(context);
}

/* Initial values that are conjugated numbers, or a value that is an output further down. */
static const char beginnings[] =
    "dim T "
    "step one { %s = input 0 s : c128[] %h = input 1 h : f64[2] "
    "%m = map c128[] of (%s) = $0 + c128:(1.0, 2.0) %n = map f64[2] of (%h[@0]) = $0 * f64:3.0 output s = %m output h = %n } "
    "kernel f: reassoc { %x = input 0 x : f64[2, 2] %c = const c128[] {(-1.0, 1.0)} "
    "%r = scan one [T] states 2 of (conj %c, %x[@1, @1]) %s = proj c128[T] 0 of %r %h = proj f64[2] 1 last of %r %d = view f64[2] "
    "of %x[@0, @0] "
    "output s = %s output h = %h output d = %d }";

/* Bare indices that run over less than the table they look up has. */
static const char parts[] = "dim N "
                            "kernel f: reassoc { %x = input 0 x : f64[N, 8] %t = const i64[6] {7, 3, 5, 4, 4, 0} name \"order\" "
                            "%y = view f64[N, 4] of %x[@0, %t[@1]] output y = %y }";

static void read_and_compare(const char *text, size_t length, const char *what)
{
    struct ir_context *context = ir_context_create(NULL), *again_context = ir_context_create(NULL);
    const struct source source = {what, text, length};
    const struct ir_program *program = ir_read(context, &source);
    assert_non_null(program);
    const struct ir_kernel *again = read_again(again_context, context, program->kernels[0], what);
    compare_at(context, program->kernels[0], again_context, again, IR_EVAL_PRIME, (const int64_t[]){5}, 1, what);
    ir_context_destroy(again_context);
    ir_context_destroy(context);
}

static void numbers_that_begin(void **state)
{
    (void)state;
    read_and_compare(beginnings, sizeof beginnings - 1, "beginnings");
}

static void parts_of_tables(void **state)
{
    (void)state;
    read_and_compare(parts, sizeof parts - 1, "parts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_programs),          cmocka_unit_test(recurrences),
                                       cmocka_unit_test(recurrences_after_passes), cmocka_unit_test(accesses_of_slices),
                                       cmocka_unit_test(lookups_as_values),        cmocka_unit_test(numbers_that_begin),
                                       cmocka_unit_test(parts_of_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
