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

/* declare_layout.c: strides and promises of an input, whose shape is known; of another tensor they are refused (`what` it is, for
 * the message). False after a diagnostic. */
bool resolve_layout(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type);
bool refuse_layout(struct resolver *resolver, const struct ast_type *ast, const char *what);

/* declare_fixed.c: is it a fixed-point type? Then `fixed` is filled, or NULL after a diagnostic. */
bool resolve_fixed_point(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type);
/* `scale` behind another type; false, after a diagnostic. */
bool refuse_scale(struct resolver *resolver, const struct ast_type *ast);
const char *fixed_point_name(const struct fixed_point *fixed);
void fixed_point_print_scale(struct text *text, const struct fixed_point *fixed);

/* declare_constants.c */
void declare_constant_names(struct resolver *resolver);
void declare_constants(struct resolver *resolver);

#endif
