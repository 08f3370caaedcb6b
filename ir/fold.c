/* Pointwise functions of numbers: what literal arithmetic gives.
 *
 * Each operation is done in its element type: integers wrap, integer x / 0 is 0 and the least value / -1 is itself, floats are
 * rounded once (binary32 by way of binary64, which is exact for + - * / and sqrt). Functions whose last bit differs between
 * mathematical libraries are not folded, nor is anything that gives nan: those keep their meaning of the machine that runs them. */
#include "ir_internal.h"

#include <math.h>

/* ---- integers ---- */

static bool is_unsigned(enum ir_elem elem)
{
    return ir_elem_info(elem)->kind == IR_KIND_UNSIGNED;
}

static bool integer_less(enum ir_elem elem, int64_t a, int64_t b)
{
    return is_unsigned(elem) ? (uint64_t)a < (uint64_t)b : a < b;
}

/* Truncating; the remainder comes along. Anything / 0 is 0 with all of `a` left. */
static int64_t integer_divide(enum ir_elem elem, int64_t a, int64_t b, int64_t *remainder)
{
    int64_t quotient = 0;
    if (b == 0)
        quotient = 0;
    else if (is_unsigned(elem))
        quotient = (int64_t)((uint64_t)a / (uint64_t)b);
    else if (b == -1)
        quotient = (int64_t)(0 - (uint64_t)a);
    else
        quotient = a / b;
    *remainder = (int64_t)((uint64_t)a - (uint64_t)quotient * (uint64_t)b);
    return quotient;
}

static int64_t integer_floor(enum ir_elem elem, int64_t a, int64_t b, int64_t *remainder)
{
    int64_t quotient = integer_divide(elem, a, b, remainder);
    if (b != 0 && *remainder != 0 && !is_unsigned(elem) && (*remainder < 0) != (b < 0)) {
        quotient--;
        *remainder += b;
    }
    return quotient;
}

static bool fold_integer(enum ir_expr_op op, enum ir_elem elem, int64_t a, int64_t b, int64_t *result)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    int64_t remainder;
    switch (op) {
    case IR_EXPR_neg:
        *result = (int64_t)(0 - x);
        return true;
    case IR_EXPR_add:
        *result = (int64_t)(x + y);
        return true;
    case IR_EXPR_sub:
        *result = (int64_t)(x - y);
        return true;
    case IR_EXPR_mul:
        *result = (int64_t)(x * y);
        return true;
    case IR_EXPR_div:
        *result = integer_divide(elem, a, b, &remainder);
        return true;
    case IR_EXPR_floor_div:
        *result = integer_floor(elem, a, b, &remainder);
        return true;
    case IR_EXPR_floor_mod:
        integer_floor(elem, a, b, result);
        return true;
    case IR_EXPR_min:
        *result = integer_less(elem, b, a) ? b : a;
        return true;
    case IR_EXPR_max:
        *result = integer_less(elem, a, b) ? b : a;
        return true;
    case IR_EXPR_abs:
        *result = !is_unsigned(elem) && a < 0 ? (int64_t)(0 - x) : a;
        return true;
    case IR_EXPR_relu:
        *result = integer_less(elem, a, 0) ? 0 : a;
        return true;
    case IR_EXPR_conj:
    case IR_EXPR_real:
        *result = a;
        return true;
    case IR_EXPR_imag:
        *result = 0;
        return true;
    case IR_EXPR_and:
        *result = a && b;
        return true;
    case IR_EXPR_or:
        *result = a || b;
        return true;
    case IR_EXPR_not:
        *result = !a;
        return true;
    default:
        return false;
    }
}

/* ---- floats ---- */

static bool fold_real(enum ir_expr_op op, double a, double b, double *result)
{
    switch (op) {
    case IR_EXPR_neg:
        *result = -a;
        return true;
    case IR_EXPR_add:
        *result = a + b;
        return true;
    case IR_EXPR_sub:
        *result = a - b;
        return true;
    case IR_EXPR_mul:
        *result = a * b;
        return true;
    case IR_EXPR_div:
        *result = a / b;
        return true;
    case IR_EXPR_abs:
        *result = fabs(a);
        return true;
    case IR_EXPR_sqrt:
        *result = sqrt(a);
        return true;
    case IR_EXPR_conj:
    case IR_EXPR_real:
        *result = a;
        return true;
    case IR_EXPR_imag:
        *result = 0;
        return true;
    default:
        return false;
    }
}

