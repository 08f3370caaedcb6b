/* Indices of contractions that are read by their digits become one index a digit.
 *
 * Where operands read an index j as `j div d` and `j mod d` (a Kronecker product, a butterfly, a merged axis), a search for an
 * order sees one index that every operand has, and finds nothing to save: sum over j = (j1, j0) of A[j1] B[j0] x[16 j1 + j0]. With
 * an index a digit, each operand has its own. Cuts of an index are the constants it is divided by, as far as each divides the next
 * and the last the extent; the others stay divisions. Done again after `flatten`: each factor of a long product cuts what the one
 * before it has left whole, and only all of them together say every digit. Axes of the result are put together again by a view,
 * which is no copy.
 *
 * An extent that is no multiple of its cuts is rounded up where two operands read digits alone (half the rows of a transform): what
 * is not there is zero in an operand that reads the index whole, and in axes it is not read. Not in class `exact`, for 0 * inf.
 *
 * Class `exact`: sums run over the same places in the same order. */
#include "contraction.h"
#include "passes.h"

enum einc_status pass_split_indices(struct pass_kernel *kernel);

enum { MOST_CUTS = 16, DEEPEST_PRODUCT = 32 };

/* What one index is divided by. */
struct cuts {
    int64_t sizes[MOST_CUTS]; /* ascending; each divides the next */
    uint32_t count;
    bool other;     /* it stands inside a division that is none of digits */
    bool looked_up; /* or in a lookup */
    bool rounded;   /* the extent is no multiple of the last */
};

struct splitting {
    struct ir_context *context;
    struct ir_kernel *kernel;
};

/* ---- finding the cuts ---- */

static void add_size(struct cuts *cuts, int64_t size)
{
    uint32_t at = cuts->count;
    while (at > 0 && cuts->sizes[at - 1] >= size)
        at--;
    if (size <= 1 || cuts->count == MOST_CUTS || (at < cuts->count && cuts->sizes[at] == size))
        return;
    for (uint32_t k = cuts->count++; k > at; k--)
        cuts->sizes[k] = cuts->sizes[k - 1];
    cuts->sizes[at] = size;
}

static void read_poly(struct ir_context *context, const struct poly *poly, uint32_t index, struct cuts *cuts);

/* floor(j / d), and floor((j mod d) / e), which is floor(j / e) less multiples of floor(j / d): both cut at what they divide by. */
static void read_floor(struct ir_context *context, const struct poly_atom *floor, uint32_t index, struct cuts *cuts)
{
    int64_t size;
    if (!poly_uses_index(floor->numerator, index))
        return;
    bool alone = poly_is_constant(floor->denominator, &size);
    for (uint32_t k = 0; k < poly_index_limit(floor->numerator); k++)
        alone &= k == index || !poly_uses_index(floor->numerator, k);
    for (uint32_t t = 0; alone && t < floor->numerator->n_terms; t++) {
        const struct poly_term *term = &floor->numerator->terms[t];
        const struct poly_atom *atom = term->n_factors == 1 ? term->factors[0] : NULL;
        alone = atom && ((atom->kind == POLY_INDEX && term->numerator == 1) || atom->kind == POLY_FLOOR) && term->denominator == 1;
    }
    if (alone)
        add_size(cuts, size);
    else
        cuts->other = true;
    read_poly(context, floor->numerator, index, cuts);
}

static void read_poly(struct ir_context *context, const struct poly *poly, uint32_t index, struct cuts *cuts)
{
    for (uint32_t t = 0; t < poly->n_terms; t++)
        for (uint32_t f = 0; f < poly->terms[t].n_factors; f++) {
            const struct poly_atom *atom = poly->terms[t].factors[f];
            if (atom->kind == POLY_FLOOR)
                read_floor(context, atom, index, cuts);
            for (uint32_t a = 0; atom->kind == POLY_TABLE && a < atom->n_arguments; a++) {
                cuts->looked_up |= poly_uses_index(atom->arguments[a], index);
                read_poly(context, atom->arguments[a], index, cuts);
            }
        }
}

static const struct poly *rounded_up(struct ir_context *context, const struct poly *extent, int64_t size)
{
    return poly_floor_div(context, poly_add(context, extent, poly_constant(context, size - 1)), poly_constant(context, size), NULL);
}

/* Keeps of the sizes those that make digits: each divides the next, the last the extent and is less than it; or, rounded up, a
 * constant extent need only be larger. */
