/* Entries of transforms.
 *
 * One of n = p q is the product of one of p, of roots of unity, and of one of q (Cooley and Tukey 1965, as a tensor product; Van
 * Loan 1992, 1.2): n-ary, so that the order of contractions finds the fast transform. */
#include "operator_entry.h"

/* exp(-2i*pi * row*column / n) with row = k1 + p*k2, column = q*l1 + l2 is that of p at (k1,l1), the root (k1*l2)/n, and that of q
 * at (k2,l2). Of the rows and columns there may be less than n. */
static struct formula *roots(const struct entry *entry, int64_t n, int64_t rows, int64_t columns, const struct poly *row,
                             const struct poly *column)
{
    int64_t p = operator_radix(n), q = n / p;
    struct ir_context *context = entry_context(entry);
    const struct poly *whole[2] = {row, column};
    if (q == 1)
        return write_access(entry, operator_roots(context, entry->elem, rows, columns, n), 2, whole);
    const struct poly *k1 = write_low(entry, row, write_constant(entry, p)),
                      *l2 = write_low(entry, column, write_constant(entry, q));
    const struct poly *first[2] = {k1, write_high(entry, column, write_constant(entry, q))}, *twiddle[2] = {k1, l2};
    struct formula *step = write_times(entry, write_access(entry, operator_roots(context, entry->elem, p, p, p), 2, first),
                                       write_access(entry, operator_roots(context, entry->elem, p, q, n), 2, twiddle));
    return write_times(
        entry, step,
        roots(entry, q, (rows + p - 1) / p, columns < q ? columns : q, write_high(entry, row, write_constant(entry, p)), l2));
}

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
    struct formula *formula = roots(&turned, n, rows, columns, row, column), *size = write_one(entry, turned.elem);
    if (!inverse || !size)
        return formula;
    if (operator_->kind == OPERATOR_irdft)
        return write_times(
            entry, write_access(entry, operator_weights(entry_context(entry), ir_elem_real(turned.elem), n), 1, &column), formula);
    size->number = (struct weak_number){.kind = WEAK_REAL, .re = 1 / (double)n};
    size->type = (struct value_type){WEAK_A_REAL, IR_f64};
    return write_times(entry, size, formula);
}

/* A digit in base two each: the transform is the Kronecker product of those of length two. */
struct formula *entry_hadamard(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                               const struct poly *column)
{
    int64_t n = 1;
    struct formula *product = NULL;
    const struct ir_node *pair = operator_transform(entry_context(entry), operator_->kind, entry->elem, 2);
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
    return write_access(entry, operator_transform(entry_context(entry), operator_->kind, entry->elem, n), 2, at);
}
