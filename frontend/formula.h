/* Lowering of kernel bodies: what statement.c and its siblings share. Internal to the frontend.
 *
 * A statement goes through three steps. formula.c turns its syntax tree into a formula: names resolved to tensors and indices,
 * types checked, extents inferred from plain subscripts. subscripts.c then writes every subscript as a quasi-polynomial of the
 * statement's indices and proves it in range. summation.c applies the summation rule from the left side inwards and gives one
 * pointwise expression over operands; lower.c makes nodes of it.
 *
 * A function that met a mistake has reported it (or it was reported where the name was declared) and gives NULL or false; callers
 * pass that on without a word. */
#ifndef FRONTEND_FORMULA_H
#define FRONTEND_FORMULA_H

#include "resolve.h"

/* ---- a set of indices of one statement ---- */

struct index_set {
    uint64_t words[FRONTEND_INDICES / 64];
};
static inline bool index_set_has(const struct index_set *set, uint32_t index)
{
    return (set->words[index / 64] >> (index % 64)) & 1;
}
static inline void index_set_add(struct index_set *set, uint32_t index)
{
    set->words[index / 64] |= UINT64_C(1) << (index % 64);
}
struct index_set index_set_union(const struct index_set *a, const struct index_set *b);
struct index_set index_set_minus(const struct index_set *a, const struct index_set *b);
struct index_set index_set_intersection(const struct index_set *a, const struct index_set *b);
bool index_set_is_empty(const struct index_set *set);
uint32_t index_set_first(const struct index_set *set); /* of a set that is not empty */

/* ---- types ---- */

/* A weak value has no element type of its own: a literal, an index, a dim, or an expression of such. It is evaluated in double and
 * takes the type of what it meets. The order matters: a sum of two weak values has the larger kind. */
enum weakness { TYPED, WEAK_AN_INTEGER, WEAK_A_REAL, WEAK_A_COMPLEX };
struct value_type {
    enum weakness weakness;
    enum ir_elem elem;               /* of weak values: f64 or c128 */
    const struct fixed_point *fixed; /* of numbers of fixed point, NULL: others. Of a sum or a product it is that of one of them */
};

/* ---- tensors and bodies ---- */

/* The boxes of an output that is assigned in several statements. */
struct block_list {
    struct ir_access *boxes; /* as operands of a concatenation */
    struct span *spans;
    size_t count, boxes_capacity, spans_capacity;
};

enum tensor_role { TENSOR_INPUT, TENSOR_OUTPUT, TENSOR_LET };
struct tensor { /* symbol.data of a SYMBOL_TENSOR */
    enum tensor_role role;
    enum weakness weakness; /* of a let without anything typed in it */
    bool assigned, read;
    struct span assigned_at;
    const struct ir_node *last; /* of a scan's state: what remains after the last step; NULL: it is no state */
    const struct poly *last_step;
    uint32_t last_axis;
    struct block_list *blocks;        /* of an output assigned in blocks; NULL: none */
    const struct tensor *next_result; /* of the same `let (a, b) = f(...)`, in a circle; NULL: alone */
};

/* A kernel's body being lowered, perhaps inlined in a caller's. */
struct body {
    struct resolver *resolver;
    struct ir_context *context;
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct scope *scope; /* the kernel's tensors */
    const struct signature *signature;
    struct ir_kernel *kernel;           /* where names are recorded: the outermost caller's */
    struct body *caller;                /* NULL: not inlined */
    struct scan_scope *scan;            /* whose statements are being lowered; NULL: none */
    const struct scan_scope *beginning; /* whose initial values are; NULL: none */
    bool exact;                         /* the kernel or a caller states class `exact` */
    uint32_t depth;                     /* of calls and of the expressions they stand in, for the stack's sake */
    uint32_t *n_inlined;                /* statements inlined so far, in all of the outermost kernel */
};

struct statement_index {
    const char *name;
    struct span span;          /* first use */
    bool bound;                /* by a reduction; `span` is then the binder */
    const struct poly *extent; /* NULL: not known yet */
    struct span extent_span;   /* where it got its extent: in a declaration if there is one */
    bool conflicting;          /* two sizes were reported */
};

/* Names bound by the reductions around a place, innermost first. */
struct binding {
    const char *name;
    uint32_t index;
    const struct binding *outer;
};

