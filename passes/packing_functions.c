/* Functions on ciphertexts. Each needs a range: what is promised of its arguments, and what interval arithmetic makes of the ranges
 * of the inputs, whichever is narrower. On it a Chebyshev series is fitted (ir/slot_chebyshev.c), whose error is measured; how far
 * off the outputs may then be follows from the slopes on the way to them.
 *
 * The series takes t = scale * x + shift in [-1, 1]. The shift costs nothing; the scale goes into a matrix, into known factors,
 * into the coefficients of a series before, and where none of these is read by the function alone it is a product of its own. */
#include "ir/arithmetic.h"
#include "packing_internal.h"

#include <math.h>
#include <string.h>

/* What is known of all elements of a value: where they lie as they are computed, and how far from what was asked for. */
struct bounds {
    double low, high, error;
};

struct fitting {
    struct packer *packer;
    struct packing_graph *graph;
    const struct ir_kernel *kernel;
    double assumed; /* what inputs without a range lie within */
    struct bounds *bounds;
};

static const char *function_name(enum ir_expr_op op)
{
    return op == IR_EXPR_div ? "1/x" : ir_expr_info(op)->name;
}

static bool value_at(enum ir_expr_op op, double x, double *value)
{
    if (op == IR_EXPR_div || op == IR_EXPR_abs) {
        *value = op == IR_EXPR_div ? 1 / x : fabs(x);
        return true;
    }
    return function_real(op, x, value);
}

static double call(void *user, double x)
{
    double value = NAN;
    value_at(*(const enum ir_expr_op *)user, x, &value);
    return value;
}

bool packing_is_function(const char *name)
{
    double value;
    for (int op = 0; op < IR_EXPR_OP_COUNT; op++)
        if (strcmp(function_name((enum ir_expr_op)op), name) == 0 && value_at((enum ir_expr_op)op, 0.5, &value))
            return true;
    return false;
}

bool packing_has_garbage(const struct packer *packer, const struct packing *packing)
{
    for (int64_t at = 0; at < packing->parts * packer->slots; at++)
        if (packing->table[at] == SLOT_AT_GARBAGE)
            return true;
    return false;
}

/* ---- intervals ---- */

static const struct packing_range *find_range(const struct packer *packer, const char *name)
{
    for (size_t k = 0; k < packer->options->n_ranges; k++)
        if (strcmp(packer->options->ranges[k].name, name) == 0)
            return &packer->options->ranges[k];
    return NULL;
}

static struct bounds scaled(struct bounds x, double c)
{
    if (c == 0)
        return (struct bounds){0};
    return (struct bounds){c * (c > 0 ? x.low : x.high), c * (c > 0 ? x.high : x.low), fabs(c) * x.error};
}

static struct bounds plus(struct bounds a, struct bounds b)
{
    return (struct bounds){a.low + b.low, a.high + b.high, a.error + b.error};
}

/* All of either. */
static struct bounds hull(struct bounds a, struct bounds b)
{
    return (struct bounds){fmin(a.low, b.low), fmax(a.high, b.high), fmax(a.error, b.error)};
}

static double magnitude(struct bounds x)
{
    return fmax(fabs(x.low), fabs(x.high));
}

/* 0 * infinity is 0: the factor 0 is sure, infinity says that nothing is. */
static double times_or_zero(double a, double b)
{
    return a == 0 || b == 0 ? 0 : a * b;
}

static struct bounds times(struct bounds a, struct bounds b)
{
    const double corners[4] = {times_or_zero(a.low, b.low), times_or_zero(a.low, b.high), times_or_zero(a.high, b.low),
                               times_or_zero(a.high, b.high)};
    struct bounds product = {INFINITY, -INFINITY,
                             times_or_zero(magnitude(a), b.error) + times_or_zero(magnitude(b), a.error) + a.error * b.error};
    for (int k = 0; k < 4; k++) {
        product.low = fmin(product.low, corners[k]);
        product.high = fmax(product.high, corners[k]);
    }
    return product;
}

static struct bounds bounds_of_linear(const struct packing_matrix *matrix, struct bounds x)
{
    struct bounds all = {INFINITY, -INFINITY, 0};
    for (int64_t row = 0; row < matrix->rows; row++) {
        struct bounds sum = {0};
        int64_t begin = matrix->dense ? row * matrix->columns : matrix->row_start[row];
        int64_t end = matrix->dense ? begin + matrix->columns : matrix->row_start[row + 1];
        for (int64_t k = begin; k < end; k++)
            sum = plus(sum, scaled(x, matrix->dense ? matrix->dense[k] : matrix->value[k]));
        all = hull(all, sum);
    }
    return all;
}

