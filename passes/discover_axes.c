/* Constants of three and more axes that are small in each: a core and a basis an axis (Tucker 1966), which sums of few outer
 * products are, and tensor trains.
 *
 *     sum over i, j of C[k,i,j] * a[t,i] * b[t,j]     is     sum over i, j, p, q, r of G[p,q,r] * U[k,p] * V[i,q] * W[j,r] * a[t,i]
 * * b[t,j]
 *
 * Bases are orthonormal, of one axis after the other, each of what the others left. */
#include "discover.h"
#include "fourier.h"

#include <math.h>
#include <string.h>

enum { LEAST_NUMBERS = 64, MOST_NUMBERS = 1 << 24, MOST_AXES = 8 };

struct axes {
    struct arena *arena;
    uint32_t rank, reduced;
    size_t extents[MOST_AXES], ranks[MOST_AXES]; /* of the constant, of the core */
    uint32_t index[MOST_AXES];                   /* of the contraction */
    number *bases[MOST_AXES];                    /* [extent, rank], NULL: the axis is the core's own */
    number *numbers, *core;
    double norm;
};

/* Each axis by an index of its own, over the whole of it. */
static bool has_indices(const struct ir_node *node, uint32_t operand, const struct ir_node *constant, struct axes *axes)
{
    const struct ir_access *access = &node->operands[operand];
    size_t size = 1;
    if (constant->rank < 3 || constant->rank > MOST_AXES || access->fill || access->conjugate || node->n_operands < 2)
        return false;
    axes->rank = constant->rank;
    for (uint32_t axis = 0; axis < constant->rank; axis++) {
        int64_t extent;
        if (!poly_is_index(access->subscripts[axis], &axes->index[axis]) || !poly_is_constant(constant->shape[axis], &extent) ||
            node->extents[axes->index[axis]] != constant->shape[axis] || extent < 1 || size > (size_t)(MOST_NUMBERS / extent))
            return false;
        for (uint32_t before = 0; before < axis; before++)
            if (axes->index[before] == axes->index[axis])
                return false;
        axes->extents[axis] = axes->ranks[axis] = (size_t)extent;
        size *= (size_t)extent;
    }
    return size >= LEAST_NUMBERS;
}

static size_t count_of(const struct axes *axes, const size_t *extents)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < axes->rank; axis++)
        count *= extents[axis];
    return count;
}