struct statement_node {
    const struct ir_node *node;
    const char *const *index_names;
};

struct formula;
struct statement {
    struct body *body;
    struct span span;
    const char *name; /* of the tensor it assigns */
    uint32_t depth;   /* of its expression */
    struct statement_index *indices;
    uint32_t n_indices;
    const struct poly **extents; /* of all indices, once they are known; FRONTEND_INDICES of them */
    struct formula **accesses;   /* whose subscripts wait for the extents */
    size_t n_accesses, accesses_capacity;
    uint32_t *order; /* indices of the left side in order, merged ones split */
    uint32_t n_order;
    bool repeats;               /* an index of the left side may stand in no term: the value is repeated along it */
    struct index_set left;      /* the same as a set: F at the root */
    struct index_set spared;    /* those of them that no term has to have: `+=` has them in a lookup */
    struct ir_access *operands; /* what IR_EXPR_operand numbers; subscripts over the statement's indices */
    size_t n_operands, operands_capacity;
    bool in_product;              /* what formula_build builds is a factor of a product */
    uint32_t nesting;             /* of formula_build */
    struct statement_node *nodes; /* made for it, to be named after the statement's own node */
    size_t n_nodes, nodes_capacity;
    bool has_operator;                  /* a named one */
    bool is_block;                      /* it assigns a part of an output */
    const struct tensor_type *declared; /* of a let with a type; NULL: none */
    const struct fixed_point *fixed;    /* of its value */
    bool failed;
};

/* ---- formulas ---- */

enum formula_kind {
    FORMULA_NUMBER, /* a literal, pi, a static dim, or folded from them */
    FORMULA_VALUE,  /* an index or a run-time dim as a number: `value` */
    FORMULA_ACCESS,
    FORMULA_NEGATE,
    FORMULA_MULTIPLY,
    FORMULA_DIVIDE,
    FORMULA_ADD,
    FORMULA_SUBTRACT,
    FORMULA_APPLY, /* `op` of the arguments: functions, comparisons, and/or/not, div, mod, casts */
    FORMULA_REDUCE,
    FORMULA_PAD,     /* access, value that is no constant */
    FORMULA_OPERATOR /* an entry of `operator_`, subscripts as of an access; expanded, its argument is what the entry is */
};

struct operator_node;
struct formula {
    enum formula_kind kind;
    struct span span;
    struct value_type type;
    struct index_set free; /* indices in it that no reduction inside binds */
    bool parenthesised;
    bool real_part; /* a product of which the real part is meant: `irdft` is a factor */
    uint32_t n_arguments;
    struct formula *arguments[3];
    struct weak_number number;
    const struct poly *value;
    enum ir_expr_op op;    /* APPLY */
    enum ast_op reduction; /* REDUCE */
    struct index_set bound;
    /* ACCESS: */
    const struct ir_node *node;
    const char *tensor_name;
    const struct tensor_type *tensor_type; /* for messages; NULL: none was declared */
    const struct ast_expr *subscripts;
    const struct binding *bindings;
    const struct poly **polys; /* one an axis, by subscripts.c */
    const struct ir_number *fill;
    bool padded;                           /* its subscripts may leave the axis */
    const struct operator_node *operator_; /* OPERATOR, until it is expanded */
};

/* ---- indices.c ---- */
/* The number of the index `name` at this place, a new one if the statement has none of that name. UINT32_MAX after a diagnostic. */
uint32_t index_use(struct statement *statement, const struct binding *bindings, const struct ast_name *name);
/* A new index that a reduction binds. UINT32_MAX after a diagnostic. */
uint32_t index_bind(struct statement *statement, const struct binding *bindings, const struct ast_name *name);
/* Where an extent comes from: an axis of a tensor, or an annotation (tensor_name NULL, `declared` its expression). */
struct extent_source {
    struct span span; /* the subscript, or the index with its annotation */
    const char *tensor_name;
    const struct tensor_type *type; /* NULL: the tensor has no declaration */
    uint32_t axis;
    struct span declared;
};
/* Says that an index has this extent; a different one before is reported. */
void index_set_extent(struct statement *statement, uint32_t index, const struct poly *extent, const struct extent_source *source);
/* After the whole statement was read: every index has an extent, none bound is used outside. */
bool indices_complete(struct statement *statement);
struct poly_ranges statement_ranges(const struct statement *statement);
const char *index_name(const struct statement *statement, uint32_t index);
/* Names for poly_print. */
struct poly_names statement_names(struct statement *statement);

