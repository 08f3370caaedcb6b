/* Symmetric matrices made diagonal together: by a transform whose rows are eigenvectors of each, or by eigenvectors.
 *
 * Second differences with values of 0 or slopes of 0 at their ends, and what else is a polynomial of them, have the rows of sine
 * and cosine transforms for eigenvectors (Strang 1999), symmetric circulant matrices those of the Hartley transform, sums over
 * common binary digits those of Walsh and Hadamard's. So each transform is tried on the numbers, whatever wrote them. Two other
 * matrices, one positive definite, have the eigenvectors S of their generalised problem, S^T N S = I and S^T A S diagonal. */
#include "operator_inverse.h"

#include "ir/dense.h"

#include <math.h>

struct diagonalising {
    const struct reading *reading;
    struct span span;
    enum ir_elem elem;
    const struct poly *rows;
    size_t n;
    uint32_t n_matrices;
    const double *const *matrices;
};

/* ---- transforms ---- */

/* Those with orthogonal rows. */
static const struct transform {
    enum operator_kind kind;
    const char *name;
} transforms[] = {
#define TRANSFORM(kind)                                                                                                            \
    {                                                                                                                              \
        OPERATOR_##kind, #kind                                                                                                     \
    }
    TRANSFORM(dht), TRANSFORM(dst1), TRANSFORM(dct2), TRANSFORM(dst2), TRANSFORM(dct4), TRANSFORM(dst4), TRANSFORM(hadamard)};
enum { TRANSFORMS = sizeof transforms / sizeof *transforms };

