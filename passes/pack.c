/* Copies what tiles read into panels, in the order in which they read it.
 *
 * A factor of `tile add= mul(A[...], B[...])` is copied where the loops inside read it several times and its elements do not lie in
 * that order already. The panel is dense over those of these loops that move the factor, outermost first, so that vectors of it
 * are whole lines and k walks straight on; where a tile reaches over the edge of the tensor the panel holds zeros, and the loops
 * over the tile need no limit any more. It is filled at the outermost place where it fits its cache: the second for the factor
 * of the vectors, the third for the other. */
#include "product.h"

#include <math.h>

enum { LEAST_REUSE = 2, WORTHWHILE_REUSE = 6 };

struct packing {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct arena *arena;
    struct loop_stmt **loops; /* open ones, outermost first */
    size_t n_loops, capacity;
    const struct poly *tile; /* where the product is added in the tile */
};

/* A factor and the panel for it. */
struct panel {
    const struct ir_expr *load;
    enum tile_packing wanted;   /* by whom tiled it */
    size_t at;                  /* the open loop before which it is filled */
    uint32_t buffer;            /* UINT32_MAX: the factor is read where it is */
    const struct poly *address; /* in the panel */
    struct loop_stmt *copy;
};

static bool moves(const struct loop_stmt *loop, const struct panel *panel)
{
    return poly_uses_index(panel->load->load.address, loop->loop.index);
}

static double typical_extent(const struct packing *packing, const struct loop_stmt *loop)
{
    return poly_estimate(loop->loop.end, ir_typical_sizes(packing->context), NULL);
}

/* It and all loops inside run over the tile: blocks of one step leave no loop over k between those over blocks and the tile's. */
static bool is_within_tile(const struct packing *packing, size_t depth)
{
    for (size_t k = depth; k < packing->n_loops; k++)
        if (!poly_uses_index(packing->tile, packing->loops[k]->loop.index))
            return false;
    return true;
}

/* ---- whether and where ---- */

/* Bytes of a panel filled before the open loop `at`; negative: no constant size. */
static double footprint(const struct packing *packing, const struct panel *panel, size_t at)
{
    double bytes = (double)ir_elem_info(panel->load->elem)->bytes;
    for (size_t k = at; k < packing->n_loops; k++) {
        int64_t extent;
        if (!moves(packing->loops[k], panel))
            continue;
        if (!poly_is_constant(packing->loops[k]->loop.end, &extent))
            return -1;
        bytes *= (double)extent;
    }
    return bytes;
}

/* How often loops from `at` on, those within the tile apart, read the same element again. */
static double reuse(const struct packing *packing, const struct panel *panel, size_t at)
{
    double times = 1;
    for (size_t k = at; k < packing->n_loops && !is_within_tile(packing, k); k++)
        if (!moves(packing->loops[k], panel))
            times *= typical_extent(packing, packing->loops[k]);
    return times;
}

/* Vectors of the factor lie in memory as such, or it needs none. */
static bool has_vectors(const struct packing *packing, const struct panel *panel)
{
    const struct poly *step;
    const struct loop_stmt *lane = packing->loops[packing->n_loops - 1];
    return !moves(lane, panel) ||
           (poly_split_index(packing->context, panel->load->load.address, lane->loop.index, &step, NULL) && poly_equals(step, 1));
}

/* Elements of the factor as all the loops read it, bytes. */
static double whole(const struct packing *packing, const struct panel *panel)
{
    double bytes = (double)ir_elem_info(panel->load->elem)->bytes;
    for (size_t k = 0; k < packing->n_loops; k++)
        if (moves(packing->loops[k], panel) && packing->loops[k]->loop.role != LOOP_BATCH)
            bytes *= typical_extent(packing, packing->loops[k]);
    return bytes;
}

static const struct poly *step_of(const struct packing *packing, const struct panel *panel, const struct loop_stmt *loop)
{
    const struct poly *step = NULL;
    return poly_split_index(packing->context, panel->load->load.address, loop->loop.index, &step, NULL) ? step : NULL;
}

/* Reading on along k, or over the tile, reads on in memory. */
static bool lies_well(const struct packing *packing, const struct panel *panel)
{
    for (size_t k = packing->n_loops; k-- > 0;) {
        const struct loop_stmt *loop = packing->loops[k];
        if (moves(loop, panel) && poly_equals(step_of(packing, panel, loop), 1))
            return true;
        if (loop->loop.role == LOOP_K && moves(loop, panel))
            return false;
    }
    return false;
}

