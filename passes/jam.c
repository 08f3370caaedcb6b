/* Several results of a sum at a time, where the target has no vectors: what they all read is read once (unroll and jam).
 *
 *     for i { var s = 0   for k { s add= mul(A[i,k], B[k]) }   C[i] = s }      becomes
 *
 *     for i_tile { var s = 0   var s2 = 0
 *         for k { s add= mul(A[2*i_tile,k], B[k])   s2 add= mul(A[2*i_tile + 1,k], B[k]) }
 *         C[2*i_tile] = s   C[2*i_tile + 1] = s2 }
 *     the rest of i as before
 *
 * Each sum is still added up in the order of k. The loop is the innermost one around the sum whose iterations are independent and
 * share a number. With short code (`small`) nothing is done: it would stand there several times. */
#include "lanes.h"
#include "product.h"

enum {
    REGISTERS_OF_SUM = 4, /* of a small machine's, one is a sum's: others hold addresses, what is read, what is counted */
    MOST_SUMS = 4,        /* words; more leave too few of 13 general registers */
    REACH = 4096          /* bytes that a load's own offset spans on Thumb-2 and nearly so on RISC-V */
};

struct jamming {
    struct pass_kernel *kernel;
    struct ir_context *context;
    uint32_t index; /* of the loop */
    int64_t copies;
    bool in_place;              /* they stand where the loop stood, in no loop of their own */
    uint32_t copy;              /* the one that is made */
    const struct poly **places; /* of the index, by copy */
    uint32_t *locals;           /* by copy and local: which one stands for it */
    size_t n_locals;            /* when it began */
};

/* ---- what may be done, and what pays ---- */

/* What the loop would save: words that its sums keep, numbers that all of its iterations read in their sums, the furthest that the
 * numbers of two of them lie apart. */
struct gain {
    struct pass_kernel *kernel;
    uint32_t index;
    bool in_sum;
    int64_t words, shared, apart;
    bool refused;
};

static void weigh_load(struct gain *gain, const struct ir_expr *load)
{
    const struct poly *step = NULL;
    int64_t distance;
    if (!poly_uses_index(load->load.address, gain->index)) {
        gain->shared++;
    } else if (poly_split_index(gain->kernel->context, load->load.address, gain->index, &step, NULL) &&
               poly_is_constant(step, &distance)) {
        distance = (distance < 0 ? -distance : distance) * (int64_t)ir_elem_info(load->elem)->bytes;
        gain->apart = distance > gain->apart ? distance : gain->apart;
    }
}

static void weigh_sum(struct gain *gain, const struct loop_stmt *set)
{
    size_t count = 0;
    const struct ir_expr **below = ir_expr_topological(gain->kernel->context, set->local.value, &count);
    enum ir_elem elem = set->local.value->elem;
    gain->words += ((int64_t)ir_elem_info(elem)->bytes + 3) / 4;
    gain->refused |= !below || set->local.combine == IR_EXPR_OP_COUNT ||
                     !machine_has_instructions(&gain->kernel->options->machine, ir_elem_is_float(elem), ir_elem_info(elem)->bytes);
    for (size_t k = 0; below && k < count; k++)
        if (below[k]->op == IR_EXPR_load)
            weigh_load(gain, below[k]);
}

/* Of every statement one copy a result can be made, in the loops that there are. */
static void weigh(struct gain *gain, const struct loop_stmt *list)
{
    bool in_sum = gain->in_sum;
    for (; list && !gain->refused; list = list->next)
        switch (list->op) {
        case LOOP_FOR:
            gain->refused = list->loop.kind != LOOP_SERIAL || list->loop.limit || poly_uses_index(list->loop.begin, gain->index) ||
                            poly_uses_index(list->loop.end, gain->index);
            gain->in_sum = true;
            weigh(gain, list->loop.body);
            gain->in_sum = in_sum;
            break;
        case LOOP_SET:
            if (in_sum)
                weigh_sum(gain, list);
            break;
        case LOOP_STORE:
            gain->refused |= in_sum; /* no sum in registers */
            break;
        case LOOP_DEFINE:
            gain->refused |= in_sum;
            break;
        default:
            gain->refused = true;
        }
}

