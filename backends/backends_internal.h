/* Shared by the files of the C backend: what is known while one .c and its .h are written.
 *
 * c.c makes a `c_file` and a `c_kernel` for each kernel, has the kernels written first (c_statements.c, c_scalar.c, c_address.c),
 * and then puts the file together from what they turned out to need: headers, tables (c_constants.c), helpers (c_helpers.c).
 * Nothing here decides about loops or storage; that was done in loop IR. */
#ifndef BACKENDS_INTERNAL_H
#define BACKENDS_INTERNAL_H

#include "backends.h"

/* How tightly an expression binds; text made at one level may stand bare where at most that level is asked. */
enum c_precedence { C_ANY, C_TERNARY, C_OR, C_AND, C_EQUAL, C_COMPARE, C_ADD, C_MULTIPLY, C_UNARY, C_PRIMARY };

/* Functions that the emitted file brings along, one a kind and element type: HELPER_max of f64 is `max_f64`. */
enum c_helper {
    HELPER_max,
    HELPER_min,
    HELPER_relu,
    HELPER_abs,
    HELPER_gelu,
    HELPER_gelu_tanh,
    HELPER_sigmoid,
    HELPER_silu,
    HELPER_divide,
    HELPER_floor_div,
    HELPER_floor_mod,
    HELPER_from_float,  /* to this integer or 16-bit type */
    HELPER_from_double, /* to this 16-bit type, rounded once */
    HELPER_to_float,    /* of this 16-bit type */
    HELPER_odd,         /* double to float, rounded so that a second rounding is right */
    HELPER_COUNT
};

struct c_names {
    const char **items;
    size_t count, capacity;
};

/* A table of numbers in the file, shared by kernels that use equal ones. */
struct c_table {
    const struct ir_constant *constant;
    enum ir_elem elem; /* of one C element: a complex table has real ones */
    size_t count;      /* C elements */
    size_t row;        /* C elements of the last axis, for line breaks; 0: unknown */
    const char *name;
    const char *union_name; /* of the bits behind it; NULL: its numbers have literals */
};

/* Operations on vectors that an emitted file brings along. */
enum c_vector_op {
    VECTOR_load,
    VECTOR_store,
    VECTOR_stream,
    VECTOR_all,
    VECTOR_add,
    VECTOR_subtract,
    VECTOR_multiply,
    VECTOR_divide,
    VECTOR_negate,
    VECTOR_fma,
    VECTOR_load_first,
    VECTOR_store_first,
    VECTOR_load_even,
    VECTOR_load_odd,
    VECTOR_load_back,
    VECTOR_load_even_back,
    VECTOR_load_odd_back,
    VECTOR_store_pairs,
    VECTOR_stream_pairs,
    VECTOR_load_even_apart, /* these in the order of loop_lanes.c */
    VECTOR_load_odd_apart,
    VECTOR_load_even_apart_back,
    VECTOR_load_odd_apart_back,
    VECTOR_store_apart,
    VECTOR_stream_apart,
    VECTOR_turn,
    VECTOR_turn_stream,
    VECTOR_square,
    VECTOR_square_apart, /* rows are read in that order; columns are written to it */
    VECTOR_square_together,
    VECTOR_absolute,
    VECTOR_copysign,
    VECTOR_lesser,
    VECTOR_larger,
    VECTOR_where_less,
    VECTOR_round,
    VECTOR_two_to,
    VECTOR_exponent,
    VECTOR_mantissa,
    VECTOR_scale,
    VECTOR_min,
    VECTOR_max,
    VECTOR_relu,
    VECTOR_sqrt,
    VECTOR_OP_COUNT
};

/* A type of vectors, `f64x8`, and which operations on it are used: `f64x8_load`. */
struct c_vector {
    enum ir_elem elem;
    int64_t lanes;
    const char *name;
    bool uses[VECTOR_OP_COUNT];
    bool inner[VECTOR_OP_COUNT]; /* what functions are made of: not needed where these call the C library */
    bool functions[IR_EXPR_OP_COUNT];
    bool places, takes, puts; /* codelets of it: take and put complex numbers */
};

/* The first lanes of a wider vector are wanted as a vector. */
struct c_narrowing {
    enum ir_elem elem;
    int64_t lanes, from;
};

/* Adds so many products of two rows of integers, the narrower first, to a sum: `dot_4_i8`. */
struct c_dot {
    enum ir_elem elems[2], sum;
    int64_t terms;
};

