/* Operators as operators applied one after the other, as text: what `@`, `kron`, `lowrank`, `butterfly` and `monarch` are made of,
 * through named operators with their parameters, and transposes. What is none of these is one factor. */
#include "steps.h"

#include <string.h>

/* What the parameters of a named operator stand for. */
struct given {
    const char *name;
    const struct ast_expr *value;
    const struct given *around; /* for the names in `value` */
    const struct given *next;
};

bool step_shape(const struct step_scope *scope, const char *name, uint32_t *rank, const struct poly *const **shape)
{
    const struct symbol *symbol = scope_find(scope->resolver->scope, name);
    if (symbol && symbol->kind == SYMBOL_CONSTANT) {
        *rank = symbol->type.rank;
        *shape = symbol->type.shape;
        return !symbol->failed;
    }
    for (uint32_t k = 0; k < scope->kernel->n_inputs + scope->kernel->n_outputs; k++) {
        bool input = k < scope->kernel->n_inputs;
        const char *known = input ? scope->kernel->inputs[k].name : scope->kernel->outputs[k - scope->kernel->n_inputs].name;
        const struct ir_node *node =
            input ? scope->kernel->inputs[k].node : scope->kernel->outputs[k - scope->kernel->n_inputs].node;
        if (strcmp(known, name) != 0)
            continue;
        *rank = node->rank;
        *shape = node->shape;
        return true;
    }
    return false;
}

/* A named operator of the file or of the kernel; NULL: it is none. */
static const struct ast_operator *named(const struct step_scope *scope, const char *name)
{
    const struct symbol *symbol = scope_find(scope->resolver->scope, name);
    if (symbol)
        return symbol->kind == SYMBOL_OPERATOR ? symbol->data : NULL;
    for (const struct ast_statement *statement = scope->ast->body; statement; statement = statement->next)
        if (statement->kind == AST_OPERATOR && strcmp(statement->operator_->name.text, name) == 0)
            return statement->operator_;
    return NULL;
}

static const struct ast_expr *resolve(const struct ast_expr *expr, const struct given **given)
{
    expr = ast_without_parentheses(expr);
    for (const struct given *at = *given; at && expr->kind == AST_NAME;) {
        if (strcmp(at->name, expr->name.text) != 0) {
            at = at->next;
            continue;
        }
        expr = ast_without_parentheses(at->value);
        *given = at = at->around;
    }
    return expr;
}

/* The parameters of a call; NULL also where there are none. */
static const struct given *call(const struct step_scope *scope, const struct ast_operator *operator_, const struct ast_expr *expr,
                                const struct given *around)
{
    const struct given *list = NULL;
    const struct ast_expr *argument = expr->arguments;
    for (const struct ast_name_list *name = operator_->parameters; name && argument; name = name->next, argument = argument->next) {
        struct given item = {name->name.text, argument, around, list};
        list = arena_copy(ir_arena(scope->resolver->context), &item, 1, sizeof item);
    }
    return list;
}

/* ---- text ---- */

static const char *const signs[] = {
    [AST_MULTIPLY] = " * ", [AST_MATRIX_MULTIPLY] = " @ ", [AST_DIVIDE] = " / ", [AST_DIV] = " div ", [AST_MOD] = " mod ",
    [AST_ADD] = " + ",      [AST_SUBTRACT] = " - "};

