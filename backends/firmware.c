/* Form main for a target without a C library: a program that checks the kernels where they will run.
 *
 * Inputs stand in it as constants, and for each output the least and the greatest value that the kernel's numeric class allows. It
 * runs each kernel twice over scratch memory and stack painted in two patterns, which shows how much of both is used, and once with
 * the clock read. What it finds it reports through one function, which board.c has for debuggers with semihosting and emulators
 * (ARM, Semihosting for AArch32 and AArch64); a product's own start-up code may take that file's place. */
#include "firmware.h"

#include <inttypes.h>
#include <math.h>

struct firmware {
    struct c_file *file;
    struct c_kernel *kernel;
    const struct backend_sample *sample;
    struct text *text;
};

static size_t elements_of(const struct ir_tensor *tensor)
{
    size_t count = ir_elem_is_complex(tensor->elem) ? 2 : 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        count *= (size_t)tensor->shape[axis];
    return count;
}

/* Gaps between the elements of a strided input are NaN, which no constant expression of C is. */
static void put_numbers(struct firmware *firmware, const struct ir_tensor *tensor, size_t count)
{
    enum ir_elem elem = ir_elem_real(tensor->elem);
    size_t column = 0;
    for (size_t k = 0; k < count; k++) {
        struct ir_number number = ir_number_load(elem, tensor->data, k);
        struct text text = text_create(firmware->file->arena);
        if (ir_elem_is_float(elem) && !isfinite(number.re))
            number.re = 0;
        c_put_literal(firmware->file, &text, number, C_ANY);
        text_printf(firmware->text, "%s%s,", column ? " " : "\n    ", text_finish(&text));
        column = column + text.length > 100 ? 0 : column + text.length + 2;
    }
}

static void put_table(struct firmware *firmware, const char *name, const char *suffix, const struct ir_tensor *tensor, size_t count)
{
    text_printf(firmware->text, "static const %s %s_%s%s[%zu] = {", c_type(ir_elem_real(tensor->elem)), firmware->kernel->name,
                name, suffix, count ? count : 1);
    put_numbers(firmware, tensor, count);
    text_put(firmware->text, count ? "\n};\n" : "0};\n");
}

static const struct loop_buffer *buffer_at(const struct firmware *firmware, uint32_t number)
{
    return &firmware->kernel->loops->buffers[number];
}

static bool is_exact(const struct loop_buffer *buffer)
{
    return !ir_elem_is_float(buffer->elem);
}

static void put_arrays(struct firmware *firmware, const uint32_t *arguments, size_t count)
{
    const struct backend_sample *sample = firmware->sample;
    for (size_t k = 0; k < count; k++) {
        const struct loop_buffer *buffer = buffer_at(firmware, arguments[k]);
        const char *name = firmware->kernel->buffers[arguments[k]];
        if (buffer->kind == LOOP_INPUT) {
            put_table(firmware, name, "", &sample->inputs[buffer->parameter], sample->input_elements[buffer->parameter]);
            continue;
        }
        const struct ir_tensor *low = &sample->low[buffer->parameter];
        size_t elements = elements_of(low);
        if (buffer->updates)
            put_table(firmware, name, "_before", &sample->inputs[buffer->updates - 1], elements);
        put_table(firmware, name, is_exact(buffer) ? "_wanted" : "_low", low, elements);
        if (!is_exact(buffer))
            put_table(firmware, name, "_high", &sample->high[buffer->parameter], elements);
        text_printf(firmware->text, "static %s %s_%s[%zu];\n", c_type(buffer->elem), firmware->kernel->name, name,
                    elements ? elements : 1);
    }
    if (c_takes_workspace(firmware->kernel))
        text_printf(firmware->text,
                    "static union {\n    double aligned;\n    uint64_t wide;\n    unsigned char bytes[%" PRId64 "];\n} "
                    "%s_scratch;\n",
                    sample->workspace, firmware->kernel->name);
    text_put(firmware->text, "\n");
}

