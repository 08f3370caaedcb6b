/* Inverses of matrices known at run time, applied: Gauss and Jordan's elimination with partial pivoting as a recurrence over the
 * columns (Golub and Van Loan, 3.4).
 *
 * Step k has the states M, which becomes a permuted identity, and W, which begins as what the inverse is applied to. Rows stay
 * where they are: q[i] is 1 at the row with the largest element of column k among those not used yet, and what is left in W at that
 * row is row k of the result. A matrix that is singular ends the call as a lookup outside its table does: the result is read at a
 * place that is there only when every pivot was greater than 0. */
#include "operator_entry.h"

enum { INPUTS = 4, OUTPUTS = 5 };

struct solving {
    struct ir_context *context;
    struct arena *arena;
    struct ir_kernel *step;
    enum ir_elem elem, real;
    const struct poly *n;
    struct ir_access operands[INPUTS];
};

typedef const struct ir_expr *value;

static value operand(const struct solving *solving, uint32_t number, enum ir_elem elem)
{
    return ir_expr_operand(solving->context, number, elem);
}

static value number(const struct solving *solving, enum ir_elem elem, double of)
{
    return ir_expr_literal(solving->context, ir_number_real(elem, of));
}

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

/* ---- accesses ---- */

/* A node under consecutive indices from `first` on, axis 0 under index `head`. */
static struct ir_access at(const struct solving *solving, const struct ir_node *node, uint32_t head, uint32_t first)
{
    uint32_t rank = node ? node->rank : 0;
    const struct poly **subscripts = ARENA_ARRAY(solving->arena, rank, const struct poly *);
    for (uint32_t axis = 0; subscripts && axis < rank; axis++)
        subscripts[axis] = poly_index(solving->context, axis == 0 ? head : first + axis - 1);
    return (struct ir_access){.node = node, .subscripts = subscripts};
}

/* The sum, or maximum or minimum, over the last index, of extent n, of the operands. */
static const struct ir_node *reduce(const struct solving *solving, enum ir_ring ring, uint32_t rank,
                                    const struct poly *const *shape, uint32_t n_operands, const struct ir_access *operands)
{
    const struct poly **extents = ARENA_ARRAY(solving->arena, rank + 1, const struct poly *);
    for (uint32_t k = 0; k < n_operands; k++)
        if (!operands[k].node)
            return NULL;
    for (uint32_t axis = 0; extents && axis < rank; axis++)
        extents[axis] = shape[axis];
    if (!extents)
        return NULL;
    extents[rank] = solving->n;
    return ir_contract(solving->context, &(struct ir_contract){.ring = ring,
                                                               .elem = operands[0].node->elem,
                                                               .accumulator = ir_elem_accumulator(operands[0].node->elem),
                                                               .rank = rank,
                                                               .n_indices = rank + 1,
                                                               .extents = extents,
                                                               .n_operands = n_operands,
                                                               .operands = operands});
}

/* ---- the step ---- */

static const struct ir_node *add_input(struct solving *solving, const char *name, const struct ir_node *node, bool slice)
{
    uint32_t k = solving->step->n_inputs, rank = node ? node->rank : 0;
    if (!node)
        return NULL;
    solving->operands[k] = at(solving, node, slice ? 0 : 1, slice ? 1 : 2);
    const struct ir_node *input = ir_input(solving->context, k, node->elem, rank - slice, node->shape + slice);
    solving->step->inputs[k] = (struct ir_input_info){.name = name, .node = input, .span = solving->step->span};
    solving->step->n_inputs++;
    return input;
}

/* sum over i of q[i] * t[i,...]: the row of the pivot. */
static const struct ir_node *pivot_row(const struct solving *solving, const struct ir_node *q, const struct ir_node *t)
{
    uint32_t rank = t ? t->rank - 1 : 0;
    struct ir_access operands[2] = {at(solving, q, rank, 0), at(solving, t, rank, 0)};
    return t ? reduce(solving, IR_RING_plustimes, rank, t->shape + 1, 2, operands) : NULL;
}

/* row / pivot at the pivot's row, elsewhere t less col times that. */
static const struct ir_node *eliminated(const struct solving *solving, const struct ir_node *t, const struct ir_node *q,
                                        const struct ir_node *column, const struct ir_node *row, const struct ir_node *pivot)
{
    enum ir_elem elem = solving->elem;
    if (!t || !q || !column || !row || !pivot)
        return NULL;
    struct ir_access operands[5] = {at(solving, t, 0, 1), at(solving, q, 0, 1), at(solving, column, 0, 1), at(solving, row, 1, 2),
                                    at(solving, pivot, 0, 0)};
    value scaled = apply2(solving, IR_EXPR_div, operand(solving, 3, elem), operand(solving, 4, elem));
    value rest =
        apply2(solving, IR_EXPR_sub, operand(solving, 0, elem), apply2(solving, IR_EXPR_mul, operand(solving, 2, elem), scaled));
    value here = apply2(solving, IR_EXPR_ne, operand(solving, 1, elem), number(solving, elem, 0));
    return ir_map(solving->context, t->rank, t->shape, 5, operands, choose(solving, here, scaled, rest));
}

