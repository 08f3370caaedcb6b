/* Inverting an access: which points of an index space lead to element a of a tensor?
 *
 * Each axis gives an equation, subscript(indices) = a. Equations are solved one after the other for one index each, by what gives
 * the fewest points to run over:
 *   i = a                      a plain or shifted index
 *   Q*p + q = a                digits, of which there may be many: p = a div Q, q = a mod Q
 *   2*i + r = a, r < 3         a stride and an offset that overlap: r = 2*r' + r0 makes digits of it (the phases of a filter)
 *   i + r = a                  else: the longer index goes, the shorter is summed over
 *   2*i = a                    i = a div 2, where a mod 2 is 0
 *   i div 4, i mod 4           i = 4*i' + i0 first
 *   t[i] = a                   the list of places where the constant table t holds a (gradient_tables.c)
 * What is left stays a condition, which is right and slow. Invariant: the points that satisfy the equations, bounds and conditions
 * are in bijection with the points of the old index space, and n_old values say which. */
#include "gradient_invert.h"

#include <string.h>

enum { MOST_STEPS = 256 };

/* ---- the parts ---- */

struct poly_ranges inversion_ranges(const struct inversion *inversion)
{
    return (struct poly_ranges){(uint32_t)inversion->n_new, inversion->extents};
}

uint32_t inversion_add_index(struct inversion *inversion, const struct poly *extent, const char *name)
{
    struct arena *arena = ir_arena(inversion->context);
    uint32_t number = (uint32_t)inversion->n_new;
    bool kept = extent && ARENA_PUSH(arena, inversion->extents, inversion->n_new, inversion->extents_capacity, extent) &&
                ARENA_PUSH(arena, inversion->names, inversion->n_names, inversion->names_capacity, name) &&
                ARENA_PUSH(arena, inversion->gone, inversion->n_gone, inversion->gone_capacity, false);
    return kept ? number : UINT32_MAX;
}

bool inversion_add_equation(struct inversion *inversion, const struct poly *equation)
{
    return equation && ARENA_PUSH(ir_arena(inversion->context), inversion->equations, inversion->n_equations,
                                  inversion->equations_capacity, equation);
}

bool inversion_add_condition(struct inversion *inversion, const struct poly *condition)
{
    return condition && ARENA_PUSH(ir_arena(inversion->context), inversion->conditions, inversion->n_conditions,
                                   inversion->conditions_capacity, condition);
}

static bool add_bound(struct inversion *inversion, const struct poly *value, const struct poly *extent, bool sure)
{
    struct inversion_bound bound = {value, extent, sure};
    return value && extent &&
           ARENA_PUSH(ir_arena(inversion->context), inversion->bounds, inversion->n_bounds, inversion->bounds_capacity, bound);
}

bool inversion_replace(struct inversion *inversion, uint32_t index, const struct poly *value)
{
    struct ir_context *context = inversion->context;
    struct poly_ranges ranges = inversion_ranges(inversion);
    const struct poly **by = ARENA_ARRAY(ir_arena(context), inversion->n_new, const struct poly *);
    if (!by || !value)
        return false;
    by[index] = value;
    uint32_t n = (uint32_t)inversion->n_new;
    bool fine = true;
    for (uint32_t k = 0; k < inversion->n_old; k++)
        fine &= (inversion->values[k] = poly_substitute(context, inversion->values[k], n, by, &ranges)) != NULL;
    for (size_t k = 0; k < inversion->n_equations; k++)
        fine &= (inversion->equations[k] = poly_substitute(context, inversion->equations[k], n, by, &ranges)) != NULL;
    for (size_t k = 0; k < inversion->n_conditions; k++)
        fine &= (inversion->conditions[k] = poly_substitute(context, inversion->conditions[k], n, by, &ranges)) != NULL;
    for (size_t k = 0; k < inversion->n_bounds; k++)
        fine &= (inversion->bounds[k].value = poly_substitute(context, inversion->bounds[k].value, n, by, &ranges)) != NULL;
    return fine;
}

