/* From tensor IR to loop IR: the buffers, and one stage for each stored node.
 *
 * Inputs and outputs become parameters, tables become constants, what else is stored (fuse_plan.c) becomes scratch, or a local when
 * it is one number. A node that is an output is computed in the output's own memory and read there by later stages; so is a node of
 * which an output is only another shape, or, of a result of a scan, another order of the axes. An output that has no memory of its
 * own to be computed in (an input, a constant, a node that is an output already) is copied. What a concatenation is made of is
 * computed in its memory too, or copied to its box there. Stages come in the order of the nodes. */
#include "estimate.h"
#include "lower.h"

#include <string.h>

uint32_t lower_add_buffer(struct lowering *lowering, enum loop_buffer_kind kind, const char *name, const struct ir_node *node)
{
    struct loop_buffer buffer = {.kind = kind,
                                 .name = name,
                                 .elem = node->elem,
                                 .count = ir_element_count(lowering->context, node),
                                 .rank = node->rank,
                                 .shape = node->shape};
    if (kind == LOOP_CONSTANT)
        buffer.constant = node->constant;
    buffer.by_value = kind == LOOP_INPUT && node->rank == 0 && !ir_elem_is_complex(node->elem);
    return loop_add_buffer(lowering->context, lowering->function, buffer);
}

static void place_in_buffer(struct lowering *lowering, const struct ir_node *node, uint32_t buffer)
{
    lowering->places[node->id] = (struct lower_place){.placed = true, .number = buffer};
}

/* ---- where everything is kept ---- */

/* The node whose elements in the same order `node` shows under another shape: itself, or what its views stand on. */
static const struct ir_node *reshaped(struct lowering *lowering, const struct ir_node *node)
{
    while (node->op == IR_view_node && !node->operands[0].fill && !node->operands[0].conjugate) {
        const struct ir_node *operand = node->operands[0].node;
        struct ir_access whole = ir_access_whole(lowering->context, node);
        if (ir_element_count(lowering->context, node) != ir_element_count(lowering->context, operand) ||
            ir_linear_offset(lowering->context, node, whole.subscripts) !=
                ir_linear_offset(lowering->context, operand, node->operands[0].subscripts))
            break;
        node = operand;
    }
    return node;
}

static bool is_leaf(const struct ir_node *node)
{
    return node->op == IR_input_node || node->op == IR_const_node;
}

/* Is the node computed in the place of an input? */
static bool updates_any(const struct ir_kernel *kernel, const struct ir_node *node)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node == node && kernel->outputs[k].updates)
            return true;
    return false;
}

/* The result of a scan that the view shows with its axes in another order; NULL: none. */
static const struct ir_node *permuted_result(const struct lowering *lowering, const struct ir_node *view)
{
    const struct ir_access *access = view->op == IR_view_node ? &view->operands[0] : NULL;
    if (!access || access->fill || access->conjugate || access->node->op != IR_proj_node || access->node->proj.last ||
        access->node->rank != view->rank || lowering->places[access->node->id].placed)
        return NULL;
    for (uint32_t index = 0; index < view->rank; index++) {
        uint32_t found = UINT32_MAX;
        for (uint32_t axis = 0; axis < view->rank && found != index; axis++)
            if (!poly_is_index(access->subscripts[axis], &found) || access->node->shape[axis] != view->shape[found])
                return NULL;
        if (found != index)
            return NULL;
    }
    return access->node;
}

/* Such a result is computed where the view is kept. */
static bool place_permuted(struct lowering *lowering, const struct ir_node *view, const struct ir_node *result, uint32_t buffer)
{
    struct ir_context *context = lowering->context;
    const struct poly **strides = ARENA_ARRAY(lowering->arena, view->rank, const struct poly *);
    const struct poly *stride = poly_constant(context, 1);
    for (uint32_t index = view->rank; strides && index-- > 0; stride = poly_multiply(context, stride, view->shape[index]))
        for (uint32_t axis = 0; axis < view->rank; axis++)
            if (view->operands[0].subscripts[axis] == poly_index(context, index))
                strides[axis] = stride;
    place_in_buffer(lowering, result, buffer);
    lowering->places[result->id].strides = strides;
    lowering->shown[view->id] = true;
    return strides != NULL;
}

