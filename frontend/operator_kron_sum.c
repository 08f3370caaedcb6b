/* Inverses of sums of Kronecker products by fast diagonalisation (Lynch, Rice and Thomas 1964).
 *
 * Where the matrices that kron(A, M) + kron(N, B) + ... has in each place are made diagonal together, A and N by F . B for
 * instance, the sum is diagonal between the Kronecker products of all places' forward and backward matrices, and its inverse takes
 * the reciprocals there (operator_diagonal.c). */
#include "operator_inverse.h"

#include <complex.h>
#include <math.h>
#include <string.h>

enum { MOST_TERMS = 16, MOST_PLACES = 8 };

struct kron_sum {
    const struct reading *reading;
    struct span span;
    enum ir_elem elem;
    uint32_t n_terms, n_places;
    double numbers[MOST_TERMS]; /* that terms are multiplied by */
    const struct operator_node *factors[MOST_TERMS][MOST_PLACES];
    /* of each place: */
    size_t sizes[MOST_PLACES];
    struct diagonal_form forms[MOST_PLACES];
    uint32_t which[MOST_TERMS][MOST_PLACES]; /* of its matrices stands in the term */
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
    double _Complex by;
    switch (operator_->kind) {
    case OPERATOR_SUM:
    case OPERATOR_DIFFERENCE:
        return add_terms(sum, operator_->parts[0], number) &&
               add_terms(sum, operator_->parts[1], operator_->kind == OPERATOR_SUM ? number : -number);
    case OPERATOR_NEGATIVE:
        return add_terms(sum, operator_->parts[0], -number);
    case OPERATOR_MULTIPLE:
        return operator_known_number(sum->reading, operator_->number, &by) && cimag(by) == 0 &&
               add_terms(sum, operator_->parts[0], number * creal(by));
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

/* False: a matrix of the place is not symmetric, or they are not made diagonal together. */
static bool diagonalise_place(struct kron_sum *sum, uint32_t place)
{
    const double *matrices[MOST_TERMS];
    uint32_t count = 0;
    for (uint32_t t = 0; t < sum->n_terms; t++) {
        const double *numbers = symmetric_numbers(sum, sum->factors[t][place], &sum->sizes[place]);
        uint32_t k = 0;
        if (!numbers)
            return false;
        while (k < count && !same_numbers(sum->sizes[place], matrices[k], numbers))
            k++;
        matrices[k] = numbers;
        count = k == count ? count + 1 : count;
        sum->which[t][place] = k;
    }
    return operator_diagonalise(sum->reading, sum->span, sum->elem, sum->factors[0][place]->rows, count, matrices,
                                &sum->forms[place]);
}

/* ---- the inverse ---- */

/* How each place is made diagonal. */
static const char *forms_text(const struct kron_sum *sum)
{
    struct arena *arena = sum->reading->statement->body->arena;
    const char *text = "diagonal by";
    bool same = true;
    for (uint32_t place = 1; place < sum->n_places; place++)
        same = same && strcmp(sum->forms[place].name, sum->forms[0].name) == 0;
    for (uint32_t place = 0; text && place < (same ? 1 : sum->n_places); place++)
        text = arena_printf(arena, "%s%s %s", text, place ? "," : "", sum->forms[place].name);
    return text;
}

/* Reciprocals of the sum's eigenvalues, of all places together; NULL after a diagnostic: one is zero. */
static const struct ir_node *reciprocals(const struct kron_sum *sum, const struct operator_node *operator_)
{
    struct arena *arena = sum->reading->statement->body->arena;
    size_t count = 1;
    double scale = 1;
    for (uint32_t place = 0; place < sum->n_places; place++) {
        count *= sum->sizes[place];
        scale *= sum->forms[place].scale;
    }
    double _Complex *values = ARENA_ARRAY(arena, count, double _Complex);
    double largest = 0, least = INFINITY;
    for (size_t k = 0; values && k < count; k++) {
        long double value = 0;
        for (uint32_t t = 0; t < sum->n_terms; t++) {
            long double product = sum->numbers[t];
            size_t rest = k;
            for (uint32_t place = sum->n_places; place-- > 0; rest /= sum->sizes[place])
                product *= sum->forms[place].values[sum->which[t][place]][rest % sum->sizes[place]];
            value += product;
        }
        largest = fmax(largest, fabs((double)value));
        least = fmin(least, fabs((double)value));
        values[k] = (double)(scale / value);
    }
    if (!values)
        return NULL;
    if (!(least > largest * ir_elem_epsilon(sum->elem))) {
        (void)operator_report_singular(sum->reading, operator_);
        return NULL;
    }
    operator_note_condition(sum->reading, operator_, forms_text(sum), largest / least);
    return operator_constant(sum->reading, sum->elem, 1, &operator_->rows, values);
}

struct operator_node *operator_invert_kron_sum(const struct reading *reading, const struct operator_node *operator_)
{
    struct kron_sum *sum = ARENA_NEW(reading->statement->body->arena, struct kron_sum);
    const struct operator_node *forward[MOST_PLACES], *backward[MOST_PLACES];
    if (!sum || !operator_is_constant(reading, operator_))
        return NULL;
    sum->reading = reading;
    sum->span = operator_->span;
    sum->elem = ir_elem_is_float(operator_->type.elem) ? operator_->type.elem : IR_f64;
    if (!add_terms(sum, operator_, 1) || sum->n_places < 2)
        return NULL;
    for (uint32_t place = 0; place < sum->n_places; place++) {
        if (!diagonalise_place(sum, place))
            return NULL;
        forward[place] = sum->forms[place].forward;
        backward[place] = sum->forms[place].backward;
    }
    const struct operator_node *right[2] = {operator_of_tensor(reading, OPERATOR_diag, reciprocals(sum, operator_), sum->span),
                                            operator_of_parts(reading, OPERATOR_kron, sum->n_places, forward)};
    const struct operator_node *all[2] = {operator_of_parts(reading, OPERATOR_kron, sum->n_places, backward),
                                          operator_of_parts(reading, OPERATOR_PRODUCT, 2, right)};
    return operator_of_parts(reading, OPERATOR_PRODUCT, 2, all);
}
