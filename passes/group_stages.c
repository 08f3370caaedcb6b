/* Takes short sums that follow one another, as the levels of a butterfly, a group of elements at a time through registers.
 *
 *     t[a,n,l] = sum[k](A[a,n,k,l] * x[a,k,l])        for P, l {  4 elements of x, 4 sums of two, 4 sums of those, all written out
 *     u[P,m,n,l] = sum[k](B[P,m,k,n,l] * t[P,k,n,l])            the 4 elements of u that they are }
 *
 * What one stage stores and only the next one reads never reaches memory then; each level by itself loads and stores as much as it
 * multiplies. Elements that belong together follow from the addresses alone (group_digits.c), so radices may differ, and a stage
 * may have several results a point, as the halves of complex numbers. Groups have as many elements as half of the registers hold; a
 * list is cut into as few groups as possible, of elements as equal in number as possible. Sums are added in the order as written.
 */
#include "group_stages.h"
#include "fuse_stages.h"
#include "lanes.h"

enum {
    MOST_STAGES = 64,
    MOST_OPERATIONS = 256, /* written out */
    LONG_SUM = 4           /* terms, which take longer than it takes to load and store what is summed */
};

struct listing {
    struct pass_kernel *kernel;
    struct arena *arena;
    size_t *uses; /* by buffer: accesses in the function */
    struct group_stage *stages;
    uint32_t n_stages;
};

/* ---- stages ---- */

static bool is_plain(const struct loop_stmt *stmt)
{
    return stmt->op == LOOP_FOR && stmt->loop.kind == LOOP_SERIAL && !stmt->loop.limit && poly_equals(stmt->loop.begin, 0) &&
           poly_index_limit(stmt->loop.end) == 0;
}

/* Adds the loops of sums, what they add and what is stored behind them; false: something else is done. */
static bool read_inside(struct group_stage *stage, const struct loop_stmt *list, int64_t times, bool is_summed)
{
    for (; list; list = list->next) {
        int64_t extent, inner;
        if (list->op == LOOP_FOR) {
            if (!is_plain(list) || stage->n_loops == GROUP_LOOPS || !poly_is_constant(list->loop.end, &extent) || extent < 1 ||
                !checked_multiply(times, extent, &inner) || inner > MOST_OPERATIONS)
                return false;
            stage->loops[stage->n_loops++] = (struct group_loop){.loop = list, .is_summed = true};
            if (!read_inside(stage, list->loop.body, inner, true))
                return false;
        } else if (list->op == LOOP_STORE) {
            bool is_first = stage->n_stores == 0;
            if (is_summed || list->store.combine != IR_EXPR_OP_COUNT || list->store.streams ||
                !lanes_have(list->store.value->elem) || (!is_first && list->store.buffer != stage->target))
                return false;
            stage->target = list->store.buffer;
            stage->written = is_first ? list->store.address : stage->written;
            stage->n_stores++;
        } else if (list->op == LOOP_SET) {
            stage->n_terms += times;
        } else if (list->op != LOOP_DEFINE) {
            return false;
        }
    }
    return true;
}

struct accesses {
    const struct group_stage *stage;
    bool look_up; /* at a place that only the run knows */
    bool again;   /* what one loop of the stage moves at most, for all steps of the others */
};

static void note_access(void *user, const struct loop_access *access)
{
    struct accesses *accesses = user;
    uint32_t still = 0, moved = 0;
    accesses->look_up |= !access->address || poly_is_run_time(access->address);
    for (uint32_t x = 0; access->address && x < accesses->stage->n_loops; x++) {
        const struct group_loop *loop = &accesses->stage->loops[x];
        bool moves = poly_uses_index(access->address, loop->loop->loop.index);
        still += !loop->is_summed && !moves;
        moved += !loop->is_summed && moves;
    }
    accesses->again |= access->does == LOOP_READS && still > 0 && moved <= 1;
}

/* A long sum with a matrix that all places share is left to a register tile, which reads each number once for several of them. */
static bool is_better_tiled(const struct group_stage *stage, const struct accesses *accesses)
{
    return accesses->again && stage->n_terms >= LONG_SUM * stage->n_stores;
}

