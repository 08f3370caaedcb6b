/* Pieces of IR text that tensor IR and loop IR share. Internal to ir. */
#ifndef IR_PRINT_INTERNAL_H
#define IR_PRINT_INTERNAL_H

#include "ir.h"

/* The number without its type, so that its bits can be read back: 3, -1.0, 0x1.8p-3, (0.0, 1.0), inf, nan. */
void print_number(struct text *text, struct ir_number number);
/* The same with its type: f32:0.5. */
void print_literal(struct text *text, struct ir_number number);
/* In double quotes, with \", \\ and \x1b escapes. */
void print_string(struct text *text, const char *string);

/* ---- print_expr.c ---- */

/* The expression of a map; `names` are those of its indices and tables. */
void print_body(struct text *text, struct ir_context *context, const struct ir_expr *expr, const struct poly_names *names);

#endif
