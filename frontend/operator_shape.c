/* Shapes of operators by those of their arguments, and what arguments must have in common. */
#include "operator_read.h"

static const struct poly *axis(const struct operator_node *operator_, uint32_t tensor, uint32_t axis)
{
    return operator_->tensors[tensor].node->shape[axis];
}

/* These axes of two tensors have one extent. */
static bool agree(const struct reading *reading, const struct operator_node *operator_, uint32_t a, uint32_t a_axis, uint32_t b,
                  uint32_t b_axis)
{
    struct body *body = reading->statement->body;
    const struct poly *x = axis(operator_, a, a_axis), *y = axis(operator_, b, b_axis);
    if (x == y)
        return true;
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0251, operator_->tensors[b].span, "axis %u of `%s` is %s, axis %u of `%s` is %s",
                   b_axis, operator_->tensors[b].name, extent_text(body->resolver, y), a_axis, operator_->tensors[a].name,
                   extent_text(body->resolver, x));
    diag_help(body->diagnostics, diag, "here the two are one extent");
    return operator_failed(reading), false;
}

static const struct poly *times(const struct reading *reading, const struct poly *a, const struct poly *b)
{
    return poly_multiply(reading->statement->body->context, a, b);
}

void operator_set_shape(struct operator_node *operator_, const struct poly *rows, const struct poly *columns)
{
    operator_->rows = rows;
    operator_->columns = columns;
}

/* t has rows + columns - 1 entries; n x n where no sizes are given. */
static bool set_diagonals(const struct reading *reading, struct operator_node *operator_)
{
    struct ir_context *context = reading->statement->body->context;
    const struct poly *entries = poly_add(context, axis(operator_, 0, 0), poly_constant(context, 1));
    if (operator_->n_sizes == 0) {
        const struct poly *n = poly_floor_div(context, entries, poly_constant(context, 2), NULL);
        if (poly_scale(context, n, 2) != entries) {
            diag_error(reading->statement->body->diagnostics, DIAG_E0251, operator_->span,
                       "an odd number of entries is wanted: 2n - 1 for n x n");
            return operator_failed(reading), false;
        }
        operator_set_shape(operator_, n, n);
        return true;
    }
    operator_set_shape(operator_, operator_->sizes[0], operator_->sizes[1]);
    if (poly_add(context, operator_->rows, operator_->columns) == entries)
        return true;
    diag_error(reading->statement->body->diagnostics, DIAG_E0251, operator_->tensors[0].span,
               "`%s` has %s entries; m + n - 1 are wanted", operator_->tensors[0].name,
               extent_text(reading->statement->body->resolver, axis(operator_, 0, 0)));
    return operator_failed(reading), false;
}

static bool set_products(const struct reading *reading, struct operator_node *operator_)
{
    for (uint32_t k = 0; k < operator_->n_parts; k++) {
        const struct operator_node *part = operator_->parts[k];
        bool sums = operator_->kind == OPERATOR_dsum;
        struct ir_context *context = reading->statement->body->context;
        if (k == 0)
            operator_set_shape(operator_, part->rows, part->columns);
        else if (sums)
            operator_set_shape(operator_, poly_add(context, operator_->rows, part->rows),
                               poly_add(context, operator_->columns, part->columns));
        else
            operator_set_shape(operator_, times(reading, operator_->rows, part->rows),
                               times(reading, operator_->columns, part->columns));
    }
    return true;
}

/* ks(X): abd x acd. */
static bool set_sparse_factors(const struct reading *reading, struct operator_node *operator_)
{
    for (uint32_t k = 0; k < operator_->n_tensors; k++) {
        const struct poly *outer = times(reading, axis(operator_, k, 0), axis(operator_, k, 3));
        const struct poly *rows = times(reading, outer, axis(operator_, k, 1)),
                          *columns = times(reading, outer, axis(operator_, k, 2));
        if (k > 0 && operator_->columns != rows) {
            struct body *body = reading->statement->body;
            diag_error(body->diagnostics, DIAG_E0251, operator_->tensors[k].span, "`%s` gives %s rows where %s are wanted",
                       operator_->tensors[k].name, extent_text(body->resolver, rows),
                       extent_text(body->resolver, operator_->columns));
            return operator_failed(reading), false;
        }
        operator_set_shape(operator_, k ? operator_->rows : rows, columns);
    }
    return true;
}

