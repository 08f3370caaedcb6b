/* Tensors that are small in each axis: a core and a basis an axis (Tucker 1966), which sums of few outer products are, and tensor
 * trains of three axes.
 *
 *     C[k,i,j]     is     sum over p, q, r of G[p,q,r] * U[k,p] * V[i,q] * W[j,r]
 *
 * Bases are orthonormal, of one axis after the other, each of what the others left. */
#include "discover.h"

#include <math.h>
#include <string.h>

/* Columns of a sample beyond the rank that is looked for. */
enum { BEYOND = 8 };

/* May what the core has along the axis be of that rank? Columns from all over say so. */
static bool may_be(struct discovery *discovery, struct discover_core *core, uint32_t axis, size_t most, double bound)
{
    size_t extent = core->extents[axis], behind = 1, count = 1;
    for (uint32_t other = 0; other < discovery->tensor->rank; other++) {
        count *= core->extents[other];
        behind *= other > axis ? core->extents[other] : 1;
    }
    size_t others = count / extent, columns = most + BEYOND;
    struct arena *arena = arena_create(arena_allocator(discovery->arena));
    number *sample = others > 2 * columns ? ARENA_ARRAY(arena, extent * columns, number) : NULL;
    uint64_t state = 17;
    struct discover_low_rank factors;
    bool may = true;
    for (size_t k = 0; sample && k < columns; k++) {
        size_t column = discover_random(&state) % others;
        for (size_t i = 0; i < extent; i++)
            sample[i * columns + k] = core->numbers[column / behind * behind * extent + i * behind + column % behind];
    }
    if (sample) {
        double norm = discover_norm(extent * columns, sample);
        may = discover_factor(arena, extent, columns, sample, most, bound, &factors);
        if (!may && norm > 0)
            core->missed = fmin(core->missed, factors.error / norm * discovery->norm);
    }
    if (!arena || arena_failed(arena))
        arena_fail(discovery->arena);
    arena_destroy(arena);
    return may;
}

/* A basis of what the core has along the axis, if it is of lower rank. False: no memory. */
static bool reduce(struct discovery *discovery, struct discover_core *core, uint32_t axis, size_t most)
{
    struct arena *arena = discovery->scratch;
    size_t extent = core->extents[axis], others = 1;
    double bound = discovery->tolerance * discovery->norm / (2 * sqrt(discovery->tensor->rank));
    struct discover_low_rank factors;
    if (extent < 2 || most == 0 || !may_be(discovery, core, axis, most, bound))
        return true;
    for (uint32_t other = 0; other < discovery->tensor->rank; other++)
        others *= other == axis ? 1 : core->extents[other];
    number *rows = discover_axis_rows(arena, discovery->tensor->rank, core->extents, axis, core->numbers);
    if (!rows)
        return false;
    if (!discover_factor(arena, extent, others, rows, most, bound, &factors) || factors.rank == 0) {
        core->missed = fmin(core->missed, factors.error);
        return true;
    }
    size_t rank = factors.rank;
    number *basis = core->bases[axis] = ARENA_ARRAY(arena, extent * rank, number);
    number *adjoint = ARENA_ARRAY(arena, extent * rank, number);
    for (size_t k = 0; basis && adjoint && k < extent * rank; k++) {
        basis[k] = factors.left[k % rank * extent + k / rank];
        adjoint[k] = conj(factors.left[k]);
    }
    core->numbers =
        basis && adjoint ? discover_along(arena, discovery->tensor->rank, core->extents, axis, rank, adjoint, core->numbers) : NULL;
    core->extents[axis] = rank;
    core->reduced++;
    return core->numbers != NULL;
}

bool discover_compress(struct discovery *discovery, const size_t most[DISCOVER_AXES], struct discover_core *core)
{
    *core = (struct discover_core){.numbers = discovery->tensor->numbers, .missed = INFINITY};
    memcpy(core->extents, discovery->tensor->extents, sizeof core->extents);
    for (uint32_t axis = 0; discovery->norm > 0 && axis < discovery->tensor->rank; axis++)
        if (!reduce(discovery, core, axis, most[axis]))
            return false;
    return true;
}

/* The core and the bases; an axis of rank one is no axis of the core, which is one number where all are. */
static bool as_network(struct discovery *discovery, const struct discover_core *core, struct discover_network *network)
{
    const struct discover_tensor *tensor = discovery->tensor;
    uint32_t index[DISCOVER_AXES], own[DISCOVER_AXES], rank = 0;
    size_t count = 1;
    *network = discover_uncut(tensor);
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        bool single = core->bases[axis] && core->extents[axis] == 1;
        index[axis] = single || !core->bases[axis] ? axis : discover_add_index(network, core->extents[axis]);
        count *= core->extents[axis];
        if (!single)
            own[rank++] = index[axis];
    }
    number *middle = rank ? discover_add_part(discovery->arena, network, rank, own) : NULL;
    if (rank && !middle)
        return false;
    if (middle)
        memcpy(middle, core->numbers, count * sizeof *middle);
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        const uint32_t pair[2] = {axis, index[axis]};
        if (!core->bases[axis])
            continue;
        number *basis = discover_add_part(discovery->arena, network, index[axis] == axis ? 1 : 2, pair);
        for (size_t k = 0; basis && k < tensor->extents[axis] * core->extents[axis]; k++)
            basis[k] = rank || axis ? core->bases[axis][k] : complex_times(core->numbers[0], core->bases[axis][k]);
        if (!basis)
            return false;
    }
    return true;
}

void discover_axes(struct discovery *discovery)
{
    const struct discover_tensor *tensor = discovery->tensor;
    struct discover_network network;
    struct discover_core core;
    size_t most[DISCOVER_AXES];
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        most[axis] = tensor->extents[axis] / 2;
    if (!discover_compress(discovery, most, &core))
        return;
    if (core.reduced && as_network(discovery, &core, &network))
        discover_offer_network(discovery, &network);
    else if (!core.reduced && core.missed < INFINITY)
        discover_missed(discovery, core.missed);
}
