/* Pointers to scratch buffers in the workspace: `double *B_u = workspace;`, `double *BB_u = B_u + E * 64;`. Behind what all threads
 * share lies a part for each thread, with what is private to a parallel loop: `double *panel = (double *)workspace + thread * 640;`
 * at the head of that loop. */
#include "backends_internal.h"

/* Bytes as elements of this size; NULL: no whole number of them. */
static const struct poly *in_elements(struct c_kernel *kernel, const struct poly *bytes, int64_t size)
{
    struct ir_context *context = kernel->file->context;
    const struct poly *elements = poly_floor_div(context, bytes, poly_constant(context, size), NULL);
    return elements && poly_scale(context, elements, size) == bytes ? elements : NULL;
}

/* In `loop`, or (NULL) at the head of the function. */
static bool is_declared(struct c_kernel *kernel, uint32_t number, const struct loop_stmt *loop)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    return buffer->kind == LOOP_SCRATCH && kernel->buffer_used[number] && buffer->is_private == (loop != NULL) &&
           (!loop || c_touches(kernel, loop, number, false));
}

/* From where a reader counts: the last earlier buffer that leaves the fewest terms to add, UINT32_MAX: the workspace. */
static uint32_t nearest_scratch(struct c_kernel *kernel, uint32_t number, const struct loop_stmt *loop)
{
    const struct loop_buffer *buffers = kernel->loops->buffers;
    uint32_t best = UINT32_MAX, terms = buffers[number].offset->n_terms;
    for (uint32_t k = 0; k < number; k++) {
        if (!is_declared(kernel, k, loop))
            continue;
        const struct poly *distance = poly_subtract(kernel->file->context, buffers[number].offset, buffers[k].offset);
        bool same = buffers[k].elem == buffers[number].elem;
        if (!distance || (!loop && distance->n_terms + !same > terms) || !c_proved_nonnegative(kernel, distance) ||
            !in_elements(kernel, distance, ir_elem_info(buffers[k].elem)->bytes))
            continue;
        best = k;
        terms = distance->n_terms;
    }
    return best;
}

/* Behind `other` by `distance` bytes. */
static void put_behind(struct c_kernel *kernel, struct text *text, uint32_t number, uint32_t other, const struct poly *distance)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number], *near = &kernel->loops->buffers[other];
    const char *cast = near->elem == buffer->elem ? "" : arena_printf(kernel->file->arena, "(%s *)(void *)", c_type(buffer->elem));
    if (!cast)
        return;
    if (poly_equals(distance, 0)) {
        text_printf(text, "%s%s", cast, kernel->buffers[other]);
        return;
    }
    text_printf(text, "%s%s%s + ", cast, *cast ? "(" : "", kernel->buffers[other]);
    c_put_extent(kernel, text, in_elements(kernel, distance, ir_elem_info(near->elem)->bytes), C_MULTIPLY);
    text_put(text, *cast ? ")" : "");
}

/* In the workspace, `distance` bytes from its beginning and, if private, in the part of the thread that is named. */
static void put_in_workspace(struct c_kernel *kernel, struct text *text, uint32_t number, const struct poly *distance)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    const struct poly *each = buffer->is_private ? kernel->loops->thread_workspace : poly_constant(kernel->file->context, 0);
    int64_t size = (int64_t)ir_elem_info(buffer->elem)->bytes;
    const struct poly *elements = in_elements(kernel, distance, size), *each_elements = in_elements(kernel, each, size);
    bool whole = elements && each_elements;
    const char *type = c_type(buffer->elem);
    kernel->uses_workspace = true;
    if (poly_equals(distance, 0) && poly_equals(each, 0)) {
        text_put(text, kernel->workspace);
        return;
    }
    text_printf(text, whole ? "(%s *)%s" : "(%s *)(void *)((char *)%s", type, kernel->workspace);
    if (!poly_equals(distance, 0)) {
        text_put(text, " + ");
        c_put_extent(kernel, text, whole ? elements : distance, C_MULTIPLY);
    }
    if (!poly_equals(each, 0)) {
        text_printf(text, " + %s * ", kernel->thread);
        c_put_extent(kernel, text, whole ? each_elements : each, C_UNARY);
    }
    text_put(text, whole ? "" : ")");
}

static void put_pointer(struct c_kernel *kernel, struct text *text, int depth, uint32_t number, const struct loop_stmt *loop)
{
    struct ir_context *context = kernel->file->context;
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    const struct poly *distance = loop ? poly_add(context, kernel->loops->workspace, buffer->offset) : buffer->offset;
    uint32_t near = poly_equals(buffer->offset, 0) && !loop ? UINT32_MAX : nearest_scratch(kernel, number, loop);
    c_indent(text, depth);
    text_printf(text, "%s *%s = ", c_type(buffer->elem), kernel->buffers[number]);
    if (near != UINT32_MAX)
        put_behind(kernel, text, number, near, poly_subtract(context, buffer->offset, kernel->loops->buffers[near].offset));
    else
        put_in_workspace(kernel, text, number, distance);
    text_put(text, ";\n");
}

static bool put_pointers(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *loop)
{
    bool any = false;
    for (uint32_t k = 0; k < kernel->loops->n_buffers; k++)
        if (is_declared(kernel, k, loop)) {
            put_pointer(kernel, text, depth, k, loop);
            any = true;
        }
    return any;
}

bool c_put_scratch(struct c_kernel *kernel, struct text *text)
{
    return put_pointers(kernel, text, 1, NULL);
}

void c_put_private_scratch(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *loop)
{
    (void)put_pointers(kernel, text, depth, loop);
}
