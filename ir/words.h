/* Words of a line, for the small files that einc reads beside programs: descriptions of machines, choices that were measured. The
 * text is an input as hostile as any: words are compared by length, numbers are converted from a bounded copy. */
#ifndef IR_WORDS_H
#define IR_WORDS_H

#include "base.h"

#include <stdlib.h>
#include <string.h>

struct word {
    const char *text;
    size_t length;
};

static inline bool word_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line, empty at its end or before a comment. */
static inline struct word word_next(const char **at, const char *end)
{
    while (*at < end && word_is_blank(**at))
        (*at)++;
    struct word word = {*at, 0};
    while (*at < end && !word_is_blank(**at) && **at != '#')
        (*at)++;
    word.length = (size_t)(*at - word.text);
    return word;
}

static inline bool word_equals(struct word word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

/* The part of a word that a message shows. */
static inline int word_shown(struct word word)
{
    return word.length < 40 ? (int)word.length : 40;
}

/* In source number `source`. */
static inline struct span word_place(const struct source *text, uint32_t source, struct word word)
{
    uint32_t begin = (uint32_t)(word.text - text->text);
    return (struct span){source, begin, begin + (uint32_t)word.length};
}

/* A number written with these characters alone; false: it is none. */
static inline bool word_number(struct word word, const char *characters, double *number)
{
    char digits[64], *end;
    if (word.length == 0 || word.length >= sizeof digits)
        return false;
    memcpy(digits, word.text, word.length);
    digits[word.length] = '\0';
    if (strspn(digits, characters) != word.length)
        return false;
    *number = strtod(digits, &end);
    return end == digits + word.length;
}

#endif
