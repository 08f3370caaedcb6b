/* Solutions of linear equations as loops: the matrix is factorised in a copy of its own, right sides become solutions in place.
 *
 * The copy holds L below the diagonal, U above it and the reciprocals of U's diagonal on it: LU by rows with partial pivoting
 * (Golub and Van Loan, 3.4.1), of a symmetric matrix the same without exchanges, computing only rows of U (L is their transpose,
 * scaled); a triangle is its own factor. `pivots` says which row was exchanged with each, or, where the pivot was 0 or no number,
 * -1, at which a check ends the function. Solutions that share a matrix, or have each other's transposed, share its factors.
 * Right sides that lie along memory run innermost, so that their loops become vectors; others are summed in a local, one by one. */
#include "lower.h"

/* What was made of a matrix: the node it was made for, and where it lies. */
struct lower_factors {
    const struct ir_node *node;
    uint32_t factors, pivots; /* buffers */
    const char *name;         /* of the matrix, for the reader */
};

struct solving {
    struct lowering *lowering;
    struct ir_context *context;
    const struct ir_node *node;
    struct lower_place place;
    struct lower_factors made;
    bool transposed;           /* the factors are those of the transposed matrix */
    struct nest nest;          /* the indices: the frame's, the node's axes, and k, i, j over the unknowns */
    const struct poly **axes;  /* of the node's axes */
    const struct poly **bound; /* what the indices of the nest are in the function */
    struct span span;
};

/* Of the nest's indices behind the axes. */
enum { PIVOT, ROW, COLUMN, INNER };

/* ---- indices and addresses ---- */

static uint32_t number_of(const struct solving *solving, int inner)
{
    return (uint32_t)solving->nest.n - INNER + (uint32_t)inner;
}

static const struct poly *inner(const struct solving *solving, int which)
{
    return poly_index(solving->context, number_of(solving, which));
}

static const struct poly *extent(const struct solving *solving)
{
    return solving->node->extents[solving->node->rank];
}

/* A quasi-polynomial of the nest in the function's indices. */
static const struct poly *in_function(const struct solving *solving, const struct poly *poly)
{
    return poly_substitute(solving->context, poly, (uint32_t)solving->nest.n, solving->bound, NULL);
}

/* a n + b */
static const struct poly *row_major(const struct solving *solving, const struct poly *a, const struct poly *b)
{
    return poly_add(solving->context, poly_multiply(solving->context, a, extent(solving)), b);
}

/* Which matrix of the batch. */
static const struct poly *batch_number(const struct solving *solving)
{
    const struct ir_node *node = solving->node;
    const struct poly *number = poly_constant(solving->context, 0);
    for (uint32_t k = 0; k < node->rank; k++)
        if (ir_solve_is_batch(node, k))
            number = poly_add(solving->context, poly_multiply(solving->context, number, node->shape[k]), solving->axes[k]);
    return number;
}

static const struct poly *factor_address(const struct solving *solving, const struct poly *row, const struct poly *column)
{
    return row_major(solving, row_major(solving, batch_number(solving), row), column);
}

/* Is the exchange of each row known to those that come later? Else the place only tells of the last pivot. */
static bool keeps_pivots(const struct solving *solving)
{
    return solving->node->solve.solver == IR_SOLVER_lu;
}

static const struct poly *pivot_address(const struct solving *solving, const struct poly *k)
{
    const struct poly *batch = batch_number(solving);
    return keeps_pivots(solving) ? row_major(solving, batch, k) : batch;
}

/* The number of the row exchanged with row k. */
static const struct poly *pivot_row(const struct solving *solving, const struct poly *k)
{
    const struct poly *address = pivot_address(solving, k);
    return poly_table(solving->context, loop_table(solving->context, solving->lowering->function, solving->made.pivots), 1,
                      &address);
}

/* ---- values and statements ---- */

typedef const struct ir_expr *value;

