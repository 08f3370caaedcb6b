/* Straight-line programs of matrices (straight_line.h).
 *
 * The matrix is kept by columns, one a value that rows still use: which rows, with which factors. In each round every pair of
 * columns is asked for the pairs of terms that its common rows share: c (a + b) or c (a - b) for any c, and p a + q b up to the
 * sign of the whole; and every column for multiples that rows share. Those that save most become values. A pair of columns becomes
 * poorer by that, never richer, but new columns come, until nothing saves anything. */
#include "straight_line_internal.h"

#include <math.h>

enum { MOST_VALUES = 1 << 12 };

static bool is_unit(double factor)
{
    return fabs(factor) == 1;
}

static uint64_t row_bit(uint32_t row)
{
    return UINT64_C(1) << row;
}

/* ---- patterns ---- */

/* Pairs are noted before multiples, and taken before them where they save the same: multiples of a and b are one of a + b then. */
static void note_pattern(struct elimination *elimination, const struct pattern *pattern)
{
    if (pattern->saving <= 0 || pattern->saving < elimination->most)
        return;
    if (pattern->saving > elimination->most)
        elimination->n_patterns = 0;
    elimination->most = pattern->saving;
    (void)ARENA_PUSH(elimination->arena, elimination->patterns, elimination->n_patterns, elimination->patterns_capacity, *pattern);
}

/* One more row with this pattern. Of k rows, k - 1 times what the pattern costs are saved, and where it is used in multiples, a
 * multiplication each. */
static void count_row(struct pattern *found, size_t *n_found, const struct pattern *wanted, uint32_t row, bool multiplies)
{
    int64_t cost =
        wanted->any_multiple ? 1 : (wanted->a != wanted->b) + !is_unit(wanted->p) + (wanted->a != wanted->b && !is_unit(wanted->q));
    size_t k = 0;
    while (k < *n_found && !(found[k].any_multiple == wanted->any_multiple && found[k].p == wanted->p && found[k].q == wanted->q))
        k++;
    if (k == *n_found) {
        found[(*n_found)++] = *wanted;
        found[k].saving = 0;
    } else {
        found[k].saving += cost;
    }
    found[k].saving += wanted->any_multiple && multiplies;
    found[k].rows |= row_bit(row);
}

static void find_pairs(struct elimination *elimination, uint32_t a, uint32_t b)
{
    const struct column *left = &elimination->columns[a], *right = &elimination->columns[b];
    size_t n_found = 0;
    for (uint64_t rows = left->rows & right->rows; rows; rows &= rows - 1) {
        uint32_t row = (uint32_t)__builtin_ctzll(rows);
        double p = left->factors[row], q = right->factors[row];
        struct pattern wanted = {.a = a, .b = b, .any_multiple = fabs(p) == fabs(q)};
        wanted.p = wanted.any_multiple ? 1 : fabs(p);
        wanted.q = wanted.any_multiple ? q / p : p > 0 ? q : -q;
        count_row(elimination->found, &n_found, &wanted, row, !is_unit(p));
    }
    for (size_t k = 0; k < n_found; k++)
        note_pattern(elimination, &elimination->found[k]);
}

static void find_multiples(struct elimination *elimination, uint32_t a)
{
    const struct column *column = &elimination->columns[a];
    size_t n_found = 0;
    for (uint64_t rows = column->rows; rows; rows &= rows - 1) {
        uint32_t row = (uint32_t)__builtin_ctzll(rows);
        struct pattern wanted = {.a = a, .b = a, .p = fabs(column->factors[row])};
        if (!is_unit(wanted.p))
            count_row(elimination->found, &n_found, &wanted, row, false);
    }
    for (size_t k = 0; k < n_found; k++)
        note_pattern(elimination, &elimination->found[k]);
}

/* ---- values ---- */

uint32_t elimination_add_value(struct elimination *elimination, struct straight_line_value value)
{
    struct straight_line *line = elimination->line;
    for (uint32_t k = 0; k < value.n_terms; k++)
        line->multiplications += !is_unit(value.terms[k].factor);
    line->additions += value.n_terms - 1;
    line->instructions += 1 + (value.n_terms == 2 && !is_unit(value.terms[0].factor) && !is_unit(value.terms[1].factor));
    return ARENA_PUSH(elimination->arena, line->values, line->n_values, line->capacity, value)
               ? line->n_inputs + (uint32_t)line->n_values - 1
               : UINT32_MAX;
}

struct column *elimination_add_column(struct elimination *elimination, uint32_t value)
{
    struct column column = {.value = value};
    column.factors = ARENA_ARRAY(elimination->arena, elimination->line->n_rows, double);
    if (!column.factors ||
        !ARENA_PUSH(elimination->arena, elimination->columns, elimination->n_columns, elimination->columns_capacity, column))
        return NULL;
    return &elimination->columns[elimination->n_columns - 1];
}

void elimination_set(struct column *column, uint32_t row, double factor)
{
    column->n_rows += column->factors[row] == 0;
    column->factors[row] = factor;
    column->rows |= row_bit(row);
}

