/* Contractions under construction, and the canonical form that makes equal contractions equal nodes.
 *
 * Axes are fixed by position, summed indices have no name of their own: each gets a colour from the extents and operands it occurs
 * in, refined a few rounds (as graph colouring does it), operands are sorted by node and colour, and summed indices are numbered as
 * they first occur. Two ways to write a contraction with equal colours on different things may stay two nodes: that costs a shared
 * subexpression, never a wrong value. */
#include "contraction.h"

#include <string.h>

bool contraction_may_regroup(const struct ir_kernel *kernel, const struct ir_node *node)
{
    if (node->op != IR_contract_node || node->contract.n_sliced || ir_ring_info(node->contract.ring)->multiply == IR_EXPR_OP_COUNT)
        return false;
    enum ir_ring ring = node->contract.ring;
    if (ir_elem_is_integer(node->elem))
        return ring != IR_RING_minplus && ring != IR_RING_maxplus;
    return node->elem == IR_bool || kernel->numeric_class != IR_CLASS_EXACT;
}

bool contraction_zero_absorbs(const struct ir_node *node)
{
    enum ir_ring ring = node->contract.ring;
    bool ordered = ring == IR_RING_minplus || ring == IR_RING_maxplus;
    return ring != IR_RING_prod && (!ordered || ir_elem_is_float(node->elem));
}

struct contraction contraction_open(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_node *node)
{
    struct contraction contraction = {.context = context,
                                      .ring = node->contract.ring,
                                      .elem = node->elem,
                                      .accumulator = node->contract.accumulator,
                                      .rank = node->rank};
    const struct ir_name *name = kernel ? ir_find_name(kernel, node) : NULL;
    for (uint32_t k = 0; k < node->n_indices; k++)
        contraction_add_index(&contraction, node->extents[k], name && name->index_names ? name->index_names[k] : NULL);
    for (uint32_t k = 0; k < node->n_operands; k++)
        contraction_add_operand(&contraction, node->operands[k]);
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        contraction_add_condition(&contraction, node->contract.domain[k]);
    return contraction;
}

uint32_t contraction_add_index(struct contraction *contraction, const struct poly *extent, const char *name)
{
    struct arena *arena = ir_arena(contraction->context);
    uint32_t number = (uint32_t)contraction->n_indices;
    bool kept = ARENA_PUSH(arena, contraction->extents, contraction->n_indices, contraction->extents_capacity, extent) &&
                ARENA_PUSH(arena, contraction->names, contraction->n_names, contraction->names_capacity, name);
    return kept ? number : UINT32_MAX;
}

bool contraction_add_operand(struct contraction *contraction, struct ir_access access)
{
    return ARENA_PUSH(ir_arena(contraction->context), contraction->operands, contraction->n_operands,
                      contraction->operands_capacity, access);
}

bool contraction_add_condition(struct contraction *contraction, const struct poly *condition)
{
    return ARENA_PUSH(ir_arena(contraction->context), contraction->domain, contraction->n_domain, contraction->domain_capacity,
                      condition);
}

/* ---- colours ---- */

/* A subscript with its indices replaced by their colours. */
static uint64_t subscript_colour(struct ir_context *context, const struct poly *subscript, const uint64_t *colours)
{
    uint64_t colour = subscript->n_terms;
    uint32_t limit = poly_index_limit(subscript);
    for (uint32_t index = 0; index < limit; index++) {
        const struct poly *coefficient = NULL;
        if (!poly_uses_index(subscript, index))
            continue;
        uint64_t role = poly_split_index(context, subscript, index, &coefficient, NULL) && coefficient ? coefficient->id : 1;
        colour += hash_mix(colours[index], role);
    }
    return limit ? colour : hash_mix(colour, subscript->id);
}

static uint64_t operand_colour(const struct contraction *contraction, const struct ir_access *access, const uint64_t *colours)
{
    uint64_t colour = hash_mix(access->node->id, (uint64_t)access->conjugate * 2 + (access->fill != NULL));
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        colour = hash_mix(colour, subscript_colour(contraction->context, access->subscripts[axis], colours));
    return colour;
}

/* What the operands say about each index, added to its colour. */
static void spread_colours(const struct contraction *contraction, const uint64_t *operands, const uint64_t *colours, uint64_t *next)
{
    memcpy(next, colours, contraction->n_indices * sizeof *next);
    for (size_t k = 0; k < contraction->n_operands; k++) {
        const struct ir_access *access = &contraction->operands[k];
        for (uint32_t axis = 0; axis < access->node->rank; axis++)
            for (uint32_t index = 0; index < poly_index_limit(access->subscripts[axis]); index++)
                if (poly_uses_index(access->subscripts[axis], index))
                    next[index] += hash_mix(operands[k], axis);
    }
    for (size_t index = 0; index < contraction->n_indices; index++)
        next[index] = hash_mix(next[index], index < contraction->rank ? index : 0);
}

