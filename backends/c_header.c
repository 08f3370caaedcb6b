/* The header of an emitted file and the signatures of its kernels.
 *
 * A signature is: the number of threads if the code is for several, run-time dims, inputs, outputs, constants that are passed in
 * (`--weights`), workspace. The header says for each kernel what the source says, each argument's shape and layout, what may
 * overlap, and how much workspace of which alignment is needed. It is read by C and C++, so `restrict` stands in the definition
 * only: qualifiers of a parameter are no part of its type.
 */
#include "backends_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { LINE_WIDTH = 120, WEIGHTS_ALIGNMENT = 64 };

bool c_is_weight(const struct c_kernel *kernel, uint32_t buffer)
{
    return kernel->loops->buffers[buffer].kind == LOOP_CONSTANT && kernel->buffer_used[buffer] &&
           kernel->file->options->weights != WEIGHTS_INLINE;
}

bool c_has_workspace(const struct c_kernel *kernel)
{
    return !poly_equals(kernel->loops->workspace, 0) || !poly_equals(kernel->loops->thread_workspace, 0);
}

bool c_workspace_is_constant(const struct c_kernel *kernel)
{
    return poly_is_constant(kernel->loops->workspace, NULL) && poly_equals(kernel->loops->thread_workspace, 0);
}

bool c_returns_status(const struct c_kernel *kernel)
{
    return loop_can_fail(kernel->loops->body);
}

/* ---- arguments in order ---- */

enum argument_class { ARGUMENT_INPUT, ARGUMENT_OUTPUT, ARGUMENT_WEIGHT };

static bool is_argument_of(const struct c_kernel *kernel, uint32_t buffer, enum argument_class class)
{
    switch (class) {
    case ARGUMENT_INPUT:
        return kernel->loops->buffers[buffer].kind == LOOP_INPUT;
    case ARGUMENT_OUTPUT:
        return kernel->loops->buffers[buffer].kind == LOOP_OUTPUT;
    default:
        return c_is_weight(kernel, buffer);
    }
}

const uint32_t *c_arguments(const struct c_kernel *kernel, size_t *count)
{
    const struct loop_function *loops = kernel->loops;
    uint32_t *arguments = ARENA_ARRAY(kernel->file->arena, loops->n_buffers, uint32_t);
    *count = 0;
    for (int class = ARGUMENT_INPUT; arguments && class <= ARGUMENT_WEIGHT; class ++) {
        size_t first = *count;
        for (uint32_t k = 0; k < loops->n_buffers; k++) {
            if (!is_argument_of(kernel, k, (enum argument_class) class))
                continue;
            size_t at = (*count)++;
            for (; class != ARGUMENT_WEIGHT && at > first &&
                   loops->buffers[arguments[at - 1]].parameter > loops->buffers[k].parameter;
                 at--)
                arguments[at] = arguments[at - 1];
            arguments[at] = k;
        }
    }
    return arguments;
}

static const char *argument_text(const struct c_kernel *kernel, uint32_t number, bool in_header)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    const char *type = c_type(buffer->elem), *name = kernel->buffers[number];
    if (buffer->by_value)
        return arena_printf(kernel->file->arena, "%s %s", type, name);
    return arena_printf(kernel->file->arena, "%s%s *%s%s", buffer->kind == LOOP_OUTPUT ? "" : "const ", type,
                        in_header ? "" : "restrict ", name);
}

static void put_argument(struct text *text, size_t *column, size_t margin, const char *argument, bool first)
{
    size_t length = argument ? strlen(argument) : 0;
    if (!first && *column + length + 3 > LINE_WIDTH) {
        text_put(text, ",\n");
        for (size_t k = 0; k < margin; k++)
            text_put(text, " ");
        *column = margin;
    } else if (!first) {
        text_put(text, ", ");
        *column += 2;
    }
    text_put(text, argument ? argument : "");
    *column += length;
}