static void keep_digits(struct ir_context *context, struct cuts *cuts, const struct poly *extent)
{
    uint32_t kept = 0;
    int64_t elements;
    bool round = cuts->rounded && !cuts->looked_up && poly_is_constant(extent, &elements);
    cuts->rounded = false;
    for (uint32_t k = 0; k < cuts->count; k++) {
        const struct poly *high = rounded_up(context, extent, cuts->sizes[k]);
        bool exact = high && poly_scale(context, high, cuts->sizes[k]) == extent;
        if ((exact || round) && !poly_equals(high, 1) && (kept == 0 || cuts->sizes[k] % cuts->sizes[kept - 1] == 0)) {
            cuts->sizes[kept++] = cuts->sizes[k];
            cuts->rounded = !exact;
        }
    }
    cuts->count = cuts->other ? 0 : kept;
    cuts->rounded &= cuts->count > 0;
}

static struct cuts find_cuts(struct ir_context *context, const struct ir_node *node, uint32_t index, bool round)
{
    struct cuts cuts = {.rounded = round};
    for (uint32_t o = 0; o < node->n_operands; o++) {
        const struct poly *equality = contraction_difference(context, node, &node->operands[o]);
        if (equality)
            read_poly(context, equality, index, &cuts);
        for (uint32_t axis = 0; axis < node->operands[o].node->rank; axis++)
            read_poly(context, node->operands[o].subscripts[axis], index, &cuts);
    }
    for (uint32_t c = 0; c < node->contract.n_domain; c++)
        read_poly(context, node->contract.domain[c], index, &cuts);
    keep_digits(context, &cuts, node->extents[index]);
    return cuts;
}

/* ---- the contraction over digits ---- */

struct digits {
    uint32_t *first;             /* of each old index, its highest digit; one more at the end */
    const struct poly **extents; /* of the new indices, in the order of the old ones, high digits first */
    const struct poly **values;  /* of each new index, over the old ones */
    const struct poly **old;     /* each old index, over the new ones */
    const char **names;
    uint32_t count, rank; /* of the new indices; so many of them are axes of the result */
};

static bool add_digit(struct digits *digits, size_t capacity, const struct poly *extent, const struct poly *value, const char *name)
{
    if (!extent || !value || digits->count >= capacity)
        return false;
    digits->extents[digits->count] = extent;
    digits->values[digits->count] = value;
    digits->names[digits->count++] = name;
    return true;
}

/* i_high and i_low; of more, i_2, i_1 and i_0. */
static const char *digit_name(struct ir_context *context, const char *index, uint32_t digit, uint32_t n_cuts)
{
    if (!index || n_cuts == 0)
        return index;
    if (n_cuts == 1)
        return arena_printf(ir_arena(context), "%s_%s", index, digit ? "high" : "low");
    return arena_printf(ir_arena(context), "%s_%u", index, digit);
}

/* The digits of one index, high ones first, and the index as their sum. */
static bool cut_index(struct splitting *splitting, const struct ir_node *node, uint32_t index, const struct cuts *cuts,
                      const char *name, size_t capacity, struct digits *digits)
{
    struct ir_context *context = splitting->context;
    struct poly_ranges ranges = ir_ranges(node);
    const struct poly *bare = poly_index(context, index), *sum = poly_constant(context, 0);
    for (uint32_t k = cuts->count + 1; k-- > 0;) {
        int64_t size = k > 0 ? cuts->sizes[k - 1] : 1;
        const struct poly *extent = rounded_up(context, node->extents[index], size);
        const struct poly *value = poly_floor_div(context, bare, poly_constant(context, size), &ranges);
        if (k < cuts->count) { /* not the highest: below the next cut */
            extent = poly_constant(context, cuts->sizes[k] / size);
            value = poly_floor_div(context, poly_mod(context, bare, poly_constant(context, cuts->sizes[k]), &ranges),
                                   poly_constant(context, size), &ranges);
        }
        const char *digit = digit_name(context, name, k, cuts->count);
        sum = poly_add(context, sum, poly_scale(context, poly_index(context, digits->count), size));
        if (!add_digit(digits, capacity, extent, value, digit))
            return false;
    }
    digits->old[index] = sum;
    return sum != NULL;
}

