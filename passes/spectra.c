/* The pass `spectra`: Fourier transforms of constants are numbers that the compiler calculates.
 *
 * What is convolved with a constant (a filter, Rader's roots, Bluestein's chirp, the entries of an inverse) is transformed once and
 * for all: by a fast transform in long double (ir/dense.h), rounded once. Rules leave such transforms as they are written, a
 * contraction with roots of unity, exact modulo a prime; this pass comes before the estimates of `choose`, where a constant costs
 * bytes and no flops. Constants that are `exact` stay what was written. */
#include "fourier.h"
#include "ir/dense.h"
#include "structure.h"

#include <math.h>

enum einc_status pass_spectra(struct pass_kernel *kernel);

/* Points of maps, views and sums that a constant may be made of, each some 0.1 microseconds of the reference's. */
enum { MOST_POINTS = 1 << 24 };

/* ---- what is known while compiling ---- */

/* Tables that subscripts look up are no operands: they may be `exact`. */
static bool reads_exact(const struct ir_node *node)
{
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (node->operands[k].node->op == IR_const_node && node->operands[k].node->constant->exact)
            return true;
    return false;
}

static bool is_plain(struct ir_context *context, const struct ir_node *node)
{
    bool numbers = node->op == IR_const_node || node->op == IR_map_node || node->op == IR_view_node || node->op == IR_concat_node ||
                   node->op == IR_contract_node;
    return numbers && !reads_exact(node) && !ir_uses_dims(context, node);
}

static double points_of(const struct ir_node *node)
{
    double points = 1;
    for (uint32_t index = 0; index < node->n_indices; index++) {
        int64_t extent;
        points *= poly_is_constant(node->extents[index], &extent) ? (double)extent : INFINITY;
    }
    for (uint32_t axis = 0; node->n_indices == 0 && axis < node->rank; axis++) {
        int64_t extent;
        points *= poly_is_constant(node->shape[axis], &extent) ? (double)extent : INFINITY;
    }
    return points;
}

