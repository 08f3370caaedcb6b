/* The number an operator is multiplied by: a scalar of its own statement, whatever indices stand where the operator is used. */
#include "operator_inverse.h"

static struct formula *report_indices(const struct reading *reading, const struct ast_expr *expr)
{
    struct diagnostics *diagnostics = reading->statement->body->diagnostics;
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0252, expr->span, "an operator is multiplied by a number, and this has indices");
    diag_help(diagnostics, diag, "multiply the entry, as in `s[n] * K[i,j]`, or say the sum that is meant: `sum[n](s[n]) * K`");
    return operator_failed(reading);
}

/* The value as an access to a node without axes. */
static struct formula *lower(const struct reading *reading, struct statement *own, struct formula *formula)
{
    struct value_type type = formula->type;
    struct formula *number = formula_create(reading->statement, FORMULA_ACCESS, formula->span);
    if (!number || !indices_complete(own))
        return NULL;
    for (size_t k = 0; k < own->n_accesses; k++)
        if (!subscripts_resolve(own, own->accesses[k]))
            return NULL;
    formula = operators_expand(own, formula, type.elem);
    const struct ir_expr *value = formula ? lower_convert(own, summation(own, formula), type.elem) : NULL;
    number->node = value && !own->failed ? lower_node(own, value, 0, NULL) : NULL;
    number->tensor_name = "";
    number->type = type;
    return number->node ? number : NULL;
}

struct formula *operator_number(const struct reading *reading, const struct ast_expr *expr)
{
    struct statement own;
    if (!operator_open_statement(reading, expr->span, 0, NULL, &own))
        return NULL;
    own.depth = reading->statement->depth + expr->depth;
    struct formula *formula = formula_build(&own, expr, NULL);
    if (!formula)
        return operator_failed(reading);
    if (!index_set_is_empty(&formula->free))
        return report_indices(reading, expr);
    if (formula->kind == FORMULA_NUMBER)
        return formula;
    struct formula *number = lower(reading, &own, formula);
    return number ? number : operator_failed(reading);
}