static const uint64_t *colour_operands(const struct contraction *contraction)
{
    enum { ROUNDS = 3 };
    struct arena *arena = ir_arena(contraction->context);
    size_t n = contraction->n_indices;
    uint64_t *colours = ARENA_ARRAY(arena, n, uint64_t), *next = ARENA_ARRAY(arena, n, uint64_t);
    uint64_t *operands = ARENA_ARRAY(arena, contraction->n_operands, uint64_t);
    if (arena_failed(arena))
        return NULL;
    for (size_t index = 0; index < n; index++)
        colours[index] = index < contraction->rank ? hash_mix(1, index) : hash_mix(2, contraction->extents[index]->id);
    for (int round = 0;; round++) {
        for (size_t k = 0; k < contraction->n_operands; k++)
            operands[k] = operand_colour(contraction, &contraction->operands[k], colours);
        if (round == ROUNDS)
            return operands;
        spread_colours(contraction, operands, colours, next);
        memcpy(colours, next, n * sizeof *colours);
    }
}

/* By node, then by the axes of the result that the access has (so that `B[a,i] * B[b,j]` stays in this order), then by colour. */
static bool comes_before(uint32_t rank, const struct ir_access *a, uint64_t a_colour, const struct ir_access *b, uint64_t b_colour)
{
    if (a->node != b->node)
        return a->node->id < b->node->id;
    for (uint32_t axis = 0; axis < a->node->rank; axis++) {
        uint32_t first = rank, second = rank;
        if (!poly_is_index(a->subscripts[axis], &first) || first > rank)
            first = rank;
        if (!poly_is_index(b->subscripts[axis], &second) || second > rank)
            second = rank;
        if (first != second)
            return first < second;
    }
    return a_colour < b_colour;
}

static bool sort_operands(struct contraction *contraction)
{
    const uint64_t *fixed = colour_operands(contraction);
    uint64_t *colours = arena_copy(ir_arena(contraction->context), fixed, contraction->n_operands, sizeof *colours);
    if (!colours)
        return false;
    for (size_t k = 1; k < contraction->n_operands; k++) {
        struct ir_access access = contraction->operands[k];
        uint64_t colour = colours[k];
        size_t at = k;
        for (; at > 0 && comes_before(contraction->rank, &access, colour, &contraction->operands[at - 1], colours[at - 1]); at--) {
            contraction->operands[at] = contraction->operands[at - 1];
            colours[at] = colours[at - 1];
        }
        contraction->operands[at] = access;
        colours[at] = colour;
    }
    return true;
}

/* ---- renumbering ---- */

/* New numbers of the indices: axes stay, summed ones as they first occur, unused ones last, those of extent 1 UINT32_MAX. */
static uint32_t number_indices(const struct contraction *contraction, uint32_t *numbers)
{
    const uint32_t unseen = UINT32_MAX - 1;
    uint32_t count = contraction->rank, n = (uint32_t)contraction->n_indices;
    for (uint32_t index = 0; index < n; index++)
        numbers[index] = index < count ? index : poly_equals(contraction->extents[index], 1) ? UINT32_MAX : unseen;
    for (size_t k = 0; k < contraction->n_operands; k++) {
        const struct ir_access *access = &contraction->operands[k];
        for (uint32_t axis = 0; axis < access->node->rank; axis++)
            for (uint32_t index = 0; index < poly_index_limit(access->subscripts[axis]); index++)
                if (numbers[index] == unseen && poly_uses_index(access->subscripts[axis], index))
                    numbers[index] = count++;
    }
    for (uint32_t index = 0; index < n; index++)
        if (numbers[index] == unseen)
            numbers[index] = count++;
    return count;
}

