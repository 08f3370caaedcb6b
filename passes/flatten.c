/* Canonical contractions: a contraction read by a contraction of the same ring becomes part of it, so that one string, one
 * statement and three `let`s give the same n-ary node; operands sorted, summed indices numbered (contraction.c). A map that only
 * multiplies (in the ring's sense) operands and literals is a contraction that sums nothing.
 *
 * A contraction is taken in when it has one user, the access has no fill, and each of its subscripts is a constant or an
 * injective function of one index: then the user's index space holds no more points than it must. Views between are composed
 * under the same condition. Contractions with a domain stay: a condition has to wait for the root, which would keep their
 * indices alive. Class: `reassoc`; in `exact` kernels only integers and bools move (contraction_may_regroup). */
#include "flatten.h"
#include "contraction.h"
#include "order.h"

struct flattening {
    struct ir_context *context;
    struct ir_kernel *kernel;
    bool shared;
    uint32_t *uses; /* of nodes by id */
    size_t n_uses, uses_capacity;
};

static bool uses_reserve(struct flattening *flattening, uint32_t id)
{
    while (flattening->n_uses <= id)
        if (!ARENA_PUSH(ir_arena(flattening->context), flattening->uses, flattening->n_uses, flattening->uses_capacity, 0))
            return false;
    return true;
}

static bool is_single_use(const struct flattening *flattening, const struct ir_node *node)
{
    return flattening->shared || (node->id < flattening->n_uses && flattening->uses[node->id] <= 1);
}

/* A constant, or c * index + d with a constant c, nothing looked up at run time. */
static bool is_injective(struct ir_context *context, const struct poly *subscript)
{
    uint32_t limit = poly_index_limit(subscript);
    const struct poly *coefficient = NULL, *rest = NULL;
    if (limit == 0 || poly_is_run_time(subscript))
        return !poly_is_run_time(subscript);
    return poly_split_index(context, subscript, limit - 1, &coefficient, &rest) && poly_is_constant(coefficient, NULL) &&
           poly_index_limit(rest) == 0;
}

static bool all_injective(struct ir_context *context, const struct ir_access *access)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (!access->subscripts[axis] || !is_injective(context, access->subscripts[axis]))
            return false;
    return true;
}

/* Conjugating the whole conjugates each operand, and the number that stands outside one. */
static struct ir_access conjugate_access(struct ir_context *context, struct ir_access access)
{
    access.conjugate = !access.conjugate;
    if (access.fill && ir_elem_is_complex(access.fill->elem)) {
        struct ir_number fill = ir_number_complex(access.fill->elem, access.fill->re, -access.fill->im);
        access.fill = arena_copy(ir_arena(context), &fill, 1, sizeof fill);
    }
    return access;
}

/* Reads through views that only rename, slice or reverse. False when a view in between has other users. */
static bool through_views(const struct flattening *flattening, struct contraction *contraction, size_t operand)
{
    struct ir_context *context = flattening->context;
    struct ir_access *access = &contraction->operands[operand];
    struct poly_ranges ranges = {(uint32_t)contraction->n_indices, contraction->extents};
    bool single = true;
    while (access->node && access->node->op == IR_view_node && !access->fill && !ir_is_checked_access(context, access, &ranges)) {
        const struct ir_node *view = access->node;
        struct ir_access inner = ir_access_substitute(context, view->operands[0], view->n_indices, access->subscripts, &ranges);
        if (!inner.node || !all_injective(context, &inner))
            break;
        single = single && is_single_use(flattening, view);
        *access = access->conjugate ? conjugate_access(context, inner) : inner;
    }
    return single;
}

/* ---- maps that are products ---- */

