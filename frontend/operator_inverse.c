/* Inverses of operators, by the identities of inverses.def: an operator is written that is the inverse, so that nothing after
 * this knows of inverses, and structure stays. What no row fits is inverted as a dense matrix where its numbers are known. */
#include "operator_inverse.h"

#include <math.h>
#include <string.h>

typedef struct operator_node *inverse_function(const struct reading *reading, const struct operator_node *operator_);

/* ---- writing operators ---- */

static bool set_type_and_shape(const struct reading *reading, struct operator_node *operator_)
{
    const struct operator_node *first = operator_->parts[0], *last = operator_->parts[operator_->n_parts - 1];
    operator_->type = first->type;
    for (uint32_t k = 1; k < operator_->n_parts; k++)
        operator_->type = operator_join_types(operator_->type, operator_->parts[k]->type);
    if (operator_->kind < OPERATOR_TENSOR)
        return operator_set_extents(reading, operator_);
    operator_set_shape(operator_, first->rows, operator_->kind == OPERATOR_PRODUCT ? last->columns : first->columns);
    return true;
}

struct operator_node *operator_of_parts(const struct reading *reading, enum operator_kind kind, uint32_t n_parts,
                                        const struct operator_node *const *parts)
{
    struct operator_node *operator_ = NULL;
    for (uint32_t k = 0; k < n_parts; k++) {
        if (!parts[k])
            return NULL;
        if (!operator_ && !(operator_ = operator_create(reading, kind, parts[k]->span)))
            return NULL;
        operator_->parts[operator_->n_parts++] = (struct operator_node *)(uintptr_t)parts[k];
    }
    return operator_ && set_type_and_shape(reading, operator_) ? operator_ : NULL;
}

struct operator_node *operator_of_tensor(const struct reading *reading, enum operator_kind kind, const struct ir_node *tensor,
                                         struct span span)
{
    struct operator_node *operator_ = tensor ? operator_create(reading, kind, span) : NULL;
    if (!operator_)
        return NULL;
    operator_->tensors[operator_->n_tensors++] = (struct operator_tensor){.node = tensor, .name = "the inverse", .span = span};
    operator_->type = (struct value_type){TYPED, tensor->elem, NULL};
    if (kind != OPERATOR_TENSOR)
        return operator_set_extents(reading, operator_) ? operator_ : NULL;
    operator_set_shape(operator_, tensor->shape[0], tensor->shape[1]);
    return operator_;
}

struct operator_node *operator_of_sizes(const struct reading *reading, enum operator_kind kind, uint32_t n_sizes,
                                        const struct poly *const *sizes, struct value_type type, struct span span)
{
    struct operator_node *operator_ = operator_create(reading, kind, span);
    if (!operator_)
        return NULL;
    for (uint32_t k = 0; k < n_sizes; k++)
        operator_->sizes[operator_->n_sizes++] = sizes[k];
    operator_->type = type;
    return operator_set_extents(reading, operator_) ? operator_ : NULL;
}

static struct formula *number_formula(const struct reading *reading, double re, double im, struct span span)
{
    struct formula *formula = formula_create(reading->statement, FORMULA_NUMBER, span);
    if (!formula)
        return NULL;
    formula->number = (struct weak_number){.kind = im != 0 ? WEAK_COMPLEX : WEAK_REAL, .re = re, .im = im};
    formula->type = im != 0 ? (struct value_type){WEAK_A_COMPLEX, IR_c128, NULL} : (struct value_type){WEAK_A_REAL, IR_f64, NULL};
    return formula;
}

static struct operator_node *multiple(const struct reading *reading, struct formula *number, const struct operator_node *part)
{
    struct operator_node *operator_ = number ? operator_of_parts(reading, OPERATOR_MULTIPLE, 1, &part) : NULL;
    if (!operator_)
        return NULL;
    operator_->number = number;
    operator_->type = operator_join_types(number->type, part->type);
    return operator_;
}

static struct operator_node *times(const struct reading *reading, const struct operator_node *a, const struct operator_node *b)
{
    const struct operator_node *parts[2] = {a, b};
    return operator_of_parts(reading, OPERATOR_PRODUCT, 2, parts);
}

/* ---- mistakes ---- */

struct operator_node *operator_report_singular(const struct reading *reading, const struct operator_node *operator_)
{
    struct diagnostics *diagnostics = reading->statement->body->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0255, operator_->span, "this matrix has no inverse: it is singular");
    diag_help(diagnostics, diag, "as far as numbers of its element type can tell");
    return operator_failed(reading);
}

void operator_note_condition(const struct reading *reading, const struct operator_node *operator_, const char *how,
                             double condition)
{
    operator_note_inverse(reading, operator_,
                          arena_printf(reading->statement->body->arena, "%s, condition number %.2g", how, condition));
}

