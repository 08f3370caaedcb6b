/* Sums over an index that an equality fixes: sum over j of where(j == e, 1, 0) * x[j] is x[e].
 *
 * An operand that is one where two quasi-affine values are equal and zero elsewhere, in the ring's sense, is a condition p == 0.
 * Where p is +-j + r for a summed index j, j is put in terms of the others in every operand, and the operand goes with the sum.
 * Identities, permutations, diagonals and the blocks of a block diagonal matrix are such operands, so that none of them is ever
 * multiplied with. A place outside the extent of j contributes nothing: what is not proved to lie inside becomes a condition of the
 * contraction, but for lookups at run time, which are checked where they are read. An element under such a condition,
 * `where(j == e, A[i,j], 0)`, is the element and such an operand. With e an element of a table, known at run time, j is looked up;
 * an axis of the result that such an element fixes is where to add (deltas_scatter.c).
 *
 * Class: what is left out are products with zero, which matter where a factor is infinite or nan: not in `exact` kernels, but for
 * integers. */
#include "contraction.h"
#include "passes.h"

#include <string.h>

enum einc_status pass_deltas(struct pass_kernel *kernel);

struct solving {
    struct ir_context *context;
    struct ir_kernel *kernel;
    bool in_step; /* of a scan: what it looks up are constants */
};

/* ---- what an operand says ---- */

static bool is_number(const struct ir_expr *expr, struct ir_number number)
{
    return expr->op == IR_EXPR_literal && ir_number_equal(expr->literal, number);
}

/* ---- masks of equalities ---- */

enum { MOST_EQUALITIES = 4, DEEPEST_MASK = 64 };

/* An expression as a value times 1 where all of these hold, 0 elsewhere. */
struct masked {
    const struct ir_expr *equalities[MOST_EQUALITIES];
    uint32_t count;
    const struct ir_expr *value;
};

static bool read_equalities(struct ir_context *context, const struct ir_node *map, const struct ir_expr *expr, bool holds,
                            struct masked *masked)
{
    if (expr->op == IR_EXPR_not)
        return read_equalities(context, map, expr->arguments[0], !holds, masked);
    if (expr->op == (holds ? IR_EXPR_and : IR_EXPR_or))
        return read_equalities(context, map, expr->arguments[0], holds, masked) &&
               read_equalities(context, map, expr->arguments[1], holds, masked);
    if (expr->op != (holds ? IR_EXPR_eq : IR_EXPR_ne) || masked->count == MOST_EQUALITIES)
        return false;
    const struct poly *a = contraction_compared_element(context, map, expr->arguments[0]),
                      *b = contraction_compared_element(context, map, expr->arguments[1]);
    const struct ir_expr *equality = a && b ? ir_expr_apply(context, IR_EXPR_eq, 2, expr->arguments) : NULL;
    if (equality)
        masked->equalities[masked->count++] = equality;
    return equality != NULL;
}

static bool read_masked(struct ir_context *context, const struct ir_node *map, enum ir_ring ring, const struct ir_expr *expr,
                        struct masked *masked)
{
    const struct ir_expr *arguments[2];
    uint32_t before = masked->count;
    masked->value = expr;
    if (expr->depth > DEEPEST_MASK)
        return true;
    switch (expr->op) {
    case IR_EXPR_select: {
        bool holds = is_number(expr->arguments[2], ir_ring_zero(ring, expr->elem));
        if ((holds || is_number(expr->arguments[1], ir_ring_zero(ring, expr->elem))) &&
            read_equalities(context, map, expr->arguments[0], holds, masked))
            return read_masked(context, map, ring, expr->arguments[holds ? 1 : 2], masked);
        masked->count = before;
        return true; /* a value like others */
    }
    case IR_EXPR_mul:
        for (int k = 0; k < 2 && ring == IR_RING_plustimes; k++) {
            if (!read_masked(context, map, ring, expr->arguments[k], masked))
                return false;
            arguments[k] = masked->value;
        }
        masked->value = ring == IR_RING_plustimes ? ir_expr_apply(context, IR_EXPR_mul, 2, arguments) : expr;
        return masked->value != NULL;
    default:
        return true;
    }
}

