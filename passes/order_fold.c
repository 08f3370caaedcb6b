/* Constants contracted with constants are contracted by the compiler, with the reference's own arithmetic. */
#include "order.h"

#include <string.h>

/* Do they say something that only the run knows: a dim, an entry of a table? */
static bool any_waits(uint32_t n, const struct poly *const *polys)
{
    for (uint32_t k = 0; k < n; k++)
        if (poly_uses_dims(polys[k]) || poly_is_run_time(polys[k]))
            return true;
    return false;
}

static bool is_constant_work(const struct ir_node *node, double limit)
{
    const double most_points = 1e7; /* a second of the reference, at worst */
    double points = 1, elements = 1;
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (node->operands[k].node->op != IR_const_node || node->operands[k].node->constant->exact ||
            any_waits(node->operands[k].node->rank, node->operands[k].subscripts))
            return false;
    if (any_waits(node->contract.n_domain, node->contract.domain))
        return false;
    for (uint32_t index = 0; index < node->n_indices; index++) {
        int64_t extent;
        if (!poly_is_constant(node->extents[index], &extent))
            return false;
        points *= (double)extent;
        elements *= index < node->rank ? (double)extent : 1;
    }
    return elements <= limit && points <= most_points;
}

const struct ir_node *order_fold(struct ir_context *context, const struct ir_node *node, double limit)
{
    if (!node || node->op != IR_contract_node || !is_constant_work(node, limit))
        return node;
    const struct ir_node *constant = ir_evaluated(context, node, NULL);
    return constant ? constant : node;
}
