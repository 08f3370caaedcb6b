/* Fourier transforms of real data and back: Cooley and Tukey's steps, of which half is done.
 *
 * With n = p q, l = q l1 + l2 and k = k1 + p k2 real transforms of length p come first, k1 <= p/2. What follows is a real transform
 * of length q for k1 = 0, complex ones for 0 < k1 < p/2, whose conjugates are those of p - k1, and for k1 = p/2 one at half steps,
 * root(l (k + 1/2), q): of even q that is a complex transform of half the length (Sorensen, Jones, Heideman and Burrus 1987). The
 * way back is the same from its end. */
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

/* from + step * the last index of x, or of the axis behind it (of a plane). */
static const struct poly *line_behind(struct ir_context *context, const struct ir_node *x, int64_t from, int64_t step)
{
    return poly_add(context, number(context, from), poly_scale(context, poly_index(context, x->rank), step));
}

/* x[..., t] as even t and then odd ones: x[..., 2 t] of the first part, x[..., 2 t + 1] of the second; the first `n` of them. */
static const struct ir_node *interleaved(struct ir_context *context, const struct ir_node *pairs, int64_t n)
{
    if (!pairs)
        return NULL;
    const struct poly *k = poly_index(context, pairs->rank - 2), *two = number(context, 2);
    return fourier_merge(context, pairs, n, poly_floor_div(context, k, two, NULL), poly_mod(context, k, two, NULL));
}

const struct ir_node *fourier_interleave(struct ir_context *context, const struct ir_node *even, const struct ir_node *odd,
                                         int64_t n)
{
    int64_t half;
    if (!even || !odd || !poly_is_constant(odd->shape[odd->rank - 1], &half))
        return NULL;
    const struct poly *k = poly_index(context, even->rank - 1);
    const struct ir_node *parts[2] = {fourier_plane(context, even, half, 1, k, NULL, false),
                                      fourier_plane(context, odd, half, 1, k, NULL, false)};
    const struct ir_node *pairs = interleaved(context, fourier_join(context, 2, parts), 2 * half);
    if (n == 2 * half)
        return pairs;
    parts[0] = pairs;
    parts[1] = fourier_view(context, even, 1, line(context, even, half, 1), false);
    return fourier_join(context, 2, parts);
}

/* (first, second) as the parts of complex numbers; `second` with a minus if `negative`. */
static const struct ir_node *paired(struct ir_context *context, const struct ir_node *x, int64_t extent, const struct poly *first,
                                    const struct poly *second, bool negative)
{
    const struct ir_access operands[2] = {fourier_at(context, x, first), fourier_at(context, x, second)};
    const struct ir_expr *parts[2] = {ir_expr_operand(context, 0, x->elem), ir_expr_operand(context, 1, x->elem)};
    if (negative)
        parts[1] = ir_expr_apply(context, IR_EXPR_neg, 1, &parts[1]);
    return ir_map(context, x->rank, fourier_shape(context, x, extent), 2, operands,
                  ir_expr_apply(context, IR_EXPR_complex, 2, parts));
}

/* x[..., l] * (-1)^l */
static const struct ir_node *alternating(struct ir_context *context, const struct ir_node *x)
{
    return x ? fourier_scale(context, x, fourier_roots(context, x->elem, x->shape[x->rank - 1], poly_index(context, 0), 2, 1, 0))
             : NULL;
}

/* ---- forward ---- */

