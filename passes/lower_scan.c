/* A scan as a loop over its steps, with the stages of the step inside.
 *
 * Each state has memory of its own: a local variable when it is one number, else a buffer, that of its last value where this is
 * asked for. It is set before the loop. A step computes the new state into the row of the result that keeps every step, or into
 * memory beside; where nothing of the old state is read after its element was replaced, straight over the old one. At the
 * end of the step the new states become the old ones. Slices are not copied: the step reads them where they are, as its stages
 * would read anything outside that is not stored. */
#include "lower.h"

struct scanning {
    struct ir_context *context;
    struct lowering *outside;
    struct lowering *step;
    const struct ir_node *node;
    const struct ir_scan *scan;
    struct lower_place *states;  /* one a state: before the step */
    struct lower_place *results; /* one an output of the step: where it is computed */
};

/* ---- reading slices ---- */

const struct ir_expr *lower_slice(struct lowering *step, struct nest *nest, struct lower_value *value, const struct ir_node *node,
                                  const struct poly *const *subscripts)
{
    const struct poly **at = ARENA_ARRAY(step->arena, node->rank + 1, const struct poly *);
    if (!at)
        return NULL;
    at[0] = poly_index(step->context, 0); /* the frame's index is the first of the nest */
    for (uint32_t axis = 0; axis < node->rank; axis++)
        at[axis + 1] = subscripts[axis];
    return lower_access(step->outside, nest, value, &step->scan->operands[node->input.number], at, node->rank + 1, false);
}

/* ---- may the new state replace the old one element by element? ---- */

/* Does the stage of `node` read `input`, itself or through what it computes on the way? */
static bool reads(const struct lowering *step, const struct ir_node *node, const struct ir_node *input)
{
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_node *operand = node->operands[k].node;
        if (operand == input || (!step->plan->stored[operand->id] && reads(step, operand, input)))
            return true;
    }
    return false;
}

/* Does it read of `input` only the element that it computes? */
static bool reads_own_element(const struct lowering *step, const struct ir_node *node, const struct ir_node *input)
{
    bool pointwise = node->op == IR_map_node || node->op == IR_view_node;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        const struct ir_node *operand = access->node;
        bool through = !step->plan->stored[operand->id] && reads(step, operand, input);
        struct ir_access whole = ir_access_whole(step->context, operand);
        if (operand != input && !through)
            continue;
        if (!pointwise || operand->rank != node->rank || access->conjugate || !fuse_same_access(access, &whole) ||
            (through && !reads_own_element(step, operand, input)))
            return false;
    }
    return true;
}

static bool may_replace(const struct scanning *scanning, uint32_t state)
{
    const struct lowering *step = scanning->step;
    const struct ir_node *input = step->kernel->inputs[state].node, *output = step->kernel->outputs[state].node;
    for (uint32_t k = 0; k < step->kernel->n_outputs; k++)
        if (step->kernel->outputs[k].node == input || (k != state && step->kernel->outputs[k].node == output))
            return false;
    for (size_t k = 0; k < step->plan->n_nodes; k++) {
        const struct ir_node *node = step->plan->nodes[k];
        if (step->plan->stored[node->id] && node->id > output->id && reads(step, node, input))
            return false;
    }
    if (output->op == IR_concat_node) /* computed box by box */
        return false;
    if (step->plan->finishing[output->id] && reads(step, output, input)) /* the sum may be gathered where the old state stands */
        return false;
    return output->op != IR_input_node && reads_own_element(step, output, input);
}

/* ---- memory ---- */

/* The value of output `result` of every step, or after the last; NULL: nobody wants it. */
static const struct ir_node *find_projection(const struct scanning *scanning, uint32_t result, bool last)
{
    const struct fuse_plan *plan = scanning->outside->plan;
    for (size_t k = 0; k < plan->n_nodes; k++) {
        const struct ir_node *node = plan->nodes[k];
        if (node->op == IR_proj_node && node->operands[0].node == scanning->node && node->proj.result == result &&
            node->proj.last == last)
            return node;
    }
    return NULL;
}

static bool is_single(const struct scanning *scanning, const struct ir_node *node)
{
    /* which need memory */
    bool in_parts = node->op == IR_concat_node || node->op == IR_scatter_node || node->op == IR_solve_node;
    return poly_equals(ir_element_count(scanning->context, node), 1) && !in_parts;
}

