/* Machine descriptions as text: lines `name value`, printed and read (docs/machine.md).
 *
 * The text is an input as hostile as any: each line is looked at by itself, words are compared by length, numbers are converted
 * from a bounded copy of characters that can stand in one. Reading goes on behind a mistake, and gives a description only when
 * there was none; then all that machine.h promises of one holds. */
#include "machine.h"
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- printing ---- */

/* The shortest decimals that are read as the same number. */
static void put_rate(struct text *text, double rate)
{
    char digits[40];
    for (int precision = 3; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, rate);
        if (strtod(digits, NULL) == rate)
            break;
    }
    text_put(text, digits);
}

static void put_value(struct text *text, const struct machine *machine, const struct machine_field *field)
{
    double value = machine_value(machine, field);
    if (field->kind == MACHINE_FLAG)
        text_put(text, value != 0 ? "yes" : "no");
    else if (field->kind == MACHINE_COUNT)
        text_printf(text, "%" PRId64, (int64_t)value);
    else
        put_rate(text, value);
}

void machine_print(struct text *text, const struct machine *machine)
{
    enum { VALUE_COLUMN = 18, COMMENT_COLUMN = 34 };
    size_t count;
    const struct machine_field *fields = machine_field_table(&count);
    text_put(text, "# A machine that einc compiles for, by --target=FILE; docs/machine.md says what the fields mean.\n");
    text_printf(text, "%-*s%s\n", VALUE_COLUMN, "name", machine->name);
    for (size_t k = 0; k < count; k++) {
        size_t begin = text->length;
        text_printf(text, "%-*s", VALUE_COLUMN, fields[k].name);
        put_value(text, machine, &fields[k]);
        for (size_t column = text->length - begin; column < COMMENT_COLUMN; column++)
            text_put(text, " ");
        text_printf(text, "# %s%s%s%s\n", fields[k].unit, fields[k].kind == MACHINE_RATE ? " a second" : "",
                    *fields[k].unit ? ", " : "", fields[k].meaning);
    }
}

/* ---- reading ---- */

struct machine_reader {
    struct diagnostics *diagnostics;
    const struct source *source;
    uint32_t number; /* of the source */
    struct machine *machine;
    struct span *places; /* of the values of the fields, then of the name; source UINT32_MAX: not given yet */
    size_t n_fields;
    bool failed;
};

static struct span place_of(const struct machine_reader *reader, struct word word)
{
    return word_place(reader->source, reader->number, word);
}

static bool refuse_value(struct machine_reader *reader, const char *name, struct word value, const char *takes)
{
    diag_error(reader->diagnostics, DIAG_E0834, place_of(reader, value), "`%s` is %s, not `%.*s`", name, takes, word_shown(value),
               value.text);
    return false;
}

static bool read_flag(struct machine_reader *reader, const struct machine_field *field, struct word value, machine_FLAG *flag)
{
    *flag = word_equals(value, "yes");
    return *flag || word_equals(value, "no") || refuse_value(reader, field->name, value, "yes or no");
}

/* Bounds are below 2^53: doubles hold every count. */
static bool read_value(struct machine_reader *reader, const struct machine_field *field, struct word value)
{
    void *target = (char *)reader->machine + field->offset;
    double number;
    if (field->kind == MACHINE_FLAG)
        return read_flag(reader, field, value, target);
    bool whole = field->kind == MACHINE_COUNT;
    if (!word_number(value, whole ? "0123456789" : "0123456789.eE+-", &number) ||
        !(number >= field->least && number <= field->most))
        return refuse_value(reader, field->name, value,
                            arena_printf(reader->diagnostics->arena, "a %snumber from %.0f to %.*g", whole ? "whole " : "",
                                         field->least, whole ? 15 : 3, field->most));
    if (whole)
        *(machine_COUNT *)target = (machine_COUNT)number;
    else
        *(machine_RATE *)target = number;
    return true;
}

static bool read_name(struct machine_reader *reader, struct word value)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    bool good = value.length <= MACHINE_NAME_BYTES;
    for (size_t k = 0; k < value.length && good; k++)
        good = value.text[k] && strchr(allowed, value.text[k]);
    reader->machine->name = arena_strndup(reader->diagnostics->arena, value.text, value.length);
    return good || refuse_value(reader, "name", value, "up to 63 letters, digits, `-`, `_` and `.`");
}

/* Number of the field; that of fields is `name`, one more is none. */
static size_t find_field(const struct machine_reader *reader, const struct machine_field *fields, struct word name)
{
    for (size_t k = 0; k <= reader->n_fields; k++) {
        const char *known = k < reader->n_fields ? fields[k].name : "name";
        if (word_equals(name, known))
            return k;
    }
    return reader->n_fields + 1;
}