static bool uses_summed(const struct ir_node *node, const struct poly *poly)
{
    bool uses = false;
    for (uint32_t index = node->rank; poly && index < node->n_indices; index++)
        uses |= poly_uses_index(poly, index);
    return uses;
}

/* What of the mask's equalities ties summed indices becomes factors: there is nothing to solve in others. */
static bool is_solvable(const struct solving *solving, const struct ir_node *node, const struct ir_access *access,
                        const struct masked *masked)
{
    struct ir_context *context = solving->context;
    struct poly_ranges ranges = ir_ranges(node);
    for (uint32_t k = 0; k < masked->count; k++) {
        const struct poly *a = contraction_compared_element(context, access->node, masked->equalities[k]->arguments[0]),
                          *b = contraction_compared_element(context, access->node, masked->equalities[k]->arguments[1]);
        const struct poly *difference = poly_subtract(context, a, b);
        if ((solving->in_step && poly_is_run_time(difference)) ||
            !uses_summed(node, poly_substitute(context, difference, access->node->rank, access->subscripts, &ranges)))
            return false;
    }
    return true;
}

/* A part of the body of the map that is accessed, read where the map is read; an element alone where it stands. */
static struct ir_access access_value(struct ir_context *context, const struct ir_node *node, const struct ir_access *access,
                                     const struct ir_expr *value)
{
    const struct ir_node *map = access->node;
    struct ir_access result = *access;
    struct poly_ranges ranges = ir_ranges(node);
    const struct ir_access *inner = value->op == IR_EXPR_operand ? &map->operands[value->operand] : NULL;
    if (inner && !(access->conjugate && inner->fill) && !ir_is_checked_access(context, access, &ranges)) {
        result = ir_access_substitute(context, *inner, map->rank, access->subscripts, &ranges);
        result.conjugate = access->conjugate != inner->conjugate;
    } else {
        result.node = ir_map(context, map->rank, map->shape, map->n_operands, map->operands, value);
    }
    return result;
}

/* The operand's value and a factor for each equality of its mask instead of operand `o`; NULL: it has none (or no memory). */
static const struct ir_node *unmasked(struct solving *solving, const struct ir_node *node, uint32_t o)
{
    struct ir_context *context = solving->context;
    const struct ir_access *access = &node->operands[o];
    const struct ir_node *map = access->node;
    struct masked masked = {.count = 0};
    if (map->op != IR_map_node || access->fill || map->elem == IR_bool || contraction_difference(context, node, access) ||
        !read_masked(context, map, node->contract.ring, map->body, &masked) || masked.count == 0 ||
        !is_solvable(solving, node, access, &masked))
        return NULL;
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands + masked.count, struct ir_access);
    if (!operands)
        return NULL;
    memcpy(operands, node->operands, node->n_operands * sizeof *operands);
    operands[o] = access_value(context, node, access, masked.value);
    for (uint32_t k = 0; k < masked.count; k++) {
        const struct ir_expr *choice[3] = {masked.equalities[k],
                                           ir_expr_literal(context, ir_ring_one(node->contract.ring, map->elem)),
                                           ir_expr_literal(context, ir_ring_zero(node->contract.ring, map->elem))};
        operands[node->n_operands + k] = contraction_map_part(context, access, ir_expr_apply(context, IR_EXPR_select, 3, choice));
    }
    const struct ir_node *factors = ir_contract(
        context, &(struct ir_contract){node->contract.ring, node->elem, node->contract.accumulator, node->rank, node->n_indices,
                                       node->extents, node->n_operands + masked.count, operands, node->contract.n_domain,
                                       node->contract.domain, 0, NULL, false, node->contract.named});
    const struct ir_name *name = ir_find_name(solving->kernel, node);
    if (factors && name)
        ir_set_name(context, solving->kernel, factors, NULL, name->index_names, name->span);
    return factors;
}

/* contraction_difference, of what may be solved here. */
static const struct poly *difference_of(const struct solving *solving, const struct ir_node *node, uint32_t operand)
{
    const struct poly *p = contraction_difference(solving->context, node, &node->operands[operand]);
    return p && solving->in_step && poly_is_run_time(p) ? NULL : p;
}