static value apply2(const struct solving *solving, enum ir_expr_op op, value a, value b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(solving->context, op, 2, arguments);
}

static value choose(const struct solving *solving, value condition, value a, value b)
{
    const struct ir_expr *arguments[3] = {condition, a, b};
    return ir_expr_apply(solving->context, IR_EXPR_select, 3, arguments);
}

static value zero_of(const struct solving *solving)
{
    return ir_expr_literal(solving->context, ir_number_real(ir_elem_real(solving->node->elem), 0));
}

static value whole(const struct solving *solving, const struct poly *poly)
{
    return ir_expr_index(solving->context, in_function(solving, poly));
}

static value factor_at(const struct solving *solving, const struct poly *row, const struct poly *column)
{
    return ir_expr_load(solving->context, solving->made.factors, solving->node->elem,
                        in_function(solving, factor_address(solving, row, column)));
}

static struct loop_stmt *set_factor(const struct solving *solving, const struct poly *row, const struct poly *column, value to)
{
    return loop_store(solving->context, solving->made.factors, in_function(solving, factor_address(solving, row, column)), to,
                      IR_EXPR_OP_COUNT);
}

/* x at this unknown. */
static const struct poly *x_address(const struct solving *solving, const struct poly *unknown)
{
    const struct poly **at = arena_copy(solving->lowering->arena, solving->axes, solving->node->rank, sizeof *at);
    if (!at)
        return NULL;
    at[solving->node->solve.axis] = unknown;
    return in_function(solving, lower_address_at(solving->lowering, solving->node, &solving->place, at));
}

static value x_at(const struct solving *solving, const struct poly *unknown)
{
    return ir_expr_load(solving->context, solving->place.number, solving->node->elem, x_address(solving, unknown));
}

static struct loop_stmt *set_x(const struct solving *solving, const struct poly *unknown, value to)
{
    return loop_store(solving->context, solving->place.number, x_address(solving, unknown), to, IR_EXPR_OP_COUNT);
}

/* A local; `*read` is what it holds. */
static struct loop_stmt *define(const struct solving *solving, const char *name, value to, bool constant, value *read)
{
    uint32_t local = to ? lower_local(solving->lowering, name, to->elem) : UINT32_MAX;
    *read = local == UINT32_MAX ? NULL : ir_expr_local(solving->context, local, to->elem);
    return *read ? loop_define(solving->context, local, to, constant) : NULL;
}

static struct loop_stmt *set(const struct solving *solving, value local, value to)
{
    return local ? loop_set(solving->context, local->local, to, IR_EXPR_OP_COUNT) : NULL;
}

/* Statements in a row; NULL where one is missing. */
static struct loop_stmt *sequence(uint32_t n, struct loop_stmt *const *parts)
{
    struct loop_stmt *list = NULL;
    for (uint32_t k = 0; k < n; k++) {
        if (!parts[k])
            return NULL;
        list = loop_join(list, parts[k]);
    }
    return list;
}

static struct loop_stmt *over(const struct solving *solving, uint32_t x, const struct poly *begin, const struct poly *end,
                              struct loop_stmt *body)
{
    return body ? loop_for(solving->context, LOOP_SERIAL, solving->nest.indices[x].number, in_function(solving, begin),
                           in_function(solving, end), body)
                : NULL;
}

/* For one of k, i, j from `begin` to the extent of the unknowns. */
static struct loop_stmt *over_inner(const struct solving *solving, int which, const struct poly *begin, struct loop_stmt *body)
{
    return over(solving, number_of(solving, which), begin, extent(solving), body);
}

static const struct poly *next(const struct solving *solving, const struct poly *poly)
{
    return poly_add(solving->context, poly, poly_constant(solving->context, 1));
}

/* Is the axis that of right sides which lie inside of the unknowns in memory? */
static bool runs_inside(const struct solving *solving, uint32_t axis)
{
    return axis > solving->node->solve.axis && !ir_solve_is_batch(solving->node, axis);
}

