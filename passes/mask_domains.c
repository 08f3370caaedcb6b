/* Masks in sums become domains, so that loops run over the places that count instead of testing each.
 *
 * An operand of a contraction that is `where(p >= 0, value, zero)`, p affine in the indices and zero the ring's, is the value with
 * the condition in the contraction's domain: as the whole term at once, as one factor of several because zero takes the product
 * away (where no other factor is infinite or nan, so not in class `exact`). An operand that is one element or another, `where(i >=
 * j, A[i,j], A[j,i])`, makes two contractions, one over either side, which the ring's addition joins; so of a symmetric matrix each
 * half of the sum reads one triangle, that below the diagonal.
 *
 * Runs after `order`: a condition ties its indices to the root of a contraction, and would keep an order from being found. */
#include "contraction.h"
#include "passes.h"

enum einc_status pass_mask_domains(struct pass_kernel *kernel);

/* Conditions an operand may bring, and operands of two sides that a contraction is cut along: each doubles the contractions. */
enum { MOST_CONDITIONS = 8, MOST_CUTS = 2 };

struct masking {
    struct ir_context *context;
    struct ir_kernel *kernel;
};

/* `p >= 0` for each of the polys; all together. */
struct conditions {
    const struct poly *polys[MOST_CONDITIONS];
    uint32_t n;
};

/* ---- what a mask says ---- */

static bool add_condition(struct ir_context *context, struct conditions *conditions, const struct poly *more,
                          const struct poly *less, int64_t by)
{
    const struct poly *difference = poly_subtract(context, poly_subtract(context, more, less), poly_constant(context, by));
    if (!difference || conditions->n == MOST_CONDITIONS)
        return false;
    conditions->polys[conditions->n++] = difference;
    return true;
}

/* Adds what holds where the comparison does, or where it does not. */
static bool read_comparison(struct ir_context *context, const struct ir_expr *expr, bool holds, struct conditions *conditions)
{
    const struct poly *a = contraction_compared(context, expr->arguments[0]),
                      *b = contraction_compared(context, expr->arguments[1]);
    if (!a || !b)
        return false;
    switch (expr->op) {
    case IR_EXPR_le:
        return holds ? add_condition(context, conditions, b, a, 0) : add_condition(context, conditions, a, b, 1);
    case IR_EXPR_lt:
        return holds ? add_condition(context, conditions, b, a, 1) : add_condition(context, conditions, a, b, 0);
    case IR_EXPR_ge:
        return holds ? add_condition(context, conditions, a, b, 0) : add_condition(context, conditions, b, a, 1);
    case IR_EXPR_gt:
        return holds ? add_condition(context, conditions, a, b, 1) : add_condition(context, conditions, b, a, 0);
    case IR_EXPR_eq:
        return holds && add_condition(context, conditions, a, b, 0) && add_condition(context, conditions, b, a, 0);
    default:
        return false;
    }
}

static bool read_mask(struct ir_context *context, const struct ir_expr *expr, bool holds, struct conditions *conditions)
{
    if (expr->op == IR_EXPR_not)
        return read_mask(context, expr->arguments[0], !holds, conditions);
    if ((expr->op == IR_EXPR_and && holds) || (expr->op == IR_EXPR_or && !holds))
        return read_mask(context, expr->arguments[0], holds, conditions) &&
               read_mask(context, expr->arguments[1], holds, conditions);
    return expr->n_arguments == 2 && read_comparison(context, expr, holds, conditions);
}

static bool is_affine(struct ir_context *context, const struct poly *poly)
{
    for (uint32_t k = 0; k < poly_index_limit(poly); k++) {
        const struct poly *coefficient;
        if (!poly_split_index(context, poly, k, &coefficient, NULL) || !poly_is_constant(coefficient, NULL))
            return false;
    }
    return true;
}

