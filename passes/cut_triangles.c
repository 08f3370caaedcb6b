/* Cuts sums over a triangle into products that tiles take.
 *
 *     y[t,p] = sum[s <= t](L[t,s] * x[s,p])            x    of n rows and columns
 *                                                      +x
 * A triangle of n is squares of n/2, n/4, ... below the diagonal (+),     ++x
 * of each size as many as double, and as many small triangles along       +++x
 * it (x). Squares are products like any others, of a batch. The small triangles become squares as well: what L has of them is
 * copied, with zeros where the sum does not reach, so that nothing is read there that the kernel does not read. Rows and columns
 * that are left when n is no multiple are a rectangle and a last small triangle. Of n*n/2 multiplications n*d/2 are of zeros, where
 * small triangles have d rows.
 *
 * The recursion is that of blocked triangular products (F. G. Gustavson, "Recursion leads to automatic variable blocking for dense
 * linear-algebra algorithms", IBM J. Res. Dev. 41, 1997), a level at a time. Indices that both factors and the result have are
 * outside of all parts, so that what these hand on stays in a near cache. The order of each sum changes, and in class `exact`
 * nothing does so. */
#include "fuse_stages.h"
#include "product.h"

enum { MOST_LOOPS = 12, DIAGONAL_VECTORS = 2 /* in the rows of a small triangle, at least */ };

struct triangle {
    struct pass_kernel *kernel;
    struct ir_context *context;
    const struct loop_stmt *outside[MOST_LOOPS], *summed[MOST_LOOPS]; /* as they stand, outermost first */
    uint32_t n_outside, n_summed;
    bool is_common[MOST_LOOPS]; /* of those outside: both factors and the result have it */
    const struct loop_stmt *rows, *columns;
    bool is_upper, has_diagonal;
    int64_t n, least;                     /* rows; of a small triangle, at least */
    const struct ir_expr *masked, *other; /* the factor that has both t and s, and the other one */
    bool masked_first;
    const struct loop_stmt *define, *store;
    int64_t small, count;                          /* rows of a small triangle; how many of them, a power of two */
    uint32_t partial, copied;                      /* where parts are added up; small triangles with zeros */
    const struct poly *partial_place, *copied_row; /* in them, of the nest's indices; a small triangle's column comes to it */
    bool is_whole;                                 /* all of the triangle is copied, not only what is near the diagonal */
    uint32_t part;                                 /* index of the parts of one size */
};

/* ---- what is a triangle ---- */

static bool is_plain(const struct loop_stmt *loop)
{
    return loop->op == LOOP_FOR && loop->loop.kind == LOOP_SERIAL && !loop->loop.limit && poly_equals(loop->loop.begin, 0) &&
           poly_index_limit(loop->loop.end) == 0;
}

static bool add_outside(struct triangle *triangle, const struct loop_stmt *loop)
{
    if (triangle->n_outside == MOST_LOOPS)
        return false;
    triangle->outside[triangle->n_outside++] = loop;
    return true;
}

/* An index plus `*more`, which no other index moves. */
static bool is_index_and(struct ir_context *context, const struct poly *poly, uint32_t *index, int64_t *more)
{
    const struct poly *step, *rest;
    uint32_t limit = poly_index_limit(poly);
    *index = limit - 1;
    return limit > 0 && poly_split_index(context, poly, *index, &step, &rest) && poly_equals(step, 1) &&
           poly_is_constant(rest, more);
}

/* for s < t + 1, or s < t; for s < n from t, or from t + 1: of as many rows. */
static bool read_columns(struct triangle *triangle, const struct loop_stmt *loop)
{
    int64_t more, end;
    uint32_t index;
    if (loop->loop.kind != LOOP_SERIAL || loop->loop.limit || triangle->columns)
        return false;
    triangle->columns = loop;
    triangle->is_upper = poly_index_limit(loop->loop.end) == 0;
    if (!is_index_and(triangle->context, triangle->is_upper ? loop->loop.begin : loop->loop.end, &index, &more) ||
        (!triangle->is_upper && !poly_equals(loop->loop.begin, 0)) || more < 0 || more > 1)
        return false;
    triangle->has_diagonal = triangle->is_upper ? more == 0 : more == 1;
    for (uint32_t k = 0; k < triangle->n_outside; k++)
        if (triangle->outside[k]->loop.index == index)
            triangle->rows = triangle->outside[k];
    return triangle->rows && poly_is_constant(triangle->rows->loop.end, &triangle->n) &&
           (!triangle->is_upper || (poly_is_constant(loop->loop.end, &end) && end == triangle->n));
}