/* Which of equal zeros min and max give is open, so equal values are left alone. */
static bool fold_choice(enum ir_expr_op op, double a, double b, double *result)
{
    if ((op != IR_EXPR_min && op != IR_EXPR_max) || !(a < b || b < a))
        return false;
    *result = (op == IR_EXPR_min) == (a < b) ? a : b;
    return true;
}

static bool fold_complex(enum ir_expr_op op, struct ir_number a, struct ir_number b, struct ir_number *result)
{
    enum ir_elem elem = a.elem, real = ir_elem_real(elem);
    switch (op) {
    case IR_EXPR_neg:
        *result = ir_number_complex(elem, -a.re, -a.im);
        return true;
    case IR_EXPR_add:
        *result = ir_number_complex(elem, a.re + b.re, a.im + b.im);
        return true;
    case IR_EXPR_sub:
        *result = ir_number_complex(elem, a.re - b.re, a.im - b.im);
        return true;
    case IR_EXPR_mul:
        *result = ir_number_complex(elem, a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
        return true;
    case IR_EXPR_div: /* by a real number only: others round as the machine's own division does */
        *result = ir_number_complex(elem, a.re / b.re, a.im / b.re);
        return b.im == 0 && !signbit(b.im) && b.re != 0;
    case IR_EXPR_conj:
        *result = ir_number_complex(elem, a.re, -a.im);
        return true;
    case IR_EXPR_real:
        *result = ir_number_real(real, a.re);
        return true;
    case IR_EXPR_imag:
        *result = ir_number_real(real, a.im);
        return true;
    default:
        return false;
    }
}

/* ---- comparisons ---- */

static bool fold_comparison(enum ir_expr_op op, struct ir_number a, struct ir_number b, bool *holds)
{
    bool floats = ir_elem_is_float(a.elem), complexes = ir_elem_is_complex(a.elem);
    bool same = complexes ? a.re == b.re && a.im == b.im : floats ? a.re == b.re : a.i == b.i;
    bool less = floats ? a.re < b.re : integer_less(a.elem, a.i, b.i);
    bool greater = floats ? a.re > b.re : integer_less(a.elem, b.i, a.i);
    switch (op) {
    case IR_EXPR_eq:
        *holds = same;
        return true;
    case IR_EXPR_ne:
        *holds = !same;
        return true;
    case IR_EXPR_lt:
        *holds = less;
        return !complexes;
    case IR_EXPR_le:
        *holds = less || same;
        return !complexes;
    case IR_EXPR_gt:
        *holds = greater;
        return !complexes;
    case IR_EXPR_ge:
        *holds = greater || same;
        return !complexes;
    default:
        return false;
    }
}

bool ir_fold_numbers(enum ir_expr_op op, const struct ir_number *arguments, struct ir_number *result)
{
    int arity = ir_expr_info(op)->arity;
    struct ir_number a = arguments[0], b = arity > 1 ? arguments[1] : a;
    bool holds;
    double value;
    int64_t integer;
    if (op == IR_EXPR_select) {
        *result = a.i ? arguments[1] : arguments[2];
        return true;
    }
    if (op == IR_EXPR_complex) {
        *result = ir_number_complex(ir_elem_complex(a.elem), a.re, b.re);
        return true;
    }
    if (arity == 2 && fold_comparison(op, a, b, &holds)) {
        *result = ir_number_integer(IR_bool, holds);
        return true;
    }
    if (ir_elem_is_complex(a.elem))
        return fold_complex(op, a, b, result) && !isnan(result->re) && !isnan(result->im);
    if (ir_elem_is_float(a.elem)) {
        if (!fold_real(op, a.re, b.re, &value) && !fold_choice(op, a.re, b.re, &value))
            return false;
        *result = ir_number_real(a.elem, value);
        return !isnan(value);
    }
    if (!fold_integer(op, a.elem, a.i, b.i, &integer))
        return false;
    *result = ir_number_integer(a.elem, integer);
    return true;
}

struct ir_number ir_fold_cast(enum ir_elem elem, struct ir_number number)
{
    if (ir_elem_is_float(number.elem) || ir_elem_is_complex(number.elem)) {
        if (elem == IR_bool)
            return ir_number_integer(IR_bool, number.re != 0 || number.im != 0);
        return ir_number_complex(elem, number.re, number.im);
    }
    if (number.elem == IR_u64 && number.i < 0 && (ir_elem_is_float(elem) || ir_elem_is_complex(elem))) {
        uint64_t bits = (uint64_t)number.i;
        return ir_number_real(elem, ir_elem_real(elem) == IR_f32 ? (double)(float)bits : (double)bits);
    }
    return ir_number_integer(elem, number.i);
}