/* The conditions over the indices of the contraction that reads the map; those that always hold go. */
static bool move_conditions(struct ir_context *context, const struct ir_node *node, const struct ir_access *access,
                            struct conditions *conditions)
{
    struct poly_ranges ranges = ir_ranges(node);
    uint32_t kept = 0;
    for (uint32_t k = 0; k < conditions->n; k++) {
        const struct poly *moved = poly_substitute(context, conditions->polys[k], access->node->rank, access->subscripts, &ranges);
        if (!moved || !is_affine(context, moved))
            return false;
        if (!poly_prove_nonnegative(context, moved, &ranges))
            conditions->polys[kept++] = moved;
    }
    conditions->n = kept;
    return true;
}

/* ---- contractions ---- */

static const struct ir_expr *select_of(const struct ir_access *access)
{
    const struct ir_node *map = access->node;
    return !access->fill && map->op == IR_map_node && map->body->op == IR_EXPR_select ? map->body : NULL;
}

/* The contraction with another expression for operand `k`, and under more conditions. */
static const struct ir_node *restricted(struct masking *masking, const struct ir_node *node, uint32_t k, const struct ir_expr *body,
                                        const struct conditions *more)
{
    struct ir_context *context = masking->context;
    const struct ir_node *map = node->operands[k].node;
    struct ir_access *operands = arena_copy(ir_arena(context), node->operands, node->n_operands, sizeof *operands);
    uint32_t n = node->contract.n_domain;
    const struct poly **domain = ARENA_ARRAY(ir_arena(context), (size_t)n + more->n, const struct poly *);
    if (!operands || !domain)
        return NULL;
    for (uint32_t c = 0; c < n + more->n; c++)
        domain[c] = c < n ? node->contract.domain[c] : more->polys[c - n];
    bool turned = body->op == IR_EXPR_operand && operands[k].conjugate && map->operands[body->operand].fill;
    if (body->op == IR_EXPR_operand && !turned) { /* a fill value would not be conjugated */
        struct poly_ranges ranges = ir_ranges(node);
        bool conjugate = operands[k].conjugate != map->operands[body->operand].conjugate;
        operands[k] = ir_access_substitute(context, map->operands[body->operand], map->rank, operands[k].subscripts, &ranges);
        operands[k].conjugate = conjugate;
    } else {
        operands[k].node = ir_map(context, map->rank, map->shape, map->n_operands, map->operands, body);
    }
    return ir_contract(context, &(struct ir_contract){node->contract.ring, node->elem, node->contract.accumulator, node->rank,
                                                      node->n_indices, node->extents, node->n_operands, operands, n + more->n,
                                                      domain, 0, NULL, false, node->contract.named});
}

static void name_part(struct masking *masking, const struct ir_node *part, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(masking->kernel, node);
    if (part && name)
        ir_set_name(masking->context, masking->kernel, part, NULL, name->index_names, name->span);
}

/* Does adding in another order, or leaving out a product with zero, change bits that class `exact` keeps? */
static bool may_regroup(const struct masking *masking, const struct ir_node *node)
{
    enum ir_expr_op add = ir_ring_info(node->contract.ring)->add;
    bool rounds = (ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem)) && (add == IR_EXPR_add || add == IR_EXPR_mul);
    return !rounds || masking->kernel->numeric_class != IR_CLASS_EXACT;
}

static bool is_zero(const struct ir_node *node, const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_literal && ir_number_equal(expr->literal, ir_ring_zero(node->contract.ring, node->elem));
}

/* An operand that is zero on one side of its mask; NULL: operand k is none. */
static const struct ir_node *without_mask(struct masking *masking, const struct ir_node *node, uint32_t k)
{
    const struct ir_expr *choice = select_of(&node->operands[k]);
    struct conditions conditions = {.n = 0};
    bool whole = node->n_operands == 1;
    if (!choice || (!whole && (!contraction_zero_absorbs(node) || masking->kernel->numeric_class == IR_CLASS_EXACT)))
        return NULL;
    bool zero_else = is_zero(node, choice->arguments[2]);
    if ((!zero_else && !is_zero(node, choice->arguments[1])) ||
        !read_mask(masking->context, choice->arguments[0], zero_else, &conditions) ||
        !move_conditions(masking->context, node, &node->operands[k], &conditions))
        return NULL;
    return restricted(masking, node, k, choice->arguments[zero_else ? 1 : 2], &conditions);
}

