/* Which derivatives are asked for, in words: "A,b" of all kernels that have these inputs, "KERNEL:A,b" of one. */
#include "runtime.h"

#include <string.h>

bool derivative_read(struct arena *arena, enum pass_derivative_kind kind, const char *words, struct pass_derivative *derivative)
{
    size_t capacity = 0;
    const char *colon = strchr(words, ':');
    *derivative = (struct pass_derivative){.kind = kind};
    if (colon)
        derivative->kernel = arena_strndup(arena, words, (size_t)(colon - words));
    for (const char *at = colon ? colon + 1 : words;; at++) {
        size_t length = strcspn(at, ",");
        const char *name = arena_strndup(arena, at, length);
        if (length == 0 || !ARENA_PUSH(arena, derivative->inputs, derivative->n_inputs, capacity, name))
            return false;
        at += length;
        if (!*at)
            return true;
    }
}
