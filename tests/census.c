/* Counts forms of random programs. Rows are made as forms are met; those of the tables of the IR stand from the beginning, so that
 * what no program holds shows as 0. */
#include "census.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_LIMIT = 256 };

struct row {
    const char *group, *form;
    uint64_t programs, last; /* how many hold it, and the number of the last that does */
};

struct census {
    uint64_t n_programs;
    struct row rows[ROW_LIMIT];
    size_t n_rows;
};

static struct row *find(struct census *census, const char *group, const char *form)
{
    for (size_t k = 0; k < census->n_rows; k++)
        if (!strcmp(census->rows[k].group, group) && !strcmp(census->rows[k].form, form))
            return &census->rows[k];
    if (census->n_rows == ROW_LIMIT)
        return NULL;
    census->rows[census->n_rows] = (struct row){group, form, 0, 0};
    return &census->rows[census->n_rows++];
}

struct census *census_create(void)
{
    struct census *census = calloc(1, sizeof *census);
    for (int k = 0; census && k < IR_OP_COUNT; k++)
        (void)find(census, "node", ir_op_name((enum ir_op)k));
    for (int k = 0; census && k < IR_RING_COUNT; k++)
        (void)find(census, "contract in ring", ir_ring_info((enum ir_ring)k)->name);
    for (int k = 0; census && k < IR_RING_COUNT; k++)
        (void)find(census, "scatter in ring", ir_ring_info((enum ir_ring)k)->name);
    for (int k = 0; census && k < IR_ELEM_COUNT; k++)
        (void)find(census, "element", ir_elem_info((enum ir_elem)k)->name);
    for (int k = 0; census && k < IR_PROMISE_COUNT; k++)
        (void)find(census, "input", ir_promise_info((enum ir_promise)k)->name);
    return census;
}

void census_destroy(struct census *census)
{
    free(census);
}

void census_next(struct census *census)
{
    if (census)
        census->n_programs++;
}

void census_mark(struct census *census, const char *group, const char *form)
{
    struct row *row = census ? find(census, group, form) : NULL;
    if (!row || row->last == census->n_programs)
        return;
    row->last = census->n_programs;
    row->programs++;
}

/* ---- forms of a kernel ---- */

struct looking {
    struct census *census;
    struct ir_context *context;
    const struct ir_node *node; /* that looks tables up */
    const char *group;
};

static void mark_table(void *user, const struct ir_node *table)
{
    const struct looking *looking = user;
    const char *where = looking->node->op == IR_scatter_node ? "table of a scatter" : "table";
    const char *what = table->op == IR_const_node ? "constant" : table->op == IR_input_node ? "input" : "computed";
    census_mark(looking->census, where, what);
}

static void mark_accesses(struct looking *looking)
{
    const struct ir_node *node = looking->node;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        struct poly_ranges ranges = ir_operand_ranges(looking->context, node, k);
        if (node->operands[k].fill)
            census_mark(looking->census, "access", "with a fill");
        if (node->operands[k].conjugate)
            census_mark(looking->census, "access", "conjugated");
        if (node->op != IR_concat_node && ir_is_checked_access(looking->context, &node->operands[k], &ranges))
            census_mark(looking->census, "access", "checked when it runs");
    }
    ir_visit_tables(looking->context, node, mark_table, looking);
}

static void mark_node(struct looking *looking)
{
    struct census *census = looking->census;
    const struct ir_node *node = looking->node;
    census_mark(census, "node", ir_op_name(node->op));
    census_mark(census, "element", ir_elem_info(node->elem)->name);
    mark_accesses(looking);
    switch (node->op) {
    case IR_contract_node:
        census_mark(census, "contract in ring", ir_ring_info(node->contract.ring)->name);
        if (node->contract.n_domain)
            census_mark(census, "contract", "with conditions");
        if (node->contract.accumulator != node->elem)
            census_mark(census, "contract", "in a wider type");
        break;
    case IR_scatter_node:
        census_mark(census, "scatter in ring", ir_ring_info(node->scatter.ring)->name);
        break;
    case IR_concat_node:
        census_mark(census, "concat", node->n_operands == 1 ? "of one, stored" : "of several");
        break;
    case IR_solve_node:
        census_mark(census, "solve", ir_solver_name(node->solve.solver));
        break;
    case IR_scan_node:
        census_mark(census, "scan", node->scan->backward ? "backward" : "forward");
        census_mark(census, "scan",
                    node->scan->n_states == 0   ? "of no state"
                    : node->scan->n_states == 1 ? "of a state"
                                                : "of states");
        census_look(census, looking->context, node->scan->step);
        break;
    default:
        break;
    }
}

void census_look(struct census *census, struct ir_context *context, const struct ir_kernel *kernel)
{
    size_t count;
    const struct ir_node **nodes = census ? ir_topological(context, kernel, &count) : NULL;
    struct looking looking = {.census = census, .context = context};
    for (size_t k = 0; nodes && k < count; k++) {
        looking.node = nodes[k];
        mark_node(&looking);
    }
    for (uint32_t k = 0; nodes && k < kernel->n_inputs; k++) {
        for (int promise = 0; promise < IR_PROMISE_COUNT; promise++)
            if (ir_input_promises(&kernel->inputs[k], (enum ir_promise)promise))
                census_mark(census, "input", ir_promise_info((enum ir_promise)promise)->name);
        if (kernel->inputs[k].strides)
            census_mark(census, "input", "with strides");
    }
    for (uint32_t k = 0; nodes && k < kernel->n_outputs; k++)
        if (kernel->outputs[k].updates)
            census_mark(census, "output", "in the place of an input");
}

void census_look_at_dims(struct census *census, struct ir_context *context)
{
    for (uint32_t k = 0; census && k < ir_dim_count(context); k++) {
        const struct ir_dim *dim = ir_dim_at(context, k);
        census_mark(census, "dim",
                    dim->bound         ? (dim->divisor > 1 ? "bounded and divisible" : "bounded")
                    : dim->divisor > 1 ? "divisible"
                                       : "free");
    }
}

/* Rows of a group may have been met apart. */
static size_t first_of_group(const struct census *census, size_t row)
{
    size_t first = 0;
    while (strcmp(census->rows[first].group, census->rows[row].group) != 0)
        first++;
    return first;
}

static void print_group(const struct census *census, size_t first, FILE *file)
{
    for (size_t k = first; k < census->n_rows; k++) {
        const struct row *row = &census->rows[k];
        if (first_of_group(census, k) == first)
            fprintf(file, "%-20s %-24s %9llu  %5.1f %%\n", row->group, row->form, (unsigned long long)row->programs,
                    census->n_programs ? 100 * (double)row->programs / (double)census->n_programs : 0.0);
    }
}

void census_print(const struct census *census, FILE *file)
{
    for (size_t k = 0; k < census->n_rows; k++)
        if (first_of_group(census, k) == k)
            print_group(census, k, file);
}
