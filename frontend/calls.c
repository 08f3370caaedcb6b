/* Whole tensors: names, calls of kernels (inlined here), einsum strings.
 *
 * A call lowers the callee's body once more, with the arguments' nodes as its inputs; what it makes belongs to the caller's kernel.
 * The chain of bodies being lowered is the call stack, so recursion shows in it. */
#include "operators.h"

#include <string.h>

/* A let of this body that comes later; NULL: none. */
static const struct ast_target *find_target(const struct ast_statement *statement, const char *name, bool in_scan)
{
    for (; statement; statement = statement->next) {
        bool names = in_scan || statement->kind == AST_LET;
        for (const struct ast_target *target = statement->targets; target && names; target = target->next)
            if (strcmp(target->name.text, name) == 0)
                return target;
        const struct ast_target *inner = statement->kind == AST_SCAN ? find_target(statement->body, name, true) : NULL;
        if (inner)
            return inner;
    }
    return NULL;
}

static const struct ast_target *later_let(const struct body *body, const char *name)
{
    return find_target(body->signature->ast->body, name, false);
}

bool is_whole(const struct body *body, const struct ast_expr *expr)
{
    const struct ast_expr *bare = ast_without_parentheses(expr);
    const struct symbol *symbol;
    switch (bare->kind) {
    case AST_NAME:
        symbol = body_find(body, bare->name.text);
        return symbol ? symbol->kind != SYMBOL_DIM : later_let(body, bare->name.text) != NULL;
    case AST_CALL:
        symbol = body_find(body, bare->name.text);
        return symbol && symbol->kind == SYMBOL_KERNEL;
    case AST_EINSUM:
        return true;
    default:
        return false;
    }
}

static bool report_unknown(struct statement *statement, const struct ast_name *name)
{
    struct body *body = statement->body;
    const struct ast_target *later = later_let(body, name->text);
    statement->failed = true;
    if (later) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0114, name->span, "`%s` is used before its definition", name->text);
        diag_note(body->diagnostics, diag, later->span, "`%s` is defined here", name->text);
        diag_help(body->diagnostics, diag, "a let is visible after its line");
        return false;
    }
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0111, name->span, "there is no tensor `%s`", name->text);
    const char *similar = scope_suggest(body->scope, name->text);
    if (similar)
        diag_help(body->diagnostics, diag, "was `%s` meant?", similar);
    return false;
}

static bool report_no_tensor(struct statement *statement, const struct symbol *symbol, struct span span)
{
    struct body *body = statement->body;
    statement->failed = true;
    if (symbol->kind == SYMBOL_OPERATOR) {
        report_bare_operator(body, span);
        return false;
    }
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0119, span, "`%s` is a %s, not a tensor", symbol->name, symbol_kind_name(symbol->kind));
    diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
    if (symbol->kind == SYMBOL_KERNEL)
        diag_help(body->diagnostics, diag, "call it: `%s(...)`", symbol->name);
    return false;
}

static bool named_tensor(struct statement *statement, const struct ast_expr *expr, struct whole *whole)
{
    struct body *body = statement->body;
    struct symbol *symbol = body_find(body, expr->name.text);
    if (!symbol)
        return report_unknown(statement, &expr->name);
    struct tensor *tensor = symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
    if (tensor)
        tensor->read = true;
    if (symbol->failed)
        return false;
    if (symbol->kind != SYMBOL_TENSOR && symbol->kind != SYMBOL_CONSTANT)
        return report_no_tensor(statement, symbol, expr->span);
    bool updated = is_updated(body->signature->ast, symbol->name);
    if (tensor && !symbol->node && !tensor->assigned) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0114, expr->span, "output `%s` is read before it is assigned", symbol->name);
        diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
        diag_help(body->diagnostics, diag,
                  updated ? "`+=` alone reads what it holds before" : "assign it first, or name the value with `let`");
        return false;
    }
    if (tensor && !symbol->node && tensor->blocks) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0114, expr->span, "`%s` is read before all its blocks are assigned", symbol->name);
        diag_note(body->diagnostics, diag, tensor->assigned_at, "a block of it is assigned here");
        return false;
    }
    if (tensor && !symbol->node) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0114, expr->span, "`%s` is read in its own definition", symbol->name);
        diag_help(body->diagnostics, diag,
                  updated ? "`+=` alone reads what it holds before" : "a tensor is assigned once; a recurrence would be a `scan`");
        return false;
    }
    *whole = (struct whole){symbol->node, tensor ? tensor->weakness : TYPED, symbol->name, &symbol->type, symbol->type.fixed};
    return symbol->node != NULL;
}

