/* The pass `structure`: contractions in which structure shows get the algorithms that it allows, as alternatives.
 *
 * A rule (structure.def) looks at a contraction and one of its operands: at its index map, at the formula it is. What it builds is
 * plain tensor IR, in which rules find more: a convolution over two axes is one over each, a transform of a transform two. The
 * contraction as it was written stays the first alternative; `choose` decides by cost. Only rules that the kernel's numeric class
 * allows are asked: in a kernel that states none, formulas and constants may be replaced by what is equal to them in norm, and so
 * may what named operators say. */
#include "structure.h"

#include <string.h>

enum einc_status pass_structure(struct pass_kernel *kernel);

/* Rules within what rules made. */
enum { DEEPEST = 6 };

struct rule {
    const char *name, *meaning;
    enum ir_numeric_class least;
    structure_rule *apply;
};
#define RULE(name, class, meaning) {#name, meaning, IR_CLASS_##class, structure_##name},
static const struct rule rules[] = {
#include "structure.def"
};
enum { RULES = sizeof rules / sizeof *rules };

static void trace(const struct structuring *structuring, const struct rule *rule, const struct ir_node *node)
{
    const struct pass_options *options = structuring->pass->options;
    if (!options || !options->trace)
        return;
    const char *name = ir_name_of(structuring->kernel, node);
    const char *message = arena_printf(ir_arena(structuring->context), "%s: %s", name ? name : ir_op_name(node->op), rule->name);
    if (message)
        options->trace(options->trace_user, "structure", message);
}

/* A constant that is not `exact`, or a formula. */
static bool is_known(const struct ir_node *node)
{
    return node->op == IR_const_node ? !node->constant->exact : node->op == IR_map_node && node->n_operands == 0;
}

/* Within what a rule made all is as that rule. */
static bool is_allowed(const struct structuring *structuring, const struct ir_node *node, uint32_t operand,
                       enum ir_numeric_class least)
{
    const struct ir_kernel *kernel = structuring->kernel;
    if (structuring->depth > 1 || kernel->numeric_class >= least)
        return true;
    return !kernel->class_stated && (node->contract.normwise || is_known(node->operands[operand].node));
}

const struct ir_node *structure_improve(struct structuring *structuring, const struct ir_node *node)
{
    struct ir_context *context = structuring->context;
    struct ir_access ways[IR_ALTERNATIVES];
    uint32_t count = 1;
    if (!node || node->op != IR_contract_node || node->contract.ring != IR_RING_plustimes || node->contract.n_domain ||
        node->contract.n_sliced || !(ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem)) ||
        ir_elem_is_half(node->elem) || structuring->depth == DEEPEST)
        return node;
    structuring->depth++;
    ways[0] = ir_access_whole(context, node);
    for (uint32_t operand = 0; operand < node->n_operands; operand++)
        for (uint32_t k = 0; k < RULES && count < IR_ALTERNATIVES; k++) {
            if (!is_allowed(structuring, node, operand, rules[k].least))
                continue;
            const struct ir_node *way = rules[k].apply(structuring, node, operand);
            if (!way)
                continue;
            trace(structuring, &rules[k], node);
            ways[count++] = ir_access_whole(context, way);
        }
    structuring->depth--;
    return count == 1 ? node : ir_alt(context, node->rank, node->shape, count, ways);
}

static const struct ir_node *improve(void *user, struct ir_context *context, const struct ir_node *node)
{
    const struct ir_node *improved = structure_improve(user, node);
    return arena_failed(ir_arena(context)) ? NULL : improved;
}

enum einc_status pass_structure(struct pass_kernel *pass)
{
    struct structuring structuring = {.pass = pass, .context = pass->context, .kernel = pass->kernel};
    if (pass->kernel->numeric_class != IR_CLASS_EXACT)
        (void)ir_rewrite(pass->context, pass->kernel, improve, &structuring);
    return arena_failed(ir_arena(pass->context)) ? EINC_NO_MEMORY : EINC_OK;
}
