/* Schedules from files: text or JSON, the sidecar from the same folder, verified before anybody uses them. */
#include "schedule.h"
#include "runtime.h"

#include <string.h>

struct folder {
    struct ir_context *context;
    const char *path; /* of the schedule */
};

static bool load_beside(void *user, const char *name, struct span span, const char **bytes, size_t *length)
{
    const struct folder *folder = user;
    const char *slash = strrchr(folder->path, '/');
    size_t before = slash ? (size_t)(slash - folder->path) + 1 : 0;
    const char *path = arena_printf(ir_arena(folder->context), "%.*s%s", (int)before, folder->path, name);
    return path && file_is_regular(folder->context, path, span) &&
           file_read(folder->context, path, SCHEDULE_SIDECAR_BYTES, span, bytes, length);
}

/* In a source of its own: places are in the text that the JSON says. */
static const struct source *text_source(struct ir_context *context, const struct source *source)
{
    size_t at = strspn(source->text, " \t\r\n");
    if (source->text[at] != '{')
        return source;
    struct source *text = ARENA_NEW(ir_arena(context), struct source);
    const char *lines = schedule_text_of_json(context, source);
    if (!text || !lines)
        return NULL;
    *text = (struct source){arena_printf(ir_arena(context), "%s, as text", source->path), lines, strlen(lines)};
    return text->path ? text : NULL;
}

struct slot_program *schedule_parse(struct ir_context *context, const struct source *source, slot_load_function *load, void *user)
{
    struct slot_claims claims;
    const struct source *text = text_source(context, source);
    struct slot_program *program = text ? slot_read(context, text, load, user, &claims) : NULL;
    return program && slot_verify(program, &claims) ? program : NULL;
}

struct slot_program *schedule_read(struct ir_context *context, const char *path)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    struct folder folder = {context, path};
    if (!source || !file_read(context, path, SCHEDULE_BYTES, SPAN_NONE, &source->text, &source->length))
        return NULL;
    source->path = path;
    return schedule_parse(context, source, load_beside, &folder);
}
