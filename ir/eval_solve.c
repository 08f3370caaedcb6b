/* Solutions of linear equations: what a `solve` means.
 *
 * A batch has a matrix, a right side the other indices. The matrix is copied (of a triangle, or a symmetric matrix, the part that
 * counts) and eliminated with partial pivoting in the arithmetic at hand, whatever solver the node names: NUMBERS takes the largest
 * element for a pivot, PRIME any that is not 0, and both are exact but for rounding. A pivot of 0 is a diagnostic.
 *
 * BOUND calculates with the numbers and then bounds the error as Higham (Accuracy and Stability of Numerical Algorithms, 9.2) does:
 * the computed x solves a system whose matrix is off by 3 n eps |L| |U| and by what its elements were off, so that
 * magnitude = |x| + |M^-1| (|right| + (|M| + |L| |U|) |x|), each | | the magnitudes known of these numbers. */
#include "eval_kernel.h"

#include <math.h>

struct solving {
    struct evaluation *evaluation;
    struct eval_tensor *tensor;
    const struct ir_node *node;
    struct walk *walk;
    struct eval_access *accesses;
    int64_t n;
    struct scalar *factors; /* n x n: L below the diagonal, U on and above it, rows exchanged */
    struct scalar *x;       /* n */
    int64_t *rows;          /* which row of the matrix stands at each place */
    bool bounds;
    double *known;   /* BOUND: magnitudes of the matrix, in its own rows, then of |L| |U| too */
    double *inverse; /* BOUND: |M^-1| */
    double *right;   /* BOUND: magnitudes of a right side, in the rows of the matrix */
};

static struct scalar apply(const struct solving *solving, enum ir_expr_op op, struct scalar a, struct scalar b)
{
    const struct scalar pair[2] = {a, b};
    const struct arithmetic *arithmetic = solving->bounds ? &arithmetic_numbers : solving->evaluation->arithmetic;
    struct scalar result = a;
    (void)arithmetic->apply(op, solving->node->elem, solving->node->elem, pair, &result);
    return result;
}

/* 0 of what is no pivot. */
static double size_of(const struct solving *solving, const struct scalar *value)
{
    if (solving->evaluation->arithmetic == &arithmetic_prime)
        return value->residue[0] || value->residue[1] ? 1 : 0;
    return fmax(fabs(value->re), fabs(value->im));
}

static double modulus(const struct scalar *value)
{
    return hypot(value->re, value->im);
}

/* ---- the matrix ---- */

/* The element that counts in the place of row i, column k. False: it counts as 0. */
static bool find_place(enum ir_solver solver, int64_t *i, int64_t *k)
{
    int64_t row = *i;
    if (solver == IR_SOLVER_cholesky && *k > row) {
        *i = *k;
        *k = row;
    }
    return !(solver == IR_SOLVER_lower && *k > row) && !(solver == IR_SOLVER_upper && *k < row);
}

static bool fetch(struct solving *solving, uint32_t operand, struct scalar *value)
{
    if (walk_fetch(solving->walk, solving->evaluation->arithmetic, &solving->accesses[operand], value))
        return true;
    return eval_fail_outside(solving->evaluation, solving->node, solving->walk, operand, 1, &solving->accesses[operand]);
}

static bool read_matrix(struct solving *solving)
{
    const struct ir_node *node = solving->node;
    int64_t n = solving->n;
    for (int64_t at = 0; at < n * n; at++) {
        int64_t row = at / n, column = at % n;
        struct scalar *element = &solving->factors[at];
        if (!find_place(node->solve.solver, &row, &column)) {
            *element = solving->evaluation->arithmetic->literal(ir_number_real(node->elem, 0));
        } else {
            walk_move(solving->walk, node->rank, row);
            walk_move(solving->walk, node->solve.axis, column);
            if (!fetch(solving, 0, element))
                return false;
        }
        if (solving->bounds)
            solving->known[at] = element->magnitude;
    }
    walk_move(solving->walk, node->solve.axis, 0);
    return true;
}

static void exchange_rows(struct solving *solving, int64_t a, int64_t b)
{
    int64_t n = solving->n, row = solving->rows[a];
    solving->rows[a] = solving->rows[b];
    solving->rows[b] = row;
    for (int64_t k = 0; k < n; k++) {
        struct scalar kept = solving->factors[a * n + k];
        solving->factors[a * n + k] = solving->factors[b * n + k];
        solving->factors[b * n + k] = kept;
    }
}

static bool factorise(struct solving *solving)
{
    int64_t n = solving->n;
    struct scalar *f = solving->factors;
    for (int64_t k = 0; k < n; k++)
        solving->rows[k] = k;
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++)
            if (size_of(solving, &f[i * n + k]) > size_of(solving, &f[pivot * n + k]))
                pivot = i;
        if (!(size_of(solving, &f[pivot * n + k]) > 0))
            return eval_fail_singular(solving->evaluation, solving->node, solving->walk);
        exchange_rows(solving, k, pivot);
        for (int64_t i = k + 1; i < n; i++) {
            struct scalar factor = f[i * n + k] = apply(solving, IR_EXPR_div, f[i * n + k], f[k * n + k]);
            for (int64_t j = k + 1; j < n; j++)
                f[i * n + j] = apply(solving, IR_EXPR_sub, f[i * n + j], apply(solving, IR_EXPR_mul, factor, f[k * n + j]));
        }
    }
    return true;
}