/* What `+=` adds to is as it was. */
static void put_prepare(struct firmware *firmware, const uint32_t *arguments, size_t count)
{
    text_printf(firmware->text, "static void prepare_%s(void)\n{\n", firmware->kernel->name);
    for (size_t k = 0; k < count; k++) {
        const struct loop_buffer *buffer = buffer_at(firmware, arguments[k]);
        const char *kernel = firmware->kernel->name, *name = firmware->kernel->buffers[arguments[k]];
        if (buffer->kind == LOOP_OUTPUT)
            text_printf(firmware->text,
                        "    for (size_t k = 0; k < sizeof %s_%s / sizeof *%s_%s; k++)\n        %s_%s[k] = ", kernel, name, kernel,
                        name, kernel, name);
        if (buffer->kind == LOOP_OUTPUT && buffer->updates)
            text_printf(firmware->text, "%s_%s_before[k];\n", kernel, name);
        else if (buffer->kind == LOOP_OUTPUT)
            text_put(firmware->text, "0;\n");
    }
    text_put(firmware->text, "}\n\n");
}

static void put_run(struct firmware *firmware, const uint32_t *arguments, size_t count)
{
    const struct loop_function *loops = firmware->kernel->loops;
    const char *kernel = firmware->kernel->name, *separator = "";
    text_printf(firmware->text, "static int run_%s(void)\n{\n    %s%s(", kernel,
                c_returns_status(firmware->kernel) ? "return " : "", kernel);
    for (uint32_t k = 0; k < loops->n_dims; k++, separator = ", ")
        text_printf(firmware->text, "%s%" PRId64, separator, firmware->sample->dims[loops->dims[k]]);
    for (size_t k = 0; k < count; k++, separator = ", ")
        text_printf(firmware->text, "%s%s%s_%s", separator, buffer_at(firmware, arguments[k])->by_value ? "*" : "", kernel,
                    firmware->kernel->buffers[arguments[k]]);
    if (c_takes_workspace(firmware->kernel))
        text_printf(firmware->text, "%s%s_scratch.bytes", separator, kernel);
    text_put(firmware->text, c_returns_status(firmware->kernel) ? ");\n}\n\n" : ");\n    return 0;\n}\n\n");
}

static void put_check(struct firmware *firmware, const uint32_t *arguments, size_t count)
{
    const char *kernel = firmware->kernel->name;
    text_printf(firmware->text, "static unsigned long check_%s(void)\n{\n    unsigned long wrong = 0;\n", kernel);
    for (size_t k = 0; k < count; k++) {
        const struct loop_buffer *buffer = buffer_at(firmware, arguments[k]);
        const char *name = firmware->kernel->buffers[arguments[k]];
        if (buffer->kind != LOOP_OUTPUT)
            continue;
        text_printf(firmware->text, "    for (size_t k = 0; k < %zu; k++)\n",
                    elements_of(&firmware->sample->low[buffer->parameter]));
        if (is_exact(buffer))
            text_printf(firmware->text, "        if (%s_%s[k] != %s_%s_wanted[k])\n            wrong++;\n", kernel, name, kernel,
                        name);
        else
            text_printf(firmware->text, "        if (outside_%s(%s_%s[k], %s_%s_low[k], %s_%s_high[k]))\n            wrong++;\n",
                        ir_elem_info(buffer->elem)->name, kernel, name, kernel, name, kernel, name);
    }
    text_put(firmware->text, "    return wrong;\n}\n\n");
}

static void put_kernel(struct firmware *firmware)
{
    size_t count;
    const uint32_t *arguments = c_arguments(firmware->kernel, &count);
    if (!arguments)
        return;
    text_printf(firmware->text, "/* ---- %s ---- */\n\n", firmware->kernel->name);
    put_arrays(firmware, arguments, count);
    put_prepare(firmware, arguments, count);
    put_run(firmware, arguments, count);
    put_check(firmware, arguments, count);
}

static void put_main(struct c_file *file, struct text *text)
{
    text_put(text, "int main(void)\n{\n    unsigned long wrong = 0;\n");
    for (size_t k = 0; k < file->program->n_kernels; k++) {
        const struct c_kernel *kernel = &file->kernels[k];
        const char *name = kernel->name;
        text_printf(text, "    wrong += measure(\"%s\", prepare_%s, run_%s, check_%s, ", name, name, name, name);
        if (c_takes_workspace(kernel))
            text_printf(text, "%s_scratch.bytes, sizeof %s_scratch.bytes);\n", name, name);
        else
            text_put(text, "0, 0);\n");
    }
    text_put(text, "    return wrong != 0;\n}\n");
}

