/* Walking and rebuilding: topological order, rewriting of a kernel's outputs, substitution, sizes; and the side table of names.
 *
 * Operands have smaller ids than their users, and arguments than the expressions over them, so an order by id is an order by need
 * and nothing here recurses into a graph: the deepest hostile input costs memory, not stack. Tables that subscripts look up count
 * as needed by the node whose subscripts they are, and follow when they are rewritten. */
#include "codelet.h"
#include "ir_internal.h"

#include <string.h>

/* ---- names ---- */

const struct ir_name *ir_find_name(const struct ir_kernel *kernel, const struct ir_node *node)
{
    for (size_t i = 0; i < kernel->n_names; i++)
        if (kernel->names[i].node == node)
            return &kernel->names[i];
    return NULL;
}

const char *ir_name_of(const struct ir_kernel *kernel, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(kernel, node);
    if (name && name->name)
        return name->name;
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        if (kernel->inputs[k].node == node)
            return kernel->inputs[k].name;
    return node->op == IR_const_node ? node->constant->name : NULL;
}

void ir_set_name(struct ir_context *context, struct ir_kernel *kernel, const struct ir_node *node, const char *name,
                 const char *const *index_names, struct span span)
{
    if (!node || ir_find_name(kernel, node))
        return;
    struct ir_name entry = {.node = node, .name = name, .span = span};
    if (index_names)
        entry.index_names = arena_copy(context->arena, index_names, ir_index_count(node), sizeof *index_names);
    (void)ARENA_PUSH(context->arena, kernel->names, kernel->n_names, kernel->names_capacity, entry);
}

/* What was known of `from` is known of `to`. Axes keep their number, so their names go along; other indices only when the whole
 * index space has. */
static void carry_name(struct ir_context *context, struct ir_kernel *kernel, const struct ir_node *from, const struct ir_node *to)
{
    const struct ir_name *known = ir_find_name(kernel, from);
    if (!known)
        return;
    uint32_t n = ir_index_count(to);
    bool same_kind = (from->op == IR_scatter_node) == (to->op == IR_scatter_node); /* its indices are not its axes */
    const char **names = known->index_names && same_kind ? ARENA_ARRAY(context->arena, n, const char *) : NULL;
    uint32_t kept = from->n_indices == to->n_indices ? n : from->rank < to->rank ? from->rank : to->rank;
    kept = kept < ir_index_count(from) ? kept : ir_index_count(from);
    for (uint32_t k = 0; names && from->rank == to->rank && k < kept && k < n; k++)
        names[k] = known->index_names[k];
    ir_set_name(context, kernel, to, known->name, names, known->span);
}

/* ---- what a kernel needs ---- */

static bool same_pointer(const void *key, const void *item)
{
    return key == item;
}

/* Nodes of a kernel that are known to be needed, in the order in which they were found. A kernel may be a small part of its
 * context. */
struct needed {
    struct arena *arena;
    struct intern_table seen;
    const struct ir_node **nodes;
    size_t count, capacity;
};

static void need(struct needed *needed, const struct ir_node *node)
{
    if (node && !intern_find(&needed->seen, node->hash, node, same_pointer) &&
        intern_add(needed->arena, &needed->seen, node->hash, node))
        (void)ARENA_PUSH(needed->arena, needed->nodes, needed->count, needed->capacity, node);
}

static void need_table(void *user, const struct poly_atom *atom)
{
    if (atom->kind == POLY_TABLE)
        need(user, atom->table);
}

static int node_by_id(const void *a, const void *b)
{
    uint32_t first = (*(const struct ir_node *const *)a)->id, second = (*(const struct ir_node *const *)b)->id;
    return (first > second) - (first < second);
}

const struct ir_node **ir_topological(struct ir_context *context, const struct ir_kernel *kernel, size_t *count)
{
    struct needed needed = {.arena = context->arena};
    *count = 0;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        need(&needed, kernel->outputs[k].node);
    for (size_t i = 0; i < needed.count; i++) {
        const struct ir_node *node = needed.nodes[i];
        for (uint32_t k = 0; k < node->n_operands; k++)
            need(&needed, node->operands[k].node);
        ir_visit_atoms(context, node, need_table, &needed);
    }
    if (!needed.nodes) /* a kernel of nothing has a list, too */
        needed.nodes = ARENA_ARRAY(context->arena, 1, const struct ir_node *);
    if (arena_failed(context->arena))
        return NULL;
    sort_items(needed.nodes, needed.count, sizeof *needed.nodes, node_by_id);
    *count = needed.count;
    return needed.nodes;
}

