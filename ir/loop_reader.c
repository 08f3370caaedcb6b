/* Reads the text of loop IR (docs/loop-ir.md) by recursive descent: one function for each rule, the rule above it.
 *
 * Names are resolved as they are read: dims join the context, buffers and locals belong to the function, an index to its loop. The
 * first mistake of a function ends the reading with a diagnostic E074x; nothing here trusts the text (depth is limited, counts and
 * sizes are checked). What was read may still break the rules of loop IR: `loop_verify` says so. */
#include "loop_text.h"

#include <string.h>

/* ---- what stands around ---- */

struct loop_stmt *loop_read_statements(struct loop_reader *reader, unsigned depth);

static bool at_word(const struct loop_reader *reader, const char *word)
{
    return reader->token.kind == TOKEN_NAME && reader->token.length == strlen(word) &&
           !memcmp(reader->token.text, word, strlen(word));
}

bool loop_accept_word(struct loop_reader *reader, const char *word)
{
    if (!at_word(reader, word))
        return false;
    loop_next_token(reader);
    return true;
}

bool loop_accept(struct loop_reader *reader, const char *sign)
{
    if (reader->token.kind != TOKEN_SIGN || reader->token.length != strlen(sign) || memcmp(reader->token.text, sign, strlen(sign)))
        return false;
    loop_next_token(reader);
    return true;
}

bool loop_fail(struct loop_reader *reader, const char *what)
{
    if (!reader->failed)
        diag_error(ir_diagnostics(reader->context), DIAG_E0741, reader->token.span, "loop IR: %s", what);
    reader->failed = true;
    return false;
}

bool loop_too_deep(struct loop_reader *reader)
{
    if (!reader->failed)
        diag_error(ir_diagnostics(reader->context), DIAG_E0708, reader->token.span, "loop IR: nested deeper than %d",
                   LOOP_DEPTH_LIMIT);
    reader->failed = true;
    return false;
}

bool loop_expect(struct loop_reader *reader, const char *sign)
{
    if (loop_accept(reader, sign))
        return true;
    if (!reader->failed)
        diag_error(ir_diagnostics(reader->context), DIAG_E0741, reader->token.span, "loop IR: expected `%s`", sign);
    reader->failed = true;
    return false;
}

const char *loop_expect_name(struct loop_reader *reader)
{
    if (reader->token.kind != TOKEN_NAME) {
        loop_fail(reader, "expected a name");
        return NULL;
    }
    const char *name = arena_strndup(reader->arena, reader->token.text, reader->token.length);
    loop_next_token(reader);
    return name;
}

static bool expect_integer(struct loop_reader *reader, int64_t *value)
{
    struct ir_number number;
    if (!loop_read_number(reader, IR_i64, &number))
        return false;
    *value = number.i;
    return true;
}

static bool expect_elem(struct loop_reader *reader, enum ir_elem *elem)
{
    if (reader->token.kind != TOKEN_NAME || !ir_elem_from_name(reader->token.text, reader->token.length, elem))
        return loop_fail(reader, "expected an element type");
    loop_next_token(reader);
    return true;
}

/* ---- dims and buffers ---- */

/* dim = "dim" name ["~" number] ["<=" number] ["%" number] */
static bool read_dim(struct loop_reader *reader)
{
    struct ir_dim dim = {.name = loop_expect_name(reader), .divisor = 1, .span = SPAN_NONE};
    struct ir_number typical = {.elem = IR_f64};
    if (!dim.name)
        return false;
    if (loop_accept(reader, "~") && !loop_read_number(reader, IR_f64, &typical))
        return false;
    dim.typical = typical.re;
    if (!(dim.typical >= 0 && dim.typical <= IR_TYPICAL_LARGEST))
        return loop_fail(reader, "a typical size is above 0 and below 2^63");
    if (loop_accept(reader, "<=") && !expect_integer(reader, &dim.bound))
        return false;
    if (loop_accept(reader, "%") && (!expect_integer(reader, &dim.divisor) || dim.divisor < 1))
        return loop_fail(reader, "a divisor is at least 1");
    uint32_t number = 0;
    while (number < ir_dim_count(reader->context) && strcmp(ir_dim_at(reader->context, number)->name, dim.name))
        number++;
    if (number == ir_dim_count(reader->context))
        number = ir_add_dim(reader->context, dim);
    return number != UINT32_MAX && ARENA_PUSH(reader->arena, reader->dims, reader->n_dims, reader->dims_capacity, number);
}

