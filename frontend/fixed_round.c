/* The one rounding of a fixed-point statement: a sum of integers, each with its step, to the integers of a declared type.
 *
 * With r = step of the term / step of the type the value is floor(sum of r * term + 1/2), put between the type's least and largest
 * number. Where every r is a whole number over 2^s, that is an addition and a shift, exactly. Else r is taken as the nearest
 * multiplier / 2^s, for the largest s at which the sum has 62 bits and the least multiplier 31, so that a sum of one term takes a
 * product of 32 by 32 bits; what is computed is then exactly floor((sum of multiplier * term + 2^(s-1)) / 2^s). No sum can
 * overflow, by the ranges of the terms. A multiplier of less than 15 bits is refused, unless what it is off by is less than an
 * eighth. */
#include <math.h>
#include "fixed_point.h"

enum { MULTIPLIER_BITS = 31, LEAST_BITS = 15, SUM_BITS = 62, LARGEST_SHIFT = 62 };

struct rounding {
    int shift;
    int64_t multipliers[FIXED_TERMS];
    int64_t low, high, most; /* of the sum before the shift */
};

static double ratio_of(const struct fixed_term *term, const struct tensor_type *wanted)
{
    return term->range.step / wanted->fixed->step;
}

static int64_t half(int shift)
{
    return shift > 0 ? INT64_C(1) << (shift - 1) : 0;
}

/* Multipliers at this shift, and what the sum can be; false: some number has too many bits. */
static bool at_shift(const struct fixed_sum *sum, const struct tensor_type *wanted, int shift, struct rounding *rounding)
{
    rounding->shift = shift;
    rounding->low = rounding->high = rounding->most = half(shift);
    for (uint32_t k = 0; k < sum->count; k++) {
        const struct fixed_term *term = &sum->terms[k];
        double scaled = floor(ldexp(ratio_of(term, wanted), shift) + 0.5);
        int64_t low = term->range.low, high = term->range.high, most = term->range.most;
        if (!(scaled < ldexp(1, SUM_BITS)))
            return false;
        int64_t multiplier = (int64_t)scaled;
        rounding->multipliers[k] = term->negative ? -multiplier : multiplier;
        if (!checked_multiply(low, rounding->multipliers[k], &low) || !checked_multiply(high, rounding->multipliers[k], &high) ||
            !checked_multiply(most, multiplier, &most) || !checked_add(rounding->most, most, &rounding->most))
            return false;
        rounding->low += low < high ? low : high;
        rounding->high += low < high ? high : low;
    }
    return rounding->most < INT64_C(1) << SUM_BITS;
}

/* The least shift at which every ratio is a whole number; more than LARGEST_SHIFT: there is none. */
static int exact_shift(const struct fixed_sum *sum, const struct tensor_type *wanted)
{
    int shift = 0;
    for (uint32_t k = 0; k < sum->count; k++)
        while (shift <= LARGEST_SHIFT) {
            double scaled = ldexp(ratio_of(&sum->terms[k], wanted), shift);
            if (scaled == floor(scaled))
                break;
            shift++;
        }
    return shift;
}

static bool is_number(const struct fixed_term *term)
{
    return term->formula->kind == FORMULA_NUMBER;
}

/* The least multiplier of a term that is no number. */
static int64_t least_multiplier(const struct fixed_sum *sum, const struct rounding *rounding)
{
    int64_t least = INT64_MAX;
    for (uint32_t k = 0; k < sum->count; k++) {
        int64_t multiplier = rounding->multipliers[k] < 0 ? -rounding->multipliers[k] : rounding->multipliers[k];
        if (!is_number(&sum->terms[k]) && multiplier < least)
            least = multiplier;
    }
    return least;
}

