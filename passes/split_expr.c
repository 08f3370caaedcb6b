/* Complex expressions as pairs of real ones.
 *
 * Sums go part by part; a product is (ac - bd, ad + bc); a real factor scales both parts. What an operation needs twice is given a
 * name before the statement, so nothing is computed twice. Division is Smith's (1962): the divisor is scaled by its larger part, so
 * that nothing overflows early. Functions come from their addition theorems, with sinh(y) = tanh(y) cosh(y), which keeps small y
 * accurate; the branch cut of sqrt and log is the negative real axis, taken from the sign of the imaginary part (also of a zero).
 */
#include "split_complex.h"

#include <math.h>

typedef const struct ir_expr *value;

static value apply1(struct splitter *s, enum ir_expr_op op, value a)
{
    const struct ir_expr *arguments[] = {a};
    return a ? ir_expr_apply(s->context, op, 1, arguments) : NULL;
}

static value apply2(struct splitter *s, enum ir_expr_op op, value a, value b)
{
    const struct ir_expr *arguments[] = {a, b};
    return a && b ? ir_expr_apply(s->context, op, 2, arguments) : NULL;
}

static value choose(struct splitter *s, value condition, value a, value b)
{
    const struct ir_expr *arguments[] = {condition, a, b};
    return condition && a && b ? ir_expr_apply(s->context, IR_EXPR_select, 3, arguments) : NULL;
}

static value number(struct splitter *s, enum ir_elem elem, double re)
{
    return ir_expr_literal(s->context, ir_number_real(elem, re));
}

static value add(struct splitter *s, value a, value b)
{
    return apply2(s, IR_EXPR_add, a, b);
}
static value subtract(struct splitter *s, value a, value b)
{
    return apply2(s, IR_EXPR_sub, a, b);
}
static value multiply(struct splitter *s, value a, value b)
{
    return apply2(s, IR_EXPR_mul, a, b);
}
static value divide(struct splitter *s, value a, value b)
{
    return apply2(s, IR_EXPR_div, a, b);
}
static value negate(struct splitter *s, value a)
{
    return apply1(s, IR_EXPR_neg, a);
}

value split_imaginary(struct splitter *s, struct split_pair pair)
{
    return pair.im || !pair.re ? pair.im : number(s, pair.re->elem, 0);
}

/* Both parts by name (or leaves), since they will be used twice. */
static struct split_pair bound(struct splitter *s, struct split_pair pair, const char *re, const char *im)
{
    value real = split_bind(s, re, pair.re);
    return (struct split_pair){real, pair.im ? split_bind(s, im, pair.im) : NULL};
}

/* ---- arithmetic ---- */

static struct split_pair sum(struct splitter *s, enum ir_expr_op op, struct split_pair a, struct split_pair b)
{
    value im = !b.im ? a.im : !a.im ? (op == IR_EXPR_sub ? negate(s, b.im) : b.im) : apply2(s, op, a.im, b.im);
    return (struct split_pair){apply2(s, op, a.re, b.re), im};
}

/* A factor's imaginary part without its sign, so that a conjugate costs nothing. */
static bool strip_sign(value *im)
{
    bool negative = (*im)->op == IR_EXPR_neg;
    if (negative)
        *im = (*im)->arguments[0];
    return negative;
}

static bool is_zero(value a)
{
    return a->op == IR_EXPR_literal && a->literal.re == 0;
}

/* x * (i y): the real part of an imaginary literal adds nothing, unless an exact kernel wants the NaN of inf * 0. */
static struct split_pair times_imaginary(struct splitter *s, struct split_pair a, value im)
{
    a = bound(s, a, "left_re", "left_im");
    value factor = split_bind(s, "factor", im);
    return (struct split_pair){negate(s, multiply(s, a.im, factor)), multiply(s, a.re, factor)};
}