/* Can values outside the extent be wrapped, if they must be? */
static bool can_wrap(const struct inversion *inversion, const struct poly *extent)
{
    return !inversion->wraps || poly_floor_div(inversion->context, poly_constant(inversion->context, 0), extent, NULL);
}

bool inversion_eliminate(struct inversion *inversion, uint32_t index, const struct poly *value)
{
    const struct poly *extent = inversion->extents[index], *inside = value;
    const struct poly_ranges ranges = inversion_ranges(inversion);
    if (!value || !can_wrap(inversion, extent))
        return false;
    if (inversion->wraps && !poly_prove_within(inversion->context, value, extent, &ranges))
        inside = poly_mod(inversion->context, value, extent, &ranges);
    inversion->gone[index] = true;
    return add_bound(inversion, value, extent, false) && inversion_replace(inversion, index, inside);
}

bool inversion_split(struct inversion *inversion, uint32_t index, const struct poly *divisor, int64_t shift)
{
    struct ir_context *context = inversion->context;
    const struct poly *extent = inversion->extents[index];
    if (!can_wrap(inversion, extent))
        return false;
    const struct poly *rounded = poly_add(context, extent, poly_add(context, divisor, poly_constant(context, shift - 1)));
    const struct poly *high_extent = poly_floor_div(context, rounded, divisor, NULL);
    uint32_t high = inversion_add_index(inversion, high_extent, inversion->names[index]);
    uint32_t low = inversion_add_index(inversion, divisor, NULL);
    if (high == UINT32_MAX || low == UINT32_MAX)
        return false;
    const struct poly *value = poly_add(context, poly_multiply(context, divisor, poly_index(context, high)),
                                        poly_subtract(context, poly_index(context, low), poly_constant(context, shift)));
    return inversion_eliminate(inversion, index, value);
}

/* ---- an equation and its indices ---- */

/* Reads the equation as a sum over indices; false when one of them is not linear in it, and then only the others are parts. */
static bool read_equation(const struct inversion *inversion, const struct poly *equation, struct linear_equation *linear)
{
    struct ir_context *context = inversion->context;
    const double *typical = ir_typical_sizes(context);
    bool all = true;
    linear->n = 0;
    linear->rest = equation;
    for (uint32_t index = inversion->rank; index < poly_index_limit(equation); index++) {
        if (!poly_uses_index(equation, index))
            continue;
        struct linear_part part = {.index = index, .size = poly_estimate(inversion->extents[index], typical, NULL)};
        const struct poly *rest = NULL;
        bool taken = linear->n < LINEAR_INDICES && poly_split_index(context, linear->rest, index, &part.coefficient, &rest);
        all &= taken;
        if (!taken)
            continue;
        linear->rest = rest;
        linear->parts[linear->n++] = part;
    }
    return all;
}

static bool has_coefficient(const struct linear_part *part, int64_t value)
{
    return poly_equals(part->coefficient, value);
}

static bool is_unit(const struct linear_part *part)
{
    return has_coefficient(part, 1) || has_coefficient(part, -1);
}

/* The exact quotient; NULL where it leaves a remainder or none is known. */
static const struct poly *quotient(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    const struct poly *result = poly_floor_div(context, a, b, NULL);
    return result && poly_multiply(context, result, b) == a ? result : NULL;
}

/* The whole equation but one part, as the value that `index` has: coefficient * index = value. */
static const struct poly *without_part(const struct inversion *inversion, const struct poly *equation,
                                       const struct linear_part *part)
{
    struct ir_context *context = inversion->context;
    const struct poly *rest = NULL;
    return poly_split_index(context, equation, part->index, NULL, &rest) ? poly_scale(context, rest, -1) : NULL;
}

/* ---- ways to solve one ---- */

/* An axis that is the index but for a shift is called as the index was. */
static void name_axis(struct inversion *inversion, const struct poly *value, uint32_t index)
{
    const struct poly *coefficient = NULL;
    for (uint32_t axis = 0; axis < inversion->rank && value; axis++)
        if (!inversion->names[axis] && poly_uses_index(value, axis) &&
            poly_split_index(inversion->context, value, axis, &coefficient, NULL) && poly_equals(coefficient, 1))
            inversion->names[axis] = inversion->names[index];
}