static bool new_place(struct scanning *scanning, const struct ir_node *node, const char *name, struct lower_place *place)
{
    *place = (struct lower_place){.placed = true, .is_local = is_single(scanning, node)};
    place->number = place->is_local ? loop_add_local(scanning->context, scanning->outside->function, name, node->elem)
                                    : lower_add_buffer(scanning->outside, LOOP_SCRATCH, name, node);
    return place->number != UINT32_MAX;
}

/* Of no steps, at any sizes? Then there is no loop: in it what is read might be outside of what has no steps either. */
static bool has_no_steps(const struct scanning *scanning)
{
    return poly_equals(scanning->scan->extent, 0);
}

/* Does anything read the state? */
static bool is_wanted(const struct scanning *scanning, uint32_t state)
{
    return !has_no_steps(scanning) || find_projection(scanning, state, true);
}

static bool place_states(struct scanning *scanning)
{
    for (uint32_t k = 0; k < scanning->scan->n_states; k++) {
        if (!is_wanted(scanning, k))
            continue;
        const struct ir_input_info *input = &scanning->scan->step->inputs[k];
        const struct ir_node *last = find_projection(scanning, k, true);
        struct lower_place *kept = last ? &scanning->outside->places[last->id] : NULL;
        if (kept && kept->placed && kept->is_local == is_single(scanning, input->node))
            scanning->states[k] = *kept;
        else if (!new_place(scanning, input->node, input->name ? input->name : "state", &scanning->states[k]))
            return false;
        scanning->step->places[input->node->id] = scanning->states[k];
    }
    return true;
}

/* Row t of the result that keeps every step. */
static struct lower_place row_of(struct scanning *scanning, const struct ir_node *every, const struct ir_node *value)
{
    struct lower_place place = scanning->outside->places[every->id];
    const struct poly *stride = place.strides ? place.strides[0] : ir_element_count(scanning->context, value);
    place.offset = poly_multiply(scanning->context, poly_index(scanning->context, 0), stride);
    place.strides = place.strides ? place.strides + 1 : NULL;
    return place;
}

static bool place_results(struct scanning *scanning)
{
    struct lowering *step = scanning->step;
    for (uint32_t k = 0; k < step->kernel->n_outputs; k++) {
        const struct ir_output *output = &step->kernel->outputs[k];
        const struct ir_node *node = output->node, *every = find_projection(scanning, k, false);
        struct lower_place *place = &scanning->results[k];
        bool state = k < scanning->scan->n_states;
        if (every && scanning->outside->places[every->id].placed && !scanning->outside->places[every->id].is_local)
            *place = row_of(scanning, every, node);
        else if (state && !scanning->states[k].is_local && may_replace(scanning, k))
            *place = scanning->states[k];
        else if (!new_place(scanning, node, arena_printf(step->arena, "%s_next", output->name ? output->name : "value"), place))
            return false;
        if (node->op != IR_input_node && node->op != IR_const_node && !step->places[node->id].placed)
            step->places[node->id] = *place;
    }
    return true;
}

/* ---- moving states ---- */

/* A stage over the elements of a state that stores `value` of them to `to`; `inside` the loop, whose index comes first then. */
static struct nest *begin_move(struct scanning *scanning, bool inside, uint32_t state, struct lower_place to,
                               const struct poly ***axes)
{
    struct lowering *step = scanning->step;
    const struct ir_node *node = step->kernel->inputs[state].node, *named = step->kernel->outputs[state].node;
    struct nest *nest = ARENA_NEW(step->arena, struct nest);
    *axes = ARENA_ARRAY(step->arena, node->rank + 1, const struct poly *);
    step->locals->in_use = 0;
    if (!nest || !*axes)
        return NULL;
    if (inside && nest_add_index(step, nest, step->frame->indices[0], step->frame->extents[0]) == UINT32_MAX)
        return NULL;
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        const char *name = lower_index_name(step->kernel, named, axis);
        if (!((*axes)[axis] = lower_add_named(step, nest, name, node->shape[axis], false)))
            return NULL;
    }
    nest->combine = IR_EXPR_OP_COUNT;
    nest->elem = node->elem;
    nest->to_local = to.is_local;
    nest->target = to.number;
    nest->address = ir_linear_offset(step->context, node, *axes);
    return nest->address ? nest : NULL;
}