struct c_file {
    const struct backend_program *program;
    const struct backend_options *options;
    struct ir_context *context;
    struct arena *arena;
    struct c_names names; /* of file scope */
    struct c_kernel *kernels;
    struct c_table *tables;
    size_t n_tables, tables_capacity;
    struct c_vector *vectors;
    size_t n_vectors, vectors_capacity;
    struct c_narrowing *narrowings;
    size_t n_narrowings, narrowings_capacity;
    struct c_codelet *codelets;
    size_t n_codelets, codelets_capacity;
    struct c_dot *dots;
    size_t n_dots, dots_capacity;
    bool uses_math;
    bool streams_rows;                      /* rows are copied past the caches */
    bool prefetches;                        /* asks for lines of memory before they are needed */
    bool guards_masks, guards_permutations; /* what gcc before 14 might compile wrongly (c_masks.c) */
    bool helpers[HELPER_COUNT][IR_ELEM_COUNT];
    uint32_t saturates[2][32]; /* to so many bits, unsigned and signed: a bit for each shift to the right before it */
};

/* `const float *q_row = &q[base];` where it is visible. */
struct c_row {
    uint32_t buffer;
    const struct poly *base;
    const char *name;
};

struct c_kernel {
    struct c_file *file;
    const struct backend_kernel *source;
    const struct loop_function *loops;
    const char *name, *macro;
    const char *workspace, *threads;   /* names of the arguments */
    const char *memory;                /* of the object that is the workspace; NULL: an argument is */
    const char *thread;                /* in a parallel loop: the number of the thread; else NULL */
    bool uses_workspace, uses_threads; /* something needs them */
    struct c_names names;              /* of function scope */
    const char **dims;                 /* by number in the context */
    const char **buffers;              /* by number; NULL while a constant has no table yet */
    const char **locals;
    const char **indices;        /* while their loop is open */
    const struct poly **extents; /* of the loops, for proofs; NULL: unknown */
    bool *extent_unknown;        /* loops over the index have extents of which none is known to be the longest */
    bool *buffer_used;
    bool *buffer_read;
    bool streams;         /* something is stored past the caches, and the loop or function that is written must wait for it */
    size_t n_live;        /* buffers and locals found to be read */
    int64_t *array_lanes; /* of a small array that is one of vectors; else 0 or less */
    bool *array_declared; /* small arrays: in a scope that is open */
    bool *dim_used;
    bool *local_read;
    bool *local_vector; /* of the vector loop being written */
    struct c_row *rows;
    size_t n_rows, rows_capacity;
    const char **visible; /* names of open scopes: indices, rows, parts */
    size_t n_visible, visible_capacity;
    struct c_part *parts; /* shared subexpressions that have a name at the moment */
    size_t n_parts, parts_capacity;
    struct c_call *calls; /* of codelets */
    size_t n_calls, calls_capacity;
    uint32_t *stamps; /* by id of expression: the traversal that saw it last */
    size_t n_stamps;
    uint32_t stamp;
    uint32_t innermost; /* index of the innermost loop that is open and has no loop inside; UINT32_MAX: none */
};

/* A subexpression that stands more than once in a statement and was given a name. */
struct c_part {
    const struct ir_expr *expr;
    const char *name;
};

/* ---- c_names.c ---- */
const char *c_guard_name(struct c_file *file); /* c_header.c: the macro of the include guard */
bool c_name_is_reserved(const char *name);     /* keyword of C or C++, standard name, or one of ours */
const char *c_mangle(struct arena *arena, const char *name);
/* The mangled name, with a number behind when it stands in one of the two lists (either may be NULL); added to the first. */
const char *c_name_unique(struct arena *arena, struct c_names *names, const struct c_names *others, const char *wanted);
bool c_name_taken(const struct c_names *names, const char *name);
bool c_kernel_names(struct c_kernel *kernel);
/* A name for the scope that is open: differs from all that is visible there. */
const char *c_scope_name(struct c_kernel *kernel, const char *wanted);

