/* Tensor IR: the values of a kernel as a graph of immutable, hash-consed nodes.
 *
 * A node is a tensor: element type, shape, and how it comes about. `contract`, `map` and `view` have an index space: indices
 * 0..rank-1 are the node's own axes in order, the rest (contract only) are summed over. The index space of a `scatter` is that of
 * what is added; its shape is its base's. Each operand is an access: a node, one subscript (a quasi-polynomial of the indices) an
 * axis of it, perhaps conjugated, perhaps guarded by a fill value.
 *
 * Identity is structure: names, index names and source places are side tables of the kernel, not part of a node; floats hash by
 * bits. So equal work is the same pointer, and passes make new nodes instead of changing old ones.
 * Text form: docs/ir.md. Meaning: eval.c. Table of operations: ops.def. */
#ifndef IR_IR_H
#define IR_IR_H

#include "base.h"
#include "poly.h"

/* ---- tables ---- */

enum ir_elem {
#define ELEMENT(name, kind, bytes, c_type, numpy) IR_##name,
#include "elements.def"
#undef ELEMENT
    IR_ELEM_COUNT
};
enum ir_elem_kind { IR_KIND_FLOAT, IR_KIND_COMPLEX, IR_KIND_SIGNED, IR_KIND_UNSIGNED, IR_KIND_BOOLEAN };

struct ir_elem_info {
    const char *name;
    enum ir_elem_kind kind;
    uint32_t bytes;
    const char *c_type;
    const char *numpy;
};
const struct ir_elem_info *ir_elem_info(enum ir_elem elem);
static inline bool ir_elem_is_complex(enum ir_elem elem)
{
    return elem == IR_c64 || elem == IR_c128;
}
static inline bool ir_elem_is_float(enum ir_elem elem)
{
    return elem == IR_f32 || elem == IR_f64 || elem == IR_f16 || elem == IR_bf16;
}
static inline bool ir_elem_is_half(enum ir_elem elem)
{
    return elem == IR_f16 || elem == IR_bf16;
}
/* What sums of this type are added up in: f32 for the 16-bit floats, else the type itself. */
static inline enum ir_elem ir_elem_accumulator(enum ir_elem elem)
{
    return ir_elem_is_half(elem) ? IR_f32 : elem;
}
double ir_elem_epsilon(enum ir_elem elem);       /* of a float or complex type: the spacing of its numbers at 1 */
bool ir_elem_is_integer(enum ir_elem elem);      /* signed or unsigned, not bool */
enum ir_elem ir_elem_real(enum ir_elem elem);    /* c64 -> f32; others themselves */
enum ir_elem ir_elem_complex(enum ir_elem elem); /* f32 -> c64, f64 -> c128; others themselves */
bool ir_elem_from_name(const char *name, size_t length, enum ir_elem *elem);
/* NumPy's result type of two operands (np.result_type): i64 with f32 gives f64, u64 with i64 gives f64, ... */
enum ir_elem ir_elem_promote(enum ir_elem a, enum ir_elem b);

enum ir_op {
#define NODE(name, operands, shape, meaning) IR_##name##_node,
#include "ops.def"
    IR_OP_COUNT
};

enum ir_expr_op {
#define LEAF(name, where, meaning)                                         IR_EXPR_##name,
#define POINT(name, arity, domains, result, flops, polynomial, c, meaning) IR_EXPR_##name,
#include "ops.def"
    IR_EXPR_OP_COUNT
};
/* What rows marked CALL in ops.def have for `flops`. */
enum { IR_FLOPS_FUNCTION = -1 };
enum ir_result_rule { IR_RESULT_SAME, IR_RESULT_REAL, IR_RESULT_COMPLEX, IR_RESULT_BOOL, IR_RESULT_C128, IR_RESULT_CAST };
struct ir_expr_info {
    const char *name;
    int arity; /* 0 for leaves */
    const char *domains;
    enum ir_result_rule result;
    int flops;
    bool polynomial;
    const char *c;
    const char *meaning;
};
const struct ir_expr_info *ir_expr_info(enum ir_expr_op op);
bool ir_expr_takes(enum ir_expr_op op, enum ir_elem elem); /* is the element type in its domains? */
const char *ir_op_name(enum ir_op op);

