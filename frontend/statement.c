/* Kernel bodies: statements in order, each giving one tensor (a call may give several) its node.
 *
 * Every output and let is assigned exactly once and whole. A let is visible after its line; one whose statement was wrong stays
 * known, marked failed, so that its uses are not reported. */
#include "formula.h"

#include <string.h>

struct symbol *body_find(const struct body *body, const char *name)
{
    return scope_find(body->scope, name);
}

void report_not_yet(struct body *body, struct span span, const char *what)
{
    diag_error(body->diagnostics, DIAG_E0009, span, "%s: not yet in this version of einc", what);
}

const char *source_text(struct body *body, struct span span)
{
    if (span.source >= body->diagnostics->n_sources || span.end < span.begin)
        return "";
    const struct source *source = body->diagnostics->sources[span.source];
    if (span.end > source->length)
        return "";
    return arena_strndup(body->arena, source->text + span.begin, span.end - span.begin);
}

/* ---- what is assigned ---- */

/* Does the target name a new value? In a scan what is no output does. */
static bool introduces(const struct body *body, const struct ast_statement *ast, const struct ast_target *target)
{
    return ast->kind == AST_LET || (body->scan && !body_find(body, target->name.text));
}

/* The symbol of a target: an output not yet assigned, or a new let. NULL after a diagnostic. */
static struct symbol *target_symbol(struct body *body, const struct ast_statement *ast, const struct ast_target *target)
{
    bool let = introduces(body, ast, target);
    struct symbol *symbol = let ? NULL : body_find(body, target->name.text);
    if (let) {
        symbol = scope_add(body->resolver, body->scope, SYMBOL_TENSOR, &target->name);
        struct tensor *tensor = symbol ? ARENA_NEW(body->arena, struct tensor) : NULL;
        if (!tensor)
            return NULL;
        *tensor = (struct tensor){.role = TENSOR_LET, .assigned = true, .assigned_at = target->span};
        symbol->data = tensor;
        symbol->failed = true; /* until its statement went well */
        return symbol;
    }
    if (!symbol) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0111, target->name.span, "no output is named `%s`", target->name.text);
        const char *similar = scope_suggest(body->scope, target->name.text);
        diag_help(body->diagnostics, diag, similar ? "was `%s` meant? A new name needs `let`" : "to name a value write `let %s`",
                  similar ? similar : target->name.text);
        return NULL;
    }
    struct tensor *tensor = symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
    if (symbol->failed && !tensor)
        return NULL;
    if (!tensor || tensor->role == TENSOR_INPUT) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0118, target->name.span, "`%s` is %s%s and cannot be assigned",
                                       symbol->name, tensor ? "an " : "a ", tensor ? "input" : symbol_kind_name(symbol->kind));
        diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
        return NULL;
    }
    if (tensor->assigned && symbol->failed)
        return NULL;
    if (tensor->assigned && tensor->blocks && !symbol->node)
        return symbol; /* another block, as read_left will see */
    if (tensor->assigned) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0112, target->span, "`%s` is assigned twice", symbol->name);
        diag_note(body->diagnostics, diag, tensor->assigned_at, "assigned here already");
        diag_help(body->diagnostics, diag, "name the first value with `let` if it is an intermediate one");
        return NULL;
    }
    tensor->assigned = true;
    tensor->assigned_at = target->span;
    return symbol;
}

static void define(struct symbol *symbol, const struct ir_node *node, enum weakness weakness)
{
    struct tensor *tensor = symbol->data;
    symbol->node = node;
    symbol->failed = node == NULL;
    if (!node || tensor->role != TENSOR_LET)
        return;
    tensor->weakness = weakness;
    symbol->type.elem = node->elem;
    symbol->type.rank = node->rank;
    symbol->type.shape = node->shape;
    symbol->type.span = symbol->span;
}

static void name_node(struct statement *statement, const struct ir_node *node, const char *name, const char *const *index_names)
{
    struct body *body = statement->body;
    if (node && node->op != IR_input_node && !ir_find_name(body->kernel, node))
        ir_set_name(body->context, body->kernel, node, name, index_names, statement->span);
}

