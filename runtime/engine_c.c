/* Engine c: the emitted C through the system's compiler, a process of its own, into a shared object, which is removed from the disk
 * before it is loaded from sealed memory. Where memory runs out while it is compiled, that process ends and not ours. */
#define _GNU_SOURCE /* dladdr, which POSIX has since 2024 */
#include "runtime.h"

#include <dlfcn.h>
#include <stdlib.h>

struct engine {
    struct compiled *compiled;
    struct sealed sealed;
    struct native_kernel *kernels;
    int64_t threads; /* that run kernels made for several */
};

struct engine *engine_c_create(struct compiled *compiled, const struct engine_options *options);
enum einc_status engine_c_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                              struct ir_tensor *outputs);
const struct native_kernel *engine_c_native(const struct engine *engine, size_t kernel, int64_t *threads);
void engine_c_destroy(struct engine *engine);

static const char *chosen_flags(const struct engine_options *options)
{
    const char *flags = options && options->flags ? options->flags : getenv("EINC_CFLAGS");
    return flags ? flags : "-O3 -march=native";
}

static bool build_library(struct toolchain *toolchain, struct compiled *compiled, const struct engine_options *options)
{
    const struct backend_options backend = {.weights = WEIGHTS_INLINE, .entry = true};
    const char *words = arena_printf(ir_arena(compiled->context), "%s %s -std=c99 -w", chosen_flags(options),
                                     native_is_threaded(compiled) ? "-fopenmp" : "");
    struct backend_file *files = NULL;
    size_t n_files = 0;
    return words && compile_emit(compiled, backend_find("c", 1), "kernels", &backend, &files, &n_files) == EINC_OK &&
           toolchain_write(toolchain, files, n_files) &&
           toolchain_link(toolchain, options ? options->compiler : NULL, words, files[0].name);
}

static bool find_symbol(void *library, struct ir_context *context, const char *name, void **address)
{
    *address = dlsym(library, name);
    if (!*address)
        diag_error(ir_diagnostics(context), DIAG_E0802, SPAN_NONE, "the compiled object lacks `%s`", name);
    return *address != NULL;
}

static bool find_kernels(struct engine *engine)
{
    struct compiled *compiled = engine->compiled;
    struct backend_program program;
    engine->kernels = ARENA_ARRAY(ir_arena(compiled->context), compiled->n_kernels, struct native_kernel);
    return engine->kernels && compile_backend_program(compiled, "kernels", &program) &&
           native_find_kernels(&program, find_symbol, engine->sealed.library, engine->kernels);
}

/* Threads of OpenMP wait in its library for more work to come, and would wait nowhere were it unloaded with the kernels: it stays.
 */
static bool keep_openmp(const void *function)
{
    Dl_info info;
    return dladdr(function, &info) != 0 && dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) != NULL;
}

/* Threads that run the kernels: as many as are asked for, else as many as OpenMP has. Where the compiler has no OpenMP one does all
 * their shares. */
static int64_t count_threads(const struct engine *engine, const struct engine_options *options)
{
    int (*most_threads)(void) = NULL;
    *(void **)&most_threads = dlsym(engine->sealed.library, "omp_get_max_threads");
    if (most_threads && !keep_openmp(*(void **)&most_threads))
        return 1;
    if (options && options->threads > 0)
        return options->threads;
    return most_threads ? most_threads() : 1;
}

struct engine *engine_c_create(struct compiled *compiled, const struct engine_options *options)
{
    struct toolchain toolchain;
    struct engine *engine = ARENA_NEW(ir_arena(compiled->context), struct engine);
    if (!engine || !toolchain_open(&toolchain, compiled->context))
        return NULL;
    engine->compiled = compiled;
    bool loaded = build_library(&toolchain, compiled, options) && sealed_load(compiled->context, toolchain.object, &engine->sealed);
    toolchain_close(&toolchain);
    if (loaded && find_kernels(engine)) {
        engine->threads = count_threads(engine, options);
        return engine;
    }
    if (loaded)
        sealed_close(&engine->sealed);
    return NULL;
}

enum einc_status engine_c_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                              struct ir_tensor *outputs)
{
    return native_run(engine->compiled, &engine->kernels[kernel], engine->threads, kernel, dims, inputs, outputs);
}

const struct native_kernel *engine_c_native(const struct engine *engine, size_t kernel, int64_t *threads)
{
    *threads = engine->threads;
    return &engine->kernels[kernel];
}

void engine_c_destroy(struct engine *engine)
{
    if (engine)
        sealed_close(&engine->sealed);
}
