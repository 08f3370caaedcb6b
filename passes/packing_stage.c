/* Ways to compute a linear map on slots. An index that is summed over has a place in the operand; an index of the result that the
 * operand lacks takes
 *   that place (diagonals: offsets in progression; fewer where the place is the last and wraps, or holds its elements twice),
 *   part of it, every so many positions again, and folds add up the rest (as for matrices wider than high),
 *   or a place where the operand is repeated, and all of the summed place is folded. */
#include "packing_stage.h"

#include <string.h>

enum { MOST_STAGES = 4096 };

int64_t packing_stage_cost(struct packer *packer, const struct packing_stage *stage)
{
    return packing_offsets_cost(packer, stage->offsets, stage->way.in->parts, stage->way.after->parts,
                                stage->is_plain ? 0 : stage->pairs) +
           packing_cost(packer, stage->fold_rotations, 0, 0);
}

const struct packing *packing_settle(struct packer *packer, const struct packing *packing, enum packing_tail tail, int64_t elements)
{
    struct packing_places places = packing->places;
    places.rest = tail;
    for (uint32_t k = 0; k < places.n; k++)
        if (places.at[k].tail != PACKING_REPEAT)
            places.at[k].tail = tail;
    return packing_create(packer, &places, elements);
}

struct ones {
    bool all;
    int64_t count;
    uint32_t outputs;
    bool *reads; /* [input * outputs + output] */
};

static void see_one(void *user, uint32_t in_part, uint32_t out_part, int32_t offset, int64_t slot, double value)
{
    struct ones *ones = user;
    (void)offset, (void)slot;
    ones->reads[in_part * ones->outputs + out_part] = true;
    ones->all &= value == 1;
    ones->count++;
}

/* Are the ciphertexts of the operand that each one of the result reads, rotated by the one offset and added up, already what lies
 * `before` says, zeros included where folds add them up? */
static bool is_plain(const struct packer *packer, const struct packing_stage *stage, const struct ones *ones)
{
    const struct packing_way *way = &stage->way;
    int64_t wanted = 0, slots = packer->slots;
    if (!ones->all || stage->offsets->count != 1)
        return false;
    for (uint32_t out = 0; out < ones->outputs; out++) {
        bool any = false;
        for (uint32_t in = 0; in < way->in->parts; in++) {
            if (!ones->reads[in * ones->outputs + out])
                continue;
            any = true;
            for (int64_t s = 0; s < slots; s++) {
                if (way->before->table[out * slots + s] < 0)
                    continue;
                int32_t there = way->in->table[in * slots + (s + stage->offsets->items[0]) % slots];
                if (there == SLOT_AT_GARBAGE)
                    return false;
                wanted += there >= 0;
            }
        }
        if (!any)
            return false;
    }
    return wanted == ones->count;
}

static bool same_result(const struct packing_stage *a, const struct packing_stage *b)
{
    return a->way.after == b->way.after && a->way.in == b->way.in && a->is_plain == b->is_plain;
}

/* Keeps the stage unless another one leads from the same to the same and costs no more. */
static bool keep(struct packer *packer, struct packing_stages *stages, const struct packing_stage *stage)
{
    int64_t cost = packing_stage_cost(packer, stage);
    int64_t rotations =
        stage->fold_rotations + packing_rotations(packer, stage->offsets, stage->way.in->parts, stage->way.after->parts);
    stages->fewest = stages->count == 0 || rotations < stages->fewest ? rotations : stages->fewest;
    for (size_t k = 0; k < stages->count; k++) {
        struct packing_stage *other = &stages->items[k];
        if (!same_result(other, stage))
            continue;
        bool mergeable = stage->way.n_folds == 0 && other->way.n_folds > 0;
        if (packing_stage_cost(packer, other) <= cost && !mergeable)
            return true;
        if (cost <= packing_stage_cost(packer, other) && !(other->way.n_folds == 0 && stage->way.n_folds > 0)) {
            *other = *stage;
            return true;
        }
    }
    return stages->count >= MOST_STAGES || ARENA_PUSH(packer->arena, stages->items, stages->count, stages->capacity, *stage);
}

