/* Builds slot programs: every op works out its level and scale and is looked up by content before it is made. `slot_finish` keeps
 * what outputs need, in the order it was made, and takes away levels nobody uses. */
#include "slot.h"
#include "ir_internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct slot_index {
    struct intern_table values, constants;
};

static const struct slot_op_info op_infos[] = {
#define SLOT_OP(name, operands, extra, meaning) {#name, operands, SLOT_EXTRA_##extra, meaning},
#include "slot_ops.def"
};

const struct slot_op_info *slot_op_info(enum slot_op op)
{
    return &op_infos[op];
}

struct slot_program *slot_program_create(struct ir_context *context, const char *name, int64_t slots, uint32_t levels,
                                         uint32_t scale_bits)
{
    struct arena *arena = ir_arena(context);
    struct slot_program *program = ARENA_NEW(arena, struct slot_program);
    struct slot_index *index = ARENA_NEW(arena, struct slot_index);
    if (!program || !index)
        return NULL;
    *program = (struct slot_program){.context = context,
                                     .name = arena_strndup(arena, name, strlen(name)),
                                     .slots = slots,
                                     .levels = levels,
                                     .scale_bits = scale_bits,
                                     .index = index};
    return program->name ? program : NULL;
}

static const struct slot_value *misuse(struct slot_program *program, const char *what)
{
    diag_error(ir_diagnostics(program->context), DIAG_E0751, SPAN_NONE, "slot program `%s`: %s", program->name, what);
    return NULL;
}

/* ---- constants ---- */

static bool constant_equal(const void *key, const void *item)
{
    const struct slot_constant *a = key, *b = item;
    return a->length == b->length && memcmp(a->data, b->data, a->length * sizeof *a->data) == 0;
}

static bool all_zero(const double *data, size_t length)
{
    for (size_t k = 0; k < length; k++)
        if (data[k] != 0)
            return false;
    return true;
}

const struct slot_constant *slot_constant(struct slot_program *program, const double *data, size_t length)
{
    if (!program || !data)
        return NULL;
    struct arena *arena = ir_arena(program->context);
    if (length == 0 || (length & (length - 1)) || length > (size_t)program->slots) {
        misuse(program, "the period of a constant does not divide the slots");
        return NULL;
    }
    while (length > 1 && memcmp(data, data + length / 2, length / 2 * sizeof *data) == 0)
        length /= 2;
    struct slot_constant key = {
        .id = (uint32_t)program->n_constants, .data = data, .length = length, .is_zero = all_zero(data, length)};
    uint64_t hash = hash_bytes(length, data, length * sizeof *data);
    const struct slot_constant *known = intern_find(&program->index->constants, hash, &key, constant_equal);
    if (known)
        return known;
    key.data = arena_copy(arena, data, length, sizeof *data);
    struct slot_constant *constant = arena_copy(arena, &key, 1, sizeof key);
    if (!key.data || !constant ||
        !ARENA_PUSH(arena, program->constants, program->n_constants, program->constants_capacity, constant))
        return NULL;
    return intern_add(arena, &program->index->constants, hash, constant);
}

/* ---- values ---- */

static uint64_t value_hash(const struct slot_value *value)
{
    uint64_t hash = hash_mix((uint64_t)value->op, (uint64_t)(int64_t)value->step);
    for (uint32_t k = 0; k < 2; k++)
        hash = hash_mix(hash, value->operands[k] ? value->operands[k]->id + 1 : 0);
    hash = hash_mix(hash, value->constant ? value->constant->id + 1 : 0);
    hash = hash_mix(hash, (uint64_t)value->input << 32 | value->part);
    return hash_mix(hash, value->level);
}

static bool value_equal(const void *key, const void *item)
{
    const struct slot_value *a = key, *b = item;
    return a->op == b->op && a->operands[0] == b->operands[0] && a->operands[1] == b->operands[1] && a->constant == b->constant &&
           a->step == b->step && a->input == b->input && a->part == b->part && a->level == b->level &&
           slot_scale_equal(&a->factor, &b->factor) && slot_scale_equal(&a->scale, &b->scale);
}

