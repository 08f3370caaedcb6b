/* Makes what fuse_plan.c decides visible in tensor IR, as far as the IR can say it.
 *
 * Maps are composed into the maps that use them unless they are stored, views into the accesses that read them. A value that
 * depends on no input and takes functions or sums to compute (a table of cosines, the transform of one) is computed now and becomes
 * a constant, up to FOLD_ELEMENTS; cheap constant arithmetic stays, since writing it down would round it. Integers are
 * stored before they are made wider. No output changes its value. */
#include "lower.h"

#include <math.h>
#include <string.h>

/* Of a table made now; of one that is larger than what it is made of. */
enum { FOLD_ELEMENTS = 1 << 16, LARGER_ELEMENTS = 1024 };

/* The kernel rebuilt: what stands for each node, by its old id. */
struct composition {
    struct ir_context *context;
    struct arena *arena;
    const struct ir_kernel *kernel;
    const struct fuse_plan *plan;
    const struct ir_node **made;
    bool *constant; /* needs no input */
    bool *costly;   /* and calls functions or sums */
};

/* Is what was made for a stored node `node`? */
static bool is_kept(const struct composition *composition, const struct ir_node *node)
{
    for (size_t k = 0; k < composition->plan->n_nodes; k++) {
        uint32_t id = composition->plan->nodes[k]->id;
        if (composition->made[id] == node && composition->plan->stored[id])
            return true;
    }
    return false;
}

/* The access to what lies below views, as long as nothing is padded on the way. */
static struct ir_access through_views(struct composition *composition, const struct ir_access *given,
                                      const struct poly_ranges *ranges)
{
    struct ir_access access = *given;
    access.node = composition->made[given->node->id];
    while (access.node && access.node->op == IR_view_node && !access.fill && !access.node->operands[0].fill &&
           !ir_is_checked_access(composition->context, &access, ranges)) {
        struct ir_access below =
            ir_access_substitute(composition->context, access.node->operands[0], access.node->rank, access.subscripts, ranges);
        below.conjugate ^= access.conjugate;
        access = below;
    }
    return access;
}

/* ---- maps ---- */

struct composed_map {
    struct composition *composition;
    struct ir_access *operands;
    size_t n, capacity;
    const struct ir_node *user;       /* the map as it was */
    const struct poly_ranges *ranges; /* of its indices */
    const struct ir_access *inlined;  /* the access whose map's body is being moved */
};

static const struct ir_expr *add_operand(struct composed_map *map, struct ir_access access)
{
    size_t number = 0;
    while (number < map->n && !fuse_same_access(&map->operands[number], &access))
        number++;
    if (number == map->n && !ARENA_PUSH(map->composition->arena, map->operands, map->n, map->capacity, access))
        return NULL;
    return ir_expr_operand(map->composition->context, (uint32_t)number, access.node->elem);
}

static const struct ir_expr *operand_of_inlined(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct composed_map *map = user;
    const struct ir_node *node = map->inlined->node;
    struct ir_access access =
        ir_access_substitute(context, node->operands[leaf->operand], node->rank, map->inlined->subscripts, map->ranges);
    return access.node ? add_operand(map, access) : NULL;
}

/* What stands for operand k of the user: a new operand, or the body of the map it reads, composed itself by now. */
static const struct ir_expr *operand_of_user(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct composed_map *map = user;
    struct ir_access access = through_views(map->composition, &map->user->operands[leaf->operand], map->ranges);
    if (!access.node)
        return NULL;
    if (access.node->op != IR_map_node || access.fill || is_kept(map->composition, access.node) ||
        ir_is_checked_access(context, &access, map->ranges))
        return add_operand(map, access);
    map->inlined = &access;
    const struct ir_expr *body =
        ir_expr_substitute(context, access.node->body, operand_of_inlined, map, access.node->rank, access.subscripts, map->ranges);
    return body && access.conjugate && ir_elem_is_complex(body->elem) ? ir_expr_apply(context, IR_EXPR_conj, 1, &body) : body;
}

static const struct ir_node *compose_map(struct composition *composition, const struct ir_node *node)
{
    struct poly_ranges ranges = ir_ranges(node);
    struct composed_map map = {.composition = composition, .user = node, .ranges = &ranges};
    const struct ir_expr *body = ir_expr_substitute(composition->context, node->body, operand_of_user, &map, 0, NULL, &ranges);
    return ir_map(composition->context, node->rank, node->shape, (uint32_t)map.n, map.operands, body);
}

