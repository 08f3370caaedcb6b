/* Semiseparable matrices as recurrences: y[t] is C[t] times a state, h[t] = A[t] h[t-1] + B[t] x[t] (Dao and Gu 2024, section 3).
 *
 * The transpose runs backward: g[t] = A[t+1]^T g[t+1] + C[t] x[t], y[t] = B[t] g[t]. The state has the axes of one of B's rows and
 * those of x besides the first, so a batch is one recurrence. Work is linear in the steps, and `chunk_scan` makes products of it.
 */
#include "operator_entry.h"

struct recurrence {
    struct ir_context *context;
    struct arena *arena;
    struct ir_kernel *step;
    struct span span;
    struct ir_access operands[5];
    enum ir_elem elem;
};

static const struct ir_node *in_type(struct ir_context *context, const struct ir_node *node, enum ir_elem elem)
{
    if (!node || node->elem == elem)
        return node;
    struct ir_access whole = ir_access_whole(context, node);
    return ir_map(context, node->rank, node->shape, 1, &whole,
                  ir_expr_cast(context, elem, ir_expr_operand(context, 0, node->elem)));
}

/* A before the first step, which nothing reads, as zero; of the step after, none after the last. */
static const struct ir_node *decays(struct ir_context *context, const struct ir_node *a, bool transposed)
{
    struct ir_access access = ir_access_whole(context, a);
    struct ir_number zero = ir_number_real(a->elem, 0);
    const struct poly *step = poly_index(context, 0);
    const struct poly **subscripts = arena_copy(ir_arena(context), access.subscripts, a->rank, sizeof *access.subscripts);
    if (!subscripts)
        return NULL;
    if (transposed) {
        subscripts[0] = poly_add(context, step, poly_constant(context, 1));
        return ir_view(context, a->rank, a->shape, (struct ir_access){a, false, subscripts, &zero});
    }
    const struct ir_expr *sides[2] = {ir_expr_index(context, step), ir_expr_literal(context, ir_number_integer(IR_i64, 0))};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_eq, 2, sides), ir_expr_literal(context, zero),
                                       ir_expr_operand(context, 0, a->elem)};
    return ir_map(context, a->rank, a->shape, 1, &access, ir_expr_apply(context, IR_EXPR_select, 3, choice));
}

/* One more input of the step; of a slice, whose axis 0 are the steps, the rest of its axes. */
static const struct ir_node *add_input(struct recurrence *recurrence, const char *name, const struct ir_node *node, bool slice)
{
    struct ir_context *context = recurrence->context;
    uint32_t number = recurrence->step->n_inputs, rank = node ? node->rank : 0;
    const struct poly **subscripts = ARENA_ARRAY(recurrence->arena, rank, const struct poly *);
    if (!node || (!subscripts && rank > 0))
        return NULL;
    for (uint32_t axis = 0; axis < rank; axis++)
        subscripts[axis] = poly_index(context, slice ? axis : axis + 1);
    recurrence->operands[number] = (struct ir_access){.node = node, .subscripts = subscripts};
    const struct ir_node *input = ir_input(context, number, node->elem, rank - slice, node->shape + slice);
    recurrence->step->inputs[number] = (struct ir_input_info){.name = name, .node = input, .span = recurrence->span};
    recurrence->step->n_inputs++;
    return input;
}

/* Indices first, first + 1, ... as subscripts. */
static struct ir_access access_from(struct recurrence *recurrence, const struct ir_node *node, uint32_t first)
{
    struct ir_access access = ir_access_whole(recurrence->context, node);
    const struct poly **subscripts = ARENA_ARRAY(recurrence->arena, node->rank, const struct poly *);
    for (uint32_t axis = 0; subscripts && axis < node->rank; axis++)
        subscripts[axis] = poly_index(recurrence->context, first + axis);
    access.subscripts = subscripts;
    return access;
}

static const struct ir_expr *times(struct ir_context *context, enum ir_elem elem, uint32_t a, uint32_t b)
{
    const struct ir_expr *sides[2] = {ir_expr_operand(context, a, elem), ir_expr_operand(context, b, elem)};
    return ir_expr_apply(context, IR_EXPR_mul, 2, sides);
}

/* The sum over the last of rank + 1 indices of the product of two operands. */
static const struct ir_node *sum_of(const struct recurrence *recurrence, uint32_t rank, const struct poly *const *extents,
                                    const struct ir_access operands[2])
{
    return ir_contract(recurrence->context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                  .elem = recurrence->elem,
                                                                  .accumulator = ir_elem_accumulator(recurrence->elem),
                                                                  .rank = rank,
                                                                  .n_indices = rank + 1,
                                                                  .extents = extents,
                                                                  .n_operands = 2,
                                                                  .operands = operands});
}

/* sum over m of a[n,m] * state[m,b], or of a[m,n]. */
static const struct ir_node *decayed_by_matrix(struct recurrence *recurrence, const struct ir_node *a, const struct ir_node *state,
                                               bool transposed)
{
    struct ir_context *context = recurrence->context;
    uint32_t rank = state->rank;
    const struct poly **extents = ARENA_ARRAY(recurrence->arena, rank + 1, const struct poly *);
    struct ir_access operands[2] = {ir_access_whole(context, a), ir_access_whole(context, state)};
    const struct poly *own = poly_index(context, 0), *summed = poly_index(context, rank);
    const struct poly *at[2] = {transposed ? summed : own, transposed ? own : summed};
    const struct poly **of_state = arena_copy(recurrence->arena, operands[1].subscripts, rank, sizeof *of_state);
    if (!extents || !of_state)
        return NULL;
    for (uint32_t axis = 0; axis < rank; axis++)
        extents[axis] = state->shape[axis];
    extents[rank] = state->shape[0];
    of_state[0] = summed;
    operands[0].subscripts = at;
    operands[1].subscripts = of_state;
    return sum_of(recurrence, rank, extents, operands);
}

