/* Choices that were measured, as text: what `einc tune` writes and `--tune` reads (docs/tuning.md).
 *
 *     einc-tune 1
 *     target 0123456789abcdef
 *     KERNEL TENSOR KEY SECONDS BEFORE PANELS INDEX=TILE[/BLOCK] ...
 *
 * The tile of the index that vectors run along is LANESxVECTORS. `#` begins a comment. Names are for readers and messages but that
 * of the kernel; indices count by their place. The file is an input as hostile as any: a line that is none of these is an error,
 * and whether a choice is legal is asked where it is applied. What was written for another machine is left out with a warning. */
#include "passes.h"
#include "ir/words.h"

#include <inttypes.h>
#include <math.h>

static const char *const panels[] = {"none", "a", "b", "ab"};

/* ---- what choices depend on beside the product ---- */

/* All that says which tiles and blocks are legal or near the best; rates, which differ at each measurement, do not. */
static uint64_t target_key(const struct machine *machine, int64_t threads)
{
    const int64_t fields[] = {machine->vector_bytes, machine->vector_registers, machine->has_fma,  machine->has_masks, threads,
                              machine->line_bytes,   machine->l1_bytes,         machine->l2_bytes, machine->l3_bytes};
    uint64_t hash = 0;
    for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
        hash = hash_mix(hash, (uint64_t)fields[k]);
    return hash;
}

/* ---- printing ---- */

void tune_print_head(struct text *text, const struct machine *machine, int64_t threads)
{
    text_printf(text, "einc-tune 1 # how products are cut, as measured by einc tune; --tune=FILE takes it\n");
    text_printf(text,
                "target %016" PRIx64 " # vectors of %" PRId64 " bytes, %" PRId64 " registers, caches of %" PRId64 ", %" PRId64
                ", %" PRId64 " bytes, %" PRId64 " thread%s\n",
                target_key(machine, threads), machine->vector_bytes, machine->vector_registers, machine->l1_bytes,
                machine->l2_bytes, machine->l3_bytes, threads ? threads : 1, threads > 1 ? "s" : "");
    text_put(text, "# kernel tensor key seconds before panels index=tile/block\n");
}

void tune_print(struct text *text, const struct pass_tuned *tuned, const char *const *indices)
{
    const struct tile_choice *choice = &tuned->choice;
    bool by_reuse = choice->pack[0] == PACK_BY_REUSE;
    text_printf(text, "%s %s %016" PRIx64 " %.3e %.3e %s", tuned->kernel, tuned->tensor, tuned->key, tuned->seconds,
                tuned->seconds_before,
                by_reuse ? "auto" : panels[(choice->pack[0] == PACK_ALWAYS) + 2 * (choice->pack[1] == PACK_ALWAYS)]);
    for (uint32_t k = 0; k < choice->n_axes; k++) {
        const struct tile_cut *cut = &choice->cuts[k];
        if (k == choice->lane)
            text_printf(text, " %s=%" PRId64 "x%" PRId64, indices[k], choice->lanes, cut->tile / choice->lanes);
        else
            text_printf(text, " %s=%" PRId64, indices[k], cut->tile);
        if (cut->block)
            text_printf(text, "/%" PRId64, cut->block);
    }
    text_put(text, "\n");
}

/* ---- reading ---- */

struct tune_reader {
    struct diagnostics *diagnostics;
    struct arena *arena;
    const struct source *source;
    uint32_t number; /* of the source */
    struct pass_tuning *tuning;
};

static bool refuse(struct tune_reader *reader, struct word word, const char *wanted)
{
    struct span place = word_place(reader->source, reader->number, word);
    if (word.length)
        diag_error(reader->diagnostics, DIAG_E0841, place, "%s expected, found `%.*s`", wanted, word_shown(word), word.text);
    else
        diag_error(reader->diagnostics, DIAG_E0841, place, "%s expected", wanted);
    return false;
}

/* No byte ends it early: what is compared is what the file says. */
static bool read_name(struct tune_reader *reader, struct word word, const char **name)
{
    if (!word.length || memchr(word.text, '\0', word.length))
        return refuse(reader, word, "a name");
    *name = arena_strndup(reader->arena, word.text, word.length);
    return *name != NULL;
}

