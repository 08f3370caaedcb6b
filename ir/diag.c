/* Diagnostics: collecting them, and printing them with the source lines they speak of.
 *
 * A diagnostic is shown as its message, the place, and the lines of its labels in order, all labels of one file in one snippet.
 * Carets stand under the primary place, dashes under the others. What is printed never holds a control character or a broken
 * UTF-8 sequence of the source: a hostile file cannot reach the terminal. Columns count code points, a tab is shown as four
 * blanks, and of a very long line only the part around the label is shown.
 * Errors after the twentieth are counted, not kept. Whether one mistake causes another is for the caller to know; only exact
 * repeats are dropped here. */
#include "base.h"

#include <string.h>

enum { SHOWN_WIDTH = 120, TAB_WIDTH = 4 };

static const char *const replacement_character = "\xef\xbf\xbd";

/* ---- collecting ---- */

static const struct {
    const char *name, *title;
    bool is_limit;
} code_rows[] = {
#define DIAG(code, title)  {#code, title, false},
#define LIMIT(code, title) {#code, title, true},
#include "diag.def"
#undef DIAG
};

const char *diag_code_name(enum diag_code code)
{
    return code < DIAG_CODE_COUNT ? code_rows[code].name : "";
}

const char *diag_code_title(enum diag_code code)
{
    return code < DIAG_CODE_COUNT ? code_rows[code].title : "";
}

bool diag_only_limits(const struct diagnostics *diagnostics)
{
    for (size_t k = 0; k < diagnostics->n_items; k++)
        if (diagnostics->items[k]->severity == DIAG_ERROR && !code_rows[diagnostics->items[k]->code].is_limit)
            return false;
    return diagnostics->n_errors > 0;
}

uint32_t diag_add_source(struct diagnostics *diagnostics, const struct source *source)
{
    uint32_t number = (uint32_t)diagnostics->n_sources;
    if (!ARENA_PUSH(diagnostics->arena, diagnostics->sources, diagnostics->n_sources, diagnostics->sources_capacity, source))
        return UINT32_MAX;
    return number;
}

static const char *format_text(struct diagnostics *diagnostics, const char *format, va_list arguments)
{
    struct text text = text_create(diagnostics->arena);
    text_vprintf(&text, format, arguments);
    return text_finish(&text);
}

static bool same_span(struct span a, struct span b)
{
    return a.source == b.source && a.begin == b.begin && a.end == b.end;
}

static bool is_repeat(const struct diagnostics *diagnostics, const struct diag *diag)
{
    for (size_t i = 0; i < diagnostics->n_items; i++) {
        const struct diag *other = diagnostics->items[i];
        if (other->code == diag->code && other->severity == diag->severity && same_span(other->primary.span, diag->primary.span) &&
            strcmp(other->message, diag->message) == 0)
            return true;
    }
    return false;
}

static struct diag *add(struct diagnostics *diagnostics, struct diag diag)
{
    size_t *count = diag.severity == DIAG_ERROR ? &diagnostics->n_errors : &diagnostics->n_warnings;
    if (arena_failed(diagnostics->arena))
        return NULL; /* what is missed once memory has run out is no mistake of the user */
    if (diag.message && is_repeat(diagnostics, &diag))
        return NULL;
    if (++*count > DIAG_LIMIT) {
        diagnostics->n_dropped++;
        return NULL;
    }
    struct diag *kept = arena_copy(diagnostics->arena, &diag, 1, sizeof diag);
    if (!kept || !diag.message ||
        !ARENA_PUSH(diagnostics->arena, diagnostics->items, diagnostics->n_items, diagnostics->items_capacity, kept))
        return NULL;
    return kept;
}

struct diag *diag_error(struct diagnostics *diagnostics, enum diag_code code, struct span span, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *message = format_text(diagnostics, format, arguments);
    va_end(arguments);
    return add(diagnostics, (struct diag){.severity = DIAG_ERROR, .code = code, .message = message, .primary.span = span});
}

struct diag *diag_warning(struct diagnostics *diagnostics, enum diag_code code, struct span span, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *message = format_text(diagnostics, format, arguments);
    va_end(arguments);
    return add(diagnostics, (struct diag){.severity = DIAG_WARNING, .code = code, .message = message, .primary.span = span});
}

void diag_take_back(struct diagnostics *diagnostics, const struct diagnostics *copy)
{
    diagnostics->n_items = copy->n_items;
    diagnostics->n_errors = copy->n_errors;
    diagnostics->n_warnings = copy->n_warnings;
    diagnostics->n_dropped = copy->n_dropped;
}

