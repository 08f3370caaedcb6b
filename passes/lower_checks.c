/* Numbers that are looked up at run time: checked before the stage that uses them, and looked up where tables lie in memory.
 *
 * While a stage is written down, each access notes what is not proved: a subscript with a lookup that must stay inside its axis
 * (a fill value makes that unneeded) and, before it, the subscripts of the lookups themselves. The checks become loops of their own
 * over just the indices they use, under the conditions under which the stage reads there. Where one fails the function ends, so
 * nothing is read or written outside. A check is made once: tables are values, they do not change.
 *
 * A single lookup in a subscript, c * t[...] + rest, is compared alone with bounds that hold no lookup: no value of t overflows.
 * Where a subscript is made of several, each of 64 bits must lie within LOOKUP_LIMIT as well, so that their sum does not. */
#include "lower.h"

#include <string.h>

static const int64_t LOOKUP_LIMIT = (int64_t)1 << 31;

/* ---- what is to be checked ---- */

struct noting {
    struct lowering *lowering;
    struct nest *nest;
    const struct lower_value *value;
    bool failed;
};

static bool same_polys(uint32_t n, const struct poly *const *a, const struct poly *const *b)
{
    return n == 0 || memcmp(a, b, n * sizeof *a) == 0;
}

/* The conditions under which `value` is computed: the sum's own domain, those of the access, those of guards around. */
static bool conditions_of(struct noting *noting, struct nest_check *check)
{
    const struct nest *nest = noting->nest;
    uint32_t n_own = check->summed ? nest->n_own_domain : 0;
    const struct poly **all =
        ARENA_ARRAY(noting->lowering->arena, n_own + nest->n_under + noting->value->n_around, const struct poly *);
    if (!all)
        return false;
    for (uint32_t k = 0; k < n_own; k++)
        all[check->n_conditions++] = nest->domain[k];
    for (size_t k = 0; k < nest->n_under; k++)
        all[check->n_conditions++] = nest->under[k];
    for (size_t k = 0; k < noting->value->n_around; k++)
        all[check->n_conditions++] = noting->value->around[k];
    check->conditions = all;
    return true;
}

static void note(struct noting *noting, const struct poly *subscript, const struct poly *extent)
{
    struct nest *nest = noting->nest;
    struct poly_ranges ranges = nest_ranges(nest);
    struct nest_check check = {.subscript = subscript, .extent = extent, .summed = noting->value == &nest->term};
    if (poly_prove_within(noting->lowering->context, subscript, extent, &ranges))
        return;
    if (!conditions_of(noting, &check)) {
        noting->failed = true;
        return;
    }
    for (size_t k = 0; k < nest->n_checks; k++) {
        const struct nest_check *other = &nest->checks[k];
        if (other->subscript == subscript && other->extent == extent && other->n_conditions == check.n_conditions &&
            same_polys(check.n_conditions, other->conditions, check.conditions))
            return;
    }
    noting->failed |= !ARENA_PUSH(noting->lowering->arena, nest->checks, nest->n_checks, nest->checks_capacity, check);
}

static void note_lookup(void *user, const struct poly_atom *lookup)
{
    for (uint32_t k = 0; k < lookup->n_arguments; k++)
        if (lookup->table->op != IR_const_node || poly_is_run_time(lookup->arguments[k]))
            note(user, lookup->arguments[k], lookup->table->shape[k]);
}

bool lower_note_lookups(struct lowering *lowering, struct nest *nest, const struct lower_value *value, const struct poly *poly)
{
    struct noting noting = {lowering, nest, value, false};
    if (poly_is_run_time(poly))
        poly_visit_lookups(poly, note_lookup, &noting);
    return !noting.failed;
}

bool lower_note_access(struct lowering *lowering, struct nest *nest, const struct lower_value *value, const struct ir_node *node,
                       const struct poly *const *subscripts, bool guarded)
{
    struct noting noting = {lowering, nest, value, false};
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        if (!poly_is_run_time(subscripts[axis]))
            continue;
        poly_visit_lookups(subscripts[axis], note_lookup, &noting);
        if (!guarded)
            note(&noting, subscripts[axis], node->shape[axis]);
    }
    return !noting.failed;
}