/* ---- formula.c ---- */
struct formula *formula_build(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings);
struct formula *formula_create(struct statement *statement, enum formula_kind kind, struct span span);
/* Of one argument, whose type and indices it has. NULL of NULL. */
struct formula *formula_around(struct statement *statement, enum formula_kind kind, struct span span, struct formula *argument);
bool formula_is_product(const struct formula *formula); /* of factors, with divisors, negated */
/* Are all indices of it in `stay`? */
bool formula_stays_whole(const struct formula *formula, const struct index_set *stay);
/* A scalar, or a whole tensor without subscripts, as an access. */
struct formula *formula_access(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings);

/* ---- functions.c ---- */
struct formula *formula_call(struct statement *statement, const struct ast_expr *expr, const struct binding *bindings);
struct formula *formula_apply(struct statement *statement, enum ir_expr_op op, struct span span, struct span op_span,
                              uint32_t n_arguments, struct formula *const *arguments);

/* ---- types.c ---- */
/* The type two values have together; false after a diagnostic at `span`, the operator. */
bool types_meet(struct statement *statement, struct span span, const struct formula *a, const struct formula *b,
                struct value_type *result);
/* May a value stand where this type is wanted (an output, an argument)? `what` for the message. */
bool type_fits(struct statement *statement, const struct formula *formula, const struct tensor_type *wanted, const char *what);
const char *value_type_name(struct value_type type); /* "f32", "an integer literal", ... */
static inline bool value_is_bool(struct value_type type)
{
    return type.weakness == TYPED && type.elem == IR_bool;
}
/* Says that `what` cannot be computed of fixed point (E0319); false. `argument` NULL: nothing to point at. */
bool report_no_fixed_form(struct statement *statement, struct span span, const char *what, const struct formula *argument);
/* The type of `value` given to a pointwise function; false after a diagnostic. */
bool type_of_function(struct statement *statement, enum ir_expr_op op, const char *name, struct span span,
                      const struct formula *argument, struct value_type *result);
bool type_of_reduction(struct statement *statement, enum ast_op op, struct span span, const struct formula *argument,
                       struct value_type *result);
bool type_of_product(struct statement *statement, bool divides, struct span span, const struct formula *a, const struct formula *b,
                     struct value_type *result);

/* ---- subscripts.c ---- */
/* Reads the subscripts of an access for indices and plain uses; they become polys later. */
bool subscripts_read(struct statement *statement, struct formula *access);
/* An expression of dims and integers as a poly; NULL, and not a word, for any other. */
const struct poly *subscript_of_dims(struct body *body, const struct ast_expr *expr);
/* Writes them as polys and checks them against the axes. */
bool subscripts_resolve(struct statement *statement, struct formula *access);

/* ---- fixed_point.c ---- */
/* The formula with its fixed-point numbers as integers; `wanted`: the type its value is rounded to, NULL: none, and `fixed` says
 * what the integers stand for. A formula without fixed point is itself. NULL after a diagnostic. */
struct formula *fixed_point_lower(struct statement *statement, struct formula *formula, const struct tensor_type *wanted,
                                  const struct fixed_point **fixed);

/* ---- fixed_table.c ---- */
/* A table of numbers that formulas of the indices alone give, rounded to a type. NULL after a diagnostic. */
const struct ir_node *fixed_table(struct statement *statement, const struct ir_node *node, const struct tensor_type *wanted,
                                  struct span span);

/* ---- summation.c ---- */
/* sum(e, F) at the root: a pointwise expression over the statement's operands with the left side's indices. */
const struct ir_expr *summation(struct statement *statement, const struct formula *formula);

/* ---- lower.c ---- */
const struct ir_expr *lower_operand(struct statement *statement, struct ir_access access);
const struct ir_expr *lower_convert(struct statement *statement, const struct ir_expr *expr, enum ir_elem elem);
/* The pointwise expression as a node whose axes are `order`. */
const struct ir_node *lower_node(struct statement *statement, const struct ir_expr *expr, uint32_t n_order, const uint32_t *order);
/* The reduction over `summed` of the ring product of the factors, as an operand expression. */
const struct ir_expr *lower_contract(struct statement *statement, enum ir_ring ring, const struct index_set *summed,
                                     uint32_t n_factors, const struct ir_expr *const *factors);
