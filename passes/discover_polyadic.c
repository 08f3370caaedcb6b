/* Sums of few outer products of vectors: C[k,i,j] = sum over r of A[k,r] * B[i,r] * C[j,r], the canonical polyadic decomposition.
 *
 * It begins from the eigenvectors of T1 inverse(T2), two sums of slices of the core: with as many terms as the core is long along
 * two axes both are A D B^T with the same A and B (Leurgans, Ross and Abel 1993). Least squares along one axis after the other then
 * bring it as near as numbers with errors let it; what they take off is calculated of what is left, so that it is near to rounding.
 */
#include "discover.h"

#include <math.h>
#include <string.h>

enum { MOST_TERMS = 64, MOST_SWEEPS = 60, TRIES = 2 };

struct terms {
    struct discovery *discovery;
    struct discover_tensor core;
    size_t count;
    number *vectors[DISCOVER_AXES]; /* [extent, count] */
};

/* ---- the beginning ---- */

/* Two axes along which the core is longest, alike; false: there are none. */
static bool longest_axes(const struct discover_tensor *core, uint32_t axes[2])
{
    size_t most = 0, n = 0;
    for (uint32_t axis = 0; axis < core->rank; axis++)
        most = core->extents[axis] > most ? core->extents[axis] : most;
    for (uint32_t axis = 0; axis < core->rank; axis++)
        if (core->extents[axis] == most && n < 2)
            axes[n++] = axis;
    return n == 2 && most <= MOST_TERMS;
}

/* The slices along all axes but these two, each by a number of its own, added up. */
static number *slices(struct terms *terms, const uint32_t axes[2], uint64_t *state)
{
    const struct discover_tensor *core = &terms->core;
    size_t extents[DISCOVER_AXES];
    number *sum = core->numbers;
    memcpy(extents, core->extents, sizeof extents);
    for (uint32_t axis = 0; axis < core->rank; axis++) {
        number weights[MOST_TERMS];
        if (axis == axes[0] || axis == axes[1])
            continue;
        for (size_t k = 0; k < extents[axis]; k++)
            weights[k] = discover_random(state) / 2147483648.0 - 1;
        sum = sum ? discover_along(terms->discovery->scratch, core->rank, extents, axis, 1, weights, sum) : NULL;
        extents[axis] = 1;
    }
    return sum;
}

static void transpose(size_t n, number *matrix)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            number kept = matrix[i * n + j];
            matrix[i * n + j] = matrix[j * n + i];
            matrix[j * n + i] = kept;
        }
}

/* Of each term, an outer product but for errors, the vectors through its largest number. */
static bool fibres(struct terms *terms, uint32_t first)
{
    const struct discover_tensor *core = &terms->core;
    size_t n = terms->count, others = discover_tensor_size(core) / n;
    number *inverse = ARENA_ARRAY(terms->discovery->scratch, n * n, number);
    number *own = arena_copy(terms->discovery->scratch, terms->vectors[first], n * n, sizeof *own);
    for (size_t k = 0; inverse && k < n * n; k++)
        inverse[k] = k / n == k % n;
    if (!inverse || !own || !discover_solve(n, own, n, inverse))
        return false;
    number *apart = discover_along(terms->discovery->scratch, core->rank, core->extents, first, n, inverse, core->numbers);
    number *rows = apart ? discover_axis_rows(terms->discovery->scratch, core->rank, core->extents, first, apart) : NULL;
    for (size_t r = 0; rows && r < n; r++) {
        const number *term = rows + r * others;
        size_t best = 0, behind = others;
        for (size_t k = 0; k < others; k++)
            best = cabs(term[k]) > cabs(term[best]) ? k : best;
        bool scaled = false;
        for (uint32_t axis = 0; axis < core->rank; axis++) {
            if (axis == first)
                continue;
            size_t extent = core->extents[axis];
            behind /= extent;
            for (size_t k = 0; k < extent; k++) {
                number value = term[best + (k - best / behind % extent) * behind];
                terms->vectors[axis][k * n + r] = scaled && cabs(term[best]) > 0 ? value / term[best] : value;
            }
            scaled = true;
        }
    }
    return rows != NULL;
}

