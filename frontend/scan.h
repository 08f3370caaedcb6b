/* Recurrences while their statements are lowered: what scan.c, scan_read.c and scan_step.c hand each other. Internal to the
 * frontend.
 *
 * The statements of a scan are lowered as if every step's value stood side by side: tensors have an axis for the scan's index, and
 * a state read one step before is a placeholder of the same shape. scan_step.c then takes that axis off again. */
#ifndef FRONTEND_SCAN_H
#define FRONTEND_SCAN_H

#include "formula.h"

/* What the scan assigns. */
struct scan_tensor {
    const struct ast_statement *statement;
    const struct ast_target *target;
    uint32_t axis;                     /* where the scan's index stands on the left side */
    const struct ast_initial *initial; /* NULL: not a state */
    enum weakness weakness;            /* of the initial value */
    bool failed;
    bool guessed;                 /* `guess` is what can be known before its statement is lowered */
    const struct ir_node *guess;  /* of its type and shape, with the scan's axis; NULL: unknown */
    bool read;                    /* at the step before */
    bool known;                   /* elem, rank and shape are */
    enum ir_elem elem;            /* of a state */
    uint32_t rank;                /* with the scan's axis */
    const struct poly **shape;    /* with the scan's axis */
    const struct ir_node *before; /* the placeholder: at t the state before step t */
    const struct ir_node *start;  /* the initial value, without the scan's axis */
};

struct scan_scope {
    const struct ast_statement *ast;
    const struct poly *extent;
    struct span extent_span;
    bool backward;
    bool probing; /* types and extents of a state are looked for: what is not known yet reads as a weak value */
    struct scan_tensor *tensors;
    uint32_t n;
};

/* ---- scan.c ---- */

/* NULL: the scan (NULL: none) assigns nothing of that name. */
struct scan_tensor *scan_find_tensor(const struct scan_scope *scan, const char *name);
bool scan_is_name(const struct ast_expr *expr, const char *name);
/* What stands for the tensor, of its type and shape, before its statement is lowered; NULL: not known (yet). */
const struct ir_node *scan_guess(struct body *body, struct scan_scope *scan, struct scan_tensor *tensor);
/* What stands for the state at the step before; NULL: not known (yet), or a diagnostic was given. */
const struct ir_node *scan_state_before(struct body *body, struct scan_scope *scan, struct scan_tensor *tensor);

/* ---- scan_step.c ---- */

/* One tensor of a scan, before and after. */
struct scan_value {
    const char *name;
    const struct ir_node *node;   /* every step's value, the scan's index along `axis` */
    const struct ir_node *before; /* of a state: its placeholder; NULL: none */
    const struct ir_node *start;
    uint32_t axis;
    const struct ir_node *every, *last; /* set: the same as `node` as a result of the scan; a state after the last step */
};
/* States come first among the values. False after a diagnostic. */
bool scan_build(struct body *body, const struct scan_scope *scan, struct scan_value *values, uint32_t n, uint32_t n_states);

#endif
