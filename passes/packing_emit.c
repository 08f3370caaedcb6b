/* The slot program of a plan. A linear map, or several that the plan takes together, becomes a set of masks, one an offset; maps
 * after one another are composed on masks, which is exact whatever the maps are:
 *     mask_{a+b}[s] += second_b[s] * first_a[s + b].
 * Sums are rescaled once, after giant steps and folds: the noise of rotations is divided then. */
#include "packing_internal.h"

#include <string.h>

struct emitter {
    struct packer *packer;
    const struct packing_graph *graph;
    const struct ir_kernel *kernel;
    const struct packing_plan *plan;
    enum packing_keys keys;
    struct slot_program *program;
    const struct slot_value ***values; /* of each node, one a ciphertext; NULL: not computed, or not yet */
};

/* ---- masks ---- */

struct masks {
    struct packer *packer;
    uint32_t inputs, outputs; /* ciphertexts */
    double **at;              /* [(input * outputs + output) * slots + offset]: one number a slot; NULL: zeros */
};

static bool begin_masks(struct packer *packer, struct masks *masks, uint32_t inputs, uint32_t outputs)
{
    *masks = (struct masks){packer, inputs, outputs, NULL};
    masks->at = ARENA_ARRAY(packer->arena, (size_t)inputs * outputs * (size_t)packer->slots, double *);
    return masks->at != NULL;
}

static double *mask_at(const struct masks *masks, uint32_t input, uint32_t output, int64_t offset)
{
    size_t slots = (size_t)masks->packer->slots;
    double **mask = &masks->at[((size_t)input * masks->outputs + output) * slots + (size_t)offset];
    if (!*mask)
        *mask = ARENA_ARRAY(masks->packer->arena, slots, double);
    return *mask;
}

static const double *mask_of(const struct masks *masks, uint32_t input, uint32_t output, int64_t offset)
{
    return masks->at[((size_t)input * masks->outputs + output) * (size_t)masks->packer->slots + (size_t)offset];
}

static void put_value(void *user, uint32_t in_part, uint32_t out_part, int32_t offset, int64_t slot, double value)
{
    double *mask = mask_at(user, in_part, out_part, offset);
    if (mask)
        mask[slot] += value;
}

static bool masks_of_stage(struct packer *packer, const struct packing_matrix *matrix, const struct packing_way *way,
                           struct masks *masks)
{
    struct packing_way whole = *way;
    whole.most = 0;
    return begin_masks(packer, masks, way->in->parts, way->after->parts) &&
           packing_diagonals(packer, matrix, &whole, packer->flags, put_value, masks) && !arena_failed(packer->arena);
}

static void compose_pair(const double *first, const double *second, int64_t b, int64_t slots, double *sum)
{
    for (int64_t s = 0; s < slots; s++)
        if (second[s] != 0)
            sum[s] += second[s] * first[(s + b) % slots];
}

/* Is there a number in the product of the masks at all? */
static bool meet(const double *first, const double *second, int64_t b, int64_t slots)
{
    for (int64_t s = 0; s < slots; s++)
        if (second[s] != 0 && first[(s + b) % slots] != 0)
            return true;
    return false;
}

static bool compose(const struct masks *first, const struct masks *second, struct masks *result)
{
    int64_t slots = first->packer->slots;
    if (!begin_masks(first->packer, result, first->inputs, second->outputs))
        return false;
    for (uint32_t in = 0; in < first->inputs; in++)
        for (uint32_t middle = 0; middle < first->outputs; middle++)
            for (int64_t a = 0; a < slots; a++) {
                const double *mask = mask_of(first, in, middle, a);
                for (uint32_t out = 0; mask && out < second->outputs; out++)
                    for (int64_t b = 0; b < slots; b++) {
                        const double *other = mask_of(second, middle, out, b);
                        if (!other || !meet(mask, other, b, slots))
                            continue;
                        double *sum = mask_at(result, in, out, (a + b) % slots);
                        if (!sum)
                            return false;
                        compose_pair(mask, other, b, slots, sum);
                    }
            }
    return true;
}

