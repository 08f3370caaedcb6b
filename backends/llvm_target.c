/* What code is made for: a triple, a processor, and LLVM's passes for it.
 *
 * Targets are registered once per process; a target machine belongs to one thread. LLVM has no question for whether it knows a
 * processor: it prints a warning, or ends the process where a processor cannot do what the triple says. So a processor that the
 * user named is tried in a child process first. */
#include "llvm_internal.h"

#include <errno.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- targets ---- */

/* The one thing that is the process's: LLVM's list of targets. */
static pthread_once_t native_once = PTHREAD_ONCE_INIT, all_once = PTHREAD_ONCE_INIT;

static void register_native(void)
{
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
}

static void register_all(void)
{
    LLVMInitializeAllTargetInfos();
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
}

struct names {
    char *triple, *cpu, *features;
};

static void names_release(struct names *names)
{
    LLVMDisposeMessage(names->triple);
    LLVMDisposeMessage(names->cpu);
    LLVMDisposeMessage(names->features);
}

/* The processor einc runs on where none is named; a processor for all of the architecture where only the triple is. */
static struct names names_of(const struct backend_code_target *wanted)
{
    bool is_host = !wanted->triple && !wanted->cpu;
    struct names names;
    names.triple = wanted->triple ? LLVMNormalizeTargetTriple(wanted->triple) : LLVMGetDefaultTargetTriple();
    names.cpu = is_host ? LLVMGetHostCPUName() : LLVMCreateMessage(wanted->cpu ? wanted->cpu : "generic");
    names.features = is_host ? LLVMGetHostCPUFeatures() : LLVMCreateMessage("");
    return names;
}

static LLVMTargetMachineRef machine_of(const struct names *names, char **message)
{
    LLVMTargetRef target;
    *message = NULL;
    if (LLVMGetTargetFromTriple(names->triple, &target, message))
        return NULL;
    LLVMTargetMachineOptionsRef options = LLVMCreateTargetMachineOptions();
    LLVMTargetMachineOptionsSetCPU(options, names->cpu);
    LLVMTargetMachineOptionsSetFeatures(options, names->features);
    LLVMTargetMachineOptionsSetCodeGenOptLevel(options, LLVMCodeGenLevelDefault);
    LLVMTargetMachineOptionsSetRelocMode(options, LLVMRelocPIC);
    LLVMTargetMachineRef machine = LLVMCreateTargetMachineWithOptions(target, names->triple, options);
    LLVMDisposeTargetMachineOptions(options);
    return machine;
}

/* ---- trying a processor ---- */

/* Compiles an empty function; what LLVM prints goes where standard error goes. */
static void try_machine(const struct names *names)
{
    char *message = NULL;
    LLVMMemoryBufferRef object = NULL;
    LLVMTargetMachineRef machine = machine_of(names, &message);
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = LLVMModuleCreateWithNameInContext("", context);
    LLVMBuilderRef builder = LLVMCreateBuilderInContext(context);
    LLVMValueRef function = LLVMAddFunction(module, "f", LLVMFunctionType(LLVMVoidTypeInContext(context), NULL, 0, false));
    LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlockInContext(context, function, ""));
    LLVMBuildRetVoid(builder);
    if (machine && LLVMTargetMachineEmitToMemoryBuffer(machine, module, LLVMObjectFile, &message, &object))
        _exit(1);
    _exit(0);
}

/* What LLVM has to say against it: its first line. Nothing is said where there can be no child. */
static bool processor_is_refused(const struct names *names, char *said, size_t room)
{
    int ends[2], status = 0;
    size_t length = 0;
    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        try_machine(names);
    }
    close(ends[1]);
    for (ssize_t got = 1; child > 0 && got > 0 && length + 1 < room; length += got > 0 ? (size_t)got : 0)
        got = read(ends[0], said + length, room - 1 - length);
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            break;
    said[length] = '\0';
    said[strcspn(said, "\n")] = '\0';
    return child > 0 && (length > 0 || status != 0);
}

