/* Expressions of loop IR as LLVM values.
 *
 * Within a statement each subexpression is made once. The arms of a `select` are made beside it where nothing in them can read
 * outside of a buffer and none is a call; else under a branch, and what the statement needs in several places comes first. Sums and
 * products of floats may be fused (`contract`) but in `exact` kernels; what a statement adds to may also be added in another order
 * (`reassoc`), which is what vectors along a sum need. No other liberty is taken: inf and nan stay what they are, and but for
 * extrema that are taken along a loop so does -0. */
#include "llvm_internal.h"

#include <string.h>

static LLVMValueRef value_of(struct llvm_kernel *kernel, const struct ir_expr *expr);

/* ---- liberties ---- */

static LLVMValueRef with_flags(const struct llvm_kernel *kernel, LLVMValueRef value, LLVMFastMathFlags flags)
{
    if (kernel->may_fuse && LLVMIsAInstruction(value) && LLVMCanValueUseFastMathFlags(value))
        LLVMSetFastMathFlags(value, flags);
    return value;
}

static LLVMValueRef fusible(const struct llvm_kernel *kernel, LLVMValueRef value)
{
    return with_flags(kernel, value, LLVMFastMathAllowContract);
}

/* ---- operations ---- */

static LLVMValueRef arithmetic(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = kernel->file->builder;
    bool is_float = ir_elem_is_float(elem);
    switch (op) {
    case IR_EXPR_add:
        return is_float ? fusible(kernel, LLVMBuildFAdd(builder, a, b, "")) : LLVMBuildAdd(builder, a, b, "");
    case IR_EXPR_sub:
        return is_float ? fusible(kernel, LLVMBuildFSub(builder, a, b, "")) : LLVMBuildSub(builder, a, b, "");
    case IR_EXPR_mul:
        return is_float ? fusible(kernel, LLVMBuildFMul(builder, a, b, "")) : LLVMBuildMul(builder, a, b, "");
    default:
        return is_float ? LLVMBuildFNeg(builder, a, "") : LLVMBuildNeg(builder, a, "");
    }
}

static LLVMValueRef comparison(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef a, LLVMValueRef b)
{
    static const struct {
        enum ir_expr_op op;
        LLVMRealPredicate real;
        LLVMIntPredicate with_sign, without;
    } rows[] = {
        {IR_EXPR_eq, LLVMRealOEQ, LLVMIntEQ, LLVMIntEQ},   {IR_EXPR_ne, LLVMRealUNE, LLVMIntNE, LLVMIntNE},
        {IR_EXPR_lt, LLVMRealOLT, LLVMIntSLT, LLVMIntULT}, {IR_EXPR_le, LLVMRealOLE, LLVMIntSLE, LLVMIntULE},
        {IR_EXPR_gt, LLVMRealOGT, LLVMIntSGT, LLVMIntUGT}, {IR_EXPR_ge, LLVMRealOGE, LLVMIntSGE, LLVMIntUGE},
    };
    size_t at = 0;
    while (rows[at].op != op)
        at++;
    if (ir_elem_is_float(elem))
        return LLVMBuildFCmp(kernel->file->builder, rows[at].real, a, b, "");
    bool is_signed = ir_elem_info(elem)->kind == IR_KIND_SIGNED;
    return LLVMBuildICmp(kernel->file->builder, is_signed ? rows[at].with_sign : rows[at].without, a, b, "");
}

LLVMValueRef llvm_apply(struct llvm_kernel *kernel, const struct ir_expr *expr, enum ir_elem elem, LLVMValueRef *arguments)
{
    LLVMBuilderRef builder = kernel->file->builder;
    LLVMValueRef a = arguments[0], b = arguments[1];
    switch (expr->op) {
    case IR_EXPR_neg:
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_mul:
        return arithmetic(kernel, expr->op, elem, a, b);
    case IR_EXPR_div:
    case IR_EXPR_floor_div:
    case IR_EXPR_floor_mod:
        return llvm_divide(kernel, expr->op, elem, a, b);
    case IR_EXPR_min:
    case IR_EXPR_max:
        return llvm_extremum(kernel, expr->op, elem, a, b);
    case IR_EXPR_eq:
    case IR_EXPR_ne:
    case IR_EXPR_lt:
    case IR_EXPR_le:
    case IR_EXPR_gt:
    case IR_EXPR_ge:
        return comparison(kernel, expr->op, elem, a, b);
    case IR_EXPR_and:
        return LLVMBuildAnd(builder, a, b, "");
    case IR_EXPR_or:
        return LLVMBuildOr(builder, a, b, "");
    case IR_EXPR_not:
        return LLVMBuildNot(builder, a, "");
    case IR_EXPR_cast:
        return llvm_cast(kernel, elem, expr->elem, a);
    default:
        return llvm_function(kernel, expr->op, elem, arguments);
    }
}

