/* Is a kernel linear in some of its inputs? Each value is independent of them, linear in them, or the first that is neither, which
 * is reported where it stands. Linear means over the reals: taking a real part or a conjugate is allowed. */
#include "gradient.h"
#include "simplify_internal.h"

enum dependence { INDEPENDENT, LINEAR, NEITHER };

struct checking {
    struct ir_context *context;
    const struct ir_kernel *kernel;
    const enum dependence *inputs;   /* of the kernel's inputs */
    enum dependence *dependence;     /* of nodes by id */
    const enum dependence **results; /* of a scan, by its id: of the outputs of its step, then of its states before a step */
    struct span place;               /* the statement of the value that is neither */
    const char *reason;              /* why the value looked at is neither, up to the names of the inputs */
};

static enum dependence neither(struct checking *checking, const char *reason)
{
    if (!checking->reason)
        checking->reason = reason;
    return NEITHER;
}

static const char independent_part[] = "adds or chooses something that does not depend on";
static const char not_a_sum[] = "takes a largest or least value, or a product, of things that depend on";

static bool is_zero_number(struct ir_number number)
{
    return gradient_is_differentiable(number.elem) && number.re == 0 && number.im == 0;
}

/* ---- expressions ---- */

static bool is_zero(const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_literal && is_zero_number(expr->literal);
}

/* A sum, or a choice among values: all are linear, or none depends. 0 is both. */
static enum dependence of_sum(struct checking *checking, const struct ir_expr *expr, const enum dependence *arguments,
                              uint32_t first)
{
    bool any_linear = false, any_independent = false;
    for (uint32_t k = first; k < expr->n_arguments; k++) {
        any_linear |= arguments[k] == LINEAR;
        any_independent |= arguments[k] == INDEPENDENT && !is_zero(expr->arguments[k]);
    }
    if (any_linear && any_independent)
        return neither(checking, independent_part);
    return any_linear ? LINEAR : INDEPENDENT;
}

static enum dependence of_product(struct checking *checking, enum dependence a, enum dependence b)
{
    if (a == LINEAR && b == LINEAR)
        return neither(checking, "multiplies two things that depend on");
    return a == LINEAR || b == LINEAR ? LINEAR : INDEPENDENT;
}

static enum dependence of_function(struct checking *checking, const struct ir_expr *expr, const enum dependence *arguments)
{
    switch (expr->op) {
    case IR_EXPR_neg:
    case IR_EXPR_conj:
    case IR_EXPR_real:
    case IR_EXPR_imag:
        return arguments[0];
    case IR_EXPR_cast:
        return gradient_is_differentiable(expr->elem) ? arguments[0] : neither(checking, "rounds to integers what depends on");
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_complex:
        return of_sum(checking, expr, arguments, 0);
    case IR_EXPR_select:
        return arguments[0] == INDEPENDENT ? of_sum(checking, expr, arguments, 1) : neither(checking, "chooses by what depends on");
    case IR_EXPR_mul:
        return of_product(checking, arguments[0], arguments[1]);
    case IR_EXPR_div:
        return arguments[1] == INDEPENDENT ? arguments[0] : neither(checking, "divides by something that depends on");
    default:
        return neither(checking, arena_printf(ir_arena(checking->context), "takes `%s` of something that depends on",
                                              ir_expr_info(expr->op)->name));
    }
}

static enum dependence of_map(struct checking *checking, const struct ir_node *map)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(checking->context, map->body, &count);
    enum dependence *found = ARENA_ARRAY(ir_arena(checking->context), count, enum dependence), arguments[3];
    for (size_t k = 0; order && found && k < count; k++) {
        const struct ir_expr *expr = order[k];
        bool independent = true;
        for (uint32_t a = 0; a < expr->n_arguments; a++) {
            arguments[a] = found[gradient_place(order, count, expr->arguments[a])];
            independent &= arguments[a] == INDEPENDENT;
        }
        found[k] = expr->op == IR_EXPR_operand ? checking->dependence[map->operands[expr->operand].node->id]
                   : independent               ? INDEPENDENT
                                               : of_function(checking, expr, arguments);
        if (found[k] == NEITHER)
            return NEITHER;
    }
    return order && found ? found[count - 1] : INDEPENDENT;
}

/* ---- nodes ---- */

/* Operands that depend and are filled with something else than 0 outside. What a scatter adds to is left out there instead. */
static bool is_filled(const struct checking *checking, const struct ir_node *node)
{
    for (uint32_t k = node->op == IR_scatter_node; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        if (access->fill && checking->dependence[access->node->id] == LINEAR && !is_zero_number(*access->fill))
            return true;
    }
    return false;
}

