/* Nodes for a tree of pairwise steps.
 *
 * Every tensor of the tree is a product of accesses over the root's indices. A product that sums nothing is not stored when the
 * step that reads it runs over the same indices: its factors join that step, for the same flops and no memory. All other tensors
 * become `contract` nodes, in canonical form (contraction.c), so equal steps of several trees are the same node. Their axes:
 * order_axes.c. */
#include "contraction.h"
#include "ir/codelet.h"
#include "order.h"
#include "order_axes.h"

struct building {
    struct pass_kernel *pass;
    struct ir_context *context;
    const struct order_problem *problem;
    const struct ir_node *root;
    const struct ir_name *name; /* of the root; NULL: none */
    const char **names;         /* of the root's indices */
    struct order_set sliced;
    struct pass_order *order;
    size_t steps_capacity;
    struct span span;
};

/* ---- text for explain ---- */

static void put_labels(const struct building *building, struct text *text, const struct ir_access *access)
{
    bool wide = false;
    for (uint32_t label = 0; label < building->root->n_indices; label++)
        wide = wide || building->names[label][1];
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *subscript = access->subscripts[axis];
        bool plain = poly_is_index(subscript, NULL), first = true;
        text_put(text, wide && axis ? "," : "");
        text_put(text, plain ? "" : "(");
        for (uint32_t label = 0; label < poly_index_limit(subscript); label++)
            if (poly_uses_index(subscript, label)) {
                text_put(text, first || !wide ? "" : " ");
                text_put(text, building->names[label]);
                first = false;
            }
        text_put(text, plain ? "" : ")");
    }
}

static const char *labels_text(const struct building *building, const struct ir_access *accesses, size_t n)
{
    struct text text = text_create(ir_arena(building->context));
    for (size_t k = 0; k < n; k++) {
        text_put(&text, k ? "," : "");
        put_labels(building, &text, &accesses[k]);
    }
    return text_finish(&text);
}

/* Records the step that computes `node`, its factors as accesses over the root's indices. */
static void record_step(struct building *building, const struct ir_node *node, const struct ir_access *factors, size_t n,
                        const struct ir_access *result)
{
    struct pass_step step = {.left = labels_text(building, factors, 1),
                             .right = n > 1 ? labels_text(building, factors + 1, n - 1) : NULL,
                             .result = labels_text(building, result, 1),
                             .work = ir_node_work(building->context, node)};
    struct order_set all = {{0}};
    for (size_t k = 0; k < n; k++)
        all = order_union(all, order_access_labels(&factors[k]));
    bool repeats = !order_empty(order_intersection(all, building->problem->network.sliced));
    for (uint32_t k = 0; k < building->problem->n_sliced; k++)
        if (repeats && !order_has(&all, building->problem->sliced[k]))
            step.work.flops =
                poly_multiply(building->context, step.work.flops, building->root->extents[building->problem->sliced[k]]);
    struct pass_kernel *pass = building->pass;
    for (size_t k = 0; k < pass->n_orders; k++)
        for (size_t j = 0; j < pass->orders[k].n_steps; j++)
            step.shared = step.shared || pass->orders[k].steps[j].node == node;
    step.node = node;
    (void)ARENA_PUSH(ir_arena(building->context), building->order->steps, building->order->n_steps, building->steps_capacity, step);
    if (step.shared)
        return;
    struct pass_order *order = building->order;
    order->flops = poly_add(building->context, order->flops, step.work.flops);
    order->repeated = poly_add(building->context, order->repeated,
                               poly_subtract(building->context, step.work.flops, ir_node_work(building->context, node).flops));
}

/* Names of the root's indices: those of the source, letters not used yet for the others. */
static bool name_labels(struct building *building, const struct contraction *root)
{
    building->names = arena_copy(ir_arena(building->context), root->names, root->n_names, sizeof *root->names);
    if (!building->names)
        return false;
    bool taken[26] = {false};
    for (size_t k = 0; k < root->n_names; k++)
        if (building->names[k] && building->names[k][0] >= 'a' && building->names[k][0] <= 'z' && !building->names[k][1])
            taken[building->names[k][0] - 'a'] = true;
    int letter = 0, number = 0;
    for (size_t k = 0; k < root->n_names; k++) {
        if (building->names[k])
            continue;
        while (letter < 26 && taken[letter])
            letter++;
        building->names[k] = letter < 26 ? arena_printf(ir_arena(building->context), "%c", 'a' + letter++)
                                         : arena_printf(ir_arena(building->context), "x%d", number++);
    }
    return !arena_failed(ir_arena(building->context));
}