static bool begin(struct terms *terms, const uint32_t axes[2], uint64_t *state)
{
    struct arena *arena = terms->discovery->scratch;
    size_t n = terms->count;
    number *one = slices(terms, axes, state), *other = slices(terms, axes, state);
    for (uint32_t axis = 0; axis < terms->core.rank; axis++)
        if (!(terms->vectors[axis] = ARENA_ARRAY(arena, terms->core.extents[axis] * n, number)))
            return false;
    if (!one || !other)
        return false;
    transpose(n, one);
    transpose(n, other);
    if (!discover_solve(n, other, n, one))
        return false;
    transpose(n, one);
    if (!discover_eigenvectors(arena, n, one, terms->core.real, terms->vectors[axes[0]]))
        return false;
    return fibres(terms, axes[0]);
}

/* ---- least squares ---- */

static bool as_network(const struct terms *terms, struct arena *arena, struct discover_network *network)
{
    *network = discover_uncut(&terms->core);
    uint32_t term = discover_add_index(network, terms->count);
    for (uint32_t axis = 0; axis < terms->core.rank; axis++) {
        number *numbers = discover_add_part(arena, network, 2, (const uint32_t[]){axis, term});
        if (!numbers)
            return false;
        memcpy(numbers, terms->vectors[axis], terms->core.extents[axis] * terms->count * sizeof *numbers);
    }
    return true;
}

/* What the terms leave of the core; its norm, infinite without memory. */
static double left_of(const struct terms *terms, struct arena *arena, number **left)
{
    struct discover_network network;
    size_t count = discover_tensor_size(&terms->core);
    *left = as_network(terms, arena, &network) ? discover_network_numbers(arena, &network, false) : NULL;
    for (size_t k = 0; *left && k < count; k++)
        (*left)[k] = terms->core.numbers[k] - (*left)[k];
    return *left ? discover_norm(count, *left) : INFINITY;
}

/* Adds to the vectors along the axis what fits what is left best. */
static bool improve_axis(struct terms *terms, struct arena *arena, uint32_t axis, number *left)
{
    const struct discover_tensor *core = &terms->core;
    size_t n = terms->count, extent = core->extents[axis];
    number *gram = ARENA_ARRAY(arena, n * n, number), *right = ARENA_ARRAY(arena, n * extent, number), weights[MOST_TERMS];
    for (size_t k = 0; gram && k < n * n; k++) {
        gram[k] = 1;
        for (uint32_t other = 0; other < core->rank; other++) {
            number sum = 0;
            for (size_t i = 0; i < core->extents[other]; i++)
                sum += complex_times(conj(terms->vectors[other][i * n + k / n]), terms->vectors[other][i * n + k % n]);
            gram[k] = other == axis ? gram[k] : complex_times(gram[k], sum);
        }
    }
    for (size_t r = 0; right && r < n; r++) {
        size_t extents[DISCOVER_AXES];
        number *sum = left;
        memcpy(extents, core->extents, sizeof extents);
        for (uint32_t other = 0; other < core->rank; other++) {
            if (other == axis)
                continue;
            for (size_t i = 0; i < extents[other]; i++)
                weights[i] = conj(terms->vectors[other][i * n + r]);
            if (!(sum = discover_along(arena, core->rank, extents, other, 1, weights, sum)))
                return false;
            extents[other] = 1;
        }
        memcpy(right + r * extent, sum, extent * sizeof *sum);
    }
    if (!gram || !right || !discover_solve(n, gram, extent, right))
        return false;
    for (size_t k = 0; k < n * extent; k++)
        terms->vectors[axis][k % extent * n + k / extent] += right[k];
    return true;
}

