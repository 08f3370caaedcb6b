/* The table of passes from passes.def, and running one: whatever a pass leaves behind is verified. The order in which they compile
 * a kernel stands in runtime/compile.c. */
#include "passes.h"

#include <string.h>

#define PASS(name, level, purpose) enum einc_status pass_##name(struct pass_kernel *kernel);
#include "passes.def"

#define PASS(name, level, purpose) {#name, PASS_##level, purpose, pass_##name},
static const struct pass_info passes[] = {
#include "passes.def"
    {0},
};
enum { PASS_COUNT = sizeof passes / sizeof *passes - 1 };

const struct pass_info *pass_table(size_t *count)
{
    *count = PASS_COUNT;
    return passes;
}

const struct pass_info *pass_find(const char *name, size_t length)
{
    for (size_t k = 0; passes[k].name; k++)
        if (strlen(passes[k].name) == length && memcmp(passes[k].name, name, length) == 0)
            return &passes[k];
    return NULL;
}

/* A step is compiled as a kernel is, but within its loop: it is not sliced for memory. */
struct step_pass {
    const struct pass_info *pass;
    struct pass_kernel *kernel;
    enum einc_status status;
};

/* Of the scan's index; the node may have been rebuilt over other operands, its step is what it was. */
static const char *index_name(const struct ir_kernel *kernel, const struct ir_node *scan)
{
    for (size_t k = 0; k < kernel->n_names; k++) {
        const struct ir_name *name = &kernel->names[k];
        if (name->node->op == IR_scan_node && name->node->scan->step == scan->scan->step && name->index_names)
            return name->index_names[0];
    }
    return NULL;
}

static bool add_orders(struct pass_kernel *kernel, const struct pass_kernel *step, const struct ir_node *scan)
{
    const char *name = index_name(kernel->kernel, scan);
    for (size_t k = 0; k < step->n_orders; k++) {
        struct pass_order order = step->orders[k];
        order.scan = name ? name : "step";
        order.times = scan->scan->extent;
        if (!ARENA_PUSH(ir_arena(kernel->context), kernel->orders, kernel->n_orders, kernel->orders_capacity, order))
            return false;
    }
    return true;
}

static const struct ir_node *run_on_step(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct step_pass *step_pass = user;
    if (node->op != IR_scan_node)
        return node;
    struct pass_options *options = arena_copy(ir_arena(context), step_pass->kernel->options, 1, sizeof *options);
    struct pass_kernel step = {
        .context = context, .kernel = ir_kernel_copy(context, node->scan->step), .options = options, .in_step = true};
    if (!options || !step.kernel)
        return NULL;
    options->memory_limit = 0;
    step_pass->status = step_pass->pass->run(&step);
    if (step_pass->status != EINC_OK || !add_orders(step_pass->kernel, &step, node))
        return NULL;
    struct ir_scan scan = *node->scan;
    scan.step = step.kernel;
    return ir_kernel_equal(step.kernel, node->scan->step) ? node : ir_scan(context, &scan, node->operands);
}

/* The pass on the kernel, then on the steps of its scans. */
static enum einc_status run_tensor_pass(const struct pass_info *pass, struct pass_kernel *kernel)
{
    struct step_pass step_pass = {pass, kernel, EINC_OK};
    enum einc_status status = pass->run(kernel);
    if (status != EINC_OK)
        return status;
    (void)ir_rewrite(kernel->context, kernel->kernel, run_on_step, &step_pass);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : step_pass.status;
}

enum einc_status pass_run(const struct pass_info *pass, struct pass_kernel *kernel)
{
    enum einc_status status = pass->level == PASS_TENSOR ? run_tensor_pass(pass, kernel) : pass->run(kernel);
    if (status == EINC_INTERNAL && poly_context_overflowed(kernel->context) && ir_status(kernel->context) == EINC_OK) {
        diag_error(ir_diagnostics(kernel->context), DIAG_E0223, kernel->kernel->span,
                   "sizes or addresses in kernel `%s` overflow 64 bits", kernel->kernel->name);
        return EINC_INVALID;
    }
    if (status != EINC_OK)
        return status;
    bool sound = kernel->loops ? loop_verify(kernel->context, kernel->loops) : ir_verify(kernel->context, kernel->kernel);
    if (arena_failed(ir_arena(kernel->context)))
        return EINC_NO_MEMORY;
    return sound ? EINC_OK : EINC_INTERNAL;
}

enum einc_status pass_run_all(const char *const *names, struct pass_kernel *kernel)
{
    for (const char *const *name = names; *name; name++) {
        enum einc_status status = pass_run(pass_find(*name, strlen(*name)), kernel);
        if (status != EINC_OK)
            return status;
    }
    return EINC_OK;
}
