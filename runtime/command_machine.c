/* einc machine: the description of the machine it runs on, in the form --target=FILE reads: features as the processor states them,
 * caches as the system does, rates measured. With --target it prints that description instead, and measures nothing. */
#include "command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool describe(struct invocation *invocation, struct machine *machine)
{
    struct cpu_features features = cpu_features();
    if (invocation->target)
        return input_target(invocation) && (*machine = invocation->compile.passes.machine, true);
    *machine = *machine_find(features.target);
    machine->name = arena_printf(ir_arena(invocation->context), "measured-%s", features.target);
    machine->vector_bytes = features.vector_bytes;
    machine->vector_registers = features.vector_registers;
    machine->has_fma = features.has_fma;
    machine->has_masks = features.has_masks;
    caches_describe(machine);
    return machine->name && measure_rates(machine);
}

static json_t *json_value(const struct machine *machine, const struct machine_field *field)
{
    double value = machine_value(machine, field);
    if (field->kind == MACHINE_FLAG)
        return json_boolean(value != 0);
    return field->kind == MACHINE_COUNT ? json_integer((json_int_t)value) : json_real(value);
}

static bool put_json(struct text *text, const struct machine *machine)
{
    size_t count;
    const struct machine_field *fields = machine_field_table(&count);
    json_t *root = json_pack("{s:s}", "name", machine->name);
    for (size_t k = 0; k < count && root; k++)
        json_object_set_new(root, fields[k].name, json_value(machine, &fields[k]));
    char *printed = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    if (printed)
        text_printf(text, "%s\n", printed);
    free(printed);
    json_decref(root);
    return printed != NULL;
}

int command_machine(struct invocation *invocation, int argc, char **argv)
{
    bool json = false;
    const char *output = "-";
    const struct option options[] = {{"--json", OPTION_FLAG, &json}, {"-o", OPTION_TEXT, &output}};
    if (!options_parse(invocation, argc, argv, options, 2))
        return EXIT_USAGE;
    if (invocation->count)
        return usage_error("machine takes no file; --target=FILE prints what one describes");
    struct machine machine;
    struct text text = text_create(ir_arena(invocation->context));
    if (!describe(invocation, &machine))
        return input_finish(invocation, invocation->target ? EXIT_INPUT : EXIT_LIMIT);
    if (!json)
        machine_print(&text, &machine);
    else if (!put_json(&text, &machine))
        return input_finish(invocation, EXIT_LIMIT);
    const char *printed = text_finish(&text);
    if (printed && strcmp(output, "-") == 0)
        fputs(printed, stdout);
    else if (!printed || !file_write(invocation->context, output, printed, text.length))
        return input_finish(invocation, printed ? EXIT_INPUT : EXIT_LIMIT);
    return input_finish(invocation, EXIT_DONE);
}