/* Loops around a sum, or around a row of sums. */
static bool read_stage(struct listing *listing, struct loop_stmt *block, struct group_stage *stage)
{
    const struct loop_function *function = listing->kernel->loops;
    struct accesses accesses = {.stage = stage};
    *stage = (struct group_stage){.block = block, .target = UINT32_MAX};
    if (block->op != LOOP_BLOCK || !block->block)
        return false;
    const struct loop_stmt *inside = block->block;
    while (inside && !inside->next && is_plain(inside) && stage->n_loops < GROUP_LOOPS) {
        stage->loops[stage->n_loops++] = (struct group_loop){.loop = inside};
        inside = inside->loop.body;
    }
    struct loop_stmt *row = inside && inside->next ? fuse_row_as_sums(listing->kernel, inside) : NULL;
    if (row && stage->n_loops < GROUP_LOOPS) {
        stage->loops[stage->n_loops++] = (struct group_loop){.loop = row};
        inside = row->loop.body;
    }
    stage->inside = inside;
    uint32_t n_outside = stage->n_loops;
    return inside && n_outside > 0 && read_inside(stage, inside, 1, false) && stage->n_loops > n_outside && stage->n_stores > 0 &&
           function->buffers[stage->target].kind != LOOP_STACK && !function->buffers[stage->target].updates &&
           loop_visit_accesses(listing->kernel->context, function, block->block, note_access, &accesses) && !accesses.look_up &&
           !is_better_tiled(stage, &accesses);
}

/* ---- what one stage hands to the next ---- */

struct handing {
    struct ir_context *context;
    const struct group_stage *writer;
    struct group_stage *reader; /* NULL: the writer is looked at */
    size_t uses;
    bool is_other; /* places that are no constant apart, or the stage does something else with them */
};

static bool is_near(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    return poly_is_constant(poly_subtract(context, a, b), NULL);
}

static void note_place(void *user, const struct loop_access *access)
{
    struct handing *handing = user;
    if (access->buffer != handing->writer->target)
        return;
    handing->uses++;
    if (handing->reader && !handing->reader->read)
        handing->reader->read = access->address;
    const struct poly *first = handing->reader ? handing->reader->read : handing->writer->written;
    handing->is_other |= access->does != (handing->reader ? LOOP_READS : LOOP_WRITES) || !first ||
                         !is_near(handing->context, access->address, first);
}

/* Is the result of the first stage read by the second one and by nobody else? */
static bool hands_over(struct listing *listing, const struct group_stage *writer, struct group_stage *reader)
{
    const struct loop_function *function = listing->kernel->loops;
    struct ir_context *context = listing->kernel->context;
    struct handing handing = {.context = context, .writer = writer};
    reader->read = NULL;
    if (function->buffers[writer->target].kind != LOOP_SCRATCH || writer->target == reader->target ||
        !loop_visit_accesses(context, function, writer->block->block, note_place, &handing))
        return false;
    handing.reader = reader;
    return loop_visit_accesses(context, function, reader->block->block, note_place, &handing) && reader->read &&
           !handing.is_other && handing.uses == listing->uses[writer->target];
}

struct reading {
    uint32_t buffer;
    bool is_read;
};

static void note_read(void *user, const struct loop_access *access)
{
    struct reading *reading = user;
    reading->is_read |= access->buffer == reading->buffer && access->does != LOOP_WRITES;
}

/* ---- groups ---- */

/* Stages [first, first + n) as one group; false: they are none, or there is no memory. */
static bool open_group(struct listing *listing, uint32_t first, uint32_t n, struct group *group)
{
    struct pass_kernel *kernel = listing->kernel;
    struct group_stage *stages = arena_copy(listing->arena, &listing->stages[first], n, sizeof *stages);
    *group = (struct group){.kernel = kernel, .context = kernel->context, .arena = listing->arena, .stages = stages, .n_stages = n};
    if (!group->stages)
        return false;
    group->stages[0].read = NULL;
    struct reading reading = {group->stages[n - 1].target, false};
    for (uint32_t s = 0; s < n; s++)
        if (!loop_visit_accesses(kernel->context, kernel->loops, group->stages[s].block->block, note_read, &reading) ||
            (s > 0 && !hands_over(listing, &group->stages[s - 1], &group->stages[s])))
            return false;
    if (reading.is_read || !group_find_common(group))
        return false;
    int64_t operations = 0;
    for (uint32_t s = 0; s < n; s++) {
        if (2 * group->stages[s].elements > kernel->options->machine.vector_registers && s + 1 < n)
            return false;
        operations += group->stages[s].operations;
        if (group->stages[s].operations > MOST_OPERATIONS || operations > MOST_OPERATIONS)
            return false;
    }
    return true;
}

/* Elements that are held at once, at most. */
static int64_t held(const struct group *group)
{
    int64_t most = 0;
    for (uint32_t s = 0; s + 1 < group->n_stages; s++)
        most = group->stages[s].elements > most ? group->stages[s].elements : most;
    return most;
}

/* What is best from a stage on: its group, and how many there are from here to the end. */
struct cut {
    uint32_t n, groups;
    int64_t held; /* in the largest of them */
};