static long double largest_row_sum(size_t n, const double *matrix)
{
    long double largest = 0;
    for (size_t i = 0; i < n; i++) {
        long double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += fabs(matrix[i * n + j]);
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

/* The eigenvalue, where the row is an eigenvector as far as a double can tell; false: it is none. */
static bool find_eigenvalue(size_t n, const double *matrix, long double size, const double _Complex *row, double *value)
{
    long double norm = 0, product = 0, largest = 0, worst = 0;
    for (int pass = 0; pass < 2; pass++) /* Rayleigh's quotient, then what is left */
        for (size_t i = 0; i < n; i++) {
            long double image = 0;
            for (size_t j = 0; j < n; j++)
                image += (long double)matrix[i * n + j] * creal(row[j]);
            if (pass == 0) {
                norm += (long double)creal(row[i]) * creal(row[i]);
                product += image * creal(row[i]);
                largest = fmaxl(largest, fabsl(creal(row[i])));
            } else {
                worst = fmaxl(worst, fabsl(image - product / norm * creal(row[i])));
            }
        }
    *value = (double)(product / norm);
    return worst <= 8 * ir_elem_epsilon(IR_f64) * size * largest;
}

static bool has_rows_for_eigenvectors(const struct diagonalising *diagonalising, const double _Complex *transform,
                                      struct diagonal_form *form)
{
    size_t n = diagonalising->n;
    for (uint32_t m = 0; m < diagonalising->n_matrices; m++) {
        long double size = largest_row_sum(n, diagonalising->matrices[m]);
        for (size_t k = 0; k < n; k++)
            if (!find_eigenvalue(n, diagonalising->matrices[m], size, &transform[k * n], &form->values[m][k]))
                return false;
    }
    return true;
}

static bool by_transform(const struct diagonalising *diagonalising, const struct transform *tried, struct diagonal_form *form)
{
    const struct reading *reading = diagonalising->reading;
    struct value_type type = {tried->kind == OPERATOR_hadamard ? WEAK_AN_INTEGER : WEAK_A_REAL, IR_f64, NULL};
    size_t n = diagonalising->n;
    if (tried->kind == OPERATOR_hadamard && (n & (n - 1)) != 0)
        return false;
    const struct operator_node *transform =
        operator_of_sizes(reading, tried->kind, 1, &diagonalising->rows, type, diagonalising->span);
    const double _Complex *numbers = transform ? operator_numbers(reading, transform, &n) : NULL;
    if (!numbers || !has_rows_for_eigenvectors(diagonalising, numbers, form))
        return false;
    const struct operator_node *back = operator_invert(reading, transform); /* a multiple of a transform */
    double _Complex scale = 1;
    if (!back || back->kind != OPERATOR_MULTIPLE || !operator_known_number(reading, back->number, &scale))
        return false;
    *form = (struct diagonal_form){transform, back->parts[0], creal(scale), tried->name, form->values};
    return true;
}

/* ---- eigenvectors ---- */

static bool is_unit(size_t n, const double *a)
{
    for (size_t k = 0; k < n * n; k++)
        if (a[k] != (k / n == k % n))
            return false;
    return true;
}

static void set_all(size_t n, double *values, double value)
{
    for (size_t k = 0; k < n; k++)
        values[k] = value;
}

/* The eigenvectors of matrix `of`, with `unit` (UINT32_MAX: none, the identity) the one that becomes the identity. */
static bool find_vectors(const struct diagonalising *diagonalising, uint32_t of, uint32_t unit, double *vectors,
                         struct diagonal_form *form)
{
    size_t n = diagonalising->n;
    const double *mass = unit == UINT32_MAX || is_unit(n, diagonalising->matrices[unit]) ? NULL : diagonalising->matrices[unit];
    if (!dense_eigenvectors(diagonalising->reading->statement->body->arena, n, diagonalising->matrices[of], mass, vectors,
                            form->values[of]))
        return false;
    if (unit != UINT32_MAX)
        set_all(n, form->values[unit], 1);
    return true;
}

static bool by_eigenvectors(const struct diagonalising *diagonalising, struct diagonal_form *form)
{
    const struct reading *reading = diagonalising->reading;
    struct arena *arena = reading->statement->body->arena;
    const struct poly *shape[2] = {diagonalising->rows, diagonalising->rows};
    size_t n = diagonalising->n;
    double *vectors = ARENA_ARRAY(arena, n * n, double);
    double _Complex *numbers = ARENA_ARRAY(arena, n * n, double _Complex);
    if (!vectors || !numbers || diagonalising->n_matrices > 2)
        return false;
    bool one = diagonalising->n_matrices == 1, swapped = !one && is_unit(n, diagonalising->matrices[1]);
    bool found = one ? find_vectors(diagonalising, 0, UINT32_MAX, vectors, form)
                     : find_vectors(diagonalising, !swapped, swapped, vectors, form) ||
                           (!is_unit(n, diagonalising->matrices[swapped]) && /* else no matrix was in the way */
                            find_vectors(diagonalising, swapped, !swapped, vectors, form));
    for (size_t k = 0; k < n * n; k++)
        numbers[k] = vectors[k];
    const struct operator_node *back =
        found ? operator_of_tensor(reading, OPERATOR_TENSOR, operator_constant(reading, diagonalising->elem, 2, shape, numbers),
                                   diagonalising->span)
              : NULL;
    *form = (struct diagonal_form){back ? operator_of_parts(reading, OPERATOR_transpose, 1, &back) : NULL, back, 1, "eigenvectors",
                                   form->values};
    return form->forward != NULL;
}

bool operator_diagonalise(const struct reading *reading, struct span span, enum ir_elem elem, const struct poly *rows,
                          uint32_t n_matrices, const double *const *matrices, struct diagonal_form *form)
{
    struct arena *arena = reading->statement->body->arena;
    int64_t n = 0;
    (void)poly_is_constant(rows, &n);
    struct diagonalising diagonalising = {reading, span, elem, rows, (size_t)n, n_matrices, matrices};
    form->values = ARENA_ARRAY(arena, n_matrices, double *);
    for (uint32_t m = 0; form->values && m < n_matrices; m++)
        form->values[m] = ARENA_ARRAY(arena, (size_t)n, double);
    if (arena_failed(arena))
        return false;
    if (n_matrices == 1 && is_unit((size_t)n, matrices[0])) {
        const struct operator_node *identity =
            operator_of_sizes(reading, OPERATOR_identity, 1, &rows, (struct value_type){WEAK_AN_INTEGER, IR_f64, NULL}, span);
        set_all((size_t)n, form->values[0], 1);
        *form = (struct diagonal_form){identity, identity, 1, "identity", form->values};
        return identity != NULL;
    }
    for (int k = 0; k < TRANSFORMS; k++)
        if (by_transform(&diagonalising, &transforms[k], form))
            return true;
    return !reading->statement->failed && by_eigenvectors(&diagonalising, form);
}
