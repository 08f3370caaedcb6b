/* Brings a stage's index space into the form loops are made of, without changing what it computes.
 *
 * 1. Split: an index x of extent q*P that stands in a subscript as floor(x / P) becomes P*x1 + x0, so that merged axes lose
 *    their divisions. The largest divisor goes first; the others then divide x0 alone.
 * 2. Drop: an index of extent 1 is 0.
 * 3. Conditions that are now proved go; a guard that is refuted is its fill value, a refuted domain an empty sum.
 * 4. Merge: neighbours x, y (both summed or both not) whose coefficients satisfy cx == cy * extent(y) in every load, the store,
 * every condition and every index value become one index of extent(x) * extent(y): one long loop instead of two. Index numbers
 * never move; an index that went is marked `gone`. Extents of a nest's indices use no index of it. */
#include "lower.h"

#include <ctype.h>
#include <string.h>

struct poly_ranges nest_ranges(const struct nest *nest)
{
    return (struct poly_ranges){(uint32_t)nest->n, nest->extents};
}

uint32_t nest_add_index(struct lowering *lowering, struct nest *nest, struct nest_index index, const struct poly *extent)
{
    if (!extent || !ARENA_PUSH(lowering->arena, nest->extents, nest->n_extents, nest->extents_capacity, extent) ||
        !ARENA_PUSH(lowering->arena, nest->indices, nest->n, nest->indices_capacity, index))
        return UINT32_MAX;
    return (uint32_t)nest->n - 1;
}

bool nest_add_condition(struct lowering *lowering, struct nest *nest, const struct poly *condition)
{
    for (size_t k = 0; k < nest->n_domain; k++)
        if (nest->domain[k] == condition)
            return true;
    return condition && ARENA_PUSH(lowering->arena, nest->domain, nest->n_domain, nest->domain_capacity, condition);
}

/* ---- all polys of a nest ---- */

struct gathering {
    struct lowering *lowering;
    struct nest_poly *items;
    size_t n, capacity;
    const struct ir_expr **seen;
    size_t n_seen, seen_capacity;
};

static bool gather(struct gathering *gathering, struct nest_poly item)
{
    for (size_t k = 0; k < gathering->n; k++) {
        struct nest_poly *other = &gathering->items[k];
        if (other->poly == item.poly && other->is_load == item.is_load && other->is_store == item.is_store &&
            (!item.is_load || other->buffer == item.buffer))
            return true;
    }
    return ARENA_PUSH(gathering->lowering->arena, gathering->items, gathering->n, gathering->capacity, item);
}

static bool gather_expr(struct gathering *gathering, const struct ir_expr *expr)
{
    for (size_t k = 0; k < gathering->n_seen; k++)
        if (gathering->seen[k] == expr)
            return true;
    if (!ARENA_PUSH(gathering->lowering->arena, gathering->seen, gathering->n_seen, gathering->seen_capacity, expr))
        return false;
    if (expr->op == IR_EXPR_load)
        return gather(gathering, (struct nest_poly){expr->load.address, true, false, expr->load.buffer});
    if (expr->op == IR_EXPR_index)
        return gather(gathering, (struct nest_poly){expr->index, false, false, 0});
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        if (!gather_expr(gathering, expr->arguments[k]))
            return false;
    return true;
}

static bool gather_value(struct gathering *gathering, const struct lower_value *value)
{
    for (size_t k = 0; k < value->n_guards; k++) {
        const struct lower_guard *guard = &value->guards[k];
        for (uint32_t c = 0; c < guard->n_conditions; c++)
            if (!gather(gathering, (struct nest_poly){guard->conditions[c], false, false, 0}))
                return false;
        if (guard->value && !gather_expr(gathering, guard->value))
            return false;
    }
    return !value->expr || gather_expr(gathering, value->expr);
}

struct nest_poly *nest_polys(struct lowering *lowering, const struct nest *nest, size_t *count)
{
    struct gathering gathering = {.lowering = lowering};
    bool fine = gather(&gathering, (struct nest_poly){nest->address, false, true, nest->target}) &&
                gather_value(&gathering, &nest->term) && gather_value(&gathering, &nest->result);
    for (size_t k = 0; fine && k < nest->n_domain; k++)
        fine = gather(&gathering, (struct nest_poly){nest->domain[k], false, false, 0});
    for (uint32_t k = 0; fine && k < nest->n_kept; k++)
        fine = gather(&gathering, (struct nest_poly){nest->kept[k], false, false, 0});
    *count = gathering.n;
    return fine ? gathering.items : NULL;
}

/* ---- substitution in place ---- */

