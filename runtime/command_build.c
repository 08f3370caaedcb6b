/* einc build: a program to files of one backend, all written or none. */
#include "command.h"

#include <stdio.h>
#include <string.h>

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

static bool choose_target(struct invocation *invocation, const char *output, const char *source, const struct backend_info *backend,
                          struct target *target)
{
    struct arena *arena = ir_arena(invocation->context);
    bool to_stdout = strcmp(output, "-") == 0;
    const char *path = to_stdout ? source : output;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    target->folder = arena_strndup(arena, path, (size_t)(name - path));
    target->base = without_extension(arena, name);
    target->name = *output && !to_stdout ? name : arena_printf(arena, "%s%s", target->base, backend->extension);
    return target->folder && target->base && target->name;
}

/* The main file under the name the user chose, the others beside it under their own. */
static bool write_files(struct invocation *invocation, const struct target *target, const struct backend_file *files,
                        size_t n_files)
{
    for (size_t k = 0; k < n_files; k++) {
        const char *path =
            arena_printf(ir_arena(invocation->context), "%s%s", target->folder, k == 0 ? target->name : files[k].name);
        if (!path || !file_write(invocation->context, path, files[k].bytes, files[k].length))
            return false;
    }
    return true;
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

int command_build(struct invocation *invocation, int argc, char **argv)
{
    const char *emit = "c", *output = NULL, *weights = "inline";
    struct backend_options backend_options = {0};
    const struct option options[] = {
        {"--emit", OPTION_TEXT, &emit}, {"-o", OPTION_TEXT, &output}, {"--weights", OPTION_TEXT, &weights}};
    if (!options_parse(invocation, argc, argv, options, 3) || !choose_weights(weights, &backend_options.weights))
        return EXIT_USAGE;
    if (invocation->count != 1)
        return usage_error("build needs one .ein file");
    const struct backend_info *backend = backend_find(emit, strlen(emit));
    if (!backend)
        return usage_error("there is no form `%s` to emit; einc build --help lists them", emit);
    const char *path = invocation->words[0];
    struct target target;
    struct arena *arena = ir_arena(invocation->context);
    if (!output)
        output = arena_printf(arena, "%s%s", without_extension(arena, path), backend->extension);
    if (!output || !choose_target(invocation, output, path, backend, &target))
        return input_finish(invocation, EXIT_LIMIT);
    struct compiled *compiled = input_compile(invocation, path);
    struct backend_file *files = NULL;
    size_t n_files = 0;
    if (!compiled || compile_emit(compiled, backend, target.base, &backend_options, &files, &n_files) != EINC_OK)
        return input_finish(invocation, EXIT_INPUT);
    if (strcmp(output, "-") == 0)
        fwrite(files[0].bytes, 1, files[0].length, stdout);
    else if (!write_files(invocation, &target, files, n_files))
        return input_finish(invocation, EXIT_INPUT);
    return input_finish(invocation, EXIT_DONE);
}
