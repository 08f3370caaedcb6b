/* The derivative of each function: of named ones the row of ir/functions.def, of operators the cases below.
 *
 * Conventions where there is none: relu'(0) = abs'(0) = 0, also hypot and atan2 at the origin; of equal arguments of max and min
 * each gets half; a div b has derivative 0. */
#include "gradient_map.h"

/* ---- expressions, as the rows and cases write them ---- */

struct writing {
    struct ir_context *context;
    enum ir_elem elem; /* of numbers */
};

static const struct ir_expr *write_one(const struct writing *at, enum ir_expr_op op, const struct ir_expr *x)
{
    return ir_expr_apply(at->context, op, 1, &x);
}

static const struct ir_expr *write_two(const struct writing *at, enum ir_expr_op op, const struct ir_expr *x,
                                       const struct ir_expr *y)
{
    const struct ir_expr *sides[2] = {x, y};
    return ir_expr_apply(at->context, op, 2, sides);
}

static const struct ir_expr *write_choice(const struct writing *at, const struct ir_expr *condition, const struct ir_expr *x,
                                          const struct ir_expr *y)
{
    const struct ir_expr *parts[3] = {condition, x, y};
    return ir_expr_apply(at->context, IR_EXPR_select, 3, parts);
}

static const struct ir_expr *write_number(const struct writing *at, double value)
{
    return ir_expr_literal(at->context, ir_number_real(at->elem, value));
}

#define number(value)    write_number(at, value)
#define neg(x)           write_one(at, IR_EXPR_neg, x)
#define exp(x)           write_one(at, IR_EXPR_exp, x)
#define sin(x)           write_one(at, IR_EXPR_sin, x)
#define cos(x)           write_one(at, IR_EXPR_cos, x)
#define tanh(x)          write_one(at, IR_EXPR_tanh, x)
#define erf(x)           write_one(at, IR_EXPR_erf, x)
#define sigmoid(x)       write_one(at, IR_EXPR_sigmoid, x)
#define add(x, y)        write_two(at, IR_EXPR_add, x, y)
#define sub(x, y)        write_two(at, IR_EXPR_sub, x, y)
#define mul(x, y)        write_two(at, IR_EXPR_mul, x, y)
#define div(x, y)        write_two(at, IR_EXPR_div, x, y)
#define above(x, y)      write_two(at, IR_EXPR_gt, x, y)
#define equal(x, y)      write_two(at, IR_EXPR_eq, x, y)
#define where(c, x, y)   write_choice(at, c, x, y)
#define conjugate(x)     write_one(at, IR_EXPR_conj, x)
#define real_part(x)     write_one(at, IR_EXPR_real, x)
#define imag_part(x)     write_one(at, IR_EXPR_imag, x)
#define from_parts(x, y) write_two(at, IR_EXPR_complex, x, y)

/* ---- named functions ---- */

/* With t = tanh(c (a + k a a a)): (1 + t) / 2 + a / 2 (1 - t t) c (1 + 3 k a a). */
static const struct ir_expr *gelu_tanh_slope(const struct writing *at, const struct ir_expr *a)
{
    const double c = 0.79788456080286535588, k = 0.044715; /* sqrt(2 / pi); Hendrycks and Gimpel, arXiv:1606.08415 */
    const struct ir_expr *square = mul(a, a), *half = number(0.5);
    const struct ir_expr *t = tanh(mul(mul(number(c), a), add(number(1), mul(number(k), square))));
    const struct ir_expr *inner = mul(number(c), add(number(1), mul(number(3 * k), square)));
    return add(mul(half, add(number(1), t)), mul(mul(mul(half, a), sub(number(1), mul(t, t))), inner));
}

#define FUNCTION(name, domains, c, real, complex, slope, derivative, meaning)                                                      \
    case IR_EXPR_##name:                                                                                                           \
        return derivative;
static const struct ir_expr *slope_of(const struct writing *at, enum ir_expr_op op, const struct ir_expr *a,
                                      const struct ir_expr *f)
{
    switch (op) {
#include "ir/functions.def"
    default:
        return NULL;
    }
}

/* ---- choices ---- */