/* ---- leaves ---- */

static LLVMValueRef load_value(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    struct llvm_file *file = kernel->file;
    if (kernel->loops->buffers[expr->load.buffer].by_value)
        return kernel->buffers[expr->load.buffer];
    LLVMValueRef place = llvm_place(kernel, expr->load.buffer, expr->load.address, true);
    LLVMValueRef value = LLVMBuildLoad2(file->builder, llvm_memory_type(file, expr->elem), place, "");
    LLVMSetAlignment(value, ir_elem_info(expr->elem)->bytes);
    return llvm_from_memory(file, expr->elem, value);
}

static LLVMValueRef leaf_value(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    struct llvm_file *file = kernel->file;
    switch (expr->op) {
    case IR_EXPR_literal:
        return llvm_literal(file, expr->literal);
    case IR_EXPR_index:
        return llvm_signed(kernel, expr->index);
    case IR_EXPR_load:
        return load_value(kernel, expr);
    default:
        if (LLVMIsAAllocaInst(kernel->locals[expr->local]))
            return LLVMBuildLoad2(file->builder, llvm_type(file, expr->elem), kernel->locals[expr->local], "");
        return kernel->locals[expr->local];
    }
}

/* ---- branches ---- */

static bool load_is_inside(struct llvm_kernel *kernel, const struct ir_expr *load)
{
    struct poly_ranges ranges = {(uint32_t)kernel->loops->n_indices, kernel->c->extents};
    return poly_prove_within(kernel->file->ir, load->load.address, kernel->loops->buffers[load->load.buffer].count, &ranges);
}

enum { UNKNOWN, HARMLESS, HARMFUL };

/* Room for what is known of the expression. */
static uint8_t *knowledge_of(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    if (expr->id >= kernel->n_harmless) {
        size_t wanted = (size_t)expr->id * 2 + 64;
        uint8_t *grown = ARENA_ARRAY(kernel->file->arena, wanted, uint8_t);
        if (!grown)
            return NULL;
        if (kernel->n_harmless)
            memcpy(grown, kernel->harmless, kernel->n_harmless);
        kernel->harmless = grown;
        kernel->n_harmless = wanted;
    }
    return &kernel->harmless[expr->id];
}

/* May it be made where nobody asks for it? */
static bool is_harmless(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    const uint8_t *known = knowledge_of(kernel, expr);
    if (!known || *known)
        return known && *known == HARMLESS;
    bool harmless = !llvm_is_call(expr->op) && (expr->op != IR_EXPR_load || load_is_inside(kernel, expr));
    for (uint32_t k = 0; k < expr->n_arguments && harmless; k++)
        harmless = is_harmless(kernel, expr->arguments[k]);
    uint8_t *now = knowledge_of(kernel, expr);
    if (now)
        *now = harmless ? HARMLESS : HARMFUL;
    return harmless;
}

static bool has_branch(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    if (is_harmless(kernel, expr))
        return false;
    if (expr->op == IR_EXPR_select && !(is_harmless(kernel, expr->arguments[1]) && is_harmless(kernel, expr->arguments[2])))
        return true;
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        if (has_branch(kernel, expr->arguments[k]))
            return true;
    return false;
}

/* What an arm makes is not there behind it. */
static LLVMValueRef arm_value(struct llvm_kernel *kernel, const struct ir_expr *expr, LLVMBasicBlockRef after,
                              LLVMBasicBlockRef *end)
{
    size_t scope = llvm_memo_open(&kernel->memo);
    LLVMValueRef value = value_of(kernel, expr);
    llvm_memo_close(&kernel->memo, scope);
    *end = LLVMGetInsertBlock(kernel->file->builder);
    LLVMBuildBr(kernel->file->builder, after);
    return value;
}