static bool is_output(const struct ir_kernel *kernel, const struct ir_node *node)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node == node)
            return true;
    return false;
}

/* What is stored and is no more than a wider form of an integer: the integer is stored, and widened where it is read. */
static const struct ir_node *stored_narrow(struct composition *composition, const struct ir_node *given, const struct ir_node *map)
{
    struct ir_context *context = composition->context;
    const struct ir_expr *body = map ? map->body : NULL, *narrow = body && body->op == IR_EXPR_cast ? body->arguments[0] : NULL;
    if (!narrow || narrow->n_arguments == 0 || !ir_elem_is_integer(narrow->elem) || !ir_elem_is_integer(body->elem) ||
        ir_elem_info(narrow->elem)->bytes >= ir_elem_info(body->elem)->bytes || !composition->plan->stored[given->id] ||
        is_output(composition->kernel, given))
        return map;
    const struct ir_node *stored = ir_map(context, map->rank, map->shape, map->n_operands, map->operands, narrow);
    if (!stored)
        return NULL;
    struct ir_access whole = ir_access_whole(context, stored);
    return ir_map(context, map->rank, map->shape, 1, &whole,
                  ir_expr_cast(context, body->elem, ir_expr_operand(context, 0, narrow->elem)));
}

/* ---- constants ---- */

static bool calls_functions(struct composition *composition, const struct ir_node *node)
{
    int64_t functions = 0;
    if (node->op == IR_map_node)
        (void)ir_expr_flops(composition->context, node->body, &functions);
    return functions > 0;
}

struct table_search {
    const struct composition *composition;
    bool constant;
};

static void note_table(void *user, const struct ir_node *table)
{
    struct table_search *search = user;
    search->constant &= search->composition->constant[table->id];
}

/* A sum that may be regrouped: others are computed as they are written. */
static bool is_costly_sum(const struct composition *composition, const struct ir_node *node)
{
    return node->op == IR_contract_node && node->contract.ring == IR_RING_plustimes &&
           (ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem)) && composition->kernel->numeric_class != IR_CLASS_EXACT;
}

/* The same numbers in every run. */
static void find_constants(struct composition *composition)
{
    for (size_t k = 0; k < composition->plan->n_nodes; k++) {
        const struct ir_node *node = composition->plan->nodes[k];
        struct table_search search = {composition, node->op != IR_input_node && node->op != IR_scatter_node &&
                                                       node->op != IR_scan_node && node->op != IR_solve_node &&
                                                       !ir_uses_dims(composition->context, node)};
        bool costly = calls_functions(composition, node) || is_costly_sum(composition, node);
        ir_visit_tables(composition->context, node, note_table, &search);
        for (uint32_t o = 0; o < node->n_operands; o++) {
            search.constant &= composition->constant[node->operands[o].node->id];
            costly |= composition->costly[node->operands[o].node->id];
        }
        composition->constant[node->id] = search.constant;
        composition->costly[node->id] = search.constant && costly;
    }
}

/* Would the sum be a larger table than those it is made of? A Kronecker product is not formed, nor is a power of a matrix. */
static bool expands(struct ir_context *context, const struct ir_node *node, int64_t elements)
{
    int64_t parts = 0, own;
    for (uint32_t k = 0; k < node->n_operands; k++)
        parts += poly_is_constant(ir_element_count(context, node->operands[k].node), &own) ? own : 0;
    return node->op == IR_contract_node && elements > parts && elements > LARGER_ELEMENTS;
}

/* A sum of numbers that are none stays what it was. */
static bool is_finite(enum ir_elem elem, int64_t elements, const void *data)
{
    bool floats = ir_elem_is_float(elem) || ir_elem_is_complex(elem);
    for (int64_t k = 0; floats && k < elements; k++) {
        struct ir_number number = ir_number_load(elem, data, (size_t)k);
        if (!isfinite(number.re) || (ir_elem_is_complex(elem) && !isfinite(number.im)))
            return false;
    }
    return true;
}

