/* What a kernel would cost: each node of what `order` makes of it by max(flops / rate, bytes / bandwidth).
 *
 * What a map computes it computes where it is read, so it moves no bytes of its own. A step of a scan whose values fit the cache
 * finds them there at the next step. An estimate compares forms of one kernel; it is no prediction of its time. */
#include "estimate.h"
#include "fuse_stages.h"

#include <math.h>
#include <string.h>

static const struct estimate none = {INFINITY, INFINITY, INFINITY, NULL};

static double kernel_time(struct pass_kernel *pass, const struct ir_kernel *kernel, double byte_rate, bool step);

/* Bytes that the nodes of a kernel hold; of a step its states, and what else it stores or reads. */
static double bytes_of(struct pass_kernel *pass, const struct ir_kernel *step)
{
    size_t count;
    const double *typical = ir_typical_sizes(pass->context);
    const struct ir_node **nodes = ir_topological(pass->context, step, &count);
    double bytes = 0;
    for (size_t k = 0; nodes && typical && k < count; k++)
        bytes += poly_estimate(ir_element_count(pass->context, nodes[k]), typical, NULL) * ir_elem_info(nodes[k]->elem)->bytes;
    return bytes;
}

/* What fits a cache is there when it is read again. */
static double rate_of(const struct machine *machine, double bytes)
{
    return bytes <= (double)machine->l2_bytes   ? machine->l2_rate
           : bytes <= (double)machine->l3_bytes ? machine->l3_rate
                                                : machine->read_rate;
}

static double byte_rate(struct pass_kernel *pass, const struct ir_kernel *kernel)
{
    return rate_of(&pass->options->machine, bytes_of(pass, kernel));
}

static double scan_time(struct pass_kernel *pass, const struct ir_scan *scan)
{
    double once = kernel_time(pass, scan->step, byte_rate(pass, scan->step), true);
    return once * fmax(poly_estimate(scan->extent, ir_typical_sizes(pass->context), NULL), 1);
}

static double node_time(struct pass_kernel *pass, const struct ir_node *node, double byte_rate, bool step)
{
    const struct machine *machine = &pass->options->machine;
    const double *typical = ir_typical_sizes(pass->context);
    if (typical && node->op == IR_scan_node)
        return scan_time(pass, node->scan);
    struct ir_work work = ir_node_work(pass->context, node);
    if (!typical || !work.flops || !work.functions || !work.bytes || (node->op != IR_contract_node && node->op != IR_map_node))
        return 0;
    size_t bytes = ir_elem_info(ir_elem_real(node->elem))->bytes;
    bool in_vectors = pass->kernel->numeric_class != IR_CLASS_EXACT;
    double compute = poly_estimate(work.flops, typical, NULL) / machine_flop_rate(machine, bytes) +
                     poly_estimate(work.functions, typical, NULL) / machine_function_rate(machine, bytes, in_vectors);
    bool stored = step || node->op == IR_contract_node;
    double moved = poly_estimate(work.bytes, typical, NULL);
    byte_rate =
        fmax(byte_rate, rate_of(machine, 2 * moved)); /* what was made just before is there, whatever else the kernel holds */
    return stored ? fmax(compute, moved / byte_rate) : compute;
}

/* Which nodes depend on no input: `fuse` computes them now. */
static bool *find_constants(struct pass_kernel *pass, size_t count, const struct ir_node *const *nodes)
{
    size_t n_ids = count ? (size_t)nodes[count - 1]->id + 1 : 0;
    for (size_t k = 0; k < count; k++)
        n_ids = nodes[k]->id >= n_ids ? (size_t)nodes[k]->id + 1 : n_ids;
    bool *constant = ARENA_ARRAY(ir_arena(pass->context), n_ids, bool);
    for (size_t k = 0; constant && k < count; k++) {
        constant[nodes[k]->id] = nodes[k]->op != IR_input_node && nodes[k]->op != IR_scan_node;
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            constant[nodes[k]->id] = constant[nodes[k]->id] && constant[nodes[k]->operands[o].node->id];
    }
    return constant;
}

static double kernel_time(struct pass_kernel *pass, const struct ir_kernel *kernel, double byte_rate, bool step)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(pass->context, kernel, &count);
    const bool *constant = nodes ? find_constants(pass, count, nodes) : NULL;
    double time = 0;
    for (size_t k = 0; constant && k < count; k++)
        time += constant[nodes[k]->id] ? 0 : node_time(pass, nodes[k], byte_rate, step);
    return time;
}

/* Of constants, and what is made of them alone, as far as others read it. */
static double table_bytes(struct pass_kernel *pass, const struct ir_kernel *kernel)
{
    size_t count, n_ids = 0;
    const double *typical = ir_typical_sizes(pass->context);
    const struct ir_node **nodes = ir_topological(pass->context, kernel, &count);
    const bool *constant = nodes ? find_constants(pass, count, nodes) : NULL;
    for (size_t k = 0; nodes && k < count; k++)
        n_ids = nodes[k]->id >= n_ids ? (size_t)nodes[k]->id + 1 : n_ids;
    bool *seen = ARENA_ARRAY(ir_arena(pass->context), n_ids, bool);
    double bytes = 0;
    for (size_t k = 0; constant && seen && typical && k < count; k++)
        for (uint32_t o = 0; !constant[nodes[k]->id] && o < nodes[k]->n_operands; o++) {
            const struct ir_node *read = nodes[k]->operands[o].node;
            if (constant[read->id] && !seen[read->id])
                bytes +=
                    poly_estimate(ir_element_count(pass->context, read), typical, NULL) * (double)ir_elem_info(read->elem)->bytes;
            seen[read->id] = true;
        }
    return bytes;
}

