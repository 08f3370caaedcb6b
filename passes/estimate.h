/* Inside passes: what forms of a kernel cost, for who chooses between them. */
#ifndef PASSES_ESTIMATE_H
#define PASSES_ESTIMATE_H

#include "passes.h"

struct estimate {
    double seconds, flops;          /* at typical sizes, once contractions are ordered; infinite when that fails */
    double table_bytes;             /* of constants that something is computed with */
    const struct poly *flops_naive; /* what it counts as written */
};
/* The kernel stays as it is. */
struct estimate estimate_ordered(struct pass_kernel *pass, const struct ir_kernel *kernel);

/* Of a kernel that is ordered already, with its stages fused as they will be: what its loops take. Flops are those of its nodes. */
struct estimate estimate_fused(struct pass_kernel *pass, const struct ir_kernel *kernel);

/* choose.c. Every choice that is still open becomes its first alternative, for who lowers a kernel that `choose` did not see.
 * False: no memory. */
bool choose_first(struct pass_kernel *pass);
/* choose.c. The choices that are still open, in the order of the kernel. NULL: no memory. */
const struct ir_node **choose_open(struct pass_kernel *pass, size_t *n_open);
/* The kernel with of each of them the alternative of that number. NULL: no memory. */
struct ir_kernel *choose_picks(struct pass_kernel *pass, const uint32_t *picks);

#endif
