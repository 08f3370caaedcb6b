/* Scalar arithmetic of ops.def on doubles, complex doubles, exact integers and bool.
 *
 * Results in float types are those of double arithmetic, not rounded to f32 (that happens once, at a node or a cast). Integers wrap
 * modulo 2^bits at every operation; `/` truncates, `div` and `mod` round down; x / 0 = x div 0 = 0, x mod 0 = x, and least / -1 =
 * least. A float that does not fit an integer type casts to the type's least value (0 for unsigned). min and max give NaN if either
 * argument is. Nothing here depends on a context. */
#include "arithmetic.h"
#include "print_internal.h"

#include <math.h>
#include <string.h>

static bool is_signed(enum ir_elem elem)
{
    return ir_elem_info(elem)->kind == IR_KIND_SIGNED;
}

int64_t scalar_wrap(enum ir_elem elem, uint64_t bits)
{
    switch (elem) {
    case IR_i8:
        return (int8_t)bits;
    case IR_i16:
        return (int16_t)bits;
    case IR_i32:
        return (int32_t)bits;
    case IR_u8:
        return (uint8_t)bits;
    case IR_u16:
        return (uint16_t)bits;
    case IR_u32:
        return (uint32_t)bits;
    case IR_bool:
        return bits != 0;
    default:
        return (int64_t)bits;
    }
}

struct scalar scalar_round(enum ir_elem elem, struct scalar value)
{
    if (ir_elem_is_float(elem) || ir_elem_is_complex(elem)) {
        value.re = ir_round_real(elem, value.re);
        value.im = ir_round_real(elem, value.im);
    } else {
        value.i = scalar_wrap(elem, (uint64_t)value.i);
    }
    return value;
}

/* ---- casts ---- */

/* A number of any type but complex as truth. */
static bool is_nonzero(enum ir_elem elem, struct scalar value)
{
    if (ir_elem_is_complex(elem))
        return value.re != 0 || value.im != 0;
    return ir_elem_is_float(elem) ? value.re != 0 : value.i != 0;
}

/* Truncated; the least value of the type where the number does not fit. */
static int64_t integer_from_double(enum ir_elem elem, double value)
{
    int bits = 8 * (int)ir_elem_info(elem)->bytes;
    double above = ldexp(1, is_signed(elem) ? bits - 1 : bits);
    double below = is_signed(elem) ? -above : 0;
    double whole = trunc(value);
    if (!(whole >= below && whole < above))
        return is_signed(elem) ? scalar_wrap(elem, (uint64_t)1 << (bits - 1)) : 0;
    return elem == IR_u64 ? (int64_t)(uint64_t)whole : (int64_t)whole;
}

/* Rounded once, straight to f32: through double an i64 could be rounded twice. To 16 bits it goes by way of double. */
static double double_from_integer(enum ir_elem from, enum ir_elem to, int64_t value)
{
    bool narrow = ir_elem_real(to) == IR_f32;
    if (from == IR_u64)
        return narrow ? (double)(float)(uint64_t)value : (double)(uint64_t)value;
    return narrow ? (double)(float)value : (double)value;
}

struct scalar scalar_cast(enum ir_elem from, enum ir_elem to, struct scalar value)
{
    struct scalar result = {.magnitude = value.magnitude};
    bool from_floating = ir_elem_is_float(from) || ir_elem_is_complex(from);
    bool to_floating = ir_elem_is_float(to) || ir_elem_is_complex(to);
    if (to == IR_bool) {
        result.i = is_nonzero(from, value);
    } else if (to_floating) {
        result.re = from_floating ? value.re : double_from_integer(from, to, value.i);
        result.im = ir_elem_is_complex(from) && ir_elem_is_complex(to) ? value.im : 0;
    } else {
        result.i = from_floating ? integer_from_double(to, value.re) : value.i;
    }
    return scalar_round(to, result);
}

/* ---- operations by kind ---- */

