/* A map's body as a list of steps, each after its arguments, evaluated at one place. Internal to the evaluator. */
#ifndef IR_EVAL_MAP_H
#define IR_EVAL_MAP_H

#include "eval_walk.h"

struct body_step {
    const struct ir_expr *expr;
    uint32_t arguments[3]; /* earlier steps */
    struct line *index;    /* IR_EXPR_index */
    struct scalar value;
};

struct body {
    struct body_step *steps; /* the last one is the result */
    uint32_t n_steps;
};

/* NULL body.steps: no memory. */
struct body body_create(struct ir_context *context, struct walk *walk, const struct arithmetic *arithmetic,
                        const struct ir_expr *expr);
/* `operands` holds the element of each operand at this place. False: an index value that cannot be had, or an undefined operation.
 */
bool body_value(struct body *body, const struct walk *walk, const struct arithmetic *arithmetic, const struct scalar *operands,
                struct scalar *value);
/* Roundings behind the result: one an operation, four a function (they are good to a few units in the last place), and those of the
 * operands, `operand_terms`. */
double body_terms(struct arena *arena, const struct body *body, const double *operand_terms);

#endif
