/* The searches of the pass `order` on plain networks: exact against brute force and against a second dynamic programme without
 * pruning, chains against the textbook recurrence, the heuristic against plain greedy. Flops are whole numbers below 2^53 in the
 * exact comparisons, so they are compared for equality. */
#include "passes/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct random_network {
    struct order_network network;
    double sizes[ORDER_LABELS];
    struct order_set operands[ORDER_OPERANDS];
    bool constant[ORDER_OPERANDS];
};

static uint64_t random_bits(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    return hash_mix(17, *state) >> 11;
}

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)(random_bits(state) % limit);
}

static void network_clear(struct random_network *random, uint32_t n_operands)
{
    *random = (struct random_network){.network = {.n_operands = n_operands, .multiply = 1, .add = 1, .element_bytes = 8}};
    random->network.flop_time = 1e-10;
    random->network.byte_time = 1e-10;
    random->network.size_limit = INFINITY;
    random->network.sizes = random->sizes;
    random->network.operands = random->operands;
    random->network.constant = random->constant;
}

static uint32_t network_label(struct random_network *random, double size)
{
    random->sizes[random->network.n_labels] = size;
    return random->network.n_labels++;
}

/* A random tree of bonds, more bonds on top, some labels with three holders, some in the result, some with one holder. */
static void network_random(struct random_network *random, uint32_t n, uint64_t seed, uint32_t largest, bool connected)
{
    uint64_t state = seed;
    network_clear(random, n);
    uint32_t n_bonds = n - 1 + random_below(&state, n);
    for (uint32_t bond = 0; bond < n_bonds; bond++) {
        uint32_t label = network_label(random, 2 + random_below(&state, largest - 1));
        uint32_t first = bond + 1 < n ? bond + 1 : random_below(&state, n);
        uint32_t second = random_below(&state, bond + 1 < n ? bond + 1 : n);
        if (!connected && random_below(&state, 4) == 0)
            second = first;
        order_add(&random->operands[first], label);
        order_add(&random->operands[second], label);
        if (random_below(&state, 8) == 0)
            order_add(&random->operands[random_below(&state, n)], label);
        if (random_below(&state, 8) == 0)
            order_add(&random->network.output, label);
    }
    for (uint32_t open = 0; open < n / 3; open++) {
        uint32_t label = network_label(random, 2 + random_below(&state, largest - 1));
        order_add(&random->operands[random_below(&state, n)], label);
        if (random_below(&state, 3))
            order_add(&random->network.output, label);
    }
}

/* ---- brute force: every sequence of pairs ---- */

struct brute_tensor {
    struct order_set labels;
};

static double brute_volume(const struct order_network *network, struct order_set set)
{
    double volume = 1;
    for (uint32_t label = 0; label < network->n_labels; label++)
        if (order_has(&set, label))
            volume *= network->sizes[label];
    return volume;
}

static double brute_rest(const struct order_network *network, struct order_set *tensors, uint32_t n)
{
    if (n == 1)
        return 0;
    double best = INFINITY;
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = a + 1; b < n; b++) {
            struct order_set rest[8], needed = network->output, all = order_union(tensors[a], tensors[b]);
            uint32_t count = 0;
            for (uint32_t k = 0; k < n; k++)
                if (k != a && k != b) {
                    needed = order_union(needed, tensors[k]);
                    rest[count++] = tensors[k];
                }
            rest[count++] = order_intersection(all, needed);
            double flops = brute_volume(network, all) * (order_equal(all, rest[count - 1]) ? 1 : 2);
            flops += brute_rest(network, rest, count);
            best = flops < best ? flops : best;
        }
    return best;
}

static double brute_reductions(const struct order_network *network, struct order_set *tensors)
{
    double flops = 0;
    for (uint32_t k = 0; k < network->n_operands; k++) {
        struct order_set needed = network->output;
        for (uint32_t other = 0; other < network->n_operands; other++)
            if (other != k)
                needed = order_union(needed, network->operands[other]);
        tensors[k] = order_intersection(network->operands[k], needed);
        if (!order_equal(tensors[k], network->operands[k]))
            flops += brute_volume(network, network->operands[k]);
    }
    return flops;
}

