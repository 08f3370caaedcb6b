/* How long the searches of the pass `order` take, and how much better than plain greedy the heuristic is. Networks are random with
 * fixed seeds: a tree of bonds with more bonds on top, sizes 2 to 9. */
#include "passes/order.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double sizes[ORDER_LABELS];
static struct order_set operands[ORDER_OPERANDS];

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static uint32_t below(uint64_t *state, uint32_t limit)
{
    *state += 0x9e3779b97f4a7c15u;
    return (uint32_t)((hash_mix(17, *state) >> 11) % limit);
}

static struct order_network empty_network(uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        operands[k] = (struct order_set){{0}};
    return (struct order_network){.n_operands = n,
                                  .sizes = sizes,
                                  .operands = operands,
                                  .multiply = 1,
                                  .add = 1,
                                  .element_bytes = 8,
                                  .flop_time = 1e-10,
                                  .byte_time = 1e-10,
                                  .size_limit = INFINITY};
}

static struct order_network random_network(uint32_t n, uint64_t seed)
{
    struct order_network network = empty_network(n);
    for (uint32_t bond = 0; bond < n - 1 + n / 2; bond++) {
        uint32_t label = network.n_labels++;
        sizes[label] = 2 + below(&seed, 8);
        order_add(&operands[bond + 1 < n ? bond + 1 : below(&seed, n)], label);
        order_add(&operands[below(&seed, bond + 1 < n ? bond + 1 : n)], label);
        if (below(&seed, 8) == 0)
            order_add(&network.output, label);
    }
    return network;
}

static struct order_network chain_network(uint32_t n, uint64_t seed)
{
    struct order_network network = empty_network(n);
    for (uint32_t label = 0; label <= n; label++)
        sizes[network.n_labels++] = 2 + below(&seed, 60);
    for (uint32_t k = 0; k < n; k++) {
        order_add(&operands[k], k);
        order_add(&operands[k], k + 1);
    }
    order_add(&network.output, 0);
    order_add(&network.output, n);
    return network;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void time_random(struct order_scratch *scratch, uint32_t n, uint32_t count)
{
    double times[128], ratios[128], total = 0;
    struct order_tree greedy = order_tree_create(scratch->arena, n), tree = order_tree_create(scratch->arena, n);
    for (uint32_t k = 0; k < count; k++) {
        struct order_network network = random_network(n, 100 * n + k);
        if (!order_greedy(scratch, &network, &greedy))
            return;
        double start = seconds();
        if (!order_solve(scratch, &network, &tree))
            return;
        times[k] = seconds() - start;
        ratios[k] = tree.cost.flops / greedy.cost.flops;
        total += log(ratios[k]);
    }
    qsort(times, count, sizeof *times, by_value);
    qsort(ratios, count, sizeof *ratios, by_value);
    printf("random, %3u operands  %-22s median %8.2f ms  worst %8.2f ms  flops over greedy's: mean %.3f best %.3f worst %.3f\n", n,
           tree.method, 1e3 * times[count / 2], 1e3 * times[count - 1], exp(total / count), ratios[0], ratios[count - 1]);
}

static void time_chain(struct order_scratch *scratch, uint32_t n)
{
    struct order_tree tree = order_tree_create(scratch->arena, n);
    struct order_network network = chain_network(n, n);
    double start = seconds();
    if (order_solve(scratch, &network, &tree))
        printf("chain,  %3u matrices  %-22s %8.2f ms\n", n, tree.method, 1e3 * (seconds() - start));
}

int main(void)
{
    struct arena *arena = arena_create(NULL);
    struct order_scratch *scratch = arena ? order_scratch_create(arena) : NULL;
    if (!scratch)
        return 1;
    time_random(scratch, 8, 50);
    time_random(scratch, 12, 50);
    time_random(scratch, 14, 20);
    time_random(scratch, 16, 10);
    time_random(scratch, 30, 100);
    time_random(scratch, 60, 10);
    time_chain(scratch, 60);
    time_chain(scratch, 200);
    arena_destroy(arena);
    return 0;
}