/* ---- c_address.c: quasi-polynomials as C ---- */
/* As size_t arithmetic, in Horner form. */
void c_put_size(struct c_kernel *kernel, struct text *text, const struct poly *poly, enum c_precedence precedence);
/* The same where a floor may be trusted to be of something >= 0: extents and sizes, which must not be negative. */
void c_put_extent(struct c_kernel *kernel, struct text *text, const struct poly *poly, enum c_precedence precedence);
/* `name < extent`; where the extent may be negative, and the loop then never runs, `name + 1 < W`. */
void c_put_below(struct c_kernel *kernel, struct text *text, const char *name, const struct poly *extent);
/* As int64_t arithmetic: index values. */
void c_put_signed(struct c_kernel *kernel, struct text *text, const struct poly *poly, enum c_precedence precedence);
/* A comparison of the difference with 0, as one of two sides without negative terms; false: nothing was put. */
bool c_put_sides(struct c_kernel *kernel, struct text *text, const struct poly *difference, const char *operator);
/* poly >= 0, both sides without negative terms; false when it holds for all size_t values (nothing was put). */
bool c_put_condition(struct c_kernel *kernel, struct text *text, const struct poly *poly);
/* poly < 0, of numbers looked up at run time: right for every value they may have. */
bool c_put_violation(struct c_kernel *kernel, struct text *text, const struct poly *poly);
bool c_proved_nonnegative(struct c_kernel *kernel, const struct poly *poly);

/* ---- c_scalar.c: expressions ---- */
void c_put_expr(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence);
/* An integer as unsigned arithmetic modulo the width of its type, 32 bits at least: the value before the cast back. */
void c_put_modular(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr, enum c_precedence precedence);
const char *c_part_name(const struct c_kernel *kernel, const struct ir_expr *expr); /* of one kept in a variable; NULL */

/* ---- c_combine.c ---- */
/* `target = target combine value;` in its shortest form, without the semicolon. `target` is read and written once, or twice. */
void c_put_combined(struct c_kernel *kernel, struct text *text, const char *target, enum ir_elem elem, enum ir_expr_op combine,
                    const struct ir_expr *value);

/* ---- c_literals.c: element types and numbers ---- */
const char *c_type(enum ir_elem elem); /* of one C element */
enum ir_elem_kind c_kind_of(enum ir_elem elem);
int c_bits_of(enum ir_elem elem);
bool c_is_negative_literal(struct ir_number number); /* does it begin with a minus? */
void c_put_literal(struct c_file *file, struct text *text, struct ir_number number, enum c_precedence precedence);

/* ---- c_rows.c: elements, rows ---- */
void c_indent(struct text *text, int depth);
void c_put_element(struct c_kernel *kernel, struct text *text, uint32_t buffer, const struct poly *address);
/* Is `address` proved to be at or behind `base`, so that `row[address - base]` has no subscript that wraps around? */
bool c_is_behind(struct c_kernel *kernel, const struct poly *base, const struct poly *address);
/* Declares the rows of the innermost loops in the list; gives their number. */
size_t c_put_rows(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *list);

/* ---- c_helpers.c ---- */
const char *c_helper_name(struct arena *arena, enum c_helper helper, enum ir_elem elem);
bool c_is_helper_name(const char *name);
/* Marks it as used and gives its name. */
const char *c_use_helper(struct c_file *file, enum c_helper helper, enum ir_elem elem);
void c_put_helpers(struct c_file *file, struct text *text);
/* The statements of the function of `x`, a number of that type, its value going where `result` says. */
void c_put_function_of_number(struct text *text, enum ir_expr_op function, enum ir_elem elem, const char *result);

/* ---- c_saturate.c ---- */
/* A call of `saturate_s8` or its like, where the value is one; false: it is not. */
bool c_put_saturated(struct c_kernel *kernel, struct text *text, const struct ir_expr *expr);
void c_put_saturations(const struct c_file *file, struct text *text); /* the functions that these call */

/* ---- c_dots.c: loops of kind `dot` ---- */
const char *c_dot_statement(struct c_kernel *kernel, const struct loop_stmt *loop);
void c_put_dots(struct c_file *file, struct text *text); /* the functions that these statements call */

/* ---- c_masks.c ---- */
/* Sets what the file guards against, after c_mark_used. */
void c_find_permuted_loads(struct c_kernel *kernel);

