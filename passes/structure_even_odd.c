/* Matrices that are the same, or the opposite, when rows and columns are read from the end: J A J = s A, s = 1 or -1.
 *
 * With j' = n-1-j, e[j] = x[j] + x[j'] and o[j] = x[j] - x[j'] for j < n/2, and e[n/2] = x[n/2] where n is odd,
 *     y[i] = E e + O o and y[m-1-i] = s (E e - O o), E[i,j] = (A[i,j] + A[i,j'])/2, O[i,j] = (A[i,j] - A[i,j'])/2:
 * two matrices with a quarter of A's numbers each (Solomonoff 1992). A middle row has one of the two sums alone. Such are
 * interpolations and derivatives between points that lie evenly around a middle, and symmetric Toeplitz matrices. Of several such
 * factors of one product the first is taken, the others in what is left. */
#include "fourier.h"
#include "structure.h"

#include <math.h>

/* Measured, compiled for a generic machine: 128 x 128 takes 0.45 of the time of the whole matrix, 40 x 36 takes 1.05, for what is
 * folded is stored. A formula is tried on so many numbers. */
enum { LEAST_EXTENT = 64, MOST_NUMBERS = 1 << 20 };

struct even_odd {
    struct structure_application application;
    bool opposite; /* s = -1 */
    const struct ir_node *matrix;
    const double *numbers; /* pairs, in the order of `matrix`; NULL: only the run knows them */
    bool transposed;       /* its first axis is the column */
};

/* ---- is it one? ---- */

static bool has_choice_or_root(struct ir_context *context, const struct ir_expr *body)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, body, &count);
    for (size_t k = 0; order && k < count; k++)
        if (order[k]->op == IR_EXPR_root || order[k]->op == IR_EXPR_select)
            return true;
    return order == NULL;
}

/* The matrix as a constant, if it is one, or a formula that no other rule and no domain makes more of. */
static const struct ir_node *known_matrix(struct ir_context *context, const struct ir_node *node)
{
    if (node->op == IR_const_node)
        return node->constant->exact || !node->constant->data ? NULL : node;
    if (node->op != IR_map_node || node->n_operands || !ir_is_known(context, node, MOST_NUMBERS) ||
        has_choice_or_root(context, node->body))
        return NULL;
    return ir_evaluated(context, node, NULL);
}

/* Of rows (or columns) of length n, `step` apart: does what is put in the place of each stay within 8 eps of it in norm? */
static bool is_near(const struct even_odd *found, int64_t count, int64_t n, int64_t stride, int64_t step, double sign, double eps)
{
    int64_t last = count * n - 1;
    for (int64_t k = 0; k < count; k++) {
        double norm = 0, error = 0;
        for (int64_t l = 0; l < n; l++) {
            const double *a = &found->numbers[2 * (k * stride + l * step)],
                         *b = &found->numbers[2 * (last - k * stride - l * step)];
            norm += a[0] * a[0] + a[1] * a[1];
            error += ((a[0] - sign * b[0]) * (a[0] - sign * b[0]) + (a[1] - sign * b[1]) * (a[1] - sign * b[1])) / 4;
        }
        if (!(error <= 64 * eps * eps * norm))
            return false;
    }
    return true;
}

static bool find_sign(struct ir_context *context, struct even_odd *found, int64_t m, int64_t n)
{
    const struct ir_node *matrix = found->matrix;
    double *numbers = ARENA_ARRAY(ir_arena(context), (size_t)(2 * m * n), double);
    for (int64_t k = 0; numbers && k < m * n; k++) {
        struct ir_number number = ir_number_load(matrix->elem, matrix->constant->data, (size_t)k);
        numbers[2 * k] = number.re;
        numbers[2 * k + 1] = ir_elem_is_complex(matrix->elem) ? number.im : 0;
    }
    found->numbers = numbers;
    for (int sign = 1; numbers && sign >= -1; sign -= 2)
        if (is_near(found, m, n, n, 1, sign, ir_elem_epsilon(matrix->elem)) &&
            is_near(found, n, m, 1, n, sign, ir_elem_epsilon(matrix->elem))) {
            found->opposite = sign < 0;
            return true;
        }
    return false;
}

static bool is_promised(const struct ir_kernel *kernel, const struct ir_node *node, enum ir_promise promise)
{
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        if (kernel->inputs[k].node == node && ir_input_promises(&kernel->inputs[k], promise))
            return true;
    return false;
}

