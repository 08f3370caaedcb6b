/* Element types of operators: what is joined mixes as factors of a product do, and what has no data takes the type of its use. */
#include "operator_read.h"

struct value_type operator_join_types(struct value_type a, struct value_type b)
{
    if (!a.weakness && !b.weakness)
        return (struct value_type){TYPED, ir_elem_promote(a.elem, b.elem), a.fixed ? a.fixed : b.fixed};
    if (a.weakness && b.weakness)
        return a.weakness > b.weakness ? a : b;
    struct value_type typed = a.weakness ? b : a, weak = a.weakness ? a : b;
    if (weak.weakness == WEAK_A_COMPLEX)
        typed.elem = ir_elem_complex(typed.elem);
    return typed;
}

/* Of bools a sum is `or`, a product `and`: nothing is subtracted or divided. */
enum bools { BOOLS_DATA, BOOLS_ONES, BOOLS_PARTS, BOOLS_NEVER };

#define CONSTRUCTOR(name, arguments, numbers, bools, meaning) [OPERATOR_##name] = BOOLS_##bools,
static const enum bools bools_of[] = {
#include "constructors.def"
    [OPERATOR_TENSOR] = BOOLS_DATA,      [OPERATOR_PRODUCT] = BOOLS_PARTS,  [OPERATOR_SUM] = BOOLS_PARTS, /* 1 and 1 is true */
    [OPERATOR_DIFFERENCE] = BOOLS_NEVER, [OPERATOR_NEGATIVE] = BOOLS_NEVER, [OPERATOR_MULTIPLE] = BOOLS_DATA,
};

static bool is_of_ones(const struct operator_node *operator_)
{
    if (bools_of[operator_->kind] != BOOLS_PARTS)
        return bools_of[operator_->kind] == BOOLS_ONES;
    for (uint32_t k = 0; k < operator_->n_parts; k++)
        if (!operator_->parts[k]->of_ones)
            return false;
    return true;
}

/* What has been joined so far, as a factor. */
struct joined {
    bool any;
    struct formula formula;
    struct operator_node made_of;
};

static bool join(const struct reading *reading, struct joined *joined, const struct operator_node *around,
                 const struct formula *next, bool of_ones)
{
    struct value_type type = next->type;
    if (joined->any && !types_meet(reading->statement, around->span, &joined->formula, next, &type))
        return false;
    joined->made_of.of_ones = of_ones && (!joined->any || joined->made_of.of_ones);
    joined->formula = (struct formula){.kind = FORMULA_OPERATOR, .span = next->span, .type = type, .operator_ = &joined->made_of};
    joined->any = true;
    return true;
}

bool operator_set_type(const struct reading *reading, struct operator_node *operator_)
{
    struct joined joined = {.any = false};
    for (uint32_t k = 0; k < operator_->n_parts; k++) {
        const struct operator_node *part = operator_->parts[k];
        const struct formula next = {.kind = FORMULA_OPERATOR, .span = part->span, .type = part->type, .operator_ = part};
        if (!join(reading, &joined, operator_, &next, part->of_ones))
            return false;
    }
    for (uint32_t k = 0; k < operator_->n_tensors; k++) {
        const struct operator_tensor *tensor = &operator_->tensors[k];
        const struct formula next = {.kind = FORMULA_ACCESS, .span = tensor->span, .type = tensor->type};
        if (!tensor->is_table && !join(reading, &joined, operator_, &next, false))
            return false;
    }
    if (operator_->number && !join(reading, &joined, operator_, operator_->number, false))
        return false;
    if (joined.any)
        operator_->type = joined.formula.type;
    operator_->of_ones = is_of_ones(operator_);
    if (!joined.any || !value_is_bool(operator_->type) || bools_of[operator_->kind] != BOOLS_NEVER)
        return true;
    diag_error(reading->statement->body->diagnostics, DIAG_E0316, operator_->span,
               "this operator is not defined for bool: it subtracts or divides");
    return operator_failed(reading), false;
}
