/* In which order a codelet computes its values and results, so that few of them are alive at once.
 *
 * Compilers keep the order in which statements stand, and what finds no register goes to memory and back. Values are taken by
 * groups that are made of the same operands, as the two of a butterfly are. Next comes a group after which fewest values are alive;
 * where it has to grow, one whose results meet what is there in the fewest steps: so parts of a transform are finished one after
 * the other, and inputs are read when they are needed. */
#include "ir/straight_line.h"
#include "lower.h"

enum { NOT_MET = 1 << 20 };

/* A group of values, or one result: what it makes it makes of the same operands. */
struct group {
    uint32_t first, n; /* in `members` */
    uint32_t *operands, n_operands;
    uint32_t *users, n_users, capacity; /* groups */
    uint32_t waits_for;                 /* operands that are values and not there yet */
    bool done;
};

struct scheduling {
    struct arena *arena;
    const struct straight_line *line;
    uint32_t parts, n_values, n_results, n_groups;
    struct group *groups;
    uint32_t *of_value; /* the group of a value of the program */
    uint32_t *members;  /* values of the groups, one group after the other */
    uint32_t *left;     /* by value or input: groups that still read it */
    bool *there;        /* by value or input */
    uint32_t *age;      /* by value or input: when it came */
    int32_t *met, *reached;
    uint32_t *queue;
    uint32_t now;
};

static bool add_operand(struct scheduling *scheduling, struct group *group, uint32_t value)
{
    for (uint32_t k = 0; k < group->n_operands; k++)
        if (group->operands[k] == value)
            return true;
    group->operands[group->n_operands++] = value;
    scheduling->left[value]++;
    return true;
}

static bool same_operands(const struct straight_line_value *a, const struct straight_line_value *b)
{
    return a->n_terms == b->n_terms &&
           ((a->terms[0].value == b->terms[0].value && (a->n_terms == 1 || a->terms[1].value == b->terms[1].value)) ||
            (a->n_terms == 2 && a->terms[0].value == b->terms[1].value && a->terms[1].value == b->terms[0].value));
}

static bool open_group(struct scheduling *scheduling, uint32_t most_operands)
{
    struct group *group = &scheduling->groups[scheduling->n_groups++];
    group->operands = ARENA_ARRAY(scheduling->arena, most_operands + 1, uint32_t);
    return group->operands != NULL;
}

static bool group_values(struct scheduling *scheduling)
{
    const struct straight_line *line = scheduling->line;
    uint32_t n_members = 0;
    for (uint32_t k = 0; k < scheduling->n_values; k++)
        scheduling->of_value[k] = UINT32_MAX;
    for (uint32_t k = 0; k < scheduling->n_values; k++) {
        if (scheduling->of_value[k] != UINT32_MAX)
            continue;
        struct group *group = &scheduling->groups[scheduling->n_groups];
        if (!open_group(scheduling, 2))
            return false;
        group->first = n_members;
        for (uint32_t other = k; other < scheduling->n_values; other++)
            if (scheduling->of_value[other] == UINT32_MAX && same_operands(&line->values[k], &line->values[other])) {
                scheduling->of_value[other] = scheduling->n_groups - 1;
                scheduling->members[n_members++] = other;
                group->n++;
            }
        for (uint32_t term = 0; term < line->values[k].n_terms; term++)
            add_operand(scheduling, group, line->values[k].terms[term].value);
    }
    return true;
}

static bool group_results(struct scheduling *scheduling)
{
    const struct straight_line *line = scheduling->line;
    for (uint32_t result = 0; result < scheduling->n_results; result++) {
        const struct straight_line_row *rows = &line->rows[result * scheduling->parts];
        uint32_t n_terms = 0;
        for (uint32_t part = 0; part < scheduling->parts; part++)
            n_terms += rows[part].n_terms;
        struct group *group = &scheduling->groups[scheduling->n_groups];
        if (!open_group(scheduling, n_terms))
            return false;
        for (uint32_t part = 0; part < scheduling->parts; part++)
            for (uint32_t term = 0; term < rows[part].n_terms; term++)
                add_operand(scheduling, group, rows[part].terms[term].value);
    }
    return true;
}

static bool link_groups(struct scheduling *scheduling)
{
    uint32_t n_inputs = scheduling->line->n_inputs;
    for (uint32_t g = 0; g < scheduling->n_groups; g++)
        for (uint32_t k = 0; k < scheduling->groups[g].n_operands; k++) {
            uint32_t value = scheduling->groups[g].operands[k];
            if (value < n_inputs)
                continue;
            struct group *from = &scheduling->groups[scheduling->of_value[value - n_inputs]];
            size_t n = from->n_users, capacity = from->capacity;
            scheduling->groups[g].waits_for++;
            if (!ARENA_PUSH(scheduling->arena, from->users, n, capacity, g))
                return false;
            from->n_users = (uint32_t)n;
            from->capacity = (uint32_t)capacity;
        }
    return true;
}

/* By how many the values that are alive grow. */
static int32_t growth(const struct scheduling *scheduling, const struct group *group)
{
    int32_t grows = (int32_t)group->n;
    for (uint32_t k = 0; k < group->n_operands; k++) {
        uint32_t value = group->operands[k];
        grows += (scheduling->left[value] > 1) - (int32_t)scheduling->there[value];
    }
    return grows;
}

/* When the last of its operands came. */
static uint32_t age_of(const struct scheduling *scheduling, const struct group *group)
{
    uint32_t age = 0;
    for (uint32_t k = 0; k < group->n_operands; k++)
        if (scheduling->there[group->operands[k]] && scheduling->age[group->operands[k]] > age)
            age = scheduling->age[group->operands[k]];
    return age;
}

