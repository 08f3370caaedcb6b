/* Tensors that entries of operators are made of, other than tables of numbers. */
#include "operators.h"

/* Radix of the first step: 4 where it divides, else the smallest prime. */
int64_t operator_radix(int64_t n)
{
    if (n % 4 == 0)
        return 4;
    for (int64_t p = 2; p * p <= n; p++)
        if (n % p == 0)
            return p;
    return n;
}

/* ---- powers ---- */

static const struct ir_expr *multiply(struct ir_context *context, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return a && b ? ir_expr_apply(context, IR_EXPR_mul, 2, arguments) : NULL;
}

static const struct ir_expr *one_of(struct ir_context *context, enum ir_elem elem)
{
    return ir_expr_literal(context, ir_elem_is_integer(elem) ? ir_number_integer(elem, 1) : ir_number_real(elem, 1));
}

/* a^n by squaring. */
static const struct ir_expr *power(struct ir_context *context, const struct ir_expr *a, int64_t n)
{
    const struct ir_expr *result = NULL;
    for (; n > 0; n /= 2) {
        if (n % 2)
            result = result ? multiply(context, result, a) : a;
        if (n > 1)
            a = multiply(context, a, a);
    }
    return result;
}

const struct ir_node *operator_powers(struct ir_context *context, const struct ir_node *x, int64_t weight, int64_t count)
{
    const struct poly *shape[2] = {x->shape[0], poly_constant(context, count)};
    const struct poly *point = poly_index(context, 0), *digit = poly_index(context, 1);
    struct poly_ranges ranges = {2, shape};
    struct ir_access operand = {.node = x, .subscripts = &point};
    const struct ir_expr *square = power(context, ir_expr_operand(context, 0, x->elem), weight);
    const struct ir_expr *body = one_of(context, x->elem), *none = ir_expr_literal(context, ir_number_integer(IR_i64, 0));
    for (int64_t bit = 1; bit < count; bit *= 2) { /* x^d is the product of squares at the bits of d */
        const struct poly *above = poly_floor_div(context, digit, poly_constant(context, bit), &ranges);
        const struct ir_expr *sides[2] = {ir_expr_index(context, poly_mod(context, above, poly_constant(context, 2), &ranges)),
                                          none};
        const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_ne, 2, sides), square, one_of(context, x->elem)};
        const struct ir_expr *factor = ir_expr_apply(context, IR_EXPR_select, 3, choice);
        body = bit == 1 ? factor : multiply(context, body, factor);
        square = multiply(context, square, square);
    }
    return ir_map(context, 2, shape, 1, &operand, body);
}

/* ---- coordinates ---- */

const struct ir_node *operator_coordinates(struct ir_context *context, const struct operator_node *operator_)
{
    const struct ir_node *values = operator_->tensors[2].node;
    const struct poly *shape[2] = {operator_->rows, operator_->columns}, *k = poly_index(context, 0), *at[2];
    bool whole = ir_elem_is_integer(values->elem) || values->elem == IR_bool;
    struct ir_number zero = whole ? ir_number_integer(values->elem, 0) : ir_number_real(values->elem, 0);
    const struct ir_node *empty = ir_map(context, 2, shape, 0, NULL, ir_expr_literal(context, zero));
    at[0] = poly_table(context, operator_->tensors[0].node, 1, &k);
    at[1] = poly_table(context, operator_->tensors[1].node, 1, &k);
    struct ir_access base = {.node = empty, .subscripts = at};
    if (!empty || !at[0] || !at[1])
        return NULL;
    enum ir_ring ring = values->elem == IR_bool ? IR_RING_orand : IR_RING_plustimes;
    return ir_scatter(context, ring, 1, values->shape, base, ir_access_whole(context, values));
}
