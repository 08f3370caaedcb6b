/* Inside the pass `vectorise`. */
#ifndef PASSES_VECTORISE_H
#define PASSES_VECTORISE_H

#include "passes.h"

struct vectorising {
    struct pass_kernel *kernel;
    struct ir_context *context;
};

/* ---- vectorise.c ---- */

/* Lanes of the vectors along a loop; 0: elements that no vector holds. */
int64_t vectorise_lanes(struct vectorising *vectorising, const struct loop_stmt *loop, enum ir_elem elem);
/* Is it an innermost loop over whole vectors of what it stores? */
bool vectorise_is_candidate(struct vectorising *vectorising, const struct loop_stmt *loop);
/* The loop over the vectors; index x of the old loop becomes lanes * vector + x. False: no memory. */
bool vectorise_split(struct vectorising *vectorising, struct loop_stmt *loop, int64_t lanes);

/* ---- vectorise_tiles.c ---- */

/* Before the loop, within those around it, the tile's vectors go to an array that any code may read. False: no memory. */
bool vectorise_from_copy(struct vectorising *vectorising, struct loop_stmt *loop);
/* Of short loops around a store of functions of a tile the innermost; NULL: they are no such nest. */
struct loop_stmt *vectorise_calls_within(struct vectorising *vectorising, struct loop_stmt *nest);
/* Makes such a nest one that copies the tile and one, of loops, that computes the functions. False: no memory. */
bool vectorise_calls(struct vectorising *vectorising, struct loop_stmt *nest, struct loop_stmt *inner);

/* ---- vectorise_straight.c: straight lines of statements ---- */

/* Is it a loop around nothing but definitions and stores that vectors can do? */
bool vectorise_is_straight(struct pass_kernel *kernel, const struct loop_stmt *loop);
/* Makes it one over vectors. False: no memory. */
bool vectorise_straight(struct pass_kernel *kernel, struct loop_stmt *loop);

#endif
