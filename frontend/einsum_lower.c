/* Einsum strings to one contraction of all operands, by NumPy's rules.
 *
 * An ellipsis stands for the axes its term does not name, aligned at the right and broadcast over the terms; a declared extent 1
 * broadcasts against any other. Without `->` the output is the ellipsis, then the labels that occur once, by code point. Operands
 * take NumPy's result type through maps. Output indices come first in the node, the summed ones follow as they occur. */
#include "einsum.h"
#include "formula.h"

#include <string.h>

/* An index of the contraction: a label, or one axis of the ellipsis (then counted from the right). */
struct einsum_index {
    uint32_t code;
    uint32_t from_right; /* ellipsis only */
    uint32_t count;      /* occurrences in the terms */
    const struct poly *extent;
    struct span span; /* where the extent was found */
    uint32_t operand;
    uint32_t number; /* in the node; UINT32_MAX: not numbered yet */
};

struct einsum {
    struct ir_context *context;
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct einsum_string *string;
    uint32_t n_operands;
    const struct ir_node *const *operands;
    const struct span *spans;
    struct einsum_index *indices;
    size_t n_indices, capacity;
    uint32_t n_broadcast; /* axes of the longest ellipsis */
    uint32_t *output;     /* numbers of indices, in the output's order */
    size_t n_output, output_capacity;
};

static const char *label_text(const struct einsum *einsum, uint32_t code)
{
    if (code < 0x80)
        return arena_printf(einsum->arena, "%c", (char)code);
    char bytes[4];
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t k = length; k-- > 1; code >>= 6)
        bytes[k] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(code | (length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0));
    return arena_strndup(einsum->arena, bytes, length);
}

static const char *extent_string(const struct einsum *einsum, const struct poly *extent)
{
    struct text text = text_create(einsum->arena);
    poly_print(&text, einsum->context, extent, POLY_SOURCE, NULL, 0);
    return text_finish(&text);
}

static void note_operand(struct einsum *einsum, struct diag *diag, uint32_t operand)
{
    struct text text = text_create(einsum->arena);
    const struct ir_node *node = einsum->operands[operand];
    for (uint32_t axis = 0; axis < node->rank; axis++)
        text_printf(&text, "%s%s", axis ? ", " : "", extent_string(einsum, node->shape[axis]));
    if (einsum->spans)
        diag_note(einsum->diagnostics, diag, einsum->spans[operand], "operand %u has the shape [%s]", operand, text_finish(&text));
}

static struct einsum_index *find_index(struct einsum *einsum, uint32_t code, uint32_t from_right)
{
    for (size_t k = 0; k < einsum->n_indices; k++)
        if (einsum->indices[k].code == code && einsum->indices[k].from_right == from_right)
            return &einsum->indices[k];
    return NULL;
}

static bool report_sizes(struct einsum *einsum, const struct einsum_index *index, const struct poly *extent, struct span span,
                         uint32_t operand)
{
    const char *name = index->code == EINSUM_ELLIPSIS ? "..." : label_text(einsum, index->code);
    struct diag *diag = diag_error(einsum->diagnostics, DIAG_E0405, span, "label `%s` has two sizes", name);
    diag_label(einsum->diagnostics, diag, "%s in operand %u", extent_string(einsum, extent), operand);
    diag_note(einsum->diagnostics, diag, index->span, "%s in operand %u", extent_string(einsum, index->extent), index->operand);
    note_operand(einsum, diag, operand);
    if (index->operand != operand)
        note_operand(einsum, diag, index->operand);
    diag_help(einsum->diagnostics, diag, "equal labels have equal sizes; only a declared size of 1 is broadcast");
    return false;
}

/* One axis of an operand under a label: a new index, or one of equal size (1 gives way, but not on a diagonal). */
static bool add_axis(struct einsum *einsum, uint32_t operand, const struct einsum_label *label, uint32_t from_right,
                     const struct poly *extent)
{
    struct einsum_index *index = find_index(einsum, label->code, from_right);
    if (!index && einsum->n_indices == FRONTEND_LABELS) {
        diag_error(einsum->diagnostics, DIAG_E0911, label->span, "an einsum has more than %d labels", (int)FRONTEND_LABELS);
        return false;
    }
    if (!index) {
        struct einsum_index entry = {label->code, from_right, 1, extent, label->span, operand, UINT32_MAX};
        return ARENA_PUSH(einsum->arena, einsum->indices, einsum->n_indices, einsum->capacity, entry);
    }
    index->count++;
    if (index->extent == extent)
        return true;
    bool diagonal = index->operand == operand && label->code != EINSUM_ELLIPSIS;
    if (!diagonal && poly_equals(extent, 1))
        return true;
    if (diagonal || !poly_equals(index->extent, 1))
        return report_sizes(einsum, index, extent, label->span, operand);
    index->extent = extent;
    index->span = label->span;
    index->operand = operand;
    return true;
}

