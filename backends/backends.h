/* Backends spell loop IR (or tensor IR) and decide nothing. Each is one file and one row of backends.def. */
#ifndef BACKENDS_BACKENDS_H
#define BACKENDS_BACKENDS_H

#include "ir/ir.h"
#include "ir/loop.h"
#include "ir/slot.h"

enum backend_weights { WEIGHTS_INLINE, WEIGHTS_EXTERN, WEIGHTS_FILE };

/* A constant that was replaced by structure found in it, and how near that is, as text for head comments. */
struct backend_finding {
    const char *finding, *certificate;
};

/* A compiled kernel as backends see it. */
struct backend_kernel {
    const struct ir_kernel *source;    /* as written, before passes */
    const struct ir_kernel *kernel;    /* after tensor passes */
    const struct loop_function *loops; /* NULL for backends on tensor IR */
    const struct poly *flops_naive;
    const struct backend_finding *findings;
    size_t n_findings;
    const struct slot_program *slots; /* on ciphertexts; NULL for other backends */
};

struct backend_program {
    struct ir_context *context;
    const char *path;     /* source file as named, for head comments */
    const char *basename; /* of the output, without extension: include guard, header name */
    struct backend_kernel *kernels;
    size_t n_kernels;
};

/* What machine code is made for. */
struct backend_code_target {
    const char *triple; /* LLVM's name of architecture and system; NULL: where einc runs */
    const char *cpu;    /* LLVM's name of a processor; NULL: the one einc runs on, or of another triple what all have */
    bool is_checked;    /* a person named the processor: a name that LLVM does not know is a diagnostic */
    bool debug;         /* lines of the source in the code */
};

/* A run of a kernel: arguments, and what comes of it. One element of a complex type is two here. */
struct backend_sample {
    const int64_t *dims;                /* all of the context */
    const struct ir_tensor *inputs;     /* laid out as the kernel reads them */
    const size_t *input_elements;       /* of each, in memory */
    const struct ir_tensor *low, *high; /* an output's elements lie between these; of integers both are what they are */
    int64_t workspace;                  /* bytes at these dims */
};

struct backend_options {
    const char *target;           /* what head comments say of the machine code is made for; NULL: nothing, it is the default */
    enum backend_weights weights; /* INLINE: tables in the .c; EXTERN: one `const` pointer argument a constant; FILE: as EXTERN, and
                                     a raw little-endian file of all constants beside, with its layout in the header */
    struct backend_code_target code;
    bool freestanding; /* for machines without a C library: what is in flash and what is called is in the program's hands */
    const struct backend_sample *samples; /* of each kernel, for a program that checks them where they will run */
    bool no_math;                         /* nothing of <math.h> may be called: a diagnostic */
    bool static_workspace;                /* the workspace is an object of the file, and no argument */
    bool standalone;                      /* emitted C for an engine: one text that includes nothing; `entry` is implied */
    bool entry; /* add `int einc_entry_<kernel>(const size_t *dims, void *const *arguments, void *workspace)` for engines; behind
                   the dims stands the number of threads, if the code is for several */
};

/* One file to write: name relative to the output, and its bytes. */
struct backend_file {
    const char *name;
    const char *bytes;
    size_t length;
};

enum backend_kind { BACKEND_SOURCE, BACKEND_SCHEDULE, BACKEND_CODE, BACKEND_LINKED };

struct backend_info {
    const char *name;      /* as in --emit=NAME */
    const char *extension; /* ".c" */
    enum backend_kind kind;
    const char *purpose;
    /* Appends files to `files`; the first one is the main output. */
    enum einc_status (*emit)(const struct backend_program *program, const struct backend_options *options,
                             struct backend_file **files, size_t *n_files);
};
enum einc_status backend_add_file(struct ir_context *context, struct backend_file **files, size_t *n_files, const char *name,
                                  struct text *text);
const struct backend_info *backend_table(size_t *count);
const struct backend_info *backend_find(const char *name, size_t length);

/* ---- c_header.c ---- */
/* What a kernel's function is called in the file that is made of the program with its constants inline, and its declaration in C
 * without the semicolon. */
struct backend_signature {
    const char *name, *declaration;
};
/* Of each kernel of the program, in the context's arena. NULL: no memory. */
const struct backend_signature *backend_signatures(const struct backend_program *program);

/* ---- machine_code.c: the part that needs LLVM, a library of its own ---- */
enum backend_code_form { CODE_LLVM, CODE_BITCODE, CODE_ASSEMBLY, CODE_OBJECT };
struct backend_llvm {
    const char *version; /* of einc */
    enum einc_status (*emit)(const struct backend_program *program, const struct backend_options *options,
                             enum backend_code_form form, struct text *bytes);
};
#define BACKEND_SHOWN __attribute__((visibility("default"))) /* tables that the library shows */
extern BACKEND_SHOWN const struct backend_llvm einc_llvm_backend;
/* A table in that library, which begins with the version; NULL after a diagnostic. */
const void *backend_llvm_symbol(struct ir_context *context, const char *name);

#endif
