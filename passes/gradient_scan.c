/* Scans run backwards.
 *
 * Of s[t], r[t] = step(s[t-1], x[t]) the cotangents follow, from the last step to the first,
 *   d_s[t-1], d_x[t] = vector-Jacobian product of the step at (s[t-1], x[t]) with (d_s[t] + what s[t] gets outside, d_r[t]):
 * a scan in the other direction, whose step is the gradient of the step, made by the same sweep. Its states are the cotangents of
 * the active states, beginning with what the last value gets. It reads, where its step needs them, the slices of the forward scan,
 * its states before each step, which the forward scan then stores as more results, and its results, so that they are not computed
 * again.
 */
#include "gradient.h"

struct reversing {
    struct gradient *gradient;
    struct ir_context *context;
    struct arena *arena;
    struct gradient_scan *scan;
    const struct ir_node *node; /* the forward scan */
    const struct ir_kernel *step;
    uint32_t n_states;
    struct gradient inner;                /* the sweep over the step */
    struct ir_kernel *made;               /* the backward step */
    const struct ir_node **every, **last; /* cotangents of the projections, by result; NULL: none */
    struct gradient_source *sources;
    struct ir_access *operands; /* one a source */
    size_t n_sources;
    uint32_t *outputs;           /* number of the backward step's output for an input of the forward one; UINT32_MAX: none */
    const struct ir_node **sums; /* of inputs that are the same at every step: what they got so far, a state; NULL: not summed so */
    uint32_t n_sums;
};

const struct ir_node *gradient_zeros(struct ir_context *context, enum ir_elem elem, uint32_t rank, const struct poly *const *shape)
{
    const struct ir_node *zero = ir_scalar(context, ir_number_real(elem, 0));
    return zero ? ir_view(context, rank, shape, ir_access_whole(context, zero)) : NULL;
}

/* ---- what takes part ---- */

/* The step's outputs that depend on its marked inputs. */
static bool activate_step(struct gradient *gradient, struct gradient_scan *scan, struct gradient *inner)
{
    const struct ir_kernel *step = scan->node->scan->step;
    *inner = (struct gradient){.context = gradient->context, .arena = gradient->arena, .kernel = step};
    inner->names = ARENA_NEW(gradient->arena, struct ir_kernel);
    if (!inner->names || !gradient_activate(inner, scan->inputs))
        return false;
    for (uint32_t k = 0; k < step->n_outputs; k++)
        scan->outputs[k] = gradient_is_active(inner, step->outputs[k].node);
    return true;
}

static struct gradient_scan *find_scan(struct gradient *gradient, const struct ir_node *node)
{
    for (size_t k = 0; k < gradient->n_scans; k++)
        if (gradient->scans[k].node == node)
            return &gradient->scans[k];
    return NULL;
}

/* A state is active when its first value is, or a step makes it so; to a fixed point. */
static struct gradient_scan *open_scan(struct gradient *gradient, const struct ir_node *node)
{
    const struct ir_scan *scan = node->scan;
    struct gradient_scan opened = {.node = node,
                                   .inputs = ARENA_ARRAY(gradient->arena, scan->step->n_inputs, bool),
                                   .outputs = ARENA_ARRAY(gradient->arena, scan->step->n_outputs, bool)};
    struct gradient inner;
    if (!opened.inputs || !opened.outputs)
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++)
        opened.inputs[k] = gradient_is_active(gradient, node->operands[k].node);
    for (bool more = true; more;) {
        if (!activate_step(gradient, &opened, &inner))
            return NULL;
        more = false;
        for (uint32_t k = 0; k < scan->n_states; k++) {
            more |= opened.outputs[k] && !opened.inputs[k];
            opened.inputs[k] |= opened.outputs[k];
        }
    }
    bool kept = ARENA_PUSH(gradient->arena, gradient->scans, gradient->n_scans, gradient->scans_capacity, opened);
    return kept ? &gradient->scans[gradient->n_scans - 1] : NULL;
}

