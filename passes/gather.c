/* What sums read and add to at places that are looked up at run time goes to stages of its own.
 *
 *     y[e,a] = sum[i](B[a,i] * u[t[e,i]])       u_t[e,i] = u[t[e,i]]            y[e,a] = sum[i](B[a,i] * u_t[e,i])
 *     v[t[e,i]] += sum[a](B[a,i] * q[e,a])      v_t[e,i] = sum[a](B[a,i] * q[e,a])       v[t[e,i]] += v_t[e,i]
 *
 * Such a sum is a product of matrices like any other then, and a place that it reads for several of its elements is looked up once.
 * `fuse_stages` puts all of it under one loop, where what was gathered is a block in a near cache.
 *
 * Where a stage reads all that a table says, what is gathered lies as the table does: address c * t[x] + rest becomes c * x + rest,
 * and stages share it. Else it lies in the order of the stage's loops.
 * Sums that stood in rows since nothing else lay along memory stand one by one behind it, as those of other products do.
 * Only what a stage reads whenever it runs is gathered, for no more than that has been checked; checks themselves come first, as
 * far as what they check is known there. In `exact` kernels what is added stays where it is, in the order as written. */
#include "fuse_stages.h"
#include "product.h"

enum { MOST_LOOPS = 16 };

/* buffer[address] with address = scale * table[at] + rest, gathered at `own`. */
struct gathered {
    uint32_t buffer, table, into;
    int64_t scale;
    const struct poly *address, *own, *count;
    const struct loop_stmt *loops[MOST_LOOPS]; /* that move it, innermost first */
    uint32_t n_loops;
    bool is_reused; /* by another loop around it */
    bool is_whole;  /* all that the table says, once */
};

struct gathering {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct arena *arena;
    struct gathered *found; /* in one stage */
    size_t n_found, found_capacity;
    struct gathered *shared; /* of the stages before */
    size_t n_shared, shared_capacity;
    bool *written; /* by the stage */
    bool failed;
};

static struct loop_buffer *buffer_of(const struct gathering *gathering, uint32_t buffer)
{
    return &gathering->kernel->loops->buffers[buffer];
}

/* From 0 to an end that no other loop changes. */
static bool is_plain(const struct loop_stmt *loop)
{
    return loop->loop.kind == LOOP_SERIAL && !loop->loop.limit && poly_equals(loop->loop.begin, 0) &&
           poly_index_limit(loop->loop.end) == 0;
}

/* ---- the places ---- */

/* The number of a step through the loops, the last one slowest, and how many there are. */
static const struct poly *number_steps(struct ir_context *context, const struct loop_stmt *const *loops, uint32_t n,
                                       const struct poly **count)
{
    const struct poly *number = poly_constant(context, 0);
    *count = poly_constant(context, 1);
    for (uint32_t k = 0; k < n; k++) {
        number = poly_add(context, number, poly_multiply(context, *count, poly_index(context, loops[k]->loop.index)));
        *count = poly_multiply(context, *count, loops[k]->loop.end);
    }
    return number;
}

/* Is `address` the mixed radix number of the loops' indices, every digit once? The loops are put in the order of the digits,
 * the last one first. */
static bool is_radix(struct ir_context *context, const struct poly *address, const struct loop_stmt **loops, uint32_t n,
                     const struct poly *count)
{
    const struct poly *step = poly_constant(context, 1), *rest = address, *coefficient;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t digit = k;
        while (digit < n &&
               !(poly_split_index(context, address, loops[digit]->loop.index, &coefficient, NULL) && coefficient == step))
            digit++;
        if (digit == n || !poly_split_index(context, rest, loops[digit]->loop.index, NULL, &rest))
            return false;
        const struct loop_stmt *loop = loops[digit];
        loops[digit] = loops[k];
        loops[k] = loop;
        step = poly_multiply(context, step, loop->loop.end);
    }
    return poly_equals(rest, 0) && step == count;
}

