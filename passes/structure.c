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
    const char *name;
    enum ir_op op;
    const char *meaning;
    enum ir_numeric_class least;
    structure_rule *apply;
};
#define RULE(name, op, class, meaning) {#name, IR_##op##_node, meaning, IR_CLASS_##class, structure_##name},
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

static const char *source_of(const struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    const struct pass_kernel *pass = structuring->pass;
    bool written = node->op == IR_map_node || node->contract.named || structuring->depth > 1;
    for (size_t k = 0; k < pass->n_recognised; k++)
        written = written && pass->recognised[k] != node->operands[operand].node;
    return written ? "written" : "recognised";
}

static void note_found(struct structuring *structuring, const struct rule *rule, const struct ir_node *node, uint32_t operand,
                       const struct ir_node *way)
{
    struct pass_kernel *pass = structuring->pass;
    struct pass_found found = {way, structuring->tensor, rule->name, source_of(structuring, node, operand), NULL, {0, 0, 0, 0}};
    (void)ARENA_PUSH(ir_arena(structuring->context), pass->found, pass->n_found, pass->found_capacity, found);
}

/* What the kernel's class forbids and a looser one would not. */
static void note_forbidden(struct structuring *structuring, const struct rule *rule, const struct ir_node *node, uint32_t operand)
{
    struct pass_kernel *pass = structuring->pass;
    const char *detail = arena_printf(ir_arena(structuring->context), "%s; in a kernel of class normwise `%s` would be tried",
                                      source_of(structuring, node, operand), rule->name);
    struct pass_choice note = {.tensor = structuring->tensor ? structuring->tensor : "a part",
                               .kind = "as written",
                               .detail = detail,
                               .source = source_of(structuring, node, operand)};
    (void)ARENA_PUSH(ir_arena(structuring->context), pass->choices, pass->n_choices, pass->choices_capacity, note);
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
    if (node->op == IR_map_node) /* rules look for formulas below it */
        return !kernel->class_stated;
    return !kernel->class_stated && (node->contract.named || is_known(node->operands[operand].node));
}

/* The node when its rules are done: that an operator is in it says nothing any more, and would keep equal ones apart. */
static const struct ir_node *settled(struct structuring *structuring, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(structuring->kernel, node);
    if (node->op != IR_contract_node || !node->contract.named)
        return node;
    struct ir_contract contract = {.ring = node->contract.ring,
                                   .elem = node->elem,
                                   .accumulator = node->contract.accumulator,
                                   .rank = node->rank,
                                   .n_indices = node->n_indices,
                                   .extents = node->extents,
                                   .n_operands = node->n_operands,
                                   .operands = node->operands,
                                   .n_domain = node->contract.n_domain,
                                   .domain = node->contract.domain,
                                   .n_sliced = node->contract.n_sliced,
                                   .sliced = node->contract.sliced};
    const struct ir_node *same = ir_contract(structuring->context, &contract);
    if (same && name)
        ir_set_name(structuring->context, structuring->kernel, same, NULL, name->index_names, name->span);
    return same;
}

/* Is it a sum of products of floats, or a map of one operand, in a kernel that is not exact? */
static bool may_change(const struct structuring *structuring, const struct ir_node *node)
{
    bool rounds = ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem);
    bool plain = node->op == IR_contract_node
                     ? node->contract.ring == IR_RING_plustimes && !node->contract.n_domain && !node->contract.n_sliced
                     : node->op == IR_map_node && node->n_operands == 1;
    return plain && rounds && !ir_elem_is_half(node->elem) && structuring->depth < DEEPEST &&
           structuring->kernel->numeric_class != IR_CLASS_EXACT;
}

const struct ir_node *structure_improve(struct structuring *structuring, const struct ir_node *node)
{
    struct ir_context *context = structuring->context;
    struct ir_access ways[IR_ALTERNATIVES];
    uint32_t count = 1;
    bool forbidden = false; /* and that was said */
    if (!node || !may_change(structuring, node))
        return node ? settled(structuring, node) : NULL;
    if (structuring->depth++ == 0)
        structuring->tensor = ir_name_of(structuring->kernel, node);
    ways[0] = ir_access_whole(context, settled(structuring, node));
    for (uint32_t operand = 0; operand < node->n_operands; operand++)
        for (uint32_t k = 0; k < RULES && count < IR_ALTERNATIVES; k++) {
            if (rules[k].op != node->op)
                continue;
            bool allowed = is_allowed(structuring, node, operand, rules[k].least);
            const struct ir_node *way = allowed || !forbidden ? rules[k].apply(structuring, node, operand) : NULL;
            if (!way)
                continue;
            if (!allowed) {
                note_forbidden(structuring, &rules[k], node, operand);
                forbidden = true;
                continue;
            }
            trace(structuring, &rules[k], node);
            note_found(structuring, &rules[k], node, operand, way);
            ways[count++] = ir_access_whole(context, way);
        }
    structuring->depth--;
    return count == 1 ? ways[0].node : ir_alt(context, node->rank, node->shape, count, ways);
}

static const struct ir_node *improve(void *user, struct ir_context *context, const struct ir_node *node)
{
    const struct ir_node *improved = structure_improve(user, node);
    return arena_failed(ir_arena(context)) ? NULL : improved;
}

bool structure_rewrite(struct structuring *structuring, ir_rewrite_function *rewrite)
{
    struct pass_kernel *pass = structuring->pass;
    struct ir_kernel *kernel = pass->kernel;
    size_t n_outputs = kernel->n_outputs, n_found = pass->n_found;
    const struct ir_output *own = kernel->outputs;
    struct ir_output *all = ARENA_ARRAY(ir_arena(pass->context), n_outputs + n_found, struct ir_output);
    if (!all)
        return false;
    for (size_t k = 0; k < n_outputs + n_found; k++)
        all[k] = k < n_outputs ? own[k] : (struct ir_output){.node = pass->found[k - n_outputs].node, .span = SPAN_NONE};
    kernel->outputs = all;
    kernel->n_outputs = (uint32_t)(n_outputs + n_found);
    (void)ir_rewrite(pass->context, kernel, rewrite, structuring);
    for (size_t k = 0; k < n_found; k++)
        pass->found[k].node = all[n_outputs + k].node;
    kernel->n_outputs = (uint32_t)n_outputs;
    return true;
}

enum einc_status pass_structure(struct pass_kernel *pass)
{
    struct structuring structuring = {.pass = pass, .context = pass->context, .kernel = pass->kernel};
    (void)structure_rewrite(&structuring, improve);
    return arena_failed(ir_arena(pass->context)) ? EINC_NO_MEMORY : EINC_OK;
}
