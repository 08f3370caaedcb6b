/* In which order the axes of what stands between two stages lie.
 *
 *     t[j,i,r] = sum[m](R[j,i,r,m] * x[j,m])       t lies as t[i,j,r] does,
 *     y[i,o] = sum[j,r](L[i,o,j,r] * t[j,i,r])     so that j and r are one long sum
 *
 * A matrix that is multiplied by a vector is read once and decides how fast that goes. The vector, if the compiler makes it for
 * this product alone, has its axes in the order of the matrix's, and what is summed lies side by side in both. Values, and the
 * order of every sum, stay the same. */
#include "lower.h"

/* The only node that reads it, and with which operand; NULL: several do, or one of them does twice. */
static const struct ir_node *only_reader(const struct lowering *lowering, const struct ir_node *node, uint32_t *operand)
{
    const struct ir_node *reader = NULL;
    for (size_t k = 0; k < lowering->plan->n_nodes; k++)
        for (uint32_t o = 0; o < lowering->plan->nodes[k]->n_operands; o++) {
            if (lowering->plan->nodes[k]->operands[o].node != node)
                continue;
            if (reader)
                return NULL;
            reader = lowering->plan->nodes[k];
            *operand = o;
        }
    for (uint32_t k = 0; k < lowering->kernel->n_outputs; k++)
        if (lowering->kernel->outputs[k].node == node)
            return NULL;
    return reader;
}

/* The axis that the index alone is the subscript of; UINT32_MAX: none. */
static uint32_t axis_of(const struct ir_access *access, uint32_t index)
{
    uint32_t found;
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (poly_is_index(access->subscripts[axis], &found) && found == index)
            return axis;
    return UINT32_MAX;
}

/* By axis of the vector, where the matrix has it; axes of one element come first. False: it is no vector, or the matrix has its
 * axes in this order. */
static bool rank_axes(const struct ir_node *reader, const struct ir_access *vector, const struct ir_access *matrix, uint32_t *ranks)
{
    uint32_t summed = 0, last = 0;
    bool is_other = false;
    for (uint32_t axis = 0; axis < vector->node->rank; axis++) {
        uint32_t index;
        ranks[axis] = 0;
        if (poly_equals(vector->node->shape[axis], 1))
            continue;
        if (!poly_is_index(vector->subscripts[axis], &index) || axis_of(vector, index) != axis)
            return false;
        uint32_t place = axis_of(matrix, index);
        if (place == UINT32_MAX || reader->extents[index] != vector->node->shape[axis])
            return false;
        ranks[axis] = place + 1;
        summed += index >= reader->rank;
        is_other |= ranks[axis] < last;
        last = ranks[axis];
    }
    return summed > 1 && is_other;
}

/* Strides of the axes by rising rank, and the buffer's shape for who reads it. */
static bool lay_out(struct lowering *lowering, const struct ir_node *node, const uint32_t *ranks, struct lower_place *place)
{
    struct loop_buffer *buffer = &lowering->function->buffers[place->number];
    const struct poly **strides = ARENA_ARRAY(lowering->arena, node->rank, const struct poly *);
    const struct poly **shape = ARENA_ARRAY(lowering->arena, node->rank, const struct poly *);
    uint32_t *order = ARENA_ARRAY(lowering->arena, node->rank, uint32_t);
    if (!strides || !shape || !order)
        return false;
    for (uint32_t axis = 0; axis < node->rank; axis++) { /* insertion, stable */
        uint32_t at = axis;
        for (; at > 0 && ranks[order[at - 1]] > ranks[axis]; at--)
            order[at] = order[at - 1];
        order[at] = axis;
    }
    const struct poly *stride = poly_constant(lowering->context, 1);
    for (uint32_t k = node->rank; k-- > 0;) {
        shape[k] = node->shape[order[k]];
        strides[order[k]] = stride;
        stride = poly_multiply(lowering->context, stride, shape[k]);
    }
    buffer->shape = shape;
    place->strides = strides;
    return stride != NULL;
}

bool lower_lay_out(struct lowering *lowering, const struct ir_node *node, struct lower_place *place)
{
    uint32_t operand = 0;
    const struct ir_node *reader = only_reader(lowering, node, &operand);
    uint32_t *ranks = ARENA_ARRAY(lowering->arena, node->rank, uint32_t);
    if (!ranks)
        return false;
    if (lowering->machine->vector_bytes == 0 || node->op != IR_contract_node || lowering->plan->looked_up[node->id] ||
        lowering->held_by[node->id] || !reader || reader->op != IR_contract_node || reader->n_operands != 2)
        return true;
    const struct ir_access *vector = &reader->operands[operand], *matrix = &reader->operands[1 - operand];
    bool is_plain = !vector->fill && !matrix->fill;
    return !is_plain || !rank_axes(reader, vector, matrix, ranks) || lay_out(lowering, node, ranks, place);
}
