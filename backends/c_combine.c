/* Assignments that take up what stands in their target: target = target combine value, in the shortest form C has for it. */
#include "backends_internal.h"

#include <string.h>

static void put_assignment(struct c_kernel *kernel, struct text *text, const char *target, const char *operator,
                           const struct ir_expr * value)
{
    text_printf(text, "%s %s ", target, operator);
    c_put_expr(kernel, text, value, C_ANY);
}

/* sum = (int32_t)((uint32_t)sum + ...) */
static void put_combined_integer(struct c_kernel *kernel, struct text *text, const char *target, enum ir_elem elem,
                                 const char *operator, const struct ir_expr * value)
{
    const char *wide = c_bits_of(elem) == 64 ? "uint64_t" : "uint32_t";
    if (elem == IR_u32 || elem == IR_u64) {
        text_printf(text, "%s %s= ", target, operator);
        c_put_modular(kernel, text, value, C_ANY);
        return;
    }
    text_printf(text, "%s = (%s)((%s)%s %s ", target, c_type(elem), wide, target, operator);
    c_put_modular(kernel, text, value, *operator== '*' ? C_UNARY : C_MULTIPLY);
    text_put(text, ")");
}

static void put_combined_call(struct c_kernel *kernel, struct text *text, const char *target, const char *name,
                              const struct ir_expr *value)
{
    text_printf(text, "%s = %s(%s, ", target, name ? name : "", target);
    c_put_expr(kernel, text, value, C_ANY);
    text_put(text, ")");
}

/* target = target - x, as it is shorter: target -= x. */
static bool put_in_place(struct c_kernel *kernel, struct text *text, const char *target, enum ir_elem elem,
                         const struct ir_expr *value)
{
    const char *sign = value->op == IR_EXPR_sub ? "-=" : value->op == IR_EXPR_add ? "+=" : value->op == IR_EXPR_mul ? "*=" : NULL;
    if (!sign || (elem != IR_f32 && elem != IR_f64) || value->elem != elem || c_part_name(kernel, value))
        return false;
    const struct ir_expr *first = value->arguments[0];
    if ((first->op != IR_EXPR_load && first->op != IR_EXPR_local) || c_part_name(kernel, first))
        return false;
    struct text read = text_create(kernel->file->arena);
    c_put_expr(kernel, &read, first, C_PRIMARY);
    const char *written = text_finish(&read);
    if (!written || strcmp(written, target) != 0)
        return false;
    put_assignment(kernel, text, target, sign, value->arguments[1]);
    return true;
}

void c_put_combined(struct c_kernel *kernel, struct text *text, const char *target, enum ir_elem elem, enum ir_expr_op combine,
                    const struct ir_expr *value)
{
    bool is_integer = ir_elem_is_integer(elem), wrap;
    switch (combine) {
    case IR_EXPR_add:
        if (is_integer)
            put_combined_integer(kernel, text, target, elem, "+", value);
        else if (value->op == IR_EXPR_neg && !c_part_name(kernel, value))
            put_assignment(kernel, text, target, "-=", value->arguments[0]);
        else
            put_assignment(kernel, text, target, "+=", value);
        return;
    case IR_EXPR_mul:
        if (is_integer)
            put_combined_integer(kernel, text, target, elem, "*", value);
        else
            put_assignment(kernel, text, target, "*=", value);
        return;
    case IR_EXPR_min:
    case IR_EXPR_max:
        put_combined_call(kernel, text, target, c_use_helper(kernel->file, combine == IR_EXPR_min ? HELPER_min : HELPER_max, elem),
                          value);
        return;
    case IR_EXPR_and:
    case IR_EXPR_or:
        wrap = combine == IR_EXPR_or && value->op == IR_EXPR_and;
        text_printf(text, "%s = %s %s ", target, target, combine == IR_EXPR_or ? "||" : "&&");
        c_put_expr(kernel, text, value, wrap ? C_EQUAL : combine == IR_EXPR_or ? C_AND : C_EQUAL);
        return;
    default:
        if (!put_in_place(kernel, text, target, elem, value))
            put_assignment(kernel, text, target, "=", value);
    }
}
