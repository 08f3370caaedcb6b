/* Builders of pointwise expressions.
 *
 * Expressions are hash-consed as nodes are. A builder first simplifies, but only where the value keeps its bits for every argument:
 * literals are computed in their element type (fold.c), x * 1 and x / 1 go in all real types, x + 0 only in integers (-0.0 + 0.0 is
 * 0.0; x + -0.0 and x - 0.0 are exact and go), x * 0 only in integers (inf and nan). Complex products with 1 stay, since they may
 * turn the sign of a zero. Anything that needs algebra is for passes, which know the kernel's numeric class. */
#include "ir_internal.h"

#include <math.h>
#include <string.h>

/* ---- hash-consing ---- */

static uint64_t hash_expr(const struct ir_expr *expr)
{
    uint64_t hash = hash_mix((uint64_t)expr->op, (uint64_t)expr->elem);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        hash = hash_mix(hash, expr->arguments[k]->id);
    switch (expr->op) {
    case IR_EXPR_literal:
        return ir_hash_number(hash, expr->literal);
    case IR_EXPR_operand:
        return hash_mix(hash, expr->operand);
    case IR_EXPR_index:
        return hash_mix(hash, expr->index->id);
    case IR_EXPR_load:
        return hash_mix(hash_mix(hash, expr->load.buffer), expr->load.address->id);
    case IR_EXPR_local:
        return hash_mix(hash, expr->local);
    default:
        return hash;
    }
}

static bool equal_expressions(const void *key, const void *item)
{
    const struct ir_expr *a = key, *b = item;
    if (a->op != b->op || a->elem != b->elem || a->n_arguments != b->n_arguments ||
        memcmp(a->arguments, b->arguments, sizeof a->arguments) != 0)
        return false;
    switch (a->op) {
    case IR_EXPR_literal:
        return ir_number_equal(a->literal, b->literal);
    case IR_EXPR_operand:
        return a->operand == b->operand;
    case IR_EXPR_index:
        return a->index == b->index;
    case IR_EXPR_load:
        return a->load.buffer == b->load.buffer && a->load.address == b->load.address;
    case IR_EXPR_local:
        return a->local == b->local;
    default:
        return true;
    }
}

static const struct ir_expr *intern_expr(struct ir_context *context, struct ir_expr draft)
{
    if (arena_failed(context->arena))
        return NULL;
    draft.hash = hash_expr(&draft);
    const struct ir_expr *found = intern_find(&context->expressions, draft.hash, &draft, equal_expressions);
    if (found)
        return found;
    draft.id = context->n_expressions;
    for (uint32_t k = 0; k < draft.n_arguments; k++)
        draft.depth = draft.arguments[k]->depth > draft.depth ? draft.arguments[k]->depth : draft.depth;
    draft.depth++;
    const struct ir_expr *expr = arena_copy(context->arena, &draft, 1, sizeof draft);
    if (!intern_add(context->arena, &context->expressions, draft.hash, expr))
        return NULL;
    context->n_expressions++;
    return expr;
}

/* ---- leaves ---- */

const struct ir_expr *ir_expr_literal(struct ir_context *context, struct ir_number number)
{
    return intern_expr(context, (struct ir_expr){.op = IR_EXPR_literal, .elem = number.elem, .literal = number});
}

const struct ir_expr *ir_expr_operand(struct ir_context *context, uint32_t operand, enum ir_elem elem)
{
    return intern_expr(context, (struct ir_expr){.op = IR_EXPR_operand, .elem = elem, .operand = operand});
}

const struct ir_expr *ir_expr_index(struct ir_context *context, const struct poly *index)
{
    int64_t value;
    if (!index)
        return NULL;
    if (poly_is_constant(index, &value))
        return ir_expr_literal(context, ir_number_integer(IR_i64, value));
    return intern_expr(context, (struct ir_expr){.op = IR_EXPR_index, .elem = IR_i64, .index = index});
}

const struct ir_expr *ir_expr_load(struct ir_context *context, uint32_t buffer, enum ir_elem elem, const struct poly *address)
{
    if (!address)
        return NULL;
    return intern_expr(context, (struct ir_expr){.op = IR_EXPR_load, .elem = elem, .load = {buffer, address}});
}

