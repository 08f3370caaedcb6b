/* Entries of transforms: formulas of their indices, as which passes know them; fast ones are the pass `structure`'s. */
#include "operator_entry.h"

/* Of real input rows 0 to n div 2 are all there is to know; the inverse takes these, and what is real of the sum. */
struct formula *entry_dft(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                          const struct poly *column)
{
    int64_t n = 1, rows = 1, columns = 1;
    struct entry turned = *entry;
    bool inverse = operator_->kind == OPERATOR_idft || operator_->kind == OPERATOR_irdft;
    (void)poly_is_constant(operator_->sizes[0], &n);
    (void)poly_is_constant(operator_->rows, &rows);
    (void)poly_is_constant(operator_->columns, &columns);
    turned.conjugate = entry->conjugate != inverse;
    turned.elem = ir_elem_complex(entry->elem);
    const struct poly *at[2] = {row, column};
    struct formula *formula = write_access(&turned, operator_roots(entry_context(entry), turned.elem, rows, columns, n), 2, at);
    struct formula *size = write_one(entry, turned.elem);
    if (!inverse || !size)
        return formula;
    if (operator_->kind == OPERATOR_irdft)
        return write_times(
            entry, write_access(entry, operator_weights(entry_context(entry), ir_elem_real(turned.elem), n), 1, &column), formula);
    size->number = (struct weak_number){.kind = WEAK_REAL, .re = 1 / (double)n};
    size->type = (struct value_type){WEAK_A_REAL, IR_f64, NULL};
    return write_times(entry, size, formula);
}

/* A digit in base two each: the transform is the Kronecker product of those of length two. */
struct formula *entry_hadamard(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                               const struct poly *column)
{
    int64_t n = 1;
    struct formula *product = NULL;
    const struct ir_node *pair = operator_signs(entry_context(entry), entry->elem);
    (void)poly_is_constant(operator_->rows, &n);
    if (n == 1)
        return write_permutation(entry, operator_, row, column);
    for (int64_t below = 1; below < n; below *= 2) {
        const struct poly *at[2] = {write_digit(entry, row, write_constant(entry, below), write_constant(entry, 2)),
                                    write_digit(entry, column, write_constant(entry, below), write_constant(entry, 2))};
        if (below * 2 == n) {
            at[0] = write_high(entry, row, write_constant(entry, below));
            at[1] = write_high(entry, column, write_constant(entry, below));
        }
        struct formula *factor = write_access(entry, pair, 2, at);
        product = product ? write_times(entry, factor, product) : factor;
    }
    return product;
}

struct formula *entry_table(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                            const struct poly *column)
{
    int64_t n = 1;
    const struct poly *at[2] = {row, column};
    (void)poly_is_constant(operator_->rows, &n);
    struct formula *formula = write_access(entry, operator_transform(entry_context(entry), operator_->kind, entry->elem, n), 2, at);
    if (operator_->kind != OPERATOR_dct1 && operator_->kind != OPERATOR_dct3 && operator_->kind != OPERATOR_dst3)
        return formula;
    return write_times(entry, formula,
                       write_access(entry, operator_ends(entry_context(entry), operator_->kind, entry->elem, n), 1, &column));
}
