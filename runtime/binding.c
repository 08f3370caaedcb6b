/* Arrays to kernels: run-time dims from the shapes of the inputs, types and shapes checked before anything runs, room for outputs.
 */
#include "runtime.h"

#include <string.h>

const char *binding_describe(struct ir_context *context, const struct ir_tensor *tensor)
{
    struct text text = text_create(ir_arena(context));
    text_put(&text, ir_elem_info(tensor->elem)->name);
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        text_printf(&text, "%s%lld", axis == 0 ? "[" : ", ", (long long)tensor->shape[axis]);
    text_put(&text, tensor->rank ? "]" : "");
    return text_finish(&text);
}

static bool dim_alone(const struct poly *extent, uint32_t *dim)
{
    if (extent->n_terms != 1)
        return false;
    const struct poly_term *term = &extent->terms[0];
    if (term->numerator != 1 || term->denominator != 1 || term->n_factors != 1 || term->factors[0]->kind != POLY_DIM)
        return false;
    *dim = term->factors[0]->symbol;
    return true;
}

/* The input before `end` that bound `dim`; NULL: the caller did. */
static const struct ir_input_info *first_with_dim(const struct ir_kernel *kernel, uint32_t end, uint32_t dim)
{
    uint32_t other;
    for (uint32_t k = 0; k < end; k++)
        for (uint32_t axis = 0; axis < kernel->inputs[k].node->rank; axis++)
            if (dim_alone(kernel->inputs[k].node->shape[axis], &other) && other == dim)
                return &kernel->inputs[k];
    return NULL;
}

static void report_two_sizes(struct ir_context *context, const struct ir_kernel *kernel, uint32_t dim, int64_t first,
                             uint32_t input, uint32_t axis, int64_t second)
{
    struct diagnostics *diagnostics = ir_diagnostics(context);
    const struct ir_input_info *info = &kernel->inputs[input], *other = first_with_dim(kernel, input, dim);
    const char *name = ir_dim_at(context, dim)->name;
    struct diag *diag = diag_error(diagnostics, DIAG_E0803, info->span, "dim `%s` has two sizes", name);
    diag_label(diagnostics, diag, "%s = %lld by axis %u of the array given for `%s`", name, (long long)second, axis, info->name);
    if (other)
        diag_note(diagnostics, diag, other->span, "%s = %lld by the array given for `%s`", name, (long long)first, other->name);
}

static bool bind_dims(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_tensor *inputs, int64_t *dims)
{
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        const struct ir_node *node = kernel->inputs[k].node;
        for (uint32_t axis = 0; axis < node->rank && axis < inputs[k].rank; axis++) {
            uint32_t dim;
            if (!dim_alone(node->shape[axis], &dim))
                continue;
            if (dims[dim] >= 0 && dims[dim] != inputs[k].shape[axis]) {
                report_two_sizes(context, kernel, dim, dims[dim], k, axis, inputs[k].shape[axis]);
                return false;
            }
            dims[dim] = inputs[k].shape[axis];
        }
    }
    return true;
}

static bool check_promises(struct ir_context *context, const int64_t *dims)
{
    for (uint32_t k = 0; k < ir_dim_count(context); k++) {
        const struct ir_dim *dim = ir_dim_at(context, k);
        if (dims[k] >= 0 && dim->bound && dims[k] > dim->bound)
            diag_error(ir_diagnostics(context), DIAG_E0804, dim->span, "dim `%s` is %lld, past its bound of %lld", dim->name,
                       (long long)dims[k], (long long)dim->bound);
        if (dims[k] >= 0 && dim->divisor > 1 && dims[k] % dim->divisor != 0)
            diag_error(ir_diagnostics(context), DIAG_E0804, dim->span, "dim `%s` is %lld, which %lld does not divide", dim->name,
                       (long long)dims[k], (long long)dim->divisor);
    }
    return ir_status(context) == EINC_OK;
}

struct dim_search {
    const int64_t *dims;
    uint32_t missing;
};

static void note_missing(void *user, uint32_t dim)
{
    struct dim_search *search = user;
    if (search->dims[dim] < 0)
        search->missing = dim;
}

bool binding_value(struct ir_context *context, const struct poly *extent, const int64_t *dims, const char *what, const char *tensor,
                   struct span span, int64_t *value)
{
    struct diagnostics *diagnostics = ir_diagnostics(context);
    struct dim_search search = {dims, UINT32_MAX};
    poly_visit_dims(extent, note_missing, &search);
    if (search.missing != UINT32_MAX) {
        const char *name = ir_dim_at(context, search.missing)->name;
        struct diag *diag = diag_error(diagnostics, DIAG_E0805, span, "no array says how large dim `%s` is", name);
        diag_help(diagnostics, diag, "give its value: --dims %s=...", name);
        return false;
    }
    bool counted = poly_evaluate(extent, dims, NULL, value);
    if (counted && *value >= 0)
        return true;
    struct text text = text_create(ir_arena(context));
    poly_print(&text, context, extent, POLY_SOURCE, NULL, 0);
    const char *formula = text_finish(&text);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0806, span, "%s of `%s` %s", what, tensor, counted ? "is negative" : "overflows");
    if (counted)
        diag_label(diagnostics, diag, "%s = %lld at these dims", formula ? formula : "it", (long long)*value);
    else
        diag_label(diagnostics, diag, "%s is more than 2^63 - 1 at these dims", formula ? formula : "it");
    return false;
}

