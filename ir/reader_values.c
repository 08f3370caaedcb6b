/* Reading names, numbers, quasi-polynomials and expressions of tensor IR text. Each function is one rule's action; given NULL for
 * something that failed it gives NULL without another word. */
#include "reader_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* A token's text as key of a table of bindings. */
static bool same_name(const void *key, const void *item)
{
    const struct eir_token *token = key;
    const struct eir_binding *binding = item;
    return strlen(binding->name) == token->length && memcmp(binding->name, token->text, token->length) == 0;
}

struct eir_binding *eir_find(struct ir_reader *reader, const struct intern_table *table, struct eir_token name)
{
    (void)reader;
    return (struct eir_binding *)intern_find(table, hash_bytes(0, name.text, name.length), &name, same_name);
}

bool eir_bind(struct ir_reader *reader, struct intern_table *table, struct eir_token name, struct eir_binding binding)
{
    const struct eir_binding *before = eir_find(reader, table, name);
    if (before) {
        struct diag *diag = diag_error(ir_diagnostics(reader->context), DIAG_E0703, name.span, "`%.*s` is defined twice",
                                       (int)name.length, name.text);
        diag_note(ir_diagnostics(reader->context), diag, before->span, "first here");
        return false;
    }
    binding.name = arena_strndup(reader->arena, name.text, name.length);
    struct eir_binding *kept = arena_copy(reader->arena, &binding, 1, sizeof binding);
    return kept && binding.name && intern_add(reader->arena, table, hash_bytes(0, name.text, name.length), kept);
}

static void unknown(struct ir_reader *reader, struct eir_token name, const char *what)
{
    diag_error(ir_diagnostics(reader->context), DIAG_E0702, name.span, "`%.*s` is no %s", (int)name.length, name.text, what);
}

const struct ir_node *eir_node(struct ir_reader *reader, struct eir_token name)
{
    const struct eir_binding *binding = eir_find(reader, &reader->nodes, name);
    if (!binding)
        unknown(reader, name, "value defined above");
    return binding ? binding->node : NULL;
}

static int hex_value(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

char *eir_string(struct ir_reader *reader, struct eir_token token)
{
    char *string = ARENA_ARRAY(reader->arena, token.length, char), *end = string;
    for (uint32_t k = 1; string && k + 1 < token.length; k++) {
        char c = token.text[k];
        if (c == '\\' && token.text[++k] == 'x') {
            c = (char)(hex_value(token.text[k + 1]) << 4 | hex_value(token.text[k + 2]));
            k += 2;
        } else if (c == '\\') {
            c = token.text[k];
        }
        *end++ = c;
    }
    return string;
}

bool eir_elem(struct ir_reader *reader, struct eir_token name, enum ir_elem *elem)
{
    if (ir_elem_from_name(name.text, name.length, elem))
        return true;
    unknown(reader, name, "element type");
    return false;
}

/* ---- numbers ---- */

/* Digits of an INTEGER; false (and a word about it) when it needs more than 64 bits. */
static bool read_unsigned(struct ir_reader *reader, struct eir_token token, uint64_t *value)
{
    *value = 0;
    for (uint32_t k = 0; k < token.length; k++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, (uint64_t)(token.text[k] - '0'), value)) {
            diag_error(ir_diagnostics(reader->context), DIAG_E0706, token.span, "the number does not fit 64 bits");
            return false;
        }
    return true;
}

bool eir_integer(struct ir_reader *reader, struct eir_token token, int64_t *value)
{
    uint64_t bits;
    if (!read_unsigned(reader, token, &bits))
        return false;
    if (bits > INT64_MAX) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0706, token.span, "the number does not fit a signed 64-bit integer");
        return false;
    }
    *value = (int64_t)bits;
    return true;
}