/* The statement's own node first, under its tensor's name, then what it is made of. */
static void name_nodes(struct statement *statement, const struct ir_node *node, const char *name)
{
    const char *const *index_names = NULL;
    for (size_t k = 0; k < statement->n_nodes; k++)
        if (statement->nodes[k].node == node)
            index_names = statement->nodes[k].index_names;
    name_node(statement, node, name, index_names);
    for (size_t k = 0; k < statement->n_nodes; k++)
        name_node(statement, statement->nodes[k].node, NULL, statement->nodes[k].index_names);
}

/* ---- left sides ---- */

/* An axis of the left side: one index, or several merged. */
struct left_axis {
    uint32_t first, count; /* in statement->order */
    bool block;            /* not all of the output's axis */
    const struct poly *offset;
};

static bool add_left_index(struct statement *statement, const struct ast_binder *binder, uint32_t *index)
{
    struct body *body = statement->body;
    *index = index_use(statement, NULL, &binder->name);
    if (*index == UINT32_MAX)
        return false;
    if (index_set_has(&statement->left, *index)) {
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0117, binder->span, "index `%s` stands twice on the left side", binder->name.text);
        diag_help(body->diagnostics, diag,
                  "each element is assigned once: write two indices, and `where(i == j, ..., 0)` for a diagonal");
        return false;
    }
    index_set_add(&statement->left, *index);
    statement->order[statement->n_order++] = *index;
    if (binder->extent) {
        struct extent_source source = {.span = binder->span, .declared = binder->extent->span};
        const struct poly *extent = resolve_extent(body->resolver, binder->extent);
        if (!extent_is_fine(body->resolver, extent, binder->extent->span))
            return false;
        index_set_extent(statement, *index, extent, &source);
    }
    return true;
}

static bool add_left_merged(struct statement *statement, const struct ast_binder *binder)
{
    uint32_t index;
    for (const struct ast_binder *part = binder->merged; part; part = part->next)
        if (part->merged ? !add_left_merged(statement, part) : !add_left_index(statement, part, &index))
            return false;
    return true;
}

/* A plain index of an output takes the declared extent; with an offset, another extent, or any where several statements assign the
 * output (some may have no elements at these dims), it stands for a block. */
static bool declared_extent(struct statement *statement, const struct symbol *output, uint32_t axis,
                            const struct ast_binder *binder, uint32_t index, struct left_axis *left)
{
    struct body *body = statement->body;
    const struct poly *extent = output->type.shape[axis];
    left->block =
        binder->offset || (binder->extent && (statement->indices[index].extent != extent || block_count(body, output->name) > 1));
    if (binder->offset && !(left->offset = resolve_extent(body->resolver, binder->offset)))
        return false;
    if (left->block)
        return true;
    const struct span *spans = output->type.extent_spans;
    struct extent_source source = {binder->span, output->name, &output->type, axis, spans ? spans[axis] : SPAN_NONE};
    index_set_extent(statement, index, extent, &source);
    return true;
}

static bool check_left_rank(struct statement *statement, const struct symbol *output, const struct ast_target *target,
                            uint32_t rank)
{
    struct body *body = statement->body;
    if (output->type.rank == rank)
        return true;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0211, target->span, "`%s` has %u axes but %u subscripts", output->name,
                                   output->type.rank, rank);
    diag_note(body->diagnostics, diag, output->type.span, "`%s` is %s", output->name,
              tensor_type_text(body->resolver, &output->type));
    return false;
}

/* A block where there can be none: in a merged index, or of a let. */
static const struct ast_binder *block_inside(const struct ast_binder *binder, bool is_let)
{
    if (is_let && binder->offset)
        return binder;
    for (const struct ast_binder *part = binder->merged; part; part = part->next) {
        const struct ast_binder *found = block_inside(part, true);
        if (found)
            return found;
    }
    return NULL;
}

static bool report_block(struct body *body, struct span span, const char *message, const char *help)
{
    diag_help(body->diagnostics, diag_error(body->diagnostics, DIAG_E0228, span, "%s", message), "%s", help);
    return false;
}

static bool has_block(const struct left_axis *axes, uint32_t rank)
{
    for (uint32_t axis = 0; axis < rank; axis++)
        if (axes[axis].block)
            return true;
    return false;
}

