/* Random masks: an element, or one, where a condition on its indices holds, and elsewhere a ring's zero or another element, which
 * may be that on the other side of the diagonal. Mostly summed over at once, since it is sums that passes take masks out of. */
#include "programs_internal.h"

#include <math.h>

static const struct ir_expr *apply(struct generator *generator, enum ir_expr_op op, const struct ir_expr *a,
                                   const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(generator->context, op, b ? 2 : 1, arguments);
}

/* An index, with a little added; or a number. */
static const struct ir_expr *some_side(struct generator *generator, const struct space *space)
{
    struct ir_context *context = generator->context;
    const struct poly *index = poly_index(context, pick(generator, space->n));
    switch (pick(generator, 5)) {
    case 0:
        return ir_expr_literal(context, ir_number_integer(IR_i64, pick(generator, 4)));
    case 1:
        return ir_expr_index(context, poly_add(context, index, poly_constant(context, 1)));
    case 2:
        return ir_expr_index(context,
                             poly_add(context, poly_scale(context, index, 2), poly_index(context, pick(generator, space->n))));
    default:
        return ir_expr_index(context, index);
    }
}

static const struct ir_expr *some_comparison(struct generator *generator, const struct space *space)
{
    static const enum ir_expr_op comparisons[] = {IR_EXPR_le, IR_EXPR_lt, IR_EXPR_ge, IR_EXPR_gt, IR_EXPR_eq, IR_EXPR_ne};
    const struct ir_expr *index = ir_expr_index(generator->context, poly_index(generator->context, pick(generator, space->n)));
    const struct ir_expr *other = some_side(generator, space);
    enum ir_expr_op op = comparisons[pick(generator, 6)];
    return chance(generator, 50) ? apply(generator, op, other, index) : apply(generator, op, index, other);
}

static const struct ir_expr *some_condition(struct generator *generator, const struct space *space)
{
    const struct ir_expr *condition = some_comparison(generator, space);
    if (chance(generator, 25)) {
        enum ir_expr_op op = chance(generator, 50) ? IR_EXPR_or : IR_EXPR_and;
        condition = apply(generator, op, condition, some_comparison(generator, space));
    }
    return chance(generator, 20) ? apply(generator, IR_EXPR_not, condition, NULL) : condition;
}

/* The zero of a ring; infinities only where they are exact. */
static struct ir_number some_zero(struct generator *generator, enum ir_elem elem)
{
    static const enum ir_ring rings[] = {IR_RING_maxplus, IR_RING_minplus, IR_RING_prod};
    enum ir_ring ring = elem == IR_bool ? IR_RING_orand : IR_RING_plustimes;
    bool is_open = is_wrapping_kind(generator) && elem != IR_bool && !ir_elem_is_complex(elem);
    return ir_ring_zero(is_open && chance(generator, 30) ? rings[pick(generator, 3)] : ring, elem);
}

/* The same element with two of its axes, which are equally long, in each other's place. */
static bool across(struct generator *generator, struct ir_access *access)
{
    uint32_t rank = access->node->rank;
    const struct poly **subscripts = ARENA_ARRAY(ir_arena(generator->context), rank, const struct poly *);
    if (rank < 2 || !subscripts || access->node->shape[rank - 1] != access->node->shape[rank - 2])
        return false;
    for (uint32_t axis = 0; axis < rank; axis++)
        subscripts[axis] = access->subscripts[axis];
    subscripts[rank - 1] = access->subscripts[rank - 2];
    subscripts[rank - 2] = access->subscripts[rank - 1];
    access->subscripts = subscripts;
    return true;
}

/* What stands where the condition does not hold. */
static const struct ir_expr *some_other(struct generator *generator, struct ir_access operands[2], uint32_t *n, double *bound)
{
    enum ir_elem elem = operands[0].node->elem;
    operands[1] = operands[0];
    if (chance(generator, 40) && across(generator, &operands[1])) {
        *n = 2;
        return ir_expr_operand(generator->context, 1, elem);
    }
    struct ir_number zero = some_zero(generator, elem);
    *bound = fmax(*bound, number_size(zero));
    return ir_expr_literal(generator->context, zero);
}

static struct random_value mask(struct generator *generator)
{
    static const struct random_value none;
    struct space space = {0};
    struct ir_access operands[2];
    operands[0] = some_access(generator, &space, some_value(generator));
    if (!operands[0].node || space.n == 0 || volume_of(generator, space.n, space.extents) > generator->largest_tensor)
        return none;
    double bound = accessed(generator, &operands[0]).bound;
    uint32_t n = 1;
    const struct ir_expr *other = some_other(generator, operands, &n, &bound);
    choose_axes(generator, &space, 100, n, operands);
    const struct ir_expr *element = ir_expr_operand(generator->context, 0, operands[0].node ? operands[0].node->elem : IR_f64);
    const struct ir_expr *condition = some_condition(generator, &space);
    bool turned = chance(generator, 30);
    const struct ir_expr *arguments[3] = {condition, turned ? other : element, turned ? element : other};
    if (arena_failed(ir_arena(generator->context)))
        return none;
    const struct ir_expr *body = ir_expr_apply(generator->context, IR_EXPR_select, 3, arguments);
    return (struct random_value){ir_map(generator->context, space.n, space.extents, n, operands, body), false, bound, 1};
}

/* One where two indices are equal, or their sum is some number, and zero elsewhere: an identity, a shift, a reversal. */
static struct random_value delta(struct generator *generator)
{
    static const struct random_value none;
    struct ir_context *context = generator->context;
    const struct poly *shape[2] = {some_extent(generator), some_extent(generator)};
    enum ir_elem elem = some_elem(generator);
    enum ir_ring ring = elem == IR_bool ? IR_RING_orand : IR_RING_plustimes;
    if (chance(generator, 60))
        shape[1] = shape[0];
    if (volume_of(generator, 2, shape) > generator->largest_tensor)
        return none;
    const struct poly *row = poly_index(context, 0), *column = poly_index(context, 1);
    if (chance(generator, 20))
        row = poly_add(context, row, poly_constant(context, (int64_t)pick(generator, 3) - 1));
    else if (chance(generator, 30))
        row = poly_subtract(context, poly_subtract(context, shape[0], poly_constant(context, 1)), row);
    const struct ir_expr *equal = apply(generator, IR_EXPR_eq, ir_expr_index(context, row), ir_expr_index(context, column));
    const struct ir_expr *arguments[3] = {equal, ir_expr_literal(context, ir_ring_one(ring, elem)),
                                          ir_expr_literal(context, ir_ring_zero(ring, elem))};
    if (arena_failed(ir_arena(context)))
        return none;
    return (struct random_value){ir_map(context, 2, shape, 0, NULL, ir_expr_apply(context, IR_EXPR_select, 3, arguments)), false, 1,
                                 1};
}

struct random_value random_mask(struct generator *generator)
{
    static const struct random_value none;
    if (generator->options.kind == RANDOM_POLYNOMIAL) /* a comparison is none */
        return none;
    struct random_value value = chance(generator, 35) ? delta(generator) : mask(generator);
    if (!value.node || !chance(generator, 70))
        return value;
    add_value(generator, value, "m");
    return random_contraction_of(generator, &value);
}
