/* Inverses of sums of Kronecker products by fast diagonalisation (Lynch, Rice and Thomas 1964).
 *
 * In kron(A, M) + kron(N, B) + ... each place has at most two matrices, here A and N, symmetric and one of them positive definite.
 * S with S^T N S = I and S^T A S diagonal diagonalises both, so the sum is diagonal between the Kronecker products of the S^-T and
 * the S^-1 of all places, and its inverse takes the reciprocals between that of the S and their transposes. */
#include "operator_inverse.h"

#include "ir/dense.h"

#include <math.h>

enum { MOST_TERMS = 16, MOST_PLACES = 8 };

struct kron_sum {
    const struct reading *reading;
    struct span span;
    uint32_t n_terms, n_places;
    double numbers[MOST_TERMS]; /* that terms are multiplied by */
    const struct operator_node *factors[MOST_TERMS][MOST_PLACES];
    /* of each place: */
    size_t sizes[MOST_PLACES];
    double *vectors[MOST_PLACES];            /* NULL: the identity */
    double *values[MOST_TERMS][MOST_PLACES]; /* of each term's factor, in these vectors */
};

/* ---- reading the sum ---- */

static bool add_factors(struct kron_sum *sum, uint32_t *count, const struct operator_node *operator_)
{
    if (operator_->kind == OPERATOR_kron) {
        for (uint32_t k = 0; k < operator_->n_parts; k++)
            if (!add_factors(sum, count, operator_->parts[k]))
                return false;
        return true;
    }
    if (*count == MOST_PLACES || operator_->rows != operator_->columns)
        return false;
    sum->factors[sum->n_terms][(*count)++] = operator_;
    return true;
}

static bool add_terms(struct kron_sum *sum, const struct operator_node *operator_, double number)
{
    uint32_t count = 0;
    const struct formula *by = operator_->number;
    switch (operator_->kind) {
    case OPERATOR_SUM:
    case OPERATOR_DIFFERENCE:
        return add_terms(sum, operator_->parts[0], number) &&
               add_terms(sum, operator_->parts[1], operator_->kind == OPERATOR_SUM ? number : -number);
    case OPERATOR_NEGATIVE:
        return add_terms(sum, operator_->parts[0], -number);
    case OPERATOR_MULTIPLE:
        return by->kind == FORMULA_NUMBER && by->type.weakness != WEAK_A_COMPLEX &&
               add_terms(sum, operator_->parts[0], number * by->number.re);
    case OPERATOR_kron:
        break;
    default:
        return false;
    }
    if (sum->n_terms == MOST_TERMS || !add_factors(sum, &count, operator_))
        return false;
    if (sum->n_terms > 0 && count != sum->n_places)
        return false;
    sum->n_places = count;
    for (uint32_t place = 0; place < count; place++)
        if (sum->factors[sum->n_terms][place]->rows != sum->factors[0][place]->rows)
            return false;
    sum->numbers[sum->n_terms++] = number;
    return true;
}

/* ---- each place ---- */

/* Numbers of a real symmetric factor; NULL: it is none. */
static double *symmetric_numbers(const struct kron_sum *sum, const struct operator_node *factor, size_t *n)
{
    const double _Complex *numbers = operator_numbers(sum->reading, factor, n);
    double *real = numbers ? ARENA_ARRAY(sum->reading->statement->body->arena, *n * *n, double) : NULL;
    for (size_t k = 0; real && k < *n * *n; k++) {
        real[k] = creal(numbers[k]);
        if (cimag(numbers[k]) != 0 || numbers[k] != numbers[k % *n * *n + k / *n])
            return NULL;
    }
    return real;
}

static bool same_numbers(size_t n, const double *a, const double *b)
{
    for (size_t k = 0; k < n * n; k++)
        if (a[k] != b[k])
            return false;
    return true;
}

static bool is_unit(size_t n, const double *a)
{
    for (size_t k = 0; k < n * n; k++)
        if (a[k] != (k / n == k % n))
            return false;
    return true;
}

/* The two matrices of a place; `which[t]` is that of term t. False: there are more, or one that is not symmetric. */
static bool find_pair(struct kron_sum *sum, uint32_t place, const double *pair[2], int *which)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < sum->n_terms; t++) {
        const double *numbers = symmetric_numbers(sum, sum->factors[t][place], &sum->sizes[place]);
        uint32_t k = 0;
        if (!numbers)
            return false;
        while (k < count && !same_numbers(sum->sizes[place], pair[k], numbers))
            k++;
        if (k == 2)
            return false;
        pair[k] = numbers;
        count = k == count ? count + 1 : count;
        which[t] = (int)k;
    }
    return true;
}

