/* Nodes of a step as nodes over all steps: axis 0 is the step, everything else moves up by one.
 *
 * It is the way back from what the front end does when it cuts a step out: slices become accesses of the tensors outside at the
 * step, constants stay, a product with a state becomes its chunk form, and a state itself, where something else reads it, is
 * computed at every step. */
#include "chunk.h"

/* A slice as a tensor of its own, where an access of it has a fill: outside the slice is not outside the tensor; or where one that
 * conjugates reads what the slice is filled with. */
static const struct ir_node *slice_node(struct chunk_form *form, const struct ir_node *input)
{
    const struct ir_access *operand = &form->scan->operands[input->input.number];
    const struct poly **shape = ARENA_ARRAY(form->arena, input->rank + 1, const struct poly *);
    if (!shape)
        return NULL;
    shape[0] = form->scan->scan->extent;
    for (uint32_t axis = 0; axis < input->rank; axis++)
        shape[axis + 1] = input->shape[axis];
    return ir_view(form->context, input->rank + 1, shape, *operand);
}

static struct ir_access slice_access(struct chunk_form *form, const struct ir_access *access, const struct poly **subscripts)
{
    const struct ir_access *operand = &form->scan->operands[access->node->input.number];
    struct ir_access result = *access;
    if (access->fill || (access->conjugate && operand->fill)) {
        result.node = slice_node(form, access->node);
        result.subscripts = subscripts;
        return result;
    }
    result = ir_access_substitute(form->context, *operand, access->node->rank + 1, subscripts, NULL);
    result.conjugate = operand->conjugate != access->conjugate;
    return result;
}

static const struct ir_node *lift_node(struct chunk_form *form, const struct ir_node *node);

struct ir_access chunk_lift_access(struct chunk_form *form, const struct ir_access *access, const struct chunk_place *place)
{
    struct ir_access result = *access;
    const struct ir_node *node = access->node;
    bool constant = node->op == IR_const_node, after;
    uint32_t first = constant ? 0 : 1, state = chunk_state_of(form, node, &after);
    const struct poly **subscripts = ARENA_ARRAY(form->arena, node->rank + 1, const struct poly *);
    if (!subscripts)
        return (struct ir_access){.node = NULL};
    subscripts[0] = place->time;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        subscripts[axis + first] = poly_substitute(form->context, access->subscripts[axis], place->n, place->indices, NULL);
    if (node->op == IR_input_node && state == UINT32_MAX)
        return slice_access(form, access, subscripts);
    result.subscripts = subscripts;
    if (state != UINT32_MAX)
        result.node = chunk_every_state(form, state, after);
    else if (!constant) /* a part of a state's equation is no node of the step */
        result.node = node->id < form->n_ids && form->lifted[node->id] ? form->lifted[node->id] : lift_node(form, node);
    return result;
}

static const struct poly **shifted_indices(struct chunk_form *form, uint32_t n)
{
    const struct poly **indices = ARENA_ARRAY(form->arena, n, const struct poly *);
    for (uint32_t k = 0; indices && k < n; k++)
        indices[k] = poly_index(form->context, k + 1);
    return indices;
}

/* The same index space with the step in front. */
static const struct ir_node *lift_node(struct chunk_form *form, const struct ir_node *node)
{
    struct ir_context *context = form->context;
    uint32_t n = node->n_indices;
    const struct poly **indices = shifted_indices(form, n);
    const struct poly **extents = ARENA_ARRAY(form->arena, n + 1, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(form->arena, node->n_operands, struct ir_access);
    struct chunk_place place = {poly_index(context, 0), n, indices};
    if (!indices || !extents || !operands)
        return NULL;
    extents[0] = form->scan->scan->extent;
    for (uint32_t k = 0; k < n; k++)
        extents[k + 1] = node->extents[k];
    for (uint32_t k = 0; k < node->n_operands; k++)
        operands[k] = chunk_lift_access(form, &node->operands[k], &place);
    if (node->op == IR_view_node)
        return ir_view(context, n + 1, extents, operands[0]);
    if (node->op == IR_map_node)
        return ir_map(context, n + 1, extents, node->n_operands, operands,
                      ir_expr_substitute(context, node->body, NULL, NULL, n, indices, NULL));
    uint32_t n_domain = node->contract.n_domain;
    const struct poly **domain = ARENA_ARRAY(form->arena, n_domain, const struct poly *);
    for (uint32_t k = 0; domain && k < n_domain; k++)
        domain[k] = poly_substitute(context, node->contract.domain[k], n, indices, NULL);
    struct ir_contract contract = {.ring = node->contract.ring,
                                   .elem = node->elem,
                                   .accumulator = node->contract.accumulator,
                                   .rank = node->rank + 1,
                                   .n_indices = n + 1,
                                   .extents = extents,
                                   .n_operands = node->n_operands,
                                   .operands = operands,
                                   .n_domain = n_domain,
                                   .domain = domain};
    return domain ? ir_contract(context, &contract) : NULL;
}

static void carry_name(struct chunk_form *form, const struct ir_node *node, const struct ir_node *lifted)
{
    const struct ir_name *known = ir_find_name(form->step, node), *scan = ir_find_name(form->kernel, form->scan);
    const char **names = ARENA_ARRAY(form->arena, node->n_indices + 1, const char *);
    if (!known || !names || lifted->n_indices != node->n_indices + 1)
        return;
    names[0] = scan && scan->index_names ? scan->index_names[0] : NULL;
    for (uint32_t k = 0; known->index_names && k < node->n_indices; k++)
        names[k + 1] = known->index_names[k];
    ir_set_name(form->context, form->kernel, lifted, known->name, names, known->span);
}

bool chunk_lift(struct chunk_form *form, bool dependent)
{
    bool after;
    for (size_t k = 0; k < form->n_nodes; k++) {
        const struct ir_node *node = form->nodes[k];
        if (node->op == IR_input_node || node->op == IR_const_node || chunk_state_of(form, node, &after) != UINT32_MAX ||
            form->depends[node->id] != dependent)
            continue;
        bool product = dependent && chunk_linear_operand(form, node) != UINT32_MAX;
        form->lifted[node->id] = product ? chunk_product(form, node) : lift_node(form, node);
        if (!form->lifted[node->id])
            return false;
        carry_name(form, node, form->lifted[node->id]);
    }
    return true;
}
