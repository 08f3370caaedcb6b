/* Cauchy matrices between diagonals, rows and columns in any order: W[i,j] = a[i] b[j] / (x[i] - y[j]).
 *
 * Their reciprocals are a matrix of rank two, R[i,j] = u[i] . v[j]: two columns of it are the u, up to a map of the line of nodes
 * to itself (a Moebius map, which keeps their order around the circle that the line is with a point at infinity), and where v[j] is
 * turned by a right angle it stands among them where the node y[j] does. In that order what lies off the diagonal is smooth, and
 * of low rank block by block: discover_hierarchical.c goes on from there. */
#include "discover.h"

#include <math.h>
#include <string.h>

enum { LEAST = 128, SAMPLED = 14, TRIED = 256 };

static double reciprocal(const struct discover_matrix *matrix, size_t i, size_t j)
{
    return 1 / creal(matrix->numbers[i * matrix->columns + j]);
}

/* Is the rank of some reciprocals two? Nearly is enough: what they are found for is an order. */
static bool may_be(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, at[2][SAMPLED];
    number sample[SAMPLED * SAMPLED];
    struct discover_low_rank factors;
    uint64_t state = 29;
    for (int side = 0; side < 2; side++)
        discover_sample(&state, n, SAMPLED, at[side]);
    for (size_t k = 0; k < SAMPLED * SAMPLED; k++) {
        sample[k] = reciprocal(matrix, at[0][k / SAMPLED], at[1][k % SAMPLED]);
        if (!isfinite(creal(sample[k])))
            return false;
    }
    double norm = discover_norm(SAMPLED * SAMPLED, sample);
    return discover_factor(discovery->scratch, SAMPLED, SAMPLED, sample, 2, 1e-3 * norm, &factors) && factors.rank == 2;
}

/* Two rows and two columns in which R is far from singular. */
static void choose_lines(const struct discover_matrix *matrix, size_t rows[2], size_t columns[2])
{
    double best = -1;
    uint64_t state = 31;
    for (int try = 0; try < TRIED; try++) {
        size_t i = discover_random(&state) % matrix->rows, k = discover_random(&state) % matrix->rows;
        size_t j = discover_random(&state) % matrix->columns, l = discover_random(&state) % matrix->columns;
        double a = reciprocal(matrix, i, j), b = reciprocal(matrix, i, l), c = reciprocal(matrix, k, j),
               d = reciprocal(matrix, k, l);
        double apart = fabs(a * d - b * c) / (hypot(a, b) * hypot(c, d));
        if (i == k || j == l || !(apart > best))
            continue;
        best = apart;
        rows[0] = i, rows[1] = k, columns[0] = j, columns[1] = l;
    }
}

/* Around the half circle of directions. */
static double angle(double x, double y)
{
    double value = atan2(y, x);
    return value < 0 ? value + acos(-1) : value;
}

/* Rows and columns in the order of their nodes; false: some have none. */
static bool sort_lines(const struct discover_matrix *matrix, struct discover_key *rows, struct discover_key *columns)
{
    size_t n = matrix->rows, i[2] = {0}, j[2] = {0};
    choose_lines(matrix, i, j);
    double a = reciprocal(matrix, i[0], j[0]), b = reciprocal(matrix, i[0], j[1]), c = reciprocal(matrix, i[1], j[0]),
           d = reciprocal(matrix, i[1], j[1]);
    for (size_t k = 0; k < n; k++) {
        double p = reciprocal(matrix, i[0], k), q = reciprocal(matrix, i[1], k);
        double value = angle(reciprocal(matrix, k, j[0]), reciprocal(matrix, k, j[1]));
        double turned = angle(-(a * q - c * p), d * p - b * q); /* of inverse(R[i,j]) (p, q), but for a factor */
        if (!isfinite(value) || !isfinite(turned))
            return false;
        rows[k] = (struct discover_key){value, value, k};
        columns[k] = (struct discover_key){turned, turned, k};
    }
    discover_sort(rows, n);
    discover_sort(columns, n);
    return true;
}

/* How far apart neighbours stand for what is around them: the same whatever map of the line. Between the ends of an interval most.
 */
static double gap(size_t n, const struct discover_key *rows, size_t before)
{
    double a = rows[(before + n - 1) % n].value, b = rows[before].value, c = rows[(before + 1) % n].value,
           d = rows[(before + 2) % n].value;
    return fabs(sin(c - b) * sin(d - a)) / (fabs(sin(b - a) * sin(d - c)) + 1e-300);
}

/* Where the rows begin: behind the largest gap; and the columns: where as many stand before most nodes as of the rows. */
static void choose_begin(size_t n, const struct discover_key *rows, const struct discover_key *columns, struct discover_key *ahead,
                         size_t *row, size_t *column)
{
    size_t count = 0, best = 0;
    for (size_t k = 0; k < n; k++) {
        while (count < n && columns[count].value < rows[k].value)
            count++;
        ahead[k] = (struct discover_key){(double)count - (double)k, 0, k};
        best = gap(n, rows, k) > gap(n, rows, best) ? k : best;
    }
    discover_sort(ahead, n);
    *row = (best + 1) % n;
    *column = (*row + n + (size_t)((long long)n + (long long)ahead[n / 2].value)) % n;
}

/* What the matrix with its lines in order is; W in its own order. */
static void propose(struct discovery *discovery, const size_t *rows, const size_t *columns)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, *back = ARENA_ARRAY(discovery->scratch, n, size_t);
    struct discover_matrix sorted = {n, n, ARENA_ARRAY(discovery->scratch, n * n, number), true};
    struct discover_result result = {.count = 0};
    struct discovery own = *discovery;
    if (!sorted.numbers || !back)
        return;
    for (size_t i = 0; i < n; i++) {
        back[rows[i]] = i;
        for (size_t j = 0; j < n; j++)
            sorted.numbers[i * n + j] = matrix->numbers[rows[i] * n + columns[j]];
    }
    own.matrix = &sorted, own.result = &result;
    discover_hierarchical(&own);
    for (size_t k = 0; k < result.count; k++)
        if (result.findings[k].accepted) {
            const struct discover_operator *parts[3] = {discover_permutation(discovery->arena, n, back), result.findings[k].op,
                                                        discover_permutation(discovery->arena, n, columns)};
            const struct discover_operator *product = discover_combine(discovery->arena, DISCOVER_PRODUCT, 3, parts);
            if (product)
                (void)discover_add(discovery, product);
            return;
        }
}

void discover_cauchy(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, row, column;
    if (matrix->columns != n || n < LEAST || !matrix->real || !may_be(discovery))
        return;
    struct discover_key *keys = ARENA_ARRAY(discovery->scratch, 3 * n, struct discover_key);
    size_t *rows = ARENA_ARRAY(discovery->scratch, n, size_t), *columns = ARENA_ARRAY(discovery->scratch, n, size_t);
    if (!keys || !rows || !columns || !sort_lines(matrix, keys, keys + n))
        return;
    choose_begin(n, keys, keys + n, keys + 2 * n, &row, &column);
    bool moved = false;
    for (size_t k = 0; k < n; k++) {
        rows[k] = keys[(row + k) % n].index;
        columns[k] = keys[n + (column + k) % n].index;
        moved |= rows[k] != k || columns[k] != k;
    }
    if (moved) /* else it is for the next family as it stands */
        propose(discovery, rows, columns);
}
