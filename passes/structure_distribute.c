/* Factors that are sums: W + s U V of a low rank, A (x) I + I (x) B, taken apart so that no sum of matrices is formed.
 *
 * (W + U V) x is W x + U (V x). And the square of such a sum, as rows' norms take it, sum over j of (W + s U V)[i,j]^2 = |w_i|^2 +
 * 2 s sum of W[i,j] U[i,r] V[r,j] + s^2 sum of U[i,r] (V V^T)[r,q] U[i,q]: the first and W V^T once where W is known. Much smaller
 * rows than those of W are what is left of larger numbers, so the square is of class `normwise`; that of a factor once is as the
 * sum of its terms' sizes bounds it (`reassoc`). */
#include "contraction.h"
#include "structure.h"

enum { MOST_TERMS = 4, MOST_FACTORS = 6, DEEPEST_SUM = 32 };

struct term {
    double sign;
    uint32_t count;
    struct ir_access factors[MOST_FACTORS]; /* over the contraction's indices */
};

struct sum {
    struct structuring *structuring;
    const struct ir_node *node;
    const struct ir_access *access; /* the operand, a map */
    struct term terms[MOST_TERMS];
    uint32_t count;
};

static uint32_t indices_of(const struct ir_node *node, const struct ir_access *access, uint32_t from)
{
    uint32_t count = 0;
    for (uint32_t index = from; index < node->n_indices; index++) {
        bool uses = false;
        for (uint32_t axis = 0; axis < access->node->rank; axis++)
            uses |= poly_uses_index(access->subscripts[axis], index);
        count += uses;
    }
    return count;
}

static bool add_factor(struct term *term, struct ir_access factor)
{
    if (!factor.node || term->count == MOST_FACTORS)
        return false;
    term->factors[term->count++] = factor;
    return true;
}

static bool read_product(struct sum *sum, struct term *term, const struct ir_expr *expr)
{
    struct ir_context *context = sum->structuring->context;
    const struct ir_node *map = sum->access->node;
    if (expr->op == IR_EXPR_mul)
        return read_product(sum, term, expr->arguments[0]) && read_product(sum, term, expr->arguments[1]);
    if (expr->elem != sum->node->elem)
        return false;
    if (expr->op == IR_EXPR_literal)
        return add_factor(term, ir_access_whole(context, ir_scalar(context, expr->literal)));
    if (expr->op != IR_EXPR_operand)
        return add_factor(term, contraction_map_part(context, sum->access, expr));
    if (sum->access->conjugate && map->operands[expr->operand].fill)
        return false;
    struct poly_ranges ranges = ir_ranges(sum->node);
    struct ir_access factor =
        ir_access_substitute(context, map->operands[expr->operand], map->rank, sum->access->subscripts, &ranges);
    factor.conjugate = factor.conjugate != sum->access->conjugate;
    return add_factor(term, factor);
}

static bool read_sum(struct sum *sum, const struct ir_expr *expr, double sign)
{
    if (expr->op == IR_EXPR_add || expr->op == IR_EXPR_sub)
        return read_sum(sum, expr->arguments[0], sign) && read_sum(sum, expr->arguments[1], expr->op == IR_EXPR_sub ? -sign : sign);
    if (expr->op == IR_EXPR_neg)
        return read_sum(sum, expr->arguments[0], -sign);
    if (sum->count == MOST_TERMS)
        return false;
    sum->terms[sum->count].sign = sign;
    return read_product(sum, &sum->terms[sum->count++], expr);
}

/* Is a term less than a matrix: a product that was summed, or one of factors that each have fewer indices than the whole? */
static bool has_structure(const struct sum *sum, uint32_t indices)
{
    for (uint32_t t = 0; t < sum->count; t++) {
        const struct term *term = &sum->terms[t];
        uint32_t tensors = 0;
        bool smaller = true;
        for (uint32_t k = 0; k < term->count; k++) {
            const struct ir_node *factor = term->factors[k].node;
            if (factor->op == IR_contract_node && factor->contract.ring == IR_RING_plustimes &&
                (factor->n_indices > factor->rank || factor->n_operands > 1))
                return true;
            tensors += factor->rank > 0;
            smaller = smaller && indices_of(sum->node, &term->factors[k], 0) < indices;
        }
        if (tensors > 1 && smaller)
            return true;
    }
    return false;
}

/* Operand `o` as a sum of matrices, one of which has structure. */
static bool find_sum(struct structuring *structuring, const struct ir_node *node, uint32_t o, struct sum *sum)
{
    const struct ir_access *access = &node->operands[o];
    const struct ir_node *map = access->node;
    struct poly_ranges ranges = ir_ranges(node);
    *sum = (struct sum){.structuring = structuring, .node = node, .access = access};
    uint32_t indices = indices_of(node, access, 0);
    return node->op == IR_contract_node && map->op == IR_map_node && !access->fill && map->body->depth <= DEEPEST_SUM &&
           indices > 1 && indices_of(node, access, node->rank) > 0 &&
           !ir_is_checked_access(structuring->context, access, &ranges) && read_sum(sum, map->body, 1) && sum->count > 1 &&
           has_structure(sum, indices);
}

