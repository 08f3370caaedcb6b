/* The table of backends, from backends.def. */
#include "backends.h"

#include <string.h>

typedef enum einc_status emit_function(const struct backend_program *program, const struct backend_options *options,
                                       struct backend_file **files, size_t *n_files);

#define BACKEND(name, extension, kind, purpose) emit_function backend_emit_##name;
#include "backends.def"

static const struct backend_info table[] = {
#define BACKEND(name, extension, kind, purpose) {#name, extension, BACKEND_##kind, purpose, backend_emit_##name},
#include "backends.def"
};

const struct backend_info *backend_table(size_t *count)
{
    if (count)
        *count = sizeof table / sizeof *table;
    return table;
}

const struct backend_info *backend_find(const char *name, size_t length)
{
    for (size_t k = 0; k < sizeof table / sizeof *table; k++)
        if (strlen(table[k].name) == length && !memcmp(table[k].name, name, length))
            return &table[k];
    return NULL;
}