struct index_set expr_indices(const struct statement *statement, const struct ir_expr *expr);
bool expr_is_bare(const struct ir_expr *expr); /* an operand or a literal */

/* ---- calls.c ---- */
/* A whole tensor: a name, a kernel call with one result, an einsum. NULL after a diagnostic. */
struct whole {
    const struct ir_node *node;
    enum weakness weakness;
    const char *name;
    const struct tensor_type *type; /* NULL: nothing declared */
    const struct fixed_point *fixed;
};
bool whole_value(struct statement *statement, const struct ast_expr *expr, struct whole *whole);
const struct ir_node *whole_in_type(struct statement *statement, const struct whole *whole, enum ir_elem elem);
/* Is the expression one of those? */
bool is_whole(const struct body *body, const struct ast_expr *expr);
/* Inlines the call; `results` has room for the kernel's outputs. False after a diagnostic. */
bool inline_call(struct statement *statement, const struct ast_expr *call, const struct signature **signature,
                 const struct ir_node ***results);
const struct ir_node *lower_einsum(struct statement *statement, const struct ast_expr *expr);

/* ---- scan.c ---- */
enum scan_reading {
    SCAN_OTHER,   /* no state of a scan: read as any access */
    SCAN_BEFORE,  /* `whole` and `subscripts` say what is read instead */
    SCAN_UNKNOWN, /* not lowered yet; only while the type of a state is looked for */
    SCAN_WRONG    /* reported */
};
enum scan_reading scan_read(struct statement *statement, const struct ast_expr *expr, struct whole *whole,
                            const struct ast_expr **subscripts);
/* Inside a scan its index is one of every statement's. */
bool scan_add_index(struct statement *statement);
bool lower_scan(struct body *body, const struct ast_statement *ast);

/* ---- blocks.c ---- */
/* How many statements of the body assign the output. */
uint32_t block_count(const struct body *body, const char *output);
/* One more box of an output: `node` at an offset an axis (NULL: 0). The last gives the output its value. False after a diagnostic.
 */
bool block_add(struct body *body, struct symbol *output, const struct ir_node *node, const struct poly *const *offsets,
               struct span span, const char *const *index_names);

/* ---- accumulate.c ---- */
/* Is this output of the kernel one that some `+=` adds to? */
bool is_updated(const struct ast_kernel *kernel, const char *output);
/* The output with the value added. NULL after a diagnostic. */
const struct ir_node *lower_accumulation(struct statement *statement, const struct ast_target *target, const struct ast_expr *value,
                                         const struct symbol *output);

/* ---- left_side.c ---- */
/* The right side as a node over the indices of the left side. NULL after a diagnostic. */
const struct ir_node *lower_value(struct statement *statement, const struct ast_expr *value, const struct symbol *output,
                                  enum weakness *weakness);
/* The node over the axes of the left side. `output`: what was declared; NULL for a let. Of a block NULL, and statement->is_block.
 */
const struct ir_node *lower_indexed(struct statement *statement, const struct ast_target *target, const struct ast_expr *value,
                                    struct symbol *output, enum weakness *weakness);

/* ---- statement.c ---- */
/* Names the statement's own node as its tensor, then what it is made of after its indices alone. */
void name_nodes(struct statement *statement, const struct ir_node *node, const char *name);
bool statement_create(struct statement *statement, struct body *body, const struct ast_statement *ast);
bool lower_statement(struct body *body, const struct ast_statement *ast);
/* Lowers the statements of `signature`'s body with its inputs bound to `inputs`; `results` gets the outputs' nodes. */
bool lower_body(struct body *body, const struct ir_node *const *inputs, const struct ir_node **results);
struct symbol *body_find(const struct body *body, const char *name);
void report_not_yet(struct body *body, struct span span, const char *what);
void report_bare_operator(struct body *body, struct span span);
struct diag *report_subscript_count(struct body *body, struct span span, const char *name, uint32_t axes, uint32_t subscripts);
/* A piece of the source for suggestions. */
const char *source_text(struct body *body, struct span span);

#endif
