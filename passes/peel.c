/* Gives the tiles at the edge of a tensor a body of their own, so that those inside need not ask where the tensor ends.
 *
 * Where the extent is a constant the loop over tiles is cut, and the last tile has loops of the length that is left:
 *
 *     for t < 3 { unrolled i < 8 limit 20 - 8*t { ... } }   becomes   for t < 2 { unrolled i < 8 { ... } }  unrolled i < 4 { ... }
 *
 * Where it is not, both bodies stand in the loop:
 *
 *     for t < T { if n - 8*t - 8 >= 0 { unrolled i < 8 { ... } } else { unrolled i < 8 limit n - 8*t { ... } } }
 *
 * Only limits around multiplications count: what ends where a finished tile is stored costs nothing. Along vectors, what is left is
 * a vector of its own, the narrowest that holds it, or a whole one under a mask (peel_lanes.c). */
#include "peel.h"
#include "product.h"

/* ---- the body of a tile ---- */

/* for k { loops over the elements of a tile { tile add= a product } } */
static const struct loop_stmt *tile_sum(const struct peeling *peeling, const struct loop_stmt *loop)
{
    if (loop->op != LOOP_FOR || loop->loop.role != LOOP_K)
        return NULL;
    const struct loop_stmt *inner = loop->loop.body;
    for (; inner->op == LOOP_FOR && !inner->next; inner = inner->loop.body)
        ;
    bool sums = inner->op == LOOP_STORE && !inner->next && inner->store.combine == IR_EXPR_add &&
                peeling->function->buffers[inner->store.buffer].kind == LOOP_STACK;
    return sums ? loop : NULL;
}

static const struct loop_stmt *sum_in(const struct peeling *peeling, const struct loop_stmt *list)
{
    for (; list; list = list->next)
        if (tile_sum(peeling, list))
            return list;
    return NULL;
}

struct edges {
    struct peel_edge *items;
    size_t n, capacity;
};

/* Loops, stores and conditions: what is copied here. */
static bool is_plain(const struct loop_stmt *list)
{
    for (; list; list = list->next)
        if (!(list->op == LOOP_STORE || (list->op == LOOP_FOR && is_plain(list->loop.body)) ||
              (list->op == LOOP_IF && is_plain(list->branch.body) && is_plain(list->branch.otherwise))))
            return false;
    return true;
}

bool peel_is_at(const struct peel_edge *edge, const struct loop_stmt *loop)
{
    return loop->loop.limit && loop->loop.limit == edge->loop->loop.limit && loop->loop.end == edge->loop->loop.end;
}

static bool add_edge(struct peeling *peeling, struct edges *edges, const struct loop_stmt *loop, bool is_summed)
{
    for (size_t k = 0; k < edges->n; k++)
        if (peel_is_at(&edges->items[k], loop)) {
            edges->items[k].is_summed |= is_summed;
            return true;
        }
    struct peel_edge edge = {loop, is_summed};
    return ARENA_PUSH(ir_arena(peeling->context), edges->items, edges->n, edges->capacity, edge);
}

static bool find_edges(struct peeling *peeling, const struct loop_stmt *list, bool is_summed, struct edges *edges)
{
    bool kept = true;
    for (; list && kept; list = list->next)
        if (list->op == LOOP_FOR) {
            kept = (!list->loop.limit || add_edge(peeling, edges, list, is_summed)) &&
                   find_edges(peeling, list->loop.body, is_summed || tile_sum(peeling, list), edges);
        } else if (list->op == LOOP_IF) {
            kept =
                find_edges(peeling, list->branch.body, false, edges) && find_edges(peeling, list->branch.otherwise, false, edges);
        }
    return kept;
}

/* ---- copies of statements ---- */

struct copying {
    struct peeling *peeling;
    const struct poly **place; /* by index: what stands for it; NULL: itself */
    uint32_t n_indices;
    uint32_t *buffers;             /* by buffer: what stands for it */
    const struct peel_edge *whole; /* loops at these lose their limit */
    size_t n_whole;
};

static const struct ir_expr *load_from(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct copying *copying = user;
    if (leaf->op != IR_EXPR_load)
        return leaf;
    return ir_expr_load(context, copying->buffers[leaf->load.buffer], leaf->elem, leaf->load.address);
}

