/* Asks for the rows that stages under a common loop read next, while they work on those of now.
 *
 *     for a { for e { line of x[R*a + ...] ... }  ... }   becomes
 *     for a { for e { for lines { prefetch x[R*(a + 1) + a part for each e] }  ... }  ... }
 *
 * Stages read a row across, not along (a transform takes every 32nd element at once), and a row does not last until processors
 * have seen where reading goes: each begins with waiting for memory. What the first stage reads in full, of more than the second
 * cache holds, it asks for a row ahead, a part in each step of its outermost loop, or all at once. A hint changes no number. */
#include "prefetch.h"
#include "product.h"

enum { MOST_STEPS = 256 };

struct row {
    uint32_t buffer;
    int64_t length;                 /* elements that the loop moves it by; 0: not met yet; -1: not one row a step */
    double elements;                /* that are read of it */
    const struct loop_stmt *within; /* the innermost loop around the last place met */
    bool is_across;                 /* in one loop at several places */
};

struct reading {
    struct ir_context *context;
    const struct loop_stmt *loop;
    struct row *row;
};

static void read_row(void *user, const struct loop_access *access)
{
    struct reading *reading = user;
    struct row *row = reading->row;
    const struct poly *step;
    int64_t length;
    if (access->buffer != row->buffer || access->does != LOOP_READS || row->length < 0)
        return;
    if (!access->address || !poly_split_index(reading->context, access->address, reading->loop->loop.index, &step, NULL) ||
        !poly_is_constant(step, &length) || length <= 0 || (row->length && row->length != length)) {
        row->length = -1;
        return;
    }
    row->length = length;
    double elements = 1;
    for (size_t k = 0; k < access->n_loops; k++)
        if (poly_uses_index(access->address, access->loops[k]->loop.index))
            elements *= poly_estimate(access->loops[k]->loop.end, ir_typical_sizes(reading->context), NULL);
    row->elements += elements;
    const struct loop_stmt *within = access->n_loops ? access->loops[access->n_loops - 1] : NULL;
    row->is_across |= within && within == row->within;
    row->within = within;
}

/* Does the stage read an input's row across, most of it, from beyond the second cache? Half of the first one has place for the
 * next. */
static bool reads_rows(struct pass_kernel *kernel, const struct loop_stmt *loop, const struct loop_stmt *stage, struct row *row)
{
    const struct loop_buffer *buffer = &kernel->loops->buffers[row->buffer];
    const struct machine *machine = &kernel->options->machine;
    struct reading reading = {kernel->context, loop, row};
    double bytes = (double)ir_elem_info(buffer->elem)->bytes,
           all = poly_estimate(buffer->count, ir_typical_sizes(kernel->context), NULL);
    if (buffer->kind != LOOP_INPUT || all * bytes <= (double)machine->l2_bytes ||
        !loop_visit_accesses(kernel->context, kernel->loops, stage->block, read_row, &reading) || row->length <= 0)
        return false;
    return row->is_across && 2 * row->elements >= (double)row->length &&
           (double)row->length * bytes <= (double)machine->l1_bytes / 2;
}

/* Its lines [begin, begin + lines), one after another. */
static struct loop_stmt *fetch_lines(struct pass_kernel *kernel, const struct loop_stmt *loop, const struct row *row,
                                     const struct poly *begin, int64_t lines, int64_t line)
{
    struct ir_context *context = kernel->context;
    uint32_t number = loop_add_index(context, kernel->loops, "line");
    if (number == UINT32_MAX)
        return NULL;
    const struct poly *next = poly_add(context, poly_index(context, loop->loop.index), poly_constant(context, 1));
    const struct poly *within = poly_scale(context, poly_add(context, begin, poly_index(context, number)), line);
    struct loop_stmt *hint = loop_prefetch(context, row->buffer, poly_add(context, poly_scale(context, next, row->length), within));
    return loop_for(context, LOOP_SERIAL, number, poly_constant(context, 0), poly_constant(context, lines), hint);
}

static bool fetch_row(struct pass_kernel *kernel, struct loop_stmt *loop, struct loop_stmt *stage, const struct row *row)
{
    struct ir_context *context = kernel->context;
    struct loop_stmt *steps = stage->block;
    int64_t line = CACHE_LINE / (int64_t)ir_elem_info(kernel->loops->buffers[row->buffer].elem)->bytes, count;
    int64_t lines = (row->length + line - 1) / line;
    bool has_steps = steps->op == LOOP_FOR && !steps->next && steps->loop.kind == LOOP_SERIAL && !steps->loop.limit &&
                     poly_equals(steps->loop.begin, 0) && poly_is_constant(steps->loop.end, &count) && count >= 1 &&
                     count <= MOST_STEPS;
    int64_t part = has_steps ? (lines + count - 1) / count : lines;
    const struct poly *begin =
        has_steps ? poly_scale(context, poly_index(context, steps->loop.index), part) : poly_constant(context, 0);
    struct loop_stmt *hints = fetch_lines(kernel, loop, row, begin, part, line);
    if (!hints)
        return false;
    struct loop_stmt **list = has_steps ? &steps->loop.body : &stage->block;
    *list = loop_join(hints, *list);
    return true;
}

bool prefetch_rows(struct pass_kernel *kernel, struct loop_stmt *loop, bool *asked)
{
    struct loop_stmt *stage = loop->loop.body;
    if (!product_holds_stages(loop) || loop->loop.kind != LOOP_SERIAL || stage->op != LOOP_BLOCK || !stage->next)
        return true;
    for (uint32_t k = 0, n = (uint32_t)kernel->loops->n_buffers; k < n; k++) {
        struct row row = {.buffer = k};
        if (asked[k] || !reads_rows(kernel, loop, stage, &row))
            continue;
        if (!fetch_row(kernel, loop, stage, &row))
            return false;
        asked[k] = true;
    }
    return true;
}
