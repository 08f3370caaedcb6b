/* Operands that are roots of unity, or real parts of multiples of them: formulas that are maps of their indices alone.
 *
 * root(a i j + b i + c j + d, N) of two indices of a contraction is a transform of length n = N / gcd(a, N), forward or backward
 * where a / gcd(a, N) is 1 or -1 modulo n, between diagonals. */
#include "structure.h"

#include "ir/complex_number.h"

#include <math.h>

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

/* ahead * root(numerator, order) + back * its conjugate */
struct sum_of_waves {
    double complex ahead, back;
    const struct poly *numerator;
    int64_t order;
};

static bool read_waves(struct ir_context *context, const struct ir_expr *expr, struct sum_of_waves *waves);

static bool read_factor(const struct ir_expr *expr, double complex *factor)
{
    if (expr->op != IR_EXPR_literal || ir_elem_is_integer(expr->elem))
        return false;
    *factor = complex_of(expr->literal.re, ir_elem_is_complex(expr->elem) ? expr->literal.im : 0);
    return true;
}

static void scale_waves(struct sum_of_waves *waves, double complex factor)
{
    waves->ahead = complex_times(waves->ahead, factor);
    waves->back = complex_times(waves->back, factor);
}

/* Of one angle, or of opposite ones: cos + sin, cos - i sin. */
static bool add_waves(struct ir_context *context, const struct ir_expr *expr, double complex sign, struct sum_of_waves *waves)
{
    struct sum_of_waves other;
    if (!read_waves(context, expr->arguments[0], waves) || !read_waves(context, expr->arguments[1], &other) ||
        waves->order != other.order)
        return false;
    bool same = waves->numerator == other.numerator;
    if (!same && waves->numerator != poly_scale(context, other.numerator, -1))
        return false;
    scale_waves(&other, sign);
    waves->ahead += same ? other.ahead : other.back;
    waves->back += same ? other.back : other.ahead;
    return true;
}

static bool read_waves(struct ir_context *context, const struct ir_expr *expr, struct sum_of_waves *waves)
{
    double complex factor;
    if (expr->depth > DEEPEST_FORMULA)
        return false;
    switch (expr->op) {
    case IR_EXPR_root:
        *waves = (struct sum_of_waves){1, 0, expr->arguments[0]->op == IR_EXPR_index ? expr->arguments[0]->index : NULL, 0};
        return waves->numerator && integer_of(expr->arguments[1], &waves->order) && waves->order > 0;
    case IR_EXPR_cast:
        return (ir_elem_is_complex(expr->elem) || !ir_elem_is_complex(expr->arguments[0]->elem)) &&
               !ir_elem_is_integer(expr->elem) && expr->elem != IR_bool && read_waves(context, expr->arguments[0], waves);
    case IR_EXPR_real:
    case IR_EXPR_imag: /* (z + conj z) / 2, or (z - conj z) / 2i */
        if (!read_waves(context, expr->arguments[0], waves))
            return false;
        if (expr->op == IR_EXPR_imag)
            scale_waves(waves, complex_of(0, -1));
        waves->ahead = (waves->ahead + conj(waves->back)) / 2;
        waves->back = conj(waves->ahead);
        return true;
    case IR_EXPR_conj:
        if (!read_waves(context, expr->arguments[0], waves))
            return false;
        factor = conj(waves->ahead);
        waves->ahead = conj(waves->back);
        waves->back = factor;
        return true;
    case IR_EXPR_neg:
        if (!read_waves(context, expr->arguments[0], waves))
            return false;
        scale_waves(waves, -1);
        return true;
    case IR_EXPR_mul: {
        bool first = read_factor(expr->arguments[0], &factor);
        if ((!first && !read_factor(expr->arguments[1], &factor)) || !read_waves(context, expr->arguments[first ? 1 : 0], waves))
            return false;
        scale_waves(waves, factor);
        return true;
    }
    case IR_EXPR_div:
        if (!read_factor(expr->arguments[1], &factor) || creal(factor) == 0 || cimag(factor) != 0 ||
            !read_waves(context, expr->arguments[0], waves))
            return false;
        waves->ahead = complex_of(creal(waves->ahead) / creal(factor), cimag(waves->ahead) / creal(factor));
        waves->back = complex_of(creal(waves->back) / creal(factor), cimag(waves->back) / creal(factor));
        return true;
    case IR_EXPR_complex: /* re + i im */
        return add_waves(context, expr, complex_of(0, 1), waves);
    case IR_EXPR_add:
    case IR_EXPR_sub:
        return add_waves(context, expr, expr->op == IR_EXPR_add ? 1 : -1, waves);
    default:
        return false;
    }
}

