/* One kernel under evaluation, as the files that evaluate its nodes share it. Internal to the evaluator. */
#ifndef IR_EVAL_KERNEL_H
#define IR_EVAL_KERNEL_H

#include "eval_walk.h"

struct evaluation {
    struct ir_context *context;
    const struct ir_kernel *kernel;
    const struct arithmetic *arithmetic;
    struct arena *arena; /* working memory */
    const int64_t *dims;
    const struct ir_tensor *inputs;  /* of a kernel; or */
    const struct eval_tensor *given; /* of a step: its inputs, in its own numbering */
    struct eval_tensor *tensors;     /* ascending by node number */
    size_t n_tensors;
    struct poly_tables tables; /* those that subscripts look up, among the tensors */
    enum einc_status status;
};

/* ---- eval.c ---- */
bool eval_fail_memory(struct evaluation *evaluation); /* false */
const struct eval_tensor *eval_find_tensor(const struct evaluation *evaluation, const struct ir_node *node);
/* The polys' values at the run's dims; none may be negative. */
bool eval_find_extents(struct evaluation *evaluation, const struct ir_node *node, uint32_t count, const struct poly *const *polys,
                       int64_t *extents);
/* Shape, C-order strides and room for the elements. */
bool eval_shape_tensor(struct evaluation *evaluation, struct eval_tensor *tensor);
/* The odometer over a node's index space and its operands' accesses. NULL: status says why. */
struct walk *eval_walk_node(struct evaluation *evaluation, const struct ir_node *node, struct eval_access **accesses);
/* All nodes the kernel needs, in an order of evaluation; then their values. */
bool eval_list_tensors(struct evaluation *evaluation);
bool eval_nodes(struct evaluation *evaluation);

/* ---- eval_report.c ---- */
struct span eval_span_of(const struct evaluation *evaluation, const struct ir_node *node);
const char *eval_name_of(const struct evaluation *evaluation, const struct ir_node *node);
/* Reports which of the accesses, operands `first` on of the node, leaves its tensor at the walk's place (NULL: no place is known);
 * false. */
bool eval_fail_outside(struct evaluation *evaluation, const struct ir_node *node, const struct walk *walk, uint32_t first,
                       uint32_t n, const struct eval_access *accesses);

/* Reports that the matrix of a solution is singular at the walk's place; false. */
bool eval_fail_singular(struct evaluation *evaluation, const struct ir_node *node, const struct walk *walk);

/* ---- eval_solve.c ---- */
bool eval_solve(struct evaluation *evaluation, struct eval_tensor *tensor);

/* ---- eval_scan.c ---- */
/* Fills the tensors of all that project from the scan. */
bool eval_scan(struct evaluation *evaluation, const struct eval_tensor *tensor);

#endif
