/* Places: where the elements of a tensor lie, as digits of the position's number. A table of all positions is what the rest works
 * with; places are how tables are made, cut up, and written as the layouts of slot IR. */
#include "packing_internal.h"

#include <string.h>

struct packing_place packing_place(int64_t radix, int64_t stride)
{
    return (struct packing_place){.extent = radix, .radix = radix, .stride = stride, .rolled_by = UINT32_MAX};
}

struct packing_place packing_copies(int64_t extent)
{
    return (struct packing_place){.extent = extent, .radix = 1, .stride = 0, .rolled_by = UINT32_MAX};
}

int64_t packing_extent(const struct packing_places *places, uint32_t n)
{
    int64_t extent = 1;
    for (uint32_t k = 0; k < n; k++)
        if (!checked_multiply(extent, places->at[k].extent, &extent))
            return 0;
    return extent;
}

/* ---- tables ---- */

/* Element at a position inside the places; SLOT_AT_ZERO, SLOT_AT_GARBAGE. */
static int64_t element_at(const struct packing_places *places, int64_t position)
{
    int64_t values[PACKING_PLACES], element = 0;
    for (uint32_t k = 0; k < places->n; k++) {
        values[k] = position % places->at[k].extent;
        position /= places->at[k].extent;
    }
    for (uint32_t k = 0; k < places->n; k++) {
        const struct packing_place *place = &places->at[k];
        int64_t value = values[k];
        if (value >= place->radix && place->tail == PACKING_GARBAGE)
            return SLOT_AT_GARBAGE;
        if (value >= place->radix && place->tail == PACKING_ZERO && element >= 0)
            element = SLOT_AT_ZERO;
        if (place->rolled_by != UINT32_MAX)
            value += place->roll * values[place->rolled_by];
        if (element >= 0)
            element += place->stride * (value % place->radix);
    }
    return element;
}

static bool is_in_digits(const struct packing_places *places)
{
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].extent % places->at[k].radix)
            return false;
    return true;
}

static const struct packing *intern(struct packer *packer, const struct packing_places *places, const int32_t *table, size_t count)
{
    uint64_t hash = hash_bytes(count, table, count * sizeof *table);
    for (size_t k = 0; k < packer->n_packings; k++) {
        struct packing *known = packer->packings[k];
        if (known->hash != hash || (size_t)packer->slots * known->parts != count ||
            memcmp(known->table, table, count * sizeof *table) != 0)
            continue;
        if (is_in_digits(places) && !is_in_digits(&known->places)) /* the same said better: layouts need digits */
            known->places = *places;
        return known;
    }
    struct packing *made = ARENA_NEW(packer->arena, struct packing);
    table = arena_copy(packer->arena, table, count, sizeof *table);
    if (!made || !table)
        return NULL;
    *made = (struct packing){.hash = hash, .places = *places, .table = table, .parts = (uint32_t)((int64_t)count / packer->slots)};
    return ARENA_PUSH(packer->arena, packer->packings, packer->n_packings, packer->packings_capacity, made) ? made : NULL;
}

/* A ciphertext ends between two places, or inside none: else rotations would not reach across it. */
static bool ends_fit(const struct packing_places *places, int64_t slots)
{
    int64_t below = 1;
    for (uint32_t k = 0; k < places->n; k++) {
        int64_t above = below * places->at[k].extent;
        if (below < slots && above > slots && (slots % below || places->at[k].extent % (slots / below)))
            return false;
        if (below >= slots && below % slots)
            return false;
        below = above;
    }
    return true;
}

void packing_fit(struct packer *packer, struct packing_places *places)
{
    int64_t below = 1;
    if (packing_extent(places, places->n) <= packer->slots)
        return;
    for (uint32_t k = 0; k < places->n && below < packer->slots; k++, below *= places->at[k - 1].extent) {
        struct packing_place *place = &places->at[k];
        int64_t extent = 1, room = packer->slots / below;
        while (extent < place->extent && extent < room)
            extent *= 2;
        if (extent < place->extent) /* whole ciphertexts, none of which holds nothing but padding */
            extent = (place->extent + room - 1) / room * room;
        if (extent != place->extent && place->radix > 1)
            place->tail = places->rest;
        place->extent = extent;
    }
}

