/* Any bytes as a random program (tests/validate.h): every pass keeps its value exactly, loops and texts agree. */
#include "validate.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *wrong = validate_bytes(data, size, NULL);
    if (wrong) {
        fprintf(stderr, "%s\n", wrong);
        abort();
    }
    return 0;
}
