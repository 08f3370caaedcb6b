/* Subscripts of an access: plain, merged, affine, constant, or through a table.
 *
 * Reading (before extents are known) registers the indices and what plain uses say about their extents. Resolving (after) writes
 * each subscript as a quasi-polynomial of the statement's indices and proves 0 <= subscript < axis; what is out of range or cannot
 * be proved is an error, unless it is looked up in a table that is only known at run time: then it is checked there. A padded
 * access may leave its axes. */
#include "formula.h"

#include <string.h>

static const struct poly *axis_of(const struct formula *access, uint32_t axis)
{
    return access->node->shape[axis];
}

/* ---- reading ---- */

static void extent_from_axis(struct statement *statement, const struct formula *access, uint32_t axis, uint32_t index,
                             struct span span)
{
    const struct tensor_type *type = access->tensor_type;
    struct extent_source source = {span, access->tensor_name, type, axis, SPAN_NONE};
    if (type && type->extent_spans)
        source.declared = type->extent_spans[axis];
    index_set_extent(statement, index, axis_of(access, axis), &source);
}

/* A tensor of integers with a value, or with none yet. */
static bool is_table(const struct symbol *symbol)
{
    return (symbol->kind == SYMBOL_CONSTANT || symbol->kind == SYMBOL_TENSOR) && ir_elem_is_integer(symbol->type.elem) &&
           !symbol->type.fixed;
}

/* Notes that a tensor is read; false after a diagnostic when it has no value yet. */
static bool read_symbol(struct statement *statement, const struct symbol *symbol, struct span span)
{
    struct whole whole;
    struct ast_expr name = {.kind = AST_NAME, .span = span, .name = {symbol->name, span}};
    return symbol->kind != SYMBOL_TENSOR || whole_value(statement, &name, &whole);
}

/* Registers an index used in a subscript; names that are dims, constants or integer scalars are none. */
static bool read_name(struct statement *statement, struct formula *access, const struct ast_expr *expr, bool *is_index)
{
    struct body *body = statement->body;
    *is_index = false;
    bool bound = false;
    for (const struct binding *binding = access->bindings; binding && !bound; binding = binding->outer)
        bound = strcmp(binding->name, expr->name.text) == 0;
    const struct symbol *symbol = bound ? NULL : body_find(body, expr->name.text);
    if (symbol && symbol->failed)
        return false;
    if (symbol && symbol->kind == SYMBOL_DIM)
        return true;
    if (symbol && symbol->kind == SYMBOL_CONSTANT && symbol->type.rank == 0 && is_table(symbol))
        return true;
    if (symbol && symbol->kind == SYMBOL_TENSOR && is_table(symbol) && symbol->type.rank == 0)
        return read_symbol(statement, symbol, expr->span);
    uint32_t index = index_use(statement, access->bindings, &expr->name);
    if (index == UINT32_MAX)
        return false;
    index_set_add(&access->free, index);
    *is_index = true;
    return true;
}

static bool report_subscript_form(struct statement *statement, const struct ast_expr *expr)
{
    struct body *body = statement->body;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0215, expr->span, "this cannot stand in a subscript");
    if (expr->kind == AST_BINARY && expr->op == AST_DIVIDE)
        diag_help(body->diagnostics, diag, "write `div`, which rounds down");
    else
        diag_help(
            body->diagnostics, diag,
            "a subscript is an index, a merged index `(p, i, q)`, or an affine expression of indices, dims and constants with "
            "`div`, `mod` and lookups in integer tensors");
    statement->failed = true;
    return false;
}

static bool read_affine(struct statement *statement, struct formula *access, const struct ast_expr *expr);

static bool report_no_table(struct statement *statement, const struct symbol *symbol, const struct ast_expr *callee)
{
    struct body *body = statement->body;
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0218, callee->span, "`%s` is no integer tensor", callee->name.text);
    if (symbol)
        diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
    diag_help(body->diagnostics, diag, "a subscript is looked up in a tensor of an integer type");
    statement->failed = true;
    return false;
}

