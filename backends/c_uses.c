/* What statements and expressions touch: asked before they are written, so that nothing unused is declared.
 *
 * Expressions are graphs: a traversal stamps what it has seen and visits it once, however often it stands in the text. A
 * subexpression that stands twice gets a name unless it might read outside a buffer where the condition that guards it does not
 * hold: then it must stay under its `?:`. */
#include "backends_internal.h"

static bool first_visit(struct c_kernel *kernel, const struct ir_expr *expr)
{
    if (expr->id >= kernel->n_stamps) {
        size_t wanted = (size_t)expr->id * 2 + 64;
        uint32_t *stamps = ARENA_ARRAY(kernel->file->arena, wanted, uint32_t);
        if (!stamps)
            return false;
        for (size_t k = 0; k < kernel->n_stamps; k++)
            stamps[k] = kernel->stamps[k];
        kernel->stamps = stamps;
        kernel->n_stamps = wanted;
    }
    bool first = kernel->stamps[expr->id] != kernel->stamp;
    kernel->stamps[expr->id] = kernel->stamp;
    return first;
}

static void visit_below(struct c_kernel *kernel, const struct ir_expr *expr, c_visit_function *visit, void *user)
{
    if (!first_visit(kernel, expr))
        return;
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        visit_below(kernel, expr->arguments[k], visit, user);
    visit(user, expr);
}

void c_visit_expr(struct c_kernel *kernel, const struct ir_expr *expr, c_visit_function *visit, void *user)
{
    kernel->stamp++;
    if (expr)
        visit_below(kernel, expr, visit, user);
}

void c_visit_exprs(struct c_kernel *kernel, const struct ir_expr *const *exprs, size_t count, c_visit_function *visit, void *user)
{
    kernel->stamp++;
    for (size_t k = 0; k < count; k++)
        visit_below(kernel, exprs[k], visit, user);
}

bool c_never_runs(const struct loop_stmt *stmt)
{
    int64_t begin = 0, end;
    if (stmt->op != LOOP_FOR || !poly_is_constant(stmt->loop.end, &end))
        return false;
    (void)poly_is_constant(stmt->loop.begin, &begin);
    return end <= begin;
}

bool c_has_loop(const struct loop_stmt *list)
{
    for (; list; list = list->next) {
        if (list->op == LOOP_FOR && !c_never_runs(list))
            return true;
        if (list->op == LOOP_IF && (c_has_loop(list->branch.body) || c_has_loop(list->branch.otherwise)))
            return true;
        if (list->op == LOOP_BLOCK && c_has_loop(list->block))
            return true;
    }
    return false;
}

bool c_defines(const struct loop_stmt *list, uint32_t local)
{
    for (; list; list = list->next)
        if ((list->op == LOOP_DEFINE && list->local.local == local) || (list->op == LOOP_BLOCK && c_defines(list->block, local)) ||
            (list->op == LOOP_FOR && c_defines(list->loop.body, local)) ||
            (list->op == LOOP_IF && (c_defines(list->branch.body, local) || c_defines(list->branch.otherwise, local))))
            return true;
    return false;
}

/* Is something else than locals of their own changed by the statements of `list`, which stands in the scope `root`? */
static bool leaves_trace(const struct c_kernel *kernel, const struct loop_stmt *root, const struct loop_stmt *list)
{
    for (; list; list = list->next) {
        bool found = false;
        switch (list->op) {
        case LOOP_FOR:
            found = !c_never_runs(list) && leaves_trace(kernel, root, list->loop.body);
            break;
        case LOOP_IF:
            found = leaves_trace(kernel, root, list->branch.body) || leaves_trace(kernel, root, list->branch.otherwise);
            break;
        case LOOP_BLOCK:
            found = leaves_trace(kernel, root, list->block);
            break;
        case LOOP_STORE:
        case LOOP_CHECK:
        case LOOP_PREFETCH:
            found = c_is_live(kernel, list);
            break;
        case LOOP_SET:
            found = c_is_live(kernel, list) && !c_defines(root, list->local.local);
            break;
        case LOOP_DEFINE:
        case LOOP_COMMENT:
            break;
        }
        if (found)
            return true;
    }
    return false;
}

