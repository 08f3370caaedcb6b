/* How a product or a copy is cut, as data: read off the axes, checked, and applied to them.
 *
 * A choice may come from a file and is believed nothing: it is applied only where the tile pass could have made it itself, so that
 * every choice gives the same results and only their time differs. The key says for which product a choice was made; it depends on
 * all that the cost model looks at but the machine, and on no name. */
#include "product.h"

#include <inttypes.h>
#include <math.h>

uint64_t tile_key(struct ir_context *context, const struct product *product)
{
    struct text text = text_create(ir_arena(context));
    const struct loop_stmt *store = product->store;
    text_printf(&text, "%s %d %d %d %d", ir_elem_info(product->elem)->name, product->accumulate != NULL, product->a != NULL,
                store->store.combine != IR_EXPR_OP_COUNT, product->reads_result);
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        const struct poly *const steps[] = {axis->a, axis->b, axis->c};
        text_printf(&text, "; %s %" PRId64 " %.17g", loop_role_names[axis->role], axis->extent, axis->typical);
        for (int s = 0; s < 3; s++) {
            text_put(&text, " ");
            poly_print(&text, context, steps[s], POLY_SOURCE, NULL, 0);
        }
    }
    const char *printed = text_finish(&text);
    return printed ? hash_bytes(0, printed, text.length) : 0;
}

static uint32_t lane_of(const struct product *product)
{
    uint32_t k = 0;
    while (k < product->n_axes && !product->axes[k].is_lane)
        k++;
    return k;
}

bool tile_choice_of(struct arena *arena, const struct product *product, struct tile_choice *choice)
{
    *choice = (struct tile_choice){.cuts = ARENA_ARRAY(arena, product->n_axes, struct tile_cut),
                                   .n_axes = product->n_axes,
                                   .lane = lane_of(product),
                                   .lanes = product->lanes};
    for (uint32_t k = 0; k < product->n_axes && choice->cuts; k++)
        choice->cuts[k] = (struct tile_cut){product->axes[k].tile, product->axes[k].block};
    return choice->cuts != NULL;
}

/* ---- what is wrong with a choice; NULL: nothing ---- */

/* Whole tiles, fewer than the extent has. */
static const char *refuse_block(const struct product_axis *axis, struct tile_cut cut)
{
    if (!cut.block)
        return NULL;
    if (axis->role == LOOP_BATCH)
        return "a batch index is not cut into blocks";
    if (cut.block < 0 || cut.block > TILE_LONGEST_BLOCK || cut.block % cut.tile)
        return "a block is some whole tiles";
    return axis->extent && cut.block >= axis->extent ? "a block is not shorter than its index" : NULL;
}

/* `least`: the number of which the tile is a multiple. */
static const char *refuse_tile(const struct product_axis *axis, struct tile_cut cut, int64_t least)
{
    if (cut.tile < 1 || cut.tile > TILE_LONGEST_BLOCK || cut.tile % least)
        return "a tile is some whole vectors";
    if (axis->extent && cut.tile >= axis->extent + least)
        return "a tile is longer than its index";
    bool is_one = axis->role == LOOP_K || axis->role == LOOP_BATCH;
    return is_one && least == 1 && cut.tile > 1 ? "batch and summed indices are not tiled" : NULL;
}

/* A tile that is turned is a vector by as many elements of C's line, by columns; several vectors where there are no columns. */
static const char *refuse_turned(const struct product *product, const struct tile_choice *choice)
{
    bool is_reread = false;
    for (uint32_t k = 0; k < choice->n_axes; k++)
        is_reread |= product->axes[k].role == LOOP_N;
    for (uint32_t k = 0; k < choice->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        int64_t most = axis->is_line ? choice->lanes : axis->role == LOOP_N ? TILE_LONGEST_BLOCK : 1;
        if (k == choice->lane)
            most = choice->lanes * (is_reread ? 1 : TILE_TURNED_VECTORS);
        if (choice->cuts[k].tile > most)
            return "a tile that is turned is a square of vectors";
        if (axis->role == LOOP_K && choice->cuts[k].block)
            return "the sum is not cut where tiles are turned";
    }
    return NULL;
}

static const char *refuse_product(const struct machine *machine, const struct product *product, const struct tile_choice *choice)
{
    const struct product_axis *lane = &product->axes[choice->lane];
    int64_t vectors = 1, columns = 1;
    if (!tile_may_have_lane(machine, product, lane))
        return "vectors cannot run along this index";
    if (choice->lanes != product_lanes(machine, product->elem, lane->is_line ? lane->extent : 0))
        return "vectors of the target have another length";
    for (uint32_t k = 0; k < choice->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        int64_t tile = k == choice->lane ? choice->cuts[k].tile / choice->lanes : choice->cuts[k].tile;
        int64_t *side = axis->role == LOOP_N ? &columns : &vectors;
        if (!checked_multiply(*side, tile, side) || *side > TILE_LONGEST_BLOCK)
            return "the tile is too large";
        if (axis->role == LOOP_K && choice->cuts[k].block && !tile_may_cut_sum(product, lane))
            return "the sum cannot be cut";
    }
    bool is_least = columns == 1 && vectors <= (lane->is_line ? 1 : choice->lanes);
    if (!is_least && !tile_fits_registers(machine, vectors, columns))
        return "the tile does not fit the registers";
    return lane->is_line ? NULL : refuse_turned(product, choice);
}

static const char *refuse_copy(const struct product *product, const struct tile_choice *choice)
{
    bool rows = choice->lane < choice->n_axes;
    if (rows ? !tile_copies_rows(product) || !product->axes[choice->lane].is_line : !product->a)
        return "vectors cannot run along this index";
    if (rows && choice->lanes != product->lanes)
        return "vectors of the target have another length";
    for (uint32_t k = 0; k < choice->n_axes; k++) {
        if (choice->cuts[k].tile != (k == choice->lane ? choice->lanes : 1))
            return "a copy has no tiles but vectors";
        if (rows && choice->cuts[k].block)
            return "rows are not cut into blocks";
    }
    return NULL;
}

static const char *refuse(const struct machine *machine, const struct product *product, const struct tile_choice *choice)
{
    if (choice->n_axes != product->n_axes)
        return "it names another number of indices";
    if (choice->lanes < 1 || choice->lane > choice->n_axes || (choice->lane == choice->n_axes && product->accumulate))
        return "no index has vectors";
    for (uint32_t k = 0; k < choice->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        const char *why = refuse_tile(axis, choice->cuts[k], k == choice->lane ? choice->lanes : 1);
        why = why ? why : refuse_block(axis, choice->cuts[k]);
        if (why)
            return why;
    }
    return product->accumulate ? refuse_product(machine, product, choice) : refuse_copy(product, choice);
}

const char *tile_apply_choice(const struct machine *machine, struct product *product, const struct tile_choice *choice)
{
    const char *why = refuse(machine, product, choice);
    if (why)
        return why;
    for (uint32_t k = 0; k < choice->n_axes; k++) {
        struct product_axis *axis = &product->axes[k];
        axis->tile = choice->cuts[k].tile;
        axis->block = choice->cuts[k].block;
        axis->is_lane = k == choice->lane;
    }
    if (product->accumulate) {
        product->lanes = choice->lanes;
        product->cycles = tile_cycles(machine, product);
        tile_find_shared(machine, product);
    }
    return NULL;
}
