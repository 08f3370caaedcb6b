/* Pointwise work goes into the stage that feeds or eats it.
 *
 * The decision is one set: which nodes have memory of their own. Everything else is computed where it is used. Stored are
 * - inputs, tables, what subscripts look up, scatters, concatenations and what these are made of, and the nodes that are outputs;
 * - contractions, but one whose only use is a map or view that takes each of its elements once: that stage applies the map to the
 *   accumulator (`gelu(W x + b)`, a division, a change of axes) and the contraction is said to be finished by it;
 * - maps of several uses that finish a contraction, which else would have to be stored itself;
 * - maps that would be computed again so often that storing is cheaper: an element costs its operations, a function counting
 *   as FUNCTION_COST, and being stored and read back costs STORE_COST. So exp of an attention score, used in its row's sum and in
 * the quotient, is stored; `2 * a[i,k]` or a cast is not. Views are never stored; they only change subscripts. Nor are integers
 * that are only made wider. How often a node is
 * needed is estimated with typical sizes.
 *
 * lower_loops asks `fuse_plan_create` and inlines accordingly. The pass itself makes the choice visible in the text of the tensor
 * IR where the IR can say it: maps are composed into the maps that use them, views into the accesses that read them, and what
 * depends on constants alone and is small becomes a constant. It never changes which value an output has. */
#include "ir/codelet.h"
#include "lower.h"

#include <math.h>

enum { FUNCTION_COST = 20, STORE_COST = 4 };
/* A stage's expression does not become deeper by fusion: time to compose it is quadratic in its depth, and E0736 refuses 4096. */
enum { DEEPEST_FUSED = 500 };

/* ---- what an element costs ---- */

struct costs {
    struct ir_context *context;
    struct fuse_plan *plan;
    double *cost;    /* operations of one element, everything pointwise below it inlined */
    double *size;    /* elements */
    double *needed;  /* elements computed if it were inlined: sum over uses */
    uint32_t *depth; /* of the expressions it would be inlined into: the deepest of its uses */
    uint32_t *uses;  /* found so far: all, once the node's turn has come */
    uint32_t *users; /* in the whole kernel */
    bool *output;
    bool *boxed; /* operand of a concatenation: computed where that is kept */
};

static double product(struct costs *costs, uint32_t n, const struct poly *const *extents, uint32_t first)
{
    const double *typical = ir_typical_sizes(costs->context);
    double elements = 1;
    for (uint32_t k = first; k < n; k++)
        elements *= poly_estimate(extents[k], typical, NULL);
    return elements;
}

static double own_cost(struct ir_context *context, const struct ir_node *node)
{
    int64_t functions = 0;
    if (node->op != IR_map_node)
        return 0;
    double flops = (double)ir_expr_flops(context, node->body, &functions);
    return flops + FUNCTION_COST * (double)functions + (node->n_operands > 1 ? node->n_operands - 1 : 0);
}

bool fuse_same_access(const struct ir_access *a, const struct ir_access *b)
{
    if (a->node != b->node || a->conjugate != b->conjugate || a->fill || b->fill)
        return false;
    for (uint32_t axis = 0; axis < a->node->rank; axis++)
        if (a->subscripts[axis] != b->subscripts[axis])
            return false;
    return true;
}

/* Does an earlier operand of a map read the same elements? It is then read once. */
static bool is_repeated(const struct ir_node *node, uint32_t operand)
{
    for (uint32_t k = 0; node->op == IR_map_node && k < operand; k++)
        if (fuse_same_access(&node->operands[k], &node->operands[operand]))
            return true;
    return false;
}

static bool is_leaf(const struct ir_node *node)
{
    return node->op == IR_input_node || node->op == IR_const_node;
}

/* Is it stored whatever reads it? */
static bool is_kept(const struct ir_node *node)
{
    return node->op == IR_scatter_node || node->op == IR_concat_node;
}

/* ---- the decision ---- */

/* Can `node`, a contraction, be finished by the stage it is used in? Its users are decided already; follows the one use
 * up to the stored map or view. */
struct use {
    const struct ir_node *user; /* the only one; NULL: none or several */
    bool guarded;
};

