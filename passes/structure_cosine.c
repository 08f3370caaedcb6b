/* Cosine and sine transforms by Fourier transforms of half their length in work.
 *
 * All are the real part of C root(f(i) g(j), N) with C real (cosines) or imaginary (sines).
 * I, (i + o)(j + o) of 2n: its even rows are type I of n / 2 of the data folded, x[j] + x[n - j], its odd ones type III of x[j] -
 * x[n - j] (for sines the other way round).
 * II, (i + o)(2j + 1) of 4n: with v the even elements and then the odd ones from the end, for sines with a minus, it is the real
 * part of C root(i + o, 4n) V[i + o], V the transform of v (Makhoul 1980). III, (2i + 1)(j + o), is the same backwards.
 * IV, (2i + 1)(2j + 1) of 8n, even n: the transform of (x[2t] + i x[n-1-2t]) root(4t + 1, 8n), times root(t, 2n), has the even rows
 * as its real part and the others from the end as minus its imaginary one; a sine transform is that of the reversed data with every
 * other row's sign changed. II, III and IV of odd n stand in structure_cosine_odd.c. */
#include "fourier.h"
#include "structure.h"

/* Type I is folded from this on; odd lengths are best as their matrix up to that. Of odd length so many numbers stand
 * in a table. */
enum { SHORTEST_FOLDED = 10, LONGEST_TABLE = FOURIER_LONGEST_CODELET, LONGEST_ODD = 1 << 20 };