static const struct ir_node *real_by_steps(struct ir_context *context, const struct ir_node *x, int64_t p, int64_t q)
{
    int64_t m = (p - 1) / 2, h = q / 2;
    const struct poly *a = line(context, x, 0, 1), *b = line_behind(context, x, 0, 1);
    const struct ir_node *split =
        fourier_plane(context, x, q, p, poly_add(context, poly_scale(context, b, q), a), NULL, false); /* [l2, l1] */
    const struct ir_node *first = fourier_real(context, split, p);                                     /* [l2, k1] */
    if (!first)
        return NULL;
    const struct ir_node *alone = fourier_merge(context, first, q, a, number(context, 0)), *middle = NULL, *last = NULL;
    const struct ir_node *even = fourier_real(context, fourier_part(context, alone, q, a, IR_EXPR_real, false), q);
    if (m) {
        const struct ir_node *turned = fourier_twiddle(
            context, fourier_plane(context, first, q, m, a, line_behind(context, x, 1, 1), false), p * q, 1, false, 1);
        middle =
            fourier_complex(context, turned ? fourier_plane(context, turned, m, q, b, a, false) : NULL, q, false); /* [k1, k2] */
    }
    if (p % 2 == 0) {
        alone = fourier_merge(context, first, q, a, number(context, p / 2));
        last = fourier_shifted(context, fourier_part(context, alone, q, a, IR_EXPR_real, false), q);
    }
    if (!even || (m && !middle) || (p % 2 == 0 && !last))
        return NULL;
    /* k2 < h with all k1, and then what is left up to n/2 */
    const struct ir_node *parts[4], *whole[4];
    uint32_t count = 0, n_whole = 1;
    parts[count++] = fourier_plane(context, even, h, 1, a, NULL, false);
    whole[n_whole++] = fourier_view(context, even, 1, line(context, x, h, 1), false);
    if (m) {
        parts[count++] = fourier_plane(context, middle, h, m, b, a, false);
        whole[n_whole] = fourier_merge(context, middle, m, a, number(context, h));
        n_whole += q % 2 ? 1 : 0;
    }
    if (last) {
        parts[count++] = fourier_plane(context, last, h, 1, a, NULL, false);
        if (q % 2)
            whole[n_whole++] = fourier_view(context, last, 1, line(context, x, h, 1), false);
    }
    if (m)
        parts[count++] =
            fourier_plane(context, middle, h, m, line_behind(context, x, m - 1, -1), line(context, x, q - 1, -1), true);
    whole[0] = fourier_merge(context, fourier_join(context, count, parts), h * p,
                             poly_floor_div(context, a, number(context, p), NULL), poly_mod(context, a, number(context, p), NULL));
    return fourier_join(context, n_whole, whole);
}

const struct ir_node *fourier_real(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    if (!x)
        return NULL;
    enum ir_elem elem = ir_elem_complex(x->elem);
    int64_t p = fourier_real_radix(n), factor = fourier_real_factor(n);
    if (n == 1)
        return fourier_cast(context, x, elem);
    if (factor)
        return fourier_real_coprime(context, x, n, factor);
    if (p < n)
        return real_by_steps(context, x, p, n / p);
    if (n > FOURIER_LONGEST_CODELET)
        return fourier_prime_real(context, x, n);
    return fourier_table(context, x, elem, n / 2 + 1, poly_multiply(context, poly_index(context, 0), poly_index(context, 1)), n, 1,
                         0);
}

const struct ir_node *fourier_shifted(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    if (!x)
        return NULL;
    enum ir_elem elem = ir_elem_complex(x->elem);
    if (n == 1)
        return fourier_cast(context, x, elem);
    if (fourier_shifted_is_codelet(n)) {
        const struct poly *k = poly_index(context, 0), *twice = poly_add(context, poly_scale(context, k, 2), number(context, 1));
        return fourier_table(context, x, elem, (n + 1) / 2, poly_multiply(context, twice, poly_index(context, 1)), 2 * n, 1, 0);
    }
    if (n % 2) {
        const struct ir_node *y = fourier_real(context, alternating(context, x), n);
        return fourier_view(context, y, (n + 1) / 2, line(context, x, n / 2, -1), true);
    }
    int64_t h = n / 2;
    const struct ir_node *pairs = paired(context, x, h, line(context, x, 0, 1), line(context, x, h, 1), true);
    const struct ir_node *turned =
        fourier_scale(context, pairs, fourier_roots(context, elem, number(context, h), poly_index(context, 0), 2 * n, 1, 0));
    const struct ir_node *y = fourier_complex(context, turned, h, false);
    if (!y)
        return NULL;
    const struct ir_node *parts[2] = {fourier_plane(context, y, (h + 1) / 2, 1, line(context, x, 0, 1), NULL, false),
                                      fourier_plane(context, y, (h + 1) / 2, 1, line(context, x, h - 1, -1), NULL, true)};
    return interleaved(context, fourier_join(context, 2, parts), h);
}