static int by_id(const void *a, const void *b)
{
    uint32_t first = (*(const struct ir_expr *const *)a)->id, second = (*(const struct ir_expr *const *)b)->id;
    return (first > second) - (first < second);
}

const struct ir_expr **ir_expr_topological(struct ir_context *context, const struct ir_expr *expr, size_t *count)
{
    struct intern_table seen = {0};
    const struct ir_expr **found = NULL;
    size_t n_found = 0, capacity = 0;
    *count = 0;
    if (!expr || !intern_add(context->arena, &seen, expr->hash, expr) ||
        !ARENA_PUSH(context->arena, found, n_found, capacity, expr))
        return NULL;
    for (size_t i = 0; i < n_found; i++)
        for (uint32_t k = 0; k < found[i]->n_arguments; k++) {
            const struct ir_expr *argument = found[i]->arguments[k];
            if (intern_find(&seen, argument->hash, argument, same_pointer))
                continue;
            if (!intern_add(context->arena, &seen, argument->hash, argument) ||
                !ARENA_PUSH(context->arena, found, n_found, capacity, argument))
                return NULL;
        }
    sort_items(found, n_found, sizeof *found, by_id);
    *count = n_found;
    return found;
}

/* ---- rewriting ---- */

static const struct ir_node *contract_with(struct ir_context *context, const struct ir_node *node, const struct ir_access *operands,
                                           bool codelet)
{
    struct ir_contract contract = {node->contract.ring,
                                   node->elem,
                                   node->contract.accumulator,
                                   node->rank,
                                   node->n_indices,
                                   node->extents,
                                   node->n_operands,
                                   operands,
                                   node->contract.n_domain,
                                   node->contract.domain,
                                   node->contract.n_sliced,
                                   node->contract.sliced,
                                   codelet,
                                   node->contract.named};
    const struct ir_node *made = ir_contract(context, &contract);
    return made && codelet && !ir_codelet(context, made) ? contract_with(context, node, operands, false) : made;
}

const struct ir_node *ir_with_codelet(struct ir_context *context, const struct ir_node *node)
{
    return node ? contract_with(context, node, node->operands, true) : NULL;
}

const struct ir_node *ir_with_operands(struct ir_context *context, const struct ir_node *node, const struct ir_access *operands)
{
    if (!node || (node->n_operands && !operands))
        return NULL;
    switch (node->op) {
    case IR_contract_node:
        return contract_with(context, node, operands, node->contract.codelet);
    case IR_map_node:
        return ir_map(context, node->rank, node->shape, node->n_operands, operands, node->body);
    case IR_view_node:
        return ir_view(context, node->rank, node->shape, operands[0]);
    case IR_scatter_node:
        return ir_scatter(context, node->scatter.ring, node->n_indices, node->extents, operands[0], operands[1]);
    case IR_solve_node:
        return ir_solve(context, node->solve.solver, node->rank, node->shape, node->solve.axis, operands[0], operands[1]);
    case IR_scan_node:
        return ir_scan(context, node->scan, operands);
    case IR_proj_node:
        return ir_proj(context, operands[0].node, node->proj.result, node->proj.last);
    case IR_concat_node:
        return ir_concat(context, node->rank, node->shape, node->n_operands, operands);
    case IR_alt_node:
        return ir_alt(context, node->rank, node->shape, node->n_operands, operands);
    default:
        return node;
    }
}

struct retabling {
    struct ir_context *context;
    const struct ir_node *const *by_id;
    bool changed;
};

static void note_changed_table(void *user, const struct poly_atom *atom)
{
    struct retabling *retabling = user;
    const struct ir_node *by = atom->kind == POLY_TABLE ? retabling->by_id[atom->table->id] : NULL;
    retabling->changed = retabling->changed || (by && by != atom->table);
}

