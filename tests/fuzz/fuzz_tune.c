/* Any bytes through the reader of tuned choices: choices or a diagnostic, and what was read is printed and read again as the
 * same. The target is avx512, whose key is in the dictionary: choices for other targets are dropped. */
#include "ir/ir.h"
#include "passes/passes.h"

#include <string.h>

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool same_choices(const struct tile_choice *a, const struct tile_choice *b)
{
    for (uint32_t k = 0; k < a->n_axes && a->n_axes == b->n_axes; k++)
        if (a->cuts[k].tile != b->cuts[k].tile || a->cuts[k].block != b->cuts[k].block)
            return false;
    return a->n_axes == b->n_axes && a->lane == b->lane && a->lanes == b->lanes && !memcmp(a->pack, b->pack, sizeof a->pack);
}

static void print(struct arena *arena, struct text *text, const struct pass_tuned *tuned)
{
    const char **indices = ARENA_ARRAY(arena, tuned->choice.n_axes, const char *);
    check(indices != NULL);
    for (uint32_t k = 0; k < tuned->choice.n_axes; k++)
        indices[k] = "i";
    tune_print(text, tuned, indices);
}

static void check_again(struct ir_context *context, const struct machine *machine, const struct pass_tuning *tuning)
{
    struct arena *arena = ir_arena(context);
    struct text text = text_create(arena);
    tune_print_head(&text, machine, 0);
    for (size_t k = 0; k < tuning->count; k++)
        print(arena, &text, &tuning->items[k]);
    struct source *source = ARENA_NEW(arena, struct source);
    check(source != NULL);
    *source = (struct source){"again.tune", text_finish(&text), text.length};
    const struct pass_tuning *again = tune_read(context, source, machine, 0);
    check(again && again->count == tuning->count);
    for (size_t k = 0; k < tuning->count; k++) {
        const struct pass_tuned *one = &tuning->items[k], *two = &again->items[k];
        check(!strcmp(one->kernel, two->kernel) && !strcmp(one->tensor, two->tensor) && one->key == two->key);
        check(same_choices(&one->choice, &two->choice));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ir_context *context = ir_context_create(NULL);
    struct diagnostics *diagnostics = ir_diagnostics(context);
    const struct machine *machine = machine_find("avx512");
    struct text text = text_create(ir_arena(context));
    const struct source source = {"fuzz.tune", arena_strndup(ir_arena(context), (const char *)data, size), size};
    const struct pass_tuning *tuning = tune_read(context, &source, machine, 0);
    check(!tuning == (diagnostics->n_errors > 0));
    if (tuning) {
        check_again(context, machine, tuning);
        tune_warn_unused(context, tuning);
    }
    diag_print(&text, diagnostics, false); /* places lie within the text */
    ir_context_destroy(context);
    return 0;
}
