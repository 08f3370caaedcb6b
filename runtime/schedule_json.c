/* The JSON form of schedules, made into the lines of the text form, which slot_read.c then reads: the two forms say the same things
 * in the same order, so this only moves words. A word that holds a blank or a line break would say something else; it is refused.
 */
#include "schedule.h"

#include <jansson.h>
#include <string.h>

struct words {
    struct text text;
    struct ir_context *context;
    bool failed;
};

static void fail(struct words *words, const char *what)
{
    if (!words->failed)
        diag_error(ir_diagnostics(words->context), DIAG_E0753, SPAN_NONE, "schedule as JSON: %s", what);
    words->failed = true;
}

/* A string, or a number, as it stands in the text form. */
static void put_word(struct words *words, const json_t *item, const char *before)
{
    text_put(&words->text, before);
    if (json_is_integer(item)) {
        text_printf(&words->text, "%" JSON_INTEGER_FORMAT, json_integer_value(item));
    } else if (json_is_real(item)) {
        text_printf(&words->text, "%.17g", json_real_value(item));
    } else if (json_is_string(item)) {
        const char *word = json_string_value(item);
        size_t length = json_string_length(item);
        for (size_t k = 0; k < length; k++)
            if (word[k] <= ' ' || word[k] > '~' || word[k] == '#')
                fail(words, "a word with a blank, or another character that is none of a word's");
        text_put(&words->text, word);
    } else {
        fail(words, "expected a word or a number");
    }
}

static void put_member(struct words *words, const json_t *object, const char *name, const char *before)
{
    const json_t *item = json_object_get(object, name);
    if (!item) {
        fail(words, arena_printf(words->text.arena, "`%s` is missing", name));
        return;
    }
    put_word(words, item, before);
}

static const json_t *array(struct words *words, const json_t *object, const char *name)
{
    const json_t *items = json_object_get(object, name);
    if (!json_is_array(items))
        fail(words, arena_printf(words->text.arena, "`%s` is no array", name));
    return items; /* of anything but an array the size is 0 */
}

static void put_list(struct words *words, const json_t *items, size_t from)
{
    for (size_t k = from; k < json_array_size(items); k++)
        put_word(words, json_array_get(items, k), k == from ? " " : ",");
    if (json_array_size(items) <= from)
        text_put(&words->text, " -");
}

/* ---- layouts ---- */

static void put_digits(struct words *words, const json_t *digits)
{
    for (size_t k = 0; k < json_array_size(digits); k++) {
        const json_t *digit = json_array_get(digits, k), *stride = json_array_get(digit, 2);
        put_word(words, json_array_get(digit, 0), " ");
        put_word(words, json_array_get(digit, 1), "%");
        if (stride && !(json_is_integer(stride) && json_integer_value(stride) == 1))
            put_word(words, stride, "*");
        if (json_array_size(digit) > 3)
            fail(words, "a digit of more than three parts");
    }
}

static void put_roll(struct words *words, const json_t *roll)
{
    put_word(words, json_array_get(roll, 0), " roll ");
    put_word(words, json_array_get(roll, 1), " mod ");
    put_word(words, json_array_get(roll, 2), " by ");
    for (size_t k = 3; k < json_array_size(roll); k++) {
        put_word(words, json_array_get(json_array_get(roll, k), 0), ",");
        put_word(words, json_array_get(json_array_get(roll, k), 1), "*d");
    }
}

static void put_layout(struct words *words, const json_t *port)
{
    const json_t *dims = array(words, port, "dims"), *rolls = array(words, port, "rolls"),
                 *beside = json_object_get(port, "ciphertexts");
    text_put(&words->text, json_array_size(dims) ? " dims" : " dims -");
    for (size_t k = 0; k < json_array_size(dims); k++) {
        put_word(words, json_array_get(json_array_get(dims, k), 0), k ? "," : " ");
        put_word(words, json_array_get(json_array_get(dims, k), 1), "=");
    }
    text_put(&words->text, " slots");
    put_digits(words, array(words, port, "slots"));
    if (json_array_size(beside)) {
        text_put(&words->text, " |");
        put_digits(words, beside);
    }
    for (size_t k = 0; k < json_array_size(rolls); k++)
        put_roll(words, json_array_get(rolls, k));
    const char *tail = json_string_value(json_object_get(port, "tail"));
    if (!tail || strcmp(tail, "zero"))
        put_member(words, port, "tail", " tail ");
    text_put(&words->text, "\n");
}

/* ---- lines ---- */

/* `before` and the members named, each behind its name in the text. */
static void put_line(struct words *words, const json_t *object, const char *before, const char *const *names, size_t n)
{
    text_put(&words->text, before);
    for (size_t k = 0; k < n; k++) {
        text_printf(&words->text, " %s", names[k]);
        put_member(words, object, names[k], " ");
    }
    text_put(&words->text, "\n");
}