/* Adds the factors of an expression to the product; false when it is none, or has too many factors. */
static bool add_factors(struct contraction *product, const struct ir_node *map, const struct ir_expr *expr)
{
    struct ir_context *context = product->context;
    if (expr->elem != product->elem || product->n_operands >= ORDER_OPERANDS)
        return false;
    if (expr->op == IR_EXPR_operand)
        return contraction_add_operand(product, map->operands[expr->operand]);
    if (expr->op == IR_EXPR_literal) {
        const struct ir_node *scalar = ir_scalar(context, expr->literal);
        return scalar && contraction_add_operand(product, ir_access_whole(context, scalar));
    }
    return expr->op == ir_ring_info(product->ring)->multiply && add_factors(product, map, expr->arguments[0]) &&
           add_factors(product, map, expr->arguments[1]);
}

/* What can become part of `outer`: a contraction of its ring, or a map that is a product in it. False: neither. */
static bool open_inner(const struct flattening *flattening, const struct contraction *outer, const struct ir_node *node,
                       struct contraction *inner)
{
    struct ir_context *context = flattening->context;
    if (node->elem != outer->elem || (node->op != IR_contract_node && node->op != IR_map_node))
        return false;
    if (node->op == IR_contract_node) {
        if (node->contract.ring != outer->ring || node->contract.accumulator != outer->accumulator || node->contract.n_domain ||
            !contraction_may_regroup(flattening->kernel, node))
            return false;
        *inner = contraction_open(context, flattening->kernel, node);
        return true;
    }
    *inner = (struct contraction){.context = context, .ring = outer->ring, .elem = outer->elem, .rank = node->rank};
    for (uint32_t axis = 0; axis < node->rank; axis++)
        contraction_add_index(inner, node->shape[axis], NULL);
    return add_factors(inner, node, node->body) && inner->n_operands > 0;
}

static bool may_inline(const struct flattening *flattening, const struct contraction *outer, const struct ir_access *access,
                       struct contraction *inner)
{
    if (access->fill || !is_single_use(flattening, access->node) || !all_injective(flattening->context, access) ||
        !open_inner(flattening, outer, access->node, inner))
        return false;
    return outer->n_indices + inner->n_indices <= ORDER_LABELS && outer->n_operands + inner->n_operands <= ORDER_OPERANDS;
}

/* Puts the operands of a contraction in the place of operand `at`. */
static bool inline_operand(struct ir_context *context, struct contraction *outer, size_t at, const struct contraction *inner)
{
    struct ir_access access = outer->operands[at];
    const struct poly **replacements = ARENA_ARRAY(ir_arena(context), inner->n_indices, const struct poly *);
    if (!replacements)
        return false;
    for (uint32_t index = 0; index < inner->n_indices; index++) {
        replacements[index] = index < inner->rank ? access.subscripts[index] : NULL;
        if (index >= inner->rank)
            replacements[index] = poly_index(context, contraction_add_index(outer, inner->extents[index], inner->names[index]));
    }
    struct poly_ranges ranges = {(uint32_t)outer->n_indices, outer->extents};
    for (size_t k = 0; k < inner->n_operands; k++) {
        struct ir_access moved =
            ir_access_substitute(context, inner->operands[k], (uint32_t)inner->n_indices, replacements, &ranges);
        if (access.conjugate)
            moved = conjugate_access(context, moved);
        if (k == 0)
            outer->operands[at] = moved;
        else if (!contraction_add_operand(outer, moved))
            return false;
    }
    return !arena_failed(ir_arena(context));
}

/* An index of another statement may have had the same name; the first keeps it. */
static void unique_names(struct contraction *contraction)
{
    for (size_t index = 1; index < contraction->n_names; index++)
        for (size_t earlier = 0; earlier < index && contraction->names[index]; earlier++) {
            const char *a = contraction->names[index], *b = contraction->names[earlier];
            size_t same = 0;
            while (b && a[same] && a[same] == b[same])
                same++;
            if (b && a[same] == b[same])
                contraction->names[index] = NULL;
        }
}

