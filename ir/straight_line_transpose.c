/* The program of a matrix from that of its transpose: the network read backwards.
 *
 * What a value is multiplied by on its way into another is what the other's counterpart is multiplied by on its way back, so a
 * value becomes the sum of the counterparts of all that used it (Bordewijk 1956). It takes the same multiplications, and as many
 * additions but for the difference of rows and columns: a fast cosine transform of type II is one of type III. */
#include "straight_line_internal.h"

#include <math.h>

/* What a value's counterpart is the sum of. */
struct sum {
    struct straight_line_term *terms;
    uint32_t n_terms, capacity;
};

struct transposing {
    struct elimination *elimination;
    const struct straight_line *from;
    struct sum *sums; /* by value of `from`, inputs first */
};

static bool add_term(struct transposing *transposing, uint32_t value, struct straight_line_term term)
{
    struct sum *sum = &transposing->sums[value];
    size_t n = sum->n_terms, capacity = sum->capacity;
    bool added = ARENA_PUSH(transposing->elimination->arena, sum->terms, n, capacity, term);
    sum->n_terms = (uint32_t)n;
    sum->capacity = (uint32_t)capacity;
    return added;
}

/* One value with a factor: the sum, by values of two terms. */
static struct straight_line_term total(struct transposing *transposing, const struct sum *sum)
{
    struct straight_line_term term = sum->terms[0];
    for (uint32_t k = 1; k < sum->n_terms; k++) {
        uint32_t value = elimination_add_value(transposing->elimination, (struct straight_line_value){{term, sum->terms[k]}, 2});
        term = (struct straight_line_term){value, 1};
    }
    if (fabs(term.factor) == 1)
        return term;
    uint32_t value = elimination_add_value(transposing->elimination, (struct straight_line_value){{term}, 1});
    return (struct straight_line_term){value, 1};
}

static bool spread(struct transposing *transposing, uint32_t n_terms, const struct straight_line_term *terms,
                   struct straight_line_term source)
{
    for (uint32_t k = 0; k < n_terms; k++)
        if (!add_term(transposing, terms[k].value, (struct straight_line_term){source.value, source.factor * terms[k].factor}))
            return false;
    return true;
}

bool elimination_transpose(struct elimination *elimination, const struct straight_line *from)
{
    struct straight_line *line = elimination->line;
    struct transposing transposing = {.elimination = elimination, .from = from};
    transposing.sums = ARENA_ARRAY(elimination->arena, from->n_inputs + from->n_values, struct sum);
    line->rows = ARENA_ARRAY(elimination->arena, line->n_rows, struct straight_line_row);
    if (!transposing.sums || !line->rows)
        return false;
    for (uint32_t row = 0; row < from->n_rows; row++)
        if (!spread(&transposing, from->rows[row].n_terms, from->rows[row].terms, (struct straight_line_term){row, 1}))
            return false;
    for (size_t k = from->n_values; k-- > 0;) { /* users before what they use */
        const struct sum *sum = &transposing.sums[from->n_inputs + k];
        const struct straight_line_value *value = &from->values[k];
        if (sum->n_terms && !spread(&transposing, value->n_terms, value->terms, total(&transposing, sum)))
            return false;
    }
    for (uint32_t row = 0; row < line->n_rows; row++) {
        line->rows[row] = (struct straight_line_row){transposing.sums[row].terms, transposing.sums[row].n_terms};
        elimination_count_row(line, row);
    }
    return !arena_failed(elimination->arena);
}
