/* Tensor IR as text, in the grammar of docs/ir.md; reader.c reads it back to the same nodes.
 *
 * Nodes stand in order of their numbers, so operands come first. A node is called by its name in the kernel's side table, made
 * unique by a suffix; one without a name by a number. Numbers are printed so that their bits come back: floats that are small whole
 * numbers in decimal, others in hexadecimal. Constants of more than 64 elements are named by their content's hash, and their bytes
 * follow in a `data` block after the kernels. Expressions: print_expr.c. */
#include "ir_internal.h"
#include "print_internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { INLINE_ELEMENTS = 64, DATA_LINE = 32 };

struct printer {
    struct text *text;
    struct ir_context *context;
    const struct ir_kernel *kernel;
    const struct ir_node **nodes;
    const char **names; /* one a node, without the `%` */
    size_t n_nodes;
    uint32_t n_indices; /* of the node being printed */
    const char **indices;
    struct intern_table used;    /* names taken */
    unsigned n_steps;            /* of the kernel's scans, printed so far */
    const struct ir_node **data; /* constants whose bytes go into data blocks */
    size_t n_data, data_capacity;
};

/* ---- names ---- */

static bool same_string(const void *key, const void *item)
{
    return strcmp(key, item) == 0;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

/* `name` with what the grammar does not take replaced by `_`; NULL stays. */
static char *clean_name(struct arena *arena, const char *name)
{
    if (!name || !*name)
        return NULL;
    bool digit = *name >= '0' && *name <= '9';
    char *clean = arena_printf(arena, "%s%s", digit ? "_" : "", name);
    for (char *c = clean; c && *c; c++)
        if (!is_word(*c))
            *c = '_';
    return clean;
}

/* The name, or the name with the first free suffix _2, _3, ...; taken from then on. */
static const char *unique_name(struct arena *arena, struct intern_table *used, const char *name)
{
    const char *unique = name;
    for (unsigned suffix = 2; unique; suffix++) {
        uint64_t hash = hash_bytes(0, unique, strlen(unique));
        if (!intern_find(used, hash, unique, same_string))
            return intern_add(arena, used, hash, unique);
        unique = arena_printf(arena, "%s_%u", name, suffix);
    }
    return NULL;
}

static bool name_nodes(struct printer *printer)
{
    struct arena *arena = ir_arena(printer->context);
    printer->names = ARENA_ARRAY(arena, printer->n_nodes, const char *);
    unsigned unnamed = 0;
    for (size_t k = 0; printer->names && k < printer->n_nodes; k++) {
        const char *clean = clean_name(arena, ir_name_of(printer->kernel, printer->nodes[k]));
        printer->names[k] = clean ? unique_name(arena, &printer->used, clean) : arena_printf(arena, "%u", unnamed++);
    }
    return !arena_failed(arena);
}

static const char *name_of(const struct printer *printer, const struct ir_node *node)
{
    size_t low = 0, high = printer->n_nodes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (printer->nodes[middle]->id < node->id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < printer->n_nodes && printer->nodes[low] == node ? printer->names[low] : "missing";
}

/* Names of the node's axes and indices: as in the source where known and unlike any dim, else `@0`, `@1`, ... */
static void name_indices(struct printer *printer, const struct ir_node *node)
{
    struct arena *arena = ir_arena(printer->context);
    const struct ir_name *known = ir_find_name(printer->kernel, node);
    struct intern_table used = {0};
    printer->n_indices = ir_index_count(node);
    uint32_t n_known = printer->n_indices;
    for (uint32_t k = 0; node->op == IR_scan_node && k < node->n_operands; k++) {
        uint32_t n = ir_operand_ranges(printer->context, node, k).n;
        printer->n_indices = n > printer->n_indices ? n : printer->n_indices;
    }
    printer->indices = ARENA_ARRAY(arena, printer->n_indices, const char *);
    for (uint32_t k = 0; k < ir_dim_count(printer->context); k++)
        unique_name(arena, &used, ir_dim_at(printer->context, k)->name);
    for (uint32_t k = 0; printer->indices && k < printer->n_indices; k++) {
        const char *name = known && known->index_names && k < n_known ? clean_name(arena, known->index_names[k]) : NULL;
        bool reserved = name && (strcmp(name, "div") == 0 || strcmp(name, "mod") == 0);
        printer->indices[k] = name && !reserved ? unique_name(arena, &used, name) : arena_printf(arena, "@%u", k);
    }
}

static const char *index_name(void *user, uint32_t index)
{
    const struct printer *printer = user;
    return index < printer->n_indices && printer->indices ? printer->indices[index] : "@999";
}

static const char *table_name(void *user, const struct ir_node *table)
{
    const struct printer *printer = user;
    return arena_printf(ir_arena(printer->context), "%%%s", name_of(printer, table));
}

static struct poly_names names_for(struct printer *printer)
{
    return (struct poly_names){index_name, table_name, printer, NULL};
}

static void print_poly(struct printer *printer, const struct poly *poly)
{
    struct poly_names names = names_for(printer);
    poly_print(printer->text, printer->context, poly, POLY_SOURCE, &names, 0);
}

static void print_polys(struct printer *printer, uint32_t n, const struct poly *const *polys)
{
    for (uint32_t k = 0; k < n; k++) {
        text_put(printer->text, k ? ", " : "");
        print_poly(printer, polys[k]);
    }
}

/* ---- numbers ---- */

static void print_double(struct text *text, double value)
{
    uint64_t bits, plain_nan;
    double quiet = (double)NAN;
    memcpy(&bits, &value, sizeof bits);
    memcpy(&plain_nan, &quiet, sizeof plain_nan);
    if (isnan(value) && bits != plain_nan)
        text_printf(text, "nan:%" PRIu64, bits);
    else if (!isfinite(value))
        text_put(text, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    else if (value == trunc(value) && fabs(value) < 1e6)
        text_printf(text, "%.1f", value);
    else
        text_printf(text, "%a", value);
}

void print_number(struct text *text, struct ir_number number)
{
    if (ir_elem_is_complex(number.elem)) {
        text_put(text, "(");
        print_double(text, number.re);
        text_put(text, ", ");
        print_double(text, number.im);
        text_put(text, ")");
    } else if (ir_elem_is_float(number.elem)) {
        print_double(text, number.re);
    } else if (number.elem == IR_u64) {
        text_printf(text, "%" PRIu64, (uint64_t)number.i);
    } else {
        text_printf(text, "%" PRId64, number.i);
    }
}

void print_literal(struct text *text, struct ir_number number)
{
    text_printf(text, "%s:", ir_elem_info(number.elem)->name);
    print_number(text, number);
}

void print_string(struct text *text, const char *string)
{
    text_put(text, "\"");
    for (const char *c = string; *c; c++) {
        if (*c == '"' || *c == '\\')
            text_printf(text, "\\%c", *c);
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            text_printf(text, "\\x%02x", (unsigned)*c);
        else
            text_put_bytes(text, c, 1);
    }
    text_put(text, "\"");
}

/* ---- nodes ---- */

/* `e: E, a: 8` of indices first .. last-1; an unnamed one is its extent alone. */
static void print_axes(struct printer *printer, const struct poly *const *extents, uint32_t first, uint32_t last)
{
    for (uint32_t k = first; k < last; k++) {
        text_put(printer->text, k > first ? ", " : "");
        if (printer->indices && printer->indices[k] && printer->indices[k][0] != '@')
            text_printf(printer->text, "%s: ", printer->indices[k]);
        print_poly(printer, extents[k]);
    }
}

static void print_typed(struct printer *printer, const struct ir_node *node)
{
    text_printf(printer->text, "%s[", ir_elem_info(node->elem)->name);
    print_axes(printer, node->shape, 0, node->rank);
    text_put(printer->text, "]");
}

static void print_access(struct printer *printer, const struct ir_access *access)
{
    text_printf(printer->text, "%s%%%s", access->conjugate ? "conj " : "", name_of(printer, access->node));
    if (access->node->rank > 0) {
        text_put(printer->text, "[");
        print_polys(printer, access->node->rank, access->subscripts);
        text_put(printer->text, "]");
    }
    if (access->fill) {
        text_put(printer->text, " pad ");
        print_literal(printer->text, *access->fill);
    }
}

static void print_accesses(struct printer *printer, const struct ir_node *node)
{
    text_put(printer->text, " of (");
    for (uint32_t k = 0; k < node->n_operands; k++) {
        text_put(printer->text, k ? ", " : "");
        print_access(printer, &node->operands[k]);
    }
    text_put(printer->text, ")");
}

static void print_contract(struct printer *printer, const struct ir_node *node)
{
    struct text *text = printer->text;
    text_printf(text, "contract %s%s ", node->contract.codelet ? "codelet " : "", ir_ring_info(node->contract.ring)->name);
    print_typed(printer, node);
    if (node->n_indices > node->rank) {
        text_put(text, " sum [");
        print_axes(printer, node->extents, node->rank, node->n_indices);
        text_put(text, "]");
    }
    if (node->contract.accumulator != node->elem)
        text_printf(text, " in %s", ir_elem_info(node->contract.accumulator)->name);
    print_accesses(printer, node);
    if (node->contract.n_domain) {
        text_put(text, " where (");
        print_polys(printer, node->contract.n_domain, node->contract.domain);
        text_put(text, ")");
    }
    for (uint32_t k = 0; k < node->contract.n_sliced; k++)
        text_printf(text, "%s%s", k ? ", " : " sliced (", index_name(printer, node->contract.sliced[k]));
    text_put(text, node->contract.n_sliced ? ")" : "");
    text_put(text, node->contract.named ? " named" : "");
}

/* The type and shape are those of the base. */
static void print_scatter(struct printer *printer, const struct ir_node *node)
{
    text_printf(printer->text, "scatter %s over [", ir_ring_info(node->scatter.ring)->name);
    print_axes(printer, node->extents, 0, node->n_indices);
    text_put(printer->text, "]");
    print_accesses(printer, node);
}

/* May the elements stand in the text? Not when they are many, or a nan of a narrower type has bits that a double would not keep. */
static bool is_inline(const struct ir_node *node)
{
    const struct ir_constant *constant = node->constant;
    uint32_t size = ir_elem_info(node->elem)->bytes;
    if (constant->bytes / size > INLINE_ELEMENTS)
        return false;
    bool narrow = (ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem)) && ir_elem_real(node->elem) != IR_f64;
    for (size_t at = 0; narrow && at < constant->bytes / size; at++) {
        struct ir_number value = ir_number_load(node->elem, constant->data, at);
        if (isnan(value.re) || isnan(value.im))
            return false;
    }
    return true;
}

static void print_const(struct printer *printer, const struct ir_node *node)
{
    struct text *text = printer->text;
    const struct ir_constant *constant = node->constant;
    text_put(text, "const ");
    print_typed(printer, node);
    if (is_inline(node)) {
        size_t count = constant->bytes / ir_elem_info(node->elem)->bytes;
        text_put(text, " {");
        for (size_t at = 0; at < count; at++) {
            text_put(text, at ? ", " : "");
            print_number(text, ir_number_load(node->elem, constant->data, at));
        }
        text_put(text, "}");
    } else {
        text_printf(text, " #%016" PRIx64, constant->hash);
        (void)ARENA_PUSH(ir_arena(printer->context), printer->data, printer->n_data, printer->data_capacity, node);
    }
    text_put(text, constant->exact ? " exact" : "");
    if (constant->within != 0) {
        text_put(text, " within ");
        print_double(text, constant->within);
    }
    text_put(text, constant->spectral ? " spectral" : "");
    if (constant->name) {
        text_put(text, " name ");
        print_string(text, constant->name);
    }
    if (constant->path) {
        text_put(text, " path ");
        print_string(text, constant->path);
    }
}

static void print_facts(struct printer *printer, const struct ir_input_info *input)
{
    if (input->strides) {
        text_put(printer->text, " strides (");
        print_polys(printer, input->node->rank, input->strides);
        text_put(printer->text, ")");
    }
    for (int promise = 0; promise < IR_PROMISE_COUNT; promise++)
        if (ir_input_promises(input, (enum ir_promise)promise))
            text_printf(printer->text, " %s", ir_promise_info((enum ir_promise)promise)->name);
}

static void print_input(struct printer *printer, const struct ir_node *node)
{
    const struct ir_input_info *input = NULL;
    text_printf(printer->text, "input %u ", node->input.number);
    for (uint32_t k = 0; k < printer->kernel->n_inputs; k++)
        if (printer->kernel->inputs[k].node == node)
            input = &printer->kernel->inputs[k];
    if (input)
        text_printf(printer->text, "%s ", clean_name(ir_arena(printer->context), input->name));
    text_put(printer->text, ": ");
    print_typed(printer, node);
    if (input)
        print_facts(printer, input);
}

/* What the step of the kernel's scan number `number` is called. */
static const char *step_name(const struct printer *printer, unsigned number)
{
    struct arena *arena = ir_arena(printer->context);
    return arena_printf(arena, "%s_step%u", clean_name(arena, printer->kernel->name), number);
}

/* The equation's index, whose extent is that of the unknowns. */
static void print_solve(struct printer *printer, const struct ir_node *node)
{
    text_printf(printer->text, "solve %s ", ir_solver_name(node->solve.solver));
    print_typed(printer, node);
    text_printf(printer->text, " axis %u over [", node->solve.axis);
    print_axes(printer, node->extents, node->rank, node->n_indices);
    text_put(printer->text, "]");
    print_accesses(printer, node);
}

static void print_scan(struct printer *printer, const struct ir_node *node)
{
    text_printf(printer->text, "scan %s [", step_name(printer, printer->n_steps++));
    print_axes(printer, node->extents, 0, 1);
    text_printf(printer->text, "] states %u%s", node->scan->n_states, node->scan->backward ? " backward" : "");
    print_accesses(printer, node);
}

static void print_proj(struct printer *printer, const struct ir_node *node)
{
    text_put(printer->text, "proj ");
    print_typed(printer, node);
    text_printf(printer->text, " %u%s of ", node->proj.result, node->proj.last ? " last" : "");
    print_access(printer, &node->operands[0]);
}

static void print_node(struct printer *printer, const struct ir_node *node)
{
    struct poly_names names = names_for(printer);
    struct text *text = printer->text;
    name_indices(printer, node);
    text_printf(text, "    %%%s = ", name_of(printer, node));
    switch (node->op) {
    case IR_input_node:
        print_input(printer, node);
        break;
    case IR_const_node:
        print_const(printer, node);
        break;
    case IR_contract_node:
        print_contract(printer, node);
        break;
    case IR_scatter_node:
        print_scatter(printer, node);
        break;
    case IR_view_node:
        text_put(text, "view ");
        print_typed(printer, node);
        text_put(text, " of ");
        print_access(printer, &node->operands[0]);
        break;
    case IR_solve_node:
        print_solve(printer, node);
        break;
    case IR_scan_node:
        print_scan(printer, node);
        break;
    case IR_proj_node:
        print_proj(printer, node);
        break;
    case IR_concat_node:
    case IR_alt_node:
        text_printf(text, "%s ", ir_op_name(node->op));
        print_typed(printer, node);
        print_accesses(printer, node);
        break;
    default:
        text_put(text, "map ");
        print_typed(printer, node);
        print_accesses(printer, node);
        text_put(text, " = ");
        print_body(text, printer->context, node->body, &names);
    }
    text_put(text, "\n");
}

/* ---- kernels ---- */

/* Nodes of inputs that no output needs are part of a kernel, too. */
static bool list_nodes(struct printer *printer)
{
    const struct ir_kernel *kernel = printer->kernel;
    struct arena *arena = ir_arena(printer->context);
    size_t count, next = 0;
    const struct ir_node **needed = ir_topological(printer->context, kernel, &count);
    const struct ir_node **nodes = ARENA_ARRAY(arena, printer->context->n_nodes, const struct ir_node *);
    if (!needed || !nodes)
        return false;
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        nodes[kernel->inputs[k].node->id] = kernel->inputs[k].node;
    for (size_t k = 0; k < count; k++)
        nodes[needed[k]->id] = needed[k];
    for (size_t id = 0; id < printer->context->n_nodes; id++)
        if (nodes[id])
            nodes[next++] = nodes[id];
    printer->nodes = nodes;
    printer->n_nodes = next;
    return name_nodes(printer);
}

static void print_output(struct printer *printer, const struct ir_output *output)
{
    struct arena *arena = ir_arena(printer->context);
    text_printf(printer->text, "    output %s = %%%s", clean_name(arena, output->name), name_of(printer, output->node));
    if (output->updates)
        text_printf(printer->text, " updates %u", output->updates - 1);
    text_put(printer->text, "\n");
}

static const char *const class_names[] = {"exact", "reassoc", "normwise"};

static void print_nodes(struct printer *printer)
{
    const struct ir_kernel *kernel = printer->kernel;
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        print_node(printer, kernel->inputs[k].node);
    for (size_t k = 0; k < printer->n_nodes; k++)
        if (printer->nodes[k]->op != IR_input_node)
            print_node(printer, printer->nodes[k]);
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        print_output(printer, &kernel->outputs[k]);
    text_put(printer->text, "}\n");
}

/* The steps of the kernel's scans, above the kernel. */
static void print_steps(struct printer *printer)
{
    unsigned number = 0;
    for (size_t k = 0; k < printer->n_nodes; k++) {
        if (printer->nodes[k]->op != IR_scan_node)
            continue;
        struct printer step = {.text = printer->text, .context = printer->context, .kernel = printer->nodes[k]->scan->step};
        step.data = printer->data;
        step.n_data = printer->n_data;
        step.data_capacity = printer->data_capacity;
        text_printf(printer->text, "step %s {\n", step_name(printer, number++));
        if (list_nodes(&step))
            print_nodes(&step);
        text_put(printer->text, "\n");
        printer->data = step.data;
        printer->n_data = step.n_data;
        printer->data_capacity = step.data_capacity;
    }
}

static void print_kernel(struct printer *printer)
{
    const struct ir_kernel *kernel = printer->kernel;
    if (!list_nodes(printer))
        return;
    print_steps(printer);
    text_printf(printer->text, "kernel %s: %s%s {\n", clean_name(ir_arena(printer->context), kernel->name),
                kernel->class_stated ? "" : "default ", class_names[kernel->numeric_class]);
    print_nodes(printer);
}

static void print_dims(struct text *text, struct ir_context *context)
{
    for (uint32_t k = 0; k < ir_dim_count(context); k++) {
        const struct ir_dim *dim = ir_dim_at(context, k);
        text_printf(text, "dim %s", dim->name);
        if (dim->typical > 0) {
            text_put(text, " typical ");
            print_double(text, dim->typical);
        }
        if (dim->bound > 0)
            text_printf(text, " bound %" PRId64, dim->bound);
        if (dim->divisor > 1)
            text_printf(text, " divisor %" PRId64, dim->divisor);
        text_put(text, "\n");
    }
}

/* Each content once. */
static void print_data(struct printer *printer)
{
    struct intern_table done = {0};
    for (size_t k = 0; k < printer->n_data; k++) {
        const struct ir_constant *constant = printer->data[k]->constant;
        char *hash = arena_printf(ir_arena(printer->context), "%016" PRIx64, constant->hash);
        if (!hash || intern_find(&done, constant->hash, hash, same_string))
            continue;
        intern_add(ir_arena(printer->context), &done, constant->hash, hash);
        text_printf(printer->text, "data #%s\n", hash);
        const unsigned char *bytes = constant->data;
        for (size_t at = 0; at < constant->bytes; at++) {
            bool first = at % DATA_LINE == 0, last = at % DATA_LINE == DATA_LINE - 1 || at + 1 == constant->bytes;
            text_printf(printer->text, "%s%02x%s", first ? "    \"" : "", bytes[at], last ? "\"\n" : "");
        }
    }
}

void ir_print_kernel(struct text *text, struct ir_context *context, const struct ir_kernel *kernel)
{
    struct printer printer = {.text = text, .context = context, .kernel = kernel};
    print_kernel(&printer);
    print_data(&printer);
}

void ir_print_program(struct text *text, const struct ir_program *program)
{
    struct printer all = {.text = text, .context = program->context};
    if (program->path) {
        text_put(text, "program ");
        print_string(text, program->path);
        text_put(text, "\n");
    }
    print_dims(text, program->context);
    for (size_t k = 0; k < program->n_kernels; k++) {
        struct printer printer = {.text = text, .context = program->context, .kernel = program->kernels[k]};
        printer.data = all.data;
        printer.n_data = all.n_data;
        printer.data_capacity = all.data_capacity;
        text_put(text, text->length ? "\n" : "");
        print_kernel(&printer);
        all.data = printer.data;
        all.n_data = printer.n_data;
        all.data_capacity = printer.data_capacity;
    }
    print_data(&all);
}