/* The parts of the address; false: it is not of this form. */
static bool read_place(struct gathering *gathering, struct gathered *place, const struct poly **rest, const struct poly **at)
{
    struct ir_context *context = gathering->context;
    const struct poly_term *term = poly_single_lookup(place->address);
    if (!term || term->numerator <= 0 || term->factors[0]->n_arguments != 1)
        return false;
    const struct poly_atom *atom = term->factors[0];
    const struct poly *lookup = poly_of_atom(context, atom);
    place->table = loop_table_buffer(gathering->kernel->loops, atom->table);
    place->scale = term->numerator;
    *at = atom->arguments[0];
    *rest = lookup ? poly_subtract(context, place->address, poly_scale(context, lookup, place->scale)) : NULL;
    return *rest && place->table != UINT32_MAX && !poly_is_run_time(*at) && !poly_is_run_time(*rest);
}

/* The loops that move it, all of them such as can be copied, and those that read it again, which run at least once. */
static bool read_loops(struct gathering *gathering, struct gathered *place, const struct loop_access *access)
{
    const struct poly *minus_one = poly_constant(gathering->context, -1);
    for (size_t k = access->n_loops; k-- > 0;) {
        const struct loop_stmt *loop = access->loops[k];
        if (!is_plain(loop))
            return false;
        if (poly_uses_index(place->address, loop->loop.index)) {
            if (place->n_loops == MOST_LOOPS)
                return false;
            place->loops[place->n_loops++] = loop;
            continue;
        }
        if (!poly_prove_nonnegative(gathering->context, poly_add(gathering->context, loop->loop.end, minus_one), NULL))
            return false;
        place->is_reused |= !poly_equals(loop->loop.end, 1);
    }
    return true;
}

/* `rest` is below `scale`, so that places differ where what is looked up does. */
static bool is_dense(struct gathering *gathering, const struct gathered *place, const struct poly *rest)
{
    uint32_t n = (uint32_t)gathering->kernel->loops->n_indices;
    const struct poly **ends = ARENA_ARRAY(gathering->arena, n, const struct poly *);
    struct poly_ranges ranges = {n, ends};
    for (uint32_t k = 0; ends && k < place->n_loops; k++)
        ends[place->loops[k]->loop.index] = place->loops[k]->loop.end;
    return ends && poly_prove_within(gathering->context, rest, poly_constant(gathering->context, place->scale), &ranges);
}

static void find_load(void *user, const struct loop_access *access)
{
    struct gathering *gathering = user;
    struct ir_context *context = gathering->context;
    struct gathered place = {.buffer = access->buffer, .address = access->address};
    const struct poly *rest, *at;
    if (access->does != LOOP_READS)
        gathering->written[access->buffer] = true;
    if (access->does != LOOP_READS || access->n_conditions || !access->address || !poly_is_run_time(access->address))
        return;
    for (size_t k = 0; k < gathering->n_found; k++)
        if (gathering->found[k].buffer == place.buffer && gathering->found[k].address == place.address)
            return;
    if (!read_place(gathering, &place, &rest, &at) || !read_loops(gathering, &place, access) || !place.is_reused)
        return;
    struct gathered whole = place;
    whole.own = poly_add(context, poly_scale(context, at, place.scale), rest);
    whole.count = poly_scale(context, buffer_of(gathering, place.table)->count, place.scale);
    place.own = number_steps(context, place.loops, place.n_loops, &place.count);
    whole.is_whole = is_dense(gathering, &place, rest) && is_radix(context, whole.own, whole.loops, whole.n_loops, whole.count);
    if (whole.is_whole)
        place = whole;
    gathering->failed |=
        !place.own || !ARENA_PUSH(gathering->arena, gathering->found, gathering->n_found, gathering->found_capacity, place);
}

/* ---- stages ---- */