/* How many results at a time; 1: as it is. */
static int64_t choose_copies(struct pass_kernel *kernel, const struct loop_stmt *loop)
{
    struct gain gain = {.kernel = kernel, .index = loop->loop.index};
    weigh(&gain, loop->loop.body);
    if (gain.refused || !gain.words || !gain.shared)
        return 1;
    int64_t words = kernel->options->machine.vector_registers / REGISTERS_OF_SUM, extent;
    int64_t most = (words < MOST_SUMS ? words : MOST_SUMS) / gain.words;
    while (most > 2 && (most - 1) * gain.apart >= REACH)
        most /= 2;
    if (!poly_is_constant(loop->loop.end, &extent))
        return most;
    if (extent < most)
        return extent;
    for (int64_t copies = most; copies > 1; copies--)
        if (extent % copies == 0)
            return copies;
    return most;
}

/* ---- the copies ---- */

static const struct ir_expr *own_local(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct jamming *jamming = user;
    if (leaf->op != IR_EXPR_local || leaf->local >= jamming->n_locals)
        return leaf;
    return ir_expr_local(context, jamming->locals[jamming->copy * jamming->n_locals + leaf->local], leaf->elem);
}

static const struct poly **place_of_copy(const struct jamming *jamming, uint32_t *n)
{
    *n = (uint32_t)jamming->kernel->loops->n_indices;
    const struct poly **places = ARENA_ARRAY(ir_arena(jamming->context), *n, const struct poly *);
    if (places)
        places[jamming->index] = jamming->places[jamming->copy];
    return places;
}

static struct loop_stmt *copy_statement(struct jamming *jamming, const struct loop_stmt *stmt)
{
    uint32_t n;
    const struct poly **places = place_of_copy(jamming, &n);
    struct loop_stmt *copy = arena_copy(ir_arena(jamming->context), stmt, 1, sizeof *stmt);
    if (!places || !copy)
        return NULL;
    copy->next = NULL;
    const struct ir_expr **value = stmt->op == LOOP_STORE ? &copy->store.value : &copy->local.value;
    *value = ir_expr_substitute(jamming->context, *value, own_local, jamming, n, places, NULL);
    if (stmt->op == LOOP_STORE)
        copy->store.address = poly_substitute(jamming->context, stmt->store.address, n, places, NULL);
    else
        copy->local.local = jamming->locals[jamming->copy * jamming->n_locals + stmt->local.local];
    return *value && (stmt->op != LOOP_STORE || copy->store.address) ? copy : NULL;
}

/* The first copy keeps the local, unless it comes to stand in the list of the loop, where others may define it. */
static bool rename_local(struct jamming *jamming, uint32_t local)
{
    struct loop_function *function = jamming->kernel->loops;
    for (uint32_t copy = jamming->in_place ? 0 : 1; copy < jamming->copies; copy++) {
        uint32_t own = loop_add_local(jamming->context, function, function->locals[local].name, function->locals[local].elem);
        if (own == UINT32_MAX)
            return false;
        jamming->locals[copy * jamming->n_locals + local] = own;
    }
    return true;
}

static struct loop_stmt *jam_list(struct jamming *jamming, const struct loop_stmt *list)
{
    struct loop_stmt *all = NULL;
    for (; list; list = list->next) {
        if (list->op == LOOP_FOR) {
            struct loop_stmt *body = jam_list(jamming, list->loop.body);
            struct loop_stmt *loop =
                loop_for(jamming->context, LOOP_SERIAL, list->loop.index, list->loop.begin, list->loop.end, body);
            if (!body || !loop)
                return NULL;
            loop->loop.role = list->loop.role;
            loop->comment = list->comment;
            all = loop_join(all, loop);
            continue;
        }
        if (list->op == LOOP_DEFINE && !rename_local(jamming, list->local.local))
            return NULL;
        for (jamming->copy = 0; jamming->copy < jamming->copies; jamming->copy++) {
            struct loop_stmt *copy = copy_statement(jamming, list);
            if (!copy)
                return NULL;
            all = loop_join(all, copy);
        }
    }
    return all;
}

/* `copies` results from `first` on. */
static struct loop_stmt *results(struct pass_kernel *kernel, const struct loop_stmt *loop, const struct poly *first, int64_t copies,
                                 bool in_place)
{
    struct ir_context *context = kernel->context;
    struct arena *arena = ir_arena(context);
    size_t n_locals = kernel->loops->n_locals;
    struct jamming jamming = {.kernel = kernel,
                              .context = context,
                              .index = loop->loop.index,
                              .copies = copies,
                              .in_place = in_place,
                              .n_locals = n_locals};
    jamming.places = ARENA_ARRAY(arena, (size_t)copies, const struct poly *);
    jamming.locals = ARENA_ARRAY(arena, (size_t)copies * n_locals, uint32_t);
    if (!jamming.places || (!jamming.locals && n_locals))
        return NULL;
    for (int64_t copy = 0; copy < copies; copy++) {
        jamming.places[copy] = poly_add(context, first, poly_constant(context, copy));
        for (size_t local = 0; local < n_locals; local++)
            jamming.locals[(size_t)copy * n_locals + local] = (uint32_t)local;
    }
    return jam_list(&jamming, loop->loop.body);
}

