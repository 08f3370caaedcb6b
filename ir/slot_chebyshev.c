/* Functions on ciphertexts as Chebyshev series: fitted on a range with the error measured, and evaluated at least depth by the
 * baby-step giant-step of Paterson and Stockmeyer (SIAM J. Comput. 2, 1973) in the Chebyshev basis, whose coefficients stay small:
 * with k = 2^l babies T_1 ... T_{k-1} and giants T_k, T_2k, T_4k, ..., p = q T_m + r is split at the largest giant, down to sums of
 * babies.
 *
 * Levels and scales go from the result down: each part is asked for at the level and scale that its sum needs, and the constants of
 * the babies are encoded so that it comes out. So no scale is off, and none is corrected by a product of its own. */
#include "slot.h"

#include <math.h>
#include <string.h>

/* ---- fitting ---- */

enum { NODES = 2048, POINTS = 20011 }; /* of the fit; where the error is measured: in no step with the nodes */

static double at_series(const double *coefficients, uint32_t degree, double t)
{
    double above = 0, here = 0; /* Clenshaw's recurrence */
    for (uint32_t k = degree; k > 0; k--) {
        double below = coefficients[k] + 2 * t * here - above;
        above = here;
        here = below;
    }
    return coefficients[0] + t * here - above;
}

static double measure(const struct slot_series *series, slot_function *function, void *user)
{
    double error = 0, middle = (series->low + series->high) / 2, half = (series->high - series->low) / 2;
    for (int k = 0; k < POINTS; k++) {
        double t = 2.0 * k / (POINTS - 1) - 1,
               off = fabs(function(user, middle + half * t) - at_series(series->coefficients, series->degree, t));
        error = off <= error ? error : off; /* NaN stays */
    }
    return error;
}

bool slot_series_fit(struct arena *arena, slot_function *function, void *user, double within, struct slot_series *series)
{
    const double pi = acos(-1);
    double *values = ARENA_ARRAY(arena, NODES, double), *coefficients = ARENA_ARRAY(arena, SLOT_DEGREE_OF_SERIES + 1, double);
    double middle = (series->low + series->high) / 2, half = (series->high - series->low) / 2, largest = 0;
    if (!values || !coefficients)
        return false;
    for (int n = 0; n < NODES; n++)
        values[n] = function(user, middle + half * cos(pi * (n + 0.5) / NODES));
    for (uint32_t k = 0; k <= SLOT_DEGREE_OF_SERIES; k++) {
        for (int n = 0; n < NODES; n++)
            coefficients[k] += values[n] * cos(pi * k * (n + 0.5) / NODES) * (k ? 2.0 : 1.0) / NODES;
        largest = fmax(largest, fabs(coefficients[k]));
    }
    for (uint32_t k = 0; k <= SLOT_DEGREE_OF_SERIES; k++) /* of odd and even functions every second one is 0, but for rounding */
        coefficients[k] = fabs(coefficients[k]) < 1e-14 * largest ? 0 : coefficients[k];
    series->coefficients = coefficients;
    for (series->degree = 1; series->degree <= SLOT_DEGREE_OF_SERIES; series->degree++)
        if (coefficients[series->degree] != 0 && (series->error = measure(series, function, user)) <= within)
            return true;
    series->degree = SLOT_DEGREE_OF_SERIES;
    series->error = measure(series, function, user);
    return false;
}

/* ---- evaluation ---- */

struct evaluation {
    struct slot_program *program;
    const struct slot_value **basis; /* T_k, once asked for */
    uint32_t babies;
};

/* A value, or where it is NULL a constant. */
struct part {
    const struct slot_value *value;
    double constant;
    bool failed;
};

static const struct slot_constant *number(struct slot_program *program, double value)
{
    return slot_constant(program, &value, 1);
}

/* c * a at this level and scale. */
static const struct slot_value *scaled(struct slot_program *program, const struct slot_value *a, double c, uint32_t level,
                                       struct slot_scale scale)
{
    return slot_mulp_to(program, slot_drop(program, a, level + 1), number(program, c), scale);
}

/* T_k = 2 T_a T_b - T_{a-b}, a and b halves of k: at depth ceil(log2 k). */
static const struct slot_value *basis(struct evaluation *evaluation, uint32_t k)
{
    struct slot_program *program = evaluation->program;
    if (evaluation->basis[k] || k == 1)
        return evaluation->basis[k];
    const struct slot_value *a = basis(evaluation, (k + 1) / 2), *b = basis(evaluation, k / 2);
    const struct slot_value *product = slot_rescale(program, slot_relin(program, slot_mul(program, a, b)));
    const struct slot_value *twice = slot_add(program, product, product), *first = evaluation->basis[1];
    if (twice && k % 2)
        twice = slot_sub(program, twice, slot_rescale(program, scaled(program, first, 1, twice->level, twice->scale)));
    else if (twice)
        twice = slot_subp(program, twice, number(program, 1));
    return evaluation->basis[k] = twice;
}

/* The sum over babies: one rescale for all. */
static struct part sum_babies(struct evaluation *evaluation, const double *c, uint32_t degree, uint32_t level,
                              struct slot_scale scale)
{
    struct slot_program *program = evaluation->program;
    struct part part = {.constant = c[0]};
    for (uint32_t k = 1; k <= degree && !part.failed; k++) {
        if (c[k] == 0)
            continue;
        const struct slot_value *term = scaled(program, basis(evaluation, k), c[k], level, scale);
        part.value = part.value ? slot_add(program, part.value, term) : term;
        part.failed = !part.value;
    }
    if (part.value)
        part.value = slot_rescale(program, part.value);
    if (part.value && c[0] != 0)
        part.value = slot_addp(program, part.value, number(program, c[0]));
    return part;
}