/* Done by its codelet where that pays. */
static const struct ir_node *with_codelet(const struct building *building, const struct ir_node *node)
{
    const struct ir_codelet *codelet =
        node && node->op == IR_contract_node && !building->problem->network.is_small ? ir_codelet(building->context, node) : NULL;
    return codelet && codelet->pays ? ir_with_codelet(building->context, node) : node;
}

/* ---- steps ---- */

/* Canonical sequence of factors: by node, so that axes do not depend on which tree came first. */
static void sort_factors(struct order_term *product)
{
    for (size_t k = 1; k < product->n_factors; k++)
        for (size_t at = k; at > 0 && product->factors[at].node->id < product->factors[at - 1].node->id; at--) {
            struct ir_access kept = product->factors[at];
            product->factors[at] = product->factors[at - 1];
            product->factors[at - 1] = kept;
        }
}

/* A contraction over `labels`, of which the first `rank` of the sequence are axes, with the product's factors. What a later step
 * reads is stored in the accumulator's type: rounded once, at the end. */
static struct contraction open_step(const struct building *building, const struct order_term *product, enum ir_elem elem,
                                    const struct order_sequence *labels, uint32_t rank, const struct poly **replacements)
{
    const struct ir_node *root = building->root;
    struct contraction step = {.context = building->context,
                               .ring = root->contract.ring,
                               .elem = elem,
                               .accumulator = root->contract.accumulator,
                               .rank = rank};
    for (uint32_t k = 0; k < labels->count; k++) {
        uint32_t label = labels->labels[k];
        contraction_add_index(&step, root->extents[label], building->names[label]);
        replacements[label] = poly_index(building->context, k);
    }
    struct poly_ranges ranges = {labels->count, step.extents};
    for (size_t k = 0; k < product->n_factors; k++)
        contraction_add_operand(
            &step, ir_access_substitute(building->context, product->factors[k], root->n_indices, replacements, &ranges));
    return step;
}

/* A condition of the root on axes that a summing step has: elements outside it are asked for by nobody, so their sums are left out.
 */
static void add_early_conditions(const struct building *building, struct contraction *step, struct order_set axes,
                                 const struct poly *const *replacements)
{
    const struct ir_node *root = building->root;
    struct poly_ranges ranges = {(uint32_t)step->n_indices, step->extents};
    for (uint32_t k = 0; k < root->contract.n_domain && step->n_indices > step->rank; k++) {
        const struct poly *condition = root->contract.domain[k];
        bool has_all = true;
        for (uint32_t index = 0; index < poly_index_limit(condition); index++)
            has_all = has_all && (!poly_uses_index(condition, index) || order_has(&axes, index));
        if (has_all)
            contraction_add_condition(step, poly_substitute(building->context, condition, root->n_indices, replacements, &ranges));
    }
}

static bool add_plain_access(struct building *building, const struct ir_node *node, const uint32_t *labels,
                             struct ir_access *access)
{
    const struct poly **subscripts = ARENA_ARRAY(ir_arena(building->context), node->rank, const struct poly *);
    for (uint32_t axis = 0; subscripts && axis < node->rank; axis++)
        subscripts[axis] = poly_index(building->context, labels[axis]);
    *access = (struct ir_access){.node = node, .subscripts = subscripts};
    return subscripts != NULL;
}

/* Keeps the size of the largest stored tensor: one slice of it. */
static void note_stored(struct building *building, const struct ir_node *node, const uint32_t *labels)
{
    const double *typical = ir_typical_sizes(building->context);
    const struct poly *count = poly_constant(building->context, 1);
    for (uint32_t axis = 0; axis < node->rank; axis++)
        if (!order_has(&building->problem->network.sliced, labels[axis]))
            count = poly_multiply(building->context, count, node->shape[axis]);
    if (count && typical && poly_estimate(count, typical, NULL) > poly_estimate(building->order->largest, typical, NULL))
        building->order->largest = count;
}