static const struct slot_value *intern_value(struct slot_program *program, struct slot_value value)
{
    struct arena *arena = ir_arena(program->context);
    uint64_t hash = value_hash(&value);
    const struct slot_value *known = intern_find(&program->index->values, hash, &value, value_equal);
    if (known)
        return known;
    if (!slot_scale_valid(&value.scale))
        return misuse(program, "a scale leaves every range");
    value.id = (uint32_t)program->n_values;
    value.span = SPAN_NONE;
    struct slot_value *made = arena_copy(arena, &value, 1, sizeof value);
    if (!made || !ARENA_PUSH(arena, program->values, program->n_values, program->values_capacity, made))
        return NULL;
    return intern_add(arena, &program->index->values, hash, made);
}

uint32_t slot_add_input(struct slot_program *program, const char *name, const struct slot_layout *layout)
{
    if (!program || !name || !layout)
        return UINT32_MAX;
    struct arena *arena = ir_arena(program->context);
    struct slot_port port = {.name = arena_strndup(arena, name, strlen(name)), .layout = layout};
    uint32_t number = (uint32_t)program->n_inputs, parts = (uint32_t)slot_layout_ciphertexts(layout);
    port.values = ARENA_ARRAY(arena, parts, const struct slot_value *);
    for (uint32_t k = 0; k < parts && port.values; k++) {
        port.values[k] = intern_value(program, (struct slot_value){.op = SLOT_input,
                                                                   .input = number,
                                                                   .part = k,
                                                                   .level = program->levels,
                                                                   .scale = slot_scale_bits((int32_t)program->scale_bits),
                                                                   .parts = 2});
        if (!port.values[k])
            return UINT32_MAX;
    }
    bool added = port.name && port.values && ARENA_PUSH(arena, program->inputs, program->n_inputs, program->inputs_capacity, port);
    return added ? number : UINT32_MAX;
}

const struct slot_value *slot_input_part(struct slot_program *program, uint32_t input, uint32_t part)
{
    return program && input < program->n_inputs ? program->inputs[input].values[part] : NULL;
}

/* ---- what is known whatever the inputs are ---- */

/* Such a value is never computed: every op of it and other known numbers is such a value, one of it and a ciphertext an op with a
 * constant. Its level is that of inputs, so that it limits nothing. */
const struct slot_value *slot_known(struct slot_program *program, const struct slot_constant *c)
{
    if (!program || !c)
        return NULL;
    return intern_value(program, (struct slot_value){.op = SLOT_known,
                                                     .constant = c,
                                                     .level = program->levels,
                                                     .scale = slot_scale_bits((int32_t)program->scale_bits),
                                                     .parts = 2});
}

static bool is_known(const struct slot_value *value)
{
    return value && value->op == SLOT_known;
}

static const struct slot_value *zero(struct slot_program *program)
{
    const double number = 0;
    return slot_known(program, slot_constant(program, &number, 1));
}

static double known_number(enum slot_op op, double a, double b)
{
    switch (op) {
    case SLOT_neg:
        return -a;
    case SLOT_add:
        return a + b;
    case SLOT_sub:
        return a - b;
    case SLOT_mul:
        return a * b;
    default: /* rot: `a` was read elsewhere */
        return a;
    }
}

/* `op` of the numbers; `b` NULL: of one operand. */
static const struct slot_value *fold(struct slot_program *program, enum slot_op op, const struct slot_constant *a,
                                     const struct slot_constant *b, int64_t step)
{
    size_t length = b && b->length > a->length ? b->length : a->length;
    double *numbers = ARENA_ARRAY(ir_arena(program->context), length, double);
    for (size_t s = 0; s < length && numbers; s++) {
        size_t from = (size_t)floor_remainder((int64_t)s + step, (int64_t)a->length);
        numbers[s] = known_number(op, a->data[from], b ? b->data[s % b->length] : 0);
        if (!isfinite(numbers[s]))
            return misuse(program, "known numbers leave every range");
    }
    return slot_known(program, slot_constant(program, numbers, length));
}

/* ---- ops ---- */

