/* Rows of sums as sums one by one.
 *
 *     for x { row[x] = 0 }  for k { for x { row[x] add= term } }  for x { C[...] = value of row[x] }
 *
 * is what `lower_loops` makes where nothing but a row of the result lies along memory. Within a block of lanes that is no matter,
 * and
 *
 *     for x { var sum = 0  for k { sum add= term }  C[...] = value of sum }
 *
 * is a product for the passes that follow. Each sum is added up in the same order. The row may be one of the result itself, which
 * is left so where nothing else is made of the sums. */
#include "fuse_stages.h"

static bool is_row_loop(const struct loop_stmt *loop, const struct loop_stmt *first)
{
    return loop && loop->op == LOOP_FOR && loop->loop.kind == LOOP_SERIAL && !loop->loop.limit &&
           poly_equals(loop->loop.begin, 0) && loop->loop.body->op == LOOP_STORE && !loop->loop.body->next &&
           loop->loop.index == first->loop.index && loop->loop.end == first->loop.end;
}

/* The row's loop in which terms are added, inside of those that are summed; NULL: there is none. */
static const struct loop_stmt *adding_loop(const struct loop_stmt *summed, const struct loop_stmt *first)
{
    const struct loop_stmt *zero = first->loop.body;
    while (summed->op == LOOP_FOR && !summed->loop.body->next && summed->loop.body->op == LOOP_FOR)
        summed = summed->loop.body;
    if (!is_row_loop(summed, first))
        return NULL;
    const struct loop_stmt *add = summed->loop.body;
    bool adds = add->store.buffer == zero->store.buffer && add->store.address == zero->store.address &&
                add->store.combine != IR_EXPR_OP_COUNT;
    return adds ? summed : NULL;
}

struct summing {
    const struct loop_stmt *zero;
    const struct ir_expr *sum;
};

static const struct ir_expr *read_sum(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct summing *summing = user;
    (void)context;
    bool is_row = leaf->op == IR_EXPR_load && leaf->load.buffer == summing->zero->store.buffer &&
                  leaf->load.address == summing->zero->store.address;
    return is_row ? summing->sum : leaf;
}

/* The summed loops around `sum add= term`. */
static struct loop_stmt *sum_terms(struct ir_context *context, const struct loop_stmt *summed, const struct loop_stmt *adding,
                                   uint32_t local)
{
    if (summed == adding)
        return loop_set(context, local, adding->loop.body->store.value, adding->loop.body->store.combine);
    struct loop_stmt *loop = loop_for(context, LOOP_SERIAL, summed->loop.index, summed->loop.begin, summed->loop.end,
                                      sum_terms(context, summed->loop.body, adding, local));
    if (loop) {
        loop->loop.limit = summed->loop.limit;
        loop->comment = summed->comment;
    }
    return loop;
}

static struct loop_stmt *as_sums(struct pass_kernel *kernel, const struct loop_stmt *first, const struct loop_stmt *summed,
                                 const struct loop_stmt *adding, const struct loop_stmt *last)
{
    struct ir_context *context = kernel->context;
    const struct loop_stmt *zero = first->loop.body, *store = last ? last->loop.body : zero;
    uint32_t local = loop_add_local(context, kernel->loops, "sum", zero->store.value->elem);
    struct summing summing = {zero, ir_expr_local(context, local, zero->store.value->elem)};
    const struct ir_expr *value =
        last ? ir_expr_substitute(context, store->store.value, read_sum, &summing, 0, NULL, NULL) : summing.sum;
    struct loop_stmt *define = local == UINT32_MAX ? NULL : loop_define(context, local, zero->store.value, false);
    struct loop_stmt *sum = sum_terms(context, summed, adding, local);
    struct loop_stmt *end = loop_store(context, store->store.buffer, store->store.address, value, store->store.combine);
    if (!define || !sum || !end)
        return NULL;
    return loop_for(context, LOOP_SERIAL, first->loop.index, first->loop.begin, first->loop.end,
                    loop_join(define, loop_join(sum, end)));
}

/* The row's loops; `*last` may be NULL. */
static bool read_row(const struct loop_stmt *first, const struct loop_stmt **adding, const struct loop_stmt **last)
{
    const struct loop_stmt *summed = first ? first->next : NULL;
    if (!summed || first->op != LOOP_FOR || !is_row_loop(first, first) || summed->op != LOOP_FOR ||
        first->loop.body->store.combine != IR_EXPR_OP_COUNT)
        return false;
    *last = summed->next;
    *adding = adding_loop(summed, first);
    return *adding && *adding != summed && (!*last || (!(*last)->next && is_row_loop(*last, first)));
}

struct loop_stmt *fuse_row_as_sums(struct pass_kernel *kernel, const struct loop_stmt *list)
{
    const struct loop_stmt *adding, *last;
    if (!read_row(list, &adding, &last) || !last || kernel->loops->buffers[list->loop.body->store.buffer].kind != LOOP_STACK)
        return NULL;
    return as_sums(kernel, list, list->next, adding, last);
}

struct loop_stmt *fuse_result_row_as_sums(struct pass_kernel *kernel, const struct loop_stmt *list)
{
    const struct loop_stmt *adding, *last;
    if (!read_row(list, &adding, &last))
        return NULL;
    const struct loop_stmt *zero = list->loop.body, *store = last ? last->loop.body : zero;
    bool is_alone = kernel->loops->buffers[zero->store.buffer].kind == LOOP_STACK && last;
    bool is_same = store->store.buffer == zero->store.buffer && store->store.address == zero->store.address;
    return is_alone || is_same ? as_sums(kernel, list, list->next, adding, last) : NULL;
}