static bool is_zero(const double *mask, int64_t slots)
{
    for (int64_t s = 0; s < slots; s++)
        if (mask[s] != 0)
            return false;
    return true;
}

/* ---- linear maps ---- */

static const struct slot_value *add(struct slot_program *program, const struct slot_value *sum, const struct slot_value *value)
{
    return sum ? slot_add(program, sum, value) : value;
}

/* The operand rotated by baby step `number`. */
static const struct slot_value *baby(struct emitter *emitter, const struct packing_steps *steps, uint32_t number,
                                     const struct slot_value *x)
{
    int32_t path[SLOT_SLOTS_LIMIT / 64];
    size_t n = 0;
    int32_t at = (int32_t)number;
    for (; emitter->keys == PACKING_CHAINED && steps->baby_from[at] != at && n < sizeof path / sizeof *path;
         at = steps->baby_from[at])
        path[n++] = at;
    for (x = slot_rot(emitter->program, x, steps->babies[at]); n-- > 0; at = path[n])
        x = slot_rot(emitter->program, x, (int64_t)steps->babies[path[n]] - steps->babies[at]);
    return x;
}

/* The part of an output's sum that one giant step rotates. */
static const struct slot_value *giant_sum(struct emitter *emitter, const struct masks *masks, const struct packing_offsets *offsets,
                                          const struct packing_steps *steps, uint32_t output, uint32_t giant,
                                          const struct slot_value *const *x, bool *empty)
{
    struct packer *packer = emitter->packer;
    double *turned = packing_scratch(packer, PACKING_SCRATCH_TAKEN, (size_t)packer->slots * sizeof *turned);
    const struct slot_value *sum = NULL;
    *empty = true;
    for (size_t k = 0; k < offsets->count && turned; k++)
        for (uint32_t input = 0; input < masks->inputs && steps->giant_of[k] == giant; input++) {
            const double *mask = mask_of(masks, input, output, offsets->items[k]);
            if (!mask || is_zero(mask, packer->slots))
                continue;
            for (int64_t s = 0; s < packer->slots; s++)
                turned[(s + steps->giants[giant]) % packer->slots] = mask[s];
            const struct slot_value *rotated = baby(emitter, steps, steps->baby_of[k], x[input]);
            const struct slot_constant *constant = slot_constant(emitter->program, turned, (size_t)packer->slots);
            const struct slot_value *product = slot_mulp(emitter->program, rotated, constant);
            sum = *empty ? product : slot_add(emitter->program, sum, product);
            *empty = false;
        }
    return sum;
}

/* The sum of what all giant steps rotate: each alone, or those that come from another with it, so that the same rotation serves
 * them all (Horner's rule). */
static bool giant_sums(struct emitter *emitter, const struct masks *masks, const struct packing_offsets *offsets,
                       const struct packing_steps *steps, uint32_t output, const struct slot_value *const *x,
                       const struct slot_value **sum, bool *none)
{
    struct arena *arena = emitter->packer->arena;
    size_t n = steps->n_giants;
    const struct slot_value **part = ARENA_ARRAY(arena, n + 1, const struct slot_value *);
    uint32_t *far = ARENA_ARRAY(arena, n + 1, uint32_t); /* how many steps from 0 */
    bool *empty = ARENA_ARRAY(arena, n + 1, bool);
    uint32_t furthest = 0;
    if (!part || !far || !empty)
        return false;
    for (uint32_t g = 0; g < n; g++) {
        part[g] = giant_sum(emitter, masks, offsets, steps, output, g, x, &empty[g]);
        for (int32_t at = (int32_t)g; emitter->keys == PACKING_CHAINED && steps->giant_from[at] != at; at = steps->giant_from[at])
            far[g]++;
        furthest = far[g] > furthest ? far[g] : furthest;
    }
    for (uint32_t distance = furthest + 1; distance-- > 0;)
        for (uint32_t g = 0; g < n; g++) {
            if (far[g] != distance || empty[g])
                continue;
            int32_t to = distance ? steps->giant_from[g] : -1;
            int64_t step = (int64_t)steps->giants[g] - (to < 0 ? 0 : steps->giants[to]);
            const struct slot_value *rotated = slot_rot(emitter->program, part[g], step);
            const struct slot_value **into = to < 0 ? sum : &part[to];
            bool *is_first = to < 0 ? none : &empty[to];
            *into = *is_first ? rotated : slot_add(emitter->program, *into, rotated);
            *is_first = false;
        }
    return true;
}

