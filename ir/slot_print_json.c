/* Schedules as JSON: the same things in the same order under the same names as in the text (slot_print.c), an array for each op. */
#include "slot_text.h"

#include <inttypes.h>

static void put_head(struct text *text, const struct slot_program *program)
{
    text_printf(text,
                "{\"hesched\":%d,\n\"program\":{\"name\":\"%s\",\"slots\":%" PRId64 ",\"levels\":%" PRIu32 ",\"scale\":%" PRIu32
                "},\n",
                SLOT_VERSION, program->name, program->slots, program->levels, program->scale_bits);
    if (!program->ring.degree)
        return;
    text_printf(text, "\"ring\":{\"N\":%" PRId64 ",\"bits\":[", program->ring.degree);
    for (uint32_t k = 0; k < program->ring.n_bits; k++)
        text_printf(text, "%s%" PRIu32, k ? "," : "", program->ring.bits[k]);
    text_printf(text, "],\"security\":%" PRIu32 "},\n", program->ring.security);
}

static void put_needs(struct text *text, const struct slot_program *program, const struct slot_counts *counts)
{
    size_t count;
    bool conj;
    const int32_t *keys = slot_keys(ir_arena(program->context), program, &count, &conj);
    text_put(text, "\"rotdir\":\"left\",\n\"keys\":[");
    for (size_t k = 0; k < count && keys; k++)
        text_printf(text, "%s%" PRId32, k ? "," : "", keys[k]);
    text_printf(text, "%s],\n\"relin\":%d,\n", !conj ? "" : count ? ",\"conj\"" : "\"conj\"", counts->relin > 0);
    for (size_t k = 0; k < program->n_notes; k++)
        text_printf(text, "%s\"%s\"%s", k ? "," : "\"notes\":[", program->notes[k], k + 1 == program->n_notes ? "],\n" : "");
}

static void put_digit(struct text *text, const struct slot_layout *layout, const struct slot_digit *digit)
{
    static const char *const signs[] = {[SLOT_REPLICATE] = "*", [SLOT_ZERO] = "0", [SLOT_GARBAGE] = "-"};
    if (digit->kind == SLOT_INDEX)
        text_printf(text, "[\"%s\",%" PRId64 ",%" PRId64 "]", layout->dims[digit->dim].name, digit->radix, digit->stride);
    else
        text_printf(text, "[\"%s\",%" PRId64 "]", signs[digit->kind], digit->radix);
}

static void put_layout(struct text *text, const struct slot_layout *layout)
{
    text_put(text, "\"dims\":[");
    for (uint32_t k = 0; k < layout->n_dims; k++)
        text_printf(text, "%s[\"%s\",%" PRId64 "]", k ? "," : "", layout->dims[k].name, layout->dims[k].extent);
    text_put(text, "],\"slots\":[");
    for (uint32_t k = 0; k < layout->n_digits; k++) {
        text_put(text, k == layout->n_slot_digits ? "],\"ciphertexts\":[" : k ? "," : "");
        put_digit(text, layout, &layout->digits[k]);
    }
    text_put(text, "],\"rolls\":[");
    for (uint32_t k = 0; k < layout->n_rolls; k++) {
        const struct slot_roll *roll = &layout->rolls[k];
        text_printf(text, "%s[\"%s\",%" PRId64 ",%" PRId64, k ? "," : "", layout->dims[roll->dim].name, roll->modulus,
                    roll->constant);
        for (uint32_t t = 0; t < roll->n_terms; t++)
            text_printf(text, ",[%" PRId64 ",%" PRIu32 "]", roll->terms[t].factor, roll->terms[t].digit);
        text_put(text, "]");
    }
    text_printf(text, "],\"tail\":\"%s\"", layout->tail_garbage ? "garbage" : "zero");
}

static void put_inputs(struct text *text, const struct slot_program *program)
{
    text_put(text, "\"inputs\":[");
    for (size_t k = 0; k < program->n_inputs; k++) {
        text_printf(text, "%s\n{\"name\":\"%s\",", k ? "," : "", program->inputs[k].name);
        put_layout(text, program->inputs[k].layout);
        text_put(text, "}");
    }
    text_put(text, "],\n");
}

