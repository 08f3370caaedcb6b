/* The meaning of tensor IR: slow, obvious, every address checked. All else in einc is held against this file.
 *
 * A kernel's nodes are evaluated whole, operands first, into arrays of scalars; each node kind is index notation in a comment and
 * plain loops below it. The arithmetic (numbers, residues, magnitudes) is a table of functions (arithmetic.h). Nothing is
 * reordered: a sum runs over the summed indices in the node's own order, the last fastest. Working memory is an arena of its own,
 * gone at the end; only outputs go to the context's. A run the kernel forbids (a negative extent, a subscript outside) is a
 * diagnostic. */
#include "eval_kernel.h"
#include "eval_map.h"
#include "eval_split.h"
#include "print_internal.h"

#include <math.h>

/* The largest tensor: 2^26 elements, 1.5 GiB of scalars. */
enum { EVAL_ELEMENTS = 1 << 26 };

bool eval_fail_memory(struct evaluation *evaluation)
{
    evaluation->status = EINC_NO_MEMORY;
    return false;
}

const struct eval_tensor *eval_find_tensor(const struct evaluation *evaluation, const struct ir_node *node)
{
    size_t low = 0, high = evaluation->n_tensors;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (evaluation->tensors[middle].node->id < node->id)
            low = middle + 1;
        else
            high = middle;
    }
    return &evaluation->tensors[low];
}

/* Entry of a table; a table is computed before what looks it up. */
static bool table_entry(void *user, const struct ir_node *table, size_t offset, int64_t *value)
{
    const struct evaluation *evaluation = user;
    return evaluation->arithmetic->to_index(table->elem, eval_find_tensor(evaluation, table)->data[offset], value);
}

/* ---- sizes ---- */

bool eval_find_extents(struct evaluation *evaluation, const struct ir_node *node, uint32_t count, const struct poly *const *polys,
                       int64_t *extents)
{
    for (uint32_t k = 0; k < count; k++) {
        if (poly_evaluate(polys[k], evaluation->dims, NULL, &extents[k]) && extents[k] >= 0)
            continue;
        diag_error(ir_diagnostics(evaluation->context), DIAG_E0806, eval_span_of(evaluation, node),
                   "at these dims extent %u of `%s` in kernel `%s` is negative or no whole number", k,
                   eval_name_of(evaluation, node), evaluation->kernel->name);
        evaluation->status = EINC_INVALID;
        return false;
    }
    return true;
}

/* Shape, C-order strides and room for the elements. */
bool eval_shape_tensor(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    const struct ir_node *node = tensor->node;
    tensor->rank = node->rank;
    tensor->shape = ARENA_ARRAY(evaluation->arena, node->rank, int64_t);
    tensor->strides = ARENA_ARRAY(evaluation->arena, node->rank, int64_t);
    if (!tensor->shape || !tensor->strides)
        return eval_fail_memory(evaluation);
    if (!eval_find_extents(evaluation, node, node->rank, node->shape, tensor->shape))
        return false;
    tensor->count = 1;
    int64_t span = 1; /* as count, an extent 0 taken as 1, so that strides stay small */
    for (uint32_t axis = node->rank; axis-- > 0;) {
        tensor->strides[axis] = span;
        tensor->count *= tensor->shape[axis] ? 1 : 0;
        if (!checked_multiply(span, tensor->shape[axis] ? tensor->shape[axis] : 1, &span) || span > EVAL_ELEMENTS) {
            evaluation->status = EINC_LIMIT;
            diag_error(ir_diagnostics(evaluation->context), DIAG_E0905, eval_span_of(evaluation, node),
                       "`%s` in kernel `%s` has more than %d elements, the reference's limit", eval_name_of(evaluation, node),
                       evaluation->kernel->name, EVAL_ELEMENTS);
            return false;
        }
    }
    tensor->count *= span;
    tensor->data = ARENA_ARRAY(evaluation->arena, (size_t)tensor->count, struct scalar);
    return tensor->data || eval_fail_memory(evaluation);
}

/* ---- nodes ---- */

