/* Sums along memory, and least and largest of numbers, in several partial ones, a vector each.
 *
 *     for k { s add= term }   becomes
 *
 *     partial = 0
 *     for vectors of k, several at a time { partial add= term }
 *     s add= each of partial
 *     for the rest of k { s add= term }
 *
 * One sum is a chain in which each addition waits for the one before; vectors of them run as fast as memory gives the terms, for
 * dot products, matrix times vector, means and norms, and for the largest that softmax subtracts. The order of the sum changes, and
 * of two zeros either may be the larger, so a kernel of class `exact` is left alone. */
#include "lanes.h"
#include "product.h"

#include <math.h>

enum { LEAST_VECTORS = 3 /* or no rest */, MOST_PARTIALS = 8, MOST_UNROLLED = 32 /* additions of vectors */ };

struct splitting {
    struct pass_kernel *kernel;
    struct ir_context *context;
    const struct loop_stmt *loop, *set; /* the loop and the sum in it */
    enum ir_expr_op combine;            /* add, min or max */
    int64_t lanes, partials;            /* of one vector; vectors */
    uint32_t buffer;                    /* partial[partials * lanes] */
};

/* What such sums begin with; false: it is no such operation. */
static bool begins_with(enum ir_expr_op combine, double *number)
{
    *number = combine == IR_EXPR_max ? -INFINITY : combine == IR_EXPR_min ? INFINITY : 0;
    return combine == IR_EXPR_add || combine == IR_EXPR_min || combine == IR_EXPR_max;
}

/* A plain loop over one addition to a local, of terms that vectors along it hold. */
static bool is_sum(const struct splitting *splitting)
{
    const struct loop_stmt *loop = splitting->loop, *set = splitting->set;
    double begin;
    return loop->loop.kind == LOOP_SERIAL && loop->loop.role == LOOP_NO_ROLE && !loop->loop.limit &&
           poly_equals(loop->loop.begin, 0) && set->op == LOOP_SET && !set->next && begins_with(set->local.combine, &begin) &&
           lanes_have(set->local.value->elem) &&
           splitting->kernel->loops->locals[set->local.local].elem == set->local.value->elem &&
           lanes_hold(splitting->kernel, set->local.value, set->local.value->elem, loop->loop.index);
}

/* As many partial sums as keep the multipliers busy, of functions a few; fewer where the sum is short or would leave a rest. */
static int64_t choose_partials(const struct splitting *splitting)
{
    const struct machine *machine = &splitting->kernel->options->machine;
    const struct poly *end = splitting->loop->loop.end;
    double vectors = poly_estimate(end, ir_typical_sizes(splitting->context), NULL) / (double)splitting->lanes;
    double busy = fmin((double)(machine->fma_ports * machine->fma_latency), MOST_PARTIALS);
    if (lanes_call(splitting->context, splitting->set->local.value)) /* which takes longer than an addition */
        busy = 2;
    int64_t partials = 1, extent;
    bool known = poly_is_constant(end, &extent);
    if (vectors < LEAST_VECTORS && !(known && extent > 0 && extent % splitting->lanes == 0))
        return 0;
    while ((double)partials < busy && (double)(4 * partials) <= vectors)
        partials *= 2;
    while (known && partials > 2 && extent % (partials * splitting->lanes) && extent % (partials / 2 * splitting->lanes) == 0)
        partials /= 2;
    return partials;
}

static const struct poly *constant(const struct splitting *splitting, int64_t value)
{
    return poly_constant(splitting->context, value);
}

static uint32_t add_index(const struct splitting *splitting, const char *suffix)
{
    struct loop_function *function = splitting->kernel->loops;
    const char *name = function->indices[splitting->loop->loop.index].name;
    return loop_add_index(splitting->context, function, arena_printf(ir_arena(splitting->context), "%s_%s", name, suffix));
}

/* The loop over the lanes of one vector around `body`. */
static struct loop_stmt *over_lanes(const struct splitting *splitting, struct loop_stmt *body)
{
    struct loop_stmt *loop = loop_for(splitting->context, LOOP_SERIAL, splitting->loop->loop.index, constant(splitting, 0),
                                      constant(splitting, splitting->lanes), body);
    if (loop)
        loop->loop.role = LOOP_K;
    return loop;
}

static struct loop_stmt *over(const struct splitting *splitting, enum loop_kind kind, uint32_t index, const struct poly *end,
                              struct loop_stmt *body)
{
    struct loop_stmt *loop = loop_for(splitting->context, kind, index, constant(splitting, 0), end, body);
    if (loop)
        loop->loop.role = kind == LOOP_UNROLLED ? LOOP_K : LOOP_NO_ROLE;
    return loop;
}

