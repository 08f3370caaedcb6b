/* Inside the pass `vectorise`: straight lines of statements (vectorise_straight.c). */
#ifndef PASSES_VECTORISE_H
#define PASSES_VECTORISE_H

#include "passes.h"

/* Is it a loop around nothing but definitions and stores that vectors can do? */
bool vectorise_is_straight(struct pass_kernel *kernel, const struct loop_stmt *loop);
/* Makes it one over vectors. False: no memory. */
bool vectorise_straight(struct pass_kernel *kernel, struct loop_stmt *loop);

#endif
