/* From tensors that hold every step side by side to a recurrence: the axis of the scan's index is taken off.
 *
 * What depends on a state has that axis once, and reads what else depends on a state at the same step only; so each such node
 * has a counterpart without it, over one index less, and these make the step. What depends on no state is read by the step as a
 * slice; but products, maps and views of it, which hold nothing together, move into the step, so that no tensor is stored for
 * the scan that it could compute as it goes. Sums stay outside, where they are one big contraction. */
#include "scan.h"

#include <string.h>

/* Moving in recurses no deeper than this. */
enum { MOVE_DEPTH = 32 };

struct slicing {
    struct body *body;
    struct ir_context *context;
    struct arena *arena;
    const struct scan_scope *scan;
    struct ir_kernel *step;
    size_t inputs_capacity, outputs_capacity;
    size_t n_states;            /* the first inputs of the step */
    struct ir_access *operands; /* of the scan, one an input of the step */
    size_t n_operands, operands_capacity;
    const struct ir_node **nodes; /* operands before users */
    size_t n_nodes, n_ids;
    bool *depends;                 /* on a state, by id */
    uint32_t *axes;                /* of what depends: where the scan's index stands */
    const struct ir_node **sliced; /* by id: the counterpart, */
    uint32_t *sliced_axes;         /* with this axis taken off */
};

static bool report_node(struct slicing *slicing, const struct ir_node *node, const char *what, const char *help)
{
    const struct ir_name *name = ir_find_name(slicing->body->kernel, node);
    struct span span = name ? name->span : slicing->scan->ast->span;
    struct diag *diag = diag_error(slicing->body->diagnostics, DIAG_E0123, span, "%s", what);
    diag_note(slicing->body->diagnostics, diag, slicing->scan->ast->index.span, "in the scan over `%s`",
              slicing->scan->ast->index.text);
    diag_help(slicing->body->diagnostics, diag, "%s", help);
    return false;
}

static const char own_step[] = "a step sees the states before it and what stands outside; all else at its own step";
/* Both chosen among all elements, which is what the language has for an element known only at run time. */
static const char choose_in_state[] =
    "a step reads the elements of a state at indices and constants, so choose among all of them: in "
    "place of `h[t-1,k[i]]` write `sum[j: n](where(k[i] == j, h[t-1,j], 0))`";
static const char choose_by_state[] = "what a step computes is compared, not looked up, so choose among all elements: in place of "
                                      "`x[s[t]]` write `sum[j: n](where(s[t] == j, x[j], 0))`";

/* ---- what depends on a state ---- */

static bool subscripts_use(const struct ir_access *access, uint32_t index, uint32_t but)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (axis != but && poly_uses_index(access->subscripts[axis], index))
            return true;
    return false;
}

/* A lookup in a table that is no constant: only the scan's operands may hold one, a step may not. */
static bool looks_up(const struct ir_access *access)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (poly_is_run_time(access->subscripts[axis]))
            return true;
    return false;
}

struct table_search {
    const struct slicing *slicing;
    bool found;
};

static void find_dependent_table(void *user, const struct ir_node *table)
{
    struct table_search *search = user;
    search->found = search->found || search->slicing->depends[table->id];
}

/* The index of `node` that reads a dependent operand's steps; it must be an axis of the node, as it is. */
static bool follow_operand(struct slicing *slicing, const struct ir_node *node, const struct ir_access *access)
{
    uint32_t axis = slicing->axes[access->node->id], index;
    if (looks_up(access))
        return report_node(slicing, node, "which element of a state this reads is looked up at run time", choose_in_state);
    if (!poly_is_index(access->subscripts[axis], &index))
        return report_node(slicing, node, "this reads a state at another step than its own", own_step);
    if (index >= node->rank || subscripts_use(access, index, axis))
        return report_node(slicing, node, "this takes several steps of a state together", own_step);
    if (slicing->depends[node->id] && slicing->axes[node->id] != index)
        return report_node(slicing, node, "this takes states of different steps together", own_step);
    slicing->depends[node->id] = true;
    slicing->axes[node->id] = index;
    return true;
}