/* `t[e]`: an integer tensor of as many axes as there are subscripts. */
static bool read_table(struct statement *statement, struct formula *access, const struct ast_expr *expr)
{
    struct body *body = statement->body;
    const struct ast_expr *callee = expr->callee;
    if (callee->kind != AST_NAME)
        return report_subscript_form(statement, expr);
    const struct symbol *symbol = body_find(body, callee->name.text);
    if (symbol && symbol->failed)
        return false;
    if (!symbol || (!is_table(symbol) && (symbol->kind != SYMBOL_TENSOR || symbol->node)))
        return report_no_table(statement, symbol, callee);
    if (!read_symbol(statement, symbol, callee->span))
        return false;
    if (symbol->type.rank != expr->n_arguments) {
        struct diag *diag = report_subscript_count(body, expr->span, symbol->name, symbol->type.rank, expr->n_arguments);
        diag_note(body->diagnostics, diag, symbol->span, "`%s` is declared here", symbol->name);
        statement->failed = true;
        return false;
    }
    bool read = true;
    uint32_t axis = 0;
    for (const struct ast_expr *argument = expr->arguments; argument; argument = argument->next, axis++) {
        const struct ast_expr *bare = ast_without_parentheses(argument);
        bool is_index = false;
        if (bare->kind != AST_NAME) {
            read = read_affine(statement, access, bare) && read;
            continue;
        }
        if (!read_name(statement, access, bare, &is_index))
            read = false;
        else if (is_index) {
            struct formula table = {.node = symbol->node, .tensor_name = symbol->name, .tensor_type = &symbol->type};
            uint32_t index = index_use(statement, access->bindings, &bare->name);
            if (symbol->node)
                extent_from_axis(statement, &table, axis, index, bare->span);
        }
    }
    return read;
}

static bool read_affine(struct statement *statement, struct formula *access, const struct ast_expr *expr)
{
    bool is_index;
    switch (expr->kind) {
    case AST_INTEGER:
        return true;
    case AST_NAME:
        return read_name(statement, access, expr, &is_index);
    case AST_PAREN:
        return read_affine(statement, access, expr->arguments);
    case AST_UNARY:
        return expr->op == AST_NEGATE ? read_affine(statement, access, expr->arguments) : report_subscript_form(statement, expr);
    case AST_BINARY:
        if (expr->op != AST_ADD && expr->op != AST_SUBTRACT && expr->op != AST_MULTIPLY && expr->op != AST_DIV &&
            expr->op != AST_MOD)
            return report_subscript_form(statement, expr);
        return read_affine(statement, access, expr->arguments) && read_affine(statement, access, expr->arguments->next);
    case AST_ACCESS:
        return read_table(statement, access, expr);
    default:
        return report_subscript_form(statement, expr);
    }
}

/* The parts of a merged subscript are plain indices, each once; nested ones count as their parts. */
static bool read_merged(struct statement *statement, struct formula *access, const struct ast_expr *expr, struct index_set *seen)
{
    struct body *body = statement->body;
    for (const struct ast_expr *part = expr->arguments; part; part = part->next) {
        const struct ast_expr *bare = ast_without_parentheses(part);
        if (bare->kind == AST_MERGED) {
            if (!read_merged(statement, access, bare, seen))
                return false;
            continue;
        }
        bool is_index = false;
        if (bare->kind == AST_NAME && !read_name(statement, access, bare, &is_index))
            return false;
        if (!is_index) {
            struct diag *diag =
                diag_error(body->diagnostics, DIAG_E0215, bare->span, "the parts of a merged subscript are plain indices");
            diag_help(body->diagnostics, diag, "for an affine subscript write the sum, such as `4*i + 1`, without a comma");
            statement->failed = true;
            return false;
        }
        uint32_t index = index_use(statement, access->bindings, &bare->name);
        if (index_set_has(seen, index)) {
            struct diag *diag = diag_error(body->diagnostics, DIAG_E0212, bare->span,
                                           "index `%s` stands twice in a merged subscript", bare->name.text);
            diag_help(body->diagnostics, diag, "a merged subscript splits an axis into parts that are independent of each other");
            statement->failed = true;
            return false;
        }
        index_set_add(seen, index);
    }
    return true;
}

