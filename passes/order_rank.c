/* Orders of nearly the fewest flops, ranked by what the kernel is estimated to take with its stages fused.
 *
 * Each contraction in turn, the largest first, gets its other trees of at most MOST_FLOPS times the flops (order_several.c), those
 * of the other contractions following it where steps are shared (order_joint.c). Every kernel that comes of it goes through the
 * passes up to where products are packed, and is estimated there (estimate.c): what fuses better, and what needs no panels, shows.
 * A tree is taken where the estimate is clearly less than that of the trees so far: a descent, as `choose`, and as deterministic.
 * An estimate costs a good part of a compilation: small kernels are not worth one, nor is the order of fewest flops as long as
 * there is no other, and how many there are is bounded by the stages that each would lower. */
#include "estimate.h"
#include "order.h"

#define MOST_FLOPS   1.1
#define CLEARLY_LESS 0.8  /* of the time: the estimate is right to some tens of per cent */
#define SAME         1e-3 /* of costs: what they differ by */
enum {
    MOST_CANDIDATES = 5,
    MOST_STAGES = 24,   /* lowered for the candidates of a kernel, together */
    LEAST_FLOPS = 50000 /* a microsecond or two: calls of it take as long */
};

struct candidate {
    struct order_plan plan;
    struct ir_kernel *kernel;
    const struct pass_order *orders; /* of the plan's problems */
    size_t changed;                  /* the problem whose tree is another than in the plan that it was made of */
    struct estimate estimate;
};

struct ranking {
    struct order_scratch *scratch;
    struct pass_kernel *pass;
    struct candidate candidates[MOST_CANDIDATES]; /* first the one of the fewest flops */
    size_t count, best, most;
};

static bool copy_plan(struct arena *arena, const struct order_plan *plan, struct order_plan *copy)
{
    *copy = *plan;
    copy->problems = arena_copy(arena, plan->problems, plan->n_problems, sizeof *copy->problems);
    for (size_t k = 0; copy->problems && k < plan->n_problems; k++) {
        struct order_problem *problem = &copy->problems[k];
        problem->tree = order_tree_create(arena, problem->network.n_operands);
        problem->stored = arena_copy(arena, problem->stored, problem->network.n_operands, sizeof *problem->stored);
        if (!problem->tree.steps || !problem->stored)
            return false;
        order_tree_copy(&problem->tree, &plan->problems[k].tree);
    }
    return copy->problems != NULL;
}

/* Builds a kernel of the candidate's plan. False: no memory. */
static bool build_candidate(struct ranking *ranking, struct candidate *candidate)
{
    struct pass_kernel trial = *ranking->pass;
    struct order_plan plan = candidate->plan;
    trial.orders = NULL;
    trial.n_orders = trial.orders_capacity = 0;
    trial.kernel = plan.kernel = ir_kernel_copy(trial.context, plan.kernel);
    if (!trial.kernel || !order_apply(&trial, &plan))
        return false;
    candidate->kernel = trial.kernel;
    candidate->orders = trial.orders;
    return true;
}

/* The order of fewest flops, once there is something to compare it with. False: no memory. */
static bool estimate_first(struct ranking *ranking)
{
    struct candidate *first = ranking->candidates;
    if (first->kernel)
        return true;
    if (!build_candidate(ranking, first))
        return false;
    first->estimate = estimate_fused(ranking->pass, first->kernel);
    return true;
}

/* Trees of one cost are one tree with its factors in another sequence, as a rule: the directions of a Kronecker product. */
static bool costs_the_same(const struct order_cost *a, const struct order_cost *b)
{
    return fabs(a->flops - b->flops) <= SAME * a->flops && fabs(a->time - b->time) <= SAME * a->time;
}

/* Adds the plan, unless one of its cost is there already or it cannot be estimated. False: no memory. */
static bool add_candidate(struct ranking *ranking, const struct order_plan *plan, size_t changed)
{
    struct candidate *first = ranking->candidates, *candidate = &first[ranking->count];
    for (size_t k = 0; k < ranking->count; k++)
        if (costs_the_same(&first[k].plan.total, &plan->total))
            return true;
    *candidate = (struct candidate){.plan = *plan, .changed = changed};
    if (!estimate_first(ranking) || !build_candidate(ranking, candidate))
        return false;
    for (size_t k = 0; k < ranking->count; k++)
        if (ir_kernel_equal(first[k].kernel, candidate->kernel))
            return true;
    candidate->estimate = estimate_fused(ranking->pass, candidate->kernel);
    bool near = candidate->estimate.flops <= MOST_FLOPS * first->estimate.flops; /* what joins a step may cost more */
    ranking->count += near && isfinite(first->estimate.seconds) && isfinite(candidate->estimate.seconds);
    return !arena_failed(ranking->scratch->arena);
}

