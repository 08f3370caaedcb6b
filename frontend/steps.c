/* Products in steps: `K[i,j] * x[j]` with an operator of several factors, and `B[a,i] * B[b,j] * u[i,j]`, as lets that multiply and
 * sum over one index after another. In exact arithmetic it is the same; where a let is rounded to a type, it says what is rounded.
 *
 * A product is cut where it sums more than once: the factors are multiplied in the order that has least to do, and each
 * multiplication that sums over an index, but the last, becomes a let. The text is edited there alone; indices and names of lets
 * are made of those that the source has not. Whatever the text cannot say in this way is left as it is. */
#include "steps.h"

#include <ctype.h>
#include <string.h>

enum { TYPICAL_EXTENT = 16 }; /* of an index whose extent is not known here */

struct factor {
    const struct ast_expr *expr;
    const char *text;
    struct index_set free, plain; /* plain: it stands alone as a subscript, so that it has its extent from there */
    uint32_t place;               /* in the product as written */
    bool divides;
};
enum { FACTORS_MOST = 64 };

/* One statement. */
struct steps {
    struct step_scope scope;
    struct arena *arena;
    struct frontend_edits *edits;
    const struct ast_statement *statement;
    const char *names[FRONTEND_INDICES]; /* indices, those of the left side first */
    const struct poly *extents[FRONTEND_INDICES];
    uint32_t n_names;
    struct text lets;           /* before the statement */
    uint32_t n_lets, n_indices; /* that were named so far */
    bool failed;
};

struct product {
    struct steps *steps;
    struct factor factors[FACTORS_MOST];
    uint32_t n;
    struct step_order order;
    uint32_t numbers[STEP_FACTORS]; /* of the order's factors in `factors` */
};

/* ---- names ---- */

static bool is_tensor(const struct steps *steps, const char *name)
{
    const struct ast_kernel *ast = steps->scope.ast;
    for (const struct ast_param *param = ast->inputs; param; param = param->next)
        if (strcmp(param->name.text, name) == 0)
            return true;
    for (const struct ast_param *param = ast->outputs; param; param = param->next)
        if (strcmp(param->name.text, name) == 0)
            return true;
    for (const struct ast_statement *statement = ast->body; statement; statement = statement->next)
        for (const struct ast_target *target = statement->targets; target; target = target->next)
            if (strcmp(target->name.text, name) == 0)
                return true;
    return false;
}

/* The number of an index; UINT32_MAX: it is none. */
static uint32_t index_of(struct steps *steps, const char *name)
{
    for (uint32_t k = 0; k < steps->n_names; k++)
        if (strcmp(steps->names[k], name) == 0)
            return k;
    if (scope_find(steps->scope.resolver->scope, name) || is_tensor(steps, name))
        return UINT32_MAX;
    if (steps->n_names == FRONTEND_INDICES) {
        steps->failed = true;
        return UINT32_MAX;
    }
    steps->names[steps->n_names] = name;
    return steps->n_names++;
}

/* Is it a word of the source? */
static bool is_used(const struct steps *steps, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = steps->scope.text; (at = strstr(at, word)); at++) {
        bool begins = at == steps->scope.text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
        if (begins && !(isalnum((unsigned char)at[length]) || at[length] == '_'))
            return true;
    }
    return false;
}

/* `base` with the next number that makes a new word. */
static const char *new_name(struct steps *steps, const char *base, uint32_t *number)
{
    const char *name;
    do
        name = arena_printf(steps->arena, "%s%u", base, ++*number);
    while (name && is_used(steps, name));
    steps->failed = steps->failed || !name;
    return name;
}

/* ---- what an expression has ---- */

static void learn_extent(struct steps *steps, uint32_t index, const struct poly *extent)
{
    if (!steps->extents[index])
        steps->extents[index] = extent;
}

static void collect(struct steps *steps, const struct ast_expr *expr, struct factor *factor);

static void collect_list(struct steps *steps, const struct ast_expr *list, struct factor *factor)
{
    for (; list; list = list->next)
        collect(steps, list, factor);
}

static void collect_subscripts(struct steps *steps, const struct ast_expr *access, struct factor *factor)
{
    uint32_t rank = 0, axis = 0;
    const struct poly *const *shape = NULL;
    bool known = access->callee->kind == AST_NAME && step_shape(&steps->scope, access->callee->name.text, &rank, &shape);
    for (const struct ast_expr *subscript = access->arguments; subscript; subscript = subscript->next, axis++) {
        uint32_t index = subscript->kind == AST_NAME ? index_of(steps, subscript->name.text) : UINT32_MAX;
        collect(steps, subscript, factor);
        if (index == UINT32_MAX)
            continue;
        index_set_add(&factor->plain, index);
        if (known && axis < rank)
            learn_extent(steps, index, shape[axis]);
    }
}

