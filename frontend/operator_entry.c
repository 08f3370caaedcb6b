/* One entry of an operator as a formula over its row and column, and operators in formulas.
 *
 * Each constructor is its index equation of docs/operators.md: accesses to its data at digits of the row and the column, tables of
 * one where two digits are equal (which passes resolve, so that no permutation or block structure is ever multiplied with), and
 * sums over indices of its own. Sums of operators are multiplied out over the product they stand in. */
#include "operator_entry.h"

/* ---- sums and turns ---- */

static struct formula *entry_sum(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                 const struct poly *column)
{
    enum formula_kind kind = operator_->kind == OPERATOR_SUM ? FORMULA_ADD : FORMULA_SUBTRACT;
    return write_join(entry, kind, entry_of(entry, operator_->parts[0], row, column),
                      entry_of(entry, operator_->parts[1], row, column));
}

static struct formula *entry_part(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    struct entry inside = *entry;
    bool turns = operator_->kind == OPERATOR_transpose || operator_->kind == OPERATOR_adjoint;
    if (operator_->kind == OPERATOR_conj || operator_->kind == OPERATOR_adjoint)
        inside.conjugate = !entry->conjugate;
    struct formula *formula = entry_of(&inside, operator_->parts[0], turns ? column : row, turns ? row : column);
    if (operator_->kind == OPERATOR_NEGATIVE)
        return write_negative(entry, formula);
    if (operator_->kind != OPERATOR_MULTIPLE)
        return formula;
    bool turned = entry->conjugate && ir_elem_is_complex(operator_->number->type.elem);
    return write_times(entry, turned ? write_apply(entry, IR_EXPR_conj, operator_->number) : operator_->number, formula);
}

static struct formula *entry_tensor(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                    const struct poly *column)
{
    const struct poly *at[2] = {row, column};
    return write_data(entry, operator_, 0, at);
}

static entry_function *const entries[] = {
    [OPERATOR_identity] = entry_identity,
    [OPERATOR_diag] = entry_diag,
    [OPERATOR_perm] = entry_perm,
    [OPERATOR_reversal] = entry_reversal,
    [OPERATOR_stride_perm] = entry_digit_reversal,
    [OPERATOR_digit_reversal] = entry_digit_reversal,
    [OPERATOR_kron] = entry_kron,
    [OPERATOR_dsum] = entry_dsum,
    [OPERATOR_blockdiag] = entry_blockdiag,
    [OPERATOR_lowrank] = entry_lowrank,
    [OPERATOR_toeplitz] = entry_toeplitz,
    [OPERATOR_hankel] = entry_hankel,
    [OPERATOR_circulant] = entry_circulant,
    [OPERATOR_cauchy] = entry_cauchy,
    [OPERATOR_vandermonde] = entry_vandermonde,
    [OPERATOR_dft] = entry_dft,
    [OPERATOR_idft] = entry_dft,
    [OPERATOR_rdft] = entry_dft,
    [OPERATOR_irdft] = entry_dft,
    [OPERATOR_dct1] = entry_table,
    [OPERATOR_dct2] = entry_table,
    [OPERATOR_dct3] = entry_table,
    [OPERATOR_dct4] = entry_table,
    [OPERATOR_dst1] = entry_table,
    [OPERATOR_dst2] = entry_table,
    [OPERATOR_dst3] = entry_table,
    [OPERATOR_dst4] = entry_table,
    [OPERATOR_dht] = entry_table,
    [OPERATOR_hadamard] = entry_hadamard,
    [OPERATOR_ks] = entry_butterfly,
    [OPERATOR_butterfly] = entry_butterfly,
    [OPERATOR_monarch] = entry_monarch,
    [OPERATOR_btt] = entry_monarch,
    [OPERATOR_blast] = entry_blast,
    [OPERATOR_phm] = entry_phm,
    [OPERATOR_householder] = entry_householder,
    [OPERATOR_banded] = entry_banded,
    [OPERATOR_sparse] = entry_sparse,
    [OPERATOR_inv] = entry_inv,
    [OPERATOR_semiseparable] = entry_semiseparable,
    [OPERATOR_transpose] = entry_part,
    [OPERATOR_conj] = entry_part,
    [OPERATOR_adjoint] = entry_part,
    [OPERATOR_TENSOR] = entry_tensor,
    [OPERATOR_PRODUCT] = entry_product,
    [OPERATOR_SUM] = entry_sum,
    [OPERATOR_DIFFERENCE] = entry_sum,
    [OPERATOR_NEGATIVE] = entry_part,
    [OPERATOR_MULTIPLE] = entry_part,
};

struct formula *entry_of(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                         const struct poly *column)
{
    return row && column ? entries[operator_->kind](entry, operator_, row, column) : NULL;
}

/* ---- in formulas ---- */

static bool is_sum(const struct formula *formula)
{
    return formula->kind == FORMULA_ADD || formula->kind == FORMULA_SUBTRACT;
}

/* The operator's entries as one factor. */
static struct formula *wrap(const struct formula *around, struct formula *inside, struct statement *statement)
{
    return formula_around(statement, FORMULA_OPERATOR, around->span, inside);
}

