/* Formulas in which transforms hide become roots of unity: exp(-2i pi k l / n), cos(pi k (2 l + 1) / (2 n)), sin(...).
 *
 * A map of its indices alone is a table that somebody wrote as a formula. Where the argument of an exponential is an imaginary, or
 * that of a cosine or sine a real multiple of a whole-numbered poly of the indices, and the multiple is a fraction of a turn with a
 * small denominator (to the last bits of the double that it was calculated in), the function is (a part of) a root of unity, whose
 * numbers are more accurate, and which rules know. So are signs, 1 - 2 b or where(b == 0, 1, -1) with b 0 or 1. A map over such a
 * map, a cast or a multiple, becomes one map. Class `normwise`, as constants are in kernels that state no class: the table differs
 * by its rounding. */
#include "recognise.h"

#include <math.h>

enum einc_status pass_recognise(struct pass_kernel *kernel);

/* (re + i im) * poly */
struct multiple {
    double re, im;
    const struct poly *poly;
};

/* Of what is looked into: an angle is no long formula, and stacks are short. */
enum { DEEPEST_ARGUMENT = 64 };

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
    const struct poly *scaled = poly_scale(context, poly, numerator), *reduced = poly_reduce(context, scaled, order);
    bool fewer = reduced && reduced->n_terms < scaled->n_terms; /* whole turns are left out */
    return apply(context, IR_EXPR_root, ir_expr_index(context, fewer ? reduced : scaled),
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

/* ---- signs ---- */

/* A product of signs is looked at in so many places at most, times terms. */
enum { MOST_TRIED = 1 << 24 };

/* Is it 0 or 1? The rest modulo 2 of something, or what is tried everywhere. */
static bool is_bit(struct ir_context *context, const struct poly *poly, const struct poly_ranges *ranges)
{
    int64_t places = 1, extent, value, *at = ARENA_ARRAY(ir_arena(context), ranges->n, int64_t);
    if (poly == poly_mod(context, poly_reduce(context, poly, 2), poly_constant(context, 2), NULL))
        return true;
    for (uint32_t k = 0; k < ranges->n; k++) {
        if (!poly_is_constant(ranges->extents[k], &extent) || extent < 1 ||
            !checked_multiply(places, poly_uses_index(poly, k) ? extent : 1, &places))
            return false;
    }
    if (!at || places > MOST_TRIED / (poly->n_terms + 1))
        return false;
    for (int64_t place = 0; place < places; place++) {
        int64_t rest = place;
        for (uint32_t k = 0; k < ranges->n; k++) {
            at[k] = 0;
            if (!poly_uses_index(poly, k) || !poly_is_constant(ranges->extents[k], &extent))
                continue;
            at[k] = rest % extent;
            rest /= extent;
        }
        if (!poly_evaluate(poly, NULL, at, &value) || (value != 0 && value != 1))
            return false;
    }
    return true;
}

/* (-1)^bit as a root of unity; NULL: it is no bit, or one of one index, which is no structure. */
static const struct ir_expr *sign_of(struct ir_context *context, enum ir_elem elem, const struct poly *bit,
                                     const struct poly_ranges *ranges)
{
    uint32_t used = 0;
    for (uint32_t k = 0; bit && k < ranges->n; k++)
        used += poly_uses_index(bit, k);
    if (used < 2 || poly_visit_dims(bit, NULL, NULL) || poly_is_run_time(bit) || !is_bit(context, bit, ranges))
        return NULL;
    const struct ir_expr *root = apply(context, IR_EXPR_root, ir_expr_index(context, poly_reduce(context, bit, 2)),
                                       ir_expr_literal(context, ir_number_integer(IR_i64, 2)));
    root = ir_elem_is_complex(elem) ? root : apply(context, IR_EXPR_real, root, NULL);
    return root && root->elem != elem ? ir_expr_cast(context, elem, root) : root;
}

/* The poly that a value is, perhaps in another type. */
static const struct poly *whole_number(const struct ir_expr *expr)
{
    while (expr->op == IR_EXPR_cast && expr->arguments[0]->elem != IR_bool)
        expr = expr->arguments[0];
    return expr->op == IR_EXPR_index ? expr->index : NULL;
}

static bool is_number(const struct ir_expr *expr, double value)
{
    while (expr->op == IR_EXPR_cast)
        expr = expr->arguments[0];
    if (expr->op == IR_EXPR_neg)
        return is_number(expr->arguments[0], -value);
    if (expr->op != IR_EXPR_literal)
        return false;
    return ir_elem_is_integer(expr->literal.elem)
               ? (double)expr->literal.i == value
               : expr->literal.re == value && (!ir_elem_is_complex(expr->literal.elem) || expr->literal.im == 0);
}

/* 1 - 2 bit of whole numbers in a float, or where(bit == 0, 1, -1). */
static const struct ir_expr *known_sign(struct ir_context *context, const struct ir_expr *expr, const struct poly_ranges *ranges)
{
    if (ir_elem_is_integer(expr->elem) || expr->elem == IR_bool || ir_elem_is_half(expr->elem))
        return NULL;
    if (expr->op == IR_EXPR_cast) {
        const struct poly *sign = whole_number(expr), *half = poly_constant(context, 2);
        const struct poly *bit = sign ? poly_subtract(context, poly_constant(context, 1), sign) : NULL;
        if (!bit || poly_reduce(context, bit, 2) != poly_constant(context, 0))
            return NULL;
        return sign_of(context, expr->elem, poly_floor_div(context, bit, half, NULL), ranges);
    }
    if (expr->op != IR_EXPR_select || expr->arguments[0]->op != IR_EXPR_eq)
        return NULL;
    const struct ir_expr *equal = expr->arguments[0], *yes = expr->arguments[1], *no = expr->arguments[2];
    const struct poly *bit = whole_number(equal->arguments[0]);
    bool one = is_number(equal->arguments[1], 1);
    if (!bit || (!one && !is_number(equal->arguments[1], 0)) || !is_number(one ? no : yes, 1) || !is_number(one ? yes : no, -1))
        return NULL;
    return sign_of(context, expr->elem, bit, ranges);
}

/* ---- maps ---- */

const struct ir_expr *recognise_roots(struct ir_context *context, const struct ir_expr *body, const struct poly_ranges *ranges)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, body, &count);
    const struct ir_expr **made = order ? ARENA_ARRAY(ir_arena(context), count, const struct ir_expr *) : NULL;
    for (size_t k = 0; made && k < count; k++) {
        const struct ir_expr *arguments[3] = {NULL, NULL, NULL}, *root = known(context, order[k]);
        root = root ? root : known_sign(context, order[k], ranges);
        for (uint32_t a = 0; a < order[k]->n_arguments; a++)
            arguments[a] = made[ir_expr_position(order, count, order[k]->arguments[a])];
        made[k] = root ? root : ir_expr_remake(context, order[k], arguments);
        if (!made[k])
            return NULL;
    }
    return made ? made[count - 1] : NULL;
}

