/* Split radix: a transform of n = 4 q as one of the even elements, of length 2 q, and two of the odd ones, of length q.
 *
 *     y[k + (h + 2 r) q] = u[k + h q] + root((2 r + h) j, 4) d[h, k] ...   h, r < 2
 *
 * with u the transform of x[2 l] and d the sum and the difference of t[a, k] = root((2 a + 1) k, n) z[a, k], z[a] the transform of
 * x[4 l + 2 a + 1] (Yavne 1968; Duhamel and Hollmann 1984). Of the factors root the first is 1, and that of k = n / 8 has parts of
 * one size: both stand apart, so the count of powers of two is 4 n log2 n - 6 n + 8 where all steps are such. Its many short loops
 * cost more time than the flops save: it is for who asks for the fewest. */
#include "fourier.h"

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

/* from + step * the last index of x */
static const struct poly *line(struct ir_context *context, const struct ir_node *x, int64_t from, int64_t step)
{
    return poly_add(context, number(context, from), poly_scale(context, poly_index(context, x->rank - 1), step));
}

/* ---- the count ---- */

static bool can_split(int64_t n)
{
    return n > FOURIER_LONGEST_CODELET && n % 8 == 0 && !fourier_long_prime(n);
}

/* Steps that save less are not worth the loops they add: there would be hundreds at the lengths of thousands. */
static const double least_share = 0.02;

double fourier_fewest_flops(int64_t n)
{
    double by_steps = fourier_flops(n);
    if (!can_split(n))
        return by_steps;
    double split = fourier_fewest_flops(n / 2) + 2 * fourier_fewest_flops(n / 4) + 6 * (double)n - 16; /* n/2 factors, 3 n adds */
    return split < (1 - least_share) * by_steps ? split : by_steps;
}

/* ---- the factors ---- */

/* z[..., k] * root(a k, n) for k from `first` up to `end`. */
static const struct ir_node *turned_row(struct ir_context *context, const struct ir_node *z, int64_t first, int64_t end, int64_t a,
                                        int64_t n)
{
    const struct poly *k = poly_add(context, poly_index(context, 0), number(context, first));
    const struct ir_node *roots = fourier_roots(context, z->elem, number(context, end - first), poly_scale(context, k, a), n, 1, 0);
    return fourier_scale(context, fourier_view(context, z, end - first, line(context, z, first, 1), false), roots);
}

/* re * x + im * y with re and im 1 or -1, times `size`. */
static const struct ir_expr *rotated(struct ir_context *context, int re, const struct ir_expr *x, int im, const struct ir_expr *y,
                                     const struct ir_expr *size)
{
    const struct ir_expr *sides[2] = {re > 0 ? x : y, re > 0 ? y : x};
    const struct ir_expr *sum = ir_expr_apply(context, re > 0 && im > 0 ? IR_EXPR_add : IR_EXPR_sub, 2, sides);
    if (re < 0 && im < 0) {
        sum = ir_expr_apply(context, IR_EXPR_add, 2, sides);
        sum = sum ? ir_expr_apply(context, IR_EXPR_neg, 1, &sum) : NULL;
    }
    const struct ir_expr *factors[2] = {size, sum};
    return sum ? ir_expr_apply(context, IR_EXPR_mul, 2, factors) : NULL;
}

/* z[..., k] * root(a, 8), a odd: a sum and a difference of its parts, times the root of 1/2. */
static const struct ir_node *turned_eighth(struct ir_context *context, const struct ir_node *z, int64_t k, int64_t a)
{
    static const int signs[4][2] = {{1, -1}, {-1, -1}, {-1, 1}, {1, 1}}; /* of root(1, 8), root(3, 8), ... */
    const int *of = signs[((a % 8 + 8) % 8) / 2];
    const enum ir_elem real = ir_elem_real(z->elem);
    const struct poly *zero = number(context, 0);
    const struct ir_node *half = fourier_roots(context, real, number(context, 1), number(context, 1), 8, 1, 0);
    const struct ir_access operands[2] = {fourier_at(context, z, line(context, z, k, 1)), {.node = half, .subscripts = &zero}};
    const struct ir_expr *value = ir_expr_operand(context, 0, z->elem), *size = ir_expr_operand(context, 1, real);
    const struct ir_expr *re = ir_expr_apply(context, IR_EXPR_real, 1, &value),
                         *im = ir_expr_apply(context, IR_EXPR_imag, 1, &value);
    const struct ir_expr *parts[2] = {rotated(context, of[0], re, -of[1], im, size), rotated(context, of[1], re, of[0], im, size)};
    if (!half || !parts[0] || !parts[1])
        return NULL;
    return ir_map(context, z->rank, fourier_shape(context, z, 1), 2, operands, ir_expr_apply(context, IR_EXPR_complex, 2, parts));
}

