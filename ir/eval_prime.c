/* PRIME: the same kernel in exact arithmetic modulo p = 2^61 - 1, to check rewrites of polynomial programs: two different
 * polynomials of degree d agree at a random point with probability at most d / p (Schwartz-Zippel).
 *
 * Complex numbers are pairs a + b i in F_p[i], a field because p = 3 (mod 4) leaves -1 without a root. A double is m * 2^e and
 * 2^61 = 1, so literals are exact. Division is by the inverse, by zero gives 0. What is no ring operation (a function, integer
 * division, a narrowing cast) is a fixed hash of operation, type and arguments: equal arguments, equal results. min, max,
 * comparisons and magnitudes of real floats order the residues r of real numbers by 2^30 r, from -(p-1)/2 to (p-1)/2: whole numbers
 * and fractions of 30 bits on each side of the point keep their order, whether a pass compares them or this does, and no magnitude
 * is less than that of 0. The two ends serve as the infinities. */
#include "arithmetic.h"

#include <math.h>
#include <string.h>

#define PRIME ((UINT64_C(1) << 61) - 1)
#define HALF  (PRIME / 2)                   /* the largest whole number; above it the negative ones */
#define LAST  (PRIME - (UINT64_C(1) << 30)) /* HALF / 2^30 */

static uint64_t reduce(uint64_t a)
{
    a = (a & PRIME) + (a >> 61);
    return a >= PRIME ? a - PRIME : a;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return reduce(a + b);
}

static uint64_t subtract(uint64_t a, uint64_t b)
{
    return a >= b ? a - b : a + PRIME - b;
}

/* With a, b < 2^61 the product is high * 2^61 + low = high + low. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return add((uint64_t)product & PRIME, (uint64_t)(product >> 61));
}

static uint64_t power(uint64_t a, uint64_t exponent)
{
    uint64_t result = 1;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = multiply(result, a);
        a = multiply(a, a);
    }
    return result;
}

/* Fermat: a^(p-2); 0 for 0. */
static uint64_t invert(uint64_t a)
{
    return power(a, PRIME - 2);
}

static uint64_t from_signed(int64_t value)
{
    return value >= 0 ? reduce((uint64_t)value) : subtract(0, reduce(0 - (uint64_t)value));
}

static uint64_t from_double(double value)
{
    if (!isfinite(value)) {
        if (isnan(value))
            return reduce(hash_bytes(0, "nan", 3));
        return value > 0 ? LAST : PRIME - LAST;
    }
    int exponent;
    double mantissa = frexp(value, &exponent); /* value = (mantissa * 2^53) * 2^(exponent - 53), both exact */
    int shift = (int)floor_divide(exponent - 53, 61) * -61 + exponent - 53;
    return multiply(from_signed((int64_t)ldexp(mantissa, 53)), UINT64_C(1) << shift);
}

static struct scalar pair(uint64_t re, uint64_t im)
{
    return (struct scalar){.residue = {re, im}};
}

/* ---- operations ---- */

static struct scalar multiply_pairs(struct scalar a, struct scalar b)
{
    uint64_t re = multiply(a.residue[0], b.residue[0]);
    if (a.residue[1] == 0 && b.residue[1] == 0)
        return pair(re, 0);
    return pair(subtract(re, multiply(a.residue[1], b.residue[1])),
                add(multiply(a.residue[0], b.residue[1]), multiply(a.residue[1], b.residue[0])));
}

static struct scalar add_pairs(struct scalar a, struct scalar b)
{
    return pair(add(a.residue[0], b.residue[0]), add(a.residue[1], b.residue[1]));
}

static struct scalar negate(struct scalar a)
{
    return pair(subtract(0, a.residue[0]), subtract(0, a.residue[1]));
}

/* 1 / (c + di) = (c - di) / (c^2 + d^2) */
static struct scalar invert_pair(struct scalar a)
{
    uint64_t norm = add(multiply(a.residue[0], a.residue[0]), multiply(a.residue[1], a.residue[1])), inverse = invert(norm);
    return pair(multiply(a.residue[0], inverse), multiply(subtract(0, a.residue[1]), inverse));
}

static struct scalar opaque(enum ir_expr_op op, enum ir_elem to, int arity, const struct scalar *arguments)
{
    uint64_t hash = hash_mix(hash_mix(UINT64_C(61), (uint64_t)op), (uint64_t)to);
    for (int k = 0; k < arity; k++)
        hash = hash_mix(hash_mix(hash, arguments[k].residue[0]), arguments[k].residue[1]);
    if (to == IR_bool)
        return pair(hash & 1, 0);
    return pair(reduce(hash), ir_elem_is_complex(to) ? reduce(hash_mix(hash, 1)) : 0);
}

