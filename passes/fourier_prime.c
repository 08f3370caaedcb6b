/* Fourier transforms of long prime lengths n, as convolutions.
 *
 * With g a generator modulo n, y[g^m] = x[0] + sum over r of x[g^-r] root(g^(m-r), n) is a cyclic convolution of length n - 1
 * (Rader 1968), done by transforms of that length, or of a good one at least 2 n - 3. Of real data: with the root's real part c - i
 * s, c has period (n-1)/2 and s changes its sign then, so a convolution with c - s gives the sums with both. Roots stay formulas,
 * of powers in a table. And by a chirp (Bluestein 1970), of any n, without table and permutation. */
#include "fourier.h"

/* Tables of more elements than this are not made: longer transforms go by a chirp. */
enum { LONGEST_TABLE = 1 << 20 };

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

static const struct poly *last_index(struct ir_context *context, const struct ir_node *node)
{
    return node ? poly_index(context, node->rank - 1) : NULL;
}

bool fourier_is_rader(int64_t n)
{
    return n > FOURIER_LONGEST_CODELET && n <= LONGEST_TABLE && fourier_smallest_factor(n) == n;
}

/* ---- powers of a generator ---- */

/* Modulo n below 2^31, so that products of two fit. */
static int64_t power(int64_t base, int64_t exponent, int64_t n)
{
    int64_t result = 1;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = result * base % n;
        base = base * base % n;
    }
    return result;
}

static bool is_generator(int64_t g, int64_t n)
{
    for (int64_t rest = n - 1; rest > 1;) {
        int64_t p = fourier_smallest_factor(rest);
        if (power(g, (n - 1) / p, n) == 1)
            return false;
        while (rest % p == 0)
            rest /= p;
    }
    return true;
}

/* g^r, g^-r, and of k + 1 the m with g^m = k + 1. */
struct powers {
    const struct ir_node *forward, *backward, *exponents;
};

static const struct ir_node *table_of(struct ir_context *context, int64_t count, const int64_t *data)
{
    const struct poly *extent = number(context, count);
    struct ir_constant constant = {.data = data, .bytes = (size_t)count * sizeof *data, .exact = true};
    return ir_constant(context, IR_i64, 1, &extent, &constant);
}

static bool find_powers(struct ir_context *context, int64_t n, struct powers *powers)
{
    struct arena *arena = ir_arena(context);
    int64_t g = 2, count = n - 1, *forward = ARENA_ARRAY(arena, (size_t)count, int64_t);
    int64_t *backward = ARENA_ARRAY(arena, (size_t)count, int64_t), *exponents = ARENA_ARRAY(arena, (size_t)count, int64_t);
    if (!forward || !backward || !exponents)
        return false;
    while (!is_generator(g, n))
        g++;
    for (int64_t r = 0, at = 1; r < count; r++, at = at * g % n) {
        forward[r] = at;
        backward[(count - r) % count] = at;
        exponents[at - 1] = r;
    }
    powers->forward = table_of(context, count, forward);
    powers->backward = table_of(context, count, backward);
    powers->exponents = table_of(context, count, exponents);
    return powers->forward && powers->backward && powers->exponents;
}

static const struct poly *looked_up(struct ir_context *context, const struct ir_node *table, const struct poly *at)
{
    return poly_table(context, table, 1, &at);
}

/* ---- Rader ---- */

static const struct ir_node *spectrum(struct ir_context *context, const struct ir_node *x, int64_t length)
{
    return !x ? NULL : ir_elem_is_complex(x->elem) ? fourier_complex(context, x, length, false) : fourier_real(context, x, length);
}

/* The spectrum of what is convolved with, root(+-g^u, n) or, real, c - s, over its length and `share`. */
static const struct ir_node *response(struct ir_context *context, enum ir_elem elem, int64_t n, const struct powers *powers,
                                      bool inverse, int64_t share)
{
    int64_t period = n - 1, length = fourier_rader_length(n);
    const struct poly *u = poly_index(context, 0), *exponent = looked_up(context, powers->forward, u);
    const struct ir_node *wave =
        fourier_roots(context, elem, number(context, period), poly_scale(context, exponent, inverse ? -1 : 1), n, 1,
                      ir_elem_is_complex(elem) ? 0 : -1);
    if (length > period) { /* what is before 0 stands at the end */
        const struct ir_node *parts[2] = {
            fourier_pad(context, wave, length - period + 1),
            wave ? fourier_view(context, wave, period - 1, poly_add(context, u, number(context, 1)), false) : NULL};
        wave = fourier_join(context, 2, parts);
    }
    return fourier_response(context, wave, length, length * share);
}