/* var sum = 0, loops around sum add= mul(load, load), store. */
static bool read_sum(struct triangle *triangle, const struct loop_stmt *define)
{
    const struct loop_stmt *loop = define->op == LOOP_DEFINE ? define->next : NULL, *store = loop ? loop->next : NULL;
    double zero = 1;
    if (!store || store->op != LOOP_STORE || store->next || !define->local.value || define->local.value->op != IR_EXPR_literal)
        return false;
    zero = define->local.value->literal.re;
    for (; loop->op == LOOP_FOR; loop = loop->loop.body) {
        if ((loop->next && loop->next != store) || triangle->n_summed == MOST_LOOPS ||
            (!is_plain(loop) && !read_columns(triangle, loop)))
            return false;
        triangle->summed[triangle->n_summed++] = loop;
    }
    const struct ir_expr *term = loop->op == LOOP_SET && !loop->next ? loop->local.value : NULL;
    triangle->define = define;
    triangle->store = store;
    return zero == 0 && term && triangle->columns && loop->local.combine == IR_EXPR_add && term->op == IR_EXPR_mul &&
           loop->local.local == define->local.local && term->arguments[0]->op == IR_EXPR_load &&
           term->arguments[1]->op == IR_EXPR_load && ir_elem_is_float(term->elem) && store->store.combine == IR_EXPR_OP_COUNT &&
           store->store.value->elem == term->elem;
}

static bool uses(const struct ir_expr *load, const struct loop_stmt *loop)
{
    return poly_uses_index(load->load.address, loop->loop.index);
}

/* One factor alone has the rows. Vectors run along an index of the other one and the result, side by side in both. */
static bool suits_tiles(struct triangle *triangle, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct loop_stmt *line = triangle->outside[triangle->n_outside - 1];
    int64_t lanes = product_lanes(&triangle->kernel->options->machine, a->elem, 0);
    triangle->masked_first = uses(a, triangle->rows);
    triangle->masked = triangle->masked_first ? a : b;
    triangle->other = triangle->masked_first ? b : a;
    triangle->least = DIAGONAL_VECTORS * lanes;
    const struct poly *by_other, *by_store;
    return uses(triangle->masked, triangle->rows) && uses(triangle->masked, triangle->columns) &&
           !uses(triangle->other, triangle->rows) && !uses(triangle->masked, line) && line != triangle->rows &&
           poly_split_index(triangle->context, triangle->other->load.address, line->loop.index, &by_other, NULL) &&
           poly_split_index(triangle->context, triangle->store->store.address, line->loop.index, &by_store, NULL) &&
           poly_equals(by_other, 1) && poly_equals(by_store, 1) && triangle->n >= 2 * triangle->least &&
           poly_estimate(line->loop.end, ir_typical_sizes(triangle->context), NULL) >= (double)lanes;
}

static bool reads_target(const struct triangle *triangle, const struct ir_expr *expr)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(triangle->context, expr, &count);
    bool found = !order;
    for (size_t k = 0; order && k < count; k++)
        found |= order[k]->op == IR_EXPR_load && order[k]->load.buffer == triangle->store->store.buffer;
    return found;
}

/* Every element of the result is made once, in loops that all move it; nothing is read where it stands. */
static bool is_made_once(const struct triangle *triangle)
{
    for (uint32_t k = 0; k < triangle->n_outside; k++)
        if (!poly_uses_index(triangle->store->store.address, triangle->outside[k]->loop.index))
            return false;
    return triangle->masked->load.buffer != triangle->store->store.buffer &&
           triangle->other->load.buffer != triangle->store->store.buffer && !reads_target(triangle, triangle->store->store.value);
}

