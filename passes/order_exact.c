/* The best pairwise order of up to ORDER_EXACT operands: dynamic programming over subsets of operands, outer products included.
 *
 * best[S] = min over splits S = A + B of best[A] + best[B] + step(A, B); the labels a subset keeps do not depend on how it was
 * made, so this is exact (Lam, Sadayappan, Wenger 1997; opt_einsum's "optimal" without its branch and bound). Splits whose parts
 * already cost more than the best known are skipped, and subsets that cost more than a tree already at hand are dropped.
 * Labels with the same holders are merged, and products of sizes come from one table a byte of the label set. */
#include "order.h"
#include "order_joint.h"

struct order_exact_tables {
    uint64_t *all;  /* labels of the subset's operands: as many words a subset as the merged labels need, mostly one */
    uint64_t *kept; /* of those, what its tensor keeps */
    size_t words_capacity;
    double *size; /* elements of its tensor */
    struct order_cost *best;
    uint32_t *split; /* one half of the best split, 0: none */
    order_products *products;
    struct order_network merged;
    double *sizes;
    struct order_set *operands;
    uint32_t *holders;   /* of merged labels: mask of operands, with bit ORDER_EXACT for the output */
    uint32_t *merged_of; /* which merged label a label became */
};

static struct order_exact_tables *exact_tables(struct order_scratch *scratch, uint32_t n)
{
    if (n > ORDER_EXACT)
        return NULL;
    if (scratch->exact && scratch->exact_operands >= n)
        return scratch->exact;
    struct order_exact_tables *tables = ARENA_NEW(scratch->arena, struct order_exact_tables);
    if (!tables)
        return NULL;
    size_t count = (size_t)1 << n;
    tables->size = ARENA_ARRAY(scratch->arena, count, double);
    tables->best = ARENA_ARRAY(scratch->arena, count, struct order_cost);
    tables->split = ARENA_ARRAY(scratch->arena, count, uint32_t);
    tables->products = arena_alloc(scratch->arena, ORDER_LABELS / 8, sizeof *tables->products);
    tables->sizes = ARENA_ARRAY(scratch->arena, ORDER_LABELS, double);
    tables->operands = ARENA_ARRAY(scratch->arena, ORDER_EXACT, struct order_set);
    tables->holders = ARENA_ARRAY(scratch->arena, ORDER_LABELS, uint32_t);
    tables->merged_of = ARENA_ARRAY(scratch->arena, ORDER_LABELS, uint32_t);
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
        tables->merged_of[label] = merged;
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

static bool exact_reserve(struct order_scratch *scratch, struct order_exact_tables *tables, size_t words)
{
    if (tables->words_capacity >= words)
        return true;
    tables->all = ARENA_ARRAY(scratch->arena, words, uint64_t);
    tables->kept = ARENA_ARRAY(scratch->arena, words, uint64_t);
    tables->words_capacity = tables->all && tables->kept ? words : 0;
    return tables->words_capacity > 0;
}

/* Product of the sizes of the labels of a or b. */
static inline double exact_volume(order_products *products, uint32_t words, const uint64_t *a, const uint64_t *b)
{
    double volume = 1;
    for (uint32_t word = 0; word < words; word++) {
        uint64_t bits = a[word] | b[word];
        for (uint32_t byte = word * 8; bits; bits >>= 8, byte++)
            volume *= products[byte][bits & 255];
    }
    return volume;
}

/* As order_repeats: a step over any sliced label runs in all slices. */
static inline double exact_repeats(struct order_exact_tables *tables, uint32_t words, const uint64_t *a, const uint64_t *b,
                                   double volume)
{
    const uint64_t *sliced = tables->merged.sliced.bits;
    uint64_t any = 0;
    double all = 1;
    for (uint32_t word = 0; word < words; word++)
        any |= (a[word] | b[word]) & sliced[word];
    if (!any)
        return 1;
    for (uint32_t word = 0; word < words; word++) {
        uint64_t bits = a[word] | b[word] | sliced[word];
        for (uint32_t byte = word * 8; bits; bits >>= 8, byte++)
            all *= tables->products[byte][bits & 255];
    }
    return all / volume;
}

static struct order_set exact_set(const uint64_t *bits, uint32_t words)
{
    struct order_set set = {{0}};
    for (uint32_t word = 0; word < words; word++)
        set.bits[word] = bits[word];
    return set;
}

/* What each subset keeps, and how much that is. */
static void exact_subsets(struct order_exact_tables *tables, uint32_t words)
{
    const struct order_network *network = &tables->merged;
    uint32_t full = (uint32_t)(1u << network->n_operands) - 1;
    for (uint32_t word = 0; word < words; word++)
        tables->all[word] = 0;
    for (uint32_t subset = 1; subset <= full; subset++)
        for (uint32_t word = 0; word < words; word++)
            tables->all[subset * words + word] =
                tables->all[(subset & (subset - 1)) * words + word] | network->operands[(uint32_t)__builtin_ctz(subset)].bits[word];
    for (uint32_t subset = 1; subset <= full; subset++) {
        uint64_t *kept = &tables->kept[subset * words];
        for (uint32_t word = 0; word < words; word++)
            kept[word] =
                tables->all[subset * words + word] & (tables->all[(full ^ subset) * words + word] | network->output.bits[word]);
        tables->size[subset] = exact_volume(tables->products, words, kept, kept);
    }
}

static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

/* What a codelet leaves of the flops of the step that joins an operand and the rest of a subset: the mask of one operand, or 1. */
static double exact_share(const struct order_exact_tables *tables, uint32_t words, uint32_t side, uint32_t other, uint32_t subset)
{
    const struct order_network *network = &tables->merged;
    const uint32_t *labels;
    if (side & (side - 1))
        return 1;
    uint32_t operand = (uint32_t)__builtin_ctz(side), n = order_codelet_labels(network->codelets, operand, &labels);
    uint32_t in_other = 0, in_result = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t label = tables->merged_of[labels[k]];
        in_other |= (uint32_t)(tables->kept[other * words + label / 64] >> (label % 64) & 1) << k;
        in_result |= (uint32_t)(tables->kept[subset * words + label / 64] >> (label % 64) & 1) << k;
    }
    return n ? order_codelet_share(network->codelets, operand, in_other, in_result) : 1;
}

