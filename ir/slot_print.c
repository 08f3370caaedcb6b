/* Schedules as text (docs/schedule.md); slot_read.c reads them back. One line says one thing: what the program is and needs, its
 * inputs and constants, its ops in order with level and scale, its outputs, its counts. Numbers are the shortest decimals that read
 * back, so the same program gives the same bytes. */
#include "slot_text.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- constants ---- */

size_t slot_run(const struct slot_constant *constant, size_t at)
{
    size_t end = at + 1;
    while (end < constant->length && !memcmp(&constant->data[end], &constant->data[at], sizeof(double)))
        end++;
    return end - at;
}

static bool is_short(const struct slot_constant *constant)
{
    size_t runs = 0;
    for (size_t at = 0; at < constant->length && runs <= SLOT_RUNS; runs++)
        at += slot_run(constant, at);
    return runs <= SLOT_RUNS;
}

uint32_t slot_crc32(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint32_t table[256], crc = UINT32_MAX;
    for (uint32_t k = 0; k < 256; k++) {
        table[k] = k;
        for (int bit = 0; bit < 8; bit++)
            table[k] = table[k] >> 1 ^ (table[k] & 1 ? UINT32_C(0xedb88320) : 0);
    }
    for (size_t k = 0; k < length; k++)
        crc = table[(crc ^ at[k]) & 255] ^ crc >> 8;
    return ~crc;
}

static void store_little_endian(char *at, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    for (int k = 0; k < 8; k++)
        at[k] = (char)(bits >> 8 * k & 255);
}

bool slot_sidecar_make(const struct slot_program *program, struct slot_sidecar *sidecar)
{
    struct arena *arena = ir_arena(program->context);
    *sidecar = (struct slot_sidecar){.offsets = ARENA_ARRAY(arena, program->n_constants, int64_t)};
    for (size_t k = 0; k < program->n_constants && sidecar->offsets; k++) {
        bool short_enough = is_short(program->constants[k]);
        sidecar->offsets[k] = short_enough ? -1 : sidecar->count;
        sidecar->count += short_enough ? 0 : (int64_t)program->constants[k]->length;
    }
    sidecar->bytes = ARENA_ARRAY(arena, (size_t)sidecar->count * 8, char);
    if (!sidecar->offsets || !sidecar->bytes)
        return false;
    for (size_t k = 0; k < program->n_constants; k++)
        for (size_t n = 0; n < program->constants[k]->length && sidecar->offsets[k] >= 0; n++)
            store_little_endian(&sidecar->bytes[8 * ((size_t)sidecar->offsets[k] + n)], program->constants[k]->data[n]);
    sidecar->crc = slot_crc32(sidecar->bytes, (size_t)sidecar->count * 8);
    return true;
}

void slot_put_number(struct text *text, double number)
{
    char digits[32];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        double back = strtod(digits, NULL);
        if (!memcmp(&back, &number, sizeof back))
            break;
    }
    text_put(text, digits);
}

static void put_constant(struct text *text, const struct slot_constant *constant, int64_t offset)
{
    text_printf(text, "const c%" PRIu32, constant->id);
    if (offset >= 0) {
        text_printf(text, " file offset %" PRId64 " len %zu\n", offset, constant->length);
        return;
    }
    text_put(text, " rle ");
    for (size_t at = 0; at < constant->length; at += slot_run(constant, at)) {
        text_put(text, at ? "," : "");
        slot_put_number(text, constant->data[at]);
        text_printf(text, "x%zu", slot_run(constant, at));
    }
    text_put(text, "\n");
}

/* ---- values ---- */

void slot_put_value(struct text *text, const struct slot_program *program, const struct slot_value *value)
{
    if (value->op != SLOT_input) {
        text_printf(text, "%%%" PRIu32, value->id);
        return;
    }
    const struct slot_port *input = &program->inputs[value->input];
    text_put(text, input->name);
    if (slot_layout_ciphertexts(input->layout) > 1)
        text_printf(text, ".%" PRIu32, value->part);
}

bool slot_rotations_find(struct arena *arena, const struct slot_program *program, struct slot_rotations *rotations)
{
    rotations->next = ARENA_ARRAY(arena, program->n_values, uint32_t);
    rotations->leads = ARENA_ARRAY(arena, program->n_values, bool);
    uint32_t *after = ARENA_ARRAY(arena, program->n_values, uint32_t); /* by operand: its rotation found last */
    if (!rotations->next || !rotations->leads || !after)
        return false;
    for (size_t k = 0; k < program->n_values; k++)
        after[k] = UINT32_MAX;
    for (size_t k = program->n_values; k-- > 0;) {
        const struct slot_value *value = program->values[k];
        if (value->op != SLOT_rot)
            continue;
        uint32_t *later = &after[value->operands[0]->id];
        rotations->next[k] = *later;
        rotations->leads[k] = *later != UINT32_MAX;
        if (*later != UINT32_MAX)
            rotations->leads[*later] = false;
        *later = (uint32_t)k;
    }
    return true;
}

static void put_hoist(struct text *text, const struct slot_program *program, const struct slot_value *value,
                      const struct slot_rotations *rotations)
{
    text_put(text, "hoist ");
    slot_put_value(text, program, value->operands[0]);
    for (uint32_t k = value->id; k != UINT32_MAX; k = rotations->next[k])
        text_printf(text, "%c%" PRId32, k == value->id ? ' ' : ',', program->values[k]->step);
    text_put(text, "\n");
}