const struct packing *packing_create(struct packer *packer, const struct packing_places *places, int64_t elements)
{
    int64_t extent = packing_extent(places, places->n), parts;
    if (extent == 0 || extent > INT32_MAX / 2 || !ends_fit(places, packer->slots))
        return NULL;
    parts = (extent + packer->slots - 1) / packer->slots;
    size_t count = (size_t)(parts * packer->slots);
    int32_t *table = packing_scratch(packer, PACKING_SCRATCH_TABLE, count * sizeof *table);
    if (!table)
        return NULL;
    for (size_t p = 0; p < count; p++) {
        int64_t element = (int64_t)p < extent               ? element_at(places, (int64_t)p)
                          : places->rest == PACKING_GARBAGE ? SLOT_AT_GARBAGE
                                                            : SLOT_AT_ZERO;
        int32_t outside = places->rest == PACKING_GARBAGE ? SLOT_AT_GARBAGE : SLOT_AT_ZERO;
        table[p] = element < elements ? (int32_t)element : outside;
    }
    return intern(packer, places, table, count);
}

/* ---- cutting ---- */

static void remove_place(struct packing_places *places, uint32_t at)
{
    memmove(&places->at[at], &places->at[at + 1], (places->n - at - 1) * sizeof *places->at);
    places->n--;
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].rolled_by != UINT32_MAX && places->at[k].rolled_by > at)
            places->at[k].rolled_by--;
}

static bool is_whole(const struct packing_place *place)
{
    return place->extent == place->radix && place->rolled_by == UINT32_MAX;
}

static bool is_rolled_by(const struct packing_places *places, uint32_t at)
{
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].rolled_by == at)
            return true;
    return false;
}

/* What a place holds from its radix on becomes a place of its own above it. */
static void split_tail(struct packing_places *places, uint32_t at)
{
    struct packing_place *place = &places->at[at];
    memmove(place + 1, place, (places->n - at) * sizeof *place);
    places->n++;
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].rolled_by != UINT32_MAX && places->at[k].rolled_by > at)
            places->at[k].rolled_by++;
    place[1] = packing_copies(place->extent / place->radix);
    place[1].tail = place->tail;
    place->extent = place->radix;
}

void packing_normalise(struct packing_places *places)
{
    for (uint32_t k = 0; k < places->n;) {
        struct packing_place *place = &places->at[k], *next = place + 1;
        if (place->extent > place->radix && place->radix > 1 && place->extent % place->radix == 0 && places->n < PACKING_PLACES) {
            split_tail(places, k);
        } else if (place->extent == 1) {
            remove_place(places, k);
            k = k ? k - 1 : 0;
        } else if (k + 1 < places->n && is_whole(place) && place->radix > 1 && next->radix > 1 && next->rolled_by == UINT32_MAX &&
                   next->stride == place->stride * place->radix) {
            next->stride = place->stride;
            next->radix *= place->radix;
            next->extent *= place->radix;
            remove_place(places, k);
        } else if (k + 1 < places->n && place->radix == 1 && next->radix == 1 && place->tail == next->tail &&
                   !is_rolled_by(places, k) && !is_rolled_by(places, k + 1)) {
            next->extent *= place->extent;
            remove_place(places, k);
        } else
            k++;
    }
}

/* The place's lowest digit, of this radix, becomes a place of its own below it. */
static bool cut(struct packing_places *places, uint32_t at, int64_t radix)
{
    struct packing_place *place = &places->at[at];
    if (places->n == PACKING_PLACES || place->rolled_by != UINT32_MAX || place->radix % radix || place->extent % radix)
        return false;
    memmove(place + 1, place, (places->n - at) * sizeof *place);
    places->n++;
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].rolled_by != UINT32_MAX && places->at[k].rolled_by >= at)
            places->at[k].rolled_by++;
    *place = packing_place(radix, place->stride);
    place[1].radix /= radix;
    place[1].extent /= radix;
    place[1].stride *= radix;
    return true;
}