/* Adds the indices that are free in the expression. */
static void collect(struct steps *steps, const struct ast_expr *expr, struct factor *factor)
{
    uint32_t index;
    switch (expr->kind) {
    case AST_NAME:
        index = index_of(steps, expr->name.text);
        if (index != UINT32_MAX)
            index_set_add(&factor->free, index);
        return;
    case AST_ACCESS:
        collect_subscripts(steps, expr, factor);
        return;
    case AST_REDUCE: {
        struct factor inner = {0};
        struct index_set bound = {{0}};
        collect(steps, expr->arguments, &inner);
        for (const struct ast_binder *binder = expr->binders; binder; binder = binder->next)
            if ((index = index_of(steps, binder->name.text)) != UINT32_MAX)
                index_set_add(&bound, index);
        inner.free = index_set_minus(&inner.free, &bound);
        inner.plain = index_set_minus(&inner.plain, &bound);
        factor->free = index_set_union(&factor->free, &inner.free);
        factor->plain = index_set_union(&factor->plain, &inner.plain);
        return;
    }
    default:
        collect_list(steps, expr->arguments, factor);
    }
}

static const char *source_of(struct steps *steps, struct span span)
{
    return frontend_edited(steps->arena, steps->scope.text, span.begin, span.end, steps->edits);
}

/* ---- the factors of a product ---- */

static bool push_factor(struct product *product, struct factor factor)
{
    if (product->n == FACTORS_MOST)
        return false;
    factor.place = product->n;
    product->factors[product->n++] = factor;
    return true;
}

static bool is_operator_access(const struct steps *steps, const struct ast_expr *expr)
{
    uint32_t rank;
    const struct poly *const *shape;
    if (expr->kind != AST_ACCESS || !expr->arguments || !expr->arguments->next || expr->arguments->next->next ||
        expr->callee->kind == AST_EINSUM)
        return false;
    return expr->callee->kind != AST_NAME || !step_shape(&steps->scope, expr->callee->name.text, &rank, &shape);
}

/* K[i,j] as the factors of K, with new indices between them. */
static bool push_operator(struct product *product, const struct ast_expr *access, bool divides)
{
    struct steps *steps = product->steps;
    struct step_chain *chain = ARENA_NEW(steps->arena, struct step_chain);
    const struct ast_expr *ends[2] = {access->arguments, access->arguments->next};
    const char *before = source_of(steps, ends[0]->span);
    if (!chain || divides)
        return false;
    step_chain_read(&steps->scope, access->callee, chain);
    if (chain->count < 2)
        return false;
    uint32_t left = UINT32_MAX;
    for (uint32_t k = 0; k < chain->count; k++) {
        const struct step_operator *item = &chain->items[k];
        struct factor factor = {.expr = NULL};
        bool last = k + 1 == chain->count;
        const char *behind = last ? source_of(steps, ends[1]->span) : new_name(steps, "r", &steps->n_indices);
        uint32_t right = last || !behind ? UINT32_MAX : index_of(steps, behind);
        if (steps->failed)
            return false;
        if (k == 0)
            collect(steps, ends[0], &factor);
        if (last)
            collect(steps, ends[1], &factor);
        for (uint32_t side = 0; side < 2; side++) {
            uint32_t index = side ? right : left;
            bool end = side ? last : k == 0;
            if (end && ends[side]->kind == AST_NAME)
                index = index_of(steps, ends[side]->name.text);
            if (index == UINT32_MAX)
                continue;
            int64_t extent = (side == 1) != item->transposed ? item->columns : item->rows;
            index_set_add(&factor.free, index);
            index_set_add(&factor.plain, index);
            if (extent >= 0)
                learn_extent(steps, index, poly_constant(steps->scope.resolver->context, extent));
        }
        factor.text = item->transposed ? arena_printf(steps->arena, "%s[%s,%s]", item->text, behind, before)
                                       : arena_printf(steps->arena, "%s[%s,%s]", item->text, before, behind);
        if (!factor.text || !push_factor(product, factor))
            return false;
        before = behind;
        left = right;
    }
    return true;
}

