/* Inside the library and the command: compiling, engines, arrays in files. (The public header is einc.h.) */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "backends/backends.h"
#include "frontend/frontend.h"
#include "ir/ir.h"
#include "ir/loop.h"
#include "passes/passes.h"

/* ---- npy.c: arrays in .npy files ---- */
/* Reads versions 1.0 to 3.0, both byte orders, C and Fortran order, header at most 10,000 bytes (NumPy's own limit), no object or
 * structured types; data come out in C order and native byte order, in the arena. A diagnostic E05xx and false otherwise. */
bool npy_read(struct ir_context *context, const char *path, struct span span, struct ir_tensor *tensor);
/* Reads from memory; `path` only for messages. */
bool npy_parse(struct ir_context *context, const char *path, struct span span, const void *bytes, size_t length,
               struct ir_tensor *tensor);
/* What `file("...")` in a source reads: a frontend_load_function. */
bool npy_load(void *user, struct ir_context *context, const char *path, struct span span, struct frontend_array *array);
/* Writes version 1.0, C order, beside and then renames: either the whole file or nothing. */
bool npy_encode(struct ir_context *context, const struct ir_tensor *tensor, const void **bytes, size_t *length); /* in the arena */
bool npy_write(struct ir_context *context, const char *path, const struct ir_tensor *tensor);
size_t npy_element_count(const struct ir_tensor *tensor); /* SIZE_MAX: overflow */

/* ---- files.c ---- */
/* Whole file in the arena, zero-terminated; diagnostic and false otherwise. */
bool file_read(struct ir_context *context, const char *path, size_t limit, struct span span, const char **bytes, size_t *length);
/* Diagnostic and false for a device or a pipe, which may have no end or make the reader wait, and where there is nothing. */
bool file_is_regular(struct ir_context *context, const char *path, struct span span);
/* Writes beside, then renames; of several files all are written beside before the first is renamed. */
struct file_content {
    const char *path;
    const void *bytes;
    size_t length;
};
bool file_write_all(struct ir_context *context, const struct file_content *files, size_t n_files);
bool file_write(struct ir_context *context, const char *path, const void *bytes, size_t length);

/* ---- cpu.c: the machine einc runs on, by what its processor says of itself ---- */
struct cpu_features {
    int64_t vector_bytes, vector_registers;
    bool has_fma, has_masks;
    const char *target; /* the builtin description that says the same: a row of machines.def */
};
struct cpu_features cpu_features(void);

/* ---- target.c ---- */
/* What code is made for: a builtin description by its name, `host` for the one that has the processor's features, else a file with
 * a description. `options->target` is what a head comment says of it, NULL for the default; `options->code` what LLVM makes code
 * for: of `host` and of a file the processor einc runs on. False after a diagnostic. */
bool target_choose(struct ir_context *context, const char *word, struct machine *machine, struct backend_options *options);

/* The command of a C compiler for a builtin target; NULL: there is none in particular. */
const char *target_compiler(const char *word);

/* The choices that the file holds, for all that is compiled for the machine and threads of `passes`; adds to the label. */
bool tuning_choose(struct ir_context *context, const char *path, struct pass_options *passes, const char **label);

/* ---- derivative.c ---- */
/* "A,b" or "KERNEL:A,b" to what is asked for. False: no such words (or no memory). */
bool derivative_read(struct arena *arena, enum pass_derivative_kind kind, const char *words, struct pass_derivative *derivative);

/* ---- compile.c: the whole compiler on one page ---- */
struct compile_options {
    struct frontend_options frontend;
    const struct pass_derivative *derivatives; /* kernels made beside those of the source */
    size_t n_derivatives;
    struct pass_options passes;
    struct backend_options backend;
    struct packing_options packing;
};
/* Names of the passes that make loops of a kernel, in their order, ended by NULL. */
const char *const *compile_pipeline(void);
struct compiled {
    struct ir_context *context;
    struct ir_program *program;  /* as written */
    struct pass_kernel *kernels; /* one a kernel, after the pipeline; `.kernel` is its own copy */
    size_t n_kernels;
};
/* Adds the derivatives asked for; gives the program, NULL after diagnostics. */
struct ir_program *compile_derive(struct ir_program *program, const struct compile_options *options);
/* Source text to loops, all kernels. NULL after diagnostics. Everything lives in `context`. */
struct compiled *compile_source(struct ir_context *context, const struct source *source, const struct compile_options *options);
struct compiled *compile_program(struct ir_context *context, struct ir_program *program, const struct compile_options *options);
/* The program's kernels on ciphertexts, one result each. NULL after diagnostics. */
struct packing_result *compile_packing(struct ir_program *program, const struct compile_options *options);
/* These to files of one backend. */
enum einc_status compile_emit_packed(struct ir_program *program, const struct packing_result *packed,
                                     const struct backend_info *backend, const char *basename,
                                     const struct backend_options *options, struct backend_file **files, size_t *n_files);
