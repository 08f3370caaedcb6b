/* Recognises the canonical nest of a summed product in loop IR and finds the role of each of its indices from the addresses.
 *
 * Nothing is taken on trust from an earlier pass but the shape: a nest that does not fit it exactly is left as it is. */
#include "product.h"
#include "lanes.h"

#include <math.h>

enum {
    SHORTEST_VECTOR = 16, /* bytes */
    STORED_TIMES = 2,     /* a line passes between caches when it is stored to: read, then written back */
    FAR_BEHIND = 4        /* times the second cache: what is left there of a larger result is little of it */
};

int64_t product_lanes(const struct machine *machine, enum ir_elem elem, int64_t extent)
{
    int64_t bytes = (int64_t)ir_elem_info(elem)->bytes, lanes = machine->vector_bytes / bytes;
    while (extent > 0 && 2 * extent <= lanes && lanes * bytes > SHORTEST_VECTOR)
        lanes /= 2;
    return lanes;
}

const struct poly *product_parts(struct ir_context *context, const struct poly *extent, int64_t size)
{
    return poly_floor_div(context, poly_add(context, extent, poly_constant(context, size - 1)), poly_constant(context, size), NULL);
}

const struct product_axis *product_lane(const struct product *product)
{
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].is_lane)
            return &product->axes[k];
    return NULL;
}

/* ---- the shape ---- */

struct reading {
    struct pass_kernel *kernel;
    struct product *product;
    size_t capacity;
};

static bool is_plain(const struct loop_stmt *stmt)
{
    return stmt && stmt->op == LOOP_FOR && stmt->loop.kind == LOOP_SERIAL && poly_equals(stmt->loop.begin, 0) &&
           !stmt->loop.limit && poly_index_limit(stmt->loop.end) == 0;
}

static bool add_axis(struct reading *reading, const struct loop_stmt *loop, bool summed)
{
    struct product *product = reading->product;
    struct product_axis axis = {.loop = loop, .role = summed ? LOOP_K : LOOP_NO_ROLE};
    if (!poly_is_constant(loop->loop.end, &axis.extent))
        axis.extent = 0;
    axis.typical = poly_estimate(loop->loop.end, ir_typical_sizes(reading->kernel->context), NULL);
    return ARENA_PUSH(ir_arena(reading->kernel->context), product->axes, product->n_axes, reading->capacity, axis);
}

static bool reads(struct ir_context *context, const struct ir_expr *expr, uint32_t buffer)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    for (size_t k = 0; order && k < count; k++)
        if (order[k]->op == IR_EXPR_load && order[k]->load.buffer == buffer)
            return true;
    return false;
}

/* var sum = 0, loops around sum add= mul(load, load), store. */
static bool read_sum(struct reading *reading, const struct loop_stmt *define)
{
    struct product *product = reading->product;
    const struct loop_stmt *loop = define->op == LOOP_DEFINE ? define->next : NULL, *store = loop ? loop->next : NULL;
    if (!is_plain(loop) || !store || store->op != LOOP_STORE || store->next)
        return false;
    for (; is_plain(loop); loop = loop->loop.body) {
        if (loop->next && loop->next != store)
            return false;
        if (!add_axis(reading, loop, true))
            return false;
    }
    bool fits = loop->op == LOOP_SET && !loop->next && loop->local.combine == IR_EXPR_add &&
                loop->local.local == define->local.local && loop->local.value->op == IR_EXPR_mul;
    if (!fits || !define->local.value || define->local.value->op != IR_EXPR_literal)
        return false;
    product->elem = loop->local.value->elem;
    product->a = loop->local.value->arguments[0];
    product->b = loop->local.value->arguments[1];
    product->define = define;
    product->accumulate = loop;
    product->store = store;
    product->reads_result = reads(reading->kernel->context, store->store.value, store->store.buffer);
    return product->a->op == IR_EXPR_load && product->b->op == IR_EXPR_load && lanes_have(product->elem) &&
           reading->kernel->loops->buffers[store->store.buffer].elem == product->elem;
}