/* Whether the operand is such a matrix, without its numbers being looked at twice: of a fixed size, read by two plain indices. */
static bool is_matrix(struct structuring *structuring, const struct ir_node *node, uint32_t operand, struct even_odd *found,
                      uint32_t index[2])
{
    const struct ir_access *access = &node->operands[operand];
    const struct ir_node *tensor = access->node;
    int64_t m, n;
    if (tensor->rank != 2 || access->fill || access->conjugate || !poly_is_index(access->subscripts[0], &index[0]) ||
        !poly_is_index(access->subscripts[1], &index[1]) || index[0] == index[1] || !poly_is_constant(tensor->shape[0], &m) ||
        !poly_is_constant(tensor->shape[1], &n) || m < LEAST_EXTENT || n < LEAST_EXTENT || m > MOST_NUMBERS / n ||
        node->extents[index[0]] != tensor->shape[0] || node->extents[index[1]] != tensor->shape[1])
        return false;
    found->matrix = tensor;
    found->opposite = is_promised(structuring->kernel, tensor, IR_PROMISE_skew_centrosymmetric);
    if (found->opposite || is_promised(structuring->kernel, tensor, IR_PROMISE_centrosymmetric))
        return true;
    found->matrix = known_matrix(structuring->context, tensor);
    return found->matrix && find_sign(structuring->context, found, m, n);
}

static bool find_even_odd(struct structuring *structuring, const struct ir_node *node, uint32_t operand, struct even_odd *found)
{
    uint32_t index[2];
    if (!is_matrix(structuring, node, operand, found, index))
        return false;
    for (int column = 1; column >= 0; column--)
        if (structure_isolate(structuring, node, operand, index[1 - column], index[column], &found->application)) {
            found->transposed = column == 0;
            return true;
        }
    return false;
}

/* ---- halves of the matrix ---- */

/* Its entry at a row and a column as an access. */
static struct ir_access entry_at(struct ir_context *context, const struct even_odd *found, const struct poly *row,
                                 const struct poly *column)
{
    const struct poly *at[2] = {found->transposed ? column : row, found->transposed ? row : column};
    return (struct ir_access){.node = found->matrix, .subscripts = arena_copy(ir_arena(context), at, 2, sizeof *at)};
}

/* (A[i,j] + sign A[i,j'])/2 by numbers that the compiler knows; in the middle column A[i,j]. */
static const struct ir_node *half_of_numbers(struct ir_context *context, const struct even_odd *found, int64_t rows,
                                             int64_t columns, double sign)
{
    const struct structure_application *application = &found->application;
    enum ir_elem elem = found->matrix->elem;
    int64_t n = application->columns, step = found->transposed ? 1 : n, stride = found->transposed ? application->rows : 1;
    size_t bytes = ir_elem_info(elem)->bytes;
    void *data = arena_alloc(ir_arena(context), (size_t)(rows * columns), bytes);
    const struct poly *shape[2] = {poly_constant(context, rows), poly_constant(context, columns)};
    for (int64_t k = 0; data && k < rows * columns; k++) {
        int64_t i = k / columns, j = k % columns;
        const double *a = &found->numbers[2 * (i * step + j * stride)], *b = &found->numbers[2 * (i * step + (n - 1 - j) * stride)];
        double re = (a[0] + sign * b[0]) / 2, im = (a[1] + sign * b[1]) / 2;
        ir_number_store(ir_elem_is_complex(elem) ? ir_number_complex(elem, re, im) : ir_number_real(elem, re), data, (size_t)k);
    }
    struct ir_constant constant = {.data = data, .bytes = (size_t)(rows * columns) * bytes};
    return data ? ir_constant(context, elem, 2, shape, &constant) : NULL;
}

/* The same of what only the run knows. */
static const struct ir_node *half_at_run_time(struct ir_context *context, const struct even_odd *found, int64_t rows,
                                              int64_t columns, double sign)
{
    enum ir_elem elem = found->matrix->elem;
    const struct poly *shape[2] = {poly_constant(context, rows), poly_constant(context, columns)};
    const struct poly *row = poly_index(context, 0), *column = poly_index(context, 1);
    const struct poly *mirrored = poly_subtract(context, poly_constant(context, found->application.columns - 1), column);
    const struct ir_access operands[2] = {entry_at(context, found, row, column), entry_at(context, found, row, mirrored)};
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, elem), ir_expr_operand(context, 1, elem)};
    const struct ir_expr *both[2] = {
        ir_expr_literal(context, ir_elem_is_complex(elem) ? ir_number_complex(elem, 0.5, 0) : ir_number_real(elem, 0.5)),
        ir_expr_apply(context, sign > 0 ? IR_EXPR_add : IR_EXPR_sub, 2, sides)};
    return ir_map(context, 2, shape, 2, operands, ir_expr_apply(context, IR_EXPR_mul, 2, both));
}

