/* What a tree of pairwise steps costs: flops, estimated time, memory alive at once.
 *
 * A step over tensors L and R runs over the union of their labels: one multiplication a point, and one addition when something
 * is summed there. Labels that one operand alone has are summed on that operand first. A step of constants only is done by the
 * compiler and costs no flops as long as its result is small (order_network.constant_limit). */
#include "order.h"

struct order_scratch *order_scratch_create(struct arena *arena)
{
    struct order_scratch *scratch = ARENA_NEW(arena, struct order_scratch);
    if (!scratch)
        return NULL;
    scratch->arena = arena;
    scratch->sets = ARENA_ARRAY(arena, 2 * (size_t)ORDER_OPERANDS, struct order_set);
    scratch->constant = ARENA_ARRAY(arena, 2 * (size_t)ORDER_OPERANDS, bool);
    return arena_failed(arena) ? NULL : scratch;
}

void order_products_fill(order_products *products, uint32_t n_labels, const double *sizes)
{
    for (uint32_t byte = 0; byte < (n_labels + 7) / 8; byte++) {
        products[byte][0] = 1;
        for (uint32_t value = 1; value < 256; value++) {
            uint32_t label = byte * 8 + (uint32_t)__builtin_ctz(value);
            products[byte][value] = products[byte][value & (value - 1)] * (label < n_labels ? sizes[label] : 1);
        }
    }
}

struct order_tree order_tree_create(struct arena *arena, uint32_t n_operands)
{
    struct order_tree tree = {.n_operands = n_operands, .cost = {INFINITY, INFINITY}};
    tree.steps = ARENA_ARRAY(arena, n_operands, struct order_step);
    return tree;
}

void order_tree_copy(struct order_tree *to, const struct order_tree *from)
{
    for (uint32_t step = 0; step + 1 < from->n_operands; step++)
        to->steps[step] = from->steps[step];
    to->n_operands = from->n_operands;
    to->cost = from->cost;
    to->method = from->method;
}

double order_volume(const struct order_network *network, struct order_set set)
{
    double volume = 1;
    for (uint32_t word = 0; word < ORDER_WORDS; word++)
        for (uint64_t rest = set.bits[word]; rest; rest &= rest - 1)
            volume *= network->sizes[word * 64 + (uint32_t)__builtin_ctzll(rest)];
    return volume;
}

struct order_set order_reduced(const struct order_network *network, uint32_t operand)
{
    struct order_set needed = network->output;
    for (uint32_t other = 0; other < network->n_operands; other++)
        if (other != operand)
            needed = order_union(needed, network->operands[other]);
    return order_intersection(network->operands[operand], needed);
}

double order_repeats(const struct order_network *network, struct order_set all)
{
    if (order_empty(order_intersection(all, network->sliced)))
        return 1;
    return order_volume(network, order_difference(network->sliced, all));
}

struct order_cost order_reduction_cost(const struct order_network *network, uint32_t operand, struct order_set reduced)
{
    if (order_equal(network->operands[operand], reduced) || (network->constant && network->constant[operand]))
        return (struct order_cost){0, 0};
    double volume = order_volume(network, network->operands[operand]);
    double repeats = order_repeats(network, network->operands[operand]), flops = volume * network->add * repeats;
    double bytes = (volume + order_volume(network, reduced)) * network->element_bytes * repeats;
    return (struct order_cost){flops, fmax(flops * network->flop_time, bytes * network->byte_time)};
}

/* What a codelet of `operand` leaves of the flops. */
static double codelet_share(const struct order_network *network, uint32_t operand, const struct order_set *other,
                            const struct order_set *result)
{
    const uint32_t *labels;
    uint32_t n = network->codelets && operand != ORDER_MADE ? order_codelet_labels(network->codelets, operand, &labels) : 0;
    uint32_t in_other = 0, in_result = 0;
    for (uint32_t k = 0; k < n; k++) {
        in_other |= (uint32_t)order_has(other, labels[k]) << k;
        in_result |= (uint32_t)order_has(result, labels[k]) << k;
    }
    return n ? order_codelet_share(network->codelets, operand, in_other, in_result) : 1;
}

