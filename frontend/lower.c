/* Pointwise expressions over a statement's operands to nodes of the tensor IR.
 *
 * While a statement is lowered, IR_EXPR_operand k means statement->operands[k], and polys speak of the statement's indices. A node
 * has its own numbering: its axes first, then what it sums over; everything is rewritten to that when the node is made. An
 * expression that is one operand, unchanged, is that operand's node or a view of it. */
#include "formula.h"

const struct ir_expr *lower_operand(struct statement *statement, struct ir_access access)
{
    struct arena *arena = statement->body->arena;
    if (!access.node)
        return NULL;
    if (!ARENA_PUSH(arena, statement->operands, statement->n_operands, statement->operands_capacity, access))
        return NULL;
    return ir_expr_operand(statement->body->context, (uint32_t)(statement->n_operands - 1), access.node->elem);
}

/* Literals convert here, exactly or with one rounding, so that no cast of a number is left in the IR. */
const struct ir_expr *lower_convert(struct statement *statement, const struct ir_expr *expr, enum ir_elem elem)
{
    struct ir_context *context = statement->body->context;
    if (!expr || expr->elem == elem)
        return expr;
    if (expr->op != IR_EXPR_literal || elem == IR_bool || expr->elem == IR_bool)
        return ir_expr_cast(context, elem, expr);
    struct ir_number number = expr->literal;
    bool integer = ir_elem_is_integer(number.elem);
    if (ir_elem_is_integer(elem))
        return integer ? ir_expr_literal(context, ir_number_integer(elem, number.i)) : ir_expr_cast(context, elem, expr);
    if (integer)
        return ir_expr_literal(context, ir_number_real(elem, (double)number.i));
    if (ir_elem_is_complex(elem))
        return ir_expr_literal(context, ir_number_complex(elem, number.re, ir_elem_is_complex(number.elem) ? number.im : 0));
    return ir_elem_is_complex(number.elem) ? ir_expr_cast(context, elem, expr)
                                           : ir_expr_literal(context, ir_number_real(elem, number.re));
}

bool expr_is_bare(const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_operand || expr->op == IR_EXPR_literal;
}

static void add_poly_indices(const struct statement *statement, const struct poly *poly, struct index_set *set)
{
    for (uint32_t k = 0; poly && k < statement->n_indices; k++)
        if (poly_uses_index(poly, k))
            index_set_add(set, k);
}

static void add_indices(const struct statement *statement, const struct ir_expr *expr, struct index_set *set)
{
    if (expr->op == IR_EXPR_operand) {
        const struct ir_access *access = &statement->operands[expr->operand];
        for (uint32_t axis = 0; axis < access->node->rank; axis++)
            add_poly_indices(statement, access->subscripts[axis], set);
    }
    if (expr->op == IR_EXPR_index)
        add_poly_indices(statement, expr->index, set);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        add_indices(statement, expr->arguments[k], set);
}

struct index_set expr_indices(const struct statement *statement, const struct ir_expr *expr)
{
    struct index_set set = {{0}};
    add_indices(statement, expr, &set);
    return set;
}

/* The members of a set: those of the left side first, in its order, then the others as they came. */
static uint32_t list_indices(const struct statement *statement, const struct index_set *set, uint32_t *order)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < statement->n_order; k++)
        if (index_set_has(set, statement->order[k]))
            order[count++] = statement->order[k];
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (index_set_has(set, k) && !index_set_has(&statement->left, k))
            order[count++] = k;
    return count;
}

/* From the statement's numbering of indices to a node's. */
struct renumbering {
    struct statement *statement;
    const struct poly *replacements[FRONTEND_INDICES];
    const struct poly *extents[FRONTEND_INDICES];
    struct poly_ranges ranges;
    struct ir_access *operands;
    size_t n_operands, operands_capacity;
    bool failed;
};

static void renumber(struct renumbering *renumbering, struct statement *statement, uint32_t n_order, const uint32_t *order)
{
    *renumbering = (struct renumbering){.statement = statement};
    for (uint32_t k = 0; k < n_order; k++) {
        renumbering->replacements[order[k]] = poly_index(statement->body->context, k);
        renumbering->extents[k] = statement->extents[order[k]];
    }
    renumbering->ranges = (struct poly_ranges){n_order, renumbering->extents};
}

static struct ir_access renumbered_access(struct renumbering *renumbering, struct ir_access access)
{
    struct statement *statement = renumbering->statement;
    return ir_access_substitute(statement->body->context, access, statement->n_indices, renumbering->replacements,
                                &renumbering->ranges);
}

static bool same_access(const struct ir_access *a, const struct ir_access *b)
{
    if (a->node != b->node || a->conjugate != b->conjugate || (a->fill == NULL) != (b->fill == NULL))
        return false;
    if (a->fill && !ir_number_equal(*a->fill, *b->fill))
        return false;
    for (uint32_t axis = 0; axis < a->node->rank; axis++)
        if (a->subscripts[axis] != b->subscripts[axis])
            return false;
    return true;
}

/* An operand of the statement as one of the node: equal accesses are one operand. */
static const struct ir_expr *renumbered_leaf(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct renumbering *renumbering = user;
    struct arena *arena = renumbering->statement->body->arena;
    struct ir_access access = renumbered_access(renumbering, renumbering->statement->operands[leaf->operand]);
    size_t number = 0;
    while (number < renumbering->n_operands && !same_access(&renumbering->operands[number], &access))
        number++;
    if (number == renumbering->n_operands &&
        !ARENA_PUSH(arena, renumbering->operands, renumbering->n_operands, renumbering->operands_capacity, access))
        return NULL;
    return ir_expr_operand(context, (uint32_t)number, leaf->elem);
}

