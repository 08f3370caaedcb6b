/* Orders for all contractions of a kernel together: a step that several trees contain is done once.
 *
 * Each subset of a network's operands gets a key, equal for equal sub-contractions whatever the indices are called (a colouring, as
 * in contraction.c). Starting from each network's own best tree, and again from trees for which steps that could be shared are
 * cheaper by the number of their possible users, networks are solved in turn with the steps of all other trees for nothing, until
 * the total falls no more. The total counts real steps, each key once. Equal keys of different things would spoil an estimate,
 * never a value: order_build.c shares by identity of nodes. */
#include "order_joint.h"

#include <string.h>

/* ---- sets of hashes ---- */

static void shared_clear(struct order_shared *shared)
{
    if (shared->capacity)
        memset(shared->slots, 0, shared->capacity * sizeof *shared->slots);
    shared->count = 0;
}

/* False: it was there already, or no memory. */
static bool shared_add(struct order_shared *shared, uint64_t hash)
{
    if (order_shared_has(shared, hash))
        return false;
    if (2 * (shared->count + 1) > shared->capacity) {
        struct order_shared larger = {.arena = shared->arena, .capacity = shared->capacity ? 2 * shared->capacity : 64};
        larger.slots = ARENA_ARRAY(shared->arena, larger.capacity, uint64_t);
        if (!larger.slots)
            return false;
        for (size_t slot = 0; slot < shared->capacity; slot++)
            if (shared->slots[slot])
                shared_add(&larger, shared->slots[slot]);
        *shared = larger;
    }
    size_t mask = shared->capacity - 1, slot = (size_t)hash & mask;
    while (shared->slots[slot])
        slot = (slot + 1) & mask;
    shared->slots[slot] = hash;
    shared->count++;
    return true;
}

/* ---- keys of subsets ---- */

struct incidence {
    uint32_t label;
    uint64_t role; /* which axis, and how */
};
struct key_maker {
    const struct ir_node *node;
    const struct incidence **incidences; /* by operand */
    uint32_t *n_incidences;
    uint64_t *base; /* colours of the operands alone */
    uint64_t *colours, *next;
};

static const struct incidence *operand_incidences(struct arena *arena, struct ir_context *context, const struct ir_access *access,
                                                  uint32_t *count)
{
    struct incidence *items = NULL;
    size_t n = 0, capacity = 0;
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *subscript = access->subscripts[axis], *coefficient = NULL;
        for (uint32_t index = 0; index < poly_index_limit(subscript); index++) {
            if (!poly_uses_index(subscript, index))
                continue;
            bool linear = poly_split_index(context, subscript, index, &coefficient, NULL) && coefficient;
            struct incidence item = {index, hash_mix(axis, linear ? coefficient->id : 1)};
            if (!ARENA_PUSH(arena, items, n, capacity, item))
                return NULL;
        }
    }
    *count = (uint32_t)n;
    return items;
}

static uint64_t operand_base(const struct ir_node *node, const struct ir_access *access)
{
    uint64_t colour = hash_mix(access->node->id, (uint64_t)access->conjugate * 2 + (access->fill != NULL));
    colour = hash_mix(colour, (uint64_t)node->contract.ring * 4096 + (uint64_t)node->elem * 64 + node->contract.accumulator);
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *subscript = access->subscripts[axis];
        colour = hash_mix(colour, poly_is_index(subscript, NULL) ? 1 : poly_index_limit(subscript) ? 2 : 3 + subscript->id);
    }
    return colour;
}

static uint64_t subset_key(const struct key_maker *maker, uint32_t subset, struct order_set kept)
{
    enum { ROUNDS = 3 };
    const struct ir_node *node = maker->node;
    uint64_t key = (uint64_t)__builtin_popcount(subset);
    for (uint32_t label = 0; label < node->n_indices; label++)
        maker->colours[label] = hash_mix(node->extents[label]->id, order_has(&kept, label));
    for (int round = 0; round <= ROUNDS; round++) {
        memcpy(maker->next, maker->colours, node->n_indices * sizeof *maker->next);
        for (uint32_t rest = subset; rest; rest &= rest - 1) {
            uint32_t operand = (uint32_t)__builtin_ctz(rest);
            const struct incidence *incidences = maker->incidences[operand];
            uint64_t colour = maker->base[operand];
            for (uint32_t k = 0; k < maker->n_incidences[operand]; k++)
                colour += hash_mix(incidences[k].role, maker->colours[incidences[k].label]);
            colour = hash_mix(colour, 5);
            if (round == ROUNDS)
                key += hash_mix(colour, 7);
            for (uint32_t k = 0; k < maker->n_incidences[operand]; k++)
                maker->next[incidences[k].label] += hash_mix(colour, incidences[k].role);
        }
        for (uint32_t label = 0; label < node->n_indices; label++)
            maker->colours[label] = hash_mix(maker->next[label], 11);
    }
    return hash_mix(key, 13) | 1;
}

