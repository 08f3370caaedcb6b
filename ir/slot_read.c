/* Reads the text of schedules (docs/schedule.md), a line at a time; slot_layout_text.c reads the layouts in it. The first mistake
 * ends the reading with a diagnostic E0753. Nothing here trusts the text: names and numbers are checked by length and range, the
 * sidecar by its length and checksum. Levels, scales, keys and counts are taken down as claims: `slot_verify` judges them. */
#include "slot_text.h"
#include "ir_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct named {
    struct word name;
    const struct slot_value *value;
    struct slot_constant *constant;
};

struct reader {
    struct ir_context *context;
    struct arena *arena;
    const struct source *text;
    uint32_t source;
    const char *at, *end; /* of what is left of the line */
    struct word word;     /* read last */
    slot_load_function *load;
    void *user;
    struct slot_program *program;
    struct slot_claims *claims;
    struct intern_table values, constants;
    const char *sidecar;
    size_t doubles;
    double *numbers;  /* of the constant that is read: S of them */
    size_t n_numbers; /* of all constants */
    bool has_end;
};

/* ---- words ---- */

static struct word next(struct reader *reader)
{
    return reader->word = word_next(&reader->at, reader->end);
}

static struct span here(const struct reader *reader)
{
    return word_place(reader->text, reader->source, reader->word);
}

static bool fail(struct reader *reader, const char *what)
{
    diag_error(ir_diagnostics(reader->context), DIAG_E0753, here(reader), "schedule: %s", what);
    return false;
}

static bool past_limit(struct reader *reader, const char *what, int64_t limit)
{
    diag_error(ir_diagnostics(reader->context), DIAG_E0923, here(reader), "schedule: more than %" PRId64 " %s", limit, what);
    return false;
}

static bool expect(struct reader *reader, const char *word)
{
    if (word_equals(next(reader), word))
        return true;
    diag_error(ir_diagnostics(reader->context), DIAG_E0753, here(reader), "schedule: expected `%s`", word);
    return false;
}

static bool number(struct reader *reader, int64_t least, int64_t most, int64_t *value)
{
    struct word word = next(reader);
    if (slot_whole(word.text, word.length, value) && *value >= least && *value <= most)
        return true;
    diag_error(ir_diagnostics(reader->context), DIAG_E0753, here(reader),
               "schedule: expected a number from %" PRId64 " to %" PRId64, least, most);
    return false;
}

static bool small(struct reader *reader, int64_t least, int64_t most, uint32_t *value)
{
    int64_t wide;
    bool read = number(reader, least, most, &wide);
    *value = read ? (uint32_t)wide : 0;
    return read;
}

static bool after_word(struct reader *reader, const char *word, int64_t least, int64_t most, uint32_t *value)
{
    return expect(reader, word) && small(reader, least, most, value);
}

static const char *name(struct reader *reader)
{
    struct word word = next(reader);
    if (slot_is_name(word.text, word.length))
        return arena_strndup(reader->arena, word.text, word.length);
    fail(reader, "expected a name");
    return NULL;
}

static bool at_end(struct reader *reader)
{
    return !next(reader).length || fail(reader, "unexpected word");
}

/* The piece of a list before the next comma; false at its end. */
static bool piece(struct word *rest, struct word *first)
{
    if (!rest->text)
        return false;
    const char *comma = memchr(rest->text, ',', rest->length);
    *first = *rest;
    *rest = (struct word){NULL, 0};
    if (comma) {
        *rest = (struct word){comma + 1, (size_t)(first->text + first->length - comma - 1)};
        first->length = (size_t)(comma - first->text);
    }
    return true;
}

/* ---- what has a name ---- */

static uint64_t name_hash(struct word name)
{
    return hash_bytes(1, name.text, name.length);
}

static bool name_equal(const void *key, const void *item)
{
    const struct named *a = key, *b = item;
    return a->name.length == b->name.length && !memcmp(a->name.text, b->name.text, a->name.length);
}

static bool define(struct reader *reader, struct intern_table *table, struct named named, struct span span)
{
    uint64_t hash = name_hash(named.name);
    if (intern_find(table, hash, &named, name_equal)) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0753, span, "schedule: defined twice");
        return false;
    }
    return intern_add(reader->arena, table, hash, arena_copy(reader->arena, &named, 1, sizeof named)) != NULL;
}