void c_put_signature(struct c_kernel *kernel, struct text *text, bool in_header)
{
    struct arena *arena = kernel->file->arena;
    const char *result = c_returns_status(kernel) ? "int" : "void";
    size_t count, margin = strlen(result) + strlen(kernel->name) + 2, column = margin;
    const uint32_t *arguments = c_arguments(kernel, &count);
    bool first = true;
    text_printf(text, "%s %s(", result, kernel->name);
    if (kernel->loops->threads) {
        put_argument(text, &column, margin, arena_printf(arena, "size_t %s", kernel->threads), first);
        first = false;
    }
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++, first = false)
        put_argument(text, &column, margin, arena_printf(arena, "size_t %s", kernel->dims[kernel->loops->dims[k]]), first);
    for (size_t k = 0; arguments && k < count; k++, first = false)
        put_argument(text, &column, margin, argument_text(kernel, arguments[k], in_header), first);
    if (c_takes_workspace(kernel)) {
        put_argument(text, &column, margin, arena_printf(arena, "void *%s", kernel->workspace), first);
        first = false;
    }
    text_put(text, first ? "void)" : ")");
}

const struct backend_signature *backend_signatures(const struct backend_program *program)
{
    const struct backend_options options = {.weights = WEIGHTS_INLINE};
    struct arena *arena = ir_arena(program->context);
    struct c_file *file = c_file_create(program, &options);
    struct backend_signature *signatures = file ? ARENA_ARRAY(arena, program->n_kernels, struct backend_signature) : NULL;
    for (size_t k = 0; signatures && k < program->n_kernels; k++) {
        struct text text = text_create(arena);
        c_put_signature(&file->kernels[k], &text, true);
        signatures[k] = (struct backend_signature){file->kernels[k].name, text_finish(&text)};
    }
    return arena_failed(arena) ? NULL : signatures;
}

/* ---- what an argument is ---- */

static void put_shape(struct c_kernel *kernel, struct text *text, const struct loop_buffer *buffer)
{
    for (uint32_t k = 0; k < buffer->rank; k++) {
        text_put(text, k ? ", " : "[");
        poly_print(text, kernel->file->context, buffer->shape[k], POLY_SOURCE, NULL, 0);
    }
    text_put(text, buffer->rank ? "]" : "");
}

/* Strides are those of the source: of elements, also where these are complex. */
static void put_strides(struct c_kernel *kernel, struct text *text, const struct loop_buffer *buffer)
{
    const struct ir_kernel *source = kernel->loops->kernel;
    const struct poly *const *strides = source && buffer->kind == LOOP_INPUT ? source->inputs[buffer->parameter].strides : NULL;
    for (uint32_t k = 0; strides && k < buffer->rank; k++) {
        text_put(text, k ? ", " : " with strides (");
        poly_print(text, kernel->file->context, strides[k], POLY_SOURCE, NULL, 0);
        text_put(text, k + 1 == buffer->rank ? ")" : "");
    }
}

static bool has_strides(const struct c_kernel *kernel)
{
    const struct ir_kernel *source = kernel->loops->kernel;
    bool any = false;
    for (uint32_t k = 0; source && k < source->n_inputs; k++)
        any |= source->inputs[k].strides != NULL;
    return any;
}

static void put_argument_doc(struct c_kernel *kernel, struct text *text, uint32_t number)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    const char *role = buffer->updates               ? "updated"
                       : buffer->kind == LOOP_INPUT  ? "read"
                       : buffer->kind == LOOP_OUTPUT ? "written"
                                                     : "constant";
    text_printf(text, " *   %s: %s%s", kernel->buffers[number], c_type(buffer->elem), buffer->rank ? " " : "");
    put_shape(kernel, text, buffer);
    put_strides(kernel, text, buffer);
    if (ir_elem_is_half(buffer->elem))
        text_put(text, buffer->elem == IR_f16 ? ", the bits of IEEE binary16" : ", the bits of bfloat16");
    text_printf(text, ", %s%s%s\n", role, buffer->by_value ? " by value" : "",
                buffer->is_complex ? ", complex: pairs of real and imaginary part" : "");
}

static void put_dim_doc(struct c_kernel *kernel, struct text *text, uint32_t dim)
{
    const struct ir_dim *info = ir_dim_at(kernel->file->context, dim);
    text_printf(text, " *   %s: a size", kernel->dims[dim]);
    if (info->bound > 0)
        text_printf(text, ", at most %" PRId64, info->bound);
    if (info->divisor > 1)
        text_printf(text, ", a multiple of %" PRId64, info->divisor);
    text_put(text, "\n");
}

