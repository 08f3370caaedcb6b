/* Shared by loop_reader.c (functions and statements) and loop_reader_expr.c (tokens, numbers, polys, expressions). */
#ifndef IR_LOOP_TEXT_H
#define IR_LOOP_TEXT_H

#include "loop.h"

enum { LOOP_DEPTH_LIMIT = 200 }; /* of statements, of expressions, of subscripts; past it: E0708 */

enum loop_token_kind { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN };

struct loop_token {
    enum loop_token_kind kind;
    const char *text;
    size_t length;
    struct span span;
};

struct loop_table {
    const char *name;
    const struct ir_node *node;
};

/* A loop that is open while its body is read. */
struct loop_open {
    const char *name;
    uint32_t index;
};

struct loop_reader {
    struct ir_context *context;
    struct arena *arena;
    const struct source *source;
    uint32_t number; /* of the source */
    size_t at;
    struct loop_token token;
    bool failed;
    struct loop_function *function;
    uint32_t *dims;
    size_t n_dims, dims_capacity;
    struct loop_table *tables;
    size_t n_tables, tables_capacity;
    struct loop_open *open;
    size_t n_open, open_capacity;
    const struct ir_expr **shared; /* $0, $1, ... of the value that is read */
    size_t n_shared, shared_capacity;
};

void loop_next_token(struct loop_reader *reader);
bool loop_accept(struct loop_reader *reader, const char *sign);
bool loop_accept_word(struct loop_reader *reader, const char *word);
bool loop_expect(struct loop_reader *reader, const char *sign);
const char *loop_expect_name(struct loop_reader *reader);
bool loop_fail(struct loop_reader *reader, const char *what); /* reports the first mistake; false */
bool loop_too_deep(struct loop_reader *reader);               /* the same, past LOOP_DEPTH_LIMIT */
uint32_t loop_find_buffer(const struct loop_reader *reader, const char *name);
uint32_t loop_find_local(const struct loop_reader *reader, const char *name);

bool loop_read_number(struct loop_reader *reader, enum ir_elem elem, struct ir_number *number);
bool loop_read_operation(struct loop_reader *reader, enum ir_expr_op *op);
const struct poly *loop_read_poly(struct loop_reader *reader, unsigned depth);
const struct ir_expr *loop_read_value(struct loop_reader *reader);

#endif
