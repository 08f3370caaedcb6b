/* Engine c: the emitted C through the system's compiler into a shared object, loaded, then removed from the disk at once.
 *
 * The kernels are called through the uniform entry functions that the C backend adds (backend_options.entry). The temporary folder
 * is private (mkdtemp); nothing of it is left after create, whether that succeeded or not. */
#define _GNU_SOURCE /* dladdr, which POSIX has since 2024 */
#include "runtime.h"

#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

extern char **environ;

typedef int entry_function(const size_t *dims, void *const *arguments, void *workspace);
typedef size_t workspace_function(const size_t *dims);

struct engine {
    struct compiled *compiled;
    void *library;
    entry_function **entries;
    workspace_function **workspaces;
    int64_t threads; /* that run kernels made for several */
};

struct engine *engine_c_create(struct compiled *compiled, const struct engine_options *options);
enum einc_status engine_c_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                              struct ir_tensor *outputs);
void engine_c_destroy(struct engine *engine);

enum { ARGUMENT_LIMIT = 64, WORKSPACE_ALIGNMENT = 64 };

/* ---- a folder of our own ---- */

struct build {
    struct ir_context *context;
    char *folder;
    const char *object, *messages; /* paths in the folder */
    struct backend_file *files;
    size_t n_files;
};

static const char *path_in(const struct build *build, const char *name)
{
    return arena_printf(ir_arena(build->context), "%s/%s", build->folder, name);
}

static bool build_open(struct build *build)
{
    const char *where = getenv("TMPDIR");
    build->folder = arena_printf(ir_arena(build->context), "%s/einc-XXXXXX", where && *where ? where : "/tmp");
    if (!build->folder)
        return false;
    if (!mkdtemp(build->folder)) {
        diag_error(ir_diagnostics(build->context), DIAG_E0802, SPAN_NONE, "cannot make a temporary folder: %s", strerror(errno));
        return false;
    }
    build->object = path_in(build, "kernels.so");
    build->messages = path_in(build, "messages");
    return build->object && build->messages;
}

static void build_remove(struct build *build)
{
    for (size_t k = 0; k < build->n_files; k++) {
        const char *path = path_in(build, build->files[k].name);
        if (path)
            unlink(path);
    }
    unlink(build->object);
    unlink(build->messages);
    rmdir(build->folder);
}

/* ---- the compiler ---- */