/* The expression with what parameters stand for; false: it is no part of operators. */
static bool put(struct text *text, const struct step_scope *scope, const struct ast_expr *expr, const struct given *given)
{
    const struct ast_expr *bare = resolve(expr, &given);
    switch (bare->kind) {
    case AST_BINARY:
        if ((size_t)bare->op >= sizeof signs / sizeof *signs || !signs[bare->op])
            return false;
        text_put(text, "(");
        if (!put(text, scope, bare->arguments, given))
            return false;
        text_put(text, signs[bare->op]);
        if (!put(text, scope, bare->arguments->next, given))
            return false;
        text_put(text, ")");
        return true;
    case AST_UNARY:
        text_put(text, "(-");
        if (bare->op != AST_NEGATE || !put(text, scope, bare->arguments, given))
            return false;
        text_put(text, ")");
        return true;
    case AST_CALL:
        text_printf(text, "%s(", bare->name.text);
        for (const struct ast_expr *argument = bare->arguments; argument; argument = argument->next) {
            if (!put(text, scope, argument, given))
                return false;
            text_put(text, argument->next ? ", " : "");
        }
        text_put(text, ")");
        return true;
    default:
        text_put_bytes(text, scope->text + bare->span.begin, bare->span.end - bare->span.begin);
        return bare->kind != AST_ACCESS && bare->kind != AST_REDUCE;
    }
}

/* ---- shapes ---- */

/* The extent of an axis of a tensor of this rank; -1: not known. */
static int64_t axis_of(const struct step_scope *scope, const struct ast_expr *expr, const struct given *given, uint32_t rank,
                       uint32_t axis)
{
    uint32_t found;
    const struct poly *const *shape;
    int64_t extent;
    expr = resolve(expr, &given);
    return expr->kind == AST_NAME && step_shape(scope, expr->name.text, &found, &shape) && found == rank &&
                   poly_is_constant(shape[axis], &extent)
               ? extent
               : -1;
}

static int64_t product(int64_t a, int64_t b)
{
    int64_t result;
    return a >= 0 && b >= 0 && checked_multiply(a, b, &result) ? result : -1;
}

static int64_t extent(const struct step_scope *scope, const struct ast_expr *expr, const struct given *given, bool columns);

/* Of a constructor. */
static int64_t extent_of_call(const struct step_scope *scope, const struct ast_expr *expr, const struct given *given, bool columns)
{
    static const char *const square[] = {"identity", "reversal", "hadamard"};
    const struct ast_expr *first = expr->arguments, *second = first ? first->next : NULL;
    const char *name = expr->name.text;
    int64_t value = 1;
    if (!first)
        return -1;
    for (size_t k = 0; k < sizeof square / sizeof *square; k++)
        if (strcmp(name, square[k]) == 0) {
            const struct poly *size = resolve_extent(scope->resolver, resolve(first, &given));
            return size && poly_is_constant(size, &value) ? value : -1;
        }
    if (strcmp(name, "transpose") == 0 || strcmp(name, "adjoint") == 0)
        return extent(scope, first, given, !columns);
    if (strcmp(name, "conj") == 0)
        return extent(scope, first, given, columns);
    if (strcmp(name, "diag") == 0 || strcmp(name, "perm") == 0 || strcmp(name, "circulant") == 0)
        return axis_of(scope, first, given, 1, 0);
    if (strcmp(name, "blockdiag") == 0)
        return product(axis_of(scope, first, given, 3, 0), axis_of(scope, first, given, 3, columns ? 2 : 1));
    if (strcmp(name, "ks") == 0)
        return product(product(axis_of(scope, first, given, 4, 0), axis_of(scope, first, given, 4, columns ? 2 : 1)),
                       axis_of(scope, first, given, 4, 3));
    if (strcmp(name, "lowrank") == 0 && second)
        return extent(scope, columns ? second : first, given, columns);
    if (strcmp(name, "monarch") == 0 && second)
        return columns ? product(axis_of(scope, second, given, 3, 0), axis_of(scope, second, given, 3, 2))
                       : product(axis_of(scope, first, given, 3, 0), axis_of(scope, first, given, 3, 1));
    for (const struct ast_expr *part = first; strcmp(name, "kron") == 0 && part; part = part->next)
        value = product(value, extent(scope, part, given, columns));
    return strcmp(name, "kron") == 0 ? value : -1;
}

