/* Inverses of matrices known at run time, applied: solutions of linear equations (IR_solve_node), so that no inverse is formed
 * unless its entries are wanted. Blocks on a diagonal are a batch. */
#include "operator_entry.h"

/* A node under subscripts k = first, first + 1, ... but for axis `axis`, which has `at`. */
static struct ir_access access_at(const struct body *body, const struct ir_node *node, uint32_t first, uint32_t axis,
                                  const struct poly *at)
{
    const struct poly **subscripts = ARENA_ARRAY(body->arena, node->rank, const struct poly *);
    for (uint32_t k = 0; subscripts && k < node->rank; k++)
        subscripts[k] = k == axis ? at : poly_index(body->context, first + k);
    return (struct ir_access){.node = subscripts ? node : NULL, .subscripts = subscripts};
}

static const struct ir_node *in_type(const struct body *body, const struct ir_node *node, enum ir_elem elem)
{
    if (!node || node->elem == elem)
        return node;
    struct ir_access whole = ir_access_whole(body->context, node);
    return ir_map(body->context, node->rank, node->shape, 1, &whole,
                  ir_expr_cast(body->context, elem, ir_expr_operand(body->context, 0, node->elem)));
}

/* x[(g,i),...] as [g,i,...], and back. */
static const struct ir_node *split_rows(const struct body *body, const struct ir_node *x, const struct poly *const *blocks)
{
    struct ir_context *context = body->context;
    const struct poly **shape = ARENA_ARRAY(body->arena, x->rank + 1, const struct poly *);
    if (!shape)
        return NULL;
    for (uint32_t k = 0; k <= x->rank; k++)
        shape[k] = k < 2 ? blocks[k] : x->shape[k - 1];
    const struct poly *row = poly_add(context, poly_multiply(context, poly_index(context, 0), blocks[1]), poly_index(context, 1));
    return ir_view(context, x->rank + 1, shape, access_at(body, x, 1, 0, row));
}

static const struct ir_node *merge_rows(const struct body *body, const struct ir_node *x, const struct poly *rows)
{
    struct ir_context *context = body->context;
    const struct poly **shape = ARENA_ARRAY(body->arena, x ? x->rank : 1, const struct poly *);
    const struct poly **at = ARENA_ARRAY(body->arena, x ? x->rank : 1, const struct poly *);
    if (!x || !shape || !at)
        return NULL;
    for (uint32_t k = 0; k + 1 < x->rank; k++)
        shape[k] = k == 0 ? rows : x->shape[k + 1];
    struct poly_ranges ranges = {x->rank - 1, shape};
    for (uint32_t k = 0; k < x->rank; k++)
        at[k] = k == 0   ? poly_floor_div(context, poly_index(context, 0), x->shape[1], &ranges)
                : k == 1 ? poly_mod(context, poly_index(context, 0), x->shape[1], &ranges)
                         : poly_index(context, k - 1);
    return ir_view(context, x->rank - 1, shape, (struct ir_access){.node = x, .subscripts = at});
}

/* The solution over the rows in `axis` of `right`; with blocks, over axis 0 of them. `right` may lack the blocks' axis. */
static const struct ir_node *solve(const struct body *body, const struct operator_node *operator_, const struct ir_node *right,
                                   bool lacks_blocks, bool transposed)
{
    struct ir_context *context = body->context;
    const struct ir_node *matrix = in_type(body, operator_->tensors[0].node, right ? right->elem : IR_f64);
    uint32_t axis = matrix ? matrix->rank - 2 : 0, rank = right ? right->rank + lacks_blocks : 0;
    const struct poly **shape = ARENA_ARRAY(body->arena, rank + 1, const struct poly *);
    if (!matrix || !right || !shape)
        return NULL;
    for (uint32_t k = 0; k < rank; k++)
        shape[k] = lacks_blocks && k == 0 ? matrix->shape[0] : right->shape[k - lacks_blocks];
    const struct poly *equation = poly_index(context, rank), *unknown = poly_index(context, axis);
    const struct poly **at = ARENA_ARRAY(body->arena, matrix->rank, const struct poly *);
    if (!at)
        return NULL;
    at[0] = poly_index(context, 0);                  /* of the blocks */
    transposed = transposed && !operator_->positive; /* which is symmetric, and read below its diagonal */
    at[axis] = transposed ? unknown : equation;
    at[axis + 1] = transposed ? equation : unknown;
    return ir_solve(context, operator_->positive ? IR_SOLVER_cholesky : IR_SOLVER_lu, rank, shape, axis,
                    (struct ir_access){.node = matrix, .subscripts = at},
                    access_at(body, right, lacks_blocks, axis - lacks_blocks, equation));
}

static void set_name(const struct body *body, const struct operator_node *operator_, const struct ir_node *solution)
{
    if (solution)
        ir_set_name(body->context, body->kernel, solution, NULL, NULL, operator_->span);
}

const struct ir_node *operator_solve(const struct body *body, const struct operator_node *operator_, const struct ir_node *x,
                                     bool transposed)
{
    const struct ir_node *matrix = operator_->tensors[0].node;
    bool blocks = matrix->rank == 3;
    if (!x)
        return NULL;
    const struct ir_node *solution = solve(body, operator_, blocks ? split_rows(body, x, matrix->shape) : x, false, transposed);
    set_name(body, operator_, solution);
    return blocks ? merge_rows(body, solution, operator_->rows) : solution;
}

/* The inverse formed: of blocks each. */
struct formula *entry_inv(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                          const struct poly *column)
{
    const struct body *body = entry->statement->body;
    const struct ir_node *matrix = operator_->tensors[0].node;
    const struct poly *n = matrix->shape[matrix->rank - 1], *place[2] = {row, column};
    const struct ir_node *inverse =
        solve(body, operator_, operator_delta(body->context, operator_->type.elem, n, n), matrix->rank == 3, false);
    set_name(body, operator_, inverse);
    if (matrix->rank == 2)
        return write_access(entry, inverse, 2, place);
    struct operator_tensor tensor = {.node = inverse, .name = "the inverse", .span = operator_->span};
    struct operator_node formed = *operator_;
    formed.kind = OPERATOR_blockdiag;
    formed.tensors = &tensor;
    return inverse ? entry_blockdiag(entry, &formed, row, column) : NULL;
}
