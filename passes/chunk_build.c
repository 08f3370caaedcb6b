/* The chunk form of a linear recurrence h[t] = a[t] h[t-1] + b[t], y[t] = w[t] h[t].
 *
 * Time is cut into chunks of Q steps, t = Q c + i. With p(i, j) the product of a over the steps j .. i of a chunk, 1 if there are
 * none,
 *
 *     y[c,i] = sum[s <= i](w[c,i] p(i, s+1) b[c,s]) + w[c,i] p(i, 0) H[c-1]        within the chunk, and from before it
 *     H[c]   = p(Q-1, 0) H[c-1] + sum[s](p(Q-1, s+1) b[c,s])                       the state at the end of each chunk
 *
 * so that steps are contractions and only chunks follow each other: the state space dual form of Dao and Gu, "Transformers are
 * SSMs", 2024, section 6, for any decay that is one factor an element. The products p are made by a scan over i, for all chunks at
 * once, since quotients of running products would overflow. A factor w that reads the state before its step is the same with p
 * ending one step earlier and s < i. */
#include "chunk.h"

#include "contraction.h"

/* ---- small things ---- */

static const struct poly *number(struct chunk_form *form, int64_t value)
{
    return poly_constant(form->context, value);
}

/* Step `inside` of chunk `chunk`; a scan that runs down takes its chunks and steps from the end. */
static const struct poly *time_at(struct chunk_form *form, const struct poly *chunk, const struct poly *inside)
{
    struct ir_context *context = form->context;
    const struct poly *time = poly_add(context, poly_scale(context, chunk, form->length), inside);
    const struct poly *last = poly_subtract(context, form->scan->scan->extent, number(form, 1));
    return form->scan->scan->backward ? poly_subtract(context, last, time) : time;
}

static const char *state_name(const struct chunk_form *form, uint32_t state)
{
    const char *name = form->step->inputs[state].name;
    return name ? name : "state";
}

/* What the source calls the scan's index; and the axes of a state. */
static const char *step_name(const struct chunk_form *form)
{
    const struct ir_name *known = ir_find_name(form->kernel, form->scan);
    return known && known->index_names && known->index_names[0] ? known->index_names[0] : "step";
}

static const char *axis_name(const struct chunk_form *form, const struct chunk_state *state, uint32_t axis)
{
    const struct ir_name *known = ir_find_name(form->step, state->after);
    return known && known->index_names ? known->index_names[axis] : NULL;
}

static void name_node(struct chunk_form *form, const struct ir_node *node, uint32_t state, const char *what,
                      const char *const *index_names)
{
    char *name = arena_printf(form->arena, "%s_%s", state_name(form, state), what);
    if (node && name)
        ir_set_name(form->context, form->kernel, node, name, index_names, form->step->span);
}

/* A step kernel being put together. */
struct stepper {
    struct chunk_form *form;
    struct ir_kernel *kernel;
    size_t inputs_capacity, outputs_capacity;
    struct ir_access *operands;
    size_t n_operands, operands_capacity;
};

static struct stepper begin_step(struct chunk_form *form, const char *name)
{
    struct stepper stepper = {.form = form, .kernel = ARENA_NEW(form->arena, struct ir_kernel)};
    if (stepper.kernel) {
        stepper.kernel->name = name;
        stepper.kernel->span = form->step->span;
        stepper.kernel->numeric_class = form->step->numeric_class;
        stepper.kernel->class_stated = form->step->class_stated;
    }
    return stepper;
}

static const struct ir_node *add_input(struct stepper *stepper, const char *name, enum ir_elem elem, uint32_t rank,
                                       const struct poly *const *shape, struct ir_access operand)
{
    struct arena *arena = stepper->form->arena;
    size_t count = stepper->kernel ? stepper->kernel->n_inputs : 0;
    const struct ir_node *node = ir_input(stepper->form->context, (uint32_t)count, elem, rank, shape);
    struct ir_input_info info = {.name = name, .node = node, .span = stepper->form->step->span};
    if (!stepper->kernel || !node || !ARENA_PUSH(arena, stepper->kernel->inputs, count, stepper->inputs_capacity, info) ||
        !ARENA_PUSH(arena, stepper->operands, stepper->n_operands, stepper->operands_capacity, operand))
        return NULL;
    stepper->kernel->n_inputs = (uint32_t)count;
    return node;
}

