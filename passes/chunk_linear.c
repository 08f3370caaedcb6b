/* Is a step linear in its states? h' = a * h + b, a and b free of states, element by element.
 *
 * The new state is a map; maps and views of states on the way are written into its body first. Each subexpression is then split as
 * coefficient * h + rest. The coefficient becomes the decay, over the axes it depends on; the rest is taken apart into factors,
 * each over the axes it depends on, so that contractions over all steps of a chunk never hold more than they need. */
#include "chunk.h"

#include <string.h>

uint32_t chunk_state_of(const struct chunk_form *form, const struct ir_node *node, bool *after)
{
    for (uint32_t k = 0; k < form->scan->scan->n_states; k++) {
        *after = form->step->outputs[k].node == node;
        if (*after || form->step->inputs[k].node == node)
            return k;
    }
    return UINT32_MAX;
}

/* ---- a body with everything that depends on states written out ---- */

/* A pointwise value over the axes of a state. */
struct body {
    struct chunk_form *form;
    struct ir_access *operands;
    size_t n_operands, capacity;
    bool failed;
};

struct inlining {
    struct body *body;
    const struct ir_node *node;
    const struct poly *const *at; /* its indices */
    struct poly_ranges ranges;
    int depth;
};

enum { INLINE_DEPTH = 64 };

static const struct ir_expr *inline_node(struct body *body, const struct ir_node *node, const struct poly *const *at,
                                         const struct poly_ranges *ranges, int depth);

static const struct ir_expr *inline_operand(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct inlining *inlining = user;
    struct body *body = inlining->body;
    const struct ir_access *access = &inlining->node->operands[leaf->operand];
    const struct ir_node *node = access->node;
    bool after, pointwise = node->op == IR_map_node || node->op == IR_view_node;
    struct ir_access here = ir_access_substitute(context, *access, inlining->node->n_indices, inlining->at, &inlining->ranges);
    bool state = chunk_state_of(body->form, node, &after) != UINT32_MAX;
    if (here.node && body->form->depends[node->id] && !state && pointwise && !access->fill && !access->conjugate)
        return inline_node(body, node, here.subscripts, &inlining->ranges, inlining->depth + 1);
    size_t number = body->n_operands;
    if (!here.node || !ARENA_PUSH(body->form->arena, body->operands, body->n_operands, body->capacity, here))
        return NULL;
    return ir_expr_operand(context, (uint32_t)number, node->elem);
}

static const struct ir_expr *inline_node(struct body *body, const struct ir_node *node, const struct poly *const *at,
                                         const struct poly_ranges *ranges, int depth)
{
    struct ir_context *context = body->form->context;
    struct inlining inlining = {body, node, at, *ranges, depth};
    if (depth > INLINE_DEPTH)
        return NULL;
    if (node->op == IR_view_node)
        return inline_operand(&inlining, context, ir_expr_operand(context, 0, node->elem));
    return ir_expr_substitute(context, node->body, inline_operand, &inlining, node->n_indices, at, ranges);
}

/* ---- coefficient * h + rest ---- */

struct linear {
    const struct ir_expr *coefficient, *rest; /* NULL: zero */
};

static bool is_one(const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_literal && ir_number_equal(expr->literal, ir_number_real(expr->elem, 1));
}

static const struct ir_expr *times(struct ir_context *context, const struct ir_expr *a, const struct ir_expr *b)
{
    if (!a || !b)
        return NULL;
    const struct ir_expr *pair[2] = {a, b};
    return is_one(a) ? b : is_one(b) ? a : ir_expr_apply(context, IR_EXPR_mul, 2, pair);
}

static const struct ir_expr *plus(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *pair[2] = {a, b};
    if (a && b)
        return ir_expr_apply(context, op, 2, pair);
    return a || op == IR_EXPR_add ? (a ? a : b) : b ? ir_expr_apply(context, IR_EXPR_neg, 1, &b) : NULL;
}

