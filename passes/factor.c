/* What contractions that are added to one another have in common is applied to the sum of what they have not:
 *
 *     v[e,i] = sum over c of B[c,i] * x[e,c]  +  sum over c of B[c,i] * y[e,c]      becomes
 *     s[e,c] = x[e,c] + y[e,c]     v[e,i] = sum over c of B[c,i] * s[e,c]
 *
 * Comes after `order`, which makes trees with a last step in common (order_adjoint.c): a step is left of two. What is added may
 * itself be such a sum, so it goes on until nothing changes; the products at the end of a tree, as of three gradient components
 * that go back to the nodes of an element, become one one after the other. Subtractions are sums. A contraction that something else
 * reads is there anyway and stays.
 *
 * Class `reassoc`. */
#include "contraction.h"
#include "order.h"

enum einc_status pass_factor(struct pass_kernel *kernel);

enum { MOST_TERMS = 32, MOST_OPERANDS = 8, MOST_ROUNDS = 32 };

struct factoring {
    struct pass_kernel *pass;
    uint32_t *uses; /* by node, as long as there were nodes when the round began */
    uint32_t n_ids;
    bool any;
};

/* ---- the sum ---- */

/* Expressions that are added, or subtracted. */
struct sum {
    const struct ir_expr *terms[MOST_TERMS];
    bool is_negative[MOST_TERMS];
    uint32_t n;
};

static bool add_terms(struct sum *sum, const struct ir_expr *expr, bool is_negative)
{
    if (expr->op == IR_EXPR_add || expr->op == IR_EXPR_sub)
        return add_terms(sum, expr->arguments[0], is_negative) &&
               add_terms(sum, expr->arguments[1], is_negative != (expr->op == IR_EXPR_sub));
    if (sum->n == MOST_TERMS)
        return false;
    sum->is_negative[sum->n] = is_negative;
    sum->terms[sum->n++] = expr;
    return true;
}

static const struct ir_expr *sum_of_two(struct ir_context *context, const struct ir_expr *a, const struct ir_expr *b, bool subtract)
{
    const struct ir_expr *both[] = {a, b};
    return a && b ? ir_expr_apply(context, subtract ? IR_EXPR_sub : IR_EXPR_add, 2, both) : NULL;
}

/* Term `removed` left out; the first one that stays is added, or all are subtracted from its negative. */
static const struct ir_expr *sum_without(struct ir_context *context, const struct sum *sum, uint32_t removed)
{
    const struct ir_expr *value = NULL;
    for (uint32_t k = 0; k < sum->n; k++) {
        if (k == removed)
            continue;
        const struct ir_expr *term = sum->terms[k];
        if (value)
            value = sum_of_two(context, value, term, sum->is_negative[k]);
        else
            value = sum->is_negative[k] ? ir_expr_apply(context, IR_EXPR_neg, 1, &term) : term;
        if (!value)
            return NULL;
    }
    return value;
}

/* Is it an operand that no other term reads? */
static bool is_alone(struct ir_context *context, const struct sum *sum, uint32_t term)
{
    const struct ir_expr *leaf = sum->terms[term];
    bool alone = leaf->op == IR_EXPR_operand;
    for (uint32_t k = 0; k < sum->n && alone; k++) {
        size_t count;
        const struct ir_expr **order = ir_expr_topological(context, sum->terms[k], &count);
        for (size_t j = 0; order && j < count && k != term; j++)
            alone &= order[j]->op != IR_EXPR_operand || order[j]->operand != leaf->operand;
        alone &= order != NULL;
    }
    return alone;
}

/* ---- what two contractions have in common ---- */

/* The operand that each has for itself, and the second one's indices as those of the first. */
struct match {
    const struct ir_node *first, *second;
    uint32_t own_first, own_second;
    const struct poly **places; /* by index of the second; NULL: not known yet */
    bool *taken;                /* by index of the first */
};

