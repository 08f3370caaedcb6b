/* Fixed-point formulas as formulas of integers, and how large their numbers become.
 *
 * Every value is an integer times a step that is known here: a tensor's is its type's, a product's the product of its factors', and
 * a number in a product is all step. What is added or compared has one step, the least of the two, if it divides the other: then
 * nothing is rounded. So what is computed is exact, in a type that is wide enough for the largest number on the way. */
#include <math.h>
#include "fixed_point.h"

/* ---- numbers ---- */

enum ir_elem fixed_elem(int64_t most)
{
    return most <= INT32_MAX ? IR_i32 : IR_i64;
}

bool fixed_ratio(double from, double to, int64_t *ratio)
{
    double quotient = from / to;
    if (!(quotient >= 1 && quotient <= 0x1p53) || quotient != floor(quotient) || quotient * to != from)
        return false;
    *ratio = (int64_t)quotient;
    return true;
}

bool fixed_report_large(struct statement *statement, const struct formula *formula)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0320, formula->span, "this may be 2^63 times the step of its numbers, or more");
    diag_help(diagnostics, diag, "round a part of it before: `let part[...]: q15 scale(...) = ...`");
    statement->failed = true;
    return false;
}

static bool scale_range(struct statement *statement, const struct formula *formula, struct fixed_range *range, int64_t factor)
{
    return (checked_multiply(range->low, factor, &range->low) && checked_multiply(range->high, factor, &range->high) &&
            checked_multiply(range->most, factor, &range->most)) ||
           fixed_report_large(statement, formula);
}

