/* The programs of tests/cases/scans: recurrences of every form, for tests of all that scans go through. */
#ifndef TESTS_SCANS_H
#define TESTS_SCANS_H

#include "ir/ir.h"

/* Names of the files without their ending, sorted; NULL closes. NULL: there is no such folder. */
const char *const *scan_names(struct ir_context *context);
/* The program in the context, as written; `sizes` (NULL: none) makes its dims static. Stops the test with its diagnostics when it
 * cannot be read. */
struct ir_program *scan_program(struct ir_context *context, const char *name, const int64_t *sizes);

/* The sizes that every program is tried at: of dim k sizes[k], T first; an entry of -1 closes the list. */
enum { SCAN_DIMS = 3 };
extern const int64_t scan_sizes[][SCAN_DIMS];

#endif
