/* Parallel loops: the share of one thread is a function of its own.
 *
 * It begins with the parameters of the kernel; behind them stand what else is known where the loop is (indices of loops around it,
 * locals, small arrays), and the number of the thread. Shares are handed to `parallel_for(share, frame, threads)`, with all that in
 * a frame: for engines a function of einc, in files one that asks OpenMP's library (`GOMP_parallel`, which gcc's and LLVM's have)
 * for a team, whose threads do every n-th share. Share t of T are the iterations from t*n/T up to (t+1)*n/T, as in emitted C. */
#include "llvm_internal.h"

#include <string.h>

/* ---- what a share knows ---- */

struct captured {
    LLVMValueRef **slots; /* where the kernel keeps the value */
    LLVMValueRef *values;
    size_t count, n_values, slots_capacity, values_capacity;
};

static void capture(struct llvm_kernel *kernel, struct captured *captured, LLVMValueRef *slot, LLVMValueRef value)
{
    struct arena *arena = kernel->file->arena;
    if (ARENA_PUSH(arena, captured->slots, captured->count, captured->slots_capacity, slot) &&
        !ARENA_PUSH(arena, captured->values, captured->n_values, captured->values_capacity, value))
        captured->count--;
}

static struct captured capture_all(struct llvm_kernel *kernel)
{
    struct llvm_file *file = kernel->file;
    const struct loop_function *loops = kernel->loops;
    struct captured captured = {0};
    for (size_t k = 0; k < loops->n_indices; k++)
        if (kernel->indices[k] && !LLVMIsConstant(kernel->indices[k]))
            capture(kernel, &captured, &kernel->indices[k], kernel->indices[k]);
    for (size_t k = 0; k < loops->n_locals; k++) {
        LLVMValueRef value = kernel->locals[k];
        if (value && LLVMIsAAllocaInst(value)) /* only read in the loop */
            value = LLVMBuildLoad2(file->builder, llvm_type(file, loops->locals[k].elem), value, "");
        if (value && !LLVMIsConstant(value))
            capture(kernel, &captured, &kernel->locals[k], value);
    }
    for (size_t k = 0; k < loops->n_buffers; k++)
        if (loops->buffers[k].kind == LOOP_STACK && !loops->buffers[k].is_private && kernel->buffers[k])
            capture(kernel, &captured, &kernel->buffers[k], kernel->buffers[k]);
    return captured;
}

/* ---- the share ---- */

/* thread * n / threads */
static LLVMValueRef bound(struct llvm_kernel *kernel, LLVMValueRef thread, LLVMValueRef end)
{
    LLVMBuilderRef builder = kernel->file->builder;
    return LLVMBuildUDiv(builder, LLVMBuildMul(builder, thread, end, ""), kernel->threads, "");
}

static void build_steps(struct llvm_kernel *kernel, const struct loop_stmt *loop)
{
    struct llvm_file *file = kernel->file;
    LLVMValueRef end = llvm_size(kernel, loop->loop.end),
                 next = LLVMBuildAdd(file->builder, kernel->thread, llvm_integer(file->size, 1), "");
    LLVMValueRef first = bound(kernel, kernel->thread, end), last = bound(kernel, next, end);
    if (c_is_streamed_row(kernel->c, loop))
        llvm_streamed_row(kernel, loop, first, last);
    else
        llvm_steps(kernel, loop, first, last);
    if (kernel->streams)
        llvm_finish_streams(file);
    LLVMBuildRetVoid(file->builder);
}

/* The kernel as the function of a share sees it: nothing made outside is there but what it was given. */
static bool build_share(struct llvm_kernel *kernel, const struct loop_stmt *loop, LLVMValueRef function, unsigned n_common,
                        const struct captured *captured)
{
    struct arena *arena = kernel->file->arena;
    const struct loop_function *loops = kernel->loops;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(kernel->file->builder);
    LLVMMetadataRef place = LLVMGetCurrentDebugLocation2(kernel->file->builder);
    struct llvm_kernel outside = *kernel;
    kernel->dims = arena_copy(arena, kernel->dims, ir_dim_count(kernel->file->ir), sizeof(LLVMValueRef));
    kernel->buffers = ARENA_ARRAY(arena, loops->n_buffers, LLVMValueRef);
    kernel->locals = arena_copy(arena, kernel->locals, loops->n_locals, sizeof(LLVMValueRef));
    kernel->indices = arena_copy(arena, kernel->indices, loops->n_indices, sizeof(LLVMValueRef));
    bool fine = llvm_memo_create(&kernel->memo, arena) && !arena_failed(arena);
    kernel->function = function;
    kernel->streams = false;
    kernel->thread = LLVMGetParam(function, n_common + (unsigned)captured->count);
    for (size_t k = 0; fine && k < captured->count; k++) {
        LLVMValueRef given = LLVMGetParam(function, n_common + (unsigned)k), *slot = captured->slots[k];
        if (slot >= outside.indices && slot < outside.indices + loops->n_indices)
            kernel->indices[slot - outside.indices] = given;
        else if (slot >= outside.locals && slot < outside.locals + loops->n_locals)
            kernel->locals[slot - outside.locals] = given;
        else
            kernel->buffers[slot - outside.buffers] = given;
    }
    fine = fine && llvm_open_function(kernel);
    if (fine)
        build_steps(kernel, loop);
    outside.harmless = kernel->harmless;
    outside.n_harmless = kernel->n_harmless;
    *kernel = outside;
    LLVMPositionBuilderAtEnd(kernel->file->builder, here);
    LLVMSetCurrentDebugLocation2(kernel->file->builder, place);
    return fine;
}