static LLVMValueRef choice(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    LLVMBuilderRef builder = kernel->file->builder;
    LLVMValueRef condition = value_of(kernel, expr->arguments[0]), values[2];
    if (is_harmless(kernel, expr->arguments[1]) && is_harmless(kernel, expr->arguments[2])) {
        values[0] = value_of(kernel, expr->arguments[1]);
        values[1] = value_of(kernel, expr->arguments[2]);
        return LLVMBuildSelect(builder, condition, values[0], values[1], "");
    }
    LLVMBasicBlockRef arms[2] = {llvm_block(kernel, "holds"), llvm_block(kernel, "else")}, after = llvm_block(kernel, "chosen"),
                      ends[2];
    LLVMBuildCondBr(builder, condition, arms[0], arms[1]);
    for (int k = 0; k < 2; k++) {
        llvm_go_to(kernel, arms[k]);
        values[k] = arm_value(kernel, expr->arguments[k + 1], after, &ends[k]);
    }
    llvm_go_to(kernel, after);
    LLVMValueRef value = LLVMBuildPhi(builder, llvm_type(kernel->file, expr->elem), "");
    LLVMAddIncoming(value, values, ends, 2);
    return value;
}

/* ---- everything ---- */

static LLVMValueRef value_of(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    LLVMValueRef value = llvm_memo_find(&kernel->memo, MEMO_EXPR, expr->id, 0), arguments[3] = {NULL, NULL, NULL};
    if (value)
        return value;
    if (expr->op == IR_EXPR_select) {
        value = choice(kernel, expr);
    } else if (ir_expr_info(expr->op)->arity == 0) {
        value = leaf_value(kernel, expr);
    } else {
        for (uint32_t k = 0; k < expr->n_arguments; k++)
            arguments[k] = value_of(kernel, expr->arguments[k]);
        value = llvm_apply(kernel, expr, expr->arguments[0]->elem, arguments);
    }
    llvm_memo_add(&kernel->memo, MEMO_EXPR, expr->id, 0, value);
    return value;
}

LLVMValueRef llvm_value(struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    if (has_branch(kernel, expr)) {
        size_t count;
        const struct ir_expr **shared = c_shared(kernel->c, expr, &count);
        for (size_t k = 0; shared && k < count; k++)
            value_of(kernel, shared[k]);
    }
    return value_of(kernel, expr);
}

/* Sums of products keep their products' rounding out, others must not wait for a multiplication at each step. */
static LLVMFastMathFlags liberties_of(const struct ir_expr *value)
{
    return value->op == IR_EXPR_mul ? LLVMFastMathAllowContract | LLVMFastMathAllowReassoc : LLVMFastMathAllowReassoc;
}

LLVMValueRef llvm_combine(struct llvm_kernel *kernel, enum ir_elem elem, enum ir_expr_op combine, LLVMValueRef old,
                          LLVMValueRef value, const struct ir_expr *expr)
{
    LLVMBuilderRef builder = kernel->file->builder;
    switch (combine) {
    case IR_EXPR_add:
    case IR_EXPR_mul:
        value = arithmetic(kernel, combine, elem, old, value);
        return ir_elem_is_float(elem) ? with_flags(kernel, value, liberties_of(expr)) : value;
    case IR_EXPR_min:
    case IR_EXPR_max:
        return llvm_extremum(kernel, combine, elem, old, value);
    case IR_EXPR_and:
        return LLVMBuildAnd(builder, old, value, "");
    case IR_EXPR_or:
        return LLVMBuildOr(builder, old, value, "");
    default:
        return value;
    }
}

LLVMValueRef llvm_accumulate(struct llvm_kernel *kernel, enum ir_elem elem, enum ir_expr_op combine, LLVMValueRef old,
                             LLVMValueRef value, const struct ir_expr *expr)
{
    bool is_extremum = combine == IR_EXPR_min || combine == IR_EXPR_max;
    if (!kernel->may_fuse || !is_extremum || !ir_elem_is_float(elem))
        return llvm_combine(kernel, elem, combine, old, value, expr);
    LLVMValueRef both[2] = {old, value}; /* in any order, so that a zero may have either sign */
    return llvm_intrinsic(kernel->file, combine == IR_EXPR_min ? "llvm.minimum" : "llvm.maximum", LLVMTypeOf(old), both, 2);
}
