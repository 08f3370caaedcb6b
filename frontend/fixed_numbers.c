/* How large a sum of products is by the numbers of its constants: the largest of the sums of magnitudes over what is summed, times
 * what the other factors can be at most. A matrix whose rows are short in the 1-norm, as filters' and transforms' are, then needs
 * fewer bits than its type and the number of its columns say.
 *
 * Only the result has to be within the bound: on the way sums and products of integers wrap, and come back. */
#include <math.h>
#include "fixed_point.h"

enum { MOST_POINTS = 1 << 22, MOST_CONSTANTS = 8 };

struct numbers {
    struct statement *statement;
    const struct formula *constants[MOST_CONSTANTS];
    uint32_t n_constants;
    struct index_set summed, inside; /* inside: indices of the constants */
    double others;                   /* the product of what other factors are at most */
};

static bool is_constant(const struct formula *formula)
{
    return formula->kind == FORMULA_ACCESS && formula->node && formula->node->op == IR_const_node && !formula->fill &&
           !formula->padded && formula->node->constant->data && ir_elem_is_integer(formula->node->elem) && formula->polys;
}

/* Sorts the factors; false: one has no range. */
static bool collect(struct numbers *numbers, const struct formula *formula)
{
    struct fixed_range range;
    switch (formula->kind) {
    case FORMULA_NUMBER:
        return true; /* all step */
    case FORMULA_NEGATE:
    case FORMULA_OPERATOR:
    case FORMULA_DIVIDE:
        return collect(numbers, formula->arguments[0]);
    case FORMULA_MULTIPLY:
        return collect(numbers, formula->arguments[0]) && collect(numbers, formula->arguments[1]);
    case FORMULA_REDUCE:
        numbers->summed = index_set_union(&numbers->summed, &formula->bound);
        return formula->reduction == AST_SUM && collect(numbers, formula->arguments[0]);
    default:
        break;
    }
    if (is_constant(formula) && numbers->n_constants < MOST_CONSTANTS) {
        numbers->inside = index_set_union(&numbers->inside, &formula->free);
        numbers->constants[numbers->n_constants++] = formula;
        return true;
    }
    if (!fixed_measure(numbers->statement, formula, &range))
        return false;
    numbers->others *= (double)(range.high > -range.low ? range.high : -range.low);
    return true;
}

/* The magnitude of the constants' product at the point; infinite where one is read outside. */
static double magnitude_at(const struct numbers *numbers, const int64_t *point)
{
    double product = 1;
    for (uint32_t k = 0; k < numbers->n_constants; k++) {
        const struct ir_node *node = numbers->constants[k]->node;
        int64_t at = 0, extent, subscript;
        for (uint32_t axis = 0; axis < node->rank; axis++) {
            if (!poly_is_constant(node->shape[axis], &extent) ||
                !poly_evaluate(numbers->constants[k]->polys[axis], NULL, point, &subscript) || subscript < 0 || subscript >= extent)
                return INFINITY;
            at = at * extent + subscript;
        }
        product *= fabs((double)ir_number_load(node->elem, node->constant->data, (size_t)at).i);
    }
    return product;
}

/* The largest sum of magnitudes; infinite where that is not known. */
static double largest_sum(struct numbers *numbers)
{
    struct statement *statement = numbers->statement;
    int64_t *extents = ARENA_ARRAY(statement->body->arena, statement->n_indices, int64_t), points = 1, rows = 1;
    int64_t *point = ARENA_ARRAY(statement->body->arena, statement->n_indices, int64_t);
    for (uint32_t k = 0; extents && k < statement->n_indices; k++) {
        bool inside = index_set_has(&numbers->inside, k), summed = index_set_has(&numbers->summed, k);
        extents[k] = 1;
        if (!inside && !summed)
            continue;
        if (!poly_is_constant(statement->extents[k], &extents[k]))
            return INFINITY;
        if (!inside) { /* the same for each */
            numbers->others *= (double)extents[k];
            extents[k] = 1;
            continue;
        }
        if (extents[k] < 1 || !checked_multiply(points, extents[k], &points) || points > MOST_POINTS)
            return INFINITY;
        rows *= summed ? 1 : extents[k];
    }
    double *sums = ARENA_ARRAY(statement->body->arena, (size_t)rows, double), largest = 0;
    if (!sums || !point || !extents)
        return INFINITY;
    for (int64_t n = 0; n < points; n++) {
        int64_t rest = n, row = 0;
        for (uint32_t k = statement->n_indices; k-- > 0; rest /= extents[k])
            point[k] = rest % extents[k];
        for (uint32_t k = 0; k < statement->n_indices; k++)
            row = index_set_has(&numbers->summed, k) ? row : row * extents[k] + point[k];
        sums[row] += magnitude_at(numbers, point);
        largest = fmax(largest, sums[row]);
    }
    return largest;
}

void fixed_bound_by_numbers(struct statement *statement, const struct formula *formula, struct fixed_range *range)
{
    struct numbers numbers = {.statement = statement, .others = 1};
    numbers.summed = index_set_minus(&formula->free, &statement->left);
    if (!collect(&numbers, formula) || numbers.n_constants == 0)
        return;
    double bound = largest_sum(&numbers);
    bound *= numbers.others;
    if (!(bound < (double)range->most) || bound > 0x1p53)
        return;
    range->most = (int64_t)bound;
    range->low = range->low > -range->most ? range->low : -range->most;
    range->high = range->high < range->most ? range->high : range->most;
}