static bool make_digits(struct splitting *splitting, const struct ir_node *node, const struct cuts *cuts, struct digits *digits)
{
    struct arena *arena = ir_arena(splitting->context);
    const struct ir_name *name = ir_find_name(splitting->kernel, node);
    size_t capacity = 0;
    for (uint32_t k = 0; k < node->n_indices; k++)
        capacity += cuts[k].count + 1;
    *digits = (struct digits){.first = ARENA_ARRAY(arena, node->n_indices + 1, uint32_t),
                              .extents = ARENA_ARRAY(arena, capacity, const struct poly *),
                              .values = ARENA_ARRAY(arena, capacity, const struct poly *),
                              .old = ARENA_ARRAY(arena, node->n_indices, const struct poly *),
                              .names = ARENA_ARRAY(arena, capacity, const char *)};
    if (arena_failed(arena))
        return false;
    for (uint32_t k = 0; k < node->n_indices; k++) {
        const char *index_name = name && name->index_names ? name->index_names[k] : NULL;
        digits->first[k] = digits->count;
        if (!cut_index(splitting, node, k, &cuts[k], index_name, capacity, digits))
            return false;
        if (k + 1 == node->rank)
            digits->rank = digits->count;
    }
    digits->first[node->n_indices] = digits->count;
    return true;
}

/* ---- extents rounded up ---- */

/* Of the digits of an old index, how many the operand reads. */
static uint32_t digits_read(struct ir_context *context, const struct ir_node *node, const struct ir_access *operand, uint32_t index,
                            const struct digits *digits)
{
    struct poly_ranges ranges = {digits->count, digits->extents};
    struct ir_access access = ir_access_substitute(context, *operand, node->n_indices, digits->old, &ranges);
    uint32_t count = 0;
    for (uint32_t digit = digits->first[index]; digit < digits->first[index + 1]; digit++) {
        bool uses = false;
        for (uint32_t axis = 0; access.node && axis < access.node->rank; axis++)
            uses |= access.subscripts[axis] && poly_uses_index(access.subscripts[axis], digit);
        count += uses;
    }
    return count;
}

/* Is rounding right (a summed index beyond its extent meets a zero) and of use (two operands read some digits only)? */
static bool may_round(struct ir_context *context, const struct ir_node *node, uint32_t index, const struct digits *digits)
{
    uint32_t in_part = 0, all = digits->first[index + 1] - digits->first[index], bare;
    bool zero = index < node->rank;
    for (uint32_t o = 0; o < node->n_operands; o++) {
        const struct ir_access *access = &node->operands[o];
        uint32_t count = digits_read(context, node, access, index, digits);
        in_part += count > 0 && count < all;
        for (uint32_t axis = 0; axis < access->node->rank; axis++) {
            const struct poly *subscript = access->subscripts[axis];
            if (poly_is_run_time(subscript) && poly_uses_index(subscript, index))
                return false;
            zero |= poly_is_index(subscript, &bare) && bare == index && access->node->shape[axis] == node->extents[index] &&
                    !access->fill;
        }
    }
    return zero && in_part >= 2;
}

/* Beyond an extent that was rounded up an operand is zero. */
static struct ir_access guarded(struct ir_context *context, const struct ir_node *node, struct ir_access access,
                                const struct digits *digits)
{
    struct poly_ranges ranges = {digits->count, digits->extents};
    for (uint32_t axis = 0; access.node && axis < access.node->rank && !access.fill; axis++)
        if (!poly_prove_within(context, access.subscripts[axis], access.node->shape[axis], &ranges) &&
            !poly_is_run_time(access.subscripts[axis])) {
            struct ir_number zero = ir_ring_zero(node->contract.ring, access.node->elem);
            access.fill = arena_copy(ir_arena(context), &zero, 1, sizeof zero);
        }
    return access;
}

static const struct ir_node *over_digits(struct splitting *splitting, const struct ir_node *node, const struct digits *digits,
                                         bool rounded)
{
    struct ir_context *context = splitting->context;
    struct arena *arena = ir_arena(context);
    struct poly_ranges ranges = {digits->count, digits->extents};
    struct ir_access *operands = ARENA_ARRAY(arena, node->n_operands, struct ir_access);
    const struct poly **domain = ARENA_ARRAY(arena, node->contract.n_domain, const struct poly *);
    for (uint32_t o = 0; operands && o < node->n_operands; o++)
        operands[o] = ir_access_substitute(context, node->operands[o], node->n_indices, digits->old, &ranges);
    for (uint32_t o = 0; operands && rounded && o < node->n_operands; o++)
        operands[o] = guarded(context, node, operands[o], digits);
    for (uint32_t c = 0; domain && c < node->contract.n_domain; c++)
        domain[c] = poly_substitute(context, node->contract.domain[c], node->n_indices, digits->old, &ranges);
    const struct ir_node *split =
        ir_contract(context, &(struct ir_contract){node->contract.ring, node->elem, node->contract.accumulator, digits->rank,
                                                   digits->count, digits->extents, node->n_operands, operands,
                                                   node->contract.n_domain, domain, 0, NULL, false, node->contract.named});
    const struct ir_name *name = ir_find_name(splitting->kernel, node);
    if (split && name)
        ir_set_name(context, splitting->kernel, split, NULL, digits->names, name->span);
    if (!split || digits->rank == node->rank)
        return split;
    struct ir_access access = {split, false, digits->values, NULL};
    return ir_view(context, node->rank, node->shape, access);
}

