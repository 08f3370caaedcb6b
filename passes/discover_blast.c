/* Block matrices whose blocks are diagonal between bases that block rows, and block columns, share (Lee, Kwon, Qu and Kim 2024,
 * BLAST): block (i,j) is U[i] diag(s[i,j]) V[j], U[i] of fewer columns than rows, V[j] of fewer rows than columns.
 *
 * What is left of a block between orthonormal bases of its row and its column is a core C[i,j] = u[i] diag(s[i,j]) v[j] of square
 * matrices. sum over j of w[j] C[0,j] inverse(C[k,j]) is u[0] D inverse(u[k]) with some diagonal D; of two such sums, with weights
 * of their own, one times the inverse of the other has u[0] as eigenvectors. Newton's steps go on from there: where u[i] (1 + P[i])
 * and (1 + Q[j]) v[j] are right, the entry (a,c), a != c, of inverse(u[i]) (C[i,j] - u[i] diag(s[i,j]) v[j]) inverse(v[j]) is
 *
 *     P[i][a,c] s[i,j][c] + s[i,j][a] Q[j][a,c]
 *
 * to first order, so that each (a,c) is a least squares problem of its own, of as few unknowns as there are block rows and block
 * columns. Each step is calculated of what is left, and so ends at rounding. */
#include "discover.h"

#include <math.h>
#include <string.h>

/* `LOOSE`: how much more than what is permitted the cores may leave, which least squares against the numbers themselves mend. */
enum { LOOSE = 16, MOST_BLOCKS = 16, LEAST_SIZE = 4, MOST_RANK = 512, BEYOND = 8, TRIES = 4, MOST_STEPS = 16 };

/* Arrays of matrices, one after the other. */
struct blast {
    struct discovery *discovery;
    size_t blocks, rows, columns, rank; /* along each side; of a block; of the cores */
    number *left, *right;               /* bases: columns of [rows, rank], rows of [rank, columns] */
    number *cores;                      /* [rank, rank], a block row after the other */
    number *u, *s, *v;                  /* columns of [rank, rank]; a row of [rank] a core; rows of [rank, rank] */
};

static number *square(const struct blast *blast, number *matrices, size_t at)
{
    return matrices + at * blast->rank * blast->rank;
}

/* ---- bases ---- */

/* The rank at which most of the work that there is is saved. */
static size_t most_rank(const struct blast *blast)
{
    const struct discover_matrix *matrix = blast->discovery->matrix;
    double m = (double)matrix->rows, n = (double)matrix->columns, b = (double)blast->blocks;
    double dense = 0.7 * m * n, found = discover_least_flops(blast->discovery) / (matrix->real ? 2 : 8);
    double most = fmin(fmin(dense, found) / (m + n + b * b), MOST_RANK);
    size_t least = blast->rows < blast->columns ? blast->rows : blast->columns;
    return most < (double)(least - 1) ? (size_t)most : least - 1;
}

/* The rank of a sample of the first rows; 0: larger than `most`. */
static size_t sampled_rank(const struct blast *blast, struct arena *arena, size_t lines, size_t most)
{
    const struct discover_matrix *matrix = blast->discovery->matrix;
    size_t n = matrix->columns, p = lines < most + BEYOND ? lines : most + BEYOND, q = most + BEYOND;
    size_t *rows = ARENA_ARRAY(arena, p, size_t), *columns = ARENA_ARRAY(arena, q, size_t);
    number *sample = ARENA_ARRAY(arena, p * q, number);
    struct discover_low_rank factors;
    uint64_t state = 37;
    if (!rows || !columns || !sample || q > n)
        return 0;
    discover_sample(&state, lines, p, rows);
    discover_sample(&state, n, q, columns);
    for (size_t k = 0; k < p * q; k++)
        sample[k] = matrix->numbers[rows[k / q] * n + columns[k % q]];
    double share = blast->discovery->norm * sqrt((double)(p * q) / ((double)matrix->rows * (double)n));
    double bound = 8 * blast->discovery->tolerance * share;
    return !discover_exceeds(arena, p, q, sample, most, bound) && discover_factor(arena, p, q, sample, most, bound, &factors)
               ? factors.rank
               : 0;
}

