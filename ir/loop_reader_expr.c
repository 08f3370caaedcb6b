/* Tokens, numbers, quasi-polynomials and expressions of the text of loop IR. */
#include "ir_internal.h"
#include "loop_text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokens ---- */

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 128;
}

static size_t skip_space(const struct loop_reader *reader, size_t at)
{
    const char *text = reader->source->text;
    while (at < reader->source->length && (isspace((unsigned char)text[at]) || text[at] == ';'))
        if (text[at] == ';') /* a comment to the end of the line */
            while (at < reader->source->length && text[at] != '\n')
                at++;
        else
            at++;
    return at;
}

/* Digits, hex floats and exponents with their signs. */
static size_t number_length(const char *text, size_t length)
{
    size_t at = 0;
    bool hex = length > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    while (at < length &&
           (is_name_byte(text[at]) || text[at] == '.' ||
            ((text[at] == '+' || text[at] == '-') && at &&
             (text[at - 1] == 'p' || text[at - 1] == 'P' || (!hex && (text[at - 1] == 'e' || text[at - 1] == 'E'))))))
        at++;
    return at;
}

static size_t string_length(const char *text, size_t length)
{
    size_t at = 1;
    while (at < length && text[at] != '"' && text[at] != '\n')
        at++;
    return at < length && text[at] == '"' ? at + 1 : 0;
}

void loop_next_token(struct loop_reader *reader)
{
    size_t at = skip_space(reader, reader->at), length = 1, left = reader->source->length - at;
    const char *text = reader->source->text + at;
    enum loop_token_kind kind = TOKEN_SIGN;
    if (left == 0) {
        kind = TOKEN_END;
        length = 0;
    } else if (isdigit((unsigned char)text[0])) {
        kind = TOKEN_NUMBER;
        length = number_length(text, left);
    } else if (is_name_byte(text[0])) {
        kind = TOKEN_NAME;
        while (length < left && is_name_byte(text[length]))
            length++;
    } else if (text[0] == '"' && string_length(text, left)) {
        kind = TOKEN_STRING;
        length = string_length(text, left);
    } else if (left > 1 && text[1] == '=' && (text[0] == '<' || text[0] == '>')) {
        length = 2;
    }
    reader->at = at + length;
    reader->token = (struct loop_token){kind, text, length, {reader->number, (uint32_t)at, (uint32_t)(at + length)}};
}

/* ---- numbers ---- */

