/* Recurrences as `scan t: T { ... } from ...`.
 *
 * Every value of the step is a statement with the scan's index in front; a state before the step is read at the step before, a
 * slice by its access outside, the scan's index and the step's subscripts put in. Where the two accesses are none together (a fill
 * value inside a fill value), and where an initial value is no whole tensor, a let before the scan holds what is read. A result
 * that the step does not compute (a state before it, a slice, a constant, another result) is a copy of its own. */
#include "ein.h"

/* ---- reading ---- */

static const struct poly *step_index(const struct ein_writer *w)
{
    return poly_index(w->context, w->node->n_indices);
}

/* The subscripts with one in front. */
static struct ein_reading at_step(struct ein_writer *w, const struct ir_access *access, const char *name, const struct poly *step)
{
    const struct ir_node *node = access->node;
    const struct poly **subscripts = ARENA_ARRAY(w->arena, node->rank + 1, const struct poly *);
    const struct poly **shape = ARENA_ARRAY(w->arena, node->rank + 1, const struct poly *);
    struct ein_reading reading = {.name = name, .conjugate = access->conjugate, .fill = access->fill};
    if (!subscripts || !shape)
        return reading;
    subscripts[0] = step;
    shape[0] = w->step->scan->scan->extent;
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        subscripts[axis + 1] = access->subscripts[axis];
        shape[axis + 1] = node->shape[axis];
    }
    reading.rank = node->rank + 1;
    reading.subscripts = subscripts;
    reading.shape = shape;
    return reading;
}

static const struct poly *step_before(const struct ein_writer *w)
{
    const struct poly *one = poly_constant(w->context, 1), *step = step_index(w);
    return w->step->scan->scan->backward ? poly_add(w->context, step, one) : poly_subtract(w->context, step, one);
}

static bool is_state(const struct ein_writer *w, const struct ir_node *node)
{
    return node->op == IR_input_node && node->input.number < w->step->scan->scan->n_states;
}

/* Of a slice: the fill value outside of either access, in the order they apply. */
static const struct ir_number *fill_of(struct ein_writer *w, const struct ir_access *access, const struct ir_access *outside)
{
    if (access->fill || !outside->fill)
        return access->fill;
    struct ir_number *fill = arena_copy(w->arena, outside->fill, 1, sizeof *fill);
    if (fill && access->conjugate && ir_elem_is_complex(fill->elem))
        fill->im = -fill->im;
    return fill;
}

/* Values of an index, which are a tensor outside since a step has not the scan's index. */
static bool is_index_values(const struct ir_access *outside)
{
    const struct ir_node *node = outside->node;
    return node->op == IR_map_node && node->n_operands == 0 && node->body->op == IR_EXPR_index && !outside->fill;
}

