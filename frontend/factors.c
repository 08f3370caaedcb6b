/* What a product is a product of: nested products are one, a divisor is a factor, operators are what their entries are. */
#include "factors.h"

static void add_factor(struct product *product, const struct formula *formula, bool divides)
{
    product->divides = product->divides || divides;
    struct product_factor entry = {formula, divides};
    if (product->n_factors == FRONTEND_OPERANDS)
        product->too_long = true;
    else
        (void)ARENA_PUSH(product->arena, product->factors, product->n_factors, product->capacity, entry);
}

/* Is there something to tabulate: a tensor, a function, a reduction? */
static bool computes(const struct formula *formula)
{
    if (formula->kind == FORMULA_ACCESS || formula->kind == FORMULA_APPLY || formula->kind == FORMULA_REDUCE ||
        formula->kind == FORMULA_PAD || formula->kind == FORMULA_OPERATOR)
        return true;
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (computes(formula->arguments[k]))
            return true;
    return false;
}

/* Has a weak product two sides, each with an index that the other lacks, as `D[k,m] * D[l,n]`? They are operands of their own then,
 * each cast where it meets the type: one table of their product would have the indices of both. */
static bool separates(const struct formula *formula)
{
    if (!formula_is_product(formula))
        return false;
    const struct formula *a = formula->arguments[0], *b = formula->arguments[1];
    if (separates(a) || (formula->kind == FORMULA_MULTIPLY && separates(b)))
        return true;
    return formula->kind == FORMULA_MULTIPLY && computes(a) && computes(b) && !formula_stays_whole(a, &b->free) &&
           !formula_stays_whole(b, &a->free);
}

/* What an operator's entry is a product of. A sum in it is over an index that stands nowhere else, so it may be over all factors.
 */
static void collect_entry(struct product *product, const struct formula *formula)
{
    if (formula->kind == FORMULA_OPERATOR)
        collect_entry(product, formula->arguments[0]);
    else if (formula->kind == FORMULA_REDUCE && formula->reduction == AST_SUM) {
        product->hoisted = index_set_union(&product->hoisted, &formula->bound);
        collect_entry(product, formula->arguments[0]);
    } else if (formula->kind == FORMULA_MULTIPLY) {
        collect_entry(product, formula->arguments[0]);
        collect_entry(product, formula->arguments[1]);
    } else if (formula->kind == FORMULA_NEGATE) {
        product->negative = !product->negative;
        collect_entry(product, formula->arguments[0]);
    } else if (formula->kind == FORMULA_DIVIDE) {
        collect_entry(product, formula->arguments[0]);
        add_factor(product, formula->arguments[1], true);
    } else {
        add_factor(product, formula, false);
    }
}

/* A weak product inside a typed one stays together, for it is evaluated in double before it meets the type. */
void factors_collect(struct product *product, const struct formula *formula, bool together)
{
    if (formula->kind == FORMULA_OPERATOR && !together) {
        collect_entry(product, formula->arguments[0]);
        return;
    }
    if (!formula_is_product(formula) || (together && formula->type.weakness) ||
        (formula->type.weakness && product->typed && !separates(formula))) {
        add_factor(product, formula, false);
        return;
    }
    if (formula->kind == FORMULA_NEGATE)
        product->negative = !product->negative;
    factors_collect(product, formula->arguments[0], together);
    if (formula->kind == FORMULA_MULTIPLY)
        factors_collect(product, formula->arguments[1], together);
    else if (formula->kind == FORMULA_DIVIDE)
        add_factor(product, formula->arguments[1], true);
}

void factors_count_indices(const struct formula *formula, struct index_set *once, struct index_set *twice)
{
    if (formula_is_product(formula)) {
        factors_count_indices(formula->arguments[0], once, twice);
        if (formula->kind == FORMULA_MULTIPLY)
            factors_count_indices(formula->arguments[1], once, twice);
        if (formula->kind != FORMULA_DIVIDE)
            return;
        formula = formula->arguments[1];
    }
    struct index_set again = index_set_intersection(once, &formula->free);
    *twice = index_set_union(twice, &again);
    *once = index_set_union(once, &formula->free);
}

bool factors_multiply_in(enum ast_op reduction, const struct formula *formula)
{
    if (reduction == AST_MAX || reduction == AST_MIN)
        return formula->kind == FORMULA_ADD;
    enum ir_expr_op op = reduction == AST_ANY ? IR_EXPR_and : IR_EXPR_or;
    return (reduction == AST_ANY || reduction == AST_ALL) && formula->kind == FORMULA_APPLY && formula->op == op;
}

void factors_collect_ring(enum ast_op reduction, const struct formula *formula, struct product *product)
{
    if (!factors_multiply_in(reduction, formula)) {
        add_factor(product, formula, false);
        return;
    }
    factors_collect_ring(reduction, formula->arguments[0], product);
    factors_collect_ring(reduction, formula->arguments[1], product);
}
