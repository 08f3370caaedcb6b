/* `y[...] += value`: an output that is an input as well, to whose elements the statement adds.
 *
 * The left side is an access of the output as it comes in: its subscripts are plain, merged or affine in the statement's indices,
 * or looked up in tables; several points may meet at one element. All its indices stay, those inside lookups too, and the value is
 * the right side over them. What comes in is one more input of the kernel, behind those declared (declare.c), and nothing but the
 * scatter made here reads it: the output has no value before its statement. */
#include "formula.h"

#include <string.h>

bool is_updated(const struct ast_kernel *kernel, const char *output)
{
    for (const struct ast_statement *statement = kernel->body; statement; statement = statement->next)
        if (statement->kind == AST_ASSIGN && statement->accumulate && !statement->targets->next &&
            strcmp(statement->targets->name.text, output) == 0)
            return true;
    return false;
}

/* The output as it comes in. */
static const struct ir_node *incoming(const struct body *body, const char *name)
{
    const struct ir_kernel *kernel = body->kernel;
    for (uint32_t k = 0; k < kernel->n_outputs && !body->caller; k++)
        if (kernel->outputs[k].updates && strcmp(kernel->outputs[k].name, name) == 0)
            return kernel->inputs[kernel->outputs[k].updates - 1].node;
    return NULL;
}

/* The left side's subscripts as those of an access. */
static struct ast_expr *subscript_list(struct arena *arena, const struct ast_binder *binder)
{
    struct ast_expr *first = NULL, **last = &first;
    for (; binder; binder = binder->next) {
        struct ast_expr *subscript = ARENA_NEW(arena, struct ast_expr);
        if (!subscript)
            return NULL;
        if (binder->merged)
            *subscript =
                (struct ast_expr){.kind = AST_MERGED, .span = binder->span, .arguments = subscript_list(arena, binder->merged)};
        else
            *subscript = *binder->subscript;
        subscript->next = NULL;
        *last = subscript;
        last = &subscript->next;
    }
    return first;
}

/* `i: 4` gives the index its extent. */
static bool annotate(struct statement *statement, const struct ast_binder *binder)
{
    for (; binder; binder = binder->next) {
        struct extent_source source = {.span = binder->span};
        if (binder->merged && !annotate(statement, binder->merged))
            return false;
        if (!binder->extent)
            continue;
        uint32_t index = binder->name.text ? index_use(statement, NULL, &binder->name) : UINT32_MAX;
        const struct poly *extent = index == UINT32_MAX ? NULL : resolve_extent(statement->body->resolver, binder->extent);
        if (!extent)
            return false;
        source.declared = binder->extent->span;
        index_set_extent(statement, index, extent, &source);
    }
    return true;
}

/* Indices that stand outside lookups: a term of the value must have them. */
static void note_outside_lookups(struct statement *statement, const struct ast_expr *expr, struct index_set *outside)
{
    if (expr->kind == AST_ACCESS)
        return;
    for (uint32_t k = 0; expr->kind == AST_NAME && k < statement->n_indices; k++)
        if (strcmp(index_name(statement, k), expr->name.text) == 0)
            index_set_add(outside, k);
    for (const struct ast_expr *argument = expr->arguments; argument; argument = argument->next)
        note_outside_lookups(statement, argument, outside);
}

static struct formula *read_left(struct statement *statement, const struct ast_target *target, const struct symbol *output,
                                 const struct ir_node *base)
{
    struct formula *left = formula_create(statement, FORMULA_ACCESS, target->span);
    if (!left)
        return NULL;
    left->node = base;
    left->tensor_name = output->name;
    left->tensor_type = &output->type;
    left->subscripts = subscript_list(statement->body->arena, target->binders);
    if (!annotate(statement, target->binders) || !subscripts_read(statement, left))
        return NULL;
    statement->left = left->free;
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (index_set_has(&left->free, k))
            statement->order[statement->n_order++] = k;
    struct index_set outside = {{0}};
    for (const struct ast_expr *subscript = left->subscripts; subscript; subscript = subscript->next)
        note_outside_lookups(statement, subscript, &outside);
    statement->spared = index_set_minus(&left->free, &outside);
    return left;
}

static const struct ir_node *scatter(struct statement *statement, const struct symbol *output, const struct formula *left,
                                     const struct ir_node *value)
{
    struct body *body = statement->body;
    const struct poly **extents = ARENA_ARRAY(body->arena, statement->n_order, const struct poly *);
    const struct poly **replacements = ARENA_ARRAY(body->arena, FRONTEND_INDICES, const struct poly *);
    const char **names = ARENA_ARRAY(body->arena, statement->n_order, const char *);
    if (!extents || !replacements || !names)
        return NULL;
    for (uint32_t k = 0; k < statement->n_order; k++) {
        uint32_t index = statement->order[k];
        extents[k] = statement->extents[index];
        replacements[index] = poly_index(body->context, k);
        names[k] = index_name(statement, index);
    }
    struct poly_ranges ranges = {statement->n_order, extents};
    struct ir_access base = {.node = left->node, .subscripts = left->polys};
    base = ir_access_substitute(body->context, base, statement->n_indices, replacements, &ranges);
    enum ir_ring ring = output->type.elem == IR_bool ? IR_RING_orand : IR_RING_plustimes;
    const struct ir_node *node =
        ir_scatter(body->context, ring, statement->n_order, extents, base, ir_access_whole(body->context, value));
    struct statement_node entry = {node, names};
    return node && ARENA_PUSH(body->arena, statement->nodes, statement->n_nodes, statement->nodes_capacity, entry) ? node : NULL;
}

const struct ir_node *lower_accumulation(struct statement *statement, const struct ast_target *target, const struct ast_expr *value,
                                         const struct symbol *output)
{
    const struct ir_node *base = incoming(statement->body, output->name);
    enum weakness weakness;
    if (output->type.fixed) {
        report_no_fixed_form(statement, target->span, "`+=`", NULL);
        return NULL;
    }
    struct formula *left = base ? read_left(statement, target, output, base) : NULL;
    const struct ir_node *node = left ? lower_value(statement, value, output, &weakness) : NULL;
    return node ? scatter(statement, output, left, node) : NULL;
}
