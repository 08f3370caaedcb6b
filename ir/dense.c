/* Small dense matrices while compiling: see dense.h. */
#include "dense.h"

#include <math.h>

/* Real and imaginary parts; `im` is NULL where all is real. */
struct matrix {
    size_t n;
    long double *re, *im;
};

static long double size_at(const struct matrix *a, size_t i, size_t j)
{
    size_t at = i * a->n + j;
    return a->im ? hypotl(a->re[at], a->im[at]) : fabsl(a->re[at]);
}

static long double norm_1(const struct matrix *a)
{
    long double largest = 0;
    for (size_t j = 0; j < a->n; j++) {
        long double sum = 0;
        for (size_t i = 0; i < a->n; i++)
            sum += size_at(a, i, j);
        largest = fmaxl(largest, sum);
    }
    return largest;
}

/* ---- inverse ---- */

static void exchange(long double *a, long double *b, size_t n)
{
    for (size_t j = 0; a != b && j < n; j++) {
        long double kept = a[j];
        a[j] = b[j];
        b[j] = kept;
    }
}

static void exchange_rows(struct matrix *a, size_t i, size_t k)
{
    exchange(a->re + i * a->n, a->re + k * a->n, a->n);
    if (a->im)
        exchange(a->im + i * a->n, a->im + k * a->n, a->n);
}

/* Row i becomes `own` times itself less the factor times row k. */
static void combine_rows(struct matrix *a, size_t i, long double own, size_t k, long double re, long double im)
{
    long double *x = a->re + i * a->n, *y = a->im ? a->im + i * a->n : NULL;
    const long double *u = a->re + k * a->n, *v = a->im ? a->im + k * a->n : NULL;
    for (size_t j = 0; !y && j < a->n; j++)
        x[j] = own * x[j] - re * u[j];
    for (size_t j = 0; y && j < a->n; j++) {
        long double ur = u[j], ui = v[j];
        x[j] = own * x[j] - (re * ur - im * ui);
        y[j] = own * y[j] - (re * ui + im * ur);
    }
}

/* Gauss and Jordan on [a | b]: a becomes the identity. False: a pivot is zero or no number. */
static bool eliminate(struct matrix *a, struct matrix *b)
{
    size_t n = a->n;
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < n; i++)
            if (size_at(a, i, k) > size_at(a, pivot, k))
                pivot = i;
        long double size = size_at(a, pivot, k);
        if (!(size > 0) || !isfinite(size))
            return false;
        exchange_rows(a, k, pivot);
        exchange_rows(b, k, pivot);
        long double re = a->re[k * n + k] / size / size, im = a->im ? -(a->im[k * n + k] / size / size) : 0;
        combine_rows(a, k, 0, k, -re, -im); /* by 1 / pivot */
        combine_rows(b, k, 0, k, -re, -im);
        for (size_t i = 0; i < n; i++) {
            re = a->re[i * n + k];
            im = a->im ? a->im[i * n + k] : 0;
            if (i == k || (re == 0 && im == 0))
                continue;
            combine_rows(a, i, 1, k, re, im);
            combine_rows(b, i, 1, k, re, im);
        }
    }
    return true;
}

static bool create(struct arena *arena, size_t n, bool is_complex, struct matrix *matrix)
{
    *matrix = (struct matrix){n, ARENA_ARRAY(arena, n * n, long double), NULL};
    if (is_complex)
        matrix->im = ARENA_ARRAY(arena, n * n, long double);
    return matrix->re && (matrix->im || !is_complex);
}

bool dense_invert(struct arena *arena, size_t n, const double complex *matrix, double complex *inverse, double *condition)
{
    struct matrix a, b;
    bool is_complex = false;
    for (size_t k = 0; k < n * n; k++)
        is_complex |= cimag(matrix[k]) != 0;
    if (!create(arena, n, is_complex, &a) || !create(arena, n, is_complex, &b))
        return false;
    for (size_t k = 0; k < n * n; k++) {
        a.re[k] = creal(matrix[k]);
        b.re[k] = k / n == k % n;
        if (is_complex)
            a.im[k] = cimag(matrix[k]);
    }
    long double norm = norm_1(&a);
    if (!eliminate(&a, &b))
        return false;
    *condition = (double)(norm * norm_1(&b));
    for (size_t k = 0; k < n * n; k++)
        inverse[k] = (double)b.re[k] + (is_complex ? (double)b.im[k] * I : 0);
    return isfinite(*condition);
}