static bool key_maker_create(struct key_maker *maker, struct ir_context *context, const struct ir_node *node)
{
    struct arena *arena = ir_arena(context);
    uint32_t n = node->n_operands;
    *maker = (struct key_maker){.node = node};
    maker->incidences = ARENA_ARRAY(arena, n, const struct incidence *);
    maker->n_incidences = ARENA_ARRAY(arena, n, uint32_t);
    maker->base = ARENA_ARRAY(arena, n, uint64_t);
    maker->colours = ARENA_ARRAY(arena, node->n_indices, uint64_t);
    maker->next = ARENA_ARRAY(arena, node->n_indices, uint64_t);
    if (arena_failed(arena))
        return false;
    for (uint32_t k = 0; k < n; k++) {
        maker->incidences[k] = operand_incidences(arena, context, &node->operands[k], &maker->n_incidences[k]);
        maker->base[k] = operand_base(node, &node->operands[k]);
    }
    return !arena_failed(arena);
}

uint64_t order_subset_key(struct ir_context *context, const struct ir_node *node, uint32_t subset, struct order_set kept,
                          uint64_t *colours)
{
    struct key_maker maker;
    if (!key_maker_create(&maker, context, node))
        return 0;
    uint64_t key = subset_key(&maker, subset, kept);
    memset(colours, 0, node->n_indices * sizeof *colours);
    for (uint32_t rest = subset; rest; rest &= rest - 1) {
        uint32_t operand = (uint32_t)__builtin_ctz(rest);
        for (uint32_t k = 0; k < maker.n_incidences[operand]; k++)
            colours[maker.incidences[operand][k].label] = maker.colours[maker.incidences[operand][k].label];
    }
    return key;
}

static const uint64_t *subset_keys(struct arena *arena, struct ir_context *context, const struct order_problem *problem)
{
    uint32_t n = problem->network.n_operands;
    struct key_maker maker;
    uint64_t *keys = ARENA_ARRAY(arena, (size_t)1 << n, uint64_t);
    struct order_set *all = ARENA_ARRAY(arena, (size_t)1 << n, struct order_set);
    if (!key_maker_create(&maker, context, problem->node) || arena_failed(arena))
        return NULL;
    uint32_t full = (uint32_t)((1u << n) - 1);
    for (uint32_t subset = 1; subset <= full; subset++)
        all[subset] = order_union(all[subset & (subset - 1)], problem->network.operands[(uint32_t)__builtin_ctz(subset)]);
    for (uint32_t subset = 1; subset <= full; subset++) {
        struct order_set needed = order_union(all[full ^ subset], problem->network.output);
        keys[subset] = subset_key(&maker, subset, order_intersection(all[subset], needed));
    }
    return keys;
}

/* ---- totals ---- */

/* Calls `visit` for each step of the tree with its subset, the left half's, and its cost. */
struct step_view {
    uint32_t subset, left;
    struct order_cost cost;
};

static bool tree_steps(struct order_scratch *scratch, const struct order_problem *problem, const struct order_tree *tree,
                       struct step_view *steps)
{
    const struct order_network *network = &problem->network;
    uint32_t n = network->n_operands, subsets[2 * ORDER_EXACT];
    bool constant[2 * ORDER_EXACT];
    order_tree_sets(network, tree, scratch->sets);
    for (uint32_t k = 0; k < n; k++) {
        subsets[k] = 1u << k;
        constant[k] = network->constant[k];
    }
    for (uint32_t step = 0; step + 1 < n; step++) {
        uint32_t left = tree->steps[step].left, right = tree->steps[step].right;
        struct order_set result = scratch->sets[n + step];
        bool known = constant[left] && constant[right];
        subsets[n + step] = subsets[left] | subsets[right];
        constant[n + step] = known && order_volume(network, result) <= network->constant_limit;
        steps[step] = (struct step_view){subsets[n + step], subsets[left],
                                         order_step_cost(network, order_tensor(network, scratch->sets, left),
                                                         order_tensor(network, scratch->sets, right), result, known)};
    }
    return true;
}

