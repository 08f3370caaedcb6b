/* Engine tcc: emitted C compiled in memory by libtcc (jit_tcc.c), in a fraction of a millisecond and without optimisation. */
#include "runtime.h"

struct engine {
    struct compiled *compiled;
    struct jit_tcc code; /* of all kernels */
    struct native_kernel *kernels;
    int64_t threads; /* for how many the work is divided; one does all shares */
};

struct engine *engine_tcc_create(struct compiled *compiled, const struct engine_options *options);
enum einc_status engine_tcc_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                                struct ir_tensor *outputs);
const struct native_kernel *engine_tcc_native(const struct engine *engine, size_t kernel, int64_t *threads);
void engine_tcc_destroy(struct engine *engine);

static bool build_kernels(struct engine *engine)
{
    const struct backend_options backend = {.weights = WEIGHTS_INLINE, .standalone = true};
    struct compiled *compiled = engine->compiled;
    struct ir_context *context = compiled->context;
    struct backend_program program;
    struct backend_file *files = NULL;
    size_t n_files = 0;
    engine->kernels = ARENA_ARRAY(ir_arena(context), compiled->n_kernels, struct native_kernel);
    bool good = engine->kernels && compile_backend_program(compiled, "kernels", &program) &&
                compile_emit(compiled, backend_find("c", 1), "kernels", &backend, &files, &n_files) == EINC_OK &&
                jit_tcc_compile(context, files[0].bytes, &engine->code) &&
                native_find_kernels(&program, jit_tcc_find, &engine->code, engine->kernels);
    if (!good)
        jit_tcc_release(&engine->code);
    return good;
}

struct engine *engine_tcc_create(struct compiled *compiled, const struct engine_options *options)
{
    struct engine *engine = ARENA_NEW(ir_arena(compiled->context), struct engine);
    if (!engine)
        return NULL;
    engine->compiled = compiled;
    engine->threads = options && options->threads > 0 ? options->threads : 1;
    return build_kernels(engine) ? engine : NULL;
}

enum einc_status engine_tcc_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                                struct ir_tensor *outputs)
{
    return native_run(engine->compiled, &engine->kernels[kernel], engine->threads, kernel, dims, inputs, outputs);
}

const struct native_kernel *engine_tcc_native(const struct engine *engine, size_t kernel, int64_t *threads)
{
    *threads = engine->threads;
    return &engine->kernels[kernel];
}

void engine_tcc_destroy(struct engine *engine)
{
    if (engine)
        jit_tcc_release(&engine->code);
}