static bool find_quarter_wave(struct structuring *structuring, const struct ir_node *node, uint32_t operand,
                              struct structure_transform *transform, struct structure_quarter_wave *quarter)
{
    if (!structure_find_transform(structuring, node, operand, transform) || !transform->wave.real)
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
    int64_t edge = quarter->sine ? 1 : 0;
    if (form->a == 1 && form->d == form->b * form->c && order % 2 == 0)
        *quarter = (struct structure_quarter_wave){
            1, order / 2, edge, quarter->sine, form->b - edge, form->c - edge, order / 2 + 1 - 2 * edge};
    else if (form->a == 2 && form->b == 1 && form->c == 2 * form->d && order % 4 == 0)
        *quarter = (struct structure_quarter_wave){2, order / 4, form->d, quarter->sine, 0, 0, order / 4};
    else if (form->a == 2 && form->c == 1 && form->b == 2 * form->d && order % 4 == 0)
        *quarter = (struct structure_quarter_wave){3, order / 4, edge, quarter->sine, form->d - edge, 0, order / 4};
    else if (form->a == 4 && form->b == 2 && form->c == 2 && form->d == 1 && order % 8 == 0)
        *quarter = (struct structure_quarter_wave){4, order / 8, 0, quarter->sine, 0, 0, order / 8};
    else
        return false;
    bool other_edge = quarter->type == 3 && columns == quarter->size && form->d == 1 - edge; /* whose column is zero */
    if (other_edge) {
        quarter->offset = 1 - edge;
        quarter->before = 0;
    }
    bool possible = quarter->type == 1 ? quarter->n % 2 == 0 || quarter->n > LONGEST_TABLE
                                       : quarter->type != 4 || quarter->n % 2 == 0 || quarter->n <= LONGEST_ODD;
    bool inside = quarter->before >= 0 && quarter->skipped >= 0 && quarter->before + columns <= quarter->size &&
                  (quarter->type == 2 ? rows : quarter->skipped + rows) <= quarter->size;
    bool most = quarter->size / 2 <= (rows > columns ? rows : columns);
    return possible && inside && most && quarter->offset >= 0;
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

/* The real part of V[m] T[m], or its imaginary part, m = from + step * row, of so many rows. */
static const struct ir_node *part_of_products(struct ir_context *context, const struct ir_node *v, const struct ir_node *t,
                                              int64_t rows, int64_t from, int64_t step, bool imaginary, bool negative)
{
    const struct poly *at = line(context, v, from, step);
    const struct ir_access operands[2] = {fourier_at(context, v, at),
                                          {.node = t, .subscripts = arena_copy(ir_arena(context), &at, 1, sizeof at)}};
    const struct ir_expr *parts[2][2], *products[2];
    for (uint32_t k = 0; k < 2; k++) {
        const struct ir_expr *value = ir_expr_operand(context, k, v->elem);
        parts[k][0] = ir_expr_apply(context, IR_EXPR_real, 1, &value);
        parts[k][1] = ir_expr_apply(context, IR_EXPR_imag, 1, &value);
    }
    for (int k = 0; k < 2; k++) {
        const struct ir_expr *factors[2] = {parts[0][k], parts[1][imaginary ? 1 - k : k]};
        products[k] = ir_expr_apply(context, IR_EXPR_mul, 2, factors);
    }
    const struct ir_expr *sum = ir_expr_apply(context, imaginary ? IR_EXPR_add : IR_EXPR_sub, 2, products);
    if (negative)
        sum = ir_expr_apply(context, IR_EXPR_neg, 1, &sum);
    return operands[1].subscripts ? ir_map(context, v->rank, fourier_shape(context, v, rows), 2, operands, sum) : NULL;
}

/* Row i is the real part of C root(m, 4n) V[m], m = i + offset, of which `half` has m <= n / 2. Beyond that V[m] is V[n - m]* and
 * root(m, 4n) is -i root(n - m, 4n)*: it is the imaginary part of the product at n - m, of cosines with a minus. */
static const struct ir_node *turned_by_half(struct ir_context *context, const struct structure_transform *transform,
                                            const struct structure_quarter_wave *quarter, const struct ir_node *half)
{
    const struct structure_wave *wave = &transform->wave;
    int64_t n = quarter->n, count = n / 2 + 1, rows = transform->application.rows, first = count - quarter->offset;
    if (!half)
        return NULL;
    first = first < rows ? first : rows;
    const struct ir_node *t =
        fourier_roots(context, half->elem, number(context, count), poly_index(context, 0), wave->order, wave->re, wave->im);
    if (!t)
        return NULL;
    const struct ir_node *parts[2] = {part_of_products(context, half, t, first, quarter->offset, 1, false, false), NULL};
    if (first < rows)
        parts[1] = part_of_products(context, half, t, rows - first, n - count, -1, true, !quarter->sine);
    return fourier_join(context, first < rows ? 2 : 1, parts);
}

static const struct ir_node *second_type(struct structuring *structuring, const struct structure_transform *transform,
                                         const struct structure_quarter_wave *quarter, const struct ir_node *x)
{
    struct ir_context *context = structuring->context;
    int64_t n = quarter->n, half = n / 2;
    if (n % 2 && n <= LONGEST_ODD)
        return structure_cosine_odd(context, transform, quarter, x);
    const struct ir_node *parts[2] = {
        fourier_view(context, x, n - half, line(context, x, 0, 2), false),
        fourier_part(context, x, half, line(context, x, 2 * half - 1, -2), IR_EXPR_operand, quarter->sine)};
    const struct ir_node *spectrum = structure_real(structuring, fourier_join(context, 2, parts), n);
    if (quarter->offset <= half && quarter->offset + transform->application.rows <= n + 1)
        return turned_by_half(context, transform, quarter, spectrum);
    const struct ir_node *all = structure_both_halves(context, spectrum, n, n);
    const struct poly *at = poly_mod(context, line(context, x, quarter->offset, 1), number(context, n), NULL);
    return all ? structure_turned(context, transform, fourier_view(context, all, transform->application.rows, at, false)) : NULL;
}

/* C root(m, 4n) for m = from + step * p, of so many p, or its conjugate, times x at m. */
static const struct ir_node *third_terms(struct ir_context *context, const struct structure_transform *transform,
                                         const struct structure_quarter_wave *quarter, const struct ir_node *x, int64_t count,
                                         int64_t from, int64_t step, bool conjugate)
{
    enum ir_elem elem = ir_elem_complex(x->elem);
    const struct poly *last = poly_index(context, x->rank - 1);
    const struct poly *m = poly_add(context, number(context, from), poly_scale(context, poly_index(context, 0), step));
    const struct ir_node *factor =
        fourier_roots(context, elem, number(context, count), poly_scale(context, m, conjugate ? -1 : 1), 4 * quarter->n,
                      transform->wave.re, conjugate ? -transform->wave.im : transform->wave.im);
    const struct ir_access operands[2] = {fourier_at(context, x, line(context, x, from - quarter->offset, step)),
                                          {.node = factor, .subscripts = &last}};
    const struct ir_expr *value = ir_expr_operand(context, 0, x->elem), *by = ir_expr_operand(context, 1, elem), *parts[2];
    for (int part = 0; part < 2; part++) {
        const struct ir_expr *sides[2] = {value, ir_expr_apply(context, part ? IR_EXPR_imag : IR_EXPR_real, 1, &by)};
        parts[part] = ir_expr_apply(context, IR_EXPR_mul, 2, sides);
    }
    return ir_map(context, x->rank, fourier_shape(context, x, count), 2, operands,
                  ir_expr_apply(context, IR_EXPR_complex, 2, parts));
}

static const struct ir_node *added(struct ir_context *context, const struct ir_node *a, const struct ir_node *b, enum ir_expr_op op)
{
    if (!a || !b)
        return NULL;
    const struct ir_access operands[2] = {ir_access_whole(context, a), ir_access_whole(context, b)};
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, a->elem), ir_expr_operand(context, 1, b->elem)};
    return ir_map(context, a->rank, a->shape, 2, operands, ir_expr_apply(context, op, 2, sides));
}

