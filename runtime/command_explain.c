/* einc explain: what a kernel costs as written and as compiled, and the order of its contractions in the manner of opt_einsum's
 * path table (dgasmith/opt_einsum, PathInfo): what was multiplied as one loop nest, what remains, the largest intermediate, each
 * step. The target comes first: costs, and what was chosen by them, are its.
 * --json gives the object of docs/command.md. */
#include "command.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers at the given or typical sizes ---- */

static double estimate(struct ir_context *context, const struct poly *poly)
{
    return poly ? poly_estimate(poly, ir_typical_sizes(context), NULL) : 0;
}

static const char *poly_text(struct ir_context *context, const struct poly *poly)
{
    struct text text = text_create(ir_arena(context));
    if (poly)
        poly_print(&text, context, poly, POLY_SOURCE, NULL, 0);
    const char *printed = text_finish(&text);
    return printed ? printed : "";
}

/* 39040 as "39,040"; estimates at typical sizes as "~3.9e+06". */
static const char *count_text(struct ir_context *context, const struct poly *poly)
{
    int64_t value;
    if (!poly)
        return "?";
    if (!poly_is_constant(poly, &value))
        return arena_printf(ir_arena(context), "%s (about %.3g)", poly_text(context, poly), estimate(context, poly));
    char digits[32], *grouped = arena_alloc(ir_arena(context), 48, 1);
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
    for (int k = 0, at = 0; k < length && grouped; k++) {
        grouped[at++] = digits[k];
        if ((length - k - 1) % 3 == 0 && k + 1 < length && digits[k] != '-')
            grouped[at++] = ',';
    }
    return grouped ? grouped : "?";
}

/* ---- text ---- */

static void print_order(struct ir_context *context, const struct pass_order *order)
{
    double naive = estimate(context, order->flops_naive), flops = estimate(context, order->flops);
    printf("  contraction         %s\n", order->expression);
    if (order->scan)
        printf("    in the scan over  %s, at each of %s steps:\n", order->scan, count_text(context, order->times));
    printf("    as one loop nest  %s flops\n", count_text(context, order->flops_naive));
    const char *ordered = arena_printf(ir_arena(context), "ordered (%s)", order->method);
    printf("    %-17s %s flops", ordered ? ordered : "", count_text(context, order->flops));
    if (flops > 0 && naive > flops)
        printf(", %.3g times fewer", naive / flops);
    printf("\n    intermediates     up to %s elements\n", count_text(context, order->largest));
    if (order->sliced)
        printf("    sliced over       %s\n", order->sliced);
    for (size_t k = 0; k < order->n_steps; k++) {
        const struct pass_step *step = &order->steps[k];
        printf("    %2zu  %s%s%s -> %-24s %s flops%s\n", k + 1, step->left, step->right ? "," : "", step->right ? step->right : "",
               step->result, count_text(context, step->work.flops), step->shared ? ", done above" : "");
    }
}

static void print_sizes(const char *what, const struct pass_tiling *tiling, bool blocks)
{
    const char *before = what;
    for (uint32_t k = 0; k < tiling->n_axes; k++) {
        int64_t size = blocks ? tiling->axes[k].block : tiling->axes[k].tile;
        if (size <= !blocks)
            continue;
        printf("%s%s %lld", before, tiling->axes[k].index, (long long)size);
        before = ", ";
    }
}

static void print_tiling(const struct pass_tiling *tiling)
{
    const char *title = tiling->share > 0 ? "product" : "moved";
    printf("  %-19s %s: %s along %s", title, tiling->tensor, tiling->vector, tiling->lane);
    print_sizes("; tile ", tiling, false);
    print_sizes("; blocks ", tiling, true);
    if (tiling->share > 0)
        printf("; about %.0f %% of peak", 100 * tiling->share);
    printf("%s", tiling->is_memory_bound ? ", bound by memory" : "");
    if (tiling->tuned)
        printf("; tuned, %.0f %% faster than the model's choice",
               100 * (tiling->tuned->seconds_before / tiling->tuned->seconds - 1));
    printf("\n");
}

static void print_parallel(const struct pass_kernel *kernel, const struct pass_parallel_loop *loop)
{
    printf("  threads             %s: %.3g iterations of %s%s%s%s, about %.2g times as fast on %u\n", loop->tensor,
           loop->iterations, loop->index, *loop->role ? " (" : "", loop->role, *loop->role ? ")" : "", loop->speedup,
           (unsigned)kernel->loops->threads);
}

