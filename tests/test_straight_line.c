/* Straight-line programs: they compute what the matrix says, and in few operations where the matrix has structure. */
#include "ir/straight_line.h"
#include "passes/fourier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <cmocka.h>

enum { LARGEST = STRAIGHT_LINE_ROWS };
static const double pi = 3.14159265358979323846;

/* Evaluates the program at x and at magnitudes: what is computed, and a scale for its rounding. */
static void evaluate(const struct straight_line *line, const double *x, double *y)
{
    double *values = test_malloc((line->n_inputs + line->n_values) * sizeof *values);
    for (uint32_t k = 0; k < line->n_inputs; k++)
        values[k] = x[k];
    for (size_t k = 0; k < line->n_values; k++) {
        values[line->n_inputs + k] = 0;
        for (uint32_t t = 0; t < line->values[k].n_terms; t++) {
            assert_true(line->values[k].terms[t].value < line->n_inputs + k);
            values[line->n_inputs + k] += line->values[k].terms[t].factor * values[line->values[k].terms[t].value];
        }
    }
    for (uint32_t row = 0; row < line->n_rows; row++) {
        y[row] = 0;
        for (uint32_t t = 0; t < line->rows[row].n_terms; t++)
            y[row] += line->rows[row].terms[t].factor * values[line->rows[row].terms[t].value];
    }
    test_free(values);
}

