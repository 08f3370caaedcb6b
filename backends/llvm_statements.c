/* Statements of loop IR as LLVM basic blocks.
 *
 * A loop asks at its end, so that what it does not change has a place in front of it; one that may not run is stepped over.
 * Unrolled loops are written out: their index is a number in each step, and what small arrays hold has fixed places, so that it can
 * live in registers. Dead statements and loops that never run leave no trace. */
#include "llvm_internal.h"

static void statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt);

/* ---- blocks and variables ---- */

LLVMBasicBlockRef llvm_block(struct llvm_kernel *kernel, const char *name)
{
    return LLVMAppendBasicBlockInContext(kernel->file->context, kernel->function, name);
}

void llvm_go_to(struct llvm_kernel *kernel, LLVMBasicBlockRef block)
{
    LLVMMoveBasicBlockAfter(block, LLVMGetLastBasicBlock(kernel->function));
    LLVMPositionBuilderAtEnd(kernel->file->builder, block);
}

LLVMValueRef llvm_variable(struct llvm_kernel *kernel, LLVMTypeRef type, const char *name, uint32_t alignment)
{
    LLVMBuilderRef builder = kernel->file->builder;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(builder);
    LLVMPositionBuilderBefore(builder, LLVMGetBasicBlockTerminator(kernel->head));
    LLVMValueRef variable = LLVMBuildAlloca(builder, type, name);
    if (alignment)
        LLVMSetAlignment(variable, alignment);
    LLVMPositionBuilderAtEnd(builder, here);
    return variable;
}

/* ---- loops ---- */

struct llvm_loop llvm_loop_open(struct llvm_file *file, LLVMValueRef begin, LLVMValueRef end, const char *name)
{
    LLVMBasicBlockRef before = LLVMGetInsertBlock(file->builder);
    LLVMValueRef function = LLVMGetBasicBlockParent(before);
    struct llvm_loop loop = {.end = end};
    loop.body = LLVMAppendBasicBlockInContext(file->context, function, name);
    loop.after = LLVMAppendBasicBlockInContext(file->context, function, "");
    LLVMValueRef runs = LLVMBuildICmp(file->builder, LLVMIntSLT, begin, end, "");
    if (LLVMIsAConstantInt(runs) && LLVMConstIntGetZExtValue(runs))
        LLVMBuildBr(file->builder, loop.body);
    else
        LLVMBuildCondBr(file->builder, runs, loop.body, loop.after);
    LLVMPositionBuilderAtEnd(file->builder, loop.body);
    loop.index = LLVMBuildPhi(file->builder, LLVMTypeOf(begin), name);
    LLVMAddIncoming(loop.index, &begin, &before, 1);
    return loop;
}

void llvm_loop_close(struct llvm_file *file, struct llvm_loop *loop)
{
    LLVMBasicBlockRef last = LLVMGetInsertBlock(file->builder);
    LLVMValueRef next = LLVMBuildNUWAdd(file->builder, loop->index, llvm_integer(LLVMTypeOf(loop->index), 1), "");
    if (LLVMIsAInstruction(next))
        LLVMSetNSW(next, true);
    LLVMAddIncoming(loop->index, &next, &last, 1);
    LLVMBuildCondBr(file->builder, LLVMBuildICmp(file->builder, LLVMIntSLT, next, loop->end, ""), loop->body, loop->after);
    LLVMMoveBasicBlockAfter(loop->after, LLVMGetLastBasicBlock(LLVMGetBasicBlockParent(last)));
    LLVMPositionBuilderAtEnd(file->builder, loop->after);
}

void llvm_open_index(struct llvm_kernel *kernel, uint32_t index, LLVMValueRef value)
{
    kernel->indices[index] = value;
    kernel->depths[index] = ++kernel->depth;
}

void llvm_close_index(struct llvm_kernel *kernel, uint32_t index)
{
    kernel->indices[index] = NULL;
    kernel->depth--;
}