static void exact_agrees_with_brute_force(void **state)
{
    struct order_scratch *scratch = *state;
    struct random_network *random = malloc(sizeof *random);
    for (uint64_t seed = 1; seed <= 150; seed++) {
        uint32_t n = 2 + (uint32_t)(seed % 5) + (seed % 30 == 0);
        network_random(random, n, seed, seed % 3 ? 9 : 3, seed % 2);
        struct order_set tensors[8];
        double wanted = brute_reductions(&random->network, tensors);
        wanted += brute_rest(&random->network, tensors, n);
        struct order_tree tree = order_tree_create(scratch->arena, n);
        assert_true(order_solve(scratch, &random->network, &tree));
        assert_true(tree.cost.flops == wanted);
        order_tree_cost(scratch, &random->network, &tree);
        assert_true(tree.cost.flops == wanted);
        assert_string_equal(tree.method, "exact");
    }
    free(random);
}

/* ---- a second dynamic programme: recursion with memory, no bound, no merged labels ---- */

static double subsets_best(const struct order_network *network, const struct order_set *tensors, double *memory, uint32_t subset);

static struct order_set subsets_kept(const struct order_network *network, const struct order_set *tensors, uint32_t subset)
{
    struct order_set inside = {{0}}, needed = network->output;
    for (uint32_t k = 0; k < network->n_operands; k++) {
        if (subset >> k & 1)
            inside = order_union(inside, tensors[k]);
        else
            needed = order_union(needed, tensors[k]);
    }
    return order_intersection(inside, needed);
}

static double subsets_best(const struct order_network *network, const struct order_set *tensors, double *memory, uint32_t subset)
{
    if ((subset & (subset - 1)) == 0)
        return 0;
    if (memory[subset] >= 0)
        return memory[subset];
    double best = INFINITY;
    struct order_set kept = subsets_kept(network, tensors, subset);
    for (uint32_t left = (subset - 1) & subset; left > (subset ^ left); left = (left - 1) & subset) {
        struct order_set all = order_union(subsets_kept(network, tensors, left), subsets_kept(network, tensors, subset ^ left));
        double flops = brute_volume(network, all) * (order_equal(all, kept) ? 1 : 2);
        flops += subsets_best(network, tensors, memory, left) + subsets_best(network, tensors, memory, subset ^ left);
        best = flops < best ? flops : best;
    }
    return memory[subset] = best;
}

static void twelve_operands_are_optimal(void **state)
{
    struct order_scratch *scratch = *state;
    struct random_network *random = malloc(sizeof *random);
    double *memory = malloc(4096 * sizeof *memory);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        network_random(random, 12, 1000 + seed, 6, true);
        for (size_t k = 0; k < 4096; k++)
            memory[k] = -1;
        struct order_set tensors[12];
        double wanted = brute_reductions(&random->network, tensors);
        wanted += subsets_best(&random->network, tensors, memory, 4095);
        struct order_tree tree = order_tree_create(scratch->arena, 12);
        assert_true(order_solve(scratch, &random->network, &tree));
        assert_true(tree.cost.flops == wanted);
    }
    free(memory);
    free(random);
}

/* ---- chains ---- */

/* n matrices, matrix k of labels k and k+1; with `batch` one more label on all of them and on the result. */
static void network_chain(struct random_network *random, uint32_t n, uint64_t seed, bool batch, const uint32_t *shuffle)
{
    uint64_t state = seed;
    network_clear(random, n);
    for (uint32_t k = 0; k <= n; k++)
        network_label(random, 2 + random_below(&state, 60));
    for (uint32_t k = 0; k < n; k++) {
        order_add(&random->operands[shuffle[k]], k);
        order_add(&random->operands[shuffle[k]], k + 1);
    }
    order_add(&random->network.output, 0);
    order_add(&random->network.output, n);
    if (!batch)
        return;
    uint32_t label = network_label(random, 7);
    for (uint32_t k = 0; k < n; k++)
        order_add(&random->operands[k], label);
    order_add(&random->network.output, label);
}