static const struct poly *lookup_in_replaced(void *user, const struct ir_node *table, uint32_t n,
                                             const struct poly *const *subscripts)
{
    const struct retabling *retabling = user;
    return poly_table(retabling->context, retabling->by_id[table->id], n, subscripts);
}

static const struct poly **retable(struct retabling *retabling, uint32_t n, const struct poly *const *polys,
                                   const struct poly_ranges *ranges)
{
    const struct poly **result = ARENA_ARRAY(retabling->context->arena, n, const struct poly *);
    for (uint32_t k = 0; result && k < n; k++)
        result[k] = poly_replace_lookups(retabling->context, polys[k], lookup_in_replaced, retabling, ranges);
    return result;
}

const struct ir_node *ir_with_tables(struct ir_context *context, const struct ir_node *node, const struct ir_node *const *by_id)
{
    struct retabling retabling = {context, by_id, false};
    struct poly_ranges ranges = ir_ranges(node);
    ir_visit_atoms(context, node, note_changed_table, &retabling);
    if (!retabling.changed)
        return node;
    struct ir_access *operands = arena_copy(context->arena, node->operands, node->n_operands, sizeof *operands);
    for (uint32_t k = 0; operands && k < node->n_operands; k++) {
        struct poly_ranges own = ir_operand_ranges(context, node, k);
        if (!(operands[k].subscripts = retable(&retabling, operands[k].node->rank, operands[k].subscripts, &own)))
            return NULL;
    }
    struct ir_node changed = *node; /* for what ir_with_operands keeps */
    if (node->op == IR_contract_node)
        changed.contract.domain = retable(&retabling, node->contract.n_domain, node->contract.domain, &ranges);
    if (node->op == IR_map_node)
        changed.body = ir_expr_replace_lookups(context, node->body, lookup_in_replaced, &retabling, &ranges);
    return ir_with_operands(context, &changed, operands);
}

/* The node over the replaced operands and tables; itself when none was. */
static const struct ir_node *rebuild(struct ir_context *context, const struct ir_node *node, const struct ir_node *const *replaced)
{
    bool changed = false;
    if (!(node = ir_with_tables(context, node, replaced)))
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++)
        changed = changed || replaced[node->operands[k].node->id] != node->operands[k].node;
    if (!changed)
        return node;
    struct ir_access *operands = arena_copy(context->arena, node->operands, node->n_operands, sizeof *operands);
    for (uint32_t k = 0; operands && k < node->n_operands; k++)
        operands[k].node = replaced[operands[k].node->id];
    return ir_with_operands(context, node, operands);
}

bool ir_rewrite(struct ir_context *context, struct ir_kernel *kernel, ir_rewrite_function *rewrite, void *user)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    const struct ir_node **replaced = ARENA_ARRAY(context->arena, context->n_nodes, const struct ir_node *);
    if (!nodes || !replaced)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct ir_node *node = rebuild(context, nodes[i], replaced);
        node = node ? rewrite(user, context, node) : NULL;
        if (!node)
            return false;
        replaced[nodes[i]->id] = node;
        if (node != nodes[i])
            carry_name(context, kernel, nodes[i], node);
    }
    bool changed = false;
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        const struct ir_node *old = kernel->outputs[k].node;
        kernel->outputs[k].node = replaced[old->id];
        changed = changed || kernel->outputs[k].node != old;
    }
    return changed;
}

/* ---- substitution ---- */

struct ir_access ir_access_substitute(struct ir_context *context, struct ir_access access, uint32_t n,
                                      const struct poly *const *replacements, const struct poly_ranges *ranges)
{
    const struct poly **subscripts = access.node ? ARENA_ARRAY(context->arena, access.node->rank, const struct poly *) : NULL;
    if (!subscripts)
        return (struct ir_access){.node = NULL};
    for (uint32_t k = 0; k < access.node->rank; k++) {
        subscripts[k] = poly_substitute(context, access.subscripts[k], n, replacements, ranges);
        if (!subscripts[k])
            return (struct ir_access){.node = NULL};
    }
    access.subscripts = subscripts;
    return access;
}