/* The file of comparisons of each type that an output has; inside is what is not proved to be outside, of NaN nothing. */
static void put_comparisons(struct c_file *file, struct text *text)
{
    for (int elem = 0; elem < IR_ELEM_COUNT; elem++) {
        bool used = false;
        for (size_t f = 0; f < file->program->n_kernels; f++)
            for (size_t k = 0; k < file->kernels[f].loops->n_buffers; k++)
                used |= file->kernels[f].loops->buffers[k].kind == LOOP_OUTPUT &&
                        file->kernels[f].loops->buffers[k].elem == (enum ir_elem)elem;
        if (!used || !ir_elem_is_float((enum ir_elem)elem))
            continue;
        const char *type = c_type((enum ir_elem)elem), *name = ir_elem_info((enum ir_elem)elem)->name;
        if (ir_elem_is_half((enum ir_elem)elem))
            text_printf(text,
                        "/* Bits in the order of the numbers. */\nstatic long order_%s(uint16_t bits)\n{\n"
                        "    return bits & 0x8000u ? -(long)(bits & 0x7fffu) : (long)bits;\n}\n\n",
                        name);
        const char *key = ir_elem_is_half((enum ir_elem)elem) ? arena_printf(file->arena, "order_%s", name) : "";
        text_printf(
            text,
            "static int outside_%s(%s value, %s low, %s high)\n{\n    return %s(low) <= %s(high) && !(%s(value) >= %s(low) && "
            "%s(value) <= %s(high));\n}\n\n",
            name, type, type, type, key, key, key, key, key, key);
    }
}

static bool put_program(struct c_file *file, const struct backend_program *program, const struct backend_sample *samples,
                        struct text *text)
{
    text_printf(text,
                "/* %s.c: checks the kernels of %s where they will run; made by einc.\n"
                " * Ends with 0 when every output is as it should be. What is 1 below its lowest value is not compared. */\n"
                "#include \"%s_kernels.h\"\n\n",
                c_comment(file->arena, program->basename, strlen(program->basename)), c_source_name(file), program->basename);
    text_put(text, firmware_measure);
    put_comparisons(file, text);
    for (size_t k = 0; k < program->n_kernels; k++) {
        struct firmware firmware = {file, &file->kernels[k], &samples[k], text};
        put_kernel(&firmware);
    }
    put_main(file, text);
    return !arena_failed(file->arena);
}

enum einc_status firmware_emit(const struct backend_program *program, const struct backend_options *options,
                               struct backend_file **files, size_t *n_files)
{
    struct arena *arena = ir_arena(program->context);
    struct backend_options kernel_options = *options;
    struct backend_program kernels = *program;
    kernel_options.weights = WEIGHTS_INLINE;
    kernel_options.entry = false;
    kernels.basename = arena_printf(arena, "%s_kernels", program->basename);
    struct c_file *file = kernels.basename ? c_file_create(&kernels, &kernel_options) : NULL;
    struct text text = text_create(arena), board = text_create(arena), script = text_create(arena);
    if (!file || !put_program(file, program, options->samples, &text))
        return arena_failed(arena) ? EINC_NO_MEMORY : EINC_INTERNAL;
    text_put(&board, firmware_board);
    text_put(&script, firmware_script);
    enum einc_status status =
        backend_add_file(program->context, files, n_files, arena_printf(arena, "%s.c", program->basename), &text);
    if (status == EINC_OK)
        status = backend_emit_c(&kernels, &kernel_options, files, n_files);
    if (status == EINC_OK)
        status = backend_add_file(program->context, files, n_files, arena_printf(arena, "%s_board.c", program->basename), &board);
    return status == EINC_OK
               ? backend_add_file(program->context, files, n_files, arena_printf(arena, "%s_board.ld", program->basename), &script)
               : status;
}
