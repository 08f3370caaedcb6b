/* Matrices of numbers as straight-line programs: few additions and multiplications instead of one a number.
 *
 * y = W x is written as values v, each the sum of two earlier ones times numbers, and each y as such a sum. What is found: pairs of
 * terms that rows have in common, up to a factor; numbers that are 1 or -1; the same multiple of the same value. Repeated, that
 * finds fast algorithms in the matrices of Fourier, cosine and Walsh-Hadamard transforms.
 * The search is Paar's (1997) greedy elimination of common pairs, with factors. */
#ifndef IR_STRAIGHT_LINE_H
#define IR_STRAIGHT_LINE_H

#include "base.h"

enum { STRAIGHT_LINE_ROWS = 64, STRAIGHT_LINE_COLUMNS = 64 };

struct straight_line_term {
    uint32_t value; /* x for value < n_inputs, else values[value - n_inputs] */
    double factor;
};
/* One term alone is a multiple. */
struct straight_line_value {
    struct straight_line_term terms[2];
    uint32_t n_terms;
};
struct straight_line_row {
    struct straight_line_term *terms; /* none: 0 */
    uint32_t n_terms;
};
struct straight_line {
    uint32_t n_inputs, n_rows;
    struct straight_line_value *values;
    size_t n_values, capacity;
    struct straight_line_row *rows;
    int64_t additions, multiplications; /* by numbers other than 1 and -1 */
    int64_t instructions;               /* where a multiplication goes along with the addition behind it */
};

/* `matrix` is n_rows x n_columns in C order, finite; magnitudes that differ by no more than `closeness` of themselves are taken for
 * the same number. NULL: no memory, or larger than the limits above. */
const struct straight_line *straight_line_create(struct arena *arena, uint32_t n_rows, uint32_t n_columns, const double *matrix,
                                                 double closeness);

#endif
