/* Expressions and numbers of tensor IR in the syntax of .ein files.
 *
 * A number is written with as few digits as read back to the same bits in its type. Literals of the language are weakly typed, so a
 * body that holds nothing typed is wrapped in a cast. */
#include "ein.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static bool reads_back(enum ir_elem elem, const char *digits, double value)
{
    double read = strtod(digits, NULL);
    return ir_round_real(elem, read) == ir_round_real(elem, value);
}

static void put_real(struct ein_writer *w, enum ir_elem elem, double value)
{
    char digits[40];
    if (isnan(value) || isinf(value)) {
        text_put(w->text, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (reads_back(elem, digits, value))
            break;
    }
    text_put(w->text, digits);
    if (!strpbrk(digits, ".e"))
        text_put(w->text, ".0");
}

static bool is_negative(struct ir_number number)
{
    if (ir_elem_is_float(number.elem))
        return signbit(number.re) && !isnan(number.re);
    return ir_elem_is_integer(number.elem) && number.elem != IR_u64 && number.i < 0;
}

/* There is no literal of an infinite or undefined imaginary number. Literals are calculated with in double before they have a type,
 * and a product of finite ones that overflows keeps the real part. */
static void put_imaginary(struct ein_writer *w, enum ir_elem elem, double value)
{
    static const char infinite[] = "1e300i * 1e300";
    bool negative = signbit(value) && !isnan(value);
    text_put(w->text, negative ? " - " : " + ");
    if (isfinite(value)) {
        put_real(w, elem, fabs(value));
        text_put(w->text, "i");
        return;
    }
    text_put(w->text, infinite);
    if (isnan(value))
        text_printf(w->text, " - %s", infinite);
}

static void put_complex(struct ein_writer *w, struct ir_number number)
{
    enum ir_elem elem = ir_elem_real(number.elem);
    text_put(w->text, "(");
    put_real(w, elem, number.re);
    put_imaginary(w, elem, number.im);
    text_put(w->text, ")");
}

void ein_put_number(struct ein_writer *w, struct ir_number number, enum ein_precedence precedence)
{
    bool wrap = is_negative(number) && precedence > EIN_UNARY;
    text_put(w->text, wrap ? "(" : "");
    if (ir_elem_is_complex(number.elem))
        put_complex(w, number);
    else if (ir_elem_is_float(number.elem))
        put_real(w, number.elem, number.re);
    else if (number.elem == IR_bool)
        text_put(w->text, number.i ? "true" : "false");
    else if (number.elem == IR_u64 && number.i < 0)
        text_printf(w->text, "u64(%" PRId64 ")", number.i); /* a literal ends at 2^63 - 1, a cast wraps */
    else
        text_printf(w->text, "%" PRId64, number.i);
    text_put(w->text, wrap ? ")" : "");
}

/* ---- expressions ---- */

static void put(struct ein_writer *w, const struct ir_expr *expr, enum ein_precedence precedence);

bool ein_expr_uses(struct ein_writer *w, const struct ir_expr *expr, uint32_t index)
{
    if (expr->op == IR_EXPR_index)
        return poly_uses_index(expr->index, index);
    if (expr->op == IR_EXPR_operand)
        return ein_operand_uses(w, expr->operand, index);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        if (ein_expr_uses(w, expr->arguments[k], index))
            return true;
    return false;
}

struct operator
{
    enum ir_expr_op op;
    const char *sign;
    enum ein_precedence level;
};

static const struct operator operators[] = {
    {IR_EXPR_add, "+", EIN_ADD},
    {IR_EXPR_sub, "-", EIN_ADD},
    {IR_EXPR_mul, "*", EIN_MULTIPLY},
    {IR_EXPR_div, "/", EIN_MULTIPLY},
    {IR_EXPR_floor_div, "div", EIN_MULTIPLY},
    {IR_EXPR_floor_mod, "mod", EIN_MULTIPLY},
    {IR_EXPR_eq, "==", EIN_COMPARE},
    {IR_EXPR_ne, "!=", EIN_COMPARE},
    {IR_EXPR_lt, "<", EIN_COMPARE},
    {IR_EXPR_le, "<=", EIN_COMPARE},
    {IR_EXPR_gt, ">", EIN_COMPARE},
    {IR_EXPR_ge, ">=", EIN_COMPARE},
    {IR_EXPR_and, "and", EIN_AND},
    {IR_EXPR_or, "or", EIN_OR},
};

static const struct operator* find_operator(enum ir_expr_op op)
{
    for (size_t k = 0; k < sizeof operators / sizeof *operators; k++)
        if (operators[k].op == op)
            return &operators[k];
    return NULL;
}

static void put_operator(struct ein_writer *w, const struct ir_expr *expr, const struct operator* operator,
                         enum ein_precedence precedence)
{
    bool compares = operator->level == EIN_COMPARE;
    text_put(w->text, precedence > operator->level ? "(" : "");
    put(w, expr->arguments[0], compares ? EIN_ADD : operator->level);
    text_printf(w->text, " %s ", operator->sign);
    put(w, expr->arguments[1], (enum ein_precedence)(operator->level + 1));
    text_put(w->text, precedence > operator->level ? ")" : "");
}

static void put_call(struct ein_writer *w, const char *name, const struct ir_expr *expr)
{
    text_printf(w->text, "%s(", name);
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        text_put(w->text, k ? ", " : "");
        put(w, expr->arguments[k], EIN_ANY);
    }
    text_put(w->text, ")");
}

