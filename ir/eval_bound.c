/* BOUND: NUMBERS with a magnitude beside each element: a sum's is the sum of its terms' magnitudes, a product's their product, so
 * that a contraction's is sum|products|. Rounding each operation with unit roundoff eps moves an element by at most about
 * longest_sum * eps * magnitude (first order; docs/ir.md). The magnitude is never less than the number's own size.
 *
 * Functions pass on |f| + |f'| * magnitude (eval_functions.c). Operations that jump (comparisons, div, mod, casts to integers) are
 * taken at their value: an error there is not small and no bound covers it. Integers and bool are exact and have their own size. */
#include "arithmetic.h"

#include <math.h>

static double size_of(enum ir_elem elem, struct scalar value)
{
    if (ir_elem_is_complex(elem))
        return hypot(value.re, value.im);
    if (ir_elem_is_float(elem))
        return fabs(value.re);
    return elem == IR_u64 ? (double)(uint64_t)value.i : fabs((double)value.i);
}

/* a / b: an error eps * B of b moves a / b by |a| / |b|^2 * eps * B, and A * B / |b|^2 covers both sides. */
static double divide(double a_magnitude, double b_magnitude, double b_size)
{
    return a_magnitude == 0 ? 0 : a_magnitude / b_size * (b_magnitude / b_size);
}

static double magnitude_of(enum ir_expr_op op, enum ir_elem from, enum ir_elem to, const struct scalar *a, struct scalar result)
{
    switch (op) {
    case IR_EXPR_neg:
    case IR_EXPR_conj:
    case IR_EXPR_abs:
        return a[0].magnitude;
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_complex:
        return a[0].magnitude + a[1].magnitude;
    case IR_EXPR_real:
    case IR_EXPR_imag:
        return ir_elem_is_complex(from) ? a[0].magnitude : size_of(to, result);
    case IR_EXPR_mul:
        return a[0].magnitude * a[1].magnitude;
    case IR_EXPR_fma:
        return a[0].magnitude * a[1].magnitude + a[2].magnitude;
    case IR_EXPR_div:
        return divide(a[0].magnitude, a[1].magnitude, size_of(from, a[1]));
    case IR_EXPR_min:
    case IR_EXPR_max:
        return fmax(a[0].magnitude, a[1].magnitude);
    case IR_EXPR_select:
        return a[0].i ? a[1].magnitude : a[2].magnitude;
    case IR_EXPR_cast:
        return ir_elem_is_float(to) || ir_elem_is_complex(to) ? a[0].magnitude : size_of(to, result);
    case IR_EXPR_root:
    case IR_EXPR_floor_div:
    case IR_EXPR_floor_mod:
        return size_of(to, result);
    default:
        break;
    }
    bool jumps = to == IR_bool;
    return jumps ? size_of(to, result) : function_magnitude(op, a[0], result, a[0].magnitude);
}

static bool apply(enum ir_expr_op op, enum ir_elem from, enum ir_elem to, const struct scalar *arguments, struct scalar *result)
{
    if (!scalar_compute(op, from, to, arguments, result))
        return false;
    bool exact = !ir_elem_is_float(to) && !ir_elem_is_complex(to);
    double size = size_of(to, *result);
    result->magnitude = exact ? size : fmax(size, magnitude_of(op, from, to, arguments, *result));
    return true;
}

static struct scalar literal(struct ir_number number)
{
    struct scalar value = scalar_from_number(number);
    value.magnitude = size_of(number.elem, value);
    return value;
}

static struct scalar from_index(int64_t value)
{
    return (struct scalar){.i = value, .magnitude = fabs((double)value)};
}

static struct scalar round_magnitude(enum ir_elem elem, struct scalar value)
{
    struct scalar rounded = scalar_round(elem, value);
    rounded.magnitude = fmax(value.magnitude, size_of(elem, rounded));
    return rounded;
}

static struct scalar convert(enum ir_elem from, enum ir_elem to, struct scalar value)
{
    struct scalar converted = arithmetic_numbers.convert(from, to, value);
    converted.magnitude = value.magnitude;
    return converted;
}

static bool holds(struct scalar value)
{
    return value.i != 0;
}

static void sum_run(enum ir_elem elem, const struct scalar_run *run, struct scalar *sum)
{
    arithmetic_numbers.sum_run(elem, run, sum);
    for (int64_t t = 0; t < run->count; t++) {
        double product = 1;
        for (uint32_t k = 0; k < run->n_operands; k++)
            product *= run->pointers[k][t * run->steps[k]].magnitude;
        sum->magnitude += product;
    }
}

static struct scalar load(enum ir_elem elem, const void *data, size_t at)
{
    struct scalar value = scalar_load(elem, data, at);
    value.magnitude = size_of(elem, value);
    return value;
}

static void store(enum ir_elem elem, void *data, size_t at, struct scalar value)
{
    (void)elem;
    ((double *)data)[at] = value.magnitude;
}

static size_t stored_bytes(enum ir_elem elem)
{
    (void)elem;
    return sizeof(double);
}

const struct arithmetic arithmetic_bound = {
    .literal = literal,
    .from_index = from_index,
    .to_index = scalar_to_index,
    .apply = apply,
    .round = round_magnitude,
    .convert = convert,
    .holds = holds,
    .sum_run = sum_run,
    .load = load,
    .store = store,
    .stored_bytes = stored_bytes,
};
