/* Elementary functions of vectors as LLVM values: the straight lines of ir/expansions.def, operation by operation. */
#include "ir/expansion.h"
#include "llvm_internal.h"

struct expanding {
    struct llvm_kernel *kernel;
    enum ir_elem elem;
    LLVMTypeRef type; /* of all values */
};

static LLVMBuilderRef builder_of(const struct expanding *expanding)
{
    return expanding->kernel->file->builder;
}

static LLVMValueRef number(const struct expanding *expanding, double value)
{
    return LLVMConstReal(expanding->type, value);
}

static LLVMValueRef intrinsic(const struct expanding *expanding, const char *name, LLVMValueRef *arguments, unsigned n)
{
    return llvm_intrinsic(expanding->kernel->file, name, expanding->type, arguments, n);
}

/* Where sums are rounded to integers. */
static double rounding(const struct expanding *expanding)
{
    return expanding->elem == IR_f64 ? 0x1.8p+52 : 0x1.8p+23;
}

static LLVMValueRef rounded(const struct expanding *expanding, LLVMValueRef a)
{
    LLVMValueRef large = number(expanding, rounding(expanding));
    return LLVMBuildFSub(builder_of(expanding), LLVMBuildFAdd(builder_of(expanding), a, large, ""), large, "");
}

/* The same bits in all lanes, and what has them in its lanes. */
static LLVMValueRef bits(const struct expanding *expanding, uint64_t f64, uint32_t f32)
{
    struct llvm_file *file = expanding->kernel->file;
    bool is_double = expanding->elem == IR_f64;
    LLVMValueRef one = LLVMConstInt(is_double ? file->i64 : file->i32, is_double ? f64 : f32, false);
    unsigned lanes = LLVMGetVectorSize(expanding->type);
    LLVMValueRef *each = ARENA_ARRAY(file->arena, lanes, LLVMValueRef);
    for (unsigned k = 0; each && k < lanes; k++)
        each[k] = one;
    return each ? LLVMConstVector(each, lanes) : one;
}

static LLVMValueRef bits_of(const struct expanding *expanding, LLVMValueRef a)
{
    return LLVMBuildBitCast(builder_of(expanding), a, LLVMTypeOf(bits(expanding, 0, 0)), "");
}

static LLVMValueRef of_bits(const struct expanding *expanding, LLVMValueRef a)
{
    return LLVMBuildBitCast(builder_of(expanding), a, expanding->type, "");
}

/* The exponent is moved to its place, biased. */
static LLVMValueRef two_to(const struct expanding *expanding, LLVMValueRef a)
{
    LLVMValueRef biased = number(expanding, rounding(expanding) + (expanding->elem == IR_f64 ? 1023 : 127));
    LLVMValueRef sum = bits_of(expanding, LLVMBuildFAdd(builder_of(expanding), a, biased, ""));
    return of_bits(expanding, LLVMBuildShl(builder_of(expanding), sum, bits(expanding, 52, 23), ""));
}

/* As the last places of a number that has none behind its point. */
static LLVMValueRef exponent(const struct expanding *expanding, LLVMValueRef a)
{
    LLVMBuilderRef builder = builder_of(expanding);
    LLVMValueRef biased = LLVMBuildLShr(builder, bits_of(expanding, a), bits(expanding, 52, 23), "");
    LLVMValueRef placed = LLVMBuildOr(builder, biased, bits(expanding, UINT64_C(0x4330000000000000), 0x4b000000), "");
    double base = expanding->elem == IR_f64 ? 0x1p+52 + 1023 : 0x1p+23 + 127;
    return LLVMBuildFSub(builder, of_bits(expanding, placed), number(expanding, base), "");
}

static LLVMValueRef mantissa(const struct expanding *expanding, LLVMValueRef a)
{
    LLVMBuilderRef builder = builder_of(expanding);
    LLVMValueRef fraction = LLVMBuildAnd(builder, bits_of(expanding, a), bits(expanding, UINT64_C(0xfffffffffffff), 0x7fffff), "");
    return of_bits(expanding, LLVMBuildOr(builder, fraction, bits(expanding, UINT64_C(0x3ff0000000000000), 0x3f800000), ""));
}

