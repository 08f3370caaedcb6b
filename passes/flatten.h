/* Inside passes: flattening as `order` uses it to compare. */
#ifndef PASSES_FLATTEN_H
#define PASSES_FLATTEN_H

#include "ir/ir.h"

/* Flattens the kernel's contractions in place. `shared`: also through contractions with several users, whose work is then done
 * once a user unless `order` finds it again. False: no memory. */
bool flatten_kernel(struct ir_context *context, struct ir_kernel *kernel, bool shared);

#endif
