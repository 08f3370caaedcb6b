/* Inside passes: what forms of a kernel cost, for who chooses between them. */
#ifndef PASSES_ESTIMATE_H
#define PASSES_ESTIMATE_H

#include "passes.h"

/* Seconds the kernel takes by estimate, at typical sizes, once its contractions are ordered; infinite when that fails.
 * `flops_naive` (may be NULL): what it counts as written. The kernel stays as it is. */
double estimate_ordered(struct pass_kernel *pass, const struct ir_kernel *kernel, const struct poly **flops_naive);

/* choose.c. Every choice that is still open becomes its first alternative, for who lowers a kernel that `choose` did not see.
 * False: no memory. */
bool choose_first(struct pass_kernel *pass);

#endif
