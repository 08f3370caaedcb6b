/* Shared by the files of ir/ that print and read schedules. */
#ifndef IR_SLOT_TEXT_H
#define IR_SLOT_TEXT_H

#include "slot.h"
#include "words.h"

enum {
    SLOT_VERSION = 1,
    SLOT_RUNS = 32,       /* a constant of more runs of equal numbers goes to the sidecar */
    SLOT_NAME_BYTES = 64, /* of a name */
    SLOT_DEGREE_LIMIT = 1 << 18
};

/* A letter or `_`, then these and digits. */
bool slot_is_name(const char *text, size_t length);
/* A bare file name: letters, digits, `_`, `-`, `.`, and no `.` first. */
bool slot_is_file_name(const char *text, size_t length);
/* A whole number in decimal, of at most 18 digits. */
bool slot_whole(const char *text, size_t length, int64_t *number);

/* Where the numbers of constant k begin in the sidecar, in doubles; -1: they are in runs. */
struct slot_sidecar {
    int64_t *offsets;
    int64_t count; /* doubles */
    uint32_t crc;
    char *bytes;
};
bool slot_sidecar_make(const struct slot_program *program, struct slot_sidecar *sidecar);
uint32_t slot_crc32(const void *bytes, size_t length);            /* that of zip and png: polynomial 0xedb88320 */
void slot_put_number(struct text *text, double number);           /* the shortest decimal that reads back */
size_t slot_run(const struct slot_constant *constant, size_t at); /* numbers equal to that at `at`, from there */
/* `x` or `x.3` for inputs, `%7` for others. */
void slot_put_value(struct text *text, const struct slot_program *program, const struct slot_value *value);
/* Rotations of one value: `next[k]` is the next one of the operand of rotation k, UINT32_MAX at the last; `leads[k]`: the first of
 * several. By ids of values. */
struct slot_rotations {
    uint32_t *next;
    bool *leads;
};
bool slot_rotations_find(struct arena *arena, const struct slot_program *program, struct slot_rotations *rotations);

bool slot_print_json(const struct slot_program *program, const char *sidecar, const struct slot_sidecar *constants,
                     const struct slot_rotations *rotations, struct text *text);

#endif
