/* What the compiler can say the numbers of: constants, formulas, and what is made of them alone in so much work. */
#include "ir_internal.h"

static void note_run_time_table(void *user, const struct ir_node *table)
{
    bool *found = user;
    *found = *found || table->op != IR_const_node;
}

static bool is_formula(struct ir_context *context, const struct ir_node *node, double *points)
{
    bool looks_up = false;
    bool plain = node->op == IR_const_node || node->op == IR_map_node || node->op == IR_contract_node || node->op == IR_view_node ||
                 node->op == IR_concat_node;
    ir_visit_tables(context, node, note_run_time_table, &looks_up);
    double own = node->op == IR_const_node ? 0 : 1;
    for (uint32_t index = 0; plain && index < node->n_indices; index++) {
        int64_t extent;
        plain = poly_is_constant(node->extents[index], &extent);
        own *= plain ? (double)extent : 1;
    }
    *points += own;
    return plain && !looks_up && !ir_uses_dims(context, node);
}

bool ir_is_known(struct ir_context *context, const struct ir_node *node, double most_points)
{
    struct ir_output output = {.name = "known", .node = node, .span = SPAN_NONE};
    struct ir_kernel kernel = {.name = "known", .n_outputs = 1, .outputs = &output};
    size_t count;
    double points = 0;
    const struct ir_node **nodes = ir_topological(context, &kernel, &count);
    bool known = nodes != NULL;
    for (size_t k = 0; known && k < count; k++)
        known = is_formula(context, nodes[k], &points);
    return known && points <= most_points;
}

const struct ir_node *ir_evaluated(struct ir_context *context, const struct ir_node *node, const char *name)
{
    struct ir_output output = {.name = "constant", .node = node, .span = SPAN_NONE};
    struct ir_kernel kernel = {.name = "constant", .numeric_class = IR_CLASS_REASSOC, .n_outputs = 1, .outputs = &output};
    struct ir_tensor value = {.data = NULL};
    if (ir_eval(context, &kernel, IR_EVAL_NUMBERS, NULL, NULL, &value, NULL) != EINC_OK || !value.data)
        return NULL;
    size_t count = 1;
    for (uint32_t axis = 0; axis < value.rank; axis++)
        count *= (size_t)value.shape[axis];
    struct ir_constant constant = {.data = value.data, .bytes = count * ir_elem_info(node->elem)->bytes, .name = name};
    return ir_constant(context, node->elem, node->rank, node->shape, &constant);
}
