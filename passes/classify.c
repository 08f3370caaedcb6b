/* Gives every loop of a summed product its role, batch, m, n or k, and puts them in this order.
 *
 * C's unit-stride index is an m where the product allows it: the factor that has it comes first. So whole vectors of the result are
 * made and written, whatever the factors look like in memory; reading them well is the work of `pack`. */
#include "product.h"

static struct loop_stmt *store_of(struct ir_context *context, const struct product *product)
{
    const struct loop_stmt *store = product->store;
    return loop_store(context, store->store.buffer, store->store.address, store->store.value, store->store.combine);
}

/* sum add= mul(A, B), or the store itself: what the innermost loop does. */
static struct loop_stmt *term_of(struct ir_context *context, const struct product *product)
{
    const struct ir_expr *factors[2] = {product->a, product->b};
    if (!product->accumulate)
        return store_of(context, product);
    return loop_set(context, product->accumulate->local.local, ir_expr_apply(context, IR_EXPR_mul, 2, factors),
                    product->accumulate->local.combine);
}

/* What makes one element, around its sum. */
static struct loop_stmt *element_of(struct ir_context *context, const struct product *product, struct loop_stmt *sum)
{
    if (!product->accumulate)
        return sum;
    struct loop_stmt *define = loop_define(context, product->define->local.local, product->define->local.value, false);
    struct loop_stmt *store = store_of(context, product);
    return define && store ? loop_join(define, loop_join(sum, store)) : NULL;
}

static bool classify(void *user, struct loop_stmt *loop, bool *changed)
{
    struct pass_kernel *kernel = user;
    struct ir_context *context = kernel->context;
    struct product product;
    if (!product_lanes(&kernel->options->machine, IR_f64, 0) || !product_read(kernel, loop, &product))
        return true;
    *changed = true;
    struct loop_stmt *body = term_of(context, &product);
    for (uint32_t k = product.n_axes; body && k-- > 0;) {
        const struct product_axis *axis = &product.axes[k];
        const char *comment = axis->loop->comment;
        if (axis->role != LOOP_K && (k + 1 == product.n_axes || axis[1].role == LOOP_K) &&
            !(body = element_of(context, &product, body)))
            return false;
        body = loop_for(context, LOOP_SERIAL, axis->loop->loop.index, axis->loop->loop.begin, axis->loop->loop.end, body);
        if (!body)
            return false;
        body->comment = comment;
        body->loop.role = axis->role;
    }
    if (!body)
        return false;
    product_replace(loop, body);
    return true;
}

enum einc_status pass_classify(struct pass_kernel *kernel)
{
    if (!product_change(kernel->loops->body, classify, kernel))
        return EINC_NO_MEMORY;
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