static double column_take(struct column *column, uint32_t row)
{
    double factor = column->factors[row];
    column->factors[row] = 0;
    column->rows &= ~row_bit(row);
    column->n_rows--;
    return factor;
}

/* Do all rows of the pattern still have its terms? */
static bool is_there(const struct elimination *elimination, const struct pattern *pattern)
{
    return (pattern->rows & ~(elimination->columns[pattern->a].rows & elimination->columns[pattern->b].rows)) == 0;
}

static bool apply_pattern(struct elimination *elimination, const struct pattern *pattern)
{
    struct straight_line_value value = {.n_terms = pattern->a == pattern->b ? 1 : 2};
    value.terms[0] = (struct straight_line_term){elimination->columns[pattern->a].value, pattern->p};
    value.terms[1] = (struct straight_line_term){elimination->columns[pattern->b].value, pattern->q};
    uint32_t number = elimination_add_value(elimination, value);
    struct column *column = number == UINT32_MAX ? NULL : elimination_add_column(elimination, number);
    if (!column)
        return false;
    struct column *a = &elimination->columns[pattern->a], *b = &elimination->columns[pattern->b];
    for (uint64_t rows = pattern->rows; rows; rows &= rows - 1) {
        uint32_t row = (uint32_t)__builtin_ctzll(rows);
        double factor = column_take(a, row);
        if (b != a)
            column_take(b, row);
        elimination_set(column, row, pattern->any_multiple ? factor : factor > 0 ? 1 : -1);
    }
    return true;
}

static void drop_empty_columns(struct elimination *elimination)
{
    size_t kept = 0;
    for (size_t k = 0; k < elimination->n_columns; k++)
        if (elimination->columns[k].n_rows)
            elimination->columns[kept++] = elimination->columns[k];
    elimination->n_columns = kept;
}

/* False: nothing saves anything any more, or no memory. */
static bool eliminate(struct elimination *elimination)
{
    elimination->n_patterns = 0;
    elimination->most = 0;
    for (uint32_t a = 0; a < elimination->n_columns; a++)
        for (uint32_t b = a + 1; b < elimination->n_columns; b++)
            find_pairs(elimination, a, b);
    for (uint32_t a = 0; a < elimination->n_columns; a++)
        find_multiples(elimination, a);
    for (size_t k = 0; k < elimination->n_patterns; k++)
        if (is_there(elimination, &elimination->patterns[k]) && !apply_pattern(elimination, &elimination->patterns[k]))
            return false;
    drop_empty_columns(elimination);
    return elimination->n_patterns > 0 && elimination->line->n_values < MOST_VALUES;
}

/* ---- what remains ---- */

void elimination_count_row(struct straight_line *line, uint32_t row)
{
    const struct straight_line_row *counted = &line->rows[row];
    uint32_t multiplied = 0, additions = counted->n_terms ? counted->n_terms - 1 : 0;
    for (uint32_t k = 0; k < counted->n_terms; k++)
        multiplied += !is_unit(counted->terms[k].factor);
    line->additions += additions;
    line->multiplications += multiplied;
    line->instructions += multiplied > additions ? multiplied : additions;
}

static bool write_rows(struct elimination *elimination)
{
    struct straight_line *line = elimination->line;
    line->rows = ARENA_ARRAY(elimination->arena, line->n_rows, struct straight_line_row);
    for (uint32_t row = 0; line->rows && row < line->n_rows; row++) {
        struct straight_line_row *written = &line->rows[row];
        written->terms = ARENA_ARRAY(elimination->arena, elimination->n_columns, struct straight_line_term);
        for (size_t k = 0; written->terms && k < elimination->n_columns; k++) {
            double factor = elimination->columns[k].factors[row];
            if (factor != 0)
                written->terms[written->n_terms++] = (struct straight_line_term){elimination->columns[k].value, factor};
        }
        elimination_count_row(line, row);
    }
    return line->rows && !arena_failed(elimination->arena);
}

/* ---- the matrix ---- */

struct entry {
    double size;
    size_t at;
};

static int by_size(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->size != y->size ? (x->size > y->size) - (x->size < y->size) : (x->at > y->at) - (x->at < y->at);
}

/* The matrix with magnitudes that are close to one another replaced by the least of them, or by 1. */
static double *with_equal_magnitudes(struct arena *arena, size_t count, const double *matrix, double closeness)
{
    struct entry *entries = ARENA_ARRAY(arena, count, struct entry);
    double *result = ARENA_ARRAY(arena, count, double);
    if (!entries || !result)
        return NULL;
    for (size_t k = 0; k < count; k++)
        entries[k] = (struct entry){fabs(matrix[k]), k};
    sort_items(entries, count, sizeof *entries, by_size);
    for (size_t first = 0, end; first < count; first = end) {
        double size = entries[first].size;
        for (end = first; end < count && entries[end].size - entries[first].size <= closeness * entries[first].size; end++)
            size = entries[end].size == 1 ? 1 : size;
        for (size_t k = first; k < end; k++)
            result[entries[k].at] = copysign(size, matrix[entries[k].at]);
    }
    return result;
}

