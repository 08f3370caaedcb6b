/* Transposing an access: the sum, for each element of a tensor, of the products at all the points that lead to it.
 *
 * Mostly the access is inverted (gradient_invert.c) and every factor read at the points found, so the sum is one more contraction:
 * that of a matrix product is a matrix product, that of a convolution a convolution. Where a factor is read at points that are
 * none, it counts as 0 there; bounds that no such read says become conditions of the contraction. Where most points would be
 * searched in vain (a table known at run time, a subscript that cannot be solved for) the products are scattered instead. */
#include "gradient.h"

struct transposing {
    struct gradient *gradient;
    const struct gradient_term *term;
    struct inversion inversion;
    struct ir_access *factors;
    const struct poly **conditions;
    size_t n_conditions, capacity;
};

struct ir_access gradient_conjugated(struct ir_context *context, struct ir_access access)
{
    access.conjugate = !access.conjugate;
    if (access.fill && ir_elem_is_complex(access.fill->elem)) {
        struct ir_number fill = ir_number_complex(access.fill->elem, access.fill->re, -access.fill->im);
        access.fill = arena_copy(ir_arena(context), &fill, 1, sizeof fill);
    }
    return access;
}

static bool is_sure(const struct inversion *inversion, const struct poly *value, const struct poly *extent)
{
    for (size_t k = 0; k < inversion->n_bounds; k++)
        if (inversion->bounds[k].sure && inversion->bounds[k].value == value && inversion->bounds[k].extent == extent)
            return true;
    return false;
}

/* What is looked up at run time is checked there. */
static bool stays_inside(struct ir_context *context, const struct inversion *inversion, const struct ir_access *access)
{
    const struct poly_ranges ranges = inversion_ranges(inversion);
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *subscript = access->subscripts[axis], *extent = access->node->shape[axis];
        if (!poly_is_run_time(subscript) && !is_sure(inversion, subscript, extent) &&
            !poly_prove_within(context, subscript, extent, &ranges))
            return false;
    }
    return true;
}

static bool move_factors(struct transposing *transposing)
{
    const struct gradient_term *term = transposing->term;
    struct ir_context *context = transposing->gradient->context;
    const struct poly_ranges ranges = inversion_ranges(&transposing->inversion);
    transposing->factors = ARENA_ARRAY(ir_arena(context), term->n_factors, struct ir_access);
    for (uint32_t k = 0; k < term->n_factors && transposing->factors; k++) {
        struct ir_access *factor = &transposing->factors[k];
        *factor =
            ir_access_substitute(context, term->factors[k], transposing->inversion.n_old, transposing->inversion.values, &ranges);
        if (!factor->node)
            return false;
        if (term->target->conjugate)
            *factor = gradient_conjugated(context, *factor);
        if (factor->fill || stays_inside(context, &transposing->inversion, factor))
            continue;
        struct ir_number zero = ir_ring_zero(IR_RING_plustimes, factor->node->elem);
        factor->fill = arena_copy(ir_arena(context), &zero, 1, sizeof zero);
    }
    return transposing->factors && !arena_failed(ir_arena(context));
}

/* Is a factor 0 where the value is out of its bounds? */
static bool is_guarded(const struct transposing *transposing, const struct inversion_bound *bound)
{
    for (uint32_t k = 0; k < transposing->term->n_factors; k++) {
        const struct ir_access *factor = &transposing->factors[k];
        if (!factor->fill || !ir_number_equal(*factor->fill, ir_ring_zero(IR_RING_plustimes, factor->node->elem)))
            continue;
        for (uint32_t axis = 0; axis < factor->node->rank; axis++)
            if (factor->subscripts[axis] == bound->value && factor->node->shape[axis] == bound->extent)
                return true;
    }
    return false;
}

static bool add_condition(struct transposing *transposing, const struct poly *condition)
{
    struct ir_context *context = transposing->gradient->context;
    const struct poly_ranges ranges = inversion_ranges(&transposing->inversion);
    for (size_t k = 0; k < transposing->n_conditions; k++)
        if (transposing->conditions[k] == condition)
            return true;
    if (!condition || poly_prove_nonnegative(context, condition, &ranges))
        return condition != NULL;
    return ARENA_PUSH(ir_arena(context), transposing->conditions, transposing->n_conditions, transposing->capacity, condition);
}