/* Powers of two in halves, so that both are normal: what leaves the range is rounded once. */
static LLVMValueRef scaled(const struct expanding *expanding, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = builder_of(expanding);
    LLVMValueRef half = rounded(expanding, LLVMBuildFMul(builder, b, number(expanding, 0.5), ""));
    LLVMValueRef once = LLVMBuildFMul(builder, a, two_to(expanding, half), "");
    return LLVMBuildFMul(builder, once, two_to(expanding, LLVMBuildFSub(builder, b, half, "")), "");
}

static LLVMValueRef choice(const struct expanding *expanding, LLVMRealPredicate test, LLVMValueRef a, LLVMValueRef b,
                           LLVMValueRef c, LLVMValueRef d)
{
    return LLVMBuildSelect(builder_of(expanding), LLVMBuildFCmp(builder_of(expanding), test, a, b, ""), c, d, "");
}

static LLVMValueRef operation(const struct expanding *expanding, const struct expansion_step *step, LLVMValueRef *v)
{
    LLVMBuilderRef builder = builder_of(expanding);
    switch (step->op) {
    case EXPANSION_add:
        return LLVMBuildFAdd(builder, v[0], v[1], "");
    case EXPANSION_subtract:
        return LLVMBuildFSub(builder, v[0], v[1], "");
    case EXPANSION_multiply:
        return LLVMBuildFMul(builder, v[0], v[1], "");
    case EXPANSION_divide:
        return LLVMBuildFDiv(builder, v[0], v[1], "");
    case EXPANSION_fma:
        return intrinsic(expanding, "llvm.fmuladd", v, 3);
    case EXPANSION_negate:
        return LLVMBuildFNeg(builder, v[0], "");
    case EXPANSION_absolute:
        return intrinsic(expanding, "llvm.fabs", v, 1);
    case EXPANSION_copysign:
        return intrinsic(expanding, "llvm.copysign", v, 2);
    case EXPANSION_lesser:
        return choice(expanding, LLVMRealOLT, v[0], v[1], v[0], v[1]);
    case EXPANSION_larger:
        return choice(expanding, LLVMRealOGT, v[0], v[1], v[0], v[1]);
    case EXPANSION_where_less:
        return choice(expanding, LLVMRealOLT, v[0], v[1], v[2], v[3]);
    case EXPANSION_round:
        return rounded(expanding, v[0]);
    case EXPANSION_two_to:
        return two_to(expanding, v[0]);
    case EXPANSION_exponent:
        return exponent(expanding, v[0]);
    case EXPANSION_mantissa:
        return mantissa(expanding, v[0]);
    case EXPANSION_scale:
        return scaled(expanding, v[0], v[1]);
    case EXPANSION_call:
    case EXPANSION_OP_COUNT:
        break;
    }
    return llvm_expand(expanding->kernel, step->function, expanding->elem, v[0]);
}

LLVMValueRef llvm_expand(struct llvm_kernel *kernel, enum ir_expr_op function, enum ir_elem elem, LLVMValueRef x)
{
    const struct expanding expanding = {kernel, elem, LLVMTypeOf(x)};
    const struct expansion *expansion = expansion_of(kernel->file->arena, function, elem);
    LLVMValueRef *values = expansion ? ARENA_ARRAY(kernel->file->arena, expansion->n_steps, LLVMValueRef) : NULL;
    if (!values)
        return x;
    values[0] = x;
    for (size_t k = 1; k < expansion->n_steps; k++) {
        const struct expansion_step *step = &expansion->steps[k];
        LLVMValueRef operands[EXPANSION_OPERANDS];
        for (uint32_t o = 0; o < step->n_operands; o++) {
            const struct expansion_operand *operand = &step->operands[o];
            operands[o] = operand->step == EXPANSION_NUMBER ? number(&expanding, operand->number) : values[operand->step];
        }
        values[k] = operation(&expanding, step, operands);
    }
    return values[expansion->n_steps - 1];
}