/* ---- folds ---- */

/* a[..., at] op b[..., other], both over `extent` places. */
static const struct ir_node *joined(struct ir_context *context, const struct ir_node *a, const struct poly *at,
                                    const struct ir_node *b, const struct poly *other, int64_t extent, enum ir_expr_op op)
{
    if (!a || !b)
        return NULL;
    const struct ir_access operands[2] = {fourier_at(context, a, at), fourier_at(context, b, other)};
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, a->elem), ir_expr_operand(context, 1, b->elem)};
    return ir_map(context, a->rank, fourier_shape(context, a, extent), 2, operands, ir_expr_apply(context, op, 2, sides));
}

/* constant + factor * the last index of x */
static const struct poly *line(struct ir_context *context, const struct ir_node *x, int64_t constant, int64_t factor)
{
    return poly_add(context, poly_constant(context, constant), poly_scale(context, poly_index(context, x->rank - 1), factor));
}

/* x folded, x[j] + x[j'] or their difference; where the sums' columns are odd in number the middle element behind. */
static const struct ir_node *folded(struct ir_context *context, const struct ir_node *x, int64_t n, bool sums)
{
    const struct ir_node *parts[2] = {
        joined(context, x, line(context, x, 0, 1), x, line(context, x, n - 1, -1), n / 2, sums ? IR_EXPR_add : IR_EXPR_sub), NULL};
    if (!sums || n % 2 == 0)
        return parts[0];
    parts[1] = fourier_view(context, x, 1, line(context, x, n / 2, 0), false);
    return fourier_join(context, 2, parts);
}

static const struct ir_node *unfolded(struct ir_context *context, const struct even_odd *found, const struct ir_node *even,
                                      const struct ir_node *odd)
{
    int64_t m = found->application.rows, half = m / 2;
    const struct ir_node *parts[3], *first = found->opposite ? odd : even, *second = found->opposite ? even : odd;
    uint32_t count = 0;
    if (!even || !odd)
        return NULL;
    parts[count++] = joined(context, even, line(context, even, 0, 1), odd, line(context, odd, 0, 1), half, IR_EXPR_add);
    if (m % 2) /* the rows of the larger one end in the middle */
        parts[count++] = fourier_view(context, first, 1, line(context, first, half, 0), false);
    parts[count++] =
        joined(context, first, line(context, first, half - 1, -1), second, line(context, second, half - 1, -1), half, IR_EXPR_sub);
    return fourier_join(context, count, parts);
}

const struct ir_node *structure_even_odd(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct ir_context *context = structuring->context;
    struct even_odd found = {.matrix = NULL}, earlier = {.matrix = NULL};
    for (uint32_t k = 0; k < operand; k++)
        if (find_even_odd(structuring, node, k, &earlier))
            return NULL;
    if (!find_even_odd(structuring, node, operand, &found))
        return NULL;
    int64_t m = found.application.rows, n = found.application.columns;
    const struct ir_node *x = structure_improve(structuring, found.application.data), *halves[2];
    for (int part = 0; x && part < 2; part++) {
        int64_t rows = part == found.opposite ? (m + 1) / 2 : m / 2, columns = part == 0 ? (n + 1) / 2 : n / 2;
        const struct ir_node *half = found.numbers ? half_of_numbers(context, &found, rows, columns, part == 0 ? 1 : -1)
                                                   : half_at_run_time(context, &found, rows, columns, part == 0 ? 1 : -1);
        halves[part] = fourier_multiply(context, half, folded(context, x, n, part == 0));
    }
    const struct ir_node *y = x ? unfolded(context, &found, halves[0], halves[1]) : NULL;
    y = structure_finish(structuring, &found.application, found.application.n_batch, found.application.batch, y);
    return y ? structure_improve(structuring, y) : NULL;
}