/* Bounds, equations left, and the domain of the forward contraction. */
static bool gather_conditions(struct transposing *transposing)
{
    struct ir_context *context = transposing->gradient->context;
    const struct inversion *inversion = &transposing->inversion;
    const struct ir_node *space = transposing->term->space;
    const struct poly_ranges ranges = inversion_ranges(inversion);
    bool fine = true;
    for (size_t k = 0; k < inversion->n_bounds; k++) {
        const struct inversion_bound *bound = &inversion->bounds[k];
        if (bound->sure || is_guarded(transposing, bound))
            continue;
        const struct poly *last = poly_subtract(context, bound->extent, poly_constant(context, 1));
        fine &= add_condition(transposing, bound->value) && add_condition(transposing, poly_subtract(context, last, bound->value));
    }
    for (size_t k = 0; k < inversion->n_conditions; k++)
        fine &= add_condition(transposing, inversion->conditions[k]);
    for (uint32_t k = 0; space->op == IR_contract_node && k < space->contract.n_domain; k++)
        fine &= add_condition(transposing,
                              poly_substitute(context, space->contract.domain[k], inversion->n_old, inversion->values, &ranges));
    return fine;
}

/* One factor, nothing summed, everywhere: the factor itself, seen otherwise. */
static const struct ir_node *view_of(struct ir_context *context, const struct ir_node *target, struct ir_access factor)
{
    bool whole = !factor.conjugate && !factor.fill && factor.node->rank == target->rank;
    for (uint32_t axis = 0; whole && axis < target->rank; axis++) {
        uint32_t index;
        whole = factor.node->shape[axis] == target->shape[axis] && poly_is_index(factor.subscripts[axis], &index) && index == axis;
    }
    return whole ? factor.node : ir_view(context, target->rank, target->shape, factor);
}

/* ---- tables ---- */

static bool looks_up(const struct poly *a)
{
    for (uint32_t t = 0; a && t < a->n_terms; t++)
        for (uint32_t f = 0; f < a->terms[t].n_factors; f++) {
            const struct poly_atom *atom = a->terms[t].factors[f];
            if (atom->kind == POLY_TABLE || (atom->kind == POLY_FLOOR && looks_up(atom->numerator)))
                return true;
        }
    return false;
}

/* Does a factor or a condition look up a table? A lookup is made also where the product counts as 0. */
static bool any_looks_up(const struct gradient_term *term)
{
    const struct ir_node *space = term->space;
    for (uint32_t k = 0; k < term->n_factors; k++)
        for (uint32_t axis = 0; axis < term->factors[k].node->rank; axis++)
            if (looks_up(term->factors[k].subscripts[axis]))
                return true;
    for (uint32_t k = 0; space->op == IR_contract_node && k < space->contract.n_domain; k++)
        if (looks_up(space->contract.domain[k]))
            return true;
    for (uint32_t axis = 0; axis < term->target->node->rank; axis++)
        if (looks_up(term->target->subscripts[axis]))
            return true;
    return false;
}

/* ---- where no inversion is known: scattered ---- */

/* The indices of the space, those that the target needs first: their new numbers; gives how many it needs. */
static uint32_t renumber(struct gradient *gradient, const struct gradient_term *term, const struct poly **moved,
                         const struct poly **extents, const char *const *names, const char **moved_names)
{
    struct ir_context *context = gradient->context;
    const struct poly_ranges ranges = ir_ranges(term->space);
    bool *needed = ARENA_ARRAY(gradient->arena, term->space->n_indices, bool);
    uint32_t n = 0, n_target = 0;
    if (!needed)
        return 0;
    ir_access_needs(context, term->target, &ranges, needed);
    for (int of_target = 1; of_target >= 0; of_target--) {
        for (uint32_t k = 0; k < term->space->n_indices; k++) {
            if (needed[k] != (of_target == 1))
                continue;
            moved[k] = poly_index(context, n);
            moved_names[n] = names[k];
            extents[n++] = term->space->extents[k];
        }
        n_target = of_target ? n : n_target;
    }
    return n_target;
}

