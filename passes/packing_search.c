/* The search: packings of all values and ways of all maps together, by a beam over the values in order. States that look alike to
 * what follows, by the packings of values still needed, are one, the cheaper; the beam keeps the cheapest of each depth, so that in
 * the end there is a list of cost against depth.
 *
 * A linear map read by a linear map alone may be left open: the next one takes it in, offsets add up, and both are one product
 * deep. So butterfly stages and Kronecker factors are grouped as the levels allow. */
#include "packing_internal.h"

#include <string.h>

enum { BEAM = 192, BEAM_OF_A_DEPTH = 24, MOST_OPEN = 1 << 13 };

struct states {
    const struct packing_decision **items;
    size_t count, capacity;
};

struct search {
    struct packer *packer;
    const struct packing_graph *graph;
    const struct ir_kernel *kernel;
    uint32_t *last_use;  /* of each node: the last that reads it, n_nodes for outputs */
    uint32_t *only_user; /* of each node: the one linear map that reads it, UINT32_MAX: others do */
    struct states states, next;
    bool too_deep; /* a way was left out for its depth */
};

static const struct packing_decision *find(const struct packing_decision *state, uint32_t node)
{
    while (state && state->node != node)
        state = state->before;
    return state;
}

static bool is_row_major(const struct packer *packer, const char *name)
{
    for (size_t k = 0; k < packer->options->n_row_major; k++)
        if (strcmp(packer->options->row_major[k], name) == 0)
            return true;
    return false;
}

static const struct packing *row_major(struct packer *packer, int64_t elements, enum packing_tail rest)
{
    struct packing_places places = {.n = 1, .at = {packing_place(elements, 1)}, .rest = rest};
    packing_fit(packer, &places);
    return packing_create(packer, &places, elements);
}

/* ---- states ---- */

/* What later nodes can see of the state: the values still needed, where they lie. */
static uint64_t key_of(const struct search *search, const struct packing_decision *state, uint32_t at)
{
    uint64_t key = 0;
    for (uint32_t node = 0; node <= at; node++) {
        if (search->last_use[node] <= at)
            continue;
        const struct packing_decision *decision = find(state, node);
        key = hash_mix(key, node);
        key = hash_mix(key, decision->packing ? decision->packing->hash : 1);
        key = hash_mix(key, decision->open ? decision->open->hash ^ 2 : 3);
        key = hash_mix(key, decision->open ? decision->base->parts : 4);
    }
    return key;
}

static bool is_dominated(const struct search *search, const struct packing_decision *state)
{
    for (size_t k = 0; k < search->next.count; k++) {
        const struct packing_decision *other = search->next.items[k];
        if (other->key == state->key && other->cost <= state->cost && other->deepest <= state->deepest)
            return true;
    }
    return false;
}

/* The state with one more decision; the node's own ends a step, one about an operand does not. */
static const struct packing_decision *extend(struct search *search, const struct packing_decision *state,
                                             struct packing_decision decision)
{
    decision.before = state;
    decision.cost += state ? state->cost : 0;
    decision.deepest = state && state->deepest > decision.depth ? state->deepest : decision.depth;
    return arena_copy(search->packer->arena, &decision, 1, sizeof decision);
}

static bool add_state(struct search *search, uint32_t at, const struct packing_decision *state, struct packing_decision decision)
{
    decision.before = state;
    decision.node = at;
    decision.cost += state ? state->cost : 0;
    decision.deepest = state && state->deepest > decision.depth ? state->deepest : decision.depth;
    int64_t levels = search->packer->options->levels;
    if (decision.deepest + (decision.open != NULL) > levels || decision.deepest + (decision.open != NULL) > SLOT_LEVELS_LIMIT) {
        search->too_deep = true;
        return true;
    }
    decision.key = key_of(search, &decision, at);
    if (is_dominated(search, &decision))
        return true;
    const struct packing_decision *made = arena_copy(search->packer->arena, &decision, 1, sizeof decision);
    return made && ARENA_PUSH(search->packer->arena, search->next.items, search->next.count, search->next.capacity, made);
}