static bool substitute_value(struct lowering *lowering, struct lower_value *value, uint32_t n, const struct poly *const *by,
                             const struct poly_ranges *ranges)
{
    for (size_t k = 0; k < value->n_guards; k++) {
        struct lower_guard *guard = &value->guards[k];
        for (uint32_t c = 0; c < guard->n_conditions; c++)
            if (!(guard->conditions[c] = poly_substitute(lowering->context, guard->conditions[c], n, by, ranges)))
                return false;
        if (guard->value && !(guard->value = lower_substitute(lowering, guard->value, n, by, ranges, NULL)))
            return false;
    }
    if (value->expr)
        value->expr = lower_substitute(lowering, value->expr, n, by, ranges, NULL);
    return true;
}

/* Puts `by` in place of index x everywhere. */
static bool substitute(struct lowering *lowering, struct nest *nest, uint32_t x, const struct poly *by)
{
    const struct poly **replacements = ARENA_ARRAY(lowering->arena, nest->n, const struct poly *);
    if (!by || !replacements)
        return false;
    replacements[x] = by;
    struct poly_ranges ranges = nest_ranges(nest);
    uint32_t n = (uint32_t)nest->n;
    for (size_t k = 0; k < nest->n_domain; k++)
        if (!(nest->domain[k] = poly_substitute(lowering->context, nest->domain[k], n, replacements, &ranges)))
            return false;
    for (uint32_t k = 0; k < nest->n_kept; k++)
        if (!(nest->kept[k] = poly_substitute(lowering->context, nest->kept[k], n, replacements, &ranges)))
            return false;
    for (size_t k = 0; k < nest->n_hints; k++)
        nest->hints[k].poly = poly_substitute(lowering->context, nest->hints[k].poly, n, replacements, &ranges);
    nest->address = poly_substitute(lowering->context, nest->address, n, replacements, &ranges);
    nest->indices[x].gone = true;
    return nest->address && substitute_value(lowering, &nest->term, n, replacements, &ranges) &&
           substitute_value(lowering, &nest->result, n, replacements, &ranges);
}

/* ---- 1. split ---- */

/* The largest P among the floors x / P of `poly` that splits x evenly. */
static void find_divisor(struct lowering *lowering, const struct nest *nest, const struct poly *poly, uint32_t x,
                         const struct poly **best)
{
    struct ir_context *context = lowering->context;
    const double *typical = ir_typical_sizes(context);
    for (uint32_t t = 0; t < poly->n_terms; t++)
        for (uint32_t f = 0; f < poly->terms[t].n_factors; f++) {
            const struct poly_atom *atom = poly->terms[t].factors[f];
            uint32_t index;
            if (atom->kind != POLY_FLOOR)
                continue;
            find_divisor(lowering, nest, atom->numerator, x, best);
            if (!poly_is_index(atom->numerator, &index) || index != x)
                continue;
            const struct poly *quotient = poly_floor_div(context, nest->extents[x], atom->denominator, NULL);
            if (!quotient || poly_multiply(context, quotient, atom->denominator) != nest->extents[x])
                continue;
            if (!*best || poly_estimate(atom->denominator, typical, NULL) > poly_estimate(*best, typical, NULL))
                *best = atom->denominator;
        }
}

static bool split(struct lowering *lowering, struct nest *nest, uint32_t x, const struct poly *divisor)
{
    struct ir_context *context = lowering->context;
    struct nest_index high = nest->indices[x], low = nest->indices[x];
    const char *name = nest->indices[x].name;
    bool spells = name[1] && isalpha((unsigned char)name[0]) && isalpha((unsigned char)name[1]); /* `ik` is (i,k) */
    high.name = spells ? arena_printf(lowering->arena, "%c", name[0]) : arena_printf(lowering->arena, "%s_high", name);
    low.name = spells ? name + 1 : arena_printf(lowering->arena, "%s_low", name);
    uint32_t x1 = nest_add_index(lowering, nest, high, poly_floor_div(context, nest->extents[x], divisor, NULL));
    uint32_t x0 = nest_add_index(lowering, nest, low, divisor);
    if (x1 == UINT32_MAX || x0 == UINT32_MAX)
        return false;
    return substitute(lowering, nest, x,
                      poly_add(context, poly_multiply(context, poly_index(context, x1), divisor), poly_index(context, x0)));
}

static bool split_indices(struct lowering *lowering, struct nest *nest)
{
    for (uint32_t x = 0; x < nest->n; x++) { /* grows as indices are split */
        if (nest->indices[x].gone || nest->indices[x].outer)
            continue;
        if (nest->indices[x].reduced && nest_sums_as_written(lowering, nest)) /* its parts would stand behind all others */
            continue;
        size_t count;
        struct nest_poly *polys = nest_polys(lowering, nest, &count);
        if (!polys)
            return false;
        const struct poly *divisor = NULL;
        for (size_t k = 0; k < count; k++)
            find_divisor(lowering, nest, polys[k].poly, x, &divisor);
        if (divisor && !split(lowering, nest, x, divisor))
            return false;
    }
    return true;
}

