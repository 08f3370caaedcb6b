/* Derivatives as kernels of a program: which kernels are meant, what the new kernel takes and gives.
 *
 * A new kernel is made over the nodes of the old one; then what its outputs do not need is left out, and its inputs are numbered
 * anew. Names of values go along. The old kernel is not changed. */
#include "gradient.h"

#include <string.h>

struct deriving {
    struct ir_context *context;
    struct arena *arena;
    const struct pass_derivative *derivative;
    const struct ir_kernel *kernel;
    struct gradient gradient;
    bool *wanted;                 /* of the kernel's inputs */
    const struct ir_node **seeds; /* cotangents of the outputs; NULL: no use for one */
    struct ir_kernel *result;
};

static const char *kind_name(const struct pass_derivative *derivative)
{
    return derivative->kind == PASS_ADJOINT ? "adjoint" : "gradient";
}

/* ---- which inputs ---- */

static uint32_t find_input(const struct ir_kernel *kernel, const char *name)
{
    uint32_t k = 0;
    while (k < kernel->n_inputs && strcmp(kernel->inputs[k].name, name) != 0)
        k++;
    return k;
}

static bool has_inputs(const struct ir_kernel *kernel, const struct pass_derivative *derivative)
{
    for (size_t k = 0; k < derivative->n_inputs; k++)
        if (find_input(kernel, derivative->inputs[k]) == kernel->n_inputs)
            return false;
    return true;
}

static bool mark_inputs(struct deriving *deriving)
{
    struct diagnostics *diagnostics = ir_diagnostics(deriving->context);
    const struct ir_kernel *kernel = deriving->kernel;
    deriving->wanted = ARENA_ARRAY(deriving->arena, kernel->n_inputs, bool);
    for (size_t k = 0; k < deriving->derivative->n_inputs && deriving->wanted; k++) {
        const struct ir_input_info *input = &kernel->inputs[find_input(kernel, deriving->derivative->inputs[k])];
        bool *wanted = &deriving->wanted[input - kernel->inputs];
        if (*wanted || !gradient_is_differentiable(input->node->elem)) {
            struct diag *diag = diag_error(diagnostics, DIAG_E0821, input->span, "there is no %s with respect to `%s`",
                                           kind_name(deriving->derivative), input->name);
            diag_label(diagnostics, diag, *wanted ? "named twice" : "%s has no derivative", ir_elem_info(input->node->elem)->name);
            return false;
        }
        *wanted = true;
    }
    return deriving->wanted != NULL;
}

/* ---- names of arguments ---- */

static bool is_argument(const struct ir_kernel *kernel, const char *name)
{
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        if (strcmp(kernel->inputs[k].name, name) == 0)
            return true;
    return false;
}

/* d_NAME; with an underscore more where the kernel has an argument of that name. */
static const char *derivative_name(struct deriving *deriving, const char *name)
{
    const char *made = arena_printf(deriving->arena, "d_%s", name);
    while (made && is_argument(deriving->kernel, made))
        made = arena_printf(deriving->arena, "%s_", made);
    return made;
}

/* What the derivative with respect to an input is called: d_NAME, which of an output that is added to is its cotangent's name. */
static const char *output_name(struct deriving *deriving, const struct ir_input_info *input)
{
    const char *name = derivative_name(deriving, input->name);
    for (uint32_t k = 0; name && k < deriving->kernel->n_outputs; k++)
        if (strcmp(deriving->kernel->outputs[k].name, input->name) == 0)
            return arena_printf(deriving->arena, "%s_before", name);
    return name;
}

/* ---- cotangents of the outputs ---- */

static bool seed(struct deriving *deriving)
{
    const struct ir_kernel *kernel = deriving->kernel;
    deriving->seeds = ARENA_ARRAY(deriving->arena, kernel->n_outputs, const struct ir_node *);
    for (uint32_t k = 0; k < kernel->n_outputs && deriving->seeds; k++) {
        const struct ir_node *node = kernel->outputs[k].node;
        if (!gradient_is_active(&deriving->gradient, node))
            continue;
        deriving->seeds[k] = ir_input(deriving->context, kernel->n_inputs + k, node->elem, node->rank, node->shape);
        const struct ir_name *name = node->op == IR_scatter_node ? NULL : ir_find_name(kernel, node);
        ir_set_name(deriving->context, deriving->result, deriving->seeds[k], derivative_name(deriving, kernel->outputs[k].name),
                    name ? name->index_names : NULL, kernel->outputs[k].span);
        gradient_contribute(&deriving->gradient, node, deriving->seeds[k]);
    }
    return deriving->seeds != NULL;
}

/* ---- the outputs ---- */

static const struct ir_node *zeros(struct deriving *deriving, const struct ir_input_info *input)
{
    struct ir_context *context = deriving->context;
    struct diag *diag =
        diag_warning(ir_diagnostics(context), DIAG_W0821, input->span, "the derivative with respect to `%s` is 0", input->name);
    diag_help(ir_diagnostics(context), diag, "no output of kernel `%s` varies smoothly with it", deriving->kernel->name);
    return gradient_zeros(context, input->node->elem, input->node->rank, input->node->shape);
}

static bool make_outputs(struct deriving *deriving)
{
    struct ir_kernel *result = deriving->result;
    size_t n = deriving->derivative->n_inputs;
    result->outputs = ARENA_ARRAY(deriving->arena, n, struct ir_output);
    for (size_t k = 0; k < n && result->outputs; k++) {
        const struct ir_kernel *kernel = deriving->kernel;
        const struct ir_input_info *input = &kernel->inputs[find_input(kernel, deriving->derivative->inputs[k])];
        bool reached = gradient_is_active(&deriving->gradient, input->node);
        const struct ir_node *node = reached ? gradient_cotangent(&deriving->gradient, input->node) : NULL;
        result->outputs[k] = (struct ir_output){output_name(deriving, input), node ? node : zeros(deriving, input), input->span, 0};
        if (!result->outputs[k].node)
            return false;
    }
    result->n_outputs = (uint32_t)n;
    return result->outputs != NULL;
}

