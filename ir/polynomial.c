/* Is a kernel polynomial in its inputs, so that PRIME arithmetic decides whether a rewrite of it is right?
 *
 * Each node and expression is looked at once, without recursion, so depth costs nothing. Working memory is an arena of malloc's
 * own, since a question has no context; where it does not fit the answer is the careful one. */
#include "arithmetic.h"

/* Things still to look at, each once: `seen` by number. */
struct agenda {
    struct arena *arena;
    const void **items;
    size_t count, capacity;
    bool *seen;
    size_t n_seen;
};

static bool agenda_add(struct agenda *agenda, const void *item, uint32_t id)
{
    if (id < agenda->n_seen && agenda->seen[id])
        return true;
    if (id >= agenda->n_seen) {
        size_t size = 2 * ((size_t)id + 1);
        bool *seen = ARENA_ARRAY(agenda->arena, size, bool);
        if (!seen)
            return false;
        for (size_t k = 0; k < agenda->n_seen; k++)
            seen[k] = agenda->seen[k];
        agenda->seen = seen;
        agenda->n_seen = size;
    }
    agenda->seen[id] = true;
    return ARENA_PUSH(agenda->arena, agenda->items, agenda->count, agenda->capacity, item);
}

static bool body_is_polynomial(struct agenda *agenda, const struct ir_expr *body)
{
    /* The same agenda serves all bodies: an expression seen in another map needs no second look. */
    if (!agenda_add(agenda, body, body->id))
        return false;
    while (agenda->count > 0) {
        const struct ir_expr *expr = agenda->items[--agenda->count];
        if (expr->n_arguments && !prime_is_exact(expr->op, expr->arguments[expr->n_arguments - 1]->elem, expr->elem))
            return false;
        for (uint32_t k = 0; k < expr->n_arguments; k++)
            if (!agenda_add(agenda, expr->arguments[k], expr->arguments[k]->id))
                return false;
    }
    return true;
}

static bool all_polynomial(struct agenda *nodes, struct agenda *expressions, const struct ir_kernel *kernel);

static bool node_is_polynomial(struct agenda *expressions, const struct ir_node *node)
{
    struct agenda nodes = {.arena = expressions->arena}; /* a step's: its nodes are not among those outside */
    if (node->op == IR_scan_node)
        return all_polynomial(&nodes, expressions, node->scan->step);
    if (node->op == IR_contract_node || node->op == IR_scatter_node) {
        enum ir_ring ring = node->op == IR_contract_node ? node->contract.ring : node->scatter.ring;
        return ring == IR_RING_plustimes || ring == IR_RING_prod;
    }
    if (node->op == IR_solve_node) /* a rational function of its operands */
        return true;
    return node->op != IR_map_node || body_is_polynomial(expressions, node->body);
}

static bool all_polynomial(struct agenda *nodes, struct agenda *expressions, const struct ir_kernel *kernel)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (!agenda_add(nodes, kernel->outputs[k].node, kernel->outputs[k].node->id))
            return false;
    while (nodes->count > 0) {
        const struct ir_node *node = nodes->items[--nodes->count];
        if (!node_is_polynomial(expressions, node))
            return false;
        for (uint32_t k = 0; k < node->n_operands; k++)
            if (!agenda_add(nodes, node->operands[k].node, node->operands[k].node->id))
                return false;
    }
    return true;
}

bool ir_is_polynomial(const struct ir_kernel *kernel)
{
    struct arena *arena = arena_create(NULL);
    if (!arena)
        return false;
    struct agenda nodes = {.arena = arena}, expressions = {.arena = arena};
    bool result = all_polynomial(&nodes, &expressions, kernel);
    arena_destroy(arena);
    return result;
}
