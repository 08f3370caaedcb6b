/* Networks that discovery proposes for tensors with three axes and more: making them, their numbers, their cost.
 *
 * Parts are multiplied pair by pair, each time the two that take the least work; an index that is not free goes with the last pair
 * that has it. */
#include "discover.h"

#include <string.h>

/* ---- making ---- */

struct discover_network discover_uncut(const struct discover_tensor *tensor)
{
    struct discover_network network = {.rank = tensor->rank, .n_indices = tensor->rank};
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        network.n_digits[axis] = 1;
        network.extents[axis] = tensor->extents[axis];
    }
    return network;
}

uint32_t discover_free(const struct discover_network *network)
{
    uint32_t count = 0;
    for (uint32_t axis = 0; axis < network->rank; axis++)
        count += network->n_digits[axis];
    return count;
}

uint32_t discover_add_index(struct discover_network *network, size_t extent)
{
    network->extents[network->n_indices] = extent;
    return network->n_indices++;
}

size_t discover_part_size(const struct discover_network *network, const struct discover_part *part)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < part->rank; axis++)
        count *= network->extents[part->index[axis]];
    return count;
}

number *discover_add_part(struct arena *arena, struct discover_network *network, uint32_t rank, const uint32_t *index)
{
    struct discover_part *part = &network->parts[network->n_parts++];
    part->rank = rank;
    memcpy(part->index, index, rank * sizeof *index);
    part->numbers = ARENA_ARRAY(arena, discover_part_size(network, part), number);
    return part->numbers;
}

/* ---- tensors in memory ---- */

/* Extents before and behind an axis, multiplied. */
static void around(uint32_t rank, const size_t *extents, uint32_t axis, size_t *before, size_t *behind)
{
    *before = *behind = 1;
    for (uint32_t other = 0; other < rank; other++)
        if (other != axis)
            *(other < axis ? before : behind) *= extents[other];
}

number *discover_along(struct arena *arena, uint32_t rank, const size_t *extents, uint32_t axis, size_t to, const number *matrix,
                       const number *numbers)
{
    size_t before, behind, from = extents[axis];
    around(rank, extents, axis, &before, &behind);
    number *result = ARENA_ARRAY(arena, before * to * behind, number);
    for (size_t k = 0; result && k < before * to; k++) {
        number *line = &result[k * behind];
        for (size_t q = 0; q < behind; q++)
            line[q] = 0;
        for (size_t j = 0; j < from; j++)
            for (size_t q = 0; q < behind; q++)
                line[q] += complex_times(matrix[k % to * from + j], numbers[(k / to * from + j) * behind + q]);
    }
    return result;
}

number *discover_axis_rows(struct arena *arena, uint32_t rank, const size_t *extents, uint32_t axis, const number *numbers)
{
    size_t before, behind, extent = extents[axis];
    around(rank, extents, axis, &before, &behind);
    number *rows = ARENA_ARRAY(arena, before * extent * behind, number);
    for (size_t k = 0; rows && k < before * extent; k++)
        memcpy(&rows[(k % extent * before + k / extent) * behind], &numbers[k * behind], behind * sizeof *numbers);
    return rows;
}

/* ---- pairs ---- */

static uint32_t mask_of(const struct discover_part *part)
{
    uint32_t mask = 0;
    for (uint32_t axis = 0; axis < part->rank; axis++)
        mask |= (uint32_t)1 << part->index[axis];
    return mask;
}

static double extents_of(const struct discover_network *network, uint32_t mask)
{
    double size = 1;
    for (uint32_t k = 0; k < network->n_indices; k++)
        size *= mask >> k & 1 ? (double)network->extents[k] : 1;
    return size;
}

/* The pair that takes the least work, if asked for of those that share an index where there are such, and which of its indices are
 * left: those that stay, and those of other parts. */
static void next_pair(const struct discover_network *network, uint32_t stays, bool sharing, uint32_t pair[2], uint32_t *left)
{
    double least = -1;
    bool shares = false;
    pair[0] = 0, pair[1] = 1;
    for (uint32_t a = 0; a < network->n_parts; a++)
        for (uint32_t b = a + 1; b < network->n_parts; b++) {
            uint32_t first = mask_of(&network->parts[a]), second = mask_of(&network->parts[b]);
            double work = extents_of(network, first | second);
            bool share = !sharing || (first & second) != 0;
            if (least >= 0 && (share == shares ? work >= least : shares))
                continue;
            least = work;
            shares = share;
            pair[0] = a, pair[1] = b;
        }
    *left = stays;
    for (uint32_t part = 0; part < network->n_parts; part++)
        if (part != pair[0] && part != pair[1])
            *left |= mask_of(&network->parts[part]);
    *left &= mask_of(&network->parts[pair[0]]) | mask_of(&network->parts[pair[1]]);
}

static void replace_pair(struct discover_network *network, const uint32_t pair[2], const struct discover_part *product)
{
    network->parts[pair[0]] = *product;
    network->n_parts--;
    memmove(&network->parts[pair[1]], &network->parts[pair[1] + 1], (network->n_parts - pair[1]) * sizeof *network->parts);
}

static struct discover_part along_mask(const struct discover_network *network, uint32_t mask)
{
    struct discover_part part = {.rank = 0};
    for (uint32_t k = 0; k < network->n_indices; k++)
        if (mask >> k & 1)
            part.index[part.rank++] = k;
    return part;
}

