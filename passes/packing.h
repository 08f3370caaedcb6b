/* Packing: tensor IR to slot programs. What the packing_*.c files share.
 *
 * A kernel becomes a graph of values in ciphertexts (packing_graph.c): inputs, linear maps whose matrix the compiler knows,
 * products of ciphertexts summed over indices, sums. The search (packing_search.c) gives each value a packing, which element lies
 * at which position, and each linear map a set of rotations: out = sum over offsets d of mask_d * (in rotated by d), then perhaps
 * sums of rotated copies. packing_emit.c makes the slot program of what was chosen.
 *
 * Elements of a tensor are numbered in C order. Positions are slot + S * ciphertext. Nothing here knows a structure by its name: a
 * Kronecker factor, a butterfly stage, a convolution are linear maps that keep some digits of the element number in place. */
#ifndef PASSES_PACKING_H
#define PASSES_PACKING_H

#include "ir/slot.h"
#include "passes.h"

enum { PACKING_PLACES = 48, PACKING_DIGITS = 24 };

/* ---- packing_places.c: where elements lie ---- */

/* What positions from `radix` on hold, up to `extent`. */
enum packing_tail { PACKING_REPEAT, PACKING_ZERO, PACKING_GARBAGE };

/* One digit of a position's number. Value v below the radix adds stride * v to the element; a radix of 1 makes copies, or zeros. */
struct packing_place {
    int64_t extent, radix, stride;
    enum packing_tail tail;
    uint32_t rolled_by; /* another place's number, UINT32_MAX: not rolled. v becomes (v + roll * its value) mod radix */
    int64_t roll;
};

struct packing_places {
    uint32_t n;
    struct packing_place at[PACKING_PLACES]; /* the least significant first */
    enum packing_tail rest;                  /* of positions that they do not reach; PACKING_REPEAT is not used */
};

/* Interned: equal tables are one pointer. */
struct packing {
    uint64_t hash;
    struct packing_places places;
    const int32_t *table; /* element at each position, SLOT_AT_ZERO, SLOT_AT_GARBAGE */
    uint32_t parts;       /* ciphertexts */
};

struct packer;

struct packing_place packing_place(int64_t radix, int64_t stride);
struct packing_place packing_copies(int64_t extent);
/* Positions below all of them: the product of the extents; 0 on overflow. */
int64_t packing_extent(const struct packing_places *places, uint32_t n);
/* NULL: no memory, or a place crosses the end of a ciphertext. `elements` is that of the tensor; larger numbers are zeros. */
const struct packing *packing_create(struct packer *packer, const struct packing_places *places, int64_t elements);
/* Where one ciphertext is too small: extents within it become powers of two, so that it ends between digits. */
void packing_fit(struct packer *packer, struct packing_places *places);
/* Adjacent places that count on are one; places of extent 1 go. */
void packing_normalise(struct packing_places *places);
/* Makes the digit `stride`, `radix` a place of its own, cutting a larger one; its number, UINT32_MAX: it is nowhere. */
uint32_t packing_find(struct packing_places *places, int64_t stride, int64_t radix);
/* The same places for a tensor of this shape; NULL (no diagnostic): they cannot be written as a layout. */
const struct slot_layout *packing_layout(struct packer *packer, const struct packing *packing, uint32_t n_dims,
                                         const struct slot_dim *dims);
/* C order from slot 0 on; `beyond` is what stands behind the elements. NULL: it cannot be written as a layout of these dims, since
 * a ciphertext ends within a row. */
const struct packing *packing_row_major(struct packer *packer, int64_t elements, uint32_t n_dims, const struct slot_dim *dims,
                                        enum packing_tail beyond);
/* The same where that can be written; else every dim takes a power of two, with zeros beyond its end. NULL: it is too large. */
const struct packing *packing_written(struct packer *packer, int64_t elements, uint32_t n_dims, const struct slot_dim *dims,
                                      enum packing_tail beyond);

/* ---- packing_steps.c: baby steps and giant steps ---- */

/* Rotations 0 <= d < S, ascending, each once. Interned. */
struct packing_offsets {
    uint64_t hash;
    const int32_t *items;
    size_t count;
    int64_t planned; /* memo: one more than those of the plan for one ciphertext; 0: not planned */
};
const struct packing_offsets *packing_offsets(struct packer *packer, const bool *used); /* of `slots` flags */
/* All sums of one of each. NULL: no memory. */
const struct packing_offsets *packing_offset_sums(struct packer *packer, const struct packing_offsets *a,
                                                  const struct packing_offsets *b);

