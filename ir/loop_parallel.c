/* Whether the iterations of a loop may run at once: none reads or writes what another one writes, none ends the function.
 *
 * Of locals they only set those that they define.
 *
 * Of a buffer that the body stores to, every two accesses, one of them a store, must lie apart in different iterations p and q. An
 * address is c*p + (steps times inner indices) + rest. Two with the same c are apart where the inner indices reach less far than
 * one step of p: |c| > |difference of the inner parts + difference of the rests|. Indices outside of p may reach further: steps
 * that are multiples of some M change nothing modulo M, so where the other terms, c*p among them, span less than M they must be
 * equal by themselves if the addresses are, and it is enough that the inner ones among them reach less far than c. This is the
 * order of the digits of a number, by which a dense tensor is laid out; M is the step of the next axis outwards. How far terms
 * reach is found by putting the ends of the inner loops in the place of their indices, innermost first; a loop with a limit has
 * two. What has to be at least 0 then may be no less than what is a condition of one of the accesses.
 *
 * Private buffers, of which each iteration has its own, are free to be used in any way. */
#include "ir_internal.h"
#include "loop.h"

enum { MOST_ACCESSES = 256, MOST_ENDS = 8 };

/* An access and its address as a sum of terms: loops[0] is the loop in question. */
struct form {
    uint32_t buffer;
    bool writes;
    const struct loop_stmt **loops;
    size_t n_loops;
    const struct poly **steps; /* one a loop */
    const struct poly *rest;
    const struct poly **conditions; /* >= 0 where it is made */
    size_t n_conditions;
};

struct proof {
    struct ir_context *context;
    const struct loop_function *function;
    const struct loop_stmt *loop;
    const struct poly_ranges *around;
    struct form *forms;
    size_t n_forms, capacity;
    const bool *written; /* by buffer */
    bool failed;
};

static bool is_at_least_0(const struct proof *proof, const struct poly *poly)
{
    return poly_prove_nonnegative(proof->context, poly, proof->around);
}

/* ---- the accesses ---- */

struct stores {
    const struct loop_function *function;
    bool *written;
};

static void note_store(void *user, const struct loop_access *access)
{
    struct stores *stores = user;
    stores->written[access->buffer] |= access->does != LOOP_READS && !stores->function->buffers[access->buffer].is_private;
}

static bool same_form(const struct form *a, const struct form *b)
{
    bool same = a->buffer == b->buffer && a->writes == b->writes && a->rest == b->rest && a->n_loops == b->n_loops;
    same = same && a->n_conditions == b->n_conditions;
    for (size_t k = 0; same && k < a->n_loops; k++)
        same = a->loops[k] == b->loops[k] && a->steps[k] == b->steps[k];
    for (size_t k = 0; same && k < a->n_conditions; k++)
        same = a->conditions[k] == b->conditions[k];
    return same;
}

static void note_form(void *user, const struct loop_access *access)
{
    struct proof *proof = user;
    struct arena *arena = ir_arena(proof->context);
    if (proof->failed || !proof->written[access->buffer])
        return;
    size_t bytes = ir_elem_info(proof->function->buffers[access->buffer].elem)->bytes;
    struct form form = {.buffer = access->buffer, .writes = access->does != LOOP_READS, .n_loops = access->n_loops + 1};
    form.rest = access->address;
    form.loops = ARENA_ARRAY(arena, form.n_loops, const struct loop_stmt *);
    form.steps = ARENA_ARRAY(arena, form.n_loops, const struct poly *);
    form.conditions = arena_copy(arena, access->conditions, access->n_conditions, sizeof(const struct poly *));
    form.n_conditions = access->n_conditions;
    proof->failed = !form.loops || !form.steps || !form.rest || !form.conditions;
    for (size_t k = 0; k < form.n_loops && !proof->failed; k++) {
        form.loops[k] = k ? access->loops[k - 1] : proof->loop;
        proof->failed = !loop_split_address(proof->context, form.rest, form.loops[k], bytes, &form.steps[k], &form.rest);
    }
    for (size_t k = 0; k < proof->n_forms && !proof->failed; k++)
        if (same_form(&proof->forms[k], &form))
            return;
    proof->failed =
        proof->failed || proof->n_forms == MOST_ACCESSES || !ARENA_PUSH(arena, proof->forms, proof->n_forms, proof->capacity, form);
}

