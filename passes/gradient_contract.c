/* Transposed contractions, views, concatenations and scatters.
 *
 * A product of operands is linear in each: what operand k gets is the cotangent times the conjugates of the others, summed over the
 * points that lead to its element. An operand that occurs twice gets both. */
#include "gradient.h"

void gradient_contract(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct ir_access *factors = ARENA_ARRAY(gradient->arena, node->n_operands, struct ir_access);
    for (uint32_t k = 0; factors && k < node->n_operands; k++) {
        if (!gradient_is_active(gradient, node->operands[k].node))
            continue;
        uint32_t n = 0;
        factors[n++] = ir_access_whole(gradient->context, cotangent);
        for (uint32_t other = 0; other < node->n_operands; other++)
            if (other != k)
                factors[n++] = gradient_conjugated(gradient->context, node->operands[other]);
        struct gradient_term term = {node, &node->operands[k], factors, n, node->contract.accumulator};
        gradient_contribute(gradient, node->operands[k].node, gradient_transpose(gradient, &term));
    }
}

void gradient_view(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct ir_access factor = ir_access_whole(gradient->context, cotangent);
    struct gradient_term term = {node, &node->operands[0], &factor, 1, node->elem};
    gradient_contribute(gradient, node->operands[0].node, gradient_transpose(gradient, &term));
}

/* Each operand gets its box. */
void gradient_concat(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct ir_context *context = gradient->context;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_node *operand = node->operands[k].node;
        struct ir_access box = ir_access_whole(context, cotangent);
        const struct poly **subscripts = ARENA_ARRAY(gradient->arena, node->rank, const struct poly *);
        for (uint32_t axis = 0; subscripts && axis < node->rank; axis++)
            subscripts[axis] = poly_add(context, poly_index(context, axis), ir_concat_offset(context, &node->operands[k], axis));
        box.subscripts = subscripts;
        if (subscripts && gradient_is_active(gradient, operand))
            gradient_contribute(gradient, operand,
                                gradient_name(gradient, ir_view(context, operand->rank, operand->shape, box), NULL, operand));
    }
}

/* The base gets all of it, a value what its place gets. */
void gradient_scatter(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct ir_access place = node->operands[0];
    place.node = cotangent;
    if (place.fill) { /* which it is did not matter: such points are left out */
        struct ir_number zero = ir_ring_zero(IR_RING_plustimes, node->elem);
        place.fill = arena_copy(gradient->arena, &zero, 1, sizeof zero);
    }
    struct gradient_term term = {node, &node->operands[1], &place, 1, node->elem};
    gradient_contribute(gradient, node->operands[0].node, cotangent);
    if (gradient_is_active(gradient, node->operands[1].node))
        gradient_contribute(gradient, node->operands[1].node, gradient_transpose(gradient, &term));
}
