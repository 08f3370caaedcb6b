/* Operators as matrices that are formed: their inverses by numbers where the compiler knows these, else solved when it runs. What
 * is made of run-time tensors by an operator, too. */
#include "operator_inverse.h"

#include "ir/dense.h"

#include <string.h>

/* ---- nodes of entries ---- */

bool operator_open_statement(const struct reading *reading, struct span span, uint32_t rank, const struct poly *const *extents,
                             struct statement *statement)
{
    struct body *body = reading->statement->body;
    *statement = (struct statement){.body = body, .span = span, .name = ""};
    statement->indices = ARENA_ARRAY(body->arena, FRONTEND_INDICES, struct statement_index);
    statement->extents = ARENA_ARRAY(body->arena, FRONTEND_INDICES, const struct poly *);
    statement->order = ARENA_ARRAY(body->arena, FRONTEND_INDICES, uint32_t);
    if (!statement->indices || !statement->extents || !statement->order)
        return false;
    for (uint32_t k = 0; k < rank; k++) {
        statement->indices[k] = (struct statement_index){.name = k == 0 ? "row" : "column", .span = span, .extent = extents[k]};
        statement->extents[k] = extents[k];
    }
    statement->n_indices = rank;
    return true;
}

static void leave(struct statement *statement, uint32_t index)
{
    statement->order[statement->n_order++] = index;
    index_set_add(&statement->left, index);
}

static struct formula *entry_formula(struct statement *statement, const struct operator_node *operator_)
{
    struct formula *formula = formula_create(statement, FORMULA_OPERATOR, operator_->span);
    const struct poly **at = ARENA_ARRAY(statement->body->arena, 2, const struct poly *);
    if (!formula || !at)
        return NULL;
    for (uint32_t k = 0; k < 2; k++) {
        at[k] = poly_index(statement->body->context, k);
        index_set_add(&formula->free, k);
    }
    formula->operator_ = operator_;
    formula->polys = at;
    formula->type = operator_->type;
    return formula;
}

static const struct ir_node *close_statement(struct statement *statement, struct formula *formula, enum ir_elem elem)
{
    formula = formula ? operators_expand(statement, formula, elem) : NULL;
    const struct ir_expr *expr = formula ? summation(statement, formula) : NULL;
    expr = lower_convert(statement, expr, elem);
    return !expr || statement->failed ? NULL : lower_node(statement, expr, statement->n_order, statement->order);
}

static bool depends_on_statement(const struct operator_node *operator_)
{
    const struct formula *number = operator_->number;
    if (number && (number->kind != FORMULA_NUMBER && (number->kind != FORMULA_ACCESS || number->node->rank > 0)))
        return true;
    for (uint32_t k = 0; k < operator_->n_parts; k++)
        if (depends_on_statement(operator_->parts[k]))
            return true;
    return false;
}

const struct ir_node *operator_formed(const struct reading *reading, const struct operator_node *operator_)
{
    struct statement statement;
    const struct poly *extents[2] = {operator_->rows, operator_->columns};
    if (depends_on_statement(operator_) || !operator_open_statement(reading, operator_->span, 2, extents, &statement))
        return NULL;
    leave(&statement, 0);
    leave(&statement, 1);
    return close_statement(&statement, entry_formula(&statement, operator_), operator_->type.elem);
}

const struct ir_node *operator_apply(const struct reading *reading, const struct operator_node *operator_,
                                     const struct ir_node *vector)
{
    struct statement statement;
    const struct poly *extents[2] = {operator_->rows, operator_->columns};
    if (!vector || !operator_open_statement(reading, operator_->span, 2, extents, &statement))
        return NULL;
    leave(&statement, 0);
    struct formula *matrix = entry_formula(&statement, operator_),
                   *product = formula_create(&statement, FORMULA_MULTIPLY, operator_->span),
                   *operand = formula_create(&statement, FORMULA_ACCESS, operator_->span);
    const struct poly **at = ARENA_ARRAY(statement.body->arena, 1, const struct poly *);
    if (!matrix || !product || !operand || !at)
        return NULL;
    at[0] = poly_index(statement.body->context, 1);
    operand->node = vector;
    operand->tensor_name = "";
    operand->polys = at;
    operand->type = (struct value_type){TYPED, vector->elem, NULL};
    index_set_add(&operand->free, 1);
    product->n_arguments = 2;
    product->arguments[0] = matrix;
    product->arguments[1] = operand;
    product->free = index_set_union(&matrix->free, &operand->free);
    product->type = operator_join_types(operator_->type, operand->type);
    return close_statement(&statement, product, product->type.elem);
}

