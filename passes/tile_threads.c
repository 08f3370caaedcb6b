/* Cuts a summed product so that threads have equally much to do.
 *
 * The blocks of one index of n or m stand outside of all other blocks, as many as can be dealt out evenly, so that a team of
 * threads starts once and each packs for itself. Blocks chosen for the caches stay where they can be dealt out; else they are made
 * smaller, never larger. Where a batch index is shared out evenly nothing changes. Of several indices that one wins with which the
 * busiest thread is done first: it has its tiles to multiply, and copies the factor that the index does not move once for each of
 * its blocks. No sum is cut by any of this. */
#include "product.h"

#include <math.h>

enum {
    MOST_BLOCKS = 16, /* that a thread is given */
    SPARE_BLOCKS = 4, /* so many where the extent is known at run time only, and may be another than the typical one */
    COPIED_TIMES = 2  /* an element is read and written where it is packed */
};
#define EVEN      0.95 /* the share of the threads' time that is used, where nothing has to be changed */
#define TEAM_COST 4.0  /* teams must cost less than the product by so much */

/* Tiles of an axis. */
static double tiles_of(const struct product_axis *axis)
{
    return ceil(fmax(axis->typical, 1) / (double)axis->tile);
}

/* Blocks of the thread that has most, of `per` tiles each. */
static double busiest_blocks(const struct product_axis *axis, double per, int64_t threads)
{
    return ceil(ceil(tiles_of(axis) / per) / (double)threads);
}

/* The share of the threads' time that is used where they deal out blocks of `per` tiles. */
static double evenness(const struct product_axis *axis, double per, int64_t threads)
{
    double tiles = tiles_of(axis), busiest = fmin(busiest_blocks(axis, per, threads) * per, tiles);
    return tiles / ((double)threads * busiest);
}

static double flop_rate(const struct machine *machine, const struct product *product)
{
    return product->elem == IR_f32 ? machine->flop_rate_f32 : machine->flop_rate_f64;
}

static double multiplying_seconds(const struct machine *machine, const struct product *product)
{
    double flops = 2;
    for (uint32_t k = 0; k < product->n_axes; k++)
        flops *= fmax(product->axes[k].typical, 1);
    return flops / flop_rate(machine, product);
}

/* To pack the factor that indices of the role do not move. */
static double packing_seconds(const struct machine *machine, const struct product *product, enum loop_role role)
{
    double bytes = COPIED_TIMES * (double)ir_elem_info(product->elem)->bytes;
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].role != role)
            bytes *= fmax(product->axes[k].typical, 1);
    return machine->l3_rate > 0 ? bytes / machine->l3_rate : 0;
}

/* Of the busiest thread. */
static double shared_seconds(const struct machine *machine, const struct product *product, const struct product_axis *axis,
                             double per)
{
    double alone = multiplying_seconds(machine, product) / (double)product->threads;
    return alone / evenness(axis, per, product->threads) +
           busiest_blocks(axis, per, product->threads) * packing_seconds(machine, product, axis->role);
}

static bool may_be_shared(const struct product_axis *axis)
{
    return axis->role == LOOP_N || axis->role == LOOP_M;
}

static bool has_even_batch(const struct product *product)
{
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].role == LOOP_BATCH && evenness(&product->axes[k], 1, product->threads) >= EVEN)
            return true;
    return false;
}

static bool is_worthwhile(const struct machine *machine, const struct product *product)
{
    return product->threads > 1 && product->accumulate && machine->team_rate > 0 &&
           multiplying_seconds(machine, product) > TEAM_COST / machine->team_rate && !has_even_batch(product);
}

void tile_find_shared(const struct machine *machine, struct product *product)
{
    double least = INFINITY;
    product->shared = UINT32_MAX;
    if (!is_worthwhile(machine, product))
        return;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        if (!may_be_shared(axis) || !axis->block)
            continue;
        double seconds = shared_seconds(machine, product, axis, (double)(axis->block / axis->tile));
        if (seconds < least) {
            least = seconds;
            product->shared = k;
        }
    }
}

void tile_share_blocks(const struct machine *machine, struct product *product)
{
    double least = INFINITY;
    struct product_axis *shared = NULL;
    int64_t block = 0;
    if (!is_worthwhile(machine, product))
        return;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        struct product_axis *axis = &product->axes[k];
        double tiles = tiles_of(axis), most = axis->block ? (double)(axis->block / axis->tile) : tiles;
        for (int64_t each = axis->extent ? 1 : SPARE_BLOCKS; may_be_shared(axis) && each <= MOST_BLOCKS; each++) {
            double per = fmin(ceil(tiles / (double)(each * product->threads)), most);
            double seconds = shared_seconds(machine, product, axis, per);
            if (per * (double)axis->tile > TILE_LONGEST_BLOCK || seconds >= least)
                continue;
            least = seconds;
            shared = axis;
            block = (int64_t)per * axis->tile;
        }
    }
    if (shared && (!shared->extent || block < shared->extent))
        shared->block = block;
}
