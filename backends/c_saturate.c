/* Saturation of int32_t to a range of bits, min(max(x, -128), 127) or min(max(x, 0), 127), in C for microcontrollers: a function
 * that is one instruction where there is one (Arm's ssat and usat), also with a division by a power of two, rounded down, before
 * it. Compilers find it in comparisons where nothing is in the way; in several results at a time the bounds are, which they keep in
 * registers. */
#include "backends_internal.h"

#include <inttypes.h>

/* Which bits, signed or not, the value is saturated to; 0: it is something else. */
static int saturated_bits(const struct ir_expr *expr, bool *is_signed)
{
    if (expr->op != IR_EXPR_min || expr->elem != IR_i32 || expr->arguments[1]->op != IR_EXPR_literal ||
        expr->arguments[0]->op != IR_EXPR_max || expr->arguments[0]->arguments[1]->op != IR_EXPR_literal)
        return 0;
    int64_t high = expr->arguments[1]->literal.i, low = expr->arguments[0]->arguments[1]->literal.i;
    *is_signed = low < 0;
    for (int bits = 1; bits < 32; bits++)
        if (*is_signed ? high == (INT64_C(1) << (bits - 1)) - 1 && low == -high - 1 : high == (INT64_C(1) << bits) - 1 && low == 0)
            return bits;
    return 0;
}

/* By which power of two the value is divided before, if it is one more instruction of its own: its argument is then `*inner`. */
static int divided_bits(const struct c_kernel *kernel, const struct ir_expr *expr, const struct ir_expr **inner)
{
    *inner = expr;
    if (expr->op != IR_EXPR_floor_div || expr->elem != IR_i32 || expr->arguments[1]->op != IR_EXPR_literal ||
        c_part_name(kernel, expr))
        return 0;
    for (int bits = 1; bits < 31; bits++)
        if (expr->arguments[1]->literal.i == INT64_C(1) << bits) {
            *inner = expr->arguments[0];
            return bits;
        }
    return 0;
}

/* saturate_s16, and saturate_s16_over_2_15 of the value over 2^15 */
static void put_name(struct text *text, bool is_signed, int bits, int shift)
{
    text_printf(text, "saturate_%c%d", is_signed ? 's' : 'u', bits);
    if (shift)
        text_printf(text, "_over_2_%d", shift);
}

bool c_put_saturated(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr)
{
    bool is_signed = false;
    if (!kernel->file->options->freestanding || c_part_name(kernel, expr->arguments[0]))
        return false;
    int bits = saturated_bits(expr, &is_signed);
    if (!bits)
        return false;
    const struct ir_expr *inner;
    int shift = divided_bits(kernel, expr->arguments[0]->arguments[0], &inner);
    kernel->file->saturates[is_signed][bits] |= UINT32_C(1) << shift;
    put_name(text, is_signed, bits, shift);
    text_put(text, "(");
    c_put_expr(kernel, text, inner, C_ANY);
    text_put(text, ")");
    return true;
}

static void put_function(struct text *text, bool is_signed, int bits, int shift)
{
    int64_t high = (INT64_C(1) << (is_signed ? bits - 1 : bits)) - 1, low = is_signed ? -high - 1 : 0;
    text_printf(text, "/* %sthe nearest of %" PRId64 " to %" PRId64 " */\n",
                shift ? "x over a power of two, rounded down, then " : "", low, high);
    text_put(text, "static inline int32_t ");
    put_name(text, is_signed, bits, shift);
    text_put(text, "(int32_t x)\n{\n#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT)\n    int32_t result;\n");
    text_printf(text, "    __asm__(\"%csat %%0, #%d, %%1", is_signed ? 's' : 'u', bits);
    if (shift)
        text_printf(text, ", asr #%d", shift);
    text_put(text, "\" : \"=r\"(result) : \"r\"(x));\n    return result;\n#else\n");
    if (shift)
        text_printf(text, "    const int32_t y = (x < 0) ? (-1 - ((-1 - x) / %" PRId64 ")) : (x / %" PRId64 ");\n",
                    INT64_C(1) << shift, INT64_C(1) << shift);
    const char *value = shift ? "y" : "x";
    text_printf(text, "    return (%s < %" PRId64 ") ? %" PRId64 " : ((%s > %" PRId64 ") ? %" PRId64 " : %s);\n#endif\n}\n\n",
                value, low, low, value, high, high, value);
}

void c_put_saturations(const struct c_file *file, struct text *text)
{
    for (int is_signed = 0; is_signed < 2; is_signed++)
        for (int bits = 1; bits < 32; bits++)
            for (int shift = 0; shift < 32; shift++)
                if (file->saturates[is_signed][bits] >> shift & 1)
                    put_function(text, is_signed, bits, shift);
}
