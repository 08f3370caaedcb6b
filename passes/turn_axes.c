/* Axes of values between stages, where the target has dot products of small integers: the one along which they are summed comes
 * last.
 *
 *     scratch t: i8[16, 16]   for j, i { for k { s add= mul(i32(L[16*(16*j + i) + k]), i32(t[16*k + j])) } ... }
 *
 * has t[16*j + k] from here on, wherever t is written and read. Only what no caller sees is turned, of constant shape, whose every
 * address is a sum of one term an axis; and only if all sums that read it agree on the axis. Turned or not, a store costs the
 * same: microcontrollers have no lines of memory that it could fill. */
#include "product.h"

enum { MOST_AXES = 8 };

struct turning {
    struct pass_kernel *kernel;
    struct ir_context *context;
    uint32_t buffer, rank;
    int64_t strides[MOST_AXES], extents[MOST_AXES];
    uint32_t axis;            /* that sums run along; UINT32_MAX: none yet */
    bool refused;             /* sums run along several, or an address has another form */
    bool turns;               /* addresses are changed, not looked at */
    uint32_t n_indices;       /* of the function */
    const struct poly **ends; /* of open loops, by index */
};

/* ---- one address ---- */

/* The coordinates of a place, each a sum without divisions. False: the address has no such form. */
static bool read_place(const struct turning *turning, const struct poly *address, const struct poly **at)
{
    struct ir_context *context = turning->context;
    const struct poly_ranges ranges = {turning->n_indices, turning->ends};
    const struct poly *rest = address;
    for (uint32_t axis = 0; axis < turning->rank; axis++) {
        const struct poly *stride = poly_constant(context, turning->strides[axis]);
        at[axis] = poly_floor_div(context, rest, stride, &ranges);
        rest = poly_mod(context, rest, stride, &ranges);
        if (!at[axis] || !rest)
            return false;
        const struct poly *back = poly_add(context, poly_multiply(context, at[axis], stride), rest);
        bool inside = poly_prove_within(context, at[axis], poly_constant(context, turning->extents[axis]), &ranges);
        uint32_t n = poly_index_limit(at[axis]);
        for (uint32_t index = 0; index < n; index++)
            inside = inside && poly_split_index(context, at[axis], index, NULL, NULL);
        if (!inside || (axis == 0 && back != address))
            return false;
    }
    return poly_equals(rest, 0);
}

static const struct poly *turned(const struct turning *turning, const struct poly *const *at)
{
    struct ir_context *context = turning->context;
    const struct poly *address = poly_constant(context, 0);
    for (uint32_t k = 0; k < turning->rank; k++) {
        uint32_t axis = k + 1 == turning->rank ? turning->axis : k < turning->axis ? k : k + 1;
        address = poly_add(context, poly_scale(context, address, turning->extents[axis]), at[axis]);
    }
    return address;
}

/* ---- all of them ---- */

/* The axis that the sum over `index` moves along. */
static void vote(struct turning *turning, const struct poly *const *at, uint32_t index)
{
    for (uint32_t axis = 0; axis < turning->rank; axis++) {
        if (!poly_uses_index(at[axis], index))
            continue;
        turning->refused |= turning->axis != UINT32_MAX && turning->axis != axis;
        turning->axis = axis;
    }
}

/* An address of the buffer, in a sum over `summed` if that is not UINT32_MAX; gives what stands for it. */
static const struct poly *visit_place(struct turning *turning, const struct poly *address, uint32_t summed)
{
    const struct poly *at[MOST_AXES];
    if (!read_place(turning, address, at)) {
        turning->refused = true;
        return address;
    }
    if (turning->turns)
        return turned(turning, at);
    if (summed != UINT32_MAX)
        vote(turning, at, summed);
    return address;
}

struct visit {
    struct turning *turning;
    uint32_t summed;
};

static const struct ir_expr *visit_leaf(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct visit *visit = user;
    if (leaf->op != IR_EXPR_load || leaf->load.buffer != visit->turning->buffer)
        return leaf;
    const struct poly *address = visit_place(visit->turning, leaf->load.address, visit->summed);
    return address == leaf->load.address ? leaf : ir_expr_load(context, leaf->load.buffer, leaf->elem, address);
}

static bool visit_value(struct turning *turning, const struct ir_expr **value, uint32_t summed)
{
    struct visit visit = {turning, summed};
    const struct ir_expr *seen = ir_expr_substitute(turning->context, *value, visit_leaf, &visit, 0, NULL, NULL);
    *value = seen ? seen : *value;
    return seen != NULL;
}

