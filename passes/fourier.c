/* Fast Fourier transforms as contractions, views and maps.
 *
 * A length whose primes are those of codelets is one contraction of roots of unity and twiddles over the digits of row and column
 * (Cooley and Tukey 1965 as a tensor product; Van Loan 1992, 1.2): n-ary, so that the order of contractions finds the fast
 * transform. Longer primes are convolutions (fourier_prime.c). Roots are formulas, so all of it is exact modulo a prime that has
 * them. */
#include "fourier.h"

/* ---- tensors with batch axes ---- */

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

const struct poly **fourier_shape(struct ir_context *context, const struct ir_node *node, int64_t last)
{
    const struct poly **shape = node ? arena_copy(ir_arena(context), node->shape, node->rank, sizeof *node->shape) : NULL;
    if (shape)
        shape[node->rank - 1] = number(context, last);
    return shape;
}

struct ir_access fourier_at(struct ir_context *context, const struct ir_node *node, const struct poly *last)
{
    struct ir_access access = ir_access_whole(context, node);
    const struct poly **subscripts =
        access.node ? arena_copy(ir_arena(context), access.subscripts, node->rank, sizeof *access.subscripts) : NULL;
    if (!subscripts || !last)
        return (struct ir_access){.node = NULL};
    subscripts[node->rank - 1] = last;
    access.subscripts = subscripts;
    return access;
}

static const struct poly *last_index(struct ir_context *context, const struct ir_node *node)
{
    return node ? poly_index(context, node->rank - 1) : NULL;
}

const struct ir_node *fourier_view(struct ir_context *context, const struct ir_node *node, int64_t extent, const struct poly *last,
                                   bool conjugate)
{
    if (!node)
        return NULL;
    struct ir_access access = fourier_at(context, node, last);
    access.conjugate = conjugate;
    return ir_view(context, node->rank, fourier_shape(context, node, extent), access);
}

const struct ir_node *fourier_part(struct ir_context *context, const struct ir_node *x, int64_t extent, const struct poly *at,
                                   enum ir_expr_op op, bool negative)
{
    if (!x)
        return NULL;
    const struct ir_access access = fourier_at(context, x, at);
    const struct ir_expr *value = ir_expr_operand(context, 0, x->elem);
    if (op != IR_EXPR_operand)
        value = ir_expr_apply(context, op, 1, &value);
    if (negative)
        value = ir_expr_apply(context, IR_EXPR_neg, 1, &value);
    return ir_map(context, x->rank, fourier_shape(context, x, extent), 1, &access, value);
}

const struct ir_node *fourier_cast(struct ir_context *context, const struct ir_node *x, enum ir_elem elem)
{
    if (!x || x->elem == elem)
        return x;
    struct ir_access whole = ir_access_whole(context, x);
    return ir_map(context, x->rank, x->shape, 1, &whole, ir_expr_cast(context, elem, ir_expr_operand(context, 0, x->elem)));
}

const struct ir_node *fourier_join(struct ir_context *context, uint32_t count, const struct ir_node *const *parts)
{
    struct ir_access *accesses = ARENA_ARRAY(ir_arena(context), count, struct ir_access);
    int64_t extent = 0, own;
    for (uint32_t k = 0; k < count; k++) {
        if (!accesses || !parts[k] || !poly_is_constant(parts[k]->shape[parts[k]->rank - 1], &own))
            return NULL;
        const struct poly *last = poly_index(context, parts[k]->rank - 1);
        accesses[k] = fourier_at(context, parts[k], poly_subtract(context, last, number(context, extent)));
        extent += own;
    }
    return count == 1 ? parts[0] : ir_concat(context, parts[0]->rank, fourier_shape(context, parts[0], extent), count, accesses);
}