/* Which operand the subset is. */
static inline uint32_t exact_operand(uint32_t subset)
{
    return subset & (subset - 1) ? ORDER_MADE : (uint32_t)__builtin_ctz(subset);
}

/* The best split of one subset, all its parts being known. */
static inline void exact_split(struct order_exact_tables *tables, uint32_t words, uint32_t subset, bool constant, double bound)
{
    const struct order_network *network = &tables->merged;
    struct order_cost best = {bound, INFINITY};
    uint32_t chosen = 0, lowest = subset & (0u - subset), rest = subset ^ lowest;
    const double size = tables->size[subset];
    const bool slices = !order_empty(network->sliced);
    const bool small = constant && size <= network->constant_limit;
    const bool shared = network->shared && order_shared_has(network->shared, network->keys[subset]);
    const double share = network->share ? (double)network->share[subset] : 1;
    const double least = small || shared || network->codelets || network->real
                             ? 0
                             : network->multiply * share; /* flops a point of the step, at least */
    for (uint32_t part = (rest - 1) & rest;; part = (part - 1) & rest) {
        uint32_t left = part | lowest, right = subset ^ left;
        double flops = tables->best[left].flops + tables->best[right].flops;
        if (flops + least * larger(tables->size[left], tables->size[right]) <= best.flops) {
            double volume = exact_volume(tables->products, words, &tables->kept[left * words], &tables->kept[right * words]);
            double weight =
                order_multiply(network, exact_operand(left), exact_operand(right)) + (volume == size ? 0 : network->add);
            if (slices)
                weight *= exact_repeats(tables, words, &tables->kept[left * words], &tables->kept[right * words], volume);
            if (network->codelets)
                weight *= fmin(exact_share(tables, words, left, right, subset), exact_share(tables, words, right, left, subset));
            double bytes = (tables->size[left] + tables->size[right] + size) * network->element_bytes;
            bool free = small && flops == 0; /* made by the compiler, as its parts were */
            double step = free ? 0 : volume * weight * share;
            double time =
                larger(step * network->flop_time, (free ? size * network->element_bytes : bytes) * network->byte_time * share);
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

/* A copy of the loop for one word, which the compiler simplifies. */
static void exact_split_one(struct order_exact_tables *tables, uint32_t subset, bool constant, double bound)
{
    exact_split(tables, 1, subset, constant, bound);
}

static void exact_split_many(struct order_exact_tables *tables, uint32_t words, uint32_t subset, bool constant, double bound)
{
    exact_split(tables, words, subset, constant, bound);
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
    struct order_exact_tables *tables = exact_tables(scratch, n);
    if (!tables || n == 0)
        return false;
    exact_merge(tables, network);
    order_products_fill(tables->products, tables->merged.n_labels, tables->sizes);
    uint32_t words = (tables->merged.n_labels + 63) / 64, full = (uint32_t)((1u << n) - 1), constants = 0;
    words = words ? words : 1;
    if (!exact_reserve(scratch, tables, (size_t)words << n))
        return false;
    exact_subsets(tables, words);
    struct order_cost reductions = {0, 0};
    for (uint32_t operand = 0; operand < n; operand++) {
        struct order_set reduced = exact_set(&tables->kept[((size_t)1 << operand) * words], words);
        constants |= (uint32_t)(network->constant && network->constant[operand]) << operand;
        reductions = order_sum(reductions, order_reduction_cost(&tables->merged, operand, reduced));
        tables->best[1u << operand] = (struct order_cost){0, 0};
    }
    for (uint32_t subset = 3; subset <= full; subset++) {
        if ((subset & (subset - 1)) == 0)
            continue;
        bool constant = (subset & ~constants) == 0;
        if (subset != full && network->size_limit < INFINITY &&
            order_volume(&tables->merged, order_difference(exact_set(&tables->kept[subset * words], words),
                                                           tables->merged.sliced)) > network->size_limit)
            tables->best[subset] = (struct order_cost){INFINITY, INFINITY};
        else if (words == 1)
            exact_split_one(tables, subset, constant, flops_bound);
        else
            exact_split_many(tables, words, subset, constant, flops_bound);
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
