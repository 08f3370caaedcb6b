/* Loop IR: buffers, loops and stores; every decision of scheduling is visible here, backends only spell it.
 *
 * A function has parameters (dims, inputs, outputs, workspace), buffers, and a list of statements. Loop indices are index symbols
 * of quasi-polynomials, numbered per function; addresses are polys in elements of their buffer. Values are `ir_expr` DAGs whose
 * leaves are literals, indices, loads and locals. After the pass `split_complex` only real types remain: a complex buffer is then
 * one of twice as many reals.
 * Text form: docs/loop-ir.md. Everything lives in the context's arena; statements may be changed in place by passes. */
#ifndef IR_LOOP_H
#define IR_LOOP_H

#include "ir.h"

enum loop_buffer_kind {
    LOOP_INPUT,    /* tensor argument; rank 0 real inputs are by value (`by_value`) */
    LOOP_OUTPUT,   /* tensor argument, written */
    LOOP_CONSTANT, /* table in the emitted file, or passed in (`--weights`) */
    LOOP_SCRATCH,  /* at `offset` bytes of the workspace */
    LOOP_STACK     /* small local array of constant size */
};

struct loop_buffer {
    enum loop_buffer_kind kind;
    const char *name; /* unique in the function, a valid C name before mangling */
    enum ir_elem elem;
    const struct poly *count; /* elements */
    bool by_value;
    bool is_complex; /* declared complex, before split_complex halved its type */
    bool is_private; /* small array or scratch of a parallel loop: each iteration has its own, which holds nothing at first */
    const struct poly *offset; /* LOOP_SCRATCH: bytes, set by plan_memory; of a private one in the thread's part */
    const struct ir_constant *constant;
    uint32_t rank; /* for the reader of emitted code */
    const struct poly *const *shape;
    uint32_t parameter;          /* which input or output of the kernel */
    uint32_t updates;            /* output: one more than the number of the input whose numbers it holds when called; 0: none */
    const struct ir_node *table; /* stands for it in the quasi-polynomials that look it up (loop_table); NULL: none does */
};

/* PARALLEL: iterations may run at once, in any order (loop_parallel.c says when). VECTOR: lanes of a vector. UNROLLED: short, of a
 * constant number of iterations. DOT: a constant number of terms of one sum, products of integers of 8 or 16 bits that lie side by
 * side (loop_dot), for processors that multiply and add several of them at once. */
enum loop_kind { LOOP_SERIAL, LOOP_PARALLEL, LOOP_VECTOR, LOOP_UNROLLED, LOOP_DOT };
enum { LOOP_KINDS = LOOP_DOT + 1 };
extern const char *const loop_kind_names[LOOP_KINDS]; /* loop_print.c */

/* What the index of a loop is to the product of two tensors that is summed in it: in both and the result, in the result and the
 * first or the second, in both and summed. */
enum loop_role { LOOP_NO_ROLE, LOOP_BATCH, LOOP_M, LOOP_N, LOOP_K };

extern const char *const loop_role_names[LOOP_K + 1];

struct loop_index {
    const char *name;
};
struct loop_local {
    const char *name;
    enum ir_elem elem;
};

enum loop_op {
    LOOP_FOR,      /* for index in [begin, end): body */
    LOOP_STORE,    /* buffer[address] = value, or combined with what is there by `combine` */
    LOOP_DEFINE,   /* a new local, set to value; `constant` when never set again */
    LOOP_SET,      /* local = value, or combined with it by `combine` */
    LOOP_IF,       /* body when all conditions p >= 0 hold, else `otherwise` */
    LOOP_CHECK,    /* where a condition p >= 0 does not hold the function ends, and says so */
    LOOP_PREFETCH, /* a hint that what stands at buffer[address] is needed soon; the address may lie outside */
    LOOP_COMMENT,  /* words for the reader of emitted code */
    LOOP_BLOCK     /* a stage: braces only where names need it; `comment` stands above */
};