/* ---- how far terms reach ---- */

struct reach {
    const struct proof *proof;
    const struct form *form;
    bool upwards;
    const struct poly *ends[MOST_ENDS]; /* each of them bounds the terms */
    size_t n_ends;
};

static void find_ends(struct reach *reach, const struct poly *value, size_t n);

/* Where |step| is times * c and a condition says that own - c*index >= 0: |step| * index is at most times * own. */
static void find_ends_by_conditions(struct reach *reach, const struct poly *step, const struct poly *rest, size_t n)
{
    struct ir_context *context = reach->proof->context;
    const struct poly *size = reach->upwards ? step : poly_scale(context, step, -1), *factor, *own;
    for (size_t k = 0; k < reach->form->n_conditions; k++) {
        if (!poly_split_index(context, reach->form->conditions[k], reach->form->loops[n - 1]->loop.index, &factor, &own))
            continue;
        const struct poly *c = poly_scale(context, factor, -1), *times = poly_floor_div(context, size, c, NULL);
        if (!times || poly_multiply(context, times, c) != size)
            continue;
        const struct poly *end = poly_multiply(context, times, own);
        find_ends(reach, poly_add(context, rest, reach->upwards ? end : poly_scale(context, end, -1)), n - 1);
    }
}

/* Puts the ends of the first `n` loops of the form in the place of their indices. */
static void find_ends(struct reach *reach, const struct poly *value, size_t n)
{
    struct ir_context *context = reach->proof->context;
    const struct poly *step, *rest;
    for (; n > 0 && !poly_uses_index(value, reach->form->loops[n - 1]->loop.index); n--)
        ;
    if (n == 0) {
        if (value && reach->n_ends < MOST_ENDS)
            reach->ends[reach->n_ends++] = value;
        return;
    }
    const struct loop_stmt *loop = reach->form->loops[n - 1];
    if (!poly_split_index(context, value, loop->loop.index, &step, &rest))
        return;
    bool rises = is_at_least_0(reach->proof, step);
    if (!rises && !is_at_least_0(reach->proof, poly_scale(context, step, -1)))
        return;
    if (rises != reach->upwards) {
        find_ends(reach, poly_add(context, rest, poly_multiply(context, step, loop->loop.begin)), n - 1);
        return;
    }
    find_ends_by_conditions(reach, step, rest, n);
    const struct poly *ends[2] = {loop->loop.limit, loop->loop.end};
    for (int k = 0; k < 2; k++)
        if (ends[k])
            find_ends(
                reach,
                poly_add(context, rest, poly_multiply(context, step, poly_subtract(context, ends[k], poly_constant(context, 1)))),
                n - 1);
}

static bool is_multiple(const struct proof *proof, const struct poly *step, const struct poly *modulus)
{
    return modulus && poly_equals(poly_mod(proof->context, step, modulus, NULL), 0);
}

/* Of the terms that are no multiples of the modulus (NULL: of all), from loop `first` on; that of loop 0 is never left out. */
static struct reach reach_of(const struct proof *proof, const struct form *form, const struct poly *modulus, size_t first,
                             bool upwards)
{
    struct ir_context *context = proof->context;
    struct reach reach = {.proof = proof, .form = form, .upwards = upwards};
    const struct poly *value = poly_constant(context, 0);
    for (size_t k = first; k < form->n_loops; k++)
        if (k == 0 || !is_multiple(proof, form->steps[k], modulus))
            value =
                poly_add(context, value, poly_multiply(context, form->steps[k], poly_index(context, form->loops[k]->loop.index)));
    find_ends(&reach, value, form->n_loops);
    return reach;
}

/* Is it at least 0, by itself or because it is no less than something that an access has as its condition? */
static bool holds_at(const struct proof *proof, const struct form *form, const struct poly *poly)
{
    for (size_t k = 0; k < form->n_conditions; k++)
        if (is_at_least_0(proof, poly_subtract(proof->context, poly, form->conditions[k])))
            return true;
    return is_at_least_0(proof, poly);
}

