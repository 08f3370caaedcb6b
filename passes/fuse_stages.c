/* Puts stages that share an index under a common loop over blocks of it, where that takes less time.
 *
 *     t[e,..] = ...u[e,..]...      for every e        for blocks of e { t[..] = ...u[e,..]...
 *     v[e,..] = ...t[e,..]...      for every e                          v[e,..] = ...t[..]... }
 *
 * What stands between the stages is then as large as a block, and stays in a near cache; its layout is free (fuse_blocks.c). Stages
 * that read the same input read it there together. Within a block stages may share another index, and are fused again.
 *
 * Stages may be fused where at one value of the index they touch, of every buffer that one of them writes, one row of its own, the
 * same for all of them: address = row * value + inner with 0 <= inner < row, proved. So what a stage reads of another one is made
 * at the same value, and values may follow one another in any order. One stage may add to places that are looked up, and its loops
 * are then gone through in their order. Where the index is a part of a merged one its loop is cut.
 * Stages are taken in the order in which they stand, and as many as fit. */
#include "fuse_stages.h"
#include "group_stages.h"
#include "lanes.h"

enum { MOST_LOOPS = 12, MOST_STAGES = 64, MOST_TRIED = 32 };
#define WORTHWHILE 0.9 /* of the time, at most */

struct fusing {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct arena *arena;
    uint32_t index, lane;       /* for trying */
    uint32_t open;              /* the lanes of the block whose stages are fused again; UINT32_MAX: none */
    const struct poly **places; /* by index */
    const struct poly **ends;
    uint32_t n_indices;
    struct fused_stage *read; /* stages read so far: their locals are added once */
    size_t n_read, read_capacity;
    double *seconds; /* of the function, for who asks; NULL: nobody does */
    double times;    /* that what is fused now runs */
};

/* ---- stages ---- */

static bool is_plain(const struct loop_stmt *stmt)
{
    return stmt && stmt->op == LOOP_FOR && !stmt->next && stmt->loop.kind == LOOP_SERIAL && !stmt->loop.limit &&
           poly_equals(stmt->loop.begin, 0) && poly_index_limit(stmt->loop.end) == 0;
}

/* Adds to places that may be the same for several values of outer loops, in the order of these? */
static bool combines(const struct loop_stmt *list)
{
    for (; list; list = list->next)
        if ((list->op == LOOP_STORE && list->store.combine != IR_EXPR_OP_COUNT) ||
            (list->op == LOOP_FOR && combines(list->loop.body)) || (list->op == LOOP_BLOCK && combines(list->block)) ||
            (list->op == LOOP_IF && (combines(list->branch.body) || combines(list->branch.otherwise))))
            return true;
    return false;
}

/* A nest around one store at a place that is looked up, or of what is. */
static bool is_apart(struct ir_context *context, const struct loop_stmt *list)
{
    while (is_plain(list))
        list = list->loop.body;
    if (!list || list->op != LOOP_STORE || list->next)
        return false;
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, list->store.value, &count);
    bool looks_up = poly_is_run_time(list->store.address);
    for (size_t k = 0; order && k < count && !looks_up; k++)
        looks_up = order[k]->op == IR_EXPR_load && poly_is_run_time(order[k]->load.address);
    return looks_up;
}

/* A block around one nest of which loops may be moved; false: it is none, or there is no memory. */
static bool read_stage(struct fusing *fusing, struct loop_stmt *block, struct fused_stage *stage)
{
    for (size_t k = 0; k < fusing->n_read; k++)
        if (fusing->read[k].block == block) {
            *stage = fusing->read[k];
            return true;
        }
    *stage = (struct fused_stage){.block = block};
    if (block->op != LOOP_BLOCK || !is_plain(block->block) || loop_can_fail(block->block))
        return false;
    bool *defined = ARENA_ARRAY(fusing->arena, fusing->kernel->loops->n_locals, bool);
    stage->loops = ARENA_ARRAY(fusing->arena, MOST_LOOPS, struct loop_stmt *);
    if (!defined || !stage->loops || loop_sets_outer_local(block->block, defined))
        return false;
    for (struct loop_stmt *loop = block->block; is_plain(loop) && stage->n_loops < MOST_LOOPS && loop->loop.index != fusing->open;
         loop = loop->loop.body)
        stage->loops[stage->n_loops++] = loop;
    const struct ir_kernel *source = fusing->kernel->loops->kernel;
    stage->is_apart = is_apart(fusing->context, block->block);
    stage->is_in_order = source && source->numeric_class == IR_CLASS_EXACT && combines(block->block);
    if (stage->is_in_order)
        stage->n_loops = 1;
    else if (stage->n_loops)
        stage->sums = fuse_row_as_sums(fusing->kernel, stage->loops[stage->n_loops - 1]->loop.body);
    return ARENA_PUSH(fusing->arena, fusing->read, fusing->n_read, fusing->read_capacity, *stage);
}

