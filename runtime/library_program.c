/* Programs of the public library: options to those of the compiler, kernels to what a call has to know of them. */
#include "library.h"

#include "describe.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a call has to know ---- */

static struct library_argument argument_of(const struct ir_kernel *kernel, uint32_t input, uint32_t output)
{
    struct library_argument argument = {.input = input, .output = output};
    if (output != UINT32_MAX) {
        const struct ir_output *info = &kernel->outputs[output];
        argument.name = info->name;
        argument.span = info->span;
        argument.node = info->node;
    } else {
        const struct ir_input_info *info = &kernel->inputs[input];
        argument.name = info->name;
        argument.span = info->span;
        argument.node = info->node;
        argument.strides = info->strides;
    }
    return argument;
}

static const int64_t *known_shape(struct arena *arena, const struct ir_node *node)
{
    int64_t *shape = ARENA_ARRAY(arena, node->rank, int64_t);
    for (uint32_t axis = 0; shape && axis < node->rank; axis++)
        if (!poly_is_constant(node->shape[axis], &shape[axis]))
            return NULL;
    return shape;
}

/* Inputs without those that are updated in place, then outputs: the order of emitted C. */
static bool list_arguments(struct einc_kernel *kernel, const struct ir_kernel *source)
{
    struct arena *arena = ir_arena(kernel->program->ir);
    kernel->arguments = ARENA_ARRAY(arena, (size_t)source->n_inputs + source->n_outputs, struct library_argument);
    if (!kernel->arguments)
        return false;
    for (uint32_t k = 0; k < source->n_inputs; k++)
        if (!ir_input_is_updated(source, k))
            kernel->arguments[kernel->n_arguments++] = argument_of(source, k, UINT32_MAX);
    for (uint32_t k = 0; k < source->n_outputs; k++) {
        uint32_t updates = source->outputs[k].updates;
        kernel->arguments[kernel->n_arguments++] = argument_of(source, updates ? updates - 1 : UINT32_MAX, k);
    }
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        kernel->arguments[k].shape = known_shape(arena, kernel->arguments[k].node);
    return !arena_failed(arena);
}

struct needed_dims {
    bool *needed;
    uint32_t count;
};

static void need(void *user, uint32_t dim)
{
    struct needed_dims *dims = user;
    dims->count += !dims->needed[dim];
    dims->needed[dim] = true;
}

/* Extents of all indices, so that what emitted code takes for granted can be asked at every call. */
static bool list_extents(struct einc_kernel *kernel, const struct ir_kernel *source, struct needed_dims *dims)
{
    struct ir_context *ir = kernel->program->ir;
    size_t count, capacity = 0;
    const struct poly **extents = NULL;
    const struct ir_node **nodes = ir_topological(ir, source, &count);
    for (size_t k = 0; nodes && k < count; k++)
        for (uint32_t index = 0; index < nodes[k]->n_indices; index++) {
            const struct poly *extent = nodes[k]->extents[index];
            bool known = poly_is_constant(extent, NULL);
            for (size_t other = 0; other < kernel->n_extents; other++)
                known |= extents[other] == extent;
            if (known)
                continue;
            poly_visit_dims(extent, need, dims);
            if (!ARENA_PUSH(ir_arena(ir), extents, kernel->n_extents, capacity, extent))
                return false;
        }
    kernel->extents = extents;
    return nodes != NULL;
}