static bool diagonalise_place(struct kron_sum *sum, uint32_t place)
{
    struct arena *arena = sum->reading->statement->body->arena;
    const double *pair[2] = {NULL, NULL};
    int which[MOST_TERMS], unit = -1;
    if (!find_pair(sum, place, pair, which))
        return false;
    size_t n = sum->sizes[place];
    double *values = ARENA_ARRAY(arena, n, double), *ones = ARENA_ARRAY(arena, n, double);
    sum->vectors[place] = ARENA_ARRAY(arena, n * n, double);
    if (!values || !ones || !sum->vectors[place])
        return false;
    for (size_t k = 0; k < n; k++)
        ones[k] = 1;
    for (int k = 0; k < 2; k++)
        if (pair[k] && is_unit(n, pair[k]))
            unit = k;
    bool found = false;
    for (int y = 0; y < 2 && !found; y++) /* the one that becomes the identity */
        if (unit < 0 ? pair[1] || y == 1 : y == unit) {
            const double *x = unit < 0 && !pair[1] ? pair[0] : pair[1 - y];
            bool alone = unit < 0 && !pair[1];
            if (unit >= 0 && !pair[1 - y])
                sum->vectors[place] = NULL, found = true; /* identities alone */
            else
                found = dense_eigenvectors(arena, n, x, unit >= 0 || alone ? NULL : pair[y], sum->vectors[place], values);
            for (uint32_t t = 0; found && t < sum->n_terms; t++)
                sum->values[t][place] = which[t] == y && !alone ? ones : values;
        }
    return found;
}

/* ---- the inverse ---- */

/* Reciprocals of the sum's eigenvalues, of all places together; NULL after a diagnostic: one is zero. */
static const struct ir_node *reciprocals(const struct kron_sum *sum, const struct operator_node *operator_, enum ir_elem elem)
{
    struct arena *arena = sum->reading->statement->body->arena;
    size_t count = 1;
    for (uint32_t place = 0; place < sum->n_places; place++)
        count *= sum->sizes[place];
    double _Complex *values = ARENA_ARRAY(arena, count, double _Complex);
    double largest = 0, least = INFINITY;
    for (size_t k = 0; values && k < count; k++) {
        long double value = 0;
        for (uint32_t t = 0; t < sum->n_terms; t++) {
            long double product = sum->numbers[t];
            size_t rest = k;
            for (uint32_t place = sum->n_places; place-- > 0; rest /= sum->sizes[place])
                product *= sum->values[t][place][rest % sum->sizes[place]];
            value += product;
        }
        largest = fmax(largest, fabs((double)value));
        least = fmin(least, fabs((double)value));
        values[k] = (double)(1 / value);
    }
    if (!values)
        return NULL;
    if (!(least > largest * ir_elem_epsilon(elem))) {
        (void)operator_report_singular(sum->reading, operator_);
        return NULL;
    }
    operator_note_condition(sum->reading, operator_, "by eigenvectors", largest / least);
    return operator_constant(sum->reading, elem, 1, &operator_->rows, values);
}

static const struct operator_node *vectors_at(const struct kron_sum *sum, uint32_t place, enum ir_elem elem)
{
    struct arena *arena = sum->reading->statement->body->arena;
    const struct operator_node *factor = sum->factors[0][place];
    const struct poly *shape[2] = {factor->rows, factor->columns};
    size_t count = sum->sizes[place] * sum->sizes[place];
    if (!sum->vectors[place]) {
        struct value_type type = {WEAK_AN_INTEGER, IR_f64};
        return operator_of_sizes(sum->reading, OPERATOR_identity, 1, shape, type, sum->span);
    }
    double _Complex *numbers = ARENA_ARRAY(arena, count, double _Complex);
    for (size_t k = 0; numbers && k < count; k++)
        numbers[k] = sum->vectors[place][k];
    return numbers ? operator_of_tensor(sum->reading, OPERATOR_TENSOR, operator_constant(sum->reading, elem, 2, shape, numbers),
                                        sum->span)
                   : NULL;
}

struct operator_node *operator_invert_kron_sum(const struct reading *reading, const struct operator_node *operator_)
{
    struct kron_sum *sum = ARENA_NEW(reading->statement->body->arena, struct kron_sum);
    const struct operator_node *vectors[MOST_PLACES];
    enum ir_elem elem = ir_elem_is_float(operator_->type.elem) ? operator_->type.elem : IR_f64;
    if (!sum || !operator_is_constant(operator_))
        return NULL;
    sum->reading = reading;
    sum->span = operator_->span;
    if (!add_terms(sum, operator_, 1) || sum->n_places < 2)
        return NULL;
    for (uint32_t place = 0; place < sum->n_places; place++)
        if (!diagonalise_place(sum, place))
            return NULL;
    const struct ir_node *diagonal = reciprocals(sum, operator_, elem);
    for (uint32_t place = 0; place < sum->n_places; place++)
        vectors[place] = vectors_at(sum, place, elem);
    const struct operator_node *forward = operator_of_parts(reading, OPERATOR_kron, sum->n_places, vectors);
    const struct operator_node *right[2] = {operator_of_tensor(reading, OPERATOR_diag, diagonal, sum->span),
                                            forward ? operator_of_parts(reading, OPERATOR_transpose, 1, &forward) : NULL};
    const struct operator_node *all[2] = {forward, operator_of_parts(reading, OPERATOR_PRODUCT, 2, right)};
    return operator_of_parts(reading, OPERATOR_PRODUCT, 2, all);
}
