/* Calls of the reference: dense copies of the inputs, evaluated under the program's lock, since values are made in its IR context.
 * They go with the program. */
#include "library.h"

static bool copy_inputs(const struct library_call *call, struct ir_tensor *inputs)
{
    const struct einc_kernel *kernel = call->kernel;
    for (uint32_t k = 0; k < kernel->n_arguments; k++) {
        const struct library_argument *argument = &kernel->arguments[k];
        const DLTensor *tensor = call->tensors[k];
        int64_t count, bytes;
        if (argument->input == UINT32_MAX || !library_extent(tensor, &count, &bytes))
            continue;
        size_t width = ir_elem_info(argument->node->elem)->bytes;
        struct ir_tensor *input = &inputs[argument->input];
        *input = (struct ir_tensor){argument->node->elem, (uint32_t)tensor->ndim, tensor->shape,
                                    arena_alloc(ir_arena(kernel->program->ir), (size_t)count, width)};
        if (!input->data)
            return false;
        library_gather(tensor, input->data);
    }
    return true;
}

static enum einc_status run(const struct library_call *call)
{
    const struct einc_kernel *kernel = call->kernel;
    const struct einc_program *program = kernel->program;
    const struct ir_kernel *source = program->source->kernels[kernel->number];
    struct ir_tensor *inputs = ARENA_ARRAY(ir_arena(program->ir), source->n_inputs, struct ir_tensor);
    struct ir_tensor *outputs = ARENA_ARRAY(ir_arena(program->ir), source->n_outputs, struct ir_tensor);
    if (!inputs || !outputs || !copy_inputs(call, inputs))
        return EINC_NO_MEMORY;
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        if (kernel->arguments[k].output != UINT32_MAX)
            outputs[kernel->arguments[k].output] =
                (struct ir_tensor){kernel->arguments[k].node->elem, (uint32_t)call->tensors[k]->ndim, call->tensors[k]->shape,
                                   library_data(call->tensors[k])};
    const struct library_engine *reference = &program->engines[LIBRARY_FIRST];
    return reference->info->run(reference->engine, kernel->number, call->dims, inputs, outputs);
}

enum einc_status library_run_reference(const struct library_call *call)
{
    struct einc_program *program = call->kernel->program;
    struct diagnostics *diagnostics = ir_diagnostics(program->ir);
    pthread_mutex_lock(&program->lock);
    const struct diagnostics before = *diagnostics;
    enum einc_status status = run(call);
    if (status != EINC_OK)
        (void)library_report(program->context, program->ir);
    *diagnostics = before; /* the next call's are its own */
    pthread_mutex_unlock(&program->lock);
    return status;
}

bool library_is_spent(struct einc_program *program)
{
    if (program->engines[LIBRARY_FIRST].codes->native.entry)
        return false;
    pthread_mutex_lock(&program->lock);
    bool is_spent = arena_failed(ir_arena(program->ir));
    pthread_mutex_unlock(&program->lock);
    return is_spent;
}