static bool find_dependent(struct slicing *slicing, const struct ir_node *node)
{
    bool pointwise = node->op == IR_map_node || node->op == IR_view_node || node->op == IR_contract_node;
    struct table_search search = {slicing, false};
    ir_visit_tables(slicing->context, node, find_dependent_table, &search);
    if (search.found)
        return report_node(slicing, node, "this looks up a table that the scan computes", choose_by_state);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        if (!slicing->depends[access->node->id])
            continue;
        if (!pointwise)
            return report_node(slicing, node, "this cannot be done step by step", own_step);
        if (!follow_operand(slicing, node, access))
            return false;
    }
    return true;
}

/* ---- slices ---- */

/* What the slice of a tensor outside is called in the step. */
static const char *name_of(const struct slicing *slicing, const struct ir_node *node)
{
    const char *name = ir_name_of(slicing->body->kernel, node);
    return name ? name : "slice";
}

static const struct ir_node *add_input(struct slicing *slicing, const char *name, enum ir_elem elem, uint32_t rank,
                                       const struct poly *const *shape, struct ir_access operand)
{
    struct ir_kernel *step = slicing->step;
    size_t count = step->n_inputs;
    for (size_t k = slicing->n_states; k < slicing->n_operands; k++) { /* the same slice again; a state changes from step to step */
        const struct ir_node *input = step->inputs[k].node;
        bool same = slicing->operands[k].node == operand.node && input->elem == elem && input->rank == rank && !operand.fill &&
                    !slicing->operands[k].fill;
        for (uint32_t axis = 0; same && axis < rank; axis++)
            same = input->shape[axis] == shape[axis];
        for (uint32_t axis = 0; same && axis < operand.node->rank; axis++)
            same = slicing->operands[k].subscripts[axis] == operand.subscripts[axis];
        if (same)
            return input;
    }
    const struct ir_node *node = ir_input(slicing->context, (uint32_t)count, elem, rank, shape);
    struct ir_input_info info = {.name = name, .node = node, .span = slicing->scan->ast->span};
    if (!node || !operand.subscripts || rank > IR_STEP_RANK ||
        !ARENA_PUSH(slicing->arena, step->inputs, count, slicing->inputs_capacity, info) ||
        !ARENA_PUSH(slicing->arena, slicing->operands, slicing->n_operands, slicing->operands_capacity, operand))
        return NULL;
    step->n_inputs = (uint32_t)count;
    return node;
}

/* What a slice's axes are while an access is taken apart: first the indices that stand beside the scan's in a subscript, or in a
 * lookup at run time, then the axes whose subscript is free of both. */
struct slice {
    uint32_t rank;
    const struct poly **shape;
    const struct poly **inside;  /* subscripts of the slice, in the indices of the reading node */
    const struct poly **outside; /* of the tensor, in the scan's index and the slice's axes */
};

static bool stays_outside(const struct poly *subscript, uint32_t time)
{
    return poly_uses_index(subscript, time) || poly_is_run_time(subscript);
}

static bool slice_axis(struct slicing *slicing, struct slice *slice, const struct poly *extent, const struct poly *subscript)
{
    if (slice->rank >= IR_STEP_RANK)
        return false;
    slice->shape[slice->rank] = extent;
    slice->inside[slice->rank++] = subscript;
    return extent && subscript && !arena_failed(slicing->arena);
}

/* The access, of a node that depends on no state, as one of a new input; `time` is the scan's index among `node`'s indices. */
static struct ir_access slice_access(struct slicing *slicing, const char *name, const struct ir_node *node,
                                     const struct ir_access *access, uint32_t time)
{
    struct ir_context *context = slicing->context;
    struct arena *arena = slicing->arena;
    const struct ir_node *tensor = access->node;
    struct ir_access none = {.node = NULL}, result = *access, operand = {.node = tensor, .fill = access->fill};
    struct slice slice = {0};
    slice.shape = ARENA_ARRAY(arena, IR_STEP_RANK, const struct poly *);
    slice.inside = ARENA_ARRAY(arena, IR_STEP_RANK, const struct poly *);
    slice.outside = ARENA_ARRAY(arena, tensor->rank, const struct poly *);
    const struct poly **replacements = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    if (!slice.shape || !slice.inside || !slice.outside || !replacements)
        return none;
    replacements[time] = poly_index(context, 0);
    for (uint32_t index = 0; index < node->n_indices; index++) {
        bool beside = false;
        for (uint32_t axis = 0; axis < tensor->rank; axis++)
            beside |= stays_outside(access->subscripts[axis], time) && poly_uses_index(access->subscripts[axis], index);
        if (index == time || !beside)
            continue;
        if (!slice_axis(slicing, &slice, node->extents[index], poly_index(context, index)))
            return none;
        replacements[index] = poly_index(context, slice.rank);
    }
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        if (stays_outside(access->subscripts[axis], time)) {
            slice.outside[axis] = poly_substitute(context, access->subscripts[axis], node->n_indices, replacements, NULL);
            continue;
        }
        if (!slice_axis(slicing, &slice, tensor->shape[axis], access->subscripts[axis]))
            return none;
        slice.outside[axis] = poly_index(context, slice.rank);
    }
    operand.subscripts = slice.outside;
    result.subscripts = slice.inside;
    result.node = add_input(slicing, name, tensor->elem, slice.rank, slice.shape, operand);
    return result;
}