bool gradient_scan_depends(struct gradient *gradient, const struct ir_node *node)
{
    if (node->op == IR_scan_node) {
        const struct gradient_scan *scan = open_scan(gradient, node);
        for (uint32_t k = 0; scan && k < node->scan->step->n_inputs; k++)
            if (scan->inputs[k])
                return true;
        return false;
    }
    const struct gradient_scan *scan = find_scan(gradient, node->operands[0].node);
    uint32_t result = node->proj.result;
    return scan && (scan->outputs[result] || (node->proj.last && scan->inputs[result]));
}

/* ---- the forward scan with more results ---- */

/* Its states before each step follow its own results. */
static const struct ir_node *extend(struct gradient *gradient, struct gradient_scan *scan)
{
    struct ir_context *context = gradient->context;
    struct ir_scan *extended = arena_copy(gradient->arena, scan->node->scan, 1, sizeof *extended);
    const struct ir_kernel *step = scan->node->scan->step;
    struct ir_kernel *longer = extended ? ir_kernel_copy(context, step) : NULL;
    if (scan->extended || !longer)
        return scan->extended;
    uint32_t n = step->n_outputs + extended->n_states;
    longer->outputs = ARENA_ARRAY(gradient->arena, n, struct ir_output);
    for (uint32_t k = 0; longer->outputs && k < n; k++) {
        const struct ir_input_info *state = k < step->n_outputs ? NULL : &step->inputs[k - step->n_outputs];
        longer->outputs[k] =
            state ? (struct ir_output){arena_printf(gradient->arena, "%s_before", state->name), state->node, state->span, 0}
                  : step->outputs[k];
    }
    longer->n_outputs = n;
    extended->step = longer;
    scan->extended = longer->outputs ? ir_scan(context, extended, scan->node->operands) : NULL;
    const struct ir_name *name = gradient_find_name(gradient, scan->node);
    if (name)
        ir_set_name(context, gradient->names, scan->extended, name->name, name->index_names, name->span);
    return scan->extended;
}

/* Result `result` of every step of the extended scan, as an operand of the backward one. */
static struct ir_access every_step(struct reversing *reversing, uint32_t result, const char *name)
{
    const struct ir_node *extended = extend(reversing->gradient, reversing->scan);
    const struct ir_node *proj = ir_proj(reversing->context, extended, result, false);
    ir_set_name(reversing->context, reversing->gradient->names, proj, name, NULL, SPAN_NONE);
    return ir_access_whole(reversing->context, proj);
}

/* ---- sources of the backward step ---- */

static bool add_source(struct reversing *reversing, const struct ir_node *node, const char *name, struct span span, bool needed,
                       struct ir_access operand)
{
    struct gradient_source source = {.node = node, .info = {.name = name, .span = span}, .needed = needed};
    reversing->operands[reversing->n_sources] = operand;
    reversing->sources[reversing->n_sources++] = source;
    return node && name && operand.node;
}

/* An input for the cotangent of output `k` of the step: number `number`, beyond those of the step. */
static const struct ir_node *cotangent_input(struct reversing *reversing, uint32_t k, uint32_t number)
{
    const struct ir_node *node = reversing->step->outputs[k].node;
    return ir_input(reversing->context, number, node->elem, node->rank, node->shape);
}

/* Where a state's cotangent begins: what its last value gets, or 0. Read over index 0, the step, and the state's axes behind it. */
static struct ir_access first_cotangent(struct reversing *reversing, uint32_t state)
{
    struct ir_context *context = reversing->context;
    const struct ir_node *node = reversing->last[state];
    if (!node)
        node = ir_scalar(context, ir_number_real(reversing->step->inputs[state].node->elem, 0));
    const struct poly **subscripts = node ? ARENA_ARRAY(reversing->arena, node->rank, const struct poly *) : NULL;
    for (uint32_t axis = 0; subscripts && axis < node->rank; axis++)
        subscripts[axis] = poly_index(context, axis + 1);
    return (struct ir_access){.node = subscripts ? node : NULL, .subscripts = subscripts};
}