/* Makes the stored product the literals' place; `called` NULL: named after what it was. */
static bool scale_product(struct building *building, struct order_term *product, enum ir_elem elem, const char *called)
{
    struct pass_kernel *pass = building->pass;
    const struct ir_node *plain = product->factors[0].node;
    const struct ir_node *scaled = order_scale(building->context, building->problem, plain, elem);
    const struct ir_name *name = ir_find_name(pass->kernel, plain);
    if (!scaled)
        return false;
    product->factors[0].node = scaled;
    if (!ir_find_name(pass->kernel, scaled))
        ir_set_name(building->context, pass->kernel, scaled, called ? called : order_scaled_name(pass, plain),
                    name ? name->index_names : NULL, building->span);
    record_step(building, scaled, product->factors, 1, &product->factors[0]);
    return true;
}

/* What the step's tensor is called: as in the source where `subset` of the operands is a let there, else after its factors. */
static const char *name_step(struct building *building, const struct order_term *product, uint32_t subset, struct order_set result,
                             struct contraction *step, const struct order_sequence *labels)
{
    const char **names = ARENA_ARRAY(ir_arena(building->context), building->root->n_indices, const char *);
    const char *name = names && subset ? order_recall_name(building->problem->recall, building->context, building->problem->node,
                                                           subset, result, names)
                                       : NULL;
    for (uint32_t k = 0; name && k < labels->count; k++)
        step->names[k] = names[labels->labels[k]];
    return name ? name : order_product_name(building->pass, product->n_factors, product->factors);
}

/* Makes the product a stored tensor over `result`. `subset`: of the operands, as bits; 0 where these are not known. `reader` as for
 * order_axes. */
static bool store_product(struct building *building, struct order_term *product, uint32_t subset, struct order_set result,
                          const struct order_reader *reader)
{
    const struct poly **replacements = ARENA_ARRAY(ir_arena(building->context), building->root->n_indices, const struct poly *);
    sort_factors(product);
    struct order_sequence labels = order_axes(building->problem, building->root, product, result, reader);
    uint32_t rank = labels.count;
    for (uint32_t label = 0; label < building->root->n_indices; label++)
        order_sequence_add(&labels, label, &product->labels);
    if (!replacements)
        return false;
    struct contraction step = open_step(building, product, building->root->contract.accumulator, &labels, rank, replacements);
    add_early_conditions(building, &step, result, replacements);
    const char *called = name_step(building, product, subset, result, &step, &labels);
    const struct ir_node *closed = with_codelet(building, contraction_close(&step));
    const struct ir_node *node = order_fold(building->context, closed, building->problem->network.constant_limit);
    struct ir_access access;
    if (!node || !add_plain_access(building, node, labels.labels, &access))
        return false;
    if (!ir_find_name(building->pass->kernel, node))
        ir_set_name(building->context, building->pass->kernel, node, called, step.names, building->span);
    if (node == closed) {
        record_step(building, node, product->factors, product->n_factors, &access);
        note_stored(building, node, labels.labels);
    }
    product->factors[0] = access;
    product->n_factors = 1;
    product->labels = result;
    return true;
}

static bool join_products(const struct building *building, const struct order_term *left, const struct order_term *right,
                          struct order_term *joined)
{
    joined->n_factors = left->n_factors + right->n_factors;
    joined->labels = order_union(left->labels, right->labels);
    joined->factors = ARENA_ARRAY(ir_arena(building->context), joined->n_factors, struct ir_access);
    for (size_t k = 0; joined->factors && k < joined->n_factors; k++)
        joined->factors[k] = k < left->n_factors ? left->factors[k] : right->factors[k - left->n_factors];
    return joined->factors != NULL;
}

/* Is the step that makes `result` of the product and a constant a codelet of that constant? Then the product's factors join the
 * step, too: what a codelet multiplies it multiplies once. */
