/* einc inside a program: compiles einsums and structured layers, and runs them on tensors in memory.
 *
 *     struct einc_context *context = einc_context_create(NULL, NULL);
 *     struct einc_program *program;
 *     const struct einc_kernel *kernel;
 *     if (einc_compile(context, "dim n\nkernel norm(x: f64[n]) -> (y: f64) { y = x[i] * x[i] }", NULL, &program) == EINC_OK &&
 *         einc_find_kernel(program, "norm", &kernel) == EINC_OK)
 *         einc_kernel_run(kernel, 2, tensors, NULL);
 *
 * What stands in a program's source is docs/language.md; docs/library.md is the longer account of this page.
 *
 * Errors. Nothing here prints, exits or aborts. Functions that can fail give a status; what was wrong, with its place in the
 * source, is kept by the context until `einc_take_report` asks. Results are written only where the status is EINC_OK, but what a
 * kernel ended by a lookup (EINC_INVALID) left in its outputs is unspecified. After any failure the context goes on as before.
 *
 * Threads. A context may be used by several threads at once, and so may all that was made with it; to destroy something it must be
 * in no one else's use. Calls of one kernel run beside each other. Contexts share nothing, but for libtcc's lock (docs/library.md).
 *
 * Memory. All that einc itself allocates comes from the context's allocator; what LLVM, libtcc, the C library's loader and OpenMP
 * allocate does not, and where these find no memory they may end the process: EINC_ENGINE_PROCESS is for programs that must
 * survive.
 */
#ifndef EINC_H
#define EINC_H

#include <dlpack/dlpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef IR_BASE_H /* einc's own files have these two from there; a test holds them equal */
enum einc_status {
    EINC_OK = 0,
    EINC_INVALID, /* source, tensor or argument is wrong: the report says what and where */
    EINC_NO_MEMORY,
    EINC_LIMIT,        /* a documented limit was reached (docs/limits.md) */
    EINC_IO,           /* a file could not be read */
    EINC_CHECK_FAILED, /* of the command; no function of this page gives it */
    EINC_INTERNAL      /* a mistake in einc; please report it */
};

/* Where a context's memory comes from. Called from whatever thread uses the context, perhaps from several at once. */
struct einc_allocator {
    void *(*allocate)(void *user, size_t size); /* NULL when there is none; aligned for any type */
    void (*release)(void *user, void *memory);
    void *user;
    size_t block_size; /* bytes asked for at a time by a compilation; 0: 16 KiB, growing */
};
#endif

struct einc_context; /* what programs share: memory, defaults, kept einsums */
struct einc_program; /* compiled source: kernels, ready to run */
struct einc_kernel;
struct einc_report;

const char *einc_version(void);                        /* "0.1.0" */
const char *einc_status_text(enum einc_status status); /* "no memory" */

/* ---- engines: what runs kernels ---- */

#define EINC_ENGINE_AUTO      "auto" /* the fastest there is */
#define EINC_ENGINE_LLVM      "llvm" /* machine code for this processor: the fastest kernels, tens of milliseconds to make */
#define EINC_ENGINE_TCC       "tcc"  /* scalar code in a millisecond */
#define EINC_ENGINE_C         "c"    /* emitted C through the system's compiler, `$CC` or cc */
#define EINC_ENGINE_PROCESS   "c"    /* the one that compiles in another process, whatever becomes of that */
#define EINC_ENGINE_REFERENCE "ref"  /* the slow, obvious meaning; for tests */

/* Names of the engines this library was built with, `auto` first, ended by NULL. */
const char *const *einc_engines(void);

/* ---- contexts ---- */

/* A size for a dim that the source leaves to run time, or for a run whose tensors do not tell. */
struct einc_dim {
    const char *name;
    int64_t value;
};

enum { EINC_ALL_THREADS = -1 };

/* How to compile. Zero is the default everywhere; `size` is sizeof(struct einc_options), so that a later version may add to it. */
struct einc_options {
    size_t size;
    const char *engine; /* NULL: EINC_ENGINE_AUTO */
    const char *target; /* a machine of docs/machine.md or a file with one; NULL: this processor */
    const char *tune;   /* a file of `einc tune`; NULL: none */
    int64_t threads;    /* a kernel runs on; 0: one, EINC_ALL_THREADS: as many as OpenMP has. Results do not depend on it */
    const struct einc_dim *dims; /* run-time dims of the source that get a size now */
    size_t n_dims;
    const char *path;     /* of the source: for messages, and where its file("...") start from; NULL: the working directory */
    const char *gradient; /* "A,b": a kernel `f_gradient` beside each kernel f that has these inputs (docs/gradient.md) */
    const char *adjoint;  /* "u": a kernel `f_adjoint` */
    const char *compiler; /* of engine c; NULL: $CC, else cc */
    const char *flags;    /* of engine c; NULL: $EINC_CFLAGS, else "-O3 -march=native" */
};

/* `allocator` NULL: malloc and free. `defaults` are the options of calls that get none; they, and the strings in them, are copied.
 * NULL: no memory, a `size` that this einc does not know, or no dims where `n_dims` counts some. */
struct einc_context *einc_context_create(const struct einc_allocator *allocator, const struct einc_options *defaults);
/* Ends the thread in which engine `auto` makes better code: what is not better by then, or compiled later, stays as it is made at
 * first. For programs that end, by `exit` or by returning from main, without destroying their contexts: LLVM must not be at work
 * then.
 */
void einc_context_end_thread(struct einc_context *context);
/* After its programs are destroyed. Takes NULL. */
void einc_context_destroy(struct einc_context *context);