/* Each offset is babies[baby_of] + giants[giant_of], modulo S. */
struct packing_steps {
    const int32_t *babies, *giants;
    size_t n_babies, n_giants;
    const uint32_t *baby_of, *giant_of;    /* of each offset */
    const int32_t *baby_from, *giant_from; /* chained: another one (its number) that is a common step away; itself for 0 */
    int64_t rotations;                     /* with babies of `inputs` ciphertexts and giants of `outputs` */
};
/* The fewest rotations found. NULL: no memory. */
const struct packing_steps *packing_plan_steps(struct packer *packer, const struct packing_offsets *offsets, int64_t inputs,
                                               int64_t outputs);
int64_t packing_rotations(struct packer *packer, const struct packing_offsets *offsets, int64_t inputs, int64_t outputs);

/* ---- packing_cost.c: what a plan is judged by ---- */

/* Fewer rotations first, then fewer products: or nanoseconds, by a table of what ops take. */
int64_t packing_cost(const struct packer *packer, int64_t rotations, int64_t plain_products, int64_t products);
/* What of a cost is worth a level: of rotations these alone. */
int64_t packing_gain(const struct packer *packer, int64_t cost);
/* Rotations by these offsets, and their products with constants; `pairs`: of an input with an output that reads it. */
int64_t packing_offsets_cost(struct packer *packer, const struct packing_offsets *offsets, int64_t inputs, int64_t outputs,
                             int64_t pairs);
/* Chooses the weights; after the packer's options. */
void packing_weigh(struct packer *packer);

/* A sum of `count` copies, each rotated by `stride` more. */
struct packing_fold {
    int64_t stride, count;
};
int64_t packing_fold_rotations(int64_t count);

/* ---- packing_matrix.c: linear maps ---- */

/* Rows are elements of the result, columns elements of the operand. */
struct packing_matrix {
    int64_t rows, columns;
    const double *dense;      /* rows * columns; NULL: by rows below */
    const int64_t *row_start; /* rows + 1 */
    const int32_t *column;    /* ascending in a row */
    const double *value;
};
struct packing_entry {
    int64_t row, column;
    double value;
};
/* Sorts `entries` and adds up equal places; zeros go. NULL: no memory. */
const struct packing_matrix *packing_matrix(struct packer *packer, int64_t rows, int64_t columns, struct packing_entry *entries,
                                            size_t n_entries);
bool packing_is_zero(const struct packing_matrix *matrix);

/* One way of computing a linear map: results first lie as `before` says, every contribution at one of the positions that the folds
 * bring together; `after` are the positions that then hold sums in full. */
enum { PACKING_FOLDS = 16 };
struct packing_way {
    const struct packing *in, *before, *after;
    struct packing_fold folds[PACKING_FOLDS];
    uint32_t n_folds;
    int64_t most;        /* offsets, at most; 0: any number */
    int64_t step, reach; /* offsets tried first: step * k for k from 0 below reach, then below 0; reach 0: none */
};
typedef void packing_visit(void *user, uint32_t in_part, uint32_t out_part, int32_t offset, int64_t slot, double value);
/* Finds for each contribution its position and offset. False: it cannot be done so (or no memory). `visit` may be NULL. */
bool packing_diagonals(struct packer *packer, const struct packing_matrix *matrix, const struct packing_way *way, bool *used,
                       packing_visit *visit, void *user);
/* Do the folds bring together only positions that belong together? */
bool packing_folds_fit(struct packer *packer, const struct packing_way *way);

/* ---- packing_points.c: what the points of an index space read ---- */

enum { PACKING_RANK = 64 };

/* A value in ciphertexts under another numbering: its element e is element map[e] of a node, or zero where that is negative. */
struct packing_ref {
    uint32_t node;
    int64_t elements;
    const int32_t *map; /* NULL: the same numbers */
};

