/* Cosine and sine transforms of types II, III and IV of real data, by Fourier transforms of half their length.
 *
 * All are the real part of C root(f(i) g(j), N) with C real (cosines) or imaginary (sines).
 * II, (i + o)(2j + 1) of 4n: with v the even elements and then the odd ones from the end, for sines with a minus, it is the real
 * part of C root(i + o, 4n) V[i + o], V the transform of v (Makhoul 1980). III, (2i + 1)(j + o), is the same backwards. IV, (2i +
 * 1)(2j + 1) of 8n: the transform of (x[2t] + i x[n-1-2t]) root(4t + 1, 8n), times root(t, 2n), has the even rows as its real part
 * and the others from the end as minus its imaginary one; a sine transform is that of the reversed data with every other row's sign
 * changed. */
#include "fourier.h"
#include "structure.h"

/* One of the three, with N = 4n or 8n and the sign of the angle made +. */
struct quarter_wave {
    int type;
    int64_t n, offset;
    bool sine;
};

static bool find_quarter_wave(struct structuring *structuring, const struct ir_node *node, uint32_t operand,
                              struct structure_transform *transform, struct quarter_wave *quarter)
{
    if (!structure_find_transform(structuring, node, operand, transform) || !transform->wave.real ||
        !ir_elem_is_float(transform->application.data->elem))
        return false;
    struct structure_form *form = &transform->form;
    struct structure_wave *wave = &transform->wave;
    int64_t rows = transform->application.rows, columns = transform->application.columns, order = wave->order;
    if (form->a < 0) {
        *form = (struct structure_form){-form->a, -form->b, -form->c, -form->d};
        wave->im = -wave->im;
    }
    quarter->sine = wave->re == 0;
    if (wave->re != 0 && wave->im != 0)
        return false;
    if (form->a == 2 && form->b == 1 && form->c == 2 * form->d && order == 4 * columns && rows <= columns)
        *quarter = (struct quarter_wave){2, columns, form->d, quarter->sine};
    else if (form->a == 2 && form->c == 1 && form->b == 2 * form->d && order == 4 * rows && rows == columns)
        *quarter = (struct quarter_wave){3, rows, form->d, quarter->sine};
    else if (form->a == 4 && form->b == 2 && form->c == 2 && form->d == 1 && order == 8 * rows && rows == columns)
        *quarter = (struct quarter_wave){4, rows, 0, quarter->sine};
    else
        return false;
    return quarter->n % 2 == 0 && quarter->offset >= 0;
}

/* ---- building ---- */

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

/* from + step * the last index of x */
static const struct poly *line(struct ir_context *context, const struct ir_node *x, int64_t from, int64_t step)
{
    return poly_add(context, number(context, from), poly_scale(context, poly_index(context, x->rank - 1), step));
}

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

/* `op`, or nothing, of x[..., at]. */
static const struct ir_node *part(struct ir_context *context, const struct ir_node *x, int64_t extent, const struct poly *at,
                                  enum ir_expr_op op, bool negative)
{
    if (!x)
        return NULL;
    const struct ir_access access = fourier_at(context, x, at);
    const struct ir_expr *value = ir_expr_operand(context, 0, x->elem);
    if (op != IR_EXPR_operand)
        value = apply(context, op, value, NULL);
    if (negative)
        value = apply(context, IR_EXPR_neg, value, NULL);
    return ir_map(context, x->rank, fourier_shape(context, x, extent), 1, &access, value);
}

static const struct ir_node *second_type(struct ir_context *context, const struct structure_transform *transform,
                                         const struct quarter_wave *quarter, const struct ir_node *x)
{
    int64_t n = quarter->n, half = n / 2;
    const struct ir_node *low = part(context, x, half, line(context, x, 0, 2), IR_EXPR_operand, false);
    const struct ir_node *high = part(context, x, half, line(context, x, n - 1, -2), IR_EXPR_operand, quarter->sine);
    if (!low || !high)
        return NULL;
    const struct ir_access parts[2] = {ir_access_whole(context, low), fourier_at(context, high, line(context, x, -half, 1))};
    const struct ir_node *sorted = ir_concat(context, x->rank, fourier_shape(context, x, n), 2, parts);
    const struct ir_node *all = structure_both_halves(context, fourier_real(context, sorted, n), n, n);
    const struct poly *at = line(context, x, quarter->offset, 1);
    if (quarter->offset)
        at = poly_mod(context, at, number(context, n), NULL);
    return structure_turned(context, transform, fourier_view(context, all, transform->application.rows, at, false));
}

/* C/2 root(m, 4n) at column p, where m is the row of the other side that p stands for; over the last index of x, p = at. */
static const struct ir_node *factors(struct ir_context *context, const struct structure_transform *transform,
                                     const struct quarter_wave *quarter, enum ir_elem elem, const struct poly *column)
{
    const struct poly *numerator = poly_add(context, column, number(context, quarter->offset));
    return fourier_roots(context, elem, number(context, quarter->n / 2 + 1), numerator, 4 * quarter->n, transform->wave.re / 2,
                         transform->wave.im / 2);
}

