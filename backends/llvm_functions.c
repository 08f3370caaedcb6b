/* Functions of ops.def and functions.def as LLVM values, with the numbers that emitted C gives (c_helpers.c).
 *
 * What LLVM has an instruction for is one of its own functions, the rest are calls of the C library by the name that the row's C
 * has: a new row needs nothing here unless its C is more than a call. Formulas with roundings of their own are never fused. */
#include "llvm_internal.h"

#include <string.h>

static LLVMValueRef constant_like(LLVMValueRef like, double value)
{
    return LLVMConstReal(LLVMTypeOf(like), value);
}

/* ---- extrema, division ---- */

LLVMValueRef llvm_extremum(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = kernel->file->builder;
    bool is_max = op == IR_EXPR_max;
    if (ir_elem_is_float(elem)) {
        LLVMValueRef beyond = LLVMBuildFCmp(builder, is_max ? LLVMRealOGT : LLVMRealOLT, a, b, "");
        LLVMValueRef is_nan = LLVMBuildFCmp(builder, LLVMRealUNO, a, a, ""), chosen = LLVMBuildSelect(builder, beyond, a, b, "");
        return LLVMBuildSelect(builder, is_nan, a, chosen, ""); /* `chosen` alone is one instruction of most processors */
    }
    bool is_signed = ir_elem_info(elem)->kind == IR_KIND_SIGNED;
    LLVMIntPredicate above = is_signed ? LLVMIntSGT : LLVMIntUGT, below = is_signed ? LLVMIntSLT : LLVMIntULT;
    return LLVMBuildSelect(builder, LLVMBuildICmp(builder, is_max ? above : below, a, b, ""), a, b, "");
}

/* x / 0 and x div 0 are 0, x mod 0 is x; the least value by -1 wraps. */
static LLVMValueRef divide_integers(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef a,
                                    LLVMValueRef b)
{
    LLVMBuilderRef builder = kernel->file->builder;
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMValueRef zero = LLVMConstNull(type), one = llvm_integer(type, 1), is_zero = LLVMBuildICmp(builder, LLVMIntEQ, b, zero, "");
    bool takes_rest = op == IR_EXPR_floor_mod;
    LLVMValueRef at_zero = takes_rest ? a : zero;
    if (ir_elem_info(elem)->kind != IR_KIND_SIGNED) {
        LLVMValueRef divisor = LLVMBuildSelect(builder, is_zero, one, b, "");
        LLVMValueRef result = takes_rest ? LLVMBuildURem(builder, a, divisor, "") : LLVMBuildUDiv(builder, a, divisor, "");
        return LLVMBuildSelect(builder, is_zero, at_zero, result, "");
    }
    LLVMValueRef is_minus = LLVMBuildICmp(builder, LLVMIntEQ, b, llvm_integer(type, -1), "");
    LLVMValueRef divisor = LLVMBuildSelect(builder, LLVMBuildOr(builder, is_zero, is_minus, ""), one, b, "");
    LLVMValueRef quotient = LLVMBuildSDiv(builder, a, divisor, ""), rest = LLVMBuildSRem(builder, a, divisor, "");
    LLVMValueRef is_whole = LLVMBuildICmp(builder, LLVMIntEQ, rest, zero, "");
    LLVMValueRef differs = LLVMBuildICmp(builder, LLVMIntSLT, LLVMBuildXor(builder, a, b, ""), zero, "");
    LLVMValueRef down = LLVMBuildAnd(builder, LLVMBuildNot(builder, is_whole, ""), differs, "");
    LLVMValueRef result = quotient, at_minus = takes_rest ? zero : LLVMBuildNeg(builder, a, "");
    if (op == IR_EXPR_floor_div)
        result = LLVMBuildAdd(builder, quotient, LLVMBuildSExt(builder, down, type, ""), "");
    if (takes_rest)
        result = LLVMBuildAdd(builder, rest, LLVMBuildSelect(builder, down, b, zero, ""), "");
    return LLVMBuildSelect(builder, is_zero, at_zero, LLVMBuildSelect(builder, is_minus, at_minus, result, ""), "");
}

LLVMValueRef llvm_divide(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef a, LLVMValueRef b)
{
    struct llvm_file *file = kernel->file;
    if (!ir_elem_is_float(elem))
        return divide_integers(kernel, op, elem, a, b);
    LLVMValueRef quotient = LLVMBuildFDiv(file->builder, a, b, "");
    if (op == IR_EXPR_div)
        return quotient;
    LLVMValueRef whole = llvm_intrinsic(file, "llvm.floor", LLVMTypeOf(a), &quotient, 1);
    if (op == IR_EXPR_floor_div)
        return whole;
    return LLVMBuildFSub(file->builder, a, LLVMBuildFMul(file->builder, b, whole, ""), "");
}

/* ---- functions ---- */

static LLVMValueRef library(struct llvm_kernel *kernel, const char *base, LLVMValueRef x)
{
    struct llvm_file *file = kernel->file;
    const char *name = arena_printf(file->arena, "%s%s", base, LLVMTypeOf(x) == file->f32 ? "f" : "");
    return name ? llvm_call_library(file, name, LLVMTypeOf(x), &x, 1) : x;
}

static LLVMValueRef absolute(struct llvm_kernel *kernel, LLVMValueRef x)
{
    return llvm_intrinsic(kernel->file, "llvm.fabs", LLVMTypeOf(x), &x, 1);
}

