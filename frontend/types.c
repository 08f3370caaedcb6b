/* Element types of values in index notation.
 *
 * Typed values do not mix, but a real with a complex one of the same width. Weak values (literals, indices, dims, expressions of
 * such) take the type of what they meet if it can hold them: an integer is held by every numeric type, a decimal number by floats
 * and complex types, an imaginary one makes a float complex. Nothing weak meets bool, but permutations. */
#include "operators.h"

#include <string.h>

static struct value_type typed(enum ir_elem elem)
{
    return (struct value_type){TYPED, elem, NULL};
}

static struct value_type weak(enum weakness weakness)
{
    return (struct value_type){weakness, weakness == WEAK_A_COMPLEX ? IR_c128 : IR_f64, NULL};
}

const char *value_type_name(struct value_type type)
{
    switch (type.weakness) {
    case WEAK_AN_INTEGER:
        return "an untyped integer";
    case WEAK_A_REAL:
        return "an untyped real number";
    case WEAK_A_COMPLEX:
        return "an untyped complex number";
    default:
        if (type.fixed)
            return type.fixed->name ? type.fixed->name : "fixed point";
        return ir_elem_info(type.elem)->name;
    }
}

static bool fail(struct statement *statement)
{
    statement->failed = true;
    return false;
}

/* A literal must lie in the type it meets: an integer be one of its numbers, a finite number stay finite. */
static bool literal_fits(struct statement *statement, const struct formula *formula, enum ir_elem elem)
{
    struct ir_number number;
    if (formula->kind != FORMULA_NUMBER || !formula->type.weakness ||
        (formula->type.weakness == WEAK_A_COMPLEX && !ir_elem_is_complex(elem)))
        return true;
    return number_in_type(statement->body->resolver, formula->number, elem, formula->span, &number) || fail(statement);
}

/* A whole matrix, a part of an operator, is cast element by element, and that in a statement of its own. */
static void suggest_cast(struct statement *statement, struct diag *diag, const char *what, const struct formula *formula,
                         enum ir_elem elem)
{
    struct body *body = statement->body;
    bool whole = (formula->kind == FORMULA_ACCESS || formula->kind == FORMULA_OPERATOR) && !formula->node;
    const char *text = source_text(body, formula->span), *name = ir_elem_info(elem)->name;
    bool bare = strpbrk(text, " +-*@(") == NULL;
    if (whole)
        diag_help(body->diagnostics, diag, "%s: `let M[i,j] = %s(%s%s%s[i,j])`, and M in its place", what, name, bare ? "" : "(",
                  text, bare ? "" : ")");
    else
        diag_help(body->diagnostics, diag, "%s: `%s(%s)`", what, name, text);
}

/* Zeros and ones, which are bools as well: entries of permutations. */
static bool is_of_ones(const struct formula *formula)
{
    if (formula->kind == FORMULA_MULTIPLY)
        return is_of_ones(formula->arguments[0]) && is_of_ones(formula->arguments[1]);
    return formula->kind == FORMULA_OPERATOR && formula->operator_->of_ones;
}

/* A weak value `a` beside the element type of `b`. */
static bool weak_meets(struct statement *statement, struct span span, const struct formula *a, const struct formula *b,
                       struct value_type *result)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    enum ir_elem elem = b->type.elem;
    *result = b->type;
    if ((elem == IR_bool && is_of_ones(a)) || b->type.fixed)
        return true;
    if (elem == IR_bool) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0316, span, "%s meets a bool", value_type_name(a->type));
        diag_note(diagnostics, diag, a->span, "this is %s", value_type_name(a->type));
        diag_note(diagnostics, diag, b->span, "this is bool");
        diag_help(diagnostics, diag, "compare with `true` or `false`, or cast the bool: `i32(...)`");
        return fail(statement);
    }
    if (ir_elem_is_integer(elem) && a->type.weakness != WEAK_AN_INTEGER) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0314, a->span, "%s meets a tensor of integers", value_type_name(a->type));
        diag_note(diagnostics, diag, b->span, "this is %s", ir_elem_info(elem)->name);
        suggest_cast(statement, diag, "cast the integers to a float type", b, IR_f64);
        return fail(statement);
    }
    if (a->type.weakness == WEAK_A_COMPLEX) {
        result->elem = ir_elem_complex(elem);
        if (!ir_elem_is_complex(result->elem)) {
            struct diag *diag = diag_error(diagnostics, DIAG_E0310, span, "%s meets %s, which has no complex counterpart",
                                           value_type_name(a->type), ir_elem_info(elem)->name);
            diag_note(diagnostics, diag, b->span, "this is %s", ir_elem_info(elem)->name);
            diag_help(diagnostics, diag, "cast it: `f32(%s)`", source_text(statement->body, b->span));
            return fail(statement);
        }
    }
    return literal_fits(statement, a, result->elem);
}

