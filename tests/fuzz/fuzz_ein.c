/* Any bytes as a .ein source: a program that verifies, or at least one diagnostic, printed whole; then every pass, each of which is
 * verified, and C text. Refusing without a word, or a program the verifier does not accept, is our own mistake.
 * Work is bounded: passes see short sources only, sources with many factors are compiled in the order written (the exact search
 * takes about a second from sixteen on), and memory stops at a budget, which is one more way for an allocation to fail. */
#include "frontend/frontend.h"
#include "runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUDGET = 64 << 20, COMPILED_BYTES = 2048, ORDERED_FACTORS = 12 };

/* malloc until the budget is used up; nothing is given back to it. */
static void *allocate(void *user, size_t size)
{
    size_t *left = user;
    if (size > *left)
        return NULL;
    *left -= size;
    return malloc(size);
}

static void release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

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

static void compile(struct ir_context *context, struct ir_program *program, bool order)
{
    struct compile_options options = {.passes = {.machine = pass_machine_generic, .no_order = !order},
                                      .backend = {.weights = WEIGHTS_EXTERN}};
    struct compiled *compiled = compile_program(context, program, &options);
    struct backend_file *files = NULL;
    size_t n_files = 0;
    enum einc_status status = EINC_OK;
    if (compiled)
        status = compile_emit(compiled, backend_find("c", 1), "fuzz", &options.backend, &files, &n_files);
    if (arena_failed(ir_arena(context)))
        return;
    check(compiled || ir_diagnostics(context)->n_errors > 0, "a program was not compiled, without a word");
    check(!compiled || status == EINC_OK || ir_diagnostics(context)->n_errors > 0, "no C for a compiled program, without a word");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t left = BUDGET;
    struct einc_allocator allocator = {allocate, release, &left};
    struct ir_context *context = ir_context_create(&allocator);
    if (!context)
        return 0;
    struct arena *arena = ir_arena(context);
    struct source source = {"fuzz.ein", arena_strndup(arena, (const char *)data, size), size};
    struct ir_program *program = source.text ? frontend_read(context, &source, NULL) : NULL;
    check(program || ir_diagnostics(context)->n_errors > 0 || arena_failed(arena), "refused without a word");
    for (size_t k = 0; program && k < program->n_kernels; k++)
        check(ir_verify(context, program->kernels[k]) || arena_failed(arena), "the program does not verify");
    struct text text = text_create(arena);
    if (program) {
        ir_print_program(&text, program);
        if (size <= COMPILED_BYTES)
            compile(context, program, factors(data, size) <= ORDERED_FACTORS);
    }
    diag_print(&text, ir_diagnostics(context), false);
    ir_context_destroy(context);
    return 0;
}
