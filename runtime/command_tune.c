/* einc tune: measures how each product and copy of a kernel is best cut, and writes down what beats the cost model.
 *
 * What is measured is the whole kernel, compiled as it will be, on random input at typical sizes; candidates take turns, so that a
 * slow moment of the machine meets all of them, and one must be faster in three rounds of four, and by its median. One thing is
 * changed after another, tile, blocks of k, m and n, panels: each time the best so far is kept, and the model is asked for what is
 * near that. In the end the best and the model's choice are measured again, by themselves, and the best is kept only where it is
 * clearly faster: the first comparison chose the luckiest of many. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATES = 32, LAST_ROUNDS = 3 /* times as many when two are left */ };
static const double least_duration = 0.004; /* of a measurement, seconds */
static const double hopeless = 1.5;         /* times the best: measured once */
static const double least_gain = 1.03;      /* over the model's choice, to be kept */
static const double least_step = 1.01;      /* over the best so far, to go on from there */

/* A kernel compiled with one choice for the product that is tuned. */
struct candidate {
    struct tile_choice choice;
    struct compiled *compiled;
    struct backend_file *files;
    size_t n_files;
    struct timed timed;
    size_t calls;
    double *times, median;
    bool dropped;
};

struct tuner {
    struct invocation *invocation;
    struct ir_program program;      /* of the one kernel */
    struct compile_options options; /* `propose` is set; `tuning` is what was found so far, and what is tried */
    struct pass_tuning tuning;
    struct timed timed; /* inputs and outputs, for all candidates */
    struct candidate candidates[CANDIDATES];
    size_t count, measured; /* candidates; of all stages */
    int64_t rounds;
    struct text lines; /* of the file */
    bool quiet;        /* the file is what is printed */
};

/* ---- candidates ---- */

static const struct pass_tiling *find_tiling(const struct compiled *compiled, uint64_t key)
{
    const struct pass_kernel *kernel = &compiled->kernels[0];
    for (size_t k = 0; k < kernel->n_tilings; k++)
        if (kernel->tilings[k].key == key)
            return &kernel->tilings[k];
    return NULL;
}

static bool is_same_code(const struct candidate *a, const struct candidate *b)
{
    bool same = a->n_files == b->n_files;
    for (size_t k = 0; same && k < a->n_files; k++)
        same = a->files[k].length == b->files[k].length && memcmp(a->files[k].bytes, b->files[k].bytes, a->files[k].length) == 0;
    return same;
}

static bool is_known(const struct tuner *tuner, const struct candidate *candidate)
{
    for (size_t k = 0; k < tuner->count; k++)
        if (is_same_code(&tuner->candidates[k], candidate))
            return true;
    return false;
}

/* Compiles the kernel with what `tuning` holds; another candidate, unless that gives the code of one that is there. */
static bool add_candidate(struct tuner *tuner, const struct tile_choice *choice)
{
    static const struct backend_options plain = {.weights = WEIGHTS_INLINE, .entry = true};
    struct ir_context *context = tuner->invocation->context;
    struct candidate candidate = {.choice = *choice, .timed = tuner->timed};
    if (tuner->count == CANDIDATES)
        return true;
    candidate.times = ARENA_ARRAY(ir_arena(context), (size_t)tuner->rounds * LAST_ROUNDS, double);
    candidate.compiled = compile_program(context, &tuner->program, &tuner->options);
    if (!candidate.times || !candidate.compiled ||
        compile_emit(candidate.compiled, backend_find("c", 1), "kernels", &plain, &candidate.files, &candidate.n_files) != EINC_OK)
        return false;
    if (is_known(tuner, &candidate))
        return true;
    candidate.timed.engine = candidate.timed.info->create(candidate.compiled, &tuner->invocation->engine);
    if (!candidate.timed.engine)
        return false;
    tuner->candidates[tuner->count++] = candidate;
    tuner->measured++;
    return true;
}

static void drop_candidates(struct tuner *tuner)
{
    for (size_t k = 0; k < tuner->count; k++)
        tuner->timed.info->destroy(tuner->candidates[k].timed.engine);
    tuner->count = 0;
}

/* ---- measuring ---- */

/* Once each: touches all pages, says how often to call, and who is too slow to be asked again. */
static bool measure_first(struct tuner *tuner)
{
    double best = 0;
    for (size_t k = 0; k < tuner->count; k++) {
        struct candidate *candidate = &tuner->candidates[k];
        candidate->calls = timing_calls(&candidate->timed, least_duration);
        candidate->median = candidate->calls ? timing_measure(&candidate->timed, candidate->calls) : -1;
        if (candidate->median < 0)
            return false;
        best = best == 0 || candidate->median < best ? candidate->median : best;
    }
    for (size_t k = 1; k < tuner->count; k++)
        tuner->candidates[k].dropped = tuner->candidates[k].median > best * hopeless;
    return true;
}

