/* The functions of ops.def on double and complex double, and how an error of the argument shows in the result.
 *
 * Values come from the C library. `function_magnitude` bounds |f(a)| + |f'(a)| * magnitude: an argument whose error is eps *
 * magnitude gives a result whose error is eps times that, to first order. Where the formula in ops.def cancels (gelu at very
 * negative arguments) the magnitude is that of the largest intermediate instead, since engines evaluate the formula. */
#include "arithmetic.h"
#include "complex_number.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static double sigmoid(double a)
{
    /* exp of a negative number only, so it never overflows */
    double e = exp(-fabs(a));
    return a >= 0 ? 1 / (1 + e) : e / (1 + e);
}

#define FUNCTION(name, domains, c, real, at_complex, slope, derivative, meaning)                                                   \
    case IR_EXPR_##name:                                                                                                           \
        *result = real;                                                                                                            \
        return true;
bool function_real(enum ir_expr_op op, double a, double *result)
{
    switch (op) {
#include "functions.def"
    default:
        return false;
    }
}

#define FUNCTION(name, domains, c, real, at_complex, slope, derivative, meaning)                                                   \
    case IR_EXPR_##name:                                                                                                           \
        value = at_complex;                                                                                                        \
        break;
bool function_complex(enum ir_expr_op op, struct scalar a, struct scalar *result)
{
    double complex z = complex_of(a.re, a.im), value;
    if (!ir_expr_takes(op, IR_c128))
        return false;
    switch (op) {
#include "functions.def"
    default:
        return false;
    }
    result->re = creal(value);
    result->im = cimag(value);
    return true;
}

#define FUNCTION(name, domains, c, real, at_complex, slope, derivative, meaning)                                                   \
    case IR_EXPR_##name:                                                                                                           \
        return slope;
static double slope_at(enum ir_expr_op op, struct scalar argument, struct scalar result)
{
    double a = argument.re, size = hypot(result.re, result.im);
    double complex z = complex_of(argument.re, argument.im), f = complex_of(result.re, result.im);
    switch (op) {
#include "functions.def"
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
    return magnitude == 0 ? size : size + slope_at(op, a, result) * magnitude;
}
