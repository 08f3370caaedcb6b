/* Do tensors fit a kernel?
 *
 * `library_fits` is what a right call costs: it only says yes or no, from what the kernel's description holds. Where it says no the
 * same questions are asked again by the functions that einc's command uses for arrays of files, which say what is wrong; those
 * decide. */
#include "library.h"

#include <string.h>

/* ---- quickly: does all fit? ---- */

static bool dim_alone(const struct poly *size, uint32_t *dim)
{
    const struct poly_term *term = size->n_terms == 1 ? &size->terms[0] : NULL;
    if (!term || term->numerator != 1 || term->denominator != 1 || term->n_factors != 1 || term->factors[0]->kind != POLY_DIM)
        return false;
    *dim = term->factors[0]->symbol;
    return true;
}

static bool bind_size(struct library_call *call, const struct poly *size, int64_t value)
{
    uint32_t dim;
    if (!dim_alone(size, &dim))
        return true;
    if (call->dims[dim] >= 0 && call->dims[dim] != value)
        return false;
    call->dims[dim] = value;
    return value >= 0;
}

static bool is_tensor(const struct library_argument *argument, const DLTensor *tensor)
{
    return tensor && tensor->device.device_type == kDLCPU && (uint32_t)tensor->ndim == argument->node->rank &&
           (tensor->shape || tensor->ndim == 0) && library_type_is(argument->node->elem, tensor->dtype);
}

/* Dims by the axes of inputs, then by their strides. */
static bool bind_dims(struct library_call *call)
{
    const struct einc_kernel *kernel = call->kernel;
    for (uint32_t k = 0; k < kernel->n_arguments; k++) {
        const struct library_argument *argument = &kernel->arguments[k];
        const DLTensor *tensor = call->tensors[k];
        for (int axis = 0; argument->input != UINT32_MAX && axis < tensor->ndim; axis++)
            if (!bind_size(call, argument->node->shape[axis], tensor->shape[axis]))
                return false;
        for (int axis = 0; argument->strides && axis < tensor->ndim; axis++)
            if (tensor->shape[axis] > 1 && !bind_size(call, argument->strides[axis], library_stride(tensor, axis)))
                return false;
    }
    for (uint32_t k = 0; k < ir_dim_count(kernel->program->ir); k++) {
        const struct ir_dim *dim = ir_dim_at(kernel->program->ir, k);
        if (call->dims[k] >= 0 && ((dim->bound && call->dims[k] > dim->bound) || call->dims[k] % dim->divisor != 0))
            return false;
    }
    return true;
}

static bool has_size(const struct library_call *call, const struct poly *size, int64_t given)
{
    int64_t value;
    return poly_evaluate(size, call->dims, NULL, &value) && value == given;
}

static bool has_shape(const struct library_call *call, const struct library_argument *argument, const DLTensor *tensor)
{
    if (argument->shape)
        return tensor->ndim == 0 || memcmp(argument->shape, tensor->shape, (size_t)tensor->ndim * sizeof *tensor->shape) == 0;
    for (int axis = 0; axis < tensor->ndim; axis++)
        if (!has_size(call, argument->node->shape[axis], tensor->shape[axis]))
            return false;
    return true;
}

static bool has_strides(const struct library_call *call, const struct library_argument *argument, const DLTensor *tensor)
{
    if (!argument->strides)
        return library_is_dense(tensor);
    for (int axis = 0; axis < tensor->ndim; axis++)
        if (tensor->shape[axis] > 1 && !has_size(call, argument->strides[axis], library_stride(tensor, axis)))
            return false;
    return true;
}

static bool is_aligned(const struct library_argument *argument, const unsigned char *data)
{
    return (uintptr_t)data % ir_elem_info(ir_elem_real(argument->node->elem))->bytes == 0;
}

/* Where the tensor's elements are; false: nowhere, or over more than memory. */
static bool find_range(const DLTensor *tensor, struct library_range *range)
{
    int64_t count, bytes;
    if (!library_extent(tensor, &count, &bytes) || (count > 0 && !tensor->data))
        return false;
    range->begin = (uintptr_t)library_data(tensor);
    range->end = range->begin + (uintptr_t)bytes;
    return true;
}

/* An output that shares memory with another tensor, and which; UINT32_MAX: none does. */
static uint32_t find_overlap(const struct library_call *call, uint32_t *other)
{
    const struct einc_kernel *kernel = call->kernel;
    const struct library_range *ranges = call->ranges;
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        for (uint32_t o = 0; o < kernel->n_arguments && kernel->arguments[k].output != UINT32_MAX; o++)
            if (o != k && ranges[k].begin < ranges[o].end && ranges[o].begin < ranges[k].end) {
                *other = o;
                return k;
            }
    return UINT32_MAX;
}