/* A loop of few steps, `work` additions each, is written out: what each row reads again can stay in registers. */
static enum loop_kind short_kind(const struct poly *end, int64_t work)
{
    int64_t steps;
    return poly_is_constant(end, &steps) && steps <= MOST_UNROLLED / work ? LOOP_UNROLLED : LOOP_SERIAL;
}

/* The term with the loop's index at `place`. */
static const struct ir_expr *term_at(const struct splitting *splitting, const struct poly *place)
{
    uint32_t n = (uint32_t)splitting->kernel->loops->n_indices;
    const struct poly **places = ARENA_ARRAY(ir_arena(splitting->context), n, const struct poly *);
    if (!places)
        return NULL;
    places[splitting->loop->loop.index] = place;
    return ir_expr_substitute(splitting->context, splitting->set->local.value, NULL, NULL, n, places, NULL);
}

/* Lane of a partial sum: vector * lanes + the loop's index. */
static const struct poly *lane_of(const struct splitting *splitting, const struct poly *vector)
{
    struct ir_context *context = splitting->context;
    return poly_add(context, poly_scale(context, vector, splitting->lanes), poly_index(context, splitting->loop->loop.index));
}

/* for lanes { partial[vector] add= term, `first` elements further } */
static struct loop_stmt *add_vector(const struct splitting *splitting, const struct poly *vector, const struct poly *first)
{
    struct ir_context *context = splitting->context;
    const struct poly *place = poly_add(context, first, poly_index(context, splitting->loop->loop.index));
    return over_lanes(splitting, loop_store(context, splitting->buffer, lane_of(splitting, vector), term_at(splitting, place),
                                            splitting->combine));
}

/* partial = 0; partial add= all whole vectors of the terms */
static struct loop_stmt *sum_vectors(const struct splitting *splitting)
{
    struct ir_context *context = splitting->context;
    int64_t lanes = splitting->lanes, all = splitting->partials * lanes;
    const struct poly *end = splitting->loop->loop.end, *together = poly_floor_div(context, end, constant(splitting, all), NULL);
    const struct poly *behind = poly_subtract(context, end, poly_scale(context, together, all));
    const struct poly *alone = poly_floor_div(context, behind, constant(splitting, lanes), NULL);
    uint32_t vector = add_index(splitting, "partial"), step = add_index(splitting, "step");
    double number = 0;
    (void)begins_with(splitting->combine, &number);
    const struct ir_expr *zero = ir_expr_literal(context, ir_number_real(splitting->set->local.value->elem, number));
    const struct poly *each = poly_index(context, vector), *none = constant(splitting, 0);
    struct loop_stmt *begin =
        over(splitting, LOOP_UNROLLED, vector, constant(splitting, splitting->partials),
             over_lanes(splitting, loop_store(context, splitting->buffer, lane_of(splitting, each), zero, IR_EXPR_OP_COUNT)));
    const struct poly *first =
        poly_add(context, poly_scale(context, poly_index(context, step), all), poly_scale(context, each, lanes));
    struct loop_stmt *main =
        over(splitting, short_kind(together, splitting->partials), step, together,
             over(splitting, LOOP_UNROLLED, vector, constant(splitting, splitting->partials), add_vector(splitting, each, first)));
    if (!begin || !main)
        return NULL;
    if (poly_equals(alone, 0))
        return loop_join(begin, main);
    first = poly_add(context, poly_scale(context, together, all), poly_scale(context, each, lanes));
    struct loop_stmt *others = over(splitting, short_kind(alone, 1), vector, alone, add_vector(splitting, none, first));
    return others ? loop_join(loop_join(begin, main), others) : NULL;
}

/* One half of the partial sums onto the other, until one is left. */
static struct loop_stmt *join_partials(const struct splitting *splitting)
{
    struct ir_context *context = splitting->context;
    enum ir_elem elem = splitting->set->local.value->elem;
    struct loop_stmt *list = NULL;
    for (int64_t half = splitting->partials / 2; half > 0; half /= 2) {
        uint32_t vector = half > 1 ? add_index(splitting, "partial") : UINT32_MAX;
        const struct poly *each = half > 1 ? poly_index(context, vector) : constant(splitting, 0);
        const struct poly *other = lane_of(splitting, poly_add(context, each, constant(splitting, half)));
        struct loop_stmt *add =
            over_lanes(splitting, loop_store(context, splitting->buffer, lane_of(splitting, each),
                                             ir_expr_load(context, splitting->buffer, elem, other), splitting->combine));
        if (half > 1)
            add = over(splitting, LOOP_UNROLLED, vector, constant(splitting, half), add);
        if (!add)
            return NULL;
        list = loop_join(list, add);
    }
    return list;
}