/* Wave p and wave n - p are conjugates at all rows, up to a factor: of both one spectrum of half the length. */
static const struct ir_node *third_type(struct structuring *structuring, const struct structure_transform *transform,
                                        const struct structure_quarter_wave *quarter, const struct ir_node *x)
{
    struct ir_context *context = structuring->context;
    int64_t n = quarter->n, pairs = (n - 1) / 2;
    if (n % 2 && n <= LONGEST_ODD && quarter->offset == quarter->sine)
        return structure_cosine_odd(context, transform, quarter, x);
    const struct ir_node *parts[3];
    uint32_t count = 0;
    parts[count++] = third_terms(context, transform, quarter, x, 1, quarter->offset * n, 0, true);
    if (pairs)
        parts[count++] = added(context, third_terms(context, transform, quarter, x, pairs, 1, 1, true),
                               third_terms(context, transform, quarter, x, pairs, n - 1, -1, false), IR_EXPR_add);
    if (n % 2 == 0)
        parts[count++] = third_terms(context, transform, quarter, x, 1, n / 2, 0, true);
    const struct ir_node *w = structure_real_back(structuring, fourier_join(context, count, parts), n, false);
    return fourier_interleave(context, w,
                              fourier_part(context, w, n / 2, line(context, x, n - 1, -1), IR_EXPR_operand, quarter->sine), n);
}

static const struct ir_node *fourth_type(struct ir_context *context, const struct structure_transform *transform,
                                         const struct structure_quarter_wave *quarter, const struct ir_node *x)
{
    int64_t n = quarter->n, half = n / 2;
    enum ir_elem elem = ir_elem_complex(x->elem);
    const struct ir_access even = fourier_at(context, x, line(context, x, 0, 2)),
                           odd = fourier_at(context, x, line(context, x, n - 1, -2));
    const struct ir_access operands[2] = {quarter->sine ? odd : even, quarter->sine ? even : odd};
    const struct ir_expr *values[2] = {ir_expr_operand(context, 0, x->elem), ir_expr_operand(context, 1, x->elem)};
    const struct ir_node *pairs =
        ir_map(context, x->rank, fourier_shape(context, x, half), 2, operands, ir_expr_apply(context, IR_EXPR_complex, 2, values));
    const struct poly *t = poly_index(context, 0), *extent = number(context, half);
    const struct poly *before = poly_add(context, poly_scale(context, t, 4), number(context, 1));
    const struct ir_node *turned = fourier_scale(context, pairs, fourier_roots(context, elem, extent, before, 8 * n, 1, 0));
    double size = quarter->sine ? transform->wave.im : transform->wave.re;
    const struct ir_node *y = fourier_scale(context, fourier_complex(context, turned, half, false),
                                            fourier_roots(context, elem, extent, t, 2 * n, size, 0));
    return fourier_interleave(context, fourier_part(context, y, half, line(context, x, 0, 1), IR_EXPR_real, false),
                              fourier_part(context, y, half, line(context, x, half - 1, -1), IR_EXPR_imag, !quarter->sine), n);
}

/* ---- type I ---- */

/* By its matrix, where it is short, else as the transform of length 2n. */
static const struct ir_node *first_type_unfolded(struct structuring *structuring, const struct structure_transform *transform,
                                                 const struct structure_quarter_wave *quarter, const struct ir_node *x)
{
    struct ir_context *context = structuring->context;
    int64_t n = quarter->n, o = quarter->offset, count = n + 1 - 2 * o;
    const struct structure_wave *wave = &transform->wave;
    const struct poly *i = poly_add(context, poly_index(context, 0), number(context, o)),
                      *j = poly_add(context, poly_index(context, 1), number(context, o));
    if (n <= LONGEST_TABLE)
        return fourier_table(context, x, x->elem, count, poly_multiply(context, i, j), 2 * n, wave->re, wave->im);
    const struct ir_node *zero = fourier_pad(context, x, 2 * n - o);
    const struct ir_node *parts[2] = {zero ? fourier_view(context, zero, o, line(context, x, 2 * n - 2, 1), false) : NULL, zero};
    const struct ir_node *y = structure_real(structuring, o ? fourier_join(context, 2, parts) : zero, 2 * n);
    struct structure_transform turned = *transform;
    turned.form = (struct structure_form){0};
    turned.application.rows = count;
    return y ? structure_turned(context, &turned, fourier_view(context, y, count, line(context, x, o, 1), false)) : NULL;
}

