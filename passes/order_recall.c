/* What the source calls an intermediate: a step that is the same contraction as a `let` gets the let's name and index names.
 *
 * The same is: equal keys (order_joint.h), which do not depend on the sequence of axes. A let that is still a node of its own keeps
 * its name for itself, and no name is given twice. */
#include "order.h"
#include "order_joint.h"

#include <string.h>

struct order_let {
    uint64_t key;
    const struct ir_name *name;
    uint64_t *colours; /* of its indices */
    bool used;
};
struct order_recall {
    struct order_let *lets;
    size_t n, capacity;
};

/* Does an output or a node that is still there bear the name? */
static bool is_in_use(const struct ir_kernel *kernel, const char *name, const struct ir_node *const *nodes, size_t n)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (strcmp(kernel->outputs[k].name, name) == 0)
            return true;
    for (size_t k = 0; k < n; k++) {
        const struct ir_name *known = ir_find_name(kernel, nodes[k]);
        if (known && known->name && strcmp(known->name, name) == 0)
            return true;
    }
    return false;
}

static bool add_let(struct order_recall *recall, struct ir_context *context, const struct ir_name *name)
{
    struct arena *arena = ir_arena(context);
    const struct ir_node *node = name->node;
    struct order_set axes = {{0}};
    struct order_let let = {.name = name, .colours = ARENA_ARRAY(arena, node->n_indices, uint64_t)};
    for (uint32_t axis = 0; axis < node->rank; axis++)
        order_add(&axes, axis);
    let.key = let.colours ? order_subset_key(context, node, (uint32_t)((1u << node->n_operands) - 1), axes, let.colours) : 0;
    return let.key && ARENA_PUSH(arena, recall->lets, recall->n, recall->capacity, let);
}

struct order_recall *order_recall_create(struct ir_context *context, const struct ir_kernel *kernel,
                                         const struct ir_node *const *nodes, size_t n_nodes)
{
    struct order_recall *recall = ARENA_NEW(ir_arena(context), struct order_recall);
    for (size_t k = 0; recall && k < kernel->n_names; k++) {
        const struct ir_name *name = &kernel->names[k];
        if (!name->name || name->node->op != IR_contract_node || name->node->n_operands < 2 ||
            name->node->n_operands > ORDER_EXACT || name->node->n_indices > ORDER_LABELS || name->node->contract.n_domain ||
            is_in_use(kernel, name->name, nodes, n_nodes))
            continue;
        struct ir_name *kept = arena_copy(ir_arena(context), name, 1, sizeof *kept); /* the kernel's table grows */
        if (!kept || !add_let(recall, context, kept))
            return NULL;
    }
    return recall;
}

const char *order_recall_name(struct order_recall *recall, struct ir_context *context, const struct ir_node *root, uint32_t subset,
                              struct order_set kept, const char **names)
{
    uint64_t *colours = ARENA_ARRAY(ir_arena(context), root->n_indices, uint64_t);
    uint64_t key = colours ? order_subset_key(context, root, subset, kept, colours) : 0;
    for (size_t k = 0; key && k < recall->n; k++) {
        struct order_let *let = &recall->lets[k];
        const struct ir_node *node = let->name->node;
        if (let->key != key || let->used)
            continue;
        let->used = true;
        for (uint32_t label = 0; let->name->index_names && label < root->n_indices; label++)
            for (uint32_t index = 0; index < node->n_indices; index++)
                if (let->colours[index] == colours[label] && let->colours[index]) {
                    names[label] = let->name->index_names[index];
                    let->colours[index] = 0;
                    break;
                }
        return let->name->name;
    }
    return NULL;
}
