/* A contraction as a matrix times data, and back.
 *
 * With j summed and no other operand that has i and j both, y[..., i, ...] = sum of others * (sum over j of matrix[i, j] *
 * data[..., j]): the data are the product of all operands that have j, summed over what nobody else has. */
#include "fourier.h"
#include "structure.h"

static bool uses(const struct ir_access *access, uint32_t index)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (poly_uses_index(access->subscripts[axis], index))
            return true;
    return false;
}

/* The tensor that a map casts to complex numbers, as it is read; a node NULL: it is none. */
static struct ir_access real_of(struct structuring *structuring, const struct ir_node *node, const struct ir_access *access)
{
    struct poly_ranges ranges = ir_ranges(node);
    const struct ir_node *map = access->node;
    struct ir_access none = {.node = NULL};
    if (map->op != IR_map_node || map->n_operands != 1 || access->fill || map->body->op != IR_EXPR_cast ||
        map->body->arguments[0]->op != IR_EXPR_operand || map->operands[0].node->elem != ir_elem_real(map->elem))
        return none;
    return ir_access_substitute(structuring->context, map->operands[0], map->rank, access->subscripts, &ranges);
}

/* The product of the data's operands over batch, column and what is absorbed; of their real parts if `real`, NULL if there is none.
 */
static const struct ir_node *data_of(struct structuring *structuring, const struct structure_application *application, bool real)
{
    struct ir_context *context = structuring->context;
    const struct ir_node *node = application->node;
    const struct poly **replacements = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access);
    uint32_t n = 0, count = 0;
    if (!replacements || !extents || !operands)
        return NULL;
    for (uint32_t k = 0; k < application->n_batch; k++)
        replacements[application->batch[k]] = poly_index(context, n), extents[n++] = node->extents[application->batch[k]];
    replacements[application->column] = poly_index(context, n), extents[n++] = node->extents[application->column];
    uint32_t rank = n;
    for (uint32_t k = 0; k < node->n_indices; k++)
        if (application->absorbed[k])
            replacements[k] = poly_index(context, n), extents[n++] = node->extents[k];
    struct poly_ranges ranges = {n, extents};
    for (uint32_t k = 0; k < node->n_operands; k++) {
        if (!application->inside[k])
            continue;
        struct ir_access access = real ? real_of(structuring, node, &node->operands[k]) : node->operands[k];
        if (!access.node)
            return NULL;
        operands[count++] = ir_access_substitute(context, access, node->n_indices, replacements, &ranges);
    }
    enum ir_elem elem = real ? ir_elem_real(node->elem) : node->elem;
    if (count == 1 && n == rank)
        return ir_view(context, rank, extents, operands[0]);
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = elem,
                                                      .accumulator = elem,
                                                      .rank = rank,
                                                      .n_indices = n,
                                                      .extents = extents,
                                                      .n_operands = count,
                                                      .operands = operands});
}

bool structure_isolate(struct structuring *structuring, const struct ir_node *node, uint32_t operand, uint32_t row, uint32_t column,
                       struct structure_application *application)
{
    struct arena *arena = ir_arena(structuring->context);
    *application = (struct structure_application){.node = node, .operand = operand, .row = row, .column = column};
    application->inside = ARENA_ARRAY(arena, node->n_operands, bool);
    application->absorbed = ARENA_ARRAY(arena, node->n_indices, bool);
    application->batch = ARENA_ARRAY(arena, node->n_indices, uint32_t);
    if (arena_failed(arena) || column < node->rank || !poly_is_constant(node->extents[row], &application->rows) ||
        !poly_is_constant(node->extents[column], &application->columns))
        return false;
    bool any = false;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        application->inside[k] = k != operand && uses(&node->operands[k], column);
        any |= application->inside[k];
        if (application->inside[k] && uses(&node->operands[k], row))
            return false;
    }
    for (uint32_t index = 0; any && index < node->n_indices; index++) {
        bool in_data = false, elsewhere = index < node->rank;
        for (uint32_t k = 0; k < node->n_operands; k++)
            if (uses(&node->operands[k], index))
                *(application->inside[k] ? &in_data : &elsewhere) = true;
        if (in_data && index != column && index != row) {
            application->absorbed[index] = !elsewhere;
            if (elsewhere)
                application->batch[application->n_batch++] = index;
        }
    }
    application->data = any ? data_of(structuring, application, false) : NULL;
    application->real = any && ir_elem_is_complex(node->elem) ? data_of(structuring, application, true) : NULL;
    return application->data != NULL;
}