static const struct named *find(struct reader *reader, const struct intern_table *table, const char *what)
{
    struct named key = {.name = next(reader)};
    const struct named *found = intern_find(table, name_hash(key.name), &key, name_equal);
    if (!found)
        fail(reader, what);
    return found;
}

static const struct slot_value *find_value(struct reader *reader)
{
    const struct named *found = find(reader, &reader->values, "no such value before this line");
    return found ? found->value : NULL;
}

static struct slot_value *add_value(struct reader *reader, struct word name, struct span span, struct slot_value value)
{
    struct slot_program *program = reader->program;
    if (program->n_values == SLOT_VALUES_LIMIT) {
        past_limit(reader, "values", SLOT_VALUES_LIMIT);
        return NULL;
    }
    value.id = (uint32_t)program->n_values;
    value.span = span;
    struct slot_value *made = arena_copy(reader->arena, &value, 1, sizeof value);
    if (!made || !ARENA_PUSH(reader->arena, program->values, program->n_values, program->values_capacity, made) ||
        !define(reader, &reader->values, (struct named){name, made, NULL}, span))
        return NULL;
    return made;
}

/* ---- the head ---- */

/* "program" name "slots" S "levels" L "scale" bits */
static bool read_program(struct reader *reader)
{
    uint32_t slots, levels, scale;
    const char *called = name(reader);
    if (!called || !after_word(reader, "slots", 2, SLOT_SLOTS_LIMIT, &slots) ||
        !after_word(reader, "levels", 0, SLOT_LEVELS_LIMIT, &levels) || !after_word(reader, "scale", 1, SLOT_SCALE_LIMIT, &scale))
        return false;
    if (slots & (slots - 1))
        return fail(reader, "the number of slots is no power of two");
    reader->program = slot_program_create(reader->context, called, slots, levels, scale);
    return reader->program != NULL;
}

/* "ring" "N" degree "bits" list "security" bits */
static bool read_ring(struct reader *reader)
{
    struct slot_ring *ring = &reader->program->ring;
    uint32_t degree;
    struct word item;
    *ring = (struct slot_ring){0};
    reader->claims->ring_span = here(reader);
    if (!after_word(reader, "N", 4, SLOT_DEGREE_LIMIT, &degree) || !expect(reader, "bits"))
        return false;
    for (struct word rest = next(reader); piece(&rest, &item);) {
        int64_t bits;
        if (ring->n_bits == SLOT_LEVELS_LIMIT + 2 || !slot_whole(item.text, item.length, &bits) || bits < 2 ||
            bits > SLOT_SCALE_LIMIT)
            return fail(reader, "expected bits of primes, each from 2 to 60");
        ring->bits[ring->n_bits++] = (uint32_t)bits;
    }
    ring->degree = degree;
    return after_word(reader, "security", 0, 256, &ring->security);
}

static bool read_steps(struct reader *reader, int32_t **steps, size_t *n, bool *conj)
{
    size_t capacity = 0;
    struct word item;
    *steps = NULL;
    *n = 0;
    if (word_equals(next(reader), "-"))
        return true;
    for (struct word rest = reader->word; piece(&rest, &item);) {
        int64_t step;
        if (conj && word_equals(item, "conj")) {
            *conj = true;
            continue;
        }
        if (!slot_whole(item.text, item.length, &step) || step < -SLOT_SLOTS_LIMIT || step > SLOT_SLOTS_LIMIT)
            return fail(reader, "expected steps of rotations");
        if (!ARENA_PUSH(reader->arena, *steps, *n, capacity, (int32_t)step))
            return false;
    }
    return true;
}

/* "keys" ("-" | step {"," step} [",conj"]) */
static bool read_keys(struct reader *reader)
{
    reader->claims->keys_span = here(reader);
    return read_steps(reader, &reader->claims->keys, &reader->claims->n_keys, &reader->claims->conj);
}

static bool read_relin(struct reader *reader)
{
    uint32_t flag = 0;
    reader->claims->relin_span = here(reader);
    bool read = small(reader, 0, 1, &flag);
    reader->claims->relin = flag;
    return read;
}

static bool read_rotdir(struct reader *reader)
{
    return expect(reader, "left");
}

/* ---- constants ---- */