static bool read_triangle(struct triangle *triangle, const struct loop_stmt *loop)
{
    for (; is_plain(loop) && !(triangle->n_outside && loop->next); loop = loop->loop.body)
        if (!add_outside(triangle, loop))
            return false;
    struct loop_stmt *row = triangle->n_outside ? fuse_result_row_as_sums(triangle->kernel, loop) : NULL;
    if (row) {
        if (!add_outside(triangle, row))
            return false;
        loop = row->loop.body;
    }
    if (!triangle->n_outside || !read_sum(triangle, loop))
        return false;
    const struct loop_stmt *innermost = triangle->summed[triangle->n_summed - 1];
    const struct ir_expr *term = innermost->loop.body->local.value;
    if (!suits_tiles(triangle, term->arguments[0], term->arguments[1]) || !is_made_once(triangle))
        return false;
    for (uint32_t k = 0; k < triangle->n_outside; k++)
        triangle->is_common[k] = triangle->outside[k] != triangle->rows && uses(triangle->masked, triangle->outside[k]) &&
                                 uses(triangle->other, triangle->outside[k]);
    return true;
}

static bool has_common(const struct triangle *triangle)
{
    for (uint32_t k = 0; k < triangle->n_outside; k++)
        if (triangle->is_common[k])
            return true;
    return false;
}

/* ---- parts ---- */

/* Some parts of one size: part a has rows [row + a * step, + n_rows), and columns likewise. */
struct parts {
    int64_t count, step, row, n_rows, column, n_columns;
    bool is_diagonal;     /* small triangles */
    bool has_all_columns; /* their index is that of the whole triangle */
};

static const struct poly *constant(const struct triangle *triangle, int64_t value)
{
    return poly_constant(triangle->context, value);
}

/* Where an index of the part begins, plus the loop's index if there is one. */
static const struct poly *moved(const struct triangle *triangle, const struct parts *parts, int64_t begin,
                                const struct loop_stmt *loop)
{
    struct ir_context *context = triangle->context;
    const struct poly *place = constant(triangle, begin);
    if (parts->count > 1)
        place = poly_add(context, place, poly_scale(context, poly_index(context, triangle->part), parts->step));
    return loop ? poly_add(context, place, poly_index(context, loop->loop.index)) : place;
}

/* A place of the whole triangle as one of the parts. */
static const struct poly *placed(const struct triangle *triangle, const struct parts *parts, const struct poly *address)
{
    uint32_t n = (uint32_t)triangle->kernel->loops->n_indices;
    const struct poly **places = ARENA_ARRAY(ir_arena(triangle->context), n, const struct poly *);
    if (!places)
        return NULL;
    places[triangle->rows->loop.index] = moved(triangle, parts, parts->row, triangle->rows);
    if (!parts->has_all_columns)
        places[triangle->columns->loop.index] = moved(triangle, parts, parts->column, triangle->columns);
    return poly_substitute(triangle->context, address, n, places, NULL);
}

static const struct ir_expr *placed_load(const struct triangle *triangle, const struct parts *parts, const struct ir_expr *load)
{
    return ir_expr_load(triangle->context, load->load.buffer, load->elem, placed(triangle, parts, load->load.address));
}

static struct loop_stmt *loop_like(const struct triangle *triangle, const struct loop_stmt *loop, const struct poly *end,
                                   struct loop_stmt *body)
{
    struct loop_stmt *made = loop_for(triangle->context, LOOP_SERIAL, loop->loop.index, constant(triangle, 0), end, body);
    if (made)
        made->comment = loop->comment;
    return made;
}

static struct loop_stmt *over_parts(const struct triangle *triangle, const struct parts *parts, struct loop_stmt *body)
{
    return parts->count == 1 ? body
                             : loop_for(triangle->context, LOOP_SERIAL, triangle->part, constant(triangle, 0),
                                        constant(triangle, parts->count), body);
}