/* The lanes of the last one go to an array, where one half is added to the other, until one is left: s add= that. */
static struct loop_stmt *join_lanes(const struct splitting *splitting)
{
    struct ir_context *context = splitting->context;
    enum ir_elem elem = splitting->set->local.value->elem;
    const struct poly **shape = ARENA_ARRAY(ir_arena(context), 1, const struct poly *),
                      *lane = lane_of(splitting, constant(splitting, 0));
    if (!shape)
        return NULL;
    *shape = constant(splitting, splitting->lanes);
    struct loop_buffer buffer = {.kind = LOOP_STACK, .name = "lanes", .elem = elem, .rank = 1, .shape = shape, .count = *shape};
    uint32_t lanes = loop_add_buffer(context, splitting->kernel->loops, buffer);
    const struct ir_expr *last = ir_expr_load(context, splitting->buffer, elem, lane);
    struct loop_stmt *list = over_lanes(splitting, loop_store(context, lanes, lane, last, IR_EXPR_OP_COUNT));
    for (int64_t half = splitting->lanes / 2; list && half > 1; half /= 2) {
        const struct ir_expr *other = ir_expr_load(context, lanes, elem, poly_add(context, lane, constant(splitting, half)));
        bool is_vector = product_lanes(&splitting->kernel->options->machine, elem, half) == half;
        struct loop_stmt *add = over(splitting, is_vector ? LOOP_VECTOR : LOOP_UNROLLED, splitting->loop->loop.index,
                                     constant(splitting, half), loop_store(context, lanes, lane, other, splitting->combine));
        list = add ? loop_join(list, add) : NULL;
    }
    const struct ir_expr *pair[2] = {ir_expr_load(context, lanes, elem, constant(splitting, 0)),
                                     ir_expr_load(context, lanes, elem, constant(splitting, 1))};
    struct loop_stmt *add =
        loop_set(context, splitting->set->local.local, ir_expr_apply(context, splitting->combine, 2, pair), splitting->combine);
    return list && add ? loop_join(list, add) : NULL;
}

/* What is less than a vector. */
static struct loop_stmt *sum_rest(const struct splitting *splitting)
{
    struct ir_context *context = splitting->context;
    const struct poly *end = splitting->loop->loop.end, *lanes = constant(splitting, splitting->lanes);
    const struct poly *rest = poly_mod(context, end, lanes, NULL);
    const struct poly *place =
        poly_add(context, poly_subtract(context, end, rest), poly_index(context, splitting->loop->loop.index));
    struct loop_stmt *add = loop_set(context, splitting->set->local.local, term_at(splitting, place), splitting->combine);
    return add ? over(splitting, short_kind(rest, 1), splitting->loop->loop.index, rest, add) : NULL;
}

static bool add_partials(struct splitting *splitting)
{
    const struct poly **shape = ARENA_ARRAY(ir_arena(splitting->context), 1, const struct poly *);
    if (!shape)
        return false;
    *shape = constant(splitting, splitting->partials * splitting->lanes);
    struct loop_buffer buffer = {.kind = LOOP_STACK,
                                 .name = "partial",
                                 .elem = splitting->set->local.value->elem,
                                 .rank = 1,
                                 .shape = shape,
                                 .count = *shape};
    splitting->buffer = loop_add_buffer(splitting->context, splitting->kernel->loops, buffer);
    return splitting->buffer != UINT32_MAX;
}

static bool split_sum(void *user, struct loop_stmt *loop, bool *changed)
{
    struct pass_kernel *kernel = user;
    struct splitting splitting = {.kernel = kernel, .context = kernel->context, .loop = loop, .set = loop->loop.body};
    splitting.combine = splitting.set->op == LOOP_SET ? splitting.set->local.combine : IR_EXPR_OP_COUNT;
    if (!is_sum(&splitting) || !product_runs_forward(kernel, loop))
        return true;
    splitting.lanes = product_lanes(&kernel->options->machine, splitting.set->local.value->elem, 0);
    if (splitting.lanes < 2 || !(splitting.partials = choose_partials(&splitting)))
        return true;
    *changed = true;
    struct loop_stmt old = *loop;
    splitting.loop = &old;
    struct loop_stmt *sum = add_partials(&splitting) ? sum_vectors(&splitting) : NULL;
    struct loop_stmt *join = sum ? join_partials(&splitting) : NULL, *last = sum ? join_lanes(&splitting) : NULL;
    struct loop_stmt *rest = last ? sum_rest(&splitting) : NULL;
    if (!rest || (!join && splitting.partials > 1))
        return false;
    sum->comment = old.comment;
    struct loop_stmt *all = loop_join(loop_join(sum, join), last);
    product_replace(loop, poly_equals(rest->loop.end, 0) ? all : loop_join(all, rest));
    return true;
}

enum einc_status pass_partial_sums(struct pass_kernel *kernel)
{
    const struct ir_kernel *source = kernel->loops->kernel;
    if (source && source->numeric_class == IR_CLASS_EXACT)
        return EINC_OK;
    if (!product_change(kernel->loops->body, split_sum, kernel))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
