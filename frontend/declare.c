/* From a source to a program: parse, declare what stands at file level, then lower the body of each kernel.
 *
 * Mistakes do not end the reading: a declaration that failed stays known as failed, so that its uses are not reported; a kernel
 * with a syntax error inside, or a wrong head, is not lowered. */
#include <string.h>
#include "declare_internal.h"
#include "formula.h"
#include "steps.h"

static const struct frontend_options no_options;

/* What an operator is made of is looked up where it is used. */
static void declare_operators(struct resolver *resolver)
{
    for (struct ast_operator *ast = resolver->file->operators; ast; ast = ast->next) {
        struct symbol *symbol = scope_add(resolver, resolver->scope, SYMBOL_OPERATOR, &ast->name);
        if (symbol)
            symbol->data = ast;
    }
}

/* One side of a signature. `scope` holds the kernel's names, to find one that stands twice. */
static bool read_parameters(struct resolver *resolver, struct scope *scope, const struct ast_param *first, bool inputs,
                            struct parameter **parameters, uint32_t *count)
{
    uint32_t n = 0;
    bool good = true;
    for (const struct ast_param *ast = first; ast; ast = ast->next)
        n++;
    *count = n;
    *parameters = ARENA_ARRAY(ir_arena(resolver->context), n, struct parameter);
    if (!*parameters)
        return false;
    n = 0;
    for (const struct ast_param *ast = first; ast; ast = ast->next, n++) {
        struct parameter *parameter = &(*parameters)[n];
        parameter->name = ast->name.text;
        parameter->span = ast->name.span;
        parameter->ast = ast;
        good = scope_add(resolver, scope, SYMBOL_TENSOR, &ast->name) && good;
        bool typed =
            resolve_type(resolver, ast->type, &parameter->type) &&
            (inputs ? resolve_layout(resolver, ast->type, &parameter->type) : refuse_layout(resolver, ast->type, "an output"));
        good = typed && good;
    }
    return good;
}

static void read_class(const struct ast_kernel *ast, struct signature *signature)
{
    const char *word = ast->numeric_class.text;
    signature->class_stated = word != NULL;
    signature->numeric_class = !word                          ? IR_CLASS_REASSOC
                               : strcmp(word, "exact") == 0   ? IR_CLASS_EXACT
                               : strcmp(word, "reassoc") == 0 ? IR_CLASS_REASSOC
                                                              : IR_CLASS_NORMWISE;
}

static bool read_signature(struct resolver *resolver, const struct ast_kernel *ast, struct signature *signature)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct scope *scope = scope_create(resolver, resolver->scope);
    signature->ast = ast;
    read_class(ast, signature);
    bool good = read_parameters(resolver, scope, ast->inputs, true, &signature->inputs, &signature->n_inputs);
    good = read_parameters(resolver, scope, ast->outputs, false, &signature->outputs, &signature->n_outputs) && good;
    if (!ast->outputs && !ast->incomplete) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0601, ast->name.span, "kernel `%s` has no outputs", ast->name.text);
        diag_help(diagnostics, diag, "name what it computes: `-> (y: f64[n])`");
    }
    return good && ast->outputs && !ast->incomplete;
}

/* Names first: a kernel's parameters may not bear the name of a later kernel. */
static void declare_kernels(struct resolver *resolver)
{
    struct arena *arena = ir_arena(resolver->context);
    for (const struct ast_kernel *ast = resolver->file->kernels; ast; ast = ast->next) {
        struct symbol *symbol = scope_add(resolver, resolver->scope, SYMBOL_KERNEL, &ast->name);
        struct signature *signature = symbol ? ARENA_NEW(arena, struct signature) : NULL;
        if (!signature)
            continue;
        signature->ast = ast;
        symbol->kernel = signature;
    }
    for (const struct ast_kernel *ast = resolver->file->kernels; ast; ast = ast->next) {
        struct symbol *symbol = scope_find(resolver->scope, ast->name.text);
        if (symbol && symbol->kernel && symbol->kernel->ast == ast)
            symbol->failed = !read_signature(resolver, ast, symbol->kernel);
    }
}

/* What a declaration that could not be read would have declared. */
static void declare_unread(struct resolver *resolver)
{
    for (const struct ast_name_list *item = resolver->file->unread; item; item = item->next) {
        if (scope_find(resolver->scope, item->name.text))
            continue;
        struct symbol *symbol = scope_add(resolver, resolver->scope, SYMBOL_CONSTANT, &item->name);
        if (symbol)
            symbol->failed = true;
    }
}

