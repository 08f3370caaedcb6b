/* Operands that are roots of unity, or real parts of multiples of them: formulas that are maps of their indices alone.
 *
 * root(a i j + b i + c j + d, N) of two indices of a contraction is a transform of length n = N / gcd(a, N), forward or backward
 * where a / gcd(a, N) is 1 or -1 modulo n, between diagonals. */
#include "structure.h"

/* Below this a transform is its matrix: nothing is gained. */
enum { LEAST_LENGTH = 5 };

/* Of what is looked into: formulas of transforms are short. */
enum { DEEPEST_FORMULA = 64 };

static bool integer_of(const struct ir_expr *expr, int64_t *value)
{
    while (expr->op == IR_EXPR_cast)
        expr = expr->arguments[0];
    if (expr->op == IR_EXPR_index)
        return poly_is_constant(expr->index, value);
    if (expr->op != IR_EXPR_literal || !ir_elem_is_integer(expr->literal.elem))
        return false;
    *value = expr->literal.i;
    return true;
}

static bool read_wave(const struct ir_expr *expr, struct structure_wave *wave)
{
    if (expr->depth > DEEPEST_FORMULA)
        return false;
    switch (expr->op) {
    case IR_EXPR_root:
        *wave = (struct structure_wave){1, 0, false, expr->arguments[0]->op == IR_EXPR_index ? expr->arguments[0]->index : NULL, 0};
        return wave->numerator && integer_of(expr->arguments[1], &wave->order) && wave->order > 0;
    case IR_EXPR_cast:
        return (ir_elem_is_complex(expr->elem) || !ir_elem_is_complex(expr->arguments[0]->elem)) &&
               !ir_elem_is_integer(expr->elem) && expr->elem != IR_bool && read_wave(expr->arguments[0], wave);
    case IR_EXPR_real:
        if (!read_wave(expr->arguments[0], wave) || wave->real)
            return false;
        wave->real = true;
        return true;
    case IR_EXPR_neg:
        if (!read_wave(expr->arguments[0], wave))
            return false;
        wave->re = -wave->re;
        wave->im = -wave->im;
        return true;
    case IR_EXPR_mul: {
        bool first = expr->arguments[0]->op == IR_EXPR_literal;
        const struct ir_expr *literal = expr->arguments[first ? 0 : 1];
        if (literal->op != IR_EXPR_literal || ir_elem_is_integer(literal->elem) || !read_wave(expr->arguments[first ? 1 : 0], wave))
            return false;
        double re = literal->literal.re, im = ir_elem_is_complex(literal->elem) ? literal->literal.im : 0;
        struct structure_wave by = *wave;
        wave->re = by.re * re - by.im * im;
        wave->im = by.re * im + by.im * re;
        return !wave->real || im == 0;
    }
    case IR_EXPR_div: {
        const struct ir_expr *literal = expr->arguments[1];
        if (literal->op != IR_EXPR_literal || ir_elem_is_integer(literal->elem) || literal->literal.re == 0 ||
            (ir_elem_is_complex(literal->elem) && literal->literal.im != 0) || !read_wave(expr->arguments[0], wave))
            return false;
        wave->re /= literal->literal.re;
        wave->im /= literal->literal.re;
        return true;
    }
    case IR_EXPR_add:
    case IR_EXPR_sub: { /* of one angle, as cos + sin */
        struct structure_wave other;
        double sign = expr->op == IR_EXPR_add ? 1 : -1;
        if (!read_wave(expr->arguments[0], wave) || !read_wave(expr->arguments[1], &other) || wave->real != other.real ||
            wave->numerator != other.numerator || wave->order != other.order)
            return false;
        wave->re += sign * other.re;
        wave->im += sign * other.im;
        return true;
    }
    default:
        return false;
    }
}

static bool read_term(const struct poly_term *term, uint32_t i, uint32_t j, struct structure_form *form)
{
    uint32_t n_i = 0, n_j = 0;
    for (uint32_t k = 0; k < term->n_factors; k++) {
        if (term->factors[k]->kind != POLY_INDEX)
            return false;
        n_i += term->factors[k]->symbol == i;
        n_j += term->factors[k]->symbol == j;
    }
    if (term->denominator != 1 || n_i > 1 || n_j > 1 || n_i + n_j != term->n_factors)
        return false;
    *(n_i && n_j ? &form->a : n_i ? &form->b : n_j ? &form->c : &form->d) += term->numerator;
    return true;
}

static bool read_form(const struct poly *poly, uint32_t i, uint32_t j, struct structure_form *form)
{
    *form = (struct structure_form){0};
    for (uint32_t t = 0; t < poly->n_terms; t++)
        if (!read_term(&poly->terms[t], i, j, form))
            return false;
    return true;
}

static bool find_pair(const struct ir_node *node, const struct poly *numerator, uint32_t *i, uint32_t *j)
{
    uint32_t found = 0;
    for (uint32_t index = 0; index < node->n_indices; index++)
        if (poly_uses_index(numerator, index)) {
            if (found == 2)
                return false;
            *(found++ ? j : i) = index;
        }
    return found == 2;
}

bool structure_find_wave(struct structuring *structuring, const struct ir_node *node, uint32_t operand, struct structure_wave *wave)
{
    const struct ir_access *access = &node->operands[operand];
    struct poly_ranges ranges = ir_ranges(node);
    if (access->node->op != IR_map_node || access->node->n_operands || access->fill || !read_wave(access->node->body, wave))
        return false;
    wave->numerator = poly_substitute(structuring->context, wave->numerator, access->node->rank, access->subscripts, &ranges);
    if (wave->numerator && access->conjugate) {
        wave->numerator = poly_scale(structuring->context, wave->numerator, -1);
        wave->im = -wave->im;
    }
    return wave->numerator != NULL;
}

bool structure_find_transform(struct structuring *structuring, const struct ir_node *node, uint32_t operand,
                              struct structure_transform *transform)
{
    uint32_t i = 0, j = 0;
    struct structure_wave *wave = &transform->wave;
    if (!structure_find_wave(structuring, node, operand, wave) || !find_pair(node, wave->numerator, &i, &j))
        return false;
    if (j < node->rank) { /* the column is summed */
        uint32_t other = i;
        i = j, j = other;
    }
    bool isolated = structure_isolate(structuring, node, operand, i, j, &transform->application);
    if (!isolated && i >= node->rank) {
        uint32_t other = i;
        i = j, j = other;
        isolated = structure_isolate(structuring, node, operand, i, j, &transform->application);
    }
    if (!isolated || !read_form(wave->numerator, i, j, &transform->form))
        return false;
    int64_t common = poly_gcd(transform->form.a, wave->order), step = transform->form.a / common;
    transform->length = wave->order / common;
    if (transform->form.a == 0 || transform->length < LEAST_LENGTH || transform->application.rows > transform->length ||
        transform->application.columns > transform->length)
        return false;
    step = ((step % transform->length) + transform->length) % transform->length;
    transform->inverse = step == transform->length - 1;
    return step == 1 || transform->inverse;
}