/* Loops around the body over the axes that are a batch, or of those that are none the ones that do or do not run inside. */
static struct loop_stmt *over_axes(const struct solving *solving, bool batch, bool inside, struct loop_stmt *body)
{
    const struct ir_node *node = solving->node;
    const struct poly *zero = poly_constant(solving->context, 0);
    for (uint32_t k = node->rank; k-- > 0;)
        if (k != node->solve.axis && ir_solve_is_batch(node, k) == batch && (batch || runs_inside(solving, k) == inside))
            body = over(solving, (uint32_t)solving->nest.n - INNER - node->rank + k, zero, node->shape[k], body);
    return body;
}

static bool any_inside(const struct solving *solving)
{
    for (uint32_t k = 0; k < solving->node->rank; k++)
        if (runs_inside(solving, k))
            return true;
    return false;
}

/* ---- factors ---- */

/* The larger of a complex number's parts, as LAPACK chooses pivots by their sum. */
static value size_of(const struct solving *solving, value a)
{
    if (!a || !ir_elem_is_complex(a->elem))
        return ir_expr_apply(solving->context, IR_EXPR_abs, 1, &a);
    value re = ir_expr_apply(solving->context, IR_EXPR_real, 1, &a), im = ir_expr_apply(solving->context, IR_EXPR_imag, 1, &a);
    return apply2(solving, IR_EXPR_max, ir_expr_apply(solving->context, IR_EXPR_abs, 1, &re),
                  ir_expr_apply(solving->context, IR_EXPR_abs, 1, &im));
}

/* pivots[k] = row, or -1 where the pivot's size is not greater than 0; that is checked. Its reciprocal takes its place. */
static struct loop_stmt *keep_pivot(const struct solving *solving, value size, value row)
{
    const struct poly *k = inner(solving, PIVOT), *found = in_function(solving, pivot_row(solving, k));
    value fine = apply2(solving, IR_EXPR_gt, size, zero_of(solving));
    value kept = choose(solving, fine, row, ir_expr_literal(solving->context, ir_number_integer(IR_i64, -1)));
    struct loop_stmt *const parts[2] = {
        loop_store(solving->context, solving->made.pivots, in_function(solving, pivot_address(solving, k)), kept, IR_EXPR_OP_COUNT),
        loop_check(solving->context, 1, &found)};
    return sequence(2, parts);
}

static struct loop_stmt *invert_pivot(const struct solving *solving)
{
    const struct poly *k = inner(solving, PIVOT);
    value one = ir_expr_literal(solving->context, ir_number_real(solving->node->elem, 1));
    return set_factor(solving, k, k, apply2(solving, IR_EXPR_div, one, factor_at(solving, k, k)));
}

/* The row from k on with the largest element of column k. */
static struct loop_stmt *find_pivot(const struct solving *solving)
{
    const struct poly *k = inner(solving, PIVOT), *i = inner(solving, ROW);
    value best, row, size;
    struct loop_stmt *first = define(solving, "largest", size_of(solving, factor_at(solving, k, k)), false, &best);
    struct loop_stmt *at = define(solving, "pivot", whole(solving, k), false, &row);
    struct loop_stmt *here = define(solving, "size", size_of(solving, factor_at(solving, i, k)), true, &size);
    value larger = apply2(solving, IR_EXPR_gt, size, best);
    struct loop_stmt *const body[3] = {here, set(solving, row, choose(solving, larger, whole(solving, i), row)),
                                       set(solving, best, choose(solving, larger, size, best))};
    struct loop_stmt *const parts[4] = {first, at, over_inner(solving, ROW, next(solving, k), sequence(3, body)),
                                        keep_pivot(solving, best, row)};
    return sequence(4, parts);
}

