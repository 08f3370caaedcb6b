/* Calls of kernels on tensors: dims of the call, checks, workspace, the call itself. The way of a right call takes no lock, and no
 * memory but the workspace, which one call keeps for the next. */
#include "library.h"

#include <string.h>

/* ---- dims and checks ---- */

static enum einc_status finish_report(const struct einc_kernel *kernel, struct ir_context *report)
{
    enum einc_status status = report ? library_report(kernel->program->context, report) : EINC_NO_MEMORY;
    ir_context_destroy(report);
    return status;
}

static enum einc_status set_dims(struct library_call *call, const struct einc_run_options *options)
{
    struct ir_context *ir = call->kernel->program->ir;
    uint32_t n_dims = ir_dim_count(ir);
    for (uint32_t k = 0; k < n_dims; k++)
        call->dims[k] = -1;
    for (size_t d = 0; options && d < options->n_dims; d++) {
        bool found = false;
        for (uint32_t k = 0; k < n_dims && options->dims[d].name && options->dims[d].value >= 0; k++)
            if (strcmp(ir_dim_at(ir, k)->name, options->dims[d].name) == 0) {
                call->dims[k] = options->dims[d].value;
                found = true;
            }
        if (found)
            continue;
        struct ir_context *report = library_report_context(call->kernel->program);
        if (report)
            diag_error(ir_diagnostics(report), DIAG_E0854, SPAN_NONE, "there is no run-time dim `%s`, or its size is negative",
                       options->dims[d].name ? options->dims[d].name : "");
        return finish_report(call->kernel, report);
    }
    return EINC_OK;
}

static bool known_options(const struct einc_run_options *given, struct einc_run_options *options)
{
    *options = given ? *given : (struct einc_run_options){.size = sizeof *options};
    return options->size == sizeof *options && (options->dims || options->n_dims == 0); /* the only size there was so far */
}

/* `at`: the tensor whose shape is asked for; SIZE_MAX: all of them are there. */
static enum einc_status check_slowly(struct library_call *call, size_t n_tensors, size_t at, const struct einc_run_options *options)
{
    enum einc_status status = set_dims(call, options); /* which the quick look may have changed */
    struct ir_context *report = status == EINC_OK ? library_report_context(call->kernel->program) : NULL;
    if (report)
        (void)(at == SIZE_MAX ? library_check(call, n_tensors, report) : library_check_shape(call, n_tensors, at, report));
    return status == EINC_OK ? finish_report(call->kernel, report) : status;
}

/* Bytes that the call's workspace has; a diagnostic where 64 bits do not hold the number. */
static enum einc_status find_workspace(const struct library_call *call, int64_t *bytes)
{
    const struct einc_kernel *kernel = call->kernel;
    const struct library_code *code = call->code;
    const struct loop_function *loops = code->loops;
    int64_t share;
    *bytes = code->workspace;
    if (code->is_static || !code->native.entry)
        return EINC_OK;
    if (poly_evaluate(loops->workspace, call->dims, NULL, bytes) &&
        poly_evaluate(loops->thread_workspace, call->dims, NULL, &share) && checked_multiply(share, code->threads, &share) &&
        checked_add(*bytes, share, bytes) && *bytes >= 0)
        return EINC_OK;
    struct ir_context *report = library_report_context(kernel->program);
    if (report)
        diag_error(ir_diagnostics(report), DIAG_E0806, SPAN_NONE, "the workspace of `%s` overflows", loops->name);
    return finish_report(kernel, report);
}