/* Is it faster than the first by its median, and than what the first took beside it in three rounds of four? */
static bool is_faster(const struct tuner *tuner, const struct candidate *candidate, size_t rounds, double gain)
{
    const struct candidate *first = &tuner->candidates[0];
    size_t wins = 0;
    for (size_t round = 0; round < rounds; round++)
        wins += candidate->times[round] < first->times[round];
    return 4 * wins >= 3 * rounds && first->median > gain * candidate->median;
}

static bool find_medians(struct tuner *tuner, size_t rounds)
{
    double *sorted = ARENA_ARRAY(ir_arena(tuner->invocation->context), rounds, double);
    for (size_t k = 0; k < tuner->count && sorted; k++) {
        memcpy(sorted, tuner->candidates[k].times, rounds * sizeof *sorted);
        timing_sort(sorted, rounds);
        tuner->candidates[k].median = sorted[rounds / 2];
    }
    return sorted != NULL;
}

static bool measure_candidates(struct tuner *tuner, size_t rounds)
{
    if (!measure_first(tuner))
        return false;
    for (size_t round = 0; round < rounds; round++)
        for (size_t k = 0; k < tuner->count; k++) {
            struct candidate *candidate = &tuner->candidates[k];
            candidate->times[round] = candidate->dropped ? candidate->median : timing_measure(&candidate->timed, candidate->calls);
            if (candidate->times[round] < 0)
                return false;
        }
    return find_medians(tuner, rounds);
}

/* ---- one product ---- */

/* Measures what `move` leads to from `*choice`, which stays where nothing is faster. */
static bool try_move(struct tuner *tuner, struct pass_tuned *slot, enum tile_move move)
{
    struct tile_choice from = slot->choice;
    bool good = add_candidate(tuner, &from);
    const struct pass_tiling *tiling = good ? find_tiling(tuner->candidates[0].compiled, slot->key) : NULL;
    for (size_t k = 0; tiling && good && k < tiling->n_proposals; k++) {
        if (tiling->proposals[k].move != move)
            continue;
        slot->choice = tiling->proposals[k].choice;
        good = add_candidate(tuner, &slot->choice);
    }
    good = good && (tuner->count < 2 || measure_candidates(tuner, (size_t)tuner->rounds));
    size_t best = 0;
    for (size_t k = 1; good && k < tuner->count; k++)
        best = tuner->candidates[k].median < tuner->candidates[best].median ? k : best;
    bool better = good && best && is_faster(tuner, &tuner->candidates[best], (size_t)tuner->rounds, least_step);
    slot->choice = better ? tuner->candidates[best].choice : from;
    drop_candidates(tuner);
    return good;
}

/* The model's choice and the one found, which are both choices of the file's, so that all else is the same: is it to be `*kept`? */
static bool compare_last(struct tuner *tuner, struct pass_tuned *slot, const struct tile_choice *model, bool *kept)
{
    struct tile_choice found = slot->choice;
    slot->choice = *model;
    bool good = add_candidate(tuner, model);
    slot->choice = found;
    good = good && add_candidate(tuner, &found);
    good = good && (tuner->count < 2 || measure_candidates(tuner, (size_t)tuner->rounds * LAST_ROUNDS));
    slot->seconds_before = good ? tuner->candidates[0].median : 0;
    slot->seconds = good ? tuner->candidates[tuner->count - 1].median : 0;
    *kept = good && tuner->count > 1 && is_faster(tuner, &tuner->candidates[1], (size_t)tuner->rounds * LAST_ROUNDS, least_gain);
    drop_candidates(tuner);
    return good;
}

static void report(struct tuner *tuner, const struct pass_tuned *slot, const struct pass_tiling *tiling, bool kept)
{
    struct arena *arena = ir_arena(tuner->invocation->context);
    double gain = slot->seconds > 0 ? 100 * (slot->seconds_before / slot->seconds - 1) : 0;
    const char *said =
        kept ? arena_printf(arena, "%s %s: %.3g s, %.0f %% faster than the model's choice (%zu measured)", slot->kernel,
                            slot->tensor, slot->seconds, gain, tuner->measured)
             : arena_printf(arena, "%s %s: the model's choice stays (%zu measured)", slot->kernel, slot->tensor, tuner->measured);
    const char **indices = ARENA_ARRAY(arena, tiling->n_axes, const char *);
    for (uint32_t k = 0; indices && k < tiling->n_axes; k++)
        indices[k] = tiling->axes[k].index;
    text_printf(&tuner->lines, "# %s\n", said ? said : "");
    if (kept && indices)
        tune_print(&tuner->lines, slot, indices);
    if (said && !tuner->quiet)
        puts(said);
    fflush(stdout);
}

