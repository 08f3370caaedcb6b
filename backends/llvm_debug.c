/* Places of the source in the code: each kernel is a function at its line of the .ein file, each instruction belongs to the
 * statement that it serves, so that debuggers and profilers show lines of the source. Only line tables: there are no variables to
 * look at. */
#include "llvm_internal.h"

#include <string.h>

static const struct source *source_of(struct llvm_file *file)
{
    const struct diagnostics *diagnostics = ir_diagnostics(file->ir);
    for (size_t k = 0; k < file->c->program->n_kernels; k++) {
        const struct ir_kernel *kernel = file->c->kernels[k].loops->kernel;
        if (!kernel || kernel->span.source >= diagnostics->n_sources)
            continue;
        file->debug_source = kernel->span.source;
        return diagnostics->sources[kernel->span.source];
    }
    return NULL;
}

void llvm_debug_begin(struct llvm_file *file)
{
    const struct source *source = source_of(file);
    if (!source || !source->path)
        return;
    LLVMValueRef version = llvm_integer(file->i32, LLVMDebugMetadataVersion());
    LLVMAddModuleFlag(file->module, LLVMModuleFlagBehaviorWarning, "Debug Info Version", 18, LLVMValueAsMetadata(version));
    file->debug = LLVMCreateDIBuilder(file->module);
    /* as the user named it: the same bytes wherever it is compiled */
    file->debug_file = LLVMDIBuilderCreateFile(file->debug, source->path, strlen(source->path), ".", 1);
    LLVMDIBuilderCreateCompileUnit(file->debug, LLVMDWARFSourceLanguageC99, file->debug_file, "einc", 4, true, "", 0, 0, "", 0,
                                   LLVMDWARFEmissionLineTablesOnly, 0, false, false, "", 0, "", 0);
    file->debug_signature = LLVMDIBuilderCreateSubroutineType(file->debug, file->debug_file, NULL, 0, LLVMDIFlagZero);
}

static bool locate(struct llvm_kernel *kernel, struct span span, uint32_t *line, uint32_t *column)
{
    const char *path;
    return kernel->file->debug && span.source == kernel->file->debug_source &&
           diag_locate(ir_diagnostics(kernel->file->ir), span, &path, line, column);
}

void llvm_debug_kernel(struct llvm_kernel *kernel)
{
    struct llvm_file *file = kernel->file;
    size_t length;
    const char *name = kernel->loops->name, *linkage = LLVMGetValueName2(kernel->function, &length);
    uint32_t line = 0, column = 0;
    LLVMSetCurrentDebugLocation2(file->builder, NULL);
    kernel->debug_scope = NULL;
    if (!kernel->loops->kernel || !locate(kernel, kernel->loops->kernel->span, &line, &column))
        return;
    kernel->debug_scope =
        LLVMDIBuilderCreateFunction(file->debug, file->debug_file, name, strlen(name), linkage, length, file->debug_file, line,
                                    file->debug_signature, false, true, line, LLVMDIFlagZero, true);
    LLVMSetSubprogram(kernel->function, kernel->debug_scope);
    llvm_debug_at(kernel, kernel->loops->kernel->span);
}

void llvm_debug_at(struct llvm_kernel *kernel, struct span span)
{
    struct llvm_file *file = kernel->file;
    uint32_t line, column;
    if (!kernel->debug_scope || !locate(kernel, span, &line, &column))
        return;
    LLVMMetadataRef place = LLVMDIBuilderCreateDebugLocation(file->context, line, column, kernel->debug_scope, NULL);
    LLVMSetCurrentDebugLocation2(file->builder, place);
}

void llvm_debug_end(struct llvm_file *file)
{
    if (!file->debug)
        return;
    LLVMDIBuilderFinalize(file->debug);
    LLVMDisposeDIBuilder(file->debug);
    file->debug = NULL;
}