/* A label that stands twice in one term must have one size there, 1 or not. */
static bool check_diagonals(struct einsum *einsum, uint32_t operand)
{
    const struct einsum_term *term = &einsum->string->terms[operand];
    const struct ir_node *node = einsum->operands[operand];
    uint32_t ellipsis = node->rank - (term->n_labels - (term->has_ellipsis ? 1 : 0)), axis = 0;
    for (uint32_t k = 0; k < term->n_labels; k++) {
        if (term->labels[k].code == EINSUM_ELLIPSIS) {
            axis += ellipsis;
            continue;
        }
        uint32_t other = axis + 1;
        for (uint32_t j = k + 1; j < term->n_labels; j++) {
            if (term->labels[j].code == term->labels[k].code && node->shape[axis] != node->shape[other]) {
                struct einsum_index first = {term->labels[k].code, 0, 1, node->shape[axis], term->labels[k].span, operand, 0};
                return report_sizes(einsum, &first, node->shape[other], term->labels[j].span, operand);
            }
            other += term->labels[j].code == EINSUM_ELLIPSIS ? ellipsis : 1;
        }
        axis++;
    }
    return true;
}

static bool add_operand(struct einsum *einsum, uint32_t operand)
{
    const struct einsum_term *term = &einsum->string->terms[operand];
    const struct ir_node *node = einsum->operands[operand];
    uint32_t named = term->n_labels - (term->has_ellipsis ? 1 : 0);
    if (term->has_ellipsis ? named > node->rank : named != node->rank) {
        struct diag *diag = diag_error(einsum->diagnostics, DIAG_E0404, term->span, "operand %u has %u axes, this term names %u",
                                       operand, node->rank, named);
        note_operand(einsum, diag, operand);
        diag_help(einsum->diagnostics, diag,
                  named > node->rank ? "leave out labels" : "give each axis a label, or write `...` for the axes that have none");
        return false;
    }
    if (!check_diagonals(einsum, operand))
        return false;
    uint32_t ellipsis = node->rank - named, axis = 0;
    if (ellipsis > einsum->n_broadcast)
        einsum->n_broadcast = ellipsis;
    for (uint32_t k = 0; k < term->n_labels; k++) {
        uint32_t count = term->labels[k].code == EINSUM_ELLIPSIS ? ellipsis : 1;
        for (uint32_t j = 0; j < count; j++, axis++)
            if (!add_axis(einsum, operand, &term->labels[k], count - 1 - j, node->shape[axis]))
                return false;
    }
    return true;
}

/* ---- output ---- */

static bool put_output(struct einsum *einsum, struct einsum_index *index)
{
    index->number = (uint32_t)einsum->n_output;
    uint32_t position = (uint32_t)(index - einsum->indices);
    return ARENA_PUSH(einsum->arena, einsum->output, einsum->n_output, einsum->output_capacity, position);
}

static bool put_ellipsis(struct einsum *einsum)
{
    for (uint32_t k = einsum->n_broadcast; k-- > 0;)
        if (!put_output(einsum, find_index(einsum, EINSUM_ELLIPSIS, k)))
            return false;
    return true;
}

static bool implicit_output(struct einsum *einsum)
{
    if (!put_ellipsis(einsum))
        return false;
    for (;;) {
        struct einsum_index *least = NULL;
        for (size_t k = 0; k < einsum->n_indices; k++) {
            struct einsum_index *index = &einsum->indices[k];
            if (index->code != EINSUM_ELLIPSIS && index->count == 1 && index->number == UINT32_MAX &&
                (!least || index->code < least->code))
                least = index;
        }
        if (!least)
            return true;
        if (!put_output(einsum, least))
            return false;
    }
}

static bool report_output_label(struct einsum *einsum, const struct einsum_label *label, bool twice)
{
    struct diag *diag =
        diag_error(einsum->diagnostics, twice ? DIAG_E0407 : DIAG_E0406, label->span,
                   twice ? "output label `%s` stands twice" : "output label `%s` is in no term", label_text(einsum, label->code));
    diag_help(einsum->diagnostics, diag,
              twice ? "a diagonal is read, not written: each output label once" : "output labels come from the terms");
    return false;
}

