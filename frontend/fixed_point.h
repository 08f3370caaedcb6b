/* Between the files of fixed point: fixed_point.c drives, fixed_values.c measures and writes integers, fixed_round.c rounds,
 * fixed_functions.c has tanh and its like. */
#ifndef FRONTEND_FIXED_POINT_H
#define FRONTEND_FIXED_POINT_H

#include "formula.h"

/* What a formula's integers can be: the value is integer * step, low <= integer <= high, and nothing that is computed on the way
 * has a larger magnitude than `most`. */
struct fixed_range {
    double step;
    int64_t low, high, most;
};

/* One term of a sum: factor * formula. */
struct fixed_term {
    struct formula *formula;
    double factor;
    struct fixed_range range; /* of the term with its sums; the step has the factor's magnitude in it */
    bool negative;
};
enum { FIXED_TERMS = 64 };
struct fixed_sum {
    struct fixed_term terms[FIXED_TERMS];
    uint32_t count;
    int64_t low, high; /* the value is put between them when it is rounded: `relu`, `min` and `max` around the sum */
};

/* ---- fixed_values.c ---- */
/* False after a diagnostic. */
bool fixed_measure(struct statement *statement, const struct formula *formula, struct fixed_range *range);
/* `formula` times how often the indices it sums are added at most. */
bool fixed_measure_term(struct statement *statement, const struct formula *formula, struct fixed_range *range);
/* The integers of a formula that was measured, calculated in `elem`; what stands for bools inside is lowered too. */
struct formula *fixed_write(struct statement *statement, const struct formula *formula, enum ir_elem elem);
/* Comparisons and casts of fixed-point values, wherever they stand in a formula that is none. */
struct formula *fixed_write_inside(struct statement *statement, struct formula *formula);
/* The factor that makes integers of step `from` such of step `to`; false: there is no whole one. */
bool fixed_ratio(double from, double to, int64_t *ratio);
/* The type in which so large numbers are calculated. */
enum ir_elem fixed_elem(int64_t most);

/* Says that the formula has too many bits, and gives false. */
bool fixed_report_large(struct statement *statement, const struct formula *formula);

/* ---- formulas of integers ---- */
struct formula *fixed_create(struct statement *statement, enum formula_kind kind, struct span span, enum ir_elem elem,
                             uint32_t n_arguments, struct formula *const *arguments);
struct formula *fixed_number(struct statement *statement, struct span span, int64_t value);
struct formula *fixed_cast(struct statement *statement, enum ir_elem elem, struct formula *argument);
struct formula *fixed_join(struct statement *statement, enum formula_kind kind, struct formula *a, struct formula *b);
struct formula *fixed_apply(struct statement *statement, enum ir_expr_op op, struct formula *a, struct formula *b);
/* a * factor; a itself for 1. */
struct formula *fixed_times(struct statement *statement, struct formula *a, int64_t factor);

/* ---- fixed_point.c ---- */
/* Adds the terms of factor * formula. False after a diagnostic. */
bool fixed_collect(struct statement *statement, struct fixed_sum *sum, struct formula *formula, double factor);

/* ---- fixed_numbers.c ---- */
/* Narrows the range of a term by the numbers of constants in it. */
void fixed_bound_by_numbers(struct statement *statement, const struct formula *formula, struct fixed_range *range);

/* ---- fixed_functions.c ---- */
bool fixed_is_function(const struct formula *formula);
bool fixed_measure_function(struct statement *statement, const struct formula *formula, struct fixed_range *range);
/* An application to the rounded argument, and to the exact one where the function is multiplied by it; in `elem`. */
struct formula *fixed_write_function(struct statement *statement, const struct formula *formula, enum ir_elem elem);

/* ---- fixed_round.c ---- */
/* The sum, rounded once to `wanted`. */
struct formula *fixed_round(struct statement *statement, const struct fixed_sum *sum, const struct tensor_type *wanted,
                            struct span span);

#endif
