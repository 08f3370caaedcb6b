/* A kernel as a function: the signature of emitted C, so that one header serves both, and the uniform functions that engines call.
 *
 * What is written overlaps nothing else: every pointer is `noalias`. The function ends at a check with 1, else with 0 or nothing.
 */
#include "llvm_internal.h"

#include <string.h>

enum { ARRAY_ALIGNMENT = 64 };

static bool has_pointer(const struct llvm_kernel *kernel, uint32_t buffer)
{
    return !kernel->loops->buffers[buffer].by_value;
}

static LLVMTypeRef parameter_type(struct llvm_kernel *kernel, uint32_t buffer)
{
    struct llvm_file *file = kernel->file;
    return has_pointer(kernel, buffer) ? file->pointer : llvm_memory_type(file, kernel->loops->buffers[buffer].elem);
}

static LLVMTypeRef result_type(struct llvm_kernel *kernel)
{
    return c_returns_status(kernel->c) ? kernel->file->i32 : kernel->file->nothing;
}

LLVMTypeRef *llvm_parameter_types(struct llvm_kernel *kernel, size_t more, size_t *count)
{
    struct llvm_file *file = kernel->file;
    size_t n_arguments;
    const uint32_t *arguments = c_arguments(kernel->c, &n_arguments);
    LLVMTypeRef *types = ARENA_ARRAY(file->arena, kernel->loops->n_dims + n_arguments + 2 + more, LLVMTypeRef);
    *count = 0;
    if (!arguments || !types)
        return NULL;
    if (kernel->loops->threads)
        types[(*count)++] = file->size;
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++)
        types[(*count)++] = file->size;
    for (size_t k = 0; k < n_arguments; k++)
        types[(*count)++] = parameter_type(kernel, arguments[k]);
    if (c_has_workspace(kernel->c))
        types[(*count)++] = file->pointer;
    return types;
}

bool llvm_kernel_declare(struct llvm_kernel *kernel)
{
    size_t count;
    LLVMTypeRef *types = llvm_parameter_types(kernel, 0, &count);
    if (!types)
        return false;
    LLVMTypeRef type = LLVMFunctionType(result_type(kernel), types, (unsigned)count, false);
    kernel->function = LLVMAddFunction(kernel->file->module, kernel->c->name, type);
    llvm_add_attribute(kernel->file, kernel->function, LLVM_WHOLE, "nounwind", 0);
    return true;
}

/* ---- the arguments inside ---- */

static void take_pointer(struct llvm_kernel *kernel, unsigned parameter, bool is_written)
{
    llvm_add_attribute(kernel->file, kernel->function, parameter + 1, "noalias", 0);
    llvm_add_attribute(kernel->file, kernel->function, parameter + 1, "nocapture", 0);
    if (!is_written)
        llvm_add_attribute(kernel->file, kernel->function, parameter + 1, "readonly", 0);
}

static LLVMValueRef named(LLVMValueRef value, const char *name)
{
    LLVMSetValueName2(value, name, strlen(name));
    return value;
}

static void take_argument(struct llvm_kernel *kernel, unsigned parameter, uint32_t number)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    LLVMValueRef value = named(LLVMGetParam(kernel->function, parameter), buffer->name);
    if (has_pointer(kernel, number) && !kernel->thread) /* a share may give it to others: it hands over a frame */
        take_pointer(kernel, parameter, buffer->kind == LOOP_OUTPUT);
    else if (has_pointer(kernel, number))
        llvm_add_attribute(kernel->file, kernel->function, parameter + 1, "noalias", 0);
    kernel->buffers[number] = has_pointer(kernel, number) ? value : llvm_from_memory(kernel->file, buffer->elem, value);
}

/* Private buffers stand behind the common ones, in the part of the thread. */
static LLVMValueRef scratch_offset(struct llvm_kernel *kernel, const struct loop_buffer *buffer)
{
    LLVMBuilderRef builder = kernel->file->builder;
    LLVMValueRef offset = llvm_size(kernel, buffer->offset);
    if (!buffer->is_private)
        return offset;
    LLVMValueRef before = LLVMBuildMul(builder, kernel->thread, llvm_size(kernel, kernel->loops->thread_workspace), "");
    before = LLVMBuildAdd(builder, llvm_size(kernel, kernel->loops->workspace), before, "");
    return LLVMBuildAdd(builder, before, offset, "");
}

