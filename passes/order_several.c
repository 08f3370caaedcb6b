/* Several orders of one contraction: trees with the fewest flops, by dynamic programming over subsets of operands.
 *
 * As order_exact.c, but every subset keeps the ORDER_SEVERAL best ways to make it that cost no more than a bound, so a tree of the
 * result is made of ways of its parts. Since a tree's flops are a sum over its steps, no tree that is left out has fewer flops than
 * one that is kept (k best solutions of a dynamic program: Lawler 1972). Trees are unordered, so no two are the same. */
#include "order.h"

/* A way to make a subset: its halves, and which way of each. */
struct way {
    struct order_cost cost;
    uint32_t left;
    uint8_t left_way, right_way;
    bool constant; /* made by the compiler */
};

struct ways {
    struct way items[ORDER_SEVERAL];
    uint8_t count;
};

struct several {
    const struct order_network *network;
    struct ways *ways;      /* by subset */
    struct order_set *kept; /* what the subset's tensor keeps */
    double bound;
};

static void keep_way(struct ways *ways, struct way way)
{
    uint8_t at = ways->count;
    while (at > 0 && order_less(way.cost, ways->items[at - 1].cost))
        at--;
    if (at == ORDER_SEVERAL)
        return;
    if (ways->count < ORDER_SEVERAL)
        ways->count++;
    for (uint8_t k = (uint8_t)(ways->count - 1); k > at; k--)
        ways->items[k] = ways->items[k - 1];
    ways->items[at] = way;
}

static struct order_tensor tensor_of(const struct several *several, uint32_t subset)
{
    bool made = subset & (subset - 1);
    return (struct order_tensor){several->kept[subset], made ? ORDER_MADE : (uint32_t)__builtin_ctz(subset)};
}

/* Ways to make `left` with ways to make the rest. */
static void join_ways(struct several *several, uint32_t subset, uint32_t left)
{
    const struct order_network *network = several->network;
    const struct ways *a = &several->ways[left], *b = &several->ways[subset ^ left];
    struct order_cost steps[2];
    for (int constant = 0; constant < 2; constant++)
        steps[constant] =
            order_step_cost(network, tensor_of(several, left), tensor_of(several, subset ^ left), several->kept[subset], constant);
    bool is_small = order_volume(network, several->kept[subset]) <= network->constant_limit;
    for (uint8_t x = 0; x < a->count; x++)
        for (uint8_t y = 0; y < b->count; y++) {
            bool constant = a->items[x].constant && b->items[y].constant;
            struct order_cost cost = order_sum(order_sum(a->items[x].cost, b->items[y].cost), steps[constant]);
            if (cost.flops <= several->bound)
                keep_way(&several->ways[subset], (struct way){cost, left, x, y, constant && is_small});
        }
}

static uint32_t emit_way(const struct several *several, uint32_t subset, uint8_t way, struct order_tree *tree, uint32_t *n_steps)
{
    if ((subset & (subset - 1)) == 0)
        return (uint32_t)__builtin_ctz(subset);
    const struct way *made = &several->ways[subset].items[way];
    uint32_t left = emit_way(several, made->left, made->left_way, tree, n_steps);
    uint32_t right = emit_way(several, subset ^ made->left, made->right_way, tree, n_steps);
    tree->steps[*n_steps] = (struct order_step){left, right};
    return tree->n_operands + (*n_steps)++;
}

static void find_kept(struct several *several, struct order_set *all)
{
    const struct order_network *network = several->network;
    uint32_t full = (1u << network->n_operands) - 1;
    for (uint32_t subset = 1; subset <= full; subset++)
        all[subset] = order_union(all[subset & (subset - 1)], network->operands[(uint32_t)__builtin_ctz(subset)]);
    for (uint32_t subset = 1; subset <= full; subset++)
        several->kept[subset] = order_intersection(all[subset], order_union(all[full ^ subset], network->output));
}

bool order_several(struct order_scratch *scratch, const struct order_network *network, double flops_bound, struct order_tree *trees,
                   uint32_t *n_trees)
{
    uint32_t n = network->n_operands, full = (1u << n) - 1;
    struct order_set *all = ARENA_ARRAY(scratch->arena, (size_t)full + 1, struct order_set);
    struct several several = {.network = network,
                              .ways = ARENA_ARRAY(scratch->arena, (size_t)full + 1, struct ways),
                              .kept = ARENA_ARRAY(scratch->arena, (size_t)full + 1, struct order_set),
                              .bound = flops_bound};
    if (!all || !several.ways || !several.kept)
        return false;
    find_kept(&several, all);
    for (uint32_t operand = 0; operand < n; operand++)
        keep_way(&several.ways[1u << operand],
                 (struct way){.cost = order_reduction_cost(network, operand, several.kept[1u << operand]),
                              .constant = network->constant && network->constant[operand]});
    for (uint32_t subset = 3; subset <= full; subset++) {
        uint32_t lowest = subset & (0u - subset), rest = subset ^ lowest;
        for (uint32_t part = rest; rest && part;) {
            part = (part - 1) & rest;
            join_ways(&several, subset, part | lowest);
        }
    }
    for (*n_trees = 0; *n_trees < several.ways[full].count; (*n_trees)++) {
        uint32_t n_steps = 0;
        trees[*n_trees] = order_tree_create(scratch->arena, n);
        if (!trees[*n_trees].steps)
            return false;
        emit_way(&several, full, (uint8_t)*n_trees, &trees[*n_trees], &n_steps);
        trees[*n_trees].cost = several.ways[full].items[*n_trees].cost;
        trees[*n_trees].method = "by time";
    }
    return true;
}
