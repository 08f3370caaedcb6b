/* Shared by host.c, host_sizes.c and host_parts.c. */
#ifndef BACKENDS_HOST_H
#define BACKENDS_HOST_H

#include "backends_internal.h"

struct host {
    struct c_file *file;
    struct c_kernel *kernel;
    struct text *text;
    bool *bound;                 /* by dim: an axis of an input tells it */
    size_t conditions;           /* put so far of `if (!(...))` */
    const struct poly **fitting; /* what is known not to wrap */
    size_t n_fitting, fitting_capacity;
};

/* ---- host.c ---- */
/* What stands between two conditions. */
const char *host_next(struct host *host);

/* ---- host_sizes.c ---- */
/* Conditions on the dims, once they are known: promises, extents that may be negative, sizes that may wrap. Afterwards every extent
 * and stride, and the workspace, is what its expression in `size_t` gives. */
void host_put_sizes(struct host *host);
bool host_bare_dim(const struct poly *extent, uint32_t *dim);

/* ---- host_parts.c ---- */
extern const char *const host_parts[]; /* ended by NULL */

#endif
