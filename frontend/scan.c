/* `scan t { ... } from h[-1,n] = h0[n]`: the tensors it assigns and their states; how they are read is scan_read.c's.
 *
 * Every left side has the scan's index once. A state is what `from` gives an initial value. Its type and shape are those of its
 * declaration or its initial value; where that is a bare number (`g[-1] = 0`) its statement is read once for them alone. */
#include "scan.h"

#include <string.h>

struct scan_tensor *scan_find_tensor(const struct scan_scope *scan, const char *name)
{
    for (uint32_t k = 0; scan && k < scan->n; k++)
        if (strcmp(scan->tensors[k].target->name.text, name) == 0)
            return &scan->tensors[k];
    return NULL;
}

bool scan_is_name(const struct ast_expr *expr, const char *name)
{
    return expr->kind == AST_NAME && strcmp(expr->name.text, name) == 0;
}

/* ---- what the scan assigns ---- */

static bool report_left(struct body *body, const struct scan_scope *scan, const struct ast_target *target)
{
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0120, target->span, "`%s` is assigned in the scan over `%s`, without `%s`",
                   target->name.text, scan->ast->index.text, scan->ast->index.text);
    diag_help(body->diagnostics, diag,
              "every left side in a scan has its index once, as in `%s[%s, ...]`; what does not change "
              "from step to step stands before the scan",
              target->name.text, scan->ast->index.text);
    return false;
}

static bool add_tensor(struct body *body, struct scan_scope *scan, const struct ast_statement *statement)
{
    const struct ast_target *target = statement->targets;
    struct scan_tensor tensor = {.statement = statement, .target = target, .axis = UINT32_MAX};
    uint32_t axis = 0;
    for (const struct ast_binder *binder = target->binders; binder; binder = binder->next, axis++)
        if (!binder->merged && !binder->offset && strcmp(binder->name.text, scan->ast->index.text) == 0)
            tensor.axis = axis;
    if (tensor.axis == UINT32_MAX || target->next)
        return report_left(body, scan, target);
    scan->tensors[scan->n++] = tensor;
    return true;
}

static bool list_tensors(struct body *body, struct scan_scope *scan)
{
    uint32_t count = 0;
    bool fine = true;
    for (const struct ast_statement *inner = scan->ast->body; inner; inner = inner->next)
        count++;
    if (!(scan->tensors = ARENA_ARRAY(body->arena, count, struct scan_tensor)))
        return false;
    for (const struct ast_statement *inner = scan->ast->body; inner; inner = inner->next) {
        bool assigns = inner->kind == AST_ASSIGN || inner->kind == AST_LET;
        if (assigns && !inner->accumulate) {
            fine = add_tensor(body, scan, inner) && fine;
            continue;
        }
        fine = false;
        if (inner->kind == AST_OPERATOR) {
            report_not_yet(body, inner->word_span, "`operator`");
            continue;
        }
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0123, inner->word_span, "a scan holds %s",
                                       assigns ? "assignments, and no `+=`" : "no other scan");
        diag_help(body->diagnostics, diag, assigns ? "accumulate in a state: `s[t] = s[t-1] + ...`" : "let one follow the other");
    }
    return fine;
}

/* ---- how far it runs ---- */

static const struct tensor_type *type_of_name(const struct body *body, const struct ast_expr *callee)
{
    const struct symbol *symbol = callee->kind == AST_NAME ? body_find(body, callee->name.text) : NULL;
    bool tensor = symbol && !symbol->failed && (symbol->kind == SYMBOL_TENSOR || symbol->kind == SYMBOL_CONSTANT);
    return tensor && symbol->type.rank > 0 && symbol->type.shape ? &symbol->type : NULL;
}

