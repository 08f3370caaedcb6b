/* Orders for networks past the exact search: greedy with several cost functions and seeded random restarts, each tree then improved
 * by exact re-optimisation of its subtrees.
 *
 * Plain greedy (join the pair that shrinks memory most) is always among the candidates, so the result is never worse. The random
 * numbers are a fixed sequence: the same network gives the same tree. The method follows Gray and Kourtis, "Hyper-optimized tensor
 * network contraction" (2021), section IV: greedy with Boltzmann noise, and subtree reconfiguration. */
#include "order.h"

/* score of joining tensors of a and b elements to one of c elements:
 * LINEAR: c - weight * (a + b). LOGARITHM: log c - weight * log(a + b). WORK: points of the step. Noise is added to the logarithm.
 */
enum greedy_kind { GREEDY_LINEAR, GREEDY_LOGARITHM, GREEDY_WORK };
struct greedy {
    enum greedy_kind kind;
    double weight, noise;
    uint64_t seed;
};

struct order_heuristic_tables {
    order_products *products;
    struct order_set *live;  /* tensors in play, by slot */
    uint32_t *name;          /* their number in the tree; UINT32_MAX: slot is empty */
    double *scores;          /* of slot pairs, row-major */
    uint32_t (*children)[2]; /* a tree as links, for refinement */
    struct order_set *sets;
    bool *constant;
    struct order_tree candidate, part;
};

static struct order_heuristic_tables *heuristic_tables(struct order_scratch *scratch, uint32_t n)
{
    if (scratch->heuristic && scratch->heuristic_operands >= n)
        return scratch->heuristic;
    struct arena *arena = scratch->arena;
    struct order_heuristic_tables *tables = ARENA_NEW(arena, struct order_heuristic_tables);
    if (!tables)
        return NULL;
    tables->products = arena_alloc(arena, ORDER_LABELS / 8, sizeof *tables->products);
    tables->live = ARENA_ARRAY(arena, n, struct order_set);
    tables->name = ARENA_ARRAY(arena, n, uint32_t);
    tables->scores = ARENA_ARRAY(arena, (size_t)n * n, double);
    tables->children = arena_alloc(arena, 2 * (size_t)n, sizeof *tables->children);
    tables->sets = ARENA_ARRAY(arena, 2 * (size_t)n, struct order_set);
    tables->constant = ARENA_ARRAY(arena, 2 * (size_t)n, bool);
    tables->candidate = order_tree_create(arena, n);
    tables->part = order_tree_create(arena, ORDER_EXACT);
    if (arena_failed(arena))
        return NULL;
    scratch->heuristic_operands = n;
    scratch->heuristic = tables;
    return tables;
}

/* splitmix64 (Steele, Lea, Flood 2014): in (0, 1). */
static double random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

/* ---- greedy ---- */

/* `twice`: labels that the result does not keep and two tensors in play hold: joining those two sums them. */
static double greedy_score(struct order_heuristic_tables *tables, const struct order_network *network, struct order_set twice,
                           const struct order_set *a, const struct order_set *b, struct greedy *greedy)
{
    static const struct order_set nothing;
    uint32_t words = (network->n_labels + 63) / 64;
    struct order_set common = order_intersection(*a, *b);
    struct order_set joined = order_difference(order_union(*a, *b), order_intersection(common, twice));
    double size = order_product(tables->products, words, &joined, &nothing);
    double parts = order_product(tables->products, words, a, &nothing) + order_product(tables->products, words, b, &nothing);
    double score = size - greedy->weight * parts;
    if (greedy->kind == GREEDY_LOGARITHM)
        score = log(size) - greedy->weight * log(parts);
    if (greedy->kind == GREEDY_WORK)
        score = log(order_product(tables->products, words, a, b));
    if (greedy->noise > 0)
        score += greedy->noise * log(-log(random_next(&greedy->seed)));
    if (network->size_limit < INFINITY && order_volume(network, order_difference(joined, network->sliced)) > network->size_limit)
        score += 1e300;
    /* Outer products come last, the smallest first. */
    return order_empty(common) ? 1e200 * (1 + size * 1e-100) : score;
}