enum ir_promise {
#define PROMISE(name, half, meaning) IR_PROMISE_##name,
#include "promises.def"
    IR_PROMISE_COUNT
};
struct ir_promise_info {
    const char *name;
    bool half; /* only the elements on and below the diagonal are read */
    const char *meaning;
};
const struct ir_promise_info *ir_promise_info(enum ir_promise promise);
bool ir_promise_from_name(const char *name, size_t length, enum ir_promise *promise);

enum ir_ring {
#define RING(name, add, multiply, zero, one, domains, meaning) IR_RING_##name,
#include "rings.def"
#undef RING
    IR_RING_COUNT
};
struct ir_ring_info {
    const char *name;
    enum ir_expr_op add;
    enum ir_expr_op multiply; /* IR_EXPR_OP_COUNT: none, one operand only */
    const char *domains;
    const char *meaning;
};
const struct ir_ring_info *ir_ring_info(enum ir_ring ring);
bool ir_ring_takes(enum ir_ring ring, enum ir_elem elem);

enum ir_solver {
#define SOLVER(name, meaning, factors) IR_SOLVER_##name,
#include "solvers.def"
    IR_SOLVER_COUNT
};
const char *ir_solver_name(enum ir_solver solver);
bool ir_solver_takes(enum ir_elem elem); /* is a solution defined for the type? */

/* A number of a given element type: integers and bool in `i` (u64 as its bits), others in `re`, `im`. */
struct ir_number {
    enum ir_elem elem;
    union {
        int64_t i;
        struct {
            double re, im;
        };
    };
};
struct ir_number ir_number_real(enum ir_elem elem, double value); /* rounded or wrapped to the type */
struct ir_number ir_number_integer(enum ir_elem elem, int64_t value);
struct ir_number ir_number_complex(enum ir_elem elem, double re, double im);
struct ir_number ir_ring_zero(enum ir_ring ring, enum ir_elem elem); /* the value of an empty sum */
bool ir_ring_zero_tells(enum ir_ring ring, enum ir_elem elem);       /* zero + x may be other than x, bit by bit */
struct ir_number ir_ring_one(enum ir_ring ring, enum ir_elem elem);
bool ir_number_equal(struct ir_number a, struct ir_number b); /* by bits */
double ir_round_real(enum ir_elem elem, double value);        /* to the real part's type; integers as they are */
/* Element `at` of an array in memory, in the layout of elements.def and the machine's byte order. */
struct ir_number ir_number_load(enum ir_elem elem, const void *data, size_t at);
void ir_number_store(struct ir_number number, void *data, size_t at);

/* ---- context: build.c ---- */

/* Owns the arena, the diagnostics, the run-time dims and the hash-cons tables of one compilation. */
struct ir_context;

/* The largest typical size: it converts to int64_t. */
#define IR_TYPICAL_LARGEST 0x1.fffffffffffffp62

struct ir_dim {
    const char *name;
    double typical;  /* for choosing; 0: not given */
    int64_t bound;   /* largest value promised; 0: none */
    int64_t divisor; /* value % divisor == 0; 1: nothing promised */
    struct span span;
};