/* An orthonormal basis, a column after the other, of a block row's columns (turned: of a block column's rows), from twice as many
 * sums of them, each column in one. */
static bool find_basis(const struct blast *blast, struct arena *arena, bool turned, size_t at, const number **basis)
{
    const struct discover_matrix *matrix = blast->discovery->matrix;
    size_t n = matrix->columns, size = turned ? blast->columns : blast->rows, others = turned ? matrix->rows : n;
    size_t sums = 2 * blast->rank + BEYOND < others ? 2 * blast->rank + BEYOND : others;
    number *sketch = ARENA_ARRAY(arena, size * sums, number);
    double *weights = ARENA_ARRAY(arena, others, double), bound = 8 * blast->discovery->tolerance * blast->discovery->norm;
    struct discover_low_rank factors;
    uint64_t state = 41;
    for (size_t j = 0; weights && j < others; j++)
        weights[j] = discover_random(&state) / 2147483648.0 - 1;
    for (size_t k = 0; sketch && k < size * sums; k++)
        sketch[k] = 0;
    for (size_t k = 0; sketch && weights && k < size * others; k++) {
        size_t i = turned ? k % size : k / others, j = turned ? k / size : k % others;
        sketch[i * sums + j % sums] += weights[j] * matrix->numbers[turned ? j * n + at * size + i : (at * size + i) * n + j];
    }
    bool low =
        sketch && weights && discover_factor(arena, size, sums, sketch, blast->rank, bound / sqrt((double)blast->blocks), &factors);
    *basis = factors.left;
    return low && factors.rank == blast->rank;
}

static bool find_bases(const struct blast *blast, bool turned)
{
    size_t size = turned ? blast->columns : blast->rows, r = blast->rank;
    bool found = true;
    for (size_t at = 0; at < blast->blocks && found; at++) {
        struct arena *arena = arena_create(arena_allocator(blast->discovery->arena));
        const number *basis;
        found = arena && find_basis(blast, arena, turned, at, &basis);
        for (size_t k = 0; found && k < size * r; k++) {
            if (turned)
                blast->right[at * size * r + k] = basis[k];
            else
                blast->left[at * size * r + k] = basis[k % r * size + k / r];
        }
        if (!arena || arena_failed(arena))
            arena_fail(blast->discovery->arena);
        arena_destroy(arena);
    }
    return found;
}

/* turned[columns, rows] = the matrix's adjoint */
static number *adjoint(struct arena *arena, size_t rows, size_t columns, const number *matrix)
{
    number *turned = ARENA_ARRAY(arena, rows * columns, number);
    for (size_t k = 0; turned && k < rows * columns; k++)
        turned[k] = conj(matrix[k % rows * columns + k / rows]);
    return turned;
}

/* The cores of a block row. */
static bool project_row(const struct blast *blast, struct arena *arena, size_t i)
{
    size_t p = blast->rows, q = blast->columns, r = blast->rank, n = blast->discovery->matrix->columns;
    number *left = adjoint(arena, p, r, blast->left + i * p * r), *across = ARENA_ARRAY(arena, r * n, number);
    number *part = ARENA_ARRAY(arena, r * q, number);
    bool done = part && discover_multiply(arena, r, p, n, left, blast->discovery->matrix->numbers + i * p * n, across);
    for (size_t j = 0; j < blast->blocks && done; j++) {
        for (size_t k = 0; k < r * q; k++)
            part[k] = across[k / q * n + j * q + k % q];
        done = discover_multiply(arena, r, q, r, part, adjoint(arena, r, q, blast->right + j * r * q),
                                 square(blast, blast->cores, i * blast->blocks + j));
    }
    return done;
}

/* False: more than rounding or what is permitted is outside of the bases. */
static bool project(const struct blast *blast)
{
    size_t count = blast->blocks * blast->blocks * blast->rank * blast->rank;
    bool done = true;
    for (size_t i = 0; i < blast->blocks && done; i++) {
        struct arena *arena = arena_create(arena_allocator(blast->discovery->arena));
        done = arena && project_row(blast, arena, i);
        if (!done)
            arena_fail(blast->discovery->arena);
        arena_destroy(arena);
    }
    return done && discover_norm(count, blast->cores) >= blast->discovery->norm * (1 - 1e-6 - blast->discovery->tolerance);
}

