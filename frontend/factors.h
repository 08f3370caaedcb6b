/* The factors of a product. */
#ifndef EINC_FACTORS_H
#define EINC_FACTORS_H

#include "operators.h"

struct product_factor {
    const struct formula *formula;
    bool divides;
};
struct product {
    struct arena *arena;
    struct product_factor *factors;
    size_t n_factors, capacity; /* at most FRONTEND_OPERANDS */
    bool negative, divides, too_long;
    bool typed;               /* of factors that are not all weak */
    struct index_set hoisted; /* what sums inside operators bind: summed with the rest */
};

/* Which indices one factor has, and which two or more have. */
void factors_count_indices(const struct formula *formula, struct index_set *once, struct index_set *twice);

/* Pushes the factors of `formula`. Weak products inside a typed one stay together, unless their two sides have an index each that
 * the other lacks; `together`: all of them, and operators. */
void factors_collect(struct product *product, const struct formula *formula, bool together);

/* Does this node of the formula multiply in the ring? `a + b` in minplus and maxplus, `a and b` under any, `a or b` under all. */
bool factors_multiply_in(enum ast_op reduction, const struct formula *formula);

/* Pushes the ring's factors, in order. */
void factors_collect_ring(enum ast_op reduction, const struct formula *formula, struct product *product);

#endif