/* After blocks there are only blocks. */
static bool check_blocks(struct statement *statement, const struct symbol *output, const struct ast_target *target,
                         const struct left_axis *axes, uint32_t rank)
{
    struct body *body = statement->body;
    const struct tensor *tensor = output->data;
    if (has_block(axes, rank) || !tensor || !tensor->blocks)
        return true;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0112, target->span, "`%s` is assigned twice", output->name);
    diag_note(body->diagnostics, diag, tensor->blocks->spans[0], "a block of it is assigned here already");
    return false;
}

/* `output`: the declared output, NULL for a let. */
static bool read_left(struct statement *statement, const struct ast_target *target, const struct symbol *output,
                      struct left_axis *axes, uint32_t *rank)
{
    *rank = 0;
    for (const struct ast_binder *binder = target->binders; binder; binder = binder->next)
        ++*rank;
    if (*rank > FRONTEND_RANK) {
        diag_error(statement->body->diagnostics, DIAG_E0903, target->span, "a tensor has more than %d axes", (int)FRONTEND_RANK);
        return false;
    }
    if (output && !check_left_rank(statement, output, target, *rank))
        return false;
    uint32_t axis = 0, index;
    for (const struct ast_binder *binder = target->binders; binder; binder = binder->next, axis++) {
        axes[axis].first = statement->n_order;
        if (binder->merged ? !add_left_merged(statement, binder) : !add_left_index(statement, binder, &index))
            return false;
        axes[axis].count = statement->n_order - axes[axis].first;
        if (output && !binder->merged && !declared_extent(statement, output, axis, binder, index, &axes[axis]))
            return false;
        const struct ast_binder *offset = block_inside(binder, output == NULL);
        if (offset)
            return output ? report_block(statement->body, offset->span, "a part of a merged index cannot be a block",
                                         "split the axis on the right side instead")
                          : report_block(statement->body, offset->span, "a let is not assigned in blocks",
                                         "only outputs are: a let has no declared shape that blocks could cover");
    }
    return !output || check_blocks(statement, output, target, axes, *rank);
}

/* ---- the value ---- */

static bool every_left_index_used(struct statement *statement, const struct formula *formula)
{
    struct body *body = statement->body;
    for (uint32_t k = 0; k < statement->n_order; k++) {
        uint32_t index = statement->order[k];
        if (index_set_has(&formula->free, index) || index_set_has(&statement->spared, index) || statement->repeats)
            continue;
        const struct statement_index *entry = &statement->indices[index];
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0302, entry->span, "no term has the output index `%s`", entry->name);
        diag_note(body->diagnostics, diag, formula->span, "the value does not depend on `%s`", entry->name);
        diag_help(body->diagnostics, diag, "a term that lacks an index is repeated along it, but one term must have it");
        statement->failed = true;
    }
    return !statement->failed;
}

static bool resolve_accesses(struct statement *statement)
{
    bool resolved = true;
    for (size_t k = 0; k < statement->n_accesses; k++)
        resolved = subscripts_resolve(statement, statement->accesses[k]) && resolved;
    return resolved;
}

/* The node over the split axes of the left side. */
const struct ir_node *lower_value(struct statement *statement, const struct ast_expr *value, const struct symbol *output,
                                  enum weakness *weakness)
{
    struct formula *formula = formula_build(statement, value, NULL);
    if (!formula || !indices_complete(statement) || !resolve_accesses(statement) || !every_left_index_used(statement, formula))
        return NULL;
    if (output && !type_fits(statement, formula, output->type.elem, arena_printf(statement->body->arena, "`%s`", output->name),
                             output->type.span))
        return NULL;
    const struct ir_expr *expr = summation(statement, formula);
    expr = lower_convert(statement, expr, output ? output->type.elem : formula->type.elem);
    *weakness = formula->type.weakness;
    return statement->failed ? NULL : lower_node(statement, expr, statement->n_order, statement->order);
}

static const struct poly *axis_extent(const struct statement *statement, const struct left_axis *axis)
{
    struct ir_context *context = statement->body->context;
    const struct poly *extent = poly_constant(context, 1);
    for (uint32_t k = 0; k < axis->count; k++)
        extent = poly_multiply(context, extent, statement->extents[statement->order[axis->first + k]]);
    return extent;
}

