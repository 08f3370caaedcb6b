/* One entry of an operator as a formula over its row and column.
 *
 * Each constructor is its index equation of docs/operators.md: accesses to its data at digits of the row and the column, tables of
 * one where two digits are equal (which passes resolve, so that no permutation or block structure is ever multiplied with), and
 * sums over indices of its own. A transform of n = p q is the product of one of p, of roots of unity, and of one of q (Cooley and
 * Tukey 1965, as a tensor product; Van Loan 1992, 1.2): n-ary, so that the order of contractions finds the fast transform. */
#include "operators.h"

#include <string.h>

struct entry {
    struct statement *statement;
    enum ir_elem elem; /* of tables */
    struct span span;
    bool conjugate;
};

typedef struct formula *entry_function(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                       const struct poly *column);

static struct formula *entry_of(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                const struct poly *column);

/* ---- polys ---- */

static struct ir_context *context_of(const struct entry *entry)
{
    return entry->statement->body->context;
}

static const struct poly *high(const struct entry *entry, const struct poly *a, const struct poly *size)
{
    struct poly_ranges ranges = statement_ranges(entry->statement);
    return poly_equals(size, 1) ? a : poly_floor_div(context_of(entry), a, size, &ranges);
}

static const struct poly *low(const struct entry *entry, const struct poly *a, const struct poly *size)
{
    struct poly_ranges ranges = statement_ranges(entry->statement);
    return poly_equals(size, 1) ? poly_constant(context_of(entry), 0) : poly_mod(context_of(entry), a, size, &ranges);
}

/* The digit between `below` and `below * size`. */
static const struct poly *digit(const struct entry *entry, const struct poly *a, const struct poly *below, const struct poly *size)
{
    return high(entry, low(entry, a, poly_multiply(context_of(entry), below, size)), below);
}

static const struct poly *number(const struct entry *entry, int64_t value)
{
    return poly_constant(context_of(entry), value);
}

/* ---- formulas ---- */

static void add_free(const struct entry *entry, struct formula *formula, const struct poly *poly)
{
    for (uint32_t k = 0; poly && k < entry->statement->n_indices; k++)
        if (poly_uses_index(poly, k))
            index_set_add(&formula->free, k);
}

