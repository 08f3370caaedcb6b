/* Shared by the files of backend `ein`: ein.c (statements, kernels, the file), ein_names.c, ein_scan.c (recurrences), ein_boxes.c
 * (concatenations), ein_access.c, ein_expr.c (expressions and numbers), ein_constants.c. */
#ifndef BACKENDS_EIN_H
#define BACKENDS_EIN_H

#include "backends_internal.h"

/* How tightly an expression of the language binds. */
enum ein_precedence { EIN_ANY, EIN_OR, EIN_AND, EIN_NOT, EIN_COMPARE, EIN_ADD, EIN_MULTIPLY, EIN_UNARY, EIN_PRIMARY };

struct ein_named {
    const struct ir_node *node;
    const char *name;
    bool begun;
};

/* The scan whose step is being written. Nodes of a step may be nodes of the kernel too (inputs of one number and type are), so
 * names of the two are kept apart: those of the kernel come first. */
struct ein_step {
    const struct ir_node *scan;
    const char *index;                /* its name */
    size_t n_outside;                 /* so many of the writer's `named` are the kernel's */
    const char **names;               /* one an output of the step */
    const struct ir_access *operands; /* the scan's, but what cannot be read in place as whole tensors */
};

/* An access in the scope of a statement. In a step subscripts have one index more than the node, behind its own: the scan's. */
struct ein_reading {
    const char *name;
    bool conjugate;
    const struct ir_number *fill;
    uint32_t rank;
    const struct poly *const *subscripts;
    const struct poly *const *shape;
    const struct poly *value; /* not NULL: that of a subscript stands for it */
};

struct ein_writer {
    struct ir_context *context;
    struct arena *arena;
    struct text *text;
    const struct ir_kernel *kernel; /* or step */
    const struct ir_node **nodes;   /* of the kernel, operands first */
    size_t n_nodes;
    const struct ir_node *node;  /* being written */
    const char **indices;        /* its indices, and that of the scan */
    const struct ein_step *step; /* NULL: outside of scans */
    struct c_names names;        /* in scope */
    struct ein_named *named;
    size_t n_named, named_capacity;
    struct backend_file *files; /* large constants */
    size_t n_files;
};

/* ---- ein_names.c ---- */
/* A name like the wanted one that is free; taken from here on. */
const char *ein_new_name(struct ein_writer *w, const char *wanted);
void ein_name_node(struct ein_writer *w, const struct ir_node *node, const char *wanted);
const char *ein_node_name(const struct ein_writer *w, const struct ir_node *node);
/* The name of a node of the kernel, from within a step too. */
const char *ein_outside_name(const struct ein_writer *w, const struct ir_node *node);
bool ein_is_named(const struct ein_writer *w, const struct ir_node *node);
/* True once: the statement of a node that is named is to be written now, be it before its turn. */
bool ein_begins(struct ein_writer *w, const struct ir_node *node);
/* Sets `indices` for one statement. */
void ein_name_indices(struct ein_writer *w, const struct ir_node *node);

/* ---- ein_access.c ---- */
/* How a statement reads what stands in its own scope. */
struct ein_reading ein_read_plainly(struct ein_writer *w, const struct ir_access *access);
void ein_put_access(struct ein_writer *w, const struct ir_access *access);
void ein_put_operand(struct ein_writer *w, uint32_t operand);
/* Does operand `operand` of the node being written use the index, which may be the scan's? */
bool ein_operand_uses(struct ein_writer *w, uint32_t operand, uint32_t index);

/* ---- ein.c ---- */
/* Of an index of the node being written, behind its own that of the scan. */
const struct poly *ein_extent_of(const struct ein_writer *w, uint32_t index);
void ein_put_poly(struct ein_writer *w, const struct poly *poly, int binding);
/* As a value: a subscript calculates in 64 bits whatever its tables hold, an expression in the type of what it reads. */
void ein_put_poly_value(struct ein_writer *w, const struct poly *poly, int binding);
void ein_put_type(struct ein_writer *w, const struct ir_node *node);
/* `name[i: n, ...] = `, in a step the scan's index first. */
void ein_put_left(struct ein_writer *w, const char *name, const struct ir_node *node, const char *const *indices);
/* `name[i: n, ...] = value` of a node that is computed; `cast`: in a cast to its own type. */
void ein_put_value(struct ein_writer *w, const char *name, const struct ir_node *node, bool cast);
bool ein_is_computed(const struct ir_node *node);
/* The output that this node is first, or that takes the place of an input; NULL: none. */
const struct ir_output *ein_output_of(const struct ir_kernel *kernel, const struct ir_node *node);

/* ---- ein_boxes.c ---- */
/* The box of an output, or of a stored let, that is the only place where the node is needed: its value stands there. NULL: none. */
const struct ir_access *ein_only_box(const struct ein_writer *w, const struct ir_node *node, const struct ir_node **whole);
bool ein_is_stored_let(const struct ir_node *node); /* a value that is stored for its own sake */
void ein_put_left_box(struct ein_writer *w, const char *name, const struct ir_access *box);
void ein_put_boxes(struct ein_writer *w, const char *name, const struct ir_node *node);
void ein_put_choices(struct ein_writer *w, const struct ir_node *node);

/* ---- ein_scan.c ---- */
/* How a statement of a step reads it. */
struct ein_reading ein_read_in_step(struct ein_writer *w, const struct ir_access *access);
/* Is it no statement, since only scans read it, which write it themselves: a number that a state begins with, values of indices? */
bool ein_is_written_in_scans(const struct ein_writer *w, const struct ir_kernel *kernel, const struct ir_node *node);
/* The statement of a scan, and lets before it for what it cannot read in place. Afterwards its results have names. */
void ein_put_scan(struct ein_writer *w, const struct ir_node *scan);
/* `name[n: N] = h[T - 1,n]` */
void ein_put_last(struct ein_writer *w, const char *name, const struct ir_node *last);

/* ---- ein_solve.c ---- */
/* What the statement of a solution reads, in lets of its own where these are more than whole tensors. */
struct ein_solve {
    const char *matrix, *right; /* of a batch, `right` has the solutions */
    uint32_t batch;             /* its axis; the node's rank: none */
};
void ein_begin_solve(struct ein_writer *w, const struct ir_node *node, struct ein_solve *solve);
void ein_put_solve(struct ein_writer *w, const struct ir_node *node, const struct ein_solve *solve);

/* ---- ein_parts.c ---- */
/* Writes the parts of a large map as statements; the map that is left, with the same value. */
const struct ir_node *ein_put_parts(struct ein_writer *w, const struct ir_node *map);

/* ---- ein_expr.c ---- */
void ein_put_number(struct ein_writer *w, struct ir_number number, enum ein_precedence precedence);
void ein_put_body(struct ein_writer *w, const struct ir_node *map);
/* Does the map being written, in an index value or a subscript? */
bool ein_expr_uses(struct ein_writer *w, const struct ir_expr *expr, uint32_t index);

/* ---- ein_constants.c ---- */
/* The constants of the kernel that have no name yet, as statements of the file. */
enum einc_status ein_put_constants(struct ein_writer *w, const struct ir_kernel *kernel);
struct ir_number ein_number_at(enum ir_elem elem, const void *data, size_t at);

#endif