/* `name` of a buffer as another one's places say. */
static uint32_t add_buffer(struct gathering *gathering, uint32_t like, uint32_t table, const struct poly *count)
{
    const struct loop_buffer *buffer = buffer_of(gathering, like);
    const struct poly **shape = ARENA_ARRAY(gathering->arena, 1, const struct poly *);
    const char *name = table == UINT32_MAX
                           ? arena_printf(gathering->arena, "%s_added", buffer->name)
                           : arena_printf(gathering->arena, "%s_%s", buffer->name, buffer_of(gathering, table)->name);
    struct loop_buffer added = {
        .kind = LOOP_SCRATCH, .name = name, .elem = buffer->elem, .count = count, .rank = 1, .shape = shape};
    if (!shape || !name)
        return UINT32_MAX;
    shape[0] = count;
    return loop_add_buffer(gathering->context, gathering->kernel->loops, added);
}

/* The loops around a statement, the last one outermost. */
static struct loop_stmt *copy_loops(struct ir_context *context, const struct loop_stmt *const *loops, uint32_t n,
                                    struct loop_stmt *body)
{
    for (uint32_t k = 0; k < n; k++)
        body = loop_for(context, LOOP_SERIAL, loops[k]->loop.index, poly_constant(context, 0), loops[k]->loop.end, body);
    return body;
}

/* For a place whose loops are the digits of what is looked up: two loops, the outermost one and one over all others. */
struct rows {
    const struct poly *number; /* in the two indices */
    const struct loop_stmt *outer;
    uint32_t inner;
    const struct poly *length;
};

static bool open_rows(struct gathering *gathering, const struct loop_stmt *const *loops, uint32_t n, struct rows *rows)
{
    struct ir_context *context = gathering->context;
    rows->outer = loops[n - 1];
    rows->inner = UINT32_MAX;
    rows->length = poly_constant(context, 1);
    for (uint32_t k = 0; k + 1 < n; k++)
        rows->length = poly_multiply(context, rows->length, loops[k]->loop.end);
    rows->number = poly_multiply(context, rows->length, poly_index(context, rows->outer->loop.index));
    if (n > 1) {
        rows->inner = loop_add_index(context, gathering->kernel->loops, "r");
        if (rows->inner == UINT32_MAX)
            return false;
        rows->number = poly_add(context, rows->number, poly_index(context, rows->inner));
    }
    return rows->number != NULL;
}

static struct loop_stmt *row_loops(struct ir_context *context, const struct rows *rows, struct loop_stmt *body)
{
    const struct poly *zero = poly_constant(context, 0);
    if (rows->inner != UINT32_MAX)
        body = loop_for(context, LOOP_SERIAL, rows->inner, zero, rows->length, body);
    return loop_for(context, LOOP_SERIAL, rows->outer->loop.index, zero, rows->outer->loop.end, body);
}

static const struct poly *look_up(struct gathering *gathering, uint32_t table, const struct poly *at)
{
    const struct ir_node *node = loop_table(gathering->context, gathering->kernel->loops, table);
    return poly_table(gathering->context, node, 1, &at);
}

/* Reads what the place finds into a buffer of its own. */
static struct loop_stmt *gather(struct gathering *gathering, struct gathered *place)
{
    struct ir_context *context = gathering->context;
    enum ir_elem elem = buffer_of(gathering, place->buffer)->elem;
    struct rows rows;
    place->into = add_buffer(gathering, place->buffer, place->table, place->count);
    if (place->into == UINT32_MAX)
        return NULL;
    const char *comment = arena_printf(gathering->arena, "%s: %s where %s says", buffer_of(gathering, place->into)->name,
                                       buffer_of(gathering, place->buffer)->name, buffer_of(gathering, place->table)->name);
    struct loop_stmt *loops;
    if (place->is_whole && place->scale == 1 && place->n_loops) {
        if (!open_rows(gathering, place->loops, place->n_loops, &rows))
            return NULL;
        const struct ir_expr *value = ir_expr_load(context, place->buffer, elem, look_up(gathering, place->table, rows.number));
        loops = row_loops(context, &rows, loop_store(context, place->into, rows.number, value, IR_EXPR_OP_COUNT));
    } else {
        const struct ir_expr *value = ir_expr_load(context, place->buffer, elem, place->address);
        loops = copy_loops(context, place->loops, place->n_loops,
                           loop_store(context, place->into, place->own, value, IR_EXPR_OP_COUNT));
    }
    return comment && loops ? loop_block(context, comment, SPAN_NONE, loops) : NULL;
}