static bool extents_fit(const struct library_call *call)
{
    int64_t value;
    for (size_t k = 0; k < call->kernel->n_extents; k++)
        if (!poly_evaluate(call->kernel->extents[k], call->dims, NULL, &value) || value < 0)
            return false;
    return true;
}

static bool dims_known(const struct library_call *call)
{
    for (size_t k = 0; k < call->kernel->n_dims; k++)
        if (call->dims[call->kernel->dims[k]] < 0)
            return false;
    return true;
}

bool library_inputs_fit(struct library_call *call)
{
    const struct einc_kernel *kernel = call->kernel;
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        if (kernel->arguments[k].input != UINT32_MAX && !is_tensor(&kernel->arguments[k], call->tensors[k]))
            return false;
    return ir_dim_count(kernel->program->ir) == 0 || (bind_dims(call) && dims_known(call) && extents_fit(call));
}

bool library_fits(struct library_call *call)
{
    const struct einc_kernel *kernel = call->kernel;
    uint32_t other;
    if (!library_inputs_fit(call))
        return false;
    for (uint32_t k = 0; k < kernel->n_arguments; k++) {
        const struct library_argument *argument = &kernel->arguments[k];
        const DLTensor *tensor = call->tensors[k];
        if (!is_tensor(argument, tensor) || !has_shape(call, argument, tensor) || !find_range(tensor, &call->ranges[k]) ||
            !has_strides(call, argument, tensor) || !is_aligned(argument, library_data(tensor)))
            return false;
    }
    return find_overlap(call, &other) == UINT32_MAX;
}

bool library_find_shape(const struct library_call *call, size_t at, int64_t *shape)
{
    const struct ir_node *node = call->kernel->arguments[at].node;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        if (!poly_evaluate(node->shape[axis], call->dims, NULL, &shape[axis]) || shape[axis] < 0)
            return false;
    return true;
}

/* ---- slowly: what does not fit? ---- */

static struct ir_tensor as_array(const struct library_argument *argument, const DLTensor *tensor)
{
    struct ir_tensor array = {.rank = (uint32_t)tensor->ndim, .shape = tensor->shape, .data = library_data(tensor)};
    if (library_type_is(argument->node->elem, tensor->dtype))
        array.elem = argument->node->elem;
    else
        (void)library_type_find(tensor->dtype, &array.elem);
    return array;
}

static bool check_tensors(const struct library_call *call, bool with_outputs, struct ir_context *report)
{
    const struct einc_kernel *kernel = call->kernel;
    bool good = true;
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        if (with_outputs || kernel->arguments[k].input != UINT32_MAX)
            good &= library_check_tensor(report, kernel->arguments[k].name, kernel->arguments[k].span, call->tensors[k]);
    return good;
}

static bool is_axis(const struct einc_kernel *kernel, uint32_t dim)
{
    uint32_t alone;
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        for (uint32_t axis = 0; kernel->arguments[k].input != UINT32_MAX && axis < kernel->arguments[k].node->rank; axis++)
            if (dim_alone(kernel->arguments[k].node->shape[axis], &alone) && alone == dim)
                return true;
    return false;
}

/* Dims that only strides tell. */
static void bind_strides(struct library_call *call)
{
    const struct einc_kernel *kernel = call->kernel;
    uint32_t dim;
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        for (int axis = 0; kernel->arguments[k].strides && axis < call->tensors[k]->ndim; axis++)
            if (call->tensors[k]->ndim == (int)kernel->arguments[k].node->rank && call->tensors[k]->shape[axis] > 1 &&
                dim_alone(kernel->arguments[k].strides[axis], &dim) && call->dims[dim] < 0 && !is_axis(kernel, dim))
                call->dims[dim] = library_stride(call->tensors[k], axis);
}

/* Shapes of inputs, and dims by them. */
static bool check_inputs(struct library_call *call, struct ir_context *report)
{
    const struct einc_kernel *kernel = call->kernel;
    const struct ir_kernel *source = kernel->program->source->kernels[kernel->number];
    bind_strides(call);
    struct ir_tensor *inputs = ARENA_ARRAY(ir_arena(report), source->n_inputs, struct ir_tensor);
    for (uint32_t k = 0; inputs && k < kernel->n_arguments; k++)
        if (kernel->arguments[k].input != UINT32_MAX)
            inputs[kernel->arguments[k].input] = as_array(&kernel->arguments[k], call->tensors[k]);
    return inputs && binding_shapes(report, source, inputs, call->dims);
}