/* shape = "[" [poly {"," poly}] "]" */
static bool read_shape(struct loop_reader *reader, uint32_t *rank, const struct poly *const **shape)
{
    const struct poly **extents = NULL;
    size_t count = 0, capacity = 0;
    if (!loop_expect(reader, "["))
        return false;
    while (!loop_accept(reader, "]")) {
        const struct poly *extent = (count && !loop_expect(reader, ",")) ? NULL : loop_read_poly(reader, 0);
        if (!extent || !ARENA_PUSH(reader->arena, extents, count, capacity, extent))
            return false;
    }
    *rank = (uint32_t)count;
    *shape = extents;
    return true;
}

/* data = "{" [number {"," number}] "}" */
static const struct ir_constant *read_data(struct loop_reader *reader, enum ir_elem elem, const char *name)
{
    size_t bytes = ir_elem_info(elem)->bytes, count = 0, capacity = 0;
    unsigned char *data = NULL;
    if (!loop_expect(reader, "{"))
        return NULL;
    while (!loop_accept(reader, "}")) {
        struct ir_number number;
        if ((count && !loop_expect(reader, ",")) || !loop_read_number(reader, elem, &number))
            return NULL;
        if (!arena_grow(reader->arena, (void **)&data, count, &capacity, bytes))
            return NULL;
        ir_number_store(number, data, count++);
    }
    struct ir_constant *constant = ARENA_NEW(reader->arena, struct ir_constant);
    if (constant)
        *constant = (struct ir_constant){data, bytes * count, hash_bytes(elem, data, bytes * count), name, NULL, false, 0, false};
    return constant;
}

/* table = "table" name ":" elem shape "=" data */
static bool read_table(struct loop_reader *reader)
{
    struct loop_table table = {.name = loop_expect_name(reader)};
    enum ir_elem elem;
    uint32_t rank = 0;
    const struct poly *const *shape = NULL;
    if (!table.name || !loop_expect(reader, ":") || !expect_elem(reader, &elem) || !read_shape(reader, &rank, &shape) ||
        !loop_expect(reader, "="))
        return false;
    const struct ir_constant *constant = read_data(reader, elem, table.name);
    int64_t count = 1, extent;
    for (uint32_t k = 0; k < rank; k++)
        if (!poly_is_constant(shape[k], &extent) || extent < 0 || !checked_multiply(count, extent, &count))
            return loop_fail(reader, "a table has a shape of numbers");
    if (!constant || (uint64_t)count != constant->bytes / ir_elem_info(elem)->bytes || !ir_elem_is_integer(elem))
        return loop_fail(reader, "a table holds as many integers as its shape says");
    table.node = ir_constant(reader->context, elem, rank, shape, constant);
    return table.node && ARENA_PUSH(reader->arena, reader->tables, reader->n_tables, reader->tables_capacity, table);
}