bool whole_value(struct statement *statement, const struct ast_expr *expr, struct whole *whole)
{
    const struct ast_expr *bare = ast_without_parentheses(expr);
    const struct signature *signature;
    const struct ir_node **results;
    switch (bare->kind) {
    case AST_NAME:
        return named_tensor(statement, bare, whole);
    case AST_EINSUM:
        *whole = (struct whole){lower_einsum(statement, bare), TYPED, "einsum", NULL, NULL};
        return whole->node != NULL;
    case AST_CALL:
        if (!inline_call(statement, bare, &signature, &results))
            return false;
        if (signature->n_outputs != 1) {
            struct diag *diag = diag_error(statement->body->diagnostics, DIAG_E0604, bare->span,
                                           "`%s` has %u results, one is wanted here", bare->name.text, signature->n_outputs);
            diag_note(statement->body->diagnostics, diag, signature->ast->name.span, "`%s` is declared here", bare->name.text);
            diag_help(statement->body->diagnostics, diag, "name all of them first: `let (a, b) = %s(...)`", bare->name.text);
            return false;
        }
        *whole = (struct whole){results[0], TYPED, bare->name.text, &signature->outputs[0].type, signature->outputs[0].type.fixed};
        return true;
    default: {
        struct diag *diag = diag_error(statement->body->diagnostics, DIAG_E0119, bare->span, "this is not a tensor");
        diag_help(statement->body->diagnostics, diag, "subscripts follow a name, a kernel call or an einsum");
        statement->failed = true;
        return false;
    }
    }
}

/* ---- arguments ---- */

static const struct ir_node *report_argument(struct statement *statement, const struct parameter *parameter,
                                             const struct whole *whole, struct span span)
{
    struct body *body = statement->body;
    const struct ir_node *node = whole->node;
    struct tensor_type found = {
        .elem = node->elem, .rank = node->rank, .shape = node->shape, .span = SPAN_NONE, .fixed = whole->fixed};
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0603, span, "argument is %s, `%s` is declared as %s",
                   tensor_type_text(body->resolver, &found), parameter->name, tensor_type_text(body->resolver, &parameter->type));
    diag_note(body->diagnostics, diag, parameter->type.span, "`%s` is declared here", parameter->name);
    if (!fixed_point_same(whole->fixed, parameter->type.fixed) && tensor_type_has_shape(&parameter->type, node))
        diag_help(
            body->diagnostics, diag, "give it this type and scale in a let before the call: `let v[...]: %s = ...`",
            tensor_type_text(body->resolver, &(struct tensor_type){.elem = parameter->type.elem, .fixed = parameter->type.fixed}));
    else if (node->elem != parameter->type.elem && tensor_type_has_shape(&parameter->type, node))
        diag_help(body->diagnostics, diag, "types do not mix: cast in a let before the call");
    else
        diag_help(body->diagnostics, diag, "shapes of arguments must equal the declared ones");
    return NULL;
}

/* A literal or scalar expression, in the parameter's type. */
static const struct ir_node *scalar_argument(struct statement *outer, const struct ast_expr *expr,
                                             const struct parameter *parameter)
{
    struct body *body = outer->body;
    struct statement statement = {.body = body, .span = expr->span, .name = parameter->name, .depth = outer->depth + expr->depth};
    statement.indices = ARENA_ARRAY(body->arena, FRONTEND_INDICES, struct statement_index);
    statement.extents = ARENA_ARRAY(body->arena, FRONTEND_INDICES, const struct poly *);
    if (!statement.indices || !statement.extents)
        return NULL;
    struct formula *formula = formula_build(&statement, expr, NULL);
    if (!formula || !indices_complete(&statement))
        return NULL;
    if (parameter->type.rank > 0 || statement.n_indices > 0 || statement.n_accesses > 1) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0603, expr->span, "an argument is a tensor, a scalar or a literal");
        diag_note(body->diagnostics, diag, parameter->type.span, "`%s` is %s", parameter->name,
                  tensor_type_text(body->resolver, &parameter->type));
        diag_help(body->diagnostics, diag, "name the value in a let before the call");
        return NULL;
    }
    for (size_t k = 0; k < statement.n_accesses; k++)
        if (!subscripts_resolve(&statement, statement.accesses[k]))
            return NULL;
    const struct fixed_point *fixed;
    if (!type_fits(&statement, formula, &parameter->type, arena_printf(body->arena, "`%s`", parameter->name)))
        return NULL;
    formula = operators_expand(&statement, formula, parameter->type.elem);
    if (!formula || !(formula = fixed_point_lower(&statement, formula, &parameter->type, &fixed)))
        return NULL;
    const struct ir_expr *value = lower_convert(&statement, summation(&statement, formula), parameter->type.elem);
    return lower_node(&statement, value, 0, NULL);
}

