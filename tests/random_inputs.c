/* The inputs of a random program, and what is declared of them: strides, promises, tables for lookups, and outputs that are
 * computed in their place.
 *
 * Tables are integers that only subscripts read. Their numbers keep within the axes they look up in (random_tensors.c); what is
 * made of them by a map does not, and is taken modulo an extent. */
#include "programs_internal.h"

static struct ir_input_info *add_input(struct generator *generator, enum ir_elem elem, uint32_t rank,
                                       const struct poly *const *shape)
{
    struct ir_kernel *kernel = generator->kernel;
    struct ir_context *context = generator->context;
    struct ir_input_info *info = &kernel->inputs[kernel->n_inputs];
    *info = (struct ir_input_info){.name = arena_printf(ir_arena(context), "x%u", kernel->n_inputs),
                                   .node = ir_input(context, kernel->n_inputs, elem, rank, shape),
                                   .span = SPAN_NONE};
    kernel->n_inputs++;
    return info;
}

/* ---- what is declared ---- */

/* Rows with a gap behind them, and so on outwards; or columns; or every other element. */
static void add_strides(struct generator *generator, struct ir_input_info *info)
{
    struct ir_context *context = generator->context;
    const struct ir_node *node = info->node;
    const struct poly **strides = ARENA_ARRAY(ir_arena(context), node->rank, const struct poly *);
    const struct poly *stride = poly_constant(context, chance(generator, 20) ? 2 : 1);
    bool columns = chance(generator, 30);
    for (uint32_t k = 0; strides && k < node->rank; k++) {
        uint32_t axis = columns ? k : node->rank - 1 - k;
        const struct poly *gap = poly_constant(context, chance(generator, 50) ? pick(generator, 4) : 0);
        strides[axis] = stride;
        stride = poly_multiply(context, stride, poly_add(context, node->shape[axis], gap));
    }
    info->strides = strides;
}

/* A symmetric matrix is read on and below the diagonal only, as the front end writes it. */
static const struct ir_node *half_of(struct generator *generator, const struct ir_node *node)
{
    struct ir_context *context = generator->context;
    struct ir_access accesses[2] = {ir_access_whole(context, node), ir_access_whole(context, node)};
    const struct poly **mirrored = arena_copy(ir_arena(context), accesses[0].subscripts, node->rank, sizeof *mirrored);
    if (!mirrored)
        return NULL;
    mirrored[node->rank - 2] = poly_index(context, node->rank - 1);
    mirrored[node->rank - 1] = poly_index(context, node->rank - 2);
    accesses[1].subscripts = mirrored;
    const struct ir_expr *sides[2] = {
        ir_expr_index(context, poly_subtract(context, mirrored[node->rank - 1], mirrored[node->rank - 2])),
        ir_expr_literal(context, ir_number_integer(IR_i64, 0))};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_ge, 2, sides), ir_expr_operand(context, 0, node->elem),
                                       ir_expr_operand(context, 1, node->elem)};
    return ir_map(context, node->rank, node->shape, 2, accesses, ir_expr_apply(context, IR_EXPR_select, 3, choice));
}

static void declare(struct generator *generator, struct ir_input_info *info, struct random_value *value)
{
    const struct ir_node *node = info->node;
    if (!generator->options.declared || node->rank == 0)
        return;
    if (chance(generator, 15))
        add_strides(generator, info);
    if (!ir_is_square(node) || node->elem == IR_bool || !chance(generator, 50))
        return;
    enum ir_promise promise = (enum ir_promise)pick(generator, IR_PROMISE_COUNT);
    if (promise == IR_PROMISE_spd && !ir_elem_is_float(node->elem))
        return;
    info->promises = 1u << promise;
    /* As runtime/promises.c keeps them: a mirror image added, then a diagonal of 4 n. */
    value->bound *= 2;
    if (promise == IR_PROMISE_spd)
        value->bound += 4 * (double)volume_of(generator, 1, &node->shape[node->rank - 1]);
    bool half = ir_promise_info(promise)->half && generator->options.kind != RANDOM_POLYNOMIAL; /* a comparison is none */
    if (half)
        *value = (struct random_value){half_of(generator, node), false, value->bound, 1};
}