/* The panel would be what stands in memory, element for element. */
static bool is_panel_already(const struct packing *packing, const struct panel *panel, size_t at)
{
    const struct poly *step = poly_constant(packing->context, 1);
    for (size_t k = packing->n_loops; k-- > at;) {
        const struct loop_stmt *loop = packing->loops[k];
        if (!moves(loop, panel))
            continue;
        if (step_of(packing, panel, loop) != step || loop->loop.limit)
            return false;
        step = poly_multiply(packing->context, step, loop->loop.end);
    }
    return true;
}

/* May the factor be copied before a loop around stages? None of them may make it, and it is there wherever that loop runs. */
static bool is_there_before(const struct packing *packing, const struct panel *panel)
{
    const struct loop_buffer *buffer = &packing->kernel->loops->buffers[panel->load->load.buffer];
    return (buffer->kind == LOOP_INPUT || buffer->kind == LOOP_CONSTANT) && !poly_uses_dims(panel->load->load.address) &&
           !poly_uses_dims(buffer->count);
}

static bool choose_place(const struct packing *packing, struct panel *panel)
{
    const struct machine *machine = &packing->kernel->options->machine;
    bool is_lane = moves(packing->loops[packing->n_loops - 1], panel), has_lanes = has_vectors(packing, panel);
    double l1 = (double)machine->l1_bytes, l2 = (double)machine->l2_bytes, l3 = (double)machine->l3_bytes;
    double room = 0.85 * (is_lane || l3 <= l2 ? l2 : l3);
    double least = panel->wanted == PACK_ALWAYS || !has_lanes ? 1 : lies_well(packing, panel) ? WORTHWHILE_REUSE : LEAST_REUSE;
    if (panel->wanted == PACK_NEVER || (panel->wanted == PACK_BY_REUSE && has_lanes && whole(packing, panel) <= l1 / 2))
        return false;
    for (size_t at = 0; at < packing->n_loops && !is_within_tile(packing, at); at++) {
        double bytes = footprint(packing, panel, at);
        if (packing->loops[at]->loop.role == LOOP_BATCH && moves(packing->loops[at], panel))
            continue;
        if (product_holds_stages(packing->loops[at]) && !is_there_before(packing, panel))
            continue;
        if (bytes < 0 || bytes > room)
            continue;
        panel->at = at;
        return reuse(packing, panel, at) >= least && !is_panel_already(packing, panel, at);
    }
    return false;
}

/* ---- filling ---- */

static bool add_panel(struct packing *packing, struct panel *panel)
{
    struct loop_function *function = packing->kernel->loops;
    const struct poly **shape = ARENA_ARRAY(packing->arena, packing->n_loops, const struct poly *);
    const char *name = arena_printf(packing->arena, "%s_panel", function->buffers[panel->load->load.buffer].name);
    struct loop_buffer buffer = {.kind = LOOP_SCRATCH, .name = name, .elem = panel->load->elem, .shape = shape};
    if (!shape || !name)
        return false;
    buffer.count = poly_constant(packing->context, 1);
    panel->address = poly_constant(packing->context, 0);
    for (size_t k = panel->at; k < packing->n_loops; k++) {
        const struct loop_stmt *loop = packing->loops[k];
        if (!moves(loop, panel))
            continue;
        shape[buffer.rank++] = loop->loop.end;
        buffer.count = poly_multiply(packing->context, buffer.count, loop->loop.end);
        panel->address = poly_add(packing->context, poly_multiply(packing->context, panel->address, loop->loop.end),
                                  poly_index(packing->context, loop->loop.index));
    }
    panel->buffer = panel->address ? loop_add_buffer(packing->context, function, buffer) : UINT32_MAX;
    return panel->buffer != UINT32_MAX;
}

/* Open loops that move the factor, in the order in which they fill the panel. */
struct filling {
    const struct loop_stmt **loops;
    size_t count;
};

static struct loop_stmt *copied_loop(struct packing *packing, const struct loop_stmt *loop, const struct poly *begin,
                                     const struct poly *limit, struct loop_stmt *body)
{
    struct loop_stmt *copy = loop_for(packing->context, LOOP_SERIAL, loop->loop.index, begin, loop->loop.end, body);
    if (copy) {
        copy->loop.limit = limit;
        copy->loop.role = loop->loop.role;
    }
    return copy;
}

static double reach(const struct packing *packing, const struct panel *panel, const struct loop_stmt *loop)
{
    const struct poly *step = step_of(packing, panel, loop);
    return step ? fabs(poly_estimate(step, ir_typical_sizes(packing->context), NULL)) : 0;
}