static bool eval_input(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    if (evaluation->given) {
        const struct eval_tensor *given = &evaluation->given[tensor->node->input.number];
        tensor->data = given->data;
        tensor->terms = given->terms;
        return true;
    }
    const struct ir_tensor *input = &evaluation->inputs[tensor->node->input.number];
    bool same = input->rank == tensor->rank && input->elem == tensor->node->elem;
    for (uint32_t axis = 0; same && axis < tensor->rank; axis++)
        same = input->shape[axis] == tensor->shape[axis];
    if (!same) {
        evaluation->status = EINC_INVALID;
        diag_error(ir_diagnostics(evaluation->context), DIAG_E0807, eval_span_of(evaluation, tensor->node),
                   "the array given for input %u of kernel `%s` has another type or shape than declared",
                   tensor->node->input.number, evaluation->kernel->name);
        return false;
    }
    for (int64_t at = 0; at < tensor->count; at++)
        tensor->data[at] = evaluation->arithmetic->load(input->elem, input->data, (size_t)at);
    return true;
}

static bool eval_const(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    enum ir_elem elem = tensor->node->elem;
    for (int64_t at = 0; at < tensor->count; at++)
        tensor->data[at] = evaluation->arithmetic->literal(ir_number_load(elem, tensor->node->constant->data, (size_t)at));
    return true;
}

struct walk *eval_walk_node(struct evaluation *evaluation, const struct ir_node *node, struct eval_access **accesses)
{
    int64_t *extents = ARENA_ARRAY(evaluation->arena, node->n_indices, int64_t);
    *accesses = ARENA_ARRAY(evaluation->arena, node->n_operands, struct eval_access);
    struct walk *walk = NULL;
    if (extents && *accesses) {
        if (!eval_find_extents(evaluation, node, node->n_indices, node->extents, extents))
            return NULL;
        walk = walk_create(evaluation->arena, evaluation->dims, node->n_indices, extents, &evaluation->tables);
    }
    for (uint32_t k = 0; walk && k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        const struct eval_tensor *tensor = eval_find_tensor(evaluation, access->node);
        if (!walk_access(walk, evaluation->arithmetic, access, tensor, &(*accesses)[k]))
            walk = NULL;
    }
    if (!walk)
        eval_fail_memory(evaluation);
    return walk;
}

/* result[i0, i1, ...] = operand[subscripts of i0, i1, ...] */
static bool eval_view(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    struct eval_access *access;
    struct walk *walk = eval_walk_node(evaluation, tensor->node, &access);
    if (!walk)
        return false;
    tensor->terms = access->tensor->terms;
    for (int64_t at = 0; at < tensor->count; at++, walk_next(walk, 0, tensor->rank))
        if (!walk_fetch(walk, evaluation->arithmetic, access, &tensor->data[at]))
            return eval_fail_outside(evaluation, tensor->node, walk, 0, 1, access);
    return true;
}

struct filling {
    struct evaluation *evaluation;
    struct eval_tensor *tensor;
    bool *filled;
};

/* The operand's elements at its offset; false where one falls outside or on another's. */
static bool fill_box(struct filling *filling, const struct ir_access *access)
{
    struct evaluation *evaluation = filling->evaluation;
    const struct eval_tensor *operand = eval_find_tensor(evaluation, access->node), *tensor = filling->tensor;
    int64_t *at = ARENA_ARRAY(evaluation->arena, tensor->rank, int64_t);
    int64_t *offsets = ARENA_ARRAY(evaluation->arena, tensor->rank, int64_t);
    if (!at || !offsets)
        return eval_fail_memory(evaluation);
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        if (!poly_evaluate(ir_concat_offset(evaluation->context, access, axis), evaluation->dims, NULL, &offsets[axis]))
            return eval_fail_outside(evaluation, tensor->node, NULL, 0, 0, NULL);
    for (int64_t k = 0; k < operand->count; k++) {
        int64_t place = 0;
        for (uint32_t axis = 0; axis < tensor->rank; axis++) {
            int64_t index = at[axis] + offsets[axis];
            if (index < 0 || index >= tensor->shape[axis])
                return eval_fail_outside(evaluation, tensor->node, NULL, 0, 0, NULL);
            place += index * tensor->strides[axis];
        }
        if (filling->filled[place])
            return eval_fail_outside(evaluation, tensor->node, NULL, 0, 0, NULL);
        filling->filled[place] = true;
        tensor->data[place] = operand->data[k];
        for (uint32_t axis = tensor->rank; axis-- > 0 && ++at[axis] == operand->shape[axis];)
            at[axis] = 0;
    }
    return true;
}

