/* Accesses as source: subscripts, what stands outside, and what the language has to be told that the IR knows. */
#include "ein.h"

struct ein_reading ein_read_plainly(struct ein_writer *w, const struct ir_access *access)
{
    return (struct ein_reading){.name = ein_node_name(w, access->node),
                                .conjugate = access->conjugate,
                                .fill = access->fill,
                                .rank = access->node->rank,
                                .subscripts = access->subscripts,
                                .shape = access->node->shape};
}

/* The access as the statement being written sees it. */
static struct ein_reading read_access(struct ein_writer *w, const struct ir_access *access)
{
    return w->step ? ein_read_in_step(w, access) : ein_read_plainly(w, access);
}

/* Is an axis left for all that reading the source again can prove? An axis of n reads at 0 inside of the loops over the n, where it
 * is known to have an element; the access alone does not say so. Not asked of steps, since a state is read before the first. */
static bool may_leave(struct ein_writer *w, const struct ein_reading *reading)
{
    uint32_t n = w->node->n_indices + (w->step ? 1 : 0);
    const struct poly **extents = ARENA_ARRAY(w->arena, n, const struct poly *);
    if (!extents)
        return false;
    for (uint32_t k = 0; k < n; k++)
        extents[k] = ein_extent_of(w, k);
    const struct poly_ranges ranges = {n, extents};
    for (uint32_t k = 0; k < reading->rank; k++)
        if (!poly_is_constant(reading->shape[k], NULL) && !(w->step && reading->shape[k] == w->step->scan->scan->extent) &&
            !poly_is_run_time(reading->subscripts[k]) &&
            !poly_prove_within(w->context, reading->subscripts[k], reading->shape[k], &ranges))
            return true;
    return false;
}

void ein_put_access(struct ein_writer *w, const struct ir_access *access)
{
    struct ein_reading reading = read_access(w, access);
    const struct ir_number zero = ir_number_integer(access->node->elem, 0);
    if (reading.value) {
        text_printf(w->text, "%s(", ir_elem_info(access->node->elem)->name);
        ein_put_poly_value(w, reading.value, 0);
        text_put(w->text, ")");
        return;
    }
    if (!reading.fill && may_leave(w, &reading))
        reading.fill = &zero;
    bool padded = reading.fill && reading.rank > 0; /* nothing is outside of a scalar */
    text_put(w->text, reading.conjugate ? "conj(" : "");
    text_put(w->text, padded ? "pad(" : "");
    text_put(w->text, reading.name);
    for (uint32_t k = 0; k < reading.rank; k++) {
        uint32_t index;
        text_put(w->text, k ? "," : "[");
        ein_put_poly(w, reading.subscripts[k], 0);
        /* a bare index would take the axis for its extent */
        if (poly_is_index(reading.subscripts[k], &index) && ein_extent_of(w, index) != reading.shape[k])
            text_put(w->text, " + 0");
    }
    text_put(w->text, reading.rank ? "]" : "");
    if (padded) {
        struct ir_number fill = *reading.fill; /* the value as it is; the language conjugates what pad gives */
        if (reading.conjugate)
            fill.im = -fill.im;
        text_put(w->text, ", ");
        ein_put_number(w, fill, EIN_ANY);
        text_put(w->text, ")");
    }
    text_put(w->text, reading.conjugate ? ")" : "");
}

void ein_put_operand(struct ein_writer *w, uint32_t operand)
{
    ein_put_access(w, &w->node->operands[operand]);
}

bool ein_operand_uses(struct ein_writer *w, uint32_t operand, uint32_t index)
{
    struct ein_reading reading = read_access(w, &w->node->operands[operand]);
    if (reading.value)
        return poly_uses_index(reading.value, index);
    for (uint32_t axis = 0; axis < reading.rank; axis++)
        if (poly_uses_index(reading.subscripts[axis], index))
            return true;
    return false;
}
