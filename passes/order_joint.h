/* Inside the pass `order`: which steps the contractions of a kernel have in common. */
#ifndef PASSES_ORDER_JOINT_H
#define PASSES_ORDER_JOINT_H

#include "order.h"

/* A set of hashes: of subsets that are computed somewhere, and of the steps (subset and its two halves) that make them. */
struct order_shared {
    struct arena *arena;
    uint64_t *slots; /* open addressing; 0: empty */
    size_t capacity, count;
};

static inline bool order_shared_has(const struct order_shared *shared, uint64_t hash)
{
    if (shared->count == 0)
        return false;
    size_t mask = shared->capacity - 1;
    for (size_t slot = (size_t)hash & mask; shared->slots[slot]; slot = (slot + 1) & mask)
        if (shared->slots[slot] == hash)
            return true;
    return false;
}

/* The key of a product of a node's operands that keeps these labels, and the colours of the node's indices (0: in none of them):
 * equal for equal products whatever their indices are called. 0: no memory. */
uint64_t order_subset_key(struct ir_context *context, const struct ir_node *node, uint32_t subset, struct order_set kept,
                          uint64_t *colours);

/* The step that makes `subset` of `left` and the rest, whichever way round. */
static inline uint64_t order_shared_step(const uint64_t *keys, uint32_t subset, uint32_t left)
{
    return hash_mix(keys[subset], keys[left] + keys[subset ^ left]) | 1;
}

#endif