/* Sweeps as long as they help. The norm of what is left. */
static double improve(struct terms *terms, double bound)
{
    double error = INFINITY;
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        struct arena *arena = arena_create(arena_allocator(terms->discovery->arena));
        number *left;
        double before = error;
        bool going = true;
        error = left_of(terms, arena, &left);
        if (sweep == 0 && error > terms->discovery->norm / 2) /* what errors leave is near from the beginning */
            going = false;
        going = going && error > bound / 64 && error < 0.95 * before;
        for (uint32_t axis = 0; going && axis < terms->core.rank; axis++)
            going = improve_axis(terms, arena, axis, left) && left_of(terms, arena, &left) < INFINITY;
        if (!arena || arena_failed(arena))
            arena_fail(terms->discovery->arena);
        arena_destroy(arena);
        if (!going)
            break;
    }
    return error;
}

/* ---- the family ---- */

/* Vectors of a term all of the same norm. */
static void balance(struct terms *terms)
{
    size_t n = terms->count;
    uint32_t rank = terms->core.rank;
    for (size_t r = 0; r < n; r++) {
        double norms[DISCOVER_AXES], all = 1;
        for (uint32_t axis = 0; axis < rank; axis++) {
            double sum = 0;
            for (size_t i = 0; i < terms->core.extents[axis]; i++)
                sum += discover_square(terms->vectors[axis][i * n + r]);
            norms[axis] = sqrt(sum);
            all *= pow(norms[axis], 1.0 / rank);
        }
        for (uint32_t axis = 0; axis < rank && all > 0; axis++)
            for (size_t i = 0; i < terms->core.extents[axis]; i++)
                terms->vectors[axis][i * n + r] *= all / norms[axis];
    }
}

/* The vectors along the axes of the tensor. */
static bool expand(struct terms *terms, const struct discover_core *core)
{
    size_t n = terms->count;
    for (uint32_t axis = 0; axis < terms->core.rank; axis++) {
        size_t extent = terms->discovery->tensor->extents[axis], rank = core->extents[axis];
        number *vectors = core->bases[axis] ? ARENA_ARRAY(terms->discovery->scratch, extent * n, number) : terms->vectors[axis];
        for (size_t k = 0; core->bases[axis] && vectors && k < extent * n; k++) {
            vectors[k] = 0;
            for (size_t p = 0; p < rank; p++)
                vectors[k] += complex_times(core->bases[axis][k / n * rank + p], terms->vectors[axis][p * n + k % n]);
        }
        if (!vectors)
            return false;
        terms->vectors[axis] = vectors;
        terms->core.extents[axis] = extent;
    }
    return true;
}

void discover_polyadic(struct discovery *discovery)
{
    const struct discover_tensor *tensor = discovery->tensor;
    size_t most[DISCOVER_AXES];
    uint32_t axes[2];
    uint64_t state = 19;
    double bound = discovery->tolerance * discovery->norm, least = INFINITY;
    struct discover_core core;
    struct discover_network network;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        most[axis] = tensor->extents[axis] - 1 < MOST_TERMS ? tensor->extents[axis] - 1 : MOST_TERMS;
    if (!discover_compress(discovery, most, &core) || !(discovery->norm > 0))
        return;
    struct terms terms = {.discovery = discovery, .core = {.rank = tensor->rank, .numbers = core.numbers, .real = tensor->real}};
    memcpy(terms.core.extents, core.extents, sizeof core.extents);
    if (!longest_axes(&terms.core, axes))
        return;
    terms.count = terms.core.extents[axes[0]];
    for (int try = 0; try < TRIES && least > bound; try++) {
        if (!begin(&terms, axes, &state))
            continue;
        least = fmin(least, improve(&terms, bound));
    }
    if (least > bound) {
        discover_missed(discovery, fmin(least, discovery->norm));
        return;
    }
    balance(&terms);
    if (expand(&terms, &core) && as_network(&terms, discovery->arena, &network))
        discover_offer_network(discovery, &network);
}