static bool has_loop(const struct loop_stmt *list)
{
    while (list && list->op != LOOP_FOR && list->op != LOOP_BLOCK && list->op != LOOP_IF)
        list = list->next;
    return list != NULL;
}

/* `summed`: the index of the innermost loop around the list, if that has none inside. False: no memory. */
static bool visit_list(struct turning *turning, struct loop_stmt *list, uint32_t summed)
{
    for (; list && !turning->refused; list = list->next) {
        bool fine = true;
        switch (list->op) {
        case LOOP_FOR:
            turning->ends[list->loop.index] = list->loop.end;
            fine = visit_list(turning, list->loop.body, has_loop(list->loop.body) ? UINT32_MAX : list->loop.index);
            turning->ends[list->loop.index] = NULL;
            break;
        case LOOP_STORE:
            if (list->store.buffer == turning->buffer)
                list->store.address = visit_place(turning, list->store.address, UINT32_MAX);
            fine = list->store.address && visit_value(turning, &list->store.value, UINT32_MAX);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            fine = visit_value(turning, &list->local.value, list->op == LOOP_SET ? summed : UINT32_MAX);
            break;
        case LOOP_IF:
            fine = visit_list(turning, list->branch.body, UINT32_MAX) && visit_list(turning, list->branch.otherwise, UINT32_MAX);
            break;
        case LOOP_BLOCK:
            fine = visit_list(turning, list->block, UINT32_MAX);
            break;
        case LOOP_PREFETCH:
            turning->refused |= list->prefetch.buffer == turning->buffer;
            break;
        case LOOP_CHECK:
        case LOOP_COMMENT:
            break;
        }
        if (!fine)
            return false;
    }
    return true;
}

/* ---- which buffers ---- */

static bool may_turn(struct turning *turning, const struct loop_buffer *buffer)
{
    int64_t count = 1, all;
    if (buffer->kind != LOOP_SCRATCH || buffer->is_private || buffer->table || (buffer->elem != IR_i8 && buffer->elem != IR_i16) ||
        buffer->rank < 2 || buffer->rank > MOST_AXES || !poly_is_constant(buffer->count, &all))
        return false;
    turning->rank = buffer->rank;
    for (uint32_t axis = buffer->rank; axis-- > 0;) {
        turning->strides[axis] = count;
        if (!poly_is_constant(buffer->shape[axis], &turning->extents[axis]) || turning->extents[axis] < 1 ||
            !checked_multiply(count, turning->extents[axis], &count))
            return false;
    }
    return count == all;
}

static bool turn_shape(struct turning *turning, struct loop_buffer *buffer)
{
    const struct poly **shape = ARENA_ARRAY(ir_arena(turning->context), buffer->rank, const struct poly *);
    for (uint32_t k = 0; shape && k < buffer->rank; k++)
        shape[k] = buffer->shape[k + 1 == buffer->rank ? turning->axis : k < turning->axis ? k : k + 1];
    buffer->shape = shape;
    return shape != NULL;
}

enum einc_status pass_turn_axes(struct pass_kernel *kernel)
{
    struct loop_function *function = kernel->loops;
    struct turning turning = {.kernel = kernel, .context = kernel->context, .n_indices = (uint32_t)function->n_indices};
    if (!kernel->options->machine.dot_bytes || kernel->options->machine.vector_bytes)
        return EINC_OK;
    turning.ends = ARENA_ARRAY(ir_arena(kernel->context), function->n_indices, const struct poly *);
    if (!turning.ends && function->n_indices)
        return EINC_NO_MEMORY;
    for (turning.buffer = 0; turning.buffer < function->n_buffers; turning.buffer++) {
        turning.axis = UINT32_MAX;
        turning.refused = turning.turns = false;
        if (!may_turn(&turning, &function->buffers[turning.buffer]))
            continue;
        if (!visit_list(&turning, function->body, UINT32_MAX))
            return EINC_NO_MEMORY;
        if (turning.refused || turning.axis == UINT32_MAX || turning.axis + 1 == turning.rank)
            continue;
        turning.turns = true;
        if (!visit_list(&turning, function->body, UINT32_MAX) || !turn_shape(&turning, &function->buffers[turning.buffer]))
            return EINC_NO_MEMORY;
    }
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
