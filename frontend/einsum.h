/* An einsum string read into terms: what einsum_string.c gives einsum_lower.c. Internal to the frontend. */
#ifndef FRONTEND_EINSUM_H
#define FRONTEND_EINSUM_H

#include "ir/ir.h"

/* A label is a code point; 0 stands for the ellipsis. */
enum { EINSUM_ELLIPSIS = 0 };

struct einsum_label {
    uint32_t code;
    struct span span;
};

struct einsum_term {
    struct einsum_label *labels;
    uint32_t n_labels; /* the ellipsis counts as one */
    size_t capacity;
    bool has_ellipsis;
    struct span span; /* also of an empty term: a point */
};

struct einsum_string {
    struct einsum_term *terms;
    uint32_t n_terms;
    bool has_output; /* `->` was written */
    struct einsum_term output;
    struct span span;
};

/* Reads `length` bytes of `text`, which stand at `span`. Checks characters, dots and arrow; false after a diagnostic E04xx. */
bool einsum_parse(struct ir_context *context, const char *text, size_t length, struct span span, struct einsum_string *string);

/* The contraction a string says over these operands, one node with all of them. `spans`: of the operands, for messages (NULL:
 * none). `index_names` gets the node's index names (NULL allowed). NULL after a diagnostic. */
const struct ir_node *einsum_node(struct ir_context *context, const struct einsum_string *string, enum ir_ring ring,
                                  uint32_t n_operands, const struct ir_node *const *operands, const struct span *spans,
                                  const char *const **index_names);

#endif
