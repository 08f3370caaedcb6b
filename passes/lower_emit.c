/* Writes the loops of one stage.
 *
 * pointwise   for outputs: store value
 * scalar      for outputs { sum = zero; for summed: sum += term; store result(sum) }
 * stack row   for outputs { for x: row[x] = zero; for summed, x: row[x] += term; for x: store result(row[x]) }
 * row         the same with the place of the result as the row
 *
 * A condition of the domain that bounds the loop of its innermost index becomes that loop's bounds, where it is proved that
 * they stay within the index's range; else an `if` at the outermost level where its indices are known. A condition on outputs alone
 * bounds the loop of its innermost one; outside the bounds the result of an empty sum is stored. A short summed index (of a filter)
 * that such a condition ties to the row's index is written out value by value, so that each value has bounds. */
#include "lower.h"

#include <string.h>

enum { LONGEST_WRITTEN_OUT = 8 }; /* values of an index written out: a filter's width */

struct emission {
    struct lowering *lowering;
    struct nest *nest;
    const struct nest_order *order;
    const struct poly **replacements; /* nest indices by those of the function */
    /* In the loops that accumulate, index x runs over [begin, end), NULL: all of it. */
    const struct poly **begin, **end;
    bool *absorbed; /* conditions that became bounds */
    /* The sum of output index x is empty outside of [first, last), NULL: nowhere. */
    const struct poly **first, **last;
    uint32_t n_around; /* accumulating loops that another emission writes */
};

static const struct poly *mapped(const struct emission *emission, const struct poly *poly)
{
    return poly_substitute(emission->lowering->context, poly, (uint32_t)emission->nest->n, emission->replacements, NULL);
}

/* ---- values ---- */

static bool write_guards(struct emission *emission, const struct lower_value *value, const struct poly *const *replacements,
                         struct loop_stmt **list)
{
    struct lowering *lowering = emission->lowering;
    struct ir_context *context = lowering->context;
    uint32_t n = (uint32_t)emission->nest->n;
    for (size_t k = 0; k < value->n_guards; k++) {
        const struct lower_guard *guard = &value->guards[k];
        const struct poly **conditions = ARENA_ARRAY(lowering->arena, guard->n_conditions, const struct poly *);
        for (uint32_t c = 0; conditions && c < guard->n_conditions; c++)
            conditions[c] = poly_substitute(context, guard->conditions[c], n, replacements, NULL);
        bool always = guard->value && !guard->n_conditions;
        const struct ir_expr *fill = ir_expr_literal(context, guard->fill);
        const struct ir_expr *inside = guard->value ? lower_substitute(lowering, guard->value, n, replacements, NULL, NULL) : fill;
        struct loop_stmt *define = loop_define(context, guard->local, always ? inside : fill, always || !guard->value);
        struct loop_stmt *branch = NULL;
        if (guard->value && !always) {
            struct loop_stmt *set = loop_set(context, guard->local, inside, IR_EXPR_OP_COUNT);
            if (!(branch = conditions ? loop_if(context, guard->n_conditions, conditions, set, NULL) : NULL))
                return false;
        }
        if (!define)
            return false;
        *list = loop_join(*list, loop_join(define, branch));
    }
    return true;
}

static const struct poly **mapped_all(struct emission *emission, uint32_t n, const struct poly *const *polys)
{
    const struct poly **result = ARENA_ARRAY(emission->lowering->arena, n, const struct poly *);
    for (uint32_t k = 0; result && k < n; k++)
        result[k] = mapped(emission, polys[k]);
    return result;
}

/* Guards, then a store or set of the value, under the conditions without which it goes nowhere. */
static struct loop_stmt *write_result(struct emission *emission, const struct ir_expr *accumulator)
{
    struct lowering *lowering = emission->lowering;
    const struct nest *nest = emission->nest;
    struct loop_stmt *list = NULL;
    if (!write_guards(emission, &nest->result, emission->replacements, &list))
        return NULL;
    const struct ir_expr *value =
        lower_substitute(lowering, nest->result.expr, (uint32_t)nest->n, emission->replacements, NULL, accumulator);
    struct loop_stmt *last =
        nest->to_local ? loop_set(lowering->context, nest->target, value, nest->combine)
                       : loop_store(lowering->context, nest->target, mapped(emission, nest->address), value, nest->combine);
    if (last && nest->n_kept)
        last = loop_if(lowering->context, nest->n_kept, mapped_all(emission, nest->n_kept, nest->kept), last, NULL);
    return last ? loop_join(list, last) : NULL;
}