/* How many offsets a way with so many rotations of folds may have and still be of interest: twice the fewest rotations found so
 * far, since B baby and B giant steps reach B * B offsets. -1: none. */
static int64_t most_offsets(const struct packing_stages *stages, int64_t fold_rotations)
{
    if (stages->count == 0)
        return 0;
    int64_t left = 2 * stages->fewest + 8 - fold_rotations;
    return left < 0 ? -1 : (left + 2) * (left + 2) / 4 + 1;
}

/* `before` with its folded places as `tail` says: what holds sums in full. */
static const struct packing *after_folds(struct packer *packer, const struct packing_places *before, const bool *folded,
                                         enum packing_tail tail, int64_t elements)
{
    struct packing_places places = *before;
    for (uint32_t k = 0; k < places.n; k++)
        if (folded[k])
            places.at[k].tail = tail;
    places.rest = PACKING_GARBAGE;
    return packing_create(packer, &places, elements);
}

/* A ciphertext of padding alone would be computed for nothing, as one that is zero. */
static bool has_empty_part(const struct packer *packer, const struct packing *packing)
{
    for (uint32_t part = 0; part < packing->parts; part++) {
        bool empty = true;
        for (int64_t s = 0; s < packer->slots && empty; s++)
            empty = packing->table[part * packer->slots + s] < 0;
        if (empty)
            return true;
    }
    return false;
}

/* Tries the way in which results lie at `before` and the marked places are folded, each over `count[k]` values, `unit[k]` of the
 * place's positions apart. */
static bool try_way(struct packing_attempt *attempt, const struct packing_places *before, const bool *folded, const int64_t *unit,
                    const int64_t *count, int64_t step, int64_t reach)
{
    struct packer *packer = attempt->packer;
    int64_t elements = attempt->node->elements;
    struct packing_stage stage = {.matrix = attempt->node->matrix, .way = {.in = attempt->in, .step = step, .reach = reach}};
    struct packing_way *way = &stage.way;
    struct ones ones = {.all = true};
    way->before = packing_create(packer, before, elements);
    for (uint32_t k = 0; k < before->n; k++)
        if (folded[k] && count[k] > 1) {
            if (way->n_folds == PACKING_FOLDS || packing_extent(before, k + 1) > packer->slots)
                return true;
            way->folds[way->n_folds++] = (struct packing_fold){packing_extent(before, k) * unit[k], count[k]};
        }
    if (!way->before)
        return !arena_failed(packer->arena);
    way->after = after_folds(packer, before, folded, PACKING_REPEAT, elements);
    if (way->after && !packing_folds_fit(packer, way))
        way->after = after_folds(packer, before, folded, PACKING_GARBAGE, elements);
    for (uint32_t k = 0; k < way->n_folds && way->after; k++)
        stage.fold_rotations += way->after->parts * packing_fold_rotations(way->folds[k].count);
    way->most = most_offsets(attempt->stages, stage.fold_rotations);
    if (!way->after || way->most < 0 || has_empty_part(packer, way->after))
        return !arena_failed(packer->arena);
    ones.outputs = way->after->parts;
    ones.reads = ARENA_ARRAY(packer->arena, (size_t)way->in->parts * ones.outputs, bool);
    if (!ones.reads)
        return false;
    if (!packing_diagonals(packer, stage.matrix, way, packer->flags, see_one, &ones))
        return !arena_failed(packer->arena);
    stage.offsets = packing_offsets(packer, packer->flags);
    if (!stage.offsets)
        return false;
    stage.is_plain = is_plain(packer, &stage, &ones);
    stage.reads = ones.reads;
    for (uint32_t k = 0; k < way->in->parts * ones.outputs; k++)
        stage.pairs += ones.reads[k];
    bool clean = way->n_folds == 0 && !stage.is_plain;
    way->after = packing_settle(packer, way->after, clean ? PACKING_ZERO : PACKING_GARBAGE, elements);
    return way->after && keep(packer, attempt->stages, &stage);
}