static struct loop_stmt *exchange_rows(const struct solving *solving)
{
    const struct poly *k = inner(solving, PIVOT), *j = inner(solving, COLUMN), *with = pivot_row(solving, k);
    value kept;
    struct loop_stmt *const parts[3] = {define(solving, "kept", factor_at(solving, k, j), true, &kept),
                                        set_factor(solving, k, j, factor_at(solving, with, j)), set_factor(solving, with, j, kept)};
    return over_inner(solving, COLUMN, poly_constant(solving->context, 0), sequence(3, parts));
}

/* Rows i after k less the multiple of row k that makes column k zero; the multiple takes the zero's place. Of a symmetric matrix
 * only what is not below the diagonal. */
static struct loop_stmt *eliminate(const struct solving *solving, bool symmetric)
{
    const struct poly *k = inner(solving, PIVOT), *i = inner(solving, ROW), *j = inner(solving, COLUMN);
    value multiple;
    value below = symmetric ? factor_at(solving, k, i) : factor_at(solving, i, k);
    struct loop_stmt *first =
        define(solving, "multiple", apply2(solving, IR_EXPR_mul, below, factor_at(solving, k, k)), true, &multiple);
    value less =
        apply2(solving, IR_EXPR_sub, factor_at(solving, i, j), apply2(solving, IR_EXPR_mul, multiple, factor_at(solving, k, j)));
    struct loop_stmt *const parts[3] = {
        first, set_factor(solving, i, k, multiple),
        over_inner(solving, COLUMN, symmetric ? i : next(solving, k), set_factor(solving, i, j, less))};
    return over_inner(solving, ROW, next(solving, k), sequence(3, parts));
}

static struct loop_stmt *factorise(const struct solving *solving)
{
    const struct poly *k = inner(solving, PIVOT);
    enum ir_solver solver = solving->node->solve.solver;
    struct loop_stmt *parts[4];
    uint32_t n = 0;
    if (solver == IR_SOLVER_lu) {
        parts[n++] = find_pivot(solving);
        parts[n++] = exchange_rows(solving);
    } else {
        parts[n++] = keep_pivot(solving, size_of(solving, factor_at(solving, k, k)), whole(solving, k));
    }
    parts[n++] = invert_pivot(solving);
    if (solver == IR_SOLVER_lu || solver == IR_SOLVER_cholesky)
        parts[n++] = eliminate(solving, solver == IR_SOLVER_cholesky);
    return over_axes(solving, true, false, over_inner(solving, PIVOT, poly_constant(solving->context, 0), sequence(n, parts)));
}

/* ---- substitution ---- */

/* The right sides with rows exchanged as the matrix's were; of the transposed matrix back again. */
static struct loop_stmt *exchange_sides(const struct solving *solving)
{
    struct ir_context *context = solving->context;
    const struct poly *k = inner(solving, PIVOT);
    if (solving->transposed)
        k = poly_subtract(context, poly_subtract(context, extent(solving), poly_constant(context, 1)), k);
    const struct poly *with = pivot_row(solving, k);
    value kept;
    struct loop_stmt *const parts[3] = {define(solving, "kept", x_at(solving, k), true, &kept),
                                        set_x(solving, k, x_at(solving, with)), set_x(solving, with, kept)};
    struct loop_stmt *body = over_axes(solving, false, true, sequence(3, parts));
    return over_inner(solving, PIVOT, poly_constant(context, 0), body);
}

/* One substitution: x[i] less what the others before it, or after it, make; divided by the diagonal or not. */
struct substitution {
    bool backward, divides;
};

