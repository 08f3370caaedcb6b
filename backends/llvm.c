/* Loop IR to one LLVM module, and that to text, bitcode, assembly or an object file.
 *
 * Everything lives in a context made for the call, so calls in several threads know nothing of each other. Errors of LLVM become
 * diagnostics. Where memory runs out LLVM ends the process: nobody can change that from outside. */
#include "llvm_internal.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/BitWriter.h>
#include <string.h>

static bool fail(struct llvm_file *file, const char *what, const char *message)
{
    diag_error(ir_diagnostics(file->ir), DIAG_E0815, SPAN_NONE, "%s: %s", what,
               message && *message ? message : "for no reason LLVM gives");
    return false;
}

/* ---- the module ---- */

/* Keeps the first error; what else LLVM has to say is not for the user. */
static void note_diagnostic(LLVMDiagnosticInfoRef info, void *user)
{
    struct llvm_file *file = user;
    if (LLVMGetDiagInfoSeverity(info) != LLVMDSError || file->failure)
        return;
    char *message = LLVMGetDiagInfoDescription(info);
    file->failure = arena_strndup(file->arena, message, strlen(message));
    LLVMDisposeMessage(message);
}

static bool file_open(struct llvm_file *file, struct c_file *c, const struct llvm_target *target)
{
    const char *name = c->program->path ? c->program->path : c->program->basename;
    *file = (struct llvm_file){.c = c, .ir = c->context, .arena = c->arena, .target = target, .debug_source = UINT32_MAX};
    LLVMContextRef context = file->context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(context, note_diagnostic, file);
    file->module = LLVMModuleCreateWithNameInContext(name, context);
    file->builder = LLVMCreateBuilderInContext(context);
    LLVMSetSourceFileName(file->module, name, strlen(name));
    LLVMSetTarget(file->module, target->triple);
    LLVMSetDataLayout(file->module, target->layout_text);
    file->truth = LLVMInt1TypeInContext(context);
    file->i8 = LLVMInt8TypeInContext(context);
    file->i16 = LLVMInt16TypeInContext(context);
    file->i32 = LLVMInt32TypeInContext(context);
    file->i64 = LLVMInt64TypeInContext(context);
    file->size = LLVMIntPtrTypeInContext(context, target->layout);
    file->f32 = LLVMFloatTypeInContext(context);
    file->f64 = LLVMDoubleTypeInContext(context);
    file->pointer = LLVMPointerTypeInContext(context, 0);
    file->nothing = LLVMVoidTypeInContext(context);
    return !arena_failed(file->arena);
}

static void file_close(struct llvm_file *file)
{
    llvm_debug_end(file);
    LLVMDisposeBuilder(file->builder);
    LLVMDisposeModule(file->module);
    LLVMContextDispose(file->context);
}