/* ---- loops ---- */

/* Index x over [begin, end), NULL: from 0, to its extent. */
static struct loop_stmt *write_loop(const struct emission *emission, uint32_t x, const struct poly *begin, const struct poly *end,
                                    struct loop_stmt *body)
{
    const struct nest_index *index = &emission->nest->indices[x];
    struct ir_context *context = emission->lowering->context;
    struct loop_stmt *loop =
        loop_for(context, LOOP_SERIAL, index->number, begin ? mapped(emission, begin) : poly_constant(context, 0),
                 mapped(emission, end ? end : emission->nest->extents[x]), body);
    if (loop)
        loop->comment = index->note;
    return loop;
}

static bool result_is_accumulator(const struct nest *nest)
{
    return nest->result.expr->op == IR_EXPR_operand && nest->elem == nest->accumulator;
}

/* The result of an empty sum, for output index `at` of the order in [begin, end) and all of those inside it. */
static struct loop_stmt *write_empty(struct emission *emission, uint32_t at, const struct poly *begin, const struct poly *end)
{
    struct ir_context *context = emission->lowering->context;
    const struct nest *nest = emission->nest;
    const struct nest_order *order = emission->order;
    struct loop_stmt *body = write_result(emission, ir_expr_literal(context, ir_ring_zero(nest->ring, nest->accumulator)));
    if (body && order->row != UINT32_MAX)
        body = write_loop(emission, order->row, NULL, NULL, body);
    for (uint32_t k = order->n_outputs; body && --k > at;)
        body = write_loop(emission, order->indices[k], NULL, NULL, body);
    return body ? write_loop(emission, order->indices[at], begin, end, body) : NULL;
}

/* The loop over output index `at` of the order around `body`, with what stands outside of its bounds. */
static struct loop_stmt *write_bounded(struct emission *emission, uint32_t at, struct loop_stmt *body)
{
    const struct nest *nest = emission->nest;
    uint32_t x = emission->order->indices[at];
    const struct poly *first = emission->first ? emission->first[x] : NULL, *last = emission->last ? emission->last[x] : NULL;
    struct loop_stmt *list = write_loop(emission, x, first, last, body);
    bool adds_nothing = nest->combine == ir_ring_info(nest->ring)->add; /* a scatter may add by another ring */
    if (adds_nothing && result_is_accumulator(nest))
        return list;
    struct loop_stmt *before = first ? write_empty(emission, at, NULL, first) : NULL;
    struct loop_stmt *after = last ? write_empty(emission, at, last, NULL) : NULL;
    if (!list || (first && !before) || (last && !after))
        return NULL;
    return loop_join(loop_join(before, list), after);
}

static struct loop_stmt *write_output_loops(struct emission *emission, struct loop_stmt *body)
{
    for (uint32_t k = emission->order->n_outputs; body && k-- > 0;)
        body = write_bounded(emission, k, body);
    return body;
}

/* ---- the domain ---- */

static bool at_least(struct emission *emission, const struct poly *a, const struct poly *b)
{
    struct poly_ranges ranges = nest_ranges(emission->nest);
    const struct poly *difference = poly_subtract(emission->lowering->context, a, b);
    return difference && poly_prove_nonnegative(emission->lowering->context, difference, &ranges);
}

