/* The certificate of discovery: an operator is as near to a matrix as its entries are, written out here by their definitions; with
 * a number of a factor a millionth off, or two places of a permutation exchanged, it is refused, and the error that is said is the
 * one that it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "ir/ir.h"
#include "passes/discover.h"

enum { MOST = 40 };

struct fixture {
    struct arena *arena;
    uint64_t state;
    bool complex_numbers;
};

static number next(struct fixture *f)
{
    double re = discover_random(&f->state) / 2147483648.0 - 1, im = discover_random(&f->state) / 2147483648.0 - 1;
    return complex_of(re + (re < 0 ? -0.25 : 0.25), f->complex_numbers ? im : 0);
}

/* ---- entries, by definition ---- */

static void reference(const struct discover_operator *op, number *entries);

static number leaf_entry(const struct discover_operator *op, size_t i, size_t j)
{
    size_t b = op->shape[1], c = op->shape[2], d = op->shape[3], n = op->columns;
    number sum = 0;
    switch (op->kind) {
    case DISCOVER_DENSE:
        return op->numbers[i * n + j];
    case DISCOVER_DIAGONAL:
        return i == j ? op->numbers[i] : 0;
    case DISCOVER_PERM:
        return op->table[i] == (int64_t)j;
    case DISCOVER_SPARSE:
        for (size_t k = 0; k < op->shape[0]; k++)
            sum += op->table[2 * k] == (int64_t)i && op->table[2 * k + 1] == (int64_t)j ? op->numbers[k] : 0;
        return sum;
    case DISCOVER_BANDED:
        for (size_t k = 0; k < op->n_table; k++)
            sum += (int64_t)i + op->table[k] == (int64_t)j ? op->numbers[k * op->rows + i] : 0;
        return sum;
    case DISCOVER_KS:
        return i / (b * d) == j / (c * d) && i % d == j % d ? op->numbers[((i / d) * c + j / d % c) * d + i % d] : 0;
    case DISCOVER_TOEPLITZ:
        return op->numbers[i + n - 1 - j];
    case DISCOVER_HANKEL:
        return op->numbers[i + j];
    case DISCOVER_CIRCULANT:
        return op->numbers[(i + n - j) % n];
    default:
        return i == j;
    }
}

/* entries of the parts up to the last, multiplied. */
static void multiply(const struct discover_operator *op, number *entries)
{
    static number part[MOST * MOST], before[MOST * MOST];
    reference(op->parts[0], entries);
    for (size_t k = 1; k < op->n_parts; k++) {
        size_t m = op->rows, p = op->parts[k]->rows, n = op->parts[k]->columns;
        memcpy(before, entries, m * p * sizeof *before);
        reference(op->parts[k], part);
        for (size_t at = 0; at < m * n; at++) {
            entries[at] = 0;
            for (size_t l = 0; l < p; l++)
                entries[at] += complex_times(before[at / n * p + l], part[l * n + at % n]);
        }
    }
}

static void reference(const struct discover_operator *op, number *entries)
{
    number part[MOST * MOST];
    size_t m = op->rows, n = op->columns;
    if (op->kind == DISCOVER_PRODUCT) {
        multiply(op, entries);
        return;
    }
    for (size_t at = 0; at < m * n; at++)
        entries[at] = op->kind == DISCOVER_KRON ? 1 : op->kind == DISCOVER_SUM ? 0 : leaf_entry(op, at / n, at % n);
    size_t rows = m, columns = n;
    for (size_t k = 0; k < op->n_parts; k++) {
        const struct discover_operator *own = op->parts[k];
        reference(own, part);
        rows /= own->rows, columns /= own->columns;
        for (size_t at = 0; at < m * n; at++) {
            if (op->kind == DISCOVER_SUM)
                entries[at] += part[at];
            else
                entries[at] =
                    complex_times(entries[at], part[at / n / rows % own->rows * own->columns + at % n / columns % own->columns]);
        }
    }
}

/* ---- operators ---- */

