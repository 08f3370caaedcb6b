/* Backend ein: tensor IR back to .ein source that the front end reads: what the compiler made of a program, as a program.
 *
 * Every node is a statement: a `let`, or the assignment of an output. Sums are always explicit, extents of indices always written,
 * so nothing has to be inferred. Names come from the source where they are free; constants are literals, large ones .npy files
 * beside. An axis that no operand has gets `where(i >= 0, ...)`, since the language refuses an index that no term has. A scatter
 * into another value than an output's own is written densely: each element sums the points that go there. */
#include "ein.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum einc_status backend_emit_ein(const struct backend_program *program, const struct backend_options *options,
                                  struct backend_file **files, size_t *n_files);

enum { INLINE_NUMBERS = 1 << 16 };

/* ---- names ---- */

static bool is_reserved(const char *name)
{
    static const char *const words[] = {
        "dim",
        "const",
        "operator",
        "kernel",
        "let",
        "stored",
        "scan",
        "from",
        "file",
        "within",
        "exact",
        "reassoc",
        "normwise",
        "spectral",
        "ring",
        "where",
        "pad",
        "sum",
        "prod",
        "min",
        "max",
        "any",
        "all",
        "and",
        "or",
        "not",
        "div",
        "mod",
        "pi",
        "einsum",
        "true",
        "false",
        "inf",
        "nan",
        "strides",
        "symmetric",
        "spd",
        "centrosymmetric",
        "skew_centrosymmetric",
#define FUNCTION(name, domains, c, real, complex, slope, meaning) #name,
#include "ir/functions.def"
        "abs",
        "conj",
        "real",
        "imag",
        "f16",
        "bf16",
        "q7",
        "q15",
    };
    enum ir_elem elem;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (!strcmp(words[k], name))
            return true;
    return ir_elem_from_name(name, strlen(name), &elem);
}

static bool is_taken(const struct ein_writer *w, const char *name)
{
    return is_reserved(name) || c_name_taken(&w->names, name);
}

static const char *new_name(struct ein_writer *w, const char *wanted)
{
    char *base = arena_strndup(w->arena, wanted, strlen(wanted));
    for (char *at = base; at && *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_')
            *at = '_';
    const char *name = base && !isdigit((unsigned char)base[0]) ? base : arena_printf(w->arena, "v%s", base ? base : "");
    const char *first = name;
    for (unsigned number = 2; name && is_taken(w, name); number++)
        name = arena_printf(w->arena, "%s_%u", first, number);
    return name && ARENA_PUSH(w->arena, w->names.items, w->names.count, w->names.capacity, name) ? name : NULL;
}

const char *ein_node_name(const struct ein_writer *w, const struct ir_node *node)
{
    for (size_t k = w->n_named; k-- > 0;)
        if (w->named[k].node == node)
            return w->named[k].name;
    return "unknown_value";
}

static void name_node(struct ein_writer *w, const struct ir_node *node, const char *wanted)
{
    struct ein_named named = {node, new_name(w, wanted)};
    if (named.name)
        ARENA_PUSH(w->arena, w->named, w->n_named, w->named_capacity, named);
}

/* Letters of the source where nothing else bears them. */
static void name_indices(struct ein_writer *w, const struct ir_node *node)
{
    static const char *const letters[] = {"i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"};
    const struct ir_name *known = ir_find_name(w->kernel, node);
    size_t names = w->names.count, letter = 0;
    w->indices = ARENA_ARRAY(w->arena, node->n_indices, const char *);
    for (uint32_t k = 0; w->indices && k < node->n_indices; k++) {
        const char *wanted = known && known->index_names ? known->index_names[k] : NULL;
        while (!wanted && letter < sizeof letters / sizeof *letters) {
            const char *candidate = letters[letter++];
            wanted = is_taken(w, candidate) ? NULL : candidate;
        }
        w->indices[k] = new_name(w, wanted ? wanted : "index");
    }
    w->names.count = names; /* indices live for one statement */
}

/* ---- polys ---- */

static const char *index_name(void *user, uint32_t index)
{
    return ((struct ein_writer *)user)->indices[index];
}

static const char *table_name(void *user, const struct ir_node *table)
{
    return ein_node_name(user, table);
}

void ein_put_poly(struct ein_writer *w, const struct poly *poly, int binding)
{
    const struct poly_names names = {index_name, table_name, w};
    poly_print(w->text, w->context, poly, POLY_SOURCE, &names, binding);
}

static void put_type(struct ein_writer *w, const struct ir_node *node)
{
    text_put(w->text, ir_elem_info(node->elem)->name);
    for (uint32_t k = 0; k < node->rank; k++) {
        text_put(w->text, k ? ", " : "[");
        ein_put_poly(w, node->shape[k], 0);
    }
    text_put(w->text, node->rank ? "]" : "");
}

/* ---- accesses and values ---- */

void ein_put_access(struct ein_writer *w, const struct ir_access *access)
{
    text_put(w->text, access->conjugate ? "conj(" : "");
    text_put(w->text, access->fill ? "pad(" : "");
    text_put(w->text, ein_node_name(w, access->node));
    for (uint32_t k = 0; k < access->node->rank; k++) {
        uint32_t index;
        text_put(w->text, k ? "," : "[");
        ein_put_poly(w, access->subscripts[k], 0);
        /* a bare index would take the axis for its extent */
        if (poly_is_index(access->subscripts[k], &index) && w->node->extents[index] != access->node->shape[k])
            text_put(w->text, " + 0");
    }
    text_put(w->text, access->node->rank ? "]" : "");
    if (access->fill) {
        struct ir_number fill = *access->fill; /* the value as it is; the language conjugates what pad gives */
        if (access->conjugate)
            fill.im = -fill.im;
        text_put(w->text, ", ");
        ein_put_number(w, fill, EIN_ANY);
        text_put(w->text, ")");
    }
    text_put(w->text, access->conjugate ? ")" : "");
}

void ein_put_operand(struct ein_writer *w, uint32_t operand)
{
    ein_put_access(w, &w->node->operands[operand]);
}

/* ---- statements ---- */

bool ein_access_uses(const struct ir_access *access, uint32_t index)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (poly_uses_index(access->subscripts[axis], index))
            return true;
    return false;
}

