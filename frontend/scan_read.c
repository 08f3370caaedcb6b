/* How what a scan assigns may be read. In the scan: at this step, a state also at the step before. After it: a state at the last
 * step, as what remains of it, which is the initial value when there was no step. An initial value reads nothing of its scan. */
#include "scan.h"

/* The subscripts with the scan's own replaced by its index. */
static const struct ast_expr *at_this_step(struct body *body, const struct scan_scope *scan, const struct ast_expr *subscripts,
                                           uint32_t axis)
{
    struct ast_expr *first = NULL, *last = NULL;
    for (uint32_t k = 0; subscripts; subscripts = subscripts->next, k++) {
        struct ast_expr *copy = arena_copy(body->arena, subscripts, 1, sizeof *copy);
        if (!copy)
            return NULL;
        if (k == axis)
            *copy = (struct ast_expr){.kind = AST_NAME, .span = subscripts->span, .name = scan->ast->index};
        copy->next = NULL;
        *(last ? &last->next : &first) = copy;
        last = copy;
    }
    return first;
}

/* `t - 1` where the scan runs up, `t + 1` where it runs down. */
static bool is_step_before(const struct scan_scope *scan, const struct ast_expr *expr)
{
    enum ast_op op = scan->backward ? AST_ADD : AST_SUBTRACT;
    return expr->kind == AST_BINARY && expr->op == op &&
           scan_is_name(ast_without_parentheses(expr->arguments), scan->ast->index.text) &&
           ast_without_parentheses(expr->arguments->next)->kind == AST_INTEGER &&
           ast_without_parentheses(expr->arguments->next)->integer == 1;
}

static enum scan_reading report_step(struct statement *statement, const struct scan_scope *scan, const struct scan_tensor *tensor,
                                     struct span span)
{
    struct body *body = statement->body;
    const char *index = scan->ast->index.text, *name = tensor->target->name.text;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0121, span, "`%s` is read here at another step of its scan", name);
    diag_note(body->diagnostics, diag, tensor->target->span, "`%s` is assigned here", name);
    if (tensor->initial)
        diag_help(body->diagnostics, diag, "inside the scan a state is read at `%s` and `%s%c1`", index, index,
                  scan->backward ? '+' : '-');
    else
        diag_help(body->diagnostics, diag, "only a state is read at the step before: give `%s` an initial value with `from`", name);
    return SCAN_WRONG;
}

static enum scan_reading read_inside(struct statement *statement, const struct ast_expr *expr, struct scan_tensor *tensor,
                                     struct whole *whole, const struct ast_expr **subscripts)
{
    struct body *body = statement->body;
    struct scan_scope *scan = body->scan;
    const struct ast_expr *subscript = expr->arguments;
    for (uint32_t axis = 0; subscript && axis < tensor->axis; axis++)
        subscript = subscript->next;
    if (!subscript)
        return SCAN_OTHER;
    const struct ast_expr *bare = ast_without_parentheses(subscript);
    bool here = scan_is_name(bare, scan->ast->index.text), before = tensor->initial && is_step_before(scan, bare);
    if (!here && !before)
        return report_step(statement, scan, tensor, subscript->span);
    const struct symbol *symbol = body_find(body, tensor->target->name.text);
    tensor->read = tensor->read || before;
    if (here && (!scan->probing || (symbol && (symbol->node || symbol->failed))))
        return SCAN_OTHER;
    const struct ir_node *node = here ? scan_guess(body, scan, tensor) : scan_state_before(body, scan, tensor);
    if (!node)
        return scan->probing && !tensor->failed ? SCAN_UNKNOWN : SCAN_WRONG;
    *whole = (struct whole){node, TYPED, tensor->target->name.text, NULL, NULL};
    *subscripts = at_this_step(body, scan, expr->arguments, tensor->axis);
    return *subscripts ? SCAN_BEFORE : SCAN_WRONG;
}

/* After the scan: a state at the last step. */
static enum scan_reading read_last(struct statement *statement, const struct ast_expr *expr, struct whole *whole,
                                   const struct ast_expr **subscripts)
{
    struct body *body = statement->body;
    const struct symbol *symbol = body_find(body, expr->callee->name.text);
    struct tensor *tensor = symbol && symbol->kind == SYMBOL_TENSOR && !symbol->failed ? symbol->data : NULL;
    const struct ast_expr *subscript = expr->arguments;
    if (!tensor || !tensor->last)
        return SCAN_OTHER;
    for (uint32_t axis = 0; subscript && axis < tensor->last_axis; axis++)
        subscript = subscript->next;
    if (!subscript || subscript_of_dims(body, subscript) != tensor->last_step)
        return SCAN_OTHER;
    tensor->read = true;
    struct ast_expr *first = NULL, *end = NULL;
    uint32_t axis = 0;
    for (const struct ast_expr *each = expr->arguments; each; each = each->next, axis++) {
        struct ast_expr *copy = axis == tensor->last_axis ? NULL : arena_copy(body->arena, each, 1, sizeof *copy);
        if (!copy)
            continue;
        copy->next = NULL;
        *(end ? &end->next : &first) = copy;
        end = copy;
    }
    *whole = (struct whole){tensor->last, TYPED, symbol->name, NULL, NULL};
    *subscripts = first;
    return SCAN_BEFORE;
}

static enum scan_reading report_beginning(struct body *body, const struct ast_expr *named)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0122, named->span,
                                   "an initial value reads `%s`, which its scan assigns", named->name.text);
    diag_help(body->diagnostics, diag, "states begin with what stands before the scan");
    return SCAN_WRONG;
}

enum scan_reading scan_read(struct statement *statement, const struct ast_expr *expr, struct whole *whole,
                            const struct ast_expr **subscripts)
{
    const struct ast_expr *named = expr->kind == AST_ACCESS ? expr->callee : expr;
    if (named->kind == AST_NAME && scan_find_tensor(statement->body->beginning, named->name.text))
        return report_beginning(statement->body, named);
    if (expr->kind != AST_ACCESS || expr->callee->kind != AST_NAME)
        return SCAN_OTHER;
    struct scan_tensor *tensor = scan_find_tensor(statement->body->scan, expr->callee->name.text);
    return tensor ? read_inside(statement, expr, tensor, whole, subscripts) : read_last(statement, expr, whole, subscripts);
}
