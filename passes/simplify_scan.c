/* What a scan computes and nobody reads goes: results that no projection takes, states that only they need, slices that only those
 * read. A state is needed when it is projected, or when something needed reads it at the step before; that is the least set
 * closed under the step. One scan at a time is replaced, its projections with it. */
#include "simplify_internal.h"

struct pruning {
    struct ir_context *context;
    struct arena *arena;
    const struct ir_node *scan;
    bool *outputs, *inputs; /* of the step: wanted */
    const struct ir_node *pruned;
    uint32_t *numbers; /* of the outputs that stay */
};

/* The inputs that the wanted outputs read. */
static bool read_inputs(struct pruning *pruning)
{
    const struct ir_kernel *step = pruning->scan->scan->step;
    struct ir_kernel wanted = {.name = step->name};
    size_t count;
    wanted.outputs = ARENA_ARRAY(pruning->arena, step->n_outputs, struct ir_output);
    for (uint32_t k = 0; wanted.outputs && k < step->n_outputs; k++)
        if (pruning->outputs[k])
            wanted.outputs[wanted.n_outputs++] = step->outputs[k];
    const struct ir_node **nodes = wanted.outputs ? ir_topological(pruning->context, &wanted, &count) : NULL;
    for (size_t k = 0; nodes && k < count; k++)
        if (nodes[k]->op == IR_input_node)
            pruning->inputs[nodes[k]->input.number] = true;
    return nodes != NULL;
}

/* Marks what is wanted; false: all of it is, or memory ran out. */
static bool find_wanted(struct pruning *pruning, const struct ir_node *const *nodes, size_t count)
{
    const struct ir_scan *scan = pruning->scan->scan;
    pruning->outputs = ARENA_ARRAY(pruning->arena, scan->step->n_outputs, bool);
    pruning->inputs = ARENA_ARRAY(pruning->arena, scan->step->n_inputs, bool);
    if (!pruning->outputs || !pruning->inputs)
        return false;
    for (size_t k = 0; k < count; k++)
        if (nodes[k]->op == IR_proj_node && nodes[k]->operands[0].node == pruning->scan)
            pruning->outputs[nodes[k]->proj.result] = true;
    for (bool more = true; more;) {
        if (!read_inputs(pruning))
            return false;
        more = false;
        for (uint32_t k = 0; k < scan->n_states; k++) {
            more = more || (pruning->inputs[k] && !pruning->outputs[k]);
            pruning->inputs[k] = pruning->outputs[k] = pruning->inputs[k] || pruning->outputs[k];
        }
    }
    for (uint32_t k = 0; k < scan->step->n_outputs; k++)
        if (!pruning->outputs[k])
            return true;
    for (uint32_t k = 0; k < scan->step->n_inputs; k++)
        if (!pruning->inputs[k])
            return true;
    return false;
}

/* Inputs under their new numbers. */
static const struct ir_node *renumber_input(void *user, struct ir_context *context, const struct ir_node *node)
{
    const uint32_t *numbers = user;
    return node->op == IR_input_node ? ir_input(context, numbers[node->input.number], node->elem, node->rank, node->shape) : node;
}

static const struct ir_kernel *prune_step(struct pruning *pruning, uint32_t *n_states)
{
    struct ir_kernel *step = ir_kernel_copy(pruning->context, pruning->scan->scan->step);
    uint32_t *numbers = step ? ARENA_ARRAY(pruning->arena, step->n_inputs, uint32_t) : NULL;
    if (!numbers || !(step->inputs = arena_copy(pruning->arena, step->inputs, step->n_inputs, sizeof *step->inputs)) ||
        !(pruning->numbers = ARENA_ARRAY(pruning->arena, step->n_outputs, uint32_t)))
        return NULL;
    uint32_t n_inputs = 0, n_outputs = 0;
    for (uint32_t k = 0; k < step->n_inputs; k++) {
        if (!pruning->inputs[k])
            continue;
        const struct ir_node *node = step->inputs[k].node;
        *n_states += k < pruning->scan->scan->n_states;
        numbers[k] = n_inputs;
        step->inputs[n_inputs] = step->inputs[k];
        step->inputs[n_inputs].node = ir_input(pruning->context, n_inputs, node->elem, node->rank, node->shape);
        n_inputs++;
    }
    for (uint32_t k = 0; k < step->n_outputs; k++) {
        if (!pruning->outputs[k])
            continue;
        pruning->numbers[k] = n_outputs;
        step->outputs[n_outputs++] = step->outputs[k];
    }
    step->n_inputs = n_inputs;
    step->n_outputs = n_outputs;
    (void)ir_rewrite(pruning->context, step, renumber_input, numbers);
    return arena_failed(pruning->arena) ? NULL : step;
}

static bool prune(struct pruning *pruning, struct ir_kernel *kernel)
{
    struct ir_scan scan = *pruning->scan->scan;
    const struct ir_kernel *step = scan.step;
    struct ir_access *operands = ARENA_ARRAY(pruning->arena, step->n_inputs, struct ir_access);
    scan.n_states = 0;
    scan.step = prune_step(pruning, &scan.n_states);
    if (!operands || !scan.step)
        return false;
    uint32_t count = 0;
    for (uint32_t k = 0; k < step->n_inputs; k++)
        if (pruning->inputs[k])
            operands[count++] = pruning->scan->operands[k];
    pruning->pruned = ir_scan(pruning->context, &scan, operands);
    const struct ir_name *name = ir_find_name(kernel, pruning->scan);
    if (name)
        ir_set_name(pruning->context, kernel, pruning->pruned, name->name, name->index_names, name->span);
    return pruning->pruned != NULL;
}

static const struct ir_node *replace_projection(void *user, struct ir_context *context, const struct ir_node *node)
{
    const struct pruning *pruning = user;
    if (node->op != IR_proj_node || node->operands[0].node != pruning->scan)
        return node;
    return ir_proj(context, pruning->pruned, pruning->numbers[node->proj.result], node->proj.last);
}

static bool prune_one(const struct simplifying *simplifying)
{
    struct ir_kernel *kernel = simplifying->kernel->kernel;
    size_t count;
    const struct ir_node **nodes = ir_topological(simplifying->context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++) {
        struct pruning pruning = {.context = simplifying->context, .arena = ir_arena(simplifying->context), .scan = nodes[k]};
        if (nodes[k]->op != IR_scan_node || !find_wanted(&pruning, nodes, count) || !prune(&pruning, kernel))
            continue;
        return ir_rewrite(simplifying->context, kernel, replace_projection, &pruning);
    }
    return false;
}

void simplify_scans(const struct simplifying *simplifying)
{
    while (prune_one(simplifying) && !arena_failed(ir_arena(simplifying->context)))
        continue;
}