struct split_pair split_multiply(struct splitter *s, struct split_pair a, struct split_pair b)
{
    if (!a.re || !b.re)
        return (struct split_pair){NULL, NULL};
    if (!a.im && !b.im)
        return (struct split_pair){multiply(s, a.re, b.re), NULL};
    if (!a.im || !b.im) { /* a real factor */
        value factor = split_bind(s, "factor", a.im ? b.re : a.re);
        struct split_pair other = a.im ? a : b;
        return (struct split_pair){multiply(s, factor, other.re), multiply(s, factor, other.im)};
    }
    if (!s->exact && (is_zero(a.re) || is_zero(b.re)))
        return is_zero(b.re) ? times_imaginary(s, a, b.im) : times_imaginary(s, b, a.im);
    bool a_negative = strip_sign(&a.im), b_negative = strip_sign(&b.im);
    a = bound(s, a, "left_re", "left_im");
    b = bound(s, b, "right_re", "right_im");
    value straight = multiply(s, a.re, b.im), crossed = multiply(s, a.im, b.re);
    value im = a_negative == b_negative ? add(s, straight, crossed)
               : b_negative             ? subtract(s, crossed, straight)
                                        : subtract(s, straight, crossed);
    if (a_negative && b_negative) /* an exact kernel wants the sign of a zero */
        im = s->exact ? subtract(s, negate(s, straight), crossed) : negate(s, im);
    enum ir_expr_op op = a_negative == b_negative ? IR_EXPR_sub : IR_EXPR_add;
    return (struct split_pair){apply2(s, op, multiply(s, a.re, b.re), multiply(s, a.im, b.im)), im};
}

static struct split_pair quotient(struct splitter *s, struct split_pair a, struct split_pair b)
{
    if (!b.im) {
        value divisor = split_bind(s, "divisor", b.re);
        return (struct split_pair){divide(s, a.re, divisor), a.im ? divide(s, a.im, divisor) : NULL};
    }
    a.im = split_imaginary(s, a);
    a = bound(s, a, "dividend_re", "dividend_im");
    b = bound(s, b, "divisor_re", "divisor_im");
    value wide =
        split_bind(s, "divisor_is_wide", apply2(s, IR_EXPR_ge, apply1(s, IR_EXPR_abs, b.re), apply1(s, IR_EXPR_abs, b.im)));
    value large = split_bind(s, "larger", choose(s, wide, b.re, b.im));
    value small = split_bind(s, "smaller", choose(s, wide, b.im, b.re));
    value ratio = split_bind(s, "ratio", divide(s, small, large));
    value scale = split_bind(s, "scale", add(s, large, multiply(s, small, ratio)));
    value first = split_bind(s, "first", choose(s, wide, a.re, a.im));
    value second = split_bind(s, "second", choose(s, wide, a.im, a.re));
    value cross = split_bind(s, "cross", subtract(s, second, multiply(s, first, ratio)));
    return (struct split_pair){divide(s, add(s, first, multiply(s, second, ratio)), scale),
                               divide(s, choose(s, wide, cross, negate(s, cross)), scale)};
}

/* ---- functions ---- */

static value magnitude(struct splitter *s, struct split_pair a)
{
    return a.im ? apply2(s, IR_EXPR_hypot, a.re, a.im) : apply1(s, IR_EXPR_abs, a.re);
}

static struct split_pair exponential(struct splitter *s, struct split_pair a)
{
    value angle = split_bind(s, "angle", a.im), size = split_bind(s, "magnitude", apply1(s, IR_EXPR_exp, a.re));
    return (struct split_pair){multiply(s, size, apply1(s, IR_EXPR_cos, angle)), multiply(s, size, apply1(s, IR_EXPR_sin, angle))};
}

static struct split_pair logarithm(struct splitter *s, struct split_pair a)
{
    a = bound(s, a, "argument_re", "argument_im");
    return (struct split_pair){apply1(s, IR_EXPR_log, magnitude(s, a)), apply2(s, IR_EXPR_atan2, a.im, a.re)};
}

