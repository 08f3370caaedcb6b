/* Fixed point: what a statement with numbers of q7 and q15 means, as a formula of integers (docs/fixed-point.md).
 *
 * Sums, products, relu, abs, min, max and comparisons are exact. A value is rounded where it is assigned to a tensor with a type,
 * once, and then lies within it; a let without a type is the exact value. Below, there are only integers. */
#include "operators.h"

#include <math.h>
#include "fixed_point.h"

/* ---- operators whose entries are numbers of their tensors, with signs ---- */

static const bool has_fixed_form[] = {
    [OPERATOR_TENSOR] = true,      [OPERATOR_PRODUCT] = true,   [OPERATOR_SUM] = true,
    [OPERATOR_DIFFERENCE] = true,  [OPERATOR_NEGATIVE] = true,  [OPERATOR_MULTIPLE] = true,
    [OPERATOR_transpose] = true,   [OPERATOR_adjoint] = true,   [OPERATOR_conj] = true,
    [OPERATOR_kron] = true,        [OPERATOR_dsum] = true,      [OPERATOR_identity] = true,
    [OPERATOR_diag] = true,        [OPERATOR_perm] = true,      [OPERATOR_reversal] = true,
    [OPERATOR_stride_perm] = true, [OPERATOR_blockdiag] = true, [OPERATOR_lowrank] = true,
    [OPERATOR_toeplitz] = true,    [OPERATOR_hankel] = true,    [OPERATOR_circulant] = true,
    [OPERATOR_hadamard] = true,    [OPERATOR_ks] = true,        [OPERATOR_butterfly] = true,
    [OPERATOR_monarch] = true,     [OPERATOR_btt] = true,       [OPERATOR_blast] = true,
    [OPERATOR_phm] = true,         [OPERATOR_banded] = true,    [OPERATOR_digit_reversal] = true,
};

static bool check_operator(struct statement *statement, const struct operator_node *operator_)
{
    size_t count = sizeof has_fixed_form / sizeof *has_fixed_form;
    if ((size_t)operator_->kind >= count || !has_fixed_form[operator_->kind])
        return report_no_fixed_form(statement, operator_->span, "this operator", NULL);
    for (uint32_t k = 0; k < operator_->n_parts; k++)
        if (!check_operator(statement, operator_->parts[k]))
            return false;
    return true;
}

bool fixed_check_operators(struct statement *statement, const struct formula *formula)
{
    if (formula->kind == FORMULA_OPERATOR && formula->operator_ && !check_operator(statement, formula->operator_))
        return false;
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!fixed_check_operators(statement, formula->arguments[k]))
            return false;
    return true;
}

/* ---- the terms of a value ---- */

static bool add_term(struct statement *statement, struct fixed_sum *sum, struct formula *formula, double factor)
{
    if (sum->count == FIXED_TERMS) {
        diag_error(statement->body->diagnostics, DIAG_E0320, formula->span, "a fixed-point value has more than %d terms",
                   (int)FIXED_TERMS);
        statement->failed = true;
        return false;
    }
    struct fixed_term *term = &sum->terms[sum->count++];
    *term = (struct fixed_term){.formula = formula, .factor = factor, .negative = factor < 0};
    if (!fixed_measure_term(statement, formula, &term->range))
        return false;
    term->range.step *= fabs(factor);
    return true;
}

static bool is_real_number(const struct formula *formula)
{
    return formula->kind == FORMULA_NUMBER && (formula->number.kind == WEAK_INTEGER || formula->number.kind == WEAK_REAL) &&
           formula->number.re != 0 && isfinite(formula->number.re);
}

/* Numbers go before the terms: 0.5 * (a + b) is 0.5 * a + 0.5 * b. */
bool fixed_collect(struct statement *statement, struct fixed_sum *sum, struct formula *formula, double factor)
{
    struct formula *const *arguments = formula->arguments;
    switch (formula->kind) {
    case FORMULA_OPERATOR:
        return fixed_collect(statement, sum, arguments[0], factor);
    case FORMULA_NEGATE:
        return fixed_collect(statement, sum, arguments[0], -factor);
    case FORMULA_ADD:
    case FORMULA_SUBTRACT:
        return fixed_collect(statement, sum, arguments[0], factor) &&
               fixed_collect(statement, sum, arguments[1], formula->kind == FORMULA_SUBTRACT ? -factor : factor);
    case FORMULA_DIVIDE:
        if (is_real_number(arguments[1]))
            return fixed_collect(statement, sum, arguments[0], factor / arguments[1]->number.re);
        break;
    case FORMULA_MULTIPLY:
        for (uint32_t k = 0; k < 2; k++)
            if (is_real_number(arguments[k]))
                return fixed_collect(statement, sum, arguments[1 - k], factor * arguments[k]->number.re);
        break;
    default:
        break;
    }
    return add_term(statement, sum, formula, factor);
}