/* The first axis that the scan's index reads as it is. */
static bool find_plain_use(const struct body *body, struct scan_scope *scan, const struct ast_expr *expr)
{
    const struct tensor_type *type = expr->kind == AST_ACCESS ? type_of_name(body, expr->callee) : NULL;
    uint32_t axis = 0;
    for (const struct ast_expr *argument = expr->arguments; argument; argument = argument->next, axis++) {
        if (type && axis < type->rank && scan_is_name(ast_without_parentheses(argument), scan->ast->index.text)) {
            scan->extent = type->shape[axis];
            scan->extent_span = type->extent_spans ? type->extent_spans[axis] : argument->span;
            return true;
        }
        if (find_plain_use(body, scan, argument))
            return true;
    }
    return expr->callee && find_plain_use(body, scan, expr->callee);
}

static bool find_declared(const struct body *body, struct scan_scope *scan)
{
    for (uint32_t k = 0; k < scan->n; k++) {
        const struct scan_tensor *tensor = &scan->tensors[k];
        const struct symbol *symbol = body_find(body, tensor->target->name.text);
        if (!symbol || symbol->kind != SYMBOL_TENSOR || tensor->axis >= symbol->type.rank || !symbol->type.shape)
            continue;
        scan->extent = symbol->type.shape[tensor->axis];
        scan->extent_span = symbol->type.extent_spans ? symbol->type.extent_spans[tensor->axis] : symbol->span;
        return true;
    }
    return false;
}

static bool find_extent(struct body *body, struct scan_scope *scan)
{
    const struct ast_name *index = &scan->ast->index;
    if (scan->ast->extent) {
        scan->extent = resolve_extent(body->resolver, scan->ast->extent);
        scan->extent_span = scan->ast->extent->span;
        return scan->extent != NULL;
    }
    if (find_declared(body, scan))
        return true;
    for (const struct ast_statement *inner = scan->ast->body; inner; inner = inner->next)
        if (find_plain_use(body, scan, inner->value))
            return true;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0210, index->span, "index `%s` has no extent", index->text);
    diag_help(body->diagnostics, diag, "say how far the scan runs: `scan %s: 8 { ... }`", index->text);
    return false;
}

bool scan_add_index(struct statement *statement)
{
    const struct scan_scope *scan = statement->body->scan;
    if (!scan)
        return true;
    uint32_t index = index_use(statement, NULL, &scan->ast->index);
    struct extent_source source = {.span = scan->extent_span, .declared = scan->extent_span};
    if (index == UINT32_MAX)
        return false;
    index_set_extent(statement, index, scan->extent, &source);
    return true;
}

/* ---- states ---- */

static bool report_initial(struct body *body, struct span span, const char *format, const char *name)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0122, span, format, name);
    diag_help(body->diagnostics, diag,
              "`from h[-1,n] = ...` where the scan's index runs up, `from h[T,n] = ...`, T its extent, where it runs down");
    return false;
}

static bool is_minus_one(const struct ast_expr *expr)
{
    return expr->kind == AST_UNARY && expr->op == AST_NEGATE && expr->arguments->kind == AST_INTEGER &&
           expr->arguments->integer == 1;
}

/* Which way the scan runs follows from where its states begin. */
static bool read_direction(struct body *body, struct scan_scope *scan, const struct ast_initial *initial,
                           const struct scan_tensor *tensor, bool first)
{
    uint32_t axis = 0;
    const struct ast_expr *subscript = initial->subscripts;
    for (; subscript && axis < tensor->axis; axis++)
        subscript = subscript->next;
    if (!subscript)
        return report_initial(body, initial->name.span, "the initial value of `%s` has too few subscripts", initial->name.text);
    const struct ast_expr *bare = ast_without_parentheses(subscript);
    bool backward = !is_minus_one(bare);
    if (backward && subscript_of_dims(body, bare) != scan->extent)
        return report_initial(body, subscript->span, "`%s` does not begin one step before the first", initial->name.text);
    if (!first && backward != scan->backward)
        return report_initial(body, subscript->span, "`%s` runs the other way than the states before it", initial->name.text);
    scan->backward = backward;
    return true;
}