static bool list_dims(struct einc_kernel *kernel, const struct ir_kernel *source, const struct loop_function *loops)
{
    struct ir_context *ir = kernel->program->ir;
    struct needed_dims dims = {ARENA_ARRAY(ir_arena(ir), ir_dim_count(ir), bool), 0};
    if (!dims.needed || !list_extents(kernel, source, &dims))
        return false;
    for (uint32_t k = 0; k < loops->n_dims; k++)
        need(&dims, loops->dims[k]);
    for (uint32_t k = 0; k < kernel->n_arguments; k++)
        for (uint32_t axis = 0; axis < kernel->arguments[k].node->rank; axis++) {
            poly_visit_dims(kernel->arguments[k].node->shape[axis], need, &dims);
            if (kernel->arguments[k].strides)
                poly_visit_dims(kernel->arguments[k].strides[axis], need, &dims);
        }
    uint32_t *list = ARENA_ARRAY(ir_arena(ir), dims.count, uint32_t);
    for (uint32_t k = 0; list && k < ir_dim_count(ir); k++)
        if (dims.needed[k])
            list[kernel->n_dims++] = k;
    kernel->dims = list;
    return list != NULL;
}

static bool prepare_kernel(struct einc_program *program, size_t number)
{
    struct einc_kernel *kernel = &program->kernels[number];
    *kernel = (struct einc_kernel){.program = program, .number = number};
    atomic_store(&kernel->code, &program->engines[LIBRARY_FIRST].codes[number]);
    const struct ir_kernel *source = program->source->kernels[number];
    return list_arguments(kernel, source) && list_dims(kernel, source, program->engines[LIBRARY_FIRST].codes[number].loops);
}

/* ---- options ---- */

static bool choose_engines(struct einc_program *program)
{
    const char *name = program->options.engine;
    struct library_engine *first = &program->engines[LIBRARY_FIRST];
    bool any = !name || !strcmp(name, EINC_ENGINE_AUTO);
    if (!any) {
        first->info = engine_find(name);
        if (!first->info)
            diag_error(ir_diagnostics(program->ir), DIAG_E0853, SPAN_NONE, "this einc has no engine `%s`", name);
        return first->info != NULL;
    }
    const struct engine_info *instant = engine_find(EINC_ENGINE_TCC), *fast = engine_find(EINC_ENGINE_LLVM);
    first->info = instant ? instant : fast ? fast : engine_find(EINC_ENGINE_C);
    program->better = instant ? fast : NULL;
    return true;
}

static bool choose_threads(struct ir_context *ir, const struct einc_options *options, struct compile_options *compile)
{
    int64_t cores = compile->passes.machine.cores;
    if (options->threads < EINC_ALL_THREADS || options->threads > LOOP_THREADS_LIMIT) {
        diag_error(ir_diagnostics(ir), DIAG_E0854, SPAN_NONE, "a kernel runs on 1 to %d threads, not on %lld",
                   (int)LOOP_THREADS_LIMIT, (long long)options->threads);
        return false;
    }
    if (options->threads == EINC_ALL_THREADS)
        compile->passes.threads = cores < LOOP_THREADS_LIMIT ? cores : LOOP_THREADS_LIMIT;
    else if (options->threads > 1)
        compile->passes.threads = options->threads;
    return true;
}

static bool choose_derivatives(struct ir_context *ir, const struct einc_options *options, struct compile_options *compile)
{
    const char *const words[] = {[PASS_GRADIENT] = options->gradient, [PASS_ADJOINT] = options->adjoint};
    struct pass_derivative *derivatives = ARENA_ARRAY(ir_arena(ir), 2, struct pass_derivative);
    compile->derivatives = derivatives;
    for (int kind = PASS_GRADIENT; derivatives && kind <= PASS_ADJOINT; kind++) {
        if (!words[kind])
            continue;
        if (!derivative_read(ir_arena(ir), (enum pass_derivative_kind)kind, words[kind], &derivatives[compile->n_derivatives++])) {
            diag_error(ir_diagnostics(ir), DIAG_E0854, SPAN_NONE, "a derivative is with respect to names of inputs, such as A,b");
            return false;
        }
    }
    return derivatives != NULL;
}

