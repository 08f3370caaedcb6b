/* The runs of einc quantize on samples: in f64, for the values of outputs as the source says them and for the range of each tensor
 * in steps; and in fixed point, for the error of each output.
 *
 * They are by the reference, which is the meaning of the program, so that no engine and no compiler decides what is reported. Each
 * few samples have a context of their own, whose memory is given back behind them. */
#include "quantize.h"

#include <math.h>
#include <string.h>

enum { SAMPLES_AT_ONCE = 16 };

struct quantized *quantization_find(const struct quantization *quantization, const char *kernel, const char *name)
{
    for (size_t k = 0; k < quantization->n_tensors; k++) {
        struct quantized *tensor = &quantization->tensors[k];
        bool same_kernel = kernel && tensor->kernel ? strcmp(kernel, tensor->kernel) == 0 : !kernel && !tensor->kernel;
        if (same_kernel && strcmp(tensor->name, name) == 0)
            return tensor;
    }
    return NULL;
}

double quantization_scale(double low, double high, int bits)
{
    double most = fmax(-low, high), scale, top = ldexp(1, bits);
    int exponent;
    if (!(most > 0) || low > high)
        return 1; /* only zeros, or no elements */
    frexp(most, &exponent);
    for (scale = ldexp(1, exponent - 1); scale <= 0x1p200; scale *= 2) {
        double step = scale / top;
        if (scale >= 0x1p-200 && floor(high / step + 0.5) <= top - 1 && floor(low / step + 0.5) >= -top)
            return scale;
    }
    return 0;
}

static double number_at(const struct ir_tensor *tensor, size_t at)
{
    struct ir_number number = ir_number_load(tensor->elem, tensor->data, at);
    return ir_elem_is_float(tensor->elem) ? number.re : (double)number.i;
}

/* ---- reading a stage ---- */

/* One reading of a stage's text; constants in files are those of the quantization. */
struct reading {
    struct quantization *quantization;
    const struct stage *stage;
    struct ir_context *context;
    struct ir_program *program;
    struct frontend_inquiry inquiry;
    bool fixed; /* constants have the names of their new files */
};

/* In f64 for the one run, and as the integers they are then for the other. */
static bool load(void *user, struct ir_context *context, const char *path, struct span span, struct frontend_array *array)
{
    const struct reading *reading = user;
    const struct quantization *quantization = reading->quantization;
    for (size_t k = 0; reading->fixed && k < quantization->n_tensors; k++) {
        const struct quantized *tensor = &quantization->tensors[k];
        if (!tensor->file || strcmp(tensor->file, path) != 0)
            continue;
        const struct ir_tensor *numbers = &tensor->numbers;
        *array = (struct frontend_array){numbers->elem, numbers->rank, numbers->shape, numbers->data,
                                         npy_element_count(numbers) * ir_elem_info(numbers->elem)->bytes};
        return true;
    }
    if (!npy_load(NULL, context, path, span, array) || !ir_elem_is_float(array->elem))
        return ir_status(context) == EINC_OK;
    struct ir_tensor narrow = {array->elem, array->rank, array->shape, array->data};
    size_t count = npy_element_count(&narrow);
    double *wide = arena_alloc(ir_arena(context), count, sizeof *wide);
    for (size_t k = 0; wide && k < count; k++)
        wide[k] = number_at(&narrow, k);
    *array = (struct frontend_array){IR_f64, array->rank, array->shape, wide, count * sizeof *wide};
    return wide != NULL;
}

static struct span origin(const struct stage *stage, struct span span)
{
    for (size_t k = 0; k < stage->n_edits && span.source != UINT32_MAX; k++) {
        span.end = frontend_edit_origin(stage->edits[k], span.end > span.begin ? span.end - 1 : span.end) + (span.end > span.begin);
        span.begin = frontend_edit_origin(stage->edits[k], span.begin);
        span.end = span.end > span.begin ? span.end : span.begin;
    }
    return span.source == UINT32_MAX ? span : (struct span){0, span.begin, span.end};
}

