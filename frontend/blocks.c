/* Block left sides: an output assigned in boxes, `y[i: m, j] = ...` and `y[m + i: n-m, j] = ...`, in several statements.
 *
 * The boxes of an output are kept with its symbol until the last statement that assigns it was read. Then they must be proved to
 * lie inside it, apart from each other, and to cover it; its value is their concatenation. */
#include "formula.h"

#include <string.h>

static struct block_list *blocks_of(const struct symbol *output)
{
    return ((struct tensor *)output->data)->blocks;
}

/* The output as a node over the boxes there are; not interned, only to be looked at. */
static struct ir_node draft(const struct symbol *output)
{
    const struct block_list *blocks = blocks_of(output);
    return (struct ir_node){.op = IR_concat_node,
                            .elem = output->type.elem,
                            .rank = output->type.rank,
                            .shape = output->type.shape,
                            .n_indices = output->type.rank,
                            .extents = output->type.shape,
                            .n_operands = (uint32_t)blocks->count,
                            .operands = blocks->boxes};
}

static void note_declaration(struct body *body, struct diag *diag, const struct symbol *output)
{
    diag_note(body->diagnostics, diag, output->type.span, "`%s` is %s", output->name,
              tensor_type_text(body->resolver, &output->type));
}

static void report_outside(struct body *body, const struct symbol *output, uint32_t block)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0231, blocks_of(output)->spans[block],
                                   "this block is not proved to lie inside `%s`", output->name);
    note_declaration(body, diag, output);
    diag_help(body->diagnostics, diag, "offset and extent together are at most the axis: `%s[m + i: n - m]`", output->name);
}

static void report_overlap(struct body *body, const struct symbol *output, const uint32_t *blocks)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0229, blocks_of(output)->spans[blocks[0]],
                                   "this block of `%s` is not proved to be apart from another", output->name);
    diag_note(body->diagnostics, diag, blocks_of(output)->spans[blocks[1]], "the other block");
    diag_help(body->diagnostics, diag,
              "each element is assigned once; one block begins where the other ends: `m + i` after `i: m`");
}

/* Along some axis: 0, or the end of a block, where no block begins and the axis does not end. NULL: no such place. */
static const struct poly *gap_along(struct body *body, const struct symbol *output, uint32_t axis)
{
    struct ir_context *context = body->context;
    const struct block_list *blocks = blocks_of(output);
    for (size_t k = 0; k <= blocks->count; k++) {
        const struct poly *place = poly_constant(context, 0);
        if (k)
            place =
                poly_add(context, ir_concat_offset(context, &blocks->boxes[k - 1], axis), blocks->boxes[k - 1].node->shape[axis]);
        bool met = place == output->type.shape[axis];
        for (size_t other = 0; other < blocks->count && !met; other++)
            met = ir_concat_offset(context, &blocks->boxes[other], axis) == place;
        if (!met)
            return place;
    }
    return NULL;
}

static void report_gap(struct body *body, const struct symbol *output)
{
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0230, output->span, "the blocks of `%s` do not cover it", output->name);
    note_declaration(body, diag, output);
    for (uint32_t axis = 0; axis < output->type.rank; axis++) {
        const struct poly *place = gap_along(body, output, axis);
        if (!place)
            continue;
        diag_help(body->diagnostics, diag, "no block begins at %s on axis %u, where one ends or the axis begins",
                  extent_text(body->resolver, place), axis);
        return;
    }
    diag_help(body->diagnostics, diag, "their sizes together must be that of `%s`", output->name);
}

/* The value of an output that has all its boxes; NULL after a diagnostic. */
static const struct ir_node *finish(struct body *body, struct symbol *output)
{
    struct ir_node node = draft(output);
    uint32_t blocks[2];
    switch (ir_check_concat(body->context, &node, blocks)) {
    case IR_CONCAT_FINE:
        return ir_concat(body->context, node.rank, node.shape, node.n_operands, node.operands);
    case IR_CONCAT_OUTSIDE:
        report_outside(body, output, blocks[0]);
        break;
    case IR_CONCAT_OVERLAP:
        report_overlap(body, output, blocks);
        break;
    case IR_CONCAT_GAP:
        report_gap(body, output);
        break;
    }
    output->failed = true;
    return NULL;
}

uint32_t block_count(const struct body *body, const char *output)
{
    uint32_t count = 0;
    for (const struct ast_statement *statement = body->signature->ast->body; statement; statement = statement->next)
        for (const struct ast_target *target = statement->targets; target && statement->kind == AST_ASSIGN; target = target->next)
            count += strcmp(target->name.text, output) == 0;
    return count;
}

static bool add(struct body *body, struct symbol *output, struct ir_access box, struct span span)
{
    struct tensor *tensor = output->data;
    if (!tensor->blocks && !(tensor->blocks = ARENA_NEW(body->arena, struct block_list)))
        return false;
    struct block_list *blocks = tensor->blocks;
    if (blocks->count == IR_CONCAT_OPERANDS) {
        diag_error(body->diagnostics, DIAG_E0915, span, "`%s` has more than %d blocks", output->name, (int)IR_CONCAT_OPERANDS);
        output->failed = true;
        return false;
    }
    size_t n_spans = blocks->count;
    return ARENA_PUSH(body->arena, blocks->spans, n_spans, blocks->spans_capacity, span) &&
           ARENA_PUSH(body->arena, blocks->boxes, blocks->count, blocks->boxes_capacity, box);
}

bool block_add(struct body *body, struct symbol *output, const struct ir_node *node, const struct poly *const *offsets,
               struct span span, const char *const *index_names)
{
    struct ir_context *context = body->context;
    const struct poly **subscripts = ARENA_ARRAY(body->arena, node->rank, const struct poly *);
    if (!subscripts)
        return false;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        subscripts[axis] =
            offsets[axis] ? poly_subtract(context, poly_index(context, axis), offsets[axis]) : poly_index(context, axis);
    if (!add(body, output, (struct ir_access){.node = node, .subscripts = subscripts}, span))
        return false;
    if (blocks_of(output)->count < block_count(body, output->name))
        return true;
    output->node = finish(body, output);
    if (output->node)
        ir_set_name(context, body->kernel, output->node, output->name, index_names, blocks_of(output)->spans[0]);
    return output->node != NULL;
}
