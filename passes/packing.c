/* Packing of one kernel: its graph, the search, the slot program of the plan that is chosen.
 *
 * Of constants in which structure was found each alternative makes another graph. Rotations are known only when a graph has been
 * searched, so a few forms of the kernel are: as it is written; with the first finding in each constant; then, from the better of
 * these, with one constant after the other as something else. Plans of all of them make one list. What a form is refused for is
 * said of the kernel as written alone, which needs no more levels than others. */
#include "estimate.h"
#include "packing_internal.h"

#include <math.h>
#include <string.h>

void *packing_scratch(struct packer *packer, enum packing_scratch scratch, size_t bytes)
{
    if (packer->scratch_bytes[scratch] >= bytes)
        return packer->scratch[scratch];
    packer->scratch[scratch] = arena_alloc(packer->arena, bytes, 1);
    packer->scratch_bytes[scratch] = packer->scratch[scratch] ? bytes : 0;
    return packer->scratch[scratch];
}

static struct packer *packer_create(struct ir_context *context, const struct packing_options *options, int64_t slots)
{
    struct packer *packer = ARENA_NEW(ir_arena(context), struct packer);
    if (!packer)
        return NULL;
    packer->context = context;
    packer->arena = ir_arena(context);
    packer->slots = slots;
    packer->options = options;
    packer->flags = ARENA_ARRAY(packer->arena, (size_t)slots, bool);
    packer->mark = ARENA_ARRAY(packer->arena, (size_t)slots, uint8_t);
    packer->numbers = ARENA_ARRAY(packer->arena, (size_t)slots, int32_t);
    packing_weigh(packer);
    return packer->flags && packer->mark && packer->numbers ? packer : NULL;
}

/* ---- forms of the kernel ---- */

/* Each takes searches. */
enum { MOST_FORMS = 24, MOST_FITS = 16 };

/* A form on vectors of so many slots: those asked for, or fewer, repeated to these. */
struct fit {
    const struct form *form;
    struct packer *packer;
    const struct packing_graph *graph;
    const struct packing_plans *plans;
    struct packing_result result; /* what is known of its functions */
};

struct form {
    const struct ir_kernel *kernel;
    struct fit fits[MOST_FITS];
    size_t n_fits;
    uint32_t *picks; /* of each open choice */
};

struct forms {
    struct pass_kernel *pass;
    const char *const *rest;
    const struct packing_options *options;
    const struct ir_node **open; /* choices */
    size_t n_open;
    struct form items[MOST_FORMS];
    size_t count, best;
};

/* With fewer slots than this a value would lie in several ciphertexts. */
static int64_t largest_value(const struct packing_graph *graph)
{
    int64_t most = 1;
    for (size_t k = 0; k < graph->n_nodes; k++)
        most = graph->nodes[k].elements > most ? graph->nodes[k].elements : most;
    return most;
}

static bool divides(const struct packer *packer, const struct packing *packing)
{
    int64_t extent = packing ? packing_extent(&packing->places, packing->places.n) : 1;
    return !packing || (packing->parts == 1 && packer->slots % extent == 0);
}

/* Does each input and output lie in one vector, and fill it a whole number of times? More ciphertexts than were asked for, copies
 * in them, are no gain: they are to be sent, and multiplied. */
static bool can_be_repeated(const struct packer *packer, const struct packing_graph *graph, const struct ir_kernel *kernel,
                            const struct packing_plan *plan)
{
    for (size_t k = 0; k < graph->n_nodes; k++)
        if (graph->nodes[k].kind == PACKING_INPUT && !divides(packer, plan->of[k]->packing))
            return false;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (!divides(packer, plan->lies[k]))
            return false;
    return true;
}