static void add_output(struct stepper *stepper, const char *name, const struct ir_node *node)
{
    size_t count = stepper->kernel ? stepper->kernel->n_outputs : 0;
    struct ir_output output = {.name = name, .node = node, .span = stepper->form->step->span};
    if (stepper->kernel && ARENA_PUSH(stepper->form->arena, stepper->kernel->outputs, count, stepper->outputs_capacity, output))
        stepper->kernel->n_outputs = (uint32_t)count;
}

static const struct ir_node *end_step(struct stepper *stepper, const struct poly *extent)
{
    struct ir_scan scan = {false, extent, 1, stepper->kernel};
    return stepper->kernel && stepper->kernel->n_outputs ? ir_scan(stepper->form->context, &scan, stepper->operands) : NULL;
}

static struct ir_access indices_access(struct chunk_form *form, const struct ir_node *node)
{
    return node ? ir_access_whole(form->context, node) : (struct ir_access){.node = NULL};
}

/* ---- products of decays ---- */

/* The decay of every step: [t, decaying axes]. */
static struct ir_access decay_access(struct chunk_form *form, const struct chunk_state *state, const struct poly *time,
                                     uint32_t first)
{
    const struct ir_node *node = state->decay.node;
    const struct poly **indices = ARENA_ARRAY(form->arena, node->rank, const struct poly *);
    for (uint32_t axis = 0; indices && axis < node->rank; axis++)
        indices[axis] = poly_index(form->context, first + axis);
    struct chunk_place place = {time, node->rank, indices};
    struct ir_access own = indices_access(form, node);
    if (!indices || !own.node)
        return (struct ir_access){.node = NULL};
    return chunk_lift_access(form, &own, &place);
}

/* p(i, j) from p(i-1, j): 1 while i < j. */
static const struct ir_node *product_step(struct chunk_form *form, uint32_t rank, const struct poly *const *shape,
                                          const struct ir_node *before, const struct ir_node *decay, const struct ir_node *step)
{
    struct ir_context *context = form->context;
    struct ir_access operands[3] = {indices_access(form, before), {.node = decay}, {.node = step}};
    const struct poly **subscripts = ARENA_ARRAY(form->arena, rank, const struct poly *);
    if (!subscripts)
        return NULL;
    for (uint32_t axis = 0, to = 0; axis < rank; axis++)
        if (axis != 1) /* the decay does not depend on j */
            subscripts[to++] = poly_index(context, axis);
    operands[1].subscripts = subscripts;
    const struct ir_expr *leaves[3] = {ir_expr_operand(context, 0, before->elem), ir_expr_operand(context, 1, before->elem),
                                       ir_expr_operand(context, 2, IR_i64)};
    const struct ir_expr *begins[2] = {leaves[2], ir_expr_index(context, poly_index(context, 1))};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_lt, 2, begins),
                                       ir_expr_literal(context, ir_number_real(before->elem, 1)),
                                       ir_expr_apply(context, IR_EXPR_mul, 2, leaves)};
    return ir_map(context, rank, shape, 3, operands, ir_expr_apply(context, IR_EXPR_select, 3, choice));
}

