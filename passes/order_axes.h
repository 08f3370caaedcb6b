/* Which axes an intermediate has, and in what sequence (docs/ordering.md). */
#ifndef EINC_ORDER_AXES_H
#define EINC_ORDER_AXES_H

#include "order.h"

/* A product of accesses, as a tensor of a tree. */
struct order_term {
    struct ir_access *factors; /* subscripts over the root's indices */
    size_t n_factors;
    struct order_set labels; /* the indices a step over it runs through */
};

/* A set of labels in the sequence in which they become axes. */
struct order_sequence {
    uint32_t labels[ORDER_LABELS];
    uint32_t count;
    struct order_set have;
};

/* The step that reads a product: what it multiplies that by, and the labels that its own result has. */
struct order_reader {
    const struct order_term *beside;
    struct order_set keeps;
};

/* Appends the label where it is wanted and not there yet. */
void order_sequence_add(struct order_sequence *sequence, uint32_t label, const struct order_set *wanted);
/* The axes of `product` over `result`. `reader`: where nothing is summed, the step that reads it; else NULL. */
struct order_sequence order_axes(const struct order_problem *problem, const struct ir_node *root, const struct order_term *product,
                                 struct order_set result, const struct order_reader *reader);

#endif