/* The loops around `body` of those indices of the nest that the factor has and no part of the triangle changes. */
static struct loop_stmt *over_others(const struct triangle *triangle, const struct ir_expr *factor, struct loop_stmt *body)
{
    for (uint32_t k = triangle->n_summed; body && k-- > 0;)
        if (triangle->summed[k] != triangle->columns && uses(factor, triangle->summed[k]))
            body = loop_like(triangle, triangle->summed[k], triangle->summed[k]->loop.end, body);
    for (uint32_t k = triangle->n_outside; body && k-- > 0;)
        if (triangle->outside[k] != triangle->rows && !triangle->is_common[k] && uses(factor, triangle->outside[k]))
            body = loop_like(triangle, triangle->outside[k], triangle->outside[k]->loop.end, body);
    return body;
}

/* ---- what is copied ---- */

/* Where the element of `masked` that a part's indices name is copied to. */
static const struct poly *copied_place(const struct triangle *triangle, const struct parts *parts)
{
    const struct poly *column = poly_index(triangle->context, triangle->columns->loop.index);
    return poly_add(triangle->context, placed(triangle, parts, triangle->copied_row),
                    triangle->is_whole ? placed(triangle, parts, column) : column);
}

/* copied = masked where the sum goes, 0 in what else these triangles have; of a whole triangle their rows are copied to the end. */
static struct loop_stmt *copy_parts(const struct triangle *triangle, struct parts parts)
{
    struct ir_context *context = triangle->context;
    uint32_t s = triangle->columns->loop.index;
    const struct poly *low = constant(triangle, 0), *cut = poly_index(context, triangle->rows->loop.index);
    const struct poly *high = constant(triangle, parts.n_columns);
    cut = triangle->is_upper == triangle->has_diagonal ? cut : poly_add(context, cut, constant(triangle, 1));
    if (triangle->is_whole) {
        const struct poly *begin = moved(triangle, &parts, parts.row, NULL);
        cut = poly_add(context, begin, cut);
        low = triangle->is_upper ? begin : low;
        high = triangle->is_upper ? constant(triangle, triangle->n) : poly_add(context, begin, high);
        parts.has_all_columns = true;
    }
    const struct poly *place = copied_place(triangle, &parts);
    struct loop_stmt *copy =
        loop_store(context, triangle->copied, place, placed_load(triangle, &parts, triangle->masked), IR_EXPR_OP_COUNT);
    struct loop_stmt *zero = loop_store(context, triangle->copied, place, triangle->define->local.value, IR_EXPR_OP_COUNT);
    struct loop_stmt *before = loop_for(context, LOOP_SERIAL, s, low, cut, triangle->is_upper ? zero : copy);
    struct loop_stmt *behind = loop_for(context, LOOP_SERIAL, s, cut, high, triangle->is_upper ? copy : zero);
    if (!before || !behind)
        return NULL;
    struct loop_stmt *rows = loop_like(triangle, triangle->rows, constant(triangle, parts.n_rows), loop_join(before, behind));
    return over_others(triangle, triangle->masked, over_parts(triangle, &parts, rows));
}

/* ---- sums ---- */

static struct loop_stmt *sum_parts(const struct triangle *triangle, const struct parts *parts)
{
    struct ir_context *context = triangle->context;
    enum ir_elem elem = triangle->masked->elem;
    uint32_t local = loop_add_local(context, triangle->kernel->loops, "sum", elem);
    const struct ir_expr *masked = parts->is_diagonal || triangle->is_whole
                                       ? ir_expr_load(context, triangle->copied, elem, copied_place(triangle, parts))
                                       : placed_load(triangle, parts, triangle->masked);
    const struct ir_expr *other = placed_load(triangle, parts, triangle->other);
    const struct ir_expr *factors[2] = {triangle->masked_first ? masked : other, triangle->masked_first ? other : masked};
    if (local == UINT32_MAX)
        return NULL;
    struct loop_stmt *sum = loop_set(context, local, ir_expr_apply(context, IR_EXPR_mul, 2, factors), IR_EXPR_add);
    for (uint32_t k = triangle->n_summed; sum && k-- > 0;)
        sum = loop_like(
            triangle, triangle->summed[k],
            triangle->summed[k] == triangle->columns ? constant(triangle, parts->n_columns) : triangle->summed[k]->loop.end, sum);
    struct loop_stmt *define = loop_define(context, local, triangle->define->local.value, false);
    struct loop_stmt *store = loop_store(context, triangle->partial, placed(triangle, parts, triangle->partial_place),
                                         ir_expr_local(context, local, elem), parts->is_diagonal ? IR_EXPR_OP_COUNT : IR_EXPR_add);
    if (!define || !sum || !store)
        return NULL;
    struct loop_stmt *list = loop_join(define, loop_join(sum, store));
    for (uint32_t k = triangle->n_outside; list && k-- > 0;)
        if (!triangle->is_common[k])
            list = loop_like(
                triangle, triangle->outside[k],
                triangle->outside[k] == triangle->rows ? constant(triangle, parts->n_rows) : triangle->outside[k]->loop.end, list);
    return over_parts(triangle, parts, list);
}