/* ---- backward ---- */

/* x[..., k] for k between `first` and `end`, twice that. */
static const struct ir_node *doubled(struct ir_context *context, const struct ir_node *x, int64_t first, int64_t end)
{
    const struct poly *extent = number(context, end - first);
    return fourier_scale(context, fourier_view(context, x, end - first, line(context, x, first, 1), false),
                         fourier_roots(context, x->elem, extent, number(context, 0), 1, 2, 0));
}

/* Elements that count twice, all but those before `first` and from `end` on, doubled. */
static const struct ir_node *with_doubles(struct ir_context *context, const struct ir_node *x, int64_t n, int64_t first,
                                          int64_t end)
{
    const struct ir_node *parts[3];
    uint32_t count = 0;
    if (first >= end)
        return x;
    if (first > 0)
        parts[count++] = fourier_view(context, x, first, line(context, x, 0, 1), false);
    parts[count++] = doubled(context, x, first, end);
    if (end < n)
        parts[count++] = fourier_view(context, x, n - end, line(context, x, end, 1), false);
    return fourier_join(context, count, parts);
}

/* Of real parts and then, from the end, imaginary ones: y[l] = sum of cosines and sines. */
static const struct ir_node *half_by_table(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    int64_t first = n / 2 + 1;
    const struct ir_node *parts[2] = {fourier_part(context, x, first, line(context, x, 0, 1), IR_EXPR_real, false), NULL};
    if (first < n)
        parts[1] = fourier_part(context, x, n - first, line(context, x, n - first, -1), IR_EXPR_imag, false);
    const struct poly *l = poly_index(context, 0), *j = poly_index(context, 1);
    const struct poly *angle = poly_scale(context, poly_multiply(context, l, j), 4);
    const struct poly *sine = poly_floor_div(context, j, number(context, first), NULL);
    return fourier_table(context, fourier_join(context, first < n ? 2 : 1, parts), ir_elem_real(x->elem), n,
                         poly_subtract(context, angle, poly_scale(context, sine, n)), 4 * n, 1, 0);
}

/* With all of the spectrum's elements k1 + p k2, 0 < k1 < p/2, those behind n/2 as conjugates. */
static const struct ir_node *middle_of(struct ir_context *context, const struct ir_node *x, int64_t p, int64_t q)
{
    int64_t m = (p - 1) / 2, direct = (q + 1) / 2;
    const struct poly *k1 = line(context, x, 1, 1);
    const struct poly *low = poly_add(context, k1, line_behind(context, x, 0, p));
    const struct poly *high = poly_subtract(context, line_behind(context, x, p * (q - direct), -p), k1);
    const struct ir_node *parts[2] = {fourier_plane(context, x, m, direct, low, NULL, false),
                                      fourier_plane(context, x, m, q - direct, high, NULL, true)};
    return fourier_join(context, 2, parts);
}

static const struct ir_node *half_by_steps(struct ir_context *context, const struct ir_node *x, int64_t p, int64_t q, bool twice)
{
    int64_t m = (p - 1) / 2, n = p * q;
    const struct poly *a = line(context, x, 0, 1), *b = line_behind(context, x, 0, 1);
    const struct ir_node *parts[3],
        *even = fourier_half(context, fourier_view(context, x, q / 2 + 1, line(context, x, 0, p), false), q, twice);
    uint32_t count = 0;
    if (!even)
        return NULL;
    parts[count++] = fourier_plane(context, fourier_cast(context, even, x->elem), q, 1, a, NULL, false);
    if (m) {
        const struct ir_node *y = fourier_complex(context, middle_of(context, x, p, q), q, true); /* [k1, l2] */
        parts[count++] =
            fourier_twiddle(context, y ? fourier_plane(context, y, q, m, b, a, false) : NULL, n, 1, true, twice ? 2 : 1);
    }
    if (p % 2 == 0) {
        const struct ir_node *steps = fourier_view(context, x, (q + 1) / 2, line(context, x, p / 2, p), false);
        const struct ir_node *last = fourier_cast(context, fourier_half_shifted(context, steps, q, twice), x->elem);
        parts[count++] = last ? fourier_plane(context, last, q, 1, a, NULL, false) : NULL;
    }
    const struct ir_node *y = fourier_half(context, fourier_join(context, count, parts), p, false); /* [l2, l1] */
    return fourier_merge(context, y, n, poly_mod(context, a, number(context, q), NULL),
                         poly_floor_div(context, a, number(context, q), NULL));
}