static bool check_merged_extent(struct statement *statement, const struct symbol *output, uint32_t axis, const struct poly *extent,
                                const struct ast_target *target)
{
    struct body *body = statement->body;
    if (!extent || extent == output->type.shape[axis])
        return extent != NULL;
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0212, target->span, "merged subscript has the extent %s, the axis of `%s` %s",
                   extent_text(body->resolver, extent), output->name, extent_text(body->resolver, output->type.shape[axis]));
    diag_note(body->diagnostics, diag, output->type.span, "`%s` is %s", output->name,
              tensor_type_text(body->resolver, &output->type));
    diag_help(body->diagnostics, diag, "the extents of the parts must multiply to that of the axis");
    return false;
}

/* The part of a merged axis that part `k` is: floor(axis / what follows) mod its extent. */
static const struct poly *split_subscript(struct statement *statement, const struct left_axis *axis, uint32_t part, uint32_t number,
                                          const struct poly_ranges *ranges)
{
    struct ir_context *context = statement->body->context;
    const struct poly *stride = poly_constant(context, 1), *subscript = poly_index(context, number);
    for (uint32_t k = part + 1; k < axis->count; k++)
        stride = poly_multiply(context, stride, statement->extents[statement->order[axis->first + k]]);
    subscript = poly_floor_div(context, subscript, stride, ranges);
    return part == 0 ? subscript : poly_mod(context, subscript, statement->extents[statement->order[axis->first + part]], ranges);
}

static const char *merged_name(struct statement *statement, const struct left_axis *axis)
{
    struct text text = text_create(statement->body->arena);
    for (uint32_t k = 0; k < axis->count; k++)
        text_put(&text, index_name(statement, statement->order[axis->first + k]));
    return text_finish(&text);
}

/* The view that merges split axes of `node` to those of the left side. */
static const struct ir_node *merge_axes(struct statement *statement, const struct ast_target *target, const struct symbol *output,
                                        const struct ir_node *node, uint32_t rank, const struct left_axis *axes)
{
    struct body *body = statement->body;
    const struct poly *shape[FRONTEND_RANK];
    const char **names = ARENA_ARRAY(body->arena, rank, const char *);
    const struct poly **subscripts = ARENA_ARRAY(body->arena, statement->n_order, const struct poly *);
    bool zero_extent = false;
    if (!node || !names || !subscripts)
        return NULL;
    for (uint32_t axis = 0; axis < rank; axis++) {
        shape[axis] = axis_extent(statement, &axes[axis]);
        if (output && !axes[axis].block && !check_merged_extent(statement, output, axis, shape[axis], target))
            return NULL;
        names[axis] = merged_name(statement, &axes[axis]);
        zero_extent = zero_extent || poly_equals(shape[axis], 0);
    }
    if (statement->n_order == rank)
        return node;
    struct poly_ranges ranges = {rank, shape};
    for (uint32_t axis = 0; axis < rank; axis++)
        for (uint32_t part = 0; part < axes[axis].count; part++)
            subscripts[axes[axis].first + part] =
                zero_extent ? poly_constant(body->context, 0) : split_subscript(statement, &axes[axis], part, axis, &ranges);
    const struct ir_node *view = ir_view(body->context, rank, shape, (struct ir_access){.node = node, .subscripts = subscripts});
    struct statement_node entry = {view, names};
    return view && ARENA_PUSH(body->arena, statement->nodes, statement->n_nodes, statement->nodes_capacity, entry) ? view : NULL;
}

/* The value of a block joins those of its output. What has a name already gets a view, so that it bears the statement's. */
static bool lower_block(struct statement *statement, struct symbol *output, const struct ast_target *target,
                        const struct ir_node *node, const struct left_axis *axes)
{
    struct body *body = statement->body;
    const struct poly **offsets = ARENA_ARRAY(body->arena, output->type.rank, const struct poly *);
    const char **names = ARENA_ARRAY(body->arena, output->type.rank, const char *);
    if (!node || !offsets || !names)
        return false;
    for (uint32_t axis = 0; axis < output->type.rank; axis++) {
        offsets[axis] = axes[axis].offset;
        names[axis] = merged_name(statement, &axes[axis]);
    }
    if (node->op == IR_const_node || ir_find_name(body->kernel, node)) {
        node = ir_view(body->context, node->rank, node->shape, ir_access_whole(body->context, node));
        struct statement_node entry = {node, names};
        if (!node || !ARENA_PUSH(body->arena, statement->nodes, statement->n_nodes, statement->nodes_capacity, entry))
            return false;
    }
    name_nodes(statement, node, NULL);
    return block_add(body, output, node, offsets, target->span, names);
}