static enum dependence of_contraction(struct checking *checking, const struct ir_node *node)
{
    enum dependence product = INDEPENDENT;
    for (uint32_t k = 0; k < node->n_operands && product != NEITHER; k++)
        product = of_product(checking, product, checking->dependence[node->operands[k].node->id]);
    if (product == LINEAR && node->contract.ring != IR_RING_plustimes)
        return neither(checking, not_a_sum);
    return product;
}

/* Is every number of a value that does not depend 0? */
static bool is_zero_value(const struct ir_node *node)
{
    while (node->op == IR_view_node && (!node->operands[0].fill || is_zero_number(*node->operands[0].fill)))
        node = node->operands[0].node;
    if (node->op == IR_map_node)
        return is_zero(node->body);
    return node->op == IR_const_node && constant_is_all(node, ir_number_real(node->elem, 0));
}

/* Values beside each other, or one added to parts of another. What an output held before does not count: `y += A x` is linear in x.
 */
static enum dependence of_parts(struct checking *checking, const struct ir_node *node)
{
    bool any_linear = false, any_independent = false;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_node *operand = node->operands[k].node;
        enum dependence dependence = checking->dependence[operand->id];
        any_linear |= dependence == LINEAR;
        bool is_base = operand->op == IR_input_node && ir_input_is_updated(checking->kernel, operand->input.number);
        any_independent |= dependence == INDEPENDENT && !is_base && !is_zero_value(operand);
    }
    if (any_linear && node->op == IR_scatter_node && node->scatter.ring != IR_RING_plustimes)
        return neither(checking, not_a_sum);
    if (any_linear && any_independent)
        return neither(checking, independent_part);
    return any_linear ? LINEAR : INDEPENDENT;
}

/* ---- scans ---- */

static bool walk(struct checking *checking);

/* Does a value of the step read an input that depends? */
static bool reads_linear(struct checking *checking, const struct ir_node *value, const enum dependence *inputs)
{
    struct ir_output output = {.node = value};
    struct ir_kernel part = {.outputs = &output, .n_outputs = 1};
    size_t count;
    const struct ir_node **nodes = ir_topological(checking->context, &part, &count);
    for (size_t k = 0; nodes && k < count; k++)
        if (nodes[k]->op == IR_input_node && inputs[nodes[k]->input.number] == LINEAR)
            return true;
    return false;
}

/* A state that a step makes depend has depended from the start, or began at 0. False: neither. */
static bool settle_states(struct checking *checking, const struct ir_node *scan, enum dependence *inputs)
{
    const struct ir_kernel *step = scan->scan->step;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t k = 0; k < scan->scan->n_states; k++) {
            if (inputs[k] == LINEAR || !reads_linear(checking, step->outputs[k].node, inputs))
                continue;
            if (!is_zero_value(scan->operands[k].node))
                return neither(checking, independent_part) != NEITHER;
            inputs[k] = LINEAR;
            changed = true;
        }
    }
    return true;
}

/* After a step each state that depended still does, or is 0. */
static bool keep_states(struct checking *checking, const struct ir_node *scan, const struct checking *step)
{
    for (uint32_t k = 0; k < scan->scan->n_states; k++) {
        const struct ir_node *after = step->kernel->outputs[k].node;
        if (step->inputs[k] == LINEAR && step->dependence[after->id] == INDEPENDENT && !is_zero_value(after))
            return neither(checking, independent_part) != NEITHER;
    }
    return true;
}

static enum dependence of_scan(struct checking *checking, const struct ir_node *scan)
{
    const struct ir_kernel *step = scan->scan->step;
    struct arena *arena = ir_arena(checking->context);
    enum dependence *inputs = ARENA_ARRAY(arena, step->n_inputs, enum dependence);
    enum dependence *results = ARENA_ARRAY(arena, (size_t)step->n_outputs + scan->scan->n_states, enum dependence);
    struct checking inner = {.context = checking->context, .kernel = step, .inputs = inputs};
    if (!inputs || !results)
        return INDEPENDENT;
    for (uint32_t k = 0; k < step->n_inputs; k++)
        inputs[k] = checking->dependence[scan->operands[k].node->id];
    if (!settle_states(checking, scan, inputs))
        return NEITHER;
    if (!walk(&inner)) {
        checking->place = inner.place;
        return neither(checking, inner.reason);
    }
    if (!keep_states(checking, scan, &inner))
        return NEITHER;
    for (uint32_t k = 0; k < step->n_outputs; k++)
        results[k] = inner.dependence[step->outputs[k].node->id];
    for (uint32_t k = 0; k < scan->scan->n_states; k++)
        results[step->n_outputs + k] = inputs[k];
    checking->results[scan->id] = results;
    return INDEPENDENT; /* its projections are what counts */
}

