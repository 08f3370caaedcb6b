/* Expressions of loop IR as C expressions, with the parentheses that C and a reader need and no others.
 *
 * Floats use C's operators; a function that C has not gets a helper (c_helpers.c). Integers wrap modulo 2^bits without undefined
 * behaviour: a chain of + - * is computed in unsigned arithmetic of at least 32 bits and cast back once, at its root. Comparisons
 * that are known (an unsigned below 0, a value with itself) are folded, because compilers warn of them. Booleans are 0 and 1.
 * What einc simplifies is simplified before; here only + (-c), * 1 and the like are put in their plain form, all of them exact. */
#include "backends_internal.h"

#include <inttypes.h>
#include <math.h>

static void put(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence);

/* ---- small questions ---- */

static bool is_literal_value(const struct ir_expr *expr, double value)
{
    if (expr->op != IR_EXPR_literal)
        return false;
    return ir_elem_is_float(expr->elem) ? expr->literal.re == value && !signbit(expr->literal.re)
                                        : (double)expr->literal.i == value;
}

static bool is_wrapping(const struct ir_expr *expr)
{
    if (!ir_elem_is_integer(expr->elem))
        return false;
    return expr->op == IR_EXPR_add || expr->op == IR_EXPR_sub || expr->op == IR_EXPR_mul || expr->op == IR_EXPR_neg;
}

const char *c_part_name(const struct c_kernel *kernel, const struct ir_expr *expr)
{
    for (size_t k = 0; k < kernel->n_parts; k++)
        if (kernel->parts[k].expr == expr)
            return kernel->parts[k].name;
    return NULL;
}

static void open_if(struct text *text, bool wrap)
{
    text_put(text, wrap ? "(" : "");
}
static void close_if(struct text *text, bool wrap)
{
    text_put(text, wrap ? ")" : "");
}

/* ---- integers that wrap ---- */

void c_put_modular(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    bool wide = c_bits_of(expr->elem) == 64;
    if (!is_wrapping(expr) || c_part_name(kernel, expr)) {
        bool bare = expr->elem == IR_u32 || expr->elem == IR_u64;
        if (expr->op == IR_EXPR_literal && expr->literal.i >= 0 && expr->literal.i <= INT32_MAX) {
            text_printf(text, "%" PRId64 "u", expr->literal.i);
        } else if (bare) {
            put(kernel, text, expr, precedence);
        } else {
            open_if(text, precedence > C_UNARY);
            text_printf(text, "(uint%d_t)", wide ? 64 : 32);
            put(kernel, text, expr, C_UNARY);
            close_if(text, precedence > C_UNARY);
        }
        return;
    }
    enum c_precedence level = expr->op == IR_EXPR_mul ? C_MULTIPLY : C_ADD;
    open_if(text, precedence > level);
    if (expr->op == IR_EXPR_neg) {
        text_put(text, "0u - ");
        c_put_modular(kernel, text, expr->arguments[0], C_MULTIPLY);
    } else {
        c_put_modular(kernel, text, expr->arguments[0], level);
        text_put(text, expr->op == IR_EXPR_mul ? " * " : expr->op == IR_EXPR_add ? " + " : " - ");
        c_put_modular(kernel, text, expr->arguments[1], (enum c_precedence)(level + 1));
    }
    close_if(text, precedence > level);
}

static void put_wrapping(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    if (expr->elem == IR_u32 || expr->elem == IR_u64) {
        c_put_modular(kernel, text, expr, precedence);
        return;
    }
    open_if(text, precedence > C_UNARY);
    text_printf(text, "(%s)(", c_type(expr->elem));
    c_put_modular(kernel, text, expr, C_ANY);
    text_put(text, ")");
    close_if(text, precedence > C_UNARY);
}

/* ---- operators ---- */

static void put_infix(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, const char *operator,
                      enum c_precedence level, enum c_precedence left, enum c_precedence right, enum c_precedence precedence)
{
    open_if(text, precedence > level);
    put(kernel, text, expr->arguments[0], left);
    text_printf(text, " %s ", operator);
    put(kernel, text, expr->arguments[1], right);
    close_if(text, precedence > level);
}