static void move_inside(struct filling *filling, size_t from, size_t to)
{
    const struct loop_stmt *loop = filling->loops[from];
    for (; from < to; from++)
        filling->loops[from] = filling->loops[from + 1];
    filling->loops[to] = loop;
}

/* In the order of the panel; where the factor's unit stride is not the panel's, just outside of that: blocks of both are then
 * turned in registers. */
static bool order_filling(struct packing *packing, const struct panel *panel, struct filling *filling)
{
    *filling = (struct filling){ARENA_ARRAY(packing->arena, packing->n_loops, const struct loop_stmt *), 0};
    if (!filling->loops)
        return false;
    for (size_t k = panel->at; k < packing->n_loops; k++)
        if (moves(packing->loops[k], panel))
            filling->loops[filling->count++] = packing->loops[k];
    for (size_t k = 1; k + 1 < filling->count; k++) { /* all but the innermost by falling step, as the factor lies */
        const struct loop_stmt *loop = filling->loops[k];
        size_t at = k;
        for (; at > 0 && reach(packing, panel, filling->loops[at - 1]) < reach(packing, panel, loop); at--)
            filling->loops[at] = filling->loops[at - 1];
        filling->loops[at] = loop;
    }
    for (size_t k = 0; k + 1 < filling->count; k++)
        if (poly_equals(step_of(packing, panel, filling->loops[k]), 1)) {
            move_inside(filling, k, filling->count - 2);
            break;
        }
    return true;
}

/* panel = the factor, as far as the tensor goes */
static struct loop_stmt *copy_factor(struct packing *packing, const struct panel *panel, const struct filling *filling)
{
    struct loop_stmt *body = loop_store(packing->context, panel->buffer, panel->address, panel->load, IR_EXPR_OP_COUNT);
    for (size_t k = filling->count; k-- > 0;)
        body = copied_loop(packing, filling->loops[k], poly_constant(packing->context, 0), filling->loops[k]->loop.limit, body);
    return body;
}

/* panel = 0 where loop `edge` of a tile reaches over the tensor: the loops that say how far, then that one, then the others. */
static struct loop_stmt *zero_edge(struct packing *packing, const struct panel *panel, const struct filling *filling, size_t edge)
{
    const struct loop_stmt *over = filling->loops[edge];
    const struct ir_expr *zero = ir_expr_literal(packing->context, ir_number_real(panel->load->elem, 0));
    struct loop_stmt *body = loop_store(packing->context, panel->buffer, panel->address, zero, IR_EXPR_OP_COUNT);
    for (int outer = 0; outer <= 1; outer++) {
        for (size_t k = filling->count; k-- > 0;) {
            const struct loop_stmt *loop = filling->loops[k];
            if (loop != over && poly_uses_index(over->loop.limit, loop->loop.index) == (outer == 1))
                body = copied_loop(packing, loop, poly_constant(packing->context, 0), outer ? loop->loop.limit : NULL, body);
        }
        if (!outer)
            body = copied_loop(packing, over, over->loop.limit, NULL, body);
    }
    return body;
}

static bool fill_panel(struct packing *packing, struct panel *panel)
{
    struct filling filling;
    if (!order_filling(packing, panel, &filling) || !(panel->copy = copy_factor(packing, panel, &filling)))
        return false;
    for (size_t k = 0; k < filling.count; k++) {
        const struct loop_stmt *loop = filling.loops[k];
        bool in_tile = false;
        for (size_t depth = panel->at; depth < packing->n_loops; depth++)
            in_tile |= packing->loops[depth] == loop && is_within_tile(packing, depth);
        if (!in_tile || !loop->loop.limit)
            continue;
        struct loop_stmt *zeros = zero_edge(packing, panel, &filling, k);
        if (!zeros)
            return false;
        panel->copy = loop_join(panel->copy, zeros);
    }
    return true;
}

static bool pack_factor(struct packing *packing, struct panel *panel)
{
    panel->buffer = UINT32_MAX;
    if (!choose_place(packing, panel))
        return true;
    return add_panel(packing, panel) && fill_panel(packing, panel);
}

/* ---- the nest ---- */