static bool place_parameters(struct lowering *lowering)
{
    const struct ir_kernel *kernel = lowering->kernel;
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        if (ir_input_is_updated(kernel, k))
            continue;
        uint32_t buffer = lower_add_buffer(lowering, LOOP_INPUT, kernel->inputs[k].name, kernel->inputs[k].node);
        if (buffer == UINT32_MAX)
            return false;
        lowering->function->buffers[buffer].parameter = k;
        lowering->function->buffers[buffer].count = ir_input_reach(lowering->context, &kernel->inputs[k]);
        place_in_buffer(lowering, kernel->inputs[k].node, buffer);
        lowering->places[kernel->inputs[k].node->id].strides = kernel->inputs[k].strides;
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        const struct ir_node *node = kernel->outputs[k].node, *base = reshaped(lowering, node);
        uint32_t buffer = lower_add_buffer(lowering, LOOP_OUTPUT, kernel->outputs[k].name, node);
        if (buffer == UINT32_MAX)
            return false;
        lowering->function->buffers[buffer].parameter = k;
        lowering->function->buffers[buffer].updates = kernel->outputs[k].updates;
        if (kernel->outputs[k].updates)
            place_in_buffer(lowering, kernel->inputs[kernel->outputs[k].updates - 1].node, buffer);
        else if (is_leaf(node) || lowering->places[node->id].placed || updates_any(kernel, node))
            continue;
        place_in_buffer(lowering, node, buffer);
        if (base != node && !is_leaf(base) && lowering->plan->stored[base->id] && !lowering->places[base->id].placed &&
            !updates_any(kernel, base)) {
            place_in_buffer(lowering, base, buffer);
            lowering->shown[node->id] = true;
        }
        const struct ir_node *permuted = kernel->outputs[k].updates ? NULL : permuted_result(lowering, node);
        if (permuted && !place_permuted(lowering, node, permuted, buffer))
            return false;
    }
    return true;
}

/* What a nameless value is of the named one it belongs to: `w_sum`, `w_exp`, `w_part`. */
static const char *kind_of_value(const struct ir_node *node)
{
    if (node->op == IR_map_node && node->body->n_arguments == 1 && ir_expr_info(node->body->op)->flops == IR_FLOPS_FUNCTION)
        return ir_expr_info(node->body->op)->name;
    if (node->op == IR_contract_node && node->n_operands == 1 && node->contract.ring == IR_RING_plustimes)
        return "sum";
    return "part";
}

/* A scratch buffer bears the name of its node, or of the first named one that reads it. */
static const char *scratch_name(struct lowering *lowering, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(lowering->kernel, node);
    if (name && name->name)
        return name->name;
    for (size_t k = 0; k < lowering->plan->n_nodes; k++) {
        const struct ir_node *user = lowering->plan->nodes[k];
        for (uint32_t o = 0; o < user->n_operands; o++) {
            if (user->operands[o].node != node)
                continue;
            const struct ir_name *user_name = ir_find_name(lowering->kernel, user);
            if (user_name && user_name->name)
                return arena_printf(lowering->arena, "%s_%s", user_name->name, kind_of_value(node));
        }
    }
    return arena_printf(lowering->arena, "%s_%s", lowering->kernel->n_outputs ? lowering->kernel->outputs[0].name : "value",
                        kind_of_value(node));
}

/* The memory of a node inside a sliced tree is that of one slice. */
static bool drop_held_axes(struct lowering *lowering, const struct ir_node *node, struct lower_place *place)
{
    bool *dropped = ARENA_ARRAY(lowering->arena, node->rank, bool);
    const struct poly **shape = ARENA_ARRAY(lowering->arena, node->rank, const struct poly *);
    struct loop_buffer *buffer = &lowering->function->buffers[place->number];
    buffer->rank = 0;
    buffer->count = poly_constant(lowering->context, 1);
    for (uint32_t axis = 0; dropped && shape && axis < node->rank; axis++) {
        dropped[axis] = lowering->held[node->id][axis] != UINT32_MAX;
        if (dropped[axis])
            continue;
        shape[buffer->rank++] = node->shape[axis];
        buffer->count = poly_multiply(lowering->context, buffer->count, node->shape[axis]);
    }
    buffer->shape = shape;
    place->dropped = dropped;
    return dropped && shape && buffer->count;
}

