/* Products with a matrix that is made only to be multiplied with: what makes it is applied to the other factor instead.
 *
 * A scatter of values onto zero is a sum over its places k: M[i,j] = sum over k of v[k] where i == r[k], j == c[k]. So sum over j
 * of M[i,j] * x[j,b] adds v[k] * x[c[k],b] at r[k], and no matrix is formed. Comes after `order`, to which the matrix is one of its
 * size: that bounds what the product may cost. One whose axes are all axes of the result stays.
 *
 * Class `reassoc`: what is left out are products with zero. */
#include "contraction.h"
#include "passes.h"

enum einc_status pass_apply(struct pass_kernel *kernel);

struct applying {
    struct ir_context *context;
    struct ir_kernel *kernel;
};

/* ---- scatters ---- */

/* Zero everywhere, as a map or, after `simplify`, a scalar spread over the axes. */
static bool is_zero(const struct ir_node *node, enum ir_ring ring)
{
    struct ir_number zero = ir_ring_zero(ring, node->elem);
    if (node->op == IR_map_node)
        return node->body->op == IR_EXPR_literal && ir_number_equal(node->body->literal, zero);
    while (node->op == IR_view_node && !node->operands[0].fill)
        node = node->operands[0].node;
    return node->op == IR_const_node && node->rank == 0 &&
           ir_number_equal(ir_number_load(node->elem, node->constant->data, 0), zero);
}

/* Is the index looked up at run time read by another operand as it is, over all its extent? That is checked where it is read. */
static bool is_read_whole(const struct ir_node *node, uint32_t operand, uint32_t index)
{
    uint32_t bare;
    for (uint32_t o = 0; o < node->n_operands; o++)
        for (uint32_t axis = 0; o != operand && axis < node->operands[o].node->rank; axis++)
            if (poly_is_index(node->operands[o].subscripts[axis], &bare) && bare == index && !node->operands[o].fill &&
                node->operands[o].node->shape[axis] == node->extents[index])
                return true;
    return false;
}

/* May the contraction's operand be taken as a sum over the places of a scatter? */
static bool is_sum_of_places(const struct ir_node *node, uint32_t operand, uint32_t *axes)
{
    const struct ir_node *scatter = node->operands[operand].node;
    bool sums = false;
    if (scatter->op != IR_scatter_node || scatter->scatter.ring != node->contract.ring || scatter->operands[0].fill ||
        !is_zero(scatter->operands[0].node, node->contract.ring) || !contraction_bare_axes(&node->operands[operand], axes))
        return false;
    for (uint32_t axis = 0; axis < scatter->rank; axis++) {
        bool summed = axes[axis] >= node->rank;
        if (node->extents[axes[axis]] != scatter->shape[axis]) /* what lies behind would be added to places that are not there */
            return false;
        if (summed && poly_is_run_time(scatter->operands[0].subscripts[axis]) && !is_read_whole(node, operand, axes[axis]))
            return false;
        sums |= summed;
    }
    return sums;
}

/* Indices of the product over places: those of the scatter first, then what the contraction has besides, its axes first. */
struct places {
    const char **names;
    const struct poly **values; /* of the contraction's indices, over the new ones */
    const struct poly **own;    /* of the scatter's indices: they come first */
    uint32_t n_indices, rank;   /* so many are axes of what is added */
    const struct poly **extents;
};

static const char *index_name(const struct ir_kernel *kernel, const struct ir_node *node, uint32_t index, const char *otherwise)
{
    const struct ir_name *name = ir_find_name(kernel, node);
    return name && name->index_names ? name->index_names[index] : otherwise;
}

static void add_place(struct places *places, const struct poly *extent, const char *name)
{
    places->names[places->n_indices] = name;
    places->extents[places->n_indices++] = extent;
}

