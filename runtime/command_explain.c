/* einc explain: what a kernel costs as written and as compiled, and the order of its contractions in the manner of opt_einsum's
 * path table (dgasmith/opt_einsum, PathInfo): what was multiplied as one loop nest, what remains, the largest intermediate, each
 * step. The target comes first: costs, and what was chosen by them, are its.
 * --json gives the object of docs/command.md. */
#include "command.h"
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers at the given or typical sizes ---- */

static double estimate(struct ir_context *context, const struct poly *poly)
{
    return poly ? poly_estimate(poly, ir_typical_sizes(context), NULL) : 0;
}

/* 39040 as "39,040"; estimates at typical sizes as "~3.9e+06". */
static const char *count_text(struct ir_context *context, const struct poly *poly)
{
    int64_t value;
    if (!poly)
        return "?";
    if (!poly_is_constant(poly, &value))
        return arena_printf(ir_arena(context), "%s (about %.3g)", describe_size(context, poly), estimate(context, poly));
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
        printf("    %2zu  %s%s%s -> %-24s %s flops%s%s\n", k + 1, step->left, step->right ? "," : "",
               step->right ? step->right : "", step->result, count_text(context, step->work.flops),
               step->node && step->node->op == IR_contract_node && step->node->contract.codelet ? ", a codelet" : "",
               step->shared ? ", done above" : "");
    }
}

/* How the orders of all contractions were chosen among those of nearly the fewest flops. */
static void print_ranking(const struct pass_ranking *ranking)
{
    printf("  ranked              %zu orders by estimated time: ", ranking->n_orders);
    if (ranking->by_time)
        printf("%.6g flops taken, for the fewest, %.6g, take %.3g times as long\n", ranking->flops, ranking->least_flops,
               ranking->least_flops_seconds / ranking->seconds);
    else
        printf("the fewest flops taken, for none takes clearly less\n");
    printf("    runner-up         %s: %.6g flops, %.3g times as long by estimate\n", ranking->next, ranking->next_flops,
           ranking->next_seconds / ranking->seconds);
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
    else if (tiling->share_of_bandwidth > 0)
        printf("; about %.0f %% of bandwidth", 100 * tiling->share_of_bandwidth);
    printf("%s", tiling->is_memory_bound ? ", bound by memory" : "");
    if (tiling->tuned)
        printf("; tuned, %.0f %% faster than the model's choice",
               100 * (tiling->tuned->seconds_before / tiling->tuned->seconds - 1));
    printf("\n");
}

static void print_fusion(const struct pass_fusion *fusion)
{
    printf("  fused               %u stages over %s, ", (unsigned)fusion->n_stages, fusion->index);
    if (fusion->block > 1)
        printf("in blocks of %lld side by side", (long long)fusion->block);
    else
        printf("one after another");
    printf("; about %.2g times as fast\n", fusion->speedup);
}

static void print_group(const struct pass_group *group)
{
    printf("  in registers        %s: %u stages, up to %lld elements at a time\n", group->tensor, (unsigned)group->n_stages,
           (long long)group->elements);
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
    for (size_t k = 0; k < kernel->kernel->n_remarks; k++) {
        const struct ir_remark *remark = &kernel->kernel->remarks[k];
        printf("  %-19s %s: %s\n", remark->kind, remark->what, remark->detail);
    }
    for (size_t k = 0; k < kernel->n_choices; k++)
        printf("  %-19s %s: %s\n", kernel->choices[k].kind, kernel->choices[k].tensor, kernel->choices[k].detail);
    for (size_t k = 0; k < kernel->n_fusions; k++)
        print_fusion(&kernel->fusions[k]);
    for (size_t k = 0; k < kernel->n_groups; k++)
        print_group(&kernel->groups[k]);
    for (size_t k = 0; k < kernel->n_tilings; k++)
        print_tiling(&kernel->tilings[k]);
    for (size_t k = 0; k < kernel->n_parallels; k++)
        print_parallel(kernel, &kernel->parallels[k]);
    for (size_t k = 0; k < kernel->n_orders; k++)
        print_order(context, &kernel->orders[k]);
    if (kernel->ranking)
        print_ranking(kernel->ranking);
}

/* ---- on ciphertexts ---- */

static void print_point(const struct packing_point *point, const char *before, const char *after)
{
    const struct slot_counts *counts = &point->counts;
    printf("%s%lld rotations at depth %lld: %lld keys, %lld products with constants, %lld of ciphertexts, about %.3g ms%s\n",
           before, (long long)counts->rot, (long long)counts->depth, (long long)counts->keys, (long long)counts->pmul,
           (long long)counts->cmul, point->milliseconds, after);
}

