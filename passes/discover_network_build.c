/* A network in the place of a constant of a sum of products: its parts are operands of the same sum, whose indices along axes that
 * are cut become digits. */
#include "discover.h"
#include "fourier.h"

#include <string.h>

struct placing {
    struct ir_context *context;
    const struct ir_node *node;
    const struct discover_network *network;
    const struct poly **places;     /* of the contraction's indices, over the new ones */
    const struct poly **extents;    /* of the new ones */
    uint32_t own[DISCOVER_INDICES]; /* of the network's indices the new ones */
    uint32_t n_indices, rank;
};

static const struct ir_node *constant_of(struct ir_context *context, enum ir_elem stored, enum ir_elem elem,
                                         const struct discover_network *network, const struct discover_part *part)
{
    const struct poly *shape[DISCOVER_INDICES];
    size_t count = discover_part_size(network, part), bytes;
    bool real = true;
    for (uint32_t axis = 0; axis < part->rank; axis++)
        shape[axis] = poly_constant(context, (int64_t)network->extents[part->index[axis]]);
    for (size_t k = 0; k < count; k++)
        real = real && cimag(part->numbers[k]) == 0;
    stored = real ? ir_elem_real(stored) : stored;
    bytes = count * ir_elem_info(stored)->bytes;
    void *data = arena_alloc(ir_arena(context), count, ir_elem_info(stored)->bytes);
    for (size_t k = 0; data && k < count; k++)
        ir_number_store(real ? ir_number_real(stored, creal(part->numbers[k]))
                             : ir_number_complex(stored, creal(part->numbers[k]), cimag(part->numbers[k])),
                        data, k);
    struct ir_constant own = {.data = data, .bytes = bytes};
    return data ? fourier_cast(context, ir_constant(context, stored, part->rank, shape, &own), elem) : NULL;
}

/* The axis of the constant along which the contraction's index runs; its rank: none. */
static uint32_t axis_of(const struct ir_access *access, uint32_t index)
{
    uint32_t found, axis = 0;
    while (axis < access->node->rank && !(poly_is_index(access->subscripts[axis], &found) && found == index))
        axis++;
    return axis;
}

/* Numbers the indices: digits in the place of each index that is cut, those of the result first, the network's own at the end. */
static void number_indices(struct placing *placing, const struct ir_access *access)
{
    const struct discover_network *network = placing->network;
    uint32_t first[DISCOVER_AXES], n_free = 0;
    for (uint32_t axis = 0; axis < network->rank; n_free += network->n_digits[axis++])
        first[axis] = n_free;
    for (uint32_t k = 0; k < placing->node->n_indices; k++) {
        uint32_t axis = axis_of(access, k);
        const struct poly *place = poly_constant(placing->context, 0);
        if (axis == access->node->rank) {
            placing->places[k] = poly_index(placing->context, placing->n_indices);
            placing->extents[placing->n_indices++] = placing->node->extents[k];
        }
        for (uint32_t digit = 0; axis < access->node->rank && digit < network->n_digits[axis]; digit++) {
            uint32_t from = first[axis] + digit;
            int64_t extent = (int64_t)network->extents[from];
            placing->own[from] = placing->n_indices;
            place = poly_add(placing->context, poly_scale(placing->context, place, extent),
                             poly_index(placing->context, placing->n_indices));
            placing->places[k] = place;
            placing->extents[placing->n_indices++] = poly_constant(placing->context, extent);
        }
        placing->rank = k < placing->node->rank ? placing->n_indices : placing->rank;
    }
    for (uint32_t k = n_free; k < network->n_indices; k++) {
        placing->own[k] = placing->n_indices;
        placing->extents[placing->n_indices++] = poly_constant(placing->context, (int64_t)network->extents[k]);
    }
}

/* The result with its digits put together. */
static const struct ir_node *merged(const struct placing *placing, const struct ir_node *result, const struct ir_access *access)
{
    struct ir_context *context = placing->context;
    const struct ir_node *node = placing->node;
    if (!result || placing->rank == node->rank)
        return result;
    const struct poly **subscripts = ARENA_ARRAY(ir_arena(context), placing->rank, const struct poly *);
    struct poly_ranges ranges = {node->rank, node->shape};
    uint32_t n = 0;
    for (uint32_t k = 0; subscripts && k < node->rank; k++) {
        uint32_t axis = axis_of(access, k), count = axis < access->node->rank ? placing->network->n_digits[axis] : 1;
        const struct poly *behind = poly_constant(context, 1);
        for (uint32_t digit = count; digit-- > 0;) {
            const struct poly *at = poly_floor_div(context, poly_index(context, k), behind, &ranges);
            const struct poly *extent = placing->extents[n + digit];
            subscripts[n + digit] = digit ? poly_mod(context, at, extent, &ranges) : at;
            behind = poly_multiply(context, behind, extent);
        }
        n += count;
    }
    return subscripts ? ir_view(context, node->rank, node->shape, (struct ir_access){.node = result, .subscripts = subscripts})
                      : NULL;
}

const struct ir_node *discover_replace(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                       const struct ir_node *constant, const struct discover_network *network)
{
    struct arena *arena = ir_arena(context);
    struct placing placing = {.context = context, .node = node, .network = network};
    const struct ir_access *access = &node->operands[operand];
    uint32_t count = 0;
    placing.places = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    placing.extents = ARENA_ARRAY(arena, node->n_indices + network->n_indices, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(arena, node->n_operands + network->n_parts, struct ir_access);
    if (!placing.places || !placing.extents || !operands)
        return NULL;
    number_indices(&placing, access);
    struct poly_ranges ranges = {placing.n_indices, placing.extents};
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (k != operand)
            operands[count++] = ir_access_substitute(context, node->operands[k], node->n_indices, placing.places, &ranges);
    for (uint32_t k = 0; k < network->n_parts; k++) {
        const struct discover_part *part = &network->parts[k];
        const struct poly **at = ARENA_ARRAY(arena, part->rank, const struct poly *);
        for (uint32_t axis = 0; at && axis < part->rank; axis++)
            at[axis] = poly_index(context, placing.own[part->index[axis]]);
        operands[count++] = (struct ir_access){
            .node = at ? constant_of(context, constant->elem, access->node->elem, network, part) : NULL, .subscripts = at};
        if (!operands[count - 1].node)
            return NULL;
    }
    const struct ir_node *product = ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                               .elem = node->elem,
                                                                               .accumulator = node->contract.accumulator,
                                                                               .rank = placing.rank,
                                                                               .n_indices = placing.n_indices,
                                                                               .extents = placing.extents,
                                                                               .n_operands = count,
                                                                               .operands = operands});
    return merged(&placing, product, access);
}