void diag_label(struct diagnostics *diagnostics, struct diag *diag, const char *format, ...)
{
    if (!diag)
        return;
    va_list arguments;
    va_start(arguments, format);
    diag->primary.text = format_text(diagnostics, format, arguments);
    va_end(arguments);
}

void diag_note(struct diagnostics *diagnostics, struct diag *diag, struct span span, const char *format, ...)
{
    if (!diag)
        return;
    struct diag_label note = {.span = span};
    va_list arguments;
    va_start(arguments, format);
    note.text = format_text(diagnostics, format, arguments);
    va_end(arguments);
    (void)ARENA_PUSH(diagnostics->arena, diag->notes, diag->n_notes, diag->notes_capacity, note);
}

void diag_help(struct diagnostics *diagnostics, struct diag *diag, const char *format, ...)
{
    if (!diag)
        return;
    va_list arguments;
    va_start(arguments, format);
    diag->help = format_text(diagnostics, format, arguments);
    va_end(arguments);
}

/* ---- reading the source ---- */

/* Length of the well-formed UTF-8 sequence at `at` (at least one byte is left), 0 when there is none. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80)
        return 1;
    size_t length = at[0] >= 0xc2 && at[0] <= 0xdf ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4 : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

/* Control characters, C1 ones and bidirectional overrides too: they change what the reader sees elsewhere. */
static bool is_control(const unsigned char *at, size_t length)
{
    if (length == 1)
        return at[0] < 0x20 || at[0] == 0x7f;
    if (length == 2)
        return at[0] == 0xc2 && at[1] < 0xa0;
    return length == 3 && at[0] == 0xe2 &&
           ((at[1] == 0x80 && ((at[2] >= 0xa8 && at[2] <= 0xae) || at[2] == 0x8e || at[2] == 0x8f)) ||
            (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9));
}

size_t diag_shown_length(const char *at, size_t left)
{
    size_t length = sequence_length((const unsigned char *)at, left);
    return is_control((const unsigned char *)at, length) ? 0 : length;
}

/* Puts one character as it may be shown; gives the bytes it took. */
static size_t put_character(struct text *text, const char *at, size_t left)
{
    size_t length = sequence_length((const unsigned char *)at, left);
    if (length == 0 || is_control((const unsigned char *)at, length)) {
        text_put(text, replacement_character);
        return length ? length : 1;
    }
    text_put_bytes(text, at, length);
    return length;
}

static void put_clean(struct text *text, const char *string)
{
    for (size_t left = strlen(string); left;) {
        size_t taken = put_character(text, string, left);
        string += taken;
        left -= taken;
    }
}

/* The line a byte stands in: number from 1, and where it begins and ends (without its line end). */
struct line {
    uint32_t number;
    size_t begin, end;
};

static struct line find_line(const struct source *source, size_t offset)
{
    struct line line = {1, 0, 0};
    if (offset > source->length)
        offset = source->length;
    const char *text = source->text, *newline;
    while ((newline = memchr(text + line.begin, '\n', offset - line.begin))) {
        line.number++;
        line.begin = (size_t)(newline - text) + 1;
    }
    newline = memchr(text + line.begin, '\n', source->length - line.begin);
    line.end = newline ? (size_t)(newline - text) : source->length;
    if (line.end > line.begin && source->text[line.end - 1] == '\r')
        line.end--;
    return line;
}

/* Code points in [begin, end); with `cells`, the width they are shown in. */
static size_t count_characters(const struct source *source, size_t begin, size_t end, bool cells)
{
    size_t count = 0;
    while (begin < end) {
        size_t length = sequence_length((const unsigned char *)source->text + begin, source->length - begin);
        count += cells && source->text[begin] == '\t' ? TAB_WIDTH : 1;
        begin += length ? length : 1;
    }
    return count;
}

static const struct source *source_of(const struct diagnostics *diagnostics, struct span span)
{
    return span.source < diagnostics->n_sources ? diagnostics->sources[span.source] : NULL;
}

bool diag_locate(const struct diagnostics *diagnostics, struct span span, const char **path, uint32_t *line, uint32_t *column)
{
    const struct source *source = source_of(diagnostics, span);
    if (!source)
        return false;
    struct line found = find_line(source, span.begin);
    size_t offset = span.begin < source->length ? span.begin : source->length;
    *path = source->path;
    *line = found.number;
    *column = (uint32_t)count_characters(source, found.begin, offset, false) + 1;
    return true;
}

/* ---- printing ---- */