static struct bounds bounds_of_numbers(const double *numbers, int64_t count)
{
    struct bounds all = {INFINITY, -INFINITY, 0};
    for (int64_t k = 0; k < count; k++)
        all = hull(all, (struct bounds){numbers[k], numbers[k], 0});
    return all;
}

static int64_t points_of(const struct packing_node *node)
{
    int64_t points = 1;
    for (uint32_t d = 0; d < node->n_digits; d++)
        points *= node->digits[d].extent;
    return points;
}

/* The same element twice: a square. */
static bool is_square(const struct packing_node *node)
{
    bool same = node->n_operands == 2 && node->operands[0].node == node->operands[1].node;
    for (uint32_t d = 0; d < node->n_digits; d++)
        same = same && node->digits[d].in[0] == node->digits[d].in[1];
    return same;
}

static struct bounds bounds_of_product(const struct fitting *fitting, const struct packing_node *node)
{
    struct bounds product = {1, 1, 0};
    int64_t terms = 1;
    for (uint32_t o = 0; o < node->n_operands; o++)
        product = times(product, fitting->bounds[node->operands[o].node]);
    if (is_square(node))
        product.low = 0;
    if (node->factor)
        product = times(product, bounds_of_numbers(node->factor, points_of(node)));
    for (uint32_t d = 0; d < node->n_digits; d++)
        terms *= node->digits[d].out ? 1 : node->digits[d].extent;
    return scaled(product, (double)terms);
}

static struct bounds bounds_of_sum(const struct fitting *fitting, const struct packing_node *node)
{
    struct bounds sum = {0};
    for (uint32_t o = 0; o < node->n_operands; o++)
        sum = plus(sum, scaled(fitting->bounds[node->operands[o].node], node->weights[o]));
    return node->addend ? plus(sum, bounds_of_numbers(node->addend, node->elements)) : sum;
}

/* Values and slopes of the function on its range, at many points. */
static struct bounds bounds_of_function(const struct packing_node *node, struct bounds x)
{
    enum { STEPS = 4096 };
    const struct slot_series *series = node->series;
    double step = (series->high - series->low) / STEPS, before = 0, slope = 0, value;
    struct bounds all = {INFINITY, -INFINITY, 0};
    for (int k = 0; k <= STEPS && value_at(node->function, series->low + k * step, &value); k++, before = value) {
        all = hull(all, (struct bounds){value, value, 0});
        slope = k ? fmax(slope, fabs(value - before) / step) : slope;
    }
    return (struct bounds){all.low - series->error, all.high + series->error, times_or_zero(slope, x.error) + series->error};
}

static struct bounds bounds_of(const struct fitting *fitting, const struct packing_node *node)
{
    switch (node->kind) {
    case PACKING_LINEAR:
        return bounds_of_linear(node->matrix, fitting->bounds[node->operands[0].node]);
    case PACKING_PRODUCT:
        return bounds_of_product(fitting, node);
    case PACKING_SUM:
        return bounds_of_sum(fitting, node);
    case PACKING_FUNCTION:
        return bounds_of_function(node, fitting->bounds[node->operands[0].node]);
    case PACKING_INPUT:
        break;
    }
    const struct packing_range *range = find_range(fitting->packer, node->name);
    return range ? (struct bounds){range->low, range->high, 0} : (struct bounds){-fitting->assumed, fitting->assumed, 0};
}

/* ---- fitting ---- */

static bool is_known(const struct slot_series *range)
{
    return isfinite(range->low) && isfinite(range->high) && isfinite(range->high - range->low);
}

/* Without a range, or a tolerance. */
static void refuse_function(const struct fitting *fitting, const struct packing_node *node, const struct slot_series *range)
{
    struct diagnostics *diagnostics = ir_diagnostics(fitting->packer->context);
    const char *name = function_name(node->function), *lacks = is_known(range) ? "tolerance" : "range";
    struct diag *diag = diag_error(diagnostics, DIAG_E0931, node->span, "`%s` of a ciphertext without a %s", name, lacks);
    if (is_known(range))
        diag_help(diagnostics, diag, "--within=1e-3 allows a polynomial that is so near on [%g, %g]", range->low, range->high);
    else
        diag_help(diagnostics, diag,
                  "--range=%s=-8:8 promises where its arguments lie, --range=INPUT=-1:1 where they come from; --within=1e-3 allows "
                  "a polynomial that is so near",
                  name);
}

