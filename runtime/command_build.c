/* einc build: a program to files of one backend, all written or none. */
#include "command.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct target {
    const char *folder; /* with its slash, or "" */
    const char *name;   /* file name of the main output */
    const char *base;   /* that without extension: what headers and guards are called */
};

static const char *without_extension(struct arena *arena, const char *name)
{
    const char *dot = strrchr(name, '.');
    return arena_strndup(arena, name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

/* What an #include line can hold: characters that are shown as they are, and none that ends the line's string. */
static const char *includable(struct arena *arena, const char *name)
{
    struct text text = text_create(arena);
    for (size_t left = strlen(name), length; left; name += length, left -= length) {
        size_t shown = diag_shown_length(name, left);
        length = shown ? shown : 1;
        if (shown && !strchr("\"\\?", *name))
            text_put_bytes(&text, name, length);
        else
            text_put(&text, "_");
    }
    return text_finish(&text);
}

static bool choose_target(struct invocation *invocation, const char *output, const char *source, const struct backend_info *backend,
                          struct target *target)
{
    struct arena *arena = ir_arena(invocation->context);
    bool to_stdout = strcmp(output, "-") == 0;
    const char *path = to_stdout ? source : output;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    target->folder = arena_strndup(arena, path, (size_t)(name - path));
    const char *base = without_extension(arena, name);
    bool named = *output && !to_stdout && strchr(name, '.');
    if (!base)
        return false;
    target->base = includable(arena, base);
    target->name = named ? name : arena_printf(arena, "%s%s", base, backend->extension);
    return target->folder && target->base && target->name;
}

bool command_may_write(struct invocation *invocation, const char *path, bool is_main, const char *source)
{
    struct stat old, input;
    const char *bytes;
    size_t length;
    if (stat(path, &old) != 0 || !S_ISREG(old.st_mode))
        return true;
    bool is_source = stat(source, &input) == 0 && old.st_dev == input.st_dev && old.st_ino == input.st_ino;
    if (!is_source && is_main)
        return true; /* the user named it */
    if (!is_source && file_read(invocation->context, path, (size_t)1 << 30, SPAN_NONE, &bytes, &length) &&
        strstr(bytes, "made by einc"))
        return true;
    struct diag *diag = diag_error(ir_diagnostics(invocation->context), DIAG_E0810, SPAN_NONE, "cannot write `%s`: %s", path,
                                   is_source ? "it is the source" : "it is there and was not made by einc");
    diag_help(ir_diagnostics(invocation->context), diag, "name another place with -o");
    return false;
}

/* The main file under the name the user chose, the others beside it under their own; all or none. */
static bool write_files(struct invocation *invocation, const struct target *target, const char *source,
                        const struct backend_file *files, size_t n_files)
{
    struct file_content *contents = ARENA_ARRAY(ir_arena(invocation->context), n_files, struct file_content);
    for (size_t k = 0; k < n_files && contents; k++) {
        const char *name = k == 0 ? target->name : files[k].name;
        const char *path = arena_printf(ir_arena(invocation->context), "%s%s", target->folder, name);
        if (!path || !command_may_write(invocation, path, k == 0 || strstr(name, ".weights"), source))
            return false;
        contents[k] = (struct file_content){path, files[k].bytes, files[k].length};
    }
    return contents && file_write_all(invocation->context, contents, n_files);
}

static bool choose_workspace(const char *name, bool *is_static)
{
    *is_static = strcmp(name, "static") == 0;
    return *is_static || strcmp(name, "argument") == 0 || (usage_error("--workspace is argument or static, not `%s`", name), false);
}

static bool choose_math(const char *name, bool *none)
{
    *none = strcmp(name, "none") == 0;
    return *none || strcmp(name, "libm") == 0 || (usage_error("--math is libm or none, not `%s`", name), false);
}

static bool choose_weights(const char *name, enum backend_weights *weights)
{
    static const char *const names[] = {"inline", "extern", "file"};
    for (int k = 0; k < 3; k++)
        if (strcmp(names[k], name) == 0) {
            *weights = (enum backend_weights)k;
            return true;
        }
    return usage_error("--weights is inline, extern or file, not `%s`", name), false;
}

/* The object file becomes a shared object. */
static bool link_object(struct invocation *invocation, const struct compiled *compiled, struct backend_file *object)
{
    struct toolchain toolchain;
    const struct backend_file file = {"kernels.o", object->bytes, object->length};
    if (!toolchain_open(&toolchain, invocation->context))
        return false;
    bool linked = toolchain_write(&toolchain, &file, 1) &&
                  toolchain_link(&toolchain, NULL, native_is_threaded(compiled) ? "-fopenmp" : "", file.name) &&
                  file_read(invocation->context, toolchain.object, SIZE_MAX, SPAN_NONE, &object->bytes, &object->length);
    toolchain_close(&toolchain);
    return linked;
}

/* What LLVM makes code for: what the target says, else this machine, unless the user says more. */
static struct backend_code_target code_target(const struct invocation *invocation, const char *triple, const char *cpu)
{
    struct backend_code_target code = invocation->compile.backend.code;
    if (triple)
        code = (struct backend_code_target){.triple = triple};
    if (cpu)
        code.cpu = cpu;
    code.is_checked = cpu != NULL;
    code.debug = true;
    return code;
}

/* Loops of the source as files of the backend. */
static bool emit_files(struct invocation *invocation, struct compiled *compiled, const struct backend_info *backend,
                       const char *basename, const struct backend_options *options, struct backend_file **files, size_t *n_files)
{
    return compiled && compile_emit(compiled, backend, basename, options, files, n_files) == EINC_OK &&
           (backend->kind != BACKEND_LINKED || link_object(invocation, compiled, &(*files)[0]));
}

static bool emit_schedules(struct invocation *invocation, struct ir_program *program, const struct backend_info *backend,
                           const char *basename, const struct backend_options *options, struct backend_file **files,
                           size_t *n_files)
{
    if (!invocation->compile.packing.slots)
        invocation->compile.packing.slots = PACKING_SLOTS;
    const struct packing_result *packed = program ? compile_packing(program, &invocation->compile) : NULL;
    return packed && compile_emit_packed(program, packed, backend, basename, options, files, n_files) == EINC_OK;
}

int command_build(struct invocation *invocation, int argc, char **argv)
{
    const char *emit = "c", *output = NULL, *weights = "inline", *triple = NULL, *cpu = NULL, *workspace = "argument",
               *math = "libm";
    struct backend_options backend_options = {0};
    const struct option options[] = {{"--emit", OPTION_TEXT, &emit},       {"-o", OPTION_TEXT, &output},
                                     {"--weights", OPTION_TEXT, &weights}, {"--workspace", OPTION_TEXT, &workspace},
                                     {"--math", OPTION_TEXT, &math},       {"--triple", OPTION_TEXT, &triple},
                                     {"--cpu", OPTION_TEXT, &cpu}};
    if (!options_parse(invocation, argc, argv, options, sizeof options / sizeof *options) ||
        !choose_weights(weights, &backend_options.weights) || !choose_workspace(workspace, &backend_options.static_workspace) ||
        !choose_math(math, &backend_options.no_math))
        return EXIT_USAGE;
    if (invocation->count != 1)
        return usage_error("build needs one .ein file");
    const struct backend_info *backend = backend_find(emit, strlen(emit));
    if (!backend)
        return usage_error("there is no form `%s` to emit; einc build --help lists them", emit);
    if (strcmp(emit, "main") == 0 && backend_options.weights != WEIGHTS_INLINE)
        return usage_error("a host program has its constants inline");
    if (invocation->compile.passes.flash_limit && backend_options.weights != WEIGHTS_INLINE)
        return usage_error("--flash-limit counts the tables of --weights=inline");
    if ((backend_options.static_workspace || backend_options.no_math) && strcmp(emit, "c") != 0 && strcmp(emit, "h") != 0 &&
        strcmp(emit, "main") != 0)
        return usage_error("--workspace and --math are for emitted C");
    bool is_schedule = backend->kind == BACKEND_SCHEDULE;
    if ((backend->kind == BACKEND_SOURCE || is_schedule) && (triple || cpu))
        return usage_error("--triple and --cpu are for machine code, which --emit=%s is not", emit);
    if (backend->kind != BACKEND_SOURCE && !is_schedule && !invocation->target)
        invocation->target = "host";
    const char *path = invocation->words[0];
    struct target target;
    struct arena *arena = ir_arena(invocation->context);
    if (!output)
        output = arena_printf(arena, "%s%s", without_extension(arena, path), backend->extension);
    if (!output || !choose_target(invocation, output, path, backend, &target))
        return input_finish(invocation, EXIT_LIMIT);
    struct backend_file *files = NULL;
    size_t n_files = 0;
    struct compiled *compiled = is_schedule ? NULL : input_compile(invocation, path);
    struct ir_program *program = is_schedule ? input_program(invocation, path) : NULL;
    backend_options.target = invocation->compile.backend.target;
    backend_options.freestanding = invocation->compile.backend.freestanding;
    backend_options.code = code_target(invocation, triple, cpu);
    if (compiled && backend_options.static_workspace && !backend_options.freestanding)
        return usage_error("--workspace=static is for targets without a C library, such as embedded");
    bool is_firmware = compiled && backend_options.freestanding && strcmp(emit, "main") == 0;
    if (is_firmware && !(backend_options.samples = samples_make(invocation, compiled)))
        return input_finish(invocation, EXIT_INPUT);
    if (is_schedule ? !emit_schedules(invocation, program, backend, target.base, &backend_options, &files, &n_files)
                    : !emit_files(invocation, compiled, backend, target.base, &backend_options, &files, &n_files))
        return input_finish(invocation, EXIT_INPUT);
    if (is_firmware && !manifest_add(invocation, compiled, target.base, &files, &n_files))
        return input_finish(invocation, EXIT_INPUT);
    if (strcmp(output, "-") == 0)
        fwrite(files[0].bytes, 1, files[0].length, stdout);
    else if (!write_files(invocation, &target, path, files, n_files))
        return input_finish(invocation, EXIT_INPUT);
    return input_finish(invocation, EXIT_DONE);
}
