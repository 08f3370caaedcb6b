/* Fourier transforms over coprime factors of their length, without twiddles (Good 1958, Thomas 1963), of real data and back.
 *
 * n = p q, l = q l1 + p l2 modulo n, k1 and k2 the residues of k: root(k l, n) = root(k1 l1, p) root(k2 l2, q). Real transforms of
 * length p come first; then for k1 = 0, and p/2, real ones of length q, and complex ones for k1 < p/2, whose conjugates are those
 * of p - k1. Which of all these is row k, or the conjugate of which, stands in a table. The way back is the same from its end.
 * Complex data: fourier.c. */
#include "fourier.h"

#include <math.h>

/* Longer tables are not made. What codelets do at once they do in less time than steps with fewer flops; beyond, this must be less
 * work by a tenth for what it moves. */
enum { LONGEST_TABLE = 1 << 20, LARGEST_FACTOR = 64 };
static const double WORTH = 0.9, MOVE = 0.5; /* flops in whose time an element moves */

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

/* ---- how ---- */

/* Steps in which data of a transform of this length move. */
static int64_t steps_of(int64_t n)
{
    return n <= FOURIER_LONGEST_CODELET ? 1 : 3;
}

static double flops_with(int64_t n, int64_t p)
{
    int64_t q = n / p;
    return (double)q * fourier_real_flops(p) + (double)(2 - p % 2) * fourier_real_flops(q) +
           (double)((p - 1) / 2) * fourier_flops(q);
}

double fourier_real_coprime_flops(int64_t n, int64_t *factor)
{
    double least = INFINITY, best = INFINITY;
    for (int64_t p = 2; p <= LARGEST_FACTOR && p < n && n <= LONGEST_TABLE; p++) {
        if (n % p || poly_gcd(p, n / p) != 1)
            continue;
        for (int side = 0; side < 2; side++) {
            double flops = flops_with(n, side ? n / p : p), moved = MOVE * (double)(n * steps_of(p) + n * steps_of(n / p));
            if (flops + moved < least) {
                least = flops + moved;
                best = flops;
                *factor = side ? n / p : p;
            }
        }
    }
    return best;
}

int64_t fourier_real_coprime_factor(int64_t n, double by_steps)
{
    int64_t factor = 0;
    return n > FOURIER_LONGEST_CODELET && fourier_real_coprime_flops(n, &factor) < WORTH * by_steps ? factor : 0;
}

/* ---- building ---- */

static const struct poly *last_index(struct ir_context *context, const struct ir_node *x)
{
    return poly_index(context, x->rank - 1);
}

/* x[..., places[k]], conjugated where places[k] is negative: ~place. */
static const struct ir_node *gathered(struct ir_context *context, const struct ir_node *x, int64_t count, int64_t *places)
{
    int64_t own;
    const struct poly *extent = number(context, count);
    if (!x || !poly_is_constant(x->shape[x->rank - 1], &own))
        return NULL;
    for (int64_t k = 0; k < count; k++)
        places[k] = places[k] < 0 ? own + ~places[k] : places[k];
    const struct ir_node *parts[2] = {x, fourier_view(context, x, own, last_index(context, x), true)};
    struct ir_constant constant = {.data = places, .bytes = (size_t)count * sizeof *places, .exact = true};
    const struct ir_node *both = fourier_join(context, 2, parts), *table = ir_constant(context, IR_i64, 1, &extent, &constant);
    const struct poly *at = both ? last_index(context, both) : NULL;
    return both && table ? fourier_view(context, both, count, poly_table(context, table, 1, &at), false) : NULL;
}

/* Where row k stands among q/2 + 1 of k1 = 0, then (p-1)/2 times q, then q/2 + 1 of k1 = p/2: ~place, its conjugate. */
static int64_t place_of(int64_t p, int64_t q, int64_t k)
{
    int64_t k1 = k % p, k2 = k % q, half = q / 2 + 1, m = (p - 1) / 2;
    if (k1 == 0 || 2 * k1 == p) {
        int64_t first = k1 ? half + m * q : 0;
        return k2 < half ? first + k2 : ~(first + q - k2);
    }
    return k1 <= m ? half + (k1 - 1) * q + k2 : ~(half + (p - k1 - 1) * q + (q - k2) % q);
}

static int64_t *places_of(struct ir_context *context, int64_t p, int64_t q)
{
    int64_t count = p * q / 2 + 1, *places = ARENA_ARRAY(ir_arena(context), (size_t)count, int64_t);
    for (int64_t k = 0; places && k < count; k++)
        places[k] = place_of(p, q, k);
    return places;
}