/* ---- where tables lie ---- */

struct lowering *lower_table_owner(struct lowering *lowering, const struct ir_node *node)
{
    while (lowering->outside)
        lowering = lowering->outside;
    return node->id < lowering->plan->n_ids && lowering->places[node->id].placed ? lowering : NULL;
}

/* A lookup in a stored tensor as one in its buffer; NULL: a constant's stays. */
static const struct poly *lookup_in_buffer(void *user, const struct ir_node *table, uint32_t n,
                                           const struct poly *const *subscripts)
{
    struct lowering *lowering = table->op == IR_const_node ? NULL : lower_table_owner(user, table);
    if (!lowering || n != table->rank || lowering->places[table->id].is_local)
        return NULL;
    const struct ir_node *flat = loop_table(lowering->context, lowering->function, lowering->places[table->id].number);
    const struct poly *address = lower_address(lowering, table, subscripts);
    return poly_table(lowering->context, flat, 1, &address);
}

static bool place_polys(struct lowering *lowering, const struct poly_ranges *ranges, size_t n, const struct poly **polys)
{
    for (size_t k = 0; k < n; k++)
        if (!(polys[k] = poly_replace_lookups(lowering->context, polys[k], lookup_in_buffer, lowering, ranges)))
            return false;
    return true;
}

static bool place_value(struct lowering *lowering, const struct poly_ranges *ranges, struct lower_value *value)
{
    for (size_t k = 0; k < value->n_guards; k++) {
        struct lower_guard *guard = &value->guards[k];
        if (!place_polys(lowering, ranges, guard->n_conditions, guard->conditions))
            return false;
        if (guard->value &&
            !(guard->value = ir_expr_replace_lookups(lowering->context, guard->value, lookup_in_buffer, lowering, ranges)))
            return false;
    }
    if (value->expr)
        value->expr = ir_expr_replace_lookups(lowering->context, value->expr, lookup_in_buffer, lowering, ranges);
    return !arena_failed(lowering->arena);
}

bool lower_place_lookups(struct lowering *lowering, struct nest *nest)
{
    struct poly_ranges ranges = nest_ranges(nest);
    return place_polys(lowering, &ranges, 1, &nest->address) && place_polys(lowering, &ranges, nest->n_domain, nest->domain) &&
           place_polys(lowering, &ranges, nest->n_kept, nest->kept) && place_value(lowering, &ranges, &nest->term) &&
           place_value(lowering, &ranges, &nest->result);
}

/* ---- bounds ---- */

struct bounds {
    struct lowering *lowering;
    struct poly_ranges ranges;
    const struct poly **conditions;
    size_t n, capacity;
};

/* The condition p >= 0, unless it is proved. */
static bool bound(struct bounds *bounds, const struct poly *p)
{
    if (!p || poly_prove_nonnegative(bounds->lowering->context, p, &bounds->ranges))
        return p != NULL;
    for (size_t k = 0; k < bounds->n; k++)
        if (bounds->conditions[k] == p)
            return true;
    return ARENA_PUSH(bounds->lowering->arena, bounds->conditions, bounds->n, bounds->capacity, p);
}

/* 0 <= c * a + rest < extent: a between quotients of what has no lookup. */
static bool bound_single(struct bounds *bounds, const struct poly_term *term, const struct poly *subscript,
                         const struct poly *extent)
{
    struct ir_context *context = bounds->lowering->context;
    const struct poly_atom *atom = term->factors[0];
    const struct poly *a = poly_table(context, atom->table, atom->n_arguments, atom->arguments);
    const struct poly *rest = poly_subtract(context, subscript, poly_scale(context, a, term->numerator));
    const struct poly *last = poly_subtract(context, extent, poly_constant(context, 1));
    const struct poly *size = poly_constant(context, term->numerator < 0 ? -term->numerator : term->numerator);
    const struct poly *below = poly_floor_div(context, rest, size, &bounds->ranges);
    const struct poly *above = poly_floor_div(context, poly_subtract(context, last, rest), size, &bounds->ranges);
    if (term->numerator < 0) { /* rest - c * a: the bounds change sides */
        const struct poly *swap = below;
        below = above;
        above = swap;
    }
    bool wraps = atom->table->elem == IR_u64; /* what has no value reads as negative */
    return (!wraps || bound(bounds, a)) && bound(bounds, poly_add(context, a, below)) &&
           bound(bounds, poly_subtract(context, above, a));
}

