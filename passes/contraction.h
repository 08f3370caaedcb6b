/* Inside passes: a contraction under construction, and its canonical form. */
#ifndef PASSES_CONTRACTION_H
#define PASSES_CONTRACTION_H

#include "ir/ir.h"

/* Indices 0..rank-1 are the axes, the rest are summed. Names may be NULL each. Arrays grow in the context's arena. */
struct contraction {
    struct ir_context *context;
    enum ir_ring ring;
    enum ir_elem elem, accumulator;
    uint32_t rank;
    const struct poly **extents;
    size_t n_indices, extents_capacity;
    const char **names;
    size_t n_names, names_capacity; /* = n_indices */
    struct ir_access *operands;
    size_t n_operands, operands_capacity;
    const struct poly **domain;
    size_t n_domain, domain_capacity;
};

/* May sums and products of this node be regrouped in this kernel? Floats unless the class is `exact`; integers and bools where the
 * ring's laws hold to the last bit: wrapping addition does not distribute over min and max, so integer minplus and maxplus do not.
 */
bool contraction_may_regroup(const struct ir_kernel *kernel, const struct ir_node *node);
/* Does zero take a product away, whatever the other factors are? In (min, +) and (max, +) the infinities do, but the largest and
 * the least integer are numbers that wrap when something is added; `prod` multiplies what it adds. */
bool contraction_zero_absorbs(const struct ir_node *node);

/* The parts of a `contract` node, index names taken from the kernel's side table. */
struct contraction contraction_open(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_node *node);
/* Number of the new index; UINT32_MAX: no memory. */
uint32_t contraction_add_index(struct contraction *contraction, const struct poly *extent, const char *name);
bool contraction_add_operand(struct contraction *contraction, struct ir_access access);
bool contraction_add_condition(struct contraction *contraction, const struct poly *condition);

/* Canonical form: operands in order of node, then of what they share with the axes; summed indices numbered as they first occur;
 * summed indices of extent 1 gone. Then `names` fit the node. NULL: no memory. */
const struct ir_node *contraction_close(struct contraction *contraction);
/* As close, but the summed indices listed come first in the node's `sliced` (axes may be among them). */
const struct ir_node *contraction_close_sliced(struct contraction *contraction, uint32_t n_sliced, const uint32_t *sliced);

/* A side of a comparison in a mask: an index value or a whole number. NULL: something else. */
const struct poly *contraction_compared(struct ir_context *context, const struct ir_expr *expr);

/* The same in the body of a map, where it may be an element of a table that is known at run time. */
const struct poly *contraction_compared_element(struct ir_context *context, const struct ir_node *map, const struct ir_expr *expr);

/* The poly over the contraction's indices that is 0 where the operand is the ring's one, while it is its zero elsewhere; NULL: it
 * is no such operand. */
const struct poly *contraction_difference(struct ir_context *context, const struct ir_node *node, const struct ir_access *access);
/* deltas_scatter.c: sum over j of where(i == table[j], 1, 0) * x[j] for an axis i that nothing else reads adds x[j] at table[j],
 * what lies outside left out; the node itself where it is no such sum, NULL: no memory. */
const struct ir_node *contraction_scattered(struct ir_context *context, struct ir_kernel *kernel, const struct ir_node *node);
/* An expression, a part of the body of the map that is accessed without fill, as an operand over those axes of the map that it
 * reads; an element of an operand is a view of that. A node NULL: no memory. */
struct ir_access contraction_map_part(struct ir_context *context, const struct ir_access *access, const struct ir_expr *expr);

/* n operands, every index: ((n - 1) multiplications and one addition) at each point of the index space. */
const struct poly *contraction_flops_naive(struct ir_context *context, const struct ir_node *node);

/* Does each axis of the operand have an index of its own, without a value beside? Those are put in `axes`. */
bool contraction_bare_axes(const struct ir_access *access, uint32_t *axes);

#endif