static bool may_factor(const struct factoring *factoring, const struct ir_access *access)
{
    const struct ir_node *node = access->node;
    return node->op == IR_contract_node && node->contract.ring == IR_RING_plustimes && !node->contract.n_sliced &&
           !node->contract.n_domain && !node->contract.codelet && node->elem == node->contract.accumulator &&
           node->n_indices > node->rank && node->n_operands >= 2 && node->n_operands <= MOST_OPERANDS &&
           contraction_may_regroup(factoring->pass->kernel, node) && node->id < factoring->n_ids && factoring->uses[node->id] == 1;
}

/* Says that index b of the second is index a of the first; false: one of them is another one already. */
static bool identify(struct ir_context *context, struct match *match, uint32_t a, uint32_t b)
{
    const struct poly *place = poly_index(context, a);
    if (match->places[b] || match->taken[a])
        return match->places[b] == place;
    match->places[b] = place;
    match->taken[a] = true;
    return match->first->extents[a] == match->second->extents[b];
}

/* The same index of the map at an axis of each: axes of the two that are the same. */
static bool match_axes(struct ir_context *context, struct match *match, const struct ir_access *first,
                       const struct ir_access *second)
{
    uint32_t rank = match->first->rank;
    uint32_t *a = ARENA_ARRAY(ir_arena(context), rank, uint32_t), *b = ARENA_ARRAY(ir_arena(context), rank, uint32_t);
    if (!a || !b || match->second->rank != rank || first->conjugate || second->conjugate || !contraction_bare_axes(first, a) ||
        !contraction_bare_axes(second, b))
        return false;
    for (uint32_t x = 0; x < rank; x++) {
        uint32_t y = 0;
        while (y < rank && b[y] != a[x])
            y++;
        if (y == rank || !identify(context, match, x, y))
            return false;
    }
    return true;
}

static bool match_factor(struct ir_context *context, struct match *match, const struct ir_access *first,
                         const struct ir_access *second)
{
    if (first->node != second->node || first->fill || second->fill || first->conjugate != second->conjugate)
        return false;
    for (uint32_t axis = 0; axis < first->node->rank; axis++) {
        uint32_t a, b;
        if (!poly_is_index(first->subscripts[axis], &a) || !poly_is_index(second->subscripts[axis], &b) ||
            !identify(context, match, a, b))
            return false;
    }
    return true;
}

/* All factors but one of each, in their order, which is canonical; indices that the axes do not say are summed ones. */
static bool match_factors(struct ir_context *context, struct match *match)
{
    for (uint32_t a = 0, b = 0; a < match->first->n_operands || b < match->second->n_operands; a++, b++) {
        a += a == match->own_first;
        b += b == match->own_second;
        bool ends = a >= match->first->n_operands || b >= match->second->n_operands;
        if (ends)
            return a >= match->first->n_operands && b >= match->second->n_operands;
        if (!match_factor(context, match, &match->first->operands[a], &match->second->operands[b]))
            return false;
    }
    return true;
}

/* And the two that are left run over the same indices, each once. */
static bool match_own(const struct match *match)
{
    const struct ir_access *first = &match->first->operands[match->own_first],
                           *second = &match->second->operands[match->own_second];
    uint32_t a, b;
    if (first->node->rank != second->node->rank || first->node->elem != match->first->elem ||
        second->node->elem != match->first->elem || first->fill || second->fill)
        return false;
    for (uint32_t x = 0; x < first->node->rank; x++) {
        bool found = false;
        if (!poly_is_index(first->subscripts[x], &a))
            return false;
        for (uint32_t y = 0; y < second->node->rank; y++)
            found |= poly_is_index(second->subscripts[y], &b) && match->places[b] && poly_is_index(match->places[b], &b) && a == b;
        for (uint32_t before = 0; before < x; before++)
            found &= first->subscripts[before] != first->subscripts[x];
        if (!found)
            return false;
    }
    return true;
}

