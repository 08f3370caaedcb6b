/* The table of engines, from engines.def. */
#include "runtime.h"

#include <string.h>

#define ENGINE(name, inputs, target, purpose)                                                                                      \
    struct engine *engine_##name##_create(struct compiled *compiled, const struct engine_options *options);                        \
    enum einc_status engine_##name##_run(struct engine *engine, size_t kernel, const int64_t *dims,                                \
                                         const struct ir_tensor *inputs, struct ir_tensor *outputs);                               \
    const struct native_kernel *engine_##name##_native(const struct engine *engine, size_t kernel, int64_t *threads);              \
    void engine_##name##_destroy(struct engine *engine);
#include "engines.def"

#define ENGINE(name, inputs, target, purpose)                                                                                      \
    {#name, inputs, target, purpose, engine_##name##_create, engine_##name##_run, engine_##name##_native, engine_##name##_destroy},
enum { DENSE = false, STRIDED = true };
static const struct engine_info engines[] = {
#include "engines.def"
};

const struct engine_info *engine_table(size_t *count)
{
    *count = sizeof engines / sizeof *engines;
    return engines;
}

const struct engine_info *engine_find(const char *name)
{
    for (size_t k = 0; k < sizeof engines / sizeof *engines; k++)
        if (strcmp(engines[k].name, name) == 0)
            return &engines[k];
    return NULL;
}