static struct loop_stmt *substitute(const struct solving *solving, struct substitution how)
{
    struct ir_context *context = solving->context;
    const struct poly *one = poly_constant(context, 1), *zero = poly_constant(context, 0);
    const struct poly *i = inner(solving, ROW), *k = inner(solving, COLUMN);
    if (how.backward)
        i = poly_subtract(context, poly_subtract(context, extent(solving), one), i);
    const struct poly *begin = how.backward ? next(solving, i) : zero, *end = how.backward ? extent(solving) : i;
    value factor = solving->transposed ? factor_at(solving, k, i) : factor_at(solving, i, k);
    value term = apply2(solving, IR_EXPR_mul, factor, x_at(solving, k)), sum, reciprocal = factor_at(solving, i, i);
    struct loop_stmt *parts[3];
    uint32_t n = 0;
    if (any_inside(solving)) {
        struct loop_stmt *less = set_x(solving, i, apply2(solving, IR_EXPR_sub, x_at(solving, i), term));
        parts[n++] = over(solving, number_of(solving, COLUMN), begin, end, over_axes(solving, false, true, less));
        if (how.divides)
            parts[n++] =
                over_axes(solving, false, true, set_x(solving, i, apply2(solving, IR_EXPR_mul, x_at(solving, i), reciprocal)));
    } else {
        parts[n++] = define(solving, "rest", x_at(solving, i), false, &sum);
        parts[n++] =
            over(solving, number_of(solving, COLUMN), begin, end, set(solving, sum, apply2(solving, IR_EXPR_sub, sum, term)));
        parts[n++] = set_x(solving, i, how.divides ? apply2(solving, IR_EXPR_mul, sum, reciprocal) : sum);
    }
    return over_inner(solving, ROW, zero, sequence(n, parts));
}

/* With the factors of M: L, then U. With those of M's transpose, U^T, then L^T. A triangle has one of the two, which divides. */
static struct loop_stmt *substitutions(const struct solving *solving)
{
    enum ir_solver solver = solving->node->solve.solver;
    bool pivots = solver == IR_SOLVER_lu;
    struct loop_stmt *parts[3];
    uint32_t n = 0;
    if (pivots && !solving->transposed)
        parts[n++] = exchange_sides(solving);
    if (solver != IR_SOLVER_upper)
        parts[n++] = substitute(solving, (struct substitution){false, solving->transposed || solver == IR_SOLVER_lower});
    if (solver != IR_SOLVER_lower)
        parts[n++] = substitute(solving, (struct substitution){true, !solving->transposed || solver == IR_SOLVER_upper});
    if (pivots && solving->transposed)
        parts[n++] = exchange_sides(solving);
    return over_axes(solving, true, false, over_axes(solving, false, false, sequence(n, parts)));
}

/* ---- copies ---- */

/* A stage over `n` axes of these extents that stores operand `operand` at `at`, in the node's indices, to the buffer. */
static struct nest *begin_copy(const struct solving *solving, uint32_t n, const struct poly *const *shape, const char *const *names,
                               const struct poly **axes)
{
    struct lowering *lowering = solving->lowering;
    struct nest *nest = ARENA_NEW(lowering->arena, struct nest);
    lowering->locals->in_use = 0;
    if (!nest)
        return NULL;
    for (uint32_t k = 0; lowering->frame && k < lowering->frame->n; k++)
        if (nest_add_index(lowering, nest, lowering->frame->indices[k], lowering->frame->extents[k]) == UINT32_MAX)
            return NULL;
    for (uint32_t k = 0; k < n; k++)
        if (!(axes[k] = lower_add_named(lowering, nest, names[k], shape[k], false)))
            return NULL;
    nest->combine = IR_EXPR_OP_COUNT;
    nest->elem = solving->node->elem;
    return nest;
}

static struct loop_stmt *end_copy(const struct solving *solving, struct nest *nest, uint32_t operand, const struct poly *const *at,
                                  const char *comment)
{
    nest->result.expr = lower_access(solving->lowering, nest, &nest->result, &solving->node->operands[operand], at,
                                     solving->node->n_indices, false);
    return nest->result.expr && nest->address ? lower_nest_statements(solving->lowering, nest, solving->span, comment) : NULL;
}

