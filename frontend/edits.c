/* Changes of a source's text: pieces of it and what stands there instead. What is not named stays as it was, byte for byte. */
#include <string.h>
#include "ir/ir.h"
#include "frontend.h"

bool frontend_edit(struct arena *arena, struct frontend_edits *edits, uint32_t begin, uint32_t end, const char *text)
{
    struct frontend_edit edit = {begin, end, text};
    if (!text || !ARENA_PUSH(arena, edits->items, edits->count, edits->capacity, edit))
        return false;
    size_t at = edits->count - 1;
    for (; at > 0 && edits->items[at - 1].begin > begin; at--)
        edits->items[at] = edits->items[at - 1];
    edits->items[at] = edit;
    return true;
}

const char *frontend_edited(struct arena *arena, const char *source, uint32_t begin, uint32_t end,
                            const struct frontend_edits *edits)
{
    struct text text = text_create(arena);
    uint32_t at = begin;
    for (size_t k = 0; k < edits->count; k++) {
        const struct frontend_edit *edit = &edits->items[k];
        if (edit->begin < begin || edit->end > end)
            continue;
        text_put_bytes(&text, source + at, edit->begin - at);
        text_put(&text, edit->text);
        at = edit->end;
    }
    text_put_bytes(&text, source + at, end - at);
    return text_finish(&text);
}

uint32_t frontend_edit_origin(const struct frontend_edits *edits, uint32_t place)
{
    int64_t shift = 0; /* of what is behind the edits so far: its place, less that in the source */
    for (size_t k = 0; k < edits->count; k++) {
        const struct frontend_edit *edit = &edits->items[k];
        int64_t length = (int64_t)strlen(edit->text), begin = (int64_t)edit->begin + shift;
        if (place < begin)
            break;
        if (place < begin + length)
            return edit->begin + ((int64_t)place - begin < edit->end - edit->begin ? (uint32_t)((int64_t)place - begin) : 0);
        shift += length - (edit->end - edit->begin);
    }
    return (uint32_t)((int64_t)place - shift);
}
