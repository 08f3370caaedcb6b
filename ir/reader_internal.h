/* Between the lexer, the grammar and the actions of the reader of tensor IR text. Internal to ir. */
#ifndef IR_READER_INTERNAL_H
#define IR_READER_INTERNAL_H

#include "ir_internal.h"

/* Limits of the text (docs/ir.md); past one: E0708. */
enum {
    READER_BYTES = 256 << 20,
    READER_RANK = 256,     /* axes and indices of a node */
    READER_TERMS = 1024,   /* of a quasi-polynomial */
    READER_DEGREE = 32,    /* of one of its terms */
    READER_OPERANDS = 4096 /* of a node, and entries of any list but numbers */
};

struct eir_token {
    struct span span;
    const char *text; /* in the source, `length` bytes */
    uint32_t length;
};

/* Lists are built backwards: the newest item first. */
struct eir_polys {
    const struct poly *poly;
    const struct eir_polys *before;
    uint32_t count;
};
struct eir_exprs {
    const struct ir_expr *expr;
    const struct eir_exprs *before;
    uint32_t count;
};
struct eir_accesses {
    struct ir_access access;
    const struct eir_accesses *before;
    uint32_t count;
};
struct eir_numbers {
    struct ir_number *items;
    size_t count, capacity;
};
/* A number as written, before its type is known. */
struct eir_part {
    struct eir_token token;
    bool negative, is_bits; /* `nan:` and the bits of a double */
};
struct eir_number {
    struct eir_part re, im;
    bool is_pair;
};
struct eir_typed {
    enum ir_elem elem; /* IR_ELEM_COUNT: unknown, reported */
    uint32_t rank;
    struct span span;
};

/* Something with a name: nodes and temporaries of one kernel, dims of the file. */
struct eir_binding {
    const char *name;
    const struct ir_node *node; /* NULL: its definition failed, and that was reported */
    const struct ir_expr *expr;
    struct span span;
};

struct eir_data {
    uint64_t hash;
    unsigned char *bytes;
    size_t count, capacity;
    struct span span;
};

struct ir_reader {
    struct ir_context *context;
    struct arena *arena;
    const struct source *source;
    uint32_t source_number;
    const char *cursor;
    bool failed; /* a syntax error was reported: stop */

    struct ir_program *program;
    struct eir_data *data;
    size_t n_data, data_capacity;

    struct ir_kernel *kernel;
    struct intern_table nodes; /* bindings of the kernel */
    size_t inputs_capacity, outputs_capacity;

    struct intern_table temporaries; /* of the node's body */
    const struct poly **extents;     /* index space of the node being read */
    const char **index_names;        /* NULL entries: unnamed */
    uint32_t n_indices, indices_capacity, names_capacity;
    bool in_scope;        /* indices may be used */
    uint32_t index_limit; /* of a scan: `@k` may be an axis of a slice */
    struct ir_kernel **steps;
    size_t n_steps, steps_capacity;
    const struct ir_access *operands;
    uint32_t n_operands;
    struct ir_constant facts;   /* of the constant being read */
    struct ir_input_info input; /* strides and promises of the input being read */
    uint32_t n_strides;
    struct ir_dim dim;
};

/* ---- reader.re ---- */
/* The next token's kind (reader_parser.h), 0 at the end, -1 for a character that starts nothing. */
int eir_lex(struct ir_reader *reader, struct eir_token *token);

/* ---- reader.y ---- */
void eir_parse(struct ir_reader *reader);

/* ---- reader.c: what the grammar's rules do, one call each ---- */
uint64_t eir_hash(struct eir_token token); /* of `#` and 16 digits */
void eir_syntax_error(struct ir_reader *reader, struct eir_token token);
void eir_past_limit(struct ir_reader *reader, const char *limit); /* where the text is read */
void eir_set_path(struct ir_reader *reader, struct eir_token string);
void eir_begin_dim(struct ir_reader *reader, struct eir_token name);
void eir_dim_typical(struct ir_reader *reader, struct eir_number number);
void eir_dim_bound(struct ir_reader *reader, struct eir_token number, bool divisor);
void eir_end_dim(struct ir_reader *reader);
void eir_begin_kernel(struct ir_reader *reader, struct eir_token name, struct eir_token class_name, bool stated);
void eir_begin_step(struct ir_reader *reader, struct eir_token name);
void eir_end_kernel(struct ir_reader *reader);
void eir_output(struct ir_reader *reader, struct eir_token name, struct eir_token node, const struct eir_token *updates);
void eir_begin_node(struct ir_reader *reader);
void eir_define(struct ir_reader *reader, struct eir_token name, const struct ir_node *node);

/* ---- reader_nodes.c ---- */
const struct ir_node *eir_input(struct ir_reader *reader, struct eir_token number, const struct eir_token *name,
                                struct eir_typed typed);
