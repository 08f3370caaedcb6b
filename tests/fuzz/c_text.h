/* Whether emitted C is closed in itself: a check of its surface that needs no compiler. */
#ifndef TESTS_FUZZ_C_TEXT_H
#define TESTS_FUZZ_C_TEXT_H

#include <stddef.h>

/* What is wrong with the text, NULL for nothing: a comment, string or character that does not end where it should or holds what
 * some compiler could take for its end, a bracket without its other one, a byte that is not printable ASCII in code or strings. */
const char *c_text_fault(const char *text, size_t length);

#endif