/* ---- eigenvectors ---- */

bool dense_cholesky(size_t n, const double *matrix, double *factor)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < n; i++) {
            long double sum = matrix[i * n + j];
            for (size_t k = 0; k < j && i >= j; k++)
                sum -= (long double)factor[i * n + k] * factor[j * n + k];
            if (i == j && !(sum > 0))
                return false;
            factor[i * n + j] = i < j ? 0 : i == j ? (double)sqrtl(sum) : (double)(sum / factor[j * n + j]);
        }
    return true;
}

/* a^-1 b, a lower triangular: forward; or a^-T b: backward. */
static void substitute(size_t n, const double *a, bool transposed, long double *b)
{
    for (size_t column = 0; column < n; column++)
        for (size_t step = 0; step < n; step++) {
            size_t i = transposed ? n - 1 - step : step;
            long double sum = b[i * n + column];
            for (size_t k = transposed ? i + 1 : 0; k < (transposed ? n : i); k++)
                sum -= (transposed ? a[k * n + i] : a[i * n + k]) * b[k * n + column];
            b[i * n + column] = sum / a[i * n + i];
        }
}

static void transpose(size_t n, long double *a)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            long double kept = a[i * n + j];
            a[i * n + j] = a[j * n + i];
            a[j * n + i] = kept;
        }
}

/* Rows and columns p and q of a, columns of v, turned so that a[p,q] is zero. */
static void rotate(size_t n, long double *a, long double *v, size_t p, size_t q)
{
    long double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    long double t = (theta < 0 ? -1 : 1) / (fabsl(theta) + sqrtl(theta * theta + 1)), c = 1 / sqrtl(t * t + 1), s = t * c;
    for (size_t k = 0; k < n; k++) {
        long double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for (size_t k = 0; k < n; k++) {
        long double x = a[p * n + k], y = a[q * n + k];
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
        x = v[k * n + p], y = v[k * n + q];
        v[k * n + p] = c * x - s * y;
        v[k * n + q] = s * x + c * y;
    }
}

enum { MOST_SWEEPS = 40 };

static void diagonalise(size_t n, long double *a, long double *v)
{
    long double all = 0;
    for (size_t k = 0; k < n * n; k++)
        all += a[k] * a[k];
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        long double left = 0;
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                left += a[p * n + q] * a[p * n + q];
                if (a[p * n + q] * a[p * n + q] > all * 1e-42L) /* what long double does not see in the diagonal */
                    rotate(n, a, v, p, q);
            }
        if (!(left > all * 1e-38L))
            return;
    }
}

bool dense_eigenvectors(struct arena *arena, size_t n, const double *x, const double *y, double *vectors, double *values)
{
    long double *a = ARENA_ARRAY(arena, n * n, long double), *v = ARENA_ARRAY(arena, n * n, long double);
    double *factor = ARENA_ARRAY(arena, n * n, double);
    if (!a || !v || !factor || (y && !dense_cholesky(n, y, factor)))
        return false;
    for (size_t k = 0; k < n * n; k++)
        a[k] = x[k];
    for (int side = 0; y && side < 2; side++) { /* L^-1 x L^-T; symmetric, so its transpose is as good */
        substitute(n, factor, false, a);
        transpose(n, a);
    }
    for (size_t k = 0; k < n; k++)
        v[k * n + k] = 1;
    diagonalise(n, a, v);
    if (y)
        substitute(n, factor, true, v);
    for (size_t k = 0; k < n; k++)
        values[k] = (double)a[k * n + k];
    for (size_t k = 0; k < n * n; k++)
        vectors[k] = (double)v[k];
    return true;
}
