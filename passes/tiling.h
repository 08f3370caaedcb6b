/* A nest that is being cut into blocks and tiles: how its loops are written anew. */
#ifndef PASSES_TILING_H
#define PASSES_TILING_H

#include "product.h"

struct tiling {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct product product;
    uint64_t key;                        /* of the product */
    const struct pass_tuned *tuned;      /* the measured choice that was taken; NULL: the cost model's */
    const struct poly **place;           /* by index of the function: what stands for it now */
    uint32_t *outer, *inner, *innermost; /* by axis: indices of block, tile and element loops; UINT32_MAX: none */
    uint32_t buffer;                     /* of the tile; UINT32_MAX: a copy has none */
    uint32_t finished;                   /* where it is read from when it is turned; UINT32_MAX: it is not */
    const struct poly *address;          /* in it */
    uint32_t row;                        /* the axis whose blocks are summed into a row; UINT32_MAX: none (tile_rows.c) */
    uint32_t row_buffer;                 /* where */
    const struct poly *row_begin;        /* of the block, in C */
    const struct poly *first, *last;     /* block of k: >= 0 behind the first, at the last; NULL: k is not cut */
};

/* What is stored of the nest, with the indices of the blocks. */
const struct ir_expr *tiling_value(struct tiling *tiling);
/* C[...] = value */
struct loop_stmt *tiling_store(struct tiling *tiling, const struct ir_expr *value);

/* A loop over axis k around `body`; limit NULL: none. */
struct loop_stmt *tiling_around(struct tiling *tiling, uint32_t k, uint32_t index, const struct poly *end, const struct poly *limit,
                                struct loop_stmt *body);
/* The loop over the elements of axis k in a tile, up to the end of the tensor where `limited`. */
struct loop_stmt *tiling_element_loop(struct tiling *tiling, uint32_t k, bool limited, enum loop_kind kind, struct loop_stmt *body);
/* The loop over the tiles of axis k in a block; those of all axes of a role; the loops over their blocks. */
struct loop_stmt *tiling_loop(struct tiling *tiling, uint32_t k, struct loop_stmt *body);
struct loop_stmt *tiling_loops(struct tiling *tiling, enum loop_role role, struct loop_stmt *body);
struct loop_stmt *tiling_block_loops(struct tiling *tiling, enum loop_role role, struct loop_stmt *body);

/* ---- tile_copy.c ---- */

/* The nest of a copy. NULL: no memory. */
struct loop_stmt *tile_copy(struct tiling *tiling);

/* ---- tile_stage.c ---- */

/* Does a copy, cut as it is, go through a buffer, so that lines of memory are stored whole? */
bool tile_is_staged(const struct product *product);
/* The nest of such a copy. NULL: no memory. */
struct loop_stmt *tile_staged(struct tiling *tiling);

/* for x < count { C[to + x] stream= buffer[from + x] } */
struct loop_stmt *tiling_move(struct tiling *tiling, uint32_t buffer, const struct poly *to, const struct poly *from,
                              const struct poly *count);
/* An if; NULL where the condition or the body is. */
struct loop_stmt *tiling_where(struct tiling *tiling, const struct poly *at_least_0, struct loop_stmt *body,
                               struct loop_stmt *otherwise);

/* ---- tile_ahead.c ---- */

/* The rows by which a block leaves. */
struct tiling_rows {
    struct loop_stmt **list; /* a row and what stands beside it */
    const struct poly *number;
    int64_t count;
};
/* An axis, and steps of it that a block reads beyond its end. */
struct tiling_step {
    uint32_t axis; /* UINT32_MAX: none */
    int64_t more;
};

/* Puts hints for the next block of A into the list of a row; `nest`: the loops over blocks around the list `block`. False: no
 * memory. */
bool tile_fetch_ahead(struct tiling *tiling, struct loop_stmt *nest, const struct loop_stmt *block, struct tiling_rows rows,
                      struct tiling_step cut);

/* ---- tile_rows.c ---- */

/* Is a product, cut as it is, to leave for memory by rows? Then its axis is cut into rows. */
bool tile_plan_rows(struct tiling *tiling);
/* The buffer of a row, when the axes are open. False: no memory. */
bool tile_open_rows(struct tiling *tiling);
/* The loops of a block, and behind them its row. NULL: no memory. */
struct loop_stmt *tile_leave_rows(struct tiling *tiling, struct loop_stmt *body);

/* ---- tile_note.c ---- */

/* Notes the choice for `explain`. False: no memory. */
bool tile_note(struct tiling *tiling);

#endif
