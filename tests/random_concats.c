/* Random concatenations: a box, then up to three more, each beside all that is there already along some axis, so that the boxes are
 * cut from the whole by straight cuts. */
#include "programs_internal.h"

enum { MOST_BOXES = 4 };

struct boxes {
    uint32_t n, rank;
    struct random_value parts[MOST_BOXES];
    const struct poly *offsets[MOST_BOXES][MOST_INDICES];
    const struct poly *shape[MOST_INDICES]; /* of all together */
};

static void place(struct generator *generator, struct boxes *boxes, struct random_value part, uint32_t axis,
                  const struct poly *offset)
{
    for (uint32_t k = 0; k < boxes->rank; k++)
        boxes->offsets[boxes->n][k] = k == axis ? offset : poly_constant(generator->context, 0);
    boxes->parts[boxes->n++] = part;
}

static bool fits_beside(const struct ir_node *node, const struct boxes *boxes, uint32_t axis)
{
    if (node->elem != boxes->parts[0].node->elem || node->rank != boxes->rank)
        return false;
    for (uint32_t k = 0; k < boxes->rank; k++)
        if (k != axis && node->shape[k] != boxes->shape[k])
            return false;
    return true;
}

/* A value that is as large as the whole but along the axis: one that is there, or a new one. */
static struct random_value some_part(struct generator *generator, const struct boxes *boxes, uint32_t axis)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        const struct random_value *value = some_value(generator);
        if (fits_beside(value->node, boxes, axis))
            return *value;
    }
    const struct poly *shape[MOST_INDICES];
    for (uint32_t k = 0; k < boxes->rank; k++)
        shape[k] = k == axis ? some_extent(generator) : boxes->shape[k];
    return random_of_shape(generator, boxes->parts[0].node->elem, boxes->rank, shape);
}

static void add_part(struct generator *generator, struct boxes *boxes)
{
    struct ir_context *context = generator->context;
    uint32_t axis = pick(generator, boxes->rank);
    struct random_value part = some_part(generator, boxes, axis);
    const struct poly *kept = boxes->shape[axis];
    const struct poly *longer = part.node ? poly_add(context, kept, part.node->shape[axis]) : NULL;
    if (!longer)
        return;
    boxes->shape[axis] = longer;
    if (volume_of(generator, boxes->rank, boxes->shape) > generator->largest_tensor)
        boxes->shape[axis] = kept;
    else
        place(generator, boxes, part, axis, kept);
}

static struct random_value join(struct generator *generator, const struct boxes *boxes)
{
    struct ir_context *context = generator->context;
    struct ir_access operands[MOST_BOXES];
    struct random_value value = {.varies = true, .bound = 0, .n_factors = 1};
    for (uint32_t n = 0; n < boxes->n; n++) {
        const struct poly **subscripts = ARENA_ARRAY(ir_arena(context), boxes->rank, const struct poly *);
        for (uint32_t k = 0; subscripts && k < boxes->rank; k++)
            subscripts[k] = poly_subtract(context, poly_index(context, k), boxes->offsets[n][k]);
        operands[n] = (struct ir_access){.node = boxes->parts[n].node, .subscripts = subscripts};
        value.varies = value.varies && boxes->parts[n].varies;
        value.bound = boxes->parts[n].bound > value.bound ? boxes->parts[n].bound : value.bound;
        if (!subscripts)
            return (struct random_value){.node = NULL};
    }
    value.node = ir_concat(context, boxes->rank, boxes->shape, boxes->n, operands);
    return value;
}

struct random_value random_concat(struct generator *generator)
{
    struct boxes boxes = {.n = 0};
    struct random_value first = *some_value(generator);
    boxes.rank = first.node->rank;
    if (boxes.rank == 0 || boxes.rank > MOST_INDICES)
        return (struct random_value){.node = NULL};
    for (uint32_t k = 0; k < boxes.rank; k++)
        boxes.shape[k] = first.node->shape[k];
    place(generator, &boxes, first, 0, poly_constant(generator->context, 0));
    for (uint32_t wanted = 1 + pick(generator, MOST_BOXES - 1); wanted > 0; wanted--)
        add_part(generator, &boxes);
    return join(generator, &boxes);
}
