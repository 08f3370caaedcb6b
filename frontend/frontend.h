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

/* ---- edits.c: changes of a source's text ---- */
struct frontend_edit {
    uint32_t begin, end; /* bytes of the source that are replaced */
    const char *text;
};
struct frontend_edits { /* in order of their places, apart from each other */
    struct frontend_edit *items;
    size_t count, capacity;
};
bool frontend_edit(struct arena *arena, struct frontend_edits *edits, uint32_t begin, uint32_t end, const char *text);
/* Bytes [begin, end) of the source with the edits that lie in them; NULL: no memory. */
const char *frontend_edited(struct arena *arena, const char *source, uint32_t begin, uint32_t end,
                            const struct frontend_edits *edits);
/* Where in the source that stood which is at this place of the edited text. */
uint32_t frontend_edit_origin(const struct frontend_edits *edits, uint32_t place);

/* What else a reading can say of a source, where it is asked. */
struct frontend_constant {
    const char *name;
    struct span span;
    const struct ir_node *node;
};
struct frontend_inquiry {
    bool lets; /* lets of floats are outputs too, behind those declared */
    struct frontend_constant *constants;
    size_t n_constants, constants_capacity;
    struct frontend_edits *steps; /* what writes products in steps, each a let (steps.c); NULL: that is not asked */
};

struct frontend_options {
    const struct frontend_dim_value *dims; /* `--dims`: run-time dims that become static */
    size_t n_dims;
    frontend_load_function *load; /* NULL: `file` is an error */
    void *load_user;
    struct frontend_inquiry *inquiry; /* NULL: nothing */
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

/* ---- retype.c: other types in a source ---- */
struct frontend_new_type {
    const char *element; /* NULL: it keeps its type */
    const char *scale;   /* a number; NULL: none is said */
    const char *file;    /* of a constant in a file: where it is then; NULL: there */
};
/* Asked of every constant (`kernel` NULL), input, output and let. */
typedef struct frontend_new_type frontend_retype_function(void *user, const char *kernel, const char *name);
/* Adds the edits that give the source these types, without its casts to floats. False after diagnostics, or without memory. */
bool frontend_retype(struct ir_context *context, const struct source *source, frontend_retype_function *ask, void *user,
                     struct frontend_edits *edits);
/* Adds the edits that make tables of transforms that have no data (transform_tables.c). False after diagnostics, or without memory.
 */
bool frontend_tables(struct ir_context *context, const struct source *source, struct frontend_edits *edits);
/* Adds the edits that make every real float type f64, of casts too. */
bool frontend_widen(struct ir_context *context, const struct source *source, struct frontend_edits *edits);

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