/* ---- c_uses.c: what statements and expressions touch ---- */
typedef void c_visit_function(void *user, const struct ir_expr *expr);
/* Every expression below, each once, arguments before users. */
void c_visit_expr(struct c_kernel *kernel, const struct ir_expr *expr, c_visit_function *visit, void *user);
void c_visit_exprs(struct c_kernel *kernel, const struct ir_expr *const *exprs, size_t count, c_visit_function *visit, void *user);
/* Marks what the function reads and writes, loops that never run left out; fills extents. */
bool c_mark_used(struct c_kernel *kernel);
bool c_is_live(const struct c_kernel *kernel, const struct loop_stmt *stmt);
bool c_defines(const struct loop_stmt *list, uint32_t local); /* anywhere inside */
bool c_never_runs(const struct loop_stmt *stmt);
bool c_has_loop(const struct loop_stmt *list); /* one that may run */
bool c_touches(struct c_kernel *kernel, const struct loop_stmt *stmt, uint32_t buffer, bool only_stores);
/* Subexpressions of `expr` that stand in it more than once and are worth a name, arguments before users. */
const struct ir_expr **c_shared(struct c_kernel *kernel, const struct ir_expr *expr, size_t *count);

/* ---- c_statements.c ---- */
/* A statement, on several lines when it is wide. */
void c_put_line(struct text *text, int depth, const char *line);
void c_put_body(struct c_kernel *kernel, struct text *text);

/* ---- c_scratch.c ---- */
bool c_put_scratch(struct c_kernel *kernel, struct text *text); /* what all threads share; false: none is used */
void c_put_private_scratch(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *loop);

/* ---- c_parallel.c ---- */
/* The loop over threads around `body`, a share of the loop; the head of a share; a share of a row that is copied past the caches.
 */
void c_put_threads(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *loop, const char *body);
void c_put_share(struct c_kernel *kernel, struct text *text, const struct loop_stmt *loop, const char *name);
void c_put_streamed_share(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *loop);

/* ---- c_vector_types.c ---- */
struct c_vector *c_use_vector(struct c_file *file, enum ir_elem elem, int64_t lanes); /* NULL: no memory */
const char *c_vector_operation(enum c_vector_op op);                                  /* its name behind that of the type */
/* The name of what gives the first lanes of a wider vector. NULL: no memory. */
const char *c_use_narrowing(struct c_file *file, enum ir_elem elem, int64_t lanes, int64_t from);
void c_put_vectors(struct c_file *file, struct text *text);
/* The pattern with its letters replaced, those that no other letter stands beside, and @ by the element once a lane. */
void c_put_pattern(struct c_file *file, struct text *text, const struct c_vector *vector, const char *pattern);
/* What is defined where masks of its lanes are instructions; NULL: nowhere. */
const char *c_macro_of_masks(const struct c_vector *vector);

/* ---- c_pairs.c: pairs as two vectors, over GNU vectors ---- */
void c_put_pairs(struct c_file *file, struct text *text, const struct c_vector *vector);

/* ---- c_turn.c: blocks of a matrix; `in_registers`: over GNU vectors, else over arrays ---- */
/* Of at most as many rows and columns as there are lanes, past the caches or not; a whole one that is near. */
void c_put_turn(struct c_file *file, struct text *text, const struct c_vector *vector, bool streams, bool in_registers);
void c_put_square(struct c_file *file, struct text *text, const struct c_vector *vector, enum c_vector_op op, bool in_registers);

/* ---- c_streaming.c: in front of all else of a file ---- */
void c_put_streaming(struct c_file *file, struct text *text);
void c_put_prefetching(struct text *text);

/* ---- c_functions.c: elementary functions of vectors ---- */
/* Marks it, and what it is made of, as used and gives its name, `f32x16_exp`. NULL: no memory. */
const char *c_use_function(struct c_file *file, enum ir_elem elem, int64_t lanes, enum ir_expr_op function);
void c_put_functions(struct c_file *file, struct text *text, const struct c_vector *vector);       /* over GNU vectors */
void c_put_plain_functions(struct c_file *file, struct text *text, const struct c_vector *vector); /* over arrays */

/* ---- c_vector.c ---- */
void c_find_vector_arrays(struct c_kernel *kernel); /* fills array_lanes */
void c_put_vector_array(struct c_kernel *kernel, struct text *text, uint32_t number);
/* Is the loop a row that is copied past the caches? Its statement; NULL: no memory. With `bytes` only so many, from where the
 * loop's index is. */
bool c_is_streamed_row(struct c_kernel *kernel, const struct loop_stmt *loop);
const char *c_streamed_row_statement(struct c_kernel *kernel, const struct loop_stmt *loop, const char *bytes);
/* The statement that a vector loop is; `beside` is what stands before it in its list, or NULL: a wider vector there may have what
 * this one needs. NULL: no memory. */
