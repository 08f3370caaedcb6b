/* Numbers of transforms: roots of unity and what is made of them.
 *
 * Angles are fractions of a turn, num / den, reduced to the first eighth in integers before the C library sees them, so that
 * symmetric entries are equal or opposite and quarters exact. Values are taken in long double and rounded once (cf. FFTW's
 * trigonometric tables, Frigo and Johnson 2005, section IV-D). Definitions of the real transforms are FFTW's ("What FFTW Really
 * Computes"). */
#include "operators.h"

#include <math.h>

__extension__ typedef __int128 wide;

/* ---- cosines and sines of num/den turns ---- */

/* Of an angle of at most an eighth of a turn. */
static long double small(int64_t num, int64_t den, bool sine)
{
    long double angle = 2 * acosl(-1.0L) * (long double)num / (long double)den;
    return sine ? sinl(angle) : cosl(angle);
}

/* cos and sin, by octants; 0 <= num < den <= 2^60. */
static void turn(int64_t num, int64_t den, long double *cosine, long double *sine)
{
    int64_t quarter = (int64_t)(((wide)8 * num / den + 1) / 2); /* the nearest one; what is left is at most half a quarter */
    wide left = (wide)4 * num - (wide)quarter * den;
    int64_t rest = (int64_t)(left < 0 ? -left : left);
    long double c = small(rest, 4 * den, false), s = small(rest, 4 * den, true);
    if (rest == 0)
        c = 1, s = 0;
    if (left < 0)
        s = -s;
    switch (quarter & 3) {
    case 0:
        *cosine = c, *sine = s;
        break;
    case 1:
        *cosine = -s, *sine = c;
        break;
    case 2:
        *cosine = -c, *sine = -s;
        break;
    default:
        *cosine = s, *sine = -c;
        break;
    }
}

static long double cosine_of(wide num, int64_t den)
{
    long double cosine, sine;
    turn((int64_t)(num % den), den, &cosine, &sine);
    return cosine;
}

static long double sine_of(wide num, int64_t den)
{
    long double cosine, sine;
    turn((int64_t)(num % den), den, &cosine, &sine);
    return sine;
}

/* ---- tables ---- */

static const struct ir_node *table(struct ir_context *context, enum ir_elem elem, int64_t rows, int64_t columns, const void *data)
{
    const struct poly *shape[2] = {poly_constant(context, rows), poly_constant(context, columns)};
    struct ir_constant constant = {.data = data, .bytes = (size_t)(rows * columns) * ir_elem_info(elem)->bytes};
    return data ? ir_constant(context, elem, 2, shape, &constant) : NULL;
}

const struct ir_node *operator_delta(struct ir_context *context, enum ir_elem elem, const struct poly *rows,
                                     const struct poly *columns)
{
    const struct poly *shape[2] = {rows, columns};
    const struct ir_expr *sides[2] = {ir_expr_index(context, poly_index(context, 0)),
                                      ir_expr_index(context, poly_index(context, 1))};
    const struct ir_expr *one = ir_expr_literal(context, ir_elem_is_integer(elem) || elem == IR_bool ? ir_number_integer(elem, 1)
                                                                                                     : ir_number_real(elem, 1));
    const struct ir_expr *zero = ir_expr_literal(context, ir_elem_is_integer(elem) || elem == IR_bool ? ir_number_integer(elem, 0)
                                                                                                      : ir_number_real(elem, 0));
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_eq, 2, sides), one, zero};
    return rows && columns ? ir_map(context, 2, shape, 0, NULL, ir_expr_apply(context, IR_EXPR_select, 3, choice)) : NULL;
}

const struct ir_node *operator_roots(struct ir_context *context, enum ir_elem elem, int64_t rows, int64_t columns, int64_t period)
{
    void *data = arena_alloc(ir_arena(context), (size_t)(rows * columns), ir_elem_info(elem)->bytes);
    for (int64_t k = 0; data && k < rows; k++)
        for (int64_t l = 0; l < columns; l++) {
            long double cosine, sine;
            turn((int64_t)((wide)k * l % period), period, &cosine, &sine);
            ir_number_store(ir_number_complex(elem, (double)cosine, (double)-sine), data, (size_t)(k * columns + l));
        }
    return table(context, elem, rows, columns, data);
}

const struct ir_node *operator_weights(struct ir_context *context, enum ir_elem elem, int64_t n)
{
    int64_t count = n / 2 + 1;
    const struct poly *shape = poly_constant(context, count);
    struct ir_constant constant = {.bytes = (size_t)count * ir_elem_info(elem)->bytes};
    void *data = arena_alloc(ir_arena(context), (size_t)count, ir_elem_info(elem)->bytes);
    for (int64_t k = 0; data && k < count; k++)
        ir_number_store(ir_number_real(elem, (k == 0 || 2 * k == n ? 1 : 2) / (double)n), data, (size_t)k);
    constant.data = data;
    return data ? ir_constant(context, elem, 1, &shape, &constant) : NULL;
}

/* Row k and column l of n: what the transform multiplies the input's element l by for output k. */
static long double entry(enum operator_kind kind, int64_t n, int64_t k, int64_t l)
{
    wide a = k, b = l;
    switch (kind) {
    case OPERATOR_dct1:
        return (l == 0 || l == n - 1 ? 1 : 2) * cosine_of(a * b, 2 * (n - 1));
    case OPERATOR_dct2:
        return 2 * cosine_of(a * (2 * b + 1), 4 * n);
    case OPERATOR_dct3:
        return (l == 0 ? 1 : 2) * cosine_of((2 * a + 1) * b, 4 * n);
    case OPERATOR_dct4:
        return 2 * cosine_of((2 * a + 1) * (2 * b + 1), 8 * n);
    case OPERATOR_dst1:
        return 2 * sine_of((a + 1) * (b + 1), 2 * (n + 1));
    case OPERATOR_dst2:
        return 2 * sine_of((a + 1) * (2 * b + 1), 4 * n);
    case OPERATOR_dst3:
        return l == n - 1 ? (k % 2 ? -1 : 1) : 2 * sine_of((2 * a + 1) * (b + 1), 4 * n);
    case OPERATOR_dst4:
        return 2 * sine_of((2 * a + 1) * (2 * b + 1), 8 * n);
    case OPERATOR_dht:
        return cosine_of(a * b, n) + sine_of(a * b, n);
    default:
        return k & l ? -1 : 1; /* hadamard: one digit */
    }
}

const struct ir_node *operator_transform(struct ir_context *context, enum operator_kind kind, enum ir_elem elem, int64_t n)
{
    void *data = arena_alloc(ir_arena(context), (size_t)(n * n), ir_elem_info(elem)->bytes);
    bool whole = ir_elem_is_integer(elem);
    for (int64_t k = 0; data && k < n; k++)
        for (int64_t l = 0; l < n; l++) {
            double value = (double)entry(kind, n, k, l);
            struct ir_number number = whole ? ir_number_integer(elem, (int64_t)value) : ir_number_real(elem, value);
            ir_number_store(number, data, (size_t)(k * n + l));
        }
    return table(context, elem, n, n, data);
}
