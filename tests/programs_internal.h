/* Shared by the files that make random programs: programs.c the whole, random_choices.c its bytes, random_inputs.c its inputs,
 * random_spaces.c index spaces and accesses, random_subscripts.c the forms of subscripts, random_contractions.c, random_maps.c,
 * random_masks.c, random_views.c, random_scatters.c, random_concats.c, random_solves.c and random_scans.c a node kind each,
 * random_linear.c linear steps, random_expressions.c what maps compute, random_tensors.c numbers. A node kind is one function and
 * one row in programs.c.
 */
#ifndef TESTS_PROGRAMS_INTERNAL_H
#define TESTS_PROGRAMS_INTERNAL_H

#include "programs.h"

enum { MOST_TABLES = 2, POOL_SIZE = 6, VALUE_LIMIT = 64, LARGEST_DIM = 5, MOST_INDICES = 7 };

/* A tensor of the program, and what is known of its elements. */
struct random_value {
    const struct ir_node *node;
    bool varies;        /* every element depends on inputs, and no pass could find out that it does not */
    double bound;       /* no element is larger; INFINITY: it may have wrapped, or be the ring's infinity */
    uint32_t n_factors; /* of the contraction it may be flattened to: ordering takes time exponential in them */
};

struct generator {
    struct ir_context *context;
    struct ir_kernel *kernel;
    struct random_options options;
    const uint8_t *bytes;
    size_t n_bytes;
    enum ir_elem elems[2]; /* the program's types */
    const struct poly *extents[POOL_SIZE];
    uint32_t n_extents;
    bool has_idle_index;
    bool in_step;     /* of a scan, which holds no scan */
    int64_t *largest; /* of each dim */
    int64_t largest_tensor, largest_space;
    uint32_t most_factors;
    struct random_value values[VALUE_LIMIT];
    uint32_t n_values;
    const struct ir_node *tables[MOST_TABLES]; /* known when the program runs */
    uint32_t n_tables;
};

/* ---- random_choices.c ---- */
/* From 0 to limit - 1; 0 where the bytes have ended. */
uint32_t pick(struct generator *generator, uint32_t limit);
/* False where the bytes have ended, but for 100 percent. */
bool chance(struct generator *generator, uint32_t percent);

/* ---- programs.c ---- */
/* Names the value and makes it one of the program's. */
void add_value(struct generator *generator, struct random_value value, const char *prefix);
/* Adds up to `wanted` new values. */
void add_some_values(struct generator *generator, uint32_t wanted);
/* The largest value an extent takes. */
int64_t size_of(const struct generator *generator, const struct poly *extent);
/* Product of the sizes, at least 1 an axis so that a 0 does not hide the others; capped. */
int64_t volume_of(const struct generator *generator, uint32_t n, const struct poly *const *extents);
const struct poly *some_extent(struct generator *generator);
/* Gives the rank, from 0 to `most`. */
uint32_t some_shape(struct generator *generator, uint32_t most, const struct poly **shape);
const struct random_value *some_value(struct generator *generator);
const struct random_value *some_value_of(struct generator *generator, enum ir_elem elem); /* NULL: none found */
bool is_wrapping_kind(const struct generator *generator); /* do integers wrap and all else hold whole numbers? */
/* Has a number of this size room in the type, whatever it is added from? */
bool has_room(const struct generator *generator, enum ir_elem elem, double bound);

/* ---- random_inputs.c ---- */
void make_inputs(struct generator *generator);
/* Outputs that can be are computed in the place of an input. */
void place_outputs(struct generator *generator);

/* ---- random_spaces.c ---- */
/* An index space under construction. */
struct space {
    uint32_t n;
    const struct poly *extents[MOST_INDICES];
};
/* An index with this extent: one that is there, or a new one. UINT32_MAX: no room. */
uint32_t some_index(struct generator *generator, struct space *space, const struct poly *extent, uint32_t percent_new);
/* An access of all axes; its node NULL when the index space had no room. */
struct ir_access some_access(struct generator *generator, struct space *space, const struct random_value *value);
/* Renumbers the indices so that the chosen axes come first, in random order, and with them the accesses; gives their number. */
uint32_t choose_axes(struct generator *generator, struct space *space, uint32_t percent, uint32_t n, struct ir_access *accesses);
/* What is known of the element an access reads. */
struct random_value accessed(const struct generator *generator, const struct ir_access *access);

/* ---- random_subscripts.c ---- */
/* A subscript inside an axis of this extent: mostly an index; NULL when the space had no room. */
const struct poly *some_subscript(struct generator *generator, struct space *space, const struct poly *extent);

/* ---- random_contractions.c, random_maps.c, random_masks.c, random_views.c, random_scatters.c,
 * random_concats.c, random_solves.c, random_linear.c, random_scans.c
 * ---- */
/* A new node, which is not in the program yet; its `node` NULL where the choices led nowhere. */
struct random_value random_contraction(struct generator *generator);
struct random_value random_contraction_of(struct generator *generator, const struct random_value *first);
struct random_value random_map(struct generator *generator);
struct random_value random_mask(struct generator *generator);
struct random_value random_view(struct generator *generator);
struct random_value random_scatter(struct generator *generator);
struct random_value random_concat(struct generator *generator);
struct random_value random_solve(struct generator *generator); /* of static extent */
/* The next value of a state of a step, linear in it and independent of the other states; NULL: numbers of its type are not. */
const struct ir_node *random_linear_step(struct generator *generator, const struct ir_node *state, uint32_t n_states);
/* One result of a new scan; the others are added to the program. */
struct random_value random_scan(struct generator *generator);
/* A contraction with these axes. */
struct random_value random_of_shape(struct generator *generator, enum ir_elem elem, uint32_t rank, const struct poly *const *shape);

/* ---- random_expressions.c ---- */
void choose_elems(struct generator *generator);
enum ir_elem some_elem(struct generator *generator);
struct ir_number some_number(struct generator *generator, enum ir_elem elem); /* small, and dyadic or whole */
double number_size(struct ir_number number); /* INFINITY: an infinity of a ring, or the end of a type */
struct random_expr {
    const struct ir_expr *expr;
    bool varies;
    double bound;
};
/* Over all the operands, and the values of indices 0 .. space->n - 1. */
struct random_expr random_expression(struct generator *generator, uint32_t n_operands, const struct ir_access *operands,
                                     const struct space *space);

/* ---- random_constants.c ---- */
/* A constant of a shape from the pool, its numbers in one of the styles that passes look for; `node` NULL where there is none. */
struct random_value random_constant(struct generator *generator);

/* ---- random_tensors.c ---- */
/* The largest size random_dims gives a dim. */
int64_t random_dim_limit(const struct ir_dim *dim);
/* The largest magnitude of an integer element or a whole float. */
enum { LARGEST_ELEMENT = 8 };
enum random_style {
    RANDOM_SMALL, /* floats in [-1, 1] of 11 bits */
    RANDOM_PLAIN, /* floats of one bit: products of many are exact */
    RANDOM_WHOLES,
    RANDOM_HOSTILE, /* whole, infinite, undefined, zeros of both signs */
    RANDOM_ROUNDED, /* the same with fractions in place of whole numbers */
    RANDOM_ONES
};
/* Elements as in memory, integers small. */
void *random_elements(struct ir_context *context, enum ir_elem elem, size_t count, enum random_style style, uint64_t *state);

#endif
