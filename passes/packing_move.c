/* A tensor from one packing to another: what the inputs of a product of ciphertexts need. Elements are moved by a linear map, all
 * baby and giant steps; copies are made by folds where zeros lie between, which take a logarithm of rotations and no level. Which
 * places are filled by the map and which by folds is tried out. */
#include "packing_internal.h"

#include <string.h>

static const struct packing_matrix *identity(struct packer *packer, int64_t elements)
{
    struct packing_matrix *matrix = ARENA_NEW(packer->arena, struct packing_matrix);
    int64_t *start = ARENA_ARRAY(packer->arena, (size_t)elements + 1, int64_t);
    int32_t *column = ARENA_ARRAY(packer->arena, (size_t)elements + 1, int32_t);
    double *value = ARENA_ARRAY(packer->arena, (size_t)elements + 1, double);
    if (!matrix || !start || !column || !value)
        return NULL;
    for (int64_t k = 0; k < elements; k++) {
        start[k] = k;
        column[k] = (int32_t)k;
        value[k] = 1;
    }
    start[elements] = elements;
    *matrix = (struct packing_matrix){.rows = elements, .columns = elements, .row_start = start, .column = column, .value = value};
    return matrix;
}

/* Does `from`, rotated by `offset`, hold what `base` wants, zeros among its places included? With `clean` it holds zeros everywhere
 * else. */
static bool holds(const struct packer *packer, const struct packing *from, const struct packing *base, int64_t offset, bool clean)
{
    if (from->parts != base->parts)
        return false;
    size_t inside = (size_t)packing_extent(&base->places, base->places.n);
    for (size_t p = 0; p < (size_t)packer->slots * base->parts; p++) {
        size_t slot = p % (size_t)packer->slots;
        int32_t there = from->table[p - slot + (slot + (size_t)offset) % (size_t)packer->slots];
        bool wants_zero = clean || (p < inside && base->table[p] == SLOT_AT_ZERO);
        if (base->table[p] >= 0 ? there != base->table[p] : wants_zero && there != SLOT_AT_ZERO)
            return false;
    }
    return true;
}

/* The copies in `to` that `subset` names (of those it has) are made by folds. */
static bool try_base(struct packer *packer, const struct packing *from, const struct packing_places *to, int64_t elements,
                     uint32_t subset, uint32_t most, struct packing_move *move)
{
    struct packing_places places = *to;
    uint32_t copies = 0;
    *move = (struct packing_move){0};
    for (uint32_t k = 0; k < places.n; k++) {
        struct packing_place *place = &places.at[k];
        if (place->radix != 1 || place->tail != PACKING_REPEAT || place->extent == 1 ||
            packing_extent(&places, k + 1) > packer->slots)
            continue;
        if (subset >> copies++ & 1) {
            place->tail = PACKING_ZERO;
            move->folds[move->n_folds++] = (struct packing_fold){-packing_extent(&places, k), place->extent};
        }
    }
    places.rest = PACKING_ZERO;
    const struct packing *base = packing_create(packer, &places, elements);
    if (!base)
        return false;
    for (uint32_t k = 0; k < move->n_folds; k++)
        move->cost += packing_cost(packer, base->parts * packing_fold_rotations(move->folds[k].count), 0, 0);
    move->stage.way = (struct packing_way){.in = from, .before = base, .after = base};
    if (holds(packer, from, base, 0, move->n_folds > 0))
        return true;
    move->stage.matrix = identity(packer, elements);
    if (!move->stage.matrix || !packing_diagonals(packer, move->stage.matrix, &move->stage.way, packer->flags, NULL, NULL) ||
        !(move->stage.offsets = packing_offsets(packer, packer->flags)))
        return false;
    move->stage.is_plain =
        move->stage.offsets->count == 1 && holds(packer, from, base, move->stage.offsets->items[0], move->n_folds > 0);
    move->depth = !move->stage.is_plain;
    move->cost +=
        packing_offsets_cost(packer, move->stage.offsets, from->parts, base->parts, move->depth ? from->parts * base->parts : 0);
    return move->depth <= most;
}

const struct packing_move *packing_move(struct packer *packer, const struct packing *from, const struct packing *to,
                                        int64_t elements, uint32_t most)
{
    for (size_t k = 0; k < packer->n_moves; k++) {
        const struct packing_move_memo *memo = &packer->moves[k];
        if (memo->from == from && memo->to == to && memo->elements == elements && memo->most == most)
            return memo->move;
    }
    uint32_t copies = 0;
    struct packing_move *best = NULL, move;
    struct packing_places places = to->places;
    packing_normalise(&places);
    for (uint32_t k = 0; k < places.n; k++)
        copies += places.at[k].radix == 1 && places.at[k].tail == PACKING_REPEAT;
    for (uint32_t subset = 0; subset < (1U << (copies < 6 ? copies : 6)); subset++) {
        if (!try_base(packer, from, &places, elements, subset, most, &move))
            continue;
        if (best && (best->cost < move.cost || (best->cost == move.cost && best->depth <= move.depth)))
            continue;
        best = arena_copy(packer->arena, &move, 1, sizeof move);
        if (!best)
            return NULL;
    }
    struct packing_move_memo memo = {from, to, elements, most, best};
    return ARENA_PUSH(packer->arena, packer->moves, packer->n_moves, packer->moves_capacity, memo) ? best : NULL;
}