static void negate_range(struct fixed_range *range)
{
    int64_t low = range->low;
    range->low = -range->high;
    range->high = -low;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- how often something is added ---- */

/* The most that an extent can be: what it is where every dim has its bound, if that is proved to be the most. */
static bool most_of_extent(struct statement *statement, const struct poly *extent, struct span span, int64_t *most)
{
    struct ir_context *context = statement->body->context;
    struct diagnostics *diagnostics = statement->body->diagnostics;
    uint32_t n_dims = ir_dim_count(context);
    if (poly_is_constant(extent, most))
        return true;
    int64_t *bounds = ARENA_ARRAY(statement->body->arena, n_dims, int64_t);
    if (!bounds)
        return false;
    for (uint32_t k = 0; k < n_dims; k++) {
        int64_t bound = ir_dim_at(context, k)->bound;
        bounds[k] = bound > 0 ? bound : -1;
    }
    const struct poly *bound = poly_bind_dims(context, extent, n_dims, bounds);
    if (bound && poly_is_constant(bound, most) && poly_prove_nonnegative(context, poly_subtract(context, bound, extent), NULL))
        return true;
    struct diag *diag = diag_error(diagnostics, DIAG_E0320, span, "this adds %s terms, of which there may be any number",
                                   extent_text(statement->body->resolver, extent));
    diag_help(diagnostics, diag, "say the most there can be, `dim n <= 1000`: then the sum is known not to overflow");
    statement->failed = true;
    return false;
}

static bool add_often(struct statement *statement, const struct formula *formula, const struct index_set *summed,
                      struct fixed_range *range)
{
    for (uint32_t k = 0; k < statement->n_indices; k++) {
        int64_t extent;
        if (!index_set_has(summed, k))
            continue;
        if (!most_of_extent(statement, statement->extents[k], formula->span, &extent))
            return false;
        range->low = lesser(range->low, 0);
        range->high = larger(range->high, 0);
        if (!scale_range(statement, formula, range, larger(extent, 1)))
            return false;
    }
    return true;
}

bool fixed_measure_term(struct statement *statement, const struct formula *formula, struct fixed_range *range)
{
    struct index_set summed = index_set_minus(&formula->free, &statement->left);
    if (fixed_is_function(formula)) /* what its argument sums is summed inside */
        return fixed_measure(statement, formula, range);
    if (!fixed_measure(statement, formula, range) || !add_often(statement, formula, &summed, range))
        return false;
    fixed_bound_by_numbers(statement, formula, range);
    return true;
}

/* ---- ranges ---- */

/* Two ranges at one step, the ratios their integers are multiplied by; false after a diagnostic. */
static bool align(struct statement *statement, const struct formula *formula, struct fixed_range *a, struct fixed_range *b,
                  int64_t ratios[2])
{
    ratios[0] = ratios[1] = 1;
    if (a->low == 0 && a->high == 0)
        a->step = b->step;
    if (b->low == 0 && b->high == 0)
        b->step = a->step;
    if (!fixed_ratio(a->step, b->step, &ratios[0]) && !fixed_ratio(b->step, a->step, &ratios[1])) {
        struct diagnostics *diagnostics = statement->body->diagnostics;
        struct diag *diag = diag_error(diagnostics, DIAG_E0321, formula->span,
                                       "the steps of the two sides, %g and %g, are no multiples of each other", a->step, b->step);
        diag_help(diagnostics, diag, "give one side the other's scale before: `let v[...]: q15 scale(...) = ...`");
        statement->failed = true;
        return false;
    }
    a->step = b->step = a->step < b->step ? a->step : b->step;
    return scale_range(statement, formula, a, ratios[0]) && scale_range(statement, formula, b, ratios[1]);
}

static bool measure_product(struct statement *statement, const struct formula *formula, struct fixed_range *range)
{
    struct fixed_range b;
    int64_t corners[4];
    if (!fixed_measure(statement, formula->arguments[0], range) || !fixed_measure(statement, formula->arguments[1], &b))
        return false;
    bool fits = checked_multiply(range->low, b.low, &corners[0]) && checked_multiply(range->low, b.high, &corners[1]) &&
                checked_multiply(range->high, b.low, &corners[2]) && checked_multiply(range->high, b.high, &corners[3]) &&
                checked_multiply(range->most, b.most, &range->most);
    if (!fits)
        return fixed_report_large(statement, formula);
    range->step *= b.step;
    range->low = lesser(lesser(corners[0], corners[1]), lesser(corners[2], corners[3]));
    range->high = larger(larger(corners[0], corners[1]), larger(corners[2], corners[3]));
    return true;
}

static bool measure_quotient(struct statement *statement, const struct formula *formula, struct fixed_range *range)
{
    const struct formula *divisor = formula->arguments[1];
    if (divisor->kind != FORMULA_NUMBER || divisor->number.re == 0 || divisor->number.kind == WEAK_COMPLEX)
        return report_no_fixed_form(statement, divisor->span, "division by what is no number", divisor);
    if (!fixed_measure(statement, formula->arguments[0], range))
        return false;
    range->step /= fabs(divisor->number.re);
    if (divisor->number.re < 0)
        negate_range(range);
    return true;
}

/* A sum, a difference, the lesser or the larger of two. */
static bool measure_pair(struct statement *statement, const struct formula *formula, const struct formula *first,
                         const struct formula *second, struct fixed_range *range)
{
    struct fixed_range b;
    int64_t ratios[2];
    bool sum = formula->kind == FORMULA_ADD || formula->kind == FORMULA_SUBTRACT;
    if (!fixed_measure(statement, first, range) || !fixed_measure(statement, second, &b))
        return false;
    if (formula->kind == FORMULA_SUBTRACT)
        negate_range(&b);
    if (!align(statement, formula, range, &b, ratios))
        return false;
    if (sum)
        return (checked_add(range->low, b.low, &range->low) && checked_add(range->high, b.high, &range->high) &&
                checked_add(range->most, b.most, &range->most)) ||
               fixed_report_large(statement, formula);
    range->most = larger(range->most, b.most);
    bool choice = formula->op == IR_EXPR_select;
    range->low = choice || formula->op == IR_EXPR_min ? lesser(range->low, b.low) : larger(range->low, b.low);
    range->high = choice || formula->op == IR_EXPR_max ? larger(range->high, b.high) : lesser(range->high, b.high);
    return true;
}

static bool measure_function(struct statement *statement, const struct formula *formula, struct fixed_range *range)
{
    switch (formula->op) {
    case IR_EXPR_relu:
    case IR_EXPR_abs: {
        if (!fixed_measure(statement, formula->arguments[0], range))
            return false;
        int64_t most = larger(range->high, formula->op == IR_EXPR_abs ? -range->low : 0);
        range->low = larger(range->low, 0);
        range->high = most;
        return true;
    }
    case IR_EXPR_min:
    case IR_EXPR_max:
        return measure_pair(statement, formula, formula->arguments[0], formula->arguments[1], range);
    case IR_EXPR_select:
        return measure_pair(statement, formula, formula->arguments[1], formula->arguments[2], range);
    default:
        if (fixed_is_function(formula))
            return fixed_measure_function(statement, formula, range);
        return report_no_fixed_form(statement, formula->span,
                                    arena_printf(statement->body->arena, "`%s`", ir_expr_info(formula->op)->name), formula);
    }
}

static bool report_untyped_table(struct statement *statement, const struct formula *access)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0319, access->span, "`%s` has no type, and so no step", access->tensor_name);
    diag_help(diagnostics, diag, "say one where it is made, its numbers are rounded to it: `let %s[...]: q15 scale(...) = ...`",
              access->tensor_name);
    statement->failed = true;
    return false;
}

