/* Cosine and sine transforms of odd length n by a real transform of the same length, without twiddles.
 *
 * A root of order 4n or 8n is one of order 4 or 8 and one of order n. Of the columns' odd numbers 2 l + 1 the second sees the
 * residue r modulo n, and of what the first leaves, signs (-1)^l, only the parts of the data that are even and odd under r -> -r:
 * so x[l] at r of even l and x[n-1-l] of odd l, all of them once, go into one real transform. With w its spectrum the rows k of
 * type II are its real parts at k/4 modulo n where k is even and its imaginary ones where it is odd, up to a sign (Heideman 1992);
 * of sines the other way round. Type III is the same backwards. Type IV takes a root of order 8 a row (Chan and Ho 1990). */
#include "fourier.h"
#include "structure.h"

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

static const struct poly *last_index(struct ir_context *context, const struct ir_node *x)
{
    return poly_index(context, x->rank - 1);
}

static const struct poly *table_at(struct ir_context *context, int64_t count, const int64_t *data, const struct poly *at)
{
    const struct poly *extent = number(context, count);
    struct ir_constant constant = {.data = data, .bytes = (size_t)count * sizeof *data, .exact = true};
    const struct ir_node *table = ir_constant(context, IR_i64, 1, &extent, &constant);
    return table ? poly_table(context, table, 1, &at) : NULL;
}

/* 1 / 2^halvings modulo n */
static int64_t inverse_power(int64_t n, int halvings)
{
    int64_t inverse = 1;
    for (int halving = 0; halving < halvings; halving++)
        inverse = (inverse % 2 ? inverse + n : inverse) / 2;
    return inverse;
}

/* x[..., places[k]], times `factor` or minus it where signs[k] is 1. */
static const struct ir_node *gathered(struct ir_context *context, const struct ir_node *x, int64_t count, const int64_t *places,
                                      const int64_t *signs, double factor)
{
    if (!x)
        return NULL;
    const struct ir_node *y = fourier_view(context, x, count, table_at(context, count, places, last_index(context, x)), false);
    bool plain = factor == 1;
    for (int64_t k = 0; k < count; k++)
        plain = plain && !signs[k];
    return plain ? y
                 : fourier_scale(context, y,
                                 fourier_roots(context, x->elem, number(context, count),
                                               table_at(context, count, signs, poly_index(context, 0)), 2, factor, 0));
}

/* The residue r of column l's place in the sorted data; that of its image is n - 1 - l. */
static int64_t residue_of(int64_t n, int64_t l)
{
    int64_t r = (2 * l + 1) % n;
    return l % 2 && r ? n - r : r;
}

/* ---- types II and III ---- */

/* Where row k is in the spectrum: at `place`, in its imaginary part or the real one, with a minus or without. */
struct spot {
    int64_t place;
    bool imaginary, negative;
};

static struct spot spot_of(int64_t n, bool sine, int64_t k)
{
    int64_t place = k % n * inverse_power(n, 2) % n;
    struct spot spot = {place, (k % 2 == 0) == sine, k % 2 ? (k / 2 % 2 == 1) != (n % 4 == 3) : (k / 2 % 2 == 1) != sine};
    if (place > n / 2) { /* the conjugate */
        spot.place = n - place;
        spot.negative ^= spot.imaginary;
    }
    return spot;
}

static double size_of(const struct structure_transform *transform, const struct structure_quarter_wave *quarter)
{
    return quarter->sine ? transform->wave.im : transform->wave.re;
}

static const struct ir_node *second_type(struct ir_context *context, const struct structure_transform *transform,
                                         const struct structure_quarter_wave *quarter, const struct ir_node *x, int64_t *places,
                                         int64_t *signs)
{
    int64_t n = quarter->n, half = n / 2 + 1, rows = transform->application.rows;
    for (int64_t l = 0; l < n; l++) {
        int64_t r = residue_of(n, l);
        places[r] = l;
        signs[r] = quarter->sine && l % 2;
    }
    const struct ir_node *spectrum = fourier_real(context, gathered(context, x, n, places, signs, 1), n);
    if (!spectrum)
        return NULL;
    const struct ir_node *parts[2] = {fourier_part(context, spectrum, half, last_index(context, x), IR_EXPR_real, false),
                                      fourier_part(context, spectrum, half, last_index(context, x), IR_EXPR_imag, false)};
    for (int64_t i = 0; i < rows; i++) {
        struct spot spot = spot_of(n, quarter->sine, i + quarter->offset);
        places[i] = spot.place + (spot.imaginary ? half : 0);
        signs[i] = spot.negative;
    }
    return gathered(context, fourier_join(context, 2, parts), rows, places, signs, size_of(transform, quarter));
}