/* One table serves a kernel and the steps in it. */
static uint32_t constant_buffer(struct lowering *lowering, const struct ir_node *node)
{
    const struct loop_function *function = lowering->function;
    for (size_t k = 0; k < function->n_buffers; k++)
        if (function->buffers[k].kind == LOOP_CONSTANT && function->buffers[k].constant == node->constant)
            return (uint32_t)k;
    return lower_add_buffer(lowering, LOOP_CONSTANT, node->constant->name ? node->constant->name : "table", node);
}

/* The place of an operand in the memory of its concatenation. */
static struct lower_place box_of(const struct lowering *lowering, const struct ir_node *whole, uint32_t operand)
{
    const struct lower_place *place = &lowering->places[whole->id];
    return (struct lower_place){
        .placed = true, .is_local = place->is_local, .number = place->number, .whole = whole, .box = &whole->operands[operand]};
}

/* May the node be computed right in the box of a concatenation? A sliced tree needs its memory in one piece. */
static bool may_lie_inside(const struct lowering *lowering, const struct ir_node *node)
{
    bool elsewhere = node->op == IR_scan_node || node->op == IR_proj_node; /* a scan places what it gives */
    return !is_leaf(node) && !elsewhere && lowering->plan->stored[node->id] && !lowering->places[node->id].placed &&
           !lowering->held_by[node->id] && !(node->op == IR_contract_node && node->contract.n_sliced);
}

/* A value of one number needs no memory, unless it is added to in its place, looked up at run time, or set in another loop than it
 * is read in. What lies in the box of a concatenation is where that is, so there it asks for the same. */
static bool may_be_local(const struct lowering *lowering, const struct ir_node *node)
{
    bool every_step = node->op == IR_proj_node && !node->proj.last;
    bool looked_up = node->op != IR_const_node && lowering->plan->looked_up[node->id];
    if (!poly_equals(ir_element_count(lowering->context, node), 1) || lowering->held_by[node->id] || looked_up || every_step ||
        node->op == IR_scatter_node || node->op == IR_solve_node)
        return false;
    const struct ir_node *part = node->op == IR_concat_node ? node->operands[0].node : NULL;
    return !part || (node->n_operands == 1 && (!may_lie_inside(lowering, part) || may_be_local(lowering, part)));
}

static bool place_whole(struct lowering *lowering, const struct ir_node *whole)
{
    struct lower_place *place = &lowering->places[whole->id];
    if (place->placed)
        return true;
    const char *name = scratch_name(lowering, whole);
    *place = (struct lower_place){.placed = true, .is_local = may_be_local(lowering, whole)};
    place->number = place->is_local ? loop_add_local(lowering->context, lowering->function, name, whole->elem)
                                    : lower_add_buffer(lowering, LOOP_SCRATCH, name, whole);
    return place->number != UINT32_MAX;
}

/* Concatenations, the outer ones first, and what is computed in their boxes. */
static bool place_boxes(struct lowering *lowering)
{
    for (size_t k = lowering->plan->n_nodes; k-- > 0;) {
        const struct ir_node *whole = lowering->plan->nodes[k];
        if (whole->op != IR_concat_node)
            continue;
        if (!place_whole(lowering, whole))
            return false;
        for (uint32_t o = 0; o < whole->n_operands; o++)
            if (may_lie_inside(lowering, whole->operands[o].node))
                lowering->places[whole->operands[o].node->id] = box_of(lowering, whole, o);
    }
    return true;
}

bool lower_place_rest(struct lowering *lowering)
{
    struct ir_context *context = lowering->context;
    if (!place_boxes(lowering))
        return false;
    for (size_t k = 0; k < lowering->plan->n_nodes; k++) {
        const struct ir_node *node = lowering->plan->nodes[k];
        struct lower_place *place = &lowering->places[node->id];
        bool single = may_be_local(lowering, node);
        bool elsewhere = node->op == IR_scan_node || (lowering->scan && node->op == IR_input_node);
        if (place->placed || !lowering->plan->stored[node->id] || elsewhere || (node->op == IR_const_node && single))
            continue;
        place->placed = true;
        if (node->op == IR_const_node) {
            place->number = constant_buffer(lowering, node);
        } else if (single) {
            place->is_local = true;
            place->number = loop_add_local(context, lowering->function, scratch_name(lowering, node), node->elem);
        } else {
            place->number = lower_add_buffer(lowering, LOOP_SCRATCH, scratch_name(lowering, node), node);
            if (place->number != UINT32_MAX && lowering->held_by[node->id] && !drop_held_axes(lowering, node, place))
                return false;
            if (place->number != UINT32_MAX && !lower_lay_out(lowering, node, place))
                return false;
        }
        if (place->number == UINT32_MAX)
            return false;
    }
    return true;
}

