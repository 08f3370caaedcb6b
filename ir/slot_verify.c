/* The rules of a schedule (docs/schedule.md), checked of what was built and of what was read. Level, scale and number of parts of
 * each value are worked out anew from its operands; what a file says of them is a claim. All broken rules are reported, up to the
 * limit of diagnostics; each value is judged by what its operands claim, so that one mistake is one report. */
#include "slot_text.h"
#include "ir_internal.h"

#include <inttypes.h>
#include <string.h>

struct verifier {
    const struct slot_program *program;
    struct diagnostics *diagnostics;
    struct arena *arena;
    struct slot_value **checked; /* by id: what the op gives, operands as claimed */
    struct intern_table numbering;
    uint32_t *number; /* by id: the first value that computes the same */
    bool *unfit;      /* by id: its scale was reported, or that of what it is made of */
    bool sound;
};

static bool report(struct verifier *verifier, struct span span, enum diag_code code, const char *format, ...) BASE_PRINTF(4, 5);
static bool report(struct verifier *verifier, struct span span, enum diag_code code, const char *format, ...)
{
    va_list arguments;
    struct text text = text_create(verifier->arena);
    va_start(arguments, format);
    text_vprintf(&text, format, arguments);
    va_end(arguments);
    const char *message = text_finish(&text);
    diag_error(verifier->diagnostics, code, span, "schedule `%s`: %s", verifier->program->name, message ? message : "");
    return verifier->sound = false;
}

/* ---- one op ---- */

static const char *scale_text(struct verifier *verifier, const struct slot_scale *scale)
{
    struct text text = text_create(verifier->arena);
    slot_scale_print(&text, scale);
    const char *shown = text_finish(&text);
    return shown ? shown : "";
}

/* Levels, and scales of sums. */
static bool check_operands(struct verifier *verifier, const struct slot_value *value, const struct slot_value *a,
                           const struct slot_value *b)
{
    if (b && a->level != b->level)
        return report(verifier, value->span, DIAG_E0754, "%s of operands at levels %" PRIu32 " and %" PRIu32,
                      slot_op_info(value->op)->name, a->level, b->level);
    if ((value->op == SLOT_add || value->op == SLOT_sub) && !slot_scale_equal(&a->scale, &b->scale))
        return report(verifier, value->span, DIAG_E0754, "%s of operands of scales %s and %s", slot_op_info(value->op)->name,
                      scale_text(verifier, &a->scale), scale_text(verifier, &b->scale));
    return true;
}

/* `value` with level, scale and parts as its op gives them. */
static bool derive(struct verifier *verifier, struct slot_value *value)
{
    if (value->op == SLOT_known) {
        value->parts = 2;
        value->level = verifier->program->levels;
        value->scale = slot_scale_bits((int32_t)verifier->program->scale_bits);
        return true;
    }
    value->parts = 2;
    for (uint32_t k = 0; k < 2 && value->operands[k]; k++)
        if (value->operands[k]->op == SLOT_known)
            return report(verifier, value->span, DIAG_E0754, "%s of what is known: it is no ciphertext",
                          slot_op_info(value->op)->name);
    const struct slot_value *a = verifier->checked[value->operands[0]->id];
    const struct slot_value *b = value->operands[1] ? verifier->checked[value->operands[1]->id] : NULL;
    uint32_t dropped = value->level;
    value->parts = b && b->parts > a->parts ? b->parts : a->parts;
    if (!check_operands(verifier, value, a, b))
        return false;
    value->level = a->level;
    value->scale = a->scale;
    switch (value->op) {
    case SLOT_rot:
    case SLOT_conj:
        return a->parts == 2 || report(verifier, value->span, DIAG_E0754, "%s before relin", slot_op_info(value->op)->name);
    case SLOT_mulp:
        value->scale = slot_scale_multiply(a->scale, value->factor);
        return true;
    case SLOT_mul:
    case SLOT_square:
        if (a->parts > 2 || (b && b->parts > 2))
            return report(verifier, value->span, DIAG_E0754, "%s before relin", slot_op_info(value->op)->name);
        value->scale = slot_scale_multiply(a->scale, b ? b->scale : a->scale);
        value->parts = 3;
        return true;
    case SLOT_relin:
        value->parts = 2;
        return a->parts == 3 || report(verifier, value->span, DIAG_E0754, "relin of two parts");
    case SLOT_rescale:
        if (a->level == 0)
            return report(verifier, value->span, DIAG_E0754, "rescale at level 0");
        value->level = a->level - 1;
        value->scale = slot_scale_divide(a->scale, slot_scale_prime(a->level));
        return true;
    case SLOT_drop:
        value->level = dropped;
        return dropped < a->level ||
               report(verifier, value->span, DIAG_E0754, "drop from level %" PRIu32 " to %" PRIu32, a->level, dropped);
    default:
        return true;
    }
}