static void put_prefix(struct ein_writer *w, const struct ir_expr *expr, const char *sign, enum ein_precedence level,
                       enum ein_precedence precedence)
{
    text_put(w->text, precedence > level ? "(" : "");
    text_put(w->text, sign);
    put(w, expr->arguments[0], level == EIN_UNARY ? EIN_PRIMARY : level);
    text_put(w->text, precedence > level ? ")" : "");
}

static void put_pieces(struct ein_writer *w, const struct ir_expr *expr)
{
    bool fused = expr->op == IR_EXPR_fma;
    text_put(w->text, "(");
    put(w, expr->arguments[0], fused ? EIN_MULTIPLY : EIN_ADD);
    text_put(w->text, fused ? " * " : " + 1i * ");
    put(w, expr->arguments[1], EIN_UNARY);
    if (fused) {
        text_put(w->text, " + ");
        put(w, expr->arguments[2], EIN_MULTIPLY);
    }
    text_put(w->text, ")");
}

static void put(struct ein_writer *w, const struct ir_expr *expr, enum ein_precedence precedence)
{
    const struct operator* operator= find_operator(expr->op);
    if (operator) {
        put_operator(w, expr, operator, precedence);
        return;
    }
    switch (expr->op) {
    case IR_EXPR_literal:
        ein_put_number(w, expr->literal, precedence);
        return;
    case IR_EXPR_operand:
        ein_put_operand(w, expr->operand);
        return;
    case IR_EXPR_index:
        ein_put_poly_value(w, expr->index, precedence > EIN_ADD ? 2 : 0);
        return;
    case IR_EXPR_neg:
        put_prefix(w, expr, "-", EIN_UNARY, precedence);
        return;
    case IR_EXPR_not:
        put_prefix(w, expr, "not ", EIN_NOT, precedence);
        return;
    case IR_EXPR_complex:
    case IR_EXPR_fma:
        put_pieces(w, expr);
        return;
    case IR_EXPR_cast:
        put_call(w, ir_elem_info(expr->elem)->name, expr);
        return;
    case IR_EXPR_select:
        put_call(w, "where", expr);
        return;
    default:
        put_call(w, ir_expr_info(expr->op)->name, expr);
    }
}

static bool is_typed(const struct ir_expr *expr)
{
    if (expr->op == IR_EXPR_operand || expr->op == IR_EXPR_cast)
        return true;
    for (uint32_t k = expr->op == IR_EXPR_select; k < expr->n_arguments; k++)
        if (is_typed(expr->arguments[k]))
            return true;
    return ir_expr_info(expr->op)->result == IR_RESULT_BOOL;
}

void ein_put_body(struct ein_writer *w, const struct ir_node *map)
{
    bool typed = is_typed(map->body);
    if (!typed)
        text_printf(w->text, "%s(", ir_elem_info(map->elem)->name);
    put(w, map->body, EIN_ANY);
    text_put(w->text, typed ? "" : ")");
}