static bool choose_dims(struct ir_context *ir, const struct einc_options *options, struct compile_options *compile)
{
    struct frontend_dim_value *dims = ARENA_ARRAY(ir_arena(ir), options->n_dims, struct frontend_dim_value);
    for (size_t k = 0; dims && k < options->n_dims; k++) {
        dims[k] = (struct frontend_dim_value){options->dims[k].name, options->dims[k].value};
        if (dims[k].name && dims[k].value >= 0)
            continue;
        diag_error(ir_diagnostics(ir), DIAG_E0854, SPAN_NONE, "a dim has a name and a size that is not negative");
        return false;
    }
    compile->frontend = (struct frontend_options){.dims = dims, .n_dims = options->n_dims, .load = npy_load};
    return dims != NULL;
}

static bool choose(struct einc_program *program, const struct engine_info *engine, struct compile_options *compile)
{
    struct ir_context *ir = program->ir;
    const struct einc_options *options = &program->options;
    const char *target = options->target ? options->target : engine->target;
    return target_choose(ir, target, &compile->passes.machine, &compile->backend) && choose_threads(ir, options, compile) &&
           choose_derivatives(ir, options, compile) && choose_dims(ir, options, compile) &&
           (!options->tune || tuning_choose(ir, options->tune, &compile->passes, &compile->backend.target));
}

/* ---- compiling ---- */

static bool make_code(struct einc_program *program, const struct library_engine *by, size_t kernel)
{
    struct library_code *code = &by->codes[kernel];
    int64_t shares;
    code->loops = by->compiled->kernels[kernel].loops;
    code->threads = 1;
    const struct native_kernel *native = by->info->native(by->engine, kernel, &code->threads);
    if (native)
        code->native = *native;
    code->is_static = ir_dim_count(program->ir) == 0 && poly_is_constant(code->loops->workspace, &code->workspace) &&
                      poly_is_constant(code->loops->thread_workspace, &shares) &&
                      checked_multiply(shares, code->threads, &shares) && checked_add(code->workspace, shares, &code->workspace);
    return true;
}

/* Passes for the engine's machine, and code. */
static bool make_engine(struct einc_program *program, struct library_engine *by, const struct compile_options *compile)
{
    const struct einc_options *options = &program->options;
    const struct engine_options engine = {options->compiler, options->flags, options->threads > 1 ? options->threads : 0};
    by->compiled = compile_program(program->ir, program->source, compile);
    by->engine = by->compiled ? by->info->create(by->compiled, &engine) : NULL;
    by->codes = by->engine ? ARENA_ARRAY(ir_arena(program->ir), by->compiled->n_kernels, struct library_code) : NULL;
    for (size_t k = 0; by->codes && k < by->compiled->n_kernels; k++)
        if (!make_code(program, by, k))
            return false;
    return by->codes != NULL;
}

static bool build(struct einc_program *program, library_read *read, void *user)
{
    struct ir_context *ir = program->ir;
    struct library_engine *first = &program->engines[LIBRARY_FIRST];
    struct compile_options *compile = ARENA_NEW(ir_arena(ir), struct compile_options); /* kept: passes point to it */
    if (!compile || !choose_engines(program) || !choose(program, first->info, compile))
        return false;
    program->source = compile_derive(read(user, ir, compile), compile);
    if (!program->source || !make_engine(program, first, compile))
        return false;
    program->kernels = ARENA_ARRAY(ir_arena(ir), program->source->n_kernels, struct einc_kernel);
    bool good = program->kernels != NULL;
    for (size_t k = 0; good && k < program->source->n_kernels; k++)
        good = prepare_kernel(program, k);
    if (good && program->better) { /* files that options name are read now */
        program->engines[LIBRARY_BETTER].info = program->better;
        program->better_options = ARENA_NEW(ir_arena(ir), struct compile_options);
        good = program->better_options && choose(program, program->better, program->better_options);
    }
    return good;
}

void library_make_better(struct einc_program *program)
{
    struct library_engine *better = &program->engines[LIBRARY_BETTER];
    pthread_mutex_lock(&program->lock);
    if (make_engine(program, better, program->better_options)) /* else the first code serves */
        for (size_t k = 0; k < program->source->n_kernels; k++)
            atomic_store(&program->kernels[k].code, &better->codes[k]);
    pthread_mutex_unlock(&program->lock);
}

