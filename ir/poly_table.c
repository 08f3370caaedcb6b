/* Table atoms: lookups in an integer tensor, and what is known of its entries.
 *
 * A lookup in a constant at constant subscripts inside it is its entry. One outside stays an atom: evaluation then reports it. */
#include <string.h>

#include "poly_internal.h"

#define READ_AS(type)                                                                                                              \
    do {                                                                                                                           \
        type entry;                                                                                                                \
        memcpy(&entry, (const char *)table->constant->data + offset * sizeof entry, sizeof entry);                                 \
        *value = (int64_t)entry;                                                                                                   \
    } while (0)

bool poly_table_entry(const struct ir_node *table, size_t offset, int64_t *value)
{
    if (table->op != IR_const_node || !table->constant || !table->constant->data)
        return false;
    switch (table->elem) {
    case IR_i8:
        READ_AS(int8_t);
        return true;
    case IR_i16:
        READ_AS(int16_t);
        return true;
    case IR_i32:
        READ_AS(int32_t);
        return true;
    case IR_i64:
        READ_AS(int64_t);
        return true;
    case IR_u8:
        READ_AS(uint8_t);
        return true;
    case IR_u16:
        READ_AS(uint16_t);
        return true;
    case IR_u32:
        READ_AS(uint32_t);
        return true;
    case IR_u64:
        READ_AS(uint64_t);
        return *value >= 0;
    default:
        return false;
    }
}

/* Number of entries; false when the shape is not static. */
static bool entry_count(const struct ir_node *table, size_t *count)
{
    *count = 1;
    for (uint32_t k = 0; k < table->rank; k++) {
        int64_t extent;
        if (!poly_is_constant(table->shape[k], &extent) || extent < 0 || __builtin_mul_overflow(*count, (size_t)extent, count))
            return false;
    }
    return true;
}

/* Of 64-bit types nothing is known: those of an u64 that have no value read as negative in emitted code. */
static bool type_bounds(enum ir_elem elem, int64_t *least, int64_t *largest)
{
    if (!ir_elem_is_integer(elem) || ir_elem_info(elem)->bytes == 8)
        return false;
    uint32_t bits = 8 * ir_elem_info(elem)->bytes;
    bool is_signed = ir_elem_info(elem)->kind == IR_KIND_SIGNED;
    *least = is_signed ? -((int64_t)1 << (bits - 1)) : 0;
    *largest = ((int64_t)1 << (is_signed ? bits - 1 : bits)) - 1;
    return true;
}

bool poly_table_bounds(const struct ir_node *table, int64_t *least, int64_t *largest)
{
    size_t count;
    if (table->op != IR_const_node)
        return type_bounds(table->elem, least, largest);
    if (!entry_count(table, &count) || count == 0)
        return false;
    for (size_t k = 0; k < count; k++) {
        int64_t value;
        if (!poly_table_entry(table, k, &value))
            return false;
        if (k == 0 || value < *least)
            *least = value;
        if (k == 0 || value > *largest)
            *largest = value;
    }
    return true;
}

const struct poly *poly_table(struct ir_context *context, const struct ir_node *table, uint32_t n_arguments,
                              const struct poly *const *arguments)
{
    if (!context || !table)
        return NULL;
    size_t offset = 0;
    bool constant = n_arguments == table->rank;
    for (uint32_t k = 0; k < n_arguments; k++) {
        int64_t subscript, extent;
        if (!arguments[k])
            return NULL;
        constant = constant && poly_is_constant(arguments[k], &subscript) && poly_is_constant(table->shape[k], &extent) &&
                   subscript >= 0 && subscript < extent;
        if (constant)
            offset = offset * (size_t)extent + (size_t)subscript;
    }
    int64_t value;
    if (constant && poly_table_entry(table, offset, &value))
        return poly_constant(context, value);
    struct poly_atom atom = {.kind = POLY_TABLE, .table = table, .arguments = arguments, .n_arguments = n_arguments};
    return poly_of_atom(context, poly_intern_atom(context, &atom));
}
