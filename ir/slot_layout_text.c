/* The words of a layout in a schedule:
 *
 *   layout = "dims" ("-" | name "=" extent {"," name "=" extent}) "slots" {digit} ["|" {digit}]
 *            {"roll" name "mod" modulus "by" term {"," term}} ["tail" "garbage"]
 *   digit  = (name | "*" | "0" | "-") "%" radix ["*" stride]
 *   term   = number | number "*d" digit number
 *
 * "*" replicates, "0" is zero, "-" garbage; digits behind "|" number the ciphertexts. Digits are counted from 0 for terms. */
#include "slot_text.h"

#include <inttypes.h>

bool slot_is_name(const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++) {
        bool letter = (text[k] >= 'a' && text[k] <= 'z') || (text[k] >= 'A' && text[k] <= 'Z') || text[k] == '_';
        if (!letter && !(k && text[k] >= '0' && text[k] <= '9'))
            return false;
    }
    return length > 0 && length <= SLOT_NAME_BYTES;
}

bool slot_whole(const char *text, size_t length, int64_t *number)
{
    size_t at = length && text[0] == '-';
    int64_t value = 0;
    if (length == at || length - at > 18)
        return false;
    for (size_t k = at; k < length; k++) {
        if (text[k] < '0' || text[k] > '9')
            return false;
        value = value * 10 + (text[k] - '0');
    }
    *number = at ? -value : value;
    return true;
}

/* ---- printing ---- */

static void put_digit(struct text *text, const struct slot_layout *layout, const struct slot_digit *digit)
{
    static const char *const signs[] = {[SLOT_REPLICATE] = "*", [SLOT_ZERO] = "0", [SLOT_GARBAGE] = "-"};
    text_printf(text, " %s%%%" PRId64, digit->kind == SLOT_INDEX ? layout->dims[digit->dim].name : signs[digit->kind],
                digit->radix);
    if (digit->kind == SLOT_INDEX && digit->stride != 1)
        text_printf(text, "*%" PRId64, digit->stride);
}

static void put_roll(struct text *text, const struct slot_layout *layout, const struct slot_roll *roll)
{
    text_printf(text, " roll %s mod %" PRId64 " by %" PRId64, layout->dims[roll->dim].name, roll->modulus, roll->constant);
    for (uint32_t t = 0; t < roll->n_terms; t++)
        text_printf(text, ",%" PRId64 "*d%" PRIu32, roll->terms[t].factor, roll->terms[t].digit);
}

void slot_layout_print(struct text *text, const struct slot_layout *layout)
{
    text_put(text, "dims ");
    for (uint32_t k = 0; k < layout->n_dims; k++)
        text_printf(text, "%s%s=%" PRId64, k ? "," : "", layout->dims[k].name, layout->dims[k].extent);
    text_put(text, layout->n_dims ? " slots" : "- slots");
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        if (k == layout->n_slot_digits)
            text_put(text, " |");
        put_digit(text, layout, &layout->digits[k]);
    }
    for (uint32_t k = 0; k < layout->n_rolls; k++)
        put_roll(text, layout, &layout->rolls[k]);
    if (layout->tail_garbage)
        text_put(text, " tail garbage");
}

/* ---- reading ---- */

struct reader {
    struct ir_context *context;
    const struct source *text;
    uint32_t source;
    const char *at, *end;
    struct word word; /* the next one, empty at the end */
    struct slot_dim dims[SLOT_PARTS_LIMIT];
    struct slot_digit digits[SLOT_PARTS_LIMIT];
    struct slot_roll rolls[SLOT_PARTS_LIMIT];
    struct slot_layout layout;
};

static void next(struct reader *reader)
{
    reader->word = word_next(&reader->at, reader->end);
}

static bool fail(struct reader *reader, const char *what)
{
    diag_error(ir_diagnostics(reader->context), DIAG_E0753, word_place(reader->text, reader->source, reader->word), "layout: %s",
               what);
    return false;
}

static bool accept(struct reader *reader, const char *word)
{
    if (!word_equals(reader->word, word))
        return false;
    next(reader);
    return true;
}

/* What stands before `sign` in `*rest`, which then begins behind it; without the sign all of it, and `*rest` is empty. */
static struct word cut(struct word *rest, char sign)
{
    const char *found = memchr(rest->text, sign, rest->length);
    struct word first = {rest->text, found ? (size_t)(found - rest->text) : rest->length};
    *rest = found ? (struct word){found + 1, rest->length - first.length - 1} : (struct word){rest->text + rest->length, 0};
    return first;
}

static uint32_t find_dim(const struct reader *reader, struct word name)
{
    uint32_t k = 0;
    while (k < reader->layout.n_dims && !word_equals(name, reader->dims[k].name))
        k++;
    return k;
}

/* "-" | name "=" extent {"," name "=" extent} */
static bool read_dims(struct reader *reader)
{
    struct word rest = reader->word;
    uint32_t *n = &reader->layout.n_dims;
    if (accept(reader, "-"))
        return true;
    while (rest.length) {
        struct word extent = cut(&rest, ','), name = cut(&extent, '=');
        if (*n == SLOT_PARTS_LIMIT || !slot_is_name(name.text, name.length) ||
            !slot_whole(extent.text, extent.length, &reader->dims[*n].extent))
            return fail(reader, "expected dims such as `i=4,j=8`, or `-`");
        reader->dims[*n].name = arena_strndup(ir_arena(reader->context), name.text, name.length);
        if (!reader->dims[(*n)++].name)
            return false;
    }
    next(reader);
    return *n > 0 || fail(reader, "expected dims such as `i=4,j=8`, or `-`");
}

