/* Asks for what a chain of stages reads and writes at its next turn while this one is worked on.
 *
 *     for e { stage   stage ... }      becomes
 *     for e { prefetch a part of row e + 1   stage   prefetch the next part   stage ... }
 *
 * for every tensor in memory of which a turn touches a row, address = step * e + inner. A stage reads its rows all at once, between
 * others that read none: processors, which follow a stream a few lines ahead, then wait for nearly all of a row, and the memory
 * stands still as long as the other stages work. So each stage asks for its share of the lines that are touched, and of those
 * alone; first shares of a row are asked for by the stage that uses the row before, last ones by the stage before it is used. They
 * go to the first cache where that holds them beside what a turn works on, else to the second.
 *
 * Where places are looked up in a table that has such rows, u[t[step * e + inner]], the next row of the table is read, if there is
 * one, and the table itself is asked for one turn before that. A hint changes no number. */
#include "prefetch.h"
#include "product.h"

#include <math.h>

#define SHARE_OF_CACHE 0.9
enum {
    FEWEST_STAGES = 2,
    FEWEST_TURNS = 8,
    MOST_AT_ONCE = 2 * STREAM_AHEAD, /* bytes */
    MOST_POINTS = 1 << 16            /* of a row that are looked at one by one */
};

/* What a turn touches of a buffer. */
struct touched_row {
    const struct poly *origin; /* its place without what is constant; NULL: it has no row, or none that memory streams */
    int64_t step;              /* elements from turn to turn */
    bool *lines;               /* touched ones, from the origin on */
    int64_t n_lines, n_touched;
    int64_t first; /* stage that uses it */
    bool is_table; /* of places that are asked for a turn ahead: itself a turn earlier */
};

/* A buffer within a turn: what of it occupies a cache, between the first and the last stage that use it. */
struct used_buffer {
    bool is_used;
    int64_t first, last;
    double bytes;
};

/* A place that is looked up, and the loops around it. */
struct looked_up {
    uint32_t buffer;
    const struct poly *address, *entry; /* and the place in the table */
    const struct poly *entries;         /* that the table has */
    struct loop_stmt **loops;
    size_t n_loops;
    double lines;   /* at least: those of as many elements side by side */
    bool is_joined; /* to an earlier one of the same entries */
};

struct chain {
    struct prefetching *prefetching;
    struct ir_context *context;
    struct arena *arena;
    struct loop_function *function;
    struct loop_stmt *loop;
    struct touched_row *rows; /* by buffer */
    struct used_buffer *used; /* by buffer */
    int64_t stage, n_stages;  /* that has begun, of so many */
    struct looked_up *lookups;
    size_t n_lookups, capacity;
    int64_t ahead;  /* turns */
    bool is_far;    /* the first cache does not hold it until then */
    uint32_t index; /* over lines */
};

/* ---- what a turn touches ---- */

static bool is_streamed(const struct chain *chain, uint32_t number)
{
    const struct machine *machine = &chain->prefetching->kernel->options->machine;
    const struct loop_buffer *buffer = &chain->function->buffers[number];
    double count = poly_estimate(buffer->count, ir_typical_sizes(chain->context), NULL);
    return (buffer->kind == LOOP_INPUT || buffer->kind == LOOP_OUTPUT) && !chain->prefetching->asked[number] &&
           count * (double)ir_elem_info(buffer->elem)->bytes > (double)machine->l2_bytes;
}

static int64_t line_of(const struct chain *chain, uint32_t buffer)
{
    return CACHE_LINE / (int64_t)ir_elem_info(chain->function->buffers[buffer].elem)->bytes;
}

static int64_t constant_term(const struct poly *poly)
{
    const struct poly_term *last = poly->n_terms ? &poly->terms[poly->n_terms - 1] : NULL;
    return last && last->n_factors == 0 && last->denominator == 1 ? last->numerator : 0;
}

