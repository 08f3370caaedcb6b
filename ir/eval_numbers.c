/* NUMBERS: what a kernel computes, in double and complex double, rounded to the declared type at nodes and casts; integers and bool
 * exactly in their own type. The scalar operations are in scalar.c. */
#include "arithmetic.h"

static struct scalar from_index(int64_t value)
{
    return (struct scalar){.i = value};
}

static bool holds(struct scalar value)
{
    return value.i != 0;
}

/* sum += a_t * b_t * ... */
static void sum_run_real(const struct scalar_run *run, struct scalar *sum)
{
    const struct scalar *a = run->pointers[0], *b = run->n_operands > 1 ? run->pointers[1] : NULL;
    int64_t step_a = run->steps[0], step_b = b ? run->steps[1] : 0;
    double total = sum->re;
    if (run->n_operands == 1) {
        for (int64_t t = 0; t < run->count; t++)
            total += a[t * step_a].re;
    } else if (run->n_operands == 2) {
        for (int64_t t = 0; t < run->count; t++)
            total += a[t * step_a].re * b[t * step_b].re;
    } else {
        for (int64_t t = 0; t < run->count; t++) {
            double product = a[t * step_a].re * b[t * step_b].re;
            for (uint32_t k = 2; k < run->n_operands; k++)
                product *= run->pointers[k][t * run->steps[k]].re;
            total += product;
        }
    }
    sum->re = total;
}

static void sum_run_complex(const struct scalar_run *run, struct scalar *sum)
{
    for (int64_t t = 0; t < run->count; t++) {
        double re = run->pointers[0][t * run->steps[0]].re, im = run->pointers[0][t * run->steps[0]].im;
        for (uint32_t k = 1; k < run->n_operands; k++) {
            const struct scalar *factor = &run->pointers[k][t * run->steps[k]];
            double product = re * factor->re - im * factor->im;
            im = re * factor->im + im * factor->re;
            re = product;
        }
        sum->re += re;
        sum->im += im;
    }
}

/* Modulo 2^64: wrapping to a narrower type later gives what wrapping each term would have. */
static void sum_run_integer(const struct scalar_run *run, struct scalar *sum)
{
    uint64_t total = (uint64_t)sum->i;
    for (int64_t t = 0; t < run->count; t++) {
        uint64_t product = 1;
        for (uint32_t k = 0; k < run->n_operands; k++)
            product *= (uint64_t)run->pointers[k][t * run->steps[k]].i;
        total += product;
    }
    sum->i = (int64_t)total;
}

static void sum_run(enum ir_elem elem, const struct scalar_run *run, struct scalar *sum)
{
    if (ir_elem_is_float(elem))
        sum_run_real(run, sum);
    else if (ir_elem_is_complex(elem))
        sum_run_complex(run, sum);
    else
        sum_run_integer(run, sum);
}

static size_t stored_bytes(enum ir_elem elem)
{
    return ir_elem_info(elem)->bytes;
}

/* An operand in double stays in double: a wider accumulator must not see it rounded, a narrower one rounds the sum once. */
static struct scalar convert(enum ir_elem from, enum ir_elem to, struct scalar value)
{
    bool from_floating = ir_elem_is_float(from) || ir_elem_is_complex(from);
    bool to_floating = ir_elem_is_float(to) || ir_elem_is_complex(to);
    return from_floating && to_floating ? value : scalar_cast(from, to, value);
}

const struct arithmetic arithmetic_numbers = {
    .literal = scalar_from_number,
    .from_index = from_index,
    .to_index = scalar_to_index,
    .apply = scalar_compute,
    .round = scalar_round,
    .convert = convert,
    .holds = holds,
    .sum_run = sum_run,
    .load = scalar_load,
    .store = scalar_store,
    .stored_bytes = stored_bytes,
};

const struct arithmetic *arithmetic_find(enum ir_arithmetic arithmetic)
{
    switch (arithmetic) {
    case IR_EVAL_NUMBERS:
        return &arithmetic_numbers;
    case IR_EVAL_PRIME:
        return &arithmetic_prime;
    case IR_EVAL_BOUND:
        return &arithmetic_bound;
    }
    return NULL;
}