/* The products, summed over what the target does not need, added one after the other to where they belong. */
static const struct ir_node *scattered(struct gradient *gradient, const struct gradient_term *term, const char *const *names)
{
    struct ir_context *context = gradient->context;
    const struct ir_node *space = term->space, *target = term->target->node;
    const struct poly **moved = ARENA_ARRAY(gradient->arena, space->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(gradient->arena, space->n_indices, const struct poly *);
    const char **moved_names = ARENA_ARRAY(gradient->arena, space->n_indices, const char *);
    uint32_t n_domain = space->op == IR_contract_node ? space->contract.n_domain : 0;
    const struct poly **domain = ARENA_ARRAY(gradient->arena, n_domain, const struct poly *);
    struct ir_access *factors = ARENA_ARRAY(gradient->arena, term->n_factors, struct ir_access);
    if (!moved || !extents || !moved_names || !domain || !factors)
        return NULL;
    uint32_t rank = renumber(gradient, term, moved, extents, names, moved_names), n = space->n_indices;
    const struct poly_ranges ranges = {n, extents};
    for (uint32_t k = 0; k < term->n_factors; k++) {
        factors[k] = ir_access_substitute(context, term->factors[k], n, moved, &ranges);
        if (term->target->conjugate)
            factors[k] = gradient_conjugated(context, factors[k]);
    }
    for (uint32_t k = 0; k < n_domain; k++)
        domain[k] = poly_substitute(context, space->contract.domain[k], n, moved, &ranges);
    const struct ir_node *sum = ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                           .elem = target->elem,
                                                                           .accumulator = gradient_accumulator(term->accumulator),
                                                                           .rank = rank,
                                                                           .n_indices = n,
                                                                           .extents = extents,
                                                                           .n_operands = term->n_factors,
                                                                           .operands = factors,
                                                                           .n_domain = n_domain,
                                                                           .domain = domain});
    ir_set_name(context, gradient->names, sum, NULL, moved_names, SPAN_NONE);
    struct ir_access base = ir_access_substitute(context, *term->target, n, moved, &ranges);
    base.node = gradient_zeros(context, target->elem, target->rank, target->shape);
    base.conjugate = false;
    const struct ir_node *made = ir_scatter(context, IR_RING_plustimes, rank, extents, base, ir_access_whole(context, sum));
    ir_set_name(context, gradient->names, made, NULL, moved_names, SPAN_NONE);
    return made;
}

const struct ir_node *gradient_transpose(struct gradient *gradient, const struct gradient_term *term)
{
    struct ir_context *context = gradient->context;
    const struct ir_node *space = term->space, *target = term->target->node;
    struct transposing transposing = {.gradient = gradient, .term = term};
    const char **names = ARENA_ARRAY(gradient->arena, space->n_indices, const char *);
    for (uint32_t k = 0; names && k < space->n_indices; k++)
        names[k] = gradient_index_name(gradient, space, k);
    if (!names || !inversion_solve(&transposing.inversion, context, space, names, term->target, any_looks_up(term)))
        return NULL;
    if (transposing.inversion.searches)
        return scattered(gradient, term, names);
    if (!move_factors(&transposing) || !gather_conditions(&transposing))
        return NULL;
    const struct inversion *inversion = &transposing.inversion;
    if (term->n_factors == 1 && inversion->n_new == inversion->rank && !transposing.n_conditions)
        return view_of(context, target, transposing.factors[0]);
    const struct ir_node *sum = ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                           .elem = target->elem,
                                                                           .accumulator = gradient_accumulator(term->accumulator),
                                                                           .rank = target->rank,
                                                                           .n_indices = (uint32_t)inversion->n_new,
                                                                           .extents = inversion->extents,
                                                                           .n_operands = term->n_factors,
                                                                           .operands = transposing.factors,
                                                                           .n_domain = (uint32_t)transposing.n_conditions,
                                                                           .domain = transposing.conditions});
    ir_set_name(context, gradient->names, sum, NULL, inversion->names, SPAN_NONE);
    return sum;
}