/* What is stored is made of other buffers. */
static bool read_element(struct reading *reading, const struct loop_stmt *store)
{
    struct product *product = reading->product;
    const struct ir_expr *value = store->store.value;
    product->a = value->op == IR_EXPR_load ? value : NULL;
    product->store = store;
    product->elem = value->elem;
    return store->store.combine == IR_EXPR_OP_COUNT && lanes_have(value->elem) &&
           reading->kernel->loops->buffers[store->store.buffer].elem == value->elem &&
           !reads(reading->kernel->context, value, store->store.buffer);
}

static bool read_shape(struct reading *reading, const struct loop_stmt *loop)
{
    for (; is_plain(loop); loop = loop->loop.body) {
        if (reading->product->n_axes && loop->next)
            return false;
        if (!add_axis(reading, loop, false))
            return false;
    }
    if (loop && loop->op == LOOP_STORE && !loop->next && reading->product->n_axes)
        return read_element(reading, loop);
    return loop && read_sum(reading, loop);
}

/* ---- the axes ---- */

static const struct poly *step_of(struct reading *reading, const struct poly *address, uint32_t index)
{
    const struct poly *step;
    if (!poly_uses_index(address, index))
        return poly_constant(reading->kernel->context, 0);
    return poly_split_index(reading->kernel->context, address, index, &step, NULL) && poly_index_limit(step) == 0 ? step : NULL;
}

static const struct poly *step_of_load(struct reading *reading, const struct ir_expr *load, uint32_t index)
{
    return load ? step_of(reading, load->load.address, index) : poly_constant(reading->kernel->context, 0);
}

static bool find_steps(struct reading *reading)
{
    struct product *product = reading->product;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        struct product_axis *axis = &product->axes[k];
        uint32_t index = axis->loop->loop.index;
        axis->a = step_of_load(reading, product->a, index);
        axis->b = step_of_load(reading, product->b, index);
        axis->c = step_of(reading, product->store->store.address, index);
        if (!axis->a || !axis->b || !axis->c)
            return false;
        axis->is_line = axis->is_lane = axis->role != LOOP_K && poly_equals(axis->c, 1);
    }
    return true;
}

/* A is the factor with C's unit-stride index. */
static void swap_factors(struct product *product)
{
    const struct ir_expr *a = product->a;
    product->a = product->b;
    product->b = a;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct poly *step = product->axes[k].a;
        product->axes[k].a = product->axes[k].b;
        product->axes[k].b = step;
    }
}

static void find_roles(struct product *product)
{
    const struct product_axis *lane = product_lane(product);
    if (lane && poly_equals(lane->a, 0))
        swap_factors(product);
    for (uint32_t k = 0; k < product->n_axes; k++) {
        struct product_axis *axis = &product->axes[k];
        bool in_a = !poly_equals(axis->a, 0), in_b = !poly_equals(axis->b, 0);
        if (axis->role != LOOP_K)
            axis->role = in_a == in_b ? LOOP_BATCH : in_a ? LOOP_M : LOOP_N;
    }
}

static double size_of(struct reading *reading, const struct poly *step)
{
    return fabs(poly_estimate(step, ir_typical_sizes(reading->kernel->context), NULL));
}

/* Batch axes become `role`, those of the smallest step first, until they lie side by side over so many bytes. */
static void grow_role(struct reading *reading, enum loop_role role, double bytes)
{
    struct product *product = reading->product;
    double size = (double)ir_elem_info(product->elem)->bytes;
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].role == role)
            size *= fmax(product->axes[k].typical, 1);
    for (struct product_axis *next = product->axes; next && size < bytes;) {
        double least = INFINITY;
        next = NULL;
        for (uint32_t k = 0; k < product->n_axes; k++) {
            struct product_axis *axis = &product->axes[k];
            double step = size_of(reading, role == LOOP_M ? axis->c : axis->a);
            if (axis->role == LOOP_BATCH && step < least) {
                least = step;
                next = axis;
            }
        }
        if (next) {
            next->role = role;
            size *= fmax(next->typical, 1);
        }
    }
}

