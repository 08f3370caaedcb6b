/* The rules every kernel keeps (docs/ir.md): checked after each pass, and on .eir text that anyone may have written.
 *
 * One function a kind of rule; a node that breaks one is reported once, at the statement it came from, and the next node is looked
 * at. Nothing here trusts what a builder would have refused. Cycles cannot be built: operands have smaller ids than their users,
 * which is checked nonetheless. */
#include "codelet.h"
#include "ir_internal.h"

struct verifier {
    struct ir_context *context;
    const struct ir_kernel *kernel;
    const struct ir_node *node; /* the one looked at */
    bool broken;                /* `node` was reported */
    bool failed;                /* some node was */
    bool in_step;               /* the kernel is a step of a scan */
};

static bool check_kernel(struct verifier *verifier);

/* ---- reporting ---- */

static const char *name_of(const struct verifier *verifier, const struct ir_node *node)
{
    const struct ir_name *known = ir_find_name(verifier->kernel, node);
    if (known && known->name)
        return known->name;
    for (uint32_t k = 0; k < verifier->kernel->n_inputs; k++)
        if (verifier->kernel->inputs[k].node == node && verifier->kernel->inputs[k].name)
            return verifier->kernel->inputs[k].name;
    const char *number = arena_printf(verifier->context->arena, "%s %u", ir_op_name(node->op), node->id);
    return number ? number : ir_op_name(node->op);
}

/* Reports the rule broken by the current node, the first time; gives false. */
BASE_PRINTF(3, 4) static bool broken(struct verifier *verifier, enum diag_code code, const char *format, ...)
{
    verifier->failed = true;
    if (verifier->broken)
        return false;
    verifier->broken = true;
    const struct ir_name *known = ir_find_name(verifier->kernel, verifier->node);
    struct span span = known ? known->span : verifier->kernel->span;
    struct text text = text_create(verifier->context->arena);
    va_list arguments;
    va_start(arguments, format);
    text_vprintf(&text, format, arguments);
    va_end(arguments);
    const char *message = text_finish(&text);
    diag_error(&verifier->context->diagnostics, code, span, "`%s` %s", name_of(verifier, verifier->node), message ? message : "");
    return false;
}

/* ---- polys ---- */

static void check_atom(void *user, const struct poly_atom *atom)
{
    struct verifier *verifier = user;
    if (atom->kind == POLY_DIM && atom->symbol >= verifier->context->n_dims)
        broken(verifier, DIAG_E0731, "uses a dim that was not declared");
    if (atom->kind != POLY_TABLE)
        return;
    if (!ir_elem_is_integer(atom->table->elem))
        broken(verifier, DIAG_E0731, "looks up a table that holds no integers");
    else if (atom->table->id >= verifier->node->id)
        broken(verifier, DIAG_E0731, "looks up a table that is not made before it");
    else if (verifier->in_step && atom->table->op != IR_const_node)
        broken(verifier, DIAG_E0740, "looks up what is no constant, inside a step");
    else if (atom->table->rank != atom->n_arguments)
        broken(verifier, DIAG_E0731, "looks up a table of %u axes by %u subscripts", atom->table->rank, atom->n_arguments);
}

/* Are all the polys there, free of indices from `limit` on? */
static bool check_polys(struct verifier *verifier, uint32_t n, const struct poly *const *polys, uint32_t limit, const char *what)
{
    for (uint32_t k = 0; k < n; k++) {
        if (!polys[k])
            return broken(verifier, DIAG_E0731, "has no %s %u", what, k);
        if (poly_index_limit(polys[k]) > limit)
            return broken(verifier, DIAG_E0731, "uses index %u in %s %u but has %u", poly_index_limit(polys[k]) - 1, what, k,
                          limit);
    }
    return true;
}

/* ---- shapes ---- */