/* Of all trees, steps and reductions in common once. */
static struct order_cost joint_total(struct order_scratch *scratch, const struct order_problem *problems, size_t n_problems,
                                     struct order_shared *seen)
{
    struct order_cost total = {0, 0};
    struct step_view steps[ORDER_EXACT];
    shared_clear(seen);
    for (size_t k = 0; k < n_problems; k++) {
        const struct order_network *network = &problems[k].network;
        if (!network->keys) {
            total = order_sum(total, problems[k].tree.cost);
            continue;
        }
        for (uint32_t operand = 0; operand < network->n_operands; operand++)
            if (shared_add(seen, network->keys[1u << operand]))
                total = order_sum(total, order_reduction_cost(network, operand, order_reduced(network, operand)));
        tree_steps(scratch, &problems[k], &problems[k].tree, steps);
        for (uint32_t step = 0; step + 1 < network->n_operands; step++)
            if (shared_add(seen, order_shared_step(network->keys, steps[step].subset, steps[step].left)))
                total = order_sum(total, steps[step].cost);
    }
    return total;
}

/* Subsets and steps of all trees but one. */
static void joint_known(struct order_scratch *scratch, const struct order_problem *problems, size_t n_problems, size_t without,
                        struct order_shared *known)
{
    struct step_view steps[ORDER_EXACT];
    shared_clear(known);
    for (size_t k = 0; k < n_problems; k++) {
        const uint64_t *keys = problems[k].network.keys;
        if (k == without || !keys)
            continue;
        tree_steps(scratch, &problems[k], &problems[k].tree, steps);
        for (uint32_t step = 0; step + 1 < problems[k].network.n_operands; step++) {
            shared_add(known, keys[steps[step].subset]);
            shared_add(known, order_shared_step(keys, steps[step].subset, steps[step].left));
        }
    }
}

/* ---- the search ---- */

/* Flops of the steps of a tree as the exact search counts them for this network: it need not look at what costs more. */
static double joint_bound(struct order_scratch *scratch, const struct order_problem *problem, const struct order_tree *tree)
{
    const struct order_network *network = &problem->network;
    struct step_view steps[ORDER_EXACT];
    double flops = 0;
    tree_steps(scratch, problem, tree, steps);
    for (uint32_t step = 0; step + 1 < network->n_operands; step++) {
        uint64_t hash = order_shared_step(network->keys, steps[step].subset, steps[step].left);
        double share = network->share ? (double)network->share[steps[step].subset] : 1;
        if (!network->shared || !order_shared_has(network->shared, hash))
            flops += steps[step].cost.flops * share;
    }
    return flops * (1 + 1e-9);
}

/* Solves each problem but `fixed` in turn with what the others do for nothing; own steps too in a second try, for repeats within
 * one tree. */
static struct order_cost joint_descend(struct order_scratch *scratch, struct order_problem *problems, size_t n_problems,
                                       size_t fixed, struct order_shared *known, struct order_shared *seen)
{
    enum { SWEEPS = 6 };
    struct order_cost best = joint_total(scratch, problems, n_problems, seen);
    bool improved = true;
    for (int sweep = 0; sweep < SWEEPS && improved; sweep++) {
        improved = false;
        for (size_t k = 0; k < 2 * n_problems; k++) {
            struct order_problem *problem = &problems[k / 2];
            if (k / 2 == fixed || !problem->network.keys || problem->network.n_operands < 3)
                continue;
            joint_known(scratch, problems, n_problems, k % 2 ? n_problems : k / 2, known);
            struct order_tree before = order_tree_create(scratch->arena, problem->network.n_operands);
            if (!before.steps)
                return best;
            order_tree_copy(&before, &problem->tree);
            problem->network.shared = known;
            bool solved = order_exact(scratch, &problem->network, joint_bound(scratch, problem, &before), &problem->tree);
            problem->network.shared = NULL;
            struct order_cost total = joint_total(scratch, problems, n_problems, seen);
            if (solved && order_less(total, best)) {
                best = total;
                improved = true;
            } else {
                order_tree_copy(&problem->tree, &before);
            }
        }
    }
    return best;
}

/* One over the number of subsets, in all networks, with the same key; false when every key is there once. */
static bool joint_shares(struct arena *arena, struct order_problem *problems, size_t n_problems)
{
    size_t count = 0, capacity = 64;
    for (size_t k = 0; k < n_problems; k++)
        count += problems[k].network.keys ? (size_t)1 << problems[k].network.n_operands : 0;
    while (capacity < 2 * count)
        capacity *= 2;
    uint64_t *slots = ARENA_ARRAY(arena, capacity, uint64_t);
    float *counts = ARENA_ARRAY(arena, capacity, float);
    bool any = false;
    for (size_t pass = 0; pass < 2 && !arena_failed(arena); pass++)
        for (size_t k = 0; k < n_problems; k++) {
            struct order_network *network = &problems[k].network;
            uint32_t limit = network->keys ? 1u << network->n_operands : 0;
            float *share = pass ? ARENA_ARRAY(arena, limit, float) : NULL;
            for (uint32_t subset = 1; subset < limit && !arena_failed(arena); subset++) {
                size_t slot = (size_t)network->keys[subset] & (capacity - 1);
                while (slots[slot] && slots[slot] != network->keys[subset])
                    slot = (slot + 1) & (capacity - 1);
                slots[slot] = network->keys[subset];
                if (pass)
                    share[subset] = 1 / counts[slot];
                else
                    counts[slot]++;
                any = any || (pass && counts[slot] > 1 && (subset & (subset - 1)));
            }
            network->share = share;
        }
    return any && !arena_failed(arena);
}