static bool read_real(struct loop_reader *reader, enum ir_elem elem, double *value)
{
    bool negative = loop_accept(reader, "-");
    char digits[64];
    char *end = digits;
    if (loop_accept_word(reader, "inf")) {
        *value = negative ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (loop_accept_word(reader, "nan")) {
        *value = (double)NAN;
        return true;
    }
    if (reader->token.kind != TOKEN_NUMBER || reader->token.length >= sizeof digits)
        return loop_fail(reader, "expected a number");
    memcpy(digits, reader->token.text, reader->token.length);
    digits[reader->token.length] = '\0';
    *value = strtod(digits, &end);
    if (*end)
        return loop_fail(reader, "malformed number");
    *value = ir_number_real(ir_elem_real(elem), negative ? -*value : *value).re;
    loop_next_token(reader);
    return true;
}

static bool read_integer(struct loop_reader *reader, int64_t *value)
{
    bool negative = loop_accept(reader, "-");
    char digits[32];
    char *end = digits;
    if (reader->token.kind != TOKEN_NUMBER || reader->token.length >= sizeof digits)
        return loop_fail(reader, "expected an integer");
    memcpy(digits, reader->token.text, reader->token.length);
    digits[reader->token.length] = '\0';
    errno = 0;
    uint64_t magnitude = strtoull(digits, &end, 10);
    if (*end || errno)
        return loop_fail(reader, "malformed integer");
    *value = (int64_t)(negative ? 0 - magnitude : magnitude);
    loop_next_token(reader);
    return true;
}

/* number = ["-"] digits | ["-"] hex float | "(" real "," real ")" */
bool loop_read_number(struct loop_reader *reader, enum ir_elem elem, struct ir_number *number)
{
    double re = 0, im = 0;
    int64_t integer = 0;
    if (ir_elem_is_complex(elem)) {
        if (!loop_expect(reader, "(") || !read_real(reader, elem, &re) || !loop_expect(reader, ",") ||
            !read_real(reader, elem, &im) || !loop_expect(reader, ")"))
            return false;
        *number = ir_number_complex(elem, re, im);
        return true;
    }
    if (ir_elem_is_float(elem)) {
        if (!read_real(reader, elem, &re))
            return false;
        *number = ir_number_real(elem, re);
        return true;
    }
    if (!read_integer(reader, &integer))
        return false;
    *number = ir_number_integer(elem, integer);
    return true;
}

/* ---- polys ---- */

static const struct poly *named_poly(struct loop_reader *reader, const char *name)
{
    for (size_t k = reader->n_open; k-- > 0;)
        if (!strcmp(reader->open[k].name, name))
            return poly_index(reader->context, reader->open[k].index);
    for (uint32_t dim = 0; dim < ir_dim_count(reader->context); dim++)
        if (!strcmp(ir_dim_at(reader->context, dim)->name, name))
            return poly_dim(reader->context, dim);
    loop_fail(reader, "neither an open index nor a dim");
    return NULL;
}

/* table lookup = name "[" poly {"," poly} "]" */
static const struct poly *read_lookup(struct loop_reader *reader, const char *name, unsigned depth)
{
    const struct poly *arguments[16];
    uint32_t count = 0;
    const struct ir_node *table = NULL;
    for (size_t k = 0; k < reader->n_tables; k++)
        if (!strcmp(reader->tables[k].name, name))
            table = reader->tables[k].node;
    if (!table) /* a buffer of integers */
        table = loop_table(reader->context, reader->function, loop_find_buffer(reader, name));
    if (!table) {
        loop_fail(reader, "not a table");
        return NULL;
    }
    do {
        arguments[count] = count < 15 ? loop_read_poly(reader, depth + 1) : NULL;
        if (!arguments[count++])
            return NULL;
    } while (loop_accept(reader, ","));
    if (!loop_expect(reader, "]"))
        return NULL;
    if (count != table->rank) {
        loop_fail(reader, "a table has one subscript an axis");
        return NULL;
    }
    return poly_table(reader->context, table, count, arguments);
}

/* primary = number | name | lookup | "(" poly ")" | "-" primary */
static const struct poly *read_poly_primary(struct loop_reader *reader, unsigned depth)
{
    if (depth > LOOP_DEPTH_LIMIT) {
        loop_too_deep(reader);
        return NULL;
    }
    if (loop_accept(reader, "-"))
        return poly_scale(reader->context, read_poly_primary(reader, depth + 1), -1);
    if (loop_accept(reader, "(")) {
        const struct poly *inner = loop_read_poly(reader, depth + 1);
        return loop_expect(reader, ")") ? inner : NULL;
    }
    if (reader->token.kind == TOKEN_NUMBER) {
        int64_t value;
        return read_integer(reader, &value) ? poly_constant(reader->context, value) : NULL;
    }
    const char *name = loop_expect_name(reader);
    if (!name)
        return NULL;
    return loop_accept(reader, "[") ? read_lookup(reader, name, depth) : named_poly(reader, name);
}

/* product = primary {("*" | "/" | "div" | "mod") primary} */
static const struct poly *read_poly_product(struct loop_reader *reader, unsigned depth)
{
    const struct poly *left = read_poly_primary(reader, depth);
    for (;;) {
        if (loop_accept(reader, "*"))
            left = poly_multiply(reader->context, left, read_poly_primary(reader, depth));
        else if (loop_accept(reader, "/") || loop_accept_word(reader, "div"))
            left = poly_floor_div(reader->context, left, read_poly_primary(reader, depth), NULL);
        else if (loop_accept_word(reader, "mod"))
            left = poly_mod(reader->context, left, read_poly_primary(reader, depth), NULL);
        else
            return left;
    }
}

/* poly = product {("+" | "-") product} */
const struct poly *loop_read_poly(struct loop_reader *reader, unsigned depth)
{
    const struct poly *left = read_poly_product(reader, depth);
    for (;;) {
        if (loop_accept(reader, "+"))
            left = poly_add(reader->context, left, read_poly_product(reader, depth));
        else if (loop_accept(reader, "-"))
            left = poly_subtract(reader->context, left, read_poly_product(reader, depth));
        else
            return left;
    }
}

/* ---- expressions ---- */

static const struct ir_expr *read_expr(struct loop_reader *reader, unsigned depth);

bool loop_read_operation(struct loop_reader *reader, enum ir_expr_op *op)
{
    for (int k = 0; k < IR_EXPR_OP_COUNT; k++) {
        const struct ir_expr_info *info = ir_expr_info((enum ir_expr_op)k);
        if (info->arity > 0 && k != IR_EXPR_cast && loop_accept_word(reader, info->name)) {
            *op = (enum ir_expr_op)k;
            return true;
        }
    }
    return false;
}

/* cast = elem "(" expression ")";  literal = elem number. A complex literal begins with a parenthesis, too, but a number follows.
 */
static const struct ir_expr *read_typed(struct loop_reader *reader, enum ir_elem elem, unsigned depth)
{
    struct loop_reader saved = *reader;
    bool is_cast = loop_accept(reader, "(");
    if (is_cast && ir_elem_is_complex(elem) &&
        (reader->token.kind != TOKEN_NAME ||
         (reader->token.length == 3 && (!memcmp(reader->token.text, "inf", 3) || !memcmp(reader->token.text, "nan", 3)))))
        is_cast = false;
    if (is_cast) {
        const struct ir_expr *argument = read_expr(reader, depth + 1);
        return loop_expect(reader, ")") ? ir_expr_cast(reader->context, elem, argument) : NULL;
    }
    *reader = saved;
    struct ir_number number;
    return loop_read_number(reader, elem, &number) ? ir_expr_literal(reader->context, number) : NULL;
}

/* call = operation "(" expression {"," expression} ")" */
static const struct ir_expr *read_call(struct loop_reader *reader, enum ir_expr_op op, unsigned depth)
{
    const struct ir_expr *arguments[3] = {0};
    enum ir_elem elem;
    uint32_t arity = (uint32_t)ir_expr_info(op)->arity;
    for (uint32_t k = 0; k < arity; k++) {
        if (!loop_expect(reader, k ? "," : "("))
            return NULL;
        arguments[k] = read_expr(reader, depth + 1);
        if (!arguments[k])
            return NULL;
    }
    if (!loop_expect(reader, ")"))
        return NULL;
    enum ir_elem elems[3] = {IR_bool, IR_bool, IR_bool};
    for (uint32_t k = 0; k < arity; k++)
        elems[k] = arguments[k]->elem;
    if (!ir_expr_result(op, arity, elems, &elem)) {
        loop_fail(reader, "an operation does not take these types");
        return NULL;
    }
    return ir_expr_apply(reader->context, op, arity, arguments);
}

/* leaf = "index" "(" poly ")" | buffer "[" poly "]" | local */
static const struct ir_expr *read_leaf(struct loop_reader *reader, unsigned depth)
{
    const char *name = loop_expect_name(reader);
    if (!name)
        return NULL;
    if (!strcmp(name, "index") && loop_accept(reader, "(")) {
        const struct poly *index = loop_read_poly(reader, depth);
        return loop_expect(reader, ")") ? ir_expr_index(reader->context, index) : NULL;
    }
    uint32_t buffer = loop_find_buffer(reader, name), local = loop_find_local(reader, name);
    if (buffer != UINT32_MAX && loop_expect(reader, "[")) {
        const struct poly *address = loop_read_poly(reader, depth);
        return loop_expect(reader, "]") ? ir_expr_load(reader->context, buffer, reader->function->buffers[buffer].elem, address)
                                        : NULL;
    }
    if (local != UINT32_MAX && buffer == UINT32_MAX)
        return ir_expr_local(reader->context, local, reader->function->locals[local].elem);
    loop_fail(reader, "neither a buffer nor a local");
    return NULL;
}

/* shared = "$" number */
static const struct ir_expr *read_shared(struct loop_reader *reader)
{
    int64_t number;
    if (!read_integer(reader, &number))
        return NULL;
    if (number >= 0 && (uint64_t)number < reader->n_shared)
        return reader->shared[number];
    loop_fail(reader, "no such part of this value");
    return NULL;
}

/* expression = cast | literal | call | leaf | shared */
static const struct ir_expr *read_expr(struct loop_reader *reader, unsigned depth)
{
    enum ir_elem elem;
    enum ir_expr_op op;
    if (depth > LOOP_DEPTH_LIMIT) {
        loop_too_deep(reader);
        return NULL;
    }
    if (loop_accept(reader, "$"))
        return read_shared(reader);
    if (reader->token.kind != TOKEN_NAME) {
        loop_fail(reader, "expected an expression");
        return NULL;
    }
    if (ir_elem_from_name(reader->token.text, reader->token.length, &elem)) {
        loop_next_token(reader);
        return read_typed(reader, elem, depth);
    }
    struct loop_reader saved = *reader;
    if (loop_read_operation(reader, &op)) {
        if (reader->token.kind == TOKEN_SIGN && reader->token.text[0] == '(')
            return read_call(reader, op, depth);
        *reader = saved; /* a local or buffer that bears the name of an operation */
    }
    return read_leaf(reader, depth);
}

/* part = "let" "$" number "=" expression "in"; false: it is no part, or was not read. */
static bool read_part(struct loop_reader *reader)
{
    struct loop_reader saved = *reader;
    int64_t number;
    if (!loop_accept_word(reader, "let") || !loop_accept(reader, "$")) {
        *reader = saved; /* a local that is called `let` */
        return false;
    }
    if (!read_integer(reader, &number))
        return false;
    if (number != (int64_t)reader->n_shared)
        return loop_fail(reader, "parts of a value are numbered from $0 on");
    const struct ir_expr *part = loop_expect(reader, "=") ? read_expr(reader, 0) : NULL;
    if (!part || !ARENA_PUSH(reader->arena, reader->shared, reader->n_shared, reader->shared_capacity, part))
        return false;
    if (!loop_accept_word(reader, "in"))
        return loop_fail(reader, "expected `in`");
    return true;
}

/* value = {part} expression. Each part is read without recursion into the others, so how deep the whole is has to be asked. */
const struct ir_expr *loop_read_value(struct loop_reader *reader)
{
    size_t count;
    reader->n_shared = 0;
    while (read_part(reader))
        continue;
    const struct ir_expr *value = reader->failed ? NULL : read_expr(reader, 0);
    if (!value || !reader->n_shared)
        return value;
    const struct ir_expr **order = ir_expr_topological(reader->context, value, &count);
    if (order && ir_expr_depth(reader->context, order, count) <= IR_EXPRESSION_DEPTH)
        return value;
    if (order)
        loop_too_deep(reader);
    return NULL;
}