static void put_op(struct text *text, const struct slot_program *program, const struct slot_value *value)
{
    const struct slot_op_info *info = slot_op_info(value->op);
    slot_put_value(text, program, value);
    text_printf(text, " = %s", info->name);
    for (uint32_t k = 0; k < 2 && value->operands[k]; k++) {
        text_put(text, " ");
        slot_put_value(text, program, value->operands[k]);
    }
    if (info->extra == SLOT_EXTRA_STEP)
        text_printf(text, " %" PRId32, value->step);
    if (value->constant)
        text_printf(text, " c%" PRIu32, value->constant->id);
    if (info->extra == SLOT_EXTRA_FACTOR) {
        text_put(text, " at ");
        slot_scale_print(text, &value->factor);
    }
    text_printf(text, " level %" PRIu32 " scale ", value->level);
    slot_scale_print(text, &value->scale);
    text_put(text, "\n");
}

/* ---- the whole ---- */

static void put_keys(struct text *text, const struct slot_program *program)
{
    size_t count;
    bool conj;
    const int32_t *keys = slot_keys(ir_arena(program->context), program, &count, &conj);
    text_put(text, "keys ");
    for (size_t k = 0; k < count && keys; k++)
        text_printf(text, "%s%" PRId32, k ? "," : "", keys[k]);
    if (conj)
        text_put(text, count ? ",conj" : "conj");
    text_put(text, count || conj ? "\n" : "-\n");
}

static void put_head(struct text *text, const struct slot_program *program, const struct slot_counts *counts)
{
    text_printf(text, "hesched %d\nprogram %s slots %" PRId64 " levels %" PRIu32 " scale %" PRIu32 "\n", SLOT_VERSION,
                program->name, program->slots, program->levels, program->scale_bits);
    if (program->ring.degree) {
        text_printf(text, "ring N %" PRId64 " bits ", program->ring.degree);
        for (uint32_t k = 0; k < program->ring.n_bits; k++)
            text_printf(text, "%s%" PRIu32, k ? "," : "", program->ring.bits[k]);
        text_printf(text, " security %" PRIu32 "\n", program->ring.security);
    }
    text_put(text, "rotdir left\n");
    put_keys(text, program);
    text_printf(text, "relin %d\n", counts->relin > 0);
}

static void put_outputs(struct text *text, const struct slot_program *program)
{
    for (size_t k = 0; k < program->n_outputs; k++) {
        const struct slot_port *output = &program->outputs[k];
        text_printf(text, "output %s", output->name);
        for (int64_t c = 0; c < slot_layout_ciphertexts(output->layout); c++) {
            text_put(text, " ");
            slot_put_value(text, program, output->values[c]);
        }
        text_put(text, " ");
        slot_layout_print(text, output->layout);
        text_put(text, "\n");
    }
}

static void print_text(struct text *text, const struct slot_program *program, const char *sidecar_name,
                       const struct slot_sidecar *sidecar, const struct slot_rotations *rotations)
{
    struct slot_counts counts;
    slot_count(program, &counts);
    put_head(text, program, &counts);
    for (size_t k = 0; k < program->n_notes; k++)
        text_printf(text, "# %s\n", program->notes[k]);
    if (sidecar->count)
        text_printf(text, "sidecar %s doubles %" PRId64 " crc32 %08" PRIx32 "\n", sidecar_name, sidecar->count, sidecar->crc);
    for (size_t k = 0; k < program->n_inputs; k++) {
        text_printf(text, "input %s ", program->inputs[k].name);
        slot_layout_print(text, program->inputs[k].layout);
        text_put(text, "\n");
    }
    for (size_t k = 0; k < program->n_constants; k++)
        put_constant(text, program->constants[k], sidecar->offsets[k]);
    for (size_t k = 0; k < program->n_values; k++) {
        const struct slot_value *value = program->values[k];
        if (value->op == SLOT_rot && rotations->leads[k])
            put_hoist(text, program, value, rotations);
        if (value->op != SLOT_input)
            put_op(text, program, value);
    }
    put_outputs(text, program);
    text_put(text, "end");
    size_t n;
    const struct slot_count_info *infos = slot_count_table(&n);
    for (size_t k = 0; k < n; k++)
        text_printf(text, " %s %" PRId64, infos[k].name, slot_count_get(&counts, &infos[k]));
    text_put(text, "\n");
}

bool slot_print(const struct slot_program *program, enum slot_form form, const char *sidecar, struct slot_files *files)
{
    struct arena *arena = ir_arena(program->context);
    struct text text = text_create(arena);
    struct slot_sidecar constants;
    struct slot_rotations rotations;
    if (!slot_sidecar_make(program, &constants) || !slot_rotations_find(arena, program, &rotations))
        return false;
    if (form == SLOT_JSON)
        slot_print_json(program, sidecar, &constants, &rotations, &text);
    else
        print_text(&text, program, sidecar, &constants, &rotations);
    *files = (struct slot_files){.text = text_finish(&text), .length = text.length};
    if (constants.count) {
        files->sidecar = constants.bytes;
        files->sidecar_length = (size_t)constants.count * 8;
    }
    return files->text != NULL && !arena_failed(arena);
}