static bool tune_product(struct tuner *tuner, const struct pass_tiling *tiling)
{
    const char *kernel = tuner->program.kernels[0]->name;
    struct pass_tuned slot = {.kernel = kernel, .tensor = tiling->tensor, .key = tiling->key, .choice = tiling->choice};
    slot.span = SPAN_NONE;
    struct pass_tuning *tuning = &tuner->tuning;
    if (!ARENA_PUSH(ir_arena(tuner->invocation->context), tuning->items, tuning->count, tuning->capacity, slot))
        return false;
    struct pass_tuned *tried = &tuning->items[tuning->count - 1];
    tuner->measured = 0;
    for (int move = 0; move < TILE_MOVES; move++)
        if (!try_move(tuner, tried, (enum tile_move)move))
            return false;
    bool kept;
    if (!compare_last(tuner, tried, &tiling->choice, &kept))
        return false;
    report(tuner, tried, tiling, kept);
    if (!kept)
        tuning->count--;
    return true;
}

/* ---- all kernels ---- */

static bool tune_kernel(struct tuner *tuner, struct ir_program *program, size_t number)
{
    tuner->program = *program;
    tuner->program.kernels = &program->kernels[number];
    tuner->program.n_kernels = 1;
    tuner->tuning.count = 0;
    struct compiled *compiled = compile_program(tuner->invocation->context, &tuner->program, &tuner->options);
    if (!compiled)
        return false;
    const struct pass_kernel *kernel = &compiled->kernels[0];
    if (kernel->n_tilings && !timing_prepare(tuner->invocation, program->kernels[number], &tuner->timed))
        return false;
    for (size_t k = 0; k < kernel->n_tilings; k++)
        if (find_tiling(compiled, kernel->tilings[k].key) == &kernel->tilings[k] && !tune_product(tuner, &kernel->tilings[k]))
            return false;
    return true;
}

/* Vectors that einc can measure here; times of plain loops would say nothing. */
static bool can_measure(struct invocation *invocation)
{
    int64_t wanted = invocation->compile.passes.machine.vector_bytes, here = cpu_features().vector_bytes;
    if (wanted > 0 && wanted <= here)
        return true;
    struct diag *diag = diag_error(ir_diagnostics(invocation->context), DIAG_E0842, SPAN_NONE,
                                   wanted ? "the target has vectors of %lld bytes, and this machine %lld"
                                          : "products are not cut for a target without vectors",
                                   (long long)wanted, (long long)here);
    diag_help(ir_diagnostics(invocation->context), diag,
              "name one that this machine is: --target=host, or a file from einc machine");
    return false;
}

static bool tune_all(struct tuner *tuner, const char *path, const char *kernel)
{
    struct invocation *invocation = tuner->invocation;
    const struct source *source = input_source(invocation, path);
    if (!source || !can_measure(invocation))
        return false;
    struct ir_program *program =
        compile_derive(frontend_read(invocation->context, source, &invocation->compile.frontend), &invocation->compile);
    struct compiled *compiled = program ? compile_program(invocation->context, program, &invocation->compile) : NULL;
    int only = compiled && kernel ? input_kernel(invocation, compiled->program, kernel) : -1;
    if (!compiled || (kernel && only < 0))
        return false;
    tuner->options = invocation->compile;
    tuner->options.passes.propose = true;
    tuner->options.passes.tuning = &tuner->tuning;
    tune_print_head(&tuner->lines, &tuner->options.passes.machine, tuner->options.passes.threads);
    for (size_t k = 0; k < program->n_kernels; k++)
        if ((only < 0 || (size_t)only == k) && !tune_kernel(tuner, program, k))
            return false;
    return true;
}

int command_tune(struct invocation *invocation, int argc, char **argv)
{
    const char *output = NULL;
    struct tuner tuner = {.invocation = invocation, .rounds = 9, .timed.info = engine_find("c")};
    const struct option options[] = {{"-o", OPTION_TEXT, &output}, {"--rounds", OPTION_INTEGER, &tuner.rounds}};
    if (!options_parse(invocation, argc, argv, options, 2))
        return EXIT_USAGE;
    if (invocation->count < 1 || invocation->count > 2)
        return usage_error("tune needs a .ein file");
    if (invocation->tune)
        return usage_error("tune measures choices, and takes none with --tune; -o says where to write them");
    if (tuner.rounds < 1 || tuner.rounds > 1000)
        return usage_error("--rounds is from 1 to 1000");
    const char *path = invocation->words[0], *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    size_t stem = dot && (!slash || dot > slash + 1) && dot != path ? (size_t)(dot - path) : strlen(path);
    if (!output)
        output = arena_printf(ir_arena(invocation->context), "%.*s.tune", (int)stem, path);
    tuner.lines = text_create(ir_arena(invocation->context));
    tuner.quiet = output && strcmp(output, "-") == 0;
    bool good = output && (tuner.quiet || command_may_write(invocation, output, true, path)) &&
                tune_all(&tuner, path, invocation->count == 2 ? invocation->words[1] : NULL);
    drop_candidates(&tuner);
    const char *text = good ? text_finish(&tuner.lines) : NULL;
    if (text && tuner.quiet)
        fputs(text, stdout);
    else
        good = text && file_write(invocation->context, output, text, tuner.lines.length);
    return input_finish(invocation, good ? EXIT_DONE : EXIT_INPUT);
}