static bool joins_codelet(const struct building *building, const struct order_term *product, const struct order_term *other,
                          struct order_set result)
{
    struct ir_context *context = building->context;
    bool of_integers = ir_elem_is_integer(building->root->contract.accumulator); /* their other constants may be in it, too */
    struct order_term both;
    if (other->n_factors != 1 || !ir_codelet_constant(&other->factors[0]) || !join_products(building, product, other, &both))
        return false;
    const struct poly **replacements = ARENA_ARRAY(ir_arena(context), building->root->n_indices, const struct poly *);
    struct order_sequence labels = {.count = 0};
    for (uint32_t label = 0; label < building->root->n_indices; label++)
        order_sequence_add(&labels, label, &result);
    uint32_t rank = labels.count;
    for (uint32_t label = 0; label < building->root->n_indices; label++)
        order_sequence_add(&labels, label, &both.labels);
    if (!replacements || rank == labels.count)
        return false;
    sort_factors(&both);
    struct contraction step = open_step(building, &both, building->root->contract.accumulator, &labels, rank, replacements);
    const struct ir_node *node = contraction_close(&step);
    const struct ir_codelet *codelet = node ? ir_codelet(context, node) : NULL;
    for (uint32_t k = 0; codelet && codelet->pays && k < node->n_operands; k++)
        if (node->operands[k].node == other->factors[0].node ? !codelet->factors[k] : codelet->factors[k] && !of_integers)
            return false;
    return codelet && codelet->pays;
}

/* ---- the root ---- */

/* Axes no operand has are added by a view, so that no step repeats its work along them; not those a condition speaks of. */
static struct order_set broadcast_axes(const struct building *building)
{
    const struct ir_node *root = building->root;
    struct order_set missing = {{0}}, held = {{0}};
    for (uint32_t k = 0; k < building->problem->network.n_operands; k++)
        held = order_union(held, building->problem->network.operands[k]);
    for (uint32_t axis = 0; axis < root->rank; axis++) {
        bool wanted = order_has(&held, axis);
        for (uint32_t k = 0; k < root->contract.n_domain; k++)
            wanted = wanted || poly_uses_index(root->contract.domain[k], axis);
        if (!wanted)
            order_add(&missing, axis);
    }
    return missing;
}

/* A sliced root runs many times over what it writes: there the literals are factors of it. */
static bool add_literals(struct building *building, struct contraction *step)
{
    for (uint32_t k = 0; k < building->problem->n_literals; k++) {
        const struct ir_expr *literal = building->problem->literals[k];
        const struct ir_node *scalar = literal->op == IR_EXPR_literal ? ir_scalar(building->context, literal->literal)
                                                                      : ir_map(building->context, 0, NULL, 0, NULL, literal);
        if (!scalar || !contraction_add_operand(step, ir_access_whole(building->context, scalar)))
            return false;
    }
    return true;
}

static const struct ir_node *build_core(struct building *building, struct order_term *product, struct order_set axes, bool scaled)
{
    const struct ir_node *root = building->root;
    struct order_set held = {{0}}, summed = product->labels;
    for (uint32_t k = 0; k < building->problem->network.n_operands; k++)
        held = order_union(held, building->problem->network.operands[k]);
    for (uint32_t index = root->rank; index < root->n_indices; index++)
        if (!order_has(&held, index)) /* summed, but in no operand: a factor of its extent, taken here */
            order_add(&summed, index);
    for (uint32_t k = 0; k < root->contract.n_domain; k++)
        for (uint32_t index = root->rank; index < poly_index_limit(root->contract.domain[k]); index++)
            if (poly_uses_index(root->contract.domain[k], index))
                order_add(&summed, index);
    struct order_sequence labels = {.count = 0};
    for (uint32_t axis = 0; axis < root->rank; axis++)
        order_sequence_add(&labels, axis, &axes);
    uint32_t rank = labels.count;
    for (uint32_t index = root->rank; index < root->n_indices; index++)
        order_sequence_add(&labels, index, &summed);
    const struct poly **replacements = ARENA_ARRAY(ir_arena(building->context), root->n_indices, const struct poly *);
    uint32_t *sliced = ARENA_ARRAY(ir_arena(building->context), building->problem->n_sliced, uint32_t);
    if (!replacements || !sliced)
        return NULL;
    bool sliced_root = building->problem->n_sliced > 0, later = scaled && !sliced_root;
    struct contraction step =
        open_step(building, product, later ? root->contract.accumulator : root->elem, &labels, rank, replacements);
    struct poly_ranges ranges = {labels.count, step.extents};
    if (scaled && sliced_root && !add_literals(building, &step))
        return NULL;
    for (uint32_t k = 0; k < root->contract.n_domain; k++)
        contraction_add_condition(
            &step, poly_substitute(building->context, root->contract.domain[k], root->n_indices, replacements, &ranges));
    for (uint32_t k = 0; k < building->problem->n_sliced; k++)
        poly_is_index(replacements[building->problem->sliced[k]], &sliced[k]);
    const struct ir_node *core = with_codelet(building, contraction_close_sliced(&step, building->problem->n_sliced, sliced));
    const char *name = building->name && rank == root->rank ? building->name->name : NULL;
    struct order_term result = {ARENA_ARRAY(ir_arena(building->context), 1, struct ir_access), 1, axes};
    if (!core || !result.factors || !add_plain_access(building, core, labels.labels, result.factors))
        return NULL;
    ir_set_name(building->context, building->pass->kernel, core,
                later ? order_product_name(building->pass, product->n_factors, product->factors) : name, step.names,
                building->span);
    record_step(building, core, product->factors, product->n_factors, result.factors);
    if (later && !scale_product(building, &result, root->elem, name))
        return NULL;
    return result.factors[0].node;
}