/* A copy with zeros behind it rather than a view with a fill value: short transforms read it without conditions. */
const struct ir_node *fourier_pad(struct ir_context *context, const struct ir_node *node, int64_t extent)
{
    int64_t own;
    if (!node || !poly_is_constant(node->shape[node->rank - 1], &own) || own == extent)
        return node;
    const struct poly *last = poly_index(context, node->rank - 1);
    const struct ir_node *zero = ir_scalar(context, ir_ring_zero(IR_RING_plustimes, node->elem));
    const struct ir_node *zeros =
        ir_view(context, node->rank, fourier_shape(context, node, extent - own), ir_access_whole(context, zero));
    if (!zeros)
        return NULL;
    const struct ir_access parts[2] = {ir_access_whole(context, node),
                                       fourier_at(context, zeros, poly_subtract(context, last, number(context, own)))};
    return ir_concat(context, node->rank, fourier_shape(context, node, extent), 2, parts);
}

/* re + i im times root(numerator, order) / over, or its real part where the type is real. */
static const struct ir_node *fourier_formula(struct ir_context *context, enum ir_elem elem, uint32_t rank,
                                             const struct poly *const *shape, const struct poly *numerator, int64_t order,
                                             double re, double im, int64_t over)
{
    const struct ir_expr *arguments[2] = {ir_expr_index(context, numerator),
                                          ir_expr_literal(context, ir_number_integer(IR_i64, order))};
    const struct ir_expr *factors[2] = {ir_expr_literal(context, ir_number_complex(IR_c128, re, im)),
                                        ir_expr_apply(context, IR_EXPR_root, 2, arguments)};
    const struct ir_expr *body = re == 1 && im == 0 ? factors[1] : ir_expr_apply(context, IR_EXPR_mul, 2, factors);
    if (over != 1) {
        const struct ir_expr *sides[2] = {body, ir_expr_literal(context, ir_number_complex(IR_c128, (double)over, 0))};
        body = ir_expr_apply(context, IR_EXPR_div, 2, sides);
    }
    if (!ir_elem_is_complex(elem))
        body = ir_expr_apply(context, IR_EXPR_real, 1, &body);
    return ir_map(context, rank, shape, 0, NULL, body && body->elem == elem ? body : ir_expr_cast(context, elem, body));
}

const struct ir_node *fourier_roots(struct ir_context *context, enum ir_elem elem, const struct poly *extent,
                                    const struct poly *numerator, int64_t order, double re, double im)
{
    return fourier_formula(context, elem, 1, &extent, numerator, order, re, im, 1);
}

const struct ir_node *fourier_share(struct ir_context *context, enum ir_elem elem, int64_t n)
{
    return fourier_formula(context, elem, 0, NULL, number(context, 0), 1, 1, 0, n);
}

/* The product of two operands at each element of `like`. */
static const struct ir_node *product(struct ir_context *context, const struct ir_node *like, const struct ir_access operands[2])
{
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = like->elem,
                                                      .accumulator = like->elem,
                                                      .rank = like->rank,
                                                      .n_indices = like->rank,
                                                      .extents = like->shape,
                                                      .n_operands = 2,
                                                      .operands = operands});
}

const struct ir_node *fourier_scale(struct ir_context *context, const struct ir_node *x, const struct ir_node *factor)
{
    if (!x || !factor)
        return NULL;
    const struct poly *last = last_index(context, x);
    const struct ir_access operands[2] = {fourier_at(context, x, last), {.node = factor, .subscripts = &last}};
    return product(context, x, operands);
}

const struct ir_node *fourier_times(struct ir_context *context, const struct ir_node *x, double number)
{
    if (!x || number == 1)
        return x;
    const struct ir_access access = ir_access_whole(context, x);
    const struct ir_number literal =
        ir_elem_is_complex(x->elem) ? ir_number_complex(x->elem, number, 0) : ir_number_real(x->elem, number);
    const struct ir_expr *sides[2] = {ir_expr_literal(context, literal), ir_expr_operand(context, 0, x->elem)};
    return ir_map(context, x->rank, x->shape, 1, &access, ir_expr_apply(context, IR_EXPR_mul, 2, sides));
}

const struct ir_node *fourier_over(struct ir_context *context, const struct ir_node *x, int64_t n)
{
    if (!x)
        return NULL;
    const struct ir_access operands[2] = {ir_access_whole(context, x), {.node = fourier_share(context, x->elem, n)}};
    return product(context, x, operands);
}

