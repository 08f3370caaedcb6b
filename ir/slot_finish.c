/* What comes last of a slot program: only what outputs need stays, levels that no value uses are taken away, the ring is chosen;
 * and what is counted of a program. */
#include "slot.h"

#include <inttypes.h>
#include <string.h>

/* ---- counts ---- */

const struct slot_count_info *slot_count_table(size_t *n)
{
    static const struct slot_count_info infos[] = {
        {"rot", offsetof(struct slot_counts, rot)},     {"conj", offsetof(struct slot_counts, conj)},
        {"pmul", offsetof(struct slot_counts, pmul)},   {"cmul", offsetof(struct slot_counts, cmul)},
        {"relin", offsetof(struct slot_counts, relin)}, {"rescale", offsetof(struct slot_counts, rescale)},
        {"add", offsetof(struct slot_counts, add)},     {"depth", offsetof(struct slot_counts, depth)},
        {"keys", offsetof(struct slot_counts, keys)},
    };
    *n = sizeof infos / sizeof *infos;
    return infos;
}

int64_t slot_count_get(const struct slot_counts *counts, const struct slot_count_info *info)
{
    int64_t number;
    memcpy(&number, (const char *)counts + info->offset, sizeof number);
    return number;
}

void slot_count_set(struct slot_counts *counts, const struct slot_count_info *info, int64_t number)
{
    memcpy((char *)counts + info->offset, &number, sizeof number);
}

static void count_value(const struct slot_value *value, struct slot_counts *counts)
{
    switch (value->op) {
    case SLOT_rot:
        counts->rot++;
        break;
    case SLOT_conj:
        counts->conj++;
        break;
    case SLOT_mulp:
        counts->pmul++;
        break;
    case SLOT_mul:
    case SLOT_square:
        counts->cmul++;
        break;
    case SLOT_relin:
        counts->relin++;
        break;
    case SLOT_rescale:
        counts->rescale++;
        break;
    case SLOT_add:
    case SLOT_sub:
    case SLOT_neg:
    case SLOT_addp:
    case SLOT_subp:
        counts->add++;
        break;
    default:
        break;
    }
}

static bool is_product(const struct slot_value *value)
{
    return value->op == SLOT_mulp || value->op == SLOT_mul || value->op == SLOT_square;
}

static int64_t depth_of(struct arena *arena, const struct slot_program *program)
{
    int64_t *depths = ARENA_ARRAY(arena, program->n_values, int64_t), deepest = 0;
    for (size_t k = 0; k < program->n_values && depths; k++) {
        const struct slot_value *value = program->values[k];
        for (uint32_t o = 0; o < 2; o++)
            if (value->operands[o] && depths[value->operands[o]->id] > depths[k])
                depths[k] = depths[value->operands[o]->id];
        depths[k] += is_product(value);
        deepest = depths[k] > deepest ? depths[k] : deepest;
    }
    return deepest;
}

static int compare_steps(const void *first, const void *second)
{
    int32_t a = *(const int32_t *)first, b = *(const int32_t *)second;
    return (a > b) - (a < b);
}

int32_t *slot_keys(struct arena *arena, const struct slot_program *program, size_t *count, bool *needs_conj)
{
    int32_t *steps = ARENA_ARRAY(arena, program->n_values, int32_t);
    size_t n = 0, kept = 0;
    *needs_conj = false;
    for (size_t k = 0; k < program->n_values && steps; k++) {
        if (program->values[k]->op == SLOT_rot)
            steps[n++] = program->values[k]->step;
        *needs_conj |= program->values[k]->op == SLOT_conj;
    }
    if (steps)
        sort_items(steps, n, sizeof *steps, compare_steps);
    for (size_t k = 0; k < n; k++)
        if (k == 0 || steps[k] != steps[k - 1])
            steps[kept++] = steps[k];
    *count = kept;
    return steps;
}

void slot_count(const struct slot_program *program, struct slot_counts *counts)
{
    struct arena *arena = ir_arena(program->context);
    size_t n_keys = 0;
    bool conj = false;
    *counts = (struct slot_counts){0};
    for (size_t k = 0; k < program->n_values; k++)
        count_value(program->values[k], counts);
    slot_keys(arena, program, &n_keys, &conj);
    counts->keys = (int64_t)n_keys + conj;
    counts->depth = depth_of(arena, program);
}

/* ---- the ring ---- */

/* Bits of all primes at 128 bits of security, uniform ternary secret: the table of homomorphicencryption.org (2018), which SEAL
 * holds its users to. */
static const struct {
    int64_t degree;
    uint32_t bits;
} secure[] = {{1024, 27}, {2048, 54}, {4096, 109}, {8192, 218}, {16384, 438}, {32768, 881}, {65536, 1772}, {131072, 3524}};

