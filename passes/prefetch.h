/* Inside the pass `prefetch`. */
#ifndef PASSES_PREFETCH_H
#define PASSES_PREFETCH_H

#include "passes.h"

/* ---- prefetch_rows.c ---- */

/* Of a loop around stages: hints for the rows that its next step reads. False: no memory. */
bool prefetch_rows(struct pass_kernel *kernel, struct loop_stmt *loop);

#endif
