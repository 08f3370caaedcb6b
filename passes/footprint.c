/* What a kernel takes on a machine without files: bytes of constant tables, of code, of the stack; and what it would take dense.
 *
 * Tables are counted as emitted C has them, each once and in the narrowest type where only subscripts read them. Code is estimated
 * from what the loops hold, at a small compiler's average of bytes an operation (bench/embedded prints how well that holds). A
 * dense kernel has, for each contraction, one table with all its constants multiplied out over the indices that its data or its
 * result have, and one multiply-accumulate for each place of these indices. */
#include "order.h"

#include <math.h>
#include <string.h>

/* Bytes of Thumb-2 code at -Os: medians over the examples. */
enum { CODE_OF_KERNEL = 24, CODE_OF_LOOP = 10, CODE_OF_STATEMENT = 6, CODE_OF_OPERATION = 4 };
enum { MOST_COPIES = 1024 /* of an unrolled loop: compilers give up long before */ };

struct walk {
    struct ir_context *context;
    const struct loop_function *function;
    struct pass_tables *tables;
    int64_t code;
    bool failed;
};

static void add_table(struct walk *walk, const struct ir_constant *constant, size_t bytes)
{
    struct pass_tables *tables = walk->tables;
    for (size_t k = 0; k < tables->count; k++)
        if (tables->items[k].hash == constant->hash && tables->items[k].bytes == bytes)
            return;
    struct pass_table table = {constant->name, constant->hash, bytes};
    walk->failed |= !ARENA_PUSH(ir_arena(walk->context), tables->items, tables->count, tables->capacity, table);
}

/* A byte where all entries fit one, else two or four. */
static size_t lookup_bytes(const struct ir_node *node)
{
    size_t width = ir_elem_info(node->elem)->bytes, count = node->constant->bytes / width, least = 1;
    for (size_t at = 0; at < count; at++) {
        int64_t value = ir_number_load(node->elem, node->constant->data, at).i;
        size_t needed = value >= -128 && value < 256 ? 1 : value >= -32768 && value < 65536 ? 2 : 4;
        least = needed > least ? needed : least;
    }
    return count * (least < width ? least : width);
}

static void note_lookup(void *user, const struct poly_atom *lookup)
{
    struct walk *walk = user;
    if (loop_table_buffer(walk->function, lookup->table) == UINT32_MAX && lookup->table->op == IR_const_node)
        add_table(walk, lookup->table->constant, lookup_bytes(lookup->table));
}

static void walk_poly(struct walk *walk, const struct poly *poly)
{
    poly_visit_lookups(poly, note_lookup, walk);
}

static void walk_expr(struct walk *walk, const struct ir_expr *value)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(walk->context, value, &count);
    walk->failed |= !order;
    for (size_t k = 0; order && k < count; k++) {
        walk->code += order[k]->op == IR_EXPR_literal ? 0 : CODE_OF_OPERATION;
        if (order[k]->op == IR_EXPR_load) {
            const struct loop_buffer *buffer = &walk->function->buffers[order[k]->load.buffer];
            if (buffer->kind == LOOP_CONSTANT && buffer->constant)
                add_table(walk, buffer->constant, buffer->constant->bytes);
            walk_poly(walk, order[k]->load.address);
        }
        if (order[k]->op == IR_EXPR_index)
            walk_poly(walk, order[k]->index);
    }
}

static void walk_list(struct walk *walk, const struct loop_stmt *list);

/* What is unrolled stands there as often as it runs. */
static void walk_for(struct walk *walk, const struct loop_stmt *loop)
{
    int64_t before = walk->code, copies = 1;
    bool unrolled = loop->loop.kind == LOOP_UNROLLED || loop->loop.kind == LOOP_DOT;
    walk_poly(walk, loop->loop.end);
    walk_list(walk, loop->loop.body);
    if (unrolled && poly_is_constant(loop->loop.end, &copies) && copies >= 0 && copies <= MOST_COPIES)
        walk->code = before + (walk->code - before) * copies;
    else
        walk->code += CODE_OF_LOOP;
}

static void walk_list(struct walk *walk, const struct loop_stmt *list)
{
    for (const struct loop_stmt *stmt = list; stmt; stmt = stmt->next)
        switch (stmt->op) {
        case LOOP_FOR:
            walk_for(walk, stmt);
            break;
        case LOOP_STORE:
            walk->code += CODE_OF_STATEMENT;
            walk_poly(walk, stmt->store.address);
            walk_expr(walk, stmt->store.value);
            break;
        case LOOP_DEFINE:
        case LOOP_SET:
            walk_expr(walk, stmt->local.value);
            break;
        case LOOP_CHECK:
        case LOOP_IF:
            walk->code += CODE_OF_STATEMENT * stmt->branch.n_conditions;
            for (uint32_t k = 0; k < stmt->branch.n_conditions; k++)
                walk_poly(walk, stmt->branch.conditions[k]);
            walk_list(walk, stmt->branch.body);
            walk_list(walk, stmt->branch.otherwise);
            break;
        case LOOP_BLOCK:
            walk_list(walk, stmt->block);
            break;
        case LOOP_PREFETCH:
        case LOOP_COMMENT:
            break;
        }
}

