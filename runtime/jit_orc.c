/* Object files in memory, linked by LLVM's ORC: the JIT part of libeinc_llvm.so.
 *
 * An LLJIT a `jit`, a resource tracker an object, whose code and data go with it. Functions of the C library are those of the
 * process. JITLink maps memory for writing and makes code executable afterwards, when it is written no more. */
#include "runtime.h"

#include <llvm-c/Core.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>
#include <pthread.h>
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static void jit_destroy(struct jit *jit);

struct jit {
    LLVMOrcLLJITRef lljit;
    LLVMOrcResourceTrackerRef *trackers;
    size_t n_trackers, capacity;
};

/* False, and what was wrong as a diagnostic. */
static bool good(struct ir_context *context, LLVMErrorRef error, const char *what)
{
    if (!error)
        return true;
    char *message = LLVMGetErrorMessage(error);
    diag_error(ir_diagnostics(context), DIAG_E0815, SPAN_NONE, "%s: %s", what, message);
    LLVMDisposeErrorMessage(message);
    return false;
}

/* ORC reports what goes wrong while it links; whoever asked for the symbol is told as well. */
static void drop_error(void *user, LLVMErrorRef error)
{
    (void)user;
    LLVMConsumeError(error);
}

static pthread_once_t target_once = PTHREAD_ONCE_INIT;

static void register_target(void)
{
    LLVMInitializeNativeTarget();
}

/* ---- threads ---- */

/* The shares of a parallel loop; where OpenMP grants fewer threads one does several. */
static void parallel_for(void (*share)(void *frame, size_t thread), void *frame, size_t threads)
{
#ifdef _OPENMP
#pragma omp parallel for num_threads((int)threads) schedule(static, 1)
#endif
    for (size_t thread = 0; thread < threads; thread++)
        share(frame, thread);
}

static int64_t most_threads(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

/* What kernels call of einc. */
static LLVMErrorRef define_functions(LLVMOrcLLJITRef lljit)
{
    LLVMOrcCSymbolMapPair pair = {
        .Name = LLVMOrcLLJITMangleAndIntern(lljit, "einc_parallel_for"),
        .Sym = {.Address = (LLVMOrcExecutorAddress)(uintptr_t)parallel_for,
                .Flags = {.GenericFlags = LLVMJITSymbolGenericFlagsExported | LLVMJITSymbolGenericFlagsCallable}}};
    return LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(lljit), LLVMOrcAbsoluteSymbols(&pair, 1));
}

/* ---- linking ---- */

static struct jit *jit_create(struct ir_context *context)
{
    pthread_once(&target_once, register_target);
    struct jit *jit = calloc(1, sizeof *jit);
    if (!jit || !good(context, LLVMOrcCreateLLJIT(&jit->lljit, NULL), "ORC cannot be set up")) {
        free(jit);
        return NULL;
    }
    LLVMOrcExecutionSessionSetErrorReporter(LLVMOrcLLJITGetExecutionSession(jit->lljit), drop_error, NULL);
    if (good(context, define_functions(jit->lljit), "ORC cannot be set up"))
        return jit;
    jit_destroy(jit);
    return NULL;
}

static bool keep_tracker(struct jit *jit, LLVMOrcResourceTrackerRef tracker)
{
    if (jit->n_trackers == jit->capacity) {
        size_t wanted = jit->capacity * 2 + 8;
        LLVMOrcResourceTrackerRef *grown = realloc(jit->trackers, wanted * sizeof(LLVMOrcResourceTrackerRef));
        if (!grown)
            return false;
        jit->trackers = grown;
        jit->capacity = wanted;
    }
    jit->trackers[jit->n_trackers++] = tracker;
    return true;
}

static bool jit_add(struct jit *jit, struct ir_context *context, const char *object, size_t length)
{
    LLVMOrcResourceTrackerRef tracker = LLVMOrcJITDylibCreateResourceTracker(LLVMOrcLLJITGetMainJITDylib(jit->lljit));
    if (!keep_tracker(jit, tracker)) {
        LLVMOrcReleaseResourceTracker(tracker);
        return false;
    }
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(object, length, "kernel");
    return good(context, LLVMOrcLLJITAddObjectFileWithRT(jit->lljit, tracker, buffer), "ORC does not take the object file");
}

static bool jit_find(struct jit *jit, struct ir_context *context, const char *name, void **address)
{
    LLVMOrcExecutorAddress found = 0;
    if (!good(context, LLVMOrcLLJITLookup(jit->lljit, &found, name), "ORC does not link the kernel"))
        return false;
    *address = (void *)(uintptr_t)found;
    return true;
}

static void jit_destroy(struct jit *jit)
{
    for (size_t k = 0; k < jit->n_trackers; k++) {
        LLVMConsumeError(LLVMOrcResourceTrackerRemove(jit->trackers[k]));
        LLVMOrcReleaseResourceTracker(jit->trackers[k]);
    }
    LLVMConsumeError(LLVMOrcDisposeLLJIT(jit->lljit));
    free(jit->trackers);
    free(jit);
}

const struct jit_orc einc_jit_orc = {EINC_VERSION, jit_create, jit_add, most_threads, jit_find, jit_destroy};
