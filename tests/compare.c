/* Comparing results: residues exactly, integers exactly, floats against the magnitude of the terms behind them. */
#include "compare.h"

#include <math.h>
#include <string.h>

double kernel_roundoff(struct ir_context *context, const struct ir_kernel *kernel)
{
    size_t count;
    double epsilon = ir_elem_epsilon(IR_f64);
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t i = 0; nodes && i < count; i++)
        epsilon = fmax(epsilon, ir_elem_epsilon(nodes[i]->elem));
    return epsilon / 2;
}

size_t tensor_count(const struct ir_tensor *tensor)
{
    size_t count = 1;
    for (uint32_t k = 0; k < tensor->rank; k++)
        count *= (size_t)tensor->shape[k];
    return count;
}

static bool same_shape(const struct ir_tensor *a, const struct ir_tensor *b)
{
    if (a->elem != b->elem || a->rank != b->rank)
        return false;
    for (uint32_t k = 0; k < a->rank; k++)
        if (a->shape[k] != b->shape[k])
            return false;
    return true;
}

bool tensors_same_residues(const struct ir_tensor *a, const struct ir_tensor *b)
{
    return same_shape(a, b) && memcmp(a->data, b->data, tensor_count(a) * 2 * sizeof(uint64_t)) == 0;
}

/* Component `at` of a tensor of floats or complex numbers. */
static double component(const struct ir_tensor *tensor, size_t at)
{
    return ir_number_load(ir_elem_real(tensor->elem), tensor->data, at).re;
}

bool tensors_equal(const struct ir_tensor *a, const struct ir_tensor *b)
{
    size_t count = tensor_count(a), components = ir_elem_is_complex(a->elem) ? 2 : 1;
    if (!same_shape(a, b))
        return false;
    if (!ir_elem_is_float(a->elem) && !ir_elem_is_complex(a->elem))
        return memcmp(a->data, b->data, count * ir_elem_info(a->elem)->bytes) == 0;
    for (size_t at = 0; at < count * components; at++) {
        double x = component(a, at), y = component(b, at);
        if (x != y && !(isnan(x) && isnan(y)))
            return false;
    }
    return true;
}

bool tensors_identical(const struct ir_tensor *a, const struct ir_tensor *b)
{
    if (!tensors_equal(a, b))
        return false;
    size_t components = ir_elem_is_float(a->elem) ? 1 : ir_elem_is_complex(a->elem) ? 2 : 0;
    for (size_t at = 0; at < tensor_count(a) * components; at++) {
        double x = component(a, at), y = component(b, at);
        if (!isnan(x) && signbit(x) != signbit(y))
            return false;
    }
    return true;
}

bool tensors_close(const struct ir_tensor *a, const struct ir_tensor *b, const struct ir_tensor *magnitude, double factor,
                   double *worst)
{
    size_t count = tensor_count(a), components = ir_elem_is_complex(a->elem) ? 2 : 1;
    if (!same_shape(a, b))
        return false;
    if (!ir_elem_is_float(a->elem) && !ir_elem_is_complex(a->elem))
        return memcmp(a->data, b->data, count * ir_elem_info(a->elem)->bytes) == 0;
    for (size_t at = 0; at < count * components; at++) {
        double scale = ((const double *)magnitude->data)[at / components];
        double x = component(a, at), y = component(b, at), difference = fabs(x - y);
        if (!isfinite(scale) || x == y || (isnan(x) && isnan(y)))
            continue;
        if (worst && difference / scale > *worst)
            *worst = difference / scale;
        if (!(difference <= factor * scale))
            return false;
    }
    return true;
}