static double random_number(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(int64_t)(*seed >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

/* The operations of the program, after it was compared with the matrix at three points and in each column. */
static int64_t checked(uint32_t n_rows, uint32_t n_columns, const double *matrix, int64_t *additions)
{
    struct arena *arena = arena_create(NULL);
    const struct straight_line *line = straight_line_create(arena, n_rows, n_columns, matrix, 0x1p-50);
    assert_non_null(line);
    uint64_t seed = 7;
    for (int round = 0; round < 3; round++) {
        double x[LARGEST], y[LARGEST], scale = 0;
        for (uint32_t k = 0; k < n_columns; k++)
            scale += fabs(x[k] = random_number(&seed));
        evaluate(line, x, y);
        for (uint32_t row = 0; row < n_rows; row++) {
            double sum = 0, most = 0;
            for (uint32_t k = 0; k < n_columns; k++) {
                sum += matrix[row * n_columns + k] * x[k];
                most = fmax(most, fabs(matrix[row * n_columns + k]));
            }
            assert_true(fabs(sum - y[row]) <= 0x1p-48 * scale * most);
        }
    }
    for (uint32_t k = 0; k < n_columns; k++) { /* each number by itself is right to a few units in its last place */
        double x[LARGEST] = {0}, y[LARGEST];
        x[k] = 1;
        evaluate(line, x, y);
        for (uint32_t row = 0; row < n_rows; row++)
            assert_true(fabs(y[row] - matrix[row * n_columns + k]) <= 0x1p-50 * fmax(1, fabs(matrix[row * n_columns + k])));
    }
    int64_t flops = line->additions + line->multiplications;
    *additions = line->additions;
    arena_destroy(arena);
    return flops;
}

/* cos and sin of 2 pi t / n, equal in size where they are equal. */
static void root(int64_t t, int64_t n, double *cosine, double *sine)
{
    int64_t quarters = 4 * (t % n) / n, rest = 4 * (t % n) % n; /* angle: quarters + rest / n of a right one */
    double c = 2 * rest <= n ? cos(pi * (double)rest / (double)(2 * n)) : sin(pi * (double)(n - rest) / (double)(2 * n));
    double s = 2 * rest <= n ? sin(pi * (double)rest / (double)(2 * n)) : cos(pi * (double)(n - rest) / (double)(2 * n));
    if (2 * rest == n)
        c = s = sqrt(0.5);
    const double turned[4][2] = {{c, s}, {-s, c}, {-c, -s}, {s, -c}};
    *cosine = turned[quarters][0];
    *sine = turned[quarters][1];
}

static double matrix[LARGEST * LARGEST];

/* The Fourier transform of n complex numbers as real ones, of real input where `real`. */
static int64_t fourier(uint32_t n, bool real, int64_t *additions)
{
    uint32_t columns = real ? n : 2 * n, rows = real ? 2 * (n / 2 + 1) : 2 * n;
    for (uint32_t k = 0; 2 * k < rows; k++)
        for (uint32_t j = 0; j < n; j++) {
            double c, s;
            root((int64_t)k * j, n, &c, &s);
            if (real) {
                matrix[2 * k * columns + j] = c;
                matrix[(2 * k + 1) * columns + j] = -s;
                continue;
            }
            matrix[2 * k * columns + 2 * j] = matrix[(2 * k + 1) * columns + 2 * j + 1] = c;
            matrix[2 * k * columns + 2 * j + 1] = s;
            matrix[(2 * k + 1) * columns + 2 * j] = -s;
        }
    return checked(rows, columns, matrix, additions);
}

/* At half steps: root(j (2 k + 1), 2 n) for k < n/2 rounded up. */
static int64_t shifted(uint32_t n)
{
    int64_t additions;
    for (uint32_t k = 0; 2 * k < n; k++)
        for (uint32_t j = 0; j < n; j++) {
            double s;
            root((int64_t)j * (2 * k + 1), 2 * n, &matrix[2 * k * n + j], &s);
            matrix[(2 * k + 1) * n + j] = -s;
        }
    return checked(2 * ((n + 1) / 2), n, matrix, &additions);
}

/* Split radix, Yavne 1968, needs 4 n log2 n - 6 n + 8. */
static void fast_fourier_transforms_are_found(void **state)
{
    (void)state;
    int64_t additions;
    for (uint32_t n = 2, levels = 1; n <= 32; n *= 2, levels++) {
        uint32_t least = 4 * n * levels - 6 * n + 8;
        assert_int_equal(fourier(n, false, &additions), least);
        assert_int_equal(fourier(n, true, &additions), least / 2 - n + 2);
    }
    for (uint32_t n = 2; n <= 32; n++) /* no length is as bad as its matrix */
        assert_in_range(fourier(n, false, &additions), 4, n < 8 ? 14 * n : 8 * n * n / 3);
    assert_int_equal(fourier(3, false, &additions), 16);
    assert_int_equal(fourier(5, false, &additions), 48);
    for (uint32_t n = 5; n <= 7; n += 2) { /* 3 n over coprime factors: n of length 3, three of length n (Good 1958) */
        assert_int_equal(fourier(3 * n, false, &additions), 16 * n + 3 * fourier(n, false, &additions));
        assert_int_equal(fourier(3 * n, true, &additions), 6 * n + fourier(n, true, &additions) + fourier(n, false, &additions));
    }
}

/* root((row + at) (2 column + 1), order) or its transpose: cosine transforms of types II and III, and IV with odd rows. */
static int64_t cosines(uint32_t n, int64_t step, int64_t at, int64_t order, bool transposed)
{
    int64_t additions;
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t j = 0; j < n; j++) {
            double sine;
            root((step * k + at) * (2 * (int64_t)j + 1), order, &matrix[transposed ? j * n + k : k * n + j], &sine);
        }
    return checked(n, n, matrix, &additions);
}

/* 2 n log2 n - n + 2 take the fewest known by plain split radix (Vetterli and Nussbaumer 1984, with weights of the rows); a network
 * read backwards takes as many for the transpose. */
static void fast_cosine_transforms_are_found(void **state)
{
    (void)state;
    for (uint32_t n = 8, levels = 3; n <= 64; n *= 2, levels++) {
        assert_in_range(cosines(n, 1, 0, 4 * n, false), n, 2 * n * levels - n + 2);
        assert_int_equal(cosines(n, 1, 0, 4 * n, true), cosines(n, 1, 0, 4 * n, false));
        assert_in_range(cosines(n, 2, 1, 8 * n, false), n, 2 * n * levels + n);
    }
}

/* The table by which transforms are cut says what their codelets take. */
static void transforms_are_cut_by_true_counts(void **state)
{
    (void)state;
    int64_t additions;
    for (int64_t n = 2; n <= FOURIER_LONGEST_CODELET; n++) {
        int64_t flops = fourier((uint32_t)n, false, &additions);
        assert_true(fourier_flops(n) <= (double)flops);
        assert_true(fourier_radix(n) < n || fourier_flops(n) == (double)flops);
    }
    for (int64_t n = 2; n <= FOURIER_LONGEST_CODELET; n++) {
        int64_t flops = fourier((uint32_t)n, true, &additions);
        assert_true(fourier_real_flops(n) <= (double)flops);
        assert_true(fourier_real_radix(n) < n || fourier_real_flops(n) == (double)flops);
        if (fourier_shifted_is_codelet(n)) /* so all between n and twice that have the right one */
            assert_true(fourier_real_flops(2 * n) <=
                        (double)(2 * n + fourier((uint32_t)n, true, &additions) + shifted((uint32_t)n)));
    }
    for (int64_t n = 64; n <= 1 << 16; n = n * 5 / 3) /* half the work */
        assert_true(fourier_real_flops(n) <= 0.55 * fourier_flops(n) || fourier_long_prime(n) || fourier_flops(n) < 12 * (double)n);
    assert_true(fourier_flops(1024) == 2 * 32 * 456 + 6 * 1024);
    assert_int_equal(fourier_long_prime(2 * 37), 37);
    assert_int_equal(fourier_long_prime(2 * 31), 0);
}

static void signs_need_no_multiplication(void **state)
{
    (void)state;
    int64_t additions;
    for (uint32_t n = 2, levels = 1; n <= 64; n *= 2, levels++) {
        for (uint32_t k = 0; k < n * n; k++)
            matrix[k] = __builtin_parity(k / n & k % n) ? -1 : 1;
        assert_int_equal(checked(n, n, matrix, &additions), n * levels);
        assert_int_equal(additions, n * levels);
    }
}

static void any_matrix_is_computed(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{1, 1}, {1, 7}, {7, 1}, {5, 3}, {64, 2}, {64, 64}, {31, 33}};
    uint64_t seed = 11;
    int64_t additions;
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++)
        for (int kind = 0; kind < 3; kind++) {
            uint32_t m = shapes[shape][0], n = shapes[shape][1];
            int64_t nonzero = 0;
            for (uint32_t k = 0; k < m * n; k++) {
                double number = random_number(&seed);
                matrix[k] = kind == 0 ? number : kind == 1 ? floor(3 * number + 0.5) : number > 0.8;
                nonzero += matrix[k] != 0;
            }
            int64_t flops = checked(m, n, matrix, &additions);
            assert_true(flops <= 2 * nonzero);
        }
    matrix[0] = matrix[1] = 0;
    assert_int_equal(checked(1, 2, matrix, &additions), 0);
    struct arena *arena = arena_create(NULL);
    assert_null(straight_line_create(arena, 1, STRAIGHT_LINE_COLUMNS + 1, matrix, 0));
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_fourier_transforms_are_found),
        cmocka_unit_test(fast_cosine_transforms_are_found),
        cmocka_unit_test(transforms_are_cut_by_true_counts),
        cmocka_unit_test(signs_need_no_multiplication),
        cmocka_unit_test(any_matrix_is_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