/* 1 at the row that the pivot is taken from; `*best` is its size. */
static const struct ir_node *choose_pivot(struct solving *solving, const struct ir_node *column, const struct ir_node *used,
                                          const struct ir_node **best)
{
    struct ir_context *context = solving->context;
    enum ir_elem real = solving->real;
    if (!column || !used)
        return NULL;
    struct ir_access both[2] = {at(solving, column, 0, 1), at(solving, used, 0, 1)};
    value element = operand(solving, 0, solving->elem);
    value size = choose(solving, apply2(solving, IR_EXPR_gt, operand(solving, 1, real), number(solving, real, 0)),
                        number(solving, real, -1), ir_expr_apply(context, IR_EXPR_abs, 1, &element));
    const struct ir_node *sizes = ir_map(context, 1, &solving->n, 2, both, size);
    struct ir_access of_sizes = at(solving, sizes, 0, 0);
    *best = reduce(solving, IR_RING_maxplus, 0, NULL, 1, &of_sizes);
    struct ir_access compared[2] = {of_sizes, at(solving, *best, 0, 0)};
    value row = ir_expr_cast(context, real, ir_expr_index(context, poly_index(context, 0)));
    value last = ir_expr_cast(context, real, ir_expr_index(context, solving->n));
    const struct ir_node *rows =
        *best
            ? ir_map(context, 1, &solving->n, 2, compared,
                     choose(solving, apply2(solving, IR_EXPR_eq, operand(solving, 0, real), operand(solving, 1, real)), row, last))
            : NULL;
    struct ir_access of_rows = at(solving, rows, 0, 0);
    struct ir_access first = at(solving, reduce(solving, IR_RING_minplus, 0, NULL, 1, &of_rows), 0, 0);
    return first.node ? ir_map(context, 1, &solving->n, 1, &first,
                               choose(solving, apply2(solving, IR_EXPR_eq, row, operand(solving, 0, real)),
                                      number(solving, solving->elem, 1), number(solving, solving->elem, 0)))
                      : NULL;
}

static const struct ir_node *use(struct solving *solving, const struct ir_node *used, const struct ir_node *q)
{
    if (!used || !q)
        return NULL;
    struct ir_access both[2] = {at(solving, used, 0, 1), at(solving, q, 0, 1)};
    value here = apply2(solving, IR_EXPR_ne, operand(solving, 1, solving->elem), number(solving, solving->elem, 0));
    return ir_map(solving->context, 1, &solving->n, 2, both,
                  choose(solving, here, number(solving, solving->real, 1), operand(solving, 0, solving->real)));
}

static bool write_step(struct solving *solving, const struct ir_node *matrix, const struct ir_node *x)
{
    struct ir_context *context = solving->context;
    const struct poly *square[2] = {solving->n, solving->n};
    const struct ir_node *m = add_input(solving, "M", matrix, false), *w = add_input(solving, "W", x, false);
    const struct ir_node *used =
        add_input(solving, "used", ir_map(context, 1, &solving->n, 0, NULL, number(solving, solving->real, 0)), false);
    const struct ir_node *unit = add_input(solving, "unit", operator_delta(context, solving->elem, square[0], square[1]), true);
    const struct ir_node *best = NULL;
    if (!m || !w || !used || !unit)
        return false;
    struct ir_access column_of[2] = {at(solving, m, 0, 1), at(solving, unit, 1, 0)};
    const struct ir_node *column = reduce(solving, IR_RING_plustimes, 1, &solving->n, 2, column_of);
    const struct ir_node *q = choose_pivot(solving, column, used, &best), *pivot = pivot_row(solving, q, column);
    const struct ir_node *nodes[OUTPUTS] = {eliminated(solving, m, q, column, pivot_row(solving, q, m), pivot),
                                            eliminated(solving, w, q, column, pivot_row(solving, q, w), pivot),
                                            use(solving, used, q), q, best};
    static const char *const names[OUTPUTS] = {"M", "W", "used", "q", "best"};
    for (uint32_t k = 0; k < OUTPUTS; k++) {
        if (!nodes[k])
            return false;
        solving->step->outputs[k] = (struct ir_output){.name = names[k], .node = nodes[k], .span = solving->step->span};
    }
    return true;
}

/* ---- the result ---- */

