/* Contractions with small constant factors as straight-line programs: codelets.
 *
 * The indices of the factors and those that are summed are inside: for each point of the others the codelet runs once, reads what
 * it multiplies by numbers (an atom: the product of the other operands at one place) and gives all results of the indices inside.
 * Integers may be summed before: what they are multiplied with is no factor then, and an atom is a short sum of products.
 * It works on reals; a complex atom is two inputs, a complex result two rows. */
#ifndef IR_CODELET_H
#define IR_CODELET_H

#include "ir.h"
#include "straight_line.h"

enum { IR_CODELET_TERMS = 8 }; /* of integers that are summed before they go in, over an index that no factor has */

struct ir_codelet {
    const struct straight_line *line;
    const bool *factors;     /* by operand: constant, known to the codelet number by number */
    const struct poly *runs; /* product of the extents outside */
    int64_t flops;           /* of one run */
    bool pays;               /* clearly fewer instructions than one multiply-add a term */
};

/* The codelet that does the node with the fewest flops. NULL: it has none, or no memory. The same for the same node. */
const struct ir_codelet *ir_codelet(struct ir_context *context, const struct ir_node *node);

/* Is the node a sum that codelets can do, whatever its operands are? */
bool ir_can_have_codelet(struct ir_context *context, const struct ir_node *node);
/* What the access reads, if that is constant numbers, perhaps in another type; NULL: it is not. */
const struct ir_node *ir_codelet_constant(const struct ir_access *access);
/* Are the numbers real, whatever their type? */
bool ir_codelet_is_real(const struct ir_node *node);
/* Is this operand of the node constant numbers? The number that it is where the node's indices are `point`; false: outside of it.
 */
bool ir_codelet_factor(const struct ir_node *node, const struct ir_access *access);
bool ir_codelet_factor_at(const struct ir_access *access, const int64_t *point, struct ir_number *number);

/* A number as programs have it: integers are doubles there. One that no double is, is infinite, so that there is no program. */
struct ir_number ir_codelet_number(struct ir_number number);

/* The program of a matrix of numbers of this type; of integers one that multiplies by integers alone, and wraps as they do. NULL:
 * too large, numbers that are not finite, no such program, or no memory. The same for the same matrix. */
const struct straight_line *ir_straight_line(struct ir_context *context, enum ir_elem elem, uint32_t n_rows, uint32_t n_columns,
                                             const double *matrix);
/* Does the program pay instead of so many multiply-adds? */
bool ir_line_pays(const struct straight_line *line, int64_t multiply_adds);

/* The next point below the extents, the last coordinate first; false: that was the last one, and `point` is 0 again. */
bool ir_codelet_next_point(size_t n, const int64_t *extents, int64_t *point);

/* A matrix of complex numbers as one of reals, by columns that are added one by one and rows known before. */
struct ir_codelet_matrix {
    struct arena *arena;
    uint32_t n_rows, n_columns, capacity;
    bool complex_rows;
    bool *real_columns;
    double *numbers; /* re, im; a column after the other */
};
bool ir_codelet_matrix_create(struct ir_codelet_matrix *matrix, struct arena *arena, uint32_t n_rows, bool complex_rows);
/* Number of the new column, of a real or complex atom; UINT32_MAX: too many, or no memory. */
uint32_t ir_codelet_add_column(struct ir_codelet_matrix *matrix, bool real);
void ir_codelet_add_number(struct ir_codelet_matrix *matrix, uint32_t row, uint32_t column, struct ir_number number);
/* Which input of the program is the real part of a column; the imaginary part follows it. */
uint32_t ir_codelet_input(const struct ir_codelet_matrix *matrix, uint32_t column);
const struct straight_line *ir_codelet_line(struct ir_context *context, enum ir_elem elem, const struct ir_codelet_matrix *matrix);

#endif
