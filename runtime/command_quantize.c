/* einc quantize: a program of floats becomes one of q7 or q15 (docs/fixed-point.md), with scales that hold what samples make of it.
 *
 * Everything is done on the text of the source: lets between the factors of products are written in (frontend/steps.c), that text
 * is run in f64 on the samples, each declaration gets the type whose scale holds what was seen, and the new text is run again, for
 * the errors that are reported. What the new text cannot say in fixed point is a diagnostic at the place in the source. */
#include "describe.h"
#include "quantize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_names[] = {"constant", "input", "let", "output"};

struct quantize_options {
    const char *type, *output;
    struct option_list samples;
    bool json;
};

/* ---- what there is to quantize ---- */

static bool add_tensor(struct quantization *quantization, const char *kernel, const char *name, enum tensor_part part,
                       const struct ir_node *node, struct span span)
{
    struct invocation *invocation = quantization->invocation;
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    struct quantized tensor = {.kernel = kernel, .name = name, .part = part, .span = span, .low = INFINITY, .high = -INFINITY};
    tensor.is_float = ir_elem_is_float(node->elem);
    if (ir_elem_is_complex(node->elem)) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0319, span, "complex numbers have no fixed-point form");
        diag_help(diagnostics, diag, "give `%s` an axis of two more, real and imaginary part", name);
        return false;
    }
    if (kernel && quantization_find(quantization, kernel, name))
        return true; /* an output under `+=` */
    return ARENA_PUSH(ir_arena(invocation->context), quantization->tensors, quantization->n_tensors, quantization->capacity,
                      tensor);
}

static const char *base_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return arena_strndup(arena, name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
}

static bool list_tensors(struct quantization *quantization, const struct frontend_inquiry *inquiry, const char *output)
{
    struct arena *arena = ir_arena(quantization->invocation->context);
    const struct ir_program *program = quantization->program;
    const char *base = base_of(arena, output ? output : program->path);
    bool good = base != NULL;
    for (size_t k = 0; k < inquiry->n_constants && good; k++) {
        const struct frontend_constant *constant = &inquiry->constants[k];
        good = add_tensor(quantization, NULL, constant->name, PART_CONSTANT, constant->node, constant->span);
        if (good && constant->node->constant->path)
            good =
                (quantization->tensors[quantization->n_tensors - 1].file = arena_printf(arena, "%s_%s.npy", base, constant->name));
    }
    for (size_t k = 0; k < program->n_kernels && good; k++) {
        const struct ir_kernel *kernel = program->kernels[k];
        for (uint32_t n = 0; n < kernel->n_inputs && good; n++)
            good = add_tensor(quantization, kernel->name, kernel->inputs[n].name, PART_INPUT, kernel->inputs[n].node,
                              kernel->inputs[n].span);
        for (uint32_t n = 0; n < kernel->n_outputs && good; n++)
            good = add_tensor(quantization, kernel->name, kernel->outputs[n].name, PART_OUTPUT, kernel->outputs[n].node,
                              kernel->outputs[n].span);
    }
    return good;
}

/* ---- scales ---- */

static bool choose_scales(struct quantization *quantization)
{
    struct diagnostics *diagnostics = ir_diagnostics(quantization->invocation->context);
    for (size_t k = 0; k < quantization->n_tensors; k++) {
        struct quantized *tensor = &quantization->tensors[k];
        if (!tensor->is_float)
            continue;
        tensor->scale = quantization_scale(tensor->low, tensor->high, quantization->bits);
        if (tensor->scale > 0)
            continue;
        struct diag *diag = diag_error(diagnostics, DIAG_E0847, tensor->span, "`%s` is from %g to %g, which no scale holds",
                                       tensor->name, tensor->low, tensor->high);
        diag_help(diagnostics, diag, "scales are from 2^-200 to 2^200");
        return false;
    }
    return true;
}

/* The integers of a constant that is in a file. */
static bool round_constant(struct quantization *quantization, struct quantized *tensor)
{
    enum ir_elem elem = quantization->bits == 7 ? IR_i8 : IR_i16;
    size_t count = npy_element_count(&tensor->numbers);
    void *integers = arena_alloc(ir_arena(quantization->invocation->context), count, ir_elem_info(elem)->bytes);
    for (size_t k = 0; integers && k < count; k++) {
        double value = ir_number_load(tensor->numbers.elem, tensor->numbers.data, k).re;
        double rounded = floor(value / ldexp(tensor->scale, -quantization->bits) + 0.5);
        ir_number_store(ir_number_integer(elem, (int64_t)rounded), integers, k);
    }
    tensor->numbers.elem = elem;
    tensor->numbers.data = integers;
    return integers != NULL;
}

/* ---- the new source ---- */

static const char *scale_text(struct arena *arena, double scale)
{
    char decimals[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(decimals, sizeof decimals, "%.*g", digits, scale);
        if (strtod(decimals, NULL) == scale)
            break;
    }
    return arena_printf(arena, "%s", decimals);
}