/* Does anything come of it? A store into memory that nothing reads and a local that nothing reads leave no trace, nor do loops and
 * stages of nothing else; another stage may have a local of the same number that is read. */
bool c_is_live(const struct c_kernel *kernel, const struct loop_stmt *stmt)
{
    switch (stmt->op) {
    case LOOP_STORE:
        return kernel->loops->buffers[stmt->store.buffer].kind == LOOP_OUTPUT || kernel->buffer_read[stmt->store.buffer];
    case LOOP_DEFINE:
    case LOOP_SET:
        return kernel->local_read[stmt->local.local];
    case LOOP_FOR:
        return !c_never_runs(stmt) && leaves_trace(kernel, stmt->loop.body, stmt->loop.body);
    case LOOP_IF:
        return leaves_trace(kernel, stmt->branch.body, stmt->branch.body) ||
               leaves_trace(kernel, stmt->branch.otherwise, stmt->branch.otherwise);
    case LOOP_BLOCK:
        return leaves_trace(kernel, stmt->block, stmt->block);
    case LOOP_PREFETCH:
        return kernel->buffer_used[stmt->prefetch.buffer];
    default:
        return true;
    }
}

/* ---- which buffers ---- */

struct search {
    const struct loop_function *loops;
    uint32_t buffer;
    bool found;
};

static void find_lookup(void *user, const struct poly_atom *lookup)
{
    struct search *search = user;
    search->found |= loop_table_buffer(search->loops, lookup->table) == search->buffer;
}

static void find_load(void *user, const struct ir_expr *expr)
{
    struct search *search = user;
    search->found |= expr->op == IR_EXPR_load && expr->load.buffer == search->buffer;
    if (expr->op == IR_EXPR_load || expr->op == IR_EXPR_index)
        poly_visit_lookups(expr->op == IR_EXPR_load ? expr->load.address : expr->index, find_lookup, search);
}

static bool polys_look_up(struct c_kernel *kernel, uint32_t n, const struct poly *const *polys, uint32_t buffer)
{
    struct search search = {kernel->loops, buffer, false};
    for (uint32_t k = 0; k < n; k++)
        poly_visit_lookups(polys[k], find_lookup, &search);
    return search.found;
}

static bool expr_loads(struct c_kernel *kernel, const struct ir_expr *expr, uint32_t buffer)
{
    struct search search = {kernel->loops, buffer, false};
    c_visit_expr(kernel, expr, find_load, &search);
    return search.found;
}

static bool list_touches(struct c_kernel *kernel, const struct loop_stmt *list, uint32_t buffer, bool only_stores)
{
    for (; list; list = list->next)
        if (c_touches(kernel, list, buffer, only_stores))
            return true;
    return false;
}

bool c_touches(struct c_kernel *kernel, const struct loop_stmt *stmt, uint32_t buffer, bool only_stores)
{
    if (!c_is_live(kernel, stmt))
        return false;
    switch (stmt->op) {
    case LOOP_FOR:
        return list_touches(kernel, stmt->loop.body, buffer, only_stores) ||
               (!only_stores &&
                (polys_look_up(kernel, 1, &stmt->loop.begin, buffer) || polys_look_up(kernel, 1, &stmt->loop.end, buffer) ||
                 (stmt->loop.limit && polys_look_up(kernel, 1, &stmt->loop.limit, buffer))));
    case LOOP_STORE:
        return stmt->store.buffer == buffer || (!only_stores && (expr_loads(kernel, stmt->store.value, buffer) ||
                                                                 polys_look_up(kernel, 1, &stmt->store.address, buffer)));
    case LOOP_DEFINE:
    case LOOP_SET:
        return !only_stores && expr_loads(kernel, stmt->local.value, buffer);
    case LOOP_CHECK:
    case LOOP_IF:
        return (!only_stores && polys_look_up(kernel, stmt->branch.n_conditions, stmt->branch.conditions, buffer)) ||
               list_touches(kernel, stmt->branch.body, buffer, only_stores) ||
               list_touches(kernel, stmt->branch.otherwise, buffer, only_stores);
    case LOOP_BLOCK:
        return list_touches(kernel, stmt->block, buffer, only_stores);
    case LOOP_PREFETCH:
        return !only_stores && polys_look_up(kernel, 1, &stmt->prefetch.address, buffer);
    case LOOP_COMMENT:
        break;
    }
    return false;
}