static bool match_with(struct ir_context *context, struct match *match, const struct ir_access *first,
                       const struct ir_access *second)
{
    struct arena *arena = ir_arena(context);
    match->places = ARENA_ARRAY(arena, match->second->n_indices, const struct poly *);
    match->taken = ARENA_ARRAY(arena, match->first->n_indices, bool);
    if (!match->places || !match->taken || !match_axes(context, match, first, second) || !match_factors(context, match) ||
        !match_own(match))
        return false;
    for (uint32_t k = 0; k < match->second->n_indices; k++)
        if (!match->places[k])
            return false;
    return true;
}

static bool find_match(struct ir_context *context, const struct ir_access *first, const struct ir_access *second,
                       struct match *match)
{
    *match = (struct match){.first = first->node, .second = second->node};
    if (match->first == match->second || match->first->n_indices != match->second->n_indices ||
        match->first->elem != match->second->elem || match->first->n_operands != match->second->n_operands)
        return false;
    for (match->own_first = 0; match->own_first < match->first->n_operands; match->own_first++)
        for (match->own_second = 0; match->own_second < match->second->n_operands; match->own_second++)
            if (match_with(context, match, first, second))
                return true;
    return false;
}

/* ---- the contraction of the sum ---- */

/* The sum (or difference) of the operands that they do not have in common, over the axes of the first one. NULL: no memory. */
static const struct ir_node *add_own(struct factoring *factoring, const struct match *match, bool subtract)
{
    struct ir_context *context = factoring->pass->context;
    const struct ir_access *first = &match->first->operands[match->own_first];
    uint32_t rank = first->node->rank, index;
    const struct poly **places = ARENA_ARRAY(ir_arena(context), match->first->n_indices, const struct poly *);
    const struct poly **extents = ARENA_ARRAY(ir_arena(context), rank, const struct poly *);
    const char **names = ARENA_ARRAY(ir_arena(context), rank, const char *);
    const struct ir_name *name = ir_find_name(factoring->pass->kernel, match->first);
    if (!places || !extents || !names)
        return NULL;
    for (uint32_t axis = 0; axis < rank; axis++) {
        (void)poly_is_index(first->subscripts[axis], &index);
        places[index] = poly_index(context, axis);
        extents[axis] = match->first->extents[index];
        names[axis] = name && name->index_names ? name->index_names[index] : NULL;
    }
    struct poly_ranges ranges = {rank, extents};
    struct ir_access both[] = {*first, match->second->operands[match->own_second]};
    both[1] = ir_access_substitute(context, both[1], match->second->n_indices, match->places, NULL);
    for (int k = 0; k < 2; k++) {
        both[k] = both[k].node ? ir_access_substitute(context, both[k], match->first->n_indices, places, &ranges) : both[k];
        if (!both[k].node)
            return NULL;
    }
    const struct ir_expr *body = sum_of_two(context, ir_expr_operand(context, 0, both[0].node->elem),
                                            ir_expr_operand(context, 1, both[1].node->elem), subtract);
    const char *called = order_product_name(factoring->pass, 1, first);
    const struct ir_node *sum = ir_map(context, rank, extents, 2, both, body);
    if (sum && !ir_find_name(factoring->pass->kernel, sum))
        ir_set_name(context, factoring->pass->kernel, sum, called, names, name ? name->span : SPAN_NONE);
    return sum;
}

/* `called`: NULL: as the first one is. */
static const struct ir_node *contract_sum(struct factoring *factoring, const struct match *match, bool subtract, const char *called)
{
    struct ir_context *context = factoring->pass->context;
    const struct ir_node *sum = add_own(factoring, match, subtract);
    struct contraction both = contraction_open(context, factoring->pass->kernel, match->first);
    const struct ir_name *name = ir_find_name(factoring->pass->kernel, match->first);
    if (!sum || match->own_first >= both.n_operands) /* no memory */
        return NULL;
    struct ir_access *own = &both.operands[match->own_first];
    *own = (struct ir_access){.node = sum, .subscripts = own->subscripts};
    struct span span = name ? name->span : SPAN_NONE;
    called = called || !name ? called : name->name;
    const struct ir_node *node = contraction_close(&both);
    if (node)
        ir_set_name(context, factoring->pass->kernel, node, called, both.names, span);
    return node;
}