static bool solve_unit(struct inversion *inversion, size_t at, const struct linear_part *part)
{
    const struct poly *value = without_part(inversion, inversion->equations[at], part);
    if (has_coefficient(part, -1))
        value = poly_scale(inversion->context, value, -1);
    name_axis(inversion, value, part->index);
    return inversion_eliminate(inversion, part->index, value);
}

/* coefficient * index = value, rounded down; the equation stays, and says where the division is exact. */
static bool solve_division(struct inversion *inversion, size_t at, const struct linear_part *part)
{
    struct ir_context *context = inversion->context;
    struct poly_ranges ranges = inversion_ranges(inversion);
    const struct poly *coefficient = part->coefficient, *value = without_part(inversion, inversion->equations[at], part);
    if (!poly_floor_div(context, value, coefficient, &ranges)) { /* a negative one, or no divisor at all */
        coefficient = poly_scale(context, coefficient, -1);
        value = poly_scale(context, value, -1);
    }
    const struct poly *whole = poly_floor_div(context, value, coefficient, &ranges);
    return whole && inversion_eliminate(inversion, part->index, whole);
}

/* Is its coefficient 1 or -1, and are the others multiples of its extent? Then it is the last digit. */
static bool is_last_digit(const struct inversion *inversion, const struct linear_equation *linear, uint32_t digit)
{
    if (!is_unit(&linear->parts[digit]))
        return false;
    const struct poly *extent = inversion->extents[linear->parts[digit].index];
    for (uint32_t k = 0; k < linear->n; k++)
        if (k != digit && !quotient(inversion->context, linear->parts[k].coefficient, extent))
            return false;
    return true;
}

/* extent * (sum of q * index) + digit = value: the digit is the remainder, what is left another equation. */
static bool solve_digit(struct inversion *inversion, size_t at, const struct linear_equation *linear, uint32_t digit)
{
    struct ir_context *context = inversion->context;
    struct poly_ranges ranges = inversion_ranges(inversion);
    const int64_t sign = has_coefficient(&linear->parts[digit], 1) ? 1 : -1;
    const struct poly *extent = inversion->extents[linear->parts[digit].index];
    const struct poly *value = poly_scale(context, linear->rest, -sign);
    const struct poly *left = poly_scale(context, poly_floor_div(context, value, extent, &ranges), -1);
    for (uint32_t k = 0; k < linear->n; k++) {
        const struct poly *rank = quotient(context, linear->parts[k].coefficient, extent);
        if (k != digit)
            left = poly_add(context, left,
                            poly_scale(context, poly_multiply(context, rank, poly_index(context, linear->parts[k].index)), sign));
    }
    if (!left)
        return false;
    inversion->equations[at] = left;
    uint32_t index = linear->parts[digit].index;
    const struct poly *remainder = poly_mod(context, value, extent, &ranges);
    inversion->gone[index] = true;
    return add_bound(inversion, remainder, extent, true) && inversion_replace(inversion, index, remainder);
}

/* The index with coefficient 1 or -1 whose extent is largest; n: none. */
static uint32_t largest_unit(const struct linear_equation *linear)
{
    uint32_t best = linear->n;
    for (uint32_t k = 0; k < linear->n; k++)
        if (is_unit(&linear->parts[k]) && (best == linear->n || linear->parts[k].size > linear->parts[best].size))
            best = k;
    return best;
}

static uint32_t largest_part(const struct linear_equation *linear)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < linear->n; k++)
        if (linear->parts[k].size > linear->parts[best].size)
            best = k;
    return best;
}

/* Where all coefficients but that of one unit index are multiples of a stride: the unit index in phases of the stride, so that it
 * has a last digit. */