/* result[i0 + o0, i1 + o1, ...] = operand[i0, i1, ...] of each operand at its offset o0, o1, ... */
static bool eval_concat(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    const struct ir_node *node = tensor->node;
    struct filling filling = {evaluation, tensor, ARENA_ARRAY(evaluation->arena, (size_t)tensor->count, bool)};
    if (!filling.filled)
        return eval_fail_memory(evaluation);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        if (!fill_box(&filling, &node->operands[k]))
            return false;
        tensor->terms = fmax(tensor->terms, eval_find_tensor(evaluation, node->operands[k].node)->terms);
    }
    for (int64_t k = 0; k < tensor->count; k++)
        if (!filling.filled[k])
            return eval_fail_outside(evaluation, node, NULL, 0, 0, NULL);
    return true;
}

/* result[i0, i1, ...] = body(operand0[...], operand1[...], ..., i0, i1, ...) */
static bool eval_map(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    const struct ir_node *node = tensor->node;
    const struct arithmetic *arithmetic = evaluation->arithmetic;
    struct eval_access *accesses;
    struct walk *walk = eval_walk_node(evaluation, node, &accesses);
    if (!walk)
        return false;
    struct body body = body_create(evaluation->context, walk, arithmetic, node->body);
    struct scalar *operands = ARENA_ARRAY(evaluation->arena, node->n_operands, struct scalar);
    double *terms = ARENA_ARRAY(evaluation->arena, node->n_operands, double);
    if (!body.steps || !operands || !terms)
        return eval_fail_memory(evaluation);
    for (uint32_t k = 0; k < node->n_operands; k++)
        terms[k] = accesses[k].tensor->terms;
    tensor->terms = body_terms(evaluation->arena, &body, terms);
    for (int64_t at = 0; at < tensor->count; at++, walk_next(walk, 0, tensor->rank)) {
        struct scalar value;
        for (uint32_t k = 0; k < node->n_operands; k++)
            if (!walk_fetch(walk, arithmetic, &accesses[k], &operands[k]))
                return eval_fail_outside(evaluation, node, walk, 0, node->n_operands, accesses);
        if (!body_value(&body, walk, arithmetic, operands, &value))
            return eval_fail_outside(evaluation, node, walk, 0, node->n_operands, accesses);
        tensor->data[at] = arithmetic->round(node->elem, value);
    }
    return true;
}

/* ---- contractions ---- */

struct contraction {
    struct evaluation *evaluation;
    const struct ir_node *node;
    struct walk *walk;
    struct eval_access *accesses;
    struct line **domain;
    bool empty; /* nothing to sum over */
};

/* Is this point of the index space one of the sum's: all conditions >= 0? */
static bool in_domain(const struct contraction *contraction, bool *inside)
{
    *inside = true;
    for (uint32_t k = 0; *inside && k < contraction->node->contract.n_domain; k++) {
        int64_t value;
        if (!walk_value(contraction->walk, contraction->domain[k], &value))
            return false;
        *inside = value >= 0;
    }
    return true;
}

/* product = operand0[...] * operand1[...] * ..., in the accumulator's type, * of the ring */
static bool product_here(const struct contraction *contraction, struct scalar *product)
{
    const struct ir_node *node = contraction->node;
    const struct arithmetic *arithmetic = contraction->evaluation->arithmetic;
    enum ir_elem elem = node->contract.accumulator;
    enum ir_expr_op multiply = ir_ring_info(node->contract.ring)->multiply;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        struct scalar pair[2] = {*product}, factor;
        if (!walk_fetch(contraction->walk, arithmetic, &contraction->accesses[k], &factor))
            return false;
        pair[1] = arithmetic->convert(node->operands[k].node->elem, elem, factor);
        if (k == 0)
            *product = pair[1];
        else if (!arithmetic->apply(multiply, elem, elem, pair, product))
            return false;
    }
    return true;
}

