/* Reads the programs of tests/cases/scans. */
#include "scans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/frontend.h"

#define FOLDER EINC_SOURCE_DIR "/tests/cases/scans"

const int64_t scan_sizes[][SCAN_DIMS] = {{0, 2, 1}, {1, 1, 2}, {1, 3, 1}, {2, 2, 3}, {5, 1, 2}, {5, 4, 3}, {3, 0, 2}, {-1, 0, 0}};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *scan_names(struct ir_context *context)
{
    const char **names = NULL;
    size_t count = 0, capacity = 0;
    DIR *folder = opendir(FOLDER);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        const char *end = strstr(entry->d_name, ".ein");
        const char *name = end ? arena_strndup(ir_arena(context), entry->d_name, (size_t)(end - entry->d_name)) : NULL;
        if (name)
            ARENA_PUSH(ir_arena(context), names, count, capacity, name);
    }
    if (folder)
        closedir(folder);
    assert_true(count > 0);
    qsort(names, count, sizeof *names, by_name);
    ARENA_PUSH(ir_arena(context), names, count, capacity, NULL);
    return names;
}

struct ir_program *scan_program(struct ir_context *context, const char *name, const int64_t *sizes)
{
    static char bytes[1 << 14];
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    FILE *file = fopen(arena_printf(ir_arena(context), FOLDER "/%s.ein", name), "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    *source =
        (struct source){arena_printf(ir_arena(context), "%s.ein", name), arena_strndup(ir_arena(context), bytes, length), length};
    const struct frontend_dim_value dims[] = {
        {"T", sizes ? sizes[0] : 0}, {"N", sizes ? sizes[1] : 0}, {"M", sizes ? sizes[2] : 0}};
    struct frontend_options options = {.dims = dims, .n_dims = !sizes ? 0 : strstr(source->text, "dim T, N, M") ? 3 : 2};
    struct ir_program *program = frontend_read(context, source, &options);
    if (!program) {
        struct text text = text_create(ir_arena(context));
        diag_print(&text, ir_diagnostics(context), false);
        fail_msg("%s", text_finish(&text));
    }
    return program;
}