const struct ir_expr *ir_expr_local(struct ir_context *context, uint32_t local, enum ir_elem elem)
{
    return intern_expr(context, (struct ir_expr){.op = IR_EXPR_local, .elem = elem, .local = local});
}

bool ir_expr_uses_index(const struct ir_expr *expr, uint32_t index)
{
    if (expr->op == IR_EXPR_load)
        return poly_uses_index(expr->load.address, index);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        if (ir_expr_uses_index(expr->arguments[k], index))
            return true;
    return expr->op == IR_EXPR_index && poly_uses_index(expr->index, index);
}

/* ---- simplifying ---- */

static bool is_exactly(const struct ir_expr *expr, double value)
{
    if (expr->op != IR_EXPR_literal)
        return false;
    if (ir_elem_is_complex(expr->elem))
        return false;
    return ir_number_equal(expr->literal, ir_elem_is_float(expr->elem) ? ir_number_real(expr->elem, value)
                                                                       : ir_number_integer(expr->elem, (int64_t)value));
}

/* The neutral element on one side of a sum: 0 in integers, -0.0 in floats. */
static bool is_added_zero(const struct ir_expr *expr)
{
    return is_exactly(expr, ir_elem_is_float(expr->elem) ? -0.0 : 0.0);
}

static const struct ir_expr *simplify_arithmetic(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a,
                                                 const struct ir_expr *b)
{
    bool exact = ir_elem_is_integer(a->elem);
    const struct ir_expr *zero = exact ? ir_expr_literal(context, ir_number_integer(a->elem, 0)) : NULL;
    switch (op) {
    case IR_EXPR_add:
        return is_added_zero(b) ? a : is_added_zero(a) ? b : NULL;
    case IR_EXPR_sub:
        return is_exactly(b, 0.0) ? a : exact && a == b ? zero : NULL;
    case IR_EXPR_mul:
        if (exact && (a == zero || b == zero))
            return zero;
        return is_exactly(b, 1) ? a : is_exactly(a, 1) ? b : NULL;
    case IR_EXPR_div:
        return is_exactly(b, 1) ? a : NULL;
    case IR_EXPR_floor_div:
        return exact && is_exactly(b, 1) ? a : NULL;
    case IR_EXPR_floor_mod:
        return exact && is_exactly(b, 1) ? zero : NULL;
    case IR_EXPR_min:
    case IR_EXPR_max:
        return a == b ? a : NULL;
    default:
        return NULL;
    }
}

static const struct ir_expr *simplify_logic(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a,
                                            const struct ir_expr *b)
{
    bool ordered = !ir_elem_is_float(a->elem) && !ir_elem_is_complex(a->elem); /* nothing differs from itself, as nan does */
    switch (op) {
    case IR_EXPR_and:
        return is_exactly(b, 1) || a == b || is_exactly(a, 0) ? a : is_exactly(a, 1) || is_exactly(b, 0) ? b : NULL;
    case IR_EXPR_or:
        return is_exactly(b, 0) || a == b || is_exactly(a, 1) ? a : is_exactly(a, 0) || is_exactly(b, 1) ? b : NULL;
    case IR_EXPR_eq:
    case IR_EXPR_le:
    case IR_EXPR_ge:
        return ordered && a == b ? ir_expr_literal(context, ir_number_integer(IR_bool, 1)) : NULL;
    case IR_EXPR_ne:
    case IR_EXPR_lt:
    case IR_EXPR_gt:
        return ordered && a == b ? ir_expr_literal(context, ir_number_integer(IR_bool, 0)) : NULL;
    default:
        return NULL;
    }
}

static const struct ir_expr *simplify_unary(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a)
{
    bool is_complex = ir_elem_is_complex(a->elem);
    switch (op) {
    case IR_EXPR_neg:
    case IR_EXPR_not:
        return a->op == op ? a->arguments[0] : NULL;
    case IR_EXPR_conj:
        return !is_complex ? a : a->op == op ? a->arguments[0] : NULL;
    case IR_EXPR_real:
        return !is_complex ? a : a->op == IR_EXPR_complex ? a->arguments[0] : NULL;
    case IR_EXPR_imag:
        if (!is_complex)
            return ir_expr_literal(context, ir_number_integer(a->elem, 0));
        return a->op == IR_EXPR_complex ? a->arguments[1] : NULL;
    default:
        return NULL;
    }
}

