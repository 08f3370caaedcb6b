/* Constants while compiling: inverses and eigenvectors of small dense matrices, row-major, n x n, and Fourier transforms of long
 * vectors. Calculated in long double, so that what is rounded to double is as good as the double nearest to it, and the same on
 * every machine with that type: a tuned library would give numbers of double that differ from processor to processor, and with
 * them emitted constants. */
#ifndef IR_DENSE_H
#define IR_DENSE_H

#include "base.h"

#include <complex.h>

enum { DENSE_MOST_ROWS = 512 };

/* LU with partial pivoting (Golub and Van Loan, 3.4). `condition` is |A| |A^-1| in the 1-norm. False: a pivot is zero or no number,
 * or no memory. */
bool dense_invert(struct arena *arena, size_t n, const double complex *matrix, double complex *inverse, double *condition);
/* matrix = factor * factor^T, factor lower triangular. False: not positive definite. */
bool dense_cholesky(size_t n, const double *matrix, double *factor);
/* Of x, symmetric, and y, symmetric positive definite or NULL for the identity: vectors^T y vectors = identity, vectors^T x vectors
 * = diag(values). By Householder's reflections and implicit QL steps (Golub and Van Loan, 8.3) after y's Cholesky factor. False: y
 * is not positive definite, or no memory. */
bool dense_eigenvectors(struct arena *arena, size_t n, const double *x, const double *y, double *vectors, double *values);

/* ---- dense_fourier.c ---- */

struct dense_complex {
    long double re, im;
};
struct dense_fourier;
/* Tables and room for transforms of length n >= 1: about 100 bytes an element, 800 where n has a prime above 64. NULL: no memory.
 */
struct dense_fourier *dense_fourier_create(struct arena *arena, size_t n);
/* data[k] = sum over l of data[l] root(k l, n), as exact as long double sums of that are. */
void dense_fourier_apply(const struct dense_fourier *fourier, struct dense_complex *data);

#endif
