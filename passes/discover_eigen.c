/* Small square systems and eigenvectors, for discovery: written out, as in discover_linear.c. Eigenvectors are those of the
 * triangle that rotations bring a matrix to, by steps with a shift (Golub and Van Loan 7.4 and 7.6, of complex matrices). */
#include "discover.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool discover_solve(size_t n, number *matrix, size_t m, number *right)
{
    for (size_t k = 0; k < n; k++) {
        size_t best = k;
        for (size_t i = k; i < n; i++)
            best = cabs(matrix[i * n + k]) > cabs(matrix[best * n + k]) ? i : best;
        if (!(cabs(matrix[best * n + k]) > 0))
            return false;
        for (size_t j = 0; j < n + m; j++) {
            number *a = j < n ? &matrix[k * n + j] : &right[k * m + j - n],
                   *b = j < n ? &matrix[best * n + j] : &right[best * m + j - n], kept = *a;
            *a = *b;
            *b = kept;
        }
        for (size_t i = k + 1; i < n; i++) {
            number factor = matrix[i * n + k] / matrix[k * n + k];
            for (size_t j = k; j < n; j++)
                matrix[i * n + j] -= complex_times(factor, matrix[k * n + j]);
            for (size_t j = 0; j < m; j++)
                right[i * m + j] -= complex_times(factor, right[k * m + j]);
        }
    }
    for (size_t i = n; i-- > 0;)
        for (size_t j = 0; j < m; j++) {
            for (size_t k = i + 1; k < n; k++)
                right[i * m + j] -= complex_times(matrix[i * n + k], right[k * m + j]);
            right[i * m + j] /= matrix[i * n + i];
        }
    return true;
}

/* ---- eigenvectors ---- */

/* The matrix, and what it was multiplied by from the right. */
struct turning {
    size_t n;
    number *matrix, *vectors;
};

static void turn_columns(size_t n, number *numbers, size_t p, double cosine, number sine)
{
    for (size_t i = 0; i < n; i++) {
        number *a = &numbers[i * n + p], *b = a + 1, kept = *a;
        *a = cosine * kept + complex_times(conj(sine), *b);
        *b = cosine * *b - complex_times(sine, kept);
    }
}

/* Rows p and p + 1 turned so that (a, b) becomes (r, 0), the columns back. */
static void turn(struct turning *turning, size_t p, number a, number b)
{
    size_t n = turning->n;
    double size = cabs(a), length = hypot(size, cabs(b));
    if (!(length > 0))
        return;
    double cosine = size / length;
    number sine = size > 0 ? complex_times(a / size, conj(b) / length) : 1;
    for (size_t j = 0; j < n; j++) {
        number *upper = &turning->matrix[p * n + j], *lower = upper + n, kept = *upper;
        *upper = cosine * kept + complex_times(sine, *lower);
        *lower = cosine * *lower - complex_times(conj(sine), kept);
    }
    turn_columns(n, turning->matrix, p, cosine, sine);
    turn_columns(n, turning->vectors, p, cosine, sine);
}

/* The eigenvalue of the last two by two that is nearest to its last entry. */
static number shift_of(const number *matrix, size_t n, size_t last)
{
    number a = matrix[(last - 1) * n + last - 1], b = matrix[(last - 1) * n + last], c = matrix[last * n + last - 1],
           d = matrix[last * n + last];
    number half = (a - d) / 2, root = csqrt(complex_times(half, half) + complex_times(b, c));
    number far = cabs(half + root) > cabs(half - root) ? half + root : half - root;
    return cabs(far) > 0 ? d - complex_times(b, c) / far : d;
}

/* To a triangle with zeros below it; false: not within the usual number of steps. */
static bool triangular(struct turning *turning)
{
    size_t n = turning->n, steps = 0;
    number *h = turning->matrix;
    for (size_t column = 0; column + 2 < n; column++)
        for (size_t row = n - 1; row > column + 1; row--)
            turn(turning, row - 1, h[(row - 1) * n + column], h[row * n + column]);
    for (size_t last = n - 1; last > 0;) {
        size_t first = last;
        for (; first > 0; first--) {
            double beside = cabs(h[first * n + first]) + cabs(h[(first - 1) * n + first - 1]);
            if (cabs(h[first * n + first - 1]) <= DBL_EPSILON * beside) {
                h[first * n + first - 1] = 0;
                break;
            }
        }
        if (first == last) {
            last--;
            continue;
        }
        if (steps++ > 40 * n)
            return false;
        turn(turning, first, h[first * n + first] - shift_of(h, n, last), h[(first + 1) * n + first]);
        for (size_t k = first; k + 2 <= last; k++)
            turn(turning, k + 1, h[(k + 1) * n + k], h[(k + 2) * n + k]);
    }
    return true;
}

/* Of real numbers the vectors are real: each is a real one times some number. */
static void settle(size_t n, number *vectors, bool real)
{
    for (size_t r = 0; r < n; r++) {
        number largest = 0;
        for (size_t i = 0; i < n; i++)
            largest = cabs(vectors[i * n + r]) > cabs(largest) ? vectors[i * n + r] : largest;
        for (size_t i = 0; i < n && cabs(largest) > 0; i++) {
            number value = vectors[i * n + r] / largest;
            vectors[i * n + r] = real ? complex_of(creal(value), 0) : value;
        }
    }
}

bool discover_eigenvectors(struct arena *arena, size_t n, number *matrix, bool real, number *vectors)
{
    struct turning turning = {n, matrix, ARENA_ARRAY(arena, n * n, number)};
    number *x = ARENA_ARRAY(arena, n, number);
    double size = discover_norm(n * n, matrix);
    for (size_t k = 0; turning.vectors && k < n * n; k++)
        turning.vectors[k] = k / n == k % n;
    if (!turning.vectors || !x || !triangular(&turning))
        return false;
    for (size_t k = 0; k < n; k++) {
        for (size_t i = k + 1; i-- > 0;) {
            number sum = i == k ? -1 : 0, apart = i == k ? 1 : matrix[i * n + i] - matrix[k * n + k];
            for (size_t j = i + 1; j <= k; j++)
                sum += complex_times(matrix[i * n + j], x[j]);
            x[i] = -sum / (cabs(apart) > DBL_EPSILON * size ? apart : DBL_EPSILON * size);
        }
        for (size_t i = 0; i < n; i++) {
            vectors[i * n + k] = 0;
            for (size_t j = 0; j <= k; j++)
                vectors[i * n + k] += complex_times(turning.vectors[i * n + j], x[j]);
        }
    }
    settle(n, vectors, real);
    return true;
}