/* p = q T_m + r by T_{m+i} = 2 T_i T_m - T_{m-i}; m <= degree < 2 m. */
static void divide(const double *c, uint32_t degree, uint32_t m, double *q, double *r)
{
    memcpy(r, c, m * sizeof *r);
    q[0] = c[m];
    for (uint32_t i = 1; m + i <= degree; i++) {
        q[i] = 2 * c[m + i];
        r[m - i] -= c[m + i];
    }
}

static struct part evaluate(struct evaluation *evaluation, const double *c, uint32_t degree, uint32_t level,
                            struct slot_scale scale)
{
    struct slot_program *program = evaluation->program;
    uint32_t m = evaluation->babies;
    if (degree < m)
        return sum_babies(evaluation, c, degree, level, scale);
    while (2 * m <= degree)
        m *= 2;
    struct arena *arena = ir_arena(program->context);
    double *q = ARENA_ARRAY(arena, m, double), *r = ARENA_ARRAY(arena, m, double);
    const struct slot_value *giant = slot_drop(program, basis(evaluation, m), level + 1), *term = NULL;
    if (!q || !r || !giant)
        return (struct part){.failed = true};
    divide(c, degree, m, q, r);
    struct slot_scale raised = slot_scale_multiply(scale, slot_scale_prime(level + 1));
    struct part outer = evaluate(evaluation, q, degree - m, level + 1, slot_scale_divide(raised, giant->scale));
    struct part rest = evaluate(evaluation, r, m - 1, level, scale);
    if (outer.failed || rest.failed)
        return (struct part){.failed = true};
    if (outer.value)
        term = slot_rescale(program, slot_relin(program, slot_mul(program, outer.value, giant)));
    else if (outer.constant != 0)
        term = slot_rescale(program, scaled(program, giant, outer.constant, level, scale));
    if (!term)
        return rest;
    if (rest.value)
        term = slot_add(program, term, rest.value);
    else if (rest.constant != 0)
        term = slot_addp(program, term, number(program, rest.constant));
    return (struct part){.value = term, .failed = !term};
}

/* ceil(log2 k), the depth of T_k. */
static uint32_t basis_depth(uint32_t k)
{
    uint32_t depth = 0;
    while (1u << depth < k)
        depth++;
    return depth;
}

/* The levels that `evaluate` takes with so many babies; 0: the part is a constant, and takes none. */
static uint32_t depth_of(struct arena *arena, const double *c, uint32_t degree, uint32_t babies)
{
    uint32_t m = babies, depth = 0;
    if (degree < m) {
        for (uint32_t k = 1; k <= degree; k++)
            if (c[k] != 0 && basis_depth(k) + 1 > depth)
                depth = basis_depth(k) + 1;
        return depth;
    }
    while (2 * m <= degree)
        m *= 2;
    double *q = ARENA_ARRAY(arena, m, double), *r = ARENA_ARRAY(arena, m, double);
    if (!q || !r)
        return 0;
    divide(c, degree, m, q, r);
    uint32_t outer = depth_of(arena, q, degree - m, babies), rest = depth_of(arena, r, m - 1, babies), giant = basis_depth(m);
    depth = (outer > giant ? outer : giant) + 1;
    return depth > rest ? depth : rest;
}

/* Babies of the least depth, of those with the fewest products: k - 2 of them, a giant for each doubling, a product for each split.
 */
static uint32_t choose_babies(struct arena *arena, const struct slot_series *series, uint32_t *depth)
{
    uint32_t best = 2, least = UINT32_MAX, bits = basis_depth(series->degree + 1);
    *depth = UINT32_MAX;
    for (uint32_t l = 1; l <= bits; l++) {
        uint32_t splits = bits - l, products = (1u << l) - 2 + splits + (1u << splits) - 1;
        uint32_t found = depth_of(arena, series->coefficients, series->degree, 1u << l);
        if (found > *depth || (found == *depth && products >= least))
            continue;
        *depth = found;
        least = products;
        best = 1u << l;
    }
    return best;
}

uint32_t slot_series_depth(struct arena *arena, const struct slot_series *series)
{
    uint32_t depth;
    choose_babies(arena, series, &depth);
    return depth;
}

const struct slot_value *slot_series_evaluate(struct slot_program *program, const struct slot_value *t,
                                              const struct slot_series *series)
{
    if (!program || !t)
        return NULL;
    struct arena *arena = ir_arena(program->context);
    uint32_t depth;
    struct evaluation evaluation = {program, ARENA_ARRAY(arena, 2 * series->degree + 2, const struct slot_value *),
                                    choose_babies(arena, series, &depth)};
    if (!evaluation.basis)
        return NULL;
    if (t->level < depth) {
        diag_error(ir_diagnostics(program->context), DIAG_E0751, SPAN_NONE,
                   "slot program `%s`: a series of degree %u without its levels", program->name, series->degree);
        return NULL;
    }
    evaluation.basis[1] = t;
    return evaluate(&evaluation, series->coefficients, series->degree, t->level - depth, t->scale).value;
}
