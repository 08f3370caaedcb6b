/* The whole compiler on one page: text to syntax to tensor IR (frontend), tensor IR to loops (passes), loops to text (backends).
 * What each step does stands in the folder that bears its name; passes run in the order below. */
#include "runtime.h"

#include <string.h>

static const char *const pipeline[] = {
    /* tensor IR: what is computed */
    "simplify",      /* identities, views and reshapes that are none */
    "chunk_scan",    /* after simplify: steps are then in their plainest form */
    "simplify",      /* what that brought */
    "split_indices", /* before structure: parts of Kronecker products are operands with indices of their own then */
    "deltas",        /* identities among these parts */
    "simplify",      /* views of digits, as below */
    "recognise",     /* before structure, whose rules know roots of unity */
    "discover",      /* before structure, which finds the fast way to what is found */
    "spectra",       /* before structure: rules are for what is known when the kernel runs */
    "structure",     /* after simplify: subscripts say what an operand is */
    "spectra",       /* before choose: what constants are transformed to costs nothing */
    "choose",        /* before those that follow, which it tries on each alternative */
    "deltas",        /* before split_indices: an index is easier solved for whole */
    "split_indices", /* before flatten: digits are indices of their own to an order */
    "deltas",        /* digits by digits */
    "simplify",      /* views of digits that are read by the same digits */
    "formulas",      /* before flatten: constants may be contracted with constants */
    "flatten",       /* after simplify: contractions read by contractions, nothing in between, become one */
    "split_indices", /* after flatten: digits of digits, which no factor of a long product has on its own */
    "order",         /* that one as pairs, chosen jointly over the outputs */
    "factor",        /* after order, whose trees end alike where that is cheaper */
    "apply",         /* after order: of two factors one is the matrix, the other what it is applied to */
    "mask_domains",  /* after order: masks become domains, which would tie an order */
    "fuse",          /* after order: pointwise work goes into the contraction that feeds or eats it */
    /* loop IR: how it is computed */
    "lower_loops",      /* stages and loops, unit stride innermost */
    "split_complex",    /* complex numbers become pairs of reals */
    "propagate_copies", /* after split_complex: parts of complex numbers, interleaved, are those numbers */
    "widen_halves",     /* f16 and bf16 are calculated with in f32 */
    "gather",           /* before fuse_stages: places that are looked up are then read and added to in a block */
    "fuse_stages",      /* before classify, which orders the loops of each nest as it is by then */
    "group_stages",     /* after fuse_stages, which does so in blocks with lanes; before classify: the sums are nests by then */
    "cut_triangles",    /* before classify, for which squares are products like others */
    "classify",         /* after both: products are of reals by now */
    "tile",             /* for registers and caches */
    "partial_sums",     /* before vectorise, on what tile left: sums with nothing else to run vectors along */
    "turn_axes",        /* before jam and dot, for which terms lie side by side */
    "jam",              /* after tile: what has vectors has tiles by now */
    "dot",              /* after jam, whose copies share what a step reads */
    "pack",             /* what tiles read, where reading it in its order pays */
    "peel",             /* after pack: what panels pad has no edge any more */
    "vectorise",        /* after both: panels are vectors then */
    "prefetch",         /* after vectorise: steps are known by their vectors */
    "parallel",         /* after all that makes loops: they are chosen, not changed */
    "plan_memory",      /* last: every scratch buffer is known */
    NULL,
};

const char *const *compile_pipeline(void)
{
    return pipeline;
}

/* To schedules on ciphertexts: what is known is evaluated, and contractions are whole; packing orders them itself. The second list
 * runs on each form that the first leaves open, and packing chooses by rotations and depth. */
static const char *const packing_pipeline[] = {"simplify", "recognise", "discover", NULL};
static const char *const packing_forms[] = {"simplify", "spectra", "deltas", "split_indices", "deltas", "simplify",
                                            "formulas", "flatten", NULL};

static struct compiled *compile_with(struct ir_context *context, struct ir_program *program, const struct pass_options *passes)
{
    struct compiled *compiled = ARENA_NEW(ir_arena(context), struct compiled);
    struct pass_kernel *kernels = program ? ARENA_ARRAY(ir_arena(context), program->n_kernels, struct pass_kernel) : NULL;
    if (!compiled || !kernels)
        return NULL;
    *compiled = (struct compiled){context, program, kernels, program->n_kernels};
    for (size_t k = 0; k < program->n_kernels; k++) {
        kernels[k] =
            (struct pass_kernel){.context = context, .kernel = ir_kernel_copy(context, program->kernels[k]), .options = passes};
        if (!kernels[k].kernel || pass_run_all(pipeline, &kernels[k]) != EINC_OK)
            return NULL;
    }
    return ir_status(context) == EINC_OK ? compiled : NULL;
}

struct compiled *compile_program(struct ir_context *context, struct ir_program *program, const struct compile_options *options)
{
    struct compiled *compiled = compile_with(context, program, &options->passes);
    if (compiled && budget_needs_less(compiled, &options->passes)) {
        struct pass_options *passes = arena_copy(ir_arena(context), &options->passes, 1, sizeof *passes);
        if (!passes)
            return NULL;
        passes->small = passes->few_tables = true;
        compiled = compile_with(context, program, passes);
    }
    if (compiled && options->passes.tuning)
        tune_warn_unused(context, options->passes.tuning);
    return compiled && budget_kept(compiled, &options->passes) ? compiled : NULL;
}

struct ir_program *compile_derive(struct ir_program *program, const struct compile_options *options)
{
    for (size_t k = 0; k < options->n_derivatives; k++)
        if (!pass_derive(program, &options->derivatives[k]))
            return NULL;
    return program;
}