/* An output under `+=` is an input as well, behind those declared. */
static void add_updated_input(struct resolver *resolver, struct ir_kernel *kernel, const struct parameter *output, uint32_t number)
{
    const struct ir_node *node =
        ir_input(resolver->context, kernel->n_inputs, output->type.elem, output->type.rank, output->type.shape);
    kernel->inputs[kernel->n_inputs] = (struct ir_input_info){output->name, node, output->span, NULL, 0};
    kernel->outputs[number].updates = ++kernel->n_inputs;
    ir_set_name(resolver->context, kernel, node, output->name, NULL, output->span);
}

static struct ir_kernel *start_kernel(struct resolver *resolver, const struct signature *signature)
{
    struct arena *arena = ir_arena(resolver->context);
    struct ir_kernel *kernel = ARENA_NEW(arena, struct ir_kernel);
    if (!kernel)
        return NULL;
    kernel->name = signature->ast->name.text;
    kernel->span = signature->ast->name.span;
    kernel->numeric_class = signature->numeric_class;
    kernel->class_stated = signature->class_stated;
    kernel->n_inputs = signature->n_inputs;
    kernel->n_outputs = signature->n_outputs;
    kernel->inputs = ARENA_ARRAY(arena, (size_t)signature->n_inputs + signature->n_outputs, struct ir_input_info);
    kernel->outputs = ARENA_ARRAY(arena, signature->n_outputs, struct ir_output);
    if (!kernel->inputs || !kernel->outputs)
        return NULL;
    for (uint32_t k = 0; k < signature->n_inputs; k++) {
        const struct parameter *input = &signature->inputs[k];
        const struct ir_node *node = ir_input(resolver->context, k, input->type.elem, input->type.rank, input->type.shape);
        kernel->inputs[k] = (struct ir_input_info){input->name, node, input->span, input->type.strides, input->type.promises};
        ir_set_name(resolver->context, kernel, node, input->name, NULL, input->span);
    }
    for (uint32_t k = 0; k < signature->n_outputs; k++) {
        kernel->outputs[k] = (struct ir_output){signature->outputs[k].name, NULL, signature->outputs[k].span, 0};
        if (is_updated(signature->ast, signature->outputs[k].name))
            add_updated_input(resolver, kernel, &signature->outputs[k], k);
    }
    return kernel;
}

/* Was something inside the kernel reported by the parser? */
static bool has_errors(struct resolver *resolver, const struct ast_kernel *ast, size_t n_parsed)
{
    const struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    for (size_t k = 0; k < n_parsed; k++) {
        struct span place = diagnostics->items[k]->primary.span;
        if (place.source == ast->span.source && place.begin >= ast->span.begin && place.begin < ast->span.end)
            return true;
    }
    return diagnostics->n_dropped > 0;
}

static void lower_kernels(struct resolver *resolver, size_t n_parsed)
{
    struct ir_program *program = resolver->program;
    for (const struct ast_kernel *ast = resolver->file->kernels; ast; ast = ast->next) {
        const struct symbol *symbol = scope_find(resolver->scope, ast->name.text);
        if (!symbol || !symbol->kernel || symbol->kernel->ast != ast || symbol->failed || has_errors(resolver, ast, n_parsed))
            continue;
        struct ir_kernel *kernel = start_kernel(resolver, symbol->kernel);
        if (kernel && lower_kernel(resolver, ast, kernel))
            ARENA_PUSH(ir_arena(resolver->context), program->kernels, program->n_kernels, program->kernels_capacity, kernel);
    }
}

struct ir_program *frontend_read(struct ir_context *context, const struct source *source, const struct frontend_options *options)
{
    struct diagnostics *diagnostics = ir_diagnostics(context);
    uint32_t source_number = diag_add_source(diagnostics, source);
    if (arena_failed(ir_arena(context)))
        return NULL;
    struct resolver resolver = {.context = context, .options = options ? options : &no_options, .source = source};
    resolver.file = parse_file(context, source_number);
    resolver.scope = scope_create(&resolver, NULL);
    resolver.program = ARENA_NEW(ir_arena(context), struct ir_program);
    if (!resolver.file || !resolver.scope || !resolver.program)
        return NULL;
    resolver.program->context = context;
    resolver.program->path = source->path;
    size_t n_parsed = diagnostics->n_items;
    declare_dim_names(&resolver);
    declare_constant_names(&resolver);
    declare_unread(&resolver);
    declare_dims(&resolver);
    declare_constants(&resolver);
    declare_operators(&resolver);
    declare_kernels(&resolver);
    lower_kernels(&resolver, n_parsed);
    const struct frontend_inquiry *inquiry = resolver.options->inquiry;
    if (inquiry && inquiry->steps && ir_status(context) == EINC_OK && !write_steps(&resolver, inquiry->steps))
        return NULL;
    return ir_status(context) == EINC_OK ? resolver.program : NULL;
}
