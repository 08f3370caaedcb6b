/* Inside passes: what fuse.c decides and how the files lower_*.c hand work to each other.
 *
 * fuse_plan.c decides which nodes are stored; lower_loops.c makes one stage of each; lower_value.c writes what a stage computes
 * as expressions of loads, everything not stored inlined; lower_checks.c checks what is looked up on the way; lower_nest.c splits,
 * drops and merges the stage's indices; lower_turn.c lets sums work on copies that lie better; lower_order.c puts indices in order;
 * lower_emit.c writes the loops; lower_equation.c the comment above them. The step of a scan is lowered as a kernel of its own
 * between the loops of its scan (lower_scan.c). */
#ifndef PASSES_LOWER_H
#define PASSES_LOWER_H

#include "passes.h"

/* ---- fuse_plan.c ---- */

/* What is stored and what is inlined where it is used, by node id. */
struct fuse_plan {
    const struct ir_node **nodes; /* operands before users */
    size_t n_nodes;
    size_t n_ids;
    bool *stored;                     /* has memory of its own (inputs and tables too) */
    bool *looked_up;                  /* a table that subscripts look up */
    const struct ir_node **finishing; /* for a stored map or view: the contraction whose accumulator it finishes, NULL: none */
};
/* NULL: no memory. */
struct fuse_plan *fuse_plan_create(struct ir_context *context, const struct ir_kernel *kernel);

/* Do two unguarded accesses read the same elements in the same order? */
bool fuse_same_access(const struct ir_access *a, const struct ir_access *b);

/* ---- fuse_share.c ---- */

/* Lets maps read a value that another map is, instead of computing it inside. False: no memory. */
bool fuse_share(struct ir_context *context, struct ir_kernel *kernel);

/* ---- one stage ---- */

/* A load that may fall outside: `local` is `fill` where a condition fails, else `value`; `value` NULL: always `fill`. */
struct lower_guard {
    uint32_t local;
    uint32_t n_conditions;
    const struct poly **conditions;
    const struct ir_expr *value;
    struct ir_number fill;
};

/* What is computed at one place of the loops: guards first, in order, then the value. */
struct lower_value {
    const struct ir_expr *expr;
    struct lower_guard *guards;
    size_t n_guards, guards_capacity;
    const struct poly **around; /* conditions of the guards being written */
    size_t n_around, around_capacity;
};

struct nest_index {
    const char *name;
    const char *note; /* words behind its loop; NULL: none */
    bool reduced;
    bool gone;                /* split, merged into another, or of extent 1 */
    bool outer;               /* bound by a loop around the stage: index `number` of the function */
    uint32_t number;          /* of the function; set when loops are written */
    const struct poly *value; /* outer only: what the index stands for, in the function's indices; NULL: itself */
};

/* What the source calls the value of `poly`: a name for the index it turns out to be once the nest is split. */
struct nest_hint {
    const struct poly *poly;
    const char *name;
};

/* 0 <= subscript < extent wherever the conditions p >= 0 hold: asked of numbers that are looked up at run time. */
struct nest_check {
    const struct poly *subscript, *extent;
    uint32_t n_conditions;
    const struct poly **conditions;
    bool summed; /* at each term of the sum, else at each result */
};

/* A stage over indices 0..n-1: `result` of the accumulator, which is the ring's sum of `term` over the reduced indices; or
 * simply `result` when `reduces` is false. In `result` the accumulator is the expression leaf `operand` 0. */
struct nest {
    struct nest_index *indices;
    size_t n, indices_capacity;
    const struct poly **extents; /* one an index */
    size_t n_extents, extents_capacity;
    bool reduces;
    enum ir_ring ring;
    enum ir_elem accumulator;
    struct lower_value term, result;
    const struct poly **domain; /* conditions p >= 0 under which `term` takes part */
    size_t n_domain, domain_capacity;
    enum ir_elem elem; /* of what is stored */
    bool to_local;
    uint32_t target; /* buffer, or local when `to_local` */
    const struct poly *address;
    enum ir_expr_op combine;  /* how the result joins what the target holds: a ring's addition; IR_EXPR_OP_COUNT: replaces it */
    bool scatters;            /* the place of the result is not injective in the indices, or lies under conditions */
    const struct poly **kept; /* conditions p >= 0 without which the result goes nowhere */
    uint32_t n_kept;
    bool nowhere; /* one of them never holds: there is nothing to do */
    struct nest_hint *hints;
    size_t n_hints, hints_capacity;
    struct nest_check *checks; /* in the order in which they are made */
    size_t n_checks, checks_capacity;
    const struct ir_node *codelet; /* the contraction that a codelet does; NULL: none */
    uint32_t n_own_domain;         /* conditions of the domain that are the sum's own, the first ones */
    const struct poly **under;     /* conditions of the access being written that became the domain's */
    size_t n_under;
};

