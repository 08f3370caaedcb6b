/* Random pointwise expressions of one type over the operands of a map.
 *
 * What may be applied depends on the kind of program (programs.h). CONTINUOUS: functions continuous where they are applied, so that
 * a rounding before them stays a rounding after them: comparisons only look at integers, exp and the like at arguments of bounded
 * size, and nothing divides by what may be near 0. OPAQUE: any function, of what surely varies. INTEGER: everything, since integers
 * are exact. WHOLE: what keeps whole numbers whole. */
#include "programs_internal.h"

#include <math.h>

void choose_elems(struct generator *generator)
{
    static const enum ir_elem continuous[][2] = {{IR_f64, IR_f64},   {IR_f64, IR_c128}, {IR_f32, IR_f32}, {IR_c64, IR_f32},
                                                 {IR_c128, IR_c128}, {IR_i64, IR_i64},  {IR_i32, IR_i32}, {IR_i64, IR_f64},
                                                 {IR_bool, IR_f32},  {IR_i8, IR_i32},   {IR_u8, IR_i16},  {IR_u32, IR_u64},
                                                 {IR_u16, IR_bool}};
    /* narrow integers wrap when constants are multiplied out, which no residue follows */
    static const enum ir_elem polynomial[][2] = {{IR_f64, IR_f64}, {IR_f64, IR_c128},  {IR_f32, IR_f32}, {IR_c64, IR_f32},
                                                 {IR_i64, IR_i64}, {IR_c128, IR_c128}, {IR_i64, IR_f64}};
    static const enum ir_elem opaque[][2] = {
        {IR_f64, IR_f64}, {IR_f64, IR_c128}, {IR_f32, IR_f32}, {IR_f64, IR_bool}, {IR_f32, IR_f64}};
    static const enum ir_elem integer[][2] = {{IR_i64, IR_i64},   {IR_i32, IR_i32},  {IR_i8, IR_i32},
                                              {IR_bool, IR_bool}, {IR_u8, IR_i16},   {IR_u32, IR_u64},
                                              {IR_u16, IR_bool},  {IR_i64, IR_bool}, {IR_i16, IR_u32}};
    static const enum ir_elem whole[][2] = {{IR_f64, IR_f64},  {IR_f64, IR_c128}, {IR_f32, IR_f32}, {IR_c64, IR_f32},
                                            {IR_f32, IR_bool}, {IR_i32, IR_f64},  {IR_f32, IR_f64}, {IR_c128, IR_c128},
                                            {IR_f16, IR_f32},  {IR_bf16, IR_f64}, {IR_f16, IR_bf16}};
#define PAIRS(table)                                                                                                               \
    {                                                                                                                              \
        table, sizeof table / sizeof *table                                                                                        \
    }
    static const struct {
        const enum ir_elem (*pairs)[2];
        size_t n;
    } kinds[] = {PAIRS(continuous), PAIRS(polynomial), PAIRS(opaque), PAIRS(integer), PAIRS(whole)};
#undef PAIRS
    const enum ir_elem *pair = kinds[generator->options.kind].pairs[pick(generator, (uint32_t)kinds[generator->options.kind].n)];
    generator->elems[0] = pair[0];
    generator->elems[1] = pair[1];
}

enum ir_elem some_elem(struct generator *generator)
{
    return generator->elems[chance(generator, 30)];
}

struct ir_number some_number(struct generator *generator, enum ir_elem elem)
{
    static const double dyadic[] = {1, 0.5, -1, 0, 2, -0.5, 1.5, -2, 0.25, -1.5};
    static const double whole[] = {1, 2, -1, 0, 3, -2, 1, 1, 2, -1};
    static const int64_t integers[] = {1, 2, 0, -1, 3, 4, -2, -3};
    const double *numbers = generator->options.kind == RANDOM_WHOLE ? whole : dyadic;
    if (!ir_elem_is_float(elem) && !ir_elem_is_complex(elem))
        return ir_number_integer(elem, integers[pick(generator, 8)]);
    double re = numbers[pick(generator, 10)];
    return ir_number_complex(elem, re, ir_elem_is_complex(elem) ? numbers[pick(generator, 10)] : 0);
}

