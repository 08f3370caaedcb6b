/* The tables of elements.def, rings.def and ops.def as data, and numbers of a given element type.
 *
 * A number is always one its type can hold: integers wrapped to their width and sign-extended (u64 as its bits), f32 rounded, the
 * imaginary part of a real number 0. So equality of numbers is equality of bits. Nothing here knows of nodes or contexts. */
#include "arithmetic.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- element types ---- */

static const struct ir_elem_info elem_rows[] = {
#define ELEMENT(name, kind, bytes, c_type, numpy) {#name, IR_KIND_##kind, bytes, c_type, numpy},
#include "elements.def"
#undef ELEMENT
};

const struct ir_elem_info *ir_elem_info(enum ir_elem elem)
{
    return &elem_rows[elem < IR_ELEM_COUNT ? elem : 0];
}

bool ir_elem_is_integer(enum ir_elem elem)
{
    enum ir_elem_kind kind = ir_elem_info(elem)->kind;
    return kind == IR_KIND_SIGNED || kind == IR_KIND_UNSIGNED;
}

enum ir_elem ir_elem_real(enum ir_elem elem)
{
    return elem == IR_c64 ? IR_f32 : elem == IR_c128 ? IR_f64 : elem;
}

enum ir_elem ir_elem_complex(enum ir_elem elem)
{
    return elem == IR_f32 ? IR_c64 : elem == IR_f64 ? IR_c128 : elem;
}

double ir_elem_epsilon(enum ir_elem elem)
{
    switch (ir_elem_real(elem)) {
    case IR_f16:
        return 0x1p-10;
    case IR_bf16:
        return 0x1p-7;
    case IR_f32:
        return 0x1p-23;
    default:
        return 0x1p-52;
    }
}

bool ir_elem_from_name(const char *name, size_t length, enum ir_elem *elem)
{
    for (int i = 0; i < IR_ELEM_COUNT; i++)
        if (strlen(elem_rows[i].name) == length && memcmp(elem_rows[i].name, name, length) == 0) {
            *elem = (enum ir_elem)i;
            return true;
        }
    return false;
}

/* The integer type that holds both: the wider of one sign; with both signs a signed one wider than the unsigned, f64 beyond i64. */
static enum ir_elem promote_integers(enum ir_elem a, enum ir_elem b)
{
    static const enum ir_elem wider_signed[] = {IR_i16, IR_i32, IR_i64, IR_f64}; /* than u8, u16, u32, u64 */
    if (ir_elem_info(a)->kind == ir_elem_info(b)->kind)
        return a > b ? a : b;
    enum ir_elem sign = ir_elem_info(a)->kind == IR_KIND_SIGNED ? a : b, unsign = sign == a ? b : a;
    if (ir_elem_info(sign)->bytes > ir_elem_info(unsign)->bytes)
        return sign;
    return wider_signed[unsign - IR_u8];
}

/* Does a float with 24 bits hold all values of the type, as NumPy decides it? */
static bool fits_single(enum ir_elem elem)
{
    return elem == IR_f32 || elem == IR_c64 || ir_elem_is_half(elem) || elem == IR_bool ||
           (ir_elem_is_integer(elem) && ir_elem_info(elem)->bytes <= 2);
}

/* The 16-bit float that holds both as NumPy decides it: with integers of 8 bits. */
static bool promote_half(enum ir_elem a, enum ir_elem b, enum ir_elem *half)
{
    *half = ir_elem_is_half(a) ? a : b;
    enum ir_elem other = *half == a ? b : a;
    return ir_elem_is_half(*half) && ir_elem_is_integer(other) && ir_elem_info(other)->bytes == 1;
}

enum ir_elem ir_elem_promote(enum ir_elem a, enum ir_elem b)
{
    if (a == b || b == IR_bool)
        return a;
    if (a == IR_bool)
        return b;
    if (ir_elem_is_integer(a) && ir_elem_is_integer(b))
        return promote_integers(a, b);
    enum ir_elem half;
    if (promote_half(a, b, &half))
        return half;
    enum ir_elem real = fits_single(a) && fits_single(b) ? IR_f32 : IR_f64;
    return ir_elem_is_complex(a) || ir_elem_is_complex(b) ? ir_elem_complex(real) : real;
}