static const struct ir_node *next_state(struct recurrence *recurrence, const struct ir_node *a, const struct ir_node *state,
                                        const struct ir_node *in, const struct ir_node *x, bool transposed)
{
    struct ir_context *context = recurrence->context;
    const struct ir_node *decayed = a->rank == 2 ? decayed_by_matrix(recurrence, a, state, transposed) : state;
    if (!decayed)
        return NULL;
    struct ir_access operands[4] = {access_from(recurrence, decayed, 0), access_from(recurrence, in, 0),
                                    access_from(recurrence, x, 1), access_from(recurrence, a, 0)};
    const struct ir_expr *sides[2] = {a->rank == 2 ? ir_expr_operand(context, 0, recurrence->elem)
                                                   : times(context, recurrence->elem, 3, 0),
                                      times(context, recurrence->elem, 1, 2)};
    return ir_map(context, state->rank, state->shape, a->rank == 2 ? 3 : 4, operands,
                  ir_expr_apply(context, IR_EXPR_add, 2, sides));
}

/* sum over n of out[n] * state[n,b] */
static const struct ir_node *result_of(struct recurrence *recurrence, const struct ir_node *out, const struct ir_node *state)
{
    struct ir_context *context = recurrence->context;
    uint32_t rank = state ? state->rank - 1 : 0;
    const struct poly **extents = ARENA_ARRAY(recurrence->arena, rank + 1, const struct poly *);
    const struct poly **at = ARENA_ARRAY(recurrence->arena, rank + 1, const struct poly *);
    const struct poly *summed = poly_index(context, rank);
    if (!state || !extents || !at)
        return NULL;
    for (uint32_t axis = 0; axis <= rank; axis++) {
        extents[axis] = axis < rank ? state->shape[axis + 1] : state->shape[0];
        at[axis] = axis == 0 ? summed : poly_index(context, axis - 1);
    }
    struct ir_access operands[2] = {{.node = out, .subscripts = &summed}, {.node = state, .subscripts = at}};
    return sum_of(recurrence, rank, extents, operands);
}

static bool begin(struct recurrence *recurrence, const struct body *body, const struct operator_node *operator_)
{
    *recurrence = (struct recurrence){.context = body->context, .arena = body->arena, .span = operator_->span};
    recurrence->step = ARENA_NEW(body->arena, struct ir_kernel);
    if (!recurrence->step)
        return false;
    *recurrence->step = (struct ir_kernel){.name = "semiseparable",
                                           .span = operator_->span,
                                           .numeric_class = body->kernel->numeric_class,
                                           .class_stated = body->kernel->class_stated,
                                           .inputs = ARENA_ARRAY(body->arena, 5, struct ir_input_info),
                                           .outputs = ARENA_ARRAY(body->arena, 2, struct ir_output),
                                           .n_outputs = 2};
    return recurrence->step->inputs && recurrence->step->outputs;
}

const struct ir_node *operator_recurrence(const struct body *body, const struct operator_node *operator_, const struct ir_node *x,
                                          bool transposed)
{
    struct recurrence recurrence;
    struct ir_context *context = body->context;
    if (!x || !begin(&recurrence, body, operator_))
        return NULL;
    recurrence.elem = x->elem;
    const struct ir_node *a = in_type(context, operator_->tensors[0].node, x->elem),
                         *in = in_type(context, operator_->tensors[transposed ? 2 : 1].node, x->elem),
                         *out = in_type(context, operator_->tensors[transposed ? 1 : 2].node, x->elem);
    const struct poly **shape = ARENA_ARRAY(body->arena, x->rank, const struct poly *);
    if (!a || !in || !out || !shape)
        return NULL;
    for (uint32_t axis = 0; axis < x->rank; axis++)
        shape[axis] = axis == 0 ? in->shape[1] : x->shape[axis];
    const struct ir_expr *zero = ir_expr_literal(context, ir_number_real(x->elem, 0));
    const struct ir_node *state = add_input(&recurrence, "state", ir_map(context, x->rank, shape, 0, NULL, zero), false);
    a = add_input(&recurrence, "decay", decays(context, a, transposed), true);
    in = add_input(&recurrence, "in", in, true);
    out = add_input(&recurrence, "out", out, true);
    x = add_input(&recurrence, "x", x, true);
    if (!state || !a || !in || !out || !x)
        return NULL;
    const struct ir_node *next = next_state(&recurrence, a, state, in, x, transposed);
    recurrence.step->outputs[0] = (struct ir_output){.name = "state", .node = next, .span = operator_->span};
    recurrence.step->outputs[1] =
        (struct ir_output){.name = "y", .node = result_of(&recurrence, out, next), .span = operator_->span};
    if (!recurrence.step->outputs[1].node)
        return NULL;
    struct ir_scan scan = {transposed, operator_->rows, 1, recurrence.step};
    const struct ir_node *node = ir_scan(context, &scan, recurrence.operands);
    const char *const names[1] = {"t"};
    if (node)
        ir_set_name(context, body->kernel, node, NULL, names, operator_->span);
    return node ? ir_proj(context, node, 1, false) : NULL;
}

struct formula *entry_semiseparable(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                    const struct poly *column)
{
    const struct body *body = entry->statement->body;
    const struct poly *at[2] = {row, column};
    const struct ir_node *unit = operator_delta(body->context, operator_->type.elem, operator_->rows, operator_->columns);
    return write_access(entry, operator_recurrence(body, operator_, unit, false), 2, at);
}