/* A label with its line; columns in cells from 0. */
struct mark {
    const struct diag_label *label;
    bool primary;
    struct line line;
    size_t begin, end;
};

struct printer {
    struct text *text;
    const struct diagnostics *diagnostics;
    bool color;
    int gutter; /* digits of the largest line number */
};

static void paint(const struct printer *printer, const char *escape)
{
    if (printer->color)
        text_put(printer->text, escape);
}

static const char *severity_color(const struct diag *diag)
{
    return diag->severity == DIAG_ERROR ? "\033[1;31m" : "\033[1;33m";
}

static void put_gutter(const struct printer *printer, const char *after)
{
    paint(printer, "\033[1;34m");
    text_printf(printer->text, "%*s%s", printer->gutter, "", after);
    paint(printer, "\033[0m");
}

static struct mark make_mark(const struct source *source, const struct diag_label *label, bool primary)
{
    struct mark mark = {.label = label, .primary = primary, .line = find_line(source, label->span.begin)};
    size_t begin = label->span.begin < mark.line.end ? label->span.begin : mark.line.end;
    size_t end = label->span.end < mark.line.end ? label->span.end : mark.line.end;
    mark.begin = count_characters(source, mark.line.begin, begin, true);
    mark.end = end > begin ? mark.begin + count_characters(source, begin, end, true) : mark.begin + 1;
    return mark;
}

/* The cells [from, from + SHOWN_WIDTH) of a line; what is cut is marked by dots inside these cells. */
static void put_line(const struct printer *printer, const struct source *source, struct line line, size_t from)
{
    paint(printer, "\033[1;34m");
    text_printf(printer->text, "%*u |", printer->gutter, line.number);
    paint(printer, "\033[0m");
    size_t cell = 0, to = from + SHOWN_WIDTH;
    bool cut = count_characters(source, line.begin, line.end, true) > to;
    if (line.end > line.begin)
        text_put(printer->text, " ");
    for (size_t at = line.begin; at < line.end && cell < to;) {
        bool tab = source->text[at] == '\t';
        bool dots = (from && cell < from + 3) || (cut && cell + 3 >= to);
        if (cell < from || dots || tab) {
            for (int i = 0; i < (tab ? TAB_WIDTH : 1); i++, cell++)
                if (cell >= from && cell < to)
                    text_put(printer->text, (from && cell < from + 3) || (cut && cell + 3 >= to) ? "." : " ");
            size_t length = sequence_length((const unsigned char *)source->text + at, source->length - at);
            at += length ? length : 1;
            continue;
        }
        at += put_character(printer->text, source->text + at, line.end - at);
        cell++;
    }
    text_put(printer->text, "\n");
}

static void put_mark(const struct printer *printer, const struct diag *diag, const struct mark *mark, size_t from)
{
    put_gutter(printer, " | ");
    size_t end = mark->end < from + SHOWN_WIDTH ? mark->end : from + SHOWN_WIDTH;
    text_printf(printer->text, "%*s", (int)(mark->begin - from), "");
    paint(printer, mark->primary ? severity_color(diag) : "\033[1;34m");
    for (size_t i = mark->begin; i < end || i == mark->begin; i++)
        text_put(printer->text, mark->primary ? "^" : "-");
    if (mark->label->text && mark->label->text[0]) {
        text_put(printer->text, " ");
        put_clean(printer->text, mark->label->text);
    }
    paint(printer, "\033[0m");
    text_put(printer->text, "\n");
}

/* Where the shown part of a line begins so that the mark is in it: at its begin, or shifted to leave some words before the mark. */
static size_t window_of(const struct mark *mark)
{
    size_t margin = SHOWN_WIDTH / 3;
    return mark->end + 4 <= SHOWN_WIDTH || mark->begin < margin ? 0 : mark->begin - margin;
}

/* All labels in one file: its place, then each line once, with the marks below it. */
static void put_snippet(const struct printer *printer, const struct diag *diag, const struct source *source,
                        const struct mark *place, const struct mark *marks, size_t count, const char *arrow)
{
    const char *path = "";
    uint32_t line = 0, column = 0;
    diag_locate(printer->diagnostics, place->label->span, &path, &line, &column);
    put_gutter(printer, arrow);
    put_clean(printer->text, path);
    text_printf(printer->text, ":%u:%u\n", line, column);
    put_gutter(printer, " |\n");
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        bool same_line = i && marks[i].line.number == marks[i - 1].line.number;
        if (!same_line || marks[i].begin < from + (from ? 3 : 0) || marks[i].begin + 3 >= from + SHOWN_WIDTH) {
            from = window_of(&marks[i]);
            put_line(printer, source, marks[i].line, from);
        }
        put_mark(printer, diag, &marks[i], from);
    }
}