bool fixed_measure(struct statement *statement, const struct formula *formula, struct fixed_range *range)
{
    switch (formula->kind) {
    case FORMULA_NUMBER: /* all step */
        if (formula->number.kind == WEAK_COMPLEX || formula->number.kind == WEAK_BOOL || !isfinite(formula->number.re))
            return report_no_fixed_form(statement, formula->span, "this number", NULL);
        *range = (struct fixed_range){fabs(formula->number.re), 0, 0, 1};
        if (formula->number.re == 0)
            range->step = 1;
        else
            range->low = range->high = formula->number.re < 0 ? -1 : 1;
        return true;
    case FORMULA_ACCESS: /* what has no type of its own is an operator's table of 0, 1 and -1 */
        if (formula->type.weakness && formula->tensor_name)
            return report_untyped_table(statement, formula);
        *range = (struct fixed_range){1, -1, 1, 1};
        if (formula->type.fixed)
            *range = (struct fixed_range){formula->type.fixed->step, formula->type.fixed->low, formula->type.fixed->high, 0};
        range->most = larger(range->high, -range->low);
        return true;
    case FORMULA_OPERATOR:
        return fixed_measure(statement, formula->arguments[0], range);
    case FORMULA_NEGATE:
        if (!fixed_measure(statement, formula->arguments[0], range))
            return false;
        negate_range(range);
        return true;
    case FORMULA_MULTIPLY:
        return measure_product(statement, formula, range);
    case FORMULA_DIVIDE:
        return measure_quotient(statement, formula, range);
    case FORMULA_ADD:
    case FORMULA_SUBTRACT:
        return measure_pair(statement, formula, formula->arguments[0], formula->arguments[1], range);
    case FORMULA_APPLY:
        return measure_function(statement, formula, range);
    case FORMULA_REDUCE:
        if (formula->reduction == AST_PROD)
            return report_no_fixed_form(statement, formula->span, "a product over an index", formula->arguments[0]);
        return fixed_measure(statement, formula->arguments[0], range) &&
               (formula->reduction != AST_SUM || add_often(statement, formula, &formula->bound, range));
    case FORMULA_PAD:
        return report_no_fixed_form(statement, formula->span, "`pad` with a value that is no number", formula->arguments[0]);
    case FORMULA_VALUE:
        return report_no_fixed_form(statement, formula->span, "an index or a dim as a number", NULL);
    }
    return false;
}

/* ---- formulas of integers ---- */

struct formula *fixed_create(struct statement *statement, enum formula_kind kind, struct span span, enum ir_elem elem,
                             uint32_t n_arguments, struct formula *const *arguments)
{
    for (uint32_t k = 0; k < n_arguments; k++)
        if (!arguments[k])
            return NULL;
    struct formula *formula = formula_create(statement, kind, span);
    if (!formula)
        return NULL;
    formula->type = (struct value_type){TYPED, elem, NULL};
    formula->n_arguments = n_arguments;
    for (uint32_t k = 0; k < n_arguments; k++) {
        formula->arguments[k] = arguments[k];
        formula->free = index_set_union(&formula->free, &arguments[k]->free);
    }
    return formula;
}

struct formula *fixed_number(struct statement *statement, struct span span, int64_t value)
{
    struct formula *formula = fixed_create(statement, FORMULA_NUMBER, span, IR_f64, 0, NULL);
    if (!formula)
        return NULL;
    formula->type.weakness = WEAK_AN_INTEGER;
    formula->number = (struct weak_number){.kind = WEAK_INTEGER, .integer = value, .re = (double)value};
    return formula;
}

struct formula *fixed_cast(struct statement *statement, enum ir_elem elem, struct formula *argument)
{
    if (argument && argument->type.elem == elem && !argument->type.weakness)
        return argument;
    struct formula *cast = argument ? fixed_create(statement, FORMULA_APPLY, argument->span, elem, 1, &argument) : NULL;
    if (cast)
        cast->op = IR_EXPR_cast;
    return cast;
}