static bool read_subscript(struct statement *statement, struct formula *access, uint32_t axis, const struct ast_expr *subscript)
{
    const struct ast_expr *bare = ast_without_parentheses(subscript);
    if (bare->kind == AST_MERGED) {
        struct index_set seen = {{0}};
        return read_merged(statement, access, bare, &seen);
    }
    if (bare->kind != AST_NAME)
        return read_affine(statement, access, bare);
    bool is_index = false;
    if (!read_name(statement, access, bare, &is_index))
        return false;
    if (is_index)
        extent_from_axis(statement, access, axis, index_use(statement, access->bindings, &bare->name), bare->span);
    return true;
}

bool subscripts_read(struct statement *statement, struct formula *access)
{
    struct body *body = statement->body;
    uint32_t count = 0;
    for (const struct ast_expr *subscript = access->subscripts; subscript; subscript = subscript->next)
        count++;
    if (count != access->node->rank) {
        struct diag *diag = report_subscript_count(body, access->span, access->tensor_name, access->node->rank, count);
        if (access->tensor_type)
            diag_note(body->diagnostics, diag, access->tensor_type->span, "`%s` is %s", access->tensor_name,
                      tensor_type_text(body->resolver, access->tensor_type));
        statement->failed = true;
        return false;
    }
    bool read = true;
    uint32_t axis = 0;
    for (const struct ast_expr *subscript = access->subscripts; subscript; subscript = subscript->next, axis++)
        read = read_subscript(statement, access, axis, subscript) && read;
    if (!read)
        statement->failed = true;
    return read && ARENA_PUSH(body->arena, statement->accesses, statement->n_accesses, statement->accesses_capacity, access);
}

/* ---- resolving ---- */

static const struct poly *resolve_affine(struct statement *statement, const struct formula *access, const struct ast_expr *expr);

static const struct poly *resolve_name(struct statement *statement, const struct formula *access, const struct ast_expr *expr)
{
    struct ir_context *context = statement->body->context;
    for (const struct binding *binding = access->bindings; binding; binding = binding->outer)
        if (strcmp(binding->name, expr->name.text) == 0)
            return poly_index(context, binding->index);
    const struct symbol *symbol = body_find(statement->body, expr->name.text);
    if (symbol && symbol->kind == SYMBOL_DIM)
        return symbol->value;
    if (symbol && symbol->kind == SYMBOL_TENSOR && symbol->node)
        return poly_table(context, symbol->node, 0, NULL);
    if (symbol && symbol->kind == SYMBOL_CONSTANT) {
        int64_t value = 0;
        return poly_evaluate(poly_table(context, symbol->node, 0, NULL), NULL, NULL, &value) ? poly_constant(context, value) : NULL;
    }
    return poly_index(context, index_use(statement, access->bindings, &expr->name));
}

static const char *subscript_text(struct statement *statement, const struct poly *poly)
{
    struct text text = text_create(statement->body->arena);
    struct poly_names names = statement_names(statement);
    poly_print(&text, statement->body->context, poly, POLY_SOURCE, &names, 0);
    return text_finish(&text);
}

/* The least and largest value of a subscript that is linear in its indices; false where it is not. Extents of 0 have no values,
 * then nothing is out of range. */
static bool subscript_range(struct statement *statement, const struct poly *poly, const struct poly **least,
                            const struct poly **largest)
{
    struct ir_context *context = statement->body->context;
    const struct poly *one = poly_constant(context, 1), *low = poly, *high = poly;
    for (uint32_t k = 0; k < statement->n_indices; k++) {
        const struct poly *coefficient, *rest;
        int64_t factor;
        if (!poly_uses_index(poly, k))
            continue;
        if (!poly_split_index(context, poly, k, &coefficient, &rest) || !poly_is_constant(coefficient, &factor))
            return false;
        const struct poly *last = poly_subtract(context, statement->extents[k], one);
        const struct poly *replacement[FRONTEND_INDICES] = {NULL};
        replacement[k] = factor > 0 ? poly_constant(context, 0) : last;
        low = poly_substitute(context, low, k + 1, replacement, NULL);
        replacement[k] = factor > 0 ? last : poly_constant(context, 0);
        high = poly_substitute(context, high, k + 1, replacement, NULL);
    }
    *least = low;
    *largest = high;
    return low && high;
}