/* A copy of the kernel after these passes, which say nothing. False: that failed. */
static bool try_passes(struct pass_kernel *pass, const struct ir_kernel *kernel, const char *const *names, size_t n_names,
                       struct pass_options *options, struct pass_kernel *trial)
{
    *options = *pass->options;
    options->memory_limit = 0;
    options->trace = NULL;
    options->tuning = NULL;
    options->is_trial = true;
    *trial = (struct pass_kernel){
        .context = pass->context, .kernel = ir_kernel_copy(pass->context, kernel), .in_step = pass->in_step, .options = options};
    for (size_t k = 0; trial->kernel && k < n_names; k++)
        if (pass_run(pass_find(names[k], strlen(names[k])), trial) != EINC_OK)
            return false;
    return trial->kernel != NULL;
}

struct estimate estimate_ordered(struct pass_kernel *pass, const struct ir_kernel *kernel)
{
    static const char *const names[] = {"simplify", "deltas",  "split_indices", "deltas", "simplify",
                                        "formulas", "flatten", "split_indices", "order"};
    const double *typical = ir_typical_sizes(pass->context);
    struct pass_options options;
    struct pass_kernel trial;
    if (!typical || !try_passes(pass, kernel, names, sizeof names / sizeof *names, &options, &trial))
        return none;
    struct ir_work work = ir_kernel_work(pass->context, trial.kernel);
    if (!work.flops)
        return none;
    return (struct estimate){kernel_time(pass, trial.kernel, byte_rate(pass, trial.kernel), false),
                             poly_estimate(work.flops, typical, NULL), table_bytes(pass, trial.kernel), trial.flops_naive};
}

/* ---- with loops ---- */

/* What filling the panels of products takes. */
struct panels {
    struct pass_kernel *kernel;
    size_t n_before;         /* buffers that are no panels */
    const struct poly *read; /* the place that was read last */
    double seconds;
};

/* Do vectors of the panel lie side by side where they are read, too? */
static bool is_straight(struct ir_context *context, const struct poly *read, const struct loop_access *write)
{
    for (size_t k = 0; read && k < write->n_loops; k++) {
        const struct poly *to, *from;
        uint32_t index = write->loops[k]->loop.index;
        if (poly_split_index(context, write->address, index, &to, NULL) && to && poly_equals(to, 1))
            return poly_split_index(context, read, index, &from, NULL) && from && poly_equals(from, 1);
    }
    return false;
}

static void add_filling(void *user, const struct loop_access *access)
{
    struct panels *panels = user;
    const struct loop_function *loops = panels->kernel->loops;
    const double *typical = ir_typical_sizes(panels->kernel->context);
    if (access->does == LOOP_READS)
        panels->read = access->address;
    if (access->does != LOOP_WRITES || access->buffer < panels->n_before || !access->address)
        return;
    double elements = 1;
    for (size_t k = 0; k < access->n_loops; k++)
        elements *= fmax(poly_estimate(access->loops[k]->loop.end, typical, NULL), 1);
    panels->seconds +=
        fuse_copy_seconds(&panels->kernel->options->machine, elements, ir_elem_info(loops->buffers[access->buffer].elem)->bytes,
                          !is_straight(panels->kernel->context, panels->read, access));
}

struct estimate estimate_fused(struct pass_kernel *pass, const struct ir_kernel *kernel)
{
    static const char *const fused[] = {"factor",           "apply",        "mask_domains", "fuse", "lower_loops", "split_complex",
                                        "propagate_copies", "widen_halves", "gather"};
    static const char *const packed[] = {"group_stages", "classify", "tile", "partial_sums", "pack"};
    const double *typical = ir_typical_sizes(pass->context);
    struct pass_options options;
    struct pass_kernel trial;
    double seconds;
    struct ir_work work = typical ? ir_kernel_work(pass->context, kernel) : (struct ir_work){NULL, NULL, NULL};
    if (!work.flops || !try_passes(pass, kernel, fused, sizeof fused / sizeof *fused, &options, &trial) ||
        fuse_with_seconds(&trial, &seconds) != EINC_OK)
        return none;
    struct panels panels = {&trial, trial.loops->n_buffers, NULL, 0};
    for (size_t k = 0; k < sizeof packed / sizeof *packed; k++) {
        if (strcmp(packed[k], "pack") == 0)
            panels.n_before = trial.loops->n_buffers;
        if (pass_run(pass_find(packed[k], strlen(packed[k])), &trial) != EINC_OK)
            return none;
    }
    if (!loop_visit_accesses(pass->context, trial.loops, trial.loops->body, add_filling, &panels))
        return none;
    return (struct estimate){seconds + panels.seconds, poly_estimate(work.flops, typical, NULL), 0, NULL};
}
