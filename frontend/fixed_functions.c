/* Functions of fixed-point values: tanh, sigmoid, silu, gelu and gelu_tanh in integers, docs/fixed-point.md.
 *
 * The argument is rounded once, to 2^-16 between -6 and 6, where an odd function S that goes to 1 is two polynomials with integer
 * coefficients (fixed_functions.def): so a function is sums, products and shifts of integers, with the same bits everywhere.
 * tanh(a) is S(a); sigmoid(a) is (1 + tanh(a / 2)) / 2; silu, gelu and gelu_tanh are a * (1 + S(...)) / 2 with the exact a. In
 * formulas it is an application to integers; its polynomials are written where what the argument sums is an operand already
 * (summation.c). */
#include <math.h>
#include "fixed_point.h"

enum { DEGREE = 9, ARGUMENT_BITS = 16, RESULT_BITS = 16, COEFFICIENT_BITS = 24, MOST_ARGUMENT = 6 << ARGUMENT_BITS };

enum shape { SHAPE_tanh, SHAPE_normal, SHAPE_normal_tanh };
static const int64_t pieces[3][2][DEGREE + 1] = {
#define FIXED(name, piece, ...) [SHAPE_##name][piece] = {__VA_ARGS__},
#include "fixed_functions.def"
};

static const struct fixed_function {
    enum ir_expr_op op;
    enum shape shape;
    double factor; /* of the argument */
    bool half;     /* (1 + S) / 2 */
    bool times;    /* multiplied by the argument */
} functions[] = {
    {IR_EXPR_tanh, SHAPE_tanh, 1, false, false},           {IR_EXPR_sigmoid, SHAPE_tanh, 0.5, true, false},
    {IR_EXPR_silu, SHAPE_tanh, 0.5, true, true},           {IR_EXPR_gelu, SHAPE_normal, 1, true, true},
    {IR_EXPR_gelu_tanh, SHAPE_normal_tanh, 1, true, true},
};

static const struct fixed_function *find(enum ir_expr_op op)
{
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++)
        if (functions[k].op == op)
            return &functions[k];
    return NULL;
}

bool fixed_has_function(enum ir_expr_op op)
{
    return find(op) != NULL;
}

bool fixed_is_function(const struct formula *formula)
{
    return formula->kind == FORMULA_APPLY && find(formula->op);
}

bool fixed_measure_function(struct statement *statement, const struct formula *formula, struct fixed_range *range)
{
    const struct fixed_function *function = find(formula->op);
    int64_t one = INT64_C(1) << RESULT_BITS, high = function->half ? 2 * one : one, low = function->half ? 0 : -one;
    double step = ldexp(1, function->half ? -RESULT_BITS - 1 : -RESULT_BITS);
    if (!fixed_measure_term(statement, formula->arguments[0], range))
        return false;
    if (!function->times) {
        *range = (struct fixed_range){step, low, high, high};
        return true;
    }
    range->step *= step;
    if (checked_multiply(range->low, high, &range->low) && checked_multiply(range->high, high, &range->high) &&
        checked_multiply(range->most, high, &range->most))
        return true;
    return fixed_report_large(statement, formula);
}

/* The argument of S. */
static struct formula *round_argument(struct statement *statement, const struct formula *formula,
                                      const struct fixed_function *function)
{
    const struct fixed_point step = {ir_expr_info(function->op)->name, ldexp(1, -ARGUMENT_BITS), -MOST_ARGUMENT, MOST_ARGUMENT};
    const struct tensor_type wanted = {.elem = IR_i32, .fixed = &step};
    struct fixed_sum *sum = ARENA_NEW(statement->body->arena, struct fixed_sum);
    if (!sum)
        return NULL;
    sum->low = step.low;
    sum->high = step.high;
    return fixed_collect(statement, sum, formula->arguments[0], function->factor)
               ? fixed_round(statement, sum, &wanted, formula->span)
               : NULL;
}