void library_wait(const struct einc_program *constant)
{
    struct einc_program *program = (struct einc_program *)(uintptr_t)constant;
    if (program->better)
        library_worker_wait(program->context->worker, &program->job, true);
}

enum einc_status library_compile(struct einc_context *context, const struct einc_options *given, library_read *read, void *user,
                                 struct einc_program **made)
{
    struct ir_context *ir = ir_context_create(&context->allocator);
    struct einc_program *program = ir ? ARENA_NEW(ir_arena(ir), struct einc_program) : NULL;
    *made = NULL;
    if (!program) {
        ir_context_destroy(ir);
        return EINC_NO_MEMORY;
    }
    program->context = context;
    program->ir = ir;
    program->job.program = program;
    pthread_mutex_init(&program->lock, NULL);
    bool good = library_options(context, given, &program->options);
    if (!good)
        diag_error(ir_diagnostics(ir), DIAG_E0854, SPAN_NONE, LIBRARY_WRONG_OPTIONS);
    good = good && library_own_options(ir_arena(ir), &program->options) && build(program, read, user);
    enum einc_status status = library_report(context, ir);
    if (!good || status != EINC_OK) {
        program->better = NULL;
        einc_program_destroy(program);
        return status == EINC_OK ? EINC_INTERNAL : status;
    }
    if (program->better)
        library_worker_add(context->worker, &program->job);
    *made = program;
    return EINC_OK;
}

struct text_source {
    const char *text; /* NULL: the file's */
    const char *path;
};

/* The program keeps the text, for messages of calls. */
static struct ir_program *read_source(void *user, struct ir_context *ir, const struct compile_options *options)
{
    const struct text_source *from = user;
    struct arena *arena = ir_arena(ir);
    struct source *source = ARENA_NEW(arena, struct source);
    if (!source)
        return NULL;
    source->path = arena_strndup(arena, from->path, strlen(from->path));
    if (from->text) {
        source->length = strlen(from->text);
        source->text = arena_strndup(arena, from->text, source->length);
    } else if (!file_read(ir, from->path, FRONTEND_SOURCE_BYTES, SPAN_NONE, &source->text, &source->length)) {
        return NULL;
    }
    return source->path && source->text ? frontend_read(ir, source, &options->frontend) : NULL;
}

enum einc_status einc_compile(struct einc_context *context, const char *text, const struct einc_options *options,
                              struct einc_program **program)
{
    struct einc_options known;
    bool named = library_options(context, options, &known) && known.path;
    struct text_source source = {text, named ? known.path : "source"};
    return library_compile(context, options, read_source, &source, program);
}

enum einc_status einc_compile_file(struct einc_context *context, const char *path, const struct einc_options *options,
                                   struct einc_program **program)
{
    struct text_source source = {NULL, path};
    return library_compile(context, options, read_source, &source, program);
}

struct einsum_source {
    const char *string;
    size_t n_tensors;
    const DLTensor *const *tensors;
};

static struct ir_program *read_einsum(void *user, struct ir_context *ir, const struct compile_options *options)
{
    const struct einsum_source *from = user;
    struct frontend_operand *operands = ARENA_ARRAY(ir_arena(ir), from->n_tensors, struct frontend_operand);
    (void)options;
    for (size_t k = 0; operands && k < from->n_tensors; k++) {
        const DLTensor *tensor = from->tensors[k];
        const char *name = arena_printf(ir_arena(ir), "a%zu", k);
        if (!name || !library_check_tensor(ir, name, SPAN_NONE, tensor))
            return NULL;
        operands[k] = (struct frontend_operand){.name = name, .rank = (uint32_t)tensor->ndim, .shape = tensor->shape};
        (void)library_type_find(tensor->dtype, &operands[k].elem);
        operands[k].strides = library_is_dense(tensor) ? NULL : tensor->strides;
    }
    return operands ? frontend_einsum(ir, from->string, IR_RING_plustimes, from->n_tensors, operands) : NULL;
}