static const struct ir_expr *load_gathered(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct gathering *gathering = user;
    for (size_t k = 0; leaf->op == IR_EXPR_load && k < gathering->n_found; k++) {
        const struct gathered *place = &gathering->found[k];
        if (place->buffer == leaf->load.buffer && place->address == leaf->load.address)
            return ir_expr_load(context, place->into, leaf->elem, place->own);
    }
    return leaf;
}

/* All loads of what was found, from where it was gathered. */
static void read_gathered(struct gathering *gathering, struct loop_stmt *list)
{
    struct ir_context *context = gathering->context;
    for (; list; list = list->next) {
        if (list->op == LOOP_FOR)
            read_gathered(gathering, list->loop.body);
        else if (list->op == LOOP_BLOCK)
            read_gathered(gathering, list->block);
        else if (list->op == LOOP_STORE)
            list->store.value = ir_expr_substitute(context, list->store.value, load_gathered, gathering, 0, NULL, NULL);
        else if (list->op == LOOP_DEFINE || list->op == LOOP_SET)
            list->local.value = ir_expr_substitute(context, list->local.value, load_gathered, gathering, 0, NULL, NULL);
        else if (list->op == LOOP_IF) {
            read_gathered(gathering, list->branch.body);
            read_gathered(gathering, list->branch.otherwise);
        }
    }
}

static bool may_share(const struct gathering *gathering, const struct gathered *place)
{
    return place->is_whole && buffer_of(gathering, place->buffer)->kind == LOOP_INPUT &&
           buffer_of(gathering, place->table)->kind == LOOP_INPUT;
}

static const struct gathered *find_shared(const struct gathering *gathering, const struct gathered *place)
{
    for (size_t k = 0; k < gathering->n_shared; k++) {
        const struct gathered *other = &gathering->shared[k];
        if (other->buffer == place->buffer && other->table == place->table && other->scale == place->scale)
            return other;
    }
    return NULL;
}

/* What the block looks up and reads several times stands before it; false: no memory. */
static bool gather_loads(struct gathering *gathering, struct loop_stmt *block, struct loop_stmt **before)
{
    struct loop_function *function = gathering->kernel->loops;
    gathering->n_found = 0;
    gathering->written = ARENA_ARRAY(gathering->arena, function->n_buffers, bool);
    if (!gathering->written || !loop_visit_accesses(gathering->context, function, block->block, find_load, gathering) ||
        gathering->failed)
        return false;
    for (size_t k = 0; k < gathering->n_found;) /* what the stage writes itself stays */
        if (gathering->written[gathering->found[k].buffer] || gathering->written[gathering->found[k].table])
            gathering->found[k] = gathering->found[--gathering->n_found];
        else
            k++;
    for (size_t k = 0; k < gathering->n_found; k++) {
        struct gathered *place = &gathering->found[k];
        const struct gathered *shared = may_share(gathering, place) ? find_shared(gathering, place) : NULL;
        if (shared) {
            place->into = shared->into;
            continue;
        }
        struct loop_stmt *stage = gather(gathering, place);
        if (!stage || (may_share(gathering, place) &&
                       !ARENA_PUSH(gathering->arena, gathering->shared, gathering->n_shared, gathering->shared_capacity, *place)))
            return false;
        *before = loop_join(*before, stage);
    }
    if (gathering->n_found)
        read_gathered(gathering, block->block);
    return true;
}

/* ---- what is added ---- */

struct adding {
    struct loop_stmt *store;
    const struct loop_stmt *loops[MOST_LOOPS]; /* around it, innermost first */
    uint32_t n_loops, uses;                    /* of the buffer, by the whole stage */
};