static void put_constants(struct text *text, const struct slot_program *program, const char *name,
                          const struct slot_sidecar *sidecar)
{
    if (sidecar->count)
        text_printf(text, "\"sidecar\":{\"file\":\"%s\",\"doubles\":%" PRId64 ",\"crc32\":\"%08" PRIx32 "\"},\n", name,
                    sidecar->count, sidecar->crc);
    text_put(text, "\"consts\":[");
    for (size_t k = 0; k < program->n_constants; k++) {
        const struct slot_constant *constant = program->constants[k];
        text_printf(text, "%s\n[\"c%" PRIu32 "\",", k ? "," : "", constant->id);
        if (sidecar->offsets[k] >= 0) {
            text_printf(text, "\"file\",%" PRId64 ",%zu]", sidecar->offsets[k], constant->length);
            continue;
        }
        text_put(text, "\"rle\"");
        for (size_t at = 0; at < constant->length; at += slot_run(constant, at)) {
            text_put(text, ",[");
            slot_put_number(text, constant->data[at]);
            text_printf(text, ",%zu]", slot_run(constant, at));
        }
        text_put(text, "]");
    }
    text_put(text, "],\n");
}

static void put_quoted(struct text *text, const struct slot_program *program, const struct slot_value *value)
{
    text_put(text, "\"");
    slot_put_value(text, program, value);
    text_put(text, "\"");
}

static void put_op(struct text *text, const struct slot_program *program, const struct slot_value *value)
{
    const struct slot_op_info *info = slot_op_info(value->op);
    text_put(text, "[");
    put_quoted(text, program, value);
    text_printf(text, ",\"%s\"", info->name);
    for (uint32_t k = 0; k < 2 && value->operands[k]; k++) {
        text_put(text, ",");
        put_quoted(text, program, value->operands[k]);
    }
    if (info->extra == SLOT_EXTRA_STEP)
        text_printf(text, ",%" PRId32, value->step);
    if (value->constant)
        text_printf(text, ",\"c%" PRIu32 "\"", value->constant->id);
    if (info->extra == SLOT_EXTRA_FACTOR) {
        text_put(text, ",\"");
        slot_scale_print(text, &value->factor);
        text_put(text, "\"");
    }
    text_printf(text, ",%" PRIu32 ",\"", value->level);
    slot_scale_print(text, &value->scale);
    text_put(text, "\"]");
}

static void put_hoist(struct text *text, const struct slot_program *program, const struct slot_value *value,
                      const struct slot_rotations *rotations)
{
    text_put(text, "[\"hoist\",");
    put_quoted(text, program, value->operands[0]);
    for (uint32_t k = value->id; k != UINT32_MAX; k = rotations->next[k])
        text_printf(text, ",%" PRId32, program->values[k]->step);
    text_put(text, "]");
}

static void put_ops(struct text *text, const struct slot_program *program, const struct slot_rotations *rotations)
{
    bool any = false;
    text_put(text, "\"ops\":[");
    for (size_t k = 0; k < program->n_values; k++) {
        const struct slot_value *value = program->values[k];
        if (value->op == SLOT_input)
            continue;
        text_put(text, any ? ",\n" : "\n");
        any = true;
        if (value->op == SLOT_rot && rotations->leads[k]) {
            put_hoist(text, program, value, rotations);
            text_put(text, ",\n");
        }
        put_op(text, program, value);
    }
    text_put(text, "],\n");
}

static void put_outputs(struct text *text, const struct slot_program *program)
{
    text_put(text, "\"outputs\":[");
    for (size_t k = 0; k < program->n_outputs; k++) {
        const struct slot_port *output = &program->outputs[k];
        text_printf(text, "%s\n{\"name\":\"%s\",\"values\":[", k ? "," : "", output->name);
        for (int64_t c = 0; c < slot_layout_ciphertexts(output->layout); c++) {
            text_put(text, c ? "," : "");
            put_quoted(text, program, output->values[c]);
        }
        text_put(text, "],");
        put_layout(text, output->layout);
        text_put(text, "}");
    }
    text_put(text, "],\n");
}

bool slot_print_json(const struct slot_program *program, const char *sidecar, const struct slot_sidecar *constants,
                     const struct slot_rotations *rotations, struct text *text)
{
    struct slot_counts counts;
    size_t n;
    const struct slot_count_info *infos = slot_count_table(&n);
    slot_count(program, &counts);
    put_head(text, program);
    put_needs(text, program, &counts);
    put_inputs(text, program);
    put_constants(text, program, sidecar, constants);
    put_ops(text, program, rotations);
    put_outputs(text, program);
    for (size_t k = 0; k < n; k++)
        text_printf(text, "%s\"%s\":%" PRId64, k ? "," : "\"end\":{", infos[k].name, slot_count_get(&counts, &infos[k]));
    text_put(text, "}}\n");
    return !arena_failed(text->arena);
}