/* digit = (name | "*" | "0" | "-") "%" radix ["*" stride] */
static bool read_digit(struct reader *reader)
{
    struct word rest = reader->word, what = cut(&rest, '%'), radix = cut(&rest, '*');
    struct slot_digit digit = {.kind = SLOT_INDEX, .stride = 1};
    if (word_equals(what, "*"))
        digit.kind = SLOT_REPLICATE;
    else if (word_equals(what, "0"))
        digit.kind = SLOT_ZERO;
    else if (word_equals(what, "-"))
        digit.kind = SLOT_GARBAGE;
    else if ((digit.dim = find_dim(reader, what)) == reader->layout.n_dims)
        return fail(reader, "a digit of no dim");
    bool has_stride = rest.text > radix.text + radix.length;
    if (!slot_whole(radix.text, radix.length, &digit.radix) ||
        (has_stride && (digit.kind != SLOT_INDEX || !slot_whole(rest.text, rest.length, &digit.stride))))
        return fail(reader, "expected a digit such as `i%4`, `i%4*8` or `*%2`");
    if (reader->layout.n_digits == SLOT_PARTS_LIMIT)
        return fail(reader, "too many digits");
    reader->digits[reader->layout.n_digits++] = digit;
    next(reader);
    return true;
}

static bool read_digits(struct reader *reader)
{
    bool ciphertexts = false;
    while (reader->word.length && !word_equals(reader->word, "roll") && !word_equals(reader->word, "tail")) {
        if (!ciphertexts && accept(reader, "|")) {
            ciphertexts = true;
            continue;
        }
        if (!read_digit(reader))
            return false;
        if (!ciphertexts)
            reader->layout.n_slot_digits = reader->layout.n_digits;
    }
    return true;
}

/* term {"," term}, term = number | number "*d" number */
static bool read_terms(struct reader *reader, struct slot_roll *roll)
{
    struct word rest = reader->word;
    struct slot_roll_term terms[SLOT_PARTS_LIMIT];
    while (rest.length) {
        struct word digit = cut(&rest, ','), factor = cut(&digit, '*');
        int64_t number, place = 0;
        bool constant = digit.length == 0;
        if (!slot_whole(factor.text, factor.length, &number) ||
            (!constant && (digit.text[0] != 'd' || !slot_whole(digit.text + 1, digit.length - 1, &place))))
            return fail(reader, "expected terms such as `3` or `16*d2`");
        if (constant && checked_add(roll->constant, number, &roll->constant))
            continue;
        if (constant || place < 0 || place >= SLOT_PARTS_LIMIT || roll->n_terms == SLOT_PARTS_LIMIT)
            return fail(reader, "a roll has too many terms, or one of no digit");
        terms[roll->n_terms++] = (struct slot_roll_term){(uint32_t)place, number};
    }
    if (!reader->word.length)
        return fail(reader, "expected terms such as `3` or `16*d2`");
    next(reader);
    roll->terms = arena_copy(ir_arena(reader->context), terms, roll->n_terms, sizeof *terms);
    return roll->terms != NULL;
}

/* name "mod" modulus "by" terms */
static bool read_roll(struct reader *reader)
{
    struct slot_roll roll = {.dim = find_dim(reader, reader->word)};
    if (roll.dim == reader->layout.n_dims || reader->layout.n_rolls == SLOT_PARTS_LIMIT)
        return fail(reader, "a roll of no dim, or too many rolls");
    next(reader);
    if (!accept(reader, "mod") || !slot_whole(reader->word.text, reader->word.length, &roll.modulus))
        return fail(reader, "expected `mod` and a number");
    next(reader);
    if (!accept(reader, "by"))
        return fail(reader, "expected `by`");
    if (!read_terms(reader, &roll))
        return false;
    reader->rolls[reader->layout.n_rolls++] = roll;
    return true;
}

static bool read_words(struct reader *reader)
{
    next(reader);
    if (!accept(reader, "dims"))
        return fail(reader, "expected `dims`");
    if (!read_dims(reader))
        return false;
    if (!accept(reader, "slots"))
        return fail(reader, "expected `slots`");
    if (!read_digits(reader))
        return false;
    while (accept(reader, "roll"))
        if (!read_roll(reader))
            return false;
    if (accept(reader, "tail") && !(reader->layout.tail_garbage = accept(reader, "garbage")))
        return fail(reader, "expected `garbage`");
    return !reader->word.length || fail(reader, "unexpected word");
}

const struct slot_layout *slot_layout_read(struct ir_context *context, int64_t slots, const struct source *text, uint32_t source,
                                           const char *at, const char *end)
{
    struct reader reader = {.context = context, .text = text, .source = source, .at = at, .end = end};
    if (!read_words(&reader))
        return NULL;
    reader.layout.slots = slots;
    reader.layout.dims = reader.dims;
    reader.layout.digits = reader.digits;
    reader.layout.rolls = reader.rolls;
    uint32_t begin = (uint32_t)(at - text->text);
    return slot_layout_create(context, &reader.layout, (struct span){source, begin, begin + (uint32_t)(end - at)});
}
