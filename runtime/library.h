/* Behind einc.h: what its parts share. A context compiles each program in an IR context of its own, which belongs to the program
 * and is only read from then on; so calls need no lock, but for the reference, whose evaluation takes memory of the IR context. */
#ifndef RUNTIME_LIBRARY_H
#define RUNTIME_LIBRARY_H

#include "runtime.h"

#include "einc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { LIBRARY_RANK = FRONTEND_RANK };

/* ---- library_report.c ---- */

struct einc_report {
    struct arena *arena; /* holds it, too */
    struct einc_diagnostic *items;
    size_t count;
    const char *text;
};

/* Reports that no one took: of each thread the last, of so many threads at most. */
enum { REPORT_LIMIT = 64 };
struct library_reports {
    pthread_mutex_t lock;
    struct library_thread_report {
        pthread_t thread;
        struct einc_report *report;
    } items[REPORT_LIMIT];
    size_t count; /* oldest first */
};
/* Keeps what was reported, if anything was, and gives the status that says so. */
enum einc_status library_report(struct einc_context *context, struct ir_context *ir);
/* For reports of calls: an IR context that knows the program's sources and dims by their numbers. NULL: no memory. */
struct ir_context *library_report_context(const struct einc_program *program);

/* ---- library_context.c ---- */

struct library_einsums;

struct einc_context {
    struct einc_allocator allocator;
    struct arena *arena; /* holds the context and the defaults; taken from before anyone else knows of it, and never after */
    struct einc_options defaults;
    struct library_reports reports;
    struct library_einsums *einsums;
    struct library_worker *worker;
};
void *library_allocate(const struct einc_context *context, size_t count, size_t size); /* not zeroed; NULL also: too much */
void library_release(const struct einc_context *context, void *memory);                /* takes NULL */
bool library_own_options(struct arena *arena, struct einc_options *options);           /* copies what they point to */
/* The options of the caller, or the defaults; false: LIBRARY_WRONG_OPTIONS. */
#define LIBRARY_WRONG_OPTIONS "the options have a size that this einc does not know, or no dims where they count some"
bool library_options(const struct einc_context *context, const struct einc_options *given, struct einc_options *options);

/* ---- library_worker.c: a thread of the context's that makes better code ---- */

struct library_job {
    struct library_job *next;
    struct einc_program *program;
    bool is_waiting;       /* for its turn, or to be finished */
    struct timespec begin; /* not before, unless someone waits */
};
struct library_worker;
struct library_worker *library_worker_create(struct einc_context *context);
void library_worker_destroy(struct library_worker *worker); /* without jobs. Takes NULL */
void library_worker_stop(struct library_worker *worker);    /* ends the job under way and takes up no other, now or later */
void library_worker_add(struct library_worker *worker, struct library_job *job);
/* Until the job is done, or given up where it had not begun and is not `wanted`. */
void library_worker_wait(struct library_worker *worker, struct library_job *job, bool wanted);

/* ---- library_program.c ---- */

/* One tensor of a call. */
struct library_argument {
    const char *name;
    struct span span;
    const struct ir_node *node;        /* element type and shape */
    const struct poly *const *strides; /* NULL: dense */
    const int64_t *shape;              /* where all are known: without dims; NULL else */
    uint32_t input;                    /* which input of the kernel; UINT32_MAX: none, an output alone */
    uint32_t output;                   /* which output; UINT32_MAX: none */
};

/* A kernel as an engine made it: what a call needs of it. */
struct library_code {
    struct native_kernel native; /* entry NULL: the reference */
    int64_t threads;
    const struct loop_function *loops;
    bool is_static;    /* no run-time dims: the workspace is known */
    int64_t workspace; /* bytes */
};

struct einc_kernel {
    struct einc_program *program;
    size_t number;
    struct library_argument *arguments;
    uint32_t n_arguments;
    const struct poly *const *extents; /* those of its indices that hold run-time dims */
    size_t n_extents;
    const uint32_t *dims; /* that it needs */
    size_t n_dims;
    _Atomic(const struct library_code *) code;
    _Atomic(struct library_block *) spare; /* workspace kept from one call for the next */
    const char *json;                      /* under the program's lock */
};

/* The kernels by one engine. */
struct library_engine {
    const struct engine_info *info;
    struct engine *engine;
    struct compiled *compiled;
    struct library_code *codes; /* one a kernel */
};