/* Does the vector loop hold more than one store? */
bool c_is_vector_block(const struct loop_stmt *loop);
/* The line of the statement in such a loop, NULL: there is none; goes on to the statement behind what the line does. */
const char *c_vector_block_line(struct c_kernel *kernel, const struct loop_stmt *loop, const struct loop_stmt **stmt);
const char *c_vector_statement(struct c_kernel *kernel, const struct loop_stmt *loop, const struct loop_stmt *beside);
/* A value in the lanes of the loop, as text. */
const char *c_vector_value(struct c_kernel *kernel, const struct loop_stmt *loop, const struct ir_expr *value);

/* ---- c_codelet.c: straight lines as functions ---- */
/* Finds which loops of the kernel are calls of codelets, and adds these to the file. */
void c_find_codelets(struct c_kernel *kernel);
/* The statement that the loop then is; NULL: it is no call. */
const char *c_codelet_call(struct c_kernel *kernel, const struct loop_stmt *loop);

/* ---- c_codelet_text.c ---- */
void c_put_codelet_heads(struct c_file *file, struct text *text); /* what stands before kernels */
void c_put_codelets(struct c_file *file, struct text *text);      /* and behind them */

/* ---- c_constants.c ---- */
bool c_add_tables(struct c_kernel *kernel);
const char *c_table_name(struct c_file *file, const struct ir_node *node);
void c_put_table_declarations(struct c_file *file, struct text *text);
void c_put_tables(struct c_file *file, struct text *text);
bool c_weights_file(struct c_file *file,
                    struct text *bytes); /* all constants, one after the other, each at a multiple of 64 bytes */

/* ---- c_standard.c ---- */
void c_put_include(const struct c_file *file, struct text *text, const char *header); /* "stdint.h" */

/* ---- c_header.c ---- */
void c_put_header(struct c_file *file, struct text *text);
/* Numbers of the buffers that are arguments, in order of the signature: inputs, outputs, constants that are passed in. */
const uint32_t *c_arguments(const struct c_kernel *kernel, size_t *count);
void c_put_signature(struct c_kernel *kernel, struct text *text, bool in_header);
void c_put_workspace(struct c_kernel *kernel, struct text *text); /* its size and alignment, if any is needed */
void c_put_entry(struct c_kernel *kernel, struct text *text);     /* the uniform functions for engines, which call the kernel */
/* The same turned around: the function for engines has the body, and the kernel packs its arguments for it. No call has many:
 * compilers have limits (C99 5.2.4.1 asks for 127 arguments, tcc takes 255), while a function may have any number. */
void c_put_entry_around(struct c_kernel *kernel, struct text *text, const char *body);
bool c_is_weight(const struct c_kernel *kernel, uint32_t buffer); /* a constant passed in as an argument */
bool c_has_workspace(const struct c_kernel *kernel);
bool c_workspace_is_constant(const struct c_kernel *kernel); /* whatever dims and threads there are */
bool c_returns_status(const struct c_kernel *kernel);        /* an int: it may end at a check */

/* ---- c_freestanding.c ---- */
/* The functions of <math.h> that the text calls, with commas between; NULL: none. */
const char *c_math_calls(struct c_file *file, const char *text);
/* Around all functions: what keeps compilers from calling memcpy and its like. */
void c_put_no_calls(struct text *text);
void c_put_calls_again(struct text *text);
bool c_takes_workspace(const struct c_kernel *kernel); /* as an argument */
void c_put_static_workspace(struct c_kernel *kernel, struct text *text);

/* ---- c_file.c: comments and layout ---- */
/* Source text that can stand in a comment: one line, nothing that ends or nests it, no trigraph. */
const char *c_comment(struct arena *arena, const char *text, size_t length);
const char *c_source_name(struct c_file *file); /* of the source, for comments */
/* The equations of a kernel with their places, its sizes, work and scratch: lines of a comment without its ends. */
void c_put_source(struct c_kernel *kernel, struct text *text);
void c_put_file(struct c_file *file, struct text *text);

/* ---- c.c ---- */
const char *c_entry_name(struct c_kernel *kernel); /* the kernel's own name, spelled for C */
/* Names, tables and uses of all kernels; NULL when memory ran out or loop IR is not what a backend takes. */
struct c_file *c_file_create(const struct backend_program *program, const struct backend_options *options);
/* The header, and the file of constants where there is to be one. */
enum einc_status c_add_header(struct c_file *file, struct backend_file **files, size_t *n_files);
enum einc_status backend_emit_c(const struct backend_program *program, const struct backend_options *options,
                                struct backend_file **files, size_t *n_files);

#endif
