/* Any bytes as tensor IR text: the reader gives a program or diagnostics; a program it gives can be printed and is itself when read
 * again; nothing crashes or runs away. */
#include "ir/ir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void check_round_trip(struct ir_context *context, const struct ir_program *program)
{
    struct text text = text_create(ir_arena(context));
    ir_print_program(&text, program);
    const char *printed = text_finish(&text);
    struct source again = {"printed.eir", printed, printed ? strlen(printed) : 0};
    const struct ir_program *reread = printed ? ir_read(context, &again) : NULL;
    check(reread != NULL, "what was printed cannot be read");
    check(reread->n_kernels == program->n_kernels, "kernels were lost");
    for (size_t k = 0; k < program->n_kernels; k++)
        check(ir_kernel_equal(reread->kernels[k], program->kernels[k]), "a kernel changed");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ir_context *context = ir_context_create(NULL);
    char *copy = malloc(size + 1);
    if (context && copy) {
        memcpy(copy, data, size);
        copy[size] = 0;
        struct source source = {"fuzz.eir", copy, size};
        const struct ir_program *program = ir_read(context, &source);
        struct text text = text_create(ir_arena(context));
        check(program || ir_diagnostics(context)->n_errors > 0, "neither a program nor a diagnostic");
        diag_print(&text, ir_diagnostics(context), false);
        if (program)
            check_round_trip(context, program);
    }
    free(copy);
    ir_context_destroy(context);
    return 0;
}
