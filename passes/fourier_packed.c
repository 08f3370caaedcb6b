/* Fourier transforms of real data of even length n = 2 h, and back, by one complex transform of length h.
 *
 * Of z[l] = x[2 l] + i x[2 l + 1] and its transform Z the even and the odd elements have the transforms (Z[k] + Z*[h - k]) / 2 and
 * (Z[k] - Z*[h - k]) / 2 i, so that y[k] is the first plus root(k, n) times the second (Cooley, Lewis and Welch 1970). That takes a
 * few more flops than Cooley and Tukey's steps on real data (fourier_real.c), but all of it is two loops and one complex transform
 * that vectors follow, Z*[h - k] read backwards: where there are vectors it takes half the time and less. */
#include "fourier.h"

/* Shorter ones are codelets. */
enum { SHORTEST_PACKED = 2 * FOURIER_LONGEST_CODELET };

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
    return a && (b || op == IR_EXPR_conj || op == IR_EXPR_real) ? ir_expr_apply(context, op, b ? 2 : 1, arguments) : NULL;
}

static const struct ir_expr *literal(struct ir_context *context, enum ir_elem elem, double value)
{
    return ir_expr_literal(context, ir_number_real(elem, value));
}

bool fourier_packs(int64_t n)
{
    return n % 2 == 0 && n >= SHORTEST_PACKED && !fourier_long_prime(n / 2);
}

/* The transform of length h times 1 / `over`, which twiddles take along; `*left`: what is left to be multiplied by. */
static const struct ir_node *scaled_transform(struct ir_context *context, const struct ir_node *z, int64_t h, bool inverse,
                                              int64_t over, double *left)
{
    bool free = over == 1 || fourier_has_twiddles(h);
    *left = free ? 1 : 1.0 / (double)over;
    return free && over != 1 ? fourier_complex_times(context, z, h, inverse, (struct fourier_factor){1, 0, over})
                             : fourier_complex(context, z, h, inverse);
}

/* size * (z[k] + z*[h - k] + w[k] (z[k] - z*[h - k])) for 0 < k < h, w[k] = i size root(+-k, 2 h), - i forward. */
static const struct ir_node *recombined(struct ir_context *context, const struct ir_node *z, int64_t h, bool inverse, double size)
{
    const struct poly *last = z ? poly_index(context, z->rank - 1) : NULL, *one = number(context, 1);
    if (!z)
        return NULL;
    const struct poly *k = poly_add(context, poly_index(context, 0), one);
    const struct ir_node *factor = fourier_roots(context, z->elem, number(context, h - 1), poly_scale(context, k, inverse ? -1 : 1),
                                                 2 * h, 0, inverse ? size : -size);
    const struct ir_access operands[3] = {fourier_at(context, z, line(context, z, 1, 1)),
                                          fourier_at(context, z, line(context, z, h - 1, -1)),
                                          {.node = factor, .subscripts = &last}};
    const struct ir_expr *a = ir_expr_operand(context, 0, z->elem), *w = ir_expr_operand(context, 2, z->elem);
    const struct ir_expr *b = apply(context, IR_EXPR_conj, ir_expr_operand(context, 1, z->elem), NULL);
    const struct ir_expr *sum = apply(context, IR_EXPR_add, a, b), *difference = apply(context, IR_EXPR_sub, a, b);
    if (size != 1)
        sum = apply(context, IR_EXPR_mul, ir_expr_cast(context, z->elem, literal(context, ir_elem_real(z->elem), size)), sum);
    return ir_map(context, z->rank, fourier_shape(context, z, h - 1), 3, operands,
                  apply(context, IR_EXPR_add, sum, apply(context, IR_EXPR_mul, difference, w)));
}

/* size times the sum of two real parts, as a complex number with no imaginary part, of elements at `first` and `second`. */
static const struct ir_expr *parts_of(struct ir_context *context, const struct ir_node *x, enum ir_expr_op first,
                                      enum ir_expr_op second, enum ir_expr_op with, double size)
{
    const struct ir_expr *operands[2] = {ir_expr_operand(context, 0, x->elem), ir_expr_operand(context, 1, x->elem)};
    const struct ir_expr *a = ir_expr_apply(context, first, 1, &operands[0]), *b = ir_expr_apply(context, second, 1, &operands[1]);
    const struct ir_expr *sum = apply(context, with, a, b);
    return size == 1 ? sum : apply(context, IR_EXPR_mul, literal(context, ir_elem_real(x->elem), size), sum);
}

/* One element: re + i im of what stands at two places of x. */
static const struct ir_node *edge(struct ir_context *context, const struct ir_node *x, int64_t first, int64_t second,
                                  const struct ir_expr *re, const struct ir_expr *im)
{
    const struct ir_access operands[2] = {fourier_at(context, x, number(context, first)),
                                          fourier_at(context, x, number(context, second))};
    return ir_map(context, x->rank, fourier_shape(context, x, 1), 2, operands, apply(context, IR_EXPR_complex, re, im));
}

const struct ir_node *fourier_packed(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    int64_t h = n / 2;
    double left = 1;
    if (!x)
        return NULL;
    const struct ir_access pair[2] = {fourier_at(context, x, line(context, x, 0, 2)),
                                      fourier_at(context, x, line(context, x, 1, 2))};
    const struct ir_node *packed =
        ir_map(context, x->rank, fourier_shape(context, x, h), 2, pair,
               apply(context, IR_EXPR_complex, ir_expr_operand(context, 0, x->elem), ir_expr_operand(context, 1, x->elem)));
    const struct ir_node *z = scaled_transform(context, packed, h, false, 2, &left);
    if (!z)
        return NULL;
    const struct ir_expr *zero = literal(context, x->elem, 0);
    const struct ir_node *parts[3] = {
        edge(context, z, 0, 0, parts_of(context, z, IR_EXPR_real, IR_EXPR_imag, IR_EXPR_add, 2 * left), zero),
        recombined(context, z, h, false, left),
        edge(context, z, 0, 0, parts_of(context, z, IR_EXPR_real, IR_EXPR_imag, IR_EXPR_sub, 2 * left), zero)};
    return fourier_join(context, 3, parts);
}

const struct ir_node *fourier_half_packed(struct ir_context *context, const struct ir_node *x, int64_t n, bool twice)
{
    int64_t h = n / 2;
    if (!x)
        return NULL;
    const struct ir_node *parts[2] = {edge(context, x, 0, h, parts_of(context, x, IR_EXPR_real, IR_EXPR_real, IR_EXPR_add, 1),
                                           parts_of(context, x, IR_EXPR_real, IR_EXPR_real, IR_EXPR_sub, 1)),
                                      recombined(context, x, h, true, twice ? 1 : 0.5)};
    const struct ir_node *z = fourier_complex(context, fourier_join(context, 2, parts), h, true);
    const struct poly *whole = z ? line(context, z, 0, 1) : NULL;
    return fourier_interleave(context, fourier_part(context, z, h, whole, IR_EXPR_real, false),
                              fourier_part(context, z, h, whole, IR_EXPR_imag, false), n);
}