static bool explicit_output(struct einsum *einsum)
{
    const struct einsum_term *output = &einsum->string->output;
    if (einsum->n_broadcast > 0 && !output->has_ellipsis) {
        struct diag *diag = diag_error(einsum->diagnostics, DIAG_E0409, output->span, "the output has no ellipsis, a term has one");
        diag_help(einsum->diagnostics, diag,
                  "write `...` in the output, or name the axes and leave their labels out to sum over them");
        return false;
    }
    for (uint32_t k = 0; k < output->n_labels; k++) {
        const struct einsum_label *label = &output->labels[k];
        if (label->code == EINSUM_ELLIPSIS) {
            if (!put_ellipsis(einsum))
                return false;
            continue;
        }
        struct einsum_index *index = find_index(einsum, label->code, 0);
        if (!index || index->number != UINT32_MAX)
            return report_output_label(einsum, label, index != NULL);
        if (!put_output(einsum, index))
            return false;
    }
    return true;
}

/* ---- the node ---- */

/* Operand in the result's type: a map that casts when it has another. */
static const struct ir_node *cast_operand(struct einsum *einsum, const struct ir_node *node, enum ir_elem elem)
{
    if (node->elem == elem)
        return node;
    struct ir_access whole = ir_access_whole(einsum->context, node);
    const struct ir_expr *cast = ir_expr_cast(einsum->context, elem, ir_expr_operand(einsum->context, 0, node->elem));
    return ir_map(einsum->context, node->rank, node->shape, 1, &whole, cast);
}

static struct ir_access operand_access(struct einsum *einsum, uint32_t operand, enum ir_elem elem)
{
    const struct einsum_term *term = &einsum->string->terms[operand];
    const struct ir_node *node = cast_operand(einsum, einsum->operands[operand], elem);
    if (!node)
        return (struct ir_access){0};
    const struct poly **subscripts = ARENA_ARRAY(einsum->arena, node->rank, const struct poly *);
    uint32_t ellipsis = node->rank - (term->n_labels - (term->has_ellipsis ? 1 : 0)), axis = 0;
    for (uint32_t k = 0; subscripts && k < term->n_labels; k++) {
        uint32_t count = term->labels[k].code == EINSUM_ELLIPSIS ? ellipsis : 1;
        for (uint32_t j = 0; j < count; j++, axis++) {
            const struct einsum_index *index = find_index(einsum, term->labels[k].code, count - 1 - j);
            bool broadcast = node->shape[axis] != index->extent;
            subscripts[axis] = broadcast ? poly_constant(einsum->context, 0) : poly_index(einsum->context, index->number);
        }
    }
    return (struct ir_access){.node = node, .subscripts = subscripts};
}

static bool check_ring(struct einsum *einsum, enum ir_ring *ring, enum ir_elem elem)
{
    if (*ring == IR_RING_plustimes && elem == IR_bool)
        *ring = IR_RING_orand;
    if (ir_ring_takes(*ring, elem))
        return true;
    struct diag *diag = diag_error(einsum->diagnostics, DIAG_E0410, einsum->string->span, "the ring %s is not defined for %s",
                                   ir_ring_info(*ring)->name, ir_elem_info(elem)->name);
    diag_help(einsum->diagnostics, diag, "minplus and maxplus take floats and integers, orand takes bool");
    return false;
}

static bool read_terms(struct einsum *einsum)
{
    const struct einsum_string *string = einsum->string;
    if (string->n_terms != einsum->n_operands || einsum->n_operands == 0) {
        struct diag *diag =
            diag_error(einsum->diagnostics, DIAG_E0403, string->span, "the string has %u term%s for %u operand%s", string->n_terms,
                       string->n_terms == 1 ? "" : "s", einsum->n_operands, einsum->n_operands == 1 ? "" : "s");
        diag_help(einsum->diagnostics, diag, "one term an operand, split by `,`");
        return false;
    }
    for (uint32_t k = 0; k < einsum->n_operands; k++)
        if (!add_operand(einsum, k))
            return false;
    return string->has_output ? explicit_output(einsum) : implicit_output(einsum);
}

