/* Runs the cases that einsum_suite.py wrote to a folder: kernels compiled many at a time, each on every engine named, compared with
 * NumPy's results; invalid ones must be refused with a diagnostic about the einsum string. usage: einsum_runner FOLDER ENGINE... */
#include "runtime/runtime.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 400 };

struct suite {
    json_t *entries;
    const char *data;
    const char *flags;
    size_t passed, failed, refused, invalid;
};

static const char *field(const json_t *entry, const char *name)
{
    return json_string_value(json_object_get(entry, name));
}

static bool is_valid(const json_t *entry)
{
    return json_is_true(json_object_get(entry, "valid"));
}

static void report(struct suite *suite, const json_t *entry, const char *engine, const char *what)
{
    suite->failed++;
    printf("FAILED %s `%s` on %s: %s\n", field(entry, "name"), field(entry, "expr"), engine, what);
}

static void print_diagnostics(struct ir_context *context)
{
    struct text text = text_create(ir_arena(context));
    diag_print(&text, ir_diagnostics(context), false);
    const char *printed = text_finish(&text);
    puts(printed ? printed : "out of memory");
}

/* ---- tensors of the data file ---- */

static struct ir_tensor tensor_at(struct suite *suite, struct ir_context *context, const json_t *place, const char *element)
{
    struct ir_tensor tensor = {0};
    const json_t *shape = json_object_get(place, "shape");
    (void)ir_elem_from_name(element, strlen(element), &tensor.elem);
    tensor.rank = (uint32_t)json_array_size(shape);
    tensor.shape = ARENA_ARRAY(ir_arena(context), tensor.rank, int64_t);
    for (uint32_t axis = 0; axis < tensor.rank; axis++)
        tensor.shape[axis] = json_integer_value(json_array_get(shape, axis));
    tensor.data = (void *)(uintptr_t)(suite->data + json_integer_value(json_object_get(place, "offset")));
    return tensor;
}

static double component(const struct ir_tensor *tensor, size_t at)
{
    return ir_number_load(ir_elem_real(tensor->elem), tensor->data, at).re;
}

static bool equal_within(const struct ir_tensor *wanted, const struct ir_tensor *got, const struct ir_tensor *tolerance)
{
    size_t count = npy_element_count(wanted);
    if (!tolerance)
        return count == 0 || memcmp(wanted->data, got->data, count * ir_elem_info(wanted->elem)->bytes) == 0;
    size_t width = ir_elem_is_complex(wanted->elem) ? 2 : 1;
    for (size_t k = 0; k < count * width; k++) {
        double error = fabs(component(wanted, k) - component(got, k));
        if (!(error <= component(tolerance, k / width)))
            return false;
    }
    return true;
}

/* ---- one batch ---- */

static const char *run_case(struct suite *suite, struct compiled *compiled, const struct engine_info *info, struct engine *engine,
                            size_t kernel, const json_t *entry)
{
    struct ir_context *context = compiled->context;
    const json_t *places = json_object_get(entry, "inputs"), *bound = json_object_get(entry, "tolerance");
    struct ir_tensor *inputs = ARENA_ARRAY(ir_arena(context), json_array_size(places), struct ir_tensor);
    struct ir_tensor output, tolerance,
        wanted = tensor_at(suite, context, json_object_get(entry, "wanted"), field(entry, "element"));
    int64_t no_dims[1] = {0};
    for (size_t k = 0; k < json_array_size(places); k++)
        inputs[k] = tensor_at(suite, context, json_array_get(places, k), field(entry, "operand_element"));
    if (!binding_outputs(context, compiled->program->kernels[kernel], no_dims, &output))
        return "no room for the result";
    if (info->run(engine, kernel, no_dims, inputs, &output) != EINC_OK)
        return "the engine failed";
    if (bound)
        tolerance = tensor_at(suite, context, bound, "f64");
    return equal_within(&wanted, &output, bound ? &tolerance : NULL) ? NULL : "another result than NumPy's";
}

static void run_engine(struct suite *suite, struct compiled *compiled, const char *name, json_t *const *batch)
{
    const struct engine_info *info = engine_find(name);
    struct engine *engine = info ? info->create(compiled, &(struct engine_options){.flags = suite->flags}) : NULL;
    if (!engine)
        print_diagnostics(compiled->context);
    for (size_t k = 0; k < compiled->n_kernels; k++) {
        const char *wrong = engine ? run_case(suite, compiled, info, engine, k, batch[k]) : "no engine";
        if (wrong)
            report(suite, batch[k], name, wrong);
        else
            suite->passed++;
    }
    if (info)
        info->destroy(engine);
}

static void run_batch(struct suite *suite, json_t *const *batch, size_t count, char **engines, int n_engines)
{
    struct ir_context *context = ir_context_create(NULL);
    struct text text = text_create(ir_arena(context));
    for (size_t k = 0; k < count; k++)
        text_put(&text, field(batch[k], "source"));
    struct source source = {"suite.ein", text_finish(&text), text.length};
    struct compile_options options = {.passes = {.machine = *machine_generic()}};
    struct compiled *compiled = compile_source(context, &source, &options);
    if (!compiled) {
        print_diagnostics(context);
        for (size_t k = 0; k < count; k++)
            report(suite, batch[k], "the compiler", "its batch does not compile");
    }
    for (int k = 0; k < n_engines && compiled; k++)
        run_engine(suite, compiled, engines[k], batch);
    ir_context_destroy(context);
}

/* The first error must speak of the string (E04xx), not of the made-up result type. */
static void refuse(struct suite *suite, const json_t *entry)
{
    struct ir_context *context = ir_context_create(NULL);
    const char *text = field(entry, "source");
    struct source source = {"suite.ein", text, strlen(text)};
    struct compile_options options = {.passes = {.machine = *machine_generic()}};
    struct compiled *compiled = compile_source(context, &source, &options);
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    bool refused = !compiled && diagnostics->n_errors > 0 && strncmp(diag_code_name(diagnostics->items[0]->code), "E04", 3) == 0;
    suite->invalid++;
    if (refused) {
        suite->refused++;
    } else {
        print_diagnostics(context);
        report(suite, entry, "the compiler", "an invalid string is not refused as such");
    }
    ir_context_destroy(context);
}

static char *read_whole(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = NULL;
    if (posix_memalign((void **)&bytes, 64, (size_t)size + 1) == 0)
        bytes[fread(bytes, 1, (size_t)size, file)] = '\0';
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    char *index = read_whole(argv[1], "index.json"), *data = read_whole(argv[1], "data.bin");
    struct suite suite = {.entries = index ? json_loads(index, 0, NULL) : NULL, .data = data, .flags = argv[2]};
    json_t *batch[BATCH];
    size_t pairs = 0, count = 0, position;
    json_t *entry;
    json_array_foreach(suite.entries, position, entry)
    {
        if (!is_valid(entry)) {
            refuse(&suite, entry);
            continue;
        }
        pairs++;
        batch[count++] = entry;
        if (count == BATCH) {
            run_batch(&suite, batch, count, argv + 3, argc - 3);
            count = 0;
        }
    }
    run_batch(&suite, batch, count, argv + 3, argc - 3);
    printf("(case, element type) pairs: %zu, on %d engines: %zu right; invalid refused: %zu of %zu\n", pairs, argc - 3,
           suite.passed, suite.refused, suite.invalid);
    printf("%zu passed, %zu failed, 0 skipped\n", suite.passed + suite.refused, suite.failed);
    json_decref(suite.entries);
    free(index);
    free(data);
    return suite.failed || pairs == 0;
}