static bool read_key(struct tune_reader *reader, struct word word, uint64_t *key)
{
    static const char digits[] = "0123456789abcdef";
    *key = 0;
    for (size_t k = 0; k < word.length && word.length == 16; k++) {
        const char *digit = word.text[k] ? strchr(digits, word.text[k]) : NULL;
        if (!digit)
            return refuse(reader, word, "a key of 16 hexadecimal digits");
        *key = *key << 4 | (uint64_t)(digit - digits);
    }
    return word.length == 16 || refuse(reader, word, "a key of 16 hexadecimal digits");
}

static bool read_seconds(struct tune_reader *reader, struct word word, double *seconds)
{
    return (word_number(word, "0123456789.eE+-", seconds) && *seconds > 0 && isfinite(*seconds)) ||
           refuse(reader, word, "a time in seconds");
}

static bool read_panels(struct tune_reader *reader, struct word word, struct tile_choice *choice)
{
    if (word_equals(word, "auto"))
        return true;
    for (int kind = 0; kind < 4; kind++)
        if (word_equals(word, panels[kind])) {
            choice->pack[0] = kind & 1 ? PACK_ALWAYS : PACK_NEVER;
            choice->pack[1] = kind & 2 ? PACK_ALWAYS : PACK_NEVER;
            return true;
        }
    return refuse(reader, word, "auto, none, a, b or ab");
}

/* A size at the beginning of the rest of a word; what any tile or block is below. */
static bool take_size(struct word *rest, int64_t *size)
{
    enum { DIGITS = 9 };
    size_t length = 0;
    for (*size = 0; length < rest->length && length <= DIGITS && rest->text[length] >= '0' && rest->text[length] <= '9'; length++)
        *size = *size * 10 + (rest->text[length] - '0');
    *rest = (struct word){rest->text + length, rest->length - length};
    return length > 0 && length <= DIGITS && *size > 0;
}

static bool take(struct word *rest, char c)
{
    if (!rest->length || *rest->text != c)
        return false;
    *rest = (struct word){rest->text + 1, rest->length - 1};
    return true;
}

/* INDEX=TILE, INDEX=LANESxVECTORS, either with /BLOCK */
static bool read_cut(struct tune_reader *reader, struct word word, struct tile_choice *choice, size_t *capacity)
{
    struct tile_cut cut = {0};
    int64_t vectors = 0;
    size_t name = 0;
    while (name < word.length && word.text[name] != '=')
        name++;
    struct word rest = {word.text + name, word.length - name};
    bool good = name > 0 && take(&rest, '=') && take_size(&rest, &cut.tile);
    if (good && take(&rest, 'x')) {
        good = choice->lane == UINT32_MAX && take_size(&rest, &vectors);
        choice->lane = choice->n_axes;
        choice->lanes = cut.tile;
        cut.tile *= vectors;
    }
    if (good && take(&rest, '/'))
        good = take_size(&rest, &cut.block);
    if (!good || rest.length)
        return refuse(reader, word, "INDEX=TILE, INDEX=TILE/BLOCK, or for one index INDEX=LANESxVECTORS/BLOCK");
    return ARENA_PUSH(reader->arena, choice->cuts, choice->n_axes, *capacity, cut);
}