/* In a copy m are C's innermost axes, n those of A; else m is C's line. */
static void find_element_roles(struct reading *reading)
{
    struct product *product = reading->product;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        struct product_axis *axis = &product->axes[k];
        axis->role = axis->is_line ? LOOP_M : poly_equals(axis->a, 1) ? LOOP_N : LOOP_BATCH;
    }
    if (!product->a)
        return;
    grow_role(reading, LOOP_M, COPIED_ROW);
    grow_role(reading, LOOP_N, COPIED_ROW);
}

/* There is more of A than of C: it is read as it lies, rather than C written so. */
static bool outweighs_result(const struct product *product)
{
    double n = 1, sum = 1;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        double extent = fmax(product->axes[k].typical, 1);
        n *= product->axes[k].role == LOOP_N ? extent : 1;
        sum *= product->axes[k].role == LOOP_K ? extent : 1;
    }
    return sum >= n;
}

/* A is read once, which has more indices than B: the sum follows its memory. */
static bool reads_once(const struct product *product)
{
    bool once = true;
    for (uint32_t k = 0; k < product->n_axes; k++)
        once &= product->axes[k].role != LOOP_N;
    return once;
}

static double reach(struct reading *reading, const struct product_axis *axis)
{
    if (!reading->product->accumulate)
        return size_of(reading, axis->role == LOOP_N ? axis->a : axis->c);
    if (axis->role == LOOP_M && outweighs_result(reading->product))
        return axis->is_line ? 0 : size_of(reading, axis->a);
    if (axis->role != LOOP_K)
        return size_of(reading, axis->c);
    return reads_once(reading->product) ? size_of(reading, axis->a) : fmax(size_of(reading, axis->a), size_of(reading, axis->b));
}

/* Batch, n, m, k; in a copy the index along which A lies is just outside C's. */
static int place_of(const struct product *product, const struct product_axis *axis)
{
    static const int place[] = {[LOOP_BATCH] = 0, [LOOP_N] = 1, [LOOP_M] = 2, [LOOP_K] = 5};
    if (!product->accumulate && axis->is_line)
        return 4;
    return !product->accumulate && axis->role == LOOP_N && poly_equals(axis->a, 1) ? 3 : place[axis->role];
}

/* `exact` kernels add floats in the order of the statement. */
static bool sums_as_written(const struct reading *reading)
{
    const struct ir_kernel *source = reading->kernel->loops->kernel;
    return source && source->numeric_class == IR_CLASS_EXACT && !ir_elem_is_integer(reading->product->elem);
}

/* By place, by falling step within one. */
static void sort_axes(struct reading *reading)
{
    struct product *product = reading->product;
    bool as_written = sums_as_written(reading);
    for (uint32_t k = 1; k < product->n_axes; k++) {
        struct product_axis axis = product->axes[k];
        int place = place_of(product, &axis);
        uint32_t at = k;
        for (; at > 0; at--) {
            const struct product_axis *before = &product->axes[at - 1];
            int place_before = place_of(product, before);
            bool stays = (as_written && axis.role == LOOP_K) || reach(reading, before) >= reach(reading, &axis);
            if (place_before < place || (place_before == place && stays))
                break;
            product->axes[at] = *before;
        }
        product->axes[at] = axis;
    }
}

/* Vectors of C's line stand at lines of memory wherever it begins, as far as the shape tells. */
bool product_has_whole_lines(struct ir_context *context, const struct product *product)
{
    const struct poly *line = poly_constant(context, CACHE_LINE / (int64_t)ir_elem_info(product->elem)->bytes);
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (!product->axes[k].is_line && !poly_equals(poly_mod(context, product->axes[k].c, line, NULL), 0))
            return false;
    return true;
}

/* Bytes of a result that the caches keep for who reads it next. What a plain store puts in the third cache was read from there
 * before and is written back later; a cache too slow for all that, as one that many cores share may be, keeps nothing worth having.
 */
static double kept_by_caches(const struct machine *machine)
{
    double l2 = (double)machine->l2_bytes, l3 = (double)machine->l3_bytes;
    bool is_slow = machine->l3_rate > 0 && machine->stream_rate > 0 && machine->read_rate > 0 &&
                   1 / machine->stream_rate + 1 / machine->read_rate < (STORED_TIMES + 1) / machine->l3_rate;
    return fmax(is_slow ? fmin(l3, FAR_BEHIND * l2) : l3, l2);
}

