/* Backend main: a host program for the emitted C, that loads .npy inputs, calls a kernel and writes its outputs, with a
 * CMakeLists.txt.
 *
 * The program takes NAME=path for every input and output, and NAME=number for a size that no axis tells; with several kernels the
 * first argument names one. It checks types and shapes, so that a kernel is only called with what it was compiled for. */
#include "firmware.h"
#include "host.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum einc_status backend_emit_main(const struct backend_program *program, const struct backend_options *options,
                                   struct backend_file **files, size_t *n_files);

enum { CALL_OF_KERNEL = 1 }; /* stands before the name in a call until the text is complete (put_apart) */

const char *host_next(struct host *host)
{
    return host->conditions++ ? " &&\n          " : "    if (!(";
}

static void close_conditions(struct host *host)
{
    text_put(host->text, host->conditions ? "))\n        return 1;\n" : "");
    host->conditions = 0;
}

static enum ir_elem array_elem(const struct loop_buffer *buffer)
{
    return buffer->is_complex ? ir_elem_complex(buffer->elem) : buffer->elem;
}

/* Names of variables differ by prefix, so none can be a keyword or meet another. */
static const char *variable(struct host *host, uint32_t buffer)
{
    const struct loop_buffer *info = &host->kernel->loops->buffers[buffer];
    return arena_printf(host->file->arena, "%s_%s", info->kind == LOOP_INPUT ? "in" : "out", host->kernel->buffers[buffer]);
}

static bool is_array(const struct host *host, uint32_t buffer, enum loop_buffer_kind kind)
{
    return host->kernel->loops->buffers[buffer].kind == kind;
}

/* Read from a file: an input, or an output that is updated. */
static bool is_given(const struct host *host, uint32_t buffer)
{
    return is_array(host, buffer, LOOP_INPUT) || host->kernel->loops->buffers[buffer].updates;
}

/* ---- inputs ---- */

static void put_load(struct host *host, uint32_t number)
{
    const struct loop_buffer *buffer = &host->kernel->loops->buffers[number];
    const struct ir_elem_info *elem = ir_elem_info(array_elem(buffer));
    text_printf(host->text, "    if (!load(argc, argv, \"%s\", \"%c%s\", %" PRIu32 ", %" PRIu32 ", &%s))\n        return 1;\n",
                buffer->name, elem->bytes == 1 ? '|' : '<', elem->numpy, elem->bytes, buffer->rank, variable(host, number));
}

static void put_bindings(struct host *host, uint32_t number)
{
    const struct loop_buffer *buffer = &host->kernel->loops->buffers[number];
    for (uint32_t axis = 0; axis < buffer->rank; axis++) {
        uint32_t dim;
        if (!host_bare_dim(buffer->shape[axis], &dim) || !host->kernel->dims[dim])
            continue;
        host->bound[dim] = true;
        text_printf(host->text, "%sbind(argc, argv, \"%s\", &known[%" PRIu32 "], &%s, %s.shape[%" PRIu32 "])", host_next(host),
                    ir_dim_at(host->file->context, dim)->name, dim, host->kernel->dims[dim], variable(host, number), axis);
    }
}

static void put_checks(struct host *host, uint32_t number)
{
    const struct loop_buffer *buffer = &host->kernel->loops->buffers[number];
    for (uint32_t axis = 0; axis < buffer->rank; axis++) {
        uint32_t dim;
        if (host_bare_dim(buffer->shape[axis], &dim))
            continue;
        text_printf(host->text, "%shas_extent(\"%s\", %s.shape[%" PRIu32 "], ", host_next(host), buffer->name,
                    variable(host, number), axis);
        c_put_extent(host->kernel, host->text, buffer->shape[axis], C_ANY);
        text_put(host->text, ")");
    }
}

/* Sizes that stand in no shape alone have to be given. */
static void put_given_dims(struct host *host)
{
    const struct loop_function *loops = host->kernel->loops;
    for (uint32_t k = 0; k < loops->n_dims; k++)
        if (!host->bound[loops->dims[k]])
            text_printf(host->text, "%sgive(argc, argv, \"%s\", &%s)", host_next(host),
                        ir_dim_at(host->file->context, loops->dims[k])->name, host->kernel->dims[loops->dims[k]]);
}

