/* The next value of a state that is linear in the state alone: h' = a * h + b, as a map over the state's axes, where neither a nor
 * b depends on any state. Each is a literal, or of values over some of the axes, or not there. So scans come about that can be
 * rewritten into chunk form. */
#include "programs_internal.h"

#include <math.h>

enum { MOST_OPERANDS = 6, ATTEMPTS = 4 };

struct linear {
    struct generator *generator;
    const struct ir_node *state;
    uint32_t n_states;
    struct space space;
    struct ir_access operands[MOST_OPERANDS];
    uint32_t n_operands;
};

/* Inputs of a step are numbered, the states first. */
static bool depends_on_states(const struct ir_node *node, uint32_t n_states)
{
    if (node->op == IR_input_node)
        return node->input.number < n_states;
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (depends_on_states(node->operands[k].node, n_states))
            return true;
    return false;
}

static const struct ir_expr *operand(struct linear *linear, struct ir_access access)
{
    linear->operands[linear->n_operands] = access;
    return ir_expr_operand(linear->generator->context, linear->n_operands++, access.node->elem);
}

/* A value that no state has a part in, at the axes of the state; a number where there is none. Modulo the prime an infinity is a
 * number like others, so it is no factor. */
static const struct ir_expr *some_factor(struct linear *linear)
{
    struct generator *generator = linear->generator;
    uint32_t rank = linear->state->rank;
    for (int attempt = 0; attempt < ATTEMPTS && linear->n_operands < MOST_OPERANDS; attempt++) {
        const struct random_value *value = some_value_of(generator, linear->state->elem);
        if (!value || depends_on_states(value->node, linear->n_states))
            continue;
        struct ir_access access = some_access(generator, &linear->space, value);
        bool fits = access.node && linear->space.n == rank && isfinite(accessed(generator, &access).bound);
        linear->space.n = rank; /* an index more would have to be summed over */
        if (fits)
            return operand(linear, access);
    }
    return ir_expr_literal(generator->context, some_number(generator, linear->state->elem));
}

static const struct ir_expr *apply(const struct linear *linear, enum ir_expr_op op, const struct ir_expr *a,
                                   const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(linear->generator->context, op, b ? 2 : 1, arguments);
}

/* One operation on a value that is linear in the state, and keeps it so. What stands beside it is chosen first: in which order C
 * evaluates arguments is not said. */
static const struct ir_expr *changed(struct linear *linear, const struct ir_expr *value, const struct ir_expr *state)
{
    uint32_t choice = pick(linear->generator, 7);
    const struct ir_expr *factor = choice ? some_factor(linear) : NULL;
    switch (choice) {
    case 0:
        return apply(linear, IR_EXPR_neg, value, NULL);
    case 1:
        return apply(linear, IR_EXPR_mul, value, factor);
    case 2:
        return apply(linear, IR_EXPR_mul, factor, value);
    case 3:
        return apply(linear, IR_EXPR_add, value, factor);
    case 4:
        return apply(linear, IR_EXPR_sub, factor, value);
    case 5:
        return apply(linear, IR_EXPR_add, value, apply(linear, IR_EXPR_mul, factor, some_factor(linear)));
    default: /* the state in two terms */
        return apply(linear, IR_EXPR_sub, value, apply(linear, IR_EXPR_mul, factor, state));
    }
}

static const struct ir_expr *body(struct linear *linear)
{
    const struct ir_expr *state = operand(linear, ir_access_whole(linear->generator->context, linear->state)), *value = state;
    for (uint32_t steps = 1 + pick(linear->generator, 4); steps > 0; steps--)
        value = changed(linear, value, state);
    return value;
}

const struct ir_node *random_linear_step(struct generator *generator, const struct ir_node *state, uint32_t n_states)
{
    struct linear linear = {.generator = generator, .state = state, .n_states = n_states};
    if (state->rank > MOST_INDICES || !(ir_elem_is_float(state->elem) || ir_elem_is_complex(state->elem)))
        return NULL;
    linear.space.n = state->rank;
    for (uint32_t k = 0; k < state->rank; k++)
        linear.space.extents[k] = state->shape[k];
    const struct ir_expr *value = body(&linear);
    return arena_failed(ir_arena(generator->context))
               ? NULL
               : ir_map(generator->context, state->rank, state->shape, linear.n_operands, linear.operands, value);
}
