/* Alternatives to the one that is estimated to be cheapest.
 *
 * An `alt` hides what is in it from its users, so what an alternative costs shows only with it in place, and depends on what the
 * others are: the whole kernel is estimated (estimate.c) with each alternative of one node after the other, the others at what is
 * best so far, until no node changes. A descent, not a proof of the best. Of equal ones the earlier stands: the first is the
 * plainest. Which alternatives may stand there at all is for who makes them to say: all are within the kernel's numeric class. */
#include "estimate.h"

#include <math.h>

enum einc_status pass_choose(struct pass_kernel *kernel);

/* Rounds after which nodes stay as they are, the second mostly changes nothing; nodes that are tried, since each asks for estimates
 * of the whole kernel: the last ones, others get their first alternative. */
enum { MOST_ROUNDS = 3, MOST_TRIED = 24 };

/* A node, where it stands, and what the kernel is estimated at with each of its alternatives (when that was last tried). */
struct open_choice {
    const struct ir_node *alt;
    uint32_t pick;
    bool tried;
    struct estimate estimates[IR_ALTERNATIVES];
};

struct choosing {
    struct pass_kernel *pass;
    struct open_choice *choices; /* in the order in which they are rewritten, which is that of the kernel */
    size_t count;
};

struct picking {
    const uint32_t *picks;
    size_t at;
};

static const struct ir_node *picked(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct picking *picking = user;
    if (node->op != IR_alt_node)
        return node;
    return ir_view(context, node->rank, node->shape, node->operands[picking->picks[picking->at++]]);
}

const struct ir_node **choose_open(struct pass_kernel *pass, size_t *n_open)
{
    size_t count, n = 0;
    const struct ir_node **nodes = ir_topological(pass->context, pass->kernel, &count);
    *n_open = 0;
    for (size_t k = 0; nodes && k < count; k++)
        n += nodes[k]->op == IR_alt_node;
    const struct ir_node **open = ARENA_ARRAY(ir_arena(pass->context), n + 1, const struct ir_node *);
    for (size_t k = 0; open && nodes && k < count; k++)
        if (nodes[k]->op == IR_alt_node)
            open[(*n_open)++] = nodes[k];
    return open;
}

struct ir_kernel *choose_picks(struct pass_kernel *pass, const uint32_t *picks)
{
    struct picking picking = {picks, 0};
    struct ir_kernel *kernel = ir_kernel_copy(pass->context, pass->kernel);
    if (kernel && picks)
        (void)ir_rewrite(pass->context, kernel, picked, &picking);
    return picks && !arena_failed(ir_arena(pass->context)) ? kernel : NULL;
}

static struct choosing open_choices(struct pass_kernel *pass)
{
    struct choosing choosing = {.pass = pass};
    const struct ir_node **open = choose_open(pass, &choosing.count);
    choosing.choices = ARENA_ARRAY(ir_arena(pass->context), choosing.count, struct open_choice);
    for (size_t k = 0; choosing.choices && k < choosing.count; k++)
        choosing.choices[k] = (struct open_choice){.alt = open[k]};
    return choosing;
}

static struct ir_kernel *with_picks(const struct choosing *choosing)
{
    uint32_t *picks = ARENA_ARRAY(ir_arena(choosing->pass->context), choosing->count, uint32_t);
    for (size_t k = 0; picks && k < choosing->count; k++)
        picks[k] = choosing->choices[k].pick;
    return choose_picks(choosing->pass, picks);
}

bool choose_first(struct pass_kernel *pass)
{
    struct choosing choosing = open_choices(pass);
    struct ir_kernel *kernel = choosing.count ? with_picks(&choosing) : NULL;
    if (kernel)
        *pass->kernel = *kernel;
    return !arena_failed(ir_arena(pass->context));
}

static struct estimate estimate_picks(struct choosing *choosing)
{
    struct ir_kernel *kernel = with_picks(choosing);
    return kernel ? estimate_ordered(choosing->pass, kernel) : (struct estimate){INFINITY, INFINITY, INFINITY, NULL};
}

/* Is it so much work that it would be one long straight line, and no more than that? */
static bool is_long_line(double flops)
{
    return flops > 640 && flops < 2048;
}

