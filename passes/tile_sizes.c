/* Sizes of the register tile and of the blocks for the caches, for a summed product.
 *
 * The tile: vectors of C's unit-stride index (the lane axis, then other m) by columns (n). Its accumulators and one set of A's
 * vectors fit the registers; of those that do, the one of least time a useful element wins: cycles of multiplications, loads and
 * the latency of a chain, times what padding wastes at extents that the tile does not divide.
 *
 * The blocks: a group's inner indices whole, one index cut, outer ones one by one, so that a block is a box of the tensor. Summed
 * indices until a row of tiles of B fills two thirds of the innermost cache (A's lines and C's pass through the rest), all of them
 * where it fills twice as much (B comes from the second then, as A does, and C is made at once), m until A's block fills two fifths
 * of the second, through which B and C pass, n until B's fills half the third. */
#include "product.h"

#include <math.h>

enum {
    MOST_LOADS = 2, /* of vectors, a cycle */
    LARGEST_TILE = 64,
    UNKNOWN_CACHE = 1 << 14,
    LINES_ASIDE = 4,
    TURNED_TILES = 16,
    SHORT_TILES = 4,
    STREAMED_ROWS = 8,    /* of A that are read together where it is read once */
    STREAMED_VECTORS = 4, /* of each of them in turn: its stream goes on before the machine forgets it */
    READ_LONGER = 3, /* times as much of a long line of A as of C is in a block that is staged, over and under the edge of others */
    LONGER_ROW = 4,  /* times the edge of a block may a row be, to end at a line */
    TURNED_SUM = 4,  /* times n: a panel is turned while its lines are waited for, a tile takes time of its own */
    LEAST_M = 64     /* rows of A's block for which B is worth being read from the third cache */
};
/* Of a cycle, what a load costs beside multiplications: the front end, compilers that load a vector again for each column, and of
 * the cycles that a vector takes from the second cache those that are not hidden. */
#define VECTOR_SHARE    0.3
#define BROADCAST_SHARE 0.1
#define CLEARLY_LESS    0.995 /* else the first found stays */
/* Of the first cache for a row of tiles of B, of the second for A's block. What others leave of a cache may be less than its size,
 * and what does not fit costs more than C coming and going, or B being read, some more times: on Sapphire Rapids products of 2048
 * in f64 lost 5 to 9 % where these were 1.5 and 0.75. */
#define SHARE_OF_L1 0.67
#define MOST_OF_L1  1.5
#define SHARE_OF_L2 0.4
#define MOST_OF_L2  0.75

/* Indices that are not the lane and may be in the tile, inner ones first. */
struct group {
    struct product_axis *axes[8];
    uint32_t n;
};

static struct group group_of(struct product *product, enum loop_role role)
{
    struct group group = {.n = 0};
    for (uint32_t k = product->n_axes; k-- > 0 && group.n < 8;)
        if (product->axes[k].role == role && !product->axes[k].is_lane)
            group.axes[group.n++] = &product->axes[k];
    return group;
}

/* The largest tile of an extent that is at most `most`, such that few are wasted: the tiles are as equal as can be. */
static int64_t balanced(double extent, int64_t most)
{
    int64_t tiles = (int64_t)ceil(extent / (double)most);
    int64_t size = (int64_t)ceil(extent / (double)(tiles > 0 ? tiles : 1));
    return size < 1 ? 1 : size;
}

static double waste(const struct product_axis *axis, int64_t tile)
{
    double extent = fmax(axis->typical, 1);
    return ceil(extent / (double)tile) * (double)tile / extent;
}

/* Spreads `budget` over a group: inner indices whole, the first that does not fit in equal parts. */
static void spread(const struct group *group, int64_t budget)
{
    int64_t product = 1;
    for (uint32_t k = 0; k < group->n; k++) {
        struct product_axis *axis = group->axes[k];
        int64_t most = budget / product;
        axis->tile = most < 2 ? 1 : balanced(fmax(axis->typical, 1), most);
        product *= axis->tile;
        if ((double)axis->tile < axis->typical)
            budget = 0;
    }
}

static double extents_of(const struct product *product, enum loop_role role)
{
    double extents = 1;
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].role == role)
            extents *= fmax(product->axes[k].typical, 1);
    return extents;
}

