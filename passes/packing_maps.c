/* Pointwise expressions on ciphertexts: sums, differences and products; what depends on no input is evaluated. And the walk over a
 * kernel's nodes. */
#include "packing_graph.h"

#include <string.h>

/* ---- pointwise ---- */

struct pointwise {
    struct packing_builder *builder;
    const struct ir_node *node;
    int64_t extents[PACKING_RANK], elements;
    const struct ir_expr **order;
    size_t count;
    bool *is_hidden;                /* of each subexpression */
    const struct packing_ref **ref; /* of the hidden ones */
};

static const struct ir_expr *renumber(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const uint32_t *number = user;
    return leaf->op == IR_EXPR_operand ? ir_expr_operand(context, number[leaf->operand], leaf->elem) : NULL;
}

/* The numbers of a subexpression that reads no ciphertext, one an element of the map. */
static const double *known_numbers(struct pointwise *pointwise, const struct ir_expr *expr)
{
    struct packing_builder *builder = pointwise->builder;
    struct ir_context *context = builder->packer->context;
    const struct ir_node *node = pointwise->node;
    uint32_t *number = ARENA_ARRAY(builder->packer->arena, node->n_operands + 1, uint32_t), n = 0;
    struct ir_access *operands = ARENA_ARRAY(builder->packer->arena, node->n_operands + 1, struct ir_access);
    if (!number || !operands)
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (!builder->is_hidden[node->operands[k].node->id]) {
            number[k] = n;
            operands[n++] = node->operands[k];
        }
    struct poly_ranges ranges = ir_ranges(node);
    const struct ir_expr *body = ir_expr_substitute(context, expr, renumber, number, 0, NULL, &ranges);
    int64_t count;
    return packing_numbers(builder, ir_map(context, node->rank, node->shape, n, operands, body), &count);
}

/* a + sign * b, of which one may be known. */
static const struct packing_ref *add_sum(struct pointwise *pointwise, const struct packing_ref *a, double weight_a,
                                         const struct packing_ref *b, double weight_b, const double *addend)
{
    struct packing_builder *builder = pointwise->builder;
    struct arena *arena = builder->packer->arena;
    const struct packing_ref *first = packing_renumbered(builder, pointwise->node, a);
    const struct packing_ref *second = b ? packing_renumbered(builder, pointwise->node, b) : first;
    if (!first || !second)
        return NULL;
    struct packing_node *node = packing_add_node(builder, PACKING_SUM, pointwise->node);
    struct packing_ref refs[2] = {*first, *second};
    double weights[2] = {weight_a, weight_b};
    struct packing_ref *ref = ARENA_NEW(arena, struct packing_ref);
    if (!node || !ref)
        return NULL;
    node->n_operands = b ? 2 : 1;
    node->operands = arena_copy(arena, refs, 2, sizeof *refs);
    node->weights = arena_copy(arena, weights, 2, sizeof *weights);
    node->addend = addend;
    *ref = (struct packing_ref){(uint32_t)(node - builder->graph->nodes), node->elements, NULL};
    return node->operands && node->weights ? ref : NULL;
}

static const double *changed(struct pointwise *pointwise, const double *numbers, bool reciprocal)
{
    double *result = ARENA_ARRAY(pointwise->builder->packer->arena, (size_t)pointwise->elements, double);
    for (int64_t k = 0; k < pointwise->elements && result && numbers; k++)
        result[k] = reciprocal ? 1 / numbers[k] : -numbers[k];
    return numbers ? result : NULL;
}

static const struct packing_ref *lower_sum(struct pointwise *pointwise, const struct ir_expr *expr,
                                           const struct packing_ref *const *refs)
{
    double sign = expr->op == IR_EXPR_sub ? -1 : 1;
    if (refs[0] && refs[1])
        return add_sum(pointwise, refs[0], 1, refs[1], sign, NULL);
    const double *numbers = known_numbers(pointwise, expr->arguments[refs[0] ? 1 : 0]);
    if (refs[0] && sign < 0)
        numbers = changed(pointwise, numbers, false);
    if (!numbers)
        return NULL;
    return add_sum(pointwise, refs[0] ? refs[0] : refs[1], refs[0] ? 1 : sign, NULL, 0, numbers);
}

