/* Loads that are not to be shared: LLVM would keep what it loaded, where loading it again is quicker. Such loads go through a
 * pointer that LLVM cannot know to be the same: what an empty piece of assembly gives back.
 *
 * A tile has rows of wide vectors and, where its width is no multiple of them, of narrow ones behind. Both multiply one element
 * with each of their lanes. LLVM makes the wide vector of that element once, in a register, and takes its low part for the narrow
 * one: a load and two multiply-adds. Without the narrow one each multiply-add reads the element itself. That is what processors do
 * best (Zen 4: 15 % of a product of 9 to 12 columns), and what gcc makes of the emitted C. So the element of a narrow vector is
 * loaded apart.
 *
 * A small matrix that a tile multiplies with is the same in each step of the loop around the tile. LLVM fills a vector with each of
 * its elements in front of that loop; where there are more of them than registers they lie on the stack, each in a line of its own,
 * and every step reads these lines again. There each step loads the elements themselves.
 *
 * Where a step has many loads at constant distances, LLVM lets them share the loop's index: base + index + distance. Intel's
 * processors split a multiply-add that reads from such an address in two (8 by 8 by 8 on Sapphire Rapids: 0.70 of the speed). With
 * a base that LLVM does not know each address is that base and its distance. */
#include <math.h>
#include <string.h>

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

/* ---- elements that are the same in each step of a loop ---- */

/* Loops that are written out around a statement, the innermost first. */
struct written_out {
    const struct written_out *outer;
    uint32_t index;
    double steps;
};

/* What a step of a loop has in vectors: sums in small arrays, and elements that each step needs again. */
struct step_vectors {
    struct llvm_kernel *kernel;
    uint32_t index; /* of the loop */
    double sums, held;
};

static double places(const struct poly *address, const struct written_out *around)
{
    double count = 1;
    for (; around; around = around->outer)
        count *= poly_uses_index(address, around->index) ? around->steps : 1;
    return count;
}

static bool is_from_input(const struct llvm_kernel *kernel, const struct ir_expr *expr)
{
    const struct loop_buffer *buffer = expr->op == IR_EXPR_load ? &kernel->loops->buffers[expr->load.buffer] : NULL;
    return buffer && buffer->kind == LOOP_INPUT && !buffer->by_value;
}

static void count_held(struct step_vectors *vectors, const struct ir_expr *expr, uint32_t lane, const struct written_out *around)
{
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        count_held(vectors, expr->arguments[k], lane, around);
    if (is_from_input(vectors->kernel, expr) && !poly_uses_index(expr->load.address, lane) &&
        !poly_uses_index(expr->load.address, vectors->index))
        vectors->held += places(expr->load.address, around);
}

/* False where the step has loops of its own, or streams what it stores: that waits for memory, and as streams ask for each vector
 * whether it begins a line, LLVM moves sums behind such questions and would load for each again. */
static bool count_vectors(struct step_vectors *vectors, const struct loop_stmt *list, const struct written_out *around)
{
    bool fine = true;
    for (const struct loop_stmt *stmt = list; stmt && fine; stmt = stmt->next) {
        int64_t begin, end;
        const struct loop_stmt *body = stmt->op == LOOP_FOR ? stmt->loop.body : NULL;
        if (stmt->op == LOOP_BLOCK)
            fine = count_vectors(vectors, stmt->block, around);
        else if (body && stmt->loop.kind == LOOP_VECTOR && body->op == LOOP_STORE) {
            bool sums =
                body->store.combine == IR_EXPR_add && vectors->kernel->loops->buffers[body->store.buffer].kind == LOOP_STACK;
            vectors->sums += sums ? places(body->store.address, around) : 0;
            count_held(vectors, body->store.value, stmt->loop.index, around);
            fine = !body->store.streams;
        } else if (body && stmt->loop.kind == LOOP_UNROLLED && poly_is_constant(stmt->loop.begin, &begin) &&
                   poly_is_constant(stmt->loop.end, &end)) {
            struct written_out here = {around, stmt->loop.index, (double)end - (double)begin};
            fine = count_vectors(vectors, body, &here);
        } else if (stmt->op == LOOP_IF) {
            struct step_vectors otherwise = *vectors;
            fine = count_vectors(vectors, stmt->branch.body, around) && count_vectors(&otherwise, stmt->branch.otherwise, around);
            vectors->sums = fmax(vectors->sums, otherwise.sums);
            vectors->held = fmax(vectors->held, otherwise.held);
        } else
            fine = stmt->op != LOOP_FOR;
    }
    return fine;
}

static double vector_registers(const struct llvm_kernel *kernel)
{
    return kernel->file->target->is_x86 && kernel->widest < 64 ? 16 : 32;
}

