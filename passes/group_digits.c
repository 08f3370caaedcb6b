/* The indices that stages have in common whose results the next one sums.
 *
 * A stage writes its result in loops over indices a, b, ..., the next reads it in others. Each of both is a number system: the
 * address is a sum of digits, each times the product of the extents below it. Where the two are cut at different places the finer
 * cut is made in both, and what is then the same part of the address is one digit. So in a butterfly
 *
 *     t[2*p + n]           p < 512, n < 2         p = 2*P + k,  n = l
 *     u ...: t[4*P + 2*k + l]   P < 256, k, l < 2
 *
 * have P in common, and 4 elements of t are a group. Cuts go on through all the stages: a digit is an object that they share. */
#include "group_stages.h"

#include <string.h>

const struct poly *group_step(const struct group *group, const struct group_loop *loop, const struct poly *address, uint32_t digit)
{
    const struct poly *step;
    if (!poly_split_index(group->context, address, loop->loop->loop.index, &step, NULL))
        return NULL;
    for (uint32_t k = 0; k < digit; k++)
        step = poly_multiply(group->context, step, group->digits[loop->digits[k]].extent);
    return step;
}

struct place {
    uint32_t loop, digit;
};

/* The digit with this step; false: there is none. */
static bool find_digit(const struct group *group, const struct group_stage *stage, const struct poly *address,
                       const struct poly *step, struct place *place)
{
    for (uint32_t loop = 0; loop < stage->n_loops; loop++)
        for (uint32_t digit = 0; digit < stage->loops[loop].n_digits; digit++)
            if (group_step(group, &stage->loops[loop], address, digit) == step &&
                !poly_equals(group->digits[stage->loops[loop].digits[digit]].extent, 1)) {
                *place = (struct place){loop, digit};
                return true;
            }
    return false;
}

/* Digits that move the address, and the least constant step of one; 0: there is none. */
static uint32_t count_digits(const struct group *group, const struct group_stage *stage, const struct poly *address, int64_t *least)
{
    uint32_t count = 0;
    *least = 0;
    for (uint32_t loop = 0; loop < stage->n_loops; loop++)
        for (uint32_t digit = 0; digit < stage->loops[loop].n_digits; digit++) {
            int64_t constant;
            const struct poly *step = group_step(group, &stage->loops[loop], address, digit);
            if (!step || poly_equals(step, 0) || poly_equals(group->digits[stage->loops[loop].digits[digit]].extent, 1))
                continue;
            count++;
            if (poly_is_constant(step, &constant) && constant > 0 && (*least == 0 || constant < *least))
                *least = constant;
        }
    return count;
}

/* The digit falls into one of extent `low` and one of what is left, in all loops that have it. */
static bool split(struct group *group, uint32_t number, const struct poly *low, const struct poly *high)
{
    if (group->n_digits == GROUP_DIGITS)
        return false;
    uint32_t added = group->n_digits++;
    group->digits[number].extent = low;
    group->digits[added] = (struct group_digit){.extent = high, .index = UINT32_MAX};
    for (uint32_t s = 0; s < group->n_stages; s++)
        for (uint32_t x = 0; x < group->stages[s].n_loops; x++) {
            struct group_loop *loop = &group->stages[s].loops[x];
            uint32_t at = 0;
            while (at < loop->n_digits && loop->digits[at] != number)
                at++;
            if (at == loop->n_digits)
                continue;
            if (loop->n_digits == GROUP_LOOP_DIGITS)
                return false;
            memmove(&loop->digits[at + 2], &loop->digits[at + 1], (loop->n_digits - at - 1) * sizeof loop->digits[0]);
            loop->digits[at + 1] = added;
            loop->n_digits++;
        }
    return true;
}

/* The extent that times `part` is `whole`; NULL: there is none. */
static const struct poly *times(struct ir_context *context, const struct poly *whole, const struct poly *part)
{
    if (!part || part->n_terms != 1 || part->terms[0].denominator != 1 || part->terms[0].numerator <= 0)
        return NULL;
    const struct poly *quotient = poly_floor_div(context, whole, part, NULL);
    return quotient && poly_multiply(context, quotient, part) == whole ? quotient : NULL;
}

/* Makes the two one, the longer one cut to the length of the other. */
static bool unify(struct group *group, uint32_t a, uint32_t b)
{
    const struct poly *of_a = group->digits[a].extent, *of_b = group->digits[b].extent, *rest;
    if (of_a != of_b) {
        bool a_is_longer = (rest = times(group->context, of_a, of_b)) != NULL;
        if (!a_is_longer && !(rest = times(group->context, of_b, of_a)))
            return false;
        if (!split(group, a_is_longer ? a : b, a_is_longer ? of_b : of_a, rest))
            return false;
    }
    for (uint32_t s = 0; s < group->n_stages; s++)
        for (uint32_t x = 0; x < group->stages[s].n_loops; x++)
            for (uint32_t k = 0; k < group->stages[s].loops[x].n_digits; k++)
                if (group->stages[s].loops[x].digits[k] == b)
                    group->stages[s].loops[x].digits[k] = a;
    return true;
}