/* A ciphertext that no number leads to. */
static const struct slot_value *known_zero(struct slot_program *program)
{
    const double number = 0;
    return slot_known(program, slot_constant(program, &number, 1));
}

/* Not rescaled yet. */
static const struct slot_value **emit_masks(struct emitter *emitter, const struct masks *masks, const struct slot_value *const *x)
{
    struct packer *packer = emitter->packer;
    memset(packer->flags, 0, (size_t)packer->slots * sizeof *packer->flags);
    for (int64_t d = 0; d < packer->slots; d++)
        for (uint32_t k = 0; k < masks->inputs * masks->outputs; k++) {
            const double *mask = masks->at[k * (size_t)packer->slots + (size_t)d];
            packer->flags[d] |= mask && !is_zero(mask, packer->slots);
        }
    const struct packing_offsets *offsets = packing_offsets(packer, packer->flags);
    const struct packing_steps *steps = offsets ? packing_plan_steps(packer, offsets, masks->inputs, masks->outputs) : NULL;
    const struct slot_value **results = ARENA_ARRAY(packer->arena, masks->outputs, const struct slot_value *);
    for (uint32_t output = 0; steps && results && output < masks->outputs; output++) {
        const struct slot_value *sum = NULL;
        bool none = true;
        if (!giant_sums(emitter, masks, offsets, steps, output, x, &sum, &none))
            return NULL;
        results[output] = none ? known_zero(emitter->program) : sum;
        if (!results[output])
            return NULL;
    }
    return steps ? results : NULL;
}

/* The sum of x rotated by 0, stride, ..., (count - 1) * stride: by doubling. */
static const struct slot_value *fold(struct slot_program *program, const struct slot_value *x, struct packing_fold fold)
{
    const struct slot_value *sum = NULL, *power = x;
    for (int64_t done = 0, width = 1, left = fold.count; left; left >>= 1, width *= 2) {
        if (left & 1) {
            sum = add(program, sum, slot_rot(program, power, done * fold.stride));
            done += width;
        }
        if (left > 1)
            power = slot_add(program, power, slot_rot(program, power, width * fold.stride));
    }
    return sum;
}

/* Sums of rotated copies, and then the rescale of the product before them, if there is one: rotations add as much noise to a large
 * scale as to a small one, and the rescale divides it. */
static const struct slot_value **fold_all(struct emitter *emitter, const struct slot_value *const *x, uint32_t parts,
                                          const struct packing_fold *folds, uint32_t n_folds, bool rescales)
{
    const struct slot_value **results = arena_copy(emitter->packer->arena, x, parts, sizeof *x);
    for (uint32_t k = 0; k < parts && results; k++) {
        for (uint32_t f = 0; f < n_folds; f++)
            results[k] = fold(emitter->program, results[k], folds[f]);
        if (rescales)
            results[k] = slot_rescale(emitter->program, results[k]);
    }
    return results;
}

static const struct slot_value **emit_plain(struct emitter *emitter, const struct slot_value *const *x,
                                            const struct packing_stage *stage)
{
    uint32_t inputs = stage->way.in->parts, outputs = stage->way.after->parts;
    const struct slot_value **results = ARENA_ARRAY(emitter->packer->arena, outputs, const struct slot_value *);
    for (uint32_t out = 0; out < outputs && x && results; out++) {
        const struct slot_value *sum = NULL;
        for (uint32_t in = 0; in < inputs; in++)
            if (stage->reads ? stage->reads[in * outputs + out] : in == out)
                sum = add(emitter->program, sum, x[in]);
        results[out] = slot_rot(emitter->program, sum, stage->offsets->items[0]);
    }
    return x ? results : NULL;
}