/* A product that this pass split, its axes put together again: with nothing summed it becomes one with who reads it. */
static bool is_split_product(const struct ir_access *access)
{
    const struct ir_node *view = access->node;
    if (view->op != IR_view_node || view->operands[0].fill || view->operands[0].conjugate || access->fill)
        return false;
    const struct ir_node *product = view->operands[0].node;
    return product->op == IR_contract_node && product->n_indices == product->rank && !product->contract.n_domain;
}

/* The node with such products read by their digits. */
static const struct ir_node *by_digits(struct ir_context *context, const struct ir_node *node)
{
    struct ir_access *operands = NULL;
    struct poly_ranges ranges = ir_ranges(node);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        if (!is_split_product(access) || ir_is_checked_access(context, access, &ranges))
            continue;
        if (!operands && !(operands = arena_copy(ir_arena(context), node->operands, node->n_operands, sizeof *operands)))
            return NULL;
        operands[k] = ir_access_substitute(context, access->node->operands[0], access->node->rank, access->subscripts, &ranges);
        operands[k].conjugate = access->conjugate;
    }
    return operands ? ir_with_operands(context, node, operands) : node;
}

static bool add_factors(struct contraction *product, const struct ir_node *map, const struct ir_expr *expr)
{
    if (expr->elem != product->elem || expr->depth > DEEPEST_PRODUCT)
        return false;
    if (expr->op == IR_EXPR_operand)
        return contraction_add_operand(product, map->operands[expr->operand]);
    return expr->op == IR_EXPR_mul && add_factors(product, map, expr->arguments[0]) &&
           add_factors(product, map, expr->arguments[1]);
}

/* A map that multiplies operands as a contraction with nothing summed; the map itself where it is something else. */
static const struct ir_node *as_product(const struct splitting *splitting, const struct ir_node *map)
{
    struct ir_context *context = splitting->context;
    struct contraction product = {
        .context = context, .ring = IR_RING_plustimes, .elem = map->elem, .accumulator = map->elem, .rank = map->rank};
    if (map->body->op != IR_EXPR_mul || map->elem == IR_bool)
        return map;
    for (uint32_t axis = 0; axis < map->rank; axis++)
        contraction_add_index(&product, map->shape[axis], NULL);
    if (!add_factors(&product, map, map->body))
        return map;
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = map->elem,
                                                      .accumulator = map->elem,
                                                      .rank = map->rank,
                                                      .n_indices = map->rank,
                                                      .extents = map->shape,
                                                      .n_operands = (uint32_t)product.n_operands,
                                                      .operands = product.operands});
}

static const struct ir_node *split_node(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct splitting *splitting = user;
    struct digits digits;
    const struct ir_node *whole = node;
    if (node->op == IR_map_node && splitting->kernel->numeric_class != IR_CLASS_EXACT)
        node = as_product(splitting, node);
    if (!node || node->op != IR_contract_node || node->contract.n_sliced || !(node = by_digits(context, node)))
        return node ? whole : NULL;
    const struct ir_name *name = ir_find_name(splitting->kernel, whole);
    if (node != whole && name)
        ir_set_name(context, splitting->kernel, node, NULL, name->index_names, name->span);
    struct cuts *cuts = ARENA_ARRAY(ir_arena(context), node->n_indices, struct cuts);
    bool any = false, rounds = false;
    bool may = contraction_may_regroup(splitting->kernel, node) && contraction_zero_absorbs(node) && !node->contract.n_domain;
    for (uint32_t k = 0; cuts && k < node->n_indices; k++) {
        cuts[k] = find_cuts(context, node, k, may);
        rounds |= cuts[k].rounded;
    }
    if (rounds && !make_digits(splitting, node, cuts, &digits))
        return NULL;
    for (uint32_t k = 0; cuts && k < node->n_indices; k++) {
        if (cuts[k].rounded && !may_round(context, node, k, &digits))
            cuts[k] = find_cuts(context, node, k, false);
        any |= cuts[k].count > 0;
    }
    if (!cuts || !any)
        return cuts ? whole : NULL;
    return make_digits(splitting, node, cuts, &digits) ? over_digits(splitting, node, &digits, rounds) : NULL;
}

enum einc_status pass_split_indices(struct pass_kernel *kernel)
{
    struct splitting splitting = {.context = kernel->context, .kernel = kernel->kernel};
    (void)ir_rewrite(kernel->context, kernel->kernel, split_node, &splitting);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
