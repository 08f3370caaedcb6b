/* Baby steps and giant steps: a set of offsets d as sums of two smaller sets, so that
 *     sum over d of mask_d * rot(x, d) = sum over giants g of rot(sum over babies b of mask'_{g+b} * rot(x, b), g)
 * takes |babies| + |giants| rotations (0 is none) instead of one an offset, at the depth of one product.
 *
 * Offsets of structured maps are progressions, or sums of progressions, of any stride, in the integers modulo S. The search takes a
 * progression off the set, in full or in chunks of B, and looks at what is left, the starts of the chunks; B need be no power of
 * two: 512 offsets in progression take 44 rotations. */
#include "packing_internal.h"

#include <string.h>

enum { STRIDES = 8, DEEPEST = 4 };

struct progression {
    int64_t stride, length; /* a chunk: stride * k for k below length */
};

struct plan {
    struct packer *packer;
    int64_t inputs, outputs;
    bool has_zero;
    struct progression box[DEEPEST + 1], best_box[DEEPEST + 1];
    uint32_t n_best;
    int64_t best;
};

/* ---- interned sets ---- */

static int compare_offsets(const void *first, const void *second)
{
    int32_t a = *(const int32_t *)first, b = *(const int32_t *)second;
    return (a > b) - (a < b);
}

const struct packing_offsets *packing_offsets(struct packer *packer, const bool *used)
{
    size_t count = 0;
    for (int64_t d = 0; d < packer->slots; d++)
        count += used[d];
    int32_t *items = ARENA_ARRAY(packer->arena, count + 1, int32_t);
    if (!items)
        return NULL;
    count = 0;
    for (int64_t d = 0; d < packer->slots; d++)
        if (used[d])
            items[count++] = (int32_t)d;
    uint64_t hash = hash_bytes(count, items, count * sizeof *items);
    for (size_t k = 0; k < packer->n_offsets; k++) {
        const struct packing_offsets *known = packer->offsets[k];
        if (known->hash == hash && known->count == count && memcmp(known->items, items, count * sizeof *items) == 0)
            return known;
    }
    struct packing_offsets *made = ARENA_NEW(packer->arena, struct packing_offsets);
    if (!made)
        return NULL;
    *made = (struct packing_offsets){.hash = hash, .items = items, .count = count};
    return ARENA_PUSH(packer->arena, packer->offsets, packer->n_offsets, packer->offsets_capacity, made) ? made : NULL;
}

const struct packing_offsets *packing_offset_sums(struct packer *packer, const struct packing_offsets *a,
                                                  const struct packing_offsets *b)
{
    memset(packer->flags, 0, (size_t)packer->slots * sizeof *packer->flags);
    for (size_t k = 0; k < a->count; k++)
        for (size_t l = 0; l < b->count; l++) {
            int64_t sum = (int64_t)a->items[k] + b->items[l];
            packer->flags[sum >= packer->slots ? sum - packer->slots : sum] = true;
        }
    return packing_offsets(packer, packer->flags);
}

/* ---- chains ---- */

/* The set cut into chains x, x + stride, ...: their starts and lengths. `mark` has a byte a slot, all 0 before and after. */
static size_t cut_chains(const struct plan *plan, const int32_t *set, size_t count, int64_t stride, int32_t *starts,
                         int32_t *lengths)
{
    int64_t slots = plan->packer->slots;
    uint8_t *mark = plan->packer->mark;
    size_t n = 0, seen = 0;
    for (size_t k = 0; k < count; k++)
        mark[set[k]] = 1;
    for (int round = 0; round < 2 && seen < count; round++) /* then whole cosets, which have no start */
        for (size_t k = 0; k < count; k++) {
            int64_t at = set[k];
            if (mark[at] != 1 || (round == 0 && mark[floor_remainder(at - stride, slots)]))
                continue;
            starts[n] = (int32_t)at;
            for (lengths[n] = 0; mark[at] == 1; at = (at + stride) % slots, lengths[n]++, seen++)
                mark[at] = 2;
            n++;
        }
    for (size_t k = 0; k < count; k++)
        mark[set[k]] = 0;
    return n;
}

/* Strides worth trying: differences of neighbours, most frequent first, and the distances from the first ones to some others. */
static size_t choose_strides(const struct plan *plan, const int32_t *set, size_t count, int64_t *strides)
{
    int64_t slots = plan->packer->slots, found[4 * STRIDES];
    size_t counts[4 * STRIDES], n = 0, kept = 0;
    for (size_t k = 0; k < count; k++) {
        int64_t gap = floor_remainder(set[(k + 1) % count] - set[k], slots);
        size_t at = 0;
        while (at < n && found[at] != gap)
            at++;
        if (at < n)
            counts[at]++;
        else if (n < 4 * STRIDES && gap) {
            found[n] = gap;
            counts[n++] = 1;
        }
    }
    while (kept < STRIDES && n) {
        size_t most = 0;
        for (size_t k = 1; k < n; k++)
            most = counts[k] > counts[most] ? k : most;
        strides[kept++] = found[most];
        found[most] = found[--n];
        counts[most] = counts[n];
    }
    return kept;
}

