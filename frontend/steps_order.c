/* The order in which the factors of one product are multiplied, two at a time, so that the index spaces of all multiplications
 * together are least: dynamic programming over sets of factors. */
#include "steps.h"

struct index_set step_order_indices(const struct step_order *order, uint32_t factors)
{
    struct index_set inside = {{0}}, outside = order->kept;
    for (uint32_t k = 0; k < order->n; k++) {
        struct index_set *side = factors >> k & 1 ? &inside : &outside;
        *side = index_set_union(side, &order->factors[k]);
    }
    return index_set_intersection(&inside, &outside);
}

/* The index space of the last multiplication. */
static struct index_set space(const struct step_order *order, uint32_t factors, uint32_t part)
{
    struct index_set a = step_order_indices(order, part), b = step_order_indices(order, factors ^ part);
    return index_set_union(&a, &b);
}

static double size(const struct step_order *order, const struct index_set *set)
{
    double points = 1;
    for (uint32_t k = 0; k < FRONTEND_INDICES; k++)
        if (index_set_has(set, k))
            points *= order->extents[k];
    return points;
}

bool step_order_find(struct arena *arena, struct step_order *order)
{
    uint32_t all = (UINT32_C(1) << order->n) - 1;
    double *costs = ARENA_ARRAY(arena, (size_t)all + 1, double);
    order->splits = ARENA_ARRAY(arena, (size_t)all + 1, uint32_t);
    if (!costs || !order->splits)
        return false;
    for (uint32_t factors = 1; factors <= all; factors++) {
        if ((factors & (factors - 1)) == 0)
            continue; /* a single one */
        for (uint32_t part = (factors - 1) & factors; part > (factors ^ part); part = (part - 1) & factors) {
            struct index_set points = space(order, factors, part);
            double cost = costs[part] + costs[factors ^ part] + size(order, &points);
            if (order->splits[factors] && cost >= costs[factors])
                continue;
            costs[factors] = cost;
            order->splits[factors] = part;
        }
    }
    return true;
}

bool step_order_sums(const struct step_order *order, uint32_t factors)
{
    if ((factors & (factors - 1)) == 0)
        return false;
    struct index_set points = space(order, factors, order->splits[factors]), left = step_order_indices(order, factors);
    points = index_set_minus(&points, &left);
    return !index_set_is_empty(&points);
}

uint32_t step_order_count(const struct step_order *order, uint32_t factors)
{
    if ((factors & (factors - 1)) == 0)
        return 0;
    uint32_t part = order->splits[factors];
    return step_order_sums(order, factors) + step_order_count(order, part) + step_order_count(order, factors ^ part);
}