/* Estimates of times so near to each other tell nothing: then what does a fifth less work is better than such a line. */
static bool is_better(const struct estimate *a, const struct estimate *b)
{
    const double near = 1.2, less = 0.8;
    if (a->seconds < b->seconds)
        return a->seconds * near < b->seconds || a->flops * less <= b->flops || !is_long_line(a->flops);
    return a->seconds < b->seconds * near && a->flops < b->flops * less && is_long_line(b->flops);
}

/* Does alternative `k` take the place of `best`? Where tables are to be few, by these first. */
static bool takes_place(const struct choosing *choosing, const struct open_choice *choice, uint32_t k, uint32_t best)
{
    const struct estimate *a = &choice->estimates[k], *b = &choice->estimates[best];
    if (choosing->pass->options->few_tables && a->table_bytes != b->table_bytes)
        return a->table_bytes < b->table_bytes;
    if (choosing->pass->options->fewest_flops && a->flops != b->flops)
        return a->flops < b->flops;
    return is_better(a, b) || (a->seconds == b->seconds && k < best && a->flops <= b->flops);
}

static const struct pass_found *found_of(const struct pass_kernel *pass, const struct ir_node *way);
static bool is_needed(struct pass_kernel *pass, const struct ir_kernel *kernel, const struct ir_node *node);
static bool improve(struct choosing *choosing, struct open_choice *choice, struct estimate *least);

/* With the alternative that is picked by now. What `discover` found in a constant is mostly fast by what rules found in that: the
 * choices within it, which are without effect while it is not picked, are made first. */
static struct estimate estimate_way(struct choosing *choosing, struct open_choice *choice)
{
    const struct ir_node *way = choice->alt->operands[choice->pick].node;
    const struct pass_found *found = found_of(choosing->pass, way);
    struct estimate estimate = estimate_picks(choosing);
    struct ir_output output = {.name = "way", .node = way, .span = SPAN_NONE};
    const struct ir_kernel within = {.name = "way", .n_outputs = 1, .outputs = &output};
    for (size_t k = choosing->count; found && found->detail && k-- > 0;) {
        struct open_choice *other = &choosing->choices[k];
        if (other != choice && !other->tried && is_needed(choosing->pass, &within, other->alt))
            (void)improve(choosing, other, &estimate);
    }
    return estimate;
}

/* Tries every alternative of one node; true when another one is better than `least`, which becomes that. */
static bool improve(struct choosing *choosing, struct open_choice *choice, struct estimate *least)
{
    uint32_t best = choice->pick, before = best;
    choice->tried = true;
    for (uint32_t k = 0; k < choice->alt->n_operands; k++) {
        choice->pick = k;
        choice->estimates[k] = k == before ? *least : estimate_way(choosing, choice);
        if (takes_place(choosing, choice, k, best))
            best = k;
    }
    choice->pick = best;
    *least = choice->estimates[best];
    return best != before;
}

/* What the kernel is estimated at as it was written. */
static struct estimate descend(struct choosing *choosing)
{
    struct estimate written = estimate_picks(choosing), least = written;
    bool changed = true;
    for (int round = 0; changed && round < MOST_ROUNDS; round++) {
        changed = false;
        for (size_t k = choosing->count; k-- > (choosing->count > MOST_TRIED ? choosing->count - MOST_TRIED : 0);)
            changed |= improve(choosing, &choosing->choices[k], &least);
        if (choosing->count == 1)
            break;
    }
    return written;
}

/* ---- saying what was chosen ---- */

static const struct pass_found *found_of(const struct pass_kernel *pass, const struct ir_node *way)
{
    for (size_t k = 0; k < pass->n_found; k++)
        if (pass->found[k].node == way)
            return &pass->found[k];
    return NULL;
}

static const char *rule_of(const struct choosing *choosing, const struct open_choice *choice, uint32_t way)
{
    const struct pass_found *found = found_of(choosing->pass, choice->alt->operands[way].node);
    return way == 0 ? "as written" : found ? found->rule : "another way";
}