static bool check_extents(struct verifier *verifier, uint32_t n, const struct poly *const *extents)
{
    int64_t value;
    if (!check_polys(verifier, n, extents, 0, "extent"))
        return false;
    for (uint32_t k = 0; k < n; k++) {
        if (poly_is_run_time(extents[k]))
            return broken(verifier, DIAG_E0731, "has an extent that is looked up in a table");
        if (poly_is_constant(extents[k], &value) && value < 0)
            return broken(verifier, DIAG_E0732, "has the negative extent %lld", (long long)value);
    }
    return true;
}

static bool check_shape(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    bool has_space = node->op != IR_input_node && node->op != IR_const_node;
    bool own_axes = has_space && node->op != IR_scatter_node && node->op != IR_scan_node &&
                    node->op != IR_proj_node; /* the first indices are the axes */
    if (!check_extents(verifier, node->rank, node->shape) || !check_extents(verifier, node->n_indices, node->extents))
        return false;
    if (!has_space && (node->n_indices || node->n_operands))
        return broken(verifier, DIAG_E0732, "has operands or indices, as no %s has", ir_op_name(node->op));
    if (own_axes && (node->n_indices < node->rank ||
                     (node->op != IR_contract_node && node->n_indices != node->rank + (node->op == IR_solve_node))))
        return broken(verifier, DIAG_E0732, "has %u axes and %u indices", node->rank, node->n_indices);
    for (uint32_t k = 0; own_axes && k < node->rank; k++)
        if (node->shape[k] != node->extents[k])
            return broken(verifier, DIAG_E0732, "has another extent on axis %u than its index %u", k, k);
    const struct poly *bytes =
        poly_scale(verifier->context, ir_element_count(verifier->context, node), ir_elem_info(node->elem)->bytes);
    if (!bytes && !arena_failed(verifier->context->arena))
        return broken(verifier, DIAG_E0732, "has more bytes than can be counted");
    return true;
}

/* ---- operands ---- */

static void report_escape(struct verifier *verifier, uint32_t operand, const struct ir_escape *escape)
{
    struct ir_context *context = verifier->context;
    const struct ir_node *node = verifier->node;
    const struct ir_name *known = ir_find_name(verifier->kernel, node);
    struct text text = text_create(context->arena);
    const char *separator = " where ";
    for (uint32_t k = 0; k < ir_operand_ranges(context, node, operand).n; k++) {
        if (!poly_uses_index(node->operands[operand].subscripts[escape->axis], k))
            continue;
        const char *index = known && known->index_names && k < node->n_indices ? known->index_names[k] : NULL;
        text_printf(&text, index ? "%s%s = %lld" : "%sindex %s = %lld", separator,
                    index ? index : arena_printf(context->arena, "%u", k), (long long)escape->indices[k]);
        separator = ", ";
    }
    separator = " with ";
    for (size_t k = 0; k < context->n_dims && k < 4; k++) {
        text_printf(&text, "%s%s = %lld", separator, context->dims[k].name ? context->dims[k].name : "?",
                    (long long)escape->dims[k]);
        separator = ", ";
    }
    const char *where = text_finish(&text);
    bool adds = node->op == IR_scatter_node && operand == 0;
    broken(verifier, DIAG_E0734, "%s `%s` at %lld on axis %u, whose extent is %lld%s", adds ? "adds to" : "reads",
           name_of(verifier, node->operands[operand].node), (long long)escape->value, escape->axis, (long long)escape->extent,
           where ? where : "");
}