static bool uses(const struct ir_node *node, uint32_t index)
{
    if (node->op == IR_map_node)
        return ein_expr_uses(node, node->body, index);
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (ein_access_uses(&node->operands[k], index))
            return true;
    return false;
}

/* Axes that nothing reads: `where(i >= 0, ` before the value and `, 0)` behind it. */
static bool put_guard(struct ein_writer *w, const struct ir_node *node)
{
    size_t count = 0;
    for (uint32_t k = 0; k < node->rank; k++)
        if (!uses(node, k))
            text_printf(w->text, "%s%s >= 0", count++ ? " and " : "where(", w->indices[k]);
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

/* Integers wrap: a sum in a wider type, cut to the narrower one, is the sum in that. */
static enum ir_elem accumulator_of(const struct ir_node *node)
{
    enum ir_elem wide = node->contract.accumulator;
    bool wraps = ir_elem_is_integer(node->elem) && ir_elem_is_integer(wide) &&
                 ir_elem_info(wide)->bytes >= ir_elem_info(node->elem)->bytes &&
                 (node->contract.ring == IR_RING_plustimes || node->contract.ring == IR_RING_prod);
    return wraps ? node->elem : wide;
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
        ein_put_poly(w, node->contract.domain[k], 0);
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

/* `y[axis_0: n] = base[axis_0] + sum[e: E](where(t[e] == axis_0, v[e], 0))` */
static void put_scatter(struct ein_writer *w, const char *name, const struct ir_node *node)
{
    const struct ir_access *base = &node->operands[0];
    enum ir_ring ring = node->scatter.ring;
    enum ir_expr_op add = ir_ring_info(ring)->add;
    const char *sign = add == IR_EXPR_add ? " + " : add == IR_EXPR_mul ? " * " : add == IR_EXPR_or ? " or " : " and ";
    bool calls = add == IR_EXPR_min || add == IR_EXPR_max;
    text_put(w->text, name);
    for (uint32_t k = 0; k < node->rank; k++) {
        text_printf(w->text, "%saxis_%" PRIu32 ": ", k ? ", " : "[", k);
        ein_put_poly(w, node->shape[k], 0);
    }
    text_printf(w->text, "%s = %s%s%s", node->rank ? "]" : "", calls ? reductions[ring] : "", calls ? "(" : "",
                ein_node_name(w, base->node));
    for (uint32_t k = 0; k < node->rank; k++)
        text_printf(w->text, "%saxis_%" PRIu32 "%s", k ? "," : "[", k, k + 1 == node->rank ? "]" : "");
    text_put(w->text, calls ? ", " : sign);
    bool reduces = put_reduction(w, ring, node, 0);
    for (uint32_t k = 0; k < node->rank; k++) {
        text_put(w->text, k ? " and " : "where(");
        ein_put_poly(w, base->subscripts[k], 0);
        text_printf(w->text, " == axis_%" PRIu32 "%s", k, k + 1 == node->rank ? ", " : "");
    }
    ein_put_access(w, &node->operands[1]);
    if (node->rank) {
        text_put(w->text, ", ");
        ein_put_number(w, ir_ring_zero(ring, node->elem), EIN_ANY);
        text_put(w->text, ")");
    }
    text_put(w->text, reduces ? ")" : "");
    text_put(w->text, calls ? ")\n" : "\n");
}

static void put_left(struct ein_writer *w, const char *name, const struct ir_node *node)
{
    text_put(w->text, name);
    for (uint32_t k = 0; k < node->rank; k++) {
        text_printf(w->text, "%s%s: ", k ? ", " : "[", w->indices[k]);
        ein_put_poly(w, node->shape[k], 0);
    }
    text_put(w->text, node->rank ? "] = " : " = ");
}

/* The output that this node is first; NULL: none. */
const struct ir_output *ein_output_of(const struct ir_kernel *kernel, const struct ir_node *node)
{
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node == node)
            return &kernel->outputs[k];
    return NULL;
}

/* `name[...] = value` of a node that is computed. */
static void put_value(struct ein_writer *w, const char *name, const struct ir_node *node)
{
    const struct ir_node *whole;
    const struct ir_access *box = ein_only_box(w, node, &whole);
    bool is_output = box || ein_output_of(w->kernel, node);
    w->node = node;
    name_indices(w, node);
    if (node->op == IR_concat_node && is_output && node->rank) {
        ein_put_boxes(w, name, node);
        return;
    }
    text_put(w->text, is_output ? "    " : "    let ");
    if (node->op == IR_scatter_node) {
        put_scatter(w, name, node);
        return;
    }
    if (box)
        ein_put_left_box(w, ein_node_name(w, whole), box);
    else
        put_left(w, name, node);
    bool guarded = put_guard(w, node);
    if (node->op == IR_concat_node)
        ein_put_choices(w, node);
    else if (node->op == IR_contract_node)
        put_contract(w, node);
    else if (node->op == IR_view_node)
        ein_put_access(w, &node->operands[0]);
    else
        ein_put_body(w, node);
    if (guarded)
        put_zero(w, node->elem);
    text_put(w->text, "\n");
}

/* An output that is a value with another name already. */
static void put_copy(struct ein_writer *w, const struct ir_output *output)
{
    const char *separator = "[";
    w->node = output->node;
    w->indices = ARENA_ARRAY(w->arena, output->node->rank + 1, const char *);
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

/* ---- constants ---- */

static void put_nested(struct ein_writer *w, const struct ir_node *node, uint32_t axis, size_t *at)
{
    int64_t extent = 0;
    if (axis == node->rank) {
        ein_put_number(w, ein_number_at(node->elem, node->constant->data, (*at)++), EIN_ANY);
        return;
    }
    poly_is_constant(node->shape[axis], &extent);
    text_put(w->text, "[");
    for (int64_t k = 0; k < extent; k++) {
        text_put(w->text, k ? ", " : "");
        put_nested(w, node, axis + 1, at);
    }
    text_put(w->text, "]");
}

/* The language has no integer literals above 2^63 - 1. */
static bool has_large_integer(const struct ir_node *node)
{
    for (size_t k = 0; node->elem == IR_u64 && k < node->constant->bytes / sizeof(uint64_t); k++)
        if (ein_number_at(node->elem, node->constant->data, k).i < 0)
            return true;
    return false;
}

static enum einc_status put_constant(struct ein_writer *w, const struct ir_node *node)
{
    size_t numbers = node->constant->bytes / ir_elem_info(node->elem)->bytes, at = 0;
    name_node(w, node, node->constant->name ? node->constant->name : "table");
    const char *name = ein_node_name(w, node);
    text_printf(w->text, "const %s: ", name);
    put_type(w, node);
    text_put(w->text, " = ");
    if (numbers <= INLINE_NUMBERS && !has_large_integer(node)) {
        put_nested(w, node, 0, &at);
        text_put(w->text, "\n");
        return EINC_OK;
    }
    const char *path = arena_printf(w->arena, "%s.npy", name);
    struct text bytes = text_create(w->arena);
    ein_put_npy(w, &bytes, node);
    text_printf(w->text, "file(\"%s\")\n", path);
    return backend_add_file(w->context, &w->files, &w->n_files, path, &bytes);
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
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        text_printf(w->text, "%s%s: ", k ? ", " : "", kernel->inputs[k].name);
        put_type(w, kernel->inputs[k].node);
        put_facts(w, &kernel->inputs[k]);
    }
    text_put(w->text, ") -> (");
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        text_printf(w->text, "%s%s: ", k ? ", " : "", kernel->outputs[k].name);
        put_type(w, kernel->outputs[k].node);
    }
    text_printf(w->text, ") %s{\n", kernel->class_stated ? classes[kernel->numeric_class] : "");
}