static struct loop_stmt *end_move(struct scanning *scanning, struct nest *nest, uint32_t state, const char *words)
{
    const char *name = scanning->scan->step->inputs[state].name;
    const char *comment = arena_printf(scanning->step->arena, words, name ? name : "state");
    return nest->result.expr ? lower_nest_statements(scanning->step, nest, scanning->scan->step->span, comment) : NULL;
}

static struct loop_stmt *write_start(struct scanning *scanning, uint32_t state)
{
    const struct poly **axes, **at;
    const struct ir_node *input = scanning->scan->step->inputs[state].node;
    struct nest *nest = begin_move(scanning, false, state, scanning->states[state], &axes);
    if (!nest || !(at = ARENA_ARRAY(scanning->step->arena, input->rank + 1, const struct poly *)))
        return NULL;
    at[0] = poly_constant(scanning->context, 0);
    for (uint32_t axis = 0; axis < input->rank; axis++)
        at[axis + 1] = axes[axis];
    nest->result.expr =
        lower_access(scanning->outside, nest, &nest->result, &scanning->node->operands[state], at, input->rank + 1, false);
    return end_move(scanning, nest, state, "%s before the first step");
}

/* What stands at `from`, to `to`. */
static struct loop_stmt *write_move(struct scanning *scanning, bool inside, uint32_t state, struct lower_place from,
                                    struct lower_place to, const char *words)
{
    const struct poly **axes;
    const struct ir_node *input = scanning->scan->step->inputs[state].node;
    struct ir_context *context = scanning->context;
    struct nest *nest = begin_move(scanning, inside, state, to, &axes);
    if (!nest)
        return NULL;
    if (from.is_local) {
        nest->result.expr = ir_expr_local(context, from.number, input->elem);
    } else {
        const struct poly *address = lower_address_at(scanning->step, input, &from, axes);
        nest->result.expr = ir_expr_load(context, from.number, input->elem, address);
    }
    return end_move(scanning, nest, state, words);
}

static bool same_place(struct lower_place a, struct lower_place b)
{
    return a.is_local == b.is_local && a.number == b.number && a.offset == b.offset;
}

/* ---- the loop ---- */

/* Has it no elements, at any sizes? Nothing moves then. */
static bool is_empty(const struct scanning *scanning, uint32_t state)
{
    return poly_equals(ir_element_count(scanning->context, scanning->scan->step->inputs[state].node), 0);
}

static bool write_starts(struct scanning *scanning, struct loop_stmt **list)
{
    for (uint32_t k = 0; k < scanning->scan->n_states; k++) {
        if (is_empty(scanning, k) || !is_wanted(scanning, k))
            continue;
        struct loop_stmt *start = write_start(scanning, k);
        if (!start)
            return false;
        for (struct loop_stmt *stmt = start; stmt; stmt = stmt->next) /* checks of what it looks up stand before it */
            if (stmt->op == LOOP_DEFINE && scanning->states[k].is_local && stmt->local.local == scanning->states[k].number)
                stmt->local.constant = false; /* every step sets it again */
        *list = loop_join(*list, start);
    }
    return true;
}

/* The one number at a place in memory, inside the loop. */
static const struct ir_expr *single_element(struct scanning *scanning, struct lower_place from, enum ir_elem elem)
{
    const struct poly *address = poly_constant(scanning->context, 0);
    if (from.offset)
        address = poly_substitute(scanning->context, from.offset, 1, &scanning->step->frame->indices[0].value, NULL);
    return ir_expr_load(scanning->context, from.number, elem, address);
}

/* The new states become the old ones, all after the last stage of the step. */
static bool write_updates(struct scanning *scanning, struct loop_stmt **list)
{
    for (uint32_t k = 0; k < scanning->scan->n_states; k++) {
        struct lower_place from = scanning->results[k], to = scanning->states[k];
        const struct ir_node *output = scanning->scan->step->outputs[k].node;
        if (same_place(from, to) || is_empty(scanning, k))
            continue;
        struct loop_stmt *update;
        if (to.is_local) {
            const struct ir_expr *value = from.is_local ? ir_expr_local(scanning->context, from.number, output->elem)
                                                        : single_element(scanning, from, output->elem);
            update = loop_set(scanning->context, to.number, value, IR_EXPR_OP_COUNT);
        } else {
            update = write_move(scanning, true, k, from, to, "%s, for the next step");
        }
        if (!update)
            return false;
        *list = loop_join(*list, update);
    }
    return true;
}