static double bytes_of(const struct pass_kernel *kernel, uint32_t buffer)
{
    const struct loop_buffer *tensor = &kernel->loops->buffers[buffer];
    return poly_estimate(tensor->count, ir_typical_sizes(kernel->context), NULL) * (double)ir_elem_info(tensor->elem)->bytes;
}

bool product_fills_caches(const struct pass_kernel *kernel, uint32_t buffer)
{
    const struct machine *machine = &kernel->options->machine;
    return kernel->loops->buffers[buffer].kind == LOOP_OUTPUT && machine->stream_rate > machine->write_rate &&
           bytes_of(kernel, buffer) > kept_by_caches(machine);
}

/* What is stored is more than the caches hold, so that it had better go past them. The factors pass through them as well, and of
 * what is made element by element as much again: of a result that is more than they keep nothing is left in them at the end. */
static bool passes_caches(const struct pass_kernel *kernel, const struct product *product)
{
    const struct machine *machine = &kernel->options->machine;
    const struct loop_stmt *store = product->store;
    double bytes = bytes_of(kernel, store->store.buffer), caches = kept_by_caches(machine);
    double read =
        product->accumulate ? bytes_of(kernel, product->a->load.buffer) + bytes_of(kernel, product->b->load.buffer) : bytes;
    return product_fills_caches(kernel, store->store.buffer) && store->store.combine == IR_EXPR_OP_COUNT &&
           bytes + read > 2 * caches;
}

/* Is what the product stores read, or added to, in a later iteration or statement of a loop around it? */
struct rereading {
    const struct product *product;
    const struct loop_stmt *around; /* the outermost loop; NULL: the store was not met yet */
    bool found;
};

static void find_rereading(void *user, const struct loop_access *access)
{
    struct rereading *rereading = user;
    const struct product *product = rereading->product;
    if (access->buffer != product->store->store.buffer || !access->n_loops)
        return;
    if (access->does != LOOP_WRITES)
        rereading->found = rereading->found || access->loops[0] == rereading->around;
    for (size_t k = 0; access->does == LOOP_WRITES && k < access->n_loops; k++)
        if (access->loops[k] == product->axes[0].loop)
            rereading->around = access->loops[0];
}

static bool is_reread(const struct pass_kernel *kernel, const struct product *product)
{
    struct rereading rereading = {.product = product};
    return loop_visit_accesses(kernel->context, kernel->loops, kernel->loops->body, find_rereading, &rereading) && rereading.found;
}

bool product_streams(const struct pass_kernel *kernel, const struct product *product)
{
    const struct product_axis *last = &product->axes[product->n_axes - 1];
    bool is_turned = !product->accumulate && product->a && !poly_equals(last->a, 1);
    bool by_parts = product->accumulate && !product_lane(product)->is_line &&
                    product->lanes * (int64_t)ir_elem_info(product->elem)->bytes < CACHE_LINE;
    return passes_caches(kernel, product) && !by_parts && (!is_turned || product_has_whole_lines(kernel->context, product)) &&
           !is_reread(kernel, product);
}

/* A copy that is turned, or whose lines are short: stores would be of parts of lines of memory. */
static bool is_copied_by_pieces(const struct product *product)
{
    const struct product_axis *line = &product->axes[product->n_axes - 1];
    double bytes = line->typical * (double)ir_elem_info(product->elem)->bytes;
    return !product->accumulate && product->a && (!poly_equals(line->a, 1) || bytes < COPIED_ROW);
}

/* The line is innermost; it is some whole vectors, or a copy has squares to turn. */
static bool suits_elements(struct pass_kernel *kernel, const struct product *product)
{
    const struct product_axis *line = &product->axes[product->n_axes - 1];
    if (!line->is_line || product->lanes < 2)
        return false;
    int64_t lanes = product_lanes(&kernel->options->machine, product->elem, 0);
    bool is_whole = line->extent > 0 && line->extent % lanes == 0;
    if (!product->a || poly_equals(line->a, 1))
        return (is_whole || line->typical >= 2 * (double)product->lanes) &&
               lanes_hold(kernel, product->store->store.value, product->elem, line->loop->loop.index);
    return product->n_axes > 1 && poly_equals(line[-1].a, 1);
}