/* ---- tables ---- */

static const struct ir_node *make_table(struct generator *generator)
{
    static const enum ir_elem elems[] = {IR_i64, IR_i32, IR_u8, IR_i16, IR_u64};
    const struct poly *shape[2];
    uint32_t rank = pick(generator, 3);
    for (uint32_t k = 0; k < rank; k++)
        shape[k] = some_extent(generator);
    if (volume_of(generator, rank, shape) > generator->largest_tensor)
        rank = 0;
    return add_input(generator, elems[pick(generator, 5)], rank, shape)->node;
}

/* The next number of each. */
static const struct ir_node *computed_table(struct generator *generator, const struct ir_node *table)
{
    struct ir_context *context = generator->context;
    struct ir_access whole = ir_access_whole(context, table);
    const struct ir_expr *sum[2] = {ir_expr_operand(context, 0, table->elem),
                                    ir_expr_literal(context, ir_number_integer(table->elem, 1))};
    return ir_map(context, table->rank, table->shape, 1, &whole, ir_expr_apply(context, IR_EXPR_add, 2, sum));
}

static void make_tables(struct generator *generator)
{
    if (!chance(generator, 25))
        return;
    generator->tables[generator->n_tables++] = make_table(generator);
    if (chance(generator, 50))
        generator->tables[generator->n_tables++] = computed_table(generator, generator->tables[0]);
}

/* ---- the whole ---- */

void make_inputs(struct generator *generator)
{
    struct ir_kernel *kernel = generator->kernel;
    uint32_t wanted = 1 + pick(generator, 4);
    kernel->inputs = ARENA_ARRAY(ir_arena(generator->context), wanted + MOST_TABLES, struct ir_input_info);
    for (uint32_t k = 0; kernel->inputs && k < wanted; k++) {
        const struct poly *shape[4];
        uint32_t rank = some_shape(generator, 4, shape);
        enum ir_elem elem = some_elem(generator);
        struct ir_input_info *info = add_input(generator, elem, rank, shape);
        struct random_value value = {info->node, true, ir_elem_is_half(elem) ? 2 : LARGEST_ELEMENT, 1};
        declare(generator, info, &value);
        add_value(generator, value, "x");
    }
    if (kernel->inputs)
        make_tables(generator);
}

/* Does nothing but the scatter `output` read the input, or stand for it? */
static bool is_sole_reader(struct generator *generator, const struct ir_node *output, const struct ir_node *input)
{
    size_t count, readers = 0;
    const struct ir_kernel *kernel = generator->kernel;
    const struct ir_node **nodes = ir_topological(generator->context, kernel, &count);
    bool looked_up = false;
    for (size_t k = 0; nodes && k < count; k++) {
        looked_up = looked_up || ir_looks_up(generator->context, nodes[k], input);
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            readers += nodes[k]->operands[o].node == input;
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        readers += kernel->outputs[k].node == input || (kernel->outputs[k].node == output && kernel->outputs[k].updates);
    return nodes && readers == 1 && !looked_up;
}

void place_outputs(struct generator *generator)
{
    struct ir_kernel *kernel = generator->kernel;
    for (uint32_t k = 0; generator->options.declared && k < kernel->n_outputs; k++) {
        const struct ir_node *node = kernel->outputs[k].node;
        const struct ir_access *base = node->op == IR_scatter_node ? &node->operands[0] : NULL;
        bool adds = base && (node->scatter.ring == IR_RING_plustimes || node->scatter.ring == IR_RING_orand);
        if (adds && base->node->op == IR_input_node && !base->fill && !kernel->inputs[base->node->input.number].strides &&
            is_sole_reader(generator, node, base->node))
            kernel->outputs[k].updates = base->node->input.number + 1;
    }
}
