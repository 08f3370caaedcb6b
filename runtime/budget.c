/* What a program may take of a machine whose memory is known: that it is known, and that it suffices.
 *
 * Flash is counted as `passes/footprint.c` estimates it, so that the same program is kept or refused wherever it is compiled; RAM
 * is scratch and local arrays, exactly. Where tables and code are too much the program is compiled once more, for short code and
 * few tables, before it is refused. */
#include "runtime.h"

#include <inttypes.h>

static bool count_flash(const struct compiled *compiled, struct pass_tables *tables, int64_t *code)
{
    *code = 0;
    for (size_t k = 0; k < compiled->n_kernels; k++) {
        struct pass_footprint footprint;
        if (!pass_footprint(&compiled->kernels[k], tables, &footprint))
            return false;
        *code += footprint.code;
    }
    return true;
}

bool budget_needs_less(const struct compiled *compiled, const struct pass_options *passes)
{
    struct pass_tables tables = {0};
    int64_t code;
    return passes->flash_limit && count_flash(compiled, &tables, &code) && code + pass_tables_bytes(&tables) > passes->flash_limit;
}

static bool keep_flash(const struct compiled *compiled, const struct pass_options *passes)
{
    struct pass_tables tables = {0};
    int64_t code;
    if (!passes->flash_limit)
        return true;
    if (!count_flash(compiled, &tables, &code))
        return false;
    int64_t bytes = pass_tables_bytes(&tables);
    if (code + bytes <= passes->flash_limit)
        return true;
    struct diagnostics *diagnostics = ir_diagnostics(compiled->context);
    struct diag *diag =
        diag_error(diagnostics, DIAG_E0941, compiled->n_kernels == 1 ? compiled->program->kernels[0]->span : SPAN_NONE,
                   "the program needs more flash than %" PRId64 " bytes", passes->flash_limit);
    const struct pass_table *largest = NULL;
    for (size_t k = 0; k < tables.count; k++)
        largest = largest && largest->bytes >= tables.items[k].bytes ? largest : &tables.items[k];
    diag_label(diagnostics, diag, "%" PRId64 " bytes: %" PRId64 " of tables and about %" PRId64 " of code", code + bytes, bytes,
               code);
    if (largest)
        diag_help(diagnostics, diag,
                  "the largest table%s%s%s has %zu bytes: write it with structure (lowrank, monarch, blockdiag), allow an error "
                  "(`within`), or take a narrower type",
                  largest->name ? ", `" : "", largest->name ? largest->name : "", largest->name ? "`," : "", largest->bytes);
    return false;
}

static bool keep_ram(const struct compiled *compiled, size_t kernel, const struct pass_options *passes)
{
    const struct loop_function *loops = compiled->kernels[kernel].loops;
    struct pass_tables tables = {0};
    struct pass_footprint footprint;
    if (!passes->ram_limit)
        return true;
    if (!pass_footprint(&compiled->kernels[kernel], &tables, &footprint))
        return false;
    double scratch = poly_estimate(loops->workspace, ir_typical_sizes(compiled->context), NULL);
    if (scratch + (double)footprint.arrays <= (double)passes->ram_limit)
        return true;
    struct diagnostics *diagnostics = ir_diagnostics(compiled->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0921, compiled->program->kernels[kernel]->span,
                                   "`%s` needs more RAM than %" PRId64 " bytes", loops->name, passes->ram_limit);
    diag_label(diagnostics, diag, "%.0f bytes of scratch and %" PRId64 " of local arrays", scratch, footprint.arrays);
    diag_help(diagnostics, diag, "allow %.0f bytes, or split the kernel", scratch + (double)footprint.arrays);
    return false;
}

/* Scratch of a size that only the caller knows cannot be planned for. */
static bool keep_known(const struct compiled *compiled, size_t kernel)
{
    const struct loop_function *loops = compiled->kernels[kernel].loops;
    struct diagnostics *diagnostics = ir_diagnostics(compiled->context);
    int64_t most;
    if (loop_most_workspace(compiled->context, loops, &most))
        return true;
    struct diag *diag = diag_error(diagnostics, DIAG_E0845, compiled->program->kernels[kernel]->span,
                                   "the scratch memory of `%s` has no bound that is known beforehand", loops->name);
    for (uint32_t k = 0; k < loops->n_dims; k++)
        if (!ir_dim_at(compiled->context, loops->dims[k])->bound) {
            const char *name = ir_dim_at(compiled->context, loops->dims[k])->name;
            diag_help(diagnostics, diag,
                      "declare the most that %s can be, `dim %s <= 100`, or build for one size with --dims %s=100", name, name,
                      name);
            return false;
        }
    diag_help(diagnostics, diag, "build for one size with --dims");
    return false;
}

bool budget_kept(const struct compiled *compiled, const struct pass_options *passes)
{
    bool kept = keep_flash(compiled, passes);
    for (size_t k = 0; k < compiled->n_kernels; k++)
        kept &= keep_ram(compiled, k, passes) && (!passes->machine.freestanding || keep_known(compiled, k));
    return kept;
}