static bool refuse(struct ir_context *context, const struct backend_code_target *wanted, const char *message)
{
    diag_error(ir_diagnostics(context), DIAG_E0815, SPAN_NONE, "LLVM makes no code for %s%s%s: %s",
               wanted->cpu      ? wanted->cpu
               : wanted->triple ? wanted->triple
                                : "this machine",
               wanted->cpu && wanted->triple ? " of " : "", wanted->cpu && wanted->triple ? wanted->triple : "",
               message ? message : "for no reason it gives");
    return false;
}

/* ---- the target ---- */

/* Instructions between f16 and f32: asked of the names, since LLVM's interface for C has no question for it. */
static bool has_halves(const struct names *names)
{
    if (!strncmp(names->triple, "aarch64", 7) || !strncmp(names->triple, "arm64", 5))
        return true;
    return strstr(names->features, "+f16c") || !strcmp(names->cpu, "x86-64-v3") || !strcmp(names->cpu, "x86-64-v4");
}

bool llvm_target_create(struct llvm_target *target, struct ir_context *context, const struct backend_code_target *wanted)
{
    char said[200], *message;
    *target = (struct llvm_target){0};
    pthread_once(wanted->triple ? &all_once : &native_once, wanted->triple ? register_all : register_native);
    struct names names = names_of(wanted);
    if (wanted->cpu && wanted->is_checked && processor_is_refused(&names, said, sizeof said)) {
        names_release(&names);
        return refuse(context, wanted, said);
    }
    target->machine = machine_of(&names, &message);
    if (!target->machine) {
        refuse(context, wanted, message);
        LLVMDisposeMessage(message);
        names_release(&names);
        return false;
    }
    target->layout = LLVMCreateTargetDataLayout(target->machine);
    target->layout_text = LLVMCopyStringRepOfTargetData(target->layout);
    target->is_x86 = !strncmp(names.triple, "x86_64", 6);
    target->has_halves = has_halves(&names);
    target->triple = names.triple;
    target->cpu = names.cpu;
    target->features = names.features;
    return true;
}

void llvm_target_destroy(struct llvm_target *target)
{
    if (!target->machine)
        return;
    LLVMDisposeTargetData(target->layout);
    LLVMDisposeTargetMachine(target->machine);
    LLVMDisposeMessage(target->layout_text);
    LLVMDisposeMessage(target->triple);
    LLVMDisposeMessage(target->cpu);
    LLVMDisposeMessage(target->features);
    *target = (struct llvm_target){0};
}

/* ---- passes ---- */

/* Loops are cut, packed and in vectors already: what is left is to keep arrays in registers (sroa, before anything that asks about
 * memory), to move out of loops what they do not change, and vectors for loops that are scalar still, unrolled where that
 * leaves none; behind that results stay in registers along a loop (licm). LLVM's default<O2> takes twice as long and gains nothing
 * on them. */
static const char pipeline[] =
    "function(sroa<modify-cfg>,early-cse<memssa>,simplifycfg,instcombine<no-verify-fixpoint>,loop-mssa(licm),"
    "loop(indvars,loop-unroll-full),sroa<modify-cfg>,early-cse<memssa>,"
    "loop-vectorize,instcombine<no-verify-fixpoint>,simplifycfg,loop-unroll<O2;no-partial;no-runtime>,"
    "loop-mssa(licm),early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg)";

bool llvm_optimise(struct ir_context *context, LLVMModuleRef module, const struct llvm_target *target)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(module, pipeline, target->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error)
        return true;
    char *message = LLVMGetErrorMessage(error);
    diag_error(ir_diagnostics(context), DIAG_E0815, SPAN_NONE, "LLVM's passes do not run: %s", message);
    LLVMDisposeErrorMessage(message);
    return false;
}
