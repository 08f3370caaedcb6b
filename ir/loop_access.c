/* Every place that statements read and write, in order, with the loops around it. */
#include "ir_internal.h"
#include "loop.h"

struct visiting {
    struct ir_context *context;
    const struct loop_function *function;
    loop_access_function *visit;
    void *user;
    const struct loop_stmt **loops;
    size_t n_loops, capacity;
    const struct poly **conditions; /* those that hold */
    size_t n_conditions, conditions_capacity;
};

static void visit_place(struct visiting *visiting, uint32_t buffer, const struct poly *address, enum loop_access_kind does)
{
    const struct loop_access access = {.buffer = buffer,
                                       .address = address,
                                       .does = does,
                                       .loops = visiting->loops,
                                       .n_loops = visiting->n_loops,
                                       .conditions = visiting->conditions,
                                       .n_conditions = visiting->n_conditions};
    visiting->visit(visiting->user, &access);
}

static void visit_lookup(void *user, const struct poly_atom *lookup)
{
    struct visiting *visiting = user;
    uint32_t buffer = loop_table_buffer(visiting->function, lookup->table);
    if (buffer != UINT32_MAX)
        visit_place(visiting, buffer, NULL, LOOP_READS);
}

static void visit_poly(struct visiting *visiting, const struct poly *poly)
{
    if (poly)
        poly_visit_lookups(poly, visit_lookup, visiting);
}

static bool visit_value(struct visiting *visiting, const struct ir_expr *value)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(visiting->context, value, &count);
    for (size_t k = 0; order && k < count; k++) {
        if (order[k]->op == IR_EXPR_index)
            visit_poly(visiting, order[k]->index);
        if (order[k]->op != IR_EXPR_load)
            continue;
        visit_poly(visiting, order[k]->load.address);
        visit_place(visiting, order[k]->load.buffer, order[k]->load.address, LOOP_READS);
    }
    return order != NULL;
}

static bool visit_list(struct visiting *visiting, const struct loop_stmt *list);

static bool visit_for(struct visiting *visiting, const struct loop_stmt *stmt)
{
    visit_poly(visiting, stmt->loop.begin);
    visit_poly(visiting, stmt->loop.end);
    visit_poly(visiting, stmt->loop.limit);
    if (!ARENA_PUSH(ir_arena(visiting->context), visiting->loops, visiting->n_loops, visiting->capacity, stmt))
        return false;
    bool fine = visit_list(visiting, stmt->loop.body);
    visiting->n_loops--;
    return fine;
}

static bool visit_branch(struct visiting *visiting, const struct loop_stmt *stmt)
{
    for (uint32_t k = 0; k < stmt->branch.n_conditions; k++)
        visit_poly(visiting, stmt->branch.conditions[k]);
    if (stmt->op == LOOP_CHECK)
        return true;
    size_t held = visiting->n_conditions;
    for (uint32_t k = 0; k < stmt->branch.n_conditions; k++)
        if (!ARENA_PUSH(ir_arena(visiting->context), visiting->conditions, visiting->n_conditions, visiting->conditions_capacity,
                        stmt->branch.conditions[k]))
            return false;
    bool fine = visit_list(visiting, stmt->branch.body);
    visiting->n_conditions = held;
    fine = fine && visit_list(visiting, stmt->branch.otherwise);
    return fine;
}

static bool visit_store(struct visiting *visiting, const struct loop_stmt *stmt)
{
    if (!visit_value(visiting, stmt->store.value))
        return false;
    visit_poly(visiting, stmt->store.address);
    visit_place(visiting, stmt->store.buffer, stmt->store.address,
                stmt->store.combine == IR_EXPR_OP_COUNT ? LOOP_WRITES : LOOP_COMBINES);
    return true;
}

static bool visit_statement(struct visiting *visiting, const struct loop_stmt *stmt)
{
    switch (stmt->op) {
    case LOOP_FOR:
        return visit_for(visiting, stmt);
    case LOOP_STORE:
        return visit_store(visiting, stmt);
    case LOOP_DEFINE:
    case LOOP_SET:
        return visit_value(visiting, stmt->local.value);
    case LOOP_IF:
    case LOOP_CHECK:
        return visit_branch(visiting, stmt);
    case LOOP_BLOCK:
        return visit_list(visiting, stmt->block);
    case LOOP_PREFETCH: /* reads nothing, though its address may */
        visit_poly(visiting, stmt->prefetch.address);
        return true;
    case LOOP_COMMENT:
        return true;
    }
    return true;
}

static bool visit_list(struct visiting *visiting, const struct loop_stmt *list)
{
    bool fine = true;
    for (; list && fine; list = list->next)
        fine = visit_statement(visiting, list);
    return fine;
}

bool loop_visit_accesses(struct ir_context *context, const struct loop_function *function, const struct loop_stmt *list,
                         loop_access_function *visit, void *user)
{
    struct visiting visiting = {.context = context, .function = function, .visit = visit, .user = user};
    return visit_list(&visiting, list);
}