static bool compare_doubles(enum ir_expr_op op, double a, double b, int64_t *result)
{
    switch (op) {
    case IR_EXPR_eq:
        *result = a == b;
        return true;
    case IR_EXPR_ne:
        *result = a != b;
        return true;
    case IR_EXPR_lt:
        *result = a < b;
        return true;
    case IR_EXPR_le:
        *result = a <= b;
        return true;
    case IR_EXPR_gt:
        *result = a > b;
        return true;
    case IR_EXPR_ge:
        *result = a >= b;
        return true;
    default:
        return false;
    }
}

static bool compute_real(enum ir_expr_op op, const struct scalar *a, struct scalar *result)
{
    double x = a[0].re, y = ir_expr_info(op)->arity > 1 ? a[1].re : 0;
    switch (op) {
    case IR_EXPR_neg:
        result->re = -x;
        return true;
    case IR_EXPR_add:
        result->re = x + y;
        return true;
    case IR_EXPR_sub:
        result->re = x - y;
        return true;
    case IR_EXPR_mul:
        result->re = x * y;
        return true;
    case IR_EXPR_fma:
        result->re = fma(x, y, a[2].re);
        return true;
    case IR_EXPR_div:
        result->re = x / y;
        return true;
    case IR_EXPR_floor_div:
        result->re = floor(x / y);
        return true;
    case IR_EXPR_floor_mod:
        result->re = x - y * floor(x / y);
        return true;
    case IR_EXPR_min:
        result->re = isnan(x) || x < y ? x : y;
        return true;
    case IR_EXPR_max:
        result->re = isnan(x) || x > y ? x : y;
        return true;
    case IR_EXPR_abs:
        result->re = fabs(x);
        return true;
    case IR_EXPR_hypot:
        result->re = hypot(x, y);
        return true;
    case IR_EXPR_atan2:
        result->re = atan2(x, y);
        return true;
    case IR_EXPR_conj:
    case IR_EXPR_real:
        result->re = x;
        return true;
    case IR_EXPR_imag:
        result->re = 0;
        return true;
    case IR_EXPR_complex:
        result->re = x;
        result->im = y;
        return true;
    default:
        return compare_doubles(op, x, y, &result->i) || function_real(op, x, &result->re);
    }
}

/* (a + bi) / (c + di), scaled by the larger part of the divisor (Smith 1962), so that nothing overflows early. */
static void divide_complex(struct scalar a, struct scalar b, struct scalar *result)
{
    if (fabs(b.re) >= fabs(b.im)) {
        double ratio = b.re == 0 && b.im == 0 ? 0 : b.im / b.re, scale = b.re + b.im * ratio;
        result->re = (a.re + a.im * ratio) / scale;
        result->im = (a.im - a.re * ratio) / scale;
    } else {
        double ratio = b.re / b.im, scale = b.re * ratio + b.im;
        result->re = (a.re * ratio + a.im) / scale;
        result->im = (a.im * ratio - a.re) / scale;
    }
}

static bool compute_complex(enum ir_expr_op op, const struct scalar *a, struct scalar *result)
{
    switch (op) {
    case IR_EXPR_neg:
        result->re = -a[0].re;
        result->im = -a[0].im;
        return true;
    case IR_EXPR_add:
        result->re = a[0].re + a[1].re;
        result->im = a[0].im + a[1].im;
        return true;
    case IR_EXPR_sub:
        result->re = a[0].re - a[1].re;
        result->im = a[0].im - a[1].im;
        return true;
    case IR_EXPR_mul:
        result->re = a[0].re * a[1].re - a[0].im * a[1].im;
        result->im = a[0].re * a[1].im + a[0].im * a[1].re;
        return true;
    case IR_EXPR_div:
        divide_complex(a[0], a[1], result);
        return true;
    case IR_EXPR_abs:
        result->re = hypot(a[0].re, a[0].im);
        return true;
    case IR_EXPR_conj:
        result->re = a[0].re;
        result->im = -a[0].im;
        return true;
    case IR_EXPR_real:
        result->re = a[0].re;
        return true;
    case IR_EXPR_imag:
        result->re = a[0].im;
        return true;
    case IR_EXPR_eq:
    case IR_EXPR_ne:
        result->i = (a[0].re == a[1].re && a[0].im == a[1].im) == (op == IR_EXPR_eq);
        return true;
    default:
        return function_complex(op, a[0], result);
    }
}