static double typical_count(struct reversing *reversing, const struct ir_node *node)
{
    return poly_estimate(ir_element_count(reversing->context, node), ir_typical_sizes(reversing->context), NULL);
}

/* Is the input the same at every step, and larger than all states? Then what each step gives it is added up in place: kept apart it
 * would be the largest thing there is. */
static bool is_summed(struct reversing *reversing, uint32_t input)
{
    const struct ir_access *operand = &reversing->node->operands[input];
    double states = 0;
    if (!reversing->scan->inputs[input])
        return false;
    for (uint32_t axis = 0; axis < operand->node->rank; axis++)
        if (poly_uses_index(operand->subscripts[axis], 0))
            return false;
    for (uint32_t k = 0; k < reversing->n_states; k++)
        states += typical_count(reversing, reversing->step->inputs[k].node);
    return typical_count(reversing, reversing->step->inputs[input].node) > states;
}

/* States that begin at 0. */
static bool add_sums(struct reversing *reversing)
{
    const struct ir_kernel *step = reversing->step;
    bool fine = true;
    for (uint32_t k = reversing->n_states; k < step->n_inputs && fine; k++) {
        const struct ir_node *input = step->inputs[k].node;
        if (!is_summed(reversing, k))
            continue;
        const struct ir_node *zero = ir_scalar(reversing->context, ir_number_real(input->elem, 0));
        reversing->sums[k] =
            ir_input(reversing->context, step->n_inputs + 2 * step->n_outputs + k, input->elem, input->rank, input->shape);
        reversing->n_sums++;
        fine = zero && add_source(reversing, reversing->sums[k], arena_printf(reversing->arena, "d_%s", step->inputs[k].name),
                                  step->inputs[k].span, true, ir_access_whole(reversing->context, zero));
    }
    return fine;
}

/* Cotangents that come in: states first. */
static bool add_cotangents(struct reversing *reversing)
{
    const struct ir_kernel *step = reversing->step;
    struct gradient *inner = &reversing->inner;
    bool fine = true;
    for (uint32_t k = 0; k < reversing->n_states && fine; k++) {
        const struct ir_node *node = cotangent_input(reversing, k, step->n_inputs + k);
        if (!reversing->scan->inputs[k])
            continue;
        fine = add_source(reversing, node, arena_printf(reversing->arena, "d_%s", step->inputs[k].name), step->inputs[k].span, true,
                          first_cotangent(reversing, k));
        gradient_contribute(inner, step->outputs[k].node, node);
    }
    fine = fine && add_sums(reversing);
    for (uint32_t k = 0; k < step->n_outputs && fine; k++) {
        const struct ir_node *node = cotangent_input(reversing, k, step->n_inputs + step->n_outputs + k);
        if (!reversing->every[k])
            continue;
        const char *form = k < reversing->n_states ? "d_%s_outside" : "d_%s";
        fine = add_source(reversing, node, arena_printf(reversing->arena, form, step->outputs[k].name), step->outputs[k].span,
                          false, ir_access_whole(reversing->context, reversing->every[k]));
        gradient_contribute(inner, step->outputs[k].node, node);
    }
    return fine;
}

/* Values of the forward scan. A result that is needed only as a value is read, not made again. */
static bool add_values(struct reversing *reversing)
{
    const struct ir_kernel *step = reversing->step;
    bool fine = true;
    for (uint32_t k = 0; k < step->n_inputs && fine; k++) {
        const struct ir_input_info *input = &step->inputs[k];
        bool state = k < reversing->n_states;
        const char *name = state ? arena_printf(reversing->arena, "%s_before", input->name) : input->name;
        fine = add_source(reversing, input->node, name, input->span, false,
                          state ? every_step(reversing, step->n_outputs + k, name) : reversing->node->operands[k]);
    }
    for (uint32_t k = 0; k < step->n_outputs && fine; k++)
        if (step->outputs[k].node->op != IR_input_node)
            fine = add_source(reversing, step->outputs[k].node, step->outputs[k].name, step->outputs[k].span, false,
                              every_step(reversing, k, step->outputs[k].name));
    return fine;
}

