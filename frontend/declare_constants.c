/* Constants: literals against their declared shape and type, files against the same, clauses on how exact they are. */
#include <math.h>
#include <string.h>
#include "declare_internal.h"

/* A literal being written into bytes in C order. */
struct filling {
    struct resolver *resolver;
    const struct ast_constant *ast;
    const struct tensor_type *type;
    const int64_t *shape;
    unsigned char *data;
    size_t size; /* of an element */
    size_t at;   /* bytes written */
    bool good;
};

static struct diag *wrong_shape(struct filling *filling, const struct ast_literal *literal, uint32_t axis, const char *found)
{
    struct diagnostics *diagnostics = ir_diagnostics(filling->resolver->context);
    struct diag *diag;
    filling->good = false;
    if (axis == filling->type->rank) {
        diag = diag_error(diagnostics, DIAG_E0501, literal->span, "this is %s, where `%s` has a single number", found,
                          filling->ast->name.text);
        diag_note(diagnostics, diag, filling->type->span, "declared with %u ax%s", filling->type->rank,
                  filling->type->rank == 1 ? "is" : "es");
        return diag;
    }
    long long extent = filling->shape[axis];
    diag = diag_error(diagnostics, DIAG_E0501, literal->span, "this is %s, where axis %u of `%s` has %lld element%s", found, axis,
                      filling->ast->name.text, extent, extent == 1 ? "" : "s");
    diag_note(diagnostics, diag, filling->type->extent_spans[axis], "%lld here", extent);
    return diag;
}

static void fill_number(struct filling *filling, const struct ast_literal *literal)
{
    struct weak_number weak;
    struct ir_number number;
    bool good = resolve_number(filling->resolver, literal->value, &weak);
    if (good && filling->type->fixed)
        good = number_in_fixed_point(filling->resolver, &weak, filling->type, literal->span, &number);
    else if (good)
        good = number_in_type(filling->resolver, weak, filling->type->elem, literal->span, &number);
    if (!good) {
        filling->good = false;
        return;
    }
    ir_number_store(number, filling->data + filling->at, 0);
    filling->at += filling->size;
}

static void fill(struct filling *filling, const struct ast_literal *literal, uint32_t axis)
{
    struct arena *arena = ir_arena(filling->resolver->context);
    if (!literal->is_list && axis == filling->type->rank) {
        fill_number(filling, literal);
        return;
    }
    if (!literal->is_list || axis == filling->type->rank || (int64_t)literal->n_elements != filling->shape[axis]) {
        const char *found = literal->is_list ? arena_printf(arena, "a list of %u", literal->n_elements) : "a number";
        wrong_shape(filling, literal, axis, found ? found : "");
        return;
    }
    for (const struct ast_literal *element = literal->elements; element; element = element->next)
        fill(filling, element, axis + 1);
}

/* Extents as numbers; false after a diagnostic when one is known at run time only. */
static bool static_shape(struct resolver *resolver, const struct ast_constant *ast, const struct tensor_type *type, int64_t *shape)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    for (uint32_t axis = 0; axis < type->rank; axis++) {
        if (poly_is_constant(type->shape[axis], &shape[axis]))
            continue;
        struct diag *diag = diag_error(diagnostics, DIAG_E0505, type->extent_spans[axis],
                                       "axis %u of constant `%s` is known at run time only", axis, ast->name.text);
        diag_help(diagnostics, diag, "pass `%s` as an input, or give `%s` a value with `=` or `--dims`", ast->name.text,
                  extent_text(resolver, type->shape[axis]));
        return false;
    }
    return true;
}

/* Bytes of the literal; NULL after a diagnostic. */
static void *read_literal(struct resolver *resolver, const struct ast_constant *ast, const struct tensor_type *type,
                          const int64_t *shape, size_t *bytes)
{
    int64_t count = 1;
    for (uint32_t axis = 0; axis < type->rank; axis++)
        count = shape[axis] == 0 || count == 0 ? 0
                : count > FRONTEND_LITERALS    ? count
                                               : count * (shape[axis] > FRONTEND_LITERALS ? FRONTEND_LITERALS + 1 : shape[axis]);
    if (count > FRONTEND_LITERALS) {
        struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
        struct diag *diag =
            diag_error(diagnostics, DIAG_E0904, type->span, "`%s` has more than %d numbers", ast->name.text, FRONTEND_LITERALS);
        diag_help(diagnostics, diag, "put them in a file: `= file(\"%s.npy\")`", ast->name.text);
        return NULL;
    }
    size_t size = ir_elem_info(type->elem)->bytes;
    *bytes = (size_t)count * size;
    struct filling filling = {resolver, ast, type, shape, arena_alloc(ir_arena(resolver->context), (size_t)count, size),
                              size,     0,   true};
    if (filling.data)
        fill(&filling, ast->literal, 0);
    return filling.good ? filling.data : NULL;
}

/* `path` of a source's folder, unless it is absolute. */
static const char *join_path(struct resolver *resolver, const char *path)
{
    const char *slash = resolver->source->path ? strrchr(resolver->source->path, '/') : NULL;
    if (path[0] == '/' || !slash)
        return path;
    return arena_printf(ir_arena(resolver->context), "%.*s/%s", (int)(slash - resolver->source->path), resolver->source->path,
                        path);
}