static bool stands_before(const struct mark *a, const struct mark *b)
{
    return a->line.number != b->line.number ? a->line.number < b->line.number : a->begin < b->begin;
}

/* The marks of one source in order of place; equal places in order of making. */
static size_t collect_marks(const struct diagnostics *diagnostics, const struct diag *diag, uint32_t number, struct mark *marks)
{
    const struct source *source = diagnostics->sources[number];
    size_t count = 0;
    for (size_t i = 0; i <= diag->n_notes; i++) {
        const struct diag_label *label = i ? &diag->notes[i - 1] : &diag->primary;
        if (label->span.source != number)
            continue;
        struct mark mark = make_mark(source, label, i == 0);
        size_t at = count++;
        for (; at && stands_before(&mark, &marks[at - 1]); at--)
            marks[at] = marks[at - 1];
        marks[at] = mark;
    }
    return count;
}

static void put_snippets(const struct printer *printer, const struct diag *diag, struct mark *marks)
{
    const char *arrow = "--> ";
    for (size_t i = 0; i <= diag->n_notes; i++) {
        const struct diag_label *label = i ? &diag->notes[i - 1] : &diag->primary;
        const struct source *source = source_of(printer->diagnostics, label->span);
        bool done = !source || (i && diag->primary.span.source == label->span.source);
        for (size_t j = 1; j < i && !done; j++)
            done = diag->notes[j - 1].span.source == label->span.source;
        if (done)
            continue;
        size_t count = collect_marks(printer->diagnostics, diag, label->span.source, marks);
        struct mark place = make_mark(source, label, i == 0);
        put_snippet(printer, diag, source, &place, marks, count, arrow);
        arrow = "::: ";
    }
}

static void put_footer(const struct printer *printer, const char *kind, const char *words)
{
    put_gutter(printer, " = ");
    text_put(printer->text, kind);
    put_clean(printer->text, words);
    text_put(printer->text, "\n");
}

static int gutter_width(const struct diagnostics *diagnostics, const struct diag *diag)
{
    uint32_t largest = 1;
    for (size_t i = 0; i <= diag->n_notes; i++) {
        const struct diag_label *label = i ? &diag->notes[i - 1] : &diag->primary;
        const struct source *source = source_of(diagnostics, label->span);
        uint32_t number = source ? find_line(source, label->span.begin).number : 1;
        largest = number > largest ? number : largest;
    }
    int width = 1;
    for (; largest >= 10; largest /= 10)
        width++;
    return width;
}

static void print_one(struct text *text, const struct diagnostics *diagnostics, const struct diag *diag, bool color)
{
    struct printer printer = {text, diagnostics, color, gutter_width(diagnostics, diag)};
    struct mark *marks = ARENA_ARRAY(text->arena, diag->n_notes + 1, struct mark);
    if (!marks)
        return;
    paint(&printer, severity_color(diag));
    text_printf(text, "%s[%s]", diag->severity == DIAG_ERROR ? "error" : "warning", diag_code_name(diag->code));
    paint(&printer, "\033[0;1m");
    text_put(text, ": ");
    put_clean(text, diag->message);
    paint(&printer, "\033[0m");
    text_put(text, "\n");
    put_snippets(&printer, diag, marks);
    for (size_t i = 0; i <= diag->n_notes; i++) {
        const struct diag_label *label = i ? &diag->notes[i - 1] : &diag->primary;
        if (!source_of(diagnostics, label->span) && label->text)
            put_footer(&printer, "note: ", label->text);
    }
    if (diag->help)
        put_footer(&printer, "help: ", diag->help);
    text_put(text, "\n");
}

void diag_print(struct text *text, const struct diagnostics *diagnostics, bool color)
{
    for (size_t i = 0; i < diagnostics->n_items; i++)
        print_one(text, diagnostics, diagnostics->items[i], color);
    if (diagnostics->n_errors == 0)
        return;
    text_printf(text, "%zu error%s", diagnostics->n_errors, diagnostics->n_errors == 1 ? "" : "s");
    if (diagnostics->n_warnings)
        text_printf(text, ", %zu warning%s", diagnostics->n_warnings, diagnostics->n_warnings == 1 ? "" : "s");
    if (diagnostics->n_dropped)
        text_printf(text, "; %zu not shown", diagnostics->n_dropped);
    text_put(text, "\n");
}