/* ---- the backward step ---- */

static void add_output(struct reversing *reversing, uint32_t input, const struct ir_node *node)
{
    const struct ir_input_info *info = &reversing->step->inputs[input];
    reversing->outputs[input] = reversing->made->n_outputs;
    reversing->made->outputs[reversing->made->n_outputs++] =
        (struct ir_output){arena_printf(reversing->arena, "d_%s", info->name), node, info->span, 0};
}

/* Is what the input gets a state of the backward scan? */
static bool is_state(const struct reversing *reversing, uint32_t input)
{
    return input < reversing->n_states || reversing->sums[input];
}

/* What an input of the forward step gets, as an output of the backward one. */
static void end_input(struct reversing *reversing, uint32_t input)
{
    struct ir_context *context = reversing->context;
    const struct ir_node *node = reversing->step->inputs[input].node, *sum = reversing->sums[input];
    const struct ir_node *got = gradient_is_active(&reversing->inner, node) ? gradient_cotangent(&reversing->inner, node) : NULL;
    reversing->outputs[input] = UINT32_MAX;
    if (!reversing->scan->inputs[input] || (!got && !is_state(reversing, input)))
        return;
    if (sum && got) {
        const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, node->elem), ir_expr_operand(context, 1, node->elem)};
        struct ir_access operands[2] = {ir_access_whole(context, sum), ir_access_whole(context, got)};
        got = gradient_name(&reversing->inner,
                            ir_map(context, node->rank, node->shape, 2, operands, ir_expr_apply(context, IR_EXPR_add, 2, sides)),
                            NULL, got);
    }
    if (!got)
        got = sum ? sum : gradient_zeros(context, node->elem, node->rank, node->shape);
    add_output(reversing, input, got);
}

static bool make_step(struct reversing *reversing)
{
    const struct ir_kernel *step = reversing->step;
    struct gradient *inner = &reversing->inner;
    reversing->made = inner->names;
    reversing->made->name = arena_printf(reversing->arena, "%s_back", step->name ? step->name : "step");
    reversing->made->span = step->span;
    reversing->made->numeric_class = step->numeric_class;
    reversing->made->class_stated = step->class_stated;
    reversing->made->outputs = ARENA_ARRAY(reversing->arena, step->n_inputs, struct ir_output);
    reversing->outputs = ARENA_ARRAY(reversing->arena, step->n_inputs, uint32_t);
    if (!reversing->made->outputs || !reversing->outputs || !gradient_sweep(inner))
        return false;
    for (int states = 1; states >= 0; states--)
        for (uint32_t k = 0; k < step->n_inputs; k++)
            if (is_state(reversing, k) == (states == 1))
                end_input(reversing, k);
    return gradient_assemble(inner, reversing->made, reversing->sources, reversing->n_sources);
}

static const struct ir_node *make_scan(struct reversing *reversing)
{
    const struct ir_scan *forward = reversing->node->scan;
    struct ir_access *operands = ARENA_ARRAY(reversing->arena, reversing->n_sources, struct ir_access);
    uint32_t n = 0, n_states = reversing->n_sums;
    for (size_t k = 0; operands && k < reversing->n_sources; k++)
        if (reversing->sources[k].needed)
            operands[n++] = reversing->operands[k];
    for (uint32_t k = 0; k < reversing->n_states; k++)
        n_states += reversing->scan->inputs[k];
    struct ir_scan *scan = ARENA_NEW(reversing->arena, struct ir_scan);
    if (!operands || !scan)
        return NULL;
    *scan = (struct ir_scan){!forward->backward, forward->extent, n_states, reversing->made};
    const struct ir_node *node = ir_scan(reversing->context, scan, operands);
    return gradient_name(reversing->gradient, node, NULL, reversing->node);
}

