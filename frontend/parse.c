/* From text to syntax tree: lexer, brackets, grammar. Says what is wrong and goes on; the tree holds what could be read. */
#include <string.h>
#include "parse.h"

static bool fits_limits(struct parser *parser, const struct source *source)
{
    if (source->length <= FRONTEND_SOURCE_BYTES)
        return true;
    struct span place = {parser->source_number, 0, 0};
    diag_error(parser->diagnostics, DIAG_E0902, place, "the source has %zu bytes; at most %d are read", source->length,
               FRONTEND_SOURCE_BYTES);
    return false;
}

/* Lexer, brackets and grammar each go over the whole text; the user reads from top to bottom. */
static void sort_by_place(struct diag **items, size_t n)
{
    for (size_t k = 1; k < n; k++) {
        struct diag *moved = items[k];
        size_t at = k;
        for (; at > 0 && items[at - 1]->primary.span.begin > moved->primary.span.begin; at--)
            items[at] = items[at - 1];
        items[at] = moved;
    }
}

struct ast_file *parse_file(struct ir_context *context, uint32_t source_number)
{
    struct diagnostics *diagnostics = ir_diagnostics(context);
    const struct source *source = diagnostics->sources[source_number];
    struct parser parser = {.context = context,
                            .arena = ir_arena(context),
                            .diagnostics = diagnostics,
                            .source_number = source_number,
                            .text = source->text};
    if (!fits_limits(&parser, source))
        return NULL;
    parser.length = (uint32_t)source->length;
    parser.file = ARENA_NEW(parser.arena, struct ast_file);
    if (!parser.file)
        return NULL;
    size_t n_before = diagnostics->n_items;
    lexer_read(&parser);
    if (!arena_failed(parser.arena))
        brackets_pair(&parser);
    if (!arena_failed(parser.arena))
        grammar_run(&parser);
    if (diagnostics->n_items > n_before)
        sort_by_place(diagnostics->items + n_before, diagnostics->n_items - n_before);
    return arena_failed(parser.arena) ? NULL : parser.file;
}
