/* What may stand behind the type of a kernel's input: `strides (ld, 1)` and promises such as `symmetric`.
 *
 * Both speak of the memory and the numbers that the caller of the kernel passes, not of the tensor's value. So they belong to the
 * kernel's input and to nothing else: a constant, an output, or a tensor handed to an inlined kernel has none. */
#include <string.h>
#include "declare_internal.h"

static bool check_stride(struct resolver *resolver, const struct poly *stride, struct span span)
{
    int64_t value;
    if (!stride)
        return false;
    if (!poly_is_constant(stride, &value) || value >= 0)
        return true;
    struct diag *diag = diag_error(ir_diagnostics(resolver->context), DIAG_E0226, span, "this stride is %lld", (long long)value);
    diag_help(ir_diagnostics(resolver->context), diag, "strides are at least 0; read backwards by a subscript: `x[n - 1 - i]`");
    return false;
}

static bool report_count(struct resolver *resolver, const struct ast_type *ast, const struct tensor_type *type, uint32_t count)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = diag_error(diagnostics, DIAG_E0226, ast->strides->span, "%u stride%s for %u ax%s", count,
                                   count == 1 ? "" : "s", type->rank, type->rank == 1 ? "is" : "es");
    diag_help(diagnostics, diag, "one an axis, in elements: `f64[n, m] strides(ld, 1)`");
    return false;
}

/* The largest offset that is static must fit 63 bits, counted in bytes. */
static bool check_reach(struct resolver *resolver, const struct ast_type *ast, const struct tensor_type *type)
{
    int64_t reach = 1, extent, stride, bytes = ir_elem_info(type->elem)->bytes;
    bool fits = true;
    for (uint32_t axis = 0; axis < type->rank && fits; axis++)
        if (poly_is_constant(type->shape[axis], &extent) && poly_is_constant(type->strides[axis], &stride) && extent > 0)
            fits = checked_multiply(extent - 1, stride, &stride) && checked_add(reach, stride, &reach);
    if (fits && checked_multiply(reach, bytes, &bytes))
        return true;
    diag_error(ir_diagnostics(resolver->context), DIAG_E0223, ast->strides->span,
               "with these strides the tensor reaches over more than 2^63 - 1 bytes");
    return false;
}

static bool read_strides(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type)
{
    uint32_t count = 0;
    for (const struct ast_expr *stride = ast->strides; stride; stride = stride->next)
        count++;
    if (count != type->rank)
        return report_count(resolver, ast, type, count);
    const struct poly **strides = ARENA_ARRAY(ir_arena(resolver->context), count, const struct poly *);
    if (!strides)
        return false;
    bool good = true;
    count = 0;
    for (const struct ast_expr *stride = ast->strides; stride; stride = stride->next, count++) {
        strides[count] = resolve_extent(resolver, stride);
        good = check_stride(resolver, strides[count], stride->span) && good;
    }
    type->strides = strides;
    return good && check_reach(resolver, ast, type);
}

static bool read_promise(struct resolver *resolver, const struct ast_name *name, struct tensor_type *type)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    enum ir_promise promise = IR_PROMISE_COUNT;
    (void)ir_promise_from_name(name->text, strlen(name->text), &promise);
    if (type->promises >> promise & 1) {
        diag_error(diagnostics, DIAG_E0227, name->span, "`%s` stands here twice", name->text);
        return false;
    }
    type->promises |= 1u << promise;
    if ((promise == IR_PROMISE_spd && !ir_elem_is_float(type->elem)) ||
        (promise == IR_PROMISE_skew_centrosymmetric && type->elem == IR_bool)) {
        diag_error(diagnostics, DIAG_E0227, name->span, "no %s matrix is `%s`", ir_elem_info(type->elem)->name, name->text);
        return false;
    }
    if (type->rank >= 2 && type->shape[type->rank - 1] == type->shape[type->rank - 2])
        return true;
    struct diag *diag = diag_error(diagnostics, DIAG_E0227, name->span, "only square matrices are `%s`", name->text);
    diag_note(diagnostics, diag, type->span, "this is %s", tensor_type_text(resolver, type));
    diag_help(diagnostics, diag, "the last two axes must have one extent: `f64[n, n] %s`", name->text);
    return false;
}

bool resolve_layout(struct resolver *resolver, const struct ast_type *ast, struct tensor_type *type)
{
    bool good = !ast->strides || read_strides(resolver, ast, type);
    for (const struct ast_name_list *property = ast->properties; property; property = property->next)
        good = read_promise(resolver, &property->name, type) && good;
    return good;
}

bool refuse_layout(struct resolver *resolver, const struct ast_type *ast, const char *what)
{
    struct diagnostics *diagnostics = ir_diagnostics(resolver->context);
    struct diag *diag = NULL;
    if (ast->strides) {
        diag = diag_error(diagnostics, DIAG_E0226, ast->strides->span, "%s has no strides", what);
        diag_help(diagnostics, diag, "only inputs of a kernel have; everything else is dense, in C order");
    }
    for (const struct ast_name_list *property = ast->properties; property; property = property->next) {
        diag = diag_error(diagnostics, DIAG_E0227, property->name.span, "nothing is promised of %s", what);
        diag_help(diagnostics, diag, "`%s` is said of a kernel's input", property->name.text);
    }
    return diag == NULL;
}