/* ---- Newton's steps ---- */

static number *inverses(const struct blast *blast, struct arena *arena, const number *matrices, size_t count)
{
    size_t r = blast->rank;
    number *results = ARENA_ARRAY(arena, count * r * r, number), *own = arena_copy(arena, matrices, count * r * r, sizeof *own);
    for (size_t k = 0; results && own && k < count * r * r; k++)
        results[k] = k / r % r == k % r;
    for (size_t at = 0; results && own && at < count; at++)
        if (!discover_solve(r, square(blast, own, at), r, square(blast, results, at)))
            return NULL;
    return own ? results : NULL;
}

/* left[i,j] = C[i,j] - u[i] diag(s[i,j]) v[j]; its norm, infinite without memory. */
static double leave(const struct blast *blast, struct arena *arena, number *left)
{
    size_t b = blast->blocks, r = blast->rank;
    number *scaled = ARENA_ARRAY(arena, r * r, number);
    for (size_t at = 0; at < b * b; at++) {
        number *own = square(blast, left, at);
        const number *u = square(blast, blast->u, at / b), *core = square(blast, blast->cores, at);
        for (size_t k = 0; scaled && k < r * r; k++)
            scaled[k] = complex_times(u[k], blast->s[at * r + k % r]);
        if (!scaled || !discover_multiply(arena, r, r, r, scaled, square(blast, blast->v, at % b), own))
            return INFINITY;
        for (size_t k = 0; k < r * r; k++)
            own[k] = core[k] - own[k];
    }
    return discover_norm(b * b * r * r, left);
}

/* inverse(u[i]) left[i,j] inverse(v[j]), in the place of what is left. */
static bool turn_back(const struct blast *blast, struct arena *arena, number *left)
{
    size_t b = blast->blocks, r = blast->rank;
    number *u = inverses(blast, arena, blast->u, b), *v = inverses(blast, arena, blast->v, b),
           *half = ARENA_ARRAY(arena, r * r, number);
    bool done = u && v && half;
    for (size_t at = 0; at < b * b && done; at++) {
        number *own = square(blast, left, at);
        done = discover_multiply(arena, r, r, r, square(blast, u, at / b), own, half) &&
               discover_multiply(arena, r, r, r, half, square(blast, v, at % b), own);
    }
    return done;
}

/* P[i][a,c] and Q[j][a,c] by least squares; false: they are not told apart. */
static bool solve_pair(const struct blast *blast, const number *turned, size_t a, size_t c, number *p, number *q)
{
    size_t b = blast->blocks, r = blast->rank, n = 2 * b, place = a * r + c;
    number normal[4 * MOST_BLOCKS * MOST_BLOCKS], right[2 * MOST_BLOCKS];
    memset(normal, 0, n * n * sizeof *normal);
    memset(right, 0, n * sizeof *right);
    for (size_t at = 0; at < b * b; at++) {
        size_t i = at / b, j = b + at % b;
        number of_p = blast->s[at * r + c], of_q = blast->s[at * r + a], value = turned[at * r * r + place];
        normal[i * n + i] += discover_square(of_p);
        normal[j * n + j] += discover_square(of_q);
        normal[i * n + j] = complex_times(conj(of_p), of_q);
        normal[j * n + i] = conj(normal[i * n + j]);
        right[i] += complex_times(conj(of_p), value);
        right[j] += complex_times(conj(of_q), value);
    }
    bool solved = discover_solve(n, normal, 1, right);
    for (size_t k = 0; k < b && solved; k++) {
        p[k * r * r + place] = right[k];
        q[k * r * r + place] = right[b + k];
    }
    return solved;
}

static void add(number *sum, const number *terms, size_t count)
{
    for (size_t k = 0; k < count; k++)
        sum[k] += terms[k];
}