static const struct ir_node *flatten_node(const struct flattening *flattening, const struct ir_node *node)
{
    struct contraction contraction = contraction_open(flattening->context, flattening->kernel, node);
    for (size_t k = 0; k < contraction.n_operands && !arena_failed(ir_arena(flattening->context));) {
        struct contraction inner;
        bool single = through_views(flattening, &contraction, k);
        if (!single || !contraction.operands[k].node || !may_inline(flattening, &contraction, &contraction.operands[k], &inner)) {
            k++;
            continue;
        }
        if (!inline_operand(flattening->context, &contraction, k, &inner))
            return NULL;
    }
    unique_names(&contraction);
    const struct ir_name *name = ir_find_name(flattening->kernel, node);
    const struct ir_node *flat = contraction_close(&contraction);
    if (flat && flat != node)
        ir_set_name(flattening->context, flattening->kernel, flat, name ? name->name : NULL, contraction.names,
                    name ? name->span : SPAN_NONE);
    return flat;
}

static bool count_uses(struct flattening *flattening, const struct ir_node *const *nodes, size_t count, uint32_t *uses)
{
    for (size_t k = 0; k < count; k++)
        for (uint32_t operand = 0; operand < nodes[k]->n_operands; operand++)
            uses[nodes[k]->operands[operand].node->id]++;
    for (uint32_t k = 0; k < flattening->kernel->n_outputs; k++)
        if (flattening->kernel->outputs[k].node)
            uses[flattening->kernel->outputs[k].node->id]++;
    return true;
}

static const struct ir_node *flatten_one(const struct flattening *flattening, const struct ir_node *node,
                                         const struct ir_node *const *rebuilt)
{
    struct ir_context *context = flattening->context;
    struct ir_access *operands = arena_copy(ir_arena(context), node->operands, node->n_operands, sizeof *operands);
    if (!operands && node->n_operands)
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++)
        operands[k].node = rebuilt[operands[k].node->id];
    const struct ir_node *again = node->n_operands ? ir_with_operands(context, node, operands) : node;
    if (!again)
        return NULL;
    const struct ir_name *name = ir_find_name(flattening->kernel, node);
    if (again != node && name)
        ir_set_name(context, flattening->kernel, again, name->name, name->index_names, name->span);
    return contraction_may_regroup(flattening->kernel, again) ? flatten_node(flattening, again) : again;
}

bool flatten_kernel(struct ir_context *context, struct ir_kernel *kernel, bool shared)
{
    struct flattening flattening = {.context = context, .kernel = kernel, .shared = shared};
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    uint32_t limit = count ? nodes[count - 1]->id + 1 : 0;
    const struct ir_node **rebuilt = ARENA_ARRAY(ir_arena(context), limit, const struct ir_node *);
    uint32_t *uses = ARENA_ARRAY(ir_arena(context), limit, uint32_t);
    if (arena_failed(ir_arena(context)))
        return false;
    count_uses(&flattening, nodes, count, uses);
    for (size_t k = 0; k < count; k++) {
        const struct ir_node *node = flatten_one(&flattening, nodes[k], rebuilt);
        if (!node || !uses_reserve(&flattening, node->id))
            return false;
        rebuilt[nodes[k]->id] = node;
        flattening.uses[node->id] += uses[nodes[k]->id];
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node)
            kernel->outputs[k].node = rebuilt[kernel->outputs[k].node->id];
    return true;
}

static const struct poly *flops_naive(struct ir_context *context, const struct ir_kernel *kernel)
{
    size_t count;
    const struct poly *flops = poly_constant(context, 0);
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++) {
        const struct ir_node *node = nodes[k];
        const struct poly *own = node->op == IR_scan_node
                                     ? poly_multiply(context, flops_naive(context, node->scan->step), node->scan->extent)
                                 : node->op == IR_contract_node ? contraction_flops_naive(context, node)
                                                                : ir_node_work(context, node).flops;
        flops = poly_add(context, flops, own);
    }
    return flops;
}

enum einc_status pass_flatten(struct pass_kernel *kernel)
{
    if (!flatten_kernel(kernel->context, kernel->kernel, false))
        return EINC_NO_MEMORY;
    if (!kernel->rewritten)
        kernel->flops_naive = flops_naive(kernel->context, kernel->kernel);
    return ir_status(kernel->context);
}
