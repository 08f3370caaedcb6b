/* Real transforms: `rdft` takes real numbers, of what `irdft` is multiplied with the real part is meant.
 *
 * The real part is no linear function of complex numbers, so `irdft` stands outermost: nothing complex is multiplied with its rows.
 * y[j] = irdft(n)[j,k] * X[k] is then the real part of the whole product, and its type that of a real. */
#include "operator_read.h"

static bool report(const struct reading *reading, struct span span, const char *what)
{
    struct diagnostics *diagnostics = reading->statement->body->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0254, span, "%s", what);
    diag_help(diagnostics, diag, "`dft(n)` and `idft(n)` have no such limits");
    return operator_failed(reading), false;
}

static bool is_complex(struct value_type type)
{
    return type.weakness ? type.weakness == WEAK_A_COMPLEX : ir_elem_is_complex(type.elem);
}

/* ---- in operators ---- */

static bool set_product(const struct reading *reading, struct operator_node *operator_)
{
    const struct operator_node *left = operator_->parts[0], *right = operator_->parts[1];
    operator_->gives_real = left->gives_real;
    operator_->takes_real = right->takes_real;
    if (right->gives_real)
        return report(reading, right->span, "`irdft` gives the real part of a sum: it is only the outermost factor of a product");
    if (left->takes_real && is_complex(right->type))
        return report(reading, right->span, "`rdft` takes real numbers, this is complex");
    return true;
}

static bool set_sum(const struct reading *reading, struct operator_node *operator_)
{
    for (uint32_t k = 0; k < operator_->n_parts; k++) {
        const struct operator_node *part = operator_->parts[k];
        operator_->gives_real |= part->gives_real;
        operator_->takes_real |= part->takes_real;
    }
    for (uint32_t k = 0; operator_->gives_real && k < operator_->n_parts; k++)
        if (!operator_->parts[k]->gives_real && is_complex(operator_->parts[k]->type))
            return report(reading, operator_->parts[k]->span, "`irdft` is real, this that is added to it is complex");
    return true;
}

bool operator_set_real(const struct reading *reading, struct operator_node *operator_)
{
    switch (operator_->kind) {
    case OPERATOR_rdft:
        operator_->takes_real = true;
        return true;
    case OPERATOR_irdft:
        operator_->gives_real = true;
        return true;
    case OPERATOR_PRODUCT:
        return set_product(reading, operator_);
    case OPERATOR_SUM:
    case OPERATOR_DIFFERENCE:
    case OPERATOR_NEGATIVE:
        return set_sum(reading, operator_);
    case OPERATOR_MULTIPLE:
        if (operator_->parts[0]->gives_real && is_complex(operator_->number->type))
            return report(reading, operator_->number->span, "`irdft` is real, and multiplied by real numbers only");
        return set_sum(reading, operator_);
    default:
        break;
    }
    for (uint32_t k = 0; k < operator_->n_parts; k++)
        if (operator_->parts[k]->gives_real)
            return report(reading, operator_->parts[k]->span,
                          "`irdft` gives the real part of a sum: it is not transposed, and no part of another operator");
    return true;
}

/* ---- in formulas ---- */

struct formula *operators_real_part(struct statement *statement, struct formula *product)
{
    struct formula *real = formula_create(statement, FORMULA_APPLY, product->span);
    if (!real)
        return NULL;
    real->op = IR_EXPR_real;
    real->type = product->type.weakness ? (struct value_type){WEAK_A_REAL, IR_f64, NULL}
                                        : (struct value_type){TYPED, ir_elem_real(product->type.elem), NULL};
    real->free = product->free;
    real->n_arguments = 1;
    real->arguments[0] = product;
    return real;
}

static bool is_summed_product(const struct formula *formula)
{
    return formula_is_product(formula) || (formula->kind == FORMULA_REDUCE && formula->reduction == AST_SUM);
}

/* Factors, and what sums among them bind. */
struct factors {
    const struct formula **list;
    uint32_t count;
    struct index_set bound;
};

