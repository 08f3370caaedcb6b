/* Finds what gcc before 14 compiles wrongly (GCC bug 114375): elements read under a condition whose vectors have to be permuted.
 *
 * Such vectors come of elements at a constant distance: of two loads, or of one load that stands in a short loop which the compiler
 * unrolls, inside of a loop it makes vectors of. Conditions are `if`, `?:` and the right sides of `&&` and `||`. What is found may
 * be harmless, as the order of the elements is not looked at; then some loops are not vectorised for nothing. */
#include "backends_internal.h"

enum {
    LONGEST_UNROLLED = 16, /* gcc's max-completely-peel-times */
    WIDEST = 8,            /* elements of a vector: what is further apart is not permuted */
    MOST_COMPARED = 64     /* loads of one loop: with more there may be a pair */
};

struct enclosing {
    uint32_t index;
    bool is_short;
};

struct loaded {
    uint32_t buffer;
    const struct poly *address;
};

struct masks {
    struct c_kernel *kernel;
    struct enclosing *loops; /* around the statement, outermost first */
    size_t n_loops, loops_capacity;
    struct loaded *loads; /* under conditions, of the innermost loop */
    size_t n_loads, loads_capacity;
    bool found;     /* under a condition */
    bool irregular; /* in an order that has to be permuted, read or written */
};

static void find_in_list(struct masks *masks, const struct loop_stmt *list, bool masked);

/* Does unrolling make several loads of it, at constant distances? `*irregular`: of elements that are no neighbours. */
static bool is_unrolled(const struct masks *masks, const struct poly *address, bool *irregular)
{
    struct ir_context *context = masks->kernel->file->context;
    bool unrolled = false;
    *irregular = false;
    for (size_t k = masks->n_loops; k-- > 1 && masks->loops[k].is_short;) {
        const struct poly *coefficient, *rest;
        if (!poly_uses_index(address, masks->loops[k].index))
            continue;
        bool linear = poly_split_index(context, address, masks->loops[k].index, &coefficient, &rest);
        if (!linear && poly_is_run_time(address)) /* at distances the compiler does not know */
            continue;
        int64_t distance = 0;
        bool constant = linear && poly_is_constant(coefficient, &distance);
        distance = distance < 0 ? -distance : distance;
        *irregular = *irregular || !linear || (distance > 1 && distance < WIDEST);
        unrolled = unrolled || !linear || constant;
    }
    return unrolled;
}

static void note_load(struct masks *masks, uint32_t buffer, const struct poly *address)
{
    struct ir_context *context = masks->kernel->file->context;
    bool irregular;
    if (!address || masks->found)
        return;
    masks->found = masks->n_loads == MOST_COMPARED || is_unrolled(masks, address, &irregular);
    for (size_t k = 0; k < masks->n_loads && !masks->found; k++) {
        const struct loaded *other = &masks->loads[k];
        masks->found = other->buffer == buffer && other->address != address &&
                       poly_is_constant(poly_subtract(context, other->address, address), NULL);
    }
    struct loaded load = {buffer, address};
    ARENA_PUSH(masks->kernel->file->arena, masks->loads, masks->n_loads, masks->loads_capacity, load);
}

static void note_lookup(void *user, const struct poly_atom *lookup)
{
    struct masks *masks = user;
    const uint32_t buffer = loop_table_buffer(masks->kernel->loops, lookup->table);
    for (uint32_t k = 0; k < lookup->n_arguments; k++) /* a pair along one axis is enough */
        note_load(masks, buffer, lookup->arguments[k]);
}

static void note_expr(void *user, const struct ir_expr *expr)
{
    struct masks *masks = user;
    if (expr->op == IR_EXPR_load) {
        poly_visit_lookups(expr->load.address, note_lookup, masks);
        note_load(masks, expr->load.buffer, expr->load.address);
    } else if (expr->op == IR_EXPR_index) {
        poly_visit_lookups(expr->index, note_lookup, masks);
    }
}

static void note_order(void *user, const struct ir_expr *expr)
{
    struct masks *masks = user;
    bool irregular;
    if (expr->op == IR_EXPR_load && is_unrolled(masks, expr->load.address, &irregular))
        masks->irregular = masks->irregular || irregular;
}