/* All z[..., k] * root(a k, n), k < q. */
static const struct ir_node *turned(struct ir_context *context, const struct ir_node *z, int64_t q, int64_t a)
{
    int64_t n = 4 * q, h = q / 2;
    if (!z)
        return NULL;
    const struct ir_node *parts[4] = {fourier_view(context, z, 1, line(context, z, 0, 1), false),
                                      turned_row(context, z, 1, h, a, n), turned_eighth(context, z, h, a),
                                      turned_row(context, z, h + 1, q, a, n)};
    return fourier_join(context, 4, parts);
}

/* ---- the transform ---- */

/* (first[..., k], second[..., k]) through the matrix root((2 r + h) j, 4), or its conjugate. */
static const struct ir_node *pairs(struct ir_context *context, const struct ir_node *first, const struct ir_node *second, int64_t q,
                                   int64_t h, bool inverse)
{
    if (!first || !second)
        return NULL;
    const struct poly *k = line(context, first, 0, 1);
    const struct ir_node *columns[2] = {fourier_plane(context, first, q, 1, k, NULL, false),
                                        fourier_plane(context, second, q, 1, k, NULL, false)};
    const struct poly *row = poly_add(context, poly_scale(context, poly_index(context, 0), 2), number(context, h));
    const struct poly *numerator = poly_multiply(context, row, poly_index(context, 1));
    return fourier_table(context, fourier_join(context, 2, columns), first->elem, 2,
                         poly_scale(context, numerator, inverse ? -1 : 1), 4, 1, 0);
}

static const struct ir_node *split(struct ir_context *context, const struct ir_node *x, int64_t q, bool inverse)
{
    const struct poly *a = line(context, x, 0, 1), *b = poly_index(context, x->rank);
    const struct ir_node *u =
        fourier_fewest(context, fourier_view(context, x, 2 * q, line(context, x, 0, 2), false), 2 * q, inverse);
    const struct poly *odd = poly_add(context, line(context, x, 1, 2), poly_scale(context, b, 4));
    const struct ir_node *z = fourier_fewest(context, fourier_plane(context, x, 2, q, odd, NULL, false), q, inverse), *t[2], *y[2];
    if (!u || !z)
        return NULL;
    for (int64_t k = 0; k < 2; k++)
        t[k] = turned(context, fourier_merge(context, z, q, number(context, k), a), q, inverse ? -1 - 2 * k : 1 + 2 * k);
    const struct ir_node *sums = pairs(context, t[0], t[1], q, 0, inverse);
    for (int64_t h = 0; sums && h < 2; h++) {
        const struct ir_node *part = fourier_merge(context, sums, q, a, number(context, h));
        y[h] = pairs(context, fourier_view(context, u, q, line(context, x, h * q, 1), false), part, q, h, inverse);
    }
    const struct ir_node *all = sums ? fourier_join(context, 2, y) : NULL; /* [k, 2 h + r] */
    const struct poly *quarter = poly_floor_div(context, a, number(context, q), NULL);
    const struct poly *column = poly_add(context, poly_scale(context, poly_mod(context, quarter, number(context, 2), NULL), 2),
                                         poly_floor_div(context, a, number(context, 2 * q), NULL));
    return fourier_merge(context, all, 4 * q, poly_mod(context, a, number(context, q), NULL), column);
}

const struct ir_node *fourier_fewest(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse)
{
    if (!x || !can_split(n) || fourier_fewest_flops(n) >= fourier_flops(n))
        return fourier_complex(context, x, n, inverse);
    return split(context, x, n / 4, inverse);
}