/* "sidecar" file "doubles" count "crc32" hex */
static bool read_sidecar(struct reader *reader)
{
    struct word file = next(reader);
    struct span span = here(reader);
    char shown[9];
    int64_t doubles;
    size_t length;
    if (!slot_is_file_name(file.text, file.length))
        return fail(reader, "expected the bare name of a file");
    const char *path = arena_strndup(reader->arena, file.text, file.length);
    if (!path || !expect(reader, "doubles") || !number(reader, 1, INT64_C(1) << 40, &doubles) || !expect(reader, "crc32"))
        return false;
    struct word crc = next(reader);
    if (reader->sidecar)
        return fail(reader, "a second sidecar");
    if (!reader->load(reader->user, path, span, &reader->sidecar, &length))
        return false;
    snprintf(shown, sizeof shown, "%08" PRIx32, slot_crc32(reader->sidecar, length));
    if (length != (uint64_t)doubles * 8 || !word_equals(crc, shown)) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0753, span, "schedule: `%s` is not the file this was written with", path);
        return false;
    }
    reader->doubles = (size_t)doubles;
    return true;
}

bool slot_is_file_name(const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++)
        if (!slot_is_name(&text[k], 1) && !(text[k] >= '0' && text[k] <= '9') && text[k] != '-' && text[k] != '.')
            return false;
    return length > 0 && length <= 255 && text[0] != '.';
}

