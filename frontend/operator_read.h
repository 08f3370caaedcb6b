/* Reading operators: shared by operator_read.c and operator_shape.c. */
#ifndef FRONTEND_OPERATOR_READ_H
#define FRONTEND_OPERATOR_READ_H

#include "operators.h"

/* Declared operators in whose declarations the place stands, innermost first. */
struct operator_place {
    const struct symbol *declared;
    const struct operator_place *outer;
};

/* Parameters of the operators around, innermost first: each stands for what was written in a call, and where that was. */
struct environment {
    const char *name;
    const struct ast_expr *value;
    const struct environment *value_in, *outer;
    const struct operator_place *value_at;
};

struct reading {
    struct statement *statement;
    const struct binding *bindings;
    const struct environment *environment;
    const struct operator_place *place;
    uint32_t depth;
};

/* ---- operator_read.c ---- */
struct operator_node *operator_create(const struct reading *reading, enum operator_kind kind, struct span span);
void *operator_failed(const struct reading *reading); /* NULL, and the statement has failed */
void *operator_report_argument(const struct reading *reading, struct span span, const char *wanted);

/* ---- operator_number.c ---- */
/* A literal, or an access without subscripts, of the same value. NULL after a diagnostic. */
struct formula *operator_number(const struct reading *reading, const struct ast_expr *expr);

/* ---- operator_type.c ---- */
/* Sets the type by the parts, the data and the number, and `of_ones`. False after a diagnostic: they do not mix. */
bool operator_set_type(const struct reading *reading, struct operator_node *operator_);

/* ---- operator_shape.c ---- */
void operator_set_shape(struct operator_node *operator_, const struct poly *rows, const struct poly *columns);
/* Rows, columns, and what the arguments have in common. False after a diagnostic. */
bool operator_set_extents(const struct reading *reading, struct operator_node *operator_);

/* ---- operator_real.c ---- */
/* Sets `gives_real` and `takes_real` by the parts; false after a diagnostic: they may not stand there. */
bool operator_set_real(const struct reading *reading, struct operator_node *operator_);

#endif