static void insert_before(struct packing *packing, const struct panel *panel)
{
    struct loop_stmt *loop = packing->loops[panel->at];
    struct loop_stmt *moved = arena_copy(packing->arena, loop, 1, sizeof *loop);
    if (!moved || !panel->copy)
        return;
    struct loop_stmt *next = moved->next;
    moved->next = NULL;
    *loop = *panel->copy;
    for (; loop->next; loop = loop->next)
        ;
    loop->next = moved;
    moved->next = next;
    if (product_holds_stages(moved)) /* other products in it find it open */
        packing->loops[panel->at] = moved;
}

/* Loops over the tile need no limit where all they move reads zeros behind it. */
static void drop_limits(struct packing *packing, const struct panel *panels)
{
    for (size_t k = 0; k < packing->n_loops; k++) {
        struct loop_stmt *loop = packing->loops[k];
        bool padded = is_within_tile(packing, k);
        for (int p = 0; p < 2; p++)
            padded &= panels[p].buffer != UINT32_MAX || !moves(loop, &panels[p]);
        if (padded)
            loop->loop.limit = NULL;
    }
}

static const struct ir_expr *packed(struct packing *packing, const struct panel *panel)
{
    return panel->buffer == UINT32_MAX ? panel->load
                                       : ir_expr_load(packing->context, panel->buffer, panel->load->elem, panel->address);
}

/* What was measured of packing the factors of the tile in this buffer. */
static const enum tile_packing *wanted_packing(const struct packing *packing, uint32_t buffer)
{
    static const enum tile_packing by_reuse[2] = {PACK_BY_REUSE, PACK_BY_REUSE};
    for (size_t k = 0; k < packing->kernel->n_tilings; k++)
        if (packing->kernel->tilings[k].buffer == buffer)
            return packing->kernel->tilings[k].choice.pack;
    return by_reuse;
}

static bool pack_product(struct packing *packing, struct loop_stmt *stmt)
{
    const enum tile_packing *wanted = wanted_packing(packing, stmt->store.buffer);
    struct panel panels[2] = {{.load = stmt->store.value->arguments[0], .wanted = wanted[0]},
                              {.load = stmt->store.value->arguments[1], .wanted = wanted[1]}};
    packing->tile = stmt->store.address;
    for (int p = 0; p < 2; p++)
        if (!pack_factor(packing, &panels[p]))
            return false;
    drop_limits(packing, panels);
    const struct ir_expr *factors[2] = {packed(packing, &panels[0]), packed(packing, &panels[1])};
    stmt->store.value = ir_expr_apply(packing->context, IR_EXPR_mul, 2, factors);
    int inner = panels[0].at >= panels[1].at ? 0 : 1; /* first, while the open loops are where they were */
    for (int p = 0; p < 2; p++)
        if (panels[p ^ inner].buffer != UINT32_MAX)
            insert_before(packing, &panels[p ^ inner]);
    return stmt->store.value != NULL;
}

static bool is_product(const struct packing *packing, const struct loop_stmt *stmt)
{
    const struct ir_expr *value = stmt->op == LOOP_STORE ? stmt->store.value : NULL;
    return value && stmt->store.combine == IR_EXPR_add && value->op == IR_EXPR_mul && value->arguments[0]->op == IR_EXPR_load &&
           value->arguments[1]->op == IR_EXPR_load && packing->kernel->loops->buffers[stmt->store.buffer].kind == LOOP_STACK &&
           packing->n_loops && packing->loops[packing->n_loops - 1]->loop.role != LOOP_NO_ROLE;
}

static bool pack_list(struct packing *packing, struct loop_stmt *list)
{
    bool fine = true;
    for (struct loop_stmt *next; list && fine; list = next) {
        next = list->next;
        if (list->op == LOOP_FOR) {
            bool role = list->loop.role != LOOP_NO_ROLE;
            if (role && !ARENA_PUSH(packing->arena, packing->loops, packing->n_loops, packing->capacity, list))
                return false;
            fine = pack_list(packing, list->loop.body);
            packing->n_loops -= role;
        } else if (list->op == LOOP_BLOCK) {
            fine = pack_list(packing, list->block);
        } else if (list->op == LOOP_IF) {
            fine = pack_list(packing, list->branch.body) && pack_list(packing, list->branch.otherwise);
        } else if (is_product(packing, list)) {
            fine = pack_product(packing, list);
        }
    }
    return fine;
}

enum einc_status pass_pack(struct pass_kernel *kernel)
{
    struct packing packing = {.kernel = kernel, .context = kernel->context, .arena = ir_arena(kernel->context)};
    if (!pack_list(&packing, kernel->loops->body))
        return EINC_NO_MEMORY;
    return arena_failed(packing.arena) ? EINC_NO_MEMORY : EINC_OK;
}
