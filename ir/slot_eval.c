/* What a schedule computes, in clear slots: the same ops on vectors of S doubles. Buffers are given back after the last use of
 * their value, so memory is what is alive at once. Garbage slots of inputs hold numbers that differ from slot to slot: a schedule
 * that lets them into its result gives a wrong one. */
#include "slot.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct evaluation {
    const struct slot_program *program;
    struct arena *arena;
    const double *const *inputs;
    size_t slots;
    double **buffers;   /* by id: the value's slots while it is alive */
    uint32_t *last_use; /* by id: the last value that reads it; its own id: none */
    double **free_buffers;
    size_t n_free;
};

/* ---- which values are alive ---- */

static void find_last_uses(const struct slot_program *program, uint32_t *last_use)
{
    for (size_t k = 0; k < program->n_values; k++) {
        last_use[k] = (uint32_t)k;
        for (uint32_t o = 0; o < 2; o++)
            if (program->values[k]->operands[o])
                last_use[program->values[k]->operands[o]->id] = (uint32_t)k;
    }
    for (size_t k = 0; k < program->n_outputs; k++)
        for (int64_t c = 0; c < slot_layout_ciphertexts(program->outputs[k].layout); c++)
            last_use[program->outputs[k].values[c]->id] = UINT32_MAX;
}

static size_t most_alive(const struct slot_program *program, const uint32_t *last_use)
{
    size_t alive = 0, most = 0;
    for (size_t k = 0; k < program->n_values; k++) {
        const struct slot_value *value = program->values[k];
        most = ++alive > most ? alive : most;
        for (uint32_t o = 0; o < 2; o++)
            if (value->operands[o] && last_use[value->operands[o]->id] == k && (o == 0 || value->operands[0] != value->operands[1]))
                alive--;
        alive -= last_use[k] == k;
    }
    return most;
}

static double *take(struct evaluation *evaluation)
{
    if (evaluation->n_free)
        return evaluation->free_buffers[--evaluation->n_free];
    return ARENA_ARRAY(evaluation->arena, evaluation->slots, double);
}

static void give_back(struct evaluation *evaluation, const struct slot_value *value, size_t at)
{
    if (!value || evaluation->last_use[value->id] != at || !evaluation->buffers[value->id])
        return;
    evaluation->free_buffers[evaluation->n_free++] = evaluation->buffers[value->id];
    evaluation->buffers[value->id] = NULL;
}

/* ---- ops ---- */

/* In [1, 2) or (-2, -1], another for each slot. */
static double garbage(uint64_t seed)
{
    uint64_t hash = hash_mix(UINT64_C(0x243f6a8885a308d3), seed);
    double size = 1 + (double)(hash >> 12) * 0x1p-52;
    return hash & 1 ? -size : size;
}

static void pack(struct evaluation *evaluation, const struct slot_value *value, double *out)
{
    const struct slot_layout *layout = evaluation->program->inputs[value->input].layout;
    const double *tensor = evaluation->inputs[value->input];
    for (size_t s = 0; s < evaluation->slots; s++) {
        int64_t at = slot_layout_at(layout, (int64_t)s + layout->slots * (int64_t)value->part);
        out[s] = at >= 0 ? tensor[at] : at == SLOT_AT_GARBAGE ? garbage((uint64_t)value->id << 20 | s) : 0;
    }
}

static void rotate(const double *a, size_t slots, int32_t step, double *out)
{
    size_t left = (size_t)(step < 0 ? step + (int64_t)slots : step);
    memcpy(out, a + left, (slots - left) * sizeof *a);
    memcpy(out + (slots - left), a, left * sizeof *a);
}