enum einc_status einc_compile_einsum(struct einc_context *context, const char *string, size_t n_tensors,
                                     const DLTensor *const *tensors, const struct einc_options *options,
                                     struct einc_program **program)
{
    struct einsum_source source = {string, n_tensors, tensors};
    return library_compile(context, options, read_einsum, &source, program);
}

void einc_program_destroy(struct einc_program *program)
{
    if (!program)
        return;
    if (program->better)
        library_worker_wait(program->context->worker, &program->job, false);
    for (size_t k = 0; program->kernels && k < program->source->n_kernels; k++)
        library_release(program->context, atomic_load(&program->kernels[k].spare));
    for (int k = 0; k < LIBRARY_ENGINES; k++)
        if (program->engines[k].engine)
            program->engines[k].info->destroy(program->engines[k].engine);
    pthread_mutex_destroy(&program->lock);
    ir_context_destroy(program->ir);
}

/* ---- kernels ---- */

size_t einc_kernel_count(const struct einc_program *program)
{
    return program->source->n_kernels;
}

const struct einc_kernel *einc_kernel_at(const struct einc_program *program, size_t at)
{
    return &program->kernels[at];
}

static enum einc_status report_no_kernel(const struct einc_program *program, const char *name)
{
    struct ir_context *report = library_report_context(program);
    if (!report)
        return EINC_NO_MEMORY;
    struct text names = text_create(ir_arena(report));
    for (size_t k = 0; k < program->source->n_kernels; k++)
        text_printf(&names, "%s`%s`", k ? ", " : "", program->source->kernels[k]->name);
    const char *list = text_finish(&names);
    struct diag *diag = name ? diag_error(ir_diagnostics(report), DIAG_E0801, SPAN_NONE, "there is no kernel `%s`", name)
                             : diag_error(ir_diagnostics(report), DIAG_E0801, SPAN_NONE, "the program has %s",
                                          *list ? "several kernels" : "no kernel");
    diag_help(ir_diagnostics(report), diag, "the program has %s", list && *list ? list : "none");
    enum einc_status status = library_report(program->context, report);
    ir_context_destroy(report);
    return status;
}

enum einc_status einc_find_kernel(const struct einc_program *program, const char *name, const struct einc_kernel **kernel)
{
    *kernel = NULL;
    if (!name && program->source->n_kernels == 1)
        *kernel = &program->kernels[0];
    for (size_t k = 0; name && k < program->source->n_kernels && !*kernel; k++)
        if (strcmp(program->source->kernels[k]->name, name) == 0)
            *kernel = &program->kernels[k];
    return *kernel ? EINC_OK : report_no_kernel(program, name);
}

const char *einc_kernel_json(const struct einc_kernel *constant)
{
    struct einc_kernel *kernel = &constant->program->kernels[constant->number];
    struct einc_program *program = kernel->program;
    library_wait(program);
    pthread_mutex_lock(&program->lock);
    const struct library_engine *engines = program->engines;
    struct compiled *compiled = engines[engines[LIBRARY_BETTER].codes ? LIBRARY_BETTER : LIBRARY_FIRST].compiled;
    json_t *described = kernel->json ? NULL : describe_kernel(compiled, kernel->number);
    char *text = described ? json_dumps(described, JSON_COMPACT) : NULL;
    if (text)
        kernel->json = arena_strndup(ir_arena(program->ir), text, strlen(text));
    free(text);
    json_decref(described);
    const char *json = kernel->json;
    pthread_mutex_unlock(&program->lock);
    return json;
}

einc_function *einc_kernel_function(const struct einc_kernel *kernel)
{
    einc_function *function = NULL;
    library_wait(kernel->program);
    *(void **)&function = atomic_load(&kernel->code)->native.function;
    return function;
}

const char *einc_kernel_signature(const struct einc_kernel *kernel)
{
    library_wait(kernel->program);
    return atomic_load(&kernel->code)->native.signature;
}