/* t = sqrt((|z| + |re|) / 2) and im / (2 t) are the parts, in the order that the sign of re asks for. */
static struct split_pair square_root(struct splitter *s, struct split_pair a)
{
    enum ir_elem elem = a.re->elem;
    a = bound(s, a, "argument_re", "argument_im");
    value zero = number(s, elem, 0), half = number(s, elem, 0.5), one = number(s, elem, 1);
    value large =
        split_bind(s, "larger", apply1(s, IR_EXPR_sqrt, multiply(s, half, add(s, magnitude(s, a), apply1(s, IR_EXPR_abs, a.re)))));
    value small =
        split_bind(s, "smaller", choose(s, apply2(s, IR_EXPR_eq, large, zero), a.im, divide(s, multiply(s, half, a.im), large)));
    value right = split_bind(s, "is_right", apply2(s, IR_EXPR_ge, a.re, zero));
    /* below the cut, also where the imaginary part is -0 */
    value below = apply2(s, IR_EXPR_or, apply2(s, IR_EXPR_lt, a.im, zero), apply2(s, IR_EXPR_lt, divide(s, one, a.im), zero));
    return (struct split_pair){choose(s, right, large, apply1(s, IR_EXPR_abs, small)),
                               choose(s, right, small, choose(s, below, negate(s, large), large))};
}

struct hyperbolic {
    value cosine, sine;
};

static struct hyperbolic hyperbolic_of(struct splitter *s, value x)
{
    value up = split_bind(s, "growth", apply1(s, IR_EXPR_exp, x)), one = number(s, x->elem, 1);
    value cosine = split_bind(s, "cosh_value", multiply(s, number(s, x->elem, 0.5), add(s, up, divide(s, one, up))));
    return (struct hyperbolic){cosine, multiply(s, apply1(s, IR_EXPR_tanh, x), cosine)};
}

static struct split_pair sine_or_cosine(struct splitter *s, enum ir_expr_op op, struct split_pair a)
{
    a = bound(s, a, "argument_re", "argument_im");
    if (!a.re || !a.im)
        return (struct split_pair){NULL, NULL};
    struct hyperbolic of = hyperbolic_of(s, a.im);
    value sine = apply1(s, IR_EXPR_sin, a.re), cosine = apply1(s, IR_EXPR_cos, a.re);
    if (op == IR_EXPR_sin)
        return (struct split_pair){multiply(s, sine, of.cosine), multiply(s, cosine, of.sine)};
    return (struct split_pair){multiply(s, cosine, of.cosine), negate(s, multiply(s, sine, of.sine))};
}

/* (t + i sin(y) cos(y) / cosh(x)^2) / (cos(y)^2 + t^2 sin(y)^2) with t = tanh(x): finite for all x. */
static struct split_pair tangent(struct splitter *s, struct split_pair a)
{
    a = bound(s, a, "argument_re", "argument_im");
    if (!a.re || !a.im)
        return (struct split_pair){NULL, NULL};
    value t = split_bind(s, "tanh_value", apply1(s, IR_EXPR_tanh, a.re));
    value sine = split_bind(s, "sin_value", apply1(s, IR_EXPR_sin, a.im));
    value cosine = split_bind(s, "cos_value", apply1(s, IR_EXPR_cos, a.im));
    value steep = split_bind(s, "steep", multiply(s, t, sine));
    value scale = split_bind(s, "scale", add(s, multiply(s, cosine, cosine), multiply(s, steep, steep)));
    value width = hyperbolic_of(s, a.re).cosine;
    value im = divide(s, divide(s, divide(s, multiply(s, sine, cosine), width), width), scale);
    return (struct split_pair){divide(s, t, scale), im};
}

static struct split_pair function_of(struct splitter *s, enum ir_expr_op op, struct split_pair a)
{
    if (!a.re)
        return a;
    if (!a.im && op != IR_EXPR_log && op != IR_EXPR_sqrt) /* those leave the real line */
        return (struct split_pair){apply1(s, op, a.re), NULL};
    a.im = split_imaginary(s, a);
    switch (op) {
    case IR_EXPR_exp:
        return exponential(s, a);
    case IR_EXPR_log:
        return logarithm(s, a);
    case IR_EXPR_sqrt:
        return square_root(s, a);
    case IR_EXPR_tanh:
        return tangent(s, a);
    case IR_EXPR_sin:
    case IR_EXPR_cos:
        return sine_or_cosine(s, op, a);
    default:
        return (struct split_pair){NULL, NULL};
    }
}