struct loop_stmt {
    enum loop_op op;
    struct loop_stmt *next;
    const char *comment; /* above it (BLOCK, COMMENT) or behind it (FOR); may be NULL */
    struct span span;    /* the statement of the source it serves */
    union {
        struct {
            enum loop_kind kind;
            enum loop_role role;
            uint32_t index;
            const struct poly *begin, *end; /* begin >= 0; where end <= begin it never runs */
            const struct poly *limit;       /* it ends there as well, where that is below `end`; NULL: no such limit */
            struct loop_stmt *body;
        } loop;
        struct {
            uint32_t buffer;
            const struct poly *address;
            const struct ir_expr *value;
            enum ir_expr_op combine; /* IR_EXPR_OP_COUNT: plain store; else a ring's add */
            bool streams;            /* past the caches: nothing reads it soon */
        } store;
        struct {
            uint32_t local;
            const struct ir_expr *value;
            enum ir_expr_op combine; /* LOOP_SET only */
            bool constant;           /* LOOP_DEFINE only */
        } local;
        struct {
            uint32_t n_conditions;
            const struct poly *const *conditions;
            struct loop_stmt *body, *otherwise; /* LOOP_IF only */
        } branch;                               /* LOOP_IF, LOOP_CHECK */
        struct {
            uint32_t buffer;
            const struct poly *address;
            bool far; /* to the second cache: it is needed in a while, once */
        } prefetch;
        struct loop_stmt *block;
    };
};

/* The numbers that the name has had behind it are all below `next`: no later name need try them again. */
struct loop_numbering {
    const char *name;
    unsigned next;
};

enum { LOOP_THREADS_LIMIT = 1024 };

struct loop_function {
    const char *name;
    const struct ir_kernel *kernel; /* what it implements: names, spans, class; NULL when read from text */
    uint32_t n_dims;                /* run-time dims it uses, in order of declaration */
    const uint32_t *dims;
    struct loop_buffer *buffers;
    size_t n_buffers, buffers_capacity;
    struct loop_index *indices;
    size_t n_indices, indices_capacity;
    struct loop_local *locals;
    size_t n_locals, locals_capacity;
    struct loop_numbering *numberings; /* of names wanted more than once */
    size_t n_numberings, numberings_capacity;
    uint32_t threads;             /* for how many parallel loops were chosen; 0: the function runs on one, none is parallel */
    const struct poly *workspace; /* bytes; constant 0: none */
    const struct poly *thread_workspace; /* bytes that each thread has behind these, for private buffers */
    uint32_t workspace_alignment;        /* bytes */
    struct loop_stmt *body;
    struct ir_work work; /* after all passes */
};

/* ---- loop_build.c ---- */
struct loop_function *loop_function_create(struct ir_context *context, const char *name);
uint32_t loop_add_buffer(struct ir_context *context, struct loop_function *function, struct loop_buffer buffer);
uint32_t loop_add_index(struct ir_context *context, struct loop_function *function,
                        const char *name); /* unique among all names but indices */
uint32_t loop_add_local(struct ir_context *context, struct loop_function *function, const char *name, enum ir_elem elem);
struct loop_stmt *loop_for(struct ir_context *context, enum loop_kind kind, uint32_t index, const struct poly *begin,
                           const struct poly *end, struct loop_stmt *body);
struct loop_stmt *loop_store(struct ir_context *context, uint32_t buffer, const struct poly *address, const struct ir_expr *value,
                             enum ir_expr_op combine);
struct loop_stmt *loop_define(struct ir_context *context, uint32_t local, const struct ir_expr *value, bool constant);
struct loop_stmt *loop_set(struct ir_context *context, uint32_t local, const struct ir_expr *value, enum ir_expr_op combine);
struct loop_stmt *loop_if(struct ir_context *context, uint32_t n_conditions, const struct poly *const *conditions,
                          struct loop_stmt *body, struct loop_stmt *otherwise);
struct loop_stmt *loop_check(struct ir_context *context, uint32_t n_conditions, const struct poly *const *conditions);
struct loop_stmt *loop_prefetch(struct ir_context *context, uint32_t buffer, const struct poly *address);
/* A rank-1 node that stands for the buffer's elements in lookups; NULL: they are no integers, or no memory. */
const struct ir_node *loop_table(struct ir_context *context, struct loop_function *function, uint32_t buffer);
/* The buffer that a lookup in this table reads; UINT32_MAX: none of the function's, a constant. */
uint32_t loop_table_buffer(const struct loop_function *function, const struct ir_node *table);
/* The most bytes of workspace that the function can ask for, whatever its dims within their bounds. False: that is not known. */
bool loop_most_workspace(struct ir_context *context, const struct loop_function *function, int64_t *bytes);
/* What the body of a loop over `index` does where it adds products to one local, and nothing else: sum add= mul(A, B), each factor
 * an i8 or i16 in memory, moved one place on by the index, and cast to the sum's i32 or i64. False: it does something else. */
