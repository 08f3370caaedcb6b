/* Casts. The same numbers as the reference: to an integer towards zero, what does not fit becoming the least value; to 16-bit
 * floats rounded once, ties to even.
 *
 * 16-bit floats are their bits. Where the target has no instructions for f16 (LLVM would call a library) they are converted by
 * integer arithmetic, as in emitted C. */
#include "llvm_internal.h"

#include <math.h>

static LLVMValueRef bits_of(struct llvm_file *file, LLVMValueRef value)
{
    bool wide = LLVMTypeOf(value) == file->f64;
    return LLVMBuildBitCast(file->builder, value, wide ? file->i64 : file->i32, "");
}

static LLVMValueRef word(struct llvm_file *file, uint32_t value)
{
    return LLVMConstInt(file->i32, value, false);
}

static LLVMValueRef masked(struct llvm_file *file, LLVMValueRef value, uint32_t mask)
{
    return LLVMBuildAnd(file->builder, value, word(file, mask), "");
}

static LLVMValueRef shifted_right(struct llvm_file *file, LLVMValueRef value, uint32_t by)
{
    return LLVMBuildLShr(file->builder, value, word(file, by), "");
}

static LLVMValueRef as_float(struct llvm_file *file, LLVMValueRef bits)
{
    return LLVMBuildBitCast(file->builder, bits, file->f32, "");
}

/* ---- f16 and bf16 ---- */

static LLVMValueRef half_to_float(struct llvm_file *file, LLVMValueRef half)
{
    LLVMBuilderRef b = file->builder;
    if (file->target->has_halves) {
        LLVMValueRef value = LLVMBuildBitCast(b, half, LLVMHalfTypeInContext(file->context), "");
        return LLVMBuildFPExt(b, value, file->f32, "");
    }
    LLVMValueRef x = LLVMBuildZExt(b, half, file->i32, ""), exponent = masked(file, shifted_right(file, x, 10), 0x1f);
    LLVMValueRef sign = LLVMBuildShl(b, masked(file, x, 0x8000), word(file, 16), ""), fraction = masked(file, x, 0x3ff);
    /* a subnormal is a multiple of 2^-24 */
    LLVMValueRef small = LLVMBuildFMul(b, LLVMBuildUIToFP(b, fraction, file->f32, ""), LLVMConstReal(file->f32, 0x1p-24), "");
    LLVMValueRef is_full = LLVMBuildICmp(b, LLVMIntEQ, exponent, word(file, 0x1f), "");
    LLVMValueRef moved = LLVMBuildSelect(b, is_full, word(file, 0xff), LLVMBuildAdd(b, exponent, word(file, 112), ""), "");
    LLVMValueRef normal =
        LLVMBuildOr(b, LLVMBuildShl(b, moved, word(file, 23), ""), LLVMBuildShl(b, fraction, word(file, 13), ""), "");
    LLVMValueRef is_small = LLVMBuildICmp(b, LLVMIntEQ, exponent, word(file, 0), "");
    return as_float(file, LLVMBuildOr(b, sign, LLVMBuildSelect(b, is_small, bits_of(file, small), normal, ""), ""));
}

static LLVMValueRef half_from_float(struct llvm_file *file, LLVMValueRef value)
{
    LLVMBuilderRef b = file->builder;
    if (file->target->has_halves) {
        LLVMValueRef half = LLVMBuildFPTrunc(b, value, LLVMHalfTypeInContext(file->context), "");
        return LLVMBuildBitCast(b, half, file->i16, "");
    }
    LLVMValueRef bits = bits_of(file, value), size = masked(file, bits, 0x7fffffff);
    LLVMValueRef sign = masked(file, shifted_right(file, bits, 16), 0x8000), cut = shifted_right(file, size, 13);
    LLVMValueRef nan = LLVMBuildOr(b, masked(file, cut, 0x3ff), word(file, 0x7e00), "");
    LLVMValueRef odd = masked(file, cut, 1), up = LLVMBuildAdd(b, LLVMBuildAdd(b, size, word(file, 0xfff), ""), odd, "");
    LLVMValueRef normal = shifted_right(file, LLVMBuildSub(b, up, word(file, 0x38000000), ""), 13);
    /* below 2^-14: 0.5 added, whose last place is that of f16 there */
    LLVMValueRef sum = LLVMBuildFAdd(b, as_float(file, size), LLVMConstReal(file->f32, 0.5), "");
    LLVMValueRef small = LLVMBuildSub(b, bits_of(file, sum), word(file, 0x3f000000), "");
    LLVMValueRef is_nan = LLVMBuildICmp(b, LLVMIntUGT, size, word(file, 0x7f800000), "");
    LLVMValueRef is_large = LLVMBuildICmp(b, LLVMIntUGE, size, word(file, 0x477ff000), ""); /* at least 65520 */
    LLVMValueRef is_normal = LLVMBuildICmp(b, LLVMIntUGE, size, word(file, 0x38800000), "");
    LLVMValueRef result = LLVMBuildSelect(b, is_normal, normal, small, "");
    result = LLVMBuildSelect(b, is_large, word(file, 0x7c00), result, "");
    result = LLVMBuildSelect(b, is_nan, nan, result, "");
    return LLVMBuildTrunc(b, LLVMBuildOr(b, sign, result, ""), file->i16, "");
}

static LLVMValueRef brain_from_float(struct llvm_file *file, LLVMValueRef value)
{
    LLVMBuilderRef b = file->builder;
    LLVMValueRef bits = bits_of(file, value), high = shifted_right(file, bits, 16);
    LLVMValueRef near = LLVMBuildAdd(b, LLVMBuildAdd(b, bits, word(file, 0x7fff), ""), masked(file, high, 1), "");
    LLVMValueRef is_nan = LLVMBuildFCmp(b, LLVMRealUNO, value, value, "");
    LLVMValueRef result = LLVMBuildSelect(b, is_nan, LLVMBuildOr(b, high, word(file, 0x40), ""), shifted_right(file, near, 16), "");
    return LLVMBuildTrunc(b, result, file->i16, "");
}