static uint32_t count_factors(const struct formula *formula)
{
    if (!is_summed_product(formula))
        return 1;
    return count_factors(formula->arguments[0]) + (formula->kind == FORMULA_MULTIPLY ? count_factors(formula->arguments[1]) : 0);
}

static void collect(const struct formula *formula, struct factors *factors)
{
    if (!is_summed_product(formula)) {
        factors->list[factors->count++] = formula;
        return;
    }
    if (formula->kind == FORMULA_REDUCE)
        factors->bound = index_set_union(&factors->bound, &formula->bound);
    collect(formula->arguments[0], factors);
    if (formula->kind == FORMULA_MULTIPLY)
        collect(formula->arguments[1], factors);
}

static bool shares_index(const struct statement *statement, const struct poly *poly, const struct formula *factor)
{
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (poly_uses_index(poly, k) && index_set_has(&factor->free, k))
            return true;
    return false;
}

/* Is a sum in the product over an index of it? */
static bool is_summed(const struct statement *statement, const struct factors *factors, const struct poly *poly)
{
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (poly_uses_index(poly, k) && !index_set_has(&statement->left, k) &&
            (!statement->indices[k].bound || index_set_has(&factors->bound, k)))
            return true;
    return false;
}

/* A sum over the rows alone is the transpose, of which it would not be known where the real part is taken; where columns take reals
 * the whole is a real matrix. */
static bool check_side(const struct reading *reading, const struct factors *factors, const struct formula *transform)
{
    if (!transform->operator_->gives_real || transform->operator_->takes_real ||
        !is_summed(reading->statement, factors, transform->polys[0]) || is_summed(reading->statement, factors, transform->polys[1]))
        return true;
    return report(reading, transform->span, "`irdft` is not transposed, and this sums over its rows alone");
}

/* What one factor is to another that is a real transform. */
static bool check_pair(const struct reading *reading, const struct formula *transform, const struct formula *other)
{
    const struct operator_node *operator_ = transform->operator_;
    if (other->kind == FORMULA_OPERATOR && other->operator_->gives_real && operator_->gives_real)
        return report(reading, other->span, "of one product, one real part is taken: `irdft` stands in it twice");
    if (!is_complex(other->type) || (other->kind == FORMULA_OPERATOR && other->operator_->gives_real))
        return true;
    if (operator_->gives_real && shares_index(reading->statement, transform->polys[0], other))
        return report(reading, other->span,
                      "`irdft` is the outermost factor and not transposed: this is complex, and has an index of its rows");
    if (operator_->takes_real && shares_index(reading->statement, transform->polys[1], other))
        return report(reading, other->span, "`rdft` takes real numbers, this is complex");
    return true;
}

static bool check_factor(const struct reading *reading, const struct factors *factors, const struct formula *factor)
{
    bool real = factor->kind == FORMULA_OPERATOR && factor->operator_ && factor->polys &&
                (factor->operator_->gives_real || factor->operator_->takes_real);
    if (!real)
        return true;
    for (uint32_t k = 0; k < factors->count; k++)
        if (factors->list[k] != factor && !check_pair(reading, factor, factors->list[k]))
            return false;
    return check_side(reading, factors, factor);
}

static bool check_arguments(struct statement *statement, const struct formula *formula)
{
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!operators_check_real(statement, formula->arguments[k]))
            return false;
    return true;
}

bool operators_check_real(struct statement *statement, const struct formula *formula)
{
    struct reading reading = {.statement = statement};
    if (!is_summed_product(formula) && formula->kind != FORMULA_OPERATOR)
        return check_arguments(statement, formula);
    /* in the arena: formulas nest deeply, and stacks are short */
    struct factors factors = {.list = ARENA_ARRAY(statement->body->arena, count_factors(formula), const struct formula *)};
    if (!factors.list)
        return false;
    collect(formula, &factors);
    for (uint32_t k = 0; k < factors.count; k++)
        if (!check_factor(&reading, &factors, factors.list[k]))
            return false;
    for (uint32_t k = 0; k < factors.count; k++)
        if (!check_arguments(statement, factors.list[k]))
            return false;
    return true;
}