static void print_kernel(const struct pass_kernel *kernel)
{
    struct ir_context *context = kernel->context;
    const struct ir_work *work = &kernel->loops->work;
    printf("kernel %s\n", kernel->kernel->name);
    printf("  as plain loop nests %s flops\n", count_text(context, kernel->flops_naive));
    printf("  flops               %s\n", count_text(context, work->flops));
    if (work->functions && !poly_equals(work->functions, 0))
        printf("  function calls      %s\n", count_text(context, work->functions));
    printf("  bytes               %s\n", count_text(context, work->bytes));
    printf("  workspace           %s bytes", count_text(context, kernel->loops->workspace));
    if (!poly_equals(kernel->loops->thread_workspace, 0))
        printf(", and %s a thread", count_text(context, kernel->loops->thread_workspace));
    printf("\n");
    for (size_t k = 0; k < kernel->n_choices; k++)
        printf("  %-19s %s: %s\n", kernel->choices[k].kind, kernel->choices[k].tensor, kernel->choices[k].detail);
    for (size_t k = 0; k < kernel->n_tilings; k++)
        print_tiling(&kernel->tilings[k]);
    for (size_t k = 0; k < kernel->n_parallels; k++)
        print_parallel(kernel, &kernel->parallels[k]);
    for (size_t k = 0; k < kernel->n_orders; k++)
        print_order(context, &kernel->orders[k]);
}

/* ---- JSON ---- */

/* The number at sizes that are all known, else null. */
static json_t *json_count(const struct poly *poly)
{
    int64_t value;
    return poly && poly_is_constant(poly, &value) ? json_integer(value) : json_null();
}

static json_t *json_step(struct ir_context *context, const struct pass_step *step)
{
    return json_pack("{s:s, s:s?, s:s, s:o, s:s, s:b}", "left", step->left, "right", step->right, "result", step->result, "flops",
                     json_count(step->work.flops), "flops_formula", poly_text(context, step->work.flops), "shared", step->shared);
}

static json_t *json_order(struct ir_context *context, const struct pass_order *order)
{
    json_t *steps = json_array();
    for (size_t k = 0; k < order->n_steps; k++)
        json_array_append_new(steps, json_step(context, &order->steps[k]));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s?, s:s?, s:o, s:o}", "expression", order->expression, "method", order->method,
                     "flops_naive", json_count(order->flops_naive), "flops", json_count(order->flops), "largest",
                     json_count(order->largest), "sliced", order->sliced, "scan", order->scan, "times",
                     order->times ? json_count(order->times) : json_integer(1), "steps", steps);
}

/* Numbers, or expressions where a run-time dim is left. */
static json_t *json_sizes(struct ir_context *context, uint32_t rank, const struct poly *const *sizes)
{
    json_t *array = json_array();
    for (uint32_t axis = 0; axis < rank; axis++)
        json_array_append_new(array, poly_is_constant(sizes[axis], NULL) ? json_count(sizes[axis])
                                                                         : json_string(poly_text(context, sizes[axis])));
    return array;
}

static json_t *json_tensor(struct ir_context *context, const char *name, const struct ir_node *node)
{
    return json_pack("{s:s, s:s, s:o}", "name", name, "type", ir_elem_info(node->elem)->name, "shape",
                     json_sizes(context, node->rank, node->shape));
}

/* The tensor, with what the caller promises of it. */
static json_t *json_input(struct ir_context *context, const struct ir_input_info *input)
{
    json_t *object = json_tensor(context, input->name, input->node), *promises = json_array();
    for (int promise = 0; promise < IR_PROMISE_COUNT; promise++)
        if (ir_input_promises(input, (enum ir_promise)promise))
            json_array_append_new(promises, json_string(ir_promise_info((enum ir_promise)promise)->name));
    json_object_set_new(object, "strides", input->strides ? json_sizes(context, input->node->rank, input->strides) : json_null());
    json_object_set_new(object, "promises", promises);
    return object;
}

static json_t *json_inputs(const struct pass_kernel *kernel)
{
    json_t *inputs = json_array();
    for (uint32_t k = 0; k < kernel->kernel->n_inputs; k++)
        json_array_append_new(inputs, json_input(kernel->context, &kernel->kernel->inputs[k]));
    return inputs;
}

static json_t *json_outputs(const struct pass_kernel *kernel)
{
    json_t *outputs = json_array();
    for (uint32_t k = 0; k < kernel->kernel->n_outputs; k++)
        json_array_append_new(outputs,
                              json_tensor(kernel->context, kernel->kernel->outputs[k].name, kernel->kernel->outputs[k].node));
    return outputs;
}

static json_t *json_dims(struct ir_context *context)
{
    json_t *dims = json_array();
    for (uint32_t k = 0; k < ir_dim_count(context); k++) {
        const struct ir_dim *dim = ir_dim_at(context, k);
        json_array_append_new(dims,
                              json_pack("{s:s, s:f, s:o, s:I}", "name", dim->name, "typical", ir_typical_sizes(context)[k], "bound",
                                        dim->bound ? json_integer(dim->bound) : json_null(), "divisor", (json_int_t)dim->divisor));
    }
    return dims;
}

static json_t *json_structures(const struct pass_kernel *kernel)
{
    json_t *structures = json_array();
    for (size_t k = 0; k < kernel->n_choices; k++) {
        const struct pass_choice *choice = &kernel->choices[k];
        json_array_append_new(structures, json_pack("{s:s?, s:s, s:s, s:i, s:s}", "tensor", choice->tensor, "kind", choice->kind,
                                                    "source", "scan", "error", 0, "detail", choice->detail));
    }
    return structures;
}