static bool make_products(struct chunk_form *form, uint32_t number_of_state)
{
    struct ir_context *context = form->context;
    const struct chunk_state *state = &form->states[number_of_state];
    struct chunk_parts *parts = &form->parts[number_of_state];
    enum ir_elem elem = state->after->elem;
    const struct ir_node *decay = state->decay.node;
    const struct poly *length = number(form, form->length);
    const struct poly **shape = ARENA_ARRAY(form->arena, decay->rank + 2, const struct poly *);
    const struct poly **slice = ARENA_ARRAY(form->arena, decay->rank + 1, const struct poly *);
    const struct poly *first = poly_index(context, 0), *chunk = poly_index(context, 1);
    if (!shape || !slice)
        return false;
    shape[0] = slice[0] = form->chunks;
    shape[1] = number(form, form->length + 1);
    for (uint32_t axis = 0; axis < decay->rank; axis++)
        shape[axis + 2] = slice[axis + 1] = decay->shape[axis];
    struct stepper stepper = begin_step(form, "products_step");
    struct ir_access one = {.node = ir_scalar(context, ir_number_real(elem, 1))};
    struct ir_access start = {.node = ir_view(context, decay->rank + 2, shape, one)};
    const struct poly **subscripts = ARENA_ARRAY(form->arena, decay->rank + 2, const struct poly *);
    for (uint32_t axis = 0; subscripts && axis < decay->rank + 2; axis++)
        subscripts[axis] = poly_index(context, axis + 1);
    start.subscripts = subscripts;
    const struct ir_node *before = add_input(&stepper, "product", elem, decay->rank + 2, shape, start);
    const struct ir_node *factor =
        add_input(&stepper, "decay", elem, decay->rank + 1, slice, decay_access(form, state, time_at(form, chunk, first), 2));
    struct ir_access steps = {.node = ir_map(context, 1, &length, 0, NULL, ir_expr_index(context, first)), .subscripts = &first};
    const struct ir_node *step = add_input(&stepper, "i", IR_i64, 0, NULL, steps);
    if (!before || !factor || !step || !subscripts)
        return false;
    add_output(&stepper, "product", product_step(form, decay->rank + 2, shape, before, factor, step));
    add_output(&stepper, "product_before", ir_view(context, before->rank, before->shape, indices_access(form, before)));
    const struct ir_node *scan = end_step(&stepper, length);
    parts->products = ir_proj(context, scan, 0, false);
    parts->products_before = ir_proj(context, scan, 1, false);
    parts->last_products = ir_proj(context, scan, 0, true);
    name_node(form, parts->products, number_of_state, "decays", NULL);
    name_node(form, parts->products_before, number_of_state, "decays_before", NULL);
    name_node(form, parts->last_products, number_of_state, "decays_to_end", NULL);
    return parts->products && parts->products_before && parts->last_products;
}

/* p, as an access: `head` are the subscripts in front of the decaying axes, which stand where `axes` says of each axis of the
 * state. */
static struct ir_access products_access(struct chunk_form *form, const struct chunk_state *state, const struct ir_node *products,
                                        uint32_t n_head, const struct poly *const *head, const struct poly *const *axes)
{
    struct ir_access access = {.node = products};
    const struct poly **subscripts = ARENA_ARRAY(form->arena, products->rank, const struct poly *);
    for (uint32_t k = 0; subscripts && k < n_head; k++)
        subscripts[k] = head[k];
    for (uint32_t k = 0; subscripts && k < state->decay.node->rank; k++)
        subscripts[n_head + k] = poly_substitute(form->context, state->decay.subscripts[k], state->after->rank, axes, NULL);
    access.subscripts = subscripts;
    return subscripts ? access : (struct ir_access){.node = NULL};
}

/* ---- contractions ---- */

static bool add_factors(struct chunk_form *form, struct contraction *contraction, const struct chunk_state *state,
                        const struct poly *time, const struct poly *const *axes)
{
    struct chunk_place place = {time, state->after->rank, axes};
    for (uint32_t k = 0; k < state->n_factors; k++) {
        struct ir_access factor = chunk_lift_access(form, &state->factors[k], &place);
        if (!factor.node || !contraction_add_operand(contraction, factor))
            return false;
    }
    return true;
}

static struct contraction begin_contraction(struct chunk_form *form, const struct ir_node *like)
{
    bool half = ir_elem_info(like->elem)->bytes < 4; /* sums of short floats are kept in f32 */
    struct contraction contraction = {
        .context = form->context, .ring = IR_RING_plustimes, .elem = like->elem, .accumulator = half ? IR_f32 : like->elem};
    return contraction;
}