/* a + i b, and a alone before the first b. */
static const struct ir_node *with_imaginary(struct ir_context *context, const struct ir_node *a, const struct ir_node *b,
                                            int64_t half)
{
    if (!a || !b)
        return NULL;
    const struct poly *last = last_index(context, a), *one = number(context, 1);
    const struct ir_access operands[2] = {fourier_at(context, a, poly_add(context, last, one)), fourier_at(context, b, last)};
    const struct ir_expr *values[2] = {ir_expr_operand(context, 0, a->elem), ir_expr_operand(context, 1, b->elem)};
    const struct ir_node *parts[2] = {fourier_cast(context, fourier_view(context, a, 1, last, false), ir_elem_complex(a->elem)),
                                      ir_map(context, a->rank, fourier_shape(context, a, half - 1), 2, operands,
                                             ir_expr_apply(context, IR_EXPR_complex, 2, values))};
    return fourier_join(context, 2, parts);
}

static const struct ir_node *third_type(struct ir_context *context, const struct structure_transform *transform,
                                        const struct structure_quarter_wave *quarter, const struct ir_node *x, int64_t *places,
                                        int64_t *signs)
{
    int64_t n = quarter->n, half = n / 2 + 1;
    for (int64_t j = 0; j < n; j++) {
        struct spot spot = spot_of(n, quarter->sine, j + quarter->offset);
        int64_t at = spot.imaginary ? half + spot.place - 1 : spot.place; /* no imaginary part at 0 */
        places[at] = j;
        signs[at] = spot.negative;
    }
    double size = size_of(transform, quarter);
    const struct ir_node *a = gathered(context, x, half, places, signs, size);
    const struct ir_node *b = gathered(context, x, n - half, places + half, signs + half, size);
    const struct ir_node *y = fourier_half(context, with_imaginary(context, a, b, half), n, false);
    for (int64_t l = 0; l < n; l++) {
        places[l] = residue_of(n, l);
        signs[l] = quarter->sine && l % 2;
    }
    return gathered(context, y, n, places, signs, 1);
}

/* ---- type IV ---- */

static const struct ir_node *fourth_type(struct ir_context *context, const struct structure_transform *transform,
                                         const struct structure_quarter_wave *quarter, const struct ir_node *x, int64_t *places,
                                         int64_t *signs)
{
    int64_t n = quarter->n, inverse = inverse_power(n, 3);
    for (int64_t l = 0; l < n; l++) {
        int64_t r = residue_of(n, l), odd = (2 * l + 1) % 8;
        places[r] = l;
        signs[r] = (odd == 3 || odd == 5) != (quarter->sine && l % 2);
    }
    const struct ir_node *spectrum = fourier_real(context, gathered(context, x, n, places, signs, 1), n);
    const struct ir_node *all = structure_both_halves(context, spectrum, n, n);
    struct structure_transform turned = *transform;
    turned.form = (struct structure_form){.b = 2 * (n % 8), .d = n % 8};
    turned.wave.order = 8;
    for (int64_t k = 0; k < n; k++)
        places[k] = (2 * k + 1) % n * inverse % n;
    const struct poly *at = all ? table_at(context, n, places, last_index(context, x)) : NULL;
    return all ? structure_turned(context, &turned, fourier_view(context, all, n, at, false)) : NULL;
}

const struct ir_node *structure_cosine_odd(struct ir_context *context, const struct structure_transform *transform,
                                           const struct structure_quarter_wave *quarter, const struct ir_node *x)
{
    struct arena *arena = ir_arena(context);
    int64_t *places = ARENA_ARRAY(arena, (size_t)quarter->n, int64_t), *signs = ARENA_ARRAY(arena, (size_t)quarter->n, int64_t);
    if (!x || !places || !signs)
        return NULL;
    return quarter->type == 2   ? second_type(context, transform, quarter, x, places, signs)
           : quarter->type == 3 ? third_type(context, transform, quarter, x, places, signs)
                                : fourth_type(context, transform, quarter, x, places, signs);
}
