/* Which subexpressions get a name in the text of IR: what is used twice, or nested deep. So text grows with the expressions there
 * are and not with the ways to them, and neither printer nor reader recurses far.
 *
 * Names are numbered in the order in which the expression comes to them, arguments first: the same text whatever was built before.
 */
#include "ir_internal.h"
#include "print_internal.h"

enum { NAMED_DEPTH = 12 };

static size_t position(const struct print_temporaries *temporaries, const struct ir_expr *expr)
{
    return ir_expr_position(temporaries->expressions, temporaries->count, expr);
}

/* By position. */
static bool *choose(const struct print_temporaries *temporaries, struct arena *arena)
{
    size_t count = temporaries->count;
    uint32_t *uses = ARENA_ARRAY(arena, count, uint32_t), *depth = ARENA_ARRAY(arena, count, uint32_t);
    bool *chosen = ARENA_ARRAY(arena, count, bool);
    if (!uses || !depth || !chosen)
        return NULL;
    for (size_t k = 0; k < count; k++)
        for (uint32_t a = 0; a < temporaries->expressions[k]->n_arguments; a++)
            uses[position(temporaries, temporaries->expressions[k]->arguments[a])]++;
    for (size_t k = 0; k < count; k++) {
        const struct ir_expr *expr = temporaries->expressions[k];
        for (uint32_t a = 0; a < expr->n_arguments; a++) {
            uint32_t below = depth[position(temporaries, expr->arguments[a])] + 1;
            depth[k] = below > depth[k] ? below : depth[k];
        }
        if (k + 1 < count && expr->n_arguments && (uses[k] > 1 || depth[k] >= NAMED_DEPTH)) {
            chosen[k] = true;
            depth[k] = 0;
        }
    }
    return chosen;
}

/* An expression is at most as deep as the verifier allows. */
static void number(struct print_temporaries *temporaries, const bool *chosen, bool *seen, const struct ir_expr *expr)
{
    size_t k = position(temporaries, expr);
    if (seen[k])
        return;
    seen[k] = true;
    for (uint32_t a = 0; a < expr->n_arguments; a++)
        number(temporaries, chosen, seen, expr->arguments[a]);
    if (!chosen[k])
        return;
    temporaries->named[temporaries->n_named] = expr;
    temporaries->numbers[k] = ++temporaries->n_named;
}

bool print_temporaries(struct print_temporaries *temporaries, struct ir_context *context, const struct ir_expr *expr)
{
    struct arena *arena = ir_arena(context);
    *temporaries = (struct print_temporaries){.n_named = 0};
    temporaries->expressions = ir_expr_topological(context, expr, &temporaries->count);
    if (!temporaries->expressions)
        return false;
    bool *chosen = choose(temporaries, arena), *seen = ARENA_ARRAY(arena, temporaries->count, bool);
    temporaries->numbers = ARENA_ARRAY(arena, temporaries->count, uint32_t);
    temporaries->named = ARENA_ARRAY(arena, temporaries->count, const struct ir_expr *);
    if (!chosen || !seen || !temporaries->numbers || !temporaries->named)
        return false;
    number(temporaries, chosen, seen, expr);
    return true;
}

uint32_t print_temporary(const struct print_temporaries *temporaries, const struct ir_expr *expr)
{
    return temporaries->numbers[position(temporaries, expr)];
}
