/* Sums of two contractions that differ in a formula alone are one, of the sum of both formulas.
 *
 * cos(a) * x[l] + sin(a) * x[l] in one statement is two sums over l, each a transform. Where both formulas together are one wave,
 * the real part of a multiple of a root of unity (Hartley's transform, a shifted cosine), it is one. */
#include "recognise.h"
#include "structure.h"

/* A number times an operand of the map. */
struct recognised_term {
    uint32_t operand;
    double factor;
};

static bool read_term(const struct ir_expr *expr, double factor, struct recognised_term *term)
{
    const struct ir_expr *by = expr->n_arguments == 2 ? expr->arguments[0] : NULL, *of = by ? expr->arguments[1] : NULL;
    if (expr->op == IR_EXPR_operand) {
        *term = (struct recognised_term){expr->operand, factor};
        return true;
    }
    if (expr->op == IR_EXPR_neg)
        return expr->arguments[0]->op == IR_EXPR_operand && read_term(expr->arguments[0], -factor, term);
    if (expr->op == IR_EXPR_mul && of->op == IR_EXPR_literal) {
        of = expr->arguments[0];
        by = expr->arguments[1];
    }
    return expr->op == IR_EXPR_mul && by->op == IR_EXPR_literal && ir_elem_is_float(by->elem) && of->op == IR_EXPR_operand &&
           read_term(of, factor * by->literal.re, term);
}

/* The contraction that an operand reads whole; NULL: it reads something else. */
static const struct ir_node *sum_of(const struct ir_node *map, uint32_t operand)
{
    const struct ir_access *access = &map->operands[operand];
    const struct ir_node *node = access->node;
    uint32_t index;
    if (node->op != IR_contract_node || node->contract.ring != IR_RING_plustimes || node->contract.n_domain || access->fill ||
        access->conjugate || node->rank != map->rank || node->elem != map->elem)
        return NULL;
    for (uint32_t axis = 0; axis < map->rank; axis++)
        if (!poly_is_index(access->subscripts[axis], &index) || index != axis || node->shape[axis] != map->shape[axis])
            return NULL;
    return node;
}

static bool reads_alike(const struct ir_access *a, const struct ir_access *b)
{
    bool alike = a->node->rank == b->node->rank && a->conjugate == b->conjugate && !a->fill && !b->fill;
    for (uint32_t axis = 0; alike && axis < a->node->rank; axis++)
        alike = a->subscripts[axis] == b->subscripts[axis];
    return alike;
}

/* Where an operand that reads the same node alike stands; `n_operands`: nowhere. */
static uint32_t place_in(const struct ir_node *node, const struct ir_access *access, const bool *taken)
{
    uint32_t k = 0;
    while (k < node->n_operands && (taken[k] || node->operands[k].node != access->node || !reads_alike(&node->operands[k], access)))
        k++;
    return k;
}

/* Finds the one operand of each in which they differ, a formula in both, read alike. False: they differ otherwise, too. */
static bool find_difference(const struct recognising *recognising, const struct ir_node *a, const struct ir_node *b, uint32_t *of_a,
                            uint32_t *of_b)
{
    bool *taken = ARENA_ARRAY(ir_arena(recognising->context), b->n_operands, bool);
    uint32_t alone = 0;
    if (!taken || a->n_indices != b->n_indices || a->n_operands != b->n_operands ||
        a->contract.accumulator != b->contract.accumulator)
        return false;
    for (uint32_t index = 0; index < a->n_indices; index++)
        if (a->extents[index] != b->extents[index])
            return false;
    for (uint32_t k = 0; k < a->n_operands; k++) {
        uint32_t place = place_in(b, &a->operands[k], taken);
        if (place < b->n_operands) {
            taken[place] = true;
            continue;
        }
        *of_a = k;
        alone++;
    }
    for (*of_b = 0; *of_b < b->n_operands && taken[*of_b];)
        (*of_b)++;
    if (alone != 1)
        return false;
    const struct ir_access *left = &a->operands[*of_a], *right = &b->operands[*of_b];
    bool alike = recognise_is_found(recognising->pass, left->node) && recognise_is_found(recognising->pass, right->node) &&
                 reads_alike(left, right);
    for (uint32_t axis = 0; alike && axis < left->node->rank; axis++)
        alike = left->node->shape[axis] == right->node->shape[axis];
    return alike;
}

static const struct ir_expr *multiple(struct ir_context *context, const struct ir_expr *body, double factor)
{
    const struct ir_expr *sides[2] = {ir_expr_literal(context, ir_number_real(body->elem, factor)), body};
    return factor == 1 ? body : ir_expr_apply(context, IR_EXPR_mul, 2, sides);
}

/* Contraction `a` with both formulas in the place of its own. */
static const struct ir_node *merged(struct ir_context *context, const struct ir_node *a, const struct ir_node *b, uint32_t o,
                                    uint32_t of_b, const double *factors)
{
    struct ir_access *operands = arena_copy(ir_arena(context), a->operands, a->n_operands, sizeof *operands);
    const struct ir_expr *sides[2] = {multiple(context, a->operands[o].node->body, factors[0]),
                                      multiple(context, b->operands[of_b].node->body, factors[1])};
    if (!operands)
        return NULL;
    operands[o].node = ir_map(context, a->operands[o].node->rank, a->operands[o].node->shape, 0, NULL,
                              ir_expr_apply(context, IR_EXPR_add, 2, sides));
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = a->elem,
                                                      .accumulator = a->contract.accumulator,
                                                      .rank = a->rank,
                                                      .n_indices = a->n_indices,
                                                      .extents = a->extents,
                                                      .n_operands = a->n_operands,
                                                      .operands = operands,
                                                      .named = a->contract.named || b->contract.named});
}

const struct ir_node *recognise_sum(struct recognising *recognising, const struct ir_node *map)
{
    struct ir_context *context = recognising->context;
    const struct ir_expr *body = map->body;
    struct recognised_term terms[2];
    double sign = body->op == IR_EXPR_sub ? -1 : 1;
    if (map->n_operands != 2 || (body->op != IR_EXPR_add && body->op != IR_EXPR_sub) || !ir_elem_is_float(map->elem) ||
        ir_elem_is_half(map->elem) || !read_term(body->arguments[0], 1, &terms[0]) ||
        !read_term(body->arguments[1], sign, &terms[1]))
        return map;
    const struct ir_node *a = sum_of(map, terms[0].operand), *b = sum_of(map, terms[1].operand);
    uint32_t o = 0, of_b = 0;
    bool differ = a && b && find_difference(recognising, a, b, &o, &of_b);
    const double factors[2] = {terms[0].factor, terms[1].factor};
    const struct ir_node *both = differ ? merged(context, a, b, o, of_b, factors) : map;
    struct structuring structuring = {.pass = recognising->pass, .context = context, .kernel = recognising->pass->kernel};
    struct structure_wave wave;
    if (!both || both == map || !structure_find_wave(&structuring, both, o, &wave))
        return arena_failed(ir_arena(context)) ? NULL : map;
    const struct ir_name *own = ir_find_name(recognising->pass->kernel, map), *inner = ir_find_name(recognising->pass->kernel, a);
    if (own || inner)
        ir_set_name(context, recognising->pass->kernel, both, NULL, inner ? inner->index_names : NULL,
                    own ? own->span : inner->span);
    return recognise_note(recognising, both->operands[o].node) ? both : NULL;
}
