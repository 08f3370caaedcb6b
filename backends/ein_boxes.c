/* Concatenations as source: block assignments of an output, one a box; of a single value `let stored`. A let is not assigned in
 * blocks, so of another value they are choices between padded reads. */
#include "ein.h"

/* `y[m + i: n, j: 3] = ` */
void ein_put_left_box(struct ein_writer *w, const char *name, const struct ir_access *box)
{
    text_put(w->text, name);
    for (uint32_t k = 0; k < box->node->rank; k++) {
        const struct poly *offset = ir_concat_offset(w->context, box, k);
        text_put(w->text, k ? ", " : "[");
        if (!poly_equals(offset, 0)) {
            ein_put_poly(w, offset, 0);
            text_put(w->text, " + ");
        }
        text_printf(w->text, "%s: ", w->indices[k]);
        ein_put_poly(w, box->node->shape[k], 0);
    }
    text_put(w->text, box->node->rank ? "] = " : " = ");
}

bool ein_is_stored_let(const struct ir_node *node)
{
    return node->op == IR_concat_node && node->n_operands == 1;
}

/* The box of an output, or of a stored let, that is the only place where the node is needed: its value stands there. NULL: none. */
const struct ir_access *ein_only_box(const struct ein_writer *w, const struct ir_node *node, const struct ir_node **whole)
{
    const struct ir_access *box = NULL;
    size_t uses = 0;
    for (size_t k = 0; k < w->n_nodes; k++)
        for (uint32_t o = 0; o < w->nodes[k]->n_operands; o++) {
            if (w->nodes[k]->operands[o].node != node)
                continue;
            uses++;
            *whole = w->nodes[k];
            box = &w->nodes[k]->operands[o];
        }
    bool computed = node->op == IR_contract_node || node->op == IR_map_node || node->op == IR_view_node;
    return computed && uses == 1 && (*whole)->op == IR_concat_node &&
                   (ein_output_of(w->kernel, *whole) || ein_is_stored_let(*whole)) && !ein_output_of(w->kernel, node)
               ? box
               : NULL;
}

/* The boxes of an output, or the one of a stored let, whose values have names. */
void ein_put_boxes(struct ein_writer *w, const char *name, const struct ir_node *node)
{
    for (uint32_t b = 0; b < node->n_operands; b++) {
        const struct ir_node *whole, *value = node->operands[b].node;
        if (ein_only_box(w, value, &whole))
            continue;
        text_put(w->text, ein_output_of(w->kernel, node) ? "    " : "    let stored ");
        ein_put_left_box(w, name, &node->operands[b]);
        text_put(w->text, ein_node_name(w, value));
        for (uint32_t k = 0; k < node->rank; k++)
            text_printf(w->text, "%s%s%s", k ? "," : "[", w->indices[k], k + 1 == node->rank ? "]" : "");
        text_put(w->text, "\n");
    }
}

/* The conditions that tell a box from those that follow; false when there are none. */
static bool put_inside(struct ein_writer *w, const struct ir_node *node, const struct ir_access *box)
{
    size_t count = 0;
    for (uint32_t k = 0; k < node->rank; k++) {
        const struct poly *begin = ir_concat_offset(w->context, box, k);
        const struct poly *end = poly_add(w->context, begin, box->node->shape[k]);
        if (!poly_equals(begin, 0)) {
            text_printf(w->text, "%s%s >= ", count++ ? " and " : "where(", w->indices[k]);
            ein_put_poly(w, begin, 0);
        }
        if (end != node->shape[k]) {
            text_printf(w->text, "%s%s < ", count++ ? " and " : "where(", w->indices[k]);
            ein_put_poly(w, end, 0);
        }
    }
    text_put(w->text, count ? ", " : "");
    return count > 0;
}

/* A let is not assigned in blocks: `where(i < m, pad(a[i], 0), pad(b[i - m], 0))`. */
void ein_put_choices(struct ein_writer *w, const struct ir_node *node)
{
    uint32_t open = 0;
    bool others = true; /* no box is all there is, the others having no elements */
    for (uint32_t b = 0; b < node->n_operands && others; b++) {
        struct ir_access padded = node->operands[b];
        const struct ir_number zero = ir_number_integer(node->elem, 0);
        padded.fill = &zero;
        others = b + 1 < node->n_operands && put_inside(w, node, &padded);
        open += others;
        ein_put_access(w, &padded);
        text_put(w->text, others ? ", " : "");
    }
    for (; open; open--)
        text_put(w->text, ")");
}