static struct order_set greedy_twice(const struct order_heuristic_tables *tables, const struct order_network *network)
{
    struct order_set once = {{0}}, twice = {{0}}, more = {{0}};
    for (uint32_t slot = 0; slot < network->n_operands; slot++) {
        if (tables->name[slot] == UINT32_MAX)
            continue;
        more = order_union(more, order_intersection(twice, tables->live[slot]));
        twice = order_union(twice, order_intersection(once, tables->live[slot]));
        once = order_union(once, tables->live[slot]);
    }
    return order_difference(order_difference(twice, more), network->output);
}

/* Scores of a slot with all others. A pair without the slot keeps its score: labels it sums are held by no third tensor. */
static void greedy_update(struct order_heuristic_tables *tables, const struct order_network *network, uint32_t slot, bool all,
                          struct greedy *greedy)
{
    struct order_set twice = greedy_twice(tables, network);
    uint32_t n = network->n_operands;
    for (uint32_t other = 0; other < n; other++) {
        if (other == slot || tables->name[other] == UINT32_MAX || (all && other > slot))
            continue;
        uint32_t low = slot < other ? slot : other, high = slot < other ? other : slot;
        tables->scores[low * n + high] = greedy_score(tables, network, twice, &tables->live[low], &tables->live[high], greedy);
    }
}

static bool greedy_pair(const struct order_heuristic_tables *tables, uint32_t n, uint32_t *left, uint32_t *right)
{
    bool found = false;
    for (uint32_t low = 0; low < n; low++) {
        if (tables->name[low] == UINT32_MAX)
            continue;
        for (uint32_t high = low + 1; high < n; high++) {
            if (tables->name[high] == UINT32_MAX || (found && tables->scores[low * n + high] >= tables->scores[*left * n + *right]))
                continue;
            *left = low;
            *right = high;
            found = true;
        }
    }
    return found;
}

static void greedy_run(struct order_scratch *scratch, struct order_heuristic_tables *tables, const struct order_network *network,
                       struct greedy greedy, struct order_tree *tree)
{
    uint32_t n = network->n_operands, left = 0, right = 0, n_steps = 0;
    for (uint32_t operand = 0; operand < n; operand++) {
        tables->live[operand] = order_reduced(network, operand);
        tables->name[operand] = operand;
    }
    for (uint32_t slot = 0; slot < n; slot++)
        greedy_update(tables, network, slot, true, &greedy);
    while (greedy_pair(tables, n, &left, &right)) {
        struct order_set summed =
            order_intersection(order_intersection(tables->live[left], tables->live[right]), greedy_twice(tables, network));
        tree->steps[n_steps] = (struct order_step){tables->name[left], tables->name[right]};
        tables->live[left] = order_difference(order_union(tables->live[left], tables->live[right]), summed);
        tables->name[left] = n + n_steps++;
        tables->name[right] = UINT32_MAX;
        greedy_update(tables, network, left, false, &greedy);
    }
    tree->n_operands = n;
    order_tree_cost(scratch, network, tree);
}

bool order_greedy(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree)
{
    struct order_heuristic_tables *tables = heuristic_tables(scratch, network->n_operands);
    if (!tables)
        return false;
    order_products_fill(tables->products, network->n_labels, network->sizes);
    greedy_run(scratch, tables, network, (struct greedy){GREEDY_LINEAR, 1, 0, 0}, tree);
    tree->method = "greedy";
    return true;
}

/* ---- refinement ---- */