/* `expr` of arguments that are split already; false: not linear. */
static bool split_operation(struct ir_context *context, const struct ir_expr *expr, const struct linear *a, struct linear *result)
{
    bool any = false;
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        any = any || a[k].coefficient;
    *result = (struct linear){NULL, expr};
    if (!any)
        return true;
    switch (expr->op) {
    case IR_EXPR_add:
    case IR_EXPR_sub:
        *result = (struct linear){plus(context, expr->op, a[0].coefficient, a[1].coefficient),
                                  plus(context, expr->op, a[0].rest, a[1].rest)};
        return true;
    case IR_EXPR_neg:
        *result = (struct linear){plus(context, IR_EXPR_sub, NULL, a[0].coefficient), plus(context, IR_EXPR_sub, NULL, a[0].rest)};
        return true;
    case IR_EXPR_mul: {
        const struct linear *with = a[0].coefficient ? &a[0] : &a[1], *factor = a[0].coefficient ? &a[1] : &a[0];
        *result = (struct linear){times(context, with->coefficient, factor->rest), times(context, with->rest, factor->rest)};
        return !factor->coefficient;
    }
    default:
        return false;
    }
}

static bool is_whole_state(const struct chunk_state *state, const struct ir_access *access, struct ir_context *context)
{
    bool whole = access->node == state->before && !access->fill && !access->conjugate;
    for (uint32_t axis = 0; whole && axis < access->node->rank; axis++)
        whole = access->subscripts[axis] == poly_index(context, axis);
    return whole;
}

static bool split_leaf(const struct body *body, const struct chunk_state *state, const struct ir_expr *expr, struct linear *result)
{
    struct ir_context *context = body->form->context;
    *result = (struct linear){NULL, expr};
    if (expr->op != IR_EXPR_operand)
        return true;
    const struct ir_access *access = &body->operands[expr->operand];
    if (is_whole_state(state, access, context)) {
        *result = (struct linear){ir_expr_literal(context, ir_number_real(expr->elem, 1)), NULL};
        return true;
    }
    return !body->form->depends[access->node->id];
}

static bool split_body(const struct body *body, const struct chunk_state *state, const struct ir_expr *root, struct linear *result)
{
    size_t count;
    struct ir_context *context = body->form->context;
    const struct ir_expr **order = ir_expr_topological(context, root, &count);
    struct linear *split = order ? ARENA_ARRAY(body->form->arena, count, struct linear) : NULL;
    for (size_t i = 0; split && i < count; i++) {
        struct linear arguments[3] = {{NULL, NULL}};
        for (uint32_t k = 0; k < order[i]->n_arguments; k++)
            arguments[k] = split[ir_expr_position(order, count, order[i]->arguments[k])];
        bool linear = order[i]->n_arguments ? split_operation(context, order[i], arguments, &split[i])
                                            : split_leaf(body, state, order[i], &split[i]);
        if (!linear)
            return false;
    }
    if (split)
        *result = split[count - 1];
    return split && result->coefficient;
}

/* ---- parts over the axes they depend on ---- */

struct renumbering {
    const struct body *body;
    uint32_t n;
    const struct poly *const *replacements;
    struct poly_ranges ranges;
    struct ir_access *operands;
    size_t n_operands, capacity;
};

static const struct ir_expr *renumber_operand(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct renumbering *renumbering = user;
    const struct body *body = renumbering->body;
    size_t number = renumbering->n_operands;
    struct ir_access access = ir_access_substitute(context, body->operands[leaf->operand], renumbering->n,
                                                   renumbering->replacements, &renumbering->ranges);
    if (!access.node ||
        !ARENA_PUSH(body->form->arena, renumbering->operands, renumbering->n_operands, renumbering->capacity, access))
        return NULL;
    return ir_expr_operand(context, (uint32_t)number, leaf->elem);
}

static void mark_used(const struct body *body, const struct ir_expr *expr, const struct ir_node *space, bool *used)
{
    size_t count;
    struct ir_context *context = body->form->context;
    const struct poly_ranges ranges = {space->rank, space->shape};
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    for (size_t i = 0; order && i < count; i++) {
        for (uint32_t index = 0; index < space->rank && order[i]->op == IR_EXPR_index; index++)
            used[index] |= poly_uses_index(order[i]->index, index);
        if (order[i]->op == IR_EXPR_operand)
            ir_access_needs(context, &body->operands[order[i]->operand], &ranges, used);
    }
}

