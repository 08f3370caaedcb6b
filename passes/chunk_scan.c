/* Linear scans in chunk form, where that is estimated to be faster.
 *
 * A step by step recurrence reads and writes its whole state at every step; in chunk form (chunk_build.c) most of the work is
 * contractions. Both are estimated (estimate.c). Tried are chunk lengths that divide the number of steps. Kernels of class `exact`
 * keep their scans: sums are reordered. */
#include "chunk.h"
#include "estimate.h"

#include <math.h>
#include <string.h>

static const int64_t lengths[] = {16, 32, 64, 128, 256};
enum { N_LENGTHS = sizeof lengths / sizeof *lengths };

/* How many times faster a chunk form has to be, since it takes more memory and estimates are off by as much. */
static const double WORTH = 1.25;

/* ---- one scan ---- */

struct replacing {
    struct chunk_form *form;
    bool failed;
};

static const struct ir_node *replace_projection(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct replacing *replacing = user;
    struct chunk_form *form = replacing->form;
    bool after;
    (void)context;
    if (node->op != IR_proj_node || node->operands[0].node != form->scan)
        return node;
    const struct ir_node *output = form->step->outputs[node->proj.result].node, *result;
    uint32_t state = chunk_state_of(form, output, &after);
    if (node->proj.last)
        result = chunk_last_state(form, node->proj.result);
    else if (state != UINT32_MAX)
        result = chunk_every_state(form, state, after);
    else if (output->op == IR_input_node || output->op == IR_const_node)
        result = NULL; /* simplify has made it a value of the step */
    else
        result = form->lifted[output->id];
    replacing->failed = replacing->failed || !result;
    return result ? result : node;
}

/* The kernel with the scan in chunks of this length; NULL: not possible. */
static struct ir_kernel *with_chunks(struct pass_kernel *pass, const struct chunk_form *found, int64_t length)
{
    struct ir_context *context = pass->context;
    struct chunk_form form = *found;
    const struct poly *extent = form.scan->scan->extent, *chunk = poly_constant(context, length);
    form.length = length;
    form.chunks = poly_floor_div(context, extent, chunk, NULL);
    if (!form.chunks || poly_multiply(context, form.chunks, chunk) != extent || poly_equals(form.chunks, 1))
        return NULL;
    form.kernel = ir_kernel_copy(context, pass->kernel);
    form.parts = ARENA_ARRAY(form.arena, form.scan->scan->n_states, struct chunk_parts);
    form.lifted = ARENA_ARRAY(form.arena, form.n_ids, const struct ir_node *);
    struct replacing replacing = {&form, false};
    if (!form.kernel || !form.parts || !form.lifted || !chunk_lift(&form, false) || !chunk_carry(&form) ||
        !chunk_lift(&form, true) || !ir_rewrite(context, form.kernel, replace_projection, &replacing) || replacing.failed)
        return NULL;
    return form.kernel;
}

static bool add_choice(struct pass_kernel *pass, const struct ir_node *scan, int64_t length, double before, double after)
{
    struct arena *arena = ir_arena(pass->context);
    const char *name = scan->scan->step->inputs[0].name;
    const char *detail =
        length ? arena_printf(arena, "chunks of %lld steps, %.3g times faster than step by step by estimate", (long long)length,
                              before / after)
               : arena_printf(arena, "step by step; the best chunk form would take %.3g times as long by estimate", after / before);
    struct pass_choice choice = {
        .tensor = name, .kind = length ? "chunked scan" : "linear scan", .detail = detail, .source = "scan"};
    if (pass->options->trace && detail)
        pass->options->trace(pass->options->trace_user, "chunk_scan", detail);
    return ARENA_PUSH(arena, pass->choices, pass->n_choices, pass->choices_capacity, choice);
}

/* Puts the scan into its best form; false: as it was. */
static bool choose_form(struct pass_kernel *pass, const struct ir_node *scan)
{
    struct chunk_form form = {.context = pass->context, .arena = ir_arena(pass->context), .scan = scan};
    struct ir_kernel *best = NULL;
    double before = 0, least = INFINITY;
    int64_t length = 0, forced = pass->options->scan_chunk;
    if (!chunk_analyse(&form))
        return false;
    for (size_t k = 0; k < (forced ? 1 : N_LENGTHS); k++) {
        struct ir_kernel *kernel = with_chunks(pass, &form, forced ? forced : lengths[k]);
        double time = kernel ? estimate_ordered(pass, kernel).seconds : INFINITY;
        if (time >= least)
            continue;
        least = time;
        best = kernel;
        length = forced ? forced : lengths[k];
    }
    if (!best)
        return false;
    const struct estimate as_written = estimate_ordered(pass, pass->kernel);
    before = as_written.seconds;
    bool better = forced || least * WORTH < before;
    if (!add_choice(pass, scan, better ? length : 0, before, least) || !better)
        return false;
    *pass->kernel = *best;
    if (!pass->rewritten)
        pass->flops_naive = as_written.flops_naive;
    pass->rewritten = true;
    return true;
}

enum einc_status pass_chunk_scan(struct pass_kernel *pass)
{
    enum { MOST_SCANS = 32 }; /* each is tried within the whole kernel: more would take time quadratic in their number */
    size_t count, tried = 0;
    if (pass->kernel->numeric_class == IR_CLASS_EXACT || pass->options->scan_chunk < 0)
        return EINC_OK;
    const struct ir_node **nodes = ir_topological(pass->context, pass->kernel, &count);
    for (size_t k = count; nodes && k-- > 0;) /* the last first: those before it stay what they are */
        if (nodes[k]->op == IR_scan_node && tried++ < MOST_SCANS)
            (void)choose_form(pass, nodes[k]);
    return arena_failed(ir_arena(pass->context)) ? EINC_NO_MEMORY : EINC_OK;
}