struct formula *fixed_join(struct statement *statement, enum formula_kind kind, struct formula *a, struct formula *b)
{
    struct formula *pair[2] = {a, b};
    return a && b ? fixed_create(statement, kind, a->span, a->type.weakness ? b->type.elem : a->type.elem, 2, pair) : NULL;
}

struct formula *fixed_apply(struct statement *statement, enum ir_expr_op op, struct formula *a, struct formula *b)
{
    struct formula *pair[2] = {a, b};
    bool compares = ir_expr_info(op)->result == IR_RESULT_BOOL;
    struct formula *formula = a && b ? fixed_create(statement, FORMULA_APPLY, a->span,
                                                    compares           ? IR_bool
                                                    : a->type.weakness ? b->type.elem
                                                                       : a->type.elem,
                                                    2, pair)
                                     : NULL;
    if (formula)
        formula->op = op;
    return formula;
}

struct formula *fixed_times(struct statement *statement, struct formula *a, int64_t factor)
{
    if (!a || factor == 1)
        return a;
    return fixed_join(statement, FORMULA_MULTIPLY, a, fixed_number(statement, a->span, factor));
}

/* ---- writing ---- */

static struct formula *with_arguments(struct statement *statement, const struct formula *formula, enum ir_elem elem,
                                      struct formula *const *arguments)
{
    struct formula *same = arena_copy(statement->body->arena, formula, 1, sizeof *formula);
    if (!same)
        return NULL;
    same->type = (struct value_type){TYPED, elem, NULL};
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!(same->arguments[k] = arguments[k]))
            return NULL;
    return same;
}

static struct formula *negative(struct statement *statement, struct formula *formula)
{
    return formula ? formula_around(statement, FORMULA_NEGATE, formula->span, formula) : NULL;
}

/* A number of a product is in its step, but for the sign; 0 remains. */
static struct formula *write_product(struct statement *statement, const struct formula *formula, enum ir_elem elem)
{
    for (uint32_t k = 0; k < 2; k++) {
        const struct formula *number = formula->arguments[k];
        bool divides = formula->kind == FORMULA_DIVIDE;
        if (number->kind != FORMULA_NUMBER || number->number.re == 0 || (divides && k == 0))
            continue;
        struct formula *other = fixed_write(statement, formula->arguments[1 - k], elem);
        return number->number.re < 0 ? negative(statement, other) : other;
    }
    struct formula *arguments[2] = {fixed_write(statement, formula->arguments[0], elem),
                                    fixed_write(statement, formula->arguments[1], elem)};
    return with_arguments(statement, formula, elem, arguments);
}

/* A table of two numbers, such as an identity's, in the wider type: cast, no pass would know it. */
static const struct ir_node *wider_table(struct ir_context *context, const struct ir_node *node, enum ir_elem elem)
{
    const struct ir_expr *body = node->op == IR_map_node && node->n_operands == 0 ? node->body : NULL;
    if (!body || body->op != IR_EXPR_select || body->arguments[1]->op != IR_EXPR_literal ||
        body->arguments[2]->op != IR_EXPR_literal)
        return NULL;
    const struct ir_expr *choice[3] = {body->arguments[0]};
    for (uint32_t k = 1; k < 3; k++)
        choice[k] = ir_expr_literal(context, ir_number_integer(elem, body->arguments[k]->literal.i));
    return ir_map(context, node->rank, node->shape, 0, NULL, ir_expr_apply(context, IR_EXPR_select, 3, choice));
}

/* The whole tensor is cast, and read as it was written: so an operator's network stays one of tensors over split indices. */
static struct formula *write_access(struct statement *statement, const struct formula *access, enum ir_elem elem)
{
    struct ir_context *context = statement->body->context;
    const struct ir_node *node = access->node;
    struct formula *same = with_arguments(statement, access, elem, NULL);
    if (!same || node->elem == elem)
        return same;
    struct ir_access whole = ir_access_whole(context, node);
    same->node = wider_table(context, node, elem);
    if (!same->node)
        same->node = ir_map(context, node->rank, node->shape, 1, &whole,
                            ir_expr_cast(context, elem, ir_expr_operand(context, 0, node->elem)));
    if (access->fill) {
        struct ir_number *fill = ARENA_NEW(statement->body->arena, struct ir_number);
        if (!fill)
            return NULL;
        *fill = ir_number_integer(elem, access->fill->i);
        same->fill = fill;
    }
    return same->node ? same : NULL;
}