/* The numbers, of `from` along the axis, multiplied by a matrix [to, from] along it. */
static number *along(const struct axes *axes, const number *numbers, const size_t *extents, uint32_t axis, size_t to,
                     const number *matrix)
{
    size_t before = 1, behind = 1, from = extents[axis];
    for (uint32_t other = 0; other < axes->rank; other++)
        *(other < axis ? &before : &behind) *= other == axis ? 1 : extents[other];
    number *result = ARENA_ARRAY(axes->arena, before * to * behind, number);
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

/* A basis of what the core has along the axis, if it is of lower rank than it is long. */
static bool reduce(struct axes *axes, uint32_t axis, double bound)
{
    size_t extent = axes->ranks[axis], behind = 1, others = count_of(axes, axes->ranks) / extent;
    for (uint32_t other = axis + 1; other < axes->rank; other++)
        behind *= axes->ranks[other];
    number *unfolded = ARENA_ARRAY(axes->arena, extent * others, number);
    for (size_t k = 0; unfolded && k < extent * others; k++)
        unfolded[k / behind % extent * others + k / (behind * extent) * behind + k % behind] = axes->core[k];
    struct discover_low_rank factors;
    if (!unfolded || !discover_factor(axes->arena, extent, others, unfolded, extent / 2, bound, &factors) || factors.rank == 0)
        return unfolded != NULL;
    size_t rank = factors.rank;
    number *basis = axes->bases[axis] = ARENA_ARRAY(axes->arena, extent * rank, number);
    number *adjoint = ARENA_ARRAY(axes->arena, extent * rank, number);
    for (size_t k = 0; basis && adjoint && k < extent * rank; k++) {
        basis[k] = factors.left[k % rank * extent + k / rank];
        adjoint[k] = conj(factors.left[k]);
    }
    axes->core = basis && adjoint ? along(axes, axes->core, axes->ranks, axis, rank, adjoint) : NULL;
    axes->ranks[axis] = rank;
    axes->reduced++;
    return axes->core != NULL;
}

static void round_all(enum ir_elem elem, size_t count, number *numbers)
{
    enum ir_elem real = ir_elem_real(elem);
    for (size_t k = 0; k < count; k++)
        numbers[k] = complex_of(ir_round_real(real, creal(numbers[k])), ir_round_real(real, cimag(numbers[k])));
}

/* Is each slice of the difference as near as the whole? */
static bool slices_are_near(const struct axes *axes, const number *difference, double bound)
{
    size_t behind = count_of(axes, axes->extents), count = behind;
    for (uint32_t axis = 0; axis < axes->rank; axis++) {
        size_t extent = axes->extents[axis];
        behind /= extent;
        double *sums = ARENA_ARRAY(axes->arena, 2 * extent, double);
        for (size_t k = 0; sums && k < 2 * extent; k++)
            sums[k] = 0;
        for (size_t k = 0; sums && k < count; k++) {
            sums[k / behind % extent * 2] += discover_square(axes->numbers[k]);
            sums[k / behind % extent * 2 + 1] += discover_square(difference[k]);
        }
        for (size_t k = 0; k < extent; k++)
            if (!sums || !(sums[2 * k + 1] <= bound * bound * sums[2 * k]))
                return false;
    }
    return true;
}

/* Of the factors as they are emitted. Norms are those of the matrices that the constant is with one axis as rows: the largest is no
 * less than the Frobenius norm over the root of the shortest axis. */
static bool certify(struct axes *axes, const struct ir_node *constant, struct pass_certificate *certificate)
{
    size_t count = count_of(axes, axes->extents), extents[MOST_AXES], shortest = SIZE_MAX;
    double eps = ir_elem_epsilon(constant->elem), within = constant->constant->within, roundings = 0;
    number *sum = axes->core;
    memcpy(extents, axes->ranks, sizeof extents);
    for (uint32_t axis = 0; axis < axes->rank; axis++) {
        shortest = axes->extents[axis] < shortest ? axes->extents[axis] : shortest;
        roundings += (double)(axes->extents[axis] + axes->ranks[axis]);
        if (axes->bases[axis] && !(sum = along(axes, sum, extents, axis, axes->extents[axis], axes->bases[axis])))
            return false;
        extents[axis] = axes->extents[axis];
    }
    number *difference = ARENA_ARRAY(axes->arena, count, number);
    for (size_t k = 0; difference && k < count; k++)
        difference[k] = sum[k] - axes->numbers[k];
    certificate->error = difference ? discover_norm(count, difference) / axes->norm : INFINITY;
    certificate->growth = sqrt((double)shortest) * (1 + certificate->error);
    certificate->spectral_bound = certificate->error * sqrt((double)shortest);
    certificate->forward_bound = certificate->spectral_bound + eps * roundings * certificate->growth;
    if (within > 0)
        return (constant->constant->spectral ? certificate->spectral_bound : certificate->error) <= within;
    double bound = 8 * eps * sqrt(axes->reduced + 1.0);
    return certificate->error <= bound && slices_are_near(axes, difference, bound);
}

static const struct ir_node *constant_of(struct ir_context *context, enum ir_elem stored, enum ir_elem elem, uint32_t rank,
                                         const size_t *extents, const number *numbers)
{
    const struct poly *shape[MOST_AXES];
    size_t count = 1, bytes;
    bool real = true;
    for (uint32_t axis = 0; axis < rank; axis++) {
        shape[axis] = poly_constant(context, (int64_t)extents[axis]);
        count *= extents[axis];
    }
    for (size_t k = 0; k < count; k++)
        real = real && cimag(numbers[k]) == 0;
    stored = real ? ir_elem_real(stored) : stored;
    bytes = count * ir_elem_info(stored)->bytes;
    void *data = arena_alloc(ir_arena(context), count, ir_elem_info(stored)->bytes);
    for (size_t k = 0; data && k < count; k++)
        ir_number_store(real ? ir_number_real(stored, creal(numbers[k]))
                             : ir_number_complex(stored, creal(numbers[k]), cimag(numbers[k])),
                        data, k);
    struct ir_constant own = {.data = data, .bytes = bytes};
    return data ? fourier_cast(context, ir_constant(context, stored, rank, shape, &own), elem) : NULL;
}

/* The contraction with core and bases in the place of the operand. */
static const struct ir_node *replaced(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                      const struct ir_node *constant, const struct axes *axes)
{
    struct arena *arena = ir_arena(context);
    enum ir_elem elem = node->operands[operand].node->elem;
    uint32_t n = node->n_indices, count = node->n_operands;
    const struct poly **extents = ARENA_ARRAY(arena, n + axes->rank, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(arena, count + axes->rank, struct ir_access);
    const struct poly **places = ARENA_ARRAY(arena, axes->rank, const struct poly *);
    if (!extents || !operands || !places)
        return NULL;
    memcpy(extents, node->extents, n * sizeof *extents);
    memcpy(operands, node->operands, count * sizeof *operands);
    for (uint32_t axis = 0; axis < axes->rank; axis++) {
        const struct poly **at = ARENA_ARRAY(arena, 2, const struct poly *);
        places[axis] = poly_index(context, axes->index[axis]);
        if (!axes->bases[axis] || !at)
            continue;
        const size_t shape[2] = {axes->extents[axis], axes->ranks[axis]};
        at[0] = places[axis];
        at[1] = places[axis] = poly_index(context, n);
        extents[n++] = poly_constant(context, (int64_t)axes->ranks[axis]);
        operands[count++] =
            (struct ir_access){.node = constant_of(context, constant->elem, elem, 2, shape, axes->bases[axis]), .subscripts = at};
    }
    operands[operand] = (struct ir_access){.node = constant_of(context, constant->elem, elem, axes->rank, axes->ranks, axes->core),
                                           .subscripts = places};
    for (uint32_t k = 0; k < count; k++)
        if (!operands[k].node)
            return NULL;
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = node->elem,
                                                      .accumulator = node->contract.accumulator,
                                                      .rank = node->rank,
                                                      .n_indices = n,
                                                      .extents = extents,
                                                      .n_operands = count,
                                                      .operands = operands});
}