/* A whole tensor where this element type is wanted: one of no type takes it, and a real scalar a complex one of its width. */
const struct ir_node *whole_in_type(struct statement *statement, const struct whole *whole, enum ir_elem elem)
{
    struct ir_context *context = statement->body->context;
    const struct ir_node *node = whole->node;
    bool weak_fits = whole->weakness && !whole->fixed && elem != IR_bool &&
                     !(ir_elem_is_complex(node->elem) && !ir_elem_is_complex(elem)) &&
                     (whole->weakness == WEAK_AN_INTEGER || !ir_elem_is_integer(elem));
    bool widens = node->rank == 0 && ir_elem_is_float(node->elem) && ir_elem_complex(node->elem) == elem;
    if (node->elem == elem || !(weak_fits || widens))
        return node;
    const struct poly **subscripts = ARENA_ARRAY(statement->body->arena, node->rank, const struct poly *);
    if (!subscripts)
        return NULL;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        subscripts[axis] = poly_index(context, axis);
    struct ir_access access = {.node = node, .subscripts = subscripts};
    const struct ir_expr *cast = ir_expr_cast(context, elem, ir_expr_operand(context, 0, node->elem));
    return ir_map(context, node->rank, node->shape, 1, &access, cast);
}

static const struct ir_node *argument_node(struct statement *statement, const struct ast_expr *expr,
                                           const struct parameter *parameter)
{
    struct whole whole;
    if (!is_whole(statement->body, expr))
        return scalar_argument(statement, expr, parameter);
    if (!whole_value(statement, expr, &whole))
        return NULL;
    if (whole.weakness && whole.node->rank == 0 && parameter->type.rank == 0)
        return scalar_argument(statement, expr, parameter);
    if (!(whole.node = whole_in_type(statement, &whole, parameter->type.elem)))
        return NULL;
    if (whole.node->elem == parameter->type.elem && fixed_point_same(whole.fixed, parameter->type.fixed) &&
        tensor_type_has_shape(&parameter->type, whole.node))
        return whole.node;
    return report_argument(statement, parameter, &whole, expr->span);
}

/* ---- calls ---- */

static bool report_recursion(struct statement *statement, const struct ast_expr *call, const struct signature *signature)
{
    struct body *body = statement->body;
    bool direct = body->signature == signature;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0606, call->span, "kernel `%s` calls itself%s", call->name.text,
                                   direct ? "" : " through others");
    diag_note(body->diagnostics, diag, signature->ast->name.span, "`%s` is declared here", call->name.text);
    diag_help(body->diagnostics, diag, "calls are inlined, so there is no recursion");
    return false;
}

static bool check_call(struct statement *statement, const struct ast_expr *call, const struct signature *signature)
{
    struct body *body = statement->body;
    for (const struct body *outer = body; outer; outer = outer->caller)
        if (outer->signature == signature)
            return report_recursion(statement, call, signature);
    if (call->n_arguments == signature->n_inputs)
        return true;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0602, call->span, "`%s` takes %u argument%s, not %u", call->name.text,
                                   signature->n_inputs, signature->n_inputs == 1 ? "" : "s", call->n_arguments);
    diag_note(body->diagnostics, diag, signature->ast->name.span, "`%s` is declared here", call->name.text);
    return false;
}

/* Calls upon calls may multiply a small file without end, and every level costs stack as its expression is deep. */
enum { CALL_DEPTH = 20, INLINED_DEPTH = 2 * FRONTEND_DEPTH };