static double textbook_chain(const double *sizes, uint32_t n)
{
    static double best[64][64];
    for (uint32_t length = 1; length <= n; length++)
        for (uint32_t i = 0; i + length <= n; i++) {
            uint32_t j = i + length - 1;
            best[i][j] = length == 1 ? 0 : INFINITY;
            for (uint32_t k = i; k < j; k++) {
                double cost = best[i][k] + best[k + 1][j] + 2 * sizes[i] * sizes[k + 1] * sizes[j + 1];
                best[i][j] = cost < best[i][j] ? cost : best[i][j];
            }
        }
    return best[0][n - 1];
}

static void chain_of_sixty_is_optimal(void **state)
{
    struct order_scratch *scratch = *state;
    struct random_network *random = malloc(sizeof *random);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint32_t shuffle[60], n = seed == 6 ? 14 : 60;
        uint64_t bits = seed;
        for (uint32_t k = 0; k < n; k++)
            shuffle[k] = k;
        for (uint32_t k = n - 1; k > 0 && seed % 2 == 0; k--) {
            uint32_t other = random_below(&bits, k + 1), kept = shuffle[k];
            shuffle[k] = shuffle[other];
            shuffle[other] = kept;
        }
        network_chain(random, n, seed, seed % 3 == 0, shuffle);
        struct order_tree tree = order_tree_create(scratch->arena, n);
        assert_true(order_solve(scratch, &random->network, &tree));
        assert_string_equal(tree.method, n == 60 ? "chain" : "exact");
        assert_true(tree.cost.flops == textbook_chain(random->sizes, n) * (seed % 3 == 0 ? 7 : 1));
        order_tree_cost(scratch, &random->network, &tree);
        assert_true(tree.cost.flops == textbook_chain(random->sizes, n) * (seed % 3 == 0 ? 7 : 1));
    }
    free(random);
}

/* Scalars among many matrices are multiplied together, and then into the smallest matrix there is. */
static void scalars_do_not_hide_a_chain(void **state)
{
    struct order_scratch *scratch = *state;
    struct random_network *random = malloc(sizeof *random);
    uint32_t places[20];
    for (uint32_t k = 0; k < 20; k++)
        places[k] = k + 1 + (k > 9);
    network_chain(random, 20, 3, false, places); /* operands 0 and 11 stay empty */
    random->network.n_operands = 22;
    random->sizes[4] = random->sizes[5] = 2; /* the smallest matrix: 4 elements */
    struct order_tree tree = order_tree_create(scratch->arena, 22);
    assert_true(order_solve(scratch, &random->network, &tree));
    assert_string_equal(tree.method, "chain");
    assert_true(tree.cost.flops == textbook_chain(random->sizes, 20) + 1 + 4);
    free(random);
}

/* ---- the heuristic ---- */

static void heuristic_never_worse_than_greedy(void **state)
{
    struct order_scratch *scratch = *state;
    struct random_network *random = malloc(sizeof *random);
    struct order_tree greedy = order_tree_create(scratch->arena, 30), tree = order_tree_create(scratch->arena, 30);
    struct order_tree again = order_tree_create(scratch->arena, 30);
    uint32_t better = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        network_random(random, 30, 5000 + seed, 5, seed % 4 != 0);
        assert_true(order_greedy(scratch, &random->network, &greedy));
        assert_true(order_solve(scratch, &random->network, &tree));
        assert_true(tree.cost.flops <= greedy.cost.flops);
        better += tree.cost.flops < greedy.cost.flops;
        double flops = tree.cost.flops;
        order_tree_cost(scratch, &random->network, &tree);
        assert_true(tree.cost.flops == flops);
        if (seed % 20)
            continue;
        assert_true(order_solve(scratch, &random->network, &again)); /* deterministic */
        for (uint32_t step = 0; step < 29; step++)
            assert_true(again.steps[step].left == tree.steps[step].left && again.steps[step].right == tree.steps[step].right);
    }
    assert_true(better > 50);
    free(random);
}

/* ---- limits and constants ---- */