static bool check_access(struct verifier *verifier, uint32_t operand)
{
    const struct ir_node *node = verifier->node;
    const struct ir_access *access = &node->operands[operand];
    struct ir_escape escape;
    if (!access->node || access->node->id >= node->id)
        return broken(verifier, DIAG_E0733, "has no value made before it as operand %u", operand);
    if ((access->node->op == IR_scan_node) != (node->op == IR_proj_node))
        return broken(verifier, DIAG_E0740, "reads a scan, or projects what is none");
    struct poly_ranges space = ir_operand_ranges(verifier->context, node, operand);
    if (!check_polys(verifier, access->node->rank, access->subscripts, space.n, "subscript"))
        return false;
    if (access->fill && access->fill->elem != access->node->elem)
        return broken(verifier, DIAG_E0733, "fills operand %u of type %s with a number of type %s", operand,
                      ir_elem_info(access->node->elem)->name, ir_elem_info(access->fill->elem)->name);
    if (access->conjugate && !ir_elem_is_complex(access->node->elem))
        return broken(verifier, DIAG_E0733, "conjugates operand %u of type %s", operand, ir_elem_info(access->node->elem)->name);
    if (node->op == IR_concat_node) /* leaves its operands everywhere but in their boxes */
        return true;
    if (ir_find_escape(verifier->context, node, operand, &escape)) {
        report_escape(verifier, operand, &escape);
        return false;
    }
    return true;
}

static bool check_operands(struct verifier *verifier)
{
    ir_visit_atoms(verifier->context, verifier->node, check_atom, verifier); /* before any of them is evaluated */
    if (verifier->broken)
        return false;
    for (uint32_t k = 0; k < verifier->node->n_operands; k++)
        if (!check_access(verifier, k))
            return false;
    return !verifier->broken;
}

/* ---- expressions ---- */

static bool check_leaf(struct verifier *verifier, const struct ir_expr *expr)
{
    const struct ir_node *node = verifier->node;
    switch (expr->op) {
    case IR_EXPR_literal:
        return expr->literal.elem == expr->elem || broken(verifier, DIAG_E0735, "holds a literal of another type than its own");
    case IR_EXPR_operand:
        if (expr->operand >= node->n_operands)
            return broken(verifier, DIAG_E0735, "uses operand %u of %u", expr->operand, node->n_operands);
        if (expr->elem != node->operands[expr->operand].node->elem)
            return broken(verifier, DIAG_E0735, "takes operand %u as %s but it is %s", expr->operand,
                          ir_elem_info(expr->elem)->name, ir_elem_info(node->operands[expr->operand].node->elem)->name);
        return true;
    case IR_EXPR_index:
        return expr->elem == IR_i64 ? check_polys(verifier, 1, &expr->index, node->n_indices, "index value")
                                    : broken(verifier, DIAG_E0735, "has an index value that is no i64");
    default:
        return broken(verifier, DIAG_E0735, "holds a `%s`, which belongs into loops", ir_expr_info(expr->op)->name);
    }
}

static bool check_expr(struct verifier *verifier, const struct ir_expr *expr)
{
    enum ir_elem elems[3], result;
    if (expr->op >= IR_EXPR_OP_COUNT || expr->elem >= IR_ELEM_COUNT || expr->n_arguments > 3)
        return broken(verifier, DIAG_E0735, "holds an expression that is none");
    if (expr->n_arguments == 0)
        return check_leaf(verifier, expr);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        elems[k] = expr->arguments[k]->elem;
    if (expr->op == IR_EXPR_cast)
        return expr->n_arguments == 1 || broken(verifier, DIAG_E0735, "casts %u values at once", expr->n_arguments);
    if (!ir_expr_result(expr->op, expr->n_arguments, elems, &result) || result != expr->elem)
        return broken(verifier, DIAG_E0735, "applies `%s` to types it does not take", ir_expr_info(expr->op)->name);
    return true;
}

static bool check_map(struct verifier *verifier)
{
    size_t count;
    const struct ir_node *node = verifier->node;
    if (!node->body || node->body->elem != node->elem)
        return broken(verifier, DIAG_E0735, "is not of its expression's type");
    const struct ir_expr **order = ir_expr_topological(verifier->context, node->body, &count);
    if (!order)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!check_expr(verifier, order[i]))
            return false;
    uint32_t depth = ir_expr_depth(verifier->context, order, count);
    if (depth > IR_EXPRESSION_DEPTH)
        return broken(verifier, DIAG_E0736, "has an expression nested deeper than %d", IR_EXPRESSION_DEPTH);
    return depth > 0;
}