/* What was said of the stage's text, said of the source. */
static void pass_on(struct quantization *quantization, const struct stage *stage, struct ir_context *context)
{
    struct diagnostics *to = ir_diagnostics(quantization->invocation->context);
    const struct diagnostics *from = ir_diagnostics(context);
    for (size_t k = 0; k < from->n_items; k++) {
        const struct diag *item = from->items[k];
        if (item->severity != DIAG_ERROR)
            continue; /* of the source as it is, and said already */
        struct diag *diag = diag_error(to, item->code, origin(stage, item->primary.span), "%s", item->message);
        if (item->primary.text)
            diag_label(to, diag, "%s", item->primary.text);
        for (size_t n = 0; n < item->n_notes; n++)
            diag_note(to, diag, origin(stage, item->notes[n].span), "%s", item->notes[n].text ? item->notes[n].text : "");
        if (item->help)
            diag_help(to, diag, "%s", item->help);
    }
}

static bool open_reading(struct quantization *quantization, const struct stage *stage, bool fixed, struct reading *reading)
{
    struct frontend_options options = quantization->invocation->compile.frontend;
    *reading = (struct reading){.quantization = quantization, .stage = stage, .context = ir_context_create(NULL), .fixed = fixed};
    struct source *source = reading->context ? ARENA_NEW(ir_arena(reading->context), struct source) : NULL;
    if (!source)
        return false;
    *source = (struct source){fixed ? NULL : quantization->program->path, stage->text, strlen(stage->text)};
    reading->inquiry.lets = !fixed;
    options.load = load;
    options.load_user = reading;
    options.inquiry = &reading->inquiry;
    reading->program = frontend_read(reading->context, source, &options);
    if (!reading->program)
        pass_on(quantization, stage, reading->context);
    return reading->program != NULL;
}

/* ---- ranges ---- */

static bool refuse_range(struct quantization *quantization, const struct quantized *tensor, double value)
{
    struct diagnostics *diagnostics = ir_diagnostics(quantization->invocation->context);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0847, tensor->span, "`%s` becomes %g, which no scale holds", tensor->name, value);
    diag_help(diagnostics, diag, "scales are from 2^-200 to 2^200: give samples on which it is a number between");
    return false;
}

static bool widen_range(struct quantization *quantization, struct quantized *tensor, const struct ir_tensor *numbers)
{
    size_t count = npy_element_count(numbers);
    for (size_t k = 0; k < count; k++) {
        double value = number_at(numbers, k);
        if (!(fabs(value) < 0x1p199))
            return refuse_range(quantization, tensor, value);
        tensor->low = fmin(tensor->low, value);
        tensor->high = fmax(tensor->high, value);
    }
    return true;
}

/* Constants are what they are; those that go to files are kept. */
static bool take_constants(struct quantization *quantization, const struct reading *reading)
{
    struct arena *arena = ir_arena(quantization->invocation->context);
    for (size_t k = 0; k < reading->inquiry.n_constants; k++) {
        const struct ir_node *node = reading->inquiry.constants[k].node;
        struct quantized *tensor = quantization_find(quantization, NULL, reading->inquiry.constants[k].name);
        if (!tensor)
            continue;
        int64_t *shape = ARENA_ARRAY(arena, node->rank, int64_t);
        size_t bytes = node->constant->bytes;
        tensor->numbers = (struct ir_tensor){node->elem, node->rank, shape, arena_alloc(arena, bytes, 1)};
        if (!shape || !tensor->numbers.data)
            return false;
        for (uint32_t axis = 0; axis < node->rank; axis++)
            (void)poly_is_constant(node->shape[axis], &shape[axis]);
        if (bytes)
            memcpy(tensor->numbers.data, node->constant->data, bytes);
        if (tensor->is_float && !widen_range(quantization, tensor, &tensor->numbers))
            return false;
    }
    return true;
}

/* ---- samples ---- */

