/* Engine llvm: each kernel is a module of its own, compiled by LLVM for the processor einc runs on, and linked in memory by ORC.
 *
 * What needs LLVM is behind two tables of functions (backends/machine_code.c says where they come from): `emit` makes an object
 * file in memory, `jit_orc` links it. Memory with code is never writable and executable at once. */
#include "runtime.h"

struct engine {
    struct compiled *compiled;
    const struct jit_orc *orc;
    struct jit *jit;
    struct native_kernel *kernels;
    int64_t threads; /* that run kernels made for several */
};

struct engine *engine_llvm_create(struct compiled *compiled, const struct engine_options *options);
enum einc_status engine_llvm_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                                 struct ir_tensor *outputs);
const struct native_kernel *engine_llvm_native(const struct engine *engine, size_t kernel, int64_t *threads);
void engine_llvm_destroy(struct engine *engine);

static bool find_symbol(void *engine, struct ir_context *context, const char *name, void **address)
{
    const struct engine *of = engine;
    return of->orc->find(of->jit, context, name, address);
}

/* The kernel alone, so that it can go alone. */
static bool add_kernel(struct engine *engine, const struct backend_llvm *llvm, const struct backend_program *program, size_t kernel)
{
    struct ir_context *context = engine->compiled->context;
    const struct backend_options options = {.weights = WEIGHTS_INLINE, .entry = true};
    struct backend_program one = *program;
    struct text object = text_create(ir_arena(context));
    one.kernels += kernel;
    one.n_kernels = 1;
    return llvm->emit(&one, &options, CODE_OBJECT, &object) == EINC_OK &&
           engine->orc->add(engine->jit, context, text_finish(&object), object.length) &&
           native_find_kernels(&one, find_symbol, engine, &engine->kernels[kernel]);
}

struct engine *engine_llvm_create(struct compiled *compiled, const struct engine_options *options)
{
    struct backend_program program;
    const struct backend_llvm *llvm = backend_llvm_symbol(compiled->context, "einc_llvm_backend");
    struct engine *engine = llvm ? ARENA_NEW(ir_arena(compiled->context), struct engine) : NULL;
    if (!engine || !compile_backend_program(compiled, "kernels", &program))
        return NULL;
    engine->compiled = compiled;
    engine->orc = backend_llvm_symbol(compiled->context, "einc_jit_orc");
    engine->kernels = ARENA_ARRAY(ir_arena(compiled->context), compiled->n_kernels, struct native_kernel);
    engine->jit = engine->orc && engine->kernels ? engine->orc->create(compiled->context) : NULL;
    bool good = engine->jit != NULL;
    engine->threads = options && options->threads > 0 ? options->threads : good ? engine->orc->most_threads() : 1;
    for (size_t k = 0; k < compiled->n_kernels && good; k++)
        good = add_kernel(engine, llvm, &program, k);
    if (good)
        return engine;
    engine_llvm_destroy(engine);
    return NULL;
}

enum einc_status engine_llvm_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                                 struct ir_tensor *outputs)
{
    return native_run(engine->compiled, &engine->kernels[kernel], engine->threads, kernel, dims, inputs, outputs);
}

const struct native_kernel *engine_llvm_native(const struct engine *engine, size_t kernel, int64_t *threads)
{
    *threads = engine->threads;
    return &engine->kernels[kernel];
}

void engine_llvm_destroy(struct engine *engine)
{
    if (engine && engine->jit)
        engine->orc->destroy(engine->jit);
}