/* ---- where new indices go ---- */

/* Values of the digit from `low` on have ciphertexts of their own. */
static bool put_beyond(const struct packer *packer, struct packing_places *places, const struct packing_digit *digit, int64_t low)
{
    int64_t extent = packing_extent(places, places->n);
    if (places->n + 2 > PACKING_PLACES || extent == 0 || (extent < packer->slots ? packer->slots % extent : extent % packer->slots))
        return false;
    if (extent < packer->slots) {
        places->at[places->n] = packing_copies(packer->slots / extent);
        places->at[places->n++].tail = PACKING_GARBAGE;
    }
    places->at[places->n++] = packing_place(digit->extent / low, digit->out * low);
    return true;
}

/* Puts values of the digit from `low` on into copies of the operand, and those for which there is no room beyond its ciphertexts.
 */
static bool put_into_copies(const struct packer *packer, struct packing_places *places, const struct packing_digit *digit,
                            int64_t low)
{
    for (uint32_t k = 0; k < places->n && low < digit->extent; k++) {
        int64_t radix = digit->extent / low;
        struct packing_place *place = &places->at[k];
        bool is_roller = false;
        for (uint32_t other = 0; other < places->n; other++)
            is_roller |= places->at[other].rolled_by == k;
        if (place->radix != 1 || place->extent == 1 || place->tail != PACKING_REPEAT || is_roller ||
            (place->extent % radix && radix % place->extent))
            continue;
        place->radix = radix < place->extent ? radix : place->extent;
        place->stride = digit->out * low;
        low *= place->radix;
    }
    return low == digit->extent || put_beyond(packer, places, digit, low);
}

/* The place takes what lies beside its elements: copies, zeros, garbage; not a place that is folded. */
static bool absorb_tail(struct packing_places *places, uint32_t at, const bool *folded)
{
    struct packing_place *place = &places->at[at], *tail = place + 1;
    if (at + 1 >= places->n || tail->radix != 1 || folded[at + 1] || place->rolled_by != UINT32_MAX)
        return false;
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].rolled_by == at + 1)
            return false;
    place->extent *= tail->extent;
    tail->extent = 1;
    return true;
}

/* No more ciphertexts than hold elements: each takes what all those of the operand contribute, so that nothing of a summed place is
 * left to fold beyond the end of a ciphertext. */
static void trim(const struct packer *packer, struct packing_places *places, uint32_t at)
{
    struct packing_place *place = &places->at[at];
    int64_t below = packing_extent(places, at), room = below < packer->slots ? packer->slots / below : 1;
    int64_t extent = (place->radix + room - 1) / room * room;
    if (place->extent > room && extent < place->extent)
        place->extent = extent;
}

/* Results in the making: where they lie, the places that are folded, each over `count` values, `unit` of its positions apart. */
struct layout {
    struct packing_places before;
    uint32_t place[PACKING_DIGITS]; /* as those of the attempt */
    bool folded[PACKING_PLACES];
    int64_t unit[PACKING_PLACES], count[PACKING_PLACES];
    int64_t step, reach;
};

static void fold_place(struct layout *layout, uint32_t at, int64_t unit, int64_t count)
{
    layout->folded[at] = true;
    layout->unit[at] = unit;
    layout->count[at] = count;
}

/* The smallest divisor of `extent` that holds so many; the extent itself: none else does. */
static int64_t holding(int64_t extent, int64_t radix)
{
    while (radix < extent && extent % radix)
        radix++;
    return radix;
}