static bool buffer_rest(struct loop_reader *reader, struct loop_buffer *buffer)
{
    int64_t argument = 0, updates = 0;
    if (!loop_accept_word(reader, "count"))
        return loop_fail(reader, "expected `count`");
    buffer->count = loop_read_poly(reader, 0);
    if (loop_accept_word(reader, "argument") && (!expect_integer(reader, &argument) || argument < 0 || argument > UINT16_MAX))
        return loop_fail(reader, "an argument has a small number");
    buffer->parameter = (uint32_t)argument;
    if (loop_accept_word(reader, "updates")) {
        if (!expect_integer(reader, &updates) || updates < 0 || updates > UINT16_MAX || buffer->kind != LOOP_OUTPUT)
            return loop_fail(reader, "an output updates an input of a small number");
        buffer->updates = (uint32_t)updates + 1;
    }
    buffer->is_complex = loop_accept_word(reader, "pairs") || ir_elem_is_complex(buffer->elem);
    buffer->is_private = loop_accept_word(reader, "private");
    if (loop_accept_word(reader, "at"))
        buffer->offset = loop_read_poly(reader, 0);
    if (loop_accept(reader, "=") && !(buffer->constant = read_data(reader, buffer->elem, buffer->name)))
        return false;
    if (buffer->kind == LOOP_CONSTANT && !buffer->constant)
        return loop_fail(reader, "a constant needs its numbers");
    return buffer->count != NULL;
}

/* buffer = kind name ":" ["value"] elem shape "count" poly ["argument" number] ["updates" number] ["pairs"] ["private"] ["at" poly]
 * ["=" data] */
static bool read_buffer(struct loop_reader *reader, enum loop_buffer_kind kind)
{
    struct loop_buffer buffer = {.kind = kind, .name = loop_expect_name(reader)};
    if (!buffer.name || !loop_expect(reader, ":"))
        return false;
    buffer.by_value = loop_accept_word(reader, "value");
    if (!expect_elem(reader, &buffer.elem) || !read_shape(reader, &buffer.rank, &buffer.shape) || !buffer_rest(reader, &buffer))
        return false;
    return loop_add_buffer(reader->context, reader->function, buffer) != UINT32_MAX;
}

/* workspace = "workspace" poly "align" number ["each" poly] */
static bool read_workspace(struct loop_reader *reader)
{
    int64_t alignment = 1;
    reader->function->workspace = loop_read_poly(reader, 0);
    if (!loop_accept_word(reader, "align") || !expect_integer(reader, &alignment) || alignment < 1 || alignment > 4096)
        return loop_fail(reader, "expected `align` and a small number");
    reader->function->workspace_alignment = (uint32_t)alignment;
    if (loop_accept_word(reader, "each"))
        reader->function->thread_workspace = loop_read_poly(reader, 0);
    return reader->function->workspace && reader->function->thread_workspace;
}

/* threads = "threads" number */
static bool read_threads(struct loop_reader *reader)
{
    int64_t threads = 0;
    if (!expect_integer(reader, &threads) || threads < 1 || threads > LOOP_THREADS_LIMIT)
        return loop_fail(reader, "a number of threads is small");
    reader->function->threads = (uint32_t)threads;
    return true;
}

/* head = {dim | table | buffer | workspace | threads} */
static bool read_head(struct loop_reader *reader)
{
    static const char *const kinds[] = {"input", "output", "constant", "scratch", "stack"};
    for (;;) {
        int kind = 0;
        while (kind < 5 && !at_word(reader, kinds[kind]))
            kind++;
        if (kind < 5) {
            loop_next_token(reader);
            if (!read_buffer(reader, (enum loop_buffer_kind)kind))
                return false;
        } else if (loop_accept_word(reader, "dim")) {
            if (!read_dim(reader))
                return false;
        } else if (loop_accept_word(reader, "table")) {
            if (!read_table(reader))
                return false;
        } else if (loop_accept_word(reader, "workspace")) {
            if (!read_workspace(reader))
                return false;
        } else if (loop_accept_word(reader, "threads")) {
            if (!read_threads(reader))
                return false;
        } else {
            return !reader->failed;
        }
    }
}

/* ---- statements ---- */

static uint32_t find_local(const struct loop_reader *reader, const char *name)
{
    for (size_t k = reader->function->n_locals; k-- > 0;) /* sibling stages may name theirs alike: the newest is meant */
        if (!strcmp(reader->function->locals[k].name, name))
            return (uint32_t)k;
    return UINT32_MAX;
}

