/* What a stage computes at one point, as an expression of loads.
 *
 * Starting from an access and the point (quasi-polynomials of the nest's indices), stored nodes become loads, scalar constants
 * literals, and everything else is written out in place: views by substituting subscripts, maps by substituting operands.
 * An access with a fill value whose subscripts are not proved inside becomes a guard: a local that holds the fill value unless
 * all conditions hold. A guard met while another is being written repeats the conditions around it, since its own loads may be safe
 * only under them. Sharing is kept: equal subexpressions stay one node of the expression. */
#include "lower.h"

#include <string.h>

struct ir_number lower_number(enum ir_elem elem, const void *data, size_t position)
{
    return ir_number_load(elem, data, position);
}

uint32_t lower_local(struct lowering *lowering, const char *name, enum ir_elem elem)
{
    struct lower_locals *locals = lowering->locals;
    if (!name)
        return UINT32_MAX;
    for (size_t k = locals->in_use; k < locals->count; k++) {
        struct lower_local found = locals->items[k];
        if (found.elem != elem || strcmp(found.name, name) != 0)
            continue;
        locals->items[k] = locals->items[locals->in_use];
        locals->items[locals->in_use++] = found;
        return found.local;
    }
    struct lower_local added = {name, elem, loop_add_local(lowering->context, lowering->function, name, elem)};
    if (added.local == UINT32_MAX || !ARENA_PUSH(lowering->arena, locals->items, locals->count, locals->capacity, added))
        return UINT32_MAX;
    locals->items[locals->count - 1] = locals->items[locals->in_use];
    locals->items[locals->in_use++] = added;
    return added.local;
}

const struct poly *const *lower_shifted(struct lowering *lowering, const struct lower_place *place,
                                        const struct poly *const *subscripts)
{
    for (; place->box; place = &lowering->places[place->whole->id]) {
        const struct poly **shifted = ARENA_ARRAY(lowering->arena, place->whole->rank, const struct poly *);
        for (uint32_t axis = 0; shifted && axis < place->whole->rank; axis++)
            shifted[axis] = poly_add(lowering->context, subscripts[axis], ir_concat_offset(lowering->context, place->box, axis));
        if (!shifted)
            return NULL;
        subscripts = shifted;
    }
    return subscripts;
}

const struct poly *lower_address_at(struct lowering *lowering, const struct ir_node *node, const struct lower_place *place,
                                    const struct poly *const *subscripts)
{
    struct ir_context *context = lowering->context;
    const struct poly *address = poly_constant(context, 0);
    subscripts = lower_shifted(lowering, place, subscripts);
    for (; place->box; place = &lowering->places[place->whole->id])
        node = place->whole;
    for (uint32_t axis = 0; subscripts && axis < node->rank; axis++)
        if (place->strides)
            address = poly_add(context, address, poly_multiply(context, place->strides[axis], subscripts[axis]));
        else if (!place->dropped || !place->dropped[axis])
            address = poly_add(context, poly_multiply(context, address, node->shape[axis]), subscripts[axis]);
    address = subscripts ? address : NULL;
    return place->offset ? poly_add(context, address, place->offset) : address;
}

const struct poly *lower_address(struct lowering *lowering, const struct ir_node *node, const struct poly *const *subscripts)
{
    return lower_address_at(lowering, node, &lowering->places[node->id], subscripts);
}

/* What an u64 holds from 2^63 on is no place, but reads as negative: a subscript that grows from there might come out inside. */
struct wrapping {
    struct lowering *lowering;
    struct nest *nest;
    const struct poly *subscript;
    const struct poly **conditions;
    size_t count, capacity;
    bool failed;
};

static void add_wrapping(void *user, const struct poly_atom *lookup)
{
    struct wrapping *wrapping = user;
    struct ir_context *context = wrapping->lowering->context;
    struct poly_ranges ranges = nest_ranges(wrapping->nest);
    const struct poly *entry = poly_table(context, lookup->table, lookup->n_arguments, lookup->arguments);
    if (lookup->table->op == IR_const_node || lookup->table->elem != IR_u64 ||
        poly_prove_nonnegative(context, poly_subtract(context, entry, wrapping->subscript), &ranges))
        return;
    wrapping->failed |= !ARENA_PUSH(wrapping->lowering->arena, wrapping->conditions, wrapping->count, wrapping->capacity, entry);
}