static struct ein_reading read_slice(struct ein_writer *w, const struct ir_access *access)
{
    const struct ir_access *outside = &w->step->operands[access->node->input.number];
    uint32_t rank = access->node->rank;
    const struct poly **replacements = ARENA_ARRAY(w->arena, rank + 1, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(w->arena, outside->node->rank, const struct poly *);
    struct ein_reading reading = {.name = ein_outside_name(w, outside->node)};
    if (!replacements || !subscripts)
        return reading;
    replacements[0] = step_index(w);
    for (uint32_t axis = 0; axis < rank; axis++)
        replacements[axis + 1] = access->subscripts[axis];
    for (uint32_t axis = 0; axis < outside->node->rank; axis++)
        if (!(subscripts[axis] = poly_substitute(w->context, outside->subscripts[axis], rank + 1, replacements, NULL)))
            return reading;
    if (is_index_values(outside) && !access->fill)
        reading.value = poly_substitute(w->context, outside->node->body->index, outside->node->rank, subscripts, NULL);
    reading.conjugate = access->conjugate != outside->conjugate;
    reading.fill = fill_of(w, access, outside);
    reading.rank = outside->node->rank;
    reading.subscripts = subscripts;
    reading.shape = outside->node->shape;
    return reading;
}

struct ein_reading ein_read_in_step(struct ein_writer *w, const struct ir_access *access)
{
    const struct ir_node *node = access->node;
    if (node->op == IR_const_node)
        return ein_read_plainly(w, access);
    if (is_state(w, node))
        return at_step(w, access, w->step->names[node->input.number], step_before(w));
    return node->op == IR_input_node ? read_slice(w, access) : at_step(w, access, ein_node_name(w, node), step_index(w));
}

/* ---- what cannot be read in place ---- */

/* Is outside the slice along this axis outside the tensor too? */
static bool is_bare_axis(const struct ir_access *outside, uint32_t axis, const struct poly *extent)
{
    uint32_t index;
    for (uint32_t k = 0; k < outside->node->rank; k++)
        if (poly_is_index(outside->subscripts[k], &index) && index == axis + 1 && outside->node->shape[k] == extent)
            return true;
    return false;
}

/* Do the two accesses read as one? */
static bool reads_as_one(struct ein_writer *w, const struct ir_node *reader, const struct ir_access *access,
                         const struct ir_access *outside)
{
    struct poly_ranges ranges = ir_ranges(reader);
    bool always_inside = true, outside_both = true;
    for (uint32_t axis = 0; access->fill && axis < access->node->rank; axis++) {
        const struct poly *extent = access->node->shape[axis];
        bool inside = poly_prove_within(w->context, access->subscripts[axis], extent, &ranges);
        always_inside = always_inside && inside;
        outside_both = outside_both && (inside || is_bare_axis(outside, axis, extent));
    }
    if (always_inside && !access->fill)
        return true;
    if (!outside->fill)
        return outside_both;
    const struct ir_access bare = {.node = access->node, .conjugate = access->conjugate};
    const struct ir_number *fill = fill_of(w, &bare, outside);
    return outside_both && fill && ir_number_equal(*fill, *access->fill);
}

static bool is_read_in_place(struct ein_writer *w, const struct ir_node *scan, uint32_t number)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(w->context, scan->scan->step, &count);
    for (size_t k = 0; nodes && k < count; k++)
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++) {
            const struct ir_access *access = &nodes[k]->operands[o];
            if (access->node == scan->scan->step->inputs[number].node &&
                !reads_as_one(w, nodes[k], access, &scan->operands[number]))
                return false;
        }
    return nodes != NULL;
}

/* A let of what the access reads over this index space, before the scan; then the access of it as a whole. */
static bool put_let(struct ein_writer *w, const char *wanted, uint32_t rank, const struct poly *const *shape,
                    struct ir_access *access)
{
    const struct ir_node *view = ir_view(w->context, rank, shape, *access);
    if (!view)
        return false;
    if (!ein_is_named(w, view))
        ein_name_node(w, view, wanted);
    if (ein_is_computed(view) && view->op != IR_proj_node && ein_begins(w, view))
        ein_put_value(w, ein_node_name(w, view), view, false);
    *access = ir_access_whole(w->context, view);
    return access->subscripts != NULL;
}

static bool put_slice(struct ein_writer *w, const struct ir_node *scan, uint32_t number, struct ir_access *operand)
{
    const struct ir_input_info *input = &scan->scan->step->inputs[number];
    struct poly_ranges ranges = ir_operand_ranges(w->context, scan, number);
    const char *name = arena_printf(w->arena, "%s_slices", input->name ? input->name : "value");
    if (is_read_in_place(w, scan, number))
        return true;
    return ranges.extents && put_let(w, name, ranges.n, ranges.extents, operand);
}

/* A number that fills the state; NULL: none. */
static bool is_number(const struct ir_access *start, struct ir_number *number)
{
    const struct ir_node *node = start->node;
    bool body = node->op == IR_map_node && node->body->op == IR_EXPR_literal && !start->fill;
    if (body)
        *number = node->body->literal;
    if (node->op == IR_const_node && node->rank == 0)
        *number = ein_number_at(node->elem, node->constant->data, 0);
    if (start->conjugate)
        number->im = -number->im;
    return body || (node->op == IR_const_node && node->rank == 0);
}

static bool put_start(struct ein_writer *w, const struct ir_node *scan, uint32_t state, struct ir_access *operand)
{
    const struct ir_input_info *input = &scan->scan->step->inputs[state];
    const char *name = arena_printf(w->arena, "%s_start", input->name ? input->name : "state");
    const struct poly **at = ARENA_ARRAY(w->arena, input->node->rank + 1, const struct poly *);
    struct ir_number number;
    if (!at)
        return false;
    at[0] = poly_constant(w->context, 0);
    for (uint32_t axis = 0; axis < input->node->rank; axis++)
        at[axis + 1] = poly_index(w->context, axis);
    *operand = ir_access_substitute(w->context, *operand, input->node->rank + 1, at, NULL);
    if (!operand->node || is_number(operand, &number))
        return operand->node != NULL;
    struct ir_access whole = ir_access_whole(w->context, operand->node);
    bool same = whole.subscripts && operand->node->rank == input->node->rank && !operand->fill && !operand->conjugate;
    for (uint32_t axis = 0; same && axis < whole.node->rank; axis++)
        same = whole.subscripts[axis] == operand->subscripts[axis] && whole.node->shape[axis] == input->node->shape[axis];
    return same || put_let(w, name, input->node->rank, input->node->shape, operand);
}