static void bound_part(void *user, const struct poly_atom *lookup)
{
    struct bounds *bounds = user;
    struct ir_context *context = bounds->lowering->context;
    if (lookup->table->op == IR_const_node || ir_elem_info(lookup->table->elem)->bytes < 8)
        return;
    const struct poly *a = poly_table(context, lookup->table, lookup->n_arguments, lookup->arguments);
    const struct poly *limit = poly_constant(context, LOOKUP_LIMIT);
    const struct poly *least = lookup->table->elem == IR_u64 ? a : poly_add(context, a, limit);
    (void)(bound(bounds, least) && bound(bounds, poly_subtract(context, limit, a)));
}

static bool bound_subscript(struct bounds *bounds, const struct poly *subscript, const struct poly *extent)
{
    struct ir_context *context = bounds->lowering->context;
    const struct poly_term *single = poly_single_lookup(subscript);
    if (single)
        return bound_single(bounds, single, subscript, extent);
    poly_visit_lookups(subscript, bound_part, bounds);
    const struct poly *last = poly_subtract(context, extent, poly_constant(context, 1));
    return bound(bounds, subscript) && bound(bounds, poly_subtract(context, last, subscript));
}

/* ---- loops ---- */

/* One nest of loops: neighbouring checks over the same indices under the same conditions. */
struct group {
    size_t first, last; /* of nest->checks, [first, last) */
    bool *used;         /* indices with a loop of their own */
    uint32_t *order;    /* of these, as tables have them */
    uint32_t n_used;
    bool never; /* an index the stage runs over has no value */
    struct bounds bounds;
    const struct poly **conditions; /* under which the stage reads */
    size_t n_conditions, conditions_capacity;
};

static bool is_relevant(const struct nest *nest, const struct nest_check *check, uint32_t x)
{
    return !nest->indices[x].reduced || check->summed;
}

static bool check_uses(const struct nest_check *check, uint32_t x)
{
    bool uses = poly_uses_index(check->subscript, x);
    for (uint32_t k = 0; k < check->n_conditions; k++)
        uses |= poly_uses_index(check->conditions[k], x);
    return uses;
}

static bool joins(const struct nest *nest, const struct nest_check *a, const struct nest_check *b)
{
    if (a->summed != b->summed || a->n_conditions != b->n_conditions || !same_polys(a->n_conditions, a->conditions, b->conditions))
        return false;
    for (uint32_t x = 0; x < nest->n; x++)
        if (check_uses(a, x) != check_uses(b, x))
            return false;
    return true;
}

struct ordering {
    const struct nest *nest;
    struct group *group;
};

static void order_lookup(void *user, const struct poly_atom *lookup)
{
    struct ordering *ordering = user;
    struct group *group = ordering->group;
    for (uint32_t k = 0; k < lookup->n_arguments; k++)
        for (uint32_t x = 0; x < ordering->nest->n; x++) {
            bool is_new = group->used[x] && poly_uses_index(lookup->arguments[k], x);
            for (uint32_t other = 0; is_new && other < group->n_used; other++)
                is_new = group->order[other] != x;
            if (is_new)
                group->order[group->n_used++] = x;
        }
}