static void put_kernel_doc(struct c_kernel *kernel, struct text *text)
{
    size_t count;
    const uint32_t *arguments = c_arguments(kernel, &count);
    text_put(text, "/* ");
    c_put_source(kernel, text);
    text_put(text, "\n *\n");
    if (kernel->loops->threads)
        text_printf(text, " *   %s: for how many the work is divided, at least 1; results do not depend on it\n", kernel->threads);
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++)
        put_dim_doc(kernel, text, kernel->loops->dims[k]);
    for (size_t k = 0; arguments && k < count; k++)
        put_argument_doc(kernel, text, arguments[k]);
    if (c_takes_workspace(kernel))
        text_printf(text, " *   %s: scratch memory of the size and alignment below; its contents do not matter\n",
                    kernel->workspace);
    text_printf(text, " * Arrays %sare dense, in C order, sizes in elements. What is written overlaps no other argument.%s */\n",
                has_strides(kernel) ? "without strides " : "",
                c_returns_status(kernel) ? "\n * Returns 0 when done; 1 when a number looked up in an argument leads outside an "
                                           "array: nothing outside was touched,\n"
                                           " * what stands in the outputs then means nothing."
                                         : "");
}

/* ---- workspace ---- */

static void mark_dim(void *user, uint32_t dim)
{
    ((bool *)user)[dim] = true;
}

static void put_workspace_function(struct c_kernel *kernel, struct text *text)
{
    const struct loop_function *loops = kernel->loops;
    bool *needed = ARENA_ARRAY(kernel->file->arena, ir_dim_count(kernel->file->context), bool);
    bool has_each = !poly_equals(loops->thread_workspace, 0), has_shared = !poly_equals(loops->workspace, 0);
    if (!needed)
        return;
    poly_visit_dims(loops->workspace, mark_dim, needed);
    poly_visit_dims(loops->thread_workspace, mark_dim, needed);
    text_printf(text, "static inline size_t %s_workspace_bytes(", kernel->name);
    if (loops->threads)
        text_printf(text, "size_t %s", kernel->threads);
    for (uint32_t k = 0; k < loops->n_dims; k++)
        text_printf(text, "%ssize_t %s", k || loops->threads ? ", " : "", kernel->dims[loops->dims[k]]);
    text_put(text, ")\n{\n");
    if (loops->threads && !has_each)
        text_printf(text, "    (void)%s;\n", kernel->threads);
    for (uint32_t k = 0; k < loops->n_dims; k++)
        if (!needed[loops->dims[k]])
            text_printf(text, "    (void)%s;\n", kernel->dims[loops->dims[k]]);
    text_put(text, "    return ");
    if (has_shared)
        c_put_extent(kernel, text, loops->workspace, C_ADD);
    if (has_each) {
        text_printf(text, "%s%s * ", has_shared ? " + " : "", kernel->threads);
        c_put_extent(kernel, text, loops->thread_workspace, C_UNARY);
    }
    text_put(text, ";\n}\n");
}

void c_put_workspace(struct c_kernel *kernel, struct text *text)
{
    int64_t bytes;
    if (!c_has_workspace(kernel))
        return;
    if (c_workspace_is_constant(kernel) && poly_is_constant(kernel->loops->workspace, &bytes))
        text_printf(text, "#define %s_WORKSPACE_BYTES %" PRId64 "\n", kernel->macro, bytes);
    else
        put_workspace_function(kernel, text);
    if (!c_workspace_is_constant(kernel) && kernel->file->options->freestanding &&
        loop_most_workspace(kernel->file->context, kernel->loops, &bytes))
        text_printf(text, "#define %s_WORKSPACE_MOST %" PRId64 " /* bytes, whatever the dims are */\n", kernel->macro, bytes);
    text_printf(text, "#define %s_WORKSPACE_ALIGNMENT %" PRIu32 "\n", kernel->macro, kernel->loops->workspace_alignment);
}

/* ---- constants in a file ---- */