size_t ir_expr_position(const struct ir_expr *const *order, size_t count, const struct ir_expr *expr)
{
    size_t low = 0, high = count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (order[middle]->id <= expr->id)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t ir_expr_depth(struct ir_context *context, const struct ir_expr *const *order, size_t count)
{
    uint32_t *depth = ARENA_ARRAY(context->arena, count, uint32_t);
    for (size_t i = 0; depth && i < count; i++) {
        for (uint32_t k = 0; k < order[i]->n_arguments; k++) {
            uint32_t below = depth[ir_expr_position(order, count, order[i]->arguments[k])];
            depth[i] = below > depth[i] ? below : depth[i];
        }
        depth[i]++;
    }
    return depth && count ? depth[count - 1] : 0;
}

const struct ir_expr *ir_expr_remake(struct ir_context *context, const struct ir_expr *like, const struct ir_expr *const *arguments)
{
    if (like->op == IR_EXPR_cast)
        return ir_expr_cast(context, like->elem, arguments[0]);
    return like->n_arguments ? ir_expr_apply(context, like->op, like->n_arguments, arguments) : like;
}

/* What becomes of polys in an expression, and of one subexpression. */
struct expr_change {
    struct ir_context *context;
    poly_lookup_function *lookup; /* NULL: indices are replaced, not lookups */
    void *user;
    uint32_t n;
    const struct poly *const *replacements;
    const struct poly_ranges *ranges;
    const struct ir_expr *from, *to; /* NULL: none */
};

static const struct poly *change_poly(const struct expr_change *change, const struct poly *poly)
{
    return change->lookup ? poly_replace_lookups(change->context, poly, change->lookup, change->user, change->ranges)
                          : poly_substitute(change->context, poly, change->n, change->replacements, change->ranges);
}

static const struct ir_expr *change_expr(struct ir_context *context, const struct ir_expr *expr, ir_leaf_function *leaf, void *user,
                                         const struct expr_change *change)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    const struct ir_expr **replaced = order ? ARENA_ARRAY(context->arena, count, const struct ir_expr *) : NULL;
    if (!replaced)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct ir_expr *arguments[3] = {NULL, NULL, NULL}, *old = order[i];
        for (uint32_t k = 0; k < old->n_arguments; k++)
            arguments[k] = replaced[ir_expr_position(order, count, old->arguments[k])];
        if (old == change->from)
            replaced[i] = change->to;
        else if (old->op == IR_EXPR_index)
            replaced[i] = ir_expr_index(context, change_poly(change, old->index));
        else if (old->op == IR_EXPR_load)
            replaced[i] = ir_expr_load(context, old->load.buffer, old->elem, change_poly(change, old->load.address));
        else
            replaced[i] = ir_expr_remake(context, old, arguments);
        bool is_leaf = old->op == IR_EXPR_operand || old->op == IR_EXPR_load || old->op == IR_EXPR_local;
        if (leaf && replaced[i] && is_leaf)
            replaced[i] = leaf(user, context, replaced[i]);
        if (!replaced[i])
            return NULL;
    }
    return replaced[count - 1]; /* the root has the largest id */
}

const struct ir_expr *ir_expr_substitute(struct ir_context *context, const struct ir_expr *expr, ir_leaf_function *leaf, void *user,
                                         uint32_t n, const struct poly *const *replacements, const struct poly_ranges *ranges)
{
    const struct expr_change change = {.context = context, .n = n, .replacements = replacements, .ranges = ranges};
    return change_expr(context, expr, leaf, user, &change);
}

const struct ir_expr *ir_expr_replace_lookups(struct ir_context *context, const struct ir_expr *expr, poly_lookup_function *lookup,
                                              void *user, const struct poly_ranges *ranges)
{
    const struct expr_change change = {.context = context, .lookup = lookup, .user = user, .ranges = ranges};
    return change_expr(context, expr, NULL, NULL, &change);
}

const struct ir_expr *ir_expr_replace(struct ir_context *context, const struct ir_expr *expr, const struct ir_expr *from,
                                      const struct ir_expr *to)
{
    const struct expr_change change = {.context = context, .from = from, .to = to};
    return change_expr(context, expr, NULL, NULL, &change);
}