/* Loops to files of one backend. */
enum einc_status compile_emit(struct compiled *compiled, const struct backend_info *backend, const char *basename,
                              const struct backend_options *options, struct backend_file **files, size_t *n_files);

/* All kernels as backends see them; those of `program` may be handed over one by one. False: no memory. */
bool compile_backend_program(struct compiled *compiled, const char *basename, struct backend_program *program);

/* ---- budget.c: limits of RAM and flash ---- */
/* Is there a limit of flash that the program exceeds? */
bool budget_needs_less(const struct compiled *compiled, const struct pass_options *passes);
/* All limits are kept, and on freestanding machines all sizes are bounded; else false after a diagnostic (or no memory). */
bool budget_kept(const struct compiled *compiled, const struct pass_options *passes);

/* ---- toolchain.c: the C compiler in a folder of its own ---- */
struct toolchain {
    struct ir_context *context;
    const char *folder, *object, *messages; /* paths; `object` is what is linked */
    const struct backend_file *files;
    size_t n_files;
};
/* False after a diagnostic; else `toolchain_close` removes the folder with all that was written. */
bool toolchain_open(struct toolchain *toolchain, struct ir_context *context);
const char *toolchain_path(const struct toolchain *toolchain, const char *name);
bool toolchain_write(struct toolchain *toolchain, const struct backend_file *files, size_t n_files);
/* One of the files to a shared object. `compiler` NULL: $CC, else `cc`. */
bool toolchain_link(struct toolchain *toolchain, const char *compiler, const char *flags, const char *input);
/* Runs `command` (split at spaces) with these words behind it; what it prints goes to `messages`. False: it failed, or there is no
 * such program. */
bool toolchain_run(struct toolchain *toolchain, const char *command, const char *const *words, size_t n_words);
void toolchain_close(struct toolchain *toolchain);

/* ---- sealed.c: a shared object in memory that can no longer change ---- */
struct sealed {
    void *library; /* for dlsym */
    int file;      /* open as long as the library is: the loader knows libraries by their paths, and this one's is its number */
};
bool sealed_load(struct ir_context *context, const char *path, struct sealed *sealed); /* false after a diagnostic */
void sealed_close(struct sealed *sealed);

/* ---- native.c: kernels in memory ---- */
struct native_kernel {
    int (*entry)(const size_t *dims, void *const *arguments, void *workspace);
    size_t (*workspace)(const size_t *dims); /* bytes */
    void *function;                          /* the kernel itself */
    const char *signature;                   /* its declaration in C */
};
enum { NATIVE_ALIGNMENT = 64 }; /* of workspace */
/* Finds all kernels of the program that was made code of; `find` gives the address of a function, false after a diagnostic. False
 * also: no memory. */
typedef bool native_find(void *user, struct ir_context *context, const char *name, void **address);
bool native_find_kernels(const struct backend_program *program, native_find *find, void *user, struct native_kernel *natives);
bool native_is_threaded(const struct compiled *compiled); /* is there a kernel for several threads? */
/* A kernel ended by a check: says what that means. */
void native_report_end(struct ir_context *context, const struct ir_kernel *kernel);
enum einc_status native_run(struct compiled *compiled, const struct native_kernel *native, int64_t threads, size_t kernel,
                            const int64_t *dims, const struct ir_tensor *inputs, struct ir_tensor *outputs);

/* ---- jit_orc.c: object files in memory, a part of libeinc_llvm.so ---- */
struct jit;
struct jit_orc {
    const char *version;                               /* of einc */
    struct jit *(*create)(struct ir_context *context); /* NULL after a diagnostic */
    bool (*add)(struct jit *jit, struct ir_context *context, const char *object, size_t length);
    int64_t (*most_threads)(void); /* that OpenMP has for a parallel loop */
    bool (*find)(struct jit *jit, struct ir_context *context, const char *name, void **address);
    void (*destroy)(struct jit *jit);
};
extern BACKEND_SHOWN const struct jit_orc einc_jit_orc;