/* Points over which a subscript that no proof covers (through tables, say) is tried out. */
enum { RANGE_POINTS = 1 << 16 };

/* The least and largest value by trying all: false where an extent is no constant or there are too many points. */
static bool enumerate_range(struct statement *statement, const struct poly *poly, int64_t *least, int64_t *largest)
{
    int64_t extents[FRONTEND_INDICES], at[FRONTEND_INDICES] = {0}, points = 1, value;
    for (uint32_t k = 0; k < statement->n_indices; k++) {
        extents[k] = 1;
        if (!poly_uses_index(poly, k))
            continue;
        if (!poly_is_constant(statement->extents[k], &extents[k]) || extents[k] <= 0 || extents[k] > RANGE_POINTS / points)
            return false;
        points *= extents[k];
    }
    if (poly_uses_dims(poly))
        return false;
    *least = INT64_MAX;
    *largest = INT64_MIN;
    for (int64_t point = 0; point < points; point++) {
        if (!poly_evaluate(poly, NULL, at, &value))
            return false;
        *least = value < *least ? value : *least;
        *largest = value > *largest ? value : *largest;
        uint32_t k = 0;
        while (k < statement->n_indices && ++at[k] == extents[k])
            at[k++] = 0;
    }
    return true;
}

/* Is it proved, or checked at run time? */
static bool subscript_within(struct statement *statement, const struct poly *poly, const struct poly *extent)
{
    struct poly_ranges ranges = statement_ranges(statement);
    int64_t least, largest, size;
    return poly_is_run_time(poly) || poly_prove_within(statement->body->context, poly, extent, &ranges) ||
           (poly_is_constant(extent, &size) && enumerate_range(statement, poly, &least, &largest) && least >= 0 && largest < size);
}

static void report_range(struct statement *statement, const struct formula *access, const struct poly *poly,
                         const struct poly *extent, struct span span, const char *tensor)
{
    struct body *body = statement->body;
    const struct poly *least = NULL, *largest = NULL;
    const char *axis = extent_text(body->resolver, extent);
    int64_t first, last;
    bool known = subscript_range(statement, poly, &least, &largest);
    if (!known && enumerate_range(statement, poly, &first, &last)) {
        least = poly_constant(body->context, first);
        largest = poly_constant(body->context, last);
        known = least && largest;
    }
    const char *low = known ? subscript_text(statement, least) : NULL, *high = known ? subscript_text(statement, largest) : NULL;
    bool definite = known && poly_is_constant(least, NULL) && poly_is_constant(largest, NULL) && poly_is_constant(extent, NULL);
    struct diag *diag;
    if (definite) {
        diag = diag_error(body->diagnostics, DIAG_E0213, span, "subscript of `%s` is out of range", tensor);
        diag_label(body->diagnostics, diag, "runs from %s to %s, but the axis has extent %s", low, high, axis);
    } else {
        diag = diag_error(body->diagnostics, DIAG_E0214, span, "subscript of `%s` cannot be proved in range", tensor);
        if (known)
            diag_label(body->diagnostics, diag, "runs from %s to %s, and the axis has extent %s", low, high, axis);
        else
            diag_label(body->diagnostics, diag, "the axis has extent %s", axis);
    }
    if (access->tensor_type && access->tensor_type->span.source != UINT32_MAX)
        diag_note(body->diagnostics, diag, access->tensor_type->span, "`%s` is %s", access->tensor_name,
                  tensor_type_text(body->resolver, access->tensor_type));
    const struct poly *needed =
        known && poly_index_limit(poly) > 0 ? poly_add(body->context, largest, poly_constant(body->context, 1)) : NULL;
    if (needed && poly_prove_nonnegative(body->context, least, NULL))
        diag_help(body->diagnostics, diag,
                  "give the axis the extent `%s`, annotate the index with a smaller extent, or write `pad(%s, 0)`",
                  subscript_text(statement, needed), source_text(body, access->span));
    else
        diag_help(body->diagnostics, diag, "write `pad(%s, 0)` to read 0 outside; negative subscripts do not wrap",
                  source_text(body, access->span));
    statement->failed = true;
}

