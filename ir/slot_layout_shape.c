/* Layouts of the same places seen through another shape of the tensor, and the plain one. */
#include "slot.h"

#include <string.h>

const struct slot_layout *slot_layout_row_major(struct ir_context *context, int64_t slots, uint32_t n_dims,
                                                const struct slot_dim *dims)
{
    struct slot_digit digits[SLOT_PARTS_LIMIT];
    struct slot_layout layout = {.slots = slots, .n_dims = n_dims, .dims = dims, .digits = digits};
    int64_t room = slots;
    bool full = false;
    for (uint32_t k = n_dims; k-- > 0;) {
        int64_t extent = dims[k].extent, inside = full ? 1 : extent < room ? extent : room;
        if (layout.n_digits + 2 > SLOT_PARTS_LIMIT)
            break;
        if (inside > 1 || !full) {
            digits[layout.n_digits++] = (struct slot_digit){SLOT_INDEX, inside, k, 1};
            layout.n_slot_digits = layout.n_digits;
            room /= inside;
        }
        full |= inside < extent;
        if (inside < extent)
            digits[layout.n_digits++] = (struct slot_digit){SLOT_INDEX, (extent + inside - 1) / inside, k, inside};
    }
    return slot_layout_create(context, &layout, SPAN_NONE);
}

static bool is_rolled(const struct slot_layout *layout, uint32_t dim)
{
    for (uint32_t k = 0; k < layout->n_rolls; k++)
        if (layout->rolls[k].dim == dim)
            return true;
    return false;
}

/* The layout with these digits and dims, rolls renumbered: digit k is now at first[k], dim d at dims_to[d]. */
static const struct slot_layout *rebuild(struct ir_context *context, struct slot_layout layout, const uint32_t *first,
                                         const uint32_t *dims_to)
{
    struct arena *arena = ir_arena(context);
    struct slot_roll *rolls = arena_copy(arena, layout.rolls, layout.n_rolls, sizeof *rolls);
    for (uint32_t k = 0; k < layout.n_rolls && rolls; k++) {
        struct slot_roll_term *terms = arena_copy(arena, rolls[k].terms, rolls[k].n_terms, sizeof *terms);
        for (uint32_t t = 0; t < rolls[k].n_terms && terms; t++)
            terms[t].digit = first ? first[terms[t].digit] : terms[t].digit;
        rolls[k].terms = terms;
        rolls[k].dim = dims_to[rolls[k].dim];
    }
    layout.rolls = rolls;
    return arena_failed(arena) ? NULL : slot_layout_create(context, &layout, SPAN_NONE);
}

static bool in_a_roll(const struct slot_layout *layout, uint32_t digit)
{
    for (uint32_t k = 0; k < layout->n_rolls; k++)
        for (uint32_t t = 0; t < layout->rolls[k].n_terms; t++)
            if (layout->rolls[k].terms[t].digit == digit)
                return true;
    return false;
}

/* One digit of the dim that is cut at `extent`, as one or two of dims `dim` and `dim` + 1; 0: it cannot be. */
static uint32_t cut_digit(struct slot_digit digit, uint32_t dim, int64_t extent, struct slot_digit *pieces)
{
    if (digit.stride % extent == 0) {
        pieces[0] = (struct slot_digit){SLOT_INDEX, digit.radix, dim, digit.stride / extent};
        return 1;
    }
    if (digit.stride * (digit.radix - 1) < extent) {
        pieces[0] = (struct slot_digit){SLOT_INDEX, digit.radix, dim + 1, digit.stride};
        return 1;
    }
    int64_t inside = extent / digit.stride;
    if (extent % digit.stride || digit.radix % inside)
        return 0;
    pieces[0] = (struct slot_digit){SLOT_INDEX, inside, dim + 1, digit.stride};
    pieces[1] = (struct slot_digit){SLOT_INDEX, digit.radix / inside, dim, 1};
    return 2;
}

/* Digits inside the cut may not carry into what is outside. */
static bool carries(const struct slot_layout *layout, uint32_t dim, int64_t extent)
{
    int64_t largest = 0;
    for (uint32_t k = 0; k < layout->n_digits; k++)
        if (layout->digits[k].kind == SLOT_INDEX && layout->digits[k].dim == dim)
            largest += layout->digits[k].stride * (layout->digits[k].radix - 1);
    return largest >= extent;
}

