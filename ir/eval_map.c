/* Pointwise expressions, evaluated without recursion: the expressions of a body in order of their numbers, since an argument always
 * has a smaller number than what uses it. */
#include "eval_map.h"

struct body body_create(struct ir_context *context, struct walk *walk, const struct arithmetic *arithmetic,
                        const struct ir_expr *expr)
{
    size_t count = 0;
    const struct ir_expr **found = ir_expr_topological(context, expr, &count);
    struct body body = {.n_steps = (uint32_t)count}, failed = {0};
    if (!found || !(body.steps = ARENA_ARRAY(walk->arena, count, struct body_step)))
        return failed;
    for (uint32_t k = 0; k < body.n_steps; k++) {
        struct body_step *step = &body.steps[k];
        step->expr = found[k];
        for (uint32_t a = 0; a < step->expr->n_arguments; a++)
            step->arguments[a] = (uint32_t)ir_expr_position(found, count, step->expr->arguments[a]);
        if (step->expr->op == IR_EXPR_literal)
            step->value = arithmetic->literal(step->expr->literal);
        if (step->expr->op == IR_EXPR_index && !(step->index = walk_follow(walk, step->expr->index)))
            return failed;
    }
    return body;
}

bool body_value(struct body *body, const struct walk *walk, const struct arithmetic *arithmetic, const struct scalar *operands,
                struct scalar *value)
{
    for (uint32_t k = 0; k < body->n_steps; k++) {
        struct body_step *step = &body->steps[k];
        const struct ir_expr *expr = step->expr;
        struct scalar arguments[3];
        int64_t index;
        switch (expr->op) {
        case IR_EXPR_literal:
            break;
        case IR_EXPR_operand:
            step->value = operands[expr->operand];
            break;
        case IR_EXPR_index:
            if (!walk_value(walk, step->index, &index))
                return false;
            step->value = arithmetic->from_index(index);
            break;
        default:
            for (uint32_t a = 0; a < expr->n_arguments; a++)
                arguments[a] = body->steps[step->arguments[a]].value;
            if (expr->n_arguments == 0 ||
                !arithmetic->apply(expr->op, expr->arguments[expr->n_arguments - 1]->elem, expr->elem, arguments, &step->value))
                return false;
        }
    }
    *value = body->steps[body->n_steps - 1].value;
    return true;
}

double body_terms(struct arena *arena, const struct body *body, const double *operand_terms)
{
    double *terms = ARENA_ARRAY(arena, body->n_steps, double);
    for (uint32_t k = 0; terms && k < body->n_steps; k++) {
        const struct body_step *step = &body->steps[k];
        if (step->expr->op == IR_EXPR_operand)
            terms[k] = operand_terms[step->expr->operand];
        else
            terms[k] = ir_expr_info(step->expr->op)->flops == IR_FLOPS_FUNCTION ? 4 : 1;
        for (uint32_t a = 0; a < step->expr->n_arguments; a++)
            terms[k] += terms[step->arguments[a]];
    }
    return terms ? terms[body->n_steps - 1] : 0;
}