static void put_spread(struct host *host, uint32_t number)
{
    const struct loop_buffer *buffer = &host->kernel->loops->buffers[number];
    const struct ir_kernel *source = host->kernel->loops->kernel;
    const struct poly *const *strides = source ? source->inputs[buffer->parameter].strides : NULL;
    if (!strides)
        return;
    const char *name = variable(host, number);
    text_printf(host->text, "    const size_t strides_%s[] = {", name);
    for (uint32_t axis = 0; axis < buffer->rank; axis++) {
        text_put(host->text, axis ? ", " : "");
        c_put_extent(host->kernel, host->text, strides[axis], C_ANY);
    }
    text_printf(host->text, "};\n    if (!spread(\"%s\", %" PRIu32 ", strides_%s, &%s))\n        return 1;\n", buffer->name,
                ir_elem_info(array_elem(buffer))->bytes, name, name);
}

/* ---- outputs and the call ---- */

static void put_create(struct host *host, uint32_t number)
{
    const struct loop_buffer *buffer = &host->kernel->loops->buffers[number];
    const char *name = variable(host, number);
    if (buffer->updates)
        return; /* it was read */
    text_printf(host->text, "    %s.rank = %" PRIu32 ";\n", name, buffer->rank);
    for (uint32_t axis = 0; axis < buffer->rank; axis++) {
        text_printf(host->text, "    %s.shape[%" PRIu32 "] = ", name, axis);
        c_put_extent(host->kernel, host->text, buffer->shape[axis], C_ANY);
        text_put(host->text, ";\n");
    }
    text_printf(host->text, "    if (!create(\"%s\", %" PRIu32 ", &%s))\n        return 1;\n", buffer->name,
                ir_elem_info(array_elem(buffer))->bytes, name);
}

static void put_workspace(struct host *host)
{
    const struct loop_function *loops = host->kernel->loops;
    if (!c_has_workspace(host->kernel))
        return;
    text_put(host->text, "    const size_t workspace_bytes = ");
    c_put_extent(host->kernel, host->text, loops->workspace, C_ADD);
    if (!poly_equals(loops->thread_workspace, 0)) {
        text_put(host->text, " + threads * ");
        c_put_extent(host->kernel, host->text, loops->thread_workspace, C_UNARY);
    }
    text_printf(host->text, ";\n    char *memory = malloc(workspace_bytes + %" PRIu32 ");\n", loops->workspace_alignment);
    text_put(host->text, "    if (!memory) {\n        fail(\"workspace\", \"memory is short\");\n        return 1;\n    }\n");
    text_printf(host->text, "    void *workspace = memory + (%" PRIu32 " - (uintptr_t)memory %% %" PRIu32 ");\n",
                loops->workspace_alignment, loops->workspace_alignment);
}

static void put_call(struct host *host)
{
    const struct loop_function *loops = host->kernel->loops;
    const char *separator = "";
    bool may_fail = c_returns_status(host->kernel);
    text_printf(host->text, may_fail ? "    if (%c%s(" : "    %c%s(", CALL_OF_KERNEL, host->kernel->name);
    if (loops->threads) {
        text_put(host->text, "threads");
        separator = ", ";
    }
    for (uint32_t k = 0; k < loops->n_dims; k++, separator = ", ")
        text_printf(host->text, "%s%s", separator, host->kernel->dims[loops->dims[k]]);
    for (int output = 0; output < 2; output++)
        for (uint32_t parameter = 0; parameter < loops->n_buffers; parameter++)
            for (uint32_t k = 0; k < loops->n_buffers; k++) {
                const struct loop_buffer *buffer = &loops->buffers[k];
                if (!is_array(host, k, output ? LOOP_OUTPUT : LOOP_INPUT) || buffer->parameter != parameter)
                    continue;
                if (buffer->by_value)
                    text_printf(host->text, "%s*(const %s *)%s.data", separator, c_type(buffer->elem), variable(host, k));
                else
                    text_printf(host->text, "%s%s.data", separator, variable(host, k));
                separator = ", ";
            }
    text_printf(host->text, "%s%s",
                !c_has_workspace(host->kernel) ? ""
                : *separator                   ? ", workspace"
                                               : "workspace",
                may_fail ? ") != 0) {\n        fprintf(stderr, \"%s: a number looked up in an array leads outside another\\n\", \""
                         : ");\n");
    if (may_fail)
        text_printf(host->text, "%s\");\n        return 1;\n    }\n", host->kernel->name);
}