/* ---- promises ---- */

enum { HALF = true, WHOLE = false };
static const struct ir_promise_info promise_rows[] = {
#define PROMISE(name, half, meaning) {#name, half, meaning},
#include "promises.def"
};

const struct ir_promise_info *ir_promise_info(enum ir_promise promise)
{
    return &promise_rows[promise < IR_PROMISE_COUNT ? promise : 0];
}

bool ir_promise_from_name(const char *name, size_t length, enum ir_promise *promise)
{
    for (int i = 0; i < IR_PROMISE_COUNT; i++)
        if (strlen(promise_rows[i].name) == length && memcmp(promise_rows[i].name, name, length) == 0) {
            *promise = (enum ir_promise)i;
            return true;
        }
    return false;
}

static char domain_letter(enum ir_elem elem)
{
    static const char letters[] = {
        [IR_KIND_FLOAT] = 'R', [IR_KIND_COMPLEX] = 'C', [IR_KIND_SIGNED] = 'I', [IR_KIND_UNSIGNED] = 'I', [IR_KIND_BOOLEAN] = 'B'};
    return letters[ir_elem_info(elem)->kind];
}

/* ---- operations ---- */

static const char *const op_names[] = {
#define NODE(name, operands, shape, meaning) #name,
#include "ops.def"
};

const char *ir_op_name(enum ir_op op)
{
    return op < IR_OP_COUNT ? op_names[op] : "";
}