enum { LIBRARY_FIRST, LIBRARY_BETTER, LIBRARY_ENGINES };
struct einc_program {
    struct einc_context *context;
    struct ir_context *ir;
    struct ir_program *source;
    struct einc_options options;                    /* the strings only while it is compiled first */
    struct library_engine engines[LIBRARY_ENGINES]; /* the better one is made by the worker, if at all */
    const struct engine_info *better;               /* NULL: there is none to be made */
    struct compile_options *better_options;
    struct einc_kernel *kernels;
    pthread_mutex_t lock; /* of what is made in `ir` later: better code, descriptions, values of the reference */
    struct library_job job;
};

/* Gives the program to be compiled, in the new IR context; NULL after diagnostics. */
typedef struct ir_program *library_read(void *user, struct ir_context *ir, const struct compile_options *options);
enum einc_status library_compile(struct einc_context *context, const struct einc_options *options, library_read *read, void *user,
                                 struct einc_program **program);

/* Called by the worker. */
void library_make_better(struct einc_program *program);
/* All code is made that will be. */
void library_wait(const struct einc_program *program);

/* ---- library_tensor.c: DLPack's tensors ---- */

DLDataType library_type(enum ir_elem elem);
bool library_type_is(enum ir_elem elem, DLDataType type);
bool library_type_find(DLDataType type, enum ir_elem *elem);
static inline unsigned char *library_data(const DLTensor *tensor)
{
    return (unsigned char *)tensor->data + tensor->byte_offset;
}
int64_t library_stride(const DLTensor *tensor, int axis); /* in elements; of a dense tensor, too */
bool library_is_dense(const DLTensor *tensor);            /* in C order, without gaps */
/* A tensor of the processor's memory with a type, a rank and a shape that einc knows; false after a diagnostic about `name`. */
bool library_check_tensor(struct ir_context *report, const char *name, struct span span, const DLTensor *tensor);
/* Elements of the tensor, and bytes from its first element to behind its last; false: overflow, or a negative stride. */
bool library_extent(const DLTensor *tensor, int64_t *count, int64_t *bytes);

/* All elements in C order, and back. The tensor was checked. */
void library_gather(const DLTensor *tensor, void *dense);
void library_scatter(const void *dense, const DLTensor *tensor);
/* Axis by axis, strides step over what smaller ones reach: no two elements are in one place. */
bool library_is_injective(const DLTensor *tensor);

/* ---- library_check.c ---- */

/* A call under way. */
enum { LIBRARY_SMALL_DIMS = 16, LIBRARY_SMALL_ARGUMENTS = 24 };
struct library_range {
    uintptr_t begin, end; /* equal: no elements */
};
struct library_call {
    const struct einc_kernel *kernel;
    const struct library_code *code;
    const DLTensor *const *tensors;
    int64_t *dims;    /* one a dim of the program; -1: not known */
    void **arguments; /* data of the tensors */
    struct library_range *ranges;
    int64_t small_dims[LIBRARY_SMALL_DIMS];
    void *small_arguments[LIBRARY_SMALL_ARGUMENTS];
    struct library_range small_ranges[LIBRARY_SMALL_ARGUMENTS];
};
/* Binds dims and says whether all is right; there are as many tensors as the kernel takes. */
bool library_fits(struct library_call *call);
/* The same of any number of tensors, with diagnostics. */
bool library_check(struct library_call *call, size_t n_tensors, struct ir_context *report);
/* Have the inputs, and what is updated, their types and ranks, and do they tell all dims? Outputs alone are not looked at. */
bool library_inputs_fit(struct library_call *call);
/* The shape that tensor `at` must have at the call's dims; false: it cannot be told. */
bool library_find_shape(const struct library_call *call, size_t at, int64_t *shape);
/* Both, with diagnostics. */
bool library_check_shape(struct library_call *call, size_t n_tensors, size_t at, struct ir_context *report);

/* ---- library_reference.c ---- */
enum einc_status library_run_reference(const struct library_call *call);
/* Its kernels run on the reference, whose memory ended: they say so from then on. */
bool library_is_spent(struct einc_program *program);

/* ---- library_einsum.c ---- */

struct library_einsums *library_einsums_create(struct einc_context *context);
void library_einsums_destroy(struct library_einsums *einsums); /* takes NULL */

#endif
