/* Rules on contractions: factors that do nothing, indices that do nothing, sums over nothing.
 *
 * In a sum of floats the first addition is to 0, which turns -0 into 0; a contraction without summed indices has no addition. So a
 * rule that takes the last summed index away is not exact in floats, nor is one that multiplies less often. */
#include "simplify_internal.h"

static bool sums_floats(const struct ir_node *node)
{
    return ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem);
}

static bool is_idempotent(enum ir_ring ring)
{
    return ring == IR_RING_minplus || ring == IR_RING_maxplus || ring == IR_RING_orand || ring == IR_RING_andor;
}

static bool has_multiply(const struct ir_node *node)
{
    return ir_ring_info(node->contract.ring)->multiply != IR_EXPR_OP_COUNT;
}

/* The contraction over other operands, perhaps another number of them. */
static const struct ir_node *with_factors(const struct simplifying *simplifying, const struct ir_node *node, uint32_t n,
                                          const struct ir_access *operands)
{
    struct ir_contract contract = {node->contract.ring,
                                   node->elem,
                                   node->contract.accumulator,
                                   node->rank,
                                   node->n_indices,
                                   node->extents,
                                   n,
                                   operands,
                                   node->contract.n_domain,
                                   node->contract.domain,
                                   node->contract.n_sliced,
                                   node->contract.sliced,
                                   false,
                                   node->contract.named};
    return ir_contract(simplifying->context, &contract);
}

static const struct ir_node *without_factor(const struct simplifying *simplifying, const struct ir_node *node, uint32_t factor)
{
    struct ir_access *operands = ARENA_ARRAY(ir_arena(simplifying->context), node->n_operands, struct ir_access);
    uint32_t n = 0;
    for (uint32_t k = 0; operands && k < node->n_operands; k++)
        if (k != factor)
            operands[n++] = node->operands[k];
    return operands ? with_factors(simplifying, node, n, operands) : NULL;
}

static bool access_uses_index(const struct ir_access *access, uint32_t index)
{
    for (uint32_t k = 0; k < access->node->rank; k++)
        if (poly_uses_index(access->subscripts[k], index))
            return true;
    return false;
}

static bool domain_uses_index(const struct ir_node *node, uint32_t index)
{
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        if (poly_uses_index(node->contract.domain[k], index))
            return true;
    return false;
}

/* ---- taking an index away ---- */

/* What stands for each index when `gone` is replaced by `value` (over the old indices below it) and those above move down. */
static const struct poly **moved_down(const struct simplifying *simplifying, const struct ir_node *node, uint32_t gone,
                                      const struct poly *value)
{
    const struct poly **replacements = ARENA_ARRAY(ir_arena(simplifying->context), node->n_indices, const struct poly *);
    for (uint32_t k = 0; replacements && k < node->n_indices; k++)
        replacements[k] = k == gone ? value : poly_index(simplifying->context, k < gone ? k : k - 1);
    return replacements;
}

