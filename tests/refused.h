/* Tensor-IR text that must be refused. */
#ifndef TESTS_REFUSED_H
#define TESTS_REFUSED_H

#include <stddef.h>

struct refused {
    const char *statement; /* that makes %y */
    const char *code;      /* of the one diagnostic */
};

/* Each statement alone in a kernel with these inputs, which is an output's value. */
void check_refused(const char *inputs, const struct refused *rows, size_t count);

#endif