/* Splits number * index off the address; false: it moves otherwise. */
static bool split_off(const struct chain *chain, const struct loop_stmt *loop, const struct loop_buffer *buffer,
                      const struct poly **address, int64_t *number)
{
    const struct poly *coefficient;
    size_t bytes = ir_elem_info(buffer->elem)->bytes;
    return loop_split_address(chain->context, *address, loop, bytes, &coefficient, address) &&
           poly_is_constant(coefficient, number);
}

/* The address of the loops around it that have known extents: moves[k] elements at each of counts[k] steps. */
struct walk {
    int64_t moves[16], counts[16];
    size_t n;
    double points;
};

static bool read_walk(const struct chain *chain, const struct loop_access *access, const struct poly **address, struct walk *walk)
{
    walk->n = 0;
    walk->points = 1;
    for (size_t k = 0; k < access->n_loops; k++) {
        int64_t move, count;
        if (!split_off(chain, access->loops[k], &chain->function->buffers[access->buffer], address, &move) || move < 0)
            return false;
        if (move == 0)
            continue;
        if (!poly_is_constant(access->loops[k]->loop.end, &count) || count < 1 ||
            walk->n == sizeof walk->moves / sizeof *walk->moves)
            return false;
        walk->moves[walk->n] = move;
        walk->counts[walk->n++] = count;
        walk->points *= (double)count;
    }
    return walk->points <= MOST_POINTS;
}

static void mark_lines(struct touched_row *row, const struct walk *walk, size_t depth, int64_t place, int64_t line)
{
    if (depth < walk->n) {
        for (int64_t k = 0; k < walk->counts[depth]; k++)
            mark_lines(row, walk, depth + 1, place + k * walk->moves[depth], line);
        return;
    }
    if (place / line < row->n_lines && !row->lines[place / line]) {
        row->lines[place / line] = true;
        row->n_touched++;
    }
}

/* Marks what lies within a row; other places are not asked for: false. */
static bool touch(struct chain *chain, uint32_t buffer, const struct poly *address, const struct loop_access *access)
{
    struct touched_row *row = &chain->rows[buffer];
    int64_t line = line_of(chain, buffer), step, most = chain->prefetching->kernel->options->machine.l2_bytes / CACHE_LINE;
    struct walk walk;
    if (!split_off(chain, chain->loop, &chain->function->buffers[buffer], &address, &step) || step <= 0 || step / line > most ||
        !read_walk(chain, access, &address, &walk))
        return false;
    int64_t first = constant_term(address);
    const struct poly *origin = poly_subtract(chain->context, address, poly_constant(chain->context, first));
    if (!row->origin && origin) {
        *row = (struct touched_row){.origin = origin, .step = step, .n_lines = (step + line - 1) / line, .first = chain->stage};
        row->lines = ARENA_ARRAY(chain->arena, (size_t)row->n_lines, bool);
    }
    bool is_ours = row->lines && origin == row->origin && step == row->step && first >= 0;
    if (is_ours)
        mark_lines(row, &walk, 0, first, line);
    return is_ours;
}

/* Are all of its loops gone through whole? Then lanes behind the end, and what is left of a block, are not. */
static bool is_whole(const struct loop_access *access)
{
    int64_t count;
    for (size_t k = 0; k < access->n_loops; k++) {
        const struct loop_stmt *loop = access->loops[k];
        if (!poly_equals(loop->loop.begin, 0) || loop->loop.limit || !poly_is_constant(loop->loop.end, &count) || count < 1)
            return false;
    }
    return access->n_loops > 0;
}

/* The same entries in the same order as an earlier place? Then in terms of its loops. */
static bool join_place(const struct chain *chain, struct looked_up *place, const struct looked_up *earlier)
{
    uint32_t n = (uint32_t)chain->function->n_indices;
    const struct poly **index = ARENA_ARRAY(chain->arena, n, const struct poly *);
    if (!index || place->n_loops != earlier->n_loops)
        return false;
    for (size_t k = 0; k < place->n_loops; k++) {
        if (place->loops[k]->loop.end != earlier->loops[k]->loop.end)
            return false;
        index[place->loops[k]->loop.index] = poly_index(chain->context, earlier->loops[k]->loop.index);
    }
    if (poly_substitute(chain->context, place->entry, n, index, NULL) != earlier->entry)
        return false;
    place->address = poly_substitute(chain->context, place->address, n, index, NULL);
    place->entry = earlier->entry;
    place->loops = earlier->loops;
    return true;
}