/* ---- counterparts ---- */

/* Does it hold nothing together: a map, a view, a product without a sum? */
static bool is_pointwise(const struct ir_node *node)
{
    return node->op == IR_map_node || node->op == IR_view_node ||
           (node->op == IR_contract_node && node->n_indices == node->rank && !node->contract.n_domain);
}

static const struct ir_node *counterpart(struct slicing *slicing, const struct ir_node *node, uint32_t time, int depth);

/* The operand as the counterpart reads it, still in the indices of `node`. */
static struct ir_access step_access(struct slicing *slicing, const struct ir_node *node, uint32_t operand, uint32_t time, int depth)
{
    const struct ir_access *access = &node->operands[operand];
    struct ir_access result = *access;
    const struct ir_node *tensor = access->node;
    uint32_t axis = UINT32_MAX, found;
    for (uint32_t k = 0; k < tensor->rank; k++)
        if (poly_is_index(access->subscripts[k], &found) && found == time && !subscripts_use(access, time, k))
            axis = k;
    if (!slicing->depends[tensor->id]) {
        if (tensor->op == IR_const_node && !subscripts_use(access, time, UINT32_MAX) && !looks_up(access))
            return result;
        if (axis == UINT32_MAX || looks_up(access) || depth >= MOVE_DEPTH || !is_pointwise(tensor))
            return slice_access(slicing, name_of(slicing, tensor), node, access, time);
    }
    const struct poly **subscripts = ARENA_ARRAY(slicing->arena, tensor->rank, const struct poly *);
    for (uint32_t k = 0, to = 0; subscripts && k < tensor->rank; k++)
        if (k != axis)
            subscripts[to++] = access->subscripts[k];
    result.node = subscripts ? counterpart(slicing, tensor, axis, depth + 1) : NULL;
    result.subscripts = subscripts;
    return result;
}

