/* Linear algebra on matrices in memory, for discovery: written out, so that the same numbers give the same findings on every
 * machine, which a tuned library would not. */
#include "discover.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

uint32_t discover_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
    return (uint32_t)(*state >> 32);
}

void discover_sample(uint64_t *state, size_t n, size_t count, size_t *places)
{
    for (size_t k = 0; k < count; k++) {
        bool again;
        do {
            again = false;
            places[k] = n <= count ? k : discover_random(state) % n;
            for (size_t l = 0; l < k && n > count; l++)
                again |= places[l] == places[k];
        } while (again);
    }
}

static int compare_keys(const void *left, const void *right)
{
    const struct discover_key *a = left, *b = right;
    return a->value != b->value ? (a->value < b->value ? -1 : 1) : a->index < b->index ? -1 : a->index > b->index;
}

void discover_sort(struct discover_key *keys, size_t count)
{
    sort_items(keys, count, sizeof *keys, compare_keys);
}

size_t discover_keep_best(struct discover_split *best, size_t count, size_t most, const struct discover_split *split)
{
    size_t at = count < most ? count++ : most;
    for (; at > 0 && best[at - 1].flops > split->flops; at--)
        if (at < most)
            best[at] = best[at - 1];
    if (at < most)
        best[at] = *split;
    return count;
}

double discover_norm(size_t count, const number *numbers)
{
    double sum = 0, rest = 0;
    for (size_t k = 0; k < count; k++) {
        double term = discover_square(numbers[k]), next = sum + term;
        rest += sum >= term ? (sum - next) + term : (term - next) + sum; /* Neumaier 1974 */
        sum = next;
    }
    return sqrt(sum + rest);
}

double discover_spread(const number *numbers, size_t count, number *mean)
{
    number beyond = 0;
    double spread = 0;
    for (size_t k = 0; k < count; k++)
        beyond += numbers[k] - numbers[0];
    *mean = numbers[0] + beyond / (double)count;
    for (size_t k = 0; k < count; k++)
        spread = fmax(spread, cabs(numbers[k] - *mean));
    return spread;
}

bool discover_move_factor(number *from, size_t n, double near, number *to, size_t count)
{
    number mean;
    if (!(discover_spread(from, n, &mean) <= near * cabs(mean)))
        return false;
    for (size_t k = 0; k < count; k++)
        to[k] = complex_times(to[k], mean);
    for (size_t k = 0; k < n; k++)
        from[k] = 1;
    return true;
}

/* Parts of a matrix, which loops run faster on; `im` is NULL where all are zero. */
static bool split_parts(struct arena *arena, size_t count, const number *numbers, double **re, double **im)
{
    bool real = true;
    for (size_t k = 0; k < count; k++)
        real = real && cimag(numbers[k]) == 0;
    *re = ARENA_ARRAY(arena, count, double);
    *im = real ? NULL : ARENA_ARRAY(arena, count, double);
    for (size_t k = 0; *re && k < count; k++)
        (*re)[k] = creal(numbers[k]);
    for (size_t k = 0; *im && k < count; k++)
        (*im)[k] = cimag(numbers[k]);
    return *re && (real || *im);
}

static void add_line(size_t n, double factor, const double *restrict line, double *restrict sum)
{
    for (size_t j = 0; j < n; j++)
        sum[j] += factor * line[j];
}

/* Rows of the right matrix that stay near while all of the left one's meet them. */
enum { PANEL = 64 };