double number_size(struct ir_number number)
{
    bool is_real = ir_elem_is_float(number.elem) || ir_elem_is_complex(number.elem);
    if (!is_real && ir_elem_info(number.elem)->kind == IR_KIND_UNSIGNED && number.i < 0)
        return INFINITY; /* from 2^63 on */
    double size = is_real ? fmax(fabs(number.re), fabs(number.im)) : fabs((double)number.i);
    return size > 100 ? INFINITY : size; /* none is chosen between the small ones and the ends of a type */
}

/* ---- applying, with what is known of the result ---- */

static bool is_real(enum ir_elem elem)
{
    return ir_elem_is_float(elem);
}

static bool is_integral(enum ir_elem elem)
{
    return !ir_elem_is_float(elem) && !ir_elem_is_complex(elem);
}

static bool is_unsigned(enum ir_elem elem)
{
    return ir_elem_info(elem)->kind == IR_KIND_UNSIGNED;
}

static bool is_nonzero_literal(const struct ir_expr *expr)
{
    if (expr->op != IR_EXPR_literal)
        return false;
    return is_integral(expr->elem) ? expr->literal.i != 0 : expr->literal.re != 0 || expr->literal.im != 0;
}

static double bound_of(enum ir_expr_op op, const struct random_expr *a, const struct random_expr *b)
{
    enum ir_elem elem = a->expr->elem;
    switch (op) {
    case IR_EXPR_neg:
        return is_unsigned(elem) ? INFINITY : a->bound;
    case IR_EXPR_add:
        return a->bound + b->bound;
    case IR_EXPR_sub:
        return is_unsigned(elem) ? INFINITY : a->bound + b->bound;
    case IR_EXPR_mul:
        return fmax(a->bound, 1) * fmax(b->bound, 1) * (ir_elem_is_complex(elem) ? 2 : 1);
    case IR_EXPR_floor_div:
        return a->bound + 1;
    default:
        return b ? fmax(a->bound, b->bound) : a->bound;
    }
}

static bool result_varies(enum ir_expr_op op, const struct random_expr *a, const struct random_expr *b)
{
    switch (op) {
    case IR_EXPR_add:
    case IR_EXPR_sub:
        return (a->varies || b->varies) && a->expr != b->expr;
    case IR_EXPR_mul:
    case IR_EXPR_div:
        return (a->varies && b->varies) || (a->varies && is_nonzero_literal(b->expr)) || (b->varies && is_nonzero_literal(a->expr));
    default:
        return a->varies && (!b || b->varies);
    }
}

static struct random_expr apply(struct generator *generator, enum ir_expr_op op, struct random_expr a, const struct random_expr *b)
{
    if (!a.expr || (b && !b->expr))
        return (struct random_expr){.expr = NULL};
    const struct ir_expr *arguments[2] = {a.expr, b ? b->expr : NULL};
    const struct ir_expr *expr = ir_expr_apply(generator->context, op, (uint32_t)ir_expr_info(op)->arity, arguments);
    return (struct random_expr){expr, result_varies(op, &a, b), bound_of(op, &a, b)};
}

static struct random_expr literal(struct generator *generator, struct ir_number number)
{
    return (struct random_expr){ir_expr_literal(generator->context, number), false, number_size(number)};
}

/* May a value of the one type be taken as the other: no float to an integer, but where floats are whole. */
static bool converts(const struct generator *generator, enum ir_elem from, enum ir_elem to)
{
    return is_integral(from) || !is_integral(to) || generator->options.kind == RANDOM_WHOLE;
}