/* With what is open counted as if it were computed now. */
static int64_t expected_cost(struct packer *packer, const struct packing_decision *state)
{
    if (!state->open)
        return state->cost;
    int64_t inputs = state->base->parts, outputs = state->packing->parts;
    return state->cost + packing_offsets_cost(packer, state->open, inputs, outputs, inputs * outputs);
}

struct ranked {
    const struct packing_decision *state;
    int64_t cost;
    size_t order;
};

static int compare_ranked(const void *first, const void *second)
{
    const struct ranked *a = first, *b = second;
    if (a->cost != b->cost)
        return a->cost < b->cost ? -1 : 1;
    if (a->state->deepest != b->state->deepest)
        return a->state->deepest < b->state->deepest ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static bool prune(struct search *search)
{
    struct states *next = &search->next;
    struct ranked *ranked = ARENA_ARRAY(search->packer->arena, next->count + 1, struct ranked);
    size_t of_depth[SLOT_LEVELS_LIMIT + 2] = {0};
    if (!ranked)
        return false;
    for (size_t k = 0; k < next->count; k++)
        ranked[k] = (struct ranked){next->items[k], expected_cost(search->packer, next->items[k]), k};
    sort_items(ranked, next->count, sizeof *ranked, compare_ranked);
    search->states.count = 0;
    for (size_t k = 0; k < next->count; k++) {
        const struct packing_decision *state = ranked[k].state;
        if (search->states.count >= BEAM && of_depth[state->deepest] >= BEAM_OF_A_DEPTH)
            continue;
        of_depth[state->deepest]++;
        if (!ARENA_PUSH(search->packer->arena, search->states.items, search->states.count, search->states.capacity, state))
            return false;
    }
    next->count = 0;
    return true;
}

/* ---- linear maps ---- */

static bool take_stage(struct search *search, uint32_t at, const struct packing_decision *state, const struct packing_stage *stage)
{
    struct packer *packer = search->packer;
    const struct packing_decision *operand = find(state, search->graph->nodes[at].operands[0].node);
    const struct packing *after = stage->way.after;
    struct packing_decision decision = {.packing = after,
                                        .stage = stage,
                                        .merged = operand->open != NULL,
                                        .base = operand->open ? operand->base : stage->way.in,
                                        .depth = operand->depth};
    const struct packing_offsets *offsets = stage->offsets;
    if (operand->open) {
        if (operand->open->count * offsets->count > (size_t)1 << 22)
            return true;
        offsets = packing_offset_sums(packer, operand->open, offsets);
    }
    if (!offsets)
        return false;
    if (search->only_user[at] != UINT32_MAX && stage->way.n_folds == 0 && offsets->count <= MOST_OPEN) {
        struct packing_decision open = decision;
        open.open = offsets;
        if (!add_state(search, at, state, open))
            return false;
    }
    int64_t inputs = decision.base->parts, outputs = after->parts;
    decision.cost = decision.merged ? packing_offsets_cost(packer, offsets, inputs, outputs, inputs * outputs) +
                                          packing_cost(packer, stage->fold_rotations, 0, 0)
                                    : packing_stage_cost(packer, stage);
    decision.depth += decision.merged || !stage->is_plain;
    return add_state(search, at, state, decision);
}

static bool step_linear(struct search *search, uint32_t at, const struct packing_decision *state)
{
    const struct packing_node *node = &search->graph->nodes[at];
    const struct packing_node *from = &search->graph->nodes[node->operands[0].node];
    const struct packing_decision *operand = find(state, node->operands[0].node);
    const struct packing_stages *stages = packing_linear_stages(search->packer, node, operand->packing, from->n_dims, from->dims);
    for (size_t k = 0; stages && k < stages->count; k++) {
        const struct packing_decision *with = state;
        if (!operand->packing)
            with = extend(search, state, (struct packing_decision){.node = operand->node, .packing = stages->items[k].way.in});
        if (!with || !take_stage(search, at, with, &stages->items[k]))
            return false;
    }
    return stages != NULL;
}

/* ---- values of several operands ---- */

/* Brings operand `o` to where `to` wants it, choosing its packing if it is free. NULL: it cannot be, or no memory. */
static const struct packing_decision *bring(struct search *search, uint32_t at, uint32_t o, const struct packing *to,
                                            const struct packing_decision *state, struct packing_decision *decision)
{
    struct packer *packer = search->packer;
    uint32_t number = search->graph->nodes[at].operands[o].node;
    const struct packing_node *node = &search->graph->nodes[number];
    const struct packing_decision *operand = find(state, number);
    if (!operand->packing) {
        const struct packing *chosen = packing_settle(packer, to, PACKING_ZERO, node->elements);
        if (!chosen || !packing_layout(packer, chosen, node->n_dims, node->dims))
            chosen = packing_written(packer, node->elements, node->n_dims, node->dims, PACKING_ZERO);
        state = chosen ? extend(search, state, (struct packing_decision){.node = number, .packing = chosen}) : NULL;
        operand = state ? find(state, number) : NULL;
    }
    if (!operand)
        return NULL;
    const struct packing_move *move = packing_move(packer, operand->packing, to, node->elements, 1);
    if (!move)
        return NULL;
    decision->moves[o] = move;
    decision->cost += move->cost;
    uint32_t depth = operand->depth + move->depth;
    decision->depth = depth > decision->depth ? depth : decision->depth;
    return state;
}

static uint32_t tree_depth(uint32_t n)
{
    uint32_t depth = 0;
    while ((1U << depth) < n)
        depth++;
    return depth;
}

/* All operands where `packing` says, and the result too. */
static bool take_alike(struct search *search, uint32_t at, const struct packing_decision *state, const struct packing *packing)
{
    const struct packing_node *node = &search->graph->nodes[at];
    struct packing_decision decision = {.packing = packing};
    bool alike = true;
    for (uint32_t o = 0; o < node->n_operands && state; o++) {
        state = bring(search, at, o, packing, state, &decision);
        alike = alike && state && find(state, node->operands[o].node)->packing == packing;
    }
    if (node->kind == PACKING_PRODUCT) {
        decision.depth += tree_depth(node->n_operands);
        decision.cost += packing_cost(search->packer, 0, 0, packing->parts * (node->n_operands - 1));
    } else if (!alike && state) /* zeros of one are anything in another */
        decision.packing = packing_settle(search->packer, packing, PACKING_GARBAGE, node->elements);
    if (!state || !decision.packing)
        return !arena_failed(search->packer->arena);
    return add_state(search, at, state, decision);
}

static bool step_alike(struct search *search, uint32_t at, const struct packing_decision *state)
{
    const struct packing_node *node = &search->graph->nodes[at];
    bool any = false;
    for (uint32_t o = 0; o < node->n_operands; o++) {
        const struct packing_decision *operand = find(state, node->operands[o].node);
        if (!operand->packing)
            continue;
        any = true;
        if (!take_alike(search, at, state, operand->packing))
            return false;
    }
    const struct packing *plain = any ? NULL : row_major(search->packer, node->elements, PACKING_ZERO);
    return any || (plain && take_alike(search, at, state, plain));
}

/* Where the operand lies; positions without an element hold the polynomial's value at something. */
static bool step_function(struct search *search, uint32_t at, const struct packing_decision *state)
{
    struct packer *packer = search->packer;
    const struct packing_node *node = &search->graph->nodes[at], *from = &search->graph->nodes[node->operands[0].node];
    uint32_t number = node->operands[0].node;
    if (!find(state, number)->packing) {
        const struct packing *written = packing_written(packer, from->elements, from->n_dims, from->dims, PACKING_ZERO);
        if (!written)
            return !arena_failed(packer->arena);
        state = extend(search, state, (struct packing_decision){.node = number, .packing = written});
    }
    const struct packing_decision *x = state ? find(state, number) : NULL;
    const struct packing *settled = x ? packing_settle(packer, x->packing, PACKING_GARBAGE, node->elements) : NULL;
    if (!settled)
        return false;
    uint32_t map = node->scale != 1 || packing_has_garbage(packer, x->packing);
    return add_state(search, at, state,
                     (struct packing_decision){.packing = settled, .depth = x->depth + map + node->series_depth});
}

static bool take_joint(struct search *search, uint32_t at, const struct packing_decision *state, const struct packing_joint *joint)
{
    const struct packing_node *node = &search->graph->nodes[at];
    struct packing_decision decision = {.joint = joint, .cost = joint->cost};
    for (uint32_t o = 0; o < node->n_operands && state; o++)
        state = bring(search, at, o, joint->operands[o], state, &decision);
    decision.packing = packing_settle(search->packer, joint->way.after, PACKING_GARBAGE, node->elements);
    decision.depth += tree_depth(node->n_operands) + (joint->factor != NULL);
    if (!state || !decision.packing)
        return !arena_failed(search->packer->arena);
    return add_state(search, at, state, decision);
}

static bool step_product(struct search *search, uint32_t at, const struct packing_decision *state)
{
    const struct packing_node *node = &search->graph->nodes[at];
    int64_t elements[PACKING_OPERANDS];
    bool given = false;
    for (uint32_t o = 0; o < node->n_operands; o++) {
        elements[o] = node->operands[o].elements;
        given = given || find(state, node->operands[o].node)->packing;
    }
    if (packing_is_elementwise(node) && !step_alike(search, at, state))
        return false;
    struct packing_joints **known = &search->packer->joints[2 * at + given];
    if (!*known)
        *known = (struct packing_joints *)packing_product_joints(search->packer, node, elements, given);
    for (size_t k = 0; *known && k < (*known)->count; k++)
        if (!take_joint(search, at, state, &(*known)->items[k]))
            return false;
    return *known != NULL;
}

/* ---- the walk ---- */

static bool step(struct search *search, uint32_t at, const struct packing_decision *state)
{
    const struct packing_node *node = &search->graph->nodes[at];
    switch (node->kind) {
    case PACKING_INPUT: {
        bool fixed = is_row_major(search->packer, node->name);
        struct packing_decision decision = {.packing = fixed ? row_major(search->packer, node->elements, PACKING_ZERO) : NULL};
        return (!fixed || decision.packing) && add_state(search, at, state, decision);
    }
    case PACKING_LINEAR:
        return step_linear(search, at, state);
    case PACKING_PRODUCT:
        return step_product(search, at, state);
    case PACKING_SUM:
        return step_alike(search, at, state);
    case PACKING_FUNCTION:
        return step_function(search, at, state);
    }
    return false;
}

static bool find_uses(struct search *search)
{
    const struct packing_graph *graph = search->graph;
    search->last_use = ARENA_ARRAY(search->packer->arena, graph->n_nodes + 1, uint32_t);
    search->only_user = ARENA_ARRAY(search->packer->arena, graph->n_nodes + 1, uint32_t);
    search->packer->joints = ARENA_ARRAY(search->packer->arena, 2 * graph->n_nodes + 1, struct packing_joints *);
    if (!search->last_use || !search->only_user || !search->packer->joints)
        return false;
    for (uint32_t k = 0; k < graph->n_nodes; k++)
        search->only_user[k] = UINT32_MAX;
    for (uint32_t k = 0; k < graph->n_nodes; k++)
        for (uint32_t o = 0; o < graph->nodes[k].n_operands; o++) {
            uint32_t operand = graph->nodes[k].operands[o].node;
            search->last_use[operand] = k;
            if (graph->nodes[k].kind == PACKING_LINEAR && graph->nodes[operand].n_uses == 1)
                search->only_user[operand] = k;
        }
    for (uint32_t k = 0; k < search->kernel->n_outputs; k++)
        search->last_use[graph->outputs[k].node] = (uint32_t)graph->n_nodes;
    return true;
}

/* ---- the end: outputs, and the list ---- */

static bool finish_state(struct search *search, const struct packing_decision *state, struct packing_plan *plan)
{
    struct packer *packer = search->packer;
    uint32_t n = search->kernel->n_outputs;
    *plan = (struct packing_plan){.outputs = ARENA_ARRAY(packer->arena, n + 1, const struct packing_move *),
                                  .lies = ARENA_ARRAY(packer->arena, n + 1, const struct packing *)};
    if (!plan->outputs || !plan->lies)
        return false;
    int64_t cost = 0;
    uint32_t deepest = state->deepest;
    for (uint32_t k = 0; k < n && state; k++) {
        uint32_t number = search->graph->outputs[k].node;
        const struct packing_node *node = &search->graph->nodes[number];
        const struct packing_shape *shape = &search->graph->output_shapes[k];
        if (!find(state, number)->packing)
            state = extend(
                search, state,
                (struct packing_decision){
                    .node = number, .packing = packing_written(packer, node->elements, node->n_dims, node->dims, PACKING_ZERO)});
        const struct packing_decision *value = state ? find(state, number) : NULL;
        if (!value || !value->packing)
            return false;
        plan->lies[k] = value->packing;
        if (!is_row_major(packer, search->kernel->outputs[k].name) &&
            packing_layout(packer, value->packing, shape->n_dims, shape->dims))
            continue;
        const struct packing *rows = packing_written(packer, node->elements, shape->n_dims, shape->dims, PACKING_GARBAGE);
        plan->lies[k] = rows;
        plan->outputs[k] = rows ? packing_move(packer, value->packing, rows, node->elements, 1) : NULL;
        if (!plan->outputs[k])
            return false;
        cost += plan->outputs[k]->cost;
        uint32_t depth = value->depth + plan->outputs[k]->depth;
        deepest = depth > deepest ? depth : deepest;
    }
    plan->last = state;
    plan->cost = state->cost + cost;
    plan->depth = deepest;
    int64_t levels = packer->options->levels;
    search->too_deep |= deepest > levels;
    return deepest <= levels;
}

/* Or as good. */
static bool is_better(const struct packer *packer, const struct packing_plan *a, const struct packing_plan *b)
{
    if (a->depth == b->depth)
        return a->cost <= b->cost;
    return a->depth < b->depth && packing_gain(packer, a->cost) <= packing_gain(packer, b->cost);
}

static bool add_plan(struct search *search, struct packing_plans *plans, struct packing_plan plan)
{
    for (size_t k = 0; k < plans->count; k++)
        if (is_better(search->packer, &plans->items[k], &plan))
            return true;
    size_t kept = 0;
    for (size_t k = 0; k < plans->count; k++)
        if (!is_better(search->packer, &plan, &plans->items[k]))
            plans->items[kept++] = plans->items[k];
    plans->count = kept;
    return ARENA_PUSH(search->packer->arena, plans->items, plans->count, plans->capacity, plan);
}

static int compare_plans(const void *first, const void *second)
{
    const struct packing_plan *a = first, *b = second;
    return (a->depth > b->depth) - (a->depth < b->depth);
}

static bool name_decisions(struct search *search, struct packing_plan *plan)
{
    plan->of = ARENA_ARRAY(search->packer->arena, search->graph->n_nodes + 1, const struct packing_decision *);
    for (uint32_t k = 0; k < search->graph->n_nodes && plan->of; k++)
        plan->of[k] = find(plan->last, k);
    return plan->of != NULL;
}

/* How many levels it takes at least; 0: not known. */
static uint32_t levels_needed(struct search *search)
{
    struct packing_options free_options = *search->packer->options;
    const struct packing_options *given = search->packer->options;
    if (given->levels == PACKING_ANY)
        return 0;
    free_options.levels = PACKING_ANY;
    search->packer->options = &free_options;
    const struct packing_plans *plans = packing_search(search->packer, search->graph, search->kernel);
    search->packer->options = given;
    return plans ? plans->items[0].depth : 0;
}

static const struct packing_plans *refuse(struct search *search)
{
    struct diagnostics *diagnostics = ir_diagnostics(search->packer->context);
    uint32_t needed = search->too_deep ? levels_needed(search) : 0;
    if (arena_failed(search->packer->arena))
        return NULL;
    const char *what = "no packing was found for so many slots";
    const char *help = "a larger number of slots, --slots, leaves room for copies";
    if (search->too_deep) {
        what = "the levels do not suffice";
        help = "each product on the longest way from an input to an output takes a level; ask for more with --levels";
    }
    struct diag *diag = diag_error(diagnostics, DIAG_E0932, search->kernel->span, "%s", what);
    if (needed)
        diag_label(diagnostics, diag, "%u are needed", needed);
    diag_help(diagnostics, diag, "%s", help);
    return NULL;
}

static bool refuse_row_major(struct search *search, const char *name, struct span span)
{
    struct packer *packer = search->packer;
    if (arena_failed(packer->arena))
        return false;
    struct diag *diag =
        diag_error(ir_diagnostics(packer->context), DIAG_E0932, span,
                   "`%s` does not lie in C order: no layout says where its rows go on in the next ciphertext", name);
    diag_help(ir_diagnostics(packer->context), diag, "ask for more slots with --slots, or leave the layout of `%s` free", name);
    return false;
}

/* Can what is asked to lie in C order be written so? */
static bool check_row_major(struct search *search)
{
    struct packer *packer = search->packer;
    const struct packing_graph *graph = search->graph;
    const struct ir_kernel *kernel = search->kernel;
    for (size_t k = 0; k < graph->n_nodes; k++) {
        const struct packing_node *node = &graph->nodes[k];
        if (node->kind == PACKING_INPUT && is_row_major(packer, node->name) &&
            !packing_row_major(packer, node->elements, node->n_dims, node->dims, PACKING_ZERO))
            return refuse_row_major(search, node->name, kernel->inputs[node->input].span);
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        const struct packing_shape *shape = &graph->output_shapes[k];
        int64_t elements = graph->nodes[graph->outputs[k].node].elements;
        if (is_row_major(packer, kernel->outputs[k].name) &&
            !packing_row_major(packer, elements, shape->n_dims, shape->dims, PACKING_GARBAGE))
            return refuse_row_major(search, kernel->outputs[k].name, kernel->outputs[k].span);
    }
    return true;
}

const struct packing_plans *packing_search(struct packer *packer, const struct packing_graph *graph, const struct ir_kernel *kernel)
{
    struct search search = {.packer = packer, .graph = graph, .kernel = kernel};
    struct packing_plans *plans = ARENA_NEW(packer->arena, struct packing_plans);
    if (!plans || !find_uses(&search) || !check_row_major(&search))
        return NULL;
    for (uint32_t at = 0; at < graph->n_nodes; at++) {
        size_t count = at ? search.states.count : 1;
        for (size_t k = 0; k < count; k++)
            if (!step(&search, at, at ? search.states.items[k] : NULL))
                return refuse(&search);
        if (!prune(&search))
            return NULL;
        if (search.states.count == 0)
            return refuse(&search);
    }
    for (size_t k = 0; k < search.states.count; k++) {
        struct packing_plan plan;
        if (finish_state(&search, search.states.items[k], &plan) && !add_plan(&search, plans, plan))
            return NULL;
    }
    if (plans->count == 0)
        return refuse(&search);
    sort_items(plans->items, plans->count, sizeof *plans->items, compare_plans);
    for (size_t k = 0; k < plans->count; k++)
        if (!name_decisions(&search, &plans->items[k]))
            return NULL;
    return plans;
}