const struct ir_node *fourier_half(struct ir_context *context, const struct ir_node *x, int64_t n, bool twice)
{
    if (!x)
        return NULL;
    int64_t p = fourier_real_radix(n), factor = fourier_real_factor(n);
    if (n == 1)
        return fourier_part(context, x, 1, line(context, x, 0, 1), IR_EXPR_real, false);
    if (factor)
        return fourier_half_coprime(context, x, n, factor, twice);
    if (p < n)
        return half_by_steps(context, x, p, n / p, twice);
    x = twice ? with_doubles(context, x, n / 2 + 1, 1, (n + 1) / 2) : x;
    return !x ? NULL : n > FOURIER_LONGEST_CODELET ? fourier_prime_half(context, x, n) : half_by_table(context, x, n);
}

static const struct ir_node *half_shifted_by_table(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    int64_t h = (n + 1) / 2;
    const struct poly *whole = line(context, x, 0, 1), *l = poly_index(context, 0), *j = poly_index(context, 1);
    const struct ir_node *parts[2] = {fourier_part(context, x, h, whole, IR_EXPR_real, false),
                                      fourier_part(context, x, h, whole, IR_EXPR_imag, false)};
    const struct poly *k = poly_mod(context, j, number(context, h), NULL),
                      *sine = poly_floor_div(context, j, number(context, h), NULL);
    const struct poly *steps = poly_add(context, poly_scale(context, k, 4), number(context, 2));
    const struct poly *angle = poly_add(context, poly_multiply(context, steps, l), poly_scale(context, sine, n));
    return fourier_table(context, fourier_join(context, 2, parts), ir_elem_real(x->elem), n, poly_scale(context, angle, -1), 4 * n,
                         1, 0);
}

const struct ir_node *fourier_half_shifted(struct ir_context *context, const struct ir_node *x, int64_t n, bool twice)
{
    int64_t h = n / 2;
    if (!x)
        return NULL;
    if (n == 1)
        return fourier_part(context, x, 1, line(context, x, 0, 1), IR_EXPR_real, false);
    if (fourier_shifted_is_codelet(n)) {
        x = twice ? with_doubles(context, x, (n + 1) / 2, 0, h) : x;
        return x ? half_shifted_by_table(context, x, n) : NULL;
    }
    if (n % 2)
        return alternating(context,
                           fourier_half(context, fourier_view(context, x, h + 1, line(context, x, h, -1), true), n, twice));
    const struct ir_node *parts[2] = {fourier_view(context, x, (h + 1) / 2, line(context, x, 0, 2), false),
                                      fourier_view(context, x, h / 2, line(context, x, n - 1 - 2 * ((h + 1) / 2), -2), true)};
    const struct ir_node *y = fourier_complex(context, fourier_join(context, h > 1 ? 2 : 1, parts), h, true);
    y = fourier_scale(context, y,
                      fourier_roots(context, x->elem, number(context, h), poly_scale(context, poly_index(context, 0), -1), 2 * n,
                                    twice ? 2 : 1, 0));
    parts[0] = fourier_part(context, y, h, line(context, x, 0, 1), IR_EXPR_real, false);
    parts[1] = fourier_part(context, y, h, line(context, x, 0, 1), IR_EXPR_imag, true);
    return fourier_join(context, 2, parts);
}