static bool step_writes_index(const struct ein_writer *w, const struct ir_node *scan, uint32_t number)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(w->context, scan->scan->step, &count);
    bool written = nodes && is_index_values(&scan->operands[number]);
    for (size_t k = 0; written && k < count; k++)
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            if (nodes[k]->operands[o].node == scan->scan->step->inputs[number].node && nodes[k]->operands[o].fill)
                written = false;
    return written;
}

static bool scan_writes(const struct ein_writer *w, const struct ir_node *scan, uint32_t number)
{
    struct ir_number start;
    if (number < scan->scan->n_states)
        return is_number(&scan->operands[number], &start);
    return step_writes_index(w, scan, number);
}

bool ein_is_written_in_scans(const struct ein_writer *w, const struct ir_kernel *kernel, const struct ir_node *node)
{
    bool candidate = (node->op == IR_const_node && node->rank == 0) || (node->op == IR_map_node && node->n_operands == 0);
    size_t count;
    const struct ir_node **nodes = candidate ? ir_topological(w->context, kernel, &count) : NULL;
    bool written = false;
    if (!nodes || ein_output_of(kernel, node))
        return false;
    for (size_t k = 0; k < count; k++)
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++) {
            if (nodes[k]->operands[o].node != node)
                continue;
            if (nodes[k]->op != IR_scan_node || !scan_writes(w, nodes[k], o))
                return false;
            written = true;
        }
    return written;
}

/* ---- the statements ---- */

/* Names of the results, kept by their projections. */
static const char **name_results(struct ein_writer *w, const struct ir_node *scan)
{
    const struct ir_kernel *step = scan->scan->step;
    const char **names = ARENA_ARRAY(w->arena, step->n_outputs, const char *);
    for (uint32_t k = 0; names && k < step->n_outputs; k++) {
        const struct ir_node *every = ir_proj(w->context, scan, k, false);
        if (!every)
            return NULL;
        if (!ein_is_named(w, every))
            ein_name_node(w, every, step->outputs[k].name ? step->outputs[k].name : "state");
        names[k] = ein_node_name(w, every);
    }
    return names;
}

/* The result that this node of the step is; UINT32_MAX: none. */
static uint32_t result_of(const struct ir_kernel *step, const struct ir_node *node)
{
    for (uint32_t k = 0; k < step->n_outputs; k++)
        if (step->outputs[k].node == node)
            return k;
    return UINT32_MAX;
}

static void name_step(struct ein_writer *w, const struct ir_kernel *step, const struct ir_node *const *nodes, size_t count,
                      const char **names)
{
    for (size_t k = 0; k < count; k++) {
        uint32_t result = result_of(step, nodes[k]);
        const struct ir_name *known = ir_find_name(step, nodes[k]);
        struct ein_named named = {nodes[k], result == UINT32_MAX ? NULL : names[result], false};
        if (!ein_is_computed(nodes[k]))
            continue;
        if (named.name)
            ARENA_PUSH(w->arena, w->named, w->n_named, w->named_capacity, named);
        else
            ein_name_node(w, nodes[k], known && known->name ? known->name : "value");
    }
}

/* A state that a number begins takes its type from its statement, unless it is an output: the statement must say it then. */
static bool needs_cast(const struct ein_writer *w, const struct ir_kernel *outside, uint32_t result)
{
    const struct ir_scan *scan = w->step->scan->scan;
    struct ir_number number;
    return result < scan->n_states && scan->step->outputs[result].node->elem != IR_f64 &&
           is_number(&w->step->operands[result], &number) &&
           !ein_output_of(outside, ir_proj(w->context, w->step->scan, result, false));
}

static void put_statements(struct ein_writer *w, const struct ir_kernel *outside, const struct ir_node *const *nodes, size_t count)
{
    const struct ir_kernel *step = w->kernel;
    for (size_t k = 0; k < count; k++) {
        uint32_t result = result_of(step, nodes[k]);
        if (!ein_is_computed(nodes[k]))
            continue;
        ein_put_value(w, ein_node_name(w, nodes[k]), nodes[k], result != UINT32_MAX && needs_cast(w, outside, result));
    }
    for (uint32_t k = 0; k < step->n_outputs; k++) {
        const struct ir_node *node = step->outputs[k].node;
        if (ein_is_computed(node) && result_of(step, node) == k)
            continue;
        const struct ir_node *copy = ir_view(w->context, node->rank, node->shape, ir_access_whole(w->context, node));
        if (copy)
            ein_put_value(w, w->step->names[k], copy, needs_cast(w, outside, k));
    }
}