static const struct poly *placed(const struct copying *copying, const struct poly *poly)
{
    return poly ? poly_substitute(copying->peeling->context, poly, copying->n_indices, copying->place, NULL) : NULL;
}

static bool is_whole(const struct copying *copying, const struct loop_stmt *loop)
{
    for (size_t k = 0; k < copying->n_whole; k++)
        if (peel_is_at(&copying->whole[k], loop))
            return true;
    return false;
}

static struct loop_stmt *copy_list(struct copying *copying, const struct loop_stmt *list);

static struct loop_stmt *copy_if(struct copying *copying, const struct loop_stmt *stmt)
{
    struct ir_context *context = copying->peeling->context;
    const struct poly **conditions = ARENA_ARRAY(ir_arena(context), stmt->branch.n_conditions, const struct poly *);
    for (uint32_t k = 0; conditions && k < stmt->branch.n_conditions; k++)
        conditions[k] = placed(copying, stmt->branch.conditions[k]);
    return loop_if(context, stmt->branch.n_conditions, conditions, copy_list(copying, stmt->branch.body),
                   copy_list(copying, stmt->branch.otherwise));
}

static struct loop_stmt *copy_statement(struct copying *copying, const struct loop_stmt *stmt)
{
    struct ir_context *context = copying->peeling->context;
    if (stmt->op == LOOP_IF)
        return copy_if(copying, stmt);
    if (stmt->op == LOOP_FOR) {
        struct loop_stmt *copy = loop_for(context, stmt->loop.kind, stmt->loop.index, placed(copying, stmt->loop.begin),
                                          placed(copying, stmt->loop.end), copy_list(copying, stmt->loop.body));
        if (!copy)
            return NULL;
        copy->loop.role = stmt->loop.role;
        copy->loop.limit = is_whole(copying, stmt) ? NULL : placed(copying, stmt->loop.limit);
        copy->comment = stmt->comment;
        return copy;
    }
    const struct ir_expr *value =
        ir_expr_substitute(context, stmt->store.value, load_from, copying, copying->n_indices, copying->place, NULL);
    struct loop_stmt *copy =
        loop_store(context, copying->buffers[stmt->store.buffer], placed(copying, stmt->store.address), value, stmt->store.combine);
    if (copy)
        copy->store.streams = stmt->store.streams;
    return copy;
}

/* NULL: no memory, or an empty list. */
static struct loop_stmt *copy_list(struct copying *copying, const struct loop_stmt *list)
{
    struct loop_stmt *copy = NULL;
    for (; list; list = list->next)
        copy = loop_join(copy, copy_statement(copying, list));
    return copy;
}

static bool open_copy(struct peeling *peeling, struct copying *copying)
{
    struct arena *arena = ir_arena(peeling->context);
    struct loop_function *function = peeling->function;
    *copying = (struct copying){.peeling = peeling,
                                .place = ARENA_ARRAY(arena, function->n_indices, const struct poly *),
                                .n_indices = (uint32_t)function->n_indices,
                                .buffers = ARENA_ARRAY(arena, function->n_buffers, uint32_t)};
    for (uint32_t k = 0; copying->buffers && k < function->n_buffers; k++)
        copying->buffers[k] = k;
    return copying->place && copying->buffers;
}

static bool stores_to(const struct loop_stmt *list, uint32_t buffer)
{
    for (; list; list = list->next)
        if ((list->op == LOOP_STORE && list->store.buffer == buffer) ||
            (list->op == LOOP_FOR && stores_to(list->loop.body, buffer)) ||
            (list->op == LOOP_IF && (stores_to(list->branch.body, buffer) || stores_to(list->branch.otherwise, buffer))))
            return true;
    return false;
}

/* The copy of a tile's body has arrays of its own. */
static bool renew_arrays(struct copying *copying, const struct loop_stmt *list)
{
    struct loop_function *function = copying->peeling->function;
    for (uint32_t k = 0, n = (uint32_t)function->n_buffers; k < n; k++) {
        if (function->buffers[k].kind != LOOP_STACK || !stores_to(list, k))
            continue;
        copying->buffers[k] = loop_add_buffer(copying->peeling->context, function, function->buffers[k]);
        if (copying->buffers[k] == UINT32_MAX)
            return false;
    }
    return true;
}

/* ---- constant extents ---- */