static double read_double(struct ir_reader *reader, struct eir_part part)
{
    struct eir_token token = part.token;
    double value = 0;
    uint64_t bits;
    if (part.is_bits) {
        if (read_unsigned(reader, token, &bits))
            memcpy(&value, &bits, sizeof value);
        return value; /* the sign is among the bits */
    }
    /* a copy, since strtod must not run on into the text behind the token */
    char *copy = arena_strndup(reader->arena, token.text, token.length);
    value = copy ? strtod(copy, NULL) : 0;
    if (!isfinite(value) && token.text[0] != 'i' && token.text[0] != 'n')
        diag_error(ir_diagnostics(reader->context), DIAG_E0706, token.span, "the number is too large for a float");
    return part.negative ? -value : value;
}

static bool is_whole(struct eir_part part)
{
    for (uint32_t k = 0; k < part.token.length; k++)
        if (part.token.text[k] < '0' || part.token.text[k] > '9')
            return false;
    return !part.is_bits && part.token.length > 0;
}

/* An integer must be in its type's range. */
static struct ir_number read_integer(struct ir_reader *reader, enum ir_elem elem, struct eir_part part)
{
    uint64_t bits = 0;
    if (!is_whole(part)) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0706, part.token.span, "%s is written as a whole number",
                   ir_elem_info(elem)->name);
        return ir_number_integer(elem, 0);
    }
    if (!read_unsigned(reader, part.token, &bits))
        return ir_number_integer(elem, 0);
    struct ir_number number = ir_number_integer(elem, (int64_t)(part.negative ? 0 - bits : bits));
    bool fits = elem == IR_u64  ? !part.negative || bits == 0
                : part.negative ? number.i <= 0 && (uint64_t)number.i == 0 - bits
                                : number.i >= 0 && (uint64_t)number.i == bits;
    if (!fits)
        diag_error(ir_diagnostics(reader->context), DIAG_E0706, part.token.span, "the number does not fit %s",
                   ir_elem_info(elem)->name);
    return number;
}

struct ir_number eir_number(struct ir_reader *reader, enum ir_elem elem, struct eir_number number)
{
    if (elem >= IR_ELEM_COUNT)
        return ir_number_integer(IR_i64, 0);
    if (number.is_pair != ir_elem_is_complex(elem)) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0706, number.re.token.span, "%s is written as %s",
                   ir_elem_info(elem)->name, number.is_pair ? "one number" : "a pair (real, imaginary)");
        return ir_number_integer(elem, 0);
    }
    if (number.is_pair) {
        double re = read_double(reader, number.re), im = read_double(reader, number.im);
        return ir_number_complex(elem, re, im);
    }
    return ir_elem_is_float(elem) ? ir_number_real(elem, read_double(reader, number.re)) : read_integer(reader, elem, number.re);
}

struct ir_number eir_literal(struct ir_reader *reader, struct eir_token type, struct eir_number number)
{
    enum ir_elem elem = IR_ELEM_COUNT;
    eir_elem(reader, type, &elem);
    return eir_number(reader, elem, number);
}

/* ---- quasi-polynomials ---- */

const struct poly *eir_poly_name(struct ir_reader *reader, struct eir_token name)
{
    for (uint32_t k = 0; reader->in_scope && k < reader->n_indices; k++) {
        const char *index = reader->index_names[k];
        if (index && strlen(index) == name.length && memcmp(index, name.text, name.length) == 0)
            return poly_index(reader->context, k);
    }
    for (uint32_t k = 0; k < ir_dim_count(reader->context); k++) {
        const char *dim = ir_dim_at(reader->context, k)->name;
        if (strlen(dim) == name.length && memcmp(dim, name.text, name.length) == 0)
            return poly_dim(reader->context, k);
    }
    unknown(reader, name, reader->in_scope ? "index of this node and no dim" : "dim");
    return NULL;
}

const struct poly *eir_poly_number(struct ir_reader *reader, struct eir_token number)
{
    int64_t value;
    return eir_integer(reader, number, &value) ? poly_constant(reader->context, value) : NULL;
}

const struct poly *eir_poly_index(struct ir_reader *reader, struct eir_token token)
{
    struct eir_token digits = {token.span, token.text + 1, token.length - 1};
    int64_t index;
    if (!eir_integer(reader, digits, &index))
        return NULL;
    if (reader->in_scope && (index < (int64_t)reader->n_indices || index < (int64_t)reader->index_limit))
        return poly_index(reader->context, (uint32_t)index);
    unknown(reader, token, "index of this node");
    return NULL;
}