/* Adds what is found with so many slots; false: it is refused, or no memory. */
static bool plan_fit(const struct forms *forms, struct form *form, struct pass_kernel *pass, int64_t slots)
{
    struct fit *fit = &form->fits[form->n_fits];
    *fit = (struct fit){.form = form, .packer = packer_create(pass->context, forms->options, slots)};
    struct packing_graph *graph = fit->packer ? packing_graph(fit->packer, pass) : NULL;
    bool fitted = graph && packing_fit_functions(fit->packer, graph, pass->kernel, &fit->result);
    fit->graph = graph;
    struct packing_plans *plans = fitted ? (struct packing_plans *)packing_search(fit->packer, graph, pass->kernel) : NULL;
    size_t kept = 0;
    for (size_t k = 0; plans && k < plans->count; k++)
        if (slots == forms->options->slots || can_be_repeated(fit->packer, graph, pass->kernel, &plans->items[k]))
            plans->items[kept++] = plans->items[k];
    if (plans)
        plans->count = kept;
    fit->plans = kept ? plans : NULL;
    form->n_fits += fit->plans != NULL;
    return fit->plans != NULL;
}

/* With what its picks leave of the kernel; false: it is refused, or no memory. */
static bool plan_form(struct forms *forms, struct form *form)
{
    struct ir_context *context = forms->pass->context;
    struct pass_kernel pass = {
        .context = context, .kernel = choose_picks(forms->pass, form->picks), .options = forms->pass->options};
    if (!pass.kernel || pass_run_all(forms->rest, &pass) != EINC_OK)
        return false;
    form->kernel = pass.kernel;
    if (!plan_fit(forms, form, &pass, forms->options->slots))
        return false;
    int64_t least = largest_value(form->fits[0].graph);
    struct diagnostics *diagnostics = ir_diagnostics(context);
    for (int64_t slots = forms->options->slots / 2; slots >= least && slots > 1 && form->n_fits < MOST_FITS; slots /= 2) {
        struct diagnostics said = *diagnostics;
        if (!forms->options->n_row_major && !plan_fit(forms, form, &pass, slots))
            diag_take_back(diagnostics, &said);
    }
    return !arena_failed(ir_arena(context));
}

static int64_t least_cost(const struct form *form)
{
    int64_t least = INT64_MAX;
    for (size_t k = 0; k < form->n_fits; k++) {
        const struct packing_plans *plans = form->fits[k].plans;
        least = plans->items[plans->count - 1].cost < least ? plans->items[plans->count - 1].cost : least;
    }
    return least;
}

/* The best form with another alternative of one choice, or with the first finding in all of them (`at` ALL_CHOICES). False: no
 * memory; a form that is refused is none. */
#define ALL_CHOICES UINT32_MAX
static bool try_form(struct forms *forms, uint32_t at, uint32_t pick)
{
    struct arena *arena = ir_arena(forms->pass->context);
    struct diagnostics *diagnostics = ir_diagnostics(forms->pass->context);
    struct form *form = &forms->items[forms->count];
    *form = (struct form){.picks = arena_copy(arena, forms->items[forms->best].picks, forms->n_open + 1, sizeof *form->picks)};
    if (!form->picks)
        return false;
    for (uint32_t k = 0; k < forms->n_open; k++)
        form->picks[k] = at == ALL_CHOICES || at == k ? pick : form->picks[k];
    struct diagnostics said = *diagnostics;
    if (plan_form(forms, form)) {
        if (least_cost(form) < least_cost(&forms->items[forms->best]))
            forms->best = forms->count;
        forms->count++;
    } else
        diag_take_back(diagnostics, &said);
    return !arena_failed(arena);
}

/* False after a diagnostic, or without memory. */
static bool plan_forms(struct forms *forms)
{
    forms->open = choose_open(forms->pass, &forms->n_open);
    struct form *written = &forms->items[0];
    written->picks = ARENA_ARRAY(ir_arena(forms->pass->context), forms->n_open + 1, uint32_t);
    if (!forms->open || !written->picks)
        return false;
    memset(written->picks, 0, (forms->n_open + 1) * sizeof *written->picks);
    if (!plan_form(forms, written))
        return false;
    forms->count = 1;
    if (forms->n_open && !try_form(forms, ALL_CHOICES, 1))
        return false;
    for (uint32_t at = 0; at < forms->n_open; at++)
        for (uint32_t pick = 0; pick < forms->open[at]->n_operands && forms->count < MOST_FORMS; pick++) {
            bool tried = pick == forms->items[forms->best].picks[at] || (forms->n_open == 1 && pick <= 1);
            if (!tried && !try_form(forms, at, pick))
                return false;
        }
    return true;
}

