/* Formulas in which transforms hide become roots of unity: exp(-2i pi k l / n), cos(pi k (2 l + 1) / (2 n)), sin(...).
 *
 * A map of its indices alone is a table that somebody wrote as a formula. Where the argument of an exponential is an imaginary, or
 * that of a cosine or sine a real multiple of a whole-numbered poly of the indices, and the multiple is a fraction of a turn with a
 * small denominator (to the last bits of the double that it was calculated in), the function is (a part of) a root of unity, whose
 * numbers are more accurate, and which rules know. A map over such a map, a cast or a multiple, becomes one map. Class `normwise`,
 * as constants are in kernels that state no class: the table differs by its rounding. */
#include "passes.h"

#include <math.h>

enum einc_status pass_recognise(struct pass_kernel *kernel);

/* (re + i im) * poly */
struct multiple {
    double re, im;
    const struct poly *poly;
};

/* Of what is looked into: an angle is no long formula, and stacks are short. */
enum { DEEPEST_ARGUMENT = 64 };

struct recognising {
    struct pass_kernel *pass;
    struct ir_context *context;
};

/* ---- arguments ---- */

/* value = numerator / denominator to about the last bits of a double; the denominator is small. By continued fractions. */
static bool find_fraction(double value, int64_t *numerator, int64_t *denominator)
{
    const int64_t largest = 1 << 20; /* by chance one number in a thousand is as near to such a fraction */
    const double tolerance = 8 * 0x1p-53 * fabs(value);
    double rest = value;
    int64_t p0 = 0, q0 = 1, p1 = 1, q1 = 0;
    for (int step = 0; step < 40 && isfinite(rest) && fabs(rest) < 0x1p40; step++) {
        int64_t whole = (int64_t)floor(rest);
        int64_t p = whole * p1 + p0, q = whole * q1 + q0;
        if (q > largest || p > (INT64_C(1) << 40) || p < -(INT64_C(1) << 40))
            return false;
        p0 = p1, q0 = q1, p1 = p, q1 = q;
        if (fabs((double)p / (double)q - value) <= tolerance) {
            *numerator = p;
            *denominator = q;
            return true;
        }
        rest = 1 / (rest - (double)whole);
    }
    return false;
}

static bool read_multiple(struct ir_context *context, const struct ir_expr *expr, struct multiple *multiple);

/* a + b where b is a simple fraction of a. */
static bool add_multiples(struct ir_context *context, struct multiple a, struct multiple b, double sign, struct multiple *sum)
{
    int64_t p, q;
    bool real = a.im == 0 && b.im == 0, imaginary = a.re == 0 && b.re == 0;
    double first = real ? a.re : a.im, second = sign * (real ? b.re : b.im);
    if ((!real && !imaginary) || first == 0 || !find_fraction(second / first, &p, &q))
        return false;
    *sum = (struct multiple){a.re / (double)q, a.im / (double)q,
                             poly_add(context, poly_scale(context, a.poly, q), poly_scale(context, b.poly, p))};
    return sum->poly != NULL;
}

static bool read_sides(struct ir_context *context, const struct ir_expr *expr, struct multiple *result)
{
    struct multiple a, b;
    if (!read_multiple(context, expr->arguments[0], &a) || !read_multiple(context, expr->arguments[1], &b))
        return false;
    switch (expr->op) {
    case IR_EXPR_add:
        return add_multiples(context, a, b, 1, result);
    case IR_EXPR_sub:
        return add_multiples(context, a, b, -1, result);
    case IR_EXPR_mul:
        *result = (struct multiple){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, poly_multiply(context, a.poly, b.poly)};
        return result->poly != NULL;
    default: /* div, by a real number */
        if (!poly_equals(b.poly, 1) || b.im != 0 || b.re == 0)
            return false;
        *result = (struct multiple){a.re / b.re, a.im / b.re, a.poly};
        return true;
    }
}

static bool read_multiple(struct ir_context *context, const struct ir_expr *expr, struct multiple *multiple)
{
    bool integer = ir_elem_is_integer(expr->elem);
    if (expr->depth > DEEPEST_ARGUMENT)
        return false;
    switch (expr->op) {
    case IR_EXPR_literal:
        *multiple = integer ? (struct multiple){(double)expr->literal.i, 0, poly_constant(context, 1)}
                            : (struct multiple){expr->literal.re, ir_elem_is_complex(expr->elem) ? expr->literal.im : 0,
                                                poly_constant(context, 1)};
        return multiple->poly != NULL;
    case IR_EXPR_index:
        *multiple = (struct multiple){1, 0, expr->index};
        return !poly_visit_dims(expr->index, NULL, NULL);
    case IR_EXPR_cast:
        return !integer && expr->elem != IR_bool && read_multiple(context, expr->arguments[0], multiple);
    case IR_EXPR_neg:
        if (!read_multiple(context, expr->arguments[0], multiple))
            return false;
        multiple->re = -multiple->re;
        multiple->im = -multiple->im;
        return true;
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_mul:
    case IR_EXPR_div:
        return !integer && read_sides(context, expr, multiple);
    default:
        return false;
    }
}