struct ir_context *ir_context_create(const struct einc_allocator *allocator); /* NULL: no memory */
void ir_context_destroy(struct ir_context *context);
struct arena *ir_arena(struct ir_context *context);
struct diagnostics *ir_diagnostics(struct ir_context *context);
/* EINC_INVALID when an error was reported, EINC_NO_MEMORY when memory ran out, else EINC_OK. */
enum einc_status ir_status(struct ir_context *context);
/* Number of the new run-time dim, in order of declaration. UINT32_MAX: no memory. */
uint32_t ir_add_dim(struct ir_context *context, struct ir_dim dim);
uint32_t ir_dim_count(const struct ir_context *context);
const struct ir_dim *ir_dim_at(const struct ir_context *context, uint32_t dim);
/* Sizes to choose by, one a dim: the typical value, else min(bound, 100), else 100. */
const double *ir_typical_sizes(struct ir_context *context);

/* ---- nodes ---- */

struct ir_expr;
struct ir_node;

struct ir_access {
    const struct ir_node *node;
    bool conjugate;
    const struct poly *const *subscripts; /* one an axis of `node`, over the indices of the user */
    const struct ir_number *fill;         /* the value outside the node's shape (`pad`); NULL: always inside */
};

/* Dense numbers. Bytes in C order, elements as in elements.def, complex interleaved, the compiling machine's byte order. */
struct ir_constant {
    const void *data;
    size_t bytes;
    uint64_t hash;
    const char *name; /* as declared, for emitted code; not part of identity; may be NULL */
    const char *path; /* the file it came from, NULL for literals */
    bool exact;       /* `exact`: never replaced */
    double within;    /* permitted relative error; 0: none stated */
    bool spectral;
};

/* A recurrence. The step is a kernel of its own: its first `n_states` inputs are the states before the step, the others slices of
 * tensors outside; its first `n_states` outputs are the states after it, the others results of this step alone. It reads nothing
 * else but constants, and holds no scan. Of the scan node, operand k gives input k of the step, with subscripts over index 0, the
 * step's number, and indices 1, 2, ..., the axes of that input; a state's operand is its value before the first step. */
enum { IR_STEP_RANK = 128 }; /* axes of an input of a step, at most */
struct ir_scan {
    bool backward; /* steps run from extent - 1 down to 0 */
    const struct poly *extent;
    uint32_t n_states;
    const struct ir_kernel *step;
};

struct ir_node {
    enum ir_op op;
    enum ir_elem elem;
    uint32_t id; /* order of creation; operands have smaller ones */
    uint64_t hash;
    uint32_t rank;
    const struct poly *const *shape;
    uint32_t n_indices; /* the index space; of contract, map, view and concat the first `rank` extents are the shape */
    const struct poly *const *extents;
    uint32_t n_operands;
    const struct ir_access *operands;
    union {
        struct {
            uint32_t number; /* which input of the kernel */
        } input;
        const struct ir_constant *constant;
        struct {
            enum ir_ring ring;
            enum ir_elem accumulator;
            uint32_t n_domain; /* affine conditions p >= 0 on the indices; other points contribute nothing */
            const struct poly *const *domain;
            uint32_t n_sliced; /* so many of the leading indices in `sliced` run outside the whole tree below (order.c) */
            const uint32_t *sliced;
            bool codelet; /* computed by the straight-line program that ir_codelet has for it */
            bool named;   /* an operator of the language is in it: in a kernel that states no class rewrites may be `normwise` */
        } contract;
        struct {
            enum ir_ring ring; /* its addition; operand 0 is the base, its subscripts where the value of operand 1 goes */
        } scatter;
        struct {
            enum ir_solver solver;
            uint32_t axis; /* of the unknowns; index `rank` is the equation's. Operand 0 is the matrix, operand 1 the right side */
        } solve;
        const struct ir_expr *body; /* map */
        const struct ir_scan *scan; /* rank 0 and one index, the step's number; it has no value of its own */
        struct {
            uint32_t result; /* which output of the step */
            bool last;       /* a state after the last step; else of every step, along axis 0 */
        } proj;
    };
};

