/* A walk over C text as a compiler's first phases see it: comments, strings, brackets.
 *
 * Names and words of the source stand in emitted comments and strings. Whatever the source holds, they must not end a comment,
 * open one within, continue a line, form a trigraph, or leave a string. Line comments are not emitted, so none is accepted. */
#include "c_text.h"

#include <string.h>

enum { NESTING = 4096 };

struct walk {
    const char *at, *end;
    char open[NESTING];
    size_t depth;
};

static const char *skip_comment(struct walk *walk)
{
    for (walk->at += 2; walk->at + 1 < walk->end; walk->at++) {
        if (walk->at[0] == '*' && walk->at[1] == '/') {
            walk->at += 2;
            return NULL;
        }
        if (walk->at[0] == '/' && walk->at[1] == '*')
            return "a comment opens within a comment";
        if (walk->at[0] == '\\' && walk->at[1] == '\n')
            return "a line of a comment is continued";
        if ((unsigned char)walk->at[0] < ' ' && walk->at[0] != '\n')
            return "a control character in a comment";
    }
    return "a comment does not end";
}

static const char *skip_quoted(struct walk *walk)
{
    char quote = *walk->at++;
    for (; walk->at < walk->end && *walk->at != quote; walk->at++) {
        if (*walk->at == '\\')
            walk->at++;
        if (walk->at == walk->end || *walk->at < ' ' || *walk->at > '~')
            return "a byte in a string or character that is not printable ASCII";
    }
    if (walk->at == walk->end)
        return "a string or character does not end";
    walk->at++;
    return NULL;
}

static const char *step_bracket(struct walk *walk)
{
    static const char opening[] = "([{", closing[] = ")]}";
    const char *opened = strchr(opening, *walk->at), *closed = strchr(closing, *walk->at);
    if (opened) {
        if (walk->depth == NESTING)
            return "brackets nest too deeply";
        walk->open[walk->depth++] = closing[opened - opening];
    } else if (closed && (walk->depth == 0 || walk->open[--walk->depth] != *walk->at)) {
        return "a bracket without its other one";
    }
    return NULL;
}

static const char *step(struct walk *walk)
{
    char c = *walk->at, next = walk->at + 1 < walk->end ? walk->at[1] : '\0';
    if (c == '/' && next == '*')
        return skip_comment(walk);
    if (c == '/' && next == '/')
        return "a line comment";
    if (c == '*' && next == '/')
        return "the end of a comment outside comments";
    if (c == '"' || c == '\'')
        return skip_quoted(walk);
    if (c != '\n' && c != '\t' && (c < ' ' || c > '~'))
        return "a byte in code that is not printable ASCII";
    const char *fault = c ? step_bracket(walk) : NULL;
    walk->at++;
    return fault;
}

static const char *find_trigraph(const char *text, size_t length)
{
    for (size_t k = 0; k + 2 < length; k++)
        if (text[k] == '?' && text[k + 1] == '?' && strchr("=/'()!<>-", text[k + 2]))
            return "a trigraph";
    return NULL;
}

const char *c_text_fault(const char *text, size_t length)
{
    struct walk walk = {.at = text, .end = text + length};
    const char *fault = find_trigraph(text, length);
    while (!fault && walk.at < walk.end)
        fault = step(&walk);
    return fault ? fault : walk.depth ? "a bracket stays open" : NULL;
}