/* ---- one contraction ---- */

enum { MOST_FACTORS = 128 };
static const struct fourier_factor one = {1, 0, 1};

struct factors {
    struct ir_context *context;
    enum ir_elem elem;
    bool inverse;
    struct poly_ranges ranges;
    struct ir_access operands[MOST_FACTORS];
    uint32_t count;
};

/* The factor times root(a b, order) at row a < rows and column b < columns. */
static void add_roots(struct factors *factors, int64_t rows, int64_t columns, int64_t order, const struct poly *row,
                      const struct poly *column, struct fourier_factor times)
{
    struct ir_context *context = factors->context;
    const struct poly *shape[2] = {number(context, rows), number(context, columns)}, *at[2] = {row, column};
    const struct poly *numerator = poly_multiply(context, poly_index(context, 0), poly_index(context, 1));
    const struct ir_node *roots =
        fourier_formula(context, factors->elem, 2, shape, poly_scale(context, numerator, factors->inverse ? -1 : 1), order,
                        times.re, times.im, times.over);
    if (factors->count < MOST_FACTORS)
        factors->operands[factors->count++] =
            (struct ir_access){.node = roots, .subscripts = arena_copy(ir_arena(context), at, 2, sizeof *at)};
}

/* root(row column, n) with row = k1 + p k2, column = q l1 + l2 is that of p at (k1, l1), root(k1 l2, n), and that of q at (k2, l2).
 * A factor of all goes into the first twiddles, where it costs nothing. */
static void add_digits(struct factors *factors, int64_t n, const struct poly *row, const struct poly *column,
                       struct fourier_factor times)
{
    struct ir_context *context = factors->context;
    int64_t p = fourier_radix(n), q = n / p;
    if (q == 1) {
        add_roots(factors, n, n, n, row, column, times);
        return;
    }
    const struct poly *k1 = poly_mod(context, row, number(context, p), &factors->ranges);
    const struct poly *l2 = poly_mod(context, column, number(context, q), &factors->ranges);
    add_roots(factors, p, p, p, k1, poly_floor_div(context, column, number(context, q), &factors->ranges), one);
    add_roots(factors, p, q, n, k1, l2, times);
    add_digits(factors, q, poly_floor_div(context, row, number(context, p), &factors->ranges), l2, one);
}

static const struct ir_node *contract_roots(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse,
                                            struct fourier_factor times)
{
    const struct poly **extents = x ? ARENA_ARRAY(ir_arena(context), x->rank + 1, const struct poly *) : NULL;
    struct factors *factors = ARENA_NEW(ir_arena(context), struct factors);
    if (!extents || !factors)
        return NULL;
    for (uint32_t k = 0; k < x->rank; k++)
        extents[k] = x->shape[k];
    extents[x->rank] = number(context, n);
    *factors =
        (struct factors){.context = context, .elem = x->elem, .inverse = inverse, .ranges = {x->rank + 1, extents}, .count = 0};
    add_digits(factors, n, poly_index(context, x->rank - 1), poly_index(context, x->rank), times);
    factors->operands[factors->count++] = fourier_at(context, x, poly_index(context, x->rank));
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = x->elem,
                                                      .accumulator = x->elem,
                                                      .rank = x->rank,
                                                      .n_indices = x->rank + 1,
                                                      .extents = extents,
                                                      .n_operands = factors->count,
                                                      .operands = factors->operands});
}

const struct ir_node *fourier_multiply(struct ir_context *context, const struct ir_node *matrix, const struct ir_node *x)
{
    const struct poly **extents = x ? ARENA_ARRAY(ir_arena(context), x->rank + 1, const struct poly *) : NULL;
    if (!matrix || !extents)
        return NULL;
    for (uint32_t axis = 0; axis + 1 < x->rank; axis++)
        extents[axis] = x->shape[axis];
    extents[x->rank - 1] = matrix->shape[0];
    extents[x->rank] = matrix->shape[1];
    const struct poly *at[2] = {poly_index(context, x->rank - 1), poly_index(context, x->rank)};
    const struct ir_access operands[2] = {{.node = matrix, .subscripts = at}, fourier_at(context, x, at[1])};
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = matrix->elem,
                                                      .accumulator = matrix->elem,
                                                      .rank = x->rank,
                                                      .n_indices = x->rank + 1,
                                                      .extents = extents,
                                                      .n_operands = 2,
                                                      .operands = operands});
}

