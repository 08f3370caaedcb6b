/* Source text read by the frontend, for tests that look at what it becomes or at what is said of it. */
#ifndef TESTS_COMPILED_H
#define TESTS_COMPILED_H

#include "failing_allocator.h"
#include "frontend/frontend.h"

struct compiled {
    struct ir_context *context;
    struct ir_program *program; /* NULL: errors */
};

/* In a context of its own, which the caller destroys. */
struct compiled compiled_read(const char *text);
void compiled_print_diagnostics(struct compiled *compiled);
/* Work for each_allocation_fails: reads `data`, source text without mistakes. Too little memory is the status and nothing else. */
bool compiled_in_memory(struct failing_allocator *failing, const void *data);

#endif
