/* Kernels in memory as machine code, called through the uniform functions that backends add for engines (backend_options.entry). */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

static bool find_kernel(struct ir_context *context, const char *name, const struct backend_signature *signature, native_find *find,
                        void *user, struct native_kernel *native)
{
    const char *entry = arena_printf(ir_arena(context), "einc_entry_%s", name);
    const char *workspace = arena_printf(ir_arena(context), "einc_workspace_%s", name);
    native->signature = signature->declaration;
    return entry && workspace && find(user, context, entry, (void **)&native->entry) &&
           find(user, context, workspace, (void **)&native->workspace) && find(user, context, signature->name, &native->function);
}

bool native_find_kernels(const struct backend_program *program, native_find *find, void *user, struct native_kernel *natives)
{
    const struct backend_signature *signatures = backend_signatures(program);
    bool good = signatures != NULL;
    for (size_t k = 0; k < program->n_kernels && good; k++)
        good = find_kernel(program->context, program->kernels[k].loops->name, &signatures[k], find, user, &natives[k]);
    return good;
}

/* Has a kernel solutions, and lookups, that may end it? */
static void find_ends(struct ir_context *context, const struct ir_kernel *kernel, bool *solves, bool *looks_up)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++) {
        *solves |= nodes[k]->op == IR_solve_node;
        if (nodes[k]->op == IR_scan_node)
            find_ends(context, nodes[k]->scan->step, solves, looks_up);
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++) {
            struct poly_ranges ranges = ir_operand_ranges(context, nodes[k], o);
            *looks_up |= nodes[k]->op != IR_concat_node && nodes[k]->operands[o].node->op != IR_scan_node &&
                         ir_is_checked_access(context, &nodes[k]->operands[o], &ranges);
        }
    }
}

void native_report_end(struct ir_context *context, const struct ir_kernel *kernel)
{
    bool solves = false, looks_up = false;
    find_ends(context, kernel, &solves, &looks_up);
    const char *lookup = "a number looked up in an array leads outside another", *singular = "a matrix it solves with is singular";
    const char *what = !solves ? lookup : looks_up ? arena_printf(ir_arena(context), "%s, or %s", lookup, singular) : singular;
    struct diag *diag = diag_error(ir_diagnostics(context), solves && !looks_up ? DIAG_E0816 : DIAG_E0814, kernel->span,
                                   "kernel `%s` ended: %s", kernel->name, what ? what : lookup);
    diag_help(ir_diagnostics(context), diag, "`--engine=ref` says which, and where");
}

bool native_is_threaded(const struct compiled *compiled)
{
    for (size_t k = 0; k < compiled->n_kernels; k++)
        if (compiled->kernels[k].loops->threads)
            return true;
    return false;
}

/* The kernel's own function calculates it in size_t, which wraps: an array without elements may have axes of any length. */
static bool workspace_fits(const struct compiled *compiled, int64_t threads, size_t kernel, const int64_t *dims)
{
    struct ir_context *context = compiled->context;
    const struct loop_function *loops = compiled->kernels[kernel].loops;
    const struct ir_kernel *source = compiled->program->kernels[kernel];
    const struct poly *shares = poly_scale(context, loops->thread_workspace, threads);
    int64_t bytes;
    return binding_value(context, poly_add(context, loops->workspace, shares), dims, "the workspace", source->name, source->span,
                         &bytes);
}

/* Inputs, then outputs; of an array that is both, the output, which holds the input's numbers. */
static void fill_arguments(const struct ir_kernel *source, const struct ir_tensor *inputs, struct ir_tensor *outputs,
                           void **arguments)
{
    uint32_t n_arguments = 0;
    for (uint32_t k = 0; k < source->n_inputs; k++)
        if (!ir_input_is_updated(source, k))
            arguments[n_arguments++] = inputs[k].data;
    for (uint32_t k = 0; k < source->n_outputs; k++) {
        uint32_t updates = source->outputs[k].updates;
        size_t bytes = npy_element_count(&outputs[k]) * ir_elem_info(outputs[k].elem)->bytes;
        if (updates && bytes)
            memcpy(outputs[k].data, inputs[updates - 1].data, bytes);
        arguments[n_arguments++] = outputs[k].data;
    }
}

enum einc_status native_run(struct compiled *compiled, const struct native_kernel *native, int64_t threads, size_t kernel,
                            const int64_t *dims, const struct ir_tensor *inputs, struct ir_tensor *outputs)
{
    struct ir_context *context = compiled->context;
    const struct ir_kernel *source = compiled->program->kernels[kernel];
    uint32_t n_dims = ir_dim_count(context);
    size_t *sizes = calloc(n_dims + 1, sizeof *sizes);
    void **arguments = calloc((size_t)source->n_inputs + source->n_outputs + 1, sizeof *arguments);
    void *workspace = NULL;
    enum einc_status status = sizes && arguments ? EINC_OK : EINC_NO_MEMORY;
    for (uint32_t k = 0; status == EINC_OK && k < n_dims; k++)
        sizes[k] = (size_t)dims[k];
    if (status == EINC_OK) {
        sizes[n_dims] = (size_t)threads;
        fill_arguments(source, inputs, outputs, arguments);
    }
    if (status == EINC_OK && !workspace_fits(compiled, threads, kernel, dims))
        status = EINC_INVALID;
    size_t bytes = status == EINC_OK ? native->workspace(sizes) : 0;
    if (bytes && posix_memalign(&workspace, NATIVE_ALIGNMENT, bytes) != 0)
        status = EINC_NO_MEMORY;
    if (status == EINC_OK && native->entry(sizes, arguments, workspace) != 0) {
        native_report_end(context, source);
        status = EINC_INVALID;
    }
    free(workspace);
    free(arguments);
    free(sizes);
    return status;
}