/* Numbers the summed indices and gives extents and names in the node's order. */
static bool number_indices(struct einsum *einsum, const struct poly **extents, const char **names)
{
    uint32_t next = (uint32_t)einsum->n_output;
    for (size_t k = 0; k < einsum->n_indices; k++) {
        struct einsum_index *index = &einsum->indices[k];
        if (index->number == UINT32_MAX)
            index->number = next++;
        extents[index->number] = index->extent;
        names[index->number] = index->code == EINSUM_ELLIPSIS || index->code >= 0x80 ? NULL : label_text(einsum, index->code);
    }
    return true;
}

const struct ir_node *einsum_node(struct ir_context *context, const struct einsum_string *string, enum ir_ring ring,
                                  uint32_t n_operands, const struct ir_node *const *operands, const struct span *spans,
                                  const char *const **index_names)
{
    struct einsum einsum = {.context = context,
                            .arena = ir_arena(context),
                            .diagnostics = ir_diagnostics(context),
                            .string = string,
                            .n_operands = n_operands,
                            .operands = operands,
                            .spans = spans};
    if (!read_terms(&einsum))
        return NULL;
    if (einsum.n_output > FRONTEND_RANK) {
        diag_error(einsum.diagnostics, DIAG_E0903, string->span, "the result has more than %d axes", (int)FRONTEND_RANK);
        return NULL;
    }
    const struct poly **extents = ARENA_ARRAY(einsum.arena, einsum.n_indices, const struct poly *);
    const char **names = ARENA_ARRAY(einsum.arena, einsum.n_indices, const char *);
    struct ir_access *accesses = ARENA_ARRAY(einsum.arena, n_operands, struct ir_access);
    if (!extents || !names || !accesses)
        return NULL;
    enum ir_elem elem = operands[0]->elem;
    for (uint32_t k = 1; k < n_operands; k++)
        elem = ir_elem_promote(elem, operands[k]->elem);
    if (!number_indices(&einsum, extents, names) || !check_ring(&einsum, &ring, elem))
        return NULL;
    for (uint32_t k = 0; k < n_operands; k++) {
        accesses[k] = operand_access(&einsum, k, elem);
        if (!accesses[k].node || !accesses[k].subscripts)
            return NULL;
    }
    if (index_names)
        *index_names = names;
    struct ir_contract contract = {.ring = ring,
                                   .elem = elem,
                                   .accumulator = ir_elem_accumulator(elem),
                                   .rank = (uint32_t)einsum.n_output,
                                   .n_indices = (uint32_t)einsum.n_indices,
                                   .extents = extents,
                                   .n_operands = n_operands,
                                   .operands = accesses};
    return ir_contract(context, &contract);
}

/* ---- einsum("...", ...) in a statement ---- */

static bool find_ring(struct body *body, const struct ast_name *name, enum ir_ring *ring)
{
    static const enum ir_ring named[] = {IR_RING_plustimes, IR_RING_minplus, IR_RING_maxplus, IR_RING_orand};
    *ring = IR_RING_plustimes;
    if (!name->text)
        return true;
    for (size_t k = 0; k < sizeof named / sizeof *named; k++)
        if (strcmp(ir_ring_info(named[k])->name, name->text) == 0) {
            *ring = named[k];
            return true;
        }
    struct diag *diag = diag_error(body->diagnostics, DIAG_E0411, name->span, "there is no ring `%s`", name->text);
    diag_help(body->diagnostics, diag, "the rings are plustimes, minplus, maxplus and orand");
    return false;
}

static bool read_operands(struct statement *statement, const struct ast_expr *expr, const struct ir_node **operands,
                          struct span *spans)
{
    struct body *body = statement->body;
    bool read = true;
    uint32_t k = 0;
    for (const struct ast_expr *argument = expr->arguments; argument; argument = argument->next, k++) {
        struct whole whole = {0};
        spans[k] = argument->span;
        if (!is_whole(body, argument)) {
            struct diag *diag = diag_error(body->diagnostics, DIAG_E0412, argument->span, "an operand of einsum is a whole tensor");
            diag_help(body->diagnostics, diag, "name the value in a let first");
            read = false;
        } else if (!whole_value(statement, argument, &whole))
            read = false;
        else if (whole.fixed)
            read = report_no_fixed_form(statement, argument->span, "an einsum string", NULL);
        operands[k] = whole.node;
    }
    return read;
}