struct order_cost order_step_cost(const struct order_network *network, struct order_tensor left, struct order_tensor right,
                                  struct order_set result, bool constant)
{
    struct order_set all = order_union(left.labels, right.labels);
    double size = order_volume(network, result);
    if (constant && size <= network->constant_limit)
        return (struct order_cost){0, size * network->element_bytes * network->byte_time};
    double volume = order_volume(network, all), repeats = order_repeats(network, all);
    double flops = volume * (order_multiply(network, left.operand, right.operand) + (volume == size ? 0 : network->add)) * repeats;
    flops *= fmin(codelet_share(network, left.operand, &right.labels, &result),
                  codelet_share(network, right.operand, &left.labels, &result));
    double bytes =
        (order_volume(network, left.labels) + order_volume(network, right.labels) + size) * network->element_bytes * repeats;
    return (struct order_cost){flops, fmax(flops * network->flop_time, bytes * network->byte_time)};
}

void order_tree_sets(const struct order_network *network, const struct order_tree *tree, struct order_set *sets)
{
    uint32_t holders[ORDER_LABELS] = {0}; /* tensors in play that have the label */
    for (uint32_t operand = 0; operand < network->n_operands; operand++) {
        sets[operand] = order_reduced(network, operand);
        for (uint32_t label = 0; label < network->n_labels; label++)
            holders[label] += order_has(&sets[operand], label);
    }
    for (uint32_t step = 0; step + 1 < tree->n_operands; step++) {
        struct order_set left = sets[tree->steps[step].left], right = sets[tree->steps[step].right];
        struct order_set result = {{0}};
        for (uint32_t label = 0; label < network->n_labels; label++) {
            if (!order_has(&left, label) && !order_has(&right, label))
                continue;
            holders[label] -= order_has(&left, label) && order_has(&right, label);
            if (holders[label] > 1 || order_has(&network->output, label))
                order_add(&result, label);
        }
        sets[network->n_operands + step] = result;
    }
}

void order_tree_cost(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree)
{
    uint32_t n = network->n_operands;
    struct order_set *sets = scratch->sets;
    bool *constant = scratch->constant;
    order_tree_sets(network, tree, sets);
    tree->cost = (struct order_cost){0, 0};
    for (uint32_t operand = 0; operand < n; operand++) {
        constant[operand] = network->constant && network->constant[operand];
        tree->cost = order_sum(tree->cost, order_reduction_cost(network, operand, sets[operand]));
    }
    for (uint32_t step = 0; step + 1 < n; step++) {
        uint32_t left = tree->steps[step].left, right = tree->steps[step].right;
        struct order_set result = sets[n + step];
        bool known = constant[left] && constant[right];
        tree->cost = order_sum(tree->cost, order_step_cost(network, order_tensor(network, sets, left),
                                                           order_tensor(network, sets, right), result, known));
        constant[n + step] = known && order_volume(network, result) <= network->constant_limit;
        if (step + 2 < n && order_volume(network, order_difference(result, network->sliced)) > network->size_limit)
            tree->cost.flops = INFINITY;
    }
}

void order_tree_memory(struct order_scratch *scratch, const struct order_network *network, const struct order_tree *tree,
                       double *peak, double *largest)
{
    uint32_t n = network->n_operands;
    struct order_set *sets = scratch->sets;
    order_tree_sets(network, tree, sets);
    double alive = 0;
    *peak = *largest = 0;
    for (uint32_t operand = 0; operand < n; operand++) {
        if (!order_equal(sets[operand], network->operands[operand]))
            alive += order_volume(network, order_difference(sets[operand], network->sliced));
    }
    *peak = alive;
    for (uint32_t step = 0; step + 1 < n; step++) {
        double size = step + 2 < n ? order_volume(network, order_difference(sets[n + step], network->sliced)) : 0;
        alive += size;
        *peak = fmax(*peak, alive);
        *largest = fmax(*largest, size);
        const uint32_t sides[2] = {tree->steps[step].left, tree->steps[step].right};
        for (int side = 0; side < 2; side++)
            if (sides[side] >= n || !order_equal(sets[sides[side]], network->operands[sides[side]]))
                alive -= order_volume(network, order_difference(sets[sides[side]], network->sliced));
    }
}