/* x[j] +- x[n - j], the first `count` of them. */
static const struct ir_node *folded(struct ir_context *context, const struct structure_quarter_wave *quarter,
                                    const struct ir_node *x, int64_t count, enum ir_expr_op op)
{
    int64_t last = quarter->n - 2 * quarter->offset;
    return added(context, fourier_view(context, x, count, line(context, x, 0, 1), false),
                 fourier_view(context, x, count, line(context, x, last, -1), false), op);
}

static const struct ir_node *first_type(struct structuring *structuring, const struct structure_transform *transform,
                                        const struct structure_quarter_wave *quarter, const struct ir_node *x)
{
    struct ir_context *context = structuring->context;
    int64_t n = quarter->n, half = n / 2, o = quarter->offset;
    if (!x || n % 2 || n < SHORTEST_FOLDED)
        return x ? first_type_unfolded(structuring, transform, quarter, x) : NULL;
    const struct ir_node *sums[2] = {folded(context, quarter, x, half - o, IR_EXPR_add),
                                     fourier_view(context, x, 1, line(context, x, half - o, 1), false)};
    const struct ir_node *both = fourier_join(context, 2, sums), *differences = folded(context, quarter, x, half - o, IR_EXPR_sub);
    struct structure_quarter_wave one = {.type = 1, .n = half, .offset = o, .sine = quarter->sine},
                                  three = {.type = 3, .n = half, .offset = o, .sine = quarter->sine};
    if (!both || !differences)
        return NULL;
    const struct ir_node *first = first_type(structuring, transform, &one, o ? differences : both);
    const struct ir_node *third = third_type(structuring, transform, &three, o ? both : differences);
    return o ? fourier_interleave(context, third, first, n - 1) : fourier_interleave(context, first, third, n + 1);
}

/* The data with zeros where the matrix has no columns. */
static const struct ir_node *padded(struct ir_context *context, const struct structure_quarter_wave *quarter,
                                    const struct ir_node *x)
{
    int64_t columns;
    if (!x || !poly_is_constant(x->shape[x->rank - 1], &columns) || columns == quarter->size)
        return x;
    const struct ir_node *behind = fourier_pad(context, x, quarter->size - quarter->before);
    if (quarter->before == 0 || !behind)
        return behind;
    const struct ir_node *zero = ir_scalar(context, ir_ring_zero(IR_RING_plustimes, x->elem));
    const struct ir_node *parts[2] = {
        zero ? ir_view(context, x->rank, fourier_shape(context, x, quarter->before), ir_access_whole(context, zero)) : NULL,
        behind};
    return fourier_join(context, 2, parts);
}

const struct ir_node *structure_cosine(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct ir_context *context = structuring->context;
    struct structure_transform transform;
    struct structure_quarter_wave quarter;
    if (!find_quarter_wave(structuring, node, operand, &transform, &quarter))
        return NULL;
    struct structure_application asked = transform.application;
    const struct ir_node *x = padded(context, &quarter, structure_real_data(structuring, &transform.application));
    if (!x)
        return NULL;
    if (quarter.type != 2) /* whose rows may be fewer, from its offset on */
        transform.application.rows = quarter.size;
    transform.application.columns = quarter.size;
    const struct ir_node *y = quarter.type == 1   ? first_type(structuring, &transform, &quarter, x)
                              : quarter.type == 2 ? second_type(structuring, &transform, &quarter, x)
                              : quarter.type == 3 ? third_type(structuring, &transform, &quarter, x)
                              : quarter.n % 2     ? structure_cosine_odd(context, &transform, &quarter, x)
                                                  : fourth_type(context, &transform, &quarter, x);
    if (y && asked.rows != transform.application.rows)
        y = fourier_view(context, y, asked.rows, line(context, y, quarter.skipped, 1), false);
    return structure_finish_real(structuring, &asked, y);
}