/* ---- the other kinds ---- */

static bool check_input(struct verifier *verifier)
{
    const struct ir_kernel *kernel = verifier->kernel;
    uint32_t number = verifier->node->input.number;
    if (number >= kernel->n_inputs || kernel->inputs[number].node != verifier->node)
        return broken(verifier, DIAG_E0737, "is no input of kernel `%s`", kernel->name ? kernel->name : "");
    return true;
}

static bool check_constant(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    int64_t bytes, extent;
    bool counted = poly_is_constant(ir_element_count(verifier->context, node), &bytes) &&
                   checked_multiply(bytes, ir_elem_info(node->elem)->bytes, &bytes);
    for (uint32_t k = 0; k < node->rank; k++)
        if (!poly_is_constant(node->shape[k], &extent))
            return broken(verifier, DIAG_E0738, "is a constant whose extents are not all constant");
    if (!counted || !node->constant || (uint64_t)bytes != node->constant->bytes || (bytes && !node->constant->data))
        return broken(verifier, DIAG_E0738, "has %zu bytes of data, which its shape and type do not ask for",
                      node->constant ? node->constant->bytes : 0);
    return true;
}

static bool check_sliced(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    for (uint32_t k = 0; k < node->contract.n_sliced; k++) {
        bool again = node->contract.sliced[k] >= node->n_indices;
        for (uint32_t j = 0; j < k && !again; j++)
            again = node->contract.sliced[j] == node->contract.sliced[k];
        if (again)
            return broken(verifier, DIAG_E0739, "slices an index it does not have, or twice");
    }
    return true;
}

static bool check_contract(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    const struct ir_ring_info *ring = ir_ring_info(node->contract.ring);
    if (node->contract.ring >= IR_RING_COUNT || node->contract.accumulator >= IR_ELEM_COUNT || node->n_operands == 0)
        return broken(verifier, DIAG_E0739, "is a contraction in no ring, or of no operands");
    if (ring->multiply == IR_EXPR_OP_COUNT && node->n_operands != 1)
        return broken(verifier, DIAG_E0739, "has %u operands, but ring %s takes one", node->n_operands, ring->name);
    const struct ir_elem_info *elem = ir_elem_info(node->elem), *accumulator = ir_elem_info(node->contract.accumulator);
    if (!ir_ring_takes(node->contract.ring, node->elem))
        return broken(verifier, DIAG_E0739, "is %s, for which ring %s is not defined", elem->name, ring->name);
    if (accumulator->kind != elem->kind || accumulator->bytes < elem->bytes)
        return broken(verifier, DIAG_E0739, "is %s and cannot be summed in %s", elem->name, accumulator->name);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_elem_info *operand = ir_elem_info(node->operands[k].node->elem);
        if (operand->kind != accumulator->kind || operand->bytes > accumulator->bytes)
            return broken(verifier, DIAG_E0739, "is summed in %s but its operand %u is %s", accumulator->name, k, operand->name);
    }
    if (!check_polys(verifier, node->contract.n_domain, node->contract.domain, node->n_indices, "condition") ||
        !check_sliced(verifier))
        return false;
    return !node->contract.codelet || ir_codelet(verifier->context, node) ||
           broken(verifier, DIAG_E0739, "has no small constant factors, and so no codelet");
}