static bool add_block(const struct triangle *triangle, struct loop_stmt **list, const char *comment, struct loop_stmt *body)
{
    struct loop_stmt *block = body && comment ? loop_block(triangle->context, comment, triangle->store->span, body) : NULL;
    if (block)
        *list = loop_join(*list, block);
    return block != NULL;
}

static bool add_parts(const struct triangle *triangle, struct loop_stmt **list, struct parts parts)
{
    struct arena *arena = ir_arena(triangle->context);
    const struct loop_buffer *masked = &triangle->kernel->loops->buffers[triangle->masked->load.buffer];
    long long rows = parts.n_rows, columns = parts.n_columns;
    if (parts.is_diagonal)
        return add_block(triangle, list,
                         arena_printf(arena, "%s%lld row%s along the diagonal of %s, with zeros",
                                      triangle->is_whole ? "the triangle, " : "triangles of ", rows, rows > 1 ? "s" : "",
                                      masked->name),
                         copy_parts(triangle, parts)) &&
               add_block(triangle, list, "what is summed there", sum_parts(triangle, &parts));
    return add_block(triangle, list, arena_printf(arena, "in %lld by %lld beside the diagonal", rows, columns),
                     sum_parts(triangle, &parts));
}

/* Rows and columns of a part where these of a lower triangle are given. */
static struct parts beside(const struct triangle *triangle, struct parts lower)
{
    struct parts upper = lower;
    upper.row = lower.column;
    upper.n_rows = lower.n_columns;
    upper.column = lower.row;
    upper.n_columns = lower.n_rows;
    return triangle->is_upper ? upper : lower;
}

static bool add_all_parts(const struct triangle *triangle, struct loop_stmt **list)
{
    int64_t d = triangle->small, count = triangle->count, whole = d * count, rest = triangle->n - whole;
    if (!add_parts(triangle, list, (struct parts){count, d, 0, d, 0, d, true, false}) ||
        (rest && !add_parts(triangle, list, (struct parts){1, 0, whole, rest, whole, rest, true, false})))
        return false;
    for (int64_t h = d; h < whole; h *= 2)
        if (!add_parts(triangle, list, beside(triangle, (struct parts){whole / (2 * h), 2 * h, h, h, 0, h, false, false})))
            return false;
    return !rest || add_parts(triangle, list, beside(triangle, (struct parts){1, 0, whole, rest, 0, whole, false, false}));
}

/* ---- the whole ---- */

/* Scratch over the loops, of `width` elements each; `*place` is where those that their indices name begin. */
static uint32_t add_array(const struct triangle *triangle, const char *name, const struct loop_stmt *const *loops, uint32_t n,
                          int64_t width, const struct poly **place)
{
    struct ir_context *context = triangle->context;
    const struct poly **shape = ARENA_ARRAY(ir_arena(context), n + 1, const struct poly *);
    if (!shape)
        return UINT32_MAX;
    struct loop_buffer buffer = {.kind = LOOP_SCRATCH,
                                 .name = arena_printf(ir_arena(context), "%s_%s",
                                                      triangle->kernel->loops->buffers[triangle->store->store.buffer].name, name),
                                 .elem = triangle->masked->elem,
                                 .count = constant(triangle, width),
                                 .rank = width > 1 ? n + 1 : n,
                                 .shape = shape};
    shape[n] = buffer.count;
    *place = constant(triangle, 0);
    for (uint32_t k = 0; k < n; k++) {
        shape[k] = loops[k]->loop.end;
        *place = poly_add(context, poly_multiply(context, *place, shape[k]), poly_index(context, loops[k]->loop.index));
        buffer.count = poly_multiply(context, buffer.count, shape[k]);
    }
    *place = poly_scale(context, *place, width);
    return buffer.name && *place && buffer.count ? loop_add_buffer(context, triangle->kernel->loops, buffer) : UINT32_MAX;
}

