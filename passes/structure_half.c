/* The real part of a transform that half a spectrum goes into, as the inverse of a real transform is written.
 *
 * Re(sum over k <= n/2 of root(-i k, n) x[k]) is that of a spectrum with the same elements, halved where their conjugates stand
 * beside them, times a real number perhaps. So it is a real transform backwards. */
#include "fourier.h"
#include "structure.h"

/* The contraction that a map takes the real part of, whole; NULL: it is another map. */
static const struct ir_node *real_part_of(const struct ir_node *map)
{
    const struct ir_expr *body = map->body;
    if (map->n_operands != 1 || body->op != IR_EXPR_real || body->arguments[0]->op != IR_EXPR_operand)
        return NULL;
    const struct ir_access *access = &map->operands[0];
    uint32_t index;
    if (access->fill || access->conjugate || access->node->rank != map->rank)
        return NULL;
    for (uint32_t axis = 0; axis < map->rank; axis++)
        if (!poly_is_index(access->subscripts[axis], &index) || index != axis || access->node->shape[axis] != map->shape[axis])
            return NULL;
    const struct ir_node *node = access->node;
    if (node->op == IR_alt_node)
        node = node->operands[0].node;
    return node->op == IR_contract_node && node->contract.ring == IR_RING_plustimes && !node->contract.n_domain ? node : NULL;
}

/* Is the contraction nothing but that transform of data with half its length, over axes? */
static bool is_half(const struct structure_transform *transform)
{
    const struct structure_application *application = &transform->application;
    const struct structure_form *form = &transform->form;
    int64_t order = transform->wave.order;
    for (uint32_t k = 0; k < application->node->n_operands; k++)
        if (k != application->operand && !application->inside[k])
            return false;
    for (uint32_t k = 0; k < application->n_batch; k++)
        if (application->batch[k] >= application->node->rank)
            return false;
    return !transform->wave.real && transform->wave.im == 0 && application->row < application->node->rank && form->b % order == 0 &&
           form->c % order == 0 && form->d % order == 0 && application->columns == transform->length / 2 + 1;
}

/* Rows of y[batch..., row] as axes of the contraction. */
static const struct ir_node *as_axes(struct ir_context *context, const struct structure_application *application,
                                     const struct ir_node *y)
{
    const struct ir_node *node = application->node;
    const struct poly **at = ARENA_ARRAY(ir_arena(context), application->n_batch + 1, const struct poly *);
    if (!y || !at)
        return NULL;
    for (uint32_t k = 0; k < application->n_batch; k++)
        at[k] = poly_index(context, application->batch[k]);
    at[application->n_batch] = poly_index(context, application->row);
    return ir_view(context, node->rank, node->shape, (struct ir_access){.node = y, .subscripts = at});
}

const struct ir_node *structure_half(struct structuring *structuring, const struct ir_node *map, uint32_t operand)
{
    struct ir_context *context = structuring->context;
    const struct ir_node *node = operand == 0 ? real_part_of(map) : NULL;
    struct structure_transform transform;
    for (uint32_t k = 0; node && k < node->n_operands; k++) {
        if (!structure_find_transform(structuring, node, k, &transform) || !is_half(&transform))
            continue;
        const struct ir_node *x = structure_improve(structuring, transform.application.data);
        const struct poly *last = x ? poly_index(context, x->rank - 1) : NULL;
        if (x && !transform.inverse)
            x = fourier_view(context, x, transform.application.columns, last, true);
        x = fourier_times(context, x, transform.wave.re);
        return as_axes(context, &transform.application, structure_real_back(structuring, x, transform.length, false));
    }
    return NULL;
}
