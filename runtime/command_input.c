/* What commands do first and last: read and compile the source, pick the kernel; print the diagnostics and choose the exit status.
 */
#include "command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_times(struct invocation *invocation)
{
    enum { TIMES_BYTES = 1 << 20 };
    struct source *source = ARENA_NEW(ir_arena(invocation->context), struct source);
    if (!source || !file_read(invocation->context, invocation->times, TIMES_BYTES, SPAN_NONE, &source->text, &source->length))
        return false;
    source->path = invocation->times;
    invocation->compile.packing.times = slot_times_read(invocation->context, source);
    return invocation->compile.packing.times != NULL;
}

bool input_target(struct invocation *invocation)
{
    struct compile_options *compile = &invocation->compile;
    if (invocation->target && !target_choose(invocation->context, invocation->target, &compile->passes.machine, &compile->backend))
        return false;
    if (invocation->times && !read_times(invocation))
        return false;
    int64_t cores = compile->passes.machine.cores;
    if (compile->passes.threads == THREADS_OF_TARGET)
        compile->passes.threads = cores < LOOP_THREADS_LIMIT ? cores : LOOP_THREADS_LIMIT;
    return !invocation->tune || tuning_choose(invocation->context, invocation->tune, &compile->passes, &compile->backend.target);
}

const struct source *input_source(struct invocation *invocation, const char *path)
{
    struct source *source = ARENA_NEW(ir_arena(invocation->context), struct source);
    if (!source || !input_target(invocation) ||
        !file_read(invocation->context, path, FRONTEND_SOURCE_BYTES, SPAN_NONE, &source->text, &source->length))
        return NULL;
    source->path = path;
    return source;
}

struct compiled *input_compile(struct invocation *invocation, const char *path)
{
    const struct source *source = input_source(invocation, path);
    return source ? compile_source(invocation->context, source, &invocation->compile) : NULL;
}

struct ir_program *input_program(struct invocation *invocation, const char *path)
{
    const struct source *source = input_source(invocation, path);
    const struct compile_options *options = &invocation->compile;
    return source ? compile_derive(frontend_read(invocation->context, source, &options->frontend), options) : NULL;
}

/* Number of the derivative of kernel `number`; else `number`. */
static int derivative_of(const struct ir_program *program, size_t number)
{
    for (size_t k = number + 1; k < program->n_kernels; k++)
        if (program->kernels[k]->derived_from == program->kernels[number])
            return (int)k;
    return (int)number;
}

/* The only kernel; of kernels with derivatives the only derivative. -1: there are several. */
static int only_kernel(const struct invocation *invocation, const struct ir_program *program)
{
    int only = -1;
    for (size_t k = 0; k < program->n_kernels; k++) {
        if (invocation->n_derivatives && !program->kernels[k]->derived_from)
            continue;
        if (only >= 0)
            return -1;
        only = (int)k;
    }
    return only;
}

int input_kernel(struct invocation *invocation, const struct ir_program *program, const char *name)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    struct text names = text_create(ir_arena(invocation->context));
    for (size_t k = 0; k < program->n_kernels; k++) {
        if (name && strcmp(program->kernels[k]->name, name) == 0)
            return derivative_of(program, k);
        text_printf(&names, "%s`%s`", k ? ", " : "", program->kernels[k]->name);
    }
    int only = name ? -1 : only_kernel(invocation, program);
    if (only >= 0)
        return only;
    const char *list = text_finish(&names);
    if (program->n_kernels == 0)
        diag_error(diagnostics, DIAG_E0801, SPAN_NONE, "the file has no kernel");
    else if (name)
        diag_help(diagnostics, diag_error(diagnostics, DIAG_E0801, SPAN_NONE, "there is no kernel `%s`", name), "the file has %s",
                  list ? list : "");
    else
        diag_help(diagnostics, diag_error(diagnostics, DIAG_E0801, SPAN_NONE, "the file has several kernels"), "name one of %s",
                  list ? list : "");
    return -1;
}

/* ---- diagnostics as JSON ---- */

static json_t *json_place(const struct diagnostics *diagnostics, struct diag_label label)
{
    const char *path;
    uint32_t line, column, end_line, end_column;
    struct span end = {label.span.source, label.span.end, label.span.end};
    json_t *place = json_object();
    if (diag_locate(diagnostics, label.span, &path, &line, &column) && diag_locate(diagnostics, end, &path, &end_line, &end_column))
        json_object_update_new(place, json_pack("{s:s, s:i, s:i, s:i, s:i}", "path", path, "line", (int)line, "column", (int)column,
                                                "end_line", (int)end_line, "end_column", (int)end_column));
    if (label.text)
        json_object_set_new(place, "label", json_string(label.text));
    return place;
}

static json_t *json_diagnostic(const struct diagnostics *diagnostics, const struct diag *diag)
{
    json_t *notes = json_array();
    for (size_t k = 0; k < diag->n_notes; k++)
        json_array_append_new(notes, json_place(diagnostics, diag->notes[k]));
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "severity", diag->severity == DIAG_ERROR ? "error" : "warning",
                               "code", diag_code_name(diag->code), "title", diag_code_title(diag->code), "message", diag->message,
                               "place", json_place(diagnostics, diag->primary), "notes", notes);
    if (object && diag->help)
        json_object_set_new(object, "help", json_string(diag->help));
    return object;
}

static void print_json(const struct diagnostics *diagnostics)
{
    json_t *items = json_array();
    for (size_t k = 0; k < diagnostics->n_items; k++)
        json_array_append_new(items, json_diagnostic(diagnostics, diagnostics->items[k]));
    json_t *root = json_pack("{s:o, s:I, s:I, s:I}", "diagnostics", items, "errors", (json_int_t)diagnostics->n_errors, "warnings",
                             (json_int_t)diagnostics->n_warnings, "dropped", (json_int_t)diagnostics->n_dropped);
    json_dumpf(root, stderr, JSON_INDENT(2));
    fputc('\n', stderr);
    json_decref(root);
}

static bool wants_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && !(no_color && *no_color);
}

int input_finish(struct invocation *invocation, int status)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    if (invocation->json_diagnostics) {
        print_json(diagnostics);
    } else if (diagnostics->n_items) {
        struct text text = text_create(ir_arena(invocation->context));
        diag_print(&text, diagnostics, wants_color());
        const char *printed = text_finish(&text);
        fputs(printed ? printed : "", stderr);
    }
    if (arena_failed(ir_arena(invocation->context))) {
        fputs("einc: out of memory\n", stderr);
        return EXIT_LIMIT;
    }
    if (status == EXIT_LIMIT && !diagnostics->n_errors)
        fputs("einc: out of memory\n", stderr);
    if (diagnostics->n_errors && status != EXIT_LIMIT)
        return diag_only_limits(diagnostics) ? EXIT_LIMIT : EXIT_INPUT;
    if (status == EXIT_INPUT)
        status = EXIT_FAULT; /* refused, and no word why */
    if (status == EXIT_FAULT)
        fputs("einc: this should not have happened; please report it with the input\n", stderr);
    return status;
}