/* The row that stands in each place, or its conjugate. */
static int64_t *rows_of(struct ir_context *context, int64_t p, int64_t q, int64_t count)
{
    int64_t *places = places_of(context, p, q), *rows = ARENA_ARRAY(ir_arena(context), (size_t)count, int64_t);
    for (int64_t k = 0; places && rows && k <= p * q / 2; k++)
        rows[places[k] < 0 ? ~places[k] : places[k]] = places[k] < 0 ? ~k : k;
    return places ? rows : NULL;
}

static int64_t inverse_modulo(int64_t a, int64_t n)
{
    int64_t inverse = 0;
    while (inverse * a % n != 1 % n)
        inverse++;
    return inverse;
}

/* x[..., l2, k1] at one k1, in real numbers, as a real transform over l2. */
static const struct ir_node *alone(struct ir_context *context, const struct ir_node *x, int64_t q, int64_t k1)
{
    const struct poly *a = x ? poly_index(context, x->rank - 2) : NULL;
    const struct ir_node *row = x ? fourier_merge(context, x, q, a, number(context, k1)) : NULL;
    return fourier_real(context, fourier_part(context, row, q, a, IR_EXPR_real, false), q);
}

const struct ir_node *fourier_real_coprime(struct ir_context *context, const struct ir_node *x, int64_t n, int64_t p)
{
    int64_t q = n / p, m = (p - 1) / 2;
    if (!x)
        return NULL;
    const struct poly *a = last_index(context, x), *b = poly_index(context, x->rank), *whole = number(context, n);
    const struct poly *sum = poly_add(context, poly_scale(context, a, p), poly_scale(context, b, q));
    const struct ir_node *split = fourier_plane(context, x, q, p, poly_mod(context, sum, whole, NULL), NULL, false); /* [l2, l1] */
    const struct ir_node *first = fourier_real(context, split, p), *parts[3];                                        /* [l2, k1] */
    uint32_t count = 0;
    parts[count++] = alone(context, first, q, 0);
    if (m && first) {
        const struct ir_node *turned =
            fourier_plane(context, first, m, q, b, poly_add(context, a, number(context, 1)), false); /* [k1, l2] */
        parts[count++] =
            fourier_merge(context, fourier_complex(context, turned, q, false), m * q,
                          poly_floor_div(context, a, number(context, q), NULL), poly_mod(context, a, number(context, q), NULL));
    }
    if (p % 2 == 0)
        parts[count++] = alone(context, first, q, p / 2);
    for (uint32_t k = 0; k < count; k++)
        if (!parts[k])
            return NULL;
    int64_t *places = places_of(context, p, q);
    return places ? gathered(context, fourier_join(context, count, parts), n / 2 + 1, places) : NULL;
}

/* x[..., first + k2] of half a spectrum, back, as a plane with one column. */
static const struct ir_node *half_alone(struct ir_context *context, const struct ir_node *x, int64_t q, int64_t first, bool twice)
{
    const struct poly *a = last_index(context, x);
    const struct ir_node *half = fourier_view(context, x, q / 2 + 1, poly_add(context, a, number(context, first)), false);
    const struct ir_node *y = fourier_cast(context, fourier_half(context, half, q, twice), x->elem);
    return y ? fourier_plane(context, y, q, 1, a, NULL, false) : NULL;
}

const struct ir_node *fourier_half_coprime(struct ir_context *context, const struct ir_node *x, int64_t n, int64_t p, bool twice)
{
    int64_t q = n / p, m = (p - 1) / 2, half = q / 2 + 1, size = half * (2 - p % 2) + m * q;
    int64_t *rows = x ? rows_of(context, p, q, size) : NULL;
    const struct ir_node *sorted = rows ? gathered(context, x, size, rows) : NULL, *parts[3];
    uint32_t count = 0;
    if (!sorted)
        return NULL;
    const struct poly *a = last_index(context, x), *b = poly_index(context, x->rank);
    parts[count++] = half_alone(context, sorted, q, 0, twice);
    if (m) {
        const struct poly *at = poly_add(context, poly_add(context, poly_scale(context, a, q), b), number(context, half));
        const struct ir_node *y =
            fourier_complex(context, fourier_plane(context, sorted, m, q, at, NULL, false), q, true); /* [k1, l2] */
        parts[count++] = y ? fourier_plane(context, y, q, m, b, a, false) : NULL;
    }
    if (p % 2 == 0)
        parts[count++] = half_alone(context, sorted, q, half + m * q, twice);
    for (uint32_t k = 0; k < count; k++)
        if (!parts[k])
            return NULL;
    const struct ir_node *y = fourier_half(context, fourier_join(context, count, parts), p, twice); /* [l2, l1] */
    const struct poly *l1 = poly_scale(context, a, inverse_modulo(q % p, p)),
                      *l2 = poly_scale(context, a, inverse_modulo(p % q, q));
    return fourier_merge(context, y, n, poly_mod(context, l2, number(context, q), NULL),
                         poly_mod(context, l1, number(context, p), NULL));
}
