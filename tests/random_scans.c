/* Random recurrences: one or two states and up to two slices, a step of a few values over them, and what is projected of it.
 *
 * Nothing is known of the size of a state after many steps, so programs of whole floats have none. */
#include "programs_internal.h"

#include <math.h>

enum { MOST_STATES = 2, MOST_SLICES = 2, MOST_RESULTS = MOST_STATES + 2 };

struct scanning {
    bool linear;                         /* each state in itself alone */
    struct generator inside, *generator; /* of the step; of the program */
    struct ir_scan scan;
    struct ir_kernel *step;
    struct ir_access operands[MOST_STATES + MOST_SLICES];
};

/* The access with its indices moved up by one: index 0 is the step's number. */
static struct ir_access moved_up(struct generator *generator, struct ir_access access, uint32_t n)
{
    const struct poly *replacements[MOST_INDICES];
    for (uint32_t k = 0; k < n; k++)
        replacements[k] = poly_index(generator->context, k + 1);
    return ir_access_substitute(generator->context, access, n, replacements, NULL);
}

/* Modulo the prime nothing wraps, and no infinity comes up in a step that does not order. */
static double bound_inside(const struct generator *generator)
{
    return is_wrapping_kind(generator) ? INFINITY : LARGEST_ELEMENT;
}

/* May the value come into a step, or out of it? An infinity may not, as bound_inside() says. */
static bool may_pass(const struct generator *generator, struct random_value value)
{
    return value.node && (generator->options.kind != RANDOM_OPAQUE || isfinite(value.bound));
}

/* An input of the step over indices `first` and up of the space. False: no room for it. */
static bool add_input(struct scanning *scanning, struct ir_access access, uint32_t first, const struct space *space)
{
    struct generator *inside = &scanning->inside;
    struct ir_kernel *step = scanning->step;
    uint32_t number = step->n_inputs, rank = space->n - first;
    if (!access.node || !may_pass(scanning->generator, accessed(scanning->generator, &access)) ||
        volume_of(inside, rank, space->extents + first) > inside->largest_tensor / 2)
        return false;
    const struct ir_node *node = ir_input(inside->context, number, access.node->elem, rank, space->extents + first);
    if (!node)
        return false;
    scanning->operands[number] = access;
    step->inputs[step->n_inputs++] =
        (struct ir_input_info){.name = arena_printf(ir_arena(inside->context), "s%u", number), .node = node, .span = SPAN_NONE};
    add_value(inside, (struct random_value){node, false, bound_inside(inside), 1}, "s");
    return true;
}

static bool add_state(struct scanning *scanning)
{
    struct generator *generator = scanning->generator;
    struct space space = {0};
    struct ir_access access = some_access(generator, &space, some_value(generator));
    if (!access.node || !(access = moved_up(generator, access, space.n)).node || !add_input(scanning, access, 0, &space))
        return false;
    scanning->scan.n_states++;
    return true;
}

static void add_slice(struct scanning *scanning)
{
    struct generator *generator = scanning->generator;
    struct space space = {1, {scanning->scan.extent}};
    struct ir_access access = some_access(generator, &space, some_value(generator));
    (void)add_input(scanning, access, 1, &space);
}

/* A contraction of the state's shape, mostly with what was before; or a map that is linear in the state. */
static const struct ir_node *next_state(struct scanning *scanning, const struct ir_node *state)
{
    struct generator *inside = &scanning->inside;
    const struct ir_node *next = scanning->linear ? random_linear_step(inside, state, scanning->scan.n_states) : NULL;
    for (int attempt = 0; attempt < 3 && !next; attempt++) {
        struct random_value value = random_of_shape(inside, state->elem, state->rank, state->shape);
        next = may_pass(inside, value) ? value.node : NULL;
    }
    return next ? next : state;
}

/* The states after the step, which its other results may read. */
static bool add_next_states(struct scanning *scanning)
{
    struct generator *inside = &scanning->inside;
    struct ir_kernel *step = scanning->step;
    for (uint32_t k = 0; k < scanning->scan.n_states; k++) {
        const struct ir_node *next = next_state(scanning, step->inputs[k].node);
        step->outputs[step->n_outputs++] =
            (struct ir_output){.name = arena_printf(ir_arena(inside->context), "r%u", k), .node = next, .span = SPAN_NONE};
    }
    for (uint32_t k = 0; k < step->n_outputs; k++)
        add_value(inside, (struct random_value){step->outputs[k].node, false, bound_inside(inside), 1}, "n");
    return !arena_failed(ir_arena(inside->context));
}