static struct random_expr convert(struct generator *generator, struct random_expr value, enum ir_elem elem)
{
    if (!value.expr || !converts(generator, value.expr->elem, elem))
        return (struct random_expr){.expr = NULL};
    if (value.expr->elem == elem)
        return value;
    if (ir_elem_is_complex(value.expr->elem) && !ir_elem_is_complex(elem))
        value = apply(generator, chance(generator, 50) ? IR_EXPR_real : IR_EXPR_imag, value, NULL);
    else if (ir_elem_is_complex(elem) && ir_elem_complex(value.expr->elem) == elem && chance(generator, 30)) {
        struct random_expr part = literal(generator, some_number(generator, value.expr->elem));
        value = apply(generator, IR_EXPR_complex, chance(generator, 50) ? part : value, &value);
    }
    bool loses_sign = is_unsigned(elem) && !is_unsigned(value.expr->elem) && value.expr->elem != IR_bool;
    value.expr = ir_expr_cast(generator->context, elem, value.expr);
    value.varies = value.varies && !ir_elem_is_complex(elem) && elem != IR_bool;
    if (loses_sign || !has_room(generator, elem, value.bound))
        value.bound = INFINITY;
    if (elem == IR_bool)
        value.bound = 1;
    return value;
}

/* ---- leaves ---- */

/* Never negative, so that it orders modulo the prime as it does in numbers. */
static struct random_expr index_value(struct generator *generator, const struct space *space)
{
    struct ir_context *context = generator->context;
    uint32_t number = pick(generator, space->n);
    const struct poly *index = poly_index(context, number), *two = poly_constant(context, 2);
    struct poly_ranges ranges = {space->n, space->extents};
    double size = (double)size_of(generator, space->extents[number]);
    switch (pick(generator, 6)) {
    case 1:
        index = poly_mod(context, index, two, &ranges);
        break;
    case 2:
        index = poly_floor_div(context, index, two, &ranges);
        break;
    case 3:
        index = poly_add(context, poly_scale(context, index, 2), poly_index(context, pick(generator, space->n)));
        size = 2 * size + (double)generator->largest_space;
        break;
    case 4:
        index = poly_subtract(context, poly_subtract(context, space->extents[number], poly_constant(context, 1)), index);
        break;
    default:
        break;
    }
    return (struct random_expr){ir_expr_index(context, index), false, size};
}

/* A number of the type that is neither an operand's nor shared: a literal or an index value. */
static struct random_expr plain_leaf(struct generator *generator, enum ir_elem elem, const struct space *space)
{
    if (space->n && chance(generator, 40))
        return convert(generator, index_value(generator, space), elem);
    return literal(generator, some_number(generator, elem));
}

/* ---- one step on a value ---- */

static struct random_expr wrap_polynomial(struct generator *generator, struct random_expr value, const struct space *space)
{
    static const enum ir_expr_op ops[] = {IR_EXPR_add, IR_EXPR_sub, IR_EXPR_mul};
    uint32_t choice = pick(generator, 5);
    if (choice == 0)
        return apply(generator, IR_EXPR_neg, value, NULL);
    if (choice == 1)
        return apply(generator, IR_EXPR_conj, value, NULL);
    if (choice == 2) /* the same value twice */
        return apply(generator, ops[pick(generator, 3)], value, &value);
    struct random_expr leaf = plain_leaf(generator, value.expr->elem, space);
    return choice == 3 ? apply(generator, ops[pick(generator, 3)], leaf, &value)
                       : apply(generator, ops[pick(generator, 3)], value, &leaf);
}

static struct random_expr wrap_continuous(struct generator *generator, struct random_expr value)
{
    static const enum ir_expr_op tame[] = {IR_EXPR_tanh, IR_EXPR_sin,  IR_EXPR_cos,       IR_EXPR_abs,     IR_EXPR_erf,
                                           IR_EXPR_relu, IR_EXPR_gelu, IR_EXPR_gelu_tanh, IR_EXPR_sigmoid, IR_EXPR_silu};
    struct random_expr number = literal(generator, ir_number_real(value.expr->elem, 2.5));
    switch (pick(generator, 5)) {
    case 0: /* exp of what lies in [-1, 1] */
        return apply(generator, IR_EXPR_exp, apply(generator, IR_EXPR_sin, value, NULL), NULL);
    case 1: /* 2.5 + sin is in [1.5, 3.5] */
        value = apply(generator, IR_EXPR_sin, value, NULL);
        value = apply(generator, IR_EXPR_add, number, &value);
        return apply(generator, chance(generator, 50) ? IR_EXPR_sqrt : IR_EXPR_log, value, NULL);
    case 2:
        return apply(generator, IR_EXPR_div, value, &number);
    default:
        return apply(generator, tame[pick(generator, 10)], value, NULL);
    }
}