const struct ir_node *lower_indexed(struct statement *statement, const struct ast_target *target, const struct ast_expr *value,
                                    struct symbol *output, enum weakness *weakness)
{
    struct left_axis axes[FRONTEND_RANK] = {{0}};
    uint32_t rank;
    if (!read_left(statement, target, output, axes, &rank))
        return NULL;
    const struct ir_node *node = lower_value(statement, value, output, weakness);
    node = merge_axes(statement, target, output, node, rank, axes);
    if (!output || !has_block(axes, rank))
        return node;
    statement->is_block = true;
    if (statement->body->scan || !output->data) {
        report_block(statement->body, target->span, "a scan assigns a step whole",
                     "give each block a tensor, and join them after the scan");
        statement->failed = true;
        return NULL;
    }
    statement->failed = !lower_block(statement, output, target, node, axes);
    return NULL;
}

/* ---- whole tensors ---- */

static bool check_whole(struct body *body, const struct symbol *output, const struct ir_node *node, struct span span)
{
    bool fits = node->rank == output->type.rank;
    for (uint32_t axis = 0; fits && axis < node->rank; axis++)
        fits = node->shape[axis] == output->type.shape[axis];
    if (fits && node->elem == output->type.elem)
        return true;
    struct tensor_type found = {.elem = node->elem, .rank = node->rank, .shape = node->shape, .span = SPAN_NONE};
    struct diag *diag =
        diag_error(body->diagnostics, fits ? DIAG_E0318 : DIAG_E0216, span, "the value is %s, `%s` is %s",
                   tensor_type_text(body->resolver, &found), output->name, tensor_type_text(body->resolver, &output->type));
    diag_note(body->diagnostics, diag, output->type.span, "`%s` is declared here", output->name);
    diag_help(body->diagnostics, diag, "declare `%s` as %s, or convert with subscripts: `%s[...] = ...`", output->name,
              tensor_type_text(body->resolver, &found), output->name);
    return false;
}

static const struct ir_node *lower_whole(struct statement *statement, const struct ast_expr *value, const struct symbol *output,
                                         enum weakness *weakness)
{
    struct whole whole;
    if (!whole_value(statement, value, &whole))
        return NULL;
    *weakness = whole.weakness;
    if (output && !(whole.node = whole_in_type(statement, &whole, output->type.elem)))
        return NULL;
    return !output || check_whole(statement->body, output, whole.node, value->span) ? whole.node : NULL;
}

/* `y = ...` of a tensor with axes takes a whole tensor only. */
static bool report_missing_subscripts(struct body *body, const struct symbol *output, const struct ast_target *target)
{
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0217, target->span, "`%s` has %u ax%s and stands here without subscripts", output->name,
                   output->type.rank, output->type.rank == 1 ? "is" : "es");
    diag_note(body->diagnostics, diag, output->type.span, "`%s` is %s", output->name,
              tensor_type_text(body->resolver, &output->type));
    diag_help(body->diagnostics, diag, "write `%s[...] = ...` with one index an axis; only a copy `v = u` takes a whole tensor",
              output->name);
    return false;
}

/* A call of what is neither function nor kernel: that is the mistake then, not the missing subscripts. */
static bool calls_unknown(const struct body *body, const struct ast_expr *value)
{
    enum ir_elem elem;
    const char *name = value->kind == AST_CALL ? value->name.text : NULL;
    return name && !is_function_name(name) && !ir_elem_from_name(name, strlen(name), &elem) && !is_whole(body, value);
}

/* ---- statements ---- */

bool statement_create(struct statement *statement, struct body *body, const struct ast_statement *ast)
{
    *statement = (struct statement){.body = body, .span = ast->span, .name = ast->targets->name.text, .depth = ast->value->depth};
    statement->indices = ARENA_ARRAY(body->arena, FRONTEND_INDICES, struct statement_index);
    statement->extents = ARENA_ARRAY(body->arena, FRONTEND_INDICES, const struct poly *);
    statement->order = ARENA_ARRAY(body->arena, FRONTEND_INDICES, uint32_t);
    return statement->indices && statement->extents && statement->order && scan_add_index(statement);
}

