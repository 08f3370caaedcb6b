/* Backend ein: tensor IR back to .ein source that the front end reads: what the compiler made of a program, as a program.
 *
 * Every node is a statement: a `let`, or the assignment of an output. Sums are always explicit, extents of indices always written,
 * so nothing has to be inferred. Names come from the source where they are free; constants are literals, large ones .npy files
 * beside. An axis that no operand has gets `where(i >= 0, ...)`, since the language refuses an index that no term has. A scatter
 * into another value than an output's own is written densely: each element sums the points that go there. */
#include "ein.h"

#include <inttypes.h>
#include <string.h>

enum einc_status backend_emit_ein(const struct backend_program *program, const struct backend_options *options,
                                  struct backend_file **files, size_t *n_files);

/* ---- polys ---- */

static const char *index_name(void *user, uint32_t index)
{
    const struct ein_writer *w = user;
    return w->indices && w->indices[index] ? w->indices[index] : ""; /* NULL: memory has run out */
}

/* What a step looks up stands outside. */
static const char *table_name(void *user, const struct ir_node *table)
{
    return ein_outside_name(user, table);
}

const struct poly *ein_extent_of(const struct ein_writer *w, uint32_t index)
{
    return index < w->node->n_indices ? w->node->extents[index] : w->step->scan->scan->extent;
}

static const struct poly *index_extent(void *user, uint32_t index)
{
    return ein_extent_of(user, index);
}

void ein_put_poly(struct ein_writer *w, const struct poly *poly, int binding)
{
    const struct poly_names names = {index_name, table_name, w, index_extent};
    poly_print(w->text, w->context, poly, POLY_SOURCE, &names, binding);
}

void ein_put_poly_value(struct ein_writer *w, const struct poly *poly, int binding)
{
    const struct poly_names names = {index_name, table_name, w, index_extent};
    poly_print(w->text, w->context, poly, POLY_VALUE, &names, binding);
}

void ein_put_type(struct ein_writer *w, const struct ir_node *node)
{
    text_put(w->text, ir_elem_info(node->elem)->name);
    for (uint32_t k = 0; k < node->rank; k++) {
        text_put(w->text, k ? ", " : "[");
        ein_put_poly(w, node->shape[k], 0);
    }
    text_put(w->text, node->rank ? "]" : "");
}

/* ---- statements ---- */

static bool uses(struct ein_writer *w, uint32_t index)
{
    if (w->node->op == IR_map_node)
        return ein_expr_uses(w, w->node->body, index);
    for (uint32_t k = 0; k < w->node->n_operands; k++)
        if (ein_operand_uses(w, k, index))
            return true;
    return false;
}

static size_t put_unused(struct ein_writer *w, uint32_t index, size_t count)
{
    if (!uses(w, index))
        text_printf(w->text, "%s%s >= 0", count++ ? " and " : "where(", w->indices[index]);
    return count;
}

/* Axes that nothing reads, in a step the scan's too: `where(i >= 0, ` before the value and `, 0)` behind it. A scatter compares
 * each of its axes. */
static bool put_guard(struct ein_writer *w, const struct ir_node *node)
{
    size_t count = w->step ? put_unused(w, node->n_indices, 0) : 0;
    for (uint32_t k = 0; k < node->rank && node->op != IR_scatter_node; k++)
        count = put_unused(w, k, count);
    text_put(w->text, count ? ", " : "");
    return count > 0;
}

static void put_zero(struct ein_writer *w, enum ir_elem elem)
{
    text_put(w->text, ", ");
    ein_put_number(
        w, ir_elem_is_complex(elem) || ir_elem_is_float(elem) ? ir_number_real(ir_elem_real(elem), 0) : ir_number_integer(elem, 0),
        EIN_ANY);
    text_put(w->text, ")");
}

/* Integers wrap: a sum in a wider type, cut to the narrower one, is the sum in that. The 16-bit floats are summed in f32 without
 * saying so. */