struct formula *fixed_write_function(struct statement *statement, const struct formula *formula, enum ir_elem elem)
{
    const struct fixed_function *function = find(formula->op);
    struct formula *argument = round_argument(statement, formula, function);
    struct formula *parts[2] = {argument, NULL};
    struct fixed_range range;
    if (function->times && !fixed_measure_term(statement, formula->arguments[0], &range))
        return NULL;
    if (function->times) /* as it is in the sum above, so that it is computed once */
        parts[1] = fixed_cast(statement, elem, fixed_write(statement, formula->arguments[0], fixed_elem(range.most)));
    if (!argument || (function->times && !parts[1]))
        return NULL;
    struct formula *apply =
        fixed_create(statement, FORMULA_APPLY, formula->span, function->times ? elem : IR_i32, function->times ? 2 : 1, parts);
    if (apply)
        apply->op = function->op;
    return fixed_cast(statement, elem, apply);
}

/* ---- below formulas ---- */

static const struct ir_expr *number(struct ir_context *context, enum ir_elem elem, int64_t value)
{
    return ir_expr_literal(context, ir_number_integer(elem, value));
}

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *pair[2] = {a, b};
    return a && b ? ir_expr_apply(context, op, 2, pair) : NULL;
}

static const struct ir_expr *choose(struct ir_context *context, const struct ir_expr *condition, const struct ir_expr *a,
                                    const struct ir_expr *b)
{
    const struct ir_expr *choice[3] = {condition, a, b};
    return condition && a && b ? ir_expr_apply(context, IR_EXPR_select, 3, choice) : NULL;
}

/* a * b / 2^bits, rounded down; both have 32 bits, their product 64. */
static const struct ir_expr *scaled(struct ir_context *context, const struct ir_expr *a, const struct ir_expr *b, int bits)
{
    const struct ir_expr *product =
        a && b ? apply(context, IR_EXPR_mul, ir_expr_cast(context, IR_i64, a), ir_expr_cast(context, IR_i64, b)) : NULL;
    const struct ir_expr *shifted = apply(context, IR_EXPR_floor_div, product, number(context, IR_i64, INT64_C(1) << bits));
    return shifted ? ir_expr_cast(context, IR_i32, shifted) : NULL;
}

/* S of |t|, for t from -MOST_ARGUMENT to MOST_ARGUMENT; then with the sign of t. */
static const struct ir_expr *odd(struct ir_context *context, enum shape shape, const struct ir_expr *t)
{
    const struct ir_expr *zero = number(context, IR_i32, 0), *negative = apply(context, IR_EXPR_lt, t, zero);
    const struct ir_expr *magnitude = choose(context, negative, apply(context, IR_EXPR_sub, zero, t), t);
    const struct ir_expr *first = apply(context, IR_EXPR_lt, magnitude, number(context, IR_i32, 2 << ARGUMENT_BITS));
    const struct ir_expr *middle =
        choose(context, first, number(context, IR_i32, 1 << ARGUMENT_BITS), number(context, IR_i32, 4 << ARGUMENT_BITS));
    const struct ir_expr *v = apply(context, IR_EXPR_sub, magnitude, middle), *value = NULL;
    for (int k = DEGREE; k >= 0; k--) {
        const struct ir_expr *coefficient =
            choose(context, first, number(context, IR_i32, pieces[shape][0][k]), number(context, IR_i32, pieces[shape][1][k]));
        value = k == DEGREE ? coefficient : apply(context, IR_EXPR_add, scaled(context, value, v, ARGUMENT_BITS), coefficient);
    }
    const int64_t divisor = INT64_C(1) << (COEFFICIENT_BITS - RESULT_BITS);
    value = apply(context, IR_EXPR_floor_div, apply(context, IR_EXPR_add, value, number(context, IR_i32, divisor / 2)),
                  number(context, IR_i32, divisor));
    return choose(context, negative, apply(context, IR_EXPR_sub, zero, value), value);
}

const struct ir_expr *fixed_function_lower(struct ir_context *context, const struct formula *formula,
                                           const struct ir_expr *const *arguments)
{
    const struct fixed_function *function = find(formula->op);
    const struct ir_expr *value = odd(context, function->shape, arguments[0]);
    if (function->half)
        value = apply(context, IR_EXPR_add, value, number(context, IR_i32, INT64_C(1) << RESULT_BITS));
    if (!value || !function->times)
        return value;
    return apply(context, IR_EXPR_mul, arguments[1], ir_expr_cast(context, arguments[1]->elem, value));
}
