/* Times of ops: a table by ring degree and level, as runtime/seal/times.js measures it, and what a schedule takes by it. At a level
 * that is not there times are on the line through the nearest two; of a degree that is not there they are those of the nearest one,
 * as N log N goes, which is what transforms grow by. */
#include "slot_text.h"

#include <math.h>
#include <string.h>

enum { MOST_ROWS = 256 };

struct slot_time_row {
    int64_t degree;
    uint32_t level;
    double ms[SLOT_OP_COUNT];
};

/* Measured with node-seal 6.0.3 on node 20 (runtime/seal/times.js), on the machine that the project is developed on. */
static const struct slot_time_row builtin_rows[] = {
#include "slot_times.def"
};

const struct slot_times *slot_times_builtin(void)
{
    static const struct slot_times times = {builtin_rows, sizeof builtin_rows / sizeof *builtin_rows};
    return &times;
}

/* ---- reading ---- */

struct reader {
    struct ir_context *context;
    const struct source *text;
    uint32_t source;
    const char *at, *end;
};

static bool fail(struct reader *reader, struct word word, const char *what)
{
    diag_error(ir_diagnostics(reader->context), DIAG_E0756, word_place(reader->text, reader->source, word),
               "times of operations: %s", what);
    return false;
}

static struct word next(struct reader *reader)
{
    return word_next(&reader->at, reader->end);
}

static bool find_op(struct word word, int *op)
{
    for (*op = 0; *op < SLOT_OP_COUNT; ++*op)
        if (word_equals(word, slot_op_info((enum slot_op) * op)->name))
            return true;
    return false;
}

static bool expect_number(struct reader *reader, const char *name, int64_t least, int64_t most, int64_t *number)
{
    struct word word = next(reader);
    if (!word_equals(word, name))
        return fail(reader, word, "expected `at N degree level level`, then ops and milliseconds");
    word = next(reader);
    return (slot_whole(word.text, word.length, number) && *number >= least && *number <= most) ||
           fail(reader, word, "a number that no ring has");
}

/* "at" "N" degree "level" level {op milliseconds} */
static bool read_row(struct reader *reader, struct slot_time_row *row)
{
    int64_t level;
    *row = (struct slot_time_row){0};
    if (!expect_number(reader, "N", 2, SLOT_DEGREE_LIMIT, &row->degree) ||
        !expect_number(reader, "level", 0, SLOT_LEVELS_LIMIT, &level))
        return false;
    row->level = (uint32_t)level;
    for (struct word word = next(reader); word.length; word = next(reader)) {
        int op;
        if (!find_op(word, &op))
            return fail(reader, word, "no such op");
        word = next(reader);
        if (!word_number(word, "0123456789+-.e", &row->ms[op]) || !(row->ms[op] >= 0 && row->ms[op] <= 1e9))
            return fail(reader, word, "expected milliseconds");
    }
    return true;
}

const struct slot_times *slot_times_read(struct ir_context *context, const struct source *text)
{
    struct arena *arena = ir_arena(context);
    struct slot_times *times = ARENA_NEW(arena, struct slot_times);
    struct slot_time_row *rows = ARENA_ARRAY(arena, MOST_ROWS, struct slot_time_row);
    struct reader reader = {.context = context, .text = text, .source = diag_add_source(ir_diagnostics(context), text)};
    const char *at = text->text, *end = at + text->length;
    bool has_head = false;
    if (!times || !rows)
        return NULL;
    *times = (struct slot_times){rows, 0};
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        reader.at = at;
        reader.end = newline ? newline : end;
        at = newline ? newline + 1 : end;
        struct word word = next(&reader);
        if (!word.length)
            continue;
        if (!has_head) {
            has_head = word_equals(word, "hetimes") && word_equals(next(&reader), "1");
            if (!has_head)
                return fail(&reader, word, "expected `hetimes 1`"), NULL;
            continue;
        }
        if (!word_equals(word, "at") || times->n_rows == MOST_ROWS)
            return fail(&reader, word, times->n_rows == MOST_ROWS ? "too many lines" : "expected `at`"), NULL;
        if (!read_row(&reader, &rows[times->n_rows]))
            return NULL;
        times->n_rows++;
    }
    if (!times->n_rows)
        return fail(&reader, (struct word){end, 0}, "there is no line `at N ... level ...`"), NULL;
    return times;
}

/* ---- what ops take ---- */

static double growth(int64_t degree)
{
    return (double)degree * log2((double)degree);
}

/* The rows of the degree nearest to this one. */
static int64_t nearest_degree(const struct slot_times *times, int64_t degree)
{
    int64_t best = times->rows[0].degree;
    for (size_t k = 1; k < times->n_rows; k++)
        if (fabs(log2((double)times->rows[k].degree / (double)degree)) < fabs(log2((double)best / (double)degree)))
            best = times->rows[k].degree;
    return best;
}

static bool has_op(const struct slot_time_row *row, enum slot_op op)
{
    return row->level > 0 || (op != SLOT_rescale && op != SLOT_drop);
}

/* Of the rows of this degree the one whose level is the nearest, but not that of `other`. */
static const struct slot_time_row *nearest_row(const struct slot_times *times, int64_t degree, uint32_t level, enum slot_op op,
                                               const struct slot_time_row *other)
{
    const struct slot_time_row *best = NULL;
    for (size_t k = 0; k < times->n_rows; k++) {
        const struct slot_time_row *row = &times->rows[k];
        int64_t distance = llabs((int64_t)row->level - level);
        if (row->degree == degree && has_op(row, op) && (!other || row->level != other->level) &&
            (!best || distance < llabs((int64_t)best->level - level)))
            best = row;
    }
    return best;
}

double slot_time(const struct slot_times *times, int64_t degree, uint32_t level, enum slot_op op)
{
    int64_t measured = nearest_degree(times, degree);
    const struct slot_time_row *near = nearest_row(times, measured, level, op, NULL);
    const struct slot_time_row *second = near ? nearest_row(times, measured, level, op, near) : NULL;
    double ms = near ? near->ms[op] : 0;
    if (second)
        ms += (second->ms[op] - ms) * ((double)level - near->level) / ((double)second->level - near->level);
    return ms > 0 ? ms * growth(degree) / growth(measured) : 0;
}

double slot_program_time(const struct slot_program *program, const struct slot_times *times)
{
    double memo[SLOT_OP_COUNT][SLOT_LEVELS_LIMIT + 1], ms = 0;
    for (int op = 0; op < SLOT_OP_COUNT; op++)
        for (uint32_t level = 0; level <= program->levels; level++)
            memo[op][level] = slot_time(times, program->ring.degree, level, (enum slot_op)op);
    for (size_t k = 0; k < program->n_values; k++) {
        const struct slot_value *value = program->values[k];
        const struct slot_value *from = value->operands[0] ? value->operands[0] : value;
        ms += memo[value->op][from->level];
    }
    return ms;
}