/* Grows the subtree below `root` to at most `limit` leaves by opening the largest tensor; inner tensors go to `inner`. */
static uint32_t refine_frontier(const struct order_heuristic_tables *tables, const struct order_network *network, uint32_t root,
                                uint32_t limit, uint32_t *leaves, uint32_t *inner)
{
    uint32_t n_leaves = 2, n_inner = 0;
    leaves[0] = tables->children[root][0];
    leaves[1] = tables->children[root][1];
    while (n_leaves < limit) {
        uint32_t widest = UINT32_MAX;
        double volume = -1;
        for (uint32_t k = 0; k < n_leaves; k++) {
            if (leaves[k] < network->n_operands || order_volume(network, tables->sets[leaves[k]]) <= volume)
                continue;
            volume = order_volume(network, tables->sets[leaves[k]]);
            widest = k;
        }
        if (widest == UINT32_MAX)
            break;
        inner[n_inner++] = leaves[widest];
        leaves[n_leaves++] = tables->children[leaves[widest]][1];
        leaves[widest] = tables->children[leaves[widest]][0];
    }
    return n_leaves;
}

static bool refine_subtree(struct order_scratch *scratch, struct order_heuristic_tables *tables,
                           const struct order_network *network, uint32_t root, uint32_t limit)
{
    uint32_t leaves[ORDER_EXACT], inner[ORDER_EXACT];
    uint32_t n = refine_frontier(tables, network, root, limit, leaves, inner);
    if (n < 3)
        return false;
    struct order_set operands[ORDER_EXACT], sets[2 * ORDER_EXACT];
    bool constant[ORDER_EXACT], real[ORDER_EXACT];
    struct order_network part = *network;
    part.n_operands = n;
    part.operands = operands;
    part.output = tables->sets[root];
    part.constant = constant;
    part.real = network->real ? real : NULL;
    part.codelets = NULL;
    for (uint32_t k = 0; k < n; k++) {
        operands[k] = tables->sets[leaves[k]];
        constant[k] = tables->constant[leaves[k]];
        real[k] = network->real && leaves[k] < network->n_operands && network->real[leaves[k]];
    }
    inner[n - 2] = root;
    struct order_cost before = {0, 0};
    for (uint32_t k = 0; k < n - 1; k++) {
        const uint32_t *child = tables->children[inner[k]];
        bool known = tables->constant[child[0]] && tables->constant[child[1]];
        before = order_sum(before, order_step_cost(network, order_tensor(network, tables->sets, child[0]),
                                                   order_tensor(network, tables->sets, child[1]), tables->sets[inner[k]], known));
    }
    if (!order_exact(scratch, &part, before.flops, &tables->part) || !order_less(tables->part.cost, before))
        return false;
    if (tables->part.cost.flops > before.flops * (1 - 1e-12) && tables->part.cost.time > before.time * (1 - 1e-9))
        return false; /* the same sum, added up in another order */
    order_tree_sets(&part, &tables->part, sets);
    for (uint32_t step = 0; step < n - 1; step++) {
        uint32_t *child = tables->children[inner[step]];
        const uint32_t sides[2] = {tables->part.steps[step].left, tables->part.steps[step].right};
        for (int side = 0; side < 2; side++)
            child[side] = sides[side] < n ? leaves[sides[side]] : inner[sides[side] - n];
        tables->sets[inner[step]] = sets[n + step];
        tables->constant[inner[step]] = tables->constant[child[0]] && tables->constant[child[1]] &&
                                        order_volume(network, sets[n + step]) <= network->constant_limit;
    }
    return true;
}

static void refine_links(const struct order_network *network, const struct order_tree *tree, struct order_heuristic_tables *tables)
{
    uint32_t n = network->n_operands;
    order_tree_sets(network, tree, tables->sets);
    for (uint32_t operand = 0; operand < n; operand++)
        tables->constant[operand] = network->constant && network->constant[operand];
    for (uint32_t step = 0; step + 1 < n; step++) {
        uint32_t left = tree->steps[step].left, right = tree->steps[step].right;
        tables->children[n + step][0] = left;
        tables->children[n + step][1] = right;
        tables->constant[n + step] = tables->constant[left] && tables->constant[right] &&
                                     order_volume(network, tables->sets[n + step]) <= network->constant_limit;
    }
}

