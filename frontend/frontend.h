/* The front end: text of a .ein file (or one einsum string) to a checked program of tensor IR.
 *
 * parse (lexer.re, grammar.y, parse.c): text to syntax tree. resolve.c and its siblings: names, extents, types. lower.c: index
 * notation to tensor IR by the summation rule of docs/language.md. einsum_string.c: einsum strings to the same IR. Everything is
 * reported through the context's diagnostics; a function that reported an error gives NULL. */
#ifndef FRONTEND_FRONTEND_H
#define FRONTEND_FRONTEND_H

#include "ir/ir.h"

struct frontend_dim_value {
    const char *name;
    int64_t value;
};

/* Reads a file for `file("...")`: `path` is already joined to the source's folder. Gives elem, shape and bytes in C order, native
 * byte order, in the context's arena; a diagnostic at `span` and false otherwise. Filled by runtime (npy.c). */
struct frontend_array {
    enum ir_elem elem;
    uint32_t rank;
    int64_t *shape;
    void *data;
    size_t bytes;
};
typedef bool frontend_load_function(void *user, struct ir_context *context, const char *path, struct span span,
                                    struct frontend_array *array);

struct frontend_options {
    const struct frontend_dim_value *dims; /* `--dims`: run-time dims that become static */
    size_t n_dims;
    frontend_load_function *load; /* NULL: `file` is an error */
    void *load_user;
};

/* A whole .ein source. Its dims join the context. NULL after diagnostics (or no memory). */
struct ir_program *frontend_read(struct ir_context *context, const struct source *source, const struct frontend_options *options);

/* A program of one kernel named `einsum` with inputs `a0, a1, ...` (or as given) and output `out`, for an einsum string over
 * operands of these types and shapes; spans point into the string (added as a source named "einsum"). */
struct frontend_operand {
    const char *name; /* NULL: a0, a1, ... */
    enum ir_elem elem;
    uint32_t rank;
    const int64_t *shape;
    const int64_t *strides; /* in elements, none negative; NULL: dense, in C order */
};
struct ir_program *frontend_einsum(struct ir_context *context, const char *string, enum ir_ring ring, size_t n_operands,
                                   const struct frontend_operand *operands);

/* Documented limits (docs/limits.md); past one: a diagnostic E09xx. */
enum {
    FRONTEND_SOURCE_BYTES = 16 << 20,
    FRONTEND_NESTING = 200,      /* brackets within brackets */
    FRONTEND_DEPTH = 2000,       /* operators chained or nested in one expression */
    FRONTEND_RANK = 64,          /* axes of a tensor */
    FRONTEND_OPERANDS = 1024,    /* of one product or einsum string */
    FRONTEND_LITERALS = 1 << 20, /* numbers in one constant */
    FRONTEND_INDICES = 256,      /* of one statement */
    FRONTEND_LABELS = 512,       /* of one einsum string, axes under its ellipsis included; what `order` can search */
    FRONTEND_INLINED = 20000     /* statements of called kernels in one kernel */
};

#endif
