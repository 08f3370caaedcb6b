/* What stages take, one by one and fused, and how many values of the common index a block should have.
 *
 * A stage takes the longer of two times: that of its operations, as the tile that will be chosen for it runs, and that of what it
 * touches, from the nearest cache that holds all of it. Fused, the operations are those of the nests in a block, and what they
 * touch is what lives at once in a block: buffers from the first to the last stage that uses them, and all that the index does not
 * move. What comes from outside and goes there does so at the rate of where it stands. A block has as many whole vectors as leave
 * three quarters of the first cache enough; one, where that takes the second. */
#include "fuse_stages.h"
#include "product.h"
#include "vectorise.h"

#include <math.h>

#define SHARE_OF_CACHE 0.75
#define WAITING        0.25
enum {
    MOST_VECTORS = 8,       /* of a block, side by side */
    COPY_CYCLES = 5,        /* a vector that is turned on its way: loads, log2(lanes) shuffles, stores */
    STAGE_CYCLES = 24,      /* what begins and ends with each stage of a block */
    BLOCKS_OF_A_THREAD = 4, /* at least */
    SCALAR_OPERATIONS = 1   /* a cycle, where there are no vectors */
};

static double typical(const struct fusion *fusion, const struct poly *poly)
{
    return fmax(poly_estimate(poly, ir_typical_sizes(fusion->context), NULL), 0);
}

static double clock_of(const struct machine *machine)
{
    return machine->flop_rate_f64 / (double)(2 * machine->fma_ports * (machine->vector_bytes / 8));
}

/* Bytes a second of what lies in the nearest cache that holds so many. */
static double rate_of(const struct machine *machine, double bytes)
{
    if (bytes <= SHARE_OF_CACHE * (double)machine->l1_bytes)
        return machine->l1_rate;
    if (bytes <= SHARE_OF_CACHE * (double)machine->l2_bytes)
        return machine->l2_rate;
    if (bytes <= SHARE_OF_CACHE * (double)machine->l3_bytes)
        return machine->l3_rate;
    return machine->read_rate;
}

/* Of two things that go on at once the longer one, and what they wait for each other. */
static double together(double a, double b)
{
    return fmax(a, b) + WAITING * fmin(a, b);
}

/* In a block: what stays outside passes by. */
static bool is_used(const struct fusion *fusion, uint32_t buffer)
{
    const struct fused_buffer *info = &fusion->buffers[buffer];
    return (info->is_read || info->is_written) && !fuse_stays(fusion, buffer);
}

/* Lanes of the shortest elements that move. */
static int64_t lanes_of(const struct fusion *fusion)
{
    int64_t lanes = 0;
    for (uint32_t k = 0; k < fusion->kernel->loops->n_buffers; k++) {
        int64_t own = product_lanes(&fusion->kernel->options->machine, fusion->kernel->loops->buffers[k].elem, 0);
        if (is_used(fusion, k) && fusion->buffers[k].is_moved && own > lanes)
            lanes = own;
    }
    return lanes;
}

/* ---- operations ---- */

/* Do all places lie still or side by side along the loop? */
struct lines {
    uint32_t index;
    struct ir_context *context;
    bool broken;
};

static void check_line(void *user, const struct loop_access *access)
{
    struct lines *lines = user;
    const struct poly *step;
    bool known = access->address && poly_split_index(lines->context, access->address, lines->index, &step, NULL);
    lines->broken |= !known || (step && !poly_equals(step, 0) && !poly_equals(step, 1)) ||
                     (access->does != LOOP_READS && (!step || !poly_equals(step, 1)));
}

/* A loop of a stage that stays alone, whose rows lie side by side: there is no choice of a block that it would sway. */
static bool is_in_lines(const struct fusion *fusion, const struct loop_stmt *loop)
{
    struct lines lines = {loop->loop.index, fusion->context, false};
    for (const struct loop_stmt *stmt = loop->loop.body; stmt; stmt = stmt->next)
        if (stmt->op != LOOP_STORE)
            return false;
    return fusion->n_stages == 1 && typical(fusion, loop->loop.end) >= (double)lanes_of(fusion) &&
           loop_visit_accesses(fusion->context, fusion->kernel->loops, loop->loop.body, check_line, &lines) && !lines.broken;
}