static uint32_t refine_emit(const struct order_heuristic_tables *tables, uint32_t n, uint32_t at, struct order_tree *tree,
                            uint32_t *n_steps)
{
    if (at < n)
        return at;
    uint32_t left = refine_emit(tables, n, tables->children[at][0], tree, n_steps);
    uint32_t right = refine_emit(tables, n, tables->children[at][1], tree, n_steps);
    tree->steps[*n_steps] = (struct order_step){left, right};
    return n + (*n_steps)++;
}

/* Re-optimises subtrees of up to `limit` leaves until none improves. */
static void refine(struct order_scratch *scratch, struct order_heuristic_tables *tables, const struct order_network *network,
                   uint32_t limit, struct order_tree *tree)
{
    enum { SWEEPS = 20 };
    uint32_t n = network->n_operands, n_steps = 0;
    refine_links(network, tree, tables);
    bool improved = true;
    for (int sweep = 0; sweep < SWEEPS && improved; sweep++) {
        improved = false;
        for (uint32_t root = 2 * n - 2; root >= n; root--)
            improved |= refine_subtree(scratch, tables, network, root, limit);
    }
    refine_emit(tables, n, 2 * n - 2, tree, &n_steps);
    order_tree_cost(scratch, network, tree);
}

/* ---- all together ---- */

static struct greedy heuristic_restart(uint32_t restart)
{
    static const struct greedy fixed[] = {
        {GREEDY_LINEAR, 0, 0, 0}, {GREEDY_LOGARITHM, 1, 0, 0}, {GREEDY_WORK, 0, 0, 0}, {GREEDY_LINEAR, 0.5, 0, 0}};
    enum { FIXED = sizeof fixed / sizeof *fixed };
    if (restart < FIXED)
        return fixed[restart];
    static const double weights[] = {1, 0.6, 0.3, 1.3}, noises[] = {0.05, 0.2, 0.6};
    uint32_t k = restart - FIXED;
    return (struct greedy){GREEDY_LOGARITHM, weights[k % 4], noises[k / 4 % 3], hash_mix(20260101, restart)};
}

static void heuristic_keep(const struct order_tree *candidate, struct order_tree *best)
{
    if (order_less(candidate->cost, best->cost))
        order_tree_copy(best, candidate);
}

bool order_heuristic(struct order_scratch *scratch, const struct order_network *network, struct order_tree *tree)
{
    uint32_t n = network->n_operands;
    uint32_t *sequence = ARENA_ARRAY(scratch->arena, n, uint32_t);
    struct order_heuristic_tables *tables = heuristic_tables(scratch, n);
    if (!tables || !sequence || !order_greedy(scratch, network, tree))
        return false;
    struct order_tree *candidate = &tables->candidate;
    order_tree_copy(candidate, tree);
    refine(scratch, tables, network, 8, candidate);
    heuristic_keep(candidate, tree);
    bool exact;
    if (order_chain_sequence(scratch, network, sequence, &exact) && order_intervals(scratch, network, sequence, candidate))
        heuristic_keep(candidate, tree);
    uint32_t n_restarts = n <= 64 ? 28 : n <= 128 ? 12 : 4;
    for (uint32_t restart = 0; restart < n_restarts; restart++) {
        greedy_run(scratch, tables, network, heuristic_restart(restart), candidate);
        if (candidate->cost.flops < 8 * tree->cost.flops)
            refine(scratch, tables, network, 8, candidate);
        heuristic_keep(candidate, tree);
    }
    order_tree_copy(candidate, tree);
    refine(scratch, tables, network, 11, candidate);
    heuristic_keep(candidate, tree);
    tree->method = "greedy with restarts";
    return tree->cost.flops < INFINITY;
}