/* One wave, or a real one and so its conjugate as well. */
static bool read_wave(struct ir_context *context, const struct ir_expr *expr, struct structure_wave *wave)
{
    struct sum_of_waves waves;
    if (!read_waves(context, expr, &waves))
        return false;
    bool real = waves.ahead != 0 && waves.back == conj(waves.ahead), back = waves.ahead == 0;
    if (!real && !back && waves.back != 0)
        return false;
    double complex size = real ? 2 * waves.ahead : back ? waves.back : waves.ahead;
    *wave = (struct structure_wave){creal(size), cimag(size), real, waves.numerator, waves.order};
    if (back)
        wave->numerator = poly_scale(context, wave->numerator, -1);
    return wave->numerator != NULL;
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
    if (access->node->op != IR_map_node || access->node->n_operands || access->fill ||
        !read_wave(structuring->context, access->node->body, wave))
        return false;
    wave->numerator = poly_substitute(structuring->context, wave->numerator, access->node->rank, access->subscripts, &ranges);
    if (wave->numerator && access->conjugate) {
        wave->numerator = poly_scale(structuring->context, wave->numerator, -1);
        wave->im = -wave->im;
    }
    return wave->numerator != NULL;
}

/* Multiplies the wave by a number, as far as that rounds nothing. */
static bool times_number(struct structure_wave *wave, const struct ir_access *access)
{
    if (access->node->op != IR_const_node || access->node->rank || access->node->constant->exact || access->conjugate)
        return false;
    struct ir_number number = ir_number_load(access->node->elem, access->node->constant->data, 0);
    double re = wave->re * number.re, im = wave->im * number.re;
    bool exact = fma(wave->re, number.re, -re) == 0 && fma(wave->im, number.re, -im) == 0 && isfinite(re) && isfinite(im);
    if (!exact || number.re == 0 || (ir_elem_is_complex(number.elem) && number.im != 0))
        return false;
    wave->re = re;
    wave->im = im;
    return true;
}

/* The node without real numbers among its operands, which the wave takes along: twiddles have room for them. NULL: no memory. */
static const struct ir_node *without_numbers(struct ir_context *context, const struct ir_node *node, uint32_t *operand,
                                             struct structure_wave *wave)
{
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access);
    uint32_t count = 0, own = *operand;
    for (uint32_t k = 0; operands && k < node->n_operands; k++) {
        if (k == own)
            *operand = count;
        if (k == own || !times_number(wave, &node->operands[k]))
            operands[count++] = node->operands[k];
    }
    if (!operands || count == node->n_operands)
        return operands ? node : NULL;
    return ir_contract(context, &(struct ir_contract){node->contract.ring, node->elem, node->contract.accumulator, node->rank,
                                                      node->n_indices, node->extents, count, operands, node->contract.n_domain,
                                                      node->contract.domain, node->contract.n_sliced, node->contract.sliced, false,
                                                      node->contract.named});
}

bool structure_find_transform(struct structuring *structuring, const struct ir_node *whole, uint32_t operand,
                              struct structure_transform *transform)
{
    uint32_t i = 0, j = 0;
    struct structure_wave *wave = &transform->wave;
    if (!structure_find_wave(structuring, whole, operand, wave) || !find_pair(whole, wave->numerator, &i, &j))
        return false;
    const struct ir_node *node = without_numbers(structuring->context, whole, &operand, wave);
    if (!node)
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
