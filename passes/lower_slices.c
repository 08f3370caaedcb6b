/* Trees of contractions under sliced indices: the whole tree runs inside loops over them, a slice at a time.
 *
 * The root says which of its indices run outside (order.c). From there down, an axis that an access reads at a held index is held
 * as well; a contraction with a held axis is computed inside the loops and keeps memory for one slice, one without is computed once
 * before. When a held index is summed by the root, the root's own memory starts at the ring's zero and every slice adds to it; that
 * needs the memory to have the accumulator's type, and where it has not, the tree is not sliced. */
#include "lower.h"

static bool holds_any(const uint32_t *held, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        if (held[k] != UINT32_MAX)
            return true;
    return false;
}

static bool is_root(const struct ir_node *node)
{
    if (node->op != IR_contract_node || !node->contract.n_sliced)
        return false;
    bool sums = false;
    for (uint32_t k = 0; k < node->contract.n_sliced; k++)
        sums |= node->contract.sliced[k] >= node->rank;
    return !sums || node->elem == node->contract.accumulator;
}

/* What holds the indices of an operand that is computed inside, given those of its user; NULL: it is not. */
static uint32_t *held_of_operand(struct lowering *lowering, const struct ir_access *access, const uint32_t *user_held)
{
    const struct ir_node *node = access->node;
    if (node->op != IR_contract_node || access->fill || !lowering->plan->stored[node->id] || node->contract.n_sliced ||
        lowering->plan->looked_up[node->id])
        return NULL;
    uint32_t *held = ARENA_ARRAY(lowering->arena, node->n_indices, uint32_t);
    for (uint32_t k = 0; held && k < node->n_indices; k++) {
        uint32_t index;
        bool bare = k < node->rank && poly_is_index(access->subscripts[k], &index);
        held[k] = bare ? user_held[index] : UINT32_MAX;
    }
    return held && holds_any(held, node->rank) ? held : NULL;
}

/* Nodes come users first, so a node is held before its operands are looked at. */
static void hold_operands(struct lowering *lowering, const struct ir_node *node, const struct ir_node *root)
{
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_node *operand = node->operands[k].node;
        uint32_t *held = held_of_operand(lowering, &node->operands[k], lowering->held[node->id]);
        if (!held)
            continue;
        lowering->held[operand->id] = held;
        lowering->held_by[operand->id] = root;
    }
}

static bool is_output(const struct lowering *lowering, const struct ir_node *node)
{
    for (uint32_t k = 0; k < lowering->kernel->n_outputs; k++)
        if (lowering->kernel->outputs[k].node == node)
            return true;
    return false;
}

/* A node held for one tree but needed elsewhere, or read at other indices by another user, is computed in full instead. */
static bool is_only_used_inside(struct lowering *lowering, const struct ir_node *node)
{
    if (is_output(lowering, node))
        return false;
    for (size_t k = 0; k < lowering->plan->n_nodes; k++) {
        const struct ir_node *user = lowering->plan->nodes[k];
        const struct ir_node *root = lowering->held_by[user->id];
        for (uint32_t o = 0; o < user->n_operands; o++) {
            if (user->operands[o].node != node)
                continue;
            if (root != lowering->held_by[node->id] && user != lowering->held_by[node->id])
                return false;
            const uint32_t *held = held_of_operand(lowering, &user->operands[o], lowering->held[user->id]);
            for (uint32_t index = 0; index < node->rank; index++)
                if (!held || held[index] != lowering->held[node->id][index])
                    return false;
        }
    }
    return true;
}

