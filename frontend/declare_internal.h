/* Between the files of declarations: declare.c drives, each of the others does one kind. */
#ifndef FRONTEND_DECLARE_INTERNAL_H
#define FRONTEND_DECLARE_INTERNAL_H

#include "resolve.h"

/* declare_dims.c: all dims of the file (names, then values), in any order of dependence; run-time dims join the context in order of
 * declaration. */
void declare_dim_names(struct resolver *resolver);
void declare_dims(struct resolver *resolver);
/* The value of a dim, computing it when its turn has not come. NULL after a diagnostic, or quietly when it had failed. */
const struct poly *dim_value(struct resolver *resolver, struct symbol *symbol, struct span use);

/* declare_constants.c */
void declare_constant_names(struct resolver *resolver);
void declare_constants(struct resolver *resolver);

#endif
