/* The search for structure in a matrix: families propose, each proposal is looked at again part by part, and measured.
 *
 * A certificate is calculated from the factors as they would be emitted, rounded to the matrix's type. `error` is the Frobenius
 * norm of the difference, added up compensated. The bound of the spectral norm is sure up to rounding: of the difference the lesser
 * of its Frobenius norm and sqrt(|E|_1 |E|_inf), of the matrix what some vector is made longer by. */
#include "discover.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Parts within parts; parts with fewer numbers stay as they are. */
enum { DEEPEST = 4, LEAST_NUMBERS = 16 };

static const struct {
    const char *name;
    discover_family *propose;
    bool of_tensors;
} families[] = {
#define FAMILY(name, meaning)        {#name, discover_##name, false},
#define TENSOR_FAMILY(name, meaning) {#name, discover_##name, true},
#define NAMED(name, kind, re, im, a, b, c, d, f, g, ends)
#include "discover.def"
};

/* ---- the certificate ---- */

static double epsilon(const struct discovery *discovery)
{
    return ir_elem_epsilon(discovery->options->elem);
}

/* No vector says that the norm is less: of a few steps of the power method the longest image. */
static double norm_at_least(struct arena *arena, const struct discover_matrix *matrix, double frobenius)
{
    size_t m = matrix->rows, n = matrix->columns;
    number *x = ARENA_ARRAY(arena, n, number), *y = ARENA_ARRAY(arena, m, number);
    double best = frobenius / sqrt((double)(m < n ? m : n));
    uint64_t state = 1;
    for (size_t j = 0; x && j < n; j++)
        x[j] = discover_random(&state) / 4294967296.0 - 0.5;
    for (int step = 0; x && y && step < 6; step++) {
        double length = discover_norm(n, x);
        for (size_t i = 0; i < m; i++) {
            y[i] = 0;
            for (size_t j = 0; j < n; j++)
                y[i] += complex_times(matrix->numbers[i * n + j], x[j]);
        }
        double image = discover_norm(m, y);
        if (!(length > 0) || !(image > 0))
            break;
        best = fmax(best, image / length * (1 - 1e-12));
        for (size_t j = 0; j < n; j++)
            x[j] = 0;
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                x[j] += complex_times(conj(matrix->numbers[i * n + j]), y[i] / image);
    }
    return best;
}

/* Is each row, and each column, as near as the whole? */
static bool lines_are_near(struct arena *arena, const struct discover_matrix *matrix, const number *difference, double bound)
{
    size_t m = matrix->rows, n = matrix->columns;
    double *sums = ARENA_ARRAY(arena, 2 * (m + n), double);
    for (size_t k = 0; sums && k < 2 * (m + n); k++)
        sums[k] = 0;
    for (size_t k = 0; sums && k < m * n; k++) {
        double size = discover_square(matrix->numbers[k]), error = discover_square(difference[k]);
        sums[2 * (k / n)] += size, sums[2 * (k / n) + 1] += error;
        sums[2 * (m + k % n)] += size, sums[2 * (m + k % n) + 1] += error;
    }
    for (size_t k = 0; sums && k < m + n; k++)
        if (!(sums[2 * k + 1] <= bound * bound * sums[2 * k]))
            return false;
    return sums != NULL;
}

static double spectral_bound(struct arena *arena, const struct discover_matrix *matrix, const number *difference, double frobenius)
{
    size_t m = matrix->rows, n = matrix->columns;
    double *columns = ARENA_ARRAY(arena, n, double), row = 0, column = 0;
    for (size_t j = 0; columns && j < n; j++)
        columns[j] = 0;
    for (size_t i = 0; columns && i < m; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            double size = sqrt(discover_square(difference[i * n + j]));
            sum += size;
            columns[j] += size;
        }
        row = fmax(row, sum);
    }
    for (size_t j = 0; columns && j < n; j++)
        column = fmax(column, columns[j]);
    return fmin(frobenius, sqrt(row * column)) * (1 + 1e-12);
}

static bool certify(struct arena *arena, const struct discovery *discovery, struct discover_finding *finding)
{
    const struct discover_matrix *matrix = discovery->matrix;
    const struct discover_options *options = discovery->options;
    struct pass_certificate *certificate = &finding->certificate;
    struct discover_matrix entries;
    if (!discover_entries(arena, finding->op, &entries))
        return false;
    for (size_t k = 0; k < matrix->rows * matrix->columns; k++)
        entries.numbers[k] -= matrix->numbers[k];
    double error = discover_norm(matrix->rows * matrix->columns, entries.numbers);
    certificate->error = discovery->norm > 0 ? error / discovery->norm : error;
    bool near = certificate->error <= discovery->tolerance;
    if (options->within == 0) {
        size_t factors = discover_factors(finding->op);
        double bound = 8 * epsilon(discovery) * sqrt((double)(factors ? factors : 1));
        near = certificate->error <= bound && (discovery->depth || lines_are_near(arena, matrix, entries.numbers, bound));
    }
    if (discovery->depth == 0 && (near || options->within > 0)) {
        double roundings, least = norm_at_least(arena, matrix, discovery->norm);
        certificate->spectral_bound = least > 0 ? spectral_bound(arena, matrix, entries.numbers, error) / least : error;
        certificate->growth = least > 0 ? discover_norm_bound(arena, finding->op, &roundings) / least : 1;
        certificate->forward_bound =
            certificate->spectral_bound + (least > 0 ? epsilon(discovery) * roundings * certificate->growth : 0);
        if (options->within > 0 && options->spectral)
            near = certificate->spectral_bound <= options->within;
    }
    finding->accepted = near;
    return !arena_failed(arena);
}