/* Rows or columns; -1: not known. */
static int64_t extent(const struct step_scope *scope, const struct ast_expr *expr, const struct given *given, bool columns)
{
    expr = resolve(expr, &given);
    const struct ast_operator *operator_ = expr->kind == AST_NAME || expr->kind == AST_CALL ? named(scope, expr->name.text) : NULL;
    if (operator_)
        return extent(scope, operator_->value, expr->kind == AST_CALL ? call(scope, operator_, expr, given) : NULL, columns);
    if (expr->kind == AST_NAME)
        return axis_of(scope, expr, given, 2, columns ? 1 : 0);
    if (expr->kind == AST_CALL)
        return extent_of_call(scope, expr, given, columns);
    if (expr->kind == AST_UNARY)
        return extent(scope, expr->arguments, given, columns);
    if (expr->kind != AST_BINARY || expr->op == AST_MULTIPLY)
        return -1;
    return extent(scope, columns && expr->op == AST_MATRIX_MULTIPLY ? expr->arguments->next : expr->arguments, given, columns);
}

/* ---- chains ---- */

struct chain_reading {
    const struct step_scope *scope;
    struct step_chain *chain;
    bool full;
};

static void add(struct chain_reading *reading, const char *text, int64_t rows, int64_t columns)
{
    struct step_chain *chain = reading->chain;
    reading->full = reading->full || !text || chain->count == STEP_FACTORS;
    if (!reading->full)
        chain->items[chain->count++] = (struct step_operator){text, false, rows, columns};
}

/* What was added since `begin` as its transpose. */
static void transpose(struct step_chain *chain, uint32_t begin)
{
    for (uint32_t a = begin, b = chain->count; a + 1 < b; a++) {
        struct step_operator item = chain->items[--b];
        chain->items[b] = chain->items[a];
        chain->items[a] = item;
    }
    for (uint32_t k = begin; k < chain->count; k++)
        chain->items[k].transposed = !chain->items[k].transposed;
}

static void read(struct chain_reading *reading, const struct ast_expr *expr, const struct given *given);

/* kron(A, B) = kron(A, identity) @ kron(identity, B): the identity before has the columns of what stands there, the one behind
 * its rows. False: a size is not known. */
static bool read_kron(struct chain_reading *reading, const struct ast_expr *kron, const struct given *given)
{
    struct arena *arena = ir_arena(reading->scope->resolver->context);
    uint32_t begin = reading->chain->count;
    int64_t before = 1;
    for (const struct ast_expr *part = kron->arguments; part; part = part->next) {
        int64_t behind = 1, columns = extent(reading->scope, part, given, true);
        uint32_t first = reading->chain->count;
        for (const struct ast_expr *other = part->next; other; other = other->next)
            behind = product(behind, extent(reading->scope, other, given, false));
        if (before < 0 || behind < 0 || columns < 0) {
            reading->chain->count = begin;
            return false;
        }
        const struct given *around = given;
        const struct ast_expr *bare = resolve(part, &around);
        bool identity = bare->kind == AST_CALL && strcmp(bare->name.text, "identity") == 0;
        if (!identity)
            read(reading, part, given);
        for (uint32_t k = first; k < reading->chain->count && !reading->full; k++) {
            struct step_operator *item = &reading->chain->items[k];
            struct text text = text_create(arena);
            text_put(&text, "kron(");
            if (before > 1)
                text_printf(&text, "identity(%lld), ", (long long)before);
            text_put(&text, item->text);
            if (behind > 1)
                text_printf(&text, ", identity(%lld)", (long long)behind);
            text_put(&text, ")");
            item->text = before > 1 || behind > 1 ? text_finish(&text) : item->text;
            item->rows = product(product(before, item->rows), behind);
            item->columns = product(product(before, item->columns), behind);
            reading->full = reading->full || !item->text;
        }
        before = product(before, columns);
    }
    return reading->chain->count > begin;
}