/* The maps of this node and of those before it that were left open. */
static const struct slot_value **emit_linear(struct emitter *emitter, uint32_t number)
{
    struct packer *packer = emitter->packer;
    const struct packing_decision *last = emitter->plan->of[number];
    uint32_t chain[PACKING_PLACES * 2], n = 0;
    chain[n++] = number;
    while (emitter->plan->of[chain[n - 1]]->merged && n < PACKING_PLACES * 2) {
        chain[n] = emitter->graph->nodes[chain[n - 1]].operands[0].node;
        n++;
    }
    const struct slot_value *const *x = emitter->values[emitter->graph->nodes[chain[n - 1]].operands[0].node];
    const struct packing_way *way = &last->stage->way;
    const struct slot_value **results;
    bool is_plain = n == 1 && last->stage->is_plain;
    if (is_plain)
        results = emit_plain(emitter, x, last->stage);
    else {
        struct masks masks, next, both;
        const struct packing_stage *stage = emitter->plan->of[chain[n - 1]]->stage;
        if (!x || !masks_of_stage(packer, stage->matrix, &stage->way, &masks))
            return NULL;
        for (uint32_t k = n - 1; k-- > 0; masks = both) {
            stage = emitter->plan->of[chain[k]]->stage;
            if (!masks_of_stage(packer, stage->matrix, &stage->way, &next) || !compose(&masks, &next, &both))
                return NULL;
        }
        results = emit_masks(emitter, &masks, x);
    }
    return results ? fold_all(emitter, results, way->after->parts, way->folds, way->n_folds, !is_plain) : NULL;
}

static const struct slot_value **emit_move(struct emitter *emitter, const struct slot_value **x, const struct packing_move *move)
{
    if (!x || !move)
        return x;
    if (move->stage.matrix && move->stage.is_plain)
        x = emit_plain(emitter, x, &move->stage);
    else if (move->stage.matrix) {
        struct masks masks;
        x = masks_of_stage(emitter->packer, move->stage.matrix, &move->stage.way, &masks) ? emit_masks(emitter, &masks, x) : NULL;
    }
    return x ? fold_all(emitter, x, move->stage.way.after->parts, move->folds, move->n_folds,
                        move->stage.matrix && !move->stage.is_plain)
             : NULL;
}

/* ---- products and sums ---- */

static const struct slot_constant *constant_at(struct emitter *emitter, const struct packing *packing, uint32_t part,
                                               const double *numbers)
{
    struct packer *packer = emitter->packer;
    double *data = packing_scratch(packer, PACKING_SCRATCH_TAKEN, (size_t)packer->slots * sizeof *data);
    for (int64_t s = 0; s < packer->slots && data; s++) {
        int32_t element = packing->table[part * packer->slots + s];
        data[s] = element < 0 ? 0 : numbers[element];
    }
    return data ? slot_constant(emitter->program, data, (size_t)packer->slots) : NULL;
}

/* The product of the operands in one ciphertext of the space: in three parts, not rescaled. */
static const struct slot_value *multiply_all(struct emitter *emitter, const struct packing_node *node,
                                             const struct packing_joint *joint, const struct slot_value **const *x, uint32_t part)
{
    struct slot_program *program = emitter->program;
    const struct slot_value *factors[PACKING_OPERANDS] = {0};
    for (uint32_t o = 0; o < node->n_operands; o++)
        factors[o] = x[o][part];
    if (joint && joint->factor) {
        const struct slot_constant *constant = constant_at(emitter, joint->factor, part, node->factor);
        factors[0] = slot_rescale(program, slot_mulp(program, factors[0], constant));
    }
    for (uint32_t n = node->n_operands; n > 1; n = (n + 1) / 2)
        for (uint32_t k = 0; k < (n + 1) / 2; k++) {
            bool is_pair = 2 * k + 1 < n;
            factors[k] = is_pair ? slot_mul(program, factors[2 * k], factors[2 * k + 1]) : factors[2 * k];
            if (is_pair && n > 2) /* the last after the folds */
                factors[k] = slot_rescale(program, slot_relin(program, factors[k]));
        }
    return factors[0];
}

