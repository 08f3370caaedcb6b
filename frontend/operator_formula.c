/* The words that entries of operators are written in: digits of rows and columns, and formulas over them. */
#include "operator_entry.h"

/* ---- polys ---- */

struct ir_context *entry_context(const struct entry *entry)
{
    return entry->statement->body->context;
}

const struct poly *write_high(const struct entry *entry, const struct poly *a, const struct poly *size)
{
    struct poly_ranges ranges = statement_ranges(entry->statement);
    return poly_equals(size, 1) ? a : poly_floor_div(entry_context(entry), a, size, &ranges);
}

const struct poly *write_low(const struct entry *entry, const struct poly *a, const struct poly *size)
{
    struct poly_ranges ranges = statement_ranges(entry->statement);
    return poly_equals(size, 1) ? poly_constant(entry_context(entry), 0) : poly_mod(entry_context(entry), a, size, &ranges);
}

/* The digit between `below` and `below * size`. */
const struct poly *write_digit(const struct entry *entry, const struct poly *a, const struct poly *below, const struct poly *size)
{
    return write_high(entry, write_low(entry, a, poly_multiply(entry_context(entry), below, size)), below);
}

const struct poly *write_constant(const struct entry *entry, int64_t value)
{
    return poly_constant(entry_context(entry), value);
}

/* ---- formulas ---- */

static void add_free(const struct entry *entry, struct formula *formula, const struct poly *poly)
{
    for (uint32_t k = 0; poly && k < entry->statement->n_indices; k++)
        if (poly_uses_index(poly, k))
            index_set_add(&formula->free, k);
}