/* Are the terms of `a` from loop `first` on, less those of `b`, plus `distance`, always below `bound`? */
static bool is_below(const struct proof *proof, const struct form *a, const struct form *b, const struct poly *modulus,
                     size_t first, const struct poly *distance, const struct poly *bound)
{
    struct ir_context *context = proof->context;
    struct reach high = reach_of(proof, a, modulus, first, true), low = reach_of(proof, b, modulus, first, false);
    const struct poly *room = poly_subtract(context, poly_subtract(context, bound, poly_constant(context, 1)), distance);
    for (size_t h = 0; h < high.n_ends; h++)
        for (size_t l = 0; l < low.n_ends; l++) {
            const struct poly *left = poly_add(context, poly_subtract(context, room, high.ends[h]), low.ends[l]);
            if (holds_at(proof, a, left) || holds_at(proof, b, left))
                return true;
        }
    return false;
}

/* |terms of a - terms of b + distance| < bound */
static bool is_within(const struct proof *proof, const struct form *a, const struct form *b, const struct poly *modulus,
                      size_t first, const struct poly *distance, const struct poly *bound)
{
    return is_below(proof, a, b, modulus, first, distance, bound) &&
           is_below(proof, b, a, modulus, first, poly_scale(proof->context, distance, -1), bound);
}

static bool are_apart_modulo(const struct proof *proof, const struct form *a, const struct form *b, const struct poly *modulus,
                             const struct poly *step)
{
    const struct poly *distance = poly_subtract(proof->context, a->rest, b->rest);
    return is_within(proof, a, b, modulus, 1, distance, step) &&
           (!modulus || is_within(proof, a, b, modulus, 0, distance, modulus));
}

/* Do two accesses never touch the same place in different iterations? */
static bool are_apart(const struct proof *proof, const struct form *a, const struct form *b)
{
    const struct poly *step = a->steps[0];
    if (step != b->steps[0] || poly_equals(step, 0))
        return false;
    if (!is_at_least_0(proof, step))
        step = poly_scale(proof->context, step, -1);
    if (are_apart_modulo(proof, a, b, NULL, step))
        return true;
    for (const struct form *form = a; form; form = form == a && b != a ? b : NULL)
        for (size_t k = 1; k < form->n_loops; k++)
            if (!poly_equals(form->steps[k], 0) && are_apart_modulo(proof, a, b, form->steps[k], step))
                return true;
    return false;
}

/* ---- the whole ---- */

bool loop_sets_outer_local(const struct loop_stmt *list, bool *defined)
{
    for (; list; list = list->next)
        if (list->op == LOOP_DEFINE)
            defined[list->local.local] = true;
        else if ((list->op == LOOP_SET && !defined[list->local.local]) ||
                 (list->op == LOOP_FOR && loop_sets_outer_local(list->loop.body, defined)) ||
                 (list->op == LOOP_BLOCK && loop_sets_outer_local(list->block, defined)) ||
                 (list->op == LOOP_IF &&
                  (loop_sets_outer_local(list->branch.body, defined) || loop_sets_outer_local(list->branch.otherwise, defined))))
            return true;
    return false;
}

bool loop_is_independent(struct ir_context *context, const struct loop_function *function, const struct loop_stmt *loop,
                         const struct poly_ranges *around)
{
    struct arena *arena = ir_arena(context);
    struct stores stores = {function, ARENA_ARRAY(arena, function->n_buffers, bool)};
    struct proof proof = {.context = context, .function = function, .loop = loop, .around = around, .written = stores.written};
    bool *defined = ARENA_ARRAY(arena, function->n_locals, bool);
    if (!stores.written || !defined || loop_can_fail(loop->loop.body) || loop_sets_outer_local(loop->loop.body, defined))
        return false;
    if (!loop_visit_accesses(context, function, loop->loop.body, note_store, &stores) ||
        !loop_visit_accesses(context, function, loop->loop.body, note_form, &proof))
        return false;
    for (size_t a = 0; a < proof.n_forms && !proof.failed; a++)
        for (size_t b = a; b < proof.n_forms && !proof.failed; b++)
            if (proof.forms[a].buffer == proof.forms[b].buffer && (proof.forms[a].writes || proof.forms[b].writes))
                proof.failed = !are_apart(&proof, &proof.forms[a], &proof.forms[b]);
    return !proof.failed && !arena_failed(arena);
}
