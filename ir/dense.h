/* Small dense matrices while compiling: inverses and eigenvectors of constants. Row-major, n x n, calculated in long double, so
 * that what is rounded to double is as good as the double nearest to it, and the same on every machine with that type: a tuned
 * library would give numbers of double that differ from processor to processor, and with them emitted constants. */
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

#endif
