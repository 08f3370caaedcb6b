/* Layouts: where the elements of a tensor lie in the slots of ciphertexts, as mixed-radix digits of the position. What one is made
 * of is checked once, here; all that reads it relies on that. Seen through another shape of the tensor (split, merged, permuted
 * dims) it is again a list of digits, as long as a digit lies on one side of the cut or falls in two. */
#include "slot.h"

#include <inttypes.h>
#include <string.h>

enum { INDEX_LIMIT = 1 << 30 }; /* of an index before it is rolled, of an extent and of the elements */

/* ---- checking ---- */

/* What is wrong with the digits; NULL: nothing. */
static const char *check_digits(const struct slot_layout *layout)
{
    int64_t slots = 1, ciphertexts = 1, largest[SLOT_PARTS_LIMIT] = {0};
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        const struct slot_digit *digit = &layout->digits[k];
        int64_t *product = k < layout->n_slot_digits ? &slots : &ciphertexts,
                limit = k < layout->n_slot_digits ? layout->slots : SLOT_CIPHERTEXTS_LIMIT;
        if (digit->radix < 1 || digit->radix > limit || (*product *= digit->radix) > limit)
            return k < layout->n_slot_digits ? "the digits have more slots than there are"
                                             : "the digits have more ciphertexts than a layout may";
        if (digit->kind != SLOT_INDEX)
            continue;
        if (digit->dim >= layout->n_dims || digit->stride < 1 || digit->stride > INDEX_LIMIT)
            return "a digit has a dim of the tensor and a stride of at least 1";
        largest[digit->dim] += digit->stride * (digit->radix - 1); /* at most 2^46 each, 64 of them */
        if (largest[digit->dim] > INDEX_LIMIT)
            return "an index grows too large";
    }
    return NULL;
}

static const char *check_rolls(const struct slot_layout *layout)
{
    bool rolled[SLOT_PARTS_LIMIT] = {false};
    for (uint32_t k = 0; k < layout->n_rolls; k++) {
        const struct slot_roll *roll = &layout->rolls[k];
        if (roll->dim >= layout->n_dims || rolled[roll->dim])
            return "a roll has a dim of the tensor, and each dim one roll";
        rolled[roll->dim] = true;
        if (roll->modulus < 1 || roll->modulus > INDEX_LIMIT || roll->constant < -INDEX_LIMIT || roll->constant > INDEX_LIMIT)
            return "the modulus or the constant of a roll is out of range";
        if (roll->n_terms > SLOT_PARTS_LIMIT)
            return "a roll has too many terms";
        for (uint32_t t = 0; t < roll->n_terms; t++)
            if (roll->terms[t].digit >= layout->n_digits || roll->terms[t].factor < -INDEX_LIMIT ||
                roll->terms[t].factor > INDEX_LIMIT)
                return "a term of a roll names a digit and has a factor within 2^30";
    }
    return NULL;
}

static const char *check_dims(const struct slot_layout *layout)
{
    int64_t elements = 1;
    for (uint32_t k = 0; k < layout->n_dims; k++) {
        if (layout->dims[k].extent < 1 || layout->dims[k].extent > INDEX_LIMIT ||
            (elements *= layout->dims[k].extent) > INDEX_LIMIT)
            return "the tensor has no elements, or more than 2^30";
        for (uint32_t other = 0; other < k; other++)
            if (!strcmp(layout->dims[k].name, layout->dims[other].name))
                return "two dims have one name";
    }
    return NULL;
}

static const char *check_layout(const struct slot_layout *layout)
{
    if (layout->slots < 2 || layout->slots > SLOT_SLOTS_LIMIT || (layout->slots & (layout->slots - 1)))
        return "the number of slots is no power of two from 2 to 65536";
    if (layout->n_dims > SLOT_PARTS_LIMIT || layout->n_digits > SLOT_PARTS_LIMIT || layout->n_slot_digits > layout->n_digits)
        return "a layout has too many dims or digits";
    const char *fault = check_dims(layout);
    fault = fault ? fault : check_digits(layout);
    return fault ? fault : check_rolls(layout);
}

const struct slot_layout *slot_layout_create(struct ir_context *context, const struct slot_layout *layout, struct span span)
{
    if (!layout)
        return NULL;
    struct arena *arena = ir_arena(context);
    const char *fault = check_layout(layout);
    if (fault) {
        diag_error(ir_diagnostics(context), DIAG_E0752, span, "layout: %s", fault);
        return NULL;
    }
    struct slot_layout *made = arena_copy(arena, layout, 1, sizeof *layout);
    struct slot_dim *dims = arena_copy(arena, layout->dims, layout->n_dims, sizeof *dims);
    struct slot_roll *rolls = arena_copy(arena, layout->rolls, layout->n_rolls, sizeof *rolls);
    if (!made || !dims || !rolls)
        return NULL;
    for (uint32_t k = 0; k < layout->n_dims; k++)
        dims[k].name = arena_strndup(arena, dims[k].name, strlen(dims[k].name));
    for (uint32_t k = 0; k < layout->n_rolls; k++)
        rolls[k].terms = arena_copy(arena, rolls[k].terms, rolls[k].n_terms, sizeof *rolls[k].terms);
    made->dims = dims;
    made->rolls = rolls;
    made->digits = arena_copy(arena, layout->digits, layout->n_digits, sizeof *layout->digits);
    return arena_failed(arena) ? NULL : made;
}

/* ---- what lies where ---- */

int64_t slot_layout_ciphertexts(const struct slot_layout *layout)
{
    int64_t product = 1;
    for (uint32_t k = layout->n_slot_digits; k < layout->n_digits; k++)
        product *= layout->digits[k].radix;
    return product;
}