/* Where a stored node is kept. */
struct lower_place {
    bool placed;
    bool is_local;
    uint32_t number;                   /* buffer or local */
    const struct poly *const *strides; /* of an input that is not dense, of scratch in another order; NULL: C order */
    const struct ir_node *whole;       /* the concatenation whose memory this is a box of; NULL: none */
    const struct ir_access *box;       /* its operand */
    const bool *dropped;               /* axes that loops around hold fixed, one an axis; NULL: none */
    const struct poly *offset;         /* elements before it in the buffer, in the indices of the frame; NULL: none */
};

struct lower_local {
    const char *name;
    enum ir_elem elem;
    uint32_t local;
};

/* Local variables that stages have used; later stages take them again, so that names stay plain. */
struct lower_locals {
    struct lower_local *items;
    size_t count, capacity;
    size_t in_use; /* by the stage being written: so many stand first */
};

/* Checks that stand in the function already. */
struct lower_made {
    uint32_t n;
    const struct poly **polys;
};

struct lower_factors; /* lower_solve.c */

/* Loops around several stages: the sliced indices of an ordered tree of contractions, the steps of a scan. */
struct lower_frame {
    uint32_t n;
    struct nest_index *indices;
    const struct poly **extents;
};

struct lowering {
    struct ir_context *context;
    struct arena *arena;
    const struct ir_kernel *kernel;
    const struct machine *machine;
    struct loop_function *function;
    struct fuse_plan *plan;
    struct lower_place *places; /* by node id */
    bool *shown;                /* by node id: an output that is another stored node under another shape */
    const uint32_t **held; /* by node id: for each index of it the loop of the frame that holds it, else UINT32_MAX; NULL: none */
    const struct ir_node **held_by;  /* by node id: the root of the sliced tree that it is computed in; NULL: none */
    const struct lower_frame *frame; /* around the stages being written; NULL: none */
    struct lower_locals *locals;
    struct lowering *outside;   /* of a step: the kernel that scans; NULL: this is a kernel */
    const struct ir_node *scan; /* of a step: its scan */
    struct lower_made *made;
    size_t n_made, made_capacity;
    bool may_turn;                 /* copies of tensors may be made (lower_turn.c): memory is not limited */
    struct lower_factors *factors; /* of the matrices that were solved with */
    size_t n_factors, factors_capacity;
};

/* ---- lower_value.c ---- */

/* The element of `access` where its user's indices 0..n_at-1 are `at`, in polys of the nest; `inside`: it is only read where its
 * subscripts are inside. NULL: no memory. */
const struct ir_expr *lower_access(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                   const struct ir_access *access, const struct poly *const *at, uint32_t n_at, bool inside);
/* What a map or view computes, or a scatter adds, at `at`. `finish` is the contraction that stands as accumulator; `finish_at` gets
 * its subscripts. */
struct lower_finish {
    const struct ir_node *node;
    const struct poly **at;
};
const struct ir_expr *lower_point(struct lowering *lowering, struct nest *nest, struct lower_value *value,
                                  const struct ir_node *node, const struct poly *const *at, struct lower_finish *finish);
/* Conditions of `access` being inside its operand's shape that are not proved; false: no memory. */
bool lower_inside(struct lowering *lowering, struct nest *nest, const struct ir_access *access,
                  const struct poly *const *subscripts, const struct poly ***conditions, size_t *count);
/* Address of an element of `node` in the memory of a place for it; the place it has. */
const struct poly *lower_address_at(struct lowering *lowering, const struct ir_node *node, const struct lower_place *place,
                                    const struct poly *const *subscripts);
const struct poly *lower_address(struct lowering *lowering, const struct ir_node *node, const struct poly *const *subscripts);
/* The subscripts in the tensor whose memory the place is in: shifted, where it is a box of a concatenation. NULL: no memory. */
const struct poly *const *lower_shifted(struct lowering *lowering, const struct lower_place *place,
                                        const struct poly *const *subscripts);
