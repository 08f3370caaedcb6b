/* Extents and types: expressions of dims as polys, `f32[64, 128]` as an element type and a shape. Static dims are their values. */
#include <string.h>
#include "declare_internal.h"

const char *extent_text(struct resolver *resolver, const struct poly *extent)
{
    struct text text = text_create(ir_arena(resolver->context));
    static const struct poly_names no_names = {NULL, NULL, NULL, NULL};
    poly_print(&text, resolver->context, extent, POLY_SOURCE, &no_names, 0);
    const char *result = text_finish(&text);
    return result ? result : "";
}

bool tensor_type_has_shape(const struct tensor_type *type, const struct ir_node *node)
{
    bool same = type->rank == node->rank;
    for (uint32_t axis = 0; same && axis < type->rank; axis++)
        same = type->shape[axis] == node->shape[axis];
    return same;
}

const char *tensor_type_text(struct resolver *resolver, const struct tensor_type *type)
{
    struct text text = text_create(ir_arena(resolver->context));
    text_put(&text, type->fixed ? fixed_point_name(type->fixed) : ir_elem_info(type->elem)->name);
    for (uint32_t axis = 0; axis < type->rank; axis++)
        text_printf(&text, "%s%s", axis ? ", " : "[", extent_text(resolver, type->shape[axis]));
    if (type->rank)
        text_put(&text, "]");
    if (type->fixed)
        fixed_point_print_scale(&text, type->fixed);
    const char *result = text_finish(&text);
    return result ? result : "";
}

static const struct poly *unknown_dim(struct resolver *resolver, const struct ast_expr *expr, const struct symbol *symbol)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag;
    if (symbol) {
        diag = diag_error(diagnostics, DIAG_E0221, expr->span, "`%s` is no dim", symbol->name);
        diag_note(diagnostics, diag, symbol->span, "it is %s %s", symbol_kind_article(symbol->kind),
                  symbol_kind_name(symbol->kind));
        return NULL;
    }
    const char *similar = scope_suggest(resolver->scope, expr->name.text);
    diag = diag_error(diagnostics, DIAG_E0103, expr->span, "there is no dim `%s`", expr->name.text);
    if (similar && scope_find(resolver->scope, similar)->kind == SYMBOL_DIM)
        diag_help(diagnostics, diag, "did you mean `%s`?", similar);
    else
        diag_help(diagnostics, diag, "declare it: `dim %s` when its size is known at run time, `dim %s = 8` when now",
                  expr->name.text, expr->name.text);
    return NULL;
}

static const struct poly *name_value(struct resolver *resolver, const struct ast_expr *expr)
{
    struct symbol *symbol = scope_find(resolver->scope, expr->name.text);
    if (symbol && symbol->failed)
        return NULL;
    if (!symbol || symbol->kind != SYMBOL_DIM)
        return unknown_dim(resolver, expr, symbol);
    return dim_value(resolver, symbol, expr->span);
}

static const struct poly *refuse_expression(struct resolver *resolver, const struct ast_expr *expr)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0221, expr->span, "this is no dim expression");
    diag_help(diagnostics, diag, "extents are built of dims and integers with `+ - *` and division by a constant");
    return NULL;
}

static const struct poly *divide(struct resolver *resolver, const struct ast_expr *expr, const struct poly *a, const struct poly *b)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    const struct ast_expr *right = expr->arguments->next;
    int64_t divisor;
    if (!poly_is_constant(b, &divisor)) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0222, right->span,
                                       "`%s` is known at run time only; extents divide by constants", extent_text(resolver, b));
        diag_help(diagnostics, diag, "give it a value with `=` or `--dims`, or pass the quotient as a dim of its own");
        return NULL;
    }
    if (divisor <= 0) {
        diag_error(diagnostics, DIAG_E0222, right->span, "division by %lld; only positive constants divide extents",
                   (long long)divisor);
        return NULL;
    }
    return expr->op == AST_MOD ? poly_mod(resolver->context, a, b, NULL) : poly_floor_div(resolver->context, a, b, NULL);
}

