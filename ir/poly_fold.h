/* Internal to poly_print.c: a poly as a person would write it. */
#ifndef IR_POLY_FOLD_H
#define IR_POLY_FOLD_H

#include "poly.h"

/* An equal poly whose atoms may also be POLY_MOD and floors that are not canonical; for printing only. */
const struct poly *poly_fold(struct ir_context *context, const struct poly *a, enum poly_style style);

#endif