bool pass_footprint(const struct pass_kernel *kernel, struct pass_tables *tables, struct pass_footprint *footprint)
{
    const struct loop_function *function = kernel->loops;
    struct walk walk = {.context = kernel->context, .function = function, .tables = tables, .code = CODE_OF_KERNEL};
    const double *typical = ir_typical_sizes(kernel->context);
    *footprint = (struct pass_footprint){0};
    walk_list(&walk, function->body);
    for (size_t k = 0; k < function->n_buffers; k++) {
        int64_t count;
        if (function->buffers[k].kind == LOOP_STACK && poly_is_constant(function->buffers[k].count, &count))
            footprint->arrays += count * (int64_t)ir_elem_info(function->buffers[k].elem)->bytes;
    }
    footprint->code = walk.code;
    footprint->operations = function->work.flops && typical ? poly_estimate(function->work.flops, typical, NULL) : 0;
    return !walk.failed && typical;
}

int64_t pass_tables_bytes(const struct pass_tables *tables)
{
    int64_t bytes = 0;
    for (size_t k = 0; k < tables->count; k++)
        bytes += (int64_t)tables->items[k].bytes;
    return bytes;
}

/* ---- dense ---- */

static double volume(const struct ir_node *node, const struct order_set *labels, const double *typical)
{
    double elements = 1;
    for (uint32_t label = 0; label < node->n_indices && label < ORDER_LABELS; label++)
        if (order_has(labels, label))
            elements *= fmax(poly_estimate(node->extents[label], typical, NULL), 0);
    return elements;
}

/* The constant that the value is made of, by no more than a cast or another order of its elements; NULL: an input is in it. */
static const struct ir_node *constant_in(const struct ir_node *node)
{
    while (node->op != IR_const_node && node->n_operands == 1)
        node = node->operands[0].node;
    return node->op == IR_const_node ? node : NULL;
}

/* Of a contraction; other nodes read their constants as they are. */
static void add_dense(const struct ir_node *node, const double *typical, double times, struct pass_dense *dense)
{
    struct order_set known = {{0}}, run = {{0}};
    double bytes = 0;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        order_add(&run, axis);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        struct order_set labels = order_access_labels(&node->operands[k]);
        const struct ir_node *constant = constant_in(node->operands[k].node);
        if (constant)
            known = order_union(known, labels);
        else
            run = order_union(run, labels);
        bytes = constant ? fmax(bytes, ir_elem_info(constant->elem)->bytes) : bytes;
    }
    struct order_set table = order_intersection(known, run);
    dense->operations += 2 * times * volume(node, &run, typical) * (ir_elem_is_complex(node->elem) ? 4 : 1);
    dense->tables += volume(node, &table, typical) * bytes;
}

static void add_read(struct ir_context *context, const struct ir_node *node, const double *typical, bool *seen,
                     struct pass_dense *dense)
{
    for (uint32_t k = 0; !constant_in(node) && k < node->n_operands; k++) {
        const struct ir_node *constant = constant_in(node->operands[k].node);
        if (!constant || seen[constant->id])
            continue;
        seen[constant->id] = true;
        dense->tables += poly_estimate(ir_element_count(context, constant), typical, NULL) * ir_elem_info(constant->elem)->bytes;
    }
}

static bool add_kernel(struct ir_context *context, const struct ir_kernel *kernel, double times, struct pass_dense *dense)
{
    size_t count, n_ids = 0;
    const double *typical = ir_typical_sizes(context);
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        n_ids = nodes[k]->id >= n_ids ? (size_t)nodes[k]->id + 1 : n_ids;
    bool *seen = ARENA_ARRAY(ir_arena(context), n_ids, bool);
    for (size_t k = 0; nodes && seen && typical && k < count; k++) {
        if (nodes[k]->op == IR_contract_node)
            add_dense(nodes[k], typical, times, dense);
        else
            add_read(context, nodes[k], typical, seen, dense);
        if (nodes[k]->op == IR_scan_node &&
            !add_kernel(context, nodes[k]->scan->step, times * poly_estimate(nodes[k]->scan->extent, typical, NULL), dense))
            return false;
    }
    return nodes && seen && typical;
}

bool pass_dense(struct ir_context *context, const struct ir_kernel *source, const struct pass_options *options,
                struct pass_dense *dense)
{
    static const char *const names[] = {"simplify", "deltas",   "split_indices", "deltas",
                                        "simplify", "formulas", "flatten",       "split_indices"};
    struct pass_kernel trial = {.context = context, .kernel = ir_kernel_copy(context, source), .options = options};
    *dense = (struct pass_dense){0};
    for (size_t k = 0; trial.kernel && k < sizeof names / sizeof *names; k++)
        if (pass_run(pass_find(names[k], strlen(names[k])), &trial) != EINC_OK)
            return false;
    return trial.kernel && add_kernel(context, trial.kernel, 1, dense);
}