/* Makes condition `p >= 0` a bound of the loop over x if it is one. A loop whose end lies before its begin never runs. */
static bool absorb(struct emission *emission, const struct poly *condition, uint32_t x)
{
    struct ir_context *context = emission->lowering->context;
    const struct poly *coefficient, *rest, *zero = poly_constant(context, 0);
    int64_t step;
    if (!poly_split_index(context, condition, x, &coefficient, &rest) || !poly_is_constant(coefficient, &step) || step == 0)
        return false;
    const struct poly *end = emission->end[x] ? emission->end[x] : emission->nest->extents[x];
    struct poly_ranges ranges = nest_ranges(emission->nest);
    if (step < 0 && !emission->end[x]) { /* x <= rest / -step */
        const struct poly *last = poly_floor_div(context, rest, poly_constant(context, -step), &ranges);
        const struct poly *bound = poly_add(context, last, poly_constant(context, 1));
        if (!bound || !at_least(emission, end, bound))
            return false;
        emission->end[x] = bound;
        return true;
    }
    if (step > 0 && !emission->begin[x]) { /* x >= -rest / step */
        const struct poly *above = poly_subtract(context, poly_constant(context, step - 1), rest);
        const struct poly *bound = poly_floor_div(context, above, poly_constant(context, step), &ranges);
        if (!bound || !at_least(emission, bound, zero))
            return false;
        emission->begin[x] = bound;
        return true;
    }
    return false;
}

/* Indices of the accumulating loops, outermost first. */
static uint32_t accumulating(const struct emission *emission, const uint32_t **list)
{
    *list = emission->order->indices + emission->order->n_outputs;
    return emission->order->n_reduced + (emission->order->row != UINT32_MAX);
}

/* How many accumulating loops a condition stands inside of. */
static uint32_t depth_of(const struct emission *emission, const struct poly *condition)
{
    const uint32_t *list;
    uint32_t depth = accumulating(emission, &list);
    while (depth > 0 && !poly_uses_index(condition, list[depth - 1]))
        depth--;
    return depth;
}

static bool absorb_domain(struct emission *emission)
{
    struct arena *arena = emission->lowering->arena;
    const struct nest *nest = emission->nest;
    const uint32_t *list;
    accumulating(emission, &list);
    emission->begin = ARENA_ARRAY(arena, nest->n, const struct poly *);
    emission->end = ARENA_ARRAY(arena, nest->n, const struct poly *);
    emission->absorbed = ARENA_ARRAY(arena, nest->n_domain, bool);
    if (!emission->begin || !emission->end || !emission->absorbed)
        return false;
    for (size_t k = 0; k < nest->n_domain; k++) {
        uint32_t depth = depth_of(emission, nest->domain[k]);
        emission->absorbed[k] = depth > emission->n_around && absorb(emission, nest->domain[k], list[depth - 1]);
    }
    return true;
}

/* `body` under the conditions that stand inside `least` to `most` of the accumulating loops. */
static struct loop_stmt *write_conditions(struct emission *emission, uint32_t least, uint32_t most, struct loop_stmt *body)
{
    const struct nest *nest = emission->nest;
    const struct poly **conditions = ARENA_ARRAY(emission->lowering->arena, nest->n_domain, const struct poly *);
    uint32_t count = 0;
    for (size_t k = 0; conditions && body && k < nest->n_domain; k++) {
        uint32_t depth = depth_of(emission, nest->domain[k]);
        if (!emission->absorbed[k] && depth >= least && depth <= most)
            conditions[count++] = mapped(emission, nest->domain[k]);
    }
    return count ? loop_if(emission->lowering->context, count, conditions, body, NULL) : conditions ? body : NULL;
}

/* Accumulating loops `first` to `last` - 1 around `body`, each with its conditions inside. */
static struct loop_stmt *write_accumulating(struct emission *emission, uint32_t first, uint32_t last, struct loop_stmt *body)
{
    const uint32_t *list;
    accumulating(emission, &list);
    for (uint32_t depth = last; depth > first && body; depth--) {
        uint32_t x = list[depth - 1];
        body = write_conditions(emission, depth, depth, body);
        body = body ? write_loop(emission, x, emission->begin[x], emission->end[x], body) : NULL;
    }
    return body;
}

/* What the terms are added to: a local, or the element of a buffer. */
struct accumulator {
    bool is_local;
    uint32_t target;
    const struct poly *address;
};