static bool add_inside(struct wrapping *all, const struct poly *condition)
{
    struct poly_ranges ranges = nest_ranges(all->nest);
    if (!condition || poly_prove_nonnegative(all->lowering->context, condition, &ranges))
        return condition != NULL;
    return ARENA_PUSH(all->lowering->arena, all->conditions, all->count, all->capacity, condition);
}

bool lower_inside(struct lowering *lowering, struct nest *nest, const struct ir_access *access,
                  const struct poly *const *subscripts, const struct poly ***conditions, size_t *count)
{
    struct ir_context *context = lowering->context;
    const struct poly *one = poly_constant(context, 1);
    struct wrapping all = {.lowering = lowering, .nest = nest};
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *last = poly_subtract(context, access->node->shape[axis], one);
        all.subscript = subscripts[axis];
        poly_visit_lookups(subscripts[axis], add_wrapping, &all);
        if (all.failed || !add_inside(&all, subscripts[axis]) || !add_inside(&all, poly_subtract(context, last, subscripts[axis])))
            return false;
    }
    *conditions = all.conditions;
    *count = all.count;
    return true;
}

/* ---- substitution ---- */

static const struct ir_expr *replace_accumulator(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    (void)context;
    return leaf->op == IR_EXPR_operand ? user : leaf;
}

const struct ir_expr *lower_substitute(struct lowering *lowering, const struct ir_expr *expr, uint32_t n,
                                       const struct poly *const *replacements, const struct poly_ranges *ranges,
                                       const struct ir_expr *accumulator)
{
    if (!expr)
        return NULL;
    return ir_expr_substitute(lowering->context, expr, accumulator ? replace_accumulator : NULL, (void *)(uintptr_t)accumulator, n,
                              replacements, ranges);
}

/* ---- accesses ---- */

static const struct ir_expr *element(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                     const struct ir_node *node, const struct poly *const *subscripts, struct lower_finish *finish);

static const struct ir_expr *conjugated(struct lowering *lowering, const struct ir_access *access, const struct ir_expr *expr)
{
    if (!expr || !access->conjugate || !ir_elem_is_complex(expr->elem))
        return expr;
    return ir_expr_apply(lowering->context, IR_EXPR_conj, 1, &expr);
}

/* Writes `node` at `subscripts` behind a guard of the given conditions. */
static const struct ir_expr *guarded(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                     const struct ir_access *access, const struct poly *const *subscripts,
                                     const struct poly **conditions, size_t n_conditions)
{
    size_t around = value->n_around;
    for (size_t k = 0; k < n_conditions; k++)
        if (!ARENA_PUSH(lowering->arena, value->around, value->n_around, value->around_capacity, conditions[k]))
            return NULL;
    struct lower_guard guard = {.n_conditions = (uint32_t)value->n_around, .fill = *access->fill};
    guard.conditions = arena_copy(lowering->arena, value->around, value->n_around, sizeof *value->around);
    guard.value = conjugated(lowering, access, element(lowering, nest, value, access->node, subscripts, NULL));
    value->n_around = around;
    const struct ir_name *name = ir_find_name(lowering->kernel, access->node);
    guard.local = lower_local(lowering, arena_printf(lowering->arena, "%s_inside", name && name->name ? name->name : "value"),
                              access->node->elem);
    if (!guard.value || !guard.conditions ||
        !ARENA_PUSH(lowering->arena, value->guards, value->n_guards, value->guards_capacity, guard))
        return NULL;
    return ir_expr_local(lowering->context, guard.local, access->node->elem);
}

static const struct ir_expr *access_value(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                          const struct ir_access *access, const struct poly *const *at, uint32_t n_at, bool inside,
                                          struct lower_finish *finish)
{
    struct ir_context *context = lowering->context;
    struct poly_ranges ranges = nest_ranges(nest);
    if (!access->node)
        return NULL;
    const struct poly **subscripts = ARENA_ARRAY(lowering->arena, access->node->rank, const struct poly *);
    for (uint32_t axis = 0; subscripts && axis < access->node->rank; axis++)
        if (!(subscripts[axis] = poly_substitute(context, access->subscripts[axis], n_at, at, &ranges)))
            return NULL;
    const struct poly **conditions = NULL;
    size_t n_conditions = 0;
    if (!subscripts || (!inside && !lower_note_access(lowering, nest, value, access->node, subscripts, access->fill != NULL)) ||
        (access->fill && !lower_inside(lowering, nest, access, subscripts, &conditions, &n_conditions)))
        return NULL;
    if (n_conditions) /* the fill value is what it is, also of a conjugated access */
        return guarded(lowering, nest, value, access, subscripts, conditions, n_conditions);
    return conjugated(lowering, access, element(lowering, nest, value, access->node, subscripts, finish));
}