bool product_suits_batch(bool is_whole, const bool near[2], const bool is_row[2], const double reuse[2])
{
    if (near[0] && near[1])
        return true;
    bool is_reused = (near[0] || reuse[0] >= PACKED_REUSE) && (near[1] || reuse[1] >= PACKED_REUSE);
    bool is_turned = (near[0] && is_row[1]) || (near[1] && is_row[0]);
    return is_whole && (is_reused || is_turned);
}

/* Vectors along the lane axis have something to do, and the tile something to use again or whole vectors to read: along the lane,
 * or along another index, whose tiles are turned. */
static bool suits_product(const struct machine *machine, const struct product *product)
{
    const struct product_axis *lane = product_lane(product);
    bool has_n = false, is_summed = false, may_be_turned = false, is_row[2] = {false, false};
    double reuse[2] = {1, 1}, lanes = (double)product_lanes(machine, product->elem, 0);
    if (!lane || product->lanes < 2)
        return false;
    bool is_long = !lane->extent || 2 * lane->extent > product->lanes;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        bool is_k = axis->role == LOOP_K;
        reuse[axis->role == LOOP_M] *= axis->role == LOOP_M || axis->role == LOOP_N ? fmax(axis->typical, 1) : 1;
        has_n |= axis->role == LOOP_N;
        is_summed |= is_k;
        is_row[0] |= is_k && axis->typical >= lanes && poly_equals(axis->a, 1);
        is_row[1] |= is_k && axis->typical >= lanes && poly_equals(axis->b, 1);
        may_be_turned |= axis->role == LOOP_M && !axis->is_line && tile_may_have_lane(machine, product, axis);
    }
    bool near[2] = {poly_equals(lane->a, 1), poly_equals(lane->b, 1)};
    bool suits_lane = lane->role == LOOP_BATCH ? product_suits_batch(2 * lane->typical > lanes, near, is_row, reuse)
                                               : near[0] || (lane->role == LOOP_M && has_n);
    return is_summed && ((is_long && suits_lane) || may_be_turned);
}

/* ---- what may be copied before it is read ---- */

/* Notes the extents of the loops around `sought`; false: it is not in the list. */
static bool note_loops_around(const struct loop_stmt *list, const struct loop_stmt *sought, uint32_t n, const struct poly **extents)
{
    for (; list; list = list->next) {
        bool found = list == sought;
        if (!found && list->op == LOOP_FOR)
            found = note_loops_around(list->loop.body, sought, n, extents);
        if (!found && list->op == LOOP_BLOCK)
            found = note_loops_around(list->block, sought, n, extents);
        if (!found && list->op == LOOP_IF)
            found = note_loops_around(list->branch.body, sought, n, extents) ||
                    note_loops_around(list->branch.otherwise, sought, n, extents);
        if (!found)
            continue;
        if (list != sought && is_plain(list) && list->loop.index < n)
            extents[list->loop.index] = list->loop.end;
        return true;
    }
    return false;
}

bool product_holds_stages(const struct loop_stmt *loop)
{
    if (loop->op != LOOP_FOR || loop->loop.role != LOOP_BATCH)
        return false;
    for (const struct loop_stmt *stmt = loop->loop.body; stmt; stmt = stmt->next)
        if (stmt->op == LOOP_BLOCK || product_holds_stages(stmt))
            return true;
    return false;
}

/* Does it stand in a loop around stages? Threads share that, not what is inside. */
static bool is_in_block(const struct loop_stmt *list, const struct loop_stmt *sought, bool in_block)
{
    for (; list; list = list->next)
        if ((list == sought && in_block) ||
            (list->op == LOOP_FOR && is_in_block(list->loop.body, sought, in_block || product_holds_stages(list))) ||
            (list->op == LOOP_BLOCK && is_in_block(list->block, sought, in_block)))
            return true;
    return false;
}