/* ---- the list of all their plans ---- */

struct listed {
    const struct fit *fit;
    const struct packing_plan *plan;
};

/* Fewer levels first, then less cost, then the earlier form, and more slots. */
static int compare_listed(const void *first, const void *second)
{
    const struct listed *a = first, *b = second;
    if (a->plan->depth != b->plan->depth)
        return a->plan->depth < b->plan->depth ? -1 : 1;
    if (a->plan->cost != b->plan->cost)
        return a->plan->cost < b->plan->cost ? -1 : 1;
    return (a->fit > b->fit) - (a->fit < b->fit);
}

static int64_t gain_of(const struct listed *listed)
{
    return packing_gain(listed->fit->packer, listed->plan->cost);
}

/* Plans that no other both costs less and needs fewer levels than; NULL: no memory. */
static struct listed *list_plans(const struct forms *forms, size_t *count)
{
    size_t n = 0, kept = 0;
    for (size_t k = 0; k < forms->count; k++)
        for (size_t f = 0; f < forms->items[k].n_fits; f++)
            n += forms->items[k].fits[f].plans->count;
    struct listed *listed = ARENA_ARRAY(ir_arena(forms->pass->context), n, struct listed);
    n = 0;
    for (size_t k = 0; listed && k < forms->count; k++)
        for (size_t f = 0; f < forms->items[k].n_fits; f++)
            for (size_t l = 0; l < forms->items[k].fits[f].plans->count; l++)
                listed[n++] = (struct listed){&forms->items[k].fits[f], &forms->items[k].fits[f].plans->items[l]};
    if (listed)
        sort_items(listed, n, sizeof *listed, compare_listed);
    for (size_t k = 0; listed && k < n; k++)
        if (kept == 0 || gain_of(&listed[k]) < gain_of(&listed[kept - 1]))
            listed[kept++] = listed[k];
    *count = kept;
    return listed;
}

/* ---- its slot program ---- */

static struct slot_program *emit(const struct listed *listed, enum packing_keys keys, struct slot_counts *counts)
{
    const struct fit *fit = listed->fit;
    int64_t slots = fit->packer->options->slots;
    struct slot_program *program = packing_emit(fit->packer, fit->graph, fit->form->kernel, listed->plan, keys);
    if (program)
        slot_count(program, counts);
    return program && (program->slots == slots || slot_widen(program, slots)) ? program : NULL;
}

/* With a key for each rotation, or where these are too many with rotations from one another. */
static struct slot_program *emit_within_keys(const struct listed *listed, struct slot_counts *counts)
{
    struct slot_program *program = emit(listed, PACKING_A_KEY_EACH, counts);
    bool fits = !program || counts->keys <= listed->fit->packer->options->keys;
    return fits ? program : emit(listed, PACKING_CHAINED, counts);
}

static const char *describe_finding(struct arena *arena, const struct pass_found *found)
{
    return arena_printf(arena, "%s: relative error %.2e (Frobenius)", found->detail, found->certificate.error);
}

/* What stands in the constants' place, and the polynomials in the functions'. */
static bool note_all(struct arena *arena, const struct packing_result *result, struct slot_program *program)
{
    program->notes = ARENA_ARRAY(arena, result->n_found + result->n_functions + 1, const char *);
    for (size_t k = 0; program->notes && k < result->n_found; k++)
        program->notes[program->n_notes++] = describe_finding(arena, result->found[k]);
    for (size_t k = 0; program->notes && k < result->n_functions; k++) {
        const struct packing_function *function = &result->functions[k];
        program->notes[program->n_notes++] =
            arena_printf(arena, "%s in `%s` on [%g, %g]: degree %u, error %.2e", function->name, function->statement, function->low,
                         function->high, function->degree, function->error);
    }
    return !arena_failed(arena);
}

