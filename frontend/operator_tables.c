/* Formulas of transforms: maps of their indices alone, from which passes see what transform it is, and take its numbers.
 *
 * All are made of roots of unity, root(a, n) = exp(-2 pi i a / n): cosines, sines and sums of them are real parts of a multiple of
 * one. Definitions of the real transforms are FFTW's ("What FFTW Really Computes"). */
#include "operators.h"

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

/* A map over (k, l), `rows` by `columns`, cast to the type of use. */
static const struct ir_node *formula_map(struct ir_context *context, enum ir_elem elem, int64_t rows, int64_t columns,
                                         const struct ir_expr *body)
{
    const struct poly *shape[2] = {poly_constant(context, rows), poly_constant(context, columns)};
    return body ? ir_map(context, 2, shape, 0, NULL, body->elem == elem ? body : ir_expr_cast(context, elem, body)) : NULL;
}

static const struct ir_expr *root(struct ir_context *context, const struct poly *numerator, int64_t order)
{
    const struct ir_expr *arguments[2] = {ir_expr_index(context, numerator),
                                          ir_expr_literal(context, ir_number_integer(IR_i64, order))};
    return ir_expr_apply(context, IR_EXPR_root, 2, arguments);
}

const struct ir_node *operator_roots(struct ir_context *context, enum ir_elem elem, int64_t rows, int64_t columns, int64_t order)
{
    const struct poly *product = poly_multiply(context, poly_index(context, 0), poly_index(context, 1));
    return formula_map(context, elem, rows, columns, root(context, product, order));
}

/* a * index + b */
static const struct poly *line(struct ir_context *context, uint32_t index, int64_t a, int64_t b)
{
    return poly_add(context, poly_scale(context, poly_index(context, index), a), poly_constant(context, b));
}

/* The real transforms: entry (k, l) is the real part of (re + i im) * root((a k + b) * (c l + d), order). */
struct wave {
    double re, im;
    int64_t a, b, c, d, order;
};

static struct wave wave_of(enum operator_kind kind, int64_t n)
{
    switch (kind) {
    case OPERATOR_dct1:
        return (struct wave){2, 0, 1, 0, 1, 0, 2 * (n - 1)};
    case OPERATOR_dct2:
        return (struct wave){2, 0, 1, 0, 2, 1, 4 * n};
    case OPERATOR_dct3:
        return (struct wave){2, 0, 2, 1, 1, 0, 4 * n};
    case OPERATOR_dct4:
        return (struct wave){2, 0, 2, 1, 2, 1, 8 * n};
    case OPERATOR_dst1:
        return (struct wave){0, 2, 1, 1, 1, 1, 2 * (n + 1)};
    case OPERATOR_dst2:
        return (struct wave){0, 2, 1, 1, 2, 1, 4 * n};
    case OPERATOR_dst3:
        return (struct wave){0, 2, 2, 1, 1, 1, 4 * n};
    case OPERATOR_dst4:
        return (struct wave){0, 2, 2, 1, 2, 1, 8 * n};
    default: /* dht */
        return (struct wave){1, 1, 1, 0, 1, 0, n};
    }
}

const struct ir_node *operator_transform(struct ir_context *context, enum operator_kind kind, enum ir_elem elem, int64_t n)
{
    struct wave wave = wave_of(kind, n);
    const struct poly *numerator = poly_multiply(context, line(context, 0, wave.a, wave.b), line(context, 1, wave.c, wave.d));
    const struct ir_expr *factors[2] = {ir_expr_literal(context, ir_number_complex(IR_c128, wave.re, wave.im)),
                                        root(context, numerator, wave.order)};
    const struct ir_expr *product = ir_expr_apply(context, IR_EXPR_mul, 2, factors);
    return formula_map(context, elem, n, n, ir_expr_apply(context, IR_EXPR_real, 1, &product));
}

/* ---- tables ---- */

static struct ir_number whole(enum ir_elem elem, int sign)
{
    return ir_elem_is_integer(elem) ? ir_number_integer(elem, sign) : ir_number_real(elem, sign);
}

static const struct ir_node *table(struct ir_context *context, enum ir_elem elem, uint32_t rank, int64_t n,
                                   const struct ir_number *numbers)
{
    const struct poly *shape[2] = {poly_constant(context, n), poly_constant(context, n)};
    size_t count = (size_t)n * (rank == 2 ? (size_t)n : 1), bytes = ir_elem_info(elem)->bytes;
    void *data = arena_alloc(ir_arena(context), count, bytes);
    for (size_t k = 0; data && k < count; k++)
        ir_number_store(numbers[k], data, k);
    return data ? ir_constant(context, elem, rank, shape, &(struct ir_constant){.data = data, .bytes = count * bytes}) : NULL;
}

const struct ir_node *operator_signs(struct ir_context *context, enum ir_elem elem)
{
    const struct ir_number signs[4] = {whole(elem, 1), whole(elem, 1), whole(elem, 1), whole(elem, -1)};
    return table(context, elem, 2, 2, signs);
}

const struct ir_node *operator_ends(struct ir_context *context, enum operator_kind kind, enum ir_elem elem, int64_t n)
{
    struct ir_number *weights = ARENA_ARRAY(ir_arena(context), (size_t)n, struct ir_number);
    for (int64_t k = 0; weights && k < n; k++) {
        bool half = (kind != OPERATOR_dst3 && k == 0) || (kind != OPERATOR_dct3 && k == n - 1);
        weights[k] = ir_number_real(elem, half ? 0.5 : 1);
    }
    return weights ? table(context, elem, 1, n, weights) : NULL;
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
