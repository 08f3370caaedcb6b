/* A product of two tensors, summed, or what is made element by element, a copy most often: what classify, tile and pack know of one
 * nest of loop IR.
 *
 * The canonical nests, which `lower_loops` leaves for them where the target has vectors:
 *
 *     for outputs { var sum = 0   for summed { sum add= mul(A[...], B[...]) }   C[...] = value of sum }
 *     for outputs { C[...] = value }
 *
 * Every loop runs from 0, every address is linear in every index. A is the factor that has C's unit-stride index, if only one has.
 * Sizes are those of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (ACM TOMS 34, 2008); that every
 * dimension is a group of indices follows Matthews, "High-performance tensor contraction without transposition" (SIAM J. Sci.
 * Comput. 40, 2018). */
#ifndef PASSES_PRODUCT_H
#define PASSES_PRODUCT_H

#include "passes.h"

enum {
    CACHE_LINE = 64,  /* bytes */
    PACKED_REUSE = 8, /* of an element of a panel whose lines are gathered */
    COPIED_ROW = 1024 /* bytes that a copy moves together, of each tensor, where it can */
};

/* One index of the nest. */
struct product_axis {
    const struct loop_stmt *loop; /* as it stands in the canonical nest */
    enum loop_role role;
    int64_t extent;               /* 0: known at run time only */
    double typical;               /* the extent, or what it will typically be */
    const struct poly *a, *b, *c; /* steps of the three addresses; 0: it does not move them */
    bool is_line;                 /* C's unit-stride index */
    bool is_lane;                 /* the one that vectors run along: C's too, or one along which A lies and the tile is turned */
    int64_t tile, block;          /* so many in a register tile, in a block of the cache; block 0: the whole extent */
};

struct product {
    struct product_axis *axes; /* batch, then n, then m, then k; within a role by falling step */
    uint32_t n_axes;
    enum ir_elem elem;
    int64_t lanes;               /* of the vectors: the target's, or of the shortest that hold a short lane axis */
    const struct ir_expr *a, *b; /* the loads; element by element b is NULL, a too if C is no copy */
    const struct loop_stmt *define, *accumulate, *store; /* the first two NULL element by element */
    int64_t threads;                                     /* among which its blocks are shared; at most 1: among none */
    uint32_t shared;   /* the axis whose blocks stand outside of all others and are dealt out; UINT32_MAX: none */
    double cycles;     /* a useful multiplication and addition of vectors, as the chosen tile runs; set with the tile */
    bool is_ragged;    /* a copy past the caches, turned or of short lines, which begin anywhere in lines of memory */
    bool reads_result; /* the value stored is made of what C holds before: no partial sum may stand there */
};

/* Reads the canonical nest that begins with this loop; false: it is none. Roles come from the addresses, not from the loops. */
bool product_read(struct pass_kernel *kernel, const struct loop_stmt *loop, struct product *product);
/* Is the end of the loop never negative, at any sizes? One that may be, where the loop does not run, must not be divided: the
 * remainder of -3 by 8 is 5. */
bool product_runs_forward(struct pass_kernel *kernel, const struct loop_stmt *loop);
/* Does a product suit vectors along a batch index, which both factors have? `is_whole`: it fills most of a vector; of each factor:
 * it lies along the index; it lies along a summed one, so that a panel of it is filled by vectors that are turned; how often
 * indices that only the other has read it again. A panel for a factor that does not lie along it must be paid for by its use, or be
 * cheap. */
bool product_suits_batch(bool is_whole, const bool near[2], const bool is_row[2], const double reuse[2]);
/* Is it a loop over blocks around several stages (fuse_stages.c)? */
bool product_holds_stages(const struct loop_stmt *loop);
/* The axis that vectors run along. */
const struct product_axis *product_lane(const struct product *product);
/* How many elements fill a vector of the target, or the shortest that holds `extent` of them (0: unknown); 0: it has none. */
int64_t product_lanes(const struct machine *machine, enum ir_elem elem, int64_t extent);