/* `node` computed now; itself when that cannot be done. */
static const struct ir_node *fold(struct composition *composition, const struct ir_node *node)
{
    struct ir_context *context = composition->context;
    int64_t elements;
    if (node->op == IR_view_node || !poly_is_constant(ir_element_count(context, node), &elements) || elements > FOLD_ELEMENTS ||
        elements == 0 || expands(context, node, elements))
        return node;
    struct ir_output output = {.name = "constant", .node = node, .span = SPAN_NONE};
    struct ir_kernel kernel = {.name = "constant", .span = SPAN_NONE, .n_outputs = 1, .outputs = &output};
    struct ir_tensor value = {0};
    int64_t *dims = ARENA_ARRAY(composition->arena, ir_dim_count(context), int64_t);
    if (!dims || ir_eval(context, &kernel, IR_EVAL_NUMBERS, dims, NULL, &value, NULL) != EINC_OK || !value.data ||
        (!calls_functions(composition, node) && !is_finite(node->elem, elements, value.data)))
        return node;
    const struct ir_name *name = ir_find_name(composition->kernel, node);
    if ((!name || !name->name) && node->n_operands == 1) /* a cast, a factor: what it is made of says what it is */
        name = ir_find_name(composition->kernel, node->operands[0].node);
    struct ir_constant constant = {
        .data = value.data, .bytes = (size_t)elements * ir_elem_info(node->elem)->bytes, .name = name ? name->name : NULL};
    const struct ir_node *folded = ir_constant(context, node->elem, node->rank, node->shape, &constant);
    return folded ? folded : node;
}

/* ---- the pass ---- */

static const struct ir_node *compose_node(struct composition *composition, const struct ir_node *given)
{
    const struct ir_node *node = ir_with_tables(composition->context, given, composition->made);
    if (!node)
        return NULL;
    if (composition->costly[given->id]) {
        const struct ir_node *folded = fold(composition, node);
        if (folded != node)
            return folded;
    }
    if (node->op == IR_map_node)
        return stored_narrow(composition, given, compose_map(composition, node));
    if (!node->n_operands)
        return node;
    struct ir_access *operands = ARENA_ARRAY(composition->arena, node->n_operands, struct ir_access);
    for (uint32_t k = 0; operands && k < node->n_operands; k++) {
        struct poly_ranges ranges = ir_operand_ranges(composition->context, node, k);
        operands[k] = node->operands[k];
        operands[k].node = composition->made[node->operands[k].node->id];
        bool whole = node->op == IR_concat_node || (node->op == IR_scatter_node && k == 0); /* gives the node its shape */
        if (!whole)
            operands[k] = through_views(composition, &node->operands[k], &ranges);
        if (!operands[k].node)
            return NULL;
    }
    return operands ? ir_with_operands(composition->context, node, operands) : NULL;
}

static void copy_name(struct composition *composition, struct ir_kernel *kernel, const struct ir_node *from,
                      const struct ir_node *to)
{
    const struct ir_name *name = ir_find_name(kernel, from);
    if (name && from != to && !ir_find_name(kernel, to))
        ir_set_name(composition->context, kernel, to, name->name, from->n_indices == to->n_indices ? name->index_names : NULL,
                    name->span);
}

enum einc_status pass_fuse(struct pass_kernel *kernel)
{
    struct composition composition = {.context = kernel->context, .arena = ir_arena(kernel->context), .kernel = kernel->kernel};
    composition.plan = fuse_plan_create(kernel->context, kernel->kernel);
    if (!composition.plan)
        return EINC_NO_MEMORY;
    composition.made = ARENA_ARRAY(composition.arena, composition.plan->n_ids, const struct ir_node *);
    composition.constant = ARENA_ARRAY(composition.arena, composition.plan->n_ids, bool);
    composition.costly = ARENA_ARRAY(composition.arena, composition.plan->n_ids, bool);
    if (!composition.made || !composition.constant || !composition.costly)
        return EINC_NO_MEMORY;
    find_constants(&composition);
    for (size_t k = 0; k < composition.plan->n_nodes; k++) {
        const struct ir_node *node = composition.plan->nodes[k], *made = compose_node(&composition, node);
        if (!made)
            return ir_status(kernel->context) == EINC_OK ? EINC_INTERNAL : ir_status(kernel->context);
        composition.made[node->id] = made;
        copy_name(&composition, kernel->kernel, node, made);
    }
    for (uint32_t k = 0; k < kernel->kernel->n_outputs; k++)
        kernel->kernel->outputs[k].node = composition.made[kernel->kernel->outputs[k].node->id];
    return fuse_share(kernel->context, kernel->kernel) && !arena_failed(composition.arena) ? EINC_OK : EINC_NO_MEMORY;
}
