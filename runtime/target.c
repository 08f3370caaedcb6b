/* --target: a word to a machine description. Names come first, so that no file in the folder changes what they mean. --tune: a file
 * of choices that were measured. Either file is an input like the source: the head comment says by its hash which one it was. */
#include "runtime.h"

#include <inttypes.h>
#include <string.h>

static bool read_description(struct ir_context *context, const char *path, struct machine *machine, const char **label)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    if (!source || !file_read(context, path, MACHINE_TEXT_BYTES, SPAN_NONE, &source->text, &source->length))
        return false;
    source->path = path;
    const struct machine *read = machine_read(ir_diagnostics(context), source);
    if (!read)
        return false;
    *machine = *read;
    *label = arena_printf(ir_arena(context), "%s, a description with hash %016" PRIx64, read->name,
                          hash_bytes(0, source->text, source->length));
    return *label != NULL;
}

/* A word that is neither name nor file is more often a name. */
static void list_names(struct ir_context *context)
{
    struct diagnostics *diagnostics = ir_diagnostics(context);
    struct text names = text_create(ir_arena(context));
    size_t count;
    const struct machine_row *rows = machine_table(&count);
    for (size_t k = 0; k < count; k++)
        text_printf(&names, "%s, ", rows[k].machine.name);
    const char *list = text_finish(&names);
    struct diag *last = diagnostics->n_items ? diagnostics->items[diagnostics->n_items - 1] : NULL;
    if (list && last && last->code == DIAG_E0810)
        diag_help(diagnostics, last, "the targets are %shost, and files that `einc machine` writes", list);
}

static const struct machine_row *find_row(const char *name)
{
    size_t count;
    const struct machine_row *rows = machine_table(&count);
    for (size_t k = 0; k < count; k++)
        if (strcmp(rows[k].machine.name, name) == 0)
            return &rows[k];
    return NULL;
}

const char *target_compiler(const char *word)
{
    const struct machine_row *row = find_row(word);
    return row ? row->cross : NULL;
}

bool target_choose(struct ir_context *context, const char *word, struct machine *machine, struct backend_options *options)
{
    bool is_host = strcmp(word, "host") == 0;
    const struct machine_row *builtin = find_row(is_host ? cpu_features().target : word);
    if (builtin) {
        *machine = builtin->machine;
        options->freestanding = builtin->machine.freestanding;
        options->target = &builtin->machine == machine_generic() ? NULL : builtin->machine.name;
        options->code.triple = is_host ? NULL : builtin->triple;
        options->code.cpu = is_host ? NULL : builtin->cpu;
        return true;
    }
    bool read = read_description(context, word, machine, &options->target);
    options->freestanding = read && machine->freestanding;
    if (!read)
        list_names(context);
    return read;
}

bool tuning_choose(struct ir_context *context, const char *path, struct pass_options *passes, const char **label)
{
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    if (!source || !file_read(context, path, TUNE_TEXT_BYTES, SPAN_NONE, &source->text, &source->length))
        return false;
    source->path = path;
    passes->tuning = tune_read(context, source, &passes->machine, passes->threads);
    if (!passes->tuning)
        return false;
    *label = arena_printf(ir_arena(context), "%s, with tuned choices of hash %016" PRIx64, *label ? *label : passes->machine.name,
                          hash_bytes(0, source->text, source->length));
    return *label != NULL;
}
