/* Rows `tensor` and `loop`: the two IRs as text, as docs/ir.md and docs/loop-ir.md describe. */
#include "backends_internal.h"

enum einc_status backend_emit_tensor(const struct backend_program *program, const struct backend_options *options,
                                     struct backend_file **files, size_t *n_files);
enum einc_status backend_emit_loop(const struct backend_program *program, const struct backend_options *options,
                                   struct backend_file **files, size_t *n_files);

static enum einc_status add(const struct backend_program *program, const char *extension, struct text *text,
                            struct backend_file **files, size_t *n_files)
{
    const char *name = arena_printf(ir_arena(program->context), "%s%s", program->basename, extension);
    return backend_add_file(program->context, files, n_files, name, text);
}

enum einc_status backend_emit_tensor(const struct backend_program *program, const struct backend_options *options,
                                     struct backend_file **files, size_t *n_files)
{
    (void)options;
    struct arena *arena = ir_arena(program->context);
    struct text text = text_create(arena);
    struct ir_program printed = {.context = program->context, .path = program->path};
    for (size_t k = 0; k < program->n_kernels; k++) {
        struct ir_kernel *kernel = arena_copy(arena, program->kernels[k].kernel, 1, sizeof *kernel);
        if (!kernel || !ARENA_PUSH(arena, printed.kernels, printed.n_kernels, printed.kernels_capacity, kernel))
            return EINC_NO_MEMORY;
    }
    ir_print_program(&text, &printed);
    return add(program, ".eir", &text, files, n_files);
}

enum einc_status backend_emit_loop(const struct backend_program *program, const struct backend_options *options,
                                   struct backend_file **files, size_t *n_files)
{
    (void)options;
    struct text text = text_create(ir_arena(program->context));
    for (size_t k = 0; k < program->n_kernels; k++) {
        if (!program->kernels[k].loops)
            return EINC_INTERNAL;
        text_put(&text, k ? "\n" : "");
        loop_print(&text, program->context, program->kernels[k].loops);
    }
    return add(program, ".loop", &text, files, n_files);
}
