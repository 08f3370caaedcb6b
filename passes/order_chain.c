/* The best order among trees of intervals: operands stand in a sequence and only neighbours are multiplied.
 *
 * On a matrix chain (each operand shares summed labels with the next, only the ends have labels of the result, labels held by every
 * operand may stand beside) this is the optimum over all trees (Godbole 1973), at n^3 / 6 splits. On other sequences it is one
 * more candidate for the heuristic. */
#include "order.h"

struct interval {
    struct order_set all, kept;
    struct order_cost cost;
    double size;
    uint32_t split; /* last operand of the left half */
    bool constant;
};

static void interval_labels(const struct order_network *network, const uint32_t *sequence, struct interval *intervals)
{
    uint32_t n = network->n_operands;
    for (uint32_t first = 0; first < n; first++) {
        struct order_set before = network->output;
        for (uint32_t k = 0; k < first; k++)
            before = order_union(before, network->operands[sequence[k]]);
        struct order_set inside = {{0}};
        for (uint32_t last = first; last < n; last++) {
            inside = order_union(inside, network->operands[sequence[last]]);
            intervals[first * n + last].all = inside;
        }
        struct order_set after = before;
        for (uint32_t last = n; last-- > first;) {
            struct interval *interval = &intervals[first * n + last];
            interval->kept = order_intersection(interval->all, after);
            interval->size = order_volume(network, interval->kept);
            after = order_union(after, network->operands[sequence[last]]);
        }
    }
}

static void interval_split(const struct order_network *network, const uint32_t *sequence, struct interval *intervals,
                           uint32_t first, uint32_t last)
{
    uint32_t n = network->n_operands;
    struct interval *whole = &intervals[first * n + last];
    whole->cost = (struct order_cost){INFINITY, INFINITY};
    whole->split = first;
    for (uint32_t split = first; split < last; split++) {
        const struct interval *left = &intervals[first * n + split], *right = &intervals[(split + 1) * n + last];
        struct order_cost halves = order_sum(left->cost, right->cost);
        if (halves.flops > whole->cost.flops)
            continue;
        bool constant = left->constant && right->constant;
        struct order_cost cost = order_sum(
            halves, order_step_cost(network, (struct order_tensor){left->kept, split == first ? sequence[first] : ORDER_MADE},
                                    (struct order_tensor){right->kept, split + 1 == last ? sequence[last] : ORDER_MADE},
                                    whole->kept, constant));
        if (order_less(cost, whole->cost)) {
            whole->cost = cost;
            whole->split = split;
            whole->constant = constant && whole->size <= network->constant_limit;
        }
    }
    bool inner = first > 0 || last + 1 < n;
    if (inner && order_volume(network, order_difference(whole->kept, network->sliced)) > network->size_limit)
        whole->cost.flops = INFINITY;
}

static uint32_t interval_emit(const struct interval *intervals, const uint32_t *sequence, uint32_t first, uint32_t last,
                              struct order_tree *tree, uint32_t *n_steps)
{
    if (first == last)
        return sequence[first];
    uint32_t split = intervals[first * tree->n_operands + last].split;
    uint32_t left = interval_emit(intervals, sequence, first, split, tree, n_steps);
    uint32_t right = interval_emit(intervals, sequence, split + 1, last, tree, n_steps);
    tree->steps[*n_steps] = (struct order_step){left, right};
    return tree->n_operands + (*n_steps)++;
}

bool order_intervals(struct order_scratch *scratch, const struct order_network *network, const uint32_t *sequence,
                     struct order_tree *tree)
{
    uint32_t n = network->n_operands;
    struct interval *intervals = ARENA_ARRAY(scratch->arena, (size_t)n * n, struct interval);
    if (!intervals || n == 0)
        return false;
    interval_labels(network, sequence, intervals);
    for (uint32_t k = 0; k < n; k++) {
        struct interval *leaf = &intervals[k * n + k];
        leaf->constant = network->constant && network->constant[sequence[k]];
        leaf->cost = order_reduction_cost(network, sequence[k], leaf->kept);
    }
    for (uint32_t length = 2; length <= n; length++)
        for (uint32_t first = 0; first + length <= n; first++)
            interval_split(network, sequence, intervals, first, first + length - 1);
    if (!(intervals[n - 1].cost.flops < INFINITY))
        return false;
    uint32_t n_steps = 0;
    tree->n_operands = n;
    interval_emit(intervals, sequence, 0, n - 1, tree, &n_steps);
    tree->cost = intervals[n - 1].cost;
    tree->method = "intervals";
    return true;
}

/* Neighbours of each operand through summed labels: at most two each. False when it is no path or some label has three holders. */
static bool chain_neighbours(const struct order_network *network, uint32_t (*neighbours)[2], uint32_t *degree, bool *open)
{
    uint32_t n = network->n_operands;
    for (uint32_t label = 0; label < network->n_labels; label++) {
        uint32_t holders[2] = {0, 0}, count = 0;
        for (uint32_t operand = 0; operand < n; operand++)
            if (order_has(&network->operands[operand], label) && count++ < 2)
                holders[count - 1] = operand;
        bool kept = order_has(&network->output, label);
        if (count == n || count == 0 || (count == 1 && !kept))
            continue; /* a batch label costs every step the same; a label of one operand is summed before */
        if (count == 1) {
            open[holders[0]] = true;
            continue;
        }
        if (count > 2 || kept)
            return false;
        for (int side = 0; side < 2; side++) {
            uint32_t own = holders[side], other = holders[1 - side];
            bool known = false;
            for (uint32_t k = 0; k < degree[own]; k++)
                known |= neighbours[own][k] == other;
            if (!known && degree[own] == 2)
                return false;
            if (!known)
                neighbours[own][degree[own]++] = other;
        }
    }
    return true;
}

bool order_chain_sequence(struct order_scratch *scratch, const struct order_network *network, uint32_t *sequence, bool *exact)
{
    uint32_t n = network->n_operands;
    uint32_t(*neighbours)[2] = arena_alloc(scratch->arena, n, sizeof *neighbours);
    uint32_t *degree = ARENA_ARRAY(scratch->arena, n, uint32_t);
    bool *open = ARENA_ARRAY(scratch->arena, n, bool);
    if (arena_failed(scratch->arena) || n < 3 || !chain_neighbours(network, neighbours, degree, open))
        return false;
    uint32_t start = 0;
    while (start < n && degree[start] != 1)
        start++;
    if (start == n)
        return false;
    *exact = true;
    uint32_t previous = start, at = start;
    for (uint32_t k = 0;; k++) {
        sequence[k] = at;
        uint32_t next = neighbours[at][0];
        if (k > 0 && next == previous)
            next = degree[at] == 2 ? neighbours[at][1] : at;
        if (k > 0 && degree[at] == 1)
            return k + 1 == n; /* the other end; false when operands lie outside the path */
        *exact &= k == 0 || !open[at];
        previous = at;
        at = next;
    }
}
