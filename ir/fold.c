/* Literal arithmetic: which operations on numbers are done when an expression is built. Their meaning is scalar.c's; this file only
 * says where that is safe: integers always, floats and complex numbers where the result is the correctly rounded one on every
 * machine. Functions whose last bit differs between mathematical libraries are not folded, nor is anything that gives nan, nor a
 * choice between equal zeros. */
#include "arithmetic.h"
#include "ir_internal.h"

#include <math.h>

static bool folds_real(enum ir_expr_op op, struct ir_number a, struct ir_number b)
{
    switch (op) {
    case IR_EXPR_neg:
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_mul:
    case IR_EXPR_div:
    case IR_EXPR_abs:
    case IR_EXPR_sqrt:
    case IR_EXPR_conj:
    case IR_EXPR_real:
    case IR_EXPR_imag:
    case IR_EXPR_complex:
        return true;
    case IR_EXPR_min:
    case IR_EXPR_max:
        return a.re < b.re || b.re < a.re;
    default:
        return false;
    }
}

static bool folds_complex(enum ir_expr_op op, struct ir_number b)
{
    switch (op) {
    case IR_EXPR_neg:
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_mul:
    case IR_EXPR_conj:
    case IR_EXPR_real:
    case IR_EXPR_imag:
        return true;
    case IR_EXPR_div: /* by a real number only: others round as the machine's own division does */
        return b.im == 0 && !signbit(b.im) && b.re != 0;
    default:
        return false;
    }
}

static bool is_comparison(enum ir_expr_op op)
{
    return ir_expr_info(op)->result == IR_RESULT_BOOL;
}

static bool folds(enum ir_expr_op op, struct ir_number a, struct ir_number b)
{
    if (op == IR_EXPR_root) /* which the reference knows exactly modulo its prime */
        return false;
    if (is_comparison(op) || op == IR_EXPR_select)
        return true;
    if (ir_elem_is_complex(a.elem))
        return folds_complex(op, b);
    return !ir_elem_is_float(a.elem) || folds_real(op, a, b);
}

static enum ir_elem result_elem(enum ir_expr_op op, const struct ir_number *arguments)
{
    switch (ir_expr_info(op)->result) {
    case IR_RESULT_REAL:
        return ir_elem_real(arguments[0].elem);
    case IR_RESULT_COMPLEX:
        return ir_elem_complex(arguments[0].elem);
    case IR_RESULT_BOOL:
        return IR_bool;
    case IR_RESULT_C128:
        return IR_c128;
    default:
        return arguments[ir_expr_info(op)->arity - 1].elem; /* select: that of its values */
    }
}

static struct ir_number to_number(enum ir_elem elem, struct scalar value)
{
    if (ir_elem_is_float(elem) || ir_elem_is_complex(elem))
        return ir_number_complex(elem, value.re, value.im);
    return ir_number_integer(elem, value.i);
}

bool ir_fold_numbers(enum ir_expr_op op, const struct ir_number *arguments, struct ir_number *result)
{
    int arity = ir_expr_info(op)->arity;
    struct scalar values[3], value;
    enum ir_elem from = arguments[arity - 1].elem, to = result_elem(op, arguments);
    if (!folds(op, arguments[0], arguments[arity > 1 ? 1 : 0]))
        return false;
    if (op == IR_EXPR_select) {
        *result = arguments[0].i ? arguments[1] : arguments[2];
        return true;
    }
    for (int k = 0; k < arity; k++)
        values[k] = scalar_from_number(arguments[k]);
    if (!scalar_compute(op, from, to, values, &value))
        return false;
    *result = to_number(to, value);
    return !(ir_elem_is_float(to) || ir_elem_is_complex(to)) || (!isnan(value.re) && !isnan(value.im));
}

struct ir_number ir_fold_cast(enum ir_elem elem, struct ir_number number)
{
    return to_number(elem, scalar_cast(number.elem, elem, scalar_from_number(number)));
}