/* The k-th power, k from 0, of a root of unity of order n, which stands for exp(-2 pi i / n) and is -i for n = 4. The field has p^2
 * - 1 elements but 0, all powers of 1 + 6 i; so there are roots of the orders that divide p^2 - 1 = 2^62 * 3^2 * 5^2 * 7 * 11 * 13
 * * 31 * 41 * 61 * 151 * 331 * 1321. For others there is the fixed hash. Conjugation turns a root into its inverse for powers of
 * two only. */
static bool find_root(struct scalar numerator, struct scalar order, struct scalar *result)
{
    __extension__ typedef unsigned __int128 wide;
    const wide all = (wide)PRIME * PRIME - 1;
    uint64_t n = order.residue[0], k = numerator.residue[0];
    if (n == 0 || n > PRIME / 2 || all % n != 0)
        return false;
    k = k > PRIME / 2 ? (n - (PRIME - k) % n) % n : k % n; /* below half are the numbers from 0 */
    struct scalar power = pair(1, 6);
    *result = pair(1, 0);
    for (wide exponent = all / n * k; exponent; exponent >>= 1) {
        if (exponent & 1)
            *result = multiply_pairs(*result, power);
        power = multiply_pairs(power, power);
    }
    return true;
}

static bool is_one_of_integers(enum ir_elem elem)
{
    return ir_elem_is_integer(elem) || elem == IR_bool;
}

/* Does every value of `from` have itself in `to`? Between floats, and from integers to floats, as if numbers were exact. */
static bool cast_keeps(enum ir_elem from, enum ir_elem to)
{
    if (!is_one_of_integers(to))
        return ir_elem_is_complex(to) || !ir_elem_is_complex(from);
    if (!is_one_of_integers(from) || to == IR_bool)
        return from == to;
    const struct ir_elem_info *a = ir_elem_info(from), *b = ir_elem_info(to);
    if (from == IR_bool || a->kind == b->kind)
        return a->bytes <= b->bytes;
    return b->kind == IR_KIND_SIGNED && a->bytes < b->bytes;
}

bool prime_is_exact(enum ir_expr_op op, enum ir_elem from, enum ir_elem to)
{
    if (op == IR_EXPR_cast)
        return cast_keeps(from, to) || !is_one_of_integers(to);
    return ir_expr_info(op)->polynomial && !(op == IR_EXPR_div && is_one_of_integers(from));
}

static struct scalar cast(enum ir_elem from, enum ir_elem to, const struct scalar *a)
{
    if (cast_keeps(from, to))
        return a[0];
    if (to == IR_bool)
        return pair(a[0].residue[0] != 0 || a[0].residue[1] != 0, 0);
    if (!is_one_of_integers(to))
        return pair(a[0].residue[0], 0); /* the real part */
    return opaque(IR_EXPR_cast, to, 1, a);
}

/* Residues in order, the least at 0. 2^61 = 1, so to multiply by 2^30 is to rotate. */
static uint64_t place_in_order(uint64_t residue)
{
    return subtract((residue << 30 & PRIME) | residue >> 31, HALF + 1);
}

static bool is_less(struct scalar a, struct scalar b)
{
    return place_in_order(a.residue[0]) < place_in_order(b.residue[0]);
}

static bool compare(enum ir_expr_op op, struct scalar a, struct scalar b)
{
    bool equal = a.residue[0] == b.residue[0] && a.residue[1] == b.residue[1];
    switch (op) {
    case IR_EXPR_eq:
        return equal;
    case IR_EXPR_ne:
        return !equal;
    case IR_EXPR_lt:
        return is_less(a, b);
    case IR_EXPR_le:
        return !is_less(b, a);
    case IR_EXPR_gt:
        return is_less(b, a);
    default:
        return !is_less(a, b);
    }
}

static bool holds(struct scalar value)
{
    return value.residue[0] != 0;
}

/* The rows that order or decide; false: none of them. */
static bool apply_order(enum ir_expr_op op, const struct scalar *a, struct scalar *result)
{
    switch (op) {
    case IR_EXPR_min:
        *result = is_less(a[0], a[1]) ? a[0] : a[1];
        return true;
    case IR_EXPR_max:
        *result = is_less(a[1], a[0]) ? a[0] : a[1];
        return true;
    case IR_EXPR_select:
        *result = holds(a[0]) ? a[1] : a[2];
        return true;
    case IR_EXPR_eq:
    case IR_EXPR_ne:
    case IR_EXPR_lt:
    case IR_EXPR_le:
    case IR_EXPR_gt:
    case IR_EXPR_ge:
        *result = pair(compare(op, a[0], a[1]), 0);
        return true;
    case IR_EXPR_and:
        *result = pair(holds(a[0]) && holds(a[1]), 0);
        return true;
    case IR_EXPR_or:
        *result = pair(holds(a[0]) || holds(a[1]), 0);
        return true;
    case IR_EXPR_not:
        *result = pair(!holds(a[0]), 0);
        return true;
    default:
        return false;
    }
}