const struct ir_node *lower_einsum(struct statement *statement, const struct ast_expr *expr)
{
    struct body *body = statement->body;
    struct einsum_string string;
    enum ir_ring ring;
    const char *const *names = NULL;
    if (expr->n_arguments > FRONTEND_OPERANDS) {
        diag_error(body->diagnostics, DIAG_E0913, expr->span, "an einsum has more than %d operands", (int)FRONTEND_OPERANDS);
        return NULL;
    }
    const struct ir_node **operands = ARENA_ARRAY(body->arena, expr->n_arguments, const struct ir_node *);
    struct span *spans = ARENA_ARRAY(body->arena, expr->n_arguments, struct span);
    if (!operands || !spans || !read_operands(statement, expr, operands, spans) || !find_ring(body, &expr->ring, &ring) ||
        !einsum_parse(body->context, expr->string.text, strlen(expr->string.text), expr->string.span, &string))
        return NULL;
    const struct ir_node *node = einsum_node(body->context, &string, ring, expr->n_arguments, operands, spans, &names);
    struct statement_node entry = {node, names};
    if (!node || !ARENA_PUSH(body->arena, statement->nodes, statement->n_nodes, statement->nodes_capacity, entry))
        return NULL;
    return node;
}

/* ---- a string without a file ---- */

static const struct poly **constants(struct ir_context *context, uint32_t count, const int64_t *numbers)
{
    const struct poly **polys = ARENA_ARRAY(ir_arena(context), count, const struct poly *);
    for (uint32_t k = 0; polys && k < count; k++)
        polys[k] = poly_constant(context, numbers[k]);
    return polys;
}

static struct ir_kernel *einsum_kernel(struct ir_context *context, size_t n_operands, const struct frontend_operand *operands,
                                       const struct ir_node **nodes)
{
    struct arena *arena = ir_arena(context);
    struct ir_kernel *kernel = ARENA_NEW(arena, struct ir_kernel);
    struct ir_input_info *inputs = ARENA_ARRAY(arena, n_operands, struct ir_input_info);
    struct ir_output *output = ARENA_NEW(arena, struct ir_output);
    if (!kernel || !inputs || !output)
        return NULL;
    for (size_t k = 0; k < n_operands; k++) {
        const struct poly **shape = constants(context, operands[k].rank, operands[k].shape);
        nodes[k] = ir_input(context, (uint32_t)k, operands[k].elem, operands[k].rank, shape);
        const char *name = operands[k].name ? operands[k].name : arena_printf(arena, "a%zu", k);
        inputs[k] = (struct ir_input_info){.name = name, .node = nodes[k], .span = SPAN_NONE};
        if (operands[k].strides)
            inputs[k].strides = constants(context, operands[k].rank, operands[k].strides);
        if (!nodes[k])
            return NULL;
    }
    output->name = "out";
    output->span = SPAN_NONE;
    *kernel = (struct ir_kernel){.name = "einsum",
                                 .span = SPAN_NONE,
                                 .numeric_class = IR_CLASS_REASSOC,
                                 .n_inputs = (uint32_t)n_operands,
                                 .n_outputs = 1,
                                 .inputs = inputs,
                                 .outputs = output};
    return kernel;
}

struct ir_program *frontend_einsum(struct ir_context *context, const char *string, enum ir_ring ring, size_t n_operands,
                                   const struct frontend_operand *operands)
{
    struct arena *arena = ir_arena(context);
    struct source *source = ARENA_NEW(arena, struct source);
    struct ir_program *program = ARENA_NEW(arena, struct ir_program);
    struct einsum_string parsed;
    const char *const *names = NULL;
    size_t length = strlen(string);
    if (!source || !program)
        return NULL;
    *source = (struct source){"einsum", arena_strndup(arena, string, length), length};
    struct span span = {diag_add_source(ir_diagnostics(context), source), 0, (uint32_t)length};
    if (n_operands > FRONTEND_OPERANDS) {
        diag_error(ir_diagnostics(context), DIAG_E0913, span, "an einsum has more than %d operands", (int)FRONTEND_OPERANDS);
        return NULL;
    }
    const struct ir_node **nodes = ARENA_ARRAY(arena, n_operands, const struct ir_node *);
    if (!nodes || !source->text || !einsum_parse(context, source->text, length, span, &parsed))
        return NULL;
    struct ir_kernel *kernel = einsum_kernel(context, n_operands, operands, nodes);
    const struct ir_node *node = kernel ? einsum_node(context, &parsed, ring, (uint32_t)n_operands, nodes, NULL, &names) : NULL;
    if (!node)
        return NULL;
    kernel->outputs[0].node = node;
    ir_set_name(context, kernel, node, "out", names, span);
    program->context = context;
    return ARENA_PUSH(arena, program->kernels, program->n_kernels, program->kernels_capacity, kernel) ? program : NULL;
}