/* Puts one more result into the circle of its let. */
static struct tensor *join_results(struct tensor *first, struct tensor *result)
{
    result->next_result = first ? first->next_result : result;
    if (first)
        first->next_result = result;
    return first ? first : result;
}

/* The value in memory of its own: a concatenation of it alone, which every pass leaves as it is, and which is always stored. */
static const struct ir_node *store(struct statement *statement, const struct ir_node *node)
{
    struct body *body = statement->body;
    if (!node)
        return NULL;
    name_nodes(statement, node, NULL);
    struct ir_access whole = ir_access_whole(body->context, node);
    const struct ir_name *name = ir_find_name(body->kernel, node);
    const struct ir_node *stored = ir_concat(body->context, node->rank, node->shape, 1, &whole);
    struct statement_node entry = {stored, name && node->op != IR_scatter_node ? name->index_names : NULL};
    return stored && ARENA_PUSH(body->arena, statement->nodes, statement->n_nodes, statement->nodes_capacity, entry) ? stored
                                                                                                                     : NULL;
}

/* `let (gx, gy) = g(D, u)`. */
static bool lower_results(struct body *body, const struct ast_statement *ast)
{
    struct statement statement;
    const struct signature *signature;
    const struct ir_node **results;
    if (!statement_create(&statement, body, ast))
        return false;
    bool called = inline_call(&statement, ast->value, &signature, &results);
    uint32_t count = 0;
    for (const struct ast_target *target = ast->targets; target; target = target->next)
        count++;
    if (called && count != signature->n_outputs) {
        struct diag *diag = diag_error(body->diagnostics, DIAG_E0604, ast->value->span, "`%s` has %u results, %u are named here",
                                       signature->ast->name.text, signature->n_outputs, count);
        diag_note(body->diagnostics, diag, signature->ast->name.span, "`%s` is declared here", signature->ast->name.text);
        called = false;
    }
    uint32_t k = 0;
    bool done = called;
    struct tensor *first = NULL;
    for (const struct ast_target *target = ast->targets; target; target = target->next, k++) {
        struct symbol *symbol = target_symbol(body, ast, target);
        const struct ir_node *node = symbol && called ? results[k] : NULL;
        if (node && ast->kind != AST_LET && !check_whole(body, symbol, node, ast->value->span))
            node = NULL;
        if (ast->stored)
            node = store(&statement, node);
        if (symbol) {
            define(symbol, node, TYPED);
            first = join_results(first, symbol->data);
        }
        name_node(&statement, node, target->name.text, NULL);
        done = done && node;
    }
    return done;
}

static bool report_several(struct body *body, const struct ast_statement *ast)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0124, ast->word_span, "`+=` adds to one output at a time");
    diag_help(body->diagnostics, diag, "name the values with `let` first, then add each");
    return false;
}

/* Builders give NULL, and say nothing, where a size or a coefficient overflows 64 bits. */
static void report_overflow(struct body *body, const struct ast_statement *ast)
{
    const struct diagnostics *diagnostics = body->diagnostics;
    if (diagnostics->n_errors > 0 || diagnostics->n_dropped > 0 || arena_failed(body->arena))
        return;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0223, ast->span, "a size in this statement is 2^63 or more");
    diag_help(body->diagnostics, diag, "extents, their products and offsets into tensors are 64-bit numbers");
}