/* From what is left, which is changed; `first`: s alone. */
static bool take_step(struct blast *blast, struct arena *arena, number *left, bool first)
{
    size_t b = blast->blocks, r = blast->rank;
    number *p = ARENA_ARRAY(arena, b * r * r, number), *q = ARENA_ARRAY(arena, b * r * r, number),
           *change = ARENA_ARRAY(arena, r * r, number);
    if (!p || !q || !change || !turn_back(blast, arena, left))
        return false;
    for (size_t k = 0; k < b * r * r; k++)
        p[k] = q[k] = 0;
    for (size_t k = 0; !first && k < r * r; k++)
        if (k / r != k % r && !solve_pair(blast, left, k / r, k % r, p, q))
            return false;
    for (size_t k = 0; k < b * b * r; k++)
        blast->s[k] += square(blast, left, k / r)[k % r * (r + 1)];
    for (size_t k = 0; k < b && !first; k++) {
        number *u = square(blast, blast->u, k), *v = square(blast, blast->v, k);
        if (!discover_multiply(arena, r, r, r, u, square(blast, p, k), change))
            return false;
        add(u, change, r * r);
        if (!discover_multiply(arena, r, r, r, square(blast, q, k), v, change))
            return false;
        add(v, change, r * r);
    }
    return true;
}

/* Steps as long as they help. The norm of what is left. */
static double improve(struct blast *blast)
{
    double error = INFINITY;
    for (int step = 0; step < MOST_STEPS; step++) {
        struct arena *arena = arena_create(arena_allocator(blast->discovery->arena));
        number *left = ARENA_ARRAY(arena, blast->blocks * blast->blocks * blast->rank * blast->rank, number);
        double before = error;
        error = left ? leave(blast, arena, left) : INFINITY;
        bool going = left && error < before / 2 && take_step(blast, arena, left, step == 0);
        if (!arena || arena_failed(arena))
            arena_fail(blast->discovery->arena);
        arena_destroy(arena);
        if (!going)
            break;
    }
    return error;
}

/* ---- the beginning ---- */

/* sum over j of w[j] C[0,j] inverse(C[k,j]), each of norm w[j]. */
static number *weighted(const struct blast *blast, struct arena *arena, const number *behind, uint64_t *state)
{
    size_t r = blast->rank;
    number *sum = ARENA_ARRAY(arena, r * r, number), *term = ARENA_ARRAY(arena, r * r, number);
    for (size_t k = 0; sum && k < r * r; k++)
        sum[k] = 0;
    for (size_t j = 0; j < blast->blocks; j++) {
        if (!sum || !term || !discover_multiply(arena, r, r, r, square(blast, blast->cores, j), behind + j * r * r, term))
            return NULL;
        double weight = (discover_random(state) / 2147483648.0 - 1) / discover_norm(r * r, term);
        for (size_t k = 0; k < r * r; k++)
            sum[k] += weight * term[k];
    }
    return sum;
}

/* Columns of [rank, rank], or rows, of norm one. */
static void normalise(size_t r, number *matrix, bool rows)
{
    for (size_t k = 0; k < r; k++) {
        double sum = 0;
        for (size_t l = 0; l < r; l++)
            sum += discover_square(matrix[rows ? k * r + l : l * r + k]);
        for (size_t l = 0; l < r && sum > 0; l++)
            matrix[rows ? k * r + l : l * r + k] /= sqrt(sum);
    }
}

/* u[0] of eigenvectors, the v[j] of the first block row, the other u[i] of the first block column. */
static bool begin(struct blast *blast, struct arena *arena, uint64_t *state)
{
    size_t b = blast->blocks, r = blast->rank, other = 1 + discover_random(state) % (b - 1);
    const number *behind = inverses(blast, arena, square(blast, blast->cores, other * b), b);
    number *one = behind ? weighted(blast, arena, behind, state) : NULL;
    const number *two = behind ? weighted(blast, arena, behind, state) : NULL;
    number *product = ARENA_ARRAY(arena, r * r, number);
    two = two ? inverses(blast, arena, two, 1) : NULL;
    if (!one || !two || !product || !discover_multiply(arena, r, r, r, one, two, product) ||
        !discover_eigenvectors(arena, r, product, blast->discovery->matrix->real, blast->u))
        return false;
    normalise(r, blast->u, false);
    const number *first = inverses(blast, arena, blast->u, 1);
    for (size_t j = 0; j < b; j++) {
        if (!first || !discover_multiply(arena, r, r, r, first, square(blast, blast->cores, j), square(blast, blast->v, j)))
            return false;
        normalise(r, square(blast, blast->v, j), true);
    }
    first = inverses(blast, arena, blast->v, 1);
    for (size_t i = 1; i < b; i++) {
        if (!first || !discover_multiply(arena, r, r, r, square(blast, blast->cores, i * b), first, square(blast, blast->u, i)))
            return false;
        normalise(r, square(blast, blast->u, i), false);
    }
    for (size_t k = 0; k < b * b * r; k++)
        blast->s[k] = 0;
    return true;
}