bool llvm_apart_begin(struct llvm_kernel *kernel)
{
    kernel->widest = widest_of(kernel->loops->body);
    kernel->apart = (struct llvm_apart){.pointers = ARENA_ARRAY(kernel->file->arena, kernel->loops->n_buffers, LLVMValueRef)};
    return kernel->apart.pointers != NULL;
}

struct llvm_apart llvm_apart_step(struct llvm_kernel *kernel, const struct loop_stmt *loop)
{
    struct llvm_apart outside = kernel->apart;
    struct step_vectors vectors = {.kernel = kernel, .index = loop->loop.index};
    if (!count_vectors(&vectors, loop->loop.body, NULL) || vectors.sums == 0)
        return outside;
    kernel->apart.step = kernel->indices[loop->loop.index];
    kernel->apart.index = loop->loop.index;
    LLVMValueRef *pointers = vectors.held + vectors.sums > vector_registers(kernel)
                                 ? ARENA_ARRAY(kernel->file->arena, kernel->loops->n_buffers, LLVMValueRef)
                                 : NULL;
    kernel->apart.crowded = pointers != NULL;
    kernel->apart.pointers = pointers ? pointers : outside.pointers;
    return outside;
}

/* The value, as LLVM does not know it; another one where `changes` is. */
static LLVMValueRef unknown(struct llvm_file *file, LLVMValueRef value, LLVMValueRef changes)
{
    LLVMTypeRef types[2] = {file->pointer, file->size};
    LLVMValueRef arguments[2] = {value, changes};
    unsigned n = changes ? 2 : 1;
    LLVMTypeRef type = LLVMFunctionType(file->pointer, types, n, false);
    const char *constraints = changes ? "=r,0,r" : "=r,0";
    LLVMValueRef nothing =
        LLVMGetInlineAsm(type, "", 0, constraints, strlen(constraints), false, false, LLVMInlineAsmDialectATT, false);
    LLVMValueRef call = LLVMBuildCall2(file->builder, type, nothing, arguments, n, "");
    LLVMAddCallSiteAttribute(call, LLVM_WHOLE, llvm_attribute(file, "memory", 0));     /* none */
    LLVMAddCallSiteAttribute(call, LLVM_WHOLE, llvm_attribute(file, "willreturn", 0)); /* loads behind it may go before the loop */
    return call;
}

LLVMValueRef llvm_base_of_step(struct llvm_kernel *kernel, uint32_t buffer, const struct poly *address, LLVMValueRef base)
{
    enum loop_buffer_kind kind = kernel->loops->buffers[buffer].kind;
    bool is_read = kind == LOOP_INPUT || kind == LOOP_SCRATCH;
    if (!kernel->apart.step || !kernel->file->target->is_x86 || !is_read || !poly_uses_index(address, kernel->apart.index))
        return base;
    return unknown(kernel->file, base, NULL);
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
    if (!is_from_input(kernel, expr))
        return false;
    if (kernel->apart.crowded && !poly_uses_index(expr->load.address, kernel->apart.index))
        return true;
    return lanes * ir_elem_info(expr->elem)->bytes < kernel->widest && changes_in_loop(kernel, expr->load.address);
}

/* Made once: where the kernel begins, or where each step does, and then in each step another one. */
static LLVMValueRef pointer_apart(struct llvm_kernel *kernel, uint32_t buffer)
{
    LLVMBuilderRef builder = kernel->file->builder;
    LLVMValueRef *pointer = &kernel->apart.pointers[buffer], step = kernel->apart.crowded ? kernel->apart.step : NULL;
    if (*pointer)
        return *pointer;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(builder);
    if (step)
        LLVMPositionBuilder(builder, LLVMGetInstructionParent(step), LLVMGetNextInstruction(step));
    else
        LLVMPositionBuilderBefore(builder, LLVMGetBasicBlockTerminator(kernel->head));
    *pointer = unknown(kernel->file, kernel->buffers[buffer], step);
    LLVMPositionBuilderAtEnd(builder, here);
    return *pointer;
}

LLVMValueRef llvm_value_apart(struct llvm_kernel *kernel, const struct ir_expr *load)
{
    struct llvm_file *file = kernel->file;
    LLVMTypeRef type = llvm_memory_type(file, load->elem);
    uint32_t buffer = load->load.buffer;
    LLVMValueRef place = llvm_place_apart(kernel, pointer_apart(kernel, buffer), buffer, load->load.address);
    LLVMValueRef value = LLVMBuildLoad2(file->builder, type, place, "");
    LLVMSetAlignment(value, ir_elem_info(load->elem)->bytes);
    return llvm_from_memory(file, load->elem, value);
}