/* A product without batch stays in half the second cache. */
static bool stays_near(const struct machine *machine, const struct product *product)
{
    double m = extents_of(product, LOOP_M), n = extents_of(product, LOOP_N), sum = extents_of(product, LOOP_K);
    double l1 = machine->l1_bytes ? (double)machine->l1_bytes : UNKNOWN_CACHE, bytes = (double)ir_elem_info(product->elem)->bytes;
    return (m * n + (m + n) * sum) * bytes <= fmax((double)machine->l2_bytes, l1) / 2;
}

/* The axis along which C lies. */
static uint32_t line_of(const struct product *product)
{
    uint32_t k = 0;
    while (!product->axes[k].is_line)
        k++;
    return k;
}

/* C's line fills half a vector at most, A is read again for each n, and so packed along whatever index, and the sum is long enough
 * for turning each tile to matter little. */
static bool has_short_line(const struct machine *machine, const struct product *product)
{
    double lanes = (double)product_lanes(machine, product->elem, 0);
    return 2 * product->axes[line_of(product)].typical <= lanes && extents_of(product, LOOP_N) > 1 &&
           extents_of(product, LOOP_K) >= TURNED_SUM * lanes;
}

bool tile_may_have_lane(const struct machine *machine, const struct product *product, const struct product_axis *axis)
{
    bool lies = poly_equals(axis->a, 1) && (axis->role == LOOP_M || (axis->role == LOOP_BATCH && poly_equals(axis->b, 1)));
    bool is_packed = axis->role == LOOP_M && has_short_line(machine, product);
    return axis->is_line ||
           ((lies || is_packed) && product->axes[line_of(product)].role == LOOP_M &&
            product->store->store.combine == IR_EXPR_OP_COUNT && axis->typical >= (double)product_lanes(machine, product->elem, 0));
}

void tile_set_lane(const struct machine *machine, struct product *product, uint32_t lane)
{
    for (uint32_t k = 0; k < product->n_axes; k++)
        product->axes[k].is_lane = k == lane;
    product->lanes = product_lanes(machine, product->elem, product->axes[lane].is_line ? product->axes[lane].extent : 0);
}

/* The axis but C's line that vectors had better run along: one along which A lies, else the last, which moves C least. */
static uint32_t near_lane(const struct machine *machine, const struct product *product)
{
    uint32_t near = product->n_axes;
    for (uint32_t k = product->n_axes; k-- > 0;) {
        const struct product_axis *axis = &product->axes[k];
        if (axis->is_line || !tile_may_have_lane(machine, product, axis))
            continue;
        if (near == product->n_axes || poly_equals(axis->a, 1))
            near = k;
    }
    return near;
}

/* Where A lies along another m than C does, and there is far more of A than of C to turn, vectors run along that and tiles are
 * turned; so they are where only a batch index lies along memory, or C's line fills no vector, and where A is read once, as it
 * lies. A tile is turned when it is finished, so k must not be cut. */
static void choose_lane(const struct machine *machine, struct product *product)
{
    uint32_t near = near_lane(machine, product);
    if (near == product->n_axes)
        return;
    double lanes = (double)product_lanes(machine, product->elem, 0);
    bool needed = product->axes[line_of(product)].typical < lanes || product->axes[near].role == LOOP_BATCH;
    double n = extents_of(product, LOOP_N), sum = extents_of(product, LOOP_K), bytes = (double)ir_elem_info(product->elem)->bytes;
    double tiles = has_short_line(machine, product) ? SHORT_TILES : TURNED_TILES; /* of A's panel that stay in the second cache */
    bool stays = n == 1 || sum * lanes * tiles * bytes <= (double)machine->l2_bytes;
    if ((needed || sum >= TURNED_SUM * n) && stays)
        tile_set_lane(machine, product, near);
}

/* A tile: vectors along the lane by rows of other m, by columns of n. */
struct tile_shape {
    int64_t vectors, rows, columns;
};

struct tile_groups {
    struct product_axis *lane;
    struct group m, n;
    bool is_turned; /* a tile is then a vector by as many of C's line */
};