static bool check_size(const struct statement *statement, const struct ast_expr *call, const struct signature *signature,
                       uint32_t depth)
{
    const struct body *body = statement->body;
    struct diagnostics *diagnostics = body->diagnostics;
    for (const struct ast_statement *inlined = signature->ast->body; inlined; inlined = inlined->next)
        ++*body->n_inlined;
    if (depth <= INLINED_DEPTH && *body->n_inlined <= FRONTEND_INLINED)
        return true;
    struct diag *diag;
    if (depth > INLINED_DEPTH)
        diag = diag_error(diagnostics, DIAG_E0914, call->span, "calls of kernels nest too deeply");
    else
        diag = diag_error(diagnostics, DIAG_E0914, call->span, "calls inline more than %d statements", (int)FRONTEND_INLINED);
    diag_help(diagnostics, diag, "call a kernel once and name its result with `let`");
    return false;
}

static bool report_no_kernel(struct statement *statement, const struct ast_expr *call)
{
    struct body *body = statement->body;
    const char *name = call->kind == AST_CALL ? call->name.text : NULL, *similar = name ? scope_suggest(body->scope, name) : NULL;
    statement->failed = true;
    if (name && is_constructor_name(name)) {
        report_bare_operator(body, call->span);
        return false;
    }
    struct diag *diag = name ? diag_error(body->diagnostics, DIAG_E0605, call->op_span, "there is no kernel `%s`", name)
                             : diag_error(body->diagnostics, DIAG_E0605, call->span, "this is no call of a kernel");
    if (!name)
        diag_help(body->diagnostics, diag, "several results come from a kernel of this file: `let (a, b) = f(...)`");
    else if (is_function_name(name))
        diag_help(body->diagnostics, diag, "`%s` is a function of elements: subscripts stand inside, `%s(x[i])`", name, name);
    else if (similar)
        diag_help(body->diagnostics, diag, "was `%s` meant?", similar);
    return false;
}

/* What a kernel adds to is the caller's array: a value has no such. */
static bool check_updates(struct statement *statement, const struct ast_expr *call, const struct signature *signature)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    for (uint32_t k = 0; k < signature->n_outputs; k++) {
        if (!is_updated(signature->ast, signature->outputs[k].name))
            continue;
        struct diag *diag =
            diag_error(diagnostics, DIAG_E0607, call->span, "`%s` adds to its output `%s`, so no kernel can call it",
                       call->name.text, signature->outputs[k].name);
        diag_note(diagnostics, diag, signature->outputs[k].span, "`%s` is declared here", signature->outputs[k].name);
        diag_help(diagnostics, diag, "give it an input to begin with, and write the sum as its output");
        return false;
    }
    return true;
}

bool inline_call(struct statement *statement, const struct ast_expr *call, const struct signature **signature,
                 const struct ir_node ***results)
{
    struct body *body = statement->body;
    const struct symbol *symbol = call->kind == AST_CALL ? body_find(body, call->name.text) : NULL;
    uint32_t depth = body->depth + statement->depth + CALL_DEPTH;
    if (symbol && symbol->failed)
        return false;
    if (!symbol || symbol->kind != SYMBOL_KERNEL)
        return report_no_kernel(statement, call);
    *signature = symbol->kernel;
    if (!check_updates(statement, call, *signature) || !check_call(statement, call, *signature) ||
        !check_size(statement, call, *signature, depth))
        return false;
    struct body callee = *body;
    callee.depth = depth;
    callee.scope = scope_create(body->resolver, body->resolver->scope);
    callee.signature = *signature;
    callee.caller = body;
    callee.scan = NULL;
    callee.exact = body->exact || (*signature)->numeric_class == IR_CLASS_EXACT;
    const struct ir_node **inputs = ARENA_ARRAY(body->arena, (*signature)->n_inputs, const struct ir_node *);
    *results = ARENA_ARRAY(body->arena, (*signature)->n_outputs, const struct ir_node *);
    if (!callee.scope || !inputs || !*results)
        return false;
    bool complete = true;
    uint32_t k = 0;
    for (const struct ast_expr *argument = call->arguments; argument; argument = argument->next, k++) {
        inputs[k] = argument_node(statement, argument, &(*signature)->inputs[k]);
        complete = complete && inputs[k];
    }
    return complete && lower_body(&callee, inputs, *results);
}
