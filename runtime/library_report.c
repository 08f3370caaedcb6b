/* What went wrong, kept for whoever asks: a report holds its words itself, so that it outlives the compilation it speaks of. */
#include "library.h"

#include <string.h>

static struct einc_diagnostic diagnostic_of(struct arena *arena, const struct diagnostics *diagnostics, const struct diag *diag)
{
    struct einc_diagnostic item = {.is_error = diag->severity == DIAG_ERROR, .code = diag_code_name(diag->code)};
    const char *path = NULL;
    item.message = arena_strndup(arena, diag->message, strlen(diag->message));
    if (diag_locate(diagnostics, diag->primary.span, &path, &item.line, &item.column))
        item.path = arena_strndup(arena, path, strlen(path));
    return item;
}

static struct einc_report *report_create(const struct einc_allocator *allocator, const struct diagnostics *diagnostics)
{
    struct arena *arena = arena_create(allocator);
    struct einc_report *report = arena ? ARENA_NEW(arena, struct einc_report) : NULL;
    struct text text = text_create(arena);
    if (report) {
        report->arena = arena;
        report->items = ARENA_ARRAY(arena, diagnostics->n_items, struct einc_diagnostic);
        for (; report->items && report->count < diagnostics->n_items; report->count++)
            report->items[report->count] = diagnostic_of(arena, diagnostics, diagnostics->items[report->count]);
        diag_print(&text, diagnostics, false);
        report->text = text_finish(&text);
    }
    if (report && !arena_failed(arena))
        return report;
    arena_destroy(arena);
    return NULL;
}

/* Gives what has to be destroyed: the thread's last report, or the oldest of all. */
static struct einc_report *keep(struct library_reports *reports, struct einc_report *report)
{
    struct library_thread_report dropped = {.report = NULL};
    size_t at = 0;
    while (at < reports->count && !pthread_equal(reports->items[at].thread, pthread_self()))
        at++;
    if (at == reports->count && reports->count == REPORT_LIMIT)
        at = 0;
    if (at < reports->count) {
        dropped = reports->items[at];
        memmove(&reports->items[at], &reports->items[at + 1], (--reports->count - at) * sizeof *reports->items);
    }
    if (report)
        reports->items[reports->count++] = (struct library_thread_report){pthread_self(), report};
    return dropped.report;
}

enum einc_status library_report(struct einc_context *context, struct ir_context *ir)
{
    const struct diagnostics *diagnostics = ir_diagnostics(ir);
    struct library_reports *reports = &context->reports;
    if (diagnostics->n_items) {
        struct einc_report *report = report_create(&context->allocator, diagnostics);
        pthread_mutex_lock(&reports->lock);
        struct einc_report *dropped = keep(reports, report);
        pthread_mutex_unlock(&reports->lock);
        einc_report_destroy(dropped);
    }
    if (arena_failed(ir_arena(ir)))
        return EINC_NO_MEMORY;
    if (diagnostics->n_errors == 0)
        return EINC_OK;
    return diag_only_limits(diagnostics) ? EINC_LIMIT : EINC_INVALID;
}

struct ir_context *library_report_context(const struct einc_program *program)
{
    struct ir_context *report = ir_context_create(&program->context->allocator);
    const struct diagnostics *diagnostics = ir_diagnostics(program->ir);
    bool good = report != NULL;
    for (size_t k = 0; good && k < diagnostics->n_sources; k++)
        good = diag_add_source(ir_diagnostics(report), diagnostics->sources[k]) != UINT32_MAX;
    for (uint32_t k = 0; good && k < ir_dim_count(program->ir); k++)
        good = ir_add_dim(report, *ir_dim_at(program->ir, k)) != UINT32_MAX;
    if (good)
        return report;
    ir_context_destroy(report);
    return NULL;
}

/* ---- einc.h ---- */

struct einc_report *einc_take_report(struct einc_context *context)
{
    pthread_mutex_lock(&context->reports.lock);
    struct einc_report *taken = NULL;
    for (size_t k = 0; k < context->reports.count && !taken; k++)
        if (pthread_equal(context->reports.items[k].thread, pthread_self()))
            taken = keep(&context->reports, NULL);
    pthread_mutex_unlock(&context->reports.lock);
    return taken;
}

size_t einc_report_count(const struct einc_report *report)
{
    return report->count;
}

struct einc_diagnostic einc_report_at(const struct einc_report *report, size_t at)
{
    return report->items[at];
}

const char *einc_report_text(const struct einc_report *report)
{
    return report->text;
}

void einc_report_destroy(struct einc_report *report)
{
    if (report)
        arena_destroy(report->arena);
}
