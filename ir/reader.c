/* Reads tensor IR text: the file, its dims, kernels and data blocks. docs/ir.md has the grammar, reader.y its rules.
 *
 * Data blocks are read first, since constants name them from above. Then the parser runs once; each rule calls a function here, in
 * reader_nodes.c or in reader_values.c. A syntax error ends the reading; other mistakes give NULL in place of what they spoil, and
 * what is built of NULL is NULL without further words. Nothing is trusted: what was read is verified before it is handed out. */
#include "reader_internal.h"
#include "reader_parser.h"

#include <string.h>

/* ---- mistakes ---- */

void eir_syntax_error(struct ir_reader *reader, struct eir_token token)
{
    struct diagnostics *diagnostics = ir_diagnostics(reader->context);
    struct diag *diag;
    if (reader->failed)
        return;
    reader->failed = true;
    if (token.length == 0)
        token.span = (struct span){reader->source_number, (uint32_t)reader->source->length, (uint32_t)reader->source->length};
    if (token.span.begin >= reader->source->length)
        diag = diag_error(diagnostics, DIAG_E0701, token.span, "the text of the IR ends too early");
    else
        diag = diag_error(diagnostics, DIAG_E0701, token.span, "`%.*s` cannot stand here",
                          token.length > 40 ? 40 : (int)token.length, token.text);
    diag_help(diagnostics, diag, "docs/ir.md has the grammar");
}

void eir_past_limit(struct ir_reader *reader, const char *limit)
{
    if (!reader->failed)
        diag_error(ir_diagnostics(reader->context), DIAG_E0708,
                   (struct span){reader->source_number, (uint32_t)(reader->cursor - reader->source->text),
                                 (uint32_t)(reader->cursor - reader->source->text)},
                   "%s", limit);
    reader->failed = true;
}

/* ---- data blocks ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint64_t eir_hash(struct eir_token token)
{
    uint64_t hash = 0;
    for (uint32_t k = 1; k < token.length; k++)
        hash = hash << 4 | (uint64_t)hex_digit(token.text[k]);
    return hash;
}

static void add_bytes(struct ir_reader *reader, struct eir_data *data, struct eir_token string)
{
    for (uint32_t k = 1; k + 2 < string.length; k += 2) {
        int high = hex_digit(string.text[k]), low = hex_digit(string.text[k + 1]);
        if (high < 0 || low < 0 || string.length % 2 != 0) {
            diag_error(ir_diagnostics(reader->context), DIAG_E0707, string.span, "a data line holds pairs of digits 0-9 a-f");
            return;
        }
        unsigned char byte = (unsigned char)(high << 4 | low);
        if (!ARENA_PUSH(reader->arena, data->bytes, data->count, data->capacity, byte))
            return;
    }
}

/* All `data #hash "..." "..."` of the text, wherever they stand. Characters that start nothing are left for the parser to find. */
static void read_data(struct ir_reader *reader)
{
    struct eir_token token;
    int type = eir_lex(reader, &token), before = 0;
    struct eir_data *block = NULL;
    for (; type > 0; before = type, type = eir_lex(reader, &token)) {
        if (type == EIR_HASH && before == EIR_DATA) {
            struct eir_data data = {.hash = eir_hash(token), .span = token.span};
            if (!ARENA_PUSH(reader->arena, reader->data, reader->n_data, reader->data_capacity, data))
                return;
            block = &reader->data[reader->n_data - 1];
        } else if (type == EIR_STRING && block) {
            add_bytes(reader, block, token);
        } else {
            block = NULL;
        }
    }
    reader->cursor = reader->source->text;
}

/* ---- the file ---- */

void eir_set_path(struct ir_reader *reader, struct eir_token string)
{
    reader->program->path = eir_string(reader, string);
}

void eir_begin_dim(struct ir_reader *reader, struct eir_token name)
{
    reader->dim = (struct ir_dim){.divisor = 1, .span = name.span};
    reader->dim.name = arena_strndup(reader->arena, name.text, name.length);
}

void eir_dim_typical(struct ir_reader *reader, struct eir_number number)
{
    reader->dim.typical = eir_number(reader, IR_f64, number).re;
    if (!(reader->dim.typical > 0 && reader->dim.typical <= IR_TYPICAL_LARGEST))
        diag_error(ir_diagnostics(reader->context), DIAG_E0706, number.re.token.span, "a typical size is above 0 and below 2^63");
}

void eir_dim_bound(struct ir_reader *reader, struct eir_token number, bool divisor)
{
    int64_t value = 0;
    if (eir_integer(reader, number, &value) && value < 1)
        diag_error(ir_diagnostics(reader->context), DIAG_E0706, number.span, "a bound or divisor is at least 1");
    *(divisor ? &reader->dim.divisor : &reader->dim.bound) = value;
}

/* A dim the context already has is that dim, so that a text can be read back where it was printed. */
void eir_end_dim(struct ir_reader *reader)
{
    struct ir_dim *dim = &reader->dim;
    for (uint32_t k = 0; dim->name && k < ir_dim_count(reader->context); k++) {
        const struct ir_dim *known = ir_dim_at(reader->context, k);
        if (strcmp(known->name, dim->name) != 0)
            continue;
        if (known->typical != dim->typical || known->bound != dim->bound || known->divisor != dim->divisor) {
            struct diag *diag = diag_error(ir_diagnostics(reader->context), DIAG_E0703, dim->span,
                                           "dim `%s` is known with other promises", dim->name);
            diag_note(ir_diagnostics(reader->context), diag, known->span, "declared here");
        }
        return;
    }
    ir_add_dim(reader->context, *dim);
}

