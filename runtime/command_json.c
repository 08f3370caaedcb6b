/* What commands print as JSON. */
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>

bool command_print_json(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    json_decref(root);
    free(text);
    return text != NULL;
}