/* ---- stages ---- */

static struct span span_of(const struct lowering *lowering, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(lowering->kernel, node);
    return name ? name->span : SPAN_NONE;
}

/* The local of a one-number node is set before its stage: to the ring's zero if the stage sums into it. */
static struct loop_stmt *define_target(struct lowering *lowering, const struct nest *nest)
{
    struct ir_number first =
        nest_sums_in_place(nest) ? ir_ring_zero(nest->ring, nest->accumulator) : ir_number_integer(nest->elem, 0);
    return loop_define(lowering->context, nest->target, ir_expr_literal(lowering->context, first), false);
}

/* A stage that does nothing is said to. */
static struct loop_stmt *nothing(struct lowering *lowering, const char *equation, struct span span)
{
    struct loop_stmt *stmt = equation ? ARENA_NEW(lowering->arena, struct loop_stmt) : NULL;
    if (stmt)
        *stmt = (struct loop_stmt){
            .op = LOOP_COMMENT, .comment = arena_printf(lowering->arena, "%s, all of it outside", equation), .span = span};
    return stmt;
}

/* The loops of a nest that is simplified; where copies stand before or behind them (lower_turn.c), each a block of its own. */
static struct loop_stmt *loops_of(struct lowering *lowering, struct nest *nest, struct span span, const char *equation)
{
    struct nest_order order;
    struct nest *before, *behind;
    if (!nest_turn(lowering, nest, &before, &behind))
        return NULL;
    if (!before && !behind)
        return nest_choose_order(lowering, nest, &order) ? nest_emit(lowering, nest, &order) : NULL;
    struct loop_stmt *list = NULL;
    struct nest *const nests[] = {before, nest, behind};
    const char *const comments[] = {"first a factor, in the order in which the other lies", equation,
                                    "the result, from the order in which its larger factor lies to its own"};
    for (int k = 0; k < 3; k++) {
        if (!nests[k])
            continue;
        struct loop_stmt *body = nest_choose_order(lowering, nests[k], &order) ? nest_emit(lowering, nests[k], &order) : NULL;
        struct loop_stmt *block = body ? loop_block(lowering->context, comments[k], span, body) : NULL;
        if (!block)
            return NULL;
        list = loop_join(list, block);
    }
    return list;
}

struct loop_stmt *lower_nest_statements(struct lowering *lowering, struct nest *nest, struct span span, const char *equation)
{
    struct ir_context *context = lowering->context;
    struct loop_stmt *checks = NULL;
    if (!lower_write_checks(lowering, nest, &checks) || !lower_place_lookups(lowering, nest) || !nest_simplify(lowering, nest))
        return NULL;
    bool fits = nest_has_codelet(nest);
    struct loop_stmt *body = fits ? lower_codelet(lowering, nest, &fits) : NULL;
    if (!fits && lower_drop_sum(lowering, nest))
        body = loops_of(lowering, nest, span, equation);
    if (!body)
        return NULL;
    if (nest->nowhere)
        return nothing(lowering, equation, span);
    if (!nest->to_local)
        return !equation                ? NULL
               : body->op == LOOP_BLOCK ? loop_join(checks, body)
                                        : loop_join(checks, loop_block(context, equation, span, body));
    if (nest->combine != IR_EXPR_OP_COUNT) /* defined before the first slice */
        return loop_join(checks, loop_block(context, equation, span, body));
    if (body && body->op == LOOP_SET && !body->next) { /* the value alone */
        struct loop_stmt *define = loop_define(context, nest->target, body->local.value, true);
        if (define)
            define->comment = equation;
        return loop_join(checks, define);
    }
    struct loop_stmt *define = define_target(lowering, nest), *block = loop_block(context, equation, span, body);
    return define && block ? loop_join(checks, loop_join(define, block)) : NULL;
}

