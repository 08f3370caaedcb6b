/* Shared by the files of ir/ alone: what a context holds, and the hash-cons tables.
 *
 * An intern table maps content to the one object that has it. Objects never move or die before the arena, so pointers to them are
 * their identity. Each kind of object (poly, poly atom, node, expression) has its own table; the tables of polys belong to poly.c.
 */
#ifndef IR_IR_INTERNAL_H
#define IR_IR_INTERNAL_H

#include "base.h"
#include "ir.h"
#include "poly.h"

/* ---- intern.c ---- */

struct intern_slot {
    uint64_t hash;
    const void *item; /* NULL: free */
};

/* Open addressing; all zero is an empty table. */
struct intern_table {
    struct intern_slot *slots;
    size_t count, capacity; /* capacity 0 or a power of two */
};

/* Do the key and an item already in the table have equal content? */
typedef bool intern_equal(const void *key, const void *item);

/* The item with this content, or NULL. */
const void *intern_find(const struct intern_table *table, uint64_t hash, const void *key, intern_equal *equal);
/* Adds an item known to be absent; gives it back, or NULL when memory ran out. */
const void *intern_add(struct arena *arena, struct intern_table *table, uint64_t hash, const void *item);

/* ---- the context ---- */

struct poly_table; /* poly.c's own */

struct ir_context {
    struct arena *arena;
    struct diagnostics diagnostics;
    struct ir_dim *dims;
    size_t n_dims, dims_capacity;
    double *typical_sizes; /* of the first `n_typical` dims; NULL until asked for */
    size_t n_typical;
    struct intern_table nodes, expressions;
    struct intern_table codelets, lines; /* codelet.c, codelet_matrix.c */
    uint32_t n_nodes, n_expressions;     /* next ids */
    struct poly_table *polys;            /* made by ir_context_create through poly_table_create; lives in the arena */
};

/* ---- build.c, expr.c, fold.c ---- */
uint64_t ir_hash_number(uint64_t hash, struct ir_number number);
/* The type of `op` applied to arguments of these types; false when it does not take them. Not for leaves and cast. */
bool ir_expr_result(enum ir_expr_op op, uint32_t n, const enum ir_elem *elems, enum ir_elem *result);
/* `op` of numbers it takes (ir_expr_result); false when it is not computed before run time. */
bool ir_fold_numbers(enum ir_expr_op op, const struct ir_number *arguments, struct ir_number *result);
struct ir_number ir_fold_cast(enum ir_elem elem, struct ir_number number);

/* ---- work.c ---- */
int64_t ir_operation_flops(enum ir_expr_op op, enum ir_elem elem); /* real ones, of one application to arguments of this type */

/* ---- atoms.c ---- */
typedef void ir_atom_function(void *user, const struct poly_atom *atom);
/* Calls `visit` for every atom in the node's shape, extents, subscripts, domain and index values; perhaps more than once for one.
 */
void ir_visit_atoms(struct ir_context *context, const struct ir_node *node, ir_atom_function *visit, void *user);

/* ---- escape.c ---- */
/* A point of a node's index space where an access leaves the accessed tensor. */
struct ir_escape {
    uint32_t axis;
    int64_t value, extent; /* of the subscript, and of the axis it leaves */
    const int64_t *dims, *indices;
};
/* False when every subscript of operand `operand` is proved to stay inside, or no such point was found. */
bool ir_find_escape(struct ir_context *context, const struct ir_node *node, uint32_t operand, struct ir_escape *escape);

/* ---- poly.c ---- */
struct poly_table *poly_table_create(struct ir_context *context); /* NULL: no memory */

#endif
