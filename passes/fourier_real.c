/* Fourier transforms of real data: even elements and odd ones are the two parts of complex data of half the length.
 *
 * With Z that transform and w = root(1, n): X[k] = (Z[k] + conj Z[-k]) / 2 - i/2 w^k (Z[k] - conj Z[-k]), and X[n/2 - k] is the
 * conjugate of the same with a minus between: both sums are stored once for the pair. The inverse undoes it alike. */
#include "fourier.h"

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

/* x[..., k] of rank r as x[..., k, 0] with a last axis of its own: a[..., k, 0 or 1] of two such. */
static const struct ir_node *pair_of(struct ir_context *context, const struct ir_node *first, const struct ir_node *second)
{
    if (!first || !second)
        return NULL;
    const struct poly **shape = arena_copy(ir_arena(context), first->shape, first->rank, sizeof *first->shape);
    if (!shape)
        return NULL;
    shape[first->rank - 1] = number(context, 2);
    const struct ir_access parts[2] = {
        ir_access_whole(context, first),
        fourier_at(context, second, poly_subtract(context, poly_index(context, first->rank - 1), number(context, 1)))};
    return ir_concat(context, first->rank, shape, 2, parts);
}

/* A map over batch axes, k < extent, and an axis of extent 1. */
static const struct ir_node *map_of(struct ir_context *context, const struct ir_node *like, int64_t extent, uint32_t n_operands,
                                    const struct ir_access *operands, const struct ir_expr *body)
{
    const struct poly **shape = like ? ARENA_ARRAY(ir_arena(context), like->rank + 1, const struct poly *) : NULL;
    if (!shape)
        return NULL;
    for (uint32_t k = 0; k + 1 < like->rank; k++)
        shape[k] = like->shape[k];
    shape[like->rank - 1] = number(context, extent);
    shape[like->rank] = number(context, 1);
    return ir_map(context, like->rank + 1, shape, n_operands, operands, body);
}

/* first[k] +- second[k] of the pair at k = from + step * index, for index < extent; the conjugate of the difference. */
static const struct ir_node *joined(struct ir_context *context, const struct ir_node *pair, int64_t extent, int64_t from,
                                    bool difference)
{
    if (!pair)
        return NULL;
    uint32_t last = pair->rank - 2;
    const struct poly *k = poly_index(context, last);
    const struct poly **shape = arena_copy(ir_arena(context), pair->shape, last + 1, sizeof *pair->shape);
    struct ir_access operands[2] = {ir_access_whole(context, pair), ir_access_whole(context, pair)};
    if (!shape || !operands[1].node)
        return NULL;
    for (int side = 0; side < 2; side++) {
        const struct poly **at = arena_copy(ir_arena(context), operands[side].subscripts, pair->rank, sizeof *at);
        if (!at)
            return NULL;
        at[last] = difference ? poly_subtract(context, number(context, from), k) : k;
        at[last + 1] = number(context, side);
        operands[side].subscripts = at;
    }
    shape[last] = number(context, extent);
    const struct ir_expr *a = ir_expr_operand(context, 0, pair->elem), *b = ir_expr_operand(context, 1, pair->elem);
    const struct ir_expr *body =
        difference ? apply(context, IR_EXPR_conj, apply(context, IR_EXPR_sub, a, b), NULL) : apply(context, IR_EXPR_add, a, b);
    return ir_map(context, last + 1, shape, 2, operands, body);
}

/* y[..., k], k < extent <= half + 1: scale * (z[k] + conj z[half - k]) + turn[k] (z[k] - conj z[half - k]), where turn[half - k] is
 * the conjugate of turn[k]. `cyclic`: z[half] is z[0]. */