/* ---- the inputs ---- */

/* Those of the kernel, and the cotangents of its outputs, as far as they are read. */
static bool assemble(struct deriving *deriving)
{
    const struct ir_kernel *kernel = deriving->kernel;
    size_t n = 0;
    struct gradient_source *sources =
        ARENA_ARRAY(deriving->arena, (size_t)kernel->n_inputs + kernel->n_outputs, struct gradient_source);
    for (uint32_t k = 0; sources && k < kernel->n_inputs; k++)
        sources[n++] = (struct gradient_source){.node = kernel->inputs[k].node, .info = kernel->inputs[k]};
    for (uint32_t k = 0; sources && k < kernel->n_outputs; k++)
        if (deriving->seeds[k])
            sources[n++] = (struct gradient_source){
                .node = deriving->seeds[k],
                .info = {.name = derivative_name(deriving, kernel->outputs[k].name), .span = kernel->outputs[k].span}};
    return sources && gradient_assemble(&deriving->gradient, deriving->result, sources, n);
}

/* ---- one kernel ---- */

static bool is_kernel(const struct ir_program *program, const char *name)
{
    for (size_t k = 0; k < program->n_kernels; k++)
        if (strcmp(program->kernels[k]->name, name) == 0)
            return true;
    return false;
}

/* "gradient of f with respect to A, b" */
static const char *describe(const struct deriving *deriving)
{
    struct text text = text_create(deriving->arena);
    text_printf(&text, "%s of %s with respect to", kind_name(deriving->derivative), deriving->kernel->name);
    for (size_t k = 0; k < deriving->derivative->n_inputs; k++)
        text_printf(&text, "%s %s", k ? "," : "", deriving->derivative->inputs[k]);
    return text_finish(&text);
}

static struct ir_kernel *derive_kernel(struct ir_program *program, size_t number, const struct pass_derivative *derivative)
{
    struct ir_context *context = program->context;
    struct arena *arena = ir_arena(context);
    const struct ir_kernel *kernel = program->kernels[number];
    struct deriving deriving = {.context = context,
                                .arena = arena,
                                .derivative = derivative,
                                .kernel = kernel,
                                .result = ARENA_NEW(arena, struct ir_kernel)};
    const char *name = arena_printf(arena, "%s_%s", kernel->name, kind_name(derivative));
    while (name && is_kernel(program, name))
        name = arena_printf(arena, "%s_", name);
    if (!deriving.result || !name || !mark_inputs(&deriving))
        return NULL;
    *deriving.result = (struct ir_kernel){.name = name,
                                          .span = kernel->span,
                                          .numeric_class = kernel->numeric_class,
                                          .class_stated = kernel->class_stated,
                                          .derived_from = kernel,
                                          .derivation = describe(&deriving)};
    if (derivative->kind == PASS_ADJOINT && !gradient_check_linear(context, kernel, deriving.wanted))
        return NULL;
    deriving.gradient = (struct gradient){.context = context, .arena = arena, .kernel = kernel, .names = deriving.result};
    bool derived = gradient_activate(&deriving.gradient, deriving.wanted) && seed(&deriving) &&
                   gradient_sweep(&deriving.gradient) && make_outputs(&deriving) && assemble(&deriving);
    return derived ? deriving.result : NULL;
}

/* ---- the program ---- */

static bool is_meant(const struct ir_kernel *kernel, const struct pass_derivative *derivative)
{
    return !kernel->derived_from && (!derivative->kernel || strcmp(derivative->kernel, kernel->name) == 0) &&
           has_inputs(kernel, derivative);
}

static bool report_none(struct ir_program *program, const struct pass_derivative *derivative)
{
    struct diagnostics *diagnostics = ir_diagnostics(program->context);
    struct text wanted = text_create(ir_arena(program->context)), kernels = text_create(ir_arena(program->context));
    for (size_t k = 0; k < derivative->n_inputs; k++)
        text_printf(&wanted, "%s`%s`", k ? ", " : "", derivative->inputs[k]);
    for (size_t k = 0; k < program->n_kernels; k++) {
        text_printf(&kernels, "%s`%s` has", k ? "; " : "", program->kernels[k]->name);
        for (uint32_t input = 0; input < program->kernels[k]->n_inputs; input++)
            text_printf(&kernels, "%s `%s`", input ? "," : "", program->kernels[k]->inputs[input].name);
    }
    const char *list = text_finish(&wanted), *help = text_finish(&kernels);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0821, SPAN_NONE, "no kernel%s%s has the %s %s", derivative->kernel ? " " : "",
                   derivative->kernel ? derivative->kernel : "", derivative->n_inputs == 1 ? "input" : "inputs", list ? list : "");
    diag_help(diagnostics, diag, "%s", help ? help : "");
    return false;
}

bool pass_derive(struct ir_program *program, const struct pass_derivative *derivative)
{
    if (!program || !derivative)
        return false;
    size_t n_before = program->n_kernels;
    for (size_t k = 0; k < n_before; k++) {
        if (!is_meant(program->kernels[k], derivative))
            continue;
        struct ir_kernel *kernel = derive_kernel(program, k, derivative);
        if (!kernel ||
            !ARENA_PUSH(ir_arena(program->context), program->kernels, program->n_kernels, program->kernels_capacity, kernel))
            return false;
    }
    return program->n_kernels > n_before || report_none(program, derivative);
}