/* a + -b is a - b, a - -b is a + b, bit for bit. */
static void put_sum(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    const struct ir_expr *right = expr->arguments[1];
    bool minus = expr->op == IR_EXPR_sub;
    open_if(text, precedence > C_ADD);
    put(kernel, text, expr->arguments[0], C_ADD);
    if (right->op == IR_EXPR_neg && !c_part_name(kernel, right)) {
        text_put(text, minus ? " + " : " - ");
        put(kernel, text, right->arguments[0], C_MULTIPLY);
    } else if (right->op == IR_EXPR_literal && c_is_negative_literal(right->literal)) {
        struct ir_number number = right->literal;
        number.re = -number.re;
        text_put(text, minus ? " + " : " - ");
        c_put_literal(kernel->file, text, number, C_MULTIPLY);
    } else {
        text_put(text, minus ? " - " : " + ");
        put(kernel, text, right, C_MULTIPLY);
    }
    close_if(text, precedence > C_ADD);
}

static void put_negation(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    const struct ir_expr *argument = expr->arguments[0];
    bool minus_inside = (argument->op == IR_EXPR_neg && !c_part_name(kernel, argument)) || argument->op == IR_EXPR_literal;
    open_if(text, precedence > C_UNARY);
    text_put(text, "-");
    put(kernel, text, argument, minus_inside ? C_PRIMARY : C_UNARY);
    close_if(text, precedence > C_UNARY);
}

static void put_product(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    for (int k = 0; k < 2; k++)
        if (is_literal_value(expr->arguments[k], 1)) {
            put(kernel, text, expr->arguments[1 - k], precedence);
            return;
        }
    put_infix(kernel, text, expr, "*", C_MULTIPLY, C_MULTIPLY, C_UNARY, precedence);
}

/* ---- calls ---- */

static void put_call(struct c_kernel *kernel, struct text *text, const char *name, const struct ir_expr *expr)
{
    text_printf(text, "%s(", name ? name : "");
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        text_put(text, k ? ", " : "");
        put(kernel, text, expr->arguments[k], C_ANY);
    }
    text_put(text, ")");
}

/* The C column of ops.def where it is a call: `~` is the suffix of the type, $k an argument. */
static void put_template(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr)
{
    kernel->file->uses_math = true;
    for (const char *at = ir_expr_info(expr->op)->c; *at; at++) {
        if (*at == '~') {
            text_put(text, expr->elem == IR_f32 ? "f" : "");
        } else if (*at == '$') {
            bool alone = (at[-1] == '(' || at[-2] == ',') && (at[2] == ',' || at[2] == ')');
            put(kernel, text, expr->arguments[*++at - '0'], alone ? C_ANY : C_UNARY);
        } else {
            text_put_bytes(text, at, 1);
        }
    }
}

static void put_helper(struct c_kernel *kernel, struct text *text, enum c_helper helper, const struct ir_expr *expr)
{
    put_call(kernel, text, c_use_helper(kernel->file, helper, expr->elem), expr);
}

/* Truncating division; a literal divisor that can neither be 0 nor overflow needs no helper. */
static void put_integer_division(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr,
                                 enum c_precedence precedence)
{
    const struct ir_expr *divisor = expr->arguments[1];
    bool is_plain = divisor->op == IR_EXPR_literal && divisor->literal.i != 0 && divisor->literal.i != -1;
    bool is_unsigned = c_kind_of(expr->elem) == IR_KIND_UNSIGNED;
    bool floors = expr->op != IR_EXPR_div && !is_unsigned;
    if (!is_plain || floors) {
        enum c_helper helper = expr->op == IR_EXPR_floor_mod ? HELPER_floor_mod : floors ? HELPER_floor_div : HELPER_divide;
        put_helper(kernel, text, helper, expr);
        return;
    }
    bool narrow = c_bits_of(expr->elem) < 32;
    enum c_precedence level = narrow ? C_UNARY : C_MULTIPLY;
    open_if(text, precedence > level);
    if (narrow)
        text_printf(text, "(%s)(", c_type(expr->elem));
    put_infix(kernel, text, expr, expr->op == IR_EXPR_floor_mod ? "%" : "/", C_MULTIPLY, C_MULTIPLY, C_UNARY, C_MULTIPLY);
    text_put(text, narrow ? ")" : "");
    close_if(text, precedence > level);
}

/* ---- casts ---- */

/* The argument of a cast; of a 16-bit type, as a float. */
static void put_float(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    const struct ir_expr *argument = expr->arguments[0];
    if (ir_elem_is_half(argument->elem))
        put_call(kernel, text, c_use_helper(kernel->file, HELPER_to_float, argument->elem), expr);
    else
        put(kernel, text, argument, precedence);
}

static void put_plain_cast(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    const struct ir_expr *argument = expr->arguments[0];
    open_if(text, precedence > C_UNARY);
    text_printf(text, "(%s)", c_type(expr->elem));
    if (argument->op == IR_EXPR_index && c_proved_nonnegative(kernel, argument->index))
        c_put_size(kernel, text, argument->index, C_UNARY); /* (double)i */
    else
        put_float(kernel, text, expr, C_UNARY);
    close_if(text, precedence > C_UNARY);
}