/* Two sides at one step. */
static bool write_pair(struct statement *statement, const struct formula *around, const struct formula *first,
                       const struct formula *second, enum ir_elem elem, struct formula **pair)
{
    struct fixed_range a, b;
    int64_t ratios[2];
    if (!fixed_measure(statement, first, &a) || !fixed_measure(statement, second, &b) || !align(statement, around, &a, &b, ratios))
        return false;
    pair[0] = fixed_times(statement, fixed_write(statement, first, elem), ratios[0]);
    pair[1] = fixed_times(statement, fixed_write(statement, second, elem), ratios[1]);
    return pair[0] && pair[1];
}

struct formula *fixed_write(struct statement *statement, const struct formula *formula, enum ir_elem elem)
{
    struct formula *arguments[3] = {NULL};
    switch (formula->kind) {
    case FORMULA_NUMBER:
        return fixed_number(statement, formula->span, formula->number.re < 0 ? -1 : formula->number.re > 0);
    case FORMULA_ACCESS:
        return write_access(statement, formula, elem);
    case FORMULA_MULTIPLY:
    case FORMULA_DIVIDE:
        return write_product(statement, formula, elem);
    case FORMULA_ADD:
    case FORMULA_SUBTRACT:
        return write_pair(statement, formula, formula->arguments[0], formula->arguments[1], elem, arguments)
                   ? with_arguments(statement, formula, elem, arguments)
                   : NULL;
    case FORMULA_APPLY:
        if (fixed_is_function(formula))
            return fixed_write_function(statement, formula, elem);
        if (formula->op == IR_EXPR_select) {
            arguments[0] = fixed_write_inside(statement, formula->arguments[0]);
            return write_pair(statement, formula, formula->arguments[1], formula->arguments[2], elem, arguments + 1)
                       ? with_arguments(statement, formula, elem, arguments)
                       : NULL;
        }
        if (formula->op == IR_EXPR_min || formula->op == IR_EXPR_max)
            return write_pair(statement, formula, formula->arguments[0], formula->arguments[1], elem, arguments)
                       ? with_arguments(statement, formula, elem, arguments)
                       : NULL;
        break;
    default:
        break;
    }
    arguments[0] = fixed_write(statement, formula->arguments[0], elem);
    return with_arguments(statement, formula, elem, arguments);
}

/* ---- where fixed point ends ---- */

/* f32(x): the integer times the step. */
static struct formula *write_cast(struct statement *statement, const struct formula *cast)
{
    struct fixed_range range;
    const struct formula *argument = cast->arguments[0];
    if (!fixed_measure_term(statement, argument, &range))
        return NULL;
    struct formula *integer = fixed_write(statement, argument, fixed_elem(range.most));
    struct formula *step = fixed_number(statement, cast->span, 1);
    if (!step)
        return NULL;
    step->number = (struct weak_number){.kind = WEAK_REAL, .re = range.step};
    step->type.weakness = WEAK_A_REAL;
    return fixed_join(statement, FORMULA_MULTIPLY, fixed_cast(statement, cast->type.elem, integer), step);
}

static struct formula *write_comparison(struct statement *statement, const struct formula *formula)
{
    struct fixed_range a, b;
    struct formula *pair[2];
    int64_t ratios[2];
    if (!fixed_measure_term(statement, formula->arguments[0], &a) || !fixed_measure_term(statement, formula->arguments[1], &b) ||
        !align(statement, formula, &a, &b, ratios))
        return NULL;
    enum ir_elem elem = fixed_elem(larger(a.most, b.most));
    return write_pair(statement, formula, formula->arguments[0], formula->arguments[1], elem, pair)
               ? fixed_apply(statement, formula->op, pair[0], pair[1])
               : NULL;
}

struct formula *fixed_write_inside(struct statement *statement, struct formula *formula)
{
    bool takes_fixed = false;
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        takes_fixed = takes_fixed || formula->arguments[k]->type.fixed;
    if (takes_fixed && formula->kind == FORMULA_APPLY && formula->op == IR_EXPR_cast)
        return write_cast(statement, formula);
    if (takes_fixed && formula->kind == FORMULA_APPLY && ir_expr_info(formula->op)->result == IR_RESULT_BOOL)
        return write_comparison(statement, formula);
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!(formula->arguments[k] = fixed_write_inside(statement, formula->arguments[k])))
            return NULL;
    return formula;
}
