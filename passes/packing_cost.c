/* What plans are compared by. Where rotations count, products decide between equal numbers of them. Where time does, ops take what
 * a table says of a ring of the slots' size at a level in the middle: the schedule that comes of a plan is timed exactly, each op
 * at its level, but a search that goes from the inputs on does not know how many levels will be left. */
#include "packing_internal.h"

int64_t packing_cost(const struct packer *packer, int64_t rotations, int64_t plain_products, int64_t products)
{
    const struct packing_weights *weights = &packer->weights;
    return rotations * weights->rotation + plain_products * weights->plain_product + products * weights->product;
}

int64_t packing_gain(const struct packer *packer, int64_t cost)
{
    return packer->options->cost == PACKING_LATENCY ? cost : cost / packer->weights.rotation;
}

int64_t packing_offsets_cost(struct packer *packer, const struct packing_offsets *offsets, int64_t inputs, int64_t outputs,
                             int64_t pairs)
{
    int64_t rotations = packing_rotations(packer, offsets, inputs, outputs);
    return packing_cost(packer, rotations, (int64_t)offsets->count * pairs, 0);
}

static int64_t nanoseconds(const struct packer *packer, const struct slot_ring *ring, uint32_t level, enum slot_op op)
{
    double ns = 1e6 * slot_time(packer->options->times, ring->degree, level, op);
    return ns >= 1 ? (int64_t)ns : 1;
}

void packing_weigh(struct packer *packer)
{
    enum { LEVELS = 4, SCALE_BITS = 40 };
    uint32_t levels = packer->options->levels < SLOT_LEVELS_LIMIT ? (uint32_t)packer->options->levels : LEVELS;
    const struct slot_ring ring = slot_ring_choose(packer->options->slots, levels, SCALE_BITS);
    packer->weights = (struct packing_weights){INT64_C(1) << 24, 1, 2};
    if (packer->options->cost != PACKING_LATENCY || !ring.degree)
        return;
    uint32_t level = (levels + 1) / 2;
    packer->weights.rotation = nanoseconds(packer, &ring, level, SLOT_rot);
    packer->weights.plain_product = nanoseconds(packer, &ring, level, SLOT_mulp) + nanoseconds(packer, &ring, level, SLOT_add);
    packer->weights.product = nanoseconds(packer, &ring, level, SLOT_mul) + nanoseconds(packer, &ring, level, SLOT_relin);
}
