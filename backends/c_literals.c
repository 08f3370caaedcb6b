/* Element types and numbers in C. A float is decimal where that is short and exact, else hexadecimal, so that it is read back as
 * the same number; the least signed integers, which C has no literals for, are written as differences. */
#include "backends_internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *c_type(enum ir_elem elem)
{
    return ir_elem_info(elem)->c_type;
}

enum ir_elem_kind c_kind_of(enum ir_elem elem)
{
    return ir_elem_info(elem)->kind;
}

/* Short and exact in decimal? */
static bool is_plain_decimal(double value)
{
    double scaled = value * 1024;
    return fabs(value) < 1e6 && scaled == floor(scaled);
}

static void put_real(struct c_file *file, struct text *text, enum ir_elem elem, double value)
{
    const char *suffix = elem == IR_f32 ? "f" : "";
    if (isnan(value) || isinf(value)) {
        text_put(text, isnan(value) ? "NAN" : value < 0 ? "-INFINITY" : "INFINITY"); /* floats; a double of the same value */
        file->uses_math = true;
        return;
    }
    if (!is_plain_decimal(value)) {
        text_printf(text, "%a%s", value, suffix);
        return;
    }
    char digits[40];
    struct text number = text_create(file->arena);
    text_printf(&number, "%.10f", value);
    const char *finished = text_finish(&number);
    if (!finished || strlen(finished) >= sizeof digits)
        return;
    strcpy(digits, finished);
    for (size_t end = strlen(digits); end > 2 && digits[end - 1] == '0' && digits[end - 2] != '.'; end--)
        digits[end - 1] = '\0';
    text_printf(text, "%s%s", digits, suffix);
}

int c_bits_of(enum ir_elem elem)
{
    return (int)ir_elem_info(elem)->bytes * 8;
}

static void put_integer(struct text *text, enum ir_elem elem, int64_t value)
{
    int bits = c_bits_of(elem);
    if (c_kind_of(elem) == IR_KIND_SIGNED && bits >= 32 && value == (bits == 32 ? INT32_MIN : INT64_MIN))
        text_printf(text, "INT%d_MIN", bits); /* its number alone is the negation of what does not fit */
    else if (elem == IR_u64 && (uint64_t)value > INT32_MAX)
        text_printf(text, "UINT64_C(%" PRIu64 ")", (uint64_t)value);
    else if (elem == IR_u32 && value > INT32_MAX)
        text_printf(text, "%" PRId64 "u", value);
    else if (value > INT32_MAX || value < -INT32_MAX)
        text_printf(text, value < 0 ? "-INT64_C(%" PRIu64 ")" : "INT64_C(%" PRIu64 ")",
                    value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    else
        text_printf(text, "%" PRId64, value);
}

bool c_is_negative_literal(struct ir_number number)
{
    if (ir_elem_is_float(number.elem))
        return signbit(number.re) && !isnan(number.re);
    return c_kind_of(number.elem) == IR_KIND_SIGNED && number.i < 0;
}

void c_put_literal(struct c_file *file, struct text *text, struct ir_number number, enum c_precedence precedence)
{
    bool wrap = precedence > C_UNARY && c_is_negative_literal(number);
    text_put(text, wrap ? "(" : "");
    if (ir_elem_is_half(number.elem)) {
        uint16_t bits;
        ir_number_store(number, &bits, 0);
        text_printf(text, "0x%04x", bits);
    } else if (ir_elem_is_float(number.elem))
        put_real(file, text, number.elem, number.re);
    else
        put_integer(text, number.elem, number.i);
    text_put(text, wrap ? ")" : "");
}