/* Does the map have the elements of what is accessed as they are? */
static bool is_whole(const struct ir_node *map, const struct ir_access *access)
{
    uint32_t index;
    if (access->node->rank != map->rank || access->node->elem != map->elem)
        return false;
    for (uint32_t axis = 0; axis < map->rank; axis++)
        if (!poly_is_index(access->subscripts[axis], &index) || index != axis || access->node->shape[axis] != map->shape[axis])
            return false;
    return true;
}

/* The map with the two terms as one. */
static const struct ir_node *join_terms(struct factoring *factoring, const struct ir_node *map, const struct sum *sum, uint32_t a,
                                        uint32_t b, const struct match *match)
{
    struct ir_context *context = factoring->pass->context;
    struct ir_kernel *kernel = factoring->pass->kernel;
    bool is_all = sum->n == 2 && !sum->is_negative[a] && is_whole(map, &map->operands[sum->terms[a]->operand]);
    const struct ir_node *joined =
        contract_sum(factoring, match, sum->is_negative[a] != sum->is_negative[b], is_all ? ir_name_of(kernel, map) : NULL);
    factoring->any = true;
    if (is_all || !joined)
        return joined;
    struct ir_access *operands = arena_copy(ir_arena(context), map->operands, map->n_operands, sizeof *operands);
    const struct ir_expr *body = sum_without(context, sum, b);
    if (!operands || !body)
        return NULL;
    operands[sum->terms[a]->operand].node = joined;
    struct ir_access last = operands[map->n_operands - 1]; /* in the place of the one that nothing reads now */
    uint32_t gone = sum->terms[b]->operand, from = map->n_operands - 1;
    operands[gone] = last;
    if (gone != from)
        body = ir_expr_replace(context, body, ir_expr_operand(context, from, last.node->elem),
                               ir_expr_operand(context, gone, last.node->elem));
    return ir_map(context, map->rank, map->shape, from, operands, body);
}

static const struct ir_node *factor_node(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct factoring *factoring = user;
    struct sum sum = {.n = 0};
    if (node->op != IR_map_node || !add_terms(&sum, node->body, false))
        return node;
    for (uint32_t a = 0; a < sum.n; a++)
        for (uint32_t b = a + 1; b < sum.n; b++) {
            struct match match;
            if (sum.terms[a]->op != IR_EXPR_operand || sum.terms[b]->op != IR_EXPR_operand || !is_alone(context, &sum, a) ||
                !is_alone(context, &sum, b))
                continue;
            const struct ir_access *first = &node->operands[sum.terms[a]->operand],
                                   *second = &node->operands[sum.terms[b]->operand];
            if (may_factor(factoring, first) && may_factor(factoring, second) && find_match(context, first, second, &match))
                return join_terms(factoring, node, &sum, a, b, &match);
        }
    return node;
}

/* ---- the pass ---- */

/* How often each node is read, by operands and as an output. */
static bool count_uses(struct factoring *factoring)
{
    const struct ir_kernel *kernel = factoring->pass->kernel;
    struct ir_context *context = factoring->pass->context;
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    factoring->n_ids = 0;
    for (size_t k = 0; nodes && k < count; k++)
        factoring->n_ids = nodes[k]->id >= factoring->n_ids ? nodes[k]->id + 1 : factoring->n_ids;
    factoring->uses = ARENA_ARRAY(ir_arena(context), factoring->n_ids, uint32_t);
    if (!nodes || !factoring->uses)
        return false;
    for (size_t k = 0; k < count; k++)
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            factoring->uses[nodes[k]->operands[o].node->id]++;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        factoring->uses[kernel->outputs[k].node->id]++;
    return true;
}

enum einc_status pass_factor(struct pass_kernel *kernel)
{
    struct factoring factoring = {.pass = kernel, .any = true};
    for (int round = 0; round < MOST_ROUNDS && factoring.any; round++) {
        factoring.any = false;
        if (!count_uses(&factoring))
            return EINC_NO_MEMORY;
        (void)ir_rewrite(kernel->context, kernel->kernel, factor_node, &factoring);
    }
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