static struct tile_groups tile_groups(struct product *product)
{
    struct tile_groups groups = {.m = group_of(product, LOOP_M), .n = group_of(product, LOOP_N)};
    struct product_axis *line = &product->axes[line_of(product)];
    for (uint32_t k = 0; k < product->n_axes; k++)
        groups.lane = product->axes[k].is_lane ? &product->axes[k] : groups.lane;
    groups.is_turned = line != groups.lane;
    if (groups.is_turned)
        groups.m = (struct group){{line}, 1};
    return groups;
}

/* Cycles that a vector takes from the second cache. */
static double from_l2(const struct machine *machine, const struct product *product)
{
    double bytes = (double)ir_elem_info(product->elem)->bytes;
    double flops = product->elem == IR_f32 ? machine->flop_rate_f32 : machine->flop_rate_f64;
    double clock = flops / (double)(2 * machine->fma_ports * (machine->vector_bytes / (int64_t)bytes));
    double cycles = machine->l2_rate > 0 ? (double)product->lanes * bytes / machine->l2_rate * clock : 1;
    return fmax(cycles, 1);
}

double tile_cycles(const struct machine *machine, const struct product *product)
{
    double vectors = 1, columns = 1, wasted = 1; /* vectors: of all rows */
    const struct product_axis *lane = product_lane(product);
    double of_lane = (double)(lane->tile / product->lanes), vectors_of_b = lane->role == LOOP_BATCH ? of_lane : 0;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        const struct product_axis *axis = &product->axes[k];
        wasted *= waste(axis, axis->tile);
        if (axis->role == LOOP_N)
            columns *= (double)axis->tile;
        else
            vectors *= axis->is_lane ? (double)(axis->tile / product->lanes) : (double)axis->tile;
    }
    double fmas = vectors * columns, loads = vectors + columns * fmax(vectors_of_b, 1);
    double a_cycle = fmin((double)machine->fma_ports, MOST_LOADS); /* where vectors are computed in halves they are loaded so */
    double cycles = fmax(fmas / (double)machine->fma_ports, loads / a_cycle);
    double share = VECTOR_SHARE * from_l2(machine, product) * vectors;
    share += columns * (vectors_of_b > 0 ? VECTOR_SHARE * vectors_of_b : BROADCAST_SHARE);
    return (fmax(cycles, (double)machine->fma_latency) + share) / fmas * wasted;
}

/* Gives the axes a tile of this shape, or the largest below it that cuts them evenly. */
static void set_tile(const struct product *product, struct tile_groups *groups, struct tile_shape shape)
{
    groups->lane->tile = shape.vectors * product->lanes;
    spread(&groups->n, shape.columns);
    spread(&groups->m, shape.rows);
}

/* Accumulators, what is loaded along one side, and one along the other. */
bool tile_fits_registers(const struct machine *machine, int64_t rows, int64_t columns)
{
    return columns <= LARGEST_TILE && rows * columns + (rows < columns ? rows : columns) + 1 <= machine->vector_registers;
}

void tile_each_shape(const struct machine *machine, struct product *product, tile_visit *visit, void *user)
{
    struct tile_groups groups = tile_groups(product);
    int64_t whole = (int64_t)ceil(fmax(groups.lane->typical, 1) / (double)product->lanes), registers = machine->vector_registers;
    int64_t least_rows = groups.is_turned ? product->lanes : 1;
    bool is_batched = groups.lane->role == LOOP_BATCH && (extents_of(product, LOOP_N) > 1 || !poly_equals(groups.lane->a, 1));
    for (uint32_t k = 0; k < product->n_axes; k++)
        product->axes[k].tile = 1;
    set_tile(product, &groups, (struct tile_shape){1, least_rows, 1}); /* whatever the registers */
    visit(user, product, tile_cycles(machine, product));
    for (int64_t vectors = 1; vectors <= (groups.is_turned ? 1 : whole) && vectors <= registers; vectors++) {
        bool has_rows = vectors == whole || is_batched; /* more than whole lines of C, or of A what is used for each n */
        int64_t most_rows = groups.is_turned ? least_rows : has_rows ? registers / vectors : 1;
        for (int64_t rows = least_rows; rows <= most_rows; rows++)
            for (int64_t columns = 1; tile_fits_registers(machine, vectors * rows, columns); columns++) {
                set_tile(product, &groups, (struct tile_shape){vectors, rows, columns});
                visit(user, product, tile_cycles(machine, product));
            }
    }
}