int64_t slot_layout_elements(const struct slot_layout *layout)
{
    int64_t product = 1;
    for (uint32_t k = 0; k < layout->n_dims; k++)
        product *= layout->dims[k].extent;
    return product;
}

/* The values of the digits; false: the slot is behind those of the digits. */
static bool digit_values(const struct slot_layout *layout, int64_t position, int64_t *values)
{
    int64_t rest = position % layout->slots;
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        if (k == layout->n_slot_digits) {
            if (rest)
                return false;
            rest = position / layout->slots;
        }
        values[k] = rest % layout->digits[k].radix;
        rest /= layout->digits[k].radix;
    }
    return layout->n_slot_digits < layout->n_digits || !rest;
}

static void roll(const struct slot_layout *layout, const int64_t *values, int64_t *indices)
{
    for (uint32_t k = 0; k < layout->n_rolls; k++) {
        const struct slot_roll *roll = &layout->rolls[k];
        int64_t sum = floor_remainder(indices[roll->dim] + roll->constant, roll->modulus);
        for (uint32_t t = 0; t < roll->n_terms; t++)
            sum = (sum + floor_remainder(roll->terms[t].factor * values[roll->terms[t].digit], roll->modulus)) % roll->modulus;
        indices[roll->dim] = sum;
    }
}

int64_t slot_layout_at(const struct slot_layout *layout, int64_t position)
{
    int64_t values[SLOT_PARTS_LIMIT], indices[SLOT_PARTS_LIMIT] = {0}, element = 0;
    bool zero = false, outside = false;
    if (!digit_values(layout, position, values))
        return layout->tail_garbage ? SLOT_AT_GARBAGE : SLOT_AT_ZERO;
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        const struct slot_digit *digit = &layout->digits[k];
        if (digit->kind == SLOT_INDEX)
            indices[digit->dim] += digit->stride * values[k];
        else if (digit->kind == SLOT_GARBAGE && values[k])
            return SLOT_AT_GARBAGE;
        zero |= digit->kind == SLOT_ZERO && values[k];
    }
    roll(layout, values, indices);
    for (uint32_t k = 0; k < layout->n_dims; k++) {
        outside |= indices[k] >= layout->dims[k].extent;
        element = outside ? 0 : element * layout->dims[k].extent + indices[k];
    }
    if (zero)
        return SLOT_AT_ZERO;
    return !outside ? element : layout->tail_garbage ? SLOT_AT_GARBAGE : SLOT_AT_ZERO;
}

int64_t *slot_layout_table(struct arena *arena, const struct slot_layout *layout)
{
    int64_t count = layout->slots * slot_layout_ciphertexts(layout);
    int64_t *table = ARENA_ARRAY(arena, (size_t)count, int64_t);
    for (int64_t p = 0; p < count && table; p++)
        table[p] = slot_layout_at(layout, p);
    return table;
}

int64_t *slot_layout_positions(struct arena *arena, const struct slot_layout *layout)
{
    int64_t elements = slot_layout_elements(layout), count = layout->slots * slot_layout_ciphertexts(layout);
    int64_t *positions = ARENA_ARRAY(arena, (size_t)elements, int64_t);
    for (int64_t e = 0; e < elements && positions; e++)
        positions[e] = SLOT_AT_NOWHERE;
    for (int64_t p = count; p-- > 0 && positions;) {
        int64_t element = slot_layout_at(layout, p);
        if (element >= 0)
            positions[element] = p;
    }
    return positions;
}

int64_t *slot_layout_moves(struct arena *arena, const struct slot_layout *from, const struct slot_layout *to)
{
    int64_t *moves = slot_layout_table(arena, to), *positions = slot_layout_positions(arena, from);
    int64_t count = to->slots * slot_layout_ciphertexts(to);
    for (int64_t p = 0; p < count && moves && positions; p++)
        if (moves[p] >= 0)
            moves[p] = positions[moves[p]];
    return positions ? moves : NULL;
}

static bool rolls_equal(const struct slot_roll *a, const struct slot_roll *b)
{
    if (a->dim != b->dim || a->modulus != b->modulus || a->constant != b->constant || a->n_terms != b->n_terms)
        return false;
    for (uint32_t t = 0; t < a->n_terms; t++)
        if (a->terms[t].digit != b->terms[t].digit || a->terms[t].factor != b->terms[t].factor)
            return false;
    return true;
}

static bool digits_equal(const struct slot_digit *a, const struct slot_digit *b)
{
    return a->kind == b->kind && a->radix == b->radix && (a->kind != SLOT_INDEX || (a->dim == b->dim && a->stride == b->stride));
}

bool slot_layout_equal(const struct slot_layout *a, const struct slot_layout *b)
{
    bool equal = a->slots == b->slots && a->n_dims == b->n_dims && a->n_digits == b->n_digits &&
                 a->n_slot_digits == b->n_slot_digits && a->n_rolls == b->n_rolls && a->tail_garbage == b->tail_garbage;
    for (uint32_t k = 0; equal && k < a->n_dims; k++)
        equal = a->dims[k].extent == b->dims[k].extent && !strcmp(a->dims[k].name, b->dims[k].name);
    for (uint32_t k = 0; equal && k < a->n_digits; k++)
        equal = digits_equal(&a->digits[k], &b->digits[k]);
    for (uint32_t k = 0; equal && k < a->n_rolls; k++)
        equal = rolls_equal(&a->rolls[k], &b->rolls[k]);
    return equal;
}
