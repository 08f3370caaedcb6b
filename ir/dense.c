/* Small dense matrices while compiling: see dense.h. */
#include "dense.h"

#include <float.h>
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

/* Columns of the inverse that are computed together: a row of them and a row of the factors stay in the first cache. */
enum { COLUMNS = 32 };

static void exchange(long double *a, size_t n, size_t i, size_t k)
{
    for (size_t j = 0; a && i != k && j < n; j++) {
        long double kept = a[i * n + j];
        a[i * n + j] = a[k * n + j];
        a[k * n + j] = kept;
    }
}

/* Row i of a table of rows `width` long less the factor times row k, from column `first` on. */
static void subtract_row(const struct matrix *rows, size_t width, size_t first, size_t i, size_t k, long double re, long double im)
{
    long double *x = rows->re + i * width, *y = rows->im ? rows->im + i * width : NULL;
    const long double *u = rows->re + k * width, *v = rows->im ? rows->im + k * width : NULL;
    for (size_t j = first; !y && j < width; j++)
        x[j] -= re * u[j];
    for (size_t j = first; y && j < width; j++) {
        x[j] -= re * u[j] - im * v[j];
        y[j] -= re * v[j] + im * u[j];
    }
}

/* Row i times a number. */
static void scale_row(const struct matrix *rows, size_t width, size_t i, long double re, long double im)
{
    long double *x = rows->re + i * width, *y = rows->im ? rows->im + i * width : NULL;
    for (size_t j = 0; j < width; j++) {
        long double kept = x[j];
        x[j] = y ? re * kept - im * y[j] : re * kept;
        if (y)
            y[j] = re * y[j] + im * kept;
    }
}

static long double imaginary(const struct matrix *a, size_t at)
{
    return a->im ? a->im[at] : 0;
}

/* L U = the matrix with its rows in the order `rows`, L below the diagonal, reciprocals of U's diagonal on it. False: a pivot is
 * zero or no number. */
static bool factorise(struct matrix *a, size_t *rows)
{
    size_t n = a->n;
    for (size_t k = 0; k < n; k++)
        rows[k] = k;
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k, row = rows[k];
        for (size_t i = k + 1; i < n; i++)
            if (size_at(a, i, k) > size_at(a, pivot, k))
                pivot = i;
        long double size = size_at(a, pivot, k);
        if (!(size > 0) || !isfinite(size))
            return false;
        rows[k] = rows[pivot];
        rows[pivot] = row;
        exchange(a->re, n, k, pivot);
        exchange(a->im, n, k, pivot);
        long double re = a->re[k * n + k] / size / size, im = -(imaginary(a, k * n + k) / size / size);
        a->re[k * n + k] = re;
        if (a->im)
            a->im[k * n + k] = im;
        for (size_t i = k + 1; i < n; i++) {
            long double x = a->re[i * n + k], y = imaginary(a, i * n + k);
            a->re[i * n + k] = re * x - im * y;
            if (a->im)
                a->im[i * n + k] = re * y + im * x;
            if (x != 0 || y != 0)
                subtract_row(a, n, k + 1, i, k, a->re[i * n + k], imaginary(a, i * n + k));
        }
    }
    return true;
}

/* Columns `first` and so many more of the inverse, from the factors. */
static void invert_columns(const struct matrix *a, const size_t *rows, size_t first, size_t width, const struct matrix *x)
{
    size_t n = a->n;
    for (size_t k = 0; k < n * width; k++) {
        x->re[k] = rows[k / width] == first + k % width;
        if (x->im)
            x->im[k] = 0;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            subtract_row(x, width, 0, i, k, a->re[i * n + k], imaginary(a, i * n + k));
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            subtract_row(x, width, 0, i, k, a->re[i * n + k], imaginary(a, i * n + k));
        scale_row(x, width, i, a->re[i * n + i], imaginary(a, i * n + i));
    }
}