/* At least 0 at every turn, whatever conditions the access itself stands under? */
static bool is_in_table(const struct chain *chain, const struct poly *entry, const struct loop_access *access)
{
    const struct prefetching *prefetching = chain->prefetching;
    const struct poly **ends = ARENA_ARRAY(chain->arena, chain->function->n_indices, const struct poly *);
    if (!ends)
        return false;
    for (size_t k = 0; k < prefetching->n_loops; k++)
        ends[prefetching->loops[k]->loop.index] = prefetching->loops[k]->loop.end;
    for (size_t k = 0; k < access->n_loops; k++)
        ends[access->loops[k]->loop.index] = access->loops[k]->loop.end;
    ends[chain->loop->loop.index] = chain->loop->loop.end;
    const struct poly_ranges ranges = {(uint32_t)chain->function->n_indices, ends};
    return poly_prove_nonnegative(chain->context, entry, &ranges);
}

static void note_lookup(struct chain *chain, const struct loop_access *access)
{
    const struct poly_term *term = poly_single_lookup(access->address);
    if (!term || !is_whole(access))
        return;
    const struct poly_atom *lookup = term->factors[0];
    uint32_t table = loop_table_buffer(chain->function, lookup->table);
    struct looked_up place = {.buffer = access->buffer, .address = access->address, .entry = lookup->arguments[0]};
    if (table == UINT32_MAX || chain->function->buffers[table].kind != LOOP_INPUT || !is_streamed(chain, table) ||
        !is_in_table(chain, place.entry, access) || !touch(chain, table, place.entry, access))
        return;
    chain->rows[table].is_table = true;
    place.entries = chain->function->buffers[table].count;
    place.n_loops = access->n_loops;
    place.loops = arena_copy(chain->arena, access->loops, access->n_loops, sizeof *access->loops);
    place.lines = 1.0 / (double)line_of(chain, place.buffer);
    for (size_t k = 0; k < place.n_loops; k++)
        place.lines *= poly_estimate(access->loops[k]->loop.end, NULL, NULL);
    for (size_t k = 0; place.loops && k < chain->n_lookups && !place.is_joined; k++)
        place.is_joined = join_place(chain, &place, &chain->lookups[k]);
    for (size_t k = 0; k < chain->n_lookups; k++)
        if (chain->lookups[k].buffer == place.buffer && chain->lookups[k].address == place.address)
            return;
    if (place.loops)
        (void)ARENA_PUSH(chain->arena, chain->lookups, chain->n_lookups, chain->capacity, place);
}

/* What is stored past the caches is not to be brought into them. */
static void leave_streams(const struct chain *chain, const struct loop_stmt *list)
{
    for (; list; list = list->next) {
        if (list->op == LOOP_STORE && list->store.streams)
            chain->prefetching->asked[list->store.buffer] = true;
        else if (list->op == LOOP_FOR)
            leave_streams(chain, list->loop.body);
        else if (list->op == LOOP_BLOCK)
            leave_streams(chain, list->block);
        else if (list->op == LOOP_IF) {
            leave_streams(chain, list->branch.body);
            leave_streams(chain, list->branch.otherwise);
        }
    }
}

/* All of it, or the row that a turn moves on by. */
static double bytes_in_turn(const struct chain *chain, const struct loop_access *access)
{
    const struct loop_buffer *buffer = &chain->function->buffers[access->buffer];
    const struct poly *address = access->address;
    double count = poly_estimate(buffer->count, ir_typical_sizes(chain->context), NULL);
    int64_t step;
    if (address && poly_uses_index(address, chain->loop->loop.index) && split_off(chain, chain->loop, buffer, &address, &step))
        count = fmin(count, fabs((double)step));
    return count * (double)ir_elem_info(buffer->elem)->bytes;
}

