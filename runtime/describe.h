/* Compiled kernels as JSON (describe.c). A header of its own, since only what writes JSON needs Jansson. */
#ifndef RUNTIME_DESCRIBE_H
#define RUNTIME_DESCRIBE_H

#include "runtime.h"

#include <jansson.h>

/* The number, or the expression in run-time dims, as text in the arena. */
const char *describe_size(struct ir_context *context, const struct poly *size);
/* References are the caller's; NULL: no memory. */
json_t *describe_dims(struct ir_context *context);
json_t *describe_kernel(struct compiled *compiled, size_t kernel);

/* command_json.c: prints and releases it; that standard output takes it is asked at the end, as for every command. False: no
 * memory. */
bool command_print_json(json_t *root);

#endif
