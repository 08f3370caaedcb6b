/* Convolutions: operands that depend on two indices i and j by their difference or sum alone.
 *
 * t[i - j + c], h[i + j], c[(i - j) mod n], x[i + r - 1] with zeros outside: with u = i - j (of sums j from the end) they are a
 * sequence a[u], and y[i] = sum over j of a[i - j] b[j] is a part of a cyclic convolution of length at least rows + columns - 1, or
 * of the period where a has one. That is a product of transforms. Other indices of both operands stay: sums over them (channels)
 * are done between the transforms, and another pair of indices makes the product a convolution again. */
#include "fourier.h"
#include "structure.h"

/* The sequence that an operand is. */
struct sequence {
    struct structure_application application;
    bool reversed; /* it depends on the sum: columns are counted from the end */
    bool cyclic;   /* its period is `length` */
    int64_t length;
    uint32_t n_batch;
    const struct poly **batch; /* where its other axes are read, over the node's indices */
    bool padded;               /* ... and may be left, with zeros outside */
    const struct ir_node *values;
};

static bool uses(const struct ir_access *access, uint32_t index)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (poly_uses_index(access->subscripts[axis], index))
            return true;
    return false;
}

/* Do all subscripts keep their values when `index` is replaced by `by`, which has no other index than those of the node? */
static bool keeps(struct ir_context *context, const struct ir_node *node, const struct ir_access *access, uint32_t index,
                  const struct poly *by, uint32_t gone)
{
    const struct poly **replacements = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    bool kept = replacements != NULL;
    if (kept)
        replacements[index] = by;
    for (uint32_t axis = 0; kept && axis < access->node->rank; axis++) {
        const struct poly *changed = poly_substitute(context, access->subscripts[axis], node->n_indices, replacements, NULL);
        kept = changed && (gone == UINT32_MAX ? changed == access->subscripts[axis] : !poly_uses_index(changed, gone));
    }
    return kept;
}

/* The one axis of the operand that row and column move along, nothing else with them; UINT32_MAX: there is none such. */
static uint32_t moving_axis(const struct structure_application *application)
{
    const struct ir_node *node = application->node;
    const struct ir_access *access = &node->operands[application->operand];
    uint32_t found = UINT32_MAX;
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *subscript = access->subscripts[axis];
        if (!poly_uses_index(subscript, application->row) && !poly_uses_index(subscript, application->column))
            continue;
        for (uint32_t index = 0; index < node->n_indices; index++)
            if (index != application->row && index != application->column && poly_uses_index(subscript, index))
                return UINT32_MAX;
        if (found != UINT32_MAX)
            return UINT32_MAX;
        found = axis;
    }
    return found;
}

/* Sets values[batch..., v], the operand at row = v - shift and column = 0: its other axes are batch axes, or if it moves along
 * several the node's other indices are. */
static bool set_values(struct structuring *structuring, struct sequence *sequence, int64_t extent, int64_t shift)
{
    struct ir_context *context = structuring->context;
    const struct structure_application *application = &sequence->application;
    const struct ir_node *node = application->node;
    struct ir_access access = node->operands[application->operand];
    uint32_t most = node->n_indices + access.node->rank, moving = moving_axis(application);
    const struct poly **replacements = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **shape = ARENA_ARRAY(ir_arena(context), most, const struct poly *);
    const struct poly **at = arena_copy(ir_arena(context), access.subscripts, access.node->rank, sizeof *at);
    sequence->batch = ARENA_ARRAY(ir_arena(context), most, const struct poly *);
    sequence->n_batch = 0;
    sequence->padded = access.fill && moving != UINT32_MAX;
    if (!replacements || !shape || !at || !sequence->batch)
        return false;
    for (uint32_t axis = 0; moving != UINT32_MAX && axis < access.node->rank; axis++) {
        if (axis == moving)
            continue;
        at[axis] = poly_index(context, sequence->n_batch);
        shape[sequence->n_batch] = access.node->shape[axis];
        sequence->batch[sequence->n_batch++] = access.subscripts[axis];
    }
    for (uint32_t index = 0; moving == UINT32_MAX && index < node->n_indices; index++) {
        if (index == application->row || index == application->column || !uses(&access, index))
            continue;
        replacements[index] = poly_index(context, sequence->n_batch);
        shape[sequence->n_batch] = node->extents[index];
        sequence->batch[sequence->n_batch++] = poly_index(context, index);
    }
    shape[sequence->n_batch] = poly_constant(context, extent);
    replacements[application->row] = poly_subtract(context, poly_index(context, sequence->n_batch), poly_constant(context, shift));
    replacements[application->column] = poly_constant(context, 0);
    struct poly_ranges ranges = {sequence->n_batch + 1, shape};
    for (uint32_t axis = 0; axis < access.node->rank; axis++)
        if (moving == UINT32_MAX || axis == moving)
            at[axis] = poly_substitute(context, access.subscripts[axis], node->n_indices, replacements, &ranges);
    access.subscripts = at;
    sequence->values = ir_view(context, sequence->n_batch + 1, shape, access);
    return sequence->values != NULL;
}

