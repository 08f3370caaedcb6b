/* Backend c: loop IR to one .c and one .h, as docs/emitted-c.md describes. Row `h` gives the header alone.
 *
 * This page prepares what the other files need: names of file and function scope, which arguments are used, which tables there are.
 * The same program and options give the same bytes: nothing depends on addresses, time or the environment. */
#include "backends_internal.h"

#include <ctype.h>
#include <string.h>

enum einc_status backend_emit_h(const struct backend_program *program, const struct backend_options *options,
                                struct backend_file **files, size_t *n_files);

enum einc_status backend_add_file(struct ir_context *context, struct backend_file **files, size_t *n_files, const char *name,
                                  struct text *text)
{
    struct arena *arena = ir_arena(context);
    struct backend_file *grown = ARENA_ARRAY(arena, *n_files + 1, struct backend_file);
    const char *bytes = text_finish(text);
    if (!grown || !bytes || !name)
        return EINC_NO_MEMORY;
    if (*n_files)
        memcpy(grown, *files, *n_files * sizeof **files);
    grown[*n_files] = (struct backend_file){name, bytes, text->length};
    *files = grown;
    ++*n_files;
    return EINC_OK;
}

const char *c_entry_name(struct c_kernel *kernel)
{
    char *name = arena_strndup(kernel->file->arena, kernel->loops->name, strlen(kernel->loops->name));
    for (char *at = name; at && *at; at++)
        if (!isalnum((unsigned char)*at) || (unsigned char)*at >= 128)
            *at = '_';
    return name;
}

