/* Shared by the gradient*.c files alone: the state of one reverse sweep, and the rules it calls.
 *
 * The cotangent of a value x is what one unit of x adds to the sum over outputs of <cotangent of the output, output>, the pairing
 * being Re(conj(a) b). The sweep visits nodes users first; a rule gives to each operand that matters its contribution. */
#ifndef PASSES_GRADIENT_H
#define PASSES_GRADIENT_H

#include "passes.h"

struct contributions {
    const struct ir_node **items;
    size_t count, capacity;
};

/* What takes part of a scan: inputs and outputs of its step that are active. */
struct gradient_scan {
    const struct ir_node *node;
    bool *inputs, *outputs;
    const struct ir_node *extended; /* the same with the states before each step as more results; NULL: not asked for yet */
};

struct gradient {
    struct ir_context *context;
    struct arena *arena;
    const struct ir_kernel *kernel; /* differentiated; not changed */
    struct ir_kernel *names;        /* bears the side table of names of what is made */
    bool *active;                   /* of nodes by id: a differentiable function of a named input */
    struct contributions *cotangents;
    size_t n_ids;
    struct gradient_scan *scans;
    size_t n_scans, scans_capacity;
};

static inline bool gradient_is_active(const struct gradient *gradient, const struct ir_node *node)
{
    return node->id < gradient->n_ids && gradient->active[node->id];
}
static inline bool gradient_is_differentiable(enum ir_elem elem)
{
    return ir_elem_is_float(elem) || ir_elem_is_complex(elem);
}

/* What sums of storage types are made in. */
static inline enum ir_elem gradient_accumulator(enum ir_elem elem)
{
    return ir_elem_is_half(elem) ? IR_f32 : elem;
}
/* Where an expression stands in its topological order, which is one by id. */
static inline size_t gradient_place(const struct ir_expr **order, size_t count, const struct ir_expr *expr)
{
    size_t low = 0, high = count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (order[middle]->id <= expr->id)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- gradient_sweep.c ---- */
/* One more term of the cotangent of `node`; NULL (no memory) is taken and ignored. */
void gradient_contribute(struct gradient *gradient, const struct ir_node *node, const struct ir_node *contribution);
/* Name of index `index` of the node's index space; NULL: none. */
const char *gradient_index_name(const struct gradient *gradient, const struct ir_node *node, uint32_t index);
/* What is known of a node, made here or forward; NULL: nothing. */
const struct ir_name *gradient_find_name(const struct gradient *gradient, const struct ir_node *node);
/* Names a new node over the first indices of `like`: its indices, and with a prefix the tensor too. Gives `node`. */
const struct ir_node *gradient_name(struct gradient *gradient, const struct ir_node *node, const char *prefix,
                                    const struct ir_node *like);
/* Contributions to the active operands of a node whose cotangent is known. */
typedef void gradient_rule(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent);
/* Marks what depends on the inputs marked in `wanted`. */
bool gradient_activate(struct gradient *gradient, const bool *wanted);
/* From the cotangents of the outputs to those of everything active. */
bool gradient_sweep(struct gradient *gradient);
/* The sum of the contributions to a node; NULL: there is none (or no memory). */
const struct ir_node *gradient_cotangent(struct gradient *gradient, const struct ir_node *node);

/* ---- gradient_kernel.c ---- */
/* A value that becomes an input where it is read, or always if `needed` from the start. */
struct gradient_source {
    const struct ir_node *node;
    struct ir_input_info info; /* but for its node */
    bool needed;
    const struct ir_node *input; /* set */
};
/* Turns the outputs of `result`, over old nodes and sources, into a kernel of its own; its inputs are the sources needed. */
bool gradient_assemble(struct gradient *gradient, struct ir_kernel *result, struct gradient_source *sources, size_t n);

/* ---- gradient_scan.c ---- */
/* Is a scan, or the projection of one, active? */
bool gradient_scan_depends(struct gradient *gradient, const struct ir_node *node);
/* Contributions to the operands of a scan from the cotangents of its projections, which are among `nodes`. */
void gradient_scan(struct gradient *gradient, const struct ir_node *scan, const struct ir_node *const *nodes, size_t count);
/* A tensor of zeros. */
const struct ir_node *gradient_zeros(struct ir_context *context, enum ir_elem elem, uint32_t rank, const struct poly *const *shape);

/* ---- gradient_linear.c ---- */
/* Is every output linear in the marked inputs? Else a diagnostic at the place that is not, and false. */
bool gradient_check_linear(struct ir_context *context, const struct ir_kernel *kernel, const bool *wanted);

/* ---- gradient_contract.c, gradient_extremum.c, gradient_map.c, gradient_solve.c ---- */
gradient_rule gradient_contract, gradient_view, gradient_concat, gradient_scatter, gradient_extremum, gradient_product,
    gradient_map, gradient_solve;
/* Is the map a differentiable function of an active operand? */
bool gradient_map_depends(struct gradient *gradient, const struct ir_node *map);

/* ---- gradient_transpose.c ---- */
struct ir_access gradient_conjugated(struct ir_context *context, struct ir_access access);
/* A sum over the points of an index space: each adds a product to that element of a tensor that an access names there. */
struct gradient_term {
    const struct ir_node *space; /* its indices, their extents and names, and, for a contraction, the points that take part */
    const struct ir_access *target;
    const struct ir_access *factors; /* over the same indices */
    uint32_t n_factors;
    enum ir_elem accumulator;
};
/* The tensor of these sums, of the target's shape and type: 0 where no point leads. */
const struct ir_node *gradient_transpose(struct gradient *gradient, const struct gradient_term *term);

/* ---- gradient_invert.c: solving for the indices of an access ---- */
/* A value that must lie within [0, extent) for the point to be one; `sure` when it does by the way it is made. */
struct inversion_bound {
    const struct poly *value, *extent;
    bool sure;
};
/* The points of an index space that an access leads to element a of its tensor, as a new index space: first the axes of a, then
 * what is left to sum over. */
struct inversion {
    struct ir_context *context;
    uint32_t rank;
    uint32_t n_old;
    bool wraps;                 /* values stay within their extents also where they are no points */
    const struct poly **values; /* of each old index, over the new ones */
    const struct poly **extents;
    const char **names;
    bool *gone; /* expressed by the others */
    size_t n_new, extents_capacity, names_capacity, n_names, gone_capacity, n_gone;
    const struct poly **equations; /* each 0 */
    size_t n_equations, equations_capacity;
    struct inversion_bound *bounds;
    size_t n_bounds, bounds_capacity;
    const struct poly **conditions; /* each >= 0 */
    size_t n_conditions, conditions_capacity;
    bool searches; /* an equation is left as conditions on what is summed over: most points are none */
};
/* False: no memory. The new indices that are gone are taken out. `names`: of the indices of `space`, entries may be NULL. `wraps`:
 * values outside their extents are wrapped, as tables need that are looked up by them. */
bool inversion_solve(struct inversion *inversion, struct ir_context *context, const struct ir_node *space, const char *const *names,
                     const struct ir_access *access, bool wraps);
struct poly_ranges inversion_ranges(const struct inversion *inversion);

#endif