/* a[at_a] + b[at_b] factor, where b may be real */
static const struct ir_node *plus(struct ir_context *context, const struct ir_node *a, const struct poly *at_a,
                                  const struct ir_node *b, const struct poly *at_b, double factor)
{
    if (!a || !b)
        return NULL;
    const struct ir_access operands[2] = {fourier_at(context, a, at_a), fourier_at(context, b, at_b)};
    const struct ir_expr *scaled[2] = {ir_expr_operand(context, 1, b->elem),
                                       ir_expr_literal(context, ir_elem_is_complex(b->elem) ? ir_number_complex(b->elem, factor, 0)
                                                                                            : ir_number_real(b->elem, factor))};
    const struct ir_expr *added = factor == 1 ? scaled[0] : ir_expr_apply(context, IR_EXPR_mul, 2, scaled);
    if (a->elem != b->elem)
        added = ir_expr_cast(context, a->elem, added);
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, a->elem), added};
    return ir_map(context, a->rank, fourier_shape(context, a, 1), 2, operands, ir_expr_apply(context, IR_EXPR_add, 2, sides));
}

/* The convolution of a with what `wave` is the spectrum of, and x[0] / share added to all; *sum: that of a's elements. */
static const struct ir_node *convolved(struct ir_context *context, const struct ir_node *a, const struct ir_node *wave,
                                       const struct ir_node *x, int64_t n, int64_t share, const struct ir_node **sum)
{
    int64_t length = fourier_rader_length(n), extent;
    const struct poly *zero = number(context, 0);
    *sum = spectrum(context, fourier_pad(context, a, length), length);
    const struct ir_node *product = fourier_scale(context, *sum, wave);
    if (!product || !poly_is_constant(product->shape[product->rank - 1], &extent))
        return NULL;
    const struct poly *last = last_index(context, product);
    const struct ir_node *parts[2] = {
        plus(context, product, zero, x, zero, 1 / (double)share),
        fourier_view(context, product, extent - 1, poly_add(context, last, number(context, 1)), false)};
    const struct ir_node *moved = fourier_join(context, 2, parts);
    return ir_elem_is_complex(a->elem) ? fourier_complex(context, moved, length, true) : fourier_half(context, moved, length, true);
}

/* The convolution of the transform of x, element m of it that at g^m, and *first, the transform's element 0. */
static const struct ir_node *sorted(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse, int64_t share,
                                    struct powers *powers, const struct ir_node **first)
{
    const struct ir_node *sum;
    const struct poly *zero = number(context, 0);
    if (!find_powers(context, n, powers))
        return NULL;
    const struct poly *place = looked_up(context, powers->backward, last_index(context, x));
    const struct ir_node *y = convolved(context, fourier_view(context, x, n - 1, place, false),
                                        response(context, x->elem, n, powers, inverse, share), x, n, share, &sum);
    *first = plus(context, sum, zero, x, zero, 1);
    return y;
}

static const struct ir_node *by_rader(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse)
{
    struct powers powers;
    const struct ir_node *parts[2], *y = sorted(context, x, n, inverse, 1, &powers, &parts[0]);
    if (!y)
        return NULL;
    parts[1] = fourier_view(context, y, n - 1, looked_up(context, powers.exponents, last_index(context, x)), false);
    return fourier_join(context, 2, parts);
}

/* c[e] + c[e'] + i (c[e] - c[e']) at k = 1 .. (n-1)/2, e and e' the exponents of k and n - k, half the period from one another. */
static const struct ir_node *both_parts(struct ir_context *context, const struct ir_node *c, int64_t n, const struct powers *powers)
{
    if (!c)
        return NULL;
    const struct poly *k = last_index(context, c);
    const struct ir_access operands[2] = {
        fourier_at(context, c, looked_up(context, powers->exponents, k)),
        fourier_at(context, c, looked_up(context, powers->exponents, poly_subtract(context, number(context, n - 2), k)))};
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, c->elem), ir_expr_operand(context, 1, c->elem)};
    const struct ir_expr *parts[2] = {ir_expr_apply(context, IR_EXPR_add, 2, sides), ir_expr_apply(context, IR_EXPR_sub, 2, sides)};
    return ir_map(context, c->rank, fourier_shape(context, c, n / 2), 2, operands,
                  ir_expr_apply(context, IR_EXPR_complex, 2, parts));
}

const struct ir_node *fourier_prime_real(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    struct powers powers;
    if (!x)
        return NULL;
    if (!fourier_is_rader(n))
        return fourier_view(context, fourier_chirp(context, fourier_cast(context, x, ir_elem_complex(x->elem)), n, false),
                            n / 2 + 1, last_index(context, x), false);
    const struct ir_node *parts[2], *y = sorted(context, x, n, false, 2, &powers, &parts[0]);
    if (!y)
        return NULL;
    parts[1] = both_parts(context, y, n, &powers);
    return fourier_join(context, 2, parts);
}