void eir_strides(struct ir_reader *reader, const struct eir_polys *strides);
void eir_promise(struct ir_reader *reader, struct eir_token word);
const struct ir_node *eir_constant(struct ir_reader *reader, struct eir_typed typed, struct eir_numbers *numbers);
const struct ir_node *eir_constant_data(struct ir_reader *reader, struct eir_typed typed, struct eir_token hash);
void eir_add_number(struct ir_reader *reader, struct eir_numbers *numbers, struct eir_typed typed, struct eir_number number);
void eir_within(struct ir_reader *reader, struct eir_number number);
struct eir_flags {
    bool codelet, named;
};
const struct ir_node *eir_contract(struct ir_reader *reader, struct eir_flags flags, struct eir_token ring, struct eir_typed typed,
                                   const struct eir_token *in, const struct eir_polys *domain, const struct eir_polys *sliced);
const struct ir_node *eir_solve(struct ir_reader *reader, struct eir_token solver, struct eir_typed typed, struct eir_token axis,
                                struct ir_access matrix, struct ir_access right);
const struct ir_node *eir_scatter(struct ir_reader *reader, struct eir_token ring, struct ir_access base, struct ir_access value);
const struct ir_node *eir_view(struct ir_reader *reader, struct eir_typed typed, struct ir_access access);
const struct ir_node *eir_concat(struct ir_reader *reader, struct eir_typed typed);
const struct ir_node *eir_alt(struct ir_reader *reader, struct eir_typed typed);
const struct ir_node *eir_map(struct ir_reader *reader, struct eir_typed typed, const struct ir_expr *body);
const struct ir_node *eir_scan(struct ir_reader *reader, struct eir_token step, struct eir_token states, bool backward);
const struct ir_node *eir_proj(struct ir_reader *reader, struct eir_typed typed, struct eir_token result, bool last,
                               struct eir_token scan);
struct eir_typed eir_typed(struct ir_reader *reader, struct eir_token type);
void eir_axis(struct ir_reader *reader, const struct eir_token *name, const struct poly *extent);
struct ir_access eir_access(struct ir_reader *reader, struct eir_token node, const struct eir_polys *subscripts, bool conjugate,
                            const struct ir_number *fill);
void eir_set_operands(struct ir_reader *reader, const struct eir_accesses *accesses);
const struct eir_accesses *eir_add_access(struct ir_reader *reader, const struct eir_accesses *before, struct ir_access access);

/* ---- reader_values.c: names, numbers, polys, expressions ---- */
struct eir_binding *eir_find(struct ir_reader *reader, const struct intern_table *table, struct eir_token name);
bool eir_bind(struct ir_reader *reader, struct intern_table *table, struct eir_token name, struct eir_binding binding);
const struct ir_node *eir_node(struct ir_reader *reader, struct eir_token name);
char *eir_string(struct ir_reader *reader, struct eir_token token);
bool eir_elem(struct ir_reader *reader, struct eir_token name, enum ir_elem *elem);
bool eir_integer(struct ir_reader *reader, struct eir_token token, int64_t *value);
struct ir_number eir_number(struct ir_reader *reader, enum ir_elem elem, struct eir_number number);
struct ir_number eir_literal(struct ir_reader *reader, struct eir_token type, struct eir_number number);
const struct poly *eir_poly_name(struct ir_reader *reader, struct eir_token name);
const struct poly *eir_poly_number(struct ir_reader *reader, struct eir_token number);
const struct poly *eir_poly_index(struct ir_reader *reader, struct eir_token token);
const struct poly *eir_poly_table(struct ir_reader *reader, struct eir_token node, const struct eir_polys *arguments);
/* `operation`: + - * / (div) or % (mod). */
const struct poly *eir_poly_apply(struct ir_reader *reader, char operation, const struct poly *a, const struct poly *b,
                                  struct eir_token sign);
const struct eir_polys *eir_add_poly(struct ir_reader *reader, const struct eir_polys *before, const struct poly *poly);
const struct ir_expr *eir_operand(struct ir_reader *reader, struct eir_token token);
const struct ir_expr *eir_temporary(struct ir_reader *reader, struct eir_token name);
void eir_let(struct ir_reader *reader, struct eir_token name, const struct ir_expr *expr);
const struct ir_expr *eir_apply(struct ir_reader *reader, enum ir_expr_op op, struct eir_token sign, const struct ir_expr *a,
                                const struct ir_expr *b);
const struct ir_expr *eir_call(struct ir_reader *reader, struct eir_token name, const struct eir_exprs *arguments);
const struct eir_exprs *eir_add_expr(struct ir_reader *reader, const struct eir_exprs *before, const struct ir_expr *expr);

#endif
