/* Which search a network gets: all subsets up to ORDER_EXACT operands, intervals on a matrix chain, else the heuristic.
 *
 * Past the exact search scalars are set aside first: they are multiplied together and then into the smallest tensor of the tree
 * that the others get, so that they neither hide a chain nor lead the heuristic astray. */
#include "order.h"

static bool solve_plain(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree)
{
    uint32_t n = network->n_operands;
    if (n <= 2)
        return order_exact(scratch, network, INFINITY, tree);
    if (n <= ORDER_EXACT) {
        double bound = order_greedy(scratch, network, tree) ? tree->cost.flops * (1 + 1e-9) : INFINITY;
        return order_exact(scratch, network, bound, tree);
    }
    uint32_t *sequence = ARENA_ARRAY(scratch->arena, n, uint32_t);
    bool exact = false;
    if (sequence && order_chain_sequence(scratch, network, sequence, &exact) && exact &&
        order_intervals(scratch, network, sequence, tree)) {
        tree->method = "chain";
        return true;
    }
    return order_heuristic(scratch, network, tree);
}

/* The smallest tensor of the tree, operands and root included. */
static uint32_t smallest_tensor(struct order_scratch *scratch, const struct order_network *network, const struct order_tree *tree)
{
    uint32_t smallest = 0;
    order_tree_sets(network, tree, scratch->sets);
    for (uint32_t tensor = 1; tensor < 2 * network->n_operands - 1; tensor++)
        if (order_volume(network, scratch->sets[tensor]) < order_volume(network, scratch->sets[smallest]))
            smallest = tensor;
    return smallest;
}

/* The tree over the others, with the product of the scalars multiplied into one of its tensors. `number` says which operand of the
 * whole network each of the others is. */
static void insert_scalars(const struct order_tree *others, const uint32_t *number, uint32_t n_scalars, const uint32_t *scalars,
                           uint32_t target, uint32_t *renamed, struct order_tree *tree)
{
    uint32_t n = others->n_operands + n_scalars, n_steps = 0, product = scalars[0];
    tree->n_operands = n;
    for (uint32_t k = 1; k < n_scalars; k++) {
        tree->steps[n_steps] = (struct order_step){product, scalars[k]};
        product = n + n_steps++;
    }
    for (uint32_t tensor = 0; tensor < 2 * others->n_operands - 1; tensor++) {
        if (tensor < others->n_operands) {
            renamed[tensor] = number[tensor];
        } else {
            const struct order_step *step = &others->steps[tensor - others->n_operands];
            tree->steps[n_steps] = (struct order_step){renamed[step->left], renamed[step->right]};
            renamed[tensor] = n + n_steps++;
        }
        if (tensor == target) {
            tree->steps[n_steps] = (struct order_step){renamed[tensor], product};
            renamed[tensor] = n + n_steps++;
        }
    }
}

bool order_solve(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree)
{
    uint32_t n = network->n_operands, n_scalars = 0, n_others = 0;
    if (n <= ORDER_EXACT)
        return solve_plain(scratch, network, tree);
    uint32_t *scalars = ARENA_ARRAY(scratch->arena, n, uint32_t), *number = ARENA_ARRAY(scratch->arena, n, uint32_t);
    uint32_t *renamed = ARENA_ARRAY(scratch->arena, 2 * (size_t)n, uint32_t);
    struct order_set *operands = ARENA_ARRAY(scratch->arena, n, struct order_set);
    bool *constant = ARENA_ARRAY(scratch->arena, n, bool);
    struct order_tree others = order_tree_create(scratch->arena, n);
    if (arena_failed(scratch->arena))
        return false;
    for (uint32_t k = 0; k < n; k++) {
        if (order_empty(order_reduced(network, k))) {
            scalars[n_scalars++] = k;
            continue;
        }
        number[n_others] = k;
        operands[n_others] = network->operands[k];
        constant[n_others++] = network->constant && network->constant[k];
    }
    if (n_scalars == 0 || n_others == 0)
        return solve_plain(scratch, network, tree);
    struct order_network rest = *network;
    rest.n_operands = n_others;
    rest.operands = operands;
    rest.constant = constant;
    rest.codelets = NULL;
    if (!solve_plain(scratch, &rest, &others))
        return false;
    insert_scalars(&others, number, n_scalars, scalars, smallest_tensor(scratch, &rest, &others), renamed, tree);
    tree->method = others.method;
    order_tree_cost(scratch, network, tree);
    return true;
}
