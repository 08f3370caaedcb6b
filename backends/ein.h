/* Shared by ein.c (statements) and ein_expr.c (expressions and numbers). */
#ifndef BACKENDS_EIN_H
#define BACKENDS_EIN_H

#include "backends_internal.h"

/* How tightly an expression of the language binds. */
enum ein_precedence { EIN_ANY, EIN_OR, EIN_AND, EIN_NOT, EIN_COMPARE, EIN_ADD, EIN_MULTIPLY, EIN_UNARY, EIN_PRIMARY };

struct ein_named {
    const struct ir_node *node;
    const char *name;
};

struct ein_writer {
    struct ir_context *context;
    struct arena *arena;
    struct text *text;
    const struct ir_kernel *kernel;
    const struct ir_node **nodes; /* of the kernel, operands first */
    size_t n_nodes;
    const struct ir_node *node; /* being written */
    const char **indices;       /* its indices */
    struct c_names names;       /* in scope */
    struct ein_named *named;
    size_t n_named, named_capacity;
    struct backend_file *files; /* large constants */
    size_t n_files;
};

/* ---- ein.c ---- */
const char *ein_node_name(const struct ein_writer *w, const struct ir_node *node);
void ein_put_poly(struct ein_writer *w, const struct poly *poly, int binding);
void ein_put_operand(struct ein_writer *w, uint32_t operand);
bool ein_access_uses(const struct ir_access *access, uint32_t index);

void ein_put_access(struct ein_writer *w, const struct ir_access *access);
/* The output that this node is first; NULL: none. */
const struct ir_output *ein_output_of(const struct ir_kernel *kernel, const struct ir_node *node);

/* ---- ein_boxes.c ---- */
/* The box of an output that is the only place where the node is needed: its value stands there. NULL: none. */
const struct ir_access *ein_only_box(const struct ein_writer *w, const struct ir_node *node, const struct ir_node **whole);
void ein_put_left_box(struct ein_writer *w, const char *name, const struct ir_access *box);
void ein_put_boxes(struct ein_writer *w, const char *name, const struct ir_node *node);
void ein_put_choices(struct ein_writer *w, const struct ir_node *node);

/* ---- ein_expr.c ---- */
void ein_put_number(struct ein_writer *w, struct ir_number number, enum ein_precedence precedence);
struct ir_number ein_number_at(enum ir_elem elem, const void *data, size_t at);
void ein_put_body(struct ein_writer *w, const struct ir_node *map);
/* In an index value, or a subscript of an operand of the map that the expression belongs to. */
bool ein_expr_uses(const struct ir_node *map, const struct ir_expr *expr, uint32_t index);
void ein_put_npy(struct ein_writer *w, struct text *bytes, const struct ir_node *node);

#endif