static bool report_size(const struct reading *reading, const struct operator_node *operator_, const char *wanted)
{
    diag_error(reading->statement->body->diagnostics, DIAG_E0252, operator_->span, "%s", wanted);
    return operator_failed(reading), false;
}

static bool set_transform(const struct reading *reading, struct operator_node *operator_)
{
    int64_t n;
    const struct poly *size = operator_->sizes[0];
    if (!poly_is_constant(size, &n) || n > INT64_C(1) << 24)
        return report_size(reading, operator_, "a transform has at most 2^24 elements");
    if (operator_->kind == OPERATOR_dct1 && n < 2)
        return report_size(reading, operator_, "`dct1` takes at least 2 elements");
    if (operator_->kind == OPERATOR_hadamard && (n & (n - 1)) != 0)
        return report_size(reading, operator_, "`hadamard` takes a power of two");
    const struct poly *half = poly_constant(reading->statement->body->context, n / 2 + 1);
    operator_set_shape(operator_, operator_->kind == OPERATOR_rdft ? half : size, operator_->kind == OPERATOR_irdft ? half : size);
    return true;
}

/* Coordinates that are known lie inside the axis; others are looked at when the kernel runs. */
static bool set_coordinates(const struct reading *reading, const struct operator_node *operator_, uint32_t tensor,
                            const struct poly *extent)
{
    const struct operator_tensor *table = &operator_->tensors[tensor];
    int64_t count = 0, limit = 0;
    if (table->node->op != IR_const_node || !poly_is_constant(table->node->shape[0], &count) || !poly_is_constant(extent, &limit))
        return true;
    for (int64_t k = 0; k < count; k++) {
        struct ir_number value = ir_number_load(table->node->elem, table->node->constant->data, (size_t)k);
        if (value.i >= 0 && value.i < limit)
            continue;
        diag_error(reading->statement->body->diagnostics, DIAG_E0252, table->span,
                   "`%s[%lld]` is %lld; a coordinate from 0 to %lld is wanted", table->name, (long long)k, (long long)value.i,
                   (long long)limit - 1);
        return operator_failed(reading), false;
    }
    return true;
}

/* It is applied by a scan, and there is no scan in a scan. */
static bool is_outside_scan(const struct reading *reading, const struct operator_node *operator_)
{
    const struct body *body = reading->statement->body;
    if (!body->scan && !body->beginning)
        return true;
    report_not_yet(reading->statement->body, operator_->span, "`semiseparable` in a scan");
    return operator_failed(reading), false;
}

/* A[t], A[t,n] or A[t,n,m], B[t,n], C[t,n] */
static bool set_recurrence(const struct reading *reading, struct operator_node *operator_)
{
    uint32_t rank = operator_->tensors[0].node->rank;
    operator_set_shape(operator_, axis(operator_, 0, 0), axis(operator_, 0, 0));
    return agree(reading, operator_, 0, 0, 1, 0) && agree(reading, operator_, 0, 0, 2, 0) &&
           agree(reading, operator_, 1, 1, 2, 1) && (rank < 2 || agree(reading, operator_, 0, 1, 1, 1)) &&
           (rank < 3 || agree(reading, operator_, 0, 2, 1, 1)) && is_outside_scan(reading, operator_);
}