/* ---- the family ---- */

/* Least squares once more, of a block row's U (turned: of a block column's V) against the numbers themselves, which bases that are
 * a rounding off are not. With F that U, or V, what is fitted is T F, T the other bases times their diagonals. */
static bool refit(const struct blast *blast, struct arena *arena, struct discover_operator *const parts[3], bool turned, size_t at)
{
    const struct discover_matrix *matrix = blast->discovery->matrix;
    size_t b = blast->blocks, r = blast->rank, p = blast->rows, q = blast->columns, size = turned ? q : p, other = turned ? p : q;
    size_t lines = b * other;
    number *bases = ARENA_ARRAY(arena, lines * r, number), *factor = ARENA_ARRAY(arena, r * size, number);
    number *left = ARENA_ARRAY(arena, lines * size, number), *change = ARENA_ARRAY(arena, r * size, number),
           *gram = ARENA_ARRAY(arena, r * r, number);
    if (!bases || !factor || !left || !change || !gram)
        return false;
    for (size_t k = 0; k < lines * r; k++) {
        size_t line = k / r, block = line / other, term = k % r;
        number basis = turned ? parts[0]->numbers[k] : parts[2]->numbers[(block * r + term) * q + line % other];
        bases[k] = complex_times(basis, parts[1]->numbers[(turned ? block * b + at : at * b + block) * r + term]);
    }
    number *own = parts[turned ? 2 : 0]->numbers + at * size * r;
    for (size_t k = 0; k < r * size; k++)
        factor[k] = turned ? own[k] : own[k % size * r + k / size];
    const number *back = adjoint(arena, lines, r, bases);
    if (!discover_multiply(arena, lines, r, size, bases, factor, left))
        return false;
    for (size_t k = 0; k < lines * size; k++) {
        size_t line = k / size, place = at * size + k % size;
        left[k] = matrix->numbers[turned ? line * matrix->columns + place : place * matrix->columns + line] - left[k];
    }
    if (!discover_multiply(arena, r, lines, size, back, left, change) || !discover_multiply(arena, r, lines, r, back, bases, gram))
        return false;
    bool solved = discover_solve(r, gram, size, change);
    for (size_t k = 0; solved && k < r * size; k++)
        own[turned ? k : k % size * r + k / size] += change[k];
    return true;
}

static bool refit_all(const struct blast *blast, struct discover_operator *const parts[3])
{
    bool done = true;
    for (size_t k = 0; k < 2 * blast->blocks && done; k++) {
        struct arena *arena = arena_create(arena_allocator(blast->discovery->arena));
        done = arena && refit(blast, arena, parts, k >= blast->blocks, k % blast->blocks);
        if (!done)
            arena_fail(blast->discovery->arena);
        arena_destroy(arena);
    }
    return done;
}