/* Fixed point meets what is none. */
static bool report_fixed(struct statement *statement, struct span span, const struct formula *a, const struct formula *b)
{
    struct body *body = statement->body;
    const struct formula *fixed = a->type.fixed ? a : b, *other = a->type.fixed ? b : a;
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0310, span, "%s and %s do not mix", value_type_name(a->type), value_type_name(b->type));
    diag_note(body->diagnostics, diag, a->span, "this is %s", value_type_name(a->type));
    diag_note(body->diagnostics, diag, b->span, "this is %s", value_type_name(b->type));
    const char *name = ir_elem_is_float(other->type.elem) ? ir_elem_info(other->type.elem)->name : "f32";
    diag_help(body->diagnostics, diag, "cast the fixed-point value to what it stands for: `%s(%s)`", name,
              source_text(body, fixed->span));
    return fail(statement);
}

bool types_meet(struct statement *statement, struct span span, const struct formula *a, const struct formula *b,
                struct value_type *result)
{
    struct body *body = statement->body;
    if (a->type.weakness && b->type.weakness) {
        *result = weak(a->type.weakness > b->type.weakness ? a->type.weakness : b->type.weakness);
        return true;
    }
    if (a->type.weakness)
        return weak_meets(statement, span, a, b, result);
    if (b->type.weakness)
        return weak_meets(statement, span, b, a, result);
    *result = ir_elem_info(a->type.elem)->bytes < ir_elem_info(b->type.elem)->bytes ? b->type : a->type;
    if (a->type.fixed || b->type.fixed)
        return (a->type.fixed && b->type.fixed) || report_fixed(statement, span, a, b);
    *result = a->type;
    if (a->type.elem == b->type.elem)
        return true;
    enum ir_elem left = a->type.elem, right = b->type.elem;
    if (ir_elem_complex(left) == ir_elem_complex(right)) {
        *result = typed(ir_elem_complex(left));
        return true;
    }
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0310, span, "%s and %s do not mix", ir_elem_info(left)->name,
                                   ir_elem_info(right)->name);
    diag_note(body->diagnostics, diag, a->span, "this is %s", ir_elem_info(left)->name);
    diag_note(body->diagnostics, diag, b->span, "this is %s", ir_elem_info(right)->name);
    bool to_left = ir_elem_promote(left, right) == left || (ir_elem_promote(left, right) != right && ir_elem_is_integer(right));
    suggest_cast(statement, diag, "cast one of them", to_left ? b : a, to_left ? left : right);
    return fail(statement);
}

static void report_integer_division(struct statement *statement, struct span span, const struct formula *a, const struct formula *b)
{
    struct body *body = statement->body;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0311, span, "`/` has only indices, dims and integers on both sides");
    const char *left = source_text(body, a->span), *right = source_text(body, b->span);
    diag_help(body->diagnostics, diag, "write `%s div %s` to round down, or `f64(%s) / %s` for a fraction", left, right, left,
              right);
    statement->failed = true;
}

bool type_of_product(struct statement *statement, bool divides, struct span span, const struct formula *a, const struct formula *b,
                     struct value_type *result)
{
    struct body *body = statement->body;
    if (divides && a->type.weakness == WEAK_AN_INTEGER && b->type.weakness == WEAK_AN_INTEGER) {
        report_integer_division(statement, span, a, b);
        return false;
    }
    if (!types_meet(statement, span, a, b, result))
        return false;
    if (divides && value_is_bool(*result)) {
        diag_error(body->diagnostics, DIAG_E0316, span, "bool values are not divided");
        return fail(statement);
    }
    return true;
}

static bool report_domain(struct statement *statement, const char *name, struct span span, const struct formula *argument)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0312, span, "`%s` is not defined for %s", name, value_type_name(argument->type));
    diag_note(diagnostics, diag, argument->span, "this is %s", value_type_name(argument->type));
    if (!argument->type.weakness && ir_elem_is_complex(argument->type.elem))
        diag_help(diagnostics, diag, "take `real(...)`, `imag(...)` or `abs(...)` of it first");
    else if (!argument->type.weakness)
        diag_help(diagnostics, diag, "cast it to a float type: `f64(%s)`", source_text(statement->body, argument->span));
    return fail(statement);
}