static const struct poly *binary_value(struct resolver *resolver, const struct ast_expr *expr)
{
    struct ir_context *context = resolver->context;
    const struct poly *a = resolve_extent(resolver, expr->arguments);
    const struct poly *b = resolve_extent(resolver, expr->arguments->next);
    const struct poly *result;
    if (!a || !b)
        return NULL;
    switch (expr->op) {
    case AST_ADD:
        result = poly_add(context, a, b);
        break;
    case AST_SUBTRACT:
        result = poly_subtract(context, a, b);
        break;
    case AST_MULTIPLY:
        result = poly_multiply(context, a, b);
        break;
    case AST_DIVIDE:
    case AST_DIV:
    case AST_MOD:
        return divide(resolver, expr, a, b);
    default:
        return refuse_expression(resolver, expr);
    }
    if (!result && !arena_failed(ir_arena(context)))
        diag_error(ir_diagnostics(context), DIAG_E0223, expr->span, "this extent overflows 64 bits");
    return result;
}

const struct poly *resolve_extent(struct resolver *resolver, const struct ast_expr *expr)
{
    if (!expr)
        return NULL;
    switch (expr->kind) {
    case AST_INTEGER:
        return poly_constant(resolver->context, expr->integer);
    case AST_UNSIGNED:
        diag_error(ir_diagnostics(resolver->context), DIAG_E0223, expr->span, "this extent overflows 64 bits");
        return NULL;
    case AST_NAME:
        return name_value(resolver, expr);
    case AST_PAREN:
        return resolve_extent(resolver, expr->arguments);
    case AST_UNARY:
        if (expr->op != AST_NEGATE)
            return refuse_expression(resolver, expr);
        return poly_scale(resolver->context, resolve_extent(resolver, expr->arguments), -1);
    case AST_BINARY:
        return binary_value(resolver, expr);
    default:
        return refuse_expression(resolver, expr);
    }
}

static bool resolve_element(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    const char *name = ast->element.text;
    if (!name)
        return false;
    if (!ast->modulus && resolve_fixed_point(resolver, ast, type))
        return type->fixed != NULL;
    if (!ast->modulus && ir_elem_from_name(name, strlen(name), &type->elem))
        return !ast->scale || refuse_scale(resolver, ast);
    struct diag *diag = diag_error(diagnostics, DIAG_E0009, ast->element.span, "element type `%s` is reserved, but not there yet",
                                   ast->modulus ? "mod(q)" : name);
    diag_help(diagnostics, diag, "element types are f32 f64 c64 c128 i8 i16 i32 i64 u8 u16 u32 u64 bool f16 bf16 q7 q15");
    return false;
}

bool extent_is_fine(struct resolver *resolver, const struct poly *extent, struct span span)
{
    int64_t value;
    if (!extent)
        return false;
    if (!poly_is_constant(extent, &value) || value >= 0)
        return true;
    diag_error(ir_diagnostics(resolver->context), DIAG_E0220, span, "this extent is %lld", (long long)value);
    return false;
}

/* Bytes of what is static in the shape must fit 63 bits, so that sizes and addresses do. */
static bool check_size(struct resolver *resolver, const struct tensor_type *type)
{
    int64_t bytes = ir_elem_info(type->elem)->bytes, extent;
    for (uint32_t axis = 0; axis < type->rank; axis++)
        if (poly_is_constant(type->shape[axis], &extent) && extent == 0)
            return true;
    for (uint32_t axis = 0; axis < type->rank; axis++) {
        if (!poly_is_constant(type->shape[axis], &extent) || checked_multiply(bytes, extent, &bytes))
            continue;
        diag_error(ir_diagnostics(resolver->context), DIAG_E0223, type->span, "a tensor of this type has more than 2^63 - 1 bytes");
        return false;
    }
    return true;
}

bool resolve_type(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type)
{
    struct arena *arena = ir_arena(resolver->context);
    if (!ast)
        return false;
    type->span = ast->span;
    bool good = resolve_element(resolver, ast, type);
    if (ast->rank > FRONTEND_RANK) {
        diag_error(ir_diagnostics(resolver->context), DIAG_E0903, ast->span, "a tensor has at most %d axes; this one has %u",
                   FRONTEND_RANK, ast->rank);
        return false;
    }
    const struct poly **shape = ARENA_ARRAY(arena, ast->rank, const struct poly *);
    struct span *spans = ARENA_ARRAY(arena, ast->rank, struct span);
    if (!shape || !spans)
        return false;
    for (const struct ast_expr *extent = ast->extents; extent; extent = extent->next) {
        shape[type->rank] = resolve_extent(resolver, extent);
        spans[type->rank] = extent->span;
        good = extent_is_fine(resolver, shape[type->rank], extent->span) && good;
        type->rank++;
    }
    type->shape = shape;
    type->extent_spans = spans;
    return good && check_size(resolver, type);
}