/* -1, 0, 1; u64 is kept as its bits, so its order is that of unsigned numbers. */
static int order_integers(enum ir_elem elem, int64_t a, int64_t b)
{
    if (elem == IR_u64)
        return ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b);
    return (a > b) - (a < b);
}

/* Truncated (`down` false) or rounded down; the result still has to wrap (least / -1). */
static uint64_t divide_integers(enum ir_elem elem, int64_t a, int64_t b, bool down)
{
    if (b == 0)
        return 0;
    if (elem == IR_u64)
        return (uint64_t)a / (uint64_t)b;
    if (b == -1)
        return 0 - (uint64_t)a;
    int64_t quotient = a / b;
    if (down && a % b != 0 && (a < 0) != (b < 0))
        quotient--;
    return (uint64_t)quotient;
}

static bool compute_integer(enum ir_expr_op op, enum ir_elem elem, const struct scalar *a, int64_t *result)
{
    int64_t x = a[0].i, y = ir_expr_info(op)->arity > 1 ? a[1].i : 0;
    uint64_t ux = (uint64_t)x, uy = (uint64_t)y, bits;
    int order = order_integers(elem, x, y);
    switch (op) {
    case IR_EXPR_neg:
        bits = 0 - ux;
        break;
    case IR_EXPR_add:
        bits = ux + uy;
        break;
    case IR_EXPR_sub:
        bits = ux - uy;
        break;
    case IR_EXPR_mul:
        bits = ux * uy;
        break;
    case IR_EXPR_div:
    case IR_EXPR_floor_div:
        bits = divide_integers(elem, x, y, op == IR_EXPR_floor_div);
        break;
    case IR_EXPR_floor_mod:
        bits = ux - uy * divide_integers(elem, x, y, true);
        break;
    case IR_EXPR_min:
        bits = order < 0 ? ux : uy;
        break;
    case IR_EXPR_max:
        bits = order > 0 ? ux : uy;
        break;
    case IR_EXPR_abs:
        bits = is_signed(elem) && x < 0 ? 0 - ux : ux;
        break;
    case IR_EXPR_relu:
        bits = is_signed(elem) && x < 0 ? 0 : ux;
        break;
    case IR_EXPR_conj:
    case IR_EXPR_real:
        bits = ux;
        break;
    case IR_EXPR_imag:
        bits = 0;
        break;
    default:
        return compare_doubles(op, order, 0, result);
    }
    *result = scalar_wrap(elem, bits);
    return true;
}

static bool compute_bool(enum ir_expr_op op, const struct scalar *a, int64_t *result)
{
    bool x = a[0].i != 0, y = ir_expr_info(op)->arity > 1 && a[1].i != 0;
    switch (op) {
    case IR_EXPR_and:
        *result = x && y;
        return true;
    case IR_EXPR_or:
        *result = x || y;
        return true;
    case IR_EXPR_not:
        *result = !x;
        return true;
    default:
        return compare_doubles(op, x, y, result);
    }
}

bool scalar_compute(enum ir_expr_op op, enum ir_elem from, enum ir_elem to, const struct scalar *arguments, struct scalar *result)
{
    *result = (struct scalar){0};
    if (op == IR_EXPR_cast) {
        *result = scalar_cast(from, to, arguments[0]);
        return true;
    }
    if (op == IR_EXPR_select) {
        *result = arguments[0].i ? arguments[1] : arguments[2];
        return true;
    }
    if (!ir_expr_takes(op, from))
        return false;
    if (op == IR_EXPR_root) {
        ir_root(arguments[0].i, arguments[1].i, &result->re, &result->im);
        return true;
    }
    if (ir_elem_is_complex(from))
        return compute_complex(op, arguments, result);
    if (ir_elem_is_float(from))
        return compute_real(op, arguments, result);
    if (from == IR_bool)
        return compute_bool(op, arguments, &result->i);
    return compute_integer(op, from, arguments, &result->i);
}