static const struct packing_ref *lower_product(struct pointwise *pointwise, const struct ir_expr *expr,
                                               const struct packing_ref *const *refs)
{
    if (refs[0] && refs[1])
        return packing_multiply(pointwise->builder, pointwise->node, refs[0], refs[1], NULL);
    const double *numbers = known_numbers(pointwise, expr->arguments[refs[0] ? 1 : 0]);
    if (expr->op == IR_EXPR_div)
        numbers = changed(pointwise, numbers, true);
    return numbers ? packing_multiply(pointwise->builder, pointwise->node, refs[0] ? refs[0] : refs[1], NULL, numbers) : NULL;
}

/* The function of one argument, to be fitted when all is known of its range. */
static const struct packing_ref *add_function(struct pointwise *pointwise, enum ir_expr_op function, const struct packing_ref *ref)
{
    struct packing_builder *builder = pointwise->builder;
    ref = packing_renumbered(builder, pointwise->node, ref);
    struct packing_node *node = ref ? packing_add_node(builder, PACKING_FUNCTION, pointwise->node) : NULL;
    struct packing_ref *made = ARENA_NEW(builder->packer->arena, struct packing_ref);
    if (!node || !made)
        return NULL;
    node->function = function;
    node->n_operands = 1;
    node->operands = arena_copy(builder->packer->arena, ref, 1, sizeof *ref);
    *made = (struct packing_ref){(uint32_t)(node - builder->graph->nodes), node->elements, NULL};
    return node->operands ? made : NULL;
}

static const struct packing_ref *lower_quotient(struct pointwise *pointwise, const struct ir_expr *expr,
                                                const struct packing_ref *const *refs)
{
    if (!refs[1])
        return lower_product(pointwise, expr, refs);
    const struct packing_ref *reciprocal = add_function(pointwise, IR_EXPR_div, refs[1]);
    if (!reciprocal || refs[0])
        return reciprocal ? packing_multiply(pointwise->builder, pointwise->node, refs[0], reciprocal, NULL) : NULL;
    const double *numbers = known_numbers(pointwise, expr->arguments[0]);
    return numbers ? packing_multiply(pointwise->builder, pointwise->node, reciprocal, NULL, numbers) : NULL;
}

static const struct packing_ref *lower_expr(struct pointwise *pointwise, size_t at)
{
    struct packing_builder *builder = pointwise->builder;
    const struct ir_expr *expr = pointwise->order[at];
    const struct packing_ref *refs[3] = {0};
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        refs[k] = pointwise->ref[ir_expr_position(pointwise->order, pointwise->count, expr->arguments[k])];
    switch (expr->op) {
    case IR_EXPR_operand:
        return packing_view(builder, pointwise->node, pointwise->node->rank, pointwise->extents,
                            &pointwise->node->operands[expr->operand]);
    case IR_EXPR_neg:
        return add_sum(pointwise, refs[0], -1, NULL, 0, NULL);
    case IR_EXPR_add:
    case IR_EXPR_sub:
        return lower_sum(pointwise, expr, refs);
    case IR_EXPR_mul:
        return lower_product(pointwise, expr, refs);
    case IR_EXPR_div:
        return lower_quotient(pointwise, expr, refs);
    case IR_EXPR_cast:
    case IR_EXPR_conj:
    case IR_EXPR_real:
        return refs[0];
    default:
        if (packing_is_function(ir_expr_info(expr->op)->name))
            return add_function(pointwise, expr->op, refs[0]);
        return packing_refuse(builder, pointwise->node, "write it as a polynomial: sums and products are what ciphertexts compute",
                              "`%s` of a ciphertext", ir_expr_info(expr->op)->name);
    }
}

const struct packing_ref *packing_map(struct packing_builder *builder, const struct ir_node *node)
{
    struct arena *arena = builder->packer->arena;
    struct pointwise pointwise = {.builder = builder, .node = node};
    if (!packing_shape(builder, node, node->rank, node->shape, pointwise.extents, &pointwise.elements))
        return NULL;
    pointwise.order = ir_expr_topological(builder->packer->context, node->body, &pointwise.count);
    pointwise.is_hidden = ARENA_ARRAY(arena, pointwise.count + 1, bool);
    pointwise.ref = ARENA_ARRAY(arena, pointwise.count + 1, const struct packing_ref *);
    if (!pointwise.order || !pointwise.is_hidden || !pointwise.ref)
        return NULL;
    for (size_t k = 0; k < pointwise.count; k++) {
        const struct ir_expr *expr = pointwise.order[k];
        pointwise.is_hidden[k] = expr->op == IR_EXPR_operand && builder->is_hidden[node->operands[expr->operand].node->id];
        for (uint32_t a = 0; a < expr->n_arguments; a++)
            pointwise.is_hidden[k] |= pointwise.is_hidden[ir_expr_position(pointwise.order, pointwise.count, expr->arguments[a])];
        if (pointwise.is_hidden[k] && !(pointwise.ref[k] = lower_expr(&pointwise, k)))
            return NULL;
    }
    return pointwise.ref[pointwise.count - 1];
}

