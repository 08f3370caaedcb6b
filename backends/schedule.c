/* Rows `he` and `he_json`: schedules on ciphertexts, as docs/schedule.md describes; a file each kernel, the first one under the
 * name that the user gave, and beside each the numbers that are no short runs. */
#include "backends_internal.h"

enum einc_status backend_emit_he(const struct backend_program *program, const struct backend_options *options,
                                 struct backend_file **files, size_t *n_files);
enum einc_status backend_emit_he_json(const struct backend_program *program, const struct backend_options *options,
                                      struct backend_file **files, size_t *n_files);

static enum einc_status emit(const struct backend_program *program, enum slot_form form, const char *extension,
                             struct backend_file **files, size_t *n_files)
{
    struct arena *arena = ir_arena(program->context);
    struct backend_file *made = ARENA_ARRAY(arena, 2 * program->n_kernels + 1, struct backend_file);
    for (size_t k = 0; k < program->n_kernels; k++) {
        const char *name =
            k ? arena_printf(arena, "%s_%s", program->basename, program->kernels[k].source->name) : program->basename;
        const char *sidecar = arena_printf(arena, "%s.weights.f64", name);
        struct slot_files printed;
        if (!made || !name || !sidecar || !slot_print(program->kernels[k].slots, form, sidecar, &printed))
            return EINC_NO_MEMORY;
        const char *path = arena_printf(arena, "%s%s", name, extension);
        made[(*n_files)++] = (struct backend_file){path, printed.text, printed.length};
        if (!path)
            return EINC_NO_MEMORY;
        if (printed.sidecar)
            made[(*n_files)++] = (struct backend_file){sidecar, printed.sidecar, printed.sidecar_length};
    }
    *files = made;
    return EINC_OK;
}

enum einc_status backend_emit_he(const struct backend_program *program, const struct backend_options *options,
                                 struct backend_file **files, size_t *n_files)
{
    (void)options;
    return emit(program, SLOT_TEXT, ".he", files, n_files);
}

enum einc_status backend_emit_he_json(const struct backend_program *program, const struct backend_options *options,
                                      struct backend_file **files, size_t *n_files)
{
    (void)options;
    return emit(program, SLOT_JSON, ".json", files, n_files);
}
