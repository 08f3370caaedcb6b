/* DLPack's tensors: types, strides, and what of them einc can take. Sizes come from outside: they are multiplied with care. */
#include "library.h"

#include <string.h>

enum { BOOL_CODE = 6 }; /* kDLBool, since DLPack 0.8 */

DLDataType library_type(enum ir_elem elem)
{
    static const uint8_t codes[] = {[IR_KIND_FLOAT] = kDLFloat,
                                    [IR_KIND_COMPLEX] = kDLComplex,
                                    [IR_KIND_SIGNED] = kDLInt,
                                    [IR_KIND_UNSIGNED] = kDLUInt,
                                    [IR_KIND_BOOLEAN] = BOOL_CODE};
    const struct ir_elem_info *info = ir_elem_info(elem);
    uint8_t code = elem == IR_bf16 ? kDLBfloat : codes[info->kind];
    return (DLDataType){code, (uint8_t)(8 * info->bytes), 1};
}

static bool same_type(DLDataType a, DLDataType b)
{
    return a.code == b.code && a.bits == b.bits && a.lanes == b.lanes;
}

bool library_type_is(enum ir_elem elem, DLDataType type)
{
    return same_type(library_type(elem), type) || (elem == IR_bool && same_type(library_type(IR_u8), type));
}

bool library_type_find(DLDataType type, enum ir_elem *elem)
{
    for (int k = 0; k < IR_ELEM_COUNT; k++)
        if (same_type(library_type((enum ir_elem)k), type)) {
            *elem = (enum ir_elem)k;
            return true;
        }
    return false;
}

int64_t library_stride(const DLTensor *tensor, int axis)
{
    uint64_t stride = 1; /* of a tensor that is not checked it may wrap */
    if (tensor->strides)
        return tensor->strides[axis];
    for (int k = axis + 1; k < tensor->ndim; k++)
        stride *= (uint64_t)tensor->shape[k];
    return (int64_t)stride;
}

bool library_is_dense(const DLTensor *tensor)
{
    int64_t stride = 1;
    for (int axis = tensor->ndim - 1; tensor->strides && axis >= 0; axis--) {
        if (tensor->shape[axis] > 1 && tensor->strides[axis] != stride)
            return false;
        if (!checked_multiply(stride, tensor->shape[axis], &stride))
            return false;
    }
    return true;
}

bool library_extent(const DLTensor *tensor, int64_t *count, int64_t *bytes)
{
    int64_t reach = 1, width = tensor->dtype.bits / 8;
    *count = 1;
    for (int axis = 0; axis < tensor->ndim; axis++)
        if (!checked_multiply(*count, tensor->shape[axis], count))
            return false;
    for (int axis = 0; axis<tensor->ndim && * count> 0; axis++) {
        int64_t stride = library_stride(tensor, axis), offset;
        if ((stride < 0 && tensor->shape[axis] > 1) || !checked_multiply(tensor->shape[axis] - 1, stride, &offset) ||
            !checked_add(reach, offset, &reach))
            return false;
    }
    *bytes = 0;
    return *count == 0 || checked_multiply(reach, width, bytes);
}

static bool refuse(struct ir_context *report, const char *name, struct span span, const char *reason)
{
    diag_error(ir_diagnostics(report), DIAG_E0850, span, "the tensor given for `%s` %s", name, reason);
    return false;
}

bool library_check_tensor(struct ir_context *report, const char *name, struct span span, const DLTensor *tensor)
{
    enum ir_elem elem;
    int64_t count, bytes;
    if (!tensor)
        return refuse(report, name, span, "is NULL");
    if (tensor->device.device_type != kDLCPU)
        return refuse(report, name, span, "is not in the processor's memory");
    if (!library_type_find(tensor->dtype, &elem))
        return refuse(report, name, span, "has a type that einc does not know");
    if (tensor->ndim < 0 || tensor->ndim > LIBRARY_RANK || (tensor->ndim > 0 && !tensor->shape))
        return refuse(report, name, span, "has no shape of 0 to 64 axes");
    for (int axis = 0; axis < tensor->ndim; axis++)
        if (tensor->shape[axis] < 0)
            return refuse(report, name, span, "has a negative extent");
    for (int axis = 0; axis < tensor->ndim && tensor->strides; axis++)
        if (tensor->strides[axis] < 0 && tensor->shape[axis] > 1)
            return refuse(report, name, span, "has a negative stride");
    if (!library_extent(tensor, &count, &bytes))
        return refuse(report, name, span, "reaches over more than 2^63 - 1 bytes");
    if (count > 0 && !tensor->data)
        return refuse(report, name, span, "has no data");
    return true;
}

/* ---- copies ---- */

/* Rows of the last axis, one after the other; `dense` is read where `to_tensor`. */
static void copy(const DLTensor *tensor, unsigned char *dense, bool to_tensor)
{
    int64_t at[LIBRARY_RANK] = {0}, place = 0, last = tensor->ndim - 1;
    int64_t length = last < 0 ? 1 : tensor->shape[last], step = last < 0 ? 0 : library_stride(tensor, (int)last);
    size_t width = tensor->dtype.bits / 8;
    for (;;) {
        unsigned char *row = library_data(tensor) + place * (int64_t)width;
        for (int64_t k = 0; k < length; k++, dense += width, row += step * (int64_t)width)
            memcpy(to_tensor ? row : dense, to_tensor ? dense : row, width);
        int64_t axis = last - 1;
        for (; axis >= 0; axis--) {
            place += library_stride(tensor, (int)axis);
            if (++at[axis] < tensor->shape[axis])
                break;
            place -= at[axis] * library_stride(tensor, (int)axis);
            at[axis] = 0;
        }
        if (axis < 0)
            return;
    }
}

static bool is_empty(const DLTensor *tensor)
{
    for (int axis = 0; axis < tensor->ndim; axis++)
        if (tensor->shape[axis] == 0)
            return true;
    return false;
}

void library_gather(const DLTensor *tensor, void *dense)
{
    if (!is_empty(tensor))
        copy(tensor, dense, false);
}

void library_scatter(const void *dense, const DLTensor *tensor)
{
    if (!is_empty(tensor))
        copy(tensor, (unsigned char *)dense, true);
}

bool library_is_injective(const DLTensor *tensor)
{
    int64_t reach = 1; /* of the axes with smaller strides */
    bool taken[LIBRARY_RANK] = {false};
    for (int round = 0; round < tensor->ndim && !is_empty(tensor); round++) {
        int next = -1;
        for (int axis = 0; axis < tensor->ndim; axis++)
            if (!taken[axis] && (next < 0 || library_stride(tensor, axis) < library_stride(tensor, next)))
                next = axis;
        taken[next] = true;
        if (tensor->shape[next] > 1 && library_stride(tensor, next) < reach)
            return false;
        if (tensor->shape[next] > 1)
            reach += (tensor->shape[next] - 1) * library_stride(tensor, next);
    }
    return true;
}