static double load_little_endian(const char *at)
{
    uint64_t bits = 0;
    double value;
    for (int k = 0; k < 8; k++)
        bits |= (uint64_t)(unsigned char)at[k] << 8 * k;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* "file" "offset" doubles "len" doubles */
static bool read_file_data(struct reader *reader, size_t *length)
{
    int64_t offset, count;
    if (!expect(reader, "offset") || !number(reader, 0, INT64_C(1) << 40, &offset) || !expect(reader, "len") ||
        !number(reader, 1, reader->program->slots, &count))
        return false;
    if ((uint64_t)offset > reader->doubles || (uint64_t)count > reader->doubles - (uint64_t)offset)
        return fail(reader, "the sidecar is not that long");
    for (size_t k = 0; k < (size_t)count; k++)
        reader->numbers[k] = load_little_endian(&reader->sidecar[8 * ((size_t)offset + k)]);
    *length = (size_t)count;
    return true;
}

/* "rle" number "x" count {"," number "x" count} */
static bool read_runs(struct reader *reader, size_t *length)
{
    struct word item;
    *length = 0;
    for (struct word rest = next(reader); piece(&rest, &item);) {
        const char *cross = memchr(item.text, 'x', item.length);
        double value;
        int64_t count;
        if (!cross || !word_number((struct word){item.text, (size_t)(cross - item.text)}, "0123456789+-.e", &value) ||
            !slot_whole(cross + 1, (size_t)(item.text + item.length - cross - 1), &count) || count < 1 ||
            count > reader->program->slots - (int64_t)*length)
            return fail(reader, "expected runs such as `0x64,1x64`, no longer than the slots");
        for (int64_t k = 0; k < count; k++)
            reader->numbers[(*length)++] = value;
    }
    return true;
}

/* The numbers read, with their shortest period. */
static struct slot_constant *make_constant(struct reader *reader, size_t length)
{
    struct slot_constant constant = {.id = (uint32_t)reader->program->n_constants, .is_zero = true};
    const double *numbers = reader->numbers;
    if (!length || (length & (length - 1)))
        return fail(reader, "the length of a constant is no power of two"), NULL;
    while (length > 1 && !memcmp(numbers, numbers + length / 2, length / 2 * sizeof *numbers))
        length /= 2;
    for (size_t k = 0; k < length; k++) {
        if (!isfinite(numbers[k]))
            return fail(reader, "a number that is not finite"), NULL;
        constant.is_zero &= numbers[k] == 0;
    }
    reader->n_numbers += length;
    if (reader->n_numbers > SLOT_NUMBERS_LIMIT)
        return past_limit(reader, "numbers in constants", SLOT_NUMBERS_LIMIT), NULL;
    constant.length = length;
    constant.data = arena_copy(reader->arena, numbers, length, sizeof *numbers);
    return constant.data ? arena_copy(reader->arena, &constant, 1, sizeof constant) : NULL;
}

/* "const" name ("file" ... | "rle" ...) */
static bool read_const(struct reader *reader)
{
    struct slot_program *program = reader->program;
    struct word called = next(reader);
    size_t length = 0;
    if (!slot_is_name(called.text, called.length))
        return fail(reader, "expected a name");
    if (!reader->numbers && !(reader->numbers = ARENA_ARRAY(reader->arena, (size_t)program->slots, double)))
        return false;
    struct word kind = next(reader);
    if (!word_equals(kind, "file") && !word_equals(kind, "rle"))
        return fail(reader, "expected `file` or `rle`");
    if (!(kind.length == 4 ? read_file_data(reader, &length) : read_runs(reader, &length)))
        return false;
    struct slot_constant *made = make_constant(reader, length);
    return made && ARENA_PUSH(reader->arena, program->constants, program->n_constants, program->constants_capacity, made) &&
           define(reader, &reader->constants, (struct named){called, NULL, made}, word_place(reader->text, reader->source, called));
}

/* ---- inputs and outputs ---- */

static const struct slot_layout *read_layout(struct reader *reader, const char *at)
{
    const struct slot_layout *layout =
        slot_layout_read(reader->context, reader->program->slots, reader->text, reader->source, at, reader->end);
    reader->at = reader->end;
    return layout;
}

/* "input" name layout */
static bool read_input(struct reader *reader)
{
    struct slot_program *program = reader->program;
    struct slot_port port = {.name = name(reader)};
    struct word called = reader->word;
    if (!port.name || !(port.layout = read_layout(reader, reader->at)))
        return false;
    size_t parts = (size_t)slot_layout_ciphertexts(port.layout);
    port.values = ARENA_ARRAY(reader->arena, parts, const struct slot_value *);
    for (size_t k = 0; k < parts && port.values; k++) {
        struct word shown = called;
        if (parts > 1) {
            shown.text = arena_printf(reader->arena, "%s.%zu", port.name, k);
            shown.length = shown.text ? strlen(shown.text) : 0;
        }
        struct slot_value value = {.op = SLOT_input,
                                   .input = (uint32_t)program->n_inputs,
                                   .part = (uint32_t)k,
                                   .level = program->levels,
                                   .scale = slot_scale_bits((int32_t)program->scale_bits),
                                   .parts = 2};
        port.values[k] = shown.text ? add_value(reader, shown, word_place(reader->text, reader->source, called), value) : NULL;
        if (!port.values[k])
            return false;
    }
    return port.values && ARENA_PUSH(reader->arena, program->inputs, program->n_inputs, program->inputs_capacity, port);
}

/* "output" name value {value} layout */
static bool read_output(struct reader *reader)
{
    struct slot_program *program = reader->program;
    struct slot_port port = {.name = name(reader)};
    size_t n = 0, capacity = 0;
    const char *before = reader->at;
    if (!port.name)
        return false;
    for (size_t k = 0; k < program->n_outputs; k++)
        if (!strcmp(program->outputs[k].name, port.name))
            return fail(reader, "defined twice");
    while (!word_equals(next(reader), "dims")) {
        reader->at = before;
        const struct slot_value *value = find_value(reader);
        if (!value || !ARENA_PUSH(reader->arena, port.values, n, capacity, value))
            return false;
        before = reader->at;
    }
    if (!(port.layout = read_layout(reader, before)))
        return false;
    if (n != (size_t)slot_layout_ciphertexts(port.layout))
        return fail(reader, "the layout has another number of ciphertexts");
    return ARENA_PUSH(reader->arena, program->outputs, program->n_outputs, program->outputs_capacity, port);
}

/* ---- ops ---- */

static bool read_scale(struct reader *reader, uint32_t level, struct slot_scale *scale)
{
    struct word word = next(reader);
    return slot_scale_read(word.text, word.length, level, scale) || fail(reader, "expected a scale such as `40+q2`");
}

static bool find_op(struct word word, enum slot_op *op)
{
    for (int k = SLOT_input + 1; k < SLOT_OP_COUNT; k++) {
        *op = (enum slot_op)k;
        if (word_equals(word, slot_op_info(*op)->name))
            return true;
    }
    return false;
}

/* What an op carries besides ciphertexts. */
static bool read_extra(struct reader *reader, struct slot_value *value)
{
    const struct slot_op_info *info = slot_op_info(value->op);
    int64_t step, half = reader->program->slots / 2;
    if (info->extra == SLOT_EXTRA_STEP) {
        if (!number(reader, 1 - half, half, &step))
            return false;
        value->step = (int32_t)step;
    }
    if (info->extra == SLOT_EXTRA_CONSTANT || info->extra == SLOT_EXTRA_FACTOR) {
        const struct named *found = find(reader, &reader->constants, "no such constant before this line");
        if (!found)
            return false;
        value->constant = found->constant;
    }
    return info->extra != SLOT_EXTRA_FACTOR ||
           (expect(reader, "at") && read_scale(reader, value->operands[0]->level, &value->factor));
}

/* value "=" op {value} [step | constant ["at" scale]] "level" level "scale" scale */
static bool read_op(struct reader *reader)
{
    struct word called = reader->word;
    struct slot_value value = {0};
    if (called.length < 2 || called.text[0] != '%' || called.length > SLOT_NAME_BYTES)
        return fail(reader, "no such line: values begin with `%`");
    if (!expect(reader, "="))
        return false;
    if (!find_op(next(reader), &value.op))
        return fail(reader, "no such op");
    for (uint32_t k = 0; k < slot_op_info(value.op)->n_operands; k++)
        if (!(value.operands[k] = find_value(reader)))
            return false;
    if (!read_extra(reader, &value) || !after_word(reader, "level", 0, SLOT_LEVELS_LIMIT, &value.level) ||
        !expect(reader, "scale") || !read_scale(reader, value.level, &value.scale))
        return false;
    return add_value(reader, called, word_place(reader->text, reader->source, called), value) != NULL;
}

/* "hoist" value step {"," step} */
static bool read_hoist(struct reader *reader)
{
    struct slot_claims *claims = reader->claims;
    struct slot_hoist hoist = {.value = find_value(reader), .span = here(reader)};
    return hoist.value && read_steps(reader, &hoist.steps, &hoist.n_steps, NULL) &&
           ARENA_PUSH(reader->arena, claims->hoists, claims->n_hoists, claims->hoists_capacity, hoist);
}

/* "end" {name number} */
static bool read_end(struct reader *reader)
{
    size_t n;
    const struct slot_count_info *infos = slot_count_table(&n);
    reader->claims->end_span = here(reader);
    for (size_t k = 0; k < n; k++) {
        int64_t count;
        if (!expect(reader, infos[k].name) || !number(reader, 0, INT64_C(1) << 40, &count))
            return false;
        slot_count_set(&reader->claims->counts, &infos[k], count);
    }
    return reader->has_end = true;
}

/* ---- lines ---- */

static const struct {
    const char *word;
    bool (*read)(struct reader *reader);
} lines[] = {{"ring", read_ring},       {"rotdir", read_rotdir}, {"keys", read_keys},   {"relin", read_relin},
             {"sidecar", read_sidecar}, {"input", read_input},   {"const", read_const}, {"hoist", read_hoist},
             {"output", read_output},   {"end", read_end}};

static bool read_line(struct reader *reader)
{
    if (reader->has_end)
        return fail(reader, "a line behind `end`");
    for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
        if (word_equals(reader->word, lines[k].word))
            return lines[k].read(reader) && at_end(reader);
    return read_op(reader) && at_end(reader);
}

/* The first two lines say which version, and of what size all is. */
static bool read_first(struct reader *reader, size_t count)
{
    uint32_t version;
    if (count == 0)
        return word_equals(reader->word, "hesched") ? small(reader, SLOT_VERSION, SLOT_VERSION, &version) && at_end(reader)
                                                    : fail(reader, "expected `hesched 1`");
    if (!word_equals(reader->word, "program"))
        return fail(reader, "expected `program`");
    return read_program(reader) && at_end(reader);
}

struct slot_program *slot_read(struct ir_context *context, const struct source *source, slot_load_function *load, void *user,
                               struct slot_claims *claims)
{
    struct reader reader = {
        .context = context, .arena = ir_arena(context), .text = source, .load = load, .user = user, .claims = claims};
    const char *at = source->text, *end = at + source->length;
    *claims = (struct slot_claims){0};
    claims->keys_span = claims->relin_span = claims->end_span = claims->ring_span = SPAN_NONE;
    reader.source = diag_add_source(ir_diagnostics(context), source);
    for (size_t count = 0; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        reader.at = at;
        reader.end = newline ? newline : end;
        at = newline ? newline + 1 : end;
        if (!next(&reader).length)
            continue;
        if (!(count < 2 ? read_first(&reader, count) : read_line(&reader)))
            return NULL;
        count++;
    }
    if (!reader.has_end)
        fail(&reader, "there is no `end`");
    return reader.has_end && !arena_failed(reader.arena) ? reader.program : NULL;
}