/* `h[-1,i] = h0[i]` */
static void put_initial(struct ein_writer *w, const struct ein_step *step, uint32_t state)
{
    const struct ir_scan *scan = step->scan->scan;
    const struct ir_access *start = &step->operands[state];
    struct ir_number number;
    struct ir_node space = {.n_indices = scan->step->inputs[state].node->rank};
    ein_name_indices(w, &space);
    text_printf(w->text, "%s%s[", state ? ", " : " from ", step->names[state]);
    if (scan->backward)
        ein_put_poly(w, scan->extent, 0);
    else
        text_put(w->text, "-1");
    for (uint32_t axis = 0; w->indices && axis < space.n_indices; axis++)
        text_printf(w->text, ",%s", w->indices[axis]);
    text_put(w->text, "] = ");
    if (is_number(start, &number)) {
        ein_put_number(w, number, EIN_ANY);
        return;
    }
    text_put(w->text, ein_node_name(w, start->node));
    for (uint32_t axis = 0; w->indices && axis < space.n_indices; axis++)
        text_printf(w->text, "%s%s%s", axis ? "," : "[", w->indices[axis], axis + 1 == space.n_indices ? "]" : "");
}

static void put_recurrence(struct ein_writer *w, struct ein_step *step)
{
    const struct ir_kernel *outside = w->kernel;
    const struct ir_scan *scan = step->scan->scan;
    const struct ir_name *known = ir_find_name(outside, step->scan);
    size_t count, names;
    const struct ir_node **nodes = ir_topological(w->context, scan->step, &count);
    if (!nodes || !(step->names = name_results(w, step->scan)))
        return;
    step->n_outside = w->n_named;
    name_step(w, scan->step, nodes, count, step->names);
    names = w->names.count;
    step->index = ein_new_name(w, known && known->index_names && known->index_names[0] ? known->index_names[0] : "step");
    text_printf(w->text, "    scan %s: ", step->index);
    ein_put_poly(w, scan->extent, 0);
    text_put(w->text, " {\n");
    w->kernel = scan->step;
    w->step = step;
    put_statements(w, outside, nodes, count);
    w->kernel = outside;
    w->step = NULL;
    w->n_named = step->n_outside;
    text_put(w->text, "    }");
    for (uint32_t k = 0; k < scan->n_states; k++)
        put_initial(w, step, k);
    text_put(w->text, "\n");
    w->names.count = names;
}

void ein_put_scan(struct ein_writer *w, const struct ir_node *scan)
{
    struct ir_access *operands = arena_copy(w->arena, scan->operands, scan->n_operands, sizeof *operands);
    struct ein_step step = {.scan = scan, .operands = operands};
    bool fine = operands != NULL;
    for (uint32_t k = 0; fine && k < scan->n_operands; k++)
        fine = k < scan->scan->n_states ? put_start(w, scan, k, &operands[k]) : put_slice(w, scan, k, &operands[k]);
    if (fine)
        put_recurrence(w, &step);
}

void ein_put_last(struct ein_writer *w, const char *name, const struct ir_node *last)
{
    const struct ir_node *scan = last->operands[0].node;
    const struct poly *step = scan->scan->backward ? poly_constant(w->context, 0)
                                                   : poly_subtract(w->context, scan->scan->extent, poly_constant(w->context, 1));
    const struct ir_node *every = ir_proj(w->context, scan, last->proj.result, false);
    struct ir_node space = {.n_indices = last->rank, .rank = last->rank, .shape = last->shape};
    if (!every || !step)
        return;
    w->node = last;
    ein_name_indices(w, &space);
    if (!w->indices)
        return;
    text_put(w->text, ein_output_of(w->kernel, last) ? "    " : "    let ");
    ein_put_left(w, name, &space, w->indices);
    text_printf(w->text, "%s[", ein_node_name(w, every));
    ein_put_poly(w, step, 0);
    for (uint32_t axis = 0; axis < last->rank; axis++)
        text_printf(w->text, ",%s", w->indices[axis]);
    text_put(w->text, "]\n");
}