/* The store of a nest, all of its loops such as can be copied, that adds to a place that is looked up. */
static bool find_store(struct loop_stmt *list, struct adding *adding)
{
    for (; list; list = list->next) {
        bool adds = list->op == LOOP_STORE && list->store.combine != IR_EXPR_OP_COUNT && poly_is_run_time(list->store.address);
        if (adds)
            adding->store = list;
        if (!adds && (list->op != LOOP_FOR || !find_store(list->loop.body, adding)))
            continue;
        if (list->op == LOOP_FOR) {
            if (!is_plain(list) || adding->n_loops == MOST_LOOPS)
                return false;
            adding->loops[adding->n_loops++] = list;
        }
        return true;
    }
    return false;
}

static bool is_perfect(const struct loop_stmt *list)
{
    while (list && list->op == LOOP_FOR && !list->next)
        list = list->loop.body;
    return list && list->op == LOOP_STORE && !list->next;
}

static void count_uses(void *user, const struct loop_access *access)
{
    struct adding *adding = user;
    adding->uses += access->buffer == adding->store->store.buffer;
}

/* The sums go to a buffer of their own, and a stage behind adds them; false: no memory. */
static bool part_sums(struct gathering *gathering, struct loop_stmt *block, struct adding *adding)
{
    struct ir_context *context = gathering->context;
    struct loop_stmt *store = adding->store, *loops;
    struct gathered place = {.buffer = store->store.buffer, .address = store->store.address};
    const struct poly *rest, *at, *count;
    const struct poly *number = number_steps(context, adding->loops, adding->n_loops, &count);
    bool is_single = read_place(gathering, &place, &rest, &at);
    uint32_t table = is_single ? place.table : UINT32_MAX;
    bool is_row = is_single && place.scale == 1 && poly_equals(rest, 0) && adding->n_loops &&
                  is_radix(context, at, adding->loops, adding->n_loops, buffer_of(gathering, table)->count);
    uint32_t into = add_buffer(gathering, place.buffer, table, count);
    const char *words = block->comment ? block->comment : "sums", *name = buffer_of(gathering, place.buffer)->name;
    block->comment = arena_printf(gathering->arena, "%s: the sums", words);
    const char *comment = arena_printf(gathering->arena, "%s: added to %s", words, name);
    if (into == UINT32_MAX || !comment || !block->comment)
        return false;
    const struct ir_expr *sum = store->store.value;
    if (is_row) {
        struct rows rows;
        if (!open_rows(gathering, adding->loops, adding->n_loops, &rows))
            return false;
        const struct ir_expr *value = ir_expr_load(context, into, sum->elem, rows.number);
        loops = row_loops(context, &rows,
                          loop_store(context, place.buffer, look_up(gathering, table, rows.number), value, store->store.combine));
        number = at;
    } else {
        const struct ir_expr *value = ir_expr_load(context, into, sum->elem, number);
        loops = copy_loops(context, adding->loops, adding->n_loops,
                           loop_store(context, place.buffer, place.address, value, store->store.combine));
    }
    *store = (struct loop_stmt){.op = LOOP_STORE, .next = store->next, .comment = store->comment, .span = store->span};
    store->store.buffer = into;
    store->store.address = number;
    store->store.value = sum;
    store->store.combine = IR_EXPR_OP_COUNT;
    struct loop_stmt *added = loops ? loop_block(context, comment, block->span, loops) : NULL;
    if (!added)
        return false;
    added->next = block->next;
    block->next = added;
    return true;
}

static bool part_added(struct gathering *gathering, struct loop_stmt *block)
{
    const struct ir_kernel *source = gathering->kernel->loops->kernel;
    struct adding adding = {0};
    if ((source && source->numeric_class == IR_CLASS_EXACT) || is_perfect(block->block) || !find_store(block->block, &adding))
        return true;
    if (!loop_visit_accesses(gathering->context, gathering->kernel->loops, block->block, count_uses, &adding))
        return false;
    return adding.uses > 1 || part_sums(gathering, block, &adding);
}

/* ---- what is left ---- */