/* ---- proposals ---- */

double discover_cost(const struct discover_options *options, double flops, double numbers)
{
    return flops + 2 * numbers / (options->batch > 1 ? options->batch : 1);
}

/* Its dense parts with what is found in them, or written as a formula where they are one. */
static const struct discover_operator *refined(struct discovery *discovery, const struct discover_operator *op)
{
    bool formula = false;
    if (op->kind == DISCOVER_DENSE) {
        const struct discover_operator *tied = discover_tied(discovery, op, &formula);
        if (formula)
            return tied;
    }
    if (op->kind == DISCOVER_DENSE && op->rows * op->columns >= LEAST_NUMBERS && discovery->depth < DEEPEST) {
        struct discover_options options = *discovery->options;
        struct discover_result result = {.count = 0};
        struct discover_matrix matrix = {op->rows, op->columns, op->numbers, true};
        for (size_t k = 0; k < op->rows * op->columns; k++)
            matrix.real = matrix.real && cimag(op->numbers[k]) == 0;
        options.within = fmax(discovery->tolerance / 2, 4 * epsilon(discovery));
        options.spectral = false;
        struct discovery part = {.arena = discovery->arena,
                                 .options = &options,
                                 .matrix = &matrix,
                                 .tolerance = options.within,
                                 .norm = discover_norm(op->rows * op->columns, op->numbers),
                                 .depth = discovery->depth + 1,
                                 .result = &result};
        if (!discover_look(&part) || !result.count || !result.findings[0].accepted)
            return op;
        return result.findings[0].op;
    }
    if (!op->n_parts)
        return op;
    const struct discover_operator **parts = ARENA_ARRAY(discovery->arena, op->n_parts, const struct discover_operator *);
    for (size_t k = 0; parts && k < op->n_parts; k++)
        parts[k] = refined(discovery, op->parts[k]);
    return parts ? discover_combine(discovery->arena, op->kind, op->n_parts, parts) : NULL;
}

static double dense_cost(const struct discover_options *options, const struct discover_matrix *matrix)
{
    double size = (double)matrix->rows * (double)matrix->columns;
    return discover_cost(options, (matrix->real ? 2 : 8) * size, size);
}

bool discover_add(struct discovery *discovery, const struct discover_operator *op)
{
    struct discover_result *result = discovery->result;
    struct arena *scratch = arena_create(arena_allocator(discovery->arena));
    struct discover_finding finding = {.family = discovery->family,
                                       .op = discover_rounded(discovery->arena, op, discovery->options->elem)};
    if (!finding.op || !scratch || !certify(scratch, discovery, &finding)) {
        if (arena_failed(scratch))
            arena_fail(discovery->arena);
        arena_destroy(scratch);
        return false;
    }
    arena_destroy(scratch);
    finding.flops = discover_flops(finding.op, discovery->matrix->real);
    finding.numbers = discover_numbers(finding.op);
    finding.cost = discover_cost(discovery->options, finding.flops, (double)finding.numbers);
    finding.accepted = finding.accepted && finding.cost < DISCOVER_WORTH_IT * dense_cost(discovery->options, discovery->matrix);
    (void)ARENA_PUSH(discovery->arena, result->findings, result->count, result->capacity, finding);
    return finding.accepted;
}

bool discover_offer(struct discovery *discovery, const struct discover_operator *op)
{
    const struct discover_operator *finer = op ? refined(discovery, op) : NULL;
    return finer && ((finer != op && discover_add(discovery, finer)) || discover_add(discovery, op));
}

void discover_missed(struct discovery *discovery, double error)
{
    struct discover_result *result = discovery->result;
    struct discover_finding *last = result->count ? &result->findings[result->count - 1] : NULL;
    error = discovery->norm > 0 ? error / discovery->norm : error;
    if (last && !last->op && !last->network && last->family == discovery->family) {
        last->certificate.error = fmin(last->certificate.error, error);
        return;
    }
    (void)ARENA_PUSH(discovery->arena, result->findings, result->count, result->capacity,
                     ((struct discover_finding){.family = discovery->family, .certificate = {.error = error}}));
}