uint32_t loop_find_buffer(const struct loop_reader *reader, const char *name)
{
    for (uint32_t k = 0; k < reader->function->n_buffers; k++)
        if (!strcmp(reader->function->buffers[k].name, name))
            return k;
    return UINT32_MAX;
}

uint32_t loop_find_local(const struct loop_reader *reader, const char *name)
{
    return find_local(reader, name);
}

static const char *read_string(struct loop_reader *reader)
{
    if (reader->token.kind != TOKEN_STRING)
        return NULL;
    const char *string = arena_strndup(reader->arena, reader->token.text + 1, reader->token.length - 2);
    loop_next_token(reader);
    return string;
}

/* body = "{" [string] {statement} "}" */
static struct loop_stmt *read_body(struct loop_reader *reader, unsigned depth, const char **comment)
{
    if (!loop_expect(reader, "{"))
        return NULL;
    if (comment)
        *comment = read_string(reader);
    struct loop_stmt *body = loop_read_statements(reader, depth + 1);
    if (!reader->failed && !body)
        loop_fail(reader, "a body without statements");
    return loop_expect(reader, "}") ? body : NULL;
}

static bool read_role(struct loop_reader *reader, enum loop_role *role)
{
    *role = LOOP_NO_ROLE;
    if (!loop_accept_word(reader, "as"))
        return true;
    for (int known = LOOP_BATCH; known <= LOOP_K; known++)
        if (loop_accept_word(reader, loop_role_names[known])) {
            *role = (enum loop_role)known;
            return true;
        }
    loop_fail(reader, "expected batch, m, n or k");
    return false;
}

/* for = ("for" | "parallel" | "vector" | "unrolled" | "dot") name "<" poly [ "from" poly ] [ "limit" poly ] [ "as" role ] body */
static struct loop_stmt *read_for(struct loop_reader *reader, enum loop_kind kind, unsigned depth)
{
    const char *name = loop_expect_name(reader), *comment = NULL;
    if (!name || !loop_expect(reader, "<"))
        return NULL;
    const struct poly *end = loop_read_poly(reader, 0), *begin = poly_constant(reader->context, 0);
    if (end && loop_accept_word(reader, "from"))
        begin = loop_read_poly(reader, 0);
    const struct poly *limit = end && loop_accept_word(reader, "limit") ? loop_read_poly(reader, 0) : end;
    enum loop_role role;
    if (!limit || !read_role(reader, &role))
        return NULL;
    uint32_t index = loop_add_index(reader->context, reader->function, name);
    struct loop_open open = {name, index};
    if (!begin || !end || index == UINT32_MAX ||
        !ARENA_PUSH(reader->arena, reader->open, reader->n_open, reader->open_capacity, open))
        return NULL;
    struct loop_stmt *stmt = loop_for(reader->context, kind, index, begin, end, read_body(reader, depth, &comment));
    reader->n_open--;
    if (!stmt)
        return NULL;
    stmt->comment = comment;
    stmt->loop.limit = limit == end ? NULL : limit;
    stmt->loop.role = role;
    return stmt;
}

/* conditions = poly ">=" "0" {"and" poly ">=" "0"} */
static bool read_conditions(struct loop_reader *reader, const struct poly *const **list, uint32_t *n)
{
    const struct poly **conditions = NULL;
    size_t count = 0, capacity = 0;
    do {
        int64_t zero = 1;
        const struct poly *condition = loop_read_poly(reader, 0);
        if (!condition || !loop_expect(reader, ">=") || !expect_integer(reader, &zero) || zero != 0)
            return loop_fail(reader, "a condition is a poly `>= 0`");
        if (!ARENA_PUSH(reader->arena, conditions, count, capacity, condition))
            return false;
    } while (loop_accept_word(reader, "and"));
    *list = conditions;
    *n = (uint32_t)count;
    return true;
}