static void refuse_fit(const struct fitting *fitting, const struct packing_node *node, const struct slot_series *series)
{
    struct diagnostics *diagnostics = ir_diagnostics(fitting->packer->context);
    const char *name = function_name(node->function);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0931, node->span, "no polynomial is near `%s` on [%g, %g]", name, series->low, series->high);
    if (isfinite(series->error))
        diag_label(diagnostics, diag, "that of degree %u is off by %.2g", series->degree, series->error);
    else
        diag_label(diagnostics, diag, "it is not finite everywhere there");
    diag_help(diagnostics, diag, "a narrower --range=%s=LOW:HIGH or a larger --within", name);
}

/* The function's range: what is promised of it, no wider than what follows from the inputs. */
static void find_function_range(const struct fitting *fitting, const struct packing_node *node, struct slot_series *series)
{
    struct bounds x = fitting->bounds[node->operands[0].node];
    const struct packing_range *promised = find_range(fitting->packer, function_name(node->function));
    double low = promised ? fmax(promised->low, x.low) : x.low, high = promised ? fmin(promised->high, x.high) : x.high;
    if (promised && !(low < high)) {
        low = promised->low;
        high = promised->high;
    }
    double least = 1e-6 * fmax(1, fabs(low)); /* of one point, too, there is a polynomial */
    *series = (struct slot_series){.low = low, .high = high - low < least ? low + least : high};
}

/* One that was fitted before. */
static const struct slot_series *fitted_before(const struct fitting *fitting, uint32_t number, const struct slot_series *wanted)
{
    for (uint32_t k = 0; k < number; k++) {
        const struct packing_node *node = &fitting->graph->nodes[k];
        if (node->kind == PACKING_FUNCTION && node->function == fitting->graph->nodes[number].function &&
            node->series->low == wanted->low && node->series->high == wanted->high)
            return node->series;
    }
    return NULL;
}

static bool fit(const struct fitting *fitting, uint32_t number)
{
    struct packing_node *node = &fitting->graph->nodes[number];
    struct arena *arena = fitting->packer->arena;
    struct slot_series *series = ARENA_NEW(arena, struct slot_series);
    if (!series)
        return false;
    find_function_range(fitting, node, series);
    if (!is_known(series) || !(fitting->packer->options->within > 0)) {
        refuse_function(fitting, node, series);
        return false;
    }
    node->series = fitted_before(fitting, number, series);
    if (!node->series && !slot_series_fit(arena, call, &node->function, fitting->packer->options->within, series)) {
        if (!arena_failed(arena))
            refuse_fit(fitting, node, series);
        return false;
    }
    if (!node->series)
        node->series = series;
    node->series_depth = slot_series_depth(arena, node->series);
    node->scale = 2 / (node->series->high - node->series->low);
    node->shift = -(node->series->low + node->series->high) / (node->series->high - node->series->low);
    return !arena_failed(arena);
}

/* ---- the scale, in what comes before ---- */

static const double *scaled_numbers(struct arena *arena, const double *numbers, int64_t count, double c)
{
    double *result = ARENA_ARRAY(arena, (size_t)count, double);
    for (int64_t k = 0; k < count && result; k++)
        result[k] = c * numbers[k];
    return result;
}

/* Which operand of a product takes the scale; UINT32_MAX: none. */
static uint32_t operand_to_scale(const struct packing_graph *graph, const struct packing_node *node);

/* Can the value be had c times as large for nothing? */
static bool can_scale(const struct packing_graph *graph, uint32_t number)
{
    const struct packing_node *node = &graph->nodes[number];
    if (node->n_uses != 1)
        return false;
    switch (node->kind) {
    case PACKING_LINEAR:
    case PACKING_FUNCTION:
        return true;
    case PACKING_PRODUCT:
        return node->factor || operand_to_scale(graph, node) != UINT32_MAX;
    case PACKING_SUM:
        for (uint32_t o = 0; o < node->n_operands; o++)
            if (!can_scale(graph, node->operands[o].node))
                return false;
        return true;
    case PACKING_INPUT:
        break;
    }
    return false;
}

static uint32_t operand_to_scale(const struct packing_graph *graph, const struct packing_node *node)
{
    for (uint32_t o = 0; o < node->n_operands; o++)
        if (can_scale(graph, node->operands[o].node))
            return o;
    return UINT32_MAX;
}