static double flops_of(struct discover_network *left, uint32_t stays, bool real, bool sharing, double *roundings)
{
    uint32_t pair[2], kept;
    double flops = 0;
    *roundings = 1;
    while (left->n_parts > 1) {
        next_pair(left, stays, sharing, pair, &kept);
        uint32_t all = mask_of(&left->parts[pair[0]]) | mask_of(&left->parts[pair[1]]);
        bool sums = kept != all;
        flops += extents_of(left, all) * (real ? (sums ? 2 : 1) : sums ? 8 : 6);
        *roundings += extents_of(left, all & ~kept);
        struct discover_part product = along_mask(left, kept);
        replace_pair(left, pair, &product);
    }
    return flops;
}

double discover_network_flops(const struct discover_network *network, bool real, double *roundings)
{
    struct discover_network left = *network, again;
    uint32_t stays = 0, index = 0;
    double other;
    for (uint32_t axis = 0; axis < network->rank; axis++) {
        struct discover_part *vector = &left.parts[left.n_parts];
        *vector = (struct discover_part){.rank = network->n_digits[axis]};
        for (uint32_t digit = 0; digit < network->n_digits[axis]; digit++, index++) {
            vector->index[digit] = index;
            stays |= axis == 0 ? (uint32_t)1 << index : 0;
        }
        left.n_parts += axis > 0;
    }
    again = left;
    double flops = flops_of(&left, stays, real, false, roundings), sharing = flops_of(&again, stays, real, true, &other);
    *roundings = sharing < flops ? other : *roundings;
    return sharing < flops ? sharing : flops;
}

/* ---- numbers ---- */

/* The part's numbers with its indices in another order. */
static number *ordered(struct arena *arena, const struct discover_network *network, const struct discover_part *part,
                       const uint32_t *order)
{
    size_t count = discover_part_size(network, part), steps[DISCOVER_INDICES], at[DISCOVER_INDICES] = {0}, from = 0;
    number *numbers = ARENA_ARRAY(arena, count, number);
    for (uint32_t axis = 0; axis < part->rank; axis++) {
        steps[axis] = 1;
        for (uint32_t behind = part->rank; behind-- > 0 && part->index[behind] != order[axis];)
            steps[axis] *= network->extents[part->index[behind]];
    }
    for (size_t k = 0; numbers && k < count; k++) {
        numbers[k] = part->numbers[from];
        for (uint32_t axis = part->rank; axis-- > 0;) {
            from += steps[axis];
            if (++at[axis] < network->extents[order[axis]])
                break;
            from -= steps[axis] * at[axis];
            at[axis] = 0;
        }
    }
    return numbers;
}

/* Both parts as [indices that both keep, own ones, summed]: batches of products of matrices. */
static bool multiply(struct arena *arena, const struct discover_network *network, const struct discover_part *a,
                     const struct discover_part *b, uint32_t kept, struct discover_part *product)
{
    uint32_t both = mask_of(a) & mask_of(b), masks[4] = {both & kept, mask_of(a) & ~both, mask_of(b) & ~both, both & ~kept};
    uint32_t left[DISCOVER_INDICES], right[DISCOVER_INDICES], n[3] = {0};
    size_t sizes[4];
    *product = (struct discover_part){.rank = 0};
    for (uint32_t group = 0; group < 4; group++) {
        sizes[group] = (size_t)extents_of(network, masks[group]);
        for (uint32_t k = 0; k < network->n_indices; k++) {
            if (!(masks[group] >> k & 1))
                continue;
            if (group != 2)
                left[n[0]++] = k;
            if (group < 3)
                product->index[product->rank++] = k;
        }
    }
    const uint32_t turned[4] = {0, 3, 2, 1};
    for (uint32_t group = 0; group < 3; group++)
        for (uint32_t k = 0; k < network->n_indices; k++)
            if (masks[turned[group]] >> k & 1)
                right[n[1]++] = k;
    number *x = ordered(arena, network, a, left), *y = ordered(arena, network, b, right);
    product->numbers = ARENA_ARRAY(arena, sizes[0] * sizes[1] * sizes[2], number);
    for (size_t k = 0; x && y && product->numbers && k < sizes[0] * sizes[1]; k++) {
        number *line = &product->numbers[k * sizes[2]];
        for (size_t q = 0; q < sizes[2]; q++)
            line[q] = 0;
        for (size_t s = 0; s < sizes[3]; s++)
            for (size_t q = 0; q < sizes[2]; q++)
                line[q] += complex_times(x[k * sizes[3] + s], y[(k / sizes[1] * sizes[3] + s) * sizes[2] + q]);
    }
    return x && y && product->numbers;
}

number *discover_network_numbers(struct arena *arena, const struct discover_network *network, bool magnitudes)
{
    struct discover_network left = *network;
    uint32_t n_free = discover_free(network), stays = (uint32_t)(((uint64_t)1 << n_free) - 1), pair[2], kept;
    struct discover_part in_order = along_mask(network, stays), product;
    for (uint32_t part = 0; part < left.n_parts && magnitudes; part++) {
        size_t count = discover_part_size(network, &left.parts[part]);
        number *sizes = ARENA_ARRAY(arena, count, number);
        for (size_t k = 0; sizes && k < count; k++)
            sizes[k] = cabs(left.parts[part].numbers[k]);
        left.parts[part].numbers = sizes;
    }
    while (left.n_parts > 1) {
        next_pair(&left, stays, true, pair, &kept);
        if (!left.parts[pair[0]].numbers || !left.parts[pair[1]].numbers ||
            !multiply(arena, &left, &left.parts[pair[0]], &left.parts[pair[1]], kept, &product))
            return NULL;
        replace_pair(&left, pair, &product);
    }
    return left.parts[0].numbers ? ordered(arena, &left, &left.parts[0], in_order.index) : NULL;
}
