/* Entries of matrices that a few numbers give: by the difference or sum of row and column, by points, by a vector. */
#include "operator_entry.h"

struct formula *entry_toeplitz(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                               const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    const struct poly *last = poly_subtract(context, operator_->columns, write_constant(entry, 1));
    const struct poly *at = poly_add(context, poly_subtract(context, row, column), last);
    return write_data(entry, operator_, 0, &at);
}

struct formula *entry_hankel(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                             const struct poly *column)
{
    const struct poly *at = poly_add(entry_context(entry), row, column);
    return write_data(entry, operator_, 0, &at);
}

struct formula *entry_circulant(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                const struct poly *column)
{
    const struct poly *at = write_low(entry, poly_subtract(entry_context(entry), row, column), operator_->rows);
    return write_data(entry, operator_, 0, &at);
}

struct formula *entry_cauchy(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                             const struct poly *column)
{
    struct formula *x = write_data(entry, operator_, 0, &row), *y = write_data(entry, operator_, 1, &column);
    return write_over(entry, write_one(entry, operator_->type.elem), write_join(entry, FORMULA_SUBTRACT, x, y));
}

/* x[i]^j by the digits of j: a table of x^w, x^2w, ... a digit of weight w. */
struct formula *entry_vandermonde(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    int64_t n = 1, below = 1;
    struct formula *product = NULL;
    (void)poly_is_constant(operator_->columns, &n);
    while (!product || below < n) {
        int64_t radix = operator_radix(n / below);
        const struct poly *at[2] = {row, column};
        if (below * radix < n)
            at[1] = write_low(entry, column, write_constant(entry, below * radix));
        at[1] = write_high(entry, at[1], write_constant(entry, below));
        const struct ir_node *powers = operator_powers(entry_context(entry), operator_->tensors[0].node, below, radix);
        struct formula *factor = write_access(entry, powers, 2, at);
        product = product ? write_times(entry, factor, product) : factor;
        if (!product)
            return NULL;
        below *= radix;
    }
    return product;
}

/* The entries added up in a matrix, which is never formed where it is multiplied with. */
struct formula *entry_sparse(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                             const struct poly *column)
{
    const struct poly *at[2] = {row, column};
    return write_access(entry, operator_coordinates(entry_context(entry), operator_), 2, at);
}

/* I - 2 v v^H / (v^H v) */
struct formula *entry_householder(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    struct entry conjugated = *entry;
    uint32_t index = write_index(entry, "inner", operator_->rows);
    if (index == UINT32_MAX)
        return NULL;
    conjugated.conjugate = !entry->conjugate;
    const struct poly *k = poly_index(entry_context(entry), index);
    struct formula *norm =
        write_sum(entry, index, write_times(entry, write_data(&conjugated, operator_, 0, &k), write_data(entry, operator_, 0, &k)));
    struct formula *two = write_one(entry, operator_->type.elem);
    if (two)
        two->number = (struct weak_number){.kind = WEAK_INTEGER, .integer = 2, .re = 2};
    struct formula *outer =
        write_times(entry, write_data(entry, operator_, 0, &row), write_data(&conjugated, operator_, 0, &column));
    return write_join(entry, FORMULA_SUBTRACT, write_permutation(entry, operator_, row, column),
                      write_over(entry, write_times(entry, two, outer), norm));
}

/* The largest of constant offsets, without their signs, at most `most`; false: they are not known. */
static bool find_reach(const struct ir_node *offsets, int64_t most, int64_t *reach)
{
    *reach = 0;
    if (offsets->op != IR_const_node)
        return false;
    size_t count = offsets->constant->bytes / ir_elem_info(offsets->elem)->bytes;
    for (size_t k = 0; k < count; k++) {
        int64_t offset = ir_number_load(offsets->elem, offsets->constant->data, k).i;
        if (offset > most || offset < -most)
            return false;
        *reach = offset > *reach ? offset : -offset > *reach ? -offset : *reach;
    }
    return true;
}

/* sum over k of D[k,i] times 1 where i + offsets[k] is the column: a table of ones over both, moved so that no place is outside */
static struct formula *entry_known_bands(const struct entry *entry, const struct operator_node *operator_, uint32_t band,
                                         int64_t reach, const struct poly *row, const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    const struct poly *k = poly_index(context, band), *at[2] = {k, row}, *moved = poly_constant(context, reach);
    const struct poly *size = poly_add(context, operator_->rows, poly_scale(context, moved, 2));
    const struct poly *place = poly_add(context, row, poly_table(context, operator_->tensors[1].node, 1, &k));
    struct formula *ones = write_delta(entry, size, size, poly_add(context, place, moved), poly_add(context, column, moved));
    return write_sum(entry, band, write_times(entry, write_data(entry, operator_, 0, at), ones));
}

/* sum over k of D[k,i] where i + offsets[k] is the column */
struct formula *entry_banded(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                             const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    uint32_t band = write_index(entry, "band", operator_->tensors[0].node->shape[0]);
    if (band == UINT32_MAX)
        return NULL;
    int64_t reach, rows;
    if (poly_is_constant(operator_->rows, &rows) && find_reach(operator_->tensors[1].node, 4 * rows, &reach))
        return entry_known_bands(entry, operator_, band, reach, row, column);
    const struct poly *k = poly_index(context, band), *at[2] = {k, row};
    const struct poly *difference = poly_subtract(context, column, row);
    struct formula *offset = write_data(entry, &(struct operator_node){.tensors = &operator_->tensors[1]}, 0, &k);
    struct formula *here = write_value(entry, difference);
    struct formula *equal = formula_create(entry->statement, FORMULA_APPLY, entry->span);
    struct formula *chosen = formula_create(entry->statement, FORMULA_APPLY, entry->span);
    struct formula *zero = write_one(entry, operator_->type.elem);
    if (!offset || !here || !equal || !chosen || !zero)
        return NULL;
    zero->number = (struct weak_number){.kind = WEAK_INTEGER};
    equal->op = IR_EXPR_eq;
    equal->type = (struct value_type){TYPED, IR_bool, NULL};
    equal->n_arguments = 2;
    equal->arguments[0] = offset;
    equal->arguments[1] = here;
    equal->free = index_set_union(&offset->free, &here->free);
    chosen->op = IR_EXPR_select;
    chosen->arguments[0] = equal;
    chosen->arguments[1] = write_data(entry, operator_, 0, at);
    chosen->arguments[2] = zero;
    chosen->n_arguments = 3;
    chosen->type = operator_->type;
    chosen->free = index_set_union(&equal->free, &chosen->arguments[1]->free);
    return write_sum(entry, band, chosen);
}
