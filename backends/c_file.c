/* Comments and layout of an emitted .c file.
 *
 * Text of the source stands in comments only after `c_comment`: on one line, without anything that would end or nest a comment, or
 * become a trigraph. The head of each kernel gives its equations with their places, the sizes of the indices, the work and the
 * scratch memory. The kernels are written first; then it is known which headers, helpers and tables the file needs. */
#include "backends_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { HEAD_WIDTH = 116 };

const char *c_comment(struct arena *arena, const char *text, size_t length)
{
    struct text out = text_create(arena);
    bool space = false;
    for (size_t k = 0; k < length; k++) {
        unsigned char c = (unsigned char)text[k];
        if (isspace(c)) {
            space = out.length > 0;
            continue;
        }
        char last = out.data && out.length ? out.data[out.length - 1] : '\0';
        bool ends = !space && ((last == '*' && c == '/') || (last == '/' && c == '*') || (last == '?' && c == '?'));
        if (space || ends)
            text_put(&out, " ");
        space = false;
        size_t shown = diag_shown_length(text + k, length - k);
        if (shown)
            text_put_bytes(&out, text + k, shown);
        else
            text_put(&out, "_");
        k += shown ? shown - 1 : 0;
    }
    return text_finish(&out);
}

const char *c_source_name(struct c_file *file)
{
    const char *path = file->program->path;
    const char *name = path && strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    return name ? c_comment(file->arena, name, strlen(name)) : "a program in memory";
}

/* 32,768 */
static void put_grouped(struct text *text, int64_t value)
{
    if (value >= 1000) {
        put_grouped(text, value / 1000);
        text_printf(text, ",%03" PRId64, value % 1000);
    } else {
        text_printf(text, "%" PRId64, value);
    }
}

static void put_amount(struct c_file *file, struct text *text, const struct poly *amount)
{
    int64_t value;
    if (poly_is_constant(amount, &value))
        put_grouped(text, value);
    else
        poly_print(text, file->context, amount, POLY_SOURCE, NULL, 0);
}

/* ---- equations ---- */

/* Does the place hold an assignment, and no declaration or expression inside one? */
static bool is_statement(struct c_kernel *kernel, struct span span)
{
    const struct source *source = ir_diagnostics(kernel->file->context)->sources[span.source];
    return memchr(source->text + span.begin, '=', span.end - span.begin) != NULL;
}

/* Statements of the source in order of their place, each once. */
static struct span *statement_spans(struct c_kernel *kernel, size_t *count)
{
    const struct ir_kernel *source = kernel->source->source;
    struct span *spans = NULL;
    size_t capacity = 0;
    *count = 0;
    for (size_t k = 0; source && k < source->n_names; k++) {
        struct span span = source->names[k].span;
        enum ir_op op = source->names[k].node->op;
        if (span.source == UINT32_MAX || span.end <= span.begin || op == IR_input_node || op == IR_const_node ||
            !is_statement(kernel, span))
            continue;
        size_t at = 0;
        while (at < *count && spans[at].begin < span.begin)
            at++;
        if (at < *count && spans[at].begin == span.begin)
            continue;
        if (!ARENA_PUSH(kernel->file->arena, spans, *count, capacity, span))
            return NULL;
        for (size_t move = *count - 1; move > at; move--)
            spans[move] = spans[move - 1];
        spans[at] = span;
    }
    return spans;
}

static void put_equation(struct c_kernel *kernel, struct text *text, struct span span)
{
    struct diagnostics *diagnostics = ir_diagnostics(kernel->file->context);
    const struct source *source = diagnostics->sources[span.source];
    const char *equation = c_comment(kernel->file->arena, source->text + span.begin, span.end - span.begin), *path;
    uint32_t line = 0, column = 0;
    size_t length = equation ? strlen(equation) : 0;
    text_put(text, equation ? equation : "");
    if (!diag_locate(diagnostics, span, &path, &line, &column))
        return;
    for (size_t k = length; k < 56; k++)
        text_put(text, " ");
    text_printf(text, "  %s:%" PRIu32, c_source_name(kernel->file), line);
}

/* ---- sizes ---- */

struct size {
    const char *name;
    const struct poly *extent;
};

struct sizes {
    struct size *items;
    size_t count, capacity;
};

static void add_size(struct arena *arena, struct sizes *sizes, const char *name, const struct poly *extent)
{
    for (size_t k = 0; k < sizes->count; k++)
        if (!strcmp(sizes->items[k].name, name) && sizes->items[k].extent == extent)
            return;
    struct size size = {name, extent};
    ARENA_PUSH(arena, sizes->items, sizes->count, sizes->capacity, size);
}