static void put_save(struct host *host, uint32_t number)
{
    const struct loop_buffer *buffer = &host->kernel->loops->buffers[number];
    const struct ir_elem_info *elem = ir_elem_info(array_elem(buffer));
    text_printf(host->text, "    if (!save(argc, argv, \"%s\", \"%c%s\", &%s))\n        return 1;\n", buffer->name,
                elem->bytes == 1 ? '|' : '<', elem->numpy, variable(host, number));
}

typedef void put_function(struct host *host, uint32_t number);

static void for_each(struct host *host, enum loop_buffer_kind kind, put_function *put)
{
    for (uint32_t k = 0; k < host->kernel->loops->n_buffers; k++)
        if (is_array(host, k, kind))
            put(host, k);
}

static void for_each_given(struct host *host, put_function *put)
{
    for (uint32_t k = 0; k < host->kernel->loops->n_buffers; k++)
        if (is_given(host, k))
            put(host, k);
}

static void put_variable(struct host *host, uint32_t number)
{
    text_printf(host->text, "    struct array %s = {0};\n", variable(host, number));
}

static void put_free(struct host *host, uint32_t number)
{
    text_printf(host->text, "    free(%s.data);\n", variable(host, number));
}

/* The arguments there are. */
static void put_names(struct host *host)
{
    const struct loop_function *loops = host->kernel->loops;
    size_t count = 0;
    text_put(host->text, "    static const char *const names[] = {");
    for (uint32_t k = 0; k < loops->n_dims; k++)
        text_printf(host->text, "%s\"%s\"", count++ ? ", " : "", ir_dim_at(host->file->context, loops->dims[k])->name);
    for (uint32_t k = 0; k < loops->n_buffers; k++)
        if (is_array(host, k, LOOP_INPUT) || is_array(host, k, LOOP_OUTPUT))
            text_printf(host->text, "%s\"%s\"", count++ ? ", " : "", loops->buffers[k].name);
    text_printf(host->text, "};\n    if (!check_arguments(argc, argv, names, %zu))\n        return 1;\n", count);
}

static void put_kernel(struct host *host)
{
    const struct loop_function *loops = host->kernel->loops;
    text_printf(host->text, "static int run_%s(int argc, char **argv)\n{\n", host->kernel->name);
    for (uint32_t k = 0; k < loops->n_dims; k++) {
        const char *name = arena_printf(host->file->arena, "dim_%s", host->kernel->dims[loops->dims[k]]);
        host->kernel->dims[loops->dims[k]] = name;
        text_printf(host->text, "    size_t %s = 0;\n", name);
    }
    for_each(host, LOOP_INPUT, put_variable);
    for_each(host, LOOP_OUTPUT, put_variable);
    struct text reading = text_create(host->file->arena), *body = host->text;
    host->text = &reading;
    for_each_given(host, put_load);
    close_conditions(host);
    for_each_given(host, put_bindings);
    bool binds = host->conditions > 0;
    put_given_dims(host);
    host_put_sizes(host);
    for_each_given(host, put_checks);
    close_conditions(host);
    host->text = body;
    if (binds)
        text_printf(host->text, "    int known[%" PRIu32 "] = {0};\n", ir_dim_count(host->file->context));
    text_put(host->text, "\n");
    put_names(host);
    text_put(host->text, text_finish(&reading));
    for_each(host, LOOP_INPUT, put_spread);
    for_each(host, LOOP_OUTPUT, put_create);
    if (loops->threads)
        text_put(host->text, "    const size_t threads = thread_count();\n");
    put_workspace(host);
    text_put(host->text, "\n");
    put_call(host);
    text_put(host->text, "\n");
    for_each(host, LOOP_OUTPUT, put_save);
    for_each(host, LOOP_INPUT, put_free);
    for_each(host, LOOP_OUTPUT, put_free);
    text_put(host->text, c_has_workspace(host->kernel) ? "    free(memory);\n    return 0;\n}\n\n" : "    return 0;\n}\n\n");
}