static struct frontend_new_type new_type(void *user, const char *kernel, const char *name)
{
    const struct quantization *quantization = user;
    const struct quantized *tensor = quantization_find(quantization, kernel, name);
    struct frontend_new_type type = {NULL, NULL, tensor ? tensor->file : NULL};
    if (!tensor || !tensor->is_float)
        return type;
    type.element = quantization->type;
    if (tensor->scale != 1)
        type.scale = scale_text(ir_arena(quantization->invocation->context), tensor->scale);
    return type;
}

/* Edits of a text, made by what reads it in a context that is thrown away. */
static const char *edited(struct quantization *quantization, const char *text, bool widen, struct frontend_edits *edits)
{
    struct ir_context *context = quantization->invocation->context;
    const struct source source = {NULL, text, strlen(text)};
    struct source *kept = arena_copy(ir_arena(context), &source, 1, sizeof source);
    if (!kept || !(widen ? frontend_widen(context, kept, edits) : frontend_retype(context, kept, new_type, quantization, edits)))
        return NULL;
    return frontend_edited(ir_arena(context), text, 0, (uint32_t)strlen(text), edits);
}

/* The edits that write products in steps. The source is read once more for it, with its lets in sight. */
static bool find_steps(struct quantization *quantization, const struct source *source, struct frontend_edits *steps)
{
    struct invocation *invocation = quantization->invocation;
    struct arena *arena = ir_arena(invocation->context);
    struct ir_context *scratch = ir_context_create(NULL);
    struct frontend_edits found = {0};
    struct frontend_inquiry inquiry = {.lets = true, .steps = &found};
    struct frontend_options options = invocation->compile.frontend;
    options.inquiry = &inquiry;
    bool good = scratch && frontend_read(scratch, source, &options);
    for (size_t k = 0; k < found.count && good; k++) {
        const struct frontend_edit *edit = &found.items[k];
        good = frontend_edit(arena, steps, edit->begin, edit->end, arena_strndup(arena, edit->text, strlen(edit->text)));
    }
    ir_context_destroy(scratch);
    return good;
}

/* The source with tables of its transforms; NULL: no memory, or after diagnostics. */
static struct source *with_tables(struct quantization *quantization, const struct source *source, struct frontend_edits *tables)
{
    struct ir_context *context = quantization->invocation->context;
    struct source tabled = {source->path, NULL, 0};
    if (frontend_tables(context, source, tables))
        tabled.text = frontend_edited(ir_arena(context), source->text, 0, (uint32_t)source->length, tables);
    tabled.length = tabled.text ? strlen(tabled.text) : 0;
    return tabled.text ? arena_copy(ir_arena(context), &tabled, 1, sizeof tabled) : NULL;
}

/* The source in the type asked for; NULL after diagnostics. */
static const char *quantize(struct quantization *quantization, const struct source *source)
{
    struct arena *arena = ir_arena(quantization->invocation->context);
    struct frontend_edits tables = {0}, steps = {0}, wide = {0}, wide_steps = {0}, narrow = {0};
    struct stage floats = {.edits = {&wide}, .n_edits = 1}, stepped = {.edits = {&wide_steps, &steps, &tables}, .n_edits = 3};
    struct stage fixed = {.edits = {&narrow, &steps, &tables}, .n_edits = 3};
    const struct source *tabled = with_tables(quantization, source, &tables);
    const char *stepwise = tabled && find_steps(quantization, tabled, &steps)
                               ? frontend_edited(arena, tabled->text, 0, (uint32_t)tabled->length, &steps)
                               : NULL;
    floats.text = stepwise ? edited(quantization, source->text, true, &wide) : NULL;
    stepped.text = floats.text ? edited(quantization, stepwise, true, &wide_steps) : NULL;
    if (!stepped.text || !quantization_evaluate(quantization, &floats) || !quantization_measure(quantization, &stepped) ||
        !choose_scales(quantization))
        return NULL;
    for (size_t k = 0; k < quantization->n_tensors; k++) {
        struct quantized *tensor = &quantization->tensors[k];
        if (tensor->is_float && tensor->file && !round_constant(quantization, tensor))
            return NULL;
    }
    fixed.text = edited(quantization, stepwise, false, &narrow);
    return fixed.text && quantization_compare(quantization, &fixed) ? fixed.text : NULL;
}

/* The text, and beside it the constants in files. */
static bool write_all(struct quantization *quantization, const char *text, const char *output)
{
    struct invocation *invocation = quantization->invocation;
    struct arena *arena = ir_arena(invocation->context);
    struct file_content *contents = ARENA_ARRAY(arena, quantization->n_tensors + 1, struct file_content);
    const char *slash = strrchr(output, '/'), *source = quantization->program->path;
    size_t count = 0;
    if (!contents || !command_may_write(invocation, output, true, source))
        return false;
    contents[count++] = (struct file_content){output, text, strlen(text)};
    for (size_t k = 0; k < quantization->n_tensors; k++) {
        const struct quantized *tensor = &quantization->tensors[k];
        struct file_content *content = &contents[count];
        if (!tensor->file)
            continue;
        content->path = arena_printf(arena, "%.*s%s", slash ? (int)(slash + 1 - output) : 0, output, tensor->file);
        if (!content->path || !command_may_write(invocation, content->path, true, source) ||
            !npy_encode(invocation->context, &tensor->numbers, &content->bytes, &content->length))
            return false;
        count++;
    }
    return file_write_all(invocation->context, contents, count);
}