enum { OUTER_PRIME_BITS = 60 }; /* the largest SEAL takes: the first holds the result, the last bears the noise of key switches */

uint32_t slot_ring_secure_bits(int64_t degree)
{
    for (size_t k = 0; k < sizeof secure / sizeof *secure; k++)
        if (secure[k].degree == degree)
            return secure[k].bits;
    return 0;
}

struct slot_ring slot_ring_choose(int64_t slots, uint32_t levels, uint32_t scale_bits)
{
    struct slot_ring ring = {.n_bits = levels + 2, .security = 128};
    uint32_t total = 2 * OUTER_PRIME_BITS + levels * scale_bits;
    ring.bits[0] = ring.bits[levels + 1] = OUTER_PRIME_BITS;
    for (uint32_t k = 1; k <= levels; k++)
        ring.bits[k] = scale_bits;
    for (size_t k = 0; k < sizeof secure / sizeof *secure && !ring.degree; k++)
        if (secure[k].degree >= 2 * slots && secure[k].bits >= total)
            ring.degree = secure[k].degree;
    return ring;
}

/* ---- the end of building ---- */

static void mark(const struct slot_program *program, bool *needed)
{
    for (size_t k = 0; k < program->n_outputs; k++)
        for (int64_t c = 0; c < slot_layout_ciphertexts(program->outputs[k].layout); c++)
            needed[program->outputs[k].values[c]->id] = true;
    for (size_t k = program->n_values; k-- > 0;) {
        const struct slot_value *value = program->values[k];
        needed[k] |= value->op == SLOT_input; /* ports stay whole */
        for (uint32_t o = 0; o < 2 && needed[k]; o++)
            if (value->operands[o])
                needed[value->operands[o]->id] = true;
    }
}

static bool sweep(struct slot_program *program)
{
    struct arena *arena = ir_arena(program->context);
    bool *needed = ARENA_ARRAY(arena, program->n_values, bool), *used = ARENA_ARRAY(arena, program->n_constants, bool);
    size_t n = 0;
    if (!needed || !used)
        return false;
    mark(program, needed);
    for (size_t k = 0; k < program->n_values; k++) {
        struct slot_value *value = program->values[k];
        if (!needed[k])
            continue;
        if (value->constant)
            used[value->constant->id] = true;
        value->id = (uint32_t)n;
        program->values[n++] = value;
    }
    program->n_values = n;
    n = 0;
    for (size_t k = 0; k < program->n_constants; k++) {
        if (!used[k])
            continue;
        program->constants[k]->id = (uint32_t)n;
        program->constants[n++] = program->constants[k];
    }
    program->n_constants = n;
    return true;
}

/* The lowest prime that a scale speaks of; SLOT_LEVELS_LIMIT + 1: none. */
static uint32_t lowest_prime(const struct slot_scale *scale)
{
    uint32_t k = 1;
    while (k <= SLOT_LEVELS_LIMIT && !scale->powers[k])
        k++;
    return k;
}

static void lower_scale(struct slot_scale *scale, uint32_t spare)
{
    memmove(&scale->powers[1], &scale->powers[1 + spare], (SLOT_LEVELS_LIMIT - spare) * sizeof scale->powers[0]);
    memset(&scale->powers[1 + SLOT_LEVELS_LIMIT - spare], 0, spare * sizeof scale->powers[0]);
}

static void trim_levels(struct slot_program *program)
{
    uint32_t spare = program->levels;
    for (size_t k = 0; k < program->n_values; k++) {
        const struct slot_value *value = program->values[k];
        uint32_t prime = lowest_prime(&value->scale), factor = lowest_prime(&value->factor);
        spare = value->level < spare ? value->level : spare;
        spare = prime - 1 < spare ? prime - 1 : spare;
        spare = factor - 1 < spare ? factor - 1 : spare;
    }
    for (size_t k = 0; k < program->n_values && spare; k++) {
        struct slot_value *value = program->values[k];
        value->level -= spare;
        lower_scale(&value->scale, spare);
        lower_scale(&value->factor, spare);
    }
    program->levels -= spare;
}

bool slot_choose_ring(struct slot_program *program)
{
    program->ring = slot_ring_choose(program->slots, program->levels, program->scale_bits);
    if (program->ring.degree)
        return true;
    struct diagnostics *diagnostics = ir_diagnostics(program->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0922, SPAN_NONE, "%" PRIu32 " levels of %" PRIu32 " bits fit no secure ring",
                                   program->levels, program->scale_bits);
    diag_help(diagnostics, diag, "ask for fewer levels or a smaller scale");
    return false;
}

bool slot_finish(struct slot_program *program)
{
    if (!program || ir_status(program->context) != EINC_OK || !sweep(program))
        return false;
    trim_levels(program);
    return slot_choose_ring(program);
}