/* ---- expressions ---- */

static struct split_pair pair_of(struct splitter *s, const struct ir_expr *expr);
static value real_of(struct splitter *s, const struct ir_expr *expr); /* a real expression without complex parts */

static struct split_pair split_leaf(struct splitter *s, const struct ir_expr *expr)
{
    enum ir_elem elem = ir_elem_real(expr->elem);
    if (expr->op == IR_EXPR_literal) {
        bool is_real = expr->literal.im == 0 && !(s->exact && signbit(expr->literal.im));
        return (struct split_pair){number(s, elem, expr->literal.re), is_real ? NULL : number(s, elem, expr->literal.im)};
    }
    if (expr->op == IR_EXPR_load) {
        const struct poly *re = poly_scale(s->context, expr->load.address, 2);
        const struct poly *im = poly_add(s->context, re, poly_constant(s->context, 1));
        return (struct split_pair){ir_expr_load(s->context, expr->load.buffer, elem, re),
                                   ir_expr_load(s->context, expr->load.buffer, elem, im)};
    }
    if (expr->op == IR_EXPR_local && s->real[expr->local] != UINT32_MAX)
        return (struct split_pair){ir_expr_local(s->context, s->real[expr->local], elem),
                                   ir_expr_local(s->context, s->imaginary[expr->local], elem)};
    return (struct split_pair){NULL, NULL};
}

static struct split_pair split_cast(struct splitter *s, const struct ir_expr *expr)
{
    enum ir_elem elem = ir_elem_real(expr->elem);
    const struct ir_expr *argument = expr->arguments[0];
    if (!ir_elem_is_complex(argument->elem)) {
        value real = real_of(s, argument);
        return (struct split_pair){real ? ir_expr_cast(s->context, elem, real) : NULL, NULL};
    }
    struct split_pair pair = pair_of(s, argument);
    return (struct split_pair){pair.re ? ir_expr_cast(s->context, elem, pair.re) : NULL,
                               pair.im ? ir_expr_cast(s->context, elem, pair.im) : NULL};
}

static struct split_pair split_select(struct splitter *s, const struct ir_expr *expr)
{
    value condition = split_bind(s, "condition", real_of(s, expr->arguments[0]));
    struct split_pair a = pair_of(s, expr->arguments[1]), b = pair_of(s, expr->arguments[2]);
    value im = a.im || b.im ? choose(s, condition, split_imaginary(s, a), split_imaginary(s, b)) : NULL;
    return (struct split_pair){choose(s, condition, a.re, b.re), im};
}

static struct split_pair split_operation(struct splitter *s, const struct ir_expr *expr)
{
    struct split_pair a, b;
    switch (expr->op) {
    case IR_EXPR_cast:
        return split_cast(s, expr);
    case IR_EXPR_select:
        return split_select(s, expr);
    case IR_EXPR_complex:
        a.re = real_of(s, expr->arguments[0]);
        a.im = real_of(s, expr->arguments[1]);
        return a;
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_mul:
    case IR_EXPR_div:
        a = pair_of(s, expr->arguments[0]);
        b = pair_of(s, expr->arguments[1]);
        if (expr->op == IR_EXPR_mul)
            return split_multiply(s, a, b);
        return expr->op == IR_EXPR_div ? quotient(s, a, b) : sum(s, expr->op, a, b);
    case IR_EXPR_neg:
        a = pair_of(s, expr->arguments[0]);
        return (struct split_pair){negate(s, a.re), a.im ? negate(s, a.im) : NULL};
    case IR_EXPR_conj:
        a = pair_of(s, expr->arguments[0]);
        return (struct split_pair){a.re, a.im ? negate(s, a.im) : NULL};
    default:
        return function_of(s, expr->op, pair_of(s, expr->arguments[0]));
    }
}