void llvm_steps(struct llvm_kernel *kernel, const struct loop_stmt *stmt, LLVMValueRef begin, LLVMValueRef end)
{
    struct llvm_loop loop = llvm_loop_open(kernel->file, begin, end, kernel->loops->indices[stmt->loop.index].name);
    size_t scope = llvm_memo_open(&kernel->memo);
    llvm_open_index(kernel, stmt->loop.index, loop.index);
    struct llvm_apart outside = llvm_apart_step(kernel, stmt);
    llvm_statements(kernel, stmt->loop.body);
    kernel->apart = outside;
    llvm_close_index(kernel, stmt->loop.index);
    llvm_memo_close(&kernel->memo, scope);
    llvm_loop_close(kernel->file, &loop);
}

static void plain_loop(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    struct llvm_file *file = kernel->file;
    LLVMValueRef begin = llvm_size(kernel, stmt->loop.begin), end = llvm_size(kernel, stmt->loop.end);
    if (stmt->loop.limit) {
        LLVMValueRef ends[2] = {llvm_size(kernel, stmt->loop.limit), end};
        end = llvm_intrinsic(file, "llvm.smin", file->size, ends, 2);
    }
    llvm_steps(kernel, stmt, begin, end);
}

/* One loop whose index is a number in each step. */
struct unrolling {
    uint32_t index;
    int64_t begin, end;
};

static bool is_written_out(const struct loop_stmt *stmt, struct unrolling *unrolling)
{
    unrolling->index = stmt->op == LOOP_FOR ? stmt->loop.index : 0;
    return stmt->op == LOOP_FOR && stmt->loop.kind == LOOP_UNROLLED && poly_is_constant(stmt->loop.begin, &unrolling->begin) &&
           poly_is_constant(stmt->loop.end, &unrolling->end);
}

static void open_unrolling(struct llvm_kernel *kernel, uint32_t index)
{
    kernel->depths[index] = ++kernel->depth;
    kernel->n_fixed++;
}

static void set_step(struct llvm_kernel *kernel, uint32_t index, int64_t step)
{
    kernel->indices[index] = llvm_integer(kernel->file->size, step);
    kernel->fixed[index] = poly_constant(kernel->file->ir, step);
}

static void close_unrolling(struct llvm_kernel *kernel, uint32_t index)
{
    kernel->fixed[index] = NULL;
    kernel->n_fixed--;
    llvm_close_index(kernel, index);
}

/* Step by step; the first one behind the limit ends it. */
static void unrolled_loop(struct llvm_kernel *kernel, const struct loop_stmt *stmt, struct unrolling loop)
{
    struct llvm_file *file = kernel->file;
    LLVMValueRef limit = stmt->loop.limit ? llvm_size(kernel, stmt->loop.limit) : NULL;
    LLVMBasicBlockRef after = limit ? llvm_block(kernel, "done") : NULL;
    size_t scope = llvm_memo_open(&kernel->memo);
    open_unrolling(kernel, loop.index);
    for (int64_t step = loop.begin; step < loop.end; step++) {
        if (limit) {
            LLVMValueRef number = llvm_integer(file->size, step);
            LLVMBasicBlockRef next = llvm_block(kernel, "step");
            LLVMBuildCondBr(file->builder, LLVMBuildICmp(file->builder, LLVMIntSLT, number, limit, ""), next, after);
            llvm_go_to(kernel, next);
        }
        set_step(kernel, loop.index, step);
        llvm_statements(kernel, stmt->loop.body);
    }
    close_unrolling(kernel, loop.index);
    llvm_memo_close(&kernel->memo, scope);
    if (limit) {
        LLVMBuildBr(file->builder, after);
        llvm_go_to(kernel, after);
    }
}

/* A step of a sum in a tile of vectors, in two loops that are written out: more steps of the inner one than of the outer. What the
 * inner index names would then be held in registers, one a step, till the next step of the outer loop needs it again, and LLVM does
 * not think better of it. Each element of the tile is another one, so either order gives the same. */