static void add_results(struct scanning *scanning)
{
    struct generator *inside = &scanning->inside;
    struct ir_kernel *step = scanning->step;
    for (uint32_t wanted = pick(inside, 3); wanted > 0; wanted--) {
        const struct random_value *value = some_value(inside);
        if (!may_pass(inside, *value))
            continue;
        step->outputs[step->n_outputs] = (struct ir_output){
            .name = arena_printf(ir_arena(inside->context), "r%u", step->n_outputs), .node = value->node, .span = SPAN_NONE};
        step->n_outputs++;
    }
}

static bool open_step(struct scanning *scanning)
{
    struct generator *generator = scanning->generator;
    struct arena *arena = ir_arena(generator->context);
    struct ir_kernel *step = scanning->step = ARENA_NEW(arena, struct ir_kernel);
    if (!step)
        return false;
    *step = (struct ir_kernel){.name = "step", .span = SPAN_NONE, .numeric_class = IR_CLASS_REASSOC};
    step->inputs = ARENA_ARRAY(arena, MOST_STATES + MOST_SLICES, struct ir_input_info);
    step->outputs = ARENA_ARRAY(arena, MOST_RESULTS, struct ir_output);
    scanning->inside = *generator;
    scanning->inside.kernel = step;
    scanning->inside.in_step = true;
    scanning->inside.n_values = scanning->inside.n_tables = 0;
    return step->inputs && step->outputs;
}

/* Constants may be read inside as they are. */
static void add_constants(struct scanning *scanning)
{
    for (uint32_t k = 0; k < scanning->generator->n_values; k++)
        if (scanning->generator->values[k].node->op == IR_const_node)
            add_value(&scanning->inside, scanning->generator->values[k], "c");
}

/* Both draw from the same bytes. */
static void hand_bytes(const struct generator *from, struct generator *to)
{
    to->bytes = from->bytes;
    to->n_bytes = from->n_bytes;
}

static bool make_step(struct scanning *scanning)
{
    struct generator *generator = scanning->generator;
    for (uint32_t wanted = 1 + pick(generator, MOST_STATES); wanted > 0; wanted--)
        (void)add_state(scanning);
    for (uint32_t wanted = pick(generator, MOST_SLICES + 1); wanted > 0; wanted--)
        add_slice(scanning);
    if (scanning->step->n_inputs == 0)
        return false;
    add_constants(scanning);
    hand_bytes(generator, &scanning->inside);
    add_some_values(&scanning->inside, pick(&scanning->inside, 3));
    bool fine = add_next_states(scanning);
    add_some_values(&scanning->inside, pick(&scanning->inside, 3));
    add_results(scanning);
    hand_bytes(&scanning->inside, generator);
    return fine && scanning->step->n_outputs > 0;
}

/* A state may be asked for as it is at the end. */
static struct random_value project(struct generator *generator, const struct ir_node *scan)
{
    uint32_t result = pick(generator, scan->scan->step->n_outputs);
    bool last = result < scan->scan->n_states && chance(generator, 50);
    const struct ir_node *node = ir_proj(generator->context, scan, result, last);
    if (node && volume_of(generator, node->rank, node->shape) > generator->largest_tensor)
        node = NULL;
    return (struct random_value){node, false, bound_inside(generator), 1};
}

/* Is it several chunks of two or of three steps? */
static bool has_chunks(struct generator *generator, const struct poly *extent)
{
    for (int64_t length = 2; length <= 3; length++) {
        const struct poly *chunk = poly_constant(generator->context, length);
        const struct poly *chunks = poly_floor_div(generator->context, extent, chunk, NULL);
        if (chunks && !poly_equals(chunks, 1) && poly_multiply(generator->context, chunks, chunk) == extent)
            return true;
    }
    return false;
}

/* Of a linear scan mostly several chunks, of either length where no extent of the pool is. */
static const struct poly *some_length(struct generator *generator, bool linear)
{
    const struct poly *extent = some_extent(generator);
    for (int attempt = 0; attempt < 2 && linear && !has_chunks(generator, extent); attempt++)
        extent = some_extent(generator);
    return linear && !has_chunks(generator, extent) && chance(generator, 70) ? poly_constant(generator->context, 6) : extent;
}

struct random_value random_scan(struct generator *generator)
{
    static const struct random_value none;
    struct scanning scanning = {.generator = generator};
    bool bounded = generator->options.kind == RANDOM_WHOLE || generator->options.kind == RANDOM_CONTINUOUS;
    if (generator->in_step || bounded || generator->options.no_scans || !open_step(&scanning))
        return none;
    scanning.linear = chance(generator, 70);
    scanning.scan = (struct ir_scan){
        .backward = chance(generator, 40), .extent = some_length(generator, scanning.linear), .step = scanning.step};
    if (!make_step(&scanning))
        return none;
    const struct ir_node *scan = ir_scan(generator->context, &scanning.scan, scanning.operands);
    for (uint32_t more = pick(generator, 3); scan && more > 0; more--)
        add_value(generator, project(generator, scan), "t");
    return scan ? project(generator, scan) : none;
}