static const struct poly *resolve_table(struct statement *statement, const struct formula *access, const struct ast_expr *expr)
{
    struct body *body = statement->body;
    const struct symbol *symbol = body_find(body, expr->callee->name.text);
    const struct poly **arguments = ARENA_ARRAY(body->arena, expr->n_arguments, const struct poly *);
    if (!arguments || !symbol || !symbol->node)
        return NULL;
    uint32_t axis = 0;
    for (const struct ast_expr *argument = expr->arguments; argument; argument = argument->next, axis++) {
        arguments[axis] = resolve_affine(statement, access, argument);
        if (!arguments[axis])
            return NULL;
        if (!subscript_within(statement, arguments[axis], symbol->node->shape[axis])) {
            struct formula table = {.tensor_name = symbol->name, .tensor_type = &symbol->type, .span = access->span};
            report_range(statement, &table, arguments[axis], symbol->node->shape[axis], argument->span, symbol->name);
            return NULL;
        }
    }
    return poly_table(body->context, symbol->node, expr->n_arguments, arguments);
}

/* The same at every point and in every call that has the same dims. */
static bool is_size(const struct poly *poly)
{
    return poly_index_limit(poly) == 0 && !poly_is_run_time(poly);
}

/* `a * b` with an index in both is not affine, and neither is division by what is no positive constant. */
static const struct poly *resolve_binary(struct statement *statement, const struct formula *access, const struct ast_expr *expr)
{
    struct ir_context *context = statement->body->context;
    struct poly_ranges ranges = statement_ranges(statement);
    const struct poly *a = resolve_affine(statement, access, expr->arguments);
    const struct poly *b = resolve_affine(statement, access, expr->arguments->next);
    const struct poly *result = NULL;
    int64_t divisor = 0;
    if (!a || !b)
        return NULL;
    switch (expr->op) {
    case AST_ADD:
        return poly_add(context, a, b);
    case AST_SUBTRACT:
        return poly_subtract(context, a, b);
    case AST_MULTIPLY:
        if (is_size(a) || is_size(b))
            return poly_multiply(context, a, b);
        break;
    default:
        if (is_size(b) && (!poly_is_constant(b, &divisor) || divisor > 0))
            result = expr->op == AST_DIV ? poly_floor_div(context, a, b, &ranges) : poly_mod(context, a, b, &ranges);
        break;
    }
    if (!result) {
        struct diag *diag = diag_error(statement->body->diagnostics, DIAG_E0215, expr->span,
                                       expr->op == AST_MULTIPLY ? "a subscript may not multiply two indices"
                                                                : "a subscript divides by positive constants only");
        diag_help(statement->body->diagnostics, diag, "subscripts are affine: sums of indices times constants");
        statement->failed = true;
    }
    return result;
}

static const struct poly *resolve_affine(struct statement *statement, const struct formula *access, const struct ast_expr *expr)
{
    struct ir_context *context = statement->body->context;
    switch (expr->kind) {
    case AST_INTEGER:
        return poly_constant(context, expr->integer);
    case AST_NAME:
        return resolve_name(statement, access, expr);
    case AST_PAREN:
        return resolve_affine(statement, access, expr->arguments);
    case AST_UNARY:
        return poly_scale(context, resolve_affine(statement, access, expr->arguments), -1);
    case AST_BINARY:
        return resolve_binary(statement, access, expr);
    case AST_ACCESS:
        return resolve_table(statement, access, expr);
    default:
        return NULL;
    }
}