/* ---- marking ---- */

static void mark_dim(void *user, uint32_t dim)
{
    struct c_kernel *kernel = user;
    kernel->dim_used[dim] = true;
}

static void mark_read(struct c_kernel *kernel, uint32_t buffer)
{
    kernel->buffer_used[buffer] = true;
    if (!kernel->buffer_read[buffer])
        kernel->n_live++;
    kernel->buffer_read[buffer] = true;
}

static void mark_lookup(void *user, const struct poly_atom *lookup)
{
    struct c_kernel *kernel = user;
    uint32_t buffer = loop_table_buffer(kernel->loops, lookup->table);
    if (buffer != UINT32_MAX)
        mark_read(kernel, buffer);
}

static void mark_poly(struct c_kernel *kernel, const struct poly *poly)
{
    poly_visit_dims(poly, mark_dim, kernel);
    poly_visit_lookups(poly, mark_lookup, kernel);
}

static void mark_expr(void *user, const struct ir_expr *expr)
{
    struct c_kernel *kernel = user;
    if (expr->op == IR_EXPR_load) {
        mark_read(kernel, expr->load.buffer);
        mark_poly(kernel, expr->load.address);
    } else if (expr->op == IR_EXPR_local) {
        if (!kernel->local_read[expr->local])
            kernel->n_live++;
        kernel->local_read[expr->local] = true;
    } else if (expr->op == IR_EXPR_index) {
        mark_poly(kernel, expr->index);
    }
}

/* Several loops may run over one index, a tile and what is left at the edge: the longest counts, none where that is not known. */
static void note_extent(struct c_kernel *kernel, const struct loop_stmt *loop)
{
    struct ir_context *context = kernel->file->context;
    const struct poly **known = &kernel->extents[loop->loop.index], *end = loop->loop.end;
    if (kernel->extent_unknown[loop->loop.index] || *known == end)
        return;
    if (!*known || poly_prove_nonnegative(context, poly_subtract(context, end, *known), NULL))
        *known = end;
    else if (!poly_prove_nonnegative(context, poly_subtract(context, *known, end), NULL)) {
        *known = NULL;
        kernel->extent_unknown[loop->loop.index] = true;
    }
}

static void mark_list(struct c_kernel *kernel, const struct loop_stmt *list)
{
    for (; list; list = list->next) {
        if (!c_is_live(kernel, list))
            continue;
        switch (list->op) {
        case LOOP_FOR:
            note_extent(kernel, list);
            mark_poly(kernel, list->loop.begin);
            mark_poly(kernel, list->loop.end);
            if (list->loop.limit)
                mark_poly(kernel, list->loop.limit);
            mark_list(kernel, list->loop.body);
            break;
        case LOOP_STORE:
            kernel->buffer_used[list->store.buffer] = true;
            mark_poly(kernel, list->store.address);
            c_visit_expr(kernel, list->store.value, mark_expr, kernel);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            c_visit_expr(kernel, list->local.value, mark_expr, kernel);
            break;
        case LOOP_CHECK:
        case LOOP_IF:
            for (uint32_t k = 0; k < list->branch.n_conditions; k++)
                mark_poly(kernel, list->branch.conditions[k]);
            mark_list(kernel, list->branch.body);
            mark_list(kernel, list->branch.otherwise);
            break;
        case LOOP_BLOCK:
            mark_list(kernel, list->block);
            break;
        case LOOP_PREFETCH:
            mark_poly(kernel, list->prefetch.address);
            break;
        case LOOP_COMMENT:
            break;
        }
    }
}