static bool shape_at(struct ir_context *context, const struct ir_node *node, const int64_t *dims, const char *name,
                     struct span span, struct ir_tensor *tensor)
{
    *tensor = (struct ir_tensor){node->elem, node->rank, ARENA_ARRAY(ir_arena(context), node->rank, int64_t), NULL};
    for (uint32_t axis = 0; axis < node->rank && tensor->shape; axis++)
        if (!binding_value(context, node->shape[axis], dims, "an extent", name, span, &tensor->shape[axis]))
            return false;
    return tensor->shape != NULL;
}

static bool same_type(const struct ir_tensor *a, const struct ir_tensor *b)
{
    return a->elem == b->elem && a->rank == b->rank &&
           (a->rank == 0 || memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) == 0);
}

/* `wanted` is NULL where the number of axes differs. */
static void report_misfit(struct ir_context *context, const char *name, struct span span, const struct ir_node *node,
                          const struct ir_tensor *given, const struct ir_tensor *wanted)
{
    struct diagnostics *diagnostics = ir_diagnostics(context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0807, span, "the array given for `%s` does not fit its declaration", name);
    if (!wanted)
        diag_label(diagnostics, diag, "%u axes are declared; the array is %s", node->rank, binding_describe(context, given));
    else
        diag_label(diagnostics, diag, "%s is wanted; the array is %s", binding_describe(context, wanted),
                   binding_describe(context, given));
    if (given->elem != node->elem)
        diag_help(diagnostics, diag, "types are not converted: declare `%s` as %s, or store the array as %s", name,
                  ir_elem_info(given->elem)->name, ir_elem_info(node->elem)->name);
}

bool binding_check_array(struct ir_context *context, const char *name, struct span span, const struct ir_node *node,
                         const int64_t *dims, const struct ir_tensor *given)
{
    struct ir_tensor wanted;
    bool same_rank = given->rank == node->rank;
    if (same_rank && !shape_at(context, node, dims, name, span, &wanted))
        return false;
    if (same_rank && same_type(&wanted, given))
        return true;
    report_misfit(context, name, span, node, given, same_rank ? &wanted : NULL);
    return false;
}

/* Every dim of the strides has its value, and none is negative. */
static bool check_strides(struct ir_context *context, const struct ir_input_info *info, const int64_t *dims)
{
    int64_t stride;
    for (uint32_t axis = 0; info->strides && axis < info->node->rank; axis++)
        if (!binding_value(context, info->strides[axis], dims, "a stride", info->name, info->span, &stride))
            return false;
    return true;
}

bool binding_extents(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        for (uint32_t index = 0; index < nodes[k]->n_indices; index++) {
            const struct ir_name *name = ir_find_name(kernel, nodes[k]);
            int64_t extent;
            if (poly_is_constant(nodes[k]->extents[index], NULL))
                continue;
            if (!binding_value(context, nodes[k]->extents[index], dims, "an extent", name && name->name ? name->name : kernel->name,
                               name ? name->span : kernel->span, &extent))
                return false;
        }
    return nodes != NULL;
}

bool binding_shapes(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_tensor *inputs, int64_t *dims)
{
    if (!bind_dims(context, kernel, inputs, dims) || !check_promises(context, dims))
        return false;
    bool good = true;
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        const struct ir_input_info *info = &kernel->inputs[k];
        if (!check_strides(context, info, dims))
            return false;
        good &= binding_check_array(context, info->name, info->span, info->node, dims, &inputs[k]);
    }
    return good;
}

bool binding_check(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_tensor *inputs, int64_t *dims)
{
    return binding_shapes(context, kernel, inputs, dims) && binding_extents(context, kernel, dims);
}

bool binding_outputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims, struct ir_tensor *outputs)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        const struct ir_output *output = &kernel->outputs[k];
        if (!shape_at(context, output->node, dims, output->name, output->span, &outputs[k]))
            return false;
        size_t count = npy_element_count(&outputs[k]);
        if (count == SIZE_MAX) {
            diag_error(ir_diagnostics(context), DIAG_E0806, output->span, "the size of `%s` overflows at these dims", output->name);
            return false;
        }
        outputs[k].data = arena_alloc(ir_arena(context), count, ir_elem_info(outputs[k].elem)->bytes);
        if (!outputs[k].data)
            return false;
    }
    return true;
}
