/* Left sides with subscripts: their indices and extents, and the value over them as a node.
 *
 * A plain index stands for its whole axis, a merged one for its parts, and `m + i: n` for a block, which is not the output's value
 * yet but joins the others of it (blocks.c). */
#include "operators.h"

/* ---- indices and blocks ---- */

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
    struct diag *diag = report_subscript_count(body, target->span, output->name, output->type.rank, rank);
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
static bool formula_is_number(const struct formula *formula)
{
    while (formula->kind == FORMULA_NEGATE)
        formula = formula->arguments[0];
    return formula->kind == FORMULA_NUMBER;
}

const struct ir_node *lower_value(struct statement *statement, const struct ast_expr *value, const struct symbol *output,
                                  enum weakness *weakness)
{
    struct formula *formula = formula_build(statement, value, NULL);
    if (!formula || !indices_complete(statement) || !resolve_accesses(statement) || !every_left_index_used(statement, formula))
        return NULL;
    const struct tensor_type *wanted = output ? &output->type : statement->declared;
    if (wanted && !type_fits(statement, formula, wanted, arena_printf(statement->body->arena, "`%s`", statement->name)))
        return NULL;
    struct value_type type = formula->type;
    bool table = wanted && wanted->fixed && type.weakness && !formula_is_number(formula);
    formula = operators_expand(statement, formula, table ? IR_f64 : type.weakness && wanted ? wanted->elem : type.elem);
    if (table)
        statement->fixed = wanted->fixed;
    else if (formula)
        formula = fixed_point_lower(statement, formula, wanted, &statement->fixed);
    const struct ir_expr *expr = formula ? summation(statement, formula) : NULL;
    expr = lower_convert(statement, expr, table ? IR_f64 : wanted ? wanted->elem : formula ? formula->type.elem : type.elem);
    *weakness = wanted ? TYPED : type.weakness;
    const struct ir_node *node = statement->failed ? NULL : lower_node(statement, expr, statement->n_order, statement->order);
    return table ? fixed_table(statement, node, wanted, value->span) : node;
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
