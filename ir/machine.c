/* The fields and the builtin rows of machine descriptions, from machine_fields.def and machines.def. */
#include "machine.h"

#include <string.h>

#define FIELD(name, kind, least, most, unit, meaning)                                                                              \
    {#name, MACHINE_##kind, (double)(least), (double)(most), unit, meaning, offsetof(struct machine, name)},
static const struct machine_field fields[] = {
#include "machine_fields.def"
};

#define MACHINE(id, purpose, triple, cpu, cross, ...) {{id, __VA_ARGS__}, triple, cpu, cross, purpose},
static const struct machine_row rows[] = {
#include "machines.def"
};
enum { N_FIELDS = sizeof fields / sizeof *fields, N_ROWS = sizeof rows / sizeof *rows };

const struct machine_field *machine_field_table(size_t *count)
{
    *count = N_FIELDS;
    return fields;
}

double machine_value(const struct machine *machine, const struct machine_field *field)
{
    const char *at = (const char *)machine + field->offset;
    switch (field->kind) {
    case MACHINE_FLAG:
        return *(const machine_FLAG *)(const void *)at;
    case MACHINE_COUNT:
        return (double)*(const machine_COUNT *)(const void *)at;
    case MACHINE_RATE:
        break;
    }
    return *(const machine_RATE *)(const void *)at;
}

const struct machine_row *machine_table(size_t *count)
{
    *count = N_ROWS;
    return rows;
}

const struct machine *machine_find(const char *name)
{
    for (size_t k = 0; k < N_ROWS; k++)
        if (strcmp(rows[k].machine.name, name) == 0)
            return &rows[k].machine;
    return NULL;
}

const struct machine *machine_generic(void)
{
    return &rows[0].machine;
}

bool machine_has_instructions(const struct machine *machine, bool is_float, size_t bytes)
{
    enum { WORD = 4, LEAST_SUBROUTINE = 20 /* words read in its time */ };
    return !is_float || machine_flop_rate(machine, bytes) * LEAST_SUBROUTINE * WORD >= machine->l1_rate;
}

/* Additions and multiplications of a function in vectors: lines of expansions.def are 16 to 45 operations, most of them fused. */
enum { FUNCTION_FLOPS = 48 };

double machine_function_rate(const struct machine *machine, size_t real_bytes, bool in_vectors)
{
    double rate = machine_flop_rate(machine, real_bytes) / FUNCTION_FLOPS;
    bool has_vectors = in_vectors && machine->vector_bytes > (int64_t)real_bytes;
    return has_vectors && rate > machine->function_rate ? rate : machine->function_rate;
}

double machine_flop_rate(const struct machine *machine, size_t real_bytes)
{
    return real_bytes > sizeof(float) ? machine->flop_rate_f64 : machine->flop_rate_f32;
}