static enum dependence of_proj(const struct checking *checking, const struct ir_node *proj)
{
    const struct ir_node *scan = proj->operands[0].node;
    const enum dependence *results = checking->results[scan->id];
    uint32_t before = scan->scan->step->n_outputs + proj->proj.result;
    if (!results)
        return INDEPENDENT;
    return proj->proj.last && results[before] == LINEAR ? LINEAR : results[proj->proj.result];
}

static enum dependence of_node(struct checking *checking, const struct ir_node *node)
{
    switch (node->op) {
    case IR_input_node:
        return checking->inputs[node->input.number];
    case IR_proj_node:
        return of_proj(checking, node);
    default:
        break;
    }
    if (is_filled(checking, node))
        return neither(checking, "pads with another number than 0 something that depends on");
    if (node->op == IR_scan_node)
        return of_scan(checking, node);
    if (node->op == IR_solve_node)
        return checking->dependence[node->operands[0].node->id] == INDEPENDENT
                   ? checking->dependence[node->operands[1].node->id]
                   : neither(checking, "inverts a matrix that depends on");
    if (node->op == IR_scatter_node || node->op == IR_concat_node)
        return of_parts(checking, node);
    if (node->op == IR_contract_node)
        return of_contraction(checking, node);
    if (node->op == IR_map_node)
        return of_map(checking, node);
    return node->n_operands ? checking->dependence[node->operands[0].node->id] : INDEPENDENT;
}

/* ---- a kernel ---- */

/* The statement a node came from: its own, else the next that is known among its users. */
static struct span statement_of(const struct checking *checking, const struct ir_node *const *nodes, size_t count, size_t at)
{
    const struct ir_name *name = ir_find_name(checking->kernel, nodes[at]);
    for (size_t user = at + 1; user < count && (!name || name->span.source == UINT32_MAX); user++)
        for (uint32_t k = 0; k < nodes[user]->n_operands; k++)
            if (nodes[user]->operands[k].node == nodes[at])
                name = ir_find_name(checking->kernel, nodes[user]);
    return name ? name->span : checking->kernel->span;
}

/* The dependence of every value; false when one is neither: `place` and `reason` say which, or memory ran out. */
static bool walk(struct checking *checking)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(checking->context, checking->kernel, &count);
    size_t n_ids = nodes && count ? (size_t)nodes[count - 1]->id + 1 : 0;
    checking->dependence = ARENA_ARRAY(ir_arena(checking->context), n_ids, enum dependence);
    checking->results = ARENA_ARRAY(ir_arena(checking->context), n_ids, const enum dependence *);
    checking->place = SPAN_NONE;
    for (size_t k = 0; nodes && checking->dependence && checking->results && k < count; k++) {
        enum dependence found = of_node(checking, nodes[k]);
        checking->dependence[nodes[k]->id] = found;
        if (found != NEITHER)
            continue;
        if (checking->place.source == UINT32_MAX)
            checking->place = statement_of(checking, nodes, count, k);
        return false;
    }
    return !arena_failed(ir_arena(checking->context));
}

static const char *input_list(const struct checking *checking)
{
    struct text text = text_create(ir_arena(checking->context));
    bool first = true;
    for (uint32_t k = 0; k < checking->kernel->n_inputs; k++)
        if (checking->inputs[k] == LINEAR) {
            text_printf(&text, "%s`%s`", first ? "" : ", ", checking->kernel->inputs[k].name);
            first = false;
        }
    return text_finish(&text);
}

static void report(const struct checking *checking, struct span place, const char *reason)
{
    struct diagnostics *diagnostics = ir_diagnostics(checking->context);
    const char *inputs = input_list(checking);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0822, place, "kernel `%s` is not linear in %s", checking->kernel->name, inputs ? inputs : "");
    diag_label(diagnostics, diag, "%s %s", reason ? reason : "", inputs ? inputs : "");
    diag_help(diagnostics, diag, "--gradient gives the derivative of kernels that are not linear");
}

bool gradient_check_linear(struct ir_context *context, const struct ir_kernel *kernel, const bool *wanted)
{
    enum dependence *inputs = ARENA_ARRAY(ir_arena(context), kernel->n_inputs, enum dependence);
    struct checking checking = {.context = context, .kernel = kernel, .inputs = inputs};
    for (uint32_t k = 0; inputs && k < kernel->n_inputs; k++)
        inputs[k] = wanted[k] ? LINEAR : INDEPENDENT;
    if (!inputs)
        return false;
    if (!walk(&checking)) {
        if (!arena_failed(ir_arena(context)))
            report(&checking, checking.place, checking.reason);
        return false;
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        const struct ir_output *output = &kernel->outputs[k];
        if (checking.dependence[output->node->id] == LINEAR)
            continue;
        report(&checking, output->span, arena_printf(ir_arena(context), "output `%s` does not depend on", output->name));
        return false;
    }
    return true;
}
