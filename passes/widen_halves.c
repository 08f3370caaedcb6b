/* Loop pass: f16 and bf16 are for storage, so loops calculate in f32.
 *
 * A 16-bit element becomes f32 where it is loaded and is rounded back where it is stored; locals are f32 throughout. A cast to a
 * 16-bit type that the source asks for rounds and comes back. Afterwards 16-bit types stand in buffers, loads, and casts to and
 * from them alone; what is only copied keeps its bits. */

#include "passes.h"

enum einc_status pass_widen_halves(struct pass_kernel *kernel);

struct widening {
    struct ir_context *context;
    struct loop_function *function;
};

static enum ir_elem wide(enum ir_elem elem)
{
    return ir_elem_accumulator(elem);
}

/* Rounded to the 16-bit type and back. Integers go by way of f64, which holds more of them. */
static const struct ir_expr *rounded(struct ir_context *context, enum ir_elem half, const struct ir_expr *value)
{
    if (value && !ir_elem_is_float(value->elem))
        value = ir_expr_cast(context, IR_f64, value);
    return ir_expr_cast(context, IR_f32, ir_expr_cast(context, half, value));
}

static const struct ir_expr *widen_one(struct ir_context *context, const struct ir_expr *expr, const struct ir_expr **arguments)
{
    if (expr->op == IR_EXPR_cast)
        return ir_elem_is_half(expr->elem) ? rounded(context, expr->elem, arguments[0])
                                           : ir_expr_cast(context, expr->elem, arguments[0]);
    if (expr->n_arguments)
        return ir_expr_apply(context, expr->op, expr->n_arguments, arguments);
    if (!ir_elem_is_half(expr->elem))
        return expr;
    switch (expr->op) {
    case IR_EXPR_literal:
        return ir_expr_literal(context, ir_number_real(IR_f32, expr->literal.re));
    case IR_EXPR_local:
        return ir_expr_local(context, expr->local, IR_f32);
    default: /* a load */
        return ir_expr_cast(context, IR_f32, expr);
    }
}

static const struct ir_expr *widen(struct widening *widening, const struct ir_expr *expr)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(widening->context, expr, &count);
    const struct ir_expr **made = order ? ARENA_ARRAY(ir_arena(widening->context), count, const struct ir_expr *) : NULL;
    for (size_t i = 0; made && i < count; i++) {
        const struct ir_expr *arguments[3] = {NULL, NULL, NULL};
        for (uint32_t k = 0; k < order[i]->n_arguments; k++)
            arguments[k] = made[ir_expr_position(order, count, order[i]->arguments[k])];
        if (!(made[i] = widen_one(widening->context, order[i], arguments)))
            return NULL;
    }
    return made ? made[count - 1] : NULL;
}

static bool widen_store(struct widening *widening, struct loop_stmt *stmt)
{
    struct ir_context *context = widening->context;
    enum ir_elem elem = widening->function->buffers[stmt->store.buffer].elem;
    const struct ir_expr *value = widen(widening, stmt->store.value);
    if (ir_elem_is_half(elem) && stmt->store.combine != IR_EXPR_OP_COUNT) {
        const struct ir_expr *load = ir_expr_load(context, stmt->store.buffer, elem, stmt->store.address);
        const struct ir_expr *both[2] = {ir_expr_cast(context, IR_f32, load), value};
        value = ir_expr_apply(context, stmt->store.combine, 2, both);
        stmt->store.combine = IR_EXPR_OP_COUNT;
    }
    stmt->store.value = ir_elem_is_half(elem) ? ir_expr_cast(context, elem, value) : value;
    return stmt->store.value != NULL;
}

static bool widen_list(struct widening *widening, struct loop_stmt *list)
{
    bool fine = true;
    for (; list && fine; list = list->next)
        switch (list->op) {
        case LOOP_FOR:
            fine = widen_list(widening, list->loop.body);
            break;
        case LOOP_STORE:
            fine = widen_store(widening, list);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            fine = (list->local.value = widen(widening, list->local.value)) != NULL;
            break;
        case LOOP_IF:
            fine = widen_list(widening, list->branch.body) && widen_list(widening, list->branch.otherwise);
            break;
        case LOOP_BLOCK:
            fine = widen_list(widening, list->block);
            break;
        case LOOP_CHECK:
        case LOOP_PREFETCH:
        case LOOP_COMMENT:
            break;
        }
    return fine;
}

enum einc_status pass_widen_halves(struct pass_kernel *kernel)
{
    struct widening widening = {kernel->context, kernel->loops};
    if (!kernel->loops)
        return EINC_INTERNAL;
    for (size_t k = 0; k < kernel->loops->n_locals; k++)
        kernel->loops->locals[k].elem = wide(kernel->loops->locals[k].elem);
    if (!widen_list(&widening, kernel->loops->body))
        return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_INTERNAL;
    return EINC_OK;
}
