/* What `explain` says of a tiled nest: sizes, and the share of the machine's peak, or of its bandwidth, that they promise.
 *
 * Predicted is the larger of two times: that of the multiplications, at the rate that the chosen tile allows, and that of the
 * tensors from memory, each once, where they are more than the caches hold (the roofline of Williams, Waterman and Patterson, CACM
 * 52, 2009). */
#include "tiling.h"

#include <math.h>
#include <string.h>

/* Bytes of the buffer that a load or store names. */
static double bytes_of(const struct tiling *tiling, uint32_t buffer)
{
    const struct loop_buffer *tensor = &tiling->kernel->loops->buffers[buffer];
    return poly_estimate(tensor->count, ir_typical_sizes(tiling->context), NULL) * (double)ir_elem_info(tensor->elem)->bytes;
}

static double memory_seconds(const struct tiling *tiling)
{
    const struct product *product = &tiling->product;
    const struct machine *machine = &tiling->kernel->options->machine;
    double read = bytes_of(tiling, product->a->load.buffer) + bytes_of(tiling, product->b->load.buffer);
    double written = bytes_of(tiling, product->store->store.buffer);
    double caches = fmax((double)machine->l3_bytes, (double)machine->l2_bytes);
    bool streams = product_streams(tiling->kernel, product);
    if (read + written <= caches || machine->read_rate <= 0 || machine->write_rate <= 0)
        return 0;
    return read / machine->read_rate + written / (streams ? machine->stream_rate : machine->write_rate);
}

static void predict(const struct tiling *tiling, struct pass_tiling *note)
{
    const struct product *product = &tiling->product;
    const struct machine *machine = &tiling->kernel->options->machine;
    double flops = 2, rate = product->elem == IR_f32 ? machine->flop_rate_f32 : machine->flop_rate_f64;
    for (uint32_t k = 0; k < product->n_axes; k++)
        flops *= fmax(product->axes[k].typical, 1);
    double filled = (double)product->lanes / (double)product_lanes(machine, product->elem, 0); /* of a vector */
    double least = flops / rate, multiplying = least * product->cycles * (double)machine->fma_ports / filled;
    double moving = memory_seconds(tiling);
    note->is_memory_bound = moving > multiplying;
    note->share = least / fmax(moving, multiplying);
}

/* Bytes a second that a core reads of what lies in this many bytes, from the innermost cache that holds them; `in_memory`: none
 * does. */
static double rate_of(const struct machine *machine, double bytes, bool *in_memory)
{
    *in_memory = false;
    if (bytes <= (double)machine->l1_bytes)
        return machine->l1_rate;
    if (bytes <= (double)machine->l2_bytes)
        return machine->l2_rate;
    if (bytes <= (double)machine->l3_bytes)
        return machine->l3_rate;
    *in_memory = true;
    return machine->read_rate;
}

/* Seconds in which squares are turned in registers: loads, stores and log2(lanes) shuffles a vector, one a cycle, once more loads
 * and stores where rows leave a buffer. */
static double turning_seconds(const struct tiling *tiling, double elements)
{
    const struct product *product = &tiling->product;
    const struct machine *machine = &tiling->kernel->options->machine;
    double lanes = (double)product_lanes(machine, product->elem, 0);
    double flops = product->elem == IR_f32 ? machine->flop_rate_f32 : machine->flop_rate_f64;
    double cycle = lanes * 2 * (double)machine->fma_ports / flops;
    bool is_turned = product->a && !poly_equals(product->axes[product->n_axes - 1].a, 1);
    return is_turned ? elements / lanes * (log2(lanes) + (tiling->buffer != UINT32_MAX ? 4 : 2)) * cycle : 0;
}

/* A copy: the time of its bytes alone, by stores of whole lines, over what it is to take. What is stored in parts past what caches
 * hold is read before. */
static void predict_copy(const struct tiling *tiling, struct pass_tiling *note)
{
    const struct product *product = &tiling->product;
    const struct machine *machine = &tiling->kernel->options->machine;
    double written = bytes_of(tiling, product->store->store.buffer), bytes = (double)ir_elem_info(product->elem)->bytes;
    bool in_memory, streams = tiling->buffer != UINT32_MAX || product_streams(tiling->kernel, product);
    double rate = rate_of(machine, 2 * written, &in_memory);
    if (rate <= 0 || machine->write_rate <= 0 || written <= 0)
        return;
    double best = in_memory ? fmax(machine->stream_rate, machine->write_rate) : rate;
    double least = written / rate + written / best, moving = least;
    if (in_memory && !streams)
        moving = 2 * written / rate + written / machine->write_rate;
    note->share_of_bandwidth = least / (moving + turning_seconds(tiling, written / bytes));
}

bool tile_note(struct tiling *tiling)
{
    struct pass_kernel *kernel = tiling->kernel;
    struct arena *arena = ir_arena(tiling->context);
    const struct product *product = &tiling->product;
    const struct loop_function *function = kernel->loops;
    struct pass_tiling note = {.tensor = function->buffers[product->store->store.buffer].name,
                               .vector = arena_printf(arena, "%sx%d", ir_elem_info(product->elem)->name, (int)product->lanes),
                               .axes = ARENA_ARRAY(arena, product->n_axes, struct pass_tiled_axis),
                               .n_axes = product->n_axes,
                               .is_memory_bound = true,
                               .buffer = product->accumulate ? tiling->buffer : UINT32_MAX,
                               .key = tiling->key,
                               .tuned = tiling->tuned};
    if (!note.vector || !note.axes || !tile_choice_of(arena, product, &note.choice))
        return false;
    if (tiling->tuned)
        memcpy(note.choice.pack, tiling->tuned->choice.pack, sizeof note.choice.pack);
    if (kernel->options->propose && !tile_propose(arena, &kernel->options->machine, product, &note))
        return false;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        note.axes[k] = (struct pass_tiled_axis){function->indices[axis->loop->loop.index].name, loop_role_names[axis->role],
                                                axis->tile, axis->block};
        if (product->accumulate ? axis->is_lane : axis->is_line)
            note.lane = note.axes[k].index;
    }
    if (product->accumulate)
        predict(tiling, &note);
    else
        predict_copy(tiling, &note);
    return ARENA_PUSH(arena, kernel->tilings, kernel->n_tilings, kernel->tilings_capacity, note);
}