/* ---- the kernel's nodes ---- */

static bool make_room(struct packing_builder *builder, const struct ir_node *const *order, size_t count)
{
    uint32_t most = 0;
    for (size_t k = 0; k < count; k++)
        most = order[k]->id > most ? order[k]->id : most;
    if (most < builder->n_ids)
        return true;
    const struct packing_ref **refs = ARENA_ARRAY(builder->packer->arena, most + 1, const struct packing_ref *);
    bool *is_hidden = ARENA_ARRAY(builder->packer->arena, most + 1, bool);
    if (!refs || !is_hidden)
        return false;
    for (uint32_t k = 0; k < builder->n_ids; k++) {
        refs[k] = builder->refs[k];
        is_hidden[k] = builder->is_hidden[k];
    }
    builder->refs = refs;
    builder->is_hidden = is_hidden;
    builder->n_ids = most + 1;
    return true;
}

static const struct packing_ref *lower_node(struct packing_builder *builder, const struct ir_node *node);

static bool lower_nodes(struct packing_builder *builder)
{
    size_t count;
    const struct ir_node **order = ir_topological(builder->packer->context, builder->kernel, &count);
    if (!order || !make_room(builder, order, count))
        return false;
    for (size_t k = 0; k < count; k++) {
        const struct ir_node *node = order[k];
        bool hidden = node->op == IR_input_node;
        for (uint32_t o = 0; o < node->n_operands; o++)
            hidden |= builder->is_hidden[node->operands[o].node->id];
        if (!hidden || builder->refs[node->id])
            continue;
        builder->is_hidden[node->id] = true;
        const struct packing_ref *ref = lower_node(builder, node);
        if (!ref)
            return false;
        builder->refs[node->id] = ref;
    }
    return true;
}

static uint32_t count_hidden(const struct packing_builder *builder, const struct ir_node *node)
{
    uint32_t hidden = 0;
    for (uint32_t k = 0; k < node->n_operands; k++)
        hidden += builder->is_hidden[node->operands[k].node->id];
    return hidden;
}

/* The contraction as pairs, in the order with the least work: what is known is contracted with what is hidden one factor after the
 * other, so that structure stays. */
static const struct packing_ref *in_pairs(struct packing_builder *builder, const struct ir_node *node)
{
    struct ir_context *context = builder->packer->context;
    struct arena *arena = builder->packer->arena;
    struct ir_kernel *part = ir_kernel_copy(context, builder->kernel);
    struct ir_access *operands = arena_copy(arena, node->operands, node->n_operands, sizeof *operands);
    struct ir_input_info *inputs = ARENA_ARRAY(arena, node->n_operands, struct ir_input_info);
    struct ir_output *output = ARENA_NEW(arena, struct ir_output);
    if (!part || !operands || !inputs || !output)
        return NULL;
    uint32_t n = 0;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_node *hidden = operands[k].node;
        if (!builder->is_hidden[hidden->id])
            continue;
        operands[k].node = ir_input(context, builder->n_stand_ins + n, hidden->elem, hidden->rank, hidden->shape);
        if (!operands[k].node || !make_room(builder, &operands[k].node, 1))
            return NULL;
        builder->refs[operands[k].node->id] = builder->refs[hidden->id];
        builder->is_hidden[operands[k].node->id] = true;
        inputs[n] = (struct ir_input_info){.name = "x", .node = operands[k].node, .span = builder->kernel->span};
        n++;
    }
    builder->n_stand_ins += n;
    *output = (struct ir_output){.name = "y", .node = ir_with_operands(context, node, operands)};
    part->n_inputs = n;
    part->inputs = inputs;
    part->n_outputs = 1;
    part->outputs = output;
    struct pass_kernel pass = {.context = context, .kernel = part, .options = builder->pass->options};
    if (!output->node || pass_find("order", 5)->run(&pass) != EINC_OK)
        return NULL;
    const struct ir_kernel *whole = builder->kernel;
    uint32_t pairs_below = builder->pairs_below;
    builder->kernel = part;
    builder->pairs_below = node->n_operands;
    bool lowered = lower_nodes(builder);
    builder->kernel = whole;
    builder->pairs_below = pairs_below;
    return lowered ? builder->refs[part->outputs[0].node->id] : NULL;
}