/* if = "if" conditions body ["else" body] */
static struct loop_stmt *read_if(struct loop_reader *reader, unsigned depth)
{
    const struct poly *const *conditions;
    uint32_t count;
    if (!read_conditions(reader, &conditions, &count))
        return NULL;
    struct loop_stmt *body = read_body(reader, depth, NULL);
    struct loop_stmt *otherwise = body && loop_accept_word(reader, "else") ? read_body(reader, depth, NULL) : NULL;
    return loop_if(reader->context, count, conditions, body, otherwise);
}

/* check = "check" conditions */
static struct loop_stmt *read_check(struct loop_reader *reader)
{
    const struct poly *const *conditions;
    uint32_t count;
    return read_conditions(reader, &conditions, &count) ? loop_check(reader->context, count, conditions) : NULL;
}

/* assign = [operation] "=" value */
static const struct ir_expr *read_assignment(struct loop_reader *reader, enum ir_expr_op *combine)
{
    *combine = IR_EXPR_OP_COUNT;
    if (reader->token.kind == TOKEN_NAME && !loop_read_operation(reader, combine)) {
        loop_fail(reader, "unknown operation before `=`");
        return NULL;
    }
    return loop_expect(reader, "=") ? loop_read_value(reader) : NULL;
}

/* define = ("let" | "var") name ":" elem "=" value */
static struct loop_stmt *read_define(struct loop_reader *reader, bool constant)
{
    const char *name = loop_expect_name(reader);
    enum ir_elem elem;
    if (!name || !loop_expect(reader, ":") || !expect_elem(reader, &elem) || !loop_expect(reader, "="))
        return NULL;
    const struct ir_expr *value = loop_read_value(reader);
    uint32_t local = value ? loop_add_local(reader->context, reader->function, name, elem) : UINT32_MAX;
    if (local == UINT32_MAX)
        return NULL;
    reader->function->locals[local].name = name; /* as written, not made unique */
    return loop_define(reader->context, local, value, constant);
}

/* prefetch = "prefetch" name "[" poly "]" ["far"] */
static struct loop_stmt *read_prefetch(struct loop_reader *reader)
{
    const char *name = loop_expect_name(reader);
    uint32_t buffer = name ? loop_find_buffer(reader, name) : UINT32_MAX;
    const struct poly *address = buffer != UINT32_MAX && loop_expect(reader, "[") ? loop_read_poly(reader, 0) : NULL;
    if (!address || !loop_expect(reader, "]")) {
        loop_fail(reader, "expected a place in a buffer");
        return NULL;
    }
    struct loop_stmt *stmt = loop_prefetch(reader->context, buffer, address);
    if (stmt)
        stmt->prefetch.far = loop_accept_word(reader, "far");
    return stmt;
}

/* set = name assign;  store = name "[" poly "]" assign */
static struct loop_stmt *read_set_or_store(struct loop_reader *reader)
{
    enum ir_expr_op combine;
    const char *name = loop_expect_name(reader);
    uint32_t buffer = name ? loop_find_buffer(reader, name) : UINT32_MAX, local = name ? find_local(reader, name) : UINT32_MAX;
    if (!name)
        return NULL;
    if (loop_accept(reader, "[")) {
        const struct poly *address = buffer != UINT32_MAX ? loop_read_poly(reader, 0) : NULL;
        if (!address || !loop_expect(reader, "]")) {
            loop_fail(reader, "not a buffer");
            return NULL;
        }
        bool streams = loop_accept_word(reader, "stream");
        const struct ir_expr *value = read_assignment(reader, &combine);
        struct loop_stmt *store = loop_store(reader->context, buffer, address, value, combine);
        if (store)
            store->store.streams = streams;
        return store;
    }
    if (local == UINT32_MAX) {
        loop_fail(reader, "not a local");
        return NULL;
    }
    const struct ir_expr *value = read_assignment(reader, &combine);
    return loop_set(reader->context, local, value, combine);
}

