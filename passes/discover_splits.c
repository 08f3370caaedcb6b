/* Tensors that fall into two: the digits of their axes in two groups, with a sum over few products between them.
 *
 *     C[(i1,i2),(j1,j2),(k1,k2)] = sum over r of A[i1,j1,k1,r] * B[i2,j2,k2,r]     a Kronecker product, or a sum of them
 *     C[i,j,k,l] = sum over r of A[i,j,r] * B[k,l,r]                               a step of a tensor train (Oseledets 2011)
 *
 * With one group as rows and the other as columns that is a matrix of low rank (as in discover_kronecker.c). All groups are tried
 * on a sample first. The parts are looked at again, so that longer trains and products of more factors are found. */
#include "discover.h"

#include <math.h>
#include <string.h>

enum { MOST_PRODUCTS = 8, MOST_BONDS = 64, BEYOND = 8, MOST_TRIED = 4, MOST_SPLITS = 4096 };

/* Of each axis the extent of the digit on the left, the more significant one. */
struct split {
    size_t left[DISCOVER_AXES], rank;
    double flops;
};

struct splitting {
    struct discovery *discovery;
    bool whole; /* axes are not cut */
    size_t n_best;
    struct split best[MOST_TRIED];
};

/* How many rows, or columns, and where the one stands: places of a row and a column add up. */
static size_t extent_of(const struct discover_tensor *tensor, const struct split *split, bool right)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        count *= right ? tensor->extents[axis] / split->left[axis] : split->left[axis];
    return count;
}

static size_t place(const struct discover_tensor *tensor, const struct split *split, bool right, size_t line)
{
    size_t step = 1, at = 0;
    for (uint32_t axis = tensor->rank; axis-- > 0;) {
        size_t behind = tensor->extents[axis] / split->left[axis], own = right ? behind : split->left[axis];
        at += line % own * step * (right ? 1 : behind);
        line /= own;
        step *= tensor->extents[axis];
    }
    return at;
}

/* Two thirds of the rank with which both parts have as many numbers as the whole. */
static size_t most_rank(const struct splitting *splitting, const struct split *split)
{
    size_t rows = extent_of(splitting->discovery->tensor, split, false),
           columns = extent_of(splitting->discovery->tensor, split, true);
    size_t most = splitting->whole ? MOST_BONDS : MOST_PRODUCTS, gains = (rows * columns / (rows + columns) * 2 + 2) / 3;
    return gains < most ? gains : most;
}

/* The two parts, and the index between them where there is more than one product. */
static struct discover_network network_of(const struct discover_tensor *tensor, const struct split *split)
{
    struct discover_network network = {.rank = tensor->rank, .n_parts = 2};
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        for (int right = 0; right < 2; right++) {
            size_t extent = right ? tensor->extents[axis] / split->left[axis] : split->left[axis];
            struct discover_part *part = &network.parts[right];
            bool alone = tensor->extents[axis] == 1 && !right;
            if (extent == 1 && !alone)
                continue;
            part->index[part->rank++] = discover_add_index(&network, extent);
            network.n_digits[axis]++;
        }
    if (split->rank > 1) {
        uint32_t sum = discover_add_index(&network, split->rank);
        for (int right = 0; right < 2; right++)
            network.parts[right].index[network.parts[right].rank++] = sum;
    }
    return network;
}

static double dense_flops(const struct discover_tensor *tensor)
{
    double roundings;
    struct discover_network dense = discover_uncut(tensor);
    dense.n_parts = 1;
    dense.parts[0].rank = tensor->rank;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        dense.parts[0].index[axis] = axis;
    return discover_network_flops(&dense, tensor->real, &roundings);
}

/* The rank of a few rows and columns, all where there are not more; `most` + 1: larger. */
static size_t sampled_rank(struct splitting *splitting, const struct split *split, size_t most)
{
    struct discovery *discovery = splitting->discovery;
    const struct discover_tensor *tensor = discovery->tensor;
    size_t rows = extent_of(tensor, split, false), columns = extent_of(tensor, split, true);
    size_t m = rows < most + BEYOND ? rows : most + BEYOND, n = columns < most + BEYOND ? columns : most + BEYOND;
    struct arena *arena = arena_create(arena_allocator(discovery->arena));
    number *sample = ARENA_ARRAY(arena, m * n, number);
    size_t *at[2] = {ARENA_ARRAY(arena, m, size_t), ARENA_ARRAY(arena, n, size_t)};
    uint64_t state = 11;
    struct discover_low_rank factors = {.rank = most + 1};
    if (sample && at[0] && at[1]) {
        discover_sample(&state, rows, m, at[0]);
        discover_sample(&state, columns, n, at[1]);
        for (size_t k = 0; k < m * n; k++)
            sample[k] = tensor->numbers[place(tensor, split, false, at[0][k / n]) + place(tensor, split, true, at[1][k % n])];
        double share = sqrt((double)(m * n) / (double)(rows * columns)) * discovery->norm;
        if (!discover_factor(arena, m, n, sample, most, 8 * discovery->tolerance * share, &factors))
            factors.rank = most + 1;
    }
    if (!arena || arena_failed(arena))
        arena_fail(discovery->arena);
    arena_destroy(arena);
    return factors.rank;
}