/* Rotations of a plan with chunks of `box` offsets at `chunks` places. */
static int64_t cost(const struct plan *plan, int64_t box, int64_t chunks)
{
    return plan->inputs * (box - 1) + plan->outputs * (chunks - plan->has_zero);
}

static void take_if_better(struct plan *plan, int64_t value, uint32_t depth)
{
    if (plan->n_best != UINT32_MAX && value >= plan->best)
        return;
    plan->best = value;
    plan->n_best = depth;
    memcpy(plan->best_box, plan->box, depth * sizeof *plan->box);
}

static bool explore(struct plan *plan, const int32_t *set, size_t count, int64_t box, uint32_t depth)
{
    take_if_better(plan, cost(plan, box, (int64_t)count), depth);
    if (depth == DEEPEST || count < 2 || plan->inputs * (box - 1) >= plan->best)
        return true;
    int32_t *starts = ARENA_ARRAY(plan->packer->arena, count, int32_t), *lengths = ARENA_ARRAY(plan->packer->arena, count, int32_t);
    int64_t strides[STRIDES];
    size_t n_strides = choose_strides(plan, set, count, strides);
    if (!starts || !lengths)
        return false;
    for (size_t k = 0; k < n_strides; k++) {
        size_t n = cut_chains(plan, set, count, strides[k], starts, lengths);
        int32_t longest = 0, shortest = INT32_MAX;
        for (size_t c = 0; c < n; c++) {
            longest = lengths[c] > longest ? lengths[c] : longest;
            shortest = lengths[c] < shortest ? lengths[c] : shortest;
        }
        for (int32_t b = 2; b <= longest && plan->inputs * (box * b - 1) < plan->best; b++) {
            int64_t chunks = 0;
            for (size_t c = 0; c < n; c++)
                chunks += (lengths[c] + b - 1) / b;
            plan->box[depth] = (struct progression){strides[k], b};
            take_if_better(plan, cost(plan, box * b, chunks), depth + 1);
        }
        if (longest < 2 || longest != shortest || n == count)
            continue;
        plan->box[depth] = (struct progression){strides[k], longest};
        sort_items(starts, n, sizeof *starts, compare_offsets);
        if (!explore(plan, starts, n, box * longest, depth + 1))
            return false;
    }
    return true;
}

/* ---- the plan that was chosen ---- */

/* All sums of one element of each progression. */
static int32_t *box_elements(const struct plan *plan, size_t *count)
{
    size_t size = 1;
    for (uint32_t k = 0; k < plan->n_best; k++)
        size *= (size_t)plan->best_box[k].length;
    int32_t *elements = ARENA_ARRAY(plan->packer->arena, size, int32_t);
    *count = elements ? 1 : 0;
    for (uint32_t k = 0; elements && k < plan->n_best; k++) {
        size_t before = *count;
        for (int64_t v = 1; v < plan->best_box[k].length; v++)
            for (size_t at = 0; at < before; at++)
                elements[(*count)++] = (int32_t)floor_remainder(elements[at] + v * plan->best_box[k].stride, plan->packer->slots);
    }
    return elements;
}

/* The starts of the chunks that cover the set. */
static int32_t *chunk_starts(const struct plan *plan, const struct packing_offsets *offsets, size_t *count)
{
    struct arena *arena = plan->packer->arena;
    int32_t *set = arena_copy(arena, offsets->items, offsets->count, sizeof *set);
    int32_t *lengths = ARENA_ARRAY(arena, offsets->count + 1, int32_t);
    *count = offsets->count;
    for (uint32_t k = 0; k < plan->n_best; k++) {
        int32_t *starts = ARENA_ARRAY(arena, *count + 1, int32_t);
        if (!set || !lengths || !starts)
            return NULL;
        struct progression chunk = plan->best_box[k];
        size_t n = cut_chains(plan, set, *count, chunk.stride, starts, lengths), total = 0;
        for (size_t c = 0; c < n; c++)
            for (int64_t at = 0; at < lengths[c]; at += chunk.length)
                set[total++] = (int32_t)floor_remainder(starts[c] + at * chunk.stride, plan->packer->slots);
        sort_items(set, total, sizeof *set, compare_offsets);
        *count = total;
    }
    return set;
}

