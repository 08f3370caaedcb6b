/* Derivatives of pointwise maps.
 *
 * The expression is walked from its root to its leaves; each subexpression has an adjoint, an expression over the operands, the
 * result (so that exp and its like are not called again) and the cotangent. What operand k gets is one more map, transposed through
 * k's access: an operand that is broadcast is summed. The rules of named functions are their rows of ir/functions.def.
 *
 * With the pairing Re(conj(a) b) a holomorphic f gives conj(f'(z)) times the cotangent. A choice hands its cotangent to the branch
 * that was taken and 0 to the other; factors are multiplied inside the choice, so that an infinite slope of the branch not taken
 * does no harm. */
#include "gradient_map.h"

struct derivation {
    struct gradient *gradient;
    struct ir_context *context;
    const struct ir_node *map;
    const struct ir_expr **order; /* arguments before users */
    size_t count;
    bool *depends;
    const struct ir_expr **adjoints; /* NULL: none yet */
};

static size_t place_of(const struct derivation *derivation, const struct ir_expr *expr)
{
    return gradient_place(derivation->order, derivation->count, expr);
}

/* ---- what depends on an active operand ---- */

/* Does a function vary smoothly with this argument? */
static bool passes_slope(enum ir_expr_op op, uint32_t argument)
{
    return op == IR_EXPR_select ? argument > 0 : op != IR_EXPR_floor_div;
}

static bool open_derivation(struct derivation *derivation, struct gradient *gradient, const struct ir_node *map)
{
    *derivation = (struct derivation){.gradient = gradient, .context = gradient->context, .map = map};
    derivation->order = ir_expr_topological(gradient->context, map->body, &derivation->count);
    derivation->depends = derivation->order ? ARENA_ARRAY(gradient->arena, derivation->count, bool) : NULL;
    derivation->adjoints = ARENA_ARRAY(gradient->arena, derivation->count, const struct ir_expr *);
    if (!derivation->depends || !derivation->adjoints)
        return false;
    for (size_t k = 0; k < derivation->count; k++) {
        const struct ir_expr *expr = derivation->order[k];
        bool depends = expr->op == IR_EXPR_operand && gradient_is_active(gradient, map->operands[expr->operand].node);
        for (uint32_t a = 0; a < expr->n_arguments; a++)
            depends |= passes_slope(expr->op, a) && derivation->depends[place_of(derivation, expr->arguments[a])];
        derivation->depends[k] = depends && gradient_is_differentiable(expr->elem);
    }
    return true;
}

bool gradient_map_depends(struct gradient *gradient, const struct ir_node *map)
{
    struct derivation derivation;
    return open_derivation(&derivation, gradient, map) && derivation.depends[derivation.count - 1];
}

/* ---- adjoints ---- */

static void add_adjoint(struct derivation *derivation, const struct ir_expr *argument, const struct ir_expr *term)
{
    size_t at = place_of(derivation, argument);
    if (!derivation->depends[at] || !term)
        return;
    const struct ir_expr *sides[2] = {derivation->adjoints[at], term};
    derivation->adjoints[at] = sides[0] ? ir_expr_apply(derivation->context, IR_EXPR_add, 2, sides) : term;
}

/* The expression itself, or the map's result where it is that. */
static const struct ir_expr *value_of(const struct derivation *derivation, const struct ir_expr *expr)
{
    return expr == derivation->map->body ? ir_expr_operand(derivation->context, derivation->map->n_operands + 1, expr->elem) : expr;
}

static void derive_one(struct derivation *derivation, size_t at)
{
    const struct ir_expr *expr = derivation->order[at], *terms[3] = {NULL, NULL, NULL};
    if (!derivation->depends[at] || !derivation->adjoints[at])
        return;
    gradient_of_function(derivation->context, expr, value_of(derivation, expr), derivation->adjoints[at], terms);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        if (passes_slope(expr->op, k))
            add_adjoint(derivation, expr->arguments[k], terms[k]);
}

/* ---- what an operand gets ---- */

/* New numbers of the operands that an expression uses. */
struct renumbering {
    uint32_t *numbers; /* UINT32_MAX: not used */
};

static const struct ir_expr *renumbered(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct renumbering *renumbering = user;
    return ir_expr_operand(context, renumbering->numbers[leaf->operand], leaf->elem);
}

/* The adjoint as a map: the operands of the forward map, its cotangent, its result, as far as they are used. */
static const struct ir_node *adjoint_map(const struct derivation *derivation, const struct ir_node *cotangent,
                                         const struct ir_expr *adjoint)
{
    struct ir_context *context = derivation->context;
    struct arena *arena = derivation->gradient->arena;
    const struct ir_node *map = derivation->map;
    size_t count;
    const struct ir_expr **parts = ir_expr_topological(context, adjoint, &count);
    uint32_t n = 0, n_all = map->n_operands + 2;
    struct renumbering renumbering = {ARENA_ARRAY(arena, n_all, uint32_t)};
    struct ir_access *operands = ARENA_ARRAY(arena, n_all, struct ir_access);
    if (!parts || !renumbering.numbers || !operands)
        return NULL;
    for (uint32_t k = 0; k < n_all; k++)
        renumbering.numbers[k] = UINT32_MAX;
    for (size_t k = 0; k < count; k++) {
        uint32_t operand = parts[k]->operand;
        if (parts[k]->op != IR_EXPR_operand || renumbering.numbers[operand] != UINT32_MAX)
            continue;
        operands[n] = operand < map->n_operands    ? map->operands[operand]
                      : operand == map->n_operands ? ir_access_whole(context, cotangent)
                                                   : ir_access_whole(context, map);
        renumbering.numbers[operand] = n++;
    }
    const struct ir_expr *body = ir_expr_substitute(context, adjoint, renumbered, &renumbering, 0, NULL, NULL);
    if (n == 1 && body && body->op == IR_EXPR_operand && operands[0].node == cotangent)
        return cotangent;
    const struct ir_node *made = ir_map(context, map->rank, map->shape, n, operands, body);
    return gradient_name(derivation->gradient, made, NULL, map);
}

/* The cotangent of what a function is taken of, where that has no name of its own. */
static void name_argument(struct gradient *gradient, const struct ir_node *map, uint32_t operand, const struct ir_node *made)
{
    const struct ir_access *access = &map->operands[operand];
    const struct ir_name *name = gradient_find_name(gradient, map), *own = gradient_find_name(gradient, access->node);
    bool takes_its_name = own && own->name && access->node->rank == map->rank;
    if (name && name->name && !takes_its_name)
        gradient_name(gradient, made, "d_inside_", map);
}

void gradient_map(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct derivation derivation;
    if (!open_derivation(&derivation, gradient, node))
        return;
    derivation.adjoints[derivation.count - 1] = ir_expr_operand(gradient->context, node->n_operands, node->elem);
    for (size_t k = derivation.count; k-- > 0;)
        derive_one(&derivation, k);
    for (size_t k = 0; k < derivation.count; k++) {
        const struct ir_expr *expr = derivation.order[k];
        if (expr->op != IR_EXPR_operand || !derivation.adjoints[k])
            continue;
        const struct ir_node *made = adjoint_map(&derivation, cotangent, derivation.adjoints[k]);
        struct ir_access factor = ir_access_whole(gradient->context, made);
        struct gradient_term term = {node, &node->operands[expr->operand], &factor, 1, expr->elem};
        if (!made)
            continue;
        name_argument(gradient, node, expr->operand, made);
        gradient_contribute(gradient, node->operands[expr->operand].node, gradient_transpose(gradient, &term));
    }
}