/* Among the best by work. */
static void consider(struct splitting *splitting, struct split *split)
{
    const struct discover_tensor *tensor = splitting->discovery->tensor;
    size_t rows = extent_of(tensor, split, false), columns = extent_of(tensor, split, true), most = most_rank(splitting, split);
    double roundings, dense = dense_flops(tensor);
    struct discover_network network;
    if (rows == 1 || columns == 1)
        return;
    split->rank = 1;
    network = network_of(tensor, split);
    if (discover_network_flops(&network, tensor->real, &roundings) > 0.7 * dense)
        return;
    split->rank = sampled_rank(splitting, split, most);
    if (split->rank == 0 || split->rank > most)
        return;
    network = network_of(tensor, split);
    split->flops = discover_network_flops(&network, tensor->real, &roundings);
    if (split->flops > 0.7 * dense)
        return;
    size_t at = splitting->n_best < MOST_TRIED ? splitting->n_best++ : MOST_TRIED;
    for (; at > 0 && splitting->best[at - 1].flops > split->flops; at--)
        if (at < MOST_TRIED)
            splitting->best[at] = splitting->best[at - 1];
    if (at < MOST_TRIED)
        splitting->best[at] = *split;
}

/* The next way to share the digits out: of an axis that may not be cut all or none. False: that was the last. */
static bool next(const struct splitting *splitting, struct split *split)
{
    const struct discover_tensor *tensor = splitting->discovery->tensor;
    for (uint32_t axis = tensor->rank; axis-- > 0;) {
        size_t extent = tensor->extents[axis], *left = &split->left[axis];
        bool whole = splitting->whole || tensor->fixed >> axis & 1;
        if (*left == extent) {
            *left = 1;
            continue;
        }
        do
            ++*left;
        while (extent % *left || (whole && *left != extent));
        return true;
    }
    return false;
}

/* Does the family ask for such a split? Of whole axes two at least on each side, the first one on the left: else it is a basis of
 * one axis (discover_axes.c). */
static bool is_wanted(const struct splitting *splitting, const struct split *split)
{
    const struct discover_tensor *tensor = splitting->discovery->tensor;
    size_t cut = 0, left = 0, right = 0;
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        size_t extent = tensor->extents[axis];
        bool is_cut = split->left[axis] != 1 && split->left[axis] != extent;
        cut += is_cut;
        left += !is_cut && extent > 1 && split->left[axis] == extent;
        right += !is_cut && extent > 1 && split->left[axis] == 1;
    }
    return splitting->whole ? left > 1 && right > 1 && split->left[0] == tensor->extents[0] : cut > 0;
}

static void try_split(struct splitting *splitting, struct split *split)
{
    struct discovery *discovery = splitting->discovery;
    const struct discover_tensor *tensor = discovery->tensor;
    size_t rows = extent_of(tensor, split, false), columns = extent_of(tensor, split, true);
    struct arena *arena = arena_create(arena_allocator(discovery->arena));
    number *matrix = ARENA_ARRAY(arena, rows * columns, number);
    size_t *at = ARENA_ARRAY(arena, columns, size_t);
    struct discover_low_rank factors;
    for (size_t j = 0; at && j < columns; j++)
        at[j] = place(tensor, split, true, j);
    for (size_t i = 0; matrix && at && i < rows; i++) {
        size_t row = place(tensor, split, false, i);
        for (size_t j = 0; j < columns; j++)
            matrix[i * columns + j] = tensor->numbers[row + at[j]];
    }
    bool found = matrix && at &&
                 discover_factor(arena, rows, columns, matrix, most_rank(splitting, split), discovery->tolerance * discovery->norm,
                                 &factors);
    split->rank = found ? factors.rank : 0;
    struct discover_network network = network_of(tensor, split);
    for (int right = 0; found && factors.rank && right < 2; right++) {
        size_t lines = right ? columns : rows;
        number *numbers = network.parts[right].numbers = ARENA_ARRAY(discovery->arena, lines * factors.rank, number);
        for (size_t k = 0; numbers && k < lines * factors.rank; k++) {
            size_t r = k % factors.rank;
            double size = sqrt(discover_norm(columns, factors.right + r * columns)); /* both of the same size */
            numbers[k] =
                right ? factors.right[r * columns + k / factors.rank] / size : factors.left[r * rows + k / factors.rank] * size;
        }
    }
    if (found && network.parts[0].numbers && network.parts[1].numbers)
        discover_offer_network(discovery, &network);
    else if (matrix && at && !found)
        discover_missed(discovery, factors.error);
    if (!arena || arena_failed(arena))
        arena_fail(discovery->arena);
    arena_destroy(arena);
}

static void split_axes(struct discovery *discovery, bool whole)
{
    struct splitting splitting = {.discovery = discovery, .whole = whole};
    struct split split = {.rank = 0};
    size_t tried = 0;
    for (uint32_t axis = 0; axis < discovery->tensor->rank; axis++)
        split.left[axis] = 1;
    while (next(&splitting, &split) && tried < MOST_SPLITS)
        if (is_wanted(&splitting, &split)) {
            struct split own = split;
            tried++;
            consider(&splitting, &own);
        }
    for (size_t k = 0; k < splitting.n_best; k++) {
        size_t before = discovery->result->count;
        try_split(&splitting, &splitting.best[k]);
        if (discovery->result->count > before && discovery->result->findings[discovery->result->count - 1].accepted)
            break; /* others are coarser */
    }
}

void discover_tensor_train(struct discovery *discovery)
{
    split_axes(discovery, true);
}

void discover_kronecker_axes(struct discovery *discovery)
{
    split_axes(discovery, false);
}