/* relu, and min and max with a number, around the whole: rounding keeps order, so they bound what is rounded. */
static struct formula *take_bounds(struct formula *formula, const struct fixed_point *fixed, struct fixed_sum *sum)
{
    sum->low = fixed->low;
    sum->high = fixed->high;
    while (formula->kind == FORMULA_APPLY) {
        double bound = 0;
        uint32_t inner = 0;
        if (formula->op == IR_EXPR_min || formula->op == IR_EXPR_max) {
            inner = is_real_number(formula->arguments[0]) ? 1 : 0;
            const struct formula *number = formula->arguments[1 - inner];
            if (number->kind != FORMULA_NUMBER || number->number.kind == WEAK_COMPLEX || !isfinite(number->number.re))
                break;
            bound = floor(number->number.re / fixed->step + 0.5);
        } else if (formula->op != IR_EXPR_relu) {
            break;
        }
        bound = fmin(fmax(bound, (double)sum->low), (double)sum->high);
        if (formula->op == IR_EXPR_min)
            sum->high = (int64_t)bound;
        else
            sum->low = (int64_t)bound;
        formula = formula->arguments[inner];
    }
    return formula;
}

/* ---- a value without a type ---- */

/* All terms at one step, which divides the others': the integers of a let that nothing rounds. */
static struct formula *exact(struct statement *statement, const struct fixed_sum *sum, struct span span,
                             const struct fixed_point **fixed)
{
    struct fixed_point *value = ARENA_NEW(statement->body->arena, struct fixed_point);
    int64_t ratio = 1, most = 0, ratios[FIXED_TERMS];
    if (!value)
        return NULL;
    *value = (struct fixed_point){NULL, sum->terms[0].range.step, 0, 0};
    for (uint32_t k = 1; k < sum->count; k++)
        value->step = fmin(value->step, sum->terms[k].range.step);
    bool fits = true;
    for (uint32_t k = 0; k < sum->count && fits; k++) {
        struct fixed_range range = sum->terms[k].range;
        if (!fixed_ratio(range.step, value->step, &ratio)) {
            struct diag *diag =
                diag_error(statement->body->diagnostics, DIAG_E0321, span,
                           "the steps of these terms, %g and %g, are no multiples of each other", range.step, value->step);
            diag_help(statement->body->diagnostics, diag, "a type rounds them to one: `let %s[...]: q15 scale(...) = ...`",
                      statement->name);
            statement->failed = true;
            return NULL;
        }
        ratios[k] = sum->terms[k].negative ? -ratio : ratio;
        int64_t low = range.low, high = range.high;
        fits = checked_multiply(low, ratios[k], &low) && checked_multiply(high, ratios[k], &high) &&
               checked_multiply(range.most, ratio, &range.most) && checked_add(most, range.most, &most);
        value->low += low < high ? low : high; /* within `most` */
        value->high += low < high ? high : low;
    }
    struct formula *result = NULL;
    for (uint32_t k = 0; k < sum->count && fits; k++) {
        struct formula *term = fixed_write(statement, sum->terms[k].formula, fixed_elem(most));
        term = fixed_times(statement, term, ratios[k]);
        result = result ? fixed_join(statement, FORMULA_ADD, result, term) : term;
    }
    if (!fits) {
        struct diag *diag =
            diag_error(statement->body->diagnostics, DIAG_E0320, span, "this sum has 2^63 or more of its least step");
        diag_help(statement->body->diagnostics, diag, "a type rounds it: `let %s[...]: q15 scale(...) = ...`", statement->name);
        statement->failed = true;
    }
    *fixed = value;
    return result;
}

struct formula *fixed_point_lower(struct statement *statement, struct formula *formula, const struct tensor_type *wanted,
                                  const struct fixed_point **fixed)
{
    const struct fixed_point *type = wanted ? wanted->fixed : NULL;
    *fixed = type;
    if (!formula->type.fixed && !type)
        return fixed_write_inside(statement, formula);
    if (statement->body->scan || statement->body->beginning) {
        report_no_fixed_form(statement, formula->span, "a recurrence", NULL);
        return NULL;
    }
    if (!type && formula->kind == FORMULA_ACCESS) { /* as it is */
        *fixed = formula->type.fixed;
        return formula;
    }
    struct fixed_sum *sum = ARENA_NEW(statement->body->arena, struct fixed_sum);
    struct span span = formula->span;
    if (!sum)
        return NULL;
    if (type)
        formula = take_bounds(formula, type, sum);
    if (!fixed_collect(statement, sum, formula, 1))
        return NULL;
    return type ? fixed_round(statement, sum, wanted, span) : exact(statement, sum, span, fixed);
}
