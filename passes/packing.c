/* Packing of one kernel: its graph, the search, the slot program of the plan that is chosen. */
#include "packing_internal.h"

void *packing_scratch(struct packer *packer, enum packing_scratch scratch, size_t bytes)
{
    if (packer->scratch_bytes[scratch] >= bytes)
        return packer->scratch[scratch];
    packer->scratch[scratch] = arena_alloc(packer->arena, bytes, 1);
    packer->scratch_bytes[scratch] = packer->scratch[scratch] ? bytes : 0;
    return packer->scratch[scratch];
}

static struct packer *packer_create(struct ir_context *context, const struct packing_options *options)
{
    struct packer *packer = ARENA_NEW(ir_arena(context), struct packer);
    if (!packer)
        return NULL;
    packer->context = context;
    packer->arena = ir_arena(context);
    packer->slots = options->slots;
    packer->options = options;
    packer->flags = ARENA_ARRAY(packer->arena, (size_t)options->slots, bool);
    packer->mark = ARENA_ARRAY(packer->arena, (size_t)options->slots, uint8_t);
    packer->numbers = ARENA_ARRAY(packer->arena, (size_t)options->slots, int32_t);
    return packer->flags && packer->mark && packer->numbers ? packer : NULL;
}

/* Of plans with the fewest rotations the one that comes first within the number of keys. */
static struct slot_program *emit_within_keys(struct packer *packer, const struct packing_graph *graph,
                                             const struct ir_kernel *kernel, const struct packing_plan *plan,
                                             struct slot_counts *counts)
{
    struct slot_program *program = packing_emit(packer, graph, kernel, plan, PACKING_A_KEY_EACH);
    if (program)
        slot_count(program, counts);
    if (!program || !packer->options->keys || counts->keys <= packer->options->keys)
        return program;
    program = packing_emit(packer, graph, kernel, plan, PACKING_CHAINED);
    if (program)
        slot_count(program, counts);
    return program;
}

static bool count_point(struct packer *packer, const struct packing_graph *graph, const struct ir_kernel *kernel,
                        const struct packing_plans *plans, size_t number, struct packing_result *result)
{
    struct packing_point *point = &result->points[number];
    struct slot_program *program = emit_within_keys(packer, graph, kernel, &plans->items[number], &point->counts);
    if (!program || number != result->chosen)
        return program != NULL;
    result->program = program;
    program->notes = ARENA_ARRAY(packer->arena, result->n_functions + 1, const char *);
    for (; program->notes && program->n_notes < result->n_functions; program->n_notes++) {
        const struct packing_function *function = &result->functions[program->n_notes];
        program->notes[program->n_notes] =
            arena_printf(packer->arena, "%s in `%s` on [%g, %g]: degree %u, error %.2e", function->name, function->statement,
                         function->low, function->high, function->degree, function->error);
    }
    return !arena_failed(packer->arena);
}

static bool refuse_keys(struct packer *packer, const struct ir_kernel *kernel, const struct slot_counts *counts)
{
    struct diagnostics *diagnostics = ir_diagnostics(packer->context);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0932, kernel->span, "%lld keys do not suffice", (long long)packer->options->keys);
    diag_label(diagnostics, diag, "%lld are needed, with rotations one after another", (long long)counts->keys);
    diag_help(diagnostics, diag, "allow more keys with --keys");
    return false;
}

bool packing_run(const struct pass_kernel *kernel, const struct packing_options *options, struct packing_result *result)
{
    struct packer *packer = packer_create(kernel->context, options);
    struct packing_graph *graph = packer ? packing_graph(packer, kernel) : NULL;
    *result = (struct packing_result){0};
    bool fitted = graph && packing_fit_functions(packer, graph, kernel->kernel, result);
    const struct packing_plans *plans = fitted ? packing_search(packer, graph, kernel->kernel) : NULL;
    result->n_points = plans ? plans->count : 0;
    result->points = plans ? ARENA_ARRAY(packer->arena, plans->count, struct packing_point) : NULL;
    if (!result->points)
        return false;
    result->chosen = plans->count - 1; /* the fewest rotations */
    for (size_t k = 0; k < plans->count; k++) {
        result->points[k] = (struct packing_point){.rotations = plans->items[k].rotations, .depth = plans->items[k].depth};
        if ((k == result->chosen || options->count_all) && !count_point(packer, graph, kernel->kernel, plans, k, result))
            return false;
    }
    const struct slot_counts *counts = &result->points[result->chosen].counts;
    return !options->keys || counts->keys <= options->keys || refuse_keys(packer, kernel->kernel, counts);
}