/* Gives indices made by a split the names their values have in the source. */
static void name_split_indices(struct nest *nest, size_t first)
{
    for (size_t k = 0; k < nest->n_hints; k++) {
        uint32_t index;
        if (nest->hints[k].poly && poly_is_index(nest->hints[k].poly, &index) && index >= first)
            nest->indices[index].name = nest->hints[k].name;
    }
}

/* ---- 2. drop ---- */

static bool drop_units(struct lowering *lowering, struct nest *nest)
{
    for (uint32_t x = 0; x < nest->n; x++) {
        bool adds = nest->indices[x].reduced && nest_sums_as_written(lowering, nest); /* 0 + -0 is 0 */
        if (!nest->indices[x].gone && !nest->indices[x].outer && !adds && poly_equals(nest->extents[x], 1) &&
            !substitute(lowering, nest, x, poly_constant(lowering->context, 0)))
            return false;
    }
    return true;
}

/* ---- 4. merge ---- */

static bool can_merge(struct lowering *lowering, const struct nest *nest, const struct nest_poly *polys, size_t count, uint32_t x,
                      uint32_t y)
{
    for (size_t k = 0; k < count; k++) {
        const struct poly *cx, *cy;
        if (!poly_uses_index(polys[k].poly, x) && !poly_uses_index(polys[k].poly, y))
            continue;
        if (!poly_split_index(lowering->context, polys[k].poly, x, &cx, NULL) ||
            !poly_split_index(lowering->context, polys[k].poly, y, &cy, NULL) ||
            cx != poly_multiply(lowering->context, cy, nest->extents[y]))
            return false;
    }
    return true;
}

static const char *merged_name(struct lowering *lowering, const char *x, const char *y)
{
    bool letters = isalpha((unsigned char)y[0]) && strlen(y) == 1 && strlen(x) <= 3 && !strchr(x, '_') &&
                   isalpha((unsigned char)x[strlen(x) - 1]);
    return arena_printf(lowering->arena, letters ? "%s%s" : "%s_%s", x, y);
}

static const char *merged_note(struct lowering *lowering, const struct nest_index *x, const struct nest_index *y)
{
    static const char tail[] = ", merged";
    const char *outer = x->name;
    if (x->note) { /* "b and h, merged": "b, h" */
        const char *last = strstr(x->note, " and ");
        size_t length = strlen(x->note) - strlen(tail);
        outer = arena_printf(lowering->arena, "%.*s, %.*s", (int)(last - x->note), x->note,
                             (int)(length - (size_t)(last - x->note) - 5), last + 5);
    }
    return y->note ? arena_printf(lowering->arena, "%s, %s", outer, y->note)
                   : arena_printf(lowering->arena, "%s and %s%s", outer, y->name, tail);
}

static bool merge(struct lowering *lowering, struct nest *nest, uint32_t x, uint32_t y)
{
    struct ir_context *context = lowering->context;
    const struct poly *extent = poly_multiply(context, nest->extents[x], nest->extents[y]);
    if (!extent || !substitute(lowering, nest, x, poly_constant(context, 0)))
        return false;
    nest->indices[y].note = merged_note(lowering, &nest->indices[x], &nest->indices[y]);
    nest->indices[y].name = merged_name(lowering, nest->indices[x].name, nest->indices[y].name);
    nest->extents[y] = extent;
    return nest->indices[y].name != NULL;
}

/* Is y the summed index next inside of x? */
static bool follows(const struct nest *nest, uint32_t x, uint32_t y)
{
    for (uint32_t between = x + 1; between < y; between++)
        if (nest->indices[between].reduced && !nest->indices[between].gone)
            return false;
    return x < y;
}

/* Merges one pair; false when there is none left (or no memory). */
static bool merge_one(struct lowering *lowering, struct nest *nest)
{
    size_t count;
    struct nest_poly *polys = nest_polys(lowering, nest, &count);
    bool as_written = nest_sums_as_written(lowering, nest);
    for (uint32_t x = 0; polys && x < nest->n; x++)
        for (uint32_t y = 0; y < nest->n; y++) {
            const struct nest_index *outer = &nest->indices[x], *inner = &nest->indices[y];
            if (x == y || outer->gone || inner->gone || outer->outer || inner->outer || outer->reduced != inner->reduced ||
                (outer->reduced && as_written && !follows(nest, x, y)))
                continue;
            if (can_merge(lowering, nest, polys, count, x, y))
                return merge(lowering, nest, x, y);
        }
    return false;
}