static void size_limit_is_kept(void **state)
{
    struct order_scratch *scratch = *state;
    struct random_network *random = malloc(sizeof *random);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint32_t n = seed % 2 ? 8 : 20;
        network_random(random, n, 300 + seed, 5, true);
        struct order_tree free_tree = order_tree_create(scratch->arena, n), tree = order_tree_create(scratch->arena, n);
        double peak, largest;
        assert_true(order_solve(scratch, &random->network, &free_tree));
        order_tree_memory(scratch, &random->network, &free_tree, &peak, &largest);
        random->network.size_limit = largest - 1;
        if (!order_solve(scratch, &random->network, &tree))
            continue;
        assert_true(tree.cost.flops >= free_tree.cost.flops || n > ORDER_EXACT);
        order_tree_memory(scratch, &random->network, &tree, &peak, &largest);
        assert_true(largest <= random->network.size_limit);
    }
    free(random);
}

/* Two constants cost nothing together as long as their product is small. */
static void constants_are_free(void **state)
{
    struct order_scratch *scratch = *state;
    struct random_network *random = malloc(sizeof *random);
    network_clear(random, 3); /* A[i,j] B[j,k] x[k,n] */
    uint32_t i = network_label(random, 4), j = network_label(random, 4), k = network_label(random, 4),
             n = network_label(random, 100);
    order_add(&random->operands[0], i), order_add(&random->operands[0], j);
    order_add(&random->operands[1], j), order_add(&random->operands[1], k);
    order_add(&random->operands[2], k), order_add(&random->operands[2], n);
    order_add(&random->network.output, i), order_add(&random->network.output, n);
    random->constant[0] = random->constant[1] = true;
    random->network.constant_limit = 16;
    struct order_tree tree = order_tree_create(scratch->arena, 3);
    assert_true(order_solve(scratch, &random->network, &tree));
    assert_true(tree.cost.flops == 2 * 4 * 4 * 100);
    random->network.constant_limit = 15;
    assert_true(order_solve(scratch, &random->network, &tree));
    assert_true(tree.cost.flops == 2 * 4 * 4 * 100 + 2 * 64);
    free(random);
}

static int setup(void **state)
{
    struct arena *arena = arena_create(NULL);
    *state = order_scratch_create(arena);
    return *state ? 0 : 1;
}

static int teardown(void **state)
{
    arena_destroy(((struct order_scratch *)*state)->arena);
    return 0;
}

/* Each of its own, by rising flops from the fewest on, within the bound, and as many as there are while there is room. */
static void several_trees_begin_with_the_best(void **state)
{
    struct order_scratch *scratch = *state;
    static struct random_network random;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint32_t n = 3 + (uint32_t)(seed % 4), n_trees, n_all;
        network_random(&random, n, seed, 6, seed % 3 != 0);
        struct order_tree best = order_tree_create(scratch->arena, n), trees[ORDER_SEVERAL], all[ORDER_SEVERAL];
        assert_true(order_exact(scratch, &random.network, INFINITY, &best));
        assert_true(order_several(scratch, &random.network, 1.5 * best.cost.flops, trees, &n_trees));
        assert_true(order_several(scratch, &random.network, INFINITY, all, &n_all));
        assert_true(n_trees >= 1 && n_trees <= n_all);
        assert_int_equal(n_all, n == 3 ? 3 : ORDER_SEVERAL);
        assert_true(trees[0].cost.flops == best.cost.flops);
        for (uint32_t k = 0; k < n_all; k++) {
            double flops = all[k].cost.flops;
            assert_true(k == 0 || flops >= all[k - 1].cost.flops);
            assert_true((k < n_trees) == (flops <= 1.5 * best.cost.flops));
            order_tree_cost(scratch, &random.network, &all[k]);
            assert_true(all[k].cost.flops == flops);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exact_agrees_with_brute_force, setup, teardown),
        cmocka_unit_test_setup_teardown(twelve_operands_are_optimal, setup, teardown),
        cmocka_unit_test_setup_teardown(chain_of_sixty_is_optimal, setup, teardown),
        cmocka_unit_test_setup_teardown(scalars_do_not_hide_a_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(heuristic_never_worse_than_greedy, setup, teardown),
        cmocka_unit_test_setup_teardown(size_limit_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(several_trees_begin_with_the_best, setup, teardown),
        cmocka_unit_test_setup_teardown(constants_are_free, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
