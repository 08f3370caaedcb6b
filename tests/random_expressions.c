/* Random pointwise expressions of one type over the operands of a map.
 *
 * All functions are continuous where they are applied, so that a rounding before them stays a rounding after them: comparisons only
 * look at integers, exp and the like only at arguments of bounded size, and nothing divides by what may be near 0. Integers may do
 * anything, since they are exact. */
#include "programs_internal.h"

void choose_elems(struct generator *generator)
{
    static const enum ir_elem pairs[][2] = {{IR_f64, IR_f64},   {IR_f64, IR_c128}, {IR_f32, IR_f32}, {IR_c64, IR_f32},
                                            {IR_c128, IR_c128}, {IR_i64, IR_i64},  {IR_i32, IR_i32}, {IR_i64, IR_f64},
                                            {IR_bool, IR_f32},  {IR_i8, IR_i32},   {IR_u8, IR_i16},  {IR_u32, IR_u64},
                                            {IR_u16, IR_bool}};
    /* narrow integers wrap when constants are multiplied out, which no residue follows */
    uint32_t choice = pick(generator, generator->options.polynomial_only ? 6 : 13);
    generator->elems[0] = pairs[choice][0];
    generator->elems[1] = pairs[choice][1];
}

enum ir_elem some_elem(struct generator *generator)
{
    return generator->elems[chance(generator, 30)];
}

struct ir_number some_number(struct generator *generator, enum ir_elem elem)
{
    double re = (double)((int)pick(generator, 13) - 6) / 4, im = (double)((int)pick(generator, 13) - 6) / 4;
    if (ir_elem_is_float(elem) || ir_elem_is_complex(elem))
        return ir_number_complex(elem, re, im);
    return ir_number_integer(elem, (int64_t)pick(generator, 8) - 3);
}

static const struct ir_expr *apply(struct generator *generator, enum ir_expr_op op, const struct ir_expr *a,
                                   const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(generator->context, op, (uint32_t)ir_expr_info(op)->arity, arguments);
}

/* The value in another type, without a step: the real part of complex numbers, no float to an integer. NULL where that is asked. */
static const struct ir_expr *convert(struct generator *generator, const struct ir_expr *value, enum ir_elem elem)
{
    bool from_integer = !ir_elem_is_float(value->elem) && !ir_elem_is_complex(value->elem);
    bool to_integer = !ir_elem_is_float(elem) && !ir_elem_is_complex(elem);
    if (!from_integer && to_integer)
        return NULL;
    if (ir_elem_is_complex(value->elem) && !ir_elem_is_complex(elem))
        value = apply(generator, chance(generator, 50) ? IR_EXPR_real : IR_EXPR_imag, value, NULL);
    return ir_expr_cast(generator->context, elem, value);
}

static const struct ir_expr *index_value(struct generator *generator, uint32_t n_indices)
{
    struct ir_context *context = generator->context;
    const struct poly *index = poly_index(context, pick(generator, n_indices));
    if (chance(generator, 30))
        index = poly_mod(context, index, poly_constant(context, 2), NULL);
    return ir_expr_index(context, index);
}

/* A number of the type that is neither an operand's nor shared: a literal or an index value. */
static const struct ir_expr *plain_leaf(struct generator *generator, enum ir_elem elem, uint32_t n_indices)
{
    if (n_indices && chance(generator, 40))
        return convert(generator, index_value(generator, n_indices), elem);
    return ir_expr_literal(generator->context, some_number(generator, elem));
}

static const struct ir_expr *wrap_polynomial(struct generator *generator, const struct ir_expr *value, uint32_t n_indices)
{
    static const enum ir_expr_op ops[] = {IR_EXPR_add, IR_EXPR_sub, IR_EXPR_mul};
    switch (pick(generator, 4)) {
    case 0:
        return apply(generator, IR_EXPR_neg, value, NULL);
    case 1:
        return apply(generator, IR_EXPR_conj, value, NULL);
    case 2:
        return apply(generator, ops[pick(generator, 3)], plain_leaf(generator, value->elem, n_indices), value);
    default:
        return apply(generator, ops[pick(generator, 3)], value, plain_leaf(generator, value->elem, n_indices));
    }
}

