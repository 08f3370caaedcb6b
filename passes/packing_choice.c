/* How an operand whose packing is free may lie for a linear map: orders of its digits, places held twice, copies, and copies rolled
 * against each other so that each has some of the diagonals. What each costs packing_stage.c says. */
#include "packing_stage.h"

#include <string.h>

enum { MOST_ORDERS = 24 };

struct choice {
    struct packing_attempt *attempt;
    struct packing_digit digits[PACKING_DIGITS]; /* of the operand, as they are ordered */
    uint32_t n;
    int64_t elements;
    uint32_t n_dims;
    const struct slot_dim *dims;
    uint32_t orders;
};

static bool take_packing(struct choice *choice, const struct packing_places *places)
{
    struct packer *packer = choice->attempt->packer;
    const struct packing *in = packing_create(packer, places, choice->elements);
    if (!in || !packing_layout(packer, in, choice->n_dims, choice->dims))
        return !arena_failed(packer->arena);
    return packing_try(choice->attempt, in, false);
}

static bool push_place(struct packing_places *places, struct packing_place place)
{
    if (place.extent > 1)
        places->at[places->n++] = place;
    return true;
}

/* Copies on top: as they are, and rolled by as much as each shares of the diagonals. */
static bool with_copies(struct choice *choice, const struct packing_places *places, int64_t room, uint32_t rolled)
{
    struct packing_places copied = *places;
    push_place(&copied, packing_copies(room));
    if (!take_packing(choice, &copied))
        return false;
    for (int64_t copies = 2; rolled != UINT32_MAX && copies <= room && copies <= places->at[rolled].radix; copies++) {
        if (room % copies)
            continue;
        copied = *places;
        copied.at[rolled].rolled_by = copied.n;
        copied.at[rolled].roll = (places->at[rolled].radix + copies - 1) / copies;
        push_place(&copied, packing_copies(copies));
        push_place(&copied, packing_copies(room / copies));
        if (!take_packing(choice, &copied))
            return false;
    }
    return true;
}

/* The digits in this order: alone, or with what fits beside them. `twice`: summed digits hold their elements twice. */
static bool take_order(struct choice *choice, bool twice)
{
    int64_t slots = choice->attempt->packer->slots, extent = 1;
    struct packing_places places = {.rest = PACKING_ZERO};
    uint32_t rolled = UINT32_MAX, n_summed = 0;
    for (uint32_t k = 0; k < choice->n; k++) {
        struct packing_place place = packing_place(choice->digits[k].extent, choice->digits[k].in[0]);
        bool summed = choice->digits[k].out == 0;
        if (summed && twice)
            place.extent *= 2;
        if (summed)
            rolled = n_summed++ ? UINT32_MAX : places.n;
        extent *= place.extent;
        push_place(&places, place);
    }
    packing_fit(choice->attempt->packer, &places);
    int64_t room = extent <= slots ? slots / extent : 1;
    if (extent > slots && twice)
        return true;
    if (room == 1)
        return take_packing(choice, &places);
    if (!take_packing(choice, &places) || !with_copies(choice, &places, room, rolled))
        return false;
    struct packing_places below = {.n = 1, .at = {packing_copies(room)}, .rest = PACKING_ZERO};
    for (uint32_t k = 0; k < places.n; k++)
        push_place(&below, places.at[k]);
    return take_packing(choice, &below);
}

/* All orders of digits from `first` on. */
static bool take_orders(struct choice *choice, uint32_t first)
{
    if (choice->orders >= MOST_ORDERS)
        return true;
    if (first + 1 >= choice->n) {
        choice->orders++;
        return take_order(choice, false) && take_order(choice, true);
    }
    for (uint32_t k = first; k < choice->n; k++) {
        struct packing_digit digit = choice->digits[k];
        memmove(&choice->digits[first + 1], &choice->digits[first], (k - first) * sizeof digit);
        choice->digits[first] = digit;
        bool good = take_orders(choice, first + 1);
        digit = choice->digits[first];
        memmove(&choice->digits[first], &choice->digits[first + 1], (k - first) * sizeof digit);
        choice->digits[k] = digit;
        if (!good)
            return false;
    }
    return true;
}

/* Do the digits name each element of the operand once? Sorts them, the least significant first. */
static bool sort_digits(struct choice *choice, int64_t elements)
{
    int64_t stride = 1;
    for (uint32_t k = 0; k < choice->n; k++) {
        uint32_t at = k;
        for (uint32_t l = k; l < choice->n; l++)
            if (choice->digits[l].in[0] == stride)
                at = l;
        if (choice->digits[at].in[0] != stride)
            return false;
        struct packing_digit digit = choice->digits[at];
        choice->digits[at] = choice->digits[k];
        choice->digits[k] = digit;
        stride *= digit.extent;
    }
    return stride == elements;
}

/* In C order, once, and with copies as far as slots go: results that are several times as many read the nearest. */
static bool take_written(struct choice *choice)
{
    struct packer *packer = choice->attempt->packer;
    const struct packing *in = packing_written(packer, choice->elements, choice->n_dims, choice->dims, PACKING_ZERO);
    if (!in || !packing_try(choice->attempt, in, true))
        return !arena_failed(packer->arena) && !in;
    struct packing_places places = in->places;
    int64_t extent = packing_extent(&places, places.n), room = extent > 0 && extent <= packer->slots ? packer->slots / extent : 1;
    if (room == 1 || places.n == PACKING_PLACES)
        return true;
    push_place(&places, packing_copies(room));
    in = packing_create(packer, &places, choice->elements);
    if (!in || !packing_layout(packer, in, choice->n_dims, choice->dims))
        return !arena_failed(packer->arena);
    return packing_try(choice->attempt, in, true);
}

const struct packing_stages *packing_linear_stages(struct packer *packer, const struct packing_node *node, const struct packing *in,
                                                   uint32_t n_dims, const struct slot_dim *dims)
{
    for (size_t k = 0; k < packer->n_memos; k++)
        if (packer->memos[k].node == node && packer->memos[k].in == in)
            return packer->memos[k].stages;
    struct packing_stages *stages = ARENA_NEW(packer->arena, struct packing_stages);
    struct packing_attempt *attempt = ARENA_NEW(packer->arena, struct packing_attempt);
    struct choice *choice = ARENA_NEW(packer->arena, struct choice);
    if (!stages || !attempt || !choice)
        return NULL;
    *attempt = (struct packing_attempt){.packer = packer, .node = node, .stages = stages};
    *choice = (struct choice){.attempt = attempt, .elements = node->operands[0].elements, .n_dims = n_dims, .dims = dims};
    for (uint32_t d = 0; d < node->n_digits; d++)
        if (node->digits[d].in[0])
            choice->digits[choice->n++] = node->digits[d];
    bool good = in                                      ? packing_try(attempt, in, true)
                : sort_digits(choice, choice->elements) ? take_orders(choice, 0)
                                                        : take_written(choice);
    if (good && stages->count == 0 && !in) {
        attempt->in = packing_written(packer, choice->elements, n_dims, dims, PACKING_ZERO);
        good = attempt->in ? packing_try_plainly(attempt) : !arena_failed(packer->arena);
    } else if (good && stages->count == 0)
        good = packing_try_plainly(attempt);
    struct packing_memo memo = {node, in, stages};
    return good && ARENA_PUSH(packer->arena, packer->memos, packer->n_memos, packer->memos_capacity, memo) ? stages : NULL;
}