/* `beside`: what each statement takes that is no flop. */
static double list_operations(const struct fusion *fusion, const struct loop_stmt *list, double beside)
{
    const int64_t ports = fusion->kernel->options->machine.fma_ports;
    double sum = 0;
    for (; list; list = list->next) {
        int64_t functions = 0;
        if (list->op == LOOP_FOR && is_in_lines(fusion, list))
            sum +=
                typical(fusion, list->loop.end) * list_operations(fusion, list->loop.body, 0) / (double)(ports * lanes_of(fusion));
        else if (list->op == LOOP_FOR)
            sum += typical(fusion, list->loop.end) * list_operations(fusion, list->loop.body, beside);
        else if (list->op == LOOP_STORE)
            sum += beside + (double)ir_expr_flops(fusion->context, list->store.value, &functions);
        else if (list->op == LOOP_DEFINE || list->op == LOOP_SET)
            sum += beside + (double)ir_expr_flops(fusion->context, list->local.value, &functions);
        else if (list->op == LOOP_IF)
            sum +=
                fmax(list_operations(fusion, list->branch.body, beside), list_operations(fusion, list->branch.otherwise, beside));
        else if (list->op == LOOP_BLOCK)
            sum += list_operations(fusion, list->block, beside);
        sum += 10 * (double)functions;
    }
    return sum;
}

/* Of perfect loops the last. */
static const struct loop_stmt *innermost(const struct loop_stmt *nest)
{
    while (nest->op == LOOP_FOR && nest->loop.body && nest->loop.body->op == LOOP_FOR && !nest->loop.body->next)
        nest = nest->loop.body;
    return nest->op == LOOP_FOR ? nest : NULL;
}

/* Seconds of the operations of a nest, once; negative: no memory. `vectors` is set where vectors do them. */
static double operating_seconds(const struct fusion *fusion, const struct loop_stmt *nest, bool *vectors)
{
    const struct machine *machine = &fusion->kernel->options->machine;
    struct product product;
    double scalar = list_operations(fusion, nest, 1) / SCALAR_OPERATIONS / clock_of(machine);
    *vectors = product_read(fusion->kernel, nest, &product);
    if (!*vectors) {
        const struct loop_stmt *inner = innermost(nest);
        *vectors = inner && vectorise_is_straight(fusion->kernel, inner);
        double straight = list_operations(fusion, nest, 0) / (double)(machine->fma_ports * lanes_of(fusion));
        return *vectors ? straight / clock_of(machine) : scalar;
    }
    if (!product.accumulate)
        return scalar / (double)product.lanes;
    product.threads = 1;
    if (!tile_choose_sizes(fusion->arena, machine, &product))
        return -1;
    double flops = 2, rate = machine_flop_rate(machine, ir_elem_info(product.elem)->bytes);
    for (uint32_t k = 0; k < product.n_axes; k++)
        flops *= fmax(product.axes[k].typical, 1);
    double filled = (double)product.lanes / (double)product_lanes(machine, product.elem, 0);
    return flops / rate * product.cycles * (double)machine->fma_ports / filled;
}

/* ---- bytes ---- */

static double bytes_of(const struct fusion *fusion, uint32_t buffer)
{
    return fusion->buffers[buffer].touched * (double)ir_elem_info(fusion->kernel->loops->buffers[buffer].elem)->bytes;
}

/* Between the first stage that uses it and the last. */
static bool lives_in(const struct fusion *fusion, uint32_t buffer, uint32_t stage)
{
    const struct fused_buffer *info = &fusion->buffers[buffer];
    return is_used(fusion, buffer) && info->first <= stage && info->last >= stage;
}

bool fuse_time_apart(struct fusion *fusion)
{
    fusion->seconds_before = 0;
    for (uint32_t stage = 0; stage < fusion->n_stages; stage++) {
        bool vectors;
        double operating = operating_seconds(fusion, fusion->stages[stage].block->block, &vectors), bytes = 0;
        if (operating < 0)
            return false;
        for (uint32_t k = 0; k < fusion->kernel->loops->n_buffers; k++)
            if (fusion->stages[stage].uses[k])
                bytes += bytes_of(fusion, k);
        fusion->seconds_before += together(operating, bytes / rate_of(&fusion->kernel->options->machine, bytes));
    }
    return true;
}

static double row_bytes(const struct fusion *fusion, uint32_t buffer)
{
    return (double)fusion->buffers[buffer].row * (double)ir_elem_info(fusion->kernel->loops->buffers[buffer].elem)->bytes;
}

/* Bytes that live at once at one value of the index, at most; and of all that it does not move. */
static void find_live(const struct fusion *fusion, double *moved, double *still)
{
    size_t n = fusion->kernel->loops->n_buffers;
    *moved = *still = 0;
    for (uint32_t k = 0; k < n; k++)
        if (is_used(fusion, k) && !fusion->buffers[k].is_moved)
            *still += bytes_of(fusion, k);
    for (uint32_t stage = 0; stage < fusion->n_stages; stage++) {
        double bytes = 0;
        for (uint32_t k = 0; k < n; k++)
            if (lives_in(fusion, k, stage) && fusion->buffers[k].is_moved)
                bytes += row_bytes(fusion, k);
        *moved = fmax(*moved, bytes);
    }
}

double fuse_copy_seconds(const struct machine *machine, double elements, size_t element_bytes, bool turned)
{
    double bytes = elements * (double)element_bytes, vectors = bytes / (double)machine->vector_bytes;
    return together(vectors * (turned ? COPY_CYCLES : 1) / clock_of(machine), 2 * bytes / rate_of(machine, bytes));
}