/* Room for the call, and its dims as far as the caller gave them. In any case `close_call` follows. */
static enum einc_status open_call(struct library_call *call, const struct einc_kernel *kernel, const DLTensor *const *tensors,
                                  const struct einc_run_options *options)
{
    uint32_t n_dims = ir_dim_count(kernel->program->ir);
    call->kernel = kernel;
    call->code = atomic_load(&kernel->code);
    call->tensors = tensors;
    call->dims = call->small_dims;
    call->arguments = call->small_arguments;
    call->ranges = call->small_ranges;
    if (n_dims > LIBRARY_SMALL_DIMS)
        call->dims = library_allocate(kernel->program->context, n_dims, sizeof *call->dims);
    if (kernel->n_arguments > LIBRARY_SMALL_ARGUMENTS) {
        call->arguments = library_allocate(kernel->program->context, kernel->n_arguments, sizeof *call->arguments);
        call->ranges = library_allocate(kernel->program->context, kernel->n_arguments, sizeof *call->ranges);
    }
    if (!call->dims || !call->arguments || !call->ranges)
        return EINC_NO_MEMORY;
    return set_dims(call, options);
}

/* The call's tensors, checked. */
static enum einc_status check_call(struct library_call *call, size_t n_tensors, const struct einc_run_options *options)
{
    enum einc_status status = EINC_OK;
    if (n_tensors != call->kernel->n_arguments || !library_fits(call))
        status = check_slowly(call, n_tensors, SIZE_MAX, options);
    for (size_t k = 0; status == EINC_OK && k < n_tensors; k++)
        call->arguments[k] = library_data(call->tensors[k]);
    return status;
}

static void close_call(struct library_call *call)
{
    const struct einc_context *context = call->kernel->program->context;
    if (call->dims != call->small_dims)
        library_release(context, call->dims);
    if (call->arguments != call->small_arguments)
        library_release(context, call->arguments);
    if (call->ranges != call->small_ranges)
        library_release(context, call->ranges);
}

/* ---- workspace ---- */

struct library_block {
    size_t bytes; /* of workspace */
    void *workspace;
};

/* What an earlier call left, if it is large enough. */
static struct library_block *take_block(const struct einc_kernel *constant, size_t bytes)
{
    struct einc_kernel *kernel = &constant->program->kernels[constant->number];
    const struct einc_context *context = kernel->program->context;
    struct library_block *block = atomic_exchange(&kernel->spare, NULL);
    if (block && block->bytes >= bytes)
        return block;
    library_release(context, block);
    size_t around = sizeof *block + NATIVE_ALIGNMENT;
    block = bytes <= SIZE_MAX - around ? library_allocate(context, 1, bytes + around) : NULL;
    if (!block)
        return NULL;
    uintptr_t end = (uintptr_t)(block + 1);
    *block = (struct library_block){bytes, (char *)(block + 1) + (NATIVE_ALIGNMENT - end % NATIVE_ALIGNMENT) % NATIVE_ALIGNMENT};
    return block;
}

static void keep_block(const struct einc_kernel *constant, struct library_block *block)
{
    struct einc_kernel *kernel = &constant->program->kernels[constant->number];
    if (block)
        library_release(kernel->program->context, atomic_exchange(&kernel->spare, block));
}

/* ---- running ---- */

static enum einc_status run_native(struct library_call *call, void *workspace)
{
    const struct einc_kernel *kernel = call->kernel;
    uint32_t n_dims = ir_dim_count(kernel->program->ir);
    size_t small[LIBRARY_SMALL_DIMS + 1], *sizes = small;
    if (n_dims > LIBRARY_SMALL_DIMS)
        sizes = library_allocate(kernel->program->context, (size_t)n_dims + 1, sizeof *sizes);
    if (!sizes)
        return EINC_NO_MEMORY;
    for (uint32_t k = 0; k < n_dims; k++)
        sizes[k] = call->dims[k] < 0 ? 0 : (size_t)call->dims[k]; /* a dim of another kernel */
    sizes[n_dims] = (size_t)call->code->threads;
    int failed = call->code->native.entry(sizes, call->arguments, workspace);
    if (sizes != small)
        library_release(kernel->program->context, sizes);
    if (!failed)
        return EINC_OK;
    struct ir_context *report = library_report_context(kernel->program);
    if (report)
        native_report_end(report, kernel->program->source->kernels[kernel->number]);
    return finish_report(kernel, report);
}