static const char *key_text(struct ir_context *context, uint64_t key)
{
    return arena_printf(ir_arena(context), "%016" PRIx64, key);
}

static json_t *json_tilings(const struct pass_kernel *kernel)
{
    json_t *tilings = json_array();
    for (size_t k = 0; k < kernel->n_tilings; k++) {
        const struct pass_tiling *tiling = &kernel->tilings[k];
        json_t *axes = json_array();
        for (uint32_t axis = 0; axis < tiling->n_axes; axis++) {
            const struct pass_tiled_axis *cut = &tiling->axes[axis];
            json_array_append_new(axes,
                                  json_pack("{s:s, s:s, s:I, s:o}", "index", cut->index, "role", cut->role, "tile",
                                            (json_int_t)cut->tile, "block", cut->block ? json_integer(cut->block) : json_null()));
        }
        json_array_append_new(
            tilings, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:o}", "key", key_text(kernel->context, tiling->key), "tensor",
                               tiling->tensor, "vector", tiling->vector, "lane", tiling->lane, "axes", axes, "share_of_peak",
                               tiling->share > 0 ? json_real(tiling->share) : json_null(), "memory_bound", tiling->is_memory_bound,
                               "tuned_gain",
                               tiling->tuned ? json_real(tiling->tuned->seconds_before / tiling->tuned->seconds) : json_null()));
    }
    return tilings;
}

static json_t *json_parallels(const struct pass_kernel *kernel)
{
    json_t *parallels = json_array();
    for (size_t k = 0; k < kernel->n_parallels; k++) {
        const struct pass_parallel_loop *loop = &kernel->parallels[k];
        json_array_append_new(parallels,
                              json_pack("{s:s, s:s, s:s?, s:f, s:f}", "tensor", loop->tensor, "index", loop->index, "role",
                                        *loop->role ? loop->role : NULL, "iterations", loop->iterations, "speedup", loop->speedup));
    }
    return parallels;
}

static json_t *json_kernel(const struct pass_kernel *kernel)
{
    struct ir_context *context = kernel->context;
    const struct ir_work *work = &kernel->loops->work;
    json_t *orders = json_array();
    for (size_t k = 0; k < kernel->n_orders; k++)
        json_array_append_new(orders, json_order(context, &kernel->orders[k]));
    return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:s, s:o, s:s, s:o, s:s, s:i, s:o, s:o, s:o, s:o}", "name",
                     kernel->kernel->name, "inputs", json_inputs(kernel), "outputs", json_outputs(kernel), "flops_naive",
                     json_count(kernel->flops_naive), "flops_naive_formula", poly_text(context, kernel->flops_naive), "flops",
                     json_count(work->flops), "flops_formula", poly_text(context, work->flops), "functions",
                     json_count(work->functions), "bytes", json_count(work->bytes), "bytes_formula",
                     poly_text(context, work->bytes), "workspace", json_count(kernel->loops->workspace), "workspace_formula",
                     poly_text(context, kernel->loops->workspace), "thread_workspace", json_count(kernel->loops->thread_workspace),
                     "thread_workspace_formula", poly_text(context, kernel->loops->thread_workspace), "threads",
                     (int)kernel->loops->threads, "structures", json_structures(kernel), "tilings", json_tilings(kernel),
                     "parallel", json_parallels(kernel), "order", orders);
}

static bool print_json(const char *target, struct compiled *compiled, int only)
{
    json_t *kernels = json_array();
    for (size_t k = 0; k < compiled->n_kernels; k++)
        if (only < 0 || (size_t)only == k)
            json_array_append_new(kernels, json_kernel(&compiled->kernels[k]));
    json_t *root = json_pack("{s:s, s:o, s:o}", "target", target, "dims", json_dims(compiled->context), "kernels", kernels);
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text); /* that standard output takes it is asked at the end, as for every command */
    json_decref(root);
    free(text);
    return text != NULL;
}

int command_explain(struct invocation *invocation, int argc, char **argv)
{
    bool json = false;
    const struct option options[] = {{"--json", OPTION_FLAG, &json}};
    if (!options_parse(invocation, argc, argv, options, 1))
        return EXIT_USAGE;
    if (invocation->count < 1 || invocation->count > 2)
        return usage_error("explain needs a .ein file");
    struct compiled *compiled = input_compile(invocation, invocation->words[0]);
    int only = compiled && invocation->count == 2 ? input_kernel(invocation, compiled, invocation->words[1]) : -1;
    if (!compiled || (invocation->count == 2 && only < 0))
        return input_finish(invocation, EXIT_INPUT);
    const char *target = invocation->compile.backend.target ? invocation->compile.backend.target : machine_generic()->name;
    if (json)
        return input_finish(invocation, print_json(target, compiled, only) ? EXIT_DONE : EXIT_FAULT);
    printf("target %s\n", target);
    for (size_t k = 0; k < compiled->n_kernels; k++)
        if (only < 0 || (size_t)only == k)
            print_kernel(&compiled->kernels[k]);
    return input_finish(invocation, EXIT_DONE);
}