/* Summed indices with one sign in p, by ascending coefficients: they may be the digits of one number. */
struct digits {
    uint32_t *indices;
    int64_t *weights;
    uint32_t count;
    const struct poly *number; /* that they are the digits of */
};

static void add_digit(struct digits *digits, uint32_t index, int64_t weight)
{
    uint32_t at = digits->count++;
    for (; at > 0 && digits->weights[at - 1] > weight; at--) {
        digits->indices[at] = digits->indices[at - 1];
        digits->weights[at] = digits->weights[at - 1];
    }
    digits->indices[at] = index;
    digits->weights[at] = weight;
}

/* p = sign * (sum of the digits - number); false: some index of this sign stands in no sum of multiples. */
static bool find_digits(struct ir_context *context, const struct ir_node *node, const struct poly *p, int64_t sign,
                        struct digits *digits)
{
    const struct poly *rest = p;
    digits->count = 0;
    for (uint32_t index = node->rank; index < node->n_indices; index++) {
        const struct poly *coefficient;
        int64_t factor;
        if (!poly_uses_index(p, index))
            continue;
        if (!poly_split_index(context, p, index, &coefficient, NULL) || !poly_is_constant(coefficient, &factor))
            continue;
        if ((factor > 0) != (sign > 0))
            continue;
        add_digit(digits, index, sign * factor);
        rest = poly_subtract(context, rest, poly_scale(context, poly_index(context, index), factor));
    }
    digits->number = poly_scale(context, rest, -sign);
    return digits->count > 0 && digits->number;
}

/* Does an operand but `o` read, along some axis, just the places that the index has? With zero outside it is zero where the index
 * has no such value. */
static bool has_guard(const struct ir_node *node, uint32_t o, uint32_t index)
{
    uint32_t bare;
    for (uint32_t k = 0; k < node->n_operands; k++)
        for (uint32_t axis = 0; k != o && axis < node->operands[k].node->rank; axis++)
            if (!node->operands[k].fill && poly_is_index(node->operands[k].subscripts[axis], &bare) && bare == index &&
                node->operands[k].node->shape[axis] == node->extents[index])
                return true;
    return false;
}

static void note_lookup(void *user, const struct poly_atom *lookup)
{
    bool *looks_up = user;
    *looks_up = lookup != NULL;
}

/* Is it made of what a table holds? */
static bool looks_up(const struct poly *poly)
{
    bool found = false;
    poly_visit_lookups(poly, note_lookup, &found);
    return found;
}

struct looked_up {
    uint32_t index;
    bool found;
};

static void note_index(void *user, const struct poly_atom *lookup)
{
    struct looked_up *looked_up = user;
    for (uint32_t axis = 0; axis < lookup->n_arguments; axis++)
        looked_up->found |= poly_uses_index(lookup->arguments[axis], looked_up->index);
}

/* Is a table read at the index? It has no zeros outside. */
static bool is_looked_up(const struct ir_node *node, uint32_t index)
{
    struct looked_up looked_up = {index, false};
    for (uint32_t k = 0; k < node->n_operands; k++)
        for (uint32_t axis = 0; axis < node->operands[k].node->rank; axis++)
            poly_visit_lookups(node->operands[k].subscripts[axis], note_index, &looked_up);
    for (uint32_t c = 0; c < node->contract.n_domain; c++)
        poly_visit_lookups(node->contract.domain[c], note_index, &looked_up);
    return looked_up.found;
}

/* Are the weights 1, n0, n0*n1, ..., and the number below what the digits can say? Then each digit has its value. */
static bool solve_digits(struct ir_context *context, const struct ir_node *node, uint32_t o, const struct digits *digits,
                         const struct poly **solved)
{
    struct poly_ranges ranges = ir_ranges(node);
    const struct poly *weight = poly_constant(context, 1), *number = digits->number;
    for (uint32_t k = 0; k < digits->count; k++) {
        if (!poly_equals(weight, digits->weights[k]))
            return false;
        weight = poly_multiply(context, weight, node->extents[digits->indices[k]]);
    }
    bool guarded =
        looks_up(number) && digits->count == 1 && has_guard(node, o, digits->indices[0]) && !is_looked_up(node, digits->indices[0]);
    if (!poly_prove_divisors(context, number, &ranges) || (!guarded && !poly_prove_within(context, number, weight, &ranges)))
        return false;
    for (uint32_t k = 0; k < digits->count; k++) {
        const struct poly *below = k + 1 < digits->count ? poly_constant(context, digits->weights[k + 1]) : NULL;
        const struct poly *low = below ? poly_mod(context, number, below, &ranges) : number;
        const struct poly *value = poly_floor_div(context, low, poly_constant(context, digits->weights[k]), &ranges);
        if (!value)
            return false;
        solved[digits->indices[k]] = value;
    }
    return true;
}