/* The matrix, of a symmetric one its transpose: what it is read for lies below the diagonal, what is computed above. */
static struct loop_stmt *copy_matrix(const struct solving *solving)
{
    const struct ir_node *node = solving->node;
    struct lowering *lowering = solving->lowering;
    uint32_t n = 0;
    const struct poly **axes = ARENA_ARRAY(lowering->arena, node->rank + 1, const struct poly *);
    const struct poly **shape = ARENA_ARRAY(lowering->arena, node->rank + 1, const struct poly *);
    const struct poly **at = ARENA_ARRAY(lowering->arena, node->n_indices, const struct poly *);
    const char **names = ARENA_ARRAY(lowering->arena, node->rank + 1, const char *);
    if (!axes || !shape || !at || !names)
        return NULL;
    for (uint32_t k = 0; k < node->rank; k++)
        if (ir_solve_is_batch(node, k)) {
            names[n] = lower_axis_name(lowering->kernel, node, k);
            shape[n++] = node->shape[k];
        }
    shape[n] = shape[n + 1] = extent(solving);
    struct nest *nest = begin_copy(solving, n + 2, shape, names, axes);
    if (!nest)
        return NULL;
    nest->target = solving->made.factors;
    nest->address = poly_constant(solving->context, 0);
    for (uint32_t k = 0; k < n + 2; k++)
        nest->address = poly_add(solving->context, poly_multiply(solving->context, nest->address, shape[k]), axes[k]);
    bool turns = node->solve.solver == IR_SOLVER_cholesky;
    for (uint32_t k = 0, batch = 0; k < node->rank; k++)
        at[k] = ir_solve_is_batch(node, k) ? axes[batch++] : poly_constant(solving->context, 0);
    at[node->rank] = axes[n + turns];
    at[node->solve.axis] = axes[n + !turns];
    return end_copy(solving, nest, 0, at, arena_printf(lowering->arena, "a copy of %s to be factorised", solving->made.name));
}

static struct loop_stmt *copy_sides(const struct solving *solving)
{
    const struct ir_node *node = solving->node;
    struct lowering *lowering = solving->lowering;
    const struct poly **at = ARENA_ARRAY(lowering->arena, node->n_indices, const struct poly *);
    const char **names = ARENA_ARRAY(lowering->arena, node->rank, const char *);
    if (!at || !names)
        return NULL;
    for (uint32_t k = 0; k < node->rank; k++)
        names[k] = lower_axis_name(lowering->kernel, node, k);
    struct nest *nest = begin_copy(solving, node->rank, node->shape, names, at);
    if (!nest)
        return NULL;
    at[node->rank] = at[node->solve.axis];
    nest->target = solving->place.number;
    nest->address = lower_address_at(lowering, node, &solving->place, at);
    return end_copy(solving, nest, 1, at, "the right sides, which become the solutions");
}

/* ---- a solution ---- */

static bool bind_indices(struct solving *solving)
{
    static const char *const names[INNER] = {"k", "i", "j"};
    struct lowering *lowering = solving->lowering;
    const struct ir_node *node = solving->node;
    solving->axes = ARENA_ARRAY(lowering->arena, node->rank, const struct poly *);
    for (uint32_t k = 0; lowering->frame && k < lowering->frame->n; k++)
        if (nest_add_index(lowering, &solving->nest, lowering->frame->indices[k], lowering->frame->extents[k]) == UINT32_MAX)
            return false;
    for (uint32_t k = 0; solving->axes && k < node->rank; k++)
        if (!(solving->axes[k] =
                  lower_add_named(lowering, &solving->nest, lower_axis_name(lowering->kernel, node, k), node->shape[k], false)))
            return false;
    for (int k = 0; k < INNER; k++)
        if (!lower_add_named(lowering, &solving->nest, names[k], extent(solving), false))
            return false;
    solving->bound = ARENA_ARRAY(lowering->arena, solving->nest.n, const struct poly *);
    return solving->axes && solving->bound && nest_bind_indices(lowering, &solving->nest, solving->bound);
}