static bool apply(enum ir_expr_op op, enum ir_elem from, enum ir_elem to, const struct scalar *a, struct scalar *result)
{
    switch (op) {
    case IR_EXPR_neg:
        *result = negate(a[0]);
        return true;
    case IR_EXPR_add:
        *result = add_pairs(a[0], a[1]);
        return true;
    case IR_EXPR_sub:
        *result = add_pairs(a[0], negate(a[1]));
        return true;
    case IR_EXPR_mul:
        *result = multiply_pairs(a[0], a[1]);
        return true;
    case IR_EXPR_fma:
        *result = add_pairs(multiply_pairs(a[0], a[1]), a[2]);
        return true;
    case IR_EXPR_div:
        *result = is_one_of_integers(from) ? opaque(op, to, 2, a) : multiply_pairs(a[0], invert_pair(a[1]));
        return true;
    case IR_EXPR_conj:
        *result = pair(a[0].residue[0], subtract(0, a[0].residue[1]));
        return true;
    case IR_EXPR_real:
        *result = pair(a[0].residue[0], 0);
        return true;
    case IR_EXPR_imag:
        *result = pair(a[0].residue[1], 0);
        return true;
    case IR_EXPR_complex:
        *result = pair(a[0].residue[0], a[1].residue[0]);
        return true;
    case IR_EXPR_root:
        if (!find_root(a[0], a[1], result))
            *result = opaque(op, to, 2, a);
        return true;
    case IR_EXPR_cast:
        *result = cast(from, to, a);
        return true;
    default:
        break;
    }
    if (op == IR_EXPR_abs && ir_elem_is_float(from))
        *result = is_less(a[0], pair(0, 0)) ? negate(a[0]) : a[0];
    else if (!apply_order(op, a, result))
        *result = opaque(op, to, ir_expr_info(op)->arity, a);
    return true;
}

/* ---- the table ---- */

static struct scalar from_index(int64_t value)
{
    return pair(from_signed(value), 0);
}

static bool to_index(enum ir_elem elem, struct scalar value, int64_t *index)
{
    (void)elem;
    bool negative = value.residue[0] > PRIME / 2;
    *index = negative ? -(int64_t)(PRIME - value.residue[0]) : (int64_t)value.residue[0];
    return true;
}

static struct scalar literal(struct ir_number number)
{
    if (ir_elem_is_complex(number.elem))
        return pair(from_double(number.re), from_double(number.im));
    if (ir_elem_is_float(number.elem))
        return pair(from_double(number.re), 0);
    return number.elem == IR_u64 ? pair(reduce((uint64_t)number.i), 0) : from_index(number.i);
}

static struct scalar round_nothing(enum ir_elem elem, struct scalar value)
{
    (void)elem;
    return value;
}

static struct scalar convert(enum ir_elem from, enum ir_elem to, struct scalar value)
{
    return ir_elem_is_complex(from) && !ir_elem_is_complex(to) ? pair(value.residue[0], 0) : value;
}

static void sum_run(enum ir_elem elem, const struct scalar_run *run, struct scalar *sum)
{
    (void)elem;
    for (int64_t t = 0; t < run->count; t++) {
        struct scalar product = run->pointers[0][t * run->steps[0]];
        for (uint32_t k = 1; k < run->n_operands; k++)
            product = multiply_pairs(product, run->pointers[k][t * run->steps[k]]);
        *sum = add_pairs(*sum, product);
    }
}

static struct scalar load(enum ir_elem elem, const void *data, size_t at)
{
    (void)elem;
    uint64_t parts[2];
    memcpy(parts, (const char *)data + at * sizeof parts, sizeof parts);
    return pair(reduce(parts[0]), reduce(parts[1]));
}

static void store(enum ir_elem elem, void *data, size_t at, struct scalar value)
{
    (void)elem;
    memcpy((char *)data + at * sizeof value.residue, value.residue, sizeof value.residue);
}

static size_t stored_bytes(enum ir_elem elem)
{
    (void)elem;
    return 2 * sizeof(uint64_t);
}

const struct arithmetic arithmetic_prime = {
    .literal = literal,
    .from_index = from_index,
    .to_index = to_index,
    .apply = apply,
    .round = round_nothing,
    .convert = convert,
    .holds = holds,
    .sum_run = sum_run,
    .load = load,
    .store = store,
    .stored_bytes = stored_bytes,
};
