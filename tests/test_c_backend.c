/* Emitted C of loop functions written as text: it compiles without a warning under all four compilers, runs under the address and
 * undefined-behaviour sanitizers, and gives the numbers of loop_eval.
 *
 * Integers and booleans must be equal. Floats may differ by a few roundings: loop_eval calculates in double and rounds at each
 * assignment, emitted f32 code rounds at each operation of expressions of at most a dozen, so 1e-5 relative (about 80 eps) for f32
 * and 1e-12 for f64 is ample and still finds a wrong operand. A compiler that is not there is a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/backends.h"
#include "ir/loop.h"
#include "passes/passes.h"

#define FLAGS "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror"

struct unit {
    const char *name, *text;
};

static const struct unit units[] = {
    {"dot", "function dot {\n input q: f32[6, 5] count 30 argument 0\n input k: f32[6, 5] count 30 argument 1\n"
            " output y: f32[2, 3, 3] count 18 argument 0\n for b < 2 { \"b alone\" for i < 3 { for j < 3 {\n"
            " var sum: f32 = f32 0\n for d < 5 { sum add= mul(q[15 * b + 5 * i + d], k[15 * b + 5 * j + d]) }\n"
            " y[9 * b + 3 * i + j] = sum } } } }"},
    {"window",
     "function window {\n dim N\n input x: f64[N, 7] count 7 * N argument 0\n input scale: value f64[] count 1 argument 1\n"
     " output y: f64[N, 4] count 4 * N argument 0\n constant w: f64[3] count 3 = {1, -2, 0x1.999999999999ap-4}\n"
     " constant v: f64[9] count 9 = {1, 2, 3, 4, 5, 6, 7, 8, -9}\n scratch t: f64[N, 4] count 4 * N at 0\n"
     " workspace 32 * N align 64\n stack acc: f64[4] count 4\n block \"first\" { for n < N {\n for i < 4 { acc[i] = f64 0 }\n"
     " for r < 3 { for i < 4 { if 2 * i + r - 1 >= 0 and 7 - 2 * i - r >= 0 {\n"
     " acc[i] add= mul(x[7 * n + 2 * i + r - 1], w[r]) } } }\n for i < 4 { t[4 * n + i] = mul(acc[i], scale[0]) } } }\n"
     " block \"second\" { for n < N { for i < 4 {\n y[4 * n + 3 - i] = add(t[4 * n + i], v[(2 * i + 1) mod 9]) } } } }"},
    {"wrap", "function wrap {\n input a: i32[8] count 8 argument 0\n input b: i32[8] count 8 argument 1\n"
             " input c: i8[8] count 8 argument 2\n input d: u16[8] count 8 argument 3\n input e: i64[8] count 8 argument 4\n"
             " output p: i32[8] count 8 argument 0\n output q: i8[8] count 8 argument 1\n output r: u16[8] count 8 argument 2\n"
             " output s: i64[8] count 8 argument 3\n output t: i32[8] count 8 argument 4\n for i < 8 {\n"
             " p[i] = sub(mul(a[i], b[7 - i]), add(neg(a[i]), i32 2147483647))\n"
             " q[i] = add(mul(c[i], i8 100), max(c[i], i8 -3))\n q[i] add= relu(c[i])\n"
             " r[i] = mul(mul(d[i], u16 65535), u16 65535)\n r[i] add= select(lt(d[i], u16 0), d[i], floor_mod(d[i], u16 7))\n"
             " s[i] = add(mul(e[i], i64 9223372036854775807), abs(e[i]))\n"
             " t[i] = add(div(a[i], b[i]), add(floor_div(a[i], i32 -3), floor_mod(a[i], b[i]))) } }"},
    {"casts",
     "function casts {\n input x: f64[9] count 9 argument 0\n output a: i8[9] count 9 argument 0\n output b: u32[9] count 9 "
     "argument 1\n"
     " output c: i64[9] count 9 argument 2\n output d: f32[9] count 9 argument 3\n output e: bool[9] count 9 argument 4\n"
     " for i < 9 {\n a[i] = i8(mul(x[i], f64 300))\n b[i] = u32(mul(x[i], f64 1e10))\n c[i] = i64(div(f64 1, sub(x[i], x[i])))\n"
     " d[i] = f32(add(x[i], f64(index(i * i - 3))))\n"
     " e[i] = or(and(lt(x[i], f64 0), not(eq(x[i], f64 0.5))), and(bool(x[i]), ge(x[i], f64 0.25))) } }"},
    {"functions", "function functions {\n input x: f32[7] count 7 argument 0\n input z: f64[7] count 7 argument 1\n"
                  " output y: f32[7] count 7 argument 0\n output w: f64[7] count 7 argument 1\n for i < 7 {\n"
                  " y[i] = add(gelu(x[i]), add(gelu_tanh(x[i]), add(silu(x[i]), sigmoid(neg(x[i])))))\n"
                  " w[i] = add(mul(exp(z[i]), exp(z[i])), sub(max(tanh(z[i]), sin(z[i])), min(erf(z[i]), neg(f64 -0.75))))\n"
                  " w[i] add= neg(z[i]) } }"},
    {"shortest",
     "function shortest {\n dim n\n input a: f64[n, n] count n * n argument 0\n output d: f64[n, n] count n * n argument 0\n"
     " for i < n { for j < n {\n var best: f64 = f64 inf\n for k < n { best min= add(a[n * i + k], a[n * k + j]) }\n"
     " d[n * i + j] = best } } }"},
    {"spectrum",
     "function spectrum {\n input a: c64[4, 3] count 12 argument 0\n input b: c64[3] count 3 argument 1\n"
     " input s: c128[] count 1 argument 2\n output y: c64[4] count 4 argument 0\n output w: c128[4] count 4 argument 1\n"
     " output m: f64[4] count 4 argument 2\n constant k: c128[2] count 2 = {(1, 2), (0x1p-1, -3)}\n for i < 4 {\n"
     " var sum: c64 = c64 (0, 0)\n for j < 3 { sum add= mul(a[3 * i + j], conj(b[j])) }\n y[i] = mul(sum, c64(f32 2))\n"
     " var z: c128 = div(mul(s[0], c128(f64(index(i + 1)))), add(k[i mod 2], c128(f64(index(i)))))\n z mul= s[0]\n"
     " w[i] = exp(add(mul(z, c128 (0, 1)), sqrt(log(z))))\n w[i] add= add(tanh(z), sin(cos(z)))\n"
     " m[i] = select(ne(z, w[i]), add(abs(w[i]), imag(z)), real(z)) } }"},
    {"gather", "function gather {\n table table_0: i32[5] = {4, 0, 3, 1, 2}\n input x: f64[5, 3] count 15 argument 0\n"
               " output y: f64[5, 3] count 15 argument 0\n for i < 5 { for j < 3 { y[3 * i + j] = x[3 * table_0[i] + j] } } }"},
    {"int",
     "function int {\n input register: f64[10] count 10 argument 0\n input E: f64[10] count 10 argument 1\n"
     " input y__: f64[] count 1 argument 2\n output I: f64[10] count 10 argument 0\n output complex: f64[10] count 10 argument 1\n"
     " block \"*/ int x; /* ?\?/\" { for restrict < 10 {\n I[restrict] = mul(register[restrict], y__[0])\n"
     " complex[restrict] = sub(exp(E[restrict]), register[9 - restrict]) } } }"},
    {"dead",
     "function dead {\n input x: f64[4] count 4 argument 0\n output y: f64[4] count 4 argument 0\n stack t: f64[4] count 4\n"
     " for i < 4 {\n t[i] = x[i]\n let a: f64 = exp(t[i])\n let b: f64 = mul(a, a)\n y[i] = f64 2 } }"},
    {"index", "function index {\n output y: bool[4] count 4 argument 0\n"
              " for i < 4 { y[i] = or(lt(index(i mod 2), i64 0), ge(index(i), i64 2)) } }"},
    {"downwards", "function downwards {\n input x: f64[4, 4] count 16 argument 0\n output y: f64[4] count 4 argument 0\n"
                  " for c < 4 {\n var sum: f64 = f64 0\n for d < -c { sum add= x[4 * c + d] }\n"
                  " for d < 2 - c { sum add= x[4 * c + d] }\n y[c] = sum } }"},
    {"never", "function never {\n dim N\n input x: f64[N, 0] count 0 argument 0\n output y: f64[N] count N argument 0\n"
              " for n < N {\n var sum: f64 = f64 0\n for k < 0 { sum add= x[k] }\n y[n] = sum } }"},
};
enum { UNITS = sizeof units / sizeof *units, RUN_TIME_SIZE = 5, BUFFER_LIMIT = 16 };

enum einc_status pass_split_complex(struct pass_kernel *kernel);

struct emitted {
    struct ir_context *context;
    struct loop_function *before, *loops; /* as read; after split_complex */
    struct backend_file *files;
    size_t n_files;
};