static bool is_zero(const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_literal && ir_number_equal(expr->literal, ir_number_real(expr->elem, 0));
}

/* d * x, d / x, or -d where x is d, inside the choices that d is made of. */
static const struct ir_expr *scale(const struct writing *at, enum ir_expr_op op, const struct ir_expr *d, const struct ir_expr *x)
{
    if (!d || !x || is_zero(d))
        return d;
    if (d->op != IR_EXPR_select || (!is_zero(d->arguments[1]) && !is_zero(d->arguments[2])))
        return op == IR_EXPR_neg ? neg(d) : write_two(at, op, d, x);
    return where(d->arguments[0], scale(at, op, d->arguments[1], x), scale(at, op, d->arguments[2], x));
}

/* Of a function with this slope. A choice of slopes chooses, a reciprocal divides. */
static const struct ir_expr *scale_by_slope(const struct writing *at, const struct ir_expr *d, const struct ir_expr *slope)
{
    if (is_zero(slope))
        return slope;
    if (slope->op == IR_EXPR_select)
        return where(slope->arguments[0], scale_by_slope(at, d, slope->arguments[1]), scale_by_slope(at, d, slope->arguments[2]));
    bool reciprocal = slope->op == IR_EXPR_div && slope->arguments[0] == number(1);
    return reciprocal ? scale(at, IR_EXPR_div, d, conjugate(slope->arguments[1])) : scale(at, IR_EXPR_mul, d, conjugate(slope));
}

/* ---- operators ---- */

struct operands {
    const struct ir_expr *a, *b, *c, *f, *d; /* arguments, value, adjoint of the value */
};

static void of_arithmetic(const struct writing *at, enum ir_expr_op op, const struct operands *x, const struct ir_expr **terms)
{
    switch (op) {
    case IR_EXPR_neg:
        terms[0] = scale(at, IR_EXPR_neg, x->d, x->d);
        break;
    case IR_EXPR_add:
        terms[0] = terms[1] = x->d;
        break;
    case IR_EXPR_sub:
        terms[0] = x->d;
        terms[1] = scale(at, IR_EXPR_neg, x->d, x->d);
        break;
    case IR_EXPR_mul:
        terms[0] = scale(at, IR_EXPR_mul, x->d, conjugate(x->b));
        terms[1] = scale(at, IR_EXPR_mul, x->d, conjugate(x->a));
        break;
    case IR_EXPR_fma:
        terms[0] = scale(at, IR_EXPR_mul, x->d, x->b);
        terms[1] = scale(at, IR_EXPR_mul, x->d, x->a);
        terms[2] = x->d;
        break;
    case IR_EXPR_div:
        terms[0] = scale(at, IR_EXPR_div, x->d, conjugate(x->b));
        terms[1] = scale(at, IR_EXPR_div, scale(at, IR_EXPR_mul, x->d, neg(conjugate(x->f))), conjugate(x->b));
        break;
    case IR_EXPR_floor_mod:
        terms[0] = x->d;
        terms[1] = scale(at, IR_EXPR_mul, x->d, neg(write_two(at, IR_EXPR_floor_div, x->a, x->b)));
        break;
    default:
        break;
    }
}

static void of_extremum(const struct writing *at, bool largest, const struct operands *x, const struct ir_expr **terms)
{
    const struct ir_expr *zero = number(0), *half = scale(at, IR_EXPR_mul, x->d, number(0.5));
    const struct ir_expr *first = largest ? above(x->a, x->b) : above(x->b, x->a);
    const struct ir_expr *second = largest ? above(x->b, x->a) : above(x->a, x->b);
    const struct ir_expr *both = where(equal(x->a, x->b), half, zero);
    terms[0] = where(first, x->d, both);
    terms[1] = where(second, x->d, both);
}