/* ---- what went wrong ---- */

struct einc_diagnostic {
    bool is_error;         /* else a warning */
    const char *code;      /* "E0203", docs/diagnostics.md */
    const char *message;   /* one line */
    const char *path;      /* the source; NULL: no place */
    uint32_t line, column; /* from 1, the column in characters */
};

/* What the last call of this thread on the context that had something to report did report; NULL: there is nothing, or no memory.
 * The report is the caller's and outlives the context. */
struct einc_report *einc_take_report(struct einc_context *context);
size_t einc_report_count(const struct einc_report *report);
/* Strings live as long as the report. `at` < count. */
struct einc_diagnostic einc_report_at(const struct einc_report *report, size_t at);
/* All of it as the command shows it, with the lines of the source. */
const char *einc_report_text(const struct einc_report *report);
void einc_report_destroy(struct einc_report *report); /* takes NULL */

/* ---- programs and kernels ---- */

/* Source text, ended by zero, to kernels that can be called. `options` NULL: the context's. */
enum einc_status einc_compile(struct einc_context *context, const char *source, const struct einc_options *options,
                              struct einc_program **program);
enum einc_status einc_compile_file(struct einc_context *context, const char *path, const struct einc_options *options,
                                   struct einc_program **program);
/* An einsum string for tensors of these types, shapes and strides (data are not looked at) to a program of one kernel `einsum`,
 * with inputs a0, a1, ... and the output `out`, dense. */
enum einc_status einc_compile_einsum(struct einc_context *context, const char *string, size_t n_tensors,
                                     const DLTensor *const *tensors, const struct einc_options *options,
                                     struct einc_program **program);
/* With its kernels. Takes NULL. */
void einc_program_destroy(struct einc_program *program);

size_t einc_kernel_count(const struct einc_program *program);
const struct einc_kernel *einc_kernel_at(const struct einc_program *program, size_t at); /* at < count; the program's */
/* By name; NULL for the only kernel of the program. */
enum einc_status einc_find_kernel(const struct einc_program *program, const char *name, const struct einc_kernel **kernel);

/* What the kernel is: a JSON object with `name`, `inputs`, `outputs` (names, types, shapes, strides), `flops`, `bytes`,
 * `workspace`, the order of contractions and what else `einc explain --json` says of a kernel (docs/command.md). The program's;
 * NULL: no memory. */
const char *einc_kernel_json(const struct einc_kernel *kernel);

/* How one call runs; zero is the default. */
struct einc_run_options {
    size_t size;
    const struct einc_dim *dims; /* run-time dims that no tensor has as an axis, or as a stride, of its own */
    size_t n_dims;
    void *workspace; /* of einc_kernel_workspace bytes, aligned to 64, in no other call's use; NULL: the context's allocator gives
                        it */
};

/* Runs the kernel. `tensors` are its inputs in order, without those that an output updates in place, then its outputs. Each is on
 * the processor, has the declared type and shape and lies as declared: dense in C order (strides NULL or those), or at the strides
 * of the source. Data are aligned to their elements (a complex number's to its parts), and outputs share memory with no other
 * tensor. Bool is kDLUInt of 8 bits or code 6. All this is checked, and all dims, before anything is written; what the source
 * promises of numbers (`symmetric`, ...) is not. */
enum einc_status einc_kernel_run(const struct einc_kernel *kernel, size_t n_tensors, const DLTensor *const *tensors,
                                 const struct einc_run_options *options);
/* Bytes of workspace that a run on these tensors needs. */
enum einc_status einc_kernel_workspace(const struct einc_kernel *kernel, size_t n_tensors, const DLTensor *const *tensors,
                                       const struct einc_run_options *options, size_t *bytes);
/* Type and shape that the tensor `at` of a run must have, for who allocates outputs: fills `type`, `rank`, and `shape`, which has
 * room for 64. `tensors` are as for a run, but those of outputs that are no inputs, too, may be NULL. */
enum einc_status einc_kernel_result(const struct einc_kernel *kernel, size_t n_tensors, const DLTensor *const *tensors,
                                    const struct einc_run_options *options, size_t at, DLDataType *type, int *rank, int64_t *shape);

/* The kernel's machine code, for callers who know what they pass: nothing is checked. NULL, as the signature: engine `ref` has
 * none. Its C declaration is `einc_kernel_signature`, "void norm(size_t n, const double *x, double *y)", in the terms of
 * docs/emitted-c.md: threads, dims in order of declaration, inputs, outputs, workspace. Lives as long as the program. */
typedef void einc_function(void);
einc_function *einc_kernel_function(const struct einc_kernel *kernel);
const char *einc_kernel_signature(const struct einc_kernel *kernel);

/* ---- einsums ---- */

/* out = einsum(string, tensors) by NumPy's rules, with the context's options. The kernel for this string, these types, shapes and
 * strides is kept by the context and used again; of several calls that want the same new one, one compiles. Inputs may have any
 * strides that are not negative; `out` has the result's type and shape, and any strides that give each element a place of its own.
 */
enum einc_status einc_einsum(struct einc_context *context, const char *string, size_t n_tensors, const DLTensor *const *tensors,
                             const DLTensor *out);
/* Type and shape of the result: fills `type`, `rank`, and `shape`, which has room for 64. Compiles the kernel. */
enum einc_status einc_einsum_result(struct einc_context *context, const char *string, size_t n_tensors,
                                    const DLTensor *const *tensors, DLDataType *type, int *rank, int64_t *shape);

#ifdef __cplusplus
}
#endif

#endif