static struct discover_operator *leaf(struct fixture *f, enum discover_kind kind, size_t rows, size_t columns, uint32_t rank,
                                      const size_t shape[4])
{
    struct discover_operator *op = discover_leaf(f->arena, kind, rows, columns, rank, shape);
    assert_non_null(op);
    for (size_t k = 0; k < discover_count(op); k++)
        op->numbers[k] = next(f);
    return op;
}

static const struct discover_operator *dense(struct fixture *f, size_t m, size_t n)
{
    return leaf(f, DISCOVER_DENSE, m, n, 2, (const size_t[4]){m, n});
}

static const struct discover_operator *with_table(struct discover_operator *op, struct fixture *f, size_t count,
                                                  const int64_t *table)
{
    op->n_table = count;
    op->table = arena_copy(f->arena, table, count, sizeof *table);
    assert_non_null(op->table);
    return op;
}

static const struct discover_operator *pair(struct fixture *f, enum discover_kind kind, const struct discover_operator *left,
                                            const struct discover_operator *right)
{
    return discover_combine(f->arena, kind, 2, (const struct discover_operator *const[2]){left, right});
}

/* One of each kind, and of what is made of them; NULL behind the last. */
static const struct discover_operator *made(struct fixture *f, int which)
{
    static const int64_t places[12] = {7, 2, 9, 4, 1, 11, 0, 3, 5, 10, 6, 8};
    static const int64_t nonzeros[10] = {0, 3, 5, 1, 11, 11, 7, 0, 2, 8}, offsets[3] = {-2, 0, 1};
    const struct discover_operator *perm = with_table(discover_node(f->arena, DISCOVER_PERM, 12, 12), f, 12, places);
    const struct discover_operator *diagonal = leaf(f, DISCOVER_DIAGONAL, 12, 12, 1, (const size_t[4]){12});
    switch (which) {
    case 0:
        return diagonal;
    case 1:
        return pair(f, DISCOVER_PRODUCT, perm, diagonal);
    case 2:
        return with_table(leaf(f, DISCOVER_SPARSE, 12, 12, 1, (const size_t[4]){5}), f, 10, nonzeros);
    case 3:
        return with_table(leaf(f, DISCOVER_BANDED, 12, 12, 2, (const size_t[4]){3, 12}), f, 3, offsets);
    case 4:
        return leaf(f, DISCOVER_TOEPLITZ, 20, 16, 1, (const size_t[4]){35});
    case 5:
        return leaf(f, DISCOVER_HANKEL, 16, 20, 1, (const size_t[4]){35});
    case 6:
        return leaf(f, DISCOVER_CIRCULANT, 18, 18, 1, (const size_t[4]){18});
    case 7:
        return leaf(f, DISCOVER_KS, 24, 36, 4, (const size_t[4]){2, 4, 6, 3});
    case 8:
        return pair(f, DISCOVER_PRODUCT, dense(f, 20, 2), dense(f, 2, 24));
    case 9:
        return pair(f, DISCOVER_KRON, dense(f, 6, 5), dense(f, 4, 6));
    case 10:
        return pair(f, DISCOVER_PRODUCT, leaf(f, DISCOVER_KS, 24, 24, 4, (const size_t[4]){1, 4, 4, 6}),
                    leaf(f, DISCOVER_KS, 24, 24, 4, (const size_t[4]){4, 6, 6, 1}));
    case 11:
        return pair(f, DISCOVER_SUM, leaf(f, DISCOVER_DIAGONAL, 24, 24, 1, (const size_t[4]){24}),
                    pair(f, DISCOVER_PRODUCT, dense(f, 24, 2), dense(f, 2, 24)));
    case 12:
        return pair(f, DISCOVER_PRODUCT, pair(f, DISCOVER_KRON, dense(f, 4, 3), dense(f, 3, 4)), perm);
    default:
        return NULL;
    }
}