/* ---- what the operands get ---- */

/* The operand of what is a state here: its access speaks of the axes behind index 0. */
static struct ir_access without_step(struct reversing *reversing, uint32_t operand)
{
    struct ir_context *context = reversing->context;
    const struct ir_node *input = reversing->step->inputs[operand].node;
    const struct poly **by = ARENA_ARRAY(reversing->arena, input->rank + 1, const struct poly *);
    if (!by)
        return (struct ir_access){.node = NULL};
    by[0] = poly_constant(context, 0);
    for (uint32_t axis = 0; axis < input->rank; axis++)
        by[axis + 1] = poly_index(context, axis);
    struct poly_ranges ranges = {input->rank, input->shape};
    return ir_access_substitute(context, reversing->node->operands[operand], input->rank + 1, by, &ranges);
}

static void contribute(struct reversing *reversing, const struct ir_node *backward, uint32_t input)
{
    struct gradient *gradient = reversing->gradient;
    struct ir_context *context = reversing->context;
    const struct ir_access *operand = &reversing->node->operands[input];
    bool state = is_state(reversing, input);
    if (reversing->outputs[input] == UINT32_MAX || !gradient_is_active(gradient, operand->node))
        return;
    const struct ir_node *proj = ir_proj(context, backward, reversing->outputs[input], state);
    if (!proj)
        return;
    struct ir_access factor = ir_access_whole(context, proj),
                     target = state ? without_step(reversing, input) : *operand; /* of every step, or at the end */
    const struct ir_node *space = ir_view(context, proj->rank, proj->shape, factor);
    struct gradient_term term = {space, &target, &factor, 1, proj->elem};
    if (space && target.node)
        gradient_contribute(gradient, operand->node, gradient_transpose(gradient, &term));
}

static bool find_cotangents(struct reversing *reversing, const struct ir_node *const *nodes, size_t count)
{
    bool any = false;
    reversing->every = ARENA_ARRAY(reversing->arena, reversing->step->n_outputs, const struct ir_node *);
    reversing->last = ARENA_ARRAY(reversing->arena, reversing->step->n_outputs, const struct ir_node *);
    for (size_t k = 0; reversing->every && reversing->last && k < count; k++) {
        const struct ir_node *proj = nodes[k];
        if (proj->op != IR_proj_node || proj->operands[0].node != reversing->node || !gradient_is_active(reversing->gradient, proj))
            continue;
        const struct ir_node *cotangent = gradient_cotangent(reversing->gradient, proj);
        (proj->proj.last ? reversing->last : reversing->every)[proj->proj.result] = cotangent;
        any |= cotangent != NULL;
    }
    return any;
}

void gradient_scan(struct gradient *gradient, const struct ir_node *scan, const struct ir_node *const *nodes, size_t count)
{
    struct reversing reversing = {.gradient = gradient,
                                  .context = gradient->context,
                                  .arena = gradient->arena,
                                  .scan = find_scan(gradient, scan),
                                  .node = scan,
                                  .step = scan->scan->step,
                                  .n_states = scan->scan->n_states};
    size_t n = 2 * (size_t)reversing.step->n_inputs + 3 * (size_t)reversing.step->n_outputs;
    reversing.sums = ARENA_ARRAY(gradient->arena, reversing.step->n_inputs, const struct ir_node *);
    reversing.sources = ARENA_ARRAY(gradient->arena, n, struct gradient_source);
    reversing.operands = ARENA_ARRAY(gradient->arena, n, struct ir_access);
    if (!reversing.scan || !reversing.sums || !reversing.sources || !reversing.operands ||
        !find_cotangents(&reversing, nodes, count) || !activate_step(gradient, reversing.scan, &reversing.inner) ||
        !add_cotangents(&reversing) || !add_values(&reversing) || !make_step(&reversing))
        return;
    const struct ir_node *backward = make_scan(&reversing);
    for (uint32_t k = 0; backward && k < scan->n_operands; k++)
        contribute(&reversing, backward, k);
}
