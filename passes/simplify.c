/* simplify: rules that are always better, applied bottom-up until none fires.
 *
 * The rules stand in simplify.def, in order; each is a small function on one node. Then scans lose what nobody reads. After the
 * last round an output that has become an input, a constant or the same node as an earlier output gets a view of its own, so that
 * every output is a value to be stored. The pass decides nothing that depends on a machine: composing maps is `fuse`, joining
 * contractions is `order`. */
#include <string.h>

#include "simplify_internal.h"

/* Each round takes at least one node away or shortens a chain; the limit only guards against rules that undo each other. */
enum { MOST_ROUNDS = 100 };

#define RULE(name, op, meaning) {#name, IR_##op##_node, meaning, simplify_##name},
static const struct simplify_rule_info rules[] = {
#include "simplify.def"
};

const struct simplify_rule_info *simplify_rules(size_t *count)
{
    *count = sizeof rules / sizeof *rules;
    return rules;
}

static void trace(const struct simplifying *simplifying, const struct simplify_rule_info *rule, const struct ir_node *node)
{
    const struct pass_options *options = simplifying->kernel->options;
    if (!options || !options->trace)
        return;
    const struct ir_name *known = ir_find_name(simplifying->kernel->kernel, node);
    const char *name = known && known->name ? known->name : ir_op_name(node->op);
    const char *message = arena_printf(ir_arena(simplifying->context), "%s: %s", name, rule->name);
    if (message)
        options->trace(options->trace_user, "simplify", message);
}

static const struct ir_node *apply_rules(void *user, struct ir_context *context, const struct ir_node *node)
{
    const struct simplifying *simplifying = user;
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
        if (rules[k].op != node->op)
            continue;
        const struct ir_node *simpler = rules[k].apply(simplifying, node);
        if (arena_failed(ir_arena(context)))
            return NULL;
        if (simpler && simpler != node) {
            trace(simplifying, &rules[k], node);
            return simpler;
        }
    }
    return node;
}

/* Of one before it, or of one that must stay as it is since it takes the place of an input. */
static bool is_earlier_output(const struct ir_kernel *kernel, uint32_t output)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node == kernel->outputs[output].node && k != output && (k < output || kernel->outputs[k].updates))
            return true;
    return false;
}

/* Outputs are stored: each is a value of its own. */
static void keep_outputs_apart(struct ir_context *context, struct ir_kernel *kernel)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        struct ir_output *output = &kernel->outputs[k];
        const struct ir_node *node = output->node;
        bool apart = node->op != IR_input_node && node->op != IR_const_node && !is_earlier_output(kernel, k);
        if (apart || output->updates)
            continue;
        output->node = ir_view(context, node->rank, node->shape, ir_access_whole(context, node));
        ir_set_name(context, kernel, output->node, output->name, NULL, output->span);
    }
}

enum einc_status pass_simplify(struct pass_kernel *kernel)
{
    struct simplifying simplifying = {kernel, kernel->context, kernel->kernel->numeric_class == IR_CLASS_EXACT};
    if (!kernel->flops_naive)
        kernel->flops_naive = ir_kernel_work(kernel->context, kernel->kernel).flops;
    for (int round = 0; round < MOST_ROUNDS; round++)
        if (!ir_rewrite(kernel->context, kernel->kernel, apply_rules, &simplifying))
            break;
    simplify_scans(&simplifying);
    if (arena_failed(ir_arena(kernel->context)))
        return EINC_NO_MEMORY;
    keep_outputs_apart(kernel->context, kernel->kernel);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