bool operator_set_extents(const struct reading *reading, struct operator_node *operator_)
{
    const struct poly *one = poly_constant(reading->statement->body->context, 1);
    switch (operator_->kind) {
    case OPERATOR_diag:
    case OPERATOR_perm:
    case OPERATOR_circulant:
    case OPERATOR_householder:
        operator_set_shape(operator_, axis(operator_, 0, 0), axis(operator_, 0, 0));
        return operator_->kind != OPERATOR_perm || set_coordinates(reading, operator_, 0, operator_->rows);
    case OPERATOR_stride_perm:
    case OPERATOR_digit_reversal:
        operator_set_shape(operator_, one, one);
        for (uint32_t k = 0; k < operator_->n_sizes; k++)
            operator_set_shape(operator_, times(reading, operator_->rows, operator_->sizes[k]),
                               times(reading, operator_->rows, operator_->sizes[k]));
        return true;
    case OPERATOR_identity:
    case OPERATOR_reversal:
        operator_set_shape(operator_, operator_->sizes[0], operator_->sizes[0]);
        return true;
    case OPERATOR_kron:
    case OPERATOR_dsum:
        return set_products(reading, operator_);
    case OPERATOR_blockdiag:
        operator_set_shape(operator_, times(reading, axis(operator_, 0, 0), axis(operator_, 0, 1)),
                           times(reading, axis(operator_, 0, 0), axis(operator_, 0, 2)));
        return true;
    case OPERATOR_lowrank:
        operator_set_shape(operator_, axis(operator_, 0, 0), axis(operator_, 1, 1));
        return agree(reading, operator_, 0, 1, 1, 0);
    case OPERATOR_toeplitz:
    case OPERATOR_hankel:
        return set_diagonals(reading, operator_);
    case OPERATOR_cauchy:
        operator_set_shape(operator_, axis(operator_, 0, 0), axis(operator_, 1, 0));
        return true;
    case OPERATOR_vandermonde:
        operator_set_shape(operator_, axis(operator_, 0, 0), operator_->sizes[0]);
        return true;
    case OPERATOR_sparse:
        operator_set_shape(operator_, operator_->sizes[0], operator_->sizes[1]);
        return agree(reading, operator_, 0, 0, 1, 0) && agree(reading, operator_, 0, 0, 2, 0) &&
               set_coordinates(reading, operator_, 0, operator_->rows) &&
               set_coordinates(reading, operator_, 1, operator_->columns);
    case OPERATOR_ks:
    case OPERATOR_butterfly:
        return set_sparse_factors(reading, operator_);
    case OPERATOR_monarch:
    case OPERATOR_btt: /* L[j,i,k], R[k,j,m] */
        operator_set_shape(operator_, times(reading, axis(operator_, 0, 1), axis(operator_, 0, 0)),
                           times(reading, axis(operator_, 0, 2), axis(operator_, 1, operator_->kind == OPERATOR_btt ? 3 : 2)));
        return agree(reading, operator_, 0, 0, 1, 1) && agree(reading, operator_, 0, 2, 1, 0) &&
               (operator_->kind == OPERATOR_monarch || agree(reading, operator_, 0, 3, 1, 2));
    case OPERATOR_blast: /* U[i,p,r], S[i,j,r], V[j,q,r] */
        operator_set_shape(operator_, times(reading, axis(operator_, 0, 0), axis(operator_, 0, 1)),
                           times(reading, axis(operator_, 2, 0), axis(operator_, 2, 1)));
        return agree(reading, operator_, 0, 0, 1, 0) && agree(reading, operator_, 1, 1, 2, 0) &&
               agree(reading, operator_, 0, 2, 1, 2) && agree(reading, operator_, 0, 2, 2, 2);
    case OPERATOR_phm: /* A[k,i1,j1], S[k,i2,j2] */
        operator_set_shape(operator_, times(reading, axis(operator_, 0, 1), axis(operator_, 1, 1)),
                           times(reading, axis(operator_, 0, 2), axis(operator_, 1, 2)));
        return agree(reading, operator_, 0, 0, 1, 0);
    case OPERATOR_banded:
        operator_set_shape(operator_, axis(operator_, 0, 1), axis(operator_, 0, 1));
        return agree(reading, operator_, 0, 0, 1, 0);
    case OPERATOR_semiseparable:
        return set_recurrence(reading, operator_);
    case OPERATOR_transpose:
    case OPERATOR_adjoint:
        operator_set_shape(operator_, operator_->parts[0]->columns, operator_->parts[0]->rows);
        return true;
    case OPERATOR_conj:
    case OPERATOR_inv:
        operator_set_shape(operator_, operator_->parts[0]->rows, operator_->parts[0]->columns);
        return true;
    default:
        return set_transform(reading, operator_);
    }
}