static enum ir_elem accumulator_of(const struct ir_node *node)
{
    enum ir_elem wide = node->contract.accumulator;
    bool wraps = ir_elem_is_integer(node->elem) && ir_elem_is_integer(wide) &&
                 ir_elem_info(wide)->bytes >= ir_elem_info(node->elem)->bytes &&
                 (node->contract.ring == IR_RING_plustimes || node->contract.ring == IR_RING_prod);
    bool unsaid = wide == ir_elem_accumulator(node->elem);
    for (uint32_t k = 0; k < node->n_operands; k++)
        unsaid = unsaid && node->operands[k].node->elem == node->elem;
    return wraps || unsaid ? node->elem : wide;
}

/* An operand in the accumulator's type. */
static void put_factor(struct ein_writer *w, const struct ir_node *node, uint32_t k)
{
    enum ir_elem from = node->operands[k].node->elem, to = accumulator_of(node);
    bool cast = from != to && ir_elem_complex(from) != to;
    text_put(w->text, cast ? ir_elem_info(to)->name : "");
    text_put(w->text, cast ? "(" : "");
    ein_put_access(w, &node->operands[k]);
    text_put(w->text, cast ? ")" : "");
}

static void put_factors(struct ein_writer *w, const struct ir_node *node)
{
    enum ir_expr_op multiply = ir_ring_info(node->contract.ring)->multiply;
    const char *between = multiply == IR_EXPR_mul   ? " * "
                          : multiply == IR_EXPR_add ? " + "
                          : multiply == IR_EXPR_and ? " and "
                                                    : " or ";
    for (uint32_t k = 0; k < node->contract.n_domain; k++) {
        text_put(w->text, k ? " and " : "where(");
        ein_put_poly_value(w, node->contract.domain[k], 0);
        text_put(w->text, " >= 0");
    }
    text_put(w->text, node->contract.n_domain ? ", " : "");
    for (uint32_t k = 0; k < node->n_operands; k++) {
        text_put(w->text, k ? between : "");
        put_factor(w, node, k);
    }
    if (node->contract.n_domain) {
        text_put(w->text, ", ");
        ein_put_number(w, ir_ring_zero(node->contract.ring, accumulator_of(node)), EIN_ANY);
        text_put(w->text, ")");
    }
}

static const char *const reductions[] = {"sum", "min", "max", "any", "prod", "all"};

/* `sum[e: E, k: 4](` of indices `first` on; false where there are none. */
static bool put_reduction(struct ein_writer *w, enum ir_ring ring, const struct ir_node *node, uint32_t first)
{
    for (uint32_t k = first; k < node->n_indices; k++) {
        text_printf(w->text, "%s%s%s: ", k == first ? reductions[ring] : "", k > first ? ", " : "[", w->indices[k]);
        ein_put_poly(w, node->extents[k], 0);
    }
    text_put(w->text, node->n_indices > first ? "](" : "");
    return node->n_indices > first;
}

static void put_contract(struct ein_writer *w, const struct ir_node *node)
{
    bool cast = node->elem != accumulator_of(node);
    text_put(w->text, cast ? ir_elem_info(node->elem)->name : "");
    text_put(w->text, cast ? "(" : "");
    bool reduces = put_reduction(w, node->contract.ring, node, node->rank);
    put_factors(w, node);
    text_put(w->text, reduces ? ")" : "");
    text_put(w->text, cast ? ")" : "");
}

void ein_put_left(struct ein_writer *w, const char *name, const struct ir_node *node, const char *const *indices)
{
    text_printf(w->text, "%s%s%s", name, w->step ? "[" : "", w->step ? w->step->index : "");
    for (uint32_t k = 0; k < node->rank; k++) {
        text_printf(w->text, "%s%s: ", k || w->step ? ", " : "[", indices[k]);
        ein_put_poly(w, node->shape[k], 0);
    }
    text_put(w->text, node->rank || w->step ? "] = " : " = ");
}