static bool holds_too_much(const struct llvm_kernel *kernel, const struct loop_stmt *outer, struct unrolling *first,
                           struct unrolling *second)
{
    const struct loop_stmt *inner = outer->loop.body, *vector = inner->op == LOOP_FOR ? inner->loop.body : NULL;
    if (!is_written_out(outer, first) || inner->next || !is_written_out(inner, second) || outer->loop.limit || inner->loop.limit ||
        vector->op != LOOP_FOR || vector->next || vector->loop.kind != LOOP_VECTOR || vector->loop.body->op != LOOP_STORE ||
        vector->loop.body->next)
        return false;
    const struct loop_stmt *store = vector->loop.body;
    return second->end - second->begin > first->end - first->begin && kernel->c->array_lanes[store->store.buffer] > 0 &&
           store->store.combine == IR_EXPR_add && poly_uses_index(store->store.address, first->index) &&
           poly_uses_index(store->store.address, second->index);
}

static void exchanged_loops(struct llvm_kernel *kernel, const struct loop_stmt *body, struct unrolling first,
                            struct unrolling second)
{
    size_t scope = llvm_memo_open(&kernel->memo);
    open_unrolling(kernel, first.index);
    open_unrolling(kernel, second.index);
    for (int64_t inner = second.begin; inner < second.end; inner++)
        for (int64_t outer = first.begin; outer < first.end; outer++) {
            set_step(kernel, first.index, outer);
            set_step(kernel, second.index, inner);
            llvm_statements(kernel, body);
        }
    close_unrolling(kernel, second.index);
    close_unrolling(kernel, first.index);
    llvm_memo_close(&kernel->memo, scope);
}

static void loop_statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    struct unrolling first, second;
    if (stmt->loop.kind == LOOP_VECTOR)
        llvm_vector_statement(kernel, stmt);
    else if (stmt->loop.kind == LOOP_PARALLEL)
        llvm_parallel_loop(kernel, stmt);
    else if (c_is_streamed_row(kernel->c, stmt))
        llvm_streamed_row(kernel, stmt, llvm_size(kernel, stmt->loop.begin), llvm_size(kernel, stmt->loop.end));
    else if (holds_too_much(kernel, stmt, &first, &second))
        exchanged_loops(kernel, stmt->loop.body->loop.body, first, second);
    else if (is_written_out(stmt, &first))
        unrolled_loop(kernel, stmt, first);
    else
        plain_loop(kernel, stmt);
}

/* ---- values ---- */

void llvm_store_statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    struct llvm_file *file = kernel->file;
    enum ir_elem elem = kernel->loops->buffers[stmt->store.buffer].elem;
    uint32_t bytes = ir_elem_info(elem)->bytes;
    LLVMValueRef value = llvm_value(kernel, stmt->store.value);
    LLVMValueRef place = llvm_place(kernel, stmt->store.buffer, stmt->store.address, true);
    if (stmt->store.combine != IR_EXPR_OP_COUNT) {
        LLVMValueRef old = LLVMBuildLoad2(file->builder, llvm_memory_type(file, elem), place, "");
        LLVMSetAlignment(old, bytes);
        value = llvm_combine(kernel, elem, stmt->store.combine, llvm_from_memory(file, elem, old), value, stmt->store.value);
    }
    LLVMSetAlignment(LLVMBuildStore(file->builder, llvm_to_memory(file, elem, value), place), bytes);
}

static void local_statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    struct llvm_file *file = kernel->file;
    const struct loop_local *local = &kernel->loops->locals[stmt->local.local];
    LLVMValueRef *place = &kernel->locals[stmt->local.local];
    LLVMValueRef value = llvm_value(kernel, stmt->local.value);
    if (stmt->op == LOOP_DEFINE && stmt->local.constant) {
        *place = value;
        return;
    }
    if (stmt->op == LOOP_DEFINE && !*place)
        *place = llvm_variable(kernel, llvm_type(file, local->elem), local->name, 0);
    if (stmt->op == LOOP_SET && stmt->local.combine != IR_EXPR_OP_COUNT) {
        LLVMValueRef old = LLVMBuildLoad2(file->builder, llvm_type(file, local->elem), *place, "");
        value = llvm_accumulate(kernel, local->elem, stmt->local.combine, old, value, stmt->local.value);
    }
    LLVMBuildStore(file->builder, value, *place);
}