/* Are the axes that have this index its digits, each once, in any order? */
static bool are_digits(struct ir_context *context, const struct ir_access *access, uint32_t index, const struct poly *extent,
                       const struct poly_ranges *ranges)
{
    const struct poly *weight = poly_constant(context, 1), *bare = poly_index(context, index);
    uint32_t axes = 0, found = 0;
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        axes += poly_uses_index(access->subscripts[axis], index);
    for (bool more = true; more && found < axes;) {
        more = false;
        for (uint32_t axis = 0; axis < access->node->rank && !more; axis++) {
            const struct poly *size = access->node->shape[axis], *high = poly_floor_div(context, bare, weight, ranges);
            const struct poly *above = poly_multiply(context, weight, size);
            const struct poly *digit = above == extent ? high : poly_mod(context, high, size, ranges);
            more = poly_uses_index(access->subscripts[axis], index) && access->subscripts[axis] == digit && !poly_equals(size, 1);
            weight = more ? above : weight;
        }
        found += more;
    }
    return found == axes && weight == extent;
}

/* Does the user go through all elements of the operand, along loops that are those of its axes? */
static bool walks_axes(struct ir_context *context, const struct ir_node *user, const struct ir_node *operand)
{
    struct poly_ranges ranges = ir_ranges(user);
    if (user->op != IR_map_node && user->op != IR_view_node) /* others have indices that are no axes */
        return false;
    for (uint32_t k = 0; k < user->n_operands; k++)
        for (uint32_t index = 0; user->operands[k].node == operand && index < user->rank; index++)
            if (!poly_equals(user->extents[index], 1) &&
                !are_digits(context, &user->operands[k], index, user->extents[index], &ranges))
                return false;
    return true;
}

static const struct ir_node *finishing_stage(struct ir_context *context, const struct fuse_plan *plan, const struct use *uses,
                                             const struct ir_node *node)
{
    const struct ir_node *user = node;
    do {
        const struct use *use = &uses[user->id];
        if (!use->user || use->guarded || use->user->op == IR_contract_node || use->user->op == IR_concat_node ||
            use->user->op == IR_solve_node)
            return NULL;
        if (node->contract.codelet && !walks_axes(context, use->user, user)) /* whose loops are those of its axes */
            return NULL;
        user = use->user;
    } while (!plan->stored[user->id]);
    return plan->finishing[user->id] ? NULL : user;
}

/* Does a map of several uses take each element of a contraction once that nothing else reads? One of the two is stored anyway. */
static bool can_finish(const struct costs *costs, const struct ir_node *map)
{
    for (uint32_t k = 0; k < map->n_operands; k++) {
        const struct ir_node *operand = map->operands[k].node;
        if (operand->op == IR_contract_node && costs->users[operand->id] == 1 && !costs->output[operand->id] &&
            !map->operands[k].fill && costs->size[operand->id] == costs->size[map->id])
            return true;
    }
    return false;
}

/* A map's integers in a wider type, and no more: the narrower ones are stored, if any. */
static bool only_widens(const struct ir_node *node)
{
    const struct ir_expr *body = node->op == IR_map_node ? node->body : NULL;
    const struct ir_expr *narrow = body && body->op == IR_EXPR_cast ? body->arguments[0] : NULL;
    return narrow && narrow->op == IR_EXPR_operand && node->operands[0].node->op == IR_map_node &&
           ir_elem_is_integer(narrow->elem) && ir_elem_is_integer(body->elem) &&
           ir_elem_info(narrow->elem)->bytes < ir_elem_info(body->elem)->bytes;
}

static bool decide(struct costs *costs, const struct use *uses, const struct ir_node *node)
{
    struct fuse_plan *plan = costs->plan;
    bool always = is_kept(node) || plan->looked_up[node->id];
    if (is_leaf(node) || always || costs->output[node->id] || costs->boxed[node->id])
        return true;
    if (node->op == IR_scan_node || node->op == IR_proj_node || node->op == IR_solve_node)
        return true;
    if (node->op == IR_view_node || only_widens(node))
        return false;
    double size = fmax(costs->size[node->id], 1), again = costs->needed[node->id] - size;
    if (node->op == IR_map_node && again > 0 && can_finish(costs, node))
        return true;
    if (node->op == IR_map_node)
        return costs->cost[node->id] * again > STORE_COST * size ||
               (costs->depth[node->id] > 0 && costs->depth[node->id] + node->body->depth > DEEPEST_FUSED);
    bool whole = again == 0 || (again < 0 && !node->contract.codelet); /* a codelet has all its results at once */
    const struct ir_node *stage = !whole || node->contract.n_sliced ? NULL : finishing_stage(costs->context, plan, uses, node);
    if (stage)
        plan->finishing[stage->id] = node;
    return !stage;
}