/* A contraction with its axes, all of them, in the order in which these subscripts read them from so many indices: made so rather
 * than turned, for what reads it has its unit steps where the source has them. NULL: it is none, or they are something else. */
static const struct ir_node *in_order_of(struct ir_context *context, uint32_t n, const struct poly *const *extents,
                                         const struct ir_access *access)
{
    const struct ir_node *node = access->node;
    if (!node || node->op != IR_contract_node || node->rank != n || node->contract.n_sliced || node->contract.codelet)
        return NULL;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **all = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **domain = ARENA_ARRAY(ir_arena(context), node->contract.n_domain, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access);
    if (!place || !all || !domain || !operands)
        return NULL;
    for (uint32_t k = 0; k < node->n_indices; k++) {
        uint32_t index = k;
        if (k < n && (!poly_is_index(access->subscripts[k], &index) || all[index]))
            return NULL;
        place[k] = poly_index(context, index);
        all[index] = k < n ? extents[index] : node->extents[k];
    }
    struct poly_ranges ranges = {node->n_indices, all};
    for (uint32_t k = 0; k < node->n_operands; k++)
        operands[k] = ir_access_substitute(context, node->operands[k], node->n_indices, place, &ranges);
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        domain[k] = poly_substitute(context, node->contract.domain[k], node->n_indices, place, &ranges);
    return ir_contract(context, &(struct ir_contract){.ring = node->contract.ring,
                                                      .elem = node->elem,
                                                      .accumulator = node->contract.accumulator,
                                                      .rank = n,
                                                      .n_indices = node->n_indices,
                                                      .extents = all,
                                                      .n_operands = node->n_operands,
                                                      .operands = operands,
                                                      .n_domain = node->contract.n_domain,
                                                      .domain = domain});
}

const struct ir_node *structure_finish(struct structuring *structuring, const struct structure_application *application,
                                       uint32_t n_batch, const uint32_t *batch, const struct ir_node *transformed)
{
    struct ir_context *context = structuring->context;
    const struct ir_node *node = application->node;
    const struct poly **replacements = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **subscripts = ARENA_ARRAY(ir_arena(context), n_batch + 1, const struct poly *);
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access);
    const char **names = ARENA_ARRAY(ir_arena(context), node->n_indices, const char *);
    const struct ir_name *name = ir_find_name(structuring->kernel, node);
    uint32_t n = 0, count = 0;
    if (!transformed || !replacements || !extents || !subscripts || !operands || !names)
        return NULL;
    for (uint32_t index = 0; index < node->n_indices; index++) {
        bool needed = index < node->rank || index == application->row;
        for (uint32_t k = 0; k < n_batch; k++)
            needed |= batch[k] == index;
        for (uint32_t k = 0; k < node->n_operands; k++)
            needed |= k != application->operand && !application->inside[k] && uses(&node->operands[k], index);
        if (!needed || index == application->column)
            continue;
        names[n] = name && name->index_names ? name->index_names[index] : NULL;
        replacements[index] = poly_index(context, n);
        extents[n++] = node->extents[index];
    }
    struct poly_ranges ranges = {n, extents};
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (k != application->operand && !application->inside[k])
            operands[count++] = ir_access_substitute(context, node->operands[k], node->n_indices, replacements, &ranges);
    for (uint32_t k = 0; k < n_batch; k++)
        subscripts[k] = replacements[batch[k]];
    subscripts[n_batch] = replacements[application->row];
    operands[count++] = (struct ir_access){.node = fourier_cast(context, transformed, node->elem), .subscripts = subscripts};
    const struct ir_node *as_made = count == 1 && n == node->rank ? in_order_of(context, n, extents, &operands[0]) : NULL;
    if (as_made)
        return as_made;
    const struct ir_node *result = ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                              .elem = node->elem,
                                                                              .accumulator = node->contract.accumulator,
                                                                              .rank = node->rank,
                                                                              .n_indices = n,
                                                                              .extents = extents,
                                                                              .n_operands = count,
                                                                              .operands = operands});
    if (result)
        ir_set_name(context, structuring->kernel, result, NULL, names, name ? name->span : SPAN_NONE);
    return result;
}