/* Each constant once, however often it is read. */
static bool add_found(const struct forms *forms, const struct form *form, struct packing_result *result)
{
    const struct pass_kernel *pass = forms->pass;
    result->found = ARENA_ARRAY(ir_arena(pass->context), forms->n_open + 1, const struct pass_found *);
    for (size_t at = 0; result->found && at < forms->n_open; at++) {
        const struct ir_node *way = forms->open[at]->operands[form->picks[at]].node;
        const struct pass_found *found = NULL;
        for (size_t k = 0; form->picks[at] && k < pass->n_found; k++)
            if (pass->found[k].node == way)
                found = &pass->found[k];
        for (size_t k = 0; found && k < result->n_found; k++)
            if (strcmp(result->found[k]->detail, found->detail) == 0)
                found = NULL;
        if (found)
            result->found[result->n_found++] = found;
    }
    return result->found != NULL;
}

static bool refuse_keys(const struct fit *fit, int64_t needed)
{
    struct diagnostics *diagnostics = ir_diagnostics(fit->packer->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0932, fit->form->kernel->span, "%lld keys do not suffice",
                                   (long long)fit->packer->options->keys);
    diag_label(diagnostics, diag, "%lld are needed, with rotations one after another", (long long)needed);
    diag_help(diagnostics, diag, "allow more keys with --keys");
    return false;
}

/* Of points in order of depth those that take less time than all before, and the chosen one; how many. */
static size_t keep_faster(struct packing_point *points, size_t count, size_t *chosen)
{
    size_t kept = 0, choice = *chosen;
    double least = INFINITY;
    for (size_t k = 0; k < count; k++) {
        if (k != choice && points[k].milliseconds >= least)
            continue;
        if (k == choice)
            *chosen = kept;
        least = fmin(least, points[k].milliseconds);
        points[kept++] = points[k];
    }
    return kept;
}

bool packing_run(struct pass_kernel *kernel, const char *const *rest, const struct packing_options *options,
                 struct packing_result *result)
{
    struct arena *arena = ir_arena(kernel->context);
    struct forms *forms = ARENA_NEW(arena, struct forms);
    size_t count = 0;
    *result = (struct packing_result){0};
    if (!forms)
        return false;
    *forms = (struct forms){.pass = kernel, .rest = rest, .options = options};
    const struct listed *listed = plan_forms(forms) ? list_plans(forms, &count) : NULL;
    struct packing_point *points = ARENA_ARRAY(arena, count + 1, struct packing_point);
    int64_t least_keys = INT64_MAX;
    if (!listed || !points)
        return false;
    const struct listed *chosen = NULL;
    bool all = options->count_all || options->cost == PACKING_LATENCY;
    for (size_t k = count; k-- > 0 && (!chosen || all);) {
        struct slot_program *program = emit_within_keys(&listed[k], &points[k].counts);
        if (!program)
            return false;
        points[k].milliseconds = slot_program_time(program, options->times);
        least_keys = points[k].counts.keys < least_keys ? points[k].counts.keys : least_keys;
        bool is_best =
            !chosen || (options->cost == PACKING_LATENCY && points[k].milliseconds < points[result->chosen].milliseconds);
        if (!is_best || points[k].counts.keys > options->keys)
            continue;
        chosen = &listed[k];
        *result = chosen->fit->result;
        result->chosen = k;
        result->program = program;
    }
    result->points = points;
    result->n_points = options->cost == PACKING_LATENCY && chosen ? keep_faster(points, count, &result->chosen) : count;
    if (!chosen)
        return refuse_keys(listed->fit, least_keys);
    return add_found(forms, chosen->fit->form, result) && note_all(arena, result, result->program);
}