/* Of two schedules one needs fewer rotations, the other fewer levels. */
static void print_packing(const struct packing_result *packed, const struct packing_options *options)
{
    const char *why = options->cost == PACKING_LATENCY ? " (chosen: the shortest time)" : " (chosen: the fewest rotations)";
    printf("  on ciphertexts      of %lld slots\n", (long long)options->slots);
    for (size_t k = 0; k < packed->n_points; k++)
        print_point(&packed->points[k], "    ", k == packed->chosen ? why : "");
    for (size_t k = 0; k < packed->n_found; k++)
        printf("    discovered        %s: relative error %.2g (Frobenius)\n", packed->found[k]->detail,
               packed->found[k]->certificate.error);
    for (size_t k = 0; k < packed->n_functions; k++) {
        const struct packing_function *function = &packed->functions[k];
        printf("    %-17s in %s, on [%g, %g]: degree %u, depth %u, error %.2g\n", function->name, function->statement,
               function->low, function->high, (unsigned)function->degree, (unsigned)function->depth, function->error);
    }
    struct slot_program *program = packed->program;
    for (size_t side = 0; side < 2; side++)
        for (size_t k = 0; k < (side ? program->n_outputs : program->n_inputs); k++) {
            const struct slot_port *port = side ? &program->outputs[k] : &program->inputs[k];
            struct text text = text_create(ir_arena(program->context));
            slot_layout_print(&text, port->layout);
            const char *layout = text_finish(&text);
            printf("    %-17s %s\n", port->name, layout ? layout : "");
        }
}

static json_t *json_point(const struct packing_point *point)
{
    const struct slot_counts *counts = &point->counts;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "rotations", (json_int_t)counts->rot, "depth",
                     (json_int_t)counts->depth, "keys", (json_int_t)counts->keys, "plaintext_products", (json_int_t)counts->pmul,
                     "ciphertext_products", (json_int_t)counts->cmul, "relinearisations", (json_int_t)counts->relin, "rescales",
                     (json_int_t)counts->rescale, "milliseconds", point->milliseconds);
}

/* The chosen schedule's counts, and all between which there was a choice. */
static json_t *json_packing(const struct packing_result *packed, int64_t slots)
{
    json_t *he = json_point(&packed->points[packed->chosen]), *points = json_array(), *functions = json_array(),
           *found = json_array();
    for (size_t k = 0; k < packed->n_points; k++)
        json_array_append_new(points, json_point(&packed->points[k]));
    json_object_set_new(he, "slots", json_integer(slots));
    for (size_t k = 0; k < packed->n_found; k++)
        json_array_append_new(
            found, json_pack("{s:s, s:f}", "finding", packed->found[k]->detail, "error", packed->found[k]->certificate.error));
    for (size_t k = 0; k < packed->n_functions; k++) {
        const struct packing_function *function = &packed->functions[k];
        json_array_append_new(functions, json_pack("{s:s, s:s, s:f, s:f, s:I, s:I, s:f}", "function", function->name, "statement",
                                                   function->statement, "low", function->low, "high", function->high, "degree",
                                                   (json_int_t)function->degree, "depth", (json_int_t)function->depth, "error",
                                                   function->error));
    }
    json_object_set_new(he, "points", points);
    json_object_set_new(he, "functions", functions);
    json_object_set_new(he, "findings", found);
    return he;
}

/* ---- JSON ---- */

static bool print_json(const char *target, struct compiled *compiled, const struct packing_result *packed, int64_t slots, int only)
{
    json_t *kernels = json_array();
    for (size_t k = 0; k < compiled->n_kernels; k++)
        if (only < 0 || (size_t)only == k) {
            json_t *kernel = describe_kernel(compiled, k);
            if (packed)
                json_object_set_new(kernel, "he", json_packing(&packed[k], slots));
            json_array_append_new(kernels, kernel);
        }
    json_t *root = json_pack("{s:s, s:o, s:o}", "target", target, "dims", describe_dims(compiled->context), "kernels", kernels);
    return command_print_json(root);
}

static bool write_picture(struct invocation *invocation, const char *path, const char *text)
{
    return text && command_may_write(invocation, path, true, invocation->words[0]) &&
           file_write(invocation->context, path, text, strlen(text));
}

int command_explain(struct invocation *invocation, int argc, char **argv)
{
    bool json = false;
    const char *picture = NULL;
    const struct option options[] = {{"--json", OPTION_FLAG, &json}, {"--svg", OPTION_TEXT, &picture}};
    if (!options_parse(invocation, argc, argv, options, 2))
        return EXIT_USAGE;
    if (invocation->count < 1 || invocation->count > 2)
        return usage_error("explain needs a .ein file");
    if (picture && !invocation->compile.packing.slots)
        return usage_error("--svg draws slots of ciphertexts: say how many with --slots");
    struct compiled *compiled = input_compile(invocation, invocation->words[0]);
    int only = compiled && invocation->count == 2 ? input_kernel(invocation, compiled->program, invocation->words[1]) : -1;
    if (!compiled || (invocation->count == 2 && only < 0))
        return input_finish(invocation, EXIT_INPUT);
    const char *target = invocation->compile.backend.target ? invocation->compile.backend.target : machine_generic()->name;
    struct packing_options *packing = &invocation->compile.packing;
    packing->count_all = true;
    const struct packing_result *packed = packing->slots ? compile_packing(compiled->program, &invocation->compile) : NULL;
    if (packing->slots && !packed)
        return input_finish(invocation, EXIT_INPUT);
    if (picture && !write_picture(invocation, picture, explain_draw(compiled, packed, only)))
        return input_finish(invocation, EXIT_INPUT);
    if (json)
        return input_finish(invocation, print_json(target, compiled, packed, packing->slots, only) ? EXIT_DONE : EXIT_FAULT);
    printf("target %s\n", target);
    for (size_t k = 0; k < compiled->n_kernels; k++)
        if (only < 0 || (size_t)only == k) {
            print_kernel(&compiled->kernels[k]);
            if (packed)
                print_packing(&packed[k], packing);
        }
    return input_finish(invocation, EXIT_DONE);
}