static void of_magnitude(const struct writing *at, enum ir_expr_op op, const struct operands *x, const struct ir_expr **terms)
{
    const struct ir_expr *zero = write_number(&(struct writing){at->context, ir_elem_real(at->elem)}, 0);
    if (op == IR_EXPR_abs && !ir_elem_is_complex(x->a->elem)) {
        terms[0] = where(above(x->a, zero), x->d, where(above(zero, x->a), neg(x->d), zero));
        return;
    }
    if (op == IR_EXPR_atan2) {
        const struct ir_expr *square = add(mul(x->a, x->a), mul(x->b, x->b)), *off_origin = above(square, zero);
        const struct ir_expr *d = where(off_origin, x->d, zero);
        terms[0] = scale(at, IR_EXPR_div, scale(at, IR_EXPR_mul, d, x->b), square);
        terms[1] = scale(at, IR_EXPR_div, scale(at, IR_EXPR_mul, d, neg(x->a)), square);
        return;
    }
    const struct ir_expr *d = where(above(x->f, zero), x->d, zero);
    const struct ir_expr *first = op == IR_EXPR_abs ? real_part(x->a) : x->a, *second = op == IR_EXPR_abs ? imag_part(x->a) : x->b;
    first = scale(at, IR_EXPR_div, scale(at, IR_EXPR_mul, d, first), x->f);
    second = scale(at, IR_EXPR_div, scale(at, IR_EXPR_mul, d, second), x->f);
    terms[0] = op == IR_EXPR_abs ? from_parts(first, second) : first;
    terms[1] = op == IR_EXPR_abs ? NULL : second;
}

/* The number as it was before a cast: what the cast rounds has slope 1, an imaginary part it adds or drops none. */
static const struct ir_expr *of_cast(const struct writing *at, enum ir_elem from, const struct ir_expr *d)
{
    if (!gradient_is_differentiable(from))
        return NULL;
    if (ir_elem_is_complex(from) && !ir_elem_is_complex(d->elem)) {
        const struct ir_expr *part = ir_expr_cast(at->context, ir_elem_real(from), d);
        return part ? from_parts(part, write_number(&(struct writing){at->context, part->elem}, 0)) : NULL;
    }
    return ir_expr_cast(at->context, from, ir_elem_is_complex(from) ? d : real_part(d));
}

static void of_parts(const struct writing *at, enum ir_expr_op op, const struct operands *x, const struct ir_expr **terms)
{
    const struct ir_expr *zero = number(0);
    bool splits = x->a && ir_elem_is_complex(x->a->elem);
    switch (op) {
    case IR_EXPR_conj:
        terms[0] = conjugate(x->d);
        break;
    case IR_EXPR_real:
        terms[0] = splits ? from_parts(x->d, write_number(&(struct writing){at->context, x->d->elem}, 0)) : x->d;
        break;
    case IR_EXPR_imag:
        terms[0] = splits ? from_parts(write_number(&(struct writing){at->context, x->d->elem}, 0), x->d) : NULL;
        break;
    case IR_EXPR_complex:
        terms[0] = real_part(x->d);
        terms[1] = imag_part(x->d);
        break;
    case IR_EXPR_select:
        terms[1] = where(x->a, x->d, zero);
        terms[2] = where(x->a, zero, x->d);
        break;
    default:
        break;
    }
}

void gradient_of_function(struct ir_context *context, const struct ir_expr *function, const struct ir_expr *value,
                          const struct ir_expr *adjoint, const struct ir_expr **terms)
{
    const struct writing writing = {context, adjoint->elem}, *at = &writing;
    const struct operands x = {function->arguments[0], function->arguments[1], function->arguments[2], value, adjoint};
    switch (function->op) {
    case IR_EXPR_min:
    case IR_EXPR_max:
        of_extremum(at, function->op == IR_EXPR_max, &x, terms);
        return;
    case IR_EXPR_abs:
    case IR_EXPR_hypot:
    case IR_EXPR_atan2:
        of_magnitude(at, function->op, &x, terms);
        return;
    case IR_EXPR_conj:
    case IR_EXPR_real:
    case IR_EXPR_imag:
    case IR_EXPR_complex:
    case IR_EXPR_select:
        of_parts(at, function->op, &x, terms);
        return;
    case IR_EXPR_cast:
        terms[0] = of_cast(at, x.a->elem, adjoint);
        return;
    default:
        break;
    }
    const struct ir_expr *slope = slope_of(at, function->op, x.a, value);
    if (slope)
        terms[0] = scale_by_slope(at, adjoint, slope);
    else
        of_arithmetic(at, function->op, &x, terms);
}