static bool is_computed(const struct ir_node *node)
{
    return node->op != IR_input_node && node->op != IR_const_node;
}

static void name_kernel(struct ein_writer *w, const struct ir_node **nodes, size_t count)
{
    for (uint32_t k = 0; k < w->kernel->n_inputs; k++)
        name_node(w, w->kernel->inputs[k].node, w->kernel->inputs[k].name);
    for (uint32_t k = 0; k < w->kernel->n_outputs; k++) {
        const struct ir_output *output = &w->kernel->outputs[k];
        if (is_computed(output->node) && ein_output_of(w->kernel, output->node) == output)
            name_node(w, output->node, output->name);
        else
            new_name(w, output->name);
    }
    for (size_t k = 0; k < count; k++) {
        const struct ir_name *known = ir_find_name(w->kernel, nodes[k]);
        const struct ir_node *whole;
        if (is_computed(nodes[k]) && !ein_output_of(w->kernel, nodes[k]) && !ein_only_box(w, nodes[k], &whole))
            name_node(w, nodes[k], known && known->name ? known->name : "value");
    }
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
    for (size_t k = 0; k < count; k++) {
        if (!is_computed(nodes[k]))
            continue;
        put_value(w, ein_node_name(w, nodes[k]), nodes[k]);
    }
    for (uint32_t k = 0; k < w->kernel->n_outputs; k++) {
        const struct ir_output *output = &w->kernel->outputs[k];
        if (!is_computed(output->node) || ein_output_of(w->kernel, output->node) != output)
            put_copy(w, output);
    }
    text_put(w->text, "}\n");
    w->names.count = names;
    w->n_named = named;
}

