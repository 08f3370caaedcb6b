/* Reading the elements of dense constants, for rules that look at their values. */
#include <string.h>

#include "simplify_internal.h"

struct ir_number constant_element(const struct ir_node *node, size_t offset)
{
    return ir_number_load(node->elem, node->constant->data, offset);
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
