/* einc he-run: a schedule on .npy arrays, in clear slots. What its layouts say of the output is checked: every copy of an element
 * and every zero. */
#include "command.h"
#include "schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of copies that should be equal, relative to the largest output: sums in another order differ by a few roundings. */
static const double spread_allowed = 1e-9;

static struct slot_port *find_port(struct slot_port *ports, size_t n, const char *name)
{
    for (size_t k = 0; k < n; k++)
        if (!strcmp(ports[k].name, name))
            return &ports[k];
    return NULL;
}

static const char *port_names(struct arena *arena, const struct slot_port *ports, size_t n)
{
    struct text names = text_create(arena);
    for (size_t k = 0; k < n; k++)
        text_printf(&names, "%s`%s`", k ? ", " : "", ports[k].name);
    return text_finish(&names);
}

static bool no_port(struct invocation *invocation, const char *what, const char *word, const struct slot_port *ports, size_t n)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0808, SPAN_NONE, "`%s` gives no %s of the schedule, or one twice", word, what);
    const char *names = port_names(ir_arena(invocation->context), ports, n);
    diag_help(diagnostics, diag, "it has %s", names ? names : "");
    return false;
}

static bool has_shape(const struct ir_tensor *tensor, const struct slot_layout *layout)
{
    bool same = tensor->rank == layout->n_dims;
    for (uint32_t k = 0; same && k < layout->n_dims; k++)
        same = tensor->shape[k] == layout->dims[k].extent;
    return same;
}

static const double *as_doubles(struct invocation *invocation, const struct slot_port *port, const struct ir_tensor *tensor)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    struct text shape = text_create(ir_arena(invocation->context));
    for (uint32_t k = 0; k < port->layout->n_dims; k++)
        text_printf(&shape, "%s%" PRId64, k ? ", " : "", port->layout->dims[k].extent);
    const char *shown = text_finish(&shape);
    if (!has_shape(tensor, port->layout) || ir_elem_is_complex(tensor->elem)) {
        diag_error(diagnostics, DIAG_E0807, SPAN_NONE, "`%s` is real, of shape [%s]", port->name, shown ? shown : "");
        return NULL;
    }
    size_t count = (size_t)slot_layout_elements(port->layout);
    double *data = ARENA_ARRAY(ir_arena(invocation->context), count, double);
    for (size_t k = 0; k < count && data; k++) {
        struct ir_number number = ir_number_load(tensor->elem, tensor->data, k);
        data[k] = ir_elem_is_float(tensor->elem) ? number.re : (double)number.i;
    }
    return data;
}

static const double **read_inputs(struct invocation *invocation, const struct slot_program *program)
{
    struct ir_context *context = invocation->context;
    const double **inputs = ARENA_ARRAY(ir_arena(context), program->n_inputs, const double *);
    for (int k = 1; k < invocation->count && inputs; k++) {
        const char *name, *path;
        struct ir_tensor tensor;
        struct slot_port *port = option_pair(invocation, invocation->words[k], &name, &path)
                                     ? find_port(program->inputs, program->n_inputs, name)
                                     : NULL;
        if (!port || inputs[port - program->inputs])
            return no_port(invocation, "input", invocation->words[k], program->inputs, program->n_inputs), NULL;
        if (!npy_read(context, path, SPAN_NONE, &tensor) ||
            !(inputs[port - program->inputs] = as_doubles(invocation, port, &tensor)))
            return NULL;
    }
    for (size_t k = 0; k < program->n_inputs && inputs; k++)
        if (!inputs[k]) {
            diag_error(ir_diagnostics(context), DIAG_E0808, SPAN_NONE, "input `%s` has no array", program->inputs[k].name);
            return NULL;
        }
    return inputs;
}

