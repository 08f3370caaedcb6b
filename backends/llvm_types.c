/* Element types, numbers and constant tables in LLVM IR, and calls of functions that the module does not define. */
#include "llvm_internal.h"

#include <string.h>

enum { TABLE_ALIGNMENT = 64 };

LLVMTypeRef llvm_memory_type(struct llvm_file *file, enum ir_elem elem)
{
    if (elem == IR_f32 || elem == IR_f64)
        return elem == IR_f32 ? file->f32 : file->f64;
    return LLVMIntTypeInContext(file->context, ir_elem_info(elem)->bytes * 8);
}

LLVMTypeRef llvm_type(struct llvm_file *file, enum ir_elem elem)
{
    return elem == IR_bool ? file->truth : llvm_memory_type(file, elem);
}

LLVMTypeRef llvm_vector_type(struct llvm_file *file, enum ir_elem elem, int64_t lanes)
{
    return LLVMVectorType(llvm_memory_type(file, elem), (unsigned)lanes);
}

LLVMValueRef llvm_integer(LLVMTypeRef type, int64_t value)
{
    return LLVMConstInt(type, (unsigned long long)value, true);
}

LLVMValueRef llvm_literal(struct llvm_file *file, struct ir_number number)
{
    LLVMTypeRef type = llvm_type(file, number.elem);
    if (ir_elem_is_half(number.elem)) {
        uint16_t bits;
        ir_number_store(number, &bits, 0);
        return LLVMConstInt(type, bits, false);
    }
    if (ir_elem_is_float(number.elem))
        return LLVMConstReal(type, number.re);
    return llvm_integer(type, number.elem == IR_bool ? number.i != 0 : number.i);
}

LLVMValueRef llvm_from_memory(struct llvm_file *file, enum ir_elem elem, LLVMValueRef value)
{
    return elem == IR_bool ? LLVMBuildICmp(file->builder, LLVMIntNE, value, LLVMConstNull(file->i8), "") : value;
}

LLVMValueRef llvm_to_memory(struct llvm_file *file, enum ir_elem elem, LLVMValueRef value)
{
    return elem == IR_bool ? LLVMBuildZExt(file->builder, value, file->i8, "") : value;
}

/* ---- tables ---- */

/* Its bytes in the order of the target. */
static const char *target_bytes(struct llvm_file *file, const struct ir_constant *constant, uint32_t element)
{
    const uint16_t probe = 1;
    bool host_is_little = *(const unsigned char *)&probe == 1;
    if (element == 1 || host_is_little == (LLVMByteOrder(file->target->layout) == LLVMLittleEndian))
        return constant->data;
    char *swapped = arena_alloc(file->arena, constant->bytes, 1);
    for (size_t at = 0; swapped && at < constant->bytes; at += element)
        for (uint32_t k = 0; k < element; k++)
            swapped[at + k] = ((const char *)constant->data)[at + element - 1 - k];
    return swapped;
}

LLVMValueRef llvm_table(struct llvm_file *file, const struct ir_constant *constant, enum ir_elem elem, const char *name)
{
    for (size_t k = 0; k < file->n_tables; k++) {
        const struct ir_constant *other = file->tables[k].constant;
        if (file->tables[k].elem == elem && other->bytes == constant->bytes && other->hash == constant->hash &&
            !memcmp(other->data, constant->data, constant->bytes))
            return file->tables[k].global;
    }
    const char *bytes = target_bytes(file, constant, ir_elem_info(ir_elem_real(elem))->bytes);
    if (!bytes)
        return LLVMGetUndef(file->pointer);
    LLVMValueRef data = LLVMConstStringInContext2(file->context, bytes, constant->bytes, true);
    LLVMValueRef global = LLVMAddGlobal(file->module, LLVMTypeOf(data), constant->name ? constant->name : name ? name : "table");
    LLVMSetInitializer(global, data);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(global, LLVMGlobalUnnamedAddr);
    LLVMSetAlignment(global, TABLE_ALIGNMENT);
    struct llvm_table table = {constant, elem, global};
    ARENA_PUSH(file->arena, file->tables, file->n_tables, file->tables_capacity, table);
    return global;
}

/* ---- calls ---- */

static LLVMValueRef call_intrinsic(struct llvm_file *file, const char *name, LLVMTypeRef *types, size_t n_types,
                                   LLVMValueRef *arguments, unsigned n)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(file->module, id, types, n_types);
    LLVMTypeRef signature = LLVMIntrinsicGetType(file->context, id, types, n_types);
    return LLVMBuildCall2(file->builder, signature, function, arguments, n, "");
}

LLVMValueRef llvm_intrinsic(struct llvm_file *file, const char *name, LLVMTypeRef type, LLVMValueRef *arguments, unsigned n)
{
    return call_intrinsic(file, name, &type, type ? 1 : 0, arguments, n);
}

LLVMValueRef llvm_memory_intrinsic(struct llvm_file *file, const char *name, LLVMTypeRef type, LLVMValueRef *arguments, unsigned n)
{
    LLVMTypeRef types[2] = {type, file->pointer};
    return call_intrinsic(file, name, types, 2, arguments, n);
}

LLVMAttributeRef llvm_attribute(struct llvm_file *file, const char *name, uint64_t value)
{
    return LLVMCreateEnumAttribute(file->context, LLVMGetEnumAttributeKindForName(name, strlen(name)), value);
}

void llvm_add_attribute(struct llvm_file *file, LLVMValueRef function, unsigned index, const char *name, uint64_t value)
{
    LLVMAddAttributeAtIndex(function, index, llvm_attribute(file, name, value));
}

LLVMValueRef llvm_call_library(struct llvm_file *file, const char *name, LLVMTypeRef type, LLVMValueRef *arguments, unsigned n)
{
    LLVMTypeRef parameters[3] = {type, type, type};
    LLVMTypeRef signature = LLVMFunctionType(type, parameters, n, false);
    LLVMValueRef function = LLVMGetNamedFunction(file->module, name);
    if (!function) {
        function = LLVMAddFunction(file->module, name, signature);
        llvm_add_attribute(file, function, LLVM_WHOLE, "nounwind", 0);
        llvm_add_attribute(file, function, LLVM_WHOLE, "willreturn", 0);
        llvm_add_attribute(file, function, LLVM_WHOLE, "memory", 0); /* none: nobody asks for errno */
    }
    return LLVMBuildCall2(file->builder, signature, function, arguments, n, "");
}
