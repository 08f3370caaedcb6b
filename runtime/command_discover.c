/* einc discover: what structure a matrix, or a tensor of more axes, has, as source: the finding, what else was found and how near,
 * its factors inline or as .npy files beside it. --json gives the object of docs/command.md. */
#include "command.h"
#include "describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Factors of more numbers are files of their own. */
enum { MOST_INLINE = 64 };

struct asked {
    const char *path, *output, *picture;
    int64_t batch;
    bool json;
    struct discover_options options;
    struct ir_tensor matrix;
};

/* ---- input ---- */

static bool read_within(const char *word, double *within)
{
    char *end;
    if (!word)
        return true;
    *within = strtod(word, &end);
    return *end == '\0' && end != word && isfinite(*within) && *within > 0 && *within < 1;
}

/* "in row 1, column 2"; "at [1, 2, 3]" */
static const char *place_of(struct arena *arena, const struct ir_tensor *tensor, int64_t at)
{
    struct text text = text_create(arena);
    int64_t behind = (int64_t)npy_element_count(tensor);
    if (tensor->rank == 2)
        return arena_printf(arena, "in row %lld, column %lld", (long long)(at / tensor->shape[1]),
                            (long long)(at % tensor->shape[1]));
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        behind /= tensor->shape[axis];
        text_printf(&text, "%s%lld", axis ? ", " : "at [", (long long)(at / behind % tensor->shape[axis]));
    }
    text_put(&text, "]");
    return text_finish(&text);
}

static bool read_matrix(struct invocation *invocation, struct asked *asked)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    struct ir_tensor *matrix = &asked->matrix;
    if (!npy_read(invocation->context, asked->path, SPAN_NONE, matrix))
        return false;
    if (matrix->rank < 2 || matrix->rank > DISCOVER_AXES || npy_element_count(matrix) < 1) {
        diag_error(diagnostics, DIAG_E0843, SPAN_NONE,
                   "`%s` is %s: structure is looked for in arrays of 2 to %d axes, of at least one number", asked->path,
                   binding_describe(invocation->context, matrix), DISCOVER_AXES);
        return false;
    }
    if (matrix->elem != IR_f32 && matrix->elem != IR_f64 && !ir_elem_is_complex(matrix->elem)) {
        diag_error(diagnostics, DIAG_E0843, SPAN_NONE, "`%s` is of type %s: structure is looked for in f32, f64, c64 and c128",
                   asked->path, ir_elem_info(matrix->elem)->name);
        return false;
    }
    asked->options.elem = matrix->elem;
    size_t bad = discover_first_unfit(matrix->elem, matrix->data, npy_element_count(matrix));
    if (bad == SIZE_MAX)
        return true;
    struct ir_number value = ir_number_load(matrix->elem, matrix->data, bad);
    diag_error(diagnostics, DIAG_E0844, SPAN_NONE, "`%s` has %g %s: only numbers that are finite and not subnormal have structure",
               asked->path, ir_elem_is_complex(matrix->elem) && isfinite(value.re) ? value.im : value.re,
               place_of(ir_arena(invocation->context), matrix, (int64_t)bad));
    return false;
}

/* ---- output ---- */

static const char *base_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    char *base = arena_strndup(arena, name, dot && dot != name ? (size_t)(dot - name) : strlen(name));
    for (char *at = base; at && *at; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ')
            *at = '_';
    return base;
}

/* Of a tensor with its subscripts. */
static const char *expression_of(struct invocation *invocation, const struct asked *asked, const struct discover_finding *finding)
{
    struct discover_source source;
    struct text text = text_create(ir_arena(invocation->context));
    if (!discover_write(ir_arena(invocation->context), finding, asked->options.elem, "", SIZE_MAX / 2, &source))
        return "";
    if (asked->matrix.rank > 2) {
        text_put(&text, "W");
        discover_print_subscripts(&text, finding, asked->matrix.rank);
        text_put(&text, " = ");
    }
    text_put(&text, source.expression);
    const char *expression = text_finish(&text);
    return expression ? expression : "";
}

/* ": f64[3, 8]", with the batch where there is one. */
static void print_argument(struct text *text, const struct asked *asked, uint32_t axis)
{
    text_printf(text, ": %s[", ir_elem_info(asked->options.elem)->name);
    if (asked->batch > 1)
        text_printf(text, "%lld, ", (long long)asked->batch);
    text_printf(text, "%lld]", (long long)asked->matrix.shape[axis]);
}

