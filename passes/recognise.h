/* Inside passes: formulas in which transforms hide. */
#ifndef PASSES_RECOGNISE_H
#define PASSES_RECOGNISE_H

#include "passes.h"

struct recognising {
    struct pass_kernel *pass;
    struct ir_context *context;
};

/* The expression over a space of these extents with roots of unity in it; the same where it has none, NULL: no memory. */
const struct ir_expr *recognise_roots(struct ir_context *context, const struct ir_expr *body, const struct poly_ranges *ranges);
/* Was the formula written as something else? */
bool recognise_is_found(const struct pass_kernel *pass, const struct ir_node *node);
bool recognise_note(struct recognising *recognising, const struct ir_node *formula);

/* recognise_factors.c: a contraction with roots of unity as factors of their own. NULL: no memory. */
const struct ir_node *recognise_factors(struct recognising *recognising, const struct ir_node *node);
/* recognise_sums.c: the sum of two contractions as one, of one wave; the map itself where it is none. NULL: no memory. */
const struct ir_node *recognise_sum(struct recognising *recognising, const struct ir_node *map);

#endif
