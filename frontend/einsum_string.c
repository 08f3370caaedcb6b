/* Reading einsum strings, `ai,bj,...ij->...ab`, by NumPy's rules.
 *
 * A label is an ASCII letter or any code point from U+00C0 on; spaces mean nothing but may not stand inside `->` or `...`; a term
 * has at most one ellipsis. Without an arrow the output is implicit (einsum_lower.c). Every mistake is shown inside the string. */
#include "einsum.h"

#include <string.h>

struct einsum_reader {
    struct ir_context *context;
    const char *text;
    size_t length, at;
    struct span span; /* of the whole string */
};

static struct span reader_span(const struct einsum_reader *reader, size_t begin, size_t end)
{
    uint32_t base = reader->span.begin;
    return (struct span){reader->span.source, base + (uint32_t)begin, base + (uint32_t)end};
}

/* The code point at `at` and its length in bytes; a malformed sequence is one byte that is no label. */
static uint32_t decode(const struct einsum_reader *reader, size_t *bytes)
{
    const unsigned char *text = (const unsigned char *)reader->text + reader->at;
    size_t left = reader->length - reader->at;
    static const struct {
        unsigned char mask, lead;
        size_t bytes;
    } forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};
    *bytes = 1;
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        if ((text[0] & forms[k].mask) != forms[k].lead || forms[k].bytes > left)
            continue;
        uint32_t code = text[0] & (unsigned)(unsigned char)~forms[k].mask;
        for (size_t b = 1; b < forms[k].bytes; b++) {
            if ((text[b] & 0xc0) != 0x80)
                return 0x80;
            code = code << 6 | (text[b] & 0x3fU);
        }
        *bytes = forms[k].bytes;
        return code;
    }
    return 0x80;
}

static bool is_label(uint32_t code)
{
    return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') || code >= 0xc0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool add_label(struct einsum_reader *reader, struct einsum_term *term, uint32_t code, size_t bytes)
{
    struct einsum_label label = {code, reader_span(reader, reader->at, reader->at + bytes)};
    struct arena *arena = ir_arena(reader->context);
    size_t count = term->n_labels;
    bool added = ARENA_PUSH(arena, term->labels, count, term->capacity, label);
    term->n_labels = (uint32_t)count;
    reader->at += bytes;
    return added;
}

static bool read_ellipsis(struct einsum_reader *reader, struct einsum_term *term)
{
    struct diagnostics *diagnostics = ir_diagnostics(reader->context);
    size_t dots = 0;
    while (reader->at + dots < reader->length && reader->text[reader->at + dots] == '.')
        dots++;
    if (dots == 3 && !term->has_ellipsis) {
        term->has_ellipsis = true;
        return add_label(reader, term, EINSUM_ELLIPSIS, 3);
    }
    struct diag *diag = diag_error(diagnostics, DIAG_E0402, reader_span(reader, reader->at, reader->at + dots),
                                   dots == 3 ? "a second ellipsis in one term" : "these dots are no ellipsis");
    diag_help(diagnostics, diag, "an ellipsis is `...`, at most once a term");
    return false;
}

/* One term up to `,`, `->` or the end. */
static bool read_term(struct einsum_reader *reader, struct einsum_term *term)
{
    struct diagnostics *diagnostics = ir_diagnostics(reader->context);
    *term = (struct einsum_term){0};
    size_t begin = reader->at;
    while (reader->at < reader->length) {
        char c = reader->text[reader->at];
        size_t bytes;
        if (c == ',' || c == '-')
            break;
        if (is_space(c)) {
            reader->at++;
            continue;
        }
        if (c == '.') {
            if (!read_ellipsis(reader, term))
                return false;
            continue;
        }
        uint32_t code = decode(reader, &bytes);
        if (!is_label(code)) {
            struct diag *diag = diag_error(diagnostics, DIAG_E0401, reader_span(reader, reader->at, reader->at + bytes),
                                           "this character is no label");
            diag_help(diagnostics, diag,
                      "a label is an ASCII letter or a character from U+00C0 on; terms are split by `,` and `->`");
            return false;
        }
        if (!add_label(reader, term, code, bytes))
            return false;
    }
    term->span = reader_span(reader, begin, reader->at);
    return true;
}

static bool read_arrow(struct einsum_reader *reader, bool again)
{
    struct diagnostics *diagnostics = ir_diagnostics(reader->context);
    bool arrow = reader->at + 1 < reader->length && reader->text[reader->at + 1] == '>';
    if (arrow && !again) {
        reader->at += 2;
        return true;
    }
    struct diag *diag = diag_error(diagnostics, DIAG_E0408, reader_span(reader, reader->at, reader->at + (arrow ? 2 : 1)),
                                   arrow ? "a second `->`" : "`-` is not followed by `>`");
    diag_help(diagnostics, diag, "one `->` stands before the output's labels");
    return false;
}

bool einsum_parse(struct ir_context *context, const char *text, size_t length, struct span span, struct einsum_string *string)
{
    struct einsum_reader reader = {context, text, length, 0, span};
    struct diagnostics *diagnostics = ir_diagnostics(context);
    size_t n_terms = 0, capacity = 0;
    struct einsum_term term;
    *string = (struct einsum_string){.span = span};
    for (;;) {
        if (!read_term(&reader, &term) || !ARENA_PUSH(ir_arena(context), string->terms, n_terms, capacity, term))
            return false;
        string->n_terms = (uint32_t)n_terms;
        if (reader.at == length)
            return true;
        if (text[reader.at] != ',')
            break;
        reader.at++;
    }
    if (!read_arrow(&reader, false) || !read_term(&reader, &string->output))
        return false;
    string->has_output = true;
    if (reader.at == length)
        return true;
    if (text[reader.at] == '-')
        return read_arrow(&reader, true);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0408, reader_span(&reader, reader.at, reader.at + 1), "a second term after `->`");
    diag_help(diagnostics, diag, "an einsum has one output");
    return false;
}