/* ---- the search ---- */

/* Accepted ones first, cheapest first; others nearest first. */
static int compare(const void *left, const void *right)
{
    const struct discover_finding *a = left, *b = right;
    if (a->accepted != b->accepted)
        return a->accepted ? -1 : 1;
    if (a->accepted && a->cost != b->cost)
        return a->cost < b->cost ? -1 : 1;
    return a->certificate.error != b->certificate.error ? (a->certificate.error < b->certificate.error ? -1 : 1)
                                                        : strcmp(a->family, b->family);
}

double discover_least_flops(const struct discovery *discovery)
{
    double least = INFINITY;
    for (size_t k = 0; k < discovery->result->count; k++)
        if (discovery->result->findings[k].accepted)
            least = fmin(least, discovery->result->findings[k].flops);
    return least;
}

/* Is what was found so cheap that nothing else is worth looking for? */
static bool is_done(const struct discovery *discovery)
{
    const struct discover_tensor *tensor = discovery->tensor;
    double size = tensor ? 0 : (double)(discovery->matrix->rows + discovery->matrix->columns);
    for (uint32_t axis = 0; tensor && axis < tensor->rank; axis++)
        size += (double)tensor->extents[axis];
    bool real = tensor ? tensor->real : discovery->matrix->real;
    return discover_least_flops(discovery) <= size * (real ? 1 : 4) * (2 + log2(size));
}

bool discover_look(struct discovery *discovery)
{
    for (size_t k = 0; k < sizeof families / sizeof *families && !is_done(discovery); k++) {
        if (families[k].of_tensors != (discovery->tensor != NULL))
            continue;
        discovery->family = families[k].name;
        discovery->scratch = arena_create(arena_allocator(discovery->arena));
        if (discovery->scratch)
            families[k].propose(discovery);
        if (!discovery->scratch || arena_failed(discovery->scratch))
            arena_fail(discovery->arena);
        arena_destroy(discovery->scratch);
        if (arena_failed(discovery->arena))
            return false;
    }
    sort_items(discovery->result->findings, discovery->result->count, sizeof *discovery->result->findings, compare);
    return true;
}

void discover_keep_pareto(struct discover_result *result, double rounding)
{
    size_t kept = 0;
    for (size_t k = 0; k < result->count; k++) {
        const struct discover_finding *finding = &result->findings[k];
        bool worse = false;
        for (size_t other = 0; other < kept && finding->accepted && !worse; other++) {
            const struct discover_finding *better = &result->findings[other];
            worse = better->certificate.error <= fmax(finding->certificate.error, rounding) && better->flops <= finding->flops &&
                    better->numbers <= finding->numbers;
        }
        if (!worse)
            result->findings[kept++] = *finding;
    }
    result->count = kept;
}

size_t discover_first_unfit(enum ir_elem elem, const void *data, size_t count)
{
    double least = ir_elem_real(elem) == IR_f32 ? FLT_MIN : DBL_MIN;
    for (size_t k = 0; k < count; k++) {
        struct ir_number value = ir_number_load(elem, data, k);
        double parts[2] = {value.re, ir_elem_is_complex(elem) ? value.im : 0};
        for (int part = 0; part < 2; part++)
            if (!isfinite(parts[part]) || (parts[part] != 0 && fabs(parts[part]) < least))
                return k;
    }
    return SIZE_MAX;
}

bool discover_load(struct arena *arena, enum ir_elem elem, const void *data, struct discover_matrix *matrix)
{
    size_t count = matrix->rows * matrix->columns;
    matrix->numbers = ARENA_ARRAY(arena, count, number);
    matrix->real = true;
    for (size_t k = 0; matrix->numbers && k < count; k++) {
        struct ir_number value = ir_number_load(elem, data, k);
        matrix->numbers[k] = complex_of(value.re, ir_elem_is_complex(elem) ? value.im : 0);
        matrix->real = matrix->real && cimag(matrix->numbers[k]) == 0;
    }
    return matrix->numbers != NULL;
}

bool discover_search(struct arena *arena, const struct discover_options *options, size_t rows, size_t columns, const void *data,
                     struct discover_result *result)
{
    struct discover_matrix matrix = {.rows = rows, .columns = columns};
    double eps = ir_elem_epsilon(options->elem);
    struct discovery discovery = {.arena = arena, .options = options, .matrix = &matrix, .result = result};
    *result = (struct discover_result){.count = 0};
    discovery.tolerance = options->within > 8 * eps ? options->within : 8 * eps;
    if (!rows || !columns || discover_first_unfit(options->elem, data, rows * columns) != SIZE_MAX)
        return true;
    if (!discover_load(arena, options->elem, data, &matrix))
        return false;
    discovery.norm = discover_norm(rows * columns, matrix.numbers);
    if (!discover_look(&discovery))
        return false;
    discover_keep_pareto(result, 8 * eps);
    return true;
}