/* Loops stand in the order in which what is looked up lies, whatever the stage does with it. */
static bool order_loops(struct lowering *lowering, const struct nest *nest, struct group *group)
{
    struct ordering ordering = {nest, group};
    group->order = ARENA_ARRAY(lowering->arena, nest->n, uint32_t);
    group->n_used = 0;
    for (size_t k = group->first; group->order && k < group->last; k++)
        poly_visit_lookups(nest->checks[k].subscript, order_lookup, &ordering);
    for (uint32_t x = 0; group->order && x < nest->n; x++) { /* of conditions alone */
        bool is_new = group->used[x];
        for (uint32_t other = 0; is_new && other < group->n_used; other++)
            is_new = group->order[other] != x;
        if (is_new)
            group->order[group->n_used++] = x;
    }
    return group->order != NULL;
}

/* Which indices run, and what must hold of those that do not for the stage to read at all. */
static bool open_group(struct lowering *lowering, const struct nest *nest, struct group *group)
{
    const struct nest_check *check = &nest->checks[group->first];
    struct ir_context *context = lowering->context;
    group->used = ARENA_ARRAY(lowering->arena, nest->n, bool);
    group->bounds = (struct bounds){.lowering = lowering, .ranges = nest_ranges(nest)};
    for (uint32_t x = 0; group->used && x < nest->n; x++) {
        const struct poly *last = poly_subtract(context, nest->extents[x], poly_constant(context, 1));
        group->used[x] = check_uses(check, x) && !nest->indices[x].outer;
        if (!is_relevant(nest, check, x) || nest->indices[x].outer)
            continue;
        group->never |= poly_equals(nest->extents[x], 0);
        if (!group->used[x] && !poly_prove_nonnegative(context, last, NULL) &&
            !ARENA_PUSH(lowering->arena, group->conditions, group->n_conditions, group->conditions_capacity, last))
            return false;
    }
    for (uint32_t k = 0; k < check->n_conditions; k++)
        if (!ARENA_PUSH(lowering->arena, group->conditions, group->n_conditions, group->conditions_capacity, check->conditions[k]))
            return false;
    for (size_t k = group->first; k < group->last; k++)
        if (!bound_subscript(&group->bounds, nest->checks[k].subscript, nest->checks[k].extent))
            return false;
    return group->used != NULL && order_loops(lowering, nest, group);
}

/* What a group is, whatever its indices are called: its polys with the indices numbered anew. */
static bool is_made(struct lowering *lowering, const struct nest *nest, const struct group *group, bool *made)
{
    const struct poly **renamed = ARENA_ARRAY(lowering->arena, nest->n, const struct poly *);
    size_t n = nest->n + group->n_conditions + group->bounds.n + 2, count = 0;
    struct lower_made key = {.polys = ARENA_ARRAY(lowering->arena, n, const struct poly *)};
    uint32_t next = 0;
    *made = false;
    if (!renamed || !key.polys)
        return false;
    for (; next < group->n_used; next++) {
        renamed[group->order[next]] = poly_index(lowering->context, next);
        key.polys[count++] = nest->extents[group->order[next]];
    }
    count++; /* a NULL between the parts */
    for (size_t k = 0; k < group->n_conditions; k++)
        key.polys[count++] = poly_substitute(lowering->context, group->conditions[k], (uint32_t)nest->n, renamed, NULL);
    count++;
    for (size_t k = 0; k < group->bounds.n; k++)
        key.polys[count++] = poly_substitute(lowering->context, group->bounds.conditions[k], (uint32_t)nest->n, renamed, NULL);
    key.n = (uint32_t)count;
    for (size_t k = 0; k < lowering->n_made && !*made; k++)
        *made = lowering->made[k].n == key.n && same_polys(key.n, lowering->made[k].polys, key.polys);
    return *made || ARENA_PUSH(lowering->arena, lowering->made, lowering->n_made, lowering->made_capacity, key);
}

struct check_names {
    struct lowering *lowering;
    const struct nest *nest;
};

static const char *index_text(void *user, uint32_t index)
{
    const struct check_names *names = user;
    return index < names->nest->n ? names->nest->indices[index].name : "_";
}

static const char *table_text(void *user, const struct ir_node *table)
{
    const struct check_names *names = user;
    if (table->op == IR_const_node)
        return table->constant->name ? table->constant->name : "table";
    const struct lowering *owner = lower_table_owner(names->lowering, table);
    return owner ? lower_place_name(owner, table) : "table";
}

