/* Random contractions: one to four accesses over a common index space, in a ring, perhaps with a wider accumulator and with
 * conditions on the indices (a triangle, a band, a diagonal). */
#include "programs_internal.h"

#include <math.h>

enum { MOST_FACTORS = 4 };

static enum ir_elem some_accumulator(struct generator *generator, enum ir_elem elem)
{
    static const struct {
        enum ir_elem narrow, wide;
    } pairs[] = {{IR_f32, IR_f64}, {IR_c64, IR_c128}, {IR_i8, IR_i32}, {IR_u8, IR_u32}, {IR_f16, IR_f32}, {IR_bf16, IR_f32}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        if (pairs[k].narrow == elem && (ir_elem_is_half(elem) || chance(generator, 20)))
            return pairs[k].wide;
    return elem;
}

static bool is_ordered(enum ir_ring ring)
{
    return ring == IR_RING_minplus || ring == IR_RING_maxplus;
}

/* Modulo the prime a least element is exact, a least sum is not: residues do not keep their order when added to. */
static bool ring_is_open(const struct generator *generator, enum ir_ring ring, enum ir_elem elem)
{
    if (!ir_ring_takes(ring, elem))
        return false;
    if (generator->options.kind == RANDOM_POLYNOMIAL)
        return ring == IR_RING_plustimes || ring == IR_RING_prod;
    return true;
}

static enum ir_ring some_ring(struct generator *generator, enum ir_elem elem)
{
    enum ir_ring ring = elem == IR_bool ? IR_RING_orand : IR_RING_plustimes;
    for (int attempt = 0; attempt < 4; attempt++) {
        enum ir_ring other = chance(generator, 40) ? (enum ir_ring)pick(generator, IR_RING_COUNT) : ring;
        if (ring_is_open(generator, other, elem))
            return other;
    }
    return ring;
}

/* Modulo the prime order is not kept under addition, so nothing may be added to what an ordered sum reads: a map could be taken for
 * another factor. */
static bool is_ordered_exactly(const struct generator *generator, const struct ir_access *operand)
{
    const struct ir_node *node = operand->node;
    while (node->op == IR_view_node)
        node = node->operands[0].node;
    return generator->options.kind != RANDOM_OPAQUE || node->op != IR_map_node;
}

static uint32_t most_operands(struct generator *generator, enum ir_ring ring)
{
    if (ir_ring_info(ring)->multiply == IR_EXPR_OP_COUNT || (generator->options.kind == RANDOM_OPAQUE && is_ordered(ring)))
        return 1;
    static const uint32_t numbers[] = {1, 2, 2, 3, 2, 1, 4, 3};
    return numbers[pick(generator, 8)];
}

/* Conditions p >= 0 on indices: triangles, bands, diagonals, blocks. */
static uint32_t some_domain(struct generator *generator, const struct space *space, const struct poly **domain)
{
    struct ir_context *context = generator->context;
    if (space->n == 0 || !chance(generator, 15))
        return 0;
    const struct poly *first = poly_index(context, pick(generator, space->n));
    const struct poly *second = poly_index(context, pick(generator, space->n));
    const struct poly *offset = poly_constant(context, (int64_t)pick(generator, 4) - 1);
    const struct poly *difference = poly_add(context, poly_subtract(context, first, second), offset);
    switch (pick(generator, 5)) {
    case 0: /* second <= first + offset */
        domain[0] = difference;
        return 1;
    case 1: /* first + second <= something */
        domain[0] = poly_subtract(context, poly_add(context, offset, some_extent(generator)), poly_add(context, first, second));
        return 1;
    case 2: /* a band */
        domain[0] = difference;
        domain[1] = poly_subtract(context, poly_constant(context, pick(generator, 3)), difference);
        return 2;
    case 3:
        domain[0] = poly_add(context, poly_subtract(context, poly_scale(context, first, 2), second), offset);
        return 1;
    default: { /* second lies in the block of first */
        const struct poly *two = poly_constant(context, 2);
        domain[0] = poly_subtract(context, second, poly_scale(context, poly_floor_div(context, first, two, NULL), 2));
        return 1;
    }
    }
}

/* What is known of the sum: a product's size is at most that of the sizes, twice that in each part of a complex one. */
static struct random_value judge(struct generator *generator, const struct ir_node *node)
{
    struct random_value value = {.node = node, .varies = node->contract.n_domain == 0};
    enum ir_ring ring = node->contract.ring;
    double product = 1, sum = 0, points = 1;
    for (uint32_t k = node->rank; k < node->n_indices; k++) {
        int64_t size = size_of(generator, node->extents[k]);
        points *= size > 1 ? (double)size : 1;
        value.varies = value.varies && !poly_equals(node->extents[k], 0);
        if (is_ordered(ring) &&
            !poly_prove_nonnegative(generator->context,
                                    poly_subtract(generator->context, node->extents[k], poly_constant(generator->context, 1)),
                                    NULL))
            sum = INFINITY;
    }
    for (uint32_t k = 0; k < node->n_operands; k++) {
        struct random_value factor = accessed(generator, &node->operands[k]);
        value.varies = value.varies && factor.varies;
        product *= fmax(factor.bound, 1) * (k && ir_elem_is_complex(node->elem) ? 2 : 1);
        sum += factor.bound;
        value.n_factors += factor.n_factors;
    }
    value.bound = ring == IR_RING_plustimes ? product * points
                  : ring == IR_RING_prod    ? pow(product, points)
                  : is_ordered(ring)        ? (node->contract.n_domain ? INFINITY : sum)
                                            : 1;
    return value;
}

/* Ordered sums may meet neither wrapping nor, in floats, an infinity of the other sign; and where numbers are rounded no infinity
 * comes up that a sum over nothing may be multiplied with or not. Modulo the prime an infinity is a residue like others, which is
 * only moved and ordered. */
static bool is_exact(const struct generator *generator, const struct random_value *value)
{
    const struct ir_node *node = value->node;
    if (generator->options.kind == RANDOM_OPAQUE)
        return is_ordered(node->contract.ring) ? is_ordered_exactly(generator, &node->operands[0]) : isfinite(value->bound);
    if (generator->options.kind == RANDOM_CONTINUOUS)
        return !is_ordered(node->contract.ring) || isfinite(value->bound);
    if (!is_wrapping_kind(generator))
        return true;
    if (is_ordered(node->contract.ring))
        return node->n_operands == 1 || has_room(generator, node->elem, value->bound);
    return generator->options.kind == RANDOM_INTEGER || has_room(generator, node->elem, value->bound);
}

static uint32_t some_factors(struct generator *generator, struct space *space, uint32_t wanted, const struct random_value *first,
                             struct ir_access *operands)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < wanted; k++) {
        const struct random_value *value = k ? some_value_of(generator, first->node->elem) : first;
        if (!value)
            continue;
        operands[n] = some_access(generator, space, value);
        n += operands[n].node != NULL;
    }
    return n;
}

