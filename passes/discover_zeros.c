/* Constants of three and more axes that are mostly zero (Clebsch-Gordan coefficients, structure constants of an algebra): the
 * products with their nonzeros alone.
 *
 *     y[t,k] = sum over i, j of C[k,i,j] * a[t,i] * b[t,j]     is, over the nonzeros e of C, at (k[e], i[e], j[e]),
 *     p[t,i,j] = a[t,i] * b[t,j]      y[t, k[e]] += c[e] * p[t, i[e], j[e]]
 *
 * so that what several of them multiply is multiplied once. Matrices are for the families of discover.def: as tables these are few
 * nonzeros, too, but a matrix may be something better. */
#include "discover.h"
#include "fourier.h"

enum { LEAST_NUMBERS = 64, MOST_NUMBERS = 1 << 24, MOST_AXES = 8, LEAST_ZEROS = 4 /* numbers to a nonzero */ };

struct nonzeros {
    struct ir_context *context;
    const struct ir_node *node, *constant;
    uint32_t operand;
    uint32_t index[MOST_AXES]; /* of the contraction, by axis of the constant */
    int64_t extents[MOST_AXES];
    size_t size, count;
    const struct poly *places[MOST_AXES]; /* by axis: where nonzero `entry` stands, over the index `at` */
    const struct ir_node *numbers;
};

/* Each axis by an index of its own, over the whole of it, and one of them in the result. */
static bool has_indices(struct nonzeros *nonzeros)
{
    const struct ir_node *node = nonzeros->node, *constant = nonzeros->constant;
    const struct ir_access *access = &node->operands[nonzeros->operand];
    bool is_kept = false;
    nonzeros->size = 1;
    if (constant->rank < 3 || constant->rank > MOST_AXES || access->fill || access->conjugate || node->n_operands < 2)
        return false;
    for (uint32_t axis = 0; axis < constant->rank; axis++) {
        uint32_t *index = &nonzeros->index[axis];
        if (!poly_is_index(access->subscripts[axis], index) || node->extents[*index] != constant->shape[axis] ||
            !poly_is_constant(constant->shape[axis], &nonzeros->extents[axis]) || nonzeros->extents[axis] < 1 ||
            nonzeros->size > (size_t)(MOST_NUMBERS / nonzeros->extents[axis]))
            return false;
        for (uint32_t before = 0; before < axis; before++)
            if (nonzeros->index[before] == *index)
                return false;
        is_kept |= *index < node->rank;
        nonzeros->size *= (size_t)nonzeros->extents[axis];
    }
    return is_kept && nonzeros->size >= LEAST_NUMBERS;
}

static bool is_zero(const struct nonzeros *nonzeros, size_t at)
{
    struct ir_number value = ir_number_load(nonzeros->constant->elem, nonzeros->constant->constant->data, at);
    return value.re == 0 && (!ir_elem_is_complex(value.elem) || value.im == 0);
}

static const struct ir_node *list_of(const struct nonzeros *nonzeros, enum ir_elem elem, const void *data)
{
    const struct poly *shape = poly_constant(nonzeros->context, (int64_t)nonzeros->count);
    return ir_constant(nonzeros->context, elem, 1, &shape,
                       &(struct ir_constant){.data = data, .bytes = nonzeros->count * ir_elem_info(elem)->bytes});
}

/* Where they stand along the axis, and what they are, in the order of the constant; over index `at`. */
static bool read_axis(struct nonzeros *nonzeros, uint32_t axis, uint32_t at)
{
    struct ir_context *context = nonzeros->context;
    void *data = arena_alloc(ir_arena(context), nonzeros->count, ir_elem_info(IR_i32)->bytes);
    size_t step = 1, n = 0;
    for (uint32_t k = axis + 1; k < nonzeros->constant->rank; k++)
        step *= (size_t)nonzeros->extents[k];
    for (size_t k = 0; data && k < nonzeros->size; k++)
        if (!is_zero(nonzeros, k))
            ir_number_store(ir_number_integer(IR_i32, (int64_t)(k / step % (size_t)nonzeros->extents[axis])), data, n++);
    const struct ir_node *table = data ? list_of(nonzeros, IR_i32, data) : NULL;
    const struct poly *entry = poly_index(context, at);
    nonzeros->places[axis] = table ? poly_table(context, table, 1, &entry) : NULL;
    return nonzeros->places[axis] != NULL;
}

static bool read_numbers(struct nonzeros *nonzeros)
{
    enum ir_elem elem = nonzeros->constant->elem;
    void *data = arena_alloc(ir_arena(nonzeros->context), nonzeros->count, ir_elem_info(elem)->bytes);
    size_t n = 0;
    for (size_t k = 0; data && k < nonzeros->size; k++)
        if (!is_zero(nonzeros, k))
            ir_number_store(ir_number_load(elem, nonzeros->constant->constant->data, k), data, n++);
    nonzeros->numbers = data ? fourier_cast(nonzeros->context, list_of(nonzeros, elem, data), nonzeros->node->elem) : NULL;
    return nonzeros->numbers != NULL;
}

static bool is_of_constant(const struct nonzeros *nonzeros, uint32_t index)
{
    for (uint32_t axis = 0; axis < nonzeros->constant->rank; axis++)
        if (nonzeros->index[axis] == index)
            return true;
    return false;
}

