/* The reference engine: ir/eval on the program as written, before any pass. Slow and obvious; what others are held against. */
#include "runtime.h"

#include <string.h>

struct engine {
    struct compiled *compiled;
};

struct engine *engine_ref_create(struct compiled *compiled, const struct engine_options *options);
enum einc_status engine_ref_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                                struct ir_tensor *outputs);
const struct native_kernel *engine_ref_native(const struct engine *engine, size_t kernel, int64_t *threads);
void engine_ref_destroy(struct engine *engine);

struct engine *engine_ref_create(struct compiled *compiled, const struct engine_options *options)
{
    (void)options;
    struct engine *engine = ARENA_NEW(ir_arena(compiled->context), struct engine);
    if (engine)
        engine->compiled = compiled;
    return engine;
}

enum einc_status engine_ref_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                                struct ir_tensor *outputs)
{
    struct ir_context *context = engine->compiled->context;
    const struct ir_kernel *source = engine->compiled->program->kernels[kernel];
    struct ir_tensor *values = ARENA_ARRAY(ir_arena(context), source->n_outputs, struct ir_tensor);
    if (!values)
        return EINC_NO_MEMORY;
    enum einc_status status = ir_eval(context, source, IR_EVAL_NUMBERS, dims, inputs, values, NULL);
    for (uint32_t k = 0; status == EINC_OK && k < source->n_outputs; k++) {
        size_t bytes = npy_element_count(&values[k]) * ir_elem_info(values[k].elem)->bytes;
        if (bytes)
            memcpy(outputs[k].data, values[k].data, bytes);
    }
    return status;
}

const struct native_kernel *engine_ref_native(const struct engine *engine, size_t kernel, int64_t *threads)
{
    (void)engine, (void)kernel, (void)threads;
    return NULL;
}

void engine_ref_destroy(struct engine *engine)
{
    (void)engine; /* lives in the arena */
}
