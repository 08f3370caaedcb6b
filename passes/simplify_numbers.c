/* Reading the elements of dense constants, for rules that look at their values. */
#include <string.h>

#include "simplify_internal.h"

#define READ_INTEGER(type)                                                                                                         \
    do {                                                                                                                           \
        type value;                                                                                                                \
        memcpy(&value, at, sizeof value);                                                                                          \
        return ir_number_integer(node->elem, (int64_t)value);                                                                      \
    } while (0)

static struct ir_number read_float(const struct ir_node *node, const char *at)
{
    float single[2] = {0, 0};
    double pair[2] = {0, 0};
    bool is_single = node->elem == IR_f32 || node->elem == IR_c64;
    if (is_single)
        memcpy(single, at, ir_elem_info(node->elem)->bytes);
    else
        memcpy(pair, at, ir_elem_info(node->elem)->bytes);
    double re = is_single ? (double)single[0] : pair[0], im = is_single ? (double)single[1] : pair[1];
    return ir_elem_is_complex(node->elem) ? ir_number_complex(node->elem, re, im) : ir_number_real(node->elem, re);
}

struct ir_number constant_element(const struct ir_node *node, size_t offset)
{
    const char *at = (const char *)node->constant->data + offset * ir_elem_info(node->elem)->bytes;
    switch (node->elem) {
    case IR_i8:
        READ_INTEGER(int8_t);
    case IR_i16:
        READ_INTEGER(int16_t);
    case IR_i32:
        READ_INTEGER(int32_t);
    case IR_i64:
        READ_INTEGER(int64_t);
    case IR_u8:
        READ_INTEGER(uint8_t);
    case IR_u16:
        READ_INTEGER(uint16_t);
    case IR_u32:
        READ_INTEGER(uint32_t);
    case IR_u64:
        READ_INTEGER(uint64_t);
    case IR_bool:
        READ_INTEGER(uint8_t);
    default:
        return read_float(node, at);
    }
}

bool constant_count(const struct ir_node *node, size_t *count)
{
    *count = 1;
    if (node->op != IR_const_node || !node->constant->data)
        return false;
    for (uint32_t k = 0; k < node->rank; k++) {
        int64_t extent;
        if (!poly_is_constant(node->shape[k], &extent) || extent < 0 || __builtin_mul_overflow(*count, (size_t)extent, count))
            return false;
    }
    return true;
}

bool is_scalar_constant(const struct ir_node *node)
{
    return node->op == IR_const_node && node->rank == 0 && node->constant->data;
}

bool constant_is_all(const struct ir_node *node, struct ir_number number)
{
    size_t count;
    if (!constant_count(node, &count) || count == 0)
        return false;
    for (size_t k = 0; k < count; k++)
        if (!ir_number_equal(constant_element(node, k), number))
            return false;
    return true;
}

bool constant_is_identity(const struct ir_node *node)
{
    size_t count;
    int64_t n, columns;
    if (node->rank != 2 || !constant_count(node, &count) || !poly_is_constant(node->shape[0], &n) ||
        !poly_is_constant(node->shape[1], &columns) || n != columns || n == 0)
        return false;
    struct ir_number one = ir_ring_one(IR_RING_plustimes, node->elem), zero = ir_ring_zero(IR_RING_plustimes, node->elem);
    for (size_t k = 0; k < count; k++)
        if (!ir_number_equal(constant_element(node, k), k % ((size_t)n + 1) == 0 ? one : zero))
            return false;
    return true;
}