/* Values of summed indices by p == 0, in `solved`; false: p gives none. All of one sign together, else one of them alone. */
static bool solve(struct ir_context *context, const struct ir_node *node, uint32_t o, const struct poly *p,
                  const struct poly **solved)
{
    struct arena *arena = ir_arena(context);
    struct digits digits = {.indices = ARENA_ARRAY(arena, node->n_indices, uint32_t),
                            .weights = ARENA_ARRAY(arena, node->n_indices, int64_t)};
    if (!digits.indices || !digits.weights)
        return false;
    for (int64_t sign = -1; sign <= 1; sign += 2)
        if (find_digits(context, node, p, sign, &digits) && solve_digits(context, node, o, &digits, solved))
            return true;
    for (uint32_t index = node->rank; index < node->n_indices; index++) {
        const struct poly *coefficient, *rest;
        int64_t factor;
        if (!poly_uses_index(p, index) || !poly_split_index(context, p, index, &coefficient, &rest) ||
            !poly_is_constant(coefficient, &factor) || (factor != 1 && factor != -1))
            continue;
        digits.count = 1;
        digits.indices[0] = index;
        digits.weights[0] = 1;
        digits.number = poly_scale(context, rest, -factor);
        if (digits.number && solve_digits(context, node, o, &digits, solved))
            return true;
    }
    return false;
}

/* ---- without them ---- */

struct reduced {
    const struct poly **values; /* of the old indices, over the new */
    const struct poly **extents;
    const char **names;
    uint32_t n_indices;
};

/* New indices are the old ones that are not solved. */
static bool renumber(struct solving *solving, const struct ir_node *node, const struct poly *const *solved, struct reduced *reduced)
{
    struct ir_context *context = solving->context;
    struct arena *arena = ir_arena(context);
    const struct ir_name *name = ir_find_name(solving->kernel, node);
    const struct poly **kept = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    reduced->values = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    reduced->extents = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    reduced->names = name && name->index_names ? ARENA_ARRAY(arena, node->n_indices, const char *) : NULL;
    if (!kept || !reduced->values || !reduced->extents)
        return false;
    for (uint32_t k = 0; k < node->n_indices; k++) {
        if (solved[k])
            continue;
        if (reduced->names)
            reduced->names[reduced->n_indices] = name->index_names[k];
        reduced->extents[reduced->n_indices] = node->extents[k];
        kept[k] = poly_index(context, reduced->n_indices++);
    }
    struct poly_ranges ranges = {reduced->n_indices, reduced->extents};
    for (uint32_t k = 0; k < node->n_indices; k++) {
        reduced->values[k] = solved[k] ? poly_substitute(context, solved[k], node->n_indices, kept, &ranges) : kept[k];
        if (!reduced->values[k])
            return false;
    }
    return true;
}

/* An operand at the solved indices, zero outside where one of these is looked up and not proved to be a place. */
static struct ir_access substituted(struct ir_context *context, const struct ir_node *node, uint32_t operand,
                                    const struct poly *const *solved, const struct reduced *reduced)
{
    const struct ir_access *access = &node->operands[operand];
    struct poly_ranges ranges = {reduced->n_indices, reduced->extents};
    struct ir_access result = ir_access_substitute(context, *access, node->n_indices, reduced->values, &ranges);
    for (uint32_t axis = 0; axis < access->node->rank && !result.fill; axis++)
        for (uint32_t k = 0; k < node->n_indices; k++)
            if (solved[k] && poly_uses_index(access->subscripts[axis], k) &&
                (poly_is_run_time(solved[k]) || !poly_prove_within(context, reduced->values[k], node->extents[k], &ranges))) {
                struct ir_number zero = ir_ring_zero(node->contract.ring, access->node->elem);
                result.fill = arena_copy(ir_arena(context), &zero, 1, sizeof zero);
                break;
            }
    return result;
}