/* ---- numbers ---- */

bool scalar_to_index(enum ir_elem elem, struct scalar value, int64_t *index)
{
    *index = value.i;
    return elem != IR_u64 || value.i >= 0;
}

struct scalar scalar_from_number(struct ir_number number)
{
    struct scalar result = {0};
    if (ir_elem_is_complex(number.elem)) {
        result.re = number.re;
        result.im = number.im;
    } else if (ir_elem_is_float(number.elem)) {
        result.re = number.re;
    } else {
        result.i = number.i;
    }
    return result;
}

/* ---- elements in memory ---- */

struct scalar scalar_load(enum ir_elem elem, const void *data, size_t at)
{
    struct scalar value = {0};
    uint32_t size = ir_elem_info(elem)->bytes;
    const char *bytes = (const char *)data + at * size;
    if (elem == IR_f32 || elem == IR_c64) {
        float parts[2] = {0, 0};
        memcpy(parts, bytes, size);
        value.re = (double)parts[0];
        value.im = (double)parts[1];
    } else if (elem == IR_f64 || elem == IR_c128) {
        double parts[2] = {0, 0};
        memcpy(parts, bytes, size);
        value.re = parts[0];
        value.im = parts[1];
    } else if (ir_elem_is_half(elem)) {
        uint16_t half;
        memcpy(&half, bytes, size);
        value.re = half_to_double(elem, half);
    } else {
        uint8_t b1;
        uint16_t b2;
        uint32_t b4;
        uint64_t bits = 0;
        switch (size) {
        case 1:
            memcpy(&b1, bytes, 1);
            bits = b1;
            break;
        case 2:
            memcpy(&b2, bytes, 2);
            bits = b2;
            break;
        case 4:
            memcpy(&b4, bytes, 4);
            bits = b4;
            break;
        default:
            memcpy(&bits, bytes, 8);
        }
        value.i = scalar_wrap(elem, bits);
    }
    return value;
}

struct ir_number ir_number_load(enum ir_elem elem, const void *data, size_t at)
{
    struct scalar value = scalar_load(elem, data, at);
    struct ir_number number = {.elem = elem};
    if (ir_elem_is_float(elem) || ir_elem_is_complex(elem)) {
        number.re = value.re;
        number.im = value.im;
    } else {
        number.i = value.i;
    }
    return number;
}

void scalar_store(enum ir_elem elem, void *data, size_t at, struct scalar value)
{
    uint32_t size = ir_elem_info(elem)->bytes;
    char *bytes = (char *)data + at * size;
    if (elem == IR_f32 || elem == IR_c64) {
        float parts[2] = {(float)value.re, (float)value.im};
        memcpy(bytes, parts, size);
    } else if (elem == IR_f64 || elem == IR_c128) {
        double parts[2] = {value.re, value.im};
        memcpy(bytes, parts, size);
    } else if (ir_elem_is_half(elem)) {
        uint16_t half = half_from_double(elem, value.re);
        memcpy(bytes, &half, size);
    } else {
        uint64_t bits = (uint64_t)value.i;
        uint8_t b1 = (uint8_t)bits;
        uint16_t b2 = (uint16_t)bits;
        uint32_t b4 = (uint32_t)bits;
        memcpy(bytes, size == 1 ? (void *)&b1 : size == 2 ? (void *)&b2 : size == 4 ? (void *)&b4 : (void *)&bits, size);
    }
}

void ir_number_store(struct ir_number number, void *data, size_t at)
{
    scalar_store(number.elem, data, at, scalar_from_number(number));
}
