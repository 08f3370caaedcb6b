/* The 16-bit storage types: f16 is IEEE 754 binary16, bf16 the upper half of binary32.
 *
 * A double becomes the nearest 16-bit number, ties to even, at once: by way of single precision it could be rounded twice. Too
 * large numbers become infinite, small ones subnormal; a NaN keeps its sign and the first bits of its payload and is made quiet.
 * The other way nothing is lost. */
#include "arithmetic.h"

#include <string.h>

enum { DOUBLE_FRACTION = 52, DOUBLE_BIAS = 1023, DOUBLE_TOP = 0x7ff, SIGN = 0x8000 };

static uint32_t fraction_bits(enum ir_elem elem)
{
    return elem == IR_f16 ? 10 : 7;
}

/* What stands for infinity: all exponent bits. */
static uint16_t infinity(enum ir_elem elem)
{
    return elem == IR_f16 ? 0x7c00 : 0x7f80;
}

static int32_t bias(enum ir_elem elem)
{
    return elem == IR_f16 ? 15 : 127;
}

/* significand / 2^shift to the nearest integer, ties to even. */
static uint64_t shift_to_even(uint64_t significand, uint32_t shift)
{
    if (shift > DOUBLE_FRACTION + 2) /* less than a quarter */
        return 0;
    uint64_t whole = significand >> shift, rest = significand & ((UINT64_C(1) << shift) - 1), half = UINT64_C(1) << (shift - 1);
    return whole + (rest > half || (rest == half && (whole & 1)));
}

uint16_t half_from_double(enum ir_elem elem, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t kept = fraction_bits(elem), shift = DOUBLE_FRACTION - kept;
    uint16_t sign = (uint16_t)(bits >> 63 ? SIGN : 0);
    int32_t exponent = (int32_t)(bits >> DOUBLE_FRACTION & DOUBLE_TOP);
    uint64_t fraction = bits & ((UINT64_C(1) << DOUBLE_FRACTION) - 1);
    if (exponent == DOUBLE_TOP && fraction)
        return (uint16_t)(sign | infinity(elem) | 1u << (kept - 1) | fraction >> shift);
    if (exponent == 0) /* at most 2^-1022 */
        return sign;
    int32_t scaled = exponent - DOUBLE_BIAS + bias(elem);
    uint64_t significand = fraction | UINT64_C(1) << DOUBLE_FRACTION;
    if (scaled >= bias(elem) * 2 + 1)
        return sign | infinity(elem);
    if (scaled < 1) /* no leading bit: multiples of the least subnormal */
        return (uint16_t)(sign | shift_to_even(significand, shift + (uint32_t)(1 - scaled)));
    /* the leading bit adds 1 to the exponent, and so does rounding up to the next power of two, to infinity at the end */
    return (uint16_t)(sign | (((uint64_t)(scaled - 1) << kept) + shift_to_even(significand, shift)));
}

double half_to_double(enum ir_elem elem, uint16_t half)
{
    uint32_t kept = fraction_bits(elem), exponent = (uint32_t)(half & infinity(elem)) >> kept;
    uint64_t fraction = half & ((1u << kept) - 1), bits = (uint64_t)(half & SIGN) << 48;
    double value;
    if (exponent == 0) {
        value = (double)fraction / (double)(UINT64_C(1) << kept);
        for (int32_t k = 1; k < bias(elem); k++)
            value /= 2;
        return half & SIGN ? -value : value;
    }
    uint64_t scaled = exponent == (uint32_t)(infinity(elem) >> kept) ? DOUBLE_TOP : exponent + (uint64_t)(DOUBLE_BIAS - bias(elem));
    bits |= scaled << DOUBLE_FRACTION | fraction << (DOUBLE_FRACTION - kept);
    memcpy(&value, &bits, sizeof value);
    return value;
}

double ir_round_real(enum ir_elem elem, double value)
{
    switch (ir_elem_real(elem)) {
    case IR_f16:
    case IR_bf16:
        return half_to_double(elem, half_from_double(elem, value));
    case IR_f32:
        return (double)(float)value;
    default:
        return value;
    }
}