/* Of rank 1 and extent 1: 0, or 1 where some pivot was not greater than 0. */
static const struct ir_node *is_singular(const struct solving *solving, const struct ir_node *best)
{
    struct ir_context *context = solving->context;
    const struct poly *one = poly_constant(context, 1);
    struct ir_access all = at(solving, best, 0, 0);
    struct ir_access least = at(solving, reduce(solving, IR_RING_minplus, 0, NULL, 1, &all), 0, 0);
    value fine = apply2(solving, IR_EXPR_gt, operand(solving, 0, solving->real), number(solving, solving->real, 0));
    return least.node ? ir_map(context, 1, &one, 1, &least,
                               choose(solving, fine, ir_expr_literal(context, ir_number_integer(IR_i32, 0)),
                                      ir_expr_literal(context, ir_number_integer(IR_i32, 1))))
                      : NULL;
}

/* x, read under the check that the matrix was not singular. */
static const struct ir_node *checked(const struct solving *solving, const struct ir_node *x, const struct ir_node *singular)
{
    struct ir_context *context = solving->context;
    const struct poly **shape = ARENA_ARRAY(solving->arena, x ? x->rank + 1 : 1, const struct poly *);
    const struct poly *zero = poly_constant(context, 0);
    if (!x || !singular || !shape)
        return NULL;
    shape[0] = poly_constant(context, 1);
    for (uint32_t axis = 0; axis < x->rank; axis++)
        shape[axis + 1] = x->shape[axis];
    const struct ir_node *under = ir_view(context, x->rank + 1, shape, at(solving, x, 1, 2));
    const struct poly **subscripts = ARENA_ARRAY(solving->arena, x->rank + 1, const struct poly *);
    if (!under || !subscripts)
        return NULL;
    subscripts[0] = poly_table(context, singular, 1, &zero);
    for (uint32_t axis = 0; axis < x->rank; axis++)
        subscripts[axis + 1] = poly_index(context, axis);
    return ir_view(context, x->rank, x->shape, (struct ir_access){.node = under, .subscripts = subscripts});
}

const struct ir_node *operator_solve(const struct body *body, const struct operator_node *operator_, const struct ir_node *x,
                                     bool transposed)
{
    struct solving solving = {.context = body->context, .arena = body->arena, .n = operator_->rows};
    if (!x || !(solving.step = ARENA_NEW(body->arena, struct ir_kernel)))
        return NULL;
    solving.elem = x->elem;
    solving.real = ir_elem_real(x->elem);
    *solving.step = (struct ir_kernel){.name = "solve",
                                       .span = operator_->span,
                                       .numeric_class = body->kernel->numeric_class,
                                       .class_stated = body->kernel->class_stated,
                                       .inputs = ARENA_ARRAY(body->arena, INPUTS, struct ir_input_info),
                                       .outputs = ARENA_ARRAY(body->arena, OUTPUTS, struct ir_output),
                                       .n_outputs = OUTPUTS};
    struct ir_access turned = at(&solving, operator_->tensors[0].node, transposed ? 1 : 0, transposed ? 0 : 1);
    const struct ir_node *matrix =
        ir_map(body->context, 2, operator_->tensors[0].node->shape, 1, &turned,
               ir_expr_cast(body->context, x->elem, operand(&solving, 0, operator_->tensors[0].node->elem)));
    if (!matrix || !solving.step->inputs || !solving.step->outputs || !write_step(&solving, matrix, x))
        return NULL;
    struct ir_scan scan = {false, solving.n, 3, solving.step};
    const struct ir_node *node = ir_scan(body->context, &scan, solving.operands);
    const struct ir_node *left = ir_proj(body->context, node, 1, true), *rows = ir_proj(body->context, node, 3, false);
    const struct ir_node *singular = is_singular(&solving, ir_proj(body->context, node, 4, false));
    if (!left || !rows || !singular)
        return NULL;
    const char *const names[1] = {"k"};
    ir_set_name(body->context, body->kernel, node, NULL, names, operator_->span);
    ir_set_name(body->context, body->kernel, singular, "singular", NULL, operator_->span);
    const struct poly *own = poly_index(body->context, 0), *summed = poly_index(body->context, x->rank);
    const struct poly *of_rows[2] = {own, summed};
    struct ir_access operands[2] = {{.node = rows, .subscripts = of_rows}, at(&solving, left, x->rank, 1)};
    return checked(&solving, reduce(&solving, IR_RING_plustimes, x->rank, x->shape, 2, operands), singular);
}

struct formula *entry_inv(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                          const struct poly *column)
{
    const struct body *body = entry->statement->body;
    const struct poly *place[2] = {row, column};
    const struct ir_node *unit = operator_delta(body->context, operator_->type.elem, operator_->rows, operator_->columns);
    return write_access(entry, operator_solve(body, operator_, unit, false), 2, place);
}
