/* A compiled kernel as JSON: for `einc explain --json` and einc_kernel_json. docs/command.md has the fields. */
#include "describe.h"

#include <inttypes.h>

const char *describe_size(struct ir_context *context, const struct poly *size)
{
    struct text text = text_create(ir_arena(context));
    if (size)
        poly_print(&text, context, size, POLY_SOURCE, NULL, 0);
    const char *printed = text_finish(&text);
    return printed ? printed : "";
}

/* The number at sizes that are all known, else null. */
static json_t *json_count(const struct poly *poly)
{
    int64_t value;
    return poly && poly_is_constant(poly, &value) ? json_integer(value) : json_null();
}

static json_t *json_step(struct ir_context *context, const struct pass_step *step)
{
    return json_pack("{s:s, s:s?, s:s, s:o, s:s, s:b, s:b}", "left", step->left, "right", step->right, "result", step->result,
                     "flops", json_count(step->work.flops), "flops_formula", describe_size(context, step->work.flops), "shared",
                     step->shared, "codelet", step->node && step->node->op == IR_contract_node && step->node->contract.codelet);
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
                                                                         : json_string(describe_size(context, sizes[axis])));
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

json_t *describe_dims(struct ir_context *context)
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

static json_t *json_flops(double flops)
{
    return flops > 0 && flops < 1e300 ? json_real(flops) : json_null();
}

static json_t *json_rejected(const struct pass_choice *choice)
{
    json_t *rejected = json_array();
    for (size_t k = 0; k < choice->n_rejected; k++) {
        const struct pass_way *way = &choice->rejected[k];
        json_array_append_new(rejected, json_pack("{s:s, s:o, s:o}", "kind", way->kind, "flops", json_flops(way->flops), "slower",
                                                  json_flops(way->slower)));
    }
    return rejected;
}

static json_t *json_certificate(const struct pass_choice *choice)
{
    const struct pass_certificate *certificate = &choice->certificate;
    return !choice->finding
               ? json_null()
               : json_pack("{s:s, s:f, s:f, s:f, s:f}", "finding", choice->finding, "error", certificate->error, "spectral_bound",
                           certificate->spectral_bound, "growth", certificate->growth, "forward_bound", certificate->forward_bound);
}

static json_t *json_structures(const struct pass_kernel *kernel)
{
    json_t *structures = json_array();
    for (size_t k = 0; k < kernel->n_choices; k++) {
        const struct pass_choice *choice = &kernel->choices[k];
        json_array_append_new(structures, json_pack("{s:s?, s:s, s:s, s:f, s:o, s:s, s:o, s:o, s:o}", "tensor", choice->tensor,
                                                    "kind", choice->kind, "source", choice->source, "error",
                                                    choice->certificate.error, "certificate", json_certificate(choice), "detail",
                                                    choice->detail, "flops_before", json_flops(choice->flops_before), "flops_after",
                                                    json_flops(choice->flops_after), "rejected", json_rejected(choice)));
    }
    for (size_t k = 0; k < kernel->kernel->n_remarks; k++) {
        const struct ir_remark *remark = &kernel->kernel->remarks[k];
        json_array_append_new(structures, json_pack("{s:s, s:s, s:s, s:i, s:n, s:s}", "tensor", remark->what, "kind", remark->kind,
                                                    "source", "written", "error", 0, "certificate", "detail", remark->detail));
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
            tilings, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:o}", "key", key_text(kernel->context, tiling->key),
                               "tensor", tiling->tensor, "vector", tiling->vector, "lane", tiling->lane, "axes", axes,
                               "share_of_peak", tiling->share > 0 ? json_real(tiling->share) : json_null(), "share_of_bandwidth",
                               tiling->share_of_bandwidth > 0 ? json_real(tiling->share_of_bandwidth) : json_null(), "memory_bound",
                               tiling->is_memory_bound, "tuned_gain",
                               tiling->tuned ? json_real(tiling->tuned->seconds_before / tiling->tuned->seconds) : json_null()));
    }
    return tilings;
}

static json_t *json_fusions(const struct pass_kernel *kernel)
{
    json_t *fusions = json_array();
    for (size_t k = 0; k < kernel->n_fusions; k++) {
        const struct pass_fusion *fusion = &kernel->fusions[k];
        json_array_append_new(fusions, json_pack("{s:s, s:i, s:I, s:f}", "index", fusion->index, "stages", (int)fusion->n_stages,
                                                 "block", (json_int_t)fusion->block, "speedup", fusion->speedup));
    }
    return fusions;
}

static json_t *json_groups(const struct pass_kernel *kernel)
{
    json_t *groups = json_array();
    for (size_t k = 0; k < kernel->n_groups; k++)
        json_array_append_new(groups,
                              json_pack("{s:s, s:i, s:I}", "tensor", kernel->groups[k].tensor, "stages",
                                        (int)kernel->groups[k].n_stages, "elements", (json_int_t)kernel->groups[k].elements));
    return groups;
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

static json_t *json_ranking(const struct pass_ranking *ranking)
{
    if (!ranking)
        return json_null();
    return json_pack("{s:i, s:s, s:f, s:f, s:f, s:f, s:{s:s, s:f, s:f}}", "orders", (int)ranking->n_orders, "taken_by",
                     ranking->by_time ? "time" : "flops", "flops", ranking->flops, "seconds", ranking->seconds, "least_flops",
                     ranking->least_flops, "least_flops_seconds", ranking->least_flops_seconds, "runner_up", "steps", ranking->next,
                     "flops", ranking->next_flops, "seconds", ranking->next_seconds);
}

json_t *describe_kernel(struct compiled *compiled, size_t number)
{
    const struct pass_kernel *kernel = &compiled->kernels[number];
    struct ir_context *context = kernel->context;
    const struct ir_work *work = &kernel->loops->work;
    json_t *orders = json_array();
    for (size_t k = 0; k < kernel->n_orders; k++)
        json_array_append_new(orders, json_order(context, &kernel->orders[k]));
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:s, s:o, s:s, s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        kernel->kernel->name, "inputs", json_inputs(kernel), "outputs", json_outputs(kernel), "flops_naive",
        json_count(kernel->flops_naive), "flops_naive_formula", describe_size(context, kernel->flops_naive), "flops",
        json_count(work->flops), "flops_formula", describe_size(context, work->flops), "functions", json_count(work->functions),
        "bytes", json_count(work->bytes), "bytes_formula", describe_size(context, work->bytes), "workspace",
        json_count(kernel->loops->workspace), "workspace_formula", describe_size(context, kernel->loops->workspace),
        "thread_workspace", json_count(kernel->loops->thread_workspace), "thread_workspace_formula",
        describe_size(context, kernel->loops->thread_workspace), "threads", (int)kernel->loops->threads, "structures",
        json_structures(kernel), "fusions", json_fusions(kernel), "groups", json_groups(kernel), "tilings", json_tilings(kernel),
        "parallel", json_parallels(kernel), "order", orders, "ranking", json_ranking(kernel->ranking));
}