static bool find_sequence(struct structuring *structuring, const struct ir_node *node, uint32_t operand, uint32_t row,
                          uint32_t column, struct sequence *sequence)
{
    struct ir_context *context = structuring->context;
    const struct ir_access *access = &node->operands[operand];
    struct poly_ranges ranges = ir_ranges(node);
    const struct poly *i = poly_index(context, row), *j = poly_index(context, column);
    if (row == column || !uses(access, row) || !uses(access, column) || ir_is_checked_access(context, access, &ranges) ||
        (access->fill && (access->fill->re != 0 || access->fill->im != 0)))
        return false;
    bool difference = keeps(context, node, access, row, poly_add(context, i, j), column);
    sequence->reversed = !difference && keeps(context, node, access, row, poly_subtract(context, i, j), column);
    if ((!difference && !sequence->reversed) || !structure_isolate(structuring, node, operand, row, column, &sequence->application))
        return false;
    const struct structure_application *application = &sequence->application;
    int64_t period = application->columns;
    sequence->cyclic = !access->fill && application->rows <= period &&
                       keeps(context, node, access, row, poly_add(context, i, poly_constant(context, period)), UINT32_MAX);
    int64_t whole = application->rows + application->columns - 1, good = fourier_length(whole);
    sequence->cyclic = sequence->cyclic && fourier_flops(period) < fourier_flops(good);
    sequence->length = sequence->cyclic ? period : good;
    return set_values(structuring, sequence, sequence->cyclic ? period : whole,
                      sequence->cyclic || sequence->reversed ? 0 : application->columns - 1);
}

/* ---- building ---- */

/* A convolution of length n takes 1 / n: what is known takes it along, complex data take it in the transform back, real ones in the
 * product. */
static const struct ir_node *spectrum(struct structuring *structuring, const struct ir_node *x, int64_t length, bool known)
{
    struct ir_context *context = structuring->context;
    x = fourier_pad(context, x, length);
    if (!x || known)
        return fourier_response(context, x, length, length);
    return ir_elem_is_complex(x->elem) ? fourier_complex(context, x, length, false) : structure_real(structuring, x, length);
}