/* A pointwise expression: a hash-consed DAG, each node with its element type. */
struct ir_expr {
    enum ir_expr_op op;
    enum ir_elem elem;
    uint32_t id;
    uint64_t hash;
    uint32_t depth; /* 1: a leaf, else one more than its deepest argument */
    uint32_t n_arguments;
    const struct ir_expr *arguments[3];
    union {
        struct ir_number literal;
        uint32_t operand;         /* IR_EXPR_operand */
        const struct poly *index; /* IR_EXPR_index */
        struct {                  /* IR_EXPR_load (loop.h) */
            uint32_t buffer;
            const struct poly *address;
        } load;
        uint32_t local; /* IR_EXPR_local (loop.h) */
    };
};

/* Builders: NULL given (or no memory) gives NULL. They check in debug builds what `ir_verify` checks always. Arrays are copied. */
const struct ir_node *ir_input(struct ir_context *context, uint32_t number, enum ir_elem elem, uint32_t rank,
                               const struct poly *const *shape);
/* `data` is copied. Shapes of constants are static. */
const struct ir_node *ir_constant(struct ir_context *context, enum ir_elem elem, uint32_t rank, const struct poly *const *shape,
                                  const struct ir_constant *constant);
const struct ir_node *ir_scalar(struct ir_context *context, struct ir_number number); /* a constant of rank 0 */

struct ir_contract {
    enum ir_ring ring;
    enum ir_elem elem, accumulator;
    uint32_t rank, n_indices;
    const struct poly *const *extents;
    uint32_t n_operands;
    const struct ir_access *operands;
    uint32_t n_domain;
    const struct poly *const *domain;
    uint32_t n_sliced;
    const uint32_t *sliced;
    bool codelet;
    bool named;
};
const struct ir_node *ir_contract(struct ir_context *context, const struct ir_contract *contract);
const struct ir_node *ir_map(struct ir_context *context, uint32_t rank, const struct poly *const *shape, uint32_t n_operands,
                             const struct ir_access *operands, const struct ir_expr *body);
const struct ir_node *ir_view(struct ir_context *context, uint32_t rank, const struct poly *const *shape, struct ir_access operand);
/* `base`, and at each point of the index space, in order, `value` added by the ring at the subscripts of `base`. With a fill value
 * on `base`, which one does not matter, points outside are left out. The shape is that of base.node. */
const struct ir_node *ir_scatter(struct ir_context *context, enum ir_ring ring, uint32_t n_indices,
                                 const struct poly *const *extents, struct ir_access base, struct ir_access value);
/* The x[...] with which, over index k in the place of `axis` and the equation's index i = `rank`, of the same extent,
 *     sum over k of matrix(i, k, batch) * x[.. k ..] = right(i, ...)   for every i.
 * Indices that the matrix reads are a batch; the others have a right side each. `right` does not read k. */
const struct ir_node *ir_solve(struct ir_context *context, enum ir_solver solver, uint32_t rank, const struct poly *const *shape,
                               uint32_t axis, struct ir_access matrix, struct ir_access right);
/* `operands`: one an input of the step. The step is kept as it is: it may not change any more. */
const struct ir_node *ir_scan(struct ir_context *context, const struct ir_scan *scan, const struct ir_access *operands);
const struct ir_node *ir_proj(struct ir_context *context, const struct ir_node *scan, uint32_t result, bool last);
/* Operand k fills the box where its subscripts, an index less an offset each, are inside it; the boxes cover the shape, each point
 * once (`ir_check_concat`). */
const struct ir_node *ir_concat(struct ir_context *context, uint32_t rank, const struct poly *const *shape, uint32_t n_operands,
                                const struct ir_access *operands);
/* One value, found in as many ways as there are operands: each is a view that equals the others within the kernel's numeric class.
 * Its value is that of the first, which is the plainest; `choose` puts the cheapest in its place. */
enum { IR_ALTERNATIVES = 4 }; /* at most */
const struct ir_node *ir_alt(struct ir_context *context, uint32_t rank, const struct poly *const *shape, uint32_t n_operands,
                             const struct ir_access *operands);
