/* What the two halves of `peel` share: the body of a register tile, and loops in it that end at a limit. */
#ifndef PASSES_PEEL_H
#define PASSES_PEEL_H

#include "passes.h"

struct peeling {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct loop_function *function;
};

/* Loops over a tile's elements that end where the tensor does: those of one index of it, in several statements of the body. */
struct peel_edge {
    const struct loop_stmt *loop; /* the first of them */
    bool is_summed;               /* one stands around the multiplications */
};

/* Is it one of them? */
bool peel_is_at(const struct peel_edge *edge, const struct loop_stmt *loop);

/* ---- peel_lanes.c ---- */

/* The loops of the edge, which vectors will run along, and those without a limit over the same elements go to `extent`: over whole
 * vectors, then over the narrowest that holds the rest. The tile has an array for each. Where that is not possible nothing changes.
 * False: no memory. */
bool peel_lanes(struct peeling *peeling, struct loop_stmt *body, const struct peel_edge *edge, int64_t extent);

#endif
