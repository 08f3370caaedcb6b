/* The best pairwise order of up to ORDER_EXACT operands: dynamic programming over subsets of operands, outer products included.
 *
 * best[S] = min over splits S = A + B of best[A] + best[B] + step(A, B); the labels a subset keeps do not depend on how it was
 * made, so this is exact (Lam, Sadayappan, Wenger 1997; opt_einsum's "optimal" without its branch and bound). Splits whose parts
 * already cost more than the best known are skipped, and subsets that cost more than a tree already at hand are dropped.
 * Labels with the same holders are merged, and products of sizes come from one table a byte of the label set. */
#include "order.h"
#include "order_joint.h"

struct order_exact_tables {
    struct order_set *all;  /* labels of the subset's operands */
    struct order_set *kept; /* of those, what its tensor keeps */
    double *size;           /* elements of its tensor */
    struct order_cost *best;
    uint32_t *split; /* one half of the best split, 0: none */
    order_products *products;
    struct order_network merged;
    double *sizes;
    struct order_set *operands;
    uint32_t *holders; /* of merged labels: mask of operands, with bit ORDER_EXACT for the output */
};

static struct order_exact_tables *exact_tables(struct order_scratch *scratch, uint32_t n)
{
    if (scratch->exact && scratch->exact_operands >= n)
        return scratch->exact;
    struct order_exact_tables *tables = ARENA_NEW(scratch->arena, struct order_exact_tables);
    if (!tables)
        return NULL;
    size_t count = (size_t)1 << n;
    tables->all = ARENA_ARRAY(scratch->arena, count, struct order_set);
    tables->kept = ARENA_ARRAY(scratch->arena, count, struct order_set);
    tables->size = ARENA_ARRAY(scratch->arena, count, double);
    tables->best = ARENA_ARRAY(scratch->arena, count, struct order_cost);
    tables->split = ARENA_ARRAY(scratch->arena, count, uint32_t);
    tables->products = arena_alloc(scratch->arena, ORDER_LABELS / 8, sizeof *tables->products);
    tables->sizes = ARENA_ARRAY(scratch->arena, ORDER_LABELS, double);
    tables->operands = ARENA_ARRAY(scratch->arena, ORDER_EXACT, struct order_set);
    tables->holders = ARENA_ARRAY(scratch->arena, ORDER_LABELS, uint32_t);
    if (arena_failed(scratch->arena))
        return NULL;
    scratch->exact_operands = n;
    scratch->exact = tables;
    return tables;
}

/* Labels with the same holders become one label of the product of their sizes. */
static void exact_merge(struct order_exact_tables *tables, const struct order_network *network)
{
    tables->merged = *network;
    tables->merged.n_labels = 0;
    tables->merged.sizes = tables->sizes;
    tables->merged.operands = tables->operands;
    tables->merged.output = tables->merged.sliced = (struct order_set){{0}};
    for (uint32_t operand = 0; operand < network->n_operands; operand++)
        tables->operands[operand] = (struct order_set){{0}};
    for (uint32_t label = 0; label < network->n_labels; label++) {
        uint32_t holders = (uint32_t)order_has(&network->output, label) << ORDER_EXACT;
        holders |= (uint32_t)order_has(&network->sliced, label) << (ORDER_EXACT + 1);
        for (uint32_t operand = 0; operand < network->n_operands; operand++)
            holders |= (uint32_t)order_has(&network->operands[operand], label) << operand;
        if ((holders & ((1u << ORDER_EXACT) - 1)) == 0)
            continue;
        uint32_t merged = 0;
        while (merged < tables->merged.n_labels && tables->holders[merged] != holders)
            merged++;
        if (merged == tables->merged.n_labels) {
            tables->merged.n_labels++;
            tables->holders[merged] = holders;
            tables->sizes[merged] = 1;
        }
        tables->sizes[merged] *= network->sizes[label];
        for (uint32_t operand = 0; operand < network->n_operands; operand++)
            if (holders >> operand & 1)
                order_add(&tables->operands[operand], merged);
        if (holders >> ORDER_EXACT & 1)
            order_add(&tables->merged.output, merged);
        if (holders >> (ORDER_EXACT + 1) & 1)
            order_add(&tables->merged.sliced, merged);
    }
}

/* What each subset keeps, and how much that is. */
static void exact_subsets(struct order_exact_tables *tables, uint32_t words)
{
    const struct order_network *network = &tables->merged;
    uint32_t full = (uint32_t)(1u << network->n_operands) - 1;
    static const struct order_set nothing;
    tables->all[0] = nothing;
    for (uint32_t subset = 1; subset <= full; subset++)
        tables->all[subset] = order_union(tables->all[subset & (subset - 1)], network->operands[(uint32_t)__builtin_ctz(subset)]);
    for (uint32_t subset = 1; subset <= full; subset++) {
        struct order_set needed = order_union(tables->all[full ^ subset], network->output);
        tables->kept[subset] = order_intersection(tables->all[subset], needed);
        tables->size[subset] = order_product(tables->products, words, &tables->kept[subset], &nothing);
    }
}