/* Without an index to sum over a term under a condition is the sum itself: added to 0 it would lose the sign of a zero. But what
 * loops around sum up slice by slice is added to the slices before. */
static bool has_sum(const struct nest *nest)
{
    if (nest->combine != IR_EXPR_OP_COUNT && nest_sums_in_place(nest))
        return true;
    for (uint32_t x = 0; x < nest->n; x++)
        if (nest->indices[x].reduced)
            return true;
    return false;
}

static struct loop_stmt *write_term(struct emission *emission, const struct accumulator *to)
{
    struct lowering *lowering = emission->lowering;
    const struct nest *nest = emission->nest;
    enum ir_expr_op add = has_sum(nest) ? ir_ring_info(nest->ring)->add : IR_EXPR_OP_COUNT;
    struct loop_stmt *body = NULL;
    if (!write_guards(emission, &nest->term, emission->replacements, &body))
        return NULL;
    const struct ir_expr *term = lower_substitute(lowering, nest->term.expr, (uint32_t)nest->n, emission->replacements, NULL, NULL);
    struct loop_stmt *last = to->is_local ? loop_set(lowering->context, to->target, term, add)
                                          : loop_store(lowering->context, to->target, mapped(emission, to->address), term, add);
    return last ? loop_join(body, last) : NULL;
}

/* The depth of the summed loop to write out value by value; UINT32_MAX: none. */
static uint32_t written_out(const struct emission *emission)
{
    const struct nest *nest = emission->nest;
    const uint32_t *list;
    uint32_t row = emission->order->row;
    accumulating(emission, &list);
    for (uint32_t at = emission->order->n_reduced; row != UINT32_MAX && at-- > 0;) {
        int64_t extent;
        if (!poly_is_constant(nest->extents[list[at]], &extent) || extent > LONGEST_WRITTEN_OUT)
            continue;
        for (size_t k = 0; k < nest->n_domain; k++)
            if (poly_uses_index(nest->domain[k], list[at]) && poly_uses_index(nest->domain[k], row))
                return at;
    }
    return UINT32_MAX;
}

/* The loops inside depth `at` for each value of its index. */
static bool write_values(struct emission *outer, uint32_t at, size_t n_outside, const struct accumulator *to,
                         struct loop_stmt **all)
{
    struct lowering *lowering = outer->lowering;
    struct nest inner = *outer->nest;
    const uint32_t *list;
    uint32_t depth = accumulating(outer, &list);
    int64_t extent = 0;
    poly_is_constant(inner.extents[list[at]], &extent);
    inner.domain += n_outside;
    inner.n_domain -= n_outside;
    for (int64_t value = 0; value < extent; value++) {
        bool never = false;
        struct nest *one = nest_at_value(lowering, &inner, list[at], value, &never);
        struct emission emission = {
            .lowering = lowering, .nest = one, .order = outer->order, .replacements = outer->replacements, .n_around = at + 1};
        if (!one || !absorb_domain(&emission))
            return false;
        if (never)
            continue;
        struct loop_stmt *body = write_term(&emission, to);
        body = write_conditions(&emission, 0, at + 1, write_accumulating(&emission, at + 1, depth, body));
        if (!body)
            return false;
        *all = loop_join(*all, body);
    }
    return true;
}

/* Moves the conditions that hold or fail outside the loop at depth `at` to the front; how many they are. */
static size_t conditions_outside(const struct emission *emission, uint32_t at)
{
    const struct nest *nest = emission->nest;
    size_t n_outside = 0;
    for (size_t k = 0; k < nest->n_domain; k++) {
        const struct poly *condition = nest->domain[k];
        if (depth_of(emission, condition) > at)
            continue;
        for (size_t move = k; move > n_outside; move--)
            nest->domain[move] = nest->domain[move - 1];
        nest->domain[n_outside++] = condition;
    }
    return n_outside;
}