/* ---- common extents ---- */

/* The n for which a = n * b; 0: there is none. */
static int64_t times(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    int64_t n;
    if (a == b)
        return 1;
    if (b->n_terms != 1 || b->terms[0].denominator != 1)
        return 0;
    const struct poly *quotient = poly_floor_div(context, a, b, NULL);
    bool divides = quotient && poly_is_constant(quotient, &n) && n > 0 && poly_multiply(context, quotient, b) == a;
    return divides ? n : 0;
}

/* The largest extent of which both are multiples; NULL: none. */
static const struct poly *common_extent(struct ir_context *context, const struct poly *a, const struct poly *b)
{
    int64_t constant_a, constant_b;
    if (poly_is_constant(a, &constant_a) && poly_is_constant(b, &constant_b)) {
        int64_t common = poly_gcd(constant_a, constant_b);
        return common > 1 ? poly_constant(context, common) : NULL;
    }
    if (times(context, a, b))
        return b;
    if (times(context, b, a))
        return a;
    if (a->n_terms != 1 || b->n_terms != 1 || a->terms[0].denominator != 1 || b->terms[0].denominator != 1)
        return NULL;
    int64_t factor = a->terms[0].numerator / poly_gcd(a->terms[0].numerator, b->terms[0].numerator);
    const struct poly *common = factor ? poly_floor_div(context, a, poly_constant(context, factor), NULL) : NULL;
    return common && times(context, a, common) && times(context, b, common) ? common : NULL;
}

/* ---- what stages touch ---- */

struct touching {
    struct fusing *fusing;
    struct fusion *fusion;
    const struct fused_stage *stage;
    uint32_t number;
};

/* Ends of the loops around an access, that of the cut loop as it will be. */
static struct poly_ranges ranges_around(struct touching *touching, const struct loop_access *access)
{
    struct fusing *fusing = touching->fusing;
    for (size_t k = 0; k < access->n_loops; k++) {
        const struct loop_stmt *loop = access->loops[k];
        bool is_cut = loop == touching->stage->loops[touching->stage->cut];
        fusing->ends[loop->loop.index] = is_cut ? poly_constant(fusing->context, touching->stage->times) : loop->loop.end;
    }
    return (struct poly_ranges){fusing->n_indices, fusing->ends};
}

/* A plain store to every element of a row: as many as the loops that move it have steps, for each is stored once. */
static bool is_whole_row(struct touching *touching, const struct loop_access *access, int64_t row)
{
    int64_t elements = 1, extent;
    for (size_t k = 0; k < access->n_loops; k++) {
        const struct loop_stmt *loop = access->loops[k];
        bool is_cut = loop == touching->stage->loops[touching->stage->cut];
        if (is_cut)
            extent = touching->stage->times;
        else if (!poly_uses_index(access->address, loop->loop.index))
            extent = 1;
        else if (!is_plain(loop) || !poly_is_constant(loop->loop.end, &extent))
            return false;
        if (extent <= 0 || elements > row)
            return false;
        elements *= extent;
    }
    return access->does == LOOP_WRITES && !access->n_conditions && elements == row;
}

