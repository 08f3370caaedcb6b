/* Large contractions as trees of smaller ones, for the evaluator alone. */
#ifndef IR_EVAL_SPLIT_H
#define IR_EVAL_SPLIT_H

#include "ir.h"

/* The kernel with every contraction of too many points split; the kernel itself where there is none. NULL: no memory. */
const struct ir_kernel *eval_split(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims);

#endif
