/* Random scatters: values of an access added by a ring to the places of a base. Places may meet; under a fill some are left out. */
#include "programs_internal.h"

#include <math.h>

/* The infinities of min and max are kept, those of products would not be. */
static bool is_open(const struct generator *generator, enum ir_ring ring, enum ir_elem elem)
{
    if (!ir_ring_takes(ring, elem))
        return false;
    return generator->options.kind != RANDOM_POLYNOMIAL || ring == IR_RING_plustimes || ring == IR_RING_prod;
}

static enum ir_ring some_addition(struct generator *generator, enum ir_elem elem)
{
    enum ir_ring plain = elem == IR_bool ? IR_RING_orand : IR_RING_plustimes;
    enum ir_ring other = chance(generator, 30) ? (enum ir_ring)pick(generator, IR_RING_COUNT) : plain;
    return is_open(generator, other, elem) ? other : plain;
}

/* Every point may come to one place. */
static double bound_of(const struct generator *generator, enum ir_ring ring, const struct space *space, double base, double value)
{
    double points = (double)volume_of(generator, space->n, space->extents);
    switch (ring) {
    case IR_RING_plustimes:
        return base + points * value;
    case IR_RING_prod:
        return base * pow(2 * fmax(value, 1), points);
    default:
        return fmax(base, value);
    }
}

struct random_value random_scatter(struct generator *generator)
{
    static const struct random_value none;
    struct space space = {0};
    struct ir_access operands[2];
    const struct random_value *base = some_value(generator);
    enum ir_elem elem = base->node->elem;
    const struct random_value *value = some_value_of(generator, elem);
    if (!value)
        return none;
    operands[0] = some_access(generator, &space, base);
    operands[1] = operands[0].node ? some_access(generator, &space, value) : operands[0];
    operands[0].conjugate = false;
    if (!operands[1].node || volume_of(generator, space.n, space.extents) > generator->largest_tensor)
        return none;
    choose_axes(generator, &space, 100, 2, operands);
    if (arena_failed(ir_arena(generator->context)))
        return none;
    enum ir_ring ring = some_addition(generator, elem);
    struct random_value result = {.bound = bound_of(generator, ring, &space, base->bound, accessed(generator, &operands[1]).bound),
                                  .n_factors = 1};
    bool exact = generator->options.kind != RANDOM_WHOLE || has_room(generator, elem, result.bound);
    if (!exact || (generator->options.kind == RANDOM_OPAQUE && ring == IR_RING_plustimes && !isfinite(result.bound)))
        return none;
    result.node = ir_scatter(generator->context, ring, space.n, space.extents, operands[0], operands[1]);
    return result;
}