/* As write_accumulation, with the loop at depth `at` written out; `*body` stays NULL when no value takes part. */
static bool write_out(struct emission *emission, uint32_t at, const struct accumulator *to, struct loop_stmt **body)
{
    struct nest *nest = emission->nest;
    size_t n_conditions = nest->n_domain, n_outside = conditions_outside(emission, at);
    nest->n_domain = n_outside;
    bool fine = absorb_domain(emission);
    nest->n_domain = n_conditions;
    if (!fine || !write_values(emission, at, n_outside, to, body) || !*body)
        return fine;
    nest->n_domain = n_outside;
    *body = write_conditions(emission, 0, 0, write_accumulating(emission, 0, at, *body));
    nest->n_domain = n_conditions;
    return *body != NULL;
}

/* The loops that add every term. */
static struct loop_stmt *write_accumulation(struct emission *emission, struct accumulator to)
{
    const uint32_t *list;
    uint32_t depth = accumulating(emission, &list), at = written_out(emission);
    struct loop_stmt *body = NULL;
    if (at != UINT32_MAX && !write_out(emission, at, &to, &body))
        return NULL;
    if (body)
        return body;
    if (!absorb_domain(emission))
        return NULL;
    body = write_accumulating(emission, 0, depth, write_term(emission, &to));
    return write_conditions(emission, 0, 0, body);
}

/* Are both ends of what a condition left of output x's range proved to lie in it? The rest is written up to them. */
static bool splits_range(struct emission *emission, uint32_t x)
{
    const struct poly *extent = emission->nest->extents[x], *zero = poly_constant(emission->lowering->context, 0);
    return (!emission->first[x] || at_least(emission, extent, emission->first[x])) &&
           (!emission->last[x] || at_least(emission, emission->last[x], zero));
}

/* Conditions on outputs alone become the bounds of their innermost output's loop; they leave the domain then. */
static bool absorb_outputs(struct emission *emission)
{
    struct arena *arena = emission->lowering->arena;
    struct nest *nest = emission->nest;
    const struct nest_order *order = emission->order;
    size_t kept = 0;
    emission->first = emission->begin = ARENA_ARRAY(arena, nest->n, const struct poly *);
    emission->last = emission->end = ARENA_ARRAY(arena, nest->n, const struct poly *);
    if (!emission->first || !emission->last)
        return false;
    for (size_t k = 0; k < nest->n_domain; k++) {
        const struct poly *condition = nest->domain[k];
        uint32_t at = depth_of(emission, condition) ? 0 : order->n_outputs;
        while (at > 0 && !poly_uses_index(condition, order->indices[at - 1]))
            at--;
        if (!at) { /* there may be no index at all */
            nest->domain[kept++] = condition;
            continue;
        }
        uint32_t x = order->indices[at - 1];
        const struct poly *first = emission->first[x], *last = emission->last[x];
        if (absorb(emission, condition, x) && splits_range(emission, x))
            continue;
        emission->first[x] = first;
        emission->last[x] = last;
        nest->domain[kept++] = condition;
    }
    nest->n_domain = kept;
    return true;
}

/* ---- strategies ---- */

static const char *accumulator_name(enum ir_ring ring)
{
    switch (ring) {
    case IR_RING_minplus:
        return "least";
    case IR_RING_maxplus:
        return "largest";
    case IR_RING_orand:
        return "found";
    case IR_RING_andor:
        return "holds";
    case IR_RING_prod:
        return "product";
    default:
        return "sum";
    }
}

static const struct ir_expr *ring_zero(struct emission *emission)
{
    return ir_expr_literal(emission->lowering->context, ir_ring_zero(emission->nest->ring, emission->nest->accumulator));
}

bool nest_sums_in_place(const struct nest *nest)
{
    return nest->reduces && nest->to_local && result_is_accumulator(nest);
}