const struct slot_layout *slot_layout_split(struct ir_context *context, const struct slot_layout *layout, uint32_t dim,
                                            struct slot_dim outer, struct slot_dim inner)
{
    struct slot_digit digits[2 * SLOT_PARTS_LIMIT];
    struct slot_dim dims[SLOT_PARTS_LIMIT + 1];
    uint32_t first[SLOT_PARTS_LIMIT], dims_to[SLOT_PARTS_LIMIT], n = 0, n_slot_digits = 0;
    if (!layout || is_rolled(layout, dim) || outer.extent * inner.extent != layout->dims[dim].extent)
        return NULL;
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        struct slot_digit digit = layout->digits[k];
        first[k] = n;
        uint32_t pieces = 1;
        digits[n] = digit;
        if (digit.kind == SLOT_INDEX && digit.dim == dim)
            pieces = cut_digit(digit, dim, inner.extent, &digits[n]);
        else if (digit.kind == SLOT_INDEX && digit.dim > dim)
            digits[n].dim++;
        if (!pieces || (pieces == 2 && in_a_roll(layout, k)))
            return NULL;
        n += pieces;
        n_slot_digits = k < layout->n_slot_digits ? n : n_slot_digits;
    }
    for (uint32_t k = 0; k < layout->n_dims; k++) {
        dims_to[k] = k + (k > dim);
        dims[dims_to[k]] = layout->dims[k];
    }
    dims[dim] = outer;
    dims[dim + 1] = inner;
    struct slot_layout cut = *layout;
    cut.n_dims++;
    cut.dims = dims;
    cut.digits = digits;
    cut.n_digits = n;
    cut.n_slot_digits = n_slot_digits;
    if (n > SLOT_PARTS_LIMIT || cut.n_dims > SLOT_PARTS_LIMIT || carries(&cut, dim + 1, inner.extent))
        return NULL;
    return rebuild(context, cut, first, dims_to);
}

const struct slot_layout *slot_layout_merge(struct ir_context *context, const struct slot_layout *layout, uint32_t dim,
                                            const char *name)
{
    struct slot_digit digits[SLOT_PARTS_LIMIT];
    struct slot_dim dims[SLOT_PARTS_LIMIT];
    uint32_t dims_to[SLOT_PARTS_LIMIT];
    if (!layout || dim + 1 >= layout->n_dims || is_rolled(layout, dim) || is_rolled(layout, dim + 1))
        return NULL;
    int64_t inner = layout->dims[dim + 1].extent;
    if (carries(layout, dim + 1, inner))
        return NULL;
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        digits[k] = layout->digits[k];
        if (digits[k].kind == SLOT_INDEX && digits[k].dim == dim)
            digits[k].stride *= inner;
        else if (digits[k].kind == SLOT_INDEX && digits[k].dim > dim)
            digits[k].dim--;
    }
    for (uint32_t k = 0; k < layout->n_dims; k++) {
        dims_to[k] = k - (k > dim);
        if (k != dim + 1)
            dims[dims_to[k]] = layout->dims[k];
    }
    dims[dim] = (struct slot_dim){name, layout->dims[dim].extent * inner};
    struct slot_layout merged = *layout;
    merged.n_dims--;
    merged.dims = dims;
    merged.digits = digits;
    return rebuild(context, merged, NULL, dims_to);
}

const struct slot_layout *slot_layout_permute(struct ir_context *context, const struct slot_layout *layout, const uint32_t *order)
{
    struct slot_digit digits[SLOT_PARTS_LIMIT];
    struct slot_dim dims[SLOT_PARTS_LIMIT];
    uint32_t dims_to[SLOT_PARTS_LIMIT];
    if (!layout)
        return NULL;
    for (uint32_t k = 0; k < layout->n_dims; k++) {
        dims_to[order[k]] = k;
        dims[k] = layout->dims[order[k]];
    }
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        digits[k] = layout->digits[k];
        if (digits[k].kind == SLOT_INDEX)
            digits[k].dim = dims_to[digits[k].dim];
    }
    struct slot_layout permuted = *layout;
    permuted.dims = dims;
    permuted.digits = digits;
    return rebuild(context, permuted, NULL, dims_to);
}