/* `op` of `a` alone, at its level and scale. */
static struct slot_value of_one(enum slot_op op, const struct slot_value *a)
{
    return (struct slot_value){.op = op, .operands = {a}, .level = a->level, .scale = a->scale, .parts = a->parts};
}

const struct slot_value *slot_rot(struct slot_program *program, const struct slot_value *a, int64_t step)
{
    if (!program || !a)
        return NULL;
    if (a->parts != 2)
        return misuse(program, "a rotation before relin");
    int64_t left = floor_remainder(step, program->slots);
    if (left == 0)
        return a;
    if (is_known(a))
        return fold(program, SLOT_rot, a->constant, NULL, left);
    struct slot_value value = of_one(SLOT_rot, a);
    value.step = (int32_t)(left > program->slots / 2 ? left - program->slots : left);
    return intern_value(program, value);
}

const struct slot_value *slot_conj(struct slot_program *program, const struct slot_value *a)
{
    if (!program || !a || is_known(a))
        return a;
    return a->parts == 2 ? intern_value(program, of_one(SLOT_conj, a)) : misuse(program, "a conjugation before relin");
}

const struct slot_value *slot_neg(struct slot_program *program, const struct slot_value *a)
{
    if (!program || !a)
        return NULL;
    return is_known(a) ? fold(program, SLOT_neg, a->constant, NULL, 0) : intern_value(program, of_one(SLOT_neg, a));
}

const struct slot_value *slot_drop(struct slot_program *program, const struct slot_value *a, uint32_t level)
{
    if (!program || !a || a->level == level || is_known(a))
        return a;
    if (level > a->level)
        return misuse(program, "a drop to a higher level");
    struct slot_value value = of_one(SLOT_drop, a->op == SLOT_drop ? a->operands[0] : a);
    value.level = level;
    return intern_value(program, value);
}

/* Both at the lower level of the two. */
static bool match_levels(struct slot_program *program, const struct slot_value **a, const struct slot_value **b)
{
    if (!program || !*a || !*b)
        return false;
    uint32_t level = (*a)->level < (*b)->level ? (*a)->level : (*b)->level;
    *a = slot_drop(program, *a, level);
    *b = slot_drop(program, *b, level);
    return *a && *b;
}

static const struct slot_value *with_constant(struct slot_program *program, enum slot_op op, const struct slot_value *a,
                                              const struct slot_constant *c)
{
    if (!program || !a || !c)
        return NULL;
    if (is_known(a))
        return fold(program, op == SLOT_addp ? SLOT_add : SLOT_sub, a->constant, c, 0);
    struct slot_value value = of_one(op, a);
    value.constant = c;
    return intern_value(program, value);
}

/* A sum of which one operand is known. */
static const struct slot_value *sum_with_known(struct slot_program *program, enum slot_op op, const struct slot_value *a,
                                               const struct slot_value *b)
{
    if (is_known(b))
        return b->constant->is_zero ? a : with_constant(program, op == SLOT_add ? SLOT_addp : SLOT_subp, a, b->constant);
    b = op == SLOT_sub ? slot_neg(program, b) : b;
    return a->constant->is_zero ? b : with_constant(program, SLOT_addp, b, a->constant);
}

static const struct slot_value *sum(struct slot_program *program, enum slot_op op, const struct slot_value *a,
                                    const struct slot_value *b)
{
    if (program && a && b && (is_known(a) || is_known(b)))
        return sum_with_known(program, op, a, b);
    if (!match_levels(program, &a, &b))
        return NULL;
    if (!slot_scale_equal(&a->scale, &b->scale))
        return misuse(program, "a sum of unequal scales");
    if (op == SLOT_sub && a == b)
        return zero(program);
    bool swap = op == SLOT_add && b->id < a->id;
    struct slot_value value = of_one(op, swap ? b : a);
    value.operands[1] = swap ? a : b;
    value.parts = a->parts > b->parts ? a->parts : b->parts;
    return intern_value(program, value);
}

const struct slot_value *slot_add(struct slot_program *program, const struct slot_value *a, const struct slot_value *b)
{
    return sum(program, SLOT_add, a, b);
}

const struct slot_value *slot_sub(struct slot_program *program, const struct slot_value *a, const struct slot_value *b)
{
    return sum(program, SLOT_sub, a, b);
}