static struct loop_stmt *write_scalar(struct emission *emission)
{
    struct lowering *lowering = emission->lowering;
    const struct nest *nest = emission->nest;
    if (nest_sums_in_place(nest))
        return write_accumulation(emission, (struct accumulator){true, nest->target, NULL});
    uint32_t accumulator = lower_local(lowering, accumulator_name(nest->ring), nest->accumulator);
    struct loop_stmt *first = loop_define(lowering->context, accumulator, ring_zero(emission), false);
    struct loop_stmt *loops = write_accumulation(emission, (struct accumulator){true, accumulator, NULL});
    if (!first || !loops)
        return NULL;
    struct loop_stmt *last = write_result(emission, ir_expr_local(lowering->context, accumulator, nest->accumulator));
    return last ? write_output_loops(emission, loop_join(loop_join(first, loops), last)) : NULL;
}

static struct loop_stmt *write_row(struct emission *emission, uint32_t buffer, const struct poly *address, bool in_place)
{
    struct ir_context *context = emission->lowering->context;
    const struct nest *nest = emission->nest;
    uint32_t x = emission->order->row;
    struct loop_stmt *list = NULL;
    if (!in_place || nest->combine == IR_EXPR_OP_COUNT) {
        struct loop_stmt *zero = loop_store(context, buffer, mapped(emission, address), ring_zero(emission), IR_EXPR_OP_COUNT);
        if (!(list = write_loop(emission, x, NULL, NULL, zero)))
            return NULL;
    }
    struct loop_stmt *loops = write_accumulation(emission, (struct accumulator){false, buffer, address});
    if (!loops)
        return NULL;
    list = loop_join(list, loops);
    if (!in_place || !result_is_accumulator(nest)) {
        struct loop_stmt *finish =
            write_result(emission, ir_expr_load(context, buffer, nest->accumulator, mapped(emission, address)));
        if (!(finish = write_loop(emission, x, NULL, NULL, finish)))
            return NULL;
        list = loop_join(list, finish);
    }
    return write_output_loops(emission, list);
}

static struct loop_stmt *write_stack_row(struct emission *emission)
{
    struct lowering *lowering = emission->lowering;
    uint32_t x = emission->order->row;
    struct loop_buffer row = {.kind = LOOP_STACK,
                              .name = "row",
                              .elem = emission->nest->accumulator,
                              .count = emission->nest->extents[x],
                              .rank = 1,
                              .shape = &emission->nest->extents[x]};
    row.shape = arena_copy(lowering->arena, row.shape, 1, sizeof *row.shape);
    return write_row(emission, loop_add_buffer(lowering->context, lowering->function, row), poly_index(lowering->context, x),
                     false);
}

bool nest_bind_indices(struct lowering *lowering, struct nest *nest, const struct poly **replacements)
{
    for (uint32_t x = 0; x < nest->n; x++) {
        struct nest_index *index = &nest->indices[x];
        if (index->gone)
            continue;
        for (uint32_t other = 0; other < x; other++) /* one nest, different names */
            if (!nest->indices[other].gone && !strcmp(nest->indices[other].name, index->name)) {
                index->name = arena_printf(lowering->arena, "%s_", index->name);
                other = UINT32_MAX; /* from the start again */
            }
        if (!index->outer)
            index->number = loop_add_index(lowering->context, lowering->function, index->name);
        if (index->number == UINT32_MAX)
            return false;
        replacements[x] = index->value ? index->value : poly_index(lowering->context, index->number);
        if (!replacements[x])
            return false;
    }
    return true;
}

struct loop_stmt *nest_emit(struct lowering *lowering, struct nest *nest, const struct nest_order *order)
{
    struct emission emission = {.lowering = lowering, .nest = nest, .order = order};
    emission.replacements = ARENA_ARRAY(lowering->arena, nest->n, const struct poly *);
    if (!emission.replacements || !nest_bind_indices(lowering, nest, emission.replacements))
        return NULL;
    if (nest->reduces && !absorb_outputs(&emission))
        return NULL;
    switch (order->strategy) {
    case NEST_POINTWISE: {
        struct loop_stmt *body = write_result(&emission, NULL);
        return body ? write_output_loops(&emission, body) : NULL;
    }
    case NEST_SCALAR:
        return write_scalar(&emission);
    case NEST_STACK_ROW:
        return write_stack_row(&emission);
    case NEST_ROW:
        return write_row(&emission, nest->target, nest->address, true);
    }
    return NULL;
}