/* ---- the team ---- */

static LLVMValueRef new_function(struct llvm_file *file, const char *name, LLVMTypeRef type)
{
    LLVMValueRef function = LLVMAddFunction(file->module, name, type);
    LLVMSetLinkage(function, LLVMPrivateLinkage);
    llvm_add_attribute(file, function, LLVM_WHOLE, "nounwind", 0);
    return function;
}

static LLVMTypeRef share_type(struct llvm_file *file)
{
    LLVMTypeRef types[2] = {file->pointer, file->size};
    return LLVMFunctionType(file->nothing, types, 2, false);
}

static LLVMTypeRef team_type(struct llvm_file *file)
{
    LLVMTypeRef types[3] = {file->pointer, file->pointer, file->size};
    return LLVMFunctionType(file->nothing, types, 3, false);
}

static LLVMValueRef part(struct llvm_file *file, LLVMTypeRef type, LLVMValueRef frame, unsigned k)
{
    return LLVMBuildLoad2(file->builder, LLVMStructGetTypeAtIndex(type, k), LLVMBuildStructGEP2(file->builder, type, frame, k, ""),
                          "");
}

static LLVMValueRef external(struct llvm_file *file, const char *name, LLVMTypeRef type)
{
    LLVMValueRef function = LLVMGetNamedFunction(file->module, name);
    return function ? function : LLVMAddFunction(file->module, name, type);
}

static LLVMValueRef ask_openmp(struct llvm_file *file, const char *name)
{
    LLVMTypeRef type = LLVMFunctionType(file->i32, NULL, 0, false);
    LLVMValueRef number = LLVMBuildCall2(file->builder, type, external(file, name, type), NULL, 0, "");
    return LLVMBuildZExtOrBitCast(file->builder, number, file->size, "");
}

/* void member(frame of the team): every n-th share, n the threads there are */
static LLVMValueRef member_function(struct llvm_file *file, LLVMTypeRef frame_type)
{
    LLVMTypeRef types[1] = {file->pointer};
    LLVMValueRef function = new_function(file, "member", LLVMFunctionType(file->nothing, types, 1, false));
    LLVMPositionBuilderAtEnd(file->builder, LLVMAppendBasicBlockInContext(file->context, function, ""));
    LLVMValueRef frame = LLVMGetParam(function, 0), one = llvm_integer(file->size, 1);
    LLVMValueRef share = part(file, frame_type, frame, 0), data = part(file, frame_type, frame, 1),
                 threads = part(file, frame_type, frame, 2);
    LLVMValueRef first = ask_openmp(file, "omp_get_thread_num"), step = ask_openmp(file, "omp_get_num_threads");
    /* as many as are left from the first on, rounded up */
    LLVMValueRef left = LLVMBuildSub(file->builder, LLVMBuildAdd(file->builder, threads, step, ""),
                                     LLVMBuildAdd(file->builder, first, one, ""), "");
    struct llvm_loop loop = llvm_loop_open(file, LLVMConstNull(file->size), LLVMBuildUDiv(file->builder, left, step, ""), "share");
    LLVMValueRef number = LLVMBuildAdd(file->builder, first, LLVMBuildMul(file->builder, loop.index, step, ""), "");
    LLVMValueRef arguments[2] = {data, number};
    LLVMBuildCall2(file->builder, share_type(file), share, arguments, 2, "");
    llvm_loop_close(file, &loop);
    LLVMBuildRetVoid(file->builder);
    return function;
}