static void choose_cuts(struct listing *listing, struct cut *cuts)
{
    cuts[listing->n_stages] = (struct cut){0, 0, 0};
    for (uint32_t first = listing->n_stages; first-- > 0;) {
        struct group group;
        cuts[first] = (struct cut){1, cuts[first + 1].groups + 1, cuts[first + 1].held};
        for (uint32_t n = 2; first + n <= listing->n_stages && open_group(listing, first, n, &group); n++) {
            const struct cut *rest = &cuts[first + n];
            int64_t own = held(&group) > rest->held ? held(&group) : rest->held;
            if (rest->groups + 1 < cuts[first].groups || (rest->groups + 1 == cuts[first].groups && own <= cuts[first].held))
                cuts[first] = (struct cut){n, rest->groups + 1, own};
        }
    }
}

static bool note_group(struct pass_kernel *kernel, const struct group *group)
{
    struct pass_group note = {kernel->loops->buffers[group->stages[group->n_stages - 1].target].name, group->n_stages, held(group)};
    return ARENA_PUSH(group->arena, kernel->groups, kernel->n_groups, kernel->groups_capacity, note);
}

/* Nothing of what the stages hand on is in memory any more. */
static bool empty_buffers(const struct group *group)
{
    struct loop_function *function = group->kernel->loops;
    const struct poly **none = ARENA_ARRAY(group->arena, 1, const struct poly *);
    if (!none || !(*none = poly_constant(group->context, 0)))
        return false;
    for (uint32_t s = 0; s + 1 < group->n_stages; s++) {
        struct loop_buffer *buffer = &function->buffers[group->stages[s].target];
        buffer->count = *none;
        buffer->shape = none;
        buffer->rank = 1;
    }
    return true;
}

/* The block of the first stage does what all do. */
static bool replace(struct listing *listing, struct group *group)
{
    struct loop_stmt *first = group->stages[0].block;
    const struct loop_stmt *last = group->stages[group->n_stages - 1].block;
    struct loop_stmt *nest = group_write(group);
    if (!nest)
        return !arena_failed(listing->arena);
    uint32_t before = group->n_stages - 1;
    const char *comment = arena_printf(listing->arena, "%s, with %u stage%s before it in registers",
                                       last->comment ? last->comment : "", before, before > 1 ? "s" : "");
    if (!comment || !note_group(listing->kernel, group) || !empty_buffers(group))
        return false;
    first->block = nest;
    first->comment = comment;
    first->span = last->span;
    first->next = last->next;
    return true;
}

static void count_use(void *user, const struct loop_access *access)
{
    size_t *uses = user;
    uses[access->buffer]++;
}

/* Stages that follow one another from here on, as far as they can be read; `*behind`: what stands behind them. */
static bool group_run(struct listing *listing, struct loop_stmt *first, struct loop_stmt **behind)
{
    const struct loop_function *function = listing->kernel->loops;
    listing->n_stages = 0;
    for (*behind = first;
         *behind && listing->n_stages < MOST_STAGES && read_stage(listing, *behind, &listing->stages[listing->n_stages]);
         *behind = (*behind)->next)
        listing->n_stages++;
    if (listing->n_stages == 0)
        *behind = first->next;
    if (listing->n_stages < 2)
        return true;
    listing->uses = ARENA_ARRAY(listing->arena, function->n_buffers, size_t);
    struct cut *cuts = ARENA_ARRAY(listing->arena, listing->n_stages + 1, struct cut);
    if (!listing->uses || !cuts ||
        !loop_visit_accesses(listing->kernel->context, function, function->body, count_use, listing->uses))
        return false;
    choose_cuts(listing, cuts);
    for (uint32_t k = 0; k < listing->n_stages; k += cuts[k].n) {
        struct group group;
        if (cuts[k].n > 1 && (!open_group(listing, k, cuts[k].n, &group) || !replace(listing, &group)))
            return false;
    }
    return true;
}

bool group_list(struct pass_kernel *kernel, struct loop_stmt *list)
{
    struct listing listing = {.kernel = kernel, .arena = ir_arena(kernel->context)};
    listing.stages = ARENA_ARRAY(listing.arena, MOST_STAGES, struct group_stage);
    while (listing.stages && list) {
        struct loop_stmt *stmt = list;
        if ((stmt->op == LOOP_FOR && !group_list(kernel, stmt->loop.body)) || !group_run(&listing, stmt, &list))
            return false;
    }
    return listing.stages != NULL;
}

enum einc_status pass_group_stages(struct pass_kernel *kernel)
{
    if (kernel->options->machine.vector_bytes == 0 || kernel->options->small)
        return EINC_OK;
    if (!group_list(kernel, kernel->loops->body))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
