/* Inside the pass `prefetch`. */
#ifndef PASSES_PREFETCH_H
#define PASSES_PREFETCH_H

#include "passes.h"

struct prefetching {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct arena *arena;
    struct loop_stmt **loops; /* open ones, outermost first */
    size_t n_loops, capacity;
    bool *asked; /* by buffer: for whole rows, by a chain around */
};

/* Bytes ahead of what is read from memory: what it gives in the time that a line of it takes, 40 GB/s * 100 ns. */
enum { STREAM_AHEAD = 4096 };

/* ---- prefetch_rows.c ---- */

/* Of a loop around stages: hints for the rows that its next step reads, and marks in `asked` what they are of, by buffer. False: no
 * memory. */
bool prefetch_rows(struct pass_kernel *kernel, struct loop_stmt *loop, bool *asked);

/* ---- prefetch_chain.c ---- */

/* Puts hints between the stages of a loop over some, if it is one, and marks the buffers that they are for. False: no memory. */
bool prefetch_chain(struct prefetching *prefetching, struct loop_stmt *loop);

#endif