static struct loop_stmt *jammed(struct pass_kernel *kernel, const struct loop_stmt *loop, int64_t copies)
{
    struct ir_context *context = kernel->context;
    struct loop_function *function = kernel->loops;
    const struct poly *end = loop->loop.end, *by = poly_constant(context, copies), *tiles = poly_floor_div(context, end, by, NULL);
    const struct poly *rest = poly_mod(context, end, by, NULL);
    bool is_one = poly_equals(tiles, 1);
    const char *name = arena_printf(ir_arena(context), "%s_tile", function->indices[loop->loop.index].name);
    uint32_t tile = is_one ? UINT32_MAX : loop_add_index(context, function, name);
    const struct poly *first = is_one ? poly_constant(context, 0) : poly_scale(context, poly_index(context, tile), copies);
    struct loop_stmt *list = results(kernel, loop, first, copies, is_one);
    if (list && !is_one)
        list = loop_for(context, LOOP_SERIAL, tile, poly_constant(context, 0), tiles, list);
    if (!list || poly_equals(rest, 0))
        return list;
    list->comment = loop->comment;
    const struct poly *done = poly_subtract(context, end, rest);
    int64_t left;
    if (poly_is_constant(rest, &left))
        return loop_join(list, results(kernel, loop, done, left, true));
    struct loop_stmt *last = results(kernel, loop, poly_add(context, done, poly_index(context, loop->loop.index)), 1, false);
    last = last ? loop_for(context, LOOP_SERIAL, loop->loop.index, poly_constant(context, 0), rest, last) : NULL;
    return last ? loop_join(list, last) : NULL;
}

/* ---- which loops ---- */

struct search {
    struct pass_kernel *kernel;
    const struct poly **ends; /* of open loops, by index */
    uint32_t n_indices;       /* that there were */
};

/* Inner loops first; `changed`: one of the list was. False: no memory. */
static bool jam_within(struct search *search, struct loop_stmt *list, bool *changed);

static bool jam_loop(struct search *search, struct loop_stmt *loop, bool *changed)
{
    struct pass_kernel *kernel = search->kernel;
    uint32_t index = loop->loop.index;
    const struct poly_ranges around = {search->n_indices, search->ends};
    bool inside = false;
    search->ends[index] = loop->loop.end;
    bool fine = jam_within(search, loop->loop.body, &inside);
    search->ends[index] = NULL;
    *changed |= inside;
    if (!fine || inside || loop->loop.kind != LOOP_SERIAL || loop->loop.limit || !poly_equals(loop->loop.begin, 0) ||
        !product_runs_forward(kernel, loop))
        return fine;
    int64_t copies = choose_copies(kernel, loop);
    if (copies < 2 || !loop_is_independent(kernel->context, kernel->loops, loop, &around))
        return true;
    struct loop_stmt *list = jammed(kernel, loop, copies);
    if (!list)
        return false;
    *changed = true;
    product_replace(loop, list);
    return true;
}

static bool jam_within(struct search *search, struct loop_stmt *list, bool *changed)
{
    for (struct loop_stmt *next; list; list = next) {
        next = list->next;
        if (list->op == LOOP_FOR && !jam_loop(search, list, changed))
            return false;
        if (list->op == LOOP_BLOCK && !jam_within(search, list->block, changed))
            return false;
        if (list->op == LOOP_IF &&
            (!jam_within(search, list->branch.body, changed) || !jam_within(search, list->branch.otherwise, changed)))
            return false;
    }
    return true;
}

enum einc_status pass_jam(struct pass_kernel *kernel)
{
    const struct pass_options *options = kernel->options;
    struct search search = {kernel, NULL, (uint32_t)kernel->loops->n_indices};
    bool changed = false;
    if (!options->machine.freestanding || options->machine.vector_bytes || options->small)
        return EINC_OK;
    search.ends = ARENA_ARRAY(ir_arena(kernel->context), search.n_indices, const struct poly *);
    if ((!search.ends && search.n_indices) || !jam_within(&search, kernel->loops->body, &changed))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