/* The best split of one subset, all its parts being known. */
static void exact_split(struct order_exact_tables *tables, uint32_t words, uint32_t subset, bool constant, double bound)
{
    const struct order_network *network = &tables->merged;
    struct order_cost best = {bound, INFINITY};
    uint32_t chosen = 0, lowest = subset & (0u - subset), rest = subset ^ lowest;
    bool slices = !order_empty(network->sliced);
    bool small = constant && tables->size[subset] <= network->constant_limit;
    bool shared = network->shared && order_shared_has(network->shared, network->keys[subset]);
    double share = network->share ? (double)network->share[subset] : 1;
    for (uint32_t part = (rest - 1) & rest;; part = (part - 1) & rest) {
        uint32_t left = part | lowest, right = subset ^ left;
        double flops = tables->best[left].flops + tables->best[right].flops;
        if (flops <= best.flops) {
            double volume = order_product(tables->products, words, &tables->kept[left], &tables->kept[right]);
            double weight = network->multiply + (volume == tables->size[subset] ? 0 : network->add);
            if (slices)
                weight *= order_repeats(network, order_union(tables->kept[left], tables->kept[right]));
            double bytes = (tables->size[left] + tables->size[right] + tables->size[subset]) * network->element_bytes;
            bool free = small && flops == 0; /* made by the compiler, as its parts were */
            double step = free ? 0 : volume * weight * share;
            double time = fmax(step * network->flop_time,
                               (free ? tables->size[subset] * network->element_bytes : bytes) * network->byte_time * share);
            if (shared && order_shared_has(network->shared, order_shared_step(network->keys, subset, left)))
                step = time = 0;
            struct order_cost cost = {flops + step, tables->best[left].time + tables->best[right].time + time};
            if (order_less(cost, best)) {
                best = cost;
                chosen = left;
            }
        }
        if (part == 0)
            break;
    }
    tables->best[subset] = chosen ? best : (struct order_cost){INFINITY, INFINITY};
    tables->split[subset] = chosen;
}

static uint32_t exact_emit(const struct order_exact_tables *tables, uint32_t subset, struct order_tree *tree, uint32_t *n_steps)
{
    if ((subset & (subset - 1)) == 0)
        return (uint32_t)__builtin_ctz(subset);
    uint32_t left = exact_emit(tables, tables->split[subset], tree, n_steps);
    uint32_t right = exact_emit(tables, subset ^ tables->split[subset], tree, n_steps);
    tree->steps[*n_steps] = (struct order_step){left, right};
    return tree->n_operands + (*n_steps)++;
}

bool order_exact(struct order_scratch *scratch, const struct order_network *network, double flops_bound, struct order_tree *tree)
{
    uint32_t n = network->n_operands;
    struct order_exact_tables *tables = n <= ORDER_EXACT ? exact_tables(scratch, n) : NULL;
    if (!tables || n == 0)
        return false;
    exact_merge(tables, network);
    order_products_fill(tables->products, tables->merged.n_labels, tables->sizes);
    uint32_t words = (tables->merged.n_labels + 63) / 64, full = (uint32_t)((1u << n) - 1), constants = 0;
    exact_subsets(tables, words);
    struct order_cost reductions = {0, 0};
    for (uint32_t operand = 0; operand < n; operand++) {
        constants |= (uint32_t)(network->constant && network->constant[operand]) << operand;
        reductions = order_sum(reductions, order_reduction_cost(&tables->merged, operand, tables->kept[1u << operand]));
        tables->best[1u << operand] = (struct order_cost){0, 0};
    }
    for (uint32_t subset = 3; subset <= full; subset++) {
        if ((subset & (subset - 1)) == 0)
            continue;
        struct order_set held = order_difference(tables->kept[subset], tables->merged.sliced);
        if (subset != full && network->size_limit < INFINITY && order_volume(&tables->merged, held) > network->size_limit) {
            tables->best[subset] = (struct order_cost){INFINITY, INFINITY};
            continue;
        }
        exact_split(tables, words, subset, (subset & ~constants) == 0, flops_bound);
    }
    if (n > 1 && !(tables->best[full].flops < INFINITY))
        return false;
    uint32_t n_steps = 0;
    tree->n_operands = n;
    exact_emit(tables, full, tree, &n_steps);
    tree->cost = order_sum(tables->best[full], reductions);
    tree->method = "exact";
    return true;
}