/* `0 <= t[e,k] < n, or the call ends here` */
static const char *words(struct lowering *lowering, const struct nest *nest, const struct group *group)
{
    struct check_names user = {lowering, nest};
    struct poly_names names = {index_text, table_text, &user, NULL};
    struct text text = text_create(lowering->arena);
    for (size_t k = group->first; k < group->last; k++) {
        text_put(&text, k > group->first ? ", 0 <= " : "0 <= ");
        poly_print(&text, lowering->context, nest->checks[k].subscript, POLY_SOURCE, &names, 0);
        text_put(&text, " < ");
        poly_print(&text, lowering->context, nest->checks[k].extent, POLY_SOURCE, &names, 0);
    }
    text_put(&text, ", or the call ends here");
    return text_finish(&text);
}

/* Polys of the nest as those of the function, lookups in their buffers. */
static bool spell(struct lowering *lowering, const struct nest *nest, const struct poly *const *replacements, size_t n,
                  const struct poly **polys)
{
    for (size_t k = 0; k < n; k++)
        polys[k] = poly_substitute(lowering->context, polys[k], (uint32_t)nest->n, replacements, NULL);
    return place_polys(lowering, NULL, n, polys);
}

static struct loop_stmt *write_group(struct lowering *lowering, const struct nest *nest, struct group *group)
{
    struct ir_context *context = lowering->context;
    const char *comment = words(lowering, nest, group);
    const struct poly **replacements = ARENA_ARRAY(lowering->arena, nest->n, const struct poly *);
    uint32_t *numbers = ARENA_ARRAY(lowering->arena, nest->n, uint32_t);
    for (uint32_t x = 0; replacements && numbers && x < nest->n; x++) {
        bool unit = poly_equals(nest->extents[x], 1) && !nest->indices[x].outer;
        numbers[x] = nest->indices[x].number;
        if (group->used[x] && !unit)
            numbers[x] = loop_add_index(context, lowering->function, nest->indices[x].name);
        if (numbers[x] == UINT32_MAX)
            return NULL;
        if (group->used[x] || nest->indices[x].outer)
            replacements[x] = unit                     ? poly_constant(context, 0)
                              : nest->indices[x].value ? nest->indices[x].value
                                                       : poly_index(context, numbers[x]);
    }
    if (!comment || !replacements || !numbers || !spell(lowering, nest, replacements, group->bounds.n, group->bounds.conditions) ||
        !spell(lowering, nest, replacements, group->n_conditions, group->conditions))
        return NULL;
    struct loop_stmt *body = loop_check(context, (uint32_t)group->bounds.n, group->bounds.conditions);
    if (group->n_conditions)
        body = loop_if(context, (uint32_t)group->n_conditions, group->conditions, body, NULL);
    for (uint32_t k = group->n_used; k-- > 0;) {
        uint32_t x = group->order[k];
        if (!poly_equals(nest->extents[x], 1))
            body = loop_for(context, LOOP_SERIAL, numbers[x], poly_constant(context, 0), nest->extents[x], body);
    }
    return loop_block(context, comment, SPAN_NONE, body);
}

bool lower_write_checks(struct lowering *lowering, const struct nest *nest, struct loop_stmt **list)
{
    *list = NULL;
    for (size_t first = 0, last; first < nest->n_checks; first = last) {
        for (last = first + 1; last < nest->n_checks && joins(nest, &nest->checks[first], &nest->checks[last]);)
            last++;
        struct group group = {.first = first, .last = last};
        bool made = false;
        if (!open_group(lowering, nest, &group) || (!lowering->frame && !is_made(lowering, nest, &group, &made)))
            return false;
        if (made || group.never || group.bounds.n == 0)
            continue;
        struct loop_stmt *loops = write_group(lowering, nest, &group);
        if (!loops)
            return false;
        *list = loop_join(*list, loops);
    }
    return true;
}