static const struct ir_node *build_root(struct building *building, struct order_term *product, bool scaled)
{
    const struct ir_node *root = building->root;
    struct order_set missing = broadcast_axes(building), axes = {{0}};
    uint32_t labels[ORDER_LABELS], rank = 0;
    for (uint32_t axis = 0; axis < root->rank; axis++) {
        if (order_has(&missing, axis))
            continue;
        order_add(&axes, axis);
        labels[rank++] = axis;
    }
    const struct ir_node *core = build_core(building, product, axes, scaled);
    struct ir_access access;
    if (!core || rank == root->rank)
        return core;
    if (!add_plain_access(building, core, labels, &access))
        return NULL;
    const struct ir_node *view = ir_view(building->context, root->rank, root->shape, access);
    const struct ir_name *name = building->name;
    if (view && name)
        ir_set_name(building->context, building->pass->kernel, view, name->name, name->index_names, name->span);
    return view;
}

/* ---- the tree ---- */

static struct order_set root_axes(const struct building *building)
{
    struct order_set axes = {{0}};
    for (uint32_t axis = 0; axis < building->root->rank; axis++)
        order_add(&axes, axis);
    return axes;
}

/* Is the sum that this step makes one that a codelet of the next step sums as it reads (ir/codelet.h)? */
static bool is_summed_in_codelet(const struct building *building, const struct order_term *joined, uint32_t step,
                                 const struct order_term *products, const struct order_set *sets)
{
    uint32_t n = building->problem->network.n_operands;
    if (!ir_elem_is_integer(building->root->contract.accumulator))
        return false;
    for (uint32_t later = step + 1; later + 1 < n; later++) {
        const struct order_step *pair = &building->problem->tree.steps[later];
        if (pair->left != n + step && pair->right != n + step)
            continue;
        uint32_t other = pair->left == n + step ? pair->right : pair->left;
        return other < n && joins_codelet(building, joined, &products[other], sets[n + later]);
    }
    return false;
}