static const struct slot_value *product(struct slot_program *program, const struct slot_value *a, const struct slot_value *b)
{
    if (a->parts != 2 || b->parts != 2)
        return misuse(program, "a product before relin");
    bool swap = b->id < a->id;
    struct slot_value value = of_one(a == b ? SLOT_square : SLOT_mul, swap ? b : a);
    value.operands[1] = a == b ? NULL : swap ? a : b;
    value.scale = slot_scale_multiply(a->scale, b->scale);
    value.parts = 3;
    return intern_value(program, value);
}

const struct slot_value *slot_mul(struct slot_program *program, const struct slot_value *a, const struct slot_value *b)
{
    if (program && a && b && (is_known(a) || is_known(b)))
        return is_known(b) ? slot_mulp_at(program, a, b->constant, b->scale) : slot_mulp_at(program, b, a->constant, a->scale);
    return match_levels(program, &a, &b) ? product(program, a, b) : NULL;
}

const struct slot_value *slot_square(struct slot_program *program, const struct slot_value *a)
{
    if (!program || !a)
        return NULL;
    return is_known(a) ? fold(program, SLOT_mul, a->constant, a->constant, 0) : product(program, a, a);
}

const struct slot_value *slot_addp(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c)
{
    return with_constant(program, SLOT_addp, a, c);
}

const struct slot_value *slot_subp(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c)
{
    return with_constant(program, SLOT_subp, a, c);
}

const struct slot_value *slot_mulp_at(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c,
                                      struct slot_scale factor)
{
    if (!program || !a || !c)
        return NULL;
    if (is_known(a))
        return fold(program, SLOT_mul, a->constant, c, 0);
    if (c->is_zero)
        return zero(program);
    struct slot_value value = of_one(SLOT_mulp, a);
    value.constant = c;
    value.factor = factor;
    value.scale = slot_scale_multiply(a->scale, factor);
    return intern_value(program, value);
}

const struct slot_value *slot_mulp(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c)
{
    if (!program || !a)
        return NULL;
    return a->level || is_known(a) ? slot_mulp_at(program, a, c, slot_scale_prime(a->level))
                                   : misuse(program, "a product without a level");
}

const struct slot_value *slot_mulp_to(struct slot_program *program, const struct slot_value *a, const struct slot_constant *c,
                                      struct slot_scale wanted)
{
    if (!program || !a)
        return NULL;
    if (!a->level && !is_known(a))
        return misuse(program, "a product without a level");
    return slot_mulp_at(program, a, c, slot_scale_divide(slot_scale_multiply(wanted, slot_scale_prime(a->level)), a->scale));
}

const struct slot_value *slot_relin(struct slot_program *program, const struct slot_value *a)
{
    if (!program || !a || a->parts == 2)
        return a;
    struct slot_value value = of_one(SLOT_relin, a);
    value.parts = 2;
    return intern_value(program, value);
}

const struct slot_value *slot_rescale(struct slot_program *program, const struct slot_value *a)
{
    if (!program || !a || is_known(a))
        return a;
    if (!a->level)
        return misuse(program, "a rescale without a level");
    struct slot_value value = of_one(SLOT_rescale, a);
    value.scale = slot_scale_divide(a->scale, slot_scale_prime(a->level));
    value.level = a->level - 1;
    return intern_value(program, value);
}

bool slot_add_output(struct slot_program *program, const char *name, const struct slot_layout *layout,
                     const struct slot_value *const *values)
{
    if (!program || !name || !layout)
        return false;
    struct arena *arena = ir_arena(program->context);
    size_t parts = (size_t)slot_layout_ciphertexts(layout);
    struct slot_port port = {.name = arena_strndup(arena, name, strlen(name)), .layout = layout};
    for (size_t k = 0; k < parts; k++) {
        if (!values[k])
            return false;
        if (values[k]->parts != 2)
            return misuse(program, "an output before relin"), false;
    }
    port.values = arena_copy(arena, values, parts, sizeof *values);
    return port.name && port.values && ARENA_PUSH(arena, program->outputs, program->n_outputs, program->outputs_capacity, port);
}