static bool check_extents(const struct library_call *call, struct ir_context *report)
{
    const struct einc_kernel *kernel = call->kernel;
    const struct ir_kernel *source = kernel->program->source->kernels[kernel->number];
    int64_t value;
    for (size_t k = 0; k < kernel->n_extents; k++)
        if (!binding_value(report, kernel->extents[k], call->dims, "an extent", source->name, source->span, &value))
            return false;
    return true;
}

static bool check_outputs(const struct library_call *call, struct ir_context *report)
{
    const struct einc_kernel *kernel = call->kernel;
    bool good = true;
    for (uint32_t k = 0; k < kernel->n_arguments; k++) {
        const struct library_argument *argument = &kernel->arguments[k];
        struct ir_tensor array = as_array(argument, call->tensors[k]);
        if (argument->input == UINT32_MAX)
            good &= binding_check_array(report, argument->name, argument->span, argument->node, call->dims, &array);
    }
    return good;
}

static bool check_place(const struct library_call *call, struct ir_context *report)
{
    const struct einc_kernel *kernel = call->kernel;
    struct diagnostics *diagnostics = ir_diagnostics(report);
    bool good = true;
    for (uint32_t k = 0; k < kernel->n_arguments; k++) {
        const struct library_argument *argument = &kernel->arguments[k];
        struct diag *diag = NULL;
        if (!has_strides(call, argument, call->tensors[k])) {
            diag = diag_error(diagnostics, DIAG_E0851, argument->span, "the tensor given for `%s` does not lie as declared",
                              argument->name);
            diag_label(diagnostics, diag, argument->strides ? "its strides are others" : "it is dense, in C order");
            diag_help(diagnostics, diag, "inputs may be declared `strides(...)`; else copy the tensor");
            good = false;
        } else if (!is_aligned(argument, library_data(call->tensors[k]))) {
            diag_error(diagnostics, DIAG_E0851, argument->span, "the data given for `%s` are not aligned to %u bytes",
                       argument->name, (unsigned)ir_elem_info(ir_elem_real(argument->node->elem))->bytes);
            good = false;
        }
    }
    return good;
}

static bool check_overlap(const struct library_call *call, struct ir_context *report)
{
    for (uint32_t k = 0; k < call->kernel->n_arguments; k++)
        if (!find_range(call->tensors[k], &call->ranges[k]))
            return false; /* reported */
    uint32_t other, output = find_overlap(call, &other);
    if (output == UINT32_MAX)
        return true;
    const struct library_argument *arguments = call->kernel->arguments;
    struct diag *diag = diag_error(ir_diagnostics(report), DIAG_E0852, arguments[output].span,
                                   "the tensor given for `%s`, which is written, shares memory with the one for `%s`",
                                   arguments[output].name, arguments[other].name);
    diag_note(ir_diagnostics(report), diag, arguments[other].span, "declared here");
    return false;
}

static bool check_count(const struct einc_kernel *kernel, size_t n_tensors, struct ir_context *report)
{
    struct text names = text_create(ir_arena(report));
    if (n_tensors == kernel->n_arguments)
        return true;
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        text_printf(&names, "%s`%s`", k ? ", " : "", kernel->arguments[k].name);
    const struct ir_kernel *source = kernel->program->source->kernels[kernel->number];
    const char *list = text_finish(&names);
    struct diag *diag = diag_error(ir_diagnostics(report), DIAG_E0850, source->span, "kernel `%s` takes %u tensors, not %zu",
                                   source->name, kernel->n_arguments, n_tensors);
    diag_help(ir_diagnostics(report), diag, "they are %s, in this order", list ? list : "");
    return false;
}

bool library_check(struct library_call *call, size_t n_tensors, struct ir_context *report)
{
    return check_count(call->kernel, n_tensors, report) && check_tensors(call, true, report) && check_inputs(call, report) &&
           check_extents(call, report) && check_outputs(call, report) && check_place(call, report) && check_overlap(call, report);
}

bool library_check_shape(struct library_call *call, size_t n_tensors, size_t at, struct ir_context *report)
{
    if (!check_count(call->kernel, n_tensors, report) || !check_tensors(call, false, report) || !check_inputs(call, report) ||
        !check_extents(call, report))
        return false;
    const struct library_argument *argument = &call->kernel->arguments[at];
    int64_t extent;
    for (uint32_t axis = 0; axis < argument->node->rank; axis++)
        if (!binding_value(report, argument->node->shape[axis], call->dims, "an extent", argument->name, argument->span, &extent))
            return false;
    return true;
}