/* A term of a product that was multiplied out already: its factors stay factors. */
static bool is_multiplied_out(const struct formula *formula)
{
    if (formula->kind == FORMULA_OPERATOR)
        return true;
    bool product = formula->kind == FORMULA_MULTIPLY || formula->kind == FORMULA_DIVIDE || formula->kind == FORMULA_NEGATE;
    for (uint32_t k = 0; product && k < formula->n_arguments; k++)
        if (is_multiplied_out(formula->arguments[k]))
            return true;
    return false;
}

static bool is_operator_sum(const struct formula *formula)
{
    return formula->kind == FORMULA_OPERATOR && is_sum(formula->arguments[0]);
}

/* A sum of operators that is no factor: each term is summed alone. */
static struct formula *as_terms(struct formula *formula)
{
    return formula && is_operator_sum(formula) ? formula->arguments[0] : formula;
}

/* An operator that is a sum, multiplied out over the product it stands in. */
static struct formula *distribute(struct statement *statement, struct formula *product, uint32_t side)
{
    struct formula *operator_ = product->arguments[side], *inner = operator_->arguments[0];
    struct formula *result = formula_create(statement, inner->kind, product->span);
    if (!result)
        return NULL;
    *result = (struct formula){
        .kind = inner->kind, .span = product->span, .type = product->type, .free = product->free, .n_arguments = 2};
    for (uint32_t k = 0; k < 2; k++) {
        struct formula *term = formula_create(statement, product->kind, product->span);
        if (!term)
            return NULL;
        *term = *product;
        term->parenthesised = false;
        term->arguments[side] =
            is_multiplied_out(inner->arguments[k]) ? inner->arguments[k] : wrap(operator_, inner->arguments[k], statement);
        if (!term->arguments[side])
            return NULL;
        term->free = product->n_arguments == 2 ? index_set_union(&term->arguments[side]->free, &product->arguments[1 - side]->free)
                                               : term->arguments[side]->free;
        bool nested = is_sum(inner->arguments[k]);
        result->arguments[k] = nested ? as_terms(distribute(statement, term, side)) : term;
        if (!result->arguments[k])
            return NULL;
    }
    return wrap(operator_, result, statement);
}

/* Two sums of many terms stay the two matrices. */
static bool makes_many(const struct formula *formula)
{
    if (formula->kind != FORMULA_MULTIPLY || !is_operator_sum(formula->arguments[0]) || !is_operator_sum(formula->arguments[1]))
        return false;
    return formula_count_terms(formula->arguments[0]->arguments[0]) *
               (uint64_t)formula_count_terms(formula->arguments[1]->arguments[0]) >
           FORMULA_PRODUCTS;
}

/* The sum of each term: an outer product beside an identity (householder) is then summed by itself, and never formed. */
static struct formula *sum_terms(struct statement *statement, const struct formula *sum, struct formula *terms)
{
    struct formula *result = terms ? formula_create(statement, terms->kind, terms->span) : NULL;
    if (!result)
        return NULL;
    *result = is_sum(terms) ? *terms : *sum;
    result->free = index_set_minus(&terms->free, &sum->bound);
    if (!is_sum(terms))
        result->arguments[0] = terms;
    for (uint32_t k = 0; is_sum(terms) && k < 2; k++)
        if (!(result->arguments[k] = sum_terms(statement, sum, terms->arguments[k])))
            return NULL;
    return result;
}

static struct formula *expand(struct statement *statement, struct formula *formula, enum ir_elem elem)
{
    if (!formula)
        return NULL;
    if (formula->kind == FORMULA_OPERATOR) {
        struct entry entry = {.statement = statement, .elem = elem, .span = formula->span};
        statement->has_operator = true;
        if (!formula->polys || !formula->polys[0] || !formula->polys[1])
            return NULL;
        return wrap(formula, entry_of(&entry, formula->operator_, formula->polys[0], formula->polys[1]), statement);
    }
    enum ir_elem inside = formula->type.weakness || value_is_bool(formula->type) ? elem : formula->type.elem;
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!(formula->arguments[k] = expand(statement, formula->arguments[k], inside)))
            return NULL;
    bool product = formula->kind == FORMULA_MULTIPLY || formula->kind == FORMULA_NEGATE || formula->kind == FORMULA_DIVIDE;
    bool sums = formula->kind == FORMULA_REDUCE && formula->reduction == AST_SUM && is_operator_sum(formula->arguments[0]);
    if (sums && !statement->body->exact)
        return sum_terms(statement, formula, formula->arguments[0]->arguments[0]);
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!product || (k == 1 && formula->kind == FORMULA_DIVIDE))
            formula->arguments[k] = as_terms(formula->arguments[k]);
    if (!product || statement->body->exact || makes_many(formula))
        return formula;
    if (is_operator_sum(formula->arguments[0]))
        return distribute(statement, formula, 0);
    if (formula->kind == FORMULA_MULTIPLY && is_operator_sum(formula->arguments[1]))
        return distribute(statement, formula, 1);
    return formula;
}

struct formula *operators_expand(struct statement *statement, struct formula *formula, enum ir_elem elem)
{
    if (!operators_check_real(statement, formula))
        return NULL;
    if (formula->type.fixed && !fixed_check_operators(statement, formula))
        return NULL;
    if (!formula->type.fixed) /* between two factors nothing is rounded */
        operators_chain(statement, formula);
    struct formula *expanded = expand(statement, formula, elem);
    return expanded ? as_terms(expanded) : NULL;
}