static bool check_scatter(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    if (node->n_operands != 2)
        return broken(verifier, DIAG_E0733, "adds %u values to a base", node->n_operands);
    const struct ir_node *base = node->operands[0].node, *value = node->operands[1].node;
    if (node->operands[0].conjugate)
        return broken(verifier, DIAG_E0733, "conjugates what it adds to");
    if (base->elem != node->elem || value->elem != node->elem)
        return broken(verifier, DIAG_E0733, "adds %s to %s and is %s", ir_elem_info(value->elem)->name,
                      ir_elem_info(base->elem)->name, ir_elem_info(node->elem)->name);
    if (node->scatter.ring >= IR_RING_COUNT || !ir_ring_takes(node->scatter.ring, node->elem))
        return broken(verifier, DIAG_E0739, "adds %s in a ring that is not defined for it", ir_elem_info(node->elem)->name);
    bool same = base->rank == node->rank;
    for (uint32_t k = 0; same && k < node->rank; k++)
        same = base->shape[k] == node->shape[k];
    return same || broken(verifier, DIAG_E0732, "has another shape than the base it adds to");
}

/* Unknowns and equations are of one extent, and the right side knows nothing of the unknowns. */
static bool check_solve(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    if (node->solve.solver >= IR_SOLVER_COUNT || node->n_operands != 2 || !ir_solver_takes(node->elem))
        return broken(verifier, DIAG_E0745, "solves in no known way, or numbers that have no quotients");
    if (node->solve.solver == IR_SOLVER_cholesky && ir_elem_is_complex(node->elem))
        return broken(verifier, DIAG_E0745, "takes complex numbers for positive definite");
    if (node->operands[0].node->elem != node->elem || node->operands[1].node->elem != node->elem)
        return broken(verifier, DIAG_E0745, "solves with a matrix or a right side of another type");
    if (node->solve.axis >= node->rank || node->n_indices != node->rank + 1 ||
        node->extents[node->rank] != node->extents[node->solve.axis])
        return broken(verifier, DIAG_E0745, "has not as many equations as unknowns");
    for (uint32_t axis = 0; axis < node->operands[1].node->rank; axis++)
        if (node->operands[1].subscripts[axis] && poly_uses_index(node->operands[1].subscripts[axis], node->solve.axis))
            return broken(verifier, DIAG_E0745, "has a right side that depends on the index of the unknowns");
    return true;
}

static bool check_view(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    if (node->n_operands != 1 || node->operands[0].node->elem != node->elem)
        return broken(verifier, DIAG_E0733, "is a view of no value of its type");
    return true;
}

static bool check_alternatives(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    if (node->n_operands == 0 || node->n_operands > IR_ALTERNATIVES)
        return broken(verifier, DIAG_E0744, "has %u alternatives, not 1 to %d", node->n_operands, (int)IR_ALTERNATIVES);
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (!node->operands[k].node || node->operands[k].node->elem != node->elem)
            return broken(verifier, DIAG_E0744, "has alternative %u of another type", k);
    return true;
}

static bool same_tensor(const struct ir_node *a, const struct ir_node *b)
{
    bool same = a->elem == b->elem && a->rank == b->rank;
    for (uint32_t axis = 0; same && axis < a->rank; axis++)
        same = a->shape[axis] == b->shape[axis];
    return same;
}

/* A step has its rules as a kernel has; beside that states keep type and shape, and slices have their inputs' types. */
static bool check_scan(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    const struct ir_scan *scan = node->scan;
    const struct ir_kernel *step = scan->step;
    if (scan->n_states > step->n_inputs || scan->n_states > step->n_outputs || node->n_operands != step->n_inputs)
        return broken(verifier, DIAG_E0740, "has other operands than its step has inputs");
    if (verifier->in_step)
        return broken(verifier, DIAG_E0740, "is a scan inside a step");
    struct verifier inner = {.context = verifier->context, .kernel = step, .in_step = true};
    if (!check_kernel(&inner)) {
        verifier->failed = verifier->broken = true; /* said already, at its place */
        return false;
    }
    for (uint32_t k = 0; k < scan->n_states; k++)
        if (!same_tensor(step->inputs[k].node, step->outputs[k].node))
            return broken(verifier, DIAG_E0740, "has another type or shape of state %u after a step than before", k);
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (node->operands[k].node->elem != step->inputs[k].node->elem)
            return broken(verifier, DIAG_E0740, "gives operand %u to an input of another type", k);
    return true;
}