static bool renumber(struct contraction *contraction, uint32_t n_sliced, uint32_t *sliced)
{
    struct ir_context *context = contraction->context;
    struct arena *arena = ir_arena(context);
    uint32_t n = (uint32_t)contraction->n_indices;
    uint32_t *numbers = ARENA_ARRAY(arena, n, uint32_t);
    const struct poly **replacements = ARENA_ARRAY(arena, n, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(arena, n, const struct poly *);
    const char **names = ARENA_ARRAY(arena, n, const char *);
    if (arena_failed(arena))
        return false;
    uint32_t count = number_indices(contraction, numbers);
    for (uint32_t index = 0; index < n; index++) {
        replacements[index] = numbers[index] == UINT32_MAX ? poly_constant(context, 0) : poly_index(context, numbers[index]);
        if (numbers[index] == UINT32_MAX)
            continue;
        extents[numbers[index]] = contraction->extents[index];
        names[numbers[index]] = contraction->names[index];
    }
    struct poly_ranges ranges = {count, extents};
    for (size_t k = 0; k < contraction->n_operands; k++)
        contraction->operands[k] = ir_access_substitute(context, contraction->operands[k], n, replacements, &ranges);
    for (size_t k = 0; k < contraction->n_domain; k++)
        contraction->domain[k] = poly_substitute(context, contraction->domain[k], n, replacements, &ranges);
    for (uint32_t k = 0; k < n_sliced; k++)
        sliced[k] = numbers[sliced[k]];
    contraction->extents = extents;
    contraction->names = names;
    contraction->n_indices = contraction->n_names = count;
    contraction->extents_capacity = contraction->names_capacity = n;
    return !arena_failed(arena);
}

const struct ir_node *contraction_close_sliced(struct contraction *contraction, uint32_t n_sliced, const uint32_t *sliced)
{
    struct arena *arena = ir_arena(contraction->context);
    uint32_t *renamed = arena_copy(arena, sliced, n_sliced, sizeof *renamed);
    if (arena_failed(arena) || !sort_operands(contraction) || !renumber(contraction, n_sliced, renamed))
        return NULL;
    return ir_contract(contraction->context, &(struct ir_contract){.ring = contraction->ring,
                                                                   .elem = contraction->elem,
                                                                   .accumulator = contraction->accumulator,
                                                                   .rank = contraction->rank,
                                                                   .n_indices = (uint32_t)contraction->n_indices,
                                                                   .extents = contraction->extents,
                                                                   .n_operands = (uint32_t)contraction->n_operands,
                                                                   .operands = contraction->operands,
                                                                   .n_domain = (uint32_t)contraction->n_domain,
                                                                   .domain = contraction->domain,
                                                                   .n_sliced = n_sliced,
                                                                   .sliced = renamed});
}

const struct ir_node *contraction_close(struct contraction *contraction)
{
    return contraction_close_sliced(contraction, 0, NULL);
}

const struct poly *contraction_flops_naive(struct ir_context *context, const struct ir_node *node)
{
    bool is_complex = ir_elem_is_complex(node->elem);
    const struct poly *points = poly_constant(context, 1);
    for (uint32_t index = 0; index < node->n_indices; index++)
        points = poly_multiply(context, points, node->extents[index]);
    return poly_scale(context, points, (int64_t)(node->n_operands - 1) * (is_complex ? 6 : 1) + (is_complex ? 2 : 1));
}

const struct poly *contraction_compared(struct ir_context *context, const struct ir_expr *expr)
{
    while (expr->op == IR_EXPR_cast && (expr->elem == IR_f64 || expr->elem == IR_i64))
        expr = expr->arguments[0];
    if (expr->op == IR_EXPR_index)
        return expr->index;
    if (expr->op != IR_EXPR_literal)
        return NULL;
    if (ir_elem_is_integer(expr->elem) && expr->elem != IR_u64)
        return poly_constant(context, expr->literal.i);
    bool whole = expr->elem == IR_f64 && expr->literal.re >= -0x1p52 && expr->literal.re <= 0x1p52 &&
                 expr->literal.re == (double)(int64_t)expr->literal.re;
    return whole ? poly_constant(context, (int64_t)expr->literal.re) : NULL;
}

/* An element of a table that is known at run time; NULL: it is no such element. */
static const struct poly *element(struct ir_context *context, const struct ir_node *map, const struct ir_expr *expr)
{
    const struct ir_access *access = &map->operands[expr->operand];
    bool table = (access->node->op == IR_input_node || access->node->op == IR_const_node) && access->node->rank > 0;
    if (!table || access->fill || !ir_elem_is_integer(expr->elem) || expr->elem == IR_u64)
        return NULL;
    return poly_table(context, access->node, access->node->rank, access->subscripts);
}

const struct poly *contraction_compared_element(struct ir_context *context, const struct ir_node *map, const struct ir_expr *expr)
{
    const int64_t half = INT64_C(1) << 31;
    struct poly_ranges ranges = {map->rank, map->shape};
    if (expr->op == IR_EXPR_operand)
        return element(context, map, expr);
    if (expr->op != IR_EXPR_cast || (expr->elem != IR_i32 && expr->elem != IR_i64 && expr->elem != IR_f64))
        return contraction_compared(context, expr);
    const struct ir_expr *inner = expr->arguments[0];
    bool rounds = expr->elem == IR_f64 && inner->op == IR_EXPR_operand && ir_elem_info(inner->elem)->bytes > 4;
    const struct poly *value = rounds ? NULL : contraction_compared_element(context, map, inner);
    if (!value || expr->elem != IR_i32)
        return value;
    return poly_prove_within(context, poly_add(context, value, poly_constant(context, half)), poly_constant(context, 2 * half),
                             &ranges)
               ? value
               : NULL;
}

static bool is_number(const struct ir_expr *expr, struct ir_number number)
{
    return expr->op == IR_EXPR_literal && ir_number_equal(expr->literal, number);
}

const struct poly *contraction_difference(struct ir_context *context, const struct ir_node *node, const struct ir_access *access)
{
    const struct ir_node *map = access->node;
    const struct ir_expr *body = map->op == IR_map_node && !access->fill ? map->body : NULL;
    struct poly_ranges ranges = ir_ranges(node);
    if (!body || body->op != IR_EXPR_select || body->arguments[0]->op != IR_EXPR_eq ||
        !is_number(body->arguments[1], ir_ring_one(node->contract.ring, map->elem)) ||
        !is_number(body->arguments[2], ir_ring_zero(node->contract.ring, map->elem)))
        return NULL;
    const struct poly *a = contraction_compared_element(context, map, body->arguments[0]->arguments[0]),
                      *b = contraction_compared_element(context, map, body->arguments[0]->arguments[1]);
    return a && b ? poly_substitute(context, poly_subtract(context, a, b), map->rank, access->subscripts, &ranges) : NULL;
}

/* ---- a part of a map as a map ---- */

struct used {
    const struct ir_expr **operands; /* by their old numbers */
};

static const struct ir_expr *renumbered(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct used *used = user;
    (void)context;
    return leaf->op == IR_EXPR_operand ? used->operands[leaf->operand] : leaf;
}

/* Which operands and which axes the expression, a part of the map's body, reads. */
static bool find_used(struct ir_context *context, const struct ir_node *map, const struct ir_expr *expr, bool *operands, bool *axes)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    for (size_t k = 0; order && k < count; k++)
        if (order[k]->op == IR_EXPR_operand)
            operands[order[k]->operand] = true;
    for (uint32_t axis = 0; order && axis < map->rank; axis++) {
        axes[axis] = ir_expr_uses_index(expr, axis);
        for (uint32_t k = 0; k < map->n_operands; k++)
            for (uint32_t a = 0; operands[k] && a < map->operands[k].node->rank; a++)
                axes[axis] |= poly_uses_index(map->operands[k].subscripts[a], axis);
    }
    return order != NULL;
}