struct best_tile {
    double cycles;
    int64_t *tiles; /* of the axes */
};

static void keep_better(void *user, const struct product *product, double cycles)
{
    struct best_tile *best = user;
    if (best->cycles > 0 && cycles >= best->cycles * CLEARLY_LESS)
        return;
    best->cycles = cycles;
    for (uint32_t k = 0; k < product->n_axes; k++)
        best->tiles[k] = product->axes[k].tile;
}

/* Where A is read once tiles that are turned get longer along it: so that lines that lie side by side are read together. */
static void read_longer(const struct machine *machine, struct product *product)
{
    struct tile_groups groups = tile_groups(product);
    double whole = fmax(groups.lane->typical, 1) / (double)product->lanes;
    if (!groups.is_turned || extents_of(product, LOOP_N) > 1)
        return;
    for (int64_t vectors = TILE_TURNED_VECTORS; vectors > 1; vectors--) {
        int64_t most = (machine->vector_registers - 2) / vectors, rows = most < product->lanes ? most : product->lanes;
        if (rows < 1 || (double)vectors > whole)
            continue;
        set_tile(product, &groups, (struct tile_shape){vectors, rows, 1});
        product->cycles = tile_cycles(machine, product);
        return;
    }
}

/* A is read once, from beyond the second cache, by long rows, a few together (choose_blocks). Pieces of one row after the other, as
 * wide tiles would read them, break off each time what the machine fetches ahead: on Sapphire Rapids 28 vectors in turn came at
 * 13 GB/s, 4 at 23. A tile as wide as the row goes on from row to row instead. */
static void follow_rows(const struct machine *machine, struct product *product)
{
    struct tile_groups groups = tile_groups(product);
    if (groups.is_turned || !poly_equals(groups.lane->a, 1) || extents_of(product, LOOP_N) > 1 || stays_near(machine, product) ||
        !tile_may_cut_sum(product, groups.lane) || (double)groups.lane->tile >= groups.lane->typical)
        return;
    set_tile(product, &groups, (struct tile_shape){STREAMED_VECTORS, 1, 1});
    product->cycles = tile_cycles(machine, product);
}

static bool choose_tile(struct arena *arena, const struct machine *machine, struct product *product)
{
    struct best_tile best = {0, ARENA_ARRAY(arena, product->n_axes, int64_t)};
    if (!best.tiles)
        return false;
    tile_each_shape(machine, product, keep_better, &best);
    for (uint32_t k = 0; k < product->n_axes; k++)
        product->axes[k].tile = best.tiles[k];
    product->cycles = best.cycles;
    read_longer(machine, product);
    follow_rows(machine, product);
    return true;
}

static double tiles_of(const struct product *product, enum loop_role role)
{
    double tiles = 1;
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].role == role)
            tiles *= (double)product->axes[k].tile;
    return tiles;
}

/* ---- blocks ---- */

static int64_t round_up(int64_t value, int64_t to)
{
    return (value + to - 1) / to * to;
}

/* A factor lies along the axis side by side in memory, and C's line does not anyway; B, where it is far less than A, may lie as it
 * will. */
static bool is_near(const struct product *product, const struct product_axis *axis)
{
    bool by_b = poly_equals(axis->b, 1) && extents_of(product, LOOP_N) > 1;
    return !axis->is_line && (poly_equals(axis->a, 1) || by_b);
}

/* Sets tiles aside for the near axes of a role, as their blocks for now: some lines, fewer where those of two are more than `units`
 * together. Gives their product. */
static double set_aside(struct product *product, enum loop_role role, double units)
{
    double all = 1, line = CACHE_LINE / (double)ir_elem_info(product->elem)->bytes;
    for (uint32_t k = 0; k < product->n_axes; k++) {
        struct product_axis *axis = &product->axes[k];
        double tile = (double)axis->tile, most = fmin(ceil(fmax(axis->typical, 1) / tile), ceil(LINES_ASIDE * line / tile));
        if (axis->role != role)
            continue;
        axis->block = is_near(product, axis) ? (int64_t)most : 1;
        all *= (double)axis->block;
    }
    while (all > units) {
        struct product_axis *most = NULL;
        for (uint32_t k = 0; k < product->n_axes; k++)
            if (product->axes[k].role == role && (!most || product->axes[k].block > most->block))
                most = &product->axes[k];
        all /= (double)most->block;
        most->block /= 2;
        all *= (double)most->block;
    }
    return all;
}