/* A sample in the types of the kernel: floats and integers as they are, fixed point rounded half up. */
static struct ir_tensor *sample_inputs(struct reading *reading, const struct ir_kernel *kernel, const struct ir_tensor *given)
{
    struct arena *arena = ir_arena(reading->context);
    struct ir_tensor *inputs = ARENA_ARRAY(arena, kernel->n_inputs, struct ir_tensor);
    for (uint32_t k = 0; inputs && k < kernel->n_inputs; k++) {
        enum ir_elem elem = kernel->inputs[k].node->elem;
        const struct quantized *tensor = quantization_find(reading->quantization, kernel->name, kernel->inputs[k].name);
        size_t count = npy_element_count(&given[k]);
        inputs[k] = given[k];
        inputs[k].elem = elem;
        if (!(inputs[k].data = arena_alloc(arena, count, ir_elem_info(elem)->bytes)))
            return NULL;
        for (size_t at = 0; at < count; at++) {
            double value = number_at(&given[k], at), top = ldexp(1, reading->quantization->bits);
            if (reading->fixed && tensor && tensor->is_float)
                value = fmin(fmax(floor(value / (tensor->scale / top) + 0.5), -top), top - 1);
            struct ir_number number =
                ir_elem_is_float(elem) ? ir_number_real(elem, value) : ir_number_integer(elem, (int64_t)value);
            ir_number_store(number, inputs[k].data, at);
        }
    }
    return inputs;
}

/* What a run of one kernel does with its outputs. */
typedef bool take_outputs(struct reading *reading, size_t kernel, size_t sample, const struct ir_tensor *inputs,
                          const struct ir_tensor *outputs);

static bool run_sample(struct reading *reading, size_t kernel, size_t sample, take_outputs *take)
{
    struct quantization *quantization = reading->quantization;
    struct invocation *invocation = quantization->invocation;
    struct arena *arena = ir_arena(reading->context);
    const struct ir_kernel *source = quantization->program->kernels[kernel], *read = reading->program->kernels[kernel];
    struct ir_tensor *given = ARENA_ARRAY(ir_arena(invocation->context), source->n_inputs, struct ir_tensor);
    struct ir_tensor *outputs = ARENA_ARRAY(arena, read->n_outputs, struct ir_tensor);
    int64_t *dims = dims_unbound(invocation);
    if (!given || !outputs || !dims || !samples_bind(invocation, &quantization->samples, source, sample, given, dims))
        return false;
    for (uint32_t k = 0; k < ir_dim_count(invocation->context); k++)
        dims[k] = dims[k] < 0 ? 0 : dims[k]; /* a dim of another kernel of the file */
    struct ir_tensor *inputs = sample_inputs(reading, read, given);
    if (!inputs)
        return false;
    if (ir_eval(reading->context, read, IR_EVAL_NUMBERS, dims, inputs, outputs, NULL) != EINC_OK) {
        pass_on(quantization, reading->stage, reading->context);
        return false;
    }
    return take(reading, kernel, sample, inputs, outputs);
}

static bool run_samples(struct quantization *quantization, const struct stage *stage, bool fixed, take_outputs *take)
{
    for (size_t kernel = 0; kernel < quantization->program->n_kernels; kernel++) {
        size_t count = samples_count(quantization->invocation, &quantization->samples, quantization->program->kernels[kernel]);
        bool good = count > 0;
        for (size_t first = 0; first < count && good; first += SAMPLES_AT_ONCE) {
            struct reading reading;
            good = open_reading(quantization, stage, fixed, &reading);
            for (size_t k = first; k < count && k < first + SAMPLES_AT_ONCE && good; k++)
                good = run_sample(&reading, kernel, k, take);
            ir_context_destroy(reading.context);
        }
        if (!good)
            return false;
    }
    return true;
}

/* ---- the two runs ---- */

/* The values that an output of the source has for a sample: room for them at the first run, them at the second. */
static struct ir_tensor *value_of(struct reading *reading, size_t kernel, size_t sample, uint32_t output)
{
    struct quantization *quantization = reading->quantization;
    const struct ir_kernel *source = quantization->program->kernels[kernel];
    if (!quantization->values[kernel]) {
        size_t count = samples_count(quantization->invocation, &quantization->samples, source);
        quantization->values[kernel] =
            ARENA_ARRAY(ir_arena(quantization->invocation->context), count * source->n_outputs, struct ir_tensor);
    }
    return quantization->values[kernel] ? &quantization->values[kernel][sample * source->n_outputs + output] : NULL;
}

static bool keep_value(struct reading *reading, const struct ir_tensor *output, struct ir_tensor *kept)
{
    struct arena *arena = ir_arena(reading->quantization->invocation->context);
    size_t count = npy_element_count(output);
    double *values = kept ? ARENA_ARRAY(arena, count, double) : NULL;
    for (size_t k = 0; values && k < count; k++)
        values[k] = number_at(output, k);
    if (values)
        *kept = (struct ir_tensor){IR_f64, 0, NULL, values};
    return values != NULL;
}