static void put_sizes(struct c_kernel *kernel, struct text *text)
{
    const struct ir_kernel *source = kernel->source->source;
    struct sizes sizes = {0};
    for (size_t k = 0; source && k < source->n_names; k++) {
        const struct ir_name *name = &source->names[k];
        if (name->span.source == UINT32_MAX || !name->index_names)
            continue;
        for (uint32_t i = 0; i < name->node->n_indices; i++)
            if (name->index_names[i])
                add_size(kernel->file->arena, &sizes, name->index_names[i], name->node->extents[i]);
    }
    for (size_t k = 0; k < sizes.count; k++) {
        text_printf(text, "%s%s ", k ? ", " : "", c_comment(kernel->file->arena, sizes.items[k].name, strlen(sizes.items[k].name)));
        poly_print(text, kernel->file->context, sizes.items[k].extent, POLY_SOURCE, NULL, 0);
    }
    text_put(text, sizes.count ? "\n * " : "");
}

/* One fact of the work; a line that would be too long begins anew. */
static void put_fact(struct text *text, size_t *column, const char *fact)
{
    size_t length = fact ? strlen(fact) : 0;
    if (*column && *column + length + 2 > HEAD_WIDTH) {
        text_put(text, ";\n * ");
        *column = 0;
    }
    text_printf(text, "%s%s", *column ? "; " : "", fact ? fact : "");
    *column += length + 2;
}

static const char *amount_text(struct c_kernel *kernel, const struct poly *amount, const char *after)
{
    struct text text = text_create(kernel->file->arena);
    put_amount(kernel->file, &text, amount);
    text_put(&text, after);
    return text_finish(&text);
}

static void put_work(struct c_kernel *kernel, struct text *text)
{
    const struct ir_work *work = &kernel->loops->work;
    const struct poly *naive = kernel->source->flops_naive;
    size_t column = 0;
    if (work->flops) {
        put_fact(text, &column, amount_text(kernel, work->flops, " flops"));
        if (naive && naive != work->flops)
            put_fact(text, &column, amount_text(kernel, naive, " as written"));
    }
    if (work->functions && !poly_equals(work->functions, 0))
        put_fact(text, &column, amount_text(kernel, work->functions, " function calls"));
    if (!c_has_workspace(kernel))
        put_fact(text, &column, "no scratch");
    else if (c_workspace_is_constant(kernel))
        put_fact(text, &column, amount_text(kernel, kernel->loops->workspace, " bytes of scratch"));
    else
        put_fact(text, &column, arena_printf(kernel->file->arena, "%s_workspace_bytes(...) bytes of scratch", kernel->name));
}

/* Its numbers are no longer those of the source: how near they are, the reader has to know. */
static void put_finding(struct c_kernel *kernel, struct text *text, const struct backend_finding *finding)
{
    struct arena *arena = kernel->file->arena;
    text_printf(text, "\n * %s,", c_comment(arena, finding->finding, strlen(finding->finding)));
    text_printf(text, "\n *     %s", c_comment(arena, finding->certificate, strlen(finding->certificate)));
}

void c_put_source(struct c_kernel *kernel, struct text *text)
{
    size_t count;
    const struct span *spans = statement_spans(kernel, &count);
    const char *derivation = kernel->source->source ? kernel->source->source->derivation : NULL;
    if (derivation)
        text_printf(text, "%s\n * ", c_comment(kernel->file->arena, derivation, strlen(derivation)));
    for (size_t k = 0; spans && k < count; k++) {
        put_equation(kernel, text, spans[k]);
        text_put(text, "\n * ");
    }
    if (count == 0 && !derivation)
        text_printf(text, "%s: ", kernel->name);
    put_sizes(kernel, text);
    put_work(kernel, text);
    for (size_t k = 0; k < kernel->source->n_findings; k++)
        put_finding(kernel, text, &kernel->source->findings[k]);
}

/* ---- the file ---- */

/* gcc before 14 (12.4, 13.3, where it was mended later) loses the permutation of vectors that are loaded under a mask (GCC bug
 * 114375). Such loads come of turning conditions into masks, so that is left undone. Its wrong permutations of eight doubles come
 * of vectors of 64 bytes of its own making, so it is asked for shorter ones. c_masks.c says when. */
static void put_guards(const struct c_file *file, struct text *text)
{
    text_put(text, "#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 14\n");
    if (file->guards_masks)
        text_put(text,
                 "#pragma GCC optimize(\"no-tree-loop-if-convert\") /* GCC bug 114375: wrong elements from masked loads */\n");
    text_put(text, "#ifdef __AVX512F__\n"
                   "#pragma GCC target(\"prefer-vector-width=256\") /* some permutations of 8 doubles are wrong */\n"
                   "#endif\n"
                   "#endif\n\n");
}