static size_t split_words(struct arena *arena, const char *text, char **words, size_t count)
{
    char *copy = arena_strndup(arena, text, strlen(text));
    for (char *rest = NULL, *word = copy ? strtok_r(copy, " ", &rest) : NULL; word && count + 1 < ARGUMENT_LIMIT;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    return count;
}

/* `*started` says whether there was such a program. */
static bool spawn_and_wait(char **words, const char *messages, bool *started)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 1;
    *started = false;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    *started = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
               posix_spawn_file_actions_addopen(&actions, 1, messages, O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0 &&
               posix_spawn_file_actions_adddup2(&actions, 1, 2) == 0 &&
               posix_spawnp(&child, words[0], &actions, NULL, words, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    while (*started && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return *started && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void report_compiler(struct build *build, const char *compiler, bool started)
{
    const char *messages = "";
    size_t length = 0;
    if (access(build->messages, R_OK) == 0 &&
        !file_read(build->context, build->messages, (size_t)1 << 20, SPAN_NONE, &messages, &length))
        return;
    size_t line = strcspn(messages, "\n");
    struct diag *diag =
        diag_error(ir_diagnostics(build->context), DIAG_E0802, SPAN_NONE, "the C compiler `%s` %s%s%.*s", compiler,
                   started ? "failed" : "cannot be started", line ? ": " : "", (int)(line < 200 ? line : 200), messages);
    diag_help(ir_diagnostics(build->context), diag, "name another one in the environment variable CC, or use --engine=ref");
}

/* Is there a kernel for several threads? */
static bool is_threaded(const struct compiled *compiled)
{
    for (size_t k = 0; k < compiled->n_kernels; k++)
        if (compiled->kernels[k].loops->threads)
            return true;
    return false;
}

static bool build_compile(struct build *build, const struct compiled *compiled, const struct engine_options *options)
{
    struct arena *arena = ir_arena(build->context);
    const char *compiler = options && options->compiler ? options->compiler : getenv("CC") ? getenv("CC") : "cc";
    char *words[ARGUMENT_LIMIT] = {0};
    size_t count = split_words(arena, compiler, words, 0);
    count = split_words(arena, options && options->flags ? options->flags : "-O3 -march=native", words, count);
    count = split_words(arena, is_threaded(compiled) ? "-fopenmp" : "", words, count);
    count = split_words(arena, "-std=c99 -w -shared -fPIC -o", words, count);
    if (count + 4 > ARGUMENT_LIMIT)
        return false;
    words[count++] = (char *)build->object;
    words[count++] = (char *)path_in(build, build->files[0].name);
    words[count++] = "-lm";
    bool started = false;
    if (spawn_and_wait(words, build->messages, &started))
        return true;
    report_compiler(build, compiler, started);
    return false;
}

static bool build_write(struct build *build, struct compiled *compiled)
{
    const struct backend_options options = {.weights = WEIGHTS_INLINE, .entry = true};
    if (compile_emit(compiled, backend_find("c", 1), "kernels", &options, &build->files, &build->n_files) != EINC_OK)
        return false;
    for (size_t k = 0; k < build->n_files; k++) {
        const char *path = path_in(build, build->files[k].name);
        if (!path || !file_write(build->context, path, build->files[k].bytes, build->files[k].length))
            return false;
    }
    return true;
}

/* ---- the engine ---- */

static bool find_entries(struct engine *engine)
{
    struct compiled *compiled = engine->compiled;
    struct arena *arena = ir_arena(compiled->context);
    engine->entries = ARENA_ARRAY(arena, compiled->n_kernels, entry_function *);
    engine->workspaces = ARENA_ARRAY(arena, compiled->n_kernels, workspace_function *);
    for (size_t k = 0; k < compiled->n_kernels && engine->workspaces; k++) {
        const char *name = compiled->kernels[k].kernel->name;
        const char *entry = arena_printf(arena, "einc_entry_%s", name), *workspace = arena_printf(arena, "einc_workspace_%s", name);
        if (!entry || !workspace)
            return false;
        *(void **)&engine->entries[k] = dlsym(engine->library, entry);
        *(void **)&engine->workspaces[k] = dlsym(engine->library, workspace);
        if (!engine->entries[k] || !engine->workspaces[k]) {
            diag_error(ir_diagnostics(compiled->context), DIAG_E0802, SPAN_NONE, "the compiled object lacks `%s`", entry);
            return false;
        }
    }
    return engine->workspaces != NULL;
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
    *(void **)&most_threads = dlsym(engine->library, "omp_get_max_threads");
    if (most_threads && !keep_openmp(*(void **)&most_threads))
        return 1;
    if (options && options->threads > 0)
        return options->threads;
    return most_threads ? most_threads() : 1;
}

struct engine *engine_c_create(struct compiled *compiled, const struct engine_options *options)
{
    struct build build = {.context = compiled->context};
    struct engine *engine = ARENA_NEW(ir_arena(compiled->context), struct engine);
    if (!engine || !build_open(&build))
        return NULL;
    engine->compiled = compiled;
    if (build_write(&build, compiled) && build_compile(&build, compiled, options)) {
        engine->library = dlopen(build.object, RTLD_NOW | RTLD_LOCAL);
        const char *reason = engine->library ? NULL : dlerror();
        if (!engine->library)
            diag_error(ir_diagnostics(compiled->context), DIAG_E0802, SPAN_NONE, "cannot load the compiled kernels: %s",
                       reason ? reason : "for no reason the system gives");
    }
    build_remove(&build);
    if (engine->library && find_entries(engine)) {
        engine->threads = count_threads(engine, options);
        return engine;
    }
    engine_c_destroy(engine);
    return NULL;
}

static enum einc_status report_lookup(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct diag *diag = diag_error(ir_diagnostics(context), DIAG_E0814, kernel->span,
                                   "kernel `%s` ended: a number looked up in an array leads outside another", kernel->name);
    diag_help(ir_diagnostics(context), diag, "`--engine=ref` says which number, and where");
    return EINC_INVALID;
}

/* The emitted function calculates it in size_t, which wraps: an array without elements may have axes of any length. */
static bool workspace_fits(const struct engine *engine, size_t kernel, const int64_t *dims)
{
    struct ir_context *context = engine->compiled->context;
    const struct loop_function *loops = engine->compiled->kernels[kernel].loops;
    const struct ir_kernel *source = engine->compiled->program->kernels[kernel];
    const struct poly *threads = poly_scale(context, loops->thread_workspace, engine->threads);
    int64_t bytes;
    return binding_value(context, poly_add(context, loops->workspace, threads), dims, "the workspace", source->name, source->span,
                         &bytes);
}

enum einc_status engine_c_run(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                              struct ir_tensor *outputs)
{
    struct ir_context *context = engine->compiled->context;
    const struct ir_kernel *source = engine->compiled->program->kernels[kernel];
    uint32_t n_dims = ir_dim_count(context);
    size_t *sizes = calloc(n_dims + 1, sizeof *sizes);
    void **arguments = calloc((size_t)source->n_inputs + source->n_outputs + 1, sizeof *arguments);
    void *workspace = NULL;
    enum einc_status status = sizes && arguments ? EINC_OK : EINC_NO_MEMORY;
    for (uint32_t k = 0; status == EINC_OK && k < n_dims; k++)
        sizes[k] = (size_t)dims[k];
    if (status == EINC_OK)
        sizes[n_dims] = (size_t)engine->threads;
    uint32_t n_arguments = 0;
    for (uint32_t k = 0; status == EINC_OK && k < source->n_inputs; k++)
        if (!ir_input_is_updated(source, k))
            arguments[n_arguments++] = inputs[k].data;
    for (uint32_t k = 0; status == EINC_OK && k < source->n_outputs; k++) {
        uint32_t updates = source->outputs[k].updates;
        size_t bytes = npy_element_count(&outputs[k]) * ir_elem_info(outputs[k].elem)->bytes;
        if (updates && bytes)
            memcpy(outputs[k].data, inputs[updates - 1].data, bytes);
        arguments[n_arguments++] = outputs[k].data;
    }
    if (status == EINC_OK && !workspace_fits(engine, kernel, dims))
        status = EINC_INVALID;
    size_t bytes = status == EINC_OK ? engine->workspaces[kernel](sizes) : 0;
    if (bytes && posix_memalign(&workspace, WORKSPACE_ALIGNMENT, bytes) != 0)
        status = EINC_NO_MEMORY;
    if (status == EINC_OK && engine->entries[kernel](sizes, arguments, workspace) != 0)
        status = report_lookup(context, source);
    free(workspace);
    free(arguments);
    free(sizes);
    return status;
}

void engine_c_destroy(struct engine *engine)
{
    if (engine && engine->library)
        dlclose(engine->library);
}