/* void parallel_for(share, frame, threads) over OpenMP's library */
static LLVMValueRef team_function(struct llvm_file *file)
{
    LLVMTypeRef parts[3] = {file->pointer, file->pointer, file->size};
    LLVMTypeRef frame_type = LLVMStructTypeInContext(file->context, parts, 3, false);
    LLVMTypeRef types[4] = {file->pointer, file->pointer, file->i32, file->i32};
    LLVMTypeRef type = LLVMFunctionType(file->nothing, types, 4, false);
    LLVMValueRef member = member_function(file, frame_type), function = new_function(file, "parallel_for", team_type(file));
    LLVMPositionBuilderAtEnd(file->builder, LLVMAppendBasicBlockInContext(file->context, function, ""));
    LLVMValueRef frame = LLVMBuildAlloca(file->builder, frame_type, "");
    for (unsigned k = 0; k < 3; k++)
        LLVMBuildStore(file->builder, LLVMGetParam(function, k), LLVMBuildStructGEP2(file->builder, frame_type, frame, k, ""));
    LLVMValueRef threads = LLVMBuildIntCast2(file->builder, LLVMGetParam(function, 2), file->i32, false, "");
    LLVMValueRef arguments[4] = {member, frame, threads, llvm_integer(file->i32, 0)};
    LLVMBuildCall2(file->builder, type, external(file, "GOMP_parallel", type), arguments, 4, "");
    LLVMBuildRetVoid(file->builder);
    return function;
}

/* What runs the shares: of engines, or of the file. */
static LLVMValueRef team(struct llvm_file *file)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(file->builder);
    LLVMMetadataRef place = LLVMGetCurrentDebugLocation2(file->builder);
    if (file->c->options->entry)
        return external(file, "einc_parallel_for", team_type(file));
    if (!file->team) {
        LLVMSetCurrentDebugLocation2(file->builder, NULL);
        file->team = team_function(file);
        LLVMPositionBuilderAtEnd(file->builder, here);
        LLVMSetCurrentDebugLocation2(file->builder, place);
    }
    return file->team;
}

/* ---- the loop ---- */

/* void (frame, thread): calls the share with what is in the frame */
static LLVMValueRef unpacking_function(struct llvm_file *file, LLVMTypeRef frame_type, LLVMValueRef share, unsigned n)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(file->builder);
    LLVMMetadataRef place = LLVMGetCurrentDebugLocation2(file->builder);
    LLVMValueRef function = new_function(file, "unpack", share_type(file)), frame = LLVMGetParam(function, 0);
    LLVMValueRef *arguments = ARENA_ARRAY(file->arena, (size_t)n + 1, LLVMValueRef);
    LLVMSetCurrentDebugLocation2(file->builder, NULL);
    LLVMPositionBuilderAtEnd(file->builder, LLVMAppendBasicBlockInContext(file->context, function, ""));
    for (unsigned k = 0; arguments && k < n; k++)
        arguments[k] = part(file, frame_type, frame, k);
    if (arguments) {
        arguments[n] = LLVMGetParam(function, 1);
        LLVMBuildCall2(file->builder, LLVMGlobalGetValueType(share), share, arguments, n + 1, "");
    }
    LLVMBuildRetVoid(file->builder);
    LLVMPositionBuilderAtEnd(file->builder, here);
    LLVMSetCurrentDebugLocation2(file->builder, place);
    return function;
}

void llvm_parallel_loop(struct llvm_kernel *kernel, const struct loop_stmt *loop)
{
    struct llvm_file *file = kernel->file;
    struct captured captured = capture_all(kernel);
    size_t n_common;
    LLVMTypeRef *types = llvm_parameter_types(kernel, captured.count + 1, &n_common);
    unsigned n = (unsigned)(n_common + captured.count);
    if (!types)
        return;
    for (size_t k = 0; k < captured.count; k++)
        types[n_common + k] = LLVMTypeOf(captured.values[k]);
    types[n] = file->size;
    const char *name = arena_printf(file->arena, "%s.share", kernel->c->name);
    LLVMTypeRef frame_type = LLVMStructTypeInContext(file->context, types, n, false);
    LLVMValueRef share = name ? new_function(file, name, LLVMFunctionType(file->nothing, types, n + 1, false)) : NULL;
    if (!share || !build_share(kernel, loop, share, (unsigned)n_common, &captured))
        return;
    LLVMValueRef frame = llvm_variable(kernel, frame_type, "frame", 0);
    for (unsigned k = 0; k < n; k++) {
        LLVMValueRef value = k < n_common ? LLVMGetParam(kernel->function, k) : captured.values[k - n_common];
        LLVMBuildStore(file->builder, value, LLVMBuildStructGEP2(file->builder, frame_type, frame, k, ""));
    }
    LLVMValueRef arguments[3] = {unpacking_function(file, frame_type, share, n), frame, kernel->threads};
    LLVMBuildCall2(file->builder, team_type(file), team(file), arguments, 3, "");
}