struct loop_stmt *lower_statements(struct lowering *lowering, const struct ir_node *node, struct lower_place place, bool copy)
{
    lowering->locals->in_use = 0;
    struct nest *nest = lower_stage(lowering, node, place, copy);
    if (!nest)
        return NULL;
    return lower_nest_statements(lowering, nest, span_of(lowering, node), lower_equation(lowering, node, &place, copy));
}

/* What a scatter adds to goes to its place first. */
static bool append_base(struct lowering *lowering, const struct ir_node *node, struct lower_place place)
{
    const struct lower_place *there = &lowering->places[node->operands[0].node->id];
    if (there->placed && !there->is_local && !there->box && there->number == place.number && !place.box)
        return true; /* the caller's array, updated in place */
    struct loop_stmt *statements = lower_statements(lowering, node->operands[0].node, place, true);
    lowering->function->body = loop_join(lowering->function->body, statements);
    return statements != NULL;
}

static bool append_stage(struct lowering *lowering, const struct ir_node *node, struct lower_place place, bool copy)
{
    if (poly_equals(ir_element_count(lowering->context, node), 0))
        return true;
    if (node->op == IR_proj_node && !copy) /* its scan has filled it */
        return true;
    if (node->op == IR_scatter_node && !copy && !append_base(lowering, node, place))
        return false;
    if (node->op == IR_scan_node)
        return lower_scan_loop(lowering, node);
    struct loop_stmt *statements = node->op == IR_contract_node && lowering->held[node->id] && !copy
                                       ? lower_sliced_tree(lowering, node)
                                   : node->op == IR_solve_node && !copy ? lower_solve(lowering, node, place)
                                                                        : lower_statements(lowering, node, place, copy);
    lowering->function->body = loop_join(lowering->function->body, statements);
    return statements != NULL;
}

/* What is not computed in its box of a concatenation is copied there. */
static bool append_boxes(struct lowering *lowering, const struct ir_node *whole)
{
    for (uint32_t k = 0; k < whole->n_operands; k++) {
        const struct ir_access *box = &whole->operands[k];
        if (lowering->places[box->node->id].box != box && !append_stage(lowering, box->node, box_of(lowering, whole, k), true))
            return false;
    }
    return true;
}

bool lower_append_stages(struct lowering *lowering, const struct lower_place *outputs)
{
    const struct ir_kernel *kernel = lowering->kernel;
    for (size_t k = 0; k < lowering->plan->n_nodes; k++) {
        const struct ir_node *node = lowering->plan->nodes[k];
        if (!lowering->plan->stored[node->id] || is_leaf(node) || lowering->shown[node->id] || lowering->held_by[node->id])
            continue;
        if (!(node->op == IR_concat_node ? append_boxes(lowering, node)
                                         : append_stage(lowering, node, lowering->places[node->id], false)))
            return false;
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        const struct ir_node *node = kernel->outputs[k].node;
        const struct lower_place *kept = &lowering->places[node->id], *wanted = &outputs[k];
        bool here = kept->placed && kept->is_local == wanted->is_local && kept->number == wanted->number && !kept->box;
        if (!here && !append_stage(lowering, node, *wanted, is_leaf(node) || kept->placed))
            return false;
    }
    return true;
}

/* ---- the function ---- */

static void mark_dim(void *user, uint32_t dim)
{
    bool *used = user;
    used[dim] = true;
}

static bool mark_dims_of_expr(struct lowering *lowering, const struct ir_expr *expr, bool *used)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(lowering->context, expr, &count);
    for (size_t k = 0; order && k < count; k++)
        if (order[k]->op == IR_EXPR_index)
            poly_visit_dims(order[k]->index, mark_dim, used);
    return order != NULL;
}

static bool mark_dims_of_node(struct lowering *lowering, const struct ir_node *node, bool *used);

static bool mark_dims_of_step(struct lowering *lowering, const struct ir_kernel *step, bool *used)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(lowering->context, step, &count);
    for (size_t k = 0; nodes && k < count; k++)
        if (!mark_dims_of_node(lowering, nodes[k], used))
            return false;
    return nodes != NULL;
}