static bool split_phases(struct inversion *inversion, const struct linear_equation *linear, uint32_t unit, bool *split)
{
    struct ir_context *context = inversion->context;
    int64_t stride, coefficient, extent;
    uint32_t index = linear->parts[unit].index;
    *split = false;
    if (!poly_is_constant(linear->parts[largest_part(linear)].coefficient, &stride) || stride == INT64_MIN)
        return true;
    stride = stride < 0 ? -stride : stride;
    for (uint32_t k = 0; k < linear->n; k++)
        if (k != unit && (!poly_is_constant(linear->parts[k].coefficient, &coefficient) || coefficient % stride != 0))
            return true;
    if (stride < 2)
        return true;
    *split = true;
    if (!poly_is_constant(inversion->extents[index], &extent) || extent > stride)
        return inversion_split(inversion, index, poly_constant(context, stride), 0);
    uint32_t wide = can_wrap(inversion, inversion->extents[index])
                        ? inversion_add_index(inversion, poly_constant(context, stride), inversion->names[index])
                        : UINT32_MAX;
    return wide != UINT32_MAX && inversion_eliminate(inversion, index, poly_index(context, wide));
}

/* Several indices in a sum. */
static bool solve_sum(struct inversion *inversion, size_t at, const struct linear_equation *linear)
{
    for (uint32_t k = 0; k < linear->n; k++)
        if (is_last_digit(inversion, linear, k))
            return solve_digit(inversion, at, linear, k);
    uint32_t unit = largest_unit(linear), largest = largest_part(linear);
    bool done = false;
    if (unit != linear->n && unit != largest && (!split_phases(inversion, linear, unit, &done) || done))
        return done;
    return unit != linear->n ? solve_unit(inversion, at, &linear->parts[unit])
                             : solve_division(inversion, at, &linear->parts[largest]);
}

/* ---- the order of solving ---- */

static void drop_equation(struct inversion *inversion, size_t at)
{
    for (size_t k = at + 1; k < inversion->n_equations; k++)
        inversion->equations[k - 1] = inversion->equations[k];
    inversion->n_equations--;
}

static bool has_open_index(const struct inversion *inversion, const struct poly *equation)
{
    for (uint32_t index = inversion->rank; index < poly_index_limit(equation); index++)
        if (poly_uses_index(equation, index))
            return true;
    return false;
}

/* No index can be solved for: the equation is two conditions. */
static bool leave_equation(struct inversion *inversion, size_t at)
{
    const struct poly *equation = inversion->equations[at];
    drop_equation(inversion, at);
    inversion->searches |= has_open_index(inversion, equation);
    return inversion_add_condition(inversion, equation) &&
           inversion_add_condition(inversion, poly_scale(inversion->context, equation, -1));
}

enum difficulty { PLAIN, SINGLE, SUM, NESTED, SETTLED, DIFFICULTIES };

static enum difficulty difficulty_of(const struct inversion *inversion, const struct poly *equation, struct linear_equation *linear)
{
    if (!has_open_index(inversion, equation))
        return SETTLED;
    if (!read_equation(inversion, equation, linear))
        return NESTED;
    return linear->n > 1 ? SUM : is_unit(&linear->parts[0]) ? PLAIN : SINGLE;
}

static bool solve_one(struct inversion *inversion, size_t at, enum difficulty difficulty, const struct linear_equation *linear)
{
    switch (difficulty) {
    case PLAIN:
        return solve_unit(inversion, at, &linear->parts[0]) || leave_equation(inversion, at);
    case SINGLE:
        return solve_division(inversion, at, &linear->parts[0]) || leave_equation(inversion, at);
    case SUM:
        return solve_sum(inversion, at, linear) || leave_equation(inversion, at);
    case NESTED:
        if (largest_unit(linear) < linear->n)
            return solve_unit(inversion, at, &linear->parts[largest_unit(linear)]) || leave_equation(inversion, at);
        return inversion_open_nested(inversion, at) || leave_equation(inversion, at);
    default:
        if (!poly_equals(inversion->equations[at], 0))
            return leave_equation(inversion, at);
        drop_equation(inversion, at);
        return true;
    }
}

/* Solves the easiest equation there is. */
static bool solve_easiest(struct inversion *inversion)
{
    struct linear_equation linear, best_linear = {0};
    enum difficulty easiest = DIFFICULTIES;
    size_t best = 0;
    for (size_t k = 0; k < inversion->n_equations; k++) {
        enum difficulty difficulty = difficulty_of(inversion, inversion->equations[k], &linear);
        if (difficulty >= easiest)
            continue;
        easiest = difficulty;
        best = k;
        best_linear = linear;
    }
    return solve_one(inversion, best, easiest, &best_linear);
}

