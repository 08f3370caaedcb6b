/* The whole compiler on one page: text to syntax to tensor IR (frontend), tensor IR to loops (passes), loops to text (backends).
 * What happens in between is in the folder that bears its name; passes/pipeline.c names the passes in order. */
#include "runtime.h"

#include <string.h>

/* Passes replace a kernel's outputs; the program as written stays for the reference and for `explain`. */
static struct ir_kernel *copy_kernel(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct ir_kernel *copy = arena_copy(ir_arena(context), kernel, 1, sizeof *kernel);
    if (!copy)
        return NULL;
    copy->outputs = arena_copy(ir_arena(context), kernel->outputs, kernel->n_outputs, sizeof *kernel->outputs);
    copy->names = arena_copy(ir_arena(context), kernel->names, kernel->n_names, sizeof *kernel->names);
    copy->names_capacity = kernel->n_names;
    return copy;
}

static enum einc_status run_pipeline(struct pass_kernel *kernel)
{
    for (const char *const *name = pass_pipeline(); *name; name++) {
        enum einc_status status = pass_run(pass_find(*name, strlen(*name)), kernel);
        if (status != EINC_OK)
            return status;
    }
    return EINC_OK;
}

struct compiled *compile_program(struct ir_context *context, struct ir_program *program, const struct compile_options *options)
{
    struct compiled *compiled = ARENA_NEW(ir_arena(context), struct compiled);
    struct pass_kernel *kernels = program ? ARENA_ARRAY(ir_arena(context), program->n_kernels, struct pass_kernel) : NULL;
    if (!compiled || !kernels)
        return NULL;
    *compiled = (struct compiled){context, program, kernels, program->n_kernels};
    for (size_t k = 0; k < program->n_kernels; k++) {
        kernels[k] = (struct pass_kernel){
            .context = context, .kernel = copy_kernel(context, program->kernels[k]), .options = &options->passes};
        if (!kernels[k].kernel || run_pipeline(&kernels[k]) != EINC_OK)
            return NULL;
    }
    return ir_status(context) == EINC_OK ? compiled : NULL;
}

struct compiled *compile_source(struct ir_context *context, const struct source *source, const struct compile_options *options)
{
    return compile_program(context, frontend_read(context, source, &options->frontend), options);
}

enum einc_status compile_emit(struct compiled *compiled, const struct backend_info *backend, const char *basename,
                              const struct backend_options *options, struct backend_file **files, size_t *n_files)
{
    struct backend_kernel *kernels = ARENA_ARRAY(ir_arena(compiled->context), compiled->n_kernels, struct backend_kernel);
    if (!kernels)
        return EINC_NO_MEMORY;
    for (size_t k = 0; k < compiled->n_kernels; k++)
        kernels[k] = (struct backend_kernel){compiled->program->kernels[k], compiled->kernels[k].kernel, compiled->kernels[k].loops,
                                             compiled->kernels[k].flops_naive};
    struct backend_program program = {compiled->context, compiled->program->path, basename, kernels, compiled->n_kernels};
    return backend->emit(&program, options, files, n_files);
}