/* x, the right side in the order of the factors' rows, becomes the solution. */
static void substitute(const struct solving *solving, struct scalar *x)
{
    int64_t n = solving->n;
    const struct scalar *f = solving->factors;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < i; k++)
            x[i] = apply(solving, IR_EXPR_sub, x[i], apply(solving, IR_EXPR_mul, f[i * n + k], x[k]));
    for (int64_t i = n; i-- > 0;) {
        for (int64_t k = i + 1; k < n; k++)
            x[i] = apply(solving, IR_EXPR_sub, x[i], apply(solving, IR_EXPR_mul, f[i * n + k], x[k]));
        x[i] = apply(solving, IR_EXPR_div, x[i], f[i * n + i]);
    }
}

/* ---- bounds ---- */

/* known += |L| |U|, and |M^-1|, column by column. */
static void find_bounds(struct solving *solving)
{
    int64_t n = solving->n;
    const struct scalar *f = solving->factors;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t k = 0; k <= i && k <= j; k++)
                sum += (k == i ? 1 : modulus(&f[i * n + k])) * modulus(&f[k * n + j]);
            solving->known[solving->rows[i] * n + j] += sum;
        }
    for (int64_t column = 0; column < n; column++) {
        for (int64_t i = 0; i < n; i++)
            solving->x[i] = (struct scalar){.re = solving->rows[i] == column};
        substitute(solving, solving->x);
        for (int64_t i = 0; i < n; i++)
            solving->inverse[i * n + column] = modulus(&solving->x[i]);
    }
}

static void bound_solution(const struct solving *solving)
{
    int64_t n = solving->n;
    double *right = solving->right;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            right[i] += solving->known[i * n + k] * modulus(&solving->x[k]);
    for (int64_t k = 0; k < n; k++) {
        solving->x[k].magnitude = modulus(&solving->x[k]);
        for (int64_t i = 0; i < n; i++)
            solving->x[k].magnitude += solving->inverse[k * n + i] * right[i];
    }
}

/* ---- right sides ---- */

static bool solve_side(struct solving *solving)
{
    const struct ir_node *node = solving->node;
    const struct arithmetic *arithmetic = solving->evaluation->arithmetic;
    int64_t n = solving->n, place = 0;
    for (int64_t i = 0; i < n; i++) {
        walk_move(solving->walk, node->rank, solving->rows[i]);
        if (!fetch(solving, 1, &solving->x[i]))
            return false;
        if (solving->bounds)
            solving->right[solving->rows[i]] = solving->x[i].magnitude;
    }
    substitute(solving, solving->x);
    if (solving->bounds)
        bound_solution(solving);
    for (uint32_t k = 0; k < node->rank; k++)
        if (k != node->solve.axis)
            place += solving->walk->index[k] * solving->tensor->strides[k];
    for (int64_t i = 0; i < n; i++)
        solving->tensor->data[place + i * solving->tensor->strides[node->solve.axis]] =
            arithmetic->round(node->elem, solving->x[i]);
    return true;
}

/* The next place among the indices that are a batch, or that are not; false when they are all back at 0. */
static bool next_place(struct solving *solving, bool batch)
{
    const struct ir_node *node = solving->node;
    for (uint32_t k = node->rank; k-- > 0;) {
        if (k == node->solve.axis || ir_solve_is_batch(node, k) != batch)
            continue;
        if (walk_next(solving->walk, k, k + 1))
            return true;
    }
    return false;
}

static bool create_memory(struct solving *solving)
{
    struct arena *arena = solving->evaluation->arena;
    size_t n = (size_t)solving->n, bounded = solving->bounds ? n * n : 0;
    solving->factors = ARENA_ARRAY(arena, n * n, struct scalar);
    solving->x = ARENA_ARRAY(arena, n, struct scalar);
    solving->rows = ARENA_ARRAY(arena, n, int64_t);
    solving->known = ARENA_ARRAY(arena, bounded, double);
    solving->inverse = ARENA_ARRAY(arena, bounded, double);
    solving->right = ARENA_ARRAY(arena, n, double);
    return solving->factors && solving->x && solving->rows && solving->known && solving->inverse && solving->right;
}

bool eval_solve(struct evaluation *evaluation, struct eval_tensor *tensor)
{
    struct solving solving = {.evaluation = evaluation, .tensor = tensor, .node = tensor->node};
    solving.bounds = evaluation->arithmetic == &arithmetic_bound;
    if (!(solving.walk = eval_walk_node(evaluation, tensor->node, &solving.accesses)))
        return false;
    solving.n = solving.walk->extents[tensor->node->rank];
    double of_matrix = solving.accesses[0].tensor->terms, of_right = solving.accesses[1].tensor->terms;
    tensor->terms = 3 * (double)solving.n + fmax(of_matrix, of_right);
    if (tensor->count == 0)
        return true;
    if (!create_memory(&solving))
        return eval_fail_memory(evaluation);
    do {
        if (!read_matrix(&solving) || !factorise(&solving))
            return false;
        if (solving.bounds)
            find_bounds(&solving);
        do
            if (!solve_side(&solving))
                return false;
        while (next_place(&solving, false));
    } while (next_place(&solving, true));
    return true;
}