/* 1 / (1 + exp(-x)), without overflow */
static LLVMValueRef sigmoid(struct llvm_kernel *kernel, LLVMValueRef x)
{
    LLVMBuilderRef b = kernel->file->builder;
    LLVMValueRef e = library(kernel, "exp", LLVMBuildFNeg(b, absolute(kernel, x), "")), one = constant_like(x, 1);
    LLVMValueRef is_negative = LLVMBuildFCmp(b, LLVMRealOLT, x, constant_like(x, 0), "");
    return LLVMBuildFDiv(b, LLVMBuildSelect(b, is_negative, e, one, ""), LLVMBuildFAdd(b, one, e, ""), "");
}

/* 0.5 x (1 + erf(x sqrt(1/2))) */
static LLVMValueRef gelu(struct llvm_kernel *kernel, LLVMValueRef x)
{
    LLVMBuilderRef b = kernel->file->builder;
    LLVMValueRef inner = LLVMBuildFMul(b, x, constant_like(x, 0x1.6a09e667f3bcdp-1), "");
    LLVMValueRef sum = LLVMBuildFAdd(b, constant_like(x, 1), library(kernel, "erf", inner), "");
    return LLVMBuildFMul(b, LLVMBuildFMul(b, constant_like(x, 0.5), x, ""), sum, "");
}

/* 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x x x))) */
static LLVMValueRef gelu_tanh(struct llvm_kernel *kernel, LLVMValueRef x)
{
    LLVMBuilderRef b = kernel->file->builder;
    LLVMValueRef cube = LLVMBuildFMul(b, constant_like(x, 0x1.6e4e26d4801f7p-5), x, "");
    cube = LLVMBuildFMul(b, LLVMBuildFMul(b, cube, x, ""), x, "");
    LLVMValueRef inner = LLVMBuildFMul(b, constant_like(x, 0x1.9884533d43651p-1), LLVMBuildFAdd(b, x, cube, ""), "");
    LLVMValueRef sum = LLVMBuildFAdd(b, constant_like(x, 1), library(kernel, "tanh", inner), "");
    return LLVMBuildFMul(b, LLVMBuildFMul(b, constant_like(x, 0.5), x, ""), sum, "");
}

static LLVMValueRef relu(struct llvm_kernel *kernel, enum ir_elem elem, LLVMValueRef x)
{
    LLVMBuilderRef b = kernel->file->builder;
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(x));
    if (ir_elem_is_float(elem)) /* NaN stays */
        return LLVMBuildSelect(b, LLVMBuildFCmp(b, LLVMRealOLE, x, zero, ""), zero, x, "");
    if (ir_elem_info(elem)->kind != IR_KIND_SIGNED)
        return x;
    return LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntSLT, x, zero, ""), zero, x, "");
}

static LLVMValueRef magnitude(struct llvm_kernel *kernel, enum ir_elem elem, LLVMValueRef x)
{
    LLVMBuilderRef b = kernel->file->builder;
    if (ir_elem_is_float(elem))
        return absolute(kernel, x);
    if (ir_elem_info(elem)->kind != IR_KIND_SIGNED)
        return x;
    LLVMValueRef is_negative = LLVMBuildICmp(b, LLVMIntSLT, x, LLVMConstNull(LLVMTypeOf(x)), "");
    return LLVMBuildSelect(b, is_negative, LLVMBuildNeg(b, x, ""), x, ""); /* the least value stays */
}

/* The name in front of `~` where the row's C is a call, `exp~($0)`; NULL: it is more. */
static const char *called_name(struct llvm_file *file, enum ir_expr_op op)
{
    const char *c = ir_expr_info(op)->c, *suffix = strchr(c, '~');
    return suffix && suffix > c && suffix[1] == '(' ? arena_strndup(file->arena, c, (size_t)(suffix - c)) : NULL;
}

/* Functions that are instructions on most targets, and else calls of the same library. */
static const char *own_name(const char *name)
{
    static const char *const names[][2] = {
        {"sqrt", "llvm.sqrt"}, {"fma", "llvm.fma"}, {"floor", "llvm.floor"}, {"fabs", "llvm.fabs"}};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (!strcmp(names[k][0], name))
            return names[k][1];
    return NULL;
}

bool llvm_is_call(enum ir_expr_op op)
{
    const struct ir_expr_info *info = ir_expr_info(op);
    return info->flops == IR_FLOPS_FUNCTION && op != IR_EXPR_abs && op != IR_EXPR_relu && op != IR_EXPR_sqrt;
}

LLVMValueRef llvm_function(struct llvm_kernel *kernel, enum ir_expr_op op, enum ir_elem elem, LLVMValueRef *arguments)
{
    struct llvm_file *file = kernel->file;
    LLVMValueRef x = arguments[0];
    switch (op) {
    case IR_EXPR_relu:
        return relu(kernel, elem, x);
    case IR_EXPR_abs:
        return magnitude(kernel, elem, x);
    case IR_EXPR_gelu:
        return gelu(kernel, x);
    case IR_EXPR_gelu_tanh:
        return gelu_tanh(kernel, x);
    case IR_EXPR_sigmoid:
        return sigmoid(kernel, x);
    case IR_EXPR_silu:
        return LLVMBuildFMul(file->builder, x, sigmoid(kernel, x), "");
    case IR_EXPR_conj: /* of a real number */
    case IR_EXPR_real:
        return x;
    case IR_EXPR_imag:
        return LLVMConstNull(LLVMTypeOf(x));
    default:
        break;
    }
    unsigned n = (unsigned)ir_expr_info(op)->arity;
    const char *base = called_name(file, op), *own = base ? own_name(base) : NULL;
    if (!base || n > 3)
        return LLVMGetUndef(LLVMTypeOf(x));
    if (own)
        return llvm_intrinsic(file, own, LLVMTypeOf(x), arguments, n);
    const char *name = arena_printf(file->arena, "%s%s", base, elem == IR_f32 ? "f" : "");
    return name ? llvm_call_library(file, name, LLVMTypeOf(x), arguments, n) : x;
}