static const struct ir_expr *wrap_float(struct generator *generator, const struct ir_expr *value)
{
    static const enum ir_expr_op tame[] = {IR_EXPR_tanh, IR_EXPR_sin,  IR_EXPR_cos,       IR_EXPR_abs,     IR_EXPR_erf,
                                           IR_EXPR_relu, IR_EXPR_gelu, IR_EXPR_gelu_tanh, IR_EXPR_sigmoid, IR_EXPR_silu};
    const struct ir_expr *literal = ir_expr_literal(generator->context, ir_number_real(value->elem, 2.5));
    switch (pick(generator, 5)) {
    case 0: /* exp of what lies in [-1, 1] */
        return apply(generator, IR_EXPR_exp, apply(generator, IR_EXPR_sin, value, NULL), NULL);
    case 1: /* 2.5 + sin is in [1.5, 3.5] */
        value = apply(generator, IR_EXPR_add, literal, apply(generator, IR_EXPR_sin, value, NULL));
        return apply(generator, chance(generator, 50) ? IR_EXPR_sqrt : IR_EXPR_log, value, NULL);
    case 2:
        return apply(generator, IR_EXPR_div, value, literal);
    default:
        return apply(generator, tame[pick(generator, 10)], value, NULL);
    }
}

static const struct ir_expr *wrap_integer(struct generator *generator, const struct ir_expr *value, uint32_t n_indices)
{
    static const enum ir_expr_op ops[] = {IR_EXPR_div, IR_EXPR_floor_div, IR_EXPR_floor_mod, IR_EXPR_min, IR_EXPR_max};
    if (chance(generator, 20))
        return apply(generator, chance(generator, 50) ? IR_EXPR_abs : IR_EXPR_relu, value, NULL);
    return apply(generator, ops[pick(generator, 5)], value, plain_leaf(generator, value->elem, n_indices));
}

static const struct ir_expr *wrap(struct generator *generator, const struct ir_expr *value, uint32_t n_indices)
{
    if (value->elem == IR_bool)
        return chance(generator, 50) ? apply(generator, IR_EXPR_not, value, NULL) : value;
    if (!generator->options.polynomial_only && chance(generator, 50)) {
        if (ir_elem_is_float(value->elem))
            return wrap_float(generator, value);
        if (ir_elem_is_integer(value->elem))
            return wrap_integer(generator, value, n_indices);
    }
    return wrap_polynomial(generator, value, n_indices);
}

/* One of two values by a comparison of index values. */
static const struct ir_expr *choose(struct generator *generator, const struct ir_expr *a, const struct ir_expr *b,
                                    uint32_t n_indices)
{
    const struct ir_expr *place = ir_expr_literal(generator->context, ir_number_integer(IR_i64, pick(generator, 3)));
    enum ir_expr_op op = (enum ir_expr_op)(IR_EXPR_eq + (int)pick(generator, 6));
    const struct ir_expr *arguments[3] = {apply(generator, op, index_value(generator, n_indices), place), a, b};
    return ir_expr_apply(generator->context, IR_EXPR_select, 3, arguments);
}

static const struct ir_expr *combine(struct generator *generator, const struct ir_expr *a, const struct ir_expr *b,
                                     uint32_t n_indices)
{
    static const enum ir_expr_op ring[] = {IR_EXPR_add, IR_EXPR_sub, IR_EXPR_mul};
    bool opaque = !generator->options.polynomial_only;
    if (opaque && n_indices && chance(generator, 15))
        return choose(generator, a, b, n_indices);
    if (a->elem == IR_bool)
        return apply(generator, chance(generator, 50) ? IR_EXPR_and : IR_EXPR_or, a, b);
    if (opaque && !ir_elem_is_complex(a->elem) && chance(generator, 20))
        return apply(generator, chance(generator, 50) ? IR_EXPR_min : IR_EXPR_max, a, b);
    return apply(generator, ring[pick(generator, 3)], a, b);
}

const struct ir_expr *random_expr(struct generator *generator, uint32_t n_operands, const struct ir_access *operands,
                                  uint32_t n_indices)
{
    enum ir_elem elem = some_elem(generator);
    const struct ir_expr *result = NULL;
    for (uint32_t k = 0; k < n_operands; k++) {
        const struct ir_expr *value = ir_expr_operand(generator->context, k, operands[k].node->elem);
        value = value ? convert(generator, value, elem) : NULL;
        for (uint32_t steps = pick(generator, 3); value && steps > 0; steps--)
            value = wrap(generator, value, n_indices);
        if (!value)
            return NULL;
        result = result ? combine(generator, result, value, n_indices) : value;
        if (!result)
            return NULL;
    }
    return result;
}
