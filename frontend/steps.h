/* Between the files of steps: steps.c walks the statements and writes the new ones, steps_order.c says in which order the factors
 * of a product are multiplied, steps_operator.c what factors an operator has. */
#ifndef FRONTEND_STEPS_H
#define FRONTEND_STEPS_H

#include "formula.h"

/* ---- steps_order.c ---- */

enum { STEP_FACTORS = 12 }; /* of a product that is cut; all orders of so many are tried */
struct step_order {
    uint32_t n;                             /* factors with indices */
    struct index_set factors[STEP_FACTORS]; /* the indices of each */
    struct index_set kept;                  /* indices that are not summed */
    double extents[FRONTEND_INDICES];       /* of all indices */
    uint32_t *splits;                       /* of each set of factors, as bits: one of the two parts that are multiplied last */
};
/* Fills `splits` with the order that multiplies least; false: no memory. */
bool step_order_find(struct arena *arena, struct step_order *order);
/* The indices that the product of these factors has, being summed over what no other factor and nobody behind needs. */
struct index_set step_order_indices(const struct step_order *order, uint32_t factors);
/* Does the last multiplication of these factors sum over an index? */
bool step_order_sums(const struct step_order *order, uint32_t factors);
/* How many multiplications of the order do. */
uint32_t step_order_count(const struct step_order *order, uint32_t factors);

/* ---- steps_operator.c ---- */

/* Where names of tensors and operators are looked up. */
struct step_scope {
    struct resolver *resolver;
    const struct ast_kernel *ast;
    const struct ir_kernel *kernel; /* with its lets among the outputs */
    const char *text;               /* of the source */
};
/* The shape of a tensor; false: there is none of this name. */
bool step_shape(const struct step_scope *scope, const char *name, uint32_t *rank, const struct poly *const **shape);

/* One of the operators that are applied one after the other, the last one first. */
struct step_operator {
    const char *text;
    bool transposed;
    int64_t rows, columns; /* before it is transposed; -1: not known */
};
struct step_chain {
    struct step_operator items[STEP_FACTORS];
    uint32_t count; /* 0: there are more than fit, or no memory */
};
/* The factors of what stands before subscripts; one where it is a tensor or an operator that is not cut. */
void step_chain_read(const struct step_scope *scope, const struct ast_expr *expr, struct step_chain *chain);

/* ---- steps.c ---- */
/* Adds the edits that cut products. False: no memory. */
bool write_steps(struct resolver *resolver, struct frontend_edits *edits);

#endif
