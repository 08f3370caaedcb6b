/* What vectors along one index of a loop can do: places that move by one element a lane, or not at all, and the operations that
 * vectors have. */
#ifndef PASSES_LANES_H
#define PASSES_LANES_H

#include "passes.h"

/* Are there vectors of such elements? */
bool lanes_have(enum ir_elem elem);
/* Does the address move by one element as the index does? */
bool lanes_move_by_one(struct ir_context *context, const struct poly *address, uint32_t index);
/* Is it one of the operations of vectors? Functions are that of the C library to the last bits only, so not in `exact` kernels. */
bool lanes_have_operation(const struct pass_kernel *kernel, enum ir_expr_op op, enum ir_elem elem);
/* Are there functions in it that take vectors a dozen operations or more? */
bool lanes_call(struct ir_context *context, const struct ir_expr *expr);
/* Can the expression, all of one element type where it moves with the index, be made a vector along it? */
bool lanes_hold(const struct pass_kernel *kernel, const struct ir_expr *expr, enum ir_elem elem, uint32_t index);

#endif