/* False: there are too many. */
static bool flatten(struct product *product, const struct ast_expr *expr, bool divides)
{
    const struct ast_expr *bare = ast_without_parentheses(expr);
    bool multiplies = bare->kind == AST_BINARY && bare->op == AST_MULTIPLY;
    if (!divides && (multiplies || (bare->kind == AST_BINARY && bare->op == AST_DIVIDE)))
        return flatten(product, bare->arguments, false) && flatten(product, bare->arguments->next, !multiplies);
    uint32_t before = product->n;
    if (is_operator_access(product->steps, expr) && push_operator(product, expr, divides))
        return true;
    product->n = before;
    struct factor factor = {.expr = expr, .divides = divides};
    collect(product->steps, expr, &factor);
    return push_factor(product, factor);
}

/* ---- writing ---- */

static void walk(struct steps *steps, const struct ast_expr *expr, const struct index_set *kept);

struct group {
    struct factor factors[FACTORS_MOST];
    uint32_t n;
};

static void put_in_order(struct group *group, struct factor factor)
{
    uint32_t at = group->n++;
    for (; at > 0 && group->factors[at - 1].place > factor.place; at--)
        group->factors[at] = group->factors[at - 1];
    group->factors[at] = factor;
}

static void put_indices(struct text *text, const struct steps *steps, const struct index_set *set)
{
    const char *comma = "";
    for (uint32_t k = 0; k < steps->n_names; k++)
        if (index_set_has(set, k)) {
            text_printf(text, "%s%s", comma, steps->names[k]);
            comma = ",";
        }
}

/* What is summed over is in two factors or more, or is said. */
static void put_product(struct text *text, const struct steps *steps, const struct group *group, const struct index_set *kept)
{
    struct index_set once = {{0}}, twice = {{0}};
    for (uint32_t k = 0; k < group->n; k++) {
        struct index_set again = index_set_intersection(&once, &group->factors[k].free);
        twice = index_set_union(&twice, &again);
        once = index_set_union(&once, &group->factors[k].free);
    }
    once = index_set_minus(&once, &twice);
    once = index_set_minus(&once, kept);
    if (!index_set_is_empty(&once)) {
        text_put(text, "sum[");
        put_indices(text, steps, &once);
        text_put(text, "](");
    }
    for (uint32_t k = 0; k < group->n; k++)
        text_printf(text, "%s%s", k == 0 ? "" : group->factors[k].divides ? " / " : " * ", group->factors[k].text);
    text_put(text, index_set_is_empty(&once) ? "" : ")");
}

/* `let y_1[a: 4,b] = ...`, and the factor that reads it. */
static struct factor put_let(struct product *product, const struct group *group, uint32_t factors)
{
    struct steps *steps = product->steps;
    struct index_set kept = step_order_indices(&product->order, factors), plain = {{0}};
    struct text access = text_create(steps->arena);
    const char *name = new_name(steps, arena_printf(steps->arena, "%s_", steps->statement->targets->name.text), &steps->n_lets);
    const char *comma = "";
    if (!name)
        return (struct factor){0};
    for (uint32_t k = 0; k < group->n; k++)
        plain = index_set_union(&plain, &group->factors[k].plain);
    text_printf(&steps->lets, "let %s[", name);
    for (uint32_t k = 0; k < steps->n_names; k++) {
        if (!index_set_has(&kept, k))
            continue;
        text_printf(&steps->lets, "%s%s", comma, steps->names[k]);
        comma = ",";
        if (index_set_has(&plain, k))
            continue;
        text_put(&steps->lets, ": ");
        steps->failed = steps->failed || !steps->extents[k];
        if (steps->extents[k])
            poly_print(&steps->lets, steps->scope.resolver->context, steps->extents[k], POLY_SOURCE, NULL, 0);
    }
    text_put(&steps->lets, "] = ");
    put_product(&steps->lets, steps, group, &kept);
    text_put(&steps->lets, "\n");
    text_printf(&access, "%s[", name);
    put_indices(&access, steps, &kept);
    text_put(&access, "]");
    return (struct factor){.text = text_finish(&access), .free = kept, .plain = kept, .place = group->factors[0].place};
}

/* The factors of a set, those that are multiplied and summed before as lets. */
static void gather(struct product *product, uint32_t factors, bool is_root, struct group *group)
{
    if ((factors & (factors - 1)) == 0) {
        uint32_t number = 0;
        while (!(factors >> number & 1))
            number++;
        put_in_order(group, product->factors[product->numbers[number]]);
        return;
    }
    uint32_t part = product->order.splits[factors];
    struct group *inner = group;
    bool cut = !is_root && step_order_sums(&product->order, factors);
    if (cut && !(inner = ARENA_NEW(product->steps->arena, struct group))) {
        product->steps->failed = true;
        return;
    }
    gather(product, part, false, inner);
    gather(product, factors ^ part, false, inner);
    if (cut)
        put_in_order(group, put_let(product, inner, factors));
}