static void put_zero_test(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    const struct ir_expr *argument = expr->arguments[0];
    open_if(text, precedence > C_EQUAL);
    put_float(kernel, text, expr, C_COMPARE);
    text_put(text, ir_elem_accumulator(argument->elem) == IR_f32 ? " != 0.0f" : argument->elem == IR_f64 ? " != 0.0" : " != 0");
    close_if(text, precedence > C_EQUAL);
}

/* Where the cast is a function of the file. */
static void put_cast_call(struct c_kernel *kernel, struct text *text, enum c_helper helper, const struct ir_expr *expr)
{
    text_printf(text, "%s(", c_use_helper(kernel->file, helper, expr->elem));
    put_float(kernel, text, expr, C_ANY);
    text_put(text, ")");
}

static void put_cast(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    const struct ir_expr *argument = expr->arguments[0];
    if (argument->elem == expr->elem)
        put(kernel, text, argument, precedence);
    else if (expr->elem == IR_bool)
        put_zero_test(kernel, text, expr, precedence);
    else if (ir_elem_is_half(expr->elem))
        put_cast_call(kernel, text, argument->elem == IR_f64 ? HELPER_from_double : HELPER_from_float, expr);
    else if (ir_elem_is_integer(expr->elem) && ir_elem_is_float(argument->elem))
        put_cast_call(kernel, text, HELPER_from_float, expr);
    else if (ir_elem_is_half(argument->elem) && expr->elem == IR_f32)
        put_float(kernel, text, expr, C_ANY);
    else
        put_plain_cast(kernel, text, expr, precedence);
}

/* ---- comparisons ---- */

static bool is_least(struct ir_number number)
{
    int bits = c_bits_of(number.elem);
    return number.i == (c_kind_of(number.elem) == IR_KIND_SIGNED ? -(INT64_C(1) << (bits - 2)) * 2 : 0);
}

static bool is_largest(struct ir_number number)
{
    int bits = c_bits_of(number.elem);
    if (number.elem == IR_bool)
        return number.i == 1;
    if (c_kind_of(number.elem) == IR_KIND_SIGNED)
        return number.i == ((INT64_C(1) << (bits - 2)) - 1) * 2 + 1;
    return bits == 64 ? number.i == -1 : number.i == (INT64_C(1) << bits) - 1;
}

/* index < number and the like, where the bounds of the loops decide. */
static int known_index_comparison(struct c_kernel *kernel, enum ir_expr_op op, const struct poly *index, int64_t number)
{
    struct ir_context *context = kernel->file->context;
    const struct poly *bound = poly_constant(context, number), *one = poly_constant(context, 1);
    bool strict = op == IR_EXPR_lt || op == IR_EXPR_ge; /* index < n or not; else index <= n or not */
    const struct poly *above = poly_subtract(context, index, strict ? bound : poly_add(context, bound, one));
    const struct poly *below = poly_subtract(context, strict ? poly_subtract(context, bound, one) : bound, index);
    bool is_less = op == IR_EXPR_lt || op == IR_EXPR_le;
    if (op == IR_EXPR_eq || op == IR_EXPR_ne || !above || !below)
        return -1;
    if (c_proved_nonnegative(kernel, above))
        return !is_less;
    return c_proved_nonnegative(kernel, below) ? is_less : -1;
}

/* 0 or 1 when the comparison has the same result for all values, else -1. Compilers warn of such comparisons. */
static int known_comparison(struct c_kernel *kernel, const struct ir_expr *expr)
{
    const struct ir_expr *a = expr->arguments[0], *b = expr->arguments[1];
    enum ir_expr_op op = expr->op;
    if (ir_elem_is_float(a->elem))
        return -1;
    if (a->op == IR_EXPR_index && b->op == IR_EXPR_literal)
        return known_index_comparison(kernel, op, a->index, b->literal.i);
    if (a == b)
        return op == IR_EXPR_eq || op == IR_EXPR_le || op == IR_EXPR_ge;
    if (b->op == IR_EXPR_literal && ((op == IR_EXPR_lt && is_least(b->literal)) || (op == IR_EXPR_gt && is_largest(b->literal))))
        return 0;
    if (b->op == IR_EXPR_literal && ((op == IR_EXPR_ge && is_least(b->literal)) || (op == IR_EXPR_le && is_largest(b->literal))))
        return 1;
    if (a->op == IR_EXPR_literal && ((op == IR_EXPR_gt && is_least(a->literal)) || (op == IR_EXPR_lt && is_largest(a->literal))))
        return 0;
    if (a->op == IR_EXPR_literal && ((op == IR_EXPR_le && is_least(a->literal)) || (op == IR_EXPR_ge && is_largest(a->literal))))
        return 1;
    return -1;
}