void operator_note_inverse(const struct reading *reading, const struct operator_node *operator_, const char *detail)
{
    struct body *body = reading->statement->body;
    struct ir_kernel *kernel = body->kernel;
    struct ir_remark remark = {source_text(body, operator_->span), "inverse", detail};
    for (size_t k = 0; remark.what && remark.detail && k < kernel->n_remarks; k++)
        if (strcmp(kernel->remarks[k].what, remark.what) == 0 && strcmp(kernel->remarks[k].detail, remark.detail) == 0)
            return;
    if (remark.what && remark.detail)
        (void)ARENA_PUSH(body->arena, kernel->remarks, kernel->n_remarks, kernel->remarks_capacity, remark);
}

/* ---- rows that say more than a table ---- */

/* 1/t element by element: constants of constants. */
static const struct ir_node *reciprocals(const struct reading *reading, const struct ir_node *t)
{
    if (t && t->op == IR_const_node)
        return operator_constant_reciprocals(reading, t);
    if (!t)
        return NULL;
    struct ir_context *context = reading->statement->body->context;
    struct ir_access access = ir_access_whole(context, t);
    const struct ir_expr *sides[2] = {ir_expr_literal(context, ir_number_real(t->elem, 1)), ir_expr_operand(context, 0, t->elem)};
    return ir_map(context, t->rank, t->shape, 1, &access, ir_expr_apply(context, IR_EXPR_div, 2, sides));
}

static bool has_zero(const struct ir_node *t)
{
    size_t count = t->op == IR_const_node ? t->constant->bytes / ir_elem_info(t->elem)->bytes : 0;
    for (size_t k = 0; k < count; k++) {
        struct ir_number number = ir_number_load(t->elem, t->constant->data, k);
        if (number.re == 0 && (!ir_elem_is_complex(t->elem) || number.im == 0))
            return true;
    }
    return false;
}

static bool divides(const struct ir_node *t)
{
    return ir_elem_is_float(t->elem) || ir_elem_is_complex(t->elem);
}

static struct operator_node *write_inverse_diag(const struct reading *reading, const struct operator_node *operator_)
{
    const struct ir_node *d = operator_settled(reading, operator_->tensors[0].node);
    if (!d || !divides(d))
        return NULL;
    if (has_zero(d))
        return operator_report_singular(reading, operator_);
    return operator_of_tensor(reading, OPERATOR_diag, reciprocals(reading, d), operator_->span);
}

/* Does a table that is known name some place twice, and so another never? */
static bool has_twice(const struct reading *reading, const struct ir_node *table)
{
    int64_t count;
    if (table->op != IR_const_node || !table->constant->data || !poly_is_constant(table->shape[0], &count))
        return false;
    bool twice = false, *taken = ARENA_ARRAY(reading->statement->body->arena, (size_t)count, bool);
    for (int64_t k = 0; taken && !twice && k < count; k++) {
        int64_t place = ir_number_load(table->elem, table->constant->data, (size_t)k).i;
        twice = taken[place]; /* places are inside: operator_set_extents */
        taken[place] = true;
    }
    return twice;
}

static struct operator_node *write_inverse_perm(const struct reading *reading, const struct operator_node *operator_)
{
    return has_twice(reading, operator_->tensors[0].node) ? operator_report_singular(reading, operator_)
                                                          : operator_of_parts(reading, OPERATOR_transpose, 1, &operator_);
}

static struct operator_node *write_inverse_blockdiag(const struct reading *reading, const struct operator_node *operator_)
{
    const struct ir_node *blocks = operator_settled(reading, operator_->tensors[0].node);
    if (!blocks)
        return NULL;
    if (blocks->op != IR_const_node && poly_equals(blocks->shape[1], 1) && poly_equals(blocks->shape[2], 1) && divides(blocks))
        return operator_of_tensor(reading, OPERATOR_blockdiag, reciprocals(reading, blocks), operator_->span);
    return operator_invert_blocks(reading, operator_, blocks);
}

static struct operator_node *write_inverse_MULTIPLE(const struct reading *reading, const struct operator_node *operator_)
{
    struct formula *number = operator_->number, *by;
    double size = number->number.re * number->number.re + number->number.im * number->number.im;
    double _Complex known;
    if (operator_known_number(reading, number, &known) && known == 0)
        return operator_report_singular(reading, operator_);
    if (number->kind == FORMULA_NUMBER)
        by = number_formula(reading, number->number.re / size, -number->number.im / size, number->span);
    else if ((by = formula_create(reading->statement, FORMULA_DIVIDE, number->span)) != NULL) {
        by->n_arguments = 2;
        by->arguments[0] = number_formula(reading, 1, 0, number->span);
        by->arguments[1] = number;
        by->type = number->type;
        by->free = number->free;
    }
    return multiple(reading, by, operator_invert(reading, operator_->parts[0]));
}

