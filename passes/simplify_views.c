/* Rules on views, and reading through them.
 *
 * An access A to a view V of x becomes an access to x whose subscripts are V's with A's put in. Fills need care: the fill of V
 * stands where x's subscripts leave x, that of A where A's leave V. The composed access has one guard, on x, so with a fill on A
 * that guard must hold exactly where both did. A composition that brings in a division where there was none is left alone: the view
 * is then cheaper stored. Where the place in x's memory still is free of divisions (a reshape) views and maps take it nevertheless.
 */
#include <string.h>

#include "simplify_internal.h"

/* Elements of a constant that may be moved about while compiling. */
enum { MOST_REARRANGED = 4096 };

static bool has_atom(const struct poly *a, enum poly_atom_kind kind)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        for (uint32_t f = 0; f < a->terms[k].n_factors; f++)
            if (a->terms[k].factors[f]->kind == kind)
                return true;
    return false;
}

static bool any_has_atom(const struct ir_access *access, enum poly_atom_kind kind)
{
    for (uint32_t k = 0; k < access->node->rank; k++)
        if (has_atom(access->subscripts[k], kind))
            return true;
    return false;
}

bool access_is_whole(const struct ir_access *access, uint32_t rank, const struct poly *const *shape)
{
    if (access->conjugate || access->node->rank != rank)
        return false;
    for (uint32_t k = 0; k < rank; k++) {
        uint32_t index;
        bool own = (poly_is_index(access->subscripts[k], &index) && index == k) ||
                   (poly_equals(access->subscripts[k], 0) && poly_equals(shape[k], 1));
        if (!own || access->node->shape[k] != shape[k])
            return false;
    }
    return true;
}

const struct ir_node *spread_scalar(const struct simplifying *simplifying, struct ir_number number, uint32_t rank,
                                    const struct poly *const *shape)
{
    const struct ir_node *scalar = ir_scalar(simplifying->context, number);
    if (!scalar || rank == 0)
        return scalar;
    return ir_view(simplifying->context, rank, shape, ir_access_whole(simplifying->context, scalar));
}

/* ---- composing ---- */

/* Does axis `axis` of the view leave its extent only where the viewed tensor is left too? It does when some subscript is the axis
 * plus c <= 0 with extent + c not below the tensor's. */
static bool leaves_with_axis(struct ir_context *context, const struct ir_node *view, uint32_t axis)
{
    const struct ir_access *inner = &view->operands[0];
    for (uint32_t k = 0; k < inner->node->rank; k++) {
        const struct poly *shift = poly_subtract(context, inner->subscripts[k], poly_index(context, axis));
        if (!shift || poly_index_limit(shift) > 0)
            continue;
        const struct poly *over = poly_subtract(context, poly_add(context, view->shape[axis], shift), inner->node->shape[k]);
        if (poly_prove_nonnegative(context, poly_scale(context, shift, -1), NULL) && poly_prove_nonnegative(context, over, NULL))
            return true;
    }
    return false;
}

/* For an access with a fill: is the viewed tensor left wherever the view is? */
static bool guard_carries_over(struct ir_context *context, const struct ir_access *access, const struct poly_ranges *ranges)
{
    const struct ir_node *view = access->node;
    if (any_has_atom(&view->operands[0], POLY_TABLE) || any_has_atom(access, POLY_TABLE))
        return false;
    for (uint32_t k = 0; k < view->rank; k++)
        if (!poly_prove_within(context, access->subscripts[k], view->shape[k], ranges) && !leaves_with_axis(context, view, k))
            return false;
    return true;
}

static struct ir_number conjugated(struct ir_number number)
{
    return ir_elem_is_complex(number.elem) ? ir_number_complex(number.elem, number.re, -number.im) : number;
}

/* The fill of the composed access; false when there is none that is right. */
static bool compose_fill(const struct simplifying *simplifying, const struct ir_access *access, const struct poly_ranges *ranges,
                         const struct ir_number **fill)
{
    struct ir_context *context = simplifying->context;
    const struct ir_number *inner = access->node->operands[0].fill;
    *fill = access->fill;
    if (!inner && !access->fill)
        return true;
    struct ir_number seen = {0};
    if (inner)
        seen = access->conjugate ? conjugated(*inner) : *inner;
    if (inner && !access->fill) {
        *fill = arena_copy(ir_arena(context), &seen, 1, sizeof seen);
        return *fill != NULL;
    }
    return (!inner || ir_number_equal(seen, *access->fill)) && guard_carries_over(context, access, ranges);
}

/* Divisions that the composition would bring in, counted where they cost. */
static bool brings_division(const struct simplifying *simplifying, const struct ir_node *user, const struct ir_access *access,
                            const struct ir_access *composed)
{
    if (!any_has_atom(composed, POLY_FLOOR) || any_has_atom(access, POLY_FLOOR))
        return false;
    if (user->op == IR_contract_node || composed->fill)
        return true;
    const struct poly *place = ir_linear_offset(simplifying->context, composed->node, composed->subscripts);
    return !place || has_atom(place, POLY_FLOOR);
}

