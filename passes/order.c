/* The pass `order`: every contraction of a kernel becomes a tree of steps over few operands (docs/ordering.md).
 *
 * All contractions of the kernel are solved together (order_joint.c), for the kernel as flattened and, where a contraction has
 * several users, also with it taken into each of them; the cheaper one stands. Then trees that need more memory than allowed are
 * changed (order_slice.c), and nodes are built bottom-up (order_build.c). Contractions that may not be regrouped stay as they are.
 */
#include "contraction.h"
#include "flatten.h"
#include "order.h"

static bool plan_make(struct order_scratch *scratch, struct pass_kernel *pass, struct ir_kernel *kernel, struct order_plan *plan)
{
    struct ir_context *context = pass->context;
    *plan = (struct order_plan){.kernel = kernel};
    plan->nodes = ir_topological(context, kernel, &plan->n_nodes);
    plan->problems = ARENA_ARRAY(scratch->arena, plan->n_nodes, struct order_problem);
    if (!plan->nodes || !plan->problems)
        return false;
    for (size_t k = 0; k < plan->n_nodes; k++) {
        const struct ir_node *node = plan->nodes[k];
        if (!contraction_may_regroup(kernel, node) || node->n_indices > ORDER_LABELS || node->n_operands > ORDER_OPERANDS)
            continue;
        struct order_problem *problem = &plan->problems[plan->n_problems++];
        if (!order_set_literals_aside(context, node, problem) ||
            !order_network_create(context, pass->options, problem->node, &problem->network))
            return false;
    }
    return order_joint(scratch, context, plan->problems, plan->n_problems, &plan->total);
}

/* The same kernel with every contraction taken into all its users; NULL when that is the same, or no memory. */
static struct ir_kernel *kernel_expanded(struct ir_context *context, struct ir_kernel *kernel)
{
    struct arena *arena = ir_arena(context);
    struct ir_kernel *copy = arena_copy(arena, kernel, 1, sizeof *copy);
    if (!copy)
        return NULL;
    copy->outputs = arena_copy(arena, kernel->outputs, kernel->n_outputs, sizeof *copy->outputs);
    copy->names = arena_copy(arena, kernel->names, kernel->n_names, sizeof *copy->names);
    copy->names_capacity = copy->n_names;
    if (!copy->outputs || !copy->names || !flatten_kernel(context, copy, true))
        return NULL;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (copy->outputs[k].node != kernel->outputs[k].node)
            return copy;
    return NULL;
}

static bool plan_fit(struct order_scratch *scratch, struct pass_kernel *pass, struct order_plan *plan)
{
    double limit = pass->options ? (double)pass->options->memory_limit : 0;
    bool any = false;
    for (size_t k = 0; limit > 0 && k < plan->n_problems; k++) {
        struct order_problem *problem = &plan->problems[k];
        double least;
        if (!order_slice(scratch, problem, limit, &least)) {
            if (arena_failed(scratch->arena))
                return false;
            const struct ir_name *name = ir_find_name(plan->kernel, problem->whole);
            struct diagnostics *diagnostics = ir_diagnostics(pass->context);
            struct diag *diag = diag_error(diagnostics, DIAG_E0921, name ? name->span : plan->kernel->span,
                                           "no order of this contraction fits into %.0f bytes", limit);
            diag_label(diagnostics, diag, "its intermediates need %.0f bytes at least", least);
            diag_help(diagnostics, diag, "allow %.0f bytes, or split the statement", least);
        }
        any = any || problem->n_sliced;
    }
    /* Steps under sliced loops belong to one root; none is stored for another. */
    for (size_t k = 0; any && k < plan->n_problems; k++)
        for (uint32_t step = 0; step < plan->problems[k].network.n_operands; step++)
            plan->problems[k].stored[step] = false;
    return true;
}

static const struct order_problem *plan_problem(const struct order_plan *plan, const struct ir_node *node)
{
    for (size_t k = 0; k < plan->n_problems; k++)
        if (plan->problems[k].whole == node)
            return &plan->problems[k];
    return NULL;
}

static const struct ir_node *plan_rebuild(struct pass_kernel *pass, const struct order_plan *plan, const struct ir_node *node,
                                          const struct ir_node *const *rebuilt)
{
    if (node->n_operands == 0)
        return node;
    const struct order_problem *problem = plan_problem(plan, node);
    const struct ir_node *read = ir_with_tables(pass->context, problem ? problem->node : node, rebuilt);
    struct order_problem retabled;
    if (!read)
        return NULL;
    if (problem) {
        retabled = *problem;
        retabled.node = read;
    }
    struct ir_access *operands = arena_copy(ir_arena(pass->context), read->operands, read->n_operands, sizeof *operands);
    if (!operands)
        return NULL;
    for (uint32_t k = 0; k < read->n_operands; k++)
        operands[k].node = rebuilt[operands[k].node->id];
    if (problem)
        return order_build(pass, &retabled, operands);
    const struct ir_node *again = ir_with_operands(pass->context, read, operands);
    const struct ir_name *name = ir_find_name(plan->kernel, node);
    if (again && again != node && name)
        ir_set_name(pass->context, plan->kernel, again, name->name, name->index_names, name->span);
    return again;
}

bool order_apply(struct pass_kernel *pass, struct order_plan *plan)
{
    *pass->kernel = *plan->kernel;
    plan->kernel = pass->kernel;
    uint32_t limit = plan->n_nodes ? plan->nodes[plan->n_nodes - 1]->id + 1 : 0;
    const struct ir_node **rebuilt = ARENA_ARRAY(ir_arena(pass->context), limit, const struct ir_node *);
    struct order_recall *recall = order_recall_create(pass->context, plan->kernel, plan->nodes, plan->n_nodes);
    if (!recall)
        return false;
    for (size_t k = 0; k < plan->n_problems; k++)
        plan->problems[k].recall = recall;
    for (size_t k = 0; rebuilt && k < plan->n_nodes; k++) {
        rebuilt[plan->nodes[k]->id] = plan_rebuild(pass, plan, plan->nodes[k], rebuilt);
        if (!rebuilt[plan->nodes[k]->id])
            return false;
    }
    for (uint32_t k = 0; rebuilt && k < pass->kernel->n_outputs; k++)
        if (pass->kernel->outputs[k].node)
            pass->kernel->outputs[k].node = rebuilt[pass->kernel->outputs[k].node->id];
    return rebuilt != NULL;
}

enum einc_status pass_order(struct pass_kernel *pass)
{
    struct arena *arena = ir_arena(pass->context);
    struct order_scratch *scratch = order_scratch_create(arena);
    struct order_plan plan, expanded;
    if (pass->options && pass->options->no_order)
        return EINC_OK;
    if (!scratch || !plan_make(scratch, pass, pass->kernel, &plan))
        return EINC_NO_MEMORY;
    struct ir_kernel *copy = kernel_expanded(pass->context, pass->kernel);
    if (copy && plan_make(scratch, pass, copy, &expanded) && order_less(expanded.total, plan.total))
        plan = expanded;
    if (!plan_fit(scratch, pass, &plan) || arena_failed(arena))
        return EINC_NO_MEMORY;
    if (ir_status(pass->context) != EINC_OK)
        return ir_status(pass->context);
    if (!order_rank(scratch, pass, &plan))
        return EINC_NO_MEMORY;
    return order_apply(pass, &plan) ? ir_status(pass->context) : EINC_NO_MEMORY;
}
