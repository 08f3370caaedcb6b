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

/* ---- print_temporaries.c ---- */

/* The subexpressions of one expression that get a name in text. */
struct print_temporaries {
    const struct ir_expr **expressions; /* all of them, by id */
    size_t count;
    uint32_t *numbers;            /* one more than the number of its name; 0: it has none */
    const struct ir_expr **named; /* by number: each before those that use it */
    uint32_t n_named;
};
/* False when memory ran out. */
bool print_temporaries(struct print_temporaries *temporaries, struct ir_context *context, const struct ir_expr *expr);
/* One more than the number of its name; 0: it has none. */
uint32_t print_temporary(const struct print_temporaries *temporaries, const struct ir_expr *expr);

/* ---- print_expr.c ---- */

/* The expression of a map; `names` are those of its indices and tables. */
void print_body(struct text *text, struct ir_context *context, const struct ir_expr *expr, const struct poly_names *names);

#endif