/* ---- before and after ---- */

static bool open_inversion(struct inversion *inversion, const struct poly *const *extents, const char *const *names,
                           const struct ir_access *access)
{
    struct ir_context *context = inversion->context;
    struct arena *arena = ir_arena(context);
    const struct poly **moved = ARENA_ARRAY(arena, inversion->n_old, const struct poly *);
    inversion->values = ARENA_ARRAY(arena, inversion->n_old, const struct poly *);
    if (!moved || !inversion->values)
        return false;
    for (uint32_t axis = 0; axis < inversion->rank; axis++)
        if (inversion_add_index(inversion, access->node->shape[axis], NULL) == UINT32_MAX)
            return false;
    for (uint32_t k = 0; k < inversion->n_old; k++) {
        uint32_t index = inversion_add_index(inversion, extents[k], names ? names[k] : NULL);
        if (index == UINT32_MAX)
            return false;
        moved[k] = inversion->values[k] = poly_index(context, index);
    }
    struct poly_ranges ranges = inversion_ranges(inversion);
    for (uint32_t axis = 0; axis < inversion->rank; axis++) {
        const struct poly *subscript = poly_substitute(context, access->subscripts[axis], inversion->n_old, moved, &ranges);
        if (!inversion_add_equation(inversion, poly_subtract(context, subscript, poly_index(context, axis))))
            return false;
        uint32_t plain;
        if (names && poly_is_index(access->subscripts[axis], &plain))
            inversion->names[axis] = names[plain];
    }
    for (uint32_t k = 0; k < inversion->n_old; k++)
        if (poly_equals(extents[k], 1) && !inversion_eliminate(inversion, inversion->rank + k, poly_constant(context, 0)))
            return false;
    return true;
}

static bool same_name(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Takes the indices that are gone out of the numbering, and gives names back that were only taken over. */
static bool close_inversion(struct inversion *inversion)
{
    struct ir_context *context = inversion->context;
    const struct poly **by = ARENA_ARRAY(ir_arena(context), inversion->n_new, const struct poly *);
    uint32_t n = 0, n_before = (uint32_t)inversion->n_new;
    if (!by)
        return false;
    for (uint32_t k = 0; k < n_before; k++) {
        if (inversion->gone[k])
            continue;
        inversion->extents[n] = inversion->extents[k];
        inversion->names[n] = inversion->names[k];
        for (uint32_t earlier = 0; earlier < n; earlier++)
            if (same_name(inversion->names[earlier], inversion->names[n]))
                inversion->names[n] = NULL;
        by[k] = poly_index(context, n++);
    }
    inversion->n_new = n;
    struct poly_ranges ranges = inversion_ranges(inversion);
    bool fine = true;
    for (uint32_t k = 0; k < inversion->n_old; k++)
        fine &= (inversion->values[k] = poly_substitute(context, inversion->values[k], n_before, by, &ranges)) != NULL;
    for (size_t k = 0; k < inversion->n_conditions; k++)
        fine &= (inversion->conditions[k] = poly_substitute(context, inversion->conditions[k], n_before, by, &ranges)) != NULL;
    for (size_t k = 0; k < inversion->n_bounds; k++)
        fine &= (inversion->bounds[k].value = poly_substitute(context, inversion->bounds[k].value, n_before, by, &ranges)) != NULL;
    return fine;
}

bool inversion_solve(struct inversion *inversion, struct ir_context *context, const struct ir_node *space, const char *const *names,
                     const struct ir_access *access, bool wraps)
{
    *inversion = (struct inversion){.context = context, .rank = access->node->rank, .n_old = space->n_indices, .wraps = wraps};
    if (!open_inversion(inversion, space->extents, names, access))
        return false;
    for (int step = 0; inversion->n_equations > 0; step++)
        if (step < MOST_STEPS ? !solve_easiest(inversion) : !leave_equation(inversion, 0))
            return false;
    return close_inversion(inversion);
}