/* The contraction without operand `o` and the indices it gives; NULL: no memory. */
static const struct ir_node *without(struct solving *solving, const struct ir_node *node, uint32_t o,
                                     const struct poly *const *solved, const struct reduced *reduced)
{
    struct ir_context *context = solving->context;
    struct arena *arena = ir_arena(context);
    struct ir_access *operands = ARENA_ARRAY(arena, node->n_operands, struct ir_access);
    const struct poly **domain = ARENA_ARRAY(arena, node->contract.n_domain, const struct poly *);
    uint32_t n_operands = 0;
    if (!operands || !domain)
        return NULL;
    struct poly_ranges ranges = {reduced->n_indices, reduced->extents};
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (k != o)
            operands[n_operands++] = substituted(context, node, k, solved, reduced);
    if (n_operands == 0)
        operands[n_operands++] =
            ir_access_whole(context, ir_scalar(context, ir_ring_one(node->contract.ring, node->operands[o].node->elem)));
    for (uint32_t c = 0; c < node->contract.n_domain; c++)
        domain[c] = poly_substitute(context, node->contract.domain[c], node->n_indices, reduced->values, &ranges);
    const struct ir_node *left =
        ir_contract(context, &(struct ir_contract){node->contract.ring, node->elem, node->contract.accumulator, node->rank,
                                                   reduced->n_indices, reduced->extents, n_operands, operands,
                                                   node->contract.n_domain, domain, 0, NULL, false, node->contract.named});
    const struct ir_name *name = ir_find_name(solving->kernel, node);
    if (left && name)
        ir_set_name(context, solving->kernel, left, NULL, reduced->names, name->span);
    return left;
}

/* With one such operand less; NULL: there is none (or no memory). */
static const struct ir_node *without_one(struct solving *solving, const struct ir_node *node)
{
    const struct poly **solved = ARENA_ARRAY(ir_arena(solving->context), node->n_indices, const struct poly *);
    for (uint32_t o = 0; solved && o < node->n_operands; o++) {
        const struct poly *p = difference_of(solving, node, o);
        bool always = p && poly_equals(p, 0) && node->n_operands > 1;
        struct reduced reduced = {.n_indices = 0};
        if (p && (always || solve(solving->context, node, o, p, solved)))
            return renumber(solving, node, solved, &reduced) ? without(solving, node, o, solved, &reduced) : NULL;
    }
    return NULL;
}

/* ---- results that lie in a part of an axis ---- */

/* The axis i of the result stands in p == 0 with one summed index a, and a constant: it is +-a + r, and the result is zero where
 * that says no a. */
struct part {
    uint32_t axis, index;
    const struct poly *value;   /* of the axis, over the old indices */
    const struct poly *inverse; /* of the summed index, over the axes of the result */
};