uint32_t packing_find(struct packing_places *places, int64_t stride, int64_t radix)
{
    for (uint32_t k = 0; k < places->n; k++) {
        const struct packing_place *place = &places->at[k];
        if (place->radix == 1 || stride % place->stride || stride / place->stride >= place->radix)
            continue;
        if (place->stride == stride && place->radix == radix)
            return k;
        if (place->radix % (stride / place->stride) || (place->radix / (stride / place->stride)) % radix)
            continue;
        if (place->stride < stride) {
            if (!cut(places, k, stride / place->stride))
                return UINT32_MAX;
            k++;
        }
        if (places->at[k].radix == radix)
            return k;
        return cut(places, k, radix) ? k : UINT32_MAX;
    }
    return UINT32_MAX;
}

/* ---- layouts of slot IR ---- */

struct layout_in_making {
    struct slot_digit digits[4 * PACKING_PLACES];
    uint32_t n;
    struct slot_roll rolls[PACKING_PLACES];
    struct slot_roll_term terms[PACKING_PLACES];
    uint32_t n_rolls;
    uint32_t first[PACKING_PLACES]; /* digit of each place */
};

static bool put_digit(struct layout_in_making *layout, enum slot_digit_kind kind, int64_t radix, uint32_t dim, int64_t stride)
{
    if (radix == 1)
        return true;
    if (layout->n == 4 * PACKING_PLACES)
        return false;
    layout->digits[layout->n++] = (struct slot_digit){kind, radix, dim, stride};
    return true;
}

/* The digit, cut where it runs over dims. */
static bool put_index(struct layout_in_making *layout, int64_t radix, int64_t stride, uint32_t n_dims, const struct slot_dim *dims)
{
    int64_t below = 1;
    for (uint32_t k = n_dims; k-- > 0 && radix > 1;) {
        int64_t above = below * dims[k].extent;
        if (stride >= above) {
            below = above;
            continue;
        }
        if (stride % below)
            return false;
        int64_t room = dims[k].extent / (stride / below);
        if (radix <= room || k == 0)
            return put_digit(layout, SLOT_INDEX, radix, k, stride / below);
        if (dims[k].extent % (stride / below) || radix % room) /* beyond the end of the dim lie zeros */
            return put_digit(layout, SLOT_INDEX, radix, k, stride / below);
        if (!put_digit(layout, SLOT_INDEX, room, k, stride / below))
            return false;
        radix /= room;
        stride = below = above;
    }
    return radix == 1;
}

static bool put_place(struct layout_in_making *layout, const struct packing_place *place, uint32_t n_dims,
                      const struct slot_dim *dims)
{
    static const enum slot_digit_kind kinds[] = {SLOT_REPLICATE, SLOT_ZERO, SLOT_GARBAGE};
    if (place->extent % place->radix)
        return false;
    return put_index(layout, place->radix, place->stride, n_dims, dims) &&
           put_digit(layout, kinds[place->tail], place->extent / place->radix, 0, 0);
}

/* A roll turns a whole dim. */
static bool put_roll(struct layout_in_making *layout, const struct packing_place *place, uint32_t n_dims,
                     const struct slot_dim *dims)
{
    int64_t below = 1;
    for (uint32_t k = n_dims; k-- > 0; below *= dims[k].extent)
        if (below == place->stride && dims[k].extent == place->radix) {
            layout->terms[layout->n_rolls] = (struct slot_roll_term){layout->first[place->rolled_by], place->roll};
            layout->rolls[layout->n_rolls] = (struct slot_roll){k, place->radix, 0, 1, &layout->terms[layout->n_rolls]};
            layout->n_rolls++;
            return true;
        }
    return false;
}