struct ir_access contraction_map_part(struct ir_context *context, const struct ir_access *access, const struct ir_expr *expr)
{
    const struct ir_access none = {.node = NULL};
    struct arena *arena = ir_arena(context);
    const struct ir_node *map = access->node;
    bool *operand_used = ARENA_ARRAY(arena, map->n_operands + 1, bool), *axis_used = ARENA_ARRAY(arena, map->rank + 1, bool);
    struct used used = {ARENA_ARRAY(arena, map->n_operands + 1, const struct ir_expr *)};
    struct ir_access *operands = ARENA_ARRAY(arena, map->n_operands + 1, struct ir_access);
    const struct poly **moved = ARENA_ARRAY(arena, map->rank + 1, const struct poly *);
    const struct poly **shape = ARENA_ARRAY(arena, map->rank + 1, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(arena, map->rank + 1, const struct poly *);
    uint32_t rank = 0, count = 0;
    if (!operand_used || !axis_used || !used.operands || !operands || !moved || !shape || !subscripts ||
        !find_used(context, map, expr, operand_used, axis_used))
        return none;
    for (uint32_t axis = 0; axis < map->rank; axis++) {
        moved[axis] = axis_used[axis] ? poly_index(context, rank) : poly_constant(context, 0);
        shape[rank] = map->shape[axis];
        subscripts[rank] = access->subscripts[axis];
        rank += axis_used[axis];
    }
    struct poly_ranges ranges = {rank, shape};
    for (uint32_t k = 0; k < map->n_operands; k++) {
        if (!operand_used[k])
            continue;
        used.operands[k] = ir_expr_operand(context, count, map->operands[k].node->elem);
        operands[count] = ir_access_substitute(context, map->operands[k], map->rank, moved, &ranges);
        if (!used.operands[k] || !operands[count++].node)
            return none;
    }
    expr = ir_expr_substitute(context, expr, renumbered, &used, map->rank, moved, &ranges);
    const struct ir_node *node = expr && expr->op == IR_EXPR_operand ? ir_view(context, rank, shape, operands[0])
                                                                     : ir_map(context, rank, shape, count, operands, expr);
    return node ? (struct ir_access){node, access->conjugate, subscripts, NULL} : none;
}

bool contraction_bare_axes(const struct ir_access *access, uint32_t *axes)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        if (!poly_is_index(access->subscripts[axis], &axes[axis]))
            return false;
        for (uint32_t before = 0; before < axis; before++)
            if (axes[before] == axes[axis])
                return false;
    }
    return !access->fill;
}