/* The node as it is: subscripts are indices 0..rank-1. */
struct ir_access ir_access_whole(struct ir_context *context, const struct ir_node *node);

const struct ir_expr *ir_expr_literal(struct ir_context *context, struct ir_number number);
const struct ir_expr *ir_expr_operand(struct ir_context *context, uint32_t operand, enum ir_elem elem);
const struct ir_expr *ir_expr_index(struct ir_context *context, const struct poly *index); /* i64 */
const struct ir_expr *ir_expr_load(struct ir_context *context, uint32_t buffer, enum ir_elem elem, const struct poly *address);
const struct ir_expr *ir_expr_local(struct ir_context *context, uint32_t local, enum ir_elem elem);
const struct ir_expr *ir_expr_apply(struct ir_context *context, enum ir_expr_op op, uint32_t n_arguments,
                                    const struct ir_expr *const *arguments); /* not for cast */
/* In an address or as a value: does the expression change with this index? */
bool ir_expr_uses_index(const struct ir_expr *expr, uint32_t index);
const struct ir_expr *ir_expr_cast(struct ir_context *context, enum ir_elem elem, const struct ir_expr *argument);

/* ---- kernels and programs ---- */

enum ir_numeric_class { IR_CLASS_EXACT, IR_CLASS_REASSOC, IR_CLASS_NORMWISE };

/* An input, and what is known of it that is no part of its value: where its elements lie, and what the caller promises of them. */
struct ir_input_info {
    const char *name;
    const struct ir_node *node;
    struct span span;
    const struct poly *const *strides; /* one an axis, in elements, over dims; NULL: dense, in C order */
    uint32_t promises;                 /* bit 1 << ir_promise */
};
struct ir_output {
    const char *name;
    const struct ir_node *node;
    struct span span;
    uint32_t updates; /* one more than the number of the input in whose place it is computed: the caller has one array for both; a
                         scatter on that input, which nothing else reads. 0: none */
};

/* What a person calls a node: side table, first entry wins. */
struct ir_name {
    const struct ir_node *node;
    const char *name;               /* of the tensor; NULL: none */
    const char *const *index_names; /* ir_index_count of them, entries may be NULL; NULL: none */
    struct span span;               /* the statement it came from */
};

/* What was found out of a part of the source, for `explain`. */
struct ir_remark {
    const char *what, *kind, *detail;
};

struct ir_kernel {
    const char *name;
    struct span span;
    enum ir_numeric_class numeric_class;
    bool class_stated;
    uint32_t n_inputs, n_outputs;
    struct ir_input_info *inputs;
    struct ir_output *outputs; /* passes replace their nodes */
    struct ir_name *names;
    size_t n_names, names_capacity;
    struct ir_remark *remarks;
    size_t n_remarks, remarks_capacity;
    const struct ir_kernel *derived_from; /* what this is a derivative of; NULL: a kernel of its own */
    const char *derivation;               /* "gradient of f with respect to A, b"; NULL as above */
};

struct ir_program {
    struct ir_context *context;
    const char *path; /* source file as the user named it; NULL: none */
    struct ir_kernel **kernels;
    size_t n_kernels, kernels_capacity;
};

void ir_set_name(struct ir_context *context, struct ir_kernel *kernel, const struct ir_node *node, const char *name,
                 const char *const *index_names, struct span span);
const struct ir_name *ir_find_name(const struct ir_kernel *kernel, const struct ir_node *node); /* NULL: nothing known */
/* The name of its value, of its input or of its constant; NULL: it has none. */
const char *ir_name_of(const struct ir_kernel *kernel, const struct ir_node *node);

/* A kernel of its own with the same nodes: passes may replace its outputs. */
struct ir_kernel *ir_kernel_copy(struct ir_context *context, const struct ir_kernel *kernel);

/* All nodes the outputs need, operands before users, each once; `*count` of them, in the arena. Tables that subscripts look up are
 * among them. */