struct loop_dot {
    uint32_t local;
    enum ir_elem elem;                /* of the sum */
    const struct ir_expr *factors[2]; /* the loads; of two types the narrower first */
};
bool loop_read_dot(struct ir_context *context, const struct loop_function *function, const struct loop_stmt *body, uint32_t index,
                   struct loop_dot *dot);
/* Can it end at a check? */
bool loop_can_fail(const struct loop_stmt *list);
struct loop_stmt *loop_block(struct ir_context *context, const char *comment, struct span span, struct loop_stmt *body);
struct loop_stmt *loop_join(struct loop_stmt *first, struct loop_stmt *second); /* one list; either may be NULL */

/* ---- loop_access.c: every place that statements read and write ---- */
enum loop_access_kind { LOOP_READS, LOOP_WRITES, LOOP_COMBINES };
struct loop_access {
    uint32_t buffer;
    const struct poly *address; /* NULL: looked up by an address, extent or condition */
    enum loop_access_kind does;
    /* Around it, of the statements visited, outermost first; for the time of the call. */
    const struct loop_stmt *const *loops;
    size_t n_loops;
    const struct poly *const *conditions; /* >= 0 */
    size_t n_conditions;
};
typedef void loop_access_function(void *user, const struct loop_access *access);
/* In order; a store after what its value reads. False: no memory. */
bool loop_visit_accesses(struct ir_context *context, const struct loop_function *function, const struct loop_stmt *list,
                         loop_access_function *visit, void *user);

/* ---- loop_lanes.c: lanes of pairs that are taken apart ---- */
/* Have vectors of so many lanes, of so many bytes each, an order of their own? */
bool loop_lanes_have_order(int64_t lanes, size_t bytes);
/* Which pair a lane holds; where they have no such order, its own. */
int64_t loop_lane_at(int64_t lane, int64_t lanes, size_t bytes);
const struct poly *loop_lane_order(struct ir_context *context, const struct poly *lane, int64_t lanes, size_t bytes);
/* The address in one iteration of the loop over `index`. */
const struct poly *loop_address_at(struct ir_context *context, const struct poly *address, uint32_t index, int64_t iteration);

/* first + step * lane, or step * order(lane) where it is `apart`. */
struct loop_lane {
    const struct poly *step, *first;
    bool apart;
};
/* How the address moves with the lane that is `index`; false: neither way, or no memory. */
bool loop_split_lane(struct ir_context *context, const struct poly *address, uint32_t index, int64_t lanes, size_t bytes,
                     struct loop_lane *lane);

/* How far lanes move, 0: not at all, or not always as far; which half of pairs they have where they move by two, else -1; and in
 * the order of pairs taken apart? */
struct loop_movement {
    int64_t step;
    int half;
    bool apart;
};
struct loop_movement loop_lanes_move(struct ir_context *context, const struct poly *address, uint32_t index, int64_t lanes,
                                     size_t bytes);

/* How the address of elements of so many bytes moves with the index of a loop of any kind, what remains without it: of all
 * iterations together, since lanes in another order reach the same places. False: not evenly, or no memory. */
bool loop_split_address(struct ir_context *context, const struct poly *address, const struct loop_stmt *loop, size_t bytes,
                        const struct poly **step, const struct poly **rest);

/* ---- loop_parallel.c ---- */
/* May the iterations of the loop run at once? `around` has the ends of the loops that are open around it, by index. */
bool loop_is_independent(struct ir_context *context, const struct loop_function *function, const struct loop_stmt *loop,
                         const struct poly_ranges *around);
/* Locals that the list defines are marked in `defined`, by local; does it set another one? */
bool loop_sets_outer_local(const struct loop_stmt *list, bool *defined);

/* ---- loop_print.c, loop_reader.re/.y, loop_verify.c ---- */
void loop_print(struct text *text, struct ir_context *context, const struct loop_function *function);
/* Reads what loop_print wrote (several functions); NULL after diagnostics. */
struct loop_function **loop_read(struct ir_context *context, const struct source *source, size_t *count);
/* Names defined before use, addresses proved or plausible, one writer where needed, types agree. A broken rule is our own mistake.
 */
bool loop_verify(struct ir_context *context, const struct loop_function *function);

/* ---- loop_eval.c: EINC_INVALID where the function ends at a check. The meaning of loop IR, slow and bounds-checked, in NUMBERS or
 * PRIME arithmetic; for tests of loop passes ----
 */
enum einc_status loop_eval(struct ir_context *context, const struct loop_function *function, enum ir_arithmetic arithmetic,
                           const int64_t *dims, const struct ir_tensor *inputs, struct ir_tensor *outputs);

#endif
