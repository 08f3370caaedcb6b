/* Shared by host.c and host_parts.c. */
#ifndef BACKENDS_HOST_H
#define BACKENDS_HOST_H

#include <stddef.h>

extern const char *const host_parts[]; /* ended by NULL */

#endif