/* Another operand that is the same; UINT32_MAX: none. */
static uint32_t twin_of(const struct ir_node *node, uint32_t o)
{
    for (uint32_t k = 0; k < node->n_operands; k++) {
        bool same = k != o && node->operands[k].node == node->operands[o].node;
        for (uint32_t axis = 0; same && axis < node->operands[o].node->rank; axis++)
            same = node->operands[k].subscripts[axis] == node->operands[o].subscripts[axis];
        if (same)
            return k;
    }
    return UINT32_MAX;
}

/* The node with terms in the places of operand `o` and, if there is one, of its twin, `times` over. */
static const struct ir_node *with_terms(const struct sum *sum, uint32_t o, const struct term *a, uint32_t twin,
                                        const struct term *b, double times)
{
    struct ir_context *context = sum->structuring->context;
    const struct ir_node *node = sum->node;
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands + 2 * MOST_FACTORS, struct ir_access);
    uint32_t count = 0;
    if (!operands)
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (k != o && k != twin)
            operands[count++] = node->operands[k];
    for (uint32_t k = 0; k < a->count; k++)
        operands[count++] = a->factors[k];
    for (uint32_t k = 0; b && k < b->count; k++)
        operands[count++] = b->factors[k];
    if (times != 1)
        operands[count++] = ir_access_whole(context, ir_scalar(context, ir_number_real(node->elem, times)));
    const struct ir_node *part = ir_contract(
        context, &(struct ir_contract){node->contract.ring, node->elem, node->contract.accumulator, node->rank, node->n_indices,
                                       node->extents, count, operands, 0, NULL, 0, NULL, false, node->contract.named});
    const struct ir_name *name = ir_find_name(sum->structuring->kernel, node);
    if (part && name)
        ir_set_name(context, sum->structuring->kernel, part, NULL, name->index_names, name->span);
    return structure_improve(sum->structuring, part);
}

/* The sum of parts, each with its sign. */
static const struct ir_node *added(struct ir_context *context, uint32_t count, const struct ir_node *const *parts,
                                   const double *signs)
{
    struct ir_access operands[MOST_TERMS * MOST_TERMS];
    const struct ir_expr *value = NULL;
    for (uint32_t k = 0; k < count; k++) {
        if (!parts[k])
            return NULL;
        operands[k] = ir_access_whole(context, parts[k]);
        const struct ir_expr *sides[2] = {value, ir_expr_operand(context, k, parts[k]->elem)};
        value = k == 0 ? (signs[0] > 0 ? sides[1] : ir_expr_apply(context, IR_EXPR_neg, 1, &sides[1]))
                       : ir_expr_apply(context, signs[k] > 0 ? IR_EXPR_add : IR_EXPR_sub, 2, sides);
    }
    return ir_map(context, parts[0]->rank, parts[0]->shape, count, operands, value);
}

const struct ir_node *structure_distribute(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct sum sum;
    const struct ir_node *parts[MOST_TERMS];
    double signs[MOST_TERMS];
    if (!find_sum(structuring, node, operand, &sum) || twin_of(node, operand) != UINT32_MAX)
        return NULL;
    for (uint32_t t = 0; t < sum.count; t++) {
        parts[t] = with_terms(&sum, operand, &sum.terms[t], UINT32_MAX, NULL, 1);
        signs[t] = sum.terms[t].sign;
    }
    return added(structuring->context, sum.count, parts, signs);
}

const struct ir_node *structure_row_norms(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct sum sum, other;
    const struct ir_node *parts[MOST_TERMS * MOST_TERMS];
    double signs[MOST_TERMS * MOST_TERMS];
    uint32_t twin = node->op == IR_contract_node ? twin_of(node, operand) : UINT32_MAX, count = 0;
    if (twin == UINT32_MAX || twin < operand || !find_sum(structuring, node, operand, &sum) ||
        !find_sum(structuring, node, twin, &other))
        return NULL;
    bool symmetric = node->operands[operand].conjugate == node->operands[twin].conjugate && !ir_elem_is_complex(node->elem);
    for (uint32_t a = 0; a < sum.count; a++)
        for (uint32_t b = symmetric ? a : 0; b < sum.count; b++) {
            signs[count] = sum.terms[a].sign * sum.terms[b].sign;
            parts[count++] = with_terms(&sum, operand, &sum.terms[a], twin, &other.terms[b], symmetric && a != b ? 2 : 1);
        }
    return added(structuring->context, count, parts, signs);
}
