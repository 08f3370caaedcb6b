/* einc run and einc einsum: kernels on .npy arrays. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_LIMIT = 1000000 };

static void report_output(struct invocation *invocation, const struct ir_kernel *kernel, const char *word)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    struct text names = text_create(ir_arena(invocation->context));
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        text_printf(&names, "%s-o %s=FILE.npy", k ? ", " : "", kernel->outputs[k].name);
    const char *list = text_finish(&names);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0808, kernel->span, "-o %s names no output of kernel `%s`", word, kernel->name);
    diag_help(diagnostics, diag, "its outputs are written by %s", list ? list : "-o OUT=FILE.npy");
}

/* The output a word of -o names, and the path; UINT32_MAX: none. */
static uint32_t output_of_word(struct invocation *invocation, const struct ir_kernel *kernel, const char *word, const char **path)
{
    const char *name;
    *path = word;
    if (!option_pair(invocation, word, &name, path))
        return kernel->n_outputs == 1 ? 0 : UINT32_MAX;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (strcmp(kernel->outputs[k].name, name) == 0)
            return k;
    return UINT32_MAX;
}

/* Where output `k` goes by the words of -o; NULL: nowhere. A word that names no output is a diagnostic, two paths for one and one
 * for two are others. */
static const char **output_paths(struct invocation *invocation, const struct ir_kernel *kernel, const struct option_list *words)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    const char **paths = ARENA_ARRAY(ir_arena(invocation->context), (size_t)kernel->n_outputs + 1, const char *);
    for (size_t w = 0; w < words->count && paths; w++) {
        const char *path;
        uint32_t output = output_of_word(invocation, kernel, words->items[w], &path);
        if (output == UINT32_MAX) {
            report_output(invocation, kernel, words->items[w]);
            return NULL;
        }
        if (paths[output]) {
            diag_error(diagnostics, DIAG_E0808, kernel->span, "-o gives `%s` two paths", kernel->outputs[output].name);
            return NULL;
        }
        for (uint32_t k = 0; k < kernel->n_outputs; k++)
            if (paths[k] && strcmp(paths[k], path) == 0) {
                diag_error(diagnostics, DIAG_E0808, kernel->span, "two outputs go to `%s`", path);
                return NULL;
            }
        paths[output] = path;
    }
    return paths;
}

static bool deliver(struct invocation *invocation, const struct ir_kernel *kernel, const char *const *paths,
                    const struct ir_tensor *outputs)
{
    struct file_content *files = ARENA_ARRAY(ir_arena(invocation->context), kernel->n_outputs, struct file_content);
    size_t n_files = 0;
    if (!files)
        return false;
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        if (!paths[k])
            continue;
        struct file_content *file = &files[n_files++];
        file->path = paths[k];
        if (!npy_encode(invocation->context, &outputs[k], &file->bytes, &file->length))
            return false;
    }
    if (!file_write_all(invocation->context, files, n_files))
        return false;
    bool printed = n_files > 0;
    for (uint32_t k = 0; k < kernel->n_outputs && !printed; k++) {
        struct text text = text_create(ir_arena(invocation->context));
        if (kernel->n_outputs > 1)
            text_printf(&text, "%s =\n", kernel->outputs[k].name);
        array_print(&text, &outputs[k]);
        const char *result = text_finish(&text);
        fputs(result ? result : "", stdout);
    }
    return true;
}

struct run {
    const char *engine;
    int64_t repeat;
    struct option_list outputs;
};

static enum einc_status run_repeatedly(const struct engine_info *info, struct engine *engine, size_t kernel, const struct run *run,
                                       const int64_t *dims, const struct ir_tensor *inputs, struct ir_tensor *outputs)
{
    if (run->repeat <= 0)
        return info->run(engine, kernel, dims, inputs, outputs);
    double *times = calloc((size_t)run->repeat, sizeof *times);
    if (!times)
        return EINC_NO_MEMORY;
    enum einc_status status = EINC_OK;
    for (int64_t k = 0; k < run->repeat && status == EINC_OK; k++) {
        double start = timing_now();
        status = info->run(engine, kernel, dims, inputs, outputs);
        times[k] = timing_now() - start;
    }
    if (status == EINC_OK) {
        timing_sort(times, (size_t)run->repeat);
        fprintf(stderr, "median of %lld: %.3g s\n", (long long)run->repeat, times[run->repeat / 2]);
    }
    free(times);
    return status;
}