/* Cuts the place, which begins with `low` positions; what lies above is a place of copies. False: there are too many. */
static bool cut_place(struct layout *layout, uint32_t at, int64_t low)
{
    struct packing_places *places = &layout->before;
    if (places->n == PACKING_PLACES)
        return false;
    for (uint32_t k = places->n++; k > at + 1; k--) {
        places->at[k] = places->at[k - 1];
        layout->folded[k] = layout->folded[k - 1];
        layout->unit[k] = layout->unit[k - 1];
        layout->count[k] = layout->count[k - 1];
    }
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].rolled_by != UINT32_MAX && places->at[k].rolled_by > at)
            places->at[k].rolled_by++;
    for (uint32_t d = 0; d < PACKING_DIGITS; d++)
        layout->place[d] += layout->place[d] > at && layout->place[d] != UINT32_MAX;
    places->at[at + 1] = packing_copies(places->at[at].extent / low);
    places->at[at].extent = low;
    layout->folded[at + 1] = false;
    return true;
}

/* The place of a summed digit, which `fresh` takes (NULL: nothing does), or `low` values of it: `whole` where nothing of it is
 * folded. False: it does not fit. */
static bool put_in_place(struct packing_attempt *attempt, struct layout *layout, const struct packing_digit *digit, uint32_t at,
                         const struct packing_digit *fresh, int64_t low, bool whole)
{
    struct packing_place *place = &layout->before.at[at];
    int64_t radix = fresh ? (low ? low : fresh->extent) : 1;
    bool is_rolled = place->rolled_by != UINT32_MAX;
    if (is_rolled)
        fold_place(layout, place->rolled_by, 1, layout->before.at[place->rolled_by].extent);
    if (place->extent < radix)
        return false;
    place->radix = radix;
    trim(attempt->packer, &layout->before, at);
    int64_t unit = whole ? radix : holding(place->extent, radix);
    int64_t summed = digit->extent < place->extent ? digit->extent : place->extent; /* within a ciphertext */
    if ((unit > radix && unit >= summed) || (is_rolled && !whole))
        return false;
    *place = (struct packing_place){
        .extent = place->extent, .radix = radix, .stride = fresh ? fresh->out : 0, .tail = PACKING_REPEAT, .rolled_by = UINT32_MAX};
    layout->step = attempt->n_summed == 1 ? packing_extent(&layout->before, at) : 0;
    layout->reach = digit->extent > radix && whole ? digit->extent : unit;
    if (whole) {
        place->tail = place->extent > radix ? PACKING_GARBAGE : PACKING_REPEAT;
    } else if (unit > radix) { /* values beyond the radix are nobody's, and folds go over all of the unit */
        place->tail = PACKING_GARBAGE;
        if (!cut_place(layout, at, unit))
            return false;
        fold_place(layout, at + 1, 1, (summed + unit - 1) / unit);
    } else
        fold_place(layout, at, radix, (summed + radix - 1) / radix);
    return true;
}

/* Every way to put the digits of the result that the operand lacks; `in_place` says which summed digits they take the place of. */
static bool try_places(struct packing_attempt *attempt, uint32_t in_place, int64_t low, bool absorb)
{
    const struct packing_digit *digits = attempt->node->digits;
    struct layout layout = {.before = attempt->places};
    memcpy(layout.place, attempt->place, sizeof layout.place);
    uint32_t next = 0;
    bool put[PACKING_DIGITS] = {0};
    for (uint32_t k = 0; k < attempt->n_summed; k++) {
        uint32_t at = layout.place[attempt->summed[k]];
        if (absorb && !absorb_tail(&layout.before, at, layout.folded))
            return true;
        bool takes = (in_place >> k & 1) && next < attempt->n_fresh;
        const struct packing_digit *fresh = takes ? &digits[attempt->fresh[next]] : NULL;
        bool whole = (in_place >> k & 1) && !(low && fresh); /* nothing is folded: each result takes all its diagonals */
        if (!put_in_place(attempt, &layout, &digits[attempt->summed[k]], at, fresh, low, whole))
            return true;
        if (takes && (!low || put_into_copies(attempt->packer, &layout.before, fresh, low)))
            put[next] = true;
        else if (takes)
            return true;
        next += takes;
    }
    for (uint32_t k = 0; k < attempt->n_fresh; k++)
        if (!put[k] && !put_into_copies(attempt->packer, &layout.before, &digits[attempt->fresh[k]], 1))
            return true;
    return try_way(attempt, &layout.before, layout.folded, layout.unit, layout.count, layout.step,
                   attempt->n_summed == 1 ? layout.reach : 0);
}