static bool read_line(struct machine_reader *reader, const struct machine_field *fields, const char *at, const char *end)
{
    struct word name = word_next(&at, end), value = word_next(&at, end), more = word_next(&at, end);
    if (!name.length)
        return true;
    if (!value.length || more.length) {
        struct diag *diag = diag_error(reader->diagnostics, DIAG_E0831, place_of(reader, more.length ? more : name),
                                       more.length ? "a second value in a line" : "a name without a value");
        diag_help(reader->diagnostics, diag, "a line is `name value`; a comment begins with `#`");
        return false;
    }
    size_t number = find_field(reader, fields, name);
    if (number > reader->n_fields) {
        diag_error(reader->diagnostics, DIAG_E0832, place_of(reader, name), "a machine has no field `%.*s`", word_shown(name),
                   name.text);
        return false;
    }
    if (reader->places[number].source != UINT32_MAX) {
        struct diag *diag = diag_error(reader->diagnostics, DIAG_E0833, place_of(reader, value), "`%.*s` is given twice",
                                       word_shown(name), name.text);
        diag_note(reader->diagnostics, diag, reader->places[number], "here first");
        return false;
    }
    reader->places[number] = place_of(reader, value);
    return number == reader->n_fields ? read_name(reader, value) : read_value(reader, &fields[number], value);
}

/* 0 where it is not given: descriptions of processors that have no such instruction, or none that code is made for, do without. */
static bool may_be_left_out(const struct machine_field *field)
{
    return field->offset == offsetof(struct machine, dot_bytes);
}

static bool check_given(struct machine_reader *reader, const struct machine_field *fields)
{
    struct text missing = text_create(reader->diagnostics->arena);
    for (size_t k = 0; k <= reader->n_fields; k++)
        if (reader->places[k].source == UINT32_MAX && (k == reader->n_fields || !may_be_left_out(&fields[k])))
            text_printf(&missing, "%s`%s`", missing.length ? ", " : "", k < reader->n_fields ? fields[k].name : "name");
    if (!missing.length)
        return true;
    uint32_t end = (uint32_t)reader->source->length;
    struct diag *diag = diag_error(reader->diagnostics, DIAG_E0835, (struct span){reader->number, end, end},
                                   "the description does not give %s", text_finish(&missing));
    diag_help(reader->diagnostics, diag, "`einc machine` prints all fields");
    return false;
}

/* ---- what holds between bits and between fields ---- */

/* Of a field of the struct, by its address there. */
static struct span place_given(const struct machine_reader *reader, const struct machine_field *fields, const void *member)
{
    size_t offset = (size_t)((const char *)member - (const char *)reader->machine), k = 0;
    while (k + 1 < reader->n_fields && fields[k].offset != offset)
        k++;
    return reader->places[k];
}

static bool is_power(int64_t number)
{
    return (number & (number - 1)) == 0;
}

static bool check_caches(struct machine_reader *reader, const struct machine_field *fields)
{
    const struct machine *machine = reader->machine;
    const int64_t *sizes[] = {&machine->l1_bytes, &machine->l2_bytes, &machine->l3_bytes};
    size_t inner = 0;
    for (size_t k = 1; k < 3; k++) {
        if (*sizes[k] >= *sizes[inner]) {
            inner = k;
            continue;
        }
        if (!*sizes[k])
            continue;
        struct diag *diag = diag_error(reader->diagnostics, DIAG_E0834, place_given(reader, fields, sizes[k]),
                                       "`l%zu_bytes` is less than `l%zu_bytes`", k + 1, inner + 1);
        diag_note(reader->diagnostics, diag, place_given(reader, fields, sizes[inner]), "the cache inside it");
        diag_help(reader->diagnostics, diag, "a cache that is not there, or holds no more than the one inside it, is 0");
        return false;
    }
    return true;
}

static bool check_together(struct machine_reader *reader, const struct machine_field *fields)
{
    const struct machine *machine = reader->machine;
    if (machine->vector_bytes && (machine->vector_bytes < 16 || !is_power(machine->vector_bytes)))
        return diag_error(reader->diagnostics, DIAG_E0834, place_given(reader, fields, &machine->vector_bytes),
                          "`vector_bytes` is 0, 16, 32 or 64, not %" PRId64, machine->vector_bytes),
               false;
    if (machine->dot_bytes && (machine->dot_bytes < 4 || !is_power(machine->dot_bytes)))
        return diag_error(reader->diagnostics, DIAG_E0834, place_given(reader, fields, &machine->dot_bytes),
                          "`dot_bytes` is 0, 4, 8, 16, 32 or 64, not %" PRId64, machine->dot_bytes),
               false;
    if (!is_power(machine->line_bytes))
        return diag_error(reader->diagnostics, DIAG_E0834, place_given(reader, fields, &machine->line_bytes),
                          "`line_bytes` is a power of two, not %" PRId64, machine->line_bytes),
               false;
    return check_caches(reader, fields);
}

const struct machine *machine_read(struct diagnostics *diagnostics, const struct source *source)
{
    struct machine_reader reader = {
        .diagnostics = diagnostics, .source = source, .machine = ARENA_NEW(diagnostics->arena, struct machine)};
    const struct machine_field *fields = machine_field_table(&reader.n_fields);
    reader.places = ARENA_ARRAY(diagnostics->arena, reader.n_fields + 1, struct span);
    if (!reader.machine || !reader.places)
        return NULL;
    reader.number = diag_add_source(diagnostics, source);
    for (size_t k = 0; k <= reader.n_fields; k++)
        reader.places[k] = SPAN_NONE;
    const char *end = source->text + source->length;
    for (const char *line = source->text; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        reader.failed = !read_line(&reader, fields, line, stop) || reader.failed;
        line = stop + 1;
    }
    reader.failed = reader.failed || !check_given(&reader, fields) || !check_together(&reader, fields);
    return reader.failed || arena_failed(diagnostics->arena) ? NULL : reader.machine;
}