/* The builder gives type and shape, so only the choice can be wrong. */
static bool check_proj(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node, *scan = node->n_operands == 1 ? node->operands[0].node : NULL;
    if (!scan || scan->op != IR_scan_node || node->proj.result >= scan->scan->step->n_outputs)
        return broken(verifier, DIAG_E0740, "projects a result that its scan has not");
    if (node->proj.last && node->proj.result >= scan->scan->n_states)
        return broken(verifier, DIAG_E0740, "takes the last value of what is no state");
    return true;
}

static bool check_box(struct verifier *verifier, uint32_t operand)
{
    const struct ir_access *access = &verifier->node->operands[operand];
    if (access->node->elem != verifier->node->elem || access->node->rank != verifier->node->rank || access->fill ||
        access->conjugate)
        return broken(verifier, DIAG_E0743, "has operand %u of another type or number of axes, padded, or conjugated", operand);
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *offset = ir_concat_offset(verifier->context, access, axis);
        if (offset && poly_index_limit(offset) > 0)
            return broken(verifier, DIAG_E0743, "has operand %u at subscripts other than an index less an offset", operand);
    }
    return true;
}

static bool check_concat(struct verifier *verifier)
{
    const struct ir_node *node = verifier->node;
    uint32_t operands[2];
    if (node->n_operands == 0)
        return broken(verifier, DIAG_E0743, "is a concatenation of nothing");
    if (node->n_operands > IR_CONCAT_OPERANDS)
        return broken(verifier, DIAG_E0743, "has more than %d operands", (int)IR_CONCAT_OPERANDS);
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (!check_polys(verifier, node->operands[k].node->rank, node->operands[k].subscripts, node->n_indices, "subscript") ||
            !check_box(verifier, k))
            return false;
    switch (ir_check_concat(verifier->context, node, operands)) {
    case IR_CONCAT_FINE:
        return true;
    case IR_CONCAT_OUTSIDE:
        return broken(verifier, DIAG_E0743, "has operand %u outside its shape", operands[0]);
    case IR_CONCAT_OVERLAP:
        return broken(verifier, DIAG_E0743, "has operands %u and %u where they meet", operands[1], operands[0]);
    case IR_CONCAT_GAP:
        break;
    }
    return broken(verifier, DIAG_E0743, "is not covered by its operands");
}

static void check_node(struct verifier *verifier, const struct ir_node *node)
{
    verifier->node = node;
    verifier->broken = false;
    if (node->op >= IR_OP_COUNT || node->elem >= IR_ELEM_COUNT) {
        broken(verifier, DIAG_E0733, "is of no known kind or type");
        return;
    }
    bool kind_holds = node->op == IR_input_node     ? check_input(verifier)
                      : node->op == IR_const_node   ? check_constant(verifier)
                      : node->op == IR_map_node     ? check_map(verifier)
                      : node->op == IR_view_node    ? check_view(verifier)
                      : node->op == IR_concat_node  ? check_concat(verifier)
                      : node->op == IR_alt_node     ? check_alternatives(verifier)
                      : node->op == IR_scatter_node ? check_scatter(verifier)
                      : node->op == IR_solve_node   ? check_solve(verifier)
                      : node->op == IR_scan_node    ? check_scan(verifier)
                      : node->op == IR_proj_node    ? check_proj(verifier)
                                                    : check_contract(verifier);
    if (kind_holds && check_shape(verifier))
        check_operands(verifier);
}

/* ---- the kernel ---- */