/* ---- kernels ---- */

static bool read_class(struct eir_token token, enum ir_numeric_class *numeric_class)
{
    static const char *const names[] = {"exact", "reassoc", "normwise"};
    for (int k = 0; k < 3; k++)
        if (token.length == strlen(names[k]) && memcmp(token.text, names[k], token.length) == 0) {
            *numeric_class = (enum ir_numeric_class)k;
            return true;
        }
    return false;
}

static struct ir_kernel *begin(struct ir_reader *reader, struct eir_token name)
{
    struct ir_kernel *kernel = ARENA_NEW(reader->arena, struct ir_kernel);
    reader->nodes = (struct intern_table){0};
    reader->inputs_capacity = reader->outputs_capacity = 0;
    reader->kernel = kernel;
    if (!kernel) {
        reader->failed = true;
        return NULL;
    }
    kernel->name = arena_strndup(reader->arena, name.text, name.length);
    kernel->span = name.span;
    return kernel;
}

void eir_begin_step(struct ir_reader *reader, struct eir_token name)
{
    struct ir_kernel *step = begin(reader, name);
    if (step)
        step->numeric_class = IR_CLASS_REASSOC;
    for (size_t k = 0; step && step->name && k < reader->n_steps; k++)
        if (strcmp(reader->steps[k]->name, step->name) == 0)
            diag_error(ir_diagnostics(reader->context), DIAG_E0703, name.span, "step `%s` is defined twice", step->name);
    if (step)
        (void)ARENA_PUSH(reader->arena, reader->steps, reader->n_steps, reader->steps_capacity, step);
}

void eir_begin_kernel(struct ir_reader *reader, struct eir_token name, struct eir_token class_name, bool stated)
{
    struct ir_kernel *kernel = begin(reader, name);
    if (!kernel)
        return;
    kernel->class_stated = stated;
    if (!read_class(class_name, &kernel->numeric_class))
        diag_error(ir_diagnostics(reader->context), DIAG_E0702, class_name.span,
                   "`%.*s` is no numeric class: exact, reassoc or normwise", (int)class_name.length, class_name.text);
    for (size_t k = 0; kernel->name && k < reader->program->n_kernels; k++)
        if (strcmp(reader->program->kernels[k]->name, kernel->name) == 0)
            diag_error(ir_diagnostics(reader->context), DIAG_E0703, name.span, "kernel `%s` is defined twice", kernel->name);
}

void eir_end_kernel(struct ir_reader *reader)
{
    struct ir_program *program = reader->program;
    if (ir_status(reader->context) == EINC_OK)
        ir_verify(reader->context, reader->kernel);
    (void)ARENA_PUSH(reader->arena, program->kernels, program->n_kernels, program->kernels_capacity, reader->kernel);
}

void eir_output(struct ir_reader *reader, struct eir_token name, struct eir_token node, const struct eir_token *updates)
{
    int64_t input = -1;
    struct ir_kernel *kernel = reader->kernel;
    struct ir_output output = {.name = arena_strndup(reader->arena, name.text, name.length), .span = name.span};
    output.node = eir_node(reader, node);
    if (updates && !eir_integer(reader, *updates, &input))
        return;
    output.updates = input < READER_OPERANDS ? (uint32_t)(input + 1) : READER_OPERANDS; /* of no input: ir_verify says so */
    size_t count = kernel->n_outputs;
    if (output.node && output.name && ARENA_PUSH(reader->arena, kernel->outputs, count, reader->outputs_capacity, output))
        kernel->n_outputs = (uint32_t)count;
}

void eir_begin_node(struct ir_reader *reader)
{
    reader->temporaries = (struct intern_table){0};
    reader->n_indices = 0;
    reader->in_scope = false;
    reader->index_limit = 0;
    reader->operands = NULL;
    reader->n_operands = 0;
    reader->facts = (struct ir_constant){0};
}

/* Binds the name, and keeps it for the reader of later texts and of emitted code; a number is no name to keep. */
void eir_define(struct ir_reader *reader, struct eir_token name, const struct ir_node *node)
{
    struct eir_binding binding = {.node = node, .span = name.span};
    if (!eir_bind(reader, &reader->nodes, name, binding) || !node)
        return;
    bool number = name.text[1] >= '0' && name.text[1] <= '9', any_index = false;
    for (uint32_t k = 0; k < reader->n_indices; k++)
        any_index = any_index || reader->index_names[k];
    const char *text = number ? NULL : arena_strndup(reader->arena, name.text + 1, name.length - 1);
    ir_set_name(reader->context, reader->kernel, node, text, any_index ? reader->index_names : NULL, name.span);
}

struct ir_program *ir_read(struct ir_context *context, const struct source *source)
{
    if (!context || !source)
        return NULL;
    struct ir_reader reader = {.context = context, .arena = ir_arena(context), .source = source, .cursor = source->text};
    size_t errors_before = ir_diagnostics(context)->n_errors;
    reader.source_number = diag_add_source(ir_diagnostics(context), source);
    reader.program = ARENA_NEW(reader.arena, struct ir_program);
    if (!reader.program)
        return NULL;
    reader.program->context = context;
    if (source->length > READER_BYTES) {
        diag_error(ir_diagnostics(context), DIAG_E0708, SPAN_NONE, "`%s` has more than %d bytes", source->path, READER_BYTES);
        return NULL;
    }
    read_data(&reader);
    eir_parse(&reader);
    bool clean = ir_diagnostics(context)->n_errors == errors_before && !reader.failed && !arena_failed(reader.arena);
    return clean ? reader.program : NULL;
}
