#include "lanes.h"
#include "ir/expansion.h"

enum { MOST_OPERATIONS = 64 }; /* around functions: emitted C writes what is used twice twice, calls too */

bool lanes_have(enum ir_elem elem)
{
    return elem == IR_f32 || elem == IR_f64;
}

bool lanes_move_by_one(struct ir_context *context, const struct poly *address, uint32_t index)
{
    const struct poly *step;
    return poly_uses_index(address, index) && poly_split_index(context, address, index, &step, NULL) && poly_equals(step, 1);
}

bool lanes_have_operation(const struct pass_kernel *kernel, enum ir_expr_op op, enum ir_elem elem)
{
    const struct ir_kernel *source = kernel->loops->kernel;
    bool is_exact = source && source->numeric_class == IR_CLASS_EXACT;
    return op == IR_EXPR_add || op == IR_EXPR_sub || op == IR_EXPR_mul || op == IR_EXPR_div || op == IR_EXPR_neg ||
           op == IR_EXPR_min || op == IR_EXPR_max || op == IR_EXPR_abs || op == IR_EXPR_relu || op == IR_EXPR_sqrt ||
           (!is_exact && expansion_exists(op, elem));
}

bool lanes_call(struct ir_context *context, const struct ir_expr *expr)
{
    size_t count = 0;
    const struct ir_expr **below = ir_expr_topological(context, expr, &count);
    for (size_t k = 0; below && k < count; k++)
        if (expansion_exists(below[k]->op, below[k]->elem))
            return true;
    return false;
}

static bool leaf_moves(const struct ir_expr *expr, uint32_t index)
{
    return (expr->op == IR_EXPR_load && poly_uses_index(expr->load.address, index)) ||
           (expr->op == IR_EXPR_index && poly_uses_index(expr->index, index));
}

bool lanes_hold(const struct pass_kernel *kernel, const struct ir_expr *expr, enum ir_elem elem, uint32_t index)
{
    struct ir_context *context = kernel->context;
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    bool *moves = order ? ARENA_ARRAY(ir_arena(context), count, bool) : NULL, calls = false;
    int64_t *written = moves ? ARENA_ARRAY(ir_arena(context), count, int64_t) : NULL;
    for (size_t k = 0; written && k < count; k++) {
        const struct ir_expr *each = order[k];
        moves[k] = leaf_moves(each, index);
        written[k] = 1;
        for (uint32_t a = 0; a < each->n_arguments; a++) {
            size_t argument = ir_expr_position(order, count, each->arguments[a]);
            moves[k] |= moves[argument];
            written[k] += written[argument] < MOST_OPERATIONS ? written[argument] : MOST_OPERATIONS;
        }
        if (!moves[k])
            continue;
        bool fits = each->op == IR_EXPR_load ? lanes_move_by_one(context, each->load.address, index)
                                             : lanes_have_operation(kernel, each->op, elem);
        if (!fits || each->elem != elem)
            return false;
        calls |= expansion_exists(each->op, elem);
    }
    return written && expr->elem == elem && !(calls && written[count - 1] > MOST_OPERATIONS);
}