static void touch_moved(struct touching *touching, const struct loop_access *access, struct fused_buffer *info)
{
    struct fusing *fusing = touching->fusing;
    struct ir_context *context = fusing->context;
    const struct poly *address = poly_substitute(context, access->address, fusing->n_indices, fusing->places, NULL), *step, *inner;
    int64_t row = 0;
    if (!poly_split_index(context, address, fusing->index, &step, &inner) || !poly_is_constant(step, &row) || row <= 0) {
        info->is_irregular = true;
        return;
    }
    struct poly_ranges ranges = ranges_around(touching, access);
    info->is_irregular |= (info->is_moved && info->row != row) || info->is_still ||
                          !poly_prove_within(context, inner, poly_constant(context, row), &ranges);
    info->is_moved = true;
    info->row = row;
    info->is_whole |= is_whole_row(touching, access, row);
}

/* Adds the elements that loops of the stage move the place over; places one after another in a straight line are others. */
static void count_touched(struct touching *touching, const struct loop_access *access, struct fused_buffer *info, bool is_first)
{
    struct ir_context *context = touching->fusing->context;
    const struct poly *count = touching->fusing->kernel->loops->buffers[access->buffer].count;
    double elements = 1, all = poly_estimate(count, ir_typical_sizes(context), NULL);
    for (size_t k = 0; access->address && k < access->n_loops; k++)
        if (poly_uses_index(access->address, access->loops[k]->loop.index))
            elements *= poly_estimate(access->loops[k]->loop.end, ir_typical_sizes(context), NULL);
    if (is_first)
        info->so_far = 0;
    if (is_first || !access->address || access->address != info->place)
        info->so_far = access->address && info->so_far + elements < all ? info->so_far + elements : all;
    info->place = access->address;
    info->touched = info->so_far > info->touched ? info->so_far : info->touched;
}

static void touch(void *user, const struct loop_access *access)
{
    struct touching *touching = user;
    struct fused_buffer *info = &touching->fusion->buffers[access->buffer];
    touching->stage->uses[access->buffer] = true;
    info->is_in_lanes |= !touching->stage->is_apart;
    info->is_set |= access->does != LOOP_COMBINES;
    bool is_new = !info->is_read && !info->is_written;
    if (is_new)
        info->first = touching->number;
    count_touched(touching, access, info, is_new || info->last != touching->number);
    info->last = touching->number;
    if (access->does != LOOP_WRITES) {
        info->is_read_first |= is_new;
        info->is_read = true;
    }
    if (access->does != LOOP_READS) {
        info->is_written = true;
        info->written = touching->number;
    }
    if (!access->address) {
        info->is_irregular = true;
        return;
    }
    uint32_t cut = touching->stage->loops[touching->stage->cut]->loop.index;
    if (poly_uses_index(access->address, cut))
        touch_moved(touching, access, info);
    else
        info->is_still = true;
    info->is_irregular |= info->is_still && info->is_moved;
}

/* Adds what the stage does with each buffer. */
static bool touch_stage(struct fusing *fusing, struct fusion *fusion, uint32_t number)
{
    struct ir_context *context = fusing->context;
    const struct fused_stage *stage = &fusion->stages[number];
    uint32_t cut = stage->loops[stage->cut]->loop.index;
    struct touching touching = {fusing, fusion, stage, number};
    const struct poly *place = poly_scale(context, poly_index(context, fusing->index), stage->times);
    fusing->places[cut] = stage->times == 1 ? place : poly_add(context, place, poly_index(context, cut));
    bool fine = loop_visit_accesses(context, fusing->kernel->loops, stage->block->block, touch, &touching);
    fusing->places[cut] = NULL;
    return fine;
}

/* May values of the common index follow one another in any order, each through all stages? */
static bool is_legal(const struct fusing *fusing, const struct fusion *fusion)
{
    for (size_t k = 0; k < fusing->kernel->loops->n_buffers; k++) {
        const struct fused_buffer *info = &fusion->buffers[k];
        bool is_alone = info->first == info->last;
        bool is_row = fusing->kernel->loops->buffers[k].kind == LOOP_STACK && is_alone && !info->is_read_first;
        bool is_added = !info->is_set && is_alone && !info->is_in_lanes && fusing->kernel->options->threads <= 1;
        if (info->is_written && !is_row && !is_added && (!info->is_moved || info->is_irregular))
            return false;
    }
    return true;
}