static bool assign(const struct plan *plan, const struct packing_offsets *offsets, struct packing_steps *steps)
{
    struct arena *arena = plan->packer->arena;
    int64_t slots = plan->packer->slots;
    int32_t *babies = box_elements(plan, &steps->n_babies), *giants = chunk_starts(plan, offsets, &steps->n_giants);
    uint32_t *baby_of = ARENA_ARRAY(arena, offsets->count + 1, uint32_t),
             *giant_of = ARENA_ARRAY(arena, offsets->count + 1, uint32_t);
    int32_t *number = plan->packer->numbers; /* of each offset, one more than its position; all 0 before and after */
    int64_t shift = 0;
    if (!babies || !giants || !baby_of || !giant_of)
        return false;
    for (size_t k = 0; k < offsets->count; k++)
        number[offsets->items[k]] = (int32_t)k + 1;
    for (size_t g = 0; g < steps->n_giants; g++)
        for (size_t b = 0; b < steps->n_babies; b++) {
            int64_t d = ((int64_t)giants[g] + babies[b]) % slots;
            if (!number[d])
                continue;
            if (d == 0)
                shift = giants[g]; /* the chunk that 0 is in: its elements are the baby steps */
            baby_of[number[d] - 1] = (uint32_t)b;
            giant_of[number[d] - 1] = (uint32_t)g;
            number[d] = 0;
        }
    for (size_t b = 0; b < steps->n_babies; b++)
        babies[b] = (int32_t)((babies[b] + shift) % slots);
    for (size_t g = 0; g < steps->n_giants; g++)
        giants[g] = (int32_t)floor_remainder(giants[g] - shift, slots);
    steps->babies = babies;
    steps->giants = giants;
    steps->baby_of = baby_of;
    steps->giant_of = giant_of;
    return true;
}

/* Of each step the number of another one from which few different rotations lead to it, in the end from one that is its own: 0,
 * and those that none leads to. NULL: no memory. */
static const int32_t *chain(const struct plan *plan, const int32_t *steps, size_t count)
{
    struct arena *arena = plan->packer->arena;
    int64_t strides[STRIDES], slots = plan->packer->slots;
    int32_t *from = ARENA_ARRAY(arena, count + 1, int32_t), *sorted = arena_copy(arena, steps, count, sizeof *steps);
    int32_t *queue = ARENA_ARRAY(arena, count + 1, int32_t), *number = plan->packer->numbers;
    size_t reached = 0;
    if (!from || !sorted || !queue)
        return NULL;
    sort_items(sorted, count, sizeof *sorted, compare_offsets);
    size_t n_strides = choose_strides(plan, sorted, count, strides);
    for (size_t k = 0; k < count; k++) {
        number[steps[k]] = (int32_t)k + 1;
        from[k] = -1;
        if (steps[k] == 0) {
            from[k] = (int32_t)k;
            queue[reached++] = (int32_t)k;
        }
    }
    for (size_t active = 1; active <= n_strides && reached < count;
         active++) /* another stride only where those before lead no further */
        for (size_t seen = 0; seen < reached; seen++)
            for (size_t s = 0; s < 2 * active; s++) {
                int64_t to = floor_remainder(steps[queue[seen]] + (s % 2 ? -strides[s / 2] : strides[s / 2]), slots);
                if (!number[to] || from[number[to] - 1] >= 0)
                    continue;
                from[number[to] - 1] = queue[seen];
                queue[reached++] = number[to] - 1;
            }
    for (size_t k = 0; k < count; k++) /* none leads to these */
        from[k] = from[k] < 0 ? (int32_t)k : from[k];
    for (size_t k = 0; k < count; k++)
        number[steps[k]] = 0;
    return from;
}

static bool find_plan(struct plan *plan, const struct packing_offsets *offsets)
{
    plan->has_zero = offsets->count && offsets->items[0] == 0;
    plan->n_best = UINT32_MAX;
    plan->best = INT64_MAX;
    return explore(plan, offsets->items, offsets->count, 1, 0);
}

const struct packing_steps *packing_plan_steps(struct packer *packer, const struct packing_offsets *offsets, int64_t inputs,
                                               int64_t outputs)
{
    struct plan plan = {.packer = packer, .inputs = inputs, .outputs = outputs};
    struct packing_steps *steps = ARENA_NEW(packer->arena, struct packing_steps);
    if (!steps || !find_plan(&plan, offsets) || !assign(&plan, offsets, steps))
        return NULL;
    steps->rotations = plan.best;
    steps->baby_from = chain(&plan, steps->babies, steps->n_babies);
    steps->giant_from = chain(&plan, steps->giants, steps->n_giants);
    return steps->baby_from && steps->giant_from ? steps : NULL;
}

int64_t packing_rotations(struct packer *packer, const struct packing_offsets *offsets, int64_t inputs, int64_t outputs)
{
    struct packing_offsets *memo = (struct packing_offsets *)offsets;
    bool single = inputs == 1 && outputs == 1;
    struct plan plan = {.packer = packer, .inputs = inputs, .outputs = outputs};
    if (single && memo->planned)
        return memo->planned - 1;
    if (!find_plan(&plan, offsets))
        return 0; /* no memory, which all of the search ends for */
    if (single)
        memo->planned = plan.best + 1;
    return plan.best;
}

int64_t packing_fold_rotations(int64_t count)
{
    int64_t rotations = -1;
    for (; count; count >>= 1)
        rotations += 1 + ((count & 1) && count > 1);
    return rotations;
}