/* Newest first to first first. */
static const struct poly **list_polys(struct ir_reader *reader, const struct eir_polys *list)
{
    const struct poly **polys = ARENA_ARRAY(reader->arena, list ? list->count : 0, const struct poly *);
    for (; polys && list; list = list->before)
        polys[list->count - 1] = list->poly;
    return polys;
}

const struct poly *eir_poly_table(struct ir_reader *reader, struct eir_token name, const struct eir_polys *arguments)
{
    const struct ir_node *node = eir_node(reader, name);
    const struct poly **polys = list_polys(reader, arguments);
    uint32_t count = arguments ? arguments->count : 0;
    if (!node || !polys)
        return NULL;
    for (uint32_t k = 0; k < count; k++)
        if (!polys[k])
            return NULL;
    if (ir_elem_is_integer(node->elem) && node->rank == count)
        return poly_table(reader->context, node, count, polys);
    diag_error(ir_diagnostics(reader->context), DIAG_E0704, name.span,
               "`%.*s` holds no integers in %u axes, so no subscript can be looked up in it", (int)name.length, name.text, count);
    return NULL;
}

/* May the product of these be formed? A hostile text could ask for one of 10^9 terms. */
static bool is_small_product(const struct poly *a, const struct poly *b)
{
    uint32_t factors[2] = {0, 0};
    for (int side = 0; side < 2; side++) {
        const struct poly *poly = side ? b : a;
        for (uint32_t k = 0; k < poly->n_terms; k++)
            factors[side] = poly->terms[k].n_factors > factors[side] ? poly->terms[k].n_factors : factors[side];
    }
    return factors[0] + factors[1] <= READER_DEGREE && (uint64_t)a->n_terms * b->n_terms <= READER_TERMS;
}

const struct poly *eir_poly_apply(struct ir_reader *reader, char operation, const struct poly *a, const struct poly *b,
                                  struct eir_token sign)
{
    struct ir_context *context = reader->context;
    const struct poly *result = NULL;
    if (!a || !b)
        return NULL;
    if (operation == '*' ? !is_small_product(a, b) : a->n_terms + b->n_terms > READER_TERMS) {
        diag_error(ir_diagnostics(context), DIAG_E0708, sign.span,
                   "a subscript or extent has at most %d terms of at most %d factors", READER_TERMS, READER_DEGREE);
        return NULL;
    }
    if (operation == '+')
        result = poly_add(context, a, b);
    else if (operation == '-')
        result = poly_subtract(context, a, b);
    else if (operation == '*')
        result = poly_multiply(context, a, b);
    else if (operation == '/')
        result = poly_floor_div(context, a, b, NULL);
    else
        result = poly_mod(context, a, b, NULL);
    if (!result && !arena_failed(reader->arena))
        diag_error(ir_diagnostics(context), DIAG_E0710, sign.span, "the result overflows, or the divisor is no positive term");
    return result;
}

/* Past the limit of a list nothing is added, so memory is bounded; said once. */
static bool too_long(struct ir_reader *reader, uint32_t count)
{
    if (count < READER_OPERANDS)
        return false;
    eir_past_limit(reader, "a list has at most 4096 entries");
    return true;
}

const struct eir_polys *eir_add_poly(struct ir_reader *reader, const struct eir_polys *before, const struct poly *poly)
{
    uint32_t count = before ? before->count : 0;
    struct eir_polys *list = too_long(reader, count) ? NULL : ARENA_NEW(reader->arena, struct eir_polys);
    if (!list)
        return before;
    *list = (struct eir_polys){poly, before, count + 1};
    return list;
}

/* ---- expressions ---- */