static void merge_parts(struct statement *statement, const struct formula *access, const struct ast_expr *expr,
                        const struct poly **offset, const struct poly **size)
{
    struct ir_context *context = statement->body->context;
    for (const struct ast_expr *part = expr->arguments; part; part = part->next) {
        const struct ast_expr *bare = ast_without_parentheses(part);
        if (bare->kind == AST_MERGED) {
            merge_parts(statement, access, bare, offset, size);
            continue;
        }
        uint32_t index = index_use(statement, access->bindings, &bare->name);
        const struct poly *extent = statement->extents[index];
        *offset = poly_add(context, poly_multiply(context, *offset, extent), poly_index(context, index));
        *size = poly_multiply(context, *size, extent);
    }
}

static const struct poly *resolve_merged(struct statement *statement, const struct formula *access, uint32_t axis,
                                         const struct ast_expr *expr)
{
    struct body *body = statement->body;
    const struct poly *offset = poly_constant(body->context, 0), *size = poly_constant(body->context, 1);
    merge_parts(statement, access, expr, &offset, &size);
    if (!size || size == axis_of(access, axis))
        return offset;
    const char *extent = extent_text(body->resolver, axis_of(access, axis));
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0212, expr->span, "merged subscript has the extent %s, the axis of `%s` %s",
                   extent_text(body->resolver, size), access->tensor_name, extent);
    if (access->tensor_type && access->tensor_type->span.source != UINT32_MAX)
        diag_note(body->diagnostics, diag, access->tensor_type->span, "`%s` is %s", access->tensor_name,
                  tensor_type_text(body->resolver, access->tensor_type));
    diag_help(body->diagnostics, diag, "the extents of the parts must multiply to that of the axis");
    statement->failed = true;
    return NULL;
}

bool subscripts_resolve(struct statement *statement, struct formula *access)
{
    struct body *body = statement->body;
    access->polys = ARENA_ARRAY(body->arena, access->node->rank, const struct poly *);
    if (!access->polys)
        return false;
    uint32_t axis = 0;
    bool resolved = true;
    for (const struct ast_expr *subscript = access->subscripts; subscript; subscript = subscript->next, axis++) {
        const struct ast_expr *bare = ast_without_parentheses(subscript);
        const struct poly *poly =
            bare->kind == AST_MERGED ? resolve_merged(statement, access, axis, bare) : resolve_affine(statement, access, bare);
        access->polys[axis] = poly;
        if (!poly) {
            resolved = false;
            continue;
        }
        if (access->padded || subscript_within(statement, poly, axis_of(access, axis)))
            continue;
        report_range(statement, access, poly, axis_of(access, axis), subscript->span, access->tensor_name);
        resolved = false;
    }
    return resolved;
}

static bool is_dim(const struct body *body, const struct ast_expr *expr)
{
    const struct symbol *symbol = expr->kind == AST_NAME ? body_find(body, expr->name.text) : NULL;
    return symbol && symbol->kind == SYMBOL_DIM && !symbol->failed;
}

static bool divides_dims(const struct body *body, const struct ast_expr *divisor)
{
    return is_dim(body, divisor) || (divisor->kind == AST_INTEGER && divisor->integer > 0);
}

static bool is_of_dims(const struct body *body, const struct ast_expr *expr)
{
    switch (expr->kind) {
    case AST_INTEGER:
        return true;
    case AST_NAME:
        return is_dim(body, expr);
    case AST_PAREN:
        return is_of_dims(body, expr->arguments);
    case AST_UNARY:
        return expr->op == AST_NEGATE && is_of_dims(body, expr->arguments);
    case AST_BINARY:
        if (expr->op == AST_DIV || expr->op == AST_MOD)
            return is_of_dims(body, expr->arguments) && divides_dims(body, expr->arguments->next);
        return (expr->op == AST_ADD || expr->op == AST_SUBTRACT || expr->op == AST_MULTIPLY) && is_of_dims(body, expr->arguments) &&
               is_of_dims(body, expr->arguments->next);
    default:
        return false;
    }
}

const struct poly *subscript_of_dims(struct body *body, const struct ast_expr *expr)
{
    struct statement statement = {.body = body, .span = expr->span};
    const struct formula access = {.span = expr->span};
    return is_of_dims(body, expr) ? resolve_affine(&statement, &access, expr) : NULL;
}