/* `axis_0`, ...: the axes of a scatter, whose own indices are those of what it adds. */
static const char **name_axes(struct ein_writer *w, const struct ir_node *node)
{
    const char **names = ARENA_ARRAY(w->arena, node->rank, const char *);
    for (uint32_t k = 0; names && k < node->rank; k++)
        names[k] = arena_printf(w->arena, "axis_%" PRIu32, k);
    return names;
}

/* The base of a scatter at the axes. */
static void put_base(struct ein_writer *w, const struct ir_node *base, const char *const *axes)
{
    struct ir_access whole = ir_access_whole(w->context, base);
    struct ir_node space = {.n_indices = base->rank, .extents = base->shape};
    const struct ir_node *node = w->node;
    const char **indices = w->indices;
    w->node = &space;
    w->indices = ARENA_ARRAY(w->arena, base->rank + 1, const char *);
    for (uint32_t k = 0; w->indices && k < base->rank; k++)
        w->indices[k] = axes[k];
    if (w->indices && w->step)
        w->indices[base->rank] = w->step->index;
    if (w->indices && whole.subscripts)
        ein_put_access(w, &whole);
    w->node = node;
    w->indices = indices;
}

/* `y[axis_0: n] = base[axis_0] + sum[e: E](where(t[e] == axis_0, v[e], 0))` */
static void put_scatter(struct ein_writer *w, const char *name, const struct ir_node *node)
{
    const struct ir_access *base = &node->operands[0];
    enum ir_ring ring = node->scatter.ring;
    enum ir_expr_op add = ir_ring_info(ring)->add;
    const char *sign = add == IR_EXPR_add ? " + " : add == IR_EXPR_mul ? " * " : add == IR_EXPR_or ? " or " : " and ";
    bool calls = add == IR_EXPR_min || add == IR_EXPR_max;
    const char **axes = name_axes(w, node);
    if (!axes)
        return;
    ein_put_left(w, name, node, axes);
    bool guarded = put_guard(w, node);
    text_printf(w->text, "%s%s", calls ? reductions[ring] : "", calls ? "(" : "");
    put_base(w, base->node, axes);
    text_put(w->text, calls ? ", " : sign);
    bool reduces = put_reduction(w, ring, node, 0);
    for (uint32_t k = 0; k < node->rank; k++) {
        text_put(w->text, k ? " and " : "where(");
        ein_put_poly_value(w, base->subscripts[k], 0);
        text_printf(w->text, " == %s%s", axes[k], k + 1 == node->rank ? ", " : "");
    }
    ein_put_access(w, &node->operands[1]);
    if (node->rank) {
        text_put(w->text, ", ");
        ein_put_number(w, ir_ring_zero(ring, node->elem), EIN_ANY);
        text_put(w->text, ")");
    }
    text_put(w->text, reduces ? ")" : "");
    text_put(w->text, calls ? ")" : "");
    if (guarded)
        put_zero(w, node->elem);
    text_put(w->text, "\n");
}

/* The output that this node is first, or that takes the place of an input; NULL: none. */
const struct ir_output *ein_output_of(const struct ir_kernel *kernel, const struct ir_node *node)
{
    const struct ir_output *first = NULL;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node == node && (!first || kernel->outputs[k].updates))
            first = &kernel->outputs[k];
    return first;
}

static bool updates(const struct ein_writer *w, const struct ir_node *node)
{
    const struct ir_output *output = w->step ? NULL : ein_output_of(w->kernel, node);
    return output && output->updates;
}