static bool has_exact_kernel(const struct c_file *file)
{
    bool exact = false;
    for (size_t k = 0; k < file->program->n_kernels; k++) {
        const struct ir_kernel *source = file->kernels[k].loops->kernel;
        exact = exact || (source && source->numeric_class == IR_CLASS_EXACT);
    }
    return exact;
}

/* gcc knows no STDC pragma, and would fuse under -ffp-contract=fast or in GNU C, clang by default. What other kernels fuse is
 * spelled, so it does no harm to them. */
static void put_exactness(struct text *text)
{
    text_put(text, "/* A product is rounded before it is added: exact kernels are computed as written. */\n"
                   "#if defined(__clang__)\n"
                   "#pragma STDC FP_CONTRACT OFF\n"
                   "#elif defined(__GNUC__)\n"
                   "#pragma GCC optimize(\"fp-contract=off\")\n"
                   "#endif\n\n");
}

/* `functions`: what all that follows is. */
static void put_head(struct c_file *file, struct text *text, const char *functions)
{
    const struct backend_options *options = file->options;
    const char *called = options->freestanding ? c_math_calls(file, functions) : NULL;
    const char *base = c_comment(file->arena, file->program->basename, strlen(file->program->basename));
    text_printf(text, "/* %s.c: made by einc from %s; change that file instead of this one.\n", base, c_source_name(file));
    text_printf(text, " * C99, %s: no allocation, nothing written outside the arguments%s.",
                options->static_workspace ? "not re-entrant" : "re-entrant",
                options->static_workspace ? " and the workspace, which is an object of this file" : "");
    if (options->freestanding)
        text_printf(text, "\n * Calls %s%s.", called ? "of <math.h> " : "nothing", called ? called : "");
    if (file->options->target)
        text_printf(text, "\n * Made for the target %s.",
                    c_comment(file->arena, file->options->target, strlen(file->options->target)));
    text_put(text, " */\n");
    if (file->options->standalone) {
        c_put_include(file, text, "stddef.h");
        c_put_include(file, text, "stdint.h");
    } else
        text_printf(text, "#include \"%s.h\"\n", base);
    text_put(text, "\n");
    if (file->uses_math) {
        c_put_include(file, text, "math.h");
        text_put(text, "\n");
    }
    if (has_exact_kernel(file))
        put_exactness(text);
    if (file->guards_permutations)
        put_guards(file, text);
    if (options->freestanding)
        c_put_no_calls(text);
}

/* What may not be called is named. */
static void refuse_math(struct c_file *file, const char *functions)
{
    const char *called = c_math_calls(file, functions);
    struct diagnostics *diagnostics = ir_diagnostics(file->context);
    if (!called)
        return;
    const struct ir_kernel *source = file->program->n_kernels == 1 ? file->kernels[0].source->source : NULL;
    struct diag *diag = diag_error(diagnostics, DIAG_E0846, source ? source->span : SPAN_NONE,
                                   "the code would call %s of <math.h>, which --math=none does not allow", called);
    diag_help(diagnostics, diag, "relu, abs of integers, min, max and products need no function; or allow --math=libm");
}

static void put_kernel(struct c_kernel *kernel, struct text *text)
{
    const struct backend_options *options = kernel->file->options;
    c_put_static_workspace(kernel, text);
    text_put(text, "/* ");
    c_put_source(kernel, text);
    text_put(text, " */\n");
    if (options->standalone) {
        struct text body = text_create(kernel->file->arena);
        c_put_body(kernel, &body);
        c_put_workspace(kernel, text);
        c_put_entry_around(kernel, text, text_finish(&body));
        return;
    }
    c_put_signature(kernel, text, false);
    text_put(text, "\n");
    c_put_body(kernel, text);
    if (options->entry)
        c_put_entry(kernel, text);
}

void c_put_file(struct c_file *file, struct text *text)
{
    struct text kernels = text_create(file->arena);
    for (size_t k = 0; k < file->program->n_kernels; k++) {
        text_put(&kernels, k ? "\n" : "");
        put_kernel(&file->kernels[k], &kernels);
    }
    c_put_codelets(file, &kernels);
    struct text tables = text_create(file->arena), declarations = text_create(file->arena);
    c_put_tables(file, &tables);
    c_put_table_declarations(file, &declarations);
    struct text functions = text_create(file->arena);
    c_put_vectors(file, &functions);
    c_put_codelet_heads(file, &functions);
    c_put_helpers(file, &functions);
    c_put_saturations(file, &functions);
    c_put_dots(file, &functions);
    text_put(&functions, text_finish(&kernels));
    const char *finished = text_finish(&functions);
    if (file->options->no_math)
        refuse_math(file, finished);
    put_head(file, text, finished);
    text_put(text, text_finish(&declarations));
    text_put(text, finished);
    if (file->options->freestanding)
        c_put_calls_again(text);
    text_put(text, text_finish(&tables));
}