/* Are there as many whole rows as the index has values? A stage may read less of the last one. */
static bool has_all_rows(const struct fusing *fusing, const struct fusion *fusion, size_t buffer)
{
    const struct poly *rows = poly_scale(fusing->context, fusion->extent, fusion->buffers[buffer].row);
    const struct poly *left = poly_subtract(fusing->context, fusing->kernel->loops->buffers[buffer].count, rows);
    return left && poly_prove_nonnegative(fusing->context, left, NULL);
}

/* And lie side by side in a block? All that moves has rows, of elements that vectors have; rows that are stored are made whole. */
static bool may_have_lanes(const struct fusing *fusing, const struct fusion *fusion)
{
    const struct loop_function *function = fusing->kernel->loops;
    for (uint32_t k = 0; k < (uint32_t)function->n_buffers; k++) {
        const struct fused_buffer *info = &fusion->buffers[k];
        if ((!info->is_read && !info->is_written) || fuse_stays(fusion, k))
            continue;
        if (function->buffers[k].kind == LOOP_STACK && fusion->stages[info->first].sums)
            continue;
        bool is_part = info->is_outside && info->is_written && !info->is_whole && !info->is_read_first;
        if (is_part || function->buffers[k].kind == LOOP_STACK ||
            (info->is_moved && (info->is_irregular || !lanes_have(function->buffers[k].elem))) ||
            (info->is_moved && info->is_outside && !has_all_rows(fusing, fusion, k)))
            return false;
    }
    return true;
}

/* ---- groups ---- */

static void count_use(void *user, const struct loop_access *access)
{
    size_t *uses = user;
    uses[access->buffer]++;
}

static bool find_outside(struct fusing *fusing, struct fusion *fusion)
{
    struct loop_function *function = fusing->kernel->loops;
    size_t *inside = ARENA_ARRAY(fusing->arena, function->n_buffers, size_t);
    size_t *all = ARENA_ARRAY(fusing->arena, function->n_buffers, size_t);
    if (!inside || !all || !loop_visit_accesses(fusing->context, function, function->body, count_use, all))
        return false;
    for (uint32_t k = 0; k < fusion->n_stages; k++)
        if (!loop_visit_accesses(fusing->context, function, fusion->stages[k].block->block, count_use, inside))
            return false;
    for (size_t k = 0; k < function->n_buffers; k++)
        fusion->buffers[k].is_outside = inside[k] != all[k] || function->buffers[k].kind != LOOP_SCRATCH;
    return true;
}

/* Takes the next stage along, if it fits with some loop of it. */
static bool take_stage(struct fusing *fusing, struct fusion *fusion)
{
    size_t n_buffers = fusing->kernel->loops->n_buffers;
    struct fused_stage *stage = &fusion->stages[fusion->n_stages];
    for (stage->cut = 0; stage->cut < stage->n_loops; stage->cut++) {
        stage->times = times(fusing->context, stage->loops[stage->cut]->loop.end, fusion->extent);
        if (!stage->times)
            continue;
        struct fused_buffer *before = arena_copy(fusing->arena, fusion->buffers, n_buffers, sizeof *before);
        stage->uses = ARENA_ARRAY(fusing->arena, n_buffers, bool);
        if (!before || !stage->uses || !touch_stage(fusing, fusion, fusion->n_stages))
            return false;
        if (is_legal(fusing, fusion)) {
            fusion->n_stages++;
            return true;
        }
        fusion->buffers = before;
    }
    return false;
}

static const char *name_of(const struct fusing *fusing, const struct fusion *fusion)
{
    for (uint32_t k = 0; k < fusion->n_stages; k++)
        if (fusion->stages[k].times == 1)
            return fusing->kernel->loops->indices[fusion->stages[k].loops[fusion->stages[k].cut]->loop.index].name;
    return "outer";
}