static void compute(struct evaluation *evaluation, const struct slot_value *value, double *out)
{
    size_t n = evaluation->slots;
    const double *a = value->operands[0] ? evaluation->buffers[value->operands[0]->id] : NULL;
    const double *b = value->operands[1] ? evaluation->buffers[value->operands[1]->id] : NULL;
    const double *c = value->constant ? value->constant->data : NULL;
    size_t period = value->constant ? value->constant->length - 1 : 0;
    switch (value->op) {
    case SLOT_input:
        pack(evaluation, value, out);
        break;
    case SLOT_known:
        for (size_t s = 0; s < n; s++)
            out[s] = c[s & period];
        break;
    case SLOT_rot:
        rotate(a, n, value->step, out);
        break;
    case SLOT_neg:
        for (size_t s = 0; s < n; s++)
            out[s] = -a[s];
        break;
    case SLOT_add:
        for (size_t s = 0; s < n; s++)
            out[s] = a[s] + b[s];
        break;
    case SLOT_sub:
        for (size_t s = 0; s < n; s++)
            out[s] = a[s] - b[s];
        break;
    case SLOT_addp:
        for (size_t s = 0; s < n; s++)
            out[s] = a[s] + c[s & period];
        break;
    case SLOT_subp:
        for (size_t s = 0; s < n; s++)
            out[s] = a[s] - c[s & period];
        break;
    case SLOT_mulp:
        for (size_t s = 0; s < n; s++)
            out[s] = a[s] * c[s & period];
        break;
    case SLOT_mul:
    case SLOT_square:
        for (size_t s = 0; s < n; s++)
            out[s] = a[s] * (b ? b : a)[s];
        break;
    default: /* the same slots */
        memcpy(out, a, n * sizeof *a);
        break;
    }
}

/* ---- outputs ---- */

/* The first position of an element is its value; the others and the zeros are held against that. */
static bool unpack(struct evaluation *evaluation, const struct slot_port *port, double *tensor, double *largest, double *deviation)
{
    const struct slot_layout *layout = port->layout;
    int64_t elements = slot_layout_elements(layout), count = layout->slots * slot_layout_ciphertexts(layout);
    const int64_t *positions = slot_layout_positions(evaluation->arena, layout);
    for (int64_t e = 0; positions && e < elements; e++) {
        tensor[e] = evaluation->buffers[port->values[positions[e] / layout->slots]->id][positions[e] % layout->slots];
        *largest = fmax(*largest, fabs(tensor[e]));
    }
    for (int64_t p = 0; positions && p < count; p++) {
        int64_t at = slot_layout_at(layout, p);
        double value = evaluation->buffers[port->values[p / layout->slots]->id][p % layout->slots];
        if (at != SLOT_AT_GARBAGE)
            *deviation = fmax(*deviation, fabs(value - (at >= 0 ? tensor[at] : 0)));
    }
    return positions != NULL;
}

static enum einc_status evaluate(struct evaluation *evaluation)
{
    const struct slot_program *program = evaluation->program;
    for (size_t k = 0; k < program->n_values; k++) {
        const struct slot_value *value = program->values[k];
        double *out = take(evaluation);
        if (!out)
            return EINC_NO_MEMORY;
        compute(evaluation, value, out);
        evaluation->buffers[k] = out;
        give_back(evaluation, value->operands[0], k);
        give_back(evaluation, value->operands[1], k);
        give_back(evaluation, value, k);
    }
    return EINC_OK;
}

enum einc_status slot_eval(const struct slot_program *program, const double *const *inputs, double *const *outputs, double *spread)
{
    struct arena *arena = ir_arena(program->context);
    struct evaluation evaluation = {.program = program, .arena = arena, .inputs = inputs, .slots = (size_t)program->slots};
    evaluation.buffers = ARENA_ARRAY(arena, program->n_values, double *);
    evaluation.last_use = ARENA_ARRAY(arena, program->n_values, uint32_t);
    evaluation.free_buffers = ARENA_ARRAY(arena, program->n_values, double *);
    if (!evaluation.buffers || !evaluation.last_use || !evaluation.free_buffers)
        return EINC_NO_MEMORY;
    find_last_uses(program, evaluation.last_use);
    size_t most = most_alive(program, evaluation.last_use);
    if (most > SLOT_EVAL_BYTES / sizeof(double) / evaluation.slots) {
        diag_error(ir_diagnostics(program->context), DIAG_E0921, SPAN_NONE, "%zu ciphertexts are alive at once", most);
        return EINC_LIMIT;
    }
    enum einc_status status = evaluate(&evaluation);
    double largest = 0, deviation = 0;
    for (size_t k = 0; k < program->n_outputs && status == EINC_OK; k++)
        if (!unpack(&evaluation, &program->outputs[k], outputs[k], &largest, &deviation))
            status = EINC_NO_MEMORY;
    if (spread)
        *spread = deviation == 0 ? 0 : deviation / largest;
    return status;
}