/* The edge of tiles inside the list that loop `tiles` moves, where there is one. */
static bool find_moved_edge(struct peeling *peeling, const struct loop_stmt *list, uint32_t tiles, struct peel_edge *found)
{
    if (sum_in(peeling, list)) {
        struct edges edges = {0};
        if (!find_edges(peeling, list, false, &edges))
            return false;
        for (size_t k = 0; k < edges.n; k++)
            if (edges.items[k].is_summed && poly_uses_index(edges.items[k].loop->loop.limit, tiles)) {
                *found = edges.items[k];
                return true;
            }
        return false;
    }
    for (; list; list = list->next)
        if (list->op == LOOP_FOR && find_moved_edge(peeling, list->loop.body, tiles, found))
            return true;
    return false;
}

/* How many tiles are whole, of constant extents; all but the last one, or `count` where nothing is to be done. */
static int64_t whole_tiles(struct peeling *peeling, const struct loop_stmt *tiles, int64_t count, const struct peel_edge *edge)
{
    const struct poly *step, *rest;
    int64_t back, extent, size;
    if (!poly_split_index(peeling->context, edge->loop->loop.limit, tiles->loop.index, &step, &rest) ||
        !poly_is_constant(step, &back) || !poly_is_constant(rest, &extent) || !poly_is_constant(edge->loop->loop.end, &size) ||
        back >= 0 || extent < size)
        return count;
    int64_t whole = (extent - size) / -back + 1;
    return whole == count - 1 ? whole : count;
}

static bool peel_list(struct peeling *peeling, struct loop_stmt *list, bool in_branch);

/* The body with a number in place of the index of its loop. */
static struct loop_stmt *body_at(struct copying *copying, const struct loop_stmt *loop, int64_t number)
{
    copying->place[loop->loop.index] = poly_constant(copying->peeling->context, number);
    struct loop_stmt *body = copy_list(copying, loop->loop.body);
    return body && peel_list(copying->peeling, body, false) ? body : NULL;
}

/* for t < 3 { ... }   becomes   for t < 2 { ... without limits }  what the last step does */
static bool part_tiles(struct peeling *peeling, struct loop_stmt *tiles, bool *changed)
{
    struct peel_edge edge;
    int64_t count;
    bool cuts = tiles->loop.kind == LOOP_SERIAL && (tiles->loop.role == LOOP_M || tiles->loop.role == LOOP_N) &&
                !tiles->loop.limit && poly_equals(tiles->loop.begin, 0) && poly_is_constant(tiles->loop.end, &count);
    if (!cuts || count < 2 || !is_plain(tiles->loop.body) || !find_moved_edge(peeling, tiles->loop.body, tiles->loop.index, &edge))
        return true;
    int64_t whole = whole_tiles(peeling, tiles, count, &edge);
    if (whole == count)
        return true;
    struct copying first, last;
    if (!open_copy(peeling, &last) || !renew_arrays(&last, tiles->loop.body) || !open_copy(peeling, &first))
        return false;
    first.whole = &edge;
    first.n_whole = 1;
    struct loop_stmt *rest = body_at(&last, tiles, count - 1), *before;
    if (whole == 1) {
        before = body_at(&first, tiles, 0);
    } else {
        before = loop_for(peeling->context, LOOP_SERIAL, tiles->loop.index, tiles->loop.begin,
                          poly_constant(peeling->context, whole), copy_list(&first, tiles->loop.body));
        if (!before || !peel_list(peeling, before->loop.body, false))
            return false;
        before->loop.role = tiles->loop.role;
        before->comment = tiles->comment;
    }
    if (!before || !rest)
        return false;
    product_replace(tiles, loop_join(before, rest));
    *changed = true;
    return true;
}

/* Loops of the edge in the list end at `extent`, and others over the same index. */
static void shorten(struct peeling *peeling, struct loop_stmt *list, const struct peel_edge *edge, int64_t extent)
{
    for (; list; list = list->next) {
        if (list->op == LOOP_FOR) {
            shorten(peeling, list->loop.body, edge, extent);
            if (peel_is_at(edge, list) || list->loop.index == edge->loop->loop.index) {
                list->loop.end = poly_constant(peeling->context, extent);
                list->loop.limit = NULL;
            }
        } else if (list->op == LOOP_IF) {
            shorten(peeling, list->branch.body, edge, extent);
            shorten(peeling, list->branch.otherwise, edge, extent);
        }
    }
}

