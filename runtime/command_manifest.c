/* The manifest beside a program that checks kernels on a target: what was made, of what, and what it takes. */
#include "command.h"
#include "describe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static json_t *json_bytes(bool known, int64_t bytes)
{
    return known ? json_integer(bytes) : json_null();
}

static json_t *kernel_manifest(struct compiled *compiled, size_t number)
{
    const struct loop_function *loops = compiled->kernels[number].loops;
    struct pass_tables tables = {0};
    struct pass_footprint footprint = {0};
    int64_t workspace = 0;
    bool counted = pass_footprint(&compiled->kernels[number], &tables, &footprint);
    bool known = loop_most_workspace(compiled->context, loops, &workspace);
    json_t *described = describe_kernel(compiled, number);
    json_t *manifest = json_pack(
        "{s:s, s:O?, s:O?, s:o, s:I, s:o, s:o, s:o}", "name", loops->name, "inputs", json_object_get(described, "inputs"),
        "outputs", json_object_get(described, "outputs"), "workspace", json_bytes(known, workspace), "workspace_alignment",
        (json_int_t)loops->workspace_alignment, "local_arrays", json_bytes(counted, footprint.arrays), "tables",
        json_bytes(counted, pass_tables_bytes(&tables)), "code_estimate", json_bytes(counted, footprint.code));
    json_decref(described);
    return manifest;
}

bool manifest_add(struct invocation *invocation, struct compiled *compiled, const char *basename, struct backend_file **files,
                  size_t *n_files)
{
    struct arena *arena = ir_arena(compiled->context);
    const char *source;
    size_t length;
    if (!file_read(compiled->context, compiled->program->path, FRONTEND_SOURCE_BYTES, SPAN_NONE, &source, &length))
        return false;
    json_t *kernels = json_array();
    for (size_t k = 0; k < compiled->n_kernels; k++)
        json_array_append_new(kernels, kernel_manifest(compiled, k));
    const char *slash = strrchr(compiled->program->path, '/');
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:o}", "made_by", "made by einc", "source", slash ? slash + 1 : compiled->program->path,
                  "source_hash", arena_printf(arena, "%016" PRIx64, hash_bytes(0, source, length)), "target",
                  invocation->compile.passes.machine.name, "kernels", kernels);
    char *dumped = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    struct text text = text_create(arena);
    if (dumped)
        text_printf(&text, "%s\n", dumped);
    free(dumped);
    return dumped &&
           backend_add_file(compiled->context, files, n_files, arena_printf(arena, "%s.json", basename), &text) == EINC_OK;
}
