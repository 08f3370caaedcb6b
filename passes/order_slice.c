/* Orders within a memory limit: another order if one fits at no more work than slicing, else some indices run outside the whole
 * tree.
 *
 * A sliced index is kept to the root (which sums it there, over slices) and counts nothing in the sizes of intermediates that have
 * it; one that has none is computed once before, in full. Indices are chosen one after another: each time the one with which a tree
 * fits for the fewest flops, or, while none fits, the one that leaves the least memory. */
#include "order.h"

static struct order_set set_of(uint32_t n, const uint32_t *labels)
{
    struct order_set set = {{0}};
    for (uint32_t k = 0; k < n; k++)
        order_add(&set, labels[k]);
    return set;
}

/* The network with some labels outside, no intermediate above `elements`. */
static struct order_network sliced_network(const struct order_network *network, struct order_set sliced, double elements)
{
    struct order_network result = *network;
    struct order_set held = {{0}};
    for (uint32_t operand = 0; operand < network->n_operands; operand++)
        held = order_union(held, network->operands[operand]);
    result.sliced = sliced;
    result.output = order_union(network->output, order_intersection(sliced, held));
    result.size_limit = elements;
    result.keys = NULL;
    return result;
}

/* The best tree whose intermediates fit together, tried with smaller and smaller single ones; its memory in `*peak`. */
static bool solve_within(struct order_scratch *scratch, const struct order_network *network, struct order_set sliced,
                         double elements, struct order_tree *tree, double *peak)
{
    enum { HALVINGS = 4, SEARCHED = 12 }; /* more operands than that take too long to search for every set of sliced labels */
    double largest, single = elements;
    *peak = INFINITY;
    for (int k = 0; k < HALVINGS; k++, single /= 2) {
        struct order_network limited = sliced_network(network, sliced, single);
        bool quick = network->n_operands > SEARCHED && network->n_operands <= ORDER_EXACT;
        if (!(quick ? order_heuristic(scratch, &limited, tree) : order_solve(scratch, &limited, tree)))
            return false;
        order_tree_memory(scratch, &limited, tree, peak, &largest);
        if (*peak <= elements)
            return true;
    }
    return false;
}

struct choice {
    uint32_t label;
    double flops, peak;
    bool fits;
};

/* What slicing one more label gives, by the quick search. */
static struct choice try_label(struct order_scratch *scratch, const struct order_network *network, struct order_set sliced,
                               uint32_t label, double elements, struct order_tree *tree)
{
    double largest;
    struct choice choice = {label, INFINITY, INFINITY, false};
    order_add(&sliced, label);
    struct order_network limited = sliced_network(network, sliced, elements);
    bool small = network->n_operands <= 10;
    bool solved =
        small ? order_solve(scratch, &limited, tree) : order_greedy(scratch, &limited, tree) && isfinite(tree->cost.flops);
    if (!solved) {
        limited.size_limit = INFINITY;
        if (!(small ? order_solve(scratch, &limited, tree) : order_greedy(scratch, &limited, tree)))
            return choice;
    }
    order_tree_memory(scratch, &limited, tree, &choice.peak, &largest);
    choice.flops = tree->cost.flops;
    choice.fits = choice.peak <= elements;
    return choice;
}

static bool better_choice(struct choice a, struct choice b)
{
    if (a.fits != b.fits)
        return a.fits;
    if (a.fits || a.peak == b.peak)
        return a.flops < b.flops;
    return a.peak < b.peak;
}

/* Slices until a tree fits. `sliced` holds n_labels. */
static bool slice_until(struct order_scratch *scratch, const struct order_network *network, double elements, uint32_t *sliced,
                        uint32_t *n_sliced, struct order_tree *tree, double *least)
{
    double peak;
    for (*n_sliced = 0; *n_sliced < network->n_labels;) {
        struct order_set outside = set_of(*n_sliced, sliced), held = {{0}};
        struct choice best = {UINT32_MAX, INFINITY, INFINITY, false};
        for (uint32_t operand = 0; operand < network->n_operands; operand++)
            held = order_union(held, network->operands[operand]);
        for (uint32_t label = 0; label < network->n_labels; label++) {
            if (order_has(&outside, label) || !order_has(&held, label) || network->sizes[label] <= 1)
                continue;
            struct choice choice = try_label(scratch, network, outside, label, elements, tree);
            if (best.label == UINT32_MAX || better_choice(choice, best))
                best = choice;
        }
        if (best.label == UINT32_MAX)
            return false;
        sliced[(*n_sliced)++] = best.label;
        *least = fmin(*least, best.peak);
        if (solve_within(scratch, network, set_of(*n_sliced, sliced), elements, tree, &peak))
            return true;
    }
    return false;
}

bool order_slice(struct order_scratch *scratch, struct order_problem *problem, double bytes, double *least)
{
    struct order_network *network = &problem->network;
    double elements = bytes / network->element_bytes, peak, largest;
    order_tree_memory(scratch, network, &problem->tree, &peak, &largest);
    *least = peak * network->element_bytes;
    if (peak <= elements)
        return true;
    struct order_tree whole = order_tree_create(scratch->arena, network->n_operands);
    struct order_tree tree = order_tree_create(scratch->arena, network->n_operands);
    uint32_t *sliced = ARENA_ARRAY(scratch->arena, network->n_labels, uint32_t), n_sliced = 0;
    if (arena_failed(scratch->arena))
        return false;
    bool fits = solve_within(scratch, network, (struct order_set){{0}}, elements, &whole, &peak);
    double lowest = *least / network->element_bytes;
    bool slices = slice_until(scratch, network, elements, sliced, &n_sliced, &tree, &lowest);
    *least = lowest * network->element_bytes;
    if (!fits && !slices)
        return false;
    if (fits && (!slices || whole.cost.flops <= tree.cost.flops)) {
        order_tree_copy(&problem->tree, &whole);
        return true;
    }
    *network = sliced_network(network, set_of(n_sliced, sliced), INFINITY);
    order_tree_copy(&problem->tree, &tree);
    problem->n_sliced = n_sliced;
    problem->sliced = sliced;
    return true;
}