bool lower_statement(struct body *body, const struct ast_statement *ast)
{
    const struct ast_target *target = ast->targets;
    struct statement statement;
    enum weakness weakness = TYPED;
    const struct ir_node *node = NULL;
    if (ast->kind == AST_SCAN)
        return lower_scan(body, ast);
    if (ast->kind == AST_OPERATOR)
        return report_not_yet(body, ast->word_span, "`operator`"), false;
    bool let = introduces(body, ast, target);
    if (ast->stored && body->scan)
        report_not_yet(body, ast->word_span, "`let stored` in a scan");
    if (ast->accumulate && target->next)
        return report_several(body, ast);
    if (target->next)
        return lower_results(body, ast);
    if (!statement_create(&statement, body, ast))
        return false;
    bool whole = !target->has_brackets && is_whole(body, ast->value);
    const struct symbol *declared = let ? NULL : body_find(body, target->name.text);
    bool declared_output = declared && declared->kind == SYMBOL_TENSOR && !declared->failed;
    if (declared_output && declared->type.rank == 0 && ast->value->kind == AST_NAME)
        whole = false; /* a scalar converts as in any expression */
    struct symbol *symbol = NULL;
    if (!let && !(symbol = target_symbol(body, ast, target)))
        return false;
    if (symbol && symbol->failed)
        return false;
    if (ast->accumulate && (target->has_brackets || symbol->type.rank == 0))
        node = lower_accumulation(&statement, target, ast->value, symbol);
    else if (ast->accumulate)
        report_missing_subscripts(body, symbol, target);
    else if (whole)
        node = lower_whole(&statement, ast->value, symbol, &weakness);
    else if (target->has_brackets || !symbol || symbol->type.rank == 0)
        node = lower_indexed(&statement, target, ast->value, symbol, &weakness);
    else if (calls_unknown(body, ast->value))
        (void)formula_call(&statement, ast->value, NULL);
    else if (ast->value->kind == AST_BINARY && ast->value->op == AST_MATRIX_MULTIPLY)
        report_not_yet(body, ast->value->op_span, "operators");
    else
        report_missing_subscripts(body, symbol, target);
    if (let && !(symbol = target_symbol(body, ast, target)))
        return false;
    if (statement.is_block) {
        symbol->failed |= statement.failed;
        return !statement.failed;
    }
    if (ast->stored && body->scan)
        node = NULL;
    else if (ast->stored)
        node = store(&statement, node);
    if (!node)
        report_overflow(body, ast);
    define(symbol, node, weakness);
    if (node)
        name_nodes(&statement, node, target->name.text);
    return node != NULL;
}

/* ---- bodies ---- */

static struct symbol *declare(struct body *body, const struct parameter *parameter, enum tensor_role role)
{
    struct symbol *symbol = scope_add(body->resolver, body->scope, SYMBOL_TENSOR, &parameter->ast->name);
    struct tensor *tensor = symbol ? ARENA_NEW(body->arena, struct tensor) : NULL;
    if (!tensor)
        return NULL;
    *tensor = (struct tensor){.role = role, .assigned = role == TENSOR_INPUT, .assigned_at = parameter->span};
    symbol->type = parameter->type;
    symbol->data = tensor;
    return symbol;
}

static bool collect_outputs(struct body *body, struct symbol *const *outputs, const struct ir_node **results)
{
    bool complete = true;
    for (uint32_t k = 0; k < body->signature->n_outputs; k++) {
        const struct tensor *tensor = outputs[k]->data;
        results[k] = outputs[k]->node;
        complete = complete && results[k];
        if (tensor->assigned)
            continue;
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0113, outputs[k]->span, "output `%s` is never assigned", outputs[k]->name);
        diag_help(body->diagnostics, diag, "each output is assigned exactly once: `%s[...] = ...`", outputs[k]->name);
    }
    return complete;
}

/* A call gives all its results; who reads one of them need not read the others. */
static bool is_read(const struct tensor *tensor)
{
    bool read = tensor->read;
    for (const struct tensor *other = tensor->next_result; other && other != tensor && !read; other = other->next_result)
        read = other->read;
    return read;
}

static void warn_unread(struct body *body)
{
    for (size_t k = 0; k < body->scope->n_symbols; k++) {
        const struct symbol *symbol = body->scope->symbols[k];
        const struct tensor *tensor = symbol->kind == SYMBOL_TENSOR ? symbol->data : NULL;
        if (!tensor || symbol->failed || tensor->role != TENSOR_LET || is_read(tensor))
            continue;
        struct diag *diag = diag_warning(body->diagnostics, DIAG_W0101, symbol->span, "`%s` is never read", symbol->name);
        diag_help(body->diagnostics, diag, "remove the let, or use it in an output");
    }
}