/* How often one step reads an element of its input, summed over the elements: a slice is computed where it is read. */
static double reads_in_step(struct costs *costs, const struct ir_kernel *step, const struct ir_node *input)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(costs->context, step, &count);
    double reads = 0;
    for (size_t k = 0; nodes && k < count; k++)
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            if (nodes[k]->operands[o].node == input && !is_repeated(nodes[k], o))
                reads += product(costs, nodes[k]->n_indices, nodes[k]->extents, 0);
    return reads;
}

static bool reads_index(const struct ir_access *access, uint32_t index)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (poly_uses_index(access->subscripts[axis], index))
            return true;
    return false;
}

/* A codelet has what it reads in registers for all its results: times that it reads an element of the operand that is no factor.
 * What calls functions is stored: vectors may not have them. */
static double reads_of_codelet(struct costs *costs, const struct ir_node *node, uint32_t operand, double evaluations)
{
    const struct ir_node *read = node->operands[operand].node;
    const struct ir_codelet *codelet = ir_codelet(costs->context, node);
    int64_t functions = 0;
    if (read->op != IR_map_node || !codelet || codelet->factors[operand] ||
        (ir_expr_flops(costs->context, read->body, &functions), functions))
        return evaluations;
    for (uint32_t index = 0; index < node->rank; index++) {
        bool inside = false;
        for (uint32_t k = 0; k < node->n_operands; k++)
            inside |= codelet->factors[k] && reads_index(&node->operands[k], index);
        if (inside && !reads_index(&node->operands[operand], index))
            evaluations /= fmax(product(costs, 1, &node->extents[index], 0), 1);
    }
    return evaluations;
}

/* Elements of operand `operand` that a node of so many evaluations reads. */
static double reads_of(struct costs *costs, const struct ir_node *node, uint32_t operand, double evaluations)
{
    if (node->op == IR_concat_node)
        return fmax(costs->size[node->operands[operand].node->id], 1);
    if (node->op == IR_scatter_node && operand == 1)
        return product(costs, node->n_indices, node->extents, 0);
    if (node->op == IR_solve_node && operand == 0) { /* copied, once for a batch */
        double elements = product(costs, 1, &node->extents[node->rank], 0);
        elements *= elements;
        for (uint32_t k = 0; k < node->rank; k++)
            elements *= ir_solve_is_batch(node, k) ? product(costs, 1, &node->shape[k], 0) : 1;
        return elements;
    }
    if (node->op == IR_contract_node && node->contract.codelet)
        return reads_of_codelet(costs, node, operand, evaluations);
    if (node->op != IR_scan_node)
        return evaluations;
    const struct ir_node *input = node->scan->step->inputs[operand].node;
    double elements = product(costs, input->rank, input->shape, 0);
    if (operand < node->scan->n_states)
        return elements; /* copied before the first step */
    return fmax(elements, reads_in_step(costs, node->scan->step, input)) * product(costs, 1, &node->scan->extent, 0);
}

/* Tells the operands of a decided node how often it needs them, and how deep they would stand. */
static void spread_needs(struct costs *costs, struct use *uses, const struct ir_node *node)
{
    double evaluations = costs->plan->stored[node->id] ? fmax(costs->size[node->id], 1) : costs->needed[node->id];
    if (node->op == IR_contract_node)
        evaluations *= product(costs, node->n_indices, node->extents, node->rank);
    uint32_t depth = costs->plan->stored[node->id] ? 0 : costs->depth[node->id];
    depth += node->op == IR_map_node ? node->body->depth : 0;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        bool base = node->op == IR_scatter_node && k == 0;
        if (is_repeated(node, k))
            continue;
        if (depth > costs->depth[access->node->id])
            costs->depth[access->node->id] = depth;
        costs->needed[access->node->id] += reads_of(costs, node, k, evaluations);
        struct use *use = &uses[access->node->id];
        use->user = costs->uses[access->node->id]++ ? NULL : node;
        /* a base is copied by a stage of its own; a slice is read again at every step */
        use->guarded |= access->fill != NULL || base || node->op == IR_scan_node;
    }
}

