/* The table of passes from passes.def, and running one: whatever a pass leaves behind is verified. The order in which they compile
 * a kernel stands in runtime/compile.c. */
#include "passes.h"

#include <string.h>

const struct pass_machine pass_machine_generic = {.flop_rate = 16e9, .byte_rate = 10e9, .function_rate = 0.2e9};

#define PASS(name, level, purpose) enum einc_status pass_##name(struct pass_kernel *kernel);
#include "passes.def"

#define PASS(name, level, purpose) {#name, PASS_##level, purpose, pass_##name},
static const struct pass_info passes[] = {
#include "passes.def"
    {0},
};
enum { PASS_COUNT = sizeof passes / sizeof *passes - 1 };

const struct pass_info *pass_table(size_t *count)
{
    *count = PASS_COUNT;
    return passes;
}

const struct pass_info *pass_find(const char *name, size_t length)
{
    for (size_t k = 0; passes[k].name; k++)
        if (strlen(passes[k].name) == length && memcmp(passes[k].name, name, length) == 0)
            return &passes[k];
    return NULL;
}

enum einc_status pass_run(const struct pass_info *pass, struct pass_kernel *kernel)
{
    enum einc_status status = pass->run(kernel);
    if (status != EINC_OK)
        return status;
    bool sound = kernel->loops ? loop_verify(kernel->context, kernel->loops) : ir_verify(kernel->context, kernel->kernel);
    if (arena_failed(ir_arena(kernel->context)))
        return EINC_NO_MEMORY;
    return sound ? EINC_OK : EINC_INTERNAL;
}
