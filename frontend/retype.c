/* Other types for the tensors of a source: where each declaration says its element type, the new one is written; a let that says
 * none gets a type behind its name, casts to floats are left out. All else stays, comments and layout too. Nothing is checked here:
 * whoever reads the new text does that. */
#include <string.h>
#include "parse.h"
#include "grammar_parser.h"

struct retyping {
    struct arena *arena;
    frontend_retype_function *ask;
    void *user;
    struct frontend_edits *edits;
    bool good;
};

static void replace(struct retyping *retyping, struct span span, const char *text)
{
    retyping->good = retyping->good && frontend_edit(retyping->arena, retyping->edits, span.begin, span.end, text);
}

static void insert_behind(struct retyping *retyping, struct span span, const char *text)
{
    replace(retyping, (struct span){span.source, span.end, span.end}, text);
}

static void retype_declared(struct retyping *retyping, const char *kernel, const struct ast_name *name, const struct ast_type *type,
                            const struct ast_name *file)
{
    struct frontend_new_type wanted = retyping->ask(retyping->user, kernel, name->text);
    if (wanted.element)
        replace(retyping, type->element.span, wanted.element);
    if (wanted.element && wanted.scale)
        insert_behind(retyping, type->span, arena_printf(retyping->arena, " scale(%s)", wanted.scale));
    if (wanted.file && file && file->text)
        replace(retyping, file->span, wanted.file);
}

static void retype_let(struct retyping *retyping, const char *kernel, const struct ast_statement *statement)
{
    const struct ast_target *target = statement->targets;
    if (!target || target->next) /* several results have the types of their kernel */
        return;
    if (statement->type) {
        retype_declared(retyping, kernel, &target->name, statement->type, NULL);
        return;
    }
    struct frontend_new_type wanted = retyping->ask(retyping->user, kernel, target->name.text);
    if (wanted.element)
        insert_behind(retyping, target->span,
                      wanted.scale ? arena_printf(retyping->arena, ": %s scale(%s)", wanted.element, wanted.scale)
                                   : arena_printf(retyping->arena, ": %s", wanted.element));
}

/* What is called for each word of a real float type; `next` is the token behind it. */
typedef bool take_word(struct parser *parser, struct token word, struct token next, struct frontend_edits *edits);

static bool each_float_word(struct ir_context *context, const struct source *source, uint32_t number, take_word *take,
                            struct frontend_edits *edits)
{
    static const char *const floats[] = {"f32", "f64", "f16", "bf16"};
    struct parser parser = {.context = context,
                            .arena = ir_arena(context),
                            .diagnostics = ir_diagnostics(context),
                            .source_number = number,
                            .text = source->text,
                            .length = (uint32_t)source->length};
    bool good = true;
    lexer_read(&parser);
    for (size_t k = 0; k + 1 < parser.n_tokens && good; k++) {
        struct token token = parser.tokens[k];
        for (size_t n = 0; token.kind == TOKEN_ELEMENT && n < sizeof floats / sizeof *floats; n++)
            if (strlen(floats[n]) == token.end - token.begin &&
                memcmp(floats[n], parser.text + token.begin, strlen(floats[n])) == 0)
                good = take(&parser, token, parser.tokens[k + 1], edits);
    }
    return good && ir_status(context) == EINC_OK;
}

/* A cast from one float to another says nothing where values are exact. */
static bool drop_cast(struct parser *parser, struct token word, struct token next, struct frontend_edits *edits)
{
    return next.kind != TOKEN_LPAREN || frontend_edit(parser->arena, edits, word.begin, word.end, "");
}

static bool widen(struct parser *parser, struct token word, struct token next, struct frontend_edits *edits)
{
    (void)next;
    return frontend_edit(parser->arena, edits, word.begin, word.end, "f64");
}

bool frontend_retype(struct ir_context *context, const struct source *source, frontend_retype_function *ask, void *user,
                     struct frontend_edits *edits)
{
    struct retyping retyping = {ir_arena(context), ask, user, edits, true};
    uint32_t number = diag_add_source(ir_diagnostics(context), source);
    const struct ast_file *file = parse_file(context, number);
    if (!file)
        return false;
    for (const struct ast_constant *constant = file->constants; constant; constant = constant->next)
        retype_declared(&retyping, NULL, &constant->name, constant->type, &constant->file);
    for (const struct ast_kernel *kernel = file->kernels; kernel; kernel = kernel->next) {
        const char *name = kernel->name.text;
        for (const struct ast_param *input = kernel->inputs; input; input = input->next)
            retype_declared(&retyping, name, &input->name, input->type, NULL);
        for (const struct ast_param *output = kernel->outputs; output; output = output->next)
            retype_declared(&retyping, name, &output->name, output->type, NULL);
        for (const struct ast_statement *statement = kernel->body; statement; statement = statement->next)
            if (statement->kind == AST_LET)
                retype_let(&retyping, name, statement);
    }
    return retyping.good && each_float_word(context, source, number, drop_cast, edits);
}

bool frontend_widen(struct ir_context *context, const struct source *source, struct frontend_edits *edits)
{
    return each_float_word(context, source, diag_add_source(ir_diagnostics(context), source), widen, edits);
}