/* Elements of the axis in `units` tiles; 0: all of it. */
static int64_t block_of(const struct product_axis *axis, double units)
{
    double most = floor(units) * (double)axis->tile;
    if (axis->extent > 0 && (double)axis->extent <= most)
        return 0;
    if (axis->extent > 0)
        return round_up(balanced((double)axis->extent, (int64_t)most), axis->tile);
    return most > TILE_LONGEST_BLOCK ? 0 : (int64_t)most;
}

void tile_cut_blocks(struct product *product, enum loop_role role, double budget)
{
    double units = fmax(budget / tiles_of(product, role), 1);
    units /= set_aside(product, role, units);
    for (uint32_t k = product->n_axes; k-- > 0;) {
        struct product_axis *axis = &product->axes[k];
        if (axis->role != role)
            continue;
        double own = units * (double)axis->block;
        axis->block = block_of(axis, own);
        bool is_cut = axis->block && (double)axis->block < axis->typical;
        units = is_cut ? 1 : fmax(own / ceil(fmax(axis->typical, 1) / (double)axis->tile), 1);
    }
}

bool tile_copies_rows(const struct product *product)
{
    return !product->a || poly_equals(product->axes[product->n_axes - 1].a, 1);
}

/* Of the axes in a block the one whose step in C is this; NULL: none. */
static struct product_axis *axis_of_step(struct product *product, int64_t step)
{
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].role != LOOP_BATCH && poly_equals(product->axes[k].c, step))
            return &product->axes[k];
    return NULL;
}

/* What lies side by side in C are inner axes whole and one that is cut: into blocks that end where lines of memory do, if these are
 * not many more elements than `most`, and the last not less than a line. */
static void end_at_lines(struct product *product, int64_t most)
{
    int64_t inner = 1, line = CACHE_LINE / (int64_t)ir_elem_info(product->elem)->bytes, step = line;
    struct product_axis *cut = axis_of_step(product, 1);
    while (cut && !cut->block && cut->extent > 0 && inner <= most) {
        inner *= cut->extent;
        cut = cut->extent > 1 ? axis_of_step(product, inner) : NULL;
    }
    if (!cut || !cut->block || inner > most)
        return;
    while (step > 1 && step / 2 * inner % line == 0)
        step /= 2;
    for (int64_t block = round_up(cut->block, step); block * inner <= LONGER_ROW * most; block += step) {
        int64_t last = cut->extent % block;
        if (cut->extent && cut->extent <= block)
            cut->block = 0;
        else if (last == 0 || last * inner >= line)
            cut->block = block;
        else
            continue;
        return;
    }
}

void tile_cut_copy(const struct machine *machine, struct product *product, double scale)
{
    double bytes = (double)ir_elem_info(product->elem)->bytes, edge = scale * sqrt((double)machine->l2_bytes / 4 / bytes);
    struct product_axis *line = &product->axes[product->n_axes - 1];
    bool rows = tile_copies_rows(product), is_long = line->typical >= edge && line[rows ? 0 : -1].typical >= edge;
    double row = product->is_ragged && is_long ? edge / READ_LONGER : edge;
    for (uint32_t k = 0; k < product->n_axes; k++)
        product->axes[k].tile = 1;
    line->is_lane = false;
    line->tile = line[rows ? 0 : -1].tile = (int64_t)(CACHE_LINE / bytes); /* blocks are of whole lines on both sides */
    tile_cut_blocks(product, LOOP_M, row);
    if (product->is_ragged)
        end_at_lines(product, (int64_t)edge);
    double elements = 1;
    for (uint32_t k = 0; k < product->n_axes; k++)
        if (product->axes[k].role == LOOP_M)
            elements *= product->axes[k].block ? (double)product->axes[k].block : fmax(product->axes[k].typical, 1);
    tile_cut_blocks(product, LOOP_N, product->is_ragged ? edge * edge / elements : edge);
    if (product->is_ragged)
        end_at_lines(product, (int64_t)edge);
    line->tile = line[rows ? 0 : -1].tile = 1;
}

