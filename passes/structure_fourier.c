/* Fourier transforms: operands that are roots of unity at a product of two indices.
 *
 * root(a i j + b i + c j + d, N) with a coprime ... is a transform of length n = N / gcd(a, N), forward or backward, between
 * diagonals; fewer rows than n are a part of its result, fewer columns data with zeros after them. A real part of a multiple of
 * such roots (cosines and sines) is the real part of the transform. Real data cost half. */
#include "fourier.h"
#include "structure.h"

/* Below this a transform is its matrix: nothing is gained. */
enum { LEAST_LENGTH = 5 };

/* What an operand is: part of re + i im times root(numerator, order), over the node's indices. */
struct wave {
    double re, im;
    bool real; /* its real part */
    const struct poly *numerator;
    int64_t order;
};

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

static bool read_wave(const struct ir_expr *expr, struct wave *wave)
{
    switch (expr->op) {
    case IR_EXPR_root:
        *wave = (struct wave){1, 0, false, expr->arguments[0]->op == IR_EXPR_index ? expr->arguments[0]->index : NULL, 0};
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
        struct wave by = *wave;
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
        struct wave other;
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

/* a i j + b i + c j + d */
struct form {
    int64_t a, b, c, d;
};

static bool read_term(const struct poly_term *term, uint32_t i, uint32_t j, struct form *form)
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

static bool read_form(const struct poly *poly, uint32_t i, uint32_t j, struct form *form)
{
    *form = (struct form){0};
    for (uint32_t t = 0; t < poly->n_terms; t++)
        if (!read_term(&poly->terms[t], i, j, form))
            return false;
    return true;
}

/* The operand as a transform that is applied to data. */
struct transform {
    struct structure_application application;
    struct wave wave;
    struct form form;
    int64_t length;
    bool inverse;
};

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

static bool find_transform(struct structuring *structuring, const struct ir_node *node, uint32_t operand,
                           struct transform *transform)
{
    const struct ir_access *access = &node->operands[operand];
    struct poly_ranges ranges = ir_ranges(node);
    uint32_t i = 0, j = 0;
    if (access->node->op != IR_map_node || access->node->n_operands || access->fill ||
        !read_wave(access->node->body, &transform->wave))
        return false;
    struct wave *wave = &transform->wave;
    wave->numerator = poly_substitute(structuring->context, wave->numerator, access->node->rank, access->subscripts, &ranges);
    if (!wave->numerator || !find_pair(node, wave->numerator, &i, &j))
        return false;
    if (access->conjugate) {
        wave->numerator = poly_scale(structuring->context, wave->numerator, -1);
        wave->im = -wave->im;
    }
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

/* ---- building ---- */

static const struct poly *multiple(struct ir_context *context, int64_t factor, int64_t constant)
{
    return poly_add(context, poly_scale(context, poly_index(context, 0), factor), poly_constant(context, constant));
}

static bool turns(const struct wave *wave, int64_t a)
{
    return a % wave->order != 0;
}

/* The data times root(c j, order), zeros after them up to the length. */
static const struct ir_node *padded(struct ir_context *context, const struct transform *transform, const struct ir_node *x)
{
    const struct wave *wave = &transform->wave;
    if (!x)
        return NULL;
    const struct poly *last = poly_index(context, x->rank - 1);
    if (turns(wave, transform->form.c))
        x = fourier_scale(context, x,
                          fourier_roots(context, x->elem, poly_constant(context, transform->application.columns),
                                        multiple(context, transform->form.c, 0), wave->order, 1, 0));
    if (transform->application.columns == transform->length)
        return x;
    return fourier_view(context, x, transform->length, last, true, false);
}

/* All of a spectrum of real data from its first half. */
static const struct ir_node *both_halves(struct ir_context *context, const struct ir_node *half, int64_t n, int64_t rows)
{
    if (!half)
        return NULL;
    const struct poly *last = poly_index(context, half->rank - 1);
    int64_t first = n / 2 + 1;
    if (rows <= first)
        return rows == first ? half : fourier_view(context, half, rows, last, false, false);
    const struct ir_node *rest =
        fourier_view(context, half, rows - first, poly_subtract(context, poly_constant(context, n - first), last), false, true);
    const struct poly **shape = arena_copy(ir_arena(context), half->shape, half->rank, sizeof *half->shape);
    if (!shape || !rest)
        return NULL;
    shape[half->rank - 1] = poly_constant(context, rows);
    const struct ir_access parts[2] = {ir_access_whole(context, half),
                                       fourier_at(context, rest, poly_subtract(context, last, poly_constant(context, first)))};
    return ir_concat(context, half->rank, shape, 2, parts);
}

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

/* The part of the spectrum that is asked for, times (re + i im) root(b i + d, order). */
static const struct ir_node *turned(struct ir_context *context, const struct transform *transform, const struct ir_node *y)
{
    const struct wave *wave = &transform->wave;
    const struct structure_application *application = &transform->application;
    if (!y)
        return NULL;
    const struct poly *last = poly_index(context, y->rank - 1), *rows = poly_constant(context, application->rows);
    bool scaled = turns(wave, transform->form.b) || turns(wave, transform->form.d) || wave->re != 1 || wave->im != 0;
    if (y->shape[y->rank - 1] != rows)
        y = fourier_view(context, y, application->rows, last, false, false);
    const struct ir_node *factor = fourier_roots(context, y->elem, rows, multiple(context, transform->form.b, transform->form.d),
                                                 wave->order, wave->re, wave->im);
    if (!wave->real)
        return scaled ? fourier_scale(context, y, factor) : y;
    const struct ir_access operands[2] = {fourier_at(context, y, last), {.node = factor, .subscripts = &last}};
    const struct ir_expr *a = ir_expr_operand(context, 0, y->elem), *b = ir_expr_operand(context, 1, y->elem);
    const struct ir_expr *real =
        apply(context, IR_EXPR_sub,
              apply(context, IR_EXPR_mul, apply(context, IR_EXPR_real, a, NULL), apply(context, IR_EXPR_real, b, NULL)),
              apply(context, IR_EXPR_mul, apply(context, IR_EXPR_imag, a, NULL), apply(context, IR_EXPR_imag, b, NULL)));
    return ir_map(context, y->rank, y->shape, scaled ? 2 : 1, operands, scaled ? real : apply(context, IR_EXPR_real, a, NULL));
}

static const struct ir_node *complex_of(struct ir_context *context, const struct ir_node *x)
{
    enum ir_elem elem = ir_elem_complex(x->elem);
    struct ir_access whole = ir_access_whole(context, x);
    return ir_map(context, x->rank, x->shape, 1, &whole, ir_expr_cast(context, elem, ir_expr_operand(context, 0, x->elem)));
}

static const struct ir_node *transformed(struct structuring *structuring, const struct transform *transform)
{
    struct ir_context *context = structuring->context;
    const struct structure_application *application = &transform->application;
    const struct ir_node *real = application->real ? application->real : application->data;
    bool halves = !ir_elem_is_complex(real->elem) && transform->length % 2 == 0 && !turns(&transform->wave, transform->form.c);
    const struct ir_node *y;
    if (halves) {
        const struct ir_node *half =
            fourier_real(context, padded(context, transform, structure_improve(structuring, real)), transform->length);
        if (transform->inverse && half) /* of real data the conjugate */
            half = fourier_view(context, half, transform->length / 2 + 1, poly_index(context, half->rank - 1), false, true);
        y = both_halves(context, half, transform->length, application->rows);
    } else {
        const struct ir_node *x = structure_improve(structuring, application->data);
        x = ir_elem_is_complex(x->elem) ? x : complex_of(context, x);
        y = fourier_complex(context, padded(context, transform, x), transform->length, transform->inverse);
    }
    return turned(context, transform, y);
}

const struct ir_node *structure_fourier(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct transform transform;
    if (!find_transform(structuring, node, operand, &transform))
        return NULL;
    const struct structure_application *application = &transform.application;
    return structure_finish(structuring, application, application->n_batch, application->batch,
                            transformed(structuring, &transform));
}

const struct ir_node *structure_coprime(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct ir_context *context = structuring->context;
    struct transform transform;
    if (!find_transform(structuring, node, operand, &transform) || transform.wave.real || transform.application.real)
        return NULL;
    const struct structure_application *application = &transform.application;
    const struct ir_node *y =
        fourier_coprime(context, padded(context, &transform, structure_improve(structuring, application->data)), transform.length,
                        transform.inverse);
    return y ? structure_finish(structuring, application, application->n_batch, application->batch, turned(context, &transform, y))
             : NULL;
}