static enum einc_status run_on(struct library_call *call, void *workspace, int64_t bytes)
{
    const struct einc_kernel *kernel = call->kernel;
    if (workspace || bytes == 0)
        return run_native(call, workspace);
    struct library_block *block = take_block(kernel, (size_t)bytes);
    if (!block)
        return EINC_NO_MEMORY;
    enum einc_status status = run_native(call, block->workspace);
    keep_block(kernel, block);
    return status;
}

static enum einc_status report_options(const struct einc_kernel *kernel, const char *what)
{
    struct ir_context *report = library_report_context(kernel->program);
    if (report)
        diag_error(ir_diagnostics(report), DIAG_E0854, SPAN_NONE, "%s", what);
    return finish_report(kernel, report);
}

enum einc_status einc_kernel_run(const struct einc_kernel *kernel, size_t n_tensors, const DLTensor *const *tensors,
                                 const struct einc_run_options *given)
{
    struct library_call call;
    struct einc_run_options options;
    int64_t bytes;
    if (!known_options(given, &options))
        return report_options(kernel, LIBRARY_WRONG_OPTIONS);
    if ((uintptr_t)options.workspace % NATIVE_ALIGNMENT != 0)
        return report_options(kernel, "the workspace is not aligned to 64 bytes");
    if (options.workspace)
        library_wait(kernel->program); /* it is for that code */
    enum einc_status status = open_call(&call, kernel, tensors, &options);
    if (status == EINC_OK)
        status = check_call(&call, n_tensors, &options);
    if (status == EINC_OK)
        status = find_workspace(&call, &bytes);
    if (status == EINC_OK)
        status = call.code->native.entry ? run_on(&call, options.workspace, bytes) : library_run_reference(&call);
    close_call(&call);
    return status;
}

enum einc_status einc_kernel_workspace(const struct einc_kernel *kernel, size_t n_tensors, const DLTensor *const *tensors,
                                       const struct einc_run_options *given, size_t *bytes)
{
    struct library_call call;
    struct einc_run_options options;
    int64_t found = 0;
    if (!known_options(given, &options))
        return report_options(kernel, LIBRARY_WRONG_OPTIONS);
    library_wait(kernel->program); /* for the code that later calls run */
    enum einc_status status = open_call(&call, kernel, tensors, &options);
    if (status == EINC_OK)
        status = check_call(&call, n_tensors, &options);
    if (status == EINC_OK)
        status = find_workspace(&call, &found);
    close_call(&call);
    *bytes = (size_t)found;
    return status;
}

static enum einc_status report_place(const struct einc_kernel *kernel, size_t at)
{
    struct ir_context *report = library_report_context(kernel->program);
    if (report)
        diag_error(ir_diagnostics(report), DIAG_E0850, SPAN_NONE, "the kernel takes %u tensors, none at %zu", kernel->n_arguments,
                   at);
    return finish_report(kernel, report);
}

enum einc_status einc_kernel_result(const struct einc_kernel *kernel, size_t n_tensors, const DLTensor *const *tensors,
                                    const struct einc_run_options *given, size_t at, DLDataType *type, int *rank, int64_t *shape)
{
    struct library_call call;
    struct einc_run_options options;
    if (!known_options(given, &options))
        return report_options(kernel, LIBRARY_WRONG_OPTIONS);
    if (at >= kernel->n_arguments)
        return report_place(kernel, at);
    enum einc_status status = open_call(&call, kernel, tensors, &options);
    if (status == EINC_OK && (n_tensors != kernel->n_arguments || !library_inputs_fit(&call)))
        status = check_slowly(&call, n_tensors, at, &options);
    if (status == EINC_OK && !library_find_shape(&call, at, shape))
        status = check_slowly(&call, n_tensors, at, &options);
    close_call(&call);
    *type = library_type(kernel->arguments[at].node->elem);
    *rank = (int)kernel->arguments[at].node->rank;
    return status;
}