/* sum over the summed indices of the product, + of the ring. The first term starts the sum, so that a lone -0 stays and no infinity
 * of min or max enters; but where the zero of the ring tells the sum starts from it, as in emitted code. */
static bool sum_points(const struct contraction *contraction, struct scalar *sum)
{
    const struct ir_node *node = contraction->node;
    const struct arithmetic *arithmetic = contraction->evaluation->arithmetic;
    enum ir_elem elem = node->contract.accumulator;
    bool started = ir_ring_zero_tells(node->contract.ring, elem) && node->n_indices > node->rank;
    *sum = arithmetic->literal(ir_ring_zero(node->contract.ring, elem));
    if (contraction->empty)
        return true;
    do {
        struct scalar pair[2] = {*sum};
        bool inside;
        if (!in_domain(contraction, &inside) || (inside && !product_here(contraction, &pair[1])))
            return false;
        if (!inside)
            continue;
        if (!started)
            *sum = pair[1];
        else if (!arithmetic->apply(ir_ring_info(node->contract.ring)->add, elem, elem, pair, sum))
            return false;
        started = true;
    } while (walk_next(contraction->walk, node->rank, node->n_indices));
    return true;
}

/* The same, a run along the last index at a time: ring plustimes, every access one address, no domain. */
static bool sum_runs(const struct contraction *contraction, struct scalar_run *run, const struct scalar **pointers,
                     struct scalar *sum)
{
    const struct ir_node *node = contraction->node;
    const struct arithmetic *arithmetic = contraction->evaluation->arithmetic;
    *sum = arithmetic->literal(ir_ring_zero(IR_RING_plustimes, node->contract.accumulator));
    if (contraction->empty)
        return true;
    do {
        for (uint32_t k = 0; k < node->n_operands; k++)
            pointers[k] = &contraction->accesses[k].tensor->data[contraction->accesses[k].address->value];
        arithmetic->sum_run(node->contract.accumulator, run, sum);
    } while (walk_next(contraction->walk, node->rank, node->n_indices - 1));
    return true;
}

/* Do operands enter the sum as they are? */
static bool has_plain_runs(const struct contraction *contraction)
{
    const struct ir_node *node = contraction->node;
    enum ir_elem to = node->contract.accumulator;
    if (node->contract.ring != IR_RING_plustimes || node->contract.n_domain > 0 || node->n_indices == node->rank)
        return false;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        enum ir_elem from = node->operands[k].node->elem;
        bool same_kind = ir_elem_is_float(from) == ir_elem_is_float(to) && ir_elem_is_complex(from) == ir_elem_is_complex(to);
        bool real_in_complex = ir_elem_is_float(from) && ir_elem_is_complex(to);
        if (!contraction->accesses[k].address || contraction->accesses[k].conjugate || !(same_kind || real_in_complex))
            return false;
    }
    return true;
}

/* Roundings behind an element: one a summed point, one a factor, and those of the factors. */
static double contraction_terms(const struct contraction *contraction)
{
    double points = 1;
    for (uint32_t k = contraction->node->rank; k < contraction->node->n_indices; k++)
        points *= (double)contraction->walk->extents[k];
    for (uint32_t k = 0; k < contraction->node->n_operands; k++)
        points += 1 + contraction->accesses[k].tensor->terms;
    return points;
}

static bool prepare_contraction(struct contraction *contraction)
{
    struct evaluation *evaluation = contraction->evaluation;
    const struct ir_node *node = contraction->node;
    contraction->walk = eval_walk_node(evaluation, node, &contraction->accesses);
    contraction->domain = ARENA_ARRAY(evaluation->arena, node->contract.n_domain, struct line *);
    if (!contraction->walk || !contraction->domain)
        return contraction->walk ? eval_fail_memory(evaluation) : false;
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        if (!(contraction->domain[k] = walk_follow(contraction->walk, node->contract.domain[k])))
            return eval_fail_memory(evaluation);
    for (uint32_t k = node->rank; k < node->n_indices; k++)
        contraction->empty = contraction->empty || contraction->walk->extents[k] == 0;
    return true;
}

