/* What a program that checks kernels elsewhere needs: random inputs of each kernel, and between what its outputs must lie. */
#include "command.h"

#include <float.h>
#include <math.h>

/* docs/command.md, "check" */
static const double class_factor = 8.0;

static bool widen(struct invocation *invocation, const struct ir_tensor *value, const struct ir_tensor *bound, double longest,
                  double sign, struct ir_tensor *edge)
{
    enum ir_elem elem = ir_elem_real(value->elem);
    size_t width = ir_elem_is_complex(value->elem) ? 2 : 1, count = npy_element_count(value) * width;
    *edge = *value;
    edge->data = arena_alloc(ir_arena(invocation->context), count, ir_elem_info(elem)->bytes);
    for (size_t k = 0; edge->data && k < count; k++) {
        struct ir_number number = ir_number_load(elem, value->data, k);
        if (ir_elem_is_float(elem) && !isfinite(number.re))
            number.re = -sign; /* nothing lies between 1 and -1 */
        else if (ir_elem_is_float(elem))
            number = ir_number_real(elem, number.re + sign * (class_factor * longest * ir_elem_epsilon(value->elem) *
                                                                  ((const double *)bound->data)[k / width] +
                                                              DBL_MIN));
        ir_number_store(number, edge->data, k);
    }
    return edge->data != NULL;
}

static bool make_outputs(struct invocation *invocation, const struct ir_kernel *kernel, const struct ir_tensor *inputs,
                         struct backend_sample *sample)
{
    struct arena *arena = ir_arena(invocation->context);
    struct ir_tensor *values = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *bounds = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *low = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *high = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_tensor);
    double *longest = ARENA_ARRAY(arena, kernel->n_outputs, double);
    if (!values || !bounds || !low || !high || !longest ||
        ir_eval(invocation->context, kernel, IR_EVAL_NUMBERS, sample->dims, inputs, values, NULL) != EINC_OK ||
        ir_eval(invocation->context, kernel, IR_EVAL_BOUND, sample->dims, inputs, bounds, longest) != EINC_OK)
        return false;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (!widen(invocation, &values[k], &bounds[k], longest[k], -1, &low[k]) ||
            !widen(invocation, &values[k], &bounds[k], longest[k], 1, &high[k]))
            return false;
    sample->low = low;
    sample->high = high;
    return true;
}

/* How many elements an input reaches over in memory. */
static bool count_inputs(struct invocation *invocation, const struct ir_kernel *kernel, struct backend_sample *sample)
{
    size_t *elements = ARENA_ARRAY(ir_arena(invocation->context), kernel->n_inputs, size_t);
    for (uint32_t k = 0; elements && k < kernel->n_inputs; k++) {
        const struct ir_tensor *input = &sample->inputs[k];
        size_t count = npy_element_count(input), reach = 1;
        for (uint32_t axis = 0; kernel->inputs[k].strides && axis < input->rank; axis++) {
            int64_t stride;
            if (!poly_evaluate(kernel->inputs[k].strides[axis], sample->dims, NULL, &stride))
                return false;
            reach += count ? (size_t)(input->shape[axis] - 1) * (size_t)stride : 0;
        }
        elements[k] = (kernel->inputs[k].strides && count ? reach : count) * (ir_elem_is_complex(input->elem) ? 2 : 1);
    }
    sample->input_elements = elements;
    return elements != NULL;
}

static bool make_sample(struct invocation *invocation, const struct compiled *compiled, size_t number,
                        struct backend_sample *sample)
{
    const struct ir_kernel *kernel = compiled->program->kernels[number];
    const int64_t *dims = dims_small(invocation, kernel);
    const struct ir_tensor *inputs = dims ? arrays_random(invocation, kernel, dims, 1) : NULL;
    sample->dims = dims;
    sample->inputs = inputs ? layout_inputs(invocation->context, kernel, dims, inputs) : NULL;
    return sample->inputs && count_inputs(invocation, kernel, sample) && make_outputs(invocation, kernel, inputs, sample) &&
           poly_evaluate(compiled->kernels[number].loops->workspace, dims, NULL, &sample->workspace);
}

const struct backend_sample *samples_make(struct invocation *invocation, const struct compiled *compiled)
{
    struct backend_sample *samples = ARENA_ARRAY(ir_arena(invocation->context), compiled->n_kernels, struct backend_sample);
    for (size_t k = 0; samples && k < compiled->n_kernels; k++)
        if (!make_sample(invocation, compiled, k, &samples[k]))
            return NULL;
    return samples;
}
