/* Inside the pass `chunk_scan`: what it finds in a step, and what it makes of it (docs/recurrences.md has the formulas).
 *
 * chunk_linear.c writes each state as h' = decay * h + product of factors; chunk_lift.c makes nodes of a step into nodes over all
 * steps; chunk_build.c writes the chunk form; chunk_scan.c asks whether it is worth it, and how long the chunks are. */
#ifndef PASSES_CHUNK_H
#define PASSES_CHUNK_H

#include "passes.h"

/* One state of a linear step. Accesses speak of the state's axes as indices 0, 1, ... */
struct chunk_state {
    const struct ir_node *before, *after; /* input and output of the step */
    bool decays;                          /* else the decay is one */
    struct ir_access decay;               /* of the axes it depends on, each as it is */
    uint32_t n_factors;                   /* of what is added; 0: nothing is */
    struct ir_access *factors;
};

/* A scan that is linear in its states, and what its nodes are. */
struct chunk_form {
    struct ir_context *context;
    struct arena *arena;
    struct ir_kernel *kernel; /* that scans */
    const struct ir_node *scan;
    const struct ir_kernel *step;
    const struct ir_node **nodes; /* of the step, operands before users */
    size_t n_nodes, n_ids;
    bool *depends; /* on a state, by id */
    struct chunk_state *states;
    /* Of the chunk form being built: */
    int64_t length;                /* steps of a chunk */
    const struct poly *chunks;     /* how many */
    const struct ir_node **lifted; /* by id: over all steps, the step along axis 0 */
    struct chunk_parts *parts;     /* of each state */
};

/* What there is of one state. */
struct chunk_parts {
    const struct ir_node *products, *products_before; /* [i, c, j, decaying axes]: p(i, j), and p(i-1, j); NULL: no decay */
    const struct ir_node *last_products;              /* [c, j, decaying axes]: p(Q-1, j) */
    const struct ir_node *carry;                      /* the scan over chunks */
    const struct ir_node *start;                      /* [c, axes]: the state before chunk c */
    const struct ir_node *every[2];                   /* before, after; NULL: not asked for */
};

/* ---- chunk_linear.c ---- */
/* Is every state linear in itself alone, with a decay of one factor an element? Fills `form` then. */
bool chunk_analyse(struct chunk_form *form);
/* The state whose value before or after the step `node` is; UINT32_MAX: none. */
uint32_t chunk_state_of(const struct chunk_form *form, const struct ir_node *node, bool *after);
/* A product with one factor a state, read at plain indices, each once: what the chunk form is made for. The number of that factor;
 * UINT32_MAX: it is none. */
uint32_t chunk_linear_operand(const struct chunk_form *form, const struct ir_node *node);

/* ---- chunk_lift.c ---- */
/* Where a node's place in time and its indices stand in a node over all steps. */
struct chunk_place {
    const struct poly *time;
    uint32_t n;
    const struct poly *const *indices; /* one an index of the node */
};
/* An access of a node of the step, from there. Node NULL: no memory. */
struct ir_access chunk_lift_access(struct chunk_form *form, const struct ir_access *access, const struct chunk_place *place);
/* Fills `lifted` for the nodes of the step that depend on a state, or for those that do not; states have no entry. */
bool chunk_lift(struct chunk_form *form, bool dependent);

/* ---- chunk_build.c ---- */
/* The states between chunks; what depends on no state is lifted by then. */
bool chunk_carry(struct chunk_form *form);
/* What the product `node` of the step is at every step, one factor of which is a state. */
const struct ir_node *chunk_product(struct chunk_form *form, const struct ir_node *node);
/* The state at every step, before or after it. */
const struct ir_node *chunk_every_state(struct chunk_form *form, uint32_t state, bool after);
const struct ir_node *chunk_last_state(struct chunk_form *form, uint32_t state);

#endif