static struct formula *access(const struct entry *entry, const struct ir_node *node, uint32_t rank, const struct poly *const *at)
{
    struct formula *formula = node ? formula_create(entry->statement, FORMULA_ACCESS, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->node = node;
    formula->type = (struct value_type){TYPED, node->elem};
    formula->tensor_name = "";
    formula->polys = arena_copy(entry->statement->body->arena, at, rank, sizeof *at);
    for (uint32_t axis = 0; axis < rank; axis++) {
        if (!at[axis])
            return NULL;
        add_free(entry, formula, at[axis]);
    }
    if (!entry->conjugate || !ir_elem_is_complex(node->elem))
        return formula;
    struct formula *conjugated = formula_create(entry->statement, FORMULA_APPLY, entry->span);
    if (!conjugated)
        return NULL;
    conjugated->op = IR_EXPR_conj;
    conjugated->type = formula->type;
    conjugated->free = formula->free;
    conjugated->n_arguments = 1;
    conjugated->arguments[0] = formula;
    return conjugated;
}

static struct formula *data(const struct entry *entry, const struct operator_node *operator_, uint32_t tensor,
                            const struct poly *const *at)
{
    const struct ir_node *node = operator_->tensors[tensor].node;
    return access(entry, node, node->rank, at);
}

static enum ir_elem met(enum ir_elem a, enum ir_elem b)
{
    return ir_elem_promote(a, b);
}

static struct formula *join(const struct entry *entry, enum formula_kind kind, struct formula *a, struct formula *b)
{
    struct formula *formula = a && b ? formula_create(entry->statement, kind, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->type = (struct value_type){
        TYPED, met(a->type.weakness ? b->type.elem : a->type.elem, b->type.weakness ? a->type.elem : b->type.elem)};
    formula->free = index_set_union(&a->free, &b->free);
    formula->n_arguments = 2;
    formula->arguments[0] = a;
    formula->arguments[1] = b;
    return formula;
}

static struct formula *times(const struct entry *entry, struct formula *a, struct formula *b)
{
    return join(entry, FORMULA_MULTIPLY, a, b);
}

static struct formula *negative(const struct entry *entry, struct formula *a)
{
    struct formula *formula = a ? formula_create(entry->statement, FORMULA_NEGATE, entry->span) : NULL;
    if (!formula)
        return NULL;
    formula->type = a->type;
    formula->free = a->free;
    formula->n_arguments = 1;
    formula->arguments[0] = a;
    return formula;
}

/* An index of its own over `extent`; UINT32_MAX after a diagnostic. */
static uint32_t inner_index(const struct entry *entry, const char *name, const struct poly *extent)
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

static struct formula *sum(const struct entry *entry, uint32_t index, struct formula *argument)
{
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
static struct formula *delta(const struct entry *entry, const struct poly *rows, const struct poly *columns, const struct poly *row,
                             const struct poly *column)
{
    const struct poly *at[2] = {row, column};
    return access(entry, operator_delta(context_of(entry), entry->elem, rows, columns), 2, at);
}

/* ---- permutations and diagonals ---- */

static struct formula *permutation(const struct entry *entry, const struct operator_node *operator_, const struct poly *from,
                                   const struct poly *column)
{
    return delta(entry, operator_->rows, operator_->columns, from, column);
}

static struct formula *entry_identity(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                      const struct poly *column)
{
    return permutation(entry, operator_, row, column);
}

static struct formula *entry_diag(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    return times(entry, data(entry, operator_, 0, &row), permutation(entry, operator_, row, column));
}

static struct formula *entry_perm(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    return permutation(entry, operator_, poly_table(context_of(entry), operator_->tensors[0].node, 1, &row), column);
}

static struct formula *entry_reversal(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                      const struct poly *column)
{
    const struct poly *last = poly_subtract(context_of(entry), operator_->rows, number(entry, 1));
    return permutation(entry, operator_, poly_subtract(context_of(entry), last, row), column);
}

/* Digits of the row, which are those of the column in the opposite order: row (dk,...,d1), column (d1,...,dk), d_l < r_l. */
static struct formula *entry_digit_reversal(const struct entry *entry, const struct operator_node *operator_,
                                            const struct poly *row, const struct poly *column)
{
    struct ir_context *context = context_of(entry);
    const struct poly *in_row = number(entry, 1), *in_column = operator_->columns, *from = number(entry, 0);
    for (uint32_t k = 0; k < operator_->n_sizes; k++) { /* d_1 is the lowest of the row, the highest of the column */
        in_column = high(entry, in_column, operator_->sizes[k]);
        from = poly_add(context, from, poly_multiply(context, digit(entry, row, in_row, operator_->sizes[k]), in_column));
        in_row = poly_multiply(context, in_row, operator_->sizes[k]);
    }
    return permutation(entry, operator_, from, column);
}

/* ---- products ---- */

static struct formula *entry_kron(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    struct ir_context *context = context_of(entry);
    struct formula *product = NULL;
    const struct poly *below_row = number(entry, 1), *below_column = number(entry, 1);
    for (uint32_t k = operator_->n_parts; k-- > 0;) { /* the last has the lowest digits */
        const struct operator_node *part = operator_->parts[k];
        struct formula *factor =
            entry_of(entry, part, k ? digit(entry, row, below_row, part->rows) : high(entry, row, below_row),
                     k ? digit(entry, column, below_column, part->columns) : high(entry, column, below_column));
        product = product ? times(entry, factor, product) : factor;
        if (!product)
            return NULL;
        below_row = poly_multiply(context, below_row, part->rows);
        below_column = poly_multiply(context, below_column, part->columns);
    }
    return product;
}

static struct formula *entry_product(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                     const struct poly *column)
{
    const struct operator_node *left = operator_->parts[0], *right = operator_->parts[1];
    uint32_t inner = inner_index(entry, "inner", left->columns);
    if (inner == UINT32_MAX)
        return NULL;
    const struct poly *between = poly_index(context_of(entry), inner);
    return sum(entry, inner, times(entry, entry_of(entry, left, row, between), entry_of(entry, right, between, column)));
}

static struct formula *entry_lowrank(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                     const struct poly *column)
{
    uint32_t rank = inner_index(entry, "rank", operator_->tensors[0].node->shape[1]);
    if (rank == UINT32_MAX)
        return NULL;
    const struct poly *r = poly_index(context_of(entry), rank), *u[2] = {row, r}, *v[2] = {r, column};
    return sum(entry, rank, times(entry, data(entry, operator_, 0, u), data(entry, operator_, 1, v)));
}

static struct formula *entry_blockdiag(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                       const struct poly *column)
{
    const struct poly *const *shape = operator_->tensors[0].node->shape;
    const struct poly *at[3] = {high(entry, row, shape[1]), low(entry, row, shape[1]), low(entry, column, shape[2])};
    return times(entry, data(entry, operator_, 0, at), delta(entry, shape[0], shape[0], at[0], high(entry, column, shape[2])));
}

/* y[(p,i,q)] = X[p,i,j,q] * x[(p,j,q)] */
static struct formula *sparse_factor(const struct entry *entry, const struct operator_node *operator_, uint32_t tensor,
                                     const struct poly *row, const struct poly *column)
{
    struct ir_context *context = context_of(entry);
    const struct poly *const *shape = operator_->tensors[tensor].node->shape;
    const struct poly *at[4] = {high(entry, row, poly_multiply(context, shape[1], shape[3])), digit(entry, row, shape[3], shape[1]),
                                digit(entry, column, shape[3], shape[2]), low(entry, row, shape[3])};
    const struct poly *p = high(entry, column, poly_multiply(context, shape[2], shape[3])), *q = low(entry, column, shape[3]);
    struct formula *formula = data(entry, operator_, tensor, at);
    if (!poly_equals(shape[0], 1))
        formula = times(entry, formula, delta(entry, shape[0], shape[0], at[0], p));
    if (!poly_equals(shape[3], 1))
        formula = times(entry, formula, delta(entry, shape[3], shape[3], at[3], q));
    return formula;
}

static struct formula *entry_butterfly(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                       const struct poly *column)
{
    struct ir_context *context = context_of(entry);
    struct formula *product = NULL;
    uint32_t inner[64], count = 0;
    for (uint32_t k = 0; k < operator_->n_tensors; k++) {
        const struct poly *const *shape = operator_->tensors[k].node->shape;
        const struct poly *columns = poly_multiply(context, poly_multiply(context, shape[0], shape[2]), shape[3]), *next = column;
        if (k + 1 < operator_->n_tensors) {
            inner[count] = inner_index(entry, "inner", columns);
            if (inner[count] == UINT32_MAX)
                return NULL;
            next = poly_index(context, inner[count++]);
        }
        struct formula *factor = sparse_factor(entry, operator_, k, row, next);
        product = product ? times(entry, product, factor) : factor;
        row = next;
    }
    while (count > 0)
        product = sum(entry, inner[--count], product);
    return product;
}

/* L[j,i,k], R[k,j,m], or with the rank last but one of R and last of L. */
static struct formula *entry_monarch(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                     const struct poly *column)
{
    const struct poly *const *left = operator_->tensors[0].node->shape, *const *right = operator_->tensors[1].node->shape;
    bool ranked = operator_->kind == OPERATOR_btt;
    const struct poly *m = right[ranked ? 3 : 2];
    uint32_t rank = ranked ? inner_index(entry, "rank", left[3]) : 0;
    if (rank == UINT32_MAX)
        return NULL;
    const struct poly *i = high(entry, row, left[0]), *j = low(entry, row, left[0]), *k = high(entry, column, m),
                      *r = poly_index(context_of(entry), rank);
    const struct poly *l[4] = {j, i, k, r}, *with_rank[4] = {k, j, r, low(entry, column, m)},
                      *without[3] = {k, j, low(entry, column, m)};
    struct formula *product = times(entry, data(entry, operator_, 0, l), data(entry, operator_, 1, ranked ? with_rank : without));
    return ranked ? sum(entry, rank, product) : product;
}

static struct formula *entry_blast(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                   const struct poly *column)
{
    const struct poly *p = operator_->tensors[0].node->shape[1], *q = operator_->tensors[2].node->shape[1];
    uint32_t rank = inner_index(entry, "rank", operator_->tensors[0].node->shape[2]);
    if (rank == UINT32_MAX)
        return NULL;
    const struct poly *r = poly_index(context_of(entry), rank), *i = high(entry, row, p), *j = high(entry, column, q);
    const struct poly *u[3] = {i, low(entry, row, p), r}, *s[3] = {i, j, r}, *v[3] = {j, low(entry, column, q), r};
    return sum(
        entry, rank,
        times(entry, times(entry, data(entry, operator_, 0, u), data(entry, operator_, 1, s)), data(entry, operator_, 2, v)));
}

static struct formula *entry_phm(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                 const struct poly *column)
{
    const struct poly *const *shape = operator_->tensors[1].node->shape;
    uint32_t term = inner_index(entry, "term", shape[0]);
    if (term == UINT32_MAX)
        return NULL;
    const struct poly *k = poly_index(context_of(entry), term);
    const struct poly *a[3] = {k, high(entry, row, shape[1]), high(entry, column, shape[2])};
    const struct poly *s[3] = {k, low(entry, row, shape[1]), low(entry, column, shape[2])};
    return sum(entry, term, times(entry, data(entry, operator_, 0, a), data(entry, operator_, 1, s)));
}

/* ---- matrices given by a few numbers ---- */

static struct formula *entry_toeplitz(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                      const struct poly *column)
{
    struct ir_context *context = context_of(entry);
    const struct poly *last = poly_subtract(context, operator_->columns, number(entry, 1));
    const struct poly *at = poly_add(context, poly_subtract(context, row, column), last);
    return data(entry, operator_, 0, &at);
}

static struct formula *entry_hankel(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                    const struct poly *column)
{
    const struct poly *at = poly_add(context_of(entry), row, column);
    return data(entry, operator_, 0, &at);
}

static struct formula *entry_circulant(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                       const struct poly *column)
{
    const struct poly *at = low(entry, poly_subtract(context_of(entry), row, column), operator_->rows);
    return data(entry, operator_, 0, &at);
}

static struct formula *one(const struct entry *entry, enum ir_elem elem)
{
    struct formula *formula = formula_create(entry->statement, FORMULA_NUMBER, entry->span);
    if (!formula)
        return NULL;
    formula->number = (struct weak_number){.kind = WEAK_INTEGER, .integer = 1, .re = 1};
    formula->type = (struct value_type){WEAK_AN_INTEGER, elem};
    return formula;
}

static struct formula *over(const struct entry *entry, struct formula *a, struct formula *b)
{
    return join(entry, FORMULA_DIVIDE, a, b);
}

static struct formula *entry_cauchy(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                    const struct poly *column)
{
    struct formula *x = data(entry, operator_, 0, &row), *y = data(entry, operator_, 1, &column);
    return over(entry, one(entry, operator_->type.elem), join(entry, FORMULA_SUBTRACT, x, y));
}

/* I - 2 v v^H / (v^H v) */
static struct formula *entry_householder(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                         const struct poly *column)
{
    struct entry conjugated = *entry;
    uint32_t index = inner_index(entry, "inner", operator_->rows);
    if (index == UINT32_MAX)
        return NULL;
    conjugated.conjugate = !entry->conjugate;
    const struct poly *k = poly_index(context_of(entry), index);
    struct formula *norm = sum(entry, index, times(entry, data(&conjugated, operator_, 0, &k), data(entry, operator_, 0, &k)));
    struct formula *two = one(entry, operator_->type.elem);
    if (two)
        two->number = (struct weak_number){.kind = WEAK_INTEGER, .integer = 2, .re = 2};
    struct formula *outer = times(entry, data(entry, operator_, 0, &row), data(&conjugated, operator_, 0, &column));
    return join(entry, FORMULA_SUBTRACT, permutation(entry, operator_, row, column), over(entry, times(entry, two, outer), norm));
}

/* sum over k of D[k,i] where i + offsets[k] is the column */
static struct formula *entry_banded(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                    const struct poly *column)
{
    struct ir_context *context = context_of(entry);
    uint32_t band = inner_index(entry, "band", operator_->tensors[0].node->shape[0]);
    if (band == UINT32_MAX)
        return NULL;
    const struct poly *k = poly_index(context, band), *at[2] = {k, row};
    const struct poly *difference = poly_subtract(context, column, row);
    struct formula *offset = data(entry, &(struct operator_node){.tensors = &operator_->tensors[1]}, 0, &k);
    struct formula *here = formula_create(entry->statement, FORMULA_VALUE, entry->span);
    struct formula *equal = formula_create(entry->statement, FORMULA_APPLY, entry->span);
    struct formula *chosen = formula_create(entry->statement, FORMULA_APPLY, entry->span);
    struct formula *zero = one(entry, operator_->type.elem);
    if (!offset || !here || !equal || !chosen || !zero)
        return NULL;
    here->value = difference;
    here->type = (struct value_type){WEAK_AN_INTEGER, IR_f64};
    add_free(entry, here, difference);
    zero->number = (struct weak_number){.kind = WEAK_INTEGER};
    equal->op = IR_EXPR_eq;
    equal->type = (struct value_type){TYPED, IR_bool};
    equal->n_arguments = 2;
    equal->arguments[0] = offset;
    equal->arguments[1] = here;
    equal->free = index_set_union(&offset->free, &here->free);
    chosen->op = IR_EXPR_select;
    chosen->arguments[0] = equal;
    chosen->arguments[1] = data(entry, operator_, 0, at);
    chosen->arguments[2] = zero;
    chosen->n_arguments = 3;
    chosen->type = operator_->type;
    chosen->free = index_set_union(&equal->free, &chosen->arguments[1]->free);
    return sum(entry, band, chosen);
}

/* ---- transforms ---- */

/* Radix of the first step: 4 where it divides, else the smallest prime. */
static int64_t radix_of(int64_t n)
{
    if (n % 4 == 0)
        return 4;
    for (int64_t p = 2; p * p <= n; p++)
        if (n % p == 0)
            return p;
    return n;
}

/* exp(-2i*pi * row*column / n) with row = k1 + p*k2, column = q*l1 + l2 is that of p at (k1,l1), the root (k1*l2)/n, and that of q
 * at (k2,l2). */
static struct formula *roots(const struct entry *entry, int64_t n, const struct poly *row, const struct poly *column)
{
    int64_t p = radix_of(n), q = n / p;
    struct ir_context *context = context_of(entry);
    const struct poly *whole[2] = {row, column};
    if (q == 1)
        return access(entry, operator_roots(context, entry->elem, n, n, n), 2, whole);
    const struct poly *k1 = low(entry, row, number(entry, p)), *l2 = low(entry, column, number(entry, q));
    const struct poly *first[2] = {k1, high(entry, column, number(entry, q))}, *twiddle[2] = {k1, l2};
    struct formula *step = times(entry, access(entry, operator_roots(context, entry->elem, p, p, p), 2, first),
                                 access(entry, operator_roots(context, entry->elem, p, q, n), 2, twiddle));
    return times(entry, step, roots(entry, q, high(entry, row, number(entry, p)), l2));
}

static struct formula *entry_dft(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                 const struct poly *column)
{
    int64_t n = 1;
    struct entry turned = *entry;
    bool inverse = operator_->kind == OPERATOR_idft;
    (void)poly_is_constant(operator_->rows, &n);
    turned.conjugate = entry->conjugate != inverse;
    turned.elem = ir_elem_complex(entry->elem);
    struct formula *formula = roots(&turned, n, row, column), *size = one(entry, turned.elem);
    if (!inverse || !size)
        return formula;
    size->number = (struct weak_number){.kind = WEAK_REAL, .re = 1 / (double)n};
    size->type = (struct value_type){WEAK_A_REAL, IR_f64};
    return times(entry, size, formula);
}

/* A digit in base two each: the transform is the Kronecker product of those of length two. */
static struct formula *entry_hadamard(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                      const struct poly *column)
{
    int64_t n = 1;
    struct formula *product = NULL;
    const struct ir_node *pair = operator_transform(context_of(entry), operator_->kind, entry->elem, 2);
    (void)poly_is_constant(operator_->rows, &n);
    if (n == 1)
        return permutation(entry, operator_, row, column);
    for (int64_t below = 1; below < n; below *= 2) {
        const struct poly *at[2] = {digit(entry, row, number(entry, below), number(entry, 2)),
                                    digit(entry, column, number(entry, below), number(entry, 2))};
        if (below * 2 == n) {
            at[0] = high(entry, row, number(entry, below));
            at[1] = high(entry, column, number(entry, below));
        }
        struct formula *factor = access(entry, pair, 2, at);
        product = product ? times(entry, factor, product) : factor;
    }
    return product;
}

static struct formula *entry_table(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                   const struct poly *column)
{
    int64_t n = 1;
    const struct poly *at[2] = {row, column};
    (void)poly_is_constant(operator_->rows, &n);
    return access(entry, operator_transform(context_of(entry), operator_->kind, entry->elem, n), 2, at);
}

/* ---- sums and turns ---- */

/* Blocks on the diagonal: each padded with zero outside. */
static struct formula *entry_dsum(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    report_not_yet(entry->statement->body, operator_->span, "`dsum`");
    entry->statement->failed = true;
    (void)row, (void)column;
    return NULL;
}

static struct formula *entry_sum(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                 const struct poly *column)
{
    enum formula_kind kind = operator_->kind == OPERATOR_SUM ? FORMULA_ADD : FORMULA_SUBTRACT;
    return join(entry, kind, entry_of(entry, operator_->parts[0], row, column), entry_of(entry, operator_->parts[1], row, column));
}

static struct formula *entry_part(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                  const struct poly *column)
{
    struct entry inside = *entry;
    bool turns = operator_->kind == OPERATOR_transpose || operator_->kind == OPERATOR_adjoint;
    if (operator_->kind == OPERATOR_conj || operator_->kind == OPERATOR_adjoint)
        inside.conjugate = !entry->conjugate;
    struct formula *formula = entry_of(&inside, operator_->parts[0], turns ? column : row, turns ? row : column);
    if (operator_->kind == OPERATOR_NEGATIVE)
        return negative(entry, formula);
    return operator_->kind == OPERATOR_MULTIPLE ? times(entry, operator_->number, formula) : formula;
}

static struct formula *entry_tensor(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                    const struct poly *column)
{
    const struct poly *at[2] = {row, column};
    return data(entry, operator_, 0, at);
}

static entry_function *const entries[] = {
    [OPERATOR_identity] = entry_identity,
    [OPERATOR_diag] = entry_diag,
    [OPERATOR_perm] = entry_perm,
    [OPERATOR_reversal] = entry_reversal,
    [OPERATOR_stride_perm] = entry_digit_reversal,
    [OPERATOR_digit_reversal] = entry_digit_reversal,
    [OPERATOR_kron] = entry_kron,
    [OPERATOR_dsum] = entry_dsum,
    [OPERATOR_blockdiag] = entry_blockdiag,
    [OPERATOR_lowrank] = entry_lowrank,
    [OPERATOR_toeplitz] = entry_toeplitz,
    [OPERATOR_hankel] = entry_hankel,
    [OPERATOR_circulant] = entry_circulant,
    [OPERATOR_cauchy] = entry_cauchy,
    [OPERATOR_dft] = entry_dft,
    [OPERATOR_idft] = entry_dft,
    [OPERATOR_dct1] = entry_table,
    [OPERATOR_dct2] = entry_table,
    [OPERATOR_dct3] = entry_table,
    [OPERATOR_dct4] = entry_table,
    [OPERATOR_dst1] = entry_table,
    [OPERATOR_dst2] = entry_table,
    [OPERATOR_dst3] = entry_table,
    [OPERATOR_dst4] = entry_table,
    [OPERATOR_dht] = entry_table,
    [OPERATOR_hadamard] = entry_hadamard,
    [OPERATOR_ks] = entry_butterfly,
    [OPERATOR_butterfly] = entry_butterfly,
    [OPERATOR_monarch] = entry_monarch,
    [OPERATOR_btt] = entry_monarch,
    [OPERATOR_blast] = entry_blast,
    [OPERATOR_phm] = entry_phm,
    [OPERATOR_householder] = entry_householder,
    [OPERATOR_banded] = entry_banded,
    [OPERATOR_transpose] = entry_part,
    [OPERATOR_conj] = entry_part,
    [OPERATOR_adjoint] = entry_part,
    [OPERATOR_TENSOR] = entry_tensor,
    [OPERATOR_PRODUCT] = entry_product,
    [OPERATOR_SUM] = entry_sum,
    [OPERATOR_DIFFERENCE] = entry_sum,
    [OPERATOR_NEGATIVE] = entry_part,
    [OPERATOR_MULTIPLE] = entry_part,
};

static struct formula *entry_of(const struct entry *entry, const struct operator_node *operator_, const struct poly *row,
                                const struct poly *column)
{
    return row && column ? entries[operator_->kind](entry, operator_, row, column) : NULL;
}

/* ---- in formulas ---- */

static bool is_sum(const struct formula *formula)
{
    return formula->kind == FORMULA_ADD || formula->kind == FORMULA_SUBTRACT;
}

/* The operator's entries as one factor. */
static struct formula *wrap(const struct formula *around, struct formula *inside, struct statement *statement)
{
    struct formula *formula = inside ? formula_create(statement, FORMULA_OPERATOR, around->span) : NULL;
    if (!formula)
        return NULL;
    formula->type = inside->type;
    formula->free = inside->free;
    formula->n_arguments = 1;
    formula->arguments[0] = inside;
    return formula;
}

/* An operator that is a sum, multiplied out over the product it stands in. */
static struct formula *distribute(struct statement *statement, struct formula *product, uint32_t side)
{
    struct formula *operator_ = product->arguments[side], *inner = operator_->arguments[0];
    struct formula *result = formula_create(statement, inner->kind, product->span);
    if (!result)
        return NULL;
    *result = (struct formula){
        .kind = inner->kind, .span = product->span, .type = product->type, .free = product->free, .n_arguments = 2};
    for (uint32_t k = 0; k < 2; k++) {
        struct formula *term = formula_create(statement, product->kind, product->span);
        if (!term)
            return NULL;
        *term = *product;
        term->parenthesised = false;
        term->arguments[side] = wrap(operator_, inner->arguments[k], statement);
        if (!term->arguments[side])
            return NULL;
        term->free = product->n_arguments == 2 ? index_set_union(&term->arguments[side]->free, &product->arguments[1 - side]->free)
                                               : term->arguments[side]->free;
        bool nested = is_sum(inner->arguments[k]);
        result->arguments[k] = nested ? distribute(statement, term, side) : term;
        if (!result->arguments[k])
            return NULL;
    }
    return wrap(operator_, result, statement);
}

static bool is_operator_sum(const struct formula *formula)
{
    return formula->kind == FORMULA_OPERATOR && is_sum(formula->arguments[0]);
}

/* A sum of operators that is no factor: each term is summed alone. */
static struct formula *as_terms(struct formula *formula)
{
    return is_operator_sum(formula) ? formula->arguments[0] : formula;
}

static struct formula *expand(struct statement *statement, struct formula *formula, enum ir_elem elem)
{
    if (!formula)
        return NULL;
    if (formula->kind == FORMULA_OPERATOR) {
        struct entry entry = {.statement = statement, .elem = elem, .span = formula->span};
        if (!formula->polys || !formula->polys[0] || !formula->polys[1])
            return NULL;
        return wrap(formula, entry_of(&entry, formula->operator_, formula->polys[0], formula->polys[1]), statement);
    }
    enum ir_elem inside = formula->type.weakness || value_is_bool(formula->type) ? elem : formula->type.elem;
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!(formula->arguments[k] = expand(statement, formula->arguments[k], inside)))
            return NULL;
    bool product = formula->kind == FORMULA_MULTIPLY || formula->kind == FORMULA_NEGATE || formula->kind == FORMULA_DIVIDE;
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!product || (k == 1 && formula->kind == FORMULA_DIVIDE))
            formula->arguments[k] = as_terms(formula->arguments[k]);
    if (product && is_operator_sum(formula->arguments[0]))
        return distribute(statement, formula, 0);
    if (formula->kind == FORMULA_MULTIPLY && is_operator_sum(formula->arguments[1]))
        return distribute(statement, formula, 1);
    return formula;
}

struct formula *operators_expand(struct statement *statement, struct formula *formula, enum ir_elem elem)
{
    struct formula *expanded = expand(statement, formula, elem);
    return expanded ? as_terms(expanded) : NULL;
}
