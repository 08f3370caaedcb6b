/* Any bytes as a .ein source: a program that verifies, or at least one diagnostic, printed whole. Refusing without a word, or a program
 * the verifier does not accept, is our own mistake. */
#include "frontend/frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ir_context *context = ir_context_create(NULL);
    if (!context)
        return 0;
    struct arena *arena = ir_arena(context);
    struct source source = {"fuzz.ein", arena_strndup(arena, (const char *)data, size), size};
    struct ir_program *program = source.text ? frontend_read(context, &source, NULL) : NULL;
    if (!program && ir_diagnostics(context)->n_errors == 0 && !arena_failed(arena))
        __builtin_trap(); /* refused without a word */
    for (size_t k = 0; program && k < program->n_kernels; k++)
        if (!ir_verify(context, program->kernels[k]))
            __builtin_trap();
    struct text text = text_create(arena);
    diag_print(&text, ir_diagnostics(context), false);
    if (program)
        ir_print_program(&text, program);
    ir_context_destroy(context);
    return 0;
}
