/* What the evaluator says of a run the kernel forbids: which subscript leaves which tensor, at which value and place. */
#include "eval_kernel.h"

struct span eval_span_of(const struct evaluation *evaluation, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(evaluation->kernel, node);
    return name ? name->span : evaluation->kernel->span;
}

const char *eval_name_of(const struct evaluation *evaluation, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(evaluation->kernel, node);
    return name && name->name ? name->name : ir_op_name(node->op);
}

/* The axis on which the access leaves its tensor at the walk's place, or looks up outside a table; rank: on none. */
static uint32_t axis_outside(const struct walk *walk, const struct eval_access *access, int64_t *value, bool *known)
{
    uint32_t axis = 0;
    if (access->address)
        return access->tensor->rank;
    for (; axis < access->tensor->rank; axis++) {
        *known = walk_value(walk, access->axes[axis], value);
        bool inside = *known && *value >= 0 && *value < access->tensor->shape[axis];
        if (!inside && (!access->fill || (!*known && walk->tables->outside)))
            break;
    }
    return axis;
}

/* ` where e = 3, k = 1`; of a matrix that is solved with only which of a batch it is. */
static const char *place_text(const struct evaluation *evaluation, const struct ir_node *node, const struct walk *walk,
                              bool of_matrix)
{
    const struct ir_name *name = ir_find_name(evaluation->kernel, node);
    struct text text = text_create(ir_arena(evaluation->context));
    const char *separator = " where ";
    for (uint32_t k = 0; walk && k < node->n_indices; k++) {
        const char *index = name && name->index_names ? name->index_names[k] : NULL;
        if (of_matrix && !ir_solve_is_batch(node, k))
            continue;
        text_printf(&text, "%s%s = %lld", separator, index ? index : arena_printf(ir_arena(evaluation->context), "index %u", k),
                    (long long)walk->index[k]);
        separator = ", ";
    }
    const char *place = text_finish(&text);
    return place ? place : "";
}

bool eval_fail_singular(struct evaluation *evaluation, const struct ir_node *node, const struct walk *walk)
{
    diag_error(ir_diagnostics(evaluation->context), DIAG_E0816, eval_span_of(evaluation, node),
               "a matrix that kernel `%s` solves with is singular%s", evaluation->kernel->name,
               place_text(evaluation, node, walk, true));
    evaluation->status = EINC_INVALID;
    return false;
}

bool eval_fail_outside(struct evaluation *evaluation, const struct ir_node *node, const struct walk *walk, uint32_t first,
                       uint32_t n, const struct eval_access *accesses)
{
    struct diagnostics *diagnostics = ir_diagnostics(evaluation->context);
    const char *kernel = evaluation->kernel->name, *name = eval_name_of(evaluation, node);
    struct span span = eval_span_of(evaluation, node);
    evaluation->status = EINC_INVALID;
    for (uint32_t k = 0; k < n; k++) {
        int64_t value = 0;
        bool known = false;
        const struct eval_tensor *tensor = accesses[k].tensor;
        uint32_t axis = axis_outside(walk, &accesses[k], &value, &known);
        if (axis == tensor->rank)
            continue;
        bool run_time = poly_is_run_time(node->operands[first + k].subscripts[axis]);
        const char *word = node->op == IR_scatter_node && k == 0 ? "adds to" : "reads",
                   *place = place_text(evaluation, node, walk, false);
        if (known)
            diag_error(diagnostics, run_time ? DIAG_E0814 : DIAG_E0734, span,
                       "`%s` of kernel `%s` %s `%s` at %lld on axis %u, whose extent is %lld%s", name, kernel, word,
                       eval_name_of(evaluation, tensor->node), (long long)value, axis, (long long)tensor->shape[axis], place);
        else
            diag_error(diagnostics, run_time ? DIAG_E0814 : DIAG_E0734, span,
                       "`%s` of kernel `%s` %s `%s` on axis %u by a lookup outside its table, or one of 2^63 or more%s", name,
                       kernel, word, eval_name_of(evaluation, tensor->node), axis, place);
        return false;
    }
    diag_error(diagnostics, DIAG_E0734, span,
               "a subscript in `%s` of kernel `%s` leaves its tensor, or an index value cannot be had%s", name, kernel,
               place_text(evaluation, node, walk, false));
    return false;
}