/* ---- inverses ---- */

static enum ir_elem inverse_elem(struct value_type type)
{
    return ir_elem_is_complex(type.elem) || ir_elem_is_float(type.elem) ? type.elem : IR_f64;
}

/* NULL after a diagnostic: there is none as far as this element type can tell. */
static double _Complex *invert(const struct reading *reading, const struct operator_node *operator_, size_t n,
                               const double _Complex *numbers, double *condition)
{
    struct arena *arena = reading->statement->body->arena;
    double _Complex *inverse = ARENA_ARRAY(arena, n * n, double _Complex);
    bool found = inverse && dense_invert(arena, n, numbers, inverse, condition);
    if (arena_failed(arena))
        return NULL;
    if (found && *condition * ir_elem_epsilon(inverse_elem(operator_->type)) < 1)
        return inverse;
    (void)operator_report_singular(reading, operator_);
    return NULL;
}

/* An operator is read again at each use, its matrix then the same node. */
struct inverse_memo {
    const struct ir_node *matrix, *inverse;
    double condition;
    const struct inverse_memo *next;
};

static const struct inverse_memo *recall(const struct reading *reading, const struct operator_node *operator_)
{
    struct resolver *resolver = reading->statement->body->resolver;
    const struct ir_node *matrix = operator_formed(reading, operator_);
    for (const struct inverse_memo *memo = resolver->inverses; matrix && memo; memo = memo->next)
        if (memo->matrix == matrix)
            return memo;
    size_t n;
    struct inverse_memo *memo = ARENA_NEW(reading->statement->body->arena, struct inverse_memo);
    const double _Complex *numbers = matrix && memo ? operator_numbers(reading, operator_, &n) : NULL;
    const double _Complex *inverse = numbers ? invert(reading, operator_, n, numbers, &memo->condition) : NULL;
    const struct poly *shape[2] = {operator_->rows, operator_->columns};
    if (!inverse)
        return NULL;
    memo->matrix = matrix;
    memo->inverse = operator_constant(reading, inverse_elem(operator_->type), 2, shape, inverse);
    memo->next = resolver->inverses;
    resolver->inverses = memo;
    return memo->inverse ? memo : NULL;
}

/* Is it promised to be symmetric and positive definite, or made of what is in ways that keep it so? */
static bool is_positive(const struct body *body, const struct operator_node *operator_)
{
    const struct formula *number = operator_->number;
    switch (operator_->kind) {
    case OPERATOR_identity:
        return true;
    case OPERATOR_TENSOR:
    case OPERATOR_blockdiag:
        for (size_t k = 0; k < body->scope->n_symbols; k++) {
            const struct symbol *symbol = body->scope->symbols[k];
            if (symbol->kind == SYMBOL_TENSOR && symbol->node == operator_->tensors[0].node &&
                symbol->type.promises >> IR_PROMISE_spd & 1)
                return true;
        }
        return false;
    case OPERATOR_MULTIPLE:
        return number->kind == FORMULA_NUMBER && number->type.weakness != WEAK_A_COMPLEX && number->number.re > 0 &&
               is_positive(body, operator_->parts[0]);
    case OPERATOR_transpose:
    case OPERATOR_SUM:
    case OPERATOR_kron:
    case OPERATOR_dsum:
        for (uint32_t k = 0; k < operator_->n_parts; k++)
            if (!is_positive(body, operator_->parts[k]))
                return false;
        return true;
    default:
        return false;
    }
}

/* An operator `inv` of the matrix, or of blocks of matrices, which operator_solve.c applies. */
static struct operator_node *invert_at_run_time(const struct reading *reading, const struct operator_node *operator_,
                                                const struct ir_node *matrix)
{
    struct body *body = reading->statement->body;
    enum ir_elem elem = operator_->type.elem;
    if (reading->statement->failed)
        return NULL;
    if (!matrix || !ir_solver_takes(elem)) {
        report_not_yet(body, operator_->span,
                       ir_solver_takes(elem) ? "`inv` of a matrix with indices of the statement"
                                             : "the inverse of a matrix of this type");
        return operator_failed(reading);
    }
    if (!poly_is_constant(matrix->shape[matrix->rank - 1], NULL))
        return operator_report_argument(reading, operator_->span, "a matrix of a size known at compile time");
    struct operator_node *inverse = operator_create(reading, OPERATOR_inv, operator_->span);
    if (!inverse)
        return NULL;
    inverse->positive = ir_elem_is_float(elem) && is_positive(body, operator_);
    bool promised = operator_->kind == OPERATOR_TENSOR || operator_->kind == OPERATOR_blockdiag;
    if (inverse->positive && promised) /* what is read of it is what is there: no mirror image is needed */
        matrix = operator_->tensors[0].node->operands[0].node;
    inverse->tensors[inverse->n_tensors++] =
        (struct operator_tensor){.node = matrix, .name = "the matrix", .span = operator_->span};
    inverse->type = operator_->type;
    operator_set_shape(inverse, operator_->rows, operator_->columns);
    operator_note_inverse(reading, operator_,
                          inverse->positive
                              ? "solved when it runs, by L D L^T; its condition number is not known before"
                              : "solved when it runs, by LU with partial pivoting; its condition number is not known before");
    return inverse;
}