/* Expressions hold what was loaded: they are made anew for each statement. */
static void value_statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    size_t scope = llvm_memo_open(&kernel->memo);
    if (stmt->op == LOOP_STORE)
        llvm_store_statement(kernel, stmt);
    else
        local_statement(kernel, stmt);
    llvm_memo_close(&kernel->memo, scope);
}

/* ---- conditions ---- */

/* Goes on where all hold, one after the other: a later one may look up what an earlier one asks for. Else to `otherwise`. */
static void conditions(struct llvm_kernel *kernel, const struct loop_stmt *stmt, LLVMBasicBlockRef otherwise)
{
    for (uint32_t k = 0; k < stmt->branch.n_conditions; k++) {
        LLVMBasicBlockRef holds = llvm_block(kernel, "holds");
        LLVMBuildCondBr(kernel->file->builder, llvm_condition(kernel, stmt->branch.conditions[k]), holds, otherwise);
        llvm_go_to(kernel, holds);
    }
}

static void branch(struct llvm_kernel *kernel, const struct loop_stmt *list, LLVMBasicBlockRef after)
{
    llvm_statements(kernel, list);
    LLVMBuildBr(kernel->file->builder, after);
}

static void if_statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    LLVMBasicBlockRef otherwise = llvm_block(kernel, "else"), after = llvm_block(kernel, "endif");
    size_t scope = llvm_memo_open(&kernel->memo);
    conditions(kernel, stmt, otherwise);
    branch(kernel, stmt->branch.body, after);
    llvm_memo_close(&kernel->memo, scope);
    llvm_go_to(kernel, otherwise);
    branch(kernel, stmt->branch.otherwise, after);
    llvm_memo_close(&kernel->memo, scope);
    llvm_go_to(kernel, after);
}

/* The call ends where a condition does not hold. */
static void check_statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    LLVMBasicBlockRef fails = llvm_block(kernel, "outside");
    conditions(kernel, stmt, fails);
    LLVMBasicBlockRef fine = LLVMGetInsertBlock(kernel->file->builder);
    LLVMPositionBuilderAtEnd(kernel->file->builder, fails);
    LLVMBuildRet(kernel->file->builder, llvm_integer(kernel->file->i32, 1));
    LLVMPositionBuilderAtEnd(kernel->file->builder, fine);
}

/* ---- everything ---- */

static void statement(struct llvm_kernel *kernel, const struct loop_stmt *stmt)
{
    if (!c_is_live(kernel->c, stmt))
        return;
    llvm_debug_at(kernel, stmt->span);
    switch (stmt->op) {
    case LOOP_FOR:
        loop_statement(kernel, stmt);
        return;
    case LOOP_STORE:
    case LOOP_DEFINE:
    case LOOP_SET:
        value_statement(kernel, stmt);
        return;
    case LOOP_IF:
        if_statement(kernel, stmt);
        return;
    case LOOP_CHECK:
        check_statement(kernel, stmt);
        return;
    case LOOP_BLOCK:
        llvm_statements(kernel, stmt->block);
        return;
    case LOOP_PREFETCH:
        llvm_prefetch(kernel->file, llvm_place(kernel, stmt->prefetch.buffer, stmt->prefetch.address, false), stmt->prefetch.far);
        return;
    case LOOP_COMMENT:
        return;
    }
}

/* Locals end with their list. */
void llvm_statements(struct llvm_kernel *kernel, const struct loop_stmt *list)
{
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next)
        statement(kernel, stmt);
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next)
        if (stmt->op == LOOP_DEFINE)
            kernel->locals[stmt->local.local] = NULL;
}