/* Of a symmetric input only what lies on and below the diagonal is read, also where a call is given any tensor for it. */
static const struct ir_node *promised_value(struct body *body, const struct parameter *parameter, const struct ir_node *node)
{
    struct ir_context *context = body->context;
    bool half = false;
    for (int promise = 0; promise < IR_PROMISE_COUNT; promise++)
        half |= (parameter->type.promises >> promise & 1) && ir_promise_info((enum ir_promise)promise)->half;
    if (!half || !node)
        return node;
    struct ir_access accesses[2] = {ir_access_whole(context, node), ir_access_whole(context, node)};
    const struct poly **mirrored = arena_copy(body->arena, accesses[0].subscripts, node->rank, sizeof *mirrored);
    if (!mirrored)
        return NULL;
    mirrored[node->rank - 2] = poly_index(context, node->rank - 1);
    mirrored[node->rank - 1] = poly_index(context, node->rank - 2);
    accesses[1].subscripts = mirrored;
    const struct ir_expr *below[2] = {
        ir_expr_index(context, poly_subtract(context, mirrored[node->rank - 1], mirrored[node->rank - 2])),
        ir_expr_literal(context, ir_number_integer(IR_i64, 0))};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_ge, 2, below), ir_expr_operand(context, 0, node->elem),
                                       ir_expr_operand(context, 1, node->elem)};
    return ir_map(context, node->rank, node->shape, 2, accesses, ir_expr_apply(context, IR_EXPR_select, 3, choice));
}

bool lower_body(struct body *body, const struct ir_node *const *inputs, const struct ir_node **results)
{
    const struct signature *signature = body->signature;
    struct symbol **outputs = ARENA_ARRAY(body->arena, signature->n_outputs, struct symbol *);
    if (!outputs)
        return false;
    for (uint32_t k = 0; k < signature->n_inputs; k++) {
        struct symbol *symbol = declare(body, &signature->inputs[k], TENSOR_INPUT);
        if (!symbol)
            return false;
        symbol->node = promised_value(body, &signature->inputs[k], inputs[k]);
    }
    for (uint32_t k = 0; k < signature->n_outputs; k++)
        if (!(outputs[k] = declare(body, &signature->outputs[k], TENSOR_OUTPUT)))
            return false;
    bool lowered = true;
    for (const struct ast_statement *statement = signature->ast->body; statement; statement = statement->next)
        lowered = lower_statement(body, statement) && lowered;
    bool complete = collect_outputs(body, outputs, results);
    if (!body->caller && lowered)
        warn_unread(body);
    return lowered && complete;
}

/* Every tensor, of intermediate values too, has less than 2^63 bytes, as the verifier asks. */
static bool sizes_fit(struct body *body)
{
    size_t count = 0;
    const struct ir_node **nodes = ir_topological(body->context, body->kernel, &count);
    bool fit = nodes != NULL;
    for (size_t k = 0; nodes && k < count; k++) {
        const struct ir_name *name = ir_find_name(body->kernel, nodes[k]);
        const struct poly *elements = ir_element_count(body->context, nodes[k]);
        if (poly_scale(body->context, elements, ir_elem_info(nodes[k]->elem)->bytes) || arena_failed(body->arena))
            continue;
        struct diag *diag =
            diag_error(body->diagnostics, DIAG_E0223, name ? name->span : body->kernel->span, "this tensor has 2^63 bytes or more");
        diag_help(body->diagnostics, diag, "extents, their products and offsets into tensors are 64-bit numbers");
        fit = false;
    }
    return fit;
}

bool lower_kernel(struct resolver *resolver, const struct ast_kernel *ast, struct ir_kernel *kernel)
{
    struct arena *arena = ir_arena(resolver->context);
    const struct symbol *symbol = scope_find(resolver->scope, ast->name.text);
    if (!symbol || symbol->failed || !symbol->kernel)
        return false;
    const struct signature *signature = symbol->kernel;
    uint32_t n_inlined = 0;
    struct body body = {.resolver = resolver,
                        .context = resolver->context,
                        .arena = arena,
                        .diagnostics = ir_diagnostics(resolver->context),
                        .scope = scope_create(resolver, resolver->scope),
                        .signature = signature,
                        .kernel = kernel,
                        .exact = signature->numeric_class == IR_CLASS_EXACT,
                        .n_inlined = &n_inlined};
    const struct ir_node **inputs = ARENA_ARRAY(arena, signature->n_inputs, const struct ir_node *);
    const struct ir_node **results = ARENA_ARRAY(arena, signature->n_outputs, const struct ir_node *);
    if (!body.scope || !inputs || !results)
        return false;
    for (uint32_t k = 0; k < signature->n_inputs; k++)
        inputs[k] = kernel->inputs[k].node;
    if (!lower_body(&body, inputs, results))
        return false;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        kernel->outputs[k].node = results[k];
    return sizes_fit(&body);
}
