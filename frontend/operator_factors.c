/* Entries of permutations, diagonals, and matrices that are products of smaller tensors over digits of row and column. */
#include "operator_entry.h"

/* ---- permutations and diagonals ---- */

struct formula *entry_identity(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                               const struct poly *column)
{
    return write_permutation(entry, operator_, row, column);
}

struct formula *entry_diag(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                           const struct poly *column)
{
    return write_times(entry, write_data(entry, operator_, 0, &row), write_permutation(entry, operator_, row, column));
}

struct formula *entry_perm(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                           const struct poly *column)
{
    return write_permutation(entry, operator_, poly_table(entry_context(entry), operator_->tensors[0].node, 1, &row), column);
}

struct formula *entry_reversal(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                               const struct poly *column)
{
    const struct poly *last = poly_subtract(entry_context(entry), operator_->rows, write_constant(entry, 1));
    return write_permutation(entry, operator_, poly_subtract(entry_context(entry), last, row), column);
}

/* Digits of the row, which are those of the column in the opposite order: row (dk,...,d1), column (d1,...,dk), d_l < r_l. */
struct formula *entry_digit_reversal(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                     const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    const struct poly *in_row = write_constant(entry, 1), *in_column = operator_->columns, *from = write_constant(entry, 0);
    for (uint32_t k = 0; k < operator_->n_sizes; k++) { /* d_1 is the lowest of the row, the highest of the column */
        in_column = write_high(entry, in_column, operator_->sizes[k]);
        from = poly_add(context, from, poly_multiply(context, write_digit(entry, row, in_row, operator_->sizes[k]), in_column));
        in_row = poly_multiply(context, in_row, operator_->sizes[k]);
    }
    return write_permutation(entry, operator_, from, column);
}

/* ---- products ---- */

struct formula *entry_kron(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                           const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    struct formula *product = NULL;
    const struct poly *below_row = write_constant(entry, 1), *below_column = write_constant(entry, 1);
    for (uint32_t k = operator_->n_parts; k-- > 0;) { /* the last has the lowest digits */
        const struct operator_node *part = operator_->parts[k];
        struct formula *factor =
            entry_of(entry, part, k ? write_digit(entry, row, below_row, part->rows) : write_high(entry, row, below_row),
                     k ? write_digit(entry, column, below_column, part->columns) : write_high(entry, column, below_column));
        product = product ? write_times(entry, factor, product) : factor;
        if (!product)
            return NULL;
        below_row = poly_multiply(context, below_row, part->rows);
        below_column = poly_multiply(context, below_column, part->columns);
    }
    return product;
}

/* Part k at the rows from `first_row` on and the columns from `first_column` on: its own row and column are indices, found by where
 * they are. */
static struct formula *write_block(const struct entry *entry, const struct operator_node *operator_, uint32_t k,
                                   const struct poly *const first[2], const struct poly *row, const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    const struct operator_node *part = operator_->parts[k];
    uint32_t a = write_index(entry, "row", part->rows), b = write_index(entry, "column", part->columns);
    if (a == UINT32_MAX || b == UINT32_MAX)
        return NULL;
    const struct poly *own_row = poly_index(context, a), *own_column = poly_index(context, b);
    struct formula *formula =
        write_times(entry, write_delta(entry, operator_->rows, operator_->rows, row, poly_add(context, own_row, first[0])),
                    entry_of(entry, part, own_row, own_column));
    formula =
        write_times(entry, formula,
                    write_delta(entry, operator_->columns, operator_->columns, poly_add(context, own_column, first[1]), column));
    return write_sum(entry, a, write_sum(entry, b, formula));
}

struct formula *entry_dsum(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                           const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    const struct poly *first[2] = {write_constant(entry, 0), write_constant(entry, 0)};
    struct formula *blocks = NULL;
    if (operator_->n_parts == 1)
        return entry_of(entry, operator_->parts[0], row, column);
    for (uint32_t k = 0; k < operator_->n_parts; k++) {
        struct formula *block = write_block(entry, operator_, k, first, row, column);
        blocks = k == 0 ? block : write_join(entry, FORMULA_ADD, blocks, block);
        if (!blocks)
            return NULL;
        first[0] = poly_add(context, first[0], operator_->parts[k]->rows);
        first[1] = poly_add(context, first[1], operator_->parts[k]->columns);
    }
    return blocks;
}

struct formula *entry_product(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                              const struct poly *column)
{
    const struct operator_node *left = operator_->parts[0], *right = operator_->parts[1];
    uint32_t inner = write_index(entry, "inner", left->columns);
    if (inner == UINT32_MAX)
        return NULL;
    const struct poly *between = poly_index(entry_context(entry), inner);
    return write_sum(entry, inner,
                     write_times(entry, entry_of(entry, left, row, between), entry_of(entry, right, between, column)));
}

struct formula *entry_lowrank(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                              const struct poly *column)
{
    uint32_t rank = write_index(entry, "rank", operator_->tensors[0].node->shape[1]);
    if (rank == UINT32_MAX)
        return NULL;
    const struct poly *r = poly_index(entry_context(entry), rank), *u[2] = {row, r}, *v[2] = {r, column};
    return write_sum(entry, rank, write_times(entry, write_data(entry, operator_, 0, u), write_data(entry, operator_, 1, v)));
}