/* ---- cutting ---- */

static bool prepare_order(struct product *product, const struct index_set *kept)
{
    struct step_order *order = &product->order;
    struct steps *steps = product->steps;
    order->n = 0;
    order->kept = *kept;
    for (uint32_t k = 0; k < product->n; k++) {
        const struct factor *factor = &product->factors[k];
        if (factor->divides || index_set_is_empty(&factor->free)) {
            order->kept = index_set_union(&order->kept, &factor->free);
            continue;
        }
        if (order->n == STEP_FACTORS)
            return false;
        product->numbers[order->n] = k;
        order->factors[order->n++] = factor->free;
    }
    for (uint32_t k = 0; k < FRONTEND_INDICES; k++) {
        int64_t extent;
        bool known = k < steps->n_names && steps->extents[k] && poly_is_constant(steps->extents[k], &extent);
        order->extents[k] = known ? (double)extent : TYPICAL_EXTENT;
    }
    return order->n > 2 && step_order_find(steps->arena, order) && step_order_count(order, (UINT32_C(1) << order->n) - 1) > 1;
}

/* Edits inside what a new one replaces are in its text. */
static void replace(struct steps *steps, struct span span, const char *text)
{
    size_t left = 0;
    for (size_t k = 0; k < steps->edits->count; k++)
        if (steps->edits->items[k].begin < span.begin || steps->edits->items[k].end > span.end)
            steps->edits->items[left++] = steps->edits->items[k];
    steps->edits->count = left;
    steps->failed = !frontend_edit(steps->arena, steps->edits, span.begin, span.end, text) || steps->failed;
}

/* The indices that the product itself sums, and those that stay in its factors for it. */
static struct index_set kept_inside(const struct product *product, const struct index_set *kept)
{
    struct index_set seen = {{0}}, inside = *kept;
    for (uint32_t k = 0; k < product->n; k++) {
        struct index_set again = index_set_intersection(&seen, &product->factors[k].free);
        inside = index_set_union(&inside, &again);
        seen = index_set_union(&seen, &product->factors[k].free);
    }
    return inside;
}

/* `whole` is replaced: the product, or the sum around it that says what is summed. */
static void walk_product(struct steps *steps, const struct ast_expr *whole, const struct ast_expr *expr,
                         const struct index_set *kept, const struct index_set *summed)
{
    struct product *product = ARENA_NEW(steps->arena, struct product);
    struct group *group = ARENA_NEW(steps->arena, struct group);
    if (!product || !group) {
        steps->failed = true;
        return;
    }
    product->steps = steps;
    if (!flatten(product, expr, false))
        return;
    struct index_set inside = kept_inside(product, kept);
    inside = index_set_union(&inside, summed);
    for (uint32_t k = 0; k < product->n; k++) {
        struct factor *factor = &product->factors[k];
        factor->free = index_set_intersection(&factor->free, &inside); /* what one factor alone has it sums itself */
        if (!factor->expr)
            continue;
        walk(steps, factor->expr, &inside);
        factor->text = source_of(steps, factor->expr->span);
    }
    if (!prepare_order(product, kept))
        return;
    gather(product, (UINT32_C(1) << product->order.n) - 1, true, group);
    for (uint32_t k = 0; k < product->n; k++)
        if (product->factors[k].divides || index_set_is_empty(&product->factors[k].free)) {
            product->factors[k].place += product->factors[k].divides ? FACTORS_MOST : 0; /* behind what it divides */
            put_in_order(group, product->factors[k]);
        }
    struct text text = text_create(steps->arena);
    put_product(&text, steps, group, kept);
    replace(steps, whole->span, text_finish(&text));
}

static void walk_reduction(struct steps *steps, const struct ast_expr *expr, const struct index_set *kept)
{
    const struct ast_expr *argument = ast_without_parentheses(expr->arguments);
    struct index_set bound = {{0}};
    bool extents = false;
    for (const struct ast_binder *binder = expr->binders; binder; binder = binder->next) {
        uint32_t index = index_of(steps, binder->name.text);
        extents = extents || binder->extent;
        if (index != UINT32_MAX)
            index_set_add(&bound, index);
    }
    if (expr->op == AST_SUM && !extents && argument->kind == AST_BINARY && argument->op == AST_MULTIPLY) {
        walk_product(steps, expr, argument, kept, &bound);
        return;
    }
    bound = index_set_union(&bound, kept);
    walk(steps, expr->arguments, &bound);
}

