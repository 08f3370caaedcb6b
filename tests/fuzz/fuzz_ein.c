/* Any bytes as a .ein source, through to C: refused with a diagnostic, or a program that verifies, compiles and is emitted.
 *
 * What compiles must stand more than not to crash: its tensor IR reads back equal and C is closed in itself (c_text.h); of one in
 * REPEATED its source reads back, too, its loop IR is itself when read and printed again, a host program is closed in itself, and a
 * second compilation gives the same bytes. Refusing without a
 * word, or a program that a verifier does not accept, is our own mistake.
 * Work is bounded: passes see short sources of few factors only (the exact search of an order takes about a second from sixteen
 * on), and memory stops at a budget, which is one more way for an allocation to fail. */
#include "budget.h"
#include "c_text.h"
#include "frontend/frontend.h"
#include "runtime/runtime.h"

#include <stdio.h>
#include <string.h>

enum { BUDGET = 4 << 20, BLOCK = 1 << 16, COMPILED_BYTES = 2048, ORDERED_FACTORS = 8, REPEATED = 8 };

static void check(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static size_t factors(const uint8_t *data, size_t size)
{
    size_t n = 1;
    for (size_t k = 0; k < size; k++)
        n += data[k] == '*' || data[k] == '"';
    return n;
}

/* One compilation, its memory and what came of it. */
struct attempt {
    size_t left; /* of the budget */
    struct ir_context *context;
    struct ir_program *program;
    struct compiled *compiled;
    bool order;
};

static bool out_of_memory(const struct attempt *attempt)
{
    return arena_failed(ir_arena(attempt->context));
}

/* Emitted by one backend: the first file's text, NULL when it cannot be. */
static struct backend_file *emit(struct attempt *attempt, const char *name, size_t *n_files)
{
    static const struct backend_options options = {.weights = WEIGHTS_EXTERN, .entry = true};
    struct backend_file *files = NULL;
    *n_files = 0;
    enum einc_status status = compile_emit(attempt->compiled, backend_find(name, strlen(name)), "fuzz", &options, &files, n_files);
    check(status == EINC_OK || out_of_memory(attempt) || ir_diagnostics(attempt->context)->n_errors > 0,
          "nothing emitted of a compiled program, without a word");
    return status == EINC_OK ? files : NULL;
}

static void check_tensor_text(struct attempt *attempt)
{
    struct text text = text_create(ir_arena(attempt->context));
    ir_print_program(&text, attempt->program);
    const char *printed = text_finish(&text);
    struct source again = {"printed.eir", printed, printed ? strlen(printed) : 0};
    const struct ir_program *reread = printed ? ir_read(attempt->context, &again) : NULL;
    if (out_of_memory(attempt))
        return;
    check(reread && reread->n_kernels == attempt->program->n_kernels, "printed tensor IR cannot be read");
    for (size_t k = 0; k < reread->n_kernels; k++)
        check(ir_kernel_equal(reread->kernels[k], attempt->program->kernels[k]), "a kernel changed in its text");
}

/* Text of a loop function read from text; NULL when that cannot be. */
static const char *print_again(struct ir_context *context, const char *printed)
{
    struct source source = {"printed.loop", printed, strlen(printed)};
    struct text text = text_create(ir_arena(context));
    size_t count = 0;
    struct loop_function **functions = loop_read(context, &source, &count);
    check(functions && count == 1, "printed loop IR cannot be read");
    loop_print(&text, context, functions[0]);
    return text_finish(&text);
}

/* Reading numbers indices in the order of the text, and terms are printed in the order of the numbers: so a first reading may
 * exchange the terms of sums, a second one may change nothing. */
static void check_loop_text(struct attempt *attempt)
{
    struct ir_context *other = ir_context_create(NULL);
    for (size_t k = 0; k < attempt->compiled->n_kernels && other; k++) {
        struct text text = text_create(ir_arena(attempt->context));
        loop_print(&text, attempt->context, attempt->compiled->kernels[k].loops);
        if (out_of_memory(attempt))
            break;
        const char *first = print_again(other, text_finish(&text)), *second = print_again(other, first);
        check(!strcmp(first, second), "loop IR changed in its text");
    }
    ir_context_destroy(other);
}

/* What `--emit=ein` gives is accepted again. Files that hold its constants are not there, so only text alone is read. */
static void check_source_text(struct attempt *attempt)
{
    size_t n_files;
    struct backend_file *files = emit(attempt, "ein", &n_files);
    struct ir_context *other = files && n_files == 1 ? ir_context_create(NULL) : NULL;
    if (!other)
        return;
    struct source source = {"again.ein", files[0].bytes, files[0].length};
    bool read = frontend_read(other, &source, NULL) != NULL;
    struct text text = text_create(ir_arena(other));
    diag_print(&text, ir_diagnostics(other), false);
    if (!read)
        fprintf(stderr, "%s\n%s\n", source.text, text_finish(&text));
    check(read, "emitted source cannot be read");
    ir_context_destroy(other);
}

static void check_c_text(struct attempt *attempt, const char *backend)
{
    size_t n_files;
    struct backend_file *files = emit(attempt, backend, &n_files);
    for (size_t k = 0; files && k < n_files; k++) {
        size_t length = strlen(files[k].name);
        const char *fault = length > 2 && files[k].name[length - 2] == '.' ? c_text_fault(files[k].bytes, files[k].length) : NULL;
        if (fault)
            fprintf(stderr, "%s\n", files[k].bytes);
        check(!fault, fault);
    }
}

static void attempt_open(struct attempt *attempt, const uint8_t *data, size_t size)
{
    struct einc_allocator allocator = {
        .allocate = budget_allocate, .release = budget_release, .user = &attempt->left, .block_size = BLOCK};
    attempt->left = BUDGET;
    attempt->context = ir_context_create(&allocator);
    struct arena *arena = attempt->context ? ir_arena(attempt->context) : NULL;
    struct source *source = ARENA_NEW(arena, struct source);
    if (!source)
        return;
    *source = (struct source){"fuzz.ein", arena_strndup(arena, (const char *)data, size), size};
    attempt->program = source->text ? frontend_read(attempt->context, source, NULL) : NULL;
    check(attempt->program || ir_diagnostics(attempt->context)->n_errors > 0 || arena_failed(arena), "refused without a word");
}

static void attempt_compile(struct attempt *attempt)
{
    struct compile_options options = {.passes = {.machine = *machine_generic(), .no_order = !attempt->order}};
    attempt->compiled = compile_program(attempt->context, attempt->program, &options);
    check(attempt->compiled || out_of_memory(attempt) || ir_diagnostics(attempt->context)->n_errors > 0,
          "a program was not compiled, without a word");
}

/* The same bytes in, the same bytes out. */
static void check_repeated(struct attempt *first, const uint8_t *data, size_t size)
{
    struct attempt second = {.order = first->order};
    attempt_open(&second, data, size);
    if (second.program)
        attempt_compile(&second);
    if (second.compiled) {
        size_t n, n_again;
        struct backend_file *files = emit(first, "c", &n), *again = emit(&second, "c", &n_again);
        bool good = files && again;
        check(!good ||
                  (n == n_again && files[0].length == again[0].length && !memcmp(files[0].bytes, again[0].bytes, files[0].length)),
              "a second compilation emits other bytes");
    }
    ir_context_destroy(second.context);
}

/* One input in REPEATED gets the checks that are as dear as all the rest. */
static bool is_chosen(const uint8_t *data, size_t size)
{
    return hash_bytes(0, data, size) % REPEATED == 0;
}

static void check_compiled(struct attempt *attempt, const uint8_t *data, size_t size)
{
    check_c_text(attempt, "c");
    if (!is_chosen(data, size))
        return;
    check_loop_text(attempt);
    check_c_text(attempt, "main");
    check_source_text(attempt);
    check_repeated(attempt, data, size);
}

#ifdef EINC_FUZZ
void forget_refused(void); /* mutate_source.c */
#else
static void forget_refused(void) {}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attempt attempt = {.order = factors(data, size) <= ORDERED_FACTORS};
    attempt_open(&attempt, data, size);
    if (!attempt.context)
        return 0;
    for (size_t k = 0; attempt.program && k < attempt.program->n_kernels; k++)
        check(ir_verify(attempt.context, attempt.program->kernels[k]) || out_of_memory(&attempt), "the program does not verify");
    if (attempt.program && size <= COMPILED_BYTES)
        attempt_compile(&attempt);
    if (attempt.compiled)
        check_compiled(&attempt, data, size);
    if (attempt.program && !out_of_memory(&attempt))
        check_tensor_text(&attempt);
    struct text text = text_create(ir_arena(attempt.context));
    if (is_chosen(data, size))
        diag_print(&text, ir_diagnostics(attempt.context), false);
    ir_context_destroy(attempt.context);
    if (!attempt.program)
        forget_refused();
    return 0;
}