static void put_head(struct words *words, const json_t *root)
{
    static const char *const sizes[] = {"slots", "levels", "scale"};
    const json_t *program = json_object_get(root, "program"), *ring = json_object_get(root, "ring");
    put_member(words, root, "hesched", "hesched ");
    put_member(words, program, "name", "\nprogram ");
    put_line(words, program, "", sizes, 3);
    if (ring) {
        put_member(words, ring, "N", "ring N ");
        text_put(&words->text, " bits");
        put_list(words, array(words, ring, "bits"), 0);
        put_member(words, ring, "security", " security ");
        text_put(&words->text, "\n");
    }
    put_member(words, root, "rotdir", "rotdir ");
    text_put(&words->text, "\nkeys");
    put_list(words, array(words, root, "keys"), 0);
    put_member(words, root, "relin", "\nrelin ");
    text_put(&words->text, "\n");
}

static void put_constant(struct words *words, const json_t *constant)
{
    const char *kind = json_string_value(json_array_get(constant, 1));
    bool in_file = kind && !strcmp(kind, "file");
    put_word(words, json_array_get(constant, 0), "const ");
    if (in_file) {
        put_word(words, json_array_get(constant, 2), " file offset ");
        put_word(words, json_array_get(constant, 3), " len ");
    } else {
        put_word(words, json_array_get(constant, 1), " ");
    }
    for (size_t k = 2; k < json_array_size(constant) && !in_file; k++) {
        put_word(words, json_array_get(json_array_get(constant, k), 0), k == 2 ? " " : ",");
        put_word(words, json_array_get(json_array_get(constant, k), 1), "x");
    }
    text_put(&words->text, "\n");
}

/* [value, op, operands and what else the op carries ..., level, scale] */
static void put_op(struct words *words, const json_t *op)
{
    size_t n = json_array_size(op);
    const char *first = json_string_value(json_array_get(op, 0)), *name = json_string_value(json_array_get(op, 1));
    if (first && !strcmp(first, "hoist")) {
        put_word(words, json_array_get(op, 1), "hoist ");
        put_list(words, op, 2);
        text_put(&words->text, "\n");
        return;
    }
    if (n < 5 || !name) {
        fail(words, "an op has a value, a name, operands, a level and a scale");
        return;
    }
    put_word(words, json_array_get(op, 0), "");
    put_word(words, json_array_get(op, 1), " = ");
    for (size_t k = 2; k + 2 < n; k++)
        put_word(words, json_array_get(op, k), !strcmp(name, "mulp") && k + 3 == n && k > 2 ? " at " : " ");
    put_word(words, json_array_get(op, n - 2), " level ");
    put_word(words, json_array_get(op, n - 1), " scale ");
    text_put(&words->text, "\n");
}

static void put_ports(struct words *words, const json_t *ports, const char *kind)
{
    for (size_t k = 0; k < json_array_size(ports); k++) {
        const json_t *port = json_array_get(ports, k), *values = json_object_get(port, "values");
        text_put(&words->text, kind);
        put_member(words, port, "name", " ");
        for (size_t v = 0; v < json_array_size(values); v++)
            put_word(words, json_array_get(values, v), " ");
        put_layout(words, port);
    }
}

static void put_end(struct words *words, const json_t *end)
{
    size_t n;
    const struct slot_count_info *infos = slot_count_table(&n);
    text_put(&words->text, "end");
    for (size_t k = 0; k < n; k++) {
        text_printf(&words->text, " %s", infos[k].name);
        put_member(words, end, infos[k].name, " ");
    }
    text_put(&words->text, "\n");
}

static void put_schedule(struct words *words, const json_t *root)
{
    static const char *const whole[] = {"doubles", "crc32"};
    const json_t *sidecar = json_object_get(root, "sidecar"), *constants = array(words, root, "consts"),
                 *ops = array(words, root, "ops");
    put_head(words, root);
    if (sidecar) {
        put_member(words, sidecar, "file", "sidecar ");
        put_line(words, sidecar, "", whole, 2);
    }
    put_ports(words, array(words, root, "inputs"), "input");
    for (size_t k = 0; k < json_array_size(constants); k++)
        put_constant(words, json_array_get(constants, k));
    for (size_t k = 0; k < json_array_size(ops); k++)
        put_op(words, json_array_get(ops, k));
    put_ports(words, array(words, root, "outputs"), "output");
    put_end(words, json_object_get(root, "end"));
}

const char *schedule_text_of_json(struct ir_context *context, const struct source *source)
{
    struct words words = {.text = text_create(ir_arena(context)), .context = context};
    json_error_t error;
    json_t *root = json_loadb(source->text, source->length, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        uint32_t at = error.position >= 0 && (size_t)error.position <= source->length ? (uint32_t)error.position : 0;
        struct span span = {diag_add_source(ir_diagnostics(context), source), at, at};
        diag_error(ir_diagnostics(context), DIAG_E0753, span, "schedule: no JSON that can be read: %s", error.text);
        return NULL;
    }
    put_schedule(&words, root);
    json_decref(root);
    return words.failed ? NULL : text_finish(&words.text);
}