/* Of what varies: no pass can calculate it, so every function is its hash. */
static struct random_expr wrap_opaque(struct generator *generator, struct random_expr value, const struct space *space)
{
    static const enum ir_expr_op unary[] = {IR_EXPR_exp,       IR_EXPR_log,     IR_EXPR_sqrt, IR_EXPR_tanh, IR_EXPR_erf,
                                            IR_EXPR_sin,       IR_EXPR_cos,     IR_EXPR_relu, IR_EXPR_gelu, IR_EXPR_abs,
                                            IR_EXPR_gelu_tanh, IR_EXPR_sigmoid, IR_EXPR_silu};
    static const enum ir_expr_op binary[] = {IR_EXPR_min,   IR_EXPR_max,       IR_EXPR_hypot,
                                             IR_EXPR_atan2, IR_EXPR_floor_div, IR_EXPR_floor_mod};
    if (!chance(generator, 30))
        return apply(generator, unary[pick(generator, sizeof unary / sizeof *unary)], value, NULL);
    struct random_expr leaf = plain_leaf(generator, value.expr->elem, space);
    struct random_expr result = chance(generator, 50) ? apply(generator, binary[pick(generator, 6)], value, &leaf)
                                                      : apply(generator, binary[pick(generator, 6)], leaf, &value);
    result.varies = true;
    return result;
}

static struct random_expr wrap_integer(struct generator *generator, struct random_expr value, const struct space *space)
{
    static const enum ir_expr_op ops[] = {IR_EXPR_div, IR_EXPR_floor_div, IR_EXPR_floor_mod, IR_EXPR_min, IR_EXPR_max};
    if (chance(generator, 20))
        return apply(generator, chance(generator, 50) ? IR_EXPR_abs : IR_EXPR_relu, value, NULL);
    struct random_expr leaf = plain_leaf(generator, value.expr->elem, space);
    return apply(generator, ops[pick(generator, 5)], value, &leaf);
}

static struct random_expr wrap_whole(struct generator *generator, struct random_expr value, const struct space *space)
{
    if (chance(generator, 40))
        return apply(generator, chance(generator, 50) ? IR_EXPR_abs : IR_EXPR_relu, value, NULL);
    struct random_expr leaf = plain_leaf(generator, value.expr->elem, space);
    return apply(generator, chance(generator, 50) ? IR_EXPR_min : IR_EXPR_max, value, &leaf);
}

static struct random_expr wrap(struct generator *generator, struct random_expr value, const struct space *space)
{
    enum random_kind kind = generator->options.kind;
    enum ir_elem elem = value.expr->elem;
    if (elem == IR_bool)
        return chance(generator, 50) ? apply(generator, IR_EXPR_not, value, NULL) : value;
    if (kind == RANDOM_POLYNOMIAL || !chance(generator, 50))
        return wrap_polynomial(generator, value, space);
    if (kind == RANDOM_OPAQUE && is_real(elem) && value.varies)
        return wrap_opaque(generator, value, space);
    if (kind == RANDOM_CONTINUOUS && is_real(elem))
        return wrap_continuous(generator, value);
    if (kind == RANDOM_WHOLE && is_real(elem))
        return wrap_whole(generator, value, space);
    if (is_integral(elem) && (kind == RANDOM_CONTINUOUS || kind == RANDOM_INTEGER))
        return wrap_integer(generator, value, space);
    return wrap_polynomial(generator, value, space);
}

/* ---- two values to one ---- */