static const char *array_type_text(struct resolver *resolver, const struct frontend_array *array)
{
    struct text text = text_create(ir_arena(resolver->context));
    text_put(&text, ir_elem_info(array->elem)->name);
    for (uint32_t axis = 0; axis < array->rank; axis++)
        text_printf(&text, "%s%lld", axis ? ", " : "[", (long long)array->shape[axis]);
    if (array->rank)
        text_put(&text, "]");
    const char *result = text_finish(&text);
    return result ? result : "";
}

static bool file_matches(struct resolver *resolver, const struct ast_constant *ast, const struct tensor_type *type,
                         const int64_t *shape, const struct frontend_array *array)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    bool same_shape = array->rank == type->rank;
    uint32_t axis = 0;
    while (same_shape && axis < type->rank && array->shape[axis] == shape[axis])
        axis++;
    same_shape = same_shape && axis == type->rank;
    if (same_shape && array->elem == type->elem)
        return true;
    const char *found = array_type_text(resolver, array);
    struct diag *diag = diag_error(diagnostics, same_shape ? DIAG_E0507 : DIAG_E0506, ast->file.span,
                                   "`%s` is not what `%s` is declared to be", ast->file.text, ast->name.text);
    diag_label(diagnostics, diag, "the file holds %s", found);
    bool one_axis = !same_shape && array->rank == type->rank;
    diag_note(diagnostics, diag, one_axis ? type->extent_spans[axis] : type->span, "%s here",
              one_axis ? extent_text(resolver, type->shape[axis]) : tensor_type_text(resolver, type));
    diag_help(diagnostics, diag, "declare `%s: %s`, or write the file anew", ast->name.text, found);
    return false;
}

static void *read_file(struct resolver *resolver, const struct ast_constant *ast, const struct tensor_type *type,
                       const int64_t *shape, size_t *bytes)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct frontend_array array = {.elem = IR_f64};
    if (!resolver->options->load) {
        diag_error(diagnostics, DIAG_E0810, ast->file.span, "files cannot be read here");
        return NULL;
    }
    const char *path = join_path(resolver, ast->file.text);
    if (!path || !resolver->options->load(resolver->options->load_user, resolver->context, path, ast->file.span, &array))
        return NULL;
    if (!file_matches(resolver, ast, type, shape, &array))
        return NULL;
    *bytes = array.bytes;
    return array.data;
}

static bool read_clauses(struct resolver *resolver, const struct ast_constant *ast, struct ir_constant *constant)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct weak_number number;
    constant->exact = ast->exact;
    constant->spectral = ast->spectral;
    if (ast->exact && ast->within) {
        struct diag *diag =
            diag_error(diagnostics, DIAG_E0508, ast->within->span, "`%s` is `exact` and `within` a tolerance", ast->name.text);
        diag_help(diagnostics, diag, "`exact` forbids every replacement; leave one of them out");
        return false;
    }
    if (ast->spectral && !ast->within) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0508, ast->name.span, "`spectral` without a tolerance");
        diag_help(diagnostics, diag, "write `within 1e-6 spectral`");
        return false;
    }
    if (!ast->within)
        return true;
    if (!resolve_number(resolver, ast->within, &number))
        return false;
    if ((number.kind != WEAK_REAL && number.kind != WEAK_INTEGER) || !(number.re > 0.0 && number.re < 1.0)) {
        struct diag *diag = diag_error(diagnostics, DIAG_E0508, ast->within->span, "a tolerance is a number between 0 and 1");
        diag_help(diagnostics, diag, "write `exact` when nothing may change");
        return false;
    }
    constant->within = number.re;
    return true;
}

static void declare_constant(struct resolver *resolver, const struct ast_constant *ast, struct symbol *symbol)
{
    struct ir_constant constant = {.name = ast->name.text};
    int64_t shape[FRONTEND_RANK] = {0};
    symbol->failed = true;
    if (!resolve_type(resolver, ast->type, &symbol->type) || !refuse_layout(resolver, ast->type, "a constant") ||
        !static_shape(resolver, ast, &symbol->type, shape))
        return;
    if (!read_clauses(resolver, ast, &constant))
        return;
    if (ast->file.text) {
        constant.path = ast->file.text;
        constant.data = read_file(resolver, ast, &symbol->type, shape, &constant.bytes);
    } else if (ast->literal) {
        constant.data = read_literal(resolver, ast, &symbol->type, shape, &constant.bytes);
    }
    if (!constant.data)
        return;
    symbol->node = ir_constant(resolver->context, symbol->type.elem, symbol->type.rank, symbol->type.shape, &constant);
    symbol->failed = !symbol->node;
    struct frontend_inquiry *inquiry = resolver->options->inquiry;
    struct frontend_constant found = {ast->name.text, ast->name.span, symbol->node};
    if (inquiry && symbol->node)
        (void)ARENA_PUSH(ir_arena(resolver->context), inquiry->constants, inquiry->n_constants, inquiry->constants_capacity, found);
}

void declare_constant_names(struct resolver *resolver)
{
    for (const struct ast_constant *ast = resolver->file->constants; ast; ast = ast->next)
        scope_add(resolver, resolver->scope, SYMBOL_CONSTANT, &ast->name);
}

void declare_constants(struct resolver *resolver)
{
    for (const struct ast_constant *ast = resolver->file->constants; ast; ast = ast->next) {
        struct symbol *symbol = scope_find(resolver->scope, ast->name.text);
        if (symbol && symbol->span.begin == ast->name.span.begin)
            declare_constant(resolver, ast, symbol);
    }
}
