/* Inside the pass `vectorise`. */
#ifndef PASSES_VECTORISE_H
#define PASSES_VECTORISE_H

#include "passes.h"

struct vectorising {
    struct pass_kernel *kernel;
    struct ir_context *context;
};

/* ---- vectorise.c ---- */

/* Lanes of the vectors along a loop; 0: elements that no vector holds. */
int64_t vectorise_lanes(struct vectorising *vectorising, const struct loop_stmt *loop, enum ir_elem elem);
/* Is it an innermost loop over whole vectors of what it stores? */
bool vectorise_is_candidate(struct vectorising *vectorising, const struct loop_stmt *loop);
/* The loop over the vectors; index x of the old loop becomes lanes * vector + x. False: no memory. */
bool vectorise_split(struct vectorising *vectorising, struct loop_stmt *loop, int64_t lanes);

/* ---- vectorise_tiles.c ---- */

/* Before the loop, within those around it, the tile's vectors go to an array that any code may read. False: no memory. */
bool vectorise_from_copy(struct vectorising *vectorising, struct loop_stmt *loop);
/* Of short loops around a store of functions of a tile the innermost; NULL: they are no such nest. */
struct loop_stmt *vectorise_calls_within(struct vectorising *vectorising, struct loop_stmt *nest);
/* Makes such a nest one that copies the tile and one, of loops, that computes the functions. False: no memory. */
bool vectorise_calls(struct vectorising *vectorising, struct loop_stmt *nest, struct loop_stmt *inner);

/* ---- vectorise_straight.c: straight lines of statements ---- */

/* Is it a loop around nothing but definitions and stores that vectors can do? */
bool vectorise_is_straight(struct pass_kernel *kernel, const struct loop_stmt *loop);
/* Makes it one over vectors. False: no memory. */
bool vectorise_straight(struct pass_kernel *kernel, struct loop_stmt *loop);

/* ---- vectorise_rows.c: their places that lanes move along by more than one element ---- */

struct vectorise_row;
struct vectorise_rows {
    struct pass_kernel *kernel;
    const struct loop_stmt *loop;
    struct vectorise_row *rows;
    size_t n, capacity;
    int64_t lanes;                            /* once the arrays are there */
    bool apart;                               /* lanes stand as those of pairs that are taken apart (loop_lanes.c) */
    const struct poly *first, *vector, *lane; /* of the loop's index: where the vector begins, its number, and which lane it is */
    int64_t n_vectors;
};
struct vectorise_place {
    uint32_t buffer;
    const struct poly *address;
};

/* Notes a place of which each lane has a row of its own; false: they lie otherwise, or no memory. */
bool vectorise_note_row(struct vectorise_rows *rows, uint32_t buffer, const struct poly *address, bool writes);
/* When all are noted: are the rows whole, without an element that nobody asks for? */
bool vectorise_close_rows(struct vectorise_rows *rows);
/* Does every row have a vector of so many lanes, at least? */
bool vectorise_rows_hold(const struct vectorise_rows *rows, int64_t lanes);
/* Gives each row a small array in which it stands turned, of the vectors that are set. False: no memory. */
bool vectorise_add_columns(struct vectorise_rows *rows);
/* The place in that array; false: it lies in no row. */
bool vectorise_find_row(const struct vectorise_rows *rows, uint32_t buffer, const struct poly *address, bool writes,
                        struct vectorise_place *place);
/* Squares that are read into the arrays, or written from them; NULL: there are none. False: no memory. */
bool vectorise_turn_rows(struct vectorise_rows *rows, bool writes, struct loop_stmt **list);
/* Of a table: the place in one in another order, in which lanes move by one element; made where `place` is asked for, its address
 * NULL: no memory. False: it is none, there is no such order, or it is that of the table. */
bool vectorise_find_table(const struct vectorise_rows *rows, uint32_t buffer, const struct poly *address,
                          struct vectorise_place *place);

#endif