struct compiled *compile_source(struct ir_context *context, const struct source *source, const struct compile_options *options)
{
    return compile_program(context, compile_derive(frontend_read(context, source, &options->frontend), options), options);
}

static bool has_input(const struct ir_program *program, const char *name)
{
    for (size_t k = 0; k < program->n_kernels; k++)
        for (uint32_t input = 0; input < program->kernels[k]->n_inputs; input++)
            if (strcmp(program->kernels[k]->inputs[input].name, name) == 0)
                return true;
    return false;
}

static bool has_port(const struct ir_program *program, const char *name)
{
    for (size_t k = 0; k < program->n_kernels; k++) {
        const struct ir_kernel *kernel = program->kernels[k];
        for (uint32_t port = 0; port < kernel->n_inputs + kernel->n_outputs; port++) {
            bool is_input = port < kernel->n_inputs;
            if (strcmp(is_input ? kernel->inputs[port].name : kernel->outputs[port - kernel->n_inputs].name, name) == 0)
                return true;
        }
    }
    return false;
}

struct packing_result *compile_packing(struct ir_program *program, const struct compile_options *options)
{
    struct ir_context *context = program->context;
    struct packing_result *results = ARENA_ARRAY(ir_arena(context), program->n_kernels + 1, struct packing_result);
    for (size_t k = 0; k < options->packing.n_row_major; k++)
        if (!has_port(program, options->packing.row_major[k])) {
            diag_error(ir_diagnostics(context), DIAG_E0933, SPAN_NONE, "--layout names `%s`, which is no input or output",
                       options->packing.row_major[k]);
            return NULL;
        }
    for (size_t k = 0; k < options->packing.n_ranges; k++) {
        const char *name = options->packing.ranges[k].name;
        if (packing_is_function(name) || has_input(program, name))
            continue;
        struct diag *diag = diag_error(ir_diagnostics(context), DIAG_E0933, SPAN_NONE,
                                       "--range names `%s`, which is no input and no function on ciphertexts", name);
        diag_help(ir_diagnostics(context), diag, "name a function, such as gelu, or 1/x for divisions: its arguments lie there");
        return NULL;
    }
    struct pass_options *passes = arena_copy(ir_arena(context), &options->passes, 1, sizeof *passes);
    if (passes)
        passes->finest = true; /* packing groups factors as rotations and levels ask */
    for (size_t k = 0; results && passes && k < program->n_kernels; k++) {
        struct pass_kernel kernel = {.context = context, .kernel = ir_kernel_copy(context, program->kernels[k]), .options = passes};
        if (!kernel.kernel || pass_run_all(packing_pipeline, &kernel) != EINC_OK ||
            !packing_run(&kernel, packing_forms, &options->packing, &results[k]))
            return NULL;
    }
    return passes ? results : NULL;
}

enum einc_status compile_emit_packed(struct ir_program *program, const struct packing_result *packed,
                                     const struct backend_info *backend, const char *basename,
                                     const struct backend_options *options, struct backend_file **files, size_t *n_files)
{
    struct backend_kernel *kernels = ARENA_ARRAY(ir_arena(program->context), program->n_kernels + 1, struct backend_kernel);
    for (size_t k = 0; kernels && k < program->n_kernels; k++)
        kernels[k] =
            (struct backend_kernel){.source = program->kernels[k], .kernel = program->kernels[k], .slots = packed[k].program};
    const struct backend_program emitted = {program->context, program->path, basename, kernels, program->n_kernels};
    return kernels ? backend->emit(&emitted, options, files, n_files) : EINC_NO_MEMORY;
}

/* What constants were replaced by; false: no memory. */
static bool add_findings(const struct pass_kernel *kernel, struct backend_kernel *target)
{
    struct arena *arena = ir_arena(kernel->context);
    struct backend_finding *findings = ARENA_ARRAY(arena, kernel->n_choices, struct backend_finding);
    for (size_t k = 0; findings && k < kernel->n_choices; k++) {
        const struct pass_choice *choice = &kernel->choices[k];
        if (!choice->finding)
            continue;
        struct text text = text_create(arena);
        pass_print_certificate(&text, &choice->certificate);
        findings[target->n_findings++] = (struct backend_finding){choice->finding, text_finish(&text)};
    }
    target->findings = findings;
    return findings && !arena_failed(arena);
}

bool compile_backend_program(struct compiled *compiled, const char *basename, struct backend_program *program)
{
    struct backend_kernel *kernels = ARENA_ARRAY(ir_arena(compiled->context), compiled->n_kernels, struct backend_kernel);
    for (size_t k = 0; kernels && k < compiled->n_kernels; k++) {
        kernels[k] = (struct backend_kernel){.source = compiled->program->kernels[k],
                                             .kernel = compiled->kernels[k].kernel,
                                             .loops = compiled->kernels[k].loops,
                                             .flops_naive = compiled->kernels[k].flops_naive};
        if (!add_findings(&compiled->kernels[k], &kernels[k]))
            return false;
    }
    *program = (struct backend_program){compiled->context, compiled->program->path, basename, kernels, compiled->n_kernels};
    return kernels != NULL;
}

enum einc_status compile_emit(struct compiled *compiled, const struct backend_info *backend, const char *basename,
                              const struct backend_options *options, struct backend_file **files, size_t *n_files)
{
    struct backend_program program;
    if (!compile_backend_program(compiled, basename, &program))
        return EINC_NO_MEMORY;
    return backend->emit(&program, options, files, n_files);
}
