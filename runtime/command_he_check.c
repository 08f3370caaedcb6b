/* einc he-check: is a schedule sound, and what does it count? The work is `schedule_read`. */
#include "command.h"
#include "schedule.h"

#include <inttypes.h>
#include <stdio.h>

void schedule_print_counts(const struct slot_program *program, bool json)
{
    struct slot_counts counts;
    size_t n;
    const struct slot_count_info *infos = slot_count_table(&n);
    slot_count(program, &counts);
    printf(json ? "{\"program\": \"%s\", \"slots\": %" PRId64 ", \"levels\": %" PRIu32 : "%s: slots %" PRId64 ", levels %" PRIu32,
           program->name, program->slots, program->levels);
    for (size_t k = 0; k < n; k++)
        printf(json ? ", \"%s\": %" PRId64 : ", %s %" PRId64, infos[k].name, slot_count_get(&counts, &infos[k]));
    puts(json ? "}" : "");
}

int command_he_check(struct invocation *invocation, int argc, char **argv)
{
    bool json = false;
    const struct option options[] = {{"--json", OPTION_FLAG, &json}};
    if (!options_parse(invocation, argc, argv, options, 1))
        return EXIT_USAGE;
    if (invocation->count != 1)
        return usage_error("he-check needs a schedule");
    const struct slot_program *program = schedule_read(invocation->context, invocation->words[0]);
    if (program)
        schedule_print_counts(program, json);
    return input_finish(invocation, program ? EXIT_DONE : EXIT_INPUT);
}