bool report_no_fixed_form(struct statement *statement, struct span span, const char *what, const struct formula *argument)
{
    struct body *body = statement->body;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0319, span, "%s has no fixed-point form", what);
    if (argument) {
        diag_note(body->diagnostics, diag, argument->span, "this is %s", value_type_name(argument->type));
        diag_help(body->diagnostics, diag,
                  "sums, products, `relu`, `abs`, `min`, `max`, `tanh`, `sigmoid`, `silu`, `gelu` and comparisons have; else cast: "
                  "`f32(%s)`",
                  source_text(body, argument->span));
    }
    return fail(statement);
}

bool type_of_function(struct statement *statement, enum ir_expr_op op, const char *name, struct span span,
                      const struct formula *argument, struct value_type *result)
{
    struct value_type type = argument->type;
    bool integer = type.weakness == WEAK_AN_INTEGER;
    if (type.fixed && (fixed_has_function(op) || op == IR_EXPR_relu || op == IR_EXPR_abs)) {
        *result = type;
        return true;
    }
    if (type.fixed)
        return report_no_fixed_form(statement, span, arena_printf(statement->body->arena, "`%s`", name), argument);
    if (!ir_expr_takes(op, integer && ir_expr_takes(op, IR_i64) ? IR_i64 : type.elem))
        return report_domain(statement, name, span, argument);
    if (integer && !ir_expr_takes(op, IR_i64))
        type = weak(WEAK_A_REAL);
    enum ir_result_rule rule = ir_expr_info(op)->result;
    if (rule == IR_RESULT_BOOL)
        type = typed(IR_bool);
    else if (rule == IR_RESULT_REAL && type.weakness == WEAK_A_COMPLEX)
        type = weak(WEAK_A_REAL);
    else if (rule == IR_RESULT_REAL && !type.weakness)
        type.elem = ir_elem_real(type.elem);
    *result = type;
    return true;
}

static const char *reduction_name(enum ast_op op)
{
    static const char *const names[] = {"sum", "prod", "max", "min", "any", "all"};
    return names[op - AST_SUM];
}

bool type_of_reduction(struct statement *statement, enum ast_op op, struct span span, const struct formula *argument,
                       struct value_type *result)
{
    struct value_type type = argument->type;
    bool boolean = value_is_bool(type);
    *result = type;
    if (op == AST_SUM || op == AST_PROD)
        return true;
    if ((op == AST_ANY || op == AST_ALL) && !boolean) {
        struct diag *diag = diag_error(statement->body->diagnostics, DIAG_E0312, span, "`%s` takes bool values, not %s",
                                       reduction_name(op), value_type_name(type));
        diag_help(statement->body->diagnostics, diag, "compare first: `%s != 0`", source_text(statement->body, argument->span));
        return fail(statement);
    }
    if ((op == AST_MAX || op == AST_MIN) && (boolean || ir_elem_is_complex(type.elem)))
        return report_domain(statement, reduction_name(op), span, argument);
    return true;
}

bool type_fits(struct statement *statement, const struct formula *formula, const struct tensor_type *wanted, const char *what)
{
    struct body *body = statement->body;
    struct value_type type = formula->type;
    enum ir_elem elem = wanted->elem;
    bool complex_value = ir_elem_is_complex(type.elem), fixed = wanted->fixed || type.fixed;
    const char *name = value_type_name((struct value_type){TYPED, elem, wanted->fixed});
    if (!fixed && !type.weakness && (type.elem == elem || (ir_elem_is_float(type.elem) && ir_elem_complex(type.elem) == elem)))
        return true;
    if (wanted->fixed && (type.fixed || (type.weakness && !complex_value)))
        return true;
    if (!fixed && type.weakness && elem != IR_bool) {
        bool holds = ir_elem_is_complex(elem) || (ir_elem_is_float(elem) && type.weakness != WEAK_A_COMPLEX) ||
                     type.weakness == WEAK_AN_INTEGER;
        if (holds)
            return literal_fits(statement, formula, elem);
    }
    bool loses = complex_value && ir_elem_is_float(elem);
    struct diag *diag = diag_error(body->diagnostics, loses ? DIAG_E0313 : DIAG_E0318, formula->span, "%s is %s, the value %s",
                                   what, name, value_type_name(type));
    if (wanted->span.source != UINT32_MAX)
        diag_note(body->diagnostics, diag, wanted->span, "%s is declared here", what);
    if (loses)
        diag_help(body->diagnostics, diag, "write `real(%s)` to keep the real part", source_text(body, formula->span));
    else if (wanted->fixed)
        diag_help(body->diagnostics, diag, "fixed point is made of fixed point: declare what it is computed from as %s or another",
                  name);
    else
        diag_help(body->diagnostics, diag, "cast the value: `%s(%s)`", type.fixed && !ir_elem_is_float(elem) ? "f32" : name,
                  source_text(body, formula->span));
    return fail(statement);
}