/* The bits of the primes a value at this level has; 0: the ring is not said. */
static uint32_t bits_at(const struct slot_program *program, uint32_t level)
{
    uint32_t bits = 0;
    for (uint32_t k = 0; k <= level && program->ring.degree; k++)
        bits += program->ring.bits[k];
    return bits;
}

static bool check_size(struct verifier *verifier, const struct slot_value *value)
{
    const struct slot_program *program = verifier->program;
    uint32_t room = bits_at(program, value->level);
    bool *unfit = verifier->unfit;
    for (uint32_t k = 0; k < 2 && value->operands[k]; k++)
        unfit[value->id] |= unfit[value->operands[k]->id];
    if (!room || unfit[value->id])
        return true;
    double bits = slot_scale_log2(&value->scale, program->ring.bits), factor = slot_scale_log2(&value->factor, program->ring.bits);
    unfit[value->id] = bits < 1 || bits >= room || (value->op == SLOT_mulp && (factor < 1 || factor >= room));
    if (unfit[value->id])
        return report(verifier, value->span, DIAG_E0754, "scale %s does not fit the %" PRIu32 " bits of level %" PRIu32,
                      scale_text(verifier, &value->scale), room, value->level);
    return true;
}

static bool check_value(struct verifier *verifier, const struct slot_value *value)
{
    struct slot_value *made = arena_copy(verifier->arena, value, 1, sizeof *value);
    verifier->checked[value->id] = made;
    if (!made)
        return false;
    if (value->op == SLOT_input)
        return check_size(verifier, made);
    if (!derive(verifier, made)) {
        made->level = value->level;
        made->scale = value->scale;
        return false;
    }
    if (!slot_scale_valid(&made->scale)) {
        made->scale = value->scale;
        return report(verifier, value->span, DIAG_E0754, "a scale leaves every range");
    }
    bool claims = made->level == value->level && slot_scale_equal(&made->scale, &value->scale);
    if (!claims)
        report(verifier, value->span, DIAG_E0755, "%s gives level %" PRIu32 " scale %s, not level %" PRIu32 " scale %s",
               slot_op_info(value->op)->name, made->level, scale_text(verifier, &made->scale), value->level,
               scale_text(verifier, &value->scale));
    bool fits = check_size(verifier, made);
    made->level = value->level;
    made->scale = value->scale;
    return claims && fits;
}

/* ---- zero by construction ---- */

static bool same_work(const void *key, const void *item)
{
    const struct slot_value *a = key, *b = item;
    return a->op == b->op && a->operands[0] == b->operands[0] && a->operands[1] == b->operands[1] && a->constant == b->constant &&
           a->step == b->step && a->input == b->input && a->part == b->part && a->level == b->level &&
           slot_scale_equal(&a->factor, &b->factor);
}

/* Values that compute the same by the same ops have one number. */
static bool number_value(struct verifier *verifier, const struct slot_value *value)
{
    struct slot_value *key = arena_copy(verifier->arena, value, 1, sizeof *value);
    if (!key)
        return false;
    uint64_t hash = hash_mix((uint64_t)value->op, (uint64_t)(int64_t)value->step);
    for (uint32_t k = 0; k < 2 && value->operands[k]; k++) {
        key->operands[k] = verifier->program->values[verifier->number[value->operands[k]->id]];
        hash = hash_mix(hash, key->operands[k]->id);
    }
    hash = hash_mix(hash, value->constant ? value->constant->id + 1 : 0);
    hash = hash_mix(hash, (uint64_t)value->input << 32 | value->part);
    const struct slot_value *known = intern_find(&verifier->numbering, hash, key, same_work);
    verifier->number[value->id] = known ? known->id : value->id;
    return known || intern_add(verifier->arena, &verifier->numbering, hash, key);
}