/* result[i0, i1, ...] = sum[j0, j1, ...](operand0[...] * operand1[...] * ...) */
static bool eval_contract(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    const struct ir_node *node = tensor->node;
    const struct arithmetic *arithmetic = evaluation->arithmetic;
    struct contraction contraction = {.evaluation = evaluation, .node = node};
    if (!prepare_contraction(&contraction))
        return false;
    bool runs = has_plain_runs(&contraction);
    const struct scalar **pointers = ARENA_ARRAY(evaluation->arena, node->n_operands, const struct scalar *);
    int64_t *steps = ARENA_ARRAY(evaluation->arena, node->n_operands, int64_t);
    if (!pointers || !steps)
        return eval_fail_memory(evaluation);
    uint32_t last = node->n_indices - 1;
    for (uint32_t k = 0; runs && k < node->n_operands; k++)
        steps[k] = contraction.accesses[k].address->steps[last];
    struct scalar_run run = {node->n_operands, pointers, steps, runs ? contraction.walk->extents[last] : 0};
    tensor->terms = contraction_terms(&contraction);
    for (int64_t at = 0; at < tensor->count; at++, walk_next(contraction.walk, 0, node->rank)) {
        struct scalar sum;
        if (!(runs ? sum_runs(&contraction, &run, pointers, &sum) : sum_points(&contraction, &sum)))
            return eval_fail_outside(evaluation, node, contraction.walk, 0, node->n_operands, contraction.accesses);
        sum = arithmetic->convert(node->contract.accumulator, node->elem, sum);
        tensor->data[at] = arithmetic->round(node->elem, sum);
    }
    return true;
}

/* ---- scatters ---- */

/* result = base; then for each i0, i1, ... in order: result[subscripts of i0, i1, ...] += value[...], + of the ring.
 * `added` counts what came to an element. */
static bool add_points(struct evaluation *evaluation, struct eval_tensor *tensor, int64_t *added)
{
    const struct ir_node *node = tensor->node;
    const struct arithmetic *arithmetic = evaluation->arithmetic;
    enum ir_expr_op add = ir_ring_info(node->scatter.ring)->add;
    struct eval_access *accesses;
    struct walk *walk = eval_walk_node(evaluation, node, &accesses);
    bool empty = false;
    for (uint32_t k = 0; walk && k < node->n_indices; k++)
        empty = empty || walk->extents[k] == 0;
    if (!walk || empty)
        return walk != NULL;
    do {
        int64_t place;
        bool inside;
        struct scalar pair[2];
        if (!walk_fetch(walk, arithmetic, &accesses[1], &pair[1]) || !walk_place(walk, &accesses[0], &place, &inside))
            return eval_fail_outside(evaluation, node, walk, 0, node->n_operands, accesses);
        if (!inside)
            continue;
        pair[0] = tensor->data[place];
        if (!arithmetic->apply(add, node->elem, node->elem, pair, &tensor->data[place]))
            return eval_fail_outside(evaluation, node, walk, 0, node->n_operands, accesses);
        added[place]++;
    } while (walk_next(walk, 0, node->n_indices));
    return true;
}

static bool eval_scatter(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    const struct ir_node *node = tensor->node;
    const struct eval_tensor *base = eval_find_tensor(evaluation, node->operands[0].node);
    int64_t *added = ARENA_ARRAY(evaluation->arena, (size_t)tensor->count, int64_t), most = 0;
    if (!added)
        return eval_fail_memory(evaluation);
    for (int64_t at = 0; at < tensor->count; at++)
        tensor->data[at] = base->data[at];
    if (!add_points(evaluation, tensor, added))
        return false;
    for (int64_t at = 0; at < tensor->count; at++) {
        tensor->data[at] = evaluation->arithmetic->round(node->elem, tensor->data[at]);
        most = added[at] > most ? added[at] : most;
    }
    tensor->terms = base->terms + (double)most + eval_find_tensor(evaluation, node->operands[1].node)->terms;
    return true;
}