static bool list_states(struct body *body, struct scan_scope *scan)
{
    for (const struct ast_initial *initial = scan->ast->initial; initial; initial = initial->next) {
        struct scan_tensor *tensor = scan_find_tensor(scan, initial->name.text);
        if (!tensor)
            return report_initial(body, initial->name.span, "`%s` is not assigned in the scan", initial->name.text);
        if (tensor->initial)
            return report_initial(body, initial->name.span, "`%s` has two initial values", initial->name.text);
        if (!read_direction(body, scan, initial, tensor, initial == scan->ast->initial))
            return false;
        tensor->initial = initial;
    }
    return true;
}

/* The left side of an initial value as that of an assignment: its subscripts but the scan's, all plain indices. */
static struct ast_target *initial_target(struct body *body, const struct scan_tensor *tensor)
{
    const struct ast_initial *initial = tensor->initial;
    struct ast_target *target = ARENA_NEW(body->arena, struct ast_target);
    struct ast_binder *last = NULL;
    uint32_t axis = 0;
    if (!target)
        return NULL;
    *target = (struct ast_target){.name = initial->name, .span = initial->name.span};
    for (const struct ast_expr *subscript = initial->subscripts; subscript; subscript = subscript->next, axis++) {
        const struct ast_expr *bare = ast_without_parentheses(subscript);
        if (axis == tensor->axis)
            continue;
        if (bare->kind != AST_NAME) {
            report_initial(body, subscript->span, "the initial value of `%s` is assigned whole, by plain indices",
                           initial->name.text);
            return NULL;
        }
        struct ast_binder *binder = ARENA_NEW(body->arena, struct ast_binder);
        if (!binder)
            return NULL;
        *binder = (struct ast_binder){.name = bare->name, .span = bare->span};
        *(last ? &last->next : &target->binders) = binder;
        last = binder;
        target->has_brackets = true;
    }
    return target;
}

/* A statement that reads an initial value; there the scan's index is none. */
static bool begin_initial(struct statement *statement, struct body *outside, const struct scan_tensor *tensor)
{
    const struct ast_initial *initial = tensor->initial;
    struct ast_statement *ast = ARENA_NEW(outside->arena, struct ast_statement);
    struct ast_target *target = initial_target(outside, tensor);
    if (!ast || !target)
        return false;
    *ast = (struct ast_statement){.kind = AST_ASSIGN, .targets = target, .value = initial->value, .span = initial->value->span};
    return statement_create(statement, outside, ast);
}

static bool set_shape(struct body *body, const struct scan_scope *scan, struct scan_tensor *tensor, enum ir_elem elem,
                      uint32_t rank, const struct poly *const *rest)
{
    tensor->elem = elem;
    tensor->rank = rank + 1;
    tensor->shape = ARENA_ARRAY(body->arena, tensor->rank, const struct poly *);
    for (uint32_t axis = 0; tensor->shape && axis < tensor->rank; axis++)
        tensor->shape[axis] = axis == tensor->axis ? scan->extent : rest[axis < tensor->axis ? axis : axis - 1];
    tensor->known = tensor->shape != NULL;
    return tensor->known;
}

/* Type and shape as the initial value has them; a bare number, or one repeated along an index, does not say. */
static bool shape_from_initial(struct body *body, const struct scan_scope *scan, struct scan_tensor *tensor)
{
    struct body outside = *body;
    struct statement statement;
    outside.scan = NULL;
    outside.beginning = scan;
    struct ast_target *target = initial_target(&outside, tensor);
    if (!target || !begin_initial(&statement, &outside, tensor))
        return false;
    struct formula *formula = formula_build(&statement, tensor->initial->value, NULL);
    if (!formula)
        return false;
    if (formula->type.fixed)
        return report_no_fixed_form(&statement, formula->span, "a recurrence", formula);
    tensor->weakness = formula->type.weakness;
    const struct poly *shape[FRONTEND_RANK];
    uint32_t rank = 0;
    for (const struct ast_binder *binder = target->binders; binder; binder = binder->next) {
        uint32_t index = index_use(&statement, NULL, &binder->name);
        if (index == UINT32_MAX || rank == FRONTEND_RANK)
            return false;
        shape[rank++] = statement.indices[index].extent;
        if (!index_set_has(&formula->free, index) || !statement.indices[index].extent)
            return true;
    }
    return formula->type.weakness || set_shape(body, scan, tensor, formula->type.elem, rank, shape);
}