static void scale_linear(struct arena *arena, struct packing_node *node, double c)
{
    struct packing_matrix *matrix = arena_copy(arena, node->matrix, 1, sizeof *matrix);
    if (!matrix)
        return;
    if (matrix->dense)
        matrix->dense = scaled_numbers(arena, matrix->dense, matrix->rows * matrix->columns, c);
    else
        matrix->value = scaled_numbers(arena, matrix->value, matrix->row_start[matrix->rows], c);
    node->matrix = matrix;
}

static void scale_value(struct arena *arena, struct packing_graph *graph, uint32_t number, double c)
{
    struct packing_node *node = &graph->nodes[number];
    if (node->kind == PACKING_LINEAR) {
        scale_linear(arena, node, c);
    } else if (node->kind == PACKING_FUNCTION) {
        struct slot_series *series = arena_copy(arena, node->series, 1, sizeof *series);
        if (series)
            series->coefficients = scaled_numbers(arena, series->coefficients, SLOT_DEGREE_OF_SERIES + 1, c);
        node->series = series ? series : node->series;
    } else if (node->kind == PACKING_PRODUCT && node->factor) {
        node->factor = scaled_numbers(arena, node->factor, points_of(node), c);
    } else if (node->kind == PACKING_PRODUCT) {
        scale_value(arena, graph, node->operands[operand_to_scale(graph, node)].node, c);
    } else {
        for (uint32_t o = 0; o < node->n_operands; o++)
            scale_value(arena, graph, node->operands[o].node, c);
        node->addend = node->addend ? scaled_numbers(arena, node->addend, node->elements, c) : NULL;
    }
}

/* ---- all of them ---- */

static bool find_bounds(const struct fitting *fitting, bool fits)
{
    for (uint32_t k = 0; k < fitting->graph->n_nodes; k++) {
        if (fits && fitting->graph->nodes[k].kind == PACKING_FUNCTION && !fit(fitting, k))
            return false;
        struct bounds *bounds = &fitting->bounds[k];
        *bounds = bounds_of(fitting, &fitting->graph->nodes[k]);
        if (isnan(bounds->low) || isnan(bounds->high)) /* infinity - infinity */
            *bounds = (struct bounds){-INFINITY, INFINITY, bounds->error};
        bounds->error = isnan(bounds->error) ? INFINITY : bounds->error;
    }
    return true;
}

static bool report(const struct fitting *fitting, struct packing_result *result)
{
    struct arena *arena = fitting->packer->arena;
    const struct packing_graph *graph = fitting->graph;
    double *errors = ARENA_ARRAY(arena, fitting->kernel->n_outputs + 1, double);
    result->functions = ARENA_ARRAY(arena, graph->n_nodes + 1, struct packing_function);
    if (!errors || !result->functions)
        return false;
    for (uint32_t k = 0; k < fitting->kernel->n_outputs; k++)
        errors[k] = fitting->bounds[graph->outputs[k].node].error;
    result->errors = errors;
    for (size_t k = 0; k < graph->n_nodes; k++) {
        const struct packing_node *node = &graph->nodes[k];
        if (node->kind != PACKING_FUNCTION)
            continue;
        const struct slot_series *series = node->series;
        result->functions[result->n_functions++] = (struct packing_function){function_name(node->function),
                                                                             node->name,
                                                                             series->low,
                                                                             series->high,
                                                                             series->degree,
                                                                             node->series_depth,
                                                                             series->error};
    }
    return true;
}

bool packing_fit_functions(struct packer *packer, struct packing_graph *graph, const struct ir_kernel *kernel,
                           struct packing_result *result)
{
    struct fitting fitting = {packer, graph, kernel, INFINITY, ARENA_ARRAY(packer->arena, graph->n_nodes + 1, struct bounds)};
    if (!fitting.bounds || !find_bounds(&fitting, true))
        return false;
    fitting.assumed = packer->options->assumed > 0 ? packer->options->assumed : INFINITY;
    if (!find_bounds(&fitting, false) || !report(&fitting, result))
        return false;
    for (size_t k = 0; k < graph->n_nodes; k++) {
        struct packing_node *node = &graph->nodes[k];
        if (node->kind != PACKING_FUNCTION || node->scale == 1 || !can_scale(graph, node->operands[0].node))
            continue;
        scale_value(packer->arena, graph, node->operands[0].node, node->scale);
        node->scale = 1;
    }
    return !arena_failed(packer->arena);
}