static struct ir_tensor *make_outputs(struct arena *arena, const struct slot_program *program, double **data)
{
    struct ir_tensor *tensors = ARENA_ARRAY(arena, program->n_outputs, struct ir_tensor);
    for (size_t k = 0; k < program->n_outputs && tensors; k++) {
        const struct slot_layout *layout = program->outputs[k].layout;
        int64_t *shape = ARENA_ARRAY(arena, layout->n_dims, int64_t);
        data[k] = ARENA_ARRAY(arena, (size_t)slot_layout_elements(layout), double);
        if (!shape || !data[k])
            return NULL;
        for (uint32_t d = 0; d < layout->n_dims; d++)
            shape[d] = layout->dims[d].extent;
        tensors[k] = (struct ir_tensor){IR_f64, layout->n_dims, shape, data[k]};
    }
    return tensors;
}

static bool write_outputs(struct invocation *invocation, const struct slot_program *program, const struct option_list *words,
                          const struct ir_tensor *tensors)
{
    struct file_content *files = ARENA_ARRAY(ir_arena(invocation->context), words->count, struct file_content);
    bool *given = ARENA_ARRAY(ir_arena(invocation->context), program->n_outputs, bool);
    if (!files || !given)
        return false;
    for (size_t k = 0; k < words->count; k++) {
        const char *name, *path = words->items[k];
        struct slot_port *port = option_pair(invocation, words->items[k], &name, &path)
                                     ? find_port(program->outputs, program->n_outputs, name)
                                     : (program->n_outputs == 1 ? program->outputs : NULL);
        if (!port || given[port - program->outputs])
            return no_port(invocation, "output", words->items[k], program->outputs, program->n_outputs);
        given[port - program->outputs] = true;
        files[k].path = path;
        if (!npy_encode(invocation->context, &tensors[port - program->outputs], &files[k].bytes, &files[k].length))
            return false;
    }
    return file_write_all(invocation->context, files, words->count);
}

static void print_outputs(struct invocation *invocation, const struct slot_program *program, const struct ir_tensor *tensors)
{
    for (size_t k = 0; k < program->n_outputs; k++) {
        struct text text = text_create(ir_arena(invocation->context));
        if (program->n_outputs > 1)
            text_printf(&text, "%s =\n", program->outputs[k].name);
        array_print(&text, &tensors[k]);
        const char *shown = text_finish(&text);
        fputs(shown ? shown : "", stdout);
    }
}

static int run(struct invocation *invocation, const struct slot_program *program, const struct option_list *words, bool json)
{
    struct arena *arena = ir_arena(invocation->context);
    const double **inputs = read_inputs(invocation, program);
    double **data = ARENA_ARRAY(arena, program->n_outputs, double *), spread = 0;
    struct ir_tensor *tensors = inputs && data ? make_outputs(arena, program, data) : NULL;
    if (!tensors)
        return EXIT_INPUT;
    enum einc_status status = slot_eval(program, inputs, data, &spread);
    if (status != EINC_OK)
        return EXIT_LIMIT;
    if (!(spread <= spread_allowed)) {
        fprintf(stderr, "einc: places that hold one element, or zero, differ by %.3g of the largest output\n", spread);
        return EXIT_CHECK;
    }
    if (!write_outputs(invocation, program, words, tensors))
        return EXIT_INPUT;
    if (!words->count)
        print_outputs(invocation, program, tensors);
    schedule_print_counts(program, json);
    return EXIT_DONE;
}

int command_he_run(struct invocation *invocation, int argc, char **argv)
{
    bool json = false;
    struct option_list outputs = {0};
    const struct option options[] = {{"--json", OPTION_FLAG, &json}, {"-o", OPTION_LIST, &outputs}};
    if (!options_parse(invocation, argc, argv, options, 2))
        return EXIT_USAGE;
    if (invocation->count < 1)
        return usage_error("he-run needs a schedule");
    const struct slot_program *program = schedule_read(invocation->context, invocation->words[0]);
    return input_finish(invocation, program ? run(invocation, program, &outputs, json) : EXIT_INPUT);
}