const struct ir_node *fourier_table(struct ir_context *context, const struct ir_node *x, enum ir_elem elem, int64_t rows,
                                    const struct poly *numerator, int64_t order, double re, double im)
{
    if (!(x = fourier_cast(context, x, elem)))
        return NULL;
    const struct poly *shape[2] = {number(context, rows), x->shape[x->rank - 1]};
    return fourier_multiply(context, fourier_formula(context, elem, 2, shape, numerator, order, re, im, 1), x);
}

/* ---- several steps ---- */

const struct ir_node *fourier_plane(struct ir_context *context, const struct ir_node *x, int64_t a, int64_t b,
                                    const struct poly *first, const struct poly *second, bool conjugate)
{
    uint32_t batch = x ? x->rank - (second ? 2 : 1) : 0;
    const struct poly **shape = x ? ARENA_ARRAY(ir_arena(context), batch + 2, const struct poly *) : NULL;
    const struct poly **subscripts = x ? ARENA_ARRAY(ir_arena(context), x->rank, const struct poly *) : NULL;
    if (!shape || !subscripts)
        return NULL;
    for (uint32_t k = 0; k < batch; k++) {
        shape[k] = x->shape[k];
        subscripts[k] = poly_index(context, k);
    }
    shape[batch] = number(context, a);
    shape[batch + 1] = number(context, b);
    subscripts[batch] = first;
    if (second)
        subscripts[batch + 1] = second;
    return ir_view(context, batch + 2, shape, (struct ir_access){.node = x, .subscripts = subscripts, .conjugate = conjugate});
}

const struct ir_node *fourier_merge(struct ir_context *context, const struct ir_node *x, int64_t n, const struct poly *first,
                                    const struct poly *second)
{
    if (!x)
        return NULL;
    struct ir_access access = ir_access_whole(context, x);
    const struct poly **subscripts = arena_copy(ir_arena(context), access.subscripts, x->rank, sizeof *access.subscripts);
    const struct poly **shape = arena_copy(ir_arena(context), x->shape, x->rank, sizeof *x->shape);
    if (!subscripts || !shape)
        return NULL;
    subscripts[x->rank - 2] = first;
    subscripts[x->rank - 1] = second;
    access.subscripts = subscripts;
    shape[x->rank - 2] = number(context, n);
    return ir_view(context, x->rank - 1, shape, access);
}

static const struct ir_node *swapped(struct ir_context *context, const struct ir_node *x)
{
    int64_t a, b;
    if (!x || !poly_is_constant(x->shape[x->rank - 2], &a) || !poly_is_constant(x->shape[x->rank - 1], &b))
        return NULL;
    return fourier_plane(context, x, b, a, poly_index(context, x->rank - 1), poly_index(context, x->rank - 2), false);
}

const struct ir_node *fourier_twiddle(struct ir_context *context, const struct ir_node *x, int64_t order, int64_t from,
                                      bool inverse, double scale)
{
    if (!x)
        return NULL;
    const struct poly *shape[2] = {x->shape[x->rank - 2], x->shape[x->rank - 1]};
    const struct poly *b = poly_add(context, poly_index(context, 1), number(context, from));
    const struct ir_node *twiddles = fourier_formula(
        context, x->elem, 2, shape, poly_scale(context, poly_multiply(context, poly_index(context, 0), b), inverse ? -1 : 1), order,
        scale, 0, 1);
    const struct poly *at[2] = {poly_index(context, x->rank - 2), poly_index(context, x->rank - 1)};
    const struct ir_access operands[2] = {ir_access_whole(context, x), {.node = twiddles, .subscripts = at}};
    return twiddles ? product(context, x, operands) : NULL;
}