/* The other trees of a problem, in the place of its tree in the best plan so far. False: no memory. */
static bool add_trees(struct ranking *ranking, size_t number)
{
    struct order_plan plan = ranking->candidates[ranking->best].plan, other;
    const struct order_problem *problem = &plan.problems[number];
    struct order_tree trees[ORDER_SEVERAL];
    uint32_t n_trees;
    double most = MOST_FLOPS * ranking->candidates[0].plan.total.flops;
    if (problem->network.n_operands < 3 || problem->network.n_operands > ORDER_RANKED)
        return true;
    if (!order_several(ranking->scratch, &problem->network, MOST_FLOPS * problem->tree.cost.flops, trees, &n_trees))
        return false;
    for (uint32_t k = 0; k < n_trees && ranking->count < ranking->most; k++) {
        if (!copy_plan(ranking->scratch->arena, &plan, &other))
            return false;
        order_tree_copy(&other.problems[number].tree, &trees[k]);
        if (!order_joint_around(ranking->scratch, other.problems, other.n_problems, number, &other.total))
            return false;
        if (other.total.flops <= most && !add_candidate(ranking, &other, number))
            return false;
    }
    for (size_t k = 0; k < ranking->count; k++)
        if (ranking->candidates[k].estimate.seconds < CLEARLY_LESS * ranking->candidates[ranking->best].estimate.seconds)
            ranking->best = k;
    return true;
}

/* The problem of most flops that was not `done`; n_problems: none. */
static size_t next_problem(const struct order_plan *plan, const bool *done)
{
    size_t next = plan->n_problems;
    for (size_t k = 0; k < plan->n_problems; k++)
        if (!done[k] && (next == plan->n_problems || plan->problems[k].tree.cost.flops > plan->problems[next].tree.cost.flops))
            next = k;
    return next;
}

/* ---- saying what was chosen ---- */

static const char *steps_text(struct arena *arena, const struct pass_order *order)
{
    struct text text = text_create(arena);
    for (size_t k = 0; k < order->n_steps; k++) {
        const struct pass_step *step = &order->steps[k];
        text_printf(&text, "%s%s%s%s -> %s", k ? "; " : "", step->left, step->right ? "," : "", step->right ? step->right : "",
                    step->result);
    }
    return text_finish(&text);
}

static bool note_ranking(struct ranking *ranking)
{
    const struct candidate *best = &ranking->candidates[ranking->best], *next = NULL;
    for (size_t k = 0; k < ranking->count; k++)
        if (k != ranking->best && (!next || ranking->candidates[k].estimate.seconds < next->estimate.seconds))
            next = &ranking->candidates[k];
    if (!next)
        return true;
    size_t differs = next == ranking->candidates ? best->changed : next->changed;
    struct pass_ranking *note = ARENA_NEW(ranking->scratch->arena, struct pass_ranking);
    if (!note)
        return false;
    *note = (struct pass_ranking){.n_orders = ranking->count,
                                  .flops = best->estimate.flops,
                                  .seconds = best->estimate.seconds,
                                  .by_time = ranking->best > 0,
                                  .least_flops = ranking->candidates->estimate.flops,
                                  .least_flops_seconds = ranking->candidates->estimate.seconds,
                                  .next = steps_text(ranking->scratch->arena, &next->orders[differs]),
                                  .next_flops = next->estimate.flops,
                                  .next_seconds = next->estimate.seconds};
    ranking->pass->ranking = note;
    return note->next != NULL;
}

/* ---- the plan ---- */

/* Contractions and maps: about the stages that lowering makes of it. */
static size_t stages_of(const struct order_plan *plan)
{
    size_t stages = 0;
    for (size_t k = 0; k < plan->n_nodes; k++)
        stages += plan->nodes[k]->op == IR_contract_node || plan->nodes[k]->op == IR_map_node;
    for (size_t k = 0; k < plan->n_problems; k++)
        stages += plan->problems[k].network.n_operands > 2 ? plan->problems[k].network.n_operands - 2 : 0;
    return stages;
}

static bool is_worthwhile(const struct pass_kernel *pass, const struct order_plan *plan)
{
    const struct pass_options *options = pass->options;
    if (!options || options->is_trial || pass->in_step || options->memory_limit > 0 || options->machine.vector_bytes == 0 ||
        options->small || options->few_tables || options->fewest_flops)
        return false;
    return plan->total.flops >= LEAST_FLOPS;
}

bool order_rank(struct order_scratch *scratch, struct pass_kernel *pass, struct order_plan *plan)
{
    size_t stages = stages_of(plan);
    struct ranking *ranking = ARENA_NEW(scratch->arena, struct ranking);
    bool *done = ARENA_ARRAY(scratch->arena, plan->n_problems, bool);
    if (!ranking || !done)
        return false;
    *ranking = (struct ranking){.scratch = scratch, .pass = pass, .most = stages ? MOST_STAGES / stages : 0};
    ranking->most = ranking->most < MOST_CANDIDATES ? ranking->most : MOST_CANDIDATES;
    if (ranking->most < 2 || !is_worthwhile(pass, plan))
        return true;
    size_t next = next_problem(plan, done);
    if (next == plan->n_problems || plan->problems[next].network.n_operands < 3)
        return true;
    ranking->candidates[ranking->count++] = (struct candidate){.plan = *plan, .changed = next};
    for (; next < plan->n_problems; next = next_problem(plan, done)) {
        if (!add_trees(ranking, next))
            return false;
        done[next] = true;
    }
    if (!note_ranking(ranking))
        return false;
    *plan = ranking->candidates[ranking->best].plan;
    return true;
}
