/* What `parallel` is made of beside the choice of loops. */
#ifndef PASSES_PARALLEL_H
#define PASSES_PARALLEL_H

#include "passes.h"

/* private_buffers.c. The small arrays and scratch of which each iteration of the loop may have its own become private, or (`undo`)
 * what they were. False: no memory. */
bool parallel_make_private(struct pass_kernel *kernel, const struct loop_stmt *loop, bool undo);

#endif