/* A value of the scan's index, in a map: read from a table outside that is never stored. */
static const struct ir_expr *index_value(struct slicing *slicing, const struct ir_node *node, const struct poly *index,
                                         uint32_t time, struct ir_access *added)
{
    struct ir_context *context = slicing->context;
    const struct poly **extents = ARENA_ARRAY(slicing->arena, node->n_indices, const struct poly *);
    const struct poly **replacements = ARENA_ARRAY(slicing->arena, node->n_indices, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(slicing->arena, node->n_indices, const struct poly *);
    uint32_t rank = 0;
    if (!extents || !replacements || !subscripts)
        return NULL;
    for (uint32_t k = 0; k < node->n_indices; k++) {
        if (!poly_uses_index(index, k))
            continue;
        extents[rank] = node->extents[k];
        subscripts[rank] = poly_index(context, k);
        replacements[k] = poly_index(context, rank++);
    }
    struct poly_ranges ranges = {rank, extents};
    const struct ir_expr *value = ir_expr_index(context, poly_substitute(context, index, node->n_indices, replacements, &ranges));
    const struct ir_access table = {.node = ir_map(context, rank, extents, 0, NULL, value), .subscripts = subscripts};
    *added = table.node ? slice_access(slicing, slicing->scan->ast->index.text, node, &table, time) : table;
    return added->node ? ir_expr_operand(context, 0, IR_i64) : NULL;
}

struct step_body {
    struct slicing *slicing;
    const struct ir_node *node;
    uint32_t time;
    struct ir_access *operands;
    size_t n_operands, capacity;
};

/* The body with values of the scan's index as operands; those come behind the node's own. */
static const struct ir_expr *step_body(struct step_body *body)
{
    struct slicing *slicing = body->slicing;
    size_t count;
    const struct ir_expr **order = ir_expr_topological(slicing->context, body->node->body, &count);
    const struct ir_expr **replaced = order ? ARENA_ARRAY(slicing->arena, count, const struct ir_expr *) : NULL;
    for (size_t i = 0; replaced && i < count; i++) {
        const struct ir_expr *expr = order[i], *arguments[3] = {NULL};
        replaced[i] = expr;
        if (expr->op == IR_EXPR_index && stays_outside(expr->index, body->time)) {
            struct ir_access added;
            uint32_t number = (uint32_t)body->n_operands;
            if (!index_value(slicing, body->node, expr->index, body->time, &added) ||
                !ARENA_PUSH(slicing->arena, body->operands, body->n_operands, body->capacity, added))
                return NULL;
            replaced[i] = ir_expr_operand(slicing->context, number, IR_i64);
        }
        for (uint32_t k = 0; k < expr->n_arguments; k++)
            arguments[k] = replaced[ir_expr_position(order, count, expr->arguments[k])];
        if (expr->n_arguments)
            replaced[i] = ir_expr_remake(slicing->context, expr, arguments);
        if (!replaced[i])
            return NULL;
    }
    return replaced ? replaced[count - 1] : NULL;
}

/* From `node`'s indices to those of its counterpart: `time` is gone, what follows moves up. */
static const struct poly **without_time(struct slicing *slicing, const struct ir_node *node, uint32_t time,
                                        const struct poly **extents)
{
    const struct poly **replacements = ARENA_ARRAY(slicing->arena, node->n_indices, const struct poly *);
    for (uint32_t k = 0, to = 0; replacements && k < node->n_indices; k++) {
        if (k == time)
            continue;
        extents[to] = node->extents[k];
        replacements[k] = poly_index(slicing->context, to++);
    }
    return replacements;
}

static const struct ir_node *make_counterpart(struct slicing *slicing, const struct ir_node *node, uint32_t time, int depth)
{
    struct ir_context *context = slicing->context;
    const struct poly **extents = ARENA_ARRAY(slicing->arena, node->n_indices, const struct poly *);
    const struct poly **replacements = extents ? without_time(slicing, node, time, extents) : NULL;
    struct step_body body = {.slicing = slicing, .node = node, .time = time};
    struct poly_ranges ranges = {node->n_indices - 1, extents};
    const struct ir_expr *expr = NULL;
    if (!replacements)
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        struct ir_access access = step_access(slicing, node, k, time, depth);
        if (!access.node || !ARENA_PUSH(slicing->arena, body.operands, body.n_operands, body.capacity, access))
            return NULL;
    }
    if (node->op == IR_map_node && !(expr = step_body(&body)))
        return NULL;
    for (size_t k = 0; k < body.n_operands; k++)
        body.operands[k] = ir_access_substitute(context, body.operands[k], node->n_indices, replacements, &ranges);
    if (node->op == IR_view_node)
        return ir_view(context, node->rank - 1, extents, body.operands[0]);
    if (node->op == IR_map_node)
        return ir_map(context, node->rank - 1, extents, (uint32_t)body.n_operands, body.operands,
                      ir_expr_substitute(context, expr, NULL, NULL, node->n_indices, replacements, &ranges));
    struct ir_contract contract = {.ring = node->contract.ring,
                                   .elem = node->elem,
                                   .accumulator = node->contract.accumulator,
                                   .rank = node->rank - 1,
                                   .n_indices = node->n_indices - 1,
                                   .extents = extents,
                                   .n_operands = node->n_operands,
                                   .operands = body.operands};
    return ir_contract(context, &contract);
}

static void carry_name(struct slicing *slicing, const struct ir_node *node, uint32_t time, const struct ir_node *to)
{
    const struct ir_name *known = ir_find_name(slicing->body->kernel, node);
    const char **names = ARENA_ARRAY(slicing->arena, node->n_indices, const char *);
    if (!known || !names || to->op == IR_input_node)
        return;
    for (uint32_t k = 0, next = 0; known->index_names && k < node->n_indices; k++)
        if (k != time)
            names[next++] = known->index_names[k];
    ir_set_name(slicing->context, slicing->step, to, known->name, known->index_names ? names : NULL, known->span);
}