/* The loops, but rows and columns, of which a copy of the factor has the indices. */
static uint32_t list_others(const struct triangle *triangle, const struct ir_expr *factor, const struct loop_stmt **loops)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < triangle->n_outside; k++)
        if (triangle->outside[k] != triangle->rows && !triangle->is_common[k] && uses(factor, triangle->outside[k]))
            loops[n++] = triangle->outside[k];
    for (uint32_t k = 0; k < triangle->n_summed; k++)
        if (triangle->summed[k] != triangle->columns && uses(factor, triangle->summed[k]))
            loops[n++] = triangle->summed[k];
    return n;
}

static bool has_step(const struct triangle *triangle, const struct ir_expr *load, const struct loop_stmt *loop,
                     const struct poly *step)
{
    const struct poly *own;
    return poly_split_index(triangle->context, load->load.address, loop->loop.index, &own, NULL) && own == step;
}

/* Does so much fit beside as much again in the second cache? */
static bool is_near(const struct triangle *triangle, const struct poly *elements)
{
    int64_t count, bytes = (int64_t)ir_elem_info(triangle->masked->elem)->bytes;
    return poly_is_constant(elements, &count) && count <= triangle->kernel->options->machine.l2_bytes / 4 / bytes;
}

static bool add_copied(struct triangle *triangle)
{
    const struct loop_stmt *loops[2 * MOST_LOOPS + 1];
    const struct poly *one = constant(triangle, 1);
    uint32_t n = list_others(triangle, triangle->masked, loops);
    int64_t rest = triangle->n - triangle->small * triangle->count, width = rest > triangle->small ? rest : triangle->small;
    const struct poly *all = constant(triangle, triangle->n);
    for (uint32_t k = 0; k < n; k++)
        all = poly_multiply(triangle->context, all, loops[k]->loop.end);
    triangle->is_whole = has_common(triangle) && !has_step(triangle, triangle->masked, triangle->columns, one) &&
                         !has_step(triangle, triangle->masked, triangle->rows, one) &&
                         is_near(triangle, poly_scale(triangle->context, all, triangle->n));
    loops[n++] = triangle->rows;
    triangle->copied = add_array(triangle, triangle->is_whole ? "triangle" : "diagonal", loops, n,
                                 triangle->is_whole ? triangle->n : width, &triangle->copied_row);
    return triangle->copied != UINT32_MAX;
}

/* Rows of the other factor that lie apart, as those of a batch in between do, are copied side by side: each part reads them, and
 * so far apart they share few lines of the first cache. Its load is of the copy then. */
static bool gather_other(struct triangle *triangle, struct loop_stmt **list)
{
    struct ir_context *context = triangle->context;
    const struct loop_stmt *loops[2 * MOST_LOOPS + 1], *line = triangle->outside[triangle->n_outside - 1];
    struct loop_stmt columns = *triangle->columns; /* all of them */
    uint32_t n = list_others(triangle, triangle->other, loops);
    const struct poly *place, *all = constant(triangle, triangle->n);
    for (uint32_t k = 0; k < n; k++)
        all = poly_multiply(context, all, loops[k]->loop.end);
    if (!has_common(triangle) || has_step(triangle, triangle->other, triangle->columns, line->loop.end) || !is_near(triangle, all))
        return true;
    for (uint32_t k = 0, to = 0; k < n; k++) /* the line last, behind the columns */
        if (loops[k] != line)
            loops[to++] = loops[k];
    columns.loop.end = constant(triangle, triangle->n);
    loops[n - 1] = &columns;
    loops[n] = line;
    uint32_t buffer = add_array(triangle, "rows", loops, n + 1, 1, &place);
    if (buffer == UINT32_MAX)
        return false;
    struct loop_stmt *copy = loop_store(context, buffer, place, triangle->other, IR_EXPR_OP_COUNT);
    for (uint32_t k = n + 1; copy && k-- > 0;)
        copy = loop_like(triangle, loops[k], loops[k]->loop.end, copy);
    triangle->other = ir_expr_load(context, buffer, triangle->other->elem, place);
    return triangle->other && add_block(triangle, list, "rows that lie apart, side by side", copy);
}