/* Digits of what one stage writes and the next reads, from the lowest up. */
static bool match(struct group *group, uint32_t number)
{
    const struct group_stage *writer = &group->stages[number - 1], *reader = &group->stages[number];
    int64_t least, other;
    uint32_t matched = 0;
    count_digits(group, writer, writer->written, &least);
    count_digits(group, reader, reader->read, &other);
    if (least == 0 || least != other)
        return false;
    const struct poly *step = poly_constant(group->context, least);
    struct place a, b;
    while (step && matched < GROUP_DIGITS && find_digit(group, writer, writer->written, step, &a) &&
           find_digit(group, reader, reader->read, step, &b)) {
        uint32_t digit = writer->loops[a.loop].digits[a.digit];
        if (!unify(group, digit, reader->loops[b.loop].digits[b.digit]))
            return false;
        step = poly_multiply(group->context, step, group->digits[digit].extent);
        matched++;
    }
    return count_digits(group, writer, writer->written, &least) == matched &&
           count_digits(group, reader, reader->read, &other) == matched;
}

static bool open_digits(struct group *group)
{
    group->n_digits = 0;
    for (uint32_t s = 0; s < group->n_stages; s++)
        for (uint32_t x = 0; x < group->stages[s].n_loops; x++) {
            struct group_loop *loop = &group->stages[s].loops[x];
            if (group->n_digits == GROUP_DIGITS)
                return false;
            loop->digits[0] = group->n_digits;
            loop->n_digits = 1;
            group->digits[group->n_digits++] = (struct group_digit){.extent = loop->loop->loop.end, .index = UINT32_MAX};
        }
    return true;
}

/* The loop that has the digit, and where in it; NULL: none has. */
static const struct group_loop *loop_of(const struct group_stage *stage, uint32_t digit, uint32_t *at)
{
    for (uint32_t x = 0; x < stage->n_loops; x++)
        for (*at = 0; *at < stage->loops[x].n_digits; ++*at)
            if (stage->loops[x].digits[*at] == digit)
                return &stage->loops[x];
    return NULL;
}

static bool is_common(const struct group *group, uint32_t digit)
{
    for (uint32_t s = 0; s < group->n_stages; s++) {
        uint32_t at;
        const struct group_loop *loop = loop_of(&group->stages[s], digit, &at);
        if (!loop || loop->is_summed)
            return false;
    }
    return true;
}

/* The common digit that stands above this one in a loop of every stage; UINT32_MAX: there is none. */
static uint32_t digit_above(const struct group *group, uint32_t digit)
{
    uint32_t above = UINT32_MAX;
    for (uint32_t s = 0; s < group->n_stages; s++) {
        uint32_t at;
        const struct group_loop *loop = loop_of(&group->stages[s], digit, &at);
        if (!loop || at + 1 == loop->n_digits || (s > 0 && loop->digits[at + 1] != above))
            return UINT32_MAX;
        above = loop->digits[at + 1];
    }
    return group->digits[above].is_common ? above : UINT32_MAX;
}

/* Two common digits that stand together everywhere are one again. */
static void join_digits(struct group *group)
{
    for (uint32_t digit = 0; digit < group->n_digits; digit++) {
        uint32_t above;
        while (group->digits[digit].is_common && (above = digit_above(group, digit)) != UINT32_MAX) {
            group->digits[digit].extent = poly_multiply(group->context, group->digits[digit].extent, group->digits[above].extent);
            group->digits[above].is_common = false;
            for (uint32_t s = 0; s < group->n_stages; s++)
                for (uint32_t x = 0; x < group->stages[s].n_loops; x++) {
                    struct group_loop *loop = &group->stages[s].loops[x];
                    for (uint32_t k = 0; k + 1 < loop->n_digits; k++)
                        if (loop->digits[k] == digit) {
                            memmove(&loop->digits[k + 1], &loop->digits[k + 2], (loop->n_digits - k - 2) * sizeof loop->digits[0]);
                            loop->n_digits--;
                        }
                }
        }
    }
}

/* Elements and operations of a stage in one group; false: they are known at run time only, or too many. */
static bool count_group(struct group *group, struct group_stage *stage)
{
    stage->elements = stage->n_stores;
    stage->operations = stage->n_terms;
    for (uint32_t x = 0; x < stage->n_loops; x++)
        for (uint32_t k = 0; k < stage->loops[x].n_digits; k++) {
            const struct group_digit *digit = &group->digits[stage->loops[x].digits[k]];
            int64_t extent;
            if (digit->is_common)
                continue;
            if (!poly_is_constant(digit->extent, &extent) ||
                (!stage->loops[x].is_summed && (!checked_multiply(stage->elements, extent, &stage->elements) ||
                                                !checked_multiply(stage->operations, extent, &stage->operations))))
                return false;
        }
    return true;
}

bool group_find_common(struct group *group)
{
    if (!open_digits(group))
        return false;
    for (uint32_t s = 1; s < group->n_stages; s++)
        if (!match(group, s))
            return false;
    for (uint32_t digit = 0; digit < group->n_digits; digit++)
        group->digits[digit].is_common = is_common(group, digit);
    join_digits(group);
    for (uint32_t s = 0; s < group->n_stages; s++)
        if (!count_group(group, &group->stages[s]))
            return false;
    return !arena_failed(group->arena);
}
