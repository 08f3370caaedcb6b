/* Recurrences: h[t] = step(h[t-1], slices at t), the step evaluated as a kernel of its own, once a step.
 *
 * Slices are read into arrays before each step, states are the arrays that the step before left, and what is projected is written
 * to the projections' tensors as it comes: row t of axis 0, or, after the last step, the state. A step's working memory is an
 * arena of its own, so a long scan takes no more of it than a short one. */
#include "eval_kernel.h"
#include "eval_split.h"

#include <string.h>

/* One input of the step: a state, or a slice read at every step. */
struct step_input {
    struct walk *walk;
    struct eval_access access;
};

struct recurrence {
    struct evaluation *evaluation; /* outside */
    const struct ir_node *node;
    const struct ir_kernel *step;
    struct eval_tensor *given;
    struct step_input *inputs;
    int64_t extent;
};

/* ---- inputs ---- */

static bool prepare_input(struct recurrence *recurrence, uint32_t k)
{
    struct evaluation *evaluation = recurrence->evaluation;
    const struct ir_access *access = &recurrence->node->operands[k];
    struct eval_tensor *given = &recurrence->given[k];
    struct step_input *input = &recurrence->inputs[k];
    given->node = recurrence->step->inputs[k].node;
    if (!eval_shape_tensor(evaluation, given))
        return false;
    int64_t *extents = ARENA_ARRAY(evaluation->arena, given->rank + 1, int64_t);
    if (!extents)
        return eval_fail_memory(evaluation);
    extents[0] = recurrence->extent;
    memcpy(extents + 1, given->shape, given->rank * sizeof *extents);
    input->walk = walk_create(evaluation->arena, evaluation->dims, given->rank + 1, extents, &evaluation->tables);
    if (!input->walk ||
        !walk_access(input->walk, evaluation->arithmetic, access, eval_find_tensor(evaluation, access->node), &input->access))
        return eval_fail_memory(evaluation);
    given->terms = input->access.tensor->terms;
    return true;
}

/* given[i0, i1, ...] = operand[subscripts of t, i0, i1, ...] */
static bool read_input(struct recurrence *recurrence, uint32_t k, int64_t t)
{
    struct eval_tensor *given = &recurrence->given[k];
    struct step_input *input = &recurrence->inputs[k];
    walk_move(input->walk, 0, t);
    for (int64_t at = 0; at < given->count; at++, walk_next(input->walk, 1, given->rank + 1))
        if (!walk_fetch(input->walk, recurrence->evaluation->arithmetic, &input->access, &given->data[at]))
            return eval_fail_outside(recurrence->evaluation, recurrence->node, input->walk, k, 1, &input->access);
    return true;
}

/* ---- results ---- */

static bool projects(const struct recurrence *recurrence, const struct eval_tensor *tensor)
{
    return tensor->node->op == IR_proj_node && tensor->node->operands[0].node == recurrence->node;
}

static bool shape_projections(struct recurrence *recurrence)
{
    struct evaluation *evaluation = recurrence->evaluation;
    for (size_t k = 0; k < evaluation->n_tensors; k++)
        if (projects(recurrence, &evaluation->tensors[k]) && !eval_shape_tensor(evaluation, &evaluation->tensors[k]))
            return false;
    return true;
}

static void store_step(struct recurrence *recurrence, const struct evaluation *step, int64_t t)
{
    struct evaluation *evaluation = recurrence->evaluation;
    for (size_t k = 0; k < evaluation->n_tensors; k++) {
        struct eval_tensor *tensor = &evaluation->tensors[k];
        if (!projects(recurrence, tensor) || tensor->node->proj.last)
            continue;
        const struct eval_tensor *value = eval_find_tensor(step, step->kernel->outputs[tensor->node->proj.result].node);
        memcpy(tensor->data + t * value->count, value->data, (size_t)value->count * sizeof *value->data);
        tensor->terms = value->terms > tensor->terms ? value->terms : tensor->terms;
    }
}

static void store_last(struct recurrence *recurrence)
{
    struct evaluation *evaluation = recurrence->evaluation;
    for (size_t k = 0; k < evaluation->n_tensors; k++) {
        struct eval_tensor *tensor = &evaluation->tensors[k];
        if (!projects(recurrence, tensor) || !tensor->node->proj.last)
            continue;
        const struct eval_tensor *state = &recurrence->given[tensor->node->proj.result];
        memcpy(tensor->data, state->data, (size_t)state->count * sizeof *state->data);
        tensor->terms = state->terms;
    }
}

/* ---- steps ---- */

/* The states after the step become those before the next one. All of them at once: one may be another's value. */
static bool take_states(struct recurrence *recurrence, const struct evaluation *step)
{
    uint32_t n = recurrence->node->scan->n_states;
    struct scalar **values = ARENA_ARRAY(step->arena, n, struct scalar *);
    for (uint32_t k = 0; values && k < n; k++) {
        const struct eval_tensor *value = eval_find_tensor(step, recurrence->step->outputs[k].node);
        recurrence->given[k].terms = value->terms;
        if (!(values[k] = arena_copy(step->arena, value->data, (size_t)value->count, sizeof *value->data)))
            return false;
    }
    for (uint32_t k = 0; values && k < n; k++)
        memcpy(recurrence->given[k].data, values[k], (size_t)recurrence->given[k].count * sizeof *values[k]);
    return values != NULL;
}

static bool run_step(struct recurrence *recurrence, struct evaluation step, int64_t t)
{
    for (uint32_t k = recurrence->node->scan->n_states; k < recurrence->step->n_inputs; k++)
        if (!read_input(recurrence, k, t))
            return false;
    for (size_t k = 0; k < step.n_tensors; k++)
        step.tensors[k].terms = 0;
    if (!(step.arena = arena_create(arena_allocator(step.arena))))
        return eval_fail_memory(recurrence->evaluation);
    step.tables.user = &step;
    bool done = eval_nodes(&step);
    if (done)
        store_step(recurrence, &step, t);
    if (done && !take_states(recurrence, &step))
        done = eval_fail_memory(&step);
    arena_destroy(step.arena);
    if (!done)
        recurrence->evaluation->status = step.status;
    return done;
}

bool eval_scan(struct evaluation *evaluation, const struct eval_tensor *tensor)
{
    const struct ir_scan *scan = tensor->node->scan;
    struct recurrence recurrence = {.evaluation = evaluation, .node = tensor->node};
    recurrence.step = eval_split(evaluation->context, scan->step, evaluation->dims);
    recurrence.given = ARENA_ARRAY(evaluation->arena, scan->step->n_inputs, struct eval_tensor);
    recurrence.inputs = ARENA_ARRAY(evaluation->arena, scan->step->n_inputs, struct step_input);
    struct evaluation step = *evaluation;
    step.kernel = recurrence.step;
    step.given = recurrence.given;
    if (!step.kernel || !recurrence.given || !recurrence.inputs || !eval_list_tensors(&step))
        return eval_fail_memory(evaluation);
    if (!eval_find_extents(evaluation, tensor->node, 1, &scan->extent, &recurrence.extent) || !shape_projections(&recurrence))
        return false;
    for (uint32_t k = 0; k < recurrence.step->n_inputs; k++)
        if (!prepare_input(&recurrence, k))
            return false;
    for (uint32_t k = 0; k < scan->n_states; k++)
        if (!read_input(&recurrence, k, 0))
            return false;
    for (int64_t t = 0; t < recurrence.extent; t++)
        if (!run_step(&recurrence, step, scan->backward ? recurrence.extent - 1 - t : t))
            return false;
    store_last(&recurrence);
    return true;
}