/* Last values that have memory of their own. */
static bool write_ends(struct scanning *scanning, struct loop_stmt **list)
{
    for (uint32_t k = 0; k < scanning->scan->n_states; k++) {
        const struct ir_node *last = find_projection(scanning, k, true);
        if (!last || same_place(scanning->outside->places[last->id], scanning->states[k]) || is_empty(scanning, k))
            continue;
        struct lower_place to = scanning->outside->places[last->id];
        struct loop_stmt *end = write_move(scanning, false, k, scanning->states[k], to, "%s after the last step");
        if (!end)
            return false;
        *list = loop_join(*list, end);
    }
    return true;
}

static struct lower_frame *create_frame(struct scanning *scanning)
{
    struct ir_context *context = scanning->context;
    struct lowering *outside = scanning->outside;
    struct lower_frame *frame = ARENA_NEW(outside->arena, struct lower_frame);
    const char *name = lower_index_name(outside->kernel, scanning->node, 0);
    if (!frame || !(frame->indices = ARENA_NEW(outside->arena, struct nest_index)))
        return NULL;
    frame->n = 1;
    frame->extents = arena_copy(outside->arena, &scanning->scan->extent, 1, sizeof *frame->extents);
    name = scanning->scan->backward ? arena_printf(outside->arena, "steps_%s", name ? name : "done") : name ? name : "step";
    frame->indices[0] = (struct nest_index){.name = name, .outer = true};
    frame->indices[0].number = loop_add_index(context, outside->function, frame->indices[0].name);
    const struct poly *index = poly_index(context, frame->indices[0].number);
    if (scanning->scan->backward)
        index = poly_subtract(context, poly_subtract(context, scanning->scan->extent, poly_constant(context, 1)), index);
    frame->indices[0].value = index;
    return frame->extents && index && frame->indices[0].number != UINT32_MAX ? frame : NULL;
}

/* The stages of the step, and what carries its states on. */
static bool write_step(struct scanning *scanning, struct loop_stmt **list)
{
    struct loop_function *function = scanning->outside->function;
    struct loop_stmt *before = function->body;
    function->body = NULL;
    bool fine = lower_append_stages(scanning->step, scanning->results);
    *list = function->body;
    function->body = before;
    return fine && write_updates(scanning, list);
}

static bool write_loop(struct scanning *scanning, struct loop_stmt **list)
{
    const struct lowering *outside = scanning->outside;
    const struct ir_scan *scan = scanning->scan;
    struct loop_stmt *body = NULL;
    if (!write_step(scanning, &body))
        return false;
    if (!body) /* nothing has any elements */
        return true;
    struct loop_stmt *loop = loop_for(scanning->context, LOOP_SERIAL, scanning->step->frame->indices[0].number,
                                      poly_constant(scanning->context, 0), scan->extent, body);
    const char *name = lower_index_name(outside->kernel, scanning->node, 0);
    if (!loop)
        return false;
    if (scan->backward)
        loop->comment = arena_printf(outside->arena, "%s runs down from its last value", name ? name : "the step");
    *list = loop_join(*list, loop);
    return true;
}

static bool begin_scan(struct scanning *scanning)
{
    struct lowering *step = scanning->step;
    step->plan = fuse_plan_create(scanning->context, step->kernel);
    step->frame = create_frame(scanning);
    scanning->states = ARENA_ARRAY(step->arena, scanning->scan->n_states, struct lower_place);
    scanning->results = ARENA_ARRAY(step->arena, step->kernel->n_outputs, struct lower_place);
    return step->plan && step->frame && scanning->states && scanning->results && lower_create_tables(step) &&
           place_states(scanning) && (has_no_steps(scanning) || (place_results(scanning) && lower_place_rest(step)));
}

bool lower_scan_loop(struct lowering *lowering, const struct ir_node *node)
{
    struct lowering step = {.context = lowering->context,
                            .arena = lowering->arena,
                            .kernel = node->scan->step,
                            .machine = lowering->machine,
                            .function = lowering->function,
                            .locals = lowering->locals,
                            .outside = lowering,
                            .scan = node};
    struct scanning scanning = {lowering->context, lowering, &step, node, node->scan, NULL, NULL};
    struct loop_stmt *list = NULL;
    if (!begin_scan(&scanning) || !write_starts(&scanning, &list) || (!has_no_steps(&scanning) && !write_loop(&scanning, &list)) ||
        !write_ends(&scanning, &list))
        return false;
    lowering->function->body = loop_join(lowering->function->body, list);
    return true;
}