/* As many of the stages as have this extent in common; false: no memory. */
static bool try_extent(struct fusing *fusing, const struct fused_stage *stages, uint32_t n, const struct poly *extent,
                       struct fusion *fusion)
{
    *fusion = (struct fusion){.kernel = fusing->kernel,
                              .context = fusing->context,
                              .arena = fusing->arena,
                              .stages = arena_copy(fusing->arena, stages, n, sizeof *stages),
                              .extent = extent,
                              .index = fusing->index,
                              .lane = fusing->lane,
                              .block = 1,
                              .buffers = ARENA_ARRAY(fusing->arena, fusing->kernel->loops->n_buffers, struct fused_buffer)};
    if (!fusion->stages || !fusion->buffers)
        return false;
    while (fusion->n_stages < n && take_stage(fusing, fusion))
        ;
    fusion->name = name_of(fusing, fusion);
    if (fusion->n_stages < 2)
        return true;
    if (!find_outside(fusing, fusion))
        return false;
    return fuse_choose_block(fusion, fusing->open == UINT32_MAX && may_have_lanes(fusing, fusion)); /* no lanes within lanes */
}

/* Within a block nothing is copied for it, and so near to a cache's size estimates say too little: any gain counts. */
static double saved(const struct fusing *fusing, const struct fusion *fusion)
{
    double most = fusing->open == UINT32_MAX ? WORTHWHILE : 1;
    bool pays = fusion->n_stages >= 2 && fusion->seconds < most * fusion->seconds_before;
    return pays ? fusion->seconds_before - fusion->seconds : 0;
}

/* The best that begins with the first of the stages; one of fewer than 2: none. Less may be common to more of them (a stage of a
 * butterfly has half the blocks of the one before): what the first has in common with a later one is worth a try where it takes
 * more stages. */
static bool best_fusion(struct fusing *fusing, const struct fused_stage *stages, uint32_t n, struct fusion *best)
{
    const struct poly *tried[MOST_TRIED];
    uint32_t n_tried = 0, most = 1;
    *best = (struct fusion){.n_stages = 0};
    for (uint32_t other = 1; other < n && most < n; other++) {
        uint32_t before = other > 1 ? most : 0;
        for (uint32_t x = 0; x < stages[0].n_loops; x++)
            for (uint32_t y = 0; y < stages[other].n_loops; y++) {
                struct fusion fusion;
                const struct poly *extent =
                    common_extent(fusing->context, stages[0].loops[x]->loop.end, stages[other].loops[y]->loop.end);
                bool is_new = extent != NULL && n_tried < MOST_TRIED;
                for (uint32_t k = 0; k < n_tried; k++)
                    is_new &= tried[k] != extent;
                if (!is_new)
                    continue;
                tried[n_tried++] = extent;
                if (!try_extent(fusing, stages, n, extent, &fusion))
                    return false;
                most = fusion.n_stages > most ? fusion.n_stages : most;
                if (fusion.n_stages > before && saved(fusing, &fusion) > saved(fusing, best))
                    *best = fusion;
            }
    }
    return true;
}

/* ---- the function ---- */

static bool fuse_list(struct fusing *fusing, struct loop_stmt **list);

static bool note_fusion(struct fusing *fusing, const struct fusion *fusion)
{
    struct pass_kernel *kernel = fusing->kernel;
    struct pass_fusion note = {.index = fusion->name,
                               .n_stages = fusion->n_stages,
                               .block = fusion->block,
                               .speedup = fusion->seconds_before / fusion->seconds};
    return ARENA_PUSH(fusing->arena, kernel->fusions, kernel->n_fusions, kernel->fusions_capacity, note);
}

/* Puts the loop in the place of the stages. */
static bool replace(struct fusing *fusing, struct loop_stmt **list, struct fusion *fusion)
{
    struct loop_stmt *rest = fusion->stages[fusion->n_stages - 1].block->next;
    struct loop_stmt *loop = fuse_write(fusion);
    if (!loop || !note_fusion(fusing, fusion))
        return false;
    loop->next = rest;
    *list = loop;
    uint32_t open = fusing->open;
    double times = fusing->times;
    fusing->open = fusion->block > 1 ? fusion->lane : open;
    fusing->times *= fuse_blocks(fusion);
    bool fine = (fusion->block == 1 || fusing->kernel->options->small || group_list(fusing->kernel, loop->loop.body)) &&
                fuse_list(fusing, &loop->loop.body);
    fusing->open = open;
    fusing->times = times;
    return fine;
}

/* ---- the time of the function ---- */