static bool note_choice(struct choosing *choosing, const struct open_choice *choice, const struct estimate *written)
{
    struct pass_kernel *pass = choosing->pass;
    struct arena *arena = ir_arena(pass->context);
    const struct estimate *taken = &choice->estimates[choice->pick];
    const struct pass_found *found = NULL;
    struct pass_way *rejected = ARENA_ARRAY(arena, choice->alt->n_operands, struct pass_way);
    struct text text = text_create(arena);
    size_t n_rejected = 0;
    for (uint32_t k = choice->pick ? choice->pick : 1; k < choice->alt->n_operands && !found; k++)
        found = found_of(pass, choice->alt->operands[k].node);
    if (!found || !rejected)
        return rejected != NULL;
    const char *finding = choice->pick ? found->detail : NULL;
    if (finding) {
        text_printf(&text, "%s with ", finding);
        pass_print_certificate(&text, &found->certificate);
        text_put(&text, ", ");
    }
    text_printf(&text, "%s, %.6g flops", found->source, taken->flops);
    for (uint32_t k = 0; k < choice->alt->n_operands; k++) {
        if (k == choice->pick)
            continue;
        const struct estimate *other = &choice->estimates[k];
        rejected[n_rejected++] = (struct pass_way){rule_of(choosing, choice, k), other->flops, other->seconds / taken->seconds};
        text_printf(&text, "; %s %.6g flops, %.3g times as long by estimate", rule_of(choosing, choice, k), other->flops,
                    other->seconds / taken->seconds);
    }
    struct pass_choice note = {found->tensor ? found->tensor : "a part",
                               rule_of(choosing, choice, choice->pick),
                               text_finish(&text),
                               found->source,
                               finding,
                               finding ? found->certificate : (struct pass_certificate){0, 0, 0, 0},
                               written->flops,
                               taken->flops,
                               rejected,
                               n_rejected};
    return ARENA_PUSH(arena, pass->choices, pass->n_choices, pass->choices_capacity, note);
}

static bool is_needed(struct pass_kernel *pass, const struct ir_kernel *kernel, const struct ir_node *node)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(pass->context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        if (nodes[k] == node)
            return true;
    return false;
}

/* Is the choice part of what was picked? Its alternative may hold others, which the kernel has by their picks. */
static bool is_picked(const struct choosing *choosing, const struct open_choice *choice)
{
    struct pass_kernel *pass = choosing->pass;
    size_t count;
    const struct ir_node **nodes = ir_topological(pass->context, pass->kernel, &count);
    bool *live = nodes && count ? ARENA_ARRAY(ir_arena(pass->context), nodes[count - 1]->id + 1, bool) : NULL;
    for (size_t k = 0; live && k < count; k++)
        live[nodes[k]->id] = false;
    for (uint32_t k = 0; live && k < pass->kernel->n_outputs; k++)
        live[pass->kernel->outputs[k].node->id] = true;
    for (size_t k = count; live && k-- > 0;) {
        uint32_t first = 0, last = nodes[k]->n_operands;
        if (!live[nodes[k]->id])
            continue;
        for (size_t other = 0; nodes[k]->op == IR_alt_node && other < choosing->count; other++)
            if (choosing->choices[other].alt == nodes[k])
                last = (first = choosing->choices[other].pick) + 1;
        for (; first < last; first++)
            live[nodes[k]->operands[first].node->id] = true;
    }
    return live && live[choice->alt->id];
}

/* Findings in constants are said where they are part of the result, others where they stand in it as they were found. */
static bool is_worth_saying(const struct choosing *choosing, const struct open_choice *choice, const struct ir_kernel *kernel)
{
    const struct ir_node *way = choice->alt->operands[choice->pick].node;
    const struct pass_found *found = found_of(choosing->pass, way);
    return choice->tried && (is_needed(choosing->pass, kernel, way) || (found && found->detail && is_picked(choosing, choice)));
}

enum einc_status pass_choose(struct pass_kernel *pass)
{
    struct choosing choosing = open_choices(pass);
    if (choosing.count == 0)
        return choosing.choices ? EINC_OK : EINC_NO_MEMORY;
    bool changed = false;
    struct estimate written = pass->options ? descend(&choosing) : (struct estimate){0, 0, 0, NULL};
    struct ir_kernel *kernel = with_picks(&choosing);
    if (!kernel)
        return EINC_NO_MEMORY;
    for (size_t k = 0; k < choosing.count; k++) {
        const struct open_choice *choice = &choosing.choices[k];
        changed |= choice->pick != 0;
        if (is_worth_saying(&choosing, choice, kernel) && !note_choice(&choosing, choice, &written))
            return EINC_NO_MEMORY;
    }
    if (changed && !pass->rewritten) { /* what is counted as written is the first of each */
        pass->flops_naive = written.flops_naive;
        pass->rewritten = true;
    }
    *pass->kernel = *kernel;
    return EINC_OK;
}