static const char *upper(struct arena *arena, const char *name)
{
    char *result = arena_strndup(arena, name, strlen(name));
    for (char *at = result; at && *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return result;
}

/* f and F have different macros. */
static const char *macro_name(struct c_file *file, const char *kernel)
{
    const char *base = upper(file->arena, kernel);
    if (!base)
        return NULL;
    const char *name = base;
    for (unsigned number = 2; name && c_name_taken(&file->names, arena_printf(file->arena, "%s_WORKSPACE_BYTES", name)); number++)
        name = arena_printf(file->arena, "%s_%u", base, number);
    const char *whole = name ? arena_printf(file->arena, "%s_WORKSPACE_BYTES", name) : NULL;
    if (!whole || !ARENA_PUSH(file->arena, file->names.items, file->names.count, file->names.capacity, whole))
        return NULL;
    return name;
}

static bool kernel_prepare(struct c_kernel *kernel)
{
    struct c_file *file = kernel->file;
    const struct loop_function *loops = kernel->loops;
    size_t n_dims = ir_dim_count(file->context);
    kernel->dims = ARENA_ARRAY(file->arena, n_dims, const char *);
    kernel->dim_used = ARENA_ARRAY(file->arena, n_dims, bool);
    kernel->buffers = ARENA_ARRAY(file->arena, loops->n_buffers, const char *);
    kernel->buffer_used = ARENA_ARRAY(file->arena, loops->n_buffers, bool);
    kernel->buffer_read = ARENA_ARRAY(file->arena, loops->n_buffers, bool);
    kernel->array_lanes = ARENA_ARRAY(file->arena, loops->n_buffers, int64_t);
    kernel->array_declared = ARENA_ARRAY(file->arena, loops->n_buffers, bool);
    kernel->locals = ARENA_ARRAY(file->arena, loops->n_locals, const char *);
    kernel->local_read = ARENA_ARRAY(file->arena, loops->n_locals, bool);
    kernel->local_vector = ARENA_ARRAY(file->arena, loops->n_locals, bool);
    kernel->indices = ARENA_ARRAY(file->arena, loops->n_indices, const char *);
    kernel->extents = ARENA_ARRAY(file->arena, loops->n_indices, const struct poly *);
    kernel->extent_unknown = ARENA_ARRAY(file->arena, loops->n_indices, bool);
    kernel->innermost = UINT32_MAX;
    if (arena_failed(file->arena))
        return false;
    if (!c_mark_used(kernel) || !c_add_tables(kernel))
        return false;
    c_find_permuted_loads(kernel);
    return !arena_failed(file->arena);
}

/* Every kernel has loops, complex numbers are pairs by now, scratch buffers have their place. */
static bool takes(const struct backend_program *program)
{
    for (size_t k = 0; k < program->n_kernels; k++) {
        const struct loop_function *loops = program->kernels[k].loops;
        for (size_t b = 0; loops && b < loops->n_buffers; b++)
            if (ir_elem_is_complex(loops->buffers[b].elem) || (loops->buffers[b].kind == LOOP_SCRATCH && !loops->buffers[b].offset))
                return false;
        if (!loops)
            return false;
    }
    return true;
}

struct c_file *c_file_create(const struct backend_program *program, const struct backend_options *options)
{
    struct arena *arena = ir_arena(program->context);
    struct c_file *file = ARENA_NEW(arena, struct c_file);
    if (!file || !takes(program))
        return NULL;
    *file = (struct c_file){.program = program, .options = options, .context = program->context, .arena = arena};
    file->kernels = ARENA_ARRAY(arena, program->n_kernels, struct c_kernel);
    ARENA_PUSH(arena, file->names.items, file->names.count, file->names.capacity, c_guard_name(file));
    for (size_t k = 0; file->kernels && k < program->n_kernels; k++) {
        struct c_kernel *kernel = &file->kernels[k];
        kernel->file = file;
        kernel->source = &program->kernels[k];
        kernel->loops = program->kernels[k].loops;
        kernel->name = c_name_unique(arena, &file->names, NULL, kernel->loops->name);
        kernel->macro = kernel->name ? macro_name(file, kernel->name) : NULL;
    }
    for (size_t k = 0; k < program->n_kernels && !arena_failed(arena); k++)
        if (!kernel_prepare(&file->kernels[k]))
            return NULL;
    for (size_t k = 0; k < program->n_kernels && !arena_failed(arena); k++)
        c_find_codelets(&file->kernels[k]);
    /* names of function scope differ from all of file scope, so they come after the tables of all kernels */
    for (size_t k = 0; k < program->n_kernels && !arena_failed(arena); k++)
        if (!c_kernel_names(&file->kernels[k]))
            return NULL;
    return arena_failed(arena) ? NULL : file;
}

static enum einc_status failure(struct ir_context *context)
{
    return arena_failed(ir_arena(context)) ? EINC_NO_MEMORY : EINC_INTERNAL;
}

static enum einc_status add_weights(struct c_file *file, struct backend_file **files, size_t *n_files)
{
    struct text bytes = text_create(file->arena);
    if (!c_weights_file(file, &bytes))
        return EINC_NO_MEMORY;
    return backend_add_file(file->context, files, n_files, arena_printf(file->arena, "%s.weights", file->program->basename),
                            &bytes);
}

enum einc_status c_add_header(struct c_file *file, struct backend_file **files, size_t *n_files)
{
    struct text header = text_create(file->arena);
    c_put_header(file, &header);
    enum einc_status status =
        backend_add_file(file->context, files, n_files, arena_printf(file->arena, "%s.h", file->program->basename), &header);
    return status == EINC_OK && file->options->weights == WEIGHTS_FILE ? add_weights(file, files, n_files) : status;
}

enum einc_status backend_emit_c(const struct backend_program *program, const struct backend_options *options,
                                struct backend_file **files, size_t *n_files)
{
    struct c_file *file = c_file_create(program, options);
    if (!file)
        return failure(program->context);
    struct text code = text_create(file->arena);
    c_put_file(file, &code);
    if (ir_status(program->context) != EINC_OK)
        return EINC_INVALID;
    enum einc_status status =
        backend_add_file(file->context, files, n_files, arena_printf(file->arena, "%s.c", program->basename), &code);
    return status == EINC_OK && !options->standalone ? c_add_header(file, files, n_files) : status;
}

enum einc_status backend_emit_h(const struct backend_program *program, const struct backend_options *options,
                                struct backend_file **files, size_t *n_files)
{
    struct c_file *file = c_file_create(program, options);
    if (!file)
        return failure(program->context);
    struct text header = text_create(file->arena);
    c_put_header(file, &header);
    return backend_add_file(file->context, files, n_files, arena_printf(file->arena, "%s.h", program->basename), &header);
}