/* Is operand k one element or another, by a single condition? Two sums would be rounded twice where a sum is wider than what it is
 * stored as. */
static bool has_two_sides(struct masking *masking, const struct ir_node *node, uint32_t k, struct conditions *then,
                          struct conditions *otherwise)
{
    const struct ir_expr *choice = select_of(&node->operands[k]);
    *then = *otherwise = (struct conditions){.n = 0};
    return choice && node->elem == node->contract.accumulator && choice->arguments[1]->op == IR_EXPR_operand &&
           choice->arguments[2]->op == IR_EXPR_operand && read_mask(masking->context, choice->arguments[0], true, then) &&
           then->n == 1 && read_mask(masking->context, choice->arguments[0], false, otherwise) && otherwise->n == 1 &&
           move_conditions(masking->context, node, &node->operands[k], then) &&
           move_conditions(masking->context, node, &node->operands[k], otherwise);
}

static const struct ir_node *unmask(struct masking *masking, const struct ir_node *node, int cuts);

/* The contraction cut along the mask of operand k. Where one side is everything the other is nothing. */
static const struct ir_node *cut(struct masking *masking, const struct ir_node *node, uint32_t k, const struct conditions *then,
                                 const struct conditions *otherwise, int cuts)
{
    struct ir_context *context = masking->context;
    const struct ir_expr *choice = select_of(&node->operands[k]);
    if (then->n == 0)
        return unmask(masking, restricted(masking, node, k, choice->arguments[1], then), cuts);
    if (otherwise->n == 0)
        return unmask(masking, restricted(masking, node, k, choice->arguments[2], otherwise), cuts);
    const struct ir_node *parts[2] = {restricted(masking, node, k, choice->arguments[1], then),
                                      restricted(masking, node, k, choice->arguments[2], otherwise)};
    struct ir_access whole[2];
    const struct ir_expr *both[2];
    for (uint32_t p = 0; p < 2; p++) {
        name_part(masking, parts[p], node);
        if (!(parts[p] = unmask(masking, parts[p], cuts - 1)))
            return NULL;
        whole[p] = ir_access_whole(context, parts[p]);
        both[p] = ir_expr_operand(context, p, node->elem);
    }
    const struct ir_expr *sum = ir_expr_apply(context, ir_ring_info(node->contract.ring)->add, 2, both);
    return ir_map(context, node->rank, node->shape, 2, whole, sum);
}

/* The node without the masks that can go; NULL: no memory. */
static const struct ir_node *unmask(struct masking *masking, const struct ir_node *node, int cuts)
{
    if (!node || node->op != IR_contract_node || node->contract.n_sliced || node->n_indices == node->rank)
        return node;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_node *bare = without_mask(masking, node, k);
        if (bare) {
            name_part(masking, bare, node);
            return unmask(masking, bare, cuts);
        }
        if (arena_failed(ir_arena(masking->context)))
            return NULL;
    }
    for (uint32_t k = 0; k < node->n_operands && cuts > 0 && may_regroup(masking, node); k++) {
        struct conditions then, otherwise;
        if (has_two_sides(masking, node, k, &then, &otherwise))
            return cut(masking, node, k, &then, &otherwise, cuts);
    }
    return node;
}

static const struct ir_node *unmask_node(void *user, struct ir_context *context, const struct ir_node *node)
{
    (void)context;
    return unmask(user, node, MOST_CUTS);
}

enum einc_status pass_mask_domains(struct pass_kernel *kernel)
{
    struct masking masking = {kernel->context, kernel->kernel};
    (void)ir_rewrite(kernel->context, kernel->kernel, unmask_node, &masking);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