bool lower_find_slices(struct lowering *lowering)
{
    for (size_t k = lowering->plan->n_nodes; k-- > 0;) {
        const struct ir_node *node = lowering->plan->nodes[k], *root = lowering->held_by[node->id];
        if (is_root(node)) {
            uint32_t *held = ARENA_ARRAY(lowering->arena, node->n_indices, uint32_t);
            for (uint32_t index = 0; held && index < node->n_indices; index++)
                held[index] = UINT32_MAX;
            for (uint32_t s = 0; held && s < node->contract.n_sliced; s++)
                held[node->contract.sliced[s]] = s;
            lowering->held[node->id] = held;
            root = node;
        } else if (root && !is_only_used_inside(lowering, node)) {
            lowering->held[node->id] = NULL;
            lowering->held_by[node->id] = root = NULL;
        }
        if (root)
            hold_operands(lowering, node, root);
    }
    return !arena_failed(lowering->arena);
}

/* ---- loops ---- */

static struct lower_frame *create_frame(struct lowering *lowering, const struct ir_node *root)
{
    struct lower_frame *frame = ARENA_NEW(lowering->arena, struct lower_frame);
    if (!frame)
        return NULL;
    frame->n = root->contract.n_sliced;
    frame->indices = ARENA_ARRAY(lowering->arena, frame->n, struct nest_index);
    frame->extents = ARENA_ARRAY(lowering->arena, frame->n, const struct poly *);
    for (uint32_t k = 0; frame->indices && frame->extents && k < frame->n; k++) {
        uint32_t index = root->contract.sliced[k];
        const char *name = lower_index_name(lowering->kernel, root, index);
        frame->extents[k] = root->extents[index];
        frame->indices[k] = (struct nest_index){.name = name ? name : "slice", .outer = true};
        frame->indices[k].number = loop_add_index(lowering->context, lowering->function, frame->indices[k].name);
        if (frame->indices[k].number == UINT32_MAX)
            return NULL;
    }
    return frame->indices && frame->extents ? frame : NULL;
}

/* The root's memory before the first slice adds to it. */
static struct loop_stmt *clear_root(struct lowering *lowering, const struct ir_node *root)
{
    struct lower_place place = lowering->places[root->id];
    const struct ir_expr *zero = ir_expr_literal(lowering->context, ir_ring_zero(root->contract.ring, root->contract.accumulator));
    if (place.is_local)
        return loop_define(lowering->context, place.number, zero, false);
    uint32_t index = loop_add_index(lowering->context, lowering->function, "element");
    struct loop_stmt *store =
        loop_store(lowering->context, place.number, poly_index(lowering->context, index), zero, IR_EXPR_OP_COUNT);
    const char *name = lowering->function->buffers[place.number].name;
    return loop_block(lowering->context, arena_printf(lowering->arena, "%s starts empty; every slice adds to it", name), SPAN_NONE,
                      loop_for(lowering->context, LOOP_SERIAL, index, poly_constant(lowering->context, 0),
                               ir_element_count(lowering->context, root), store));
}

struct loop_stmt *lower_sliced_tree(struct lowering *lowering, const struct ir_node *root)
{
    struct lower_frame *frame = create_frame(lowering, root);
    struct loop_stmt *body = NULL;
    bool sums = false;
    if (!frame)
        return NULL;
    lowering->frame = frame;
    for (size_t k = 0; k < lowering->plan->n_nodes; k++) {
        const struct ir_node *node = lowering->plan->nodes[k];
        if (lowering->held_by[node->id] != root && node != root)
            continue;
        struct loop_stmt *stage = lower_statements(lowering, node, lowering->places[node->id], false);
        if (!stage)
            return NULL;
        body = loop_join(body, stage);
    }
    lowering->frame = NULL;
    for (uint32_t k = frame->n; k-- > 0;) {
        body = loop_for(lowering->context, LOOP_SERIAL, frame->indices[k].number, poly_constant(lowering->context, 0),
                        frame->extents[k], body);
        sums |= root->contract.sliced[k] >= root->rank;
    }
    struct loop_stmt *clear = sums ? clear_root(lowering, root) : NULL;
    return body && (clear || !sums) ? loop_join(clear, body) : NULL;
}