static bool read_choice(struct tune_reader *reader, struct word kernel, const char *at, const char *end)
{
    struct word tensor = word_next(&at, end), key = word_next(&at, end), seconds = word_next(&at, end);
    struct word before = word_next(&at, end), pack = word_next(&at, end);
    struct pass_tuned tuned = {.span = word_place(reader->source, reader->number, kernel),
                               .choice = {.lane = UINT32_MAX, .lanes = 1}};
    if (!read_name(reader, kernel, &tuned.kernel) || !read_name(reader, tensor, &tuned.tensor) ||
        !read_key(reader, key, &tuned.key) || !read_seconds(reader, seconds, &tuned.seconds) ||
        !read_seconds(reader, before, &tuned.seconds_before) || !read_panels(reader, pack, &tuned.choice))
        return false;
    size_t capacity = 0;
    struct word word = word_next(&at, end);
    do
        if (!read_cut(reader, word, &tuned.choice, &capacity))
            return false;
    while ((word = word_next(&at, end)).length);
    if (tuned.choice.lane == UINT32_MAX)
        tuned.choice.lane = tuned.choice.n_axes;
    const struct pass_tuned *first = tune_find(reader->tuning, tuned.kernel, tuned.key);
    if (first) {
        struct diag *diag = diag_error(reader->diagnostics, DIAG_E0841, tuned.span, "a second choice for the same product");
        diag_note(reader->diagnostics, diag, first->span, "here first");
        return false;
    }
    return ARENA_PUSH(reader->arena, reader->tuning->items, reader->tuning->count, reader->tuning->capacity, tuned);
}

/* The n-th line that is not empty: version, target, choices. */
static bool read_line(struct tune_reader *reader, size_t n, const char *at, const char *end, uint64_t *target, struct span *place)
{
    struct word first = word_next(&at, end);
    if (n > 1)
        return read_choice(reader, first, at, end);
    if (!word_equals(first, n ? "target" : "einc-tune"))
        return refuse(reader, first, n ? "`target` and its key" : "`einc-tune 1`");
    struct word value = word_next(&at, end);
    *place = word_place(reader->source, reader->number, value);
    if (n == 0 && !word_equals(value, "1"))
        return refuse(reader, value, "version 1");
    if (n == 1 && !read_key(reader, value, target))
        return false;
    struct word more = word_next(&at, end);
    return !more.length || refuse(reader, more, "the end of the line");
}

struct pass_tuning *tune_read(struct ir_context *context, const struct source *source, const struct machine *machine,
                              int64_t threads)
{
    struct tune_reader reader = {.diagnostics = ir_diagnostics(context),
                                 .arena = ir_arena(context),
                                 .source = source,
                                 .number = diag_add_source(ir_diagnostics(context), source),
                                 .tuning = ARENA_NEW(ir_arena(context), struct pass_tuning)};
    const char *end = source->text + source->length;
    struct span place = SPAN_NONE;
    uint64_t target = 0;
    size_t n = 0;
    bool good = reader.tuning != NULL;
    for (const char *line = source->text, *stop; line < end && (good || n > 1); line = stop + 1) {
        const char *at = line;
        stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        if (word_next(&at, stop).length)
            good = read_line(&reader, n++, line, stop, &target, &place) && good;
    }
    if (good && n < 2)
        good = refuse(&reader, (struct word){end, 0}, "`einc-tune 1`, and `target` with its key,");
    if (!good || arena_failed(reader.arena))
        return NULL;
    if (target == target_key(machine, threads))
        return reader.tuning;
    struct diag *diag = diag_warning(reader.diagnostics, DIAG_W0841, place, "these choices were measured for another target");
    diag_help(reader.diagnostics, diag, "they are not taken; measure again with einc tune, or name that target, and its threads");
    reader.tuning->count = 0;
    return reader.tuning;
}

/* ---- using ---- */

struct pass_tuned *tune_find(const struct pass_tuning *tuning, const char *kernel, uint64_t key)
{
    for (size_t k = 0; k < tuning->count; k++)
        if (tuning->items[k].key == key && strcmp(tuning->items[k].kernel, kernel) == 0)
            return &tuning->items[k];
    return NULL;
}

void tune_warn_unused(struct ir_context *context, const struct pass_tuning *tuning)
{
    for (size_t k = 0; k < tuning->count; k++) {
        const struct pass_tuned *tuned = &tuning->items[k];
        if (tuned->used)
            continue;
        struct diag *diag = diag_warning(ir_diagnostics(context), DIAG_W0841, tuned->span,
                                         "no product of a kernel `%s` is the one that this was measured for", tuned->kernel);
        diag_help(ir_diagnostics(context), diag, "the source, its --dims or options have changed: measure again with einc tune");
    }
}