static const struct ir_node *build_tree(struct building *building, const struct ir_access *operands)
{
    const struct order_network *network = &building->problem->network;
    struct arena *arena = ir_arena(building->context);
    uint32_t n = network->n_operands;
    struct order_term *products = ARENA_ARRAY(arena, 2 * (size_t)n, struct order_term);
    struct order_set *sets = ARENA_ARRAY(arena, 2 * (size_t)n, struct order_set);
    uint32_t *subsets = ARENA_ARRAY(arena, 2 * (size_t)n, uint32_t); /* of the operands, where 32 bits hold them; else 0 */
    bool *blocked = ARENA_ARRAY(arena, n, bool);
    if (arena_failed(arena))
        return NULL;
    order_tree_sets(network, &building->problem->tree, sets);
    bool scaled = building->problem->n_literals > 0, sliced = building->problem->n_sliced > 0;
    uint32_t scaled_step = scaled && n > 1 && !sliced ? order_scaled_step(building->problem, sets, blocked) : n - 2;
    for (uint32_t k = 0; k < n; k++) {
        products[k] = (struct order_term){ARENA_ARRAY(arena, 1, struct ir_access), 1, network->operands[k]};
        if (!products[k].factors)
            return NULL;
        products[k].factors[0] = operands[k];
        subsets[k] = n <= ORDER_EXACT && !sliced ? 1u << k : 0;
        if (n > 1 && order_volume(network, sets[k]) < order_volume(network, products[k].labels) &&
            !store_product(building, &products[k], 0, sets[k], NULL))
            return NULL;
    }
    for (uint32_t step = 0; step + 1 < n; step++) {
        const struct order_step *pair = &building->problem->tree.steps[step];
        struct order_term *sides[2] = {&products[pair->left], &products[pair->right]};
        const uint32_t both[2] = {subsets[pair->left], subsets[pair->right]};
        subsets[n + step] = both[0] | both[1];
        struct order_set all = order_union(sides[0]->labels, sides[1]->labels);
        struct order_set kept = step + 2 < n ? sets[n + step] : root_axes(building); /* conditions end at the root */
        for (int side = 0; side < 2; side++) {
            struct order_reader reader = {sides[1 - side], kept};
            if (sides[side]->n_factors > 1 && !order_equal(sides[side]->labels, all) &&
                !joins_codelet(building, sides[side], sides[1 - side], sets[n + step]) &&
                !store_product(building, sides[side], both[side], sides[side]->labels, &reader))
                return NULL;
        }
        struct order_term *joined = &products[n + step];
        if (!join_products(building, sides[0], sides[1], joined))
            return NULL;
        bool sums = order_volume(network, sets[n + step]) < order_volume(network, joined->labels);
        sums = sums && !is_summed_in_codelet(building, joined, step, products, sets);
        if (step + 2 < n && (sums || building->problem->stored[step]) &&
            !store_product(building, joined, subsets[n + step], sets[n + step], NULL))
            return NULL;
        if (step + 2 < n && scaled && step == scaled_step &&
            !scale_product(building, joined, building->root->contract.accumulator, NULL))
            return NULL;
    }
    return build_root(building, &products[2 * n - 2], scaled && scaled_step == n - 2);
}

static const char *sliced_names(const struct building *building)
{
    struct text text = text_create(ir_arena(building->context));
    for (uint32_t k = 0; k < building->problem->n_sliced; k++)
        text_printf(&text, "%s%s", k ? "," : "", building->names[building->problem->sliced[k]]);
    return building->problem->n_sliced ? text_finish(&text) : NULL;
}

const struct ir_node *order_build(struct pass_kernel *kernel, const struct order_problem *problem, const struct ir_access *operands)
{
    struct ir_context *context = kernel->context;
    struct contraction root = contraction_open(context, kernel->kernel, problem->whole);
    const struct ir_name *name = ir_find_name(kernel->kernel, problem->whole);
    struct pass_order order = {.method = problem->network.n_operands > 2 ? problem->tree.method : "as written"};
    struct building building = {.pass = kernel, .context = context, .problem = problem, .root = problem->node, .order = &order};
    building.span = name ? name->span : SPAN_NONE;
    building.name = name ? arena_copy(ir_arena(context), name, 1, sizeof *name) : NULL; /* the kernel's table grows */
    order.flops = order.repeated = order.largest = poly_constant(context, 0);
    order.flops_naive = contraction_flops_naive(context, problem->whole);
    if (!name_labels(&building, &root))
        return NULL;
    struct ir_access result = ir_access_whole(context, problem->whole);
    order.root = build_tree(&building, operands);
    if (!order.root || !result.subscripts)
        return NULL;
    order.expression =
        arena_printf(ir_arena(context), "%s->%s", labels_text(&building, problem->whole->operands, problem->whole->n_operands),
                     labels_text(&building, &result, 1));
    order.sliced = sliced_names(&building);
    return ARENA_PUSH(ir_arena(context), kernel->orders, kernel->n_orders, kernel->orders_capacity, order) ? order.root : NULL;
}
