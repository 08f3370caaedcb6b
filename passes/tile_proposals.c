/* What else may be worth measuring, for `einc tune`: of a product the best few tiles by the cost model along each index that
 * vectors may run along, and the product's own choice with the blocks of one role, or what is packed, changed. Of a copy rows and
 * blocks.
 *
 * The model's times are right to some tens of per cent, and caches and front ends decide between neighbours; so what it ranks
 * near the best is measured, and no more. */
#include "product.h"

#include <math.h>
#include <string.h>

enum { SHAPES = 6 };     /* tiles proposed of each lane */
#define RANKED_NEAR 1.25 /* times the cycles of the best: the model is not wrong by more */

static const enum tile_packing by_reuse[2] = {PACK_BY_REUSE, PACK_BY_REUSE};

struct proposing {
    struct arena *arena;
    const struct machine *machine;
    struct product product; /* a copy whose axes may be cut */
    struct pass_tiling *note;
    bool failed;
};

static void restore(struct proposing *proposing, const struct product *from)
{
    struct product_axis *axes = proposing->product.axes;
    memcpy(axes, from->axes, from->n_axes * sizeof *axes);
    proposing->product = *from;
    proposing->product.axes = axes;
}

static void add(struct proposing *proposing, enum tile_move move, const enum tile_packing *pack)
{
    struct pass_tiling *note = proposing->note;
    struct tile_proposal proposal = {.move = move};
    if (!tile_choice_of(proposing->arena, &proposing->product, &proposal.choice)) {
        proposing->failed = true;
        return;
    }
    memcpy(proposal.choice.pack, pack, sizeof proposal.choice.pack);
    if (!ARENA_PUSH(proposing->arena, note->proposals, note->n_proposals, note->proposals_capacity, proposal))
        proposing->failed = true;
}

/* ---- tiles ---- */

struct ranked {
    double cycles;
    int64_t *tiles;
};
struct ranking {
    struct ranked best[SHAPES]; /* by rising cycles */
    uint32_t count;
};

static bool is_ranked(const struct ranking *ranking, const struct product *product)
{
    for (uint32_t place = 0; place < ranking->count; place++) {
        uint32_t k = 0;
        while (k < product->n_axes && ranking->best[place].tiles[k] == product->axes[k].tile)
            k++;
        if (k == product->n_axes)
            return true;
    }
    return false;
}

static void rank(void *user, const struct product *product, double cycles)
{
    struct ranking *ranking = user;
    if (is_ranked(ranking, product) || (ranking->count == SHAPES && cycles >= ranking->best[SHAPES - 1].cycles))
        return;
    uint32_t at = ranking->count < SHAPES ? ranking->count++ : SHAPES - 1;
    struct ranked entry = {cycles, ranking->best[at].tiles};
    for (uint32_t k = 0; k < product->n_axes; k++)
        entry.tiles[k] = product->axes[k].tile;
    for (; at > 0 && ranking->best[at - 1].cycles > cycles; at--)
        ranking->best[at] = ranking->best[at - 1];
    ranking->best[at] = entry;
}

/* The best tiles along this lane, each with the blocks that the model gives it. */
static void propose_shapes(struct proposing *proposing, uint32_t lane)
{
    struct product *product = &proposing->product;
    struct ranking ranking = {.count = 0};
    for (uint32_t place = 0; place < SHAPES; place++)
        if (!(ranking.best[place].tiles = ARENA_ARRAY(proposing->arena, product->n_axes, int64_t))) {
            proposing->failed = true;
            return;
        }
    tile_set_lane(proposing->machine, product, lane);
    tile_each_shape(proposing->machine, product, rank, &ranking);
    for (uint32_t place = 0; place < ranking.count; place++) {
        if (ranking.best[place].cycles > RANKED_NEAR * ranking.best[0].cycles)
            break;
        for (uint32_t k = 0; k < product->n_axes; k++)
            product->axes[k].tile = ranking.best[place].tiles[k];
        (void)tile_choose_blocks(proposing->machine, product);
        add(proposing, TILE_SHAPE, by_reuse);
    }
}

/* ---- blocks and panels ---- */

/* Elements of the axes of a role in a block. */
static double elements_of(const struct product *product, enum loop_role role)
{
    double elements = 1;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        if (axis->role == role)
            elements *= axis->block ? (double)axis->block : fmax(axis->typical, 1);
    }
    return elements;
}

static void propose_blocks(struct proposing *proposing, const struct product *own, enum loop_role role, enum tile_move move)
{
    static const double scales[] = {0.5, 2, 4};
    double elements = elements_of(own, role);
    for (size_t s = 0; s < sizeof scales / sizeof *scales; s++) {
        restore(proposing, own);
        tile_cut_blocks(&proposing->product, role, floor(elements * scales[s]));
        add(proposing, move, proposing->note->choice.pack);
    }
}

static void propose_packing(struct proposing *proposing, const struct product *own)
{
    restore(proposing, own);
    for (int kind = 0; kind < 4; kind++)
        add(proposing, TILE_PACKING,
            (const enum tile_packing[]){kind & 1 ? PACK_ALWAYS : PACK_NEVER, kind & 2 ? PACK_ALWAYS : PACK_NEVER});
}

static void propose_copies(struct proposing *proposing, const struct product *own)
{
    static const double scales[] = {0.25, 0.5, 1, 2};
    struct product *product = &proposing->product;
    for (size_t s = 0; s < sizeof scales / sizeof *scales && product->a; s++) {
        restore(proposing, own);
        tile_cut_copy(proposing->machine, product, scales[s]);
        add(proposing, TILE_SHAPE, by_reuse);
    }
    if (!tile_copies_rows(product))
        return;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        struct product_axis *axis = &product->axes[k];
        axis->is_lane = axis->is_line;
        axis->tile = axis->is_line ? product->lanes : 1;
        axis->block = 0;
    }
    add(proposing, TILE_SHAPE, by_reuse);
}

bool tile_propose(struct arena *arena, const struct machine *machine, const struct product *product, struct pass_tiling *note)
{
    struct proposing proposing = {.arena = arena, .machine = machine, .product = *product, .note = note};
    proposing.product.axes = arena_copy(arena, product->axes, product->n_axes, sizeof *product->axes);
    if (!proposing.product.axes)
        return false;
    if (!product->accumulate) {
        propose_copies(&proposing, product);
        return !proposing.failed;
    }
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (tile_may_have_lane(machine, product, &product->axes[k])) {
            restore(&proposing, product);
            propose_shapes(&proposing, k);
        }
    restore(&proposing, product);
    if (tile_choose_blocks(machine, &proposing.product)) {
        if (tile_may_cut_sum(product, product_lane(product)))
            propose_blocks(&proposing, product, LOOP_K, TILE_BLOCK_K);
        propose_blocks(&proposing, product, LOOP_M, TILE_BLOCK_M);
        propose_blocks(&proposing, product, LOOP_N, TILE_BLOCK_N);
    }
    propose_packing(&proposing, product);
    return !proposing.failed;
}