static bool others_use(const struct nonzeros *nonzeros, uint32_t index)
{
    const struct ir_node *node = nonzeros->node;
    for (uint32_t o = 0; o < node->n_operands; o++)
        for (uint32_t axis = 0; o != nonzeros->operand && axis < node->operands[o].node->rank; axis++)
            if (poly_uses_index(node->operands[o].subscripts[axis], index))
                return true;
    return false;
}

/* Sums products of `n_operands` over indices from `rank` on. */
static const struct ir_node *product(const struct nonzeros *nonzeros, uint32_t rank, uint32_t n, const struct poly *const *extents,
                                     uint32_t n_operands, const struct ir_access *operands)
{
    return ir_contract(nonzeros->context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                .elem = nonzeros->node->elem,
                                                                .accumulator = nonzeros->node->contract.accumulator,
                                                                .rank = rank,
                                                                .n_indices = n,
                                                                .extents = extents,
                                                                .n_operands = n_operands,
                                                                .operands = operands});
}

/* The other operands multiplied, over what stays of their indices: those of the result, first those that the constant lacks, and
 * those that it has, in the order of its axes. `axes`: of each axis of it the contraction's index. */
static const struct ir_node *others(const struct nonzeros *nonzeros, uint32_t *axes)
{
    struct ir_context *context = nonzeros->context;
    const struct ir_node *node = nonzeros->node;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access);
    uint32_t n = 0, rank = 0, count = 0;
    if (!place || !extents || !operands)
        return NULL;
    for (int part = 0; part < 3; part++) { /* of the result alone; of the constant; summed here */
        for (uint32_t k = 0; k < node->n_indices; k++) {
            bool of_constant = is_of_constant(nonzeros, k);
            int own = of_constant ? 1 : k < node->rank ? 0 : 2;
            if (own != part || !others_use(nonzeros, k))
                continue;
            axes[n] = k;
            place[k] = poly_index(context, n);
            extents[n++] = node->extents[k];
        }
        rank = part < 2 ? n : rank;
    }
    struct poly_ranges ranges = {n, extents};
    for (uint32_t o = 0; o < node->n_operands; o++)
        if (o != nonzeros->operand)
            operands[count++] = ir_access_substitute(context, node->operands[o], node->n_indices, place, &ranges);
    if (count == 1 && n == rank)
        return ir_view(context, rank, extents, operands[0]);
    return product(nonzeros, rank, n, extents, count, operands);
}

/* Added up where they belong: indices of the result that the constant lacks, then the nonzeros. */
static const struct ir_node *added(struct nonzeros *nonzeros)
{
    struct ir_context *context = nonzeros->context;
    const struct ir_node *node = nonzeros->node;
    uint32_t *axes = ARENA_ARRAY(ir_arena(context), node->n_indices, uint32_t), n = 0;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(ir_arena(context), node->n_indices + 1, const struct poly *);
    const struct ir_node *data = axes && place && extents ? others(nonzeros, axes) : NULL;
    const struct poly **at = data ? ARENA_ARRAY(ir_arena(context), data->rank, const struct poly *) : NULL;
    if (!at)
        return NULL;
    for (uint32_t k = 0; k < node->rank; k++)
        if (!is_of_constant(nonzeros, k)) {
            place[k] = poly_index(context, n);
            extents[n++] = node->extents[k];
        }
    for (uint32_t axis = 0; axis < nonzeros->constant->rank; axis++) {
        if (!read_axis(nonzeros, axis, n))
            return NULL;
        place[nonzeros->index[axis]] = nonzeros->places[axis];
    }
    extents[n] = poly_constant(context, (int64_t)nonzeros->count);
    for (uint32_t axis = 0; axis < data->rank; axis++)
        at[axis] = place[axes[axis]];
    const struct poly *entry = poly_index(context, n);
    const struct ir_access operands[2] = {{.node = nonzeros->numbers, .subscripts = &entry}, {.node = data, .subscripts = at}};
    const struct ir_node *terms = product(nonzeros, n + 1, n + 1, extents, 2, operands),
                         *zero = ir_scalar(context, ir_number_real(node->elem, 0));
    const struct ir_node *zeros = zero ? ir_view(context, node->rank, node->shape, ir_access_whole(context, zero)) : NULL;
    if (!terms || !zeros)
        return NULL;
    struct ir_access base = {.node = zeros, .subscripts = place};
    return ir_scatter(context, IR_RING_plustimes, n + 1, extents, base, ir_access_whole(context, terms));
}

const struct ir_node *discover_nonzeros(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                        const struct ir_node *constant, size_t *count)
{
    struct nonzeros nonzeros = {.context = context, .node = node, .constant = constant, .operand = operand};
    if (node->elem != node->contract.accumulator || !has_indices(&nonzeros))
        return NULL;
    for (uint32_t k = 0; k < node->rank; k++) /* each axis of the result is the constant's or another operand's */
        if (!is_of_constant(&nonzeros, k) && !others_use(&nonzeros, k))
            return NULL;
    if (discover_first_unfit(constant->elem, constant->constant->data, nonzeros.size) != SIZE_MAX)
        return NULL;
    for (size_t k = 0; k < nonzeros.size; k++)
        nonzeros.count += !is_zero(&nonzeros, k);
    if (nonzeros.count == 0 || nonzeros.count > nonzeros.size / LEAST_ZEROS || !read_numbers(&nonzeros))
        return NULL;
    *count = nonzeros.count;
    return added(&nonzeros);
}