static const struct ir_node *counterpart(struct slicing *slicing, const struct ir_node *node, uint32_t time, int depth)
{
    if (slicing->sliced[node->id] && slicing->sliced_axes[node->id] == time)
        return slicing->sliced[node->id];
    const struct ir_node *made = make_counterpart(slicing, node, time, depth);
    if (!made)
        return NULL;
    slicing->sliced[node->id] = made;
    slicing->sliced_axes[node->id] = time;
    carry_name(slicing, node, time, made);
    return made;
}

/* ---- the scan ---- */

static bool begin_slicing(struct slicing *slicing, const struct scan_value *values, uint32_t n)
{
    struct ir_kernel all = {.n_outputs = n, .outputs = ARENA_ARRAY(slicing->arena, n, struct ir_output)};
    for (uint32_t k = 0; all.outputs && k < n; k++)
        all.outputs[k].node = values[k].node;
    slicing->nodes = all.outputs ? ir_topological(slicing->context, &all, &slicing->n_nodes) : NULL;
    for (size_t k = 0; slicing->nodes && k < slicing->n_nodes; k++)
        slicing->n_ids = (size_t)slicing->nodes[k]->id + 1;
    for (uint32_t k = 0; k < n; k++)
        if (values[k].before && values[k].before->id >= slicing->n_ids)
            slicing->n_ids = (size_t)values[k].before->id + 1;
    slicing->depends = ARENA_ARRAY(slicing->arena, slicing->n_ids, bool);
    slicing->axes = ARENA_ARRAY(slicing->arena, slicing->n_ids, uint32_t);
    slicing->sliced = ARENA_ARRAY(slicing->arena, slicing->n_ids, const struct ir_node *);
    slicing->sliced_axes = ARENA_ARRAY(slicing->arena, slicing->n_ids, uint32_t);
    slicing->step = ARENA_NEW(slicing->arena, struct ir_kernel);
    return slicing->nodes && slicing->depends && slicing->axes && slicing->sliced && slicing->sliced_axes && slicing->step;
}

