/* Matrices of codelets: complex numbers as pairs of reals, and one program a matrix. */
#include "codelet.h"
#include "ir_internal.h"

#include <math.h>
#include <string.h>

bool ir_codelet_matrix_create(struct ir_codelet_matrix *matrix, struct arena *arena, uint32_t n_rows, bool complex_rows)
{
    *matrix = (struct ir_codelet_matrix){.arena = arena, .n_rows = n_rows, .complex_rows = complex_rows};
    if (n_rows > STRAIGHT_LINE_ROWS)
        return false;
    matrix->numbers = ARENA_ARRAY(arena, 2 * (size_t)n_rows * STRAIGHT_LINE_COLUMNS, double);
    matrix->real_columns = ARENA_ARRAY(arena, STRAIGHT_LINE_COLUMNS, bool);
    return matrix->numbers && matrix->real_columns;
}

uint32_t ir_codelet_add_column(struct ir_codelet_matrix *matrix, bool real)
{
    if (matrix->n_columns == STRAIGHT_LINE_COLUMNS)
        return UINT32_MAX;
    matrix->real_columns[matrix->n_columns] = real;
    return matrix->n_columns++;
}

void ir_codelet_add_number(struct ir_codelet_matrix *matrix, uint32_t row, uint32_t column, struct ir_number number)
{
    double *place = &matrix->numbers[2 * ((size_t)column * matrix->n_rows + row)];
    place[0] += number.re;
    place[1] += ir_elem_is_complex(number.elem) ? number.im : 0;
}

uint32_t ir_codelet_input(const struct ir_codelet_matrix *matrix, uint32_t column)
{
    uint32_t input = 0;
    for (uint32_t k = 0; k < column; k++)
        input += matrix->real_columns[k] ? 1 : 2;
    return input;
}

const struct straight_line *ir_codelet_line(struct ir_context *context, enum ir_elem elem, const struct ir_codelet_matrix *matrix)
{
    uint32_t parts = matrix->complex_rows ? 2 : 1, n_inputs = ir_codelet_input(matrix, matrix->n_columns);
    double *reals = ARENA_ARRAY(matrix->arena, (size_t)parts * matrix->n_rows * n_inputs, double);
    for (uint32_t column = 0; reals && column < matrix->n_columns; column++)
        for (uint32_t row = 0; row < matrix->n_rows; row++) {
            const double *number = &matrix->numbers[2 * ((size_t)column * matrix->n_rows + row)];
            double *re = &reals[(size_t)parts * row * n_inputs + ir_codelet_input(matrix, column)], *im = re + n_inputs;
            re[0] = number[0];
            if (matrix->complex_rows)
                im[0] = number[1];
            if (matrix->complex_rows && !matrix->real_columns[column]) {
                re[1] = -number[1];
                im[1] = number[0];
            }
        }
    return reals ? ir_straight_line(context, elem, parts * matrix->n_rows, n_inputs, reals) : NULL;
}

struct ir_number ir_codelet_number(struct ir_number number)
{
    const int64_t most = INT64_C(1) << 53;
    if (ir_elem_is_float(number.elem) || ir_elem_is_complex(number.elem))
        return number;
    return ir_number_real(IR_f64, number.i >= -most && number.i <= most ? (double)number.i : INFINITY);
}

/* ---- one program a matrix ---- */

struct known_line {
    uint32_t n_rows, n_columns;
    double closeness;
    const double *matrix;
    const struct straight_line *line;
};

static bool equal_lines(const void *key, const void *item)
{
    const struct known_line *a = key, *b = item;
    return a->n_rows == b->n_rows && a->n_columns == b->n_columns && a->closeness == b->closeness &&
           memcmp(a->matrix, b->matrix, (size_t)a->n_rows * a->n_columns * sizeof *a->matrix) == 0;
}

static bool are_integers(uint32_t n_terms, const struct straight_line_term *terms)
{
    for (uint32_t k = 0; k < n_terms; k++)
        if (terms[k].factor != floor(terms[k].factor) || fabs(terms[k].factor) > INT32_MAX)
            return false;
    return true;
}

static bool is_of_integers(const struct straight_line *line)
{
    for (size_t k = 0; k < line->n_values; k++)
        if (!are_integers(line->values[k].n_terms, line->values[k].terms))
            return false;
    for (uint32_t row = 0; row < line->n_rows; row++)
        if (!are_integers(line->rows[row].n_terms, line->rows[row].terms))
            return false;
    return true;
}

const struct straight_line *ir_straight_line(struct ir_context *context, enum ir_elem elem, uint32_t n_rows, uint32_t n_columns,
                                             const double *matrix)
{
    const double neighbours = 4; /* what two ways to calculate the same number differ in, in units in the last place */
    if (n_rows > STRAIGHT_LINE_ROWS || n_columns > STRAIGHT_LINE_COLUMNS)
        return NULL;
    for (size_t k = 0; k < (size_t)n_rows * n_columns; k++)
        if (!isfinite(matrix[k]))
            return NULL;
    bool whole = elem == IR_i32;
    struct known_line key = {n_rows, n_columns, whole ? 0 : neighbours * ir_elem_epsilon(elem), matrix, NULL};
    uint64_t hash =
        hash_bytes(hash_mix(hash_mix(n_rows, n_columns), (uint64_t)elem), matrix, (size_t)n_rows * n_columns * sizeof *matrix);
    const struct known_line *known = intern_find(&context->lines, hash, &key, equal_lines);
    if (known)
        return known->line;
    const struct straight_line *line = straight_line_create(context->arena, n_rows, n_columns, matrix, key.closeness);
    key.line = line && (!whole || is_of_integers(line)) ? line : NULL;
    key.matrix = arena_copy(context->arena, matrix, (size_t)n_rows * n_columns, sizeof *matrix);
    const struct known_line *added = arena_copy(context->arena, &key, 1, sizeof key);
    if (!line || !key.matrix || !added || !intern_add(context->arena, &context->lines, hash, added))
        return NULL;
    return key.line;
}

bool ir_line_pays(const struct straight_line *line, int64_t multiply_adds)
{
    return 3 * line->instructions <= 2 * multiply_adds; /* tiles of multiply-adds keep more in registers */
}
