/* Which loops add products of integers side by side in memory to one local, so that an instruction may take several at once.
 *
 * Asked by the pass that makes dot loops, by the verifier that holds it to them, and by the backend that spells them: so all three
 * mean the same. Sums of integers wrap modulo 2^bits, so the order of the terms changes nothing. */
#include "loop.h"

/* The load of an i8 or i16 that is cast to the type of the sum; NULL: the factor is something else. */
static const struct ir_expr *narrow_load(const struct loop_function *function, const struct ir_expr *factor)
{
    if (factor->op != IR_EXPR_cast || factor->arguments[0]->op != IR_EXPR_load)
        return NULL;
    const struct ir_expr *load = factor->arguments[0];
    bool is_value = function->buffers[load->load.buffer].by_value;
    return (load->elem == IR_i8 || load->elem == IR_i16) && !is_value ? load : NULL;
}

static bool moves_by_one(struct ir_context *context, const struct poly *address, uint32_t index)
{
    const struct poly *step = NULL, *rest = NULL;
    return poly_split_index(context, address, index, &step, &rest) && poly_equals(step, 1);
}

bool loop_read_dot(struct ir_context *context, const struct loop_function *function, const struct loop_stmt *body, uint32_t index,
                   struct loop_dot *dot)
{
    if (!body || body->next || body->op != LOOP_SET || body->local.combine != IR_EXPR_add)
        return false;
    const struct ir_expr *term = body->local.value;
    if ((term->elem != IR_i32 && term->elem != IR_i64) || term->op != IR_EXPR_mul)
        return false;
    *dot = (struct loop_dot){.local = body->local.local, .elem = term->elem};
    for (int k = 0; k < 2; k++) {
        dot->factors[k] = narrow_load(function, term->arguments[k]);
        if (!dot->factors[k] || !moves_by_one(context, dot->factors[k]->load.address, index))
            return false;
    }
    if (ir_elem_info(dot->factors[0]->elem)->bytes > ir_elem_info(dot->factors[1]->elem)->bytes) {
        const struct ir_expr *wide = dot->factors[0];
        dot->factors[0] = dot->factors[1];
        dot->factors[1] = wide;
    }
    return true;
}