/* Vectors along a row that lies as in the tensor that is copied; else blocks that stay in the second cache, of both tensors. */
static void choose_copy(const struct machine *machine, struct product *product)
{
    double bytes = (double)ir_elem_info(product->elem)->bytes, all = 2 * bytes;
    struct product_axis *line = &product->axes[product->n_axes - 1];
    for (uint32_t k = 0; k < product->n_axes; k++)
        all *= fmax(product->axes[k].typical, 1);
    bool is_small = all <= (double)machine->l1_bytes / 2;
    if (tile_copies_rows(product) && (!product->a || is_small || line->typical * bytes >= COPIED_ROW))
        line->tile = product->lanes;
    else if (is_small)
        line->is_lane = false;
    else
        tile_cut_copy(machine, product, 1);
}

bool tile_may_cut_sum(const struct product *product, const struct product_axis *lane)
{
    const struct loop_stmt *store = product->store;
    return !product->reads_result && lane->is_line &&
           (store->store.combine == IR_EXPR_OP_COUNT ||
            (store->store.combine == IR_EXPR_add && store->store.value->op == IR_EXPR_local));
}

/* Does A, read tile after tile with all of the sum in each, come as it lies? No m that goes on from tile to tile lies inside a k.
 */
static bool sums_as_it_lies(const struct product *product)
{
    for (uint32_t m = 0; m < product->n_axes; m++)
        for (uint32_t k = 0; k < product->n_axes; k++) {
            const struct product_axis *tiled = &product->axes[m], *summed = &product->axes[k];
            int64_t inner, outer;
            if (tiled->role == LOOP_M && summed->role == LOOP_K && (double)tiled->tile < tiled->typical &&
                (!poly_is_constant(tiled->a, &inner) || !poly_is_constant(summed->a, &outer) ||
                 fabs((double)inner) < fabs((double)outer)))
                return false;
        }
    return true;
}

static bool choose_blocks(const struct machine *machine, struct product *product)
{
    double bytes = (double)ir_elem_info(product->elem)->bytes;
    double m = extents_of(product, LOOP_M), n = extents_of(product, LOOP_N), sum = extents_of(product, LOOP_K);
    double l1 = machine->l1_bytes ? (double)machine->l1_bytes : UNKNOWN_CACHE, l2 = fmax((double)machine->l2_bytes, l1);
    double l3 = fmax((double)machine->l3_bytes, l2);
    for (uint32_t k = 0; k < product->n_axes; k++)
        product->axes[k].block = 0;
    if (stays_near(machine, product))
        return false;
    if (n == 1) { /* A is read once: rows of it whole, a few at a time */
        if (tile_may_cut_sum(product, product_lane(product)) && !sums_as_it_lies(product))
            tile_cut_blocks(product, LOOP_K, STREAMED_ROWS);
        return true;
    }
    double row = l1 / tiles_of(product, LOOP_N) / bytes, most = MOST_OF_L2 * l2 / fmin(m, LEAST_M) / bytes;
    double summed = floor(fmin((sum <= MOST_OF_L1 * row ? MOST_OF_L1 : SHARE_OF_L1) * row, most));
    if (tile_may_cut_sum(product, product_lane(product)))
        tile_cut_blocks(product, LOOP_K, summed);
    else
        summed = sum;
    summed = fmin(summed, sum);
    tile_cut_blocks(product, LOOP_M, floor(SHARE_OF_L2 * l2 / bytes / summed));
    tile_cut_blocks(product, LOOP_N, floor(l3 / 2 / bytes / summed));
    return true;
}

bool tile_choose_blocks(const struct machine *machine, struct product *product)
{
    bool is_cut = choose_blocks(machine, product);
    tile_share_blocks(machine, product);
    return is_cut;
}

bool tile_choose_sizes(struct arena *arena, const struct machine *machine, struct product *product)
{
    for (uint32_t k = 0; k < product->n_axes; k++)
        product->axes[k].tile = 1;
    if (!product->accumulate) {
        choose_copy(machine, product);
        return true;
    }
    choose_lane(machine, product);
    if (!choose_tile(arena, machine, product))
        return false;
    (void)tile_choose_blocks(machine, product);
    tile_find_shared(machine, product);
    return true;
}
