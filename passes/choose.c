/* Alternatives to the one that is estimated to be cheapest.
 *
 * An `alt` hides what is in it from its users, so what an alternative costs shows only with it in place, and depends on what the
 * others are: the whole kernel is estimated (estimate.c) with each alternative of one node after the other, the others at what is
 * best so far, until no node changes. A descent, not a proof of the best. Of equal ones the earlier stands: the first is the
 * plainest. Which alternatives may stand there at all is for who makes them to say: all are within the kernel's numeric class. */
#include "estimate.h"

enum einc_status pass_choose(struct pass_kernel *kernel);

/* Rounds after which nodes stay as they are, the second mostly changes nothing; nodes that are tried, since each asks for estimates
 * of the whole kernel: the last ones, others get their first alternative. */
enum { MOST_ROUNDS = 3, MOST_TRIED = 24 };

struct picking {
    const uint32_t *picks; /* of each `alt`, in the order in which they are rewritten, which is that of the kernel */
    size_t at;
};

static const struct ir_node *picked(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct picking *picking = user;
    if (node->op != IR_alt_node)
        return node;
    return ir_view(context, node->rank, node->shape, node->operands[picking->picks[picking->at++]]);
}

bool choose_first(struct pass_kernel *pass)
{
    size_t count, n_alts = 0;
    const struct ir_node **nodes = ir_topological(pass->context, pass->kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        n_alts += nodes[k]->op == IR_alt_node;
    struct picking picking = {.picks = ARENA_ARRAY(ir_arena(pass->context), n_alts, uint32_t)};
    if (nodes && n_alts && picking.picks)
        (void)ir_rewrite(pass->context, pass->kernel, picked, &picking);
    return !arena_failed(ir_arena(pass->context));
}

static struct ir_kernel *with_picks(struct pass_kernel *pass, const uint32_t *picks)
{
    struct picking picking = {.picks = picks};
    struct ir_kernel *kernel = ir_kernel_copy(pass->context, pass->kernel);
    if (kernel)
        (void)ir_rewrite(pass->context, kernel, picked, &picking);
    return arena_failed(ir_arena(pass->context)) ? NULL : kernel;
}

/* Tries every alternative of one node; true when another one is better than `least`, which becomes that. */
static bool improve(struct pass_kernel *pass, const struct ir_node *alt, uint32_t *picks, size_t at, double *least)
{
    uint32_t best = picks[at], before = best;
    for (uint32_t k = 0; k < alt->n_operands; k++) {
        if (k == before)
            continue;
        picks[at] = k;
        struct ir_kernel *kernel = with_picks(pass, picks);
        double time = kernel ? estimate_ordered(pass, kernel, NULL) : *least;
        if (time < *least || (time == *least && k < best)) {
            *least = time;
            best = k;
        }
    }
    picks[at] = best;
    return best != before;
}

static bool descend(struct pass_kernel *pass, const struct ir_node *const *alts, size_t count, uint32_t *picks)
{
    const struct ir_kernel *first = with_picks(pass, picks);
    const struct poly *flops_naive = NULL;
    double least = first ? estimate_ordered(pass, first, &flops_naive) : 0;
    bool changed = first != NULL;
    for (int round = 0; changed && round < MOST_ROUNDS; round++) {
        changed = false;
        for (size_t k = count; k-- > (count > MOST_TRIED ? count - MOST_TRIED : 0);)
            changed |= improve(pass, alts[k], picks, k, &least);
        if (count == 1)
            break;
    }
    for (size_t k = 0; k < count; k++)
        if (picks[k] && flops_naive && !pass->rewritten) { /* what is counted as written is the first of each */
            pass->flops_naive = flops_naive;
            pass->rewritten = true;
        }
    return !arena_failed(ir_arena(pass->context));
}

enum einc_status pass_choose(struct pass_kernel *pass)
{
    struct arena *arena = ir_arena(pass->context);
    size_t count, n_alts = 0;
    const struct ir_node **nodes = ir_topological(pass->context, pass->kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        if (nodes[k]->op == IR_alt_node)
            nodes[n_alts++] = nodes[k];
    if (!nodes || n_alts == 0)
        return nodes ? EINC_OK : EINC_NO_MEMORY;
    uint32_t *picks = ARENA_ARRAY(arena, n_alts, uint32_t);
    if (!picks || (pass->options && !descend(pass, nodes, n_alts, picks)))
        return EINC_NO_MEMORY;
    struct ir_kernel *kernel = with_picks(pass, picks);
    if (!kernel)
        return EINC_NO_MEMORY;
    *pass->kernel = *kernel;
    return EINC_OK;
}