static bool knows_extents(const struct statement *statement)
{
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (!statement->indices[k].extent)
            return false;
    return true;
}

/* Type and shape as the tensor's own statement has them, whatever the state before it is. A guess says nothing when there are none.
 */
static bool shape_from_statement(struct body *body, struct scan_scope *scan, struct scan_tensor *tensor, bool is_guess)
{
    struct statement statement;
    const struct poly *shape[FRONTEND_RANK];
    uint32_t rank = 0;
    if (!statement_create(&statement, body, tensor->statement))
        return false;
    bool nested = scan->probing;
    scan->probing = true;
    struct formula *formula = formula_build(&statement, tensor->statement->value, NULL);
    scan->probing = nested;
    uint32_t axis = 0;
    for (const struct ast_binder *binder = tensor->target->binders; formula && binder; binder = binder->next, axis++) {
        if (axis == tensor->axis)
            continue;
        uint32_t index = binder->merged ? UINT32_MAX : index_use(&statement, NULL, &binder->name);
        if ((binder->merged || rank == FRONTEND_RANK) && is_guess)
            return false;
        if (binder->merged || rank == FRONTEND_RANK)
            return report_initial(body, tensor->initial->name.span, "the shape of `%s` does not follow from this",
                                  tensor->initial->name.text);
        if (index == UINT32_MAX)
            return false;
        if (binder->extent && !statement.indices[index].extent)
            statement.indices[index].extent = resolve_extent(body->resolver, binder->extent);
        shape[rank++] = statement.indices[index].extent;
    }
    if (!formula || (is_guess && (formula->type.weakness || !knows_extents(&statement))) || !indices_complete(&statement))
        return false;
    bool is_complex = formula->type.weakness == WEAK_A_COMPLEX || tensor->weakness == WEAK_A_COMPLEX;
    enum ir_elem elem = formula->type.weakness && is_complex ? IR_c128 : formula->type.elem;
    return set_shape(body, scan, tensor, elem, rank, shape);
}

static bool shape_from_declaration(struct body *body, struct scan_tensor *tensor)
{
    const struct symbol *symbol = body_find(body, tensor->target->name.text);
    const struct tensor *data = symbol && symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
    if (!data || data->role != TENSOR_OUTPUT || symbol->type.rank <= tensor->axis)
        return false;
    tensor->elem = symbol->type.elem;
    tensor->rank = symbol->type.rank;
    tensor->shape = arena_copy(body->arena, symbol->type.shape, tensor->rank, sizeof *tensor->shape);
    tensor->known = tensor->shape != NULL;
    return tensor->known;
}

static const struct ir_node *placeholder(struct body *body, const struct scan_tensor *tensor)
{
    uint32_t number = UINT32_MAX - body->resolver->n_placeholders++;
    return ir_input(body->context, number, tensor->elem, tensor->rank, tensor->shape);
}

/* What stands for a tensor of the scan that has no value yet, while the type of a state is looked for. Each is looked at once, so
 * that circles end. NULL: unknown. */
const struct ir_node *scan_guess(struct body *body, struct scan_scope *scan, struct scan_tensor *tensor)
{
    if (tensor->guessed)
        return tensor->guess;
    tensor->guessed = true;
    struct scan_tensor guess = *tensor;
    if (guess.known || shape_from_declaration(body, &guess) ||
        (guess.initial && shape_from_initial(body, scan, &guess) && guess.known) || shape_from_statement(body, scan, &guess, true))
        tensor->guess = placeholder(body, &guess);
    return tensor->guess;
}