/* Of two summands of unequal scales the one with more levels left is multiplied by 1, at the scale that makes them equal. */
static void match_scales(struct slot_program *program, const struct slot_value **a, const struct slot_value **b)
{
    const double one = 1;
    if (!*a || !*b || slot_scale_equal(&(*a)->scale, &(*b)->scale) || (*a)->op == SLOT_known || (*b)->op == SLOT_known)
        return;
    const struct slot_value **high = (*a)->level >= (*b)->level ? a : b, **low = high == a ? b : a;
    if ((*high)->level > (*low)->level)
        *high = slot_drop(program, *high, (*low)->level + 1);
    *high = slot_rescale(program, slot_mulp_to(program, *high, slot_constant(program, &one, 1), (*low)->scale));
}

static const struct slot_value **emit_product(struct emitter *emitter, uint32_t number)
{
    struct slot_program *program = emitter->program;
    const struct packing_node *node = &emitter->graph->nodes[number];
    const struct packing_decision *decision = emitter->plan->of[number];
    const struct packing_joint *joint = decision->joint;
    const struct slot_value **x[PACKING_OPERANDS];
    uint32_t parts = decision->packing->parts;
    const struct slot_value **results = ARENA_ARRAY(emitter->packer->arena, parts, const struct slot_value *);
    for (uint32_t o = 0; o < node->n_operands; o++) {
        x[o] = emit_move(emitter, emitter->values[node->operands[o].node], decision->moves[o]);
        if (!x[o] || !results)
            return NULL;
    }
    for (uint32_t part = 0; part < parts; part++) { /* one relinearisation for all that is added up */
        const struct slot_value *sum = NULL;
        for (int64_t k = 0; k < (joint ? packing_joint_sums(joint) : 1); k++) {
            uint32_t whole = joint ? packing_joint_part(joint, part, k) : part;
            const struct slot_value *product = multiply_all(emitter, node, joint, x, whole);
            if (k)
                match_scales(program, &sum, &product);
            sum = k ? slot_add(program, sum, product) : product;
        }
        results[part] = slot_relin(program, sum);
    }
    return fold_all(emitter, results, parts, joint ? joint->way.folds : NULL, joint ? joint->way.n_folds : 0, true);
}

static const struct slot_value **emit_sum(struct emitter *emitter, uint32_t number)
{
    struct slot_program *program = emitter->program;
    const struct packing_node *node = &emitter->graph->nodes[number];
    const struct packing_decision *decision = emitter->plan->of[number];
    uint32_t parts = decision->packing->parts;
    const struct slot_value **results = ARENA_ARRAY(emitter->packer->arena, parts, const struct slot_value *);
    for (uint32_t o = 0; o < node->n_operands && results; o++) {
        const struct slot_value **x = emit_move(emitter, emitter->values[node->operands[o].node], decision->moves[o]);
        for (uint32_t part = 0; part < parts; part++) {
            const struct slot_value *summand = x ? x[part] : NULL;
            if (!summand)
                return NULL;
            if (o == 0) {
                results[part] = node->weights[0] < 0 ? slot_neg(program, summand) : summand;
                continue;
            }
            match_scales(program, &results[part], &summand);
            results[part] =
                node->weights[o] < 0 ? slot_sub(program, results[part], summand) : slot_add(program, results[part], summand);
        }
    }
    for (uint32_t part = 0; part < parts && results && node->addend; part++)
        results[part] = slot_addp(program, results[part], constant_at(emitter, decision->packing, part, node->addend));
    return results;
}

/* The value wherever an element lies, zero elsewhere. */
static const struct slot_constant *uniform_at(struct emitter *emitter, const struct packing *packing, uint32_t part, double value)
{
    struct packer *packer = emitter->packer;
    double *data = packing_scratch(packer, PACKING_SCRATCH_TAKEN, (size_t)packer->slots * sizeof *data);
    for (int64_t s = 0; s < packer->slots && data; s++)
        data[s] = packing->table[part * packer->slots + s] < 0 ? 0 : value;
    return data ? slot_constant(emitter->program, data, (size_t)packer->slots) : NULL;
}