/* ---- jit_tcc.c: C text to code in memory ---- */
struct jit_tcc {
    void *memory; /* readable and executable; NULL: none */
    size_t bytes;
    struct jit_tcc_symbol {
        const char *name;
        void *address;
    } * symbols; /* in the context's arena */
    size_t n_symbols, capacity;
};
/* The text includes nothing. False after a diagnostic; else `jit_tcc_release` takes the code away. One text at a time in a process:
 * calls in several threads wait. */
bool jit_tcc_compile(struct ir_context *context, const char *text, struct jit_tcc *code);
bool jit_tcc_find(void *code, struct ir_context *context, const char *name, void **address); /* a native_find */
void jit_tcc_release(struct jit_tcc *code);

/* ---- engines: engine.c, engine_NAME.c ---- */
struct engine;
struct engine_options {
    const char *compiler; /* engine c: the command; NULL: $CC, else `cc` */
    const char *flags;    /* engine c: optimisation flags, separated by spaces; NULL: $EINC_CFLAGS, else "-O3 -march=native" */
    int64_t threads;      /* that run kernels made for several; 0: as many as OpenMP says */
};
struct engine_info {
    const char *name;
    bool strided; /* takes inputs as `layout_inputs` gives them; else dense ones */
    const char *target;
    const char *purpose;
    /* Makes all kernels callable. NULL after diagnostics. The engine refers to `compiled` and must be destroyed before it. */
    struct engine *(*create)(struct compiled *compiled, const struct engine_options *options);
    /* `dims` one a run-time dim of the context; inputs in order; outputs given with their shapes and room for their data. */
    enum einc_status (*run)(struct engine *engine, size_t kernel, const int64_t *dims, const struct ir_tensor *inputs,
                            struct ir_tensor *outputs);
    /* The kernel in memory and on how many threads it runs; it may be called by several threads at once. NULL: it is only run. */
    const struct native_kernel *(*native)(const struct engine *engine, size_t kernel, int64_t *threads);
    void (*destroy)(struct engine *engine); /* takes NULL */
};
const struct engine_info *engine_table(size_t *count);
const struct engine_info *engine_find(const char *name);

/* ---- binding.c: arrays to kernels ---- */
/* Values of the run-time dims from the shapes of `inputs` (axes declared as a dim alone; all must agree, bounds and divisibility
 * hold), then every type and shape checked. `dims` has room for ir_dim_count values; a dim no axis names must be there already
 * (else -1). */
bool binding_check(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_tensor *inputs, int64_t *dims);
/* The same but for extents inside the kernel. Of the kernel's context it reads only the dims, which `context` has by the same
 * numbers.
 */
bool binding_shapes(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_tensor *inputs, int64_t *dims);
/* The type and shape of one array, that of `node` at these dims. */
bool binding_check_array(struct ir_context *context, const char *name, struct span span, const struct ir_node *node,
                         const int64_t *dims, const struct ir_tensor *given);
/* Every extent in the kernel has a value and is not negative, which emitted code takes for granted. */
bool binding_extents(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims);
/* Outputs with shapes at these dims and zeroed room for their data, in the arena. */
bool binding_outputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims, struct ir_tensor *outputs);
/* The value of an extent or a stride (`what`) at these dims; a diagnostic for a dim without a value, a negative number, an
 * overflow. */
bool binding_value(struct ir_context *context, const struct poly *extent, const int64_t *dims, const char *what, const char *tensor,
                   struct span span, int64_t *value);
/* "f32[4, 8]" */
const char *binding_describe(struct ir_context *context, const struct ir_tensor *tensor);

/* ---- lookups.c ---- */
/* What an integer input's entries may be for lookups to stay inside. */
struct lookup_range {
    bool bounded;
    int64_t low, high; /* high < low: nothing stays inside */
};
/* One an input; NULL: no memory. */
struct lookup_range *lookup_ranges(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims);

/* ---- layout.c ---- */
/* The inputs with those that have strides spread out in memory of their own, as engines other than the reference take them. NULL
 * after a diagnostic. */
const struct ir_tensor *layout_inputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims,
                                      const struct ir_tensor *inputs);
/* Changes dense inputs so that they keep what is declared of them: promises, and that elements that share a place are equal. */
bool layout_settle(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims, struct ir_tensor *inputs);

/* ---- promises.c ---- */
/* Gives the tensor new numbers, made of those it has, that keep the promises of `input`. False: no memory, or a size past a limit.
 */
bool promises_settle(struct ir_context *context, const struct ir_input_info *input, const int64_t *dims, struct ir_tensor *tensor);

#endif