const struct ir_node **ir_topological(struct ir_context *context, const struct ir_kernel *kernel, size_t *count);
/* All subexpressions, each once, arguments before users, `expr` last. */
const struct ir_expr **ir_expr_topological(struct ir_context *context, const struct ir_expr *expr, size_t *count);
/* Where among them `expr` stands; it is one of them. */
size_t ir_expr_position(const struct ir_expr *const *order, size_t count, const struct ir_expr *expr);
/* The operation or cast that `like` is, of other arguments; `like` itself if it takes none. */
const struct ir_expr *ir_expr_remake(struct ir_context *context, const struct ir_expr *like,
                                     const struct ir_expr *const *arguments);
enum { IR_EXPRESSION_DEPTH = 4096 }; /* the most that what recurses into expressions has to bear */
/* How deep the last of them nests; the others are all its subexpressions, as above. 0 when memory ran out. */
uint32_t ir_expr_depth(struct ir_context *context, const struct ir_expr *const *order, size_t count);
/* Rebuilds every output bottom-up. `rewrite` gets a node whose operands are already rewritten and gives what stands in its place
 * (itself: no change; NULL: failure, all stops). Names follow the replacement. True when something changed. */
typedef const struct ir_node *ir_rewrite_function(void *user, struct ir_context *context, const struct ir_node *node);
bool ir_rewrite(struct ir_context *context, struct ir_kernel *kernel, ir_rewrite_function *rewrite, void *user);
/* The contraction, computed by its codelet where it has one (codelet.h). */
const struct ir_node *ir_with_codelet(struct ir_context *context, const struct ir_node *node);
/* The node with other operands, everything else kept. */
const struct ir_node *ir_with_operands(struct ir_context *context, const struct ir_node *node, const struct ir_access *operands);
/* Calls `visit` for each table that subscripts, conditions and index values of the node look up; perhaps more than once. */
void ir_visit_tables(struct ir_context *context, const struct ir_node *node, void (*visit)(void *user, const struct ir_node *table),
                     void *user);
/* Does what the node computes from its operands depend on a run-time dim, in any way? */
bool ir_uses_dims(struct ir_context *context, const struct ir_node *node);
/* Is it made of formulas and constants alone, so that the compiler can say its numbers, and are all index spaces of its nodes
 * together no more than so many points? What may fail, or is done in steps, is left to the run. */
bool ir_is_known(struct ir_context *context, const struct ir_node *node, double most_points);
/* The value of a node that depends on no input and no dim as a constant of this name (NULL: none); NULL: it could not be said, or
 * has no elements. */
const struct ir_node *ir_evaluated(struct ir_context *context, const struct ir_node *node, const char *name);
/* Does the node look anything up in the table? */
bool ir_looks_up(struct ir_context *context, const struct ir_node *node, const struct ir_node *table);
/* Must its lookups be checked when the kernel runs? Some subscript that is looked up is not proved to stay inside its axis (which a
 * fill value makes unneeded), or some lookup in its table. What is read through such an access is read under its check: passes may
 * not put what it is made of in its place. */
bool ir_is_checked_access(struct ir_context *context, const struct ir_access *access, const struct poly_ranges *ranges);
/* Marks in `needed` the indices of `space` without which the access may not be read: those of its subscripts; and where those do
 * not keep it inside its tensor, or divide by what may be 0, all that may have no value, since only that one of them has none may
 * keep it from being read. Whoever moves an access to another index space takes these along. */
void ir_access_needs(struct ir_context *context, const struct ir_access *access, const struct poly_ranges *space, bool *needed);
/* The node with lookups in a table t made lookups in by_id[t->id] (NULL: kept), a node of the same shape. */
const struct ir_node *ir_with_tables(struct ir_context *context, const struct ir_node *node, const struct ir_node *const *by_id);
/* An access as seen through replaced indices: subscripts substituted. */
struct ir_access ir_access_substitute(struct ir_context *context, struct ir_access access, uint32_t n,
                                      const struct poly *const *replacements, const struct poly_ranges *ranges);