static void visit_access(void *user, const struct loop_access *access)
{
    struct chain *chain = user;
    struct used_buffer *used = &chain->used[access->buffer];
    if (!used->is_used)
        *used = (struct used_buffer){.is_used = true, .first = chain->stage, .bytes = bytes_in_turn(chain, access)};
    used->last = chain->stage;
    if (!access->address || !is_streamed(chain, access->buffer))
        return;
    if (poly_is_run_time(access->address))
        note_lookup(chain, access);
    else
        touch(chain, access->buffer, access->address, access);
}

/* ---- hints ---- */

static const struct poly *with_index(const struct chain *chain, const struct poly *address, uint32_t index,
                                     const struct poly *value)
{
    const struct poly **place = ARENA_ARRAY(chain->arena, chain->function->n_indices, const struct poly *);
    if (!place)
        return NULL;
    place[index] = value;
    return poly_substitute(chain->context, address, (uint32_t)chain->function->n_indices, place, NULL);
}

/* The address some turns later. */
static const struct poly *later(const struct chain *chain, const struct poly *address, int64_t turns)
{
    uint32_t index = chain->loop->loop.index;
    return with_index(chain, address, index,
                      poly_add(chain->context, poly_index(chain->context, index), poly_constant(chain->context, turns)));
}

/* Lines [first, first + count) of a row, so many turns ahead, that begins at this place. */
static struct loop_stmt *ask_for_lines(const struct chain *chain, uint32_t buffer, const struct poly *row, int64_t turns,
                                       int64_t first, int64_t count)
{
    struct ir_context *context = chain->context;
    const struct poly *number = poly_constant(context, first);
    if (count > 1)
        number = poly_add(context, number, poly_index(context, chain->index));
    struct loop_stmt *hint =
        loop_prefetch(context, buffer, poly_add(context, row, poly_scale(context, number, line_of(chain, buffer))));
    if (hint)
        hint->prefetch.far = chain->is_far;
    if (count == 1 || !hint)
        return hint;
    struct loop_stmt *loop =
        loop_for(context, LOOP_SERIAL, chain->index, poly_constant(context, 0), poly_constant(context, count), hint);
    if (loop)
        loop->comment = turns == 0   ? "of this turn"
                        : turns == 1 ? "of the next turn"
                                     : arena_printf(chain->arena, "%d turns ahead", (int)turns);
    return loop;
}

/* The share of a stage in the touched lines of a row: the first of them are asked for by the stage that uses the row before. */
static struct loop_stmt *ask_for_row(const struct chain *chain, uint32_t buffer, int64_t stage)
{
    const struct touched_row *row = &chain->rows[buffer];
    const struct poly *moved = poly_scale(chain->context, poly_index(chain->context, chain->loop->loop.index), row->step);
    int64_t n = chain->n_stages, after = row->is_table ? 0 : row->first, share = (stage - after + n) % n;
    int64_t turns = chain->ahead + row->is_table - (stage < after);
    const struct poly *place = later(chain, poly_add(chain->context, row->origin, moved), turns);
    int64_t begin = share * row->n_touched / n, end = (share + 1) * row->n_touched / n, number = 0, first = 0, count = 0;
    struct loop_stmt *hints = NULL;
    for (int64_t line = 0; line <= row->n_lines; line++) {
        bool is_touched = line < row->n_lines && row->lines[line];
        bool is_ours = is_touched && number >= begin && number < end;
        number += is_touched;
        if (!is_ours && count > 0)
            hints = loop_join(hints, ask_for_lines(chain, buffer, place, turns, first, count));
        first = is_ours && count == 0 ? line : first;
        count = is_ours ? count + 1 : 0;
    }
    return hints;
}

/* The number of entries that the table has behind the last one of that turn, in units of what all of that is a multiple of: is it
 * at least 0? */