static struct loop_function *read_unit(struct ir_context *context, const struct unit *unit)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    size_t count = 0;
    *source = (struct source){unit->name, unit->text, strlen(unit->text)};
    struct loop_function **functions = loop_read(context, source, &count);
    struct text text = text_create(ir_arena(context));
    diag_print(&text, ir_diagnostics(context), false);
    if (!functions || count != 1 || !loop_verify(context, functions[0]))
        fail_msg("%s: %s", unit->name, text_finish(&text));
    return functions[0];
}

static struct emitted emit(const struct unit *unit, enum backend_weights weights)
{
    struct emitted emitted = {.context = ir_context_create(NULL)};
    emitted.before = read_unit(emitted.context, unit);
    emitted.loops = read_unit(emitted.context, unit);
    struct pass_kernel kernel = {.context = emitted.context, .loops = emitted.loops};
    assert_int_equal(pass_split_complex(&kernel), EINC_OK);
    assert_true(loop_verify(emitted.context, emitted.loops));
    struct backend_kernel backend_kernel = {.loops = emitted.loops};
    struct backend_program program = {emitted.context, "unit.ein", unit->name, &backend_kernel, 1};
    const struct backend_options options = {.weights = weights, .entry = true};
    assert_int_equal(backend_find("c", 1)->emit(&program, &options, &emitted.files, &emitted.n_files), EINC_OK);
    return emitted;
}

