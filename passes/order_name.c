/* Names of intermediates, made of the names of what they are products of: `B_u`, `B_B_u`, `M0_to_M7`. */
#include "order.h"

#include <string.h>

static const char *tensor_name(const struct ir_kernel *kernel, const struct ir_node *node)
{
    const char *known = ir_name_of(kernel, node);
    if (known)
        return known;
    if (node->op == IR_map_node && node->n_operands == 1) /* a cast, a factor: what it is made of says what it is */
        return tensor_name(kernel, node->operands[0].node);
    return node->op == IR_const_node ? "factor" : "part";
}

static bool name_is_taken(const struct ir_kernel *kernel, const char *name)
{
    for (size_t k = 0; k < kernel->n_names; k++)
        if (kernel->names[k].name && strcmp(kernel->names[k].name, name) == 0)
            return true;
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        if (kernel->inputs[k].name && strcmp(kernel->inputs[k].name, name) == 0)
            return true;
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].name && strcmp(kernel->outputs[k].name, name) == 0)
            return true;
    return false;
}

/* The part of a name before its first, or behind its last, `_to_`. */
static const char *name_end(struct arena *arena, const char *name, bool last)
{
    const char *cut = strstr(name, "_to_");
    if (!cut)
        return name;
    return last ? cut + 4 : arena_strndup(arena, name, (size_t)(cut - name));
}

/* A number without a name. */
static bool is_literal(const struct ir_node *node)
{
    return node->op == IR_const_node && node->rank == 0 && !node->constant->name;
}

/* The name, or the name with the first free number from 2 on. */
static const char *free_name(const struct pass_kernel *kernel, const char *wished)
{
    const char *name = wished;
    for (int number = 2; name && name_is_taken(kernel->kernel, name); number++)
        name = arena_printf(ir_arena(kernel->context), "%s_%d", wished, number);
    return name;
}

const char *order_product_name(struct pass_kernel *kernel, size_t n, const struct ir_access *factors)
{
    enum { LONGEST = 20 }; /* longer ones say only where they begin and end */
    struct arena *arena = ir_arena(kernel->context);
    struct text text = text_create(arena);
    for (size_t k = 0; k < n; k++) {
        if (is_literal(factors[k].node) && n > 1)
            continue;
        text_put(&text, text.length ? "_" : "");
        text_put(&text, tensor_name(kernel->kernel, factors[k].node));
    }
    const char *joined = text_finish(&text);
    if (joined && !*joined) /* numbers alone */
        joined = "factor";
    if (joined && (text.length > LONGEST || strstr(joined, "_to_")))
        joined = arena_printf(arena, "%s_to_%s", name_end(arena, tensor_name(kernel->kernel, factors[0].node), false),
                              name_end(arena, tensor_name(kernel->kernel, factors[n - 1].node), true));
    if (joined && n == 1)
        joined = arena_printf(arena, "%s_sum", joined);
    return free_name(kernel, joined);
}

const char *order_scaled_name(struct pass_kernel *kernel, const struct ir_node *node)
{
    return free_name(kernel, arena_printf(ir_arena(kernel->context), "%s_scaled", tensor_name(kernel->kernel, node)));
}