/* How many parts of this size cover the extent. */
const struct poly *product_parts(struct ir_context *context, const struct poly *extent, int64_t size);
/* Is the buffer a result of more than the caches keep for who reads it next, where stores past them are faster? */
bool product_fills_caches(const struct pass_kernel *kernel, uint32_t buffer);
/* Is what is stored more than the caches hold, so that it had better go past them as it is made? Not what the loops around
 * take up again, as a sum that begins with zeros in memory; a copy that is turned does by whole lines only. */
bool product_streams(const struct pass_kernel *kernel, const struct product *product);

/* Do all its lines begin where lines of memory do, if the tensor does? */
bool product_has_whole_lines(struct ir_context *context, const struct product *product);

/* Calls `change` for the loops of the list, and for those inside one that it did not change. False: no memory. */
typedef bool product_change_function(void *user, struct loop_stmt *loop, bool *changed);
bool product_change(struct loop_stmt *list, product_change_function *change, void *user);
/* The statements of `by` stand where the loop stood. */
void product_replace(struct loop_stmt *loop, const struct loop_stmt *by);

/* ---- tile_sizes.c ---- */

enum {
    TILE_LONGEST_BLOCK = 1 << 20,
    TILE_TURNED_VECTORS = 8 /* at most, along the lane of a tile that is turned, where A is read once */
};

/* Chooses `tile` and `block` of every axis. False: no memory. */
bool tile_choose_sizes(struct arena *arena, const struct machine *machine, struct product *product);

/* What it does it with, for others to choose otherwise. Of a summed product: */
bool tile_may_have_lane(const struct machine *machine, const struct product *product, const struct product_axis *axis);
void tile_set_lane(const struct machine *machine, struct product *product, uint32_t lane);
/* Calls `visit` with the product in every tile of its lane that fits the registers, and the cycles of that. */
typedef void tile_visit(void *user, const struct product *product, double cycles);
void tile_each_shape(const struct machine *machine, struct product *product, tile_visit *visit, void *user);
/* Cycles of a useful multiplication and addition of vectors in the tile that the axes have. */
double tile_cycles(const struct machine *machine, const struct product *product);
/* `rows` vectors by so many columns. */
bool tile_fits_registers(const struct machine *machine, int64_t rows, int64_t columns);
/* May C hold sums of a part of k between blocks, with vectors along this axis? */
bool tile_may_cut_sum(const struct product *product, const struct product_axis *lane);
/* Blocks by the caches; false: it is too small for any. */
bool tile_choose_blocks(const struct machine *machine, struct product *product);
/* Blocks of the axes of a role, inner ones first, of `budget` elements together. Some lines of the near axis are set aside for it:
 * so a factor is read by whole lines, and turned in registers where its panel is to run along another axis. */
void tile_cut_blocks(struct product *product, enum loop_role role, double budget);
/* Of a copy: its rows may be copied in whole vectors; blocks of `scale` times the usual edge. */
bool tile_copies_rows(const struct product *product);
void tile_cut_copy(const struct machine *machine, struct product *product, double scale);

/* ---- tile_threads.c: blocks that threads share evenly ---- */

/* Makes the blocks of one axis so many that each thread has as many, where that pays. */
void tile_share_blocks(const struct machine *machine, struct product *product);
/* Finds the axis to be shared among the blocks as they are. */
void tile_find_shared(const struct machine *machine, struct product *product);

/* ---- tile_choice.c: a choice as data ---- */

/* What choices for the product depend on, but the machine: what it computes, its extents and how its tensors lie. */
uint64_t tile_key(struct ir_context *context, const struct product *product);
/* How the axes are cut now. False: no memory. */
bool tile_choice_of(struct arena *arena, const struct product *product, struct tile_choice *choice);
/* Cuts the axes as the choice says; else gives what it breaks, and leaves them as they are. NULL: done. */
const char *tile_apply_choice(const struct machine *machine, struct product *product, const struct tile_choice *choice);

/* ---- tile_proposals.c: what else may be worth measuring ---- */

/* The few best by the cost model, and the product's own choice with one thing changed, as far as they are legal: in `note`. False:
 * no memory. */
bool tile_propose(struct arena *arena, const struct machine *machine, const struct product *product, struct pass_tiling *note);

#endif