/* Of all n elements of a spectrum but the first the sum of real and imaginary part. */
static const struct ir_node *sums_of_parts(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    const struct ir_node *parts[2];
    const struct poly *last = last_index(context, x);
    for (int side = 0; side < 2; side++) { /* k = 1 .. n/2, and conjugates of k = n/2 .. 1 */
        const struct poly *k =
            side ? poly_subtract(context, number(context, n / 2), last) : poly_add(context, last, number(context, 1));
        const struct ir_access access = fourier_at(context, x, k);
        const struct ir_expr *value = ir_expr_operand(context, 0, x->elem);
        const struct ir_expr *both[2] = {ir_expr_apply(context, IR_EXPR_real, 1, &value),
                                         ir_expr_apply(context, IR_EXPR_imag, 1, &value)};
        parts[side] = ir_map(context, x->rank, fourier_shape(context, x, n / 2), 1, &access,
                             ir_expr_apply(context, side ? IR_EXPR_sub : IR_EXPR_add, 2, both));
    }
    return fourier_join(context, 2, parts);
}

const struct ir_node *fourier_prime_half(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    struct powers powers;
    const struct ir_node *sum, *parts[2];
    const struct poly *last = last_index(context, x), *zero = number(context, 0);
    if (!x)
        return NULL;
    if (!fourier_is_rader(n))
        return fourier_part(context, fourier_chirp(context, fourier_pad(context, x, n), n, true), n, last, IR_EXPR_real, false);
    const struct ir_node *first = fourier_part(context, x, 1, last, IR_EXPR_real, false), *all = sums_of_parts(context, x, n);
    if (!all || !find_powers(context, n, &powers))
        return NULL;
    const struct poly *before = poly_subtract(context, looked_up(context, powers.backward, last), number(context, 1));
    const struct ir_node *sorted = fourier_view(context, all, n - 1, before, false);
    const struct ir_node *y = convolved(context, sorted, response(context, all->elem, n, &powers, false, 2), first, n, 1, &sum);
    parts[0] = sum ? plus(context, first, zero, fourier_part(context, sum, 1, last, IR_EXPR_real, false), zero, 0.5) : NULL;
    parts[1] = y ? fourier_view(context, y, n - 1, looked_up(context, powers.exponents, last), false) : NULL;
    return fourier_join(context, 2, parts);
}

/* ---- Bluestein ---- */

/* k l = (k^2 + l^2 - (k - l)^2) / 2: chirps before and after a convolution with the opposite one, as a cyclic one of length m. */
const struct ir_node *fourier_chirp(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse)
{
    if (!x)
        return NULL;
    int64_t m = fourier_length(2 * n - 1);
    const struct poly *k = poly_index(context, 0), *square = poly_multiply(context, k, k);
    const struct poly *opposite = poly_scale(context, square, -1);
    const struct ir_node *after = fourier_roots(context, x->elem, number(context, n), inverse ? opposite : square, 2 * n, 1, 0);
    const struct ir_node *between = fourier_roots(context, x->elem, number(context, n), inverse ? square : opposite, 2 * n, 1, 0);
    /* the opposite chirp at 0 .. n-1 and, from the end, at -1 .. -(n-1) */
    const struct poly *shape = number(context, m), *middle = number(context, m - 2 * n + 1);
    const struct poly *ends[3] = {k, poly_subtract(context, k, number(context, n)),
                                  poly_subtract(context, k, number(context, m - n + 1))};
    const struct ir_node *zeros =
        ir_view(context, 1, &middle, ir_access_whole(context, ir_scalar(context, ir_number_complex(x->elem, 0, 0))));
    const struct ir_node *back =
        n > 1 ? fourier_view(context, between, n - 1, poly_subtract(context, number(context, n - 1), k), false) : NULL;
    const struct ir_access parts[3] = {{.node = between, .subscripts = &ends[0]},
                                       {.node = m > 2 * n - 1 ? zeros : back, .subscripts = &ends[m > 2 * n - 1 ? 1 : 2]},
                                       {.node = back, .subscripts = &ends[2]}};
    const struct ir_node *wave = ir_concat(context, 1, &shape, m > 2 * n - 1 ? 3 : 2, parts);
    const struct ir_node *response = fourier_response(context, wave, m, m);
    const struct ir_node *padded = fourier_pad(context, fourier_scale(context, x, after), m);
    const struct ir_node *product = fourier_scale(context, fourier_complex(context, padded, m, false), response);
    const struct ir_node *part =
        fourier_view(context, fourier_complex(context, product, m, true), n, last_index(context, x), false);
    return fourier_scale(context, part, after);
}

const struct ir_node *fourier_prime(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse)
{
    return !x ? NULL : fourier_is_rader(n) ? by_rader(context, x, n, inverse) : fourier_chirp(context, x, n, inverse);
}