static int run_compiled(struct invocation *invocation, struct compiled *compiled, size_t kernel, const struct ir_tensor *inputs,
                        const struct run *run)
{
    const struct ir_kernel *source = compiled->program->kernels[kernel];
    const struct engine_info *info = engine_find(run->engine);
    int64_t *dims = dims_unbound(invocation);
    struct ir_tensor *outputs = ARENA_ARRAY(ir_arena(invocation->context), source->n_outputs, struct ir_tensor);
    const char **paths = output_paths(invocation, source, &run->outputs);
    if (!dims || !outputs || !paths || !binding_check(invocation->context, source, inputs, dims) ||
        !binding_outputs(invocation->context, source, dims, outputs) ||
        (info->strided && !(inputs = layout_inputs(invocation->context, source, dims, inputs))))
        return EXIT_INPUT;
    for (uint32_t k = 0; k < ir_dim_count(invocation->context); k++)
        dims[k] = dims[k] < 0 ? 0 : dims[k]; /* a dim of another kernel of the file */
    struct engine *engine = info->create(compiled, &invocation->engine);
    enum einc_status status = engine ? run_repeatedly(info, engine, kernel, run, dims, inputs, outputs) : EINC_INVALID;
    info->destroy(engine);
    if (status == EINC_LIMIT || status == EINC_NO_MEMORY)
        return EXIT_LIMIT;
    return status == EINC_OK && deliver(invocation, source, paths, outputs) ? EXIT_DONE : EXIT_INPUT;
}

static bool valid_run(const struct run *run)
{
    if (!engine_find(run->engine))
        return usage_no_engine(run->engine), false;
    if (run->repeat > REPEAT_LIMIT)
        return usage_error("--repeat is at most %d", REPEAT_LIMIT), false;
    return true;
}

int command_run(struct invocation *invocation, int argc, char **argv)
{
    struct run run = {.engine = "c"};
    const struct option options[] = {
        {"--engine", OPTION_TEXT, &run.engine}, {"--repeat", OPTION_INTEGER, &run.repeat}, {"-o", OPTION_LIST, &run.outputs}};
    if (!options_parse(invocation, argc, argv, options, 3) || !valid_run(&run))
        return EXIT_USAGE;
    if (invocation->count < 1)
        return usage_error("run needs a .ein file");
    int first = invocation->count > 1 && !strchr(invocation->words[1], '=') ? 2 : 1;
    struct compiled *compiled = input_compile(invocation, invocation->words[0]);
    int kernel = compiled ? input_kernel(invocation, compiled->program, first == 2 ? invocation->words[1] : NULL) : -1;
    struct ir_tensor *inputs = kernel < 0 ? NULL
                                          : arrays_from_words(invocation, compiled->program->kernels[kernel],
                                                              invocation->words + first, (size_t)(invocation->count - first));
    return input_finish(invocation, inputs ? run_compiled(invocation, compiled, (size_t)kernel, inputs, &run) : EXIT_INPUT);
}

static bool find_ring(const char *name, enum ir_ring *ring)
{
    static const enum ir_ring rings[] = {IR_RING_plustimes, IR_RING_minplus, IR_RING_maxplus, IR_RING_orand};
    for (size_t k = 0; k < sizeof rings / sizeof *rings; k++)
        if (strcmp(ir_ring_info(rings[k])->name, name) == 0) {
            *ring = rings[k];
            return true;
        }
    return usage_error("there is no ring `%s`; there are plustimes, minplus, maxplus and orand", name), false;
}

int command_einsum(struct invocation *invocation, int argc, char **argv)
{
    struct run run = {.engine = "c"};
    const char *ring_name = "plustimes";
    enum ir_ring ring;
    const struct option options[] = {
        {"--engine", OPTION_TEXT, &run.engine}, {"--ring", OPTION_TEXT, &ring_name}, {"-o", OPTION_LIST, &run.outputs}};
    if (!options_parse(invocation, argc, argv, options, 3) || !valid_run(&run) || !find_ring(ring_name, &ring))
        return EXIT_USAGE;
    if (invocation->count < 1)
        return usage_error("einsum needs a string");
    size_t count = (size_t)invocation->count - 1;
    struct ir_tensor *inputs = ARENA_ARRAY(ir_arena(invocation->context), count, struct ir_tensor);
    struct frontend_operand *operands = ARENA_ARRAY(ir_arena(invocation->context), count, struct frontend_operand);
    bool good = inputs && operands && input_target(invocation);
    for (size_t k = 0; k < count && good; k++) {
        good = npy_read(invocation->context, invocation->words[k + 1], SPAN_NONE, &inputs[k]);
        operands[k] = (struct frontend_operand){.elem = inputs[k].elem, .rank = inputs[k].rank, .shape = inputs[k].shape};
    }
    struct ir_program *program = good ? frontend_einsum(invocation->context, invocation->words[0], ring, count, operands) : NULL;
    struct compiled *compiled = program ? compile_program(invocation->context, program, &invocation->compile) : NULL;
    return input_finish(invocation, compiled ? run_compiled(invocation, compiled, 0, inputs, &run) : EXIT_INPUT);
}
