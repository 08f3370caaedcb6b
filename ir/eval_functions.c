/* The functions of ops.def on double and complex double, and how an error of the argument shows in the result.
 *
 * Values come from the C library. `function_magnitude` bounds |f(a)| + |f'(a)| * magnitude: an argument whose error is eps *
 * magnitude gives a result whose error is eps times that, to first order. Where the formula in ops.def cancels (gelu at very
 * negative arguments) the magnitude is that of the largest intermediate instead, since engines evaluate the formula. */
#include "arithmetic.h"

#include <complex.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

static double sigmoid(double a)
{
    /* exp of a negative number only, so it never overflows */
    double e = exp(-fabs(a));
    return a >= 0 ? 1 / (1 + e) : e / (1 + e);
}

bool function_real(enum ir_expr_op op, double a, double *result)
{
    switch (op) {
    case IR_EXPR_exp:
        *result = exp(a);
        return true;
    case IR_EXPR_log:
        *result = log(a);
        return true;
    case IR_EXPR_sqrt:
        *result = sqrt(a);
        return true;
    case IR_EXPR_tanh:
        *result = tanh(a);
        return true;
    case IR_EXPR_erf:
        *result = erf(a);
        return true;
    case IR_EXPR_sin:
        *result = sin(a);
        return true;
    case IR_EXPR_cos:
        *result = cos(a);
        return true;
    case IR_EXPR_relu:
        *result = isnan(a) || a > 0 ? a : 0;
        return true;
    case IR_EXPR_gelu:
        *result = a / 2 * (1 + erf(a / sqrt(2)));
        return true;
    case IR_EXPR_gelu_tanh:
        *result = a / 2 * (1 + tanh(sqrt(2 / pi) * (a + 0.044715 * a * a * a)));
        return true;
    case IR_EXPR_sigmoid:
        *result = sigmoid(a);
        return true;
    case IR_EXPR_silu:
        *result = a * sigmoid(a);
        return true;
    default:
        return false;
    }
}

static double complex to_complex(struct scalar a)
{
    /* not re + im * I, which makes NaN of an infinite im */
    double parts[2] = {a.re, a.im};
    double complex value;
    memcpy(&value, parts, sizeof value);
    return value;
}

bool function_complex(enum ir_expr_op op, struct scalar a, struct scalar *result)
{
    double complex z = to_complex(a), value;
    switch (op) {
    case IR_EXPR_exp:
        value = cexp(z);
        break;
    case IR_EXPR_log:
        value = clog(z);
        break;
    case IR_EXPR_sqrt:
        value = csqrt(z);
        break;
    case IR_EXPR_tanh:
        value = ctanh(z);
        break;
    case IR_EXPR_sin:
        value = csin(z);
        break;
    case IR_EXPR_cos:
        value = ccos(z);
        break;
    default:
        return false;
    }
    result->re = creal(value);
    result->im = cimag(value);
    return true;
}

/* |f'(a)|; for the smoothed steps their largest slope (gelu 1.13, silu 1.1). */
static double slope(enum ir_expr_op op, struct scalar a, struct scalar result)
{
    double size = hypot(result.re, result.im);
    double complex z = to_complex(a), f = to_complex(result);
    switch (op) {
    case IR_EXPR_exp:
        return size;
    case IR_EXPR_log:
        return 1 / hypot(a.re, a.im);
    case IR_EXPR_sqrt:
        return 1 / (2 * size);
    case IR_EXPR_tanh:
        return cabs(1 - f * f);
    case IR_EXPR_erf:
        return 2 / sqrt(pi) * exp(-a.re * a.re);
    case IR_EXPR_sin:
        return cabs(ccos(z));
    case IR_EXPR_cos:
        return cabs(csin(z));
    case IR_EXPR_sigmoid:
        return result.re * (1 - result.re);
    case IR_EXPR_gelu:
    case IR_EXPR_gelu_tanh:
    case IR_EXPR_silu:
        return 1.2;
    default:
        return 1;
    }
}

double function_magnitude(enum ir_expr_op op, struct scalar a, struct scalar result, double magnitude)
{
    double size = hypot(result.re, result.im);
    if (op == IR_EXPR_gelu || op == IR_EXPR_gelu_tanh)
        size = fabs(a.re);
    if (op == IR_EXPR_relu)
        return magnitude;
    return magnitude == 0 ? size : size + slope(op, a, result) * magnitude;
}