/* ---- the files ---- */

static bool is_threaded(const struct c_file *file)
{
    for (size_t k = 0; k < file->program->n_kernels; k++)
        if (file->kernels[k].loops->threads)
            return true;
    return false;
}

static void put_head(struct c_file *file, struct text *text, const char *basename, const char *kernels)
{
    text_printf(text, "/* %s.c: runs the kernels of %s on .npy files; made by einc.\n",
                c_comment(file->arena, basename, strlen(basename)), c_source_name(file));
    text_printf(text, " * Usage: %sNAME=path.npy for each input and output, NAME=number for a size no axis tells. */\n",
                file->program->n_kernels > 1 ? "KERNEL, then " : "");
    text_printf(text, "#include \"%s.h\"\n\n%s", file->program->basename, strstr(kernels, "floor(") ? "#include <math.h>\n" : "");
    text_put(text, "#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n");
    if (is_threaded(file))
        text_put(text, "#ifdef _OPENMP\n#include <omp.h>\n#endif\n\n");
    uint32_t axes = 1;
    for (size_t k = 0; k < file->program->n_kernels; k++)
        for (size_t b = 0; b < file->kernels[k].loops->n_buffers; b++)
            if (file->kernels[k].loops->buffers[b].rank > axes)
                axes = file->kernels[k].loops->buffers[b].rank;
    text_printf(text,
                "enum { AXES = %" PRIu32
                " }; /* most that an array has */\n#define LARGEST (SIZE_MAX / 4) /* bytes, or elements */\n\n",
                axes);
}

/* The name of the function a part defines; NULL: none. */
static const char *defined_function(struct arena *arena, const char *part)
{
    const char *at = strstr(part, "static "), *open = at ? strchr(at, '(') : NULL, *begin = open;
    while (begin && begin > at && begin[-1] != ' ' && begin[-1] != '*')
        begin--;
    return open ? arena_printf(arena, "%.*s(", (int)(open - begin), begin) : NULL;
}

/* Parts call earlier ones, so they are chosen from the last. */
static void put_parts(struct arena *arena, struct text *text, const char *kernels)
{
    size_t count = 0;
    while (host_parts[count])
        count++;
    const char *chosen = kernels;
    for (size_t k = count; k-- > 0 && chosen;) {
        const char *name = defined_function(arena, host_parts[k]);
        if (!name || strstr(chosen, name))
            chosen = arena_printf(arena, "%s%s", host_parts[k], chosen);
    }
    text_put(text, chosen ? chosen : "");
}

/* A kernel's name may stand first, and must where there are several. */
static void put_main(struct c_file *file, struct text *text)
{
    text_put(text, "int main(int argc, char **argv)\n{\n");
    for (size_t k = 0; k < file->program->n_kernels; k++)
        text_printf(text, "    if (argc > 1 && strcmp(argv[1], \"%s\") == 0)\n        return run_%s(argc - 1, argv + 1);\n",
                    file->kernels[k].loops->name, file->kernels[k].name);
    if (file->program->n_kernels == 1) {
        text_printf(text, "    return run_%s(argc, argv);\n}\n", file->kernels[0].name);
        return;
    }
    text_put(text, "    fprintf(stderr, \"name a kernel first:");
    for (size_t k = 0; k < file->program->n_kernels; k++)
        text_printf(text, " %s", file->kernels[k].loops->name);
    text_put(text, "\\n\");\n    return 2;\n}\n");
}

