/* The machine code is made for: what passes may know of it. Cost models read the rates, tiling the registers and caches; no backend
 * is asked. The rows of machines.def are built in, the fields of machine_fields.def make the text form (docs/machine.md).
 *
 * A description is plain data, valid once `machine_read` or a builtin gave it: every value lies within the bounds of its field, a
 * rate is above 0, a cache is 0 or at least as large as the one inside it. */
#ifndef IR_MACHINE_H
#define IR_MACHINE_H

#include "base.h"

/* FLAG, COUNT and RATE of machine_fields.def: bool, int64_t, double. */
enum machine_field_kind { MACHINE_FLAG, MACHINE_COUNT, MACHINE_RATE };
typedef bool machine_FLAG;
typedef int64_t machine_COUNT;
typedef double machine_RATE;

struct machine {
    const char *name; /* letters, digits, '-', '_' and '.' */
#define FIELD(name, kind, least, most, unit, meaning) machine_##kind name;
#include "machine_fields.def"
};

/* ---- machine.c ---- */

struct machine_field {
    const char *name;
    enum machine_field_kind kind;
    double least, most;
    const char *unit, *meaning;
    size_t offset; /* in struct machine */
};
/* All fields in the order of machine_fields.def. */
const struct machine_field *machine_field_table(size_t *count);
/* Of a field in that table; a flag is 0 or 1. */
double machine_value(const struct machine *machine, const struct machine_field *field);

struct machine_row {
    struct machine machine;
    const char *triple, *cpu; /* what LLVM calls the architecture, NULL: that of where einc runs; and what all such machines have */
    const char *cross;        /* the command of a C compiler for it, with its flags; NULL: none in particular */
    const char *purpose;
};
/* The builtin descriptions in the order of machines.def. */
const struct machine_row *machine_table(size_t *count);
/* NULL: there is none with this name. */
const struct machine *machine_find(const char *name);
/* What code is made for unless another target is named. */
const struct machine *machine_generic(void);

/* Multiplications and additions a second on one core, of real numbers of so many bytes. */
double machine_flop_rate(const struct machine *machine, size_t real_bytes);
/* Is an addition of such numbers one instruction, and no subroutine? */
bool machine_has_instructions(const struct machine *machine, bool is_float, size_t bytes);
/* Functions of such numbers a second; `in_vectors`: where vectors may compute them (expansions.def). */
double machine_function_rate(const struct machine *machine, size_t real_bytes, bool in_vectors);

/* ---- machine_text.c: a description as text ---- */

enum { MACHINE_TEXT_BYTES = 1 << 16, MACHINE_NAME_BYTES = 63 };
/* Lines `name value`, `#` begins a comment; every field once, in any order. In the arena of `diagnostics`; NULL after diagnostics
 * E083x, or without memory. */
const struct machine *machine_read(struct diagnostics *diagnostics, const struct source *source);
/* What `machine_read` reads as the same description. */
void machine_print(struct text *text, const struct machine *machine);

#endif