const struct ir_expr *eir_operand(struct ir_reader *reader, struct eir_token token)
{
    struct eir_token digits = {token.span, token.text + 1, token.length - 1};
    int64_t operand;
    if (!eir_integer(reader, digits, &operand))
        return NULL;
    if (operand >= (int64_t)reader->n_operands) {
        unknown(reader, token, "operand of this map");
        return NULL;
    }
    const struct ir_node *node = reader->operands[operand].node;
    return node ? ir_expr_operand(reader->context, (uint32_t)operand, node->elem) : NULL;
}

const struct ir_expr *eir_temporary(struct ir_reader *reader, struct eir_token name)
{
    const struct eir_binding *binding = eir_find(reader, &reader->temporaries, name);
    if (!binding)
        unknown(reader, name, "`let` of this map");
    return binding ? binding->expr : NULL;
}

void eir_let(struct ir_reader *reader, struct eir_token name, const struct ir_expr *expr)
{
    eir_bind(reader, &reader->temporaries, name, (struct eir_binding){.expr = expr, .span = name.span});
}

static const struct ir_expr *apply(struct ir_reader *reader, enum ir_expr_op op, struct eir_token sign, uint32_t n,
                                   const struct ir_expr *const *arguments)
{
    enum ir_elem elems[3] = {IR_f64, IR_f64, IR_f64}, result;
    for (uint32_t k = 0; k < n; k++) {
        if (!arguments[k])
            return NULL;
        elems[k] = arguments[k]->elem;
    }
    if (ir_expr_result(op, n, elems, &result))
        return ir_expr_apply(reader->context, op, n, arguments);
    struct diag *diag = diag_error(ir_diagnostics(reader->context), DIAG_E0705, sign.span, "`%.*s` does not take these types",
                                   (int)sign.length, sign.text);
    for (uint32_t k = 0; k < n; k++)
        diag_note(ir_diagnostics(reader->context), diag, sign.span, "argument %u is %s", k, ir_elem_info(elems[k])->name);
    return NULL;
}

const struct ir_expr *eir_apply(struct ir_reader *reader, enum ir_expr_op op, struct eir_token sign, const struct ir_expr *a,
                                const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return apply(reader, op, sign, op == IR_EXPR_neg ? 1 : 2, arguments);
}

static bool find_function(struct eir_token name, enum ir_expr_op *op)
{
    for (int k = 0; k < IR_EXPR_OP_COUNT; k++) {
        const struct ir_expr_info *info = ir_expr_info((enum ir_expr_op)k);
        bool function = info->arity > 0 && info->result != IR_RESULT_CAST;
        if (function && strlen(info->name) == name.length && memcmp(info->name, name.text, name.length) == 0) {
            *op = (enum ir_expr_op)k;
            return true;
        }
    }
    return false;
}

const struct ir_expr *eir_call(struct ir_reader *reader, struct eir_token name, const struct eir_exprs *list)
{
    const struct ir_expr *arguments[3] = {NULL, NULL, NULL};
    uint32_t count = list ? list->count : 0;
    enum ir_elem elem;
    enum ir_expr_op op = IR_EXPR_OP_COUNT;
    bool cast = ir_elem_from_name(name.text, name.length, &elem);
    if (!cast && !find_function(name, &op)) {
        unknown(reader, name, "function");
        return NULL;
    }
    uint32_t arity = cast ? 1 : (uint32_t)ir_expr_info(op)->arity;
    if (count != arity) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0704, name.span, "`%.*s` takes %u arguments, not %u", (int)name.length,
                   name.text, arity, count);
        return NULL;
    }
    for (; list; list = list->before)
        arguments[list->count - 1] = list->expr;
    return cast ? ir_expr_cast(reader->context, elem, arguments[0]) : apply(reader, op, name, count, arguments);
}

const struct eir_exprs *eir_add_expr(struct ir_reader *reader, const struct eir_exprs *before, const struct ir_expr *expr)
{
    uint32_t count = before ? before->count : 0;
    struct eir_exprs *list = too_long(reader, count) ? NULL : ARENA_NEW(reader->arena, struct eir_exprs);
    if (!list)
        return before;
    *list = (struct eir_exprs){expr, before, count + 1};
    return list;
}