/* ---- files and compilers ---- */

static char folder[] = "/tmp/einc-test-c-XXXXXX";

static void write_file(const char *name, const void *bytes, size_t length)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void run(const char *format, const char *name)
{
    char command[1024], rest[900];
    snprintf(rest, sizeof rest, format, name, name, name, name);
    snprintf(command, sizeof command, "cd %s && %s", folder, rest);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void write_emitted(const struct emitted *emitted)
{
    for (size_t k = 0; k < emitted->n_files; k++)
        write_file(emitted->files[k].name, emitted->files[k].bytes, emitted->files[k].length);
}

/* ---- numbers ---- */

static int64_t count_of(const struct loop_buffer *buffer, const int64_t *dims)
{
    int64_t count = 0;
    assert_true(poly_evaluate(buffer->count, dims, NULL, &count));
    return count;
}

static void fill(const struct loop_buffer *buffer, void *data, size_t count)
{
    static const double reals[] = {0.5, -0.75, 0.3, 1.25, -1, 0.1, -0.2, 0.9, 0.6};
    static const int64_t integers[] = {3, -7, 0, INT64_MAX, 100, INT64_MIN, -1, 12345};
    for (size_t k = 0; k < count; k++) {
        double real = reals[(k * 5 + buffer->parameter * 2) % 9];
        int64_t integer = integers[(k + buffer->parameter * 3) % 8];
        switch (ir_elem_real(buffer->elem)) {
        case IR_f32:
            ((float *)data)[k] = (float)real;
            break;
        case IR_f64:
            ((double *)data)[k] = real;
            break;
        default: /* the low bytes; INT64_MIN becomes the least i32 and i8 by its high ones */
            integer = integer == INT64_MIN ? (int64_t)(UINT64_C(1) << (ir_elem_info(buffer->elem)->bytes * 8 - 1)) : integer;
            memcpy((char *)data + k * ir_elem_info(buffer->elem)->bytes, &integer, ir_elem_info(buffer->elem)->bytes);
        }
    }
}

static bool same(enum ir_elem elem, const void *wanted, const void *found, size_t k)
{
    double a, b, tolerance;
    if (elem == IR_f32) {
        a = (double)((const float *)wanted)[k], b = (double)((const float *)found)[k], tolerance = 1e-5;
    } else if (elem == IR_f64) {
        a = ((const double *)wanted)[k], b = ((const double *)found)[k], tolerance = 1e-12;
    } else {
        size_t bytes = ir_elem_info(elem)->bytes;
        return memcmp((const char *)wanted + k * bytes, (const char *)found + k * bytes, bytes) == 0;
    }
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tolerance * fmax(1, fabs(a));
}

/* A main that reads inputs.bin into blocks of the exact size, calls the entry, and writes outputs.bin. */
static void write_driver(const struct emitted *emitted, const struct unit *unit, const int64_t *dims)
{
    struct text text = text_create(ir_arena(emitted->context));
    const struct loop_function *loops = emitted->loops;
    text_printf(&text, "#include \"%s.h\"\n#include <stdio.h>\n#include <stdlib.h>\nint main(void)\n{\n", unit->name);
    text_printf(&text, "    const size_t dims[2] = {%d, %d};\n    void *arguments[%d] = {0};\n", RUN_TIME_SIZE, RUN_TIME_SIZE,
                BUFFER_LIMIT);
    text_put(&text, "    FILE *in = fopen(\"inputs.bin\", \"rb\"), *out = fopen(\"outputs.bin\", \"wb\");\n    if (!in || !out)\n  "
                    "      return 1;\n");
    int argument = 0;
    for (int output = 0; output < 2; output++)
        for (size_t k = 0; k < loops->n_buffers; k++) {
            const struct loop_buffer *buffer = &loops->buffers[k];
            if (buffer->kind != (output ? LOOP_OUTPUT : LOOP_INPUT))
                continue;
            long long bytes = (long long)count_of(buffer, dims) * ir_elem_info(buffer->elem)->bytes;
            text_printf(&text, "    arguments[%d] = malloc(%lld);\n", argument, bytes);
            if (!output)
                text_printf(&text, "    if (fread(arguments[%d], 1, %lld, in) != %lld)\n        return 2;\n", argument, bytes,
                            bytes);
            argument++;
        }
    text_printf(&text, "    void *workspace = malloc(einc_workspace_%s(dims));\n", unit->name);
    text_printf(&text, "    if (einc_entry_%s(dims, arguments, workspace) != 0)\n        return 3;\n", unit->name);
    argument = 0;
    for (size_t k = 0; k < loops->n_buffers; k++)
        argument += loops->buffers[k].kind == LOOP_INPUT;
    for (size_t k = 0; k < loops->n_buffers; k++)
        if (loops->buffers[k].kind == LOOP_OUTPUT)
            text_printf(&text, "    fwrite(arguments[%d], 1, %lld, out);\n", argument++,
                        (long long)count_of(&loops->buffers[k], dims) * ir_elem_info(loops->buffers[k].elem)->bytes);
    text_printf(&text, "    for (int k = 0; k < %d; k++)\n        free(arguments[k]);\n    free(workspace);\n", BUFFER_LIMIT);
    text_put(&text, "    return fclose(in) || fclose(out);\n}\n");
    write_file("driver.c", text_finish(&text), text.length);
}

static void compare_outputs(const struct emitted *emitted, const struct unit *unit, const int64_t *dims,
                            const struct ir_tensor *wanted)
{
    char path[256];
    snprintf(path, sizeof path, "%s/outputs.bin", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t k = 0; k < emitted->loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &emitted->loops->buffers[k];
        if (buffer->kind != LOOP_OUTPUT)
            continue;
        size_t count = (size_t)count_of(buffer, dims), bytes = ir_elem_info(buffer->elem)->bytes;
        void *found = malloc(count * bytes + 1);
        assert_int_equal(fread(found, bytes, count, file), count);
        for (size_t at = 0; at < count; at++)
            if (!same(buffer->elem, wanted[buffer->parameter].data, found, at))
                fail_msg("%s: `%s`[%zu] differs from loop_eval", unit->name, buffer->name, at);
        free(found);
    }
    fclose(file);
}

static void evaluate(const struct emitted *emitted, const struct loop_function *loops, const int64_t *dims,
                     struct ir_tensor *outputs, bool write)
{
    struct ir_tensor inputs[BUFFER_LIMIT] = {0};
    struct text bytes = text_create(ir_arena(emitted->context));
    for (size_t k = 0; k < loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &loops->buffers[k];
        if (buffer->kind != LOOP_INPUT)
            continue;
        size_t reals = (size_t)count_of(buffer, dims) * (ir_elem_is_complex(buffer->elem) ? 2 : 1);
        size_t size = reals * ir_elem_info(ir_elem_real(buffer->elem))->bytes;
        inputs[buffer->parameter].elem = buffer->elem;
        inputs[buffer->parameter].data = arena_alloc(ir_arena(emitted->context), size + 1, 1);
        fill(buffer, inputs[buffer->parameter].data, reals);
        text_put_bytes(&bytes, inputs[buffer->parameter].data, size);
    }
    if (write)
        write_file("inputs.bin", bytes.length ? bytes.data : "", bytes.length);
    if (loop_eval(emitted->context, loops, IR_EVAL_NUMBERS, dims, inputs, outputs) != EINC_OK) {
        struct text text = text_create(ir_arena(emitted->context));
        diag_print(&text, ir_diagnostics(emitted->context), false);
        fail_msg("loop_eval: %s", text_finish(&text));
    }
}

/* ---- tests ---- */

static void test_values(void **state)
{
    const int64_t dims[2] = {RUN_TIME_SIZE, RUN_TIME_SIZE};
    (void)state;
    for (size_t k = 0; k < UNITS; k++) {
        struct emitted emitted = emit(&units[k], WEIGHTS_INLINE);
        struct ir_tensor before[BUFFER_LIMIT] = {0}, after[BUFFER_LIMIT] = {0};
        evaluate(&emitted, emitted.before, dims, before, true);
        evaluate(&emitted, emitted.loops, dims, after, false);
        write_emitted(&emitted);
        write_driver(&emitted, &units[k], dims);
        run("gcc -g -std=c99 -w -fsanitize=address,undefined -fno-sanitize-recover=all -o driver driver.c %s.c -lm && ./driver",
            units[k].name);
        compare_outputs(&emitted, &units[k], dims, after);
        compare_outputs(&emitted, &units[k], dims, before); /* split_complex changed no value beyond rounding */
        ir_context_destroy(emitted.context);
    }
}

static void test_compilers(void **state)
{
    (void)state;
    for (size_t k = 0; k < UNITS; k++)
        for (int weights = WEIGHTS_INLINE; weights <= WEIGHTS_FILE; weights++) {
            struct emitted emitted = emit(&units[k], (enum backend_weights)weights);
            write_emitted(&emitted);
            run("gcc " FLAGS " -O2 -c %s.c && clang " FLAGS " -c %s.c && tcc " FLAGS " -c %s.c && arm-none-eabi-gcc " FLAGS
                " -c %s.c",
                units[k].name);
            run("g++ -x c++ -Wall -Wextra -Werror -fsyntax-only %s.h", units[k].name);
            ir_context_destroy(emitted.context);
        }
}

static void test_link(void **state)
{
    (void)state;
    struct emitted first = emit(&units[1], WEIGHTS_INLINE), second = emit(&units[4], WEIGHTS_INLINE);
    write_emitted(&first);
    write_emitted(&second);
    const char both[] =
        "#include \"window.h\"\n#include \"functions.h\"\nint main(void) { return window == 0 || functions == 0; }\n";
    write_file("both.c", both, strlen(both));
    run("gcc -w -o both both.c window.c functions.c -lm && ./both", "");
    ir_context_destroy(first.context);
    ir_context_destroy(second.context);
}

static void test_same_bytes(void **state)
{
    (void)state;
    for (size_t k = 0; k < UNITS; k++) {
        struct emitted first = emit(&units[k], WEIGHTS_INLINE), second = emit(&units[k], WEIGHTS_INLINE);
        assert_int_equal(first.n_files, second.n_files);
        for (size_t f = 0; f < first.n_files; f++) {
            assert_int_equal(first.files[f].length, second.files[f].length);
            assert_memory_equal(first.files[f].bytes, second.files[f].bytes, first.files[f].length);
        }
        ir_context_destroy(first.context);
        ir_context_destroy(second.context);
    }
}

/* What was printed reads back to something that prints the same. */
static void test_text(void **state)
{
    (void)state;
    for (size_t k = 0; k < UNITS; k++) {
        struct ir_context *context = ir_context_create(NULL), *again = ir_context_create(NULL);
        struct text first = text_create(ir_arena(context)), second = text_create(ir_arena(again));
        loop_print(&first, context, read_unit(context, &units[k]));
        struct unit printed = {units[k].name, text_finish(&first)};
        loop_print(&second, again, read_unit(again, &printed));
        assert_string_equal(text_finish(&second), printed.text);
        ir_context_destroy(again);
        ir_context_destroy(context);
    }
}

static void test_layout(void **state)
{
    (void)state;
    struct emitted emitted = emit(&units[0], WEIGHTS_INLINE);
    assert_non_null(strstr(emitted.files[0].bytes, "    for (size_t b = 0; b < 2; b++) /* b alone */\n"
                                                   "        for (size_t i = 0; i < 3; i++)\n"
                                                   "            for (size_t j = 0; j < 3; j++) {\n"
                                                   "                const float *q_row = &q[(b * 3 + i) * 5];\n"
                                                   "                const float *k_row = &k[(b * 3 + j) * 5];\n"
                                                   "                float sum = 0.0f;\n"
                                                   "                for (size_t d = 0; d < 5; d++)\n"
                                                   "                    sum += q_row[d] * k_row[d];\n"
                                                   "                y[(b * 3 + i) * 3 + j] = sum;\n"
                                                   "            }\n"));
    ir_context_destroy(emitted.context);
}

static const struct unit wrong[] = {
    {"store into an input", "function f {\n input x: f64[2] count 2 argument 0\n x[0] = f64 1 }"},
    {"type of a store", "function f {\n output y: f64[2] count 2 argument 0\n y[0] = f32 1 }"},
    {"place outside", "function f {\n output y: f64[2] count 2 argument 0\n y[2] = f64 1 }"},
    {"set of a constant", "function f {\n output y: f64[2] count 2 argument 0\n let a: f64 = f64 1\n a = f64 2\n y[0] = a }"},
    {"local out of scope",
     "function f {\n output y: f64[2] count 2 argument 0\n for i < 2 { var a: f64 = f64 1\n y[i] = a }\n y[0] = a }"},
};

static void test_verifier(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct source source = {wrong[k].name, wrong[k].text, strlen(wrong[k].text)};
        size_t count = 0;
        struct loop_function **functions = loop_read(context, &source, &count);
        assert_non_null(functions);
        if (loop_verify(context, functions[0]))
            fail_msg("accepted: %s", wrong[k].name);
        assert_int_equal(ir_status(context), EINC_INVALID);
        ir_context_destroy(context);
    }
}

static int open_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),     cmocka_unit_test(test_text),      cmocka_unit_test(test_verifier),
        cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_compilers), cmocka_unit_test(test_values),
        cmocka_unit_test(test_link),
    };
    return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