static struct split_pair pair_of(struct splitter *s, const struct ir_expr *expr)
{
    for (size_t k = 0; k < s->n_memo; k++)
        if (s->memo[k].expr == expr)
            return s->memo[k].pair;
    struct split_memo memo = {expr, expr->n_arguments ? split_operation(s, expr) : split_leaf(s, expr)};
    if (s->exact)
        memo.pair.im = split_imaginary(s, memo.pair); /* inf * 0 is computed as well */
    if (!memo.pair.re || !ARENA_PUSH(ir_arena(s->context), s->memo, s->n_memo, s->memo_capacity, memo))
        return (struct split_pair){NULL, NULL};
    return memo.pair;
}

/* ---- real expressions that have complex parts ---- */

static value compare_pairs(struct splitter *s, const struct ir_expr *expr)
{
    struct split_pair a = pair_of(s, expr->arguments[0]), b = pair_of(s, expr->arguments[1]);
    value re = apply2(s, expr->op, a.re, b.re);
    value im = apply2(s, expr->op, split_imaginary(s, a), split_imaginary(s, b));
    return apply2(s, expr->op == IR_EXPR_eq ? IR_EXPR_and : IR_EXPR_or, re, im);
}

/* A complex number as truth, or its real part in another type. */
static value cast_pair(struct splitter *s, const struct ir_expr *expr)
{
    struct split_pair a = pair_of(s, expr->arguments[0]);
    if (!a.re || expr->elem != IR_bool)
        return a.re ? ir_expr_cast(s->context, expr->elem, a.re) : NULL;
    value zero = number(s, a.re->elem, 0);
    return apply2(s, IR_EXPR_or, apply2(s, IR_EXPR_ne, a.re, zero), apply2(s, IR_EXPR_ne, split_imaginary(s, a), zero));
}

static value real_of_complex(struct splitter *s, const struct ir_expr *expr)
{
    switch (expr->op) {
    case IR_EXPR_eq:
    case IR_EXPR_ne:
        return compare_pairs(s, expr);
    case IR_EXPR_cast:
        return cast_pair(s, expr);
    case IR_EXPR_real:
        return pair_of(s, expr->arguments[0]).re;
    case IR_EXPR_imag:
        return split_imaginary(s, pair_of(s, expr->arguments[0]));
    case IR_EXPR_abs:
        return magnitude(s, pair_of(s, expr->arguments[0]));
    default:
        return NULL;
    }
}

static value rebuilt(struct splitter *s, const struct ir_expr *expr)
{
    const struct ir_expr *arguments[3] = {0};
    bool changed = false;
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        arguments[k] = real_of(s, expr->arguments[k]);
        if (!arguments[k])
            return NULL;
        changed |= arguments[k] != expr->arguments[k];
    }
    if (!changed)
        return expr;
    if (expr->op == IR_EXPR_cast)
        return ir_expr_cast(s->context, expr->elem, arguments[0]);
    return ir_expr_apply(s->context, expr->op, expr->n_arguments, arguments);
}

static value real_of(struct splitter *s, const struct ir_expr *expr)
{
    if (expr->n_arguments == 0)
        return expr;
    for (size_t k = 0; k < s->n_memo; k++)
        if (s->memo[k].expr == expr)
            return s->memo[k].pair.re;
    bool of_complex = ir_elem_is_complex(expr->arguments[expr->n_arguments - 1]->elem);
    struct split_memo memo = {expr, {of_complex ? real_of_complex(s, expr) : rebuilt(s, expr), NULL}};
    if (!memo.pair.re || !ARENA_PUSH(ir_arena(s->context), s->memo, s->n_memo, s->memo_capacity, memo))
        return NULL;
    return memo.pair.re;
}

/* ---- the whole ---- */

/* Arguments before users, so that no recursion above goes deeper than one level, however deep the expression is. */
static void split_below(struct splitter *s, const struct ir_expr *expr)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(s->context, expr, &count);
    for (size_t k = 0; order && k + 1 < count; k++) {
        if (ir_elem_is_complex(order[k]->elem))
            (void)pair_of(s, order[k]);
        else
            (void)real_of(s, order[k]);
    }
}

struct split_pair split_expr(struct splitter *s, const struct ir_expr *expr)
{
    split_below(s, expr);
    return pair_of(s, expr);
}

value split_real(struct splitter *s, const struct ir_expr *expr)
{
    split_below(s, expr);
    return real_of(s, expr);
}