/* The contraction with summed index `gone` replaced by `value`. */
static const struct ir_node *without_index(const struct simplifying *simplifying, const struct ir_node *node, uint32_t gone,
                                           const struct poly *value)
{
    struct ir_context *context = simplifying->context;
    struct arena *arena = ir_arena(context);
    const struct poly **replacements = moved_down(simplifying, node, gone, value);
    const struct poly **extents = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    const struct poly **domain = ARENA_ARRAY(arena, node->contract.n_domain, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(arena, node->n_operands, struct ir_access);
    /* Slicing is decided after this pass; a contraction that has it already is left as it was planned. */
    if (!replacements || !extents || !domain || !operands || node->contract.n_sliced > 0)
        return NULL;
    for (uint32_t k = 0; k < node->n_indices; k++)
        if (k != gone)
            extents[k < gone ? k : k - 1] = node->extents[k];
    struct poly_ranges ranges = {node->n_indices - 1, extents};
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        domain[k] = poly_substitute(context, node->contract.domain[k], node->n_indices, replacements, &ranges);
    for (uint32_t k = 0; k < node->n_operands; k++)
        operands[k] = ir_access_substitute(context, node->operands[k], node->n_indices, replacements, &ranges);
    struct ir_contract contract = {node->contract.ring,
                                   node->elem,
                                   node->contract.accumulator,
                                   node->rank,
                                   node->n_indices - 1,
                                   extents,
                                   node->n_operands,
                                   operands,
                                   node->contract.n_domain,
                                   domain,
                                   0,
                                   NULL,
                                   false,
                                   node->contract.named};
    return ir_contract(context, &contract);
}

/* What the indices are called stays known when `gone` is taken out of `from`. Gives `to`. */
static const struct ir_node *with_names(const struct simplifying *simplifying, const struct ir_node *from, uint32_t gone,
                                        const struct ir_node *to)
{
    struct ir_kernel *kernel = simplifying->kernel->kernel;
    const struct ir_name *known = ir_find_name(kernel, from);
    if (!to || !known || !known->index_names || to->n_indices + 1 != from->n_indices)
        return to;
    const char **names = ARENA_ARRAY(ir_arena(simplifying->context), to->n_indices, const char *);
    for (uint32_t k = 0; names && k < to->n_indices; k++)
        names[k] = known->index_names[k < gone ? k : k + 1];
    ir_set_name(simplifying->context, kernel, to, known->name, names, known->span);
    return to;
}

/* ---- sums over nothing ---- */

/* The ring's zero as the accumulator ends up in the result: a wider integer's least value wraps. */
static struct ir_number empty_sum(const struct ir_node *node)
{
    struct ir_number zero = ir_ring_zero(node->contract.ring, node->contract.accumulator);
    return ir_elem_is_integer(node->elem) ? ir_number_integer(node->elem, zero.i) : ir_ring_zero(node->contract.ring, node->elem);
}

const struct ir_node *simplify_contract_empty(const struct simplifying *simplifying, const struct ir_node *node)
{
    for (uint32_t k = node->rank; k < node->n_indices; k++)
        if (poly_equals(node->extents[k], 0))
            return spread_scalar(simplifying, empty_sum(node), node->rank, node->shape);
    return NULL;
}

const struct ir_node *simplify_contract_extent_one(const struct simplifying *simplifying, const struct ir_node *node)
{
    bool last_sum = node->n_indices == node->rank + 1;
    if (simplifying->exact && last_sum && ir_ring_zero_tells(node->contract.ring, node->contract.accumulator))
        return NULL;
    for (uint32_t k = node->rank; k < node->n_indices; k++)
        if (poly_equals(node->extents[k], 1))
            return with_names(simplifying, node, k, without_index(simplifying, node, k, poly_constant(simplifying->context, 0)));
    return NULL;
}

/* ---- an index that no operand has ---- */

static bool is_unused(const struct ir_node *node, uint32_t index)
{
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (access_uses_index(&node->operands[k], index))
            return false;
    return !domain_uses_index(node, index);
}

/* n * the rest, as one more factor in front. */
static const struct ir_node *times_extent(const struct simplifying *simplifying, const struct ir_node *node, int64_t extent)
{
    enum ir_elem elem = node->contract.accumulator; /* wide enough for the extent */
    struct ir_number number = sums_floats(node) && ir_elem_is_complex(elem) ? ir_number_complex(elem, (double)extent, 0)
                              : sums_floats(node)                           ? ir_number_real(elem, (double)extent)
                                                                            : ir_number_integer(elem, extent);
    struct ir_access *operands = ARENA_ARRAY(ir_arena(simplifying->context), (size_t)node->n_operands + 1, struct ir_access);
    const struct ir_node *scalar = ir_scalar(simplifying->context, number);
    if (!operands || !scalar)
        return NULL;
    operands[0] = ir_access_whole(simplifying->context, scalar);
    for (uint32_t k = 0; k < node->n_operands; k++)
        operands[k + 1] = node->operands[k];
    return with_factors(simplifying, node, node->n_operands + 1, operands);
}

enum { LARGEST_EXACT_FACTOR = 1 << 24 }; /* whole numbers up to here are exact in f32 */

const struct ir_node *simplify_contract_unused_index(const struct simplifying *simplifying, const struct ir_node *node)
{
    for (uint32_t k = node->rank; k < node->n_indices; k++) {
        int64_t extent;
        if (!is_unused(node, k) || !poly_is_constant(node->extents[k], &extent) || extent < 1)
            continue;
        const struct poly *zero = poly_constant(simplifying->context, 0);
        if (is_idempotent(node->contract.ring))
            return with_names(simplifying, node, k, without_index(simplifying, node, k, zero));
        bool allowed = !(simplifying->exact && sums_floats(node)) && extent <= LARGEST_EXACT_FACTOR;
        if (node->contract.ring != IR_RING_plustimes || !allowed)
            continue;
        const struct ir_node *fewer = without_index(simplifying, node, k, zero);
        return fewer ? with_names(simplifying, node, k, times_extent(simplifying, fewer, extent)) : NULL;
    }
    return NULL;
}

/* ---- factors ---- */

const struct ir_node *simplify_contract_single(const struct simplifying *simplifying, const struct ir_node *node)
{
    if (node->n_operands != 1 || node->n_indices != node->rank || node->contract.n_domain > 0 || node->contract.n_sliced > 0)
        return NULL;
    enum ir_elem elem = node->operands[0].node->elem;
    if (elem == node->elem)
        return ir_view(simplifying->context, node->rank, node->shape, node->operands[0]);
    const struct ir_expr *value = ir_expr_operand(simplifying->context, 0, elem);
    return ir_map(simplifying->context, node->rank, node->shape, 1, node->operands,
                  ir_expr_cast(simplifying->context, node->elem, value));
}

/* Is each index of operand `factor` also one of another operand's, so that it can go? */
static bool indices_stand_elsewhere(const struct ir_node *node, uint32_t factor)
{
    for (uint32_t index = 0; index < node->n_indices; index++) {
        if (!access_uses_index(&node->operands[factor], index))
            continue;
        bool elsewhere = index < node->rank;
        for (uint32_t k = 0; k < node->n_operands && !elsewhere; k++)
            elsewhere = k != factor && access_uses_index(&node->operands[k], index);
        if (!elsewhere)
            return false;
    }
    return true;
}

const struct ir_node *simplify_contract_one(const struct simplifying *simplifying, const struct ir_node *node)
{
    /* x * 1 keeps every bit in real types; x + 0 and a complex product may change the sign of a zero. */
    bool keeps_bits = !sums_floats(node) || (node->contract.ring == IR_RING_plustimes && ir_elem_is_float(node->elem));
    if (node->n_operands < 2 || !has_multiply(node) || (simplifying->exact && !keeps_bits))
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        struct ir_number one = ir_ring_one(node->contract.ring, access->node->elem);
        bool same_fill = !access->fill || ir_number_equal(*access->fill, one);
        if (same_fill && constant_is_all(access->node, one) && indices_stand_elsewhere(node, k))
            return without_factor(simplifying, node, k);
    }
    return NULL;
}