/* Adds a statement of the function that stays as it is; what is no nest of loops by its operations alone. */
static bool add_seconds_alone(struct fusing *fusing, struct loop_stmt *stmt)
{
    struct fused_stage stage;
    if (!read_stage(fusing, stmt, &stage)) {
        *fusing->seconds += fuse_rough_seconds(fusing->kernel, stmt);
        return true;
    }
    struct fusion fusion = {.kernel = fusing->kernel,
                            .context = fusing->context,
                            .arena = fusing->arena,
                            .stages = &stage,
                            .n_stages = 1,
                            .extent = stage.loops[0]->loop.end,
                            .buffers = ARENA_ARRAY(fusing->arena, fusing->kernel->loops->n_buffers, struct fused_buffer)};
    stage.cut = 0;
    stage.times = 1;
    stage.uses = ARENA_ARRAY(fusing->arena, fusing->kernel->loops->n_buffers, bool);
    if (!fusion.buffers || !stage.uses || !touch_stage(fusing, &fusion, 0) || !fuse_time_apart(&fusion))
        return false;
    *fusing->seconds += fusion.seconds_before;
    return true;
}

/* Adds a fusion; within a block what it saves of the stages' times, which are in the block's. */
static void add_seconds_fused(struct fusing *fusing, const struct fusion *fusion, bool inner)
{
    *fusing->seconds += fusing->times * (fusion->seconds - (inner ? fusion->seconds_before : 0));
}

/* Indices for trying, from the first time that two stages may be fused. */
static bool open_trial(struct fusing *fusing)
{
    if (fusing->index == UINT32_MAX) {
        fusing->index = loop_add_index(fusing->context, fusing->kernel->loops, "common");
        fusing->lane = loop_add_index(fusing->context, fusing->kernel->loops, "common_lane");
    }
    fusing->n_indices = (uint32_t)fusing->kernel->loops->n_indices;
    fusing->places = ARENA_ARRAY(fusing->arena, fusing->n_indices, const struct poly *);
    fusing->ends = ARENA_ARRAY(fusing->arena, fusing->n_indices, const struct poly *);
    return fusing->places && fusing->ends && fusing->index != UINT32_MAX && fusing->lane != UINT32_MAX;
}

static bool fuse_list(struct fusing *fusing, struct loop_stmt **list)
{
    struct fused_stage *stages = ARENA_ARRAY(fusing->arena, MOST_STAGES, struct fused_stage);
    bool inner = list != &fusing->kernel->loops->body;
    for (; stages && *list; list = &(*list)->next) {
        struct fusion best = {.n_stages = 0};
        uint32_t n = 0;
        for (struct loop_stmt *stmt = *list; stmt && n < MOST_STAGES && read_stage(fusing, stmt, &stages[n]); stmt = stmt->next)
            n++;
        if (n >= 2 && (!open_trial(fusing) || !best_fusion(fusing, stages, n, &best)))
            return false;
        if (fusing->seconds && best.n_stages >= 2)
            add_seconds_fused(fusing, &best, inner);
        if (fusing->seconds && best.n_stages < 2 && !inner && (!open_trial(fusing) || !add_seconds_alone(fusing, *list)))
            return false;
        if (best.n_stages >= 2 && !replace(fusing, list, &best))
            return false;
    }
    return stages != NULL;
}

static enum einc_status fuse_function(struct pass_kernel *kernel, double *seconds)
{
    struct fusing fusing = {.kernel = kernel,
                            .context = kernel->context,
                            .arena = ir_arena(kernel->context),
                            .index = UINT32_MAX,
                            .lane = UINT32_MAX,
                            .open = UINT32_MAX,
                            .seconds = seconds,
                            .times = 1};
    if (kernel->options->machine.vector_bytes == 0)
        return EINC_OK;
    if (!fuse_list(&fusing, &kernel->loops->body))
        return EINC_NO_MEMORY;
    return arena_failed(fusing.arena) ? EINC_NO_MEMORY : EINC_OK;
}

enum einc_status pass_fuse_stages(struct pass_kernel *kernel)
{
    return fuse_function(kernel, NULL);
}

enum einc_status fuse_with_seconds(struct pass_kernel *kernel, double *seconds)
{
    *seconds = 0;
    return fuse_function(kernel, seconds);
}