/* The placeholder of a state, made when it is first read. NULL after a diagnostic, or quietly while a probe does not know yet. */
const struct ir_node *scan_state_before(struct body *body, struct scan_scope *scan, struct scan_tensor *tensor)
{
    if (tensor->before || tensor->failed)
        return tensor->before;
    bool fine = tensor->known || shape_from_declaration(body, tensor);
    if (!fine && scan->probing)
        return scan_guess(body, scan, tensor);
    if (!fine &&
        (!shape_from_initial(body, scan, tensor) || (!tensor->known && !shape_from_statement(body, scan, tensor, false)))) {
        tensor->failed = true;
        return NULL;
    }
    tensor->before = placeholder(body, tensor);
    return tensor->before;
}

/* The initial value in the state's type; a number fills it. */
static bool lower_initial(struct body *body, struct scan_scope *scan, struct scan_tensor *tensor)
{
    if (!scan_state_before(body, scan, tensor))
        return false;
    struct body outside = *body;
    struct statement statement;
    struct symbol state = {.kind = SYMBOL_TENSOR, .name = tensor->initial->name.text, .span = tensor->target->name.span};
    const struct poly **shape = ARENA_ARRAY(body->arena, tensor->rank, const struct poly *);
    enum weakness weakness;
    outside.scan = NULL;
    outside.beginning = scan;
    if (!shape || !begin_initial(&statement, &outside, tensor))
        return false;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        if (axis != tensor->axis)
            shape[axis < tensor->axis ? axis : axis - 1] = tensor->shape[axis];
    state.type = (struct tensor_type){.elem = tensor->elem, .rank = tensor->rank - 1, .shape = shape, .span = state.span};
    statement.repeats = true;
    const struct ast_target *target = initial_target(&outside, tensor);
    tensor->start = target ? lower_indexed(&statement, target, tensor->initial->value, &state, &weakness) : NULL;
    return tensor->start != NULL;
}

/* Each state is assigned as what it begins as; where a step reads the state before, its expression has met the type already. */
static bool states_keep_type(struct body *body, const struct scan_scope *scan)
{
    bool fine = true;
    for (uint32_t k = 0; k < scan->n; k++) {
        const struct scan_tensor *tensor = &scan->tensors[k];
        const struct symbol *symbol = body_find(body, tensor->target->name.text);
        const struct ir_node *node = symbol ? symbol->node : NULL;
        const struct tensor_type begins = {.elem = tensor->elem, .rank = tensor->rank, .shape = tensor->shape, .span = SPAN_NONE};
        if (!tensor->initial || !node || (node->elem == begins.elem && tensor_type_has_shape(&begins, node)))
            continue;
        const struct tensor_type assigned = {.elem = node->elem, .rank = node->rank, .shape = node->shape, .span = SPAN_NONE};
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0122, tensor->initial->value->span,
                                       "`%s` begins as %s but is assigned as %s", tensor->target->name.text,
                                       tensor_type_text(body->resolver, &begins), tensor_type_text(body->resolver, &assigned));
        diag_note(body->diagnostics, diag, tensor->statement->value->span, "`%s` is assigned here", tensor->target->name.text);
        if (node->elem != begins.elem)
            diag_help(body->diagnostics, diag, "types do not mix: cast the initial value or what is assigned");
        fine = false;
    }
    return fine;
}

/* ---- the statement ---- */

static void define_results(struct body *body, const struct scan_scope *scan, const struct scan_value *values, bool built)
{
    const struct poly *first = poly_constant(body->context, 0);
    const struct poly *last = poly_subtract(body->context, scan->extent, poly_constant(body->context, 1));
    for (uint32_t k = 0; k < scan->n; k++) {
        struct symbol *symbol = scope_find(body->scope, values[k].name);
        struct tensor *tensor = symbol && symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
        if (!tensor)
            continue;
        symbol->node = built ? values[k].every : NULL;
        symbol->failed = symbol->failed || !symbol->node;
        tensor->read = tensor->read || scan_find_tensor(scan, values[k].name)->read;
        tensor->last = built ? values[k].last : NULL;
        tensor->last_axis = values[k].axis;
        tensor->last_step = scan->backward ? first : last;
    }
}