/* ---- from a packing that is given ---- */

bool packing_try_plainly(struct packing_attempt *attempt)
{
    struct packing_places rows = {.n = 1, .at = {packing_place(attempt->node->elements, 1)}, .rest = PACKING_GARBAGE};
    packing_fit(attempt->packer, &rows);
    const bool folded[PACKING_PLACES] = {0};
    const int64_t none[PACKING_PLACES] = {0};
    return try_way(attempt, &rows, folded, none, none, 0, 0);
}

static bool find_places(struct packing_attempt *attempt)
{
    const struct packing_node *node = attempt->node;
    attempt->places = attempt->in->places;
    packing_normalise(&attempt->places);
    attempt->n_summed = attempt->n_fresh = 0;
    for (int round = 0; round < 2; round++) /* once more: cutting one moves others */
        for (uint32_t d = 0; d < node->n_digits; d++)
            if (node->digits[d].in[0] &&
                (attempt->place[d] = packing_find(&attempt->places, node->digits[d].in[0], node->digits[d].extent)) == UINT32_MAX)
                return false;
    for (uint32_t d = 0; d < node->n_digits; d++) {
        struct packing_place *place = &attempt->places.at[attempt->place[d]];
        if (node->digits[d].in[0] && node->digits[d].out && place->rolled_by != UINT32_MAX)
            return false;
        if (node->digits[d].in[0] && !node->digits[d].out)
            attempt->summed[attempt->n_summed++] = d;
        if (!node->digits[d].in[0] && node->digits[d].out)
            attempt->fresh[attempt->n_fresh++] = d;
    }
    for (uint32_t d = 0; d < node->n_digits; d++)
        for (uint32_t e = 0; e < d; e++)
            if (node->digits[d].in[0] && node->digits[e].in[0] && attempt->place[d] == attempt->place[e])
                return false;
    for (uint32_t k = 0; k < attempt->places.n; k++) { /* a place that no digit has would mix elements up */
        bool is_named = attempt->places.at[k].radix == 1;
        for (uint32_t d = 0; d < node->n_digits; d++)
            is_named |= node->digits[d].in[0] && attempt->place[d] == k;
        if (!is_named)
            return false;
    }
    for (uint32_t d = 0; d < node->n_digits; d++)
        if (node->digits[d].in[0] && node->digits[d].out) {
            struct packing_place *place = &attempt->places.at[attempt->place[d]];
            place->stride = node->digits[d].out;
            place->tail = place->tail == PACKING_ZERO ? PACKING_GARBAGE : place->tail;
        }
    for (uint32_t k = 0; k < attempt->places.n; k++)
        if (attempt->places.at[k].radix == 1 && attempt->places.at[k].tail == PACKING_ZERO)
            attempt->places.at[k].tail = PACKING_GARBAGE;
    attempt->places.rest = PACKING_GARBAGE;
    return true;
}

bool packing_try(struct packing_attempt *attempt, const struct packing *in, bool plainly)
{
    attempt->in = in;
    if (attempt->node->n_digits == 0 && attempt->node->elements > 1)
        return packing_try_plainly(attempt);
    if (!find_places(attempt))
        return !plainly || packing_try_plainly(attempt);
    for (uint32_t in_place = 0; in_place < (1U << attempt->n_summed) && in_place < 64; in_place++)
        if (!try_places(attempt, in_place, 0, false) || !try_places(attempt, in_place, 0, true))
            return false;
    if (attempt->n_summed != 1 || attempt->n_fresh != 1)
        return true;
    int64_t extent = attempt->node->digits[attempt->fresh[0]].extent;
    for (int64_t low = 2; low <= extent; low++)
        if (extent % low == 0 && low <= attempt->node->digits[attempt->summed[0]].extent &&
            (!try_places(attempt, 1, low, false) || !try_places(attempt, 1, low, true)))
            return false;
    return true;
}