/* Which element of an operand each point reads. */
struct packing_reader {
    struct packer *packer;
    const struct ir_access *access; /* NULL: the number of the point's result */
    uint32_t n_indices, rank;
    const int64_t *extents; /* of the indices */
    int64_t shape[PACKING_RANK], strides[PACKING_RANK];
    int64_t *axis[PACKING_RANK][PACKING_RANK]; /* [axis][index]: what each of its values adds to the subscript; NULL: nothing */
    int64_t constant[PACKING_RANK];
    int64_t base;      /* without an access: the element at the origin */
    bool is_separable; /* else subscripts are evaluated at every point */
    const int32_t *map;
};
/* False: no memory. */
bool packing_reader(struct packer *packer, struct packing_reader *reader, const struct ir_access *access, uint32_t n_indices,
                    const int64_t *extents, const int32_t *map);
/* The element at a point; -1: the fill value, or a zero of the map. */
int64_t packing_read(const struct packing_reader *reader, const int64_t *point);
/* The next point in C order; false after the last. */
bool packing_next_point(uint32_t n_indices, const int64_t *extents, int64_t *point);

/* ---- packing_graph.c: what is computed on ciphertexts ---- */

enum packing_kind { PACKING_INPUT, PACKING_LINEAR, PACKING_PRODUCT, PACKING_SUM, PACKING_FUNCTION };

/* A digit of the index space: how far it moves in the result, 0 for one that is summed over, and in each operand. */
enum { PACKING_OPERANDS = 16 };
struct packing_digit {
    int64_t extent, out;
    int64_t in[PACKING_OPERANDS];
};

struct packing_node {
    enum packing_kind kind;
    const char *name;
    struct span span;
    int64_t elements;
    uint32_t n_dims;
    struct slot_dim *dims;
    uint32_t n_operands, n_uses;
    struct packing_ref *operands;
    const struct packing_matrix *matrix; /* LINEAR */
    uint32_t n_digits;                   /* of LINEAR and PRODUCT; 0: its accesses are no sums over digits */
    struct packing_digit *digits;
    const double *factor;     /* PRODUCT: known numbers at each point of the digits, the last fastest; NULL: none */
    const double *weights;    /* SUM: 1 or -1 of each operand */
    const double *addend;     /* SUM: known numbers, one an element; NULL: none */
    uint32_t input;           /* INPUT */
    enum ir_expr_op function; /* FUNCTION: of an element; `div` is 1 / x */
    const struct slot_series *series;
    uint32_t series_depth;
    double scale, shift; /* FUNCTION: t = scale * element + shift; 1 where the operand has the scale in it */
};

struct packing_graph {
    struct packing_node *nodes; /* operands before users */
    size_t n_nodes, nodes_capacity;
    struct packing_ref *outputs; /* one an output of the kernel */
    struct packing_shape {
        uint32_t n_dims;
        struct slot_dim *dims;
    } * output_shapes; /* the same */
};
/* NULL after a diagnostic E0931 that names what ciphertexts cannot compute. */
struct packing_graph *packing_graph(struct packer *packer, const struct pass_kernel *kernel);

/* ---- packing_functions.c: functions on a range ---- */

/* Finds the range of each function, from what is promised and by interval arithmetic from those of the inputs, and its polynomial;
 * and takes the map to [-1, 1] into what comes before where nothing else reads that. False after a diagnostic E0931. */
bool packing_fit_functions(struct packer *packer, struct packing_graph *graph, const struct ir_kernel *kernel,
                           struct packing_result *result);
/* Does a position hold anything? What a polynomial of high degree makes of that is too large for a ciphertext. */
bool packing_has_garbage(const struct packer *packer, const struct packing *packing);

/* ---- packing_stage.c: ways to compute a linear map ---- */

struct packing_stage {
    const struct packing_matrix *matrix;
    struct packing_way way;
    const struct packing_offsets *offsets;
    int64_t fold_rotations; /* of all ciphertexts */
    int64_t pairs;          /* of an input and an output that reads it */
    bool is_plain;          /* one offset, and 1 in every mask where it matters: no product is needed */
    const bool *reads;      /* plain: [input * outputs + output] is added to it; NULL: each ciphertext to that of its number */
};
struct packing_stages {
    struct packing_stage *items;
    size_t count, capacity;
    int64_t fewest; /* rotations of the best of them */
};
/* Of the stage alone. */
int64_t packing_stage_cost(struct packer *packer, const struct packing_stage *stage);
/* Ways from this packing of the operand; `in` NULL: from any, which the stage names. `dims` are the operand's, for layouts of a
 * packing that is chosen. Kept by node and packing. NULL: no memory. */
const struct packing_stages *packing_linear_stages(struct packer *packer, const struct packing_node *node, const struct packing *in,
                                                   uint32_t n_dims, const struct slot_dim *dims);