/* ---- the file ---- */

static void put_dims(struct ein_writer *w)
{
    for (uint32_t k = 0; k < ir_dim_count(w->context); k++) {
        const struct ir_dim *dim = ir_dim_at(w->context, k);
        new_name(w, dim->name);
        text_printf(w->text, "dim %s", dim->name);
        if (dim->typical > 0)
            text_printf(w->text, " ~ %.0f", dim->typical);
        if (dim->bound > 0)
            text_printf(w->text, ", <= %" PRId64, dim->bound);
        if (dim->divisor > 1)
            text_printf(w->text, ", %% %" PRId64 " == 0", dim->divisor);
        text_put(w->text, "\n");
    }
}

static void put_tables_of(struct ein_writer *w, const struct poly *poly);

/* Constants of the file in order of first use: operands, and tables in subscripts. */
static enum einc_status put_constants(struct ein_writer *w)
{
    size_t count = 0;
    const struct ir_node **nodes = ir_topological(w->context, w->kernel, &count);
    for (size_t k = 0; nodes && k < count; k++) {
        bool known = nodes[k]->op != IR_const_node;
        for (size_t n = 0; n < w->n_named; n++)
            known |= w->named[n].node == nodes[k];
        if (!known && put_constant(w, nodes[k]) != EINC_OK)
            return EINC_NO_MEMORY;
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            for (uint32_t axis = 0; axis < nodes[k]->operands[o].node->rank; axis++)
                put_tables_of(w, nodes[k]->operands[o].subscripts[axis]);
    }
    return nodes ? EINC_OK : EINC_NO_MEMORY;
}

static void put_tables_of(struct ein_writer *w, const struct poly *poly)
{
    for (uint32_t t = 0; t < poly->n_terms; t++)
        for (uint32_t f = 0; f < poly->terms[t].n_factors; f++) {
            const struct poly_atom *atom = poly->terms[t].factors[f];
            bool known = atom->kind != POLY_TABLE;
            if (atom->kind == POLY_FLOOR)
                put_tables_of(w, atom->numerator);
            for (uint32_t a = 0; atom->kind == POLY_TABLE && a < atom->n_arguments; a++)
                put_tables_of(w, atom->arguments[a]);
            for (size_t n = 0; n < w->n_named; n++)
                known |= w->named[n].node == atom->table;
            if (!known)
                put_constant(w, atom->table);
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
        new_name(&w, program->kernels[k].kernel->name);
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
        if (put_constants(&w) != EINC_OK)
            return EINC_NO_MEMORY;
    }
    /* from here arguments are named kernel by kernel */
    size_t first = ir_dim_count(program->context) + program->n_kernels;
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