struct formula *entry_blockdiag(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                const struct poly *column)
{
    const struct poly *const *shape = operator_->tensors[0].node->shape;
    const struct poly *at[3] = {write_high(entry, row, shape[1]), write_low(entry, row, shape[1]),
                                write_low(entry, column, shape[2])};
    return write_times(entry, write_data(entry, operator_, 0, at),
                       write_delta(entry, shape[0], shape[0], at[0], write_high(entry, column, shape[2])));
}

/* y[(p,i,q)] = X[p,i,j,q] * x[(p,j,q)] */
static struct formula *sparse_factor(const struct entry *entry, const struct operator_node *operator_, uint32_t tensor,
                                     const struct poly *row, const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    const struct poly *const *shape = operator_->tensors[tensor].node->shape;
    const struct poly *at[4] = {write_high(entry, row, poly_multiply(context, shape[1], shape[3])),
                                write_digit(entry, row, shape[3], shape[1]), write_digit(entry, column, shape[3], shape[2]),
                                write_low(entry, row, shape[3])};
    const struct poly *p = write_high(entry, column, poly_multiply(context, shape[2], shape[3])),
                      *q = write_low(entry, column, shape[3]);
    struct formula *formula = write_data(entry, operator_, tensor, at);
    if (!poly_equals(shape[0], 1))
        formula = write_times(entry, formula, write_delta(entry, shape[0], shape[0], at[0], p));
    if (!poly_equals(shape[3], 1))
        formula = write_times(entry, formula, write_delta(entry, shape[3], shape[3], at[3], q));
    return formula;
}

struct formula *entry_butterfly(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                const struct poly *column)
{
    struct ir_context *context = entry_context(entry);
    struct formula *product = NULL;
    uint32_t inner[64], count = 0;
    for (uint32_t k = 0; k < operator_->n_tensors; k++) {
        const struct poly *const *shape = operator_->tensors[k].node->shape;
        const struct poly *columns = poly_multiply(context, poly_multiply(context, shape[0], shape[2]), shape[3]), *next = column;
        if (k + 1 < operator_->n_tensors) {
            inner[count] = write_index(entry, "inner", columns);
            if (inner[count] == UINT32_MAX)
                return NULL;
            next = poly_index(context, inner[count++]);
        }
        struct formula *factor = sparse_factor(entry, operator_, k, row, next);
        product = product ? write_times(entry, product, factor) : factor;
        row = next;
    }
    while (count > 0)
        product = write_sum(entry, inner[--count], product);
    return product;
}

/* L[j,i,k], R[k,j,m], or with the rank last but one of R and last of L. */
struct formula *entry_monarch(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                              const struct poly *column)
{
    const struct poly *const *left = operator_->tensors[0].node->shape, *const *right = operator_->tensors[1].node->shape;
    bool ranked = operator_->kind == OPERATOR_btt;
    const struct poly *m = right[ranked ? 3 : 2];
    uint32_t rank = ranked ? write_index(entry, "rank", left[3]) : 0;
    if (rank == UINT32_MAX)
        return NULL;
    const struct poly *i = write_high(entry, row, left[0]), *j = write_low(entry, row, left[0]), *k = write_high(entry, column, m),
                      *r = poly_index(entry_context(entry), rank);
    const struct poly *l[4] = {j, i, k, r}, *with_rank[4] = {k, j, r, write_low(entry, column, m)},
                      *without[3] = {k, j, write_low(entry, column, m)};
    struct formula *product =
        write_times(entry, write_data(entry, operator_, 0, l), write_data(entry, operator_, 1, ranked ? with_rank : without));
    return ranked ? write_sum(entry, rank, product) : product;
}

struct formula *entry_blast(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                            const struct poly *column)
{
    const struct poly *p = operator_->tensors[0].node->shape[1], *q = operator_->tensors[2].node->shape[1];
    uint32_t rank = write_index(entry, "rank", operator_->tensors[0].node->shape[2]);
    if (rank == UINT32_MAX)
        return NULL;
    const struct poly *r = poly_index(entry_context(entry), rank), *i = write_high(entry, row, p),
                      *j = write_high(entry, column, q);
    const struct poly *u[3] = {i, write_low(entry, row, p), r}, *s[3] = {i, j, r}, *v[3] = {j, write_low(entry, column, q), r};
    return write_sum(entry, rank,
                     write_times(entry, write_times(entry, write_data(entry, operator_, 0, u), write_data(entry, operator_, 1, s)),
                                 write_data(entry, operator_, 2, v)));
}

struct formula *entry_phm(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                          const struct poly *column)
{
    const struct poly *const *shape = operator_->tensors[1].node->shape;
    uint32_t term = write_index(entry, "term", shape[0]);
    if (term == UINT32_MAX)
        return NULL;
    const struct poly *k = poly_index(entry_context(entry), term);
    const struct poly *a[3] = {k, write_high(entry, row, shape[1]), write_high(entry, column, shape[2])};
    const struct poly *s[3] = {k, write_low(entry, row, shape[1]), write_low(entry, column, shape[2])};
    return write_sum(entry, term, write_times(entry, write_data(entry, operator_, 0, a), write_data(entry, operator_, 1, s)));
}