/* What it takes to calculate the node; INFINITY: it is no constant. */
static double points_behind(struct ir_context *context, const struct ir_node *node)
{
    struct ir_output output = {.name = "constant", .node = node, .span = SPAN_NONE};
    struct ir_kernel kernel = {.name = "constant", .n_outputs = 1, .outputs = &output};
    double points = 0;
    size_t count;
    if (!node || (node->op == IR_const_node && node->constant->exact))
        return INFINITY;
    const struct ir_node **nodes = ir_topological(context, &kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        points += is_plain(context, nodes[k]) ? points_of(nodes[k]) : INFINITY;
    return nodes ? points : INFINITY;
}

bool spectra_is_known(struct ir_context *context, const struct ir_node *node)
{
    return points_behind(context, node) <= MOST_POINTS / 4; /* what is built around it counts as well */
}

/* The constant's numbers; data NULL: they are not to be had. */
static struct ir_tensor numbers_of(struct ir_context *context, const struct ir_node *node)
{
    struct ir_output output = {.name = "constant", .node = node, .span = SPAN_NONE};
    struct ir_kernel kernel = {.name = "constant", .numeric_class = IR_CLASS_REASSOC, .n_outputs = 1, .outputs = &output};
    struct ir_tensor result = {.data = NULL};
    int64_t *dims = ARENA_ARRAY(ir_arena(context), ir_dim_count(context), int64_t);
    if (!dims || ir_eval(context, &kernel, IR_EVAL_NUMBERS, dims, NULL, &result, NULL) != EINC_OK)
        return (struct ir_tensor){.data = NULL};
    return result;
}

/* ---- one transform ---- */

static struct dense_complex root(int64_t numerator, int64_t order)
{
    struct dense_complex value = {1, 0};
    if (numerator % order != 0)
        ir_root_extended(numerator, order, &value.re, &value.im);
    return value;
}

static struct dense_complex times(struct dense_complex a, struct dense_complex b)
{
    return (struct dense_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* a k modulo the order, of which both are remainders below 2^31. */
static int64_t angle(int64_t a, int64_t k, int64_t order)
{
    return a % order * k % order;
}

/* A line of the data: to its right the factors of columns, the transform, and the factors of rows. */
static void transform_line(const struct dense_fourier *fourier, const struct structure_transform *transform,
                           const struct ir_tensor *data, size_t line, struct dense_complex *room, void *result, enum ir_elem elem)
{
    const struct structure_wave *wave = &transform->wave;
    const struct structure_form *form = &transform->form;
    size_t rows = (size_t)transform->application.rows, columns = (size_t)transform->application.columns;
    enum ir_elem from = transform->application.data->elem;
    for (size_t k = 0; k < (size_t)transform->length; k++) {
        room[k] = (struct dense_complex){0, 0};
        if (k >= columns)
            continue;
        struct ir_number value = ir_number_load(from, data->data, line * columns + k);
        room[k] = times((struct dense_complex){value.re, ir_elem_is_complex(from) ? value.im : 0},
                        root(angle(form->c, (int64_t)k, wave->order), wave->order));
        room[k].im = transform->inverse ? -room[k].im : room[k].im;
    }
    dense_fourier_apply(fourier, room);
    for (size_t k = 0; k < rows; k++) {
        struct dense_complex value = {room[k].re, transform->inverse ? -room[k].im : room[k].im};
        value = times(value, root((angle(form->b, (int64_t)k, wave->order) + form->d % wave->order) % wave->order, wave->order));
        value = times(value, (struct dense_complex){wave->re, wave->im});
        ir_number_store(ir_number_complex(elem, (double)value.re, (double)value.im), result, line * rows + k);
    }
}

static const struct ir_node *transformed(struct ir_context *context, const struct structure_transform *transform,
                                         struct arena *scratch)
{
    const struct structure_application *application = &transform->application;
    struct ir_tensor data = numbers_of(context, application->data);
    size_t lines = 1, rows = (size_t)application->rows;
    const struct poly **shape = arena_copy(ir_arena(context), application->data->shape, application->data->rank, sizeof *shape);
    enum ir_elem elem = application->node->elem;
    if (!data.data || !shape ||
        (double)transform->length * points_of(application->data) / (double)application->columns > MOST_POINTS)
        return NULL;
    shape[application->data->rank - 1] = poly_constant(context, application->rows);
    for (uint32_t axis = 0; axis + 1 < data.rank; axis++)
        lines *= (size_t)data.shape[axis];
    size_t bytes = lines * rows * ir_elem_info(elem)->bytes;
    void *result = arena_alloc(ir_arena(context), bytes, 1);
    struct dense_complex *room = ARENA_ARRAY(scratch, (size_t)transform->length, struct dense_complex);
    const struct dense_fourier *fourier = dense_fourier_create(scratch, (size_t)transform->length);
    if (!result || !room || !fourier)
        return NULL;
    for (size_t line = 0; line < lines; line++)
        transform_line(fourier, transform, &data, line, room, result, elem);
    struct ir_constant constant = {.data = result, .bytes = bytes};
    return ir_constant(context, elem, application->data->rank, shape, &constant);
}

/* ---- the pass ---- */

/* The node's value, once its transform is a constant: what else is in it is a factor of an element each. */
static const struct ir_node *calculated(struct ir_context *context, const struct ir_node *node)
{
    const struct ir_node *value = points_behind(context, node) <= MOST_POINTS ? ir_evaluated(context, node, NULL) : NULL;
    return value ? value : node;
}

/* The node itself where its transform is not to be had. */
static const struct ir_node *transform_node(struct structuring *structuring, const struct ir_node *node,
                                            const struct structure_transform *transform)
{
    struct ir_context *context = structuring->context;
    struct arena *scratch = arena_create(arena_allocator(ir_arena(context)));
    const struct ir_node *y = scratch ? transformed(context, transform, scratch) : NULL;
    if (arena_failed(scratch))
        arena_fail(ir_arena(context));
    arena_destroy(scratch);
    if (!y)
        return node;
    const struct structure_application *application = &transform->application;
    return calculated(context, structure_finish(structuring, application, application->n_batch, application->batch, y));
}

static bool may_hold_transform(const struct ir_node *node)
{
    return node->op == IR_contract_node && node->contract.ring == IR_RING_plustimes && !node->contract.n_domain &&
           !node->contract.n_sliced && ir_elem_is_complex(node->elem);
}

static const struct ir_node *calculate(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct structuring *structuring = user;
    struct structure_transform transform;
    for (uint32_t operand = 0; may_hold_transform(node) && operand < node->n_operands; operand++) {
        if (!structure_find_transform(structuring, node, operand, &transform) || transform.wave.real ||
            !fourier_is_calculated(transform.length) || transform.application.columns == 0 || transform.wave.order > INT32_MAX ||
            points_behind(context, transform.application.data) > MOST_POINTS)
            continue;
        node = transform_node(structuring, node, &transform);
        break;
    }
    return arena_failed(ir_arena(context)) ? NULL : node;
}

enum einc_status pass_spectra(struct pass_kernel *pass)
{
    struct structuring spectra = {.pass = pass, .context = pass->context, .kernel = pass->kernel};
    if (pass->kernel->numeric_class != IR_CLASS_EXACT && !structure_rewrite(&spectra, calculate))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(pass->context)) ? EINC_NO_MEMORY : EINC_OK;
}
