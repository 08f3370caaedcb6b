/* Of packing_graph.c and packing_maps.c: a graph in the making. */
#ifndef PASSES_PACKING_GRAPH_H
#define PASSES_PACKING_GRAPH_H

#include "packing_internal.h"

#include <stdio.h>

enum { PACKING_MOST_POINTS = 1 << 27 }; /* of an index space that is walked */

struct packing_builder {
    struct packer *packer;
    const struct ir_kernel *kernel;
    struct packing_graph *graph;
    const struct packing_ref **refs; /* by the number of the tensor node; NULL: it depends on no input */
    bool *is_hidden;                 /* the same: it is in ciphertexts */
    uint32_t n_ids;                  /* room in both */
    const struct pass_kernel *pass;
    uint32_t n_stand_ins; /* numbers of inputs that are in use */
    uint32_t
        pairs_below; /* contractions of fewer factors are taken as pairs: those that `order` leaves whole are not tried again */
};

/* E0931 at the node's statement; NULL. */
void *packing_refuse(struct packing_builder *builder, const struct ir_node *node, const char *help, const char *format, ...)
    BASE_PRINTF(4, 5);
bool packing_shape(struct packing_builder *builder, const struct ir_node *node, uint32_t n, const struct poly *const *polys,
                   int64_t *extents, int64_t *product);
/* Names and extents of the node's axes. */
struct slot_dim *packing_dims(struct packing_builder *builder, const struct ir_node *from, const int64_t *extents);
/* A node with the shape and name of `from`. It moves when the next one is added. */
struct packing_node *packing_add_node(struct packing_builder *builder, enum packing_kind kind, const struct ir_node *from);
const struct packing_ref *packing_view(struct packing_builder *builder, const struct ir_node *node, uint32_t n_indices,
                                       const int64_t *extents, const struct ir_access *access);
const double *packing_numbers(struct packing_builder *builder, const struct ir_node *node, int64_t *count);
const struct packing_ref *packing_contraction(struct packing_builder *builder, const struct ir_node *node);
const struct packing_ref *packing_multiply(struct packing_builder *builder, const struct ir_node *node, const struct packing_ref *a,
                                           const struct packing_ref *b, const double *numbers);
/* The same value with numbers of its own: a linear map, which lies as it did wherever its elements are a rearrangement. */
const struct packing_ref *packing_renumbered(struct packing_builder *builder, const struct ir_node *node,
                                             const struct packing_ref *ref);

/* The factors of a product: known numbers, and what lies in ciphertexts. */
struct packing_factors {
    uint32_t n_indices, rank, n_known, n_hidden;
    int64_t extents[PACKING_RANK], points;
    struct packing_reader *known[PACKING_OPERANDS], *hidden[PACKING_OPERANDS], *out;
    const double *numbers[PACKING_OPERANDS];
    double fill[PACKING_OPERANDS];
    struct packing_ref refs[PACKING_OPERANDS]; /* of the hidden */
    const struct poly *const *domain;
    uint32_t n_domain;
};
/* Digits of the indices along which every operand in ciphertexts moves evenly, those of the last index first, its lowest digit
 * first; none where there is no such thing. False: no memory. */
bool packing_cut_digits(struct packing_builder *builder, const struct packing_factors *factors, struct packing_node *node);
/* `made` is the node to be, but for what makes it linear; NULL: it has the shape of `from`. */
const struct packing_ref *packing_add_linear(struct packing_builder *builder, const struct ir_node *from,
                                             const struct packing_node *made, const struct packing_factors *factors);
/* ---- packing_chain.c ---- */
/* A product of one operand in ciphertexts and several known factors. */
const struct packing_ref *packing_add_chain(struct packing_builder *builder, const struct ir_node *from,
                                            const struct packing_factors *factors);
/* ---- packing_maps.c ---- */
const struct packing_ref *packing_map(struct packing_builder *builder, const struct ir_node *node);

#endif
