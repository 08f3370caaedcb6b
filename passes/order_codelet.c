/* Steps with a small constant operand that a codelet does for less (ir/codelet.h): what part of a step's flops is left.
 *
 * Labels of the operand that the other tensor has as well are inputs, those of the result are outputs; the matrix between them is
 * all that counts, so each way to take part in a step is worked out once. */
#include "ir/codelet.h"
#include "order.h"

enum { CODELET_LABELS = 8, MOST_POINTS = STRAIGHT_LINE_ROWS * STRAIGHT_LINE_COLUMNS };

struct known_share {
    struct known_share *next;
    uint32_t other, result;
    double share;
};

struct codelet_operand {
    bool usable;
    uint32_t n_labels, labels[CODELET_LABELS];
    int64_t extents[CODELET_LABELS];
    struct known_share *known;
};

struct order_codelets {
    struct ir_context *context;
    const struct ir_node *node;
    struct codelet_operand operands[]; /* one an operand of the node */
};

static struct codelet_operand describe_operand(const struct ir_node *node, uint32_t number)
{
    struct codelet_operand operand = {.usable = ir_codelet_factor(node, &node->operands[number])};
    struct order_set labels = order_access_labels(&node->operands[number]);
    for (uint32_t label = 0; operand.usable && label < node->n_indices && label < ORDER_LABELS; label++) {
        if (!order_has(&labels, label))
            continue;
        operand.usable = operand.n_labels < CODELET_LABELS &&
                         poly_is_constant(node->extents[label], &operand.extents[operand.n_labels % CODELET_LABELS]) &&
                         operand.extents[operand.n_labels] <= MOST_POINTS;
        if (operand.usable)
            operand.labels[operand.n_labels++] = label;
    }
    return operand;
}

struct order_codelets *order_codelets_create(struct ir_context *context, const struct ir_node *node)
{
    if (!ir_can_have_codelet(context, node))
        return NULL;
    struct order_codelets *codelets =
        arena_alloc(ir_arena(context), 1, sizeof *codelets + node->n_operands * sizeof codelets->operands[0]);
    bool any = false;
    if (!codelets)
        return NULL;
    codelets->context = context;
    codelets->node = node;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        codelets->operands[k] = describe_operand(node, k);
        any |= codelets->operands[k].usable;
    }
    return any ? codelets : NULL;
}

/* Elements along the labels of the mask. */
static int64_t count_of(const struct codelet_operand *operand, uint32_t mask)
{
    int64_t count = 1;
    for (uint32_t k = 0; k < operand->n_labels && count <= MOST_POINTS; k++)
        count *= mask >> k & 1 ? operand->extents[k] : 1;
    return count;
}

static uint32_t place_of(const struct codelet_operand *operand, uint32_t mask, const int64_t *point)
{
    int64_t place = 0;
    for (uint32_t k = 0; k < operand->n_labels; k++)
        if (mask >> k & 1)
            place = place * operand->extents[k] + point[operand->labels[k]];
    return (uint32_t)place;
}

static double work_out_share(const struct order_codelets *codelets, uint32_t number, uint32_t other, uint32_t result)
{
    const struct codelet_operand *operand = &codelets->operands[number];
    const struct ir_node *node = codelets->node;
    struct arena *arena = ir_arena(codelets->context);
    uint32_t all = (uint32_t)(1u << operand->n_labels) - 1;
    int64_t points = count_of(operand, all), n_rows = count_of(operand, result), n_columns = count_of(operand, other);
    bool complex = ir_elem_is_complex(node->elem);
    struct ir_codelet_matrix matrix;
    int64_t *point = ARENA_ARRAY(arena, node->n_indices, int64_t);
    if ((other | result) != all || points > MOST_POINTS || n_rows > STRAIGHT_LINE_ROWS || n_columns > STRAIGHT_LINE_COLUMNS ||
        !point || !ir_codelet_matrix_create(&matrix, arena, (uint32_t)n_rows, complex))
        return 1;
    for (int64_t column = 0; column < n_columns; column++)
        ir_codelet_add_column(&matrix, !complex);
    for (int64_t at = 0; at < points; at++) {
        struct ir_number value;
        int64_t rest = at;
        for (uint32_t k = operand->n_labels; k-- > 0; rest /= operand->extents[k])
            point[operand->labels[k]] = rest % operand->extents[k];
        if (!ir_codelet_factor_at(&node->operands[number], point, &value))
            return 1;
        ir_codelet_add_number(&matrix, place_of(operand, result, point), place_of(operand, other, point), value);
    }
    const struct straight_line *line = ir_codelet_line(codelets->context, node->elem, &matrix);
    bool complex_factor = !ir_codelet_is_real(node->operands[number].node);
    if (!line || !ir_line_pays(line, points * (complex ? 2 : 1) * (complex_factor ? 2 : 1)))
        return 1;
    bool sums = (other & ~result) != 0;
    int64_t multiply = !complex ? 1 : complex_factor ? 6 : 2, add = complex ? 2 : 1;
    double flops = (double)points * (double)(multiply + (sums ? add : 0));
    return fmin((double)(line->additions + line->multiplications) / flops, 1);
}

double order_codelet_share(struct order_codelets *codelets, uint32_t number, uint32_t other, uint32_t result)
{
    struct codelet_operand *operand = &codelets->operands[number];
    for (struct known_share *known = operand->known; known; known = known->next)
        if (known->other == other && known->result == result)
            return known->share;
    double share = work_out_share(codelets, number, other, result);
    struct known_share *known = ARENA_NEW(ir_arena(codelets->context), struct known_share);
    if (!known)
        return share;
    *known = (struct known_share){operand->known, other, result, share};
    operand->known = known;
    return share;
}

uint32_t order_codelet_labels(const struct order_codelets *codelets, uint32_t operand, const uint32_t **labels)
{
    *labels = codelets->operands[operand].labels;
    return codelets->operands[operand].usable ? codelets->operands[operand].n_labels : 0;
}