bool recognise_is_found(const struct pass_kernel *pass, const struct ir_node *node)
{
    for (size_t k = 0; k < pass->n_recognised; k++)
        if (pass->recognised[k] == node)
            return true;
    return false;
}

bool recognise_note(struct recognising *recognising, const struct ir_node *formula)
{
    struct pass_kernel *pass = recognising->pass;
    return formula &&
           ARENA_PUSH(ir_arena(recognising->context), pass->recognised, pass->n_recognised, pass->recognised_capacity, formula);
}

static const struct ir_expr *operand_body(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    (void)context;
    return leaf->op == IR_EXPR_operand ? user : leaf;
}

/* Whole numbers of indices alone, in any type: bits, of which signs are made. */
static bool is_whole_formula(const struct ir_node *node)
{
    return node->op == IR_map_node && node->n_operands == 0 && whole_number(node->body);
}

/* The body of a map of one formula that was recognised, or of whole numbers in which roots are, over its own indices; NULL: it is
 * something else. */
static const struct ir_expr *composed(const struct recognising *recognising, const struct ir_node *node)
{
    const struct ir_access *access = node->operands;
    struct poly_ranges ranges = ir_ranges(node);
    bool found = node->n_operands == 1 && recognise_is_found(recognising->pass, access->node);
    if (node->n_operands != 1 || access->fill || access->conjugate || (!found && !is_whole_formula(access->node)))
        return NULL;
    const struct ir_expr *inner =
        ir_expr_substitute(recognising->context, access->node->body, NULL, NULL, access->node->rank, access->subscripts, &ranges);
    const struct ir_expr *body =
        inner ? ir_expr_substitute(recognising->context, node->body, operand_body, (void *)(uintptr_t)inner, 0, NULL, NULL) : NULL;
    if (found || !body)
        return body;
    const struct ir_expr *with_roots = recognise_roots(recognising->context, body, &ranges);
    return with_roots == body ? NULL : with_roots;
}

static const struct ir_node *recognise(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct recognising *recognising = user;
    if (node->op == IR_contract_node)
        return recognise_factors(recognising, node);
    if (node->op != IR_map_node || node->n_operands > 1)
        return node->op == IR_map_node ? recognise_sum(recognising, node) : node;
    struct poly_ranges ranges = {node->rank, node->shape};
    const struct ir_expr *body = node->n_operands ? composed(recognising, node) : recognise_roots(context, node->body, &ranges);
    if (!body || body == node->body)
        return arena_failed(ir_arena(context)) ? NULL : node;
    const struct ir_node *formula = ir_map(context, node->rank, node->shape, 0, NULL, body);
    return recognise_note(recognising, formula) ? formula : NULL;
}

enum einc_status pass_recognise(struct pass_kernel *pass)
{
    struct recognising recognising = {pass, pass->context};
    if (!pass->kernel->class_stated || pass->kernel->numeric_class == IR_CLASS_NORMWISE)
        (void)ir_rewrite(pass->context, pass->kernel, recognise, &recognising);
    return arena_failed(ir_arena(pass->context)) ? EINC_NO_MEMORY : EINC_OK;
}