/* The contraction of these operands and what is known of it; the indices from `rank` on are summed over. */
static struct random_value contract(struct generator *generator, enum ir_ring ring, enum ir_elem elem, uint32_t rank,
                                    const struct space *space, uint32_t n, const struct ir_access *operands)
{
    static const struct random_value none;
    const struct poly *domain[2];
    uint32_t n_domain = some_domain(generator, space, domain);
    const struct ir_contract draft = {.ring = ring,
                                      .elem = elem,
                                      .accumulator = some_accumulator(generator, elem),
                                      .rank = rank,
                                      .n_indices = space->n,
                                      .extents = space->extents,
                                      .n_operands = n,
                                      .operands = operands,
                                      .n_domain = n_domain,
                                      .domain = domain};
    const struct ir_node *node = ir_contract(generator->context, &draft);
    if (!node)
        return none;
    struct random_value value = judge(generator, node);
    return is_exact(generator, &value) && value.n_factors <= generator->most_factors ? value : none;
}

struct random_value random_contraction(struct generator *generator)
{
    return random_contraction_of(generator, some_value(generator));
}

struct random_value random_contraction_of(struct generator *generator, const struct random_value *first)
{
    static const struct random_value none;
    struct space space = {0};
    struct ir_access operands[MOST_FACTORS];
    enum ir_elem elem = first->node->elem;
    enum ir_ring ring = some_ring(generator, elem);
    uint32_t n = some_factors(generator, &space, most_operands(generator, ring), first, operands);
    if (n == 0 || !ring_is_open(generator, ring, elem))
        return none;
    if (!generator->has_idle_index && chance(generator, 6)) { /* nobody reads it; one a program, since flattening multiplies them */
        generator->has_idle_index = true;
        some_index(generator, &space, some_extent(generator), 100);
    }
    uint32_t rank = choose_axes(generator, &space, 60, n, operands);
    if (arena_failed(ir_arena(generator->context)) || volume_of(generator, rank, space.extents) > generator->largest_tensor)
        return none;
    return contract(generator, ring, elem, rank, &space, n, operands);
}

struct random_value random_of_shape(struct generator *generator, enum ir_elem elem, uint32_t rank, const struct poly *const *shape)
{
    static const struct random_value none;
    struct space space = {.n = rank};
    struct ir_access operands[MOST_FACTORS];
    const struct random_value *first = some_value_of(generator, elem);
    if (!first || rank > MOST_INDICES || volume_of(generator, rank, shape) > generator->largest_tensor)
        return none;
    for (uint32_t k = 0; k < rank; k++)
        space.extents[k] = shape[k];
    enum ir_ring ring = some_ring(generator, elem);
    uint32_t n = some_factors(generator, &space, most_operands(generator, ring), first, operands);
    if (n == 0 || !ring_is_open(generator, ring, elem) || arena_failed(ir_arena(generator->context)))
        return none;
    return contract(generator, ring, elem, rank, &space, n, operands);
}