/* ---- sizes ---- */

struct poly_ranges ir_ranges(const struct ir_node *node)
{
    return (struct poly_ranges){node->n_indices, node->extents};
}

uint32_t ir_index_count(const struct ir_node *node)
{
    return node->n_indices || node->op == IR_scatter_node ? node->n_indices : node->rank;
}

struct poly_ranges ir_operand_ranges(struct ir_context *context, const struct ir_node *node, uint32_t operand)
{
    if (node->op != IR_scan_node)
        return ir_ranges(node);
    const struct ir_node *input = node->scan->step->inputs[operand].node;
    const struct poly **extents = ARENA_ARRAY(context->arena, input->rank + 1, const struct poly *);
    if (!extents)
        return (struct poly_ranges){0, NULL};
    extents[0] = node->scan->extent;
    for (uint32_t axis = 0; axis < input->rank; axis++)
        extents[axis + 1] = input->shape[axis];
    return (struct poly_ranges){input->rank + 1, extents};
}

const struct poly *ir_element_count(struct ir_context *context, const struct ir_node *node)
{
    const struct poly *count = poly_constant(context, 1);
    for (uint32_t k = 0; node && k < node->rank; k++)
        count = poly_multiply(context, count, node->shape[k]);
    return node ? count : NULL;
}

bool ir_is_square(const struct ir_node *node)
{
    return node->rank >= 2 && node->shape[node->rank - 1] == node->shape[node->rank - 2];
}

const struct poly *ir_input_reach(struct ir_context *context, const struct ir_input_info *input)
{
    if (!input->strides)
        return ir_element_count(context, input->node);
    const struct poly *one = poly_constant(context, 1), *reach = one;
    for (uint32_t k = 0; k < input->node->rank; k++) {
        if (poly_equals(input->node->shape[k], 0))
            return poly_constant(context, 0);
        reach =
            poly_add(context, reach, poly_multiply(context, poly_subtract(context, input->node->shape[k], one), input->strides[k]));
    }
    return reach;
}

const struct poly *ir_linear_offset(struct ir_context *context, const struct ir_node *node, const struct poly *const *subscripts)
{
    const struct poly *offset = poly_constant(context, 0);
    if (!node || !subscripts)
        return NULL;
    for (uint32_t k = 0; k < node->rank; k++)
        offset = poly_add(context, poly_multiply(context, offset, node->shape[k]), subscripts[k]);
    return offset;
}

static bool equal_inputs(const struct ir_input_info *a, const struct ir_input_info *b)
{
    if (a->node != b->node || a->promises != b->promises || !a->strides != !b->strides)
        return false;
    for (uint32_t k = 0; a->strides && k < a->node->rank; k++)
        if (a->strides[k] != b->strides[k])
            return false;
    return true;
}

bool ir_input_is_updated(const struct ir_kernel *kernel, uint32_t input)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].updates == input + 1)
            return true;
    return false;
}

bool ir_kernel_equal(const struct ir_kernel *a, const struct ir_kernel *b)
{
    if (a->n_inputs != b->n_inputs || a->n_outputs != b->n_outputs)
        return false;
    for (uint32_t k = 0; k < a->n_inputs; k++)
        if (!equal_inputs(&a->inputs[k], &b->inputs[k]))
            return false;
    for (uint32_t k = 0; k < a->n_outputs; k++)
        if (a->outputs[k].node != b->outputs[k].node || a->outputs[k].updates != b->outputs[k].updates)
            return false;
    return true;
}

struct ir_kernel *ir_kernel_copy(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct ir_kernel *copy = kernel ? arena_copy(ir_arena(context), kernel, 1, sizeof *kernel) : NULL;
    if (!copy)
        return NULL;
    copy->outputs = arena_copy(ir_arena(context), kernel->outputs, kernel->n_outputs, sizeof *kernel->outputs);
    copy->names = arena_copy(ir_arena(context), kernel->names, kernel->n_names, sizeof *kernel->names);
    copy->names_capacity = kernel->n_names;
    copy->remarks_capacity = kernel->n_remarks; /* to add one is to move them */
    return copy->outputs && copy->names ? copy : NULL;
}