static void take_workspace(struct llvm_kernel *kernel, unsigned parameter)
{
    struct llvm_file *file = kernel->file;
    LLVMValueRef workspace = named(LLVMGetParam(kernel->function, parameter), "workspace");
    take_pointer(kernel, parameter, true);
    if (kernel->loops->workspace_alignment > 1)
        llvm_add_attribute(file, kernel->function, parameter + 1, "align", kernel->loops->workspace_alignment);
    for (uint32_t k = 0; k < kernel->loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &kernel->loops->buffers[k];
        if (buffer->kind != LOOP_SCRATCH || !kernel->c->buffer_used[k] || (buffer->is_private && !kernel->thread))
            continue;
        LLVMValueRef offset = scratch_offset(kernel, buffer);
        kernel->buffers[k] = LLVMBuildInBoundsGEP2(file->builder, file->i8, workspace, &offset, 1, buffer->name);
    }
}

static void create_array(struct llvm_kernel *kernel, uint32_t number)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    int64_t count = 0;
    poly_is_constant(buffer->count, &count);
    LLVMTypeRef type = LLVMArrayType2(llvm_memory_type(kernel->file, buffer->elem), (uint64_t)count);
    kernel->buffers[number] = LLVMBuildAlloca(kernel->file->builder, type, buffer->name);
    LLVMSetAlignment(kernel->buffers[number], ARRAY_ALIGNMENT);
}

/* Small arrays, the private ones in the function of the share; tables. */
static void create_buffers(struct llvm_kernel *kernel)
{
    for (uint32_t k = 0; k < kernel->loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &kernel->loops->buffers[k];
        if (!kernel->c->buffer_used[k])
            continue;
        if (buffer->kind == LOOP_STACK && buffer->is_private == (kernel->thread != NULL))
            create_array(kernel, k);
        else if (buffer->kind == LOOP_CONSTANT && !kernel->buffers[k])
            kernel->buffers[k] = llvm_table(kernel->file, buffer->constant, buffer->elem, buffer->name);
    }
}

bool llvm_open_function(struct llvm_kernel *kernel)
{
    struct llvm_file *file = kernel->file;
    size_t n_arguments;
    unsigned parameter = 0;
    const uint32_t *arguments = c_arguments(kernel->c, &n_arguments);
    if (!arguments || !llvm_apart_begin(kernel))
        return false;
    kernel->head = llvm_block(kernel, "head");
    LLVMPositionBuilderAtEnd(file->builder, kernel->head);
    llvm_debug_kernel(kernel);
    if (kernel->loops->threads)
        kernel->threads = named(LLVMGetParam(kernel->function, parameter++), kernel->c->threads);
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++, parameter++)
        kernel->dims[kernel->loops->dims[k]] =
            named(LLVMGetParam(kernel->function, parameter), kernel->c->dims[kernel->loops->dims[k]]);
    for (size_t k = 0; k < n_arguments; k++, parameter++)
        take_argument(kernel, parameter, arguments[k]);
    if (c_has_workspace(kernel->c))
        take_workspace(kernel, parameter);
    create_buffers(kernel);
    LLVMBasicBlockRef body = llvm_block(kernel, "body");
    LLVMBuildBr(file->builder, body);
    LLVMPositionBuilderAtEnd(file->builder, body);
    return !arena_failed(file->arena);
}

bool llvm_kernel_begin(struct llvm_kernel *kernel)
{
    struct arena *arena = kernel->file->arena;
    const struct loop_function *loops = kernel->loops;
    kernel->dims = ARENA_ARRAY(arena, ir_dim_count(kernel->file->ir), LLVMValueRef);
    kernel->buffers = ARENA_ARRAY(arena, loops->n_buffers, LLVMValueRef);
    kernel->locals = ARENA_ARRAY(arena, loops->n_locals, LLVMValueRef);
    kernel->indices = ARENA_ARRAY(arena, loops->n_indices, LLVMValueRef);
    kernel->fixed = ARENA_ARRAY(arena, loops->n_indices, const struct poly *);
    kernel->depths = ARENA_ARRAY(arena, loops->n_indices, uint32_t);
    return llvm_memo_create(&kernel->memo, arena) && !arena_failed(arena) && llvm_open_function(kernel);
}

/* Before anyone is told that the results are there. */
void llvm_finish_streams(struct llvm_file *file)
{
    if (file->target->is_x86)
        llvm_intrinsic(file, "llvm.x86.sse.sfence", NULL, NULL, 0);
    else
        LLVMBuildFence(file->builder, LLVMAtomicOrderingRelease, false, "");
}