bool discover_multiply(struct arena *arena, size_t m, size_t k, size_t n, const number *left, const number *right, number *product)
{
    double *re, *im, *sums = ARENA_ARRAY(arena, 2 * m * n, double);
    if (!left || !right || !sums || !split_parts(arena, k * n, right, &re, &im))
        return false;
    for (size_t at = 0; at < 2 * m * n; at++)
        sums[at] = 0;
    for (size_t begin = 0; begin < k; begin += PANEL)
        for (size_t at = 0; at < m * PANEL; at++) {
            size_t l = begin + at % PANEL;
            double *own = sums + at / PANEL * 2 * n, a, b;
            if (l >= k)
                continue;
            a = creal(left[at / PANEL * k + l]), b = cimag(left[at / PANEL * k + l]);
            add_line(n, a, re + l * n, own);
            if (b != 0)
                add_line(n, b, re + l * n, own + n);
            if (im) {
                add_line(n, -b, im + l * n, own);
                add_line(n, a, im + l * n, own + n);
            }
        }
    for (size_t at = 0; at < m * n; at++)
        product[at] = complex_of(sums[at / n * 2 * n + at % n], sums[at / n * 2 * n + n + at % n]);
    return true;
}

/* How much more than the nearest matrix of that rank elimination may leave, whose rows are chosen column by column. */
#define FAR 1e4

bool discover_exceeds(struct arena *arena, size_t rows, size_t columns, const number *numbers, size_t most, double bound)
{
    double *re, *im, left = 0;
    if (!split_parts(arena, rows * columns, numbers, &re, &im) || most >= rows || most >= columns)
        return false;
    for (size_t k = 0; k < most; k++) {
        size_t best = k;
        for (size_t i = k; i < rows; i++)
            best = hypot(re[i * columns + k], im ? im[i * columns + k] : 0) >
                           hypot(re[best * columns + k], im ? im[best * columns + k] : 0)
                       ? i
                       : best;
        for (size_t j = k; j < columns && best != k; j++)
            for (int part = 0; part < (im ? 2 : 1); part++) {
                double *own = part ? im : re, kept = own[k * columns + j];
                own[k * columns + j] = own[best * columns + j];
                own[best * columns + j] = kept;
            }
        number pivot = complex_of(re[k * columns + k], im ? im[k * columns + k] : 0);
        if (pivot == 0)
            return false;
        for (size_t i = k + 1; i < rows; i++) {
            number factor = complex_of(re[i * columns + k], im ? im[i * columns + k] : 0) / pivot;
            size_t from = k * columns + k, to = i * columns + k, n = columns - k;
            add_line(n, -creal(factor), re + from, re + to);
            if (im) {
                add_line(n, cimag(factor), im + from, re + to);
                add_line(n, -creal(factor), im + from, im + to);
                add_line(n, -cimag(factor), re + from, im + to);
            }
        }
    }
    for (size_t k = most * columns; k < rows * columns; k++)
        left += k % columns < most ? 0 : re[k] * re[k] + (im ? im[k] * im[k] : 0);
    return sqrt(left) > FAR * bound;
}

/* What is left to be factored, in parts. */
struct residual {
    size_t rows, columns;
    double *re, *im;
    double *squares; /* of each column */
    double *along[2];
};

static bool split(struct arena *arena, size_t rows, size_t columns, const number *numbers, struct residual *residual)
{
    *residual = (struct residual){.rows = rows, .columns = columns};
    residual->squares = ARENA_ARRAY(arena, columns, double);
    residual->along[0] = ARENA_ARRAY(arena, columns, double);
    residual->along[1] = ARENA_ARRAY(arena, columns, double);
    return residual->squares && residual->along[0] && residual->along[1] &&
           split_parts(arena, rows * columns, numbers, &residual->re, &residual->im);
}

/* The column of which most is left, of norm one, orthogonal to those before it; false: nothing is left. */
static bool next_direction(const struct residual *residual, const number *before, size_t n_before, number *direction)
{
    size_t best = 0, rows = residual->rows, columns = residual->columns;
    for (size_t j = 1; j < columns; j++)
        best = residual->squares[j] > residual->squares[best] ? j : best;
    for (size_t i = 0; i < rows; i++)
        direction[i] = complex_of(residual->re[i * columns + best], residual->im ? residual->im[i * columns + best] : 0);
    for (size_t r = 0; r < n_before; r++) {
        const number *other = before + r * rows;
        number part = 0;
        for (size_t i = 0; i < rows; i++)
            part += complex_times(conj(other[i]), direction[i]);
        for (size_t i = 0; i < rows; i++)
            direction[i] -= complex_times(part, other[i]);
    }
    double norm = discover_norm(rows, direction);
    for (size_t i = 0; i < rows && norm > 0; i++)
        direction[i] /= norm;
    return norm > 0;
}