/* Product in the ring of two numbers, when it is exact. */
static bool exact_product(const struct simplifying *simplifying, enum ir_ring ring, struct ir_number a, struct ir_number b,
                          struct ir_number *product)
{
    struct ir_context *context = simplifying->context;
    if (a.elem != b.elem)
        return false;
    const struct ir_expr *arguments[2] = {ir_expr_literal(context, a), ir_expr_literal(context, b)};
    const struct ir_expr *folded = ir_expr_apply(context, ir_ring_info(ring)->multiply, 2, arguments);
    if (!folded || folded->op != IR_EXPR_literal)
        return false;
    *product = folded->literal;
    if (!ir_elem_is_float(a.elem))
        return ir_elem_is_integer(a.elem) || a.elem == IR_bool;
    /* Products of numbers of up to half the type's bits are exact: 26 in f64, 12 in f32, 5 and 4 in the 16-bit types; sums likewise
     * when they can be undone. */
    if (ring != IR_RING_plustimes)
        return product->re - a.re == b.re && product->re - b.re == a.re;
    double scale = a.elem == IR_f64 ? 0x1p26 : a.elem == IR_f32 ? 0x1p12 : a.elem == IR_f16 ? 0x1p5 : 0x1p4;
    bool small = a.re == (double)(int64_t)a.re && b.re == (double)(int64_t)b.re && a.re <= scale && a.re >= -scale &&
                 b.re <= scale && b.re >= -scale;
    return small;
}

static bool is_literal_factor(const struct ir_access *access)
{
    return is_scalar_constant(access->node) && !access->conjugate;
}

const struct ir_node *simplify_contract_literals(const struct simplifying *simplifying, const struct ir_node *node)
{
    if (!has_multiply(node) || (simplifying->exact && sums_floats(node)))
        return NULL;
    for (uint32_t i = 0; i < node->n_operands; i++)
        for (uint32_t j = i + 1; j < node->n_operands; j++) {
            struct ir_number product;
            if (!is_literal_factor(&node->operands[i]) || !is_literal_factor(&node->operands[j]) ||
                !exact_product(simplifying, node->contract.ring, constant_element(node->operands[i].node, 0),
                               constant_element(node->operands[j].node, 0), &product))
                continue;
            const struct ir_node *fewer = without_factor(simplifying, node, j);
            struct ir_access *operands =
                fewer ? arena_copy(ir_arena(simplifying->context), fewer->operands, fewer->n_operands, sizeof *fewer->operands)
                      : NULL;
            const struct ir_node *scalar = ir_scalar(simplifying->context, product);
            if (!operands || !scalar)
                return NULL;
            operands[i] = ir_access_whole(simplifying->context, scalar);
            return with_factors(simplifying, fewer, fewer->n_operands, operands);
        }
    return NULL;
}

/* ---- deltas ---- */

/* Is the operand the identity matrix under two different bare indices, of which `*gone` is summed? */
static bool is_delta(const struct ir_node *node, const struct ir_access *access, uint32_t *kept, uint32_t *gone)
{
    if (access->node->op != IR_const_node || access->node->rank != 2 || access->fill || access->node->constant->exact ||
        !poly_is_index(access->subscripts[0], kept) || !poly_is_index(access->subscripts[1], gone) || *kept == *gone)
        return false;
    if (*kept > *gone) {
        uint32_t larger = *kept;
        *kept = *gone;
        *gone = larger;
    }
    const struct poly *extent = access->node->shape[0];
    return *gone >= node->rank && node->extents[*kept] == extent && node->extents[*gone] == extent &&
           constant_is_identity(access->node);
}

const struct ir_node *simplify_contract_delta(const struct simplifying *simplifying, const struct ir_node *node)
{
    if (node->contract.ring != IR_RING_plustimes || node->n_operands < 2 || (simplifying->exact && sums_floats(node)))
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        uint32_t kept, gone;
        if (!is_delta(node, &node->operands[k], &kept, &gone))
            continue;
        const struct ir_node *fewer = without_factor(simplifying, node, k);
        if (fewer)
            fewer = without_index(simplifying, fewer, gone, poly_index(simplifying->context, kept));
        return with_names(simplifying, node, gone, fewer);
    }
    return NULL;
}