/* Of known eigenvalues: is none of them zero? */
static bool check_eigenvalues(const struct reading *reading, const struct operator_node *operator_, const struct ir_node *values)
{
    double largest = 0, least = INFINITY;
    size_t count = values->constant->bytes / ir_elem_info(values->elem)->bytes;
    for (size_t k = 0; k < count; k++) {
        struct ir_number number = ir_number_load(values->elem, values->constant->data, k);
        largest = fmax(largest, hypot(number.re, number.im));
        least = fmin(least, hypot(number.re, number.im));
    }
    if (!(least > largest * ir_elem_epsilon(values->elem)))
        return operator_report_singular(reading, operator_) != NULL;
    operator_note_condition(reading, operator_, "by Fourier transforms", largest / least);
    return true;
}

/* The first column of a circulant matrix is the inverse transform of its eigenvalues. */
static struct operator_node *write_inverse_circulant(const struct reading *reading, const struct operator_node *operator_)
{
    const struct ir_node *c = operator_settled(reading, operator_->tensors[0].node);
    struct ir_context *context = reading->statement->body->context;
    struct value_type type = {WEAK_A_COMPLEX, IR_c128, NULL};
    bool constant = c && c->op == IR_const_node;
    if (!c || !divides(c) || !poly_is_constant(operator_->rows, NULL))
        return NULL;
    const struct operator_node *forward = operator_of_sizes(reading, OPERATOR_dft, 1, &operator_->rows, type, operator_->span),
                               *backward = operator_of_sizes(reading, OPERATOR_idft, 1, &operator_->rows, type, operator_->span);
    const struct ir_node *values = forward && backward ? operator_apply(reading, forward, c) : NULL;
    if (constant && (!(values = operator_folded(reading, values)) || !check_eigenvalues(reading, operator_, values)))
        return NULL;
    const struct ir_node *column = values ? operator_apply(reading, backward, reciprocals(reading, values)) : NULL;
    if (column && !ir_elem_is_complex(c->elem)) {
        struct ir_access access = ir_access_whole(context, column);
        const struct ir_expr *operand = ir_expr_operand(context, 0, column->elem);
        column = ir_map(context, 1, column->shape, 1, &access, ir_expr_apply(context, IR_EXPR_real, 1, &operand));
    }
    if (constant)
        column = operator_folded(reading, column);
    return operator_of_tensor(reading, OPERATOR_circulant, column, operator_->span);
}

/* U and V of a product that passes through fewer rows than it has; false: it does not. */
static bool is_narrow(const struct reading *reading, const struct operator_node *operator_, const struct operator_node **u,
                      const struct operator_node **v)
{
    int64_t rows, inner;
    if (operator_->kind == OPERATOR_lowrank) {
        *u = operator_of_tensor(reading, OPERATOR_TENSOR, operator_->tensors[0].node, operator_->span);
        *v = operator_of_tensor(reading, OPERATOR_TENSOR, operator_->tensors[1].node, operator_->span);
    } else if (operator_->kind == OPERATOR_PRODUCT) {
        *u = operator_->parts[0];
        *v = operator_->parts[1];
    } else {
        return false;
    }
    return *u && *v && poly_is_constant((*u)->rows, &rows) && poly_is_constant((*u)->columns, &inner) && inner < rows;
}

/* Woodbury: the inverse of a + sign * u v, with the inverse of a matrix of as many rows as v. */
static struct operator_node *woodbury(const struct reading *reading, const struct operator_node *a, const struct operator_node *u,
                                      const struct operator_node *v, bool subtracts)
{
    const struct operator_node *inverse = operator_invert(reading, a);
    struct value_type type = {WEAK_AN_INTEGER, IR_f64, NULL};
    const struct operator_node *sides[2] = {operator_of_sizes(reading, OPERATOR_identity, 1, &v->rows, type, u->span),
                                            inverse ? times(reading, v, times(reading, inverse, u)) : NULL};
    const struct operator_node *inner =
        operator_invert(reading, operator_of_parts(reading, subtracts ? OPERATOR_DIFFERENCE : OPERATOR_SUM, 2, sides));
    if (!inner)
        return NULL;
    const struct operator_node *both[2] = {
        inverse, times(reading, times(reading, inverse, u), times(reading, inner, times(reading, v, inverse)))};
    return operator_of_parts(reading, subtracts ? OPERATOR_SUM : OPERATOR_DIFFERENCE, 2, both);
}