static void add_squares(size_t n, const double *restrict line, double *restrict sum)
{
    for (size_t j = 0; j < n; j++)
        sum[j] += line[j] * line[j];
}

/* along = direction^H residual */
static void project(struct residual *residual, const number *direction)
{
    size_t n = residual->columns;
    for (size_t j = 0; j < n; j++)
        residual->along[0][j] = residual->along[1][j] = 0;
    for (size_t i = 0; i < residual->rows; i++) {
        double re = creal(direction[i]), im = -cimag(direction[i]);
        add_line(n, re, residual->re + i * n, residual->along[0]);
        if (!residual->im)
            continue;
        add_line(n, -im, residual->im + i * n, residual->along[0]);
        add_line(n, im, residual->re + i * n, residual->along[1]);
        add_line(n, re, residual->im + i * n, residual->along[1]);
    }
}

/* residual -= direction along, if there is a direction; the sum of the squares that are left. */
static double take_off(struct residual *residual, const number *direction)
{
    size_t n = residual->columns;
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        residual->squares[j] = 0;
    for (size_t i = 0; i < residual->rows; i++) {
        double *re = residual->re + i * n, *im = residual->im ? residual->im + i * n : NULL;
        if (direction) {
            add_line(n, -creal(direction[i]), residual->along[0], re);
            if (im) {
                add_line(n, cimag(direction[i]), residual->along[1], re);
                add_line(n, -creal(direction[i]), residual->along[1], im);
                add_line(n, -cimag(direction[i]), residual->along[0], im);
            }
        }
        add_squares(n, re, residual->squares);
        if (im)
            add_squares(n, im, residual->squares);
    }
    for (size_t j = 0; j < n; j++)
        sum += residual->squares[j];
    return sum;
}

/* One direction's share of the residual, added to its row. */
static double take_share(struct residual *residual, const number *direction, number *along)
{
    project(residual, direction);
    for (size_t j = 0; j < residual->columns; j++)
        along[j] += complex_of(residual->along[0][j], residual->along[1][j]);
    return take_off(residual, direction);
}

/* Long sums leave more than rounding of small columns: what is left is looked at once more. */
static double refine(struct residual *residual, const struct discover_low_rank *factors, double left)
{
    for (size_t r = 0; r < factors->rank; r++)
        left = take_share(residual, factors->left + r * residual->rows, factors->right + r * residual->columns);
    return left;
}

/* Of the squares that are left, where singular values end. */
#define SUDDENLY 1e-12

bool discover_factor(struct arena *arena, size_t rows, size_t columns, const number *numbers, size_t most, double bound,
                     struct discover_low_rank *factors)
{
    size_t least = rows < columns ? rows : columns;
    struct residual residual;
    most = most < least ? most : least;
    *factors = (struct discover_low_rank){
        .left = ARENA_ARRAY(arena, most * rows, number), .right = ARENA_ARRAY(arena, most * columns, number), .error = INFINITY};
    if (!factors->left || !factors->right || !split(arena, rows, columns, numbers, &residual))
        return false;
    double left = take_off(&residual, NULL);
    while (sqrt(left) > bound && factors->rank < most) {
        number *direction = factors->left + factors->rank * rows, *along = factors->right + factors->rank * columns;
        if (!next_direction(&residual, factors->left, factors->rank, direction))
            break;
        for (size_t j = 0; j < columns; j++)
            along[j] = 0;
        double before = left;
        left = take_share(&residual, direction, along);
        factors->rank++;
        if (sqrt(left) > bound && left < SUDDENLY * before) /* the rank it has: what is left is rounding, no direction */
            left = refine(&residual, factors, left);
    }
    if (sqrt(left) <= bound)
        left = refine(&residual, factors, left);
    factors->error = sqrt(left);
    return factors->error <= bound;
}