static bool eval_node(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    if (tensor->node->op == IR_scan_node)
        return eval_scan(evaluation, tensor);
    if (tensor->node->op == IR_proj_node) /* filled by its scan */
        return true;
    if (!eval_shape_tensor(evaluation, tensor))
        return false;
    switch (tensor->node->op) {
    case IR_input_node:
        return eval_input(evaluation, tensor);
    case IR_const_node:
        return eval_const(evaluation, tensor);
    case IR_contract_node:
        return eval_contract(evaluation, tensor);
    case IR_map_node:
        return eval_map(evaluation, tensor);
    case IR_concat_node:
        return eval_concat(evaluation, tensor);
    case IR_view_node:
    case IR_alt_node: /* the first */
        return eval_view(evaluation, tensor);
    case IR_scatter_node:
        return eval_scatter(evaluation, tensor);
    case IR_solve_node:
        return eval_solve(evaluation, tensor);
    default:
        evaluation->status = EINC_INTERNAL;
        return false;
    }
}

/* ---- kernels ---- */

static int compare_nodes(const void *a, const void *b)
{
    uint32_t x = ((const struct eval_tensor *)a)->node->id, y = ((const struct eval_tensor *)b)->node->id;
    return (x > y) - (x < y);
}

/* All nodes needed, ascending by number, which is an order of evaluation. */
bool eval_list_tensors(struct evaluation *evaluation)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(evaluation->context, evaluation->kernel, &count);
    evaluation->tensors = ARENA_ARRAY(evaluation->arena, nodes ? count : 0, struct eval_tensor);
    if (!nodes || !evaluation->tensors)
        return eval_fail_memory(evaluation);
    for (size_t k = 0; k < count; k++)
        evaluation->tensors[k].node = nodes[k];
    evaluation->n_tensors = count;
    sort_items(evaluation->tensors, count, sizeof *evaluation->tensors, compare_nodes);
    return true;
}

static bool store_output(struct evaluation *evaluation, const struct eval_tensor *tensor, struct ir_tensor *output)
{
    struct arena *arena = ir_arena(evaluation->context);
    enum ir_elem elem = tensor->node->elem;
    *output = (struct ir_tensor){.elem = elem, .rank = tensor->rank};
    output->shape = arena_copy(arena, tensor->shape, tensor->rank, sizeof *tensor->shape);
    output->data = arena_alloc(arena, (size_t)tensor->count, evaluation->arithmetic->stored_bytes(elem));
    if (!output->shape || !output->data)
        return eval_fail_memory(evaluation);
    for (int64_t at = 0; at < tensor->count; at++)
        evaluation->arithmetic->store(elem, output->data, (size_t)at, tensor->data[at]);
    return true;
}

bool eval_nodes(struct evaluation *evaluation)
{
    for (size_t k = 0; k < evaluation->n_tensors; k++)
        if (!eval_node(evaluation, &evaluation->tensors[k]))
            return false;
    return true;
}

static void eval_kernel(struct evaluation *evaluation, struct ir_tensor *outputs, double *longest_sum)
{
    if (!eval_list_tensors(evaluation))
        return;
    if (!eval_nodes(evaluation))
        return;
    for (uint32_t k = 0; k < evaluation->kernel->n_outputs; k++) {
        const struct eval_tensor *tensor = eval_find_tensor(evaluation, evaluation->kernel->outputs[k].node);
        if (!store_output(evaluation, tensor, &outputs[k]))
            return;
        if (longest_sum)
            longest_sum[k] = tensor->terms;
    }
}

enum einc_status ir_eval(struct ir_context *context, const struct ir_kernel *kernel, enum ir_arithmetic arithmetic,
                         const int64_t *dims, const struct ir_tensor *inputs, struct ir_tensor *outputs, double *longest_sum)
{
    if (context && kernel)
        kernel = eval_split(context, kernel, dims);
    if (!context || !kernel)
        return EINC_NO_MEMORY;
    struct evaluation evaluation = {
        .context = context, .kernel = kernel, .arithmetic = arithmetic_find(arithmetic), .dims = dims, .inputs = inputs};
    evaluation.tables = (struct poly_tables){.entry = table_entry, .user = &evaluation};
    evaluation.arena = arena_create(arena_allocator(ir_arena(context)));
    if (evaluation.arena)
        eval_kernel(&evaluation, outputs, longest_sum);
    else
        evaluation.status = EINC_NO_MEMORY;
    arena_destroy(evaluation.arena);
    if (evaluation.status == EINC_NO_MEMORY) /* passes that evaluate constants go on without, and their context has to know */
        arena_fail(ir_arena(context));
    return evaluation.status;
}