/* A kernel that applies the finding to vectors, one along each axis but the first. */
static void print_kernel(struct text *text, const struct asked *asked, const struct discover_finding *finding,
                         const char *expression)
{
    uint32_t rank = asked->matrix.rank;
    const char *batch = asked->batch > 1 ? "s," : "";
    text_put(text, "kernel apply(");
    for (uint32_t axis = 1; axis < rank; axis++) {
        text_put(text, axis > 1 ? ", x" : "x");
        if (rank > 2)
            text_printf(text, "%u", (unsigned)axis);
        print_argument(text, asked, axis);
    }
    text_put(text, ") -> (y");
    print_argument(text, asked, 0);
    text_printf(text, ") { y[%s", batch);
    discover_print_axis(text, finding, 0);
    text_put(text, "] = ");
    if (finding->op) {
        text_put(text, "W");
        rank > 2 ? discover_print_subscripts(text, finding, rank) : text_put(text, "[i,j]");
    } else {
        text_put(text, expression);
    }
    for (uint32_t axis = 1; axis < rank; axis++) {
        text_put(text, " * x");
        if (rank > 2)
            text_printf(text, "%u", (unsigned)axis);
        text_printf(text, "[%s", batch);
        discover_print_axis(text, finding, axis);
        text_put(text, "]");
    }
    text_put(text, " }\n");
}

/* A source that applies the finding to vectors. */
static const char *source_text(struct invocation *invocation, const struct asked *asked, const struct discover_finding *finding,
                               const char *base, struct discover_source *source)
{
    struct arena *arena = ir_arena(invocation->context);
    const struct ir_tensor *matrix = &asked->matrix;
    if (!discover_write(arena, finding, asked->options.elem, base, MOST_INLINE, source))
        return NULL;
    struct text text = text_create(arena);
    text_printf(&text, "# made by einc discover %s: ", base_of(arena, asked->path));
    for (uint32_t axis = 0; axis < matrix->rank; axis++)
        text_printf(&text, "%s%lld", axis ? " x " : "", (long long)matrix->shape[axis]);
    text_printf(&text, ", %s\n# ", ir_elem_info(asked->options.elem)->name);
    pass_print_certificate(&text, &finding->certificate);
    text_printf(&text, "\n%s", source->constants);
    if (finding->op)
        text_printf(&text, "operator W = %s\n", source->expression);
    print_kernel(&text, asked, finding, source->expression);
    return text_finish(&text);
}

static bool write_source(struct invocation *invocation, const struct asked *asked, const struct discover_finding *finding)
{
    struct ir_context *context = invocation->context;
    struct arena *arena = ir_arena(context);
    struct discover_source source;
    const char *slash = strrchr(asked->output, '/');
    const char *folder = arena_strndup(arena, asked->output, slash ? (size_t)(slash + 1 - asked->output) : 0);
    const char *text = source_text(invocation, asked, finding, base_of(arena, asked->output), &source);
    struct file_content *contents = text ? ARENA_ARRAY(arena, source.n_files + 1, struct file_content) : NULL;
    if (!contents || !folder)
        return false;
    contents[0] = (struct file_content){asked->output, text, strlen(text)};
    if (!command_may_write(invocation, asked->output, true, asked->path))
        return false;
    for (size_t k = 0; k < source.n_files; k++) {
        struct file_content *file = &contents[k + 1];
        file->path = arena_printf(arena, "%s%s", folder, source.files[k].name);
        if (!file->path || !command_may_write(invocation, file->path, true, asked->path) ||
            !npy_encode(context, &source.files[k].tensor, &file->bytes, &file->length))
            return false;
    }
    return file_write_all(context, contents, source.n_files + 1);
}

/* The matrix, and the factors of the finding where there is one. */
static bool write_picture(struct invocation *invocation, const struct asked *asked, const struct discover_finding *finding)
{
    struct arena *arena = ir_arena(invocation->context);
    const struct ir_tensor *matrix = &asked->matrix;
    struct discover_panels panels = {.count = 0};
    size_t rows = (size_t)matrix->shape[0];
    if (!discover_panel_of(arena, matrix->elem, rows, npy_element_count(matrix) / rows, matrix->data, base_of(arena, asked->path),
                           &panels) ||
        (finding && !discover_panels(arena, finding, &panels)))
        return false;
    const char *text = discover_draw(arena, &panels);
    return text && command_may_write(invocation, asked->picture, true, asked->path) &&
           file_write(invocation->context, asked->picture, text, strlen(text));
}

static void print_finding(struct invocation *invocation, const struct asked *asked, const struct discover_finding *finding)
{
    printf("  %s\n", expression_of(invocation, asked, finding));
    printf("    relative error      %.3g (Frobenius)", finding->certificate.error);
    if (finding->certificate.spectral_bound > 0)
        printf(", at most %.3g (spectral)", finding->certificate.spectral_bound);
    printf("\n    growth of factors   at most %.3g; forward error at most %.3g |W| |x|\n", finding->certificate.growth,
           finding->certificate.forward_bound);
    printf("    flops a column      about %.6g; %zu numbers\n", finding->flops, finding->numbers);
}