/* The nearest float, and where that is not the number itself, of its two neighbours the odd one: a second rounding is then right.
 */
static LLVMValueRef rounded_to_odd(struct llvm_file *file, LLVMValueRef value)
{
    LLVMBuilderRef b = file->builder;
    LLVMValueRef near = LLVMBuildFPTrunc(b, value, file->f32, ""), back = LLVMBuildFPExt(b, near, file->f64, "");
    LLVMValueRef bits = bits_of(file, near), zero = LLVMConstReal(file->f64, 0);
    LLVMValueRef is_exact = LLVMBuildFCmp(b, LLVMRealUEQ, back, value, ""); /* or not a number */
    LLVMValueRef is_negative = LLVMBuildFCmp(b, LLVMRealOLT, value, zero, "");
    LLVMValueRef further = LLVMBuildSelect(b, is_negative, LLVMBuildFCmp(b, LLVMRealOLT, back, value, ""),
                                           LLVMBuildFCmp(b, LLVMRealOGT, back, value, ""), "");
    LLVMValueRef nearer = LLVMBuildSub(b, bits, LLVMBuildZExt(b, further, file->i32, ""), "");
    LLVMValueRef odd = LLVMBuildOr(b, nearer, word(file, 1), "");
    return as_float(file, LLVMBuildSelect(b, is_exact, bits, odd, ""));
}

static LLVMValueRef to_float(struct llvm_file *file, enum ir_elem from, LLVMValueRef value)
{
    if (from == IR_f16)
        return half_to_float(file, value);
    LLVMValueRef bits = LLVMBuildZExt(file->builder, value, file->i32, "");
    return as_float(file, LLVMBuildShl(file->builder, bits, word(file, 16), ""));
}

/* ---- between kinds ---- */

static bool is_signed(enum ir_elem elem)
{
    return ir_elem_info(elem)->kind == IR_KIND_SIGNED;
}

/* What does not fit becomes the least value of the type. */
static LLVMValueRef integer_from_float(struct llvm_file *file, enum ir_elem to, LLVMValueRef value)
{
    LLVMBuilderRef b = file->builder;
    LLVMTypeRef type = llvm_type(file, to);
    int bits = (int)ir_elem_info(to)->bytes * 8;
    double high = ldexp(1, is_signed(to) ? bits - 1 : bits); /* below the least value; for 64 bits its neighbour below */
    double low = !is_signed(to) ? -1 : bits == 64 ? -0x1.0000000000001p63 : -high - 1;
    if (LLVMTypeOf(value) == file->f32)
        value = LLVMBuildFPExt(b, value, file->f64, "");
    LLVMValueRef is_above = LLVMBuildFCmp(b, LLVMRealOGT, value, LLVMConstReal(file->f64, low), "");
    LLVMValueRef is_below = LLVMBuildFCmp(b, LLVMRealOLT, value, LLVMConstReal(file->f64, high), "");
    LLVMValueRef fits = LLVMBuildAnd(b, is_above, is_below, "");
    LLVMValueRef least = is_signed(to) ? LLVMConstInt(type, UINT64_C(1) << (bits - 1), false) : LLVMConstNull(type);
    /* of a number that does not fit the instruction has no value; it is not chosen then */
    LLVMValueRef whole = is_signed(to) ? LLVMBuildFPToSI(b, value, type, "") : LLVMBuildFPToUI(b, value, type, "");
    return LLVMBuildSelect(b, fits, whole, least, "");
}

static LLVMValueRef float_from(struct llvm_file *file, enum ir_elem from, LLVMTypeRef type, LLVMValueRef value)
{
    LLVMBuilderRef b = file->builder;
    if (ir_elem_is_float(from))
        return LLVMBuildFPCast(b, value, type, "");
    return is_signed(from) ? LLVMBuildSIToFP(b, value, type, "") : LLVMBuildUIToFP(b, value, type, "");
}

static LLVMValueRef half_from(struct llvm_file *file, enum ir_elem from, enum ir_elem to, LLVMValueRef value)
{
    bool is_exact = from == IR_f32 || ir_elem_info(from)->bytes < 4; /* in f32 */
    if (!is_exact)
        value = rounded_to_odd(file, float_from(file, from, file->f64, value));
    else if (from != IR_f32)
        value = float_from(file, from, file->f32, value);
    return to == IR_f16 ? half_from_float(file, value) : brain_from_float(file, value);
}

LLVMValueRef llvm_cast(struct llvm_kernel *kernel, enum ir_elem from, enum ir_elem to, LLVMValueRef value)
{
    struct llvm_file *file = kernel->file;
    LLVMBuilderRef b = file->builder;
    if (from == to)
        return value;
    if (ir_elem_is_half(from)) {
        value = to_float(file, from, value);
        from = IR_f32;
        if (to == IR_f32)
            return value;
    }
    if (to == IR_bool) {
        LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(value));
        return ir_elem_is_float(from) ? LLVMBuildFCmp(b, LLVMRealUNE, value, zero, "")
                                      : LLVMBuildICmp(b, LLVMIntNE, value, zero, "");
    }
    if (ir_elem_is_half(to))
        return half_from(file, from, to, value);
    if (ir_elem_is_float(to))
        return float_from(file, from, llvm_type(file, to), value);
    if (ir_elem_is_float(from))
        return integer_from_float(file, to, value);
    return LLVMBuildIntCast2(b, value, llvm_type(file, to), is_signed(from), "");
}