#define CALL   IR_FLOPS_FUNCTION
#define EXACT  true
#define OPAQUE false
static const struct ir_expr_info expr_rows[] = {
#define LEAF(name, where, meaning) {#name, 0, "RCIB", IR_RESULT_SAME, 0, EXACT, "", meaning},
#define POINT(name, arity, domains, result, flops, polynomial, c, meaning)                                                         \
    {#name, arity, domains, IR_RESULT_##result, flops, polynomial, c, meaning},
#include "ops.def"
};
#undef CALL
#undef EXACT
#undef OPAQUE

const struct ir_expr_info *ir_expr_info(enum ir_expr_op op)
{
    return &expr_rows[op < IR_EXPR_OP_COUNT ? op : 0];
}

bool ir_expr_takes(enum ir_expr_op op, enum ir_elem elem)
{
    return op < IR_EXPR_OP_COUNT && elem < IR_ELEM_COUNT && strchr(expr_rows[op].domains, domain_letter(elem)) != NULL;
}

/* ---- rings ---- */

enum neutral { NEUTRAL_ZERO, NEUTRAL_ONE, NEUTRAL_HIGHEST, NEUTRAL_LOWEST, NEUTRAL_TRUE_, NEUTRAL_FALSE_ };

#define IR_EXPR_NONE IR_EXPR_OP_COUNT
static const struct ir_ring_info ring_rows[] = {
#define RING(name, add, multiply, zero, one, domains, meaning) {#name, IR_EXPR_##add, IR_EXPR_##multiply, domains, meaning},
#include "rings.def"
#undef RING
};
#undef IR_EXPR_NONE

static const struct {
    enum neutral zero, one;
} neutral_rows[] = {
#define RING(name, add, multiply, zero, one, domains, meaning) {NEUTRAL_##zero, NEUTRAL_##one},
#include "rings.def"
#undef RING
};

const struct ir_ring_info *ir_ring_info(enum ir_ring ring)
{
    return &ring_rows[ring < IR_RING_COUNT ? ring : 0];
}

bool ir_ring_takes(enum ir_ring ring, enum ir_elem elem)
{
    return ring < IR_RING_COUNT && elem < IR_ELEM_COUNT && strchr(ring_rows[ring].domains, domain_letter(elem)) != NULL;
}

/* The least or largest value of a type; of floats the infinity. Complex numbers have none and get the real one. */
static struct ir_number extreme(enum ir_elem elem, bool highest)
{
    const struct ir_elem_info *info = ir_elem_info(elem);
    int bits = (int)info->bytes * CHAR_BIT;
    switch (info->kind) {
    case IR_KIND_SIGNED:
        return ir_number_integer(elem, highest ? INT64_MAX >> (64 - bits) : INT64_MIN >> (64 - bits));
    case IR_KIND_UNSIGNED:
    case IR_KIND_BOOLEAN:
        return ir_number_integer(elem, highest ? (info->kind == IR_KIND_BOOLEAN ? 1 : -1) : 0);
    default:
        return ir_number_real(elem, highest ? (double)INFINITY : -(double)INFINITY);
    }
}

static struct ir_number neutral_number(enum neutral neutral, enum ir_elem elem)
{
    switch (neutral) {
    case NEUTRAL_HIGHEST:
        return extreme(elem, true);
    case NEUTRAL_LOWEST:
        return extreme(elem, false);
    case NEUTRAL_ONE:
    case NEUTRAL_TRUE_:
        return ir_number_integer(elem, 1);
    default:
        return ir_number_integer(elem, 0);
    }
}

struct ir_number ir_ring_zero(enum ir_ring ring, enum ir_elem elem)
{
    return neutral_number(neutral_rows[ring < IR_RING_COUNT ? ring : 0].zero, elem);
}

/* 0 + -0 is 0; the 0 in a complex 1 makes nan of an infinity. */
bool ir_ring_zero_tells(enum ir_ring ring, enum ir_elem elem)
{
    return (ring == IR_RING_plustimes && (ir_elem_is_float(elem) || ir_elem_is_complex(elem))) ||
           (ring == IR_RING_prod && ir_elem_is_complex(elem));
}

struct ir_number ir_ring_one(enum ir_ring ring, enum ir_elem elem)
{
    return neutral_number(neutral_rows[ring < IR_RING_COUNT ? ring : 0].one, elem);
}

/* ---- numbers ---- */

/* Truncated; the least value of the type (0 when unsigned) where it does not fit. */
static int64_t truncate_to(enum ir_elem elem, double value)
{
    if (elem == IR_bool)
        return value != 0;
    int bits = (int)ir_elem_info(elem)->bytes * CHAR_BIT;
    bool is_signed = ir_elem_info(elem)->kind == IR_KIND_SIGNED;
    double whole = trunc(value), limit = ldexp(1, is_signed ? bits - 1 : bits);
    if (!(whole < limit && whole >= (is_signed ? -limit : 0)))
        return is_signed ? INT64_MIN >> (64 - bits) : 0;
    return is_signed ? (int64_t)whole : (int64_t)(uint64_t)whole;
}

struct ir_number ir_number_complex(enum ir_elem elem, double re, double im)
{
    struct ir_number number = {.elem = elem};
    if (ir_elem_is_complex(elem) || ir_elem_is_float(elem)) {
        number.re = ir_round_real(elem, re);
        number.im = ir_elem_is_complex(elem) ? ir_round_real(elem, im) : 0;
    } else {
        number.i = truncate_to(elem, re);
    }
    return number;
}

struct ir_number ir_number_real(enum ir_elem elem, double value)
{
    return ir_number_complex(elem, value, 0);
}

struct ir_number ir_number_integer(enum ir_elem elem, int64_t value)
{
    struct ir_number number = {.elem = elem};
    if (elem == IR_f32 || elem == IR_c64)
        number.re = (double)(float)value; /* at once: by way of double it would be rounded twice */
    else if (ir_elem_is_float(elem) || ir_elem_is_complex(elem))
        number.re = ir_round_real(elem, (double)value);
    else
        number.i = scalar_wrap(elem, (uint64_t)value);
    return number;
}

bool ir_number_equal(struct ir_number a, struct ir_number b)
{
    if (a.elem != b.elem)
        return false;
    if (ir_elem_is_float(a.elem) || ir_elem_is_complex(a.elem))
        return memcmp(&a.re, &b.re, sizeof a.re) == 0 && memcmp(&a.im, &b.im, sizeof a.im) == 0;
    return a.i == b.i;
}