static void print_text(struct invocation *invocation, const struct asked *asked, const struct discover_result *result)
{
    const struct ir_tensor *matrix = &asked->matrix;
    double dense = (ir_elem_is_complex(matrix->elem) ? 8.0 : 2.0) * (double)npy_element_count(matrix);
    bool found = result->count && result->findings[0].accepted;
    printf("%s: %s, %s%.6g flops a column as it stands\n", asked->path, binding_describe(invocation->context, matrix),
           matrix->rank > 2 ? "at least " : "", dense);
    if (!found && asked->options.within > 0)
        printf("  no structure within %g\n", asked->options.within);
    else if (!found)
        printf("  no structure within rounding\n");
    for (size_t k = 0; k < result->count; k++) {
        const struct discover_finding *finding = &result->findings[k];
        if (finding->accepted)
            print_finding(invocation, asked, finding);
        else
            printf("  %-17s no nearer than %.3g\n", finding->family, finding->certificate.error);
    }
}

static bool print_json(struct invocation *invocation, const struct asked *asked, const struct discover_result *result)
{
    json_t *findings = json_array();
    for (size_t k = 0; k < result->count; k++) {
        const struct discover_finding *finding = &result->findings[k];
        json_t *item = json_pack("{s:s, s:b, s:f}", "family", finding->family, "accepted", finding->accepted, "error",
                                 finding->certificate.error);
        if (item && finding->accepted)
            json_object_update_new(item, json_pack("{s:s, s:f, s:f, s:f, s:f, s:I}", "expression",
                                                   expression_of(invocation, asked, finding), "spectral_bound",
                                                   finding->certificate.spectral_bound, "growth", finding->certificate.growth,
                                                   "forward_bound", finding->certificate.forward_bound, "flops", finding->flops,
                                                   "numbers", (json_int_t)finding->numbers));
        json_array_append_new(findings, item);
    }
    json_t *shape = json_array();
    for (uint32_t axis = 0; axis < asked->matrix.rank; axis++)
        json_array_append_new(shape, json_integer((json_int_t)asked->matrix.shape[axis]));
    json_t *root = json_pack("{s:s, s:o, s:s, s:f, s:o}", "matrix", asked->path, "shape", shape, "type",
                             ir_elem_info(asked->matrix.elem)->name, "within", asked->options.within, "findings", findings);
    return command_print_json(root);
}

static bool look(struct invocation *invocation, const struct asked *asked, struct discover_result *result)
{
    struct arena *arena = ir_arena(invocation->context);
    const struct ir_tensor *matrix = &asked->matrix;
    size_t extents[DISCOVER_AXES];
    for (uint32_t axis = 0; axis < matrix->rank; axis++)
        extents[axis] = (size_t)matrix->shape[axis];
    return matrix->rank == 2 ? discover_search(arena, &asked->options, extents[0], extents[1], matrix->data, result)
                             : discover_tensor_search(arena, &asked->options, matrix->rank, extents, matrix->data, result);
}

int command_discover(struct invocation *invocation, int argc, char **argv)
{
    struct asked asked = {.batch = 1};
    struct discover_result result;
    const char *within = NULL;
    const struct option options[] = {{"--within", OPTION_TEXT, &within},
                                     {"--batch", OPTION_INTEGER, &asked.batch},
                                     {"--json", OPTION_FLAG, &asked.json},
                                     {"-o", OPTION_TEXT, &asked.output},
                                     {"--svg", OPTION_TEXT, &asked.picture},
                                     {"--no-names", OPTION_FLAG, &asked.options.no_names},
                                     {"--spectral", OPTION_FLAG, &asked.options.spectral}};
    if (!options_parse(invocation, argc, argv, options, sizeof options / sizeof *options))
        return EXIT_USAGE;
    if (invocation->count != 1)
        return usage_error("discover needs one .npy file");
    if (!read_within(within, &asked.options.within))
        return usage_error("--within is a number above 0 and below 1, not `%s`", within);
    if (asked.batch < 1)
        return usage_error("--batch is a number of columns, at least 1");
    asked.path = invocation->words[0];
    asked.options.batch = (double)asked.batch;
    if (!read_matrix(invocation, &asked))
        return input_finish(invocation, EXIT_INPUT);
    if (!look(invocation, &asked, &result))
        return input_finish(invocation, EXIT_LIMIT);
    bool found = result.count && result.findings[0].accepted;
    if (asked.output && found && !write_source(invocation, &asked, &result.findings[0]))
        return input_finish(invocation, EXIT_INPUT);
    if (asked.picture && !write_picture(invocation, &asked, found ? &result.findings[0] : NULL))
        return input_finish(invocation, EXIT_INPUT);
    if (asked.json)
        return input_finish(invocation, print_json(invocation, &asked, &result) ? EXIT_DONE : EXIT_FAULT);
    print_text(invocation, &asked, &result);
    return input_finish(invocation, EXIT_DONE);
}
