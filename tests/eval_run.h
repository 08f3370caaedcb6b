/* One kernel of tensor-IR text, given inputs and evaluated by the reference evaluator. */
#ifndef TESTS_EVAL_RUN_H
#define TESTS_EVAL_RUN_H

#include "ir/ir.h"

/* A kernel from text, and what it gave. */
struct eval_run {
    struct ir_context *context;
    const struct ir_kernel *kernel;
    struct ir_tensor inputs[4], outputs[12];
    double longest[12];
    enum einc_status status;
};

/* Reads the text, whose first kernel is the one that runs; text that does not read fails the test and is told. */
struct eval_run eval_prepare(const char *text);
/* Input `number` of the kernel: the shape is the declared one at `dims`. */
void eval_give(struct eval_run *run, uint32_t number, const int64_t *dims, const void *data);
/* Sets status, outputs and, in IR_EVAL_BOUND, the longest sums. */
void eval_evaluate(struct eval_run *run, enum ir_arithmetic arithmetic, const int64_t *dims);
void eval_finish(struct eval_run *run);

#define DOUBLES(run, k) ((const double *)(run).outputs[k].data)

#endif