static LLVMAttributeRef text_attribute(const struct llvm_file *file, const char *name, const char *value)
{
    return LLVMCreateStringAttribute(file->context, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
}

/* What code the module's functions are made for, wherever it is compiled; loops that LLVM vectorises get vectors as wide as the
 * widest of einc's, in bytes, where LLVM would take narrower ones. */
static void name_processor(struct llvm_file *file, int64_t widest)
{
    const struct llvm_target *target = file->target;
    const char *bits = arena_printf(file->arena, "%lld", 8 * (long long)widest);
    for (LLVMValueRef function = LLVMGetFirstFunction(file->module); function && bits; function = LLVMGetNextFunction(function)) {
        if (LLVMIsDeclaration(function))
            continue;
        LLVMAddAttributeAtIndex(function, LLVM_WHOLE, text_attribute(file, "target-cpu", target->cpu));
        if (*target->features)
            LLVMAddAttributeAtIndex(function, LLVM_WHOLE, text_attribute(file, "target-features", target->features));
        if (widest)
            LLVMAddAttributeAtIndex(function, LLVM_WHOLE, text_attribute(file, "prefer-vector-width", bits));
    }
}

static bool build_kernel(struct llvm_kernel *kernel)
{
    if (!llvm_kernel_begin(kernel))
        return false;
    llvm_statements(kernel, kernel->loops->body);
    llvm_kernel_end(kernel);
    if (kernel->file->c->options->entry)
        llvm_entries(kernel);
    return !arena_failed(kernel->file->arena);
}

/* All names first: what the module brings along takes others. */
static bool build_module(struct llvm_file *file)
{
    size_t count = file->c->program->n_kernels;
    struct llvm_kernel *kernels = ARENA_ARRAY(file->arena, count, struct llvm_kernel);
    if (!kernels)
        return false;
    if (file->c->options->code.debug)
        llvm_debug_begin(file);
    for (size_t k = 0; k < count; k++) {
        const struct loop_function *loops = file->c->kernels[k].loops;
        bool is_exact = loops->kernel && loops->kernel->numeric_class == IR_CLASS_EXACT;
        kernels[k] = (struct llvm_kernel){.file = file, .c = &file->c->kernels[k], .loops = loops, .may_fuse = !is_exact};
        if (!llvm_kernel_declare(&kernels[k]))
            return false;
    }
    int64_t widest = 0;
    for (size_t k = 0; k < count; k++) {
        if (!build_kernel(&kernels[k]))
            return false;
        widest = kernels[k].widest > widest ? kernels[k].widest : widest;
    }
    llvm_debug_end(file);
    name_processor(file, widest);
    char *message = NULL;
    bool broken = LLVMVerifyModule(file->module, LLVMReturnStatusAction, &message);
    if (broken)
        fail(file, "einc made LLVM IR that breaks a rule", message);
    LLVMDisposeMessage(message);
    return !broken;
}

/* ---- what comes out ---- */

static bool put_machine_code(struct llvm_file *file, LLVMCodeGenFileType type, struct text *bytes)
{
    char *message = NULL;
    LLVMMemoryBufferRef buffer = NULL;
    bool failed = LLVMTargetMachineEmitToMemoryBuffer(file->target->machine, file->module, type, &message, &buffer);
    if (failed || file->failure) {
        fail(file, "LLVM makes no code", file->failure ? file->failure : message);
        LLVMDisposeMessage(message);
        return false;
    }
    text_put_bytes(bytes, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
    LLVMDisposeMemoryBuffer(buffer);
    return true;
}

static bool put_code(struct llvm_file *file, enum backend_code_form form, struct text *bytes)
{
    char *printed;
    LLVMMemoryBufferRef buffer;
    switch (form) {
    case CODE_LLVM:
        printed = LLVMPrintModuleToString(file->module);
        text_put(bytes, printed);
        LLVMDisposeMessage(printed);
        return true;
    case CODE_BITCODE:
        buffer = LLVMWriteBitcodeToMemoryBuffer(file->module);
        text_put_bytes(bytes, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
        LLVMDisposeMemoryBuffer(buffer);
        return true;
    default:
        return put_machine_code(file, form == CODE_ASSEMBLY ? LLVMAssemblyFile : LLVMObjectFile, bytes);
    }
}

static enum einc_status emit(const struct backend_program *program, const struct backend_options *options,
                             enum backend_code_form form, struct text *bytes)
{
    struct llvm_target target;
    struct llvm_file file;
    struct c_file *c = c_file_create(program, options);
    if (!c)
        return arena_failed(ir_arena(program->context)) ? EINC_NO_MEMORY : EINC_INTERNAL;
    if (!llvm_target_create(&target, program->context, &options->code))
        return EINC_INVALID;
    bool done = file_open(&file, c, &target) && build_module(&file) && llvm_optimise(file.ir, file.module, &target) &&
                put_code(&file, form, bytes);
    file_close(&file);
    llvm_target_destroy(&target);
    if (arena_failed(ir_arena(program->context)))
        return EINC_NO_MEMORY;
    return done ? EINC_OK : EINC_INTERNAL;
}

const struct backend_llvm einc_llvm_backend = {EINC_VERSION, emit};