/* What a chunk adds to the state at its end: [c, axes]. */
static const struct ir_node *chunk_sum(struct chunk_form *form, uint32_t number_of_state)
{
    struct ir_context *context = form->context;
    const struct chunk_state *state = &form->states[number_of_state];
    struct chunk_parts *parts = &form->parts[number_of_state];
    uint32_t rank = state->after->rank;
    struct contraction sum = begin_contraction(form, state->after);
    const struct poly **axes = ARENA_ARRAY(form->arena, rank, const struct poly *);
    if (!axes)
        return NULL;
    contraction_add_index(&sum, form->chunks, "chunk");
    for (uint32_t axis = 0; axis < rank; axis++) {
        axes[axis] = poly_index(context, axis + 1);
        contraction_add_index(&sum, state->after->shape[axis], axis_name(form, state, axis));
    }
    sum.rank = rank + 1;
    uint32_t s = contraction_add_index(&sum, number(form, form->length), "s");
    const struct poly *step = poly_index(context, s), *chunk = poly_index(context, 0);
    const struct poly *head[2] = {chunk, poly_add(context, step, number(form, 1))};
    if (state->decays && !contraction_add_operand(&sum, products_access(form, state, parts->last_products, 2, head, axes)))
        return NULL;
    if (!add_factors(form, &sum, state, time_at(form, chunk, step), axes))
        return NULL;
    const struct ir_node *node = contraction_close(&sum);
    name_node(form, node, number_of_state, "added", sum.names);
    return node;
}

/* ---- from chunk to chunk ---- */

static const struct ir_expr *carried(struct chunk_form *form, const struct chunk_state *state, uint32_t added)
{
    struct ir_context *context = form->context;
    enum ir_elem elem = state->after->elem;
    const struct ir_expr *value = ir_expr_operand(context, 0, elem);
    if (state->decays) {
        const struct ir_expr *pair[2] = {ir_expr_operand(context, 1, elem), value};
        value = ir_expr_apply(context, IR_EXPR_mul, 2, pair);
    }
    if (added) {
        const struct ir_expr *pair[2] = {value, ir_expr_operand(context, added, elem)};
        value = ir_expr_apply(context, IR_EXPR_add, 2, pair);
    }
    return value;
}