double fuse_rough_seconds(struct pass_kernel *kernel, const struct loop_stmt *stmt)
{
    const struct fusion whole = {.kernel = kernel, .context = kernel->context};
    struct loop_stmt alone = *stmt;
    alone.next = NULL;
    return list_operations(&whole, &alone, 1) / SCALAR_OPERATIONS / clock_of(&kernel->options->machine);
}

static double blocks_of(const struct fusion *fusion, int64_t block)
{
    return fmax(ceil(typical(fusion, fusion->extent) / (double)block), 1);
}

double fuse_blocks(const struct fusion *fusion)
{
    return blocks_of(fusion, fusion->block);
}

/* ---- a block ---- */

/* Vectors that are turned on their way to a block or from it. */
static double turned_vectors(const struct fusion *fusion)
{
    double vectors = 0;
    for (uint32_t k = 0; k < fusion->kernel->loops->n_buffers; k++) {
        double ways = fuse_copies_in(fusion, k) + fuse_copies_out(fusion, k);
        vectors += ways * row_bytes(fusion, k) * (double)fusion->block / (double)fusion->kernel->options->machine.vector_bytes;
    }
    return vectors;
}

/* Of all that moves and comes from outside, or goes there, and of what is looked up. */
static double outside_bytes(const struct fusion *fusion)
{
    double bytes = 0;
    for (uint32_t k = 0; k < fusion->kernel->loops->n_buffers; k++)
        if (fuse_stays(fusion, k) || (is_used(fusion, k) && fusion->buffers[k].is_moved && fusion->buffers[k].is_outside))
            bytes += bytes_of(fusion, k);
    return bytes;
}

static double stage_bytes(const struct fusion *fusion, uint32_t stage)
{
    double bytes = 0;
    for (uint32_t k = 0; k < fusion->kernel->loops->n_buffers; k++) {
        const struct fused_buffer *info = &fusion->buffers[k];
        if (fusion->stages[stage].uses[k] && !fuse_stays(fusion, k))
            bytes += info->is_moved ? row_bytes(fusion, k) * (double)fusion->block : bytes_of(fusion, k);
    }
    return bytes;
}

/* All blocks, fused; infinite where lanes would not be vectors. False: no memory. */
static bool time_fused(struct fusion *fusion, double live)
{
    const struct machine *machine = &fusion->kernel->options->machine;
    double rate = rate_of(machine, live), outside = outside_bytes(fusion);
    double once = turned_vectors(fusion) * COPY_CYCLES / clock_of(machine);
    fusion->seconds = INFINITY;
    for (uint32_t k = 0; k < fusion->n_stages; k++) {
        struct loop_stmt *nest = fuse_nest(fusion, &fusion->stages[k]);
        bool vectors = false;
        double operating = nest ? operating_seconds(fusion, nest, &vectors) : -1;
        if (operating < 0)
            return false;
        if (fusion->block > 1 && !vectors && !fusion->stages[k].is_apart)
            return true;
        once += together(operating, stage_bytes(fusion, k) / rate) + STAGE_CYCLES / clock_of(machine);
    }
    fusion->seconds = together(blocks_of(fusion, fusion->block) * once, outside / rate_of(machine, outside));
    return true;
}

/* Whole vectors, as many as a cache holds with all that lives, and as leave threads enough to do; 0: not even one. */
static int64_t block_in_lanes(const struct fusion *fusion, double moved, double still)
{
    const struct machine *machine = &fusion->kernel->options->machine;
    int64_t lanes = lanes_of(fusion), vectors = MOST_VECTORS;
    double l1 = SHARE_OF_CACHE * (double)machine->l1_bytes, l2 = SHARE_OF_CACHE * (double)machine->l2_bytes;
    int64_t least = fusion->kernel->options->threads > 1 ? BLOCKS_OF_A_THREAD * fusion->kernel->options->threads : 1;
    while (vectors > 1 && (moved * (double)(vectors * lanes) + still > l1 || blocks_of(fusion, vectors * lanes) < (double)least))
        vectors--;
    return moved * (double)(vectors * lanes) + still <= l2 ? vectors * lanes : 0;
}

bool fuse_choose_block(struct fusion *fusion, bool may_have_lanes)
{
    double moved, still;
    find_live(fusion, &moved, &still);
    fusion->block = 1;
    if (!fuse_time_apart(fusion) || !time_fused(fusion, moved + still))
        return false;
    int64_t block = may_have_lanes ? block_in_lanes(fusion, moved, still) : 0;
    if (block <= 1)
        return true;
    double seconds = fusion->seconds;
    fusion->block = block;
    if (!time_fused(fusion, moved * (double)block + still))
        return false;
    if (fusion->seconds >= seconds) {
        fusion->block = 1;
        fusion->seconds = seconds;
    }
    return true;
}