static const struct ir_node *untangle(struct ir_context *context, const struct ir_node *z, int64_t extent, int64_t half,
                                      bool cyclic, const struct ir_node *turn, double scale)
{
    if (!z || !turn)
        return NULL;
    enum ir_elem real = ir_elem_real(z->elem);
    int64_t first = half / 2 + 1;
    const struct poly *k = poly_index(context, z->rank - 1), *opposite = poly_subtract(context, number(context, half), k);
    if (cyclic)
        opposite = poly_mod(context, opposite, number(context, half), NULL);
    const struct ir_access operands[3] = {fourier_at(context, z, cyclic ? poly_mod(context, k, number(context, half), NULL) : k),
                                          fourier_at(context, z, opposite),
                                          {.node = turn, .subscripts = &k}};
    const struct ir_expr *a = ir_expr_operand(context, 0, z->elem),
                         *b = apply(context, IR_EXPR_conj, ir_expr_operand(context, 1, z->elem), NULL);
    const struct ir_expr *sum = apply(context, IR_EXPR_add, a, b), *by = ir_expr_literal(context, ir_number_real(real, scale));
    if (scale != 1)
        sum = apply(context, IR_EXPR_complex, apply(context, IR_EXPR_mul, apply(context, IR_EXPR_real, sum, NULL), by),
                    apply(context, IR_EXPR_mul, apply(context, IR_EXPR_imag, sum, NULL), by));
    const struct ir_expr *turned =
        apply(context, IR_EXPR_mul, ir_expr_operand(context, 2, z->elem), apply(context, IR_EXPR_sub, a, b));
    const struct ir_node *pair =
        pair_of(context, map_of(context, z, first, 2, operands, sum), map_of(context, z, first, 3, operands, turned));
    const struct ir_node *low = joined(context, pair, extent < first ? extent : first, 0, false);
    if (extent <= first || !low)
        return low;
    const struct ir_access parts[2] = {ir_access_whole(context, low),
                                       fourier_at(context, joined(context, pair, extent - first, half - first, true),
                                                  poly_subtract(context, k, number(context, first)))};
    return ir_concat(context, z->rank, fourier_shape(context, z, extent), 2, parts);
}

const struct ir_node *fourier_real(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    if (!x)
        return NULL;
    int64_t half = n / 2;
    const struct poly *k = poly_index(context, x->rank - 1), *twice = poly_scale(context, k, 2);
    const struct ir_access operands[2] = {fourier_at(context, x, twice),
                                          fourier_at(context, x, poly_add(context, twice, number(context, 1)))};
    const struct ir_node *pairs =
        ir_map(context, x->rank, fourier_shape(context, x, half), 2, operands,
               apply(context, IR_EXPR_complex, ir_expr_operand(context, 0, x->elem), ir_expr_operand(context, 1, x->elem)));
    const struct ir_node *z = fourier_complex(context, pairs, half, false);
    const struct ir_node *turn =
        fourier_roots(context, ir_elem_complex(x->elem), number(context, half / 2 + 1), poly_index(context, 0), n, 0, -0.5);
    return untangle(context, z, half + 1, half, true, turn, 0.5);
}

const struct ir_node *fourier_interleave(struct ir_context *context, const struct ir_node *even, const struct ir_node *odd)
{
    int64_t half;
    if (!even || !odd || !poly_is_constant(even->shape[even->rank - 1], &half))
        return NULL;
    const struct poly *k = poly_index(context, even->rank - 1), *two = number(context, 2);
    const struct ir_access first = fourier_at(context, even, k), second = fourier_at(context, odd, k);
    const struct ir_node *both = pair_of(context, map_of(context, even, half, 1, &first, ir_expr_operand(context, 0, even->elem)),
                                         map_of(context, odd, half, 1, &second, ir_expr_operand(context, 0, odd->elem)));
    return fourier_merge(context, both, 2 * half, poly_floor_div(context, k, two, NULL), poly_mod(context, k, two, NULL));
}

const struct ir_node *fourier_half(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    if (!x)
        return NULL;
    int64_t half = n / 2;
    const struct poly *k = poly_index(context, x->rank - 1);
    const struct ir_node *turn =
        fourier_roots(context, x->elem, number(context, half / 2 + 1), poly_scale(context, poly_index(context, 0), -1), n, 0, 1);
    const struct ir_node *z = fourier_complex(context, untangle(context, x, half, half, false, turn, 1), half, true);
    if (!z)
        return NULL;
    const struct ir_access whole = fourier_at(context, z, k);
    const struct ir_expr *value = ir_expr_operand(context, 0, z->elem);
    return fourier_interleave(context, ir_map(context, z->rank, z->shape, 1, &whole, apply(context, IR_EXPR_real, value, NULL)),
                              ir_map(context, z->rank, z->shape, 1, &whole, apply(context, IR_EXPR_imag, value, NULL)));
}