/* ---- functions ---- */

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

/* exp(-2 pi i turns * poly) as a root; NULL: no simple fraction. */
static const struct ir_expr *root_of(struct ir_context *context, double turns, const struct poly *poly)
{
    int64_t numerator, order;
    if (poly_index_limit(poly) == 0 || !find_fraction(turns, &numerator, &order))
        return NULL;
    return apply(context, IR_EXPR_root, ir_expr_index(context, poly_scale(context, poly, numerator)),
                 ir_expr_literal(context, ir_number_integer(IR_i64, order)));
}

/* What the function of this argument is; NULL: nothing that is known. */
static const struct ir_expr *known(struct ir_context *context, const struct ir_expr *function)
{
    const double turn = 6.283185307179586476925;
    struct multiple multiple;
    if ((function->op != IR_EXPR_exp && function->op != IR_EXPR_cos && function->op != IR_EXPR_sin) ||
        ir_elem_is_half(function->elem) || !read_multiple(context, function->arguments[0], &multiple))
        return NULL;
    const struct ir_expr *value;
    if (function->op == IR_EXPR_exp) {
        value = multiple.re == 0 && multiple.im != 0 ? root_of(context, multiple.im / -turn, multiple.poly) : NULL;
    } else {
        value = multiple.im == 0 && multiple.re != 0 && !ir_elem_is_complex(function->elem)
                    ? root_of(context, multiple.re / turn, multiple.poly)
                    : NULL;
        if (value && function->op == IR_EXPR_sin) /* the real part of i (cos - i sin) */
            value = apply(context, IR_EXPR_mul, ir_expr_literal(context, ir_number_complex(IR_c128, 0, 1)), value);
        value = value ? apply(context, IR_EXPR_real, value, NULL) : NULL;
    }
    return value && value->elem != function->elem ? ir_expr_cast(context, function->elem, value) : value;
}

static const struct ir_expr *with_roots(struct ir_context *context, const struct ir_expr *body)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, body, &count);
    const struct ir_expr **made = order ? ARENA_ARRAY(ir_arena(context), count, const struct ir_expr *) : NULL;
    for (size_t k = 0; made && k < count; k++) {
        const struct ir_expr *arguments[3] = {NULL, NULL, NULL}, *root = known(context, order[k]);
        for (uint32_t a = 0; a < order[k]->n_arguments; a++)
            arguments[a] = made[ir_expr_position(order, count, order[k]->arguments[a])];
        made[k] = root ? root : ir_expr_remake(context, order[k], arguments);
        if (!made[k])
            return NULL;
    }
    return made ? made[count - 1] : NULL;
}

/* ---- maps ---- */

static bool is_recognised(const struct pass_kernel *pass, const struct ir_node *node)
{
    for (size_t k = 0; k < pass->n_recognised; k++)
        if (pass->recognised[k] == node)
            return true;
    return false;
}

static const struct ir_expr *operand_body(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    (void)context;
    return leaf->op == IR_EXPR_operand ? user : leaf;
}

/* The body of a map of one formula that was recognised, over its own indices; NULL: it is something else. */
static const struct ir_expr *composed(const struct recognising *recognising, const struct ir_node *node)
{
    const struct ir_access *access = node->operands;
    struct poly_ranges ranges = ir_ranges(node);
    if (node->n_operands != 1 || access->fill || access->conjugate || !is_recognised(recognising->pass, access->node))
        return NULL;
    const struct ir_expr *inner =
        ir_expr_substitute(recognising->context, access->node->body, NULL, NULL, access->node->rank, access->subscripts, &ranges);
    return inner ? ir_expr_substitute(recognising->context, node->body, operand_body, (void *)(uintptr_t)inner, 0, NULL, NULL)
                 : NULL;
}

static const struct ir_node *recognise(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct recognising *recognising = user;
    struct pass_kernel *pass = recognising->pass;
    if (node->op != IR_map_node || node->n_operands > 1)
        return node;
    const struct ir_expr *body = node->n_operands ? composed(recognising, node) : with_roots(context, node->body);
    if (!body || body == node->body)
        return arena_failed(ir_arena(context)) ? NULL : node;
    const struct ir_node *formula = ir_map(context, node->rank, node->shape, 0, NULL, body);
    if (formula && !ARENA_PUSH(ir_arena(context), pass->recognised, pass->n_recognised, pass->recognised_capacity, formula))
        return NULL;
    return formula;
}

enum einc_status pass_recognise(struct pass_kernel *pass)
{
    struct recognising recognising = {pass, pass->context};
    if (!pass->kernel->class_stated || pass->kernel->numeric_class == IR_CLASS_NORMWISE)
        (void)ir_rewrite(pass->context, pass->kernel, recognise, &recognising);
    return arena_failed(ir_arena(pass->context)) ? EINC_NO_MEMORY : EINC_OK;
}