/* ---- 3. conditions ---- */

/* Keeps the conditions that are neither proved nor refuted; `*never` when one is refuted. */
static uint32_t settle(struct lowering *lowering, const struct nest *nest, const struct poly **conditions, size_t count,
                       bool *never)
{
    struct poly_ranges ranges = nest_ranges(nest);
    const struct poly *below = poly_constant(lowering->context, -1);
    uint32_t kept = 0;
    for (size_t k = 0; k < count; k++) {
        int64_t value;
        if (poly_is_constant(conditions[k], &value)
                ? value < 0
                : poly_prove_nonnegative(lowering->context, poly_subtract(lowering->context, below, conditions[k]), &ranges))
            *never = true;
        if (!poly_prove_nonnegative(lowering->context, conditions[k], &ranges))
            conditions[kept++] = conditions[k];
    }
    return kept;
}

static void settle_guards(struct lowering *lowering, const struct nest *nest, struct lower_value *value)
{
    for (size_t k = 0; k < value->n_guards; k++) {
        struct lower_guard *guard = &value->guards[k];
        bool never = false;
        guard->n_conditions = settle(lowering, nest, guard->conditions, guard->n_conditions, &never);
        if (never)
            guard->value = NULL;
    }
}

/* Has an index of this kind, and its loop, no values? */
static bool has_empty_index(const struct nest *nest, bool reduced)
{
    for (size_t x = 0; x < nest->n; x++)
        if (!nest->indices[x].gone && nest->indices[x].reduced == reduced && poly_equals(nest->extents[x], 0))
            return true;
    return false;
}

/* A sum over nothing, or over a domain that is nowhere, is the ring's zero. */
static bool settle_conditions(struct lowering *lowering, struct nest *nest)
{
    bool never = has_empty_index(nest, true);
    settle_guards(lowering, nest, &nest->term);
    settle_guards(lowering, nest, &nest->result);
    nest->n_kept = settle(lowering, nest, nest->kept, nest->n_kept, &nest->nowhere);
    nest->nowhere |= nest->scatters && has_empty_index(nest, false);
    nest->n_domain = settle(lowering, nest, nest->domain, nest->n_domain, &never);
    if (!never)
        return true;
    nest->n_domain = 0;
    nest->term = (struct lower_value){0};
    nest->term.expr = ir_expr_literal(lowering->context, ir_ring_zero(nest->ring, nest->accumulator));
    for (size_t x = 0; x < nest->n; x++)
        nest->indices[x].gone |= nest->indices[x].reduced;
    return nest->term.expr != NULL;
}

static bool copy_guards(struct lowering *lowering, struct lower_value *value)
{
    struct lower_guard *guards = arena_copy(lowering->arena, value->guards, value->n_guards, sizeof *guards);
    value->guards = guards;
    for (size_t k = 0; guards && k < value->n_guards; k++)
        if (!(guards[k].conditions =
                  arena_copy(lowering->arena, guards[k].conditions, guards[k].n_conditions, sizeof *guards[k].conditions)))
            return false;
    return guards != NULL;
}

struct nest *nest_at_value(struct lowering *lowering, const struct nest *nest, uint32_t x, int64_t value, bool *never)
{
    struct nest *copy = arena_copy(lowering->arena, nest, 1, sizeof *nest);
    if (!copy)
        return NULL;
    copy->indices = arena_copy(lowering->arena, nest->indices, nest->n, sizeof *nest->indices);
    copy->domain = arena_copy(lowering->arena, nest->domain, nest->n_domain, sizeof *nest->domain);
    copy->kept = arena_copy(lowering->arena, nest->kept, nest->n_kept, sizeof *nest->kept);
    copy->n_hints = 0;
    if (!copy->indices || !copy->domain || !copy->kept || !copy_guards(lowering, &copy->term) ||
        !copy_guards(lowering, &copy->result) || !substitute(lowering, copy, x, poly_constant(lowering->context, value)))
        return NULL;
    settle_guards(lowering, copy, &copy->term);
    copy->n_domain = settle(lowering, copy, copy->domain, copy->n_domain, never);
    return copy;
}

bool nest_simplify(struct lowering *lowering, struct nest *nest)
{
    size_t n_given = nest->n;
    if (!split_indices(lowering, nest))
        return false;
    name_split_indices(nest, n_given);
    if (!drop_units(lowering, nest) || !settle_conditions(lowering, nest))
        return false;
    bool in_order = nest->scatters && lowering->kernel->numeric_class == IR_CLASS_EXACT; /* lower_order.c */
    while (!in_order && merge_one(lowering, nest))
        continue;
    return !arena_failed(lowering->arena);
}
