/* Walking an index space: an odometer, quasi-polynomials that follow it, and accesses read through them. Internal to the evaluator.
 */
#ifndef IR_EVAL_WALK_H
#define IR_EVAL_WALK_H

#include "arithmetic.h"

/* A tensor under evaluation: every element a scalar, C order. */
struct eval_tensor {
    const struct ir_node *node;
    uint32_t rank;
    int64_t *shape, *strides; /* in elements */
    int64_t count;
    struct scalar *data;
    double terms; /* longest chain of roundings behind an element, counted as docs/ir.md says */
};

/* The value of a poly at the odometer's place. Affine ones move by their steps; others are evaluated when asked. */
struct line {
    const struct poly *poly; /* NULL: an address, always affine */
    bool affine;
    int64_t value;
    int64_t *steps;
    int64_t low, high; /* over the whole space; affine only */
    struct line *next;
};

struct walk {
    struct arena *arena;
    const int64_t *dims;
    uint32_t n_indices;
    int64_t *extents, *index;
    struct line *lines;
    struct poly_tables *tables; /* what subscripts look up */
};

/* All indices at 0. NULL: no memory. Extents are those of the node, none negative. */
struct walk *walk_create(struct arena *arena, const int64_t *dims, uint32_t n_indices, const int64_t *extents,
                         struct poly_tables *tables);
/* A poly to follow; added before the first step. */
struct line *walk_follow(struct walk *walk, const struct poly *poly);
/* The next place, the last index fastest, among indices first .. last-1; false when they are all back at 0. */
bool walk_next(struct walk *walk, uint32_t first, uint32_t last);
/* Index k at this value. */
void walk_move(struct walk *walk, uint32_t k, int64_t value);
/* False where it has none; tables->outside then says whether a lookup left its table. */
bool walk_value(const struct walk *walk, const struct line *line, int64_t *value);

/* One access to a tensor: `address` when all subscripts are affine and proved inside, else one line an axis, checked each time. */
struct eval_access {
    const struct eval_tensor *tensor;
    bool conjugate;
    const struct scalar *fill; /* NULL: none */
    struct line *address;
    struct line **axes;
};

bool walk_access(struct walk *walk, const struct arithmetic *arithmetic, const struct ir_access *access,
                 const struct eval_tensor *tensor, struct eval_access *result);
/* Where the element lies, if it is inside. False: a subscript is outside and there is no fill, or a lookup leaves its table. */
bool walk_place(const struct walk *walk, const struct eval_access *access, int64_t *address, bool *inside);
/* The element there. False: a subscript is outside and there is no fill. */
bool walk_fetch(const struct walk *walk, const struct arithmetic *arithmetic, const struct eval_access *access,
                struct scalar *value);

#endif