/* An index value or a whole number that is compared as a double; NULL: something else. */
static const struct poly *whole_side(struct c_kernel *kernel, const struct ir_expr *expr)
{
    const double largest = 0x1p52;
    if (c_part_name(kernel, expr) || expr->elem != IR_f64)
        return NULL;
    if (expr->op == IR_EXPR_cast)
        return expr->arguments[0]->op == IR_EXPR_index && !poly_is_run_time(expr->arguments[0]->index) ? expr->arguments[0]->index
                                                                                                       : NULL;
    bool whole = expr->op == IR_EXPR_literal && fabs(expr->literal.re) < largest && floor(expr->literal.re) == expr->literal.re;
    return whole ? poly_constant(kernel->file->context, (int64_t)expr->literal.re) : NULL;
}

/* `i == j` of (double)i == (double)j: both are whole numbers, which doubles hold. */
static bool put_whole_comparison(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, const char *operator,
                                 enum c_precedence precedence)
{
    enum ir_expr_op op = expr->op;
    bool equality = op == IR_EXPR_eq || op == IR_EXPR_ne;
    const struct poly *a = whole_side(kernel, expr->arguments[0]), *b = whole_side(kernel, expr->arguments[1]);
    const struct poly *difference = a && b ? poly_subtract(kernel->file->context, a, b) : NULL;
    if (!difference || poly_is_constant(difference, NULL))
        return false;
    struct text written = text_create(kernel->file->arena);
    if (!c_put_sides(kernel, &written, difference, operator))
        return false;
    open_if(text, precedence > (equality ? C_EQUAL : C_COMPARE));
    text_put(text, text_finish(&written));
    close_if(text, precedence > (equality ? C_EQUAL : C_COMPARE));
    return true;
}

static void put_comparison(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, const char *operator,
                           enum c_precedence precedence)
{
    int known = known_comparison(kernel, expr);
    if (known >= 0)
        text_printf(text, "%d", known);
    else if (put_whole_comparison(kernel, text, expr, operator, precedence))
        return;
    else /* operands that are comparisons themselves get parentheses: compilers ask for them */
        put_infix(kernel, text, expr, operator, expr->op == IR_EXPR_eq || expr->op == IR_EXPR_ne ? C_EQUAL : C_COMPARE, C_ADD,
                  C_ADD, precedence);
}

/* `a && b` within `a || b` and `!a` under a comparison stand in parentheses for the same reason. */
static void put_logic(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    if (expr->op == IR_EXPR_not) {
        open_if(text, precedence > C_AND);
        text_put(text, "!");
        put(kernel, text, expr->arguments[0], C_PRIMARY);
        close_if(text, precedence > C_AND);
    } else if (expr->op == IR_EXPR_and) {
        put_infix(kernel, text, expr, "&&", C_AND, C_AND, C_EQUAL, precedence > C_OR ? precedence : C_AND);
    } else {
        bool wrap_left = expr->arguments[0]->op == IR_EXPR_and, wrap_right = expr->arguments[1]->op == IR_EXPR_and;
        put_infix(kernel, text, expr, "||", C_OR, wrap_left ? C_EQUAL : C_OR, wrap_right ? C_EQUAL : C_AND, precedence);
    }
}

/* Branches that are arithmetic keep their own rounding; narrow integers stay what they are under `?:`. */
static void put_select(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    open_if(text, precedence > C_TERNARY);
    put(kernel, text, expr->arguments[0], C_OR);
    text_put(text, " ? ");
    put(kernel, text, expr->arguments[1], C_OR);
    text_put(text, " : ");
    put(kernel, text, expr->arguments[2], C_TERNARY);
    close_if(text, precedence > C_TERNARY);
}

/* ---- everything ---- */