/* A copy with part `at` of the tree, counted through, off at its number `which`, or at two places of its table. */
static const struct discover_operator *wrong(struct fixture *f, const struct discover_operator *op, size_t *at, size_t which)
{
    struct discover_operator *copy = ARENA_NEW(f->arena, struct discover_operator);
    assert_non_null(copy);
    *copy = *op;
    size_t count = discover_count(op);
    if (op->n_parts) {
        copy->parts = ARENA_ARRAY(f->arena, op->n_parts, const struct discover_operator *);
        assert_non_null(copy->parts);
        for (size_t k = 0; k < op->n_parts; k++)
            copy->parts[k] = wrong(f, op->parts[k], at, which);
        return copy;
    }
    if ((*at)-- != 0)
        return copy;
    if (count) {
        copy->numbers = arena_copy(f->arena, op->numbers, count, sizeof *op->numbers);
        assert_non_null(copy->numbers);
        copy->numbers[which % count] *= 1 + 1e-6;
    } else {
        copy->table = arena_copy(f->arena, op->table, op->n_table, sizeof *op->table);
        assert_non_null(copy->table);
        copy->table[which % op->n_table] = op->table[(which + 1) % op->n_table];
        copy->table[(which + 1) % op->n_table] = op->table[which % op->n_table];
    }
    return copy;
}

static size_t leaves(const struct discover_operator *op)
{
    size_t count = op->n_parts ? 0 : 1;
    for (size_t k = 0; k < op->n_parts; k++)
        count += leaves(op->parts[k]);
    return count;
}

/* ---- what is said of them ---- */

/* The operator proposed for these numbers, which it should be off by `error` relatively. */
static void propose(struct fixture *f, const struct discover_matrix *matrix, const struct discover_operator *op, int which)
{
    number entries[MOST * MOST];
    size_t count = matrix->rows * matrix->columns;
    double norm = discover_norm(count, matrix->numbers), longest = 0;
    const struct discover_options options = {.elem = f->complex_numbers ? IR_c128 : IR_f64, .within = 1e-9};
    struct discover_result result = {.count = 0};
    struct discovery discovery = {.arena = f->arena,
                                  .options = &options,
                                  .matrix = matrix,
                                  .norm = norm,
                                  .tolerance = 1e-9,
                                  .family = "a test",
                                  .result = &result};
    reference(op, entries);
    for (size_t k = 0; k < count; k++)
        entries[k] -= matrix->numbers[k];
    for (size_t j = 0; j < matrix->columns; j++) {
        double sum = 0;
        for (size_t i = 0; i < matrix->rows; i++)
            sum += discover_square(entries[i * matrix->columns + j]);
        longest = fmax(longest, sqrt(sum));
    }
    double error = discover_norm(count, entries) / norm;
    bool accepted = discover_add(&discovery, op);
    assert_int_equal(result.count, 1);
    const struct pass_certificate *certificate = &result.findings[0].certificate;
    if (accepted != (error < 1e-9) || fabs(certificate->error - error) > 1e-9 * error + 1e-15)
        fail_msg("operator %d, off by %g: %s, said to be off by %g", which, error, accepted ? "accepted" : "refused",
                 certificate->error);
    if (!(certificate->spectral_bound * (1 + 1e-9) >= longest / norm && certificate->forward_bound >= certificate->spectral_bound &&
          certificate->growth >= 1 - 1e-9))
        fail_msg("operator %d: the spectral error is said to be at most %g", which, certificate->spectral_bound);
}

static void test_certificates(void **state)
{
    (void)state;
    for (int complex_numbers = 0; complex_numbers < 2; complex_numbers++)
        for (int which = 0;; which++) {
            struct fixture f = {arena_create(NULL), 7 + (uint64_t)which, complex_numbers};
            assert_non_null(f.arena);
            const struct discover_operator *op = made(&f, which);
            if (!op) {
                arena_destroy(f.arena);
                break;
            }
            number entries[MOST * MOST];
            struct discover_matrix matrix = {op->rows, op->columns, entries, !complex_numbers};
            reference(op, entries);
            propose(&f, &matrix, op, which);
            for (size_t part = 0; part < leaves(op); part++)
                for (size_t k = 0; k < 3; k++) {
                    size_t at = part;
                    propose(&f, &matrix, wrong(&f, op, &at, discover_random(&f.state)), which);
                }
            arena_destroy(f.arena);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_certificates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