/* The packing with what is no element being zero, or anything. */
const struct packing *packing_settle(struct packer *packer, const struct packing *packing, enum packing_tail tail,
                                     int64_t elements);

/* ---- packing_move.c: from one packing to another ---- */

/* A tensor brought to the places `to`: a linear map (`stage.matrix` NULL: none is needed), then copies of it. */
struct packing_move {
    struct packing_stage stage;
    struct packing_fold folds[PACKING_FOLDS]; /* strides are negative */
    uint32_t n_folds;
    int64_t cost;
    uint32_t depth; /* 0 or 1 */
};
/* The cheapest of at most `most` levels. What `to` says of positions without elements is not kept. NULL: there is none. */
const struct packing_move *packing_move(struct packer *packer, const struct packing *from, const struct packing *to,
                                        int64_t elements, uint32_t most);

/* ---- packing_product.c: products of ciphertexts ---- */

/* Operands lie over one space, a place for each digit, repeated where they lack it; then folds sum over digits. */
struct packing_joint {
    const struct packing *operands[PACKING_OPERANDS];
    const struct packing *factor;            /* at each position the number of the point, for known factors; NULL: there are none */
    struct packing_way way;                  /* `before` and `after`, and the folds; the rest is not used */
    struct packing_fold sums[PACKING_FOLDS]; /* over ciphertexts, whose numbers `stride` counts, before the folds */
    uint32_t n_sums;
    int64_t cost;
};
struct packing_joints {
    struct packing_joint *items;
    size_t count, capacity;
};
/* Ciphertext number `number` of those of the space that are added up to one of the result, `part`. */
uint32_t packing_joint_part(const struct packing_joint *joint, uint32_t part, int64_t number);
int64_t packing_joint_sums(const struct packing_joint *joint); /* how many these are */
/* Orders of the space. `given`: at least one operand has a packing already, so that many orders are worth trying. NULL: no memory.
 */
const struct packing_joints *packing_product_joints(struct packer *packer, const struct packing_node *node, const int64_t *elements,
                                                    bool given);
/* Where every digit moves each operand as it does the result: any packing will do, for all of them. */
bool packing_is_elementwise(const struct packing_node *node);

/* ---- packing_search.c: what is chosen ---- */

/* How one value is computed; with those of the values before it, a plan. */
struct packing_decision {
    const struct packing_decision *before;
    uint32_t node;
    const struct packing *packing;                      /* NULL: of an input, still free */
    const struct packing_stage *stage;                  /* LINEAR */
    bool merged;                                        /* it takes its operand's stage, which is open, into one with its own */
    const struct packing *base;                         /* of the value that an open or merged stage begins at */
    const struct packing_offsets *open;                 /* not computed yet: the next stage takes it in. NULL: computed */
    const struct packing_joint *joint;                  /* PRODUCT; NULL: all operands have `packing` */
    const struct packing_move *moves[PACKING_OPERANDS]; /* of operands, NULL: they lie right */
    int64_t cost;                                       /* so far, of what is computed */
    uint32_t depth;                                     /* of the value: products on the longest way to it */
    uint32_t deepest;                                   /* of all values so far */
    uint64_t key;                                       /* of what later values can see */
};

struct packing_plan {
    const struct packing_decision *last;
    const struct packing_decision **of;  /* of each node, the last that concerns it */
    const struct packing_move **outputs; /* to the layouts that are asked for */
    const struct packing **lies;         /* where each output lies */
    int64_t cost;
    uint32_t depth;
};
struct packing_plans {
    struct packing_plan *items; /* less cost for more depth, the deepest last */
    size_t count, capacity;
};
/* NULL after a diagnostic E0932 when slots or levels are too few. */
const struct packing_plans *packing_search(struct packer *packer, const struct packing_graph *graph,
                                           const struct ir_kernel *kernel);

/* ---- packing_emit.c ---- */
/* How rotations by a set of steps are made: each by a key of its own, or from each other, so that few keys do. */
enum packing_keys { PACKING_A_KEY_EACH, PACKING_CHAINED };
/* NULL after a diagnostic, or without memory. */
struct slot_program *packing_emit(struct packer *packer, const struct packing_graph *graph, const struct ir_kernel *kernel,
                                  const struct packing_plan *plan, enum packing_keys keys);

#endif