/* `y[t[e,k]] += v[e,k]`; a value that is more than that has a let before, which says how far the indices run. */
static void put_update(struct ein_writer *w, const char *name, const struct ir_node *node)
{
    const struct ir_access *base = &node->operands[0], *value = &node->operands[1];
    bool plain = !value->fill && !value->conjugate && value->node->rank == node->n_indices;
    for (uint32_t k = 0; k < value->node->rank && plain; k++) {
        uint32_t index;
        plain = poly_is_index(value->subscripts[k], &index) && index == k && value->node->shape[k] == node->extents[k];
    }
    const struct ir_node *shown = plain ? NULL : ir_view(w->context, node->n_indices, node->extents, *value);
    if (shown) {
        ein_name_node(w, shown, "value");
        ein_put_value(w, ein_node_name(w, shown), shown, false);
        w->node = node;
        ein_name_indices(w, node);
    }
    if (arena_failed(w->arena))
        return;
    text_printf(w->text, "    %s", name);
    for (uint32_t k = 0; k < node->rank; k++) {
        text_put(w->text, k ? "," : "[");
        ein_put_poly(w, base->subscripts[k], 0);
    }
    text_printf(w->text, "%s += %s", node->rank ? "]" : "", ein_node_name(w, shown ? shown : value->node));
    for (uint32_t k = 0; k < node->n_indices; k++)
        text_printf(w->text, "%s%s", k ? "," : "[", w->indices[k]);
    text_put(w->text, node->n_indices ? "]\n" : "\n");
}

void ein_put_value(struct ein_writer *w, const char *name, const struct ir_node *node, bool cast)
{
    const struct ir_node *whole;
    const struct ir_access *box = w->step ? NULL : ein_only_box(w, node, &whole);
    bool is_output = !w->step && ein_output_of(w->kernel, box ? whole : node);
    bool is_stored = !w->step && !is_output && (box || ein_is_stored_let(node));
    const struct ir_node *shown = node->op == IR_map_node ? ein_put_parts(w, node) : node;
    struct ein_solve solve;
    if (node->op == IR_solve_node)
        ein_begin_solve(w, node, &solve);
    w->node = shown;
    ein_name_indices(w, node); /* that bears their names; the same axes */
    if (arena_failed(w->arena))
        return;
    if (node->op == IR_concat_node && (is_output || is_stored)) {
        ein_put_boxes(w, name, node);
        return;
    }
    if (updates(w, node)) {
        put_update(w, name, node);
        return;
    }
    text_put(w->text, w->step ? "        " : is_output ? "    " : is_stored ? "    let stored " : "    let ");
    if (node->op == IR_scatter_node) {
        put_scatter(w, name, node);
        return;
    }
    if (box)
        ein_put_left_box(w, ein_node_name(w, whole), box);
    else
        ein_put_left(w, name, node, w->indices);
    text_printf(w->text, "%s%s", cast ? ir_elem_info(node->elem)->name : "", cast ? "(" : "");
    bool guarded = put_guard(w, shown);
    if (node->op == IR_concat_node)
        ein_put_choices(w, node);
    else if (node->op == IR_contract_node)
        put_contract(w, node);
    else if (node->op == IR_view_node)
        ein_put_access(w, &node->operands[0]);
    else if (node->op == IR_solve_node)
        ein_put_solve(w, node, &solve);
    else
        ein_put_body(w, shown);
    if (guarded)
        put_zero(w, node->elem);
    text_put(w->text, cast ? ")\n" : "\n");
}

/* An output that is a value with another name already. */
static void put_copy(struct ein_writer *w, const struct ir_output *output)
{
    const char *separator = "[";
    w->node = output->node;
    text_printf(w->text, "    %s", output->name);
    for (int side = 0; side < 2; side++) {
        for (uint32_t k = 0; k < output->node->rank; k++, separator = ",")
            text_printf(w->text, "%saxis_%" PRIu32, separator, k);
        text_put(w->text, output->node->rank ? "]" : "");
        separator = "[";
        if (side == 0)
            text_printf(w->text, " = %s", ein_node_name(w, output->node));
    }
    text_put(w->text, "\n");
}

/* ---- kernels ---- */

