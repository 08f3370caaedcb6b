/* Random pointwise maps: up to three accesses under an expression, all indices being axes. */
#include "programs_internal.h"

struct random_value random_map(struct generator *generator)
{
    static const struct random_value none;
    struct space space = {0};
    struct ir_access operands[3];
    uint32_t n = 0;
    for (uint32_t k = 0, wanted = 1 + pick(generator, 3); k < wanted; k++) {
        operands[n] = some_access(generator, &space, some_value(generator));
        n += operands[n].node != NULL;
    }
    if (n == 0)
        return none;
    if (chance(generator, 20)) /* an axis that no operand has */
        some_index(generator, &space, some_extent(generator), 100);
    if (volume_of(generator, space.n, space.extents) > generator->largest_tensor)
        return none;
    choose_axes(generator, &space, 100, n, operands);
    if (arena_failed(ir_arena(generator->context)))
        return none;
    struct random_expr body = random_expression(generator, n, operands, &space);
    if (!body.expr || (generator->options.kind == RANDOM_WHOLE && !has_room(generator, body.expr->elem, body.bound)))
        return none;
    const struct ir_node *node = ir_map(generator->context, space.n, space.extents, n, operands, body.expr);
    return (struct random_value){node, body.varies, body.bound, 1};
}