static struct loop_stmt *read_comment(struct loop_reader *reader)
{
    struct loop_stmt *stmt = ARENA_NEW(reader->arena, struct loop_stmt);
    if (!stmt)
        return NULL;
    stmt->op = LOOP_COMMENT;
    stmt->span = SPAN_NONE;
    stmt->comment = read_string(reader);
    if (!stmt->comment)
        loop_fail(reader, "expected a string");
    return stmt;
}

/* block = "block" string body */
static struct loop_stmt *read_block(struct loop_reader *reader, unsigned depth)
{
    const char *comment = read_string(reader);
    if (!comment) {
        loop_fail(reader, "expected a string");
        return NULL;
    }
    return loop_block(reader->context, *comment ? comment : NULL, SPAN_NONE, read_body(reader, depth, NULL));
}

static struct loop_stmt *read_statement(struct loop_reader *reader, unsigned depth)
{
    for (int kind = 0; kind < LOOP_KINDS; kind++)
        if (loop_accept_word(reader, loop_kind_names[kind]))
            return read_for(reader, (enum loop_kind)kind, depth);
    if (loop_accept_word(reader, "if"))
        return read_if(reader, depth);
    if (loop_accept_word(reader, "check"))
        return read_check(reader);
    if (loop_accept_word(reader, "let"))
        return read_define(reader, true);
    if (loop_accept_word(reader, "var"))
        return read_define(reader, false);
    if (loop_accept_word(reader, "prefetch"))
        return read_prefetch(reader);
    if (loop_accept_word(reader, "comment"))
        return read_comment(reader);
    if (loop_accept_word(reader, "block"))
        return read_block(reader, depth);
    return read_set_or_store(reader);
}

/* statements = {statement}, up to `}` */
struct loop_stmt *loop_read_statements(struct loop_reader *reader, unsigned depth)
{
    struct loop_stmt *first = NULL, **last = &first;
    if (depth > LOOP_DEPTH_LIMIT) {
        loop_too_deep(reader);
        return NULL;
    }
    while (!reader->failed && reader->token.kind == TOKEN_NAME) {
        struct loop_stmt *stmt = read_statement(reader, depth);
        if (!stmt) {
            loop_fail(reader, "not a statement");
            return NULL;
        }
        *last = stmt;
        last = &stmt->next;
    }
    return first;
}

/* function = "function" name "{" head statements "}" */
static struct loop_function *read_function(struct loop_reader *reader)
{
    const char *name = loop_accept_word(reader, "function") ? loop_expect_name(reader) : NULL;
    if (!name) {
        loop_fail(reader, "expected `function` and its name");
        return NULL;
    }
    reader->function = loop_function_create(reader->context, name);
    reader->dims = NULL;
    reader->n_dims = reader->dims_capacity = reader->n_tables = reader->n_open = 0;
    if (!reader->function || !loop_expect(reader, "{") || !read_head(reader))
        return NULL;
    reader->function->dims = reader->dims;
    reader->function->n_dims = (uint32_t)reader->n_dims;
    reader->function->body = loop_read_statements(reader, 0);
    if (!reader->failed && !loop_expect(reader, "}"))
        return NULL;
    return reader->failed || !reader->function->workspace ? NULL : reader->function;
}

struct loop_function **loop_read(struct ir_context *context, const struct source *source, size_t *count)
{
    struct loop_reader reader = {.context = context, .arena = ir_arena(context), .source = source};
    struct loop_function **functions = NULL;
    size_t capacity = 0;
    *count = 0;
    reader.number = diag_add_source(ir_diagnostics(context), source);
    loop_next_token(&reader);
    do {
        struct loop_function *function = read_function(&reader);
        if (!function || !ARENA_PUSH(reader.arena, functions, *count, capacity, function)) {
            if (!reader.failed)
                loop_fail(&reader, "a number that is too large, or no memory");
            return NULL;
        }
    } while (reader.token.kind != TOKEN_END);
    return functions;
}