/* `scatters`: what is added at each place has the scatter's indices as axes; else they are summed. */
static bool find_places(const struct applying *applying, const struct ir_node *node, const struct ir_node *scatter,
                        const uint32_t *axes, bool scatters, struct places *places)
{
    struct ir_context *context = applying->context;
    struct arena *arena = ir_arena(context);
    uint32_t most = node->n_indices + scatter->n_indices;
    places->values = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    places->own = ARENA_ARRAY(arena, scatter->n_indices, const struct poly *);
    places->extents = ARENA_ARRAY(arena, most, const struct poly *);
    places->names = ARENA_ARRAY(arena, most, const char *);
    if (!places->values || !places->own || !places->extents || !places->names)
        return false;
    uint32_t first = scatters ? 0 : node->rank; /* with no axis of the scatter among them, axes of the contraction stay */
    for (uint32_t k = 0; k < scatter->n_indices; k++)
        places->own[k] = poly_index(context, first + k);
    struct poly_ranges ranges = {0};
    for (uint32_t axis = 0; axis < scatter->rank; axis++)
        places->values[axes[axis]] =
            poly_substitute(context, scatter->operands[0].subscripts[axis], scatter->n_indices, places->own, &ranges);
    for (uint32_t k = 0; scatters && k < scatter->n_indices; k++)
        add_place(places, scatter->extents[k], index_name(applying->kernel, scatter, k, "entry"));
    for (uint32_t index = 0; index <= node->n_indices; index++) {
        if (index == node->rank) {
            places->rank = places->n_indices;
            for (uint32_t k = 0; !scatters && k < scatter->n_indices; k++)
                add_place(places, scatter->extents[k], index_name(applying->kernel, scatter, k, "entry"));
        }
        if (index == node->n_indices || places->values[index])
            continue;
        places->values[index] = poly_index(context, places->n_indices);
        add_place(places, node->extents[index], index_name(applying->kernel, node, index, NULL));
    }
    return true;
}

/* What is added at each place: the product, the scatter's values in the place of the matrix. */
static const struct ir_node *product_at_places(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                               const struct places *places)
{
    struct ir_access *operands = arena_copy(ir_arena(context), node->operands, node->n_operands, sizeof *operands);
    struct poly_ranges ranges = {places->n_indices, places->extents};
    const struct ir_node *scatter = node->operands[operand].node;
    for (uint32_t o = 0; operands && o < node->n_operands; o++)
        operands[o] = o == operand ? ir_access_substitute(context, scatter->operands[1], scatter->n_indices, places->own, &ranges)
                                   : ir_access_substitute(context, operands[o], node->n_indices, places->values, &ranges);
    if (operands && node->operands[operand].conjugate)
        operands[operand].conjugate = !operands[operand].conjugate;
    return operands ? ir_contract(context, &(struct ir_contract){.ring = node->contract.ring,
                                                                 .elem = node->elem,
                                                                 .accumulator = node->contract.accumulator,
                                                                 .rank = places->rank,
                                                                 .n_indices = places->n_indices,
                                                                 .extents = places->extents,
                                                                 .n_operands = node->n_operands,
                                                                 .operands = operands})
                    : NULL;
}

static const struct ir_node *apply_scatter(const struct applying *applying, const struct ir_node *node, uint32_t operand,
                                           const uint32_t *axes)
{
    struct ir_context *context = applying->context;
    struct places places = {0};
    const struct ir_node *scatter = node->operands[operand].node;
    bool scatters = false;
    for (uint32_t axis = 0; axis < scatter->rank; axis++)
        scatters |= axes[axis] < node->rank;
    if (!find_places(applying, node, scatter, axes, scatters, &places))
        return NULL;
    const struct ir_node *value = product_at_places(context, node, operand, &places), *result = value;
    const struct ir_expr *zero = ir_expr_literal(context, ir_ring_zero(node->contract.ring, node->elem));
    struct ir_access base = {.node = ir_map(context, node->rank, node->shape, 0, NULL, zero), .subscripts = places.values};
    if (scatters)
        result = ir_scatter(context, node->contract.ring, places.rank, places.extents, base, ir_access_whole(context, value));
    const struct ir_name *name = ir_find_name(applying->kernel, node);
    if (!result)
        return NULL;
    ir_set_name(context, applying->kernel, result, name ? name->name : NULL, places.names, name ? name->span : SPAN_NONE);
    if (scatters)
        ir_set_name(context, applying->kernel, value, NULL, places.names, name ? name->span : SPAN_NONE);
    return result;
}

/* ---- the pass ---- */

static const struct ir_node *apply_node(void *user, struct ir_context *context, const struct ir_node *node)
{
    const struct applying *applying = user;
    if (node->op != IR_contract_node || node->contract.n_sliced || node->contract.n_domain || node->contract.codelet ||
        node->elem != node->contract.accumulator || !contraction_may_regroup(applying->kernel, node) ||
        !contraction_zero_absorbs(node))
        return node;
    for (uint32_t operand = 0; operand < node->n_operands; operand++) {
        uint32_t *axes = ARENA_ARRAY(ir_arena(context), node->operands[operand].node->rank, uint32_t);
        if (!axes)
            return NULL;
        if (is_sum_of_places(node, operand, axes))
            return apply_scatter(applying, node, operand, axes);
    }
    return node;
}

enum einc_status pass_apply(struct pass_kernel *kernel)
{
    struct applying applying = {kernel->context, kernel->kernel};
    (void)ir_rewrite(kernel->context, kernel->kernel, apply_node, &applying);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
