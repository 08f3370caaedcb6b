/* How many of many random programs hold each form of the IR, and which forms passes made of them: what a generator never makes is
 * never validated, so this is looked at when a node, a pass or an option is new. */
#ifndef TESTS_CENSUS_H
#define TESTS_CENSUS_H

#include "ir/ir.h"

#include <stdio.h>

struct census;

struct census *census_create(void); /* NULL: no memory */
void census_destroy(struct census *census);
/* What is marked from here on belongs to the next program. */
void census_next(struct census *census);
/* The program holds this form. Both strings stay; a form counts once a program. No census (NULL): nothing happens. */
void census_mark(struct census *census, const char *group, const char *form);
/* Marks the forms of a kernel and of the steps in it. */
void census_look(struct census *census, struct ir_context *context, const struct ir_kernel *kernel);
/* Marks what is promised of the dims. */
void census_look_at_dims(struct census *census, struct ir_context *context);
/* A line a form: how many programs hold it. */
void census_print(const struct census *census, FILE *file);

#endif
