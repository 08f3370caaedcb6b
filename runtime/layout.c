/* Inputs as a kernel's memory wants them: at declared strides, and keeping what is promised of them.
 *
 * Arrays of files are dense; `layout_inputs` spreads those of strided inputs, once, before an engine runs. Gaps are filled with
 * ones bits, a NaN in every float type, so that an engine that reads one shows. Strides may let elements fall on one place: they
 * must agree there, since inputs are only read. Random inputs are made to agree, and to keep their promises, by `layout_settle`. */
#include "runtime.h"

#include <string.h>

/* Where the elements of one input lie. */
struct layout {
    const struct ir_input_info *info;
    const struct ir_tensor *dense;
    size_t width;     /* bytes of an element */
    int64_t *strides; /* one an axis, in elements */
    size_t reach;     /* elements from the first to behind the last */
};

static bool find_reach(struct layout *layout)
{
    const struct ir_tensor *dense = layout->dense;
    int64_t reach = 1, bytes;
    for (uint32_t axis = 0; axis < dense->rank; axis++) {
        int64_t offset;
        if (!checked_multiply(dense->shape[axis] - 1, layout->strides[axis], &offset) || !checked_add(reach, offset, &reach))
            return false;
    }
    layout->reach = (size_t)reach;
    return checked_multiply(reach, (int64_t)layout->width, &bytes);
}

static bool layout_create(struct ir_context *context, const struct ir_input_info *info, const int64_t *dims,
                          const struct ir_tensor *dense, struct layout *layout)
{
    *layout = (struct layout){.info = info, .dense = dense, .width = ir_elem_info(dense->elem)->bytes};
    layout->strides = ARENA_ARRAY(ir_arena(context), dense->rank, int64_t);
    if (!layout->strides)
        return false;
    for (uint32_t axis = 0; axis < dense->rank; axis++)
        if (!binding_value(context, info->strides[axis], dims, "a stride", info->name, info->span, &layout->strides[axis]))
            return false;
    if (npy_element_count(dense) == 0 || find_reach(layout))
        return true;
    diag_error(ir_diagnostics(context), DIAG_E0806, info->span, "with its strides `%s` reaches over more than 2^63 - 1 bytes",
               info->name);
    return false;
}

/* Calls `visit` with the place of each element, in C order; stops where it says false. */
typedef bool layout_visit(void *user, size_t element, size_t place);

static bool for_each_element(const struct layout *layout, struct ir_context *context, layout_visit *visit, void *user)
{
    const struct ir_tensor *dense = layout->dense;
    size_t count = npy_element_count(dense);
    int64_t *at = ARENA_ARRAY(ir_arena(context), dense->rank, int64_t), place = 0;
    for (size_t element = 0; at && element < count; element++) {
        if (!visit(user, element, (size_t)place))
            return false;
        for (uint32_t axis = dense->rank; axis-- > 0;) {
            place += layout->strides[axis];
            if (++at[axis] < dense->shape[axis])
                break;
            place -= at[axis] * layout->strides[axis];
            at[axis] = 0;
        }
    }
    return at != NULL;
}

/* ---- dense to strided ---- */

struct spreading {
    const struct layout *layout;
    unsigned char *memory;
    bool *taken;
};

static bool spread_element(void *user, size_t element, size_t place)
{
    struct spreading *spreading = user;
    size_t width = spreading->layout->width;
    const unsigned char *from = (const unsigned char *)spreading->layout->dense->data + element * width;
    unsigned char *to = spreading->memory + place * width;
    if (spreading->taken[place])
        return memcmp(to, from, width) == 0;
    spreading->taken[place] = true;
    memcpy(to, from, width);
    return true;
}

static bool spread(struct ir_context *context, const struct layout *layout, void **memory)
{
    struct arena *arena = ir_arena(context);
    struct spreading spreading = {layout, arena_alloc(arena, layout->reach, layout->width),
                                  ARENA_ARRAY(arena, layout->reach, bool)};
    if (!spreading.memory || !spreading.taken)
        return false;
    memset(spreading.memory, 0xff, layout->reach * layout->width);
    *memory = spreading.memory;
    if (for_each_element(layout, context, spread_element, &spreading) || arena_failed(arena))
        return !arena_failed(arena);
    struct diag *diag = diag_error(ir_diagnostics(context), DIAG_E0813, layout->info->span,
                                   "the strides of `%s` put two elements that differ in one place", layout->info->name);
    diag_help(ir_diagnostics(context), diag, "the stride of an axis is at least what the axes of smaller strides reach over");
    return false;
}

const struct ir_tensor *layout_inputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims,
                                      const struct ir_tensor *inputs)
{
    struct ir_tensor *laid = arena_copy(ir_arena(context), inputs, kernel->n_inputs, sizeof *inputs);
    for (uint32_t k = 0; laid && k < kernel->n_inputs; k++) {
        struct layout layout;
        if (!kernel->inputs[k].strides)
            continue;
        if (!layout_create(context, &kernel->inputs[k], dims, &inputs[k], &layout) || !spread(context, &layout, &laid[k].data))
            return NULL;
    }
    return laid;
}

/* ---- arrays that keep what is declared ---- */

/* The first element at a place is what all there become. */
static bool settle_element(void *user, size_t element, size_t place)
{
    struct spreading *spreading = user;
    size_t width = spreading->layout->width;
    unsigned char *at = (unsigned char *)spreading->layout->dense->data + element * width;
    unsigned char *kept = spreading->memory + place * width;
    memcpy(spreading->taken[place] ? at : kept, spreading->taken[place] ? kept : at, width);
    spreading->taken[place] = true;
    return true;
}

bool layout_settle(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims, struct ir_tensor *inputs)
{
    struct arena *arena = ir_arena(context);
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        struct layout layout;
        if (kernel->inputs[k].promises && !promises_settle(context, &kernel->inputs[k], dims, &inputs[k]))
            return false;
        if (!kernel->inputs[k].strides)
            continue;
        if (!layout_create(context, &kernel->inputs[k], dims, &inputs[k], &layout))
            return false;
        struct spreading spreading = {&layout, arena_alloc(arena, layout.reach, layout.width),
                                      ARENA_ARRAY(arena, layout.reach, bool)};
        if (!spreading.memory || !spreading.taken || !for_each_element(&layout, context, settle_element, &spreading))
            return false;
    }
    return true;
}