/* ---- the report ---- */

/* Signal to noise, in decibels; infinite where there is no noise. */
static double decibels(const struct quantized *tensor)
{
    return tensor->noise > 0 ? 10 * log10(tensor->signal / tensor->noise) : INFINITY;
}

static void print_text(const struct quantization *quantization)
{
    printf("%-12s %-16s %-8s %-24s %12s %12s\n", "kernel", "tensor", "", "type", "least", "largest");
    for (size_t k = 0; k < quantization->n_tensors; k++) {
        const struct quantized *tensor = &quantization->tensors[k];
        char type[40];
        if (!tensor->is_float)
            continue;
        snprintf(type, sizeof type, "%s scale(%.10g)", quantization->type, tensor->scale);
        printf("%-12s %-16s %-8s %-24s %12.5g %12.5g\n", tensor->kernel ? tensor->kernel : "", tensor->name,
               part_names[tensor->part], type, tensor->low, tensor->high);
    }
    printf("\n%-12s %-16s %14s %14s\n", "kernel", "output", "largest error", "SNR, dB");
    for (size_t k = 0; k < quantization->n_tensors; k++) {
        const struct quantized *tensor = &quantization->tensors[k];
        if (tensor->part == PART_OUTPUT && tensor->is_float)
            printf("%-12s %-16s %14.4g %14.1f\n", tensor->kernel, tensor->name, tensor->error, decibels(tensor));
    }
}

static bool print_json(const struct quantization *quantization)
{
    json_t *tensors = json_array();
    for (size_t k = 0; k < quantization->n_tensors; k++) {
        const struct quantized *tensor = &quantization->tensors[k];
        if (!tensor->is_float)
            continue;
        json_t *item = json_pack("{s:s?, s:s, s:s, s:f, s:f, s:f}", "kernel", tensor->kernel, "name", tensor->name, "part",
                                 part_names[tensor->part], "scale", tensor->scale, "least", tensor->low, "largest", tensor->high);
        if (item && tensor->part == PART_OUTPUT) {
            double ratio = decibels(tensor);
            json_object_set_new(item, "error", json_real(tensor->error));
            json_object_set_new(item, "snr", isfinite(ratio) ? json_real(ratio) : json_null());
        }
        json_array_append_new(tensors, item);
    }
    json_t *root =
        json_pack("{s:s, s:s, s:o}", "source", quantization->program->path, "type", quantization->type, "tensors", tensors);
    return command_print_json(root);
}

static bool prepare(struct quantization *quantization, const struct source *source, const struct quantize_options *asked)
{
    struct invocation *invocation = quantization->invocation;
    struct frontend_inquiry inquiry = {0};
    struct frontend_options options = invocation->compile.frontend;
    options.inquiry = &inquiry;
    quantization->program = frontend_read(invocation->context, source, &options);
    if (!quantization->program)
        return false;
    quantization->values = ARENA_ARRAY(ir_arena(invocation->context), quantization->program->n_kernels, struct ir_tensor *);
    return quantization->values && list_tensors(quantization, &inquiry, asked->output) &&
           samples_read(invocation, &asked->samples, quantization->program, &quantization->samples);
}

int command_quantize(struct invocation *invocation, int argc, char **argv)
{
    struct quantize_options asked = {.type = "q7"};
    const struct option options[] = {{"--type", OPTION_TEXT, &asked.type},
                                     {"--samples", OPTION_LIST, &asked.samples},
                                     {"-o", OPTION_TEXT, &asked.output},
                                     {"--json", OPTION_FLAG, &asked.json}};
    if (!options_parse(invocation, argc, argv, options, sizeof options / sizeof *options))
        return EXIT_USAGE;
    if (invocation->count != 1)
        return usage_error("quantize needs one .ein file");
    if (strcmp(asked.type, "q7") != 0 && strcmp(asked.type, "q15") != 0)
        return usage_error("--type is q7 or q15, not `%s`", asked.type);
    struct quantization quantization = {
        .invocation = invocation, .type = asked.type, .bits = strcmp(asked.type, "q7") == 0 ? 7 : 15};
    const struct source *source = input_source(invocation, invocation->words[0]);
    const char *text = source && prepare(&quantization, source, &asked) ? quantize(&quantization, source) : NULL;
    if (!text || (asked.output && !write_all(&quantization, text, asked.output)))
        return input_finish(invocation, EXIT_INPUT);
    if (asked.json)
        return input_finish(invocation, print_json(&quantization) ? EXIT_DONE : EXIT_FAULT);
    print_text(&quantization);
    return input_finish(invocation, EXIT_DONE);
}