static const struct discover_operator *as_operator(const struct blast *blast)
{
    const struct discover_matrix *matrix = blast->discovery->matrix;
    struct arena *arena = blast->discovery->arena, *scratch = blast->discovery->scratch;
    size_t b = blast->blocks, p = blast->rows, q = blast->columns, r = blast->rank;
    struct discover_operator *parts[3] = {
        discover_leaf(arena, DISCOVER_KS, matrix->rows, b * r, 4, (const size_t[4]){b, p, r, 1}),
        discover_leaf(arena, DISCOVER_KS, b * r, b * r, 4, (const size_t[4]){1, b, b, r}),
        discover_leaf(arena, DISCOVER_KS, b * r, matrix->columns, 4, (const size_t[4]){b, r, q, 1})};
    if (!parts[0] || !parts[1] || !parts[2])
        return NULL;
    memcpy(parts[1]->numbers, blast->s, b * b * r * sizeof *blast->s);
    for (size_t k = 0; k < b; k++)
        if (!discover_multiply(scratch, p, r, r, blast->left + k * p * r, square(blast, blast->u, k),
                               parts[0]->numbers + k * p * r) ||
            !discover_multiply(scratch, r, r, q, square(blast, blast->v, k), blast->right + k * r * q,
                               parts[2]->numbers + k * r * q))
            return NULL;
    const struct discover_operator *const product[3] = {parts[0], parts[1], parts[2]};
    return refit_all(blast, parts) ? discover_combine(arena, DISCOVER_PRODUCT, 3, product) : NULL;
}

static bool make_room(struct blast *blast)
{
    struct arena *arena = blast->discovery->scratch;
    size_t b = blast->blocks, r = blast->rank;
    blast->left = ARENA_ARRAY(arena, b * blast->rows * r, number);
    blast->right = ARENA_ARRAY(arena, b * blast->columns * r, number);
    blast->cores = ARENA_ARRAY(arena, b * b * r * r, number);
    blast->u = ARENA_ARRAY(arena, b * r * r, number);
    blast->v = ARENA_ARRAY(arena, b * r * r, number);
    blast->s = ARENA_ARRAY(arena, b * b * r, number);
    return blast->left && blast->right && blast->cores && blast->u && blast->v && blast->s;
}

/* True: it was proposed. */
static bool try_blocks(struct blast *blast)
{
    struct discovery *discovery = blast->discovery;
    double least = INFINITY, bound = LOOSE * discovery->tolerance * discovery->norm;
    uint64_t state = 43;
    if (!make_room(blast) || !find_bases(blast, false) || !find_bases(blast, true) || !project(blast))
        return false;
    for (int try = 0; try < TRIES && !(least <= bound); try++) {
        struct arena *arena = arena_create(arena_allocator(discovery->arena));
        bool begun = arena && begin(blast, arena, &state);
        if (!arena || arena_failed(arena))
            arena_fail(discovery->arena);
        arena_destroy(arena);
        least = begun ? fmin(least, improve(blast)) : least;
    }
    if (!(least <= bound)) {
        discover_missed(discovery, fmin(least, discovery->norm));
        return false;
    }
    return discover_offer(discovery, as_operator(blast));
}

/* Numbers of blocks with the rank of the first row of them, of least work first. Those of low rank as a whole are left out. */
static size_t choose_blocks(const struct blast *all, struct arena *arena, struct discover_split best[MOST_BLOCKS])
{
    const struct discover_matrix *matrix = all->discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns, count = 0;
    for (size_t b = 2; b <= MOST_BLOCKS && b * LEAST_SIZE <= m && b * LEAST_SIZE <= n; b++) {
        struct blast blast = {.discovery = all->discovery, .blocks = b, .rows = m / b, .columns = n / b};
        size_t most = m % b || n % b ? 0 : most_rank(&blast), rank = most > 1 ? sampled_rank(&blast, arena, m / b, most) : 0;
        if (rank < 2 || sampled_rank(&blast, arena, m, rank))
            continue;
        struct discover_split split = {{b, m / b}, {b, n / b}, rank, (double)rank * (double)(m + n + b * b)};
        count = discover_keep_best(best, count, MOST_BLOCKS, &split);
    }
    return count;
}

void discover_blast(struct discovery *discovery)
{
    struct discover_split best[MOST_BLOCKS];
    struct arena *arena = arena_create(arena_allocator(discovery->arena));
    struct blast blast = {.discovery = discovery};
    size_t count = arena ? choose_blocks(&blast, arena, best) : 0;
    bool found = false;
    if (!arena || arena_failed(arena))
        arena_fail(discovery->arena);
    arena_destroy(arena);
    for (size_t k = 0; k < count && !found; k++) {
        blast.blocks = best[k].rows[0], blast.rows = best[k].rows[1], blast.columns = best[k].columns[1], blast.rank = best[k].rank;
        found = try_blocks(&blast);
    }
}