/* A library sees that such a ciphertext holds nothing, and refuses it. */
static bool check_zero(struct verifier *verifier, const struct slot_value *value)
{
    const uint32_t *number = verifier->number;
    bool zero = (value->op == SLOT_mulp && value->constant->is_zero) ||
                (value->op == SLOT_sub && number[value->operands[0]->id] == number[value->operands[1]->id]);
    if (value->op == SLOT_add)
        for (uint32_t k = 0; k < 2; k++) {
            const struct slot_value *minus = value->operands[k], *other = value->operands[1 - k];
            zero |= minus->op == SLOT_neg && number[minus->operands[0]->id] == number[other->id];
        }
    return !zero || report(verifier, value->span, DIAG_E0754, "%s gives zero whatever the input is: a transparent ciphertext",
                           slot_op_info(value->op)->name);
}

/* ---- the whole ---- */

static void check_used(struct verifier *verifier)
{
    const struct slot_program *program = verifier->program;
    bool *used = ARENA_ARRAY(verifier->arena, program->n_values, bool);
    for (size_t k = 0; k < program->n_outputs && used; k++)
        for (int64_t c = 0; c < slot_layout_ciphertexts(program->outputs[k].layout); c++)
            used[program->outputs[k].values[c]->id] = true;
    for (size_t k = program->n_values; k-- > 0 && used;) {
        const struct slot_value *value = program->values[k];
        if (!used[k] && value->op != SLOT_input)
            report(verifier, value->span, DIAG_E0754, "%s that no output needs", slot_op_info(value->op)->name);
        for (uint32_t o = 0; o < 2; o++)
            if (value->operands[o])
                used[value->operands[o]->id] = true;
    }
}

static void check_outputs(struct verifier *verifier)
{
    const struct slot_program *program = verifier->program;
    if (!program->n_outputs)
        report(verifier, SPAN_NONE, DIAG_E0754, "there is no output");
    for (size_t k = 0; k < program->n_outputs; k++) {
        const struct slot_port *output = &program->outputs[k];
        const int64_t *positions = slot_layout_positions(verifier->arena, output->layout);
        for (int64_t e = 0; positions && e < slot_layout_elements(output->layout); e++)
            if (positions[e] < 0) {
                report(verifier, output->values[0]->span, DIAG_E0754, "output `%s`: element %" PRId64 " of it lies nowhere",
                       output->name, e);
                break;
            }
        for (int64_t c = 0; c < slot_layout_ciphertexts(output->layout); c++)
            if (verifier->checked[output->values[c]->id]->parts != 2)
                report(verifier, output->values[c]->span, DIAG_E0754, "output `%s` before relin", output->name);
    }
}

static void check_ring(struct verifier *verifier, struct span span)
{
    const struct slot_program *program = verifier->program;
    const struct slot_ring *ring = &program->ring;
    uint32_t total = 0;
    if (!ring->degree)
        return;
    for (uint32_t k = 0; k < ring->n_bits; k++)
        total += ring->bits[k];
    if (ring->n_bits != program->levels + 2)
        report(verifier, span, DIAG_E0754, "a ring for %" PRIu32 " levels has %" PRIu32 " primes", program->levels,
               program->levels + 2);
    else if ((ring->degree & (ring->degree - 1)) || ring->degree < 2 * program->slots)
        report(verifier, span, DIAG_E0754, "N is no power of two, or less than twice the slots");
    else if (ring->security >= 128 && total > slot_ring_secure_bits(ring->degree))
        report(verifier, span, DIAG_E0755, "%" PRIu32 " bits of primes at N %" PRId64 " are less than 128 bits of security", total,
               ring->degree);
}

/* ---- claims ---- */

static int compare_steps(const void *first, const void *second)
{
    int32_t a = *(const int32_t *)first, b = *(const int32_t *)second;
    return (a > b) - (a < b);
}

static bool has_step(const int32_t *steps, size_t n, int32_t step)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (steps[middle] == step)
            return true;
        *(steps[middle] < step ? &low : &high) = steps[middle] < step ? middle + 1 : middle;
    }
    return false;
}