/* The expression as an access of a map over just the indices it uses. */
static struct ir_access part_access(const struct body *body, const struct ir_expr *expr, const struct ir_node *space)
{
    struct chunk_form *form = body->form;
    struct ir_context *context = form->context;
    uint32_t rank = 0;
    bool *used = ARENA_ARRAY(form->arena, space->rank, bool);
    const struct poly **replacements = ARENA_ARRAY(form->arena, space->rank, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(form->arena, space->rank, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(form->arena, space->rank, const struct poly *);
    struct ir_access none = {.node = NULL};
    if (!used || !replacements || !extents || !subscripts)
        return none;
    mark_used(body, expr, space, used);
    for (uint32_t index = 0; index < space->rank; index++) {
        if (!used[index])
            continue;
        extents[rank] = space->shape[index];
        subscripts[rank] = poly_index(context, index);
        replacements[index] = poly_index(context, rank++);
    }
    struct renumbering renumbering = {.body = body, .n = space->rank, .replacements = replacements, .ranges = {rank, extents}};
    const struct ir_expr *value =
        ir_expr_substitute(context, expr, renumber_operand, &renumbering, space->rank, replacements, &renumbering.ranges);
    if (!value)
        return none;
    const struct ir_node *node = value->op == IR_EXPR_operand ? ir_view(context, rank, extents, renumbering.operands[0])
                                                              : ir_map(context, rank, extents, (uint32_t)renumbering.n_operands,
                                                                       renumbering.operands, value);
    return (struct ir_access){.node = node, .subscripts = subscripts};
}

/* Of factors that sums in its type take: a number of a wider type may stand in one that is summed so. */
static bool is_product(const struct ir_node *node)
{
    if (node->op != IR_contract_node || node->contract.ring != IR_RING_plustimes || node->n_indices != node->rank ||
        node->contract.n_domain)
        return false;
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (ir_elem_info(node->operands[k].node->elem)->bytes > ir_elem_info(node->elem)->bytes)
            return false;
    return true;
}

struct factors {
    struct ir_access *items;
    size_t count, capacity;
};

static bool add_factor(const struct body *body, struct factors *factors, struct ir_access access)
{
    return access.node && ARENA_PUSH(body->form->arena, factors->items, factors->count, factors->capacity, access);
}

/* An operand that is a product itself is its factors. */
static bool add_operand(const struct body *body, struct factors *factors, const struct ir_access *access,
                        const struct ir_node *space)
{
    struct ir_context *context = body->form->context;
    struct poly_ranges ranges = {space->rank, space->shape};
    if (!is_product(access->node) || access->fill || access->conjugate || body->form->depends[access->node->id])
        return add_factor(body, factors, *access);
    for (uint32_t k = 0; k < access->node->n_operands; k++)
        if (!add_factor(
                body, factors,
                ir_access_substitute(context, access->node->operands[k], access->node->n_indices, access->subscripts, &ranges)))
            return false;
    return true;
}

static bool collect_factors(const struct body *body, struct factors *factors, const struct ir_expr *expr,
                            const struct ir_node *space, int depth)
{
    struct ir_context *context = body->form->context;
    if (expr->op == IR_EXPR_mul && depth < INLINE_DEPTH)
        return collect_factors(body, factors, expr->arguments[0], space, depth + 1) &&
               collect_factors(body, factors, expr->arguments[1], space, depth + 1);
    if (expr->op == IR_EXPR_operand)
        return add_operand(body, factors, &body->operands[expr->operand], space);
    if (expr->op == IR_EXPR_literal)
        return add_factor(body, factors, ir_access_whole(context, ir_scalar(context, expr->literal)));
    return add_factor(body, factors, part_access(body, expr, space));
}

/* ---- states ---- */

static bool analyse_state(struct chunk_form *form, uint32_t number)
{
    struct chunk_state *state = &form->states[number];
    const struct ir_node *node = form->step->outputs[number].node;
    *state = (struct chunk_state){.before = form->step->inputs[number].node, .after = node};
    struct body body = {.form = form};
    const struct poly **at = ARENA_ARRAY(form->arena, node->rank, const struct poly *);
    struct poly_ranges ranges = {node->rank, node->shape};
    struct linear linear = {NULL, NULL};
    if (node->op != IR_map_node || !at || !(ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem)))
        return false;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        at[axis] = poly_index(form->context, axis);
    const struct ir_expr *expr = inline_node(&body, node, at, &ranges, 0);
    if (!expr || !split_body(&body, state, expr, &linear))
        return false;
    state->decays = !is_one(linear.coefficient);
    if (state->decays && !(state->decay = part_access(&body, linear.coefficient, node)).node)
        return false;
    struct factors factors = {NULL, 0, 0};
    if (linear.rest && !collect_factors(&body, &factors, linear.rest, node, 0))
        return false;
    state->n_factors = (uint32_t)factors.count;
    state->factors = factors.items;
    return true;
}

uint32_t chunk_linear_operand(const struct chunk_form *form, const struct ir_node *node)
{
    uint32_t found = UINT32_MAX;
    bool after;
    if (node->op != IR_contract_node || node->contract.ring != IR_RING_plustimes || node->contract.n_domain)
        return UINT32_MAX;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        if (!form->depends[access->node->id])
            continue;
        if (found != UINT32_MAX || chunk_state_of(form, access->node, &after) == UINT32_MAX || access->fill || access->conjugate)
            return UINT32_MAX;
        found = k;
        for (uint32_t axis = 0; axis < access->node->rank; axis++) {
            if (!poly_is_index(access->subscripts[axis], NULL))
                return UINT32_MAX;
            for (uint32_t other = 0; other < axis; other++)
                if (access->subscripts[axis] == access->subscripts[other])
                    return UINT32_MAX;
        }
    }
    return found;
}