static bool is_accurate(const struct fixed_sum *sum, const struct tensor_type *wanted, const struct rounding *rounding)
{
    for (uint32_t k = 0; k < sum->count; k++) {
        double exact = ratio_of(&sum->terms[k], wanted), taken = ldexp(fabs((double)rounding->multipliers[k]), -rounding->shift);
        double error = fabs(taken - exact);
        if (error > ldexp(exact, -LEAST_BITS) && error * (double)sum->terms[k].range.most > 0.125)
            return false;
    }
    return true;
}

static bool choose(const struct fixed_sum *sum, const struct tensor_type *wanted, struct rounding *rounding)
{
    int shift = exact_shift(sum, wanted);
    if (shift <= LARGEST_SHIFT && at_shift(sum, wanted, shift, rounding))
        return true;
    for (shift = LARGEST_SHIFT; shift >= 0; shift--)
        if (at_shift(sum, wanted, shift, rounding) &&
            (shift == 0 || least_multiplier(sum, rounding) < INT64_C(1) << MULTIPLIER_BITS))
            return is_accurate(sum, wanted, rounding);
    return false;
}

static struct formula *report_no_room(struct statement *statement, struct span span, const char *type)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0320, span,
                                   "this has too many bits to be multiplied by the ratio of its scale to that of %s", type);
    diag_help(diagnostics, diag,
              "round a part of it before, `let part[...]: q15 scale(...) = ...`, or choose scales whose ratio is a power of two");
    statement->failed = true;
    return NULL;
}

/* sum of multiplier * term + half. Terms of multiplier 0 are less than half a step together with the others' rounding. */
static struct formula *write_sum(struct statement *statement, const struct fixed_sum *sum, const struct rounding *rounding,
                                 enum ir_elem elem, struct span span)
{
    struct formula *result = NULL;
    for (uint32_t k = 0; k < sum->count; k++) {
        const struct fixed_term *term = &sum->terms[k];
        int64_t multiplier = rounding->multipliers[k];
        bool subtracts = multiplier < 0 && result;
        struct formula *integer = fixed_write(statement, term->formula, fixed_elem(term->range.most));
        integer = fixed_times(statement, fixed_cast(statement, elem, integer), subtracts ? -multiplier : multiplier);
        result = result ? fixed_join(statement, subtracts ? FORMULA_SUBTRACT : FORMULA_ADD, result, integer) : integer;
        if (!result)
            return NULL;
    }
    int64_t rounds = half(rounding->shift);
    return rounds ? fixed_join(statement, FORMULA_ADD, result, fixed_number(statement, span, rounds)) : result;
}

static int64_t shifted(int64_t value, int shift)
{
    int64_t divisor = INT64_C(1) << shift;
    return value / divisor - (value % divisor < 0);
}

struct formula *fixed_round(struct statement *statement, const struct fixed_sum *sum, const struct tensor_type *wanted,
                            struct span span)
{
    struct rounding rounding;
    if (!choose(sum, wanted, &rounding))
        return report_no_room(statement, span, wanted->fixed->name);
    enum ir_elem elem = fixed_elem(rounding.most);
    struct formula *value = write_sum(statement, sum, &rounding, elem, span);
    int64_t low = shifted(rounding.low, rounding.shift), high = shifted(rounding.high, rounding.shift);
    if (value && rounding.shift > 0)
        value = fixed_apply(statement, IR_EXPR_floor_div, value, fixed_number(statement, span, INT64_C(1) << rounding.shift));
    if (low >= INT32_MIN && high <= INT32_MAX)
        value = fixed_cast(statement, IR_i32, value);
    bool both = (low < sum->low || high > sum->high) && sum->low == wanted->fixed->low && sum->high == wanted->fixed->high;
    if (low < sum->low || both) /* to both bounds of a type it is one instruction, where there is one */
        value = fixed_apply(statement, IR_EXPR_max, value, fixed_number(statement, span, sum->low));
    if (high > sum->high || both)
        value = fixed_apply(statement, IR_EXPR_min, value, fixed_number(statement, span, sum->high));
    return fixed_cast(statement, wanted->elem, value);
}