static void put_arithmetic(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    if (is_wrapping(expr)) {
        put_wrapping(kernel, text, expr, precedence);
        return;
    }
    bool is_integer = ir_elem_is_integer(expr->elem);
    switch (expr->op) {
    case IR_EXPR_neg:
        put_negation(kernel, text, expr, precedence);
        return;
    case IR_EXPR_add:
    case IR_EXPR_sub:
        put_sum(kernel, text, expr, precedence);
        return;
    case IR_EXPR_mul:
        put_product(kernel, text, expr, precedence);
        return;
    case IR_EXPR_floor_mod:
        if (!is_integer) {
            kernel->file->uses_math = true;
            put_helper(kernel, text, HELPER_floor_mod, expr);
            return;
        } /* fall through */
    case IR_EXPR_div:
    case IR_EXPR_floor_div:
        if (is_integer)
            put_integer_division(kernel, text, expr, precedence);
        else if (expr->op == IR_EXPR_div)
            put_infix(kernel, text, expr, "/", C_MULTIPLY, C_MULTIPLY, C_UNARY, precedence);
        else
            put_template(kernel, text, expr);
        return;
    default:
        return;
    }
}

static void put_function(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    enum ir_elem elem = expr->elem;
    switch (expr->op) {
    case IR_EXPR_min:
        if (!c_put_saturated(kernel, text, expr))
            put_helper(kernel, text, HELPER_min, expr);
        return;
    case IR_EXPR_max:
        put_helper(kernel, text, HELPER_max, expr);
        return;
    case IR_EXPR_relu:
    case IR_EXPR_abs:
        if (c_kind_of(elem) == IR_KIND_UNSIGNED)
            put(kernel, text, expr->arguments[0], precedence);
        else if (expr->op == IR_EXPR_abs && ir_elem_is_float(elem))
            put_template(kernel, text, expr);
        else
            put_helper(kernel, text, expr->op == IR_EXPR_abs ? HELPER_abs : HELPER_relu, expr);
        return;
    case IR_EXPR_gelu:
        put_helper(kernel, text, HELPER_gelu, expr);
        return;
    case IR_EXPR_gelu_tanh:
        put_helper(kernel, text, HELPER_gelu_tanh, expr);
        return;
    case IR_EXPR_sigmoid:
        put_helper(kernel, text, HELPER_sigmoid, expr);
        return;
    case IR_EXPR_silu:
        put_helper(kernel, text, HELPER_silu, expr);
        return;
    case IR_EXPR_conj: /* of a real number */
    case IR_EXPR_real:
        put(kernel, text, expr->arguments[0], precedence);
        return;
    case IR_EXPR_imag:
        c_put_literal(kernel->file, text, ir_number_integer(elem, 0), precedence);
        return;
    default:
        put_template(kernel, text, expr);
    }
}

static void put_leaf(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    switch (expr->op) {
    case IR_EXPR_literal:
        c_put_literal(kernel->file, text, expr->literal, precedence);
        return;
    case IR_EXPR_index:
        c_put_signed(kernel, text, expr->index, precedence > C_MULTIPLY ? C_UNARY : precedence);
        return;
    case IR_EXPR_load:
        c_put_element(kernel, text, expr->load.buffer, expr->load.address);
        return;
    case IR_EXPR_local:
        text_put(text, kernel->locals[expr->local] ? kernel->locals[expr->local] : "");
        return;
    default:
        return;
    }
}

static void put(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    const char *name = c_part_name(kernel, expr);
    if (name) {
        text_put(text, name);
        return;
    }
    switch (expr->op) {
    case IR_EXPR_neg:
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_mul:
    case IR_EXPR_div:
    case IR_EXPR_floor_div:
    case IR_EXPR_floor_mod:
        put_arithmetic(kernel, text, expr, precedence);
        return;
    case IR_EXPR_eq:
        put_comparison(kernel, text, expr, "==", precedence);
        return;
    case IR_EXPR_ne:
        put_comparison(kernel, text, expr, "!=", precedence);
        return;
    case IR_EXPR_lt:
        put_comparison(kernel, text, expr, "<", precedence);
        return;
    case IR_EXPR_le:
        put_comparison(kernel, text, expr, "<=", precedence);
        return;
    case IR_EXPR_gt:
        put_comparison(kernel, text, expr, ">", precedence);
        return;
    case IR_EXPR_ge:
        put_comparison(kernel, text, expr, ">=", precedence);
        return;
    case IR_EXPR_and:
    case IR_EXPR_or:
    case IR_EXPR_not:
        put_logic(kernel, text, expr, precedence);
        return;
    case IR_EXPR_select:
        put_select(kernel, text, expr, precedence);
        return;
    case IR_EXPR_cast:
        put_cast(kernel, text, expr, precedence);
        return;
    default:
        if (ir_expr_info(expr->op)->arity == 0)
            put_leaf(kernel, text, expr, precedence);
        else
            put_function(kernel, text, expr, precedence);
    }
}

void c_put_expr(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence)
{
    put(kernel, text, expr, precedence);
}