/* Does the layout say of every position what the packing holds there? */
static bool says(struct packer *packer, const struct slot_layout *layout, const struct packing *packing)
{
    size_t positions = (size_t)packer->slots * packing->parts;
    if ((uint32_t)slot_layout_ciphertexts(layout) != packing->parts)
        return false;
    for (size_t p = 0; p < positions; p++)
        if (slot_layout_at(layout, (int64_t)p) != packing->table[p])
            return false;
    return true;
}

const struct slot_layout *packing_layout(struct packer *packer, const struct packing *packing, uint32_t n_dims,
                                         const struct slot_dim *dims)
{
    struct layout_in_making made = {.n = 0};
    const struct packing_places *places = &packing->places;
    uint32_t n_slot_digits = UINT32_MAX;
    int64_t below = 1;
    for (uint32_t k = 0; k < places->n; k++) {
        struct packing_place place = places->at[k];
        int64_t room = packer->slots / below;
        if (place.extent % place.radix && place.tail != PACKING_REPEAT) { /* padding, as behind all elements */
            if (below < packer->slots && place.extent == room)
                place.extent = place.radix; /* behind the slots' digits */
            else
                place.radix = place.extent; /* beyond the end of a dim */
        }
        made.first[k] = made.n;
        if (below < packer->slots && place.extent > room) { /* a ciphertext ends inside */
            if (place.extent != place.radix || place.rolled_by != UINT32_MAX || packer->slots % below ||
                !put_index(&made, room, place.stride, n_dims, dims))
                return NULL;
            n_slot_digits = made.n;
            place = packing_place(place.radix / room, place.stride * room);
        } else if (below == packer->slots && n_slot_digits == UINT32_MAX)
            n_slot_digits = made.n;
        if (!put_place(&made, &place, n_dims, dims))
            return NULL;
        below *= places->at[k].extent;
    }
    for (uint32_t k = 0; k < places->n; k++)
        if (places->at[k].rolled_by != UINT32_MAX && !put_roll(&made, &places->at[k], n_dims, dims))
            return NULL;
    struct slot_layout layout = {.slots = packer->slots,
                                 .n_dims = n_dims,
                                 .n_digits = made.n,
                                 .n_slot_digits = n_slot_digits == UINT32_MAX ? made.n : n_slot_digits,
                                 .n_rolls = made.n_rolls,
                                 .dims = dims,
                                 .digits = made.digits,
                                 .rolls = made.rolls,
                                 .tail_garbage = places->rest == PACKING_GARBAGE};
    const struct slot_layout *created = slot_layout_create(packer->context, &layout, SPAN_NONE);
    return created && says(packer, created, packing) ? created : NULL;
}

/* What stands within the last ciphertext's digits are zeros: a layout has no digit that holds elements and garbage. */
static const struct packing *write_places(struct packer *packer, struct packing_places *places, int64_t elements, uint32_t n_dims,
                                          const struct slot_dim *dims, enum packing_tail beyond)
{
    places->rest = PACKING_ZERO;
    packing_fit(packer, places);
    places->rest = beyond;
    const struct packing *packing = packing_create(packer, places, elements);
    return packing && packing_layout(packer, packing, n_dims, dims) ? packing : NULL;
}

const struct packing *packing_row_major(struct packer *packer, int64_t elements, uint32_t n_dims, const struct slot_dim *dims,
                                        enum packing_tail beyond)
{
    struct packing_places rows = {.n = 1, .at = {packing_place(elements, 1)}};
    return write_places(packer, &rows, elements, n_dims, dims, beyond);
}

const struct packing *packing_written(struct packer *packer, int64_t elements, uint32_t n_dims, const struct slot_dim *dims,
                                      enum packing_tail beyond)
{
    const struct packing *rows = packing_row_major(packer, elements, n_dims, dims, beyond);
    struct packing_places padded = {.n = 0};
    int64_t stride = 1;
    for (uint32_t k = n_dims; k-- > 0; stride *= dims[k].extent)
        if (dims[k].extent > 1 && padded.n < PACKING_PLACES)
            padded.at[padded.n++] = packing_place(dims[k].extent, stride);
    return rows ? rows : write_places(packer, &padded, elements, n_dims, dims, beyond);
}