/* Sums are added up where they are stored, if they are stored as they are. */
static bool add_partial(struct triangle *triangle)
{
    const struct loop_stmt *loops[MOST_LOOPS];
    uint32_t n = 0;
    triangle->partial = triangle->store->store.buffer;
    triangle->partial_place = triangle->store->store.address;
    if (triangle->store->store.value->op == IR_EXPR_local)
        return true;
    for (uint32_t k = 0; k < triangle->n_outside; k++)
        if (!triangle->is_common[k])
            loops[n++] = triangle->outside[k];
    triangle->partial = add_array(triangle, "sum", loops, n, 1, &triangle->partial_place);
    return triangle->partial != UINT32_MAX;
}

static const struct ir_expr *read_partial(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct triangle *triangle = user;
    bool is_sum = leaf->op == IR_EXPR_local && leaf->local == triangle->define->local.local;
    return is_sum ? ir_expr_load(context, triangle->partial, leaf->elem, triangle->partial_place) : leaf;
}

static struct loop_stmt *store_values(struct triangle *triangle)
{
    struct ir_context *context = triangle->context;
    const struct loop_stmt *store = triangle->store;
    const struct ir_expr *value = ir_expr_substitute(context, store->store.value, read_partial, triangle, 0, NULL, NULL);
    struct loop_stmt *list = loop_store(context, store->store.buffer, store->store.address, value, IR_EXPR_OP_COUNT);
    for (uint32_t k = triangle->n_outside; list && k-- > 0;)
        if (!triangle->is_common[k])
            list = loop_like(triangle, triangle->outside[k], triangle->outside[k]->loop.end, list);
    return list;
}

/* As many halvings as leave small triangles enough rows. */
static void choose_parts(struct triangle *triangle)
{
    triangle->count = 1;
    while (triangle->n / (2 * triangle->count) >= triangle->least)
        triangle->count *= 2;
    triangle->small = triangle->n / triangle->count;
}

static struct loop_stmt *cut(struct triangle *triangle)
{
    struct loop_stmt *list = NULL;
    const char *name = triangle->kernel->loops->indices[triangle->rows->loop.index].name;
    choose_parts(triangle);
    triangle->part =
        loop_add_index(triangle->context, triangle->kernel->loops, arena_printf(ir_arena(triangle->context), "%s_part", name));
    if (triangle->part == UINT32_MAX || !add_copied(triangle) || !add_partial(triangle) || !gather_other(triangle, &list) ||
        !add_all_parts(triangle, &list))
        return NULL;
    if (triangle->store->store.value->op != IR_EXPR_local &&
        !add_block(triangle, &list, "what is made of the sums", store_values(triangle)))
        return NULL;
    for (uint32_t k = triangle->n_outside; list && k-- > 0;)
        if (triangle->is_common[k] && (list = loop_like(triangle, triangle->outside[k], triangle->outside[k]->loop.end, list)))
            list->loop.role = LOOP_BATCH;
    return list;
}

static bool cut_triangle(void *user, struct loop_stmt *loop, bool *changed)
{
    struct pass_kernel *kernel = user;
    struct triangle triangle = {.kernel = kernel, .context = kernel->context};
    if (!read_triangle(&triangle, loop))
        return true;
    struct loop_stmt *list = cut(&triangle);
    if (!list)
        return false;
    product_replace(loop, list);
    *changed = true;
    return true;
}

enum einc_status pass_cut_triangles(struct pass_kernel *kernel)
{
    const struct ir_kernel *source = kernel->loops->kernel;
    bool keeps_order = source && source->numeric_class == IR_CLASS_EXACT;
    if (kernel->options->machine.vector_bytes == 0 || kernel->options->small || keeps_order)
        return EINC_OK;
    if (!product_change(kernel->loops->body, cut_triangle, kernel))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