/* Something simpler with the same bits, or NULL. */
static const struct ir_expr *simplify(struct ir_context *context, enum ir_expr_op op, uint32_t n,
                                      const struct ir_expr *const *arguments)
{
    if (n == 1)
        return simplify_unary(context, op, arguments[0]);
    if (n == 2) {
        const struct ir_expr *simple = simplify_arithmetic(context, op, arguments[0], arguments[1]);
        return simple ? simple : simplify_logic(context, op, arguments[0], arguments[1]);
    }
    if (op != IR_EXPR_select)
        return NULL;
    if (arguments[1] == arguments[2] || is_exactly(arguments[0], 1))
        return arguments[1];
    return is_exactly(arguments[0], 0) ? arguments[2] : NULL;
}

/* ---- applying ---- */

bool ir_expr_result(enum ir_expr_op op, uint32_t n, const enum ir_elem *elems, enum ir_elem *result)
{
    const struct ir_expr_info *info = ir_expr_info(op);
    if (op >= IR_EXPR_OP_COUNT || info->arity == 0 || (uint32_t)info->arity != n || info->result == IR_RESULT_CAST)
        return false;
    enum ir_elem elem = elems[n - 1];
    for (uint32_t k = 0; k < n; k++) {
        bool condition = op == IR_EXPR_select && k == 0;
        if (elems[k] != (condition ? IR_bool : elem) || !ir_expr_takes(op, elems[k]))
            return false;
    }
    *result = info->result == IR_RESULT_REAL      ? ir_elem_real(elem)
              : info->result == IR_RESULT_COMPLEX ? ir_elem_complex(elem)
              : info->result == IR_RESULT_BOOL    ? IR_bool
              : info->result == IR_RESULT_C128    ? IR_c128
                                                  : elem;
    return true;
}

const struct ir_expr *ir_expr_apply(struct ir_context *context, enum ir_expr_op op, uint32_t n_arguments,
                                    const struct ir_expr *const *arguments)
{
    struct ir_expr draft = {.op = op, .n_arguments = n_arguments};
    struct ir_number literals[3], folded;
    enum ir_elem elems[3];
    bool constant = true;
    if (n_arguments < 1 || n_arguments > 3)
        return NULL;
    for (uint32_t k = 0; k < n_arguments; k++) {
        if (!arguments[k])
            return NULL;
        draft.arguments[k] = arguments[k];
        elems[k] = arguments[k]->elem;
        constant = constant && arguments[k]->op == IR_EXPR_literal;
        if (constant)
            literals[k] = arguments[k]->literal;
    }
    if (!ir_expr_result(op, n_arguments, elems, &draft.elem))
        return NULL;
    if (constant && ir_fold_numbers(op, literals, &folded))
        return ir_expr_literal(context, folded);
    const struct ir_expr *simple = simplify(context, op, n_arguments, arguments);
    return simple ? simple : intern_expr(context, draft);
}

/* Does every value of `from` exist in `to`? */
static bool widens(enum ir_elem from, enum ir_elem to)
{
    const struct ir_elem_info *narrow = ir_elem_info(from), *wide = ir_elem_info(to);
    if (narrow->kind == wide->kind)
        return from == to || narrow->bytes < wide->bytes; /* f16 and bf16 have no order */
    if (narrow->kind == IR_KIND_FLOAT && wide->kind == IR_KIND_COMPLEX)
        return 2 * narrow->bytes <= wide->bytes;
    return narrow->kind == IR_KIND_UNSIGNED && wide->kind == IR_KIND_SIGNED && narrow->bytes < wide->bytes;
}

const struct ir_expr *ir_expr_cast(struct ir_context *context, enum ir_elem elem, const struct ir_expr *argument)
{
    if (!argument || elem >= IR_ELEM_COUNT)
        return NULL;
    if (argument->elem == elem)
        return argument;
    if (argument->op == IR_EXPR_literal)
        return ir_expr_literal(context, ir_fold_cast(elem, argument->literal));
    if (argument->op == IR_EXPR_cast && widens(argument->arguments[0]->elem, argument->elem))
        return ir_expr_cast(context, elem, argument->arguments[0]);
    return intern_expr(context, (struct ir_expr){.op = IR_EXPR_cast, .elem = elem, .n_arguments = 1, .arguments = {argument}});
}