const struct ir_expr *lower_access(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                   const struct ir_access *access, const struct poly *const *at, uint32_t n_at, bool inside)
{
    return access_value(lowering, nest, value, access, at, n_at, inside, NULL);
}

static const struct ir_expr *stored_element(struct lowering *lowering, const struct ir_node *node,
                                            const struct poly *const *subscripts)
{
    if (node->op == IR_const_node && poly_equals(ir_element_count(lowering->context, node), 1))
        return ir_expr_literal(lowering->context, lower_number(node->elem, node->constant->data, 0));
    const struct lower_place *place = &lowering->places[node->id];
    if (!place->placed)
        return NULL;
    if (place->is_local)
        return ir_expr_local(lowering->context, place->number, node->elem);
    return ir_expr_load(lowering->context, place->number, node->elem, lower_address(lowering, node, subscripts));
}

/* Remembers what the source calls the axes of `node`, where a subscript is more than a bare index. */
static bool add_hints(struct lowering *lowering, struct nest *nest, const struct ir_node *node,
                      const struct poly *const *subscripts)
{
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        uint32_t index;
        struct nest_hint hint = {subscripts[axis], lower_axis_name(lowering->kernel, node, axis)};
        if (hint.name && !poly_is_index(subscripts[axis], &index) && !poly_is_constant(subscripts[axis], NULL) &&
            !ARENA_PUSH(lowering->arena, nest->hints, nest->n_hints, nest->hints_capacity, hint))
            return false;
    }
    return true;
}

static const struct ir_expr *element(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                     const struct ir_node *node, const struct poly *const *subscripts, struct lower_finish *finish)
{
    if (!add_hints(lowering, nest, node, subscripts))
        return NULL;
    if (finish && node == finish->node) {
        finish->at = arena_copy(lowering->arena, subscripts, node->rank, sizeof *subscripts);
        return finish->at ? ir_expr_operand(lowering->context, 0, node->elem) : NULL;
    }
    if (lowering->scan && node->op == IR_input_node && node->input.number >= lowering->scan->scan->n_states)
        return lower_slice(lowering, nest, value, node, subscripts);
    if (lowering->plan->stored[node->id])
        return stored_element(lowering, node, subscripts);
    return lower_point(lowering, nest, value, node, subscripts, finish);
}

/* ---- maps and views ---- */

struct map_operands {
    struct lowering *lowering;
    struct nest *nest;
    struct lower_value *value;
    const struct ir_node *node;
    const struct poly *const *at;
    struct lower_finish *finish;
};

static const struct ir_expr *map_operand(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    (void)context;
    struct map_operands *operands = user;
    const struct ir_node *node = operands->node;
    return access_value(operands->lowering, operands->nest, operands->value, &node->operands[leaf->operand], operands->at,
                        node->rank, false, operands->finish);
}

static bool note_index_values(struct lowering *lowering, struct nest *nest, struct lower_value *value, const struct ir_node *map,
                              const struct poly *const *at)
{
    struct poly_ranges ranges = nest_ranges(nest);
    size_t count;
    const struct ir_expr **all = ir_expr_topological(lowering->context, map->body, &count);
    for (size_t k = 0; all && k < count; k++)
        if (all[k]->op == IR_EXPR_index && poly_is_run_time(all[k]->index) &&
            !lower_note_lookups(lowering, nest, value, poly_substitute(lowering->context, all[k]->index, map->rank, at, &ranges)))
            return false;
    return all != NULL;
}

const struct ir_expr *lower_point(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                  const struct ir_node *node, const struct poly *const *at, struct lower_finish *finish)
{
    if (node->op == IR_view_node)
        return access_value(lowering, nest, value, &node->operands[0], at, node->rank, false, finish);
    if (node->op == IR_scatter_node)
        return access_value(lowering, nest, value, &node->operands[1], at, node->n_indices, false, finish);
    if (node->op != IR_map_node)
        return NULL;
    struct poly_ranges ranges = nest_ranges(nest);
    if (!note_index_values(lowering, nest, value, node, at))
        return NULL;
    struct map_operands operands = {lowering, nest, value, node, at, finish};
    return ir_expr_substitute(lowering->context, node->body, map_operand, &operands, node->rank, at, &ranges);
}