static const struct ir_node *third_type(struct ir_context *context, const struct structure_transform *transform,
                                        const struct quarter_wave *quarter, const struct ir_node *x)
{
    int64_t n = quarter->n, half = n / 2;
    enum ir_elem elem = ir_elem_complex(x->elem);
    const struct poly *columns[2], *at[2], *last = poly_index(context, x->rank - 1);
    for (int side = 0; side < 2; side++) { /* p and n - p, modulo n, less the offset */
        const struct poly *q = poly_index(context, 0);
        const struct poly *place = side ? poly_subtract(context, number(context, 2 * n - quarter->offset), q)
                                        : poly_add(context, number(context, n - quarter->offset), q);
        columns[side] = poly_mod(context, place, number(context, n), NULL);
        const struct poly *moved = last;
        at[side] = poly_substitute(context, columns[side], 1, &moved, NULL);
    }
    const struct ir_access operands[4] = {fourier_at(context, x, at[0]),
                                          fourier_at(context, x, at[1]),
                                          {.node = factors(context, transform, quarter, elem, columns[0]), .subscripts = &last},
                                          {.node = factors(context, transform, quarter, elem, columns[1]), .subscripts = &last}};
    const struct ir_expr *parts[2][2];
    for (int side = 0; side < 2; side++) {
        const struct ir_expr *value = ir_expr_operand(context, (uint32_t)side, x->elem),
                             *factor = ir_expr_operand(context, (uint32_t)side + 2, elem);
        parts[side][0] = apply(context, IR_EXPR_mul, value, apply(context, IR_EXPR_real, factor, NULL));
        parts[side][1] = apply(context, IR_EXPR_mul, value, apply(context, IR_EXPR_imag, factor, NULL));
    }
    const struct ir_expr *body = apply(context, IR_EXPR_complex, apply(context, IR_EXPR_add, parts[0][0], parts[1][0]),
                                       apply(context, IR_EXPR_sub, parts[1][1], parts[0][1]));
    const struct ir_node *spectrum = ir_map(context, x->rank, fourier_shape(context, x, half + 1), 4, operands, body);
    const struct ir_node *w = fourier_half(context, spectrum, n);
    return fourier_interleave(context, part(context, w, half, last, IR_EXPR_operand, false),
                              part(context, w, half, line(context, x, n - 1, -1), IR_EXPR_operand, quarter->sine));
}

static const struct ir_node *fourth_type(struct ir_context *context, const struct structure_transform *transform,
                                         const struct quarter_wave *quarter, const struct ir_node *x)
{
    int64_t n = quarter->n, half = n / 2;
    enum ir_elem elem = ir_elem_complex(x->elem);
    const struct ir_access even = fourier_at(context, x, line(context, x, 0, 2)),
                           odd = fourier_at(context, x, line(context, x, n - 1, -2));
    const struct ir_access operands[2] = {quarter->sine ? odd : even, quarter->sine ? even : odd};
    const struct ir_node *pairs =
        ir_map(context, x->rank, fourier_shape(context, x, half), 2, operands,
               apply(context, IR_EXPR_complex, ir_expr_operand(context, 0, x->elem), ir_expr_operand(context, 1, x->elem)));
    const struct poly *t = poly_index(context, 0), *extent = number(context, half);
    const struct poly *before = poly_add(context, poly_scale(context, t, 4), number(context, 1));
    const struct ir_node *turned = fourier_scale(context, pairs, fourier_roots(context, elem, extent, before, 8 * n, 1, 0));
    double size = quarter->sine ? transform->wave.im : transform->wave.re;
    const struct ir_node *y = fourier_scale(context, fourier_complex(context, turned, half, false),
                                            fourier_roots(context, elem, extent, t, 2 * n, size, 0));
    return fourier_interleave(context, part(context, y, half, line(context, x, 0, 1), IR_EXPR_real, false),
                              part(context, y, half, line(context, x, half - 1, -1), IR_EXPR_imag, !quarter->sine));
}

const struct ir_node *structure_cosine(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct ir_context *context = structuring->context;
    struct structure_transform transform;
    struct quarter_wave quarter;
    if (!find_quarter_wave(structuring, node, operand, &transform, &quarter))
        return NULL;
    const struct structure_application *application = &transform.application;
    const struct ir_node *x = structure_improve(structuring, application->data);
    if (!x)
        return NULL;
    const struct ir_node *y = quarter.type == 2   ? second_type(context, &transform, &quarter, x)
                              : quarter.type == 3 ? third_type(context, &transform, &quarter, x)
                                                  : fourth_type(context, &transform, &quarter, x);
    return structure_finish(structuring, application, application->n_batch, application->batch, y);
}