static bool mark_dims_of_node(struct lowering *lowering, const struct ir_node *node, bool *used)
{
    for (uint32_t k = 0; k < node->rank; k++)
        poly_visit_dims(node->shape[k], mark_dim, used);
    for (uint32_t k = 0; k < node->n_indices; k++)
        poly_visit_dims(node->extents[k], mark_dim, used);
    for (uint32_t k = 0; k < node->n_operands; k++)
        for (uint32_t axis = 0; axis < node->operands[k].node->rank; axis++)
            poly_visit_dims(node->operands[k].subscripts[axis], mark_dim, used);
    if (node->op == IR_map_node && !mark_dims_of_expr(lowering, node->body, used))
        return false;
    for (uint32_t k = 0; node->op == IR_contract_node && k < node->contract.n_domain; k++)
        poly_visit_dims(node->contract.domain[k], mark_dim, used);
    return node->op != IR_scan_node || mark_dims_of_step(lowering, node->scan->step, used);
}

static bool list_dims(struct lowering *lowering)
{
    uint32_t n = ir_dim_count(lowering->context);
    bool *used = ARENA_ARRAY(lowering->arena, n, bool);
    uint32_t *dims = ARENA_ARRAY(lowering->arena, n, uint32_t);
    if (!used || !dims)
        return false;
    for (uint32_t k = 0; k < lowering->kernel->n_inputs; k++) {
        const struct ir_input_info *input = &lowering->kernel->inputs[k];
        if (!mark_dims_of_node(lowering, input->node, used))
            return false;
        for (uint32_t axis = 0; input->strides && axis < input->node->rank; axis++)
            poly_visit_dims(input->strides[axis], mark_dim, used);
    }
    for (size_t k = 0; k < lowering->plan->n_nodes; k++)
        if (!mark_dims_of_node(lowering, lowering->plan->nodes[k], used))
            return false;
    for (uint32_t dim = 0; dim < n; dim++)
        if (used[dim])
            dims[lowering->function->n_dims++] = dim;
    lowering->function->dims = dims;
    return true;
}

bool lower_create_tables(struct lowering *lowering)
{
    size_t n = lowering->plan->n_ids;
    lowering->places = ARENA_ARRAY(lowering->arena, n, struct lower_place);
    lowering->shown = ARENA_ARRAY(lowering->arena, n, bool);
    lowering->held = ARENA_ARRAY(lowering->arena, n, const uint32_t *);
    lowering->held_by = ARENA_ARRAY(lowering->arena, n, const struct ir_node *);
    return lowering->places && lowering->shown && lowering->held && lowering->held_by;
}

static bool append_all_stages(struct lowering *lowering)
{
    uint32_t n = lowering->kernel->n_outputs;
    struct lower_place *outputs = ARENA_ARRAY(lowering->arena, n, struct lower_place);
    for (uint32_t b = 0; outputs && b < lowering->function->n_buffers; b++)
        if (lowering->function->buffers[b].kind == LOOP_OUTPUT)
            outputs[lowering->function->buffers[b].parameter] = (struct lower_place){.placed = true, .number = b};
    return outputs && lower_append_stages(lowering, outputs);
}

enum einc_status pass_lower_loops(struct pass_kernel *kernel)
{
    struct ir_context *context = kernel->context;
    struct lower_locals locals = {0};
    if (!choose_first(kernel))
        return EINC_NO_MEMORY;
    struct lowering lowering = {.context = context, .arena = ir_arena(context), .kernel = kernel->kernel, .locals = &locals};
    lowering.machine = kernel->options ? &kernel->options->machine : machine_generic();
    lowering.may_turn = kernel->options && !kernel->options->memory_limit && !kernel->options->ram_limit;
    lowering.plan = fuse_plan_create(context, kernel->kernel);
    lowering.function = loop_function_create(context, kernel->kernel->name);
    if (!lowering.plan || !lowering.function)
        return EINC_NO_MEMORY;
    lowering.function->kernel = kernel->kernel;
    if (!lower_create_tables(&lowering) || !lower_find_slices(&lowering) || !list_dims(&lowering) || !place_parameters(&lowering) ||
        !lower_place_rest(&lowering) || !append_all_stages(&lowering)) {
        enum einc_status status = ir_status(context);
        return status == EINC_OK ? EINC_INTERNAL : status;
    }
    lowering.function->work = ir_kernel_work(context, kernel->kernel);
    for (size_t k = 0; k < kernel->n_orders; k++)
        lowering.function->work.flops = poly_add(context, lowering.function->work.flops, kernel->orders[k].repeated);
    kernel->loops = lowering.function;
    return arena_failed(lowering.arena) ? EINC_NO_MEMORY : EINC_OK;
}