static void note_lookup(void *user, const struct ir_node *table)
{
    bool *looked_up = user;
    looked_up[table->id] = true;
}

static bool create_costs(struct costs *costs, struct arena *arena, const struct ir_kernel *kernel)
{
    size_t n = costs->plan->n_ids;
    costs->cost = ARENA_ARRAY(arena, n, double);
    costs->size = ARENA_ARRAY(arena, n, double);
    costs->needed = ARENA_ARRAY(arena, n, double);
    costs->depth = ARENA_ARRAY(arena, n, uint32_t);
    costs->uses = ARENA_ARRAY(arena, n, uint32_t);
    costs->users = ARENA_ARRAY(arena, n, uint32_t);
    costs->output = ARENA_ARRAY(arena, n, bool);
    costs->boxed = ARENA_ARRAY(arena, n, bool);
    if (!costs->users || !costs->cost || !costs->size || !costs->needed || !costs->depth || !costs->uses || !costs->output ||
        !costs->boxed)
        return false;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        costs->output[kernel->outputs[k].node->id] = true;
    for (size_t k = 0; k < costs->plan->n_nodes; k++) {
        const struct ir_node *node = costs->plan->nodes[k];
        for (uint32_t o = 0; o < node->n_operands; o++)
            costs->users[node->operands[o].node->id] += !is_repeated(node, o);
        for (uint32_t o = 0; node->op == IR_concat_node && o < node->n_operands; o++)
            costs->boxed[node->operands[o].node->id] = true;
        costs->size[node->id] = product(costs, node->rank, node->shape, 0);
        costs->cost[node->id] = own_cost(costs->context, node);
        for (uint32_t o = 0; o < node->n_operands && node->op != IR_contract_node; o++)
            if (!is_repeated(node, o) && node->operands[o].node->op != IR_contract_node && !is_kept(node->operands[o].node))
                costs->cost[node->id] += costs->cost[node->operands[o].node->id];
    }
    return true;
}

struct fuse_plan *fuse_plan_create(struct ir_context *context, const struct ir_kernel *kernel)
{
    struct arena *arena = ir_arena(context);
    struct fuse_plan *plan = ARENA_NEW(arena, struct fuse_plan);
    if (!plan || !(plan->nodes = ir_topological(context, kernel, &plan->n_nodes)))
        return NULL;
    for (size_t k = 0; k < plan->n_nodes; k++)
        if (plan->nodes[k]->id >= plan->n_ids)
            plan->n_ids = (size_t)plan->nodes[k]->id + 1;
    for (uint32_t k = 0; k < kernel->n_inputs; k++) /* also those nothing uses */
        if (kernel->inputs[k].node->id >= plan->n_ids)
            plan->n_ids = (size_t)kernel->inputs[k].node->id + 1;
    plan->stored = ARENA_ARRAY(arena, plan->n_ids, bool);
    plan->finishing = ARENA_ARRAY(arena, plan->n_ids, const struct ir_node *);
    plan->looked_up = ARENA_ARRAY(arena, plan->n_ids, bool);
    for (size_t k = 0; plan->looked_up && k < plan->n_nodes; k++)
        ir_visit_tables(context, plan->nodes[k], note_lookup, plan->looked_up);
    struct use *uses = ARENA_ARRAY(arena, plan->n_ids, struct use);
    struct costs costs = {.context = context, .plan = plan};
    if (!plan->stored || !plan->finishing || !plan->looked_up || !uses || !create_costs(&costs, arena, kernel))
        return NULL;
    for (size_t k = plan->n_nodes; k-- > 0;) { /* users before operands */
        const struct ir_node *node = plan->nodes[k];
        plan->stored[node->id] = decide(&costs, uses, node);
        spread_needs(&costs, uses, node);
    }
    return plan;
}