/* The state's operand: its initial value, over the axes of the state behind the scan's index. */
static bool add_state(struct slicing *slicing, const struct scan_value *value)
{
    const struct ir_node *start = value->start, *before = value->before;
    const struct poly **shape = ARENA_ARRAY(slicing->arena, before->rank, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(slicing->arena, before->rank, const struct poly *);
    for (uint32_t axis = 0; shape && subscripts && axis < start->rank; axis++) {
        shape[axis] = start->shape[axis];
        subscripts[axis] = poly_index(slicing->context, axis + 1);
    }
    struct ir_access operand = {.node = start, .subscripts = subscripts};
    const struct ir_node *input =
        shape && subscripts ? add_input(slicing, value->name, before->elem, start->rank, shape, operand) : NULL;
    if (!input)
        return false;
    slicing->depends[before->id] = true;
    slicing->axes[before->id] = value->axis;
    slicing->sliced[before->id] = input;
    slicing->sliced_axes[before->id] = value->axis;
    return true;
}

static const struct ir_node *step_value(struct slicing *slicing, const struct scan_value *value)
{
    const struct ir_node *node = value->node;
    if (slicing->depends[node->id] || is_pointwise(node))
        return counterpart(slicing, node, value->axis, 0);
    struct ir_access whole = ir_access_whole(slicing->context, node);
    struct ir_node space = {.n_indices = node->rank, .extents = node->shape}; /* the reader's indices are the tensor's axes */
    struct ir_access slice = whole.subscripts ? slice_access(slicing, name_of(slicing, node), &space, &whole, value->axis) : whole;
    const struct poly *replacements[FRONTEND_RANK + 1];
    for (uint32_t k = 0, to = 0; k < node->rank && k <= FRONTEND_RANK; k++)
        replacements[k] = k == value->axis ? poly_constant(slicing->context, 0) : poly_index(slicing->context, to++);
    if (!slice.node || node->rank > FRONTEND_RANK)
        return NULL;
    slice = ir_access_substitute(slicing->context, slice, node->rank, replacements, NULL);
    return slice.node ? slice.node : NULL;
}

/* A sum that depends on no state is no result of the step: it is done before, for all steps at once. */
static bool is_outside(const struct slicing *slicing, const struct scan_value *value)
{
    return !value->start && !slicing->depends[value->node->id] && !is_pointwise(value->node);
}

static bool add_outputs(struct slicing *slicing, const struct scan_value *values, uint32_t n)
{
    size_t count = 0;
    for (uint32_t k = 0; k < n; k++) {
        if (is_outside(slicing, &values[k]))
            continue;
        struct ir_output output = {values[k].name, step_value(slicing, &values[k]), slicing->scan->ast->span, 0};
        if (!output.node || !ARENA_PUSH(slicing->arena, slicing->step->outputs, count, slicing->outputs_capacity, output))
            return false;
    }
    slicing->step->n_outputs = (uint32_t)count;
    return true;
}

/* Axis 0 of a result back to where the source has it. */
static const struct ir_node *move_axis(struct slicing *slicing, const struct ir_node *node, uint32_t axis)
{
    const struct poly *shape[FRONTEND_RANK + 1], *subscripts[FRONTEND_RANK + 1];
    if (!node || axis == 0 || node->rank > FRONTEND_RANK)
        return node;
    for (uint32_t k = 0; k < node->rank; k++) {
        uint32_t from = k == axis ? 0 : k < axis ? k + 1 : k;
        shape[k] = node->shape[from];
        subscripts[from] = poly_index(slicing->context, k);
    }
    return ir_view(slicing->context, node->rank, shape, (struct ir_access){.node = node, .subscripts = subscripts});
}

static void name_result(struct slicing *slicing, const struct scan_value *value, const struct ir_node *node)
{
    const struct ir_name *known = ir_find_name(slicing->body->kernel, value->node);
    const char **names = node ? ARENA_ARRAY(slicing->arena, node->rank + 1, const char *) : NULL;
    if (!names)
        return;
    names[0] = slicing->scan->ast->index.text;
    for (uint32_t k = 0, to = 1; known && known->index_names && k < value->node->rank && to <= node->rank; k++)
        if (k != value->axis)
            names[to++] = known->index_names[k];
    struct span span = known ? known->span : slicing->scan->ast->span;
    ir_set_name(slicing->context, slicing->body->kernel, node, value->name, names, span);
}

/* Each value as what reads it outside has it. */
static bool project_results(struct slicing *slicing, const struct ir_node *node, struct scan_value *values, uint32_t n,
                            uint32_t n_states)
{
    uint32_t result = 0;
    for (uint32_t k = 0; k < n; k++) {
        if (is_outside(slicing, &values[k])) {
            values[k].every = values[k].node;
            continue;
        }
        const struct ir_node *every = ir_proj(slicing->context, node, result, false);
        name_result(slicing, &values[k], every);
        values[k].every = move_axis(slicing, every, values[k].axis);
        values[k].last = k < n_states ? ir_proj(slicing->context, node, result, true) : NULL;
        if (!values[k].every)
            return false;
        result++;
    }
    return true;
}

bool scan_build(struct body *body, const struct scan_scope *scan, struct scan_value *values, uint32_t n, uint32_t n_states)
{
    struct slicing slicing = {.body = body, .context = body->context, .arena = body->arena, .scan = scan, .n_states = n_states};
    if (n == 0) /* it computes nothing */
        return true;
    if (!begin_slicing(&slicing, values, n))
        return false;
    slicing.step->name = arena_printf(body->arena, "%s_step", values[0].name);
    slicing.step->span = scan->ast->span;
    slicing.step->numeric_class = body->kernel->numeric_class;
    slicing.step->class_stated = body->kernel->class_stated;
    for (uint32_t k = 0; k < n_states; k++)
        if (!add_state(&slicing, &values[k]))
            return false;
    for (size_t k = 0; k < slicing.n_nodes; k++)
        if (!slicing.depends[slicing.nodes[k]->id] && !find_dependent(&slicing, slicing.nodes[k]))
            return false;
    for (size_t k = 0; k < slicing.n_nodes; k++) { /* in order, so that counterparts find those of their operands */
        const struct ir_node *node = slicing.nodes[k];
        if (slicing.depends[node->id] && !counterpart(&slicing, node, slicing.axes[node->id], 0))
            return false;
    }
    if (!add_outputs(&slicing, values, n))
        return false;
    if (slicing.step->n_outputs == 0)
        return project_results(&slicing, NULL, values, n, n_states);
    struct ir_scan recurrence = {scan->backward, scan->extent, n_states, slicing.step};
    const struct ir_node *node = ir_scan(body->context, &recurrence, slicing.operands);
    const char *index = scan->ast->index.text;
    struct span span = span_join(scan->ast->word_span, scan->ast->index.span);
    ir_set_name(body->context, body->kernel, node, NULL, &index, span);
    return project_results(&slicing, node, values, n, n_states);
}