/* Steps from the groups in the queue to each that uses what they make. */
static void spread(const struct scheduling *scheduling, int32_t *steps, uint32_t n_queue)
{
    for (uint32_t at = 0; at < n_queue; at++) {
        const struct group *group = &scheduling->groups[scheduling->queue[at]];
        for (uint32_t k = 0; k < group->n_users; k++)
            if (!scheduling->groups[group->users[k]].done && steps[group->users[k]] == NOT_MET) {
                steps[group->users[k]] = steps[scheduling->queue[at]] + 1;
                scheduling->queue[n_queue++] = group->users[k];
            }
    }
}

static void find_met(struct scheduling *scheduling)
{
    uint32_t n_queue = 0;
    for (uint32_t g = 0; g < scheduling->n_groups; g++) {
        scheduling->met[g] = NOT_MET;
        if (scheduling->groups[g].done) {
            scheduling->met[g] = 0;
            scheduling->queue[n_queue++] = g;
        }
    }
    spread(scheduling, scheduling->met, n_queue);
}

/* In how many steps its results meet what is there. */
static int32_t distance(struct scheduling *scheduling, uint32_t group)
{
    int32_t least = NOT_MET;
    for (uint32_t g = 0; g < scheduling->n_groups; g++)
        scheduling->reached[g] = NOT_MET;
    scheduling->reached[group] = 0;
    scheduling->queue[0] = group;
    spread(scheduling, scheduling->reached, 1);
    for (uint32_t g = 0; g < scheduling->n_groups; g++)
        if (g != group && !scheduling->groups[g].done && scheduling->reached[g] + scheduling->met[g] < least)
            least = scheduling->reached[g] + scheduling->met[g];
    return least;
}

static uint32_t next_group(struct scheduling *scheduling)
{
    uint32_t best = UINT32_MAX, best_age = 0;
    int32_t least = NOT_MET, nearest = NOT_MET;
    bool marked = false;
    for (uint32_t g = 0; g < scheduling->n_groups; g++)
        if (!scheduling->groups[g].done && scheduling->groups[g].waits_for == 0) {
            int32_t grows = growth(scheduling, &scheduling->groups[g]);
            least = grows < least ? grows : least;
        }
    for (uint32_t g = 0; g < scheduling->n_groups; g++) {
        const struct group *group = &scheduling->groups[g];
        if (group->done || group->waits_for || growth(scheduling, group) != least)
            continue;
        if (least > 0 && !marked)
            find_met(scheduling);
        marked |= least > 0;
        int32_t near = least > 0 ? distance(scheduling, g) : 0;
        uint32_t age = age_of(scheduling, group);
        if (best == UINT32_MAX || near < nearest || (near == nearest && age > best_age)) {
            best = g;
            nearest = near;
            best_age = age;
        }
    }
    return best;
}

static void finish(struct scheduling *scheduling, uint32_t number)
{
    struct group *group = &scheduling->groups[number];
    group->done = true;
    scheduling->now++;
    for (uint32_t k = 0; k < group->n_operands; k++) {
        uint32_t value = group->operands[k];
        if (!scheduling->there[value])
            scheduling->age[value] = scheduling->now;
        scheduling->there[value] = --scheduling->left[value] > 0;
    }
    for (uint32_t k = 0; k < group->n; k++) {
        uint32_t value = scheduling->line->n_inputs + scheduling->members[group->first + k];
        scheduling->there[value] = true;
        scheduling->age[value] = scheduling->now;
    }
    for (uint32_t k = 0; k < group->n_users; k++)
        scheduling->groups[group->users[k]].waits_for--;
}

uint32_t *codelet_schedule(struct arena *arena, const struct straight_line *line, uint32_t parts)
{
    struct scheduling scheduling = {.arena = arena, .line = line, .parts = parts};
    scheduling.n_values = (uint32_t)line->n_values;
    scheduling.n_results = line->n_rows / parts;
    size_t n = scheduling.n_values + (size_t)scheduling.n_results, all = line->n_inputs + (size_t)scheduling.n_values;
    uint32_t *order = ARENA_ARRAY(arena, n, uint32_t), n_order = 0;
    scheduling.groups = ARENA_ARRAY(arena, n, struct group);
    scheduling.of_value = ARENA_ARRAY(arena, n, uint32_t);
    scheduling.members = ARENA_ARRAY(arena, n, uint32_t);
    scheduling.left = ARENA_ARRAY(arena, all, uint32_t);
    scheduling.there = ARENA_ARRAY(arena, all, bool);
    scheduling.age = ARENA_ARRAY(arena, all, uint32_t);
    scheduling.met = ARENA_ARRAY(arena, n, int32_t);
    scheduling.reached = ARENA_ARRAY(arena, n, int32_t);
    scheduling.queue = ARENA_ARRAY(arena, n, uint32_t);
    if (arena_failed(arena) || !group_values(&scheduling))
        return NULL;
    uint32_t n_of_values = scheduling.n_groups;
    if (!group_results(&scheduling) || !link_groups(&scheduling))
        return NULL;
    for (uint32_t g; (g = next_group(&scheduling)) != UINT32_MAX;) {
        const struct group *group = &scheduling.groups[g];
        for (uint32_t k = 0; k < group->n; k++)
            order[n_order++] = scheduling.members[group->first + k];
        if (g >= n_of_values)
            order[n_order++] = scheduling.n_values + g - n_of_values;
        finish(&scheduling, g);
    }
    return order;
}