static void put_cmake(const struct c_file *file, struct text *text, const char *basename, const char *kernels)
{
    text_put(text, "# made by einc\ncmake_minimum_required(VERSION 3.10)\n");
    text_printf(text,
                "project(%s C)\nset(CMAKE_C_STANDARD 99)\nif(NOT CMAKE_BUILD_TYPE)\n    set(CMAKE_BUILD_TYPE Release)\nendif()\n",
                basename);
    text_printf(text, "add_executable(%s %s.c %s.c)\ntarget_link_libraries(%s m)\n", basename, basename, kernels, basename);
    if (is_threaded(file))
        text_printf(
            text,
            "find_package(OpenMP COMPONENTS C)\nif(OpenMP_C_FOUND)\n    target_link_libraries(%s OpenMP::OpenMP_C)\nendif()\n",
            basename);
}

static bool is_kernel(const struct c_file *file, const char *name, size_t length)
{
    for (size_t k = 0; k < file->program->n_kernels; k++)
        if (strlen(file->kernels[k].name) == length && !memcmp(file->kernels[k].name, name, length))
            return true;
    return false;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The length of the comment, string, directive, name, number or single character at `at`. */
static size_t token_length(const char *at)
{
    size_t length = 1;
    if (at[0] == '#')
        return strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? (size_t)(end - at) + 2 : strlen(at);
    }
    if (at[0] == '"' || at[0] == '\'') {
        while (at[length] && at[length] != at[0])
            length += at[length] == '\\' && at[length + 1] ? 2 : 1;
        return length + (at[length] != '\0');
    }
    while (in_name(at[0]) && in_name(at[length]))
        length++;
    return length;
}

/* The program's own words give way to a kernel of the same name: everything so called that is no call of the kernel is `_host`. */
static void put_apart(const struct c_file *file, struct text *out, const char *written)
{
    for (size_t length; *written; written += length) {
        bool call = *written == CALL_OF_KERNEL;
        written += call;
        length = token_length(written);
        text_put_bytes(out, written, length);
        if (!call && is_kernel(file, written, length))
            text_put(out, "_host");
    }
}

enum einc_status backend_emit_main(const struct backend_program *program, const struct backend_options *options,
                                   struct backend_file **files, size_t *n_files)
{
    struct arena *arena = ir_arena(program->context);
    const struct backend_options inline_weights = {.weights = WEIGHTS_INLINE, .entry = false};
    struct backend_program kernels = *program;
    if (options->samples)
        return firmware_emit(program, options, files, n_files);
    kernels.basename = arena_printf(arena, "%s_kernels", program->basename);
    struct c_file *file = kernels.basename ? c_file_create(&kernels, &inline_weights) : NULL;
    if (!file)
        return arena_failed(arena) ? EINC_NO_MEMORY : EINC_INTERNAL;
    struct text text = text_create(arena), body = text_create(arena), cmake = text_create(arena);
    for (size_t k = 0; k < program->n_kernels; k++) {
        struct host host = {.file = file,
                            .kernel = &file->kernels[k],
                            .text = &body,
                            .bound = ARENA_ARRAY(arena, ir_dim_count(program->context), bool)};
        if (!host.bound)
            return EINC_NO_MEMORY;
        put_kernel(&host);
    }
    put_main(file, &body);
    const char *kernels_text = text_finish(&body);
    if (!kernels_text)
        return EINC_NO_MEMORY;
    put_head(file, &text, program->basename, kernels_text);
    put_parts(arena, &text, kernels_text);
    put_cmake(file, &cmake, program->basename, kernels.basename);
    struct text host_text = text_create(arena);
    const char *written = text_finish(&text);
    if (!written)
        return EINC_NO_MEMORY;
    put_apart(file, &host_text, written);
    enum einc_status status =
        backend_add_file(program->context, files, n_files, arena_printf(arena, "%s.c", program->basename), &host_text);
    if (status == EINC_OK)
        status = backend_emit_c(&kernels, &inline_weights, files, n_files);
    return status == EINC_OK ? backend_add_file(program->context, files, n_files, "CMakeLists.txt", &cmake) : status;
}