/* Columns in an order that depends little on the one given: equal matrices up to the order of rows and columns then mostly get
 * programs of equal length. */
static uint64_t column_signature(const struct column *column, uint32_t n_rows)
{
    uint64_t signature = 0;
    for (uint32_t row = 0; row < n_rows; row++) {
        double size = fabs(column->factors[row]);
        signature += hash_bytes(1, &size, sizeof size);
    }
    return signature;
}

static bool create_columns(struct elimination *elimination, const double *matrix)
{
    const struct straight_line *line = elimination->line;
    uint64_t *signatures = ARENA_ARRAY(elimination->arena, line->n_inputs, uint64_t);
    for (uint32_t k = 0; signatures && k < line->n_inputs; k++) {
        struct column *column = elimination_add_column(elimination, k);
        if (!column)
            return false;
        for (uint32_t row = 0; row < line->n_rows; row++)
            if (matrix[(size_t)row * line->n_inputs + k] != 0)
                elimination_set(column, row, matrix[(size_t)row * line->n_inputs + k]);
        struct column added = *column;
        uint64_t signature = column_signature(column, line->n_rows);
        uint32_t at = k;
        for (; at > 0 && signatures[at - 1] > signature; at--) {
            signatures[at] = signatures[at - 1];
            elimination->columns[at] = elimination->columns[at - 1];
        }
        signatures[at] = signature;
        elimination->columns[at] = added;
    }
    return signatures != NULL;
}

enum way { WHOLE, SPLIT, THIRDS, TRANSPOSED };

/* The program by elimination of what is common, of the matrix as it is, or cut by its symmetries before; or from the latter of its
 * transpose, `from`. */
static const struct straight_line *search(const struct elimination *search, uint32_t n_rows, uint32_t n_columns,
                                          const double *matrix, enum way way, const struct straight_line *from)
{
    struct elimination elimination = *search;
    struct straight_line *line = ARENA_NEW(elimination.arena, struct straight_line);
    elimination.line = line;
    elimination.found = ARENA_ARRAY(elimination.arena, n_rows, struct pattern);
    if (!line || !elimination.found)
        return NULL;
    line->n_inputs = n_columns;
    line->n_rows = n_rows;
    if (way == TRANSPOSED)
        return elimination_transpose(&elimination, from) ? line : NULL;
    elimination.by_thirds = way == THIRDS;
    if (!(way != WHOLE ? elimination_split(&elimination, matrix) : create_columns(&elimination, matrix)))
        return NULL;
    drop_empty_columns(&elimination);
    while (eliminate(&elimination))
        continue;
    return write_rows(&elimination) ? line : NULL;
}

/* NULL: it is its own transpose, or no memory. */
static const double *transpose_of(struct arena *arena, uint32_t n_rows, uint32_t n_columns, const double *matrix)
{
    double *turned = ARENA_ARRAY(arena, (size_t)n_rows * n_columns, double);
    bool differs = n_rows != n_columns;
    for (uint32_t row = 0; turned && row < n_rows; row++)
        for (uint32_t c = 0; c < n_columns; c++) {
            turned[(size_t)c * n_rows + row] = matrix[(size_t)row * n_columns + c];
            differs = differs || matrix[(size_t)c * n_columns + row] != matrix[(size_t)row * n_columns + c];
        }
    return differs ? turned : NULL;
}

/* With fewer flops; of equally many with fewer instructions. */
static const struct straight_line *shorter(const struct straight_line *a, const struct straight_line *b)
{
    if (!b)
        return a;
    int64_t more = b->additions + b->multiplications - a->additions - a->multiplications;
    return more < 0 || (more == 0 && b->instructions < a->instructions) ? b : a;
}

const struct straight_line *straight_line_create(struct arena *arena, uint32_t n_rows, uint32_t n_columns, const double *matrix,
                                                 double closeness)
{
    if (n_rows > STRAIGHT_LINE_ROWS || n_columns > STRAIGHT_LINE_COLUMNS)
        return NULL;
    const struct elimination common = {.arena = arena, .closeness = closeness};
    const double *equalised = with_equal_magnitudes(arena, (size_t)n_rows * n_columns, matrix, closeness);
    const double *transpose = equalised ? transpose_of(arena, n_rows, n_columns, equalised) : NULL;
    const struct straight_line *best = equalised ? search(&common, n_rows, n_columns, equalised, WHOLE, NULL) : NULL;
    for (enum way way = SPLIT; best && way <= THIRDS; way++) {
        bool across = transpose && (way == SPLIT || n_rows % 3 == 0);
        if (way == SPLIT || n_columns % 3 == 0)
            best = shorter(best, search(&common, n_rows, n_columns, equalised, way, NULL));
        const struct straight_line *other = across ? search(&common, n_columns, n_rows, transpose, way, NULL) : NULL;
        best = shorter(best, other ? search(&common, n_rows, n_columns, equalised, TRANSPOSED, other) : NULL);
    }
    return arena_failed(arena) ? NULL : best;
}
