/* Backends llvm, bc, asm, obj and so: what LLVM makes, with the header of the C backend beside.
 *
 * All that needs LLVM stands in a library of its own, libeinc_llvm.so, loaded when it is first asked for: LLVM takes longer to load
 * than einc to compile. A library of another einc is refused. It stays loaded; there is nothing to keep here. */
#include "backends_internal.h"

#include <dlfcn.h>
#include <string.h>

const void *backend_llvm_symbol(struct ir_context *context, const char *name)
{
    void *library = dlopen("libeinc_llvm.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const char *const *symbol = library ? dlsym(library, name) : NULL;
    const char *reason = library ? NULL : dlerror();
    bool same = symbol && !strcmp(*symbol, EINC_VERSION);
    if (!same) {
        struct diag *diag = diag_error(ir_diagnostics(context), DIAG_E0815, SPAN_NONE, "einc's part that needs LLVM %s%s",
                                       library ? "is of another version" : "cannot be loaded: ",
                                       library  ? ""
                                       : reason ? reason
                                                : "libeinc_llvm.so");
        diag_help(ir_diagnostics(context), diag, "libeinc_llvm.so belongs beside einc, and LLVM 19 on the system");
    }
    if (library)
        dlclose(library);
    return same ? symbol : NULL;
}

static enum einc_status emit(const struct backend_program *program, const struct backend_options *options,
                             enum backend_code_form form, const char *extension, struct backend_file **files, size_t *n_files)
{
    struct ir_context *context = program->context;
    const struct backend_llvm *llvm = backend_llvm_symbol(context, "einc_llvm_backend");
    struct text code = text_create(ir_arena(context));
    if (!llvm)
        return EINC_INVALID;
    enum einc_status status = llvm->emit(program, options, form, &code);
    if (status == EINC_OK)
        status =
            backend_add_file(context, files, n_files, arena_printf(ir_arena(context), "%s%s", program->basename, extension), &code);
    struct c_file *file = status == EINC_OK ? c_file_create(program, options) : NULL;
    if (status == EINC_OK && !file)
        status = EINC_NO_MEMORY;
    return file ? c_add_header(file, files, n_files) : status;
}

#define CODE(name, form, extension)                                                                                                \
    enum einc_status backend_emit_##name(const struct backend_program *program, const struct backend_options *options,             \
                                         struct backend_file **files, size_t *n_files);                                            \
    enum einc_status backend_emit_##name(const struct backend_program *program, const struct backend_options *options,             \
                                         struct backend_file **files, size_t *n_files)                                             \
    {                                                                                                                              \
        return emit(program, options, form, extension, files, n_files);                                                            \
    }
CODE(llvm, CODE_LLVM, ".ll")
CODE(bc, CODE_BITCODE, ".bc")
CODE(asm, CODE_ASSEMBLY, ".s")
CODE(obj, CODE_OBJECT, ".o")
CODE(so, CODE_OBJECT, ".so") /* linked by whoever writes it */