struct ir_number lower_number(enum ir_elem elem, const void *data, size_t position);
/* A local of this name and type that the stage does not use yet. */
uint32_t lower_local(struct lowering *lowering, const char *name, enum ir_elem elem);
/* `expr` with nest indices replaced, and the accumulator leaf by `accumulator` (NULL: kept). */
const struct ir_expr *lower_substitute(struct lowering *lowering, const struct ir_expr *expr, uint32_t n,
                                       const struct poly *const *replacements, const struct poly_ranges *ranges,
                                       const struct ir_expr *accumulator);

/* ---- lower_checks.c ---- */

/* Notes on the nest what has to be checked of an access at these subscripts, as part of `value`; `guarded`: its axes need no check,
 * only lookups in them. False: no memory. */
bool lower_note_access(struct lowering *lowering, struct nest *nest, const struct lower_value *value, const struct ir_node *node,
                       const struct poly *const *subscripts, bool guarded);
/* The same of the lookups in an index value or condition. */
bool lower_note_lookups(struct lowering *lowering, struct nest *nest, const struct lower_value *value, const struct poly *poly);
/* The loops that make the checks of a nest that is not yet simplified; NULL: none are needed. False: no memory. */
bool lower_write_checks(struct lowering *lowering, const struct nest *nest, struct loop_stmt **list);
/* The lowering in which a table has its place; NULL: none. That of the kernel outside: a step looks up no table of its own, though
 * a state of it may be the same node as an input outside. */
struct lowering *lower_table_owner(struct lowering *lowering, const struct ir_node *node);
/* Makes lookups in tensors lookups in their buffers; after the checks are written. */
bool lower_place_lookups(struct lowering *lowering, struct nest *nest);

/* ---- lower_nest.c ---- */

struct poly_ranges nest_ranges(const struct nest *nest);
uint32_t nest_add_index(struct lowering *lowering, struct nest *nest, struct nest_index index, const struct poly *extent);
bool nest_add_condition(struct lowering *lowering, struct nest *nest, const struct poly *condition);
/* Every quasi-polynomial of the nest but its extents, each once. */
struct nest_poly {
    const struct poly *poly;
    bool is_load, is_store;
    uint32_t buffer;
};
struct nest_poly *nest_polys(struct lowering *lowering, const struct nest *nest, size_t *count);
/* Splits indices where subscripts divide them, drops extents of 1, merges neighbours whose strides agree everywhere. */
bool nest_simplify(struct lowering *lowering, struct nest *nest);
/* A copy of the nest in which index x has this value; `*never` when no term takes part then. NULL: no memory. */
struct nest *nest_at_value(struct lowering *lowering, const struct nest *nest, uint32_t x, int64_t value, bool *never);

/* ---- lower_stage.c ---- */

/* Another index of the nest: its name, or the first letter that is free. NULL: no memory. */
const struct poly *lower_add_named(struct lowering *lowering, struct nest *nest, const char *name, const struct poly *extent,
                                   bool reduced);

/* The nest that computes `node`, or copies it from where it is kept, into `place`; of a scatter, that adds to the base copied
 * there. NULL: no memory. */
struct nest *lower_stage(struct lowering *lowering, const struct ir_node *node, struct lower_place place, bool copy);
/* A sum over nothing but indices that are gone is its one term. To be called once the nest is simplified. */
bool lower_drop_sum(struct lowering *lowering, struct nest *nest);

/* ---- lower_order.c ---- */

enum nest_strategy {
    NEST_POINTWISE, /* no sum */
    NEST_SCALAR,    /* reduced indices innermost, one scalar accumulator */
    NEST_STACK_ROW, /* an output index innermost, its accumulators a small local array */
    NEST_ROW        /* an output index innermost, accumulated where the result goes */
};
struct nest_order {
    enum nest_strategy strategy;
    uint32_t *indices;             /* outermost first: outputs, then reduced ones, then for rows the row's index */
    uint32_t n_outputs, n_reduced; /* the row's index counts to neither */
    uint32_t row;
};
/* Floats are added in the order of the node where the class asks for it. */
bool nest_sums_as_written(const struct lowering *lowering, const struct nest *nest);
bool nest_choose_order(struct lowering *lowering, const struct nest *nest, struct nest_order *order);
/* Elements that an address of the nest runs over. */
double nest_elements(struct lowering *lowering, const struct nest *nest, const struct poly *address);
/* Is it a sum of products of two tensors that tiles of vectors suit? */
bool nest_is_product(struct lowering *lowering, const struct nest *nest);

/* ---- lower_layout.c ---- */