/* h = p h + added, once a chunk; its results are the states before each chunk and the last one of all. */
static bool make_carry(struct chunk_form *form, uint32_t number_of_state)
{
    struct ir_context *context = form->context;
    const struct chunk_state *state = &form->states[number_of_state];
    struct chunk_parts *parts = &form->parts[number_of_state];
    const struct ir_node *like = state->after;
    const struct poly **axes = ARENA_ARRAY(form->arena, like->rank, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(form->arena, like->rank + 1, const struct poly *);
    struct stepper stepper = begin_step(form, "chunk_step");
    struct ir_access operands[3];
    uint32_t n = 1;
    if (!axes || !subscripts)
        return false;
    subscripts[0] = poly_index(context, 0);
    for (uint32_t axis = 0; axis < like->rank; axis++) {
        axes[axis] = poly_index(context, axis);
        subscripts[axis + 1] = poly_index(context, axis + 1);
    }
    const struct ir_node *before = add_input(&stepper, state_name(form, number_of_state), like->elem, like->rank, like->shape,
                                             form->scan->operands[number_of_state]);
    operands[0] = indices_access(form, before);
    if (state->decays) {
        const struct poly *head[2] = {poly_index(context, 0), number(form, 0)};
        const struct poly **outside = ARENA_ARRAY(form->arena, like->rank, const struct poly *);
        for (uint32_t k = 0; outside && k < state->decay.node->rank; k++)
            outside[k] = poly_index(context, k + 1);
        struct chunk_state slice = *state; /* the decaying axes are those of the slice, in order */
        slice.decay = indices_access(form, state->decay.node);
        struct ir_access decay = outside ? products_access(form, &slice, parts->last_products, 2, head, outside) : slice.decay;
        operands[n++] = (struct ir_access){
            .node = add_input(&stepper, "decay", like->elem, state->decay.node->rank, state->decay.node->shape, decay),
            .subscripts = state->decay.subscripts};
    }
    uint32_t added = state->n_factors ? n : 0;
    if (added) {
        struct ir_access slice = {.node = chunk_sum(form, number_of_state), .subscripts = subscripts};
        operands[n++] = (struct ir_access){.node = add_input(&stepper, "added", like->elem, like->rank, like->shape, slice),
                                           .subscripts = axes};
    }
    const struct ir_node *after = ir_map(context, like->rank, like->shape, n, operands, carried(form, state, added));
    add_output(&stepper, state_name(form, number_of_state), after);
    add_output(&stepper, "before", before ? ir_view(context, like->rank, like->shape, operands[0]) : NULL);
    parts->carry = end_step(&stepper, form->chunks);
    parts->start = ir_proj(context, parts->carry, 1, false);
    name_node(form, parts->start, number_of_state, "before_chunk", NULL);
    return parts->start != NULL;
}

/* ---- products with a state ---- */

/* A product of the step over all steps, [c, i, its axes], being written. */
struct product {
    struct chunk_form *form;
    const struct ir_node *node;
    uint32_t operand, state;
    bool after;
    const struct poly *chunk, *inside, **indices; /* of the node's indices */
    const struct poly **axes;                     /* of the state's axes */
};

static struct contraction begin_product(struct product *product)
{
    struct chunk_form *form = product->form;
    const struct ir_node *node = product->node;
    struct contraction contraction = begin_contraction(form, node);
    contraction.accumulator = node->contract.accumulator;
    contraction_add_index(&contraction, form->chunks, "chunk");
    contraction_add_index(&contraction, number(form, form->length), step_name(form));
    const struct ir_name *name = ir_find_name(form->step, node);
    for (uint32_t k = 0; k < node->n_indices; k++)
        contraction_add_index(&contraction, node->extents[k], name && name->index_names ? name->index_names[k] : NULL);
    contraction.rank = node->rank + 2;
    return contraction;
}

static const struct ir_node *end_product(struct product *product, struct contraction *contraction)
{
    const struct ir_node *node = contraction_close(contraction);
    const struct ir_name *name = ir_find_name(product->form->step, product->node);
    if (node)
        ir_set_name(product->form->context, product->form->kernel, node, NULL, contraction->names,
                    name ? name->span : product->form->step->span);
    return node;
}

static bool add_others(struct product *product, struct contraction *contraction)
{
    struct chunk_form *form = product->form;
    struct chunk_place place = {time_at(form, product->chunk, product->inside), product->node->n_indices, product->indices};
    for (uint32_t k = 0; k < product->node->n_operands; k++) {
        if (k == product->operand)
            continue;
        struct ir_access access = chunk_lift_access(form, &product->node->operands[k], &place);
        if (!access.node || !contraction_add_operand(contraction, access))
            return false;
    }
    return true;
}

static bool add_decay(struct product *product, struct contraction *contraction, const struct poly *begin)
{
    struct chunk_form *form = product->form;
    const struct chunk_state *state = &form->states[product->state];
    const struct chunk_parts *parts = &form->parts[product->state];
    const struct poly *head[3] = {product->inside, product->chunk, begin};
    if (!state->decays)
        return true;
    struct ir_access access =
        products_access(form, state, product->after ? parts->products : parts->products_before, 3, head, product->axes);
    return access.node && contraction_add_operand(contraction, access);
}

/* What steps of the same chunk contribute; NULL with `*none` when a step adds nothing. */
static const struct ir_node *within_chunk(struct product *product)
{
    struct chunk_form *form = product->form;
    struct ir_context *context = form->context;
    const struct chunk_state *state = &form->states[product->state];
    struct contraction contraction = begin_product(product);
    uint32_t s = contraction_add_index(&contraction, number(form, form->length), "s");
    const struct poly *step = poly_index(context, s), *ahead = poly_subtract(context, product->inside, step);
    if (!product->after)
        ahead = poly_subtract(context, ahead, number(form, 1));
    if (!contraction_add_condition(&contraction, ahead) || !add_others(product, &contraction) ||
        !add_decay(product, &contraction, poly_add(context, step, number(form, 1))) ||
        !add_factors(form, &contraction, state, time_at(form, product->chunk, step), product->axes))
        return NULL;
    return end_product(product, &contraction);
}

static const struct ir_node *from_before(struct product *product)
{
    struct chunk_form *form = product->form;
    const struct chunk_parts *parts = &form->parts[product->state];
    struct contraction contraction = begin_product(product);
    struct ir_access start = {.node = parts->start};
    const struct poly **subscripts = ARENA_ARRAY(form->arena, parts->start->rank, const struct poly *);
    for (uint32_t axis = 0; subscripts && axis < parts->start->rank; axis++)
        subscripts[axis] = axis ? product->axes[axis - 1] : product->chunk;
    start.subscripts = subscripts;
    if (!subscripts || !add_others(product, &contraction) || !add_decay(product, &contraction, number(form, 0)) ||
        !contraction_add_operand(&contraction, start))
        return NULL;
    return end_product(product, &contraction);
}

/* [c, i, axes] as [t, axes]. */
static const struct ir_node *join_chunks(struct chunk_form *form, const struct ir_node *node)
{
    struct ir_context *context = form->context;
    uint32_t rank = node->rank - 1;
    const struct poly **shape = ARENA_ARRAY(form->arena, rank, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(form->arena, node->rank, const struct poly *);
    const struct poly *extent = form->scan->scan->extent, *length = number(form, form->length), *time = poly_index(context, 0);
    if (!shape || !subscripts)
        return NULL;
    shape[0] = extent;
    for (uint32_t axis = 1; axis < rank; axis++)
        shape[axis] = node->shape[axis + 1];
    struct poly_ranges ranges = {rank, shape};
    if (form->scan->scan->backward)
        time = poly_subtract(context, poly_subtract(context, extent, number(form, 1)), time);
    subscripts[0] = poly_floor_div(context, time, length, &ranges);
    subscripts[1] = poly_mod(context, time, length, &ranges);
    for (uint32_t axis = 1; axis < rank; axis++)
        subscripts[axis + 1] = poly_index(context, axis);
    return ir_view(context, rank, shape, (struct ir_access){.node = node, .subscripts = subscripts});
}

static const struct ir_node *add_nodes(struct chunk_form *form, const struct ir_node *a, const struct ir_node *b)
{
    if (!a || !b)
        return NULL;
    struct ir_access operands[2] = {indices_access(form, a), indices_access(form, b)};
    const struct ir_expr *pair[2] = {ir_expr_operand(form->context, 0, a->elem), ir_expr_operand(form->context, 1, b->elem)};
    return ir_map(form->context, a->rank, a->shape, 2, operands, ir_expr_apply(form->context, IR_EXPR_add, 2, pair));
}

const struct ir_node *chunk_product(struct chunk_form *form, const struct ir_node *node)
{
    struct ir_context *context = form->context;
    struct product product = {.form = form, .node = node, .operand = chunk_linear_operand(form, node)};
    const struct ir_access *access = &node->operands[product.operand];
    product.state = chunk_state_of(form, access->node, &product.after);
    product.chunk = poly_index(context, 0);
    product.inside = poly_index(context, 1);
    product.indices = ARENA_ARRAY(form->arena, node->n_indices, const struct poly *);
    product.axes = ARENA_ARRAY(form->arena, access->node->rank, const struct poly *);
    for (uint32_t k = 0; product.indices && k < node->n_indices; k++)
        product.indices[k] = poly_index(context, k + 2);
    for (uint32_t axis = 0; product.indices && product.axes && axis < access->node->rank; axis++)
        product.axes[axis] = poly_substitute(context, access->subscripts[axis], node->n_indices, product.indices, NULL);
    if (!product.indices || !product.axes)
        return NULL;
    const struct ir_node *all = from_before(&product);
    if (form->states[product.state].n_factors)
        all = add_nodes(form, within_chunk(&product), all);
    return all ? join_chunks(form, all) : NULL;
}

/* A product of the state alone. */
const struct ir_node *chunk_every_state(struct chunk_form *form, uint32_t state, bool after)
{
    const struct ir_node *node = after ? form->states[state].after : form->states[state].before;
    struct chunk_parts *parts = &form->parts[state];
    struct ir_access whole = indices_access(form, node);
    if (parts->every[after] || !whole.node)
        return parts->every[after];
    bool half = ir_elem_info(node->elem)->bytes < 4;
    struct ir_contract alone = {.ring = IR_RING_plustimes,
                                .elem = node->elem,
                                .accumulator = half ? IR_f32 : node->elem,
                                .rank = node->rank,
                                .n_indices = node->rank,
                                .extents = node->shape,
                                .n_operands = 1,
                                .operands = &whole};
    const struct ir_node *product = ir_contract(form->context, &alone);
    parts->every[after] = product ? chunk_product(form, product) : NULL;
    return parts->every[after];
}

const struct ir_node *chunk_last_state(struct chunk_form *form, uint32_t state)
{
    return ir_proj(form->context, form->parts[state].carry, 0, true);
}

bool chunk_carry(struct chunk_form *form)
{
    for (uint32_t k = 0; k < form->scan->scan->n_states; k++)
        if ((form->states[k].decays && !make_products(form, k)) || !make_carry(form, k))
            return false;
    return true;
}
