/* Elements of buffers, and rows of them that have a name: `const float *q_row = &q[base];` in front of an innermost loop, where the
 * part of an address that the loop does not change has two indices or more. What lies in a row is read by its name. */
#include "backends_internal.h"

void c_indent(struct text *text, int depth)
{
    for (int k = 0; k < depth; k++)
        text_put(text, "    ");
}

/* ---- elements ---- */

bool c_is_behind(struct c_kernel *kernel, const struct poly *base, const struct poly *address)
{
    struct ir_context *context = kernel->file->context;
    struct poly_ranges ranges = {(uint32_t)kernel->loops->n_indices, kernel->extents};
    return poly_prove_nonnegative(context, poly_subtract(context, address, base), &ranges);
}

void c_put_element(struct c_kernel *kernel, struct text *text, uint32_t buffer, const struct poly *address)
{
    struct ir_context *context = kernel->file->context;
    const struct poly *step = NULL, *rest = address;
    if (kernel->innermost != UINT32_MAX)
        poly_split_index(context, address, kernel->innermost, &step, &rest);
    for (size_t k = 0; k < kernel->n_rows; k++) {
        const struct c_row *row = &kernel->rows[k];
        const struct poly *offset = row->buffer == buffer ? poly_subtract(context, rest, row->base) : NULL;
        if (!offset || !poly_is_constant(offset, NULL) || !c_is_behind(kernel, row->base, address))
            continue;
        text_printf(text, "%s[", row->name);
        c_put_size(kernel, text, poly_subtract(context, address, row->base), C_ANY);
        text_put(text, "]");
        return;
    }
    const struct loop_buffer *info = &kernel->loops->buffers[buffer];
    text_put(text, kernel->buffers[buffer] ? kernel->buffers[buffer] : "");
    if (info->by_value)
        return;
    text_put(text, "[");
    c_put_size(kernel, text, address, C_ANY);
    text_put(text, "]");
}

/* ---- declaring them ---- */

struct row_search {
    struct c_kernel *kernel;
    const struct loop_stmt *list; /* whose head the declarations stand at */
    struct text *text;
    int depth;
    size_t declared;
    uint32_t index;
    bool guarded; /* under conditions: the base must lie in the buffer whatever they say */
};

static const struct poly *without_constant(struct ir_context *context, const struct poly *poly)
{
    if (!poly || poly->n_terms == 0)
        return poly;
    const struct poly_term *last = &poly->terms[poly->n_terms - 1];
    if (last->n_factors || last->denominator != 1)
        return poly;
    return poly_subtract(context, poly, poly_constant(context, last->numerator));
}

static bool row_is_known(const struct c_kernel *kernel, uint32_t buffer, const struct poly *base)
{
    for (size_t k = 0; k < kernel->n_rows; k++)
        if (kernel->rows[k].buffer == buffer && kernel->rows[k].base == base)
            return true;
    return false;
}

/* Long enough to be worth a line of its own, and a place within the buffer. */
static bool is_row_base(struct row_search *search, const struct loop_buffer *buffer, const struct poly *base)
{
    struct ir_context *context = search->kernel->file->context;
    struct poly_ranges ranges = {(uint32_t)search->kernel->loops->n_indices, search->kernel->extents};
    uint32_t varying = 0;
    for (uint32_t k = 0; base && k < base->n_terms; k++)
        for (uint32_t f = 0; f < base->terms[k].n_factors; f++)
            if (base->terms[k].factors[f]->kind != POLY_DIM) {
                varying++;
                break;
            }
    if (varying < 2)
        return false;
    if (!poly_prove_divisors(context, base, &ranges)) /* it stands outside of the loop that may not run where one is 0 */
        return false;
    return search->guarded ? poly_prove_within(context, base, buffer->count, &ranges)
                           : poly_prove_nonnegative(context, base, &ranges);
}

static void consider_access(struct row_search *search, uint32_t number, const struct poly *address)
{
    struct c_kernel *kernel = search->kernel;
    const struct loop_buffer *buffer = &kernel->loops->buffers[number];
    const struct poly *step = NULL, *rest = NULL;
    int64_t stride = 0;
    if (buffer->kind == LOOP_STACK || buffer->by_value ||
        !poly_split_index(kernel->file->context, address, search->index, &step, &rest) || poly_equals(step, 0))
        return;
    const struct poly *base = without_constant(kernel->file->context, rest);
    if (!base || row_is_known(kernel, number, base) || !is_row_base(search, buffer, base) || !c_is_behind(kernel, base, address))
        return;
    bool unit = poly_is_constant(step, &stride) && stride >= -2 && stride <= 2; /* 2: a complex number is a pair */
    bool written = false;
    for (const struct loop_stmt *stmt = search->list; stmt; stmt = stmt->next)
        written |= c_touches(kernel, stmt, number, true);
    const char *name = c_scope_name(kernel, arena_printf(kernel->file->arena, "%s_%s", buffer->name, unit ? "row" : "column"));
    struct c_row row = {number, base, name};
    if (!name || !ARENA_PUSH(kernel->file->arena, kernel->rows, kernel->n_rows, kernel->rows_capacity, row))
        return;
    c_indent(search->text, search->depth);
    text_printf(search->text, "%s%s *%s = &%s[", written ? "" : "const ", c_type(buffer->elem), name, kernel->buffers[number]);
    c_put_size(kernel, search->text, base, C_ANY);
    text_put(search->text, "];\n");
    search->declared++;
}

static void consider_load(void *user, const struct ir_expr *expr)
{
    if (expr->op == IR_EXPR_load)
        consider_access(user, expr->load.buffer, expr->load.address);
}

static void consider_list(struct row_search *search, const struct loop_stmt *list)
{
    for (; list; list = list->next)
        if (!c_is_live(search->kernel, list)) {
            continue;
        } else if (list->op == LOOP_STORE) {
            c_visit_expr(search->kernel, list->store.value, consider_load, search);
            consider_access(search, list->store.buffer, list->store.address);
        } else if (list->op == LOOP_DEFINE || list->op == LOOP_SET) {
            c_visit_expr(search->kernel, list->local.value, consider_load, search);
        } else if (list->op == LOOP_IF) {
            bool outer = search->guarded;
            search->guarded = true;
            consider_list(search, list->branch.body);
            consider_list(search, list->branch.otherwise);
            search->guarded = outer;
        } else if (list->op == LOOP_BLOCK) {
            consider_list(search, list->block);
        }
}

size_t c_put_rows(struct c_kernel *kernel, struct text *text, int depth, const struct loop_stmt *list)
{
    struct row_search search = {kernel, list, text, depth, 0, 0, false};
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next) {
        bool steps = stmt->op == LOOP_FOR && stmt->loop.kind != LOOP_VECTOR && stmt->loop.kind != LOOP_DOT;
        if (!steps || c_never_runs(stmt) || c_has_loop(stmt->loop.body))
            continue;
        search.index = stmt->loop.index;
        consider_list(&search, stmt->loop.body);
    }
    return search.declared;
}
