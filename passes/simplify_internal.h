/* Shared by the simplify*.c files alone. */
#ifndef PASSES_SIMPLIFY_INTERNAL_H
#define PASSES_SIMPLIFY_INTERNAL_H

#include "passes.h"

struct simplifying {
    struct pass_kernel *kernel;
    struct ir_context *context;
    bool exact; /* the kernel asks for equal bits */
};

/* What stands in place of the node; NULL: the rule does not fire (or memory ran out). */
typedef const struct ir_node *simplify_rule(const struct simplifying *simplifying, const struct ir_node *node);

struct simplify_rule_info {
    const char *name;
    enum ir_op op;
    const char *meaning;
    simplify_rule *apply;
};
const struct simplify_rule_info *simplify_rules(size_t *count);

#define RULE(name, op, meaning) simplify_rule simplify_##name;
#include "simplify.def"

/* ---- simplify_scan.c ---- */
/* Takes out what the kernel's scans compute and nobody reads. */
void simplify_scans(const struct simplifying *simplifying);

/* ---- simplify_views.c ---- */
/* Is this every element of the node at its own place? */
bool access_is_whole(const struct ir_access *access, uint32_t rank, const struct poly *const *shape);
/* A view of the scalar over this shape; the scalar itself when there are no axes. */
const struct ir_node *spread_scalar(const struct simplifying *simplifying, struct ir_number number, uint32_t rank,
                                    const struct poly *const *shape);
/* The node with every operand that is a view read through it, where that is right and no division comes in; NULL: none. */
const struct ir_node *read_through(const struct simplifying *simplifying, const struct ir_node *node);

/* ---- simplify_numbers.c ---- */
/* Element `offset` of a constant node, in C order. */
struct ir_number constant_element(const struct ir_node *node, size_t offset);
/* Number of elements; false when the node is no constant of static shape. */
bool constant_count(const struct ir_node *node, size_t *count);
bool is_scalar_constant(const struct ir_node *node);
/* Is every element of the constant this number, by bits? */
bool constant_is_all(const struct ir_node *node, struct ir_number number);
/* Ones on the diagonal of a square matrix and zeros beside. */
bool constant_is_identity(const struct ir_node *node);

#endif
