/* A kernel of what a sweep made: its outputs are values over the nodes of the kernel differentiated; here they become nodes over
 * inputs of their own. Values listed as sources become inputs, in their order, as far as anything reads them; what only led to a
 * source goes. Names go along. */
#include "gradient.h"

struct assembling {
    struct gradient *gradient;
    struct ir_kernel *result;
    const struct ir_node **nodes;
    size_t count;
    bool *needed;                   /* of nodes by id */
    const struct ir_node **rebuilt; /* of nodes by id */
};

static struct gradient_source *source_of(struct gradient_source *sources, size_t n, const struct ir_node *node)
{
    for (size_t k = 0; k < n; k++)
        if (sources[k].node == node)
            return &sources[k];
    return NULL;
}

static void need_table(void *user, const struct ir_node *table)
{
    bool *needed = user;
    needed[table->id] = true;
}

/* What the outputs need, down to the sources. */
static void find_needed(struct assembling *assembling, struct gradient_source *sources, size_t n)
{
    for (uint32_t k = 0; k < assembling->result->n_outputs; k++)
        assembling->needed[assembling->result->outputs[k].node->id] = true;
    for (size_t k = assembling->count; k-- > 0;) {
        const struct ir_node *node = assembling->nodes[k];
        struct gradient_source *source = assembling->needed[node->id] ? source_of(sources, n, node) : NULL;
        if (source)
            source->needed = true;
        for (uint32_t o = 0; assembling->needed[node->id] && !source && o < node->n_operands; o++)
            assembling->needed[node->operands[o].node->id] = true;
        if (assembling->needed[node->id] && !source)
            ir_visit_tables(assembling->gradient->context, node, need_table, assembling->needed);
    }
}

static bool number_inputs(struct assembling *assembling, struct gradient_source *sources, size_t n)
{
    struct ir_kernel *result = assembling->result;
    result->inputs = ARENA_ARRAY(assembling->gradient->arena, n, struct ir_input_info);
    result->n_inputs = 0;
    for (size_t k = 0; result->inputs && k < n; k++) {
        const struct ir_node *node = sources[k].node;
        if (!sources[k].needed)
            continue;
        struct ir_input_info *info = &result->inputs[result->n_inputs];
        *info = sources[k].info;
        info->node = ir_input(assembling->gradient->context, result->n_inputs++, node->elem, node->rank, node->shape);
        sources[k].input = info->node;
    }
    return result->inputs != NULL;
}

/* The node over other operands and tables; a scan that has been given more results with them. */
static const struct ir_node *rebuild(struct gradient *gradient, const struct ir_node *node, const struct ir_access *operands,
                                     const struct ir_node *const *rebuilt)
{
    const struct ir_node *like = node;
    for (size_t k = 0; node->op == IR_scan_node && k < gradient->n_scans; k++)
        if (gradient->scans[k].node == node && gradient->scans[k].extended)
            like = gradient->scans[k].extended;
    const struct ir_node *over = ir_with_operands(gradient->context, like, operands);
    return over ? ir_with_tables(gradient->context, over, rebuilt) : NULL;
}

static void name_rebuilt(struct assembling *assembling, const struct gradient *before, const struct ir_node *node)
{
    const struct ir_name *name = gradient_find_name(before, node);
    if (name)
        ir_set_name(before->context, assembling->result, assembling->rebuilt[node->id], name->name, name->index_names, name->span);
}

bool gradient_assemble(struct gradient *gradient, struct ir_kernel *result, struct gradient_source *sources, size_t n)
{
    struct assembling assembling = {.gradient = gradient, .result = result};
    struct ir_kernel names = *gradient->names;
    struct gradient before = *gradient;
    before.names = &names;
    for (uint32_t k = 0; k < result->n_outputs; k++)
        if (!result->outputs[k].node)
            return false;
    assembling.nodes = ir_topological(gradient->context, result, &assembling.count);
    size_t n_ids = assembling.nodes && assembling.count ? (size_t)assembling.nodes[assembling.count - 1]->id + 1 : 0;
    assembling.needed = ARENA_ARRAY(gradient->arena, n_ids, bool);
    assembling.rebuilt = ARENA_ARRAY(gradient->arena, n_ids, const struct ir_node *);
    if (!assembling.nodes || !assembling.needed || !assembling.rebuilt)
        return false;
    find_needed(&assembling, sources, n);
    if (!number_inputs(&assembling, sources, n))
        return false;
    result->names = NULL;
    result->n_names = result->names_capacity = 0;
    for (size_t k = 0; k < assembling.count; k++) {
        const struct ir_node *node = assembling.nodes[k];
        const struct gradient_source *source = source_of(sources, n, node);
        if (!assembling.needed[node->id])
            continue;
        struct ir_access *operands = arena_copy(gradient->arena, node->operands, node->n_operands, sizeof *operands);
        for (uint32_t o = 0; !source && operands && o < node->n_operands; o++)
            operands[o].node = assembling.rebuilt[operands[o].node->id];
        assembling.rebuilt[node->id] = source ? source->input : rebuild(gradient, node, operands, assembling.rebuilt);
        name_rebuilt(&assembling, &before, node);
    }
    for (uint32_t k = 0; k < result->n_outputs; k++)
        result->outputs[k].node = assembling.rebuilt[result->outputs[k].node->id];
    return !arena_failed(gradient->arena);
}