/* The product of both spectra, over `over`, with sums over what nobody else has. `kept` are the indices of its batch axes. */
static const struct ir_node *between(struct structuring *structuring, const struct sequence *sequence, const struct ir_node *a,
                                     const struct ir_node *b, int64_t over, uint32_t *n_kept, uint32_t *kept)
{
    struct ir_context *context = structuring->context;
    const struct structure_application *application = &sequence->application;
    const struct ir_node *node = application->node;
    const struct poly **place = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(ir_arena(context), node->n_indices + 1, const struct poly *);
    const struct poly **first = ARENA_ARRAY(ir_arena(context), sequence->n_batch + 1, const struct poly *);
    const struct poly **second = ARENA_ARRAY(ir_arena(context), node->n_indices, const struct poly *);
    bool *has = ARENA_ARRAY(ir_arena(context), node->n_indices, bool);
    uint32_t n = 0;
    if (!a || !b || !place || !extents || !first || !second || !has)
        return NULL;
    for (uint32_t index = 0; index < node->n_indices; index++)
        for (uint32_t k = 0; k < sequence->n_batch; k++)
            has[index] |= poly_uses_index(sequence->batch[k], index);
    for (uint32_t k = 0; k < application->n_batch; k++)
        has[application->batch[k]] = true;
    *n_kept = 0;
    for (int summed = 0; summed < 2; summed++) {
        for (uint32_t index = 0; index < node->n_indices; index++) {
            bool outside = index < node->rank;
            for (uint32_t k = 0; k < node->n_operands; k++)
                outside |= k != application->operand && !application->inside[k] && uses(&node->operands[k], index);
            if (!has[index] || outside == (summed == 1))
                continue;
            if (!summed)
                kept[(*n_kept)++] = index;
            place[index] = poly_index(context, n);
            extents[n++] = node->extents[index];
        }
        if (!summed)
            extents[n++] = a->shape[a->rank - 1];
    }
    struct poly_ranges ranges = {n, extents};
    for (uint32_t k = 0; k < sequence->n_batch; k++)
        first[k] = poly_substitute(context, sequence->batch[k], node->n_indices, place, &ranges);
    for (uint32_t k = 0; k < application->n_batch; k++)
        second[k] = place[application->batch[k]];
    first[sequence->n_batch] = second[application->n_batch] = poly_index(context, *n_kept);
    struct ir_number zero = ir_number_complex(a->elem, 0, 0);
    const struct ir_access operands[3] = {{.node = a, .subscripts = first, .fill = sequence->padded ? &zero : NULL},
                                          {.node = b, .subscripts = second},
                                          {.node = fourier_share(context, a->elem, over), .subscripts = first}};
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = a->elem,
                                                      .accumulator = a->elem,
                                                      .rank = *n_kept + 1,
                                                      .n_indices = n,
                                                      .extents = extents,
                                                      .n_operands = over == 1 ? 2 : 3,
                                                      .operands = operands});
}

static const struct ir_node *backward(struct ir_context *context, const struct ir_node *x, int64_t length, int64_t over)
{
    if (fourier_has_twiddles(length))
        return fourier_complex_times(context, x, length, true, (struct fourier_factor){1, 0, over});
    const struct ir_node *y = fourier_complex(context, x, length, true);
    return over == 1 ? y : fourier_over(context, y, over);
}

static const struct ir_node *convolved(struct structuring *structuring, const struct sequence *sequence)
{
    struct ir_context *context = structuring->context;
    const struct structure_application *application = &sequence->application;
    const struct ir_node *data = application->data;
    const struct poly *last = poly_index(context, data->rank - 1);
    uint32_t n_kept = 0, *kept = ARENA_ARRAY(ir_arena(context), application->node->n_indices, uint32_t);
    if (!kept)
        return NULL;
    if (sequence->reversed)
        data = fourier_view(context, data, application->columns,
                            poly_subtract(context, poly_constant(context, application->columns - 1), last), false);
    int64_t length = sequence->length;
    bool complex = ir_elem_is_complex(application->node->elem);
    bool known = spectra_is_known(context, fourier_pad(context, sequence->values, length));
    const struct ir_node *product =
        between(structuring, sequence, spectrum(structuring, sequence->values, length, known),
                spectrum(structuring, data, length, false), known || complex ? 1 : length, &n_kept, kept);
    product = structure_improve(structuring, product);
    if (!product)
        return NULL;
    const struct ir_node *all =
        complex ? backward(context, product, length, known ? 1 : length) : structure_real_back(structuring, product, length, true);
    int64_t begin = sequence->cyclic && !sequence->reversed ? 0 : application->columns - 1;
    const struct poly *at = all ? poly_add(context, poly_index(context, all->rank - 1), poly_constant(context, begin)) : NULL;
    if (all && sequence->cyclic && begin)
        at = poly_mod(context, at, poly_constant(context, length), NULL);
    return structure_finish(structuring, application, n_kept, kept, fourier_view(context, all, application->rows, at, false));
}

/* Fewer multiplications than this at a point are never slower than transforms. */
enum { FEWEST_COLUMNS = 8 };

const struct ir_node *structure_convolution(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    int64_t extent;
    for (uint32_t column = node->rank; column < node->n_indices; column++) {
        if (!poly_is_constant(node->extents[column], &extent) || extent < FEWEST_COLUMNS || !uses(&node->operands[operand], column))
            continue;
        for (uint32_t row = 0; row < node->n_indices; row++) {
            struct sequence sequence;
            if (poly_is_constant(node->extents[row], &extent) && extent >= FEWEST_COLUMNS &&
                find_sequence(structuring, node, operand, row, column, &sequence))
                return convolved(structuring, &sequence);
        }
    }
    return NULL;
}