/* Trees that count what others might use by its share. */
static void joint_discounted(struct order_scratch *scratch, struct order_problem *problems, size_t n_problems)
{
    for (size_t k = 0; k < n_problems; k++) {
        struct order_problem *problem = &problems[k];
        if (problem->network.keys && problem->network.n_operands > 2)
            order_exact(scratch, &problem->network, joint_bound(scratch, problem, &problem->tree), &problem->tree);
    }
}

/* Marks the steps that several trees, or one tree twice, contain. */
static void joint_stored(struct order_scratch *scratch, struct order_problem *problems, size_t n_problems,
                         struct order_shared *seen, struct order_shared *several)
{
    struct step_view steps[ORDER_EXACT];
    shared_clear(seen);
    shared_clear(several);
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < n_problems; k++) {
            const uint64_t *keys = problems[k].network.keys;
            if (!keys)
                continue;
            tree_steps(scratch, &problems[k], &problems[k].tree, steps);
            for (uint32_t step = 0; step + 1 < problems[k].network.n_operands; step++) {
                uint64_t hash = order_shared_step(keys, steps[step].subset, steps[step].left);
                if (pass)
                    problems[k].stored[step] = order_shared_has(several, hash);
                else if (!shared_add(seen, hash))
                    shared_add(several, hash);
            }
        }
}

static bool joint_copy(struct arena *arena, const struct order_problem *problems, size_t n_problems, struct order_problem *copy)
{
    for (size_t k = 0; k < n_problems; k++) {
        copy[k] = problems[k];
        copy[k].tree = order_tree_create(arena, problems[k].network.n_operands);
        if (!copy[k].tree.steps)
            return false;
        order_tree_copy(&copy[k].tree, &problems[k].tree);
    }
    return true;
}

bool order_joint(struct order_scratch *scratch, struct ir_context *context, struct order_problem *problems, size_t n_problems,
                 struct order_cost *total)
{
    struct order_shared known = {.arena = scratch->arena}, seen = {.arena = scratch->arena};
    *total = (struct order_cost){0, 0};
    for (size_t k = 0; k < n_problems; k++) {
        uint32_t n = problems[k].network.n_operands;
        problems[k].tree = order_tree_create(scratch->arena, n);
        problems[k].stored = ARENA_ARRAY(scratch->arena, n, bool);
        if (arena_failed(scratch->arena) || !order_solve(scratch, &problems[k].network, &problems[k].tree))
            return false;
        *total = order_sum(*total, problems[k].tree.cost);
        if (n >= 2 && n <= ORDER_EXACT)
            problems[k].network.keys = subset_keys(scratch->arena, context, &problems[k]);
    }
    if (arena_failed(scratch->arena) || !joint_shares(scratch->arena, problems, n_problems))
        return !arena_failed(scratch->arena);
    struct order_problem *other = ARENA_ARRAY(scratch->arena, n_problems, struct order_problem);
    if (!other || !joint_copy(scratch->arena, problems, n_problems, other))
        return false;
    joint_discounted(scratch, other, n_problems);
    for (size_t k = 0; k < n_problems; k++)
        problems[k].network.share = other[k].network.share = NULL;
    *total = joint_descend(scratch, problems, n_problems, n_problems, &known, &seen);
    struct order_cost second = joint_descend(scratch, other, n_problems, n_problems, &known, &seen);
    for (size_t k = 0; k < n_problems && order_less(second, *total); k++)
        order_tree_copy(&problems[k].tree, &other[k].tree);
    *total = order_less(second, *total) ? second : *total;
    joint_stored(scratch, problems, n_problems, &seen, &known);
    return !arena_failed(scratch->arena);
}

bool order_joint_around(struct order_scratch *scratch, struct order_problem *problems, size_t n_problems, size_t fixed,
                        struct order_cost *total)
{
    struct order_shared known = {.arena = scratch->arena}, seen = {.arena = scratch->arena};
    *total = joint_descend(scratch, problems, n_problems, fixed, &known, &seen);
    joint_stored(scratch, problems, n_problems, &seen, &known);
    return !arena_failed(scratch->arena);
}
