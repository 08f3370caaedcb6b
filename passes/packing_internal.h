/* Of the packing_*.c files alone: the packer's memory. */
#ifndef PASSES_PACKING_INTERNAL_H
#define PASSES_PACKING_INTERNAL_H

#include "packing.h"

/* Memory that is used again and again: a table of positions; of the positions that folds bring together. */
enum packing_scratch {
    PACKING_SCRATCH_TABLE,
    PACKING_SCRATCH_OWNER,
    PACKING_SCRATCH_ROW,
    PACKING_SCRATCH_FIRST,
    PACKING_SCRATCH_TAKEN,
    PACKING_SCRATCH_BITS,
    PACKING_SCRATCH_START,
    PACKING_SCRATCH_ORDER,
    PACKING_SCRATCHES
};

/* One kernel's packing in the making. */
struct packer {
    struct ir_context *context;
    struct arena *arena;
    int64_t slots;
    const struct packing_options *options;
    struct packing_weights {
        int64_t rotation, plain_product, product; /* what one adds to a cost */
    } weights;
    struct packing_offsets **offsets; /* interned */
    size_t n_offsets, offsets_capacity;
    struct packing **packings; /* interned */
    size_t n_packings, packings_capacity;
    bool *flags;      /* scratch, one a slot */
    uint8_t *mark;    /* the same, all 0 between uses */
    int32_t *numbers; /* the same */
    void *scratch[PACKING_SCRATCHES];
    size_t scratch_bytes[PACKING_SCRATCHES];
    struct packing_memo {
        const struct packing_node *node;
        const struct packing *in;
        const struct packing_stages *stages;
    } * memos; /* of packing_linear_stages */
    size_t n_memos, memos_capacity;
    struct packing_move_memo {
        const struct packing *from, *to;
        int64_t elements;
        uint32_t most;
        const struct packing_move *move;
    } * moves; /* of packing_move */
    size_t n_moves, moves_capacity;
    struct packing_joints **joints; /* of each node, by whether an operand has a packing; NULL: not made yet */
};

/* Memory of one use, kept for the next; not cleared. NULL: no memory. */
void *packing_scratch(struct packer *packer, enum packing_scratch scratch, size_t bytes);

#endif