/* After a mistake what the scan would have assigned is known to have failed, so that it is not reported again. */
static void give_up(struct body *body, const struct ast_statement *ast)
{
    for (const struct ast_statement *inner = ast->body; inner; inner = inner->next) {
        give_up(body, inner);
        for (const struct ast_target *target = inner->targets; target; target = target->next) {
            struct symbol *symbol = scope_find(body->scope, target->name.text);
            struct tensor *tensor = symbol && symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
            if (!tensor || tensor->role == TENSOR_INPUT)
                continue;
            tensor->assigned = true;
            symbol->failed = true;
            symbol->node = NULL;
        }
    }
}

/* States first, as a scan has them. */
static struct scan_value *list_values(struct body *body, struct scan_scope *scan, uint32_t *n_states)
{
    struct scan_value *values = ARENA_ARRAY(body->arena, scan->n, struct scan_value);
    uint32_t count = 0;
    for (int pass = 0; values && pass < 2; pass++) {
        for (uint32_t k = 0; k < scan->n; k++) {
            const struct scan_tensor *tensor = &scan->tensors[k];
            const struct symbol *symbol = body_find(body, tensor->target->name.text);
            if ((tensor->initial != NULL) != (pass == 0))
                continue;
            values[count++] = (struct scan_value){.name = tensor->target->name.text,
                                                  .node = symbol ? symbol->node : NULL,
                                                  .before = tensor->before,
                                                  .start = tensor->start,
                                                  .axis = tensor->axis};
        }
        *n_states = pass == 0 ? count : *n_states;
    }
    return values;
}

static bool lower_statements(struct body *body, struct scan_scope *scan)
{
    bool fine = true;
    body->scan = scan;
    for (const struct ast_statement *inner = scan->ast->body; inner; inner = inner->next)
        fine = lower_statement(body, inner) && fine;
    for (uint32_t k = 0; k < scan->n && fine; k++)
        if (scan->tensors[k].initial)
            fine = lower_initial(body, scan, &scan->tensors[k]);
    body->scan = NULL;
    return fine && states_keep_type(body, scan);
}

/* A state in fixed point would be rounded at each step, which no step of a recurrence says. */
static bool refuse_fixed_states(struct body *body, const struct scan_scope *scan)
{
    bool fine = true;
    for (uint32_t k = 0; k < scan->n; k++) {
        const struct scan_tensor *tensor = &scan->tensors[k];
        const struct symbol *symbol = body_find(body, tensor->target->name.text);
        if (!tensor->initial || !symbol || symbol->kind != SYMBOL_TENSOR || !symbol->type.fixed)
            continue;
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0319, tensor->target->name.span, "a recurrence has no fixed-point form");
        diag_note(body->diagnostics, diag, symbol->type.span, "`%s` is declared in fixed point here", tensor->target->name.text);
        diag_help(body->diagnostics, diag, "keep the state as a float, of `f32(...)` of what it reads");
        fine = false;
    }
    return fine;
}

static bool lower_all(struct body *body, struct scan_scope *scan)
{
    struct statement naming = {.body = body, .span = scan->ast->span};
    uint32_t n_states = 0;
    naming.indices = ARENA_ARRAY(body->arena, FRONTEND_INDICES, struct statement_index);
    if (!naming.indices || index_use(&naming, NULL, &scan->ast->index) == UINT32_MAX || !list_tensors(body, scan) ||
        !find_extent(body, scan) || !list_states(body, scan) || !refuse_fixed_states(body, scan))
        return false;
    bool lowered = lower_statements(body, scan);
    struct scan_value *values = list_values(body, scan, &n_states);
    if (!values)
        return false;
    bool built = lowered && scan_build(body, scan, values, scan->n, n_states);
    define_results(body, scan, values, built);
    return built;
}

bool lower_scan(struct body *body, const struct ast_statement *ast)
{
    struct scan_scope scan = {.ast = ast};
    bool done = lower_all(body, &scan);
    if (!done)
        give_up(body, ast);
    return done;
}
