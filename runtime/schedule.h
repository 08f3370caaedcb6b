/* Schedules in files: docs/schedule.md. */
#ifndef RUNTIME_SCHEDULE_H
#define RUNTIME_SCHEDULE_H

#include "ir/slot.h"

enum { SCHEDULE_BYTES = 1 << 28, SCHEDULE_SIDECAR_BYTES = 1 << 30 };

/* ---- schedule_json.c ---- */
/* The same schedule as text; NULL after a diagnostic. */
const char *schedule_text_of_json(struct ir_context *context, const struct source *source);

/* ---- schedule.c ---- */
/* Text, or JSON when it begins with a brace; the sidecar is read from beside it. Verified. NULL after diagnostics. */
struct slot_program *schedule_read(struct ir_context *context, const char *path);
/* The same of bytes in memory; `load` brings the sidecar. */
struct slot_program *schedule_parse(struct ir_context *context, const struct source *source, slot_load_function *load, void *user);

/* ---- command_he_check.c ---- */
void schedule_print_counts(const struct slot_program *program, bool json); /* one line on standard output */

#endif
