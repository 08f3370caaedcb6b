/* Contexts of the public library: memory, default options, and what versions and engines there are. */
#include "library.h"

#include <stdlib.h>
#include <string.h>

const char *einc_version(void)
{
    return EINC_VERSION;
}

const char *einc_status_text(enum einc_status status)
{
    static const char *const texts[] = {"ok",           "invalid", "no memory", "past a limit", "a file cannot be read",
                                        "check failed", "internal"};
    return (size_t)status < sizeof texts / sizeof *texts ? texts[status] : "unknown status";
}

const char *const *einc_engines(void)
{
    static const char *const names[] = {
        EINC_ENGINE_AUTO,
#define ENGINE(name, ...) #name,
#include "engines.def"
        NULL,
    };
    return names;
}

/* ---- memory ---- */

static void *allocate_by_malloc(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void release_by_free(void *user, void *memory)
{
    (void)user;
    free(memory);
}

void *library_allocate(const struct einc_context *context, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return context->allocator.allocate(context->allocator.user, bytes ? bytes : 1);
}

void library_release(const struct einc_context *context, void *memory)
{
    if (memory)
        context->allocator.release(context->allocator.user, memory);
}

/* ---- contexts ---- */

/* Strings into the arena; those that are NULL stay so. */
static void own(struct arena *arena, const char **text)
{
    if (*text)
        *text = arena_strndup(arena, *text, strlen(*text));
}

bool library_own_options(struct arena *arena, struct einc_options *options)
{
    const char **texts[] = {&options->engine,   &options->target,  &options->tune,     &options->path,
                            &options->gradient, &options->adjoint, &options->compiler, &options->flags};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        own(arena, texts[k]);
    struct einc_dim *dims = ARENA_ARRAY(arena, options->n_dims, struct einc_dim);
    for (size_t k = 0; dims && k < options->n_dims; k++) {
        dims[k] = options->dims[k];
        own(arena, &dims[k].name);
    }
    options->dims = dims;
    return !arena_failed(arena);
}

bool library_options(const struct einc_context *context, const struct einc_options *given, struct einc_options *options)
{
    *options = context->defaults;
    if (!given)
        return true;
    *options = (struct einc_options){.size = sizeof *options};
    if (given->size != sizeof *options || (given->n_dims > 0 && !given->dims)) /* the only size there was so far */
        return false;
    *options = *given;
    return true;
}

struct einc_context *einc_context_create(const struct einc_allocator *allocator, const struct einc_options *defaults)
{
    const struct einc_allocator standard = {allocate_by_malloc, release_by_free, NULL, 0};
    struct arena *arena = arena_create(allocator);
    struct einc_context *context = arena ? ARENA_NEW(arena, struct einc_context) : NULL;
    if (context) {
        context->allocator = allocator ? *allocator : standard;
        context->arena = arena;
        pthread_mutex_init(&context->reports.lock, NULL);
        context->einsums = library_einsums_create(context);
        context->worker = library_worker_create(context);
        if (context->einsums && context->worker && library_options(context, defaults, &context->defaults) &&
            library_own_options(arena, &context->defaults))
            return context;
        library_worker_destroy(context->worker);
        library_einsums_destroy(context->einsums);
    }
    arena_destroy(arena);
    return NULL;
}

void einc_context_end_thread(struct einc_context *context)
{
    library_worker_stop(context->worker);
}

void einc_context_destroy(struct einc_context *context)
{
    if (!context)
        return;
    library_einsums_destroy(context->einsums); /* with the programs, which may be jobs */
    library_worker_destroy(context->worker);
    for (size_t k = 0; k < context->reports.count; k++)
        einc_report_destroy(context->reports.items[k].report);
    pthread_mutex_destroy(&context->reports.lock);
    arena_destroy(context->arena);
}