/* Rows of sums, made because of places that were looked up, as sums one by one where these are a product now: tiles take it. */
static bool sum_one_by_one(struct gathering *gathering, struct loop_stmt *block)
{
    struct loop_stmt *around = NULL;
    for (struct loop_stmt *list = block->block; list->op == LOOP_FOR && !list->next; list = list->loop.body)
        around = list;
    struct loop_stmt *rows = around ? around->loop.body : NULL, *sums = fuse_row_as_sums(gathering->kernel, rows);
    struct product product;
    if (!sums)
        return !arena_failed(gathering->arena);
    around->loop.body = sums;
    if (!product_read(gathering->kernel, block->block, &product) || !product.accumulate)
        around->loop.body = rows;
    return !arena_failed(gathering->arena);
}

static bool gather_stage(struct gathering *gathering, struct loop_stmt *block, struct loop_stmt **before)
{
    const struct loop_stmt *next = block->next;
    if (!gather_loads(gathering, block, before) || !part_added(gathering, block))
        return false;
    bool is_plain_now = gathering->n_found > 0 || block->next != next;
    return !is_plain_now || sum_one_by_one(gathering, block);
}

/* ---- checks ---- */

/* Nothing but checks? */
static bool only_checks(const struct loop_stmt *list)
{
    for (; list; list = list->next)
        if (!(list->op == LOOP_CHECK || list->op == LOOP_COMMENT || (list->op == LOOP_FOR && only_checks(list->loop.body)) ||
              (list->op == LOOP_BLOCK && only_checks(list->block)) ||
              (list->op == LOOP_IF && only_checks(list->branch.body) && only_checks(list->branch.otherwise))))
            return false;
    return true;
}

struct uses {
    bool *read, *written;
};

static void note_use(void *user, const struct loop_access *access)
{
    struct uses *uses = user;
    if (access->does != LOOP_WRITES)
        uses->read[access->buffer] = true;
    if (access->does != LOOP_READS)
        uses->written[access->buffer] = true;
}

/* Checks stand as early as what they read is there, so that stages follow one another. */
static bool raise_checks(struct gathering *gathering, struct loop_stmt **list)
{
    struct loop_function *function = gathering->kernel->loops;
    size_t n = function->n_buffers;
    struct loop_stmt **early = list; /* where they go */
    bool *written = ARENA_ARRAY(gathering->arena, n, bool);
    for (struct loop_stmt **at = list; written && *at;) {
        struct loop_stmt *stmt = *at;
        struct uses uses = {ARENA_ARRAY(gathering->arena, n, bool), ARENA_ARRAY(gathering->arena, n, bool)};
        struct loop_stmt one = *stmt;
        one.next = NULL;
        if (!uses.read || !uses.written || !loop_visit_accesses(gathering->context, function, &one, note_use, &uses))
            return false;
        bool waits = !loop_can_fail(&one) || !only_checks(&one);
        for (size_t k = 0; k < n; k++) {
            waits |= uses.read[k] && written[k];
            written[k] |= uses.written[k];
        }
        if (waits) {
            at = &stmt->next;
            continue;
        }
        if (at != early) {
            *at = stmt->next;
            stmt->next = *early;
            *early = stmt;
        } else {
            at = &stmt->next;
        }
        early = &stmt->next;
    }
    return written != NULL;
}

/* ---- the pass ---- */

enum einc_status pass_gather(struct pass_kernel *kernel)
{
    struct gathering gathering = {.kernel = kernel, .context = kernel->context, .arena = ir_arena(kernel->context)};
    if (kernel->options->machine.vector_bytes == 0)
        return EINC_OK;
    if (!raise_checks(&gathering, &kernel->loops->body))
        return EINC_NO_MEMORY;
    for (struct loop_stmt **at = &kernel->loops->body; *at; at = &(*at)->next) {
        struct loop_stmt *block = *at, *before = NULL;
        if (block->op != LOOP_BLOCK || loop_can_fail(block->block))
            continue;
        if (!gather_stage(&gathering, block, &before))
            return EINC_NO_MEMORY;
        *at = loop_join(before, block);
        while (*at != block)
            at = &(*at)->next;
    }
    return arena_failed(gathering.arena) ? EINC_NO_MEMORY : EINC_OK;
}
