/* Loads that are not to be shared.
 *
 * A tile has rows of wide vectors and, where its width is no multiple of them, of narrow ones behind. Both multiply one element
 * with each of their lanes. LLVM makes the wide vector of that element once, in a register, and takes its low part for the narrow
 * one: a load and two multiply-adds. Without the narrow one each multiply-add reads the element itself. That is what processors do
 * best (Zen 4: 15 % of a product of 9 to 12 columns), and what gcc makes of the emitted C. So the element of a narrow vector is
 * loaded through a pointer that LLVM cannot know to be the same: what an empty piece of assembly gives back. */
#include "llvm_internal.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t widest_of(const struct loop_stmt *list)
{
    int64_t widest = 0, lanes;
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next) {
        const struct loop_stmt *body = stmt->op == LOOP_FOR ? stmt->loop.body : NULL;
        if (body && stmt->loop.kind == LOOP_VECTOR && body->op == LOOP_STORE && poly_is_constant(stmt->loop.end, &lanes))
            widest = larger(widest, lanes * ir_elem_info(body->store.value->elem)->bytes);
        else if (body)
            widest = larger(widest, widest_of(body));
        if (stmt->op == LOOP_BLOCK)
            widest = larger(widest, widest_of(stmt->block));
        if (stmt->op == LOOP_IF)
            widest = larger(widest, larger(widest_of(stmt->branch.body), widest_of(stmt->branch.otherwise)));
    }
    return widest;
}

void llvm_apart_begin(struct llvm_kernel *kernel)
{
    kernel->widest = widest_of(kernel->loops->body);
}

/* What the innermost loop does not change is loaded in front of it, once, and kept: there one load for both is best. */
static bool changes_in_loop(const struct llvm_kernel *kernel, const struct poly *address)
{
    uint32_t innermost = UINT32_MAX;
    for (uint32_t k = 0; k < kernel->loops->n_indices; k++)
        if (kernel->indices[k] && !kernel->fixed[k] && (innermost == UINT32_MAX || kernel->depths[k] > kernel->depths[innermost]))
            innermost = k;
    return innermost != UINT32_MAX && poly_uses_index(address, innermost);
}

bool llvm_goes_apart(const struct llvm_kernel *kernel, const struct ir_expr *expr, int64_t lanes)
{
    if (expr->op != IR_EXPR_load)
        return false;
    const struct loop_buffer *buffer = &kernel->loops->buffers[expr->load.buffer];
    return buffer->kind == LOOP_INPUT && !buffer->by_value && lanes * ir_elem_info(expr->elem)->bytes < kernel->widest &&
           changes_in_loop(kernel, expr->load.address);
}

static LLVMValueRef pointer_apart(struct llvm_kernel *kernel, uint32_t buffer)
{
    struct llvm_file *file = kernel->file;
    if (kernel->apart[buffer])
        return kernel->apart[buffer];
    LLVMBasicBlockRef here = LLVMGetInsertBlock(file->builder);
    LLVMPositionBuilderBefore(file->builder, LLVMGetBasicBlockTerminator(kernel->head));
    LLVMTypeRef type = LLVMFunctionType(file->pointer, &file->pointer, 1, false);
    LLVMValueRef nothing = LLVMGetInlineAsm(type, "", 0, "=r,0", 4, false, false, LLVMInlineAsmDialectATT, false);
    kernel->apart[buffer] = LLVMBuildCall2(file->builder, type, nothing, &kernel->buffers[buffer], 1, "");
    LLVMPositionBuilderAtEnd(file->builder, here);
    return kernel->apart[buffer];
}

LLVMValueRef llvm_value_apart(struct llvm_kernel *kernel, const struct ir_expr *load)
{
    struct llvm_file *file = kernel->file;
    LLVMTypeRef type = llvm_memory_type(file, load->elem);
    LLVMValueRef at = llvm_size(kernel, load->load.address);
    LLVMValueRef place = LLVMBuildInBoundsGEP2(file->builder, type, pointer_apart(kernel, load->load.buffer), &at, 1, "");
    LLVMValueRef value = LLVMBuildLoad2(file->builder, type, place, "");
    LLVMSetAlignment(value, ir_elem_info(load->elem)->bytes);
    return llvm_from_memory(file, load->elem, value);
}