/* One of two values: by a comparison of index values, or where nothing is rounded of the values themselves. */
static struct random_expr choose(struct generator *generator, struct random_expr a, struct random_expr b, const struct space *space)
{
    enum random_kind kind = generator->options.kind;
    enum ir_expr_op op = (enum ir_expr_op)(IR_EXPR_eq + (int)pick(generator, 6));
    bool by_value = (kind == RANDOM_OPAQUE && a.varies && b.varies) || is_wrapping_kind(generator);
    struct random_expr condition;
    if (space->n && !(by_value && chance(generator, 50))) {
        struct random_expr place = literal(generator, ir_number_integer(IR_i64, pick(generator, 3)));
        condition = apply(generator, op, index_value(generator, space), &place);
    } else if (by_value && (!ir_elem_is_complex(a.expr->elem) || op <= IR_EXPR_ne)) {
        condition = apply(generator, op, a, &b);
    } else {
        return a;
    }
    if (!condition.expr)
        return condition;
    const struct ir_expr *arguments[3] = {condition.expr, a.expr, b.expr};
    return (struct random_expr){ir_expr_apply(generator->context, IR_EXPR_select, 3, arguments), a.varies && b.varies,
                                fmax(a.bound, b.bound)};
}

static struct random_expr multiply_and_add(struct generator *generator, struct random_expr a, struct random_expr b)
{
    const struct ir_expr *arguments[3] = {a.expr, b.expr, a.expr};
    return (struct random_expr){ir_expr_apply(generator->context, IR_EXPR_fma, 3, arguments), false,
                                fmax(a.bound, 1) * fmax(b.bound, 1) + a.bound};
}

static struct random_expr combine(struct generator *generator, struct random_expr a, struct random_expr b,
                                  const struct space *space)
{
    static const enum ir_expr_op ring[] = {IR_EXPR_add, IR_EXPR_mul, IR_EXPR_sub};
    enum random_kind kind = generator->options.kind;
    enum ir_elem elem = a.expr->elem;
    if (kind != RANDOM_POLYNOMIAL && chance(generator, 20))
        return choose(generator, a, b, space);
    if (elem == IR_bool)
        return apply(generator, chance(generator, 50) ? IR_EXPR_and : IR_EXPR_or, a, &b);
    bool ordered = kind == RANDOM_OPAQUE ? a.varies && b.varies : kind != RANDOM_POLYNOMIAL;
    if (ordered && !ir_elem_is_complex(elem) && chance(generator, 20))
        return apply(generator, chance(generator, 50) ? IR_EXPR_min : IR_EXPR_max, a, &b);
    if (kind == RANDOM_OPAQUE && b.varies && chance(generator, 10))
        return apply(generator, IR_EXPR_div, a, &b);
    if (is_real(elem) && chance(generator, 5))
        return multiply_and_add(generator, a, b);
    return apply(generator, ring[pick(generator, 3)], a, &b);
}

/* A float of unknown size is only moved, since it may be infinite. */
static bool takes(const struct generator *generator, const struct random_value *value)
{
    if (generator->options.kind == RANDOM_OPAQUE)
        return isfinite(value->bound);
    return generator->options.kind != RANDOM_WHOLE || has_room(generator, value->node->elem, value->bound);
}

struct random_expr random_expression(struct generator *generator, uint32_t n_operands, const struct ir_access *operands,
                                     const struct space *space)
{
    enum ir_elem elem = some_elem(generator);
    struct random_expr result = {.expr = NULL};
    for (uint32_t k = 0; k < n_operands; k++) {
        struct random_value read = accessed(generator, &operands[k]);
        struct random_expr value = {ir_expr_operand(generator->context, k, operands[k].node->elem), read.varies, read.bound};
        value = takes(generator, &read) ? convert(generator, value, elem) : (struct random_expr){.expr = NULL};
        for (uint32_t steps = pick(generator, 3); value.expr && steps > 0; steps--)
            value = wrap(generator, value, space);
        if (!value.expr)
            return value;
        result = result.expr ? combine(generator, result, value, space) : value;
        if (!result.expr)
            return result;
    }
    return result;
}