static const struct poly *entries_left(const struct chain *chain, const struct looked_up *place, const struct poly *entry)
{
    struct ir_context *context = chain->context;
    const struct poly **last = ARENA_ARRAY(chain->arena, chain->function->n_indices, const struct poly *);
    if (!last)
        return NULL;
    for (size_t k = 0; k < place->n_loops; k++)
        last[place->loops[k]->loop.index] = poly_subtract(context, place->loops[k]->loop.end, poly_constant(context, 1));
    const struct poly *end = poly_substitute(context, entry, (uint32_t)chain->function->n_indices, last, NULL);
    const struct poly *left = poly_subtract(context, place->entries, poly_add(context, end, poly_constant(context, 1)));
    int64_t unit = 0;
    for (uint32_t k = 0; left && k < left->n_terms; k++)
        unit = left->terms[k].denominator == 1 ? poly_gcd(unit, left->terms[k].numerator) : 1;
    return unit > 1 ? poly_floor_div(context, left, poly_constant(context, unit), NULL) : left;
}

/* Of all that is looked up by these entries, at one of them; `step` of the outermost loop around them, NULL: each. */
static struct loop_stmt *ask_for_entry(const struct chain *chain, const struct looked_up *place, const struct poly *step)
{
    struct loop_stmt *hints = NULL;
    for (const struct looked_up *now = place; now < chain->lookups + chain->n_lookups; now++) {
        if (now->loops != place->loops)
            continue;
        const struct poly *address = later(chain, now->address, chain->ahead);
        address = step && address ? with_index(chain, address, place->loops[0]->loop.index, step) : address;
        struct loop_stmt *hint = loop_prefetch(chain->context, now->buffer, address);
        if (!hint)
            return NULL;
        hint->prefetch.far = chain->is_far;
        hints = loop_join(hints, hint);
    }
    return hints;
}

/* The share of a stage in the places that are looked up: some steps of the outermost loop around them. */
static struct loop_stmt *ask_for_places(const struct chain *chain, const struct looked_up *place, int64_t stage)
{
    struct ir_context *context = chain->context;
    int64_t steps = 0, n = chain->n_stages;
    (void)poly_is_constant(place->loops[0]->loop.end, &steps);
    int64_t first = stage * steps / n, behind = (stage + 1) * steps / n;
    const struct poly *begin = poly_constant(context, first), *end = poly_constant(context, behind);
    const struct poly *left = entries_left(chain, place, later(chain, place->entry, chain->ahead));
    if (first == behind || !left)
        return NULL;
    bool is_single = behind - first == 1;
    struct loop_stmt *hints = ask_for_entry(chain, place, is_single ? begin : NULL);
    for (size_t k = place->n_loops; k-- > is_single;) {
        const struct loop_stmt *loop = place->loops[k];
        hints = loop_for(context, LOOP_SERIAL, loop->loop.index, k ? loop->loop.begin : begin, k ? loop->loop.end : end, hints);
    }
    const struct poly **condition = arena_copy(chain->arena, &left, 1, sizeof left);
    return hints && condition ? loop_if(context, 1, condition, hints, NULL) : NULL;
}

static struct loop_stmt *hints_of_stage(const struct chain *chain, int64_t stage)
{
    struct loop_stmt *hints = NULL;
    for (uint32_t k = 0; k < (uint32_t)chain->function->n_buffers; k++)
        if (chain->rows[k].n_touched)
            hints = loop_join(hints, ask_for_row(chain, k, stage));
    for (size_t k = 0; k < chain->n_lookups; k++)
        if (!chain->lookups[k].is_joined)
            hints = loop_join(hints, ask_for_places(chain, &chain->lookups[k], stage));
    return hints;
}

/* ---- the chain ---- */

static int64_t count_stages(const struct loop_stmt *loop)
{
    int64_t stages = 0;
    for (const struct loop_stmt *stmt = loop->loop.body; stmt; stmt = stmt->next)
        stages += stmt->op == LOOP_BLOCK;
    return stages;
}

