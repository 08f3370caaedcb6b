/* What engines leave in the process: while a kernel lives no memory is writable and executable at once, the stacks included; when
 * it is gone, so are its mappings and descriptors. And what the engine of libtcc says of a text it cannot take. */
#include "runtime/runtime.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Constants in a table and in the code, scratch, a function of the C library, conversions that are calls under libtcc. */
static const char program[] =
    "dim n\n"
    "const c: f64[5, 5] = [[1, 2, 3, 4, 5], [2, 1, 7, 9, 8], [3, 5, 1, 6, 4], [4, 3, 9, 1, 7], [5, 4, 2, 7, 1]]\n"
    "kernel f(x: f64[n, 5], u: u64[n]) -> (y: f64[n]) {\n"
    "    let t[i,j] = exp(-abs(x[i,j]))\n"
    "    y[i] = t[i,j] * x[i,k] * c[j,k] + f64(u[i])\n"
    "}\n";

struct compiled_program {
    struct ir_context *context;
    struct compiled *compiled;
    struct engine *engine;
};

static struct compiled_program open_program(const struct engine_info *info)
{
    static const struct source source = {"memory.ein", program, sizeof program - 1};
    const struct compile_options options = {.passes = {.machine = *machine_generic()}};
    struct compiled_program opened = {.context = ir_context_create(NULL)};
    assert_non_null(opened.context);
    opened.compiled = compile_source(opened.context, &source, &options);
    assert_non_null(opened.compiled);
    opened.engine = info->create(opened.compiled, NULL);
    assert_non_null(opened.engine);
    return opened;
}

static void close_program(const struct engine_info *info, struct compiled_program *opened)
{
    info->destroy(opened->engine);
    ir_context_destroy(opened->context);
}

static void run_program(const struct engine_info *info, const struct compiled_program *opened)
{
    double x[10] = {0.25, -1.0, 2.0, 0.5, 3.0, 1.0, -0.5, 0.0, 1.5, -2.0}, y[2] = {0};
    uint64_t u[2] = {UINT64_MAX, 3};
    int64_t n = 2, rows[] = {2}, matrix[] = {2, 5};
    const struct ir_tensor inputs[] = {{IR_f64, 2, matrix, x}, {IR_u64, 1, rows, u}};
    struct ir_tensor output = {IR_f64, 1, rows, y};
    assert_int_equal(info->run(opened->engine, 0, &n, inputs, &output), EINC_OK);
    assert_true(y[0] >= 0x1p64 && y[1] != 0);
}

/* Mappings of the process; those that are writable and executable are a failure. */
static size_t count_mappings(const char *engine)
{
    char line[4096], rights[5];
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    for (; fgets(line, sizeof line, maps); count++) {
        assert_int_equal(sscanf(line, "%*x-%*x %4s", rights), 1);
        if (rights[1] == 'w' && rights[2] == 'x')
            fail_msg("engine %s: %s", engine, line);
    }
    fclose(maps);
    return count;
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void nothing_is_writable_and_executable(void **state)
{
    (void)state;
    size_t count;
    const struct engine_info *engines = engine_table(&count);
    for (size_t k = 0; k < count; k++) {
        struct compiled_program opened = open_program(&engines[k]);
        count_mappings(engines[k].name);
        run_program(&engines[k], &opened);
        count_mappings(engines[k].name);
        close_program(&engines[k], &opened);
    }
}

/* Many mappings are the allocator's, which keeps some: more than that would grow with the rounds. */
static void nothing_is_left(void **state)
{
    enum { ROUNDS = 20, KEPT = 10 };
    (void)state;
    size_t count;
    const struct engine_info *engines = engine_table(&count);
    for (size_t k = 0; k < count; k++) {
        size_t mappings = 0, descriptors = 0;
        for (size_t round = 0; round <= ROUNDS; round++) {
            struct compiled_program opened = open_program(&engines[k]);
            run_program(&engines[k], &opened);
            close_program(&engines[k], &opened);
            if (round == 0) { /* libraries are loaded */
                mappings = count_mappings(engines[k].name);
                descriptors = count_descriptors();
            }
        }
        assert_int_equal(count_descriptors(), descriptors);
        assert_in_range(count_mappings(engines[k].name), 0, mappings + KEPT);
    }
}

#if EINC_TCC
static void tcc_reports(const char *text, const char *message)
{
    struct ir_context *context = ir_context_create(NULL);
    struct jit_tcc code;
    assert_non_null(context);
    assert_false(jit_tcc_compile(context, text, &code));
    assert_null(code.memory);
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    assert_int_equal(diagnostics->n_errors, 1);
    assert_int_equal(diagnostics->items[0]->code, DIAG_E0802);
    if (!strstr(diagnostics->items[0]->message, message))
        fail_msg("`%s` is not in `%s`", message, diagnostics->items[0]->message);
    ir_context_destroy(context);
}

static void libtcc_fails_as_a_diagnostic(void **state)
{
    (void)state;
    tcc_reports("int f(void) { return 1 +; }", "<string>:1: error: identifier expected");
    tcc_reports("int f(void) { \"abc", "missing terminating \"");
    tcc_reports("#include <stdint.h>\n", "include file 'stdint.h' not found");
    tcc_reports("int puts(const char *); int f(void) { return puts(\"\"); }", "undefined symbol 'puts'");
}

/* Whatever the size of its arguments' list: tcc takes 255 in a call. */
static void tcc_takes_many_arguments(void **state)
{
    enum { COUNT = 300 };
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    assert_non_null(context);
    struct text text = text_create(ir_arena(context));
    text_put(&text, "kernel f(");
    for (int k = 0; k < COUNT; k++)
        text_printf(&text, "%sx%d: f64", k ? ", " : "", k);
    text_put(&text, ") -> (y: f64) { y = x0");
    for (int k = 1; k < COUNT; k++)
        text_printf(&text, " + x%d", k);
    text_put(&text, " }\n");
    const struct source source = {"many.ein", text_finish(&text), text.length};
    const struct compile_options options = {.passes = {.machine = *machine_generic()}};
    struct compiled *compiled = compile_source(context, &source, &options);
    assert_non_null(compiled);
    const struct engine_info *info = engine_find("tcc");
    struct engine *engine = info->create(compiled, NULL);
    assert_non_null(engine);
    static double values[COUNT];
    static struct ir_tensor inputs[COUNT];
    double y = 0;
    struct ir_tensor output = {IR_f64, 0, NULL, &y};
    for (int k = 0; k < COUNT; k++) {
        values[k] = k;
        inputs[k] = (struct ir_tensor){IR_f64, 0, NULL, &values[k]};
    }
    assert_int_equal(info->run(engine, 0, NULL, inputs, &output), EINC_OK);
    assert_true(y == COUNT * (COUNT - 1) / 2);
    info->destroy(engine);
    ir_context_destroy(context);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_writable_and_executable),
        cmocka_unit_test(nothing_is_left),
#if EINC_TCC
        cmocka_unit_test(libtcc_fails_as_a_diagnostic),
        cmocka_unit_test(tcc_takes_many_arguments),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