/* Memory for the factors and pivots of all matrices of the batch. */
static bool place_factors(struct solving *solving)
{
    struct lowering *lowering = solving->lowering;
    const struct ir_node *node = solving->node;
    const char *matrix = ir_name_of(lowering->kernel, node->operands[0].node), *own = ir_name_of(lowering->kernel, node);
    const struct poly *batch = poly_constant(solving->context, 1);
    for (uint32_t k = 0; k < node->rank; k++)
        if (ir_solve_is_batch(node, k))
            batch = poly_multiply(solving->context, batch, node->shape[k]);
    const struct poly *rows = poly_multiply(solving->context, batch, extent(solving)), *shape[2] = {rows, extent(solving)};
    struct loop_buffer buffer = {.kind = LOOP_SCRATCH, .elem = node->elem, .rank = 2};
    solving->made.node = node;
    solving->made.name = matrix ? matrix : "the matrix";
    buffer.count = poly_multiply(solving->context, rows, extent(solving));
    buffer.shape = arena_copy(lowering->arena, shape, 2, sizeof *shape);
    buffer.name = arena_printf(lowering->arena, "%s_factors", matrix ? matrix : own ? own : "matrix");
    solving->made.factors = loop_add_buffer(solving->context, lowering->function, buffer);
    buffer.elem = IR_i64;
    buffer.rank = 1;
    buffer.count = keeps_pivots(solving) ? rows : batch;
    shape[0] = buffer.count;
    buffer.shape = arena_copy(lowering->arena, shape, 1, sizeof *shape);
    buffer.name = arena_printf(lowering->arena, keeps_pivots(solving) ? "%s_pivots" : "%s_pivot",
                               matrix ? matrix
                               : own  ? own
                                      : "matrix");
    solving->made.pivots = loop_add_buffer(solving->context, lowering->function, buffer);
    return buffer.shape && solving->made.factors != UINT32_MAX && solving->made.pivots != UINT32_MAX;
}

/* The factors that an earlier solution has left. */
static bool find_factors(struct solving *solving)
{
    struct lowering *lowering = solving->lowering;
    for (size_t k = 0; k < lowering->n_factors; k++) {
        if (!ir_solve_shares(solving->context, solving->node, lowering->factors[k].node, &solving->transposed))
            continue;
        solving->made = lowering->factors[k];
        return true;
    }
    solving->transposed = false;
    return false;
}

static struct loop_stmt *write_factors(struct solving *solving)
{
    static const char *const made[] = {
#define SOLVER(name, meaning, factors) [IR_SOLVER_##name] = factors,
#include "ir/solvers.def"
    };
    struct lowering *lowering = solving->lowering;
    if (!place_factors(solving) ||
        !ARENA_PUSH(lowering->arena, lowering->factors, lowering->n_factors, lowering->factors_capacity, solving->made))
        return NULL;
    struct loop_stmt *copy = copy_matrix(solving);
    lowering->locals->in_use = 0;
    const char *comment = arena_printf(lowering->arena, made[solving->node->solve.solver], solving->made.name);
    struct loop_stmt *const parts[2] = {copy, loop_block(solving->context, comment, solving->span, factorise(solving))};
    return sequence(2, parts);
}

struct loop_stmt *lower_solve(struct lowering *lowering, const struct ir_node *node, struct lower_place place)
{
    const struct ir_name *name = ir_find_name(lowering->kernel, node);
    struct solving solving = {.lowering = lowering, .context = lowering->context, .node = node, .place = place};
    solving.span = name ? name->span : SPAN_NONE;
    if (!bind_indices(&solving))
        return NULL;
    bool found = find_factors(&solving);
    struct loop_stmt *factors = found ? NULL : write_factors(&solving), *sides = copy_sides(&solving);
    lowering->locals->in_use = 0;
    const char *comment =
        arena_printf(lowering->arena, "%s x = right side%s", solving.made.name, solving.transposed ? ", transposed" : "");
    struct loop_stmt *block = loop_block(lowering->context, comment, solving.span, substitutions(&solving));
    if ((!found && !factors) || !sides || !block)
        return NULL;
    return loop_join(factors, loop_join(sides, block));
}