static bool create(struct arena *arena, size_t n, size_t width, bool is_complex, struct matrix *matrix)
{
    *matrix = (struct matrix){n, ARENA_ARRAY(arena, n * width, long double), NULL};
    if (is_complex)
        matrix->im = ARENA_ARRAY(arena, n * width, long double);
    return matrix->re && (matrix->im || !is_complex);
}

bool dense_invert(struct arena *arena, size_t n, const double complex *matrix, double complex *inverse, double *condition)
{
    struct matrix a, x;
    bool is_complex = false;
    size_t *rows = ARENA_ARRAY(arena, n, size_t);
    for (size_t k = 0; k < n * n; k++)
        is_complex |= cimag(matrix[k]) != 0;
    if (!rows || !create(arena, n, n, is_complex, &a) || !create(arena, n, COLUMNS, is_complex, &x))
        return false;
    for (size_t k = 0; k < n * n; k++) {
        a.re[k] = creal(matrix[k]);
        if (is_complex)
            a.im[k] = cimag(matrix[k]);
    }
    long double norm = norm_1(&a), largest = 0;
    if (!factorise(&a, rows))
        return false;
    for (size_t first = 0; first < n; first += COLUMNS) {
        size_t width = n - first < COLUMNS ? n - first : COLUMNS;
        invert_columns(&a, rows, first, width, &x);
        for (size_t j = 0; j < width; j++) {
            long double sum = 0;
            for (size_t i = 0; i < n; i++) {
                long double re = x.re[i * width + j], im = imaginary(&x, i * width + j);
                sum += hypotl(re, im);
                inverse[i * n + first + j] = (double)re + (is_complex ? (double)im * I : 0);
            }
            largest = fmaxl(largest, sum);
        }
    }
    *condition = (double)(norm * largest);
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

/* Row i less factor times row k. */
static void subtract_from(long double *a, size_t n, size_t i, size_t k, long double factor)
{
    long double *x = a + i * n;
    const long double *u = a + k * n;
    for (size_t j = 0; j < n; j++)
        x[j] -= factor * u[j];
}

/* a^-1 b, a lower triangular: forward; or a^-T b: backward. */
static void substitute(size_t n, const double *a, bool transposed, long double *b)
{
    for (size_t step = 0; step < n; step++) {
        size_t i = transposed ? n - 1 - step : step;
        for (size_t k = transposed ? i + 1 : 0; k < (transposed ? n : i); k++)
            subtract_from(b, n, i, k, transposed ? a[k * n + i] : a[i * n + k]);
        for (size_t j = 0; j < n; j++)
            b[i * n + j] /= a[i * n + i];
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

static long double dot(size_t n, const long double *x, const long double *y)
{
    long double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += x[j] * y[j];
    return sum;
}

/* a, symmetric, becomes (I - b v v^T) a (I - b v v^T) on rows and columns from k + 1 on, so that its column k is zero below
 * `next[k]`; v takes the place of row k behind the diagonal. `w`: n numbers of room. Gives b. */
static long double reflect(size_t n, long double *a, size_t k, long double *next, long double *w)
{
    size_t m = n - 1 - k;
    long double *v = a + k * n + k + 1, length = sqrtl(dot(m, v, v));
    next[k] = v[0] > 0 ? -length : length;
    v[0] -= next[k];
    long double square = dot(m, v, v);
    if (!(square > 0))
        return 0;
    for (size_t i = 0; i < m; i++)
        w[i] = 2 / square * dot(m, a + (k + 1 + i) * n + k + 1, v);
    long double half = dot(m, w, v) / square;
    for (size_t i = 0; i < m; i++)
        w[i] -= half * v[i];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            a[(k + 1 + i) * n + k + 1 + j] -= v[i] * w[j] + w[i] * v[j];
    return 2 / square;
}

/* The product of the reflections whose vectors `a` holds, in v. */
static void multiply_reflections(size_t n, const long double *a, const long double *factors, long double *v, long double *w)
{
    for (size_t k = 0; k < n * n; k++)
        v[k] = k / n == k % n;
    for (size_t k = n > 2 ? n - 2 : 0; k-- > 0;) {
        const long double *u = a + k * n;
        for (size_t j = k + 1; j < n; j++)
            w[j] = 0;
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = k + 1; j < n; j++)
                w[j] += u[i] * v[i * n + j];
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = k + 1; j < n; j++)
                v[i * n + j] -= factors[k] * u[i] * w[j];
    }
}

enum { MOST_STEPS = 60 }; /* for an eigenvalue; two are usual */

/* One implicit QL step on rows l .. m of a tridiagonal matrix, its rotations on rows of v as well. */
static void rotate(size_t n, long double *d, long double *e, size_t l, size_t m, long double *v)
{
    long double g = (d[l + 1] - d[l]) / (2 * e[l]), s = 1, c = 1, p = 0;
    g = d[m] - d[l] + e[l] / (g + copysignl(hypotl(g, 1), g));
    for (size_t i = m; i-- > l;) {
        long double f = s * e[i], b = c * e[i], r = hypotl(f, g);
        e[i + 1] = r;
        if (r == 0) {
            d[i + 1] -= p;
            e[m] = 0;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        for (size_t k = 0; k < n; k++) {
            long double x = v[i * n + k], y = v[(i + 1) * n + k];
            v[(i + 1) * n + k] = s * x + c * y;
            v[i * n + k] = c * x - s * y;
        }
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
}

/* Eigenvalues d of a, symmetric, which is lost; eigenvectors in the rows of v. False: they are not found, or no memory. */
static bool diagonalise(struct arena *arena, size_t n, long double *a, long double *d, long double *v)
{
    long double *e = ARENA_ARRAY(arena, n + 1, long double), *w = ARENA_ARRAY(arena, n, long double);
    long double *factors = ARENA_ARRAY(arena, n, long double);
    if (!e || !w || !factors)
        return false;
    for (size_t k = 0; k + 2 < n; k++)
        factors[k] = reflect(n, a, k, e, w);
    if (n > 1)
        e[n - 2] = a[(n - 2) * n + n - 1];
    for (size_t k = 0; k < n; k++)
        d[k] = a[k * n + k];
    multiply_reflections(n, a, factors, v, w);
    transpose(n, v);
    for (size_t l = 0; l < n; l++)
        for (int step = 0;; step++) {
            size_t m = l;
            while (m + 1 < n && fabsl(e[m]) > LDBL_EPSILON * (fabsl(d[m]) + fabsl(d[m + 1])))
                m++;
            if (m == l)
                break;
            if (step == MOST_STEPS)
                return false;
            rotate(n, d, e, l, m, v);
        }
    return true;
}

bool dense_eigenvectors(struct arena *arena, size_t n, const double *x, const double *y, double *vectors, double *values)
{
    long double *a = ARENA_ARRAY(arena, n * n, long double), *v = ARENA_ARRAY(arena, n * n, long double);
    long double *d = ARENA_ARRAY(arena, n, long double);
    double *factor = ARENA_ARRAY(arena, n * n, double);
    if (!a || !v || !d || !factor || (y && !dense_cholesky(n, y, factor)))
        return false;
    for (size_t k = 0; k < n * n; k++)
        a[k] = x[k];
    for (int side = 0; y && side < 2; side++) { /* L^-1 x L^-T; symmetric, so its transpose is as good */
        substitute(n, factor, false, a);
        transpose(n, a);
    }
    if (!diagonalise(arena, n, a, d, v))
        return false;
    transpose(n, v);
    if (y)
        substitute(n, factor, true, v);
    for (size_t k = 0; k < n; k++)
        values[k] = (double)d[k];
    for (size_t k = 0; k < n * n; k++)
        vectors[k] = (double)v[k];
    return true;
}