static struct operator_node *write_inverse_SUM(const struct reading *reading, const struct operator_node *operator_)
{
    const struct operator_node *u, *v;
    bool subtracts = operator_->kind == OPERATOR_DIFFERENCE;
    struct operator_node *diagonalised = operator_invert_kron_sum(reading, operator_);
    if (diagonalised || reading->statement->failed)
        return diagonalised;
    if (is_narrow(reading, operator_->parts[1], &u, &v))
        return woodbury(reading, operator_->parts[0], u, v, subtracts);
    if (!subtracts && is_narrow(reading, operator_->parts[0], &u, &v))
        return woodbury(reading, operator_->parts[1], u, v, false);
    return NULL;
}

static struct operator_node *write_inverse_DIFFERENCE(const struct reading *reading, const struct operator_node *operator_)
{
    return write_inverse_SUM(reading, operator_);
}

/* ---- the table ---- */

enum inverse_form { FORM_SAME = 1, FORM_TURNED, FORM_OTHER, FORM_PARTS, FORM_BACKWARD, FORM_FUNCTION };
struct inverse_rule {
    enum inverse_form form;
    enum operator_kind other;
    int64_t factor, term;
    inverse_function *write;
};

#define SAME(kind)     NULL
#define TURNED(kind)   NULL
#define OTHER(kind)    NULL
#define PARTS(kind)    NULL
#define BACKWARD(kind) NULL
#define FUNCTION(kind) write_inverse_##kind
#define INVERSE(kind, form, other, factor, term, identity)                                                                         \
    [OPERATOR_##kind] = {FORM_##form, OPERATOR_##other, factor, term, form(kind)},
static const struct inverse_rule rules[OPERATOR_MULTIPLE + 1] = {
#include "inverses.def"
};

static struct operator_node *inverse_of_parts(const struct reading *reading, const struct operator_node *operator_, bool backward)
{
    struct arena *arena = reading->statement->body->arena;
    const struct operator_node **parts = ARENA_ARRAY(arena, operator_->n_parts, const struct operator_node *);
    uint32_t n = operator_->n_parts;
    for (uint32_t k = 0; k < n; k++)
        if (operator_->parts[k]->rows != operator_->parts[k]->columns)
            return NULL;
    for (uint32_t k = 0; parts && k < n; k++)
        parts[backward ? n - 1 - k : k] = operator_invert(reading, operator_->parts[k]);
    return parts ? operator_of_parts(reading, operator_->kind, n, parts) : NULL;
}

static struct operator_node *by_rule(const struct reading *reading, const struct operator_node *operator_)
{
    const struct inverse_rule *rule = &rules[operator_->kind];
    struct operator_node *same = (struct operator_node *)(uintptr_t)operator_;
    int64_t n = 1;
    switch (rule->form) {
    case FORM_SAME:
        return same;
    case FORM_TURNED:
        return operator_of_parts(reading, OPERATOR_transpose, 1, &operator_);
    case FORM_OTHER:
        (void)poly_is_constant(operator_->rows, &n);
        same = operator_of_sizes(reading, rule->other, operator_->n_sizes, operator_->sizes, operator_->type, operator_->span);
        if (rule->factor == 0)
            return same;
        return multiple(reading, number_formula(reading, 1 / (double)(rule->factor * n + rule->term), 0, operator_->span), same);
    case FORM_PARTS:
    case FORM_BACKWARD:
        return inverse_of_parts(reading, operator_, rule->form == FORM_BACKWARD);
    case FORM_FUNCTION:
        return rule->write(reading, operator_);
    }
    return NULL;
}

/* The inverse of what takes the type of its use does so, too. */
static struct operator_node *in_weak_type(const struct operator_node *operator_, struct operator_node *inverse)
{
    struct value_type type = operator_->type;
    if (inverse && type.weakness && !inverse->type.weakness)
        inverse->type = (struct value_type){type.weakness == WEAK_AN_INTEGER ? WEAK_A_REAL : type.weakness, type.elem, NULL};
    return inverse;
}

struct operator_node *operator_invert(const struct reading *reading, const struct operator_node *operator_)
{
    struct body *body = reading->statement->body;
    if (!operator_)
        return NULL;
    if (operator_->rows != operator_->columns) {
        diag_error(body->diagnostics, DIAG_E0251, operator_->span, "this is %s x %s: only a square matrix has an inverse",
                   extent_text(body->resolver, operator_->rows), extent_text(body->resolver, operator_->columns));
        return operator_failed(reading);
    }
    struct operator_node *inverse = in_weak_type(operator_, by_rule(reading, operator_));
    if (inverse || reading->statement->failed || arena_failed(body->arena))
        return inverse;
    if (poly_equals(operator_->rows, 1) && !operator_is_constant(reading, operator_)) {
        const struct ir_node *number = operator_formed(reading, operator_);
        if (number && divides(number))
            return in_weak_type(operator_,
                                operator_of_tensor(reading, OPERATOR_TENSOR, reciprocals(reading, number), operator_->span));
    }
    return in_weak_type(operator_, operator_invert_numbers(reading, operator_));
}