static void put_weight_offsets(struct c_file *file, struct text *text)
{
    uint64_t offset = 0;
    text_printf(
        text,
        "/* Constants lie in %s.weights, little-endian, at these offsets in bytes; pass pointers to them in native order. */\n",
        c_comment(file->arena, file->program->basename, strlen(file->program->basename)));
    for (size_t f = 0; f < file->program->n_kernels; f++)
        for (uint32_t k = 0; k < file->kernels[f].loops->n_buffers; k++) {
            const struct loop_buffer *buffer = &file->kernels[f].loops->buffers[k];
            if (!c_is_weight(&file->kernels[f], k))
                continue;
            offset = (offset + WEIGHTS_ALIGNMENT - 1) / WEIGHTS_ALIGNMENT * WEIGHTS_ALIGNMENT;
            text_printf(text, "#define %s_%s_OFFSET %" PRIu64 "\n", file->kernels[f].macro, file->kernels[f].buffers[k], offset);
            offset += buffer->constant->bytes;
        }
    text_put(text, "\n");
}

/* ---- the file ---- */

const char *c_guard_name(struct c_file *file)
{
    const char *base = file->program->basename;
    char *guard = arena_printf(file->arena, "%s%s_H", isalpha((unsigned char)base[0]) ? "" : "EINC_", base);
    for (char *at = guard; at && *at; at++)
        *at = isalnum((unsigned char)*at) && (unsigned char)*at < 128 ? (char)toupper((unsigned char)*at) : '_';
    return guard;
}

static void put_entry_prototypes(struct c_kernel *kernel, struct text *text)
{
    const char *name = c_entry_name(kernel);
    text_printf(text, "int einc_entry_%s(const size_t *dims, void *const *arguments, void *workspace);\n", name);
    text_printf(text, "size_t einc_workspace_%s(const size_t *dims);\n", name);
}

void c_put_header(struct c_file *file, struct text *text)
{
    const char *guard = c_guard_name(file);
    const char *base = c_comment(file->arena, file->program->basename, strlen(file->program->basename));
    text_printf(text, "/* %s.h: kernels of %s, made by einc; change that file instead of this one. */\n", base,
                c_source_name(file));
    text_printf(text, "#ifndef %s\n#define %s\n\n#include <stddef.h>\n#include <stdint.h>\n\n", guard, guard);
    text_put(text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    if (file->options->weights == WEIGHTS_FILE)
        put_weight_offsets(file, text);
    for (size_t k = 0; k < file->program->n_kernels; k++) {
        struct c_kernel *kernel = &file->kernels[k];
        put_kernel_doc(kernel, text);
        c_put_signature(kernel, text, true);
        text_put(text, ";\n");
        c_put_workspace(kernel, text);
        if (file->options->entry)
            put_entry_prototypes(kernel, text);
        text_put(text, "\n");
    }
    text_put(text, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}

/* ---- uniform entry functions, for engines ---- */

static void put_entry_call(struct c_kernel *kernel, struct text *text)
{
    size_t count;
    const uint32_t *arguments = c_arguments(kernel, &count);
    const char *separator = "";
    text_printf(text, "    %s%s(", c_returns_status(kernel) ? "return " : "", kernel->name);
    if (kernel->loops->threads) {
        text_printf(text, "dims[%" PRIu32 "]", ir_dim_count(kernel->file->context));
        separator = ", ";
    }
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++, separator = ", ")
        text_printf(text, "%sdims[%" PRIu32 "]", separator, kernel->loops->dims[k]);
    for (size_t k = 0; arguments && k < count; k++, separator = ", ") {
        const struct loop_buffer *buffer = &kernel->loops->buffers[arguments[k]];
        if (buffer->by_value)
            text_printf(text, "%s*(const %s *)arguments[%zu]", separator, c_type(buffer->elem), k);
        else
            text_printf(text, "%sarguments[%zu]", separator, k);
    }
    text_printf(text, "%s);\n", c_takes_workspace(kernel) ? (*separator ? ", workspace" : "workspace") : "");
}

/* How many bytes of workspace a kernel needs. */
static void put_entry_workspace(struct c_kernel *kernel, struct text *text)
{
    const struct loop_function *loops = kernel->loops;
    text_printf(text, "size_t einc_workspace_%s(const size_t *dims)\n{\n", c_entry_name(kernel));
    bool in_dims = c_has_workspace(kernel) && !c_workspace_is_constant(kernel);
    if (!in_dims)
        text_put(text, "    (void)dims;\n");
    if (!c_has_workspace(kernel)) {
        text_put(text, "    return 0;\n}\n");
    } else if (!in_dims) {
        text_printf(text, "    return %s_WORKSPACE_BYTES;\n}\n", kernel->macro);
    } else {
        text_printf(text, "    return %s_workspace_bytes(", kernel->name);
        if (loops->threads)
            text_printf(text, "dims[%" PRIu32 "]", ir_dim_count(kernel->file->context));
        for (uint32_t k = 0; k < loops->n_dims; k++)
            text_printf(text, "%sdims[%" PRIu32 "]", k || loops->threads ? ", " : "", loops->dims[k]);
        text_put(text, ");\n}\n");
    }
}

void c_put_entry(struct c_kernel *kernel, struct text *text)
{
    const char *name = c_entry_name(kernel);
    const struct loop_function *loops = kernel->loops;
    size_t n_arguments;
    c_arguments(kernel, &n_arguments);
    text_printf(text, "\nint einc_entry_%s(const size_t *dims, void *const *arguments, void *workspace)\n{\n", name);
    if (loops->n_dims == 0 && !loops->threads)
        text_put(text, "    (void)dims;\n");
    if (n_arguments == 0)
        text_put(text, "    (void)arguments;\n");
    if (!c_has_workspace(kernel))
        text_put(text, "    (void)workspace;\n");
    put_entry_call(kernel, text);
    text_put(text, c_returns_status(kernel) ? "}\n\n" : "    return 0;\n}\n\n");
    put_entry_workspace(kernel, text);
}

/* Parameters of a kernel as variables. `_dims` is no name of a source: such a one gets `_` behind (c_names.c). */
static void put_unpacked(struct c_kernel *kernel, struct text *text)
{
    size_t count;
    const uint32_t *arguments = c_arguments(kernel, &count);
    if (kernel->loops->threads)
        text_printf(text, "    const size_t %s = _dims[%" PRIu32 "];\n", kernel->threads, ir_dim_count(kernel->file->context));
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++)
        text_printf(text, "    const size_t %s = _dims[%" PRIu32 "];\n", kernel->dims[kernel->loops->dims[k]],
                    kernel->loops->dims[k]);
    for (size_t k = 0; arguments && k < count; k++) {
        const struct loop_buffer *buffer = &kernel->loops->buffers[arguments[k]];
        text_printf(text, "    %s = ", argument_text(kernel, arguments[k], false));
        if (buffer->by_value)
            text_printf(text, "*(const %s *)", c_type(buffer->elem));
        text_printf(text, "_arguments[%zu];\n", k);
    }
}