static void put_facts(struct ein_writer *w, const struct ir_input_info *input)
{
    for (uint32_t k = 0; input->strides && k < input->node->rank; k++) {
        text_put(w->text, k ? ", " : " strides(");
        ein_put_poly(w, input->strides[k], 0);
        text_put(w->text, k + 1 == input->node->rank ? ")" : "");
    }
    for (int promise = 0; promise < IR_PROMISE_COUNT; promise++)
        if (ir_input_promises(input, (enum ir_promise)promise))
            text_printf(w->text, " %s", ir_promise_info((enum ir_promise)promise)->name);
}

static void put_signature(struct ein_writer *w)
{
    static const char *const classes[] = {"exact ", "reassoc ", "normwise "};
    const struct ir_kernel *kernel = w->kernel;
    text_printf(w->text, "kernel %s(", kernel->name);
    const char *separator = "";
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        if (ir_input_is_updated(kernel, k))
            continue;
        text_printf(w->text, "%s%s: ", separator, kernel->inputs[k].name);
        separator = ", ";
        ein_put_type(w, kernel->inputs[k].node);
        put_facts(w, &kernel->inputs[k]);
    }
    text_put(w->text, ") -> (");
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        text_printf(w->text, "%s%s: ", k ? ", " : "", kernel->outputs[k].name);
        ein_put_type(w, kernel->outputs[k].node);
    }
    text_printf(w->text, ") %s{\n", kernel->class_stated ? classes[kernel->numeric_class] : "");
}

bool ein_is_computed(const struct ir_node *node)
{
    return node->op != IR_input_node && node->op != IR_const_node;
}

/* What the source calls a node; a state after the last step by its own name. */
static const char *wanted_name(const struct ir_kernel *kernel, const struct ir_node *node)
{
    const struct ir_name *known = ir_find_name(kernel, node);
    if (known && known->name)
        return known->name;
    if (node->op != IR_proj_node)
        return "value";
    const struct ir_output *result = &node->operands[0].node->scan->step->outputs[node->proj.result];
    return result->name ? result->name : "state";
}

static bool is_statement(const struct ein_writer *w, const struct ir_node *node)
{
    return ein_is_computed(node) && node->op != IR_scan_node && !ein_is_written_in_scans(w, w->kernel, node);
}

static void name_kernel(struct ein_writer *w, const struct ir_node **nodes, size_t count)
{
    for (uint32_t k = 0; k < w->kernel->n_inputs; k++)
        if (!ir_input_is_updated(w->kernel, k)) /* its name is the output's, and nothing but `+=` reads it */
            ein_name_node(w, w->kernel->inputs[k].node, w->kernel->inputs[k].name);
    for (uint32_t k = 0; k < w->kernel->n_outputs; k++) {
        const struct ir_output *output = &w->kernel->outputs[k];
        if (ein_is_computed(output->node) && ein_output_of(w->kernel, output->node) == output)
            ein_name_node(w, output->node, output->name);
        else
            ein_new_name(w, output->name);
    }
    for (size_t k = 0; k < count; k++) {
        const struct ir_node *whole;
        if (is_statement(w, nodes[k]) && !ein_output_of(w->kernel, nodes[k]) && !ein_only_box(w, nodes[k], &whole))
            ein_name_node(w, nodes[k], wanted_name(w->kernel, nodes[k]));
    }
}

static void put_node(struct ein_writer *w, const struct ir_node *node)
{
    if (node->op == IR_scan_node)
        ein_put_scan(w, node);
    else if (node->op == IR_proj_node && node->proj.last)
        ein_put_last(w, ein_node_name(w, node), node);
    else if (is_statement(w, node) && node->op != IR_proj_node && ein_begins(w, node)) /* a result its scan assigns */
        ein_put_value(w, ein_node_name(w, node), node, false);
}

