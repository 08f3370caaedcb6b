/* Shared by gradient_map.c and gradient_functions.c: derivatives of one function. */
#ifndef PASSES_GRADIENT_MAP_H
#define PASSES_GRADIENT_MAP_H

#include "gradient.h"

/* What each argument of a function gets from the adjoint of its value; NULL where nothing differentiable leads. `value`: an
 * expression for the function's value. */
void gradient_of_function(struct ir_context *context, const struct ir_expr *function, const struct ir_expr *value,
                          const struct ir_expr *adjoint, const struct ir_expr **terms);

#endif