static bool compose(const struct simplifying *simplifying, const struct ir_node *user, const struct ir_access *access,
                    struct ir_access *composed)
{
    const struct ir_node *view = access->node;
    struct poly_ranges ranges = ir_ranges(user);
    const struct ir_number *fill;
    if (view->op != IR_view_node || ir_is_checked_access(simplifying->context, access, &ranges) ||
        !compose_fill(simplifying, access, &ranges, &fill))
        return false;
    *composed = ir_access_substitute(simplifying->context, view->operands[0], view->rank, access->subscripts, &ranges);
    if (!composed->node)
        return false;
    composed->conjugate = view->operands[0].conjugate != access->conjugate;
    composed->fill = fill;
    return !brings_division(simplifying, user, access, composed);
}

const struct ir_node *read_through(const struct simplifying *simplifying, const struct ir_node *node)
{
    struct ir_access *operands =
        arena_copy(ir_arena(simplifying->context), node->operands, node->n_operands, sizeof *node->operands);
    bool changed = false;
    for (uint32_t k = 0; operands && k < node->n_operands; k++) {
        struct ir_access composed;
        if (!compose(simplifying, node, &node->operands[k], &composed))
            continue;
        operands[k] = composed;
        changed = true;
    }
    return changed ? ir_with_operands(simplifying->context, node, operands) : NULL;
}

/* ---- rules ---- */

const struct ir_node *simplify_view_whole(const struct simplifying *simplifying, const struct ir_node *node)
{
    (void)simplifying;
    return access_is_whole(&node->operands[0], node->rank, node->shape) ? node->operands[0].node : NULL;
}

const struct ir_node *simplify_view_through(const struct simplifying *simplifying, const struct ir_node *node)
{
    return read_through(simplifying, node);
}

const struct ir_node *simplify_view_fill_unneeded(const struct simplifying *simplifying, const struct ir_node *node)
{
    struct ir_access access = node->operands[0];
    struct poly_ranges ranges = ir_ranges(node);
    if (!access.fill)
        return NULL;
    for (uint32_t k = 0; k < access.node->rank; k++)
        if (!poly_prove_within(simplifying->context, access.subscripts[k], access.node->shape[k], &ranges))
            return NULL;
    access.fill = NULL;
    return ir_view(simplifying->context, node->rank, node->shape, access);
}

/* Copies the element that the access names at these indices, or its fill. */
static bool copy_element(const struct ir_access *access, const int64_t *indices, char *to)
{
    size_t offset = 0, bytes = ir_elem_info(access->node->elem)->bytes;
    bool inside = true;
    for (uint32_t k = 0; k < access->node->rank; k++) {
        int64_t subscript, extent;
        if (!poly_evaluate(access->subscripts[k], NULL, indices, &subscript) || !poly_is_constant(access->node->shape[k], &extent))
            return false;
        inside = inside && subscript >= 0 && subscript < extent;
        offset = offset * (size_t)extent + (inside ? (size_t)subscript : 0);
    }
    if (inside)
        memcpy(to, (const char *)access->node->constant->data + offset * bytes, bytes);
    else if (access->fill)
        ir_number_store(*access->fill, to, 0);
    return inside || access->fill;
}

/* The next point in C order; false after the last. */
static bool step(uint32_t rank, const int64_t *extents, int64_t *indices)
{
    for (uint32_t k = rank; k-- > 0;) {
        if (++indices[k] < extents[k])
            return true;
        indices[k] = 0;
    }
    return false;
}

const struct ir_node *simplify_view_of_constant(const struct simplifying *simplifying, const struct ir_node *node)
{
    struct ir_context *context = simplifying->context;
    const struct ir_access *access = &node->operands[0];
    const struct ir_node *source = access->node;
    int64_t count, *extents = ARENA_ARRAY(ir_arena(context), node->rank, int64_t);
    int64_t *indices = ARENA_ARRAY(ir_arena(context), node->rank, int64_t);
    size_t available, bytes = ir_elem_info(source->elem)->bytes;
    /* Only where reading through would divide or look up. A constant is rearranged, not blown up, and what was said of the error of
     * one is not said of another. */
    bool costly = any_has_atom(access, POLY_FLOOR) || any_has_atom(access, POLY_TABLE);
    if (!costly || !extents || !indices || !constant_count(source, &available) || source->rank == 0 ||
        source->constant->within > 0 || access->conjugate ||
        (access->fill && !ir_elem_is_float(source->elem) && !ir_elem_is_complex(source->elem)) ||
        !poly_is_constant(ir_element_count(context, node), &count) || count == 0 || count > MOST_REARRANGED ||
        (size_t)count > available)
        return NULL;
    for (uint32_t k = 0; k < node->rank; k++)
        poly_is_constant(node->shape[k], &extents[k]);
    char *data = ARENA_ARRAY(ir_arena(context), (size_t)count * bytes, char), *at = data;
    if (!data)
        return NULL;
    do {
        if (!copy_element(access, indices, at))
            return NULL;
        at += bytes;
    } while (step(node->rank, extents, indices));
    struct ir_constant constant = {
        .data = data, .bytes = (size_t)count * bytes, .exact = source->constant->exact, .name = source->constant->name};
    return ir_constant(context, node->elem, node->rank, node->shape, &constant);
}

const struct ir_node *simplify_contract_through(const struct simplifying *simplifying, const struct ir_node *node)
{
    return read_through(simplifying, node);
}

const struct ir_node *simplify_map_through(const struct simplifying *simplifying, const struct ir_node *node)
{
    return read_through(simplifying, node);
}