static bool visit_turn(struct chain *chain)
{
    bool fine = true;
    for (const struct loop_stmt *stmt = chain->loop->loop.body; stmt && fine; stmt = stmt->next) {
        struct loop_stmt *alone = arena_copy(chain->arena, stmt, 1, sizeof *stmt);
        if (!alone)
            return false;
        alone->next = NULL;
        chain->stage = chain->n_stages > 0 ? chain->n_stages - (stmt->op != LOOP_BLOCK) : 0;
        chain->n_stages += stmt->op == LOOP_BLOCK;
        fine = loop_visit_accesses(chain->context, chain->function, alone, visit_access, chain);
    }
    return fine;
}

/* Bytes that a turn works on, what memory streams aside, at most at a time. */
static double working_bytes(const struct chain *chain)
{
    double most = 0;
    for (int64_t stage = 0; stage < chain->n_stages; stage++) {
        double bytes = 0;
        for (uint32_t k = 0; k < (uint32_t)chain->function->n_buffers; k++) {
            const struct used_buffer *used = &chain->used[k];
            bool is_kept = chain->function->buffers[k].kind != LOOP_SCRATCH || (used->first <= stage && used->last >= stage);
            if (used->is_used && is_kept && !is_streamed(chain, k))
                bytes += used->bytes;
        }
        most = fmax(most, bytes);
    }
    return most;
}

/* How many turns ahead; 0: there is nothing to ask for, the second cache does not hold it until it is used (a turn passes in
 * between, with all that it works on and its own rows), or it is so much at once that hints wait for one another: then rows are so
 * long that processors follow them by themselves, while they work. */
static int64_t turns_ahead(struct chain *chain)
{
    const struct machine *machine = &chain->prefetching->kernel->options->machine;
    double turns = poly_estimate(chain->loop->loop.end, ir_typical_sizes(chain->context), NULL), lines = 0;
    for (size_t k = 0; k < chain->function->n_buffers; k++)
        lines += (double)chain->rows[k].n_touched;
    for (size_t k = 0; k < chain->n_lookups; k++)
        lines += chain->lookups[k].lines;
    double bytes = lines * CACHE_LINE, ahead = ceil(STREAM_AHEAD / bytes);
    double held = bytes * (ahead + 1) + working_bytes(chain), at_once = bytes / (double)chain->n_stages;
    bool pays = held <= SHARE_OF_CACHE * (double)machine->l2_bytes && at_once <= MOST_AT_ONCE && turns >= FEWEST_TURNS * ahead;
    chain->is_far = held > SHARE_OF_CACHE * (double)machine->l1_bytes;
    return lines > 0 && pays ? (int64_t)ahead : 0;
}

bool prefetch_chain(struct prefetching *prefetching, struct loop_stmt *loop)
{
    struct chain chain = {.prefetching = prefetching,
                          .context = prefetching->context,
                          .arena = prefetching->arena,
                          .function = prefetching->kernel->loops,
                          .loop = loop};
    int64_t number = 0;
    if (count_stages(loop) < FEWEST_STAGES || loop->loop.role != LOOP_BATCH || prefetching->kernel->options->machine.l2_bytes <= 0)
        return true;
    leave_streams(&chain, loop->loop.body);
    chain.rows = ARENA_ARRAY(chain.arena, chain.function->n_buffers, struct touched_row);
    chain.used = ARENA_ARRAY(chain.arena, chain.function->n_buffers, struct used_buffer);
    if (!chain.rows || !chain.used || !visit_turn(&chain))
        return false;
    chain.ahead = turns_ahead(&chain);
    chain.index = chain.ahead ? loop_add_index(chain.context, chain.function, "line") : UINT32_MAX;
    for (struct loop_stmt *stmt = loop->loop.body; stmt && chain.index != UINT32_MAX; stmt = stmt->next)
        if (stmt->op == LOOP_BLOCK)
            stmt->block = loop_join(hints_of_stage(&chain, number++), stmt->block);
    for (size_t k = 0; k < chain.function->n_buffers && chain.ahead; k++)
        prefetching->asked[k] |= chain.rows[k].n_touched > 0;
    for (size_t k = 0; k < chain.n_lookups && chain.ahead; k++)
        prefetching->asked[chain.lookups[k].buffer] = true;
    return !arena_failed(chain.arena);
}