static void walk(struct steps *steps, const struct ast_expr *expr, const struct index_set *kept)
{
    static const struct index_set none;
    if (steps->failed)
        return;
    if (expr->kind == AST_BINARY && (expr->op == AST_MULTIPLY || expr->op == AST_DIVIDE))
        walk_product(steps, expr, expr, kept, &none);
    else if (expr->kind == AST_REDUCE)
        walk_reduction(steps, expr, kept);
    else if (expr->kind == AST_PAREN || expr->kind == AST_UNARY || expr->kind == AST_CALL ||
             (expr->kind == AST_BINARY && expr->op != AST_MATRIX_MULTIPLY))
        for (const struct ast_expr *argument = expr->arguments; argument; argument = argument->next)
            walk(steps, argument, kept);
}

/* ---- statements ---- */

static void collect_left(struct steps *steps, const struct ast_binder *binder, struct index_set *left)
{
    for (; binder; binder = binder->next) {
        uint32_t index = binder->name.text ? index_of(steps, binder->name.text) : UINT32_MAX;
        if (index != UINT32_MAX)
            index_set_add(left, index);
        if (binder->merged)
            collect_left(steps, binder->merged, left);
        if (binder->subscript) {
            struct factor factor = {0};
            collect(steps, binder->subscript, &factor);
            *left = index_set_union(left, &factor.free);
        }
    }
}

/* A plain left side says the extents of its indices. */
static void learn_left(struct steps *steps, const struct ast_target *target)
{
    uint32_t rank, axis = 0;
    const struct poly *const *shape;
    if (!step_shape(&steps->scope, target->name.text, &rank, &shape))
        return;
    for (const struct ast_binder *binder = target->binders; binder && axis < rank; binder = binder->next, axis++) {
        uint32_t index = binder->name.text && !binder->offset && !binder->merged ? index_of(steps, binder->name.text) : UINT32_MAX;
        if (index != UINT32_MAX)
            learn_extent(steps, index, shape[axis]);
    }
}

/* The lets go in front of the statement: on lines of their own, as far in as it is. */
static bool place_lets(struct steps *steps, const char *lets, struct frontend_edits *edits)
{
    const char *text = steps->scope.text;
    uint32_t begin = steps->statement->span.begin, blank = begin;
    while (blank > 0 && (text[blank - 1] == ' ' || text[blank - 1] == '\t'))
        blank--;
    bool alone = blank == 0 || text[blank - 1] == '\n';
    const char *margin = alone ? arena_strndup(steps->arena, text + blank, begin - blank) : "    ";
    struct text placed = text_create(steps->arena);
    text_put(&placed, alone ? "" : "\n    ");
    for (const char *at = lets, *end; margin && (end = strchr(at, '\n')); at = end + 1) {
        text_put_bytes(&placed, at, (size_t)(end + 1 - at));
        text_put(&placed, margin);
    }
    return margin && frontend_edit(steps->arena, edits, alone ? begin : blank, begin, text_finish(&placed));
}

/* The statement with its edits, or without any. */
static bool cut_statement(const struct step_scope *scope, const struct ast_statement *statement, struct frontend_edits *edits)
{
    struct arena *arena = ir_arena(scope->resolver->context);
    struct steps *steps = ARENA_NEW(arena, struct steps);
    struct frontend_edits own = {0};
    struct index_set left = {{0}};
    const struct ast_target *target = statement->targets;
    if (!steps)
        return false;
    if ((statement->kind != AST_ASSIGN && statement->kind != AST_LET) || !target || target->next)
        return true;
    *steps = (struct steps){.scope = *scope, .arena = arena, .edits = &own, .statement = statement, .lets = text_create(arena)};
    collect_left(steps, target->binders, &left);
    learn_left(steps, target);
    walk(steps, statement->value, &left);
    const char *lets = text_finish(&steps->lets);
    if (arena_failed(arena))
        return false;
    if (steps->failed || !steps->n_lets)
        return true;
    if (!place_lets(steps, lets, edits))
        return false;
    for (size_t k = 0; k < own.count; k++)
        if (!frontend_edit(arena, edits, own.items[k].begin, own.items[k].end, own.items[k].text))
            return false;
    return true;
}

bool write_steps(struct resolver *resolver, struct frontend_edits *edits)
{
    for (const struct ast_kernel *ast = resolver->file->kernels; ast; ast = ast->next)
        for (size_t k = 0; k < resolver->program->n_kernels; k++) {
            const struct step_scope scope = {resolver, ast, resolver->program->kernels[k], resolver->source->text};
            if (strcmp(scope.kernel->name, ast->name.text) != 0)
                continue;
            for (const struct ast_statement *statement = ast->body; statement; statement = statement->next)
                if (!cut_statement(&scope, statement, edits))
                    return false;
        }
    return true;
}