/* Gives the scratch buffer of a node another order of axes, where the one product that reads it goes faster then. False: no memory.
 */
bool lower_lay_out(struct lowering *lowering, const struct ir_node *node, struct lower_place *place);

/* ---- lower_turn.c ---- */

/* Lets the nest work on copies of small tensors that lie as its large factor does, where that is faster: the nests that make them
 * and, behind it, that bring the result to its place; NULL: none. False: no memory. */
bool nest_turn(struct lowering *lowering, struct nest *nest, struct nest **before, struct nest **behind);

/* ---- lower_slices.c ---- */

/* Which nodes are computed inside the loops of a sliced tree, and what these hold. */
bool lower_find_slices(struct lowering *lowering);
/* The loops of the tree with this root and all its stages. NULL: no memory. */
struct loop_stmt *lower_sliced_tree(struct lowering *lowering, const struct ir_node *root);

/* ---- lower_scan.c ---- */

/* The element of input `node` of the step: of a slice, read outside. */
const struct ir_expr *lower_slice(struct lowering *step, struct nest *nest, struct lower_value *value, const struct ir_node *node,
                                  const struct poly *const *subscripts);
/* The loop of a scan and all stages of its step, at the end of the function's body. False: no memory. */
bool lower_scan_loop(struct lowering *lowering, const struct ir_node *scan);

/* ---- lower_loops.c ---- */

/* Records by node id, once there is a plan. */
bool lower_create_tables(struct lowering *lowering);
/* A buffer for the node, its `elem` and `shape`. UINT32_MAX: no memory. */
uint32_t lower_add_buffer(struct lowering *lowering, enum loop_buffer_kind kind, const char *name, const struct ir_node *node);
/* Memory for what is stored and has none yet. */
bool lower_place_rest(struct lowering *lowering);
/* The stages of all stored nodes, at the end of the function's body; outputs that stand elsewhere are copied to `outputs`. */
bool lower_append_stages(struct lowering *lowering, const struct lower_place *outputs);
/* The statements of a stage once its nest is known: `target` is a local, perhaps not yet defined, or a buffer. */
struct loop_stmt *lower_nest_statements(struct lowering *lowering, struct nest *nest, struct span span, const char *equation);

/* The statements that compute `node`, or copy it, into `place`. NULL: no memory. */
struct loop_stmt *lower_statements(struct lowering *lowering, const struct ir_node *node, struct lower_place place, bool copy);

/* ---- lower_solve.c ---- */

/* The statements that solve linear equations into `place`, memory. NULL: no memory. */
struct loop_stmt *lower_solve(struct lowering *lowering, const struct ir_node *node, struct lower_place place);

/* ---- lower_emit.c ---- */

/* Where a sum goes that is accumulated in the local that holds the node itself: no other accumulator is needed. */
bool nest_sums_in_place(const struct nest *nest);
/* Indices of the function for those of the nest that are not gone, under different names; in `replacements` what each stands for.
 * False: no memory. */
bool nest_bind_indices(struct lowering *lowering, struct nest *nest, const struct poly **replacements);
struct loop_stmt *nest_emit(struct lowering *lowering, struct nest *nest, const struct nest_order *order);

/* ---- lower_codelet.c ---- */

/* Is the nest one that a codelet does? */
bool nest_has_codelet(const struct nest *nest);
/* Its statements. NULL: it does not fit a codelet after all, or no memory. */
struct loop_stmt *lower_codelet(struct lowering *lowering, struct nest *nest, bool *fits);

/* ---- codelet_schedule.c ---- */

struct straight_line;

/* The values and results of the program, in an order in which few values are alive at once: k < n_values is value k, n_values + r
 * is result r, which is `parts` rows. NULL: no memory. */
uint32_t *codelet_schedule(struct arena *arena, const struct straight_line *line, uint32_t parts);

/* ---- lower_equation.c ---- */

/* `v[e,a] = sum[i](B[a,i] * u[e,i])` for what the stage of `node` computes or copies. */
const char *lower_equation(struct lowering *lowering, const struct ir_node *node, const struct lower_place *place, bool copy);
/* What emitted code calls a placed node. */
const char *lower_place_name(const struct lowering *lowering, const struct ir_node *node);
const char *lower_index_name(const struct ir_kernel *kernel, const struct ir_node *node, uint32_t index);
const char *lower_axis_name(const struct ir_kernel *kernel, const struct ir_node *node, uint32_t axis);

#endif