void llvm_kernel_end(struct llvm_kernel *kernel)
{
    struct llvm_file *file = kernel->file;
    if (kernel->streams)
        llvm_finish_streams(file);
    if (c_returns_status(kernel->c))
        LLVMBuildRet(file->builder, LLVMConstNull(file->i32));
    else
        LLVMBuildRetVoid(file->builder);
}

/* ---- for engines ---- */

static LLVMValueRef add_entry(struct llvm_file *file, const char *name, LLVMTypeRef type)
{
    LLVMValueRef function = name ? LLVMAddFunction(file->module, name, type) : NULL;
    if (!function)
        return NULL;
    llvm_add_attribute(file, function, LLVM_WHOLE, "nounwind", 0);
    LLVMPositionBuilderAtEnd(file->builder, LLVMAppendBasicBlockInContext(file->context, function, ""));
    LLVMSetCurrentDebugLocation2(file->builder, NULL);
    return function;
}

/* Element `at` of an array of such elements. */
static LLVMValueRef element(struct llvm_file *file, LLVMTypeRef type, LLVMValueRef array, size_t at)
{
    LLVMValueRef number = llvm_integer(file->size, (int64_t)at);
    return LLVMBuildLoad2(file->builder, type, LLVMBuildInBoundsGEP2(file->builder, type, array, &number, 1, ""), "");
}

/* int einc_entry_NAME(const size_t *dims, void *const *arguments, void *workspace) */
static void entry_function(struct llvm_kernel *kernel)
{
    struct llvm_file *file = kernel->file;
    LLVMTypeRef types[3] = {file->pointer, file->pointer, file->pointer};
    const char *name = arena_printf(file->arena, "einc_entry_%s", c_entry_name(kernel->c));
    LLVMValueRef entry = add_entry(file, name, LLVMFunctionType(file->i32, types, 3, false));
    size_t n_arguments, count = 0;
    const uint32_t *arguments = c_arguments(kernel->c, &n_arguments);
    LLVMValueRef *values = ARENA_ARRAY(file->arena, kernel->loops->n_dims + n_arguments + 2, LLVMValueRef);
    if (!entry || !arguments || !values)
        return;
    if (kernel->loops->threads)
        values[count++] = element(file, file->size, LLVMGetParam(entry, 0), ir_dim_count(file->ir));
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++)
        values[count++] = element(file, file->size, LLVMGetParam(entry, 0), kernel->loops->dims[k]);
    for (size_t k = 0; k < n_arguments; k++) {
        LLVMValueRef pointer = element(file, file->pointer, LLVMGetParam(entry, 1), k);
        values[count++] =
            has_pointer(kernel, arguments[k]) ? pointer : element(file, parameter_type(kernel, arguments[k]), pointer, 0);
    }
    if (c_has_workspace(kernel->c))
        values[count++] = LLVMGetParam(entry, 2);
    LLVMValueRef result =
        LLVMBuildCall2(file->builder, LLVMGlobalGetValueType(kernel->function), kernel->function, values, (unsigned)count, "");
    LLVMBuildRet(file->builder, c_returns_status(kernel->c) ? result : LLVMConstNull(file->i32));
}

/* size_t einc_workspace_NAME(const size_t *dims) */
static void workspace_function(struct llvm_kernel *kernel)
{
    struct llvm_file *file = kernel->file;
    LLVMTypeRef types[1] = {file->pointer};
    const char *name = arena_printf(file->arena, "einc_workspace_%s", c_entry_name(kernel->c));
    LLVMValueRef entry = add_entry(file, name, LLVMFunctionType(file->size, types, 1, false));
    if (!entry)
        return;
    llvm_memo_close(&kernel->memo, 0);
    for (uint32_t k = 0; k < kernel->loops->n_dims; k++)
        kernel->dims[kernel->loops->dims[k]] = element(file, file->size, LLVMGetParam(entry, 0), kernel->loops->dims[k]);
    LLVMValueRef bytes = llvm_size(kernel, kernel->loops->workspace);
    if (kernel->loops->threads) {
        LLVMValueRef threads = element(file, file->size, LLVMGetParam(entry, 0), ir_dim_count(file->ir));
        LLVMValueRef each = LLVMBuildMul(file->builder, threads, llvm_size(kernel, kernel->loops->thread_workspace), "");
        bytes = LLVMBuildAdd(file->builder, bytes, each, "");
    }
    LLVMBuildRet(file->builder, bytes);
}

void llvm_entries(struct llvm_kernel *kernel)
{
    entry_function(kernel);
    workspace_function(kernel);
}