/* Limits that are numbers by now. */
static bool end_at_numbers(struct peeling *peeling, struct loop_stmt *body, const struct edges *edges)
{
    for (size_t k = 0; k < edges->n; k++) {
        int64_t limit, end;
        struct loop_stmt loop = *edges->items[k].loop; /* as it is, while those in the body change */
        const struct peel_edge edge = {&loop, edges->items[k].is_summed};
        if (!poly_is_constant(loop.loop.limit, &limit) || !poly_is_constant(loop.loop.end, &end) || limit < 1 || limit >= end)
            continue;
        if (loop.loop.kind == LOOP_UNROLLED)
            shorten(peeling, body, &edge, limit);
        else if (!peel_lanes(peeling, body, &edge, limit))
            return false;
    }
    return true;
}

/* ---- extents known at run time ---- */

/* Some loop of the list opens an index that the limit uses. */
static bool moves_inside(const struct loop_stmt *list, const struct poly *limit)
{
    for (; list; list = list->next)
        if ((list->op == LOOP_FOR && (poly_uses_index(limit, list->loop.index) || moves_inside(list->loop.body, limit))) ||
            (list->op == LOOP_IF && (moves_inside(list->branch.body, limit) || moves_inside(list->branch.otherwise, limit))))
            return true;
    return false;
}

/* if the tile is whole { the body without limits } else { the body } */
static bool ask_once(struct peeling *peeling, struct loop_stmt *body, const struct edges *edges)
{
    struct arena *arena = ir_arena(peeling->context);
    const struct poly **conditions = ARENA_ARRAY(arena, edges->n, const struct poly *);
    struct peel_edge *whole = ARENA_ARRAY(arena, edges->n, struct peel_edge);
    struct copying copying;
    uint32_t n = 0;
    if (!conditions || !whole || !open_copy(peeling, &copying))
        return false;
    for (size_t k = 0; k < edges->n; k++) {
        const struct loop_stmt *loop = edges->items[k].loop;
        if (!edges->items[k].is_summed || !loop->loop.limit || poly_is_constant(loop->loop.limit, NULL) ||
            moves_inside(body, loop->loop.limit))
            continue;
        whole[n] = edges->items[k];
        conditions[n++] = poly_subtract(peeling->context, loop->loop.limit, loop->loop.end);
    }
    if (n == 0)
        return true;
    copying.whole = whole;
    copying.n_whole = n;
    struct loop_stmt *otherwise = arena_copy(arena, body, 1, sizeof *body);
    struct loop_stmt *branch = loop_if(peeling->context, n, conditions, copy_list(&copying, body), otherwise);
    if (!branch || !otherwise)
        return false;
    *body = *branch;
    return true;
}

/* ---- the function ---- */

static bool peel_body(struct peeling *peeling, struct loop_stmt *body, bool in_branch)
{
    struct edges edges = {0};
    if (!is_plain(body))
        return true;
    return find_edges(peeling, body, false, &edges) && end_at_numbers(peeling, body, &edges) &&
           (in_branch || ask_once(peeling, body, &edges));
}

static bool peel_list(struct peeling *peeling, struct loop_stmt *list, bool in_branch)
{
    if (sum_in(peeling, list))
        return peel_body(peeling, list, in_branch);
    for (struct loop_stmt *next; list; list = next) {
        bool changed = false, fine = true;
        next = list->next;
        if (list->op == LOOP_FOR)
            fine = part_tiles(peeling, list, &changed) && (changed || peel_list(peeling, list->loop.body, false));
        else if (list->op == LOOP_BLOCK)
            fine = peel_list(peeling, list->block, false);
        else if (list->op == LOOP_IF)
            fine = peel_list(peeling, list->branch.body, true) && peel_list(peeling, list->branch.otherwise, true);
        if (!fine)
            return false;
    }
    return true;
}

enum einc_status pass_peel(struct pass_kernel *kernel)
{
    struct peeling peeling = {kernel, kernel->context, kernel->loops};
    if (kernel->options && kernel->options->small) /* each edge would have code of its own */
        return EINC_OK;
    if (!peel_list(&peeling, kernel->loops->body, false))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