/* Stores of one body near each other, whose vectors have to be mixed before they are written. */
static void note_store(struct masks *masks, const struct loop_stmt *body, const struct loop_stmt *store)
{
    for (const struct loop_stmt *other = body; other != store && !masks->irregular && masks->n_loops; other = other->next) {
        int64_t distance;
        if (other->op != LOOP_STORE || other->store.buffer != store->store.buffer)
            continue;
        const struct poly *between = poly_subtract(masks->kernel->file->context, other->store.address, store->store.address);
        masks->irregular = poly_is_constant(between, &distance) && distance != 0 && distance > -WIDEST && distance < WIDEST;
    }
}

/* ---- what stands under a condition ---- */

struct guarded {
    struct arena *arena;
    const struct ir_expr **items;
    size_t count, capacity;
};

static void collect_guarded(void *user, const struct ir_expr *expr)
{
    struct guarded *guarded = user;
    if (expr->op != IR_EXPR_select && expr->op != IR_EXPR_and && expr->op != IR_EXPR_or)
        return;
    for (uint32_t k = 1; k < expr->n_arguments; k++)
        ARENA_PUSH(guarded->arena, guarded->items, guarded->count, guarded->capacity, expr->arguments[k]);
}

static void find_in_value(struct masks *masks, const struct ir_expr *value, bool masked)
{
    struct guarded guarded = {.arena = masks->kernel->file->arena};
    c_visit_expr(masks->kernel, value, note_order, masks);
    if (masked) {
        c_visit_expr(masks->kernel, value, note_expr, masks);
        return;
    }
    c_visit_expr(masks->kernel, value, collect_guarded, &guarded);
    c_visit_exprs(masks->kernel, guarded.items, guarded.count, note_expr, masks);
}

static void find_in_loop(struct masks *masks, const struct loop_stmt *stmt, bool masked)
{
    int64_t extent = 0;
    bool known = poly_is_constant(poly_subtract(masks->kernel->file->context, stmt->loop.end, stmt->loop.begin), &extent);
    if (stmt->loop.kind == LOOP_VECTOR || (known && extent < 1)) /* vectors of our own choose among what was read */
        return;
    struct masks outer = *masks;
    struct enclosing enclosing = {stmt->loop.index, known && extent <= LONGEST_UNROLLED};
    if (!ARENA_PUSH(masks->kernel->file->arena, masks->loops, masks->n_loops, masks->loops_capacity, enclosing))
        return;
    masks->loads = NULL;
    masks->n_loads = masks->loads_capacity = 0;
    find_in_list(masks, stmt->loop.body, masked);
    masks->loads = outer.loads;
    masks->n_loads = outer.n_loads;
    masks->loads_capacity = outer.loads_capacity;
    masks->n_loops = outer.n_loops;
}

static void find_in_list(struct masks *masks, const struct loop_stmt *list, bool masked)
{
    for (const struct loop_stmt *body = list; list && !masks->found; list = list->next) {
        if (!c_is_live(masks->kernel, list))
            continue;
        switch (list->op) {
        case LOOP_FOR:
            find_in_loop(masks, list, masked);
            break;
        case LOOP_STORE:
            note_store(masks, body, list);
            find_in_value(masks, list->store.value, masked);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            find_in_value(masks, list->local.value, masked);
            break;
        case LOOP_IF:
            find_in_list(masks, list->branch.body, true);
            find_in_list(masks, list->branch.otherwise, true);
            break;
        case LOOP_BLOCK:
            find_in_list(masks, list->block, masked);
            break;
        case LOOP_CHECK:
        case LOOP_PREFETCH:
        case LOOP_COMMENT:
            break;
        }
    }
}

void c_find_permuted_loads(struct c_kernel *kernel)
{
    struct masks masks = {.kernel = kernel};
    find_in_list(&masks, kernel->loops->body, false);
    kernel->file->guards_masks |= masks.found;
    kernel->file->guards_permutations |= masks.found || masks.irregular;
}
