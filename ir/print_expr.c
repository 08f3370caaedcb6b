/* The expressions of maps as text: infix; what print_temporaries.c gives a name stands before, each in a `let`. */
#include "ir_internal.h"
#include "print_internal.h"

struct body_printer {
    struct text *text;
    struct ir_context *context;
    const struct poly_names *names;
    struct print_temporaries temporaries;
};

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

/* Recursion ends at named subexpressions. `in_place`: even if it has a name. */
static void print_expr(struct body_printer *body, const struct ir_expr *expr, int level, bool in_place)
{
    struct text *text = body->text;
    uint32_t temporary = print_temporary(&body->temporaries, expr);
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

void print_body(struct text *text, struct ir_context *context, const struct ir_expr *expr, const struct poly_names *names)
{
    struct body_printer body = {.text = text, .context = context, .names = names};
    if (!print_temporaries(&body.temporaries, context, expr))
        return;
    for (uint32_t k = 0; k < body.temporaries.n_named; k++) {
        text_printf(text, "let t%u = ", k);
        print_expr(&body, body.temporaries.named[k], 0, true);
        text_put(text, " in ");
    }
    print_expr(&body, expr, 0, true);
}