/* The same; in a scan once before it, as the matrix it is: steps would factorise it again. */
static struct operator_node *invert_when_it_runs(const struct reading *reading, const struct operator_node *operator_,
                                                 const struct ir_node *blocks)
{
    struct body *body = reading->statement->body;
    struct scan_scope *scan = body->scan;
    const struct scan_scope *beginning = body->beginning;
    body->scan = NULL;
    body->beginning = NULL;
    const struct ir_node *matrix = blocks ? blocks : operator_formed(reading, operator_);
    struct operator_node *inverse = invert_at_run_time(reading, operator_, matrix);
    if (inverse && inverse->kind == OPERATOR_inv && (scan || beginning)) {
        matrix = operator_formed(reading, inverse);
        inverse = matrix ? operator_of_tensor(reading, OPERATOR_TENSOR, matrix, operator_->span) : NULL;
    }
    body->scan = scan;
    body->beginning = beginning;
    return inverse;
}

struct operator_node *operator_invert_numbers(const struct reading *reading, const struct operator_node *operator_)
{
    int64_t rows;
    struct body *body = reading->statement->body;
    if (!operator_is_constant(reading, operator_))
        return invert_when_it_runs(reading, operator_, NULL);
    if (!poly_is_constant(operator_->rows, &rows) || rows > DENSE_MOST_ROWS) {
        diag_error(body->diagnostics, DIAG_E0916, operator_->span, "a matrix of at most %d rows is inverted while compiling",
                   (int)DENSE_MOST_ROWS);
        return operator_failed(reading);
    }
    const struct inverse_memo *memo = recall(reading, operator_);
    if (!memo)
        return NULL;
    operator_note_condition(reading, operator_, "by its numbers", memo->condition);
    return operator_of_tensor(reading, OPERATOR_TENSOR, memo->inverse, operator_->span);
}

struct operator_node *operator_invert_blocks(const struct reading *reading, const struct operator_node *operator_,
                                             const struct ir_node *blocks)
{
    int64_t count, rows, columns;
    if (blocks->op != IR_const_node && blocks->shape[1] == blocks->shape[2])
        return invert_when_it_runs(reading, operator_, blocks);
    if (!poly_is_constant(blocks->shape[0], &count) || !poly_is_constant(blocks->shape[1], &rows) ||
        !poly_is_constant(blocks->shape[2], &columns) || rows != columns || rows > DENSE_MOST_ROWS)
        return NULL;
    size_t n = (size_t)rows;
    double worst = 0;
    double _Complex *inverse = ARENA_ARRAY(reading->statement->body->arena, (size_t)count * n * n, double _Complex);
    double _Complex *block = ARENA_ARRAY(reading->statement->body->arena, n * n, double _Complex);
    for (size_t g = 0; inverse && block && g < (size_t)count; g++) {
        for (size_t k = 0; k < n * n; k++)
            block[k] = operator_number_at(blocks->elem, blocks->constant->data, g * n * n + k);
        double condition = 0;
        const double _Complex *inverted = invert(reading, operator_, n, block, &condition);
        worst = condition > worst ? condition : worst;
        for (size_t k = 0; inverted && k < n * n; k++)
            inverse[g * n * n + k] = inverted[k];
        if (!inverted)
            return NULL;
    }
    const struct ir_node *node =
        inverse && block ? operator_constant(reading, inverse_elem(operator_->type), 3, blocks->shape, inverse) : NULL;
    if (node)
        operator_note_condition(reading, operator_, "block by block", worst);
    return node ? operator_of_tensor(reading, OPERATOR_blockdiag, node, operator_->span) : NULL;
}