/* Nodes over all steps are made of maps, views and contractions only. */
static bool can_lift(const struct ir_node *node)
{
    return node->op == IR_map_node || node->op == IR_view_node || node->op == IR_contract_node || node->op == IR_input_node ||
           node->op == IR_const_node;
}

bool chunk_analyse(struct chunk_form *form)
{
    const struct ir_scan *scan = form->scan->scan;
    form->step = scan->step;
    form->nodes = ir_topological(form->context, form->step, &form->n_nodes);
    form->n_ids = form->nodes && form->n_nodes ? (size_t)form->nodes[form->n_nodes - 1]->id + 1 : 0;
    for (uint32_t k = 0; form->nodes && k < form->step->n_inputs; k++) /* also those nothing reads */
        if (form->step->inputs[k].node->id >= form->n_ids)
            form->n_ids = (size_t)form->step->inputs[k].node->id + 1;
    form->depends = ARENA_ARRAY(form->arena, form->n_ids, bool);
    form->states = ARENA_ARRAY(form->arena, scan->n_states, struct chunk_state);
    if (!form->nodes || !form->depends || !form->states || scan->n_states == 0)
        return false;
    for (uint32_t k = 0; k < scan->n_states; k++)
        form->depends[form->step->inputs[k].node->id] = true;
    for (size_t k = 0; k < form->n_nodes; k++) {
        const struct ir_node *node = form->nodes[k];
        if (!can_lift(node))
            return false;
        for (uint32_t o = 0; o < node->n_operands; o++)
            form->depends[node->id] |= form->depends[node->operands[o].node->id];
    }
    for (uint32_t k = 0; k < scan->n_states; k++)
        for (uint32_t j = 0; j < form->step->n_outputs; j++)
            if (j != k && form->step->outputs[j].node == form->step->outputs[k].node)
                return false;
    for (uint32_t k = 0; k < scan->n_states; k++)
        if (!analyse_state(form, k))
            return false;
    return true;
}
