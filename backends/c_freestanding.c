/* What emitted C says where there is no C library: which functions of <math.h> it calls, that compilers put in no calls of their
 * own, and, if asked, the workspace as an object of the file.
 *
 * gcc and clang know loops that copy or clear memory and call memcpy, memmove and memset for them, which a program without a C
 * library has not. Pragmas take that from them in this file alone. */
#include "backends_internal.h"

#include <ctype.h>
#include <string.h>

/* All names of <math.h> that emitted C may call, as c_standard.c declares them; a float's has `f` behind. */
static const char *const functions[] = {"exp", "log",  "sqrt",  "tanh",  "erf",   "sin",
                                        "cos", "fabs", "floor", "hypot", "atan2", "fma"};

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool calls(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; *at; at++) {
        if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");
            if (!end)
                return false;
            at = end + 1;
        } else if (!strncmp(at, name, length) && at[length] == '(' && (at == text || !in_name(at[-1]))) {
            return true;
        }
    }
    return false;
}

const char *c_math_calls(struct c_file *file, const char *text)
{
    struct text list = text_create(file->arena);
    for (size_t k = 0; text && k < sizeof functions / sizeof *functions; k++)
        for (int narrow = 0; narrow < 2; narrow++) {
            const char *name = arena_printf(file->arena, "%s%s", functions[k], narrow ? "f" : "");
            if (name && calls(text, name))
                text_printf(&list, "%s%s", list.length ? ", " : "", name);
        }
    return list.length ? text_finish(&list) : NULL;
}

void c_put_no_calls(struct text *text)
{
    text_put(text,
             "/* Loops stay loops: no compiler calls memcpy or memset for them. */\n"
             "#if defined(__clang__)\n"
             "#pragma clang attribute push(__attribute__((no_builtin(\"memcpy\", \"memmove\", \"memset\"))), apply_to = function)\n"
             "#elif defined(__GNUC__)\n"
             "#pragma GCC optimize(\"no-tree-loop-distribute-patterns\")\n"
             "#endif\n\n");
}

void c_put_calls_again(struct text *text)
{
    text_put(text, "\n#if defined(__clang__)\n#pragma clang attribute pop\n#endif\n");
}

bool c_takes_workspace(const struct c_kernel *kernel)
{
    return c_has_workspace(kernel) && !kernel->file->options->static_workspace;
}

void c_put_static_workspace(struct c_kernel *kernel, struct text *text)
{
    if (!c_has_workspace(kernel) || c_takes_workspace(kernel))
        return;
    kernel->memory = c_name_unique(kernel->file->arena, &kernel->file->names, &kernel->names,
                                   arena_printf(kernel->file->arena, "%s_memory", kernel->name));
    text_printf(text,
                "/* the workspace of %s; the first member aligns it */\n"
                "static union {\n    double aligned;\n    uint64_t wide;\n    unsigned char bytes[%s_WORKSPACE_%s];\n} %s;\n\n",
                kernel->name, kernel->macro, c_workspace_is_constant(kernel) ? "BYTES" : "MOST",
                kernel->memory ? kernel->memory : "");
}