static bool find_part(struct ir_context *context, const struct ir_node *node, const struct poly *p, struct part *part)
{
    struct poly_ranges ranges = ir_ranges(node);
    int64_t factors[2];
    uint32_t count = 0, indices[2];
    for (uint32_t index = 0; index < node->n_indices; index++) {
        const struct poly *coefficient;
        if (!poly_uses_index(p, index))
            continue;
        if (count == 2 || !poly_split_index(context, p, index, &coefficient, NULL) ||
            !poly_is_constant(coefficient, &factors[count]) || (factors[count] != 1 && factors[count] != -1))
            return false;
        indices[count++] = index;
    }
    if (count != 2 || indices[0] >= node->rank || indices[1] < node->rank)
        return false;
    const struct poly *axis = poly_index(context, indices[0]), *inner = poly_index(context, indices[1]);
    const struct poly *other =
        poly_subtract(context, p, poly_add(context, poly_scale(context, axis, factors[0]), poly_scale(context, inner, factors[1])));
    part->axis = indices[0];
    part->index = indices[1];
    part->value = poly_scale(context, poly_add(context, poly_scale(context, inner, factors[1]), other), -factors[0]);
    part->inverse = poly_scale(context, poly_add(context, poly_scale(context, axis, factors[0]), other), -factors[1]);
    return part->value && part->inverse && !poly_is_run_time(other) && poly_index_limit(other) == 0 &&
           poly_prove_within(context, part->value, node->extents[part->axis], &ranges);
}
/* The summed index takes the place of the axis. */
static bool renumber_part(struct solving *solving, const struct ir_node *node, const struct part *part, struct reduced *reduced)
{
    struct ir_context *context = solving->context;
    struct arena *arena = ir_arena(context);
    const struct ir_name *name = ir_find_name(solving->kernel, node);
    reduced->n_indices = node->n_indices - 1;
    reduced->values = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    reduced->extents = arena_copy(arena, node->extents, node->n_indices, sizeof *node->extents);
    reduced->names = name && name->index_names ? arena_copy(arena, name->index_names, node->n_indices, sizeof(char *)) : NULL;
    const struct poly **kept = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    if (!kept || !reduced->values || !reduced->extents)
        return false;
    for (uint32_t k = 0; k < node->n_indices; k++)
        kept[k] = poly_index(context, k == part->index ? part->axis : k > part->index ? k - 1 : k);
    struct poly_ranges ranges = {reduced->n_indices, reduced->extents};
    reduced->extents[part->axis] = node->extents[part->index];
    for (uint32_t k = part->index; k < reduced->n_indices; k++) {
        reduced->extents[k] = node->extents[k + 1];
        if (reduced->names)
            reduced->names[k] = name->index_names[k + 1];
    }
    for (uint32_t k = 0; k < node->n_indices; k++)
        reduced->values[k] = k == part->axis ? poly_substitute(context, part->value, node->n_indices, kept, &ranges) : kept[k];
    return reduced->values[part->axis] != NULL;
}

/* With an axis of the result less long; `at` says where its elements are in it. NULL: there is none (or no memory). */
static const struct ir_node *without_rest(struct solving *solving, const struct ir_node *node, const struct poly **at)
{
    struct ir_context *context = solving->context;
    const struct poly **solved = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    for (uint32_t o = 0; solved && o < node->n_operands; o++) {
        struct part part;
        struct reduced reduced = {.n_indices = 0};
        const struct poly *p = difference_of(solving, node, o);
        if (!p || !find_part(context, node, p, &part))
            continue;
        at[part.axis] = poly_substitute(context, part.inverse, node->rank, at, NULL);
        return renumber_part(solving, node, &part, &reduced) && at[part.axis] ? without(solving, node, o, solved, &reduced) : NULL;
    }
    return NULL;
}

static const struct ir_node *solve_node(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct solving *solving = user;
    bool rounds = ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem);
    if (node->op != IR_contract_node || node->contract.n_sliced || (rounds && solving->kernel->numeric_class == IR_CLASS_EXACT) ||
        !contraction_zero_absorbs(node))
        return node;
    const struct ir_node *first = node, *factors;
    for (uint32_t o = 0; o < node->n_operands; o++)
        if ((factors = unmasked(solving, node, o)) != NULL)
            node = factors;
    const struct poly **at = ARENA_ARRAY(ir_arena(context), node->rank, const struct poly *);
    bool whole = true;
    for (uint32_t axis = 0; at && axis < node->rank; axis++)
        at[axis] = poly_index(context, axis);
    while (at) {
        const struct ir_node *less = without_one(solving, node);
        if (!less && (less = without_rest(solving, node, at)) != NULL)
            whole = false;
        if (!less)
            break;
        node = less;
    }
    struct ir_number zero = ir_ring_zero(first->contract.ring, node->elem);
    if (whole && at && !solving->in_step)
        return contraction_scattered(context, solving->kernel, node);
    if (!whole && !arena_failed(ir_arena(context)))
        node = ir_view(context, first->rank, first->shape, (struct ir_access){node, false, at, &zero});
    return arena_failed(ir_arena(context)) ? NULL : node;
}

enum einc_status pass_deltas(struct pass_kernel *kernel)
{
    struct solving solving = {kernel->context, kernel->kernel, kernel->in_step};
    (void)ir_rewrite(kernel->context, kernel->kernel, solve_node, &solving);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