/* n = p q with a large prime p: with k = k1 + p k2, l = q l1 + l2 first all transforms of p, then twiddles, then those of q. */
static const struct ir_node *by_steps(struct ir_context *context, const struct ir_node *x, int64_t p, int64_t q, bool inverse)
{
    const struct poly *a = poly_index(context, x->rank - 1), *b = poly_index(context, x->rank);
    const struct ir_node *split =
        fourier_plane(context, x, q, p, poly_add(context, poly_scale(context, b, q), a), NULL, false); /* [l2, l1] */
    const struct ir_node *first = fourier_complex(context, split, p, inverse);                         /* [l2, k1] */
    const struct ir_node *turned = fourier_twiddle(context, first, p * q, 0, inverse, 1);
    const struct ir_node *second = fourier_complex(context, swapped(context, turned), q, inverse); /* [k1, k2] */
    const struct poly *whole = last_index(context, x);
    return fourier_merge(context, second, p * q, poly_mod(context, whole, number(context, p), NULL),
                         poly_floor_div(context, whole, number(context, p), NULL));
}

const struct ir_node *fourier_complex(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse)
{
    if (!x || n == 1)
        return x;
    int64_t p = fourier_long_prime(n);
    if (!p)
        return contract_roots(context, x, n, inverse, one);
    return p == n ? fourier_prime(context, x, n, inverse) : by_steps(context, x, p, n / p, inverse);
}

const struct ir_node *fourier_complex_times(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse,
                                            struct fourier_factor times)
{
    return x ? contract_roots(context, x, n, inverse, times) : NULL;
}

const struct ir_node *fourier_response(struct ir_context *context, const struct ir_node *x, int64_t n, int64_t over)
{
    if (!x)
        return NULL;
    bool complex = ir_elem_is_complex(x->elem);
    if (!fourier_is_calculated(n))
        return fourier_over(context, complex ? fourier_complex(context, x, n, false) : fourier_real(context, x, n), over);
    const struct poly *numerator = poly_multiply(context, poly_index(context, 0), poly_index(context, 1));
    const struct ir_node *sum = fourier_table(context, x, ir_elem_complex(x->elem), complex ? n : n / 2 + 1, numerator, n, 1, 0);
    if (!sum || over == 1)
        return sum;
    const struct ir_access operands[3] = {sum->operands[0], sum->operands[1], {.node = fourier_share(context, sum->elem, over)}};
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = sum->elem,
                                                      .accumulator = sum->elem,
                                                      .rank = sum->rank,
                                                      .n_indices = sum->n_indices,
                                                      .extents = sum->extents,
                                                      .n_operands = 3,
                                                      .operands = operands});
}

/* With l = q l1 + p l2 mod n and k = k1 mod p, k2 mod q: root(k l, n) = root(k1 l1, p) root(k2 l2, q). */
const struct ir_node *fourier_coprime(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse)
{
    int64_t p = fourier_smallest_factor(n), q = n / p, power = p;
    for (; q % p == 0; q /= p)
        power *= p;
    if (!x || q == 1)
        return NULL;
    p = power;
    const struct poly *a = poly_index(context, x->rank - 1), *b = poly_index(context, x->rank);
    const struct poly *sum = poly_add(context, poly_scale(context, a, p), poly_scale(context, b, q));
    const struct ir_node *split =
        fourier_plane(context, x, q, p, poly_mod(context, sum, number(context, n), NULL), NULL, false); /* [l2, l1] */
    const struct ir_node *first = fourier_complex(context, split, p, inverse);
    const struct ir_node *turned = swapped(context, first); /* [k1, l2] */
    const struct ir_node *rest = turned ? fourier_coprime(context, turned, q, inverse) : NULL;
    const struct ir_node *second = rest ? rest : fourier_complex(context, turned, q, inverse);
    const struct poly *whole = last_index(context, x);
    return fourier_merge(context, second, n, poly_mod(context, whole, number(context, p), NULL),
                         poly_mod(context, whole, number(context, q), NULL));
}