bool product_runs_forward(struct pass_kernel *kernel, const struct loop_stmt *loop)
{
    const struct poly *end = loop->loop.end;
    uint32_t n = poly_index_limit(end);
    const struct poly **extents = ARENA_ARRAY(ir_arena(kernel->context), n, const struct poly *);
    if (extents && n)
        (void)note_loops_around(kernel->loops->body, loop, n, extents);
    const struct poly_ranges ranges = {n, extents};
    return extents && poly_prove_nonnegative(kernel->context, end, &ranges);
}

static bool may_be_empty(struct ir_context *context, const struct loop_stmt *loop)
{
    return !poly_prove_nonnegative(context, poly_subtract(context, loop->loop.end, poly_constant(context, 1)), NULL);
}

/* Is the factor inside its tensor also where loops that do not move it never run? Else it is read nowhere then, and may not be
 * copied outside of them. */
static bool may_be_copied(struct pass_kernel *kernel, const struct product *product, const struct loop_stmt *nest,
                          const struct ir_expr *load)
{
    struct ir_context *context = kernel->context;
    const struct poly *address = load->load.address;
    uint32_t n = poly_index_limit(address);
    const struct poly **extents = ARENA_ARRAY(ir_arena(context), n, const struct poly *);
    bool guarded = false;
    for (uint32_t k = 0; extents && k < product->n_axes; k++) {
        const struct loop_stmt *loop = product->axes[k].loop;
        if (poly_uses_index(address, loop->loop.index))
            extents[loop->loop.index] = loop->loop.end;
        else
            guarded = guarded || may_be_empty(context, loop);
    }
    if (!extents || !guarded)
        return extents != NULL;
    const struct poly_ranges ranges = {n, extents};
    (void)note_loops_around(kernel->loops->body, nest, n, extents);
    return poly_prove_divisors(context, address, &ranges) &&
           poly_prove_within(context, address, kernel->loops->buffers[load->load.buffer].count, &ranges);
}

bool product_read(struct pass_kernel *kernel, const struct loop_stmt *loop, struct product *product)
{
    struct reading reading = {.kernel = kernel, .product = product};
    *product = (struct product){.threads = kernel->options->threads, .shared = UINT32_MAX};
    if (product->threads > 1 && is_in_block(kernel->loops->body, loop, false))
        product->threads = 1;
    if (!read_shape(&reading, loop) || !find_steps(&reading))
        return false;
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (!product_runs_forward(kernel, product->axes[k].loop))
            return false;
    if (product->accumulate)
        find_roles(product);
    else
        find_element_roles(&reading);
    sort_axes(&reading);
    const struct product_axis *lane = product_lane(product);
    product->lanes = product_lanes(&kernel->options->machine, product->elem, lane ? lane->extent : 0);
    product->is_ragged =
        is_copied_by_pieces(product) && passes_caches(kernel, product) && !product_has_whole_lines(kernel->context, product);
    if (!product->accumulate)
        return suits_elements(kernel, product);
    return suits_product(&kernel->options->machine, product) && may_be_copied(kernel, product, loop, product->a) &&
           may_be_copied(kernel, product, loop, product->b);
}

/* ---- walking ---- */

bool product_change(struct loop_stmt *list, product_change_function *change, void *user)
{
    for (struct loop_stmt *next; list; list = next) {
        next = list->next;
        bool changed = false;
        if (list->op == LOOP_FOR && (!change(user, list, &changed) || (!changed && !product_change(list->loop.body, change, user))))
            return false;
        if (list->op == LOOP_BLOCK && !product_change(list->block, change, user))
            return false;
        if (list->op == LOOP_IF &&
            (!product_change(list->branch.body, change, user) || !product_change(list->branch.otherwise, change, user)))
            return false;
    }
    return true;
}

void product_replace(struct loop_stmt *loop, const struct loop_stmt *by)
{
    struct loop_stmt *next = loop->next, *last = loop;
    *loop = *by;
    while (last->next)
        last = last->next;
    last->next = next;
}
