/* Concatenation: a tensor put together from boxes, each a whole tensor at an offset.
 *
 * Operand k stands at the points where all its subscripts, an index less an offset each, are inside it. The boxes lie inside the
 * node, no two of them share a point, and together they have as many points as the node: so they cover it. All of that is proved,
 * for every size of the dims at which no extent is negative. */
#include "ir_internal.h"

#include <string.h>

const struct poly *ir_concat_offset(struct ir_context *context, const struct ir_access *access, uint32_t axis)
{
    return poly_subtract(context, poly_index(context, axis), access->subscripts[axis]);
}

/* The boxes along one axis: operand k from begin[k] to before end[k]. */
struct axis_boxes {
    struct ir_context *context;
    uint32_t count;
    const struct poly **begin, **end;
    bool *visited;
};

static bool at_most(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    return a == b || poly_prove_nonnegative(context, poly_subtract(context, b, a), NULL);
}

/* Is the end of box `from` at most `to`? A box that begins there ends no earlier, since its extent is not negative. */
static bool ends_by(struct axis_boxes *boxes, uint32_t from, const struct poly *to)
{
    if (at_most(boxes->context, boxes->end[from], to))
        return true;
    boxes->visited[from] = true;
    for (uint32_t k = 0; k < boxes->count; k++)
        if (!boxes->visited[k] && boxes->begin[k] == boxes->end[from] && ends_by(boxes, k, to))
            return true;
    return false;
}

/* Is the begin of box `from` at least 0? */
static bool begins_inside(struct axis_boxes *boxes, uint32_t from)
{
    if (poly_prove_nonnegative(boxes->context, boxes->begin[from], NULL))
        return true;
    boxes->visited[from] = true;
    for (uint32_t k = 0; k < boxes->count; k++)
        if (!boxes->visited[k] && boxes->end[k] == boxes->begin[from] && begins_inside(boxes, k))
            return true;
    return false;
}

static void forget(struct axis_boxes *boxes)
{
    memset(boxes->visited, 0, boxes->count * sizeof *boxes->visited);
}

static bool find_boxes(struct axis_boxes *boxes, const struct ir_node *node, uint32_t axis)
{
    for (uint32_t k = 0; k < boxes->count; k++) {
        const struct ir_access *access = &node->operands[k];
        boxes->begin[k] = ir_concat_offset(boxes->context, access, axis);
        boxes->end[k] = poly_add(boxes->context, boxes->begin[k], access->node->shape[axis]);
        if (!boxes->begin[k] || !boxes->end[k])
            return false;
    }
    return true;
}

static bool is_empty(const struct ir_node *node)
{
    for (uint32_t axis = 0; axis < node->rank; axis++)
        if (poly_equals(node->shape[axis], 0))
            return true;
    return false;
}

/* Marks the pairs that this axis keeps apart; `apart` has a row of `count` for each operand. */
static void separate(struct axis_boxes *boxes, bool *apart)
{
    for (uint32_t a = 0; a < boxes->count; a++)
        for (uint32_t b = 0; b < boxes->count; b++) {
            if (a == b || apart[a * boxes->count + b])
                continue;
            forget(boxes);
            if (ends_by(boxes, a, boxes->begin[b]))
                apart[a * boxes->count + b] = apart[b * boxes->count + a] = true;
        }
}

static bool lies_inside(struct axis_boxes *boxes, const struct ir_node *node, uint32_t axis, uint32_t *outside)
{
    for (uint32_t k = 0; k < boxes->count; k++) {
        *outside = k;
        if (is_empty(node->operands[k].node))
            continue;
        forget(boxes);
        bool inside = begins_inside(boxes, k);
        forget(boxes);
        if (!inside || !ends_by(boxes, k, node->shape[axis]))
            return false;
    }
    return true;
}

static const struct poly *covered(struct ir_context *context, const struct ir_node *node)
{
    const struct poly *points = poly_constant(context, 0);
    for (uint32_t k = 0; k < node->n_operands; k++)
        points = poly_add(context, points, ir_element_count(context, node->operands[k].node));
    return points;
}

enum ir_concat_fault ir_check_concat(struct ir_context *context, const struct ir_node *node, uint32_t operands[2])
{
    uint32_t n = node->n_operands;
    struct arena *arena = context->arena;
    struct axis_boxes boxes = {context, n, ARENA_ARRAY(arena, n, const struct poly *), ARENA_ARRAY(arena, n, const struct poly *),
                               ARENA_ARRAY(arena, n, bool)};
    bool *apart = ARENA_ARRAY(arena, (size_t)n * n, bool);
    if (!boxes.begin || !boxes.end || !boxes.visited || !apart)
        return IR_CONCAT_FINE; /* memory ran out; that is said elsewhere */
    for (uint32_t axis = 0; axis < node->rank; axis++)
        if (find_boxes(&boxes, node, axis))
            separate(&boxes, apart);
    for (operands[0] = 0; operands[0] < n; operands[0]++)
        for (operands[1] = 0; operands[1] < operands[0]; operands[1]++)
            if (!apart[operands[0] * n + operands[1]] && !is_empty(node->operands[operands[0]].node) &&
                !is_empty(node->operands[operands[1]].node))
                return IR_CONCAT_OVERLAP;
    operands[0] = 0;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        if (!find_boxes(&boxes, node, axis) || !lies_inside(&boxes, node, axis, &operands[0]))
            return IR_CONCAT_OUTSIDE;
    return covered(context, node) == ir_element_count(context, node) ? IR_CONCAT_FINE : IR_CONCAT_GAP;
}