static void remember_names(struct statement *statement, const struct ir_node *node, uint32_t n_order, const uint32_t *order)
{
    struct arena *arena = statement->body->arena;
    const char **names = ARENA_ARRAY(arena, n_order, const char *);
    if (!node || !names)
        return;
    for (uint32_t k = 0; k < n_order; k++)
        names[k] = index_name(statement, order[k]);
    struct statement_node entry = {node, names};
    (void)ARENA_PUSH(arena, statement->nodes, statement->n_nodes, statement->nodes_capacity, entry);
}

/* Is the access all of its node, with the axes in this order? */
static bool is_whole_node(struct statement *statement, const struct ir_access *access, uint32_t n_order, const uint32_t *order)
{
    if (access->node->rank != n_order || access->fill || access->conjugate)
        return false;
    for (uint32_t k = 0; k < n_order; k++)
        if (access->subscripts[k] != poly_index(statement->body->context, order[k]) ||
            access->node->shape[k] != statement->extents[order[k]])
            return false;
    return true;
}

const struct ir_node *lower_node(struct statement *statement, const struct ir_expr *expr, uint32_t n_order, const uint32_t *order)
{
    struct ir_context *context = statement->body->context;
    const struct ir_node *node;
    if (!expr)
        return NULL;
    if (expr->op == IR_EXPR_operand && is_whole_node(statement, &statement->operands[expr->operand], n_order, order))
        return statement->operands[expr->operand].node;
    if (expr->op == IR_EXPR_literal && n_order == 0)
        return ir_scalar(context, expr->literal);
    struct renumbering *renumbering = ARENA_NEW(statement->body->arena, struct renumbering);
    if (!renumbering)
        return NULL;
    renumber(renumbering, statement, n_order, order);
    if (expr->op == IR_EXPR_operand) {
        struct ir_access access = renumbered_access(renumbering, statement->operands[expr->operand]);
        node = ir_view(context, n_order, renumbering->extents, access);
    } else {
        const struct ir_expr *body = ir_expr_substitute(context, expr, renumbered_leaf, renumbering, statement->n_indices,
                                                        renumbering->replacements, &renumbering->ranges);
        node = ir_map(context, n_order, renumbering->extents, (uint32_t)renumbering->n_operands, renumbering->operands, body);
    }
    remember_names(statement, node, n_order, order);
    return node;
}

/* A factor as an operand of a contraction: a bare access as it is, anything else as a node over the indices it has. */
static bool factor_access(struct statement *statement, const struct ir_expr *factor, struct ir_access *access)
{
    struct body *body = statement->body;
    if (!factor)
        return false;
    if (factor->op == IR_EXPR_operand) {
        *access = statement->operands[factor->operand];
        return true;
    }
    struct index_set indices = expr_indices(statement, factor);
    uint32_t order[FRONTEND_INDICES], count = list_indices(statement, &indices, order);
    const struct ir_node *node = lower_node(statement, factor, count, order);
    const struct poly **subscripts = ARENA_ARRAY(body->arena, count, const struct poly *);
    if (!node || !subscripts)
        return false;
    for (uint32_t k = 0; k < count; k++)
        subscripts[k] = poly_index(body->context, order[k]);
    *access = (struct ir_access){.node = node, .subscripts = subscripts};
    return true;
}

static bool access_operands(struct statement *statement, uint32_t n_factors, const struct ir_expr *const *factors,
                            struct ir_access *accesses)
{
    for (uint32_t k = 0; k < n_factors; k++)
        if (!factor_access(statement, factors[k], &accesses[k]))
            return false;
    return true;
}

const struct ir_expr *lower_contract(struct statement *statement, enum ir_ring ring, const struct index_set *summed,
                                     uint32_t n_factors, const struct ir_expr *const *factors)
{
    struct body *body = statement->body;
    struct ir_access *accesses = ARENA_ARRAY(body->arena, n_factors, struct ir_access);
    struct renumbering *renumbering = ARENA_NEW(body->arena, struct renumbering);
    uint32_t order[FRONTEND_INDICES];
    if (!accesses || !renumbering || !access_operands(statement, n_factors, factors, accesses))
        return NULL;
    struct index_set indices = {{0}};
    for (uint32_t k = 0; k < n_factors; k++)
        add_indices(statement, factors[k], &indices);
    indices = index_set_minus(&indices, summed);
    uint32_t rank = list_indices(statement, &indices, order);
    uint32_t n_indices = rank + list_indices(statement, summed, order + rank);
    renumber(renumbering, statement, n_indices, order);
    for (uint32_t k = 0; k < n_factors; k++)
        accesses[k] = renumbered_access(renumbering, accesses[k]);
    enum ir_elem elem = factors[0]->elem;
    struct ir_contract contract = {.ring = ring,
                                   .elem = elem,
                                   .accumulator = ir_elem_accumulator(elem),
                                   .rank = rank,
                                   .n_indices = n_indices,
                                   .extents = renumbering->extents,
                                   .n_operands = n_factors,
                                   .operands = accesses,
                                   .named = statement->has_operator};
    const struct ir_node *node = ir_contract(body->context, &contract);
    remember_names(statement, node, n_indices, order);
    const struct poly **subscripts = ARENA_ARRAY(body->arena, rank, const struct poly *);
    if (!node || !subscripts)
        return NULL;
    for (uint32_t k = 0; k < rank; k++)
        subscripts[k] = poly_index(body->context, order[k]);
    return lower_operand(statement, (struct ir_access){.node = node, .subscripts = subscripts});
}