/* The tensor of a let, known from the first time it is met. */
static struct quantized *let_of(struct reading *reading, const struct ir_kernel *kernel, const struct ir_output *let)
{
    struct quantization *quantization = reading->quantization;
    struct arena *arena = ir_arena(quantization->invocation->context);
    struct quantized *known = quantization_find(quantization, kernel->name, let->name);
    struct quantized tensor = {
        .part = PART_LET, .span = origin(reading->stage, let->span), .is_float = true, .low = INFINITY, .high = -INFINITY};
    if (known)
        return known;
    tensor.kernel = arena_strndup(arena, kernel->name, strlen(kernel->name));
    tensor.name = arena_strndup(arena, let->name, strlen(let->name));
    return tensor.kernel && tensor.name &&
                   ARENA_PUSH(arena, quantization->tensors, quantization->n_tensors, quantization->capacity, tensor)
               ? &quantization->tensors[quantization->n_tensors - 1]
               : NULL;
}

static bool take_ranges(struct reading *reading, size_t kernel, size_t sample, const struct ir_tensor *inputs,
                        const struct ir_tensor *outputs)
{
    struct quantization *quantization = reading->quantization;
    const struct ir_kernel *read = reading->program->kernels[kernel];
    uint32_t n_declared = quantization->program->kernels[kernel]->n_outputs;
    (void)sample;
    for (uint32_t k = 0; k < read->n_inputs; k++) {
        struct quantized *tensor = quantization_find(quantization, read->name, read->inputs[k].name);
        if (tensor && tensor->is_float && !widen_range(quantization, tensor, &inputs[k]))
            return false;
    }
    for (uint32_t k = 0; k < read->n_outputs; k++) {
        struct quantized *tensor = k < n_declared ? quantization_find(quantization, read->name, read->outputs[k].name)
                                                  : let_of(reading, read, &read->outputs[k]);
        if (!tensor || (tensor->is_float && !widen_range(quantization, tensor, &outputs[k])))
            return false;
    }
    return true;
}

static bool take_values(struct reading *reading, size_t kernel, size_t sample, const struct ir_tensor *inputs,
                        const struct ir_tensor *outputs)
{
    (void)inputs;
    for (uint32_t k = 0; k < reading->quantization->program->kernels[kernel]->n_outputs; k++)
        if (!keep_value(reading, &outputs[k], value_of(reading, kernel, sample, k)))
            return false;
    return true;
}

static bool take_errors(struct reading *reading, size_t kernel, size_t sample, const struct ir_tensor *inputs,
                        const struct ir_tensor *outputs)
{
    const struct quantization *quantization = reading->quantization;
    const struct ir_kernel *read = reading->program->kernels[kernel];
    (void)inputs;
    for (uint32_t k = 0; k < read->n_outputs; k++) {
        struct quantized *tensor = quantization_find(quantization, read->name, read->outputs[k].name);
        if (!tensor || !tensor->is_float)
            continue;
        const double *wanted = value_of(reading, kernel, sample, k)->data;
        double step = ldexp(tensor->scale, -quantization->bits);
        for (size_t at = 0; at < npy_element_count(&outputs[k]); at++) {
            double error = number_at(&outputs[k], at) * step - wanted[at];
            tensor->error = fmax(tensor->error, fabs(error));
            tensor->noise += error * error;
            tensor->signal += wanted[at] * wanted[at];
        }
    }
    return true;
}

bool quantization_evaluate(struct quantization *quantization, const struct stage *stage)
{
    return run_samples(quantization, stage, false, take_values);
}

bool quantization_measure(struct quantization *quantization, const struct stage *stage)
{
    struct reading reading;
    bool good = open_reading(quantization, stage, false, &reading) && take_constants(quantization, &reading);
    ir_context_destroy(reading.context);
    return good && run_samples(quantization, stage, false, take_ranges);
}

bool quantization_compare(struct quantization *quantization, const struct stage *stage)
{
    return run_samples(quantization, stage, true, take_errors);
}