static void check_keys(struct verifier *verifier, const struct slot_claims *claims)
{
    size_t n_used;
    bool conj;
    const int32_t *used = slot_keys(verifier->arena, verifier->program, &n_used, &conj);
    int32_t *declared = arena_copy(verifier->arena, claims->keys, claims->n_keys, sizeof *declared);
    if (!used || !declared)
        return;
    sort_items(declared, claims->n_keys, sizeof *declared, compare_steps);
    for (size_t k = 0; k < claims->n_keys; k++)
        if (!has_step(used, n_used, declared[k]) || (k && declared[k] == declared[k - 1]))
            report(verifier, claims->keys_span, DIAG_E0755, "key %" PRId32 " is declared twice or not used", declared[k]);
    for (size_t k = 0; k < verifier->program->n_values; k++) {
        const struct slot_value *value = verifier->program->values[k];
        if (value->op == SLOT_rot && !has_step(declared, claims->n_keys, value->step))
            report(verifier, value->span, DIAG_E0755, "rot by %" PRId32 " has no key", value->step);
    }
    if (conj != claims->conj)
        report(verifier, claims->keys_span, DIAG_E0755, conj ? "conj has no key" : "the key conj is declared and not used");
}

static void check_hoist(struct verifier *verifier, const struct slot_hoist *hoist, const struct slot_rotations *rotations,
                        const uint32_t *leader)
{
    uint32_t at = leader[hoist->value->id];
    size_t n = 0;
    for (; n < hoist->n_steps && at != UINT32_MAX; n++) {
        if (verifier->program->values[at]->step != hoist->steps[n])
            break;
        at = rotations->next[at];
    }
    if (n != hoist->n_steps || at != UINT32_MAX)
        report(verifier, hoist->span, DIAG_E0755, "the value is rotated by other steps, or in another order");
}

static void check_hoists(struct verifier *verifier, const struct slot_claims *claims)
{
    const struct slot_program *program = verifier->program;
    struct slot_rotations rotations;
    uint32_t *leader = ARENA_ARRAY(verifier->arena, program->n_values, uint32_t);
    if (!leader || !slot_rotations_find(verifier->arena, program, &rotations))
        return;
    memset(leader, 0xff, program->n_values * sizeof *leader);
    for (size_t k = program->n_values; k-- > 0;)
        if (program->values[k]->op == SLOT_rot)
            leader[program->values[k]->operands[0]->id] = (uint32_t)k;
    for (size_t k = 0; k < claims->n_hoists; k++)
        check_hoist(verifier, &claims->hoists[k], &rotations, leader);
}

static void check_counts(struct verifier *verifier, const struct slot_claims *claims)
{
    struct slot_counts counts;
    size_t n;
    const struct slot_count_info *infos = slot_count_table(&n);
    slot_count(verifier->program, &counts);
    for (size_t k = 0; k < n; k++) {
        int64_t found = slot_count_get(&counts, &infos[k]), claimed = slot_count_get(&claims->counts, &infos[k]);
        if (found != claimed)
            report(verifier, claims->end_span, DIAG_E0755, "%s is %" PRId64 ", not %" PRId64, infos[k].name, found, claimed);
    }
    if (claims->relin != (counts.relin > 0))
        report(verifier, claims->relin_span, DIAG_E0755, "relin is %d", counts.relin > 0);
}

bool slot_verify(const struct slot_program *program, const struct slot_claims *claims)
{
    struct arena *arena = ir_arena(program->context);
    struct verifier verifier = {.program = program,
                                .diagnostics = ir_diagnostics(program->context),
                                .arena = arena,
                                .checked = ARENA_ARRAY(arena, program->n_values, struct slot_value *),
                                .number = ARENA_ARRAY(arena, program->n_values, uint32_t),
                                .unfit = ARENA_ARRAY(arena, program->n_values, bool),
                                .sound = true};
    if (!verifier.checked || !verifier.number || !verifier.unfit)
        return false;
    check_ring(&verifier, claims ? claims->ring_span : SPAN_NONE);
    if (!verifier.sound) /* scales are judged by its primes */
        return false;
    for (size_t k = 0; k < program->n_values; k++) {
        check_value(&verifier, program->values[k]);
        if (!verifier.checked[k] || !number_value(&verifier, program->values[k]))
            return false;
        check_zero(&verifier, program->values[k]);
    }
    check_outputs(&verifier);
    check_used(&verifier);
    if (claims) {
        check_keys(&verifier, claims);
        check_hoists(&verifier, claims);
        check_counts(&verifier, claims);
    }
    return verifier.sound && !arena_failed(arena);
}