/* Strides are over dims and not negative where that shows; what is promised of square matrices is said of one. */
static bool check_layout(struct verifier *verifier, const struct ir_input_info *input)
{
    const struct ir_node *node = input->node;
    verifier->node = node;
    verifier->broken = false;
    int64_t value;
    if (input->promises >> IR_PROMISE_COUNT || (input->promises && !ir_is_square(node)))
        return broken(verifier, DIAG_E0732, "is promised what only square matrices can be");
    if (!input->strides)
        return true;
    if (!check_polys(verifier, node->rank, input->strides, 0, "stride"))
        return false;
    for (uint32_t k = 0; k < node->rank; k++)
        if (poly_is_constant(input->strides[k], &value) && value < 0)
            return broken(verifier, DIAG_E0732, "has the negative stride %lld", (long long)value);
    const struct poly *bytes =
        poly_scale(verifier->context, ir_input_reach(verifier->context, input), ir_elem_info(node->elem)->bytes);
    if (!bytes && !arena_failed(verifier->context->arena))
        return broken(verifier, DIAG_E0732, "reaches over more bytes than can be counted");
    return true;
}

static bool check_ends(struct ir_context *context, const struct ir_kernel *kernel)
{
    const char *name = kernel->name ? kernel->name : "";
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        const struct ir_node *node = kernel->inputs[k].node;
        if (node && node->op == IR_input_node && node->input.number == k)
            continue;
        diag_error(&context->diagnostics, DIAG_E0737, kernel->inputs[k].span, "input %u of kernel `%s` is no input", k, name);
        return false;
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        if (kernel->outputs[k].node)
            continue;
        diag_error(&context->diagnostics, DIAG_E0737, kernel->outputs[k].span, "output %u of kernel `%s` has no value", k, name);
        return false;
    }
    if (kernel->n_outputs == 0)
        diag_error(&context->diagnostics, DIAG_E0737, kernel->span, "kernel `%s` has no output", name);
    return kernel->n_outputs > 0;
}

/* An output in the place of an input is a scatter on it, and the only reader: nobody sees the input half overwritten. */
static bool check_update(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_output *output,
                         const struct ir_node *const *nodes, size_t count)
{
    const char *name = kernel->name ? kernel->name : "";
    uint32_t number = output->updates - 1, updaters = 0;
    const struct ir_node *input = number < kernel->n_inputs ? kernel->inputs[number].node : NULL;
    bool good = input && output->node->op == IR_scatter_node && output->node->operands[0].node == input &&
                !output->node->operands[0].fill && !kernel->inputs[number].strides &&
                (output->node->scatter.ring == IR_RING_plustimes || output->node->scatter.ring == IR_RING_orand);
    for (size_t k = 0; k < count && good; k++) {
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            good = good && (nodes[k]->operands[o].node != input || (nodes[k] == output->node && o == 0));
        good = good && !ir_looks_up(context, nodes[k], input);
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        updaters += kernel->outputs[k].updates == output->updates;
        good = good && kernel->outputs[k].node != input;
    }
    if (!good || updaters > 1)
        diag_error(&context->diagnostics, DIAG_E0737, output->span,
                   "output `%s` of kernel `%s` is no scatter on the input it updates, or not all that reads or updates it",
                   output->name ? output->name : "", name);
    return good && updaters == 1;
}

static bool check_kernel(struct verifier *verifier)
{
    struct ir_context *context = verifier->context;
    const struct ir_kernel *kernel = verifier->kernel;
    size_t count;
    if (!check_ends(context, kernel))
        return false;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    if (!nodes)
        return false;
    for (size_t i = 0; i < count; i++)
        check_node(verifier, nodes[i]);
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        check_node(verifier, kernel->inputs[k].node);
        check_layout(verifier, &kernel->inputs[k]);
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node->op == IR_scan_node) {
            verifier->node = kernel->outputs[k].node;
            return broken(verifier, DIAG_E0740, "is a scan and no tensor, so it is no output");
        }
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].updates && !check_update(context, kernel, &kernel->outputs[k], nodes, count))
            return false;
    return !verifier->failed && !arena_failed(context->arena);
}

bool ir_verify(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct verifier verifier = {.context = context, .kernel = kernel};
    return kernel && check_kernel(&verifier);
}