static void put_kernel(struct ein_writer *w)
{
    size_t count = 0, names = w->names.count, named = w->n_named;
    const struct ir_node **nodes = ir_topological(w->context, w->kernel, &count);
    if (!nodes)
        return;
    w->nodes = nodes;
    w->n_nodes = count;
    name_kernel(w, nodes, count);
    put_signature(w);
    for (size_t k = 0; k < count; k++)
        put_node(w, nodes[k]);
    for (uint32_t k = 0; k < w->kernel->n_outputs; k++) {
        const struct ir_output *output = &w->kernel->outputs[k];
        if (!ein_is_computed(output->node) || ein_output_of(w->kernel, output->node) != output)
            put_copy(w, output);
    }
    text_put(w->text, "}\n");
    w->names.count = names;
    w->n_named = named;
}

/* ---- the file ---- */

/* The typical size as an integer that keeps the dim's promises, whatever the double has lost. */
static int64_t typical_size(const struct ir_dim *dim)
{
    int64_t size = (int64_t)dim->typical;
    if (dim->bound > 0 && size > dim->bound)
        size = dim->bound;
    return size - size % (dim->divisor > 1 ? dim->divisor : 1);
}

static void put_dims(struct ein_writer *w)
{
    for (uint32_t k = 0; k < ir_dim_count(w->context); k++) {
        const struct ir_dim *dim = ir_dim_at(w->context, k);
        ein_new_name(w, dim->name);
        text_printf(w->text, "dim %s", dim->name);
        if (dim->typical > 0)
            text_printf(w->text, " ~ %" PRId64, typical_size(dim));
        if (dim->bound > 0)
            text_printf(w->text, ", <= %" PRId64, dim->bound);
        if (dim->divisor > 1)
            text_printf(w->text, ", %% %" PRId64 " == 0", dim->divisor);
        text_put(w->text, "\n");
    }
}

enum einc_status backend_emit_ein(const struct backend_program *program, const struct backend_options *options,
                                  struct backend_file **files, size_t *n_files)
{
    struct text text = text_create(ir_arena(program->context));
    struct ein_writer w = {.context = program->context, .arena = ir_arena(program->context), .text = &text};
    (void)options;
    put_dims(&w);
    for (size_t k = 0; k < program->n_kernels; k++)
        ein_new_name(&w, program->kernels[k].kernel->name);
    /* a name of file scope must not be that of any tensor in a kernel: arguments keep theirs */
    for (size_t k = 0; k < program->n_kernels; k++)
        for (uint32_t i = 0; i < program->kernels[k].kernel->n_inputs + program->kernels[k].kernel->n_outputs; i++) {
            const struct ir_kernel *kernel = program->kernels[k].kernel;
            const char *name = i < kernel->n_inputs ? kernel->inputs[i].name : kernel->outputs[i - kernel->n_inputs].name;
            ARENA_PUSH(w.arena, w.names.items, w.names.count, w.names.capacity, name);
        }
    size_t arguments = w.names.count;
    for (size_t k = 0; k < program->n_kernels; k++) {
        w.kernel = program->kernels[k].kernel;
        if (ein_put_constants(&w, w.kernel) != EINC_OK)
            return EINC_NO_MEMORY;
    }
    /* from here arguments are named kernel by kernel */
    size_t first = ir_dim_count(program->context) + program->n_kernels;
    if (arena_failed(w.arena))
        return EINC_NO_MEMORY;
    if (w.names.count > arguments)
        memmove(w.names.items + first, w.names.items + arguments, (w.names.count - arguments) * sizeof *w.names.items);
    w.names.count -= arguments - first;
    for (size_t k = 0; k < program->n_kernels; k++) {
        w.kernel = program->kernels[k].kernel;
        text_put(&text, text.length ? "\n" : "");
        put_kernel(&w);
    }
    enum einc_status status =
        backend_add_file(program->context, files, n_files, arena_printf(w.arena, "%s.ein", program->basename), &text);
    for (size_t k = 0; status == EINC_OK && k < w.n_files; k++) {
        struct text bytes = text_create(w.arena);
        text_put_bytes(&bytes, w.files[k].bytes, w.files[k].length);
        status = backend_add_file(program->context, files, n_files, w.files[k].name, &bytes);
    }
    return status;
}