bool c_mark_used(struct c_kernel *kernel)
{
    size_t live;
    do { /* what a live statement reads makes others live */
        live = kernel->n_live;
        mark_list(kernel, kernel->loops->body);
    } while (kernel->n_live != live);
    c_find_vector_arrays(kernel);
    for (uint32_t k = 0; k < kernel->loops->n_buffers; k++)
        if (kernel->loops->buffers[k].kind == LOOP_SCRATCH && kernel->buffer_used[k] && kernel->loops->buffers[k].offset)
            poly_visit_dims(kernel->loops->buffers[k].offset, mark_dim, kernel);
    for (uint32_t k = 0; k < kernel->loops->n_buffers; k++)
        if (kernel->loops->buffers[k].is_private &&
            kernel->buffer_used[k]) { /* it lies behind the others, in the part of a thread */
            poly_visit_dims(kernel->loops->workspace, mark_dim, kernel);
            poly_visit_dims(kernel->loops->thread_workspace, mark_dim, kernel);
        }
    return !arena_failed(kernel->file->arena);
}

/* ---- subexpressions that stand twice ---- */

struct occurrence {
    const struct ir_expr *expr;
    unsigned uses;
    bool always;   /* evaluated whatever the conditions around it say */
    bool harmless; /* may be evaluated where they do not hold */
};

struct occurrences {
    struct c_kernel *kernel;
    struct occurrence **items; /* users before arguments */
    size_t count, capacity;
    struct occurrence **finished; /* arguments before users */
    size_t n_finished, finished_capacity;
};

static struct occurrence *find_occurrence(struct occurrences *all, const struct ir_expr *expr)
{
    for (size_t k = 0; k < all->count; k++)
        if (all->items[k]->expr == expr)
            return all->items[k];
    return NULL;
}

static bool load_is_inside(struct c_kernel *kernel, const struct ir_expr *load)
{
    struct poly_ranges ranges = {(uint32_t)kernel->loops->n_indices, kernel->extents};
    return poly_prove_within(kernel->file->context, load->load.address, kernel->loops->buffers[load->load.buffer].count, &ranges);
}

static void promote(struct occurrences *all, struct occurrence *occurrence)
{
    occurrence->always = true;
    for (uint32_t k = 0; k < occurrence->expr->n_arguments; k++) {
        struct occurrence *argument = find_occurrence(all, occurrence->expr->arguments[k]);
        if (argument && !argument->always && !(occurrence->expr->op == IR_EXPR_select && k > 0))
            promote(all, argument);
    }
}

static struct occurrence *count_uses(struct occurrences *all, const struct ir_expr *expr, bool always)
{
    struct arena *arena = all->kernel->file->arena;
    struct occurrence *occurrence = find_occurrence(all, expr);
    if (occurrence) {
        occurrence->uses++;
        if (always && !occurrence->always)
            promote(all, occurrence);
        return occurrence;
    }
    occurrence = ARENA_NEW(arena, struct occurrence);
    if (!occurrence || !ARENA_PUSH(arena, all->items, all->count, all->capacity, occurrence))
        return NULL;
    *occurrence = (struct occurrence){expr, 1, always, expr->op != IR_EXPR_load || load_is_inside(all->kernel, expr)};
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        bool branch = expr->op == IR_EXPR_select && k > 0;
        const struct occurrence *argument = count_uses(all, expr->arguments[k], always && !branch);
        occurrence->harmless &= argument && argument->harmless;
    }
    ARENA_PUSH(arena, all->finished, all->n_finished, all->finished_capacity, occurrence);
    return occurrence;
}

static bool is_worth_a_name(const struct occurrence *occurrence)
{
    const struct ir_expr *expr = occurrence->expr;
    if (occurrence->uses < 2 || expr->n_arguments == 0 || expr->op == IR_EXPR_neg)
        return false;
    if ((expr->op == IR_EXPR_cast || expr->op == IR_EXPR_conj || expr->op == IR_EXPR_real) && expr->arguments[0]->n_arguments == 0)
        return false;
    return occurrence->always || occurrence->harmless;
}

const struct ir_expr **c_shared(struct c_kernel *kernel, const struct ir_expr *expr, size_t *count)
{
    struct occurrences all = {.kernel = kernel};
    *count = 0;
    if (!expr || expr->n_arguments == 0)
        return NULL;
    count_uses(&all, expr, true);
    const struct ir_expr **shared = ARENA_ARRAY(kernel->file->arena, all.n_finished, const struct ir_expr *);
    for (size_t k = 0; shared && k < all.n_finished; k++)
        if (is_worth_a_name(all.finished[k]))
            shared[(*count)++] = all.finished[k]->expr;
    return shared;
}