/* y[(i,j)] = L[j,i,k] * R[k,j,m] * x[(k,m)] */
static bool read_monarch(struct chain_reading *reading, const struct ast_expr *monarch, const struct given *given)
{
    struct arena *arena = ir_arena(reading->scope->resolver->context);
    const struct ast_expr *left = monarch->arguments, *right = left ? left->next : NULL;
    if (!right || right->next)
        return false;
    int64_t j = axis_of(reading->scope, left, given, 3, 0), i = axis_of(reading->scope, left, given, 3, 1);
    int64_t k = axis_of(reading->scope, right, given, 3, 0);
    struct text names[2] = {text_create(arena), text_create(arena)};
    if (i < 0 || j < 0 || k < 0 || !put(&names[0], reading->scope, left, given) || !put(&names[1], reading->scope, right, given))
        return false;
    add(reading,
        arena_printf(arena, "(stride_perm(%lld, %lld) @ blockdiag(%s) @ stride_perm(%lld, %lld))", (long long)j, (long long)i,
                     text_finish(&names[0]), (long long)k, (long long)j),
        product(i, j), product(k, j));
    add(reading, arena_printf(arena, "blockdiag(%s)", text_finish(&names[1])), product(k, j),
        extent(reading->scope, monarch, given, true));
    return true;
}

static bool read_butterfly(struct chain_reading *reading, const struct ast_expr *butterfly, const struct given *given)
{
    struct arena *arena = ir_arena(reading->scope->resolver->context);
    for (const struct ast_expr *part = butterfly->arguments; part; part = part->next) {
        struct text name = text_create(arena);
        if (!put(&name, reading->scope, part, given))
            return false;
        int64_t around = product(axis_of(reading->scope, part, given, 4, 0), axis_of(reading->scope, part, given, 4, 3));
        add(reading, arena_printf(arena, "ks(%s)", text_finish(&name)), product(around, axis_of(reading->scope, part, given, 4, 1)),
            product(around, axis_of(reading->scope, part, given, 4, 2)));
    }
    return butterfly->arguments != NULL;
}

/* Is the constructor made of several, and are these read? */
static bool read_call(struct chain_reading *reading, const struct ast_expr *expr, const struct given *given)
{
    const char *name = expr->name.text;
    const struct ast_expr *first = expr->arguments, *second = first ? first->next : NULL;
    uint32_t begin = reading->chain->count;
    if (strcmp(name, "lowrank") == 0 && second) {
        read(reading, first, given);
        read(reading, second, given);
        return true;
    }
    if ((strcmp(name, "transpose") == 0 || strcmp(name, "adjoint") == 0) && first) {
        read(reading, first, given);
        transpose(reading->chain, begin);
        return true;
    }
    if (strcmp(name, "kron") == 0)
        return read_kron(reading, expr, given);
    if (strcmp(name, "monarch") == 0)
        return read_monarch(reading, expr, given);
    return strcmp(name, "butterfly") == 0 && read_butterfly(reading, expr, given);
}

static void read(struct chain_reading *reading, const struct ast_expr *expr, const struct given *given)
{
    const struct step_scope *scope = reading->scope;
    expr = resolve(expr, &given);
    const struct ast_operator *operator_ = expr->kind == AST_NAME || expr->kind == AST_CALL ? named(scope, expr->name.text) : NULL;
    if (operator_) {
        read(reading, operator_->value, expr->kind == AST_CALL ? call(scope, operator_, expr, given) : NULL);
    } else if (expr->kind == AST_BINARY && expr->op == AST_MATRIX_MULTIPLY) {
        read(reading, expr->arguments, given);
        read(reading, expr->arguments->next, given);
    } else if (expr->kind != AST_CALL || !read_call(reading, expr, given)) {
        struct text text = text_create(ir_arena(scope->resolver->context));
        bool good = put(&text, scope, expr, given);
        add(reading, good ? text_finish(&text) : NULL, extent(scope, expr, given, false), extent(scope, expr, given, true));
    }
}

void step_chain_read(const struct step_scope *scope, const struct ast_expr *expr, struct step_chain *chain)
{
    struct chain_reading reading = {scope, chain, false};
    chain->count = 0;
    read(&reading, expr, NULL);
    if (reading.full)
        chain->count = 0;
}
