/* The expressions of maps as text: infix; what is used twice, or nested deep, gets a line of its own (`let`), so neither printer
 * nor reader recurses far. */
#include "ir_internal.h"
#include "print_internal.h"

enum { NAMED_DEPTH = 12 };

struct body_printer {
    struct text *text;
    struct ir_context *context;
    const struct poly_names *names;
    const struct ir_expr **expressions;
    size_t count;
    bool *named;           /* has a `let` */
    uint32_t *temporaries; /* one more than its number, once that is printed; 0: printed in place */
    uint32_t n_temporaries;
};

static size_t find_expression(const struct body_printer *body, const struct ir_expr *expr)
{
    size_t low = 0, high = body->count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (body->expressions[middle]->id <= expr->id)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* What is used more than once or nested deep is named. */
static bool name_temporaries(struct body_printer *body)
{
    struct arena *arena = ir_arena(body->context);
    uint32_t *uses = ARENA_ARRAY(arena, body->count, uint32_t), *depth = ARENA_ARRAY(arena, body->count, uint32_t);
    body->temporaries = ARENA_ARRAY(arena, body->count, uint32_t);
    body->named = ARENA_ARRAY(arena, body->count, bool);
    if (!uses || !depth || !body->temporaries || !body->named)
        return false;
    for (size_t k = 0; k < body->count; k++)
        for (uint32_t a = 0; a < body->expressions[k]->n_arguments; a++)
            uses[find_expression(body, body->expressions[k]->arguments[a])]++;
    for (size_t k = 0; k < body->count; k++) {
        const struct ir_expr *expr = body->expressions[k];
        for (uint32_t a = 0; a < expr->n_arguments; a++) {
            uint32_t below = depth[find_expression(body, expr->arguments[a])] + 1;
            depth[k] = below > depth[k] ? below : depth[k];
        }
        if (k + 1 < body->count && expr->n_arguments && (uses[k] > 1 || depth[k] >= NAMED_DEPTH)) {
            body->named[k] = true;
            depth[k] = 0;
        }
    }
    return true;
}

struct infix {
    enum ir_expr_op op;
    const char *sign;
    int level; /* binds tighter when greater */
};
static const struct infix infixes[] = {
    {IR_EXPR_eq, "==", 2}, {IR_EXPR_ne, "!=", 2}, {IR_EXPR_lt, "<", 2},  {IR_EXPR_le, "<=", 2}, {IR_EXPR_gt, ">", 2},
    {IR_EXPR_ge, ">=", 2}, {IR_EXPR_add, "+", 3}, {IR_EXPR_sub, "-", 3}, {IR_EXPR_mul, "*", 4}, {IR_EXPR_div, "/", 4},
};
enum { LEVEL_COMPARE = 2, LEVEL_NEGATE = 5 };

static void print_expr(struct body_printer *body, const struct ir_expr *expr, int level, bool in_place);

static void print_infix(struct body_printer *body, const struct ir_expr *expr, const struct infix *infix, int level)
{
    struct text *text = body->text;
    bool compares = infix->level == LEVEL_COMPARE; /* not chained */
    text_put(text, infix->level < level ? "(" : "");
    print_expr(body, expr->arguments[0], infix->level + compares, false);
    text_printf(text, " %s ", infix->sign);
    print_expr(body, expr->arguments[1], infix->level + 1, false);
    text_put(text, infix->level < level ? ")" : "");
}

static void print_call(struct body_printer *body, const struct ir_expr *expr)
{
    struct text *text = body->text;
    text_printf(text, "%s(", expr->op == IR_EXPR_cast ? ir_elem_info(expr->elem)->name : ir_expr_info(expr->op)->name);
    for (uint32_t a = 0; a < expr->n_arguments; a++) {
        text_put(text, a ? ", " : "");
        print_expr(body, expr->arguments[a], 0, false);
    }
    text_put(text, ")");
}

/* Recursion ends at named subexpressions, so at most NAMED_DEPTH deep. `in_place`: even if it has a name. */
static void print_expr(struct body_printer *body, const struct ir_expr *expr, int level, bool in_place)
{
    struct text *text = body->text;
    uint32_t temporary = body->temporaries[find_expression(body, expr)];
    if (temporary && !in_place) {
        text_printf(text, "t%u", temporary - 1);
        return;
    }
    switch (expr->op) {
    case IR_EXPR_literal:
        print_literal(text, expr->literal);
        return;
    case IR_EXPR_operand:
        text_printf(text, "$%u", expr->operand);
        return;
    case IR_EXPR_index:
        text_put(text, "index(");
        poly_print(text, body->context, expr->index, POLY_SOURCE, body->names, 0);
        text_put(text, ")");
        return;
    case IR_EXPR_neg:
        text_put(text, level > LEVEL_NEGATE ? "(-" : "-");
        print_expr(body, expr->arguments[0], LEVEL_NEGATE + 1, false);
        text_put(text, level > LEVEL_NEGATE ? ")" : "");
        return;
    default:
        break;
    }
    for (size_t k = 0; k < sizeof infixes / sizeof *infixes; k++)
        if (infixes[k].op == expr->op) {
            print_infix(body, expr, &infixes[k], level);
            return;
        }
    print_call(body, expr);
}

/* In the order in which the expression comes to them, arguments first: the same text whatever was built before. An expression is
 * at most as deep as the verifier allows. */
static void print_lets(struct body_printer *body, bool *seen, const struct ir_expr *expr)
{
    size_t k = find_expression(body, expr);
    if (seen[k])
        return;
    seen[k] = true;
    for (uint32_t a = 0; a < expr->n_arguments; a++)
        print_lets(body, seen, expr->arguments[a]);
    if (!body->named[k])
        return;
    text_printf(body->text, "let t%u = ", body->n_temporaries);
    print_expr(body, expr, 0, true);
    text_put(body->text, " in ");
    body->temporaries[k] = ++body->n_temporaries;
}

void print_body(struct text *text, struct ir_context *context, const struct ir_expr *expr, const struct poly_names *names)
{
    struct body_printer body = {.text = text, .context = context, .names = names};
    body.expressions = ir_expr_topological(context, expr, &body.count);
    bool *seen = body.expressions ? ARENA_ARRAY(ir_arena(context), body.count, bool) : NULL;
    if (!seen || !name_temporaries(&body))
        return;
    print_lets(&body, seen, expr);
    print_expr(&body, expr, 0, true);
}
