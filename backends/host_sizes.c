/* What a host program asks of the sizes before it calls a kernel, as `einc run` does: that dims keep their promises, that no extent
 * is negative, and that no expression of dims leaves `size_t`. Files may say any size: an array without elements has no data that
 * would bound its other axes.
 *
 * Expressions are written out in double. First a bound of them, with every difference a sum: below 2^50, so that what is
 * calculated afterwards, in double or in `size_t`, is exact. What is constant or a dim as it stands needs no such check. */
#include "host.h"

#include <inttypes.h>

enum reading { VALUE, BOUND };

bool host_bare_dim(const struct poly *extent, uint32_t *dim)
{
    if (extent->n_terms != 1 || extent->terms[0].n_factors != 1 || extent->terms[0].numerator != 1 ||
        extent->terms[0].denominator != 1 || extent->terms[0].factors[0]->kind != POLY_DIM)
        return false;
    *dim = extent->terms[0].factors[0]->symbol;
    return true;
}

/* ---- expressions in double ---- */

static void put_real(struct host *host, const struct poly *poly, enum reading reading);

static void put_factor(struct host *host, const struct poly_atom *atom, enum reading reading)
{
    int64_t divisor;
    if (atom->kind == POLY_DIM) {
        text_printf(host->text, "(double)%s", host->kernel->dims[atom->symbol]);
        return;
    }
    text_put(host->text, reading == VALUE ? "floor(" : "(");
    bool several = atom->numerator->n_terms > 1;
    text_put(host->text, several ? "(" : "");
    put_real(host, atom->numerator, reading);
    text_put(host->text, several ? ")" : "");
    /* a divisor of dims is at least 1 where it matters, and bounds nothing */
    if (reading == VALUE || poly_is_constant(atom->denominator, &divisor)) {
        text_put(host->text, " / (");
        put_real(host, atom->denominator, reading);
        text_put(host->text, ")");
    }
    text_put(host->text, reading == BOUND ? " + 1)" : ")");
}

static void put_term(struct host *host, const struct poly_term *term, enum reading reading)
{
    double factor = (double)term->numerator < 0 ? -(double)term->numerator : (double)term->numerator;
    bool shown = factor != 1 || term->n_factors == 0;
    if (shown)
        text_printf(host->text, "%.17g%s", factor, factor < 1e16 ? ".0" : "");
    for (uint32_t k = 0; k < term->n_factors; k++) {
        text_put(host->text, k || shown ? " * " : "");
        put_factor(host, term->factors[k], reading);
    }
    if (term->denominator != 1 && reading == VALUE)
        text_printf(host->text, " / %" PRId64 ".0", term->denominator);
}

static void put_real(struct host *host, const struct poly *poly, enum reading reading)
{
    for (uint32_t k = 0; k < poly->n_terms; k++) {
        bool minus = poly->terms[k].numerator < 0 && reading == VALUE;
        text_put(host->text, minus ? (k ? " - " : "-") : k ? " + " : "");
        put_term(host, &poly->terms[k], reading);
    }
    text_put(host->text, poly->n_terms ? "" : "0.0");
}

/* ---- conditions ---- */

static void put_promises(struct host *host)
{
    const struct loop_function *loops = host->kernel->loops;
    for (uint32_t k = 0; k < loops->n_dims; k++) {
        const struct ir_dim *dim = ir_dim_at(host->file->context, loops->dims[k]);
        if (dim->bound || dim->divisor != 1)
            text_printf(host->text, "%skeeps(\"%s\", %s, %" PRId64 ", %" PRId64 ")", host_next(host), dim->name,
                        host->kernel->dims[loops->dims[k]], dim->bound, dim->divisor);
    }
}

static void put_fits(struct host *host, const char *name, const struct poly *poly)
{
    uint32_t dim;
    bool known = !poly || poly_is_constant(poly, NULL) || host_bare_dim(poly, &dim);
    for (size_t k = 0; k < host->n_fitting && !known; k++)
        known = host->fitting[k] == poly;
    if (known || !ARENA_PUSH(host->file->arena, host->fitting, host->n_fitting, host->fitting_capacity, poly))
        return;
    text_printf(host->text, "%sfits(\"%s\", ", host_next(host), name);
    put_real(host, poly, BOUND);
    text_put(host->text, ")");
}

static void put_buffer(struct host *host, const struct loop_buffer *buffer)
{
    const struct ir_kernel *kernel = host->kernel->loops->kernel;
    const struct poly *const *strides = kernel && buffer->kind == LOOP_INPUT ? kernel->inputs[buffer->parameter].strides : NULL;
    for (uint32_t axis = 0; axis < buffer->rank; axis++) {
        put_fits(host, buffer->name, buffer->shape[axis]);
        put_fits(host, buffer->name, strides ? strides[axis] : NULL);
    }
}

/* Extents of all nodes, each expression once. */
static void put_extents(struct host *host)
{
    struct ir_context *context = host->file->context;
    struct arena *arena = host->file->arena;
    const struct ir_kernel *kernel = host->kernel->loops->kernel;
    const struct poly **seen = NULL;
    size_t count = 0, n_seen = 0, capacity = 0;
    const struct ir_node **nodes = kernel ? ir_topological(context, kernel, &count) : NULL;
    for (size_t k = 0; nodes && k < count; k++)
        for (uint32_t index = 0; index < nodes[k]->n_indices; index++) {
            const struct poly *extent = nodes[k]->extents[index];
            const char *name = ir_name_of(kernel, nodes[k]);
            bool known = poly_prove_nonnegative(context, extent, NULL);
            for (size_t s = 0; s < n_seen && !known; s++)
                known = seen[s] == extent;
            if (known || !ARENA_PUSH(arena, seen, n_seen, capacity, extent))
                continue;
            name = name ? name : kernel->name;
            put_fits(host, name, extent);
            text_printf(host->text, "%sis_extent(\"%s\", ", host_next(host), name);
            put_real(host, extent, VALUE);
            text_put(host->text, ")");
        }
}

void host_put_sizes(struct host *host)
{
    const struct loop_function *loops = host->kernel->loops;
    put_promises(host);
    for (uint32_t k = 0; k < loops->n_buffers; k++)
        if (loops->buffers[k].kind == LOOP_INPUT || loops->buffers[k].kind == LOOP_OUTPUT)
            put_buffer(host, &loops->buffers[k]);
    put_fits(host, "workspace", loops->workspace);
    put_fits(host, "workspace", loops->thread_workspace); /* and so many times it as there may be threads */
    put_extents(host);
}