static const struct packing_ref *lower_input(struct packing_builder *builder, const struct ir_node *node)
{
    struct packing_node *made = packing_add_node(builder, PACKING_INPUT, node);
    struct packing_ref *ref = ARENA_NEW(builder->packer->arena, struct packing_ref);
    if (!made || !ref)
        return NULL;
    made->input = node->input.number;
    made->name = builder->kernel->inputs[node->input.number].name;
    *ref = (struct packing_ref){(uint32_t)(made - builder->graph->nodes), made->elements, NULL};
    return ref;
}

static const struct packing_ref *lower_node(struct packing_builder *builder, const struct ir_node *node)
{
    int64_t extents[PACKING_RANK], elements;
    if (!ir_elem_is_float(node->elem))
        return packing_refuse(builder, node, "slots hold real numbers: declare it f64", "values of type %s in ciphertexts",
                              ir_elem_info(node->elem)->name);
    switch (node->op) {
    case IR_input_node:
        return lower_input(builder, node);
    case IR_contract_node: {
        uint32_t hidden = count_hidden(builder, node);
        bool pairs = hidden > 1 && hidden < node->n_operands && node->n_operands > 2 && /* one alone takes the others one by one */
                     node->n_operands < builder->pairs_below;
        return pairs ? in_pairs(builder, node) : packing_contraction(builder, node);
    }
    case IR_map_node:
        return packing_map(builder, node);
    case IR_view_node:
        if (!packing_shape(builder, node, node->rank, node->shape, extents, &elements))
            return NULL;
        return packing_view(builder, node, node->rank, extents, &node->operands[0]);
    default:
        return packing_refuse(builder, node, NULL, "a `%s` of ciphertexts", ir_op_name(node->op));
    }
}

struct packing_graph *packing_graph(struct packer *packer, const struct pass_kernel *kernel)
{
    struct packing_graph *graph = ARENA_NEW(packer->arena, struct packing_graph);
    struct packing_builder builder = {.packer = packer,
                                      .kernel = kernel->kernel,
                                      .graph = graph,
                                      .pass = kernel,
                                      .n_stand_ins = kernel->kernel->n_inputs,
                                      .pairs_below = UINT32_MAX};
    if (!graph || !lower_nodes(&builder))
        return NULL;
    graph->outputs = ARENA_ARRAY(packer->arena, kernel->kernel->n_outputs + 1, struct packing_ref);
    graph->output_shapes = ARENA_ARRAY(packer->arena, kernel->kernel->n_outputs + 1, struct packing_shape);
    for (uint32_t k = 0; k < kernel->kernel->n_outputs && graph->outputs && graph->output_shapes; k++) {
        const struct ir_node *node = kernel->kernel->outputs[k].node;
        int64_t extents[PACKING_RANK], elements;
        if (!packing_shape(&builder, node, node->rank, node->shape, extents, &elements))
            return NULL;
        graph->output_shapes[k] = (struct packing_shape){node->rank, packing_dims(&builder, node, extents)};
        if (!builder.is_hidden[node->id])
            return packing_refuse(&builder, node, NULL, "output `%s` depends on no input: there is nothing to encrypt",
                                  kernel->kernel->outputs[k].name);
        const struct packing_ref *ref = packing_renumbered(&builder, node, builder.refs[node->id]);
        if (!ref)
            return NULL;
        graph->outputs[k] = *ref;
        graph->nodes[graph->outputs[k].node].n_uses++;
    }
    for (size_t k = 0; k < graph->n_nodes; k++)
        for (uint32_t o = 0; o < graph->nodes[k].n_operands; o++)
            graph->nodes[graph->nodes[k].operands[o].node].n_uses++;
    return arena_failed(packer->arena) ? NULL : graph;
}
