/* Shared by firmware.c, firmware_parts.c and host.c. */
#ifndef BACKENDS_FIRMWARE_H
#define BACKENDS_FIRMWARE_H

#include "backends_internal.h"

#include <string.h>

enum einc_status firmware_emit(const struct backend_program *program, const struct backend_options *options,
                               struct backend_file **files, size_t *n_files);

/* ---- firmware_parts.c ---- */
extern const char firmware_measure[]; /* C: what measures a kernel */
extern const char firmware_board[];   /* C: start-up code of Cortex-M, report and exit by semihosting */
extern const char firmware_script[];  /* the linker script that goes with it */

#endif