/* The expression with indices (as poly_substitute), also those in the addresses of loads, and leaves replaced. `leaf` gets each
 * operand, load and local and gives its replacement; NULL leaves them alone. */
typedef const struct ir_expr *ir_leaf_function(void *user, struct ir_context *context, const struct ir_expr *leaf);
const struct ir_expr *ir_expr_substitute(struct ir_context *context, const struct ir_expr *expr, ir_leaf_function *leaf, void *user,
                                         uint32_t n, const struct poly *const *replacements, const struct poly_ranges *ranges);
/* exp(-2 pi i numerator / order), each part correct to about one unit in its last place and symmetric: quarters are exact, entries
 * that are equal or opposite are so to the bit (roots.c). nan for an order below 1 or above 2^60. */
void ir_root(int64_t numerator, int64_t order, double *re, double *im);
/* The same before it is rounded, of an order in that range. */
void ir_root_extended(int64_t numerator, int64_t order, long double *re, long double *im);
/* The expression with another in place of a subexpression, wherever that occurs. */
const struct ir_expr *ir_expr_replace(struct ir_context *context, const struct ir_expr *expr, const struct ir_expr *from,
                                      const struct ir_expr *to);
/* The expression with the lookups in its index values and addresses replaced (poly_replace_lookups). */
const struct ir_expr *ir_expr_replace_lookups(struct ir_context *context, const struct ir_expr *expr, poly_lookup_function *lookup,
                                              void *user, const struct poly_ranges *ranges);
/* Does an output take the place of input `input`? */
bool ir_input_is_updated(const struct ir_kernel *kernel, uint32_t input);
struct poly_ranges ir_ranges(const struct ir_node *node);
/* How many indices have names: those of the index space, of inputs and constants the axes. */
uint32_t ir_index_count(const struct ir_node *node);
/* The indices that the subscripts of operand `operand` speak of: the node's, in a scan those of that operand. */
struct poly_ranges ir_operand_ranges(struct ir_context *context, const struct ir_node *node, uint32_t operand);
/* Number of elements (product of the shape). */
const struct poly *ir_element_count(struct ir_context *context, const struct ir_node *node);
/* Are the last two axes of one extent? */
bool ir_is_square(const struct ir_node *node);
/* How many elements the memory of an input reaches over: from the first to the last, gaps included. Where an extent is 0 there are
 * none, whatever this says. */
const struct poly *ir_input_reach(struct ir_context *context, const struct ir_input_info *input);
static inline bool ir_input_promises(const struct ir_input_info *input, enum ir_promise promise)
{
    return (input->promises >> promise) & 1;
}
/* C-order offset of subscripts in the node's shape. */
const struct poly *ir_linear_offset(struct ir_context *context, const struct ir_node *node, const struct poly *const *subscripts);

/* ---- solve.c: solutions of linear equations ---- */

/* Does the matrix depend on this index of the node, one of its axes? */
bool ir_solve_is_batch(const struct ir_node *node, uint32_t index);
/* Have two solutions the same matrix, or one the other's transposed? What is done to it need be done once. */
bool ir_solve_shares(struct ir_context *context, const struct ir_node *a, const struct ir_node *b, bool *transposed);
/* `shared`: another solution counts the factors of the matrix. */
const struct poly *ir_solve_flops(struct ir_context *context, const struct ir_node *node, bool shared);

/* ---- work.c: counting ---- */
struct ir_work {
    const struct poly *flops;     /* real additions and multiplications */
    const struct poly *functions; /* calls of exp, sqrt, ... beside */
    const struct poly *bytes;     /* inputs, constants, outputs once */
};
struct ir_work ir_node_work(struct ir_context *context, const struct ir_node *node); /* as one loop nest over its index space */
struct ir_work ir_kernel_work(struct ir_context *context, const struct ir_kernel *kernel);
/* Of one evaluation, where a shared subexpression counts once; complex multiplication 6, addition 2. `functions` may be NULL. */
int64_t ir_expr_flops(struct ir_context *context, const struct ir_expr *expr, int64_t *functions);