const struct ir_node *discover_axes(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                    const struct ir_node *constant, struct pass_certificate *certificate, size_t *core)
{
    struct axes axes = {.arena = arena_create(arena_allocator(ir_arena(context)))};
    const struct ir_node *way = NULL;
    bool fits = axes.arena && has_indices(node, operand, constant, &axes);
    size_t count = fits ? count_of(&axes, axes.extents) : 0;
    if (fits && discover_first_unfit(constant->elem, constant->constant->data, count) == SIZE_MAX) {
        struct discover_matrix matrix = {.rows = count, .columns = 1};
        bool good = discover_load(axes.arena, constant->elem, constant->constant->data, &matrix);
        axes.numbers = axes.core = matrix.numbers;
        axes.norm = good ? discover_norm(count, matrix.numbers) : 0;
        double bound = fmax(constant->constant->within, 8 * ir_elem_epsilon(constant->elem)) * axes.norm;
        for (uint32_t axis = 0; good && axes.norm > 0 && axis < axes.rank; axis++)
            good = reduce(&axes, axis, bound / (2 * sqrt(axes.rank)));
        if (good && axes.reduced) {
            *core = count_of(&axes, axes.ranks);
            round_all(constant->elem, *core, axes.core);
            for (uint32_t axis = 0; axis < axes.rank; axis++)
                if (axes.bases[axis])
                    round_all(constant->elem, axes.extents[axis] * axes.ranks[axis], axes.bases[axis]);
            way = certify(&axes, constant, certificate) ? replaced(context, node, operand, constant, &axes) : NULL;
        }
    }
    if (!axes.arena || arena_failed(axes.arena))
        arena_fail(ir_arena(context));
    arena_destroy(axes.arena);
    return way;
}