/* The kernel's own function: its parameters, packed. */
static void put_packing(struct c_kernel *kernel, struct text *text)
{
    size_t count;
    const uint32_t *arguments = c_arguments(kernel, &count);
    const uint32_t n_dims = ir_dim_count(kernel->file->context);
    c_put_signature(kernel, text, false);
    text_printf(text, "\n{\n    size_t _dims[%" PRIu32 "];\n    void *_arguments[%zu];\n", n_dims + 1, count + 1);
    if (kernel->loops->threads)
        text_printf(text, "    _dims[%" PRIu32 "] = %s;\n", n_dims, kernel->threads);
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++)
        text_printf(text, "    _dims[%" PRIu32 "] = %s;\n", kernel->loops->dims[k], kernel->dims[kernel->loops->dims[k]]);
    for (size_t k = 0; arguments && k < count; k++)
        text_printf(text, "    _arguments[%zu] = (void *)%s%s;\n", k, kernel->loops->buffers[arguments[k]].by_value ? "&" : "",
                    kernel->buffers[arguments[k]]);
    text_printf(text, "    %seinc_entry_%s(_dims, _arguments, %s);\n}\n\n", c_returns_status(kernel) ? "return " : "",
                c_entry_name(kernel), c_has_workspace(kernel) ? kernel->workspace : "0");
}

void c_put_entry_around(struct c_kernel *kernel, struct text *text, const char *body)
{
    text_printf(text, "int einc_entry_%s(const size_t *_dims, void *const *_arguments, void *%s)\n{\n", c_entry_name(kernel),
                kernel->workspace);
    put_unpacked(kernel, text);
    text_printf(text, "%s    return 0;\n}\n\n", body);
    put_packing(kernel, text);
    put_entry_workspace(kernel, text);
}