/* ---- print.c, reader.re, reader.y: text ---- */
void ir_print_kernel(struct text *text, struct ir_context *context, const struct ir_kernel *kernel);
void ir_print_program(struct text *text, const struct ir_program *program);
/* Reads what `ir_print_program` wrote. NULL after diagnostics. `load` reads sidecar files of large constants (may be NULL).
 * The program's dims join the context. */
struct ir_program *ir_read(struct ir_context *context, const struct source *source);
/* Equal but for names: same inputs under the same promises, same outputs (same context, so same pointers). */
bool ir_kernel_equal(const struct ir_kernel *a, const struct ir_kernel *b);

/* ---- verify.c ---- */
/* Every rule of docs/ir.md; a broken one is our own mistake (or a hostile .eir): a diagnostic E07xx and false. */
bool ir_verify(struct ir_context *context, const struct ir_kernel *kernel);

/* ---- concat.c ---- */
/* Where operand `access` of a concatenation begins along an axis. */
const struct poly *ir_concat_offset(struct ir_context *context, const struct ir_access *access, uint32_t axis);
enum ir_concat_fault {
    IR_CONCAT_FINE,
    IR_CONCAT_OUTSIDE, /* operands[0] is not proved to lie inside */
    IR_CONCAT_OVERLAP, /* operands[0] and [1] are not proved to share no point */
    IR_CONCAT_GAP      /* there are more points than the operands have, or fewer */
};
enum { IR_CONCAT_OPERANDS = 64 }; /* at most; the proof looks at pairs, and at chains of boxes between them */
/* Do the boxes lie inside, apart from each other, and cover the node, wherever no extent is negative? */
enum ir_concat_fault ir_check_concat(struct ir_context *context, const struct ir_node *node, uint32_t operands[2]);

/* ---- eval.c: the meaning ---- */

enum ir_arithmetic {
    IR_EVAL_NUMBERS, /* double and complex double, rounded to the declared type at casts and nodes; integers wrap exactly */
    IR_EVAL_PRIME,   /* modulo 2^61 - 1 (complex numbers as pairs: -1 has no root there). Literals and constants are exact dyadic
                        rationals. An OPAQUE function is a fixed hash of its arguments; min and max keep the order of fractions
                        and whole numbers of up to 30 bits */
    IR_EVAL_BOUND    /* as NUMBERS but every term by its magnitude: sum|products|, for componentwise error bounds */
};
/* A tensor's numbers outside the compiler: C order. NUMBERS: elements of `elem` as in memory (elements.def). PRIME: two uint64_t an
 * element. BOUND: one double an element. */
struct ir_tensor {
    enum ir_elem elem;
    uint32_t rank;
    int64_t *shape;
    void *data;
};
/* Evaluates all outputs: `dims` binds every run-time dim; inputs[k].data in the arithmetic's layout; outputs[k] (shape, data) are
 * allocated in the context's arena. EINC_LIMIT when a tensor would exceed 2^26 elements. BOUND takes the inputs of
 * NUMBERS. `longest_sum` (may be NULL) has room for one double an output: the number of roundings behind an element, so that
 * engines agree to about longest_sum * eps * magnitude. */
enum einc_status ir_eval(struct ir_context *context, const struct ir_kernel *kernel, enum ir_arithmetic arithmetic,
                         const int64_t *dims, const struct ir_tensor *inputs, struct ir_tensor *outputs, double *longest_sum);
/* Is every node exact modulo the prime (no OPAQUE function, no integer division or narrowing cast; rings plustimes and prod)? */
bool ir_is_polynomial(const struct ir_kernel *kernel);

#endif