/* Positions without an element are brought to the middle of the range, where the polynomial is as small as elsewhere in it. */
static const struct slot_value **emit_function(struct emitter *emitter, uint32_t number)
{
    struct slot_program *program = emitter->program;
    const struct packing_node *node = &emitter->graph->nodes[number];
    uint32_t operand = node->operands[0].node;
    const struct packing *lies = emitter->plan->of[operand]->packing;
    const struct slot_value **x = emitter->values[operand];
    const struct slot_value **results = ARENA_ARRAY(emitter->packer->arena, lies->parts, const struct slot_value *);
    bool masked = node->scale != 1 || packing_has_garbage(emitter->packer, lies);
    for (uint32_t part = 0; part < lies->parts && x && results; part++) {
        const struct slot_value *t = x[part];
        if (masked)
            t = slot_rescale(program, slot_mulp(program, t, uniform_at(emitter, lies, part, node->scale)));
        if (node->shift != 0)
            t = slot_addp(program, t, uniform_at(emitter, lies, part, node->shift));
        results[part] = slot_series_evaluate(program, t, node->series);
        if (!results[part])
            return NULL;
    }
    return x ? results : NULL;
}

/* ---- the program ---- */

static const struct slot_value **emit_input(struct emitter *emitter, uint32_t number)
{
    const struct packing_node *node = &emitter->graph->nodes[number];
    const struct packing *packing = emitter->plan->of[number]->packing;
    const struct slot_layout *layout = packing ? packing_layout(emitter->packer, packing, node->n_dims, node->dims) : NULL;
    uint32_t input = slot_add_input(emitter->program, node->name, layout);
    if (!layout || input == UINT32_MAX)
        return NULL;
    const struct slot_value **parts = ARENA_ARRAY(emitter->packer->arena, packing->parts, const struct slot_value *);
    for (uint32_t k = 0; k < packing->parts && parts; k++)
        parts[k] = slot_input_part(emitter->program, input, k);
    return parts;
}

static bool emit_node(struct emitter *emitter, uint32_t number)
{
    const struct packing_node *node = &emitter->graph->nodes[number];
    if (emitter->plan->of[number]->open || (node->n_uses == 0 && node->kind == PACKING_INPUT))
        return true;
    static const struct slot_value **(*const emit[])(struct emitter *, uint32_t) = {emit_input, emit_linear, emit_product, emit_sum,
                                                                                    emit_function};
    emitter->values[number] = emit[node->kind](emitter, number);
    return emitter->values[number] != NULL;
}

static bool emit_output(struct emitter *emitter, uint32_t number)
{
    uint32_t node_number = emitter->graph->outputs[number].node;
    const struct packing_shape *shape = &emitter->graph->output_shapes[number];
    const struct slot_value **x = emit_move(emitter, emitter->values[node_number], emitter->plan->outputs[number]);
    const struct slot_layout *layout = packing_layout(emitter->packer, emitter->plan->lies[number], shape->n_dims, shape->dims);
    return x && layout && slot_add_output(emitter->program, emitter->kernel->outputs[number].name, layout, x);
}

struct slot_program *packing_emit(struct packer *packer, const struct packing_graph *graph, const struct ir_kernel *kernel,
                                  const struct packing_plan *plan, enum packing_keys keys)
{
    enum { SCALE_BITS = 40 };
    struct emitter emitter = {.packer = packer, .graph = graph, .kernel = kernel, .plan = plan, .keys = keys};
    emitter.program = slot_program_create(packer->context, kernel->name, packer->slots, SLOT_LEVELS_LIMIT, SCALE_BITS);
    emitter.values = ARENA_ARRAY(packer->arena, graph->n_nodes + 1, const struct slot_value **);
    if (!emitter.program || !emitter.values)
        return NULL;
    for (uint32_t k = 0; k < graph->n_nodes; k++)
        if (!emit_node(&emitter, k))
            return NULL;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (!emit_output(&emitter, k))
            return NULL;
    return slot_finish(emitter.program) ? emitter.program : NULL;
}