struct formula *write_apply(const struct entry *entry, enum ir_expr_op op, struct formula *a)
{
    struct formula *formula = a ? formula_create(entry->statement, FORMULA_APPLY, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->op = op;
    formula->type = a->type;
    formula->free = a->free;
    formula->n_arguments = 1;
    formula->arguments[0] = a;
    return formula;
}

struct formula *write_value(const struct entry *entry, const struct poly *value)
{
    struct formula *formula = value ? formula_create(entry->statement, FORMULA_VALUE, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->value = value;
    formula->type = (struct value_type){WEAK_AN_INTEGER, IR_f64, NULL};
    add_free(entry, formula, value);
    return formula;
}

struct formula *write_access(const struct entry *entry, const struct ir_node *node, uint32_t rank, const struct poly *const *at)
{
    struct formula *formula = node ? formula_create(entry->statement, FORMULA_ACCESS, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->node = node;
    formula->type = (struct value_type){TYPED, node->elem, NULL};
    formula->tensor_name = "";
    formula->polys = arena_copy(entry->statement->body->arena, at, rank, sizeof *at);
    for (uint32_t axis = 0; axis < rank; axis++) {
        if (!at[axis])
            return NULL;
        add_free(entry, formula, at[axis]);
    }
    if (!entry->conjugate || !ir_elem_is_complex(node->elem))
        return formula;
    return write_apply(entry, IR_EXPR_conj, formula);
}

struct formula *write_data(const struct entry *entry, const struct operator_node *operator_, uint32_t tensor,
                           const struct poly *const *at)
{
    const struct operator_tensor *data = &operator_->tensors[tensor];
    struct formula *formula = write_access(entry, data->node, data->node->rank, at);
    if (formula)
        formula->type.fixed = data->type.fixed;
    return formula;
}

struct formula *write_join(const struct entry *entry, enum formula_kind kind, struct formula *a, struct formula *b)
{
    struct formula *formula = a && b ? formula_create(entry->statement, kind, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->type = (struct value_type){
        TYPED, ir_elem_promote(a->type.weakness ? b->type.elem : a->type.elem, b->type.weakness ? a->type.elem : b->type.elem),
        a->type.fixed ? a->type.fixed : b->type.fixed};
    formula->free = index_set_union(&a->free, &b->free);
    formula->n_arguments = 2;
    formula->arguments[0] = a;
    formula->arguments[1] = b;
    return formula;
}

uint32_t formula_count_terms(const struct formula *formula)
{
    bool sums = formula->kind == FORMULA_ADD || formula->kind == FORMULA_SUBTRACT;
    return sums ? formula_count_terms(formula->arguments[0]) + formula_count_terms(formula->arguments[1]) : 1;
}

/* a with each of its terms t replaced by t * b, or b * t. */
static struct formula *each_times(const struct entry *entry, struct formula *a, struct formula *b, bool left)
{
    if (a && formula_count_terms(a) > 1)
        return write_join(entry, a->kind, each_times(entry, a->arguments[0], b, left), each_times(entry, a->arguments[1], b, left));
    if (a && b && formula_count_terms(b) > 1)
        return write_join(entry, b->kind, each_times(entry, b->arguments[0], a, !left),
                          each_times(entry, b->arguments[1], a, !left));
    return write_join(entry, FORMULA_MULTIPLY, left ? a : b, left ? b : a);
}

/* Each block of a sum has a cheap product of its own: sums are multiplied out, as far as that stays small. */
struct formula *write_times(const struct entry *entry, struct formula *a, struct formula *b)
{
    if (!a || !b || entry->statement->body->exact || formula_count_terms(a) * (uint64_t)formula_count_terms(b) > FORMULA_PRODUCTS)
        return write_join(entry, FORMULA_MULTIPLY, a, b);
    return each_times(entry, a, b, true);
}

struct formula *write_over(const struct entry *entry, struct formula *a, struct formula *b)
{
    return write_join(entry, FORMULA_DIVIDE, a, b);
}

struct formula *write_negative(const struct entry *entry, struct formula *a)
{
    return formula_around(entry->statement, FORMULA_NEGATE, entry->span, a);
}

/* An index of its own over `extent`; UINT32_MAX after a diagnostic. */
uint32_t write_index(const struct entry *entry, const char *name, const struct poly *extent)
{
    struct statement *statement = entry->statement;
    if (statement->n_indices == FRONTEND_INDICES) {
        diag_error(statement->body->diagnostics, DIAG_E0911, entry->span, "a statement has more than %d indices",
                   (int)FRONTEND_INDICES);
        statement->failed = true;
        return UINT32_MAX;
    }
    uint32_t index = statement->n_indices++;
    statement->indices[index] = (struct statement_index){.name = name, .span = entry->span, .bound = true, .extent = extent};
    statement->extents[index] = extent;
    return index;
}

struct formula *write_sum(const struct entry *entry, uint32_t index, struct formula *argument)
{
    if (argument && !entry->statement->body->exact && formula_count_terms(argument) > 1)
        return write_join(entry, argument->kind, write_sum(entry, index, argument->arguments[0]),
                          write_sum(entry, index, argument->arguments[1]));
    struct formula *formula = argument ? formula_create(entry->statement, FORMULA_REDUCE, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->reduction = AST_SUM;
    formula->type = argument->type;
    index_set_add(&formula->bound, index);
    formula->free = index_set_minus(&argument->free, &formula->bound);
    formula->n_arguments = 1;
    formula->arguments[0] = argument;
    return formula;
}

/* 1 where the two are equal, else 0; NULL for the second: `rows` by `columns` are what the two run over. */
struct formula *write_delta(const struct entry *entry, const struct poly *rows, const struct poly *columns, const struct poly *row,
                            const struct poly *column)
{
    const struct poly *at[2] = {row, column};
    return write_access(entry, operator_delta(entry_context(entry), entry->elem, rows, columns), 2, at);
}

struct formula *write_permutation(const struct entry *entry, const struct operator_node *operator_, const struct poly *from,
                                  const struct poly *column)
{
    return write_delta(entry, operator_->rows, operator_->columns, from, column);
}

struct formula *write_one(const struct entry *entry, enum ir_elem elem)
{
    struct formula *formula = formula_create(entry->statement, FORMULA_NUMBER, entry->span);
    if (!formula)
        return NULL;
    formula->number = (struct weak_number){.kind = WEAK_INTEGER, .integer = 1, .re = 1};
    formula->type = (struct value_type){WEAK_AN_INTEGER, elem, NULL};
    return formula;
}
